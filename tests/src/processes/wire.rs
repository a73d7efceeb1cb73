//! A raw connection: bytes as they are, right or wrong, and what the server says to them.

use super::PATIENCE;
use scrip_client::{Operation, Token};
use scrip_engine::answer::Outcome;
use scrip_engine::command::{Command, Envelope, Line, Request, Segments, Take};
use scrip_engine::ids::{ChannelId, MerchantId, Slot, StockId};
use scrip_protocol::answer_read::AnswerReader;
use scrip_protocol::error::{ErrorCode, Position};
use scrip_protocol::extras::Extras;
use scrip_protocol::frame::{self, FrameHeader, FrameKind, FrameLimits, HEADER_BYTES};
use scrip_protocol::handshake::{Hello, Welcome};
use scrip_protocol::limits::FRAME_BYTES_MAX;
use scrip_protocol::notice::{ErrorNotice, write_ping};
use scrip_protocol::references::{home_slot, stock_id};
use scrip_protocol::write::CommandFrame;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The merchant of the tokens that `scrip serve --dev` leaves.
pub const MERCHANT: MerchantId = MerchantId(1);

/// A TCP connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// Read and not yet handed out.
    bytes: Vec<u8>,
    random: fastrand::Rng,
    /// The server's time when it said WELCOME, and when that was.
    welcome: Option<(u64, Instant)>,
}

/// What came.
#[derive(Debug)]
pub enum Heard {
    /// A frame: header and payload.
    Frame(FrameHeader, Vec<u8>),
    /// The server has closed the connection.
    Closed,
    /// Nothing, in the time given.
    Nothing,
}

/// An ERROR frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What was wrong.
    pub code: ErrorCode,
    /// Where.
    pub position: Position,
    /// The same for people.
    pub message: String,
    /// The frame it speaks of.
    pub correlation: u64,
}

impl Wire {
    /// Connects, and says nothing.
    ///
    /// # Panics
    /// If nobody listens.
    pub fn connect(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Wire {
            stream,
            bytes: Vec::new(),
            random: fastrand::Rng::with_seed(u64::from(address.port())),
            welcome: None,
        }
    }

    /// Connects and is welcomed.
    ///
    /// # Panics
    /// If it is not.
    pub fn greeted(address: SocketAddr, token: &Token) -> Wire {
        let mut wire = Wire::connect(address);
        wire.send(&hello(token));
        let (header, payload) = wire.frame();
        assert_eq!(header.kind, FrameKind::Welcome, "{:?}", told(&header, &payload));
        let welcome = Welcome::read(&payload).expect("a WELCOME");
        // Side by side, not over each other: two wires of one millisecond must not make the same operations.
        let port = wire.stream.local_addr().expect("connected").port();
        wire.random.seed(u64::from(port) << 48 | welcome.server_ms);
        wire.welcome = Some((welcome.server_ms, Instant::now()));
        wire
    }

    /// Sends these bytes.
    ///
    /// # Panics
    /// If they are not taken.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.set_write_timeout(Some(PATIENCE)).expect("a TCP socket");
        self.stream.write_all(bytes).expect("the server takes bytes");
    }

    /// Sends as much of these bytes as is taken within `within` and before the connection ends; answers how many.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn send_some(&mut self, bytes: &[u8], within: Duration) -> usize {
        self.stream.set_write_timeout(Some(within)).expect("a TCP socket");
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(error) if is_timeout(&error) || is_end(&error) => break,
                Err(error) => panic!("writing: {error}"),
            }
        }
        sent
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&mut self) {
        // The server may have closed before.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The next frame, if one comes within `within`.
    ///
    /// # Panics
    /// If what comes is no frame.
    pub fn hear(&mut self, within: Duration) -> Heard {
        let until = Instant::now() + within;
        let mut piece = vec![0; 64 * 1024];
        loop {
            if let Some((header, bytes)) =
                frame::parse(&self.bytes, FrameLimits::AUTHENTICATED).expect("a frame")
            {
                let payload = self.bytes[HEADER_BYTES..bytes].to_vec();
                self.bytes.drain(..bytes);
                return Heard::Frame(header, payload);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Heard::Nothing;
            }
            self.stream.set_read_timeout(Some(left)).expect("a TCP socket");
            match self.stream.read(&mut piece) {
                Ok(0) => return Heard::Closed,
                Ok(count) => self.bytes.extend_from_slice(&piece[..count]),
                Err(error) if is_timeout(&error) => return Heard::Nothing,
                Err(error) if is_end(&error) => return Heard::Closed,
                Err(error) => panic!("reading: {error}"),
            }
        }
    }

    /// The next frame.
    ///
    /// # Panics
    /// If none comes.
    pub fn frame(&mut self) -> (FrameHeader, Vec<u8>) {
        match self.hear(PATIENCE) {
            Heard::Frame(header, payload) => (header, payload),
            other => panic!("a frame was expected, there was {other:?}"),
        }
    }

    /// The ERROR that comes now, and the end of the connection after it.
    ///
    /// # Panics
    /// If something else comes.
    pub fn told_and_closed(&mut self) -> Told {
        let (header, payload) = self.frame();
        let told =
            told(&header, &payload).unwrap_or_else(|| panic!("an ERROR was expected, there was {header:?}"));
        self.closed();
        told
    }

    /// The end of the connection.
    ///
    /// # Panics
    /// If something else comes.
    pub fn closed(&mut self) {
        let heard = self.hear(PATIENCE);
        assert!(matches!(heard, Heard::Closed), "the end was expected, there was {heard:?}");
    }

    /// The server's time.
    ///
    /// # Panics
    /// Before WELCOME.
    pub fn now_ms(&self) -> u64 {
        let (server_ms, at) = self.welcome.expect("welcomed");
        server_ms + at.elapsed().as_millis() as u64
    }

    /// A new operation.
    pub fn operation(&mut self) -> Operation {
        let mut random = [0; 10];
        self.random.fill(&mut random);
        Operation::new(self.now_ms(), random)
    }

    /// A new operation's envelope for the default merchant.
    pub fn envelope(&mut self) -> Envelope {
        envelope(self.operation())
    }

    /// Sends a frame of commands and waits for all of their answers; each as text.
    ///
    /// # Panics
    /// If they do not come.
    pub fn ask(&mut self, requests: &[Request<'_>]) -> Vec<String> {
        let correlation = self.random.u64(1..);
        self.send(&commands(correlation, requests));
        let mut answers = vec![String::new(); requests.len()];
        let mut missing = requests.len();
        while missing > 0 {
            let (header, payload) = self.frame();
            assert_eq!((header.kind, header.correlation), (FrameKind::Answers, correlation), "{header:?}");
            for (index, answer) in read_answers(&payload) {
                answers[usize::from(index)] = answer;
                missing -= 1;
            }
        }
        answers
    }

    /// Sends PING and waits for PONG.
    ///
    /// # Panics
    /// If it does not come.
    pub fn ping(&mut self) {
        let mut bytes = Vec::new();
        write_ping(&mut bytes, 77);
        self.send(&bytes);
        let (header, _) = self.frame();
        assert_eq!((header.kind, header.correlation), (FrameKind::Pong, 77));
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_end(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// A HELLO frame.
pub fn hello(token: &Token) -> Vec<u8> {
    let mut bytes = Vec::new();
    Hello::new(token.clone()).write(&mut bytes);
    bytes
}

/// A COMMANDS frame.
///
/// # Panics
/// If a command is malformed or they do not fit.
pub fn commands(correlation: u64, requests: &[Request<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut frame = CommandFrame::begin(&mut bytes, correlation, FRAME_BYTES_MAX);
    for request in requests {
        frame.push(&mut bytes, request, &Extras::default()).expect("a right command that fits");
    }
    frame.finish(&mut bytes);
    bytes
}

/// The ERROR in a frame, if it is one.
///
/// # Panics
/// If it is a wrong one.
pub fn told(header: &FrameHeader, payload: &[u8]) -> Option<Told> {
    (header.kind == FrameKind::Error).then(|| {
        let notice = ErrorNotice::read(payload).expect("a right ERROR");
        let (message, correlation) = (notice.message.to_owned(), header.correlation);
        Told { code: notice.code, position: notice.position, message, correlation }
    })
}

/// The answers of an ANSWERS payload: the command's index, and the outcome as text.
///
/// # Panics
/// If one is malformed.
pub fn read_answers(payload: &[u8]) -> Vec<(u16, String)> {
    let read = |answer| {
        let (index, outcome): (u16, Outcome<'_>) = answer;
        (index, format!("{outcome:?}"))
    };
    AnswerReader::new(payload).map(|answer| read(answer.expect("a right answer"))).collect()
}

/// The default merchant's home slot.
pub fn slot() -> Slot {
    home_slot(MERCHANT)
}

/// The default merchant's stock of this name.
///
/// # Panics
/// If it is no name.
pub fn stock(name: &str) -> StockId {
    stock_id(slot(), name).expect("a stock's name")
}

/// The envelope of an operation of the default merchant.
pub fn envelope(operation: Operation) -> Envelope {
    Envelope {
        merchant: MERCHANT,
        slot: slot(),
        channel: ChannelId(1),
        operation: operation.id,
        created_ms: operation.created_ms,
        deadline_ms: 0,
        segments: Segments::NONE,
    }
}

/// A RESERVE for nobody in particular.
pub fn reserve(envelope: Envelope, lines: &[Line], ttl_ms: u32) -> Request<'_> {
    Request { envelope, command: Command::Reserve { take: take(lines), ttl_ms } }
}

/// A SELL to nobody in particular.
pub fn sell(envelope: Envelope, lines: &[Line]) -> Request<'_> {
    Request { envelope, command: Command::Sell { take: take(lines), paid: false, hidden: false } }
}

/// A STOCK_SHOW.
pub fn show(stock: StockId) -> Request<'static> {
    Request { envelope: envelope(Operation::given(0, 0)), command: Command::StockShow { stock } }
}

fn take(lines: &[Line]) -> Take<'_> {
    Take::of(lines)
}

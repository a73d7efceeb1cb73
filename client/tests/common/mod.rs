//! A server to play by hand: pipes instead of sockets, so that paused time and the order of events are the test's own.
#![allow(dead_code, reason = "each test binary uses its own part")]

use scrip_client::transport::{Connecting, Connector, ReadHalf, WriteHalf};
use scrip_client::{Client, ClientOptions, Error, MerchantId, Token};
use scrip_engine::answer::{Answer, Outcome};
use scrip_engine::rejection::{Code, Rejection};
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::commands::CommandKind;
use scrip_protocol::frame::{self, FrameHeader, FrameKind, FrameLimits, HEADER_BYTES};
use scrip_protocol::handshake::{Hello, Welcome};
use scrip_protocol::notice;
use scrip_protocol::read::CommandReader;
use scrip_protocol::secret::AliasKey;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, watch};
use zerocopy::little_endian::U32;

pub const TOKEN: [u8; 32] = [7; 32];
pub const SERVER_MS: u64 = 1_700_000_000_000;

/// Hands one end of a pipe to the client, the other to the test.
struct Pipes {
    peers: mpsc::UnboundedSender<DuplexStream>,
    /// Connections still to be refused.
    refusals: Arc<watch::Sender<usize>>,
}

impl Connector for Pipes {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async move {
            let refused = self.refusals.send_if_modified(|left| {
                let refused = *left > 0;
                *left -= usize::from(refused);
                refused
            });
            if refused {
                return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
            }
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            self.peers.send(theirs).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
            let (read, write) = tokio::io::split(ours);
            Ok((Box::new(read) as ReadHalf, Box::new(write) as WriteHalf))
        })
    }
}

/// The server that a client connects to.
pub struct Server {
    peers: mpsc::UnboundedReceiver<DuplexStream>,
    refusals: Arc<watch::Sender<usize>>,
}

/// One connection, seen from the server.
pub struct Peer {
    stream: DuplexStream,
    input: Vec<u8>,
    pub pings: usize,
}

/// A command as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub correlation: u64,
    pub index: u16,
    pub kind: CommandKind,
    pub operation: u128,
    pub created_ms: u64,
    pub deadline_ms: u64,
    pub text: String,
}

pub fn options() -> ClientOptions {
    ClientOptions::new(Token::new(TOKEN))
}

pub fn welcome() -> Welcome {
    Welcome::new(SERVER_MS, MerchantId(7), AliasKey::new([3; 32]))
}

/// A client and the first connection of its server.
pub async fn connected(options: ClientOptions) -> (Client, Server, Peer) {
    connected_with(options, welcome()).await
}

pub async fn connected_with(options: ClientOptions, welcome: Welcome) -> (Client, Server, Peer) {
    let (connector, mut server) = server();
    let (client, peer) =
        tokio::join!(Client::connect_with(connector, options), async { server.accept_with(&welcome).await });
    (client.expect("the server is friendly"), server, peer)
}

/// A connector and the server behind it.
pub fn server() -> (impl Connector, Server) {
    let (sender, peers) = mpsc::unbounded_channel();
    let refusals = Arc::new(watch::Sender::new(0));
    (Pipes { peers: sender, refusals: refusals.clone() }, Server { peers, refusals })
}

impl Server {
    /// Refuses the next `count` connections.
    pub fn refuse(&self, count: usize) {
        self.refusals.send_replace(count);
    }

    /// Connections still to be refused.
    pub fn refusals_left(&self) -> usize {
        *self.refusals.borrow()
    }

    /// Waits until all but `left` of those connections were tried and refused.
    pub async fn refused_until(&self, left: usize) {
        let mut refusals = self.refusals.subscribe();
        refusals.wait_for(|now| *now <= left).await.expect("the server is there");
    }

    /// The next connection, before its HELLO is answered.
    pub async fn accept_raw(&mut self) -> Peer {
        let stream = self.peers.recv().await.expect("the client connects");
        let mut peer = Peer { stream, input: Vec::new(), pings: 0 };
        let (header, payload) = peer.frame().await.expect("a HELLO comes first");
        assert_eq!(header.kind, FrameKind::Hello);
        assert_eq!(Hello::read(&payload).unwrap().token, Token::new(TOKEN));
        peer
    }

    pub async fn accept(&mut self) -> Peer {
        self.accept_with(&welcome()).await
    }

    pub async fn accept_with(&mut self, welcome: &Welcome) -> Peer {
        let mut peer = self.accept_raw().await;
        let mut bytes = Vec::new();
        welcome.write(&mut bytes);
        peer.send(&bytes).await;
        peer
    }
}

impl Peer {
    /// The next frame; `None` when the client has closed.
    pub async fn frame(&mut self) -> Option<(FrameHeader, Vec<u8>)> {
        loop {
            if let Some((header, whole)) = frame::parse(&self.input, FrameLimits::AUTHENTICATED).unwrap() {
                let frame: Vec<u8> = self.input.drain(..whole).collect();
                return Some((header, frame[HEADER_BYTES..].to_vec()));
            }
            if self.stream.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The commands of the next COMMANDS frame; PINGs before it are answered. `None` when the client has closed.
    pub async fn commands(&mut self) -> Option<Vec<Arrived>> {
        loop {
            let (header, payload) = self.frame().await?;
            match header.kind {
                FrameKind::Ping => self.pong(&header).await,
                FrameKind::Commands => return Some(arrived(header, &payload)),
                kind => panic!("{kind:?}"),
            }
        }
    }

    /// Answers PINGs until there were `count`; no command comes before.
    pub async fn pinged(&mut self, count: usize) {
        while self.pings < count {
            let (header, _) = self.frame().await.expect("the client is there");
            self.pong(&header).await;
        }
    }

    async fn pong(&mut self, header: &FrameHeader) {
        assert_eq!(header.kind, FrameKind::Ping);
        self.pings += 1;
        let mut pong = Vec::new();
        notice::write_pong(&mut pong, header.correlation, SERVER_MS);
        self.send(&pong).await;
    }

    /// The next `count` commands, in however many frames they come.
    pub async fn take(&mut self, count: usize) -> Vec<Arrived> {
        let mut all = Vec::new();
        while all.len() < count {
            all.extend(self.commands().await.expect("the client is there"));
        }
        assert_eq!(all.len(), count, "{all:?}");
        all
    }

    pub async fn one(&mut self) -> Arrived {
        self.take(1).await.remove(0)
    }

    /// Sends bytes, unless the client has gone.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    pub async fn answer(&mut self, command: &Arrived, outcome: Outcome<'_>) {
        let mut out = Vec::new();
        let mut frame = AnswerFrame::begin(&mut out, command.correlation);
        frame.push(&mut out, command.index, &outcome, &mut scrip_protocol::answer_write::NoSeals).unwrap();
        assert!(frame.finish(&mut out, 1));
        self.send(&out).await;
    }

    /// Answers RESERVED with these units.
    pub async fn grant(&mut self, command: &Arrived, units: u32) {
        let units = [U32::new(units)];
        self.answer(command, Outcome::Done(Answer::Reserved { deadline_ms: 5, units: &units })).await;
    }

    pub async fn refuse(&mut self, command: &Arrived, code: Code) {
        self.answer(command, Outcome::Refused(Rejection::plain(code))).await;
    }

    /// Waits until the client has closed its side.
    pub async fn closed(mut self) {
        while self.frame().await.is_some() {}
    }
}

fn arrived(header: FrameHeader, payload: &[u8]) -> Vec<Arrived> {
    CommandReader::new(payload)
        .enumerate()
        .map(|(index, command)| {
            let (request, extras) = command.expect("the client sends what is well formed");
            Arrived {
                correlation: header.correlation,
                index: index as u16,
                kind: CommandKind::of(&request.command),
                operation: request.envelope.operation.0,
                created_ms: request.envelope.created_ms,
                deadline_ms: request.envelope.deadline_ms,
                text: format!("{:?} {extras:?}", request),
            }
        })
        .collect()
}

/// The code of a rejection.
pub fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    match result {
        Err(Error::Rejected(rejection)) => rejection.code,
        other => panic!("{other:?}"),
    }
}

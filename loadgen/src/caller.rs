//! A plain blocking client for what happens before and after a load: looking at stocks, asking operations back.
//!
//! Invariant: every request passed to [`Caller::ask`] has been answered once when it returns; those that were turned
//! away (BUSY, THROTTLED) were asked again.

use crate::answers::Raw;
use crate::error::CallError;
use crate::ledger::StockCounters;
use crate::recipe::Generator;
use scrip_engine::answer::{Answer, Outcome, StockView};
use scrip_engine::command::{Command, Request};
use scrip_engine::ids::{OperationId, StockId};
use scrip_engine::rejection::Code;
use scrip_protocol::error::ProtocolError;
use scrip_protocol::extras::Extras;
use scrip_protocol::frame::{self, FrameHeader, FrameKind, FrameLimits, HEADER_BYTES};
use scrip_protocol::handshake::{Hello, Welcome};
use scrip_protocol::limits::FRAME_BYTES_MAX;
use scrip_protocol::notice::{ErrorNotice, write_pong};
use scrip_protocol::secret::Token;
use scrip_protocol::write::CommandFrame;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Commands per frame.
const BATCH: usize = 256;
/// Frames in flight.
const WINDOW: usize = 4;
/// How long a single answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Pause before what was turned away is asked again.
const PAUSE: Duration = Duration::from_millis(5);

/// One blocking connection.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) welcome: Welcome,
    welcomed: Instant,
    address: SocketAddr,
    stream: TcpStream,
    out: Vec<u8>,
    buffer: Vec<u8>,
    filled: usize,
    next_correlation: u64,
}

/// A frame of requests in flight.
struct Sent {
    correlation: u64,
    /// Which requests it carries: a range of the list being asked.
    from: usize,
    count: usize,
    open: usize,
}

impl Caller {
    /// Connects and says HELLO.
    pub(crate) fn connect(address: SocketAddr, token: &Token) -> Result<Caller, CallError> {
        let connect = |why| CallError::Connect { address, why };
        let stream = TcpStream::connect_timeout(&address, CONNECT_PATIENCE).map_err(connect)?;
        stream.set_nodelay(true).map_err(connect)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(connect)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(connect)?;
        let mut caller = Caller {
            welcome: Welcome::new(
                0,
                scrip_engine::ids::MerchantId(0),
                scrip_protocol::secret::AliasKey::new([0; 32]),
            ),
            welcomed: Instant::now(),
            address,
            stream,
            out: Vec::new(),
            buffer: vec![0; FRAME_BYTES_MAX as usize + 64 * 1024],
            filled: 0,
            next_correlation: 1,
        };
        Hello::new(token.clone()).write(&mut caller.out);
        caller.flush()?;
        let (header, whole) = caller.frame()?;
        if header.kind != FrameKind::Welcome {
            return Err(caller.protocol("its first frame was not WELCOME"));
        }
        let welcome = Welcome::read(&caller.buffer[HEADER_BYTES..whole]);
        caller.welcome = welcome.map_err(|why| caller.protocol(&why.to_string()))?;
        caller.welcomed = Instant::now();
        caller.drop_frame(whole);
        Ok(caller)
    }

    /// The server's time.
    pub(crate) fn server_ms(&self) -> u64 {
        self.welcome.server_ms + self.welcomed.elapsed().as_millis() as u64
    }

    /// A protocol error of this server's.
    pub(crate) fn protocol(&self, what: &str) -> CallError {
        CallError::Protocol { address: self.address, what: what.to_owned() }
    }

    /// Asks `count` requests, several at a time: `request(n, push)` pushes the n-th, `answer(n, raw)` takes its answer.
    /// The order of the answers is the server's.
    pub(crate) fn ask(
        &mut self,
        count: usize,
        mut request: impl FnMut(usize, &mut dyn FnMut(&Request<'_>)),
        mut answer: impl FnMut(usize, Raw<'_>) -> Result<(), ProtocolError>,
    ) -> Result<(), CallError> {
        let mut open: Vec<usize> = (0..count).collect();
        while !open.is_empty() {
            let mut turned_away = Vec::new();
            self.ask_all(&open, &mut request, &mut |n, raw| {
                match raw.outcome()? {
                    Outcome::Refused(no) if matches!(no.code, Code::Busy | Code::Throttled) => {
                        turned_away.push(n)
                    }
                    _ => answer(n, raw)?,
                }
                Ok(())
            })?;
            if !turned_away.is_empty() {
                std::thread::sleep(PAUSE);
            }
            open = turned_away;
        }
        Ok(())
    }

    fn ask_all(
        &mut self,
        list: &[usize],
        request: &mut impl FnMut(usize, &mut dyn FnMut(&Request<'_>)),
        answer: &mut impl FnMut(usize, Raw<'_>) -> Result<(), ProtocolError>,
    ) -> Result<(), CallError> {
        let batch = BATCH.min(self.welcome.outstanding_max as usize / WINDOW).max(1);
        let mut sent: Vec<Sent> = Vec::with_capacity(WINDOW);
        let mut next = 0;
        while next < list.len() || !sent.is_empty() {
            while next < list.len() && sent.len() < WINDOW {
                let count = self.write_frame(&list[next..], batch, request);
                sent.push(Sent { correlation: self.next_correlation, from: next, count, open: count });
                self.next_correlation += 1;
                next += count;
            }
            self.flush()?;
            self.take_answers(list, &mut sent, answer)?;
        }
        Ok(())
    }

    fn write_frame(
        &mut self,
        list: &[usize],
        batch: usize,
        request: &mut impl FnMut(usize, &mut dyn FnMut(&Request<'_>)),
    ) -> usize {
        let frame_bytes_max = self.welcome.frame_bytes_max;
        let mut frame = CommandFrame::begin(&mut self.out, self.next_correlation, frame_bytes_max);
        let mut full = false;
        for &n in list.iter().take(batch) {
            request(n, &mut |request| {
                let pushed = frame.push(&mut self.out, request, &Extras::NONE);
                full = matches!(pushed, Err(scrip_protocol::write::PushError::FrameFull));
                assert!(full || pushed.is_ok(), "the load generator made a malformed command: {pushed:?}");
            });
            if full {
                break;
            }
        }
        let count = usize::from(frame.count());
        frame.finish(&mut self.out);
        count
    }

    fn take_answers(
        &mut self,
        list: &[usize],
        sent: &mut Vec<Sent>,
        answer: &mut impl FnMut(usize, Raw<'_>) -> Result<(), ProtocolError>,
    ) -> Result<(), CallError> {
        let (header, whole) = self.frame()?;
        match header.kind {
            FrameKind::Answers => {}
            FrameKind::Ping => {
                write_pong(&mut self.out, header.correlation, 0);
                self.drop_frame(whole);
                return Ok(());
            }
            FrameKind::Goaway | FrameKind::Pong => {
                self.drop_frame(whole);
                return Ok(());
            }
            _ => return Err(self.protocol("a frame of a kind that answers nothing")),
        }
        let Some(at) = sent.iter().position(|sent| sent.correlation == header.correlation) else {
            return Err(self.protocol("an answer to a frame that is not in flight"));
        };
        let mut rest = &self.buffer[HEADER_BYTES..whole];
        let this = &mut sent[at];
        while !rest.is_empty() {
            let result = Raw::first(rest).and_then(|(raw, behind)| {
                rest = behind;
                if usize::from(raw.index) >= this.count || this.open == 0 {
                    return Err(ProtocolError::Payload("an answer to a command that was not asked"));
                }
                this.open -= 1;
                answer(list[this.from + usize::from(raw.index)], raw)
            });
            result.map_err(|why| CallError::Protocol { address: self.address, what: why.to_string() })?;
        }
        if sent[at].open == 0 {
            sent.swap_remove(at);
        }
        self.drop_frame(whole);
        Ok(())
    }

    fn lost(&self, why: io::Error) -> CallError {
        CallError::Lost { address: self.address, why }
    }

    fn flush(&mut self) -> Result<(), CallError> {
        let result = self.stream.write_all(&self.out);
        self.out.clear();
        result.map_err(|why| self.lost(why))
    }

    /// The next whole frame: it lies at the beginning of the buffer. An ERROR frame is an error.
    fn frame(&mut self) -> Result<(FrameHeader, usize), CallError> {
        loop {
            match frame::parse(&self.buffer[..self.filled], FrameLimits::AUTHENTICATED) {
                Ok(Some((header, whole))) if header.kind == FrameKind::Error => {
                    return Err(self.refused(&self.buffer[HEADER_BYTES..whole]));
                }
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(why) => return Err(self.protocol(&why.to_string())),
            }
            match self.stream.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(bytes) => self.filled += bytes,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(self.lost(why)),
            }
        }
    }

    fn refused(&self, payload: &[u8]) -> CallError {
        match ErrorNotice::read(payload) {
            Ok(notice) => CallError::Refused {
                address: self.address,
                name: notice.code.name(),
                message: notice.message.to_owned(),
            },
            Err(why) => self.protocol(&why.to_string()),
        }
    }

    fn drop_frame(&mut self, whole: usize) {
        self.buffer.copy_within(whole..self.filled, 0);
        self.filled -= whole;
    }

    /// Looks at all stocks of a load.
    pub(crate) fn stocks(&mut self, generator: &Generator) -> Result<Vec<StockCounters>, CallError> {
        let stocks = &generator.recipe.stocks;
        let mut found = vec![StockCounters::default(); stocks.len()];
        let mut refused: Option<(StockId, Code)> = None;
        self.ask(
            stocks.len(),
            |n, push| {
                let command = Command::StockShow { stock: StockId(stocks[n]) };
                push(&Request { envelope: generator.envelope(OperationId(0)), command });
            },
            |n, raw| {
                match raw.outcome()? {
                    Outcome::Done(Answer::Stock(view)) => found[n] = counters(&view),
                    Outcome::Refused(no) => refused = refused.or(Some((StockId(stocks[n]), no.code))),
                    Outcome::Done(_) => return Err(ProtocolError::Payload("an answer to another command")),
                }
                Ok(())
            },
        )?;
        match refused {
            None => {
                self.keys_owed(generator, &mut found)?;
                Ok(found)
            }
            Some((stock, code)) => Err(CallError::Rejected {
                command: format!("STOCK_SHOW of stock {stock}"),
                code: code.name(),
                next: "Create the stock first, and look whether merchant, slot and token belong together",
            }),
        }
    }

    /// Counts the card keys of each stock whose replacement is owed.
    fn keys_owed(&mut self, generator: &Generator, stocks: &mut [StockCounters]) -> Result<(), CallError> {
        // Where the next page of a stock begins.
        let mut open: Vec<(usize, u32)> = (0..stocks.len()).map(|place| (place, 0)).collect();
        while !open.is_empty() {
            let mut pages = vec![OwedPage::default(); open.len()];
            self.ask(
                open.len(),
                |n, push| {
                    let (place, from) = open[n];
                    let command = Command::OwedShow { stock: StockId(stocks[place].stock), from };
                    push(&Request { envelope: generator.envelope(OperationId(0)), command });
                },
                |n, raw| match raw.outcome()? {
                    Outcome::Done(Answer::Debts { total, debts }) => {
                        let keys = debts.iter().filter(|debt| debt.of_key.get() == 1).count() as u64;
                        pages[n] = OwedPage { debts: debts.len() as u32, keys, total };
                        Ok(())
                    }
                    _ => Err(ProtocolError::Payload("an answer to another command")),
                },
            )?;
            for ((place, from), page) in open.iter_mut().zip(&pages) {
                stocks[*place].keys_owed += page.keys;
                *from = if page.debts == 0 { u32::MAX } else { from.saturating_add(page.debts) };
            }
            open = open
                .into_iter()
                .zip(&pages)
                .filter(|((_, from), page)| *from < page.total)
                .map(|(next, _)| next)
                .collect();
        }
        Ok(())
    }
}

/// What one page of OWED_SHOW says.
#[derive(Debug, Clone, Copy, Default)]
struct OwedPage {
    debts: u32,
    keys: u64,
    total: u32,
}

fn counters(view: &StockView<'_>) -> StockCounters {
    StockCounters {
        stock: view.stock.0,
        total: view.total,
        available: view.available,
        held: view.held,
        consumed: view.consumed,
        frozen: view.frozen,
        void: view.void,
        limit_per_user: view.terms.limit_per_user,
        keys_owed: 0,
    }
}

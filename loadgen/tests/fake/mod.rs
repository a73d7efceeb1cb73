//! A server for tests: the real state machine behind a socket, without a log, and with faults that can be switched on.
//!
//! It stands in for the server because a load generator must be seen to catch a server that is wrong, and the real one
//! is not. Everything ends by itself: connections with their clients, the listener with the [`Fake`].
#![allow(dead_code, reason = "each test file uses its part")]

use scrip_engine::Engine;
use scrip_engine::answer::{Answer, HoldLine, KeyPage, Outcome};
use scrip_engine::command::{
    BatchCreate, Command, Envelope, KeyBlock, Request, Segments, StockCreate, StockKind, StockTerms,
};
use scrip_engine::event::{Event, EventSink};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, Slot, StockId};
use scrip_engine::limits::{Capacity, KEYS_PER_CHUNK_MAX, Rules};
use scrip_engine::rejection::{Code, Rejection};
use scrip_engine::state::keys::Chunk;
use scrip_loadgen::{CardTexts, LoadPlan};
use scrip_protocol::answer_write::{AnswerFrame, OpenSeals};
use scrip_protocol::error::ErrorCode;
use scrip_protocol::frame::{self, FrameKind, FrameLimits, HEADER_BYTES};
use scrip_protocol::handshake::{Hello, Welcome};
use scrip_protocol::notice::ErrorNotice;
use scrip_protocol::read::CommandReader;
use scrip_protocol::secret::{AliasKey, Token};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};
use zerocopy::little_endian::{U32, U128};

pub const MERCHANT: MerchantId = MerchantId(7);
pub const SLOT: Slot = Slot(3);

pub fn token() -> Token {
    Token::new([9; 32])
}

pub fn stock(number: u64) -> StockId {
    StockId::new(SLOT, number)
}

/// What is wrong with the server. Nothing, unless set.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// So many OUT_OF_STOCK are answered as successes.
    pub oversell: u32,
    /// One RESERVE in so many is acknowledged and not executed.
    pub lose_one_in: u32,
    /// One CONFIRM in so many is acknowledged and not executed.
    pub forget_confirm_one_in: u32,
    /// A RESERVE asked again gets another deadline.
    pub change_repeat: bool,
    /// One RESERVE in so many is executed twice.
    pub double_one_in: u32,
    /// OPERATION_SHOW tells one unit too many.
    pub wrong_units: bool,
    /// One mutating command in so many is answered BUSY.
    pub busy_one_in: u32,
    /// A connection ends in the middle of its answer to every so many-th frame of commands.
    pub cut_every: u32,
    /// The server dies at this frame of commands: all connections end, half of them with their frame executed.
    pub die_at: u64,
    /// After that it drops so many connections before it takes one again.
    pub down_for: u32,
    /// It never comes back.
    pub stay_dead: bool,
    /// One card key in so many shows the text of the one before it.
    pub same_text_one_in: u32,
    /// Answers come in the order opposite to the commands', in frames of their own.
    pub backwards: bool,
}

struct Void;

impl EventSink for Void {
    fn push(&mut self, _: &Event<'_>) {}
}

/// Texts of card keys, which the engine does not know: those of a chunk follow each other in the order of import.
pub struct Texts {
    pub texts: CardTexts,
    same_text_one_in: u32,
    text: String,
}

impl OpenSeals for Texts {
    fn text(&mut self, number: u32, _: &Chunk, _: &[u8], position: u8) -> Option<&[u8]> {
        let mut card = u64::from(number) * KEYS_PER_CHUNK_MAX as u64 + u64::from(position);
        if self.same_text_one_in > 0 && (card + 1).is_multiple_of(u64::from(self.same_text_one_in)) {
            card -= 1;
        }
        self.text = self.texts.text(card);
        Some(self.text.as_bytes())
    }
}

pub struct Brain {
    pub engine: Engine,
    pub texts: Texts,
    pub faults: Faults,
    commands: u64,
    frames: u64,
    reserved: HashSet<u128>,
    /// Counts deaths: connections of an earlier life are dead.
    life: u32,
    refuse: u32,
    stopping: bool,
}

/// A server on 127.0.0.1.
pub struct Fake {
    pub address: SocketAddr,
    brain: Arc<Mutex<Brain>>,
    thread: Option<JoinHandle<()>>,
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
}

impl Fake {
    /// A server with stocks 1 to n of so many units and a purchase limit.
    pub fn start(stocks: u64, units: u64, limit_per_user: u32, faults: Faults) -> Fake {
        let capacity = Capacity {
            stocks_max: 2_048,
            holds_max: 400_000,
            extra_lines_max: 400_000,
            operations_max: 100_000,
            user_limits_max: 400_000,
            risk_counts_max: 1_024,
            keys_max: 10_000,
            sealed_bytes_max: 1 << 20,
            order_lines_max: 4_096,
            debts_max: 4_096,
            cards_max: 4_096,
            redemptions_max: 4_096,
            lots_max: 4_096,
            gifts_max: 4_096,
            given_codes_max: 4_096,
            groups_max: 4_096,
            links_max: 256,
            labels_max: 256,
            friends_max: 4_096,
            notices_max: 256,
        };
        let mut engine = Engine::new(capacity, Rules::default(), 1);
        engine.advance(now_ms(), &mut Void);
        let same_text_one_in = faults.same_text_one_in;
        let texts = Texts { texts: CardTexts { seed: 5, count: 0 }, same_text_one_in, text: String::new() };
        let mut brain = Brain {
            engine,
            texts,
            faults,
            commands: 0,
            frames: 0,
            reserved: HashSet::new(),
            life: 0,
            refuse: 0,
            stopping: false,
        };
        for number in 1..=stocks {
            let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user, frozen: false };
            let (kind, once_per_order) = (StockKind::Counter, false);
            let create =
                StockCreate { stock: stock(number), name: b"stock", units, kind, once_per_order, terms };
            assert!(brain.own(number, Command::StockCreate(create)));
        }
        let brain = Arc::new(Mutex::new(brain));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = brain.clone();
        let thread = std::thread::spawn(move || accept(&listener, &shared));
        Fake { address, brain, thread: Some(thread) }
    }

    pub fn brain(&self) -> MutexGuard<'_, Brain> {
        self.brain.lock().expect("no connection panicked")
    }

    /// Sets the purchase limit of a stock, without regard to what was bought before.
    pub fn limit(&self, number: u64, limit_per_user: u32) {
        let mut brain = self.brain();
        let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user, frozen: false };
        let command = Command::StockEdit { stock: stock(number), version: 1, terms };
        let outcome = brain.own(1_000 + number, command);
        assert!(outcome);
    }

    /// Supplies units.
    pub fn supply(&self, number: u64, units: u64) {
        let supply = Command::StockSupply { stock: stock(number), units };
        assert!(self.brain().own(5_000 + number, supply));
    }

    /// Makes a stock of card keys, as many as are asked for in whole chunks; answers their texts.
    pub fn card_stock(&self, number: u64, chunks: u64) -> CardTexts {
        let mut brain = self.brain();
        let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };
        let create = StockCreate {
            stock: stock(number),
            name: b"cards",
            units: 0,
            kind: StockKind::Keys,
            once_per_order: false,
            terms,
        };
        assert!(brain.own(2_000 + number, Command::StockCreate(create)));
        let (stock, supplier) = (stock(number), b"acme");
        let create = BatchCreate { stock, batch: 1, cost: 0, expires_ms: 0, supplier };
        assert!(brain.own(3_000 + number, Command::BatchCreate(create)));
        for chunk in 0..chunks {
            let first = chunk * KEYS_PER_CHUNK_MAX as u64 + 1;
            let fingerprints: Vec<U128> = (first..first + KEYS_PER_CHUNK_MAX as u64)
                .map(|key| U128::new(u128::from(key) << 64))
                .collect();
            let block = KeyBlock::Sealed { fingerprints: &fingerprints, sealed: &[7; 64] };
            assert!(brain.own(4_000 + chunk, Command::KeysImport { stock, batch: 1, block }));
        }
        brain.texts.texts.count = chunks * KEYS_PER_CHUNK_MAX as u64;
        brain.texts.texts
    }

    /// A small closed loop over the first `stocks` stocks, without warm-up.
    pub fn plan(&self, stocks: u64, attempts: u64) -> LoadPlan {
        let stocks = (1..=stocks).map(stock).collect();
        let mut plan = LoadPlan::new(self.address, token(), MERCHANT, SLOT, stocks);
        plan.stop.attempts = Some(attempts);
        plan.stop.seconds = None;
        plan.stop.warm_up = std::time::Duration::ZERO;
        plan.connections = 4;
        plan.batch = 16;
        plan
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Ok(mut brain) = self.brain.lock() {
            brain.stopping = true;
        }
        // Wakes the listener up, which then ends.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the fake server panicked");
        }
    }
}

fn accept(listener: &TcpListener, brain: &Arc<Mutex<Brain>>) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        let life = {
            let mut brain = brain.lock().expect("no connection panicked");
            if brain.stopping {
                break;
            }
            if brain.refuse > 0 {
                if brain.faults.stay_dead {
                    break;
                }
                brain.refuse -= 1;
                continue;
            }
            brain.life
        };
        let brain = brain.clone();
        threads.push(std::thread::spawn(move || serve(stream, &brain, life)));
    }
    for thread in threads {
        thread.join().expect("no connection panics");
    }
}

/// One connection, until its end.
fn serve(mut stream: TcpStream, brain: &Mutex<Brain>, life: u32) {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    let mut greeted = false;
    while let Ok(bytes @ 1..) = stream.read(&mut buffer) {
        input.extend_from_slice(&buffer[..bytes]);
        let mut at = 0;
        while let Some((header, whole)) =
            frame::parse(&input[at..], FrameLimits::AUTHENTICATED).expect("the load speaks the protocol")
        {
            let payload = &input[at + HEADER_BYTES..at + whole];
            at += whole;
            let end = match header.kind {
                FrameKind::Hello => {
                    greeted = hello(payload, &mut output);
                    !greeted
                }
                FrameKind::Commands if greeted => {
                    commands(brain, life, header.correlation, payload, &mut output)
                }
                kind => panic!("a load never sends {kind:?} here"),
            };
            if end {
                let _ = stream.write_all(&output);
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
        input.drain(..at);
        if stream.write_all(&output).is_err() {
            return;
        }
        output.clear();
    }
}

fn hello(payload: &[u8], output: &mut Vec<u8>) -> bool {
    let hello = Hello::read(payload).expect("a HELLO");
    let right = hello.token == token();
    if right {
        Welcome::new(now_ms(), MERCHANT, AliasKey::new([1; 32])).write(output);
    } else {
        ErrorNotice::new(ErrorCode::Unauthorized, "no such token").write(output, 0);
    }
    right
}

/// Answers a frame of commands. True: the connection ends here, with as much of the answer as is in `output`.
fn commands(brain: &Mutex<Brain>, life: u32, correlation: u64, payload: &[u8], output: &mut Vec<u8>) -> bool {
    let mut brain = brain.lock().expect("no connection panicked");
    if brain.life != life {
        // Of an earlier life; half of what was under way then had been executed.
        if correlation & 1 == 0 {
            let mut nowhere = Vec::new();
            brain.execute(correlation, payload, &mut nowhere);
        }
        return true;
    }
    brain.frames += 1;
    if brain.frames == brain.faults.die_at {
        brain.life += 1;
        brain.refuse = brain.faults.down_for.max(u32::from(brain.faults.stay_dead));
        return true;
    }
    let start = output.len();
    brain.execute(correlation, payload, output);
    let every = u64::from(brain.faults.cut_every);
    if every > 0 && brain.frames.is_multiple_of(every) {
        output.truncate(start + (output.len() - start) / 2);
        return true;
    }
    false
}

impl Brain {
    /// Executes a command of the test's.
    fn own(&mut self, operation: u64, command: Command<'_>) -> bool {
        let envelope = Envelope {
            merchant: MERCHANT,
            slot: SLOT,
            channel: ChannelId(0),
            operation: OperationId(u128::from(operation)),
            created_ms: now_ms(),
            deadline_ms: 0,
            segments: Segments::NONE,
        };
        let now_ms = self.engine.now_ms();
        matches!(self.engine.execute(now_ms, &Request { envelope, command }, &mut Void), Outcome::Done(_))
    }

    fn execute(&mut self, correlation: u64, payload: &[u8], output: &mut Vec<u8>) {
        let now_ms = now_ms();
        let reached_ms = loop {
            match self.engine.advance(now_ms, &mut Void) {
                Some(reached_ms) if reached_ms >= now_ms.min(self.engine.now_ms()) => break reached_ms,
                _ => {}
            }
        };
        if self.faults.backwards {
            let requests: Vec<_> =
                CommandReader::new(payload).map(|read| read.expect("well formed").0).collect();
            let mut pieces: Vec<Vec<u8>> = Vec::new();
            for (index, request) in (0..).zip(&requests) {
                let mut piece = Vec::new();
                let mut frame = AnswerFrame::begin(&mut piece, correlation);
                self.answer(reached_ms, request, index, &mut frame, &mut piece);
                frame.finish(&mut piece, self.engine.sequence());
                pieces.push(piece);
            }
            output.extend(pieces.into_iter().rev().flatten());
            return;
        }
        let mut frame = AnswerFrame::begin(output, correlation);
        for (index, read) in (0..).zip(CommandReader::new(payload)) {
            let (request, _) = read.expect("a load sends well-formed commands");
            self.answer(reached_ms, &request, index, &mut frame, output);
        }
        frame.finish(output, self.engine.sequence());
    }

    /// Executes one command, or does what the faults say instead.
    fn answer(
        &mut self,
        now_ms: u64,
        request: &Request<'_>,
        index: u16,
        frame: &mut AnswerFrame,
        out: &mut Vec<u8>,
    ) {
        self.commands += 1;
        let faults = self.faults.clone();
        let nth = |one_in: u32| one_in > 0 && self.commands.is_multiple_of(u64::from(one_in));
        let id = request.envelope.operation.0;
        let mut say = |outcome: &Outcome<'_>| {
            frame.push(out, index, outcome, &mut self.texts).expect("answers fit into a frame")
        };
        let one = [U32::new(1)];
        let reserved = Outcome::Done(Answer::Reserved { deadline_ms: now_ms + 900_000, units: &one });
        if request.command.mutates() && nth(faults.busy_one_in) {
            return say(&Outcome::Refused(Rejection::plain(Code::Busy)));
        }
        match request.command {
            Command::Reserve { .. } if nth(faults.lose_one_in) => return say(&reserved),
            Command::Confirm { .. } if nth(faults.forget_confirm_one_in) => {
                return say(&Outcome::Done(Answer::Confirmed {
                    confirmed_ms: now_ms,
                    late: false,
                    units: &one,
                    keys: KeyPage::default(),
                    sold: &[],
                }));
            }
            Command::Reserve { .. } if nth(faults.double_one_in) => {
                let envelope = Envelope { operation: OperationId(id ^ 1 << 70), ..request.envelope };
                self.engine.execute(now_ms, &Request { envelope, ..*request }, &mut Void);
            }
            _ => {}
        }
        let again = matches!(request.command, Command::Reserve { .. }) && !self.reserved.insert(id);
        match (self.engine.execute(now_ms, request, &mut Void), request.command) {
            (Outcome::Refused(no), Command::Reserve { .. })
                if no.code == Code::OutOfStock && faults.oversell > 0 =>
            {
                self.faults.oversell -= 1;
                say(&reserved);
            }
            (Outcome::Done(Answer::Reserved { deadline_ms, units }), _) if again && faults.change_repeat => {
                say(&Outcome::Done(Answer::Reserved { deadline_ms: deadline_ms + 1, units }));
            }
            (Outcome::Done(Answer::Hold(hold)), _) if faults.wrong_units => {
                let more =
                    |line: &HoldLine| HoldLine { reserved: U32::new(line.reserved.get() + 1), ..*line };
                let lines: Vec<HoldLine> = hold.lines.iter().map(more).collect();
                say(&Outcome::Done(Answer::Hold(scrip_engine::answer::HoldView { lines: &lines, ..hold })));
            }
            (outcome, _) => say(&outcome),
        }
    }
}

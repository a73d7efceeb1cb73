//! A shard: one engine, its open frame, and the durability behind it. Sans-IO: a driver brings time and commands and
//! carries answers.
//!
//! State runs ahead of the disk by at most the frames in flight; what it answers is tagged with the sequence it saw and
//! waits at the driver's [`crate::Gate`]. Invariant: an event is in the open frame, in order, before the state it makes
//! is used for anything.

use crate::durable::{Durable, Space};
use scrip_engine::answer::Outcome;
use scrip_engine::command::Request;
use scrip_engine::event::{Event, EventSink};
use scrip_engine::ids::Slot;
use scrip_engine::limits::{
    EVENT_BYTES_MAX, FACTS_BYTES_MAX, FACTS_ROOM_BYTES, Rules, SETTLEMENT_BYTES_MAX, TICK_LEASE_MS,
};
use scrip_engine::rejection::{CapacityOf, Code, Facts, Rejection};
use scrip_engine::sharing::{Reward, RewardGiven};
use scrip_engine::{ADVANCE_BYTES_MAX, Engine};
use scrip_wal::FrameBuffer;
use scrip_wal::limits::FRAME_CLOSE_BYTES;

/// Buffers of a shard: one filling, two on their way.
pub const BUFFERS: usize = 3;

/// Room the open frame must have before a command executes: its event, a tick, and the debts that it settles.
const COMMAND_BYTES: usize = 2 * EVENT_BYTES_MAX + FACTS_ROOM_BYTES;
/// Settlements between two commands: when there are more, the commands are answered BUSY until time has moved on.
const SETTLEMENTS_MAX: usize = 16;

/// Events up to which a frame counts as lone: a server with so little to do lacks time, not throughput.
const LONE_RECORDS_MAX: u32 = 8;

const _: () = assert!(SETTLEMENT_BYTES_MAX + 64 <= EVENT_BYTES_MAX);
const _: () = assert!(ADVANCE_BYTES_MAX + COMMAND_BYTES < scrip_wal::limits::FRAME_BYTES_MAX / 2);

/// One engine and its log.
pub struct Shard<D: Durable> {
    engine: Engine,
    log: D,
    open: OpenFrame,
    spare: Vec<FrameBuffer>,
    now_ms: u64,
    /// Commands may run: time has settled since it last moved.
    settled: bool,
}

/// The frame that is filling.
struct OpenFrame {
    buffer: FrameBuffer,
    /// What the next event takes that takes facts; empty: nothing.
    facts: Vec<u8>,
}

impl EventSink for OpenFrame {
    #[inline]
    fn push(&mut self, event: &Event<'_>) {
        let mut bytes = event.encode(self.buffer.room());
        if !self.facts.is_empty() && event.takes_facts() {
            bytes = Event::append_facts(self.buffer.room(), bytes, &self.facts);
            self.facts.clear();
        }
        self.buffer.commit(bytes, 1);
    }
}

impl<D: Durable> Shard<D> {
    /// A shard that goes on where `engine` stands, with frames of up to `frame_bytes` bytes. Logs `rules` if they are
    /// new. Panics if what a step of time makes has no room in an empty frame.
    pub fn new(engine: Engine, log: D, rules: Rules, frame_bytes: usize) -> Shard<D> {
        let mut buffers: Vec<FrameBuffer> = (0..BUFFERS).map(|_| FrameBuffer::new(frame_bytes)).collect();
        let mut buffer = buffers.pop().expect("there are three");
        buffer.begin(engine.sequence() + 1);
        assert!(
            buffer.room_bytes() >= ADVANCE_BYTES_MAX,
            "frames of {frame_bytes} bytes are too small for this engine"
        );
        let now_ms = engine.now_ms();
        let mut shard = Shard {
            engine,
            log,
            open: OpenFrame { buffer, facts: Vec::with_capacity(FACTS_BYTES_MAX) },
            spare: buffers,
            now_ms,
            settled: true,
        };
        shard.engine.configure(rules, &mut shard.open);
        shard
    }

    /// The earliest time the clock may start with: no answer may rest on a time that comes again.
    pub fn earliest_start_ms(engine: &Engine) -> u64 {
        engine.now_ms() + TICK_LEASE_MS
    }

    /// Moves shard time towards `now_ms` and posts what is due. Call before commands, and now and then without. Bounded
    /// work; what is left is done by the next call.
    pub fn advance(&mut self, now_ms: u64) {
        if !self.make_room(ADVANCE_BYTES_MAX) || self.log.space() == Space::Exhausted {
            return;
        }
        let target_ms = now_ms.max(self.now_ms);
        match self.engine.advance(target_ms, &mut self.open) {
            Some(reached_ms) => {
                self.now_ms = reached_ms;
                self.settled = true;
            }
            None => self.settled = false,
        }
    }

    /// Tells of cards that have expired, or will soon: one bounded step. Answers whether there may be more to tell. Call behind commands,
    /// and when there are none: nobody waits for it.
    pub fn notify(&mut self) -> bool {
        let may = self.settled && !self.engine.must_settle() && self.log.space() == Space::Ample;
        if !may || !self.make_room(COMMAND_BYTES) {
            return false;
        }
        self.engine.notify(self.now_ms, &mut self.open)
    }

    /// Whether [`Shard::advance`] has left something to post before commands can run.
    pub fn settled(&self) -> bool {
        self.settled
    }

    /// Must be called after [`Shard::advance`] and before the first command of a batch: makes sure that the time the
    /// commands see can't come again after a restart. Without room for that, the batch is answered BUSY.
    pub fn begin_batch(&mut self) {
        if self.engine.must_settle() && !self.settle() {
            self.settled = false;
        }
        if !self.settled || self.now_ms <= self.engine.now_ms() + TICK_LEASE_MS {
            return;
        }
        // Also when space is exhausted: time stopped there, so it is one tick of a few bytes, which the frames on their
        // way were given room for, and reads go on (unless debts wait to be settled: then they are BUSY until there is space).
        if self.make_room(COMMAND_BYTES) {
            self.engine.tick(self.now_ms, &mut self.open);
        } else {
            self.settled = false;
        }
    }

    /// See [`Engine::prepare`].
    #[inline]
    pub fn prepare(&mut self, requests: &[Request<'_>], next: usize) {
        self.engine.prepare(requests, next);
    }

    /// Executes a command. The outcome may be told once [`Shard::sequence`] is durable. BUSY if time has not settled or
    /// the log is behind; CAPACITY if the log's disk is full.
    #[inline]
    pub fn execute(&mut self, request: &Request<'_>) -> Outcome<'_> {
        // Those of a command that was refused are nobody's.
        self.open.facts.clear();
        self.execute_now(request)
    }

    #[inline]
    fn execute_now(&mut self, request: &Request<'_>) -> Outcome<'_> {
        if request.command.mutates() && !self.may_write(request) {
            let facts = Facts::Maximum(CapacityOf::LogSpace, 0);
            return Outcome::Refused(Rejection { code: Code::Capacity, facts });
        }
        if !self.settled
            || self.engine.must_settle() && !self.settle()
            || self.open.buffer.room_bytes() < COMMAND_BYTES && !self.make_room(COMMAND_BYTES)
        {
            return Outcome::Refused(Rejection::plain(Code::Busy));
        }
        self.engine.execute(self.now_ms, request, &mut self.open)
    }

    /// The same, with facts (at most [`scrip_engine::limits::FACTS_BYTES_MAX`] bytes) that go into the log behind the sale,
    /// redemption, return or reversal that it makes, if it makes one. A repeat makes none.
    pub fn execute_with_facts(&mut self, request: &Request<'_>, facts: &[u8]) -> Outcome<'_> {
        self.open.facts.clear();
        self.open.facts.extend_from_slice(facts);
        self.execute_now(request)
    }

    /// The next rewards that are owed and are to be brought to slots that `away` says yes to: see [`Engine::outbox`]. They may leave once
    /// [`Shard::sequence`] is durable: what has earned them must not be lost when they are given.
    pub fn outbox(&self, away: impl Fn(Slot) -> bool, next: (&mut u32, usize), due: &mut Vec<Reward>) {
        self.engine.outbox(away, next, due);
    }

    /// Gives a reward that was brought from another shard, or finds that it was given before. What it answers may be told once
    /// [`Shard::sequence`] is durable.
    ///
    /// # Errors
    /// What stands against it, as of [`Shard::execute`]: it may be brought again.
    pub fn receive_reward(&mut self, reward: &Reward) -> Result<RewardGiven, Rejection<'static>> {
        if !self.may_move() {
            return Err(Rejection::plain(Code::Busy));
        }
        self.engine.receive_reward(self.now_ms, reward, &mut self.open)
    }

    /// Notes that a reward was given in another shard. If it can't now, it will be brought there again.
    pub fn reward_delivered(&mut self, given: &RewardGiven) {
        if self.may_move() {
            self.engine.reward_delivered(self.now_ms, given, &mut self.open);
        }
    }

    /// Whether something may be written that nobody has asked for.
    fn may_move(&mut self) -> bool {
        self.log.space() == Space::Ample
            && self.settled
            && (!self.engine.must_settle() || self.settle())
            && (self.open.buffer.room_bytes() >= COMMAND_BYTES || self.make_room(COMMAND_BYTES))
    }

    /// Settles debts after a command that made more of them possible than went with it; answers whether all are.
    #[cold]
    fn settle(&mut self) -> bool {
        for _ in 0..SETTLEMENTS_MAX {
            if !self.make_room(COMMAND_BYTES) || self.log.space() == Space::Exhausted {
                return false;
            }
            self.engine.settle(&mut self.open);
            if !self.engine.must_settle() {
                return true;
            }
        }
        // As with holds that expire: whoever asks meanwhile is not answered from a half of it.
        self.settled = false;
        false
    }

    #[inline]
    fn may_write(&self, request: &Request<'_>) -> bool {
        match self.log.space() {
            Space::Ample => true,
            Space::Low => self.engine.ends_hold(self.now_ms, request),
            Space::Exhausted => false,
        }
    }

    /// Hands the open frame over if the log is idle or the frame is large enough. Call at the end of each batch, and
    /// when the log says that something became durable.
    pub fn flush(&mut self) {
        self.take_back();
        if !self.open.buffer.is_empty()
            && (self.log.idle() || self.open.buffer.payload_bytes() >= FRAME_CLOSE_BYTES)
        {
            self.close_frame();
        }
    }

    /// Whether the next batch would find no room: then it should not be read yet.
    pub fn saturated(&mut self) -> bool {
        self.take_back();
        self.spare.is_empty() && self.open.buffer.payload_bytes() >= FRAME_CLOSE_BYTES
    }

    /// The events in the open frame, as they will lie in the log.
    pub fn open_events(&self) -> &[u8] {
        self.open.buffer.payload()
    }

    /// Whether events wait in the open frame.
    pub fn has_open_events(&self) -> bool {
        !self.open.buffer.is_empty()
    }

    /// The sequence that answers given now have seen.
    #[inline]
    pub fn sequence(&self) -> u64 {
        self.engine.sequence()
    }

    /// Up to here everything is durable.
    #[inline]
    pub fn durable_sequence(&self) -> u64 {
        self.log.durable_sequence()
    }

    /// Shard time, milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The engine, to be read.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The keys of labels that became void since this was last asked, see [`Engine::take_void_keys`].
    pub fn take_void_keys(&mut self) -> Vec<u32> {
        self.engine.take_void_keys()
    }

    /// The durability behind it.
    pub fn log(&self) -> &D {
        &self.log
    }

    /// The durability behind it, for drivers that turn it themselves.
    pub fn log_mut(&mut self) -> &mut D {
        &mut self.log
    }

    /// Hands over what is left and gives the log back, to be closed. Call when nothing is outstanding.
    pub fn into_log(mut self) -> D {
        self.take_back();
        if !self.open.buffer.is_empty() {
            self.close_frame();
        }
        self.log
    }

    fn take_back(&mut self) {
        while let Some(buffer) = self.log.take_returned() {
            self.spare.push(buffer);
        }
    }

    /// Makes sure that the open frame has `bytes` of room; answers whether it has.
    fn make_room(&mut self, bytes: usize) -> bool {
        if self.open.buffer.room_bytes() >= bytes {
            return true;
        }
        self.take_back();
        self.close_frame() && self.open.buffer.room_bytes() >= bytes
    }

    /// Hands the open frame over and opens the next; answers whether it could.
    fn close_frame(&mut self) -> bool {
        let Some(mut next) = self.spare.pop() else {
            return false;
        };
        next.begin(self.engine.sequence() + 1);
        let full = core::mem::replace(&mut self.open.buffer, next);
        let lone = full.records() <= LONE_RECORDS_MAX;
        let submitted = if lone { self.log.submit_lone(full) } else { self.log.submit(full) };
        match submitted {
            Ok(()) => true,
            Err(full) => {
                self.spare.push(core::mem::replace(&mut self.open.buffer, full));
                false
            }
        }
    }
}

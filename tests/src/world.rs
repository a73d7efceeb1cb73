//! A small world: the engine, the oracle beside it, and the log of every event.
//!
//! Invariant: whatever is asked here is asked of both, and the answers are equal; an engine that answers otherwise ends
//! the test.

use crate::generator::ROOMY;
use crate::oracle::{Key, Oracle};
use crate::outcome::{OwnedFacts, OwnedHold, OwnedOutcome, OwnedStock};
use crate::request::{OwnedCommand, OwnedRequest, OwnedTake, Wish};
use crate::room;
use scrip_engine::command::{Envelope, Segments, StockKind, StockTerms};
use scrip_engine::event::{self, Event, EventHold, EventSink, NoticeEvent, NoticeRow};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OperationKey, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::{
    Capacity, DEBTS_PER_EVENT_MAX, EVENT_BYTES_MAX, EXPIRED_PER_EVENT_MAX, NOTICES_PER_EVENT_MAX,
    OWED_MAX_MS, Rules, TTL_MAX_MS,
};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_engine::{ADVANCE_EVENTS_MAX, Engine};

/// Shard time at which the worlds of the named tests begin.
pub const START_MS: u64 = 1_700_000_000_000;

/// No sale rules at all.
pub const ANY_TERMS: StockTerms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };

/// The log, in memory. Every event goes through its bytes on the way in.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The events, one after the other.
    pub bytes: Vec<u8>,
    /// How many.
    pub events: u64,
    /// Holds that have expired and of which the oracle has not heard.
    pub expired: Vec<Key>,
    /// Sales that were owed, debts settled, debts in vain, and holds whose CONFIRM was owed.
    pub debts: [u64; 4],
    /// Replacements of card keys that were owed, that came, and that never did.
    pub replacements: [u64; 3],
    /// The most holds that one expiry posted.
    pub expired_at_once_max: usize,
    /// Notices of which the oracle has not heard.
    pub told: Vec<NoticeRow>,
}

impl EventSink for Log {
    fn push(&mut self, event: &Event<'_>) {
        let mut buffer = [0; EVENT_BYTES_MAX];
        let size = event.encode(&mut buffer);
        let (decoded, read) = Event::decode(&buffer[..size]).expect("an encoded event can be decoded");
        assert_eq!((&decoded, read), (event, size), "an event survives its bytes");
        if let Event::Expired { holds } = event {
            assert!(holds.len() <= EXPIRED_PER_EVENT_MAX, "one event expired {} holds", holds.len());
            self.expired.extend(holds.iter().map(expired_key));
            self.expired_at_once_max = self.expired_at_once_max.max(holds.len());
        }
        if let Event::Notice(NoticeEvent::Told { rows, .. }) = event {
            assert!(rows.len() <= NOTICES_PER_EVENT_MAX, "one event tells of {}", rows.len());
            self.told.extend_from_slice(rows);
        }
        match event {
            Event::Owed { .. } => self.debts[0] += 1,
            Event::ConfirmOwed { .. } => self.debts[3] += 1,
            Event::ReplaceOwed { .. } => self.replacements[0] += 1,
            Event::Settled { holds, keys } => {
                assert!(
                    (1..=DEBTS_PER_EVENT_MAX).contains(&holds.len()),
                    "one event settled {}",
                    holds.len()
                );
                self.debts[1] += holds.len() as u64;
                self.replacements[1] +=
                    event::debts(holds, keys).filter(|(_, key)| key.is_some()).count() as u64;
            }
            Event::Unfulfilled { holds, keys } => {
                self.debts[2] += holds.len() as u64;
                self.replacements[2] +=
                    event::debts(holds, keys).filter(|(_, key)| key.is_some()).count() as u64;
            }
            _ => {}
        }
        self.bytes.extend_from_slice(&buffer[..size]);
        self.events += 1;
    }
}

/// The key of a hold that an event names.
pub fn expired_key(hold: &EventHold) -> Key {
    let OperationKey { merchant, slot, operation } = hold.key();
    (merchant.0, slot.0, operation.0)
}

/// Engine, oracle and log.
pub struct World {
    /// What is tested.
    pub engine: Engine,
    /// What it is compared with.
    pub oracle: Oracle,
    /// What it logged.
    pub log: Log,
    /// Calls of `Engine::advance` so far.
    pub advances: u64,
    /// Shard time.
    pub now_ms: u64,
    /// `created_ms` of the requests that the helpers below make.
    pub created_ms: u64,
    capacity: Capacity,
    rules: Rules,
    /// The oracle is asked alone.
    alone: bool,
}

/// Two answers to one request.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// The engine's.
    pub engine: OwnedOutcome,
    /// The oracle's.
    pub oracle: OwnedOutcome,
}

impl World {
    /// An empty world.
    pub fn new(capacity: Capacity, rules: Rules, start_ms: u64) -> World {
        World::with_hash_seed(capacity, rules, start_ms, 17)
    }

    /// The same, with this seed of the engine's hash tables.
    pub fn with_hash_seed(capacity: Capacity, rules: Rules, start_ms: u64, hash_seed: u64) -> World {
        let mut world = World {
            engine: Engine::new(capacity, Rules::default(), hash_seed),
            oracle: Oracle::new(rules.late_confirm_ms).with_room(&capacity),
            log: Log::default(),
            advances: 0,
            now_ms: 0,
            created_ms: start_ms,
            capacity,
            rules: Rules::default(),
            alone: std::env::var_os("SCRIP_MODEL_ALONE").is_some(),
        };
        world.advance(start_ms);
        world.configure(rules);
        world
    }

    /// Room enough, the default rules, [`START_MS`].
    pub fn usual() -> World {
        World::new(ROOMY, Rules::default(), START_MS)
    }

    /// Lets time pass until `now_ms` is reached.
    pub fn advance(&mut self, now_ms: u64) {
        while self.advance_once(now_ms) < now_ms {}
        self.check_window();
    }

    /// Bounded steps towards `now_ms` until commands may run; answers the shard time reached.
    pub fn advance_once(&mut self, now_ms: u64) -> u64 {
        if self.alone {
            self.now_ms = now_ms;
            self.follow();
            return now_ms;
        }
        let reached_ms = loop {
            let events = self.log.events;
            let settled = self.engine.advance(now_ms, &mut self.log);
            self.advances += 1;
            let made = self.log.events - events;
            assert!(made <= ADVANCE_EVENTS_MAX as u64, "one step made {made} events");
            if let Some(reached_ms) = settled {
                break reached_ms;
            }
        };
        assert!(
            self.now_ms <= reached_ms && reached_ms <= now_ms,
            "{} -> {reached_ms} -> {now_ms}",
            self.now_ms
        );
        self.now_ms = reached_ms;
        self.follow();
        self.tell();
        reached_ms
    }

    /// Lets the engine tell of all cards that are due, and the oracle hear it.
    fn tell(&mut self) {
        loop {
            let events = self.log.events;
            let more = self.engine.notify(self.now_ms, &mut self.log);
            assert!(self.log.events - events <= 2, "one step made {} events", self.log.events - events);
            if !more {
                break;
            }
        }
        let told = std::mem::take(&mut self.log.told);
        if let Err(wrong) = self.oracle.hear(&told) {
            panic!("{wrong}");
        }
    }

    /// Lets `wait_ms` pass.
    pub fn wait(&mut self, wait_ms: u64) {
        self.advance(self.now_ms + wait_ms);
    }

    /// Changes the rules.
    pub fn configure(&mut self, rules: Rules) {
        self.rules = rules;
        self.engine.configure(rules, &mut self.log);
        self.oracle.late_confirm_ms = rules.late_confirm_ms;
        self.follow();
    }

    /// Logs the time.
    pub fn tick(&mut self) {
        if self.alone {
            return;
        }
        self.engine.tick(self.now_ms, &mut self.log);
        assert_eq!(self.engine.now_ms(), self.now_ms);
    }

    /// Throws the engine away and makes it again from its log.
    pub fn restart(&mut self) {
        if self.alone {
            return;
        }
        self.engine = self.replayed();
        self.advance(self.now_ms);
    }

    /// The engine's floor; of an oracle that is alone what it would be with room for everything.
    fn floor_ms(&self) -> u64 {
        if !self.alone {
            return self.engine.floor_ms();
        }
        let oldest_ms = self.now_ms.saturating_sub(self.rules.operation_window_ms);
        self.oracle.floor_ms().max(oldest_ms / 1_000 * 1_000)
    }

    /// The oracle follows time and floor, after the floor has been judged.
    fn follow(&mut self) {
        let floor_ms = self.floor_ms();
        if floor_ms != self.oracle.floor_ms() {
            let Rules { operation_window_ms, operation_window_min_ms, .. } = self.rules;
            // The window shrinks for want of memory alone.
            let window_ms =
                if self.capacity == ROOMY { operation_window_ms } else { operation_window_min_ms };
            let highest_ms = self.now_ms.saturating_sub(window_ms);
            assert!(floor_ms <= highest_ms, "the floor {floor_ms} leaves no window at {}", self.now_ms);
        }
        self.oracle.expire_next(self.log.expired.drain(..));
        self.oracle.advance(self.now_ms, floor_ms);
    }

    /// Ids are not remembered for longer than the window, but for a thousandth of it.
    fn check_window(&self) {
        let window_ms = self.rules.operation_window_ms;
        let oldest_ms = self.floor_ms() + window_ms + (window_ms / 1_000).max(1_000) + 1_000;
        assert!(self.now_ms < oldest_ms, "the floor {} lags behind {}", self.engine.floor_ms(), self.now_ms);
    }

    /// Asks both, and answers what they agree on.
    pub fn try_ask(&mut self, request: &OwnedRequest) -> Result<OwnedOutcome, Box<Mismatch>> {
        if self.alone {
            let answer = self.oracle.answer(request);
            self.follow();
            self.oracle.check_stocks();
            return Ok(answer);
        }
        let events = self.log.events;
        let engine = request.with(|request| {
            request.check().expect("requests of tests are well formed");
            self.engine.prepare(&[*request], 0);
            OwnedOutcome::from(self.engine.execute(self.now_ms, request, &mut self.log))
        });
        assert!(self.log.events - events <= 3, "a command made {} events", self.log.events - events);
        while self.engine.must_settle() {
            self.engine.settle(&mut self.log);
        }
        let oracle = match engine.full_table() {
            Some(_) => self.refused_for_want_of_room(request, &engine),
            None => self.oracle.answer(request),
        };
        self.follow();
        if engine != oracle {
            return Err(Box::new(Mismatch { engine, oracle }));
        }
        assert!(!request.is_query() || self.log.events == events, "a query logs nothing");
        self.oracle.check_stocks();
        Ok(engine)
    }

    /// CAPACITY is the engine's own business; the oracle says whether the command had reached that check (it would have
    /// made a record), and the table must be full, as far as the command needs it.
    fn refused_for_want_of_room(&self, request: &OwnedRequest, engine: &OwnedOutcome) -> OwnedOutcome {
        let mut with_room = self.oracle.clone();
        let recorded = with_room.recorded;
        let answer = with_room.answer(request);
        let of = engine.full_table().expect("called for CAPACITY");
        let (used, maximum) = room::usage(&self.engine, of);
        let mut added = room::added(&self.oracle, request, of, &answer);
        if of == CapacityOf::Debts && !matches!(answer, OwnedOutcome::Owed { .. }) {
            added = 0;
        }
        let takes = request.take().is_some() || matches!(request.command, OwnedCommand::QuoteReserve(_));
        let cards_first = !takes && answer.code().is_some();
        if matches!(of, CapacityOf::UserLimits | CapacityOf::RiskCounts | CapacityOf::Groups)
            && (cards_first || !answer.reached_room(request))
        {
            // A refusal that is recorded counts no purchase and no success.
            added = 0;
        }
        let is_full = added > 0 && u64::from(used) + added > u64::from(maximum);
        let says_how_much = engine.facts() == OwnedFacts::Maximum(of, u64::from(maximum));
        let was_last = with_room.recorded > recorded || answer.reached_room(request);
        if is_full && says_how_much && was_last { engine.clone() } else { answer }
    }

    /// Lets so much time pass that every hold has ended and everything is forgotten, and checks that it is.
    pub fn drain(&mut self) {
        let Rules { operation_window_ms, late_confirm_ms, .. } = self.rules;
        let grain_ms = operation_window_ms / 1_000 + 2_000;
        let far_ms =
            [OWED_MAX_MS, u64::from(TTL_MAX_MS), 86_400_000.max(late_confirm_ms), operation_window_ms];
        for wait_ms in far_ms.into_iter().chain([grain_ms; 80]) {
            self.wait(wait_ms);
            self.tick();
        }
        self.check_laws();
        if self.alone {
            return;
        }
        room::check_drained(&self.engine, &self.oracle);
    }

    /// Asks both. Panics when they differ.
    #[track_caller]
    pub fn ask(&mut self, request: &OwnedRequest) -> OwnedOutcome {
        match self.try_ask(request) {
            Ok(answer) => answer,
            Err(mismatch) => {
                let Mismatch { engine, oracle } = *mismatch;
                panic!("asked {request}\nthe engine says {engine:?}\nthe oracle says {oracle:?}")
            }
        }
    }

    /// Panics unless the laws hold on both sides.
    pub fn check_laws(&self) {
        self.oracle.check_laws();
        if self.alone {
            return;
        }
        if let Err(error) = self.engine.recount() {
            panic!("the engine's counters have drifted: {error}");
        }
        room::check(&self.engine, &self.oracle);
    }

    /// A fresh engine, with other hash seeds, that has lived through the log.
    pub fn replayed(&self) -> Engine {
        self.replayed_into(self.capacity)
    }

    /// The same, with other tables.
    pub fn replayed_into(&self, capacity: Capacity) -> Engine {
        let mut engine = Engine::new(capacity, Rules::default(), 99);
        let mut rest = self.log.bytes.as_slice();
        while !rest.is_empty() {
            let (event, size) = Event::decode(rest).expect("the log can be read");
            engine.apply(&event);
            rest = &rest[size..];
        }
        engine
    }
}

/// The requests of the named tests: merchant 1, slot 0, channel 1, made at `created_ms` of the world.
impl World {
    /// An envelope.
    pub fn envelope(&self, operation: u128) -> Envelope {
        Envelope {
            merchant: MerchantId(1),
            slot: Slot(0),
            channel: ChannelId(1),
            operation: OperationId(operation),
            created_ms: self.created_ms,
            deadline_ms: 0,
            segments: Segments::NONE,
        }
    }

    /// A request.
    pub fn request(&self, operation: u128, command: OwnedCommand) -> OwnedRequest {
        OwnedRequest { envelope: self.envelope(operation), command }
    }

    /// Makes a stock with this number and these units, under an operation id of its own.
    #[track_caller]
    pub fn stock(&mut self, number: u64, units: u64) -> StockId {
        self.stock_with(number, units, ANY_TERMS)
    }

    /// The same, with sale rules.
    #[track_caller]
    pub fn stock_with(&mut self, number: u64, units: u64, terms: StockTerms) -> StockId {
        let stock = StockId::new(Slot(0), number);
        let command = OwnedCommand::StockCreate {
            stock,
            name: b"cards".to_vec(),
            units,
            kind: StockKind::Counter,
            once_per_order: false,
            terms,
        };
        let answer = self.ask(&self.request(1 << 64 | u128::from(number), command));
        assert_eq!(answer, OwnedOutcome::StockChanged { value: units });
        stock
    }

    /// Asks for a command of the usual merchant.
    #[track_caller]
    pub fn run(&mut self, operation: u128, command: OwnedCommand) -> OwnedOutcome {
        self.ask(&self.request(operation, command))
    }

    /// RESERVE by user 1 for order 1, for 10 s.
    #[track_caller]
    pub fn reserve(&mut self, operation: u128, lines: &[(StockId, u32)]) -> OwnedOutcome {
        self.run(operation, reserve(take(lines)))
    }

    /// CONFIRM of all units.
    #[track_caller]
    pub fn confirm(&mut self, hold: u128) -> OwnedOutcome {
        self.run(hold, OwnedCommand::Confirm { units: Vec::new(), hidden: false })
    }

    /// RELEASE.
    #[track_caller]
    pub fn release(&mut self, hold: u128) -> OwnedOutcome {
        self.run(hold, OwnedCommand::Release)
    }

    /// STOCK_SHOW.
    #[track_caller]
    pub fn show(&mut self, stock: StockId) -> OwnedStock {
        match self.run(1, OwnedCommand::StockShow { stock }) {
            OwnedOutcome::Stock(view) => *view,
            other => panic!("{stock} is shown as {other:?}"),
        }
    }

    /// OPERATION_SHOW of a hold.
    #[track_caller]
    pub fn show_hold(&mut self, hold: u128) -> OwnedHold {
        match self.run(hold, OwnedCommand::OperationShow) {
            OwnedOutcome::Hold(view) => *view,
            other => panic!("{hold} is shown as {other:?}"),
        }
    }

    /// Available, held and consumed units of a stock.
    #[track_caller]
    pub fn counts(&mut self, stock: StockId) -> [u64; 3] {
        let view = self.show(stock);
        [view.available, view.held, view.consumed]
    }
}

/// Time to live of the holds that [`reserve`] makes.
pub const TTL_MS: u32 = 10_000;

/// A take by user 1 for order 1.
pub fn take(lines: &[(StockId, u32)]) -> OwnedTake {
    OwnedTake {
        order: OrderId(1),
        user: UserId(1),
        lines: lines.iter().map(|(stock, units)| Wish::exactly(*stock, *units)).collect(),
        ..OwnedTake::default()
    }
}

/// RESERVE for 10 s.
pub fn reserve(take: OwnedTake) -> OwnedCommand {
    OwnedCommand::Reserve { take, ttl_ms: TTL_MS }
}

/// RETURN of all that is left, to available.
pub fn return_all(hold: u128) -> OwnedCommand {
    OwnedCommand::Return { hold: OperationId(hold), to_available: true, units: Vec::new() }
}

/// Panics unless `outcome` is a refusal with this code.
#[track_caller]
pub fn assert_refused(outcome: &OwnedOutcome, code: Code) {
    assert_eq!(outcome.code(), Some(code), "answered {outcome:?}");
}

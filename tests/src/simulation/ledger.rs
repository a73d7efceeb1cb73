//! What the world outside knows of a shard, and the check that a recovered shard agrees.
//!
//! Two oracles stand here: one follows the living process, the other has stayed where the log was when the process
//! started. A restart keeps some prefix of what was submitted; the second oracle then lives through just that prefix, so
//! that from there on every answer can be foretold again.
//!
//! Invariant: acknowledged is contained in recovered, recovered in submitted, in order, and nothing comes back that was
//! seen to be gone.

use super::coverage::{Coverage, Met};
use super::log::Submitted;
use super::network::Ticket;
use crate::oracle::{Key, Oracle, key_of};
use crate::outcome::OwnedOutcome;
use crate::request::{OwnedCommand, OwnedRequest};
use fastrand::Rng;
use scrip_engine::Engine;
use scrip_engine::event::{
    CampaignEvent, CodeEvent, Event, GroupEvent, Origin, PersonEvent, RiskEvent, ShareEvent,
};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::Code;
use scrip_wal::ScanEnd;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Answers of earlier lives that a start asks for again, beside all those of the last life.
const OLD_PROBES: usize = 4;

/// What the world outside knows.
pub struct Ledger {
    /// The oracle that follows the living process.
    pub live: Oracle,
    base: Oracle,
    deeds: Vec<Deed>,
    /// Every event that was submitted and is not known to be lost.
    events: Vec<u8>,
    /// Ends of the frames that no start has made durable: last sequence, bytes of `events`.
    frames: Vec<(u64, usize)>,
    /// Where the log was at the last start that served.
    start: (u64, usize),
    attempted_sequence: u64,
    durable_sequence: u64,
    acknowledged_sequence: u64,
    rested_ms: u64,
    /// Has seen the events up to `start` and nothing else.
    reference: Engine,
    effects: BTreeSet<(u32, u16, u128, u64)>,
    lasting: Vec<Lasting>,
    probed: usize,
}

/// Something that changed the live oracle.
struct Deed {
    /// The sequence after it.
    sequence: u64,
    now_ms: u64,
    floor_ms: u64,
    what: What,
}

enum What {
    Passed { expired: Vec<Key> },
    Configured { late_confirm_ms: u64 },
    Asked(Rc<OwnedRequest>),
}

/// Where a shard was when it answered.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Shard time.
    pub now_ms: u64,
    /// The floor.
    pub floor_ms: u64,
    /// The sequence after the answer.
    pub sequence: u64,
}

/// An acknowledged answer that must stay the same while its operation is remembered.
#[derive(Debug, Clone)]
pub struct Lasting {
    /// What was asked.
    pub request: Rc<OwnedRequest>,
    /// What was answered.
    pub answer: OwnedOutcome,
    /// `created_ms` of the operation's record.
    pub created_ms: u64,
}

impl Ledger {
    /// Nothing has happened yet.
    pub fn new(capacity: Capacity, late_confirm_ms: u64) -> Ledger {
        let oracle = Oracle::new(late_confirm_ms).with_room(&capacity);
        Ledger {
            live: oracle.clone(),
            base: oracle,
            deeds: Vec::new(),
            events: Vec::new(),
            frames: Vec::new(),
            start: (0, 0),
            attempted_sequence: 0,
            durable_sequence: 0,
            acknowledged_sequence: 0,
            rested_ms: 0,
            reference: Engine::new(capacity, Rules::default(), 99),
            effects: BTreeSet::new(),
            lasting: Vec::new(),
            probed: 0,
        }
    }

    /// The rules changed.
    pub fn configured(&mut self, late_confirm_ms: u64, moment: Moment) {
        self.live.late_confirm_ms = late_confirm_ms;
        self.note(moment, What::Configured { late_confirm_ms });
    }

    /// Shard time moved to `now_ms`, and these holds expired. If events came of it, `logged` is where the log is since
    /// then.
    pub fn passed(&mut self, now_ms: u64, floor_ms: u64, logged: Option<Moment>, expired: Vec<Key>) {
        self.live.expire_next(expired.iter().copied());
        self.live.advance(now_ms, floor_ms);
        if let Some(moment) = logged {
            self.note(moment, What::Passed { expired });
        }
    }

    fn note(&mut self, moment: Moment, what: What) {
        let Moment { now_ms, floor_ms, sequence } = moment;
        self.deeds.push(Deed { sequence, now_ms, floor_ms, what });
    }

    /// Compares an answer of the engine with that of the oracle. Answers whether it must stay the same: then with the
    /// `created_ms` of its record.
    ///
    /// # Errors
    /// If they differ.
    pub fn judge(
        &mut self,
        request: &Rc<OwnedRequest>,
        answer: &OwnedOutcome,
        moment: Moment,
    ) -> Result<Option<u64>, String> {
        self.live.advance(moment.now_ms, moment.floor_ms);
        let is_full = answer.full_table().is_some();
        let expected = if is_full { self.without_room(request, answer) } else { self.live.answer(request) };
        if *answer != expected {
            return Err(format!(
                "at {}, asked {request}\nthe engine says {answer:?}\nthe oracle says {expected:?}",
                moment.now_ms
            ));
        }
        if is_full {
            return Ok(None);
        }
        self.note(moment, What::Asked(request.clone()));
        Ok(self.lasts(request, answer))
    }

    /// CAPACITY is the engine's own business, if the command would have made a record.
    fn without_room(&self, request: &OwnedRequest, answer: &OwnedOutcome) -> OwnedOutcome {
        let mut with_room = self.live.clone();
        let records = with_room.records.len();
        let otherwise = with_room.answer(request);
        if with_room.records.len() > records || otherwise.reached_room(request) {
            answer.clone()
        } else {
            otherwise
        }
    }

    fn lasts(&self, request: &OwnedRequest, answer: &OwnedOutcome) -> Option<u64> {
        let record = self.live.record(key_of(&request.envelope))?;
        let lasts = match &request.command {
            _ if request.is_query() => false,
            OwnedCommand::Confirm { .. } => matches!(answer.code(), None | Some(Code::HoldExpiredNoStock)),
            OwnedCommand::Release | OwnedCommand::Cancel => answer.code().is_none(),
            command => {
                record.command == *command
                    && record.channel == request.envelope.channel
                    && record.created_ms == request.envelope.created_ms()
                    && answer.keys().is_some() == record.answer.keys().is_some()
                    && answer.repeats(&record.answer)
            }
        };
        lasts.then_some(record.created_ms)
    }

    /// An answer has passed the gate.
    pub fn acknowledge(&mut self, ticket: Ticket) {
        self.acknowledged_sequence = self.acknowledged_sequence.max(ticket.sequence);
        self.rested_ms = self.rested_ms.max(ticket.now_ms);
        if let Some(created_ms) = ticket.lasts {
            self.lasting.push(Lasting { request: ticket.request, answer: ticket.answer, created_ms });
        }
    }

    /// A process has ended.
    pub fn bury(&mut self, submitted: &Submitted) {
        let before = self.events.len();
        self.events.extend_from_slice(&submitted.events);
        self.frames.extend(submitted.frames.iter().map(|(sequence, bytes)| (*sequence, before + bytes)));
        self.attempted_sequence = submitted.attempted_sequence;
        self.durable_sequence = submitted.durable_sequence;
    }

    /// Compares what a scan has found. What it has not found must stay away from now on.
    ///
    /// # Errors
    /// If it is not a prefix of what was submitted with everything acknowledged in it.
    pub fn compare(&mut self, found: &[u8], end: &ScanEnd, coverage: &mut Coverage) -> Result<(), String> {
        let last = end.last_sequence;
        if last < self.acknowledged_sequence {
            return Err(format!("recovered up to {last}, acknowledged up to {}", self.acknowledged_sequence));
        }
        if last < self.durable_sequence {
            return Err(format!("recovered up to {last}, durable up to {}", self.durable_sequence));
        }
        if last > self.attempted_sequence {
            let attempted = self.attempted_sequence;
            return Err(format!("recovered up to {last}, but nothing after {attempted} was ever written"));
        }
        let ends_here = |end: &(u64, usize)| *end == (last, found.len());
        if !ends_here(&self.start) && !self.frames.iter().any(ends_here) {
            return Err(format!("sequence {last} with {} bytes before it ends no frame", found.len()));
        }
        if !self.events.starts_with(found) {
            let place = found.iter().zip(&self.events).take_while(|(found, sent)| found == sent).count();
            return Err(format!("the recovered events differ from those submitted at byte {place}"));
        }
        if end.records != last {
            return Err(format!("{} records found for {last} sequences", end.records));
        }
        if last < self.attempted_sequence {
            coverage.met(Met::InFlightLost);
        }
        self.events.truncate(found.len());
        self.frames.retain(|(sequence, _)| *sequence <= last);
        self.attempted_sequence = last;
        Ok(())
    }

    /// A start has made all that [`Ledger::compare`] saw durable, and brings the engine it recovered: the world goes on
    /// from there.
    ///
    /// # Errors
    /// If the engine is not what these events make of an empty one, or an operation took effect twice.
    pub fn go_on(&mut self, engine: &Engine, coverage: &mut Coverage) -> Result<(), String> {
        let last = self.attempted_sequence;
        if engine.sequence() != last {
            return Err(format!("the log ends at {last}, the recovered engine at {}", engine.sequence()));
        }
        self.replay(coverage)?;
        if engine.digest() != self.reference.digest() {
            return Err(format!("the engine recovered up to {last} is not what its events make"));
        }
        if last > self.durable_sequence {
            coverage.met(Met::InFlightKept);
        }
        self.start = (last, self.events.len());
        self.frames.clear();
        self.durable_sequence = last;
        for deed in self.deeds.drain(..).take_while(|deed| deed.sequence <= last) {
            deed.happen(&mut self.base);
        }
        self.live.clone_from(&self.base);
        Ok(())
    }

    /// The reference engine sees what is new.
    fn replay(&mut self, coverage: &mut Coverage) -> Result<(), String> {
        let mut rest = &self.events[self.start.1..];
        while !rest.is_empty() {
            let (event, bytes) =
                Event::decode(rest).map_err(|error| format!("an event in the log: {error}"))?;
            self.reference.apply(&event);
            match event {
                Event::StockQuotaSet { .. } => coverage.met(Met::QuotaRecovered),
                Event::Owed { .. } | Event::ConfirmOwed { .. } => coverage.met(Met::DebtRecovered),
                Event::Settled { .. } => coverage.met(Met::SettlementRecovered),
                Event::GuaranteeLapsed { .. } => coverage.met(Met::LapseRecovered),
                Event::StockLimitsSet { .. } => coverage.met(Met::LimitsRecovered),
                Event::StockPriced { .. } => coverage.met(Met::PricesRecovered),
                Event::Risk(RiskEvent::RuleSet { .. }) | Event::Risk(RiskEvent::BlockSet { .. }) => {
                    coverage.met(Met::RiskRecovered)
                }
                Event::ZoneSet { .. } => coverage.met(Met::ZoneRecovered),
                Event::Taken { flagged: true, .. } => coverage.met(Met::FlagRecovered),
                Event::Taken { cards: [_, ..], .. } => coverage.met(Met::HeldCardsRecovered),
                Event::KeysImported { .. } => coverage.met(Met::KeysRecovered),
                Event::KeyReplaced { .. } => coverage.met(Met::KeyReplacedRecovered),
                Event::Tombstone { .. } => coverage.met(Met::TombstoneRecovered),
                _ => {}
            }
            if let Some(origin) = origin_of(&event) {
                let key = (origin.merchant.0, origin.slot.0, origin.operation.0, origin.created_ms);
                if !self.effects.insert(key) {
                    return Err(format!("operation {key:?} took effect twice"));
                }
            }
            rest = &rest[bytes..];
        }
        Ok(())
    }

    /// Shard time starts again at `now_ms`.
    ///
    /// # Errors
    /// If an acknowledged answer rests on a later time.
    pub fn check_start(&self, now_ms: u64) -> Result<(), String> {
        match self.rested_ms <= now_ms {
            true => Ok(()),
            false => Err(format!("shard time starts at {now_ms}, an answer rests on {}", self.rested_ms)),
        }
    }

    /// Answers to ask for again: those since the last call and some older ones, or all.
    pub fn probes(&mut self, rng: &mut Rng, all: bool) -> Vec<Lasting> {
        let first_new = if all { 0 } else { self.probed };
        let mut probes = self.lasting[first_new..].to_vec();
        for _ in 0..OLD_PROBES.min(first_new) {
            probes.push(self.lasting[rng.usize(..first_new)].clone());
        }
        self.probed = self.lasting.len();
        probes
    }

    /// Compares the answer to a probe with the one that was acknowledged. Answers whether the operation is still
    /// remembered.
    ///
    /// # Errors
    /// If the operation is remembered and the answer has changed.
    pub fn check_probe(&self, lasting: &Lasting, answer: &OwnedOutcome) -> Result<bool, String> {
        let record = self.live.record(key_of(&lasting.request.envelope));
        if record.is_none_or(|record| record.created_ms != lasting.created_ms) {
            return Ok(false);
        }
        match answer.repeats(&lasting.answer) {
            true => Ok(true),
            false => Err(format!(
                "asked again: {}\nacknowledged {:?}\nanswered now {answer:?}",
                lasting.request, lasting.answer
            )),
        }
    }
}

impl Deed {
    fn happen(self, oracle: &mut Oracle) {
        match self.what {
            What::Configured { late_confirm_ms } => oracle.late_confirm_ms = late_confirm_ms,
            What::Passed { expired } => {
                oracle.expire_next(expired);
                oracle.advance(self.now_ms, self.floor_ms);
            }
            What::Asked(request) => {
                oracle.advance(self.now_ms, self.floor_ms);
                oracle.answer(&request);
            }
        }
    }
}

/// The operation that an event records: it is recorded once.
fn origin_of<'e>(event: &'e Event<'_>) -> Option<&'e Origin> {
    match event {
        Event::StockCreated { origin, .. }
        | Event::StockMoved { origin, .. }
        | Event::StockEdited { origin, .. }
        | Event::StockQuotaSet { origin, .. }
        | Event::StockLimitsSet { origin, .. }
        | Event::StockPriced { origin, .. }
        | Event::Risk(RiskEvent::RuleSet { origin, .. })
        | Event::Risk(RiskEvent::BlockSet { origin, .. })
        | Event::ZoneSet { origin, .. }
        | Event::Person(PersonEvent::Linked { origin, .. })
        | Event::Person(PersonEvent::Unlinked { origin, .. })
        | Event::Person(PersonEvent::Labelled { origin, .. })
        | Event::Person(PersonEvent::Erased { origin, .. })
        | Event::BatchCreated { origin, .. }
        | Event::BatchChanged { origin, .. }
        | Event::KeysImported { origin, .. }
        | Event::Revealed { origin, .. }
        | Event::KeyReplaced { origin, .. }
        | Event::ReplaceOwed { origin, .. }
        | Event::KeyReclaimed { origin, .. }
        | Event::KeysExported { origin, .. }
        | Event::Taken { origin, .. }
        | Event::SellRefused { origin, .. }
        | Event::Tombstone { origin }
        | Event::Owed { origin, .. }
        | Event::Extended { origin, .. }
        | Event::Campaign(CampaignEvent::Created { origin, .. })
        | Event::Campaign(CampaignEvent::Edited { origin, .. })
        | Event::Campaign(CampaignEvent::Moved { origin, .. })
        | Event::Share(ShareEvent::Created { origin, .. } | ShareEvent::Edited { origin, .. })
        | Event::Issued { origin, .. }
        | Event::Redeemed { origin, .. }
        | Event::OfflineConflict { origin, .. }
        | Event::Reversed { origin, .. }
        | Event::CardChanged { origin, .. }
        | Event::Account { origin, .. }
        | Event::Codes(CodeEvent::Imported { origin, .. })
        | Event::Codes(CodeEvent::Set { origin, .. })
        | Event::Gift { origin, .. }
        | Event::Group(
            GroupEvent::Opened { origin, .. }
            | GroupEvent::Joined { origin, .. }
            | GroupEvent::Left { origin, .. }
            | GroupEvent::Filled { origin, .. },
        )
        | Event::Campaign(CampaignEvent::Voided { origin, .. })
        | Event::CardBatchEnded { origin, .. }
        | Event::Recycled { origin, .. }
        | Event::Merged { origin, .. }
        | Event::Returned { origin, .. } => Some(origin),
        // What time or the operator makes happen, and what ends a hold: that has no id of its own.
        Event::Notice(_)
        | Event::Tick { .. }
        | Event::Configured { .. }
        | Event::FloorRaised { .. }
        | Event::Expired { .. }
        | Event::GuaranteeLapsed { .. }
        | Event::Share(
            ShareEvent::Rewarded { .. } | ShareEvent::Received { .. } | ShareEvent::Delivered { .. },
        )
        | Event::Group(GroupEvent::Lapsed { .. })
        | Event::BatchExpired { .. }
        | Event::Settled { .. }
        | Event::Unfulfilled { .. }
        | Event::Confirmed { .. }
        | Event::ConfirmOwed { .. }
        | Event::LateRefused { .. }
        | Event::Released { .. }
        | Event::Cancelled { .. } => None,
    }
}

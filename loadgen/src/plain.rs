//! RESERVE, SELL, RESERVE with a later CONFIRM, CLAIM and REDEEM, by the million: the load of the benches.
//!
//! Invariant: nothing is kept per command but a bit; ids and contents follow from the number of a frame's first
//! command. What a lost connection left unanswered is counted once, however often it is asked again.

mod repeats;

use crate::answers::{Raw, Said, is_for_good, owed, record, refused};
use crate::desk::Desk;
use crate::flights::{Flight, Flights};
use crate::ids::mix;
use crate::job::{Fill, Job, NOT_ASKED};
use crate::ledger::digest;
use crate::pace::Schedule;
use crate::plan::{LoadPlan, Work};
use crate::press::Press;
use crate::recipe::{Fate, What};
use crate::sums::is_turned_away;
use repeats::{FirstSaid, Repeat, Repeats};
use scrip_engine::ids::OperationId;
use scrip_engine::rejection::Code;
use scrip_protocol::error::ProtocolError;
use std::collections::VecDeque;
use std::mem;

/// Equal commands with consecutive numbers, or some of them.
#[derive(Debug, Clone, Default)]
struct Batch {
    first: u64,
    created_ms: u64,
    span: u16,
    /// They go into the ledger, with all that follows from them.
    kept: bool,
    /// Which of the span are meant; `None`: all.
    members: Option<Vec<u64>>,
}

impl Batch {
    fn count(&self) -> usize {
        match &self.members {
            None => usize::from(self.span),
            Some(words) => words.iter().map(|word| word.count_ones() as usize).sum(),
        }
    }

    /// The position in the span of the command at `index` in the frame.
    fn position(&self, index: u16) -> u16 {
        let Some(words) = &self.members else { return index };
        let mut left = u32::from(index);
        for (at, &word) in words.iter().enumerate() {
            if left < word.count_ones() {
                let word = (0..left).fold(word, |word, _| word & (word - 1));
                return (at * 64) as u16 + word.trailing_zeros() as u16;
            }
            left -= word.count_ones();
        }
        index
    }

    fn number(&self, index: u16) -> u64 {
        self.first + u64::from(self.position(index))
    }

    /// Those members at whose index in the frame `keep` is true; `None` if there are none.
    fn part(&self, keep: impl Fn(u16) -> bool) -> Option<Batch> {
        let count = self.count() as u16;
        let mut words = vec![0_u64; usize::from(self.span).div_ceil(64)];
        let mut kept = 0;
        for index in (0..count).filter(|&index| keep(index)) {
            let position = self.position(index);
            words[usize::from(position >> 6)] |= 1 << (position & 63);
            kept += 1;
        }
        let members = if kept == self.span { None } else { Some(words) };
        (kept > 0).then_some(Batch { members, ..*self })
    }
}

/// What is remembered of a frame in flight.
#[derive(Debug, Default)]
struct Load {
    batch: Batch,
    confirms: bool,
    /// Asked before, on a connection that was lost.
    again: bool,
    /// Taken so far, by index; only kept where a CONFIRM follows.
    taken: Vec<u64>,
    /// What the answers said so far; only kept where frames are repeated.
    said: FirstSaid,
    /// Of a repeat: what the first answers said.
    first: Option<FirstSaid>,
}

/// A batch to be sent from a certain time on.
#[derive(Debug)]
struct Later {
    due_ns: u64,
    batch: Batch,
    confirms: bool,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
struct Kind {
    what: What,
    paid: bool,
}

/// One thread's plain load.
#[derive(Debug)]
pub(crate) struct Plain {
    kind: Kind,
    /// Time from RESERVE to CONFIRM; `None`: there is no CONFIRM.
    confirm_after_ns: Option<u64>,
    batch: usize,
    retry_unknown: f64,
    flights: Flights<Load>,
    takes: Press,
    confirms: Press,
    confirm_later: VecDeque<Later>,
    again: VecDeque<Later>,
    repeats: Repeats,
    /// Frames begun, by the schedule.
    frames: u64,
}

impl Plain {
    /// The load of one thread with `lanes` connections.
    pub(crate) fn new(plan: &LoadPlan, desk: &Desk, lanes: usize) -> Plain {
        let (what, confirm_after_ns) = match plan.work {
            Work::ReserveConfirm { after } => (What::Reserve, Some(after.as_nanos() as u64)),
            Work::Sell { .. } => (What::Sell, None),
            Work::Reserve | Work::Checkout => (What::Reserve, None),
            Work::Claim => (What::Claim, None),
            Work::Redeem => (What::Redeem, None),
        };
        let press = |what| match (what, &plan.codes) {
            (What::Redeem, Some(codes)) => {
                Press::by_code(desk.generator(), codes, plan.batch, plan.outstanding)
            }
            _ => Press::new(desk.generator(), what, plan.batch, plan.outstanding),
        };
        let words = if confirm_after_ns.is_some() { (plan.batch as usize).div_ceil(64) } else { 0 };
        Plain {
            kind: Kind { what, paid: desk.generator().is_paid(Fate::Pay) },
            confirm_after_ns,
            batch: plan.batch as usize,
            retry_unknown: plan.retry_unknown,
            flights: Flights::new(lanes, plan.outstanding, plan.batch, || Load {
                taken: vec![0; words],
                ..Load::default()
            }),
            takes: press(what),
            confirms: press(What::Confirm),
            confirm_later: VecDeque::new(),
            again: VecDeque::new(),
            repeats: Repeats::new(plan),
            frames: 0,
        }
    }

    /// Presses one frame of something that was begun before.
    fn press_later(&mut self, desk: &mut Desk, lane: usize, now_ns: u64, later: Later, again: bool) {
        let Later { batch, confirms, due_ns } = later;
        let count = batch.count();
        let since_ns = if desk.schedule == Schedule::Closed || again { now_ns } else { due_ns };
        if !again {
            desk.sums.attempts += count as u64;
        }
        let (correlation, load) = self.flights.launch(lane, since_ns, count);
        let numbers = (0..count as u16).map(|index| batch.number(index));
        if confirms {
            self.confirms.confirms(desk.generator(), correlation, batch.created_ms, count, numbers);
        } else {
            self.takes.of_kind(
                desk.generator(),
                self.kind.what,
                (correlation, batch.created_ms),
                count,
                numbers,
            );
        }
        load.prepare(batch, confirms, again);
    }

    /// Presses as many new frames as are due, at most one in an open loop: the next goes to another connection.
    fn press_new(&mut self, desk: &mut Desk, lane: usize, now_ns: u64) {
        let created_ms = desk.server_ms(now_ns);
        while self.takes.has_room() && self.flights.room(lane) > 0 && desk.begins() {
            let mut since_ns = now_ns;
            if desk.schedule != Schedule::Closed {
                if self.frames >= desk.schedule.due(now_ns) {
                    return;
                }
                since_ns = desk.schedule.at(self.frames);
            }
            self.frames += 1;
            let count = self.batch.min(usize::try_from(desk.may_begin()).unwrap_or(usize::MAX));
            desk.begin(count as u64);
            desk.sums.attempts += count as u64;
            let first = desk.numbers(count);
            let kept = desk.keeps_frame();
            let (correlation, load) = self.flights.launch(lane, since_ns, count);
            let numbers = first..first + count as u64;
            self.takes.of_kind(desk.generator(), self.kind.what, (correlation, created_ms), count, numbers);
            load.prepare(Batch { first, created_ms, span: count as u16, kept, members: None }, false, false);
            if desk.schedule != Schedule::Closed {
                return;
            }
        }
    }

    /// What was taken by a RESERVE frame is to be confirmed.
    fn plan_confirm(&mut self, batch: Batch, taken: &[u64], now_ns: u64) {
        let Some(after_ns) = self.confirm_after_ns else { return };
        let part = batch.part(|index| taken[usize::from(index >> 6)] >> (index & 63) & 1 == 1);
        if let Some(batch) = part {
            self.confirm_later.push_back(Later { due_ns: now_ns + after_ns, batch, confirms: true });
        }
    }
}

impl Load {
    fn prepare(&mut self, batch: Batch, confirms: bool, again: bool) {
        if !self.taken.is_empty() {
            self.taken.fill(0);
        }
        (self.batch, self.confirms, self.again) = (batch, confirms, again);
        (self.said, self.first) = (FirstSaid::default(), None);
    }
}

impl Job for Plain {
    fn has_room(&self, lane: usize) -> bool {
        self.flights.room(lane) > 0
    }

    fn fill(&mut self, desk: &mut Desk, lane: usize, now_ns: u64) -> Fill {
        self.takes.clear();
        self.confirms.clear();
        while self.flights.room(lane) > 0 {
            let room =
                |later: &Later| if later.confirms { self.confirms.has_room() } else { self.takes.has_room() };
            if self.again.front().is_some_and(room) {
                let later = self.again.pop_front().expect("there is a front");
                self.press_later(desk, lane, now_ns, later, true);
            } else if self.confirm_later.front().is_some_and(|later| later.due_ns <= now_ns && room(later)) {
                let later = self.confirm_later.pop_front().expect("there is a front");
                self.press_later(desk, lane, now_ns, later, false);
            } else if self.repeats.is_due() && self.takes.has_room() {
                self.press_repeat(desk, lane, now_ns);
            } else {
                break;
            }
        }
        self.press_new(desk, lane, now_ns);
        let nothing = self.takes.bytes().is_empty() && self.confirms.bytes().is_empty();
        if nothing { Fill::Nothing } else { Fill::Send }
    }

    fn out(&self) -> [&[u8]; 2] {
        [self.confirms.bytes(), self.takes.bytes()]
    }

    fn answers(
        &mut self,
        desk: &mut Desk,
        lane: usize,
        correlation: u64,
        payload: &[u8],
        now_ns: u64,
    ) -> Result<(), ProtocolError> {
        let flight = self.flights.find(lane, correlation).ok_or(NOT_ASKED)?;
        if flight.load.first.is_some() {
            return self.repeated(desk, lane, correlation, payload);
        }
        let open = flight.open;
        let (settled, read) = if flight.load.confirms {
            read::<true, false>(desk, flight, payload, Kind { what: What::Confirm, ..self.kind }, now_ns)
        } else if self.repeats.are_wanted() {
            read::<false, true>(desk, flight, payload, self.kind, now_ns)
        } else {
            read::<false, false>(desk, flight, payload, self.kind, now_ns)
        };
        let answered = open - flight.open;
        if flight.load.again {
            desk.sums.unknown -= settled;
            desk.sums.repeats += u64::from(answered);
        }
        desk.tally.took(flight.since_ns, now_ns, u64::from(answered));
        if flight.open == 0 {
            let (batch, confirms) = (mem::take(&mut flight.load.batch), flight.load.confirms);
            let (again, said) = (flight.load.again, flight.load.said);
            if !confirms && self.confirm_after_ns.is_some() {
                let taken = mem::take(&mut flight.load.taken);
                self.plan_confirm(batch.clone(), &taken, now_ns);
                if let Some(flight) = self.flights.find(lane, correlation) {
                    flight.load.taken = taken;
                }
            }
            if !confirms && !again && self.repeats.draws() {
                self.repeats.plan(Repeat { batch, said });
            }
            self.flights.land(lane, correlation);
        }
        read
    }

    fn lost(&mut self, desk: &mut Desk, lane: usize, now_ns: u64) {
        let (confirm_after, retry_unknown, reserve) =
            (self.confirm_after_ns, self.retry_unknown, self.kind.what);
        let (again, confirm_later) = (&mut self.again, &mut self.confirm_later);
        self.flights.lose(lane, |flight| {
            if flight.load.first.is_some() {
                // What it asked again was answered before: there is nothing unknown in it.
                return;
            }
            let what = if flight.load.confirms { What::Confirm } else { reserve };
            note_unknown(desk, flight, what, now_ns);
            let load = &flight.load;
            let chance = (mix(load.batch.first ^ now_ns) >> 11) as f64 / (1_u64 << 53) as f64;
            if load.again || chance < retry_unknown {
                let open = load.batch.part(|index| !flight.is_answered(index));
                let later = open.map(|batch| Later { due_ns: now_ns, batch, confirms: load.confirms });
                again.extend(later);
            }
            if let (Some(after_ns), false) = (confirm_after, load.confirms) {
                let taken = |index: u16| load.taken[usize::from(index >> 6)] >> (index & 63) & 1 == 1;
                let due_ns = now_ns + after_ns;
                confirm_later.extend(load.batch.part(taken).map(|batch| Later {
                    due_ns,
                    batch,
                    confirms: true,
                }));
            }
        });
    }

    fn next_due_ns(&mut self, desk: &Desk, now_ns: u64) -> u64 {
        if !self.again.is_empty() || self.repeats.is_due() {
            return now_ns;
        }
        let confirm = self.confirm_later.front().map_or(u64::MAX, |later| later.due_ns);
        let new = if desk.begins() { desk.schedule.at(self.frames) } else { u64::MAX };
        confirm.min(new)
    }

    fn in_flight(&self) -> usize {
        self.flights.live()
    }

    fn is_idle(&self) -> bool {
        self.flights.live() == 0
            && self.confirm_later.is_empty()
            && self.again.is_empty()
            && !self.repeats.is_due()
    }

    fn give_up(&mut self, desk: &mut Desk, now_ns: u64) {
        self.retry_unknown = 0.0;
        for lane in 0..self.flights.lanes() {
            self.lost(desk, lane, now_ns);
        }
    }
}

/// Counts what a lost frame left unanswered, and keeps it in the ledger; once, however often it is asked again.
fn note_unknown(desk: &mut Desk, flight: &Flight<Load>, what: What, now_ns: u64) {
    let load = &flight.load;
    if load.again {
        return;
    }
    desk.interrupted(u64::from(flight.open));
    if !load.batch.kept {
        return;
    }
    for index in (0..flight.count).filter(|&index| !flight.is_answered(index)) {
        let id = desk.generator().operation(load.batch.created_ms, load.batch.number(index));
        desk.record(desk.unknown(what, id, id, now_ns));
    }
}

/// Takes the answers of one frame; answers how many settle their command. What was read before an error counts.
#[inline]
fn read<const CONFIRMS: bool, const REPEATS: bool>(
    desk: &mut Desk,
    flight: &mut Flight<Load>,
    payload: &[u8],
    kind: Kind,
    now_ns: u64,
) -> (u64, Result<(), ProtocolError>) {
    let expected =
        if kind.what == What::Reserve || kind.what.is_on_card() { kind.what } else { What::Confirm };
    let (mut rest, mut done, mut units_done, mut others) = (payload, 0_u64, 0_u64, 0_u64);
    let mut result = Ok(());
    while !rest.is_empty() {
        let said = Raw::first(rest).and_then(|(raw, behind)| {
            rest = behind;
            Ok((raw, raw.said()?))
        });
        match said {
            Ok((raw, _)) if !flight.answer(raw.index) => result = Err(NOT_ASKED),
            Ok((raw, Said::Taken { what, at_ms, units, late, keys })) if what == expected => {
                done += 1;
                units_done += u64::from(units);
                flight.load.said.taken::<REPEATS>(raw);
                if let Some(word) = flight.load.taken.get_mut(usize::from(raw.index >> 6)) {
                    *word |= 1 << (raw.index & 63);
                }
                let kept = flight.load.batch.kept;
                if desk.given.is_some() && what == What::Confirm {
                    let hold = id_of(desk, flight, raw.index);
                    desk.keys_given(&keys, hold, kind.what, kept);
                }
                if kept {
                    let unknown = unknown_of(desk, flight, kind.what, raw.index, now_ns);
                    result = essence_of(desk, raw)
                        .map(|essence| desk.record(record(unknown, essence, at_ms, units, late)));
                }
            }
            Ok((raw, Said::Refused(code))) => {
                flight.load.said.refused(code);
                others += u64::from(refuse(desk, flight, raw, kind, code, now_ns));
            }
            Ok((raw, Said::Owed { until_ms })) if kind.what == What::Sell => {
                others += 1;
                desk.owed();
                if flight.load.batch.kept {
                    let unknown = unknown_of(desk, flight, kind.what, raw.index, now_ns);
                    desk.record(owed(unknown, until_ms));
                }
            }
            Ok((_, Said::Taken { .. } | Said::Owed { .. })) => {
                result = Err(ProtocolError::Payload("an answer to another command"))
            }
            Err(why) => result = Err(why),
        }
        if result.is_err() {
            break;
        }
    }
    if done > 0 {
        desk.acknowledged(done);
    }
    let units = if CONFIRMS || expected != What::Reserve {
        &mut desk.sums.sold_units
    } else {
        &mut desk.sums.reserved_units
    };
    *units += units_done;
    (done + others, result)
}

/// Takes a refusal. False: it says nothing about a command that was asked before and may have happened then.
#[inline]
fn refuse(desk: &mut Desk, flight: &Flight<Load>, raw: Raw<'_>, kind: Kind, code: Code, now_ns: u64) -> bool {
    let says_nothing = is_turned_away(code) || code == Code::OperationTooOld;
    if flight.load.again && says_nothing {
        return false;
    }
    desk.refused(code);
    let for_good = is_for_good(kind.what, kind.paid, code);
    if flight.load.batch.kept && (for_good || flight.load.again) {
        let unknown = unknown_of(desk, flight, kind.what, raw.index, now_ns);
        desk.record(refused(unknown, raw.bytes, code, for_good));
    }
    true
}

/// What an answer says. Where no stock has card keys that is its bytes, which saves reading it in full a second time.
#[inline]
fn essence_of(desk: &Desk, raw: Raw<'_>) -> Result<u64, ProtocolError> {
    if desk.given.is_some() { raw.essence() } else { Ok(digest(raw.bytes)) }
}

fn id_of(desk: &Desk, flight: &Flight<Load>, index: u16) -> OperationId {
    let batch = &flight.load.batch;
    desk.generator().operation(batch.created_ms, batch.number(index))
}

fn unknown_of(
    desk: &Desk,
    flight: &Flight<Load>,
    what: What,
    index: u16,
    now_ns: u64,
) -> crate::ledger::Record {
    let id = id_of(desk, flight, index);
    desk.unknown(what, id, id, now_ns)
}

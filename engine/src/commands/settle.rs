//! Settlement: which debts can be had now, the oldest first.
//!
//! It stands beside the commands because nobody asks for it: whatever may have made units available to a debt is followed
//! by it before anything else happens, in events of a few debts each. A pass goes through the debts of the stocks in
//! question by age. Each debt finds what the older ones on its stocks leave: their claims stand whether they are settled
//! or still wait, and make no difference either way to what is found behind them, so one pass finds all. A pass looks at a
//! bounded number of claims at a time, and goes on where it stopped as long as nothing but its own events has happened.
//!
//! Invariant: no debt is settled with units that an older one on the same stock could take, nor with another channel's
//! unused guarantee.

use super::{Resolved, apply};
use crate::answer::HoldState;
use crate::event::{Event, EventHold, EventSink};
use crate::ids::ChannelId;
use crate::limits::{CLAIMS_PER_SETTLEMENT_MAX, DEBTS_PER_EVENT_MAX, KEYS_PER_SETTLEMENT_MAX};
use crate::state::State;
use crate::state::channels::ChannelUse;
use crate::state::debts::{Claim, Debt};
use crate::state::records::LineRecord;
use crate::state::table::Handle;
use scrip_planted::{Bug, on};
use std::collections::{BTreeMap, BTreeSet};
use zerocopy::little_endian::U32;

/// What an event calls debts; its room is reused.
#[derive(Debug, Default)]
pub struct DebtNames {
    holds: Vec<EventHold>,
    keys: Vec<U32>,
}

/// One stock, as far as a pass has gone through its claims.
struct Lane {
    stock: Handle,
    /// Claims of debts below this age are in `older`.
    passed: u64,
    /// Units claimed so far, by channel.
    older: Vec<(ChannelId, u64)>,
}

impl Lane {
    /// Goes past the claims of debts below `age`; answers how many.
    fn pass(&mut self, state: &State, age: u64) -> usize {
        let from = state.debts.position_of(self.stock, self.passed);
        let mut passed = 0;
        for claim in state.debts.claims_on(self.stock, from).take_while(|claim| claim.age < age) {
            match self.older.iter_mut().find(|(channel, _)| *channel == claim.channel) {
                Some((_, units)) => *units += claim.units,
                None => self.older.push((claim.channel, claim.units)),
            }
            passed += 1;
        }
        self.passed = self.passed.max(age);
        passed
    }

    /// A debt of this age has been settled: if it was passed, it no longer claims anything.
    fn settled(&mut self, age: u64, channel: ChannelId, units: u64) {
        if self.passed > age {
            let older = self.older.iter_mut().find(|(of, _)| *of == channel);
            older.expect("what was passed is counted").1 -= units;
        }
    }

    fn claimed(&self) -> impl Fn(&ChannelUse) -> u64 {
        |found| {
            self.older.iter().find(|(channel, _)| *channel == found.channel).map_or(0, |(_, units)| *units)
        }
    }

    fn has(&self, state: &State, channel: ChannelId, units: u64) -> bool {
        let stock = state.stock(self.stock);
        let room = || stock.channels.room_behind(channel, stock.units.available, &self.claimed());
        !stock.terms.frozen && units <= room()
    }

    /// The next claim that may find something, if any may.
    fn next(&self, state: &State) -> Option<Claim> {
        let stock = state.stock(self.stock);
        if stock.terms.frozen || !stock.channels.room_for_debts(stock.units.available, &self.claimed()) {
            return None;
        }
        let from = state.debts.position_of(self.stock, self.passed);
        state.debts.claims_on(self.stock, from).next().copied()
    }
}

/// A pass through the debts; its room is reused.
#[derive(Default)]
pub struct Pass {
    lanes: Vec<Lane>,
    /// Which lane is a stock's.
    places: BTreeMap<Handle, usize>,
    /// Age of the next debt of a lane, and which lane.
    heads: BTreeSet<(u64, usize)>,
    /// Claims of the debts that were found: age, lane, channel, units.
    found: Vec<(u64, usize, ChannelId, u64)>,
    /// Claims looked at in this step.
    looks: usize,
    /// The sequence up to which the pass knows everything, if it has not come to its end.
    stopped_at: Option<u64>,
    resolved: Resolved,
    names: DebtNames,
}

impl Pass {
    /// Settles the oldest debts that can be, as many as one event takes and a step finds. If these are all, nothing is left
    /// to be settled.
    pub fn settle(&mut self, state: &mut State, sink: &mut impl EventSink) {
        let mut found = core::mem::take(&mut self.resolved.debts);
        let are_all = self.find(state, &mut found);
        self.resolved.debts = found;
        if !self.resolved.debts.is_empty() {
            post_debts(state, (&self.resolved, &mut self.names), sink, true);
        }
        if are_all {
            state.debts.all_settled();
            return;
        }
        for (age, lane, channel, units) in self.found.drain(..) {
            self.lanes[lane].settled(age, channel, units);
        }
        self.stopped_at = Some(state.sequence);
    }

    /// Fills `found` with the oldest debts that can be settled; answers whether these are all.
    fn find(&mut self, state: &State, found: &mut Vec<Debt>) -> bool {
        found.clear();
        self.found.clear();
        if on(Bug::DebtsNewestFirst) {
            return plant_newest_first(state, found);
        }
        if self.stopped_at.take() != Some(state.sequence) {
            self.begin(state);
        }
        let mut keys = 0;
        self.looks = 0;
        while let Some((age, lane)) = self.heads.pop_first() {
            if self.looks >= CLAIMS_PER_SETTLEMENT_MAX {
                self.heads.insert((age, lane));
                return false;
            }
            let claim = self.lanes[lane].next(state).expect("a lane's head is its next claim");
            let known = self.found.len();
            if self.can_be_had(state, &claim) {
                let more_keys = keys_of(state, claim.debt.hold);
                let is_full =
                    found.len() == DEBTS_PER_EVENT_MAX || keys + more_keys > KEYS_PER_SETTLEMENT_MAX;
                if is_full && !found.is_empty() {
                    self.found.truncate(known);
                    self.heads.insert((age, lane));
                    return false;
                }
                keys += more_keys;
                found.push(claim.debt);
            }
            self.go_on(state, lane, age);
            // The same debt on another stock in question.
            while let Some((_, other)) = self.heads.first().copied().filter(|(head, _)| *head == age) {
                self.heads.pop_first();
                self.go_on(state, other, age);
            }
        }
        true
    }

    /// A pass begins with the oldest debts of the stocks in question.
    fn begin(&mut self, state: &State) {
        self.lanes.clear();
        self.places.clear();
        self.heads.clear();
        for stock in state.debts.unsettled() {
            let lane = self.lane_of(stock);
            self.note_head(state, lane);
        }
    }

    /// Goes past the debt of this age, to the next one.
    fn go_on(&mut self, state: &State, lane: usize, age: u64) {
        self.looks += self.lanes[lane].pass(state, age + 1);
        self.note_head(state, lane);
    }

    fn note_head(&mut self, state: &State, lane: usize) {
        if let Some(claim) = self.lanes[lane].next(state) {
            self.heads.insert((claim.age, lane));
        }
    }

    /// Whether all lines of a debt find their units behind the claims of older ones; notes its claims then.
    fn can_be_had(&mut self, state: &State, claim: &Claim) -> bool {
        let known = self.found.len();
        if let Some(key) = claim.debt.key() {
            let place = self.lane_of(state.stock_of_key(key));
            self.looks += self.lanes[place].pass(state, claim.age);
            let has = self.lanes[place].has(state, claim.channel, claim.units);
            if has {
                self.found.push((claim.age, place, claim.channel, claim.units));
            }
            return has;
        }
        let hold = state.holds.get(claim.debt.hold);
        let owed = || state.lines(hold).filter(|line| line.asked() > 0);
        for (position, line) in owed().enumerate() {
            let stock = Handle(line.stock);
            if owed().take(position).any(|earlier| earlier.stock == line.stock) {
                continue;
            }
            let place = self.lane_of(stock);
            let lane = &mut self.lanes[place];
            self.looks += lane.pass(state, claim.age);
            let units = owed().filter(|line| line.stock == stock.0).map(|line| u64::from(line.asked())).sum();
            if !lane.has(state, claim.channel, units) {
                self.found.truncate(known);
                return false;
            }
            self.found.push((claim.age, place, claim.channel, units));
        }
        true
    }

    /// Where the lane of a stock is; it is made if there is none.
    fn lane_of(&mut self, stock: Handle) -> usize {
        let Pass { lanes, places, .. } = self;
        *places.entry(stock).or_insert_with(|| {
            lanes.push(Lane { stock, passed: 0, older: Vec::new() });
            lanes.len() - 1
        })
    }
}

/// Posts an event about the debts that were resolved, and applies it: they are settled, or end in vain.
pub fn post_debts(
    state: &mut State,
    (resolved, names): (&Resolved, &mut DebtNames),
    sink: &mut impl EventSink,
    are_settled: bool,
) {
    let DebtNames { holds, keys } = names;
    holds.clear();
    keys.clear();
    holds.extend(resolved.debts.iter().map(|debt| EventHold::new(state.holds.get(debt.hold).key())));
    if resolved.debts.iter().any(|debt| debt.key().is_some()) {
        keys.extend(resolved.debts.iter().map(|debt| U32::new(debt.key)));
    }
    let event = if are_settled { Event::Settled { holds, keys } } else { Event::Unfulfilled { holds, keys } };
    sink.push(&event);
    apply(state, &event, resolved);
}

/// Card keys that settling a debt binds, or among which one is replaced.
fn keys_of(state: &State, hold: Handle) -> u64 {
    let hold = state.holds.get(hold);
    let is_owed = hold.state() == HoldState::Owed;
    let keys = |line: &LineRecord| u64::from(if is_owed { line.asked() } else { line.current });
    state.lines(hold).filter(|line| state.stock(Handle(line.stock)).keys).map(keys).sum()
}

/// [`Bug::DebtsNewestFirst`].
fn plant_newest_first(state: &State, found: &mut Vec<Debt>) -> bool {
    for stock in state.debts.unsettled() {
        let mut claims: Vec<&Claim> = state.debts.claims_on(stock, 0).collect();
        claims.reverse();
        let available = state.stock(stock).units.available;
        let free = state.stock(stock).channels.unused_guarantees() == 0 && !state.stock(stock).terms.frozen;
        found.extend(claims.iter().find(|it| free && !it.wide && it.units <= available).map(|it| it.debt));
        if !found.is_empty() {
            return false;
        }
    }
    true
}

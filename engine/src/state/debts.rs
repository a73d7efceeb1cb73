//! Debts: sales and confirmed holds whose units are owed, in the order they were made.
//!
//! They stand here because who waits for what decides what new demand finds. A debt is a hold in state owed; this is the
//! index of them: by age, by stock and by deadline. Channels count what is owed through them, so that a decision need not
//! look at any debt.
//!
//! Invariant: every owed hold has one age, one deadline and one claim on each of its stocks, and every stock's channels
//! count the units of its claims. Which stocks are to be looked at is known to the living alone and no part of the state.

use super::State;
use super::table::Handle;
use crate::ids::ChannelId;
use scrip_planted::{Bug, on};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a debt claims of one stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The debt's age: lower ones are older.
    pub age: u64,
    /// The debt.
    pub hold: Handle,
    /// The channel that made it.
    pub channel: ChannelId,
    /// Whether it may claim other stocks, too.
    pub wide: bool,
    /// Units, over all lines on the stock.
    pub units: u64,
}

/// All debts.
#[derive(Debug, Default)]
pub struct Debts {
    next_age: u64,
    ages: BTreeMap<Handle, u64>,
    deadlines: BTreeSet<(u64, u64, Handle)>,
    queues: BTreeMap<Handle, VecDeque<Claim>>,
    claims: u32,
    unsettled: BTreeSet<Handle>,
    /// History settles nothing.
    started: bool,
}

impl Debts {
    /// Claims of all debts: one for each stock a debt waits for.
    pub fn claims(&self) -> u32 {
        self.claims
    }

    /// The debts, from first to last made.
    pub fn by_age(&self) -> impl Iterator<Item = (u64, Handle)> {
        let mut debts: Vec<(u64, Handle)> = self.ages.iter().map(|(hold, age)| (*age, *hold)).collect();
        debts.sort_unstable();
        debts.into_iter()
    }

    /// The age that the next debt gets.
    pub fn next_age(&self) -> u64 {
        self.next_age
    }

    /// How many debts a stock has.
    pub fn count(&self, stock: Handle) -> usize {
        self.queues.get(&stock).map_or(0, VecDeque::len)
    }

    /// The claims on a stock from a position on, the oldest first.
    pub fn claims_on(&self, stock: Handle, from: usize) -> impl Iterator<Item = &Claim> {
        self.queues.get(&stock).into_iter().flat_map(move |queue| queue.range(from.min(queue.len())..))
    }

    /// Where the first claim on a stock stands that is at least as young as `age`.
    pub fn position_of(&self, stock: Handle, age: u64) -> usize {
        self.queues.get(&stock).map_or(0, |queue| queue.partition_point(|claim| claim.age < age))
    }

    /// How many debts of a stock there are up to this one.
    pub fn position(&self, hold: Handle, stock: Handle) -> u32 {
        let age = self.ages[&hold];
        self.position_of(stock, age) as u32 + 1
    }

    /// The next deadline of a debt; the end of time if there is none.
    pub fn next_deadline_ms(&self) -> u64 {
        if on(Bug::DebtDeadlineIgnored) {
            return u64::MAX;
        }
        self.deadlines.first().map_or(u64::MAX, |(deadline_ms, ..)| *deadline_ms)
    }

    /// The debts that end at `due_ms`, at most `count_max`.
    pub fn due(&self, due_ms: u64, count_max: usize, out: &mut Vec<Handle>) {
        let due = self.deadlines.iter().take_while(|(deadline_ms, ..)| *deadline_ms == due_ms);
        out.clear();
        out.extend(due.take(count_max).map(|(.., hold)| *hold));
    }

    /// Deadlines noted.
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }

    /// Whether some debts may be settled: to be found out before anything else happens.
    #[inline]
    pub fn is_unsettled(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// The stocks of those debts.
    pub fn unsettled(&self) -> impl Iterator<Item = Handle> {
        self.unsettled.iter().copied()
    }

    /// Some of a stock's debts may be settled.
    pub(crate) fn unsettle(&mut self, stock: Handle) {
        if self.started {
            self.unsettled.insert(stock);
        }
    }

    /// All that can be settled is.
    pub(crate) fn all_settled(&mut self) {
        self.unsettled.clear();
    }

    /// From here on debts are settled; history may have left some.
    pub(crate) fn start(&mut self) {
        self.started = true;
        self.unsettled.extend(self.queues.keys());
    }
}

/// Writing: for `apply` alone.
impl State {
    /// What an owed hold claims, stock by stock.
    fn claims_of(&self, hold: Handle) -> Vec<(Handle, u64)> {
        let mut claims: Vec<(Handle, u64)> = Vec::new();
        for line in self.lines(self.holds.get(hold)).filter(|line| line.asked() > 0) {
            match claims.iter_mut().find(|(stock, _)| stock.0 == line.stock) {
                Some((_, units)) => *units += u64::from(line.asked()),
                None => claims.push((Handle(line.stock), u64::from(line.asked()))),
            }
        }
        claims
    }

    /// A hold is owed its units from now on: the youngest debt.
    pub(crate) fn owe(&mut self, hold: Handle) {
        let record = self.holds.get(hold);
        let (channel, wide, deadline_ms) = (record.channel(), record.lines > 1, record.deadline_ms());
        let age = self.debts.next_age;
        self.debts.next_age += 1;
        self.debts.ages.insert(hold, age);
        self.debts.deadlines.insert((deadline_ms, age, hold));
        for (stock, units) in self.claims_of(hold) {
            self.stocks[stock.0 as usize].channels.owe(channel, units);
            let queue = self.debts.queues.entry(stock).or_default();
            queue.push_back(Claim { age, hold, channel, wide, units });
            self.debts.claims += 1;
        }
    }

    /// A hold is no longer owed its units. `others` of its stocks' debts may be settled if they could not be before.
    pub(crate) fn forgive(&mut self, hold: Handle, others: bool) {
        let record = self.holds.get(hold);
        let (channel, deadline_ms) = (record.channel(), record.deadline_ms());
        let age = self.debts.ages.remove(&hold).expect("an owed hold is a debt");
        assert!(self.debts.deadlines.remove(&(deadline_ms, age, hold)), "a debt has a deadline");
        for (stock, units) in self.claims_of(hold) {
            self.stocks[stock.0 as usize].channels.forgive(channel, units);
            let queue = self.debts.queues.get_mut(&stock).expect("a debt claims its stocks");
            let at = queue.binary_search_by_key(&age, |claim| claim.age).expect("a debt claims its stocks");
            queue.remove(at);
            self.debts.claims -= 1;
            if queue.is_empty() {
                self.debts.queues.remove(&stock);
                self.debts.unsettled.remove(&stock);
            } else if others {
                self.debts.unsettle(stock);
            }
        }
    }

    /// Something has happened to a stock after which debts of it may be settled.
    #[inline]
    pub(crate) fn unsettle(&mut self, stock: Handle) {
        if self.stocks[stock.0 as usize].channels.owed() > 0 {
            self.debts.unsettle(stock);
        }
    }
}

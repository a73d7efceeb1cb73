//! Debts: sales and confirmed holds whose units are owed, and replacements of card keys, in the order they were made.
//!
//! They stand here because who waits for what decides what new demand finds. A debt is a hold in state owed, or a void key
//! in its place in a confirmed hold; this is the index of them: by age, by stock and by deadline. Channels count what is owed through them, so that a decision need not
//! look at any debt.
//!
//! Invariant: every owed hold and owed place has one age, one deadline and one claim on each of its stocks, and every stock's channels
//! count the units of its claims. Which stocks are to be looked at is known to the living alone and no part of the state.

use super::State;
use super::records::HoldRecord;
use super::table::{Handle, NONE};
use crate::ids::ChannelId;
use scrip_planted::{Bug, on};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Something that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Debt {
    /// The hold it is owed to.
    pub hold: Handle,
    /// The void key whose replacement is owed; [`NONE`]: all units of the hold are.
    pub key: u32,
}

impl Debt {
    /// All units of a hold.
    pub const fn of_hold(hold: Handle) -> Debt {
        Debt { hold, key: NONE }
    }

    /// The key whose replacement it is.
    pub fn key(&self) -> Option<Handle> {
        (self.key != NONE).then_some(Handle(self.key))
    }
}

/// What a debt claims of one stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The debt's age: lower ones are older.
    pub age: u64,
    /// The debt.
    pub debt: Debt,
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
    /// Age and deadline of each.
    known: BTreeMap<Debt, (u64, u64)>,
    deadlines: BTreeSet<(u64, u64, Debt)>,
    /// Whoever was owed a card key must find out what has become of it: as a sale's end, a debt's end is remembered.
    remembered: BTreeMap<Handle, u64>,
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
    pub fn by_age(&self) -> impl Iterator<Item = (u64, Debt)> {
        let mut debts: Vec<(u64, Debt)> = self.known.iter().map(|(debt, (age, _))| (*age, *debt)).collect();
        debts.sort_unstable();
        debts.into_iter()
    }

    /// When a debt ends.
    pub fn deadline_ms(&self, debt: Debt) -> u64 {
        self.known[&debt].1
    }

    /// The last deadline of a replacement that is owed to this hold, if any is.
    fn last_replacement_ms(&self, hold: Handle) -> Option<u64> {
        let of_hold = self.known.range(Debt { hold, key: 0 }..Debt::of_hold(hold));
        of_hold.map(|(_, (_, deadline_ms))| *deadline_ms).max()
    }

    /// The holds in memory to which a replacement was ever owed, each with the time until which the last one is, or was.
    pub fn remembered(&self) -> impl Iterator<Item = (Handle, u64)> {
        self.remembered.iter().map(|(hold, until_ms)| (*hold, *until_ms))
    }

    /// Until when a replacement is, or was, owed to a hold; 0: none ever was.
    pub fn owed_key_until_ms(&self, hold: Handle) -> u64 {
        self.remembered.get(&hold).copied().unwrap_or(0)
    }

    /// A hold leaves memory.
    pub(crate) fn forget(&mut self, hold: Handle) {
        self.remembered.remove(&hold);
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
    pub fn position(&self, debt: Debt, stock: Handle) -> u32 {
        let (age, _) = self.known[&debt];
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
    pub fn due(&self, due_ms: u64, count_max: usize, out: &mut Vec<Debt>) {
        let due = self.deadlines.iter().take_while(|(deadline_ms, ..)| *deadline_ms == due_ms);
        out.clear();
        out.extend(due.take(count_max).map(|(.., debt)| *debt));
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

impl State {
    /// The stock of a card key.
    pub fn stock_of_key(&self, key: Handle) -> Handle {
        let batch = self.keys.batch_of(self.keys.records.get(key));
        self.keys.batches[batch as usize].stock
    }

    /// What a debt claims, stock by stock.
    pub fn claims_of(&self, debt: Debt) -> Vec<(Handle, u64)> {
        if let Some(key) = debt.key() {
            return vec![(self.stock_of_key(key), 1)];
        }
        let mut claims: Vec<(Handle, u64)> = Vec::new();
        for line in self.lines(self.holds.get(debt.hold)).filter(|line| line.asked() > 0) {
            match claims.iter_mut().find(|(stock, _)| stock.0 == line.stock) {
                Some((_, units)) => *units += u64::from(line.asked()),
                None => claims.push((Handle(line.stock), u64::from(line.asked()))),
            }
        }
        claims
    }
}

/// Writing: for `apply` alone.
impl State {
    /// Something is owed from now on until a deadline: the youngest debt.
    pub(crate) fn owe(&mut self, debt: Debt, deadline_ms: u64) {
        let record = self.holds.get(debt.hold);
        let (channel, wide) = (record.channel(), record.line_count() > 1 && debt.key().is_none());
        let age = self.debts.next_age;
        self.debts.next_age += 1;
        self.debts.known.insert(debt, (age, deadline_ms));
        if debt.key().is_some() {
            let record = self.holds.get_mut(debt.hold);
            record.flags |= HoldRecord::OWED_KEY;
            // The youngest one ends last.
            self.debts.remembered.insert(debt.hold, deadline_ms);
            self.change_cards(debt.hold, |state, _, line| state.keep_lots(line, deadline_ms));
        }
        self.debts.deadlines.insert((deadline_ms, age, debt));
        for (stock, units) in self.claims_of(debt) {
            self.stocks[stock.0 as usize].channels.owe(channel, units);
            let queue = self.debts.queues.entry(stock).or_default();
            queue.push_back(Claim { age, debt, channel, wide, units });
            self.debts.claims += 1;
        }
    }

    /// Something is no longer owed. `others` of its stocks' debts may be settled if they could not be before.
    pub(crate) fn forgive(&mut self, debt: Debt, others: bool) {
        let channel = self.holds.get(debt.hold).channel();
        let (age, deadline_ms) = self.debts.known.remove(&debt).expect("what is owed is a debt");
        assert!(self.debts.deadlines.remove(&(deadline_ms, age, debt)), "a debt has a deadline");
        if debt.key().is_some() {
            let until_ms = self.debts.last_replacement_ms(debt.hold).unwrap_or(self.now_ms);
            self.debts.remembered.insert(debt.hold, until_ms);
        }
        for (stock, units) in self.claims_of(debt) {
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

//! Which hold has the line of an order, on stocks that an order can buy once.
//!
//! One index entry per order and stock, of the hold that took the line last: an order has one that is alive at most, so entries never
//! pile up under one hash, however often an order asks. It is derived from the holds in memory and leaves with them.
//!
//! Invariant: the entry of an order's line names the hold that is alive with it and not gone, if there is one; and the index has room for the line of
//! every hold in memory, so that a late confirmation can take its line back.

use super::State;
use super::index::Index;
use super::records::HoldRecord;
use super::recount::{RecountError, same};
use super::table::Handle;
use crate::answer::HoldState;
use crate::command::Take;
use crate::ids::{OrderId, StockId};
use crate::limits::LINES_MAX;
use scrip_planted::{Bug, on};

/// The index, and what it has to have room for.
pub struct OrderLines {
    index: Index,
    /// Lines of holds in memory, each stock once per hold.
    used: u32,
    /// Stocks that an order can buy once.
    stocks: u32,
}

impl OrderLines {
    /// An index for `lines_max` lines, all of its memory touched.
    pub fn new(lines_max: u32) -> OrderLines {
        OrderLines { index: Index::new(lines_max), used: 0, stocks: 0 }
    }

    /// Lines of holds in memory.
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Whether there is any stock that an order can buy once.
    #[inline]
    pub fn matter(&self) -> bool {
        self.stocks > 0
    }

    pub(super) fn note_stock(&mut self, once_per_order: bool) {
        self.stocks += u32::from(once_per_order);
    }
}

/// The stocks of a hold that its order can buy once, each of them once.
struct Lines {
    stocks: [u32; LINES_MAX],
    count: usize,
}

impl Lines {
    fn iter(&self) -> impl Iterator<Item = Handle> {
        self.stocks[..self.count].iter().map(|stock| Handle(*stock))
    }
}

impl State {
    /// The hold that is alive with an order's line, seen at shard time `now_ms`: held, owed, or confirmed with units
    /// left.
    pub fn order_line(&self, order: OrderId, stock: Handle, now_ms: u64) -> Option<Handle> {
        if order.0 == 0 || on(Bug::OrderLineSoldTwice) {
            return None;
        }
        let handle = self.last_taker(order, stock)?;
        let hold = self.holds.get(handle);
        (self.has_units_left(hold, stock) && !self.is_gone(handle, now_ms)).then_some(handle)
    }

    /// Whether it is held, owed or confirmed, with units of this stock left.
    fn has_units_left(&self, hold: &HoldRecord, stock: Handle) -> bool {
        let mut lines = self.lines(hold).filter(|line| line.stock == stock.0);
        match hold.state() {
            HoldState::Held | HoldState::Confirmed => lines.any(|line| line.current > line.returned),
            HoldState::Owed => lines.any(|line| line.asked() > 0),
            _ => false,
        }
    }

    /// Begins to bring the entries that a take will look up into the cache.
    #[inline]
    pub(crate) fn prefetch_order_line(&self, take: &Take<'_>) {
        if self.order_lines.matter() && take.order.0 != 0 {
            self.order_lines.index.prefetch(self.line_hash(take.order, take.lines[0].stock()));
        }
    }

    fn last_taker(&self, order: OrderId, stock: Handle) -> Option<Handle> {
        self.order_lines.index.find(self.line_hash(order, self.stock(stock).id), |handle| {
            let hold = self.holds.get(handle);
            hold.order == order.0 && self.lines(hold).any(|line| line.stock == stock.0 && line.reserved > 0)
        })
    }

    fn line_hash(&self, order: OrderId, stock: StockId) -> u32 {
        self.hasher.hash_one((order.0, stock.0)) as u32
    }

    fn once_lines(&self, hold: &HoldRecord) -> Lines {
        let mut lines = Lines { stocks: [0; LINES_MAX], count: 0 };
        if hold.order == 0 || !self.order_lines.matter() {
            return lines;
        }
        for line in self.lines(hold).filter(|line| line.reserved > 0) {
            let known = lines.stocks[..lines.count].contains(&line.stock);
            if !known && self.stock(Handle(line.stock)).once_per_order {
                lines.stocks[lines.count] = line.stock;
                lines.count += 1;
            }
        }
        lines
    }

    /// Compares what is counted with the records.
    pub(super) fn compare_order_lines(&self) -> Result<(), RecountError> {
        let (mut lines, mut lost) = (0, 0);
        for (handle, hold) in self.holds.iter().filter(|(_, hold)| hold.state != 0) {
            let once = self.once_lines(hold);
            lines += once.count as u64;
            if self.is_gone(handle, self.now_ms) {
                // It is as if it had never been: another may have its line before it has left memory.
                continue;
            }
            let named = |stock: Handle| self.last_taker(hold.order(), stock) == Some(handle);
            lost += once.iter().filter(|stock| self.has_units_left(hold, *stock) && !named(*stock)).count()
                as u64;
        }
        same("lines of orders", u64::from(self.order_lines.used), lines)?;
        same("holds without their order's line", 0, lost)
    }
}

/// Writing: for `apply` alone.
impl State {
    /// A new hold takes the lines of its order.
    #[inline]
    pub(crate) fn claim_order_lines(&mut self, handle: Handle) {
        if self.order_lines.matter() {
            self.order_lines.used += self.retake_order_lines(handle);
        }
    }

    /// A hold takes the lines of its order that it has units of, from holds that are not alive any more; answers how many
    /// lines it has in all.
    pub(crate) fn retake_order_lines(&mut self, handle: Handle) -> u32 {
        let hold = *self.holds.get(handle);
        let lines = self.once_lines(&hold);
        for stock in lines.iter() {
            if !self.has_units_left(&hold, stock) {
                // Confirmed late without this line: another hold may be alive with it.
                continue;
            }
            let hash = self.line_hash(hold.order(), self.stock(stock).id);
            if let Some(before) = self.last_taker(hold.order(), stock) {
                self.order_lines.index.remove(hash, before);
            }
            self.order_lines.index.insert(hash, handle);
        }
        lines.count as u32
    }

    /// A hold leaves memory.
    pub(super) fn drop_order_lines(&mut self, handle: Handle) {
        if !self.order_lines.matter() {
            return;
        }
        let hold = *self.holds.get(handle);
        let lines = self.once_lines(&hold);
        self.order_lines.used -= lines.count as u32;
        for stock in lines.iter() {
            if self.last_taker(hold.order(), stock) == Some(handle) {
                let hash = self.line_hash(hold.order(), self.stock(stock).id);
                self.order_lines.index.remove(hash, handle);
            }
        }
    }
}

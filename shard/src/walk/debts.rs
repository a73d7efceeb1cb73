//! The walk's law of debts: whoever waits for one stock alone is served before everybody who asked later for that stock
//! through the same channel.
//!
//! It stands beside the books because they only count units. The law says less than the engine keeps: a debt on several
//! stocks may be passed while it waits for another of them, and channels have guarantees of their own. What it does say
//! needs no units: a later debt finds nothing behind an older one that can't be had.
//!
//! Invariant: a queue names the debts that are open, by the order in which they were made.

use scrip_engine::ids::{ChannelId, StockId};
use std::collections::{BTreeMap, BTreeSet};

/// Open debts on one stock alone, by stock and channel.
#[derive(Debug, Default)]
pub(super) struct Queues {
    waiting: BTreeMap<(StockId, ChannelId), BTreeSet<u32>>,
}

impl Queues {
    /// A debt was made; `stocks` may name one several times.
    pub(super) fn open(&mut self, ordinal: u32, channel: ChannelId, stocks: &[StockId]) {
        if let Some(stock) = only(stocks) {
            self.waiting.entry((stock, channel)).or_default().insert(ordinal);
        }
    }

    /// A debt has ended, whichever way.
    pub(super) fn close(&mut self, ordinal: u32, channel: ChannelId, stocks: &[StockId]) {
        let Some(stock) = only(stocks) else { return };
        if let Some(queue) = self.waiting.get_mut(&(stock, channel)) {
            queue.remove(&ordinal);
            if queue.is_empty() {
                self.waiting.remove(&(stock, channel));
            }
        }
    }

    /// A stock for which an older debt waits still that this one must not overtake.
    pub(super) fn overtaken(&self, ordinal: u32, channel: ChannelId, stocks: &[StockId]) -> Option<StockId> {
        let is_passed = |stock: &&StockId| {
            let queue = self.waiting.get(&(**stock, channel));
            queue.and_then(BTreeSet::first).is_some_and(|oldest| *oldest < ordinal)
        };
        stocks.iter().find(is_passed).copied()
    }
}

/// The one stock that all of these are.
fn only(stocks: &[StockId]) -> Option<StockId> {
    let first = stocks.first()?;
    stocks.iter().all(|stock| stock == first).then_some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: ChannelId = ChannelId(3);
    const A: StockId = StockId(1);
    const B: StockId = StockId(2);

    #[test]
    fn an_older_debt_on_the_same_stock_and_channel_goes_first() {
        let mut queues = Queues::default();
        queues.open(1, APP, &[A, A]);
        queues.open(2, APP, &[A, B]);
        assert_eq!(queues.overtaken(3, APP, &[B, A]), Some(A));
        assert_eq!(queues.overtaken(1, APP, &[A]), None, "it does not overtake itself");
        assert_eq!(queues.overtaken(3, APP, &[B]), None, "a debt on two stocks may wait for the other");
        assert_eq!(queues.overtaken(3, ChannelId(4), &[A]), None, "another channel has its own units");
        queues.close(1, APP, &[A, A]);
        assert_eq!(queues.overtaken(3, APP, &[B, A]), None);
    }
}

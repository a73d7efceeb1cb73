//! The laws that the oracle holds itself to: an oracle that loses units proves nothing.

use super::Oracle;
use super::Stock;
use scrip_engine::answer::HoldState;
use scrip_engine::ids::StockId;
use scrip_engine::limits::CHANNELS_PER_STOCK_MAX;
use std::collections::BTreeMap;

impl Oracle {
    /// Panics unless the laws of every stock hold in themselves. Cheap enough for every command.
    pub fn check_stocks(&self) {
        for (id, stock) in &self.stocks {
            stock.check(*id);
        }
    }

    /// Panics unless the laws of every stock hold, its buckets and what is counted for its channels equal what the
    /// holds say, and every purchase is accounted for by a hold.
    pub fn check_laws(&self) {
        self.check_stocks();
        let mut held = BTreeMap::new();
        let mut consumed = self.departed.clone();
        let mut purchases = self.departed_purchases.clone();
        for record in self.records.values() {
            let Some(hold) = &record.hold else { continue };
            for line in &hold.lines {
                assert!(
                    0 <= line.returned && line.returned <= line.confirmed && line.confirmed <= line.reserved
                );
                let counts = match hold.state {
                    HoldState::Held => {
                        *held.entry((line.stock, hold.channel)).or_insert(0) += line.reserved;
                        line.reserved
                    }
                    HoldState::Confirmed => {
                        *consumed.entry((line.stock, hold.channel)).or_insert(0) +=
                            line.confirmed - line.returned;
                        line.confirmed - line.returned
                    }
                    _ => 0,
                };
                if line.counted {
                    *purchases.entry((line.stock, hold.user)).or_insert(0) += counts;
                }
            }
        }
        for (id, stock) in &self.stocks {
            for (channel, counted) in &stock.channels {
                let of = (*id, *channel);
                assert_eq!(held.remove(&of).unwrap_or(0), counted.held, "held units of {of:?}");
                assert_eq!(consumed.remove(&of).unwrap_or(0), counted.consumed, "consumed units of {of:?}");
            }
        }
        let uncounted = held.iter().chain(&consumed).find(|(_, units)| **units != 0);
        assert_eq!(uncounted, None, "units of a channel that its stock does not know");
        for (of, units) in &self.purchases {
            assert_eq!(purchases.get(of).copied().unwrap_or(0), *units, "counted purchases of {of:?}");
        }
    }
}

impl Stock {
    fn check(&self, id: StockId) {
        let buckets = [self.available, self.held, self.consumed, self.frozen, self.void];
        assert!(buckets.iter().all(|units| *units >= 0), "a bucket of {id} is negative: {self:?}");
        assert_eq!(buckets.iter().sum::<i128>(), self.total, "the buckets of {id} add up: {self:?}");
        assert!(self.marked_void >= 0 && self.marked_frozen >= 0, "a mark of {id} is negative: {self:?}");
        assert!(self.marked_void + self.marked_frozen <= self.held, "marks are held units: {id}: {self:?}");
        let counted = self.channels.values().fold((0, 0), |(held, consumed), channel| {
            assert!(channel.held >= 0 && channel.consumed >= 0 && channel.guaranteed >= 0, "{id}: {self:?}");
            assert!(channel.used() <= channel.cap, "a channel of {id} has used more than its cap: {self:?}");
            (held + channel.held, consumed + channel.consumed)
        });
        assert_eq!(counted, (self.held, self.consumed), "the channels of {id} add up: {self:?}");
        assert!(self.unused() <= self.available, "what is guaranteed of {id} is there: {self:?}");
        assert!(self.channels.len() <= CHANNELS_PER_STOCK_MAX, "{id} counts too many channels");
    }
}

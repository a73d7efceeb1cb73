//! The laws that the oracle holds itself to: an oracle that loses units proves nothing.

use super::Oracle;
use scrip_engine::answer::HoldState;
use std::collections::BTreeMap;

impl Oracle {
    /// Panics unless every stock's buckets add up to its total, equal what the holds say, and every purchase is
    /// accounted for by a hold.
    pub fn check_laws(&self) {
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
                        *held.entry(line.stock).or_insert(0) += line.reserved;
                        line.reserved
                    }
                    HoldState::Confirmed => {
                        *consumed.entry(line.stock).or_insert(0) += line.confirmed - line.returned;
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
            let buckets = [stock.available, stock.held, stock.consumed, stock.frozen, stock.void];
            assert!(buckets.iter().all(|units| *units >= 0), "a bucket of {id} is negative: {stock:?}");
            assert_eq!(buckets.iter().sum::<i128>(), stock.total, "the buckets of {id} add up: {stock:?}");
            assert!(
                stock.marked_void >= 0 && stock.marked_frozen >= 0,
                "a mark of {id} is negative: {stock:?}"
            );
            assert!(
                stock.marked_void + stock.marked_frozen <= stock.held,
                "marks are held units: {id}: {stock:?}"
            );
            assert_eq!(held.get(id).copied().unwrap_or(0), stock.held, "held units of {id}");
            assert_eq!(consumed.get(id).copied().unwrap_or(0), stock.consumed, "consumed units of {id}");
        }
        for (of, units) in &self.purchases {
            assert_eq!(purchases.get(of).copied().unwrap_or(0), *units, "counted purchases of {of:?}");
        }
    }
}

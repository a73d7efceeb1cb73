//! Whether CAPACITY was true: the oracle knows nothing of tables, but it knows what must be remembered.
//!
//! Invariant: a command is refused for want of room only if the records that must be kept fill the table that the
//! refusal names. What is gone takes no room.

use crate::oracle::{Hold, Oracle};
use crate::request::OwnedRequest;
use scrip_engine::ids::{StockId, UserId};
use scrip_engine::rejection::CapacityOf;
use std::collections::BTreeSet;

/// Records that the oracle must remember in the table `of`, and those that `request` would add.
pub fn needed(oracle: &Oracle, of: CapacityOf, request: &OwnedRequest) -> u64 {
    let wishes = request.take().map(|take| take.lines.as_slice()).unwrap_or_default();
    let count = match of {
        CapacityOf::Stocks => oracle.stocks.len() + 1,
        CapacityOf::Holds => holds(oracle).count() + 1,
        CapacityOf::ExtraLines => {
            let extra_lines: usize = holds(oracle).map(|hold| hold.lines.len() - 1).sum();
            extra_lines + wishes.len() - 1
        }
        CapacityOf::Operations => {
            let remembered = oracle.records.keys().filter_map(|key| oracle.record(*key));
            remembered.filter(|record| record.hold.is_none()).count() + 1
        }
        CapacityOf::UserLimits => {
            let mut entries = counted(oracle);
            let user = request.take().map_or(UserId(0), |take| take.user);
            let is_limited =
                |stock| oracle.stocks.get(stock).is_some_and(|stock| stock.terms.limit_per_user > 0);
            let limited = wishes.iter().filter(|wish| is_limited(&wish.stock));
            entries.extend(limited.map(|wish| (wish.stock, user)));
            entries.len()
        }
        CapacityOf::StockUnits | CapacityOf::LogSpace => unreachable!("not a table"),
    };
    count as u64
}

fn holds(oracle: &Oracle) -> impl Iterator<Item = &Hold> {
    oracle.records.keys().filter_map(|key| oracle.record(*key)?.hold.as_ref())
}

/// Whose purchases of what are counted: while units count, and while a hold that can be asked about points to them.
fn counted(oracle: &Oracle) -> BTreeSet<(StockId, UserId)> {
    let units = oracle.purchases.iter().filter(|(_, units)| **units > 0).map(|(of, _)| *of);
    let lines = holds(oracle).flat_map(|hold| {
        let counted = hold.lines.iter().filter(|line| line.counted);
        counted.map(|line| (line.stock, hold.user))
    });
    units.chain(lines).collect()
}

//! Room: the oracle knows nothing of tables, but it knows what must be remembered.
//!
//! Invariant: the engine keeps at least what the oracle remembers and at most what its tables hold; it refuses a command
//! for want of room only if a table that the command needs is full; and what is gone leaves its table in the end.

use crate::oracle::debts::waits_for;
use crate::oracle::{Hold, Oracle};
use crate::request::OwnedRequest;
use scrip_engine::Engine;
use scrip_engine::ids::{StockId, UserId};
use scrip_engine::rejection::CapacityOf;
use std::collections::BTreeSet;

/// The tables, in the order of `Engine::usage`.
pub const TABLES: [CapacityOf; 6] = [
    CapacityOf::Stocks,
    CapacityOf::Holds,
    CapacityOf::ExtraLines,
    CapacityOf::Operations,
    CapacityOf::UserLimits,
    CapacityOf::Debts,
];

/// Records that must be remembered, by table.
pub fn remembered(oracle: &Oracle) -> [u64; 6] {
    let holds = holds(oracle).count();
    let extra_lines: usize = self::holds(oracle).map(|hold| hold.lines.len() - 1).sum();
    let records = oracle.records.keys().filter(|key| oracle.record(**key).is_some()).count();
    let claims = oracle.stocks.values().map(|stock| stock.claims.len()).sum();
    [oracle.stocks.len(), holds, extra_lines, records - holds, counted(oracle).len(), claims]
        .map(|count| count as u64)
}

/// Records that `request` adds at most, by table.
pub fn added(oracle: &Oracle, request: &OwnedRequest) -> [u64; 6] {
    let Some(take) = request.take() else {
        return [1, 0, 0, 1, 0, 0];
    };
    let is_limited =
        |stock: &StockId| oracle.stocks.get(stock).is_some_and(|stock| stock.terms.limit_per_user > 0);
    let known = counted(oracle);
    let limited = take.lines.iter().map(|wish| wish.stock).filter(is_limited);
    let new: BTreeSet<StockId> = limited.filter(|stock| !known.contains(&(*stock, take.user))).collect();
    [0, 1, take.lines.len() as u64 - 1, 0, new.len() as u64, waits_for(request).len() as u64]
}

/// Panics unless the engine's tables hold at least what must be remembered, and no more than they can.
pub fn check(engine: &Engine, oracle: &Oracle) {
    for ((table, used, maximum), least) in engine.usage().into_iter().zip(remembered(oracle)) {
        assert!(least <= u64::from(used), "{least} {table} must be remembered, {used} are");
        assert!(used <= maximum, "{used} of at most {maximum} {table}");
    }
}

/// Panics unless the engine's tables hold exactly what must be remembered.
pub fn check_drained(engine: &Engine, oracle: &Oracle) {
    let used = engine.usage().map(|(_, used, _)| u64::from(used));
    assert_eq!(
        used,
        remembered(oracle),
        "what is gone has left {:?}",
        engine.usage().map(|(table, ..)| table)
    );
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

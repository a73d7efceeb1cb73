//! Room: the oracle knows nothing of tables, but it knows what must be remembered.
//!
//! Invariant: the engine keeps at least what the oracle remembers and at most what its tables hold; it refuses a command
//! for want of room only if a table that the command needs is full; and what is gone leaves its table in the end.

use crate::oracle::debts::waits_for;
use crate::oracle::{Hold, Oracle, Rule, Subject, told};
use crate::request::OwnedRequest;
use scrip_engine::Engine;
use scrip_engine::ids::StockId;
use scrip_engine::rejection::CapacityOf;
use std::collections::BTreeSet;

/// The tables, in the order of `Engine::usage`.
pub const TABLES: [CapacityOf; 10] = [
    CapacityOf::Stocks,
    CapacityOf::Holds,
    CapacityOf::ExtraLines,
    CapacityOf::Operations,
    CapacityOf::UserLimits,
    CapacityOf::RiskCounts,
    CapacityOf::OrderLines,
    CapacityOf::Debts,
    CapacityOf::Cards,
    CapacityOf::Redemptions,
];

/// Records that must be remembered, by table.
pub fn remembered(oracle: &Oracle) -> [u64; 10] {
    let holds = holds(oracle).count();
    let extra_lines: usize = self::holds(oracle).map(|hold| hold.lines.len() - 1).sum();
    let records = oracle.records.keys().filter(|key| oracle.record(**key).is_some()).count();
    let rules = oracle.risk.rules.values().flatten();
    let windows: usize = rules.map(|(_, rule)| Rule::living(rule, oracle.now_ms())).sum();
    let (counted, order_lines) = (counted(oracle).len(), order_lines(oracle));
    let claims = oracle.stocks.values().map(|stock| stock.claims.len()).sum();
    // The oracle knows no cards yet, and is asked for none.
    [oracle.stocks.len(), holds, extra_lines, records - holds, counted, windows, order_lines, claims, 0, 0]
        .map(|count| count as u64)
}

/// Records that `request` adds at most, by table.
pub fn added(oracle: &Oracle, request: &OwnedRequest) -> [u64; 10] {
    let Some(take) = request.take() else {
        return [1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    };
    let is_limited = |(stock, (kind, subject)): &(StockId, Subject)| {
        *subject != 0 && oracle.stocks.get(stock).is_some_and(|stock| stock.limit(*kind).is_any())
    };
    let known = counted(oracle);
    let wanted = take.lines.iter().flat_map(|wish| told(take).map(|subject| (wish.stock, subject)));
    let new: BTreeSet<_> = wanted.filter(is_limited).filter(|of| !known.contains(of)).collect();
    let windows = oracle.new_counts(&request.envelope, take);
    let once = take.lines.iter().map(|wish| wish.stock).filter(|stock| is_once(oracle, stock));
    let once = if take.order.0 == 0 { 0 } else { once.collect::<BTreeSet<_>>().len() };
    let waits = waits_for(request).len() as u64;
    [0, 1, take.lines.len() as u64 - 1, 0, new.len() as u64, windows as u64, once as u64, waits, 0, 0]
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

fn is_once(oracle: &Oracle, stock: &StockId) -> bool {
    oracle.stocks.get(stock).is_some_and(|stock| stock.once_per_order)
}

/// Lines of orders on stocks that an order can buy once.
fn order_lines(oracle: &Oracle) -> usize {
    let of_hold = |hold: &Hold| {
        let taken = hold.lines.iter().filter(|line| line.reserved > 0).map(|line| line.stock);
        taken.filter(|stock| is_once(oracle, stock)).collect::<BTreeSet<_>>().len()
    };
    holds(oracle).filter(|hold| hold.order.0 != 0).map(of_hold).sum()
}

fn holds(oracle: &Oracle) -> impl Iterator<Item = &Hold> {
    oracle.records.keys().filter_map(|key| oracle.record(*key)?.hold.as_ref())
}

/// Whose purchases of what are counted: while units count, and while a hold that can be asked about points to them.
fn counted(oracle: &Oracle) -> BTreeSet<(StockId, Subject)> {
    let units = oracle.purchases.iter().filter(|(_, purchases)| purchases.units > 0).map(|(of, _)| *of);
    let lines = holds(oracle).flat_map(|hold| {
        hold.lines.iter().flat_map(|line| line.subjects.iter().map(|subject| (line.stock, *subject)))
    });
    units.chain(lines).collect()
}

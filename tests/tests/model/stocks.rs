//! Stocks: the buckets, the marks on units held, and the only legal transitions between them.

use scrip_engine::ids::OperationId;
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome, OwnedStock};
use scrip_tests::request::OwnedCommand;
use scrip_tests::world::{TTL_MS, World, assert_refused, return_all};

/// Available, held, consumed, frozen, void, marked frozen, marked void.
fn buckets(stock: &OwnedStock) -> [u64; 7] {
    let OwnedStock { available, held, consumed, frozen, void, marked_frozen, marked_void, .. } = *stock;
    [available, held, consumed, frozen, void, marked_frozen, marked_void]
}

#[test]
fn a_mark_waits_until_a_hold_ends() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    world.reserve(10, &[(stock, 3)]);
    world.reserve(11, &[(stock, 3)]);
    world.reserve(12, &[(stock, 2)]);
    let moved = world.run(20, OwnedCommand::StockFreeze { stock, units: 5, forced: false });
    assert_eq!(moved, OwnedOutcome::StockChanged { value: 2 });
    let moved = world.run(21, OwnedCommand::StockVoid { stock, units: 4, from_frozen: false, forced: false });
    assert_eq!(moved, OwnedOutcome::StockChanged { value: 0 });
    assert_eq!(buckets(&world.show(stock)), [0, 8, 0, 2, 0, 3, 4]);
    world.release(10);
    assert_eq!(buckets(&world.show(stock)), [0, 5, 0, 2, 3, 3, 1], "void comes first");
    world.confirm(11);
    assert_eq!(buckets(&world.show(stock)), [0, 2, 3, 2, 3, 1, 1], "marks never exceed what is held");
    world.wait(u64::from(TTL_MS));
    assert_eq!(buckets(&world.show(stock)), [0, 0, 3, 3, 4, 0, 0]);
}

#[test]
fn unfreezing_takes_marks_back() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    world.reserve(10, &[(stock, 4)]);
    world.run(20, OwnedCommand::StockFreeze { stock, units: 3, forced: false });
    assert_eq!(buckets(&world.show(stock)), [0, 4, 0, 1, 0, 2, 0]);
    let moved = world.run(21, OwnedCommand::StockUnfreeze { stock, units: 2 });
    assert_eq!(moved, OwnedOutcome::StockChanged { value: 1 });
    assert_eq!(buckets(&world.show(stock)), [1, 4, 0, 0, 0, 1, 0]);
    let refusal = world.run(22, OwnedCommand::StockUnfreeze { stock, units: 2 });
    let facts = OwnedFacts::Units { stock, asked: 2, available: 1 };
    assert_eq!(refusal, OwnedOutcome::Refused { code: Code::OutOfStock, facts });
}

#[test]
fn sold_units_never_come_back_by_a_stock_command() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    world.reserve(10, &[(stock, 5)]);
    world.confirm(10);
    for (operation, command) in [
        (20, OwnedCommand::StockFreeze { stock, units: 1, forced: false }),
        (21, OwnedCommand::StockUnfreeze { stock, units: 1 }),
        (22, OwnedCommand::StockVoid { stock, units: 1, from_frozen: false, forced: false }),
        (23, OwnedCommand::StockVoid { stock, units: 1, from_frozen: true, forced: false }),
    ] {
        assert_refused(&world.run(operation, command), Code::OutOfStock);
    }
    assert_eq!(buckets(&world.show(stock)), [0, 0, 5, 0, 0, 0, 0]);
}

#[test]
fn a_return_is_bounded_by_what_was_confirmed() {
    let mut world = World::usual();
    let stock = world.stock(1, 9);
    world.reserve(10, &[(stock, 4), (stock, 2)]);
    world.run(10, OwnedCommand::Confirm { units: vec![3, 2], hidden: false });
    let give = |to_available, units| OwnedCommand::Return { hold: OperationId(10), to_available, units };
    assert_eq!(world.run(20, give(true, vec![1])), OwnedOutcome::Returned { units: 1 });
    assert_eq!(world.run(21, give(false, vec![0, 2])), OwnedOutcome::Returned { units: 2 });
    assert_refused(&world.run(22, give(true, vec![3])), Code::ExceedsHold);
    assert_refused(&world.run(23, give(true, vec![1, 1])), Code::ExceedsHold);
    assert_refused(&world.run(24, give(true, vec![1, 0, 0])), Code::ExceedsHold);
    assert_eq!(world.run(25, return_all(10)), OwnedOutcome::Returned { units: 2 });
    assert_refused(&world.run(26, return_all(10)), Code::AlreadyReversed);
    assert_refused(&world.run(27, give(true, vec![1])), Code::ExceedsHold);
    assert_eq!(buckets(&world.show(stock)), [7, 0, 0, 0, 2, 0, 0]);
}

//! What others get wrong, the rows that concern card keys: `situations.rs` has those of counters and holds. The table in
//! docs/semantics.md names each.

use super::keys::{
    STOCK, buckets, change, changing, import, importing, keys, reading, replacing, sell, shop_of,
};
use scrip_engine::command::{BatchChange, StockTerms};
use scrip_engine::ids::{OperationId, UserId};
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{Lack, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake};
use scrip_tests::world::{ANY_TERMS, TTL_MS, assert_refused, reserve, return_all, take};
use std::collections::BTreeSet;

fn by(user: u128, units: u32) -> OwnedTake {
    OwnedTake { user: UserId(user), ..take(&[(STOCK, units)]) }
}

#[test]
fn one_product_on_two_cart_lines_never_takes_a_key_twice() {
    let mut world = shop_of(3);
    let both = OwnedCommand::Sell { take: take(&[(STOCK, 2), (STOCK, 2)]), paid: false, hidden: false };
    let lack = |line| Lack { line, why: Code::OutOfStock, asked: 2, available: 3 };
    assert_eq!(world.run(10, both), OwnedOutcome::refused_lines(Code::OutOfStock, vec![lack(0), lack(1)]));
    let fitting = OwnedCommand::Sell { take: take(&[(STOCK, 2), (STOCK, 1)]), paid: false, hidden: false };
    assert_eq!(keys(&world.run(10, fitting)), [0, 1, 2]);
}

#[test]
fn a_limit_is_decided_in_the_event_that_binds_the_key() {
    let mut world = shop_of(5);
    let terms = StockTerms { limit_per_user: 1, ..ANY_TERMS };
    world.run(20, OwnedCommand::StockEdit { stock: STOCK, version: 1, terms });
    let buy = |user| OwnedCommand::Sell { take: by(user, 1), paid: false, hidden: false };
    let before = world.log.events;
    assert_eq!(keys(&world.run(10, buy(1))), [0]);
    assert_eq!(world.log.events, before + 1, "limit, unit and key in one event");
    assert_refused(&world.run(11, buy(1)), Code::UserLimit);
    assert_refused(&world.run(12, reserve(by(1, 1))), Code::UserLimit);
    assert_eq!(world.log.events, before + 1);
    assert_eq!(keys(&world.run(13, buy(2))), [1], "a refusal uses no key up");
}

#[test]
fn keys_of_an_abandoned_hold_are_sold_at_its_deadline_without_a_worker() {
    let mut world = shop_of(2);
    world.reserve(10, &[(STOCK, 2)]);
    world.wait(u64::from(TTL_MS) - 1);
    assert_refused(&world.run(11, sell(1)), Code::OutOfStock);
    world.wait(1);
    assert_eq!(keys(&world.run(11, sell(1))), [0], "and there is no hole in the queue");
}

#[test]
fn a_buyers_own_hold_on_the_last_key_does_not_block_the_retry() {
    let mut world = shop_of(1);
    world.run(10, reserve(by(1, 1)));
    assert_refused(&world.run(11, reserve(by(1, 1))), Code::OutOfStock);
    world.run(11, reserve(OwnedTake { replace: OperationId(10), ..by(1, 1) }));
    assert_refused(&world.confirm(10), Code::HoldReleased);
    assert_eq!(keys(&world.confirm(11)), [0]);
}

#[test]
fn a_refusal_of_a_key_after_payment_is_final_whatever_is_imported_later() {
    let mut world = shop_of(1);
    world.reserve(10, &[(STOCK, 1)]);
    world.wait(u64::from(TTL_MS));
    assert_eq!(keys(&world.run(11, sell(1))), [0]);
    let paid = OwnedCommand::Sell { take: by(3, 1), paid: true, hidden: false };
    let (late, refused) = (world.confirm(10), world.run(12, paid.clone()));
    assert_refused(&late, Code::HoldExpiredNoStock);
    assert_refused(&refused, Code::OutOfStock);
    assert_eq!(import(&mut world, 20, 1, &[100, 101]), 0b11);
    assert_eq!((world.confirm(10), world.run(12, paid)), (late, refused));
    assert_eq!(buckets(&mut world), ([2, 0, 1, 0, 0], [0, 0]));
}

#[test]
fn counts_of_keys_are_recounted_from_their_records() {
    let mut world = shop_of(12);
    world.run(10, sell(3));
    world.reserve(11, &[(STOCK, 2)]);
    world.run(12, replacing(10, 1));
    world.run(13, OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![1] });
    change(&mut world, 14, 1, BatchChange::Freeze);
    world.check_laws();
    world.release(11);
    change(&mut world, 15, 1, BatchChange::Unfreeze);
    let replayed = world.replayed();
    assert_eq!(replayed.recount(), Ok(()));
    assert_eq!(replayed.digest(), world.engine.digest());
    assert_eq!(buckets(&mut world), ([8, 0, 2, 0, 2], [0, 0]));
}

#[test]
fn no_key_is_refused_while_one_can_be_sold() {
    let mut world = shop_of(15);
    for hold in 0..15 {
        let held = world.reserve(1_000 + hold, &[(STOCK, 1)]);
        assert!(matches!(held, OwnedOutcome::Reserved { .. }), "the {hold}th: {held:?}");
        assert_eq!(world.counts(STOCK)[0], 14 - hold as u64);
    }
    let mut sold = BTreeSet::new();
    for hold in 0..15 {
        assert_refused(&world.run(2_000, sell(1)), Code::OutOfStock);
        world.release(1_000 + hold);
        sold.extend(keys(&world.run(3_000 + hold, sell(1))));
    }
    assert_eq!(sold, (0..15).collect(), "each key once");
    assert_refused(&world.run(2_000, sell(1)), Code::OutOfStock);
}

#[test]
fn no_stock_fix_makes_a_sold_key_available_again() {
    let mut world = shop_of(3);
    assert_eq!(keys(&world.run(10, sell(2))), [0, 1]);
    let stock = STOCK;
    // What a fix in a table would be: each is refused, finds nothing to move, or moves the unsold key alone.
    for (operation, fix) in [
        (20, OwnedCommand::StockSupply { stock, units: 2 }),
        (21, OwnedCommand::StockUnfreeze { stock, units: 2 }),
        (22, OwnedCommand::StockVoid { stock, units: 2, from_frozen: false, forced: true }),
        (23, return_all(10)),
        (24, OwnedCommand::Return { hold: OperationId(10), to_available: true, units: vec![1] }),
    ] {
        assert_refused(&world.run(operation, fix), Code::RuleFailed);
    }
    assert_refused(&world.run(25, changing(1, BatchChange::Unfreeze)), Code::NotActive);
    assert_eq!(change(&mut world, 26, 1, BatchChange::Freeze), 1);
    assert_eq!(change(&mut world, 27, 1, BatchChange::Unfreeze), 1);
    assert_eq!(world.run(28, importing(1, &[0, 1, 2])), OwnedOutcome::KeysImported { taken: 0 });
    assert_eq!(buckets(&mut world), ([1, 0, 2, 0, 0], [0, 0]));
    assert_eq!(keys(&world.run(11, sell(1))), [2]);
    // Void is for good, too.
    world.run(29, OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![2] });
    assert_eq!(world.run(30, importing(1, &[0, 1])), OwnedOutcome::KeysImported { taken: 0 });
    assert_refused(&world.run(12, sell(1)), Code::OutOfStock);
    assert_eq!(keys(&world.run(1, reading(11, 0))), [2]);
}

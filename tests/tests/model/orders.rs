//! One sale per order line: whatever the operation ids, an order gets what it pays for once.

use scrip_engine::command::StockKind;
use scrip_engine::ids::{OperationId, OrderId, Slot, StockId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake, Sealed, Wish};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, reserve, return_all, take};

/// A stock that an order can buy once.
fn once(world: &mut World, number: u64, units: u64) -> StockId {
    let (stock, name, terms) = (StockId::new(Slot(0), number), b"once".to_vec(), ANY_TERMS);
    let kind = if units == 0 { StockKind::Keys } else { StockKind::Counter };
    let create = OwnedCommand::StockCreate { stock, name, units, kind, once_per_order: true, terms };
    world.run(1 << 64 | u128::from(number), create);
    assert!(world.show(stock).once_per_order);
    stock
}

fn sell(take: OwnedTake) -> OwnedCommand {
    OwnedCommand::Sell { take, paid: true, hidden: false }
}

#[test]
fn a_callback_delivered_again_under_a_new_id_gets_the_keys_of_the_first_sale() {
    let mut world = World::usual();
    let stock = once(&mut world, 1, 0);
    let supplier = b"A".to_vec();
    world.run(2, OwnedCommand::BatchCreate { stock, batch: 1, cost: 1, expires_ms: 0, supplier });
    let (texts, sealed) = ((0..9).collect(), Sealed(vec![7; 9]));
    world.run(3, OwnedCommand::KeysImport { stock, batch: 1, texts, sealed });
    let first = world.run(10, sell(take(&[(stock, 2)])));
    assert_eq!(first.keys().map(|keys| keys.total), Some(2));
    let before = world.log.events;
    for again in 11..15 {
        world.wait(1_000);
        world.created_ms = world.now_ms;
        assert_eq!(world.run(again, sell(take(&[(stock, 2)]))), first);
    }
    assert_eq!(world.log.events, before, "nothing is logged");
    assert_eq!(world.counts(stock), [7, 0, 2]);
    // Another order, and none at all, are sold others.
    let other = world.run(20, sell(OwnedTake { order: OrderId(2), ..take(&[(stock, 2)]) }));
    assert_ne!(other.keys(), first.keys());
    world.run(21, sell(OwnedTake { order: OrderId(0), ..take(&[(stock, 2)]) }));
    world.run(22, sell(OwnedTake { order: OrderId(0), ..take(&[(stock, 2)]) }));
    assert_eq!(world.counts(stock), [1, 0, 8]);
}

#[test]
fn what_does_not_agree_with_the_first_sale_is_no_repeat_of_it() {
    let mut world = World::usual();
    let (stock, plain) = (once(&mut world, 1, 9), world.stock(2, 9));
    let first = world.run(10, sell(take(&[(stock, 1), (plain, 1), (stock, 1)])));
    let same = || take(&[(stock, 1), (plain, 1), (stock, 1)]);
    assert_eq!(world.run(11, sell(same())), first, "several lines on one stock are one line of the order");
    let others = [
        sell(take(&[(stock, 2)])),
        sell(take(&[(stock, 1), (plain, 1), (stock, 2)])),
        sell(OwnedTake { user: scrip_engine::ids::UserId(9), ..same() }),
        OwnedCommand::Sell { take: same(), paid: true, hidden: true },
        reserve(same()),
    ];
    for (number, other) in others.into_iter().enumerate() {
        assert_refused(&world.run(20 + number as u128, other), Code::OperationMismatch);
    }
    let wish = |stock, units, units_min| Wish { stock, units, units_min };
    let lines = vec![wish(stock, 3, 1), wish(plain, 5, 0), wish(stock, 1, 1)];
    let partial = OwnedTake { partial: true, lines, ..take(&[]) };
    assert_eq!(world.run(30, sell(partial)), first, "it could have been granted as much");
    assert!(matches!(world.run(31, sell(take(&[(plain, 1)]))), OwnedOutcome::Confirmed { .. }));
    assert_eq!(world.counts(stock), [7, 0, 2]);
}

#[test]
fn a_line_is_free_again_once_nothing_of_it_is_left() {
    let mut world = World::usual();
    let stock = once(&mut world, 1, 9);
    world.reserve(10, &[(stock, 2)]);
    assert_refused(&world.reserve(11, &[(stock, 2)]), Code::OperationMismatch);
    assert_refused(&world.run(12, sell(take(&[(stock, 2)]))), Code::OperationMismatch);
    // The buyer's retry takes the place of the buyer's hold.
    let replacing = OwnedTake { replace: OperationId(10), ..take(&[(stock, 2)]) };
    assert!(matches!(world.run(13, reserve(replacing)), OwnedOutcome::Reserved { .. }));
    world.release(13);
    world.reserve(14, &[(stock, 2)]);
    world.run(14, OwnedCommand::Cancel);
    world.reserve(15, &[(stock, 2)]);
    let first = world.confirm(15);
    assert_eq!(world.run(16, sell(take(&[(stock, 2)]))), first, "a SELL of what a CONFIRM has sold");
    world.run(17, OwnedCommand::Return { hold: OperationId(15), to_available: true, units: vec![1] });
    assert_eq!(world.run(18, sell(take(&[(stock, 2)]))), first, "one of them is left");
    world.run(19, return_all(15));
    assert!(matches!(world.run(20, sell(take(&[(stock, 3)]))), OwnedOutcome::Confirmed { .. }));
    assert_eq!(world.counts(stock), [6, 0, 3]);
    world.check_laws();
}

#[test]
fn a_retry_after_expiry_works_and_its_late_payment_is_refunded() {
    let mut world = World::usual();
    let stock = once(&mut world, 1, 9);
    world.reserve(10, &[(stock, 2)]);
    world.wait(u64::from(TTL_MS));
    world.reserve(11, &[(stock, 2)]);
    let lack = Lack { line: 0, why: Code::RuleFailed, asked: 2, available: 0 };
    assert_eq!(world.confirm(10), OwnedOutcome::refused_lines(Code::HoldExpiredNoStock, vec![lack]));
    world.confirm(11);
    assert_eq!(world.counts(stock), [7, 0, 2]);
    // Without another hold in its place it is delivered, and has its line back.
    let late = |world: &mut World, order, hold| {
        let mine = || OwnedTake { order: OrderId(order), ..take(&[(stock, 1)]) };
        world.run(hold, reserve(mine()));
        world.wait(u64::from(TTL_MS));
        world.run(hold + 1, reserve(mine()));
        world.release(hold + 1);
        let confirmed = world.confirm(hold);
        assert!(matches!(confirmed, OwnedOutcome::Confirmed { late: true, .. }), "{confirmed:?}");
        assert_eq!(world.run(hold + 2, sell(mine())), confirmed);
    };
    late(&mut world, 2, 20);
    late(&mut world, 3, 30);
    world.check_laws();
    assert_eq!(world.replayed().digest(), world.engine.digest());
}

#[test]
fn a_late_payment_for_other_lines_leaves_the_line_with_who_has_it() {
    let mut world = World::usual();
    let (stock, plain) = (once(&mut world, 1, 9), world.stock(2, 9));
    world.reserve(10, &[(stock, 1), (plain, 1)]);
    world.wait(u64::from(TTL_MS));
    let sold = world.run(11, sell(take(&[(stock, 1)])));
    assert!(matches!(sold, OwnedOutcome::Confirmed { .. }), "{sold:?}");
    let late = world.run(10, OwnedCommand::Confirm { units: vec![0, 1], hidden: false });
    assert!(matches!(late, OwnedOutcome::Confirmed { late: true, .. }), "{late:?}");
    assert_eq!(world.run(12, sell(take(&[(stock, 1)]))), sold, "the order has it by its sale");
    assert_eq!((world.counts(stock), world.counts(plain)), ([8, 0, 1], [8, 0, 1]));
    world.check_laws();
    assert_eq!(world.replayed().digest(), world.engine.digest());
}

#[test]
fn lines_of_orders_have_their_room_and_leave_it() {
    let rules = Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut world = World::new(Capacity { order_lines_max: 2, ..ROOMY }, rules, START_MS);
    let (one, two) = (once(&mut world, 1, 9), once(&mut world, 2, 9));
    let of = |order, lines: &[(StockId, u32)]| sell(OwnedTake { order: OrderId(order), ..take(lines) });
    world.run(10, of(1, &[(one, 1), (one, 1)]));
    assert_eq!(world.run(11, of(2, &[(one, 1), (two, 1)])).maximum(), Some(CapacityOf::OrderLines));
    world.run(12, of(2, &[(two, 1)]));
    assert_eq!(world.run(13, of(3, &[(two, 1)])).maximum(), Some(CapacityOf::OrderLines));
    assert!(matches!(world.run(14, of(0, &[(two, 1)])), OwnedOutcome::Confirmed { .. }));
    world.drain();
    world.created_ms = world.now_ms;
    // What is not remembered any more is sold again: the window is the protection.
    assert!(matches!(world.run(15, of(1, &[(one, 1)])), OwnedOutcome::Confirmed { .. }));
}

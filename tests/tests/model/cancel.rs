//! CANCEL: what it undoes, what it keeps from happening, and what everybody is told afterwards.

use scrip_engine::answer::{Cancelled, HoldState, OperationKind, OperationView};
use scrip_engine::command::StockTerms;
use scrip_engine::ids::{OperationId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::OwnedOutcome;
use scrip_tests::request::{OwnedCommand, OwnedRequest, OwnedTake};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, take};

fn sell(take: OwnedTake, paid: bool) -> OwnedCommand {
    OwnedCommand::Sell { take, paid, hidden: false }
}

fn cancelled(what: Cancelled) -> OwnedOutcome {
    OwnedOutcome::Cancelled(what)
}

impl Cancels for World {
    fn cancel(&mut self, operation: u128) -> OwnedOutcome {
        self.run(operation, OwnedCommand::Cancel)
    }
}

trait Cancels {
    fn cancel(&mut self, operation: u128) -> OwnedOutcome;
}

#[test]
fn a_cancel_that_overtakes_its_original_keeps_it_from_happening() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    let before = world.log.events;
    assert_eq!(world.cancel(10), cancelled(Cancelled::Nothing));
    assert_eq!(world.log.events, before + 1);
    assert_eq!(world.cancel(10), cancelled(Cancelled::Nothing));
    assert_eq!(world.log.events, before + 1, "a repeat logs nothing");
    // The late original, whatever it asks for, and whenever it was made.
    assert_refused(&world.reserve(10, &[(stock, 2)]), Code::Cancelled);
    assert_refused(&world.run(10, sell(take(&[(stock, 1)]), true)), Code::Cancelled);
    assert_refused(&world.run(10, OwnedCommand::StockSupply { stock, units: 5 }), Code::Cancelled);
    assert_refused(&world.confirm(10), Code::HoldNotFound);
    let tombstone = OperationView { kind: OperationKind::Tombstone, value: 0 };
    assert_eq!(world.run(10, OwnedCommand::OperationShow), OwnedOutcome::Operation(tombstone));
    assert_eq!(world.counts(stock), [5, 0, 0]);
    let replayed = world.replayed();
    assert_eq!(replayed.digest(), world.engine.digest());
}

#[test]
fn a_cancelled_reserve_gives_its_units_and_its_buyers_limit_back() {
    let mut world = World::usual();
    let stock = world.stock_with(1, 5, StockTerms { limit_per_user: 2, ..ANY_TERMS });
    world.reserve(10, &[(stock, 2)]);
    assert_eq!(world.cancel(10), cancelled(Cancelled::Released));
    assert_eq!(world.counts(stock), [5, 0, 0]);
    assert_eq!(world.show_hold(10).state, HoldState::Cancelled);
    world.wait(u64::from(TTL_MS));
    assert_eq!(world.cancel(10), cancelled(Cancelled::Released), "the same after what was its deadline");
    assert_refused(&world.reserve(10, &[(stock, 2)]), Code::Cancelled);
    assert_refused(&world.reserve(10, &[(stock, 1)]), Code::OperationMismatch);
    assert_refused(&world.confirm(10), Code::Cancelled);
    assert_refused(&world.release(10), Code::Cancelled);
    let extend = OwnedCommand::Extend { hold: OperationId(10), ttl_ms: 5 };
    assert_refused(&world.run(20, extend), Code::Cancelled);
    world.reserve(11, &[(stock, 2)]);
    assert_eq!(world.counts(stock), [3, 2, 0]);
}

#[test]
fn a_cancelled_expired_reserve_can_not_be_paid_any_more() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    world.reserve(10, &[(stock, 2)]);
    world.wait(u64::from(TTL_MS));
    assert_eq!(world.cancel(10), cancelled(Cancelled::Lapsed));
    assert_refused(&world.confirm(10), Code::Cancelled);
    assert_eq!(world.cancel(10), cancelled(Cancelled::Lapsed));
    assert_eq!(world.counts(stock), [5, 0, 0]);
}

#[test]
fn a_cancelled_sale_returns_what_no_return_has_given_back() {
    let mut world = World::usual();
    let stock = world.stock(1, 9);
    world.run(10, sell(take(&[(stock, 3), (stock, 2)]), true));
    let some = OwnedCommand::Return { hold: OperationId(10), to_available: false, units: vec![1] };
    world.run(20, some.clone());
    assert_eq!(world.cancel(10), cancelled(Cancelled::Returned { units: 4 }));
    assert_eq!(world.cancel(10), cancelled(Cancelled::Returned { units: 4 }));
    assert_eq!(world.counts(stock), [8, 0, 0]);
    assert_eq!(world.run(20, some), OwnedOutcome::Returned { units: 1 }, "its own record stays");
    let all = OwnedCommand::Return { hold: OperationId(10), to_available: true, units: Vec::new() };
    assert_refused(&world.run(21, all), Code::Cancelled);
    assert_refused(&world.run(10, sell(take(&[(stock, 3), (stock, 2)]), true)), Code::Cancelled);
    world.check_laws();
    let replayed = world.replayed();
    assert_eq!(replayed.recount(), Ok(()));
    assert_eq!(replayed.digest(), world.engine.digest());
}

#[test]
fn what_has_ended_otherwise_is_not_cancelled() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    world.reserve(10, &[(stock, 1)]);
    world.confirm(10);
    assert_refused(&world.cancel(10), Code::HoldConfirmed);
    world.reserve(11, &[(stock, 1)]);
    let reserved = world.reserve(11, &[(stock, 1)]);
    world.release(11);
    let before = world.log.events;
    assert_eq!(world.cancel(11), cancelled(Cancelled::Released));
    assert_eq!(world.reserve(11, &[(stock, 1)]), reserved);
    // A paid sale that was refused stays refused: the gateway refunds.
    let refused = world.run(12, sell(OwnedTake { user: UserId(2), ..take(&[(stock, 9)]) }, true));
    assert_refused(&refused, Code::OutOfStock);
    assert_eq!(world.cancel(12), cancelled(Cancelled::Nothing));
    let again = world.run(12, sell(OwnedTake { user: UserId(2), ..take(&[(stock, 9)]) }, true));
    assert_eq!(again, refused);
    assert_eq!(world.log.events, before + 1, "only the refused sale was logged");
    // The operation of another command.
    world.run(13, OwnedCommand::StockSupply { stock, units: 1 });
    assert_refused(&world.cancel(13), Code::RuleFailed);
}

#[test]
fn an_unknown_id_is_checked_as_a_new_operation() {
    let rules = Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut world = World::new(ROOMY, rules, START_MS);
    let stock = world.stock(1, 5);
    world.reserve(10, &[(stock, 1)]);
    let at = |world: &World, created_ms, deadline_ms| {
        let envelope = world.envelope(77);
        let envelope = scrip_engine::command::Envelope { created_ms, deadline_ms, ..envelope };
        OwnedRequest { envelope, command: OwnedCommand::Cancel }
    };
    assert_refused(&world.ask(&at(&world, START_MS + 60_001, 1)), Code::ClockAhead);
    assert_refused(&world.ask(&at(&world, START_MS, START_MS)), Code::DeadlinePassed);
    assert_eq!(world.ask(&at(&world, START_MS, 0)), cancelled(Cancelled::Nothing));
    world.wait(15_000);
    assert!(START_MS < world.engine.floor_ms());
    assert_refused(&world.ask(&at(&world, START_MS, 0)), Code::OperationTooOld);
    // The hold has expired, and is still there to be paid late: it can be cancelled as long.
    assert_eq!(world.cancel(10), cancelled(Cancelled::Lapsed));
}

#[test]
fn a_full_table_refuses_tombstones_and_nothing_else() {
    let capacity = Capacity { operations_max: 2, ..ROOMY };
    let mut world = World::new(capacity, Rules::default(), START_MS);
    let stock = world.stock(1, 5);
    world.reserve(10, &[(stock, 1)]);
    world.run(11, sell(take(&[(stock, 1)]), true));
    assert_eq!(world.cancel(20), cancelled(Cancelled::Nothing));
    assert_eq!(world.cancel(21).maximum(), Some(CapacityOf::Operations));
    assert_eq!(world.cancel(10), cancelled(Cancelled::Released));
    assert_eq!(world.cancel(11), cancelled(Cancelled::Returned { units: 1 }));
    assert_eq!(world.counts(stock), [5, 0, 0]);
}

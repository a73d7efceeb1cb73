//! What was made for an order can be seen: all of it, the newest first, page by page, until it leaves memory.

use scrip_engine::answer::{HoldState, More};
use scrip_engine::ids::{MerchantId, OperationId, OrderId, Slot};
use scrip_engine::limits::{Capacity, ORDER_HOLDS_SCANNED_MAX, Rules};
use scrip_engine::rejection::Code;
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::OwnedOutcome;
use scrip_tests::request::{OwnedCommand, OwnedTake};
use scrip_tests::world::{START_MS, TTL_MS, World, assert_refused, reserve, take};

use HoldState::{Cancelled, Confirmed, Expired, Held, Owed, Refused};

/// A window of ten seconds: what has ended leaves memory soon.
const SHORT: Rules =
    Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, late_confirm_ms: 0 };

fn sell(take: OwnedTake) -> OwnedCommand {
    OwnedCommand::Sell { take, paid: true, hidden: false }
}

fn ask(order: u128, after: u128, limit: u32) -> OwnedCommand {
    OwnedCommand::OrderShow { order: OrderId(order), after: OperationId(after), limit }
}

fn read(outcome: OwnedOutcome) -> (More, Vec<(u128, HoldState)>) {
    let OwnedOutcome::OrderHolds { more, holds } = outcome else { panic!("an order is shown: {outcome:?}") };
    let state = |state| HoldState::from_number(state).expect("a state");
    (more, holds.iter().map(|hold| (hold.hold.get(), state(hold.state))).collect())
}

/// Ids and states of order 1, the newest first.
fn of_order(world: &mut World) -> Vec<(u128, HoldState)> {
    let (more, holds) = read(world.run(0, ask(1, 0, 0)));
    assert_eq!(more, More::No);
    holds
}

#[test]
fn an_order_shows_all_that_was_made_for_it_whatever_became_of_it() {
    let mut world = World::usual();
    let (stock, empty) = (world.stock(1, 9), world.stock(2, 0));
    world.reserve(10, &[(stock, 1)]);
    world.reserve(11, &[(stock, 2)]);
    world.confirm(11);
    world.run(12, sell(take(&[(stock, 1), (stock, 2)])));
    let waiting = OwnedTake { wait_until_ms: START_MS + 3_600_000, ..take(&[(empty, 3)]) };
    assert!(matches!(world.run(13, sell(waiting)), OwnedOutcome::Owed { .. }));
    assert_refused(&world.run(14, sell(take(&[(empty, 1)]))), Code::OutOfStock);
    world.reserve(15, &[(stock, 1)]);
    world.run(15, OwnedCommand::Cancel);
    // Refused before anything was paid: nothing is recorded, so nothing is shown.
    assert_refused(&world.reserve(16, &[(empty, 1)]), Code::OutOfStock);
    let all = [(15, Cancelled), (14, Refused), (13, Owed), (12, Confirmed), (11, Confirmed), (10, Held)];
    assert_eq!(of_order(&mut world), all);
    world.wait(u64::from(TTL_MS));
    assert_eq!(of_order(&mut world)[5], (10, Expired));
    let OwnedOutcome::OrderHolds { holds, .. } = world.run(0, ask(1, 0, 0)) else { panic!("an order") };
    let units: Vec<(u64, u32, u8)> =
        holds.iter().map(|hold| (hold.stock.get(), hold.units.get(), hold.lines)).collect();
    assert_eq!(units[1..4], [(empty.0, 0, 1), (empty.0, 3, 1), (stock.0, 1, 2)]);
    assert_eq!(holds[1].refusal.get(), Code::OutOfStock as u16);
    world.restart();
    world.check_laws();
    assert_eq!(of_order(&mut world).len(), 6);
}

#[test]
fn an_order_is_its_merchants_in_its_slot_and_no_order_is_none() {
    let mut world = World::usual();
    let stock = world.stock(1, 9);
    world.reserve(10, &[(stock, 1)]);
    world.run(11, reserve(OwnedTake { order: OrderId(2), ..take(&[(stock, 1)]) }));
    world.run(12, reserve(OwnedTake { order: OrderId(0), ..take(&[(stock, 1)]) }));
    assert_eq!(of_order(&mut world), [(10, Held)]);
    let nothing = (More::No, Vec::new());
    assert_eq!(read(world.run(0, ask(0, 0, 0))), nothing, "a hold without an order is in no list");
    assert_eq!(read(world.run(0, ask(3, 0, 0))), nothing);
    let mut others = world.request(0, ask(1, 0, 0));
    others.envelope.merchant = MerchantId(2);
    assert_eq!(read(world.ask(&others)), nothing);
    others = world.request(0, ask(1, 0, 0));
    others.envelope.slot = Slot(1);
    assert_eq!(read(world.ask(&others)), nothing);
    // Whoever goes on must name a hold of the order.
    for (order, after) in [(1, 11), (1, 12), (1, 99), (0, 12)] {
        assert_refused(&world.run(0, ask(order, after, 0)), Code::NotFound);
    }
}

#[test]
fn pages_show_each_hold_once_whatever_is_made_in_between() {
    let mut world = World::usual();
    let stock = world.stock(1, 1_000);
    for hold in 100..250 {
        world.run(hold, sell(take(&[(stock, 1)])));
    }
    let (mut seen, mut after, mut sizes) = (Vec::new(), 0, Vec::new());
    loop {
        let (more, page) = read(world.run(0, ask(1, after, 1_000)));
        sizes.push(page.len());
        seen.extend(page.iter().map(|(hold, _)| *hold));
        after = *seen.last().expect("a page that is not the last has holds");
        if more == More::No {
            break;
        }
        world.run(1_000 + after, sell(take(&[(stock, 1)])));
    }
    assert_eq!(sizes, [64, 64, 22]);
    assert_eq!(seen, (100..250).rev().collect::<Vec<_>>());
    // Exactly as many as are left: there is no more behind them.
    assert_eq!(
        read(world.run(0, ask(1, 103, 3))),
        (More::No, vec![(102, Confirmed), (101, Confirmed), (100, Confirmed)])
    );
    assert_eq!(read(world.run(0, ask(1, 103, 2))).0, More::Yes);
    assert_eq!(read(world.run(0, ask(1, 100, 1))), (More::No, Vec::new()));
}

#[test]
fn what_leaves_memory_leaves_its_order_and_the_others_stay() {
    let mut world = World::new(ROOMY, SHORT, START_MS);
    let (stock, empty) = (world.stock(1, 9), world.stock(2, 0));
    let far_ms = START_MS + 3_600_000;
    let wait = |world: &mut World, hold| {
        let waiting = OwnedTake { wait_until_ms: far_ms, ..take(&[(empty, 1)]) };
        world.run(hold, sell(waiting));
    };
    // Oldest, middle and newest stay in turn.
    wait(&mut world, 10);
    world.run(11, sell(take(&[(stock, 1)])));
    wait(&mut world, 12);
    world.run(13, sell(take(&[(stock, 1)])));
    world.run(14, sell(take(&[(stock, 1)])));
    assert_eq!(of_order(&mut world).len(), 5);
    world.wait(20_000);
    world.check_laws();
    assert_eq!(world.engine.state().holds.used(), 2, "three have left memory");
    assert_eq!(of_order(&mut world), [(12, Owed), (10, Owed)]);
    world.created_ms = world.now_ms;
    wait(&mut world, 15);
    assert_eq!(of_order(&mut world), [(15, Owed), (12, Owed), (10, Owed)]);
    assert_refused(&world.run(0, ask(1, 13, 0)), Code::NotFound);
    let replayed = world.replayed();
    assert_eq!(replayed.digest(), world.engine.digest());
    replayed.recount().expect("the replayed engine counts right");
    world.drain();
    assert_eq!(of_order(&mut world), []);
}

#[test]
fn a_page_looks_at_a_bounded_number_of_holds() {
    let capacity = Capacity { holds_max: 2 * ORDER_HOLDS_SCANNED_MAX as u32, ..ROOMY };
    let mut world = World::new(capacity, SHORT, START_MS);
    let (stock, empty) = (world.stock(1, 100_000), world.stock(2, 0));
    let waiting = OwnedTake { wait_until_ms: START_MS + 3_600_000, ..take(&[(empty, 1)]) };
    world.run(10, sell(waiting));
    for hold in 0..ORDER_HOLDS_SCANNED_MAX as u128 + 600 {
        world.run(100 + hold, sell(take(&[(stock, 1)])));
    }
    // They are gone, but few of them have left memory yet.
    world.wait(20_000);
    let (mut unknown, request) = (0, world.request(0, ask(1, 0, 0)));
    let found = loop {
        // The oracle knows nothing of memory, so the engine is asked alone.
        let (engine, now_ms, log) = (&mut world.engine, world.now_ms, &mut world.log);
        let (more, holds) =
            read(request.with(|request| OwnedOutcome::from(engine.execute(now_ms, request, log))));
        if more != More::Unknown {
            break holds;
        }
        assert_eq!(holds, []);
        unknown += 1;
        assert!(unknown < 50, "they leave memory with the floor");
        world.wait(2_000);
    };
    assert!(unknown > 0, "so many were never looked at at once");
    assert_eq!(found, [(10, Owed)]);
}

//! Expiry: exact to the millisecond, and in bounded steps when very many are due.

use scrip_engine::answer::HoldState;
use scrip_engine::ids::{OperationId, Slot, StockId};
use scrip_engine::limits::{Capacity, EXPIRED_PER_EVENT_MAX, Rules, TTL_DEFAULT_MS, TTL_MAX_MS};
use scrip_engine::rejection::Code;
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::OwnedOutcome;
use scrip_tests::request::OwnedCommand;
use scrip_tests::world::{START_MS, World, reserve, take};

#[test]
fn holds_expire_exactly_at_their_deadline() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    for (hold, ttl_ms) in [(10, 1), (11, 2), (12, 999), (13, 1_000), (14, 0), (15, TTL_MAX_MS)] {
        world.run(hold, OwnedCommand::Reserve { take: take(&[(stock, 1)]), ttl_ms });
    }
    for (held, after_ms) in [(6, 0), (5, 1), (4, 2), (4, 998), (3, 999), (2, 1_000), (2, 1_001)] {
        world.advance(START_MS + after_ms);
        assert_eq!(world.counts(stock), [10 - held, held, 0], "after {after_ms} ms");
    }
    for (hold, ttl_ms, held) in [(14, TTL_DEFAULT_MS, 1), (15, TTL_MAX_MS, 0)] {
        let deadline_ms = START_MS + u64::from(ttl_ms);
        world.advance(deadline_ms - 1);
        assert_eq!(world.show_hold(hold).state, HoldState::Held);
        world.advance(deadline_ms);
        assert_eq!(world.counts(stock), [10 - held, held, 0]);
        let view = world.show_hold(hold);
        assert_eq!((view.state, view.closed_ms), (HoldState::Expired, deadline_ms));
    }
}

#[test]
fn an_expiry_is_stamped_with_its_deadline_however_late_it_is_posted() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    world.run(10, reserve(take(&[(stock, 1)])));
    let deadline_ms = world.show_hold(10).deadline_ms;
    world.advance(deadline_ms + 77_777);
    assert_eq!(world.show_hold(10).closed_ms, deadline_ms);
}

#[test]
fn extend_never_shortens_and_ends_four_hours_after_creation() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    world.run(10, reserve(take(&[(stock, 1)])));
    let first_ms = world.show_hold(10).deadline_ms;
    let extend = |ttl_ms| OwnedCommand::Extend { hold: OperationId(10), ttl_ms };
    assert_eq!(world.run(20, extend(1)), OwnedOutcome::Extended { deadline_ms: first_ms });
    world.wait(1_000);
    let last_ms = START_MS + u64::from(TTL_MAX_MS);
    assert_eq!(world.run(21, extend(TTL_MAX_MS)), OwnedOutcome::Extended { deadline_ms: last_ms });
    world.advance(first_ms);
    assert_eq!(world.show_hold(10).state, HoldState::Held);
    world.advance(last_ms);
    assert_eq!(world.run(22, extend(1)).code(), Some(Code::Expired));
}

#[test]
fn a_leap_of_years_takes_few_steps() {
    let mut world = World::usual();
    let stock = world.stock(1, 10);
    for (hold, ttl_ms) in [(10, 1), (11, TTL_MAX_MS)] {
        world.run(hold, OwnedCommand::Reserve { take: take(&[(stock, 1)]), ttl_ms });
    }
    let before = world.advances;
    world.wait(20 * 365 * 86_400_000);
    assert!(world.advances - before < 10, "{} steps", world.advances - before);
    assert_eq!(world.counts(stock), [10, 0, 0]);
    world.drain();
}

/// Reserves `holds` single units; the deadline of each is `ttl_ms` of its number away.
fn crowd(holds: u32, ttl_ms: impl Fn(u32) -> u32) -> World {
    let capacity = Capacity { holds_max: holds + 10, ..ROOMY };
    let mut world = World::new(capacity, Rules::default(), START_MS);
    let stock = world.stock(1, u64::from(holds));
    for hold in 0..holds {
        let command = OwnedCommand::Reserve { take: take(&[(stock, 1)]), ttl_ms: ttl_ms(hold) };
        world.run(100 + u128::from(hold), command);
    }
    assert_eq!(world.counts(stock), [0, u64::from(holds), 0]);
    world
}

#[test]
fn a_hundred_thousand_holds_due_at_once_expire_in_bounded_steps() {
    const HOLDS: u32 = 100_000;
    // 500 different deadlines, 200 holds each: less than one event takes.
    let mut world = crowd(HOLDS, |hold| 1_000 + hold % 500);
    let stock = StockId::new(Slot(0), 1);
    let due_ms = START_MS + 2_000;
    let before = world.advances;
    while world.advance_once(due_ms) < due_ms {
        // The oracle, which knows nothing of steps, agrees on every count.
        let [available, held, _] = world.counts(stock);
        assert_eq!(available + held, u64::from(HOLDS));
        assert_eq!(held > 0, world.now_ms < START_MS + 1_499);
    }
    let steps = world.advances - before;
    assert_eq!(world.counts(stock), [u64::from(HOLDS), 0, 0]);
    assert!(world.log.expired_at_once_max <= EXPIRED_PER_EVENT_MAX);
    println!("{HOLDS} holds expired in {steps} steps, at most {} per event", world.log.expired_at_once_max);
    assert!(steps > 10, "{steps} steps for {HOLDS} holds are not bounded");
    world.check_laws();
}

#[test]
fn holds_sharing_one_deadline_expire_in_bounded_steps() {
    const HOLDS: u32 = 20_000;
    let mut world = crowd(HOLDS, |_| 1_000);
    let stock = StockId::new(Slot(0), 1);
    let before = world.advances;
    assert_eq!(world.advance_once(START_MS + 999), START_MS + 999);
    assert_eq!(world.counts(stock), [0, u64::from(HOLDS), 0]);
    // There is no time at which half of them have expired: commands wait until the last is posted.
    world.advance_once(START_MS + 5_000);
    assert_eq!(world.counts(stock), [u64::from(HOLDS), 0, 0]);
    let steps = world.advances - before;
    println!("{HOLDS} holds with one deadline expired in {steps} steps");
    world.advance(START_MS + 5_000);
    assert!(steps > 4 && world.log.expired_at_once_max <= EXPIRED_PER_EVENT_MAX);
    world.check_laws();
}

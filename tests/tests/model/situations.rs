//! What others get wrong, one test each: the rows of the domain's list that concern counters and holds.

use scrip_engine::answer::HoldState;
use scrip_engine::command::StockTerms;
use scrip_engine::ids::{OperationId, OrderId, StockId, UserId};
use scrip_engine::limits::Rules;
use scrip_engine::rejection::Code;
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake, Wish};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, reserve, return_all, take};

/// Two units at most for one user.
const LIMITED: StockTerms = StockTerms { limit_per_user: 2, ..ANY_TERMS };

fn by(user: u128, lines: &[(StockId, u32)]) -> OwnedTake {
    OwnedTake { user: UserId(user), order: OrderId(user), ..take(lines) }
}

fn replacing(hold: u128, take: OwnedTake) -> OwnedTake {
    OwnedTake { replace: OperationId(hold), ..take }
}

fn sell(take: OwnedTake, paid: bool) -> OwnedCommand {
    OwnedCommand::Sell { take, paid, hidden: false }
}

#[test]
fn a_payment_callback_delivered_twice_sells_once() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    world.reserve(10, &[(stock, 2)]);
    let first = world.confirm(10);
    assert_eq!(first, OwnedOutcome::Confirmed { confirmed_ms: START_MS, late: false, units: vec![2] });
    world.wait(60_000);
    // The second callback comes from a process that remembers nothing but the hold.
    world.created_ms = world.now_ms;
    assert_eq!(world.confirm(10), first);
    assert_eq!(world.counts(stock), [3, 0, 2]);
    assert_refused(
        &world.run(10, OwnedCommand::Confirm { units: vec![1], hidden: false }),
        Code::OperationMismatch,
    );
}

#[test]
fn demand_on_one_stock_is_summed() {
    let mut world = World::usual();
    let (one, two) = (world.stock(1, 3), world.stock(2, 9));
    let refusal = world.reserve(10, &[(one, 2), (two, 1), (one, 2)]);
    let lack = |line| Lack { line, why: Code::OutOfStock, asked: 2, available: 3 };
    assert_eq!(refusal, OwnedOutcome::refused_lines(Code::OutOfStock, vec![lack(0), lack(2)]));
    assert_eq!(world.counts(one), [3, 0, 0]);
    world.reserve(11, &[(one, 2), (two, 1), (one, 1)]);
    assert_eq!(world.counts(one), [0, 3, 0]);
}

#[test]
fn demand_on_one_limited_stock_is_summed() {
    let mut world = World::usual();
    let stock = world.stock_with(1, 9, LIMITED);
    let refusal = world.reserve(10, &[(stock, 1), (stock, 2)]);
    let lack = |line, asked| Lack { line, why: Code::UserLimit, asked, available: 2 };
    assert_eq!(refusal, OwnedOutcome::refused_lines(Code::UserLimit, vec![lack(0, 1), lack(1, 2)]));
}

#[test]
fn check_and_take_are_one_event() {
    let mut world = World::usual();
    let stock = world.stock_with(1, 9, LIMITED);
    let before = world.log.events;
    world.run(10, reserve(by(1, &[(stock, 2)])));
    assert_eq!(world.log.events, before + 1);
    assert_refused(&world.run(11, reserve(by(1, &[(stock, 1)]))), Code::UserLimit);
    assert_refused(&world.run(12, sell(by(1, &[(stock, 1)]), false)), Code::UserLimit);
    assert_eq!(world.log.events, before + 1, "a refusal before payment logs nothing");
    world.run(13, reserve(by(2, &[(stock, 2)])));
    assert_eq!(world.counts(stock), [5, 4, 0]);
}

#[test]
fn a_limit_is_credited_by_release_expiry_partial_confirm_and_return() {
    let mut world = World::usual();
    let stock = world.stock_with(1, 100, LIMITED);
    let all = [(stock, 2)];
    world.reserve(10, &all);
    assert_refused(&world.reserve(20, &[(stock, 1)]), Code::UserLimit);
    world.release(10);
    world.reserve(11, &all);
    world.wait(u64::from(TTL_MS));
    world.reserve(12, &all);
    world.run(12, OwnedCommand::Confirm { units: vec![1], hidden: false });
    assert_refused(&world.reserve(21, &all), Code::UserLimit);
    world.reserve(13, &[(stock, 1)]);
    world.confirm(13);
    assert_refused(&world.reserve(22, &[(stock, 1)]), Code::UserLimit);
    world.run(30, return_all(12));
    world.run(31, return_all(13));
    world.reserve(14, &all);
    assert_eq!(world.counts(stock), [98, 2, 0]);
}

#[test]
fn holds_expire_without_a_worker() {
    let mut world = World::usual();
    let stock = world.stock(1, 2);
    world.run(10, reserve(by(1, &[(stock, 2)])));
    assert_refused(&world.run(11, reserve(by(2, &[(stock, 2)]))), Code::OutOfStock);
    // Nothing runs in between: the next command finds the units back.
    world.wait(u64::from(TTL_MS));
    world.run(11, reserve(by(2, &[(stock, 2)])));
    assert_eq!(world.counts(stock), [0, 2, 0]);
    let expired = world.show_hold(10);
    assert_eq!((expired.state, expired.closed_ms), (HoldState::Expired, START_MS + u64::from(TTL_MS)));
}

#[test]
fn a_buyers_own_hold_does_not_block_the_retry() {
    let mut world = World::usual();
    let stock = world.stock_with(1, 2, LIMITED);
    world.run(10, reserve(by(1, &[(stock, 2)])));
    assert_refused(&world.run(11, reserve(by(1, &[(stock, 2)]))), Code::OutOfStock);
    assert_refused(&world.run(11, reserve(replacing(10, by(2, &[(stock, 2)])))), Code::NotOwner);
    // A refused replace leaves the old hold as it is.
    assert_refused(&world.run(11, reserve(replacing(10, by(1, &[(stock, 3)])))), Code::OutOfStock);
    assert_eq!(world.show_hold(10).state, HoldState::Held);
    let before = world.log.events;
    world.run(11, reserve(replacing(10, by(1, &[(stock, 2)]))));
    assert_eq!(world.log.events, before + 1, "out and in again are one event");
    assert_eq!(world.counts(stock), [0, 2, 0]);
    assert_refused(&world.confirm(10), Code::HoldReleased);
    world.confirm(11);
    assert_refused(&world.run(12, reserve(replacing(11, by(1, &[(stock, 1)])))), Code::HoldConfirmed);
}

#[test]
fn a_replaced_expired_hold_can_not_be_paid_any_more() {
    let mut world = World::usual();
    let stock = world.stock(1, 9);
    world.reserve(10, &[(stock, 1)]);
    world.wait(u64::from(TTL_MS));
    world.run(11, sell(replacing(10, by(1, &[(stock, 1)])), true));
    let lapsed = world.show_hold(10);
    assert_eq!((lapsed.state, lapsed.refusal), (HoldState::Lapsed, None));
    assert_refused(&world.confirm(10), Code::HoldReleased);
    assert_eq!(world.counts(stock), [8, 0, 1]);
}

#[test]
fn a_payment_after_expiry_is_delivered_while_stock_is_there() {
    let mut world = World::usual();
    let closed = StockTerms { closes_ms: START_MS + 10_000, ..ANY_TERMS };
    let stock = world.stock_with(1, 2, closed);
    world.reserve(10, &[(stock, 2)]);
    world.wait(3_600_000);
    // Although the sale is closed.
    let late = world.confirm(10);
    assert_eq!(late, OwnedOutcome::Confirmed { confirmed_ms: world.now_ms, late: true, units: vec![2] });
    world.wait(5);
    assert_eq!(world.confirm(10), late);
    assert_eq!(world.counts(stock), [0, 0, 2]);
}

#[test]
fn a_callback_repeated_after_a_confirm_below_the_floor_gets_its_answer() {
    let rules = Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut world = World::new(ROOMY, rules, START_MS);
    let stock = world.stock(1, 2);
    world.reserve(10, &[(stock, 2)]);
    // The hold lives longer than its id is remembered: its answers must not vanish at once.
    world.wait(60_000);
    assert!(world.created_ms < world.engine.floor_ms());
    let late = world.confirm(10);
    assert_eq!(late, OwnedOutcome::Confirmed { confirmed_ms: world.now_ms, late: true, units: vec![2] });
    world.wait(9_000);
    assert_eq!(world.confirm(10), late);
    world.wait(3_000);
    assert_refused(&world.confirm(10), Code::OperationTooOld);
    assert_eq!(world.counts(stock), [0, 0, 2]);
}

#[test]
fn late_confirms_end_exactly_with_their_window() {
    let rules = Rules { late_confirm_ms: 20_000, ..Rules::default() };
    let mut world = World::new(ROOMY, rules, START_MS);
    let stock = world.stock(1, 5);
    world.reserve(10, &[(stock, 1)]);
    world.reserve(11, &[(stock, 1)]);
    let end_ms = START_MS + u64::from(TTL_MS) + 20_000;
    world.advance(end_ms - 1);
    assert!(matches!(world.confirm(10), OwnedOutcome::Confirmed { late: true, .. }));
    world.advance(end_ms);
    let lack = Lack { line: 0, why: Code::Expired, asked: 1, available: 0 };
    assert_eq!(world.confirm(11), OwnedOutcome::refused_lines(Code::HoldExpiredNoStock, vec![lack]));
    assert_eq!(world.counts(stock), [4, 0, 1]);
}

#[test]
fn a_refusal_after_payment_is_final() {
    let mut world = World::usual();
    let stock = world.stock(1, 2);
    world.run(10, reserve(by(1, &[(stock, 2)])));
    world.wait(u64::from(TTL_MS));
    world.run(11, reserve(by(2, &[(stock, 1)])));
    let refusal = world.confirm(10);
    let lack = Lack { line: 0, why: Code::OutOfStock, asked: 2, available: 1 };
    assert_eq!(refusal, OwnedOutcome::refused_lines(Code::HoldExpiredNoStock, vec![lack]));
    // The gateway refunds now; units that come back later must not be delivered on top.
    world.release(11);
    assert_eq!(world.counts(stock), [2, 0, 0]);
    assert_eq!(world.confirm(10), refusal);
    assert_eq!(world.run(10, OwnedCommand::Confirm { units: vec![1], hidden: false }), refusal);
    assert_eq!(world.release(10), OwnedOutcome::Released { lapsed: true });
    assert_eq!(world.counts(stock), [2, 0, 0]);
}

#[test]
fn a_refused_paid_sale_is_final() {
    let mut world = World::usual();
    let stock = world.stock(1, 1);
    let paid = world.request(10, sell(by(1, &[(stock, 2)]), true));
    let unpaid = world.request(11, sell(by(1, &[(stock, 2)]), false));
    let refusal = world.ask(&paid);
    assert_refused(&refusal, Code::OutOfStock);
    assert_eq!(world.ask(&unpaid), refusal);
    world.run(20, OwnedCommand::StockSupply { stock, units: 5 });
    assert_eq!(world.ask(&paid), refusal);
    assert_eq!(world.show_hold(10).refusal, Some(Code::OutOfStock));
    assert_refused(&world.confirm(10), Code::HoldNotFound);
    world.ask(&unpaid);
    assert_eq!(world.counts(stock), [4, 0, 2]);
}

#[test]
fn counts_are_recounted_from_the_records() {
    let mut world = World::usual();
    let (one, two) = (world.stock_with(1, 50, LIMITED), world.stock(2, 50));
    for user in 1..=20 {
        let hold = 100 + user;
        world.run(hold, reserve(by(user, &[(one, 1), (two, 2), (one, 1)])));
        match user % 4 {
            0 => drop(world.confirm(hold)),
            1 => drop(world.run(hold, OwnedCommand::Confirm { units: vec![1, 1], hidden: false })),
            2 => drop(world.release(hold)),
            _ => {}
        }
        world.check_laws();
    }
    let replayed = world.replayed();
    assert_eq!(replayed.recount(), Ok(()));
    assert_eq!(replayed.digest(), world.engine.digest());
}

#[test]
fn nothing_is_refused_while_a_unit_is_there() {
    let mut world = World::usual();
    let stock = world.stock(1, 500);
    for hold in 0..500 {
        let answer = world.reserve(1_000 + hold, &[(stock, 1)]);
        assert!(matches!(answer, OwnedOutcome::Reserved { .. }), "the {hold}th: {answer:?}");
    }
    assert_refused(&world.reserve(2_000, &[(stock, 1)]), Code::OutOfStock);
    for hold in 0..500 {
        world.release(1_000 + hold);
        let answer = world.run(3_000 + hold, sell(by(hold, &[(stock, 1)]), false));
        assert!(
            matches!(answer, OwnedOutcome::Confirmed { .. }),
            "a released unit is sold at once: {answer:?}"
        );
        assert_refused(&world.reserve(2_000, &[(stock, 1)]), Code::OutOfStock);
    }
    assert_eq!(world.counts(stock), [0, 0, 500]);
}

#[test]
fn a_partial_take_gets_what_is_there_and_keeps_the_minimums() {
    let mut world = World::usual();
    let (one, two) = (world.stock(1, 5), world.stock(2, 0));
    let wish = |stock, units, units_min| Wish { stock, units, units_min };
    let partial = |lines: Vec<Wish>| OwnedTake { partial: true, lines, ..take(&[]) };
    let lines = vec![wish(one, 4, 1), wish(two, 3, 0), wish(one, 4, 2)];
    let granted = world.run(10, reserve(partial(lines)));
    assert_eq!(
        granted,
        OwnedOutcome::Reserved { deadline_ms: START_MS + u64::from(TTL_MS), units: vec![3, 0, 2] }
    );
    assert_refused(&world.run(11, reserve(partial(vec![wish(one, 4, 0)]))), Code::OutOfStock);
    world.release(10);
    assert_refused(
        &world.run(12, reserve(partial(vec![wish(one, 9, 3), wish(one, 9, 3)]))),
        Code::OutOfStock,
    );
    assert_eq!(world.counts(one), [5, 0, 0]);
}

#[test]
fn a_repeat_answers_what_was_answered_whatever_became_of_the_hold() {
    let mut world = World::usual();
    let stock = world.stock(1, 5);
    let reserved = world.reserve(10, &[(stock, 2)]);
    world.run(20, OwnedCommand::Extend { hold: OperationId(10), ttl_ms: 60_000 });
    assert_eq!(world.show_hold(10).deadline_ms, START_MS + 60_000);
    assert_eq!(world.reserve(10, &[(stock, 2)]), reserved, "the deadline of then, not of now");
    world.confirm(10);
    world.run(21, return_all(10));
    assert_eq!(world.reserve(10, &[(stock, 2)]), reserved);
    assert_refused(&world.reserve(10, &[(stock, 3)]), Code::OperationMismatch);
    let later = scrip_engine::command::Envelope { created_ms: START_MS + 1, ..world.envelope(10) };
    let command = reserve(take(&[(stock, 2)]));
    let moved = scrip_tests::request::OwnedRequest { envelope: later, command };
    assert_refused(&world.ask(&moved), Code::OperationMismatch);
    assert_eq!(world.counts(stock), [5, 0, 0]);
}

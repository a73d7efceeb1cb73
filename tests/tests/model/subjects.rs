//! Limits of subjects: who is counted for what and when, days by the merchant's clock, caps on units held at once.

use scrip_engine::command::{Limits, Parties, StockTerms, SubjectLimit};
use scrip_engine::ids::{OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, Rules, UNITS_PER_LINE_MAX};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake, Wish};
use scrip_tests::world::{ANY_TERMS, TTL_MS, World, assert_refused, reserve, return_all, take};
use zerocopy::little_endian::I16;

const STOCK: StockId = StockId::new(Slot(0), 1);
/// Midnight by UTC, at the beginning of 2026.
const MIDNIGHT_MS: u64 = 1_767_225_600_000;
const HOUR_MS: u64 = 3_600_000;
const NONE: SubjectLimit = SubjectLimit::new(0, 0, 0);

fn limits(subjects: [SubjectLimit; 4], utc_offset_minutes: i16) -> Limits {
    Limits { subjects, utc_offset_minutes: I16::new(utc_offset_minutes), spare: [0; 6] }
}

/// A stock of a hundred units with these limits, at a time.
fn world_at(now_ms: u64, subjects: [SubjectLimit; 4], utc_offset_minutes: i16) -> World {
    let mut world = World::new(ROOMY, Rules::default(), now_ms);
    world.stock(1, 100);
    set(&mut world, 1, subjects, utc_offset_minutes);
    world
}

/// STOCK_LIMITS at a version of the stock.
#[track_caller]
fn set(world: &mut World, version: u32, subjects: [SubjectLimit; 4], utc_offset_minutes: i16) {
    let limits = limits(subjects, utc_offset_minutes);
    let command = OwnedCommand::StockLimits { stock: STOCK, version, limits, spans: None };
    let done = world.run(1 << 65 | u128::from(version), command);
    assert_eq!(done, OwnedOutcome::StockChanged { value: u64::from(version) + 1 });
}

/// Units for user 1.
fn units(count: u32) -> OwnedTake {
    take(&[(STOCK, count)])
}

fn by(user: u128, count: u32, parties: Option<Parties>) -> OwnedTake {
    OwnedTake { user: UserId(user), parties, ..units(count) }
}

fn sell(take: OwnedTake) -> OwnedCommand {
    OwnedCommand::Sell { take, paid: false, hidden: false }
}

fn lacks(code: Code, asked: u32, available: u64) -> OwnedOutcome {
    OwnedOutcome::refused_lines(code, vec![Lack { line: 0, why: code, asked, available }])
}

#[track_caller]
fn assert_taken(outcome: &OwnedOutcome) {
    assert_eq!(outcome.code(), None, "answered {outcome:?}");
}

/// Time passes, and new ids are made.
fn wait_until(world: &mut World, now_ms: u64) {
    world.advance(now_ms);
    world.created_ms = now_ms;
}

#[test]
fn a_day_ends_at_the_merchants_midnight_not_at_that_of_utc() {
    // Eight hours ahead: it is 23:59:59.999 there.
    let mut world =
        world_at(MIDNIGHT_MS + 16 * HOUR_MS - 1, [SubjectLimit::new(0, 2, 0), NONE, NONE, NONE], 480);
    assert_taken(&world.run(10, sell(units(2))));
    assert_eq!(world.run(11, sell(units(1))), lacks(Code::UserLimit, 1, 0));
    wait_until(&mut world, MIDNIGHT_MS + 16 * HOUR_MS);
    assert_taken(&world.run(12, sell(units(2))));
    assert_eq!(world.run(13, sell(units(1))), lacks(Code::UserLimit, 1, 0));
    // Midnight by UTC is nothing to this merchant.
    wait_until(&mut world, MIDNIGHT_MS + 24 * HOUR_MS);
    assert_eq!(world.run(14, sell(units(1))), lacks(Code::UserLimit, 1, 0));
    wait_until(&mut world, MIDNIGHT_MS + 40 * HOUR_MS);
    assert_taken(&world.run(15, sell(units(1))));
    world.check_laws();
}

#[test]
fn a_count_has_an_end_where_no_limit_sets_one() {
    const LINE: u32 = UNITS_PER_LINE_MAX;
    let mut world = World::new(ROOMY, Rules::default(), MIDNIGHT_MS);
    world.stock(1, 1 << 40);
    let device = Parties::new(0, 7, 0);
    set(&mut world, 1, [NONE, NONE, SubjectLimit::new(0, 0, 1), NONE], 0);
    let whole = u32::MAX / LINE;
    for number in 0..u128::from(whole) {
        assert_taken(&world.run(10 + number, sell(by(number, LINE, Some(device)))));
    }
    let rest = u32::MAX - whole * LINE;
    let sell_rest = |more| sell(by(1, rest + more, Some(device)));
    assert_eq!(world.run(100, sell_rest(1)), lacks(Code::UserLimit, rest + 1, rest.into()));
    assert_taken(&world.run(101, sell_rest(0)));
    assert_eq!(world.run(102, sell(by(1, 1, Some(device)))), lacks(Code::UserLimit, 1, 0));
    assert_taken(&world.run(103, sell(by(1, 1, None))));
    world.check_laws();
}

#[test]
fn a_clock_behind_utc_has_its_days_too() {
    let mut world =
        world_at(MIDNIGHT_MS + 12 * HOUR_MS - 1, [SubjectLimit::new(0, 1, 0), NONE, NONE, NONE], -720);
    assert_taken(&world.run(10, sell(units(1))));
    assert_refused(&world.run(11, sell(units(1))), Code::UserLimit);
    wait_until(&mut world, MIDNIGHT_MS + 12 * HOUR_MS);
    assert_taken(&world.run(12, sell(units(1))));
}

#[test]
fn the_first_clock_stays() {
    let mut world = world_at(MIDNIGHT_MS, [NONE; 4], 480);
    let other =
        OwnedCommand::StockLimits { stock: STOCK, version: 2, limits: limits([NONE; 4], 479), spans: None };
    assert_eq!(world.run(10, other), OwnedOutcome::refused(Code::RuleFailed));
    set(&mut world, 2, [SubjectLimit::new(9, 0, 0), NONE, NONE, NONE], 480);
    assert_eq!(world.show(STOCK).terms.limit_per_user, 9, "what a user may have in all is one number");
}

#[test]
fn what_is_given_back_of_yesterday_makes_no_room_today() {
    let mut world = world_at(MIDNIGHT_MS - 5_000, [SubjectLimit::new(0, 2, 0), NONE, NONE, NONE], 0);
    world.run(10, reserve(units(2)));
    world.run(11, OwnedCommand::Extend { hold: OperationId(10), ttl_ms: 60_000 });
    assert_refused(&world.run(12, reserve(units(1))), Code::UserLimit);
    wait_until(&mut world, MIDNIGHT_MS);
    assert_taken(&world.run(13, sell(units(2))));
    world.release(10);
    assert_eq!(
        world.run(14, sell(units(1))),
        lacks(Code::UserLimit, 1, 0),
        "yesterday's units are not today's"
    );
    world.run(15, return_all(13));
    assert_taken(&world.run(16, sell(units(2))));
    world.check_laws();
}

#[test]
fn a_late_confirm_counts_for_the_day_of_its_hold() {
    let today = [SubjectLimit::new(0, 2, 0), NONE, NONE, NONE];
    // The day of the hold is still the newest one: its limit matters.
    let mut world = world_at(MIDNIGHT_MS - 20_000, today, 0);
    world.run(10, reserve(units(2)));
    world.wait(u64::from(TTL_MS));
    assert_taken(&world.run(11, sell(units(1))));
    wait_until(&mut world, MIDNIGHT_MS + 1);
    let refused = world.confirm(10);
    assert_refused(&refused, Code::HoldExpiredNoStock);
    let facts = OwnedFacts::Lines(vec![Lack { line: 0, why: Code::UserLimit, asked: 2, available: 1 }]);
    assert_eq!(refused.facts(), facts);
    // A newer day was counted since: the limit per day does not matter, and nothing of today is used up.
    let mut world = world_at(MIDNIGHT_MS - 20_000, today, 0);
    world.run(10, reserve(units(2)));
    world.wait(u64::from(TTL_MS));
    assert_taken(&world.run(11, sell(units(1))));
    wait_until(&mut world, MIDNIGHT_MS + 1);
    assert_taken(&world.run(12, sell(units(1))));
    assert!(matches!(world.confirm(10), OwnedOutcome::Confirmed { late: true, .. }));
    assert_taken(&world.run(13, sell(units(1))));
    assert_refused(&world.run(14, sell(units(1))), Code::UserLimit);
    // Nor does its return make room.
    world.run(15, return_all(10));
    assert_refused(&world.run(16, sell(units(1))), Code::UserLimit);
    world.check_laws();
}

#[test]
fn a_limit_key_spans_the_accounts_of_a_person() {
    let mut world = world_at(MIDNIGHT_MS, [NONE, SubjectLimit::new(3, 0, 0), NONE, NONE], 0);
    let person = Some(Parties::new(7, 0, 0));
    assert_taken(&world.run(10, sell(by(1, 2, person))));
    assert_eq!(world.run(11, sell(by(2, 2, person))), lacks(Code::UserLimit, 2, 1));
    assert_taken(&world.run(12, sell(by(2, 1, person))));
    // Another person, somebody whose person is not known, and a device with the same number.
    assert_taken(&world.run(13, sell(by(2, 3, Some(Parties::new(8, 0, 0))))));
    assert_taken(&world.run(14, sell(by(2, 3, None))));
    assert_taken(&world.run(15, sell(by(2, 3, Some(Parties::new(0, 7, 7))))));
    world.check_laws();
}

#[test]
fn each_kind_of_subject_has_its_own_limits() {
    let one = SubjectLimit::new(1, 0, 0);
    for (position, parties) in
        [(1, Parties::new(5, 0, 0)), (2, Parties::new(0, 5, 0)), (3, Parties::new(0, 0, 5))]
    {
        let mut subjects = [NONE; 4];
        subjects[position] = one;
        let mut world = world_at(MIDNIGHT_MS, subjects, 0);
        assert_taken(&world.run(10, sell(by(1, 1, Some(parties)))));
        assert_refused(&world.run(11, sell(by(2, 1, Some(parties)))), Code::UserLimit);
        assert_taken(&world.run(12, sell(by(1, 1, None))));
    }
}

#[test]
fn a_stock_that_limits_anything_of_users_asks_for_a_user() {
    for limit in [SubjectLimit::new(5, 0, 0), SubjectLimit::new(0, 5, 0), SubjectLimit::new(0, 0, 5)] {
        let mut world = world_at(MIDNIGHT_MS, [limit, NONE, NONE, NONE], 0);
        assert_eq!(world.run(10, reserve(by(0, 1, None))), lacks(Code::UserLimit, 1, 0));
        assert_eq!(world.run(11, sell(by(0, 1, None))), lacks(Code::UserLimit, 1, 0));
    }
}

#[test]
fn a_cap_on_units_held_frees_as_holds_end_and_does_not_bind_a_sale() {
    let mut world = world_at(MIDNIGHT_MS, [SubjectLimit::new(0, 0, 2), NONE, NONE, NONE], 0);
    world.run(10, reserve(units(1)));
    world.run(11, reserve(units(1)));
    assert_eq!(world.run(12, reserve(units(1))), lacks(Code::HeldLimit, 1, 0));
    assert_taken(&world.run(13, sell(units(5))));
    world.confirm(10);
    assert_eq!(world.run(14, reserve(units(2))), lacks(Code::HeldLimit, 2, 1));
    world.release(11);
    assert_taken(&world.run(15, reserve(units(2))));
    wait_until(&mut world, MIDNIGHT_MS + u64::from(TTL_MS));
    assert_taken(&world.run(16, reserve(units(2))));
    // A late confirm of what expired holds nothing.
    assert!(matches!(world.confirm(15), OwnedOutcome::Confirmed { late: true, .. }));
    world.check_laws();
}

#[test]
fn a_partial_reserve_gets_what_the_tightest_limit_leaves() {
    let subjects = [SubjectLimit::new(5, 0, 0), SubjectLimit::new(0, 4, 0), SubjectLimit::new(0, 0, 3), NONE];
    let mut world = world_at(MIDNIGHT_MS, subjects, 0);
    let lines = vec![Wish { stock: STOCK, units: 9, units_min: 1 }];
    let all = OwnedTake { partial: true, lines, parties: Some(Parties::new(7, 8, 0)), ..units(1) };
    let granted = |outcome: OwnedOutcome| match outcome {
        OwnedOutcome::Reserved { units, .. } | OwnedOutcome::Confirmed { units, .. } => units[0],
        other => panic!("answered {other:?}"),
    };
    assert_eq!(granted(world.run(10, reserve(all.clone()))), 3, "what the device may hold");
    assert_eq!(granted(world.run(11, sell(all.clone()))), 1, "what the person may have today");
    let stranger = OwnedTake { parties: None, ..all };
    assert_eq!(granted(world.run(12, sell(stranger))), 1, "what the user may have in all");
}

#[test]
fn replacing_a_hold_needs_no_second_place_under_a_cap() {
    let mut world = world_at(MIDNIGHT_MS, [SubjectLimit::new(3, 3, 2), NONE, NONE, NONE], 0);
    world.run(10, reserve(units(2)));
    let replacing = |count, hold| OwnedTake { replace: OperationId(hold), order: OrderId(1), ..units(count) };
    assert_eq!(world.run(11, reserve(replacing(3, 10))), lacks(Code::HeldLimit, 3, 2));
    assert_eq!(world.run(12, reserve(replacing(4, 10))), lacks(Code::UserLimit, 4, 3));
    assert_taken(&world.run(13, reserve(replacing(2, 10))));
    assert_eq!(world.show_hold(10).closed_ms, world.now_ms);
    // A sale in its place is counted in all and per day.
    assert_taken(&world.run(14, sell(replacing(3, 13))));
    assert_refused(&world.run(15, sell(units(1))), Code::UserLimit);
    world.check_laws();
}

#[test]
fn replacing_yesterdays_hold_makes_no_room_today() {
    let mut world = world_at(MIDNIGHT_MS - 5_000, [SubjectLimit::new(0, 2, 0), NONE, NONE, NONE], 0);
    world.run(10, reserve(units(2)));
    wait_until(&mut world, MIDNIGHT_MS);
    assert_taken(&world.run(11, sell(units(1))));
    let replacing = |count| OwnedTake { replace: OperationId(10), ..units(count) };
    assert_eq!(world.run(12, reserve(replacing(2))), lacks(Code::UserLimit, 2, 1));
    assert_taken(&world.run(13, reserve(replacing(1))));
}

#[test]
fn what_counts_plainly_stays_plain_when_further_limits_come() {
    let mut world = World::new(ROOMY, Rules::default(), MIDNIGHT_MS);
    world.stock_with(1, 100, StockTerms { limit_per_user: 6, ..ANY_TERMS });
    world.run(10, reserve(units(3)));
    set(&mut world, 1, [SubjectLimit::new(6, 2, 2), NONE, NONE, NONE], 0);
    // Three are held, but were taken before anybody counted days and holds.
    world.run(11, reserve(units(2)));
    assert_eq!(world.run(12, reserve(units(1))), lacks(Code::UserLimit, 1, 0));
    world.release(10);
    assert_eq!(world.run(13, sell(units(1))), lacks(Code::UserLimit, 1, 0), "two of today are still there");
    world.release(11);
    assert_taken(&world.run(14, sell(units(2))));
    // And what was taken without any limit is never counted.
    let mut world = World::new(ROOMY, Rules::default(), MIDNIGHT_MS);
    world.stock(1, 100);
    world.run(10, sell(units(9)));
    set(&mut world, 1, [SubjectLimit::new(2, 0, 0), NONE, NONE, NONE], 0);
    assert_taken(&world.run(11, sell(units(2))));
    world.check_laws();
}

#[test]
fn a_late_confirm_of_a_plain_line_knows_the_users_total_alone() {
    let mut world = World::new(ROOMY, Rules::default(), MIDNIGHT_MS);
    world.stock_with(1, 100, StockTerms { limit_per_user: 6, ..ANY_TERMS });
    world.run(10, reserve(units(3)));
    world.wait(u64::from(TTL_MS));
    set(&mut world, 1, [SubjectLimit::new(6, 1, 1), NONE, NONE, NONE], 0);
    world.run(11, sell(units(1)));
    assert!(matches!(world.confirm(10), OwnedOutcome::Confirmed { late: true, .. }));
    // Three of six are left after four.
    set(&mut world, 2, [SubjectLimit::new(6, 0, 0), NONE, NONE, NONE], 0);
    assert_eq!(world.run(12, sell(units(3))), lacks(Code::UserLimit, 3, 2));
    world.check_laws();
}

#[test]
fn limits_that_are_lifted_and_set_again_have_gone_on_counting_nothing() {
    let mut world = world_at(MIDNIGHT_MS, [NONE, NONE, SubjectLimit::new(2, 0, 0), NONE], 0);
    let device = Some(Parties::new(0, 5, 0));
    assert_taken(&world.run(10, sell(by(1, 1, device))));
    set(&mut world, 2, [NONE; 4], 0);
    assert_taken(&world.run(11, sell(by(1, 5, device))));
    set(&mut world, 3, [NONE, NONE, SubjectLimit::new(2, 0, 0), NONE], 0);
    assert_taken(&world.run(12, sell(by(1, 1, device))));
    assert_refused(&world.run(13, sell(by(1, 1, device))), Code::UserLimit);
}

#[test]
fn limits_are_shown_with_the_units_per_user() {
    let subjects = [SubjectLimit::new(9, 2, 1), SubjectLimit::new(3, 0, 0), NONE, SubjectLimit::new(0, 0, 4)];
    let mut world = world_at(MIDNIGHT_MS, subjects, 330);
    let terms = StockTerms { limit_per_user: 4, ..ANY_TERMS };
    world.run(10, OwnedCommand::StockEdit { stock: STOCK, version: 2, terms });
    let OwnedOutcome::Terms { version, limits: shown, prices, .. } =
        world.run(1, OwnedCommand::StockTermsShow { stock: STOCK })
    else {
        panic!("a stock is shown")
    };
    let subjects = [SubjectLimit::new(4, 2, 1), subjects[1], subjects[2], subjects[3]];
    assert_eq!((version, *shown, prices.len()), (3, limits(subjects, 330), 0));
}

#[test]
fn each_subject_of_a_stock_needs_a_place_of_its_own() {
    let any = SubjectLimit::new(50, 0, 0);
    let mut world = World::new(Capacity { user_limits_max: 5, ..ROOMY }, Rules::default(), MIDNIGHT_MS);
    world.stock(1, 100);
    set(&mut world, 1, [any; 4], 0);
    let full =
        OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(CapacityOf::UserLimits, 5) };
    assert_taken(&world.run(10, sell(by(1, 1, Some(Parties::new(1, 1, 1))))));
    assert_eq!(world.run(11, sell(by(2, 1, Some(Parties::new(2, 1, 1))))), full);
    assert_taken(&world.run(11, sell(by(1, 1, Some(Parties::new(2, 1, 1))))));
    assert_eq!(world.run(12, sell(by(1, 1, Some(Parties::new(1, 1, 2))))), full);
    // Two lines on one stock count in one place.
    let twice = OwnedTake { parties: Some(Parties::new(1, 1, 1)), ..take(&[(STOCK, 1), (STOCK, 1)]) };
    assert_taken(&world.run(13, sell(twice)));
    world.check_laws();
}

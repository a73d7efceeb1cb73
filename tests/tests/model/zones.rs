//! Time zones of merchants: days of 23 and of 25 hours, what of a zone can change and what can't, and who counts by it.

use super::check_orders::{Fault, SUPPLY, ahead, expect, past_deadline, scene, too_old};
use scrip_engine::calendar::Transition;
use scrip_engine::command::{Limits, Malformed, SubjectLimit};
use scrip_engine::ids::{MerchantId, OperationId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity as Tables, NAME_BYTES_MAX, Rules, TRANSITIONS_MAX, ZONES_MAX};
use scrip_engine::rejection::CapacityOf;
use scrip_engine::rejection::Code::{self, *};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedRequest, OwnedTake};
use scrip_tests::world::{START_MS, TTL_MS, World, assert_refused, reserve, return_all, take};
use zerocopy::little_endian::I16;

const STOCK: StockId = StockId::new(Slot(0), 1);
const HOUR_MS: u64 = 3_600_000;
/// Midnight by UTC, at the beginning of 2026.
const MIDNIGHT_MS: u64 = 1_767_225_600_000;
/// 2026-03-29T01:00:00Z: the clocks of Berlin go from 2:00 to 3:00.
const SPRING_MS: u64 = 1_774_746_000_000;
/// 2026-10-25T01:00:00Z: they go back from 3:00 to 2:00.
const AUTUMN_MS: u64 = 1_792_890_000_000;

fn berlin() -> Vec<Transition> {
    vec![Transition::new(MIDNIGHT_MS, 60), Transition::new(SPRING_MS, 120), Transition::new(AUTUMN_MS, 60)]
}

fn zone(version: u32, transitions: Vec<Transition>) -> OwnedCommand {
    OwnedCommand::ZoneSet { version, name: b"Europe/Berlin".to_vec(), transitions }
}

/// Two units a day for a user, by this clock.
fn limits(version: u32, utc_offset_minutes: i16) -> OwnedCommand {
    let (user, none) = (SubjectLimit::new(0, 2, 0), SubjectLimit::default());
    let utc_offset_minutes = I16::new(utc_offset_minutes);
    let limits = Limits { subjects: [user, none, none, none], utc_offset_minutes, spare: [0; 6] };
    OwnedCommand::StockLimits { stock: STOCK, version, limits, spans: None }
}

fn changed(value: u64) -> OwnedOutcome {
    OwnedOutcome::StockChanged { value }
}

/// A stock of a hundred units of which a user may have two a day, by the merchant's zone.
fn world_at(now_ms: u64, transitions: Vec<Transition>) -> World {
    let mut world = World::new(ROOMY, Rules::default(), now_ms);
    world.stock(1, 100);
    assert_eq!(world.run(1 << 65, zone(0, transitions)), changed(1));
    assert_eq!(world.run(1 << 66, limits(1, Limits::BY_ZONE)), changed(2));
    world
}

/// Time passes, and new ids are made.
fn wait_until(world: &mut World, now_ms: u64) {
    world.advance(now_ms);
    world.created_ms = now_ms;
}

fn sell(count: u32) -> OwnedCommand {
    OwnedCommand::Sell { take: take(&[(STOCK, count)]), paid: false, hidden: false }
}

#[track_caller]
fn assert_taken(outcome: &OwnedOutcome) {
    assert_eq!(outcome.code(), None, "answered {outcome:?}");
}

/// Two units are sold at the beginning of a day, and then none until its last millisecond.
#[track_caller]
fn expect_one_day(world: &mut World, id: u128, begins_ms: u64, ends_ms: u64) {
    wait_until(world, begins_ms - 1);
    assert_taken(&world.run(id, sell(2)));
    assert_refused(&world.run(id + 1, sell(1)), UserLimit);
    for (at, hour_ms) in (begins_ms..ends_ms).step_by(HOUR_MS as usize).enumerate() {
        wait_until(world, hour_ms);
        match at {
            0 => assert_taken(&world.run(id + 2, sell(2))),
            _ => assert_refused(&world.run(id + 3, sell(1)), UserLimit),
        }
    }
    wait_until(world, ends_ms - 1);
    assert_refused(&world.run(id + 4, sell(1)), UserLimit);
    wait_until(world, ends_ms);
    assert_taken(&world.run(id + 5, sell(2)));
}

#[test]
fn a_limit_per_day_knows_a_day_of_23_hours_and_one_of_25() {
    let mut world = world_at(SPRING_MS - 4 * HOUR_MS, berlin());
    expect_one_day(&mut world, 100, SPRING_MS - 2 * HOUR_MS, SPRING_MS + 21 * HOUR_MS);
    expect_one_day(&mut world, 200, AUTUMN_MS - 3 * HOUR_MS, AUTUMN_MS + 22 * HOUR_MS);
    world.check_laws();
    assert_eq!(world.replayed().digest(), world.engine.digest());
}

#[test]
fn what_is_given_back_after_the_change_is_credited_to_its_day() {
    let mut world = world_at(AUTUMN_MS - 5_000, berlin());
    world.run(10, reserve(take(&[(STOCK, 1)])));
    assert_taken(&world.run(11, sell(1)));
    assert_refused(&world.run(12, sell(1)), UserLimit);
    // Past the change, on the same day, though the clock shows an hour before.
    wait_until(&mut world, AUTUMN_MS + 1);
    world.release(10);
    assert_taken(&world.run(13, sell(1)));
    assert_refused(&world.run(14, sell(1)), UserLimit);
    world.run(15, return_all(11));
    let replacing = OwnedTake { replace: OperationId(16), ..take(&[(STOCK, 1)]) };
    world.run(16, reserve(take(&[(STOCK, 1)])));
    assert_taken(&world.run(17, reserve(replacing)));
    world.restart();
    assert_refused(&world.run(18, sell(1)), UserLimit);
    world.check_laws();
}

#[test]
fn a_late_confirm_after_the_change_counts_for_the_day_of_its_hold() {
    let mut world = world_at(AUTUMN_MS - u64::from(TTL_MS) / 2, berlin());
    world.run(10, reserve(take(&[(STOCK, 2)])));
    wait_until(&mut world, AUTUMN_MS + u64::from(TTL_MS));
    assert_taken(&world.run(11, sell(1)));
    let refused = world.confirm(10);
    assert_refused(&refused, HoldExpiredNoStock);
    let facts = OwnedFacts::Lines(vec![Lack { line: 0, why: UserLimit, asked: 2, available: 1 }]);
    assert_eq!(refused.facts(), facts);
}

#[test]
fn a_clock_that_goes_back_over_midnight_brings_no_second_yesterday() {
    let half_past_ms = MIDNIGHT_MS + HOUR_MS / 2;
    let back = vec![Transition::new(MIDNIGHT_MS - 24 * HOUR_MS, 0), Transition::new(half_past_ms, -60)];
    let mut world = world_at(MIDNIGHT_MS - HOUR_MS, back);
    // The clock shows midnight twice; the day ends at the next one.
    expect_one_day(&mut world, 100, MIDNIGHT_MS, MIDNIGHT_MS + 25 * HOUR_MS);
    world.check_laws();
}

#[test]
fn a_merchant_who_moves_counts_by_his_new_clock_from_then_on() {
    let mut world = world_at(MIDNIGHT_MS, berlin());
    assert_taken(&world.run(10, sell(2)));
    let moves_ms = MIDNIGHT_MS + 10 * HOUR_MS;
    let [first, ..] = berlin()[..] else { unreachable!("there are three") };
    assert_eq!(world.run(11, zone(1, vec![first, Transition::new(moves_ms, 480)])), changed(2));
    wait_until(&mut world, MIDNIGHT_MS + 16 * HOUR_MS - 1);
    assert_refused(&world.run(12, sell(1)), UserLimit);
    // Midnight in Shanghai; that of Berlin is nothing to him any more.
    wait_until(&mut world, MIDNIGHT_MS + 16 * HOUR_MS);
    assert_taken(&world.run(13, sell(2)));
    wait_until(&mut world, MIDNIGHT_MS + 23 * HOUR_MS);
    assert_refused(&world.run(14, sell(1)), UserLimit);
    world.check_laws();
}

#[test]
fn transitions_that_have_begun_stay_and_later_ones_may_change() {
    let mut world = World::new(ROOMY, Rules::default(), SPRING_MS - 1);
    let [first, spring, autumn] = berlin()[..] else { unreachable!("there are three") };
    assert_eq!(world.run(10, zone(0, berlin())), changed(1));
    let other = Transition::new(SPRING_MS, 180);
    assert_eq!(world.run(11, zone(1, vec![first, other])), changed(2), "spring has not begun");
    wait_until(&mut world, SPRING_MS);
    let failed = OwnedOutcome::refused(RuleFailed);
    let unsound = [
        vec![first, spring],
        vec![first],
        vec![other],
        vec![Transition::new(MIDNIGHT_MS, 0), other],
        vec![first, Transition::new(SPRING_MS - 1, 60), other],
        vec![first, Transition::new(SPRING_MS + 1, 180)],
    ];
    for transitions in unsound {
        assert_eq!(world.run(12, zone(2, transitions.clone())), failed, "{transitions:?}");
    }
    assert_eq!(
        world.run(12, zone(2, vec![first, other, Transition::new(SPRING_MS + 1, 0), autumn])),
        changed(3)
    );
    // The first one speaks of the past, even if it begins later.
    let mut later = world.request(13, zone(0, vec![autumn]));
    later.envelope.merchant = MerchantId(2);
    assert_eq!(world.ask(&later), changed(1));
    let mut other = world.request(14, zone(1, vec![spring]));
    other.envelope.merchant = MerchantId(2);
    assert_eq!(world.ask(&other), failed);
}

#[test]
fn a_zone_is_of_one_merchant_in_one_slot_and_is_shown() {
    let mut world = World::new(ROOMY, Rules::default(), MIDNIGHT_MS);
    world.stock(1, 100);
    let none = OwnedOutcome::Zone { version: 0, name: Vec::new(), transitions: Vec::new() };
    assert_eq!(world.run(1, OwnedCommand::ZoneShow), none);
    let by_zone = || limits(1, Limits::BY_ZONE);
    assert_eq!(world.run(10, by_zone()), OwnedOutcome::refused(RuleFailed), "there is none");
    for (operation, merchant, slot) in [(11, 2, 0), (12, 1, 1)] {
        let mut elsewhere = world.request(operation, zone(0, berlin()));
        (elsewhere.envelope.merchant, elsewhere.envelope.slot) = (MerchantId(merchant), Slot(slot));
        assert_eq!(world.ask(&elsewhere), changed(1));
        assert_eq!(world.run(10, by_zone()), OwnedOutcome::refused(RuleFailed), "that is not this stock's");
    }
    assert_eq!(world.run(13, zone(0, berlin())), changed(1));
    assert_eq!(world.run(13, zone(0, berlin())), changed(1), "a repeat");
    assert_eq!(world.run(13, zone(0, berlin()[..1].to_vec())), OwnedOutcome::refused(OperationMismatch));
    assert_eq!(world.run(10, by_zone()), changed(2));
    let shown = OwnedOutcome::Zone { version: 1, name: b"Europe/Berlin".to_vec(), transitions: berlin() };
    assert_eq!(world.run(1, OwnedCommand::ZoneShow), shown);
    // The clock stays, as any other does.
    for minutes in [0, 60] {
        assert_eq!(world.run(14, limits(2, minutes)), OwnedOutcome::refused(RuleFailed));
    }
    assert_eq!(world.run(14, limits(2, Limits::BY_ZONE)), changed(3));
    let OwnedOutcome::Terms { limits, .. } = world.run(1, OwnedCommand::StockTermsShow { stock: STOCK })
    else {
        panic!("a stock is shown")
    };
    assert!(limits.by_zone());
    world.restart();
    assert_eq!(world.run(1, OwnedCommand::ZoneShow), shown);
}

#[test]
fn stocks_by_an_offset_go_on_beside_those_by_the_zone() {
    let mut world = world_at(SPRING_MS - 4 * HOUR_MS, berlin());
    let fixed = world.stock(2, 100);
    let OwnedCommand::StockLimits { version, limits, .. } = limits(1, 60) else { unreachable!("they are") };
    assert_eq!(
        world.run(10, OwnedCommand::StockLimits { stock: fixed, version, limits, spans: None }),
        changed(2)
    );
    let both = |user| OwnedTake { user: UserId(user), ..take(&[(STOCK, 2), (fixed, 2)]) };
    let sell = |take| OwnedCommand::Sell { take, paid: false, hidden: false };
    wait_until(&mut world, SPRING_MS - 2 * HOUR_MS);
    assert_taken(&world.run(11, sell(both(1))));
    // Midnight in summer; the clock that stands an hour ahead has an hour to go.
    wait_until(&mut world, SPRING_MS + 21 * HOUR_MS);
    let refused = world.run(12, sell(both(1)));
    let lacks = |line| Lack { line, why: UserLimit, asked: 2, available: 0 };
    assert_eq!(refused, OwnedOutcome::refused_lines(UserLimit, vec![lacks(1)]));
    wait_until(&mut world, SPRING_MS + 22 * HOUR_MS);
    assert_taken(&world.run(13, sell(both(1))));
}

#[test]
fn zones_are_set_in_the_documented_order() {
    let mut world = scene();
    let first = Transition::new(START_MS, 480);
    let other = Transition::new(START_MS, 0);
    let rows: [(&[Fault], Code); 4] = [
        (&[too_old, past_deadline], OperationTooOld),
        (&[ahead, past_deadline], ClockAhead),
        (&[past_deadline], DeadlinePassed),
        (&[], RuleFailed),
    ];
    for (faults, code) in rows {
        expect(&mut world, 100, zone(9, vec![first]), faults, code);
    }
    assert_eq!(world.run(100, zone(1, vec![first])).facts(), OwnedFacts::Version(0), "there is none yet");
    assert_eq!(world.run(100, zone(0, vec![first])), changed(1));
    // Another version is told before a change of what has been.
    assert_eq!(world.run(101, zone(0, vec![other])).facts(), OwnedFacts::Version(1));
    assert_eq!(world.run(101, zone(1, vec![other])).facts(), OwnedFacts::None);
    expect(&mut world, SUPPLY, zone(0, vec![first]), &[past_deadline], OperationMismatch);
}

#[test]
fn their_want_of_room_is_checked_last() {
    let mut world = World::new(Tables { operations_max: 1, ..ROOMY }, Rules::default(), START_MS);
    world.stock(1, 5);
    let first = vec![Transition::new(START_MS, 480)];
    assert_refused(&world.run(5, zone(1, first.clone())), RuleFailed);
    assert_refused(&world.run(5, zone(0, first)), Capacity);
    assert_refused(&world.run(5, limits(1, Limits::BY_ZONE)), RuleFailed);
}

#[test]
fn zones_have_their_maximum() {
    let mut world = World::new(Tables { operations_max: 1 << 20, ..ROOMY }, Rules::default(), START_MS);
    let first = vec![Transition::new(START_MS, 480)];
    let ask = |world: &mut World, operation: usize, place: usize, version| {
        let mut request = world.request(1 + operation as u128, zone(version, first.clone()));
        request.envelope.merchant = MerchantId(1 + place as u32 / 1_024);
        request.envelope.slot = Slot(place as u16 % 1_024);
        world.ask(&request)
    };
    for place in 0..ZONES_MAX {
        assert_eq!(ask(&mut world, place, place, 0), changed(1), "zone {place}");
    }
    let facts = OwnedFacts::Maximum(CapacityOf::Zones, ZONES_MAX as u64);
    let full = OwnedOutcome::Refused { code: Capacity, facts };
    assert_eq!(ask(&mut world, ZONES_MAX, ZONES_MAX, 0), full);
    assert_eq!(ask(&mut world, ZONES_MAX, 7, 1), changed(2), "one that is there can be set anew");
}

#[test]
fn malformed_zones_are_refused() {
    let world = World::usual();
    let check = |name: &[u8], transitions: Vec<Transition>| {
        let command = OwnedCommand::ZoneSet { version: 0, name: name.to_vec(), transitions };
        let request: OwnedRequest = world.request(10, command);
        request.with(|request| request.check())
    };
    let of = |count: usize| (0..count as u64).map(|n| Transition::new(n, 0)).collect::<Vec<_>>();
    let most = TRANSITIONS_MAX;
    assert_eq!(check(b"x", of(1)), Ok(()));
    assert_eq!(check(&[b'x'; NAME_BYTES_MAX], of(most)), Ok(()));
    assert_eq!(check(b"x", of(0)), Err(Malformed::TransitionCount(0)));
    assert_eq!(check(b"x", of(most + 1)), Err(Malformed::TransitionCount(most + 1)));
    for bad in [&[b'x'; NAME_BYTES_MAX + 1][..], b"", &[0xff]] {
        assert_eq!(check(bad, of(1)), Err(Malformed::Name));
    }
    let second =
        |from_ms, minutes| check(b"x", vec![Transition::new(5, 0), Transition::new(from_ms, minutes)]);
    assert_eq!((second(6, 840), second(6, -840)), (Ok(()), Ok(())));
    for refused in [second(5, 0), second(4, 0), second(6, 841), second(6, -841)] {
        assert_eq!(refused, Err(Malformed::Transition(1)));
    }
    let spare = Transition { spare: [0, 0, 0, 0, 0, 1], ..Transition::new(5, 0) };
    assert_eq!(check(b"x", vec![spare]), Err(Malformed::Transition(0)));
}

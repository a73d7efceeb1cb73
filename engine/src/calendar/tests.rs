//! The calendar against dates that anybody can look up, and against a walk through the days.

use super::*;

const HOUR_MS: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR_MS;
/// Midnight by UTC, at the beginning of 2026, a Thursday.
const NEW_YEAR_2026_MS: u64 = 1_767_225_600_000;
/// 2026-03-29T01:00:00Z: the clocks of Berlin go from 2:00 to 3:00.
const SPRING_MS: u64 = 1_774_746_000_000;
/// 2026-10-25T01:00:00Z: they go back from 3:00 to 2:00.
const AUTUMN_MS: u64 = 1_792_890_000_000;

fn berlin() -> Zone {
    Zone::new(&[
        Transition::new(NEW_YEAR_2026_MS, 60),
        Transition::new(SPRING_MS, 120),
        Transition::new(AUTUMN_MS, 60),
    ])
}

/// How long the day of a time is.
fn length_of_day(zone: &Zone, time_ms: u64) -> u64 {
    let day = zone.day(time_ms);
    let minutes = (0..3 * 1_440).map(|minute| time_ms - DAY - HOUR_MS + minute * 60_000);
    minutes.filter(|minute_ms| zone.day(*minute_ms) == day).count() as u64 * 60_000
}

#[test]
fn days_by_a_fixed_offset_begin_at_its_midnight() {
    assert_eq!(Day::at(0, 0), Day(0));
    assert_eq!((Day::at(DAY - 1, 0), Day::at(DAY, 0)), (Day(0), Day(1)));
    assert_eq!((Day::at(16 * HOUR_MS - 1, 480), Day::at(16 * HOUR_MS, 480)), (Day(0), Day(1)));
    assert_eq!((Day::at(DAY + 12 * HOUR_MS - 1, -720), Day::at(DAY + 12 * HOUR_MS, -720)), (Day(0), Day(1)));
    assert_eq!(Day::at(0, -720), Day(0), "before 1970 is its first day");
    assert_eq!(Day::at(NEW_YEAR_2026_MS, 0), Day(20_454));
    assert_eq!(Day::at(u64::MAX, 840), Day(u32::MAX));
}

#[test]
fn weeks_begin_on_monday_and_months_on_the_first() {
    let named = [
        // 1970-01-01, a Thursday; the Sunday and the Monday after it.
        (0, 4, 0, 0),
        (3, 7, 0, 0),
        (4, 1, 1, 0),
        // 1970-01-31, a Saturday, and the day after.
        (30, 6, 4, 0),
        (31, 7, 4, 1),
        // 2000-02-29, a Tuesday, and the day after.
        (11_016, 2, 1_574, 361),
        (11_017, 3, 1_574, 362),
        // 2025-12-31 and 2026-01-01: one ISO week, two months.
        (20_453, 3, 2_922, 671),
        (20_454, 4, 2_922, 672),
        // 2100-02-28, a Sunday, and 2100-03-01: no leap year.
        (47_540, 7, 6_791, 1_561),
        (47_541, 1, 6_792, 1_562),
    ];
    for (day, of_week, week, month) in named {
        let day = Day(day);
        assert_eq!((day.of_week(), day.week(), day.month()), (of_week, week, month), "{day:?}");
    }
}

#[test]
fn months_are_those_of_a_walk_through_the_days() {
    let is_leap =
        |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut day, mut month) = (0, 0);
    for year in 1_970..2_500 {
        let february = if is_leap(year) { 29 } else { 28 };
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            for _ in 0..length {
                assert_eq!(Day(day).month(), month, "day {day}, in {year}");
                day += 1;
            }
            month += 1;
        }
    }
    assert!(Day(u32::MAX).month() > month && Day(u32::MAX).week() > 0 && Day(u32::MAX).of_week() <= 7);
}

#[test]
fn a_day_of_23_hours_and_one_of_25() {
    let zone = berlin();
    assert_eq!(length_of_day(&zone, SPRING_MS), 23 * HOUR_MS);
    assert_eq!(length_of_day(&zone, AUTUMN_MS), 25 * HOUR_MS);
    assert_eq!(length_of_day(&zone, AUTUMN_MS + 2 * DAY), 24 * HOUR_MS);
    // Midnight by the clock is 23:00 UTC in winter, 22:00 in summer.
    assert_eq!(zone.day(SPRING_MS - 2 * HOUR_MS - 1), Day(20_540));
    assert_eq!(zone.day(SPRING_MS - 2 * HOUR_MS), Day(20_541));
    assert_eq!(zone.day(SPRING_MS + 21 * HOUR_MS - 1), Day(20_541));
    assert_eq!(zone.day(SPRING_MS + 21 * HOUR_MS), Day(20_542));
}

#[test]
fn the_clock_leaves_an_hour_out_and_shows_one_twice() {
    let zone = berlin();
    assert_eq!(zone.minute_of_day(SPRING_MS - 1), 119);
    assert_eq!(zone.minute_of_day(SPRING_MS), 180);
    assert_eq!(zone.minute_of_day(AUTUMN_MS - 1), 179);
    assert_eq!(zone.minute_of_day(AUTUMN_MS), 120);
    assert_eq!(
        [SPRING_MS - 1, SPRING_MS, AUTUMN_MS].map(|time_ms| zone.offset_minutes(time_ms)),
        [60, 120, 60]
    );
    assert_eq!(Zone::new(&[Transition::new(0, -840)]).minute_of_day(0), 600, "of the day before 1970");
}

#[test]
fn the_first_offset_holds_before_its_time_and_the_last_one_for_ever() {
    let zone = berlin();
    assert_eq!(zone.offset_minutes(0), 60);
    assert_eq!(zone.day(23 * HOUR_MS), Day(1));
    assert_eq!(zone.offset_minutes(u64::MAX), 60);
    assert_eq!(zone.day(AUTUMN_MS + 3_650 * DAY), Day::at(AUTUMN_MS + 3_650 * DAY, 60));
}

#[test]
fn a_clock_that_goes_back_over_midnight_does_not_bring_yesterday_back() {
    // Half past midnight becomes half past eleven; then a merchant who moves from Kiritimati to the other side of the world.
    let half_past_ms = NEW_YEAR_2026_MS + HOUR_MS / 2;
    let moves_ms = half_past_ms + 40 * HOUR_MS;
    let zone = Zone::new(&[
        Transition::new(NEW_YEAR_2026_MS - DAY, 0),
        Transition::new(half_past_ms, -60),
        Transition::new(moves_ms, 840),
        Transition::new(moves_ms + HOUR_MS, -720),
    ]);
    assert_eq!([half_past_ms - 1, half_past_ms].map(|time_ms| zone.day(time_ms)), [Day(20_454); 2]);
    assert_eq!([half_past_ms - 1, half_past_ms].map(|time_ms| zone.minute_of_day(time_ms)), [29, 1_410]);
    let mut before = Day(0);
    for quarter in 0..6 * 96 {
        let time_ms = NEW_YEAR_2026_MS - DAY + quarter * HOUR_MS / 4;
        let day = zone.day(time_ms);
        assert!(before <= day, "{before:?} is followed by {day:?}");
        let far_ahead = before.0 + 1 < day.0;
        assert!(!far_ahead || time_ms == NEW_YEAR_2026_MS - DAY || time_ms == moves_ms, "a day is left out");
        before = day;
    }
}

#[test]
fn a_clock_that_goes_back_at_midnight_has_one_long_day() {
    // As in Cairo: 24:00 becomes 23:00.
    let zone = Zone::new(&[Transition::new(0, 180), Transition::new(NEW_YEAR_2026_MS - 3 * HOUR_MS, 120)]);
    let at_ms = NEW_YEAR_2026_MS - 3 * HOUR_MS;
    assert_eq!(zone.day(at_ms - 1), zone.day(at_ms));
    assert_eq!(length_of_day(&zone, at_ms - 1), 25 * HOUR_MS);
}

#[test]
fn turning_changes_no_answer() {
    let transitions: Vec<Transition> = (0..TRANSITIONS_MAX as u64)
        .map(|n| Transition::new(NEW_YEAR_2026_MS + n * 5 * HOUR_MS, (n * 37 % 1_681) as i16 - 840))
        .collect();
    let plain = Zone::new(&transitions);
    assert_eq!(plain.transitions().collect::<Vec<_>>(), transitions);
    for turned_ms in [0, NEW_YEAR_2026_MS, NEW_YEAR_2026_MS + 600 * HOUR_MS, u64::MAX] {
        let mut zone = plain.clone();
        zone.turn(turned_ms);
        assert!(zone.next_ms() > turned_ms || zone.next_ms() == u64::MAX);
        for hour in 0..TRANSITIONS_MAX as u64 * 5 + 10 {
            let time_ms = NEW_YEAR_2026_MS - 5 * HOUR_MS + hour * HOUR_MS;
            for time_ms in [time_ms - 1, time_ms] {
                assert_eq!(zone.day(time_ms), plain.day(time_ms));
                assert_eq!(zone.minute_of_day(time_ms), plain.minute_of_day(time_ms));
            }
        }
    }
}

#[test]
fn what_has_begun_stays_and_what_is_to_come_may_change() {
    let zone = berlin();
    let [first, spring, autumn] = [0, 1, 2].map(|at| zone.transitions().nth(at).expect("there are three"));
    let before_ms = SPRING_MS - 1;
    let sound = [
        vec![first],
        vec![first, spring],
        vec![first, Transition::new(SPRING_MS, 0)],
        vec![first, Transition::new(SPRING_MS + 1, 0), autumn],
    ];
    for transitions in sound {
        assert!(zone.accepts(&transitions, before_ms), "{transitions:?}");
        assert_eq!(
            zone.accepts(&transitions, SPRING_MS),
            transitions.get(1) == Some(&spring),
            "{transitions:?}"
        );
    }
    let unsound = [
        vec![Transition::new(NEW_YEAR_2026_MS, 61)],
        vec![Transition::new(NEW_YEAR_2026_MS + 1, 60), spring],
        vec![spring],
        vec![first, Transition::new(before_ms, 0)],
    ];
    for transitions in unsound {
        assert!(!zone.accepts(&transitions, before_ms), "{transitions:?}");
    }
    assert!(!zone.accepts(&[spring], 0), "the first one speaks of the past, wherever it begins");
    assert!(!zone.accepts(&[], 0));
}

#[test]
fn lists_out_of_order_or_bounds_are_unsound() {
    let of = |from_ms, minutes| Transition::new(from_ms, minutes);
    assert_eq!(Transition::first_unsound(&[of(0, -840), of(1, 840), of(u64::MAX, 0)]), None);
    assert_eq!(Transition::first_unsound(&[of(5, 0), of(6, 0), of(6, 1)]), Some(2));
    assert_eq!(Transition::first_unsound(&[of(5, 0), of(4, 0)]), Some(1));
    assert_eq!(Transition::first_unsound(&[of(5, 841)]), Some(0));
    assert_eq!(Transition::first_unsound(&[of(5, 0), of(6, -841)]), Some(1));
    assert_eq!(Transition::first_unsound(&[Transition { spare: [0, 0, 0, 0, 0, 1], ..of(5, 0) }]), Some(0));
}

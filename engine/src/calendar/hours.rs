//! Weekdays and hours, and when a clock next shows one of them.
//!
//! They stand beside the zones because the clock that counts is the one on the wall: unlike a day that is counted, it may show
//! an hour twice, or never. Invariant: the moment found is the first one, and work is bounded by the transitions of a zone.

use super::{DAY_MS, MINUTE_MS, MONDAY_BEFORE_1970, Zone, local_ms};

/// Minutes of a day.
const DAY_MINUTES: u16 = 1_440;
/// All weekdays there are.
const WEEKDAYS: u8 = 0b111_1111;

/// Hours of weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// Bit 0 for Monday; 0: all.
    pub weekdays: u8,
    /// The minute of the day at which they begin.
    pub opens_minute: u16,
    /// The one at which they end; the same: all day; an earlier one: that of the next day.
    pub closes_minute: u16,
}

impl Hours {
    /// Whether its numbers lie inside their limits.
    pub fn is_sound(self) -> bool {
        self.weekdays <= WEEKDAYS && self.opens_minute < DAY_MINUTES && self.closes_minute <= DAY_MINUTES
    }

    /// Whether they exclude nothing.
    #[inline]
    pub fn is_always(self) -> bool {
        matches!(self.weekdays, 0 | WEEKDAYS) && self.opens_minute == self.closes_minute
    }

    /// The minute of the day at which they begin, and how many minutes they last.
    fn span(self) -> (i64, i64) {
        let (opens, closes) = (i64::from(self.opens_minute), i64::from(self.closes_minute));
        match opens.cmp(&closes) {
            core::cmp::Ordering::Equal => (0, i64::from(DAY_MINUTES)),
            core::cmp::Ordering::Less => (opens, closes - opens),
            core::cmp::Ordering::Greater => (opens, closes - opens + i64::from(DAY_MINUTES)),
        }
    }

    fn begin_on(self, day: i64) -> bool {
        let weekday = (day + i64::from(MONDAY_BEFORE_1970)).rem_euclid(7);
        self.weekdays == 0 || self.weekdays >> weekday & 1 != 0
    }

    /// Whether a clock that shows this is inside of them.
    fn include(self, shown_ms: i64) -> bool {
        let (begins, lasts) = self.span();
        let (day, minute) = (shown_ms.div_euclid(DAY_MS), shown_ms.rem_euclid(DAY_MS) / MINUTE_MS);
        let of_today = self.begin_on(day) && (begins..begins + lasts).contains(&minute);
        let since_yesterday = minute + i64::from(DAY_MINUTES) < begins + lasts && self.begin_on(day - 1);
        of_today || since_yesterday
    }

    /// What a clock shows when it next is inside of them, if it is never set.
    fn next(self, shown_ms: i64) -> i64 {
        if self.include(shown_ms) {
            return shown_ms;
        }
        let (begins, _) = self.span();
        let today = shown_ms.div_euclid(DAY_MS);
        let begin_ms = |day: i64| day.saturating_mul(DAY_MS).saturating_add(begins * MINUTE_MS);
        let mut days = today..=today.saturating_add(7);
        days.find(|day| self.begin_on(*day) && begin_ms(*day) > shown_ms).map_or(i64::MAX, begin_ms)
    }
}

/// A clock on the wall.
#[derive(Debug, Clone, Copy)]
pub enum Clock<'a> {
    /// So many minutes ahead of UTC, always.
    Fixed(i16),
    /// Of a zone.
    Zone(&'a Zone),
}

impl Clock<'_> {
    /// Whether it shows one of these hours.
    #[inline]
    pub fn is_inside(self, hours: Hours, time_ms: u64) -> bool {
        let offset_minutes = match self {
            Clock::Fixed(minutes) => minutes,
            Clock::Zone(zone) => zone.offset_minutes(time_ms),
        };
        hours.is_always() || hours.include(local_ms(time_ms, offset_minutes))
    }

    /// The first moment from `time_ms` on at which it shows one of these hours.
    pub fn next_inside(self, hours: Hours, time_ms: u64) -> u64 {
        let zone = match self {
            Clock::Fixed(minutes) => return next(hours, time_ms, minutes),
            Clock::Zone(zone) => zone,
        };
        let first = zone.find(time_ms);
        for (at, segment) in zone.segments.iter().enumerate().skip(first) {
            let begins_ms = if at == first { time_ms } else { segment.from_ms };
            let found_ms = next(hours, begins_ms, segment.offset_minutes);
            let ends_ms = zone.segments.get(at + 1).map_or(u64::MAX, |next| next.from_ms);
            if found_ms < ends_ms {
                return found_ms;
            }
        }
        u64::MAX
    }
}

fn next(hours: Hours, time_ms: u64, offset_minutes: i16) -> u64 {
    let shown_ms = hours.next(local_ms(time_ms, offset_minutes));
    let found_ms = shown_ms.saturating_sub(i64::from(offset_minutes) * MINUTE_MS);
    u64::try_from(found_ms).unwrap_or(0).max(time_ms)
}

#[cfg(test)]
mod tests {
    use super::super::Transition;
    use super::*;

    const DAY_UTC_MS: u64 = 86_400_000;

    /// The first minute from a time on that is inside, found by looking at each.
    fn looked_for(clock: Clock<'_>, hours: Hours, time_ms: u64) -> u64 {
        if clock.is_inside(hours, time_ms) {
            return time_ms;
        }
        let minutes = time_ms / 60_000 + 1;
        let found = (minutes..minutes + 30 * 1_440).find(|minute| clock.is_inside(hours, minute * 60_000));
        found.expect("hours open within a month") * 60_000
    }

    #[test]
    fn the_next_moment_is_the_one_that_a_look_at_every_minute_finds() {
        // Over midnight ahead, and back, and by odd steps.
        let zone = Zone::new(&[
            Transition::new(10 * DAY_UTC_MS, 60),
            Transition::new(11 * DAY_UTC_MS - 3_600_000, 840),
            Transition::new(12 * DAY_UTC_MS, -840),
            Transition::new(13 * DAY_UTC_MS + 60_000, -30),
        ]);
        let minutes = [0, 1, 119, 120, 719, 1_439];
        for (weekdays, opens_minute, closes_minute) in [0, 1, 24, 64, 127]
            .into_iter()
            .flat_map(|weekdays| minutes.map(|opens| (weekdays, opens)))
            .flat_map(|(weekdays, opens)| [0, 1, 121, 1_440].map(|closes| (weekdays, opens, closes)))
        {
            let hours = Hours { weekdays, opens_minute, closes_minute };
            assert!(hours.is_sound());
            for clock in [Clock::Fixed(0), Clock::Fixed(-840), Clock::Fixed(330), Clock::Zone(&zone)] {
                for quarter in 0..20 {
                    let time_ms = 9 * DAY_UTC_MS + quarter * 21_600_000 + 7;
                    let (found, expected) =
                        (clock.next_inside(hours, time_ms), looked_for(clock, hours, time_ms));
                    assert_eq!(found, expected, "{hours:?} by {clock:?} from {time_ms}");
                }
            }
        }
    }

    #[test]
    fn the_ends_of_time_are_no_harm() {
        let hours = Hours { weekdays: 1, opens_minute: 1_439, closes_minute: 1 };
        for clock in [Clock::Fixed(840), Clock::Fixed(-840)] {
            assert!(clock.next_inside(hours, 0) > 0);
            assert!(clock.next_inside(hours, u64::MAX) == u64::MAX);
        }
    }
}

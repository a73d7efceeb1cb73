//! The calendar of a merchant: which day, week and month a time lies in by his clock, and what that clock shows.
//!
//! It stands in the engine because limits count by it, and has no data of time zones: a [`Zone`] is a list of transitions that
//! the edge puts in. Everything here is a pure function of that list and a time.
//!
//! Invariant: days never go back. A day that has begun goes on: when a clock is set back over midnight, the hours that come
//! a second time belong to the later day. And what a zone says of the past does not change (see [`Zone::accepts`]).

use crate::limits::{TRANSITIONS_MAX, ZONE_OFFSET_MAX_MINUTES};
use zerocopy::little_endian::{I16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// Days from Monday of the ISO week in which 1970 began to the first of January, a Thursday.
const MONDAY_BEFORE_1970: u32 = 3;

/// From when on a clock is how far ahead of UTC, as it lies on the wire and in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Transition {
    /// Milliseconds since the Unix epoch; the first one of a zone holds before, too.
    pub from_ms: U64,
    /// Minutes ahead of UTC, -840 to 840.
    pub offset_minutes: I16,
    /// Reserved; 0.
    pub spare: [u8; 6],
}

impl Transition {
    /// From this time on, so many minutes ahead of UTC.
    pub const fn new(from_ms: u64, offset_minutes: i16) -> Transition {
        Transition { from_ms: U64::new(from_ms), offset_minutes: I16::new(offset_minutes), spare: [0; 6] }
    }

    /// The first of a list that is unsound: out of order, or an offset out of bounds.
    pub fn first_unsound(transitions: &[Transition]) -> Option<usize> {
        let unsound = |at: usize| {
            let transition = &transitions[at];
            let in_order = at == 0 || transitions[at - 1].from_ms.get() < transition.from_ms.get();
            let minutes = transition.offset_minutes.get();
            let within = (-ZONE_OFFSET_MAX_MINUTES..=ZONE_OFFSET_MAX_MINUTES).contains(&minutes);
            !in_order || !within || transition.spare != [0; 6]
        };
        (0..transitions.len()).find(|at| unsound(*at))
    }
}

/// A day by some clock: days since the first of January 1970 there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Day(pub u32);

impl Day {
    /// The day of a time by a clock that is so many minutes ahead of UTC. Times before 1970 there are its first day.
    #[inline]
    pub fn at(time_ms: u64, offset_minutes: i16) -> Day {
        let days = local_ms(time_ms, offset_minutes).max(0) / DAY_MS;
        Day(u32::try_from(days).unwrap_or(u32::MAX))
    }

    /// The day of the ISO week: 1 is Monday, 7 Sunday.
    pub const fn of_week(self) -> u8 {
        ((self.0 as u64 + MONDAY_BEFORE_1970 as u64) % 7 + 1) as u8
    }

    /// The ISO week (Monday to Sunday), counted from 0: the one in which 1970 began.
    pub const fn week(self) -> u32 {
        ((self.0 as u64 + MONDAY_BEFORE_1970 as u64) / 7) as u32
    }

    /// The month, counted from 0: January 1970.
    pub const fn month(self) -> u32 {
        // A year that begins in March has its leap day last: then lengths of months follow one rule, in eras of 400 years.
        // (Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.)
        let days = self.0 as u64 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        // March 1970 is month 2.
        let months = (era * 400 + year) * 12 + from_march + 2;
        (months - 1_970 * 12) as u32
    }
}

/// What a clock shows, in milliseconds since it showed the beginning of 1970.
#[inline]
fn local_ms(time_ms: u64, offset_minutes: i16) -> i64 {
    let time_ms = i64::try_from(time_ms).unwrap_or(i64::MAX);
    time_ms.saturating_add(i64::from(offset_minutes) * MINUTE_MS)
}

/// A transition, and what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    from_ms: u64,
    /// The latest day that had begun when this offset came.
    begun: Day,
    offset_minutes: i16,
}

/// A time zone: its transitions, 1 to [`TRANSITIONS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    segments: Vec<Segment>,
    /// Where to begin to look: see [`Zone::turn`].
    current: usize,
}

impl Zone {
    /// The zone of these transitions. Panics on a list that is empty, too long or unsound.
    pub fn new(transitions: &[Transition]) -> Zone {
        assert!((1..=TRANSITIONS_MAX).contains(&transitions.len()), "a zone has 1 to {TRANSITIONS_MAX}");
        assert_eq!(Transition::first_unsound(transitions), None, "transitions are checked before");
        let mut segments: Vec<Segment> = Vec::with_capacity(transitions.len());
        for transition in transitions {
            let from_ms = transition.from_ms.get();
            let before = segments.last().map_or(Day(0), |last| last.day(from_ms - 1));
            let offset_minutes = transition.offset_minutes.get();
            segments.push(Segment { from_ms, begun: before, offset_minutes });
        }
        Zone { segments, current: 0 }
    }

    /// Its transitions.
    pub fn transitions(&self) -> impl Iterator<Item = Transition> {
        self.segments.iter().map(|segment| Transition::new(segment.from_ms, segment.offset_minutes))
    }

    /// Whether these transitions may take the place of its own at shard time `now_ms`: those that have begun, and the first
    /// one, whose offset holds before it, stay what they are, and every other begins later.
    pub fn accepts(&self, transitions: &[Transition], now_ms: u64) -> bool {
        let begun = self.segments.partition_point(|segment| segment.from_ms <= now_ms).max(1);
        let kept = transitions
            .get(..begun)
            .is_some_and(|kept| kept.iter().copied().eq(self.transitions().take(begun)));
        kept && transitions[begun..].iter().all(|transition| transition.from_ms.get() > now_ms)
    }

    /// Minutes that the clock is ahead of UTC.
    pub fn offset_minutes(&self, time_ms: u64) -> i16 {
        self.segment(time_ms).offset_minutes
    }

    /// The day, which never goes back.
    #[inline]
    pub fn day(&self, time_ms: u64) -> Day {
        self.segment(time_ms).day(time_ms)
    }

    /// What the clock shows: minutes since its midnight, 0 to 1439. It may show an hour twice, or never.
    pub fn minute_of_day(&self, time_ms: u64) -> u16 {
        let of_day_ms = local_ms(time_ms, self.offset_minutes(time_ms)).rem_euclid(DAY_MS);
        (of_day_ms / MINUTE_MS) as u16
    }

    /// Moves on to the transition in force, so that times near `now_ms` are found without a search. Changes no answer.
    pub fn turn(&mut self, now_ms: u64) {
        self.current = self.find(now_ms);
    }

    /// When the next transition after the one it was turned to begins; the end of time if there is none.
    pub fn next_ms(&self) -> u64 {
        self.segments.get(self.current + 1).map_or(u64::MAX, |next| next.from_ms)
    }

    #[inline]
    fn segment(&self, time_ms: u64) -> &Segment {
        let current = &self.segments[self.current];
        if current.from_ms <= time_ms && time_ms < self.next_ms() {
            return current;
        }
        &self.segments[self.find(time_ms)]
    }

    fn find(&self, time_ms: u64) -> usize {
        self.segments.partition_point(|segment| segment.from_ms <= time_ms).saturating_sub(1)
    }
}

impl Segment {
    #[inline]
    fn day(&self, time_ms: u64) -> Day {
        Day::at(time_ms, self.offset_minutes).max(self.begun)
    }
}

mod hours;
#[cfg(test)]
mod tests;

pub use hours::{Clock, Hours};

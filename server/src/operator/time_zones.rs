//! What the world knows of clocks: the changes of an IANA time zone, from the database that is built in.
//!
//! It stands here, at the edge, because the engine has no such data: it is told the changes, and keeps to what it was told.
//!
//! Invariant: what has begun of a zone that was told before is told again as it was.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use scrip_client::{TRANSITIONS_MAX, Transition, ZONE_OFFSET_MAX_MINUTES};

/// A first zone is told from so long ago on: holds that are two days old have their days, too.
const BEFORE_MS: u64 = 2 * 86_400_000;
/// Another zone begins so long from now: the server must have been told before.
const NOTICE_MS: u64 = 60_000;
/// Changes are told up to the year 2100.
const UNTIL_MS: u64 = 4_102_444_800_000;

/// Why a zone can't be told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// Its name is not in the database.
    #[error("{0:?} is no time zone of the IANA database: write Asia/Shanghai, Europe/Berlin or UTC")]
    Unknown(String),
    /// Its clock is odd.
    #[error("the clock of this zone is {0} seconds ahead of UTC: whole minutes are possible, up to 14 hours")]
    Offset(i32),
    /// A time that the database does not reach.
    #[error("{0} ms since 1970 is beyond the time zone database: is the clock of the server right?")]
    Time(u64),
    /// No room for another change.
    #[error("the clock of this merchant has changed {TRANSITIONS_MAX} times: no more are possible")]
    Full,
}

/// The zone of this name, and how the database writes it.
pub fn known(name: &str) -> Result<(String, TimeZone), ZoneError> {
    let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| ZoneError::Unknown(name.to_owned()))?;
    let written = zone.iana_name().unwrap_or(name).to_owned();
    Ok((written, zone))
}

/// All transitions that a merchant's zone shall have, who was shown with these (none: he has no zone yet).
pub fn planned(zone: &TimeZone, shown: &[Transition], now_ms: u64) -> Result<Vec<Transition>, ZoneError> {
    let begun = shown.partition_point(|transition| transition.from_ms.get() <= now_ms);
    let mut planned = shown[..begun.max(1).min(shown.len())].to_vec();
    let mut after_ms = now_ms;
    match planned.last() {
        None => {
            after_ms = now_ms.saturating_sub(BEFORE_MS);
            planned.push(Transition::new(after_ms, offset(zone, after_ms)?));
        }
        Some(last) => {
            let in_force = last.offset_minutes.get();
            if offset(zone, now_ms)? != in_force {
                after_ms = last.from_ms.get().max(now_ms) + NOTICE_MS;
                planned.push(Transition::new(after_ms, offset(zone, after_ms)?));
            }
        }
    }
    if planned.len() > TRANSITIONS_MAX {
        return Err(ZoneError::Full);
    }
    for change in zone.following(timestamp(after_ms)?) {
        let Ok(from_ms) = u64::try_from(change.timestamp().as_millisecond()) else { continue };
        if from_ms >= UNTIL_MS || planned.len() >= TRANSITIONS_MAX {
            break;
        }
        let last = planned[planned.len() - 1];
        let minutes = minutes(change.offset().seconds())?;
        // Some changes are of the name alone.
        if last.offset_minutes.get() != minutes && last.from_ms.get() < from_ms {
            planned.push(Transition::new(from_ms, minutes));
        }
    }
    Ok(planned)
}

fn offset(zone: &TimeZone, time_ms: u64) -> Result<i16, ZoneError> {
    minutes(zone.to_offset(timestamp(time_ms)?).seconds())
}

fn timestamp(time_ms: u64) -> Result<Timestamp, ZoneError> {
    let signed = i64::try_from(time_ms).map_err(|_| ZoneError::Time(time_ms))?;
    Timestamp::from_millisecond(signed).map_err(|_| ZoneError::Time(time_ms))
}

fn minutes(seconds: i32) -> Result<i16, ZoneError> {
    let minutes = i16::try_from(seconds / 60).map_err(|_| ZoneError::Offset(seconds))?;
    let within = (-ZONE_OFFSET_MAX_MINUTES..=ZONE_OFFSET_MAX_MINUTES).contains(&minutes);
    if within && seconds % 60 == 0 { Ok(minutes) } else { Err(ZoneError::Offset(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T00:00:00Z.
    const NOW_MS: u64 = 1_795_392_000_000;
    /// 2027-03-28T01:00:00Z and 2027-10-31T01:00:00Z.
    const SPRING_MS: u64 = 1_806_195_600_000;
    const AUTUMN_MS: u64 = 1_824_944_400_000;

    fn zone(name: &str) -> TimeZone {
        known(name).expect("the database has it").1
    }

    #[test]
    fn a_zone_is_found_by_its_name_however_it_is_written() {
        assert_eq!(known("asia/shanghai").expect("it is there").0, "Asia/Shanghai");
        let error = known("Asia/Shangai").expect_err("it is misspelt");
        assert!(error.to_string().contains("Asia/Shanghai"), "{error}");
        assert_eq!(known(""), Err(ZoneError::Unknown(String::new())));
    }

    #[test]
    fn a_clock_that_never_changes_is_one_transition() {
        let first = Transition::new(NOW_MS - BEFORE_MS, 480);
        assert_eq!(planned(&zone("Asia/Shanghai"), &[], NOW_MS), Ok(vec![first]));
        assert_eq!(planned(&zone("UTC"), &[], NOW_MS), Ok(vec![Transition::new(NOW_MS - BEFORE_MS, 0)]));
    }

    #[test]
    fn daylight_saving_is_told_until_2100() {
        let planned = planned(&zone("Europe/Berlin"), &[], NOW_MS).expect("it is told");
        let first = Transition::new(NOW_MS - BEFORE_MS, 60);
        assert_eq!(planned[..3], [first, Transition::new(SPRING_MS, 120), Transition::new(AUTUMN_MS, 60)]);
        // Two a year, from 2027 to 2099.
        assert_eq!(planned.len(), 1 + 2 * 73);
        assert!(planned.iter().all(|transition| transition.from_ms.get() < UNTIL_MS));
        assert_eq!(Transition::first_unsound(&planned), None);
    }

    #[test]
    fn every_zone_of_the_database_can_be_told() {
        for name in TimeZoneDatabase::bundled().available() {
            let planned = planned(&zone(name.as_str()), &[], NOW_MS).expect("its clock is possible");
            assert_eq!(Transition::first_unsound(&planned), None, "{name}");
            assert!(planned.len() <= TRANSITIONS_MAX, "{name}");
        }
    }

    #[test]
    fn the_same_zone_again_keeps_what_has_begun_and_tells_what_is_to_come() {
        let berlin = zone("Europe/Berlin");
        let first = planned(&berlin, &[], NOW_MS).expect("it is told");
        let told_before = [first[0], Transition::new(SPRING_MS, 120)];
        assert_eq!(planned(&berlin, &told_before, NOW_MS + 5), Ok(first.clone()));
        let later = planned(&berlin, &told_before, SPRING_MS + 5).expect("it is told");
        assert_eq!(later, first);
    }

    #[test]
    fn another_zone_begins_in_a_minute() {
        let first = planned(&zone("Europe/Berlin"), &[], NOW_MS).expect("it is told");
        let moved = planned(&zone("Asia/Shanghai"), &first, SPRING_MS + 5).expect("it is told");
        assert_eq!(moved, [first[0], first[1], Transition::new(SPRING_MS + 5 + NOTICE_MS, 480)]);
        // The same clock under another name goes on.
        let moved = planned(&zone("Europe/Paris"), &first, NOW_MS).expect("it is told");
        assert_eq!(moved, first);
    }

    #[test]
    fn a_clock_that_has_changed_too_often_stays() {
        let full: Vec<Transition> =
            (0..TRANSITIONS_MAX as u64).map(|n| Transition::new(n, (n % 2) as i16)).collect();
        assert_eq!(planned(&zone("Asia/Shanghai"), &full, NOW_MS), Err(ZoneError::Full));
    }
}

//! Flags of `scrip campaign` for what it may issue and when its cards can be used.
//!
//! They stand apart from what cards are worth, because most campaigns have none. Invariant: text that is not understood whole
//! is refused, with an example of what would be.

use super::values;
use clap::Args;
use core::ops::Range;
use std::time::Duration;

/// What a campaign may issue, and when its cards can be used.
#[derive(Debug, Args, Default)]
pub struct BoundArgs {
    /// The most cards issued on one day; 0: no maximum
    #[arg(long, value_name = "CARDS")]
    pub cards_per_day: Option<u64>,
    /// The most that cards can cost in all; 0: no maximum
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    pub budget: Option<u64>,
    /// The most that the cards issued on one day can cost; 0: no maximum
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    pub budget_per_day: Option<u64>,
    /// The most that one card can cost [default: what follows from its worth]; 0: that again
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    pub cost: Option<u64>,
    /// Cards can be used on these weekdays alone, such as mon-fri or sat,sun; all: on every one
    #[arg(long, value_name = "DAYS", value_parser = weekdays)]
    pub weekdays: Option<u8>,
    /// Cards can be used between these times alone, such as 11:00-14:00, or 22:00-02:00 across midnight; all: all day
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    pub hours: Option<Range<u16>>,
    /// So long before its end each card is told of by `scrip card notices`, up to twice, such as 3days and 1day; 0s: not at all
    #[arg(long, value_name = "SPAN", num_args = 1, value_parser = values::span)]
    pub remind: Vec<Duration>,
    /// How late a till that was offline may bring its uses of cards, such as 1h; 0s: not at all
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub late: Option<Duration>,
    /// A stock whose limits hold for a user's cards of all campaigns of this group together; none: it is in no group
    #[arg(long, value_name = "STOCK")]
    pub group: Option<String>,
    /// Its days and hours go by the merchant's zone (`scrip merchant zone`), as they do by themselves if there is one
    #[arg(long, conflicts_with = "utc_offset")]
    pub zone: bool,
    /// Its days and hours go by a clock so far ahead of UTC, such as +08:00
    #[arg(long, value_name = "OFFSET", value_parser = values::offset, allow_hyphen_values = true)]
    pub utc_offset: Option<i16>,
}

impl BoundArgs {
    /// Whether no flag says anything.
    pub fn is_empty(&self) -> bool {
        let BoundArgs { cards_per_day, budget, budget_per_day, cost, weekdays, hours, group, .. } = self;
        let BoundArgs { zone, utc_offset, late, remind, .. } = self;
        let numbers = [cards_per_day, budget, budget_per_day, cost];
        let clock = *zone || utc_offset.is_some();
        numbers.iter().all(|number| number.is_none())
            && weekdays.is_none()
            && hours.is_none()
            && group.is_none()
            && late.is_none()
            && remind.is_empty()
            && !clock
    }
}

/// The names of weekdays, Monday first.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const HOURS: &str = "span of hours: write 11:00-14:00, 22:00-02:00 across midnight, or all";

/// `mon-fri`, `sat,sun`, `all`: a bit for each.
fn weekdays(text: &str) -> Result<u8, values::ValueError> {
    let wrong = || values::ValueError::new(text, "list of weekdays: write mon-fri, sat,sun, or all");
    let place = |name: &str| WEEKDAYS.iter().position(|weekday| *weekday == name).ok_or_else(wrong);
    if text == "all" {
        return Ok(0);
    }
    let mut set = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (place(first)?, place(last)?);
        // From Friday to Monday is over the weekend.
        while at != last {
            set |= 1 << at;
            at = (at + 1) % WEEKDAYS.len();
        }
        set |= 1 << last;
    }
    Ok(set)
}

/// `11:00-14:00`, `all`: minutes of the day.
fn hours(text: &str) -> Result<Range<u16>, values::ValueError> {
    let wrong = || values::ValueError::new(text, HOURS);
    if text == "all" {
        return Ok(0..0);
    }
    let minute = |time: &str| {
        let (hours, minutes) =
            time.split_once(':').filter(|(hours, minutes)| (hours.len(), minutes.len()) == (2, 2))?;
        let digits = hours.bytes().chain(minutes.bytes()).all(|byte| byte.is_ascii_digit());
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        (digits && minutes < 60).then_some(hours * 60 + minutes).filter(|minute| *minute <= 1_440)
    };
    let (opens, closes) = text.split_once('-').ok_or_else(wrong)?;
    let (opens, closes) = minute(opens).zip(minute(closes)).ok_or_else(wrong)?;
    // The same twice would be all day: nobody means that.
    if opens == 1_440 || opens == closes { Err(wrong()) } else { Ok(opens..closes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_are_named_one_by_one_or_from_one_to_another() {
        for (text, set) in [
            ("mon-fri", 31),
            ("sat,sun", 96),
            ("wed", 4),
            ("fri-mon", 0b111_0001),
            ("mon,wed-thu", 13),
            ("all", 0),
            ("mon-sun", 127),
        ] {
            assert_eq!(weekdays(text), Ok(set), "{text}");
        }
        for text in ["", "monday", "mon-", "mon,,tue", "Mon", "1-5"] {
            assert!(weekdays(text).unwrap_err().to_string().contains("mon-fri"), "{text}");
        }
    }

    #[test]
    fn hours_are_from_a_minute_to_another() {
        let spans = [
            ("11:00-14:00", 660..840),
            ("22:00-02:00", Range { start: 1_320, end: 120 }),
            ("00:00-24:00", 0..1_440),
            ("all", 0..0),
        ];
        for (text, span) in spans {
            assert_eq!(hours(text), Ok(span), "{text}");
        }
        for text in [
            "",
            "11-14",
            "11:00",
            "11:00-11:00",
            "24:00-01:00",
            "11:60-12:00",
            "9:00-10:00",
            "24:01-01:00",
            "+1:00-02:00",
        ] {
            assert!(hours(text).unwrap_err().to_string().contains("11:00-14:00"), "{text}");
        }
    }
}

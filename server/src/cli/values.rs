//! Values that people write in a form of their own: channels, items, quotas, durations. They are read here, at the edge, so
//! that no other room parses text.
//!
//! Invariant: text that is not understood whole is refused, with an example of what would be.

use crate::facts::Facts;
use scrip_client::{CardId, CartLine, ChannelId, ScopeEntry, Segments, Tier};
use std::collections::BTreeSet;
use std::time::Duration;

/// Text that is no value of its kind.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}")]
pub struct ValueError {
    text: String,
    what: &'static str,
}

impl ValueError {
    /// This text is no such thing.
    pub fn new(text: &str, what: &'static str) -> ValueError {
        ValueError { text: text.to_owned(), what }
    }
}

/// What to take of which stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The stock's name or number.
    pub name: String,
    /// How many units.
    pub units: u32,
}

/// What a channel's quota shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaWish {
    /// The channel.
    pub channel: ChannelId,
    /// Its part of the stock.
    pub wish: Wish,
}

/// A channel's part of a stock, as people ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// These units at least and at most.
    Between {
        /// Units that no other channel can take.
        guaranteed: u64,
        /// The most units; none: no maximum.
        cap: Option<u64>,
    },
    /// A guarantee of all that is available and that no other channel has a claim to.
    Rest,
}

/// `NAME` is one unit, `NAME:UNITS` as many. A name with a colon and digits at its end needs the units behind it.
pub fn item(text: &str) -> Result<Item, ValueError> {
    let error =
        || ValueError { text: text.to_owned(), what: "item: write steam50, or steam50:3 for three units" };
    let counted = |units: &str| !units.is_empty() && units.bytes().all(|byte| byte.is_ascii_digit());
    let (name, units) = match text.rsplit_once(':') {
        Some((name, units)) if counted(units) => (name, units.parse().map_err(|_| error())?),
        _ => (text, 1),
    };
    if name.is_empty() || units == 0 {
        return Err(error());
    }
    Ok(Item { name: name.to_owned(), units })
}

/// `CHANNEL=QUOTA`: `3000` a cap, `1000..3000` guarantee and cap, `1000..` a guarantee without a cap, `none`, `rest`.
pub fn quota(text: &str) -> Result<QuotaWish, Box<dyn std::error::Error + Send + Sync>> {
    const WHAT: &str = "quota: write taobao=3000 (a cap), taobao=1000..3000 (guarantee and cap), taobao=1000.. \
                        (a guarantee), taobao=none or own=rest";
    let error = || ValueError { text: text.to_owned(), what: WHAT };
    let (channel, quota) = text.split_once('=').ok_or_else(error)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| error());
    let wish = match (quota, quota.split_once("..")) {
        ("none", _) => Wish::Between { guaranteed: 0, cap: None },
        ("rest", _) => Wish::Rest,
        (_, Some((guaranteed, ""))) => Wish::Between { guaranteed: number(guaranteed)?, cap: None },
        (_, Some((guaranteed, cap))) => {
            Wish::Between { guaranteed: number(guaranteed)?, cap: Some(number(cap)?) }
        }
        (cap, None) => Wish::Between { guaranteed: 0, cap: Some(number(cap)?) },
    };
    Ok(QuotaWish { channel: scrip_client::channel_id(channel)?, wish })
}

/// What a unit shall cost on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceWish {
    /// The channel; `None`: all that have no price of their own.
    pub channel: Option<ChannelId>,
    /// Minor units; `None`: it has none.
    pub amount: Option<u32>,
}

/// `CHANNEL=AMOUNT`: the channel may be `any`, the amount `none`.
pub fn price(text: &str) -> Result<PriceWish, Box<dyn std::error::Error + Send + Sync>> {
    const WHAT: &str = "price: write taobao=4990 (minor units), any=4990 or taobao=none";
    let error = || ValueError { text: text.to_owned(), what: WHAT };
    let (channel, amount) = text.split_once('=').ok_or_else(error)?;
    let channel = if channel == "any" { None } else { Some(scrip_client::channel_id(channel)?) };
    let amount = match amount {
        "none" => None,
        amount => Some(amount.parse().ok().filter(|amount| *amount != 0).ok_or_else(error)?),
    };
    Ok(PriceWish { channel, amount })
}

/// How far a clock is ahead of UTC, in minutes: `+08:00`, `-03:30`, `Z`.
pub fn offset(text: &str) -> Result<i16, ValueError> {
    let error = || ValueError { text: text.to_owned(), what: "offset from UTC: write +08:00, -03:30 or Z" };
    if text == "Z" {
        return Ok(0);
    }
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return Err(error()),
    };
    let (hours, minutes) = rest.split_once(':').ok_or_else(error)?;
    let two_digits = |text: &&str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| Some(text).filter(two_digits)?.parse::<i16>().ok();
    let (hours, minutes) = number(hours).zip(number(minutes)).ok_or_else(error)?;
    let total = sign * (hours * 60 + minutes);
    if minutes < 60 && (-720..=840).contains(&total) { Ok(total) } else { Err(error()) }
}

/// An amount of money: with a decimal point in major units, without one in minor units. `5.00`, `5.0` and `500` are the same.
pub fn amount(text: &str) -> Result<u64, ValueError> {
    let wrong = || ValueError {
        text: text.to_owned(),
        what: "amount, such as 5.00 (major units) or 500 (minor units)",
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let Some((major, minor)) = text.split_once('.') else {
        return if digits(text) { text.parse().map_err(|_| wrong()) } else { Err(wrong()) };
    };
    if !digits(major) || !digits(minor) || minor.len() > 2 {
        return Err(wrong());
    }
    let cents: u64 = minor.parse().map_err(|_| wrong())?;
    let cents = if minor.len() == 1 { cents * 10 } else { cents };
    let major: u64 = major.parse().map_err(|_| wrong())?;
    major.checked_mul(100).and_then(|major| major.checked_add(cents)).ok_or_else(wrong)
}

/// Units, or an amount where units are money.
pub fn units(text: &str) -> Result<u32, ValueError> {
    let wrong =
        || ValueError { text: text.to_owned(), what: "number of units, or amount, such as 10 or 5.00" };
    u32::try_from(amount(text).map_err(|_| wrong())?).map_err(|_| wrong())
}

/// A currency.
pub fn currency(text: &str) -> Result<[u8; 3], ValueError> {
    let letters: Option<[u8; 3]> = text.as_bytes().try_into().ok();
    let letters = letters.filter(|letters| letters.iter().all(u8::is_ascii_uppercase));
    letters.ok_or_else(|| ValueError { text: text.to_owned(), what: "currency, such as CNY" })
}

/// `AMOUNT=AMOUNT`: from an amount on so much off.
pub fn tier(text: &str) -> Result<Tier, ValueError> {
    let wrong = || ValueError { text: text.to_owned(), what: "tier, such as 100.00=10.00" };
    let (threshold, value) = text.split_once('=').ok_or_else(wrong)?;
    Ok(Tier::new(amount(threshold)?, amount(value)?))
}

/// `WHAT=ID`: a channel by name or number, a store, product or category by number.
pub fn scope(text: &str) -> Result<ScopeEntry, Box<dyn std::error::Error + Send + Sync>> {
    let wrong = || ValueError { text: text.to_owned(), what: "scope, such as channel=mini or store=12" };
    let (what, id) = text.split_once('=').ok_or_else(wrong)?;
    let what = match what {
        "channel" => return Ok(ScopeEntry::new(ScopeEntry::CHANNEL, u64::from(channel(id)?.0))),
        "claim-channel" => return Ok(ScopeEntry::new(ScopeEntry::CLAIM_CHANNEL, u64::from(channel(id)?.0))),
        "store" => ScopeEntry::STORE,
        "product" => ScopeEntry::PRODUCT,
        "category" => ScopeEntry::CATEGORY,
        "segment" => ScopeEntry::SEGMENT,
        "claim-segment" => ScopeEntry::CLAIM_SEGMENT,
        _ => return Err(wrong().into()),
    };
    let is_segment = matches!(what, ScopeEntry::SEGMENT | ScopeEntry::CLAIM_SEGMENT);
    let most = if is_segment { u64::from(u32::MAX) } else { u64::MAX };
    let id = id.parse().ok().filter(|id| (1..=most).contains(id)).ok_or_else(wrong)?;
    Ok(ScopeEntry::new(what, id))
}

/// `3,7`: the numbers of the segments that a user is in, in any order.
pub fn segments(text: &str) -> Result<Segments, ValueError> {
    let wrong = || ValueError { text: text.to_owned(), what: "list of up to 8 segments, such as 3,7" };
    let numbers: Result<BTreeSet<u32>, _> = text.split(',').map(str::parse).collect();
    numbers.ok().and_then(Segments::new).ok_or_else(wrong)
}

/// A line of a cart, and the name of its stock if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartItem {
    /// The stock.
    pub stock: Option<String>,
    /// The rest.
    pub line: CartLine,
}

/// `[STOCK=]PRODUCT:CATEGORY:PRICE:QUANTITY`: a line of a cart.
pub fn cart_item(text: &str) -> Result<CartItem, ValueError> {
    match text.split_once('=') {
        None => Ok(CartItem { stock: None, line: cart_line(text)? }),
        Some(("", _)) => {
            Err(ValueError { text: text.to_owned(), what: "line of a cart, such as tea=7:3:30.00:2" })
        }
        Some((stock, line)) => Ok(CartItem { stock: Some(stock.to_owned()), line: cart_line(line)? }),
    }
}

/// `PRODUCT:CATEGORY:PRICE:QUANTITY`: a line of a cart.
pub fn cart_line(text: &str) -> Result<CartLine, ValueError> {
    let wrong = || ValueError { text: text.to_owned(), what: "line of a cart, such as 7:3:30.00:2" };
    let parts: Vec<&str> = text.split(':').collect();
    let [product, category, price, quantity] = parts[..] else { return Err(wrong()) };
    let number = |part: &str| part.parse::<u64>().map_err(|_| wrong());
    let pieces = quantity.parse().ok().filter(|pieces: &u32| *pieces != 0).ok_or_else(wrong)?;
    let price = amount(price).map_err(|_| wrong())?;
    Ok(CartLine::new(number(product)?, number(category)?, price, pieces))
}

/// `none`, `all`, or numbers of stacking classes with commas: a bit for each.
pub fn classes(text: &str) -> Result<u32, ValueError> {
    let wrong = || ValueError { text: text.to_owned(), what: "list of stacking classes: none, all or 0,1,5" };
    let bit = |part: &str| {
        let class = part.parse::<u32>().ok().filter(|class| *class < u32::BITS);
        class.map(|class| 1 << class).ok_or_else(wrong)
    };
    match text {
        "none" => Ok(0),
        "all" => Ok(u32::MAX),
        list => list.split(',').try_fold(0, |set, part| Ok(set | bit(part)?)),
    }
}

/// A channel by name or number.
pub fn channel(text: &str) -> Result<ChannelId, scrip_client::UnknownChannel> {
    scrip_client::channel_id(text)
}

/// A time span with its unit: `90s`, `15m`, `2h`, `1day 6h`.
pub fn span(text: &str) -> Result<Duration, ValueError> {
    humantime::parse_duration(text)
        .map_err(|_| ValueError { text: text.to_owned(), what: "time span: write 90s, 15m, 2h or 7days" })
}

/// The id of a card.
pub fn card(text: &str) -> Result<CardId, ValueError> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let card = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
    let what = "card's id of 16 digits: `scrip card show CODE` prints it";
    card.map(CardId).ok_or_else(|| ValueError { text: text.to_owned(), what })
}

/// Facts for reports.
pub fn facts(text: &str) -> Result<String, FactsError> {
    match Facts::fault(text) {
        None => Ok(text.to_owned()),
        Some(why) => Err(FactsError(why)),
    }
}

/// Text that is no facts.
#[derive(Debug, thiserror::Error)]
#[error("{0}. Write {{\"gross\": 8000, \"paid\": 7000, \"store\": \"s1\"}}, amounts in minor units")]
pub struct FactsError(String);

/// A day of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayWish {
    /// So many days before the one it is.
    Ago(u32),
    /// This one.
    On(jiff::civil::Date),
}

/// A day: `today`, `yesterday`, or a date as `2026-11-23`.
pub fn day(text: &str) -> Result<DayWish, ValueError> {
    let wrong = || ValueError { text: text.to_owned(), what: "day: write today, yesterday or 2026-11-23" };
    match text {
        "today" => Ok(DayWish::Ago(0)),
        "yesterday" => Ok(DayWish::Ago(1)),
        date => {
            let date: jiff::civil::Date = date.parse().map_err(|_| wrong())?;
            (date.year() >= 1970).then_some(DayWish::On(date)).ok_or_else(wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_a_name_and_units() {
        let of = |name: &str, units| Ok(Item { name: name.into(), units });
        assert_eq!(item("steam50"), of("steam50", 1));
        assert_eq!(item("steam50:3"), of("steam50", 3));
        assert_eq!(item("a:b"), of("a:b", 1));
        assert_eq!(item("a:5:2"), of("a:5", 2));
        assert_eq!(item("a:"), of("a:", 1));
        for text in ["", ":1", "a:0", "a:4294967296"] {
            assert!(item(text).unwrap_err().to_string().contains("steam50:3"), "{text}");
        }
    }

    #[test]
    fn quotas_are_caps_guarantees_both_none_or_the_rest() {
        let between = |guaranteed, cap| Wish::Between { guaranteed, cap };
        for (text, channel, wish) in [
            ("taobao=3000", 10, between(0, Some(3000))),
            ("taobao=1000..3000", 10, between(1000, Some(3000))),
            ("77=1000..", 77, between(1000, None)),
            ("own=none", 1, between(0, None)),
            ("own=rest", 1, Wish::Rest),
        ] {
            assert_eq!(quota(text).unwrap(), QuotaWish { channel: ChannelId(channel), wish });
        }
        for text in ["taobao", "taobao=", "taobao=..5", "taobao=x", "taobao=1..2..3", "taobao=-1"] {
            assert!(quota(text).unwrap_err().to_string().contains("own=rest"), "{text}");
        }
        assert!(quota("ebay=1").unwrap_err().to_string().contains("taobao"));
    }

    #[test]
    fn prices_are_amounts_on_channels() {
        let wish = |channel: Option<u16>, amount| PriceWish { channel: channel.map(ChannelId), amount };
        assert_eq!(price("taobao=4990").unwrap(), wish(Some(10), Some(4990)));
        assert_eq!(price("any=1").unwrap(), wish(None, Some(1)));
        assert_eq!(price("77=none").unwrap(), wish(Some(77), None));
        for text in ["taobao", "taobao=", "taobao=0", "taobao=49.90", "taobao=4294967296"] {
            assert!(price(text).unwrap_err().to_string().contains("any=4990"), "{text}");
        }
    }

    #[test]
    fn offsets_are_hours_and_minutes() {
        for (text, minutes) in [("+08:00", 480), ("-03:30", -210), ("Z", 0), ("+14:00", 840)] {
            assert_eq!(offset(text), Ok(minutes));
        }
        for text in ["", "8", "+8:00", "08:00", "+08:60", "+14:01", "-12:01", "+-1:00"] {
            assert!(offset(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_have_units() {
        assert_eq!(span("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(span("1500ms"), Ok(Duration::from_millis(1500)));
        for text in ["", "2", "h", "-1s"] {
            assert!(span(text).unwrap_err().to_string().contains("15m"), "{text}");
        }
    }

    #[test]
    fn amounts_are_read_in_major_or_minor_units() {
        for (text, minor) in
            [("5.00", 500), ("5.0", 500), ("500", 500), ("0.05", 5), ("0", 0), ("12.34", 1_234)]
        {
            assert_eq!(amount(text), Ok(minor), "{text}");
        }
        for text in [
            "",
            ".",
            "5.",
            ".5",
            "5.005",
            "-5",
            "5,00",
            "1e3",
            "99999999999999999999.00",
            "184467440737095517.00",
        ] {
            assert!(amount(text).is_err(), "{text}");
        }
        assert_eq!(cart_line("7:3:30.00:2"), Ok(CartLine::new(7, 3, 3_000, 2)));
        for text in ["7:3:30.00", "7:3:30.00:0", "7:3::2", "tea:3:30.00:2", "7:3:30.00:2:1"] {
            assert!(cart_line(text).is_err(), "{text}");
        }
        assert_eq!(
            (classes("none"), classes("all"), classes("0,1,31")),
            (Ok(0), Ok(u32::MAX), Ok(1 << 31 | 3))
        );
        assert!(classes("32").is_err() && classes("").is_err() && classes("1,").is_err());
        assert_eq!(tier("100.00=10.00"), Ok(Tier::new(10_000, 1_000)));
        assert!(tier("100.00").is_err());
    }

    #[test]
    fn a_scope_names_what_and_which() {
        assert_eq!(scope("channel=mini").unwrap(), ScopeEntry::new(ScopeEntry::CHANNEL, 2));
        assert_eq!(scope("store=12").unwrap(), ScopeEntry::new(ScopeEntry::STORE, 12));
        assert!(scope("store=0").is_err() && scope("planet=1").is_err() && scope("12").is_err());
        assert_eq!(scope("claim-channel=mini").unwrap(), ScopeEntry::new(ScopeEntry::CLAIM_CHANNEL, 2));
        assert!(scope("segment=4294967295").is_ok() && scope("claim-segment=4294967296").is_err());
    }

    #[test]
    fn segments_are_a_set_of_numbers() {
        assert_eq!(segments("7,3,7").unwrap(), Segments::new([3, 7]).unwrap());
        assert!(segments("").is_err() && segments("0").is_err() && segments("1,2,3,4,5,6,7,8,9").is_err());
    }
}

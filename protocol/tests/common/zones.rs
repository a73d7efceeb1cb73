//! Samples of ZONE_SET and ZONE_SHOW, what they are answered, and limits by the merchant's zone. They stand apart so that the
//! others stay in one view.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{NOW_MS, STOCK, leak, limits};
use scrip_engine::answer::Answer;
use scrip_engine::calendar::Transition;
use scrip_engine::command::{Command, Limits, ZoneSet};
use zerocopy::little_endian::I16;

const NAME: &[u8] = b"America/New_York";

fn transitions() -> &'static [Transition] {
    leak(&[
        Transition::new(NOW_MS - 172_800_000, -240),
        Transition::new(NOW_MS, -300),
        Transition::new(NOW_MS + 10_886_400_000, -240),
    ])
}

/// A first zone, a zone in the place of another, and limits that count by it.
pub fn commands() -> [(&'static str, Command<'static>); 4] {
    let by_zone = Limits { utc_offset_minutes: I16::new(Limits::BY_ZONE), ..limits() };
    let all = transitions();
    [
        ("zone_set", Command::ZoneSet(ZoneSet { version: 0, name: NAME, transitions: all })),
        (
            "zone_set_again",
            Command::ZoneSet(ZoneSet { version: 9, name: "东八区".as_bytes(), transitions: &all[..1] }),
        ),
        ("zone_show", Command::ZoneShow),
        (
            "stock_limits_by_zone",
            Command::StockLimits { stock: STOCK, version: 4, limits: &leak(&[by_zone])[0], spans: None },
        ),
    ]
}

/// A zone, and none.
pub fn answers() -> [(&'static str, Answer<'static>); 2] {
    [
        ("zone", Answer::Zone { version: 2, name: NAME, transitions: transitions() }),
        ("no_zone", Answer::Zone { version: 0, name: &[], transitions: &[] }),
    ]
}

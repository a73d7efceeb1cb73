//! Samples of cards that holds have sold.

use super::{NOW_MS, key_items, leak, units};
use scrip_engine::answer::{Answer, KeyList, KeyPage, SoldCards};
use zerocopy::little_endian::{U16, U32, U64};

/// A row of cards that the first line of a hold has sold.
pub fn sold_cards(first: u64, cards: u32) -> SoldCards {
    SoldCards { first: U64::new(first), cards: U32::new(cards), line: U16::ZERO, spare: U16::ZERO }
}

pub fn answers() -> [(&'static str, Answer<'static>); 2] {
    let row = SoldCards { line: U16::new(1), ..sold_cards(77 << 33, 2) };
    let confirmed = |counts: &[u32], keys| Answer::Confirmed {
        confirmed_ms: NOW_MS,
        late: false,
        units: units(counts),
        keys,
        sold: leak(&[row]),
    };
    let shown = key_items(&[(4_711, "AAAA-BBBB-1", false), (4_712, "卡-02", true)]);
    let keys = KeyPage { total: 2, from: 0, keys: KeyList::Read(leak(&shown)) };
    [
        ("confirmed_cards", confirmed(&[1, 2], KeyPage::default())),
        ("confirmed_cards_and_keys", confirmed(&[2, 2], keys)),
    ]
}

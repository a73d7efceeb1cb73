//! Card keys as a load knows them: it made their texts, so it can say of every text that it reads which one it is.
//!
//! Invariant: a text is found again by computing alone, without a table, and a text that was not made here is not taken
//! for one that was.

use crate::ids::{mix, unmix};
use crate::ledger::{CardRecord, RECORDS_MAX, digest};
use crate::recipe::What;
use scrip_engine::answer::{Answer, KeyItem, KeyList, KeyPage, Outcome};
use scrip_engine::ids::OperationId;
use serde::{Deserialize, Serialize};
use zerocopy::FromBytes;
use zerocopy::little_endian::{U16, U32, U64, U128};

/// Bytes of a text: sixteen upper-case hexadecimal digits.
const TEXT_BYTES: usize = 16;
/// Offset of the flags in an item, which a repeat may show otherwise: a key may be void since.
const FLAGS_AT: usize = std::mem::offset_of!(KeyItem, flags);

/// Texts of card keys: `count` of them, no two alike, drawn by `seed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardTexts {
    /// Tells sets of texts apart.
    pub seed: u64,
    /// How many there are.
    pub count: u64,
}

impl CardTexts {
    /// The text with this number.
    pub fn text(self, number: u64) -> String {
        format!("{:016X}", mix(number ^ mix(self.seed)))
    }

    /// The number of a text; `None`: it is none of these.
    pub fn number(self, text: &[u8]) -> Option<u64> {
        if text.len() != TEXT_BYTES {
            return None;
        }
        let bits = text.iter().try_fold(0_u64, |bits, digit| match digit {
            b'0'..=b'9' => Some(bits << 4 | u64::from(digit - b'0')),
            b'A'..=b'F' => Some(bits << 4 | u64::from(digit - b'A' + 10)),
            _ => None,
        })?;
        Some(unmix(bits) ^ mix(self.seed)).filter(|number| *number < self.count)
    }

    /// The card in an item of an answer.
    pub(crate) fn card(self, text: &[u8]) -> u64 {
        match text {
            [] => CardRecord::HIDDEN,
            text => self.number(text).unwrap_or(CardRecord::FOREIGN),
        }
    }
}

/// One key of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) key: u32,
    pub(crate) void: bool,
    /// Empty: not shown.
    pub(crate) text: &'a [u8],
}

/// The keys of a page, as it came over the wire.
pub(crate) fn shown<'a>(page: &KeyPage<'a>) -> impl Iterator<Item = Shown<'a>> {
    let mut rest: &'a [u8] = match page.keys {
        KeyList::Read(bytes) => bytes,
        _ => &[],
    };
    std::iter::from_fn(move || {
        let (item, behind) = KeyItem::ref_from_prefix(rest).ok()?;
        let bytes = usize::from(item.text_bytes.get());
        let text = behind.get(..bytes)?;
        rest = behind.get(bytes.next_multiple_of(8)..)?;
        // Numbers of keys are 32 bits, whatever room they have on the wire.
        Some(Shown { key: item.key.get() as u32, void: item.flags.get() == 1, text })
    })
}

/// What an answer says, in 64 bits, but for what may become of its card keys later: a repeat has the same.
pub(crate) fn essence(answer: &[u8], outcome: &Outcome<'_>) -> u64 {
    let (Outcome::Done(Answer::Confirmed { keys: page, .. }) | Outcome::Done(Answer::Keys(page))) = outcome
    else {
        return digest(answer);
    };
    let KeyList::Read(items) = page.keys else { return digest(answer) };
    let mut bytes = answer.to_vec();
    let mut at = bytes.len() - items.len();
    for item in shown(page) {
        bytes[at + FLAGS_AT] = 0;
        at += size_of::<KeyItem>() + item.text.len().next_multiple_of(8);
    }
    digest(&bytes)
}

/// The card keys that one thread has been given.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) texts: CardTexts,
    pub(crate) records: Vec<CardRecord>,
    /// Records that found no place.
    pub(crate) dropped: u64,
    records_max: usize,
    /// A bit for each text: some order has it.
    taken: Vec<u64>,
}

/// What was wrong with the keys of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Texts that another order has.
    pub(crate) twice: u64,
    /// Texts that nobody imported.
    pub(crate) foreign: u64,
}

impl Given {
    pub(crate) fn new(texts: CardTexts) -> Given {
        let words = usize::try_from(texts.count.div_ceil(64)).unwrap_or(usize::MAX);
        Given { texts, records: Vec::new(), dropped: 0, records_max: RECORDS_MAX, taken: vec![0; words] }
    }

    /// Keeps a record, or counts that there was no room.
    fn keep(&mut self, record: CardRecord) {
        if self.records.len() < self.records_max {
            self.records.push(record);
        } else {
            self.dropped += 1;
        }
    }

    /// Takes the keys of an operation's first answer. `kept`: they go into the ledger.
    pub(crate) fn take(&mut self, page: &KeyPage<'_>, hold: OperationId, what: What, kept: bool) -> Wrong {
        let mut wrong = Wrong::default();
        for (position, item) in (page.from..).zip(shown(page)) {
            let card = self.texts.card(item.text);
            match card {
                CardRecord::HIDDEN => {}
                CardRecord::FOREIGN => wrong.foreign += 1,
                card => {
                    let (word, bit) = (&mut self.taken[(card / 64) as usize], 1_u64 << (card % 64));
                    wrong.twice += u64::from(*word & bit != 0);
                    *word |= bit;
                }
            }
            if kept {
                self.keep(CardRecord {
                    hold: U128::new(hold.0),
                    card: U64::new(card),
                    key: U32::new(item.key),
                    position: U16::new(u16::try_from(position).unwrap_or(u16::MAX)),
                    what: what as u8,
                    spare: 0,
                });
            }
        }
        wrong
    }

    /// Adds another thread's; answers how many keys both were given.
    pub(crate) fn add(&mut self, other: Given) -> u64 {
        let room = self.records_max - self.records.len();
        self.dropped += other.dropped + other.records.len().saturating_sub(room) as u64;
        self.records.extend(other.records.into_iter().take(room));
        let mut twice = 0;
        for (word, others) in self.taken.iter_mut().zip(other.taken) {
            twice += u64::from((*word & others).count_ones());
            *word |= others;
        }
        twice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: CardTexts = CardTexts { seed: 7, count: 10_000 };

    #[test]
    fn every_text_is_found_again_and_no_other_is_taken_for_one() {
        let mut texts: Vec<String> = (0..TEXTS.count).map(|number| TEXTS.text(number)).collect();
        for (number, text) in (0..).zip(&texts) {
            assert_eq!(TEXTS.number(text.as_bytes()), Some(number));
        }
        let other = CardTexts { seed: 8, ..TEXTS };
        assert!((0..other.count).all(|number| TEXTS.number(other.text(number).as_bytes()).is_none()));
        for text in ["", "0", "000000000000000g", "0123456789abcdef", "00000000000000000"] {
            assert_eq!(TEXTS.number(text.as_bytes()), None, "{text}");
        }
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), TEXTS.count as usize);
    }

    /// Items as they lie on the wire.
    fn items(keys: &[(u64, &str, u16)]) -> Vec<u8> {
        use zerocopy::IntoBytes;
        let mut bytes = Vec::new();
        for (key, text, flags) in keys {
            let item = KeyItem {
                key: U64::new(*key),
                text_bytes: U16::new(text.len() as u16),
                flags: U16::new(*flags),
                spare: U32::ZERO,
            };
            bytes.extend_from_slice(item.as_bytes());
            bytes.extend_from_slice(text.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        bytes
    }

    fn page(bytes: &[u8]) -> KeyPage<'_> {
        KeyPage { total: 2, from: 0, keys: KeyList::Read(bytes) }
    }

    #[test]
    fn a_text_given_twice_and_a_foreign_one_are_seen_and_hidden_ones_are_not_missed() {
        let (one, two) = (TEXTS.text(1), TEXTS.text(2));
        let mut given = Given::new(TEXTS);
        let bytes = items(&[(5, &one, 0), (6, "", 0)]);
        assert_eq!(given.take(&page(&bytes), OperationId(1), What::Sell, true), Wrong::default());
        let bytes = items(&[(7, &two, 0), (8, &one, 0), (9, "SOMETHING-ELSE", 0)]);
        let wrong = given.take(&page(&bytes), OperationId(2), What::Sell, false);
        assert_eq!(wrong, Wrong { twice: 1, foreign: 1 });
        let seen: Vec<(u32, u64)> =
            given.records.iter().map(|record| (record.key.get(), record.card.get())).collect();
        assert_eq!(seen, [(5, 1), (6, CardRecord::HIDDEN)]);
        let mut other = Given::new(TEXTS);
        let bytes = items(&[(9, &two, 0)]);
        other.take(&page(&bytes), OperationId(3), What::Sell, true);
        assert_eq!((given.add(other), given.records.len()), (1, 3));
    }

    #[test]
    fn records_beyond_the_room_are_counted_and_keys_given_twice_are_seen_all_the_same() {
        let (one, two, three) = (TEXTS.text(1), TEXTS.text(2), TEXTS.text(3));
        let small = || Given { records_max: 2, ..Given::new(TEXTS) };
        let mut given = small();
        let bytes = items(&[(5, &one, 0), (6, &two, 0)]);
        given.take(&page(&bytes), OperationId(1), What::Sell, true);
        assert_eq!((given.records.len(), given.dropped), (2, 0));
        let bytes = items(&[(7, &three, 0), (8, &one, 0)]);
        let wrong = given.take(&page(&bytes), OperationId(2), What::Sell, true);
        assert_eq!((wrong.twice, given.records.len(), given.dropped), (1, 2, 2));
        let mut sum = small();
        let bytes = items(&[(9, &two, 0)]);
        sum.take(&page(&bytes), OperationId(3), What::Sell, true);
        assert_eq!(sum.add(given), 1);
        assert_eq!((sum.records.len(), sum.dropped), (2, 3));
    }

    #[test]
    fn the_essence_forgets_what_became_of_a_key_and_nothing_else() {
        let of = |keys: &[(u64, &str, u16)]| {
            let bytes = items(keys);
            let answer = [vec![1; 16], bytes.clone()].concat();
            essence(&answer, &Outcome::Done(Answer::Keys(page(&bytes))))
        };
        let first = of(&[(5, "ABC", 0), (6, "DEFGHIJKL", 0)]);
        assert_eq!(first, of(&[(5, "ABC", 1), (6, "DEFGHIJKL", 1)]));
        assert_ne!(first, of(&[(5, "ABD", 0), (6, "DEFGHIJKL", 0)]));
        assert_ne!(first, of(&[(4, "ABC", 0), (6, "DEFGHIJKL", 0)]));
    }
}

//! Card keys: the keys of every sale are fetched again and compared, text by text, with what was answered before; and
//! no text may belong to two sales.
//!
//! Invariant: a text is compared by the number that the load gave it when it made it; a text that the load did not make
//! never passes for one that it did.

use super::story::{Story, View};
use crate::cards::{CardTexts, shown};
use crate::ledger::{CardRecord, Known, Ledger, RECORDS_MAX};
use crate::recipe::What;
use scrip_engine::answer::{Answer, Outcome};
use scrip_engine::ids::OperationId;

/// What answers said of a hold's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    position: u16,
    key: u32,
    card: u64,
}

/// A sale whose keys are to be fetched again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sale {
    pub(super) hold: OperationId,
    /// Units given back: as many keys must be void.
    returned: u64,
    /// A KEY_REPLACE of it was never answered: one key may be another.
    perhaps_replaced: bool,
    /// A REVEAL of it was never answered: texts may show that were not shown.
    perhaps_revealed: bool,
}

/// Whether a key of a hold was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    No,
    /// By the key with this number.
    By(u32),
    Perhaps,
}

impl Replaced {
    /// What the ledger knows of it.
    pub(super) fn of(story: &Story<'_>) -> Replaced {
        match story.own(What::KeyReplace) {
            Some(record) if record.known() == Known::Acknowledged => Replaced::By(record.at_ms.get() as u32),
            Some(_) => Replaced::Perhaps,
            None => Replaced::No,
        }
    }
}

/// What the check knows of card keys.
#[derive(Debug)]
pub(super) struct Cards<'a> {
    texts: CardTexts,
    /// By hold; those of one hold in the order in which they were learned.
    records: Vec<&'a CardRecord>,
    /// The ledger had room for all of them; else a hold may lack some.
    whole: bool,
    pub(super) sales: Vec<Sale>,
    /// Card and the hold that has or had it.
    owners: Vec<(u64, u128)>,
    /// The server's number of a key and its card.
    names: Vec<(u32, u64)>,
}

impl<'a> Cards<'a> {
    /// `None`: the stocks are counters.
    pub(super) fn new(ledger: &'a Ledger) -> Option<Cards<'a>> {
        let texts = ledger.recipe.cards?;
        let mut records: Vec<&CardRecord> = ledger.cards.iter().collect();
        let whole = records.len() < RECORDS_MAX;
        // Stable: see above.
        records.sort_by_key(|record| record.hold.get());
        Some(Cards { texts, records, whole, sales: Vec::new(), owners: Vec::new(), names: Vec::new() })
    }

    /// A hold that the server shows as sold: its keys will be fetched.
    pub(super) fn plan(&mut self, story: &Story<'_>, view: &View) {
        let unknown = |what| story.own(what).is_some_and(|record| record.known() != Known::Acknowledged);
        self.sales.push(Sale {
            hold: story.hold,
            returned: view.lines().iter().map(|line| u64::from(line.returned.get())).sum(),
            perhaps_replaced: unknown(What::KeyReplace),
            perhaps_revealed: unknown(What::Reveal),
        });
    }

    /// Compares what KEYS_READ answered with what was answered before. The error says what differs.
    pub(super) fn compare(&mut self, sale: &Sale, outcome: &Outcome<'_>) -> Result<(), String> {
        let Outcome::Done(Answer::Keys(page)) = outcome else {
            return Err(format!("its keys can't be read: {outcome:?}"));
        };
        let mut voids = 0;
        let mut found = Vec::new();
        for (position, item) in (0..).zip(shown(page)) {
            let card = self.texts.card(item.text);
            voids += u64::from(item.void);
            found.push(Place { position, key: item.key, card });
            self.note(card, item.key, sale.hold.0);
        }
        if found.len() != page.total as usize {
            return Err(format!("{} of {} keys were shown", found.len(), page.total));
        }
        if found.iter().any(|place| place.card == CardRecord::FOREIGN) {
            return Err("it has a text that nobody imported".to_owned());
        }
        if voids != sale.returned {
            return Err(format!("{} units were returned, {voids} keys are void", sale.returned));
        }
        let Some(expected) = self.answered(sale.hold)?.filter(|_| self.whole) else { return Ok(()) };
        let same = |(one, other): (&Place, &Place)| {
            let appeared = one.card == CardRecord::HIDDEN && sale.perhaps_revealed;
            one.key == other.key && (appeared || one.card == other.card)
        };
        let differ = expected.iter().zip(&found).filter(|pair| !same(*pair)).count();
        let allowed = usize::from(sale.perhaps_replaced);
        if expected.len() != found.len() || differ > allowed {
            return Err(format!("its keys were answered as {expected:?}, are {found:?}"));
        }
        Ok(())
    }

    /// The keys of a hold by the answers: those it was sold with, shown by a REVEAL, one replaced. `None`: no answer named
    /// any.
    fn answered(&mut self, hold: OperationId) -> Result<Option<Vec<Place>>, String> {
        let from = self.records.partition_point(|record| record.hold.get() < hold.0);
        let mut places: Vec<Place> = Vec::new();
        let mut at = from;
        while let Some(&record) = self.records.get(at).filter(|record| record.hold.get() == hold.0) {
            at += 1;
            let (position, key, card) = (record.position.get(), record.key.get(), record.card.get());
            self.note(card, key, hold.0);
            let place = Place { position, key, card };
            let before = places.iter_mut().find(|before| before.position == position);
            match (What::from_number(record.what), before) {
                (Some(What::KeyReplace), Some(before)) => *before = place,
                (Some(What::Reveal), Some(before)) if before.key == key => *before = place,
                (Some(What::Reveal | What::KeyReplace), before) => {
                    return Err(format!("an answer named {place:?} in the place of {before:?}"));
                }
                (_, None) => places.push(place),
                (_, Some(before)) => {
                    return Err(format!("two answers named {place:?} and {before:?}"));
                }
            }
        }
        Ok((at > from).then_some(places))
    }

    fn note(&mut self, card: u64, key: u32, hold: u128) {
        if card < CardRecord::FOREIGN {
            self.owners.push((card, hold));
            self.names.push((key, card));
        }
    }

    /// Texts that two holds have or had, and server's numbers with two texts: the first few in words, and how many.
    pub(super) fn doubles(&mut self) -> (u64, Vec<String>) {
        self.owners.sort_unstable();
        self.owners.dedup();
        self.names.sort_unstable();
        self.names.dedup();
        let mut words = Vec::new();
        let mut count = 0;
        for pair in self.owners.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            count += 1;
            let (one, other) = (OperationId(pair[0].1), OperationId(pair[1].1));
            words.push(format!("duplicate key: text {} was given to {one} and to {other}", pair[0].0));
        }
        for pair in self.names.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            count += 1;
            let (key, one, other) = (pair[0].0, pair[0].1, pair[1].1);
            words.push(format!("key {key} was shown with text {one} and with text {other}"));
        }
        words.truncate(super::FINDINGS_MAX);
        (count, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrip_engine::answer::{KeyItem, KeyList, KeyPage};
    use zerocopy::IntoBytes;
    use zerocopy::little_endian::{U16, U32, U64, U128};

    const TEXTS: CardTexts = CardTexts { seed: 1, count: 100 };
    const HIDDEN: u64 = CardRecord::HIDDEN;

    fn record(hold: u128, what: What, position: u16, key: u32, card: u64) -> CardRecord {
        CardRecord {
            hold: U128::new(hold),
            card: U64::new(card),
            key: U32::new(key),
            position: U16::new(position),
            what: what as u8,
            spare: 0,
        }
    }

    fn cards(records: &[CardRecord]) -> Cards<'_> {
        let records = records.iter().collect();
        let (sales, owners, names) = (Vec::new(), Vec::new(), Vec::new());
        Cards { texts: TEXTS, records, whole: true, sales, owners, names }
    }

    fn sale(hold: u128) -> Sale {
        let (perhaps_replaced, perhaps_revealed) = (false, false);
        Sale { hold: OperationId(hold), returned: 0, perhaps_replaced, perhaps_revealed }
    }

    /// Reads keys (number, card, void) back.
    fn read(cards: &mut Cards<'_>, sale: &Sale, keys: &[(u64, u64, u16)]) -> Result<(), String> {
        let mut bytes = Vec::new();
        for &(key, card, flags) in keys {
            let text = if card == HIDDEN { String::new() } else { TEXTS.text(card) };
            let (key, flags) = (U64::new(key), U16::new(flags));
            let text_bytes = U16::new(text.len() as u16);
            bytes.extend_from_slice(KeyItem { key, text_bytes, flags, spare: U32::ZERO }.as_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        let page = KeyPage { total: keys.len() as u32, from: 0, keys: KeyList::Read(&bytes) };
        cards.compare(sale, &Outcome::Done(Answer::Keys(page)))
    }

    #[test]
    fn keys_are_compared_text_by_text() {
        let records = [record(7, What::Sell, 0, 3, 40), record(7, What::Sell, 1, 4, 41)];
        assert_eq!(read(&mut cards(&records), &sale(7), &[(3, 40, 0), (4, 41, 0)]), Ok(()));
        for wrong in [
            &[(3, 40, 0), (4, 42, 0)][..],
            &[(3, 40, 0), (5, 41, 0)],
            &[(4, 41, 0), (3, 40, 0)],
            &[(3, 40, 0)],
            &[(3, 40, 0), (4, 41, 1)],
            &[(3, 40, 0), (4, HIDDEN, 0)],
            // A text beyond what was made.
            &[(3, 40, 0), (4, 100, 0)],
        ] {
            assert!(read(&mut cards(&records), &sale(7), wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_ledger_that_ran_full_compares_no_list_that_may_be_cut_and_still_sees_doubles() {
        let records = [record(7, What::Sell, 0, 3, 40)];
        let keys = [(3, 40, 0), (4, 41, 0)];
        assert!(read(&mut cards(&records), &sale(7), &keys).is_err());
        let mut cut = Cards { whole: false, ..cards(&records) };
        assert_eq!(read(&mut cut, &sale(7), &keys), Ok(()));
        assert_eq!(cut.doubles().0, 0);
        assert_eq!(read(&mut cut, &sale(8), &[(5, 40, 0)]), Ok(()));
        assert_eq!(cut.doubles().0, 1);
    }

    #[test]
    fn hidden_keys_stay_hidden_until_they_are_revealed_and_a_replaced_one_is_another() {
        let hidden = record(7, What::Confirm, 0, 3, HIDDEN);
        assert_eq!(read(&mut cards(&[hidden]), &sale(7), &[(3, HIDDEN, 0)]), Ok(()));
        assert!(read(&mut cards(&[hidden]), &sale(7), &[(3, 40, 0)]).is_err());
        let unanswered = Sale { perhaps_revealed: true, ..sale(7) };
        assert_eq!(read(&mut cards(&[hidden]), &unanswered, &[(3, 40, 0)]), Ok(()));
        let revealed = [hidden, record(7, What::Reveal, 0, 3, 40)];
        assert_eq!(read(&mut cards(&revealed), &sale(7), &[(3, 40, 0)]), Ok(()));
        let other = [hidden, record(7, What::Reveal, 0, 4, 40)];
        assert!(read(&mut cards(&other), &sale(7), &[(4, 40, 0)]).is_err());

        let replaced = [record(7, What::Sell, 0, 3, 40), record(7, What::KeyReplace, 0, 9, 50)];
        assert_eq!(read(&mut cards(&replaced), &sale(7), &[(9, 50, 0)]), Ok(()));
        assert!(read(&mut cards(&replaced), &sale(7), &[(3, 40, 0)]).is_err());
        let sold = &replaced[..1];
        assert!(read(&mut cards(sold), &sale(7), &[(9, 50, 0)]).is_err());
        let unanswered = Sale { perhaps_replaced: true, ..sale(7) };
        assert_eq!(read(&mut cards(sold), &unanswered, &[(9, 50, 0)]), Ok(()));
    }

    #[test]
    fn a_text_of_two_holds_is_a_double_even_if_one_was_only_answered_and_one_only_read() {
        let records = [record(7, What::Sell, 0, 3, 40), record(8, What::Sell, 0, 4, 41)];
        let mut both = cards(&records);
        assert_eq!(read(&mut both, &sale(7), &[(3, 40, 0)]), Ok(()));
        assert_eq!(read(&mut both, &sale(8), &[(4, 41, 0)]), Ok(()));
        assert_eq!(both.doubles().0, 0);
        // Of hold 9 nothing was ever answered; it shows the text of hold 7, under another number.
        assert_eq!(read(&mut both, &sale(9), &[(5, 40, 0)]), Ok(()));
        let (count, words) = both.doubles();
        assert_eq!((count, words.len()), (1, 1), "{words:?}");
        assert_eq!(read(&mut both, &sale(10), &[(3, 77, 0)]), Ok(()));
        assert_eq!(both.doubles().0, 2, "one number has two texts");
    }
}

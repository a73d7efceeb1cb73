//! Card keys in answers: the engine hands out sealed texts, the edge opens them while the answer is written.
//!
//! It stands apart from the round trips because it needs an engine that has sold keys. Invariant: what is read back are the
//! texts of the keys that were bound, and none if they are hidden or can't be opened.

use scrip_engine::Engine;
use scrip_engine::answer::{Answer, KeyItem, KeyList, KeyPage, Outcome};
use scrip_engine::command::{
    BatchCreate, Command, Envelope, KeyBlock, Line, Request, StockCreate, StockTerms, Take, block_texts,
};
use scrip_engine::event::{Event, EventSink};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, Slot, StockId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::state::keys::Chunk;
use scrip_protocol::answer_read::AnswerReader;
use scrip_protocol::answer_write::{AnswerFrame, NoSeals, OpenSeals};
use scrip_protocol::frame::HEADER_BYTES;
use scrip_protocol::limits::ANSWER_BYTES_MAX;
use zerocopy::FromBytes;
use zerocopy::little_endian::U128;

const STOCK: StockId = StockId::new(Slot(0), 1);
const NOW_MS: u64 = 1_700_000_000_000;

/// The log does not matter here.
struct Nowhere;

impl EventSink for Nowhere {
    fn push(&mut self, _: &Event<'_>) {}
}

/// A seal of the test's own: every byte inverted, the count of texts in front.
fn seal(texts: &[String]) -> Vec<u8> {
    let lengths = texts.iter().flat_map(|text| (text.len() as u16).to_le_bytes());
    let plain = lengths.chain(texts.iter().flat_map(|text| text.bytes()));
    core::iter::once(texts.len() as u8).chain(plain.map(|byte| !byte)).collect()
}

/// Opens them, and keeps the last text.
struct Inverted {
    text: Vec<u8>,
    opened: Vec<OperationId>,
}

impl OpenSeals for Inverted {
    fn text(&mut self, _: u32, chunk: &Chunk, sealed: &[u8], position: u8) -> Option<&[u8]> {
        self.opened.push(chunk.operation);
        let (count, inverted) = sealed.split_first()?;
        let plain: Vec<u8> = inverted.iter().map(|byte| !byte).collect();
        let text = block_texts(usize::from(*count), &plain)?.nth(usize::from(position))?;
        self.text = text.to_vec();
        Some(&self.text)
    }
}

/// An engine with a keys stock of one batch.
struct Shop {
    engine: Engine,
    operations: u128,
}

impl Shop {
    fn new() -> Shop {
        let capacity = Capacity {
            stocks_max: 1,
            holds_max: 16,
            extra_lines_max: 16,
            operations_max: 16,
            user_limits_max: 1,
            keys_max: 256,
            sealed_bytes_max: 1 << 20,
            debts_max: 4_096,
        };
        let mut shop = Shop { engine: Engine::new(capacity, Rules::default(), 1), operations: 0 };
        assert_eq!(shop.engine.advance(NOW_MS, &mut Nowhere), Some(NOW_MS));
        let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };
        let create = StockCreate { stock: STOCK, name: b"keys", units: 0, keys: true, terms };
        let batch = BatchCreate { stock: STOCK, batch: 1, cost: 0, expires_ms: 0, supplier: b"A" };
        for command in [Command::StockCreate(create), Command::BatchCreate(batch)] {
            shop.ask(command, |outcome| assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}"));
        }
        shop
    }

    fn ask<R>(&mut self, command: Command<'_>, look: impl FnOnce(&Outcome<'_>) -> R) -> R {
        self.operations += 1;
        let envelope = Envelope {
            merchant: MerchantId(1),
            slot: Slot(0),
            channel: ChannelId(1),
            operation: OperationId(self.operations),
            created_ms: NOW_MS,
            deadline_ms: 0,
        };
        look(&self.engine.execute(NOW_MS, &Request { envelope, command }, &mut Nowhere))
    }

    fn import(&mut self, texts: &[String]) {
        let prints: Vec<U128> =
            (0..texts.len() as u128).map(|text| U128::new(self.operations << 64 | text | 1 << 100)).collect();
        let block = KeyBlock::Sealed { fingerprints: &prints, sealed: &seal(texts) };
        self.ask(Command::KeysImport { stock: STOCK, batch: 1, block }, |outcome| {
            let Outcome::Done(Answer::KeysImported { taken }) = outcome else { panic!("{outcome:?}") };
            assert_eq!(taken.count_ones() as usize, texts.len());
        });
    }

    /// Sells keys and writes the answer, twice; answers its bytes.
    fn sell(&mut self, units: u32, hidden: bool, seals: &mut dyn OpenSeals) -> Vec<u8> {
        let lines = [Line::new(STOCK, units)];
        let take = Take::of(&lines);
        self.ask(Command::Sell { take, paid: false, hidden }, |outcome| written(outcome, seals))
    }
}

fn written(outcome: &Outcome<'_>, seals: &mut dyn OpenSeals) -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = AnswerFrame::begin(&mut out, 1);
    // Another answer behind it: the length of the first must be right.
    for index in [3, 4] {
        frame.push(&mut out, index, outcome, seals).expect("both fit");
    }
    assert!(frame.finish(&mut out, 1));
    out.split_off(HEADER_BYTES)
}

/// The first of the two answers: keys with their texts, and how many the hold has.
fn read(bytes: &[u8]) -> (Vec<(u64, String)>, u32) {
    let answers: Vec<_> = AnswerReader::new(bytes).map(|read| read.expect("what is written reads")).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0].1, answers[1].1);
    let Outcome::Done(Answer::Confirmed { keys, .. }) = answers[0].1 else { panic!("{answers:?}") };
    let KeyPage { total, from: 0, keys: KeyList::Read(mut items) } = keys else { panic!("{keys:?}") };
    let mut texts = Vec::new();
    while let Ok((item, rest)) = KeyItem::ref_from_prefix(items) {
        let (text, _) = rest.split_at(usize::from(item.text_bytes.get()));
        assert_eq!(item.flags.get(), 0);
        texts.push((item.key.get(), String::from_utf8(text.to_vec()).expect("texts are UTF-8")));
        items = &rest[text.len().next_multiple_of(8)..];
    }
    assert!(items.is_empty());
    (texts, total)
}

fn texts(count: usize, bytes: usize) -> Vec<String> {
    (0..count).map(|text| format!("{text:0bytes$}")).collect()
}

#[test]
fn sealed_texts_are_opened_while_the_answer_is_written() {
    let mut shop = Shop::new();
    let all = texts(5, 13);
    shop.import(&all);
    let mut seals = Inverted { text: Vec::new(), opened: Vec::new() };
    let bytes = shop.sell(3, false, &mut seals);
    let expected: Vec<(u64, String)> = (0..).zip(all.iter().cloned()).take(3).collect();
    assert_eq!(read(&bytes), (expected, 3));
    assert_eq!(seals.opened, [OperationId(3); 6], "each answer opens each text of the import's chunk once");
    let bytes = shop.sell(1, false, &mut NoSeals);
    assert_eq!(read(&bytes), (vec![(3, String::new())], 1), "a seal that can't be opened shows nothing");
}

#[test]
fn hidden_texts_are_not_even_opened() {
    let mut shop = Shop::new();
    shop.import(&texts(2, 9));
    let mut seals = Inverted { text: Vec::new(), opened: Vec::new() };
    let bytes = shop.sell(2, true, &mut seals);
    assert_eq!(read(&bytes), (vec![(0, String::new()), (1, String::new())], 2));
    assert_eq!(seals.opened, []);
}

#[test]
fn an_answer_has_as_many_texts_as_fit() {
    let mut shop = Shop::new();
    let all = texts(11, 1_024);
    (0..2).for_each(|_| shop.import(&all));
    let mut seals = Inverted { text: Vec::new(), opened: Vec::new() };
    let bytes = shop.sell(22, false, &mut seals);
    let (keys, total) = read(&bytes);
    assert_eq!((keys.len(), total), (11, 22), "11 texts of 1,024 bytes leave no room for another");
    assert!(bytes.len() <= 2 * ANSWER_BYTES_MAX);
    assert!(keys.iter().zip(all).all(|((_, read), text)| *read == text));
}

#[test]
fn an_answer_names_64_keys_at_most() {
    let mut shop = Shop::new();
    (0..2).for_each(|_| shop.import(&texts(64, 4)));
    let bytes = shop.sell(100, false, &mut Inverted { text: Vec::new(), opened: Vec::new() });
    let (keys, total) = read(&bytes);
    assert_eq!((keys.len(), total), (64, 100));
    assert_eq!(keys[63], (63, "0063".to_string()));
}

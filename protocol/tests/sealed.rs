//! Card keys in answers: the engine hands out sealed texts, the edge opens them while the answer is written.
//!
//! It stands apart from the round trips because it needs an engine that has sold keys. Invariant: what is read back are the
//! texts of the keys that were bound, and none if they are hidden or can't be opened.

use scrip_engine::Engine;
use scrip_engine::answer::{Answer, KeyItem, KeyList, KeyPage, ListPage, ListedItem, ListedKeys, Outcome};
use scrip_engine::command::{
    BatchCreate, Command, Envelope, KeyBlock, Line, Request, Segments, StockCreate, StockKind, StockTerms,
    Take, block_texts,
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
            risk_counts_max: 1_024,
            order_lines_max: 4_096,
            debts_max: 4_096,
            cards_max: 4_096,
            redemptions_max: 4_096,
            lots_max: 4_096,
            gifts_max: 4_096,
            given_codes_max: 4_096,
            groups_max: 4_096,
            links_max: 256,
            labels_max: 256,
            friends_max: 4_096,
            notices_max: 256,
        };
        let mut shop = Shop { engine: Engine::new(capacity, Rules::default(), 1), operations: 0 };
        assert_eq!(shop.engine.advance(NOW_MS, &mut Nowhere), Some(NOW_MS));
        let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };
        let kind = StockKind::Keys;
        let create =
            StockCreate { stock: STOCK, name: b"keys", units: 0, kind, once_per_order: false, terms };
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
            segments: Segments::NONE,
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

/// The keys of a list with their texts, and where to go on.
fn listed(shop: &mut Shop, clear: bool, from: u32) -> (Vec<(u32, String)>, u32) {
    let command = match clear {
        true => Command::KeysExport { stock: STOCK, batch: None, from },
        false => Command::KeysList { stock: STOCK, batch: None, from },
    };
    let mut seals = Inverted { text: Vec::new(), opened: Vec::new() };
    let bytes = shop.ask(command, |outcome| written(outcome, &mut seals));
    let answers: Vec<_> =
        AnswerReader::new(&bytes).map(|read| read.expect("what is written reads")).collect();
    let Outcome::Done(Answer::KeysListed(page)) = answers[0].1 else { panic!("{answers:?}") };
    let ListedKeys::Read(mut items) = page.keys else { panic!("{page:?}") };
    let mut texts = Vec::new();
    while let Ok((item, rest)) = ListedItem::ref_from_prefix(items) {
        let (text, _) = rest.split_at(usize::from(item.text_bytes.get()));
        texts.push((item.key.get(), String::from_utf8(text.to_vec()).expect("texts are UTF-8")));
        items = &rest[text.len().next_multiple_of(8)..];
    }
    (texts, page.next)
}

#[test]
fn a_list_has_the_end_of_each_text_and_an_export_all_of_it() {
    let mut shop = Shop::new();
    let all = ["AAAA-BBBB-CCCC", "1234567", "一二三四五六七八九", "xy", "z"].map(str::to_owned);
    shop.import(&all);
    let ends = ["CCCC", "567", "六七八九", "y", ""].map(str::to_owned);
    let (masked, next) = listed(&mut shop, false, 0);
    assert_eq!((masked, next), ((0..).zip(ends).collect(), ListPage::END));
    assert_eq!(listed(&mut shop, true, 0).0, (0..).zip(all).collect::<Vec<_>>());
}

#[test]
fn a_page_of_an_export_goes_on_where_it_was_full() {
    let mut shop = Shop::new();
    let all = texts(11, 1_024);
    shop.import(&all);
    shop.import(&all);
    let (first, next) = listed(&mut shop, true, 0);
    assert_eq!((first.len(), next), (11, 11), "no 12th text of 1,024 bytes fits");
    let (second, next) = listed(&mut shop, true, next);
    assert_eq!((second.len(), second[0].0, next), (11, 11, ListPage::END));
    assert_eq!(listed(&mut shop, false, 0).0.len(), 22, "their ends do");
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

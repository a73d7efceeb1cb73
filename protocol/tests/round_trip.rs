//! Whatever is written reads as what went in: every command, every answer, every rejection, with any values.

mod common;

use common::card_strategies::{CardParts, card_parts};
use common::strategies::{
    batches, blocks, channels, debts, envelopes, limits, order_holds, prices, quotas, rules, span_limits,
    texts, transitions,
};
use common::{answer_bytes, command_bytes, key_items, listed_items};
use proptest::prelude::*;
use scrip_engine::answer::{
    Answer, BatchView, Cancelled, ChannelView, DebtView, HoldLine, HoldState, HoldView, KeyList, KeyPage,
    ListPage, ListedKeys, More, OperationKind, OperationView, OrderHold, Outcome, SoldCards, StockView,
};
use scrip_engine::calendar::Transition;
use scrip_engine::command::{
    BatchChange, BatchCreate, Block, CodeBlock, Command, Envelope, KeyBlock, Limits, Line, Parties, Price,
    Quota, Request, RiskRule, SpanLimits, StockCreate, StockKind, StockTerms, Take, ZoneSet,
};
use scrip_engine::ids::{ChannelId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::{
    BLOCKS_PER_ANSWER_MAX, CHANNELS_PER_STOCK_MAX, RISK_RULES_MAX, STOCK_UNITS_MAX, TTL_MAX_MS,
    UNITS_PER_LINE_MAX,
};
use scrip_engine::rejection::{CapacityOf, Code, Facts, LineFact, Rejection};
use scrip_protocol::answer_read::AnswerReader;
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::answers::{AnswerKind, FactsKind};
use scrip_protocol::commands::CommandKind;
use scrip_protocol::extras::{CodeText, Extras};
use scrip_protocol::frame::{self, FrameKind, FrameLimits, HEADER_BYTES};
use scrip_protocol::limits::FRAME_BYTES_MAX;
use scrip_protocol::read::CommandReader;
use scrip_protocol::write::{CommandFrame, PushError};
use zerocopy::little_endian::{U16, U32, U64, U128};

/// Values from which any well-formed command can be built.
#[derive(Debug, Clone)]
struct Parts {
    kind: CommandKind,
    envelope: Envelope,
    big: [u128; 3],
    numbers: [u64; 4],
    small: [u32; 3],
    parties: Parties,
    limits: Limits,
    spans: SpanLimits,
    prices: Vec<Price>,
    rule: RiskRule,
    block: Block,
    transitions: Vec<Transition>,
    flags: [bool; 5],
    lines: Vec<Line>,
    units: Vec<U32>,
    quotas: Vec<Quota>,
    texts: (usize, Vec<u8>),
    name: String,
    trace: Vec<u8>,
    label: String,
    facts: Vec<u8>,
    cards: CardParts,
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (any::<u64>(), 1..=UNITS_PER_LINE_MAX).prop_flat_map(|(stock, units)| {
        (0..=units).prop_map(move |units_min| Line {
            stock: U64::new(stock),
            units: U32::new(units),
            units_min: U32::new(units_min),
        })
    });
    prop::collection::vec(line, 1..=64)
}

fn parts() -> impl Strategy<Value = Parts> {
    let units = prop::collection::vec((1..=UNITS_PER_LINE_MAX).prop_map(U32::new), 0..=64);
    let text = "\\PC{1,16}";
    (
        (prop::sample::select(CommandKind::ALL), envelopes(), any::<[u128; 3]>(), any::<[u64; 4]>()),
        (any::<[u32; 3]>(), any::<[bool; 5]>(), (lines(), quotas(), texts()), units, text),
        ((limits(), span_limits()), prices(), rules(), blocks(), (transitions(), card_parts())),
        (
            prop::collection::vec(any::<u8>(), 0..=64),
            "\\PC{0,16}",
            prop::collection::vec(any::<u8>(), 0..=1024),
        ),
    )
        .prop_map(|((kind, envelope, big, numbers), (small, flags, lists, units, name), set, extras)| {
            let (trace, label, facts) = extras;
            let ((limits, spans), prices, rule, block, (transitions, cards)) = set;
            let (lines, quotas, texts) = lists;
            Parts {
                kind,
                envelope,
                big,
                numbers,
                small,
                parties: Parties::new(big[0], numbers[0], numbers[1]),
                limits,
                spans,
                prices,
                rule,
                block,
                transitions,
                flags,
                lines,
                units,
                quotas,
                texts,
                name,
                trace,
                label,
                facts,
                cards,
            }
        })
}

impl Parts {
    fn terms(&self) -> StockTerms {
        let (opens_ms, closes_ms) = (self.numbers[0] / 2, self.numbers[1]);
        StockTerms {
            opens_ms,
            closes_ms: if closes_ms > opens_ms { closes_ms } else { 0 },
            limit_per_user: self.small[0] % (UNITS_PER_LINE_MAX + 1),
            frozen: self.flags[0],
        }
    }

    fn take(&self) -> Take<'_> {
        let replace = if self.flags[1] { self.big[2] } else { 0 };
        Take {
            order: OrderId(self.big[0]),
            user: UserId(self.big[1]),
            partial: self.flags[0],
            replace: OperationId(if replace == self.envelope.operation.0 { 0 } else { replace }),
            parties: self.flags[2].then_some(&self.parties),
            expected_total: self.flags[3].then_some(self.numbers[0]),
            member: self.flags[4],
            wait_until_ms: if self.kind == CommandKind::Sell && !self.flags[0] { self.numbers[1] } else { 0 },
            lines: &self.lines,
            cards: self.cards.in_hold(self.kind, self.lines.len()),
        }
    }

    fn request(&self) -> Request<'_> {
        let (stock, units) = (StockId(self.numbers[2]), self.numbers[3] % STOCK_UNITS_MAX + 1);
        let (hold, ttl_ms) = (OperationId(self.big[0]), self.small[1] % TTL_MAX_MS + 1);
        let command = match self.kind {
            CommandKind::StockCreate => Command::StockCreate(StockCreate {
                stock,
                name: self.name.as_bytes(),
                units: if self.flags[2] { 0 } else { units },
                kind: match (self.flags[2], self.flags[1]) {
                    (false, true) => StockKind::Reusable,
                    (false, false) => StockKind::Counter,
                    (true, false) => StockKind::Keys,
                    (true, true) => StockKind::RandomKeys { seed: 0 },
                },
                once_per_order: self.flags[1],
                terms: self.terms(),
            }),
            CommandKind::BatchCreate => Command::BatchCreate(BatchCreate {
                stock,
                batch: self.small[0],
                cost: self.numbers[0],
                expires_ms: self.numbers[1],
                supplier: self.name.as_bytes(),
            }),
            CommandKind::BatchChange => {
                let change =
                    BatchChange::from_number((self.small[1] % 3) as u8 + 1).expect("1 to 3 are changes");
                Command::BatchChange { stock, batch: self.small[0], change, forced: self.flags[0] }
            }
            CommandKind::KeysImport => {
                let block = KeyBlock::Plain { count: self.texts.0, bytes: &self.texts.1 };
                Command::KeysImport { stock, batch: self.small[0], block }
            }
            CommandKind::CodeImport => {
                let codes = CodeBlock::Plain { count: self.texts.0, bytes: &self.texts.1 };
                Command::CodeImport { campaign: stock, codes }
            }
            CommandKind::Reveal => Command::Reveal { hold },
            CommandKind::KeyReplace => {
                Command::KeyReplace { hold, key: self.small[0], reason: self.small[1] as u16 }
            }
            CommandKind::KeysExport | CommandKind::KeysList => {
                let (batch, from) = (self.flags[0].then_some(self.small[0]), self.small[1]);
                match self.kind {
                    CommandKind::KeysExport => Command::KeysExport { stock, batch, from },
                    _ => Command::KeysList { stock, batch, from },
                }
            }
            CommandKind::KeyReclaim => {
                Command::KeyReclaim { hold, key: self.small[0], reason: self.small[1] as u16 }
            }
            CommandKind::KeysRead => Command::KeysRead { hold, from: self.small[0] },
            CommandKind::BatchesShow => Command::BatchesShow { stock, from: self.small[0] },
            CommandKind::OwedShow => Command::OwedShow { stock, from: self.small[0] },
            CommandKind::OrderShow => {
                Command::OrderShow { order: OrderId(self.big[0]), after: hold, limit: self.small[0] }
            }
            CommandKind::StockSupply => Command::StockSupply { stock, units },
            CommandKind::StockVoid => {
                let [from_frozen, forced, ..] = self.flags;
                Command::StockVoid { stock, units, from_frozen, forced }
            }
            CommandKind::StockFreeze => Command::StockFreeze { stock, units, forced: self.flags[1] },
            CommandKind::StockUnfreeze => Command::StockUnfreeze { stock, units },
            CommandKind::StockEdit => {
                Command::StockEdit { stock, version: self.small[2], terms: self.terms() }
            }
            CommandKind::StockQuota => {
                Command::StockQuota { stock, version: self.small[2], quotas: &self.quotas }
            }
            CommandKind::Reserve => Command::Reserve { take: self.take(), ttl_ms: ttl_ms - 1 },
            CommandKind::Extend => Command::Extend { hold, ttl_ms },
            CommandKind::Confirm => Command::Confirm { units: &self.units, hidden: self.flags[0] },
            CommandKind::Release => Command::Release,
            CommandKind::Cancel => Command::Cancel,
            CommandKind::Sell => {
                let hidden = self.small[0] % 2 == 1;
                Command::Sell { take: self.take(), paid: self.flags[2], hidden }
            }
            CommandKind::Return => Command::Return { hold, to_available: self.flags[0], units: &self.units },
            CommandKind::StockShow => Command::StockShow { stock },
            CommandKind::StockChannels => Command::StockChannels { stock },
            CommandKind::OperationShow => Command::OperationShow,
            CommandKind::StockLimits => {
                let spans = Some(&self.spans).filter(|_| self.flags[0]);
                Command::StockLimits { stock, version: self.small[2], limits: &self.limits, spans }
            }
            CommandKind::StockPrice => {
                Command::StockPrice { stock, version: self.small[2], prices: &self.prices }
            }
            CommandKind::RiskSet => Command::RiskSet { rule: &self.rule },
            CommandKind::BlockSet => Command::BlockSet { block: &self.block },
            CommandKind::StockTermsShow => Command::StockTermsShow { stock },
            CommandKind::RiskShow => Command::RiskShow { from: self.small[0] },
            CommandKind::ZoneSet => {
                let (version, name) = (self.small[2], self.name.as_bytes());
                Command::ZoneSet(ZoneSet { version, name, transitions: &self.transitions })
            }
            CommandKind::ZoneShow => Command::ZoneShow,
            kind if common::persons::KINDS.contains(&kind) => {
                common::persons::command(kind, self.big, self.small[0] as u16, &self.name)
            }
            kind => self.cards.command(kind, &self.name, self.terms(), &self.parties),
        };
        Request { envelope: self.envelope, command }
    }

    fn extras(&self) -> Extras<'_> {
        let code = CodeText::new(self.cards.code(self.kind).unwrap_or(""));
        Extras { trace: &self.trace, label: &self.label, facts: &self.facts, code }
    }
}

/// Values from which any answer can be built.
#[derive(Debug, Clone)]
struct AnswerParts {
    kind: AnswerKind,
    facts: FactsKind,
    code: Code,
    capacity: CapacityOf,
    state: u8,
    big: [u128; 3],
    numbers: [u64; 11],
    small: [u32; 2],
    channel: u16,
    flag: bool,
    units: Vec<U32>,
    hold_lines: Vec<HoldLine>,
    line_facts: Vec<LineFact>,
    channels: Vec<ChannelView>,
    batches: Vec<BatchView>,
    debts: Vec<DebtView>,
    order_holds: Vec<OrderHold>,
    keys: Vec<u8>,
    limits: Limits,
    spans: SpanLimits,
    prices: Vec<Price>,
    rules: Vec<RiskRule>,
    blocks: Vec<Block>,
    transitions: Vec<Transition>,
    members: Vec<U128>,
    listed: Vec<u8>,
    name: String,
    cards: CardParts,
}

fn answer_parts() -> impl Strategy<Value = AnswerParts> {
    let hold_line = any::<(u64, [u32; 4])>().prop_map(|(stock, counts)| HoldLine {
        stock: U64::new(stock),
        reserved: U32::new(counts[0]),
        confirmed: U32::new(counts[1]),
        returned: U32::new(counts[2]),
        price: U32::new(counts[3]),
    });
    let line_fact = any::<(u16, u16, u32, u64)>().prop_map(|(line, why, asked, available)| LineFact {
        line: U16::new(line),
        why: U16::new(why),
        asked: U32::new(asked),
        available: U64::new(available),
    });
    let keys = prop::collection::vec((any::<u64>(), "\\PC{0,24}", any::<bool>()), 0..=64).prop_map(|keys| {
        let borrowed: Vec<_> = keys.iter().map(|(key, text, void)| (*key, text.as_str(), *void)).collect();
        key_items(&borrowed)
    });
    let listed = prop::collection::vec((any::<u32>(), 0..4u8, "\\PC{0,24}"), 0..=64).prop_map(|keys| {
        let borrowed: Vec<_> = keys.iter().map(|(key, state, text)| (*key, *state, text.as_str())).collect();
        listed_items(&borrowed)
    });
    (
        (prop::sample::select(AnswerKind::ALL), prop::sample::select(FactsKind::ALL)),
        (prop::sample::select(Code::ALL), prop::sample::select(&CapacityOf::ALL[..]), 1..=16u8),
        (any::<[u128; 3]>(), any::<[u64; 11]>(), any::<[u32; 2]>(), any::<u16>(), any::<bool>()),
        prop::collection::vec(any::<u32>().prop_map(U32::new), 0..=64),
        prop::collection::vec(hold_line, 0..=64),
        prop::collection::vec(line_fact, 0..=64),
        (
            prop::collection::vec(channels(), 0..=64),
            prop::collection::vec(batches(), 0..=64),
            prop::collection::vec(debts(), 0..=64),
            prop::collection::vec(order_holds(), 0..=64),
            keys,
            listed,
        ),
        (
            (limits(), span_limits()),
            prices(),
            prop::collection::vec(rules(), 0..=RISK_RULES_MAX),
            prop::collection::vec(blocks(), 0..=BLOCKS_PER_ANSWER_MAX),
            transitions(),
            card_parts(),
        ),
        "\\PC{0,16}",
    )
        .prop_map(|(kinds, numbered, values, units, hold_lines, line_facts, lists, set, name)| {
            let ((limits, spans), prices, rules, blocks, transitions, cards) = set;
            let (channels, batches, debts, order_holds, keys, listed) = lists;
            AnswerParts {
                kind: kinds.0,
                facts: kinds.1,
                code: numbered.0,
                capacity: numbered.1,
                state: numbered.2,
                big: values.0,
                numbers: values.1,
                small: values.2,
                channel: values.3,
                flag: values.4,
                units,
                hold_lines,
                line_facts,
                channels,
                batches,
                debts,
                order_holds,
                keys,
                limits,
                spans,
                prices,
                rules,
                blocks,
                transitions,
                members: values.0.map(U128::new).to_vec(),
                listed,
                name,
                cards,
            }
        })
}

impl AnswerParts {
    fn facts(&self) -> Facts<'_> {
        match self.facts {
            FactsKind::None => Facts::None,
            FactsKind::Lines => Facts::Lines(&self.line_facts),
            FactsKind::Time => Facts::Time(self.numbers[0]),
            FactsKind::Floor => Facts::Floor(self.numbers[0]),
            FactsKind::Maximum => Facts::Maximum(self.capacity, self.numbers[0]),
            FactsKind::Key => Facts::Key(self.numbers[0]),
            FactsKind::Total => Facts::Total(self.numbers[0]),
            FactsKind::Rule => Facts::Rule(self.channel),
            FactsKind::Version => Facts::Version(self.small[0]),
            FactsKind::Units => Facts::Units {
                stock: StockId(self.numbers[0]),
                asked: self.numbers[1],
                available: self.numbers[2],
            },
        }
    }

    fn stock(&self) -> StockView<'_> {
        let [stock, opens_ms, closes_ms, rest @ ..] = self.numbers;
        StockView {
            stock: StockId(stock),
            version: self.small[0],
            kind: match self.channel % 5 {
                4 => StockKind::Cards,
                3 => StockKind::Reusable,
                0 => StockKind::Counter,
                1 => StockKind::Keys,
                _ => StockKind::RandomKeys { seed: 0 },
            },
            once_per_order: self.channel.is_multiple_of(3),
            terms: StockTerms { opens_ms, closes_ms, limit_per_user: self.small[1], frozen: self.flag },
            total: rest[0],
            available: rest[1],
            held: rest[2],
            consumed: rest[3],
            frozen: rest[4],
            void: rest[5],
            marked_frozen: rest[6],
            marked_void: rest[7],
            name: self.name.as_bytes(),
        }
    }

    fn hold(&self) -> HoldView<'_> {
        HoldView {
            hold: OperationId(self.big[0]),
            state: HoldState::from_number(self.state.min(9)).expect("1 to 9 are states"),
            channel: ChannelId(self.channel),
            late: self.flag,
            flagged: self.small[0].is_multiple_of(2),
            refusal: Some(self.code).filter(|_| self.state > 4),
            order: OrderId(self.big[1]),
            user: UserId(self.big[2]),
            reserved_ms: self.numbers[0],
            deadline_ms: self.numbers[1],
            closed_ms: self.numbers[2],
            lines: &self.hold_lines,
            cards: &self.cards.held,
        }
    }

    fn page(&self, total: u32, from: u32) -> KeyPage<'_> {
        KeyPage { total, from, keys: KeyList::Read(&self.keys) }
    }

    fn confirmed<'a>(&self, units: &'a [U32], keys: KeyPage<'a>, sold: &'a [SoldCards]) -> Answer<'a> {
        Answer::Confirmed { confirmed_ms: self.numbers[0], late: self.flag, units, keys, sold }
    }

    fn outcome(&self) -> Outcome<'_> {
        let value = self.numbers[0];
        Outcome::Done(match self.kind {
            AnswerKind::Rejection => {
                return Outcome::Refused(Rejection { code: self.code, facts: self.facts() });
            }
            AnswerKind::StockChanged => Answer::StockChanged { value },
            AnswerKind::Reserved => Answer::Reserved { deadline_ms: value, units: &self.units },
            AnswerKind::Extended => Answer::Extended { deadline_ms: value },
            AnswerKind::Confirmed => self.confirmed(&self.units, KeyPage::default(), &[]),
            AnswerKind::ConfirmedKeys => self.confirmed(&self.units, self.page(self.small[0].max(1), 0), &[]),
            AnswerKind::ConfirmedCards => {
                let keys = if self.flag { KeyPage::default() } else { self.page(self.small[0].max(1), 0) };
                let units: &[U32] = if self.units.is_empty() { &[U32::ZERO] } else { &self.units };
                self.confirmed(units, keys, common::leak(&[common::sales::sold_cards(value, self.small[1])]))
            }
            AnswerKind::KeysImported => Answer::KeysImported { taken: value },
            AnswerKind::Keys => Answer::Keys(self.page(self.small[0], self.small[1])),
            AnswerKind::Batches => Answer::Batches { total: self.small[0], batches: &self.batches },
            AnswerKind::KeysListed => {
                let keys = ListedKeys::Read(&self.listed);
                Answer::KeysListed(ListPage { next: self.small[0], keys })
            }
            AnswerKind::Cancelled => Answer::Cancelled(match self.small[0] % 4 {
                0 => Cancelled::Nothing,
                1 => Cancelled::Released,
                2 => Cancelled::Lapsed,
                _ => Cancelled::Returned { units: value },
            }),
            AnswerKind::Owed => Answer::Owed { position: self.small[0], until_ms: value },
            AnswerKind::Debts => Answer::Debts { total: self.small[0], debts: &self.debts },
            AnswerKind::OrderHolds => {
                let more = More::from_number((self.small[0] % 3) as u8).expect("a number below 3");
                Answer::OrderHolds { more, holds: &self.order_holds }
            }
            AnswerKind::Released => Answer::Released { lapsed: self.flag },
            AnswerKind::Returned => Answer::Returned { units: value },
            AnswerKind::Stock => Answer::Stock(self.stock()),
            AnswerKind::Channels => Answer::Channels { version: self.small[0], channels: &self.channels },
            AnswerKind::Terms => {
                let (version, limits, prices) = (self.small[0], self.limits, &self.prices);
                Answer::Terms { version, limits, spans: self.spans, prices }
            }
            AnswerKind::Risk => {
                Answer::Risk { rules: &self.rules, total: self.small[0], blocks: &self.blocks }
            }
            AnswerKind::Zone => {
                let (version, name) = (self.small[0], self.name.as_bytes());
                Answer::Zone { version, name, transitions: &self.transitions }
            }
            AnswerKind::Identity => Answer::Identity { members: &self.members },
            AnswerKind::Hold => Answer::Hold(self.hold()),
            AnswerKind::Operation => {
                let number = if self.flag { self.state % 5 + 19 } else { self.state };
                let kind = OperationKind::from_number(number).expect("1 to 16 and 19 to 23 are kinds");
                Answer::Operation(OperationView { kind, value })
            }
            kind => self.cards.answer(kind),
        })
    }
}

proptest! {
    #[test]
    fn a_command_reads_as_it_was_written(parts in parts()) {
        let (request, extras) = (parts.request(), parts.extras());
        let bytes = command_bytes(&request, &extras);
        prop_assert_eq!(bytes.len() % 8, 0);
        let read: Vec<_> = CommandReader::new(&bytes).collect();
        prop_assert_eq!(read, vec![Ok((request, extras))]);
    }

    #[test]
    fn a_frame_of_commands_keeps_their_order(all in prop::collection::vec(parts(), 1..20), correlation: u64) {
        let mut out = vec![0xee; 5];
        let mut frame = CommandFrame::begin(&mut out, correlation, FRAME_BYTES_MAX);
        for (index, parts) in all.iter().enumerate() {
            prop_assert_eq!(frame.push(&mut out, &parts.request(), &parts.extras()), Ok(index as u16));
        }
        prop_assert!(frame.finish(&mut out));
        let (header, whole) = frame::parse(&out[5..], FrameLimits::AUTHENTICATED).unwrap().unwrap();
        prop_assert_eq!((header.kind, header.correlation), (FrameKind::Commands, correlation));
        prop_assert_eq!(whole, out.len() - 5);
        let read: Result<Vec<_>, _> = CommandReader::new(&out[5 + HEADER_BYTES..]).collect();
        let written: Vec<_> = all.iter().map(|parts| (parts.request(), parts.extras())).collect();
        prop_assert_eq!(read, Ok(written));
    }

    #[test]
    fn an_answer_reads_as_it_was_written(parts in answer_parts(), index: u16) {
        let outcome = parts.outcome();
        let bytes = answer_bytes(index, &outcome);
        prop_assert_eq!(bytes.len() % 8, 0);
        let read: Vec<_> = AnswerReader::new(&bytes).collect();
        prop_assert_eq!(read, vec![Ok((index, outcome))]);
    }
}

#[test]
fn a_command_that_does_not_fit_leaves_the_frame_as_it_was() {
    let samples = common::commands();
    let (_, request, extras) = &samples[6];
    let mut out = Vec::new();
    let mut frame = CommandFrame::begin(&mut out, 1, 32 + 2 * 104);
    assert_eq!(frame.push(&mut out, request, extras), Ok(0));
    assert_eq!(frame.push(&mut out, request, extras), Ok(1));
    let before = out.clone();
    assert_eq!(frame.push(&mut out, request, extras), Err(PushError::FrameFull));
    let malformed = Request { envelope: Envelope { slot: Slot(1024), ..request.envelope }, ..*request };
    assert!(matches!(frame.push(&mut out, &malformed, extras), Err(PushError::Malformed(_))));
    let long = Extras { facts: &[0; 1025], ..Extras::NONE };
    assert!(matches!(frame.push(&mut out, request, &long), Err(PushError::Extra(_))));
    assert_eq!(out, before);
    assert_eq!(frame.count(), 2);
    assert!(frame.finish(&mut out));
}

#[test]
fn the_channels_of_a_stock_that_counts_as_many_as_it_can_fit_one_answer() {
    let samples = common::answers();
    let channel = samples.iter().find_map(|(_, outcome)| match outcome {
        Outcome::Done(Answer::Channels { channels, .. }) => channels.first(),
        _ => None,
    });
    let channels = vec![*channel.expect("there is a sample"); CHANNELS_PER_STOCK_MAX];
    let outcome = Outcome::Done(Answer::Channels { version: 1, channels: &channels });
    let bytes = answer_bytes(0, &outcome);
    assert_eq!(AnswerReader::new(&bytes).collect::<Vec<_>>(), [Ok((0, outcome))]);
}

#[test]
fn a_frame_without_content_is_taken_back() {
    let mut out = vec![1, 2, 3];
    assert!(!CommandFrame::begin(&mut out, 1, FRAME_BYTES_MAX).finish(&mut out));
    assert!(!AnswerFrame::begin(&mut out, 1).finish(&mut out, 9));
    assert_eq!(out, [1, 2, 3]);
}

#[test]
fn a_full_frame_of_answers_says_so() {
    let mut out = Vec::new();
    let mut frame = AnswerFrame::begin(&mut out, 1);
    let outcome = Outcome::Done(Answer::Released { lapsed: false });
    let mut pushed = 0u32;
    while frame.push(&mut out, 0, &outcome, &mut scrip_protocol::answer_write::NoSeals).is_ok() {
        pushed += 1;
    }
    assert_eq!(frame.count(), pushed);
    assert!(frame.finish(&mut out, 12));
    let (header, whole) = frame::parse(&out, FrameLimits::AUTHENTICATED).unwrap().unwrap();
    assert_eq!((header.sequence, whole), (12, out.len()));
    assert_eq!(AnswerReader::new(&out[HEADER_BYTES..]).count(), pushed as usize);
}

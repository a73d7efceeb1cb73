//! One sample of everything that can be on the wire, used by the golden vectors and the hostile tests alike.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod card_parts;
pub mod card_strategies;
pub mod cards;
pub mod debts;
pub mod dump;
pub mod frames;
pub mod groups;
pub mod holds;
pub mod notices;
pub mod orders;
pub mod persons;
pub mod quotes;
pub mod sales;
pub mod segments;
pub mod sharing;
pub mod strategies;
pub mod tills;
pub mod zones;

#[allow(unused_imports, reason = "no test needs all of them")]
pub use frames::*;

use scrip_engine::answer::{
    Answer, BatchView, Cancelled, ChannelView, HoldLine, HoldState, HoldView, KeyItem, KeyList, KeyPage,
    ListPage, ListedItem, ListedKeys, OperationKind, OperationView, Outcome, StockView,
};
use scrip_engine::command::{
    BatchChange, BatchCreate, Block, Command, Envelope, KeyBlock, Limits, Line, Parties, Price, PriceKind,
    Quota, Request, RiskRule, Segments, SpanLimits, StockCreate, StockKind, StockTerms, SubjectLimit, Take,
};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::rejection::{CapacityOf, Code, Facts, LineFact, Rejection};
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::extras::Extras;
use scrip_protocol::frame::HEADER_BYTES;
use scrip_protocol::limits::FRAME_BYTES_MAX;
use scrip_protocol::write::CommandFrame;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{I16, U16, U32, U64, U128};

/// The home slot of merchant 7.
pub const SLOT: Slot = Slot(929);
pub const STOCK: StockId = StockId::new(SLOT, 42);
pub const OPERATION: OperationId = OperationId(0x0192_f0c1_2a00_7000_8000_0000_0000_0001);
pub const HOLD: OperationId = OperationId(0x0192_f0c1_2a00_7000_8000_0000_0000_0002);
pub const NOW_MS: u64 = 0x0192_f0c1_2a00;

/// A command's name, the request and its extras.
pub type CommandSample = (&'static str, Request<'static>, Extras<'static>);

/// An answer's name and the outcome.
pub type AnswerSample = (String, Outcome<'static>);

pub fn leak<T: Clone>(entries: &[T]) -> &'static [T] {
    Box::leak(entries.to_vec().into_boxed_slice())
}

pub fn envelope() -> Envelope {
    Envelope {
        merchant: MerchantId(7),
        slot: SLOT,
        channel: ChannelId(3),
        operation: OPERATION,
        created_ms: 0,
        deadline_ms: NOW_MS + 5_000,
        segments: Segments::NONE,
    }
}

fn terms() -> StockTerms {
    StockTerms { opens_ms: NOW_MS, closes_ms: NOW_MS + 3_600_000, limit_per_user: 2, frozen: true }
}

fn take(lines: &[Line]) -> Take<'static> {
    Take { order: OrderId(0x0a), user: UserId(0x0b), ..Take::of(leak(lines)) }
}

fn units(counts: &[u32]) -> &'static [U32] {
    leak(&counts.iter().map(|&count| U32::new(count)).collect::<Vec<_>>())
}

pub fn commands() -> Vec<CommandSample> {
    let one = take(&[Line::new(STOCK, 1)]);
    let second = Line { units_min: U32::new(2), ..Line::new(StockId::new(SLOT, 43), 5) };
    let two = Take { partial: true, replace: HOLD, ..take(&[Line::new(STOCK, 1), second]) };
    let name = "欠发 50".as_bytes();
    let quotas = leak(&[
        Quota::new(ChannelId(0), 0, 25_000, 0),
        Quota::new(ChannelId(3), 40_000, Quota::NO_CAP, NOW_MS + 3_600_000),
    ]);
    let extras =
        Extras { trace: &[1, 2, 3, 4, 5], label: "T20240501-1", facts: b"{\"paid\":990}", ..Extras::NONE };
    let plain = [
        (
            "stock_create",
            Command::StockCreate(StockCreate {
                stock: STOCK,
                name,
                units: 100_000,
                kind: StockKind::Counter,
                once_per_order: false,
                terms: terms(),
            }),
        ),
        ("stock_supply", Command::StockSupply { stock: STOCK, units: 500 }),
        ("stock_void", Command::StockVoid { stock: STOCK, units: 5, from_frozen: true, forced: false }),
        ("stock_freeze", Command::StockFreeze { stock: STOCK, units: 6, forced: false }),
        ("stock_unfreeze", Command::StockUnfreeze { stock: STOCK, units: 7 }),
        ("stock_edit", Command::StockEdit { stock: STOCK, version: 3, terms: terms() }),
        ("reserve_one_line", Command::Reserve { take: one, ttl_ms: 60_000 }),
        ("reserve_partial_replace", Command::Reserve { take: two, ttl_ms: 0 }),
        ("extend", Command::Extend { hold: HOLD, ttl_ms: 120_000 }),
        ("confirm_all", Command::Confirm { units: &[], hidden: false }),
        ("confirm_some", Command::Confirm { units: units(&[1, 0, 2]), hidden: false }),
        ("release", Command::Release),
        ("sell", Command::Sell { take: one, paid: false, hidden: false }),
        ("sell_paid_partial_replace", Command::Sell { take: two, paid: true, hidden: false }),
        ("return_all", Command::Return { hold: HOLD, to_available: false, units: &[] }),
        ("return_some", Command::Return { hold: HOLD, to_available: true, units: units(&[1, 2]) }),
        ("stock_show", Command::StockShow { stock: STOCK }),
        ("operation_show", Command::OperationShow),
        // New samples come last: the ids of those above are part of their bytes.
        (
            "stock_void_forced",
            Command::StockVoid { stock: STOCK, units: 5, from_frozen: false, forced: true },
        ),
        ("stock_freeze_forced", Command::StockFreeze { stock: STOCK, units: 6, forced: true }),
        ("stock_quota", Command::StockQuota { stock: STOCK, version: 3, quotas }),
        ("stock_channels", Command::StockChannels { stock: STOCK }),
    ];
    let mut samples: Vec<CommandSample> = plain
        .into_iter()
        .chain(commands_of_keys(one))
        .chain(optional_parts(one))
        .chain(commands_of_limits(one))
        .chain(commands_of_orders())
        .chain([("owed_show", Command::OwedShow { stock: STOCK, from: 64 })])
        .chain(orders::commands())
        .chain(zones::commands())
        .chain(cards::commands())
        .enumerate()
        .map(|(index, (name, command))| {
            let operation = OperationId(OPERATION.0 + 0x10 * index as u128);
            (name, Request { envelope: Envelope { operation, ..envelope() }, command }, Extras::NONE)
        })
        .collect();
    let given = Envelope { operation: OperationId(12_345), created_ms: NOW_MS, deadline_ms: 0, ..envelope() };
    samples.push((
        "reserve_extras",
        Request { envelope: given, command: Command::Reserve { take: one, ttl_ms: 0 } },
        extras,
    ));
    samples.extend(cards::commands_by_code());
    samples.extend(holds::commands());
    samples.extend(groups::commands());
    samples.extend(segments::commands());
    samples.extend(notices::commands());
    samples.extend(persons::commands());
    samples.extend(quotes::commands());
    samples.extend(tills::commands());
    samples.extend(sharing::commands());
    samples.push(cards::usable_wallet());
    samples
}

/// RESERVE and SELL with everything they need not carry.
fn optional_parts(take: Take<'static>) -> [(&'static str, Command<'static>); 2] {
    let parties = &leak(&[Parties::new(0x0c, 0x0d, 0x0e)])[0];
    let take = Take { parties: Some(parties), expected_total: Some(9_900), ..take };
    let waits = Take { replace: HOLD, ..take };
    [
        ("reserve_parties_total", Command::Reserve { take, ttl_ms: 60_000 }),
        ("sell_parties_total_replace", Command::Sell { take: waits, paid: true, hidden: false }),
    ]
}

/// Limits of every kind of subject, by a clock eight hours ahead of UTC.
fn limits() -> Limits {
    Limits {
        subjects: [
            SubjectLimit::new(5, 2, 0),
            SubjectLimit::new(3, 1, 1),
            SubjectLimit::new(0, 0, 4),
            SubjectLimit::new(100_000_000, 50, 0),
        ],
        utc_offset_minutes: I16::new(480),
        spare: [0; 6],
    }
}

/// A list price for all channels, a member's for channel 3, and a promotion of an hour.
fn prices() -> [Price; 3] {
    let member = Price::new(ChannelId(3), PriceKind::Member, 9_500);
    let promotion = Price {
        from_ms: U64::new(NOW_MS),
        until_ms: U64::new(NOW_MS + 3_600_000),
        ..Price::new(ChannelId(3), PriceKind::Promotional, 8_800)
    };
    [Price::new(Price::ANY_CHANNEL, PriceKind::List, 9_900), member, promotion]
}

/// At most 20 an hour by one device, through any channel.
fn rule() -> RiskRule {
    RiskRule {
        number: U16::new(7),
        channel: U16::new(Price::ANY_CHANNEL.0),
        subject: 3,
        action: 1,
        spare: U16::ZERO,
        at_most: U32::new(20),
        window_ms: U32::new(3_600_000),
    }
}

fn block(subject: u128, kind: u8, action: u8, until_ms: u64) -> Block {
    Block { subject: U128::new(subject), until_ms: U64::new(until_ms), kind, action, spare: [0; 6] }
}

/// What limits, prices, risk rules and blocks are set and shown with.
fn commands_of_limits(take: Take<'static>) -> [(&'static str, Command<'static>); 10] {
    let limits = &leak(&[limits()])[0];
    let rules = leak(&[rule(), RiskRule { action: 0, ..rule() }]);
    let blocks = leak(&[block(0x0c, 2, 2, NOW_MS + 86_400_000), block(0x0e, 4, 0, 0)]);
    let member = Take { member: true, ..take };
    [
        ("stock_price", Command::StockPrice { stock: STOCK, version: 3, prices: leak(&prices()) }),
        ("stock_price_none", Command::StockPrice { stock: STOCK, version: 4, prices: &[] }),
        ("risk_set", Command::RiskSet { rule: &rules[0] }),
        ("risk_set_lifted", Command::RiskSet { rule: &rules[1] }),
        ("block_set", Command::BlockSet { block: &blocks[0] }),
        ("block_set_lifted", Command::BlockSet { block: &blocks[1] }),
        ("stock_limits", Command::StockLimits { stock: STOCK, version: 3, limits, spans: None }),
        ("stock_terms_show", Command::StockTermsShow { stock: STOCK }),
        ("risk_show", Command::RiskShow { from: 64 }),
        ("reserve_member", Command::Reserve { take: member, ttl_ms: 60_000 }),
    ]
}

/// What they are shown as.
fn answers_of_limits() -> [(&'static str, Answer<'static>); 4] {
    let blocks = leak(&[block(0x0c, 2, 2, NOW_MS + 86_400_000), block(0x0d, 3, 1, 0)]);
    [
        ("terms", tills::terms_shown(SpanLimits::default())),
        (
            "terms_of_a_new_stock",
            Answer::Terms {
                version: 1,
                limits: Limits::default(),
                spans: SpanLimits::default(),
                prices: &[],
            },
        ),
        ("risk", Answer::Risk { rules: leak(&[rule()]), total: 66, blocks }),
        ("no_risk", Answer::Risk { rules: &[], total: 0, blocks: &[] }),
    ]
}

fn commands_of_orders() -> [(&'static str, Command<'static>); 1] {
    [("cancel", Command::Cancel)]
}

fn commands_of_keys(take: Take<'static>) -> [(&'static str, Command<'static>); 18] {
    let create = BatchCreate {
        stock: STOCK,
        batch: 7,
        cost: 4_550,
        expires_ms: NOW_MS + 31_536_000_000,
        supplier: "批发 A".as_bytes(),
    };
    let change = |change, forced| Command::BatchChange { stock: STOCK, batch: 7, change, forced };
    let block = KeyBlock::Plain { count: 2, bytes: b"\x0b\0\x06\0AAAA-BBBB-1\xe5\x8d\xa1-02" };
    let terms = StockTerms { frozen: false, ..terms() };
    [
        (
            "stock_create_keys",
            Command::StockCreate(StockCreate {
                stock: STOCK,
                name: b"steam50",
                units: 0,
                kind: StockKind::Keys,
                once_per_order: false,
                terms,
            }),
        ),
        (
            "stock_create_random",
            Command::StockCreate(StockCreate {
                stock: STOCK,
                name: b"steam50",
                units: 0,
                kind: StockKind::RandomKeys { seed: 0 },
                once_per_order: false,
                terms,
            }),
        ),
        (
            "stock_create_reusable",
            Command::StockCreate(StockCreate {
                stock: STOCK,
                name: b"link",
                units: 500,
                kind: StockKind::Reusable,
                once_per_order: true,
                terms,
            }),
        ),
        ("batch_create", Command::BatchCreate(create)),
        ("batch_freeze", change(BatchChange::Freeze, false)),
        ("batch_unfreeze", change(BatchChange::Unfreeze, false)),
        ("batch_void_forced", change(BatchChange::Void, true)),
        ("keys_import", Command::KeysImport { stock: STOCK, batch: 7, block }),
        ("confirm_hidden", Command::Confirm { units: &[], hidden: true }),
        ("sell_hidden", Command::Sell { take, paid: true, hidden: true }),
        ("reveal", Command::Reveal { hold: HOLD }),
        ("key_replace", Command::KeyReplace { hold: HOLD, key: 4_711, reason: 2 }),
        ("key_reclaim", Command::KeyReclaim { hold: HOLD, key: 4_711, reason: 2 }),
        ("keys_export", Command::KeysExport { stock: STOCK, batch: Some(7), from: 0 }),
        ("keys_export_all", Command::KeysExport { stock: STOCK, batch: None, from: 64 }),
        ("keys_list", Command::KeysList { stock: STOCK, batch: None, from: 4_711 }),
        ("keys_read", Command::KeysRead { hold: HOLD, from: 64 }),
        ("batches_show", Command::BatchesShow { stock: STOCK, from: 64 }),
    ]
}

/// Card keys as they lie in an answer: number, text, whether they are void.
pub fn key_items(keys: &[(u64, &str, bool)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, text, void) in keys {
        let item = KeyItem {
            key: U64::new(*key),
            text_bytes: U16::new(text.len() as u16),
            flags: U16::new(u16::from(*void)),
            spare: U32::ZERO,
        };
        bytes.extend_from_slice(item.as_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

/// Listed keys as they lie on the wire: number, state, text.
pub fn listed_items(keys: &[(u32, u8, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, state, text) in keys {
        let sold = u128::from(*state == 1);
        let item = ListedItem {
            hold: U128::new(sold * HOLD.0),
            order: U128::new(sold * 10),
            key: U32::new(*key),
            batch: U32::new(7),
            text_bytes: U16::new(text.len() as u16),
            state: *state,
            batch_state: 1,
            spare: U32::ZERO,
        };
        bytes.extend_from_slice(item.as_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

fn answers_of_keys() -> [(&'static str, Answer<'static>); 9] {
    let page = |total, from, keys: &[(u64, &str, bool)]| KeyPage {
        total,
        from,
        keys: KeyList::Read(leak(&key_items(keys))),
    };
    let mut supplier = [0; 64];
    supplier[..8].copy_from_slice("批发 A".as_bytes());
    let batch = BatchView {
        cost: U64::new(4_550),
        expires_ms: U64::new(NOW_MS + 31_536_000_000),
        imported: U64::new(1_000),
        unsold: U64::new(300),
        moved: U64::new(200),
        sold: U64::new(490),
        void: U64::new(10),
        batch: U32::new(7),
        state: 2,
        supplier_bytes: 8,
        spare: U16::ZERO,
        supplier,
    };
    let confirmed = |units: &[u32], keys| Answer::Confirmed {
        confirmed_ms: NOW_MS,
        late: false,
        units: self::units(units),
        keys,
        sold: &[],
    };
    let listed = leak(&listed_items(&[(4_711, 1, "BB-1"), (4_712, 0, "")]));
    let shown = [(4_711, "AAAA-BBBB-1", false), (4_712, "卡-02", true)];
    [
        ("confirmed_keys", confirmed(&[2], page(2, 0, &shown))),
        ("confirmed_keys_hidden", confirmed(&[1, 1], page(2, 0, &[(4_711, "", false), (4_712, "", false)]))),
        ("keys_imported", Answer::KeysImported { taken: 0b101 }),
        ("keys", Answer::Keys(page(100, 64, &shown))),
        ("keys_past_the_end", Answer::Keys(page(2, 2, &[]))),
        ("batches", Answer::Batches { total: 65, batches: leak(&[batch]) }),
        ("no_batches", Answer::Batches { total: 0, batches: &[] }),
        ("keys_listed", Answer::KeysListed(ListPage { next: 4_713, keys: ListedKeys::Read(listed) })),
        ("no_keys_listed", Answer::KeysListed(ListPage { next: ListPage::END, keys: ListedKeys::Read(&[]) })),
    ]
}

fn answers_of_orders() -> [(&'static str, Answer<'static>); 4] {
    [
        ("cancelled_nothing", Answer::Cancelled(Cancelled::Nothing)),
        ("cancelled_released", Answer::Cancelled(Cancelled::Released)),
        ("cancelled_lapsed", Answer::Cancelled(Cancelled::Lapsed)),
        ("cancelled_returned", Answer::Cancelled(Cancelled::Returned { units: 3 })),
    ]
}

pub fn answers() -> Vec<AnswerSample> {
    let hold_line = |stock, reserved, confirmed, returned| HoldLine {
        stock: U64::new(stock),
        reserved: U32::new(reserved),
        confirmed: U32::new(confirmed),
        returned: U32::new(returned),
        price: U32::ZERO,
    };
    let hold = HoldView {
        hold: HOLD,
        state: HoldState::Confirmed,
        channel: ChannelId(3),
        late: true,
        flagged: false,
        refusal: None,
        order: OrderId(0x0a),
        user: UserId(0x0b),
        reserved_ms: NOW_MS,
        deadline_ms: NOW_MS + 900_000,
        closed_ms: NOW_MS + 901_000,
        lines: leak(&[hold_line(STOCK.0, 2, 2, 1), hold_line(STOCK.0 + 1, 5, 3, 0)]),
        cards: &[],
    };
    let refused = HoldView {
        state: HoldState::Lapsed,
        late: false,
        refusal: Some(Code::HoldExpiredNoStock),
        lines: leak(&[hold_line(STOCK.0, 2, 0, 0)]),
        ..hold
    };
    let priced = HoldLine { price: U32::new(9_900), ..hold_line(STOCK.0, 2, 0, 0) };
    let flagged = HoldView {
        state: HoldState::Held,
        late: false,
        flagged: true,
        closed_ms: 0,
        lines: leak(&[priced, hold_line(STOCK.0 + 1, 5, 0, 0)]),
        ..hold
    };
    let stock = StockView {
        stock: STOCK,
        version: 3,
        kind: StockKind::Counter,
        once_per_order: false,
        terms: terms(),
        total: 100_000,
        available: 90_000,
        held: 4_000,
        consumed: 5_000,
        frozen: 600,
        void: 400,
        marked_frozen: 30,
        marked_void: 20,
        name: "欠发 50".as_bytes(),
    };
    let operation = OperationView { kind: OperationKind::StockSupply, value: 100_500 };
    let channel = |channel, [guaranteed, cap, lapses_ms, held, consumed, room]: [u64; 6]| ChannelView {
        guaranteed: U64::new(guaranteed),
        cap: U64::new(cap),
        lapses_ms: U64::new(lapses_ms),
        held: U64::new(held),
        consumed: U64::new(consumed),
        room: U64::new(room),
        channel: U16::new(channel),
        spare: [0; 6],
    };
    let channels = leak(&[
        channel(0, [0, 25_000, 0, 1_000, 2_000, 22_000]),
        channel(3, [40_000, Quota::NO_CAP, NOW_MS + 3_600_000, 3_000, 3_000, 90_000]),
    ]);
    let done = [
        ("stock_changed", Answer::StockChanged { value: 100_500 }),
        ("reserved_one_line", Answer::Reserved { deadline_ms: NOW_MS + 60_000, units: units(&[1]) }),
        ("reserved_two_lines", Answer::Reserved { deadline_ms: NOW_MS + 60_000, units: units(&[1, 4]) }),
        ("extended", Answer::Extended { deadline_ms: NOW_MS + 120_000 }),
        (
            "confirmed",
            Answer::Confirmed {
                confirmed_ms: NOW_MS,
                late: false,
                units: units(&[1]),
                keys: KeyPage::default(),
                sold: &[],
            },
        ),
        (
            "confirmed_late",
            Answer::Confirmed {
                confirmed_ms: NOW_MS,
                late: true,
                units: units(&[1, 0, 2]),
                keys: KeyPage::default(),
                sold: &[],
            },
        ),
        ("released", Answer::Released { lapsed: false }),
        ("released_lapsed", Answer::Released { lapsed: true }),
        ("returned", Answer::Returned { units: 3 }),
        ("stock", Answer::Stock(stock)),
        ("hold", Answer::Hold(hold)),
        ("hold_lapsed", Answer::Hold(refused)),
        ("operation", Answer::Operation(operation)),
        ("channels", Answer::Channels { version: 3, channels }),
    ];
    let of_keys = Answer::Stock(StockView { kind: StockKind::Keys, ..stock });
    let by_chance = Answer::Stock(StockView { kind: StockKind::RandomKeys { seed: 0 }, ..stock });
    let done = done.into_iter().chain(answers_of_keys());
    let reusable = Answer::Stock(StockView { kind: StockKind::Reusable, ..stock });
    let done = done.chain([("stock_of_keys", of_keys), ("stock_of_random_keys", by_chance)]);
    let done = done.chain([("stock_reusable", reusable)]);
    let done = done.chain([("hold_flagged", Answer::Hold(flagged))]).chain(answers_of_limits());
    let once = Answer::Stock(StockView { once_per_order: true, ..stock });
    let done = done.chain(answers_of_orders()).chain([("stock_once_per_order", once)]);
    let of_cards = Answer::Stock(StockView { kind: StockKind::Cards, ..stock });
    let done = done.chain(debts::answers()).chain(orders::answers()).chain(cards::answers());
    let done = done.chain(zones::answers());
    let done = done.chain([("stock_of_cards", of_cards)]).chain(cards::quotes()).chain(holds::answers());
    let done = done.chain(groups::answers()).chain(notices::answers());
    let done = done.chain(persons::answers());
    let done = done.chain(quotes::answers());
    let done = done.chain(tills::answers()).chain(sales::answers());
    let done = done.chain(sharing::answers());
    done.map(|(name, answer)| (name.to_string(), Outcome::Done(answer))).collect()
}

pub fn rejections() -> Vec<AnswerSample> {
    let refused = |code, facts| Outcome::Refused(Rejection { code, facts });
    let mut samples: Vec<AnswerSample> =
        Code::ALL.iter().map(|&code| (code.name().to_lowercase(), refused(code, Facts::None))).collect();
    let facts = leak(&[LineFact::new(0, Code::OutOfStock, 2, 1), LineFact::new(2, Code::UserLimit, 3, 0)]);
    let with_facts = [
        ("out_of_stock_lines", Code::OutOfStock, Facts::Lines(facts)),
        ("clock_ahead_time", Code::ClockAhead, Facts::Time(NOW_MS)),
        ("operation_too_old_floor", Code::OperationTooOld, Facts::Floor(NOW_MS - 86_400_000)),
        ("rule_failed_version", Code::RuleFailed, Facts::Version(4)),
        ("out_of_stock_units", Code::OutOfStock, Facts::Units { stock: STOCK, asked: 10, available: 3 }),
    ];
    samples.extend(with_facts.map(|(name, code, facts)| (name.to_string(), refused(code, facts))));
    let maximum = |which: &CapacityOf| {
        let name = format!("capacity_maximum_{}", *which as u16);
        (name, refused(Code::Capacity, Facts::Maximum(*which, 1_000_000)))
    };
    // New samples come last: the indexes of those above are part of their bytes.
    let (first, later) = CapacityOf::ALL.split_at(11);
    let (later, newest) = later.split_at(12);
    samples.extend(first.iter().map(maximum));
    let facts = leak(&[LineFact::new(0, Code::ChannelQuota, 2, 1)]);
    let with_facts = [
        ("channel_quota_lines", Facts::Lines(facts)),
        ("channel_quota_units", Facts::Units { stock: STOCK, asked: 10, available: 3 }),
    ];
    let quota = |(name, facts): (&str, _)| (name.to_string(), refused(Code::ChannelQuota, facts));
    samples.extend(with_facts.map(quota));
    samples.push(("key_replaced_key".to_string(), refused(Code::KeyReplaced, Facts::Key(4_711))));
    samples.push(("quote_changed_total".to_string(), refused(Code::QuoteChanged, Facts::Total(9_900))));
    samples.push(("risk_limit_rule".to_string(), refused(Code::RiskLimit, Facts::Rule(7))));
    let facts = leak(&[LineFact::new(0, Code::HeldLimit, 2, 1)]);
    samples.push(("held_limit_lines".to_string(), refused(Code::HeldLimit, Facts::Lines(facts))));
    samples.extend(later.iter().map(maximum));
    let of_cards = cards::rejections().into_iter().chain(holds::rejections());
    samples.extend(of_cards.map(|(name, code, facts)| (name.to_string(), refused(code, facts))));
    samples.extend(newest.iter().map(maximum));
    samples
}

//! Samples of the commands on campaigns and cards and what they are answered. They stand apart so that the others stay in
//! one view.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{CommandSample, HOLD, NOW_MS, OPERATION, SLOT, STOCK, envelope, leak, terms};
use scrip_engine::answer::{
    Answer, CampaignView, CardOutcome, CardView, Issued, LotView, OperationKind, OperationView, QuoteView,
    QuotedCard, QuotedLine, Redeemed, RedemptionView, WalletCard,
};
use scrip_engine::command::{
    AccountWish, BatchEnd, CampaignCreate, CampaignKind, CampaignState, CampaignTerms, CardChange, CardState,
    CartLine, CodeBlock, Command, Definition, Envelope, Extension, GiftWish, Issue, Merge, Parties, Quote,
    QuoteCard, RecycleInto, Redeem, Request, ScopeEntry, Tier,
};
use scrip_engine::ids::{CardId, ChannelId, GivenCode, OperationId, OrderId, UserId};
use scrip_engine::rejection::{Code, Facts};
use scrip_protocol::commands::{CAMPAIGN_BY_CODE, CARD_BY_CODE};
use scrip_protocol::extras::{CodeText, Extras};
use zerocopy::little_endian::{I16, U16, U32, U64};

pub const CARD: CardId = CardId::new(SLOT, 7, 42);
/// The code of docs/codes.md.
const CODE: &str = "15NM74AKDZWNW4Z3JFMM";

/// 5.00 off orders from 30.00 on, for a month.
fn amount_off() -> Definition {
    Definition {
        kind: CampaignKind::AmountOff as u8,
        units: U32::new(1),
        threshold: U64::new(3_000),
        value: U64::new(500),
        from_ms: U64::new(NOW_MS),
        until_ms: U64::new(NOW_MS + 2_592_000_000),
        window_s: U32::new(604_800),
        grace_s: U32::new(86_400),
        ..Definition::default()
    }
}

/// The same in class 3, which combines with 0 and 3, counted before everything.
fn stacked() -> Definition {
    Definition { class: 3, combines: U32::new(0b1001), flags: Definition::BEFORE, ..amount_off() }
}

/// A gift card of 100.00, sold for 95.00; bonus is spent first.
fn stored_value() -> Definition {
    Definition {
        kind: CampaignKind::StoredValue as u8,
        units: U32::new(10_000),
        value: U64::new(9_500),
        currency: *b"CNY",
        spending: Definition::BONUS_FIRST,
        ..Definition::default()
    }
}

/// Points of a cent each, that last a year.
fn points() -> Definition {
    Definition {
        kind: CampaignKind::Points as u8,
        value: U64::new(100),
        earned_lasts_s: U32::new(31_536_000),
        ..Definition::default()
    }
}

/// A membership of two levels: 5 and 10 percent.
fn pass() -> CampaignTerms<'static> {
    let definition = Definition {
        kind: CampaignKind::Pass as u8,
        units: U32::new(1),
        lasts_s: U32::new(31_536_000),
        ..Definition::default()
    };
    let levels = leak(&[Tier::new(9_900, 500), Tier::new(19_900, 1_000)]);
    CampaignTerms { tiers: levels, ..plain(definition) }
}

/// So many cards for so much money, used on weekdays over noon, by the clock of Shanghai.
fn bounded() -> Definition {
    Definition {
        cost: U64::new(3_000),
        budget: U64::new(1_000_000),
        budget_per_day: U64::new(30_000),
        cards_per_day: U64::new(9),
        opens_minute: U16::new(660),
        closes_minute: U16::new(840),
        clock_minutes: I16::new(480),
        weekdays: 31,
        ..amount_off()
    }
}

/// Ten uses, a day apart, valid for 90 days from a day after activation on.
fn uses() -> Definition {
    Definition {
        kind: CampaignKind::Uses as u8,
        flags: Definition::INACTIVE,
        units: U32::new(10),
        starts_after_s: U32::new(86_400),
        lasts_s: U32::new(7_776_000),
        interval_s: U32::new(86_400),
        ..Definition::default()
    }
}

/// At most 20.00 off, more from 100.00 and from 200.00 on; in two stores, through channel 3.
fn tiered() -> CampaignTerms<'static> {
    let definition = Definition { threshold: U64::ZERO, value: U64::ZERO, cap: U64::new(2_000), ..bounded() };
    let scope = [
        ScopeEntry::new(ScopeEntry::CHANNEL, 3),
        ScopeEntry::new(ScopeEntry::STORE, 12),
        ScopeEntry::new(ScopeEntry::STORE, 13),
    ];
    CampaignTerms {
        definition: &leak(&[definition])[0],
        extension: Extension::default(),
        tiers: leak(&[Tier::new(10_000, 1_000), Tier::new(20_000, 2_500)]),
        scope: leak(&scope),
    }
}

fn plain(definition: Definition) -> CampaignTerms<'static> {
    CampaignTerms {
        definition: &leak(&[definition])[0],
        extension: Extension::default(),
        tiers: &[],
        scope: &[],
    }
}

/// A campaign, as most are made.
pub fn creation() -> CampaignCreate<'static> {
    CampaignCreate {
        campaign: STOCK,
        name: "满30减5".as_bytes(),
        units: 1_000_000,
        terms: terms(),
        layout: 1,
        key: &[],
        definition: plain(amount_off()),
    }
}

/// A campaign, as it is shown.
pub fn campaign_view() -> CampaignView<'static> {
    views()[0]
}

/// A use of a card, as most are.
pub fn use_of_a_card() -> Redeem<'static> {
    Redeem {
        card: CARD,
        generation: None,
        units: 0,
        order: OrderId(0x0a),
        user: UserId(0x0b),
        parties: None,
        amount: 4_550,
        store: 12,
        product: 0x77,
        category: 0x78,
        offline: None,
    }
}

pub fn commands() -> Vec<(&'static str, Command<'static>)> {
    let create = creation();
    let parties = Some(&leak(&[Parties::new(0x0c, 0x0d, 0x0e)])[0]);
    let issue = Issue { owner: UserId(0x0b), count: 2, ..Issue::of_nobody(STOCK) };
    let redeem = use_of_a_card();
    let lines = leak(&[CartLine::new(0x77, 0x78, 3_000, 2), CartLine::new(0, 0, 4_000, 1)]);
    let cards = leak(&[QuoteCard::new(CARD, None), QuoteCard::new(CardId(CARD.0 + 1), Some(1))]);
    let quote = Quote { user: UserId(0x0b), store: 12, best: false, lines, cards: &[] };
    let change = |change| Command::CardChange { card: CARD, generation: None, change };
    vec![
        ("campaign_create", Command::CampaignCreate(create)),
        (
            "campaign_create_tiers_scope",
            Command::CampaignCreate(CampaignCreate { layout: 2, definition: tiered(), ..create }),
        ),
        ("campaign_edit", Command::CampaignEdit { campaign: STOCK, version: 3, terms: tiered() }),
        ("campaign_edit_uses", Command::CampaignEdit { campaign: STOCK, version: 3, terms: plain(uses()) }),
        (
            "campaign_state",
            Command::CampaignState { campaign: STOCK, version: 1, state: CampaignState::Running },
        ),
        ("issue", Command::Issue(issue)),
        (
            "issue_bearer_times",
            Command::Issue(Issue {
                owner: UserId(0),
                count: 1_000_000,
                from_ms: NOW_MS,
                until_ms: NOW_MS + 86_400_000,
                ..issue
            }),
        ),
        ("issue_parties", Command::Issue(Issue { parties, ..issue })),
        ("claim", Command::Issue(Issue { count: 1, claimed: true, ..issue })),
        ("claim_parties", Command::Issue(Issue { count: 1, claimed: true, parties, ..issue })),
        ("redeem", Command::Redeem(redeem)),
        (
            "redeem_generation_parties",
            Command::Redeem(Redeem { generation: Some(1), units: 3, parties, ..redeem }),
        ),
        ("reverse", Command::Reverse { redemption: HOLD, units: 0 }),
        ("reverse_some", Command::Reverse { redemption: HOLD, units: 2 }),
        ("card_activate", change(CardChange::Activate)),
        ("card_freeze", change(CardChange::Freeze)),
        ("card_unfreeze", change(CardChange::Unfreeze)),
        ("card_void", change(CardChange::Void)),
        ("card_extend", change(CardChange::Extend { until_ms: NOW_MS + 86_400_000 })),
        ("campaign_show", Command::CampaignShow { campaign: STOCK }),
        ("card_show", Command::CardShow { card: CARD, generation: None }),
        ("card_show_generation", Command::CardShow { card: CARD, generation: Some(31) }),
        (
            "wallet_show",
            Command::WalletShow { owner: UserId(0x0b), campaign: None, after: None, usable: false, limit: 0 },
        ),
        (
            "wallet_show_on",
            Command::WalletShow {
                owner: UserId(0x0b),
                campaign: Some(STOCK),
                after: Some(CARD),
                usable: false,
                limit: 20,
            },
        ),
        ("quote_wallet", Command::Quote(quote)),
        ("quote_cards", Command::Quote(Quote { best: true, cards, ..quote })),
        (
            "campaign_edit_stacking",
            Command::CampaignEdit { campaign: STOCK, version: 4, terms: plain(stacked()) },
        ),
        (
            "campaign_create_stored_value",
            Command::CampaignCreate(CampaignCreate { definition: plain(stored_value()), ..create }),
        ),
        (
            "campaign_create_points",
            Command::CampaignCreate(CampaignCreate { definition: plain(points()), ..create }),
        ),
        ("campaign_create_pass", Command::CampaignCreate(CampaignCreate { definition: pass(), ..create })),
        ("topup", account(AccountWish::TopUp { principal: 10_000, bonus: 500, paid: 10_000, until_ms: 0 })),
        (
            "topup_until",
            account(AccountWish::TopUp { principal: 0, bonus: 500, paid: 0, until_ms: NOW_MS + 86_400_000 }),
        ),
        ("earn", account(AccountWish::Earn { units: 3 })),
        ("card_refund", account(AccountWish::Refund)),
        ("renew", account(AccountWish::Renew { seconds: 31_536_000 })),
        ("level", account(AccountWish::Level { level: 2 })),
        (
            "level_generation",
            Command::Account { card: CARD, generation: Some(1), wish: AccountWish::Level { level: 1 } },
        ),
        ("gift", gift(None, GiftWish::Give { user: UserId(0xabcd), to: UserId(0), lasts_s: 86_400 })),
        (
            "gift_generation",
            gift(Some(2), GiftWish::Give { user: UserId(0), to: UserId(0xabcd), lasts_s: 1 }),
        ),
        ("accept_gift", gift(None, GiftWish::Accept { user: UserId(0xabcd) })),
        ("cancel_gift", gift(None, GiftWish::Cancel { user: UserId(0) })),
        ("code_import", Command::CodeImport { campaign: STOCK, codes: codes() }),
        ("campaign_void", Command::CampaignVoid { campaign: STOCK, version: 3, reason: 7 }),
        ("card_batch_void", batch_end(None, BatchEnd::Void { reason: 7 })),
        ("card_batch_void_generation", batch_end(Some(2), BatchEnd::Void { reason: 0 })),
        ("card_batch_recycle", batch_end(None, BatchEnd::Recycle)),
        ("recycle", recycle(None, RecycleInto::Supply)),
        ("recycle_generation", recycle(Some(3), RecycleInto::Supply)),
        ("recycle_points", recycle(None, RecycleInto::Points { card: CardId(CARD.0 + 9), units: 500 })),
        ("recycle_campaign", recycle(None, RecycleInto::Campaign(STOCK))),
        ("merge", Command::Merge(Merge { into: CARD, generation: None, from: merged() })),
        ("merge_generation", Command::Merge(Merge { into: CARD, generation: Some(1), from: &merged()[1..] })),
    ]
}

fn account(wish: AccountWish) -> Command<'static> {
    Command::Account { card: CARD, generation: None, wish }
}

fn gift(generation: Option<u8>, wish: GiftWish) -> Command<'static> {
    Command::Gift { card: CARD, generation, wish }
}

/// Codes that were made elsewhere.
fn codes() -> CodeBlock<'static> {
    CodeBlock::Plain { count: 2, bytes: b"\x06\x00\x07\x00AB-123AB-1234" }
}

fn recycle(generation: Option<u8>, into: RecycleInto) -> Command<'static> {
    Command::Recycle { card: CARD, generation, into }
}

/// Two cards, by id and by code.
fn merged() -> &'static [QuoteCard] {
    leak(&[QuoteCard::new(CardId(CARD.0 + 1), None), QuoteCard::new(CardId(CARD.0 + 2), Some(2))])
}

fn batch_end(generation: Option<u8>, end: BatchEnd) -> Command<'static> {
    Command::CardBatchEnd { card: CARD, generation, end }
}

/// Lots of a card.
fn lots() -> &'static [LotView] {
    let lot = LotView {
        until_ms: U64::new(NOW_MS + 86_400_000),
        units: U32::new(10_000),
        available: U32::new(4_000),
        consumed: U32::new(6_000),
        paid: U32::new(9_500),
        live: 1,
        ..LotView::default()
    };
    leak(&[lot, LotView { until_ms: U64::ZERO, paid: U32::ZERO, bonus: 1, ..lot }])
}

/// The same, with a code in place of the card's id.
pub fn commands_by_code() -> Vec<CommandSample> {
    let named = commands().into_iter().filter_map(|(name, command)| match command {
        Command::Redeem(redeem) if redeem.generation.is_none() => {
            Some(("redeem_by_code", Command::Redeem(Redeem { card: CARD_BY_CODE, ..redeem })))
        }
        Command::CardChange { generation, change: CardChange::Void, .. } => Some((
            "card_void_by_code",
            Command::CardChange { card: CARD_BY_CODE, generation, change: CardChange::Void },
        )),
        Command::Account { generation: None, wish, .. } if name == "topup" => {
            Some(("topup_by_code", Command::Account { card: CARD_BY_CODE, generation: None, wish }))
        }
        Command::CardShow { generation: None, .. } if name == "card_show" => {
            Some(("card_show_by_code", Command::CardShow { card: CARD_BY_CODE, generation: None }))
        }
        _ => None,
    });
    let by_code = Issue { owner: UserId(0x0b), claimed: true, ..Issue::of_nobody(CAMPAIGN_BY_CODE) };
    let code = GivenCode::REFUSED;
    let given = [
        ("claim_by_code", Command::Issue(by_code)),
        ("code_set", Command::CodeSet { code, campaign: Some(STOCK) }),
        ("code_unset", Command::CodeSet { code, campaign: None }),
        ("code_show", Command::CodeShow { code }),
    ];
    let named = named.chain(given);
    let extras = Extras { code: CodeText::new(CODE), ..Extras::NONE };
    let operation =
        |index: usize| scrip_engine::ids::OperationId(OPERATION.0 + 0x1000 + 0x10 * index as u128);
    named
        .enumerate()
        .map(|(index, (name, command))| {
            let envelope = scrip_engine::command::Envelope { operation: operation(index), ..envelope() };
            (name, Request { envelope, command }, extras)
        })
        .collect()
}

fn views() -> [CampaignView<'static>; 2] {
    let terms = tiered();
    let view = CampaignView {
        campaign: STOCK,
        version: 4,
        state: CampaignState::Running,
        layout: 1,
        locator: CARD.locator(),
        issued: 43,
        cost: 3_000,
        committed: 129_000,
        today: 7,
        batches: 1,
        key: leak(&[0x5a; 60]),
        definition: terms.definition,
        extension: terms.extension,
        tiers: terms.tiers,
        scope: terms.scope,
    };
    let draft = CampaignView {
        state: CampaignState::Draft,
        issued: 0,
        cost: 0,
        committed: 0,
        today: 0,
        batches: 0,
        definition: plain(uses()).definition,
        tiers: &[],
        scope: &[],
        ..view
    };
    [view, draft]
}

/// A card that takes 10.00 off.
pub fn ten_off() -> QuotedCard {
    QuotedCard {
        card: U64::new(CARD.0),
        campaign: U64::new(STOCK.0),
        discount: U64::new(1_000),
        units: U32::new(1),
        outcome: CardOutcome::Used as u8,
        turn: 1,
        ..QuotedCard::default()
    }
}

/// 10.00 off two lines; a second card would need more.
fn quoted() -> QuoteView<'static> {
    let line = |gross, discount| {
        let [gross, discount] = [gross, discount].map(U64::new);
        QuotedLine { gross, discount, paid: U64::ZERO }
    };
    let used = ten_off();
    let refused = QuotedCard {
        card: U64::new(CARD.0 + 1),
        discount: U64::ZERO,
        fact: U64::new(9_000),
        threshold: U64::new(10_000),
        units: U32::ZERO,
        code: U16::new(Code::RuleFailed as u16),
        outcome: CardOutcome::Refused as u8,
        turn: 0,
        ..used
    };
    QuoteView {
        gross: 10_000,
        discount: 1_000,
        paid: 0,
        exact: true,
        cards: leak(&[used, refused]),
        lines: leak(&[line(6_000, 600), line(4_000, 400)]),
        shares: leak(&[U64::new(600), U64::new(400), U64::ZERO, U64::ZERO]),
    }
}

pub fn answers() -> Vec<(&'static str, Answer<'static>)> {
    let card = CardView {
        card: CARD,
        campaign: STOCK,
        owner: UserId(0x0b),
        state: CardState::Active,
        generation: 1,
        channel: ChannelId(3),
        level: 0,
        available: 7,
        expired: 0,
        held: 3,
        consumed: 3,
        void: 0,
        from_ms: NOW_MS,
        until_ms: NOW_MS + 86_400_000,
        redemption: HOLD,
    };
    let in_wallet = WalletCard {
        card: U64::new(CARD.0),
        campaign: U64::new(STOCK.0),
        from_ms: U64::new(NOW_MS),
        until_ms: U64::ZERO,
        available: U32::new(1),
        consumed: U32::ZERO,
        void: U32::ZERO,
        channel: U16::new(3),
        state: CardState::Active as u8,
        generation: 0,
    };
    let issued = Issued {
        first: CARD,
        cards: 2,
        state: CardState::Active,
        from_ms: NOW_MS,
        until_ms: NOW_MS + 86_400_000,
    };
    let redeemed = Redeemed { card: CARD, units: 1, available: 0, discount: 500, at_ms: NOW_MS };
    let redemption = RedemptionView {
        card: CARD,
        units: 3,
        reversed: 1,
        order: OrderId(0x0a),
        discount: 500,
        at_ms: NOW_MS,
        flagged: true,
    };
    let [running, draft] = views();
    let wallet = leak(&[in_wallet, WalletCard { state: CardState::Void as u8, ..in_wallet }]);
    vec![
        ("issued", Answer::Issued(issued)),
        (
            "issued_inactive",
            Answer::Issued(Issued {
                cards: 1_000_000,
                state: CardState::Inactive,
                from_ms: 0,
                until_ms: 0,
                ..issued
            }),
        ),
        ("redeemed", Answer::Redeemed(redeemed)),
        ("reversed", Answer::Reversed { units: 1, available: 8 }),
        ("campaign", Answer::Campaign(running)),
        ("campaign_draft", Answer::Campaign(draft)),
        ("card", Answer::Card(card, &[])),
        ("card_lots", Answer::Card(CardView { level: 2, expired: 7, ..card }, lots())),
        ("filled", Answer::Filled { units: 10_500, available: 14_500 }),
        ("card_refunded", Answer::CardRefunded { units: 4_000, paid: 3_800 }),
        ("given_code_of_card", Answer::GivenCode { campaign: STOCK, card: Some(CARD) }),
        ("given_code_of_campaign", Answer::GivenCode { campaign: STOCK, card: None }),
        ("wallet", Answer::Wallet { next: Some(CARD), cards: wallet }),
        ("no_wallet", Answer::Wallet { next: None, cards: &[] }),
        ("redemption", Answer::Redemption(redemption)),
        (
            "operation_of_cards",
            Answer::Operation(OperationView { kind: OperationKind::Claim, value: CARD.0 }),
        ),
    ]
}

/// Answers of QUOTE.
pub fn quotes() -> Vec<(&'static str, Answer<'static>)> {
    vec![
        ("quote", Answer::Quote(quoted())),
        (
            "quote_without_cards",
            Answer::Quote(QuoteView { discount: 0, exact: false, cards: &[], shares: &[], ..quoted() }),
        ),
    ]
}

/// What only cards are refused with.
pub fn rejections() -> [(&'static str, Code, Facts<'static>); 2] {
    let units = Facts::Units { stock: STOCK, asked: 2, available: 1 };
    [
        ("not_started_time", Code::NotStarted, Facts::Time(NOW_MS)),
        ("balance_exceeded_units", Code::BalanceExceeded, units),
    ]
}

/// What of a wallet can be used.
pub fn usable_wallet() -> CommandSample {
    let envelope = Envelope { operation: OperationId(0), created_ms: 0, ..envelope() };
    let command =
        Command::WalletShow { owner: UserId(0x0b), campaign: None, after: None, usable: true, limit: 0 };
    ("wallet_show_usable", Request { envelope, command }, Extras::NONE)
}

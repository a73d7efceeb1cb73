//! Every event survives its own encoding, and no cut of it decodes.

mod facts;
mod notices;
mod sharing;

use super::*;
use crate::command::{Block, PriceKind, ScopeEntry, Tier};
use crate::limits::{
    CAMPAIGN_KEY_BYTES_MAX, EVENT_BYTES_MAX, FACTS_BYTES_MAX, FACTS_ROOM_BYTES, GROUP_MEMBERS_MAX,
    KEY_BLOCK_BYTES_MAX, SCOPE_MAX, SEAL_BYTES, TIERS_MAX, TRANSITIONS_MAX,
};
use zerocopy::little_endian::I16;

/// Cards of a MERGE.
static MERGED: [MergedCard; 2] = [
    MergedCard { card: U64::new(1), units: U32::new(5), lost: U32::new(0) },
    MergedCard { card: U64::new(2), units: U32::new(0), lost: U32::new(7) },
];

fn origin() -> Origin {
    Origin {
        merchant: MerchantId(7),
        slot: Slot(1023),
        channel: ChannelId(5),
        operation: OperationId(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        created_ms: 1_700_000_000_001,
        content: 0x1122_3344_5566_7788,
    }
}

const CARDS: [EventCard; 2] = [EventCard {
    card: U64::new(1 << 60),
    amount: U64::new(5_000),
    discount: U64::new(300),
    units: U32::new(2),
    spare: U32::ZERO,
}; 2];

const CART: [EventCartLine; 20] =
    [EventCartLine { unit_price: U64::new(3_000), quantity: U32::new(2), place: 1, spare: [0; 3] }; 20];

const SHARES: [EventShare; 400] = [EventShare {
    card: U64::new(1 << 60),
    amount: U64::new(300),
    line: 19,
    place: 2,
    pays: 1,
    spare: [0; 5],
}; 400];

fn every_event<'a>(
    lines: &'a [EventLine],
    refused: &'a [RefusedLine],
    owed: &'a [OwedLine],
    holds: &'a [EventHold],
    quotas: &'a [Quota],
    keys: &'a [EventKey],
) -> Vec<Event<'a>> {
    let terms = StockTerms { opens_ms: 1, closes_ms: 2, limit_per_user: 3, frozen: true };
    let buyer = Buyer { order: OrderId(11), user: UserId(12) };
    let nobody = Buyer { order: OrderId(0), user: UserId(0) };
    let (origin, hold, stock) = (origin(), OperationId(99), StockId(77));
    let replaces = OperationId(98);
    let (batch, change) = (u32::MAX, BatchChange::Void);
    let sealed: &[u8] = if keys.len() == 1 { &[1, 2, 3] } else { &[9; KEY_BLOCK_BYTES_MAX + SEAL_BYTES] };
    let rule = RiskRule {
        number: U16::new(3),
        channel: U16::new(4),
        subject: 1,
        action: 2,
        spare: U16::ZERO,
        at_most: U32::new(5),
        window_ms: U32::new(60_000),
    };
    let block =
        Block { subject: U128::new(u128::MAX), until_ms: U64::new(7), kind: 2, action: 1, spare: [0; 6] };
    let many = if keys.len() == 1 { 1 } else { TRANSITIONS_MAX };
    vec![
        Event::Tick { now_ms: 5 },
        Event::Configured { rules: Rules::default() },
        Event::FloorRaised { floor_ms: 7_000 },
        Event::Expired { holds },
        Event::StockCreated {
            origin,
            stock,
            units: 10,
            kind: StockKind::Keys,
            once_per_order: true,
            terms,
            name: "礼品卡 1".as_bytes(),
        },
        Event::StockCreated {
            origin,
            stock,
            units: 0,
            kind: StockKind::RandomKeys { seed: u64::MAX },
            once_per_order: false,
            terms,
            name: b"card",
        },
        Event::StockCreated {
            origin,
            stock,
            units: 9,
            kind: StockKind::Reusable,
            once_per_order: true,
            terms,
            name: b"link",
        },
        Event::StockMoved {
            origin,
            kind: OperationKind::StockVoid,
            from_frozen: true,
            forced: true,
            stock,
            units: 4,
        },
        Event::StockEdited { origin, stock, terms },
        Event::Taken {
            origin,
            buyer,
            sold: false,
            hidden: false,
            ttl_ms: 900,
            replaces,
            parties: None,
            flagged: false,
            lines,
            prices: &[],
            cards: &[],
            quote: EventQuote::NONE,
            sales: &[],
        },
        Event::Taken {
            origin,
            buyer: nobody,
            sold: true,
            hidden: true,
            ttl_ms: 0,
            replaces: OperationId(0),
            parties: Some(Parties::new(u128::MAX, 2, 3)),
            flagged: true,
            lines,
            prices: &AMOUNTS[..lines.len()],
            cards: &[],
            quote: EventQuote::NONE,
            sales: &[],
        },
        Event::Taken {
            origin,
            buyer,
            sold: false,
            hidden: false,
            ttl_ms: 900,
            replaces,
            parties: None,
            flagged: false,
            lines,
            prices: &AMOUNTS[..lines.len()],
            cards: &CARDS,
            quote: EventQuote::NONE,
            sales: &[],
        },
        Event::Taken {
            origin,
            buyer,
            sold: false,
            hidden: false,
            ttl_ms: 900,
            replaces: OperationId(0),
            parties: None,
            flagged: false,
            lines: &lines[..1],
            prices: &[],
            cards: &CARDS,
            quote: EventQuote { exact: true, lines: &CART, shares: &SHARES },
            sales: &[],
        },
        Event::Taken {
            origin,
            buyer,
            sold: true,
            hidden: false,
            ttl_ms: 0,
            replaces,
            parties: None,
            flagged: false,
            lines: &lines[..1],
            prices: &AMOUNTS[..1],
            cards: &CARDS,
            quote: EventQuote::NONE,
            sales: &SALES,
        },
        Event::SellRefused { origin, buyer, code: Code::OutOfStock, lines: refused },
        Event::Owed {
            origin,
            buyer,
            hidden: true,
            until_ms: 9,
            code: Code::ChannelQuota,
            replaces,
            parties: Some(Parties::new(1, 2, 3)),
            flagged: true,
            lines: owed,
            prices: &AMOUNTS[..owed.len()],
        },
        Event::Settled { holds: &holds[..holds.len().min(DEBTS_PER_EVENT_MAX)], keys: &[] },
        Event::Settled { holds: &holds[..1], keys: &AMOUNTS[..1] },
        Event::Settled {
            holds: &holds[..holds.len().min(DEBTS_PER_EVENT_MAX)],
            keys: &AMOUNTS[..holds.len().min(DEBTS_PER_EVENT_MAX)],
        },
        Event::Unfulfilled { holds: &holds[..1], keys: &[] },
        Event::Unfulfilled { holds: &holds[..1], keys: &AMOUNTS[..1] },
        Event::Confirmed { hold: origin.key(), late: true, hidden: true, lines, sales: &[] },
        Event::Confirmed { hold: origin.key(), late: false, hidden: true, lines, sales: &SALES },
        Event::ConfirmOwed { hold: origin.key(), hidden: true, until_ms: 9, lines: refused },
        Event::LateRefused { hold: origin.key(), lines: refused },
        Event::Released { hold: origin.key() },
        Event::Cancelled { hold: origin.key() },
        Event::Tombstone { origin },
        Event::Extended { origin, hold, deadline_ms: 8 },
        Event::Returned { origin, hold, to_available: true, lines, cart: EventPieces::NONE, ended: &[] },
        Event::Returned {
            origin,
            hold,
            to_available: false,
            lines,
            cart: EventPieces::NONE,
            ended: &ENDED[..1],
        },
        Event::Returned {
            origin,
            hold,
            to_available: true,
            lines,
            cart: EventPieces { amount: 7, pieces: &AMOUNTS[..1] },
            ended: &ENDED,
        },
        Event::Returned {
            origin,
            hold,
            to_available: false,
            lines,
            cart: EventPieces { amount: u64::MAX, pieces: &AMOUNTS[..2] },
            ended: &[],
        },
        Event::StockQuotaSet { origin, stock, quotas },
        Event::GuaranteeLapsed { stock, channel: ChannelId(9) },
        Event::BatchCreated { origin, stock, batch, cost: 5, expires_ms: 6, supplier: "批发 A".as_bytes() },
        Event::BatchChanged { origin, stock, batch, change, forced: true },
        Event::BatchExpired { stock, batch },
        Event::KeysImported { origin, stock, batch, keys, sealed },
        Event::KeysImported { origin, stock, batch, keys: &[], sealed: &[] },
        Event::Revealed { origin, hold },
        Event::KeyReplaced { origin, hold, key: u32::MAX, reason: u16::MAX },
        Event::StockLimitsSet { origin, stock, limits: Limits::default(), spans: None },
        Event::StockLimitsSet { origin, stock, limits: Limits::default(), spans: Some(SPANS) },
        Event::StockPriced { origin, stock, prices: &PRICES[..lines.len()] },
        Event::StockPriced { origin, stock, prices: &[] },
        Event::Risk(RiskEvent::RuleSet { origin, rule }),
        Event::Risk(RiskEvent::BlockSet { origin, block }),
        Event::ZoneSet { origin, name: "Europe/Bérlin".as_bytes(), transitions: &transitions()[..many] },
        Event::Person(PersonEvent::Linked {
            origin,
            user: UserId(7),
            to: UserId(u128::MAX),
            reason: u16::MAX,
        }),
        Event::Person(PersonEvent::Unlinked { origin, user: UserId(7), reason: 1 }),
        Event::Person(PersonEvent::Labelled { origin, user: UserId(7), key: u32::MAX, sealed: b"sealed" }),
        Event::Person(PersonEvent::Erased { origin, user: UserId(7), reason: u16::MAX }),
        Event::ReplaceOwed { origin, hold, key: 7, reason: 8, until_ms: 9, code: Code::OutOfStock },
        Event::ReplaceOwed { origin, hold, key: 7, reason: 8, until_ms: 9, code: Code::ChannelQuota },
        Event::KeyReclaimed { origin, hold, key: u32::MAX, reason: u16::MAX },
        Event::KeysExported { origin, stock, batch: None },
        Event::Campaign(CampaignEvent::Created {
            origin,
            campaign: stock,
            units: 1 << 33,
            layout: 2,
            terms,
            name: "满减券".as_bytes(),
            key: &[7; CAMPAIGN_KEY_BYTES_MAX],
            definition: CampaignTerms {
                definition: &DEFINITION,
                extension: EXTENSION,
                tiers: &TIERS,
                scope: &SCOPE,
            },
        }),
        Event::Campaign(CampaignEvent::Edited {
            origin,
            campaign: stock,
            definition: CampaignTerms {
                definition: &DEFINITION,
                extension: Extension::default(),
                tiers: &[],
                scope: &SCOPE[..1],
            },
        }),
        Event::Campaign(CampaignEvent::Moved { origin, campaign: stock, state: CampaignState::Stopped }),
        issued(origin),
        Event::Issued {
            origin,
            campaign: stock,
            owner: UserId(0),
            first: CardId(7),
            count: BEARER_CARDS_MAX,
            claimed: false,
            own_times: true,
            flagged: false,
            from_s: 0,
            until_s: 0,
            counting: 0,
            parties: None,
            referral: None,
        },
        Event::Redeemed {
            origin,
            card: CardId(1 << 57),
            units: u32::MAX,
            buyer,
            parties: Some(Parties::new(1, 2, 3)),
            flagged: true,
            amount: u64::MAX,
            discount: 5,
            offline: None,
        },
        Event::Redeemed {
            origin,
            card: CardId(1),
            units: 1,
            buyer: nobody,
            parties: None,
            flagged: false,
            amount: 0,
            discount: 0,
            offline: None,
        },
        Event::OfflineConflict {
            origin,
            card: CardId(9),
            units: u32::MAX,
            buyer: nobody,
            amount: 5,
            offline: Offline::new(u64::MAX, u64::MAX),
            why: Code::Used,
        },
        Event::Reversed { origin, redemption: hold, units: 3, until_s: u32::MAX },
        Event::Account {
            origin,
            card: CardId(9),
            entry: AccountEntry::ToppedUp { principal: 1, bonus: 2, paid: 3, until_s: 4 },
        },
        Event::Account {
            origin,
            card: CardId(9),
            entry: AccountEntry::Earned { units: 1, until_s: u32::MAX },
        },
        Event::Account {
            origin,
            card: CardId(9),
            entry: AccountEntry::Refunded { units: 1, voided: 2, paid: u64::MAX },
        },
        Event::Account { origin, card: CardId(9), entry: AccountEntry::Renewed { until_s: 5 } },
        Event::Account { origin, card: CardId(9), entry: AccountEntry::Levelled { level: 8 } },
        Event::Gift {
            origin,
            card: CardId(9),
            entry: GiftEntry::Given { receiver: UserId(0), deadline_ms: 1 },
        },
        Event::Gift {
            origin,
            card: CardId(9),
            entry: GiftEntry::Given { receiver: UserId(u128::MAX), deadline_ms: u64::MAX },
        },
        Event::Gift { origin, card: CardId(9), entry: GiftEntry::Accepted { receiver: UserId(1) } },
        Event::Gift { origin, card: CardId(9), entry: GiftEntry::Cancelled },
        Event::Campaign(CampaignEvent::Voided { origin, campaign: stock, reason: u16::MAX, cards: 1 << 33 }),
        Event::CardBatchEnded {
            origin,
            campaign: stock,
            first: CardId(9),
            end: BatchEnd::Void { reason: 7 },
            cards: 1 << 27,
        },
        Event::CardBatchEnded { origin, campaign: stock, first: CardId(9), end: BatchEnd::Recycle, cards: 0 },
        Event::Recycled { origin, card: CardId(9), given: RecycledFor::Supply },
        Event::Recycled {
            origin,
            card: CardId(9),
            given: RecycledFor::Points { card: CardId(10), units: 1_000_000_000, until_s: 7 },
        },
        Event::Recycled {
            origin,
            card: CardId(9),
            given: RecycledFor::Card { campaign: stock, made: CardId(11), from_s: 1, until_s: u32::MAX },
        },
        Event::Merged { origin, into: CardId(9), sources: &MERGED },
        Event::CardChanged { origin, card: CardId(9), change: CardChange::Void, from_s: 1, until_s: 2 },
        Event::CardChanged {
            origin,
            card: CardId(9),
            change: CardChange::Extend { until_ms: 2_000 },
            from_s: 1,
            until_s: 2,
        },
        Event::KeysExported { origin, stock, batch: Some(batch) },
    ]
}

/// As many as a zone can have.
fn transitions() -> &'static [Transition] {
    static ALL: std::sync::LazyLock<Vec<Transition>> = std::sync::LazyLock::new(|| {
        (0..TRANSITIONS_MAX as u64).map(|n| Transition::new(n * 7, n as i16 - 128)).collect()
    });
    &ALL
}

const MEMBERS_PRICE: Price = Price::new(ChannelId(9), PriceKind::Member, u32::MAX);
static PRICES: [Price; PRICES_PER_STOCK_MAX] = [MEMBERS_PRICE; PRICES_PER_STOCK_MAX];
static AMOUNTS: [U32; LINES_MAX] = [U32::new(u32::MAX); LINES_MAX];

const ENDED: [U64; 2] = [U64::new(u64::MAX), U64::new(1)];
const SALES: [EventSale; 1] = [EventSale {
    first: U64::new(1 << 34),
    count: U32::new(3),
    from_s: U32::new(4),
    until_s: U32::new(5),
    line: 0,
    spare: [0; 3],
}];
const SPANS: SpanLimits = SpanLimits { per_week: [U32::new(1); 4], per_month: [U32::new(u32::MAX); 4] };
const EXTENSION: Extension = Extension {
    group: U64::new(u64::MAX),
    late_s: U32::new(600),
    remind_minutes: [U16::new(43_200), U16::new(60)],
};

static DEFINITION: Definition = Definition {
    kind: 1,
    flags: Definition::FLAGS,
    class: 3,
    spare: 0,
    units: U32::new(1),
    threshold: U64::new(u64::MAX),
    value: U64::new(2),
    cap: U64::new(3),
    from_ms: U64::new(4),
    until_ms: U64::new(5),
    starts_after_s: U32::new(6),
    lasts_s: U32::new(7),
    interval_s: U32::new(8),
    window_s: U32::new(9),
    grace_s: U32::new(u32::MAX),
    combines: U32::new(6),
    earned_lasts_s: U32::new(7),
    currency: *b"CNY",
    spending: 2,
    cost: U64::new(8),
    budget: U64::new(u64::MAX),
    budget_per_day: U64::new(10),
    cards_per_day: U64::new(11),
    opens_minute: U16::new(1_320),
    closes_minute: U16::new(120),
    clock_minutes: I16::new(i16::MIN),
    weekdays: 96,
    spare_end: 0,
};
static TIERS: [Tier; TIERS_MAX] = [Tier::new(u64::MAX, 1); TIERS_MAX];
static SCOPE: [ScopeEntry; SCOPE_MAX] = [ScopeEntry::new(ScopeEntry::PRODUCT, u64::MAX); SCOPE_MAX];

/// All that can become of a group, a large one and a small one.
fn of_groups(origin: Origin) -> Vec<Event<'static>> {
    let group = OperationId(5);
    let told = GroupMember {
        user: UserId(u128::MAX),
        parties: Some(Parties::new(1, 2, 3)),
        counting: 31,
        flagged: true,
    };
    let member = GroupMember { user: UserId(1), parties: None, counting: 0, flagged: false };
    let (campaign, first) = (StockId(77), CardId(7));
    static OWNERS: [EventMember; GROUP_MEMBERS_MAX] =
        [EventMember { user: U128::new(9), channel: U16::new(3), spare: [0; 6] }; GROUP_MEMBERS_MAX];
    let filled = |member, owners| GroupEvent::Filled {
        origin,
        group,
        member,
        campaign,
        first,
        from_s: 1,
        until_s: u32::MAX,
        owners,
    };
    let events = [
        GroupEvent::Opened { origin, campaign, size: 100, deadline_ms: u64::MAX, member: told },
        GroupEvent::Opened { origin, campaign, size: 2, deadline_ms: 1, member },
        GroupEvent::Joined { origin, group, member: told },
        GroupEvent::Joined { origin, group, member },
        GroupEvent::Left { origin, group, user: UserId(1) },
        filled(told, &OWNERS),
        filled(member, &OWNERS[..2]),
        GroupEvent::Lapsed { group: origin.key() },
    ];
    events.map(Event::Group).into()
}

fn issued(origin: Origin) -> Event<'static> {
    Event::Issued {
        origin,
        campaign: StockId(77),
        owner: UserId(u128::MAX),
        first: CardId(7),
        count: CARDS_PER_ISSUE_MAX as u32,
        claimed: true,
        own_times: false,
        flagged: true,
        from_s: 1,
        until_s: u32::MAX,
        counting: 31,
        parties: Some(Parties::new(u128::MAX, 4, 5)),
        referral: Some(Referral::new(ActivityId(7), UserId(u128::MAX))),
    }
}

#[test]
fn events_survive_their_encoding_and_no_cut_decodes() {
    let lines: Vec<EventLine> =
        (1..=LINES_MAX as u64).map(|n| EventLine::new(StockId(n), n as u32, n as u32 % 32)).collect();
    let refused: Vec<RefusedLine> =
        lines.iter().map(|line| RefusedLine::new(line.stock(), 3, Some(Code::UserLimit), 1 << 40)).collect();
    let lack = |n: u32| n.is_multiple_of(2).then_some((Code::OutOfStock, 1 << 40));
    let owed: Vec<OwedLine> = (1..=LINES_MAX as u32)
        .map(|n| OwedLine::new(StockId(7), n, lack(n)).counting_as(&lines[0]))
        .collect();
    let holds = vec![EventHold::new(origin().key()); EXPIRED_PER_EVENT_MAX];
    let quotas: Vec<Quota> =
        (0..CHANNELS_PER_STOCK_MAX as u16).map(|n| Quota::new(ChannelId(n), 1, 2, 3)).collect();
    let key = |position| EventKey { fingerprint: U128::new(u128::MAX / 3), position, spare: [0; 7] };
    let keys: Vec<EventKey> = (0..KEYS_PER_CHUNK_MAX as u8).map(key).collect();
    for event in every_event(&lines[..1], &refused[..1], &owed[..1], &holds[..1], &quotas[..1], &keys[..1])
        .into_iter()
        .chain(of_groups(origin()))
        .chain(sharing::of_sharing(origin()))
        .chain(notices::of_notices())
        .chain(every_event(&lines, &refused, &owed, &holds, &quotas, &keys))
    {
        let mut out = vec![0xee; EVENT_BYTES_MAX];
        let size = event.encode(&mut out);
        assert!(size.is_multiple_of(8) && size <= EVENT_BYTES_MAX);
        assert_eq!(Event::decode(&out), Ok((event, size)));
        for cut in 0..size {
            assert!(Event::decode(&out[..cut]).is_err(), "{event:?} cut at {cut}");
        }
    }
}

#[test]
fn a_one_line_reserve_takes_88_bytes() {
    let lines = [EventLine::new(StockId(1), 1, EventLine::COUNTED)];
    let buyer = Buyer { order: OrderId(0), user: UserId(1) };
    let event = Event::Taken {
        origin: origin(),
        buyer,
        sold: false,
        hidden: false,
        ttl_ms: 1,
        replaces: OperationId(0),
        parties: None,
        flagged: false,
        lines: &lines,
        prices: &[],
        cards: &[],
        quote: EventQuote::NONE,
        sales: &[],
    };
    assert_eq!(event.encode(&mut [0; EVENT_BYTES_MAX]), 88);
}

//! Parts of commands and answers on cards, at random. They stand apart so that what is made of them stays in one view.

use proptest::prelude::*;
use scrip_engine::answer::{CardOutcome, HoldCard, QuotedCard, QuotedLine, WalletCard};
use scrip_engine::command::{
    CampaignKind, CardLine, CartLine, Definition, QuoteCard, ScopeEntry, StockedLine, Tier,
};
use scrip_engine::ids::{CardId, StockId};
use scrip_engine::limits::{
    CARD_UNITS_MAX, CARD_VALUE_MAX, POINT_VALUE_MAX, QUOTE_CARDS_MAX, QUOTE_LINES_MAX, SCOPE_MAX, STAMPS_MAX,
    TIERS_MAX,
};
use scrip_engine::rejection::Code;
use zerocopy::little_endian::{I16, U16, U32, U64};

/// Ascending in both, the first value at least 1.
pub fn tiers() -> impl Strategy<Value = Vec<Tier>> {
    prop::collection::vec((1..=1_000_000u64, 1..=1_000_000u64), 0..=TIERS_MAX).prop_map(|steps| {
        let mut last = (0, 0);
        let mut next = |(threshold, value): (u64, u64)| {
            last = (last.0 + threshold, last.1 + value);
            Tier::new(last.0, last.1)
        };
        steps.into_iter().map(&mut next).collect()
    })
}

pub fn scope() -> impl Strategy<Value = Vec<ScopeEntry>> {
    let entry = (1..=4u8, 1..=u64::MAX).prop_map(|(what, id)| {
        ScopeEntry::new(what, if what == ScopeEntry::CHANNEL { id & 0xffff } else { id })
    });
    prop::collection::vec(entry, 0..=SCOPE_MAX)
}

pub fn wallet_card() -> impl Strategy<Value = WalletCard> {
    any::<([u64; 4], [u32; 3], u16, [u8; 2])>().prop_map(|(numbers, units, channel, bytes)| WalletCard {
        card: U64::new(numbers[0]),
        campaign: U64::new(numbers[1]),
        from_ms: U64::new(numbers[2]),
        until_ms: U64::new(numbers[3]),
        available: U32::new(units[0]),
        consumed: U32::new(units[1]),
        void: U32::new(units[2]),
        channel: U16::new(channel),
        state: bytes[0] % 5 + 1,
        generation: bytes[1],
    })
}

pub fn card_line() -> impl Strategy<Value = CardLine> {
    (any::<[u64; 5]>(), 1..=CARD_UNITS_MAX, prop::option::of(0..=31u8)).prop_map(
        |(numbers, units, generation)| CardLine {
            store: U64::new(numbers[2]),
            product: U64::new(numbers[3]),
            category: U64::new(numbers[4]),
            generation: generation.unwrap_or(0),
            by_code: u8::from(generation.is_some()),
            ..CardLine::new(CardId(numbers[0]), units, numbers[1])
        },
    )
}

pub fn hold_card() -> impl Strategy<Value = HoldCard> {
    any::<([u64; 2], [u32; 3])>().prop_map(|(numbers, units)| HoldCard {
        card: U64::new(numbers[0]),
        discount: U64::new(numbers[1]),
        reserved: U32::new(units[0]),
        confirmed: U32::new(units[1]),
        returned: U32::new(units[2]),
        spare: U32::ZERO,
    })
}

/// A definition whose fields agree with its kind; `tiered` if it has tiers.
pub fn definition(
    kind: u8,
    numbers: [u64; 5],
    seconds: [u32; 5],
    units: u32,
    flags: u8,
    tiered: bool,
) -> Definition {
    let kind = CampaignKind::from_number(kind).expect("1 to 9 are kinds");
    let amount_off = kind == CampaignKind::AmountOff;
    let stored = kind == CampaignKind::StoredValue;
    let span = kind.units_max() - kind.units_min() + 1;
    let threshold = if tiered { 0 } else { numbers[0] };
    let each = amount_off && !tiered && threshold != 0;
    let value = match kind {
        CampaignKind::AmountOff if tiered => 0,
        CampaignKind::AmountOff => numbers[1].max(1),
        CampaignKind::PercentOff => numbers[1] % 10_000 + 1,
        CampaignKind::FixedPrice => numbers[1],
        CampaignKind::StoredValue => numbers[1] % (u64::from(CARD_VALUE_MAX) + 1),
        CampaignKind::Stamps => numbers[1] % STAMPS_MAX + 1,
        CampaignKind::Points => numbers[1] % POINT_VALUE_MAX + 1,
        CampaignKind::Item | CampaignKind::Uses | CampaignKind::Pass => 0,
    };
    let capped = amount_off || matches!(kind, CampaignKind::PercentOff | CampaignKind::Pass);
    let paced = matches!(kind, CampaignKind::Uses | CampaignKind::Pass);
    Definition {
        kind: kind as u8,
        flags: flags & if each { Definition::FLAGS } else { Definition::INACTIVE | Definition::BEFORE },
        class: (seconds[4] % 32) as u8,
        spare: 0,
        units: U32::new(kind.units_min() + units % span),
        threshold: U64::new(threshold),
        value: U64::new(value),
        cap: U64::new(if capped { numbers[2] } else { 0 }),
        from_ms: U64::new(numbers[3]),
        until_ms: U64::new(if numbers[4] > numbers[3] { numbers[4] } else { 0 }),
        starts_after_s: U32::new(seconds[0]),
        lasts_s: U32::new(seconds[1]),
        interval_s: U32::new(if paced { seconds[2] } else { 0 }),
        window_s: U32::new(seconds[3]),
        grace_s: U32::new(seconds[4]),
        combines: U32::new(seconds[3]),
        earned_lasts_s: U32::new(if kind == CampaignKind::Points { seconds[2] } else { 0 }),
        currency: if stored { *b"CNY" } else { [0; 3] },
        spending: if stored { (units % 3) as u8 } else { 0 },
        cost: U64::new(numbers[2].max(1)),
        budget: U64::new(numbers[3]),
        budget_per_day: U64::new(numbers[4]),
        cards_per_day: U64::new(numbers[1]),
        opens_minute: U16::new((seconds[0] % 1_440) as u16),
        closes_minute: U16::new((seconds[1] % 1_441) as u16),
        clock_minutes: I16::new(if flags & 4 != 0 { i16::MIN } else { (seconds[2] % 1_681) as i16 - 840 }),
        weekdays: flags & 127,
        spare_end: 0,
    }
}

/// Lines that cost no more together than a cart may.
pub fn cart() -> impl Strategy<Value = Vec<CartLine>> {
    let line = (any::<[u64; 2]>(), 0..=1u64 << 24, 1..=1u32 << 24)
        .prop_map(|([product, category], price, pieces)| CartLine::new(product, category, price, pieces));
    prop::collection::vec(line, 1..=QUOTE_LINES_MAX)
}

/// Cards of which none is named twice.
pub fn quote_cards() -> impl Strategy<Value = Vec<QuoteCard>> {
    let named = prop::collection::vec((any::<u32>(), prop::option::of(0..=31u8)), 0..=QUOTE_CARDS_MAX);
    named.prop_map(|named| {
        let card = |(at, (number, generation)): (usize, (u32, Option<u8>))| {
            QuoteCard::new(CardId(u64::from(number) << 8 | at as u64), generation)
        };
        named.into_iter().enumerate().map(card).collect()
    })
}

/// Cards, lines and shares of a quote.
pub fn quoted() -> impl Strategy<Value = (Vec<QuotedCard>, Vec<QuotedLine>, Vec<U64>)> {
    let card = any::<([u64; 5], u32, u8, u8)>().prop_map(|(numbers, units, outcome, turn)| QuotedCard {
        card: U64::new(numbers[0]),
        campaign: U64::new(numbers[1]),
        discount: U64::new(numbers[2]),
        fact: U64::new(numbers[3]),
        threshold: U64::new(numbers[4]),
        units: U32::new(units),
        code: U16::new(if outcome % 5 == 3 { Code::RuleFailed as u16 } else { 0 }),
        outcome: outcome % 5 + 1,
        turn,
    });
    let line = any::<[u64; 3]>().prop_map(|amounts| {
        let [gross, discount, paid] = amounts.map(U64::new);
        QuotedLine { gross, discount, paid }
    });
    let cards = prop::collection::vec(card, 0..=QUOTE_CARDS_MAX);
    (cards, prop::collection::vec(line, 1..=QUOTE_LINES_MAX), any::<u64>()).prop_map(
        |(cards, lines, share)| {
            let shares = vec![U64::new(share); cards.len() * lines.len()];
            (cards, lines, shares)
        },
    )
}

/// The same cart as units of stocks, but for some lines.
pub fn stocked(cart: &[CartLine]) -> Vec<StockedLine> {
    let line = |(at, line): (usize, &CartLine)| {
        // Together they cost no more than a cart that is held may.
        let (price, pieces) = (line.unit_price.get() as u32 % 1_000_000, line.quantity.get() % 200_000);
        let line = CartLine::new(line.product.get(), line.category.get(), u64::from(price), pieces.max(1));
        StockedLine::new(StockId(if at % 3 == 1 { 0 } else { 77 + at as u64 }), line)
    };
    cart.iter().enumerate().map(line).collect()
}

pub fn used(card: QuotedCard) -> QuotedCard {
    let pays = card.outcome == CardOutcome::Pays as u8;
    let outcome = if pays { CardOutcome::Pays } else { CardOutcome::Used } as u8;
    QuotedCard { outcome, code: U16::ZERO, ..card }
}

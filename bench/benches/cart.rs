//! QUOTE through the engine: a cart of 20 lines with the best of a wallet of 20 cards, and with cards that are all given.
//!
//! It stands beside `quote.rs`, which measures the pricing alone: here cards are found, judged and answered, too. Invariant:
//! what was found is said beforehand, on standard error; a quote through the engine stays below 100 us.

use criterion::{Criterion, criterion_group, criterion_main};
use scrip_engine::Engine;
use scrip_engine::answer::{Answer, Outcome};
use scrip_engine::command::{
    CampaignCreate, CampaignKind, CampaignState, CampaignTerms, CartLine, Command, Definition, Envelope,
    Issue, Quote, QuoteCard, Request, ScopeEntry, Segments, StockTerms, Tier,
};
use scrip_engine::event::{Event, EventSink};
use scrip_engine::ids::{CardId, ChannelId, MerchantId, OperationId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW_MS: u64 = 1_800_000_000_000;
const SLOT: Slot = Slot(5);
const BUYER: UserId = UserId(7);
const CARDS: u64 = 20;
const CAPACITY: Capacity = Capacity {
    stocks_max: 1_024,
    holds_max: 1_024,
    extra_lines_max: 1_024,
    operations_max: 16_384,
    user_limits_max: 1_024,
    keys_max: 64,
    sealed_bytes_max: 4_096,
    risk_counts_max: 64,
    order_lines_max: 64,
    debts_max: 64,
    cards_max: 16_384,
    redemptions_max: 1_024,
    lots_max: 4_096,
    gifts_max: 4_096,
    given_codes_max: 4_096,
    groups_max: 4_096,
    links_max: 256,
    labels_max: 256,
    friends_max: 4_096,
    notices_max: 256,
};

struct Nowhere;

impl EventSink for Nowhere {
    fn push(&mut self, _: &Event<'_>) {}
}

struct Shop {
    engine: Engine,
    operations: u128,
}

impl Shop {
    fn new() -> Shop {
        let mut engine = Engine::new(CAPACITY, Rules::default(), 1);
        engine.configure(Rules::default(), &mut Nowhere);
        while engine.advance(NOW_MS, &mut Nowhere) != Some(NOW_MS) {}
        Shop { engine, operations: 0 }
    }

    fn run(&mut self, command: Command<'_>) -> Outcome<'_> {
        self.operations += 1;
        let envelope = Envelope {
            merchant: MerchantId(1),
            slot: SLOT,
            channel: ChannelId(1),
            operation: OperationId(self.operations),
            created_ms: NOW_MS,
            deadline_ms: 0,
            segments: Segments::NONE,
        };
        let request = Request { envelope, command };
        request.check().expect("well formed");
        self.engine.execute(NOW_MS, &request, &mut Nowhere)
    }

    /// A campaign of its own, and a card of it for the buyer.
    fn card(&mut self, number: u64, terms: CampaignTerms<'_>) -> CardId {
        let campaign = StockId::new(SLOT, number);
        let stock = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };
        let create = CampaignCreate {
            campaign,
            name: b"coupon",
            units: 10,
            terms: stock,
            layout: 1,
            key: b"",
            definition: terms,
        };
        self.run(Command::CampaignCreate(create));
        self.run(Command::CampaignState { campaign, version: 1, state: CampaignState::Running });
        let issue = Issue { owner: BUYER, ..Issue::of_nobody(campaign) };
        match self.run(Command::Issue(issue)) {
            Outcome::Done(Answer::Issued(issued)) => issued.first,
            other => panic!("no card: {other:?}"),
        }
    }
}

/// 20 lines of 4 categories, 8.90 to about 140.00 apiece.
fn cart() -> Vec<CartLine> {
    let line =
        |at: u64| CartLine::new(100 + at, 1 + at % 4, 890 + at * at * 37 + at * 11, 1 + (at % 3) as u32);
    (0..20).map(line).collect()
}

/// What a regular has: item, category and shop coupons, of each class one at a time.
fn realistic(shop: &mut Shop) -> Vec<CardId> {
    let tiers = [Tier::new(30_000, 2_500), Tier::new(80_000, 8_000)];
    (1..=CARDS)
        .map(|number| {
            let class = number % 3;
            let (kind, value, threshold) = match class {
                0 => (CampaignKind::Item, 0, 0),
                1 => (CampaignKind::PercentOff, 500 + number * 40, 10_000),
                _ => (CampaignKind::AmountOff, 1_000 + number * 70, 20_000 + number * 3_000),
            };
            let tiered = number % 9 == 2;
            let mut worth = Definition { kind: kind as u8, class: class as u8, ..Definition::default() };
            worth.units.set(1);
            worth.value.set(if tiered { 0 } else { value });
            worth.threshold.set(if tiered { 0 } else { threshold });
            worth.combines.set(7 & !(1 << class));
            let scope = [ScopeEntry::new(ScopeEntry::CATEGORY, 1 + number % 4)];
            let scope = if class == 2 { &[][..] } else { &scope[..] };
            let tiers = if tiered { &tiers[..] } else { &[] };
            shop.card(
                number,
                CampaignTerms { definition: &worth, extension: Default::default(), tiers, scope },
            )
        })
        .collect()
}

/// Cards that all go together and spoil each other's thresholds.
fn nasty(shop: &mut Shop) -> Vec<CardId> {
    let total: u64 = cart().iter().map(|line| line.unit_price.get() * u64::from(line.quantity.get())).sum();
    (1..=CARDS)
        .map(|number| {
            let kind = if number < 9 { CampaignKind::PercentOff } else { CampaignKind::AmountOff };
            let mut worth = Definition { kind: kind as u8, ..Definition::default() };
            worth.units.set(1);
            worth.value.set(if number < 9 { 300 + number * 17 } else { 2_000 + number * 113 });
            worth.threshold.set(total - total / 100 * number);
            worth.combines.set(1);
            shop.card(
                number,
                CampaignTerms { definition: &worth, extension: Default::default(), tiers: &[], scope: &[] },
            )
        })
        .collect()
}

fn quotes(c: &mut Criterion) {
    let lines = cart();
    let mut group = c.benchmark_group("cart");
    for (name, fill) in [("realistic", realistic as fn(&mut Shop) -> Vec<CardId>), ("nasty", nasty)] {
        let mut shop = Shop::new();
        let cards: Vec<QuoteCard> =
            fill(&mut shop).into_iter().map(|card| QuoteCard::new(card, None)).collect();
        let of_wallet = Quote { user: BUYER, store: 0, best: false, lines: &lines, cards: &[] };
        let of_cards = Quote { best: true, cards: &cards, ..of_wallet };
        match shop.run(Command::Quote(of_wallet)) {
            Outcome::Done(Answer::Quote(view)) => eprintln!(
                "{name}: {} off {}, {} cards, exact {}",
                view.discount,
                view.gross,
                view.cards.len(),
                view.exact
            ),
            other => panic!("no quote: {other:?}"),
        }
        for (how, quote) in [("wallet", of_wallet), ("named", of_cards)] {
            group.bench_function(format!("best-{name}-{how}"), |b| {
                b.iter(|| matches!(black_box(shop.run(Command::Quote(quote))), Outcome::Done(_)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, quotes);
criterion_main!(benches);

//! What a quote costs: a cart of 20 lines and 20 cards, of a realistic wallet and of one made to defeat the search; and 40
//! of the latter kind, which a search may not bring to its end.
//!
//! It stands here to hold the promise that `best` is cheap enough to run for every look at a cart. Invariant: every wallet
//! says beforehand, on standard error, what was found, whether that is exact and what work it took.

use criterion::{Criterion, criterion_group, criterion_main};
use scrip_quote::{
    Amount, CampaignId, Cart, CategoryId, Choice, Kind, Line, Offer, Over, Quoter, Scope, Stacking,
    Threshold, Tier, TimeMs,
};
use std::hint::black_box;

const CATEGORIES: [[CategoryId; 2]; 4] = [
    [CategoryId(1), CategoryId(10)],
    [CategoryId(2), CategoryId(10)],
    [CategoryId(3), CategoryId(11)],
    [CategoryId(4), CategoryId(11)],
];

/// 20 lines of 4 categories, 8.90 to about 140.00 apiece, about 1,700.00 in all.
fn lines() -> Vec<Line<'static>> {
    let line = |at: u64| Line {
        categories: &CATEGORIES[at as usize % 4],
        ..Line::new(100 + at, 890 + at * at * 37 + at * 11, 1 + (at % 3) as u32)
    };
    (0..20).map(line).collect()
}

// The classes of the realistic wallet: one card of each at most but gift cards; an item and a category coupon go with a
// shop coupon, shipping and gift cards with everything.
const ITEM: u8 = 0;
const SHOP: u8 = 1;
const CATEGORY: u8 = 2;
const SHIPPING: u8 = 3;
const GIFT: u8 = 4;

fn stacking(class: u8) -> Stacking {
    match class {
        ITEM => Stacking::new(ITEM, &[SHOP, CATEGORY, SHIPPING, GIFT]),
        SHOP => Stacking::new(SHOP, &[ITEM, CATEGORY, SHIPPING, GIFT]),
        CATEGORY => Stacking::new(CATEGORY, &[ITEM, SHOP, SHIPPING, GIFT]),
        SHIPPING => Stacking::new(SHIPPING, &[ITEM, SHOP, CATEGORY, GIFT]),
        _ => Stacking::new(GIFT, &[ITEM, SHOP, CATEGORY, SHIPPING, GIFT]),
    }
}

const TIERS: [Tier; 3] = [
    Tier { threshold: Amount(30_000), value: Amount(2_500) },
    Tier { threshold: Amount(80_000), value: Amount(8_000) },
    Tier { threshold: Amount(150_000), value: Amount(18_000) },
];

/// What a regular of a shop has in the wallet: 20 cards.
fn realistic() -> Vec<Offer<'static>> {
    let mut wallet: Vec<Offer<'static>> = Vec::new();
    let mut add = |class, kind, threshold: u64, scope: Scope<'static>| {
        let card = wallet.len() as u64 + 1;
        wallet.push(Offer {
            // Every fifth card is of the campaign of the card before it.
            campaign: CampaignId(card - u64::from(card.is_multiple_of(5))),
            threshold: Threshold::of(threshold),
            scope,
            expires_ms: TimeMs(1_000_000 + card * 7_919 % 10 * 86_400_000),
            stacking: stacking(class),
            ..Offer::new(card, kind)
        });
    };
    let of = |categories: &'static [CategoryId]| Scope { categories: Choice::only(categories), ..Scope::ALL };
    let off = |off_basis_points, cap| Kind::PercentOff { off_basis_points, cap: Some(Amount(cap)) };
    add(ITEM, Kind::Item { pieces: 1 }, 0, of(&[CategoryId(2)]));
    add(ITEM, Kind::FixedPrice { price: Amount(990), pieces: 1 }, 20_000, of(&[CategoryId(3)]));
    add(SHOP, Kind::amount_off(1_000), 10_000, Scope::ALL);
    add(SHOP, Kind::amount_off(5_000), 50_000, Scope::ALL);
    add(SHOP, Kind::amount_off(5_000), 50_000, Scope::ALL);
    add(SHOP, Kind::amount_off(12_000), 120_000, Scope::ALL);
    add(SHOP, Kind::AmountOff { value: Amount(2_000), repeats_max: 6, cap: None }, 25_000, Scope::ALL);
    add(SHOP, Kind::Tiers(&TIERS), 0, Scope::ALL);
    add(SHOP, off(1_000, 10_000), 0, Scope::ALL);
    add(SHOP, off(1_500, 12_000), 60_000, of(&[CategoryId(10)]));
    add(SHOP, off(800, 30_000), 0, Scope::ALL);
    add(CATEGORY, Kind::amount_off(1_500), 15_000, of(&[CategoryId(1)]));
    add(CATEGORY, Kind::amount_off(3_000), 30_000, of(&[CategoryId(4)]));
    add(CATEGORY, off(2_000, 4_000), 0, of(&[CategoryId(3), CategoryId(4)]));
    add(CATEGORY, off(1_200, 6_000), 10_000, of(&[CategoryId(2)]));
    add(SHIPPING, Kind::FREE_SHIPPING, 9_900, Scope::ALL);
    add(SHIPPING, Kind::Shipping { value: Amount(800) }, 0, Scope::ALL);
    add(GIFT, Kind::StoredValue { balance: Amount(20_000), pays_shipping: true }, 0, Scope::ALL);
    add(GIFT, Kind::StoredValue { balance: Amount(5_000), pays_shipping: true }, 0, Scope::ALL);
    add(GIFT, Kind::StoredValue { balance: Amount(3_370), pays_shipping: false }, 0, of(&[CategoryId(11)]));
    wallet
}

/// Cards that all go together, whose early ones spoil the thresholds of the late ones by a little each, so that no
/// bound tells early what goes with what.
fn nasty(count: u64, total: u64) -> Vec<Offer<'static>> {
    let card = |card: u64| {
        let scope = match card % 5 {
            0 => Scope::ALL,
            _ => Scope { categories: Choice::only(&CATEGORIES[(card % 4) as usize][..1]), ..Scope::ALL },
        };
        let (kind, threshold) = match card * 10 / count {
            0..=1 => (Kind::Item { pieces: 1 }, 0),
            2..=5 => (Kind::percent_off(300 + card as u16 * 17), total - total / 100 * card),
            _ => (Kind::amount_off(2_000 + card * 113), total - total / 100 * card),
        };
        let threshold = Threshold { over: Over::Cart, ..Threshold::of(threshold) };
        Offer { scope, threshold, ..Offer::new(card, kind) }
    };
    (1..=count).map(card).collect()
}

fn quotes(c: &mut Criterion) {
    let lines = lines();
    let cart = Cart { shipping: Amount(1_200), now_ms: TimeMs(1_000), ..Cart::of(&lines) };
    let total: u64 = lines.iter().map(|line| line.unit_price.0 * u64::from(line.quantity)).sum();
    let wallets =
        [("realistic", realistic()), ("nasty", nasty(20, total)), ("nasty-of-40", nasty(40, total))];
    let mut group = c.benchmark_group("quote");
    let mut quoter = Quoter::new();
    for (name, offers) in &wallets {
        let best = quoter.best(&cart, offers).expect("well formed");
        let totals = best.quote.totals;
        eprintln!(
            "{name}: {} off {total}, paid {}, {} cards, exact {}, work {}",
            totals.discount,
            totals.paid,
            best.quote.order().count(),
            best.exact,
            best.work
        );
        group.bench_function(format!("best-{name}"), |b| {
            b.iter(|| black_box(quoter.best(black_box(&cart), black_box(offers)).is_ok()));
        });
    }
    let order: Vec<usize> = quoter.best(&cart, &wallets[0].1).expect("well formed").quote.order().collect();
    let chosen: Vec<Offer<'_>> = order.into_iter().map(|at| wallets[0].1[at]).collect();
    group.bench_function("given-realistic", |b| {
        b.iter(|| black_box(quoter.quote(black_box(&cart), black_box(&chosen)).is_ok()));
    });
    group.finish();
}

criterion_group!(benches, quotes);
criterion_main!(benches);

//! Carts and wallets by chance: few products, few prices, few classes, so that ties, clashes and thresholds just reached
//! are common.
//!
//! Invariant: whatever comes out of here is well formed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use scrip_quote::{
    Amount, CampaignId, CardId, Cart, CategoryId, ChannelId, Choice, ClassSet, Counted, Currency,
    FixedDiscount, Kind, Line, Offer, Over, ProductId, Scope, SegmentId, Stacking, StackingClass, StoreId,
    Threshold, Tier, TimeMs,
};

/// A cart that owns what a [`Cart`] borrows.
#[derive(Debug, Clone)]
pub struct OwnedCart {
    pub lines: Vec<(u64, Vec<CategoryId>, u64, u32)>,
    pub fixed: Vec<FixedDiscount>,
    pub shipping: u64,
}

impl OwnedCart {
    pub fn lines(&self) -> Vec<Line<'_>> {
        let lines = self.lines.iter();
        lines
            .map(|(product, categories, price, quantity)| Line {
                categories,
                ..Line::new(*product, *price, *quantity)
            })
            .collect()
    }

    pub fn cart<'a>(&'a self, lines: &'a [Line<'a>]) -> Cart<'a> {
        Cart {
            fixed: &self.fixed,
            shipping: Amount(self.shipping),
            currency: Currency(156),
            channel: ChannelId(1),
            store: StoreId(1),
            segments: &[SegmentId(1)],
            now_ms: TimeMs(1_000),
            ..Cart::of(lines)
        }
    }
}

/// An offer that owns what an [`Offer`] borrows.
#[derive(Debug, Clone)]
pub struct OwnedOffer {
    kind: OwnedKind,
    campaign: u64,
    currency: u16,
    threshold: u64,
    counted: Counted,
    over: Over,
    products: (Vec<ProductId>, Vec<ProductId>),
    categories: (Vec<CategoryId>, Vec<CategoryId>),
    place: (Vec<ChannelId>, Vec<StoreId>, Vec<SegmentId>),
    validity: (u64, u64),
    stacking: Stacking,
}

#[derive(Debug, Clone)]
enum OwnedKind {
    Plain(Kind<'static>),
    Tiers(Vec<Tier>),
}

impl OwnedOffer {
    fn offer(&self, card: u64) -> Offer<'_> {
        let kind = match &self.kind {
            OwnedKind::Plain(kind) => *kind,
            OwnedKind::Tiers(tiers) => Kind::Tiers(tiers),
        };
        let repeats = matches!(kind, Kind::AmountOff { repeats_max: 2.., .. });
        let amount = match kind {
            Kind::Tiers(_) => 0,
            _ => self.threshold.max(u64::from(repeats)),
        };
        Offer {
            card: CardId(card),
            campaign: CampaignId(self.campaign),
            kind,
            currency: Currency(self.currency),
            threshold: Threshold { amount: Amount(amount), counted: self.counted, over: self.over },
            scope: Scope {
                channels: Choice::only(&self.place.0),
                stores: Choice::never(&self.place.1),
                segments: Choice::never(&self.place.2),
                products: Choice { only: &self.products.0, never: &self.products.1 },
                categories: Choice { only: &self.categories.0, never: &self.categories.1 },
            },
            starts_ms: TimeMs(self.validity.0),
            expires_ms: TimeMs(self.validity.1),
            stacking: self.stacking,
        }
    }
}

/// The offers, with card ids that do not follow their order.
pub fn borrowed(wallet: &[OwnedOffer]) -> Vec<Offer<'_>> {
    (0_u64..).zip(wallet).map(|(at, offer)| offer.offer(at * 7 % 67)).collect()
}

fn price() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), select(vec![1_u64, 2, 3, 99, 100, 1_000]), 0_u64..50, Just(70_000_000_000)]
}

fn categories() -> impl Strategy<Value = Vec<CategoryId>> {
    subsequence(vec![CategoryId(1), CategoryId(2), CategoryId(3)], 0..=2)
}

pub fn carts(lines_max: usize) -> impl Strategy<Value = OwnedCart> {
    let line = (1_u64..5, categories(), price(), 1_u32..5);
    let platform = vec((any::<prop::sample::Index>(), 0_u64..8), 0..3);
    (vec(line, 1..=lines_max), platform, prop_oneof![Just(0), 1_u64..40]).prop_map(
        |(lines, platform, shipping)| {
            let mut room: Vec<u64> = lines.iter().map(|line| line.2 * u64::from(line.3)).collect();
            let mut fixed = Vec::new();
            for (index, amount) in platform {
                let line = index.index(lines.len());
                let amount = amount.min(room[line]);
                room[line] -= amount;
                fixed.push(FixedDiscount { line: line as u16, amount: Amount(amount) });
            }
            OwnedCart { lines, fixed, shipping }
        },
    )
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..30, select(vec![50_u64, 100, 1_000]), Just(30_000_000_001)]
}

fn kind() -> impl Strategy<Value = OwnedKind> {
    let plain = OwnedKind::Plain;
    let tiers = vec((1_u64..60, 1_u64..20), 1..4).prop_map(|steps| {
        let (mut threshold, mut value) = (0, 0);
        let up = steps.into_iter().map(|(rise, more)| {
            threshold += rise;
            value += more;
            Tier { threshold: Amount(threshold), value: Amount(value) }
        });
        OwnedKind::Tiers(up.collect())
    });
    prop_oneof![
        3 => (value(), prop_oneof![Just(1_u32), 1_u32..4], prop::option::of(0_u64..60)).prop_map(
            move |(value, repeats_max, cap)| {
                plain(Kind::AmountOff { value: Amount(value), repeats_max, cap: cap.map(Amount) })
            }
        ),
        1 => tiers,
        3 => (1_u16..=10_000, prop::option::of(0_u64..60)).prop_map(move |(off_basis_points, cap)| {
            plain(Kind::PercentOff { off_basis_points, cap: cap.map(Amount) })
        }),
        1 => (1_u32..4).prop_map(move |pieces| plain(Kind::Item { pieces })),
        1 => (value(), 1_u32..4)
            .prop_map(move |(price, pieces)| plain(Kind::FixedPrice { price: Amount(price), pieces })),
        1 => value().prop_map(move |value| plain(Kind::Shipping { value: Amount(value) })),
        2 => (value(), any::<bool>()).prop_map(move |(balance, pays_shipping)| {
            plain(Kind::StoredValue { balance: Amount(balance), pays_shipping })
        }),
    ]
}

fn stacking() -> impl Strategy<Value = Stacking> {
    let combines = prop_oneof![3 => Just(u32::MAX), 1 => 0_u32..8];
    (0_u8..3, combines, prop::bool::weighted(0.07)).prop_map(|(class, combines, exclusive)| Stacking {
        class: StackingClass(class),
        combines: ClassSet(combines),
        exclusive,
    })
}

fn products() -> impl Strategy<Value = Vec<ProductId>> {
    let some = subsequence((1..5).map(ProductId).collect::<Vec<_>>(), 1..3);
    prop_oneof![3 => Just(Vec::new()), 1 => some]
}

fn few_categories() -> impl Strategy<Value = Vec<CategoryId>> {
    prop_oneof![3 => Just(Vec::new()), 1 => categories()]
}

/// Mostly empty; sometimes 1, which is where the carts are; sometimes 2.
fn places<T: Clone + std::fmt::Debug + 'static>(of: fn(u8) -> T) -> impl Strategy<Value = Vec<T>> {
    prop_oneof![30 => Just(vec![]), 1 => Just(vec![of(1)]), 1 => Just(vec![of(2)])]
}

fn offers() -> impl Strategy<Value = OwnedOffer> {
    let place = (
        places(|number| ChannelId(u16::from(number))),
        places(|number| StoreId(u64::from(number))),
        places(|number| SegmentId(u64::from(number))),
    );
    let threshold = (
        prop_oneof![Just(0), 0_u64..60, Just(100_000_000_000)],
        prop_oneof![3 => Just(Counted::AfterEarlierStages), 1 => Just(Counted::BeforeEverything)],
        prop_oneof![3 => Just(Over::Scope), 1 => Just(Over::Cart)],
    );
    let validity = prop_oneof![
        12 => (Just(0_u64), 1_001_u64..1_004),
        1 => Just((1_001, 2_000)),
        1 => Just((0, 1_000)),
    ];
    let scope = (products(), products(), few_categories(), few_categories());
    let currency = prop_oneof![10 => Just(0_u16), 10 => Just(156), 1 => Just(840)];
    (kind(), 0_u64..4, currency, threshold, scope, place, validity, stacking()).prop_map(
        |(kind, campaign, currency, threshold, scope, place, validity, stacking)| OwnedOffer {
            kind,
            campaign,
            currency,
            threshold: threshold.0,
            counted: threshold.1,
            over: threshold.2,
            products: (scope.0, scope.1),
            categories: (scope.2, scope.3),
            place,
            validity,
            stacking,
        },
    )
}

/// Wallets: cards of their own, and sometimes several of one campaign that differ in nothing but expiry, or in one thing
/// more, which makes all the difference.
pub fn wallets(cards_max: usize) -> impl Strategy<Value = Vec<OwnedOffer>> {
    let several = (offers(), vec((1_001_u64..1_004, 0_u8..8, offers()), 0..3)).prop_map(|(offer, others)| {
        let mut run = vec![offer.clone()];
        for (expires_ms, difference, other) in others {
            let mut twin = OwnedOffer { validity: (0, expires_ms), ..offer.clone() };
            match difference {
                0 => twin.kind = other.kind,
                1 => twin.stacking = other.stacking,
                2 => twin.products = other.products,
                3 => twin.threshold = other.threshold,
                4 => (twin.counted, twin.over) = (other.counted, other.over),
                _ => {}
            }
            run.push(twin);
        }
        run
    });
    let one = offers().prop_map(|offer| vec![offer]);
    vec(prop_oneof![3 => one, 1 => several], 0..=cards_max).prop_map(move |runs| {
        let mut wallet: Vec<OwnedOffer> = runs.into_iter().flatten().collect();
        wallet.truncate(cards_max);
        wallet
    })
}

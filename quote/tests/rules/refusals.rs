//! Carts and offers that are refused, and the reasons why a card does not count, in their order.

use crate::{HUNDRED, TEA, outcome};
use scrip_quote::limits::{
    AMOUNT_MAX, CARDS_MAX, CATEGORIES_PER_LINE_MAX, FIXED_DISCOUNTS_MAX, LINES_MAX, SCOPE_ENTRIES_MAX,
    SEGMENTS_MAX, TIERS_MAX,
};
use scrip_quote::{
    Amount, CardId, Cart, CategoryId, ChannelId, Choice, Currency, FixedDiscount, Item, Kind, Line,
    Malformed, Offer, OfferFault, Outcome, ProductId, Quoter, Reason, Refusal, Scope, SegmentId, Stacking,
    StackingClass, StoreId, Threshold, Tier, TimeMs,
};

fn refusal(cart: &Cart<'_>, offers: &[Offer<'_>]) -> Malformed {
    let mut quoter = Quoter::new();
    let by_best = quoter.best(cart, offers).expect_err("a refusal");
    let by_quote = quoter.quote(cart, offers).expect_err("a refusal");
    assert_eq!(by_quote, Refusal::Malformed(by_best), "quote and best refuse alike");
    by_best
}

fn fault(offer: Offer<'_>) -> OfferFault {
    match refusal(&Cart::of(&HUNDRED), &[offer]) {
        Malformed::Offer { card: CardId(1), fault } => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn prices_whose_product_or_sum_overflows_are_refused() {
    let largest = Line::new(TEA, AMOUNT_MAX, 1);
    assert_eq!(
        refusal(&Cart::of(&[Line::new(TEA, AMOUNT_MAX, 2)]), &[]),
        Malformed::LineTooLarge { line: 0 }
    );
    let wraps = [Line::new(TEA, 1, 1), Line::new(TEA, u64::MAX / 2, u32::MAX)];
    assert_eq!(refusal(&Cart::of(&wraps), &[]), Malformed::LineTooLarge { line: 1 });
    assert_eq!(refusal(&Cart::of(&[largest, Line::new(TEA, 1, 1)]), &[]), Malformed::CartTooLarge);
    assert_eq!(refusal(&Cart::of(&[largest; LINES_MAX]), &[]), Malformed::CartTooLarge);
    let shipped = Cart { shipping: Amount(u64::MAX), ..Cart::of(&HUNDRED) };
    assert_eq!(refusal(&shipped, &[]), Malformed::CartTooLarge);
}

#[test]
fn the_largest_amounts_are_priced_exactly() {
    let half = AMOUNT_MAX / 2;
    let lines = [Line::new(TEA, half, 1), Line::new(TEA, half, 1)];
    let mut quoter = Quoter::new();
    let offers = [Offer::new(1, Kind::percent_off(9_999)), Offer::new(2, Kind::amount_off(AMOUNT_MAX))];
    let quote = quoter.quote(&Cart::of(&lines), &offers).expect("a quote");
    let exact = (u128::from(2 * half) * 9_999 + 5_000) / 10_000;
    assert_eq!(u128::from(quote.cards[0].goods.0), exact);
    assert_eq!(quote.totals.due, Amount(0));
}

#[test]
fn fixed_discounts_must_fit_their_line() {
    let of = |line, amount| FixedDiscount { line, amount: Amount(amount) };
    let refused = |fixed: &[FixedDiscount]| refusal(&Cart { fixed, ..Cart::of(&HUNDRED) }, &[]);
    assert_eq!(refused(&[of(2, 1)]), Malformed::NoSuchLine { line: 2 });
    assert_eq!(refused(&[of(1, 4_001)]), Malformed::FixedBeyondLine { line: 1 });
    assert_eq!(refused(&[of(1, 4_000), of(1, u64::MAX)]), Malformed::FixedBeyondLine { line: 1 });
}

#[test]
fn everything_has_a_maximum() {
    let too_many = |item, max| Malformed::TooMany { item, count: max + 1, max };
    let line = Line::new(TEA, 1, 1);
    let lines = vec![line; LINES_MAX + 1];
    assert_eq!(refusal(&Cart::of(&lines), &[]), too_many(Item::Lines, LINES_MAX));
    let categories = [CategoryId(1); CATEGORIES_PER_LINE_MAX + 1];
    let tagged = [Line { categories: &categories, ..line }];
    assert_eq!(refusal(&Cart::of(&tagged), &[]), too_many(Item::Categories, CATEGORIES_PER_LINE_MAX));
    let segments = [SegmentId(1); SEGMENTS_MAX + 1];
    let cart = Cart { segments: &segments, ..Cart::of(&HUNDRED) };
    assert_eq!(refusal(&cart, &[]), too_many(Item::Segments, SEGMENTS_MAX));
    let fixed = [FixedDiscount { line: 0, amount: Amount(1) }; FIXED_DISCOUNTS_MAX + 1];
    let cart = Cart { fixed: &fixed, ..Cart::of(&HUNDRED) };
    assert_eq!(refusal(&cart, &[]), too_many(Item::FixedDiscounts, FIXED_DISCOUNTS_MAX));
    let cart = Cart::of(&HUNDRED);
    let offers: Vec<_> = (0..=CARDS_MAX as u64).map(|card| Offer::new(card, Kind::FREE_SHIPPING)).collect();
    assert_eq!(refusal(&cart, &offers), too_many(Item::Cards, CARDS_MAX));
    let tier = |at| Tier { threshold: Amount(at), value: Amount(at) };
    let tiers: Vec<_> = (1..=TIERS_MAX as u64 + 1).map(tier).collect();
    assert_eq!(refusal(&cart, &[Offer::new(1, Kind::Tiers(&tiers))]), too_many(Item::Tiers, TIERS_MAX));
    let products: Vec<_> = (0..SCOPE_ENTRIES_MAX as u64).map(ProductId).collect();
    let stores = [StoreId(1)];
    let scope = Scope { products: Choice::only(&products), stores: Choice::never(&stores), ..Scope::ALL };
    let offer = Offer { scope, ..Offer::new(1, Kind::FREE_SHIPPING) };
    assert_eq!(refusal(&cart, &[offer]), too_many(Item::ScopeEntries, SCOPE_ENTRIES_MAX));
}

#[test]
fn the_maxima_themselves_are_allowed() {
    let lines = [Line::new(TEA, 100, 1); LINES_MAX];
    let offers: Vec<_> =
        (0..CARDS_MAX as u64).map(|card| Offer::new(card, Kind::amount_off(card + 1))).collect();
    let mut quoter = Quoter::new();
    let best = quoter.best(&Cart::of(&lines), &offers).expect("a quote");
    assert_eq!(best.quote.totals.discount, Amount(64 * 65 / 2));
    let quote = quoter.quote(&Cart::of(&lines), &offers).expect("a quote");
    assert_eq!(quote.totals.due, Amount(6_400 - 64 * 65 / 2));
}

#[test]
fn a_line_without_pieces_and_a_card_given_twice_are_refused() {
    assert_eq!(refusal(&Cart::of(&[Line::new(TEA, 5, 0)]), &[]), Malformed::NoPieces { line: 0 });
    let twice = [Offer::new(4, Kind::FREE_SHIPPING), Offer::new(4, Kind::amount_off(1))];
    assert_eq!(refusal(&Cart::of(&HUNDRED), &twice), Malformed::CardTwice { card: CardId(4) });
}

#[test]
fn offers_that_cannot_be_meant_are_refused() {
    let of = |kind| Offer::new(1, kind);
    let off = |value, repeats_max| Kind::AmountOff { value: Amount(value), repeats_max, cap: None };
    assert_eq!(fault(of(off(AMOUNT_MAX + 1, 1))), OfferFault::AmountTooLarge);
    assert_eq!(fault(of(off(1, 0))), OfferFault::Repeats);
    assert_eq!(fault(of(off(1, 2))), OfferFault::Repeats, "each of what?");
    assert_eq!(fault(of(Kind::percent_off(0))), OfferFault::Share);
    assert_eq!(fault(of(Kind::percent_off(10_001))), OfferFault::Share);
    assert_eq!(fault(of(Kind::Item { pieces: 0 })), OfferFault::Pieces);
    assert_eq!(fault(of(Kind::FixedPrice { price: Amount(1), pieces: 0 })), OfferFault::Pieces);
    let tier = |threshold, value| Tier { threshold: Amount(threshold), value: Amount(value) };
    let tiered = |tiers: &[Tier]| fault(Offer::new(1, Kind::Tiers(tiers)));
    assert_eq!(tiered(&[]), OfferFault::Tiers);
    assert_eq!(tiered(&[tier(2, 1), tier(2, 3)]), OfferFault::Tiers);
    assert_eq!(tiered(&[tier(1, 3), tier(2, 3)]), OfferFault::Tiers);
    let tiers = [tier(1, 1)];
    let besides = Offer { threshold: Threshold::of(1), ..Offer::new(1, Kind::Tiers(&tiers)) };
    assert_eq!(fault(besides), OfferFault::Tiers);
    let plain = of(Kind::FREE_SHIPPING);
    let class = Stacking { class: StackingClass(32), ..Stacking::TOGETHER };
    assert_eq!(fault(Offer { stacking: class, ..plain }), OfferFault::StackingClass);
    assert_eq!(fault(Offer { starts_ms: TimeMs(2), expires_ms: TimeMs(1), ..plain }), OfferFault::Validity);
    assert_eq!(fault(Offer { threshold: Threshold::of(u64::MAX), ..plain }), OfferFault::AmountTooLarge);
    let list = [StoreId(3), StoreId(3)];
    let scope = Scope { stores: Choice::never(&list), ..Scope::ALL };
    assert_eq!(fault(Offer { scope, ..plain }), OfferFault::ScopeOrder);
}

#[test]
fn of_several_reasons_the_first_in_the_documented_order_is_given() {
    // A card against which everything speaks; one after the other is put right.
    let cart = Cart {
        channel: ChannelId(5),
        store: StoreId(5),
        segments: &[SegmentId(5), SegmentId(4)],
        currency: Currency(156),
        now_ms: TimeMs(100),
        ..Cart::of(&HUNDRED)
    };
    let mut offer = Offer {
        currency: Currency(840),
        starts_ms: TimeMs(101),
        threshold: Threshold::of(10_001),
        scope: Scope {
            channels: Choice::never(&[ChannelId(5)]),
            stores: Choice::only(&[StoreId(6)]),
            segments: Choice::only(&[SegmentId(6)]),
            products: Choice::only(&[ProductId(99)]),
            categories: Choice::ANY,
        },
        ..Offer::new(1, Kind::FREE_SHIPPING)
    };
    let mut seen = Vec::new();
    let mut look = |offer: &Offer<'_>| match outcome(&cart, &[*offer]) {
        Outcome::Refused(reason) => seen.push(reason),
        other => panic!("{other:?}"),
    };
    look(&offer);
    (offer.starts_ms, offer.expires_ms) = (TimeMs(0), TimeMs(100));
    look(&offer);
    offer.expires_ms = TimeMs(101);
    look(&offer);
    offer.currency = Currency(156);
    look(&offer);
    offer.scope.channels = Choice::ANY;
    look(&offer);
    offer.scope.stores = Choice::ANY;
    look(&offer);
    offer.scope.segments = Choice { only: &[SegmentId(4)], never: &[SegmentId(5)] };
    look(&offer);
    offer.scope.segments = Choice::only(&[SegmentId(4)]);
    look(&offer);
    offer.scope.products = Choice::ANY;
    look(&offer);
    offer.threshold = Threshold::of(10_000);
    look(&offer);
    let below = Reason::Threshold { counted: Amount(10_000), needed: Amount(10_001) };
    let expected = [
        Reason::NotStarted,
        Reason::Expired,
        Reason::Currency,
        Reason::Channel,
        Reason::Store,
        Reason::Segment,
        Reason::Segment,
        Reason::NoLine,
        below,
        Reason::NothingLeft,
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_line_is_in_by_product_or_category_and_out_by_either() {
    let (only, never) = ([CategoryId(1)], [CategoryId(2)]);
    let (sweet, salty) = ([CategoryId(1)], [CategoryId(1), CategoryId(2)]);
    let line = |product, categories| Line { categories, ..Line::new(product, 100, 1) };
    let lines = [line(1, &sweet), line(2, &salty), line(3, &[]), line(4, &[]), line(5, &sweet)];
    let scope = Scope {
        products: Choice { only: &[ProductId(3)], never: &[ProductId(5)] },
        categories: Choice { only: &only, never: &never },
        ..Scope::ALL
    };
    let mut quoter = Quoter::new();
    let offer = Offer { scope, ..Offer::new(1, Kind::percent_off(10_000)) };
    let quote = quoter.quote(&Cart::of(&lines), &[offer]).expect("a quote");
    assert_eq!(crate::shares(&quote, 0), [100, 0, 100, 0, 0]);
}

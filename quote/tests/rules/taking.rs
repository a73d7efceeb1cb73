//! What each kind of card takes, and from which lines.

use crate::{CUP, HUNDRED, TEA, below, due, outcome, shares};
use scrip_quote::{
    Amount, Cart, Choice, FixedDiscount, Kind, Line, Offer, Outcome, ProductId, Quoter, Reason, Scope,
    Threshold, Tier,
};

const CUPS: Scope<'static> = Scope { products: Choice::only(&[ProductId(CUP)]), ..Scope::ALL };
const TEAS: Scope<'static> = Scope { products: Choice::only(&[ProductId(TEA)]), ..Scope::ALL };

#[test]
fn an_amount_off_is_split_by_what_is_left_of_the_lines() {
    let cart = Cart::of(&HUNDRED);
    let mut quoter = Quoter::new();
    let quote = quoter.quote(&cart, &[Offer::new(1, Kind::amount_off(1_001))]).expect("a quote");
    // 600.6 and 400.4: the unit that is left over goes to the larger remainder.
    assert_eq!(shares(&quote, 0), [601, 400]);
    assert_eq!(quote.totals.due, Amount(8_999));
}

#[test]
fn an_amount_off_takes_no_more_than_its_lines_have() {
    let offer = Offer { scope: CUPS, ..Offer::new(1, Kind::amount_off(99_999)) };
    assert_eq!(due(&Cart::of(&HUNDRED), &[offer]), 6_000);
}

#[test]
fn an_amount_off_repeats_for_every_time_the_threshold_is_reached() {
    let offer = |repeats_max| Offer {
        threshold: Threshold::of(3_000),
        ..Offer::new(1, Kind::AmountOff { value: Amount(500), repeats_max, cap: None })
    };
    let cart = Cart::of(&HUNDRED);
    assert_eq!(due(&cart, &[offer(1)]), 9_500);
    assert_eq!(due(&cart, &[offer(2)]), 9_000);
    assert_eq!(due(&cart, &[offer(u32::MAX)]), 8_500, "100.00 is three times 30.00");
    let capped = Kind::AmountOff { value: Amount(500), repeats_max: 9, cap: Some(Amount(1_200)) };
    assert_eq!(due(&cart, &[Offer { kind: capped, ..offer(9) }]), 8_800, "15.00, at most 12.00");
}

#[test]
fn repeats_of_a_huge_amount_take_all_and_do_not_overflow() {
    let kind = Kind::AmountOff { value: Amount((1 << 53) - 1), repeats_max: u32::MAX, cap: None };
    let offer = Offer { threshold: Threshold::of(1), ..Offer::new(1, kind) };
    assert_eq!(due(&Cart::of(&HUNDRED), &[offer]), 0);
}

#[test]
fn of_tiers_the_highest_that_is_reached_counts() {
    let tier = |threshold, value| Tier { threshold: Amount(threshold), value: Amount(value) };
    let tiers = [tier(5_000, 400), tier(10_000, 1_000), tier(20_000, 2_500)];
    let offer = Offer::new(1, Kind::Tiers(&tiers));
    let priced = |price| [Line::new(TEA, price, 1)];
    assert_eq!(due(&Cart::of(&priced(19_999)), &[offer]), 18_999);
    assert_eq!(due(&Cart::of(&priced(20_000)), &[offer]), 17_500);
    assert_eq!(due(&Cart::of(&priced(9_999)), &[offer]), 9_599);
    assert_eq!(outcome(&Cart::of(&priced(4_999)), &[offer]), below(4_999, 5_000));
}

#[test]
fn a_percentage_is_rounded_half_up_once_for_all_its_lines() {
    // 10 % of 3 x 0.05 is 0.015: two units, not 3 times one and not none.
    let lines = [Line::new(1, 5, 1), Line::new(2, 5, 1), Line::new(3, 5, 1)];
    let mut quoter = Quoter::new();
    let cart = Cart::of(&lines);
    let quote = quoter.quote(&cart, &[Offer::new(1, Kind::percent_off(1_000))]).expect("a quote");
    assert_eq!(quote.totals.discount, Amount(2));
    assert_eq!(shares(&quote, 0), [1, 1, 0], "of equal remainders the earlier lines come first");
}

#[test]
fn a_percentage_stops_at_its_cap() {
    let off = |cap| Offer::new(1, Kind::PercentOff { off_basis_points: 2_000, cap: Some(Amount(cap)) });
    assert_eq!(due(&Cart::of(&HUNDRED), &[off(1_500)]), 8_500);
    assert_eq!(due(&Cart::of(&HUNDRED), &[off(2_001)]), 8_000);
}

#[test]
fn an_item_card_frees_the_dearest_pieces() {
    let mut quoter = Quoter::new();
    let cart = Cart::of(&HUNDRED);
    let quote = quoter.quote(&cart, &[Offer::new(1, Kind::Item { pieces: 2 })]).expect("a quote");
    assert_eq!(shares(&quote, 0), [3_000, 4_000]);
}

#[test]
fn a_piece_is_freed_once() {
    let cup = |card| Offer { scope: CUPS, ..Offer::new(card, Kind::Item { pieces: 1 }) };
    let mut quoter = Quoter::new();
    let cart = Cart::of(&HUNDRED);
    let quote = quoter.quote(&cart, &[cup(1), cup(2)]).expect("a quote");
    assert_eq!(quote.totals.discount, Amount(4_000));
    assert_eq!(quote.cards[1].outcome, Outcome::Refused(Reason::NothingLeft));
}

#[test]
fn a_narrow_card_takes_its_turn_before_a_wide_one() {
    // The wide card would take the cup, and leave nothing to the narrow one.
    let wide = Offer::new(1, Kind::Item { pieces: 1 });
    let narrow = Offer { scope: CUPS, ..Offer::new(2, Kind::Item { pieces: 1 }) };
    assert_eq!(due(&Cart::of(&HUNDRED), &[wide, narrow]), 3_000);
}

#[test]
fn a_piece_at_a_fixed_price_costs_that_and_never_more_than_before() {
    let at = |price| {
        let kind = Kind::FixedPrice { price: Amount(price), pieces: 1 };
        Offer { scope: CUPS, ..Offer::new(1, kind) }
    };
    assert_eq!(due(&Cart::of(&HUNDRED), &[at(990)]), 6_990);
    assert_eq!(outcome(&Cart::of(&HUNDRED), &[at(4_000)]), Outcome::Refused(Reason::NothingLeft));
}

#[test]
fn a_piece_is_worth_no_more_than_is_left_of_its_line() {
    let fixed = [FixedDiscount { line: 1, amount: Amount(3_500) }];
    let cart = Cart { fixed: &fixed, ..Cart::of(&HUNDRED) };
    // Only 5.00 is left of the cup, so a tea at 30.00 is the dearest piece.
    let mut quoter = Quoter::new();
    let quote = quoter.quote(&cart, &[Offer::new(1, Kind::Item { pieces: 2 })]).expect("a quote");
    assert_eq!(shares(&quote, 0), [6_000, 0]);
    let quote = quoter.quote(&cart, &[Offer::new(1, Kind::Item { pieces: 3 })]).expect("a quote");
    assert_eq!(shares(&quote, 0), [6_000, 500]);
}

#[test]
fn shipping_falls_to_zero_and_no_further() {
    let cart = Cart { shipping: Amount(800), ..Cart::of(&HUNDRED) };
    let some = Offer::new(1, Kind::Shipping { value: Amount(500) });
    assert_eq!(due(&cart, &[some]), 10_300);
    assert_eq!(due(&cart, &[Offer::new(1, Kind::FREE_SHIPPING)]), 10_000);
}

#[test]
fn stored_value_pays_what_discounts_left_and_is_no_discount() {
    let pays = |pays_shipping| Kind::StoredValue { balance: Amount(9_500), pays_shipping };
    let cart = Cart { shipping: Amount(800), ..Cart::of(&HUNDRED) };
    let mut quoter = Quoter::new();
    let offers = [Offer::new(1, pays(false)), Offer::new(2, Kind::amount_off(1_000))];
    let quote = quoter.quote(&cart, &offers).expect("a quote");
    let totals = quote.totals;
    assert_eq!((totals.discount, totals.paid, totals.due), (Amount(1_000), Amount(9_000), Amount(800)));
    // Goods first, shipping with the rest.
    let offers = [Offer::new(1, pays(true)), Offer::new(2, Kind::amount_off(1_000))];
    let quote = quoter.quote(&cart, &offers).expect("a quote");
    assert_eq!((quote.shipping.paid, quote.totals.due), (Amount(500), Amount(300)));
}

#[test]
fn the_order_is_item_percent_fixed_shipping_stored_value() {
    let cart = Cart { shipping: Amount(1_000), ..Cart::of(&HUNDRED) };
    let stored = Kind::StoredValue { balance: Amount(2_500), pays_shipping: true };
    let kinds = [stored, Kind::FREE_SHIPPING, Kind::amount_off(500), Kind::percent_off(5_000)];
    let mut offers: Vec<Offer<'_>> =
        (1_u64..).zip(kinds).map(|(card, kind)| Offer::new(card, kind)).collect();
    offers.push(Offer { scope: CUPS, ..Offer::new(5, Kind::Item { pieces: 1 }) });
    let mut quoter = Quoter::new();
    let quote = quoter.quote(&cart, &offers).expect("a quote");
    // 100 - 40 = 60; half of it is 30; less 5 is 25; shipping is free; the stored value pays the rest.
    assert_eq!(quote.order().collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
    let amounts: Vec<u64> = quote.cards.iter().map(|card| card.amount().0).collect();
    assert_eq!(amounts, [2_500, 1_000, 500, 3_000, 4_000]);
    assert_eq!(quote.totals.due, Amount(0));
}

#[test]
fn stored_value_that_expires_first_is_spent_first() {
    let stored = |card, expires_ms| Offer {
        expires_ms: scrip_quote::TimeMs(expires_ms),
        ..Offer::new(card, Kind::StoredValue { balance: Amount(8_000), pays_shipping: false })
    };
    let mut quoter = Quoter::new();
    let cart = Cart::of(&HUNDRED);
    let quote = quoter.quote(&cart, &[stored(1, 2_000), stored(2, 1_000)]).expect("a quote");
    assert_eq!((quote.cards[0].goods, quote.cards[1].goods), (Amount(2_000), Amount(8_000)));
}

#[test]
fn platform_funded_discounts_come_off_first_and_are_not_discounted_again() {
    let fixed =
        [FixedDiscount { line: 0, amount: Amount(1_500) }, FixedDiscount { line: 0, amount: Amount(500) }];
    let cart = Cart { fixed: &fixed, ..Cart::of(&HUNDRED) };
    let mut quoter = Quoter::new();
    let quote = quoter.quote(&cart, &[Offer::new(1, Kind::percent_off(5_000))]).expect("a quote");
    assert_eq!(shares(&quote, 0), [2_000, 2_000]);
    assert_eq!((quote.lines[0].platform, quote.totals.platform), (Amount(2_000), Amount(2_000)));
    assert_eq!(quote.totals.due, Amount(4_000));
}

#[test]
fn lines_that_cost_nothing_take_no_share_and_no_piece() {
    let lines = [Line::new(TEA, 0, 3), Line::new(CUP, 4_000, 1)];
    let mut quoter = Quoter::new();
    let cart = Cart::of(&lines);
    let offers = [Offer::new(1, Kind::amount_off(1_001)), Offer::new(2, Kind::Item { pieces: 3 })];
    let quote = quoter.quote(&cart, &offers[..1]).expect("a quote");
    assert_eq!(shares(&quote, 0), [0, 1_001]);
    let quote = quoter.quote(&cart, &offers[1..]).expect("a quote");
    assert_eq!(shares(&quote, 0), [0, 4_000]);
    let gift = Offer { scope: TEAS, ..offers[0] };
    assert_eq!(outcome(&cart, &[gift]), Outcome::Refused(Reason::NothingLeft));
}

#[test]
fn an_empty_cart_has_a_quote() {
    let mut quoter = Quoter::new();
    let quote = quoter.quote(&Cart::of(&[]), &[Offer::new(1, Kind::amount_off(5))]).expect("a quote");
    assert_eq!(quote.cards[0].outcome, Outcome::Refused(Reason::NoLine));
    assert_eq!(quote.totals.due, Amount(0));
}

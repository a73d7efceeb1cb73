//! When a threshold is reached.

use crate::{CUP, HUNDRED, TEA, below, due, outcome};
use scrip_quote::{
    Amount, Cart, Choice, Counted, FixedDiscount, Kind, Offer, Outcome, Over, ProductId, Quoter, Scope,
    Threshold, Tier,
};

fn five_off_a_hundred(counted: Counted) -> Offer<'static> {
    let threshold = Threshold { counted, ..Threshold::of(10_000) };
    Offer { threshold, ..Offer::new(1, Kind::amount_off(500)) }
}

#[test]
fn a_threshold_is_reached_at_its_amount_and_not_a_unit_below() {
    assert_eq!(due(&Cart::of(&HUNDRED), &[five_off_a_hundred(Counted::AfterEarlierStages)]), 9_500);
    let more = Offer { threshold: Threshold::of(10_001), ..Offer::new(1, Kind::amount_off(500)) };
    assert_eq!(outcome(&Cart::of(&HUNDRED), &[more]), below(10_000, 10_001));
}

#[test]
fn a_threshold_counts_after_earlier_stages() {
    let percent = Offer::new(2, Kind::percent_off(1_000));
    let chosen = [five_off_a_hundred(Counted::AfterEarlierStages), percent];
    assert_eq!(outcome(&Cart::of(&HUNDRED), &chosen), below(9_000, 10_000));
    assert_eq!(due(&Cart::of(&HUNDRED), &chosen), 9_000, "the other card is used all the same");
}

#[test]
fn a_threshold_that_counts_before_everything_does_not_see_other_cards() {
    let percent = Offer::new(2, Kind::percent_off(1_000));
    let chosen = [five_off_a_hundred(Counted::BeforeEverything), percent];
    assert_eq!(due(&Cart::of(&HUNDRED), &chosen), 8_500);
}

#[test]
fn a_threshold_does_not_see_cards_of_its_own_stage() {
    let other = Offer { threshold: Threshold::of(10_000), ..Offer::new(2, Kind::amount_off(1_000)) };
    let chosen = [five_off_a_hundred(Counted::AfterEarlierStages), other];
    assert_eq!(due(&Cart::of(&HUNDRED), &chosen), 8_500);
}

#[test]
fn platform_funded_discounts_count_as_earlier() {
    let fixed = [FixedDiscount { line: 0, amount: Amount(1) }];
    let cart = Cart { fixed: &fixed, ..Cart::of(&HUNDRED) };
    assert_eq!(outcome(&cart, &[five_off_a_hundred(Counted::AfterEarlierStages)]), below(9_999, 10_000));
    assert_eq!(outcome(&cart, &[five_off_a_hundred(Counted::BeforeEverything)]), Outcome::Used);
}

#[test]
fn a_threshold_counts_lines_in_scope_unless_it_says_the_cart() {
    let scope = Scope { products: Choice::only(&[ProductId(CUP)]), ..Scope::ALL };
    let add_on = |over| Offer {
        scope,
        threshold: Threshold { over, ..Threshold::of(10_000) },
        ..Offer::new(1, Kind::FixedPrice { price: Amount(1_000), pieces: 1 })
    };
    assert_eq!(outcome(&Cart::of(&HUNDRED), &[add_on(Over::Scope)]), below(4_000, 10_000));
    assert_eq!(due(&Cart::of(&HUNDRED), &[add_on(Over::Cart)]), 7_000);
}

#[test]
fn a_threshold_for_free_shipping_counts_goods_after_discounts() {
    let cart = Cart { shipping: Amount(1_200), ..Cart::of(&HUNDRED) };
    let free = Offer { threshold: Threshold::of(9_900), ..Offer::new(1, Kind::FREE_SHIPPING) };
    assert_eq!(due(&cart, &[free]), 10_000);
    let chosen = [free, Offer::new(2, Kind::amount_off(101))];
    assert_eq!(outcome(&cart, &chosen), below(9_899, 9_900));
}

#[test]
fn every_card_reads_the_threshold_at_the_beginning_of_its_stage_when_repeating_too() {
    let scope = Scope { products: Choice::only(&[ProductId(TEA)]), ..Scope::ALL };
    let narrow = Offer { scope, ..Offer::new(1, Kind::amount_off(5_500)) };
    let repeating = Offer {
        threshold: Threshold::of(5_000),
        ..Offer::new(2, Kind::AmountOff { value: Amount(100), repeats_max: 9, cap: None })
    };
    let mut quoter = Quoter::new();
    let cart = Cart::of(&HUNDRED);
    let quote = quoter.quote(&cart, &[narrow, repeating]).expect("a quote");
    assert_eq!(quote.cards[1].goods, Amount(200), "100.00 is twice 50.00, though 45.00 are left");
}

#[test]
fn a_tier_that_begins_at_nothing_does_not_hide_the_ones_above_it() {
    let tier = |threshold, value| Tier { threshold: Amount(threshold), value: Amount(value) };
    let tiers = [tier(0, 19), tier(10_000, 20), tier(10_001, 32)];
    assert_eq!(due(&Cart::of(&HUNDRED), &[Offer::new(1, Kind::Tiers(&tiers))]), 9_980);
}

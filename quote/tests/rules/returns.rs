//! What goes back with returned pieces.

use crate::{CUP, HUNDRED, TEA};
use scrip_quote::{
    Amount, Cart, Choice, FixedDiscount, Kind, Line, Offer, ProductId, Quoter, Return, ReturnRefusal,
    Returning, Scope, share_of_return,
};

const NONE: Returning = Returning { before: 0, now: 0 };

fn now(now: u32) -> Returning {
    Returning { before: 0, now }
}

const CUPS: Scope<'static> = Scope { products: Choice::only(&[ProductId(CUP)]), ..Scope::ALL };

#[test]
fn a_returned_line_takes_its_share_of_the_discount() {
    let mut quoter = Quoter::new();
    let quote =
        quoter.quote(&Cart::of(&HUNDRED), &[Offer::new(1, Kind::amount_off(1_001))]).expect("a quote");
    let mut back = Return::default();
    share_of_return(&quote, &[NONE, now(1)], &mut back).expect("shares");
    let line = back.lines[1];
    assert_eq!((line.gross, line.discount, line.due), (Amount(4_000), Amount(400), Amount(3_600)));
    assert!(!back.cards[0].back, "the teas are not back");
}

#[test]
fn pieces_of_a_line_come_back_in_steps_that_add_up() {
    // 10.01 off three at 10.00: 3.34 (half-up of 3.3367), then 3.33, then 3.34.
    let lines = [Line::new(TEA, 1_000, 3)];
    let mut quoter = Quoter::new();
    let quote = quoter.quote(&Cart::of(&lines), &[Offer::new(1, Kind::amount_off(1_001))]).expect("a quote");
    let mut back = Return::default();
    let mut steps = Vec::new();
    for before in 0..3 {
        share_of_return(&quote, &[Returning { before, now: 1 }], &mut back).expect("shares");
        steps.push((back.lines[0].discount.0, back.lines[0].due.0, back.cards[0].back));
    }
    assert_eq!(steps, [(334, 666, false), (333, 667, false), (334, 666, true)]);
}

#[test]
fn a_card_comes_back_when_all_its_lines_have() {
    let mut quoter = Quoter::new();
    let offers = [
        Offer { scope: CUPS, ..Offer::new(1, Kind::amount_off(100)) },
        Offer::new(2, Kind::amount_off(100)),
        Offer { scope: CUPS, ..Offer::new(3, Kind::FREE_SHIPPING) },
    ];
    let cart = Cart { shipping: Amount(500), ..Cart::of(&HUNDRED) };
    let quote = quoter.quote(&cart, &offers).expect("a quote");
    let mut back = Return::default();
    share_of_return(&quote, &[NONE, now(1)], &mut back).expect("shares");
    let is_back = |back: &Return| back.cards.iter().map(|card| card.back).collect::<Vec<_>>();
    assert_eq!(is_back(&back), [true, false, true]);
    share_of_return(&quote, &[now(2), Returning { before: 1, now: 0 }], &mut back).expect("shares");
    assert_eq!(is_back(&back), [false, true, false], "a card comes back once");
}

#[test]
fn lines_that_a_card_took_nothing_off_need_not_come_back_for_it() {
    // The free piece is the cup; a card for everything is still the cup's card alone.
    let mut quoter = Quoter::new();
    let quote =
        quoter.quote(&Cart::of(&HUNDRED), &[Offer::new(1, Kind::Item { pieces: 1 })]).expect("a quote");
    let mut back = Return::default();
    share_of_return(&quote, &[now(2), NONE], &mut back).expect("shares");
    assert_eq!((back.cards[0].back, back.lines[0].due), (false, Amount(6_000)));
    share_of_return(&quote, &[NONE, now(1)], &mut back).expect("shares");
    assert_eq!((back.cards[0].back, back.lines[1].due), (true, Amount(0)));
}

#[test]
fn stored_value_gets_back_what_it_paid_and_the_platform_too() {
    let fixed = [FixedDiscount { line: 0, amount: Amount(1_000) }];
    let cart = Cart { fixed: &fixed, ..Cart::of(&HUNDRED) };
    let stored = Kind::StoredValue { balance: Amount(4_500), pays_shipping: true };
    let mut quoter = Quoter::new();
    let quote = quoter.quote(&cart, &[Offer::new(1, stored)]).expect("a quote");
    // Of 90.00 left the card pays half: 25.00 of the teas, 20.00 of the cup.
    let mut back = Return::default();
    share_of_return(&quote, &[now(1), NONE], &mut back).expect("shares");
    let line = back.lines[0];
    assert_eq!((line.platform, line.paid, line.due), (Amount(500), Amount(1_250), Amount(1_250)));
    assert_eq!((back.cards[0].amount, back.cards[0].back), (Amount(1_250), false));
}

#[test]
fn parts_too_small_to_divide_never_pay_back_less_than_nothing() {
    // One unit each for two cards and the buyer, over three pieces.
    let lines = [Line::new(TEA, 1, 3)];
    let mut quoter = Quoter::new();
    let offers = [Offer::new(1, Kind::amount_off(1)), Offer::new(2, Kind::amount_off(1))];
    let quote = quoter.quote(&Cart::of(&lines), &offers).expect("a quote");
    let mut back = Return::default();
    let mut steps = Vec::new();
    for before in 0..3 {
        share_of_return(&quote, &[Returning { before, now: 1 }], &mut back).expect("shares");
        steps.push((back.cards[0].amount.0, back.cards[1].amount.0, back.lines[0].due.0));
    }
    // A third of one is none; two thirds are one, and half of the other is one; the rest follows.
    assert_eq!(steps, [(0, 1, 0), (1, 0, 0), (0, 0, 1)]);
}

#[test]
fn a_return_of_other_lines_or_of_too_many_pieces_is_refused() {
    let mut quoter = Quoter::new();
    let quote = quoter.quote(&Cart::of(&HUNDRED), &[]).expect("a quote");
    let mut back = Return::default();
    let refused = share_of_return(&quote, &[NONE], &mut back);
    assert_eq!(refused, Err(ReturnRefusal::Lines { given: 1, lines: 2 }));
    let refused = share_of_return(&quote, &[Returning { before: u32::MAX, now: 1 }, NONE], &mut back);
    assert_eq!(refused, Err(ReturnRefusal::Pieces { line: 0, quantity: 2 }));
}

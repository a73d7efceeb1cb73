//! Every rule of docs/quote.md by name, on the smallest cart that shows it.
//!
//! It stands in tests because a rule is a promise of the crate, not of a module. Invariant: a figure here was worked out
//! by hand, not copied from an answer.

mod best;
mod refusals;
mod returns;
mod stacking;
mod taking;
mod thresholds;

use scrip_quote::{Amount, CardId, Cart, Line, Offer, Outcome, Quote, Quoter, Reason};

/// What is left to pay for `cart` with `chosen`.
fn due(cart: &Cart<'_>, chosen: &[Offer<'_>]) -> u64 {
    Quoter::new().quote(cart, chosen).expect("a quote").totals.due.0
}

/// The outcome of the first of `chosen`.
fn outcome(cart: &Cart<'_>, chosen: &[Offer<'_>]) -> Outcome {
    Quoter::new().quote(cart, chosen).expect("a quote").cards[0].outcome
}

/// What the card at `card` takes off each line.
fn shares(quote: &Quote<'_>, card: usize) -> Vec<u64> {
    quote.shares(card).iter().map(|share| share.0).collect()
}

fn below(counted: u64, needed: u64) -> Outcome {
    Outcome::Refused(Reason::Threshold { counted: Amount(counted), needed: Amount(needed) })
}

/// The ids of the cards that are used, ascending.
fn used(quote: &Quote<'_>) -> Vec<CardId> {
    let mut cards: Vec<CardId> = quote.order().map(|at| quote.cards[at].card).collect();
    cards.sort();
    cards
}

const TEA: u64 = 1;
const CUP: u64 = 2;

/// Two teas at 30.00, a cup at 40.00: 100.00 in all.
const HUNDRED: [Line<'static>; 2] = [Line::new(TEA, 3_000, 2), Line::new(CUP, 4_000, 1)];

//! Returned lines: what of each discount they take with them, what is paid back, and which cards come back. It stands
//! beside the quote because it reads one that was made, and needs no cart and no offers any more.
//!
//! Invariant: whatever the steps in which a line's pieces are returned, the steps add up to the line, to the unit, in each
//! of its parts; and no step pays back less than nothing.

use crate::arithmetic::{bits, half_up};
use crate::ids::{Amount, CardId};
use crate::limits::{CARDS_MAX, LINES_MAX};
use crate::outcome::{Outcome, Quote};
use thiserror::Error;

/// How many pieces of one line go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Returning {
    /// Pieces that went back earlier.
    pub before: u32,
    /// Pieces that go back now.
    pub now: u32,
}

/// Why a return has no shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReturnRefusal {
    /// Every line of the quote is named, also those of which nothing goes back.
    #[error("{given} lines are returned, the quote has {lines}")]
    Lines {
        /// How many were named.
        given: usize,
        /// How many there are.
        lines: usize,
    },
    /// More pieces than were bought.
    #[error("line {line}: more pieces are returned than the {quantity} that were bought")]
    Pieces {
        /// Its position.
        line: usize,
        /// How many there were.
        quantity: u32,
    },
}

/// What goes back. Made once, used for any number of returns.
#[derive(Debug)]
pub struct Return {
    /// The lines, in the order of the cart.
    pub lines: Vec<ReturnedLine>,
    /// The cards, in the order of the quote.
    pub cards: Vec<ReturnedCard>,
}

impl Default for Return {
    fn default() -> Return {
        Return { lines: Vec::with_capacity(LINES_MAX), cards: Vec::with_capacity(CARDS_MAX) }
    }
}

/// What goes back of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReturnedLine {
    /// What the pieces cost before everything: the sum of the rest.
    pub gross: Amount,
    /// To the platform.
    pub platform: Amount,
    /// To nobody: the discounts that the pieces take with them.
    pub discount: Amount,
    /// To cards of stored value.
    pub paid: Amount,
    /// To the buyer.
    pub due: Amount,
}

/// What becomes of one card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnedCard {
    /// Which.
    pub card: CardId,
    /// The part of what it took off that goes with the pieces; of stored value, what it gets back.
    pub amount: Amount,
    /// It comes back: it was used, and with this return all its lines have gone back.
    pub back: bool,
}

/// What goes back with these pieces. A card's lines are those it took something off, a shipping card's those in its scope.
/// Shipping is not returned.
///
/// # Errors
/// [`ReturnRefusal`] if the pieces are not those of the quote; `out` is then empty.
pub fn share_of_return(
    quote: &Quote<'_>,
    returning: &[Returning],
    out: &mut Return,
) -> Result<(), ReturnRefusal> {
    out.lines.clear();
    out.cards.clear();
    check(quote, returning)?;
    let cards = quote.cards.iter();
    out.cards.extend(cards.map(|card| ReturnedCard { card: card.card, amount: Amount(0), back: false }));
    for (line, pieces) in returning.iter().enumerate() {
        let returned = return_line(quote, line, *pieces, &mut out.cards);
        out.lines.push(returned);
    }
    for (at, card) in out.cards.iter_mut().enumerate() {
        card.back = comes_back(quote, at, returning);
    }
    Ok(())
}

fn check(quote: &Quote<'_>, returning: &[Returning]) -> Result<(), ReturnRefusal> {
    if returning.len() != quote.lines.len() {
        return Err(ReturnRefusal::Lines { given: returning.len(), lines: quote.lines.len() });
    }
    for (line, (pieces, quoted)) in returning.iter().zip(quote.lines).enumerate() {
        let together = u64::from(pieces.before) + u64::from(pieces.now);
        if together > u64::from(quoted.quantity) {
            return Err(ReturnRefusal::Pieces { line, quantity: quoted.quantity });
        }
    }
    Ok(())
}

/// Divides what returned pieces of a line cost: `parts` are what was taken off the line, in that order, and `each` is told what
/// of each goes with the pieces. Answers what is left for the buyer. The pieces must be pieces of the line, and the parts no more
/// than it costs.
///
/// Each part in turn has of what the ones before it left the same proportion that it has of the whole line, half-up; the buyer has
/// the rest. Both ends of the step are divided, and the step is the difference: so steps add up, and as no part grows faster than
/// what it is taken of, none is negative.
pub fn divide_pieces(
    unit_price: Amount,
    quantity: u32,
    pieces: Returning,
    parts: impl IntoIterator<Item = Amount>,
    mut each: impl FnMut(Amount),
) -> Amount {
    // What the pieces before and after the step cost, less what has been divided so far; and the same of the whole line.
    let mut before = unit_price.0 * u64::from(pieces.before);
    let mut after = before + unit_price.0 * u64::from(pieces.now);
    let mut whole = unit_price.0 * u64::from(quantity);
    for Amount(of_line) in parts {
        let (part_before, part_after) = (half_up(before, of_line, whole), half_up(after, of_line, whole));
        before -= part_before;
        after -= part_after;
        whole -= of_line;
        each(Amount(part_after - part_before));
    }
    Amount(after - before)
}

/// Divides what the pieces of one line of a quote cost.
fn return_line(
    quote: &Quote<'_>,
    line: usize,
    pieces: Returning,
    cards: &mut [ReturnedCard],
) -> ReturnedLine {
    let quoted = &quote.lines[line];
    let unit_price = quoted.gross.0 / u64::from(quoted.quantity);
    let mut returned =
        ReturnedLine { gross: Amount(unit_price * u64::from(pieces.now)), ..ReturnedLine::default() };
    let parts = quote.order().map(|at| quote.shares(at)[line]);
    // The platform's part is the first, then those of the cards by their turns.
    let mut takers = core::iter::once(None).chain(quote.order().map(Some));
    let parts = core::iter::once(quoted.platform).chain(parts);
    let due = divide_pieces(Amount(unit_price), quoted.quantity, pieces, parts, |amount| {
        let to = match takers.next().flatten() {
            None => &mut returned.platform,
            Some(at) => {
                cards[at].amount.0 += amount.0;
                if quote.cards[at].pays { &mut returned.paid } else { &mut returned.discount }
            }
        };
        to.0 += amount.0;
    });
    ReturnedLine { due, ..returned }
}

/// Whether all lines of the card at `at` have gone back with this return, and had not before.
fn comes_back(quote: &Quote<'_>, at: usize, returning: &[Returning]) -> bool {
    let card = &quote.cards[at];
    if card.outcome != Outcome::Used {
        return false;
    }
    let took = |line: &usize| quote.shares(at)[*line].0 > 0;
    let takes_goods = card.goods.0 > 0;
    let (mut all, mut all_before) = (true, true);
    for line in bits(card.scope).filter(|line| !takes_goods || took(line)) {
        let (pieces, quantity) = (returning[line], quote.lines[line].quantity);
        all &= pieces.before + pieces.now == quantity;
        all_before &= pieces.before == quantity;
    }
    all && !all_before
}

//! Quotes that became holds, in the walk's own books: what the shares of their cards come to, and what goes back of their carts.
//!
//! It follows docs/cards.md and rule 24 of docs/quote.md, not the engine's code. Invariant: nothing here panics on a log that is
//! wrong; what can't be is put into words.

use super::books::{HoldName, name};
use scrip_engine::event::{Event, EventCard, EventLine, EventPieces, EventQuote};
use scrip_engine::ids::OperationKey;
use std::collections::BTreeMap;

/// A line of a cart.
#[derive(Debug, Clone)]
struct CartLine {
    price: u64,
    pieces: u64,
    returned: u64,
    /// What the cards took off it, in the order of their turns, each with its place in the hold.
    shares: Vec<(u8, u64)>,
}

/// The cart of a hold.
#[derive(Debug, Clone)]
struct Cart {
    lines: Vec<CartLine>,
    /// Pieces have gone back in another way than by a RETURN: nobody says here of which line.
    is_open: bool,
}

/// The books of quotes.
#[derive(Debug, Default)]
pub(super) struct QuoteBooks {
    carts: BTreeMap<HoldName, Cart>,
}

impl CartLine {
    fn gross(&self) -> u64 {
        self.price.saturating_mul(self.pieces)
    }

    /// What so many of its pieces cost the buyer.
    fn due(&self, pieces: u64) -> u64 {
        let (mut part, mut whole) = (u128::from(self.price) * u128::from(pieces), u128::from(self.gross()));
        for (_, share) in &self.shares {
            let share = u128::from(*share);
            if whole > 0 {
                part -= ((2 * part * share + whole) / (2 * whole)).min(part);
            }
            whole = whole.saturating_sub(share);
        }
        part as u64
    }
}

impl QuoteBooks {
    /// Follows an event; answers what was wrong with it.
    pub(super) fn follow(&mut self, event: &Event<'_>) -> Option<String> {
        match event {
            Event::Taken { origin, lines, prices, cards, quote, .. } if !quote.lines.is_empty() => {
                let price = |line: usize| prices.get(line).map_or(0, |price| u64::from(price.get()));
                let (cart, wrong) = read(quote, cards, (lines, &price));
                self.carts.insert(name(&origin.key()), cart);
                wrong
            }
            Event::Returned { origin, hold, lines, cart, .. } => {
                let hold = name(&OperationKey { operation: *hold, ..origin.key() });
                self.give_back(&hold, lines, cart)
            }
            Event::KeyReclaimed { origin, hold, .. } | Event::ReplaceOwed { origin, hold, .. } => {
                let hold = name(&OperationKey { operation: *hold, ..origin.key() });
                if let Some(cart) = self.carts.get_mut(&hold) {
                    cart.is_open = true;
                }
                None
            }
            _ => None,
        }
    }

    fn give_back(&mut self, hold: &HoldName, lines: &[EventLine], back: &EventPieces<'_>) -> Option<String> {
        let Some(cart) = self.carts.get_mut(hold) else {
            let is_plain = back.pieces.is_empty();
            return (!is_plain).then(|| "pieces go back of a hold that no quote made".to_owned());
        };
        if back.pieces.len() != cart.lines.len() {
            return Some(format!("{} lines go back of a cart of {}", back.pieces.len(), cart.lines.len()));
        }
        let mut due = 0;
        for (line, pieces) in cart.lines.iter_mut().zip(back.pieces) {
            let before = line.due(line.returned.min(line.pieces));
            line.returned += u64::from(pieces.get());
            if line.returned > line.pieces {
                return Some(format!("{} pieces go back of {}", line.returned, line.pieces));
            }
            due += line.due(line.returned) - before;
        }
        if cart.is_open {
            return None;
        }
        if due != back.amount {
            return Some(format!("{} is paid back for pieces that cost {due}", back.amount));
        }
        let cards = lines.iter().filter(|line| line.is_card()).zip(1..);
        for (_, place) in cards.filter(|(line, _)| line.units.get() > 0) {
            let mut of_card = cart.lines.iter().filter(|line| line.shares.iter().any(|(at, _)| *at == place));
            if of_card.any(|line| line.returned < line.pieces) {
                return Some(format!("card {place} of a hold comes back before all its lines"));
            }
        }
        None
    }
}

/// The cart of a new hold, and what does not add up.
fn read(
    quote: &EventQuote<'_>,
    cards: &[EventCard],
    (taken, price): (&[EventLine], &dyn Fn(usize) -> u64),
) -> (Cart, Option<String>) {
    let mut wrong = None;
    let mut lines = Vec::new();
    let mut place = 0;
    for (at, line) in quote.lines.iter().enumerate() {
        let shares = quote.shares.iter().filter(|share| usize::from(share.line) == at);
        let line_of = CartLine {
            price: line.unit_price.get(),
            pieces: u64::from(line.quantity.get()),
            returned: 0,
            shares: shares.map(|share| (share.place, share.amount.get())).collect(),
        };
        let off: u64 = line_of.shares.iter().map(|(_, share)| share).sum();
        if off > line_of.gross() {
            wrong = Some(format!("{off} is taken off a line that costs {}", line_of.gross()));
        }
        if line.place > 0 {
            let units = taken.get(place).map(|taken| u64::from(taken.units.get()));
            if usize::from(line.place) != place + 1
                || units != Some(line_of.pieces)
                || price(place) != line_of.price
            {
                wrong = Some(format!("line {at} of a cart is not line {place} of its hold"));
            }
            place += 1;
        }
        lines.push(line_of);
    }
    if place != taken.len() {
        wrong = Some(format!("a hold has {} lines, its cart {place}", taken.len()));
    }
    for (card, place) in cards.iter().zip(1..) {
        let shares = quote.shares.iter().filter(|share| share.place == place && share.card == card.card);
        let off: u64 = shares.map(|share| share.amount.get()).sum();
        if off != card.discount.get() {
            wrong = Some(format!("card {} takes {} off, its shares {off}", card.card(), card.discount));
        }
    }
    (Cart { lines, is_open: false }, wrong)
}

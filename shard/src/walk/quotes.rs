//! Quotes that became holds, in the walk's own books: what the shares of their cards come to, and what goes back of their carts, to
//! the buyer and to cards that paid.
//!
//! It follows docs/cards.md and rule 24 of docs/quote.md, not the engine's code. Invariant: nothing here panics on a log that is
//! wrong; what can't be is put into words.

use super::books::{HoldName, name};
use scrip_engine::event::{Event, EventCard, EventLine, EventPieces, EventQuote};
use scrip_engine::ids::{CardId, OperationKey};
use std::collections::BTreeMap;

/// A line of a cart.
#[derive(Debug, Clone)]
struct CartLine {
    price: u64,
    pieces: u64,
    returned: u64,
    /// What the cards took off it or paid of it, in the order of their turns.
    shares: Vec<Share>,
}

/// What a card has of a line.
#[derive(Debug, Clone, Copy)]
struct Share {
    /// The card's place in the hold, from 1; 0: it is not held.
    place: u8,
    amount: u64,
    pays: bool,
}

/// A card of a hold.
#[derive(Debug, Clone, Copy)]
struct HeldCard {
    card: CardId,
    /// Units that went back to it.
    returned: u64,
}

/// The cart of a hold.
#[derive(Debug, Clone)]
struct Cart {
    lines: Vec<CartLine>,
    /// In the order of their places.
    cards: Vec<HeldCard>,
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

    /// What so many of its pieces cost the buyer, and what the card at a place has paid of them.
    fn parts(&self, pieces: u64, paid_at: u8) -> (u64, u64) {
        let (mut left, mut whole) = (u128::from(self.price) * u128::from(pieces), u128::from(self.gross()));
        let mut paid = 0;
        for share in &self.shares {
            let of_line = u128::from(share.amount);
            let part = if whole > 0 { ((2 * left * of_line + whole) / (2 * whole)).min(left) } else { 0 };
            paid += if share.pays && share.place == paid_at { part } else { 0 };
            left -= part;
            whole = whole.saturating_sub(of_line);
        }
        (left as u64, paid as u64)
    }

    fn due(&self, pieces: u64) -> u64 {
        self.parts(pieces, 0).0
    }
}

impl QuoteBooks {
    /// Follows an event; answers what was wrong with it. `is_lost`: whether nothing can go back to a card any more.
    pub(super) fn follow(&mut self, event: &Event<'_>, is_lost: impl Fn(CardId) -> bool) -> Option<String> {
        match event {
            Event::Taken { origin, lines, prices, cards, quote, .. } if !quote.lines.is_empty() => {
                let price = |line: usize| prices.get(line).map_or(0, |price| u64::from(price.get()));
                let (cart, wrong) = read(quote, cards, (lines, &price));
                self.carts.insert(name(&origin.key()), cart);
                wrong
            }
            Event::Returned { origin, hold, lines, cart, .. } => {
                let hold = name(&OperationKey { operation: *hold, ..origin.key() });
                self.give_back(&hold, lines, cart, is_lost)
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

    fn give_back(
        &mut self,
        hold: &HoldName,
        lines: &[EventLine],
        back: &EventPieces<'_>,
        is_lost: impl Fn(CardId) -> bool,
    ) -> Option<String> {
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
        let units = lines.iter().filter(|line| line.is_card()).map(|line| u64::from(line.units.get()));
        let Cart { lines, cards, .. } = cart;
        cards.iter_mut().zip(units).zip(1..).find_map(|((card, units), place)| {
            let is_its = |share: &Share| share.place == place;
            let mut its_lines = lines.iter().filter(|line| line.shares.iter().any(is_its));
            if lines.iter().any(|line| line.shares.iter().any(|share| is_its(share) && share.pays)) {
                let paid: u64 = lines.iter().map(|line| line.parts(line.returned, place).1).sum();
                let owed = if is_lost(card.card) { 0 } else { paid.saturating_sub(card.returned) };
                card.returned += units;
                return (units != owed)
                    .then(|| format!("{units} go back to card {}, which is to get {owed}", card.card));
            }
            let early = units > 0 && its_lines.any(|line| line.returned < line.pieces);
            early.then(|| format!("card {place} of a hold comes back before all its lines"))
        })
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
            shares: shares
                .map(|share| Share { place: share.place, amount: share.amount.get(), pays: share.pays == 1 })
                .collect(),
        };
        let off: u64 = line_of.shares.iter().map(|share| share.amount).sum();
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
        let off: u64 = shares.clone().map(|share| share.amount.get()).sum();
        if off != card.discount.get() {
            wrong = Some(format!("card {} takes {} off, its shares {off}", card.card(), card.discount));
        }
        let pays = shares.clone().any(|share| share.pays == 1);
        if pays && off != u64::from(card.units.get()) {
            wrong = Some(format!("card {} pays {off} with {} units", card.card(), card.units));
        }
    }
    let cards = cards.iter().map(|card| HeldCard { card: card.card(), returned: 0 }).collect();
    (Cart { lines, cards, is_open: false }, wrong)
}

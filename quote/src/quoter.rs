//! The quoter: the room that quotes are made in. It stands on top: it prepares, lets cards take their turns or searches,
//! and writes down the outcome.
//!
//! Invariant: all room is taken by [`Quoter::new`]; a call allocates nothing, and leaves nothing behind that the next
//! call could see.

use crate::arithmetic::{bits, sum};
use crate::cart::Cart;
use crate::ids::Amount;
use crate::limits::{CARDS_MAX, LINES_MAX, WORK_DEFAULT};
use crate::offer::{Offer, Stage};
use crate::outcome::{Best, CardQuote, LineQuote, Outcome, Quote, Reason, ShippingQuote, Totals};
use crate::prepare::Prepared;
use crate::refusal::{Malformed, Refusal};
use crate::search::{Bounds, search};
use crate::state::{Level, Levels};
use arrayvec::ArrayVec;

/// Room for quotes, about 150 KB. Made once, used for any number of quotes, one after the other.
pub struct Quoter {
    work_max: u32,
    prepared: Box<Prepared>,
    levels: Levels,
    bounds: Vec<Bounds>,
    /// Why each card can't be used, by its place in the order of application.
    outcomes: [Outcome; CARDS_MAX],
    cards: Vec<CardQuote>,
    lines: Vec<LineQuote>,
    shares: Vec<Amount>,
    order: ArrayVec<u8, CARDS_MAX>,
}

impl Default for Quoter {
    fn default() -> Quoter {
        Quoter::new()
    }
}

impl Quoter {
    /// A quoter whose searches end at [`WORK_DEFAULT`].
    pub fn new() -> Quoter {
        Quoter::with_work_max(WORK_DEFAULT)
    }

    /// A quoter whose searches end once so many cards were judged against a cart; what is under way then may judge
    /// twice [`CARDS_MAX`] more.
    pub fn with_work_max(work_max: u32) -> Quoter {
        Quoter {
            work_max,
            prepared: Box::new(Prepared::new()),
            levels: Levels::new(),
            bounds: vec![[0; CARDS_MAX]; CARDS_MAX + 1],
            outcomes: [Outcome::LeftOut; CARDS_MAX],
            cards: Vec::with_capacity(CARDS_MAX),
            lines: Vec::with_capacity(LINES_MAX),
            shares: Vec::with_capacity(CARDS_MAX * LINES_MAX),
            order: ArrayVec::new(),
        }
    }

    /// What `cart` costs with all of `chosen`. A card that can't be used takes nothing, and the quote says why.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] if the input breaks a rule; [`Refusal::Clash`] if two of the cards may not be used together.
    pub fn quote(&mut self, cart: &Cart<'_>, chosen: &[Offer<'_>]) -> Result<Quote<'_>, Refusal> {
        self.prepared.fill(cart, chosen)?;
        if let Some(clash) = self.prepared.clash() {
            return Err(clash.into());
        }
        self.levels.begin(&self.prepared);
        let all = crate::prepare::set_of_first(self.prepared.cards.len());
        let depth = self.turns(all);
        Ok(self.write(depth))
    }

    /// What `cart` costs with the best combination of `offers`: that with the largest discount; of these, that in which
    /// cards pay most; of these, that of the fewest cards; of these, that whose cards expire first.
    ///
    /// # Errors
    /// [`Malformed`] if the input breaks a rule.
    pub fn best(&mut self, cart: &Cart<'_>, offers: &[Offer<'_>]) -> Result<Best<'_>, Malformed> {
        self.prepared.fill(cart, offers)?;
        self.levels.begin(&self.prepared);
        let found = search(&self.prepared, &mut self.levels, &mut self.bounds, self.work_max);
        // A card that is left out is judged as if it were alone.
        for (place, card) in self.prepared.cards.iter().enumerate() {
            let alone = self.levels.judge(&self.prepared, card, 0);
            self.outcomes[place] = alone.map_or_else(Outcome::Refused, |_| Outcome::LeftOut);
        }
        let depth = self.turns(found.best.cards);
        let quote = self.write(depth);
        Ok(Best { quote, exact: found.exact, work: found.work })
    }

    /// Lets these cards take their turns and writes down their outcomes; returns how many are used.
    fn turns(&mut self, cards: u64) -> usize {
        let mut depth = 0;
        self.order.clear();
        for place in bits(cards) {
            let card = &self.prepared.cards[place];
            self.outcomes[place] = match self.levels.judge(&self.prepared, card, depth) {
                Ok(amount) => {
                    self.levels.take(&self.prepared, place, amount, depth);
                    self.order.push(card.at as u8);
                    depth += 1;
                    Outcome::Used
                }
                Err(reason) => Outcome::Refused(reason),
            };
        }
        depth
    }

    /// The quote after the turns of `depth` cards.
    fn write(&mut self, depth: usize) -> Quote<'_> {
        self.write_cards(depth);
        let prepared = &self.prepared;
        let mut shipping = ShippingQuote {
            gross: Amount(prepared.shipping),
            discount: Amount(0),
            paid: Amount(0),
            due: Amount(self.levels.at(depth).shipping),
        };
        self.lines.clear();
        for line in 0..prepared.lines {
            self.lines.push(LineQuote {
                quantity: prepared.quantities[line],
                gross: Amount(prepared.gross[line]),
                platform: Amount(prepared.platform[line]),
                discount: Amount(0),
                paid: Amount(0),
                due: Amount(self.levels.at(depth).left[line]),
            });
        }
        for at in self.order.iter().map(|at| usize::from(*at)) {
            let card = &self.cards[at];
            let shares = &self.shares[at * prepared.lines..];
            for (line, share) in self.lines.iter_mut().zip(shares) {
                let taken = if card.pays { &mut line.paid } else { &mut line.discount };
                taken.0 += share.0;
            }
            let taken = if card.pays { &mut shipping.paid } else { &mut shipping.discount };
            taken.0 += card.shipping.0;
        }
        let totals = self.totals(depth);
        let Quoter { cards, lines, shares, order, .. } = self;
        Quote { cards, lines, shipping, totals, shares, order }
    }

    fn totals(&self, depth: usize) -> Totals {
        let (prepared, level) = (&self.prepared, self.levels.at(depth));
        let lines = prepared.all_lines();
        Totals {
            gross: Amount(sum(&prepared.gross, lines) + prepared.shipping),
            platform: Amount(sum(&prepared.platform, lines)),
            discount: Amount(level.discount),
            paid: Amount(level.paid),
            due: Amount(level.left_total()),
        }
    }

    /// What each card takes off each line: what was left before its turn less what was left after it.
    fn write_cards(&mut self, depth: usize) {
        let (prepared, lines) = (&self.prepared, self.prepared.lines);
        let blank = CardQuote {
            card: crate::ids::CardId(0),
            outcome: Outcome::Refused(Reason::NothingLeft),
            pays: false,
            goods: Amount(0),
            shipping: Amount(0),
            scope: 0,
        };
        self.cards.clear();
        self.cards.resize(prepared.cards.len(), blank);
        for (place, card) in prepared.cards.iter().enumerate() {
            self.cards[card.at] = CardQuote {
                card: card.card,
                outcome: self.outcomes[place],
                pays: card.stage == Stage::StoredValue,
                scope: card.lines,
                ..blank
            };
        }
        self.shares.clear();
        self.shares.resize(prepared.cards.len() * lines, Amount(0));
        for turn in 0..depth {
            let (before, after): (&Level, &Level) = (self.levels.at(turn), self.levels.at(turn + 1));
            let at = usize::from(self.order[turn]);
            let shares = &mut self.shares[at * lines..][..lines];
            let mut goods = 0;
            for (line, share) in shares.iter_mut().enumerate() {
                *share = Amount(before.left[line] - after.left[line]);
                goods += share.0;
            }
            self.cards[at].goods = Amount(goods);
            self.cards[at].shipping = Amount(before.shipping - after.shipping);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cart::Line;
    use crate::offer::Kind;

    #[test]
    fn the_largest_quote_finds_all_its_room_there() {
        let lines = [Line::new(1, 100, 1); LINES_MAX];
        let offers: Vec<Offer<'_>> =
            (0..CARDS_MAX as u64).map(|card| Offer::new(card, Kind::amount_off(card + 1))).collect();
        let mut quoter = Quoter::new();
        let room = |quoter: &Quoter| {
            let at = (quoter.cards.as_ptr(), quoter.lines.as_ptr(), quoter.shares.as_ptr());
            (at, quoter.cards.capacity(), quoter.lines.capacity(), quoter.shares.capacity())
        };
        let before = room(&quoter);
        let best = quoter.best(&Cart::of(&lines), &offers).expect("a quote");
        assert_eq!(best.quote.order().count(), CARDS_MAX);
        assert_eq!(room(&quoter), before);
    }
}

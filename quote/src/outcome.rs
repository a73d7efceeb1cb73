//! What a quote says: per card whether it counts and why not, per line and in all what is taken off and what is left to
//! pay. It stands apart from the arithmetic because it is what others read.
//!
//! Invariant: gross = platform + discount + paid + due, for every line, for the shipping and in all; the shares of a card
//! add up to what it takes off goods.

use crate::ids::{Amount, CardId};

/// A priced cart. It borrows from the [`crate::Quoter`] that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote<'q> {
    /// The cards, in the order in which they were given.
    pub cards: &'q [CardQuote],
    /// The lines, in the order of the cart.
    pub lines: &'q [LineQuote],
    /// The shipping.
    pub shipping: ShippingQuote,
    /// Everything together.
    pub totals: Totals,
    pub(crate) shares: &'q [Amount],
    pub(crate) order: &'q [u8],
}

impl<'q> Quote<'q> {
    /// What the card at `card` takes off each line.
    ///
    /// # Panics
    /// If there is no such card.
    pub fn shares(&self, card: usize) -> &'q [Amount] {
        assert!(card < self.cards.len(), "there is no card {card} in this quote");
        &self.shares[card * self.lines.len()..][..self.lines.len()]
    }

    /// The positions of the cards that are used, in the order in which they took their turns.
    pub fn order(&self) -> impl Iterator<Item = usize> + use<'q> {
        self.order.iter().map(|at| usize::from(*at))
    }
}

/// The best combination, as far as it was searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Best<'q> {
    /// The cart with it.
    pub quote: Quote<'q>,
    /// Whether no combination is better. If not, the search ended at its bound of work.
    pub exact: bool,
    /// What the search took, in cards judged against a cart.
    pub work: u32,
}

/// One card in a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardQuote {
    /// Which.
    pub card: CardId,
    /// Whether it is used.
    pub outcome: Outcome,
    /// Whether what it takes off is payment ([`crate::Kind::StoredValue`]), not discount.
    pub pays: bool,
    /// What it takes off the lines.
    pub goods: Amount,
    /// What it takes off the shipping.
    pub shipping: Amount,
    /// The lines in its scope, a bit each.
    pub(crate) scope: u64,
}

impl CardQuote {
    /// What it takes off in all.
    pub const fn amount(&self) -> Amount {
        Amount(self.goods.0 + self.shipping.0)
    }
}

/// Whether a card is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is, and takes something off.
    Used,
    /// It could be, alone, and the best combination does without it. Only [`crate::Quoter::best`] says so.
    LeftOut,
    /// It can't.
    Refused(Reason),
}

/// Why a card can't be used: the first that holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is not valid yet.
    NotStarted,
    /// It is valid no longer.
    Expired,
    /// It is in another currency.
    Currency,
    /// Not in this channel.
    Channel,
    /// Not in this store.
    Store,
    /// Not for this user.
    Segment,
    /// No line is in its scope.
    NoLine,
    /// Too little is bought.
    Threshold {
        /// What counts.
        counted: Amount,
        /// What must count at least.
        needed: Amount,
    },
    /// There is nothing that it could take off.
    NothingLeft,
}

/// One line in a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineQuote {
    /// How many pieces.
    pub quantity: u32,
    /// What they cost before everything.
    pub gross: Amount,
    /// What the platform pays.
    pub platform: Amount,
    /// What cards take off.
    pub discount: Amount,
    /// What stored value pays.
    pub paid: Amount,
    /// What is left to pay.
    pub due: Amount,
}

/// The shipping in a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippingQuote {
    /// What it costs before everything.
    pub gross: Amount,
    /// What cards take off.
    pub discount: Amount,
    /// What stored value pays.
    pub paid: Amount,
    /// What is left to pay.
    pub due: Amount,
}

/// The cart in a quote: its lines and the shipping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// What everything costs before everything.
    pub gross: Amount,
    /// What the platform pays.
    pub platform: Amount,
    /// What cards take off.
    pub discount: Amount,
    /// What stored value pays.
    pub paid: Amount,
    /// What is left to pay.
    pub due: Amount,
}

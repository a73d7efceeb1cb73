//! What a QUOTE carries: a cart, and cards or whose wallet. The rules are in docs/cards.md.
//!
//! It stands apart so that the table of commands can be read at a glance. Invariant: a cart that passed `check` can be priced:
//! nothing of it is out of the bounds of the crate that does so.

use super::{Malformed, Parties};
use crate::ids::{CardId, OperationId, OrderId, StockId, UserId};
use crate::limits::{
    QUOTE_AMOUNT_MAX, QUOTE_CARDS_MAX, QUOTE_HELD_AMOUNT_MAX, QUOTE_LINES_MAX, TTL_MAX_MS, UNITS_PER_LINE_MAX,
};
use arrayvec::ArrayVec;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// What would a cart cost?
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quote<'a> {
    /// Whose cards; 0: not told.
    pub user: UserId,
    /// The store; 0: not told.
    pub store: u64,
    /// The best of `cards` are wanted, not all of them.
    pub best: bool,
    /// What is bought; 1 to 20 lines.
    pub lines: &'a [CartLine],
    /// With which cards, at most 20. None: the best of the user's wallet.
    pub cards: &'a [QuoteCard],
}

/// QUOTE_RESERVE: a cart is priced, and its stocks and the cards that are used are held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuoteReserve<'a> {
    /// The gateway's order; 0: none.
    pub order: OrderId,
    /// The buyer, whose cards are used; 0: none.
    pub user: UserId,
    /// The store; 0: not told.
    pub store: u64,
    /// The best of `cards` are wanted, not all of them.
    pub best: bool,
    /// A hold of the same user or order that this one takes the place of; 0: none.
    pub replace: OperationId,
    /// Whom else the demand comes from; `None`: not told.
    pub parties: Option<&'a Parties>,
    /// What the buyer was told that is left to pay, in minor units; `None`: not checked.
    pub expected_total: Option<u64>,
    /// Time to live in milliseconds; 0: the default of 900 s.
    pub ttl_ms: u32,
    /// What is bought; 1 to 20 lines, of which at least one has a stock, for at most 2^42 - 1 in all.
    pub lines: &'a [StockedLine],
    /// With which cards, at most 20. None: the best of the user's wallet.
    pub cards: &'a [QuoteCard],
}

/// One line of the cart of a QUOTE_RESERVE, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct StockedLine {
    /// The stock that its pieces are units of; 0: none, somebody else looks after them.
    pub stock: U64,
    /// What is bought.
    pub line: CartLine,
}

impl StockedLine {
    /// A line of a cart whose pieces are units of a stock; stock 0: of none.
    pub const fn new(stock: StockId, line: CartLine) -> StockedLine {
        StockedLine { stock: U64::new(stock.0), line }
    }

    /// The stock; `None`: it has none.
    pub fn stock(&self) -> Option<StockId> {
        (self.stock.get() != 0).then_some(StockId(self.stock.get()))
    }
}

/// One line of a cart, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct CartLine {
    /// The product; 0: not told.
    pub product: U64,
    /// Its category; 0: not told.
    pub category: U64,
    /// What one piece costs, in minor units; may be 0.
    pub unit_price: U64,
    /// Pieces; at least 1.
    pub quantity: U32,
    /// Reserved; 0.
    pub spare: U32,
}

impl CartLine {
    /// So many pieces of a product of a category at a price.
    pub const fn new(product: u64, category: u64, unit_price: u64, quantity: u32) -> CartLine {
        CartLine {
            product: U64::new(product),
            category: U64::new(category),
            unit_price: U64::new(unit_price),
            quantity: U32::new(quantity),
            spare: U32::ZERO,
        }
    }

    /// What its pieces cost; `None`: more than can be written.
    fn gross(&self) -> Option<u64> {
        self.unit_price.get().checked_mul(u64::from(self.quantity.get()))
    }
}

/// A card that a QUOTE names, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct QuoteCard {
    /// The card.
    pub card: U64,
    /// The generation of its code; 0 if it is named by its id.
    pub generation: u8,
    /// 1: a code has named it.
    pub by_code: u8,
    /// Reserved; 0.
    pub spare: [u8; 6],
}

impl QuoteCard {
    /// A card by its id, or by a code of this generation.
    pub fn new(card: CardId, generation: Option<u8>) -> QuoteCard {
        QuoteCard {
            card: U64::new(card.0),
            generation: generation.unwrap_or(0),
            by_code: u8::from(generation.is_some()),
            spare: [0; 6],
        }
    }

    /// The card.
    pub fn card(&self) -> CardId {
        CardId(self.card.get())
    }

    /// The generation of its code; `None`: it is named by its id.
    pub fn generation(&self) -> Option<u8> {
        (self.by_code != 0).then_some(self.generation)
    }

    pub(super) fn is_sound(&self) -> bool {
        let spelled_once = self.by_code == 1 || self.by_code == 0 && self.generation == 0;
        spelled_once && self.spare == [0; 6]
    }
}

impl QuoteReserve<'_> {
    /// The lines as a QUOTE has them.
    pub fn cart(&self) -> ArrayVec<CartLine, QUOTE_LINES_MAX> {
        self.lines.iter().map(|line| line.line).collect()
    }

    pub(super) fn check(&self, operation: OperationId) -> Result<(), Malformed> {
        if self.lines.len() > QUOTE_LINES_MAX {
            return Err(Malformed::CartLineCount(self.lines.len()));
        }
        let QuoteReserve { user, store, best, cards, .. } = *self;
        Quote { user, store, best, lines: &self.cart(), cards }.check()?;
        if self.ttl_ms > TTL_MAX_MS {
            return Err(Malformed::Ttl(self.ttl_ms));
        }
        if self.replace == operation {
            return Err(Malformed::ReplaceSelf);
        }
        let mut together = 0;
        let mut is_sound = |line: &StockedLine| {
            let is_priced = line.stock().is_none() || line.line.unit_price.get() <= u64::from(u32::MAX);
            together += line.line.gross().expect("a cart that is sound costs little");
            let is_small =
                line.line.quantity.get() <= UNITS_PER_LINE_MAX && together <= QUOTE_HELD_AMOUNT_MAX;
            is_small && is_priced
        };
        if let Some(at) = self.lines.iter().position(|line| !is_sound(line)) {
            return Err(Malformed::StockedLine(at));
        }
        match self.lines.iter().any(|line| line.stock().is_some()) {
            true => Ok(()),
            false => Err(Malformed::NothingStocked),
        }
    }
}

impl Quote<'_> {
    pub(super) fn check(&self) -> Result<(), Malformed> {
        if self.lines.is_empty() || self.lines.len() > QUOTE_LINES_MAX {
            return Err(Malformed::CartLineCount(self.lines.len()));
        }
        let mut together = 0_u64;
        for (at, line) in self.lines.iter().enumerate() {
            let total = line.gross().and_then(|gross| together.checked_add(gross));
            let total = total.filter(|total| *total <= QUOTE_AMOUNT_MAX);
            together = total.ok_or(Malformed::CartLine(at))?;
            if line.quantity.get() == 0 || line.spare.get() != 0 {
                return Err(Malformed::CartLine(at));
            }
        }
        if self.cards.len() > QUOTE_CARDS_MAX || self.best && self.cards.is_empty() {
            return Err(Malformed::QuoteCardCount(self.cards.len()));
        }
        for (at, card) in self.cards.iter().enumerate() {
            let twice = self.cards[..at].iter().any(|earlier| earlier.card == card.card);
            if twice || !card.is_sound() {
                return Err(Malformed::QuoteCard(at));
            }
            if card.generation > super::check::GENERATION_MAX {
                return Err(Malformed::Generation(card.generation));
            }
        }
        Ok(())
    }
}

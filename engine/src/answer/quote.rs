//! The answer of a QUOTE. It stands apart from the answers so that their table stays in one view.
//!
//! Invariant: the discounts of the cards, those of the lines, and all shares each add up to the discount of the cart.

use crate::ids::{CardId, StockId};
use crate::rejection::Code;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// What a cart costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuoteView<'a> {
    /// Before any card, in minor units.
    pub gross: u64,
    /// What the cards take off.
    pub discount: u64,
    /// No combination of the cards that were to choose from is better. Cards that were all given are not chosen: exact.
    pub exact: bool,
    /// The cards: in the order of the command, or the newest of the wallet first.
    pub cards: &'a [QuotedCard],
    /// The lines, in the order of the cart.
    pub lines: &'a [QuotedLine],
    /// What each card takes off each line: card by card, as many as there are lines.
    pub shares: &'a [U64],
}

/// What a RETURN gives back of a hold that was made from a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PiecesReturned {
    /// Pieces given back by this operation, over all lines.
    pub pieces: u64,
    /// What they cost the buyer, in minor units: their prices without their shares of the discounts.
    pub amount: u64,
    /// The cards of the hold that came back with them, bit n for the n-th.
    pub cards: u32,
}

impl PiecesReturned {
    /// Above the pieces in the number that is kept, the cards.
    const CARDS_SHIFT: u32 = 40;

    /// The number in the operation's record.
    pub const fn value(&self) -> u64 {
        (self.cards as u64) << PiecesReturned::CARDS_SHIFT | self.pieces
    }

    /// What such a number says, with the amount.
    pub const fn from_value(value: u64, amount: u64) -> PiecesReturned {
        let pieces = value & ((1 << PiecesReturned::CARDS_SHIFT) - 1);
        PiecesReturned { pieces, amount, cards: (value >> PiecesReturned::CARDS_SHIFT) as u32 }
    }

    /// The places of the cards that came back.
    pub fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let cards = self.cards;
        (0..32).filter(move |place| cards >> place & 1 == 1)
    }
}

const _: () = assert!(
    crate::limits::CARDS_PER_HOLD_MAX <= 24
        && (crate::limits::QUOTE_LINES_MAX as u64) * (crate::limits::UNITS_PER_LINE_MAX as u64)
            < 1 << PiecesReturned::CARDS_SHIFT
);

/// What becomes of a card in a quote. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CardOutcome {
    /// It takes something off.
    Used = 1,
    /// It could, alone; the best combination does without it.
    LeftOut = 2,
    /// It may be used, and would take nothing off.
    Nothing = 3,
    /// It can't be used.
    Refused = 4,
}

impl CardOutcome {
    /// The outcome with this number.
    pub const fn from_number(number: u8) -> Option<CardOutcome> {
        Some(match number {
            1 => CardOutcome::Used,
            2 => CardOutcome::LeftOut,
            3 => CardOutcome::Nothing,
            4 => CardOutcome::Refused,
            _ => return None,
        })
    }
}

/// A card in a quote, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QuotedCard {
    /// Its id.
    pub card: U64,
    /// The id of its campaign's stock; 0: it was not found.
    pub campaign: U64,
    /// What it takes off, in minor units.
    pub discount: U64,
    /// Refused with RULE_FAILED: the amount that counts for its threshold; NOT_STARTED, EXPIRED: the time; else 0.
    pub fact: U64,
    /// Refused with RULE_FAILED: the threshold; else 0.
    pub threshold: U64,
    /// Used: units that its redemption takes; else 0.
    pub units: U32,
    /// Refused: the number of the [`Code`]; else 0.
    pub code: U16,
    /// A [`CardOutcome`].
    pub outcome: u8,
    /// Used: the order in which the cards take their turns, from 1; else 0.
    pub turn: u8,
}

impl QuotedCard {
    /// The card.
    pub fn card(&self) -> CardId {
        CardId(self.card.get())
    }

    /// Its campaign; `None`: it was not found.
    pub fn campaign(&self) -> Option<StockId> {
        (self.campaign.get() != 0).then_some(StockId(self.campaign.get()))
    }

    /// What becomes of it; `None`: no version of this engine says so.
    pub const fn outcome(&self) -> Option<CardOutcome> {
        CardOutcome::from_number(self.outcome)
    }

    /// Why it is refused.
    pub fn refusal(&self) -> Option<Code> {
        Code::from_number(self.code.get())
    }
}

/// A line in a quote, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QuotedLine {
    /// What its pieces cost before any card.
    pub gross: U64,
    /// What the cards take off it.
    pub discount: U64,
}

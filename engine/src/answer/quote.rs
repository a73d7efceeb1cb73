//! The answer of a QUOTE. It stands apart from the answers so that their table stays in one view.
//!
//! Invariant: what the cards take off and what they pay, each line's share of that, and what the lines are told of it each add up to
//! the discount of the cart and to what is paid of it.

use crate::ids::{CardId, StockId};
use crate::limits::{
    CARD_VALUE_MAX, CARDS_PER_HOLD_MAX, QUOTE_CARDS_MAX, QUOTE_HELD_AMOUNT_MAX, QUOTE_LINES_MAX,
    UNITS_PER_LINE_MAX,
};
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
    /// What cards of stored value pay.
    pub paid: u64,
    /// No combination of the cards that were to choose from is better. Cards that were all given are not chosen: exact.
    pub exact: bool,
    /// The cards: in the order of the command, or the newest of the wallet first.
    pub cards: &'a [QuotedCard],
    /// The lines, in the order of the cart.
    pub lines: &'a [QuotedLine],
    /// What each card takes off each line, or pays of it: card by card, as many as there are lines.
    pub shares: &'a [U64],
}

impl QuoteView<'_> {
    /// What is left to pay.
    pub const fn due(&self) -> u64 {
        self.gross - self.discount - self.paid
    }
}

/// What a RETURN gives back of a hold that was made from a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PiecesReturned {
    /// Pieces given back by this operation, over all lines.
    pub pieces: u64,
    /// What they cost the buyer, in minor units: their prices without their shares of the discounts and of what cards paid.
    pub amount: u64,
    /// What cards of stored value had paid of them and have got back, in minor units.
    pub on_cards: u64,
    /// The cards of the hold to which something went back with them, bit n for the n-th.
    pub cards: u32,
}

impl PiecesReturned {
    /// Above the pieces in the number that OPERATION_SHOW answers, the cards.
    const CARDS_SHIFT: u32 = 40;
    /// Bits of the pieces in what is kept. Above them lie the lower bits of what went back on cards, above these the cards.
    const PIECES_BITS: u32 = 31;
    /// The lower bits of what went back on cards. The others are kept above the amount.
    const LOW_BITS: u32 = 13;
    /// Bits of the amount.
    const AMOUNT_BITS: u32 = QUOTE_HELD_AMOUNT_MAX.count_ones();

    /// The number that OPERATION_SHOW answers.
    pub const fn value(&self) -> u64 {
        (self.cards as u64) << PiecesReturned::CARDS_SHIFT | self.pieces
    }

    /// The two numbers that are kept of it.
    pub const fn kept(&self) -> (u64, u64) {
        let low = self.on_cards & ((1 << PiecesReturned::LOW_BITS) - 1);
        let cards = (self.cards as u64) << PiecesReturned::LOW_BITS | low;
        let above = self.on_cards >> PiecesReturned::LOW_BITS << PiecesReturned::AMOUNT_BITS;
        (cards << PiecesReturned::PIECES_BITS | self.pieces, above | self.amount)
    }

    /// What two such numbers say.
    pub const fn from_kept((number, noted): (u64, u64)) -> PiecesReturned {
        let pieces = number & ((1 << PiecesReturned::PIECES_BITS) - 1);
        let rest = number >> PiecesReturned::PIECES_BITS;
        let low = rest & ((1 << PiecesReturned::LOW_BITS) - 1);
        let on_cards = noted >> PiecesReturned::AMOUNT_BITS << PiecesReturned::LOW_BITS | low;
        let cards = (rest >> PiecesReturned::LOW_BITS) as u32;
        PiecesReturned { pieces, amount: noted & QUOTE_HELD_AMOUNT_MAX, on_cards, cards }
    }

    /// The places of those cards.
    pub fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let cards = self.cards;
        (0..32).filter(move |place| cards >> place & 1 == 1)
    }
}

// What is kept fits its two words: the pieces, the cards, and what all cards of a cart can pay together.
const _: () = assert!(
    QUOTE_LINES_MAX as u64 * (UNITS_PER_LINE_MAX as u64) < 1 << PiecesReturned::PIECES_BITS
        && CARDS_PER_HOLD_MAX as u32 + PiecesReturned::LOW_BITS + PiecesReturned::PIECES_BITS <= u64::BITS
        && QUOTE_CARDS_MAX as u64 * (CARD_VALUE_MAX as u64)
            < 1 << (PiecesReturned::LOW_BITS + u64::BITS - PiecesReturned::AMOUNT_BITS)
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
    /// It is stored value, and pays something.
    Pays = 5,
}

impl CardOutcome {
    /// The outcome with this number.
    pub const fn from_number(number: u8) -> Option<CardOutcome> {
        Some(match number {
            1 => CardOutcome::Used,
            2 => CardOutcome::LeftOut,
            3 => CardOutcome::Nothing,
            4 => CardOutcome::Refused,
            5 => CardOutcome::Pays,
            _ => return None,
        })
    }

    /// Whether the card takes something off or pays something: it is one of those that are held with the cart.
    pub const fn is_used(self) -> bool {
        matches!(self, CardOutcome::Used | CardOutcome::Pays)
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
    /// What it takes off, or pays, in minor units.
    pub discount: U64,
    /// Refused with RULE_FAILED: the amount that counts for its threshold; NOT_STARTED, EXPIRED: the time; else 0.
    pub fact: U64,
    /// Refused with RULE_FAILED: the threshold; else 0.
    pub threshold: U64,
    /// Used, or paying: units that its redemption takes; else 0.
    pub units: U32,
    /// Refused: the number of the [`Code`]; else 0.
    pub code: U16,
    /// A [`CardOutcome`].
    pub outcome: u8,
    /// Used, or paying: the order in which the cards take their turns, from 1; else 0.
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
    /// What cards of stored value pay of it.
    pub paid: U64,
}

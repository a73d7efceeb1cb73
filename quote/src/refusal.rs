//! Why there is no quote. Two kinds, never mixed: the input is malformed, or the chosen cards may not be used together.
//! A card that does not count for a cart is neither: the quote says so beside the card ([`crate::outcome::Reason`]).
//!
//! Invariant: nothing is quoted in part; a refusal names what it is about by position or id.

use crate::ids::CardId;
use thiserror::Error;

/// Why a cart was not priced with the chosen cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The input breaks a rule.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The cards may not be used together.
    #[error(transparent)]
    Clash(#[from] Clash),
}

/// What is wrong with a cart or an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// More of something than [`crate::limits`] allows.
    #[error("{item}: {count}, at most {max}")]
    TooMany {
        /// Of what.
        item: Item,
        /// How many were given.
        count: usize,
        /// How many may be.
        max: usize,
    },
    /// A line without pieces.
    #[error("line {line}: no pieces")]
    NoPieces {
        /// Its position.
        line: usize,
    },
    /// A line whose price times quantity is beyond [`crate::limits::AMOUNT_MAX`].
    #[error("line {line}: too large an amount")]
    LineTooLarge {
        /// Its position.
        line: usize,
    },
    /// A cart that with its shipping is beyond [`crate::limits::AMOUNT_MAX`].
    #[error("the cart: too large an amount")]
    CartTooLarge,
    /// A platform-funded discount for a line that is not there.
    #[error("a fixed discount: there is no line {line}")]
    NoSuchLine {
        /// The position it names.
        line: usize,
    },
    /// Platform-funded discounts of more than their line costs.
    #[error("line {line}: its fixed discounts are more than it costs")]
    FixedBeyondLine {
        /// Its position.
        line: usize,
    },
    /// A card that stands twice among the offers.
    #[error("card {card}: given twice")]
    CardTwice {
        /// Which.
        card: CardId,
    },
    /// An offer that can't be meant.
    #[error("card {card}: {fault}")]
    Offer {
        /// Whose.
        card: CardId,
        /// What is wrong with it.
        fault: OfferFault,
    },
}

/// What there may be too many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Item {
    /// [`crate::limits::LINES_MAX`].
    #[error("lines")]
    Lines,
    /// [`crate::limits::CATEGORIES_PER_LINE_MAX`].
    #[error("categories of a line")]
    Categories,
    /// [`crate::limits::SEGMENTS_MAX`].
    #[error("segments of the user")]
    Segments,
    /// [`crate::limits::FIXED_DISCOUNTS_MAX`].
    #[error("fixed discounts")]
    FixedDiscounts,
    /// [`crate::limits::CARDS_MAX`].
    #[error("cards")]
    Cards,
    /// [`crate::limits::TIERS_MAX`].
    #[error("tiers of an offer")]
    Tiers,
    /// [`crate::limits::SCOPE_ENTRIES_MAX`].
    #[error("entries of an offer's scope")]
    ScopeEntries,
}

/// What is wrong with an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OfferFault {
    /// An amount beyond [`crate::limits::AMOUNT_MAX`].
    #[error("too large an amount")]
    AmountTooLarge,
    /// A share of nothing, or of more than the whole.
    #[error("a share off is 1 to 10,000 hundredths of a percent")]
    Share,
    /// No pieces.
    #[error("it counts for no pieces")]
    Pieces,
    /// No repeats at all, or several without a threshold.
    #[error("it repeats never, or without a threshold")]
    Repeats,
    /// No tiers, tiers out of order, or a threshold besides.
    #[error("its tiers do not ascend, or there is a threshold besides them")]
    Tiers,
    /// A stacking class beyond the last.
    #[error("no such stacking class")]
    StackingClass,
    /// A list of the scope that does not ascend.
    #[error("a list of its scope does not ascend")]
    ScopeOrder,
    /// A card that ends before it starts.
    #[error("it expires before it starts")]
    Validity,
}

/// Two cards that may not be used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cards {first} and {second} may not be used together: {cause}")]
pub struct Clash {
    /// The one that takes its turn earlier.
    pub first: CardId,
    /// The other.
    pub second: CardId,
    /// Why.
    pub cause: ClashCause,
}

/// Why two cards may not be used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClashCause {
    /// One of them is exclusive.
    #[error("one of them is exclusive")]
    Exclusive,
    /// One of them does not combine with the other's class.
    #[error("their stacking classes do not combine")]
    Classes,
}

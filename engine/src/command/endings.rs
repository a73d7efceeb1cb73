//! What ends cards: a campaign that is void, a batch of bearer cards that is void or goes back to the supply, a card that is
//! recycled. The rules are in docs/cards.md, "Many cards at once" and "Merging and recycling".
//!
//! It stands apart so that the table of commands can be read at a glance. Invariant: a reason is only ever kept, never judged.

use super::Malformed;
use crate::ids::{CardId, Slot, StockId};
use crate::limits::CARD_VALUE_MAX;

/// How a batch of bearer cards ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEnd {
    /// CARD_BATCH_VOID: its cards are void.
    Void {
        /// The merchant's reason.
        reason: u16,
    },
    /// CARD_BATCH_RECYCLE: its cards have expired, and as many others can be issued.
    Recycle,
}

/// What becomes of an expired card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecycleInto {
    /// Another card can be issued in its place.
    Supply,
    /// Points, for the same owner.
    Points {
        /// The card that gets them.
        card: CardId,
        /// How many.
        units: u32,
    },
    /// A card of another campaign, for the same owner.
    Campaign(StockId),
}

impl RecycleInto {
    /// Its number on the wire and in the log.
    pub const fn number(self) -> u8 {
        match self {
            RecycleInto::Supply => 0,
            RecycleInto::Points { .. } => 1,
            RecycleInto::Campaign(_) => 2,
        }
    }

    /// The slot that it names, if it names any.
    pub fn slot(self) -> Option<Slot> {
        match self {
            RecycleInto::Supply => None,
            RecycleInto::Points { card, .. } => Some(card.slot()),
            RecycleInto::Campaign(campaign) => Some(campaign.slot()),
        }
    }

    pub(super) fn check(self) -> Result<(), Malformed> {
        match self {
            RecycleInto::Points { units, .. } if units == 0 || units > CARD_VALUE_MAX => {
                Err(Malformed::Recycle(units))
            }
            _ => Ok(()),
        }
    }
}

//! GIFT, ACCEPT_GIFT, CANCEL_GIFT: what can be asked of a card that goes from hand to hand. The rules are in docs/cards.md.
//!
//! They are one command inside, because which card is meant is said and checked the same way for all three. Invariant: what
//! passed `check` lasts at least a second, and is accepted by somebody.

use super::Malformed;
use crate::ids::UserId;
use crate::limits::GIFT_LASTS_MAX_S;

/// What is asked about the gift of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiftWish {
    /// GIFT: it is given.
    Give {
        /// Who gives it; 0: not told.
        user: UserId,
        /// Who may accept it; 0: whoever the caller lets.
        to: UserId,
        /// Seconds for which it can be accepted.
        lasts_s: u32,
    },
    /// ACCEPT_GIFT: it is this user's from now on.
    Accept {
        /// The receiver.
        user: UserId,
    },
    /// CANCEL_GIFT: the giver keeps it.
    Cancel {
        /// Who takes it back; 0: not told.
        user: UserId,
    },
}

impl GiftWish {
    pub(super) fn check(self) -> Result<(), Malformed> {
        let sound = match self {
            GiftWish::Give { lasts_s, .. } => (1..=GIFT_LASTS_MAX_S).contains(&lasts_s),
            GiftWish::Accept { user } => user.0 != 0,
            GiftWish::Cancel { .. } => true,
        };
        if sound { Ok(()) } else { Err(Malformed::Gift) }
    }
}

//! TOPUP, EARN, CARD_REFUND, RENEW, LEVEL: what can be asked of the account of a card. The rules are in docs/cards.md.
//!
//! They are one command inside, because who may ask and which card is meant is said and checked the same way for all five.
//! Invariant: what passed `check` moves at least a unit, a second or a level.

use super::{CampaignKind, Malformed};
use crate::limits::{CARD_VALUE_MAX, TIERS_MAX};

/// What is asked of a card's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountWish {
    /// TOPUP: stored value is paid in.
    TopUp {
        /// Units that are paid for.
        principal: u32,
        /// Units that come with them.
        bonus: u32,
        /// What was paid for the principal, in minor units.
        paid: u32,
        /// When these units end, ms; 0: with the card.
        until_ms: u64,
    },
    /// EARN: stamps or points.
    Earn {
        /// Units.
        units: u32,
    },
    /// CARD_REFUND: what is left is paid back, and void.
    Refund,
    /// RENEW: a pass is valid for longer.
    Renew {
        /// Seconds.
        seconds: u32,
    },
    /// LEVEL: a pass goes up or down.
    Level {
        /// The level from now on, from 1.
        level: u8,
    },
}

impl AccountWish {
    /// Whether the cards of this kind of campaign have such an account.
    pub const fn is_for(self, kind: CampaignKind) -> bool {
        match self {
            AccountWish::TopUp { .. } | AccountWish::Refund => matches!(kind, CampaignKind::StoredValue),
            AccountWish::Earn { .. } => matches!(kind, CampaignKind::Stamps | CampaignKind::Points),
            AccountWish::Renew { .. } | AccountWish::Level { .. } => matches!(kind, CampaignKind::Pass),
        }
    }

    pub(super) fn check(self) -> Result<(), Malformed> {
        let sound = match self {
            AccountWish::TopUp { principal, bonus, paid, .. } => {
                principal.max(bonus).max(paid) <= CARD_VALUE_MAX && (principal > 0 || bonus > 0 && paid == 0)
            }
            AccountWish::Earn { units } => (1..=CARD_VALUE_MAX).contains(&units),
            AccountWish::Refund => true,
            AccountWish::Renew { seconds } => seconds > 0,
            AccountWish::Level { level } => (1..=TIERS_MAX as u8).contains(&level),
        };
        if sound { Ok(()) } else { Err(Malformed::Account) }
    }
}

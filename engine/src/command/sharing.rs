//! ACTIVITY_CREATE, ACTIVITY_EDIT, ACTIVITY_SHOW, and the referral of a CLAIM: what can be asked of users who bring others. The rules
//! are in docs/sharing.md.
//!
//! Invariant: what passed `check` counts something, and its sources are 1 to 8 campaigns in ascending order.

use super::Malformed;
use crate::ids::{ActivityId, StockId, UserId};
use crate::limits::{ACTIVITY_SOURCES_MAX, FRIENDS_PER_REWARD_MAX, REWARDS_PER_REFERRER_MAX};
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// By whose word the owner of a claimed card has come, as it lies on the wire and in the log.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Referral {
    /// The activity.
    pub activity: U64,
    /// The referrer; not 0.
    pub referrer: U128,
}

impl Referral {
    /// This referrer's, in this activity.
    pub const fn new(activity: ActivityId, referrer: UserId) -> Referral {
        Referral { activity: U64::new(activity.0), referrer: U128::new(referrer.0) }
    }

    /// The activity.
    pub const fn activity(&self) -> ActivityId {
        ActivityId(self.activity.get())
    }

    /// The referrer.
    pub const fn referrer(&self) -> UserId {
        UserId(self.referrer.get())
    }
}

/// What counts in an activity. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Counting {
    /// A friend's first claim.
    Claims = 1,
    /// The first redemption of the card that he claimed first.
    Redemptions = 2,
}

impl Counting {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Counting::Claims => "claims",
            Counting::Redemptions => "redemptions",
        }
    }

    /// That with this number.
    pub const fn from_number(number: u8) -> Option<Counting> {
        Some(match number {
            1 => Counting::Claims,
            2 => Counting::Redemptions,
            _ => return None,
        })
    }
}

/// The rule of an activity, as it lies on the wire and in the log.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ActivityTerms {
    /// The campaign of which referrers get cards.
    pub reward: U64,
    /// Friends count from then on, ms; 0: open.
    pub from_ms: U64,
    /// And until then, ms; 0: open.
    pub until_ms: U64,
    /// Rewards that one referrer gets at most.
    pub most: U32,
    /// After so many friends each.
    pub every: U16,
    /// A [`Counting`].
    pub counts: u8,
    /// How many sources there are.
    pub sources_count: u8,
    /// The campaigns whose cards friends claim, in ascending order; behind them 0.
    pub sources: [U64; ACTIVITY_SOURCES_MAX],
}

impl ActivityTerms {
    /// The campaign of which referrers get cards.
    pub const fn reward(&self) -> StockId {
        StockId(self.reward.get())
    }

    /// The campaigns whose cards friends claim.
    pub fn sources(&self) -> impl Iterator<Item = StockId> {
        let count = usize::from(self.sources_count).min(ACTIVITY_SOURCES_MAX);
        self.sources.into_iter().take(count).map(|source| StockId(source.get()))
    }

    /// What counts. Panics on terms that were not checked.
    pub fn counting(&self) -> Counting {
        Counting::from_number(self.counts).expect("an activity counts something")
    }

    /// Whether its numbers lie inside their limits.
    pub fn is_sound(&self) -> bool {
        let count = usize::from(self.sources_count);
        if !(1..=ACTIVITY_SOURCES_MAX).contains(&count) {
            return false;
        }
        let (told, rest) = self.sources.split_at(count);
        (1..=FRIENDS_PER_REWARD_MAX).contains(&self.every.get())
            && (1..=REWARDS_PER_REFERRER_MAX).contains(&self.most.get())
            && Counting::from_number(self.counts).is_some()
            && told.windows(2).all(|pair| pair[0].get() < pair[1].get())
            && rest.iter().all(|source| source.get() == 0)
            && (self.until_ms == 0 || self.from_ms.get() < self.until_ms.get())
    }
}

/// What is asked of an activity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ActivityWish<'a> {
    /// ACTIVITY_CREATE.
    Create {
        /// Its id.
        activity: ActivityId,
        /// Its rule.
        terms: &'a ActivityTerms,
    },
    /// ACTIVITY_EDIT.
    Edit {
        /// The activity.
        activity: ActivityId,
        /// The version that the editor has seen.
        version: u32,
        /// The rule from now on.
        terms: &'a ActivityTerms,
    },
    /// ACTIVITY_SHOW, a query.
    Show {
        /// The activity.
        activity: ActivityId,
        /// Whose rewards are asked for; 0: nobody's.
        referrer: UserId,
    },
}

impl ActivityWish<'_> {
    pub(super) fn check(&self) -> Result<(), Malformed> {
        let sound = match self {
            ActivityWish::Create { terms, .. } | ActivityWish::Edit { terms, .. } => terms.is_sound(),
            ActivityWish::Show { .. } => true,
        };
        if sound { Ok(()) } else { Err(Malformed::Activity) }
    }

    /// Whether it changes nothing.
    pub const fn is_query(&self) -> bool {
        matches!(self, ActivityWish::Show { .. })
    }
}

//! GROUP_OPEN, GROUP_JOIN, GROUP_LEAVE, GROUP_SHOW: what can be asked of people who want cards together. The rules are in
//! docs/sharing.md.
//!
//! They are one command inside, because they are decided side by side. Invariant: what passed `check` names a user, and a
//! group that it opens can become full and lasts at least a second.

use super::{Issue, Malformed, Parties};
use crate::ids::{OperationId, StockId, UserId};
use crate::limits::{GROUP_LASTS_MAX_S, GROUP_MEMBERS_MAX, GROUP_MEMBERS_MIN};

/// What is asked of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GroupWish<'a> {
    /// GROUP_OPEN: a group is made, with its first member. Its id is that of the operation.
    Open {
        /// Whose cards they are to get.
        campaign: StockId,
        /// How many are to join, the first one included.
        size: u16,
        /// Seconds for which they may.
        lasts_s: u32,
        /// The first member.
        user: UserId,
        /// Whom else the demand comes from; `None`: not told.
        parties: Option<&'a Parties>,
    },
    /// GROUP_JOIN: one more member; the last one makes the group full.
    Join {
        /// The group.
        group: OperationId,
        /// The member.
        user: UserId,
        /// Whom else the demand comes from; `None`: not told.
        parties: Option<&'a Parties>,
    },
    /// GROUP_LEAVE: a member of an open group is none any more.
    Leave {
        /// The group.
        group: OperationId,
        /// The member.
        user: UserId,
    },
    /// GROUP_SHOW, a query.
    Show {
        /// The group.
        group: OperationId,
    },
}

impl GroupWish<'_> {
    pub(super) fn check(&self) -> Result<(), Malformed> {
        let sound = match *self {
            GroupWish::Open { size, lasts_s, user, .. } => {
                (GROUP_MEMBERS_MIN..=GROUP_MEMBERS_MAX).contains(&usize::from(size))
                    && (1..=GROUP_LASTS_MAX_S).contains(&lasts_s)
                    && user.0 != 0
            }
            GroupWish::Join { user, .. } | GroupWish::Leave { user, .. } => user.0 != 0,
            GroupWish::Show { .. } => true,
        };
        if sound { Ok(()) } else { Err(Malformed::Group) }
    }

    /// Whether it changes nothing.
    pub const fn is_query(&self) -> bool {
        matches!(self, GroupWish::Show { .. })
    }
}

/// The claim of one card that a member's wish amounts to.
pub(crate) const fn claim_of<'a>(campaign: StockId, user: UserId, parties: Option<&'a Parties>) -> Issue<'a> {
    Issue { owner: user, claimed: true, parties, ..Issue::of_nobody(campaign) }
}

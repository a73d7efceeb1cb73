//! Events of persons.

use super::Origin;
use crate::ids::UserId;

/// What became of persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonEvent {
    /// Two user ids, and whoever was of one person with either, are one person.
    Linked {
        /// The operation.
        origin: Origin,
        /// One id.
        user: UserId,
        /// The other.
        to: UserId,
        /// The operator's reason.
        reason: u16,
    },
    /// A user id is of no person any more.
    Unlinked {
        /// The operation.
        origin: Origin,
        /// The id.
        user: UserId,
        /// The operator's reason.
        reason: u16,
    },
}

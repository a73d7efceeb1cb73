//! What ends many cards at once: a campaign that is void, a batch of bearer cards that is void or goes back to the supply. The
//! rules are in docs/cards.md, "Many cards at once".
//!
//! It stands apart so that the table of commands can be read at a glance. Invariant: a reason is only ever kept, never judged.

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

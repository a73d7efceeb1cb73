//! Answers about notices of cards. They stand apart from the answers so that their table stays in one view.
//!
//! Invariant: [`NoticeView`] is the layout of docs/protocol.md.

use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A card that has expired or will soon, or a batch of bearer cards, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct NoticeView {
    /// The notice's number.
    pub number: U64,
    /// The card; of a batch its first.
    pub card: U64,
    /// Whose it is now; 0: a bearer card.
    pub owner: U128,
    /// Its campaign.
    pub campaign: U64,
    /// When it ends or has ended, ms.
    pub until_ms: U64,
    /// When it was told of, seconds since the Unix epoch.
    pub at_s: U32,
    /// Cards: those of a batch, whatever became of each of them; else 1.
    pub cards: U32,
    /// So many minutes before its end; 0: it has expired.
    pub lead_minutes: U16,
    /// 1: a batch of bearer cards.
    pub batch: u8,
    /// Reserved; 0.
    pub spare: [u8; 5],
}

/// NOTICES_READ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticesPage<'a> {
    /// The last number that was looked at, to go on after.
    pub next: u64,
    /// The newest number there is.
    pub newest: u64,
    /// Numbers between the one asked for and the oldest notice that is still there: nobody knows any more what they were.
    pub lost: u64,
    /// The merchant's notices of this page, the oldest first.
    pub notices: &'a [NoticeView],
}

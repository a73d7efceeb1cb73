//! Layouts of answers about notices of cards. They stand apart so that those about cards stay in one view.
//!
//! Invariant: layouts are documented byte by byte in docs/protocol.md, from these comments.

use zerocopy::little_endian::{U16, U32, U64, U128};

layout! {
    /// NOTICES; the notices follow, the oldest first.
    pub struct NoticesBody {
        /// the last number that was looked at: to go on after
        next: U64,
        /// the newest number there is; above `next`: there is more
        newest: U64,
        /// numbers behind `after` of which nobody knows any more what they were; those of other merchants count
        lost: U64,
    }
}

layout! {
    /// One notice, as `scrip_engine::answer::NoticeView` reads it in place.
    pub struct NoticeLayout {
        /// its number
        number: U64,
        /// the card; of a batch its first
        card: U64,
        /// whose it is now; 0: a bearer card
        owner: U128,
        /// its campaign
        campaign: U64,
        /// when it ends or has ended, ms since the Unix epoch
        until_ms: U64,
        /// when it was told of, seconds since the Unix epoch
        at_s: U32,
        /// cards: those of a batch, whatever became of each of them; else 1
        cards: U32,
        /// so many minutes before its end; 0: it has expired
        lead_minutes: U16,
        /// 1: a batch of bearer cards
        batch: u8,
        /// 0
        spare: [u8; 5],
    }
}

const _: () = assert!(size_of::<NoticeLayout>() == size_of::<scrip_engine::answer::NoticeView>());

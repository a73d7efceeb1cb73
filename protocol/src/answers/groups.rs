//! Layouts of answers about groups. They stand apart so that those about cards stay in one view.
//!
//! Invariant: layouts are documented byte by byte in docs/protocol.md, from these comments.

use zerocopy::little_endian::{U16, U32, U64, U128};

layout! {
    /// GROUP_JOINED.
    pub struct GroupJoinedBody {
        /// when the group lapses, or would have, ms since the Unix epoch
        deadline_ms: U64,
        /// members there are then; as many as `size`: everybody has his card
        members: U16,
        /// members that it is for
        size: U16,
        /// 0
        spare: U32,
    }
}

layout! {
    /// GROUP; the members follow, in the order they joined.
    pub struct GroupAnswerBody {
        /// its id
        group: U128,
        /// the campaign
        campaign: U64,
        /// shard time of its GROUP_OPEN, ms since the Unix epoch
        opened_ms: U64,
        /// when it lapses, or would have
        deadline_ms: U64,
        /// when it became full or lapsed; 0: it is open
        closed_ms: U64,
        /// members that it is for
        size: U16,
        /// 1 open, 2 full, 3 lapsed
        state: u8,
        /// 0
        spare: [u8; 5],
    }
}

layout! {
    /// One member of a group, as `scrip_engine::answer::GroupRow` reads it in place.
    pub struct GroupRowLayout {
        /// who
        user: U128,
        /// his card; 0 unless the group is full
        card: U64,
        /// the channel that he joined by
        channel: U16,
        /// 0
        spare: [u8; 6],
    }
}

const _: () = assert!(size_of::<GroupRowLayout>() == size_of::<scrip_engine::answer::GroupRow>());

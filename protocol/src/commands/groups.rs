//! Layouts of commands on groups. They stand apart so that those of cards stay in one view.
//!
//! Invariant: layouts are documented byte by byte in docs/protocol.md, from these comments.

use zerocopy::little_endian::{U16, U32, U64, U128};

layout! {
    /// GROUP_OPEN; what the flags announce follows.
    pub struct GroupOpenBody {
        /// the first member, not 0
        user: U128,
        /// the campaign
        campaign: U64,
        /// seconds for which others can join, 1 to 259,200
        lasts_s: U32,
        /// members that it is for, 2 to 100
        size: U16,
        /// 0
        spare: U16,
    }
}

layout! {
    /// GROUP_JOIN; what the flags announce follows.
    pub struct GroupJoinBody {
        /// the group: the operation id of its GROUP_OPEN
        group: U128,
        /// who joins, not 0
        user: U128,
    }
}

layout! {
    /// GROUP_LEAVE.
    pub struct GroupLeaveBody {
        /// the group
        group: U128,
        /// who leaves, not 0
        user: U128,
    }
}

layout! {
    /// GROUP_SHOW.
    pub struct GroupShowBody {
        /// the group
        group: U128,
    }
}

//! Layouts of commands on notices of cards. They stand apart so that those of cards stay in one view.
//!
//! Invariant: layouts are documented byte by byte in docs/protocol.md, from these comments.

use zerocopy::little_endian::{U32, U64};

layout! {
    /// NOTICES_READ.
    pub struct NoticesReadBody {
        /// only notices with numbers above this one; 0: all that are still there
        after: U64,
        /// notices wanted; 0, or more than 128: 128
        limit: U32,
        /// 0
        spare: U32,
    }
}

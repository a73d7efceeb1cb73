//! Layouts of answers about activities. They stand apart so that those about cards stay in one view.
//!
//! Invariant: layouts are documented byte by byte in docs/protocol.md, from these comments.

use zerocopy::little_endian::{U16, U32, U64, U128};

layout! {
    /// ACTIVITY; its rule follows.
    pub struct ActivityAnswerBody {
        /// its id
        activity: U64,
        /// goes up by one with every edit, from 1 on
        version: U32,
        /// the channel of its rewards
        channel: U16,
        /// 1: a referrer was asked for; 3: and he got a card
        told: U16,
        /// friends who have claimed
        friends: U64,
        /// friends who count
        counted: U64,
        /// rewards that they have earned
        earned: U64,
        /// rewards that were given: the others are owed
        given: U64,
        /// referrers with a friend
        referrers: U64,
        /// the referrer, under the id he is counted by
        referrer: U128,
        /// his friends who have claimed
        his_friends: U64,
        /// those of them who count
        his_counted: U64,
        /// rewards that they have earned
        his_earned: U64,
        /// rewards that were given to him
        his_given: U64,
        /// the card that he got last
        card: U64,
    }
}

//! Answers about activities. They stand apart from the answers so that their table stays in one view.

use crate::command::ActivityTerms;
use crate::ids::{ActivityId, CardId, ChannelId, UserId};

/// ACTIVITY_SHOW: an activity as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityView<'a> {
    /// Its id.
    pub activity: ActivityId,
    /// Goes up by one with every edit, from 1 on.
    pub version: u32,
    /// The channel of its rewards.
    pub channel: ChannelId,
    /// Its rule.
    pub terms: &'a ActivityTerms,
    /// What it has done.
    pub done: Shared,
    /// Referrers with a friend.
    pub referrers: u64,
    /// What was asked for beside: a referrer, under the id he is counted by (that asked for if he has no friend), what he has done, and
    /// the card that he got last.
    pub of: Option<(UserId, Shared, Option<CardId>)>,
}

/// What an activity, or one of its referrers, has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shared {
    /// Friends who have claimed.
    pub friends: u64,
    /// Friends who count.
    pub counted: u64,
    /// Rewards that they have earned.
    pub earned: u64,
    /// Rewards that were given: the others are owed.
    pub given: u64,
}

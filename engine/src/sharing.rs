//! A reward of a referrer that lies in another shard: what is told there, and what comes back.
//!
//! It stands apart from the commands because no client can ask for it: the server carries it from the shard of the activity to that of
//! the reward's campaign, as often as it takes. Invariant: a reward has the same activity, referrer and ordinal however often it is
//! carried, and the shard that gives it remembers the highest ordinal that it gave for good.

use crate::ids::{ActivityId, CardId, ChannelId, MerchantId, StockId, UserId};

/// The ordinal-th reward of a referrer in an activity. Activity, referrer and ordinal are its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reward {
    /// Whose activity.
    pub merchant: MerchantId,
    /// The channel of the card.
    pub channel: ChannelId,
    /// The activity.
    pub activity: ActivityId,
    /// Whose card it will be.
    pub referrer: UserId,
    /// From 1 on.
    pub ordinal: u32,
    /// The campaign of the card.
    pub campaign: StockId,
}

/// What became of a reward in its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RewardGiven {
    /// The reward.
    pub reward: Reward,
    /// The card; of a reward that was given before a later one it is that of the later one.
    pub card: CardId,
    /// It had been given before.
    pub repeated: bool,
}

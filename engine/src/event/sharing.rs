//! Events of activities and rewards, to bytes and back. They stand apart as their rules do.
//!
//! Invariant: as of all events: what is read is what was written, and no count is trusted before it was checked.

use super::decode::Reader;
use super::encode::Writer;
use super::layout::*;
use super::*;
use crate::command::ActivityTerms;
use crate::sharing::Reward;

/// What became of an activity, or who got what by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ShareEvent<'a> {
    /// It was made.
    Created {
        /// The operation; its channel is that of the rewards.
        origin: Origin,
        /// The activity.
        activity: ActivityId,
        /// Its rule.
        terms: ActivityTerms,
    },
    /// Its rule was replaced.
    Edited {
        /// The operation; its channel is that of the rewards from now on.
        origin: Origin,
        /// The activity.
        activity: ActivityId,
        /// The rule from now on.
        terms: ActivityTerms,
    },
    /// Referrers got cards, with consecutive serials.
    Rewarded {
        /// The activity.
        activity: ActivityId,
        /// Through this channel.
        channel: ChannelId,
        /// The campaign of the cards.
        campaign: StockId,
        /// The first card.
        first: CardId,
        /// Valid from, seconds; 0: open.
        from_s: u32,
        /// Valid until, seconds; 0: open.
        until_s: u32,
        /// Whose the cards are, in order.
        referrers: &'a [U128],
    },
    /// A referrer of an activity in another shard got his card here.
    Received {
        /// Which reward.
        reward: Reward,
        /// The card.
        card: CardId,
        /// Valid from, seconds; 0: open.
        from_s: u32,
        /// Valid until, seconds; 0: open.
        until_s: u32,
    },
    /// A referrer got his card in another shard.
    Delivered {
        /// Which reward.
        reward: Reward,
        /// The card.
        card: CardId,
    },
}

/// Cards, and when they are valid.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Cards {
    activity: U64,
    campaign: U64,
    first: U64,
    from_s: U32,
    until_s: U32,
}

/// A reward, and its card.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct OneReward {
    referrer: U128,
    activity: U64,
    campaign: U64,
    card: U64,
    merchant: U32,
    ordinal: U32,
    from_s: U32,
    until_s: U32,
}

impl OneReward {
    fn new(reward: &Reward, card: CardId, (from_s, until_s): (u32, u32)) -> OneReward {
        OneReward {
            referrer: U128::new(reward.referrer.0),
            activity: U64::new(reward.activity.0),
            campaign: U64::new(reward.campaign.0),
            card: U64::new(card.0),
            merchant: U32::new(reward.merchant.0),
            ordinal: U32::new(reward.ordinal),
            from_s: U32::new(from_s),
            until_s: U32::new(until_s),
        }
    }

    fn reward(&self, channel: ChannelId) -> Reward {
        Reward {
            merchant: MerchantId(self.merchant.get()),
            channel,
            activity: ActivityId(self.activity.get()),
            referrer: UserId(self.referrer.get()),
            ordinal: self.ordinal.get(),
            campaign: StockId(self.campaign.get()),
        }
    }
}

impl ShareEvent<'_> {
    pub(super) fn encode(&self, mut writer: Writer<'_>) -> usize {
        match self {
            ShareEvent::Created { origin, activity, terms }
            | ShareEvent::Edited { origin, activity, terms } => {
                writer.put_origin(origin, 0);
                writer.put_u64(activity.0);
                writer.put(terms.as_bytes());
                let is_new = matches!(self, ShareEvent::Created { .. });
                let kind = if is_new { ACTIVITY_CREATED } else { ACTIVITY_EDITED };
                writer.finish(kind, 0, 0, origin.channel)
            }
            ShareEvent::Rewarded { activity, channel, campaign, first, from_s, until_s, referrers } => {
                let cards = Cards {
                    activity: U64::new(activity.0),
                    campaign: U64::new(campaign.0),
                    first: U64::new(first.0),
                    from_s: U32::new(*from_s),
                    until_s: U32::new(*until_s),
                };
                writer.put(cards.as_bytes());
                writer.put(referrers.as_bytes());
                writer.finish(REWARDED, 0, referrers.len(), *channel)
            }
            ShareEvent::Received { reward, card, from_s, until_s } => {
                writer.put(OneReward::new(reward, *card, (*from_s, *until_s)).as_bytes());
                writer.finish(REWARD_RECEIVED, 0, 0, reward.channel)
            }
            ShareEvent::Delivered { reward, card } => {
                writer.put(OneReward::new(reward, *card, (0, 0)).as_bytes());
                writer.finish(REWARD_DELIVERED, 0, 0, reward.channel)
            }
        }
    }
}

pub(super) fn decode<'a>(
    reader: &mut Reader<'a>,
    head: &Head,
    channel: ChannelId,
) -> Result<Event<'a>, EventError> {
    Ok(Event::Share(match head.kind {
        ACTIVITY_CREATED | ACTIVITY_EDITED => {
            let (origin, _) = reader.take_origin(channel)?;
            let activity = ActivityId(reader.take_u64()?);
            let terms: ActivityTerms = reader.take()?;
            if !terms.is_sound() {
                return Err(reader.field("terms"));
            }
            match head.kind {
                ACTIVITY_CREATED => ShareEvent::Created { origin, activity, terms },
                _ => ShareEvent::Edited { origin, activity, terms },
            }
        }
        REWARDED => {
            let cards: Cards = reader.take()?;
            let referrers: &[U128] =
                reader.take_slice(usize::from(head.count.get()), REWARDS_PER_EVENT_MAX)?;
            if referrers.is_empty() {
                return Err(reader.field("referrers"));
            }
            ShareEvent::Rewarded {
                activity: ActivityId(cards.activity.get()),
                channel,
                campaign: StockId(cards.campaign.get()),
                first: CardId(cards.first.get()),
                from_s: cards.from_s.get(),
                until_s: cards.until_s.get(),
                referrers,
            }
        }
        kind => {
            let one: OneReward = reader.take()?;
            let (reward, card) = (one.reward(channel), CardId(one.card.get()));
            if reward.ordinal == 0 || reward.referrer.0 == 0 {
                return Err(reader.field("reward"));
            }
            match kind {
                REWARD_RECEIVED => ShareEvent::Received {
                    reward,
                    card,
                    from_s: one.from_s.get(),
                    until_s: one.until_s.get(),
                },
                _ => ShareEvent::Delivered { reward, card },
            }
        }
    }))
}

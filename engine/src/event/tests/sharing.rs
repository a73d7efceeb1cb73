//! Events of activities.

use super::super::*;
use crate::command::ActivityTerms;
use crate::limits::REWARDS_PER_EVENT_MAX;

/// All that can become of an activity.
pub fn of_sharing(origin: Origin) -> Vec<Event<'static>> {
    let mut terms = ActivityTerms {
        reward: U64::new(77),
        most: U32::new(1),
        every: U16::new(10_000),
        counts: 2,
        sources_count: 8,
        ..ActivityTerms::default()
    };
    for (place, source) in terms.sources.iter_mut().enumerate() {
        *source = U64::new(place as u64 + 1);
    }
    let (activity, campaign, first) = (ActivityId(7), StockId(77), CardId(7));
    static REFERRERS: [U128; REWARDS_PER_EVENT_MAX] = [U128::new(9); REWARDS_PER_EVENT_MAX];
    let rewarded = |referrers| ShareEvent::Rewarded {
        activity,
        channel: ChannelId(3),
        campaign,
        first,
        from_s: 1,
        until_s: u32::MAX,
        referrers,
    };
    let reward = crate::sharing::Reward {
        merchant: MerchantId(1),
        channel: ChannelId(3),
        activity,
        referrer: UserId(9),
        ordinal: 1,
        campaign,
    };
    let events = [
        ShareEvent::Created { origin, activity, terms },
        ShareEvent::Edited { origin, activity, terms },
        rewarded(&REFERRERS),
        rewarded(&REFERRERS[..1]),
        ShareEvent::Received { reward, card: first, from_s: 0, until_s: 2 },
        ShareEvent::Delivered { reward, card: first },
    ];
    events.map(Event::Share).into()
}

//! ACTIVITY_CREATE, ACTIVITY_EDIT, ACTIVITY_SHOW; what a CLAIM by somebody's word has to keep; and the rewards: given here, or brought
//! to the shard of their campaign.
//!
//! Nobody asks for a reward: whatever may have made one possible is followed by it before anything else happens. Invariant: a reward is
//! given in the event that takes its card from the supply, and the number of those a referrer got goes up in the same event.

use super::checks::{before_deciding, capacity, operation_room};
use super::issue::{self, New, check_supply, check_times, no_pages};
use super::{Plan, Question, Reply, Resolved, Verdict, apply as apply_event, record};
use crate::answer::{ActivityView, OperationKind, Shared};
use crate::command::{ActivityTerms, ActivityWish, Issue, Referral};
use crate::content::content_digest;
use crate::event::{Event, EventSink, ShareEvent};
use crate::ids::{ActivityId, CardId, ChannelId, MerchantId, Slot, StockId, UserId};
use crate::limits::{ACTIVITIES_MAX, CHANNELS_PER_STOCK_MAX, REWARDS_PER_EVENT_MAX};
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::sharing::{Reward, RewardGiven};
use crate::state::State;
use crate::state::campaigns::Campaign;
use crate::state::sharing::Activity;
use crate::state::table::Handle;
use scrip_planted::{Bug, on};
use zerocopy::little_endian::U128;

/// Decides one of them.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    wish: &ActivityWish<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    let content = content_digest(envelope, &question.request.command);
    let decided = match *wish {
        ActivityWish::Show { activity, referrer } => {
            if activity.slot() != envelope.slot {
                return Verdict::Refuse(Rejection::plain(Code::CrossSlot));
            }
            let found = state.activity_of(envelope.merchant, activity);
            let refusal = || Verdict::Refuse(Rejection::plain(Code::NotFound));
            return found.map_or_else(refusal, |place| Verdict::Answer(Reply::Activity(place, referrer)));
        }
        ActivityWish::Create { activity, terms } => {
            let ids = core::iter::once(StockId(activity.0)).chain(terms.sources());
            if let Some(verdict) = before_deciding(state, question, content, ids) {
                return verdict;
            }
            check_new(state, question, activity, terms).map_or(Ok((1, OperationKind::ActivityCreate)), Err)
        }
        ActivityWish::Edit { activity, version, terms } => {
            let ids = core::iter::once(StockId(activity.0)).chain(terms.sources());
            if let Some(verdict) = before_deciding(state, question, content, ids) {
                return verdict;
            }
            let value = u64::from(version) + 1;
            check_edit(state, question, (activity, version), terms)
                .map_or(Ok((value, OperationKind::ActivityEdit)), Err)
        }
    };
    let origin = question.origin(content);
    let event = match *wish {
        ActivityWish::Create { activity, terms } => ShareEvent::Created { origin, activity, terms: *terms },
        ActivityWish::Edit { activity, terms, .. } => ShareEvent::Edited { origin, activity, terms: *terms },
        ActivityWish::Show { .. } => unreachable!("it was answered before"),
    };
    match decided {
        Ok((value, kind)) => Verdict::Do(Event::Share(event), &plan.resolved, Reply::Value(kind, value)),
        Err(rejection) => Verdict::Refuse(rejection),
    }
}

fn check_new(
    state: &State,
    question: Question<'_>,
    activity: ActivityId,
    terms: &ActivityTerms,
) -> Option<Rejection<'static>> {
    if state.sharing.activities().iter().any(|found| found.id == activity) {
        return Some(Rejection::plain(Code::RuleFailed));
    }
    if !are_campaigns(state, question, terms) {
        return Some(Rejection::plain(Code::NotFound));
    }
    if state.sharing.activities().len() >= ACTIVITIES_MAX {
        return Some(capacity(CapacityOf::Activities, ACTIVITIES_MAX as u64));
    }
    operation_room(state)
}

fn check_edit(
    state: &State,
    question: Question<'_>,
    (activity, version): (ActivityId, u32),
    terms: &ActivityTerms,
) -> Option<Rejection<'static>> {
    let Some(place) = state.activity_of(question.request.envelope.merchant, activity) else {
        return Some(Rejection::plain(Code::NotFound));
    };
    let found = state.sharing.activity(place);
    if version != found.version {
        return Some(Rejection { code: Code::RuleFailed, facts: Facts::Version(found.version) });
    }
    // What was promised stays: and a reward that may be on its way must not find another shard.
    let kept = |terms: &ActivityTerms| (terms.every, terms.counts, terms.reward().slot());
    if kept(&found.terms) != kept(terms) {
        return Some(Rejection::plain(Code::RuleFailed));
    }
    if !are_campaigns(state, question, terms) {
        return Some(Rejection::plain(Code::NotFound));
    }
    operation_room(state)
}

/// Whether the sources, and a reward of the same slot, are campaigns of the merchant.
fn are_campaigns(state: &State, question: Question<'_>, terms: &ActivityTerms) -> bool {
    let envelope = &question.request.envelope;
    let is_there = |campaign| state.campaign_of(envelope.merchant, campaign).is_some();
    terms.sources().all(is_there) && (terms.reward().slot() != envelope.slot || is_there(terms.reward()))
}

/// What a CLAIM by somebody's word keeps behind its step 1. Answers what is recorded: nothing if its owner has come before.
pub(super) fn check_referral(
    state: &State,
    question: Question<'_>,
    issue: &Issue<'_>,
    referral: &Referral,
) -> Result<Option<Referral>, Rejection<'static>> {
    let Some(place) = state.activity_of(question.request.envelope.merchant, referral.activity()) else {
        return Err(Rejection::plain(Code::NotFound));
    };
    let activity = state.sharing.activity(place);
    let terms = &activity.terms;
    if !terms.sources().any(|source| source == issue.campaign) {
        return Err(Rejection::plain(Code::OutOfScope));
    }
    let (from_ms, until_ms) = (terms.from_ms.get(), terms.until_ms.get());
    if question.now_ms < from_ms {
        return Err(Rejection { code: Code::NotStarted, facts: Facts::Time(from_ms) });
    }
    if until_ms != 0 && question.now_ms >= until_ms {
        return Err(Rejection { code: Code::Expired, facts: Facts::Time(until_ms) });
    }
    let (of, owner) = (activity.owner(), issue.owner);
    if state.is_one_person(of, owner.0, referral.referrer().0) && !on(Bug::OwnReferral) {
        return Err(Rejection::plain(Code::RuleFailed));
    }
    let limit_key = issue.parties.map_or(0, |parties| parties.limit_key.get());
    if state.has_been_friend(place, owner, limit_key) {
        return Ok(None);
    }
    let (counted_as, _) = state.counted_as(place, referral.referrer());
    Ok(Some(Referral::new(activity.id, counted_as)))
}

/// CAPACITY if there is no room for a friend, and his referrer.
pub(super) fn no_room(state: &State) -> Option<Rejection<'static>> {
    let maximum = state.capacity.friends_max;
    let most = state.sharing.friends_used().max(state.sharing.referrers_used());
    (most >= maximum).then(|| capacity(CapacityOf::Friends, u64::from(maximum)))
}

/// An activity as it is.
pub(super) fn view(state: &State, place: u32, asked: UserId) -> ActivityView<'_> {
    let Activity { id, channel, version, ref terms, friends, counted, earned, given, referrers, .. } =
        *state.sharing.activity(place);
    let of = (asked.0 != 0).then(|| {
        let (user, found) = state.counted_as(place, asked);
        let Some(found) = found.map(|found| state.sharing.referrer(found)) else {
            return (user, Shared::default(), None);
        };
        let done = Shared {
            friends: found.friends.into(),
            counted: found.counted.into(),
            earned: found.earned.into(),
            given: found.given.into(),
        };
        (user, done, (found.given > 0).then_some(CardId(found.card)))
    });
    let done = Shared { friends, counted, earned, given };
    ActivityView { activity: id, version, channel, terms, done, referrers, of }
}

/// Whether so many cards of a campaign can be had for referrers: ISSUE's steps 2 and 4a to 7, for a user without limits.
fn can_be_had(
    state: &State,
    (now_ms, channel): (u64, ChannelId),
    (handle, campaign): (Handle, &Campaign),
    cards: u32,
) -> Option<Rejection<'static>> {
    let channels = &state.stock_of_campaign(campaign).channels;
    let no_channel = || {
        let full = channels.count_with(core::iter::once(channel)) > CHANNELS_PER_STOCK_MAX;
        full.then(|| capacity(CapacityOf::Channels, CHANNELS_PER_STOCK_MAX as u64))
    };
    check_times(state, now_ms, campaign.definition.until_ms.get(), campaign)
        .or_else(|| check_supply(state, (now_ms, channel), campaign, u64::from(cards)))
        .or_else(|| no_pages(state, handle, campaign.issued, cards))
        .or_else(no_channel)
}

/// From when to when a card is valid that a referrer gets now.
fn times(campaign: &Campaign, now_ms: u64) -> (u32, u32) {
    issue::times_of(now_ms, &Issue::of_nobody(StockId(0)), campaign)
}

/// Gives rewards that are owed and can be had at this time, of the first activity that has some: at most one event. Answers whether
/// there may be more; if not, nothing is left to be settled.
pub fn settle(state: &mut State, names: &mut Vec<U128>, now_ms: u64, sink: &mut impl EventSink) -> bool {
    let mut from = 0;
    while let Some(place) = state.sharing.next_owing(from) {
        let Activity { id, channel, terms, .. } = *state.sharing.activity(place);
        if let Some((handle, cards)) = affordable(state, place, now_ms) {
            crate::engine::tick(state, now_ms, sink);
            names.clear();
            let owed = state.sharing.owed_by(place);
            let each = owed.flat_map(|(referrer, times)| core::iter::repeat_n(referrer.user, times as usize));
            names.extend(each.take(cards as usize).map(U128::new));
            let campaign = state.campaigns.get(handle);
            let (from_s, until_s) = times(campaign, now_ms);
            let event = ShareEvent::Rewarded {
                activity: id,
                channel,
                campaign: terms.reward(),
                first: campaign.card(campaign.issued),
                from_s,
                until_s,
                referrers: names,
            };
            sink.push(&Event::Share(event));
            apply_event(state, &Event::Share(event), &Resolved::default());
            return true;
        }
        from = place + 1;
    }
    state.all_rewarded();
    false
}

/// How many of the rewards that an activity owes can be had now, at most those of one event, and the campaign.
fn affordable(state: &State, place: u32, now_ms: u64) -> Option<(Handle, u32)> {
    let activity = state.sharing.activity(place);
    let (handle, campaign) = state.campaign_of(activity.merchant, activity.terms.reward())?;
    let from = (now_ms, activity.channel);
    let can_be_had = |cards| can_be_had(state, from, (handle, campaign), cards).is_none();
    if !can_be_had(1) {
        return None;
    }
    let owed: u64 =
        state.sharing.owed_by(place).take(REWARDS_PER_EVENT_MAX).map(|(_, of)| u64::from(of)).sum();
    let mut cards = owed.min(REWARDS_PER_EVENT_MAX as u64) as u32;
    while !can_be_had(cards) {
        cards /= 2;
    }
    Some((handle, cards))
}

/// Puts the rewards into `due` that are owed and whose campaigns are not here but lie in a slot that `away` says yes to: of each
/// referrer the next one, at most so many. It begins with the activity at place `from`, which becomes that behind the last, or the first
/// one again after all: what one activity owes does not stand in the way of others.
pub fn outbox(
    state: &State,
    away: impl Fn(Slot) -> bool,
    (from, most): (&mut u32, usize),
    due: &mut Vec<Reward>,
) {
    while due.len() < most {
        let Some(place) = state.sharing.next_owing(*from) else {
            *from = 0;
            return;
        };
        *from = place + 1;
        let Activity { id, merchant, channel, ref terms, .. } = *state.sharing.activity(place);
        let campaign = terms.reward();
        if campaign.slot() == id.slot() || !away(campaign.slot()) {
            continue;
        }
        let next = state.sharing.owed_by(place).map(|(referrer, _)| Reward {
            merchant,
            channel,
            activity: id,
            referrer: UserId(referrer.user),
            ordinal: referrer.given + 1,
            campaign,
        });
        due.extend(next.take(REWARDS_PER_EVENT_MAX.min(most - due.len())));
    }
}

/// A reward of an activity in another shard: it is given, or was before.
pub fn receive(
    state: &mut State,
    now_ms: u64,
    reward: &Reward,
    sink: &mut impl EventSink,
) -> Result<RewardGiven, Rejection<'static>> {
    let received = state.received(reward);
    if let Some((given, card)) = received
        && reward.ordinal <= given
        && !on(Bug::RewardTwice)
    {
        return Ok(RewardGiven { reward: *reward, card, repeated: true });
    }
    let Some((handle, campaign)) = state.campaign_of(reward.merchant, reward.campaign) else {
        return Err(Rejection::plain(Code::NotFound));
    };
    if let Some(rejection) = can_be_had(state, (now_ms, reward.channel), (handle, campaign), 1) {
        return Err(rejection);
    }
    let maximum = state.capacity.friends_max;
    if received.is_none() && state.sharing.referrers_used() >= maximum {
        return Err(capacity(CapacityOf::Friends, u64::from(maximum)));
    }
    let card = campaign.card(campaign.issued);
    let (from_s, until_s) = times(campaign, now_ms);
    crate::engine::tick(state, now_ms, sink);
    let event = Event::Share(ShareEvent::Received { reward: *reward, card, from_s, until_s });
    sink.push(&event);
    apply_event(state, &event, &Resolved::default());
    Ok(RewardGiven { reward: *reward, card, repeated: false })
}

/// A reward has been given in another shard: it is owed no longer. Told again, it is nothing new.
pub fn delivered(state: &mut State, now_ms: u64, given: &RewardGiven, sink: &mut impl EventSink) {
    let RewardGiven { reward, card, .. } = given;
    let is_next = state.activity_of(reward.merchant, reward.activity).is_some_and(|place| {
        let mut owed = state.sharing.owed_by(place).map(|(referrer, _)| referrer);
        owed.any(|referrer| referrer.user == reward.referrer.0 && referrer.given + 1 == reward.ordinal)
    });
    if is_next {
        crate::engine::tick(state, now_ms, sink);
        let event = Event::Share(ShareEvent::Delivered { reward: *reward, card: *card });
        sink.push(&event);
        apply_event(state, &event, &Resolved::default());
    }
}

/// A CLAIM was one by somebody's word.
pub(super) fn refer(
    state: &mut State,
    merchant: MerchantId,
    referral: &Referral,
    (user, limit_key): (UserId, u128),
    card: CardId,
) {
    let place = state.activity_of(merchant, referral.activity()).expect("the log names an activity");
    state.insert_friend((place, referral.referrer()), (user, limit_key), card);
}

/// Applies what becomes of activities and rewards.
pub fn apply(state: &mut State, event: &ShareEvent<'_>, resolved: &Resolved) {
    match event {
        ShareEvent::Created { origin, activity, terms } => {
            state.insert_activity(Activity {
                id: *activity,
                merchant: origin.merchant,
                channel: origin.channel,
                version: 1,
                terms: *terms,
                friends: 0,
                counted: 0,
                earned: 0,
                given: 0,
                referrers: 0,
            });
            record(state, origin, OperationKind::ActivityCreate, 1, resolved);
        }
        ShareEvent::Edited { origin, activity, terms } => {
            let place = state.activity_of(origin.merchant, *activity).expect("the log names an activity");
            let version = state.edit_activity(place, terms, origin.channel);
            record(state, origin, OperationKind::ActivityEdit, version.into(), resolved);
        }
        ShareEvent::Rewarded { activity, channel, campaign, first, from_s, until_s, referrers } => {
            let place = state.place_of_activity(*activity);
            for (offset, user) in referrers.iter().enumerate() {
                let (card, user) = (CardId(first.0 + offset as u64), UserId(user.get()));
                give(state, (*campaign, *channel), (user, card), (*from_s, *until_s));
                state.reward(place, user, (None, card));
            }
        }
        ShareEvent::Received { reward, card, from_s, until_s } => {
            give(state, (reward.campaign, reward.channel), (reward.referrer, *card), (*from_s, *until_s));
            state.receive(reward, *card);
        }
        ShareEvent::Delivered { reward, card } => {
            let place = state.place_of_activity(reward.activity);
            state.reward(place, reward.referrer, (Some(reward.ordinal), *card));
        }
    }
}

/// A card is made for a referrer. Purchase limits and risk rules do not know of it.
fn give(
    state: &mut State,
    (campaign, channel): (StockId, ChannelId),
    (owner, first): (UserId, CardId),
    times: (u32, u32),
) {
    let stock = state.find_stock(campaign).expect("the log names a stock that exists");
    let handle = state.stock(stock).campaign().expect("the log names a campaign");
    issue::make(state, handle, channel, &New { owner, first, count: 1, imported: false }, (times, false));
}

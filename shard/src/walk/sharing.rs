//! Activities in the walk's own books: who came by whose word, and what that has earned and brought his referrer.
//!
//! It follows docs/sharing.md, not the engine's code. Invariant: nothing here panics on a log that is wrong; what can't be is put
//! into words. The law: a friend counts once; a referrer has earned as many rewards as his friends who count allow, and was never
//! given one more, here or elsewhere.

use scrip_engine::command::{ActivityTerms, Counting};
use scrip_engine::event::{Event, ShareEvent};
use scrip_engine::ids::{ActivityId, CardId, MerchantId, UserId};
use scrip_engine::state::State;
use std::collections::{BTreeMap, BTreeSet};

/// A referrer.
#[derive(Debug, Clone, Copy, Default)]
struct ReferrerBook {
    counted: u64,
    earned: u64,
    given: u64,
}

/// An activity.
#[derive(Debug, Clone)]
struct ActivityBook {
    merchant: MerchantId,
    terms: ActivityTerms,
    friends: BTreeSet<u128>,
    /// Cards that count for a referrer once they are redeemed.
    awaited: BTreeMap<CardId, UserId>,
    referrers: BTreeMap<UserId, ReferrerBook>,
}

/// The books of activities.
#[derive(Debug, Default)]
pub(super) struct SharingBooks {
    now_ms: u64,
    activities: BTreeMap<ActivityId, ActivityBook>,
    /// The last reward of a referrer of an activity in another shard.
    received: BTreeMap<(MerchantId, ActivityId, UserId), u32>,
}

impl SharingBooks {
    /// Follows an event that the engine, whose state this is, has applied, and `redeemed`, the cards that were used by it; answers what
    /// it shows that can't be.
    pub(super) fn follow(&mut self, event: &Event<'_>, redeemed: &[CardId], state: &State) -> Option<String> {
        for card in redeemed {
            self.redeem(*card);
        }
        match event {
            Event::Tick { now_ms } => {
                self.now_ms = *now_ms;
                None
            }
            Event::Issued { origin, owner, first, referral: Some(referral), .. } => {
                let activity = referral.activity();
                let wrong = self.refer((activity, referral.referrer()), *owner, *first);
                wrong.or_else(|| self.compare(origin.merchant, activity, referral.referrer(), state))
            }
            Event::Share(event) => self.follow_sharing(event, state),
            _ => None,
        }
    }

    fn follow_sharing(&mut self, event: &ShareEvent<'_>, state: &State) -> Option<String> {
        match event {
            ShareEvent::Created { origin, activity, terms } => {
                let book = ActivityBook {
                    merchant: origin.merchant,
                    terms: *terms,
                    friends: BTreeSet::new(),
                    awaited: BTreeMap::new(),
                    referrers: BTreeMap::new(),
                };
                let before = self.activities.insert(*activity, book);
                before.map(|_| format!("activity {activity} is made twice"))
            }
            ShareEvent::Edited { activity, terms, .. } => match self.activities.get_mut(activity) {
                Some(book) => {
                    let kept = |terms: &ActivityTerms| (terms.every, terms.counts);
                    let same = kept(&book.terms) == kept(terms);
                    book.terms = *terms;
                    (!same).then(|| format!("activity {activity} counts otherwise than was promised"))
                }
                None => Some(format!("activity {activity} is edited, it was not made")),
            },
            ShareEvent::Rewarded { activity, referrers, .. } => {
                let wrong = |user| self.give(*activity, user, None);
                referrers.iter().map(|user| UserId(user.get())).find_map(wrong)
            }
            ShareEvent::Delivered { reward, .. } => {
                let wrong = self.give(reward.activity, reward.referrer, Some(reward.ordinal));
                wrong.or_else(|| self.compare(reward.merchant, reward.activity, reward.referrer, state))
            }
            ShareEvent::Received { reward, .. } => {
                let name = (reward.merchant, reward.activity, reward.referrer);
                let before = self.received.insert(name, reward.ordinal).unwrap_or(0);
                let referrer = reward.referrer;
                (before >= reward.ordinal).then(|| {
                    format!("reward {} of {referrer} was given before: {before} were", reward.ordinal)
                })
            }
        }
    }

    fn refer(
        &mut self,
        (activity, referrer): (ActivityId, UserId),
        user: UserId,
        card: CardId,
    ) -> Option<String> {
        let Some(book) = self.activities.get_mut(&activity) else {
            return Some(format!("{user} has come to activity {activity}, which was not made"));
        };
        if user == referrer || !book.friends.insert(user.0) {
            return Some(format!("{user} has come to activity {activity} before, or by his own word"));
        }
        match book.terms.counting() {
            Counting::Claims => book.count(referrer),
            Counting::Redemptions => {
                book.referrers.entry(referrer).or_default();
                book.awaited.insert(card, referrer);
            }
        }
        None
    }

    fn redeem(&mut self, card: CardId) {
        for book in self.activities.values_mut() {
            let until_ms = book.terms.until_ms.get();
            if until_ms != 0 && self.now_ms >= until_ms {
                continue;
            }
            if let Some(referrer) = book.awaited.remove(&card) {
                book.count(referrer);
            }
        }
    }

    fn give(&mut self, activity: ActivityId, user: UserId, ordinal: Option<u32>) -> Option<String> {
        let book = self.activities.get_mut(&activity)?.referrers.entry(user).or_default();
        book.given += 1;
        let is_next = ordinal.is_none_or(|ordinal| u64::from(ordinal) == book.given);
        (book.given > book.earned || !is_next).then(|| {
            format!("{user} got reward {} of activity {activity}, he has earned {}", book.given, book.earned)
        })
    }

    /// The engine must have counted the same.
    fn compare(
        &self,
        merchant: MerchantId,
        activity: ActivityId,
        user: UserId,
        state: &State,
    ) -> Option<String> {
        let book = self.activities.get(&activity).filter(|book| book.merchant == merchant)?;
        let ours = book.referrers.get(&user).copied().unwrap_or_default();
        let place = state.activity_of(merchant, activity)?;
        let found = state.counted_as(place, user).1.map(|handle| state.sharing.referrer(handle));
        let of = found.map_or([0; 3], |it| [it.counted, it.earned, it.given]).map(u64::from);
        let ours = [ours.counted, ours.earned, ours.given];
        (of != ours).then(|| {
            format!("{user} has (counted, earned, given) {of:?} by the engine, {ours:?} by the events")
        })
    }
}

impl ActivityBook {
    fn count(&mut self, referrer: UserId) {
        let book = self.referrers.entry(referrer).or_default();
        book.counted += 1;
        let is_due = book.counted.is_multiple_of(u64::from(self.terms.every.get()));
        if is_due && book.earned < u64::from(self.terms.most.get()) {
            book.earned += 1;
        }
    }
}

//! The oracle on activities: who has come by whose word, what that has earned, and what was given.
//!
//! Written from docs/sharing.md. Invariant: a referrer was given no more than he has earned, and has earned no more than one reward for
//! each so many friends who count.

use super::campaigns::full;
use super::limits::REFERRER;
use super::zones::owner;
use super::{Oracle, Stock, Subject, told};
use crate::outcome::{OwnedActivity, OwnedFacts, OwnedOutcome};
use crate::request::{OwnedActivityWish, OwnedIssue};
use scrip_engine::answer::Shared;
use scrip_engine::command::{ActivityTerms, Counting, Envelope, Segments};
use scrip_engine::ids::{ActivityId, CardId, ChannelId, MerchantId, OperationId, UserId};
use scrip_engine::limits::ACTIVITIES_MAX;
use scrip_engine::rejection::{CapacityOf, Code};

/// An activity.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `ActivityView`, which documents them")]
pub struct Activity {
    pub id: ActivityId,
    pub merchant: u32,
    pub channel: ChannelId,
    pub version: u32,
    pub terms: ActivityTerms,
    pub friends: Vec<Friend>,
    /// In the order of their ids.
    pub referrers: Vec<Referrer>,
}

/// Somebody who came by a word.
#[derive(Debug, Clone, Copy)]
pub struct Friend {
    user: u128,
    limit_key: u128,
    card: CardId,
    referrer: u128,
    counted: bool,
}

/// Somebody by whose word others came.
#[derive(Debug, Clone, Copy)]
pub struct Referrer {
    user: u128,
    earned: u64,
    given: u64,
    /// How many had begun to be owed something before he did.
    since: u64,
    card: Option<CardId>,
}

impl Activity {
    fn counted_of(&self, user: u128) -> u64 {
        self.friends.iter().filter(|friend| friend.referrer == user && friend.counted).count() as u64
    }

    fn done_by(&self, user: u128) -> Shared {
        let friends = self.friends.iter().filter(|friend| friend.referrer == user).count() as u64;
        let found = self.referrers.iter().find(|referrer| referrer.user == user);
        let (earned, given) = found.map_or((0, 0), |referrer| (referrer.earned, referrer.given));
        Shared { friends, counted: self.counted_of(user), earned, given }
    }
}

impl Oracle {
    /// ACTIVITY_CREATE, ACTIVITY_EDIT.
    pub(super) fn change_activity(&mut self, envelope: &Envelope, wish: &OwnedActivityWish) -> OwnedOutcome {
        let changed = match wish {
            OwnedActivityWish::Create { activity, terms } => self.create_activity(envelope, *activity, terms),
            OwnedActivityWish::Edit { activity, version, terms } => {
                self.edit_activity(envelope, (*activity, *version), terms)
            }
            OwnedActivityWish::Show { .. } => unreachable!("it is a query"),
        };
        changed.unwrap_or_else(|refusal| refusal)
    }

    fn place_of(&self, merchant: u32, id: ActivityId) -> Option<usize> {
        self.activities.iter().position(|activity| activity.id == id && activity.merchant == merchant)
    }

    fn has_campaigns(&self, envelope: &Envelope, terms: &ActivityTerms) -> bool {
        let is_there = |campaign| self.own_campaign(envelope, campaign).is_some();
        terms.sources().all(is_there) && (terms.reward().slot() != envelope.slot || is_there(terms.reward()))
    }

    fn create_activity(
        &mut self,
        envelope: &Envelope,
        id: ActivityId,
        terms: &ActivityTerms,
    ) -> Result<OwnedOutcome, OwnedOutcome> {
        if self.activities.iter().any(|activity| activity.id == id) {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        if !self.has_campaigns(envelope, terms) {
            return Err(OwnedOutcome::refused(Code::NotFound));
        }
        if self.activities.len() >= ACTIVITIES_MAX {
            return Err(full(CapacityOf::Activities, ACTIVITIES_MAX as u64));
        }
        self.activities.push(Activity {
            id,
            merchant: envelope.merchant.0,
            channel: envelope.channel,
            version: 1,
            terms: *terms,
            friends: Vec::new(),
            referrers: Vec::new(),
        });
        Ok(OwnedOutcome::StockChanged { value: 1 })
    }

    fn edit_activity(
        &mut self,
        envelope: &Envelope,
        (id, version): (ActivityId, u32),
        terms: &ActivityTerms,
    ) -> Result<OwnedOutcome, OwnedOutcome> {
        let place = self.place_of(envelope.merchant.0, id).ok_or(OwnedOutcome::refused(Code::NotFound))?;
        let found = &self.activities[place];
        if found.version != version {
            let facts = OwnedFacts::Version(found.version);
            return Err(OwnedOutcome::Refused { code: Code::RuleFailed, facts });
        }
        let (now, then) = (&found.terms, terms);
        let stays = now.every == then.every
            && now.counts == then.counts
            && now.reward().slot() == then.reward().slot();
        if !stays {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        if !self.has_campaigns(envelope, terms) {
            return Err(OwnedOutcome::refused(Code::NotFound));
        }
        let found = &mut self.activities[place];
        (found.terms, found.channel, found.version) = (*terms, envelope.channel, version + 1);
        self.rewards_due = true;
        Ok(OwnedOutcome::StockChanged { value: u64::from(version) + 1 })
    }

    /// ACTIVITY_SHOW.
    pub(super) fn show_activity(
        &self,
        envelope: &Envelope,
        (id, referrer): (ActivityId, UserId),
    ) -> OwnedOutcome {
        if id.slot() != envelope.slot {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        let Some(place) = self.place_of(envelope.merchant.0, id) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let activity = &self.activities[place];
        let of = (referrer.0 != 0).then(|| {
            let user = self.counted_as(envelope, activity, referrer.0);
            let found = activity.referrers.iter().find(|found| found.user == user);
            (UserId(user), activity.done_by(user), found.and_then(|found| found.card))
        });
        let sum = |of: fn(&Referrer) -> u64| activity.referrers.iter().map(of).sum();
        OwnedOutcome::Activity(Box::new(OwnedActivity {
            activity: id,
            version: activity.version,
            channel: activity.channel,
            terms: activity.terms,
            done: Shared {
                friends: activity.friends.len() as u64,
                counted: activity.friends.iter().filter(|friend| friend.counted).count() as u64,
                earned: sum(|referrer| referrer.earned),
                given: sum(|referrer| referrer.given),
            },
            referrers: activity.referrers.len() as u64,
            of,
        }))
    }

    /// The id by which a referrer is counted: the lowest of his person that has friends, else his own.
    fn counted_as(&self, envelope: &Envelope, activity: &Activity, referrer: u128) -> u128 {
        let ids = self.asked_about(owner(envelope), (1, referrer)).into_iter().map(|(_, id)| id);
        let known = ids.filter(|id| activity.referrers.iter().any(|found| found.user == *id));
        known.min().unwrap_or(referrer)
    }

    /// Step 1a of a CLAIM by somebody's word; answers the activity and by whom its owner counts, unless he came before.
    pub(super) fn referred(
        &self,
        envelope: &Envelope,
        issue: &OwnedIssue,
    ) -> Result<Option<(usize, u128)>, OwnedOutcome> {
        let Some(referral) = issue.referral else { return Ok(None) };
        let found = self.place_of(envelope.merchant.0, referral.activity());
        let place = found.ok_or(OwnedOutcome::refused(Code::NotFound))?;
        let activity = &self.activities[place];
        if !activity.terms.sources().any(|source| source == issue.campaign) {
            return Err(OwnedOutcome::refused(Code::OutOfScope));
        }
        let (from_ms, until_ms) = (activity.terms.from_ms.get(), activity.terms.until_ms.get());
        let at = |code, time_ms| Err(OwnedOutcome::Refused { code, facts: OwnedFacts::Time(time_ms) });
        if self.now_ms < from_ms {
            return at(Code::NotStarted, from_ms);
        }
        if until_ms != 0 && self.now_ms >= until_ms {
            return at(Code::Expired, until_ms);
        }
        if self.is_one(envelope, issue.owner, referral.referrer()) {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        let limit_key = limit_key(issue);
        let is_known = activity.friends.iter().any(|friend| {
            self.is_one(envelope, issue.owner, UserId(friend.user))
                || limit_key != 0 && friend.limit_key == limit_key
        });
        let referrer = self.counted_as(envelope, activity, referral.referrer().0);
        Ok((!is_known).then_some((place, referrer)))
    }

    /// Those whom risk rules ask about: the claimant, and by whose word he comes for the first time.
    pub fn who_claims(&self, envelope: &Envelope, issue: &OwnedIssue) -> Vec<Subject> {
        let mut who = told(&issue.demand()).to_vec();
        let word = self.referred(envelope, issue).ok().flatten();
        who.extend(word.map(|(_, referrer)| (REFERRER, referrer)));
        who
    }

    /// A friend has come.
    pub(super) fn refer(&mut self, (place, referrer): (usize, u128), issue: &OwnedIssue, card: CardId) {
        let activity = &mut self.activities[place];
        let (user, limit_key) = (issue.owner.0, limit_key(issue));
        activity.friends.push(Friend { user, limit_key, card, referrer, counted: false });
        if let Err(at) = activity.referrers.binary_search_by_key(&referrer, |found| found.user) {
            let new = Referrer { user: referrer, earned: 0, given: 0, since: 0, card: None };
            activity.referrers.insert(at, new);
        }
        if activity.terms.counting() == Counting::Claims {
            let last = activity.friends.len() - 1;
            self.count_friend(place, last);
        }
    }

    /// A card was used: a friend may count by that.
    pub(super) fn count_redeemed(&mut self, card: CardId) {
        for place in 0..self.activities.len() {
            let activity = &self.activities[place];
            let until_ms = activity.terms.until_ms.get();
            let is_over = until_ms != 0 && self.now_ms >= until_ms;
            let waits = |friend: &Friend| friend.card == card && !friend.counted;
            if let Some(friend) = activity.friends.iter().position(waits).filter(|_| !is_over) {
                self.count_friend(place, friend);
            }
        }
    }

    fn count_friend(&mut self, place: usize, friend: usize) {
        let begun = self.referrers_begun;
        let activity = &mut self.activities[place];
        activity.friends[friend].counted = true;
        let user = activity.friends[friend].referrer;
        let counted = activity.counted_of(user);
        let (every, most) = (u64::from(activity.terms.every.get()), u64::from(activity.terms.most.get()));
        let found = activity.referrers.iter_mut().find(|found| found.user == user).expect("he has friends");
        if !counted.is_multiple_of(every) || found.earned >= most {
            return;
        }
        if found.earned == found.given {
            found.since = begun;
            self.referrers_begun += 1;
        }
        found.earned += 1;
        self.rewards_due = true;
    }

    /// Rewards that can be had now are given: activity by activity, who has waited longest first.
    pub(super) fn give_rewards(&mut self) {
        self.rewards_due = false;
        for place in 0..self.activities.len() {
            loop {
                let activity = &self.activities[place];
                let owed = activity.referrers.iter().filter(|referrer| referrer.given < referrer.earned);
                let Some(next) = owed.min_by_key(|referrer| referrer.since).copied() else { break };
                let envelope = Envelope {
                    merchant: MerchantId(activity.merchant),
                    slot: activity.terms.reward().slot(),
                    channel: activity.channel,
                    operation: OperationId(0),
                    created_ms: 0,
                    deadline_ms: 0,
                    segments: Segments::NONE,
                };
                let owner = UserId(next.user);
                let issue = OwnedIssue { owner, ..OwnedIssue::of_nobody(activity.terms.reward()) };
                if self.can_be_given(&envelope, &issue).is_err() {
                    break;
                }
                let made = self.made(&envelope, &issue);
                let card = self.make(&envelope, &issue, (made, false));
                let mut referrers = self.activities[place].referrers.iter_mut();
                let found = referrers.find(|referrer| referrer.user == next.user).expect("he is there");
                found.given += 1;
                found.card = Some(card);
            }
        }
    }

    fn can_be_given(&self, envelope: &Envelope, issue: &OwnedIssue) -> Result<(), OwnedOutcome> {
        self.issues(envelope, issue)?;
        self.is_there(envelope, issue)?;
        let (stock, campaign) = self.own_campaign(envelope, issue.campaign).expect("it is there");
        let card = CardId::new(issue.campaign.slot(), campaign.number, campaign.issued);
        self.room_for_pages(std::iter::once(card))?;
        if stock.is_full_for(envelope.channel) { Err(Stock::too_many_channels()) } else { Ok(()) }
    }

    /// Friends that are remembered.
    pub fn friends(&self) -> usize {
        self.activities.iter().map(|activity| activity.friends.len()).sum()
    }

    /// The rewards of referrers follow from their friends.
    pub(super) fn check_sharing(&self) {
        for activity in &self.activities {
            let every = u64::from(activity.terms.every.get());
            for referrer in &activity.referrers {
                let counted = activity.counted_of(referrer.user);
                assert!(referrer.given <= referrer.earned && referrer.earned <= counted / every);
            }
        }
    }

    /// Activities, each with its version and rule.
    pub fn activity_rules(&self) -> Vec<(u32, ActivityId, u32, ActivityTerms)> {
        let rule = |activity: &Activity| (activity.merchant, activity.id, activity.version, activity.terms);
        self.activities.iter().map(rule).collect()
    }
}

fn limit_key(issue: &OwnedIssue) -> u128 {
    issue.parties.map_or(0, |parties| parties.limit_key.get())
}

//! Sharing: activities, the friends who have come to them by somebody's word, and what that has earned their referrers.
//!
//! A friend and a referrer are records of two tables, found by activity and user; a friend by his limit key and, until it was redeemed,
//! by his card, too. What is owed to referrers is a list: activity by activity, those first who have waited longest. A referrer of an
//! activity that lies in another shard has a record here, too, once he got a card of this shard: it says which of his rewards was
//! the last, and is why a reward that is brought twice is given once.
//!
//! Invariant: of a referrer given <= earned <= counted / every, and he hangs in the list as long as given < earned.

use super::State;
use super::digest::feed;
use super::index::Index;
use super::recount::{RecountError, same};
use super::risk::Owner;
use super::table::{Handle, NONE, Table};
use crate::command::{ActivityTerms, Counting};
use crate::ids::{ActivityId, CardId, ChannelId, MerchantId, UserId};
use crate::limits::Capacity;
use crate::sharing::Reward;
use scrip_planted::{Bug, on};
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An activity.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Its id.
    pub id: ActivityId,
    /// The tenant.
    pub merchant: MerchantId,
    /// The channel of its rewards.
    pub channel: ChannelId,
    /// Goes up by one with every edit, from 1 on.
    pub version: u32,
    /// Its rule.
    pub terms: ActivityTerms,
    /// Friends.
    pub friends: u64,
    /// Those who count.
    pub counted: u64,
    /// Rewards earned.
    pub earned: u64,
    /// Rewards given.
    pub given: u64,
    /// Referrers.
    pub referrers: u64,
}

impl Activity {
    /// Whose it is.
    pub fn owner(&self) -> Owner {
        (self.merchant, self.id.slot())
    }
}

/// Somebody who has come by a referrer's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FriendRecord {
    /// Who; 0: the record is free.
    pub user: u128,
    /// His limit key; 0: not told.
    pub limit_key: u128,
    /// The card that he claimed.
    pub card: u64,
    /// The activity.
    activity: u32,
    /// The referrer's handle.
    pub referrer: u32,
    /// 1: he counts.
    counted: u32,
    spare: [u32; 3],
}

const _: () = assert!(size_of::<FriendRecord>() == 64);

/// Somebody who has brought friends, or who got a card of this shard for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ReferrerRecord {
    /// Who; 0: the record is free.
    pub user: u128,
    /// The activity.
    activity_id: u64,
    /// The sequence at which he began to be owed what he is owed.
    since: u64,
    /// The card that he got last, if he got one.
    pub card: u64,
    /// Where the activity stands; [`NONE`]: in another shard.
    activity: u32,
    /// Friends.
    pub friends: u32,
    /// Those who count.
    pub counted: u32,
    /// Rewards earned.
    pub earned: u32,
    /// Rewards given.
    pub given: u32,
    /// The tenant.
    merchant: u32,
}

const _: () = assert!(size_of::<ReferrerRecord>() == 64);

/// Activities, friends and referrers.
pub struct Sharing {
    activities: Vec<Activity>,
    places: BTreeMap<ActivityId, u32>,
    friends: Table<FriendRecord>,
    by_user: Index,
    by_limit_key: Index,
    /// Friends whose cards count when they are redeemed.
    by_card: Index,
    referrers: Table<ReferrerRecord>,
    index: Index,
    /// Activity, since when, and the referrer who is owed something.
    owed: BTreeSet<(u32, u64, u32)>,
    /// Something may be given that could not be before.
    unsettled: bool,
}

impl Sharing {
    /// Nothing, with room for so many.
    pub fn new(capacity: &Capacity) -> Sharing {
        Sharing {
            activities: Vec::new(),
            places: BTreeMap::new(),
            friends: Table::new(capacity.friends_max),
            by_user: Index::new(capacity.friends_max),
            by_limit_key: Index::new(capacity.friends_max),
            by_card: Index::new(capacity.friends_max),
            referrers: Table::new(capacity.friends_max),
            index: Index::new(capacity.friends_max),
            owed: BTreeSet::new(),
            unsettled: false,
        }
    }

    /// The activities, in the order they were made.
    pub fn activities(&self) -> &[Activity] {
        &self.activities
    }

    /// The activity at this place.
    pub fn activity(&self, place: u32) -> &Activity {
        &self.activities[place as usize]
    }

    /// Friends in memory.
    pub fn friends_used(&self) -> u32 {
        self.friends.used()
    }

    /// Referrers in memory.
    pub fn referrers_used(&self) -> u32 {
        self.referrers.used()
    }

    /// A referrer.
    pub fn referrer(&self, handle: Handle) -> &ReferrerRecord {
        self.referrers.get(handle)
    }

    /// Whether somebody may be given what could not be given before.
    #[inline]
    pub fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Life begins: what history has left owed is looked at as soon as time moves on.
    pub(crate) fn start(&mut self) {
        self.unsettled = false;
    }

    /// Whether anybody is owed anything.
    #[inline]
    pub fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// The first activity from this place on that owes something.
    pub fn next_owing(&self, from: u32) -> Option<u32> {
        self.owed.range((from, 0, 0)..).next().map(|(place, _, _)| *place)
    }

    /// Whom an activity owes rewards, in order, each with how many.
    pub fn owed_by(&self, place: u32) -> impl Iterator<Item = (&ReferrerRecord, u32)> {
        self.owed.range((place, 0, 0)..=(place, u64::MAX, u32::MAX)).map(|(_, _, handle)| {
            let referrer = self.referrers.get(Handle(*handle));
            (referrer, referrer.earned - referrer.given)
        })
    }
}

impl State {
    /// Where the merchant's activity with this id stands.
    pub fn activity_of(&self, merchant: MerchantId, id: ActivityId) -> Option<u32> {
        let place = *self.sharing.places.get(&id)?;
        (self.sharing.activity(place).merchant == merchant).then_some(place)
    }

    /// Where an activity that the log names stands.
    pub(crate) fn place_of_activity(&self, id: ActivityId) -> u32 {
        *self.sharing.places.get(&id).expect("the log names an activity")
    }

    fn sharing_hash(&self, activity: u64, who: u128) -> u32 {
        self.hasher.hash_one((who, activity)) as u32
    }

    fn friend_by(
        &self,
        index: &Index,
        (activity, who): (u32, u128),
        is_he: impl Fn(&FriendRecord) -> bool,
    ) -> Option<Handle> {
        index.find(self.sharing_hash(u64::from(activity), who), |handle| {
            let friend = self.sharing.friends.get(handle);
            friend.activity == activity && is_he(friend)
        })
    }

    /// Whether a person has been a friend in an activity, under any of his ids or by his limit key.
    pub fn has_been_friend(&self, place: u32, user: UserId, limit_key: u128) -> bool {
        let Sharing { by_user, by_limit_key, .. } = &self.sharing;
        let known =
            |user: u128| self.friend_by(by_user, (place, user), |friend| friend.user == user).is_some();
        let of = self.sharing.activity(place).owner();
        if on(Bug::FriendCountsPerId) {
            return known(user.0);
        }
        self.members(of, user).into_iter().any(known)
            || limit_key != 0
                && self
                    .friend_by(by_limit_key, (place, limit_key), |friend| friend.limit_key == limit_key)
                    .is_some()
    }

    fn find_referrer(&self, merchant: MerchantId, activity: ActivityId, user: u128) -> Option<Handle> {
        self.sharing.index.find(self.sharing_hash(activity.0, user), |handle| {
            let found = self.sharing.referrers.get(handle);
            (found.user, found.activity_id, found.merchant) == (user, activity.0, merchant.0)
        })
    }

    /// The id under which a referrer is counted in an activity: that of his person which has been one there, the lowest of them; else
    /// his own.
    pub fn counted_as(&self, place: u32, referrer: UserId) -> (UserId, Option<Handle>) {
        let activity = self.sharing.activity(place);
        let found = |user: u128| {
            let handle = self.find_referrer(activity.merchant, activity.id, user)?;
            Some((UserId(user), Some(handle)))
        };
        self.members(activity.owner(), referrer).into_iter().find_map(found).unwrap_or((referrer, None))
    }

    /// The last reward that a referrer of an activity elsewhere got here, and its card; 0: none.
    pub fn received(&self, reward: &Reward) -> Option<(u32, CardId)> {
        let handle = self.find_referrer(reward.merchant, reward.activity, reward.referrer.0)?;
        let record = self.sharing.referrers.get(handle);
        Some((record.given, CardId(record.card)))
    }

    /// Compares friends, referrers and activities.
    pub(super) fn compare_sharing(&self) -> Result<(), RecountError> {
        let Sharing { activities, friends, by_user, by_limit_key, by_card, referrers, index, owed, .. } =
            &self.sharing;
        let mut sums: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        let (mut known, mut keys, mut awaited) = (0u64, 0u64, 0u64);
        for (_, friend) in friends.iter().filter(|(_, friend)| friend.user != 0) {
            known += 1;
            keys += u64::from(friend.limit_key != 0);
            let sum = sums.entry(friend.referrer).or_default();
            sum.0 += 1;
            sum.1 += u64::from(friend.counted);
            let counting = self.sharing.activity(friend.activity).terms.counting();
            awaited += u64::from(counting == Counting::Redemptions && friend.counted == 0);
        }
        let mut totals = vec![[0u64; 5]; activities.len()];
        let (mut there, mut owing) = (0u64, 0u64);
        for (handle, record) in referrers.iter().filter(|(_, record)| record.user != 0) {
            there += 1;
            let (of_him, counted) = sums.remove(&handle.0).unwrap_or_default();
            same("friends of a referrer", u64::from(record.friends), of_him)?;
            same("friends of a referrer who count", u64::from(record.counted), counted)?;
            if record.activity == NONE {
                same("rewards earned elsewhere", u64::from(record.earned), 0)?;
                continue;
            }
            let every = u64::from(self.sharing.activity(record.activity).terms.every.get());
            let fits = u64::from(record.earned) <= counted / every && record.given <= record.earned;
            same("rewards of a referrer", u64::from(fits), 1)?;
            let hangs = owed.contains(&(record.activity, record.since, handle.0));
            same("rewards owed", u64::from(hangs), u64::from(record.given < record.earned))?;
            owing += u64::from(hangs);
            let of = [record.friends, record.counted, record.earned, record.given, 1];
            totals[record.activity as usize]
                .iter_mut()
                .zip(of)
                .for_each(|(sum, more)| *sum += u64::from(more));
        }
        for (activity, sums) in activities.iter().zip(totals) {
            let Activity { friends, counted, earned, given, referrers, .. } = *activity;
            for (said, sum) in [friends, counted, earned, given, referrers].into_iter().zip(sums) {
                same("what an activity has done", said, sum)?;
            }
        }
        same("friends without a referrer", sums.len() as u64, 0)?;
        same("friends", u64::from(friends.used()), known)?;
        same("friends by user", u64::from(by_user.used()), known)?;
        same("friends by limit key", u64::from(by_limit_key.used()), keys)?;
        same("friends by card", u64::from(by_card.used()), awaited)?;
        same("referrers", u64::from(referrers.used()), there)?;
        same("referrers", u64::from(index.used()), there)?;
        same("referrers who are owed something", owed.len() as u64, owing)
    }

    pub(super) fn digest_sharing(&self, hash: &mut Xxh3) {
        for activity in &self.sharing.activities {
            let Activity {
                id, merchant, channel, version, friends, counted, earned, given, referrers, ..
            } = *activity;
            hash.update([merchant.0, u32::from(channel.0), version].as_bytes());
            hash.update([id.0, friends, counted, earned, given, referrers].as_bytes());
            hash.update(activity.terms.as_bytes());
        }
        feed(hash, &self.sharing.friends);
        feed(hash, &self.sharing.referrers);
    }
}

/// Writing: for `apply` alone, but for what says whether anything can be settled.
impl State {
    /// Nothing can be given until something happens, or time moves on.
    pub(crate) fn all_rewarded(&mut self) {
        self.sharing.unsettled = false;
    }

    /// Adds an activity.
    pub(crate) fn insert_activity(&mut self, activity: Activity) {
        let Sharing { activities, places, .. } = &mut self.sharing;
        let place = u32::try_from(activities.len()).expect("activities are few");
        assert!(places.insert(activity.id, place).is_none(), "an activity is made once");
        activities.push(activity);
    }

    /// Replaces the rule of an activity; answers its version.
    pub(crate) fn edit_activity(&mut self, place: u32, terms: &ActivityTerms, channel: ChannelId) -> u32 {
        let Sharing { activities, unsettled, .. } = &mut self.sharing;
        let found = &mut activities[place as usize];
        (found.terms, found.channel) = (*terms, channel);
        found.version += 1;
        *unsettled = true;
        found.version
    }

    fn insert_referrer(&mut self, record: ReferrerRecord) -> Handle {
        let hash = self.sharing_hash(record.activity_id, record.user);
        let handle = self.sharing.referrers.insert(record);
        self.sharing.index.insert(hash, handle);
        handle
    }

    /// A user has claimed a card by the word of a referrer, who is counted under this id.
    pub(crate) fn insert_friend(
        &mut self,
        (place, referrer): (u32, UserId),
        (user, limit_key): (UserId, u128),
        card: CardId,
    ) {
        let activity = self.sharing.activity(place);
        let (merchant, id, counting) = (activity.merchant, activity.id, activity.terms.counting());
        let found = self.find_referrer(merchant, id, referrer.0).unwrap_or_else(|| {
            self.sharing.activities[place as usize].referrers += 1;
            self.insert_referrer(ReferrerRecord {
                user: referrer.0,
                activity_id: id.0,
                since: 0,
                card: 0,
                activity: place,
                friends: 0,
                counted: 0,
                earned: 0,
                given: 0,
                merchant: merchant.0,
            })
        });
        let record = FriendRecord {
            user: user.0,
            limit_key,
            card: card.0,
            activity: place,
            referrer: found.0,
            counted: 0,
            spare: [0; 3],
        };
        let friend = self.sharing.friends.insert(record);
        let hash = self.sharing_hash(u64::from(place), user.0);
        self.sharing.by_user.insert(hash, friend);
        if limit_key != 0 {
            let hash = self.sharing_hash(u64::from(place), limit_key);
            self.sharing.by_limit_key.insert(hash, friend);
        }
        self.sharing.referrers.get_mut(found).friends += 1;
        self.sharing.activities[place as usize].friends += 1;
        match counting {
            Counting::Claims => self.count_friend(friend),
            Counting::Redemptions => {
                let hash = self.sharing_hash(card.0, 0);
                self.sharing.by_card.insert(hash, friend);
            }
        }
    }

    /// A card was redeemed: a friend may count by that. Nobody is looked for unless somebody's card is waited for.
    #[inline]
    pub(super) fn count_redeemed(&mut self, card: Handle) {
        if self.sharing.by_card.used() > 0 {
            self.count_card(card);
        }
    }

    #[cold]
    fn count_card(&mut self, handle: Handle) {
        let card = self.card_id(handle);
        let hash = self.sharing_hash(card.0, 0);
        let Sharing { friends, by_card, .. } = &self.sharing;
        // One card may be waited for in several activities: it was claimed by one word.
        let Some(friend) = by_card.find(hash, |friend| friends.get(friend).card == card.0) else { return };
        let until_ms = self.sharing.activity(friends.get(friend).activity).terms.until_ms.get();
        if until_ms != 0 && self.now_ms >= until_ms {
            return;
        }
        self.sharing.by_card.remove(hash, friend);
        self.count_friend(friend);
    }

    /// A friend counts, for good.
    fn count_friend(&mut self, friend: Handle) {
        let sequence = self.sequence;
        let Sharing { activities, friends, referrers, owed, unsettled, .. } = &mut self.sharing;
        let record = friends.get_mut(friend);
        assert!(record.counted == 0, "a friend counts once");
        record.counted = 1;
        let handle = record.referrer;
        let activity = &mut activities[record.activity as usize];
        let referrer = referrers.get_mut(Handle(handle));
        referrer.counted += 1;
        activity.counted += 1;
        let every = u32::from(activity.terms.every.get());
        let is_due = referrer.counted.is_multiple_of(every) && referrer.earned < activity.terms.most.get();
        if !is_due {
            return;
        }
        if referrer.given == referrer.earned {
            referrer.since = sequence;
            owed.insert((record.activity, sequence, handle));
        }
        referrer.earned += 1;
        activity.earned += 1;
        *unsettled = true;
    }

    /// A referrer got his next reward.
    pub(crate) fn reward(&mut self, place: u32, user: UserId, (ordinal, card): (Option<u32>, CardId)) {
        let activity = self.sharing.activity(place);
        let found = self.find_referrer(activity.merchant, activity.id, user.0);
        let handle = found.expect("the log names a referrer");
        let Sharing { activities, referrers, owed, .. } = &mut self.sharing;
        let referrer = referrers.get_mut(handle);
        assert!(referrer.given < referrer.earned, "no reward is given that was not earned");
        assert!(ordinal.is_none_or(|ordinal| ordinal == referrer.given + 1), "rewards are given in order");
        referrer.given += 1;
        referrer.card = card.0;
        activities[place as usize].given += 1;
        if referrer.given == referrer.earned {
            owed.remove(&(place, referrer.since, handle.0));
        }
    }

    /// A referrer of an activity in another shard got a card here.
    pub(crate) fn receive(&mut self, reward: &Reward, card: CardId) {
        let found = self.find_referrer(reward.merchant, reward.activity, reward.referrer.0);
        let handle = found.unwrap_or_else(|| {
            self.insert_referrer(ReferrerRecord {
                user: reward.referrer.0,
                activity_id: reward.activity.0,
                since: 0,
                card: 0,
                activity: NONE,
                friends: 0,
                counted: 0,
                earned: 0,
                given: 0,
                merchant: reward.merchant.0,
            })
        });
        let record = self.sharing.referrers.get_mut(handle);
        assert!(record.activity == NONE && record.given < reward.ordinal, "a reward is given once");
        (record.given, record.card) = (reward.ordinal, card.0);
    }
}

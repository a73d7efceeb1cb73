//! Drawing activities and words: rules that pay soon, claims by the word of somebody who may be the claimant himself.
//!
//! Invariant: an activity has sources of its merchant mostly, and claims name one that has their campaign, so that friends come and
//! rewards are earned.

use super::Generator;
use super::plan::pick;
use crate::oracle::Oracle;
use crate::request::{CardCommand, OwnedActivityWish};
use scrip_engine::command::{ActivityTerms, Envelope, Referral};
use scrip_engine::ids::{ActivityId, Slot, StockId, UserId};
use zerocopy::little_endian::{U16, U32, U64};

/// Numbers of activities in a slot.
const NUMBERS: u64 = 4;

impl Generator {
    /// An ACTIVITY_CREATE, ACTIVITY_EDIT or ACTIVITY_SHOW.
    pub(super) fn activity(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let there = oracle.activity_rules();
        let referrer = UserId(self.rng.u128(0..=self.plan.buyers + 1));
        if there.is_empty() || self.rng.u8(0..4) == 0 {
            let terms = self.activity_rule(oracle, envelope);
            let activity = ActivityId(StockId::new(envelope.slot, self.rng.u64(1..=NUMBERS)).0);
            return CardCommand::Activity(OwnedActivityWish::Create { activity, terms });
        }
        let (merchant, activity, version, before) = *self.choose(&there);
        self.move_to(envelope, (merchant, activity.slot()));
        if self.rng.u8(0..3) == 0 {
            return CardCommand::Activity(OwnedActivityWish::Show { activity, referrer });
        }
        let mut terms = self.activity_rule(oracle, envelope);
        if self.rng.u8(0..6) > 0 {
            (terms.every, terms.counts) = (before.every, before.counts);
        }
        let version = if self.rng.u8(0..8) == 0 { version + 1 } else { version };
        CardCommand::Activity(OwnedActivityWish::Edit { activity, version, terms })
    }

    fn activity_rule(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> ActivityTerms {
        let mut sources: Vec<u64> = Vec::new();
        for _ in 0..self.rng.u8(1..=3) {
            sources.push(self.any_campaign(oracle, envelope).0);
        }
        sources.retain(|source| StockId(*source).slot() == envelope.slot || self.rng.u8(0..8) == 0);
        if sources.is_empty() {
            sources.push(StockId::new(envelope.slot, 1).0);
        }
        sources.sort_unstable();
        sources.dedup();
        let reward = self.any_campaign(oracle, &mut envelope.clone());
        let (now_ms, open) = (oracle.now_ms(), self.rng.u8(0..4) > 0);
        let (from_ms, until_ms) = if open {
            (0, 0)
        } else {
            let from_ms = now_ms.saturating_sub(1_000) + self.rng.u64(0..3_000);
            (from_ms, *pick(&mut self.rng, &[0, from_ms + 1, from_ms + 20_000]))
        };
        let mut terms = ActivityTerms {
            reward: U64::new(reward.0),
            from_ms: U64::new(from_ms),
            until_ms: U64::new(until_ms),
            most: U32::new(*pick(&mut self.rng, &[1, 2, 5, 1_000])),
            every: U16::new(*pick(&mut self.rng, &[1, 1, 1, 2, 3])),
            counts: self.rng.u8(1..=2),
            sources_count: sources.len() as u8,
            ..ActivityTerms::default()
        };
        terms.sources.iter_mut().zip(sources).for_each(|(place, source)| place.set(source));
        terms
    }

    /// By whose word the claimant of a campaign comes, if he does.
    pub(super) fn word(
        &mut self,
        oracle: &Oracle,
        envelope: &Envelope,
        (campaign, owner): (StockId, UserId),
    ) -> Option<Referral> {
        let rules = oracle.activity_rules();
        if rules.is_empty() || self.rng.u8(0..3) == 0 {
            return None;
        }
        let of = |(merchant, _, _, terms): &&(u32, ActivityId, u32, ActivityTerms)| {
            *merchant == envelope.merchant.0 && terms.sources().any(|source| source == campaign)
        };
        let fitting: Vec<_> = rules.iter().filter(of).copied().collect();
        let (from, slot) = if fitting.is_empty() { (&rules, Slot(0)) } else { (&fitting, envelope.slot) };
        if fitting.is_empty() && self.rng.u8(0..8) > 0 {
            return None;
        }
        let (_, activity, _, _) = *self.choose(from);
        let activity = match self.rng.u8(0..40) {
            0 => ActivityId(StockId::new(slot, 99).0),
            _ => activity,
        };
        let referrer = UserId(self.rng.u128(1..=self.plan.buyers.min(3) + 1));
        let other = UserId(owner.0 % 3 + 1 + u128::from(owner.0 % 3 + 1 == owner.0));
        let is_own = referrer == owner && self.rng.u8(0..8) > 0;
        Some(Referral::new(activity, if is_own { other } else { referrer }))
    }
}

/// Another command under the same id.
pub(super) fn altered_activity(wish: OwnedActivityWish) -> OwnedActivityWish {
    match wish {
        OwnedActivityWish::Create { activity, terms } => {
            OwnedActivityWish::Edit { activity, version: 1, terms }
        }
        OwnedActivityWish::Edit { activity, version, terms } => {
            OwnedActivityWish::Edit { activity, version: version + 1, terms }
        }
        query => query,
    }
}

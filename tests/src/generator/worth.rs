//! Drawing what cards are worth: every kind with what goes with it, times that begin and end soon, now and then the largest numbers.
//!
//! Invariant: what is drawn is well formed.

use super::Generator;
use super::plan::pick;
use crate::request::Worth;
use scrip_engine::command::{CampaignKind, Definition, ScopeEntry, Tier};
use scrip_engine::limits::{CARD_UNITS_MAX, CARD_VALUE_MAX, POINT_VALUE_MAX};

impl Generator {
    /// Any definition.
    pub(super) fn worth(&mut self) -> Worth {
        use CampaignKind::{
            AmountOff, FixedPrice, Item, Pass, PercentOff, Points, Stamps, StoredValue, Uses,
        };
        let kind = *pick(&mut self.rng, &self.plan.worths);
        let huge = self.happens(self.plan.chances.huge);
        let mut worth = Worth::default();
        let definition = &mut worth.definition;
        let rng = &mut self.rng;
        definition.kind = kind as u8;
        let pieces = if huge { CARD_UNITS_MAX } else { *pick(rng, &[1, 2, 3, 5, 10]) };
        definition.units = match kind {
            Item | Uses => pieces,
            StoredValue | Points => *pick(rng, &[0, 0, 5, 30, if huge { CARD_VALUE_MAX } else { 100 }]),
            Stamps => 0,
            _ => 1,
        }
        .into();
        let mut large = |usual: &[u64]| if huge && rng.bool() { u64::MAX } else { *pick(rng, usual) };
        let (threshold, value) = (large(&[0, 0, 100, 1_000]), large(&[1, 10, 30, 150]));
        let cap = large(&[0, 0, 1, 25, 400]);
        definition.threshold = threshold.into();
        definition.value = match kind {
            AmountOff | FixedPrice => value,
            PercentOff => *pick(rng, &[1, 33, 1_000, 5_000, 5_000, 9_999, 10_000]),
            StoredValue => *pick(rng, &[0, 7, 95, 100]),
            Stamps => *pick(rng, &[1, 3, 5]),
            Points => *pick(rng, &[1, 50, 100, 333, if huge { POINT_VALUE_MAX } else { 100 }]),
            Item | Uses | Pass => 0,
        }
        .into();
        if kind == StoredValue {
            definition.currency = *b"CNY";
            definition.spending = rng.u8(0..3);
        }
        if kind == Points {
            definition.earned_lasts_s = (*pick(rng, &[0, 1, 5, 20, 100])).into();
        }
        if kind == Pass {
            worth.tiers = levels(rng);
        }
        let definition = &mut worth.definition;
        definition.cap = if matches!(kind, AmountOff | PercentOff | Pass) { cap } else { 0 }.into();
        if kind == AmountOff {
            match rng.u8(0..3) {
                0 if threshold != 0 => definition.flags |= Definition::EACH,
                1 => {
                    (definition.threshold, definition.value) = (0.into(), 0.into());
                    worth.tiers = tiers(rng);
                }
                _ => {}
            }
        }
        if rng.u8(0..4) == 0 {
            definition.flags |= Definition::INACTIVE;
        }
        if matches!(kind, Uses | Pass) {
            definition.interval_s = (*pick(rng, &[0, 0, 1, 3])).into();
        }
        definition.class = *pick(rng, &[0, 0, 1, 31]);
        definition.combines = (*pick(rng, &[0, 1, 3, 3, 0x8000_0001, u32::MAX])).into();
        if rng.u8(0..4) == 0 {
            definition.flags |= Definition::BEFORE;
        }
        self.times_of(&mut worth.definition, huge);
        if self.plan.checkouts && self.happens(800) {
            // Cards that live long enough for what comes after a checkout.
            let definition = &mut worth.definition;
            (definition.from_ms, definition.until_ms) = (0.into(), 0.into());
            (definition.starts_after_s, definition.lasts_s) = (0.into(), 0.into());
            definition.flags &= !Definition::INACTIVE;
        }
        worth.scope = self.scope_of_cards();
        self.bounds_of(&mut worth);
        worth
    }

    fn times_of(&mut self, definition: &mut Definition, huge: bool) {
        if self.rng.u8(0..6) == 0 {
            let (from_ms, until_ms) = self.span();
            (definition.from_ms, definition.until_ms) = (from_ms.into(), until_ms.into());
        }
        let rng = &mut self.rng;
        let mut large = |usual: &[u32]| if huge && rng.u8(0..4) == 0 { u32::MAX } else { *pick(rng, usual) };
        definition.starts_after_s = large(&[0, 0, 0, 0, 1, 2]).into();
        definition.lasts_s = large(&[0, 0, 1, 3, 30, 1_000]).into();
        definition.window_s = large(&[0, 0, 1, 5, 20]).into();
        definition.grace_s = large(&[0, 0, 0, 1, 5, 60]).into();
    }

    /// Two times, the second one later or open; often beside a whole second.
    pub(super) fn span(&mut self) -> (u64, u64) {
        let second_ms = self.now_ms / 1_000 * 1_000;
        let soon_ms = self.now_ms + self.rng.u64(0..2_500);
        let from_ms = *self.choose(&[0, 0, 1, self.now_ms, second_ms + 1_000, second_ms + 1_001, soon_ms]);
        let later_ms = self.now_ms.max(from_ms) + self.rng.u64(1..9_000);
        let far_ms = [0, u64::from(u32::MAX) * 1_000 + 1_500, u64::MAX];
        let until_ms = if self.happens(300) { *self.choose(&far_ms) } else { later_ms };
        if until_ms != 0 && until_ms <= from_ms { (from_ms, 0) } else { (from_ms, until_ms) }
    }

    fn scope_of_cards(&mut self) -> Vec<ScopeEntry> {
        let count = *pick(&mut self.rng, &[0, 0, 0, 1, 2, 3]);
        (0..count)
            .map(|_| match self.rng.u8(1..=7) {
                what @ (ScopeEntry::CHANNEL | ScopeEntry::CLAIM_CHANNEL) => {
                    ScopeEntry::new(what, u64::from(self.channel().0))
                }
                what => ScopeEntry::new(what, self.rng.u64(1..=3)),
            })
            .collect()
    }
}

fn levels(rng: &mut fastrand::Rng) -> Vec<Tier> {
    let count = rng.usize(1..=4);
    (0..count).map(|_| Tier::new(rng.u64(0..100), *pick(rng, &[0, 33, 500, 1_000, 10_000]))).collect()
}

fn tiers(rng: &mut fastrand::Rng) -> Vec<Tier> {
    let (mut threshold, mut value) = (rng.u64(0..200), rng.u64(1..20));
    let count = rng.usize(1..=8);
    let mut tier = || {
        let tier = Tier::new(threshold, value);
        (threshold, value) = (threshold + rng.u64(1..200), value + rng.u64(1..50));
        tier
    };
    (0..count).map(|_| tier()).collect()
}

//! Whether a definition keeps the fixed limits of the contract, and what follows from its fields: what a card can cost, when
//! it can be used. It stands apart from what a definition is, so that both can be read at a glance.
//!
//! Invariant: what passed here has the fields of its kind, and no others; lists are in order and inside their limits; a budget
//! has a cost.

use super::{CampaignKind, CampaignTerms, Definition, Limits, Malformed, Tier};
use crate::calendar::Hours;
use crate::ids::StockId;
use crate::limits::{
    CARD_VALUE_MAX, LATE_MAX_S, POINT_VALUE_MAX, POINTS_DISCOUNT_MAX, REMIND_MAX_MINUTES, SCOPE_MAX,
    STACKING_CLASSES, STAMPS_MAX, TIERS_MAX, ZONE_OFFSET_MAX_MINUTES,
};

impl CampaignTerms<'_> {
    pub(super) fn check(&self, campaign: StockId) -> Result<(), Malformed> {
        let definition = self.definition;
        let [first, second] = self.extension.remind_minutes.map(|minutes| minutes.get());
        if first > REMIND_MAX_MINUTES || second != 0 && second >= first {
            return Err(Malformed::Definition("reminders"));
        }
        // A till that is offline can't know of the uses that an interval is kept to.
        let late_s = self.extension.late_s.get();
        if late_s > LATE_MAX_S || late_s != 0 && definition.interval_s != 0 {
            return Err(Malformed::Definition("how late a till may be"));
        }
        if self.extension.group() == Some(campaign) {
            return Err(Malformed::Definition("group"));
        }
        let kind = CampaignKind::from_number(definition.kind).ok_or(Malformed::Definition("kind"))?;
        if definition.flags & !Definition::FLAGS != 0 || (definition.spare, definition.spare_end) != (0, 0) {
            return Err(Malformed::Definition("a flag or reserved field"));
        }
        if definition.class >= STACKING_CLASSES {
            return Err(Malformed::Definition("stacking class"));
        }
        if self.tiers.len() > TIERS_MAX {
            return Err(Malformed::TierCount(self.tiers.len()));
        }
        if self.scope.len() > SCOPE_MAX {
            return Err(Malformed::ScopeCount(self.scope.len()));
        }
        let units = definition.units.get();
        if !(kind.units_min()..=kind.units_max()).contains(&units) {
            return Err(Malformed::Definition("units"));
        }
        self.check_worth(kind)?;
        let (from_ms, until_ms) = (definition.from_ms.get(), definition.until_ms.get());
        if until_ms != 0 && until_ms <= from_ms {
            return Err(Malformed::Definition("valid until"));
        }
        if definition.interval_s != 0 && !matches!(kind, CampaignKind::Uses | CampaignKind::Pass) {
            return Err(Malformed::Definition("interval"));
        }
        self.check_account(kind)?;
        self.check_issuing()?;
        match self.scope.iter().position(|entry| !entry.is_sound()) {
            Some(position) => Err(Malformed::Scope(position)),
            None => Ok(()),
        }
    }

    /// Threshold, value, cap, tiers: what of them goes with the kind.
    fn check_worth(&self, kind: CampaignKind) -> Result<(), Malformed> {
        let definition = self.definition;
        let (threshold, value) = (definition.threshold.get(), definition.value.get());
        let tiered = !self.tiers.is_empty();
        let worth = match kind {
            CampaignKind::AmountOff => tiered == (value == 0),
            CampaignKind::PercentOff => (1..=10_000).contains(&value),
            CampaignKind::FixedPrice => true,
            CampaignKind::StoredValue => value <= u64::from(CARD_VALUE_MAX),
            CampaignKind::Stamps => (1..=STAMPS_MAX).contains(&value),
            CampaignKind::Points => (1..=POINT_VALUE_MAX).contains(&value),
            CampaignKind::Item | CampaignKind::Uses | CampaignKind::Pass => value == 0,
        };
        if !worth {
            return Err(Malformed::Definition("value"));
        }
        let off = matches!(kind, CampaignKind::AmountOff | CampaignKind::PercentOff | CampaignKind::Pass);
        if definition.cap != 0 && !off {
            return Err(Malformed::Definition("cap"));
        }
        if definition.each() && (kind != CampaignKind::AmountOff || threshold == 0) {
            return Err(Malformed::Definition("each"));
        }
        if kind == CampaignKind::Pass {
            return self.check_levels();
        }
        if tiered && (kind != CampaignKind::AmountOff || threshold != 0 || definition.each()) {
            return Err(Malformed::Definition("tiers"));
        }
        let ascends = |pair: &[Tier]| {
            pair[0].threshold.get() < pair[1].threshold.get() && pair[0].value.get() < pair[1].value.get()
        };
        let first = self.tiers.first().is_none_or(|tier| tier.value != 0);
        match self.tiers.windows(2).position(|pair| !ascends(pair)) {
            Some(position) => Err(Malformed::Tier(position + 1)),
            None if !first => Err(Malformed::Tier(0)),
            None => Ok(()),
        }
    }

    /// The levels of a pass.
    fn check_levels(&self) -> Result<(), Malformed> {
        if self.tiers.is_empty() {
            return Err(Malformed::Definition("tiers"));
        }
        let too_much = self.tiers.iter().position(|level| level.value.get() > 10_000);
        too_much.map_or(Ok(()), |position| Err(Malformed::Tier(position)))
    }

    /// Budgets, clock and hours.
    fn check_issuing(&self) -> Result<(), Malformed> {
        let Definition { budget, budget_per_day, .. } = *self.definition;
        if (budget != 0 || budget_per_day != 0) && self.cost() == 0 {
            return Err(Malformed::Definition("budget without a cost"));
        }
        let minutes = self.definition.clock_minutes.get();
        if minutes != Limits::BY_ZONE && minutes.unsigned_abs() > ZONE_OFFSET_MAX_MINUTES.unsigned_abs() {
            return Err(Malformed::Definition("clock"));
        }
        if !self.definition.hours().is_sound() {
            return Err(Malformed::Definition("weekdays or hours"));
        }
        Ok(())
    }

    /// What only cards that can be filled have.
    fn check_account(&self, kind: CampaignKind) -> Result<(), Malformed> {
        let Definition { currency, spending, earned_lasts_s, .. } = *self.definition;
        let money = kind == CampaignKind::StoredValue;
        let named = currency.iter().all(u8::is_ascii_uppercase);
        if if money { !named } else { currency != [0; 3] } {
            return Err(Malformed::Definition("currency"));
        }
        if spending > if money { Definition::PRINCIPAL_FIRST } else { 0 } {
            return Err(Malformed::Definition("spending"));
        }
        if earned_lasts_s != 0 && kind != CampaignKind::Points {
            return Err(Malformed::Definition("earned lasts"));
        }
        Ok(())
    }
}

impl CampaignTerms<'_> {
    /// The most that one card can cost, in minor units; 0: it can't be told.
    pub fn cost(&self) -> u64 {
        let definition = self.definition;
        if definition.cost != 0 {
            return definition.cost.get();
        }
        let (value, cap) = (definition.value.get(), definition.cap.get());
        let units = u64::from(definition.units.get());
        let capped = |most: u64| if cap == 0 { most } else { most.min(cap) };
        match definition.kind() {
            CampaignKind::AmountOff if definition.each() => cap,
            CampaignKind::AmountOff => capped(self.tiers.last().map_or(value, |tier| tier.value.get())),
            CampaignKind::PercentOff => cap,
            CampaignKind::StoredValue => units,
            CampaignKind::Points => (units * value).div_ceil(100).min(POINTS_DISCOUNT_MAX),
            CampaignKind::Item
            | CampaignKind::FixedPrice
            | CampaignKind::Uses
            | CampaignKind::Stamps
            | CampaignKind::Pass => 0,
        }
    }
}

impl Definition {
    /// Whether cards, or what they cost, are bounded by days.
    #[inline]
    pub fn limits_days(&self) -> bool {
        self.cards_per_day != 0 || self.budget_per_day != 0
    }

    /// When its cards can be used.
    #[inline]
    pub fn hours(&self) -> Hours {
        Hours {
            weekdays: self.weekdays,
            opens_minute: self.opens_minute.get(),
            closes_minute: self.closes_minute.get(),
        }
    }
}

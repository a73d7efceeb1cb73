//! What a card is worth, and when it is valid: pure rules over a campaign's definition.
//!
//! They stand apart from the commands because issue, activation and redemption share them, and so that they can be tested
//! by themselves. Invariant: a discount is never more than the amount; nothing here overflows, whatever a definition says.

use crate::command::{CampaignKind, Definition, ScopeEntry, Segments, Tier};
use crate::ids::ChannelId;
use crate::limits::{POINTS_DISCOUNT_MAX, REVERSAL_WINDOW_DEFAULT_S};
use scrip_planted::{Bug, on};

const SECOND_MS: u64 = 1_000;

/// When a card is valid, in milliseconds; 0: open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From then on.
    pub from_ms: u64,
    /// Until then.
    pub until_ms: u64,
}

impl Span {
    /// The absolute times of a definition.
    pub fn of(definition: &Definition) -> Span {
        Span { from_ms: definition.from_ms.get(), until_ms: definition.until_ms.get() }
    }

    /// These times and those relative to receipt (or activation), which is now.
    pub fn received(self, definition: &Definition, now_ms: u64) -> Span {
        let starts_ms = u64::from(definition.starts_after_s.get()) * SECOND_MS;
        let lasts_ms = u64::from(definition.lasts_s.get()) * SECOND_MS;
        let from_ms = if starts_ms == 0 { self.from_ms } else { self.from_ms.max(now_ms + starts_ms) };
        let end_ms = from_ms.max(now_ms).saturating_add(lasts_ms);
        let until_ms = match (lasts_ms, self.until_ms) {
            (0, until_ms) => until_ms,
            (_, 0) => end_ms,
            (_, until_ms) => until_ms.min(end_ms),
        };
        Span { from_ms, until_ms }
    }

    /// As a card keeps it: whole seconds, the beginning rounded up, the end down.
    pub fn in_seconds(self) -> (u32, u32) {
        let seconds = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
        (seconds(self.from_ms.div_ceil(SECOND_MS)), end_in_seconds(self.until_ms))
    }
}

/// An end in whole seconds, rounded down; one that there is stays one that there is.
pub fn end_in_seconds(until_ms: u64) -> u32 {
    if until_ms == 0 { 0 } else { u32::try_from(until_ms / SECOND_MS).unwrap_or(u32::MAX).max(1) }
}

/// A card's time in milliseconds.
#[inline]
pub fn in_ms(seconds: u32) -> u64 {
    u64::from(seconds) * SECOND_MS
}

/// The second of a shard time, as far as seconds are kept.
pub(crate) fn second(now_ms: u64) -> u32 {
    u32::try_from(now_ms / 1_000).unwrap_or(u32::MAX)
}

/// Until when a redemption of then can be reversed.
pub fn reversal_end_ms(definition: &Definition, at_ms: u64) -> u64 {
    let window_s = match definition.window_s.get() {
        0 => REVERSAL_WINDOW_DEFAULT_S,
        window_s => window_s,
    };
    at_ms + in_ms(window_s)
}

/// Until when what gets units back lives at least, seconds; 0: there is no grace.
pub fn graced(definition: &Definition, now_ms: u64) -> u32 {
    match definition.grace_s.get() {
        0 => 0,
        grace_s => end_in_seconds(now_ms + in_ms(grace_s)),
    }
}

/// An end that is to lie then at least; one that is open stays open.
pub fn prolonged(until_s: u32, lives_until_s: u32) -> u32 {
    if until_s == 0 { 0 } else { until_s.max(lives_until_s) }
}

/// The least amount that an order must have.
pub fn least_amount(definition: &Definition, tiers: &[Tier]) -> u64 {
    // The levels of a pass are no steps of an amount.
    let tiers = if definition.kind() == CampaignKind::Pass { &[] } else { tiers };
    tiers.first().map_or(definition.threshold.get(), |tier| tier.threshold.get())
}

/// What a redemption uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// What of the order, in minor units.
    pub amount: u64,
    /// Units of the card.
    pub units: u32,
    /// The level of a pass, from 1.
    pub level: u8,
}

/// Hundredths of a percent that a pass takes off at a level. One that is no longer there counts as the last.
pub fn percent_of_level(tiers: &[Tier], level: u8) -> u64 {
    let last = tiers.len().saturating_sub(1);
    tiers.get(usize::from(level.max(1) - 1).min(last)).map_or(0, |found| found.value.get())
}

/// What one redemption takes off an amount that reaches the (lowest) threshold.
pub fn discount(definition: &Definition, tiers: &[Tier], used: &Use) -> u64 {
    let (value, amount, units) = (definition.value.get(), used.amount, u64::from(used.units));
    let capped = |discount: u64| match definition.cap.get() {
        0 => discount,
        cap => discount.min(cap),
    };
    let off = match definition.kind() {
        CampaignKind::AmountOff if !tiers.is_empty() => {
            let reached = tiers.iter().rev().find(|tier| tier.threshold.get() <= amount);
            capped(reached.map_or(0, |tier| tier.value.get()))
        }
        CampaignKind::AmountOff if definition.each() => {
            capped(value.saturating_mul(amount / definition.threshold.get().max(1)))
        }
        CampaignKind::AmountOff => capped(value),
        CampaignKind::PercentOff => capped(percent(amount, value)),
        CampaignKind::FixedPrice => amount.saturating_sub(value),
        CampaignKind::StoredValue => units,
        CampaignKind::Points => (units * value / 100).min(POINTS_DISCOUNT_MAX),
        CampaignKind::Pass => capped(percent(amount, percent_of_level(tiers, used.level))),
        CampaignKind::Item | CampaignKind::Uses | CampaignKind::Stamps => 0,
    };
    off.min(amount)
}

/// So many hundredths of a percent, half up.
fn percent(amount: u64, hundredths: u64) -> u64 {
    let exact = u128::from(amount) * u128::from(hundredths);
    let half = if on(Bug::HalfRoundedDown) { 4_999 } else { 5_000 };
    u64::try_from((exact + half) / 10_000).unwrap_or(u64::MAX)
}

/// Where and for what a card is to be used; 0 of all but the channel: not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose {
    /// The channel.
    pub channel: ChannelId,
    /// The store.
    pub store: u64,
    /// The product.
    pub product: u64,
    /// The category.
    pub category: u64,
    /// The segments that the user is in; none: not told.
    pub segments: Segments,
}

/// Whether a purpose names one of what is listed, of each sort of which anything is.
pub fn in_scope(scope: &[ScopeEntry], purpose: &Purpose) -> bool {
    covers(scope.iter().filter(|entry| !entry.is_of_claims()), |entry| {
        let id = entry.id.get();
        match entry.what {
            ScopeEntry::CHANNEL => id == u64::from(purpose.channel.0),
            // What is not told is 0, which no entry is.
            ScopeEntry::STORE => id == purpose.store,
            ScopeEntry::PRODUCT => id == purpose.product,
            ScopeEntry::CATEGORY => id == purpose.category,
            _ => purpose.segments.contain(id),
        }
    })
}

/// Whether a user who comes through this channel and is in these segments may get cards, as in_scope says who may use them.
pub fn may_claim(scope: &[ScopeEntry], channel: ChannelId, segments: &Segments) -> bool {
    covers(scope.iter().filter(|entry| entry.is_of_claims()), |entry| match entry.what {
        ScopeEntry::CLAIM_CHANNEL => entry.id.get() == u64::from(channel.0),
        _ => segments.contain(entry.id.get()),
    })
}

/// Whether one entry of each sort fits.
#[inline]
fn covers<'a>(entries: impl Iterator<Item = &'a ScopeEntry>, fits: impl Fn(&ScopeEntry) -> bool) -> bool {
    let (mut listed, mut named) = (0u8, 0u8);
    for entry in entries {
        let sort = 1 << (entry.what & 7);
        listed |= sort;
        if fits(entry) {
            named |= sort;
        }
    }
    listed == named
}

#[cfg(test)]
mod tests;

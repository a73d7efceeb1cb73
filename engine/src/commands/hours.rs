//! Step 3 of a redemption: the times of a card, then the weekdays and hours of its campaign.
//!
//! It stands apart because redemptions, holds and quotes share it, and what only changes a card does not ask for hours.
//! Invariant: the moment that a refusal names is one at which the card can be used, as far as time goes.

use super::redeem::check_times;
use super::worth::in_ms;
use crate::rejection::{Code, Facts, Rejection};
use crate::state::State;
use crate::state::cards::Found;
use scrip_planted::{Bug, on};

/// Step 3.
#[inline]
pub(super) fn check_validity(state: &State, found: &Found<'_>, now_ms: u64) -> Option<Rejection<'static>> {
    check_times(&found.card, now_ms).or_else(|| check_hours(state, found, now_ms))
}

#[inline]
fn check_hours(state: &State, found: &Found<'_>, now_ms: u64) -> Option<Rejection<'static>> {
    let hours = found.campaign.definition.hours();
    if hours.is_always() || on(Bug::HoursIgnored) {
        return None;
    }
    let clock = state.clock_of(found.campaign);
    if clock.is_inside(hours, now_ms) {
        return None;
    }
    let (next_ms, until_ms) = (clock.next_inside(hours, now_ms), in_ms(found.card.until_s));
    let is_over = until_ms != 0 && next_ms >= until_ms;
    let (code, time_ms) = if is_over { (Code::Expired, until_ms) } else { (Code::NotStarted, next_ms) };
    Some(Rejection { code, facts: Facts::Time(time_ms) })
}

//! What a campaign may issue on one day, and for how much money.
//!
//! It stands apart from the issue because an edit is held to it, too. What cards cost is not added up: it is their number
//! times the cost of one, so that no sum can drift. Invariant: whatever is issued or edited, cards and money of the campaign
//! and of its day stay inside the maxima in force.

use crate::command::CampaignTerms;
use crate::rejection::{Code, Facts, Rejection};
use crate::state::State;
use crate::state::campaigns::{Campaign, Today};
use crate::state::table::Handle;
use scrip_planted::{Bug, on};

/// Cards for which a budget has money left, besides those there are.
fn affordable(budget: u64, cards: u64, cost: u64) -> u64 {
    if budget == 0 {
        return u64::MAX;
    }
    // Money is bounded only where it has a cost.
    (budget / cost.max(1)).saturating_sub(cards)
}

/// Step 4a of ISSUE and CLAIM.
#[inline]
pub(super) fn check(
    state: &State,
    now_ms: u64,
    campaign: &Campaign,
    asked: u64,
) -> Option<Rejection<'static>> {
    let (room, money) = rooms(state, now_ms, campaign, 0)?;
    let lacks = |code, available: u64| {
        let facts = Facts::Units { stock: state.stock_of_campaign(campaign).id, asked, available };
        (asked > available).then_some(Rejection { code, facts })
    };
    lacks(Code::CampaignLimit, room).or_else(|| lacks(Code::BudgetExceeded, money))
}

/// Cards that the maxima of a campaign leave room for, those of the day and those of money; `None`: it has none. Of what is held so
/// many cards are about to be given back.
#[inline]
pub(super) fn rooms(state: &State, now_ms: u64, campaign: &Campaign, freed: u64) -> Option<(u64, u64)> {
    let definition = &campaign.definition;
    if definition.budget == 0 && !definition.limits_days() {
        return None;
    }
    // Cards that groups and orders hold may be issued on any day.
    let held = state.stock_of_campaign(campaign).units.held - freed;
    let held = if on(Bug::GroupCardsUnbudgeted) { 0 } else { held };
    let today = state.cards_today(campaign, now_ms) + held;
    let room = match definition.cards_per_day.get() {
        0 => u64::MAX,
        most => most.saturating_sub(today),
    };
    let cost = campaign.terms().cost();
    let in_all = affordable(definition.budget.get(), campaign.counted() + held, cost);
    let of_day = affordable(definition.budget_per_day.get(), today, cost);
    let money = if on(Bug::BudgetIgnored) { u64::MAX } else { in_all.min(of_day) };
    Some((room, money))
}

/// Whether a definition leaves room for what its campaign has issued.
pub(super) fn fits(state: &State, now_ms: u64, campaign: &Campaign, terms: &CampaignTerms<'_>) -> bool {
    let definition = terms.definition;
    let counts = definition.limits_days() && campaign.definition.limits_days();
    let held = state.stock_of_campaign(campaign).units.held;
    let today = held + if counts { state.cards_today(campaign, now_ms) } else { 0 };
    let cost = u128::from(terms.cost());
    let inside = |budget: u64, cards: u64| budget == 0 || u128::from(cards) * cost <= u128::from(budget);
    let most = definition.cards_per_day.get();
    inside(definition.budget.get(), campaign.counted() + held)
        && inside(definition.budget_per_day.get(), today)
        && (most == 0 || today <= most)
}

/// Cards were issued.
#[inline]
pub(super) fn issued(state: &mut State, handle: Handle, count: u64) {
    let campaign = state.campaigns.get(handle);
    if campaign.definition.limits_days() {
        let day = state.campaign_day(campaign, state.now_ms);
        let cards = state.cards_today(campaign, state.now_ms) + count;
        state.campaigns.get_mut(handle).today = Today { day, cards };
    }
}

/// Puts a definition in force, and takes the cards of the day along.
pub(super) fn edited(state: &mut State, handle: Handle, terms: &CampaignTerms<'_>) {
    let cards = state.cards_today(state.campaigns.get(handle), state.now_ms);
    let zone = state.zone_of_campaign(state.campaigns.get(handle).stock, terms.definition);
    let group = state.group_of_campaign(&terms.extension);
    let campaign = state.campaigns.get_mut(handle);
    let counted = campaign.definition.limits_days();
    campaign.edit(terms, zone, group);
    if !campaign.definition.limits_days() {
        campaign.today = Today::default();
        return;
    }
    let day = state.campaign_day(state.campaigns.get(handle), state.now_ms);
    let cards = if counted { cards } else { 0 };
    state.campaigns.get_mut(handle).today = Today { day, cards };
}

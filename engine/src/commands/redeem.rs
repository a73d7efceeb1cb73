//! REDEEM: units of a card are used.
//!
//! Invariant: one event checks and takes: a card is never used for more than it has, by however many at once.

use super::checks::{before_deciding, capacity, operation_room};
use super::hours::check_validity;
use super::issue::{check_risk, no_pages};
use super::taken::{subjects, subjects_of};
use super::worth::{Purpose, Use, discount, in_ms, in_scope, least_amount};
use super::{Plan, Question, Reply, Resolved, TO_BE_MADE, Verdict, record, risk};
use crate::answer::{OperationKind, Redeemed, RedemptionView, conflict_value};
use crate::command::{CampaignKind, CampaignState, CardState, Definition, Envelope, Offline, Redeem, Take};
use crate::content::content_digest;
use crate::event::{Buyer, Event, Origin};
use crate::ids::{CardId, MerchantId, OrderId, UserId};
use crate::limits::CLOCK_AHEAD_MAX_MS;
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::cards::{CardRecord, Found};
use crate::state::lots::Shares;
use crate::state::reclaim::VISITS_PER_INSERTION;
use crate::state::redemptions::NewRedemption;
use crate::state::risk::Owner;
use crate::state::table::Handle;
use scrip_planted::{Bug, on};

/// A merchant's card that was issued, and whose code has not been replaced by a newer one.
#[inline]
pub(super) fn find<'s>(
    state: &'s State,
    (merchant, now_ms): (MerchantId, u64),
    card: CardId,
    generation: Option<u8>,
) -> Option<Found<'s>> {
    let found = state.find_card_at(card, now_ms)?;
    let is_his = state.stock_of_campaign(found.campaign).merchant == merchant;
    let in_force =
        generation.is_none_or(|generation| generation == found.card.generation) || on(Bug::OldCodeOpens);
    (is_his && in_force).then_some(found)
}

/// The card that a command names, and the digest of its content; or what is answered before anything is asked of the card.
#[inline]
#[allow(clippy::result_large_err, reason = "it is what the caller answers, made in its place")]
pub(super) fn named<'s, 'p>(
    state: &'s State,
    question: Question<'_>,
    card: CardId,
    generation: Option<u8>,
) -> Result<(u64, Found<'s>), Verdict<'p>> {
    let envelope = &question.request.envelope;
    let content = content_digest(envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return Err(verdict);
    }
    if card.slot() != envelope.slot {
        return Err(Verdict::Refuse(Rejection::plain(Code::CrossSlot)));
    }
    let found = find(state, (envelope.merchant, question.now_ms), card, generation);
    found.map(|found| (content, found)).ok_or(Verdict::Refuse(Rejection::plain(Code::NotFound)))
}

/// Decides a REDEEM.
#[inline]
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    redeem: &Redeem<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let (content, found) = match named(state, question, redeem.card, redeem.generation) {
        Ok(named) => named,
        Err(verdict) => return verdict,
    };
    let at_ms = match occurred_at(state, question, redeem, &found) {
        Ok(at_ms) => at_ms,
        Err(rejection) => return Verdict::Refuse(rejection),
    };
    // Who redeems, in the words of those who take units.
    let take = Take { user: redeem.user, parties: redeem.parties, ..Take::of(&[]) };
    let balance = balance(state, &found, question.now_ms);
    let used = asked(redeem, &found, balance);
    let refusal = check_state(state, &found)
        .or_else(|| check_use(state, Question { now_ms: at_ms, ..question }, redeem, &found))
        .or_else(|| check_locked(state, &found, used.units, balance))
        .or_else(|| check_risk(state, question, &subjects_of(&take), plan))
        .or_else(|| check_worth(state, question, &found, &used))
        .or_else(|| check_balance(state, &found, used.units, balance))
        .or_else(|| no_room(state, question, (redeem.card, used.units), (&found, &take)));
    if let Some(rejection) = refusal {
        return match redeem.offline.filter(|_| is_conflict(state, &found, used.units, rejection.code)) {
            Some(offline) => conflict(
                state,
                (question.origin(content), rejection.code),
                (redeem, offline),
                (used.units, plan),
            ),
            None => Verdict::Refuse(rejection),
        };
    }
    let campaign = found.campaign;
    let event = Event::Redeemed {
        origin: question.origin(content),
        card: redeem.card,
        units: used.units,
        buyer: Buyer { order: redeem.order, user: redeem.user },
        parties: redeem.parties.copied(),
        flagged: plan.flagged,
        amount: redeem.amount,
        discount: discount(&campaign.definition, &campaign.tiers, &used),
        offline: redeem.offline.copied(),
    };
    Verdict::Do(event, &plan.resolved, Reply::Redeemed(TO_BE_MADE))
}

/// Step 1a: the time at which the card's validity is judged.
#[inline]
fn occurred_at(
    state: &State,
    question: Question<'_>,
    redeem: &Redeem<'_>,
    found: &Found<'_>,
) -> Result<u64, Rejection<'static>> {
    let now_ms = question.now_ms;
    let Some(offline) = redeem.offline else { return Ok(now_ms) };
    let occurred_ms = offline.occurred_ms.get();
    if occurred_ms > now_ms + CLOCK_AHEAD_MAX_MS {
        return Err(Rejection { code: Code::ClockAhead, facts: Facts::Time(now_ms) });
    }
    let (at_ms, late_s) = (occurred_ms.min(now_ms), found.campaign.extension.late_s.get());
    if late_s == 0 || now_ms - at_ms > in_ms(late_s) && !on(Bug::TillNeverLate) {
        let late = (now_ms - at_ms).div_ceil(1_000);
        return Err(short(state, found, (Code::RuleFailed, late, late_s.into())));
    }
    if at_ms < in_ms(state.not_issued_before_s(redeem.card, found)) {
        return Err(Rejection::plain(Code::RuleFailed));
    }
    Ok(at_ms)
}

/// Whether a till that was offline has taken what somebody else got meanwhile, and not what it should not have taken.
fn is_conflict(state: &State, found: &Found<'_>, units: u32, code: Code) -> bool {
    match code {
        Code::Void | Code::Used | Code::Frozen | Code::LockedByOtherOrder => true,
        Code::BalanceExceeded => u64::from(units) <= state.units_given(found),
        _ => false,
    }
}

/// It is recorded, and moves nothing.
fn conflict<'p>(
    state: &State,
    (origin, why): (Origin, Code),
    (redeem, offline): (&Redeem<'_>, &Offline),
    (units, plan): (u32, &'p mut Plan),
) -> Verdict<'p> {
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let Redeem { card, order, user, amount, .. } = *redeem;
    let (buyer, offline) = (Buyer { order, user }, *offline);
    let event = Event::OfflineConflict { origin, card, units, buyer, amount, offline, why };
    let reply = Reply::Value(OperationKind::OfflineConflict, conflict_value(card, why));
    Verdict::Do(event, &plan.resolved, reply)
}

/// Applies an [`Event::OfflineConflict`]. Panics on any other event.
pub fn apply_conflict(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let Event::OfflineConflict { origin, card, why, .. } = event else {
        unreachable!("only OfflineConflict is applied here");
    };
    record(state, origin, OperationKind::OfflineConflict, conflict_value(*card, *why), resolved);
}

/// Step 2.
#[inline]
pub(super) fn check_state(state: &State, found: &Found<'_>) -> Option<Rejection<'static>> {
    let code = match found.card.state() {
        CardState::Void => Code::Void,
        CardState::Used => Code::Used,
        CardState::Inactive => Code::NotActive,
        CardState::Frozen => Code::Frozen,
        CardState::Active | CardState::Gifting if state.stock_of_campaign(found.campaign).terms.frozen => {
            Code::Frozen
        }
        CardState::Active if found.campaign.state == CampaignState::Draft => Code::NotActive,
        CardState::Gifting => Code::LockedByOtherOrder,
        CardState::Active => return None,
    };
    Some(Rejection::plain(code))
}

/// Steps 3 to 5.
#[inline]
pub(super) fn check_use(
    state: &State,
    question: Question<'_>,
    redeem: &Redeem<'_>,
    found: &Found<'_>,
) -> Option<Rejection<'static>> {
    let Redeem { store, product, category, .. } = *redeem;
    let Envelope { channel, segments, .. } = question.request.envelope;
    let purpose = Purpose { channel, store, product, category, segments };
    if let Some(rejection) = check_validity(state, found, question.now_ms) {
        return Some(rejection);
    }
    if !in_scope(&found.campaign.scope, &purpose) && !on(Bug::ScopeIgnored) {
        return Some(Rejection::plain(Code::OutOfScope));
    }
    check_owner(state, risk::owner(question), &found.card, redeem.user)
}

/// Step 3, hours left aside.
#[inline]
pub(super) fn check_times(card: &CardRecord, now_ms: u64) -> Option<Rejection<'static>> {
    let (from_ms, until_ms) = (in_ms(card.from_s), in_ms(card.until_s));
    if now_ms < from_ms {
        return Some(Rejection { code: Code::NotStarted, facts: Facts::Time(from_ms) });
    }
    let over = until_ms != 0 && now_ms >= until_ms;
    over.then_some(Rejection { code: Code::Expired, facts: Facts::Time(until_ms) })
}

/// Step 5.
#[inline]
pub(super) fn check_owner(
    state: &State,
    of: Owner,
    card: &CardRecord,
    user: UserId,
) -> Option<Rejection<'static>> {
    let foreign = card.owner != 0 && user.0 != 0 && !state.is_one_person(of, user.0, card.owner);
    (foreign && !on(Bug::ForeignCardRedeemed)).then(|| Rejection::plain(Code::NotOwner))
}

/// A refusal that compares units of a campaign's card.
fn short(state: &State, found: &Found<'_>, (code, asked, available): (Code, u64, u64)) -> Rejection<'static> {
    let stock = state.stock_of_campaign(found.campaign).id;
    Rejection { code, facts: Facts::Units { stock, asked, available } }
}

/// Step 5a: what is asked for is there, but in holds.
#[inline]
fn check_locked(state: &State, found: &Found<'_>, units: u32, balance: u32) -> Option<Rejection<'static>> {
    let with_held = u64::from(balance) + u64::from(found.card.held);
    let locked = units > balance && u64::from(units) <= with_held;
    locked.then(|| short(state, found, (Code::LockedByOtherOrder, units.into(), balance.into())))
}

/// What a card has that can be used now.
#[inline]
pub(super) fn balance(state: &State, found: &Found<'_>, now_ms: u64) -> u32 {
    match found.campaign.definition.kind().is_filled() {
        true => state.balance(found.record, &found.card, now_ms),
        false => found.card.available,
    }
}

/// What is to be used of a card that has this balance, and on how much.
#[inline]
pub(super) fn asked(redeem: &Redeem<'_>, found: &Found<'_>, balance: u32) -> Use {
    let (definition, amount, level) = (&found.campaign.definition, redeem.amount, found.card.level());
    let units = match definition.kind() {
        CampaignKind::Pass if redeem.units <= 1 => 0,
        CampaignKind::Stamps if redeem.units == 0 => definition.value.get() as u32,
        kind if kind.is_wide() && redeem.units == 0 => {
            let most = match kind {
                CampaignKind::StoredValue => u128::from(amount),
                _ => (u128::from(amount) * 100).div_ceil(u128::from(definition.value.get())),
            };
            u32::try_from(most).unwrap_or(u32::MAX).min(balance).max(1)
        }
        _ => redeem.asked(),
    };
    Use { amount, units, level }
}

/// Of kinds whose units are not free to choose: what may be asked for at most, or alone, if that is not what is.
fn other_units(definition: &Definition, used: &Use) -> Option<u64> {
    match definition.kind() {
        CampaignKind::StoredValue => (u64::from(used.units) > used.amount).then_some(used.amount),
        CampaignKind::Stamps => {
            let goal = definition.value.get();
            (u64::from(used.units) != goal).then_some(goal)
        }
        CampaignKind::Pass => (used.units > 0).then_some(1),
        _ => None,
    }
}

/// Step 7.
#[inline]
pub(super) fn check_worth(
    state: &State,
    question: Question<'_>,
    found: &Found<'_>,
    used: &Use,
) -> Option<Rejection<'static>> {
    let Found { campaign, card, .. } = found;
    let refuse = |asked, instead| Some(short(state, found, (Code::RuleFailed, asked, instead)));
    let (threshold, units) = (least_amount(&campaign.definition, &campaign.tiers), u64::from(used.units));
    if used.amount < threshold {
        return refuse(used.amount, threshold);
    }
    let interval_ms = in_ms(campaign.definition.interval_s.get());
    if interval_ms != 0 {
        let newest = state.newest_redemption(card.redemption);
        if newest.is_some_and(|newest| question.now_ms - newest.at_ms() < interval_ms) {
            return refuse(units, 0);
        }
    }
    other_units(&campaign.definition, used).and_then(|instead| refuse(units, instead))
}

/// Step 8.
#[inline]
fn check_balance(state: &State, found: &Found<'_>, units: u32, balance: u32) -> Option<Rejection<'static>> {
    let short = || short(state, found, (Code::BalanceExceeded, units.into(), balance.into()));
    (units > balance).then(short)
}

/// Step 9.
#[inline]
fn no_room(
    state: &State,
    question: Question<'_>,
    (card, units): (CardId, u32),
    (found, take): (&Found<'_>, &Take<'_>),
) -> Option<Rejection<'static>> {
    let maximum = state.capacity.redemptions_max;
    if state.redemptions.used() >= maximum {
        return Some(capacity(CapacityOf::Redemptions, u64::from(maximum)));
    }
    if let Some(rejection) = no_page(state, card, found) {
        return Some(rejection);
    }
    let no_counts = match state.risk.speaks_of(risk::owner(question)) {
        true => risk::no_room(state, question, &subjects_of(take)),
        false => None,
    };
    no_counts.or_else(|| no_parts(state, question.now_ms, found, units))
}

/// CAPACITY if there is no room to remember which lots it takes of.
fn no_parts(state: &State, now_ms: u64, found: &Found<'_>, units: u32) -> Option<Rejection<'static>> {
    let definition = &found.campaign.definition;
    if !definition.kind().is_wide() {
        return None;
    }
    let shares = state.shares_of((found.record, &found.card), definition, (now_ms, units));
    let parts = if shares.iter().any(|share| share.lot.is_some()) { shares.len() as u64 } else { 0 };
    let maximum = u64::from(state.capacity.lots_max);
    let full = parts > 0 && u64::from(state.lots.used()) + parts > maximum;
    full.then(|| capacity(CapacityOf::Lots, maximum))
}

/// CAPACITY if a card needs a record, and there is no page for it.
#[inline]
pub(super) fn no_page(state: &State, card: CardId, found: &Found<'_>) -> Option<Rejection<'static>> {
    if found.record.is_some() {
        return None;
    }
    let campaign = state.campaigns.of_card(card)?;
    no_pages(state, campaign, card.serial(), 1)
}

/// Applies an [`Event::Redeemed`]; answers the redemption's handle. Panics on any other event.
#[inline]
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::Redeemed { origin, card, units, buyer, parties, flagged, discount, .. } = event else {
        unreachable!("only Redeemed is applied here");
    };
    let handle = state.touch_card(*card);
    let definition = &state.campaigns.get(state.cards.place(handle).0).definition;
    let (kind, now_ms) = (definition.kind(), state.now_ms);
    let shares = match kind.is_wide() {
        true => state.shares_of((Some(handle), state.cards.get(handle)), definition, (now_ms, *units)),
        false => Shares::new(),
    };
    let record = state.cards.get_mut(handle);
    assert!(record.state() == CardState::Active, "only an active card is redeemed");
    record.available = record.available.checked_sub(*units).expect("a card is used for what it has");
    record.consumed += units;
    let mut left = record.available;
    if left == 0 && record.held == 0 && !kind.is_never_used() {
        record.set_state(CardState::Used);
        state.count_used(handle, CardState::Active);
    }
    if kind.is_wide() {
        // Of its lots nothing is taken yet: what lies in those that are over is the same before and after.
        left -= state.expired_units(Some(handle), now_ms);
    }
    let of = (origin.merchant, origin.slot);
    if state.risk.speaks_of(of) {
        let subjects = subjects(buyer.user, parties.as_ref());
        state.risk.count(of, origin.channel, &subjects, state.now_ms);
    }
    let new = NewRedemption {
        operation: origin.operation,
        created_ms: origin.created_ms,
        content: origin.content,
        order: buyer.order,
        units: *units,
        left,
        discount: *discount,
        flagged: *flagged,
        wide: kind.is_wide(),
    };
    let redemption = state.insert_redemption(&new, handle, resolved.hash);
    state.take_of_lots(redemption, &shares);
    state.reclaim(VISITS_PER_INSERTION);
    redemption
}

/// The answer of a REDEEM.
#[inline]
pub(super) fn answer(state: &State, redemption: Handle) -> Redeemed {
    let record = state.redemptions.get(redemption);
    Redeemed {
        card: state.card_id(Handle(record.card)),
        units: record.units(),
        available: record.left(),
        discount: record.discount(),
        at_ms: record.at_ms(),
    }
}

/// A redemption as it is.
pub(super) fn view(state: &State, redemption: Handle) -> RedemptionView {
    let record = state.redemptions.get(redemption);
    RedemptionView {
        card: state.card_id(Handle(record.card)),
        units: record.units(),
        reversed: record.reversed(),
        order: OrderId(record.order),
        discount: record.discount(),
        at_ms: record.at_ms(),
        flagged: record.flagged(),
    }
}

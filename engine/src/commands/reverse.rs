//! REVERSE: units of a redemption go back to their card.
//!
//! Invariant: the sum of what is reversed is never above what was redeemed.

use super::checks::{before_deciding, operation_room};
use super::worth::{graced, prolonged, reversal_end_ms};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::{CampaignKind, CardState};
use crate::content::content_digest;
use crate::event::Event;
use crate::ids::{OperationId, OperationKey};
use crate::rejection::{Code, Facts, Rejection};
use crate::state::State;
use crate::state::records::Recorded;
use crate::state::table::Handle;
use scrip_planted::{Bug, on};

/// Decides a REVERSE.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    (redemption, units): (OperationId, u32),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    let content = content_digest(envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let refuse = |code, facts| Verdict::Refuse(Rejection { code, facts });
    let Some(handle) = find(state, &envelope.key_of(redemption), question.now_ms) else {
        return refuse(Code::NotFound, Facts::None);
    };
    let found = state.redemptions.get(handle);
    let card = state.cards.get(Handle(found.card));
    let campaign = state.campaigns.get(state.cards.place(Handle(found.card)).0);
    let definition = &campaign.definition;
    if state.is_lost(Handle(found.card)) {
        return refuse(Code::Void, Facts::None);
    }
    if definition.kind() == CampaignKind::Pass {
        return refuse(Code::RuleFailed, Facts::None);
    }
    let end_ms = reversal_end_ms(definition, found.at_ms());
    if question.now_ms > end_ms {
        return refuse(Code::ReversalWindow, Facts::Time(end_ms));
    }
    let left = found.units() - found.reversed();
    if left == 0 {
        return refuse(Code::AlreadyReversed, Facts::None);
    }
    let units = if units == 0 { left } else { units };
    if units > left + u32::from(on(Bug::ReversedTooFar)) {
        let (asked, available) = (u64::from(units), u64::from(left));
        let stock = state.stock_of_campaign(campaign).id;
        return refuse(Code::ExceedsRedeemed, Facts::Units { stock, asked, available });
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let lives_until_s = graced(definition, question.now_ms);
    let until_s = prolonged(card.until_s, lives_until_s);
    let value = answered(units, left_then(state, handle, units, (question.now_ms, lives_until_s)));
    let event = Event::Reversed { origin: question.origin(content), redemption, units, until_s };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Reverse, value))
}

/// The balance of a card once it got units of a redemption back.
fn left_then(state: &State, redemption: Handle, units: u32, lives: (u64, u32)) -> u32 {
    let card = Handle(state.redemptions.get(redemption).card);
    let record = state.cards.get(card);
    let kind = state.campaigns.get(state.cards.place(card).0).definition.kind();
    if !kind.is_wide() {
        return record.available + units;
    }
    let (mut balance, mut own) = (state.balance(Some(card), record, lives.0), units);
    for share in state.way_back(redemption, units) {
        if let Some((before, after)) = state.revived(&share, lives) {
            balance = balance - before + after;
            own -= share.units;
        }
    }
    balance + own
}

fn find(state: &State, key: &OperationKey, now_ms: u64) -> Option<Handle> {
    match state.find_record(key, state.record_hash(key), now_ms) {
        Some(Recorded::Redemption(handle)) => Some(handle),
        _ => None,
    }
}

/// The number in its operation record.
const fn answered(units: u32, available: u32) -> u64 {
    (units as u64) << 32 | available as u64
}

/// Applies an [`Event::Reversed`]. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let Event::Reversed { origin, redemption, units, until_s } = event else {
        unreachable!("only Reversed is applied here");
    };
    let key = OperationKey { operation: *redemption, ..origin.key() };
    let handle = find(state, &key, state.now_ms).expect("the log names a redemption that is there");
    let card = Handle(state.redemptions.get(handle).card);
    let definition = &state.campaigns.get(state.cards.place(card).0).definition;
    let (is_wide, lives_until_s) = (definition.kind().is_wide(), graced(definition, state.now_ms));
    state.reverse_redemption(handle, *units);
    if is_wide {
        state.give_back_to_lots(handle, *units, lives_until_s);
    }
    let found = state.cards.get_mut(card);
    found.consumed = found.consumed.checked_sub(*units).expect("what is reversed was used");
    found.available += units;
    let (before, mut left) = (found.state(), found.available);
    if before == CardState::Used {
        found.set_state(CardState::Active);
    }
    state.count_used(card, before);
    state.set_until(card, *until_s);
    if is_wide {
        left -= state.expired_units(Some(card), state.now_ms);
    }
    let value = answered(*units, left);
    record(state, origin, OperationKind::Reverse, value, resolved);
}

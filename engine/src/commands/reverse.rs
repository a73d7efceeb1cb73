//! REVERSE: units of a redemption go back to their card.
//!
//! Invariant: the sum of what is reversed is never above what was redeemed.

use super::checks::{before_deciding, operation_room};
use super::worth::{end_in_seconds, in_ms};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::CardState;
use crate::content::content_digest;
use crate::event::Event;
use crate::ids::{OperationId, OperationKey};
use crate::limits::REVERSAL_WINDOW_DEFAULT_S;
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
    if card.state() == CardState::Void {
        return refuse(Code::Void, Facts::None);
    }
    let window_s = match definition.window_s.get() {
        0 => REVERSAL_WINDOW_DEFAULT_S,
        window_s => window_s,
    };
    let end_ms = found.at_ms() + in_ms(window_s);
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
    let lives_ms = question.now_ms + in_ms(definition.grace_s.get());
    let ends = card.until_s != 0 && definition.grace_s != 0 && in_ms(card.until_s) < lives_ms;
    let until_s = if ends { end_in_seconds(lives_ms) } else { card.until_s };
    let value = answered(units, card.available + units);
    let event = Event::Reversed { origin: question.origin(content), redemption, units, until_s };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Reverse, value))
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
    state.reverse_redemption(handle, *units);
    let found = state.cards.get_mut(card);
    found.consumed = found.consumed.checked_sub(*units).expect("what is reversed was used");
    found.available += units;
    found.until_s = *until_s;
    if found.state() == CardState::Used {
        found.set_state(CardState::Active);
    }
    let value = answered(*units, found.available);
    record(state, origin, OperationKind::Reverse, value, resolved);
}

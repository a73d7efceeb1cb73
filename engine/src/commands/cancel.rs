//! CANCEL: an operation whose answer nobody waits for any more is undone, or kept from ever happening.
//!
//! A gateway that got no answer to a RESERVE or SELL can't know whether it was executed, is on its way, or lost. CANCEL
//! carries the original's id and ends all three: what was taken goes back, and where nothing is known a *tombstone* takes
//! the original's place, so that a late original finds it.
//!
//! Invariant: once a CANCEL was answered, its original takes nothing any more, and every repeat of the CANCEL gives the same answer as
//! long as the original would be remembered.

use super::checks::{age, deadline_passed, operation_room};
use super::hold::free_units;
use super::{Plan, Question, Reply, Resolved, Verdict, hold_cards, keys, owed, record, sold_cards};
use crate::answer::{Cancelled, HoldState, OperationKind};
use crate::event::{Event, Origin};
use crate::rejection::{Code, Facts, Rejection};
use crate::state::State;
use crate::state::counts::Count;
use crate::state::records::{HoldRecord, Recorded};
use crate::state::stock::Posting;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};

/// Decides a CANCEL.
pub fn decide<'p>(state: &State, question: Question<'_>, plan: &'p mut Plan) -> Verdict<'p> {
    match state.find_record(&question.key(), question.hash, question.now_ms) {
        Some(Recorded::Hold(handle)) => decide_hold(state, question, handle, plan),
        Some(Recorded::Operation(handle)) => match state.operations.get(handle).kind() {
            OperationKind::Tombstone => Verdict::Answer(Reply::CancelledNothing),
            _ => Verdict::Refuse(Rejection::plain(Code::RuleFailed)),
        },
        Some(Recorded::Redemption(_)) => Verdict::Refuse(Rejection::plain(Code::RuleFailed)),
        None => decide_unknown(state, question, plan),
    }
}

fn decide_hold<'p>(state: &State, question: Question<'_>, handle: Handle, plan: &'p mut Plan) -> Verdict<'p> {
    let hold = state.holds.get(handle);
    match hold.state() {
        // What it was made of was given back already, or was never had.
        HoldState::Released | HoldState::Lapsed | HoldState::Cancelled => {
            return Verdict::Answer(Reply::Cancelled(handle));
        }
        HoldState::Refused | HoldState::Unfulfilled => return Verdict::Answer(Reply::CancelledNothing),
        // It was reserved first and paid then: that takes a RETURN, by somebody who knows of the payment.
        HoldState::Confirmed if hold.flags & HoldRecord::SOLD == 0 => {
            return Verdict::Refuse(Rejection::plain(Code::HoldConfirmed));
        }
        HoldState::Confirmed | HoldState::Held | HoldState::Expired | HoldState::Owed => {}
    }
    if let Some(rejection) = deadline_passed(&question.request.envelope, question.now_ms) {
        return Verdict::Refuse(rejection);
    }
    if hold.state() == HoldState::Confirmed {
        sold_cards::plan_cancel(state, question.now_ms, hold, plan);
        if let Some(fact) = plan.facts.first() {
            let code = Code::from_number(fact.why.get()).expect("facts are made from codes");
            return Verdict::Refuse(Rejection { code, facts: Facts::Lines(&plan.facts) });
        }
    }
    plan.resolved.hold = Some(handle);
    Verdict::Do(Event::Cancelled { hold: question.key() }, &plan.resolved, Reply::Cancelled(handle))
}

fn decide_unknown<'p>(state: &State, question: Question<'_>, plan: &'p mut Plan) -> Verdict<'p> {
    let refusal = age(state, &question.request.envelope, question.now_ms).or_else(|| operation_room(state));
    if let Some(rejection) = refusal {
        return Verdict::Refuse(rejection);
    }
    Verdict::Do(Event::Tombstone { origin: question.origin(0) }, &plan.resolved, Reply::CancelledNothing)
}

/// What the CANCEL of this hold did. Read from the record, for the first answer as for a repeat.
pub fn outcome(state: &State, hold: &HoldRecord) -> Cancelled {
    if hold.flags & HoldRecord::SOLD != 0 {
        let left = state.lines(hold).map(|line| u64::from(line.current - line.returned));
        Cancelled::Returned { units: left.sum() }
    } else if hold.state() == HoldState::Lapsed || hold.has_expired() {
        Cancelled::Lapsed
    } else {
        Cancelled::Released
    }
}

/// Whether this record keeps its original from happening.
pub fn is_tombstone(kind: OperationKind) -> bool {
    kind == OperationKind::Tombstone && !on(Bug::TombstoneIgnored)
}

/// Applies an [`Event::Cancelled`], and answers the hold.
pub fn apply(state: &mut State, resolved: &Resolved) -> Handle {
    let handle = resolved.hold.expect("a cancellation names its hold");
    match state.holds.get(handle).state() {
        HoldState::Held => free_units(state, handle),
        HoldState::Expired => {}
        HoldState::Owed => {
            owed::cancel(state, handle);
            return handle;
        }
        HoldState::Confirmed => return_all(state, handle),
        other => panic!("a {other:?} hold has nothing to cancel"),
    }
    let now_ms = state.now_ms;
    state.holds.get_mut(handle).close(HoldState::Cancelled, now_ms);
    handle
}

/// All units that are left of a sale go back: those that are counted to available, card keys to void, since their buyer may
/// have seen them. The lines keep what was returned before, so that the record says how much this gave back.
fn return_all(state: &mut State, handle: Handle) {
    assert!(
        state.holds.get(handle).flags & HoldRecord::SOLD != 0,
        "only a SELL is cancelled once it is confirmed"
    );
    let hold = state.holds.get(handle);
    let (channel, reserved_ms) = (hold.channel(), hold.reserved_ms);
    state.change_lines(handle, |state, _, line| {
        let left = line.current - line.returned;
        let first = state.keys_of(line);
        let of_keys = first != NONE;
        let posting = if of_keys { Posting::ReturnToVoid } else { Posting::ReturnToAvailable };
        let owed = if of_keys { keys::void_last(state, first, left, left) } else { 0 };
        if !state.is_of_cards(line) {
            state.post(Handle(line.stock), channel, posting(u64::from(left - owed)));
        }
        state.count((line.limit, line.stock), left, Count::ConsumedBack, reserved_ms);
    });
    sold_cards::end_all(state, handle);
    hold_cards::give_all_back(state, handle);
}

/// Applies an [`Event::Tombstone`].
pub fn apply_tombstone(state: &mut State, origin: &Origin, resolved: &Resolved) {
    record(state, origin, OperationKind::Tombstone, 0, resolved);
}

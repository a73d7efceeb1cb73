//! RELEASE and EXTEND: a hold ends early, or later.

use super::checks::{before_deciding, deadline_passed, hold_unknown, operation_room};
use super::{Plan, Question, Reply, Resolved, Verdict, hold_cards, record};
use crate::answer::{HoldState, OperationKind};
use crate::content::content_digest;
use crate::event::{Event, Origin};
use crate::ids::OperationId;
use crate::limits::TTL_MAX_MS;
use crate::rejection::{Code, Rejection};
use crate::state::State;
use crate::state::counts::Count;
use crate::state::stock::Posting;
use crate::state::table::{Handle, NONE};

/// Decides a RELEASE.
pub fn decide_release<'p>(state: &State, question: Question<'_>, plan: &'p mut Plan) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    let Some(handle) = state.find_hold(&question.key(), question.hash, question.now_ms) else {
        return Verdict::Refuse(hold_unknown(state, envelope));
    };
    match state.holds.get(handle).state() {
        HoldState::Confirmed => Verdict::Refuse(Rejection::plain(Code::HoldConfirmed)),
        HoldState::Owed => Verdict::Refuse(Rejection::plain(Code::NotActive)),
        HoldState::Refused | HoldState::Unfulfilled => Verdict::Refuse(Rejection::plain(Code::HoldNotFound)),
        HoldState::Cancelled => Verdict::Refuse(Rejection::plain(Code::Cancelled)),
        HoldState::Released | HoldState::Lapsed => Verdict::Answer(Reply::Released(handle)),
        HoldState::Held | HoldState::Expired => {
            if let Some(rejection) = deadline_passed(envelope, question.now_ms) {
                return Verdict::Refuse(rejection);
            }
            plan.resolved.hold = Some(handle);
            Verdict::Do(Event::Released { hold: question.key() }, &plan.resolved, Reply::Released(handle))
        }
    }
}

/// Applies a release, and answers the hold.
pub fn apply_release(state: &mut State, resolved: &Resolved) -> Handle {
    let handle = resolved.hold.expect("a release names its hold");
    give_back(state, handle);
    handle
}

/// Ends a hold that nobody confirmed: a held one is released, an expired one lapses.
pub(crate) fn give_back(state: &mut State, handle: Handle) {
    let now_ms = state.now_ms;
    match state.holds.get(handle).state() {
        HoldState::Held => {
            free_units(state, handle);
            state.holds.get_mut(handle).close(HoldState::Released, now_ms);
        }
        HoldState::Expired => state.holds.get_mut(handle).close(HoldState::Lapsed, now_ms),
        other => panic!("a {other:?} hold has nothing to give back"),
    }
}

/// All units of a held hold leave held, and its deadline leaves the wheel.
pub(crate) fn free_units(state: &mut State, handle: Handle) {
    state.timers.remove(handle);
    let hold = state.holds.get(handle);
    let (channel, reserved_ms) = (hold.channel(), hold.reserved_ms);
    state.change_lines(handle, |state, _, line| {
        let units = core::mem::take(&mut line.current);
        if line.stock != NONE {
            state.post(Handle(line.stock), channel, Posting::Free(u64::from(units)));
        }
        state.count((line.limit, line.stock), units, Count::HeldBack, reserved_ms);
    });
    if state.holds.get(handle).has_cards() {
        hold_cards::free_all(state, handle);
    }
}

/// Decides an EXTEND.
pub fn decide_extend<'p>(
    state: &State,
    question: Question<'_>,
    hold: OperationId,
    ttl_ms: u32,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let request = question.request;
    let content = content_digest(&request.envelope, &request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let key = request.envelope.key_of(hold);
    let found = state.find_hold(&key, state.record_hash(&key), question.now_ms);
    let Some(handle) = found else {
        return Verdict::Refuse(Rejection::plain(Code::HoldNotFound));
    };
    let record = state.holds.get(handle);
    let code = match record.state() {
        HoldState::Held => None,
        HoldState::Confirmed => Some(Code::HoldConfirmed),
        HoldState::Released | HoldState::Lapsed => Some(Code::HoldReleased),
        HoldState::Expired => Some(Code::Expired),
        HoldState::Owed => Some(Code::NotActive),
        HoldState::Refused | HoldState::Unfulfilled => Some(Code::HoldNotFound),
        HoldState::Cancelled => Some(Code::Cancelled),
    };
    if let Some(rejection) = code.map(Rejection::plain).or_else(|| operation_room(state)) {
        return Verdict::Refuse(rejection);
    }
    let wanted_ms = question.now_ms + u64::from(ttl_ms);
    let deadline_ms = wanted_ms.min(record.reserved_ms + u64::from(TTL_MAX_MS)).max(record.deadline_ms());
    plan.resolved.hold = Some(handle);
    let event = Event::Extended { origin: question.origin(content), hold, deadline_ms };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Extend, deadline_ms))
}

/// Applies an [`Event::Extended`].
pub fn apply_extend(state: &mut State, origin: &Origin, deadline_ms: u64, resolved: &Resolved) -> Handle {
    let handle = resolved.hold.expect("an extension names its hold");
    state.timers.remove(handle);
    let hold = state.holds.get_mut(handle);
    assert!(
        hold.state() == HoldState::Held && deadline_ms >= hold.deadline_ms(),
        "an extension never shortens"
    );
    hold.deadline_delta_ms = u32::try_from(deadline_ms - hold.reserved_ms).expect("at most 4 hours");
    state.timers.insert(handle, deadline_ms);
    record(state, origin, OperationKind::Extend, deadline_ms, resolved);
    handle
}

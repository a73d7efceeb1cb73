//! KEY_RECLAIM: a card key that nobody has seen is taken back from a confirmed hold.
//!
//! It stands apart because it is the one way from sold back to unsold. Invariant: a key whose text an answer has shown is
//! never sold again; the unit goes where the key's batch stands, and no line has fewer keys than units that are not
//! returned.

use super::checks::{before_deciding, operation_room};
use super::keys::{before_in_line, find_place, hold_with_keys, link_behind};
use super::reply::is_shown;
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::content::content_digest;
use crate::event::Event;
use crate::ids::OperationId;
use crate::rejection::{Code, Rejection};
use crate::state::State;
use crate::state::counts::Count;
use crate::state::keys::{BatchState, KeyState};
use crate::state::records::HoldRecord;
use crate::state::table::Handle;

/// Decides a KEY_RECLAIM.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    (hold, key, reason): (OperationId, u32, u16),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let refuse = |code| Verdict::Refuse(Rejection::plain(code));
    let handle = match hold_with_keys(state, question, hold) {
        Ok(handle) => handle,
        Err(code) => return refuse(code),
    };
    let found = state.holds.get(handle);
    if is_shown(found) {
        return refuse(Code::RuleFailed);
    }
    let Some((stock, place)) = find_place(state, found, key) else { return refuse(Code::NotFound) };
    if place.state == KeyState::Content as u8 {
        return refuse(Code::RuleFailed);
    }
    if place.state != KeyState::Sold as u8 {
        return refuse(Code::Void);
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let value = can_be_sold(state, stock, state.keys.batch_of(place));
    plan.resolved.hold = Some(handle);
    let event = Event::KeyReclaimed { origin: question.origin(content), hold, key, reason };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::KeyReclaim, value))
}

/// 1 if the unit of a reclaimed key becomes available, 0 if its batch or a mark takes it.
fn can_be_sold(state: &State, stock: Handle, batch: u32) -> u64 {
    let units = &state.stock(stock).units;
    let active = state.keys.batches[batch as usize].state == BatchState::Active;
    u64::from(active && units.marked_void + units.marked_frozen == 0)
}

/// Applies an [`Event::KeyReclaimed`], and answers the hold.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::KeyReclaimed { origin, key, .. } = event else {
        unreachable!("only KeyReclaimed is applied here");
    };
    let handle = resolved.hold.expect("a reclaim names its hold");
    let hold = state.holds.get(handle);
    let (channel, reserved_ms) = (hold.channel(), hold.reserved_ms);
    assert!(!is_shown(hold), "what was shown is not sold again");
    let key = Handle(*key);
    let mut value = None;
    state.change_lines(handle, |state, _, line| {
        let Some(before) = before_in_line(state, line, key) else { return };
        let stock = Handle(line.stock);
        let batch = state.keys.batch_of(state.keys.records.get(key));
        value = Some(can_be_sold(state, stock, batch));
        let next = state.keys.reclaim(key, state.stock(stock).sale_order.is_random());
        link_behind(state, line, before, next);
        state.take_back(stock, channel, batch);
        state.count((line.limit, line.stock), 1, Count::ConsumedBack, reserved_ms);
        line.returned += 1;
    });
    state.holds.get_mut(handle).flags |= HoldRecord::RECLAIMED;
    let value = value.expect("the log names a key of the hold");
    record(state, origin, OperationKind::KeyReclaim, value, resolved);
    handle
}

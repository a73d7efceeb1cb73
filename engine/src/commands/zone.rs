//! ZONE_SET: the time zone of a merchant in a slot.
//!
//! Invariant: it says of the past what it said before, so that every day that was counted stays the day it was.

use super::checks::{before_deciding, capacity, operation_room};
use super::{Plan, Question, Reply, Resolved, Verdict, record, risk};
use crate::answer::OperationKind;
use crate::command::ZoneSet;
use crate::content::content_digest;
use crate::event::Event;
use crate::limits::ZONES_MAX;
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;

/// Decides a ZONE_SET.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    wish: &ZoneSet<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let found = state.zones.of(risk::owner(question));
    let in_force = found.map_or(0, |found| found.version);
    if wish.version != in_force {
        return Verdict::Refuse(Rejection { code: Code::RuleFailed, facts: Facts::Version(in_force) });
    }
    if found.is_some_and(|found| !found.zone.accepts(wish.transitions, question.now_ms)) {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    if found.is_none() && state.zones.list().len() >= ZONES_MAX {
        return Verdict::Refuse(capacity(CapacityOf::Zones, ZONES_MAX as u64));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    plan.name.clear();
    plan.name.extend_from_slice(wish.name);
    plan.transitions.clear();
    plan.transitions.extend_from_slice(wish.transitions);
    let origin = question.origin(content);
    let event = Event::ZoneSet { origin, name: &plan.name, transitions: &plan.transitions };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::ZoneSet, u64::from(in_force) + 1))
}

/// Applies a ZONE_SET. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let Event::ZoneSet { origin, name, transitions } = event else {
        unreachable!("{event:?} sets no zone");
    };
    let owner = (origin.merchant, origin.slot);
    let version = state.zones.set(owner, name, transitions, state.now_ms);
    record(state, origin, OperationKind::ZoneSet, u64::from(version), resolved);
}

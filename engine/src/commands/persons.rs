//! LINK, UNLINK: which user ids are one person; IDENTITY_SHOW tells. LABEL, ERASE: a user's own words, kept and destroyed.
//!
//! Invariant: nothing that was counted or is owned changes hands, so that an UNLINK undoes a LINK exactly, and an ERASE takes
//! nothing from anybody but words.

use super::checks::{before_deciding, capacity, operation_room};
use super::risk::owner;
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::Label;
use crate::content::content_digest;
use crate::event::{Event, PersonEvent};
use crate::ids::UserId;
use crate::limits::PERSON_MEMBERS_MAX;
use crate::rejection::{CapacityOf, Code, Rejection};
use crate::state::State;

/// Decides a LINK.
pub fn decide_link<'p>(
    state: &State,
    question: Question<'_>,
    (user, to, reason): (UserId, UserId, u16),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let of = owner(question);
    let (his, theirs) = (state.members(of, user), state.members(of, to));
    let together = his.len() + theirs.len();
    if his.contains(&to.0) || together > PERSON_MEMBERS_MAX {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    let maximum = state.capacity.links_max;
    if u64::from(state.persons.used()) + u64::from(state.links_lacking(of, [user, to])) > u64::from(maximum) {
        return Verdict::Refuse(capacity(CapacityOf::Links, u64::from(maximum)));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::Person(PersonEvent::Linked { origin: question.origin(content), user, to, reason });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Link, together as u64))
}

/// Decides an UNLINK.
pub fn decide_unlink<'p>(
    state: &State,
    question: Question<'_>,
    (user, reason): (UserId, u16),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let others = state.others(owner(question), user.0).len();
    if others == 0 {
        return Verdict::Refuse(Rejection::plain(Code::NotFound));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::Person(PersonEvent::Unlinked { origin: question.origin(content), user, reason });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Unlink, others as u64))
}

/// Decides a LABEL.
pub fn decide_label<'p>(
    state: &State,
    question: Question<'_>,
    (user, label): (UserId, &Label<'_>),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let had = state.label_key(owner(question), user).is_some();
    let maximum = state.capacity.labels_max;
    if !had && state.labels.used() == maximum {
        return Verdict::Refuse(capacity(CapacityOf::Labels, u64::from(maximum)));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let (_, key, sealed) = label.sealed();
    plan.name.clear();
    plan.name.extend_from_slice(sealed);
    let origin = question.origin(content);
    let event = Event::Person(PersonEvent::Labelled { origin, user, key, sealed: &plan.name });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Label, u64::from(had)))
}

/// Decides an ERASE.
pub fn decide_erase<'p>(
    state: &State,
    question: Question<'_>,
    (user, reason): (UserId, u16),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let of = owner(question);
    let members = state.members(of, user);
    let labels = members.iter().filter(|id| state.label_key(of, UserId(**id)).is_some()).count();
    let event = Event::Person(PersonEvent::Erased { origin: question.origin(content), user, reason });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Erase, labels as u64))
}

/// Applies what became of links and labels. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    match *event {
        Event::Person(PersonEvent::Linked { ref origin, user, to, .. }) => {
            let members = state.link((origin.merchant, origin.slot), user, to);
            record(state, origin, OperationKind::Link, members as u64, resolved);
        }
        Event::Person(PersonEvent::Unlinked { ref origin, user, .. }) => {
            let left = state.unlink((origin.merchant, origin.slot), user);
            record(state, origin, OperationKind::Unlink, left as u64, resolved);
        }
        Event::Person(PersonEvent::Labelled { ref origin, user, key, .. }) => {
            let had = state.set_label((origin.merchant, origin.slot), user, key);
            record(state, origin, OperationKind::Label, u64::from(had), resolved);
        }
        Event::Person(PersonEvent::Erased { ref origin, user, .. }) => {
            let of = (origin.merchant, origin.slot);
            let members = state.members(of, user);
            let labels = members.iter().filter(|id| state.drop_label(of, **id)).count();
            record(state, origin, OperationKind::Erase, labels as u64, resolved);
        }
        _ => unreachable!("{event:?} is about no person"),
    }
}

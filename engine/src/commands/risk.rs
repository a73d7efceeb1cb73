//! Risk: whether rules or blocks of the merchant stand against a sale, claim or redemption; RISK_SET and BLOCK_SET, which change
//! them; RISK_SHOW.

use super::checks::{before_deciding, capacity, operation_room};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::{Block, RiskRule, SubjectKind};
use crate::content::content_digest;
use crate::event::{Event, RiskEvent};
use crate::limits::{BLOCKS_MAX, RISK_BOOKS_MAX};
use crate::rejection::{CapacityOf, Code, Rejection};
use crate::state::State;
use crate::state::risk::{Judgement, Others, Owner, Subjects};

pub(super) fn owner(question: Question<'_>) -> Owner {
    let envelope = &question.request.envelope;
    (envelope.merchant, envelope.slot)
}

/// Asks rules and blocks.
pub fn judge(
    state: &State,
    question: Question<'_>,
    subjects: &Subjects,
    plan: &mut Plan,
) -> Result<(), Code> {
    let channel = question.request.envelope.channel;
    let of = owner(question);
    let others = |kind: SubjectKind| state.others(of, subjects[kind.position()]);
    let others = Others { user: others(SubjectKind::User), referrer: others(SubjectKind::Referrer) };
    match state.risk.judge(of, channel, (subjects, &others), question.now_ms) {
        Judgement::Pass => Ok(()),
        Judgement::Flag => {
            plan.flagged = true;
            Ok(())
        }
        Judgement::Refuse(rule) => {
            plan.rule = rule;
            Err(Code::RiskLimit)
        }
    }
}

/// CAPACITY if there is no room to count a success.
pub fn no_room(state: &State, question: Question<'_>, subjects: &Subjects) -> Option<Rejection<'static>> {
    let maximum = state.capacity.risk_counts_max;
    let channel = question.request.envelope.channel;
    let new = state.risk.new_counts(owner(question), channel, subjects, question.now_ms);
    let full = u64::from(state.risk.counts.used()) + u64::from(new) > u64::from(maximum);
    full.then(|| capacity(CapacityOf::RiskCounts, u64::from(maximum)))
}

/// Decides a RISK_SET.
pub fn decide_rule<'p>(
    state: &State,
    question: Question<'_>,
    rule: &RiskRule,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let mut rules = state.risk.rules_of(owner(question)).iter();
    if rule.action == 0 && rules.all(|found| found.rule.number != rule.number) {
        return Verdict::Refuse(Rejection::plain(Code::NotFound));
    }
    let first = state.risk.rules_of(owner(question)).is_empty();
    if first && state.risk.owners_with_rules() >= RISK_BOOKS_MAX {
        return Verdict::Refuse(capacity(CapacityOf::RiskBooks, RISK_BOOKS_MAX as u64));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::Risk(RiskEvent::RuleSet { origin: question.origin(content), rule: *rule });
    let number = u64::from(rule.number.get());
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::RiskSet, number))
}

/// Decides a BLOCK_SET.
pub fn decide_block<'p>(
    state: &State,
    question: Question<'_>,
    block: &Block,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let known = state.risk.block(owner(question), block.kind, block.subject.get()).is_some();
    if block.action == 0 && !known {
        return Verdict::Refuse(Rejection::plain(Code::NotFound));
    }
    if !known && state.risk.blocks_in_all() >= BLOCKS_MAX {
        return Verdict::Refuse(capacity(CapacityOf::Blocks, BLOCKS_MAX as u64));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::Risk(RiskEvent::BlockSet { origin: question.origin(content), block: *block });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::BlockSet, u64::from(block.action)))
}

/// Applies an event of rules and blocks. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    match event {
        Event::Risk(RiskEvent::RuleSet { origin, rule }) => {
            state.risk.set_rule((origin.merchant, origin.slot), *rule);
            record(state, origin, OperationKind::RiskSet, u64::from(rule.number.get()), resolved);
        }
        Event::Risk(RiskEvent::BlockSet { origin, block }) => {
            state.risk.set_block((origin.merchant, origin.slot), *block);
            record(state, origin, OperationKind::BlockSet, u64::from(block.action), resolved);
        }
        other => unreachable!("{other:?} is no event of risk"),
    }
}

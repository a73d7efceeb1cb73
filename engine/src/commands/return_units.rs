//! RETURN: units of a confirmed hold are given back.

use super::checks::{before_deciding, confirmed_hold, operation_room};
use super::confirm::counted_flag;
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use super::{hold_cards, keys, return_cart, sold_cards};
use crate::answer::{HoldState, OperationKind};
use crate::content::content_digest;
use crate::event::{Event, EventLine, EventPieces, Origin};
use crate::ids::OperationId;
use crate::rejection::{Code, Facts, LineFact, Rejection};
use crate::state::State;
use crate::state::counts::Count;
use crate::state::records::{HoldRecord, LineRecord};
use crate::state::stock::Posting;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};
use zerocopy::little_endian::{U32, U64};

/// Decides a RETURN.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    hold: OperationId,
    to_available: bool,
    units: &[U32],
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let request = question.request;
    let content = content_digest(&request.envelope, &request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    let handle = match confirmed_hold(state, question, hold) {
        Ok(handle) => handle,
        Err(code) => return Verdict::Refuse(Rejection::plain(code)),
    };
    let found = state.holds.get(handle);
    if found.is_quoted() {
        return return_cart::decide(state, question, (handle, hold, content), (to_available, units), plan);
    }
    let all_returned = state.lines(found).all(|line| line.current == line.returned);
    if units.is_empty() && all_returned && hold_cards::are_given_back(state, found) {
        return Verdict::Refuse(Rejection::plain(Code::AlreadyReversed));
    }
    let with_keys = |line: &LineRecord| state.keys_of(line) != NONE;
    if to_available && state.lines(found).any(with_keys) {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    plan_lines(state, found, units, plan);
    if !plan.facts.is_empty() {
        return Verdict::Refuse(Rejection { code: Code::ExceedsHold, facts: Facts::Lines(&plan.facts) });
    }
    sold_cards::plan_return(state, question.now_ms, found, plan, |line, plan| plan.lines[line].units.get());
    if let Err(code) = hold_cards::check_return(state, question.now_ms, found, plan) {
        return Verdict::Refuse(Rejection { code, facts: Facts::Lines(&plan.facts) });
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    plan.resolved.hold = Some(handle);
    let total = plan.lines.iter().map(|line| u64::from(line.units.get())).sum();
    let (origin, lines, cart) = (question.origin(content), &plan.lines, EventPieces::NONE);
    let event = Event::Returned { origin, hold, to_available, lines, cart, ended: &plan.ended };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Return, total))
}

/// Fills the lines of the event, or the facts of the refusal.
fn plan_lines(state: &State, hold: &HoldRecord, units: &[U32], plan: &mut Plan) {
    for (line, record) in state.lines(hold).enumerate() {
        let left = record.current - record.returned;
        let asked = if units.is_empty() { left } else { units.get(line).map_or(0, |units| units.get()) };
        let most = if on(Bug::ReturnUnbounded) { record.current } else { left };
        if asked > most {
            plan.facts.push(LineFact::new(line, Code::ExceedsHold, asked, u64::from(left)));
        }
        let stock = state.stock(Handle(record.stock)).id;
        plan.lines.push(EventLine::new(stock, asked, counted_flag(record)));
    }
    hold_cards::plan_return(state, hold, units, plan);
}

/// Applies an [`Event::Returned`]; answers the hold, or, if it was made from a quote, the record of the RETURN.
pub fn apply(
    state: &mut State,
    origin: &Origin,
    (to_available, cart): (bool, &EventPieces<'_>),
    (lines, ended): (&[EventLine], &[U64]),
    resolved: &Resolved,
) -> Handle {
    let handle = resolved.hold.expect("a return names its hold");
    assert!(
        state.holds.get(handle).state() == HoldState::Confirmed,
        "only a confirmed hold has units to return"
    );
    let hold = state.holds.get(handle);
    let (channel, reserved_ms) = (hold.channel(), hold.reserved_ms);
    let mut total = 0;
    state.change_lines(handle, |state, position, line| {
        let units = lines[position].units.get();
        total += u64::from(units);
        let posting = if to_available { Posting::ReturnToAvailable } else { Posting::ReturnToVoid };
        let left = line.current - line.returned;
        let first = state.keys_of(line);
        let owed = if first == NONE { 0 } else { keys::void_last(state, first, left, units) };
        // The units of cards go with them.
        if !state.is_of_cards(line) {
            state.post(Handle(line.stock), channel, posting(u64::from(units - owed)));
        }
        state.count((line.limit, line.stock), units, Count::ConsumedBack, reserved_ms);
        line.returned += units;
        assert!(line.returned <= line.current, "no more is returned than was confirmed");
    });
    sold_cards::end_each(state, ended, to_available);
    if state.holds.get(handle).has_cards() {
        total += hold_cards::return_all(state, handle, lines);
    }
    if cart.pieces.is_empty() {
        record(state, origin, OperationKind::Return, total, resolved);
        return handle;
    }
    state.return_pieces(handle, |line| cart.pieces[line].get());
    let (value, noted) = return_cart::returned(state, handle, lines, cart).kept();
    let operation = record(state, origin, OperationKind::ReturnPieces, value, resolved);
    state.cards.note(operation, noted);
    operation
}

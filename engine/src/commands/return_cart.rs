//! RETURN of a hold that was made from a quote: pieces of the lines of its cart go back, with their shares of the discounts, and
//! each card with the last of its lines.
//!
//! It stands apart from the RETURN of other holds because its lines are those of a cart, which has some without a stock, and
//! because nobody names its cards: they follow their lines. What happens to units and cards is the same event.
//!
//! Invariant: over all returns the amounts add up to what the cart cost, and a card comes back once.

use super::checks::operation_room;
use super::confirm::counted_flag;
use super::worth::reversal_end_ms;
use super::{Plan, Question, Reply, TO_BE_MADE, Verdict, sold_cards};
use crate::answer::PiecesReturned;
use crate::command::CardState;
use crate::event::{Event, EventLine, EventPieces};
use crate::ids::OperationId;
use crate::rejection::{Code, Facts, LineFact, Rejection};
use crate::state::State;
use crate::state::quotes::QuoteHead;
use crate::state::records::HoldRecord;
use crate::state::redemptions::RedemptionRecord;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};
use scrip_quote::{Amount, Returning, divide_pieces};
use zerocopy::little_endian::U32;

/// Decides it, behind what names no confirmed hold. `content`: of the command.
pub(super) fn decide<'p>(
    state: &State,
    question: Question<'_>,
    (handle, hold, content): (Handle, OperationId, u64),
    (to_available, units): (bool, &[U32]),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let record = state.holds.get(handle);
    let head = state.quote_of(record).expect("it was made from a quote");
    plan_pieces(state, (record, head), units, plan);
    plan_lines(state, question.now_ms, (record, head), plan);
    if units.is_empty() && plan.lines.iter().all(|line| line.units.get() == 0) && nothing(&plan.pieces) {
        return Verdict::Refuse(Rejection::plain(Code::AlreadyReversed));
    }
    if to_available && state.lines(record).any(|line| state.keys_of(line) != NONE) {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    if !plan.facts.is_empty() {
        return Verdict::Refuse(Rejection { code: Code::ExceedsHold, facts: Facts::Lines(&plan.facts) });
    }
    sold_cards::plan_return(state, question.now_ms, record, plan, |line, plan| plan.lines[line].units.get());
    for fact in &mut plan.facts {
        let place = Some(usize::from(fact.line.get()));
        let in_cart = state.cart_of(head).position(|line| line.place() == place);
        fact.line.set(in_cart.expect("a line of the hold is one of its cart") as u16);
    }
    if let Some(fact) = plan.facts.first() {
        let code = Code::from_number(fact.why.get()).expect("facts are made from codes");
        return Verdict::Refuse(Rejection { code, facts: Facts::Lines(&plan.facts) });
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    plan.resolved.hold = Some(handle);
    let amount = amount(state, (record, head), &plan.pieces);
    let cart = EventPieces { amount, pieces: &plan.pieces };
    let (origin, lines, ended) = (question.origin(content), &plan.lines, &plan.ended);
    let event = Event::Returned { origin, hold, to_available, lines, cart, ended };
    Verdict::Do(event, &plan.resolved, Reply::Pieces(TO_BE_MADE))
}

fn nothing(pieces: &[U32]) -> bool {
    pieces.iter().all(|pieces| pieces.get() == 0)
}

/// Fills the pieces of each line of the cart, or the facts of the refusal.
fn plan_pieces(state: &State, (hold, head): (&HoldRecord, QuoteHead), units: &[U32], plan: &mut Plan) {
    plan.pieces.clear();
    for (at, line) in state.cart_of(head).enumerate() {
        let left = line.quantity - state.pieces_returned(hold, &line);
        let asked = if units.is_empty() { left } else { units.get(at).map_or(0, |units| units.get()) };
        if asked > left {
            plan.facts.push(LineFact::new(at, Code::ExceedsHold, asked, u64::from(left)));
        }
        plan.pieces.push(U32::new(asked));
    }
    for (at, asked) in units.iter().enumerate().skip(plan.pieces.len()) {
        plan.facts.push(LineFact::new(at, Code::ExceedsHold, asked.get(), 0));
    }
}

/// Fills the lines of the event: those of stocks, and the cards that come back with them.
fn plan_lines(state: &State, now_ms: u64, (hold, head): (&HoldRecord, QuoteHead), plan: &mut Plan) {
    let pieces = |plan: &Plan, place: usize| {
        let of_line = state.cart_of(head).zip(&plan.pieces).find(|(line, _)| line.place() == Some(place));
        of_line.map_or(0, |(_, pieces)| pieces.get())
    };
    for (place, record) in state.lines(hold).enumerate() {
        let stock = state.stock(Handle(record.stock)).id;
        plan.lines.push(EventLine::new(stock, pieces(plan, place), counted_flag(record)));
    }
    for (place, (_, card)) in state.card_lines(hold).enumerate() {
        let left = card.units() - card.reversed();
        let comes_back = left > 0
            && are_all_back(state, (hold, head), place, &plan.pieces)
            && may_come_back(state, now_ms, card);
        let units = if comes_back { left } else { 0 };
        plan.lines.push(EventLine::of_card(state.card_of_line(card), units));
    }
}

/// Whether with these pieces all lines have gone back that a card of the hold took something off.
fn are_all_back(state: &State, (hold, head): (&HoldRecord, QuoteHead), place: usize, pieces: &[U32]) -> bool {
    let is_of_card = |line: usize| {
        let mut shares = state.shares_of_quote(head).filter(|share| share.place() == Some(place));
        shares.any(|share| share.line as usize == line)
    };
    let mut lines = state.cart_of(head).zip(pieces).enumerate().filter(|(at, _)| is_of_card(*at));
    let is_back = |(_, (line, now)): (usize, (_, &U32))| {
        let line: &crate::state::quotes::QuoteLine = &line;
        state.pieces_returned(hold, line) + now.get() >= line.quantity
    };
    if on(Bug::CardBackWithFirstLine) { lines.any(is_back) } else { lines.all(is_back) }
}

/// Whether a card may still be given back: if not, the goods go back without it.
fn may_come_back(state: &State, now_ms: u64, line: &RedemptionRecord) -> bool {
    let definition = &state.campaigns.get(state.cards.place(Handle(line.card)).0).definition;
    state.record_of_line(line).state() != CardState::Void
        && now_ms <= reversal_end_ms(definition, line.at_ms())
}

/// What these pieces cost the buyer.
fn amount(state: &State, (hold, head): (&HoldRecord, QuoteHead), pieces: &[U32]) -> u64 {
    let of_line = |(at, (line, now)): (usize, (crate::state::quotes::QuoteLine, &U32))| {
        let before = state.pieces_returned(hold, &line);
        let shares = state.shares_of_quote(head).filter(move |share| share.line as usize == at);
        let shares = shares.map(|share| Amount(if on(Bug::ShareForgotten) { 0 } else { share.amount() }));
        let pieces = Returning { before, now: now.get() };
        divide_pieces(Amount(line.unit_price()), line.quantity, pieces, shares, |_| ()).0
    };
    state.cart_of(head).zip(pieces).enumerate().map(of_line).sum()
}

/// The answer of such a RETURN, read from its operation record.
pub(super) fn answer(state: &State, operation: Handle) -> PiecesReturned {
    PiecesReturned::from_value(state.operations.get(operation).value, state.cards.amount(operation))
}

/// What is kept as the number of such a RETURN.
pub(super) fn value(lines: &[EventLine], pieces: &[U32]) -> u64 {
    let cards = lines.iter().filter(|line| line.is_card()).enumerate();
    let back = cards.filter(|(_, line)| line.units.get() > 0).fold(0, |back, (place, _)| back | 1 << place);
    let pieces = pieces.iter().map(|pieces| u64::from(pieces.get())).sum();
    PiecesReturned { pieces, amount: 0, cards: back }.value()
}

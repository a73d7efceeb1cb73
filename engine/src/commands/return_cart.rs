//! RETURN of a hold that was made from a quote: pieces of the lines of its cart go back, with their shares of the discounts; what
//! stored value paid of them goes back to its cards, and each other card with the last of its lines.
//!
//! It stands apart from the RETURN of other holds because its lines are those of a cart, which has some without a stock, and
//! because nobody names its cards: they follow their lines. What happens to units and cards is the same event.
//!
//! Invariant: over all returns the amounts add up to what was left to pay for the cart, what goes back on a card of stored value to what
//! it paid, and every other card comes back once.

use super::checks::operation_room;
use super::confirm::counted_flag;
use super::worth::reversal_end_ms;
use super::{Plan, Question, Reply, TO_BE_MADE, Verdict, sold_cards};
use crate::answer::PiecesReturned;
use crate::event::{Event, EventLine, EventPieces};
use crate::ids::OperationId;
use crate::limits::CARDS_PER_HOLD_MAX;
use crate::rejection::{Code, Facts, LineFact, Rejection};
use crate::state::State;
use crate::state::quotes::{QuoteHead, QuoteLine, QuoteShare};
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

/// Fills the lines of the event: those of stocks, and the cards to which something goes back with them.
fn plan_lines(state: &State, now_ms: u64, (hold, head): (&HoldRecord, QuoteHead), plan: &mut Plan) {
    let pieces = |plan: &Plan, place: usize| {
        let of_line = state.cart_of(head).zip(&plan.pieces).find(|(line, _)| line.place() == Some(place));
        of_line.map_or(0, |(_, pieces)| pieces.get())
    };
    for (place, record) in state.lines(hold).enumerate() {
        let stock = state.stock(Handle(record.stock)).id;
        plan.lines.push(EventLine::new(stock, pieces(plan, place), counted_flag(record)));
    }
    let paid = paid_of_pieces(state, (hold, head), &plan.pieces);
    for (place, (_, card)) in state.card_lines(hold).enumerate() {
        let units = match card.is_wide() {
            _ if state.is_lost(Handle(card.card)) => 0,
            // What pieces that went back in another way have paid comes with the next ones.
            true if !on(Bug::PaymentForgotten) => paid[place] - card.reversed(),
            true => 0,
            false if !in_window(state, now_ms, card) => 0,
            false if are_all_back(state, (hold, head), place, &plan.pieces) => card.units() - card.reversed(),
            false => 0,
        };
        plan.lines.push(EventLine::of_card(state.card_of_line(card), units));
    }
}

/// What each card of stored value has paid of all pieces that are back with these.
fn paid_of_pieces(
    state: &State,
    (hold, head): (&HoldRecord, QuoteHead),
    pieces: &[U32],
) -> [u32; CARDS_PER_HOLD_MAX] {
    let mut paid = [0; CARDS_PER_HOLD_MAX];
    for (at, (line, now)) in state.cart_of(head).zip(pieces).enumerate() {
        let back = back_with(state, hold, &line, now).min(line.quantity);
        let mut shares = shares_of(state, head, at);
        let parts = shares.clone().map(|share| Amount(share.amount()));
        let all = Returning { before: 0, now: back };
        divide_pieces(Amount(line.unit_price()), line.quantity, all, parts, |part| {
            let share = shares.next().expect("each part is that of a share");
            if let Some(place) = share.place().filter(|_| share.pays()) {
                // No more than the card has paid of the line, which was a number of its units.
                paid[place] += part.0 as u32;
            }
        });
    }
    paid
}

/// What the cards took off a line of the cart or paid of it, as they took their turns.
fn shares_of(state: &State, head: QuoteHead, line: usize) -> impl Iterator<Item = QuoteShare> + Clone {
    state.shares_of_quote(head).filter(move |share| share.line as usize == line)
}

/// Pieces of a line that have gone back, with those that go now.
fn back_with(state: &State, hold: &HoldRecord, line: &QuoteLine, now: &U32) -> u32 {
    state.pieces_returned(hold, line).saturating_add(now.get())
}

/// Whether with these pieces all lines have gone back that a card of the hold took something off.
fn are_all_back(state: &State, (hold, head): (&HoldRecord, QuoteHead), place: usize, pieces: &[U32]) -> bool {
    let is_of_card = |line: usize| {
        let mut shares = state.shares_of_quote(head).filter(|share| share.place() == Some(place));
        shares.any(|share| share.line as usize == line)
    };
    let mut lines = state.cart_of(head).zip(pieces).enumerate().filter(|(at, _)| is_of_card(*at));
    let is_back =
        |(_, (line, now)): (usize, (QuoteLine, &U32))| back_with(state, hold, &line, now) >= line.quantity;
    if on(Bug::CardBackWithFirstLine) { lines.any(is_back) } else { lines.all(is_back) }
}

/// Whether a card that is no money may still be given back: if not, the goods go back without it.
fn in_window(state: &State, now_ms: u64, line: &RedemptionRecord) -> bool {
    let definition = &state.campaigns.get(state.cards.place(Handle(line.card)).0).definition;
    now_ms <= reversal_end_ms(definition, line.at_ms())
}

/// What these pieces cost the buyer.
fn amount(state: &State, (hold, head): (&HoldRecord, QuoteHead), pieces: &[U32]) -> u64 {
    let of_line = |(at, (line, now)): (usize, (QuoteLine, &U32))| {
        let before = state.pieces_returned(hold, &line);
        let shares = shares_of(state, head, at);
        let shares = shares.map(|share| Amount(if on(Bug::ShareForgotten) { 0 } else { share.amount() }));
        let pieces = Returning { before, now: now.get() };
        divide_pieces(Amount(line.unit_price()), line.quantity, pieces, shares, |_| ()).0
    };
    state.cart_of(head).zip(pieces).enumerate().map(of_line).sum()
}

/// The answer of such a RETURN, read from its operation record.
pub(super) fn answer(state: &State, operation: Handle) -> PiecesReturned {
    PiecesReturned::from_kept((state.operations.get(operation).value, state.cards.noted(operation)))
}

/// What such a RETURN of these lines of a hold and pieces of its cart answers.
pub(super) fn returned(
    state: &State,
    hold: Handle,
    lines: &[EventLine],
    cart: &EventPieces<'_>,
) -> PiecesReturned {
    let back = lines.iter().filter(|line| line.is_card()).map(|line| line.units.get());
    let (mut cards, mut on_cards) = (0, 0);
    for (place, ((_, line), units)) in state.card_lines(state.holds.get(hold)).zip(back).enumerate() {
        cards |= u32::from(units > 0) << place;
        on_cards += if line.is_wide() { u64::from(units) } else { 0 };
    }
    let pieces = cart.pieces.iter().map(|pieces| u64::from(pieces.get())).sum();
    PiecesReturned { pieces, amount: cart.amount, on_cards, cards }
}

//! One sale per order line: a payment callback that comes again under a new operation id is answered with the first sale.
//!
//! Invariant: of a stock that is sold once per order, an order has at most one hold that is held or owed, or confirmed with
//! units left.

use super::checks::{before_deciding, capacity};
use super::{Plan, Question, Reply, Verdict, hold_cards, keys, owed};
use crate::answer::HoldState;
use crate::command::Take;
use crate::rejection::{CapacityOf, Code, Rejection};
use crate::state::State;
use crate::state::records::HoldRecord;
use crate::state::table::Handle;

/// Steps 1 to 4 for RESERVE and SELL (`sale`: whether its keys are hidden); `Some` is the verdict.
#[inline]
pub fn before_taking<'p>(
    state: &State,
    question: Question<'_>,
    content: u64,
    take: &Take<'_>,
    sale: Option<bool>,
) -> Option<Verdict<'p>> {
    let once = state.order_lines.matter() && take.order.0 != 0;
    if once && state.find_record(&question.key(), question.hash, question.now_ms).is_none() {
        let first = first_of_order(state, question, take, sale);
        if first.is_some() {
            return first;
        }
    }
    let slot = question.request.envelope.slot;
    before_deciding(state, question, content, take.lines.iter().map(|line| line.stock())).or_else(|| {
        let foreign = take.cards.iter().any(|line| line.card().slot() != slot);
        foreign.then(|| Verdict::Refuse(Rejection::plain(Code::CrossSlot)))
    })
}

fn first_of_order<'p>(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    sale: Option<bool>,
) -> Option<Verdict<'p>> {
    let envelope = &question.request.envelope;
    let in_slot = take.lines.iter().map(|line| line.stock()).filter(|stock| stock.slot() == envelope.slot);
    let once = in_slot
        .filter_map(|stock| state.stock_of(envelope.merchant, stock))
        .filter(|stock| state.stock(*stock).once_per_order);
    let mut holds = once.filter_map(|stock| state.order_line(take.order, stock, question.now_ms));
    // What the command replaces gives its lines up.
    let handle = holds.find(|handle| state.holds.get(*handle).operation != take.replace.0)?;
    let hold = state.holds.get(handle);
    // A RESERVE is not answered with another's hold: its caller would confirm an id that names none.
    let agrees = sale.is_some_and(|hidden| is_the_same_sale(state, question, hold, take, hidden));
    if !agrees {
        return Some(Verdict::Refuse(Rejection::plain(Code::OperationMismatch)));
    }
    if hold.state() == HoldState::Owed {
        return Some(Verdict::Answer(owed::repeated(state, handle)));
    }
    Some(keys::replaced(state, hold).unwrap_or(Verdict::Answer(Reply::Confirmed(handle))))
}

/// Whether a SELL asks for what this hold has sold, or owes.
fn is_the_same_sale(
    state: &State,
    question: Question<'_>,
    hold: &HoldRecord,
    take: &Take<'_>,
    hidden: bool,
) -> bool {
    let units_agree = |asked: u32, least: u32, sold: u32| {
        if take.partial { (least..=asked).contains(&sold) } else { asked == sold }
    };
    let owes = hold.state() == HoldState::Owed;
    (owes || hold.state() == HoldState::Confirmed)
        && hold.user() == take.user
        && hold.channel() == question.request.envelope.channel
        && (hold.flags & HoldRecord::HIDDEN != 0) == hidden
        && hold.line_count() == take.lines.len()
        && hold_cards::are_the_same(state, hold, take)
        && state.lines(hold).zip(take.lines).all(|(line, wish)| {
            state.stock(Handle(line.stock)).id == wish.stock()
                && units_agree(
                    wish.units.get(),
                    wish.units_min.get(),
                    if owes { line.asked() } else { line.current },
                )
        })
}

/// CAPACITY if the lines of orders have no room for those of this hold.
#[inline]
pub fn no_room(state: &State, take: &Take<'_>, plan: &Plan) -> Option<Rejection<'static>> {
    if !state.order_lines.matter() || take.order.0 == 0 {
        return None;
    }
    let taken = |line: usize| plan.lines[line].units.get() > 0;
    let is_new = |line: usize| {
        let stock = plan.lines[line].stock();
        let once = state.find_stock(stock).is_some_and(|stock| state.stock(stock).once_per_order);
        once && taken(line)
            && !(0..line).any(|earlier| taken(earlier) && plan.lines[earlier].stock() == stock)
    };
    let new = (0..plan.lines.len()).filter(|line| is_new(*line)).count() as u64;
    let most = u64::from(state.capacity.order_lines_max);
    (new > 0 && u64::from(state.order_lines.used()) + new > most)
        .then(|| capacity(CapacityOf::OrderLines, most))
}

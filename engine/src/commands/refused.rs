//! A paid SELL that is refused: the refusal is recorded with its facts, for good, so that the money can be given back for sure.
//!
//! Invariant: a recorded refusal takes no units and counts nowhere.

use super::{Plan, Question, Resolved, taken};
use crate::answer::HoldState;
use crate::command::Take;
use crate::event::{Buyer, Origin, RefusedLine};
use crate::rejection::Code;
use crate::state::State;
use crate::state::counts::NO_ENTRIES;
use crate::state::reclaim::VISITS_PER_INSERTION;
use crate::state::records::{ExtraLine, LineRecord};
use crate::state::table::{Handle, NONE};

/// Writes the facts of a paid refusal into the lines that are kept.
pub(super) fn record(state: &State, question: Question<'_>, take: &Take<'_>, plan: &mut Plan) {
    let merchant = question.request.envelope.merchant;
    plan.resolved.lines.clear();
    plan.resolved.hold = None;
    for (line, wish) in take.lines.iter().enumerate() {
        let fact = plan.facts.iter().find(|fact| usize::from(fact.line.get()) == line);
        let why = fact.and_then(|fact| Code::from_number(fact.why.get()));
        let available = fact.map_or(0, |fact| fact.available.get());
        plan.refused.push(RefusedLine::new(wish.stock(), wish.units.get(), why, available));
        plan.resolved.lines.push((state.stock_of(merchant, wish.stock()), NO_ENTRIES));
    }
}

/// Applies a [`Event::SellRefused`].
pub fn apply(
    state: &mut State,
    origin: &Origin,
    buyer: &Buyer,
    code: Code,
    lines: &[RefusedLine],
    resolved: &Resolved,
) -> Handle {
    let mut record = taken::blank(state.now_ms, origin, buyer, lines.len());
    record.state = HoldState::Refused as u8;
    record.refusal = code as u8;
    let refused = |line: &RefusedLine, stock: Option<Handle>| {
        let stock = stock.map_or(NONE, |stock| stock.0);
        let mut kept = LineRecord { stock, limit: NONE, reserved: 0, current: 0, returned: 0, keys: NONE };
        kept.refuse(line.why(), line.asked.get(), line.available.get());
        kept
    };
    record.line = refused(&lines[0], resolved.lines[0].0);
    for (line, (stock, _)) in lines.iter().zip(&resolved.lines).skip(1).rev() {
        let extra = ExtraLine { line: refused(line, *stock), next: record.more_lines, price: 0 };
        record.more_lines = state.extra_lines.insert(extra).0;
    }
    let handle = state.insert_hold(record, resolved.hash);
    state.reclaim(VISITS_PER_INSERTION);
    handle
}

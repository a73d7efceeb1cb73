//! Answers, read from the records: the first answer and every repeat come from the same place.

use super::{Replies, Reply};
use crate::answer::{Answer, HoldLine, HoldState, HoldView, OperationView, Outcome, StockView};
use crate::ids::OperationId;
use crate::rejection::{Facts, LineFact, Rejection};
use crate::state::State;
use crate::state::records::{HoldRecord, LineRecord};
use crate::state::table::{Handle, NONE};
use zerocopy::little_endian::{U32, U64};

/// Puts the answer together.
#[inline]
pub fn read<'r>(state: &'r State, reply: Reply, replies: &'r mut Replies) -> Outcome<'r> {
    match reply {
        Reply::Reserved(handle) => {
            let hold = state.holds.get(handle);
            fill_units(state, hold, replies, |line| line.reserved);
            let deadline_ms = hold.reserved_ms + u64::from(hold.ttl_ms);
            Outcome::Done(Answer::Reserved { deadline_ms, units: &replies.units })
        }
        Reply::Confirmed(handle) => {
            let hold = state.holds.get(handle);
            fill_units(state, hold, replies, |line| line.current);
            let (confirmed_ms, late) = (hold.closed_ms(), hold.flags & HoldRecord::LATE != 0);
            Outcome::Done(Answer::Confirmed { confirmed_ms, late, units: &replies.units })
        }
        Reply::Released(handle) => {
            let lapsed = state.holds.get(handle).state() == HoldState::Lapsed;
            Outcome::Done(Answer::Released { lapsed })
        }
        Reply::Refused(handle) => refusal(state, handle, replies),
        Reply::Value(kind, value) => Outcome::Done(kind.answer(value)),
        Reply::Stock(handle) => Outcome::Done(Answer::Stock(stock_view(state, handle))),
        Reply::Channels(handle) => {
            let stock = state.stock(handle);
            replies.channels.clear();
            replies.channels.extend(stock.channels.views(stock.units.available));
            Outcome::Done(Answer::Channels { version: stock.version, channels: &replies.channels })
        }
        Reply::Hold(handle) => Outcome::Done(Answer::Hold(hold_view(state, handle, replies))),
        Reply::Operation(kind, value) => Outcome::Done(Answer::Operation(OperationView { kind, value })),
    }
}

#[inline]
fn fill_units(state: &State, hold: &HoldRecord, replies: &mut Replies, of: impl Fn(&LineRecord) -> u32) {
    replies.units.clear();
    replies.units.extend(state.lines(hold).map(|line| U32::new(of(line))));
}

fn refusal<'r>(state: &State, handle: Handle, replies: &'r mut Replies) -> Outcome<'r> {
    let hold = state.holds.get(handle);
    replies.facts.clear();
    for (line, record) in state.lines(hold).enumerate() {
        if let Some((why, asked, available)) = record.refusal() {
            replies.facts.push(LineFact::new(line, why, asked, available));
        }
    }
    let facts = if replies.facts.is_empty() { Facts::None } else { Facts::Lines(&replies.facts) };
    Outcome::Refused(Rejection { code: hold.refusal().expect("a recorded refusal has a code"), facts })
}

fn stock_view(state: &State, handle: Handle) -> StockView<'_> {
    let stock = state.stock(handle);
    let units = &stock.units;
    StockView {
        stock: stock.id,
        version: stock.version,
        terms: stock.terms,
        total: units.total,
        available: units.available,
        held: units.held,
        consumed: units.consumed,
        frozen: units.frozen,
        void: units.void,
        marked_frozen: units.marked_frozen,
        marked_void: units.marked_void,
        name: stock.name(),
    }
}

fn hold_view<'r>(state: &State, handle: Handle, replies: &'r mut Replies) -> HoldView<'r> {
    let hold = state.holds.get(handle);
    let confirmed = hold.state() == HoldState::Confirmed;
    replies.lines.clear();
    replies.lines.extend(state.lines(hold).map(|line| {
        let stock = if line.stock == NONE { 0 } else { state.stock(Handle(line.stock)).id.0 };
        HoldLine {
            stock: U64::new(stock),
            reserved: U32::new(line.reserved),
            confirmed: U32::new(if confirmed { line.current } else { 0 }),
            returned: U32::new(if confirmed { line.returned } else { 0 }),
            spare: U32::ZERO,
        }
    }));
    HoldView {
        hold: OperationId(hold.operation),
        state: hold.state(),
        channel: hold.channel(),
        late: hold.flags & HoldRecord::LATE != 0,
        refusal: hold.refusal(),
        order: hold.order(),
        user: hold.user(),
        reserved_ms: hold.reserved_ms,
        deadline_ms: hold.deadline_ms(),
        closed_ms: hold.closed_ms(),
        lines: &replies.lines,
    }
}

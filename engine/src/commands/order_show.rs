//! ORDER_SHOW: what was made for an order, the newest first.
//!
//! It stands apart because it is asked for an order and not for one operation. Invariant: one page looks at a bounded
//! number of holds; pages that each name the last hold of the one before show every hold once that is there all the
//! while, whatever is made in between: new holds stand before the first page.

use super::{Question, Replies, Reply, Verdict};
use crate::answer::{HoldState, More, OrderHold};
use crate::ids::{OperationId, OrderId};
use crate::limits::{ORDER_HOLDS_PER_ANSWER_MAX, ORDER_HOLDS_SCANNED_MAX};
use crate::rejection::{Code, Rejection};
use crate::state::State;
use crate::state::order_holds::OrderKey;
use crate::state::records::HoldRecord;
use crate::state::table::{Handle, NONE};
use zerocopy::little_endian::{U16, U32, U64, U128};

/// Which holds a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The first one that is looked at; `None`: there is none.
    first: Option<Handle>,
    /// How many it has at most.
    count_max: usize,
    /// Shard time at which it was asked for.
    now_ms: u64,
}

/// Decides an ORDER_SHOW.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    (order, after, limit): (OrderId, OperationId, u32),
) -> Verdict<'p> {
    let (envelope, now_ms) = (&question.request.envelope, question.now_ms);
    let first = if after.0 == 0 {
        let key = OrderKey { merchant: envelope.merchant, slot: envelope.slot, order };
        state.holds_of(key).next()
    } else {
        let key = envelope.key_of(after);
        let found = state.find_hold(&key, state.record_hash(&key), now_ms);
        match found.filter(|handle| state.holds.get(*handle).order() == order && order.0 != 0) {
            Some(handle) => state.holds_before(handle).next(),
            None => return Verdict::Refuse(Rejection::plain(Code::NotFound)),
        }
    };
    let count_max = match limit as usize {
        0 => ORDER_HOLDS_PER_ANSWER_MAX,
        wanted => wanted.min(ORDER_HOLDS_PER_ANSWER_MAX),
    };
    Verdict::Answer(Reply::OrderHolds(Page { first, count_max, now_ms }))
}

/// Fills in a page; answers whether there is more behind it.
pub(super) fn fill(state: &State, page: Page, replies: &mut Replies) -> More {
    replies.order_holds.clear();
    let Some(first) = page.first else { return More::No };
    for (position, handle) in core::iter::once(first).chain(state.holds_before(first)).enumerate() {
        if position == ORDER_HOLDS_SCANNED_MAX {
            return More::Unknown;
        }
        let hold = state.holds.get(handle);
        // What is gone is as if it had never been, whether it has left memory yet or not.
        if state.is_gone(handle, page.now_ms) {
            continue;
        }
        if replies.order_holds.len() == page.count_max {
            return More::Yes;
        }
        replies.order_holds.push(view(state, hold));
    }
    More::No
}

fn view(state: &State, hold: &HoldRecord) -> OrderHold {
    let stock = if hold.line.stock == NONE { 0 } else { state.stock(Handle(hold.line.stock)).id.0 };
    let refusal = hold.refusal().filter(|_| hold.state() != HoldState::Owed);
    let flag = |recorded: u8, shown: u8| if hold.flags & recorded != 0 { shown } else { 0 };
    OrderHold {
        hold: U128::new(hold.operation),
        user: U128::new(hold.user),
        reserved_ms: U64::new(hold.reserved_ms),
        deadline_ms: U64::new(hold.deadline_ms()),
        closed_ms: U64::new(hold.closed_ms()),
        stock: U64::new(stock),
        units: U32::new(hold.line.reserved),
        channel: U16::new(hold.channel),
        refusal: U16::new(refusal.map_or(0, |code| code as u16)),
        state: hold.state,
        lines: hold.line_count() as u8,
        flags: flag(HoldRecord::LATE, OrderHold::LATE) | flag(HoldRecord::FLAGGED, OrderHold::FLAGGED),
        spare: [0; 5],
    }
}

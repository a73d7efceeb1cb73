//! KEYS_LIST and KEYS_EXPORT: the card keys of a stock by number, with where each stands; an export has the texts and is recorded.
//!
//! They stand apart because they look at keys and not at holds. Invariant: one page looks at a bounded number of keys, and
//! pages that follow each other's `next` show each key of the stock once.

use super::checks::{before_deciding, operation_room};
use super::keys::{find_batch, stock_with_batches};
use super::{Plan, Question, Replies, Reply, Resolved, Verdict, record};
use crate::answer::{ListPage, ListedItem, ListedPlace, OperationKind};
use crate::content::content_digest;
use crate::event::{Event, Origin};
use crate::ids::StockId;
use crate::limits::{KEYS_PER_ANSWER_MAX, KEYS_SCANNED_MAX};
use crate::rejection::{Code, Rejection};
use crate::state::State;
use crate::state::keys::KeyRecord;
use crate::state::table::{Handle, NONE};
use zerocopy::little_endian::{U16, U32, U128};

/// The stock, and the batch if one is named ([`NONE`]: none is).
fn find(
    state: &State,
    question: Question<'_>,
    stock: StockId,
    batch: Option<u32>,
) -> Result<(Handle, u32), Code> {
    let handle = stock_with_batches(state, question, stock)?;
    match batch {
        None => Ok((handle, NONE)),
        Some(number) => Ok((handle, find_batch(state, handle, number).ok_or(Code::NotFound)?)),
    }
}

/// Decides a KEYS_LIST.
pub fn decide_list<'p>(
    state: &State,
    question: Question<'_>,
    (stock, batch, from): (StockId, Option<u32>, u32),
) -> Verdict<'p> {
    if stock.slot() != question.request.envelope.slot {
        return Verdict::Refuse(Rejection::plain(Code::CrossSlot));
    }
    match find(state, question, stock, batch) {
        Ok((stock, batch)) => Verdict::Answer(Reply::Listed { stock, batch, from, clear: false }),
        Err(code) => Verdict::Refuse(Rejection::plain(code)),
    }
}

/// Decides a KEYS_EXPORT. A repeat reads on.
pub fn decide_export<'p>(
    state: &State,
    question: Question<'_>,
    (stock, batch, from): (StockId, Option<u32>, u32),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    let before = before_deciding(state, question, content, core::iter::once(stock));
    let repeated = matches!(before, Some(Verdict::Answer(Reply::Value(OperationKind::KeysExport, _))));
    if let (Some(verdict), false) = (before, repeated) {
        return verdict;
    }
    let (handle, of_batch) = match find(state, question, stock, batch) {
        Ok(found) => found,
        Err(code) => return Verdict::Refuse(Rejection::plain(code)),
    };
    let reply = Reply::Listed { stock: handle, batch: of_batch, from, clear: true };
    if repeated {
        return Verdict::Answer(reply);
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    Verdict::Do(Event::KeysExported { origin: question.origin(content), stock, batch }, &plan.resolved, reply)
}

/// Applies an [`Event::KeysExported`].
pub fn apply(state: &mut State, origin: &Origin, resolved: &Resolved) {
    record(state, origin, OperationKind::KeysExport, 0, resolved);
}

/// Fills in a page of the keys of a stock from a number on; answers the number to go on with.
pub(super) fn fill(state: &State, stock: Handle, batch: u32, from: u32, replies: &mut Replies) -> u32 {
    replies.listed.clear();
    let id = state.stock(stock).id;
    let keys = state.keys.records.used();
    let end = from.saturating_add(KEYS_SCANNED_MAX).min(keys);
    for number in from..end {
        let key = state.keys.records.get(Handle(number));
        let (chunk, of_batch) = (state.keys.chunk(key.chunk).0, state.keys.batch_of(key));
        if chunk.stock != id || batch != NONE && of_batch != batch {
            continue;
        }
        if replies.listed.len() == KEYS_PER_ANSWER_MAX {
            return number;
        }
        let item = item(state, number, key);
        replies.listed.push(ListedPlace { item, chunk: key.chunk, position: key.position });
    }
    if end >= keys { ListPage::END } else { end }
}

fn item(state: &State, number: u32, key: &KeyRecord) -> ListedItem {
    let batch = &state.keys.batches[state.keys.batch_of(key) as usize];
    let (mut hold, mut order) = (0, 0);
    if key.hold != NONE {
        let found = state.holds.get(Handle(key.hold));
        // What is gone is as if it had never been, whether it has left memory yet or not.
        if !state.is_gone(Handle(key.hold), state.now_ms) {
            (hold, order) = (found.operation, found.order);
        }
    }
    ListedItem {
        hold: U128::new(hold),
        order: U128::new(order),
        key: U32::new(number),
        batch: U32::new(batch.number),
        text_bytes: U16::ZERO,
        state: key.state,
        batch_state: batch.state as u8,
        spare: U32::ZERO,
    }
}

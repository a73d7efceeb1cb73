//! STOCK_SHOW, STOCK_CHANNELS and OPERATION_SHOW.

use super::checks::too_old;
use super::{Question, Reply, Verdict};
use crate::answer::OperationKind;
use crate::ids::StockId;
use crate::rejection::{Code, Rejection};
use crate::state::State;
use crate::state::records::Recorded;
use crate::state::table::Handle;

/// Looks a stock up.
pub fn decide_stock<'p>(
    state: &State,
    question: Question<'_>,
    stock: StockId,
    reply: impl FnOnce(Handle) -> Reply,
) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    if stock.slot() != envelope.slot {
        return Verdict::Refuse(Rejection::plain(Code::CrossSlot));
    }
    match state.stock_of(envelope.merchant, stock) {
        Some(handle) => Verdict::Answer(reply(handle)),
        None => Verdict::Refuse(Rejection::plain(Code::NotFound)),
    }
}

/// Looks up what is recorded under the envelope's operation id.
pub fn decide_operation<'p>(state: &State, question: Question<'_>) -> Verdict<'p> {
    match state.find_record(&question.key(), question.hash, question.now_ms) {
        Some(Recorded::Hold(handle)) => Verdict::Answer(Reply::Hold(handle)),
        Some(Recorded::Redemption(handle)) => Verdict::Answer(Reply::Redemption(handle)),
        Some(Recorded::Operation(handle)) => {
            let record = state.operations.get(handle);
            let value = match record.kind() {
                OperationKind::KeyReplace => super::key_replace::shown(state, record.value),
                OperationKind::ReturnPieces => super::return_cart::answer(state, handle).value(),
                _ => record.value,
            };
            Verdict::Answer(Reply::Operation(record.kind(), value))
        }
        None if question.request.envelope.created_ms() < state.floor_ms => Verdict::Refuse(too_old(state)),
        None => Verdict::Refuse(Rejection::plain(Code::NotFound)),
    }
}

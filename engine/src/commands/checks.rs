//! The checks every command with an id of its own shares: steps 1 to 4 of docs/semantics.md, and the room for records.

use super::{Question, Reply, Verdict};
use crate::answer::{HoldState, OperationKind};
use crate::command::Envelope;
use crate::ids::{OperationId, StockId};
use crate::limits::CLOCK_AHEAD_MAX_MS;
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::records::{HoldRecord, Recorded};
use crate::state::table::Handle;
use scrip_planted::{Bug, on};

/// Steps 1 to 4; `Some` is the verdict.
#[inline]
pub fn before_deciding<'p>(
    state: &State,
    question: Question<'_>,
    content: u64,
    stocks: impl Iterator<Item = StockId>,
) -> Option<Verdict<'p>> {
    let envelope = &question.request.envelope;
    if let Some(record) = state.find_record(&question.key(), question.hash, question.now_ms) {
        return Some(repeat(state, record, content));
    }
    if let Some(rejection) = age(state, envelope, question.now_ms) {
        return Some(Verdict::Refuse(rejection));
    }
    let mut stocks = stocks;
    if stocks.any(|stock| stock.slot() != envelope.slot) {
        return Some(Verdict::Refuse(Rejection::plain(Code::CrossSlot)));
    }
    None
}

fn repeat<'p>(state: &State, record: Recorded, content: u64) -> Verdict<'p> {
    let (recorded, reply) = match record {
        Recorded::Operation(handle) => {
            let operation = state.operations.get(handle);
            if super::cancel::is_tombstone(operation.kind()) {
                return Verdict::Refuse(Rejection::plain(Code::Cancelled));
            }
            let reply = match operation.kind() {
                _ if operation.issues() => Reply::Issued(handle),
                OperationKind::ReturnPieces => Reply::Pieces(handle),
                kind => Reply::Value(kind, operation.value),
            };
            (operation.content, reply)
        }
        Recorded::Redemption(handle) => (state.redemptions.get(handle).content, Reply::Redeemed(handle)),
        Recorded::Hold(handle) => {
            let hold = state.holds.get(handle);
            if hold.content == content && hold.state() == HoldState::Cancelled {
                return Verdict::Refuse(Rejection::plain(Code::Cancelled));
            }
            if hold.content == content
                && hold.flags & HoldRecord::SOLD != 0
                && let Some(verdict) = super::keys::replaced(state, hold)
            {
                return verdict;
            }
            (hold.content, made_by(state, hold, handle))
        }
    };
    if recorded != content && !on(Bug::MismatchIgnored) {
        return Verdict::Refuse(Rejection::plain(Code::OperationMismatch));
    }
    Verdict::Answer(reply)
}

/// The answer to the command that made a hold.
fn made_by(state: &State, hold: &HoldRecord, handle: Handle) -> Reply {
    match hold.state() {
        HoldState::Refused => Reply::Refused(handle),
        // Whatever its CONFIRM has come to.
        _ if hold.is_quoted() => Reply::QuoteReserved(handle),
        _ if hold.flags & HoldRecord::SOLD == 0 => Reply::Reserved(handle),
        HoldState::Unfulfilled => Reply::Refused(handle),
        HoldState::Owed => super::owed::repeated(state, handle),
        _ => Reply::Confirmed(handle),
    }
}

/// Steps 2 and 3.
#[inline]
pub fn age(state: &State, envelope: &Envelope, now_ms: u64) -> Option<Rejection<'static>> {
    let created_ms = envelope.created_ms();
    if created_ms < state.floor_ms && !on(Bug::FloorNotHonoured) {
        return Some(too_old(state));
    }
    if created_ms > now_ms + CLOCK_AHEAD_MAX_MS {
        return Some(Rejection { code: Code::ClockAhead, facts: Facts::Time(now_ms) });
    }
    deadline_passed(envelope, now_ms)
}

/// OPERATION_TOO_OLD with the floor.
pub fn too_old(state: &State) -> Rejection<'static> {
    Rejection { code: Code::OperationTooOld, facts: Facts::Floor(state.floor_ms) }
}

/// Whether the caller no longer wants the command executed.
#[inline]
pub fn deadline_passed(envelope: &Envelope, now_ms: u64) -> Option<Rejection<'static>> {
    let passed = envelope.deadline_ms != 0 && envelope.deadline_ms <= now_ms;
    passed.then_some(Rejection { code: Code::DeadlinePassed, facts: Facts::Time(now_ms) })
}

/// What a hold that is unknown answers to a command that carries its id.
pub fn hold_unknown(state: &State, envelope: &Envelope) -> Rejection<'static> {
    if envelope.created_ms() < state.floor_ms { too_old(state) } else { Rejection::plain(Code::HoldNotFound) }
}

/// The confirmed hold that a command of its own names, or why there is none.
pub fn confirmed_hold(state: &State, question: Question<'_>, hold: OperationId) -> Result<Handle, Code> {
    let key = question.request.envelope.key_of(hold);
    let found = state.find_hold(&key, state.record_hash(&key), question.now_ms);
    let handle = found.ok_or(Code::HoldNotFound)?;
    match state.holds.get(handle).state() {
        HoldState::Confirmed => Ok(handle),
        HoldState::Held | HoldState::Expired | HoldState::Owed => Err(Code::NotActive),
        HoldState::Released | HoldState::Lapsed => Err(Code::HoldReleased),
        HoldState::Refused | HoldState::Unfulfilled => Err(Code::HoldNotFound),
        HoldState::Cancelled => Err(Code::Cancelled),
    }
}

/// CAPACITY with the maximum it speaks of.
pub fn capacity(what: CapacityOf, maximum: u64) -> Rejection<'static> {
    Rejection { code: Code::Capacity, facts: Facts::Maximum(what, maximum) }
}

/// Room for one more operation record.
pub fn operation_room(state: &State) -> Option<Rejection<'static>> {
    let maximum = state.capacity.operations_max;
    (state.operations.used() >= maximum).then(|| capacity(CapacityOf::Operations, u64::from(maximum)))
}

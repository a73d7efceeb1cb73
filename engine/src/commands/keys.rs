//! Card keys: batches (BATCH_CREATE, BATCH_CHANGE, and expiry), KEYS_IMPORT, REVEAL, KEYS_READ, BATCHES_SHOW.
//! Binding keys to a hold's line stands here, too; CONFIRM and SELL call it.
//!
//! Invariant: units of a keys stock that marks wait for and units that are available exclude each other, so whoever holds
//! units can be given keys, and no key of a frozen or void batch is ever sold.

use super::checks::{before_deciding, capacity, confirmed_hold, operation_room};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::{BatchChange, BatchCreate, KeyBlock};
use crate::content::content_digest;
use crate::event::{Event, EventKey};
use crate::ids::{OperationId, StockId};
use crate::limits::{BATCHES_MAX, BATCHES_PER_STOCK_MAX, STOCK_UNITS_MAX};
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::counts::NO_ENTRIES;
use crate::state::keys::{Batch, BatchState};
use crate::state::records::{HoldRecord, LineRecord};
use crate::state::stock::{Posting, Stock};
use crate::state::table::{Handle, NONE};
use crate::state::{Appointment, Due, State};
use scrip_planted::{Bug, on};
use zerocopy::little_endian::U128;

fn refuse(code: Code) -> Verdict<'static> {
    Verdict::Refuse(Rejection::plain(code))
}

/// The keys stock that a command names.
fn keys_stock(state: &State, question: Question<'_>, stock: StockId) -> Result<Handle, Code> {
    let handle = state.stock_of(question.request.envelope.merchant, stock).ok_or(Code::NotFound)?;
    if state.stock(handle).keys { Ok(handle) } else { Err(Code::RuleFailed) }
}

/// The stock with batches that a command names: of keys, or of a reusable text.
pub(super) fn stock_with_batches(
    state: &State,
    question: Question<'_>,
    stock: StockId,
) -> Result<Handle, Code> {
    let handle = state.stock_of(question.request.envelope.merchant, stock).ok_or(Code::NotFound)?;
    let found = state.stock(handle);
    if found.keys || found.reusable { Ok(handle) } else { Err(Code::RuleFailed) }
}

/// The handle of a stock's batch.
pub(super) fn find_batch(state: &State, stock: Handle, number: u32) -> Option<u32> {
    let batches = state.stock(stock).sale_order.batches();
    batches.iter().copied().find(|batch| state.keys.batches[*batch as usize].number == number)
}

fn batch_of(state: &State, stock: Handle, number: u32) -> u32 {
    find_batch(state, stock, number).expect("the log names a batch that exists")
}

/// Decides a BATCH_CREATE.
pub fn decide_create<'p>(
    state: &State,
    question: Question<'_>,
    create: &BatchCreate<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::once(create.stock)) {
        return verdict;
    }
    let handle = match stock_with_batches(state, question, create.stock) {
        Ok(handle) => handle,
        Err(code) => return refuse(code),
    };
    let past = (1..=question.now_ms).contains(&create.expires_ms);
    // A text of which every version is kept can't expire.
    let expires = state.stock(handle).reusable && create.expires_ms != 0;
    if find_batch(state, handle, create.batch).is_some() || past || expires {
        return refuse(Code::RuleFailed);
    }
    if !state.stock(handle).sale_order.has_room() {
        return Verdict::Refuse(capacity(CapacityOf::Batches, BATCHES_PER_STOCK_MAX as u64));
    }
    if state.keys.batches.len() >= BATCHES_MAX {
        return Verdict::Refuse(capacity(CapacityOf::Batches, BATCHES_MAX as u64));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    plan.resolved.lines.push((Some(handle), NO_ENTRIES));
    plan.name.clear();
    plan.name.extend_from_slice(create.supplier);
    let BatchCreate { stock, batch, cost, expires_ms, .. } = *create;
    let origin = question.origin(content);
    let event = Event::BatchCreated { origin, stock, batch, cost, expires_ms, supplier: &plan.name };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::BatchCreate, u64::from(batch)))
}

/// Decides a BATCH_CHANGE.
pub fn decide_change<'p>(
    state: &State,
    question: Question<'_>,
    (stock, batch, change, forced): (StockId, u32, BatchChange, bool),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::once(stock)) {
        return verdict;
    }
    let handle = match keys_stock(state, question, stock) {
        Ok(handle) => handle,
        Err(code) => return refuse(code),
    };
    let Some(found) = find_batch(state, handle, batch) else { return refuse(Code::NotFound) };
    let found = &state.keys.batches[found as usize];
    match (found.state, change) {
        (BatchState::Active, BatchChange::Freeze | BatchChange::Void)
        | (BatchState::Frozen, BatchChange::Unfreeze | BatchChange::Void) => {}
        (BatchState::Void | BatchState::Expired, _) => return refuse(Code::Void),
        _ => return refuse(Code::NotActive),
    }
    let owner = state.stock(handle);
    let value = moved_at_once(owner, found);
    let free = owner.units.available - owner.channels.unused_guarantees();
    if found.state == BatchState::Active && !forced && value > free {
        let facts = Facts::Units { stock, asked: found.unsold, available: free };
        return Verdict::Refuse(Rejection { code: Code::ChannelQuota, facts });
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    plan.resolved.lines.push((Some(handle), NO_ENTRIES));
    let event = Event::BatchChanged { origin: question.origin(content), stock, batch, change, forced };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::BatchChange, value))
}

/// Units that a change of the batch moves at once; the rest of an active batch is marked.
fn moved_at_once(stock: &Stock, batch: &Batch) -> u64 {
    if batch.state == BatchState::Active { batch.unsold.min(stock.units.available) } else { batch.moved }
}

/// Decides a KEYS_IMPORT. Panics on a plain block: the edge seals it before.
pub fn decide_import<'p>(
    state: &State,
    question: Question<'_>,
    (stock, batch, block): (StockId, u32, &KeyBlock<'_>),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::once(stock)) {
        return verdict;
    }
    let KeyBlock::Sealed { fingerprints, sealed } = block else {
        unreachable!("the edge seals keys before they are executed");
    };
    let handle = match stock_with_batches(state, question, stock) {
        Ok(handle) => handle,
        Err(code) => return refuse(code),
    };
    let Some(found) = find_batch(state, handle, batch) else { return refuse(Code::NotFound) };
    match state.keys.batches[found as usize].state {
        BatchState::Active => {}
        BatchState::Frozen => return refuse(Code::Frozen),
        BatchState::Void => return refuse(Code::Void),
        BatchState::Expired => return refuse(Code::Expired),
    }
    if state.stock(handle).reusable && fingerprints.len() != 1 {
        return refuse(Code::RuleFailed);
    }
    let taken = choose_new(state, fingerprints, plan);
    let new = plan.keys.len() as u64;
    let sealed: &[u8] = if new == 0 { &[] } else { sealed };
    if let Some(rejection) = no_room(state, handle, new, sealed.len() as u64) {
        return Verdict::Refuse(rejection);
    }
    plan.resolved.lines.push((Some(handle), NO_ENTRIES));
    plan.sealed.clear();
    plan.sealed.extend_from_slice(sealed);
    let (origin, keys) = (question.origin(content), &plan.keys);
    let event = Event::KeysImported { origin, stock, batch, keys, sealed: &plan.sealed };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::KeysImport, taken))
}

/// Fills the plan with the keys that are not there yet; answers their bits.
fn choose_new(state: &State, fingerprints: &[U128], plan: &mut Plan) -> u64 {
    plan.keys.clear();
    fingerprints.iter().for_each(|print| state.keys.prefetch(print.get()));
    let mut taken = 0u64;
    for (position, fingerprint) in fingerprints.iter().enumerate() {
        let repeated = fingerprints[..position].contains(fingerprint);
        if !repeated && state.keys.find(fingerprint.get()).is_none() {
            taken |= 1 << position;
            plan.keys.push(EventKey { fingerprint: *fingerprint, position: position as u8, spare: [0; 7] });
        }
    }
    taken
}

fn no_room(state: &State, stock: Handle, new: u64, sealed_bytes: u64) -> Option<Rejection<'static>> {
    let maxima = &state.capacity;
    if state.stock(stock).keys && state.stock(stock).units.total + new > STOCK_UNITS_MAX {
        return Some(capacity(CapacityOf::StockUnits, STOCK_UNITS_MAX));
    }
    if u64::from(state.keys.records.used()) + new > u64::from(maxima.keys_max) {
        return Some(capacity(CapacityOf::Keys, u64::from(maxima.keys_max)));
    }
    if state.keys.sealed_bytes() + sealed_bytes > maxima.sealed_bytes_max {
        return Some(capacity(CapacityOf::SealedBytes, maxima.sealed_bytes_max));
    }
    operation_room(state)
}

/// The confirmed hold with card keys that a command names.
pub(super) fn hold_with_keys(
    state: &State,
    question: Question<'_>,
    hold: OperationId,
) -> Result<Handle, Code> {
    let handle = confirmed_hold(state, question, hold)?;
    let has_keys = state.lines(state.holds.get(handle)).any(|line| state.keys_of(line) != NONE);
    if has_keys { Ok(handle) } else { Err(Code::RuleFailed) }
}

/// Decides a REVEAL.
pub fn decide_reveal<'p>(
    state: &State,
    question: Question<'_>,
    hold: OperationId,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    let before = before_deciding(state, question, content, core::iter::empty());
    let repeated = matches!(before, Some(Verdict::Answer(Reply::Value(OperationKind::Reveal, _))));
    if let (Some(verdict), false) = (before, repeated) {
        return verdict;
    }
    let handle = match hold_with_keys(state, question, hold) {
        Ok(handle) => handle,
        Err(code) => return refuse(code),
    };
    let record = state.holds.get(handle);
    if repeated {
        return replaced(state, record).unwrap_or(Verdict::Answer(Reply::Keys(handle, 0)));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    plan.resolved.hold = Some(handle);
    let event = Event::Revealed { origin: question.origin(content), hold };
    Verdict::Do(event, &plan.resolved, Reply::Keys(handle, 0))
}

/// What a repeat of a CONFIRM, SELL or REVEAL is told once a key of the hold was replaced: never another key.
pub fn replaced<'p>(state: &State, hold: &HoldRecord) -> Option<Verdict<'p>> {
    if hold.flags & HoldRecord::REPLACED == 0 {
        return None;
    }
    let mut keys = state.lines(hold).flat_map(|line| state.keys.line(state.keys_of(line)));
    // None is left if those that took others' places were reclaimed since.
    let (handle, _) = keys.find(|(_, key)| key.replacements > 0)?;
    let facts = Facts::Key(u64::from(handle.0));
    Some(Verdict::Refuse(Rejection { code: Code::KeyReplaced, facts }))
}

/// The key of a hold, and the stock it is of.
pub(super) fn find_place<'s>(
    state: &'s State,
    hold: &HoldRecord,
    key: u32,
) -> Option<(Handle, &'s crate::state::keys::KeyRecord)> {
    for line in state.lines(hold).filter(|line| state.keys_of(line) != NONE) {
        if let Some((_, found)) = state.keys.line(line.keys).find(|(handle, _)| handle.0 == key) {
            return Some((Handle(line.stock), found));
        }
    }
    None
}

/// Decides a KEYS_READ.
pub fn decide_read<'p>(state: &State, question: Question<'_>, hold: OperationId, from: u32) -> Verdict<'p> {
    match hold_with_keys(state, question, hold) {
        Ok(handle) => Verdict::Answer(Reply::Keys(handle, from)),
        Err(code) => refuse(code),
    }
}

/// Decides a BATCHES_SHOW.
pub fn decide_show<'p>(state: &State, question: Question<'_>, stock: StockId, from: u32) -> Verdict<'p> {
    if stock.slot() != question.request.envelope.slot {
        return refuse(Code::CrossSlot);
    }
    match stock_with_batches(state, question, stock) {
        Ok(handle) => Verdict::Answer(Reply::Batches(handle, from)),
        Err(code) => refuse(code),
    }
}

/// Applies an event of batches and keys. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    match event {
        Event::BatchCreated { origin, batch, cost, expires_ms, supplier, .. } => {
            let stock = named(resolved);
            assert!(find_batch(state, stock, *batch).is_none(), "a batch is made once");
            let handle = u32::try_from(state.keys.batches.len()).expect("batches are few");
            state.keys.batches.push(Batch::new(*batch, stock, supplier, *cost, *expires_ms));
            let State { stocks, keys, appointments, .. } = state;
            stocks[stock.0 as usize].sale_order.insert(handle, keys);
            if *expires_ms != 0 {
                appointments.insert(Appointment { at_ms: *expires_ms, stock, what: Due::Batch(handle) });
            }
            record(state, origin, OperationKind::BatchCreate, u64::from(*batch), resolved);
        }
        Event::BatchChanged { origin, batch, change, .. } => {
            let stock = named(resolved);
            let handle = batch_of(state, stock, *batch);
            let found = &state.keys.batches[handle as usize];
            let value = moved_at_once(state.stock(stock), found);
            if *change == BatchChange::Void && found.expires_ms != 0 {
                let at_ms = found.expires_ms;
                state.appointments.remove(&Appointment { at_ms, stock, what: Due::Batch(handle) });
            }
            let into = match change {
                BatchChange::Freeze => BatchState::Frozen,
                BatchChange::Unfreeze => BatchState::Active,
                BatchChange::Void => BatchState::Void,
            };
            move_batch(state, stock, handle, into);
            record(state, origin, OperationKind::BatchChange, value, resolved);
        }
        Event::BatchExpired { batch, .. } => {
            let stock = named(resolved);
            let handle = batch_of(state, stock, *batch);
            let at_ms = state.keys.batches[handle as usize].expires_ms;
            state.keep_appointment(Appointment { at_ms, stock, what: Due::Batch(handle) });
            move_batch(state, stock, handle, BatchState::Expired);
        }
        Event::KeysImported { origin, stock, batch, keys, sealed } => {
            let handle = named(resolved);
            let batch = batch_of(state, handle, *batch);
            let (random, reusable) =
                (state.stock(handle).sale_order.is_random(), state.stock(handle).reusable);
            let mut taken = 0u64;
            if !keys.is_empty() {
                let chunk = state.keys.insert_chunk(origin.operation, (*stock, batch), sealed);
                for key in *keys {
                    taken |= 1 << key.position;
                    if reusable {
                        let (print, position) = (key.fingerprint.get(), key.position);
                        let content = state.keys.insert_content(print, chunk, position, batch);
                        let stock = state.stock_mut(handle);
                        if stock.content == NONE || !on(Bug::FirstVersionStays) {
                            stock.content = content.0;
                        }
                        continue;
                    }
                    state.keys.insert(key.fingerprint.get(), chunk, key.position, batch, random);
                }
                let units = if reusable { 0 } else { keys.len() as u64 };
                state.move_units(handle, Posting::Supply(units));
            }
            record(state, origin, OperationKind::KeysImport, taken, resolved);
        }
        other => unreachable!("{other:?} is no event of batches and keys"),
    }
}

fn named(resolved: &Resolved) -> Handle {
    resolved.lines[0].0.expect("the log names a stock that exists")
}

/// A batch changes its state, and the units of its unsold keys follow.
fn move_batch(state: &mut State, stock: Handle, handle: u32, into: BatchState) {
    let found = &mut state.keys.batches[handle as usize];
    let (from, unsold, moved, marked) = (found.state, found.unsold, found.moved, found.marked());
    let at_once = unsold.min(state.stocks[stock.0 as usize].units.available);
    found.state = into;
    match (from, into) {
        (BatchState::Active, BatchState::Frozen) => {
            found.moved = at_once;
            state.move_units(stock, Posting::Freeze(unsold));
        }
        (BatchState::Active, BatchState::Void | BatchState::Expired) => {
            found.moved = at_once;
            state.move_units(stock, Posting::Void(unsold));
        }
        (BatchState::Frozen, BatchState::Void | BatchState::Expired) => {
            state.move_units(stock, Posting::VoidFrozen(moved));
            state.move_units(stock, Posting::VoidMarks(marked));
        }
        (BatchState::Frozen, BatchState::Active) => {
            found.moved = 0;
            state.stocks[stock.0 as usize].sale_order.start_over();
            state.move_units(stock, Posting::DropMarks(marked));
            state.move_units(stock, Posting::Unfreeze(moved));
        }
        (from, into) => panic!("a batch does not go from {from:?} to {into:?}"),
    }
}

/// Binds the next `units` keys of a stock in the order of sale, or the text in force; answers the first of their chain,
/// [`NONE`] for a stock of units that are all alike.
pub(crate) fn bind(state: &mut State, stock: Handle, units: u32, hold: Handle) -> u32 {
    let found = state.stock(stock);
    if !found.keys {
        return if found.reusable && units > 0 { found.content } else { NONE };
    }
    let State { stocks, keys, .. } = state;
    let order = &mut stocks[stock.0 as usize].sale_order;
    let mut first = NONE;
    let mut last = NONE;
    for _ in 0..units {
        let handle = order.take_next(keys).expect("units that can be consumed have keys");
        keys.records.get_mut(handle).hold = hold.0;
        if last == NONE {
            first = handle.0;
        } else {
            keys.records.get_mut(Handle(last)).next = handle.0;
        }
        last = handle.0;
    }
    first
}

/// Voids `units` keys of the line that begins with `first` and of which the first `left` are not given back yet, from the
/// last of those on. Debts of replacements that are owed among them end; answers how many those were.
pub(crate) fn void_last(state: &mut State, first: u32, left: u32, units: u32) -> u32 {
    if state.keys.is_content(first) {
        return 0;
    }
    let mut next = state.keys.line(first).map(|(handle, _)| handle).nth((left - units) as usize);
    let mut owed = 0;
    for _ in 0..units {
        let handle = next.expect("a line has as many keys as units");
        if state.keys.records.get(handle).is_owed() {
            super::key_replace::drop_debt(state, handle);
            owed += 1;
        } else {
            state.keys.void(handle);
        }
        next = state.keys.next(handle);
    }
    owed
}

/// Applies an [`Event::Revealed`], and answers the hold.
pub fn apply_reveal(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::Revealed { origin, .. } = event else { unreachable!("only Revealed is applied here") };
    let handle = resolved.hold.expect("a reveal names its hold");
    state.holds.get_mut(handle).flags |= HoldRecord::REVEALED;
    record(state, origin, OperationKind::Reveal, 0, resolved);
    handle
}

/// What a key of the line is linked behind, [`NONE`] for the first one; `None` if it is not of the line.
pub(super) fn before_in_line(state: &State, line: &LineRecord, key: Handle) -> Option<u32> {
    if line.keys == key.0 {
        return Some(NONE);
    }
    state.keys.line(line.keys).find(|(_, found)| found.next == key.0).map(|(found, _)| found.0)
}

/// Links a key (or [`NONE`]) behind another of the line, or as its first one.
pub(super) fn link_behind(state: &mut State, line: &mut LineRecord, before: u32, key: u32) {
    match before {
        NONE => line.keys = key,
        before => state.keys.records.get_mut(Handle(before)).next = key,
    }
}

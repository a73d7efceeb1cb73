//! KEY_REPLACE: a card key of a confirmed hold is voided, and another takes its place, now or as soon as one can be had.
//!
//! It stands apart from the other commands on keys because its buyer has paid: without a key that its channel can take, the
//! place is owed one, and hangs in its line with the void key until the debt ends.
//!
//! Invariant: a place is filled at most three times and owed at most one key; the channel's use and debts together stay what
//! they were. A debt that ends without a key leaves the place as a RETURN of it would: behind all that is left.

use super::checks::{before_deciding, confirmed_hold, operation_room};
use super::keys::{before_in_line, bind, find_place, hold_with_keys, link_behind};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::content::content_digest;
use crate::event::Event;
use crate::ids::{ChannelId, OperationId};
use crate::limits::{OWED_MAX_MS, REPLACEMENTS_MAX};
use crate::rejection::{Code, Facts, Rejection};
use crate::state::State;
use crate::state::counts::Count;
use crate::state::debts::Debt;
use crate::state::keys::{KeyState, Replacement};
use crate::state::records::{HoldRecord, LineRecord};
use crate::state::stock::Posting;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};

/// In the value of a recorded KEY_REPLACE: it names the void key, whose replacement was owed.
const OWED: u64 = 1 << 32;
/// Beside that: there were units, but for others.
const FOR_OTHERS: u64 = 1 << 33;

/// Decides a KEY_REPLACE.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    (hold, key, reason): (OperationId, u32, u16),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let refuse = |code| Verdict::Refuse(Rejection::plain(code));
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        let Verdict::Answer(Reply::Value(OperationKind::KeyReplace, value)) = verdict else { return verdict };
        return repeat(state, question, hold, value);
    }
    let handle = match hold_with_keys(state, question, hold) {
        Ok(handle) => handle,
        Err(code) => return refuse(code),
    };
    let record = state.holds.get(handle);
    let Some((stock, place)) = find_place(state, record, key) else { return refuse(Code::NotFound) };
    if place.state == KeyState::Content as u8 {
        return refuse(Code::RuleFailed);
    }
    if place.state != KeyState::Sold as u8 {
        return refuse(Code::Void);
    }
    if place.replacements >= REPLACEMENTS_MAX {
        return refuse(Code::RuleFailed);
    }
    let owner = state.stock(stock);
    let is_short = owner.channels.beyond_guarantees(record.channel(), owner.units.available) == 0;
    let code = if owner.unclaimed() == 0 { Code::OutOfStock } else { Code::ChannelQuota };
    if is_short && state.debts.claims() >= state.capacity.debts_max {
        return Verdict::Refuse(never_came(state, Handle(key), code));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    plan.resolved.hold = Some(handle);
    let origin = question.origin(content);
    if is_short {
        let until_ms = question.now_ms + OWED_MAX_MS;
        let position = state.debts.count(stock) as u32 + 1;
        let event = Event::ReplaceOwed { origin, hold, key, reason, until_ms, code };
        return Verdict::Do(event, &plan.resolved, Reply::Owed { position, until_ms });
    }
    let event = Event::KeyReplaced { origin, hold, key, reason };
    let new = owner.sale_order.next(&state.keys).expect("an available unit has a key");
    Verdict::Do(event, &plan.resolved, Reply::Key(handle, new))
}

/// A repeat shows what has become of the replacement, as long as its hold is there.
fn repeat(state: &State, question: Question<'_>, hold: OperationId, value: u64) -> Verdict<'static> {
    let refuse = |code| Verdict::Refuse(Rejection::plain(code));
    let handle = match confirmed_hold(state, question, hold) {
        Ok(handle) => handle,
        Err(code) => return refuse(code),
    };
    let old = Handle(value as u32);
    let code = if value & FOR_OTHERS != 0 { Code::ChannelQuota } else { Code::OutOfStock };
    if value & OWED != 0 && state.keys.records.get(old).is_owed() {
        let debt = Debt { hold: handle, key: old.0 };
        let position = state.debts.position(debt, state.stock_of_key(old));
        let until_ms = state.debts.deadline_ms(debt);
        return Verdict::Answer(Reply::Owed { position, until_ms });
    }
    match (new_key(state, value), hold_with_keys(state, question, hold)) {
        (None, _) => Verdict::Refuse(never_came(state, old, code)),
        (Some(new), Ok(handle)) => Verdict::Answer(Reply::Key(handle, new)),
        (Some(_), Err(code)) => refuse(code),
    }
}

/// The refusal of a replacement for which there is no key.
fn never_came(state: &State, key: Handle, code: Code) -> Rejection<'static> {
    let stock = state.stock(state.stock_of_key(key)).id;
    Rejection { code, facts: Facts::Units { stock, asked: 1, available: 0 } }
}

/// The key that a recorded KEY_REPLACE has brought, if it has come.
fn new_key(state: &State, value: u64) -> Option<Handle> {
    if value & OWED == 0 {
        return Some(Handle(value as u32));
    }
    let old = state.keys.records.get(Handle(value as u32));
    (old.replacement() == Replacement::Came).then_some(Handle(old.next))
}

/// What OPERATION_SHOW says of a recorded KEY_REPLACE: the number of the new key, [`NONE`] while there is none.
pub(super) fn shown(state: &State, value: u64) -> u64 {
    u64::from(new_key(state, value).map_or(NONE, |new| new.0))
}

/// Applies an [`Event::KeyReplaced`], and answers the hold.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::KeyReplaced { origin, key, .. } = event else {
        unreachable!("only KeyReplaced is applied here");
    };
    let handle = resolved.hold.expect("a replacement names its hold");
    let channel = state.holds.get(handle).channel();
    let (old, stock) = (Handle(*key), state.stock_of_key(Handle(*key)));
    state.post(stock, channel, Posting::ReturnToVoid(1));
    let new = take_next(state, (handle, channel), stock);
    state.keys.void(old);
    fill_place(state, handle, old, new);
    record(state, origin, OperationKind::KeyReplace, u64::from(new.0), resolved);
    handle
}

/// Applies an [`Event::ReplaceOwed`], and answers the hold: the unit of the void key is void, one more is owed.
pub fn apply_owed(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::ReplaceOwed { origin, key, until_ms, code, .. } = event else {
        unreachable!("only ReplaceOwed is applied here");
    };
    let handle = resolved.hold.expect("a replacement names its hold");
    let channel = state.holds.get(handle).channel();
    let (old, stock) = (Handle(*key), state.stock_of_key(Handle(*key)));
    assert!(state.keys.records.get(old).hold == handle.0, "the log names a key of the hold");
    if !on(Bug::OwedReplacementUsedTwice) {
        state.post(stock, channel, Posting::ReturnToVoid(1));
    }
    state.keys.void(old);
    state.keys.records.get_mut(old).owed = Replacement::Owed as u8;
    state.owe(Debt { hold: handle, key: *key }, *until_ms);
    let for_others = if *code == Code::ChannelQuota { FOR_OTHERS } else { 0 };
    record(state, origin, OperationKind::KeyReplace, OWED | for_others | u64::from(*key), resolved);
    handle
}

/// The replacement of a key that is owed can be had: it comes.
pub(super) fn settle(state: &mut State, handle: Handle, old: Handle) {
    state.forgive(Debt { hold: handle, key: old.0 }, false);
    let channel = state.holds.get(handle).channel();
    let stock = state.stock_of_key(old);
    let new = take_next(state, (handle, channel), stock);
    fill_place(state, handle, old, new);
    let old = state.keys.records.get_mut(old);
    (old.owed, old.next) = (Replacement::Came as u8, new.0);
}

/// The replacement of a key that is owed does not come: its place moves behind those that are left, as one that was returned.
pub(super) fn end_in_vain(state: &mut State, handle: Handle, old: Handle) {
    let made_ms = state.holds.get(handle).reserved_ms;
    drop_debt(state, old);
    state.change_lines(handle, |state, _, line| {
        let Some(before) = before_in_line(state, line, old) else { return };
        let left = line.current - line.returned;
        let next = state.keys.records.get(old).next;
        link_behind(state, line, before, next);
        let before = match left {
            1 => NONE,
            left => state.keys.line(line.keys).nth(left as usize - 2).expect("they are left").0.0,
        };
        let next = first_behind(state, line, before);
        state.keys.records.get_mut(old).next = next;
        link_behind(state, line, before, old.0);
        line.returned += 1;
        state.count((line.limit, line.stock), 1, Count::ConsumedBack, made_ms);
    });
}

/// What is linked behind a key of the line, or its first one.
fn first_behind(state: &State, line: &LineRecord, before: u32) -> u32 {
    if before == NONE { line.keys } else { state.keys.records.get(Handle(before)).next }
}

/// The replacement of a key is no longer owed, and never comes; its unit is for the caller to take out of the counts.
pub(super) fn drop_debt(state: &mut State, old: Handle) {
    let hold = Handle(state.keys.records.get(old).hold);
    state.forgive(Debt { hold, key: old.0 }, true);
    state.keys.records.get_mut(old).owed = Replacement::Never as u8;
}

/// The channel takes the next key of the stock for the hold.
fn take_next(state: &mut State, (hold, channel): (Handle, ChannelId), stock: Handle) -> Handle {
    state.post(stock, channel, Posting::Sell(1));
    Handle(bind(state, stock, 1, hold))
}

/// A key takes the place of another in the hold.
fn fill_place(state: &mut State, hold: Handle, old: Handle, new: Handle) {
    let mut is_filled = false;
    state.change_lines(hold, |state, _, line| {
        let Some(before) = before_in_line(state, line, old) else { return };
        link_behind(state, line, before, new.0);
        is_filled = true;
    });
    assert!(is_filled, "the log names a key of the hold");
    let old = state.keys.records.get_mut(old);
    old.hold = NONE;
    let (next, replacements) = (core::mem::replace(&mut old.next, NONE), old.replacements);
    let record = state.keys.records.get_mut(new);
    record.next = next;
    record.replacements = replacements + 1;
    state.holds.get_mut(hold).flags |= HoldRecord::REPLACED;
}

//! CONFIRM: held becomes consumed, or is owed where only marked card keys are left; late, an expired hold is reserved afresh and confirmed, or refused for good.

use super::checks::{deadline_passed, hold_unknown};
use super::{Plan, Question, Reply, Resolved, Verdict};
use super::{hold_cards, keys, limits, sold_cards};
use crate::answer::HoldState;
use crate::event::{Event, EventLine, EventSale, RefusedLine};
use crate::rejection::{Code, Facts, LineFact, Rejection};
use crate::state::State;
use crate::state::counts::Count;
use crate::state::records::{HoldRecord, LineRecord};
use crate::state::stock::Posting;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};
use zerocopy::little_endian::U32;

/// Decides a CONFIRM.
#[inline]
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    units: &[U32],
    hidden: bool,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    let Some(handle) = state.find_hold(&question.key(), question.hash, question.now_ms) else {
        return Verdict::Refuse(hold_unknown(state, envelope));
    };
    let hold = state.holds.get(handle);
    if let Some(verdict) = ended(state, (hold, handle), units, hidden) {
        return verdict;
    }
    if let Some(rejection) = deadline_passed(envelope, question.now_ms) {
        return Verdict::Refuse(rejection);
    }
    if exceeds(state, hold, units, plan) {
        return Verdict::Refuse(Rejection { code: Code::ExceedsHold, facts: Facts::Lines(&plan.facts) });
    }
    if hold.state() == HoldState::Held && sold_cards::are_void(state, hold, plan, units) {
        return Verdict::Refuse(Rejection { code: Code::Void, facts: Facts::Lines(&plan.facts) });
    }
    if hold.is_quoted() && !takes_all(state, hold, units) {
        // It was priced as a whole: less of it costs something else.
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    plan.resolved.hold = Some(handle);
    let late = hold.state() == HoldState::Expired;
    if late && late_is_refused(state, question.now_ms, hold, units, plan) {
        if on(Bug::LateRefusalNotFinal) {
            return Verdict::Refuse(Rejection {
                code: Code::HoldExpiredNoStock,
                facts: Facts::Lines(&plan.facts),
            });
        }
        let event = Event::LateRefused { hold: question.key(), lines: &plan.refused };
        return Verdict::Do(event, &plan.resolved, Reply::Refused(handle));
    }
    for (line, record) in state.lines(hold).enumerate() {
        let stock = state.stock(Handle(record.stock)).id;
        plan.lines.push(EventLine::new(stock, asked(units, line, record.reserved), counted_flag(record)));
    }
    if keys_are_short(state, hold, late, plan) {
        if sold_cards::are_in(state, hold) {
            // Cards can't be owed: there is nothing to take back if the keys never come.
            return Verdict::Refuse(Rejection { code: Code::OutOfStock, facts: Facts::Lines(&plan.facts) });
        }
        return super::owed::decide_confirm(state, question, (handle, units, hidden), plan);
    }
    let stocks = state.lines(hold).map(|line| Handle(line.stock));
    sold_cards::plan(state, question.now_ms, &plan.lines, stocks, &mut plan.sales);
    hold_cards::plan_confirm(state, hold, units, plan);
    let (lines, sales) = (&plan.lines, &plan.sales);
    let event = Event::Confirmed { hold: question.key(), late, hidden, lines, sales };
    Verdict::Do(event, &plan.resolved, Reply::Confirmed(handle))
}

/// The verdict on a hold that is neither held nor expired.
#[inline]
fn ended<'p>(
    state: &State,
    (hold, handle): (&HoldRecord, Handle),
    units: &[U32],
    hidden: bool,
) -> Option<Verdict<'p>> {
    Some(match hold.state() {
        HoldState::Held | HoldState::Expired => return None,
        HoldState::Confirmed if same_units(state, hold, units) && same_showing(hold, hidden) => {
            keys::replaced(state, hold).unwrap_or(Verdict::Answer(Reply::Confirmed(handle)))
        }
        HoldState::Confirmed => Verdict::Refuse(Rejection::plain(Code::OperationMismatch)),
        HoldState::Lapsed if hold.refusal().is_some() => Verdict::Answer(Reply::Refused(handle)),
        HoldState::Released | HoldState::Lapsed => Verdict::Refuse(Rejection::plain(Code::HoldReleased)),
        HoldState::Owed if hold.flags & HoldRecord::SOLD != 0 => {
            Verdict::Refuse(Rejection::plain(Code::NotActive))
        }
        HoldState::Owed if same_units(state, hold, units) && same_showing(hold, hidden) => {
            Verdict::Answer(super::owed::repeated(state, handle))
        }
        HoldState::Owed => Verdict::Refuse(Rejection::plain(Code::OperationMismatch)),
        HoldState::Unfulfilled if hold.flags & HoldRecord::SOLD == 0 => {
            Verdict::Answer(Reply::Refused(handle))
        }
        HoldState::Refused | HoldState::Unfulfilled => Verdict::Refuse(Rejection::plain(Code::HoldNotFound)),
        HoldState::Cancelled => Verdict::Refuse(Rejection::plain(Code::Cancelled)),
    })
}

/// For readers of the log; `apply` asks the hold.
pub(super) fn counted_flag(line: &LineRecord) -> u32 {
    if line.limit == NONE { 0 } else { EventLine::COUNTED }
}

/// Units asked for on a line: an empty list asks for all, a short one for none of the lines it leaves out.
#[inline]
pub(super) fn asked(units: &[U32], line: usize, all: u32) -> u32 {
    if units.is_empty() { all } else { units.get(line).map_or(0, |units| units.get()) }
}

/// Whether as many units are asked for as were confirmed, or are owed.
fn same_units(state: &State, hold: &HoldRecord, units: &[U32]) -> bool {
    let owed = hold.state() == HoldState::Owed;
    let confirmed = |line: &LineRecord| if owed { line.asked() } else { line.current };
    units.len() <= hold.line_count() + state.card_lines(hold).count()
        && state
            .lines(hold)
            .enumerate()
            .all(|(line, record)| asked(units, line, record.reserved) == confirmed(record))
        && hold_cards::same_units(state, hold, units)
}

/// Whether all units of all lines are asked for.
fn takes_all(state: &State, hold: &HoldRecord, units: &[U32]) -> bool {
    let lines = state.lines(hold).map(|line| line.reserved);
    let reserved = lines.chain(state.card_lines(hold).map(|(_, line)| line.reserved()));
    reserved.enumerate().all(|(line, all)| asked(units, line, all) == all)
}

fn same_showing(hold: &HoldRecord, hidden: bool) -> bool {
    (hold.flags & HoldRecord::HIDDEN != 0) == hidden
}

/// Whether a keys stock has too few keys that are neither frozen nor void: then only marked ones are left for this hold.
/// Fills the facts. (A late confirm takes available units, which have keys.)
fn keys_are_short(state: &State, hold: &HoldRecord, late: bool, plan: &mut Plan) -> bool {
    if late {
        return false;
    }
    for (position, line) in state.lines(hold).enumerate() {
        let stock = state.stock(Handle(line.stock));
        let asked = plan.lines[position].units.get();
        if !stock.keys || asked == 0 {
            continue;
        }
        let same = state.lines(hold).zip(&plan.lines).filter(|(other, _)| other.stock == line.stock);
        let demand: u64 = same.map(|(_, event)| u64::from(event.units.get())).sum();
        let keys = stock.units.available + stock.units.unmarked();
        if demand > keys {
            plan.facts.push(LineFact::new(position, Code::OutOfStock, asked, keys));
        }
    }
    !plan.facts.is_empty()
}

/// Whether more is asked for than the hold has; fills the facts.
fn exceeds(state: &State, hold: &HoldRecord, units: &[U32], plan: &mut Plan) -> bool {
    let mut lines = state.lines(hold);
    for (line, asked) in units.iter().enumerate().take(hold.line_count()) {
        let held = lines.next().map_or(0, |record| record.reserved);
        if asked.get() > held {
            plan.facts.push(LineFact::new(line, Code::ExceedsHold, asked.get(), u64::from(held)));
        }
    }
    hold_cards::exceeding(state, hold, units, plan);
    !plan.facts.is_empty()
}

/// Whether a late CONFIRM must be refused; fills the lines of the refusal that is kept.
fn late_is_refused(state: &State, now_ms: u64, hold: &HoldRecord, units: &[U32], plan: &mut Plan) -> bool {
    let mut refused = false;
    for (line, record) in state.lines(hold).enumerate() {
        let asked_here = asked(units, line, record.reserved);
        let lack = if asked_here == 0 { None } else { late_lack(state, now_ms, hold, units, record) };
        refused |= lack.is_some();
        let (why, available) = lack.map_or((None, 0), |(why, available)| (Some(why), available));
        let stock = state.stock(Handle(record.stock)).id;
        plan.refused.push(RefusedLine::new(stock, asked_here, why, available));
        if let Some(why) = why {
            plan.facts.push(LineFact::new(line, why, asked_here, available));
        }
    }
    hold_cards::late_lacks(state, now_ms, hold, units, plan) || refused
}

/// What a line of a late CONFIRM lacks, and what could have been had.
fn late_lack(
    state: &State,
    now_ms: u64,
    hold: &HoldRecord,
    units: &[U32],
    record: &LineRecord,
) -> Option<(Code, u64)> {
    if now_ms >= hold.late_until_ms() {
        return Some((Code::Expired, 0));
    }
    let stock = state.stock(Handle(record.stock));
    if stock.once_per_order && state.order_line(hold.order(), Handle(record.stock), now_ms).is_some() {
        // The order has bought, or holds, the same again since: it gets it once.
        return Some((Code::RuleFailed, 0));
    }
    if let Some(why) = stock.campaign().and_then(|found| sold_cards::late_lack(state, now_ms, found)) {
        return Some((why, 0));
    }
    if stock.terms.frozen {
        return Some((Code::Frozen, 0));
    }
    let sum_over = |same: &dyn Fn(&LineRecord) -> bool| -> u64 {
        let lines = state.lines(hold).enumerate().filter(|(_, other)| same(other));
        lines.map(|(line, other)| u64::from(asked(units, line, other.reserved))).sum()
    };
    let demand = sum_over(&|other| other.stock == record.stock);
    let serials = stock.campaign().map_or(u64::MAX, |found| sold_cards::serials_left(state, found, 0));
    let unclaimed = stock.unclaimed().min(serials);
    if demand > unclaimed {
        return Some((Code::OutOfStock, unclaimed));
    }
    let room = stock.channels.room(hold.channel(), stock.units.available, None);
    if demand > room {
        return Some((Code::ChannelQuota, room));
    }
    let counted = sum_over(&|other| other.stock == record.stock && other.limit != NONE);
    match limits::room_late(state, (record.limit, stock), hold.reserved_ms) {
        Some(room) if counted > room => Some((Code::UserLimit, room)),
        _ => sold_cards::late_budget_lack(state, now_ms, stock.campaign()?, demand),
    }
}

/// Applies an [`Event::Confirmed`].
#[inline]
pub fn apply(
    state: &mut State,
    (late, hidden): (bool, bool),
    (lines, sales): (&[EventLine], &[EventSale]),
    resolved: &Resolved,
) -> Handle {
    let handle = resolved.hold.expect("a confirmation names its hold");
    let now_ms = state.now_ms;
    let from = if late { HoldState::Expired } else { HoldState::Held };
    assert!(state.holds.get(handle).state() == from, "a hold is confirmed once");
    if !late {
        state.timers.remove(handle);
    }
    let hold = state.holds.get(handle);
    let (channel, reserved_ms) = (hold.channel(), hold.reserved_ms);
    state.change_lines(handle, |state, position, line| {
        let units = lines[position].units.get();
        let stock = Handle(line.stock);
        if late {
            state.post(stock, channel, Posting::Sell(u64::from(units)));
            state.count((line.limit, line.stock), units, Count::Consumed, reserved_ms);
        } else {
            let rest = line.current.checked_sub(units).expect("no more is confirmed than held");
            state.post(stock, channel, Posting::Consume(u64::from(units)));
            state.post(stock, channel, Posting::Free(u64::from(rest)));
            state.count((line.limit, line.stock), units, Count::HeldToConsumed, reserved_ms);
            state.count((line.limit, line.stock), rest, Count::HeldBack, reserved_ms);
        }
        line.current = units;
        line.keys = keys::bind(state, stock, units, handle);
    });
    sold_cards::make_all(state, handle, sales);
    if state.holds.get(handle).has_cards() {
        hold_cards::confirm_all(state, handle, (late, 0), |line| lines[line].units.get());
    }
    let hold = state.holds.get_mut(handle);
    hold.close(HoldState::Confirmed, now_ms);
    if late {
        hold.flags |= HoldRecord::LATE;
    }

    if hidden {
        hold.flags |= HoldRecord::HIDDEN;
    }
    if late {
        state.retake_order_lines(handle);
    }
    handle
}

/// Applies an [`Event::LateRefused`].
pub fn apply_refusal(state: &mut State, lines: &[RefusedLine], resolved: &Resolved) -> Handle {
    let handle = resolved.hold.expect("a refusal names its hold");
    let now_ms = state.now_ms;
    assert!(state.holds.get(handle).state() == HoldState::Expired, "only an expired hold is refused late");
    state.change_lines(handle, |_, position, line| {
        let refused = &lines[position];
        line.refuse(refused.why(), refused.asked.get(), refused.available.get());
    });
    hold_cards::refuse_all(state, handle, lines);
    let hold = state.holds.get_mut(handle);
    hold.close(HoldState::Lapsed, now_ms);
    hold.refusal = Code::HoldExpiredNoStock as u8;
    handle
}

//! Debts: a SELL that waits for its units, a CONFIRM for which marks have left too few card keys, what becomes of them and
//! of replacements that are owed, and OWED_SHOW.
//!
//! Invariant: what is owed is in no bucket and in no channel's use, but counts in the buyer's limit and against the cap; a
//! debt ends once, settled as a sale or unfulfilled at its deadline with the refusal it would have had at first.

use super::checks::capacity;
use super::take::{self, Wish};
use super::taken;
use super::{Plan, Question, Reply, Resolved, Verdict, hold_cards, key_replace, limits, prices};
use crate::answer::HoldState;
use crate::command::Take;
use crate::event::{Buyer, Event, EventLine, OwedLine, RefusedLine};
use crate::ids::StockId;
use crate::limits::OWED_MAX_MS;
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::counts::{Count, Entries};
use crate::state::debts::Debt;
use crate::state::reclaim::VISITS_PER_INSERTION;
use crate::state::records::{ExtraLine, HoldRecord, LineRecord};
use crate::state::risk::Subjects;
use crate::state::stock::Posting;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};
use zerocopy::little_endian::U32;

/// Whether a SELL that was refused for this reason wants to wait.
#[inline]
pub fn may_wait(question: Question<'_>, take: &Take<'_>, refused: Result<(), Code>) -> bool {
    take.wait_until_ms > question.now_ms && matches!(refused, Err(Code::OutOfStock | Code::ChannelQuota))
}

/// Whether nothing but units is missing: fills the plan's lines and those of a debt, or its facts and names the refusal.
pub fn work_out(state: &State, question: Question<'_>, take: &Take<'_>, plan: &mut Plan) -> Result<(), Code> {
    plan.owed.clear();
    for (line, wish) in plan.wishes.iter().enumerate() {
        let stock = state.stock(wish.stock);
        let fact = plan.facts.iter().find(|fact| usize::from(fact.line.get()) == line);
        let lack = fact.and_then(|fact| Some((Code::from_number(fact.why.get())?, fact.available.get())));
        plan.owed.push(OwedLine::new(stock.id, wish.asked, lack));
    }
    plan.facts.clear();
    let replaced = take::replaced(state, plan);
    for wish in &mut plan.wishes {
        let freed = take::freed(state, replaced, wish.stock);
        wish.pool = state.stock(wish.stock).channels.below_cap(question.request.envelope.channel, freed);
    }
    take::check_pools(take, plan, Code::ChannelQuota)?;
    plan.wishes.iter_mut().for_each(|wish| wish.pool = u64::MAX);
    if limits::cut_to_totals(state, question.now_ms, take, replaced, plan) {
        take::check_pools(take, plan, Code::UserLimit)?;
    }
    prices::quote(state, question, take, plan)?;
    take::grant(state, take, plan);
    for (owed, line) in plan.owed.iter_mut().zip(&plan.lines) {
        *owed = owed.counting_as(line);
    }
    Ok(())
}

/// Decides a SELL that waits.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    (content, hidden, code): (u64, bool, Code),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    if let Some(rejection) = take::no_room(state, question, take, (plan, true)) {
        return Verdict::Refuse(rejection);
    }
    let is_first = |line: usize, wish: &Wish| plan.wishes[..line].iter().all(|it| it.stock != wish.stock);
    let claims = plan.wishes.iter().enumerate().filter(|(line, wish)| is_first(*line, wish)).count();
    let debts_max = state.capacity.debts_max;
    if state.debts.claims() as usize + claims > debts_max as usize {
        return Verdict::Refuse(capacity(CapacityOf::Debts, u64::from(debts_max)));
    }
    let until_ms = take.wait_until_ms.min(question.now_ms + OWED_MAX_MS);
    let position = state.debts.count(plan.wishes[0].stock) as u32 + 1;
    let event = Event::Owed {
        origin: question.origin(content),
        buyer: Buyer { order: take.order, user: take.user },
        hidden,
        until_ms,
        code,
        replaces: take::replaced_in_event(plan, take),
        parties: take.parties.copied(),
        flagged: plan.flagged,
        lines: &plan.owed,
        prices: &plan.prices,
    };
    Verdict::Do(event, &plan.resolved, Reply::Owed { position, until_ms })
}

/// The answer to a repeat of a SELL or CONFIRM that is owed still.
pub fn repeated(state: &State, handle: Handle) -> Reply {
    let hold = state.holds.get(handle);
    let first = state.lines(hold).find(|line| line.asked() > 0).expect("something is owed");
    let position = state.debts.position(Debt::of_hold(handle), Handle(first.stock));
    Reply::Owed { position, until_ms: hold.deadline_ms() }
}

/// Decides a CONFIRM of a hold for whose lines (the plan's) too few card keys are left (the plan's facts). Without room for
/// one more debt it is refused with these: the hold stays, and so does the way to confirm it.
pub fn decide_confirm<'p>(
    state: &State,
    question: Question<'_>,
    (hold, units, hidden): (Handle, &[U32], bool),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let owed = |line: &&EventLine| line.units.get() > 0;
    let (mut claims, mut first) = (0, None);
    for (position, line) in plan.lines.iter().filter(owed).enumerate() {
        let mut earlier = plan.lines.iter().filter(owed).take(position);
        claims += usize::from(!earlier.any(|earlier| earlier.stock == line.stock));
        first = first.or(state.find_stock(line.stock()));
    }
    if state.debts.claims() as usize + claims > state.capacity.debts_max as usize {
        return Verdict::Refuse(Rejection { code: Code::OutOfStock, facts: Facts::Lines(&plan.facts) });
    }
    for (position, line) in plan.lines.iter().enumerate() {
        let fact = plan.facts.iter().find(|fact| usize::from(fact.line.get()) == position);
        let (why, available) = fact.map_or((None, 0), |fact| (Some(Code::OutOfStock), fact.available.get()));
        plan.refused.push(RefusedLine::new(line.stock(), line.units.get(), why, available));
    }
    hold_cards::plan_owed_confirm(state, state.holds.get(hold), units, plan);
    let until_ms = question.now_ms + OWED_MAX_MS;
    let position = state.debts.count(first.expect("something is short")) as u32 + 1;
    let event = Event::ConfirmOwed { hold: question.key(), hidden, until_ms, lines: &plan.refused };
    Verdict::Do(event, &plan.resolved, Reply::Owed { position, until_ms })
}

/// Decides an OWED_SHOW.
pub fn decide_show<'p>(state: &State, question: Question<'_>, stock: StockId, from: u32) -> Verdict<'p> {
    super::query::decide_stock(state, question, stock, |handle| Reply::Debts(handle, from))
}

/// Applies an [`Event::Owed`], and answers the hold.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::Owed { origin, buyer, hidden, until_ms, code, parties, flagged, lines, prices, .. } = event
    else {
        unreachable!("only Owed is applied here");
    };
    if let Some(replaced) = resolved.hold {
        super::hold::give_back(state, replaced);
    }
    let mut record = taken::blank(state.now_ms, origin, buyer, lines.len());
    record.state = HoldState::Owed as u8;
    record.flags = HoldRecord::SOLD
        | if *hidden { HoldRecord::HIDDEN } else { 0 }
        | if *flagged { HoldRecord::FLAGGED } else { 0 };
    record.refusal = *code as u8;
    let wait_ms = until_ms.checked_sub(state.now_ms).expect("a debt is made before its deadline");
    record.deadline_delta_ms = u32::try_from(wait_ms).expect("at most 30 days");
    let subjects = taken::subjects(buyer.user, parties.as_ref());
    let price = |line: usize| prices.get(line).map_or(0, |price| price.get());
    record.line = owe_line(state, &subjects, &lines[0], resolved.lines[0]);
    record.price = price(0);
    for (position, line) in lines.iter().enumerate().skip(1).rev() {
        let line = owe_line(state, &subjects, line, resolved.lines[position]);
        let extra = ExtraLine { line, next: record.more_lines, price: price(position) };
        record.more_lines = state.extra_lines.insert(extra).0;
    }
    let owner = (origin.merchant, origin.slot);
    if state.risk.speaks_of(owner) {
        state.risk.count(owner, origin.channel, &subjects, state.now_ms);
    }
    let handle = state.insert_hold(record, resolved.hash);
    state.claim_order_lines(handle);
    state.owe(Debt::of_hold(handle), *until_ms);
    state.reclaim(VISITS_PER_INSERTION);
    handle
}

fn owe_line(
    state: &mut State,
    subjects: &Subjects,
    line: &OwedLine,
    (stock, found): (Option<Handle>, Entries),
) -> LineRecord {
    let stock = stock.expect("the log names a stock that exists");
    let units = line.units.get();
    let mut limit = NONE;
    let counted = line.as_line();
    if counted.counts_anywhere() {
        limit = taken::begin_counting(state, subjects, &counted, (stock, found));
        let now_ms = state.now_ms;
        state.count((limit, stock.0), units, Count::Consumed, now_ms);
    }
    let mut kept = LineRecord { stock: stock.0, limit, reserved: units, current: 0, returned: 0, keys: NONE };
    kept.refuse(line.why(), units, line.available.get());
    kept
}

/// Applies an [`Event::ConfirmOwed`], and answers the hold: its units follow the marks, and those confirmed are owed.
pub fn apply_confirm(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::ConfirmOwed { hidden, until_ms, lines, .. } = event else {
        unreachable!("only ConfirmOwed is applied here");
    };
    let handle = resolved.hold.expect("a confirmation names its hold");
    let hold = state.holds.get(handle);
    let (channel, reserved_ms) = (hold.channel(), hold.reserved_ms);
    assert!(hold.state() == HoldState::Held, "a hold is confirmed once");
    state.timers.remove(handle);
    state.change_lines(handle, |state, position, line| {
        let owed = &lines[position];
        let units = owed.asked.get();
        let rest = line.current.checked_sub(units).expect("no more is owed than was held");
        state.post(Handle(line.stock), channel, Posting::Free(u64::from(line.current)));
        state.count((line.limit, line.stock), units, Count::HeldToConsumed, reserved_ms);
        state.count((line.limit, line.stock), rest, Count::HeldBack, reserved_ms);
        let units = if on(Bug::ConfirmOwesAll) { line.reserved } else { units };
        line.refuse(owed.why(), units, owed.available.get());
    });
    // It is paid: its cards are used now, whenever the keys come.
    hold_cards::confirm_all(state, handle, (false, *until_ms), |line| lines[line].asked.get());
    let hold = state.holds.get_mut(handle);
    hold.state = HoldState::Owed as u8;
    hold.refusal = Code::OutOfStock as u8;
    hold.flags |= if *hidden { HoldRecord::HIDDEN } else { 0 };
    hold.deadline_delta_ms = u32::try_from(until_ms - reserved_ms).expect("at most 30 days and some hours");
    state.owe(Debt::of_hold(handle), *until_ms);
    handle
}

/// Applies an [`Event::Settled`] (what is owed is sold, in the order of the debts) or [`Event::Unfulfilled`].
pub fn apply_end(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let is_settled = matches!(event, Event::Settled { .. });
    for debt in &resolved.debts {
        match (debt.key(), is_settled) {
            (None, true) => settle(state, debt.hold),
            (None, false) => end_in_vain(state, debt.hold),
            (Some(key), true) => key_replace::settle(state, debt.hold, key),
            (Some(key), false) => key_replace::end_in_vain(state, debt.hold, key),
        }
    }
}

fn settle(state: &mut State, handle: Handle) {
    let now_ms = state.now_ms;
    assert!(state.holds.get(handle).state() == HoldState::Owed, "only what is owed is settled");
    state.forgive(Debt::of_hold(handle), false);
    let channel = state.holds.get(handle).channel();
    state.change_lines(handle, |state, _, line| {
        let stock = Handle(line.stock);
        let units = line.asked();
        state.post(stock, channel, Posting::Sell(u64::from(units)));
        (line.current, line.returned) = (units, 0);
        line.keys = super::keys::bind(state, stock, line.current, handle);
    });
    let hold = state.holds.get_mut(handle);
    hold.close(HoldState::Confirmed, now_ms);
    hold.refusal = 0;
}

fn end_in_vain(state: &mut State, handle: Handle) {
    let hold = state.holds.get(handle);
    let deadline_ms = hold.deadline_ms();
    let is_due = hold.state() == HoldState::Owed && deadline_ms <= state.now_ms;
    assert!(is_due, "a debt ends at its deadline");
    end(state, handle, HoldState::Unfulfilled, deadline_ms);
}

/// A debt ends with a CANCEL: its record tells of a sale of nothing, or of a hold that was released.
pub(crate) fn cancel(state: &mut State, handle: Handle) {
    let now_ms = state.now_ms;
    end(state, handle, HoldState::Cancelled, now_ms);
    state.change_lines(handle, |_, _, line| (line.current, line.returned) = (0, 0));
    state.holds.get_mut(handle).refusal = 0;
}

/// A debt ends in this state, without its units.
fn end(state: &mut State, handle: Handle, into: HoldState, closed_ms: u64) {
    state.forgive(Debt::of_hold(handle), true);
    let made_ms = state.holds.get(handle).reserved_ms;
    state.change_lines(handle, |state, _, line| {
        state.count((line.limit, line.stock), line.asked(), Count::ConsumedBack, made_ms);
    });
    hold_cards::give_all_back(state, handle);
    state.holds.get_mut(handle).close(into, closed_ms);
}

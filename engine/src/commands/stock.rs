//! STOCK_CREATE, STOCK_SUPPLY, STOCK_VOID, STOCK_FREEZE, STOCK_UNFREEZE, STOCK_EDIT, STOCK_QUOTA, STOCK_LIMITS, STOCK_PRICE.

use super::checks::{before_deciding, capacity, operation_room};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::{
    CampaignState, Command, Limits, Price, Quota, SpanLimits, StockCreate, StockKind, StockTerms,
};
use crate::content::content_digest;
use crate::event::Event;
use crate::ids::StockId;
use crate::limits::CHANNELS_PER_STOCK_MAX;
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::counts::NO_ENTRIES;
use crate::state::stock::{Posting, Stock, Units};
use crate::state::table::Handle;

/// Decides a command on a stock. Panics on any other command.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    command: &Command<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, command);
    let id = stock_named_by(command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::once(id)) {
        return verdict;
    }
    if let Command::StockCreate(create) = command {
        return decide_create(state, question, create, content, plan);
    }
    let Some(handle) = state.stock_of(question.request.envelope.merchant, id) else {
        return Verdict::Refuse(Rejection::plain(Code::NotFound));
    };
    plan.resolved.lines.push((Some(handle), NO_ENTRIES));
    let in_force = state.stock(handle).version;
    if version_seen(command).is_some_and(|version| version != in_force) {
        return Verdict::Refuse(Rejection { code: Code::RuleFailed, facts: Facts::Version(in_force) });
    }
    if let Command::StockEdit { stock, version, terms } = command {
        return decide_edit(state, question, (*stock, *version, terms), content, plan);
    }
    if let Command::StockQuota { stock, version, quotas } = command {
        return decide_quota(state, question, (*stock, *version, quotas), content, plan);
    }
    if let Command::StockLimits { stock, version, limits, spans } = command {
        return decide_limits(state, question, (*stock, *version), (limits, *spans), content, plan);
    }
    if let Command::StockPrice { stock, version, prices } = command {
        return decide_prices(state, question, (*stock, *version, prices), content, plan);
    }
    if state.stock(handle).keys {
        // Its units come and go with their keys.
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    decide_movement(state, question, (id, Movement::of(command)), content, plan)
}

fn decide_movement<'p>(
    state: &State,
    question: Question<'_>,
    (id, movement): (StockId, Movement),
    content: u64,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let stock = state.stock(plan.resolved.lines[0].0.expect("found before"));
    let is_void = |handle| state.campaigns.get(handle).state == CampaignState::Void;
    if movement.kind == OperationKind::StockSupply && stock.campaign().is_some_and(is_void) {
        return Verdict::Refuse(Rejection::plain(Code::Void));
    }
    let refuse = |code, available| {
        let facts = Facts::Units { stock: id, asked: movement.units, available };
        Verdict::Refuse(Rejection { code, facts })
    };
    let value = match movement.moved_at_once(&stock.units, stock.units_max()) {
        Err(_) if movement.kind == OperationKind::StockSupply => {
            return Verdict::Refuse(capacity(CapacityOf::StockUnits, stock.units_max()));
        }
        Err(available) => return refuse(Code::OutOfStock, available),
        Ok(value) => value,
    };
    let free = stock.units.available - stock.channels.unused_guarantees();
    if movement.takes_available() && !movement.forced && value > free {
        return refuse(Code::ChannelQuota, free);
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let Movement { kind, from_frozen, forced, units } = movement;
    let origin = question.origin(content);
    let event = Event::StockMoved { origin, kind, from_frozen, forced, stock: id, units };
    Verdict::Do(event, &plan.resolved, Reply::Value(kind, value))
}

/// The stock a command on a stock names.
fn stock_named_by(command: &Command<'_>) -> StockId {
    match command {
        Command::StockCreate(create) => create.stock,
        Command::StockSupply { stock, .. }
        | Command::StockVoid { stock, .. }
        | Command::StockFreeze { stock, .. }
        | Command::StockUnfreeze { stock, .. }
        | Command::StockEdit { stock, .. }
        | Command::StockLimits { stock, .. }
        | Command::StockPrice { stock, .. }
        | Command::StockQuota { stock, .. } => *stock,
        other => unreachable!("{other:?} is no command on a stock"),
    }
}

/// A command that moves units of a stock.
#[derive(Clone, Copy)]
struct Movement {
    kind: OperationKind,
    from_frozen: bool,
    forced: bool,
    units: u64,
}

impl Movement {
    fn of(command: &Command<'_>) -> Movement {
        let plain = |kind, units| Movement { kind, from_frozen: false, forced: false, units };
        match *command {
            Command::StockSupply { units, .. } => plain(OperationKind::StockSupply, units),
            Command::StockVoid { units, from_frozen, forced, .. } => {
                Movement { from_frozen, forced, ..plain(OperationKind::StockVoid, units) }
            }
            Command::StockFreeze { units, forced, .. } => {
                Movement { forced, ..plain(OperationKind::StockFreeze, units) }
            }
            Command::StockUnfreeze { units, .. } => plain(OperationKind::StockUnfreeze, units),
            other => unreachable!("{other:?} moves no units of a stock"),
        }
    }

    /// Whether it takes from available, where guarantees may stand in the way.
    fn takes_available(&self) -> bool {
        matches!(self.kind, OperationKind::StockVoid | OperationKind::StockFreeze) && !self.from_frozen
    }

    /// The number in the answer; `Err`: what could have been moved.
    fn moved_at_once(&self, stock: &Units, units_max: u64) -> Result<u64, u64> {
        let within = |possible: u64, at_once: u64| {
            if self.units > possible { Err(possible) } else { Ok(self.units.min(at_once)) }
        };
        match self.kind {
            OperationKind::StockSupply if stock.total + self.units > units_max => {
                Err(units_max - stock.total)
            }
            OperationKind::StockSupply => Ok(stock.total + self.units),
            OperationKind::StockVoid if self.from_frozen => within(stock.frozen, stock.frozen),
            OperationKind::StockUnfreeze => within(stock.frozen + stock.marked_frozen, stock.frozen),
            _ => within(stock.available + stock.unmarked(), stock.available),
        }
    }

    fn posting(&self) -> Posting {
        match self.kind {
            OperationKind::StockSupply => Posting::Supply(self.units),
            OperationKind::StockVoid if self.from_frozen => Posting::VoidFrozen(self.units),
            OperationKind::StockVoid => Posting::Void(self.units),
            OperationKind::StockFreeze => Posting::Freeze(self.units),
            OperationKind::StockUnfreeze => Posting::Unfreeze(self.units),
            other => unreachable!("{other:?} moves no units of a stock"),
        }
    }
}

fn decide_create<'p>(
    state: &State,
    question: Question<'_>,
    create: &StockCreate<'_>,
    content: u64,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    if let StockKind::RandomKeys { seed: 0 } = create.kind {
        unreachable!("the edge puts in a seed before it is executed");
    }
    if state.find_stock(create.stock).is_some() {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    let stocks_max = state.capacity.stocks_max;
    if state.stocks.len() as u64 >= u64::from(stocks_max) {
        return Verdict::Refuse(capacity(CapacityOf::Stocks, u64::from(stocks_max)));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    // The name is copied into the plan's room by the sink that encodes the event at once.
    let StockCreate { stock, name, units, kind, once_per_order, terms } = *create;
    plan.name.clear();
    plan.name.extend_from_slice(name);
    let origin = question.origin(content);
    let event = Event::StockCreated { origin, stock, units, kind, once_per_order, terms, name: &plan.name };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::StockCreate, units))
}

/// The version that a compare-and-set has seen.
fn version_seen(command: &Command<'_>) -> Option<u32> {
    match command {
        Command::StockEdit { version, .. }
        | Command::StockQuota { version, .. }
        | Command::StockLimits { version, .. }
        | Command::StockPrice { version, .. } => Some(*version),
        _ => None,
    }
}

fn decide_edit<'p>(
    state: &State,
    question: Question<'_>,
    (stock, version, terms): (StockId, u32, &StockTerms),
    content: u64,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::StockEdited { origin: question.origin(content), stock, terms: *terms };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::StockEdit, u64::from(version) + 1))
}

fn decide_quota<'p>(
    state: &State,
    question: Question<'_>,
    (id, version, quotas): (StockId, u32, &[Quota]),
    content: u64,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let stock = state.stock(plan.resolved.lines[0].0.expect("found before"));
    let lapsed = |quota: &Quota| (1..=question.now_ms).contains(&quota.lapses_ms.get());
    if quotas.iter().any(lapsed) {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    let refuse = |asked, available| {
        let facts = Facts::Units { stock: id, asked, available };
        Verdict::Refuse(Rejection { code: Code::ChannelQuota, facts })
    };
    for quota in quotas {
        let used = stock.channels.find(quota.channel()).map_or(0, |found| found.used());
        if quota.cap.get() < used {
            return refuse(quota.cap.get(), used);
        }
    }
    let unused = stock.channels.unused_guarantees_with(quotas);
    if unused > stock.units.available {
        return refuse(unused, stock.units.available);
    }
    if stock.channels.count_with(quotas.iter().map(Quota::channel)) > CHANNELS_PER_STOCK_MAX {
        return Verdict::Refuse(capacity(CapacityOf::Channels, CHANNELS_PER_STOCK_MAX as u64));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    plan.quotas.clear();
    plan.quotas.extend_from_slice(quotas);
    let event = Event::StockQuotaSet { origin: question.origin(content), stock: id, quotas: &plan.quotas };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::StockQuota, u64::from(version) + 1))
}

fn decide_limits<'p>(
    state: &State,
    question: Question<'_>,
    (id, version): (StockId, u32),
    (limits, spans): (&Limits, Option<&SpanLimits>),
    content: u64,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let stock = state.stock(plan.resolved.lines[0].0.expect("found before"));
    // Days that were counted by one clock can't be credited by another.
    if stock.clock_fixed && stock.limits.utc_offset_minutes != limits.utc_offset_minutes {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    let owner = (question.request.envelope.merchant, id.slot());
    if limits.by_zone() && state.zones.of(owner).is_none() {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let (origin, limits, spans) = (question.origin(content), *limits, spans.copied());
    let event = Event::StockLimitsSet { origin, stock: id, limits, spans };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::StockLimits, u64::from(version) + 1))
}

fn decide_prices<'p>(
    state: &State,
    question: Question<'_>,
    (id, version, prices): (StockId, u32, &[Price]),
    content: u64,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    plan.new_prices.clear();
    plan.new_prices.extend_from_slice(prices);
    let event = Event::StockPriced { origin: question.origin(content), stock: id, prices: &plan.new_prices };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::StockPrice, u64::from(version) + 1))
}

/// Applies an event of a stock. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let found =
        |resolved: &Resolved| -> Handle { resolved.lines[0].0.expect("the log names a stock that exists") };
    match event {
        Event::StockCreated { origin, stock, units, kind, once_per_order, terms, name } => {
            assert!(state.find_stock(*stock).is_none(), "a stock is made once");
            let mut made = Stock::new(*stock, origin.merchant, name, *kind, *terms);
            made.once_per_order = *once_per_order;
            made.move_units(Posting::Supply(*units));
            state.insert_stock(made);
            record(state, origin, OperationKind::StockCreate, *units, resolved);
        }
        Event::StockMoved { origin, kind, from_frozen, forced, units, .. } => {
            let movement =
                Movement { kind: *kind, from_frozen: *from_frozen, forced: *forced, units: *units };
            let stock = state.stock_mut(found(resolved));
            let units_max = stock.units_max();
            let value =
                movement.moved_at_once(&stock.units, units_max).expect("decide refused what is not there");
            let free = stock.units.available - stock.channels.unused_guarantees();
            assert!(
                *forced || !movement.takes_available() || value <= free,
                "guarantees are lowered by force only"
            );
            stock.move_units(movement.posting());
            state.unsettle(found(resolved));
            record(state, origin, *kind, value, resolved);
        }
        Event::StockEdited { origin, terms, .. } => {
            let stock = state.stock_mut(found(resolved));
            stock.terms = *terms;
            stock.version += 1;
            let version = u64::from(stock.version);
            state.unsettle(found(resolved));
            record(state, origin, OperationKind::StockEdit, version, resolved);
        }
        Event::StockQuotaSet { origin, quotas, .. } => {
            let handle = found(resolved);
            state.set_quotas(handle, quotas);
            let version = u64::from(state.stock(handle).version);
            record(state, origin, OperationKind::StockQuota, version, resolved);
        }
        Event::StockLimitsSet { origin, limits, spans, .. } => {
            let handle = found(resolved);
            state.set_limits(handle, limits, spans.as_ref());
            let version = u64::from(state.stock(handle).version);
            record(state, origin, OperationKind::StockLimits, version, resolved);
        }
        Event::StockPriced { origin, prices, .. } => {
            let stock = state.stock_mut(found(resolved));
            stock.set_prices(prices);
            let version = u64::from(stock.version);
            record(state, origin, OperationKind::StockPrice, version, resolved);
        }
        Event::GuaranteeLapsed { channel, .. } => state.lapse(found(resolved), *channel),
        other => unreachable!("{other:?} is no event of a stock"),
    }
}

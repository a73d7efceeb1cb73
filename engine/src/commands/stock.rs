//! STOCK_CREATE, STOCK_SUPPLY, STOCK_VOID, STOCK_FREEZE, STOCK_UNFREEZE, STOCK_EDIT.

use super::checks::{before_deciding, capacity, operation_room};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::{Command, StockCreate, StockTerms};
use crate::content::content_digest;
use crate::event::Event;
use crate::ids::StockId;
use crate::limits::STOCK_UNITS_MAX;
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
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
    plan.resolved.lines.push((Some(handle), None));
    if let Command::StockEdit { stock, version, terms } = command {
        return decide_edit(state, question, (*stock, *version, terms), content, plan);
    }
    let movement = Movement::of(command);
    match movement.moved_at_once(&state.stock(handle).units) {
        Err(available) if movement.kind == OperationKind::StockSupply => {
            let _ = available;
            Verdict::Refuse(capacity(CapacityOf::StockUnits, STOCK_UNITS_MAX))
        }
        Err(available) => {
            let facts = Facts::Units { stock: id, asked: movement.units, available };
            Verdict::Refuse(Rejection { code: Code::OutOfStock, facts })
        }
        Ok(value) => {
            if let Some(rejection) = operation_room(state) {
                return Verdict::Refuse(rejection);
            }
            let Movement { kind, from_frozen, units } = movement;
            let origin = question.origin(content);
            let event = Event::StockMoved { origin, kind, from_frozen, stock: id, units };
            Verdict::Do(event, &plan.resolved, Reply::Value(kind, value))
        }
    }
}

/// The stock a command on a stock names.
fn stock_named_by(command: &Command<'_>) -> StockId {
    match command {
        Command::StockCreate(create) => create.stock,
        Command::StockSupply { stock, .. }
        | Command::StockVoid { stock, .. }
        | Command::StockFreeze { stock, .. }
        | Command::StockUnfreeze { stock, .. }
        | Command::StockEdit { stock, .. } => *stock,
        other => unreachable!("{other:?} is no command on a stock"),
    }
}

/// A command that moves units of a stock.
#[derive(Clone, Copy)]
struct Movement {
    kind: OperationKind,
    from_frozen: bool,
    units: u64,
}

impl Movement {
    fn of(command: &Command<'_>) -> Movement {
        let (kind, from_frozen, units) = match command {
            Command::StockSupply { units, .. } => (OperationKind::StockSupply, false, *units),
            Command::StockVoid { units, from_frozen, .. } => (OperationKind::StockVoid, *from_frozen, *units),
            Command::StockFreeze { units, .. } => (OperationKind::StockFreeze, false, *units),
            Command::StockUnfreeze { units, .. } => (OperationKind::StockUnfreeze, false, *units),
            other => unreachable!("{other:?} moves no units of a stock"),
        };
        Movement { kind, from_frozen, units }
    }

    /// The number in the answer; `Err`: what could have been moved.
    fn moved_at_once(&self, stock: &Units) -> Result<u64, u64> {
        let within = |possible: u64, at_once: u64| {
            if self.units > possible { Err(possible) } else { Ok(self.units.min(at_once)) }
        };
        match self.kind {
            OperationKind::StockSupply if stock.total + self.units > STOCK_UNITS_MAX => {
                Err(STOCK_UNITS_MAX - stock.total)
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
    let StockCreate { stock, name, units, terms } = *create;
    plan.name.clear();
    plan.name.extend_from_slice(name);
    let event =
        Event::StockCreated { origin: question.origin(content), stock, units, terms, name: &plan.name };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::StockCreate, units))
}

fn decide_edit<'p>(
    state: &State,
    question: Question<'_>,
    (stock, version, terms): (StockId, u32, &StockTerms),
    content: u64,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let handle = plan.resolved.lines[0].0.expect("found before");
    let in_force = state.stock(handle).version;
    if version != in_force {
        return Verdict::Refuse(Rejection { code: Code::RuleFailed, facts: Facts::Version(in_force) });
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::StockEdited { origin: question.origin(content), stock, terms: *terms };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::StockEdit, u64::from(version) + 1))
}

/// Applies an event of a stock. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let found =
        |resolved: &Resolved| -> Handle { resolved.lines[0].0.expect("the log names a stock that exists") };
    match event {
        Event::StockCreated { origin, stock, units, terms, name } => {
            assert!(state.find_stock(*stock).is_none(), "a stock is made once");
            let mut made = Stock::new(*stock, origin.merchant, name, *terms);
            made.units.post(Posting::Supply(*units));
            state.insert_stock(made);
            record(state, origin, OperationKind::StockCreate, *units, resolved);
        }
        Event::StockMoved { origin, kind, from_frozen, units, .. } => {
            let movement = Movement { kind: *kind, from_frozen: *from_frozen, units: *units };
            let buckets = &mut state.stock_mut(found(resolved)).units;
            let value = movement.moved_at_once(buckets).expect("decide refused what is not there");
            buckets.post(movement.posting());
            record(state, origin, *kind, value, resolved);
        }
        Event::StockEdited { origin, terms, .. } => {
            let stock = state.stock_mut(found(resolved));
            stock.terms = *terms;
            stock.version += 1;
            let version = u64::from(stock.version);
            record(state, origin, OperationKind::StockEdit, version, resolved);
        }
        other => unreachable!("{other:?} is no event of a stock"),
    }
}

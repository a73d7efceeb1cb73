//! Requests that own their parts, so that a history can be kept, changed a little and asked again.
//!
//! Invariant: [`OwnedRequest::with`] hands out exactly the request that was put in.

use core::fmt;
use scrip_engine::command::{Command, Envelope, Line, Quota, Request, StockCreate, StockTerms, Take};
use scrip_engine::ids::{OperationId, OrderId, StockId, UserId};
use zerocopy::little_endian::U32;

/// [`Request`], owned.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedRequest {
    /// Who, where, when.
    pub envelope: Envelope,
    /// What.
    pub command: OwnedCommand,
}

/// [`Command`], owned.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the variants are those of `Command`, which documents them")]
pub enum OwnedCommand {
    StockCreate { stock: StockId, name: Vec<u8>, units: u64, terms: StockTerms },
    StockSupply { stock: StockId, units: u64 },
    StockVoid { stock: StockId, units: u64, from_frozen: bool, forced: bool },
    StockFreeze { stock: StockId, units: u64, forced: bool },
    StockUnfreeze { stock: StockId, units: u64 },
    StockEdit { stock: StockId, version: u32, terms: StockTerms },
    StockQuota { stock: StockId, version: u32, quotas: Vec<Quota> },
    Reserve { take: OwnedTake, ttl_ms: u32 },
    Extend { hold: OperationId, ttl_ms: u32 },
    Confirm { units: Vec<u32> },
    Release,
    Sell { take: OwnedTake, paid: bool },
    Return { hold: OperationId, to_available: bool, units: Vec<u32> },
    StockShow { stock: StockId },
    StockChannels { stock: StockId },
    OperationShow,
}

/// [`Take`], owned.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs, reason = "the fields are those of `Take`, which documents them")]
pub struct OwnedTake {
    pub order: OrderId,
    pub user: UserId,
    pub partial: bool,
    pub replace: OperationId,
    pub lines: Vec<Wish>,
}

/// [`Line`] in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `Line`, which documents them")]
pub struct Wish {
    pub stock: StockId,
    pub units: u32,
    pub units_min: u32,
}

impl Wish {
    /// A wish for exactly `units`.
    pub fn exactly(stock: StockId, units: u32) -> Wish {
        Wish { stock, units, units_min: units }
    }
}

impl OwnedRequest {
    /// Lends the request, as the engine takes it, to `work`.
    pub fn with<R>(&self, work: impl FnOnce(&Request<'_>) -> R) -> R {
        let lines: Vec<Line> =
            self.take().map(|take| take.lines.as_slice()).unwrap_or_default().iter().map(wire).collect();
        let units: Vec<U32> = self.units().iter().map(|units| U32::new(*units)).collect();
        let borrow = |take: &OwnedTake| Take {
            order: take.order,
            user: take.user,
            partial: take.partial,
            replace: take.replace,
            lines: &lines,
        };
        let command = match &self.command {
            OwnedCommand::StockCreate { stock, name, units, terms } => Command::StockCreate(StockCreate {
                stock: *stock,
                name,
                units: *units,
                keys: false,
                terms: *terms,
            }),
            OwnedCommand::StockSupply { stock, units } => {
                Command::StockSupply { stock: *stock, units: *units }
            }
            OwnedCommand::StockVoid { stock, units, from_frozen, forced } => Command::StockVoid {
                stock: *stock,
                units: *units,
                from_frozen: *from_frozen,
                forced: *forced,
            },
            OwnedCommand::StockFreeze { stock, units, forced } => {
                Command::StockFreeze { stock: *stock, units: *units, forced: *forced }
            }
            OwnedCommand::StockUnfreeze { stock, units } => {
                Command::StockUnfreeze { stock: *stock, units: *units }
            }
            OwnedCommand::StockEdit { stock, version, terms } => {
                Command::StockEdit { stock: *stock, version: *version, terms: *terms }
            }
            OwnedCommand::StockQuota { stock, version, quotas } => {
                Command::StockQuota { stock: *stock, version: *version, quotas }
            }
            OwnedCommand::Reserve { take, ttl_ms } => {
                Command::Reserve { take: borrow(take), ttl_ms: *ttl_ms }
            }
            OwnedCommand::Extend { hold, ttl_ms } => Command::Extend { hold: *hold, ttl_ms: *ttl_ms },
            OwnedCommand::Confirm { .. } => Command::Confirm { units: &units, hidden: false },
            OwnedCommand::Release => Command::Release,
            OwnedCommand::Sell { take, paid } => {
                Command::Sell { take: borrow(take), paid: *paid, hidden: false }
            }
            OwnedCommand::Return { hold, to_available, .. } => {
                Command::Return { hold: *hold, to_available: *to_available, units: &units }
            }
            OwnedCommand::StockShow { stock } => Command::StockShow { stock: *stock },
            OwnedCommand::StockChannels { stock } => Command::StockChannels { stock: *stock },
            OwnedCommand::OperationShow => Command::OperationShow,
        };
        work(&Request { envelope: self.envelope, command })
    }

    /// What a RESERVE or SELL takes.
    pub fn take(&self) -> Option<&OwnedTake> {
        match &self.command {
            OwnedCommand::Reserve { take, .. } | OwnedCommand::Sell { take, .. } => Some(take),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn take_mut(&mut self) -> Option<&mut OwnedTake> {
        match &mut self.command {
            OwnedCommand::Reserve { take, .. } | OwnedCommand::Sell { take, .. } => Some(take),
            _ => None,
        }
    }

    /// Whether it asks and changes nothing.
    pub fn is_query(&self) -> bool {
        matches!(
            self.command,
            OwnedCommand::StockShow { .. } | OwnedCommand::StockChannels { .. } | OwnedCommand::OperationShow
        )
    }

    fn units(&self) -> &[u32] {
        match &self.command {
            OwnedCommand::Confirm { units } | OwnedCommand::Return { units, .. } => units,
            _ => &[],
        }
    }
}

/// For people: one line, ids short.
impl fmt::Display for OwnedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Envelope { merchant, slot, channel, operation, created_ms, deadline_ms } = self.envelope;
        write!(f, "{:x} of {} in {} by {} made {created_ms}", operation.0, merchant.0, slot.0, channel.0)?;
        if deadline_ms != 0 {
            write!(f, " until {deadline_ms}")?;
        }
        match (self.take(), &self.command) {
            (Some(take), OwnedCommand::Reserve { ttl_ms, .. }) => write!(f, ": RESERVE ttl {ttl_ms}{take}"),
            (Some(take), OwnedCommand::Sell { paid, .. }) => write!(f, ": SELL paid {paid}{take}"),
            (_, command) => write!(f, ": {command:?}"),
        }
    }
}

impl fmt::Display for OwnedTake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " user {:x} order {:x}", self.user.0, self.order.0)?;
        if self.replace != OperationId(0) {
            write!(f, " replace {:x}", self.replace.0)?;
        }
        if self.partial {
            write!(f, " partial")?;
        }
        for Wish { stock, units, units_min } in &self.lines {
            write!(f, " [{stock} x {units}")?;
            if self.partial {
                write!(f, " least {units_min}")?;
            }
            write!(f, "]")?;
        }
        Ok(())
    }
}

fn wire(wish: &Wish) -> Line {
    Line { units_min: U32::new(wish.units_min), ..Line::new(wish.stock, wish.units) }
}

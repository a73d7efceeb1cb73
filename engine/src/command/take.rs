//! What a RESERVE or SELL asks for.

use super::{CardLine, Parties};
use crate::ids::{OperationId, OrderId, StockId, UserId};
use crate::limits::TTL_DEFAULT_MS;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// One line of a RESERVE or SELL, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Line {
    /// The stock.
    pub stock: U64,
    /// Units asked for.
    pub units: U32,
    /// With `partial`: the fewest units that still make sense. Without: ignored.
    pub units_min: U32,
}

impl Line {
    /// A line that wants exactly `units`.
    pub fn new(stock: StockId, units: u32) -> Line {
        Line { stock: U64::new(stock.0), units: U32::new(units), units_min: U32::new(units) }
    }

    /// The stock it names.
    pub fn stock(&self) -> StockId {
        StockId(self.stock.get())
    }
}

/// RESERVE and SELL: units taken out of available for an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Take<'a> {
    /// The gateway's order; 0: none.
    pub order: OrderId,
    /// The buyer; 0: none (a stock with a purchase limit then refuses).
    pub user: UserId,
    /// Accept fewer units than asked, down to each line's minimum.
    pub partial: bool,
    /// A hold of the same user or order that this one takes the place of; 0: none.
    pub replace: OperationId,
    /// Whom else the demand comes from; `None`: not told.
    pub parties: Option<&'a Parties>,
    /// What the buyer was told that all units asked for cost, in minor units; `None`: not checked.
    pub expected_total: Option<u64>,
    /// The buyer is a member: prices for members are his, too.
    pub member: bool,
    /// SELL: units that are missing may be owed until this shard time; 0: it does not wait.
    pub wait_until_ms: u64,
    /// 1 to 64 lines.
    pub lines: &'a [Line],
    /// Cards that the same hold takes units of, all of what it asks or nothing; lines and these at most 64, of these 16.
    pub cards: &'a [CardLine],
}

impl<'a> Take<'a> {
    /// All of `lines`, for nobody in particular.
    pub const fn of(lines: &'a [Line]) -> Take<'a> {
        Take {
            order: OrderId(0),
            user: UserId(0),
            partial: false,
            replace: OperationId(0),
            parties: None,
            expected_total: None,
            member: false,
            wait_until_ms: 0,
            lines,
            cards: &[],
        }
    }
}

/// The time to live a RESERVE asks for, with the default filled in.
pub const fn ttl_or_default(ttl_ms: u32) -> u32 {
    if ttl_ms == 0 { TTL_DEFAULT_MS } else { ttl_ms }
}

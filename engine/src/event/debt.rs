//! One line of an event that makes a debt. It stands apart from the events so that their table stays in one view.

use super::EventLine;
use crate::ids::StockId;
use crate::rejection::Code;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// One line of a SELL that is owed: what it waits for, and what it lacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct OwedLine {
    /// The stock.
    pub stock: U64,
    /// Units owed.
    pub units: U32,
    /// The number of the [`Code`] that names what the line lacked; 0: nothing.
    pub why: U16,
    /// The flags of the [`EventLine`] that the sale would have.
    pub flags: U16,
    /// Units that could have been had.
    pub available: U64,
}

impl OwedLine {
    /// A line that asked for `units` and lacked `why`.
    pub fn new(stock: StockId, units: u32, lack: Option<(Code, u64)>) -> OwedLine {
        OwedLine {
            stock: U64::new(stock.0),
            units: U32::new(units),
            why: U16::new(lack.map_or(0, |(why, _)| why as u16)),
            flags: U16::ZERO,
            available: U64::new(lack.map_or(0, |(_, available)| available)),
        }
    }

    /// The same line, counting in purchase limits as `line` does.
    pub fn counting_as(self, line: &EventLine) -> OwedLine {
        let flags = u16::try_from(line.flags.get()).expect("the flags of a line are few");
        OwedLine { flags: U16::new(flags), ..self }
    }

    /// The line of a sale of these units.
    pub fn as_line(&self) -> EventLine {
        EventLine::new(self.stock(), self.units.get(), u32::from(self.flags.get()))
    }

    /// The stock.
    pub fn stock(&self) -> StockId {
        StockId(self.stock.get())
    }

    /// What the line lacked.
    pub fn why(&self) -> Option<Code> {
        Code::from_number(self.why.get())
    }
}

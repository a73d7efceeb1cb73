//! Lines of events: what was taken, refused and is owed; the holds and card keys that events name. They stand apart from the
//! events so that their table stays in one view.
//!
//! Invariant: a line lies in the log as it lies here.

use crate::command::{Span, SubjectKind};
use crate::ids::{CardId, MerchantId, OperationId, OperationKey, Slot, StockId};
use crate::rejection::Code;
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// One line of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EventLine {
    /// The stock.
    pub stock: U64,
    /// Units moved.
    pub units: U32,
    /// [`EventLine::COUNTED`], [`EventLine::FULLY`].
    pub flags: U32,
}

impl EventLine {
    /// Flag: the units count in the buyer's purchase limit. The next three bits say so of the other kinds of subjects.
    pub const COUNTED: u32 = 1;
    /// All four of them.
    const COUNTED_ANYWHERE: u32 = 15;
    /// Flag: they count in all, per day and while held; else in all.
    pub const FULLY: u32 = 16;

    /// Flag: the line is of a card, whose id stands in place of the stock's.
    pub const CARD: u32 = 32;
    /// Flag of a line that counts fully: the units count by weeks, too.
    pub const WEEKS: u32 = 64;
    /// Flag of a line that counts fully: the units count by months, too.
    pub const MONTHS: u32 = 128;

    /// A line of a card.
    pub fn of_card(card: CardId, units: u32) -> EventLine {
        EventLine::new(StockId(card.0), units, EventLine::CARD)
    }

    /// Whether the line is of a card.
    pub fn is_card(&self) -> bool {
        self.flags.get() & EventLine::CARD != 0
    }

    /// A line that moves `units`, with these flags.
    #[inline]
    pub fn new(stock: StockId, units: u32, flags: u32) -> EventLine {
        EventLine { stock: U64::new(stock.0), units: U32::new(units), flags: U32::new(flags) }
    }

    /// The stock.
    #[inline]
    pub fn stock(&self) -> StockId {
        StockId(self.stock.get())
    }

    /// Whether the units count in the purchase limit of this kind of subject.
    #[inline]
    pub fn counts(&self, kind: SubjectKind) -> bool {
        self.flags.get() & EventLine::COUNTED << kind.position() != 0
    }

    /// Whether the units count in all, per day and while held.
    #[inline]
    pub fn fully(&self) -> bool {
        self.flags.get() & EventLine::FULLY != 0
    }

    /// The flag of lines that count by a span.
    #[inline]
    pub const fn flag_of(span: Span) -> u32 {
        match span {
            Span::Week => EventLine::WEEKS,
            Span::Month => EventLine::MONTHS,
        }
    }

    /// By which spans the units count.
    #[inline]
    pub fn spans(&self) -> impl Iterator<Item = Span> {
        let flags = self.flags.get();
        Span::ALL.into_iter().filter(move |span| flags & EventLine::flag_of(*span) != 0)
    }

    /// Whether the units count in any purchase limit.
    #[inline]
    pub fn counts_anywhere(&self) -> bool {
        self.flags.get() & EventLine::COUNTED_ANYWHERE != 0
    }
}

/// One line of a recorded refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RefusedLine {
    /// The stock.
    pub stock: U64,
    /// Units asked for.
    pub asked: U32,
    /// The number of the [`Code`] that names what the line lacked; 0: nothing.
    pub why: U16,
    /// 1: the line is of a card, whose id stands in place of the stock's.
    pub card: U16,
    /// Units that could have been had.
    pub available: U64,
}

impl RefusedLine {
    /// A line of a card that asked for `asked` units and lacked `why`.
    pub fn of_card(card: CardId, asked: u32, why: Option<Code>, available: u64) -> RefusedLine {
        RefusedLine { card: U16::new(1), ..RefusedLine::new(StockId(card.0), asked, why, available) }
    }

    /// Whether the line is of a card.
    pub fn is_card(&self) -> bool {
        self.card != 0
    }

    /// A line that asked for `asked` units and lacked `why`.
    pub fn new(stock: StockId, asked: u32, why: Option<Code>, available: u64) -> RefusedLine {
        RefusedLine {
            stock: U64::new(stock.0),
            asked: U32::new(asked),
            why: U16::new(why.map_or(0, |code| code as u16)),
            card: U16::ZERO,
            available: U64::new(available),
        }
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

/// A card in a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EventCard {
    /// The card.
    pub card: U64,
    /// What of the order it is used on, in minor units.
    pub amount: U64,
    /// What it takes off that, in minor units: fixed from now on.
    pub discount: U64,
    /// Units.
    pub units: U32,
    /// Reserved; 0.
    pub spare: U32,
}

impl EventCard {
    /// The card.
    pub fn card(&self) -> CardId {
        CardId(self.card.get())
    }
}

/// A hold that an expiry, a settlement or the end of debts names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EventHold {
    /// The hold.
    pub operation: U128,
    /// The tenant.
    pub merchant: U32,
    /// The slot.
    pub slot: U16,
    /// Reserved; 0.
    pub spare: U16,
}

impl EventHold {
    /// The hold with this key.
    pub fn new(key: OperationKey) -> EventHold {
        EventHold {
            operation: U128::new(key.operation.0),
            merchant: U32::new(key.merchant.0),
            slot: U16::new(key.slot.0),
            spare: U16::ZERO,
        }
    }

    /// Its key.
    pub fn key(&self) -> OperationKey {
        OperationKey {
            merchant: MerchantId(self.merchant.get()),
            slot: Slot(self.slot.get()),
            operation: OperationId(self.operation.get()),
        }
    }
}

/// The debts that an event names: whose, and the key whose replacement was owed, if it is that.
pub fn debts(holds: &[EventHold], keys: &[U32]) -> impl Iterator<Item = (OperationKey, Option<u32>)> {
    let keys = keys.iter().map(|key| Some(key.get()).filter(|key| *key != u32::MAX));
    holds.iter().map(EventHold::key).zip(keys.chain(core::iter::repeat(None)))
}

/// A card key that an import names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EventKey {
    /// The keyed hash of its text.
    pub fingerprint: U128,
    /// Its position in the block.
    pub position: u8,
    /// Reserved; 0.
    pub spare: [u8; 7],
}

//! What an event says of cards that a hold has sold: lines on a campaign make cards once they are paid, and end them when they go
//! back. It stands apart from the events because most holds sell none.
//!
//! Invariant: as all lines of events: it lies in the log as it lies here. Cards of a line have consecutive serials.

use super::EventError;
use super::decode::Reader;
use super::encode::Writer;
use crate::ids::CardId;
use crate::limits::{CARDS_PER_SALE_MAX, LINES_MAX};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Cards that a line of a hold has sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EventSale {
    /// The first card.
    pub first: U64,
    /// How many, at least 1.
    pub count: U32,
    /// Valid from, seconds; 0: open.
    pub from_s: U32,
    /// Valid until, seconds; 0: open.
    pub until_s: U32,
    /// The line, from 0.
    pub line: u8,
    /// Reserved; 0.
    pub spare: [u8; 3],
}

impl EventSale {
    /// The first card.
    pub fn first(&self) -> CardId {
        CardId(self.first.get())
    }

    /// The line, from 0.
    pub fn line(&self) -> usize {
        usize::from(self.line)
    }

    /// When its cards are valid, in seconds; 0: open.
    pub fn times(&self) -> (u32, u32) {
        (self.from_s.get(), self.until_s.get())
    }

    /// Whether a card is one of them.
    pub fn has(&self, card: CardId) -> bool {
        card.0.checked_sub(self.first.get()).is_some_and(|place| place < u64::from(self.count.get()))
    }
}

/// A list with its length in front.
pub(super) fn put<T: IntoBytes + Immutable>(writer: &mut Writer<'_>, list: &[T]) {
    writer.put_u64(list.len() as u64);
    writer.put(list.as_bytes());
}

impl<'a> Reader<'a> {
    /// The sales of a hold of `lines` lines.
    pub(super) fn take_sales(&mut self, lines: usize) -> Result<&'a [EventSale], EventError> {
        let count = self.take_u64()? as usize;
        let sales: &[EventSale] = self.take_slice(count, LINES_MAX)?;
        let fits = |sale: &EventSale| sale.line() < lines && sale.count.get() > 0;
        let all = sales.iter().map(|sale| u64::from(sale.count.get())).sum::<u64>();
        if sales.is_empty() || !sales.iter().all(fits) || all > u64::from(CARDS_PER_SALE_MAX) {
            return Err(self.field("sales"));
        }
        Ok(sales)
    }

    /// The cards that ended.
    pub(super) fn take_ended(&mut self) -> Result<&'a [U64], EventError> {
        let count = self.take_u64()? as usize;
        let ended: &[U64] = self.take_slice(count, CARDS_PER_SALE_MAX as usize)?;
        if ended.is_empty() { Err(self.field("ended")) } else { Ok(ended) }
    }
}

const _: () = assert!(size_of::<EventSale>() == 24);

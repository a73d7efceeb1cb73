//! What an event says of a quote that became a hold, and of what goes back of it. It stands apart from the events because most
//! holds have none.
//!
//! Invariant: as all lines of events: it lies in the log as it lies here. The shares of a line are at most what it costs.

use super::decode::Reader;
use super::encode::Writer;
use super::{EventError, EventLine};
use crate::limits::{QUOTE_CARDS_MAX, QUOTE_LINES_MAX, UNITS_PER_LINE_MAX};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// One line of the cart of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EventCartLine {
    /// What one piece costs, in minor units.
    pub unit_price: U64,
    /// Pieces.
    pub quantity: U32,
    /// The place of its line in the hold, from 1; 0: it has no stock.
    pub place: u8,
    /// Reserved; 0.
    pub spare: [u8; 3],
}

/// What a card takes off a line of the cart of a hold, or pays of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EventShare {
    /// The card.
    pub card: U64,
    /// In minor units, at least 1.
    pub amount: U64,
    /// The line's place in the cart, from 0.
    pub line: u8,
    /// The card's place among the cards of the hold, from 1; 0: it is not held.
    pub place: u8,
    /// 1: it is stored value, which pays; 0: it takes something off.
    pub pays: u8,
    /// Reserved; 0.
    pub spare: [u8; 5],
}

/// What the cart of a hold costs; without lines: the hold was not made from a quote.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EventQuote<'a> {
    /// No combination of the cards that were to choose from is better.
    pub exact: bool,
    /// The cart.
    pub lines: &'a [EventCartLine],
    /// What each card takes off each line or pays of it, if it is anything: card by card as they take their turns, then line by line.
    pub shares: &'a [EventShare],
}

/// What goes back of the cart of a hold; without pieces: the hold was not made from a quote.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EventPieces<'a> {
    /// What the pieces cost the buyer, in minor units.
    pub amount: u64,
    /// Pieces of each line of the cart.
    pub pieces: &'a [U32],
}

impl EventQuote<'_> {
    /// No quote.
    pub const NONE: EventQuote<'static> = EventQuote { exact: false, lines: &[], shares: &[] };

    pub(super) fn put(&self, writer: &mut Writer<'_>) {
        let counts = (self.lines.len() | self.shares.len() << 16) as u64;
        writer.put_u64(counts | u64::from(self.exact) << 32);
        writer.put(self.lines.as_bytes());
        writer.put(self.shares.as_bytes());
    }
}

impl<'a> Reader<'a> {
    /// The cart of a hold of `lines` lines and `cards` cards.
    pub(super) fn take_quote(
        &mut self,
        (lines, cards): (usize, usize),
    ) -> Result<EventQuote<'a>, EventError> {
        let counts = self.take_u64()?;
        let (cart, shares) = ((counts & 0xffff) as usize, (counts >> 16 & 0xffff) as usize);
        let exact = match counts >> 32 {
            0 => false,
            1 => true,
            _ => return Err(self.field("exact")),
        };
        let cart: &[EventCartLine] = self.take_slice(cart, QUOTE_LINES_MAX)?;
        let shares: &[EventShare] = self.take_slice(shares, QUOTE_LINES_MAX * QUOTE_CARDS_MAX)?;
        let fits = |line: &EventCartLine| {
            (1..=UNITS_PER_LINE_MAX).contains(&line.quantity.get()) && usize::from(line.place) <= lines
        };
        if cart.is_empty() || !cart.iter().all(fits) {
            return Err(self.field("cart"));
        }
        let fits = |share: &EventShare| {
            let is_its = usize::from(share.line) < cart.len() && usize::from(share.place) <= cards;
            is_its && share.pays <= u8::from(share.place > 0)
        };
        if !shares.iter().all(fits) {
            return Err(self.field("shares"));
        }
        Ok(EventQuote { exact, lines: cart, shares })
    }

    /// The pieces that go back.
    pub(super) fn take_pieces(&mut self, count: usize) -> Result<EventPieces<'a>, EventError> {
        let amount = self.take_u64()?;
        let pieces = self.take_slice(count, QUOTE_LINES_MAX)?;
        Ok(EventPieces { amount, pieces })
    }
}

impl EventPieces<'_> {
    /// No pieces of a cart.
    pub const NONE: EventPieces<'static> = EventPieces { amount: 0, pieces: &[] };
}

const _: () = assert!(size_of::<EventCartLine>() == 16 && size_of::<EventShare>() == 24);
const _: () = assert!(
    64 * size_of::<EventLine>() + QUOTE_LINES_MAX * (16 + 4 + 32 + QUOTE_CARDS_MAX * 24) + 256
        <= crate::limits::EVENT_BYTES_MAX
);

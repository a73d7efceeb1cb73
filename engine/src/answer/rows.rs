//! Rows of lists: batches, channels, debts and holds of an order as they lie on the wire. They stand apart from the answers so that their table
//! stays in one view.
//!
//! Invariant: the layouts are those of docs/protocol.md.

use crate::ids::CardId;
use crate::limits::NAME_BYTES_MAX;
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A batch of card keys as it is, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BatchView {
    /// What a key cost, in minor units.
    pub cost: U64,
    /// Shard time from which on its keys can't be sold; 0: never.
    pub expires_ms: U64,
    /// Keys imported.
    pub imported: U64,
    /// Keys that can be sold, or that holds count on.
    pub unsold: U64,
    /// Keys set aside or gone with their batch.
    pub moved: U64,
    /// Keys bound to orders.
    pub sold: U64,
    /// Keys returned or replaced.
    pub void: U64,
    /// The batch's number.
    pub batch: U32,
    /// 1 active, 2 frozen, 3 void, 4 expired.
    pub state: u8,
    /// Bytes of the supplier's name.
    pub supplier_bytes: u8,
    /// Reserved; 0.
    pub spare: U16,
    /// Where the keys are from: UTF-8, zeros behind it.
    pub supplier: [u8; NAME_BYTES_MAX],
}

/// What one channel has of a stock, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ChannelView {
    /// Units that no other channel can take, those already held or consumed included.
    pub guaranteed: U64,
    /// The most units that may be held and consumed; [`crate::command::Quota::NO_CAP`]: no maximum.
    pub cap: U64,
    /// Shard time at which the guarantee lapses; 0: never.
    pub lapses_ms: U64,
    /// Units in holds.
    pub held: U64,
    /// Units sold.
    pub consumed: U64,
    /// Units that the channel could take now.
    pub room: U64,
    /// The channel.
    pub channel: U16,
    /// Reserved; 0.
    pub spare: [u8; 6],
}

/// A debt as it is, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct DebtView {
    /// The SELL that is owed, the hold whose CONFIRM is, or the one of the key.
    pub hold: U128,
    /// The order it is for; 0: none.
    pub order: U128,
    /// Shard time of the SELL, of the RESERVE, or of the KEY_REPLACE.
    pub since_ms: U64,
    /// The units are owed while shard time is below this.
    pub until_ms: U64,
    /// Units of this stock, over all its lines.
    pub units: U64,
    /// The channel that made it.
    pub channel: U16,
    /// 1: what is owed is the replacement of a card key.
    pub of_key: U16,
    /// That key's number; else 0.
    pub key: U32,
}

/// A hold of an order in short, as it lies on the wire. OPERATION_SHOW has all of its lines.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct OrderHold {
    /// Its id.
    pub hold: U128,
    /// The buyer; 0: none.
    pub user: U128,
    /// Shard time of its making.
    pub reserved_ms: U64,
    /// The deadline in force; of a SELL that was owed: until when.
    pub deadline_ms: U64,
    /// Shard time at which it left held or owed for its present state; 0 until then.
    pub closed_ms: U64,
    /// The stock of its first line; 0: it was not found.
    pub stock: U64,
    /// Units of that line that were granted, or are owed; 0 in a recorded refusal.
    pub units: U32,
    /// The channel that made it.
    pub channel: U16,
    /// Lapsed, refused and unfulfilled: the recorded refusal's code; 0: none.
    pub refusal: U16,
    /// A [`crate::answer::HoldState`].
    pub state: u8,
    /// Lines, 1 to 64.
    pub lines: u8,
    /// [`OrderHold::LATE`] and the others.
    pub flags: u8,
    /// Reserved; 0.
    pub spare: [u8; 5],
}

impl OrderHold {
    /// Flag: confirmed after it had expired.
    pub const LATE: u8 = 1;
    /// Flag: a risk rule or a block has marked it.
    pub const FLAGGED: u8 = 2;
    /// All flags there are.
    pub const FLAGS: u8 = OrderHold::LATE | OrderHold::FLAGGED;
}

/// Whether a list goes on behind a page. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum More {
    /// It ends there.
    No = 0,
    /// It goes on.
    Yes = 1,
    /// It may: so many holds that are gone lie in between that the rest was not looked at. They leave memory bit by bit.
    Unknown = 2,
}

impl More {
    /// What this number says.
    pub const fn from_number(number: u8) -> Option<More> {
        Some(match number {
            0 => More::No,
            1 => More::Yes,
            2 => More::Unknown,
            _ => return None,
        })
    }
}

/// Cards that a line of a hold has sold, with consecutive serials, as they lie on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SoldCards {
    /// The first card.
    pub first: U64,
    /// How many.
    pub cards: U32,
    /// The line, from 0.
    pub line: U16,
    /// Reserved; 0.
    pub spare: U16,
}

impl SoldCards {
    /// Each of the cards.
    pub fn each(&self) -> impl Iterator<Item = CardId> + use<> {
        let first = self.first.get();
        (first..first.saturating_add(u64::from(self.cards.get()))).map(CardId)
    }
}

//! Rows of lists: batches, channels and debts as they lie on the wire. They stand apart from the answers so that their table
//! stays in one view.
//!
//! Invariant: the layouts are those of docs/protocol.md.

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
    /// The SELL that is owed.
    pub hold: U128,
    /// The order it is for; 0: none.
    pub order: U128,
    /// Shard time of the SELL.
    pub since_ms: U64,
    /// The units are owed while shard time is below this.
    pub until_ms: U64,
    /// Units of this stock, over all its lines.
    pub units: U64,
    /// The channel that made it.
    pub channel: U16,
    /// Reserved; 0.
    pub spare: [u8; 6],
}

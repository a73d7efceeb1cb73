//! What commands on card keys carry: a new batch, a change of one, the texts of an import.
//!
//! It stands apart so that the table of commands can be read at a glance. Invariant: a text has no `Debug` that tells it.

use crate::ids::StockId;
use zerocopy::little_endian::U128;

/// A new batch of card keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchCreate<'a> {
    /// The keys stock.
    pub stock: StockId,
    /// The batch's number within the stock, chosen by the caller.
    pub batch: u32,
    /// What a key cost, in minor units; not interpreted.
    pub cost: u64,
    /// Shard time from which on its keys can't be sold; 0: never.
    pub expires_ms: u64,
    /// For people: UTF-8, at most 64 bytes.
    pub supplier: &'a [u8],
}

/// What happens to a batch of card keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BatchChange {
    /// Its unsold keys are set aside.
    Freeze = 1,
    /// They are sold again.
    Unfreeze = 2,
    /// They are gone for good.
    Void = 3,
}

impl BatchChange {
    /// The change with this number.
    pub const fn from_number(number: u8) -> Option<BatchChange> {
        Some(match number {
            1 => BatchChange::Freeze,
            2 => BatchChange::Unfreeze,
            3 => BatchChange::Void,
            _ => return None,
        })
    }
}

/// The texts of up to 64 card keys: as they arrive, or sealed, as the engine takes them.
#[derive(Clone, Copy, PartialEq)]
pub enum KeyBlock<'a> {
    /// `count` lengths (u16, little-endian), then the texts, one behind the other. The edge seals it before it is executed.
    Plain {
        /// How many.
        count: usize,
        /// Lengths and texts.
        bytes: &'a [u8],
    },
    /// What the edge has made of it.
    Sealed {
        /// The keyed hash of each text, in order; none is 0.
        fingerprints: &'a [U128],
        /// Lengths and texts, sealed.
        sealed: &'a [u8],
    },
}

impl KeyBlock<'_> {
    /// No keys: for an import that is going to be refused.
    pub const NONE: KeyBlock<'static> = KeyBlock::Sealed { fingerprints: &[], sealed: &[] };
}

impl core::fmt::Debug for KeyBlock<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            KeyBlock::Plain { count, .. } => write!(formatter, "{count} keys (***)"),
            KeyBlock::Sealed { fingerprints, .. } => write!(formatter, "{} sealed keys", fingerprints.len()),
        }
    }
}

/// Reads the texts of a plain block; `None` if it is not well formed.
pub fn block_texts(count: usize, bytes: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let (lengths, mut texts) = bytes.split_at_checked(2 * count)?;
    let length = |pair: &[u8]| usize::from(u16::from_le_bytes([pair[0], pair[1]]));
    if lengths.chunks_exact(2).map(length).sum::<usize>() != texts.len() {
        return None;
    }
    Some(lengths.chunks_exact(2).map(move |pair| {
        let (text, rest) = texts.split_at(length(pair));
        texts = rest;
        text
    }))
}

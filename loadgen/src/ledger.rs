//! The ledger: what the load was told, kept outside the server, so that a check can hold the server to it.
//!
//! Invariant: a record is never changed. What became of an operation later is a later record of the same id; where two
//! acknowledgements of one operation differ, both stand here.

use crate::recipe::{Recipe, What};
use crate::report::Counts;
use scrip_engine::ids::OperationId;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Records of one ledger: 4 GiB. Beyond, the ledger is incomplete and says so.
pub const RECORDS_MAX: usize = 64 << 20;
const CHUNK_RECORDS: usize = 1 << 16;

/// What is known of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Known {
    /// The server answered that it happened.
    Acknowledged = 1,
    /// No answer came: it may have happened.
    Unknown = 2,
    /// The server answered that it refuses for good and recorded that (paid SELL, late CONFIRM).
    RefusedForGood = 3,
    /// No answer came; asked again, the server refused, and not for good. It had not happened then; but the first
    /// asking may still have been on its way, on the connection that was lost, and have happened after that.
    Refused = 4,
    /// The server answered that it owes the units. They are sold later, or, when the time in the answer is over, never.
    Owed = 5,
}

impl Known {
    /// What has this number.
    pub const fn from_number(number: u8) -> Option<Known> {
        match number {
            1 => Some(Known::Acknowledged),
            2 => Some(Known::Unknown),
            3 => Some(Known::RefusedForGood),
            4 => Some(Known::Refused),
            5 => Some(Known::Owed),
            _ => None,
        }
    }
}

/// One observation of one operation, 64 bytes, the same in memory and on disk (little-endian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Record {
    /// The operation's id; the time it was made is inside.
    pub operation: U128,
    /// The hold it is about: the same id for RESERVE, SELL, CONFIRM and RELEASE.
    pub hold: U128,
    /// The time in the answer: the deadline (RESERVE, EXTEND), the confirmation (CONFIRM, SELL), the end of waiting (SELL that is
    /// owed); of a KEY_REPLACE the
    /// number of the new key; else 0.
    pub at_ms: U64,
    /// [`digest`] of the answer, card keys without their marks; 0 if there is none.
    pub digest: U64,
    /// When the load learned this, in microseconds since it began.
    pub learned_us: U64,
    /// Units in the answer, over all lines; of a KEY_REPLACE the number of the old key; refused: the code's number.
    pub units: U32,
    /// The command: [`What`].
    pub what: u8,
    /// [`Known`].
    pub known: u8,
    /// [`LATE`] and [`LAPSED`].
    pub flags: u8,
    /// 0.
    pub spare: u8,
}

/// The answer says: confirmed after the hold had expired.
pub const LATE: u8 = 1;
/// The answer says: released after the hold had expired.
pub const LAPSED: u8 = 2;

const _: () = assert!(size_of::<Record>() == 64);

impl Record {
    /// A record without an answer.
    pub fn unknown(what: What, operation: OperationId, hold: OperationId, learned_us: u64) -> Record {
        Record {
            operation: U128::new(operation.0),
            hold: U128::new(hold.0),
            at_ms: U64::ZERO,
            digest: U64::ZERO,
            learned_us: U64::new(learned_us),
            units: U32::ZERO,
            what: what as u8,
            known: Known::Unknown as u8,
            flags: 0,
            spare: 0,
        }
    }

    /// The operation's id.
    pub fn operation(&self) -> OperationId {
        OperationId(self.operation.get())
    }

    /// The hold's id.
    pub fn hold(&self) -> OperationId {
        OperationId(self.hold.get())
    }

    /// The command. Panics on a number that is none: those don't get into a ledger.
    pub fn what(&self) -> What {
        What::from_number(self.what).expect("records are checked when they are made and read")
    }

    /// What is known. Panics on a number that is none: those don't get into a ledger.
    pub fn known(&self) -> Known {
        Known::from_number(self.known).expect("records are checked when they are made and read")
    }
}

/// One card key in the first answer to an operation, 32 bytes, the same in memory and on disk (little-endian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct CardRecord {
    /// The hold that it was bound to.
    pub hold: U128,
    /// Which text it had, by the load's own numbers ([`crate::CardTexts`]), or one of the constants below.
    pub card: U64,
    /// The key's number, the server's.
    pub key: U32,
    /// Its position among the keys of the hold.
    pub position: U16,
    /// The command: [`What`].
    pub what: u8,
    /// 0.
    pub spare: u8,
}

impl CardRecord {
    /// The text was not shown.
    pub const HIDDEN: u64 = u64::MAX;
    /// The text is none that the load knows.
    pub const FOREIGN: u64 = u64::MAX - 1;
}

const _: () = assert!(size_of::<CardRecord>() == 32);

/// What an answer says, in 64 bits: its bytes without its index in the frame. Two answers with the same body have the
/// same digest. `answer` is one whole answer as it lies on the wire.
#[inline]
pub fn digest(answer: &[u8]) -> u64 {
    let head = u32::from_le_bytes([answer[0], answer[1], answer[2], answer[3]]);
    xxh3_64_with_seed(&answer[6..], u64::from(head))
}

/// A growing list of records that never moves what it has.
#[derive(Debug, Clone, Default)]
pub struct Records {
    chunks: Vec<Vec<Record>>,
    length: usize,
}

impl Records {
    /// Appends one. Answers whether there was room ([`RECORDS_MAX`]).
    #[inline]
    pub fn push(&mut self, record: Record) -> bool {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_RECORDS => chunk.push(record),
            _ if self.length >= RECORDS_MAX => return false,
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK_RECORDS);
                chunk.push(record);
                self.chunks.push(chunk);
            }
        }
        self.length += 1;
        true
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All of them; those of one thread are in the order it learned them.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.chunks.iter().flatten()
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[Record]> {
        self.chunks.iter().map(Vec::as_slice)
    }

    pub(crate) fn append(&mut self, mut other: Records) -> bool {
        let fits = self.length + other.length <= RECORDS_MAX;
        if fits {
            self.length += other.length;
            self.chunks.append(&mut other.chunks);
        }
        fits
    }
}

/// A stock's counters, as STOCK_SHOW tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StockCounters {
    /// The stock.
    pub stock: u64,
    /// Units supplied so far.
    pub total: u64,
    /// Units that can be reserved.
    pub available: u64,
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub consumed: u64,
    /// Units set aside.
    pub frozen: u64,
    /// Units gone for good.
    pub void: u64,
    /// Units one user may hold and have bought; 0: no limit.
    pub limit_per_user: u32,
    /// Card keys whose replacement is owed: of sold units, but not counted as sold until it is there.
    #[serde(default)]
    pub keys_owed: u64,
}

impl StockCounters {
    /// Units sold, whether their card key is there or its replacement still owed.
    pub(crate) fn sold(&self) -> u64 {
        self.consumed + self.keys_owed
    }
}

/// What a load leaves behind for a check.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// How each operation's content follows from its id.
    pub recipe: Recipe,
    /// The stocks before the first command.
    pub before: Vec<StockCounters>,
    /// What the operations came to.
    pub counts: Counts,
    /// Whether every acknowledged and every unknown operation is in `records`.
    pub complete: bool,
    /// The observations.
    pub records: Records,
    /// Card keys in first answers, of the operations in `records`.
    pub cards: Vec<CardRecord>,
}

//! Answers: what a command that was taken says back.
//!
//! Invariant: the answer to a mutating command depends on its event alone, so that a repeat, a restart and a follower
//! give the same bytes.

use crate::ids::{ChannelId, OperationId, OrderId, StockId, UserId};
use crate::rejection::{Code, Rejection};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// What a command was answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome<'a> {
    /// It was taken.
    Done(Answer<'a>),
    /// It was refused.
    Refused(Rejection<'a>),
}

/// The answer to a command that was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer<'a> {
    /// A stock was made or changed.
    StockChanged {
        /// The stock's total after this change (STOCK_CREATE, STOCK_SUPPLY); its version after it (STOCK_EDIT, STOCK_QUOTA); units
        /// moved at once, the rest being marked (STOCK_FREEZE, STOCK_VOID, STOCK_UNFREEZE).
        value: u64,
    },
    /// RESERVE.
    Reserved {
        /// The hold counts while shard time is below this.
        deadline_ms: u64,
        /// Units granted per line.
        units: &'a [U32],
    },
    /// EXTEND.
    Extended {
        /// The deadline in force after this EXTEND.
        deadline_ms: u64,
    },
    /// CONFIRM and SELL.
    Confirmed {
        /// Shard time of the confirmation.
        confirmed_ms: u64,
        /// Confirmed after the hold had expired.
        late: bool,
        /// Units confirmed per line.
        units: &'a [U32],
    },
    /// RELEASE.
    Released {
        /// The hold had expired before: there was nothing left to give back, and a late CONFIRM is now refused.
        lapsed: bool,
    },
    /// RETURN.
    Returned {
        /// Units given back by this operation, over all lines.
        units: u64,
    },
    /// STOCK_SHOW.
    Stock(StockView<'a>),
    /// STOCK_CHANNELS.
    Channels {
        /// The stock's version, to set quotas with.
        version: u32,
        /// Its channels, in ascending order.
        channels: &'a [ChannelView],
    },
    /// OPERATION_SHOW of a RESERVE or SELL.
    Hold(HoldView<'a>),
    /// OPERATION_SHOW of any other operation.
    Operation(OperationView),
}

/// A stock as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StockView<'a> {
    /// Its id.
    pub stock: StockId,
    /// Counts up with each edit of the rules.
    pub version: u32,
    /// Sale rules.
    pub terms: crate::command::StockTerms,
    /// Units supplied so far.
    pub total: u64,
    /// Units that can be reserved.
    pub available: u64,
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub consumed: u64,
    /// Units set aside by the operator.
    pub frozen: u64,
    /// Units gone for good.
    pub void: u64,
    /// Units in holds that go to frozen instead of available when their holds end.
    pub marked_frozen: u64,
    /// Units in holds that go to void instead of available when their holds end.
    pub marked_void: u64,
    /// For people.
    pub name: &'a [u8],
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

/// The states of a hold. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum HoldState {
    /// Units are set aside until the deadline.
    Held = 1,
    /// Units are sold.
    Confirmed = 2,
    /// Given back by the gateway, or replaced by another hold.
    Released = 3,
    /// The deadline passed; a late CONFIRM may still succeed.
    Expired = 4,
    /// Expired, and a late CONFIRM can no longer succeed.
    Lapsed = 5,
    /// A paid SELL that was refused, for good.
    Refused = 6,
}

impl HoldState {
    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<HoldState> {
        Some(match number {
            1 => HoldState::Held,
            2 => HoldState::Confirmed,
            3 => HoldState::Released,
            4 => HoldState::Expired,
            5 => HoldState::Lapsed,
            6 => HoldState::Refused,
            _ => return None,
        })
    }
}

/// One line of a hold, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct HoldLine {
    /// The stock.
    pub stock: U64,
    /// Units granted when the hold was made.
    pub reserved: U32,
    /// Units confirmed; 0 unless confirmed.
    pub confirmed: U32,
    /// Units of those given back since.
    pub returned: U32,
    /// Reserved for later use; 0.
    pub spare: U32,
}

/// A hold as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoldView<'a> {
    /// Its id.
    pub hold: OperationId,
    /// Where it stands.
    pub state: HoldState,
    /// The channel that made it.
    pub channel: ChannelId,
    /// Confirmed after it had expired.
    pub late: bool,
    /// For [`HoldState::Lapsed`] and [`HoldState::Refused`]: the recorded refusal; a hold lapsed by RELEASE has none.
    pub refusal: Option<Code>,
    /// The order it is for; 0: none.
    pub order: OrderId,
    /// The buyer; 0: none.
    pub user: UserId,
    /// Shard time of its making.
    pub reserved_ms: u64,
    /// The deadline in force.
    pub deadline_ms: u64,
    /// Shard time at which it left [`HoldState::Held`] for its present state; 0 while held.
    pub closed_ms: u64,
    /// Its lines.
    pub lines: &'a [HoldLine],
}

/// A recorded operation that is not a hold's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationView {
    /// The command.
    pub kind: OperationKind,
    /// The number in its answer: value, deadline or units.
    pub value: u64,
}

/// Commands whose answers are kept in operation records. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OperationKind {
    /// STOCK_CREATE.
    StockCreate = 1,
    /// STOCK_SUPPLY.
    StockSupply = 2,
    /// STOCK_VOID.
    StockVoid = 3,
    /// STOCK_FREEZE.
    StockFreeze = 4,
    /// STOCK_UNFREEZE.
    StockUnfreeze = 5,
    /// STOCK_EDIT.
    StockEdit = 6,
    /// EXTEND.
    Extend = 7,
    /// RETURN.
    Return = 8,
    /// STOCK_QUOTA.
    StockQuota = 9,
}

impl OperationKind {
    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<OperationKind> {
        Some(match number {
            1 => OperationKind::StockCreate,
            2 => OperationKind::StockSupply,
            3 => OperationKind::StockVoid,
            4 => OperationKind::StockFreeze,
            5 => OperationKind::StockUnfreeze,
            6 => OperationKind::StockEdit,
            7 => OperationKind::Extend,
            8 => OperationKind::Return,
            9 => OperationKind::StockQuota,
            _ => return None,
        })
    }

    /// The answer that a record of this kind stands for.
    pub const fn answer(self, value: u64) -> Answer<'static> {
        match self {
            OperationKind::Extend => Answer::Extended { deadline_ms: value },
            OperationKind::Return => Answer::Returned { units: value },
            _ => Answer::StockChanged { value },
        }
    }
}

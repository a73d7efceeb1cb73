//! Answers about groups. They stand apart from the answers so that their table stays in one view.
//!
//! Invariant: [`GroupRow`] is the layout of docs/protocol.md.

use crate::ids::{CardId, ChannelId, OperationId, StockId, UserId};
use zerocopy::little_endian::{U16, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Where a group stands. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum GroupState {
    /// It waits for members.
    Open = 1,
    /// All are there, and have their cards.
    Full = 2,
    /// Its deadline came before.
    Lapsed = 3,
}

impl GroupState {
    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<GroupState> {
        Some(match number {
            1 => GroupState::Open,
            2 => GroupState::Full,
            3 => GroupState::Lapsed,
            _ => return None,
        })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            GroupState::Open => "open",
            GroupState::Full => "full",
            GroupState::Lapsed => "lapsed",
        }
    }
}

/// GROUP_OPEN and GROUP_JOIN: who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupJoined {
    /// Members there are then; as many as the size: all have their cards.
    pub members: u8,
    /// Members that it is for.
    pub size: u8,
    /// It lapses then.
    pub deadline_ms: u64,
}

impl GroupJoined {
    const MEMBERS_SHIFT: u32 = 56;
    const SIZE_SHIFT: u32 = 48;

    /// The number in its operation record.
    pub const fn value(self) -> u64 {
        (self.members as u64) << GroupJoined::MEMBERS_SHIFT
            | (self.size as u64) << GroupJoined::SIZE_SHIFT
            | self.deadline_ms
    }

    /// What that number says.
    pub const fn from_value(value: u64) -> GroupJoined {
        GroupJoined {
            members: (value >> GroupJoined::MEMBERS_SHIFT) as u8,
            size: (value >> GroupJoined::SIZE_SHIFT) as u8,
            deadline_ms: value & ((1 << GroupJoined::SIZE_SHIFT) - 1),
        }
    }

    /// The latest deadline that there is room for, in the year 10889.
    pub const DEADLINE_MAX_MS: u64 = (1 << GroupJoined::SIZE_SHIFT) - 1;
}

/// GROUP_SHOW: a group as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupView<'a> {
    /// Its id.
    pub group: OperationId,
    /// The campaign.
    pub campaign: StockId,
    /// Where it stands.
    pub state: GroupState,
    /// Members that it is for.
    pub size: u8,
    /// When it was opened, ms.
    pub opened_ms: u64,
    /// When it lapses, or would have, ms.
    pub deadline_ms: u64,
    /// When it became full or lapsed, ms; 0: it is open.
    pub closed_ms: u64,
    /// Its members, in the order they joined.
    pub members: &'a [GroupRow],
}

/// A member of a group, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct GroupRow {
    /// Who.
    pub user: U128,
    /// His card; 0 unless the group is full (a card 0 is one, too).
    pub card: U64,
    /// The channel that he joined by.
    pub channel: U16,
    /// Reserved; 0.
    pub spare: [u8; 6],
}

impl GroupRow {
    /// A member with his card.
    pub fn new(user: UserId, channel: ChannelId, card: CardId) -> GroupRow {
        GroupRow {
            user: U128::new(user.0),
            card: U64::new(card.0),
            channel: U16::new(channel.0),
            spare: [0; 6],
        }
    }
}

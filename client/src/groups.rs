//! Groups: users who want cards of a campaign together.
//!
//! They stand apart from the other calls on cards so that both files stay in one view. Invariant: each call is one command under the
//! operation that it is given, so that it may be made again.

use crate::answer::{OwnedOutcome, StockChanged};
use crate::cards::NO_OPERATION;
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_engine::answer::{GroupJoined, GroupState, GroupView};
use scrip_engine::command::{Command, GroupWish, Parties};
use scrip_engine::ids::{CardId, ChannelId, OperationId, Slot, StockId, UserId};

/// A group: the operation that opened it, and the slot it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group {
    /// The id of the operation that opened it.
    pub id: OperationId,
    /// The slot of its campaign.
    pub slot: Slot,
}

/// GROUP_OPEN: a group with its first member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupOpen {
    /// Makes it idempotent; its id is the group's.
    pub operation: Operation,
    /// Whose cards they are to get.
    pub campaign: StockId,
    /// How many are to join, the first one included: 2 to 100.
    pub size: u16,
    /// Seconds for which they may: 1 to 259,200.
    pub lasts_s: u32,
    /// The first member.
    pub user: UserId,
    /// Whom else the demand comes from: limit key, device, address.
    pub parties: Option<Parties>,
}

impl GroupOpen {
    /// The group that it opens.
    pub const fn group(&self) -> Group {
        Group { id: self.operation.id, slot: self.campaign.slot() }
    }
}

/// GROUP_JOIN: one more member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupJoin {
    /// Makes it idempotent.
    pub operation: Operation,
    /// The group.
    pub group: Group,
    /// Who joins.
    pub user: UserId,
    /// Whom else the demand comes from: limit key, device, address.
    pub parties: Option<Parties>,
}

/// A member of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupMemberShown {
    /// Who.
    pub user: UserId,
    /// The channel that he joined by.
    pub channel: ChannelId,
    /// His card, once the group is full.
    pub card: Option<CardId>,
}

/// A group as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupShown {
    /// Its id.
    pub group: OperationId,
    /// The campaign.
    pub campaign: StockId,
    /// Where it stands.
    pub state: GroupState,
    /// Members that it is for.
    pub size: u8,
    /// Server time of its making.
    pub opened_ms: u64,
    /// When it lapses, or would have.
    pub deadline_ms: u64,
    /// When it became full or lapsed; 0: it is open.
    pub closed_ms: u64,
    /// Its members, in the order they joined.
    pub members: Vec<GroupMemberShown>,
}

impl From<&GroupView<'_>> for GroupShown {
    fn from(view: &GroupView<'_>) -> GroupShown {
        let is_full = view.state == GroupState::Full;
        let member = |row: &scrip_engine::answer::GroupRow| GroupMemberShown {
            user: UserId(row.user.get()),
            channel: ChannelId(row.channel.get()),
            card: is_full.then_some(CardId(row.card.get())),
        };
        GroupShown {
            group: view.group,
            campaign: view.campaign,
            state: view.state,
            size: view.size,
            opened_ms: view.opened_ms,
            deadline_ms: view.deadline_ms,
            closed_ms: view.closed_ms,
            members: view.members.iter().map(member).collect(),
        }
    }
}

impl Client {
    /// Opens a group with its first member: a unit of the campaign is held for him.
    pub async fn group_open(&self, request: GroupOpen) -> Result<GroupJoined, Error> {
        let GroupOpen { operation, campaign, size, lasts_s, user, parties } = request;
        let wish = GroupWish::Open { campaign, size, lasts_s, user, parties: parties.as_ref() };
        self.joined(operation, campaign.slot(), wish).await
    }

    /// Joins a group. If the answer says as many members as the size, everybody has his card.
    pub async fn group_join(&self, request: GroupJoin) -> Result<GroupJoined, Error> {
        let GroupJoin { operation, group, user, parties } = request;
        let wish = GroupWish::Join { group: group.id, user, parties: parties.as_ref() };
        self.joined(operation, group.slot, wish).await
    }

    /// Leaves a group that is not full. The answer's value is how many members are left.
    pub async fn group_leave(
        &self,
        operation: Operation,
        group: Group,
        user: UserId,
    ) -> Result<StockChanged, Error> {
        let command = Command::Group(GroupWish::Leave { group: group.id, user });
        match self.call(operation, group.slot, command).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Shows a group. It leaves the server's memory some time after it is over.
    pub async fn group_show(&self, group: Group) -> Result<GroupShown, Error> {
        let command = Command::Group(GroupWish::Show { group: group.id });
        match self.call(NO_OPERATION, group.slot, command).await? {
            OwnedOutcome::Group(shown) => Ok(*shown),
            _ => Err(wrong_answer()),
        }
    }

    async fn joined(
        &self,
        operation: Operation,
        slot: Slot,
        wish: GroupWish<'_>,
    ) -> Result<GroupJoined, Error> {
        match self.call(operation, slot, Command::Group(wish)).await? {
            OwnedOutcome::GroupJoined(joined) => Ok(joined),
            _ => Err(wrong_answer()),
        }
    }
}

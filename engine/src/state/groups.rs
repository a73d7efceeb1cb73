//! Groups: users who each want a card of one campaign, and whose units are held until all are there or time is over.
//!
//! A group and its members are records of two tables, linked in the order they joined. Deadlines are appointments of the campaign's
//! stock; a group that is full or has lapsed is remembered until the floor has passed that moment, so that whoever comes late is
//! told so.
//!
//! Invariant: the units that members of open groups have are all that is held of a campaign; an open group has fewer members than
//! it is for, a full one as many, each with a card of his own.

use super::digest::feed;
use super::index::Index;
use super::records::Counted;
use super::recount::{RecountError, same};
use super::table::{Handle, NONE, Table};
use super::{Appointment, Due, State};
use crate::answer::GroupState;
use crate::ids::{CardId, ChannelId, MerchantId, OperationId, OperationKey, Slot, UserId};
use crate::limits::Capacity;
use std::collections::BTreeSet;
use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct GroupRecord {
    /// Its id.
    pub operation: u128,
    /// It lapses then.
    pub deadline_ms: u64,
    /// When it was opened.
    pub opened_ms: u64,
    /// When it became full or lapsed; 0: it is open.
    pub closed_ms: u64,
    /// The card of its first member, once it is full.
    pub first_card: u64,
    /// The sequence at which it was opened: in this order groups with one deadline lapse.
    opened: u64,
    /// The tenant.
    pub merchant: u32,
    /// The campaign's stock.
    pub stock: u32,
    /// The member who joined first; [`NONE`]: there is none.
    pub first_member: u32,
    /// The slot.
    pub slot: u16,
    /// How many members it is for; 0: the record is free.
    pub size: u8,
    /// How many it has.
    pub members: u8,
    /// A [`GroupState`].
    state: u8,
    spare: [u8; 7],
}

const _: () = assert!(size_of::<GroupRecord>() == 80);

impl GroupRecord {
    /// An open group without members.
    pub fn new(
        key: OperationKey,
        stock: Handle,
        size: u8,
        (opened_ms, deadline_ms): (u64, u64),
    ) -> GroupRecord {
        GroupRecord {
            operation: key.operation.0,
            deadline_ms,
            opened_ms,
            closed_ms: 0,
            first_card: 0,
            opened: 0,
            merchant: key.merchant.0,
            stock: stock.0,
            first_member: NONE,
            slot: key.slot.0,
            size,
            members: 0,
            state: GroupState::Open as u8,
            spare: [0; 7],
        }
    }

    /// Where it stands. Panics on a free record.
    pub fn state(&self) -> GroupState {
        GroupState::from_number(self.state).expect("a group in use has a state")
    }

    /// Its key.
    pub fn key(&self) -> OperationKey {
        OperationKey {
            merchant: MerchantId(self.merchant),
            slot: Slot(self.slot),
            operation: OperationId(self.operation),
        }
    }

    fn appointment(&self, handle: Handle) -> Appointment {
        let what = Due::Group { opened: self.opened, group: handle };
        Appointment { at_ms: self.deadline_ms, stock: Handle(self.stock), what }
    }
}

/// A member of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MemberRecord {
    /// Who; 0: the record is free.
    pub user: u128,
    /// His limit key; 0: not told.
    pub limit_key: u128,
    /// When he joined.
    pub joined_ms: u64,
    /// In which purchase limits his unit counts, while it is held.
    pub limit: u32,
    /// The member that joined next; [`NONE`]: he is the last.
    next: u32,
    /// The channel that he joined by.
    channel: u16,
    spare: [u8; 14],
}

const _: () = assert!(size_of::<MemberRecord>() == 64);

impl MemberRecord {
    /// A member whose unit counts as the word says.
    pub fn new(
        user: UserId,
        limit_key: u128,
        channel: ChannelId,
        (joined_ms, limit): (u64, u32),
    ) -> MemberRecord {
        MemberRecord {
            user: user.0,
            limit_key,
            joined_ms,
            limit,
            next: NONE,
            channel: channel.0,
            spare: [0; 14],
        }
    }

    /// The channel that he joined by.
    pub fn channel(&self) -> ChannelId {
        ChannelId(self.channel)
    }

    /// The member that joined next; [`NONE`]: he is the last.
    pub fn next(&self) -> u32 {
        self.next
    }
}

/// All groups.
pub struct Groups {
    groups: Table<GroupRecord>,
    members: Table<MemberRecord>,
    /// Groups by their keys.
    index: Index,
    /// The order in which groups that are over are forgotten: when they ended, and their handles.
    ends: BTreeSet<(u64, u32)>,
}

impl Groups {
    /// Nothing, with room for so many.
    pub fn new(capacity: &Capacity) -> Groups {
        Groups {
            groups: Table::new(capacity.groups_max),
            members: Table::new(capacity.groups_max),
            index: Index::new(capacity.groups_max),
            ends: BTreeSet::new(),
        }
    }

    /// Groups and members in memory.
    pub fn used(&self) -> u32 {
        self.groups.used() + self.members.used()
    }

    /// The group with this handle.
    pub fn get(&self, handle: Handle) -> &GroupRecord {
        self.groups.get(handle)
    }

    /// The members of a group, in the order they joined.
    pub fn members(&self, group: Handle) -> impl Iterator<Item = (Handle, &MemberRecord)> {
        let mut next = self.groups.get(group).first_member;
        core::iter::from_fn(move || {
            let handle = Handle(next);
            let member = (next != NONE).then(|| self.members.get(handle))?;
            next = member.next;
            Some((handle, member))
        })
    }

    /// The member of a group that is this user.
    pub fn member_of(&self, group: Handle, user: UserId) -> Option<Handle> {
        self.members(group).find(|(_, member)| member.user == user.0).map(|(handle, _)| handle)
    }

    /// Members of open groups, each with his campaign's stock.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (Handle, &MemberRecord)> {
        let open = self.groups.iter().filter(|(_, group)| group.state == GroupState::Open as u8);
        open.flat_map(|(handle, group)| self.members(handle).map(|(_, member)| (Handle(group.stock), member)))
    }
}

impl State {
    /// The group with this key, as long as it is remembered.
    pub fn find_group(&self, key: &OperationKey) -> Option<Handle> {
        self.groups.index.find(self.record_hash(key), |handle| {
            let group = self.groups.get(handle);
            let is_open = group.state == GroupState::Open as u8;
            group.key() == *key && (is_open || group.closed_ms >= self.floor_ms)
        })
    }

    /// A member of a group.
    pub fn member(&self, handle: Handle) -> &MemberRecord {
        self.groups.members.get(handle)
    }

    /// Compares groups with their members, deadlines and ends.
    pub(super) fn compare_groups(&self) -> Result<(), RecountError> {
        let Groups { groups, members, index, ends } = &self.groups;
        let (mut known, mut in_groups) = (0u64, 0u64);
        for (handle, group) in groups.iter().filter(|(_, group)| group.size != 0) {
            known += 1;
            let is_open = group.state() == GroupState::Open;
            let there = self.groups.members(handle).count() as u64;
            in_groups += there;
            same("members of a group", u64::from(group.members), there)?;
            let fits = if group.state() == GroupState::Full {
                there == u64::from(group.size)
            } else {
                there < u64::from(group.size)
            };
            same("members that a group is for", u64::from(fits), 1)?;
            let ended = ends.contains(&(group.closed_ms, handle.0));
            same("ends of groups", u64::from(ended), u64::from(!is_open))?;
            let waits = self.appointments.contains(&group.appointment(handle));
            same("deadlines of groups", u64::from(waits), u64::from(is_open))?;
        }
        same("groups", u64::from(groups.used()), known)?;
        same("groups", u64::from(index.used()), known)?;
        same("members of groups", u64::from(members.used()), in_groups)
    }

    pub(super) fn digest_groups(&self, hash: &mut Xxh3) {
        feed(hash, &self.groups.groups);
        feed(hash, &self.groups.members);
    }
}

/// Writing: for `apply` alone.
impl State {
    /// Adds an open group.
    pub(crate) fn insert_group(&mut self, record: GroupRecord) -> Handle {
        let record = GroupRecord { opened: self.sequence, ..record };
        let handle = self.groups.groups.insert(record);
        self.groups.index.insert(self.record_hash(&record.key()), handle);
        self.appointments.insert(record.appointment(handle));
        handle
    }

    /// A group has one member more, the last.
    pub(crate) fn add_member(&mut self, group: Handle, record: MemberRecord) {
        let last = self.groups.members(group).last().map(|(handle, _)| handle);
        let made = self.groups.members.insert(record);
        let found = self.groups.groups.get_mut(group);
        found.members += 1;
        match last {
            None => found.first_member = made.0,
            Some(last) => self.groups.members.get_mut(last).next = made.0,
        }
    }

    /// A group has this member no longer; answers what he was.
    pub(crate) fn remove_member(&mut self, group: Handle, member: Handle) -> MemberRecord {
        let before = self.groups.members(group).find(|(_, record)| record.next == member.0);
        let before = before.map(|(handle, _)| handle);
        let record = *self.groups.members.get(member);
        let found = self.groups.groups.get_mut(group);
        found.members -= 1;
        match before {
            None => found.first_member = record.next,
            Some(before) => self.groups.members.get_mut(before).next = record.next,
        }
        self.groups.members.remove(member);
        record
    }

    /// What a member's unit counted in no longer points to him.
    pub(crate) fn forget_count(&mut self, member: Handle) {
        self.groups.members.get_mut(member).limit = NONE;
    }

    /// A group is full or has lapsed.
    pub(crate) fn close_group(&mut self, group: Handle, state: GroupState, first_card: CardId) {
        let now_ms = self.now_ms;
        let appointment = self.groups.get(group).appointment(group);
        assert!(self.appointments.remove(&appointment), "an open group has a deadline");
        let found = self.groups.groups.get_mut(group);
        (found.state, found.closed_ms, found.first_card) = (state as u8, now_ms, first_card.0);
        self.groups.ends.insert((now_ms, group.0));
    }

    /// Forgets groups that ended before the floor, so many at most.
    pub(crate) fn reclaim_groups(&mut self, most: usize) {
        for _ in 0..most {
            let Some((closed_ms, handle)) = self.groups.ends.first().copied() else { return };
            if closed_ms >= self.floor_ms {
                return;
            }
            let group = Handle(handle);
            while self.groups.get(group).first_member != NONE {
                let first = Handle(self.groups.get(group).first_member);
                let counts = Counted::of(self.groups.members.get(first).limit);
                assert!(counts == Counted::Nowhere, "who is forgotten counts nowhere");
                self.remove_member(group, first);
            }
            let hash = self.record_hash(&self.groups.get(group).key());
            self.groups.index.remove(hash, group);
            self.groups.ends.remove(&(closed_ms, handle));
            self.groups.groups.remove(group);
        }
    }
}

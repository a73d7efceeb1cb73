//! Events of groups, to bytes and back. They stand apart as their rules do.
//!
//! Invariant: as of all events: what is read is what was written, and no count is trusted before it was checked.

use super::decode::Reader;
use super::encode::Writer;
use super::layout::*;
use super::*;
use crate::limits::{GROUP_MEMBERS_MAX, GROUP_MEMBERS_MIN};

/// What became of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GroupEvent<'a> {
    /// It was opened by its first member, whose unit is held. Its id is the operation's.
    Opened {
        /// The operation.
        origin: Origin,
        /// Whose cards its members are to get.
        campaign: StockId,
        /// How many they are to be.
        size: u8,
        /// It lapses then.
        deadline_ms: u64,
        /// The first.
        member: GroupMember,
    },
    /// One more has joined, whose unit is held.
    Joined {
        /// The operation.
        origin: Origin,
        /// The group.
        group: OperationId,
        /// Who.
        member: GroupMember,
    },
    /// A member has left.
    Left {
        /// The operation.
        origin: Origin,
        /// The group.
        group: OperationId,
        /// Who.
        user: UserId,
    },
    /// The last one has joined: all have their cards.
    Filled {
        /// The operation of the last one.
        origin: Origin,
        /// The group.
        group: OperationId,
        /// The last one.
        member: GroupMember,
        /// The campaign.
        campaign: StockId,
        /// The card of the first member; those of the others follow.
        first: CardId,
        /// Valid from, seconds; 0: open.
        from_s: u32,
        /// Valid until, seconds; 0: open.
        until_s: u32,
        /// All members in the order they joined, the last one included.
        owners: &'a [EventMember],
    },
    /// Its deadline has come.
    Lapsed {
        /// The group.
        group: OperationKey,
    },
}

/// Who joins a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupMember {
    /// The user.
    pub user: UserId,
    /// Whom else the unit is for, if that was told.
    pub parties: Option<Parties>,
    /// For whom it counts, as [`EventLine::flags`].
    pub counting: u32,
    /// A risk rule or a block has marked it.
    pub flagged: bool,
}

/// A member of a full group, as it lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EventMember {
    /// The user.
    pub user: U128,
    /// The channel that he joined by.
    pub channel: U16,
    /// Reserved; 0.
    pub spare: [u8; 6],
}

impl EventMember {
    /// A member that joined through a channel.
    pub fn new(user: UserId, channel: ChannelId) -> EventMember {
        EventMember { user: U128::new(user.0), channel: U16::new(channel.0), spare: [0; 6] }
    }

    /// The user.
    pub fn user(&self) -> UserId {
        UserId(self.user.get())
    }

    /// The channel that he joined by.
    pub fn channel(&self) -> ChannelId {
        ChannelId(self.channel.get())
    }
}

/// When the cards of a full group are valid.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Cards {
    campaign: U64,
    first: U64,
    from_s: U32,
    until_s: U32,
}

impl Writer<'_> {
    /// A member but for what it counts for, which stands with the origin; answers the flags.
    fn put_member(&mut self, member: &GroupMember) -> u8 {
        self.put(&member.user.0.to_le_bytes());
        if let Some(parties) = &member.parties {
            self.put(parties.as_bytes());
        }
        let told = if member.parties.is_some() { FLAG_PARTIES } else { 0 };
        told | if member.flagged { FLAG_FLAGGED } else { 0 }
    }
}

impl GroupEvent<'_> {
    pub(super) fn encode(&self, mut writer: Writer<'_>) -> usize {
        match self {
            GroupEvent::Opened { origin, campaign, size, deadline_ms, member } => {
                writer.put_origin(origin, member.counting as u16);
                writer.put_u64(campaign.0);
                writer.put_u64(*deadline_ms);
                let flags = writer.put_member(member);
                writer.finish(GROUP_OPENED, flags, usize::from(*size), origin.channel)
            }
            GroupEvent::Joined { origin, group, member } => {
                writer.put_origin(origin, member.counting as u16);
                writer.put(&group.0.to_le_bytes());
                let flags = writer.put_member(member);
                writer.finish(GROUP_JOINED, flags, 0, origin.channel)
            }
            GroupEvent::Left { origin, group, user } => {
                writer.put_origin(origin, 0);
                writer.put(&group.0.to_le_bytes());
                writer.put(&user.0.to_le_bytes());
                writer.finish(GROUP_LEFT, 0, 0, origin.channel)
            }
            GroupEvent::Filled { origin, group, member, campaign, first, from_s, until_s, owners } => {
                writer.put_origin(origin, member.counting as u16);
                writer.put(&group.0.to_le_bytes());
                let cards = Cards {
                    campaign: U64::new(campaign.0),
                    first: U64::new(first.0),
                    from_s: U32::new(*from_s),
                    until_s: U32::new(*until_s),
                };
                writer.put(cards.as_bytes());
                let flags = writer.put_member(member);
                writer.put(owners.as_bytes());
                writer.finish(GROUP_FILLED, flags, owners.len(), origin.channel)
            }
            GroupEvent::Lapsed { group } => {
                writer.put(EventHold::new(*group).as_bytes());
                writer.finish(GROUP_LAPSED, 0, 0, ChannelId(0))
            }
        }
    }
}

/// A member; the user is told.
fn take_member(reader: &mut Reader<'_>, flags: u8, counting: u16) -> Result<GroupMember, EventError> {
    let user = UserId(reader.take_u128()?);
    let parties = if flags & FLAG_PARTIES != 0 { Some(reader.take()?) } else { None };
    if user.0 == 0 {
        return Err(reader.field("user"));
    }
    Ok(GroupMember { user, parties, counting: u32::from(counting), flagged: flags & FLAG_FLAGGED != 0 })
}

pub(super) fn decode<'a>(
    reader: &mut Reader<'a>,
    head: &Head,
    channel: ChannelId,
) -> Result<Event<'a>, EventError> {
    if head.kind == GROUP_LAPSED {
        return Ok(Event::Group(GroupEvent::Lapsed { group: reader.take_key()? }));
    }
    let (flags, count) = (head.flags, usize::from(head.count.get()));
    let (origin, counting) = reader.take_origin(channel)?;
    if head.kind == GROUP_OPENED {
        let (campaign, deadline_ms) = (StockId(reader.take_u64()?), reader.take_u64()?);
        if !(GROUP_MEMBERS_MIN..=GROUP_MEMBERS_MAX).contains(&count) {
            return Err(reader.field("size"));
        }
        let member = take_member(reader, flags, counting)?;
        return Ok(Event::Group(GroupEvent::Opened {
            origin,
            campaign,
            size: count as u8,
            deadline_ms,
            member,
        }));
    }
    let group = OperationId(reader.take_u128()?);
    Ok(Event::Group(match head.kind {
        GROUP_JOINED => GroupEvent::Joined { origin, group, member: take_member(reader, flags, counting)? },
        GROUP_LEFT => GroupEvent::Left { origin, group, user: UserId(reader.take_u128()?) },
        _ => {
            let cards: Cards = reader.take()?;
            let member = take_member(reader, flags, counting)?;
            let owners: &[EventMember] = reader.take_slice(count, GROUP_MEMBERS_MAX)?;
            if owners.len() < GROUP_MEMBERS_MIN {
                return Err(reader.field("members"));
            }
            GroupEvent::Filled {
                origin,
                group,
                member,
                campaign: StockId(cards.campaign.get()),
                first: CardId(cards.first.get()),
                from_s: cards.from_s.get(),
                until_s: cards.until_s.get(),
                owners,
            }
        }
    }))
}

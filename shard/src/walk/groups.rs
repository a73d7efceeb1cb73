//! Groups in the walk's own books: who is in which, through which channel, and what becomes of the units held for them.
//!
//! It follows docs/sharing.md, not the engine's code. Invariant: nothing here panics on a log that is wrong; what can't be is
//! put into words, and the units of stocks are followed as the event says.

use super::books::{HoldName, name};
use scrip_engine::event::{Event, GroupEvent, GroupMember, Origin};
use scrip_engine::ids::{ChannelId, OperationId, OperationKey, StockId, UserId};
use std::collections::BTreeMap;

/// A group.
#[derive(Debug, Clone)]
struct GroupBook {
    campaign: StockId,
    size: usize,
    deadline_ms: u64,
    over: bool,
    /// Who, by which limit key, through which channel.
    members: Vec<(UserId, u128, ChannelId)>,
}

/// What an event means for the units of a campaign's stock: through each channel one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Moves {
    pub(super) stock: Option<StockId>,
    pub(super) held: Vec<ChannelId>,
    pub(super) freed: Vec<ChannelId>,
    pub(super) consumed: Vec<ChannelId>,
}

/// The books of groups.
#[derive(Debug, Default)]
pub(super) struct GroupBooks {
    now_ms: u64,
    groups: BTreeMap<HoldName, GroupBook>,
    /// What can't be, of the last event.
    pub(super) wrong: Vec<String>,
}

impl GroupBooks {
    /// Follows an event; answers what it moves.
    pub(super) fn follow(&mut self, event: &Event<'_>) -> Moves {
        match event {
            Event::Tick { now_ms } => {
                self.now_ms = *now_ms;
                Moves::default()
            }
            Event::Group(event) => self.follow_group(event),
            _ => Moves::default(),
        }
    }

    fn follow_group(&mut self, event: &GroupEvent<'_>) -> Moves {
        match event {
            GroupEvent::Opened { origin, campaign, size, deadline_ms, member } => {
                let (size, deadline_ms) = (usize::from(*size), *deadline_ms);
                let book =
                    GroupBook { campaign: *campaign, size, deadline_ms, over: false, members: Vec::new() };
                let before = self.groups.insert(name(&origin.key()), book);
                if before.is_some_and(|before| !before.over) {
                    self.wrong.push(format!("group {} is opened while it is open", origin.operation));
                }
                self.join((origin, origin.operation), member)
            }
            GroupEvent::Joined { origin, group, member } => {
                let moves = self.join((origin, *group), member);
                let book = self.groups.get(&name(&OperationKey { operation: *group, ..origin.key() }));
                if book.is_some_and(|book| book.members.len() >= book.size) {
                    self.wrong.push(format!("group {group} has all its members, and nobody gets a card"));
                }
                moves
            }
            GroupEvent::Left { origin, group, user } => {
                let Some(book) = self.open((origin, *group)) else { return Moves::default() };
                let Some(place) = book.members.iter().position(|(member, ..)| member == user) else {
                    self.wrong.push(format!("{user} leaves group {group}, in which he is not"));
                    return Moves::default();
                };
                let (_, _, channel) = book.members.remove(place);
                Moves { stock: Some(book.campaign), freed: vec![channel], ..Moves::default() }
            }
            GroupEvent::Filled { origin, group, member, owners, campaign, .. } => {
                let joined = self.join((origin, *group), member);
                let Some(book) = self.open((origin, *group)) else { return joined };
                book.over = true;
                let listed: Vec<_> = owners.iter().map(|owner| (owner.user(), owner.channel())).collect();
                let ours: Vec<_> = book.members.iter().map(|(user, _, channel)| (*user, *channel)).collect();
                let (size, of) = (book.size, book.campaign);
                if listed != ours || ours.len() != size || of != *campaign {
                    self.wrong.push(format!(
                        "group {group} of {of} for {size} gives cards to {listed:?}, in it are {ours:?}"
                    ));
                }
                Moves { consumed: ours.into_iter().map(|(_, channel)| channel).collect(), ..joined }
            }
            GroupEvent::Lapsed { group } => {
                let now_ms = self.now_ms;
                let Some(book) = self.groups.get_mut(&name(group)).filter(|book| !book.over) else {
                    self.wrong.push(format!("group {} lapses, which is not open", group.operation));
                    return Moves::default();
                };
                book.over = true;
                let due = book.deadline_ms == now_ms;
                let freed = book.members.iter().map(|(_, _, channel)| *channel).collect();
                let moves = Moves { stock: Some(book.campaign), freed, ..Moves::default() };
                if !due {
                    self.wrong.push(format!("group {} lapses at {now_ms}", group.operation));
                }
                moves
            }
        }
    }

    fn open(&mut self, (origin, group): (&Origin, OperationId)) -> Option<&mut GroupBook> {
        let key = OperationKey { operation: group, ..origin.key() };
        let now_ms = self.now_ms;
        let found = self.groups.get_mut(&name(&key));
        let found = found.filter(|book| !book.over && now_ms < book.deadline_ms);
        if found.is_none() {
            self.wrong.push(format!("something happens to group {group}, which is not open"));
        }
        found
    }

    fn join(&mut self, of: (&Origin, OperationId), member: &GroupMember) -> Moves {
        let limit_key = member.parties.map_or(0, |parties| parties.limit_key.get());
        let (user, channel, group) = (member.user, of.0.channel, of.1);
        let Some(book) = self.open(of) else { return Moves::default() };
        let twice =
            book.members.iter().any(|(there, key, _)| *there == user || *key != 0 && *key == limit_key);
        book.members.push((user, limit_key, channel));
        let (stock, too_many) = (book.campaign, book.members.len() > book.size);
        if twice || too_many {
            self.wrong.push(format!("{user} joins group {group}, in which he is or which is full"));
        }
        Moves { stock: Some(stock), held: vec![channel], ..Moves::default() }
    }
}

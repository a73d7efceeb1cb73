//! The oracle on groups: who is in which, and what becomes of all of them at once.
//!
//! Invariant: what is held of a campaign is one unit for each member of an open group of it.

use super::campaigns::short;
use super::{HoldLine, Key, Oracle, Stock, key_beside, key_of, told};
use crate::outcome::{OwnedFacts, OwnedGroup, OwnedOutcome};
use crate::request::{OwnedGroupWish, OwnedIssue};
use scrip_engine::answer::{GroupJoined, GroupRow, GroupState};
use scrip_engine::command::{Envelope, Parties};
use scrip_engine::ids::{CardId, ChannelId, OperationId, StockId, UserId};
use scrip_engine::rejection::Code;
use std::collections::BTreeMap;

/// Users who want cards together.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `GroupView`, which documents them")]
pub struct Group {
    pub campaign: StockId,
    pub state: GroupState,
    pub size: u16,
    pub opened_ms: u64,
    pub deadline_ms: u64,
    pub closed_ms: u64,
    /// Groups opened before it.
    pub ordinal: u64,
    pub members: Vec<Member>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// By which limit key; 0: not told.
    pub limit_key: u128,
    /// Through which channel.
    pub channel: ChannelId,
    /// When.
    pub joined_ms: u64,
    /// For whom his unit counts.
    pub line: HoldLine,
    /// What he got.
    pub card: Option<CardId>,
}

/// The CLAIM that a member's wish amounts to.
fn claim(campaign: StockId, owner: UserId, parties: Option<Parties>) -> OwnedIssue {
    OwnedIssue { owner, claimed: true, parties, ..OwnedIssue::of_nobody(campaign) }
}

impl Oracle {
    /// GROUP_OPEN, GROUP_JOIN, GROUP_LEAVE.
    pub(super) fn change_group(&mut self, envelope: &Envelope, wish: &OwnedGroupWish) -> OwnedOutcome {
        let changed = match *wish {
            OwnedGroupWish::Open { campaign, size, lasts_s, user, parties } => {
                self.open_group(envelope, claim(campaign, user, parties), (size, lasts_s))
            }
            OwnedGroupWish::Join { group, user, parties } => {
                self.join_group(envelope, key_beside(envelope, group), (user, parties))
            }
            OwnedGroupWish::Leave { group, user } => self.leave_group(key_beside(envelope, group), user),
            OwnedGroupWish::Show { .. } => unreachable!("it is a query"),
        };
        changed.unwrap_or_else(|refusal| refusal)
    }

    /// GROUP_SHOW.
    pub(super) fn show_group(&self, envelope: &Envelope, id: OperationId) -> OwnedOutcome {
        let Some(group) = self.groups.get(&key_beside(envelope, id)) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let row =
            |member: &Member| GroupRow::new(member.user, member.channel, member.card.unwrap_or(CardId(0)));
        OwnedOutcome::Group(Box::new(OwnedGroup {
            group: id,
            campaign: group.campaign,
            state: group.state,
            size: group.size,
            opened_ms: group.opened_ms,
            deadline_ms: group.deadline_ms,
            closed_ms: group.closed_ms,
            members: group.members.iter().map(row).collect(),
        }))
    }

    fn open_group(
        &mut self,
        envelope: &Envelope,
        claim: OwnedIssue,
        (size, lasts_s): (u16, u32),
    ) -> Result<OwnedOutcome, OwnedOutcome> {
        let key = key_of(envelope);
        if self.groups.contains_key(&key) {
            return Err(OwnedOutcome::refused(Code::OperationMismatch));
        }
        self.may_join(envelope, &claim, &[])?;
        let group = Group {
            campaign: claim.campaign,
            state: GroupState::Open,
            size,
            opened_ms: self.now_ms,
            deadline_ms: self.now_ms + u64::from(lasts_s) * 1_000,
            closed_ms: 0,
            ordinal: self.groups_opened,
            members: Vec::new(),
        };
        self.groups_opened += 1;
        self.groups.insert(key, group);
        self.add_member(envelope, key, &claim);
        Ok(self.joined(key))
    }

    fn join_group(
        &mut self,
        envelope: &Envelope,
        key: Key,
        (user, parties): (UserId, Option<Parties>),
    ) -> Result<OwnedOutcome, OwnedOutcome> {
        let group = self.open(key)?;
        let limit_key = parties.map_or(0, |parties| parties.limit_key.get());
        let same = |member: &Member| member.user == user || limit_key != 0 && member.limit_key == limit_key;
        if group.members.iter().any(same) {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        let claim = claim(group.campaign, user, parties);
        let is_last = group.members.len() + 1 == usize::from(group.size);
        let mut owners: Vec<ChannelId> = group.members.iter().map(|member| member.channel).collect();
        owners.push(envelope.channel);
        self.may_join(envelope, &claim, if is_last { &owners } else { &[] })?;
        self.add_member(envelope, key, &claim);
        if is_last {
            self.fill_group(envelope, key, &claim);
        }
        Ok(self.joined(key))
    }

    fn leave_group(&mut self, key: Key, user: UserId) -> Result<OwnedOutcome, OwnedOutcome> {
        let group = self.open(key)?;
        let place = group.members.iter().position(|member| member.user == user);
        let place = place.ok_or(OwnedOutcome::refused(Code::NotOwner))?;
        let campaign = group.campaign;
        let group = self.groups.get_mut(&key).expect("it is open");
        let member = group.members.remove(place);
        let left = group.members.len() as u64;
        self.free_member(campaign, &member);
        Ok(OwnedOutcome::StockChanged { value: left })
    }

    fn joined(&self, key: Key) -> OwnedOutcome {
        let Group { size, deadline_ms, members, .. } = &self.groups[&key];
        let (members, size, deadline_ms) = (members.len() as u8, *size as u8, *deadline_ms);
        OwnedOutcome::GroupJoined(GroupJoined { members, size, deadline_ms })
    }

    /// The group, if it is open.
    fn open(&self, key: Key) -> Result<&Group, OwnedOutcome> {
        let group = self.groups.get(&key).ok_or(OwnedOutcome::refused(Code::NotFound))?;
        match group.state {
            GroupState::Open => Ok(group),
            GroupState::Full => {
                let size = i128::from(group.size);
                Err(short(Code::RuleFailed, group.campaign, size + 1, size))
            }
            GroupState::Lapsed => {
                let facts = OwnedFacts::Time(group.deadline_ms);
                Err(OwnedOutcome::Refused { code: Code::Expired, facts })
            }
        }
    }

    /// The checks of a CLAIM, with room for as many cards as are issued.
    fn may_join(
        &self,
        envelope: &Envelope,
        claim: &OwnedIssue,
        issued: &[ChannelId],
    ) -> Result<(), OwnedOutcome> {
        if self.own_campaign(envelope, claim.campaign).is_some() && self.group_of(claim.campaign).is_some() {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        self.issues(envelope, claim)?;
        self.lets_get(envelope, claim)?;
        self.judge(envelope, &told(&claim.demand()))?;
        self.suffices(envelope, claim)?;
        let (stock, campaign) = self.own_campaign(envelope, claim.campaign).expect("it is there");
        if !issued.is_empty() {
            let (slot, number) = (claim.campaign.slot(), campaign.number);
            let serials = campaign.issued..campaign.issued + issued.len() as u64;
            self.room_for_pages(serials.map(|serial| CardId::new(slot, number, serial)))?;
        }
        if stock.is_full_for(envelope.channel) { Err(Stock::too_many_channels()) } else { Ok(()) }
    }

    fn add_member(&mut self, envelope: &Envelope, key: Key, claim: &OwnedIssue) {
        let demand = claim.demand();
        self.stock_mut(claim.campaign).take(envelope.channel, 1, false);
        let mut line = HoldLine::of_cards(claim.campaign, 1);
        line.note_subjects(&self.stocks[&claim.campaign], &demand);
        self.count_new(&line, true);
        self.count_success(envelope, &told(&demand));
        let member = Member {
            user: claim.owner,
            limit_key: told(&demand)[1].1,
            channel: envelope.channel,
            joined_ms: self.now_ms,
            line,
            card: None,
        };
        self.groups.get_mut(&key).expect("it is open").members.push(member);
    }

    fn free_member(&mut self, campaign: StockId, member: &Member) {
        self.stock_mut(campaign).give_back(member.channel, 1);
        self.count(&member.line, member.joined_ms, -1, -1);
    }

    /// Everybody gets his card.
    fn fill_group(&mut self, envelope: &Envelope, key: Key, claim: &OwnedIssue) {
        let (now_ms, id) = (self.now_ms, claim.campaign);
        let mut members = self.groups[&key].members.clone();
        for member in &mut members {
            let made = self.made(&Envelope { channel: member.channel, ..*envelope }, claim);
            let made = super::Card { owner: member.user, ..made };
            self.stock_mut(id).consume_held(member.channel, 1);
            self.count(&member.line, member.joined_ms, 0, -1);
            let day = self.day(id, member.joined_ms);
            for subject in &member.line.subjects {
                *self.departed_purchases.entry((id, *subject)).or_insert(0) += 1;
                if member.line.fully {
                    *self.departed_days.entry((id, *subject, day)).or_insert(0) += 1;
                }
                for (at, number) in member.line.spans_of(day) {
                    *self.departed_spans.entry((id, *subject, at, number)).or_insert(0) += 1;
                }
            }
            let campaign = self.campaign_mut(id);
            let card = CardId::new(id.slot(), campaign.number, campaign.issued);
            campaign.issued += 1;
            member.card = Some(card);
            self.cards.insert(card, made);
        }
        self.issues += 1;
        self.campaign_mut(id).note_issue(now_ms, members.len() as i128);
        let group = self.groups.get_mut(&key).expect("it is open");
        (group.state, group.closed_ms, group.members) = (GroupState::Full, now_ms, members);
    }

    /// When open groups lapse.
    pub fn deadlines_of_groups(&self) -> impl Iterator<Item = u64> {
        let open = self.groups.values().filter(|group| group.state == GroupState::Open);
        open.map(|group| group.deadline_ms)
    }

    /// Every open group whose deadline is `due_ms` lapses, in the order in which they were opened.
    pub(super) fn lapse_groups(&mut self, due_ms: u64) {
        let is_due = |group: &Group| group.state == GroupState::Open && group.deadline_ms == due_ms;
        let mut due: Vec<(u64, Key)> = self
            .groups
            .iter()
            .filter(|(_, group)| is_due(group))
            .map(|(key, group)| (group.ordinal, *key))
            .collect();
        due.sort_unstable();
        for (_, key) in due {
            let group = self.groups.get_mut(&key).expect("it is there");
            (group.state, group.closed_ms) = (GroupState::Lapsed, due_ms);
            let group = group.clone();
            for member in &group.members {
                self.free_member(group.campaign, member);
            }
        }
    }

    /// Forgets groups that were over before the floor.
    pub(super) fn forget_groups(&mut self) {
        let floor_ms = self.floor_ms;
        self.groups.retain(|_, group| group.state == GroupState::Open || group.closed_ms >= floor_ms);
    }

    /// Groups and members that are remembered.
    pub fn group_records(&self) -> usize {
        self.groups.values().map(|group| 1 + group.members.len()).sum()
    }

    /// Units that members of open groups have, by campaign and channel.
    pub(super) fn held_by_groups(&self) -> BTreeMap<(StockId, ChannelId), i128> {
        let mut held = BTreeMap::new();
        for group in self.groups.values() {
            let size = usize::from(group.size);
            let fits = match group.state {
                GroupState::Full => group.members.len() == size,
                _ => group.members.len() < size,
            };
            assert!(fits, "{group:?}");
            let waits = group.state == GroupState::Open;
            for member in group.members.iter().filter(|_| waits) {
                *held.entry((group.campaign, member.channel)).or_insert(0) += 1;
            }
        }
        held
    }

    /// What members of open groups are counted with.
    pub(super) fn lines_of_groups(&self) -> impl Iterator<Item = (&HoldLine, u64)> {
        let open = self.groups.values().filter(|group| group.state == GroupState::Open);
        open.flat_map(|group| group.members.iter().map(|member| (&member.line, member.joined_ms)))
    }
}

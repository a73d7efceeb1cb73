//! GROUP_OPEN, GROUP_JOIN, GROUP_LEAVE, GROUP_SHOW: users who want cards together, and get them together or not at all.
//!
//! A member is checked as a CLAIM is, and his unit held. Invariant: a group's cards are issued in one event, of units that were held
//! for each of them, or its units are given back in one.

use super::checks::{before_deciding, capacity, operation_room};
use super::issue::{check_claimant, check_risk, check_times, check_units, no_counts, no_pages};
use super::taken::{begin_counting, subjects, subjects_of};
use super::worth::Span;
use super::{Plan, Question, Replies, Reply, Resolved, Verdict, budget, record, risk};
use crate::answer::{GroupJoined, GroupRow, GroupState, GroupView, OperationKind};
use crate::command::{GroupWish, Issue, Parties, Take, claim_of};
use crate::content::content_digest;
use crate::event::{Event, EventLine, EventMember, GroupEvent, GroupMember, Origin};
use crate::ids::{CardId, OperationId, OperationKey, StockId, UserId};
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::campaigns::Campaign;
use crate::state::cards::CardRecord;
use crate::state::counts::{Count, NO_ENTRIES};
use crate::state::groups::{GroupRecord, MemberRecord};
use crate::state::stock::Posting;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};

/// Groups that are forgotten as a new one is opened.
const VISITS_PER_GROUP: usize = 4;

type Decided<T> = Result<T, Rejection<'static>>;

/// Decides one of them.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    wish: &GroupWish<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    if let GroupWish::Show { group } = wish {
        let found = state.find_group(&question.request.envelope.key_of(*group));
        let refusal = || Verdict::Refuse(Rejection::plain(Code::NotFound));
        return found.map_or_else(refusal, |group| Verdict::Answer(Reply::Group(group)));
    }
    let content = content_digest(&question.request.envelope, &question.request.command);
    let campaign = if let GroupWish::Open { campaign, .. } = wish { Some(*campaign) } else { None };
    if let Some(verdict) = before_deciding(state, question, content, campaign.into_iter()) {
        return verdict;
    }
    let origin = question.origin(content);
    let decided = match *wish {
        GroupWish::Open { campaign, size, lasts_s, user, parties } => {
            open(state, question, (campaign, user, parties), (origin, size as u8, lasts_s), plan)
        }
        GroupWish::Join { group, user, parties } => {
            return match join(state, question, (group, user, parties), plan) {
                Ok(joining) => joined(state, question, (origin, group), joining, plan),
                Err(rejection) => Verdict::Refuse(rejection),
            };
        }
        GroupWish::Leave { group, user } => leave(state, question, (origin, group, user)),
        GroupWish::Show { .. } => unreachable!("it was answered before"),
    };
    match decided {
        Ok((event, kind, value)) => {
            Verdict::Do(Event::Group(event), &plan.resolved, Reply::Value(kind, value))
        }
        Err(rejection) => Verdict::Refuse(rejection),
    }
}

/// An event without lists, and what its record says.
type Simple = (GroupEvent<'static>, OperationKind, u64);

fn open(
    state: &State,
    question: Question<'_>,
    (id, user, parties): (StockId, UserId, Option<&Parties>),
    (origin, size, lasts_s): (Origin, u8, u32),
    plan: &mut Plan,
) -> Decided<Simple> {
    if state.find_group(&question.key()).is_some() {
        return Err(Rejection::plain(Code::OperationMismatch));
    }
    let merchant = question.request.envelope.merchant;
    let Some((_, campaign)) = state.campaign_of(merchant, id) else {
        return Err(Rejection::plain(Code::NotFound));
    };
    let claim = claim_of(id, user, parties);
    check_member(state, question, (&claim, campaign), plan)?;
    no_room(state, question, (&claim, campaign), (None, 2), plan)?;
    let deadline_ms = (question.now_ms + u64::from(lasts_s) * 1_000).min(GroupJoined::DEADLINE_MAX_MS);
    let member = member(&claim, plan);
    let answer = GroupJoined { members: 1, size, deadline_ms };
    let event = GroupEvent::Opened { origin, campaign: id, size, deadline_ms, member };
    Ok((event, OperationKind::GroupOpen, answer.value()))
}

/// A GROUP_JOIN that may happen.
struct Joining {
    group: Handle,
    campaign: Handle,
    member: GroupMember,
}

fn join(
    state: &State,
    question: Question<'_>,
    (id, user, parties): (OperationId, UserId, Option<&Parties>),
    plan: &mut Plan,
) -> Decided<Joining> {
    let handle = find_open(state, question, id)?;
    let group = state.groups.get(handle);
    let limit_key = parties.map_or(0, |parties| parties.limit_key.get());
    let is_there = state
        .groups
        .members(handle)
        .any(|(_, member)| member.user == user.0 || limit_key != 0 && member.limit_key == limit_key);
    if is_there && !on(Bug::GroupMemberTwice) {
        return Err(Rejection::plain(Code::RuleFailed));
    }
    let stock = state.stock(Handle(group.stock));
    let campaign_handle = stock.campaign().expect("groups are of campaigns");
    let campaign = state.campaigns.get(campaign_handle);
    let claim = claim_of(stock.id, user, parties);
    check_member(state, question, (&claim, campaign), plan)?;
    let fills = (group.members + 1 == group.size).then_some(u32::from(group.size));
    no_room(state, question, (&claim, campaign), (fills, 1), plan)?;
    Ok(Joining { group: handle, campaign: campaign_handle, member: member(&claim, plan) })
}

/// The event of a GROUP_JOIN that may happen.
fn joined<'p>(
    state: &State,
    question: Question<'_>,
    (origin, id): (Origin, OperationId),
    joining: Joining,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let Joining { group: handle, campaign, member } = joining;
    let group = state.groups.get(handle);
    let answer = GroupJoined { members: group.members + 1, size: group.size, deadline_ms: group.deadline_ms };
    let reply = Reply::Value(OperationKind::GroupJoin, answer.value());
    if answer.members < answer.size {
        let event = GroupEvent::Joined { origin, group: id, member };
        return Verdict::Do(Event::Group(event), &plan.resolved, reply);
    }
    let campaign = state.campaigns.get(campaign);
    let definition = &campaign.definition;
    let span = Span::of(definition);
    let span = if definition.inactive() { span } else { span.received(definition, question.now_ms) };
    let (from_s, until_s) = span.in_seconds();
    plan.members.clear();
    let there = state.groups.members(handle).map(|(_, there)| (UserId(there.user), there.channel()));
    let all = there.chain(core::iter::once((member.user, origin.channel)));
    plan.members.extend(all.map(|(user, channel)| EventMember::new(user, channel)));
    let event = GroupEvent::Filled {
        origin,
        group: id,
        member,
        campaign: state.stock_of_campaign(campaign).id,
        first: campaign.card(campaign.issued),
        from_s,
        until_s,
        owners: &plan.members,
    };
    Verdict::Do(Event::Group(event), &plan.resolved, reply)
}

fn leave(
    state: &State,
    question: Question<'_>,
    (origin, id, user): (Origin, OperationId, UserId),
) -> Decided<Simple> {
    let handle = find_open(state, question, id)?;
    if state.groups.member_of(handle, user).is_none() {
        return Err(Rejection::plain(Code::NotOwner));
    }
    operation_room(state).map_or(Ok(()), Err)?;
    let left = u64::from(state.groups.get(handle).members) - 1;
    Ok((GroupEvent::Left { origin, group: id, user }, OperationKind::GroupLeave, left))
}

/// The open group with this id, or why there is none.
fn find_open(state: &State, question: Question<'_>, id: OperationId) -> Decided<Handle> {
    let found = state.find_group(&question.request.envelope.key_of(id));
    let handle = found.ok_or(Rejection::plain(Code::NotFound))?;
    let group = state.groups.get(handle);
    match group.state() {
        GroupState::Open => Ok(handle),
        GroupState::Lapsed => Err(Rejection { code: Code::Expired, facts: Facts::Time(group.deadline_ms) }),
        GroupState::Full => {
            let (stock, size) = (state.stock(Handle(group.stock)).id, u64::from(group.size));
            let facts = Facts::Units { stock, asked: size + 1, available: size };
            Err(Rejection { code: Code::RuleFailed, facts })
        }
    }
}

/// Steps 2 to 6 of a CLAIM.
fn check_member(
    state: &State,
    question: Question<'_>,
    (claim, campaign): (&Issue<'_>, &Campaign),
    plan: &mut Plan,
) -> Decided<()> {
    let take = taker(claim);
    if campaign.group().is_some() {
        return Err(Rejection::plain(Code::RuleFailed));
    }
    let until_ms = campaign.definition.until_ms.get();
    let refusal = check_times(state, question.now_ms, until_ms, campaign)
        .or_else(|| check_claimant(question, claim.owner, campaign))
        .or_else(|| check_risk(state, question, &subjects_of(&take), plan))
        .or_else(|| check_units(state, question, (claim, campaign), &take, plan));
    refusal.map_or(Ok(()), Err)
}

/// Step 7; `fills`: so many cards are issued; and so many records of groups are made.
fn no_room(
    state: &State,
    question: Question<'_>,
    (claim, campaign): (&Issue<'_>, &Campaign),
    (fills, records): (Option<u32>, u32),
    plan: &Plan,
) -> Decided<()> {
    let handle = state.stock_of_campaign(campaign).campaign().expect("it is a campaign");
    let maximum = state.capacity.groups_max;
    let full = || u64::from(state.groups.used()) + u64::from(records) > u64::from(maximum);
    let groups = || full().then(|| capacity(CapacityOf::Groups, u64::from(maximum)));
    let speaks = || state.risk.speaks_of(risk::owner(question));
    let risk = || if speaks() { risk::no_room(state, question, &subjects_of(&taker(claim))) } else { None };
    let refusal = operation_room(state)
        .or_else(|| fills.and_then(|cards| no_pages(state, handle, campaign.issued, cards)))
        .or_else(|| no_counts(state, question, (campaign, &taker(claim)), plan))
        .or_else(groups)
        .or_else(risk);
    refusal.map_or(Ok(()), Err)
}

/// Whom a claim is for, in the words of those who take units.
fn taker<'a>(claim: &Issue<'a>) -> Take<'a> {
    Take { user: claim.owner, parties: claim.parties, ..Take::of(&[]) }
}

/// The member that a claim which was checked makes.
fn member(claim: &Issue<'_>, plan: &Plan) -> GroupMember {
    GroupMember {
        user: claim.owner,
        parties: claim.parties.copied(),
        counting: plan.lines[0].flags.get(),
        flagged: plan.flagged,
    }
}

/// A group as it is.
pub(super) fn view<'r>(state: &State, handle: Handle, replies: &'r mut Replies) -> GroupView<'r> {
    let group = state.groups.get(handle);
    let is_full = group.state() == GroupState::Full;
    replies.members.clear();
    for (place, (_, member)) in state.groups.members(handle).enumerate() {
        let card = if is_full { group.first_card + place as u64 } else { 0 };
        replies.members.push(GroupRow::new(UserId(member.user), member.channel(), CardId(card)));
    }
    GroupView {
        group: OperationId(group.operation),
        campaign: state.stock(Handle(group.stock)).id,
        state: group.state(),
        size: group.size,
        opened_ms: group.opened_ms,
        deadline_ms: group.deadline_ms,
        closed_ms: group.closed_ms,
        members: &replies.members,
    }
}

/// Applies what becomes of a group.
pub fn apply(state: &mut State, event: &GroupEvent<'_>, resolved: &Resolved) {
    match event {
        GroupEvent::Opened { origin, campaign, size, deadline_ms, member } => {
            state.reclaim_groups(VISITS_PER_GROUP);
            let stock = state.find_stock(*campaign).expect("the log names a stock that exists");
            let times = (state.now_ms, *deadline_ms);
            let group = state.insert_group(GroupRecord::new(origin.key(), stock, *size, times));
            add(state, (origin, group), member);
            let answer = GroupJoined { members: 1, size: *size, deadline_ms: *deadline_ms };
            record(state, origin, OperationKind::GroupOpen, answer.value(), resolved);
        }
        GroupEvent::Joined { origin, group, member } => {
            let group = find(state, origin, *group);
            add(state, (origin, group), member);
            record_join(state, (origin, group), resolved);
        }
        GroupEvent::Filled { origin, group, member, first, from_s, until_s, owners, .. } => {
            let group = find(state, origin, *group);
            add(state, (origin, group), member);
            fill(state, group, (*first, (*from_s, *until_s)), owners);
            record_join(state, (origin, group), resolved);
        }
        GroupEvent::Left { origin, group, user } => {
            let group = find(state, origin, *group);
            let leaving = state.groups.member_of(group, *user).expect("decide refused others");
            let stock = Handle(state.groups.get(group).stock);
            give_back(state, stock, leaving, *state.member(leaving));
            state.remove_member(group, leaving);
            let left = u64::from(state.groups.get(group).members);
            record(state, origin, OperationKind::GroupLeave, left, resolved);
        }
        GroupEvent::Lapsed { group } => {
            let group = state.find_group(group).expect("the log names a group that exists");
            let stock = Handle(state.groups.get(group).stock);
            let mut next = state.groups.get(group).first_member;
            while next != NONE {
                let member = *state.member(Handle(next));
                give_back(state, stock, Handle(next), member);
                next = member.next();
            }
            state.close_group(group, GroupState::Lapsed, CardId(0));
        }
    }
}

fn find(state: &State, origin: &Origin, group: OperationId) -> Handle {
    let key = OperationKey { operation: group, ..origin.key() };
    let group = state.find_group(&key).expect("the log names a group that exists");
    assert!(state.groups.get(group).state() == GroupState::Open, "a group that is over stays as it is");
    group
}

/// A member joins: a unit is held for him.
fn add(state: &mut State, (origin, group): (&Origin, Handle), member: &GroupMember) {
    let stock = Handle(state.groups.get(group).stock);
    let now_ms = state.now_ms;
    state.post(stock, origin.channel, Posting::Hold(1));
    let subjects = subjects(member.user, member.parties.as_ref());
    let line = EventLine::new(state.stock(stock).id, 1, member.counting);
    let limit = begin_counting(state, &subjects, &line, (stock, NO_ENTRIES));
    state.count((limit, stock.0), 1, Count::Held, now_ms);
    let limit_key = member.parties.map_or(0, |parties| parties.limit_key.get());
    state.add_member(group, MemberRecord::new(member.user, limit_key, origin.channel, (now_ms, limit)));
    let of = (origin.merchant, origin.slot);
    if state.risk.speaks_of(of) {
        state.risk.count(of, origin.channel, &subjects, now_ms);
    }
}

/// The unit of a member goes back.
fn give_back(state: &mut State, stock: Handle, handle: Handle, member: MemberRecord) {
    state.post(stock, member.channel(), Posting::Free(1));
    if !on(Bug::GroupForgetsLimits) {
        state.count((member.limit, stock.0), 1, Count::HeldBack, member.joined_ms);
        state.forget_line((member.limit, stock.0), 0, member.joined_ms);
    }
    state.forget_count(handle);
}

/// All members are there: each gets his card.
fn fill(state: &mut State, group: Handle, (first, times): (CardId, (u32, u32)), owners: &[EventMember]) {
    let stock = Handle(state.groups.get(group).stock);
    let campaign = state.stock(stock).campaign().expect("groups are of campaigns");
    let found = state.campaigns.get_mut(campaign);
    assert!(found.card(found.issued) == first, "cards are issued in the order of their serials");
    found.issued += owners.len() as u64;
    owners.iter().for_each(|owner| found.know_channel(owner.channel()));
    let definition = found.definition;
    budget::issued(state, campaign, owners.len() as u64);
    let mut next = state.groups.get(group).first_member;
    for (place, owner) in owners.iter().enumerate() {
        let member = *state.member(Handle(next));
        assert!(member.user == owner.user().0, "cards go to the members of the group");
        state.post(stock, member.channel(), Posting::Consume(1));
        state.count((member.limit, stock.0), 1, Count::HeldToConsumed, member.joined_ms);
        state.forget_line((member.limit, stock.0), 1, member.joined_ms);
        state.forget_count(Handle(next));
        let card = CardRecord::new(owner.user(), &definition, member.channel()).valid(times, false);
        let made = state.issue_card(campaign, first.serial() + place as u64, card);
        state.hang_into_wallet(made);
        next = member.next();
    }
    assert!(next == NONE, "every member gets his card");
    state.close_group(group, GroupState::Full, first);
}

fn record_join(state: &mut State, (origin, group): (&Origin, Handle), resolved: &Resolved) {
    let GroupRecord { members, size, deadline_ms, .. } = *state.groups.get(group);
    let answer = GroupJoined { members, size, deadline_ms };
    record(state, origin, OperationKind::GroupJoin, answer.value(), resolved);
}

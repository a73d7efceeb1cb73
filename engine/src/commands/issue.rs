//! ISSUE and CLAIM: cards are made, for an owner or for whoever bears them.
//!
//! Invariant: what is issued was available, inside all limits, and gets the next serials in the very event that takes the
//! units: no check and take are apart.

use super::checks::{before_deciding, capacity, operation_room};
use super::taken::subjects;
use super::worth::{Span, in_ms};
use super::{
    Plan, Question, Reply, Resolved, TO_BE_MADE, Verdict, budget, given_codes, limits, record, risk,
};
use crate::answer::{Issued, OperationKind};
use crate::command::{CampaignState, CardState, Issue, SubjectKind, Take};
use crate::content::content_digest;
use crate::event::{Event, EventLine};
use crate::ids::{CardId, ChannelId, StockId};
use crate::limits::{CARD_BATCHES_MAX, CARD_BATCHES_PER_CAMPAIGN_MAX, CHANNELS_PER_STOCK_MAX};
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::campaigns::{Campaign, CardBatch};
use crate::state::cards::{CardRecord, IssueTimes, pages_max};
use crate::state::counts::{Entries, NO_ENTRIES};
use crate::state::risk::Subjects;
use crate::state::stock::Posting;
use crate::state::table::Handle;
use scrip_planted::{Bug, on};

/// In the number of an operation record the cards less one stand above the first card's id.
const COUNT_SHIFT: u32 = CardId::BITS;
/// Above those of its campaign an issue has the flags of its campaign's group.
const GROUP_SHIFT: u32 = 8;

/// Decides an ISSUE or CLAIM.
#[inline]
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    issue: &Issue<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    let content = content_digest(envelope, &question.request.command);
    let by_id = issue.code.is_none().then_some(issue.campaign);
    if let Some(verdict) = before_deciding(state, question, content, by_id.into_iter()) {
        return verdict;
    }
    let named = match issue.code {
        None => Some(issue.campaign),
        Some(code) => given_codes::campaign_under(state, question, code),
    };
    let Some((handle, campaign)) = named.and_then(|id| state.campaign_of(envelope.merchant, id)) else {
        return Verdict::Refuse(Rejection::plain(Code::NotFound));
    };
    let issue = &Issue { campaign: state.stock_of_campaign(campaign).id, ..*issue };
    let (from_s, until_s) = times(question.now_ms, issue, campaign);
    let (channel, own_times) = (envelope.channel, issue.own_times());
    let issued_s = second(question.now_ms);
    let minted = Minted { channel, from_s, until_s, issued_s, own_times, imported: false };
    let bearer = issue.owner.0 == 0;
    if let Some(rejection) = refusal(state, question, (issue, handle), bearer.then_some(&minted), plan) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::Issued {
        origin: question.origin(content),
        campaign: issue.campaign,
        owner: issue.owner,
        first: campaign.card(campaign.issued),
        count: issue.count,
        claimed: issue.claimed,
        own_times: issue.own_times(),
        flagged: plan.flagged,
        from_s,
        until_s,
        counting: plan.lines.iter().rev().fold(0, |flags, line| flags << GROUP_SHIFT | line.flags.get()),
        parties: issue.parties.copied(),
    };
    Verdict::Do(event, &plan.resolved, Reply::Issued(TO_BE_MADE))
}

/// Steps 2 to 7. What is `minted` needs a batch.
#[inline]
pub(super) fn refusal(
    state: &State,
    question: Question<'_>,
    (issue, handle): (&Issue<'_>, Handle),
    minted: Option<&Minted>,
    plan: &mut Plan,
) -> Option<Rejection<'static>> {
    let campaign = state.campaigns.get(handle);
    // Whom the cards are for, in the words of those who take units.
    let take = Take { user: issue.owner, parties: issue.parties, ..Take::of(&[]) };
    check_times(state, question, issue, campaign)
        .or_else(|| check_risk(state, question, &take, plan))
        .or_else(|| check_units(state, question, (issue, campaign), &take, plan))
        .or_else(|| no_room(state, question, (issue, handle, minted), &take, plan))
}

/// From when to when the cards are valid, in seconds.
#[inline]
pub(super) fn times(now_ms: u64, issue: &Issue<'_>, campaign: &Campaign) -> (u32, u32) {
    let definition = &campaign.definition;
    let span = if issue.own_times() {
        Span { from_ms: issue.from_ms, until_ms: issue.until_ms }
    } else if definition.inactive() {
        Span::of(definition)
    } else {
        Span::of(definition).received(definition, now_ms)
    };
    span.in_seconds()
}

/// Step 2.
pub(super) fn check_times(
    state: &State,
    question: Question<'_>,
    issue: &Issue<'_>,
    campaign: &Campaign,
) -> Option<Rejection<'static>> {
    let (terms, now_ms) = (&state.stock_of_campaign(campaign).terms, question.now_ms);
    let until_ms = if issue.own_times() { issue.until_ms } else { campaign.definition.until_ms.get() };
    let passed = |end_ms: u64| end_ms != 0 && now_ms >= end_ms;
    let code = if terms.frozen || campaign.state == CampaignState::Paused {
        Code::Frozen
    } else if campaign.state == CampaignState::Draft || now_ms < terms.opens_ms {
        Code::NotStarted
    } else if campaign.state == CampaignState::Stopped || passed(terms.closes_ms) || passed(until_ms) {
        Code::Expired
    } else {
        return None;
    };
    Some(Rejection::plain(code))
}

/// Step 3.
#[inline]
pub(super) fn check_risk(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    plan: &mut Plan,
) -> Option<Rejection<'static>> {
    if !state.risk.speaks_of(risk::owner(question)) {
        return None;
    }
    let code = risk::judge(state, question, take, plan).err()?;
    Some(Rejection { code, facts: Facts::Rule(plan.rule) })
}

/// Steps 4 to 6, budgets included; plans the line that counts for the subjects.
#[inline]
pub(super) fn check_units(
    state: &State,
    question: Question<'_>,
    (issue, campaign): (&Issue<'_>, &Campaign),
    take: &Take<'_>,
    plan: &mut Plan,
) -> Option<Rejection<'static>> {
    let stock = state.stock_of_campaign(campaign);
    let asked = u64::from(issue.count);
    let lacks = |code, available: u64| {
        let facts = Facts::Units { stock: stock.id, asked, available };
        (asked > available).then_some(Rejection { code, facts })
    };
    let bearer = issue.owner.0 == 0;
    let (room, entries) = if bearer {
        (None, NO_ENTRIES)
    } else {
        limits::room(state, question.now_ms, take, None, campaign.stock)
    };
    if let Some(rejection) = room.and_then(|room| lacks(Code::UserLimit, room)) {
        return Some(rejection);
    }
    let group = campaign.group().filter(|_| !bearer);
    let of_group = group.map(|group| (group, limits::room(state, question.now_ms, take, None, group)));
    if let Some((group, (Some(room), _))) = of_group
        && asked > room
    {
        let facts = Facts::Units { stock: state.stock(group).id, asked, available: room };
        return Some(Rejection { code: Code::UserLimit, facts });
    }
    if let Some(rejection) = budget::check(state, question.now_ms, campaign, asked) {
        return Some(rejection);
    }
    let available = stock.units.available;
    if stock.channels.limited() {
        let room = stock.channels.room(question.request.envelope.channel, available, None);
        if let Some(rejection) = lacks(Code::ChannelQuota, room) {
            return Some(rejection);
        }
    }
    if let Some(rejection) = lacks(Code::OutOfStock, available) {
        return Some(rejection);
    }
    let flags = if bearer { 0 } else { limits::flags_of(stock, take) };
    plan.lines.push(EventLine::new(stock.id, issue.count, flags));
    plan.resolved.lines.push((Some(campaign.stock), entries));
    if let Some((group, (_, entries))) = of_group {
        let stock = state.stock(group);
        plan.lines.push(EventLine::new(stock.id, issue.count, limits::flags_of(stock, take)));
        plan.resolved.lines.push((Some(group), entries));
    }
    None
}

/// Step 7.
#[inline]
fn no_room(
    state: &State,
    question: Question<'_>,
    (issue, handle, minted): (&Issue<'_>, Handle, Option<&Minted>),
    take: &Take<'_>,
    plan: &Plan,
) -> Option<Rejection<'static>> {
    let campaign = state.campaigns.get(handle);
    if let Some(rejection) = operation_room(state) {
        return Some(rejection);
    }
    let lacking = match minted {
        Some(minted) => no_batch(state, campaign, &minted.batch(campaign.issued, issue.count)),
        None => no_pages(state, handle, campaign.issued, issue.count),
    };
    if lacking.is_some() {
        return lacking;
    }
    if let Some(rejection) = no_counts(state, question, campaign, plan) {
        return Some(rejection);
    }
    if state.risk.speaks_of(risk::owner(question)) { risk::no_room(state, question, take) } else { None }
}

/// CAPACITY if the stock would count too many channels, or the planned line for more subjects than there is room for.
#[inline]
pub(super) fn no_counts(
    state: &State,
    question: Question<'_>,
    campaign: &Campaign,
    plan: &Plan,
) -> Option<Rejection<'static>> {
    let maxima = &state.capacity;
    let channels = &state.stock(campaign.stock).channels;
    if channels.count_with(core::iter::once(question.request.envelope.channel)) > CHANNELS_PER_STOCK_MAX {
        return Some(capacity(CapacityOf::Channels, CHANNELS_PER_STOCK_MAX as u64));
    }
    let new = |(line, found): (&EventLine, &(Option<Handle>, Entries))| {
        let stock = found.0.expect("a planned line has a stock");
        u64::from(limits::new_entries_of(state, take, line, (stock, found.1)))
    };
    let new: u64 = plan.lines.iter().zip(&plan.resolved.lines).map(new).sum();
    if new > u64::from(maxima.user_limits_max.saturating_sub(state.limits.used())) {
        return Some(capacity(CapacityOf::UserLimits, u64::from(maxima.user_limits_max)));
    }
    None
}

/// CAPACITY if there is no room for a batch of bearer cards.
fn no_batch(state: &State, campaign: &Campaign, batch: &CardBatch) -> Option<Rejection<'static>> {
    if campaign.batches.last().is_some_and(|last| last.goes_on_with(batch)) {
        return None;
    }
    if campaign.batches.len() >= CARD_BATCHES_PER_CAMPAIGN_MAX {
        return Some(capacity(CapacityOf::CardBatches, CARD_BATCHES_PER_CAMPAIGN_MAX as u64));
    }
    let full = state.campaigns.batches() >= CARD_BATCHES_MAX;
    full.then(|| capacity(CapacityOf::CardBatches, CARD_BATCHES_MAX as u64))
}

/// CAPACITY if there are no pages for records of these cards.
#[inline]
pub(super) fn no_pages(
    state: &State,
    campaign: Handle,
    first: u64,
    count: u32,
) -> Option<Rejection<'static>> {
    let pages = u64::from(state.cards.pages()) + u64::from(state.pages_lacking(campaign, first, count));
    let full = pages > u64::from(pages_max(&state.capacity));
    full.then(|| capacity(CapacityOf::Cards, u64::from(state.capacity.cards_max)))
}

/// Applies an [`Event::Issued`]; answers the handle of its operation record. Panics on any other event.
#[inline]
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::Issued { origin, campaign, owner, first, count, claimed, .. } = event else {
        unreachable!("only Issued is applied here");
    };
    let Event::Issued { own_times, from_s, until_s, counting, parties, .. } = event else {
        unreachable!("only Issued is applied here");
    };
    let stock = state.find_stock(*campaign).expect("the log names a stock that exists");
    let (channel, own_times) = (origin.channel, *own_times);
    let handle = state.stock(stock).campaign().expect("the log names a campaign");
    let issued_s = second(state.now_ms);
    let value = if owner.0 == 0 {
        let minted = Minted { channel, from_s: *from_s, until_s: *until_s, issued_s, own_times, imported: false };
        mint(state, *campaign, (*first, *count), minted);
        first.0
    } else {
        leave_supply(state, stock, channel, (*first, *count));
        let definition = &state.campaigns.get(handle).definition;
        let card = CardRecord::new(*owner, definition, channel).valid((*from_s, *until_s), own_times);
        for serial in first.serial()..first.serial() + u64::from(*count) {
            let made = state.make_card(handle, serial, (card, issued_s));
            state.hang_into_wallet(made);
        }
        u64::from(count - 1) << COUNT_SHIFT | first.0
    };
    let subjects = subjects(*owner, parties.as_ref());
    let line = EventLine::new(*campaign, *count, counting & ((1 << GROUP_SHIFT) - 1));
    for kind in SubjectKind::ALL.into_iter().filter(|kind| line.counts(*kind) && !on(Bug::CardsNotCounted)) {
        state.count_for_good((kind, subjects[kind.position()], stock), *count, &line);
    }
    if counting >> GROUP_SHIFT != 0 && !on(Bug::GroupNotCounted) {
        count_in_group(state, handle, &subjects, (*count, counting >> GROUP_SHIFT));
    }
    let of = (origin.merchant, origin.slot);
    if state.risk.speaks_of(of) {
        state.risk.count(of, origin.channel, &subjects, state.now_ms);
    }
    let kind = if *claimed { OperationKind::Claim } else { OperationKind::Issue };
    let operation = record(state, origin, kind, value, resolved);
    state.cards.set_issue_times(operation, IssueTimes { from_s: *from_s, until_s: *until_s });
    operation
}

/// The second of a shard time, as far as seconds are kept.
pub(super) fn second(now_ms: u64) -> u32 {
    u32::try_from(now_ms / 1_000).unwrap_or(u32::MAX)
}

/// What bearer cards have in common that are made together.
pub(super) struct Minted {
    pub channel: ChannelId,
    /// Valid from, seconds; 0: open.
    pub from_s: u32,
    /// Valid until, seconds; 0: open.
    pub until_s: u32,
    /// When they are made, seconds.
    pub issued_s: u32,
    /// Their times are the command's.
    pub own_times: bool,
    /// They have codes that were made elsewhere.
    pub imported: bool,
}

impl Minted {
    const fn batch(&self, first: u64, count: u32) -> CardBatch {
        let Minted { channel, from_s, until_s, issued_s, own_times, imported } = *self;
        CardBatch { first, count, from_s, until_s, issued_s, channel, own_times, imported }
    }
}

/// Makes bearer cards: from the first on so many.
pub(super) fn mint(state: &mut State, campaign: StockId, (first, count): (CardId, u32), minted: Minted) {
    let stock = state.find_stock(campaign).expect("the log names a stock that exists");
    let handle = leave_supply(state, stock, minted.channel, (first, count));
    state.campaigns.add_batch(handle, minted.batch(first.serial(), count));
}

/// The next cards of a campaign are issued; answers the campaign.
#[inline]
fn leave_supply(
    state: &mut State,
    stock: Handle,
    channel: ChannelId,
    (first, count): (CardId, u32),
) -> Handle {
    let handle = state.stock(stock).campaign().expect("the log names a campaign");
    let found = state.campaigns.get_mut(handle);
    assert!(found.card(found.issued) == first, "cards are issued in the order of their serials");
    found.issued += u64::from(count);
    budget::issued(state, handle, u64::from(count));
    state.post(stock, channel, Posting::Sell(u64::from(count)));
    handle
}

/// Cards of a campaign count in its group.
fn count_in_group(state: &mut State, campaign: Handle, subjects: &Subjects, (cards, flags): (u32, u32)) {
    let group = state.campaigns.get(campaign).group().expect("decide found the group in which it counts");
    let line = EventLine::new(state.stock(group).id, cards, flags);
    for kind in SubjectKind::ALL.into_iter().filter(|kind| line.counts(*kind)) {
        state.count_for_good((kind, subjects[kind.position()], group), cards, &line);
    }
}

const fn first_state(inactive: bool) -> CardState {
    if inactive { CardState::Inactive } else { CardState::Active }
}

/// The answer of an ISSUE or CLAIM, read from its operation record.
#[inline]
pub(super) fn answer(state: &State, operation: Handle) -> Issued {
    let value = state.operations.get(operation).value;
    let first = CardId(value & ((1 << COUNT_SHIFT) - 1));
    let campaign = state.campaigns.of_card(first).expect("campaigns stay");
    let campaign = state.campaigns.get(campaign);
    let batch = campaign.batch_of(first.serial()).filter(|batch| batch.first == first.serial());
    let IssueTimes { from_s, until_s } = state.cards.issue_times(operation);
    Issued {
        first,
        cards: batch.map_or((value >> COUNT_SHIFT) as u32 + 1, |batch| batch.count),
        state: first_state(campaign.definition.inactive()),
        from_ms: in_ms(from_s),
        until_ms: in_ms(until_s),
    }
}

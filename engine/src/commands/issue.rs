//! ISSUE and CLAIM: cards are made, for an owner or for whoever bears them.
//!
//! Invariant: what is issued was available, inside all limits, and gets the next serials in the very event that takes the
//! units: no check and take are apart.

use super::checks::{before_deciding, capacity, operation_room};
use super::taken::{brought, subjects, subjects_of};
use super::worth::{Span, in_ms, may_claim, second};
use super::{
    Plan, Question, Reply, Resolved, TO_BE_MADE, Verdict, budget, given_codes, limits, record, risk, sharing,
};
use crate::answer::{Issued, OperationKind};
use crate::command::{CampaignState, CardState, Command, Definition, Envelope, Issue, SubjectKind, Take};
use crate::content::content_digest;
use crate::event::{Event, EventLine};
use crate::ids::{CardId, ChannelId, StockId, UserId};
use crate::limits::{
    CAMPAIGN_UNITS_MAX, CARD_BATCHES_MAX, CARD_BATCHES_PER_CAMPAIGN_MAX, CARDS_PER_PAGE,
    CHANNELS_PER_STOCK_MAX,
};
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::campaigns::{BatchStand, Campaign, CardBatch};
use crate::state::cards::{CardRecord, IssueTimes, pages_max};
use crate::state::counts::{Entries, NO_ENTRIES};
use crate::state::risk::Subjects;
use crate::state::stock::Posting;
use crate::state::table::{Handle, NONE};
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
    let by_id = by_id.into_iter().chain(issue.referral.map(|referral| StockId(referral.activity.get())));
    if let Some(verdict) = before_deciding(state, question, content, by_id) {
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
    let found = issue.referral.map(|referral| sharing::check_referral(state, question, issue, referral));
    let referral = match found.transpose() {
        Ok(referral) => referral.flatten(),
        Err(rejection) => return Verdict::Refuse(rejection),
    };
    let issue = &Issue { referral: referral.as_ref(), ..*issue };
    let no_friend = || referral.and_then(|_| sharing::no_room(state));
    if let Some(rejection) = refusal(state, question, (issue, handle), plan).or_else(no_friend) {
        return Verdict::Refuse(rejection);
    }
    let (from_s, until_s) = times_of(question.now_ms, issue, campaign);
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
        referral,
    };
    Verdict::Do(event, &plan.resolved, Reply::Issued(TO_BE_MADE))
}

/// Steps 2 to 7. What is `minted` needs a batch.
#[inline]
pub(super) fn refusal(
    state: &State,
    question: Question<'_>,
    (issue, handle): (&Issue<'_>, Handle),
    plan: &mut Plan,
) -> Option<Rejection<'static>> {
    let campaign = state.campaigns.get(handle);
    // Whom the cards are for, in the words of those who take units.
    let take = Take { user: issue.owner, parties: issue.parties, ..Take::of(&[]) };
    let until_ms = if issue.own_times() { issue.until_ms } else { campaign.definition.until_ms.get() };
    check_times(state, question.now_ms, until_ms, campaign)
        .or_else(|| check_claimant(question, issue.owner, campaign))
        .or_else(|| check_risk(state, question, &brought(subjects_of(&take), issue.referral), plan))
        .or_else(|| check_units(state, question, (issue, campaign), &take, plan))
        .or_else(|| no_room(state, question, (issue, handle), &take, plan))
}

/// From when to when cards are valid that are issued now, in seconds.
#[inline]
pub(super) fn times_of(now_ms: u64, issue: &Issue<'_>, campaign: &Campaign) -> (u32, u32) {
    let span = match issue.own_times() {
        true => Span { from_ms: issue.from_ms, until_ms: issue.until_ms },
        false => times(&campaign.definition, now_ms),
    };
    span.in_seconds()
}

/// When cards that are made now are valid, by their definition.
pub(super) fn times(definition: &Definition, now_ms: u64) -> Span {
    match definition.inactive() {
        true => Span::of(definition),
        false => Span::of(definition).received(definition, now_ms),
    }
}

/// Step 2, of cards that end then.
pub(super) fn check_times(
    state: &State,
    now_ms: u64,
    until_ms: u64,
    campaign: &Campaign,
) -> Option<Rejection<'static>> {
    let terms = &state.stock_of_campaign(campaign).terms;
    let passed = |end_ms: u64| end_ms != 0 && now_ms >= end_ms;
    let code = if campaign.state == CampaignState::Void {
        Code::Void
    } else if terms.frozen || campaign.state == CampaignState::Paused {
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

/// Step 2a. Bearer cards are nobody's.
#[inline]
pub(super) fn check_claimant(
    question: Question<'_>,
    owner: UserId,
    campaign: &Campaign,
) -> Option<Rejection<'static>> {
    let Envelope { channel, segments, .. } = &question.request.envelope;
    let allowed = owner.0 == 0 || may_claim(&campaign.scope, *channel, segments);
    (!allowed && !on(Bug::ClaimScopeIgnored)).then_some(Rejection::plain(Code::OutOfScope))
}

/// Step 3.
#[inline]
pub(super) fn check_risk(
    state: &State,
    question: Question<'_>,
    subjects: &Subjects,
    plan: &mut Plan,
) -> Option<Rejection<'static>> {
    if !state.risk.speaks_of(risk::owner(question)) {
        return None;
    }
    let code = risk::judge(state, question, subjects, plan).err()?;
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
    let supply = (question.now_ms, question.request.envelope.channel);
    if let Some(rejection) = check_supply(state, supply, campaign, asked) {
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

/// Steps 4a to 6: budgets, quota, supply.
#[inline]
pub(super) fn check_supply(
    state: &State,
    (now_ms, channel): (u64, ChannelId),
    campaign: &Campaign,
    asked: u64,
) -> Option<Rejection<'static>> {
    let stock = state.stock_of_campaign(campaign);
    let lacks = |code, available: u64| {
        let facts = Facts::Units { stock: stock.id, asked, available };
        (asked > available).then_some(Rejection { code, facts })
    };
    if let Some(rejection) = budget::check(state, now_ms, campaign, asked) {
        return Some(rejection);
    }
    let available = stock.units.available;
    if stock.channels.limited() {
        let room = stock.channels.room(channel, available, None);
        if let Some(rejection) = lacks(Code::ChannelQuota, room) {
            return Some(rejection);
        }
    }
    // A serial is issued once, whatever goes back to the supply.
    let serials = CAMPAIGN_UNITS_MAX - campaign.issued;
    lacks(Code::OutOfStock, available.min(serials))
}

/// Step 7.
#[inline]
fn no_room(
    state: &State,
    question: Question<'_>,
    (issue, handle): (&Issue<'_>, Handle),
    take: &Take<'_>,
    plan: &Plan,
) -> Option<Rejection<'static>> {
    let campaign = state.campaigns.get(handle);
    if let Some(rejection) = operation_room(state) {
        return Some(rejection);
    }
    let lacking = match issue.owner.0 {
        0 => no_batch(state, question, issue, campaign),
        _ => no_pages(state, handle, campaign.issued, issue.count),
    };
    if lacking.is_some() {
        return lacking;
    }
    if let Some(rejection) = no_counts(state, question, (campaign, take), plan) {
        return Some(rejection);
    }
    if !state.risk.speaks_of(risk::owner(question)) {
        return None;
    }
    risk::no_room(state, question, &brought(subjects_of(take), issue.referral))
}

/// CAPACITY if the stock would count too many channels, or the planned line for more subjects than there is room for.
#[inline]
pub(super) fn no_counts(
    state: &State,
    question: Question<'_>,
    (campaign, take): (&Campaign, &Take<'_>),
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
fn no_batch(
    state: &State,
    question: Question<'_>,
    issue: &Issue<'_>,
    campaign: &Campaign,
) -> Option<Rejection<'static>> {
    let first = campaign.card(campaign.issued);
    let imported = matches!(question.request.command, Command::CodeImport { .. });
    let new = New { owner: issue.owner, first, count: issue.count, imported };
    let times = (times_of(question.now_ms, issue, campaign), issue.own_times());
    let batch = new.batch(question.request.envelope.channel, question.now_ms, times);
    if campaign.batches.last().is_some_and(|last| last.goes_on_with(&batch)) {
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
    let lacking = u64::from(state.pages_lacking(campaign, first, count));
    // Cards that were sold may have taken more pages than there is room for.
    let pages = u64::from(state.cards.pages()) + lacking;
    let full = lacking > 0 && pages > u64::from(pages_max(&state.capacity));
    full.then(|| capacity(CapacityOf::Cards, u64::from(state.capacity.cards_max)))
}

/// CAPACITY if there are no pages for records of these cards, of one slot, as far as they have none.
pub(super) fn no_page_for_all(
    state: &State,
    cards: impl Fn(usize) -> Option<CardId>,
) -> Option<Rejection<'static>> {
    let page = |card: CardId| card.0 / CARDS_PER_PAGE as u64;
    let (mut at, mut lacking) = (0, 0);
    while let Some(card) = cards(at) {
        let earlier = (0..at).filter_map(&cards).any(|other| page(other) == page(card));
        let campaign = state.campaigns.of_card(card).filter(|_| !earlier);
        lacking += campaign.map_or(0, |campaign| state.pages_lacking(campaign, card.serial(), 1));
        at += 1;
    }
    let full = lacking > 0 && state.cards.pages() + lacking > pages_max(&state.capacity);
    full.then(|| capacity(CapacityOf::Cards, u64::from(state.capacity.cards_max)))
}

/// Applies an [`Event::Issued`]; answers the handle of its operation record. Panics on any other event.
#[inline]
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) -> Handle {
    let Event::Issued { origin, campaign, owner, first, count, claimed, .. } = event else {
        unreachable!("only Issued is applied here");
    };
    let Event::Issued { own_times, from_s, until_s, counting, parties, referral, .. } = event else {
        unreachable!("only Issued is applied here");
    };
    let stock = state.find_stock(*campaign).expect("the log names a stock that exists");
    let handle = state.stock(stock).campaign().expect("the log names a campaign");
    let cards = New { owner: *owner, first: *first, count: *count, imported: false };
    make(state, handle, origin.channel, &cards, ((*from_s, *until_s), *own_times));
    let value = if owner.0 == 0 { first.0 } else { u64::from(count - 1) << COUNT_SHIFT | first.0 };
    let subjects = subjects(*owner, parties.as_ref());
    let line = EventLine::new(*campaign, *count, counting & ((1 << GROUP_SHIFT) - 1));
    for kind in
        SubjectKind::LIMITED.into_iter().filter(|kind| line.counts(*kind) && !on(Bug::CardsNotCounted))
    {
        state.count_for_good((kind, subjects[kind.position()], stock), *count, &line);
    }
    if counting >> GROUP_SHIFT != 0 && !on(Bug::GroupNotCounted) {
        count_in_group(state, handle, &subjects, (*count, counting >> GROUP_SHIFT));
    }
    let of = (origin.merchant, origin.slot);
    if state.risk.speaks_of(of) {
        let subjects = brought(subjects, referral.as_ref());
        state.risk.count(of, origin.channel, &subjects, state.now_ms);
    }
    if let Some(referral) = referral {
        let limit_key = parties.map_or(0, |parties| parties.limit_key.get());
        sharing::refer(state, origin.merchant, referral, (*owner, limit_key), *first);
    }
    let kind = if *claimed { OperationKind::Claim } else { OperationKind::Issue };
    let operation = record(state, origin, kind, value, resolved);
    state.cards.set_issue_times(operation, IssueTimes { from_s: *from_s, until_s: *until_s });
    operation
}

/// Cards of a campaign count in its group.
fn count_in_group(state: &mut State, campaign: Handle, subjects: &Subjects, (cards, flags): (u32, u32)) {
    let group = state.campaigns.get(campaign).group().expect("decide found the group in which it counts");
    let line = EventLine::new(state.stock(group).id, cards, flags);
    for kind in SubjectKind::LIMITED.into_iter().filter(|kind| line.counts(*kind)) {
        state.count_for_good((kind, subjects[kind.position()], group), cards, &line);
    }
}

/// Cards that are made at once.
#[derive(Clone, Copy)]
pub(super) struct New {
    /// Whose they are; 0: a batch of bearer cards.
    pub owner: UserId,
    /// The first.
    pub first: CardId,
    /// How many.
    pub count: u32,
    /// They have codes that were made elsewhere.
    pub imported: bool,
}

impl New {
    /// The batch that they are, if they are nobody's.
    fn batch(
        &self,
        channel: ChannelId,
        now_ms: u64,
        ((from_s, until_s), own_times): ((u32, u32), bool),
    ) -> CardBatch {
        CardBatch {
            first: self.first.serial(),
            count: self.count,
            from_s,
            until_s,
            issued_s: second(now_ms),
            channel,
            own_times,
            imported: self.imported,
            latest_until_s: until_s,
            used: 0,
            gone: 0,
            stand: BatchStand::Live,
        }
    }
}

/// Makes cards with these times, which may be *own*, the command's.
#[inline]
pub(super) fn make(
    state: &mut State,
    handle: Handle,
    channel: ChannelId,
    new: &New,
    (times, own_times): ((u32, u32), bool),
) {
    let card = begin(state, handle, channel, new, (times, own_times));
    let stock = state.campaigns.get(handle).stock;
    state.post(stock, channel, Posting::Sell(u64::from(new.count)));
    if new.owner.0 == 0 {
        let batch = new.batch(channel, state.now_ms, (times, own_times));
        state.campaigns.add_batch(handle, batch);
        state.note_batch(handle, batch.first);
        return;
    }
    make_records(state, handle, new, card);
}

/// New cards take their serials, whosever they are; answers what each of them is like.
#[inline]
pub(super) fn begin(
    state: &mut State,
    handle: Handle,
    channel: ChannelId,
    new: &New,
    (times, own_times): ((u32, u32), bool),
) -> CardRecord {
    let found = state.campaigns.get_mut(handle);
    assert!(found.card(found.issued) == new.first, "cards are issued in the order of their serials");
    found.issued += u64::from(new.count);
    found.know_channel(channel);
    let card = CardRecord::new(new.owner, &found.definition, channel).valid(times, own_times);
    budget::issued(state, handle, u64::from(new.count));
    card
}

/// New cards get records, and lie in the wallet of their owner, if they have one; answers the record of the first.
#[inline]
pub(super) fn make_records(state: &mut State, handle: Handle, new: &New, card: CardRecord) -> Handle {
    let first = new.first.serial();
    let mut record = Handle(NONE);
    for serial in first..first + u64::from(new.count) {
        let made = state.issue_card(handle, serial, card);
        if new.owner.0 != 0 {
            state.hang_into_wallet(made);
        }
        record = if serial == first { made } else { record };
    }
    record
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

//! RECYCLE: an expired card ends, and another can be issued in its place, or its owner gets something instead.
//!
//! Invariant: in one event the card is void and what it is exchanged for is there; its unit goes back to the supply, or is void.

use super::checks::{before_deciding, capacity, operation_room};
use super::issue::{self, no_pages};
use super::redeem::{check_state, check_times, find, no_page};
use super::worth::in_ms;
use super::{Plan, Question, Reply, Resolved, Verdict, accounts, record};
use crate::answer::OperationKind;
use crate::command::{AccountWish, CardState, RecycleInto};
use crate::content::content_digest;
use crate::event::{AccountEntry, Event, RecycledFor};
use crate::ids::{CardId, ChannelId, StockId};
use crate::limits::CHANNELS_PER_STOCK_MAX;
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::cards::Found;
use crate::state::stock::Posting;
use crate::state::table::Handle;

/// What is given for the card, and the number in its operation record.
type Decided = Result<(RecycledFor, u64), Rejection<'static>>;

/// Decides a RECYCLE.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    (card, generation, into): (CardId, Option<u8>, RecycleInto),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    let content = content_digest(envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    if card.slot() != envelope.slot || into.slot().is_some_and(|slot| slot != envelope.slot) {
        return Verdict::Refuse(Rejection::plain(Code::CrossSlot));
    }
    let Some(found) = find(state, (envelope.merchant, question.now_ms), card, generation) else {
        return Verdict::Refuse(Rejection::plain(Code::NotFound));
    };
    if let Some(rejection) = check_over(state, question.now_ms, &found, into) {
        return Verdict::Refuse(rejection);
    }
    let decided = match into {
        RecycleInto::Supply => operation_room(state)
            .or_else(|| no_page(state, card, &found))
            .map_or(Ok((RecycledFor::Supply, 1)), Err),
        RecycleInto::Points { card: into, units } => for_points(state, question, &found, (into, units)),
        RecycleInto::Campaign(campaign) => for_card(state, question, &found, campaign),
    };
    let (given, value) = match decided {
        Ok(decided) => decided,
        Err(rejection) => return Verdict::Refuse(rejection),
    };
    let event = Event::Recycled { origin: question.origin(content), card, given };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Recycle, value))
}

/// Why a card has not expired for good, with nobody else having any of it.
fn check_over(
    state: &State,
    now_ms: u64,
    found: &Found<'_>,
    into: RecycleInto,
) -> Option<Rejection<'static>> {
    let card = &found.card;
    let wrong = match (into, card.state()) {
        (RecycleInto::Supply, CardState::Inactive | CardState::Active | CardState::Frozen) => None,
        _ => check_state(state, found),
    };
    if wrong.is_some() {
        return wrong;
    }
    let until_ms = in_ms(card.until_s);
    if until_ms == 0 {
        return Some(Rejection::plain(Code::RuleFailed));
    }
    if now_ms < until_ms {
        return Some(Rejection { code: Code::NotStarted, facts: Facts::Time(until_ms) });
    }
    if card.held > 0 {
        let stock = state.stock_of_campaign(found.campaign).id;
        let (asked, available) = (u64::from(card.held), u64::from(card.available));
        return Some(Rejection {
            code: Code::LockedByOtherOrder,
            facts: Facts::Units { stock, asked, available },
        });
    }
    let bearer = card.owner == 0 && into != RecycleInto::Supply;
    bearer.then(|| Rejection::plain(Code::RuleFailed))
}

/// Points on another card of the same owner.
fn for_points(
    state: &State,
    question: Question<'_>,
    found: &Found<'_>,
    (into, units): (CardId, u32),
) -> Decided {
    let now_ms = question.now_ms;
    let refuse = |code| Err(Rejection::plain(code));
    let Some(points) = find(state, (question.request.envelope.merchant, now_ms), into, None) else {
        return refuse(Code::NotFound);
    };
    if !accounts::is_of_points(&points) {
        return refuse(Code::RuleFailed);
    }
    if let Some(rejection) = check_state(state, &points).or_else(|| check_times(&points.card, now_ms)) {
        return Err(rejection);
    }
    if points.card.owner != found.card.owner {
        return refuse(Code::NotOwner);
    }
    let entry = accounts::entry(state, now_ms, &points, AccountWish::Earn { units })?;
    let no_room = operation_room(state).or_else(|| accounts::no_lots(state, now_ms, &points, &entry));
    match (no_room, entry) {
        (Some(rejection), _) => Err(rejection),
        (None, AccountEntry::Earned { units, until_s }) => {
            let balance = super::redeem::balance(state, &points, now_ms);
            Ok((RecycledFor::Points { card: into, units, until_s }, u64::from(balance) + u64::from(units)))
        }
        (None, other) => unreachable!("{other:?} is not what was wished"),
    }
}

/// A card of another campaign for the same owner.
fn for_card(state: &State, question: Question<'_>, found: &Found<'_>, id: StockId) -> Decided {
    let (envelope, now_ms) = (&question.request.envelope, question.now_ms);
    let Some((handle, campaign)) = state.campaign_of(envelope.merchant, id) else {
        return Err(Rejection::plain(Code::NotFound));
    };
    if campaign.locator == found.campaign.locator {
        return Err(Rejection::plain(Code::RuleFailed));
    }
    let until_ms = campaign.definition.until_ms.get();
    let refusal = issue::check_times(state, now_ms, until_ms, campaign)
        .or_else(|| issue::check_supply(state, (now_ms, envelope.channel), campaign, 1))
        .or_else(|| operation_room(state))
        .or_else(|| no_pages(state, handle, campaign.issued, 1));
    if let Some(rejection) = refusal {
        return Err(rejection);
    }
    let channels = &state.stock_of_campaign(campaign).channels;
    if channels.count_with(core::iter::once(envelope.channel)) > CHANNELS_PER_STOCK_MAX {
        return Err(capacity(CapacityOf::Channels, CHANNELS_PER_STOCK_MAX as u64));
    }
    let (from_s, until_s) = issue::times(&campaign.definition, now_ms).in_seconds();
    let made = campaign.card(campaign.issued);
    Ok((RecycledFor::Card { campaign: id, made, from_s, until_s }, made.0))
}

/// Applies an [`Event::Recycled`]. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let Event::Recycled { origin, card, given } = event else {
        unreachable!("only Recycled is applied here");
    };
    let handle = state.touch_card(*card);
    let owner = state.cards.get(handle).owner;
    end(state, handle, *given == RecycledFor::Supply);
    let value = match *given {
        RecycledFor::Supply => 1,
        RecycledFor::Points { card, units, until_s } => {
            let points = state.touch_card(card);
            let before = state.balance(Some(points), state.cards.get(points), state.now_ms);
            accounts::fill(state, points, &AccountEntry::Earned { units, until_s });
            u64::from(before) + u64::from(units)
        }
        RecycledFor::Card { campaign, made, from_s, until_s } => {
            let stock = state.find_stock(campaign).expect("the log names a stock that exists");
            let campaign = state.stock(stock).campaign().expect("the log names a campaign");
            let cards =
                issue::New { owner: crate::ids::UserId(owner), first: made, count: 1, imported: false };
            issue::make(state, campaign, origin.channel, &cards, ((from_s, until_s), false));
            made.0
        }
    };
    record(state, origin, OperationKind::Recycle, value, resolved);
}

/// The card is void, and its unit too, unless it goes back to the supply.
pub(super) fn end(state: &mut State, card: Handle, back: bool) {
    state.end_gift(card);
    let record = state.cards.get_mut(card);
    assert!(record.held == 0, "nobody else has a card that is recycled");
    record.set_state(CardState::Void);
    if back {
        record.set_recycled();
    }
    let channel = ChannelId(record.channel);
    state.void_units(card);
    state.count_gone(card);
    let campaign = state.campaigns.get_mut(state.cards.place(card).0);
    campaign.recycled += u64::from(back);
    let stock = campaign.stock;
    let posting = if back { Posting::ReturnToAvailable(1) } else { Posting::ReturnToVoid(1) };
    state.post(stock, channel, posting);
}

//! GIFT, ACCEPT_GIFT, CANCEL_GIFT: a card goes from one owner to another, or back.
//!
//! They share how a card is found and judged, so they are decided side by side. Invariant: a card has one owner at every
//! moment, the giver until it is accepted; whoever accepts it gets a code of a new generation, so that no code from before
//! opens anything.

use super::checks::{capacity, operation_room};
use super::redeem::{check_state, check_times, named};
use super::risk::owner;
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::{CardState, GENERATION_MAX, GiftWish};
use crate::event::{Event, GiftEntry};
use crate::ids::{CardId, UserId};
use crate::limits::WALLET_CARDS_SCANNED_MAX;
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::cards::{Found, Newer};
use crate::state::gifts::GiftRecord;
use crate::state::table::Handle;
use scrip_planted::{Bug, on};

/// Gifts that are forgotten as a new one is made.
const VISITS_PER_GIFT: usize = 4;

/// Decides one of them.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    (card, generation, wish): (CardId, Option<u8>, GiftWish),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let (content, found) = match named(state, question, card, generation) {
        Ok(named) => named,
        Err(verdict) => return verdict,
    };
    let decided = match wish {
        GiftWish::Give { user, to, lasts_s } => give(state, question, &found, (user, to, lasts_s)),
        GiftWish::Accept { user } => accept(state, question, &found, user),
        GiftWish::Cancel { user } => cancel(state, question, &found, user),
    };
    let decided = decided.and_then(|entry| operation_room(state).map_or(Ok(entry), Err));
    let entry = match decided.and_then(|entry| no_room(state, &found, &entry).map_or(Ok(entry), Err)) {
        Ok(entry) => entry,
        Err(rejection) => return Verdict::Refuse(rejection),
    };
    let (kind, value) = answered(&entry, found.card.generation);
    let event = Event::Gift { origin: question.origin(content), card, entry };
    Verdict::Do(event, &plan.resolved, Reply::Value(kind, value))
}

type Decided = Result<GiftEntry, Rejection<'static>>;

fn refuse(code: Code) -> Decided {
    Err(Rejection::plain(code))
}

/// Whether an id is of the person who owns the card.
fn is_owners(state: &State, question: Question<'_>, found: &Found<'_>, user: UserId) -> bool {
    state.is_one_person(owner(question), user.0, found.card.owner)
}

fn give(state: &State, question: Question<'_>, found: &Found<'_>, wish: (UserId, UserId, u32)) -> Decided {
    let ((user, to, lasts_s), card, now_ms) = (wish, &found.card, question.now_ms);
    let may_be_given = found.campaign.definition.kind().is_given();
    if !may_be_given || card.owner == 0 || card.generation >= GENERATION_MAX {
        return refuse(Code::RuleFailed);
    }
    if let Some(rejection) = check_state(state, found).or_else(|| expired(found, now_ms)) {
        return Err(rejection);
    }
    if user.0 != 0 && !is_owners(state, question, found, user) {
        return refuse(Code::NotOwner);
    }
    if to.0 != 0 && is_owners(state, question, found, to) {
        return refuse(Code::RuleFailed);
    }
    if card.held > 0 {
        return Err(units(state, found, (Code::LockedByOtherOrder, card.held, card.available)));
    }
    Ok(GiftEntry::Given { receiver: to, deadline_ms: now_ms + u64::from(lasts_s) * 1_000 })
}

fn accept(state: &State, question: Question<'_>, found: &Found<'_>, user: UserId) -> Decided {
    let gift = gift(state, question.now_ms, found)?;
    if let Some(rejection) = expired(found, question.now_ms) {
        return Err(rejection);
    }
    let receiver = gift.receiver().0;
    let foreign = receiver != 0 && !state.is_one_person(owner(question), user.0, receiver);
    if foreign && !on(Bug::ForeignGiftAccepted) || is_owners(state, question, found, user) {
        return refuse(Code::NotOwner);
    }
    if found.record.is_some_and(|record| matches!(state.newer_card(record), Newer::TooFar)) {
        let most = WALLET_CARDS_SCANNED_MAX as u32;
        return Err(units(state, found, (Code::RuleFailed, most + 1, most)));
    }
    Ok(GiftEntry::Accepted { receiver: user })
}

fn cancel(state: &State, question: Question<'_>, found: &Found<'_>, user: UserId) -> Decided {
    gift(state, question.now_ms, found)?;
    if user.0 != 0 && !is_owners(state, question, found, user) {
        return refuse(Code::NotOwner);
    }
    Ok(GiftEntry::Cancelled)
}

/// The gift of a card that can be accepted or taken back, or why there is none.
fn gift<'s>(state: &'s State, now_ms: u64, found: &Found<'s>) -> Result<&'s GiftRecord, Rejection<'static>> {
    let is_gifting = found.card.state() == CardState::Gifting;
    let gift = found.record.and_then(|record| state.gift_of(record));
    // Of a card that is being given, step 2 says nothing but what is wrong with its campaign.
    match check_state(state, found).filter(|why| !is_gifting || why.code != Code::LockedByOtherOrder) {
        Some(rejection) => Err(rejection),
        None => match gift {
            None => Err(Rejection::plain(Code::RuleFailed)),
            Some(gift) if gift.is_over(now_ms) => {
                Err(Rejection { code: Code::Expired, facts: Facts::Time(gift.deadline_ms) })
            }
            Some(gift) => Ok(gift),
        },
    }
}

/// Step 3 of a REDEEM, as far as a card is over: one that is not valid yet can be given.
fn expired(found: &Found<'_>, now_ms: u64) -> Option<Rejection<'static>> {
    check_times(&found.card, now_ms).filter(|rejection| rejection.code == Code::Expired)
}

fn units(state: &State, found: &Found<'_>, (code, asked, available): (Code, u32, u32)) -> Rejection<'static> {
    let stock = state.stock_of_campaign(found.campaign).id;
    Rejection { code, facts: Facts::Units { stock, asked: asked.into(), available: available.into() } }
}

/// CAPACITY if there is no room for a gift.
fn no_room(state: &State, found: &Found<'_>, entry: &GiftEntry) -> Option<Rejection<'static>> {
    // A gift that is over makes room for the next one of the same card.
    let takes_place = || found.record.is_some_and(|record| state.gift_of(record).is_some());
    let maximum = state.capacity.gifts_max;
    let full = matches!(entry, GiftEntry::Given { .. }) && state.gifts.used() >= maximum && !takes_place();
    full.then(|| capacity(CapacityOf::Gifts, u64::from(maximum)))
}

/// The command, and the number in its operation record, of an entry about a card of this generation.
fn answered(entry: &GiftEntry, generation: u8) -> (OperationKind, u64) {
    match *entry {
        GiftEntry::Given { deadline_ms, .. } => (OperationKind::Gift, deadline_ms),
        GiftEntry::Accepted { .. } => (OperationKind::AcceptGift, u64::from(generation) + 1),
        GiftEntry::Cancelled => (OperationKind::CancelGift, CardState::Active as u64),
    }
}

/// Applies an [`Event::Gift`]. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let Event::Gift { origin, card, entry } = event else {
        unreachable!("only what becomes of gifts is applied here");
    };
    let handle = state.touch_card(*card);
    let (kind, value) = answered(entry, state.cards.get(handle).generation);
    match *entry {
        GiftEntry::Given { receiver, deadline_ms } => {
            assert!(state.cards.get(handle).state() == CardState::Active, "an active card is given");
            state.give(handle, receiver, deadline_ms);
        }
        GiftEntry::Accepted { receiver } => hand_over(state, handle, receiver),
        GiftEntry::Cancelled => state.end_gift(handle),
    }
    record(state, origin, kind, value, resolved);
    state.reclaim_gifts(VISITS_PER_GIFT);
}

/// A card changes hands: it is the receiver's newest, and its code is another.
fn hand_over(state: &mut State, card: Handle, receiver: UserId) {
    assert!(state.cards.get(card).state() == CardState::Gifting, "a card that is given is accepted");
    state.end_gift(card);
    state.take_from_wallet(card);
    let found = state.cards.get_mut(card);
    found.owner = receiver.0;
    if !on(Bug::GiftKeepsItsCode) {
        found.generation += 1;
    }
    state.hang_into_wallet(card);
}

//! CAMPAIGN_VOID, CARD_BATCH_VOID, CARD_BATCH_RECYCLE: many cards end in one event, however many they are.
//!
//! They share what ends (`state/endings.rs`). Invariant: the event says how many cards end by it; no card of them is looked at.

use super::campaigns::before_changing;
use super::checks::operation_room;
use super::redeem::named;
use super::worth::in_ms;
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::{BatchEnd, CampaignState};
use crate::content::content_digest;
use crate::event::{CampaignEvent, Event};
use crate::ids::{CardId, StockId};
use crate::limits::TTL_MAX_MS;
use crate::rejection::{Code, Facts, Rejection};
use crate::state::State;
use crate::state::campaigns::{BatchStand, CardBatch};
use scrip_planted::{Bug, on};

/// Decides a CAMPAIGN_VOID.
pub fn decide_campaign<'p>(
    state: &State,
    question: Question<'_>,
    (id, version, reason): (StockId, u32, u16),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    let is_void = |state: CampaignState| (state == CampaignState::Void).then_some(Code::Void);
    if let Some(verdict) =
        before_changing(state, question, (id, version, content), |campaign| is_void(campaign.state))
    {
        return verdict;
    }
    let found = state.campaign_of(question.request.envelope.merchant, id);
    let cards = found.map_or(0, |(_, campaign)| state.cards_left(campaign));
    let event = Event::Campaign(CampaignEvent::Voided {
        origin: question.origin(content),
        campaign: id,
        reason,
        cards,
    });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::CampaignVoid, cards))
}

/// Decides a CARD_BATCH_VOID or CARD_BATCH_RECYCLE.
pub fn decide_batch<'p>(
    state: &State,
    question: Question<'_>,
    (card, generation, end): (CardId, Option<u8>, BatchEnd),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let (content, found) = match named(state, question, card, generation) {
        Ok(named) => named,
        Err(verdict) => return verdict,
    };
    let Some(batch) = found.campaign.batch_of(card.serial()) else {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    };
    if found.campaign.has_ended(card.serial(), true) {
        return Verdict::Refuse(Rejection::plain(Code::Void));
    }
    let early = match end {
        BatchEnd::Void { .. } => None,
        BatchEnd::Recycle => too_early(batch, question.now_ms),
    };
    if let Some(rejection) = early.or_else(|| operation_room(state)) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::CardBatchEnded {
        origin: question.origin(content),
        campaign: state.stock_of_campaign(found.campaign).id,
        first: found.campaign.card(batch.first),
        end,
        cards: batch.left(),
    };
    Verdict::Do(event, &plan.resolved, Reply::Value(kind_of(end), batch.left()))
}

/// Why cards of a batch may be in use yet: one of them has not ended, or a hold may still have units of it.
fn too_early(batch: &CardBatch, now_ms: u64) -> Option<Rejection<'static>> {
    if batch.until_s == 0 {
        return Some(Rejection::plain(Code::RuleFailed));
    }
    let latest_s = if on(Bug::RecycledBeforeTheLast) { batch.until_s } else { batch.latest_until_s };
    let from_ms = in_ms(latest_s) + u64::from(TTL_MAX_MS);
    (now_ms < from_ms).then_some(Rejection { code: Code::NotStarted, facts: Facts::Time(from_ms) })
}

const fn kind_of(end: BatchEnd) -> OperationKind {
    match end {
        BatchEnd::Void { .. } => OperationKind::CardBatchVoid,
        BatchEnd::Recycle => OperationKind::CardBatchRecycle,
    }
}

/// Applies an [`CampaignEvent::Voided`] or [`Event::CardBatchEnded`]. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let (origin, kind, campaign, cards) = match event {
        Event::Campaign(CampaignEvent::Voided { origin, campaign, cards, .. }) => {
            (origin, OperationKind::CampaignVoid, *campaign, *cards)
        }
        Event::CardBatchEnded { origin, campaign, end, cards, .. } => {
            (origin, kind_of(*end), *campaign, *cards)
        }
        other => unreachable!("{other:?} ends no cards"),
    };
    let stock = state.find_stock(campaign).expect("the log names a stock that exists");
    let handle = state.stock(stock).campaign().expect("the log names a campaign");
    let ended = match event {
        Event::CardBatchEnded { first, end: BatchEnd::Void { .. }, .. } => {
            state.end_batch(handle, first.serial(), BatchStand::Void)
        }
        Event::CardBatchEnded { first, .. } => state.end_batch(handle, first.serial(), BatchStand::Recycled),
        _ => {
            state.stock_mut(stock).version += 1;
            state.void_campaign(handle)
        }
    };
    assert!(ended == cards, "as many cards end as the event says");
    record(state, origin, kind, cards, resolved);
}

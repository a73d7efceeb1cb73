//! CARD_CHANGE, CARD_SHOW, WALLET_SHOW.

use super::checks::operation_room;
use super::redeem::{balance, check_state, check_times, find, named, no_page};
use super::worth::{Span, end_in_seconds, in_ms};
use super::{Plan, Question, Replies, Reply, Resolved, Verdict, record};
use crate::answer::{CardView, LotView, OperationKind, WalletCard};
use crate::command::{CardChange, CardState};
use crate::event::Event;
use crate::ids::{CardId, ChannelId, OperationId, StockId, UserId};
use crate::limits::{WALLET_CARDS_PER_ANSWER_MAX, WALLET_CARDS_SCANNED_MAX};
use crate::rejection::{Code, Rejection};
use crate::state::State;
use crate::state::campaigns::Campaign;
use crate::state::cards::{CardRecord, Found};
use crate::state::lots::LotRecord;
use crate::state::risk::Owner;
use crate::state::stock::Posting;
use crate::state::table::Handle;
use scrip_planted::{Bug, on};
use zerocopy::little_endian::{U16, U32, U64};

/// The state that a change leads to, or why it can't be.
const fn leads_to(change: CardChange, state: CardState) -> Result<CardState, Code> {
    use CardState::{Active, Frozen, Gifting, Inactive, Used, Void};
    match (change, state) {
        (_, Void) => Err(Code::Void),
        (CardChange::Activate, Inactive) | (CardChange::Unfreeze, Frozen) => Ok(Active),
        (CardChange::Freeze, Active | Gifting) => Ok(Frozen),
        (CardChange::Void, Inactive | Active | Frozen | Gifting) => Ok(Void),
        (CardChange::Freeze, Inactive) => Err(Code::NotActive),
        (CardChange::Freeze | CardChange::Void, Used) => Err(Code::Used),
        (CardChange::Extend { .. }, state) => Ok(state),
        (CardChange::Activate | CardChange::Freeze | CardChange::Unfreeze, _) => Err(Code::RuleFailed),
    }
}

/// Decides a CARD_CHANGE.
pub fn decide_change<'p>(
    state: &State,
    question: Question<'_>,
    (card, generation, change): (CardId, Option<u8>, CardChange),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let (content, found) = match named(state, question, card, generation) {
        Ok(named) => named,
        Err(verdict) => return verdict,
    };
    let refuse = |code| Verdict::Refuse(Rejection::plain(code));
    let to = match leads_to(change, found.card.state()) {
        Ok(to) => to,
        Err(code) => return refuse(code),
    };
    if matches!(change, CardChange::Extend { until_ms } if until_ms <= question.now_ms) {
        return refuse(Code::RuleFailed);
    }
    if let Some(rejection) = operation_room(state).or_else(|| no_page(state, card, &found)) {
        return Verdict::Refuse(rejection);
    }
    let (from_s, until_s) = times_after(change, &found.card, found.campaign, question.now_ms);
    let change = match change {
        CardChange::Extend { .. } => CardChange::Extend { until_ms: in_ms(until_s) },
        change => change,
    };
    let event = Event::CardChanged { origin: question.origin(content), card, change, from_s, until_s };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::CardChange, to as u64))
}

/// When a card is valid once it is changed.
fn times_after(change: CardChange, card: &CardRecord, campaign: &Campaign, now_ms: u64) -> (u32, u32) {
    match change {
        CardChange::Extend { until_ms } => (card.from_s, end_in_seconds(until_ms)),
        CardChange::Activate if !card.own_times() && !on(Bug::ActivationChangesNoTimes) => {
            let span = Span { from_ms: in_ms(card.from_s), until_ms: in_ms(card.until_s) };
            span.received(&campaign.definition, now_ms).in_seconds()
        }
        _ => (card.from_s, card.until_s),
    }
}

/// Applies an [`Event::CardChanged`]. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let Event::CardChanged { origin, card, change, from_s, until_s } = event else {
        unreachable!("only CardChanged is applied here");
    };
    let handle = state.touch_card(*card);
    if matches!(change, CardChange::Freeze | CardChange::Void) {
        state.end_gift(handle);
    }
    let found = state.cards.get_mut(handle);
    let to = leads_to(*change, found.state()).expect("decide refused other changes");
    found.set_state(to);
    found.from_s = *from_s;
    let channel = ChannelId(found.channel);
    state.set_until(handle, *until_s);
    if *change == CardChange::Void {
        state.void_units(handle);
        state.count_gone(handle);
        let stock = state.campaigns.get(state.cards.place(handle).0).stock;
        if !on(Bug::VoidCardStaysIssued) {
            state.post(stock, channel, Posting::ReturnToVoid(1));
        }
    }
    record(state, origin, OperationKind::CardChange, to as u64, resolved);
}

/// Decides a CARD_SHOW.
pub fn decide_show<'p>(
    state: &State,
    question: Question<'_>,
    (card, generation): (CardId, Option<u8>),
) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    if card.slot() != envelope.slot {
        return Verdict::Refuse(Rejection::plain(Code::CrossSlot));
    }
    match find(state, (envelope.merchant, question.now_ms), card, generation) {
        Some(_) => Verdict::Answer(Reply::Card(card, question.now_ms)),
        None => Verdict::Refuse(Rejection::plain(Code::NotFound)),
    }
}

/// A card as it is; its lots are filled in.
pub(super) fn view(state: &State, id: CardId, now_ms: u64, replies: &mut Replies) -> CardView {
    let found = state.find_card_at(id, now_ms).expect("it was found before");
    let card = &found.card;
    let redemption = state.newest_redemption(card.redemption);
    let available = balance(state, &found, now_ms);
    replies.lots.clear();
    // Of a card whose campaign or batch has ended the lots do not know yet.
    let most = card.available;
    replies.lots.extend(state.lots_of(found.record).map(|(_, lot)| lot_view(lot, (most, now_ms))));
    CardView {
        card: id,
        campaign: state.stock_of_campaign(found.campaign).id,
        owner: UserId(card.owner),
        state: card.state(),
        generation: card.generation,
        channel: ChannelId(card.channel),
        level: card.level(),
        available,
        expired: card.available - available,
        held: card.held,
        consumed: card.consumed,
        void: state.void_units_of(&found),
        from_ms: in_ms(card.from_s),
        until_ms: in_ms(card.until_s),
        redemption: OperationId(redemption.map_or(0, |found| found.operation)),
    }
}

fn lot_view(lot: &LotRecord, (most, now_ms): (u32, u64)) -> LotView {
    LotView {
        until_ms: U64::new(in_ms(lot.until_s)),
        units: U32::new(lot.units),
        available: U32::new(lot.available.min(most)),
        consumed: U32::new(lot.consumed),
        paid: U32::new(lot.paid),
        bonus: u8::from(lot.is_bonus()),
        live: u8::from(lot.is_live(now_ms)),
        spare: [0; 6],
    }
}

/// Which cards a page of a wallet shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The first one that is looked at; `None`: there is none.
    first: Option<Handle>,
    /// Whose.
    owner: UserId,
    /// Of which merchant, in which slot.
    of: Owner,
    /// Only cards of this campaign.
    campaign: Option<Handle>,
    /// Only cards that can be used.
    usable: bool,
    /// How many it has at most.
    count_max: usize,
    /// Shard time.
    now_ms: u64,
}

/// Decides a WALLET_SHOW.
pub fn decide_wallet<'p>(
    state: &State,
    question: Question<'_>,
    (owner, campaign, usable): (UserId, Option<StockId>, bool),
    (after, limit): (Option<CardId>, u32),
) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    let refuse = |code| Verdict::Refuse(Rejection::plain(code));
    if campaign.is_some_and(|campaign| campaign.slot() != envelope.slot) {
        return refuse(Code::CrossSlot);
    }
    let campaign = match campaign.map(|campaign| state.campaign_of(envelope.merchant, campaign)) {
        None => None,
        Some(Some((handle, _))) => Some(handle),
        Some(None) => return refuse(Code::NotFound),
    };
    let of = (envelope.merchant, envelope.slot);
    let first = match after {
        None => state.wallet_of_person(of, owner).next(),
        Some(after) => {
            let record = state.find_card(after).and_then(|found| found.record);
            let is_his = |record: &Handle| {
                let holder = state.cards.get(*record).owner;
                owner.0 != 0
                    && holder != 0
                    && state.is_one_person(of, owner.0, holder)
                    && state.owner_of_card(*record) == of
            };
            match record.filter(is_his) {
                Some(record) => state.wallet_behind((of, owner), record).next(),
                None => return refuse(Code::NotFound),
            }
        }
    };
    let count_max = match limit as usize {
        0 => WALLET_CARDS_PER_ANSWER_MAX,
        wanted => wanted.min(WALLET_CARDS_PER_ANSWER_MAX),
    };
    Verdict::Answer(Reply::Wallet(Page {
        first,
        owner,
        of,
        campaign,
        usable,
        count_max,
        now_ms: question.now_ms,
    }))
}

/// Fills in a page; answers the last card it has looked at, unless the list ends there.
pub(super) fn fill(state: &State, page: Page, replies: &mut Replies) -> Option<CardId> {
    replies.wallet.clear();
    let first = page.first?;
    let mut last = first;
    let mine = (page.of, page.owner);
    let behind = state.wallet_behind(mine, first);
    for handle in core::iter::once(first).chain(behind).take(WALLET_CARDS_SCANNED_MAX) {
        last = handle;
        let (campaign, _) = state.cards.place(handle);
        if page.campaign.is_none_or(|wanted| wanted == campaign) {
            let card = state.card_at(handle, page.now_ms);
            let found = Found { campaign: state.campaigns.get(campaign), card, record: Some(handle) };
            if !page.usable || can_be_used(state, &found, page.now_ms) {
                replies.wallet.push(wallet_card(state, (handle, page.now_ms), &found));
            }
        }
        if replies.wallet.len() == page.count_max {
            break;
        }
    }
    state.wallet_behind(mine, last).next().map(|_| state.card_id(last))
}

/// Steps 2 and 3 of REDEEM, hours left aside, and whether there is anything to use.
fn can_be_used(state: &State, found: &Found<'_>, now_ms: u64) -> bool {
    let refusal = check_state(state, found).or_else(|| check_times(&found.card, now_ms));
    let kind = found.campaign.definition.kind();
    refusal.is_none() && (kind.is_never_used() || balance(state, found, now_ms) > 0)
}

fn wallet_card(state: &State, (handle, now_ms): (Handle, u64), found: &Found<'_>) -> WalletCard {
    let card = &found.card;
    let available = balance(state, found, now_ms);
    WalletCard {
        card: U64::new(state.card_id(handle).0),
        campaign: U64::new(state.stock_of_campaign(found.campaign).id.0),
        from_ms: U64::new(in_ms(card.from_s)),
        until_ms: U64::new(in_ms(card.until_s)),
        available: U32::new(available),
        consumed: U32::new(card.consumed),
        void: U32::new(state.void_units_of(found)),
        channel: U16::new(card.channel),
        state: card.state() as u8,
        generation: card.generation,
    }
}

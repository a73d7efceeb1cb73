//! MERGE: what cards of one owner have goes to one of them, and the others are void.
//!
//! Invariant: units that move keep what was paid for them and end no later than before; what is not live does not move.

use super::accounts::{room, room_for_lots};
use super::checks::{before_deciding, operation_room};
use super::issue::no_page_for_all;
use super::redeem::{check_state, check_times, find};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::{CampaignKind, CardState, Merge};
use crate::content::content_digest;
use crate::event::{Event, MergedCard};
use crate::ids::ChannelId;
use crate::limits::LOTS_PER_CARD_MAX;
use crate::rejection::{Code, Facts, Rejection};
use crate::state::State;
use crate::state::cards::Found;
use crate::state::lots::NewLot;
use crate::state::stock::Posting;
use crate::state::table::Handle;
use arrayvec::ArrayVec;
use scrip_planted::{Bug, on};
use zerocopy::little_endian::U32;

/// Units of one lot that move.
struct Piece {
    lot: NewLot,
    /// They go to the card's own lot.
    own: bool,
    /// They join a lot that ends with them, if there is one.
    joins: bool,
}

type Pieces = ArrayVec<Piece, { LOTS_PER_CARD_MAX + 1 }>;

/// Decides a MERGE.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    merge: &Merge<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    let content = content_digest(envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::empty()) {
        return verdict;
    }
    if merge.cards().any(|(card, _)| card.slot() != envelope.slot) {
        return Verdict::Refuse(Rejection::plain(Code::CrossSlot));
    }
    let found = |card, generation| find(state, (envelope.merchant, question.now_ms), card, generation);
    if merge.cards().any(|(card, generation)| found(card, generation).is_none()) {
        return Verdict::Refuse(Rejection::plain(Code::NotFound));
    }
    let into = found(merge.into, merge.generation).expect("it was found before");
    let refusal = check_into(state, question.now_ms, &into);
    let sources = || {
        let from = merge.from.iter();
        from.map(|card| found(card.card(), card.generation()).expect("it was found before"))
    };
    let refusal =
        refusal.or_else(|| sources().find_map(|source| check_source(state, question.now_ms, &into, &source)));
    if let Some(rejection) = refusal {
        return Verdict::Refuse(rejection);
    }
    plan.merged.clear();
    for (card, source) in merge.from.iter().zip(sources()) {
        let units: u32 =
            pieces(state, question.now_ms, &into, &source).iter().map(|piece| piece.lot.units).sum();
        let lost = source.card.available - units;
        plan.merged.push(MergedCard { card: card.card, units: U32::new(units), lost: U32::new(lost) });
    }
    let units: u64 = plan.merged.iter().map(|source| u64::from(source.units.get())).sum();
    let room = match into.campaign.definition.kind() {
        CampaignKind::Stamps => {
            let there = u64::from(into.card.available) + u64::from(into.card.held);
            into.campaign.definition.value.get().saturating_sub(there)
        }
        _ => room(state, &into),
    };
    if units > room {
        let stock = state.stock_of_campaign(into.campaign).id;
        let facts = Facts::Units { stock, asked: units, available: room };
        return Verdict::Refuse(Rejection { code: Code::RuleFailed, facts });
    }
    let made = lots_made(state, question.now_ms, &into, sources());
    let no_room = operation_room(state)
        .or_else(|| no_page_for_all(state, |at| merge.cards().nth(at).map(|(card, _)| card)))
        .or_else(|| room_for_lots(state, question.now_ms, &into, (made, units > 0)));
    if let Some(rejection) = no_room {
        return Verdict::Refuse(rejection);
    }
    let balance = super::redeem::balance(state, &into, question.now_ms);
    let value = units << 32 | (u64::from(balance) + units);
    let event = Event::Merged { origin: question.origin(content), into: merge.into, sources: &plan.merged };
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::Merge, value))
}

/// Why nothing can go to a card.
fn check_into(state: &State, now_ms: u64, into: &Found<'_>) -> Option<Rejection<'static>> {
    if !into.campaign.definition.kind().is_filled() {
        return Some(Rejection::plain(Code::RuleFailed));
    }
    check_state(state, into).or_else(|| check_times(&into.card, now_ms))
}

/// Why what a card has can't go to another.
fn check_source(
    state: &State,
    now_ms: u64,
    into: &Found<'_>,
    source: &Found<'_>,
) -> Option<Rejection<'static>> {
    if source.campaign.locator != into.campaign.locator {
        return Some(Rejection::plain(Code::RuleFailed));
    }
    if let Some(rejection) = check_state(state, source).or_else(|| check_times(&source.card, now_ms)) {
        return Some(rejection);
    }
    if source.card.owner != into.card.owner && !on(Bug::ForeignCardMerged) {
        return Some(Rejection::plain(Code::NotOwner));
    }
    let (asked, available) = (u64::from(source.card.held), u64::from(source.card.available));
    let facts = Facts::Units { stock: state.stock_of_campaign(source.campaign).id, asked, available };
    (asked > 0).then_some(Rejection { code: Code::LockedByOtherOrder, facts })
}

/// The earlier of two ends, seconds; 0: none.
const fn earlier(one: u32, two: u32) -> u32 {
    if one == 0 || two != 0 && two < one { two } else { one }
}

/// What a source gives, lot by lot, its own first.
fn pieces(state: &State, now_ms: u64, into: &Found<'_>, source: &Found<'_>) -> Pieces {
    let definition = &source.campaign.definition;
    let kind = definition.kind();
    let ends = |until_s: u32| {
        let end_s = earlier(until_s, source.card.until_s);
        if end_s == into.card.until_s { 0 } else { end_s }
    };
    let mut pieces = Pieces::new();
    let own = state.own_available(source.record, &source.card);
    if own > 0 {
        let (until_s, paid) = (ends(0), part(definition.value.get(), own, definition.units.get()));
        let paid = if kind == CampaignKind::StoredValue { paid } else { 0 };
        let is_own = until_s == 0 || kind == CampaignKind::Stamps;
        pieces.push(Piece {
            lot: NewLot { units: own, bonus: false, paid, until_s },
            own: is_own,
            joins: kind == CampaignKind::Points,
        });
    }
    for (_, lot) in state.lots_of(source.record).filter(|(_, lot)| lot.is_live(now_ms) && lot.available > 0) {
        let (until_s, paid) = (ends(lot.until_s), part(u64::from(lot.paid), lot.available, lot.units));
        let of_points = kind == CampaignKind::Points;
        pieces.push(Piece {
            lot: NewLot { units: lot.available, bonus: lot.is_bonus(), paid, until_s },
            own: of_points && until_s == 0,
            joins: of_points,
        });
    }
    pieces
}

/// What was paid for so many units that are left of others.
fn part(paid: u64, available: u32, units: u32) -> u32 {
    let paid = (paid * u64::from(available)).checked_div(u64::from(units)).unwrap_or(0);
    u32::try_from(paid).expect("a part is no more than what was paid")
}

/// Lots that the sources make.
fn lots_made<'s>(
    state: &'s State,
    now_ms: u64,
    into: &Found<'_>,
    sources: impl Iterator<Item = Found<'s>>,
) -> usize {
    let mut ends: ArrayVec<u32, { 2 * LOTS_PER_CARD_MAX }> =
        state.lots_kept(into.record, now_ms).map(|lot| lot.until_s).collect();
    let mut made = 0;
    for source in sources {
        for piece in pieces(state, now_ms, into, &source).iter().filter(|piece| !piece.own) {
            if piece.joins && ends.contains(&piece.lot.until_s) {
                continue;
            }
            made += 1;
            // More than a card can have are refused, whatever they are.
            if piece.joins && !ends.is_full() {
                ends.push(piece.lot.until_s);
            }
        }
    }
    made
}

/// Applies an [`Event::Merged`]. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    let Event::Merged { origin, into, sources } = event else {
        unreachable!("only Merged is applied here");
    };
    let handle = state.touch_card(*into);
    let before = state.balance(Some(handle), state.cards.get(handle), state.now_ms);
    state.drop_lots_over(handle);
    let mut total = 0;
    for source in *sources {
        let from = state.touch_card(source.card());
        let (given, taker) = (state.find_card(source.card()), state.find_card(*into));
        let (given, taker) = (given.expect("it was issued"), taker.expect("it was issued"));
        let pieces = pieces(state, state.now_ms, &taker, &given);
        let units = pieces.iter().map(|piece| piece.lot.units).sum::<u32>();
        assert!(units == source.units.get(), "as many units move as the event says");
        end(state, from);
        put(state, handle, units, &pieces);
        total += units;
    }
    let value = u64::from(total) << 32 | u64::from(before + total);
    record(state, origin, OperationKind::Merge, value, resolved);
}

/// A source is void, and its unit of the campaign.
fn end(state: &mut State, card: Handle) {
    let record = state.cards.get_mut(card);
    assert!(record.state() == CardState::Active && record.held == 0, "nobody else has a source");
    record.set_state(CardState::Void);
    let channel = ChannelId(record.channel);
    state.void_units(card);
    state.count_gone(card);
    let stock = state.campaigns.get(state.cards.place(card).0).stock;
    state.post(stock, channel, Posting::ReturnToVoid(1));
}

/// Units go to a card.
fn put(state: &mut State, card: Handle, units: u32, pieces: &[Piece]) {
    if units == 0 {
        return;
    }
    state.supply_card(card, units);
    for Piece { lot, joins, .. } in pieces.iter().filter(|piece| !piece.own) {
        let same = {
            let mut lots = state.lots_of(Some(card));
            lots.find(|(_, there)| *joins && there.until_s == lot.until_s).map(|(there, _)| there)
        };
        match same {
            Some(there) => state.add_to_lot(there, lot.units),
            None => state.make_lot(card, lot),
        }
    }
}

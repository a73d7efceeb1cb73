//! Cards in holds: RESERVE and SELL take units of cards beside units of stocks; what becomes of the hold becomes of them.
//!
//! It stands apart from `take` and the commands that end a hold because a hold without cards passes it by with one look at a flag.
//! Invariant: what a hold takes of a card was available to it, all its lines on that card together; the discount is fixed when the
//! hold is made.

use super::redeem::{asked, balance, check_state, check_use, check_worth, find};
use super::take::Replaced;
use super::worth::{discount, graced, prolonged, reversal_end_ms};
use super::{Plan, Question};
use crate::answer::{HoldCard, HoldState};
use crate::command::{CampaignKind, CardLine, CardState, Take};
use crate::event::{EventCard, EventLine, RefusedLine};
use crate::ids::CardId;
use crate::limits::CARDS_PER_PAGE;
use crate::rejection::{CapacityOf, Code, LineFact, Rejection};
use crate::state::State;
use crate::state::cards::{Found, pages_max};
use crate::state::records::{HoldRecord, NO_LINE};
use crate::state::redemptions::RedemptionRecord;
use crate::state::redemptions::card_lines::NewCardLine;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};
use zerocopy::little_endian::{U32, U64};

/// The card of a line, if there is one.
fn find_line<'s>(state: &'s State, question: Question<'_>, line: &CardLine) -> Option<Found<'s>> {
    let generation = (line.by_code != 0).then_some(line.generation);
    find(state, (question.request.envelope.merchant, question.now_ms), line.card(), generation)
}

/// The card of a line that step 1a has found.
fn found<'s>(state: &'s State, question: Question<'_>, line: &CardLine) -> Found<'s> {
    find_line(state, question, line).expect("it was found before")
}

/// The code of the first lacking line, if there is one.
fn first_fact(facts: &[LineFact]) -> Result<(), Code> {
    let first = facts.first().and_then(|fact| Code::from_number(fact.why.get()));
    first.map_or(Ok(()), Err)
}

/// Step 1a.
#[inline]
pub(super) fn find_all(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    plan: &mut Plan,
) -> Result<(), Code> {
    if take.cards.is_empty() { Ok(()) } else { find_each(state, question, take, plan) }
}

fn find_each(state: &State, question: Question<'_>, take: &Take<'_>, plan: &mut Plan) -> Result<(), Code> {
    refuse_each(take, &mut plan.facts, |line| {
        find_line(state, question, line).is_none().then_some((Code::NotFound, 0))
    })
}

/// Adds a fact for each card line that there is a reason to refuse, with the units it could have had.
fn refuse_each(
    take: &Take<'_>,
    facts: &mut Vec<LineFact>,
    mut refusal: impl FnMut(&CardLine) -> Option<(Code, u64)>,
) -> Result<(), Code> {
    for (position, line) in take.cards.iter().enumerate() {
        if let Some((why, available)) = refusal(line) {
            facts.push(LineFact::new(take.lines.len() + position, why, line.units.get(), available));
        }
    }
    first_fact(facts)
}

/// Step 3a.
#[inline]
pub(super) fn check_use_of_all(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    replaced: Option<Replaced<'_>>,
    plan: &mut Plan,
) -> Result<(), Code> {
    if take.cards.is_empty() { Ok(()) } else { check_use_of_each(state, question, take, replaced, plan) }
}

fn check_use_of_each(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    replaced: Option<Replaced<'_>>,
    plan: &mut Plan,
) -> Result<(), Code> {
    refuse_each(take, &mut plan.facts, |line| {
        let card = found(state, question, line);
        let unusable =
            check_state(state, &card).or_else(|| check_use(state, question, &line.as_redeem(take), &card));
        if let Some(rejection) = unusable {
            return Some((rejection.code, 0));
        }
        let balance = u64::from(balance(state, &card, question.now_ms));
        let room = balance + freed(state, question.now_ms, replaced, &card);
        let demand = demand(take, line.card());
        let is_held = demand > room && demand <= balance + u64::from(card.card.held);
        is_held.then_some((Code::LockedByOtherOrder, room))
    })
}

/// Step 8a; works out the discounts.
#[inline]
pub(super) fn check_worth_of_all(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    replaced: Option<Replaced<'_>>,
    plan: &mut Plan,
) -> Result<(), Code> {
    plan.cards.clear();
    if take.cards.is_empty() { Ok(()) } else { check_worth_of_each(state, question, take, replaced, plan) }
}

fn check_worth_of_each(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    replaced: Option<Replaced<'_>>,
    plan: &mut Plan,
) -> Result<(), Code> {
    let Plan { facts, cards, .. } = plan;
    refuse_each(take, facts, |line| {
        let card = found(state, question, line);
        let balance = balance(state, &card, question.now_ms);
        let used = asked(&line.as_redeem(take), &card, balance);
        cards.push(EventCard {
            card: line.card,
            amount: line.amount,
            discount: U64::new(discount(&card.campaign.definition, &card.campaign.tiers, &used)),
            units: line.units,
            spare: U32::ZERO,
        });
        // A pass has no units to hold.
        let is_pass = card.campaign.definition.kind() == CampaignKind::Pass;
        if is_pass || check_worth(state, question, &card, &used).is_some() {
            return Some((Code::RuleFailed, 0));
        }
        let room = u64::from(balance) + freed(state, question.now_ms, replaced, &card);
        (demand(take, line.card()) > room).then_some((Code::BalanceExceeded, room))
    })
}

/// Units that all lines on one card ask for.
fn demand(take: &Take<'_>, card: CardId) -> u64 {
    let same = take.cards.iter().filter(|line| line.card() == card);
    let same = same.take(if on(Bug::HeldCardsNotSummed) { 1 } else { usize::MAX });
    same.map(|line| u64::from(line.units.get())).sum()
}

/// Units of a card that the replaced hold gives back, as far as they can be used then.
pub(super) fn freed(state: &State, now_ms: u64, replaced: Option<Replaced<'_>>, card: &Found<'_>) -> u64 {
    let held = replaced.map(Replaced::hold).filter(|hold| hold.state() == HoldState::Held);
    let (Some(hold), Some(record)) = (held, card.record) else { return 0 };
    let same = state.card_lines(hold).filter(|(_, line)| line.card == record.0);
    same.map(|(line, _)| u64::from(state.held_live(line, now_ms))).sum()
}

/// CAPACITY if there is no room for the cards of this hold.
pub(super) fn no_room(state: &State, take: &Take<'_>) -> Option<Rejection<'static>> {
    let maximum = state.capacity.redemptions_max;
    if state.redemptions.used() as usize + take.cards.len() > maximum as usize {
        return Some(super::checks::capacity(CapacityOf::Redemptions, u64::from(maximum)));
    }
    let page = |line: &CardLine| {
        state
            .campaigns
            .of_card(line.card())
            .map(|found| (found, line.card().serial() / CARDS_PER_PAGE as u64))
    };
    let lacks = |(position, line): (usize, &CardLine)| {
        let campaign = state.campaigns.of_card(line.card())?;
        let earlier = take.cards[..position].iter().any(|other| page(other) == page(line));
        let lacking = state.pages_lacking(campaign, line.card().serial(), 1);
        Some(if earlier { 0 } else { lacking })
    };
    let lacking: u32 = take.cards.iter().enumerate().filter_map(lacks).sum();
    if lacking > 0 && state.cards.pages() + lacking > pages_max(&state.capacity) {
        return Some(super::checks::capacity(CapacityOf::Cards, u64::from(state.capacity.cards_max)));
    }
    let parts: usize = take.cards.iter().map(|line| parts_max(state, line)).sum();
    let maximum = u64::from(state.capacity.lots_max);
    let full = parts > 0 && u64::from(state.lots.used()) + parts as u64 > maximum;
    full.then(|| super::checks::capacity(CapacityOf::Lots, maximum))
}

/// How many parts a line may come to: one for each lot of its card, its own too, if that is not the only one.
fn parts_max(state: &State, line: &CardLine) -> usize {
    let campaign = state.campaigns.of_card(line.card()).map(|campaign| state.campaigns.get(campaign));
    let is_wide = campaign.is_some_and(|campaign| campaign.definition.kind().is_wide());
    let card = if is_wide { state.find_card(line.card()) } else { None };
    match card.map_or(0, |card| state.lots_of(card.record).count()) {
        0 => 0,
        lots => lots + 1,
    }
}

/// Whether a hold has sold these units of these cards.
pub(super) fn are_the_same(state: &State, hold: &HoldRecord, take: &Take<'_>) -> bool {
    let sold = state.card_lines(hold).map(|(_, line)| (state.card_of_line(line), line.units()));
    sold.eq(take.cards.iter().map(|line| (line.card(), line.units.get())))
}

/// Takes the cards of a hold that is about to be made; answers the word that stands behind its lines.
pub(super) fn take_all(state: &mut State, cards: &[EventCard]) -> u32 {
    let (mut first, mut before) = (NONE, None);
    for taken in cards {
        let card = state.touch_card(taken.card());
        let (units, discount) = (taken.units.get(), taken.discount.get());
        let line = state.take_card(&NewCardLine { card, units, discount, before });
        first = if before.is_none() { line.0 } else { first };
        before = Some(line);
    }
    NO_LINE | first
}

/// The hold has been made: its cards are named after it, and used if it is a sale.
pub(super) fn name_all(state: &mut State, hold: Handle, sold: bool) {
    state.name_card_lines(hold);
    if sold {
        let keep_ms = state.holds.get(hold).created_ms().max(state.now_ms);
        state.change_cards(hold, |state, _, line| {
            let units = state.redemptions.get(line).reserved();
            state.use_held(line, units, keep_ms);
        });
    }
}

/// Lines of a CONFIRM that are about cards: more than a card line has is a fact.
pub(super) fn exceeding(state: &State, hold: &HoldRecord, units: &[U32], plan: &mut Plan) {
    let first = hold.line_count();
    let mut lines = state.card_lines(hold);
    for (line, asked) in units.iter().enumerate().skip(first) {
        let card = lines.next();
        let held = card.map_or(0, |(_, line)| line.reserved());
        if asked.get() > held || card.is_none() {
            plan.facts.push(LineFact::new(line, Code::ExceedsHold, asked.get(), u64::from(held)));
        }
    }
}

/// Units that a list asks for on a card line: an empty one asks for all.
fn listed(units: &[U32], line: usize, all: u32) -> u32 {
    if units.is_empty() { all } else { units.get(line).map_or(0, |units| units.get()) }
}

/// Whether as many units of cards are asked for as were used.
pub(super) fn same_units(state: &State, hold: &HoldRecord, units: &[U32]) -> bool {
    let first = hold.line_count();
    let mut lines = state.card_lines(hold).enumerate();
    lines.all(|(line, (_, card))| listed(units, first + line, card.reserved()) == card.units())
}

/// Adds the lines of a CONFIRM that are about cards.
pub(super) fn plan_confirm(state: &State, hold: &HoldRecord, units: &[U32], plan: &mut Plan) {
    let first = hold.line_count();
    for (line, (_, card)) in state.card_lines(hold).enumerate() {
        let units = listed(units, first + line, card.reserved());
        plan.lines.push(EventLine::of_card(state.card_of_line(card), units));
    }
}

/// Adds them to a CONFIRM that is owed.
pub(super) fn plan_owed_confirm(state: &State, hold: &HoldRecord, units: &[U32], plan: &mut Plan) {
    let first = hold.line_count();
    for (line, (_, card)) in state.card_lines(hold).enumerate() {
        let units = listed(units, first + line, card.reserved());
        plan.refused.push(RefusedLine::of_card(state.card_of_line(card), units, None, 0));
    }
}

/// What the cards of an expired hold lack; adds them to the lines of the refusal that is kept.
pub(super) fn late_lacks(
    state: &State,
    now_ms: u64,
    hold: &HoldRecord,
    units: &[U32],
    plan: &mut Plan,
) -> bool {
    let (first, mut refused) = (hold.line_count(), false);
    for (line, (_, card)) in state.card_lines(hold).enumerate() {
        let asked_here = listed(units, first + line, card.reserved());
        let lack = if asked_here == 0 { None } else { late_lack(state, now_ms, hold, units, card) };
        refused |= lack.is_some();
        let (why, available) = lack.map_or((None, 0), |(why, available)| (Some(why), available));
        plan.refused.push(RefusedLine::of_card(state.card_of_line(card), asked_here, why, available));
        if let Some(why) = why {
            plan.facts.push(LineFact::new(first + line, why, asked_here, available));
        }
    }
    refused
}

fn late_lack(
    state: &State,
    now_ms: u64,
    hold: &HoldRecord,
    units: &[U32],
    line: &RedemptionRecord,
) -> Option<(Code, u64)> {
    if now_ms >= hold.late_until_ms() {
        return Some((Code::Expired, 0));
    }
    let card = state.record_of_line(line);
    let handle = Handle(line.card);
    let campaign = state.campaigns.get(state.cards.place(handle).0);
    let frozen = state.stock_of_campaign(campaign).terms.frozen;
    match state.card_at(handle, now_ms).state() {
        CardState::Void => return Some((Code::Void, 0)),
        CardState::Used => return Some((Code::Used, 0)),
        CardState::Frozen => return Some((Code::Frozen, 0)),
        CardState::Active | CardState::Inactive | CardState::Gifting if frozen => {
            return Some((Code::Frozen, 0));
        }
        CardState::Gifting => return Some((Code::LockedByOtherOrder, 0)),
        CardState::Active | CardState::Inactive => {}
    }
    let lines = state.card_lines(hold).enumerate().filter(|(_, (_, other))| other.card == line.card);
    let first = hold.line_count();
    let demand: u64 =
        lines.map(|(at, (_, other))| u64::from(listed(units, first + at, other.reserved()))).sum();
    let found = Found { campaign, card: *card, record: Some(handle) };
    let (available, held) = (u64::from(balance(state, &found, now_ms)), u64::from(card.held));
    if demand <= available {
        None
    } else if demand <= available + held {
        Some((Code::LockedByOtherOrder, available))
    } else {
        Some((Code::BalanceExceeded, available))
    }
}

/// A hold is confirmed: these units of each of its cards are used. They may come back until then, and until the floor has
/// passed this moment.
pub(super) fn confirm_all(
    state: &mut State,
    hold: Handle,
    (late, until_ms): (bool, u64),
    units: impl Fn(usize) -> u32,
) {
    let record = state.holds.get(hold);
    let first = record.line_count();
    let keep_ms = record.created_ms().max(state.now_ms).max(until_ms);
    state.change_cards(hold, |state, position, line| {
        let units = units(first + position);
        match late {
            true => state.use_again(line, units, keep_ms),
            false => state.use_held(line, units, keep_ms),
        }
    });
}

/// A late CONFIRM is refused: each card line says what it lacked.
pub(super) fn refuse_all(state: &mut State, hold: Handle, lines: &[RefusedLine]) {
    let first = state.holds.get(hold).line_count();
    state.change_cards(hold, |state, position, line| {
        let refused = &lines[first + position];
        state.refuse_card_line(line, refused.why(), refused.asked.get(), refused.available.get());
    });
}

/// Held units of all cards of a hold go back.
pub(super) fn free_all(state: &mut State, hold: Handle) {
    if on(Bug::HeldCardStaysLocked) {
        return;
    }
    state.change_cards(hold, |state, _, line| state.free_held(line));
}

/// All that a hold has used of its cards goes back, and is not given back yet.
pub(super) fn give_all_back(state: &mut State, hold: Handle) {
    state.change_cards(hold, |state, _, line| {
        let record = state.redemptions.get(line);
        let left = record.units() - record.reversed();
        state.give_card_back(line, left, 0);
    });
}

/// Whether all that a hold has used of its cards was given back.
pub(super) fn are_given_back(state: &State, hold: &HoldRecord) -> bool {
    state.card_lines(hold).all(|(_, line)| !line.stands())
}

/// Adds the lines of a RETURN that are about cards, or the facts of its refusal.
pub(super) fn plan_return(state: &State, hold: &HoldRecord, units: &[U32], plan: &mut Plan) {
    let first = hold.line_count();
    let mut count = 0;
    for (at, (_, card)) in state.card_lines(hold).enumerate() {
        count += 1;
        let left = card.units() - card.reversed();
        let asked = listed(units, first + at, left);
        if asked > left {
            plan.facts.push(LineFact::new(first + at, Code::ExceedsHold, asked, u64::from(left)));
        }
        plan.lines.push(EventLine::of_card(state.card_of_line(card), asked));
    }
    for (line, asked) in units.iter().enumerate().skip(first + count) {
        plan.facts.push(LineFact::new(line, Code::ExceedsHold, asked.get(), 0));
    }
}

/// Fills the facts of cards whose units can't be given back any more.
pub(super) fn check_return(
    state: &State,
    now_ms: u64,
    hold: &HoldRecord,
    plan: &mut Plan,
) -> Result<(), Code> {
    let first = hold.line_count();
    for (at, (_, line)) in state.card_lines(hold).enumerate() {
        let asked = plan.lines[first + at].units.get();
        let definition = &state.campaigns.get(state.cards.place(Handle(line.card)).0).definition;
        let is_late = now_ms > reversal_end_ms(definition, line.at_ms()) && !on(Bug::ReturnedPastWindow);
        let why = if state.is_lost(Handle(line.card)) {
            Code::Void
        } else if is_late {
            Code::ReversalWindow
        } else {
            continue;
        };
        if asked > 0 {
            plan.facts.push(LineFact::new(first + at, why, asked, 0));
        }
    }
    first_fact(&plan.facts)
}

/// Units of cards are given back by a RETURN, and live on for a grace; answers how many.
pub(super) fn return_all(state: &mut State, hold: Handle, lines: &[EventLine]) -> u64 {
    let first = state.holds.get(hold).line_count();
    let mut total = 0;
    state.change_cards(hold, |state, position, line| {
        let units = lines[first + position].units.get();
        total += u64::from(units);
        if units == 0 {
            return;
        }
        let card = Handle(state.redemptions.get(line).card);
        let definition = &state.campaigns.get(state.cards.place(card).0).definition;
        let lives_until_s = graced(definition, state.now_ms);
        state.give_card_back(line, units, lives_until_s);
        let until_s = prolonged(state.cards.get(card).until_s, lives_until_s);
        state.set_until(card, until_s);
    });
    total
}

/// Facts of a recorded refusal.
pub(super) fn facts(state: &State, hold: &HoldRecord, facts: &mut Vec<LineFact>) {
    for (position, (_, line)) in state.card_lines(hold).enumerate() {
        if let Some((why, asked, available)) = line.refusal() {
            facts.push(LineFact::new(hold.line_count() + position, why, asked, available));
        }
    }
}

/// A card of a hold as it is.
pub(super) fn view(state: &State, line: &RedemptionRecord) -> HoldCard {
    HoldCard {
        card: U64::new(state.card_of_line(line).0),
        discount: U64::new(line.worth()),
        reserved: U32::new(line.reserved()),
        confirmed: U32::new(line.units()),
        returned: U32::new(line.reversed()),
        spare: U32::ZERO,
    }
}

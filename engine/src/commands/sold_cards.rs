//! Cards that are sold: a line of a hold on a campaign holds units of its supply as of any stock, and makes cards of them once it is
//! paid.
//!
//! It stands apart from `take` and the commands that end a hold because most lines are on stocks of other kinds, and apart from
//! `issue` because what is sold was held before, goes by order and can go back. Invariant: cards are made in the event that consumes
//! their units, and end in the event that gives these back; nobody's card ends that somebody has used, or that is another's by now.

use super::checks::capacity;
use super::issue::{self, New};
use super::take::{Replaced, check_pools, replaced_units};
use super::{Plan, Question, budget, confirm, recycle};
use crate::answer::SoldCards;
use crate::command::{CampaignState, CardState, Take};
use crate::event::{EventLine, EventSale};
use crate::ids::CardId;
use crate::limits::CAMPAIGN_UNITS_MAX;
use crate::rejection::{CapacityOf, Code, LineFact, Rejection};
use crate::state::State;
use crate::state::cards::{Found, pages_max};
use crate::state::records::{HoldRecord, LineRecord};
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};
use zerocopy::little_endian::{U16, U32, U64};

/// Why a campaign sells no cards now: step 3 of "Taking units".
pub(super) fn why_not_on_sale(state: &State, now_ms: u64, campaign: Handle) -> Option<Code> {
    let campaign = state.campaigns.get(campaign);
    let until_ms = campaign.definition.until_ms.get();
    let refused = issue::check_times(state, now_ms, until_ms, campaign).map(|rejection| rejection.code);
    // What is held is not counted in a group of campaigns.
    refused.or_else(|| campaign.group().map(|_| Code::RuleFailed))
}

/// Serials that are left for units of a campaign that are not held yet, of which so many are given back.
pub(super) fn serials_left(state: &State, campaign: Handle, freed: u64) -> u64 {
    let campaign = state.campaigns.get(campaign);
    let promised = state.stock_of_campaign(campaign).units.held - freed;
    (CAMPAIGN_UNITS_MAX - campaign.issued).saturating_sub(promised)
}

/// Step 8b: budgets of campaigns. Held cards are counted there, but for those that are given back.
#[inline]
pub(super) fn check_budgets(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    replaced: Option<Replaced<'_>>,
    plan: &mut Plan,
) -> Result<(), Code> {
    match plan.wishes.iter().any(|wish| state.stock(wish.stock).campaign().is_some()) {
        true => check_each_budget(state, question, take, replaced, plan),
        false => Ok(()),
    }
}

fn check_each_budget(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    replaced: Option<Replaced<'_>>,
    plan: &mut Plan,
) -> Result<(), Code> {
    for code in [Code::CampaignLimit, Code::BudgetExceeded] {
        for wish in &mut plan.wishes {
            let Some(campaign) = state.stock(wish.stock).campaign() else { continue };
            let freed = replaced_units(state, replaced, wish.stock).0;
            let rooms = budget::rooms(state, question.now_ms, state.campaigns.get(campaign), freed);
            if on(Bug::SoldCardsUnbudgeted) {
                continue;
            }
            wish.cut(rooms.map_or(
                u64::MAX,
                |(cards, money)| {
                    if code == Code::CampaignLimit { cards } else { money }
                },
            ));
        }
        check_pools(take, plan, code)?;
    }
    Ok(())
}

/// Whether any of the wishes is for cards of a campaign.
pub(super) fn are_wished(state: &State, plan: &Plan) -> bool {
    plan.wishes.iter().any(|wish| state.stock(wish.stock).campaign().is_some())
}

/// Whether a hold has lines that sell cards.
pub(super) fn are_in(state: &State, hold: &HoldRecord) -> bool {
    state.lines(hold).any(|line| state.is_of_cards(line))
}

/// CAPACITY if there were no pages for the cards of the planned lines now. (Once they are held they are made in any case.)
pub(super) fn no_room(state: &State, plan: &Plan) -> Option<Rejection<'static>> {
    let lines = plan.wishes.iter().zip(&plan.lines).enumerate();
    let cards = |(at, (wish, _)): (usize, _)| {
        let wish: &super::take::Wish = wish;
        let campaign = state.stock(wish.stock).campaign()?;
        let is_first = plan.wishes[..at].iter().all(|earlier| earlier.stock != wish.stock);
        let same = plan.wishes.iter().zip(&plan.lines).filter(|(other, _)| other.stock == wish.stock);
        let units = same.map(|(_, line)| line.units.get()).sum::<u32>();
        let first = state.campaigns.get(campaign).issued;
        (is_first && units > 0).then(|| state.pages_lacking(campaign, first, units))
    };
    let lacking = lines.filter_map(cards).sum::<u32>();
    let full = lacking > 0 && state.cards.pages() + lacking > pages_max(&state.capacity);
    full.then(|| capacity(CapacityOf::Cards, u64::from(state.capacity.cards_max)))
}

/// Fills the cards that the planned lines of a sale or confirmation make; `stocks` are theirs.
#[inline]
pub(super) fn plan(
    state: &State,
    now_ms: u64,
    lines: &[EventLine],
    stocks: impl Iterator<Item = Handle>,
    sales: &mut Vec<EventSale>,
) {
    for (at, (stock, line)) in stocks.zip(lines).enumerate() {
        let Some(campaign) = state.stock(stock).campaign() else { continue };
        let count = line.units.get();
        if count == 0 {
            continue;
        }
        let campaign = state.campaigns.get(campaign);
        let earlier = sales.iter().filter(|sale| sale.first().locator() == campaign.locator);
        let serial = campaign.issued + earlier.map(|sale| u64::from(sale.count.get())).sum::<u64>();
        let (from_s, until_s) = issue::times(&campaign.definition, now_ms).in_seconds();
        sales.push(EventSale {
            first: U64::new(campaign.card(serial).0),
            count: U32::new(count),
            from_s: U32::new(from_s),
            until_s: U32::new(until_s),
            line: at as u8,
            spare: [0; 3],
        });
    }
}

/// Cards are made for the buyer of a hold whose units were consumed.
pub(super) fn make_all(state: &mut State, hold: Handle, sales: &[EventSale]) {
    if sales.is_empty() {
        return;
    }
    let record = state.holds.get(hold);
    let (owner, channel) = (record.user(), record.channel());
    state.change_lines(hold, |state, position, line| {
        let Some(sale) = sales.iter().find(|sale| sale.line() == position) else { return };
        let campaign = state.stock(Handle(line.stock)).campaign().expect("cards are sold by campaigns");
        let new = New { owner, first: sale.first(), count: sale.count.get(), imported: false };
        assert!(new.count == line.current, "as many cards are made as units are consumed");
        let card = issue::begin(state, campaign, channel, &new, (sale.times(), false));
        line.keys = issue::make_records(state, campaign, &new, card).0;
    });
}

/// The cards that a line has sold, void ones included, in the order of their serials.
fn cards_of(state: &State, line: &LineRecord) -> impl DoubleEndedIterator<Item = Handle> {
    let sold = state.is_of_cards(line) && line.keys != NONE;
    let (campaign, first) = if sold { state.cards.place(Handle(line.keys)) } else { (Handle(NONE), 0) };
    let count = if sold { u64::from(line.current) } else { 0 };
    let record = move |serial| state.card_record(campaign, serial).expect("cards stay");
    (first..first + count).map(record)
}

/// Fills the rows of an answer with the cards that a hold has sold.
#[inline]
pub(super) fn fill(state: &State, hold: &HoldRecord, rows: &mut Vec<SoldCards>) {
    rows.clear();
    for (at, line) in state.lines(hold).enumerate() {
        if line.keys == NONE || !state.is_of_cards(line) {
            continue;
        }
        rows.push(SoldCards {
            first: U64::new(state.card_id(Handle(line.keys)).0),
            cards: U32::new(line.current),
            line: U16::new(at as u16),
            spare: U16::ZERO,
        });
    }
}

/// Whether lines of a CONFIRM in time would make cards of a campaign that is void by now; fills the facts.
pub(super) fn are_void(state: &State, hold: &HoldRecord, plan: &mut Plan, units: &[U32]) -> bool {
    for (at, line) in state.lines(hold).enumerate() {
        let campaign = state.stock(Handle(line.stock)).campaign();
        let is_void = campaign.is_some_and(|found| state.campaigns.get(found).state == CampaignState::Void);
        let units = confirm::asked(units, at, line.reserved);
        if is_void && units > 0 {
            plan.facts.push(LineFact::new(at, Code::Void, units, 0));
        }
    }
    !plan.facts.is_empty()
}

/// Why an expired hold can't get cards of a campaign any more, with what could be had: before its units are looked at.
pub(super) fn late_lack(state: &State, now_ms: u64, campaign: Handle) -> Option<Code> {
    let campaign = state.campaigns.get(campaign);
    let until_ms = campaign.definition.until_ms.get();
    match campaign.state {
        CampaignState::Void => Some(Code::Void),
        CampaignState::Paused => Some(Code::Frozen),
        _ if state.stock_of_campaign(campaign).terms.frozen => Some(Code::Frozen),
        // Cards that are never valid are no delivery.
        _ if until_ms != 0 && now_ms >= until_ms => Some(Code::Expired),
        _ => None,
    }
}

/// What budgets lack for as many cards: behind limits.
pub(super) fn late_budget_lack(
    state: &State,
    now_ms: u64,
    campaign: Handle,
    demand: u64,
) -> Option<(Code, u64)> {
    let (cards, money) = budget::rooms(state, now_ms, state.campaigns.get(campaign), 0)?;
    let lacks = |code, room| (demand > room).then_some((code, room));
    lacks(Code::CampaignLimit, cards).or_else(|| lacks(Code::BudgetExceeded, money))
}

/// Why a card can't go back to who sold it.
fn why_it_stays(state: &State, now_ms: u64, hold: &HoldRecord, handle: Handle) -> Option<Code> {
    let card = state.card_at(handle, now_ms);
    match card.state() {
        CardState::Void => return Some(Code::Void),
        CardState::Used => return Some(Code::Used),
        CardState::Gifting => return Some(Code::LockedByOtherOrder),
        CardState::Inactive | CardState::Active | CardState::Frozen => {}
    }
    if card.held > 0 {
        return Some(Code::LockedByOtherOrder);
    }
    // A pass is used without units.
    let is_in_use = card.consumed > 0 || state.newest_redemption(card.redemption).is_some();
    if is_in_use && !on(Bug::SpentCardReturned) {
        return Some(Code::Used);
    }
    let (buyer, of) = (hold.user(), state.owner_of_card(handle));
    if card.owner != buyer.0 && !state.is_one_person(of, card.owner, buyer.0) {
        return Some(Code::NotOwner);
    }
    let campaign = state.campaigns.get(state.cards.place(handle).0);
    let (new, found) = (campaign.definition.units.get(), Found { campaign, card, record: Some(handle) });
    // What was added, paid back or moved is not what was sold.
    let as_sold = card.available == new && state.units_given(&found) == u64::from(new);
    (!as_sold && !on(Bug::SpentCardReturned)).then_some(Code::RuleFailed)
}

/// Fills the cards that end as these units of the lines of a hold go back, the last ones that can; or adds a fact for each line that
/// has too few of them.
pub(super) fn plan_return(
    state: &State,
    now_ms: u64,
    hold: &HoldRecord,
    plan: &mut Plan,
    units: impl Fn(usize, &Plan) -> u32,
) {
    for (at, line) in state.lines(hold).enumerate() {
        let asked = units(at, plan);
        if asked == 0 || !state.is_of_cards(line) {
            continue;
        }
        let (mut found, mut why) = (0, Code::Void);
        for card in cards_of(state, line).rev() {
            match why_it_stays(state, now_ms, hold, card) {
                None if found < asked => {
                    plan.ended.push(U64::new(state.card_id(card).0));
                    found += 1;
                }
                None => break,
                Some(reason) if why == Code::Void => why = reason,
                Some(_) => {}
            }
        }
        if found < asked {
            plan.facts.push(LineFact::new(at, why, asked, u64::from(found)));
        }
    }
}

/// Adds a fact for each line of a sale that has cards left which can't go back.
pub(super) fn plan_cancel(state: &State, now_ms: u64, hold: &HoldRecord, plan: &mut Plan) {
    let left = |line: usize| state.lines(hold).nth(line).map_or(0, |line| line.current - line.returned);
    plan_return(state, now_ms, hold, plan, |line, _| left(line));
}

/// Cards that were sold end, and their units are void, or back in the supply.
pub(super) fn end_each(state: &mut State, ended: &[U64], to_supply: bool) {
    for card in ended {
        let handle = state.touch_card(CardId(card.get()));
        recycle::end(state, handle, to_supply);
    }
}

/// All cards of a sale that did not go back yet end: it is cancelled.
pub(super) fn end_all(state: &mut State, hold: Handle) {
    state.change_lines(hold, |state, _, line| {
        if !state.is_of_cards(line) || line.keys == NONE {
            return;
        }
        let (campaign, first) = state.cards.place(Handle(line.keys));
        for serial in first..first + u64::from(line.current) {
            let card = state.card_record(campaign, serial).expect("cards stay");
            if !state.is_lost(card) {
                state.settle_gift(card);
                recycle::end(state, card, true);
            }
        }
    });
}

//! QUOTE_RESERVE: a cart is priced as by QUOTE, and its stocks and the cards that are used are held as by RESERVE, in one event.
//!
//! It has no rule of its own but what it does with the price: units are checked by `take`, cards by `quote`, and what is held is
//! the same hold. Invariant: what is held is what was priced, of stored value as many units as it pays, and the hold remembers what
//! each card took off each line or paid of it.

use super::quote::{Desk, Priced, Pricing, price};
use super::take::{Replaced, check, grant, no_room, refusal, replaced_in_event};
use super::{Plan, Question, Replies, Reply, TO_BE_MADE, Verdict, orders};
use crate::answer::{CardOutcome, QuoteView, QuotedCard, QuotedLine};
use crate::command::{CampaignKind, CardLine, Line, Quote, QuoteReserve, Take, ttl_or_default};
use crate::content::content_digest;
use crate::event::{Buyer, Event, EventCard, EventCartLine, EventQuote, EventShare};
use crate::limits::{CARDS_PER_HOLD_MAX, QUOTE_CARDS_MAX, QUOTE_LINES_MAX};
use crate::rejection::{Code, LineFact};
use crate::state::State;
use crate::state::quotes::QuoteHead;
use crate::state::records::HoldRecord;
use arrayvec::ArrayVec;
use scrip_planted::{Bug, on};
use zerocopy::little_endian::{U32, U64};

type Lines = ArrayVec<Line, QUOTE_LINES_MAX>;
type CardLines = ArrayVec<CardLine, CARDS_PER_HOLD_MAX>;

/// Decides a QUOTE_RESERVE.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    quote: &QuoteReserve<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    let stocked =
        quote.lines.iter().filter_map(|line| Some(Line::new(line.stock()?, line.line.quantity.get())));
    let lines: Lines = stocked.collect();
    let take = Take {
        order: quote.order,
        user: quote.user,
        replace: quote.replace,
        parties: quote.parties,
        ..Take::of(&lines)
    };
    if let Some(verdict) = orders::before_taking(state, question, content, &take, None) {
        return verdict;
    }
    let replaced = match check(state, question, &take, false, plan) {
        Ok(replaced) => replaced,
        Err(code) => {
            name_lines_of_the_cart(quote, &mut plan.facts);
            return Verdict::Refuse(refusal(code, plan));
        }
    };
    let priced = match work_out(state, question, quote, replaced, plan) {
        Ok(priced) => priced,
        Err(code) => return Verdict::Refuse(refusal(code, plan)),
    };
    grant(state, &take, plan);
    let held = |card: &EventCard| CardLine::new(card.card(), card.units.get(), card.amount.get());
    let cards: CardLines = plan.cards.iter().map(held).collect();
    if let Some(rejection) = no_room(state, question, &Take { cards: &cards, ..take }, (plan, true)) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::Taken {
        origin: question.origin(content),
        buyer: Buyer { order: quote.order, user: quote.user },
        sold: false,
        hidden: false,
        ttl_ms: ttl_or_default(quote.ttl_ms),
        replaces: replaced_in_event(plan, &take),
        parties: quote.parties.copied(),
        flagged: plan.flagged,
        lines: &plan.lines,
        prices: &plan.prices,
        cards: &plan.cards,
        quote: EventQuote { exact: priced.exact, lines: &plan.cart, shares: &plan.shares },
        sales: &[],
    };
    Verdict::Do(event, &plan.resolved, Reply::QuoteReserved(TO_BE_MADE))
}

/// Facts about stocks speak of the lines that have one: from now on of their places in the cart.
fn name_lines_of_the_cart(quote: &QuoteReserve<'_>, facts: &mut [LineFact]) {
    let stocked = quote.lines.iter().enumerate().filter(|(_, line)| line.stock().is_some());
    let places: ArrayVec<usize, QUOTE_LINES_MAX> = stocked.map(|(place, _)| place).collect();
    for fact in facts {
        fact.line.set(places[usize::from(fact.line.get())] as u16);
    }
}

/// Steps 8a and 9: prices the cart; fills the plan's cards, prices and shares, or its facts.
fn work_out(
    state: &State,
    question: Question<'_>,
    quote: &QuoteReserve<'_>,
    replaced: Option<Replaced<'_>>,
    plan: &mut Plan,
) -> Result<Priced, Code> {
    let QuoteReserve { user, store, best, cards, .. } = *quote;
    let asked = Quote { user, store, best, lines: &quote.cart(), cards };
    // Facts about cards stand behind those about lines.
    let behind = quote.lines.len();
    let priced = price(Pricing { state, question, quote: &asked, replaced }, &mut plan.desk);
    let priced = match priced {
        Ok(priced) => priced,
        Err(places) => {
            plan.facts.extend(places.map(|at| LineFact::new(behind + at, Code::RuleFailed, 0, 0)));
            return Err(Code::RuleFailed);
        }
    };
    if !best && !cards.is_empty() {
        let unused = plan.desk.cards.iter().enumerate().filter_map(|(at, card)| Some((at, unused(card)?)));
        plan.facts.extend(unused.map(|(at, why)| LineFact::new(behind + at, why, 0, 0)));
        if let Some(fact) = plan.facts.first() {
            return Err(Code::from_number(fact.why.get()).expect("facts are made from codes"));
        }
    }
    plan.total = priced.gross - priced.discount - priced.paid;
    if quote.expected_total.is_some_and(|expected| expected != plan.total) && !on(Bug::QuoteIgnored) {
        return Err(Code::QuoteChanged);
    }
    fill(state, quote, plan);
    Ok(priced)
}

/// Why a card that was named is not used.
fn unused(card: &QuotedCard) -> Option<Code> {
    match card.outcome() {
        Some(outcome) if outcome.is_used() => None,
        _ => Some(card.refusal().unwrap_or(Code::RuleFailed)),
    }
}

/// Fills what the event says of the cart, its cards and prices.
fn fill(state: &State, quote: &QuoteReserve<'_>, plan: &mut Plan) {
    let mut place = 0;
    for line in quote.lines {
        let (unit_price, quantity) = (line.line.unit_price, line.line.quantity);
        place += u8::from(line.stock().is_some());
        let place = if line.stock().is_some() { place } else { 0 };
        plan.cart.push(EventCartLine { unit_price, quantity, place, spare: [0; 3] });
        if line.stock().is_some() {
            plan.prices.push(U32::new(unit_price.get() as u32));
        }
    }
    if plan.prices.iter().all(|price| price.get() == 0) {
        plan.prices.clear();
    }
    plan.cards.clear();
    let Plan { desk: Desk { cards, lines, shares, .. }, cards: held, shares: told, .. } = plan;
    let mut turns: ArrayVec<usize, QUOTE_CARDS_MAX> =
        (0..cards.len()).filter(|at| cards[*at].turn > 0).collect();
    turns.sort_unstable_by_key(|at| cards[*at].turn);
    for at in turns {
        let card = &cards[at];
        let taken = shares[at * lines.len()..][..lines.len()].iter().zip(lines.iter()).enumerate();
        let taken = taken.filter(|(_, (share, _))| share.get() > 0);
        let amount = taken.clone().map(|(_, (_, line))| line.gross.get()).sum();
        // A pass has no units to hold: it is redeemed when the order is paid.
        let found = state.campaigns.of_card(card.card()).map(|campaign| state.campaigns.get(campaign));
        let is_held = found.is_some_and(|campaign| campaign.definition.kind() != CampaignKind::Pass);
        if is_held {
            let (units, discount) = (card.units, card.discount);
            held.push(EventCard {
                card: card.card,
                amount: U64::new(amount),
                discount,
                units,
                spare: U32::ZERO,
            });
        }
        let place = if is_held { held.len() as u8 } else { 0 };
        told.extend(taken.map(|(line, (share, _))| EventShare {
            card: card.card,
            amount: *share,
            line: line as u8,
            place,
            pays: u8::from(card.outcome() == Some(CardOutcome::Pays)),
            spare: [0; 5],
        }));
    }
}

/// The quote of a hold as it was answered, read from its records.
pub(super) fn view<'r>(
    state: &State,
    hold: &HoldRecord,
    head: QuoteHead,
    replies: &'r mut Replies,
) -> QuoteView<'r> {
    let Replies { quoted_cards: cards, quoted_lines: lines, quoted_shares: shares, .. } = replies;
    cards.clear();
    shares.clear();
    lines.clear();
    let cart = state.cart_of(head);
    lines.extend(cart.map(|line| QuotedLine { gross: U64::new(line.gross()), ..QuotedLine::default() }));
    for share in state.shares_of_quote(head) {
        if cards.last().is_none_or(|card| card.card() != share.card()) {
            let units = share.place().and_then(|place| state.card_lines(hold).nth(place));
            let campaign =
                state.campaigns.of_card(share.card()).map(|campaign| state.campaigns.get(campaign));
            cards.push(QuotedCard {
                card: U64::new(share.card().0),
                campaign: U64::new(campaign.map_or(0, |campaign| state.stock_of_campaign(campaign).id.0)),
                units: U32::new(units.map_or(1, |(_, line)| line.reserved())),
                outcome: if share.pays() { CardOutcome::Pays } else { CardOutcome::Used } as u8,
                turn: cards.len() as u8 + 1,
                ..QuotedCard::default()
            });
            shares.resize(cards.len() * lines.len(), U64::ZERO);
        }
        let (card, line, amount) = (cards.len() - 1, share.line as usize, share.amount());
        cards[card].discount += amount;
        *(if share.pays() { &mut lines[line].paid } else { &mut lines[line].discount }) += amount;
        shares[card * lines.len() + line].set(amount);
    }
    let gross = lines.iter().map(|line| line.gross.get()).sum();
    let discount = lines.iter().map(|line| line.discount.get()).sum();
    let paid = lines.iter().map(|line| line.paid.get()).sum();
    QuoteView { gross, discount, paid, exact: head.exact(), cards, lines, shares }
}

//! QUOTE: what a cart costs with given cards, or with the best of them or of a wallet.
//!
//! It stands between the state, which knows cards, and the crate that prices carts, which knows none: it judges each card
//! as a REDEEM would, hands over those that may be used, and says what became of all of them. Which lines a card is for is
//! decided here, by the rule of redemptions; to the pricing a product is the position of a line. Invariant: nothing is
//! changed, nothing is allocated, and work is bounded whatever lies in a wallet.

use super::hold_cards::freed;
use super::hours::check_validity;
use super::redeem::{balance, check_owner, check_state, find};
use super::take::Replaced;
use super::worth::{Purpose, in_ms, in_scope, least_amount, percent_of_level};
use super::{Plan, Question, Verdict, risk};
use crate::answer::{CardOutcome, QuoteView, QuotedCard, QuotedLine};
use crate::command::{CampaignKind, Envelope, Quote, QuoteCard};
use crate::ids::CardId;
use crate::limits::{
    CARD_VALUE_MAX, QUOTE_AMOUNT_MAX, QUOTE_CARDS_MAX, QUOTE_LINES_MAX, QUOTE_WALLET_SCANNED_MAX,
    QUOTE_WORK_MAX, TIERS_MAX,
};
use crate::rejection::{Code, Facts, LineFact, Rejection};
use crate::state::State;
use crate::state::cards::Found;
use arrayvec::ArrayVec;
use scrip_quote as price;
use scrip_quote::{Amount, ProductId, Quoter};
use zerocopy::little_endian::{U16, U32, U64};

type Lines<'a> = ArrayVec<price::Line<'a>, QUOTE_LINES_MAX>;
type Offers<'a> = ArrayVec<price::Offer<'a>, QUOTE_CARDS_MAX>;
type Cards<'s> = ArrayVec<Considered<'s>, QUOTE_CARDS_MAX>;

/// Room in which quotes are worked out and answered from; reused, so that none allocates.
pub struct Desk {
    quoter: Quoter,
    /// The cards that were looked at.
    pub(super) cards: Vec<QuotedCard>,
    /// The lines of the cart.
    pub(super) lines: Vec<QuotedLine>,
    /// What each card takes off each line or pays of it, card by card.
    pub(super) shares: Vec<U64>,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk {
            quoter: Quoter::with_work_max(QUOTE_WORK_MAX),
            cards: Vec::with_capacity(QUOTE_CARDS_MAX),
            lines: Vec::with_capacity(QUOTE_LINES_MAX),
            shares: Vec::with_capacity(QUOTE_CARDS_MAX * QUOTE_LINES_MAX),
        }
    }
}

/// A card that a quote looks at.
struct Considered<'s> {
    card: CardId,
    found: Option<Found<'s>>,
    /// Why it can't be used, whatever the prices.
    refusal: Option<Rejection<'static>>,
    /// Units that can be used: what is available, and what the hold that is replaced gives back.
    available: u32,
    /// The positions of the lines that it is for.
    scope: ArrayVec<ProductId, QUOTE_LINES_MAX>,
    tiers: ArrayVec<price::Tier, TIERS_MAX>,
}

/// What a cart is priced with: when, where and for whom, and what a hold that is replaced gives back.
#[derive(Clone, Copy)]
pub(super) struct Pricing<'q> {
    pub(super) state: &'q State,
    pub(super) question: Question<'q>,
    pub(super) quote: &'q Quote<'q>,
    pub(super) replaced: Option<Replaced<'q>>,
}

/// A cart that is priced; the rest lies on the desk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Priced {
    pub(super) gross: u64,
    pub(super) discount: u64,
    pub(super) paid: u64,
    pub(super) exact: bool,
}

/// Decides a QUOTE.
pub fn decide<'p>(
    state: &State,
    question: Question<'_>,
    quote: &Quote<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let Plan { desk, facts, .. } = plan;
    match price(Pricing { state, question, quote, replaced: None }, desk) {
        Ok(Priced { gross, discount, paid, exact }) => {
            let Desk { cards, lines, shares, .. } = desk;
            Verdict::Quote(QuoteView { gross, discount, paid, exact, cards, lines, shares })
        }
        Err(places) => {
            facts.extend(places.map(|at| LineFact::new(at, Code::RuleFailed, 0, 0)));
            Verdict::Refuse(Rejection { code: Code::RuleFailed, facts: Facts::Lines(facts) })
        }
    }
}

/// Prices a cart; `Err`: the places of two cards that may not be used together.
pub(super) fn price(pricing: Pricing<'_>, desk: &mut Desk) -> Result<Priced, [usize; 2]> {
    let Pricing { state, quote, .. } = pricing;
    let (cards, seen_all) = match quote.cards {
        [] => from_wallet(pricing),
        named => (named.iter().map(|card| named_card(pricing, card)).collect(), true),
    };
    let lines: Lines<'_> = quote
        .lines
        .iter()
        .enumerate()
        .map(|(at, line)| price::Line::new(at as u64, line.unit_price.get(), line.quantity.get()))
        .collect();
    let offers: Offers<'_> = cards.iter().filter_map(offer).collect();
    let cart = price::Cart::of(&lines);
    let chosen = quote.best || quote.cards.is_empty();
    let priced = match chosen {
        true => desk.quoter.best(&cart, &offers).map(|best| (best.quote, best.exact)).map_err(Into::into),
        false => desk.quoter.quote(&cart, &offers).map(|quote| (quote, true)),
    };
    let (quoted, exact) = match priced {
        Ok(priced) => priced,
        Err(price::Refusal::Clash(clash)) => {
            let place = |id: price::CardId| cards.iter().position(|card| card.card.0 == id.0);
            let [first, second] = [clash.first, clash.second].map(|id| place(id).expect("it was given"));
            return Err([first.min(second), first.max(second)]);
        }
        Err(price::Refusal::Malformed(why)) => unreachable!("a quote of checked numbers: {why}"),
    };
    desk.lines.clear();
    desk.lines.extend(quoted.lines.iter().map(|line| QuotedLine {
        gross: U64::new(line.gross.0),
        discount: U64::new(line.discount.0),
        paid: U64::new(line.paid.0),
    }));
    desk.cards.clear();
    desk.shares.clear();
    for card in &cards {
        let at = offers.iter().position(|offer| offer.card.0 == card.card.0);
        desk.cards.push(quoted_card(state, card, at.map(|at| (&quoted, at)), &lines));
        let shares = at.map_or(&[][..], |at| quoted.shares(at));
        let shares = shares.iter().map(|share| U64::new(share.0));
        desk.shares.extend(shares.chain(core::iter::repeat(U64::ZERO)).take(lines.len()));
    }
    let totals = quoted.totals;
    let [gross, discount, paid] = [totals.gross, totals.discount, totals.paid].map(|amount| amount.0);
    Ok(Priced { gross, discount, paid, exact: exact && seen_all })
}

/// A card that the command names.
fn named_card<'s>(pricing: Pricing<'s>, named: &QuoteCard) -> Considered<'s> {
    let Pricing { state, question, .. } = pricing;
    let envelope = &question.request.envelope;
    let (card, found) =
        (named.card(), find(state, (envelope.merchant, question.now_ms), named.card(), named.generation()));
    let refused = |code| Considered {
        card,
        found: None,
        refusal: Some(Rejection::plain(code)),
        available: 0,
        scope: ArrayVec::new(),
        tiers: ArrayVec::new(),
    };
    match found {
        _ if card.slot() != envelope.slot => refused(Code::CrossSlot),
        None => refused(Code::NotFound),
        Some(found) => consider(pricing, (card, found)),
    }
}

/// The cards of the user that a cart can be priced with, the newest first, then others of his that are not over, so that he
/// learns why; and whether the first were all that there are.
fn from_wallet(pricing: Pricing<'_>) -> (Cards<'_>, bool) {
    let Pricing { state, question, quote, .. } = pricing;
    let envelope = &question.request.envelope;
    let (mut usable, mut others) = (Cards::new(), Cards::new());
    let wallet = state.wallet_of_person((envelope.merchant, envelope.slot), quote.user);
    for (at, record) in wallet.enumerate() {
        if at == QUOTE_WALLET_SCANNED_MAX {
            return (usable.into_iter().chain(others).take(QUOTE_CARDS_MAX).collect(), false);
        }
        let campaign = state.campaigns.get(state.cards.place(record).0);
        let found = Found { campaign, card: state.card_at(record, question.now_ms), record: Some(record) };
        let card = consider(pricing, (state.card_id(record), found));
        let is_over = |code| matches!(code, Code::Used | Code::Void | Code::Expired);
        if offer(&card).is_some() {
            if usable.is_full() {
                return (usable, false);
            }
            usable.push(card);
        } else if !others.is_full() && !card.refusal.is_some_and(|refusal| is_over(refusal.code)) {
            others.push(card);
        }
    }
    (usable.into_iter().chain(others).take(QUOTE_CARDS_MAX).collect(), true)
}

/// Judges a card as steps 2 to 5 of a REDEEM would, and finds the lines that it is for.
fn consider<'s>(pricing: Pricing<'s>, (card, found): (CardId, Found<'s>)) -> Considered<'s> {
    let Pricing { state, question, quote, replaced } = pricing;
    let Envelope { channel, segments, .. } = question.request.envelope;
    let is_for = |line: &crate::command::CartLine| {
        let (product, category) = (line.product.get(), line.category.get());
        let purpose = Purpose { channel, store: quote.store, product, category, segments };
        in_scope(&found.campaign.scope, &purpose)
    };
    let at_state = check_state(state, &found).or_else(|| check_validity(state, &found, question.now_ms));
    let lines = quote.lines.iter().enumerate().filter(|(_, line)| at_state.is_none() && is_for(line));
    let scope: ArrayVec<ProductId, QUOTE_LINES_MAX> = lines.map(|(at, _)| ProductId(at as u64)).collect();
    let out_of_scope = scope.is_empty().then_some(Rejection::plain(Code::OutOfScope));
    let freed = freed(state, question.now_ms, replaced, &found) as u32;
    let available = balance(state, &found, question.now_ms) + freed;
    // A card that can be filled may be empty, and nobody holds any of it.
    let is_locked = available == 0 && found.card.held > 0;
    let locked = || is_locked.then_some(Rejection::plain(Code::LockedByOtherOrder));
    let owner = || check_owner(state, risk::owner(question), &found.card, quote.user);
    let refusal = at_state.or(out_of_scope).or_else(owner).or_else(locked);
    Considered { card, refusal, available, scope, tiers: tiers_of(&found), found: Some(found) }
}

/// The tiers that a cart can reach, no more of them than make a difference: values as large as the cap, or as all a cart can
/// cost, are one.
fn tiers_of(found: &Found<'_>) -> ArrayVec<price::Tier, TIERS_MAX> {
    let value_max = capped(found.campaign.definition.cap.get()).unwrap_or(Amount(QUOTE_AMOUNT_MAX));
    let mut tiers: ArrayVec<price::Tier, TIERS_MAX> = ArrayVec::new();
    let is_stepped = found.campaign.definition.kind() == CampaignKind::AmountOff;
    for tier in found.campaign.tiers.iter().filter(|_| is_stepped) {
        let (threshold, value) = (Amount(tier.threshold.get()), Amount(tier.value.get()).min(value_max));
        let more = tiers.last().is_none_or(|before| before.value < value);
        if threshold.0 <= QUOTE_AMOUNT_MAX && more {
            tiers.push(price::Tier { threshold, value });
        }
    }
    tiers
}

/// A cap, if there is one.
fn capped(cap: u64) -> Option<Amount> {
    (cap != 0).then_some(Amount(cap.min(QUOTE_AMOUNT_MAX)))
}

/// A card that may be used, as the pricing knows it; `None`: it may not, or takes nothing off and pays nothing whatever the prices.
fn offer<'a>(card: &'a Considered<'_>) -> Option<price::Offer<'a>> {
    let found = card.found.as_ref().filter(|_| card.refusal.is_none())?;
    let (campaign, definition) = (found.campaign, &found.campaign.definition);
    let least = least_amount(definition, &campaign.tiers);
    if least > QUOTE_AMOUNT_MAX {
        return None;
    }
    let value = Amount(definition.value.get().min(QUOTE_AMOUNT_MAX));
    let cap = capped(definition.cap.get());
    let kind = match definition.kind() {
        CampaignKind::AmountOff if !card.tiers.is_empty() => price::Kind::Tiers(&card.tiers),
        CampaignKind::AmountOff => {
            price::Kind::AmountOff { value, repeats_max: if definition.each() { u32::MAX } else { 1 }, cap }
        }
        CampaignKind::PercentOff => {
            price::Kind::PercentOff { off_basis_points: definition.value.get() as u16, cap }
        }
        CampaignKind::Item => price::Kind::Item { pieces: card.available },
        CampaignKind::FixedPrice => price::Kind::FixedPrice { price: value, pieces: 1 },
        CampaignKind::Pass => {
            let off_basis_points = percent_of_level(&campaign.tiers, found.card.level()) as u16;
            if off_basis_points == 0 {
                return None;
            }
            price::Kind::PercentOff { off_basis_points, cap }
        }
        CampaignKind::StoredValue if card.available > 0 => {
            let balance = Amount(card.available.min(CARD_VALUE_MAX).into());
            price::Kind::StoredValue { balance, pays_shipping: false }
        }
        CampaignKind::StoredValue | CampaignKind::Uses | CampaignKind::Stamps | CampaignKind::Points => {
            return None;
        }
    };
    let counted = match definition.before() {
        true => price::Counted::BeforeEverything,
        false => price::Counted::AfterEarlierStages,
    };
    let amount = Amount(if card.tiers.is_empty() { least } else { 0 });
    let until_ms = in_ms(found.card.until_s);
    Some(price::Offer {
        campaign: price::CampaignId(campaign.locator),
        threshold: price::Threshold { amount, counted, over: price::Over::Scope },
        scope: price::Scope { products: price::Choice::only(&card.scope), ..price::Scope::ALL },
        expires_ms: if until_ms == 0 { price::TimeMs::NEVER } else { price::TimeMs(until_ms) },
        stacking: price::Stacking {
            class: price::StackingClass(definition.class),
            combines: price::ClassSet(definition.classes()),
            exclusive: definition.classes() == 0,
        },
        ..price::Offer::new(card.card.0, kind)
    })
}

/// What becomes of a card; `priced`: its place in the quote, if it was priced.
fn quoted_card(
    state: &State,
    card: &Considered<'_>,
    priced: Option<(&price::Quote<'_>, usize)>,
    lines: &Lines<'_>,
) -> QuotedCard {
    let campaign = card.found.map_or(0, |found| state.stock_of_campaign(found.campaign).id.0);
    let blank =
        QuotedCard { card: U64::new(card.card.0), campaign: U64::new(campaign), ..QuotedCard::default() };
    if let Some(rejection) = card.refusal {
        let at_ms = if let Facts::Time(at_ms) = rejection.facts { at_ms } else { 0 };
        return refused(blank, rejection.code, (at_ms, 0));
    }
    let found = card.found.as_ref().expect("a card that was not found is refused");
    let Some((quote, at)) = priced else {
        let least = least_amount(&found.campaign.definition, &found.campaign.tiers);
        if least <= QUOTE_AMOUNT_MAX {
            return QuotedCard { outcome: CardOutcome::Nothing as u8, ..blank };
        }
        let gross = card.scope.iter().map(|line| quote_gross(&lines[line.0 as usize])).sum();
        return refused(blank, Code::RuleFailed, (gross, least));
    };
    let (amount, pays) = (quote.cards[at].amount().0, quote.cards[at].pays);
    match quote.cards[at].outcome {
        price::Outcome::Used => QuotedCard {
            discount: U64::new(amount),
            units: U32::new(match found.campaign.definition.kind() {
                CampaignKind::Item => pieces(quote.shares(at), lines),
                // A unit pays a minor unit.
                CampaignKind::StoredValue => amount as u32,
                _ => 1,
            }),
            turn: quote.order().position(|used| used == at).map_or(0, |turn| turn as u8 + 1),
            outcome: if pays { CardOutcome::Pays } else { CardOutcome::Used } as u8,
            ..blank
        },
        price::Outcome::LeftOut => QuotedCard { outcome: CardOutcome::LeftOut as u8, ..blank },
        price::Outcome::Refused(price::Reason::Threshold { counted, needed }) => {
            refused(blank, Code::RuleFailed, (counted.0, needed.0))
        }
        price::Outcome::Refused(price::Reason::NothingLeft) => {
            QuotedCard { outcome: CardOutcome::Nothing as u8, ..blank }
        }
        price::Outcome::Refused(reason) => unreachable!("{reason:?} was judged before"),
    }
}

fn refused(blank: QuotedCard, code: Code, (fact, threshold): (u64, u64)) -> QuotedCard {
    QuotedCard {
        outcome: CardOutcome::Refused as u8,
        code: U16::new(code as u16),
        fact: U64::new(fact),
        threshold: U64::new(threshold),
        ..blank
    }
}

fn quote_gross(line: &price::Line<'_>) -> u64 {
    line.unit_price.0 * u64::from(line.quantity)
}

/// How many pieces an item card takes: what it takes off a line are whole pieces, but for one of which a card before it has
/// left a part.
fn pieces(shares: &[Amount], lines: &Lines<'_>) -> u32 {
    let priced = shares.iter().zip(lines).filter(|(share, _)| share.0 != 0);
    priced.map(|(share, line)| share.0.div_ceil(line.unit_price.0) as u32).sum()
}

//! RESERVE and SELL: units leave available for an order.
//!
//! Invariant: what is granted was available, the sum over lines on one stock included, and inside all limits.

use super::checks::capacity;
use super::taken::subjects_of;
use super::{Plan, Question, Reply, TO_BE_MADE, Verdict};
use super::{hold_cards, limits, orders, owed, prices, refused, risk, sold_cards};
use crate::answer::HoldState;
use crate::command::{Take, ttl_or_default};
use crate::content::content_digest;
use crate::event::{Buyer, Event, EventLine, EventQuote};
use crate::ids::OperationId;
use crate::limits::{CARDS_PER_SALE_MAX, CHANNELS_PER_STOCK_MAX, KEYS_PER_HOLD_MAX};
use crate::rejection::{CapacityOf, Code, Facts, LineFact, Rejection};
use crate::state::State;
use crate::state::channels::Freed;
use crate::state::quotes::quote_records;
use crate::state::records::HoldRecord;
use crate::state::stock::Stock;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};

/// What one line wants, and what it could have.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// The stock.
    pub stock: Handle,
    /// Units.
    pub asked: u32,
    /// Without `partial`: all that is asked.
    minimum: u32,
    /// Units of the stock that the lines on it can share.
    pub pool: u64,
}

impl Wish {
    /// The stock.
    #[inline]
    pub fn stock(&self) -> Handle {
        self.stock
    }

    /// Units asked for.
    pub fn asked(&self) -> u32 {
        self.asked
    }

    /// No more than `room` can be had.
    #[inline]
    pub fn cut(&mut self, room: u64) {
        self.pool = self.pool.min(room);
    }
}

/// The hold that a command replaces, and what that frees.
#[derive(Clone, Copy)]
pub struct Replaced<'s> {
    hold: &'s HoldRecord,
}

impl<'s> Replaced<'s> {
    /// The hold.
    pub fn hold(self) -> &'s HoldRecord {
        self.hold
    }
}

/// Decides a RESERVE.
#[inline]
pub fn decide_reserve<'p>(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    ttl_ms: u32,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = orders::before_taking(state, question, content, take, None) {
        return verdict;
    }
    if let Err(code) = work_out(state, question, take, false, plan) {
        return Verdict::Refuse(refusal(code, plan));
    }
    if let Some(rejection) = no_room(state, question, take, (plan, true)) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::Taken {
        origin: question.origin(content),
        buyer: Buyer { order: take.order, user: take.user },
        sold: false,
        hidden: false,
        ttl_ms: ttl_or_default(ttl_ms),
        replaces: replaced_in_event(plan, take),
        parties: take.parties.copied(),
        flagged: plan.flagged,
        lines: &plan.lines,
        prices: &plan.prices,
        cards: &plan.cards,
        quote: EventQuote::NONE,
        sales: &[],
    };
    Verdict::Do(event, &plan.resolved, Reply::Reserved(TO_BE_MADE))
}

/// Decides a SELL.
pub fn decide_sell<'p>(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    (paid, hidden): (bool, bool),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = orders::before_taking(state, question, content, take, Some(hidden)) {
        return verdict;
    }
    let mut worked_out = work_out(state, question, take, true, plan);
    let may_wait = owed::may_wait(question, take, worked_out) && !sold_cards::are_wished(state, plan);
    if let (Err(code), true) = (worked_out, may_wait) {
        match owed::work_out(state, question, take, plan) {
            Ok(()) => return owed::decide(state, question, take, (content, hidden, code), plan),
            Err(code) => worked_out = Err(code),
        }
    }
    if let (Err(code), false) = (worked_out, paid) {
        return Verdict::Refuse(refusal(code, plan));
    }
    let counts = worked_out.is_ok();
    if let Some(rejection) = no_room(state, question, take, (plan, counts)) {
        return Verdict::Refuse(rejection);
    }
    let (origin, buyer) = (question.origin(content), Buyer { order: take.order, user: take.user });
    if let Err(code) = worked_out {
        refused::record(state, question, take, plan);
        let event = Event::SellRefused { origin, buyer, code, lines: &plan.refused };
        return Verdict::Do(event, &plan.resolved, Reply::Refused(TO_BE_MADE));
    }
    let stocks = plan.wishes.iter().map(|wish| wish.stock);
    sold_cards::plan(state, question.now_ms, &plan.lines, stocks, &mut plan.sales);
    let event = Event::Taken {
        origin,
        buyer,
        sold: true,
        hidden,
        ttl_ms: 0,
        replaces: replaced_in_event(plan, take),
        parties: take.parties.copied(),
        flagged: plan.flagged,
        lines: &plan.lines,
        prices: &plan.prices,
        cards: &plan.cards,
        quote: EventQuote::NONE,
        sales: &plan.sales,
    };
    Verdict::Do(event, &plan.resolved, Reply::Confirmed(TO_BE_MADE))
}

/// All steps of "taking units": fills the plan's lines, or its facts and names the refusal.
#[inline]
fn work_out(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    sold: bool,
    plan: &mut Plan,
) -> Result<(), Code> {
    let replaced = check(state, question, take, sold, plan)?;
    hold_cards::check_worth_of_all(state, question, take, replaced, plan)?;
    prices::quote(state, question, take, plan)?;
    grant(state, take, plan);
    Ok(())
}

/// Steps 1 to 8; answers the hold that is replaced.
#[inline]
pub(super) fn check<'s>(
    state: &'s State,
    question: Question<'_>,
    take: &Take<'_>,
    sold: bool,
    plan: &mut Plan,
) -> Result<Option<Replaced<'s>>, Code> {
    find_stocks(state, question, take, plan)?;
    hold_cards::find_all(state, question, take, plan)?;
    let replaced = find_replaced(state, question, take, plan)?;
    check_terms(state, question.now_ms, plan)?;
    hold_cards::check_use_of_all(state, question, take, replaced, plan)?;
    if state.risk.speaks_of(risk::owner(question)) {
        risk::judge(state, question, &subjects_of(take), plan)?;
    }
    fill_pools(state, replaced, plan);
    check_pools(take, plan, Code::OutOfStock)?;
    if cut_to_quotas(state, question, replaced, plan) {
        check_pools(take, plan, Code::ChannelQuota)?;
    }
    if limits::cut_to_totals(state, question.now_ms, take, replaced, plan) {
        check_pools(take, plan, Code::UserLimit)?;
    }
    if !sold && limits::cut_to_held(state, take, replaced, plan) {
        check_pools(take, plan, Code::HeldLimit)?;
    }
    sold_cards::check_budgets(state, question, take, replaced, plan)?;
    Ok(replaced)
}

#[inline]
fn find_stocks(state: &State, question: Question<'_>, take: &Take<'_>, plan: &mut Plan) -> Result<(), Code> {
    let merchant = question.request.envelope.merchant;
    for (line, wish) in take.lines.iter().enumerate() {
        let (asked, minimum) = (wish.units.get(), wish.units_min.get());
        match state.stock_of(merchant, wish.stock()) {
            Some(stock) => {
                let minimum = if take.partial { minimum } else { asked };
                plan.wishes.push(Wish { stock, asked, minimum, pool: 0 });
            }
            None => plan.facts.push(LineFact::new(line, Code::NotFound, asked, 0)),
        }
    }
    first_fact(plan)
}

/// The code of the first lacking line, if there is one.
#[inline]
fn first_fact(plan: &Plan) -> Result<(), Code> {
    match plan.facts.first() {
        None => Ok(()),
        Some(fact) => Err(Code::from_number(fact.why.get()).expect("facts are made from codes")),
    }
}

fn find_replaced<'s>(
    state: &'s State,
    question: Question<'_>,
    take: &Take<'_>,
    plan: &mut Plan,
) -> Result<Option<Replaced<'s>>, Code> {
    if take.replace.0 == 0 {
        return Ok(None);
    }
    let key = question.request.envelope.key_of(take.replace);
    let handle = state.find_hold(&key, state.record_hash(&key), question.now_ms).ok_or(Code::HoldNotFound)?;
    let hold = state.holds.get(handle);
    if matches!(hold.state(), HoldState::Refused | HoldState::Unfulfilled) {
        return Err(Code::HoldNotFound);
    }
    let (of, user) = (risk::owner(question), take.user.0);
    let same_user = user != 0 && hold.user().0 != 0 && state.is_one_person(of, user, hold.user().0);
    let same_order = take.order.0 != 0 && take.order == hold.order();
    if !same_user && !same_order {
        return Err(Code::NotOwner);
    }
    match hold.state() {
        // What is owed stands as what is sold.
        HoldState::Confirmed | HoldState::Owed => Err(Code::HoldConfirmed),
        HoldState::Held | HoldState::Expired => {
            plan.resolved.hold = Some(handle);
            Ok(Some(Replaced { hold }))
        }
        HoldState::Released
        | HoldState::Lapsed
        | HoldState::Refused
        | HoldState::Unfulfilled
        | HoldState::Cancelled => Ok(None),
    }
}

#[inline]
fn check_terms(state: &State, now_ms: u64, plan: &mut Plan) -> Result<(), Code> {
    let (mut keys_asked, mut cards_asked) = (0u64, 0u64);
    for (line, wish) in plan.wishes.iter().enumerate() {
        let stock = state.stock(wish.stock);
        let terms = &stock.terms;
        let why = if let Some(campaign) = stock.campaign() {
            cards_asked += u64::from(wish.asked);
            let most = u64::from(CARDS_PER_SALE_MAX);
            let refused = sold_cards::why_not_on_sale(state, now_ms, campaign).map(|why| (why, 0));
            let refused = refused.or((cards_asked > most).then_some((Code::RuleFailed, most)));
            plan.facts.extend(refused.map(|(why, room)| LineFact::new(line, why, wish.asked, room)));
            continue;
        } else if terms.frozen {
            Code::Frozen
        } else if now_ms < terms.opens_ms || stock.reusable && stock.content == NONE {
            Code::NotStarted
        } else if terms.closes_ms != 0 && now_ms >= terms.closes_ms {
            Code::Expired
        } else {
            keys_asked += if stock.keys { u64::from(wish.asked) } else { 0 };
            if stock.keys && keys_asked > u64::from(KEYS_PER_HOLD_MAX) {
                let most = u64::from(KEYS_PER_HOLD_MAX);
                plan.facts.push(LineFact::new(line, Code::RuleFailed, wish.asked, most));
            }
            continue;
        };
        plan.facts.push(LineFact::new(line, why, wish.asked, 0));
    }
    first_fact(plan)
}

/// Units the replaced hold gives up on `stock`: in all, and of those the ones that come back to available.
pub(super) fn replaced_units(state: &State, replaced: Option<Replaced<'_>>, stock: Handle) -> (u64, u64) {
    let Some(Replaced { hold, .. }) = replaced.filter(|it| it.hold.state() == HoldState::Held) else {
        return (0, 0);
    };
    let units =
        state.lines(hold).filter(|line| line.stock == stock.0).map(|line| u64::from(line.current)).sum();
    (units, state.stock(stock).units.freed_to_available(units))
}

#[inline]
fn fill_pools(state: &State, replaced: Option<Replaced<'_>>, plan: &mut Plan) {
    for wish in &mut plan.wishes {
        let Stock { units, channels, .. } = state.stock(wish.stock);
        wish.pool = if channels.claims_stand() {
            channels.unclaimed(units.available, freed(state, replaced, wish.stock))
        } else {
            units.available + replaced_units(state, replaced, wish.stock).1
        };
        if let Some(campaign) = state.stock(wish.stock).campaign() {
            let freed = replaced_units(state, replaced, wish.stock).0;
            wish.cut(sold_cards::serials_left(state, campaign, freed));
        }
    }
}

/// The hold that a decision has found to replace.
pub(super) fn replaced<'s>(state: &'s State, plan: &Plan) -> Option<Replaced<'s>> {
    plan.resolved.hold.map(|handle| Replaced { hold: state.holds.get(handle) })
}

/// What giving the replaced hold up means for `stock`.
pub(super) fn freed(state: &State, replaced: Option<Replaced<'_>>, stock: Handle) -> Option<Freed> {
    replaced.map(|replaced| {
        let (units, to_available) = replaced_units(state, Some(replaced), stock);
        Freed { channel: replaced.hold.channel(), units, to_available }
    })
}

/// Cuts each pool to what the channel may take; answers whether any stock has quotas.
#[inline]
fn cut_to_quotas(
    state: &State,
    question: Question<'_>,
    replaced: Option<Replaced<'_>>,
    plan: &mut Plan,
) -> bool {
    let channel = question.request.envelope.channel;
    let mut limited = false;
    for wish in &mut plan.wishes {
        let stock = state.stock(wish.stock);
        if !stock.channels.limited() {
            continue;
        }
        limited = true;
        let freed = freed(state, replaced, wish.stock);
        let room = stock.channels.room(channel, stock.units.available, freed);
        wish.pool = wish.pool.min(room + u64::from(on(Bug::QuotaOffByOne)));
    }
    limited
}

/// Steps 5 to 8: the demand of all lines on one stock against its pool. With `partial` and nothing in any pool, all
/// lines lack, whatever their minimums.
#[inline]
pub(super) fn check_pools(take: &Take<'_>, plan: &mut Plan, why: Code) -> Result<(), Code> {
    let wishes = &plan.wishes;
    let nothing_at_all = take.partial && wishes.iter().all(|wish| wish.pool == 0);
    for (line, wish) in wishes.iter().enumerate() {
        let alone = wishes.len() == 1 || on(Bug::LinesNotSummed);
        let demand = if alone {
            u64::from(wish.minimum)
        } else {
            wishes
                .iter()
                .filter(|other| other.stock == wish.stock)
                .map(|other| u64::from(other.minimum))
                .sum()
        };
        if demand > wish.pool || nothing_at_all {
            plan.facts.push(LineFact::new(line, why, wish.asked, wish.pool));
        }
    }
    first_fact(plan)
}

/// Step 10.
#[inline]
pub(super) fn grant(state: &State, take: &Take<'_>, plan: &mut Plan) {
    for line in 0..plan.wishes.len() {
        let wish = plan.wishes[line];
        let units = if take.partial { partial_grant(plan, line) } else { wish.asked };
        let stock = state.stock(wish.stock);
        plan.lines.push(EventLine::new(stock.id, units, limits::flags_of(stock, take)));
    }
}

/// What a line gets once the minimums of later lines on the same stock are set aside.
fn partial_grant(plan: &Plan, line: usize) -> u32 {
    let wish = plan.wishes[line];
    let mut left = wish.pool;
    for (other, earlier) in plan.wishes.iter().enumerate() {
        if other == line || earlier.stock != wish.stock {
            continue;
        }
        let taken = if other < line { plan.lines[other].units.get() } else { earlier.minimum };
        left -= u64::from(taken);
    }
    left.min(u64::from(wish.asked)) as u32
}

/// The refusal that a check has found.
pub(super) fn refusal(code: Code, plan: &Plan) -> Rejection<'_> {
    let facts = match code {
        Code::QuoteChanged => Facts::Total(plan.total),
        Code::RiskLimit => Facts::Rule(plan.rule),
        _ if plan.facts.is_empty() => Facts::None,
        _ => Facts::Lines(&plan.facts),
    };
    Rejection { code, facts }
}

/// CAPACITY if a table has no room for this hold, which counts as a success of risk rules unless it is a refusal.
#[inline]
pub(super) fn no_room(
    state: &State,
    question: Question<'_>,
    take: &Take<'_>,
    (plan, counts): (&Plan, bool),
) -> Option<Rejection<'static>> {
    let maxima = &state.capacity;
    let lines = take.lines.len() as u64;
    if state.holds.used() >= maxima.holds_max {
        return Some(capacity(CapacityOf::Holds, u64::from(maxima.holds_max)));
    }
    let further = lines - 1 + quote_records(plan.cart.len(), plan.shares.len());
    if further > 0 && u64::from(state.extra_lines.used()) + further > u64::from(maxima.extra_lines_max) {
        return Some(capacity(CapacityOf::ExtraLines, u64::from(maxima.extra_lines_max)));
    }
    // A refusal that is recorded, and a line that gets nothing, take no units: they make no channel known.
    let channel = question.request.envelope.channel;
    let counts_channel = |(wish, line): (&Wish, &EventLine)| {
        let channels = &state.stock(wish.stock).channels;
        line.units.get() == 0 || channels.count_with(core::iter::once(channel)) <= CHANNELS_PER_STOCK_MAX
    };
    if !plan.wishes.iter().zip(&plan.lines).all(counts_channel) {
        return Some(capacity(CapacityOf::Channels, CHANNELS_PER_STOCK_MAX as u64));
    }
    if let Some(rejection) = orders::no_room(state, take, plan) {
        return Some(rejection);
    }
    let limits_left = maxima.user_limits_max.saturating_sub(state.limits.used());
    if u64::from(limits_left) < 12 * lines && limits::new_entries(state, take, plan) > limits_left {
        return Some(capacity(CapacityOf::UserLimits, u64::from(maxima.user_limits_max)));
    }
    if !take.cards.is_empty()
        && let Some(rejection) = hold_cards::no_room(state, take)
    {
        return Some(rejection);
    }
    if counts && let Some(rejection) = sold_cards::no_room(state, plan) {
        return Some(rejection);
    }
    if counts && state.risk.speaks_of(risk::owner(question)) {
        return risk::no_room(state, question, &subjects_of(take));
    }
    None
}

#[inline]
pub(super) fn replaced_in_event(plan: &Plan, take: &Take<'_>) -> OperationId {
    if plan.resolved.hold.is_some() { take.replace } else { OperationId(0) }
}

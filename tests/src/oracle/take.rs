//! The oracle on RESERVE and SELL: the ten steps of taking units, one function each.

use super::{Hold, HoldLine, Oracle, Stock, key_beside, told};
use crate::oracle::stocks::unsigned;
use crate::outcome::{Lack, OwnedOutcome};
use crate::request::{OwnedTake, Wish};
use scrip_engine::answer::HoldState;
use scrip_engine::command::{Envelope, StockTerms};
use scrip_engine::ids::{OperationId, StockId};
use scrip_engine::limits::TTL_DEFAULT_MS;
use scrip_engine::rejection::Code;
use std::collections::BTreeMap;

/// Units that can be taken, by stock.
pub(super) type Pools = BTreeMap<StockId, i128>;

impl Oracle {
    pub(super) fn reserve(
        &mut self,
        envelope: &Envelope,
        take: &OwnedTake,
        ttl_ms: u32,
    ) -> (OwnedOutcome, Option<Hold>) {
        let (granted, flagged) = match self.grants(envelope, take, false) {
            Ok(granted) => granted,
            Err(refusal) => return (refusal, None),
        };
        if let Some(refusal) = self.one_channel_too_many(envelope, take, &granted) {
            return (refusal, None);
        }
        if let Err(refusal) = self.room_for_cards(take, &granted) {
            return (refusal, None);
        }
        let ttl_ms = if ttl_ms == 0 { TTL_DEFAULT_MS } else { ttl_ms };
        let deadline_ms = self.now_ms + u64::from(ttl_ms);
        let mut hold = self.take_units(envelope, take, &granted, HoldState::Held, deadline_ms);
        hold.flagged = flagged;
        (OwnedOutcome::Reserved { deadline_ms, units: narrow(&hold.all_reserved()) }, Some(hold))
    }

    pub(super) fn sell(
        &mut self,
        envelope: &Envelope,
        take: &OwnedTake,
        paid: bool,
        hidden: bool,
    ) -> (OwnedOutcome, Option<Hold>) {
        let sells_cards = take.lines.iter().any(|wish| {
            let stock = self.own_stock(envelope, wish.stock);
            stock.is_some_and(|stock| stock.campaign.is_some())
        });
        match self.grants(envelope, take, true) {
            Ok((granted, flagged)) => {
                if let Some(refusal) = self.one_channel_too_many(envelope, take, &granted) {
                    return (refusal, None);
                }
                if let Err(refusal) = self.room_for_cards(take, &granted) {
                    return (refusal, None);
                }
                let mut hold = self.take_units(envelope, take, &granted, HoldState::Confirmed, self.now_ms);
                for line in &mut hold.lines {
                    line.keys = self.bind(line.stock, line.reserved);
                    line.sold = self.sell_cards((line.stock, line.reserved), hold.user, hold.channel);
                }
                (hold.hidden, hold.flagged) = (hidden, flagged);
                (self.confirmed_answer(&hold), Some(hold))
            }
            Err(refusal) => {
                let waits =
                    if sells_cards { Err(refusal) } else { self.wait(envelope, take, (hidden, refusal)) };
                let refusal = match waits {
                    Ok(owed) => return owed,
                    Err(refusal) => refusal,
                };
                if !paid {
                    return (refusal, None);
                }
                let nothing = vec![0; take.lines.len()];
                let mut hold = self.hold_of(envelope, take, &nothing, HoldState::Refused, self.now_ms);
                let refusal = refusal.into_recorded();
                hold.refusal = Some(refusal.clone());
                (refusal, Some(hold))
            }
        }
    }

    /// What each line is granted and whether the hold is marked, or why not: steps 1 to 10 of taking units.
    fn grants(
        &self,
        envelope: &Envelope,
        take: &OwnedTake,
        sold: bool,
    ) -> Result<(Vec<i128>, bool), OwnedOutcome> {
        let (replaced, rooms, flagged) = self.check_units(envelope, take, sold)?;
        self.cards_suffice(envelope, take, replaced)?;
        self.quoted(envelope.channel, take)?;
        let granted = share(take, rooms);
        assert!(granted.iter().any(|units| *units > 0), "a take that passed every check gets something");
        Ok((granted, flagged))
    }

    /// Steps 1 to 8: the hold that is replaced, what could be had of each stock, whether the hold is marked.
    pub(super) fn check_units<'o>(
        &'o self,
        envelope: &Envelope,
        take: &OwnedTake,
        sold: bool,
    ) -> Result<(Option<&'o Hold>, Pools, bool), OwnedOutcome> {
        self.stocks_exist(envelope, take)?;
        self.cards_exist(envelope, take)?;
        let replaced = self.replaced(envelope, take)?;
        self.on_sale(envelope, take)?;
        self.cards_can_be_used(envelope, take, replaced)?;
        let flagged = self.judge(envelope, &told(take))?;
        let pools = self.pools(take, replaced);
        enough(take, &pools, Code::OutOfStock)?;
        let parts = self.parts(envelope, take, replaced, &pools);
        enough(take, &parts, Code::ChannelQuota)?;
        let mut rooms = self.rooms(take, replaced, &parts);
        enough(take, &rooms, Code::UserLimit)?;
        if !sold {
            rooms = self.cut_to_held(take, replaced, &rooms);
            enough(take, &rooms, Code::HeldLimit)?;
        }
        for code in [Code::CampaignLimit, Code::BudgetExceeded] {
            self.cut_to_budgets(take, replaced, code, &mut rooms);
            enough(take, &rooms, code)?;
        }
        Ok((replaced, rooms, flagged))
    }

    fn stocks_exist(&self, envelope: &Envelope, take: &OwnedTake) -> Result<(), OwnedOutcome> {
        refuse_lines(take, |wish| {
            let missing = self.own_stock(envelope, wish.stock).is_none();
            missing.then_some((Code::NotFound, 0))
        })
    }

    pub(super) fn replaced<'o>(
        &'o self,
        envelope: &Envelope,
        take: &OwnedTake,
    ) -> Result<Option<&'o Hold>, OwnedOutcome> {
        if take.replace == OperationId(0) {
            return Ok(None);
        }
        let record = self.record(key_beside(envelope, take.replace));
        let hold = record.and_then(|record| record.hold.as_ref());
        let nothing = [HoldState::Refused, HoldState::Unfulfilled];
        let Some(hold) = hold.filter(|hold| !nothing.contains(&hold.state)) else {
            return Err(OwnedOutcome::refused(Code::HoldNotFound));
        };
        let told = take.user.0 != 0 && hold.user.0 != 0;
        let same_user = told && self.is_one(envelope, hold.user, take.user);
        let same_order = take.order.0 != 0 && hold.order == take.order;
        if !same_user && !same_order {
            return Err(OwnedOutcome::refused(Code::NotOwner));
        }
        if matches!(hold.state, HoldState::Confirmed | HoldState::Owed) {
            return Err(OwnedOutcome::refused(Code::HoldConfirmed));
        }
        Ok(Some(hold))
    }

    fn on_sale(&self, envelope: &Envelope, take: &OwnedTake) -> Result<(), OwnedOutcome> {
        let (mut keys_asked, mut cards_asked) = (0, 0);
        refuse_lines(take, |wish| {
            let stock = &self.stocks[&wish.stock];
            let StockTerms { opens_ms, closes_ms, frozen, .. } = stock.terms;
            if stock.campaign.is_some() {
                cards_asked += u64::from(wish.units);
                self.cards_on_sale(envelope, wish.stock, cards_asked)
            } else if frozen {
                Some((Code::Frozen, 0))
            } else if self.now_ms < opens_ms || stock.reusable && stock.content.is_none() {
                Some((Code::NotStarted, 0))
            } else if closes_ms != 0 && self.now_ms >= closes_ms {
                Some((Code::Expired, 0))
            } else if stock.keys {
                keys_asked += u64::from(wish.units);
                (keys_asked > 20_000).then_some((Code::RuleFailed, 20_000))
            } else {
                None
            }
        })
    }

    /// Units that nobody claims, as they would be if the replaced hold had been given back.
    fn pools(&self, take: &OwnedTake, replaced: Option<&Hold>) -> Pools {
        let stocks = self.given_back(take, replaced);
        stocks.iter().map(|(id, stock)| (*id, stock.unclaimed())).collect()
    }

    /// The pools, cut to the room of the channel, as it would be if the replaced hold had been given back.
    fn parts(&self, envelope: &Envelope, take: &OwnedTake, replaced: Option<&Hold>, pools: &Pools) -> Pools {
        let given_back = self.given_back(take, replaced);
        let cut = |(stock, pool): (&StockId, &i128)| {
            (*stock, (*pool).min(given_back[stock].room(envelope.channel)))
        };
        pools.iter().map(cut).collect()
    }

    /// The stocks of a take as they would be if the replaced hold had been given back.
    pub(super) fn given_back(&self, take: &OwnedTake, replaced: Option<&Hold>) -> BTreeMap<StockId, Stock> {
        let mut stocks: BTreeMap<StockId, Stock> =
            take.lines.iter().map(|wish| (wish.stock, self.stocks[&wish.stock].clone())).collect();
        if let Some(hold) = replaced.filter(|hold| hold.state == HoldState::Held) {
            for line in &hold.lines {
                if let Some(stock) = stocks.get_mut(&line.stock) {
                    stock.give_back(hold.channel, line.reserved);
                }
            }
        }
        stocks
    }

    /// CAPACITY, if what is granted would make the channel one too many of a stock.
    pub(super) fn one_channel_too_many(
        &self,
        envelope: &Envelope,
        take: &OwnedTake,
        granted: &[i128],
    ) -> Option<OwnedOutcome> {
        let mut taken = take.lines.iter().zip(granted).filter(|(_, units)| **units > 0);
        let is_full = taken.any(|(wish, _)| self.stocks[&wish.stock].is_full_for(envelope.channel));
        is_full.then(Stock::too_many_channels)
    }

    /// The one change of a take: the replaced hold ends, and the granted units leave available.
    pub(super) fn take_units(
        &mut self,
        envelope: &Envelope,
        take: &OwnedTake,
        granted: &[i128],
        state: HoldState,
        deadline_ms: u64,
    ) -> Hold {
        if take.replace != OperationId(0) {
            self.end_replaced(key_beside(envelope, take.replace));
        }
        let mut hold = self.hold_of(envelope, take, granted, state, deadline_ms);
        hold.cards = self.take_cards(envelope, take, state != HoldState::Held);
        for line in &hold.lines {
            let stock = self.stock_mut(line.stock);
            stock.take(hold.channel, line.reserved, state != HoldState::Held);
            self.count_new(line, state == HoldState::Held);
        }
        self.count_success(envelope, &told(take));
        hold
    }

    pub(super) fn hold_of(
        &self,
        envelope: &Envelope,
        take: &OwnedTake,
        granted: &[i128],
        state: HoldState,
        deadline_ms: u64,
    ) -> Hold {
        // A refused hold shows stocks that were not found as 0.
        let line = |(wish, units): (&Wish, &i128)| {
            let mut line = HoldLine {
                stock: self.own_stock(envelope, wish.stock).map_or(StockId(0), |_| wish.stock),
                reserved: *units,
                owed: if state == HoldState::Owed { *units } else { 0 },
                confirmed: if state == HoldState::Confirmed { *units } else { 0 },
                returned: 0,
                subjects: Vec::new(),
                fully: false,
                by_spans: [false; 2],
                price: 0,
                keys: Vec::new(),
                reclaimed: 0,
                sold: Vec::new(),
            };
            if state != HoldState::Refused {
                line.note_subjects(&self.stocks[&wish.stock], take);
                line.price = self.price(envelope.channel, take, wish.stock);
            }
            line
        };
        Hold {
            order: take.order,
            user: take.user,
            channel: envelope.channel,
            state,
            late: false,
            flagged: false,
            refusal: None,
            owed_key_ms: 0,
            reserved_ms: self.now_ms,
            deadline_ms,
            closed_ms: if matches!(state, HoldState::Held | HoldState::Owed) { 0 } else { self.now_ms },
            late_until_ms: 0,
            hidden: false,
            revealed: false,
            cancelled: None,
            lines: take.lines.iter().zip(granted).map(line).collect(),
            cards: Vec::new(),
            cart: None,
        }
    }
}

/// Refuses if `fault` finds one in any line; the code is the first one's, the facts name all.
fn refuse_lines(
    take: &OwnedTake,
    mut fault: impl FnMut(&Wish) -> Option<(Code, i128)>,
) -> Result<(), OwnedOutcome> {
    let mut lacks = Vec::new();
    for (line, wish) in take.lines.iter().enumerate() {
        if let Some((why, available)) = fault(wish) {
            lacks.push(Lack { line, why, asked: wish.units, available: unsigned(available) });
        }
    }
    match lacks.first() {
        Some(first) => Err(OwnedOutcome::refused_lines(first.why, lacks)),
        None => Ok(()),
    }
}

/// The fewest units that a line can live with.
fn least(take: &OwnedTake, wish: &Wish) -> i128 {
    i128::from(if take.partial { wish.units_min } else { wish.units })
}

/// Whether each stock's pool covers the summed demand of all lines on it.
pub(super) fn enough(take: &OwnedTake, pools: &Pools, why: Code) -> Result<(), OwnedOutcome> {
    let demand_on = |stock: StockId| -> i128 {
        take.lines.iter().filter(|wish| wish.stock == stock).map(|wish| least(take, wish)).sum()
    };
    let nothing_at_all = take.partial && pools.values().all(|pool| *pool == 0);
    refuse_lines(take, |wish| {
        let pool = pools[&wish.stock];
        (nothing_at_all || demand_on(wish.stock) > pool).then_some((why, pool))
    })
}

/// Serves the lines in order.
fn share(take: &OwnedTake, mut pools: Pools) -> Vec<i128> {
    let mut granted = Vec::new();
    for (position, wish) in take.lines.iter().enumerate() {
        let later = take.lines[position + 1..].iter().filter(|other| other.stock == wish.stock);
        let set_aside: i128 = later.map(|other| least(take, other)).sum();
        let pool = pools.get_mut(&wish.stock).expect("every stock has a pool");
        let units = i128::from(wish.units).min(*pool - set_aside);
        *pool -= units;
        granted.push(units);
    }
    granted
}

fn narrow(granted: &[i128]) -> Vec<u32> {
    granted.iter().map(|units| u32::try_from(*units).expect("a line's units fit 32 bits")).collect()
}

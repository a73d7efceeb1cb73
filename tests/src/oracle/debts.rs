//! The oracle on debts: who is owed what, what that leaves to others, settlement and the end in vain.
//!
//! Invariant: a stock's claims are those of the owed holds, in the order in which they were made.

use super::{BoundKey, Hold, Key, Oracle, Stock, key_of, told};
use crate::oracle::stocks::unsigned;
use crate::outcome::OwnedOutcome;
use crate::request::{OwnedCommand, OwnedRequest, OwnedTake};
use scrip_engine::answer::{DebtView, HoldState};
use scrip_engine::command::Envelope;
use scrip_engine::ids::{ChannelId, OperationId, StockId};
use scrip_engine::limits::{DEBTS_PER_ANSWER_MAX, OWED_MAX_MS};
use scrip_engine::rejection::Code;
use std::collections::{BTreeMap, BTreeSet};
use zerocopy::little_endian::{U16, U32, U64, U128};

/// Something that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debt {
    /// The hold of the SELL or CONFIRM that is owed, or of the card key.
    pub hold: Key,
    /// The card key whose replacement is owed.
    pub card: Option<u32>,
}

impl Debt {
    /// A SELL or CONFIRM.
    fn whole(hold: Key) -> Debt {
        Debt { hold, card: None }
    }
}

/// What a debt claims of a stock.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What is owed.
    pub debt: Debt,
    /// Its channel.
    pub channel: ChannelId,
    /// Units, over all of its lines on the stock.
    pub units: i128,
}

/// What claims leave of a stock's available units.
struct Left {
    /// What is left of each channel's unused guarantee.
    spare: BTreeMap<ChannelId, i128>,
    /// What is left of the units that no guarantee speaks of.
    free: i128,
}

impl Stock {
    /// What the first `older` claims leave: each takes from its own channel's guarantee first, then from what is free,
    /// and nothing where that is not enough.
    fn left_behind(&self, older: usize) -> Left {
        let mut spare: BTreeMap<_, _> =
            self.channels.iter().map(|(id, channel)| (*id, channel.unused())).collect();
        let mut free = self.available - self.unused();
        for claim in &self.claims[..older] {
            let own = spare.entry(claim.channel).or_insert(0);
            let guaranteed = claim.units.min(*own);
            *own -= guaranteed;
            free -= (claim.units - guaranteed).min(free);
        }
        Left { spare, free }
    }

    /// Available units that nobody claims.
    pub fn unclaimed(&self) -> i128 {
        let Left { spare, free } = self.left_behind(self.claims.len());
        free + spare.values().sum::<i128>()
    }

    /// Units that `channel` finds behind the first `older` claims, its cap left aside.
    fn found_behind(&self, channel: ChannelId, older: usize) -> i128 {
        let Left { spare, free } = self.left_behind(older);
        free + spare.get(&channel).copied().unwrap_or(0)
    }

    /// Units that `channel` finds behind all claims, its cap left aside.
    pub(super) fn found(&self, channel: ChannelId) -> i128 {
        self.found_behind(channel, self.claims.len())
    }

    /// Units that the cap of `channel` leaves behind the first `older` claims.
    fn below_cap(&self, channel: ChannelId, older: usize) -> i128 {
        let own = self.channel(channel);
        let claimed = self.claims[..older].iter().filter(|claim| claim.channel == channel);
        (own.cap - own.used() - claimed.map(|claim| claim.units).sum::<i128>()).max(0)
    }

    /// Units that `channel` can take.
    pub fn room(&self, channel: ChannelId) -> i128 {
        self.below_cap(channel, self.claims.len()).min(self.found(channel))
    }

    /// Whether this debt finds its units.
    fn can_settle(&self, debt: Debt) -> bool {
        let place =
            self.claims.iter().position(|claim| claim.debt == debt).expect("a debt claims its stocks");
        let Claim { channel, units, .. } = self.claims[place];
        !self.terms.frozen && units <= self.below_cap(channel, place).min(self.found_behind(channel, place))
    }
}

impl Oracle {
    /// A SELL that was refused with `refusal` waits, if it wants to and lacks nothing but units; else its refusal.
    pub(super) fn wait(
        &mut self,
        envelope: &Envelope,
        take: &OwnedTake,
        (hidden, refusal): (bool, OwnedOutcome),
    ) -> Result<(OwnedOutcome, Option<Hold>), OwnedOutcome> {
        let wants_units = matches!(refusal.code(), Some(Code::OutOfStock | Code::ChannelQuota));
        if take.wait_until_ms <= self.now_ms || !wants_units {
            return Err(refusal);
        }
        let flagged = self.may_be_owed(envelope, take)?;
        let asked: Vec<i128> = take.lines.iter().map(|wish| i128::from(wish.units)).collect();
        if let Some(refusal) = self.one_channel_too_many(envelope, take, &asked) {
            return Ok((refusal, None));
        }
        if take.replace != OperationId(0) {
            self.end_replaced(super::key_beside(envelope, take.replace));
        }
        let until_ms = take.wait_until_ms.min(self.now_ms + OWED_MAX_MS);
        let mut hold = self.hold_of(envelope, take, &asked, HoldState::Owed, until_ms);
        hold.refusal = Some(refusal.into_recorded());
        (hold.hidden, hold.flagged) = (hidden, flagged);
        let key = key_of(envelope);
        for line in &hold.lines {
            self.count_new(line, false);
        }
        self.count_success(envelope, &told(take));
        self.claim(key, &hold);
        let position = self.position(Debt::whole(key), take.lines[0].stock);
        Ok((OwnedOutcome::Owed { position, until_ms }, Some(hold)))
    }

    /// A hold becomes the youngest debt.
    fn claim(&mut self, key: Key, hold: &Hold) {
        for stock in stocks_of(hold) {
            let units = hold.lines.iter().filter(|line| line.stock == stock).map(|line| line.owed).sum();
            let of_stock = self.stock_mut(stock);
            of_stock.channel_mut(hold.channel);
            of_stock.claims.push(Claim { debt: Debt::whole(key), channel: hold.channel, units });
        }
        self.debts.push(Debt::whole(key));
    }

    /// A CONFIRM that is `short` of keys: the hold ends as by a RELEASE, but that the units asked for are owed and stay
    /// counted. Without room for its claims it is refused.
    pub(super) fn owe_confirmed(
        &mut self,
        key: Key,
        wanted: &[i128],
        (hidden, short): (bool, OwnedOutcome),
    ) -> OwnedOutcome {
        let mut hold = self.hold(key).clone();
        hold.lines.iter_mut().zip(wanted).for_each(|(line, units)| line.owed = *units);
        let claims: usize = self.stocks.values().map(|stock| stock.claims.len()).sum();
        if claims + stocks_of(&hold).len() > self.debts_max {
            return short;
        }
        for line in &hold.lines {
            self.stock_mut(line.stock).give_back(hold.channel, line.reserved);
            self.count(line, hold.reserved_ms, line.owed - line.reserved, -line.reserved);
        }
        self.pay_cards(key, wanted, (false, self.now_ms + OWED_MAX_MS));
        hold.cards = self.hold(key).cards.clone();
        hold.state = HoldState::Owed;
        hold.hidden = hidden;
        hold.deadline_ms = self.now_ms + OWED_MAX_MS;
        hold.refusal = Some(short.into_recorded());
        self.claim(key, &hold);
        *self.hold_mut(key) = hold;
        self.owed_now(key, self.hold(key)).expect("it is owed")
    }

    /// Whether a SELL made this hold.
    pub(super) fn is_sale(&self, key: Key) -> bool {
        matches!(self.records[&key].command, OwnedCommand::Sell { .. })
    }

    /// The caps and the purchase limits, which count what is owed, and the price; answers whether the hold is marked.
    fn may_be_owed(&self, envelope: &Envelope, take: &OwnedTake) -> Result<bool, OwnedOutcome> {
        let flagged = self.judge(envelope, &told(take))?;
        let replaced = self.replaced(envelope, take)?;
        let stocks = self.given_back(take, replaced);
        let cap =
            |(id, stock): (&StockId, &Stock)| (*id, stock.below_cap(envelope.channel, stock.claims.len()));
        super::take::enough(take, &stocks.iter().map(cap).collect(), Code::ChannelQuota)?;
        let no_bound = stocks.keys().map(|stock| (*stock, i128::from(u64::MAX))).collect();
        super::take::enough(take, &self.rooms(take, replaced, &no_bound), Code::UserLimit)?;
        self.quoted(envelope.channel, take)?;
        Ok(flagged)
    }

    fn position(&self, debt: Debt, stock: StockId) -> u32 {
        let place = self.stocks[&stock].claims.iter().position(|claim| claim.debt == debt);
        place.expect("a debt claims its stocks") as u32 + 1
    }

    /// What a repeat of a SELL or CONFIRM that was owed is answered; `None` if that is what any SELL is.
    pub(super) fn owed_now(&self, debt: Key, hold: &Hold) -> Option<OwnedOutcome> {
        match hold.state {
            HoldState::Owed => {
                let first = hold.lines.iter().find(|line| line.owed > 0).expect("something is owed");
                let position = self.position(Debt::whole(debt), first.stock);
                Some(OwnedOutcome::Owed { position, until_ms: hold.deadline_ms })
            }
            HoldState::Unfulfilled => hold.refusal.clone(),
            _ => None,
        }
    }

    /// Whatever can be settled is, the oldest first, at `at_ms`.
    pub(super) fn settle(&mut self, at_ms: u64) {
        while let Some(debt) = self.debts.iter().copied().find(|debt| self.can_settle(*debt)) {
            self.end_debt(debt);
            if let Some(card) = debt.card {
                self.replace_at_last(debt.hold, card);
                self.hold_mut(debt.hold).owed_key_ms = at_ms;
                continue;
            }
            let debt = debt.hold;
            let hold = self.hold(debt).clone();
            for (position, line) in hold.lines.iter().enumerate() {
                self.stock_mut(line.stock).take(hold.channel, line.owed, true);
                let keys = self.bind(line.stock, line.owed);
                let line = &mut self.hold_mut(debt).lines[position];
                line.confirmed = line.owed;
                line.keys = keys;
            }
            let hold = self.hold_mut(debt);
            hold.state = HoldState::Confirmed;
            hold.refusal = None;
            hold.closed_ms = at_ms;
        }
    }

    fn can_settle(&self, debt: Debt) -> bool {
        if let Some(card) = debt.card {
            return self.stocks[&self.keys[card as usize].stock].can_settle(debt);
        }
        stocks_of(self.hold(debt.hold)).iter().all(|stock| self.stocks[stock].can_settle(debt))
    }

    /// Debts end whose time this is.
    pub(super) fn end_debts(&mut self, due_ms: u64) {
        for debt in self.debts.clone() {
            if self.until_ms(debt) != due_ms {
                continue;
            }
            if let Some(card) = debt.card {
                self.replace_never(debt.hold, card);
                self.hold_mut(debt.hold).owed_key_ms = due_ms;
                continue;
            }
            let debt = debt.hold;
            self.drop_debt(debt);
            let hold = self.hold_mut(debt);
            hold.state = HoldState::Unfulfilled;
            hold.closed_ms = due_ms;
        }
    }

    /// When a debt ends.
    fn until_ms(&self, debt: Debt) -> u64 {
        let hold = self.hold(debt.hold);
        match debt.card {
            Some(card) => hold.place_of(card).1.owed_until_ms.expect("it is owed"),
            None => hold.deadline_ms,
        }
    }

    /// The key in this place is void, and another is owed.
    pub(super) fn owe_replacement(
        &mut self,
        key: Key,
        (line, place): (usize, usize),
        refusal: OwnedOutcome,
    ) -> OwnedOutcome {
        let until_ms = self.now_ms + OWED_MAX_MS;
        let hold = self.hold_mut(key);
        let channel = hold.channel;
        hold.lines[line].keys[place].owed_until_ms = Some(until_ms);
        let cards = hold.cards.clone();
        let (stock, card) = (hold.lines[line].stock, hold.lines[line].keys[place].key);
        for used in cards {
            let card = self.cards.get_mut(&used.card).expect("it was taken");
            card.keep_lots(&used.parts, until_ms);
        }
        self.keys[card as usize].refusal = Some(refusal);
        let debt = Debt { hold: key, card: Some(card) };
        self.stock_mut(stock).claims.push(Claim { debt, channel, units: 1 });
        self.debts.push(debt);
        self.replacement_now(key, card)
    }

    /// What a KEY_REPLACE that was owed is answered.
    pub(super) fn replacement_now(&self, key: Key, old: u32) -> OwnedOutcome {
        let card = &self.keys[old as usize];
        let debt = Debt { hold: key, card: Some(old) };
        match card.successor {
            Some(new) => self.one_key(self.hold(key), new),
            None if self.debts.contains(&debt) => {
                let position = self.position(debt, card.stock);
                OwnedOutcome::Owed { position, until_ms: self.until_ms(debt) }
            }
            None => card.refusal.clone().expect("it was owed"),
        }
    }

    /// The replacement of a card key has come.
    fn replace_at_last(&mut self, key: Key, old: u32) {
        let ((line, place), _) = self.hold(key).place_of(old);
        let hold = self.hold(key);
        let (channel, stock) = (hold.channel, hold.lines[line].stock);
        self.stock_mut(stock).take(channel, 1, true);
        let new = self.bind_one(stock);
        self.fill_place(key, (line, place), new);
        self.keys[old as usize].successor = Some(new);
    }

    /// The replacement of a card key never comes: its place goes behind all that are left.
    fn replace_never(&mut self, key: Key, old: u32) {
        self.drop_replacement(key, old);
        let ((position, place), _) = self.hold(key).place_of(old);
        let line = &mut self.hold_mut(key).lines[position];
        let bound = line.keys.remove(place);
        line.keys.insert((line.confirmed - line.returned - 1) as usize, bound);
        line.returned += 1;
        let (line, reserved_ms) = (line.clone(), self.hold(key).reserved_ms);
        self.count(&line, reserved_ms, -1, 0);
    }

    /// The replacement of a card key is owed no more.
    pub(super) fn drop_replacement(&mut self, key: Key, card: u32) {
        self.end_debt(Debt { hold: key, card: Some(card) });
        let ((line, place), _) = self.hold(key).place_of(card);
        self.hold_mut(key).lines[line].keys[place].owed_until_ms = None;
    }

    /// A debt ends without its units: they no longer count.
    pub(super) fn drop_debt(&mut self, debt: Key) {
        self.end_debt(Debt::whole(debt));
        let hold = self.hold(debt).clone();
        for line in &hold.lines {
            self.count(line, hold.reserved_ms, -line.owed, 0);
        }
        self.undo_cards(debt);
    }

    fn end_debt(&mut self, debt: Debt) {
        self.debts.retain(|other| *other != debt);
        for stock in self.stocks.values_mut() {
            stock.claims.retain(|claim| claim.debt != debt);
        }
    }

    /// OWED_SHOW.
    pub(super) fn show_owed(&self, envelope: &Envelope, stock: StockId, from: u32) -> OwnedOutcome {
        if stock.slot() != envelope.slot {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        let Some(found) = self.own_stock(envelope, stock) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let view = |claim: &Claim| {
            let hold = self.hold(claim.debt.hold);
            let until_ms = self.until_ms(claim.debt);
            let since_ms = claim.debt.card.map_or(hold.reserved_ms, |_| until_ms - OWED_MAX_MS);
            DebtView {
                hold: U128::new(claim.debt.hold.2),
                order: U128::new(hold.order.0),
                since_ms: U64::new(since_ms),
                until_ms: U64::new(until_ms),
                units: U64::new(unsigned(claim.units)),
                channel: U16::new(hold.channel.0),
                of_key: U16::new(u16::from(claim.debt.card.is_some())),
                key: U32::new(claim.debt.card.unwrap_or(0)),
            }
        };
        let page = found.claims.iter().skip(from as usize).take(DEBTS_PER_ANSWER_MAX);
        OwnedOutcome::Debts { total: found.claims.len() as u32, debts: page.map(view).collect() }
    }

    /// Panics unless the debts are the owed holds, and their claims are what is owed.
    pub(super) fn check_debts(&self) {
        let mut owed = BTreeMap::new();
        let mut count = 0;
        let mut check = |debt: Debt| {
            count += 1;
            assert!(self.debts.contains(&debt), "{debt:?} is owed, and no debt");
            assert!(self.until_ms(debt) > self.now_ms, "{debt:?} is owed past its deadline");
            assert!(!self.can_settle(debt), "{debt:?} could be settled");
        };
        for (key, record) in &self.records {
            let Some(hold) = &record.hold else { continue };
            for place in hold.keys().filter(|place| place.owed_until_ms.is_some()) {
                assert_eq!(hold.state, HoldState::Confirmed, "only what is sold is replaced: {key:?}");
                check(Debt { hold: *key, card: Some(place.key) });
                owed.insert((self.keys[place.key as usize].stock, *key, Some(place.key)), 1);
            }
            if hold.state != HoldState::Owed {
                continue;
            }
            check(Debt::whole(*key));
            for line in &hold.lines {
                if line.owed > 0 {
                    *owed.entry((line.stock, *key, None)).or_insert(0) += line.owed;
                }
            }
        }
        assert_eq!(count, self.debts.len(), "nothing else is a debt");
        for (id, stock) in &self.stocks {
            for claim in &stock.claims {
                let Debt { hold, card } = claim.debt;
                assert_eq!(owed.remove(&(*id, hold, card)), Some(claim.units), "a claim on {id}: {claim:?}");
            }
        }
        assert!(owed.is_empty(), "owed without a claim: {owed:?}");
    }
}

impl Hold {
    /// Where a card key stands in it: line and place.
    fn place_of(&self, card: u32) -> ((usize, usize), BoundKey) {
        let mut places = self.lines.iter().enumerate().flat_map(|(line, of)| {
            of.keys.iter().enumerate().map(move |(place, bound)| ((line, place), *bound))
        });
        places.find(|(_, bound)| bound.key == card).expect("it is of the hold")
    }
}

/// The stocks of what a hold is owed, each once.
fn stocks_of(hold: &Hold) -> BTreeSet<StockId> {
    hold.lines.iter().filter(|line| line.owed > 0).map(|line| line.stock).collect()
}

/// Stocks that `request` would wait for, each once; none if it does not wait.
pub fn waits_for(request: &OwnedRequest) -> BTreeSet<StockId> {
    match &request.command {
        OwnedCommand::Sell { take, .. } if take.wait_until_ms > 0 => {
            take.lines.iter().map(|wish| wish.stock).collect()
        }
        _ => BTreeSet::new(),
    }
}

//! The oracle on accounts: lots of cards that can be filled, what is spent of them and what goes back, and passes.
//!
//! Invariant: a card's own lot is what its other lots have not; each redemption knows what it took of which lot.

use super::campaigns::{full, short};
use super::cards::{Card, narrow};
use super::{Key, Oracle};
use crate::outcome::OwnedOutcome;
use crate::request::{OwnedRedeem, Worth};
use scrip_engine::answer::LotView;
use scrip_engine::command::{AccountWish, CampaignKind, CardState, Envelope};
use scrip_engine::ids::CardId;
use scrip_engine::limits::{CARD_TOTAL_MAX, CARD_VALUE_MAX, LOTS_PER_CARD_MAX};
use scrip_engine::rejection::{CapacityOf, Code};
use zerocopy::little_endian::{U32, U64};

/// What a card that was ever filled has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// Units it was filled with.
    pub supplied: i128,
    /// Its lots besides its own, in the order they were made.
    pub lots: Vec<Lot>,
}

/// A lot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `LotView`, which documents them")]
pub struct Lot {
    /// No other has it.
    pub id: u64,
    pub bonus: bool,
    pub units: i128,
    pub available: i128,
    pub consumed: i128,
    pub paid: i128,
    pub until_ms: u64,
    /// Units in holds.
    pub held: i128,
    /// It stays until the floor has passed this, because of holds; 0: it need not.
    pub kept_ms: u64,
}

/// What a redemption took of a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The lot; `None`: the card's own.
    pub lot: Option<u64>,
    /// Units.
    pub units: i128,
    /// Of those, units that were given back.
    pub back: i128,
}

impl Lot {
    fn is_live(&self, now_ms: u64) -> bool {
        self.until_ms == 0 || now_ms < self.until_ms
    }

    fn view(&self, now_ms: u64) -> LotView {
        LotView {
            until_ms: U64::new(self.until_ms),
            units: U32::new(narrow(self.units)),
            available: U32::new(narrow(self.available)),
            consumed: U32::new(narrow(self.consumed)),
            paid: U32::new(narrow(self.paid)),
            bonus: u8::from(self.bonus),
            live: u8::from(self.is_live(now_ms)),
            spare: [0; 6],
        }
    }
}

/// A time in whole seconds, down, but to 1 at least; 0 stays open.
pub(super) fn in_seconds(until_ms: u64) -> u64 {
    if until_ms == 0 { 0 } else { (until_ms / 1_000).clamp(1, u64::from(u32::MAX)) * 1_000 }
}

impl Card {
    /// Its lots besides its own.
    pub fn lots(&self) -> &[Lot] {
        self.account.as_ref().map_or(&[], |account| &account.lots)
    }

    /// Units it was filled with.
    pub fn supplied(&self) -> i128 {
        self.account.as_ref().map_or(0, |account| account.supplied)
    }

    pub(super) fn expired(&self, now_ms: u64) -> i128 {
        self.lots().iter().filter(|lot| !lot.is_live(now_ms)).map(|lot| lot.available).sum()
    }

    /// What of it can be used, as far as its times allow.
    pub(super) fn balance(&self, now_ms: u64) -> i128 {
        self.available - self.expired(now_ms)
    }

    /// What its own lot has.
    pub(super) fn own(&self) -> i128 {
        self.available - self.lots().iter().map(|lot| lot.available).sum::<i128>()
    }

    pub(super) fn lot_views(&self, now_ms: u64) -> Vec<LotView> {
        self.lots().iter().map(|lot| lot.view(now_ms)).collect()
    }

    fn lot_mut(&mut self, id: u64) -> &mut Lot {
        let lots = self.account.iter_mut().flat_map(|account| &mut account.lots);
        lots.into_iter().find(|lot| lot.id == id).expect("a lot that can be given back to stays")
    }

    /// Takes units of its live lots, in the order of spending, for a redemption or to be held.
    pub(super) fn spend(&mut self, spending: u8, now_ms: u64, (units, held): (i128, bool)) -> Vec<Part> {
        let ends = |until_ms: u64| match (until_ms, self.times.until_ms) {
            (0, 0) => u64::MAX,
            (0, of_card) => of_card,
            (until_ms, _) => until_ms,
        };
        let mut order = vec![(false, ends(0), None, self.own())];
        let live = self.lots().iter().filter(|lot| lot.is_live(now_ms));
        order.extend(live.map(|lot| (lot.bonus, ends(lot.until_ms), Some(lot.id), lot.available)));
        let last = |bonus: bool| match spending {
            1 => !bonus,
            2 => bonus,
            _ => false,
        };
        // Stable: ties stay in the order in which the lots were made.
        order.sort_by_key(|(bonus, ends_ms, ..)| (last(*bonus), *ends_ms));
        let (mut parts, mut wanted) = (Vec::new(), units);
        for (_, _, lot, available) in order {
            let taken = available.min(wanted);
            if taken > 0 {
                wanted -= taken;
                parts.push(Part { lot, units: taken, back: 0 });
            }
        }
        assert_eq!(wanted, 0, "the balance was checked: {self:?}");
        for part in &parts {
            if let Some(lot) = part.lot {
                let lot = self.lot_mut(lot);
                lot.available -= part.units;
                if held {
                    lot.held += part.units;
                } else {
                    lot.consumed += part.units;
                }
            }
        }
        if parts.iter().all(|part| part.lot.is_none()) { Vec::new() } else { parts }
    }

    /// Gives units back to the lots they came from, the last taken first. Lots that get some live until then at least.
    pub(super) fn unspend(&mut self, parts: &mut [Part], units: i128, graced_ms: Option<u64>) {
        let mut wanted = units;
        for part in parts.iter_mut().rev() {
            let back = (part.units - part.back).min(wanted);
            part.back += back;
            wanted -= back;
            let Some(lot) = part.lot.filter(|_| back > 0) else { continue };
            let is_void = self.state == CardState::Void || self.ended;
            let lot = self.lot_mut(lot);
            lot.consumed -= back;
            lot.available += if is_void { 0 } else { back };
            if let Some(graced_ms) =
                graced_ms.filter(|graced_ms| lot.until_ms != 0 && lot.until_ms < *graced_ms)
            {
                lot.until_ms = in_seconds(graced_ms).max(lot.until_ms);
            }
        }
    }

    /// Units that are held go back to the lots they came from, the last taken first.
    pub(super) fn unhold(&mut self, parts: &mut [Part], units: i128) {
        let mut wanted = units;
        for part in parts.iter_mut().rev() {
            let back = part.units.min(wanted);
            part.units -= back;
            wanted -= back;
            let Some(lot) = part.lot else { continue };
            let is_void = self.state == CardState::Void;
            let lot = self.lot_mut(lot);
            lot.held -= back;
            lot.available += if is_void { 0 } else { back };
        }
    }

    /// What is held of lots is used; they stay until then, at least.
    pub(super) fn use_held_lots(&mut self, parts: &[Part], kept_ms: u64) {
        for part in parts.iter().filter(|part| part.units > 0) {
            let Some(lot) = part.lot else { continue };
            let lot = self.lot_mut(lot);
            lot.held -= part.units;
            lot.consumed += part.units;
        }
        self.keep_lots(parts, kept_ms);
    }

    /// Lots of which units were used stay until then, at least.
    pub(super) fn keep_lots(&mut self, parts: &[Part], kept_ms: u64) {
        for lot in parts.iter().filter(|part| part.units > 0).filter_map(|part| part.lot) {
            let lot = self.lot_mut(lot);
            lot.kept_ms = lot.kept_ms.max(kept_ms);
        }
    }

    /// What of the units that are held could be used if it went back now.
    pub(super) fn live_of(&self, parts: &[Part], reserved: i128, now_ms: u64) -> i128 {
        let over = |part: &&Part| {
            let lot = self.lots().iter().find(|lot| part.lot == Some(lot.id));
            lot.is_some_and(|lot| !lot.is_live(now_ms))
        };
        reserved - parts.iter().filter(over).map(|part| part.units).sum::<i128>()
    }

    /// All it has is void.
    pub(super) fn void_all(&mut self) {
        self.void += self.available;
        self.available = 0;
        let lots = self.account.iter_mut().flat_map(|account| &mut account.lots);
        lots.for_each(|lot| lot.available = 0);
    }

    pub(super) fn room(&self) -> i128 {
        let total = self.available + self.held + self.consumed + self.void;
        (i128::from(CARD_VALUE_MAX) - self.available - self.held)
            .min(i128::from(CARD_TOTAL_MAX) - total)
            .max(0)
    }
}

impl Worth {
    /// Units that a redemption asks for.
    pub(super) fn asked(&self, card: &Card, redeem: &OwnedRedeem, now_ms: u64) -> i128 {
        let (balance, value) = (card.balance(now_ms), i128::from(self.definition.value.get()));
        match (self.definition.kind(), redeem.units) {
            (CampaignKind::Pass, 0 | 1) => 0,
            (CampaignKind::Stamps, 0) => value,
            (CampaignKind::StoredValue, 0) => i128::from(redeem.amount).min(balance).max(1),
            (CampaignKind::Points, 0) => {
                let hundredths = i128::from(redeem.amount) * 100;
                ((hundredths + value - 1) / value).min(balance).max(1)
            }
            (_, units) => i128::from(units.max(1)),
        }
    }

    /// What should have been asked for instead, of kinds whose units are not free to choose.
    pub(super) fn instead(&self, asked: i128, amount: u64) -> Option<i128> {
        let goal = i128::from(self.definition.value.get());
        match self.definition.kind() {
            CampaignKind::StoredValue if asked > i128::from(amount) => Some(i128::from(amount)),
            CampaignKind::Stamps if asked != goal => Some(goal),
            CampaignKind::Pass if asked > 0 => Some(1),
            _ => None,
        }
    }

    /// Hundredths of a percent that a pass takes off at a level.
    pub(super) fn percent_at(&self, level: u8) -> u64 {
        let level = usize::from(level).clamp(1, self.tiers.len().max(1));
        self.tiers.get(level - 1).map_or(0, |tier| tier.value.get())
    }
}

impl Oracle {
    /// TOPUP, EARN, CARD_REFUND, RENEW, LEVEL.
    pub(super) fn account(
        &mut self,
        envelope: &Envelope,
        (id, generation): (CardId, Option<u8>),
        wish: AccountWish,
    ) -> OwnedOutcome {
        match self.entered(envelope, (id, generation), wish) {
            Ok((card, answer)) => {
                self.cards.insert(id, card);
                answer
            }
            Err(refusal) => refusal,
        }
    }

    /// The card with the entry in its account, and the answer.
    fn entered(
        &mut self,
        envelope: &Envelope,
        (id, generation): (CardId, Option<u8>),
        wish: AccountWish,
    ) -> Result<(Card, OwnedOutcome), OwnedOutcome> {
        let refused = |code| Err(OwnedOutcome::refused(code));
        let Some(mut card) = self.own_card(envelope, id, generation) else { return refused(Code::NotFound) };
        let worth = self.worth_of(&card).clone();
        let kind = worth.definition.kind();
        let fits = match wish {
            AccountWish::TopUp { .. } | AccountWish::Refund => kind == CampaignKind::StoredValue,
            AccountWish::Earn { .. } => matches!(kind, CampaignKind::Stamps | CampaignKind::Points),
            AccountWish::Renew { .. } | AccountWish::Level { .. } => kind == CampaignKind::Pass,
        };
        if !fits {
            return refused(Code::RuleFailed);
        }
        match self.usable(&card) {
            // Steps 2 and 3 say so of the state with no time in their facts.
            Err(refusal) if !(matches!(wish, AccountWish::Renew { .. }) && refusal.tells_time()) => {
                return Err(refusal);
            }
            _ => {}
        }
        let now_ms = self.now_ms;
        let (before, campaign) = (card.balance(now_ms), card.campaign);
        let answer = match wish {
            AccountWish::TopUp { principal, bonus, paid, until_ms } => {
                let until_ms = in_seconds(until_ms);
                if until_ms != 0 && until_ms <= now_ms {
                    return refused(Code::RuleFailed);
                }
                let asked = i128::from(principal) + i128::from(bonus);
                if asked > card.room() {
                    return Err(short(Code::RuleFailed, campaign, asked, card.room()));
                }
                self.room_for_pages(std::iter::once(id))?;
                let lots = [(false, principal, paid), (true, bonus, 0)];
                let lots = lots.into_iter().filter(|(_, units, _)| *units > 0);
                self.fill(&mut card, asked, lots.map(|lot| (lot, until_ms)).collect())?;
                OwnedOutcome::Filled { units: narrow(asked), available: narrow(before + asked) }
            }
            AccountWish::Earn { units } => {
                let room = match kind {
                    CampaignKind::Stamps => {
                        i128::from(worth.definition.value.get()) - card.available - card.held
                    }
                    _ => card.room(),
                };
                let asked = i128::from(units);
                if asked > room {
                    return Err(short(Code::RuleFailed, campaign, asked, room.max(0)));
                }
                self.room_for_pages(std::iter::once(id))?;
                self.earn(&mut card, units)?;
                OwnedOutcome::Filled { units, available: narrow(before + asked) }
            }
            AccountWish::Refund => {
                let (units, paid) = refund(&card, &worth, now_ms);
                if units == 0 {
                    return Err(short(Code::BalanceExceeded, campaign, 1, 0));
                }
                self.room_for_pages(std::iter::once(id))?;
                card.void_all();
                OwnedOutcome::CardRefunded { units: narrow(units), paid: paid as u64 }
            }
            AccountWish::Renew { seconds } => {
                if card.times.until_ms == 0 {
                    return refused(Code::RuleFailed);
                }
                self.room_for_pages(std::iter::once(id))?;
                let until_ms = card.times.until_ms.max(now_ms) + u64::from(seconds) * 1_000;
                card.times = card.times.until(until_ms);
                self.note_end(id, card.times.until_ms);
                OwnedOutcome::StockChanged { value: card.times.until_ms }
            }
            AccountWish::Level { level } => {
                let levels = worth.tiers.len();
                if usize::from(level) > levels || level == card.level {
                    return Err(short(Code::RuleFailed, campaign, i128::from(level), levels as i128));
                }
                self.room_for_pages(std::iter::once(id))?;
                card.level = level;
                OwnedOutcome::StockChanged { value: u64::from(level) }
            }
        };
        Ok((card, answer))
    }

    /// Stamps or points go to a card.
    fn earn(&mut self, card: &mut Card, units: u32) -> Result<(), OwnedOutcome> {
        let lasts_s = self.worth_of(card).definition.earned_lasts_s.get();
        let (asked, until_ms) = (i128::from(units), self.points_end_ms(u64::from(lasts_s)));
        let lots = if until_ms == 0 { Vec::new() } else { vec![((false, units, 0), until_ms)] };
        let same = card.lots().iter().find(|lot| until_ms != 0 && lot.until_ms == until_ms);
        match same.map(|lot| lot.id) {
            Some(lot) => {
                card.account.as_mut().expect("it has lots").supplied += asked;
                card.available += asked;
                let lot = card.lot_mut(lot);
                lot.units += asked;
                lot.available += asked;
                Ok(())
            }
            None => self.fill(card, asked, lots),
        }
    }

    /// Points that are given for another card; answers the balance.
    pub(super) fn earn_points(
        &mut self,
        id: CardId,
        card: &mut Card,
        units: u32,
    ) -> Result<u64, OwnedOutcome> {
        let (asked, before) = (i128::from(units), card.balance(self.now_ms));
        if asked > card.room() {
            return Err(short(Code::RuleFailed, card.campaign, asked, card.room()));
        }
        self.room_for_pages(std::iter::once(id))?;
        self.earn(card, units)?;
        Ok(u64::from(narrow(before + asked)))
    }

    /// When points that are earned now end; 0: with the card.
    fn points_end_ms(&self, lasts_s: u64) -> u64 {
        if lasts_s == 0 {
            return 0;
        }
        let step_ms = (lasts_s / 8).max(1) * 1_000;
        let end_ms = self.now_ms + lasts_s * 1_000;
        in_seconds(end_ms.div_ceil(step_ms) * step_ms)
    }

    /// Units go to new lots, or to the card's own.
    fn fill(
        &mut self,
        card: &mut Card,
        units: i128,
        lots: Vec<((bool, u32, u32), u64)>,
    ) -> Result<(), OwnedOutcome> {
        let over: Vec<u64> =
            card.lots().iter().filter(|lot| self.lot_is_over(lot)).map(|lot| lot.id).collect();
        if card.lots().len() - over.len() + lots.len() > LOTS_PER_CARD_MAX && !lots.is_empty() {
            return Err(full(CapacityOf::Lots, LOTS_PER_CARD_MAX as u64));
        }
        if !lots.is_empty() {
            let lost: i128 =
                card.lots().iter().filter(|lot| over.contains(&lot.id)).map(|lot| lot.available).sum();
            card.available -= lost;
            card.void += lost;
        }
        card.available += units;
        let account = card.account.get_or_insert_default();
        account.supplied += units;
        if !lots.is_empty() {
            account.lots.retain(|lot| !over.contains(&lot.id));
        }
        for ((bonus, units, paid), until_ms) in lots {
            self.lots_made += 1;
            let (units, paid) = (i128::from(units), i128::from(paid));
            let id = self.lots_made;
            let (held, kept_ms) = (0, 0);
            account.lots.push(Lot {
                id,
                bonus,
                units,
                available: units,
                consumed: 0,
                paid,
                until_ms,
                held,
                kept_ms,
            });
        }
        Ok(())
    }

    /// Nothing of it can be used any more, nor come back.
    pub(super) fn lot_is_over(&self, lot: &Lot) -> bool {
        let took = |key: &Key| {
            let redemption = self.record(*key).and_then(|record| record.redemption.as_ref());
            redemption.is_some_and(|made| made.parts.iter().any(|part| part.lot == Some(lot.id)))
        };
        let in_holds = lot.held > 0 || lot.kept_ms != 0 && lot.kept_ms >= self.floor_ms;
        (lot.available == 0 || !lot.is_live(self.now_ms)) && !in_holds && !self.records.keys().any(took)
    }
}

/// Live principal, and what was paid for it.
fn refund(card: &Card, worth: &Worth, now_ms: u64) -> (i128, i128) {
    let new = i128::from(worth.definition.units.get());
    let own = card.own();
    let mut paid = if new == 0 { 0 } else { i128::from(worth.definition.value.get()) * own / new };
    let mut units = own;
    for lot in card.lots().iter().filter(|lot| lot.is_live(now_ms) && !lot.bonus) {
        units += lot.available;
        paid += lot.paid * lot.available / lot.units;
    }
    (units, paid)
}

//! The oracle on REDEEM and REVERSE: units of a card are used for an order, and given back.
//!
//! Invariant: what a card has consumed is what its redemptions and holds took and did not give back.

use super::campaigns::short;
use super::cards::{Card, narrow};
use super::{Oracle, Part, key_beside, told};
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::{OwnedRedeem, Worth};
use scrip_engine::answer::{Redeemed, RedemptionView};
use scrip_engine::command::{CampaignKind, CampaignState, CardState, Definition, Envelope, ScopeEntry};
use scrip_engine::ids::{CardId, OperationId, OrderId};
use scrip_engine::limits::{CLOCK_AHEAD_MAX_MS, REVERSAL_WINDOW_DEFAULT_S};
use scrip_engine::rejection::Code;

/// What a REDEEM made.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `RedemptionView`, which documents them")]
pub struct Redemption {
    pub card: CardId,
    pub units: i128,
    pub reversed: i128,
    pub order: OrderId,
    pub discount: u64,
    pub at_ms: u64,
    pub flagged: bool,
    /// How many uses of cards there were before this one.
    pub uses: u64,
    /// What it took of which lot, in this order; empty: of the card's own alone.
    pub parts: Vec<Part>,
}

impl Redemption {
    pub(super) fn view(&self) -> OwnedOutcome {
        OwnedOutcome::Redemption(RedemptionView {
            card: self.card,
            units: narrow(self.units),
            reversed: narrow(self.reversed),
            order: self.order,
            discount: self.discount,
            at_ms: self.at_ms,
            flagged: self.flagged,
        })
    }
}

/// Whether cards of a kind stay usable without units.
pub(super) const fn is_never_used(kind: CampaignKind) -> bool {
    matches!(kind, CampaignKind::StoredValue | CampaignKind::Points | CampaignKind::Pass)
}

impl Worth {
    /// Until when a redemption of then can be reversed.
    pub(super) fn window_ends_ms(&self, at_ms: u64) -> u64 {
        let window_s = match self.definition.window_s.get() {
            0 => REVERSAL_WINDOW_DEFAULT_S,
            window_s => window_s,
        };
        at_ms + u64::from(window_s) * 1_000
    }

    /// The least amount that an order must have.
    pub fn least(&self) -> u64 {
        let steps = if self.definition.kind() == CampaignKind::Pass { &[] } else { &self.tiers[..] };
        steps.first().map_or(self.definition.threshold.get(), |tier| tier.threshold.get())
    }

    /// What so many units take off an amount, at a level.
    pub fn discount(&self, amount: u64, units: i128, level: u8) -> u64 {
        let definition = &self.definition;
        let (amount, threshold, value) =
            (u128::from(amount), u128::from(definition.threshold.get()), u128::from(definition.value.get()));
        let reached = self.tiers.iter().rfind(|tier| amount >= u128::from(tier.threshold.get()));
        let off = match definition.kind() {
            CampaignKind::AmountOff if !self.tiers.is_empty() => {
                reached.map_or(0, |tier| u128::from(tier.value.get()))
            }
            CampaignKind::AmountOff if definition.each() => value * (amount / threshold),
            CampaignKind::AmountOff => value,
            CampaignKind::PercentOff => (amount * value + 5_000) / 10_000,
            CampaignKind::FixedPrice => amount.saturating_sub(value),
            CampaignKind::StoredValue => units as u128,
            CampaignKind::Points => (units as u128 * value / 100).min(10_000_000_000),
            CampaignKind::Pass => (amount * u128::from(self.percent_at(level)) + 5_000) / 10_000,
            CampaignKind::Item | CampaignKind::Uses | CampaignKind::Stamps => 0,
        };
        let cap = match definition.cap.get() {
            0 => u128::MAX,
            cap => u128::from(cap),
        };
        u64::try_from(off.min(cap).min(amount)).expect("at most the amount")
    }

    /// Whether everything that is listed is named.
    pub(super) fn covers(&self, envelope: &Envelope, redeem: &OwnedRedeem) -> bool {
        let named = [
            (ScopeEntry::CHANNEL, u64::from(envelope.channel.0)),
            (ScopeEntry::STORE, redeem.store),
            (ScopeEntry::PRODUCT, redeem.product),
            (ScopeEntry::CATEGORY, redeem.category),
        ];
        named.into_iter().all(|(what, id)| self.lists(what, |listed| listed == id))
            && self.lists(ScopeEntry::SEGMENT, |listed| is_in(envelope, listed))
    }

    /// Whether the user of a command may get its cards.
    pub(super) fn may_be_got(&self, envelope: &Envelope) -> bool {
        self.lists(ScopeEntry::CLAIM_CHANNEL, |listed| listed == u64::from(envelope.channel.0))
            && self.lists(ScopeEntry::CLAIM_SEGMENT, |listed| is_in(envelope, listed))
    }

    /// Whether nothing of a sort is listed, or something that fits.
    fn lists(&self, what: u8, fits: impl Fn(u64) -> bool) -> bool {
        let mut listed = self.scope.iter().filter(|entry| entry.what == what).peekable();
        listed.peek().is_none() || listed.any(|entry| fits(entry.id.get()))
    }
}

/// Whether the user of a command is in a segment.
fn is_in(envelope: &Envelope, segment: u64) -> bool {
    envelope.segments.iter().any(|told| u64::from(told) == segment)
}

impl Oracle {
    /// REDEEM.
    pub(super) fn redeem(
        &mut self,
        envelope: &Envelope,
        redeem: &OwnedRedeem,
    ) -> (OwnedOutcome, Option<Redemption>) {
        let (mut card, flagged) = match self.redeemable(envelope, redeem) {
            Ok(found) => found,
            Err(refusal) => return (self.or_conflict(envelope, redeem, refusal), None),
        };
        if let Err(refusal) = self.room_for_pages(std::iter::once(redeem.card)) {
            return (refusal, None);
        }
        let worth = self.worth_of(&card);
        let units = worth.asked(&card, redeem, self.now_ms);
        let discount = worth.discount(redeem.amount, units, card.level);
        let (kind, spending) = (worth.definition.kind(), worth.definition.spending);
        let parts = card.spend(spending, self.now_ms, (units, false));
        card.available -= units;
        card.consumed += units;
        if card.available == 0 && card.held == 0 && !is_never_used(kind) {
            card.state = CardState::Used;
        }
        self.count_success(envelope, &told(&redeem.demand()));
        let at_ms = self.now_ms;
        let OwnedRedeem { card: id, order, .. } = *redeem;
        let available = narrow(card.balance(self.now_ms));
        self.cards.insert(id, card);
        let uses = self.uses;
        self.uses += 1;
        self.count_redeemed(id);
        let made = Redemption { card: id, units, reversed: 0, order, discount, at_ms, flagged, uses, parts };
        let answer = Redeemed { card: id, units: narrow(units), available, discount, at_ms };
        (OwnedOutcome::Redeemed(answer), Some(made))
    }

    pub(super) fn worth_of(&self, card: &Card) -> &Worth {
        &self.stocks[&card.campaign].campaign.as_ref().expect("cards have a campaign").worth
    }

    /// The card as it is, and whether its redemption is to be marked; or why not: steps 1 to 8.
    fn redeemable(&self, envelope: &Envelope, redeem: &OwnedRedeem) -> Result<(Card, bool), OwnedOutcome> {
        let Some(card) = self.own_card(envelope, redeem.card, redeem.generation) else {
            return Err(OwnedOutcome::refused(Code::NotFound));
        };
        let at_ms = self.occurred_ms(redeem, &card)?;
        self.may_be_used_at(envelope, redeem, &card, at_ms)?;
        let balance = card.balance(self.now_ms);
        let units = self.worth_of(&card).asked(&card, redeem, self.now_ms);
        if units > balance && units <= balance + card.held {
            return Err(short(Code::LockedByOtherOrder, card.campaign, units, balance));
        }
        let flagged = self.judge(envelope, &told(&redeem.demand()))?;
        self.rules_allow(redeem, &card)?;
        if units > balance {
            return Err(short(Code::BalanceExceeded, card.campaign, units, balance));
        }
        Ok((card, flagged))
    }

    /// Step 1a: when the card's validity is judged.
    fn occurred_ms(&self, redeem: &OwnedRedeem, card: &Card) -> Result<u64, OwnedOutcome> {
        let now_ms = self.now_ms;
        let Some(offline) = redeem.offline else { return Ok(now_ms) };
        let occurred_ms = offline.occurred_ms.get();
        if occurred_ms > now_ms + CLOCK_AHEAD_MAX_MS {
            return Err(OwnedOutcome::Refused { code: Code::ClockAhead, facts: OwnedFacts::Time(now_ms) });
        }
        let at_ms = if occurred_ms > now_ms { now_ms } else { occurred_ms };
        let (late_ms, late_s) = (now_ms - at_ms, u64::from(self.worth_of(card).extension.late_s.get()));
        if late_s == 0 || late_ms > late_s * 1_000 {
            let seconds = i128::from(late_ms / 1_000 + u64::from(late_ms % 1_000 != 0));
            return Err(short(Code::RuleFailed, card.campaign, seconds, i128::from(late_s)));
        }
        if at_ms < self.not_issued_before_ms(redeem.card, card) / 1_000 * 1_000 {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        Ok(at_ms)
    }

    /// A moment before which a card was not issued: when its batch was, or the first of the 64 around it that are of none.
    fn not_issued_before_ms(&self, id: CardId, card: &Card) -> u64 {
        let batches = &self.campaign(card.campaign).batches;
        let is_of_batch = |id: CardId| {
            batches.iter().any(|batch| (batch.first..batch.first + batch.cards).contains(&id.serial()))
        };
        if is_of_batch(id) {
            return card.issued_ms;
        }
        let first = CardId(id.0 / 64 * 64);
        let around = self.cards.range(first..=CardId(first.0 + 63)).filter(|(id, _)| !is_of_batch(**id));
        around.map(|(_, card)| card.issued_ms).min().expect("the card is one of them")
    }

    /// A refusal of a till that was offline, or the conflict that it is.
    fn or_conflict(&self, envelope: &Envelope, redeem: &OwnedRedeem, refusal: OwnedOutcome) -> OwnedOutcome {
        let Some(card) = self.own_card(envelope, redeem.card, redeem.generation) else { return refusal };
        let units = self.worth_of(&card).asked(&card, redeem, self.now_ms);
        let given = card.available + card.held + card.consumed + card.void;
        let is_conflict = match refusal.code() {
            Some(Code::Void | Code::Used | Code::Frozen | Code::LockedByOtherOrder) => true,
            Some(Code::BalanceExceeded) => units <= given,
            _ => false,
        };
        match refusal.code().filter(|_| is_conflict && redeem.offline.is_some()) {
            Some(why) => OwnedOutcome::OfflineConflict { card: redeem.card, why },
            None => refusal,
        }
    }

    /// Steps 2 to 5, but for what holds have of it.
    pub(super) fn may_be_used(
        &self,
        envelope: &Envelope,
        redeem: &OwnedRedeem,
        card: &Card,
    ) -> Result<(), OwnedOutcome> {
        self.may_be_used_at(envelope, redeem, card, self.now_ms)
    }

    /// The same, the card's validity judged at a time.
    fn may_be_used_at(
        &self,
        envelope: &Envelope,
        redeem: &OwnedRedeem,
        card: &Card,
        at_ms: u64,
    ) -> Result<(), OwnedOutcome> {
        self.usable_at(card, at_ms)?;
        self.is_open_for(card, at_ms)?;
        if !self.worth_of(card).covers(envelope, redeem) {
            return Err(OwnedOutcome::refused(Code::OutOfScope));
        }
        let told = card.owner.0 != 0 && redeem.user.0 != 0;
        if told && !self.is_one(envelope, card.owner, redeem.user) {
            return Err(OwnedOutcome::refused(Code::NotOwner));
        }
        Ok(())
    }

    /// Step 7: threshold, interval, and units that the kind takes.
    pub(super) fn rules_allow(&self, redeem: &OwnedRedeem, card: &Card) -> Result<(), OwnedOutcome> {
        let worth = self.worth_of(card);
        let (least, units) = (worth.least(), worth.asked(card, redeem, self.now_ms));
        if redeem.amount < least {
            let (amount, least) = (i128::from(redeem.amount), i128::from(least));
            return Err(short(Code::RuleFailed, card.campaign, amount, least));
        }
        let interval_ms = u64::from(worth.definition.interval_s.get()) * 1_000;
        let newest = self.newest_redemption(redeem.card);
        if newest.is_some_and(|(_, at_ms)| self.now_ms - at_ms < interval_ms) {
            return Err(short(Code::RuleFailed, card.campaign, units, 0));
        }
        if let Some(instead) = worth.instead(units, redeem.amount) {
            return Err(short(Code::RuleFailed, card.campaign, units, instead));
        }
        Ok(())
    }

    /// Steps 2 and 3: state and times.
    pub(super) fn usable(&self, card: &Card) -> Result<(), OwnedOutcome> {
        self.usable_at(card, self.now_ms)
    }

    fn usable_at(&self, card: &Card, at_ms: u64) -> Result<(), OwnedOutcome> {
        let refused = |code| Err(OwnedOutcome::refused(code));
        let at = |code, time_ms| Err(OwnedOutcome::Refused { code, facts: OwnedFacts::Time(time_ms) });
        let stock = &self.stocks[&card.campaign];
        let campaign = stock.campaign.as_ref().expect("cards have a campaign");
        match card.state {
            CardState::Void => return refused(Code::Void),
            CardState::Used => return refused(Code::Used),
            CardState::Inactive => return refused(Code::NotActive),
            CardState::Frozen => return refused(Code::Frozen),
            CardState::Active | CardState::Gifting if stock.terms.frozen => return refused(Code::Frozen),
            CardState::Active if campaign.state == CampaignState::Draft => return refused(Code::NotActive),
            CardState::Gifting => return refused(Code::LockedByOtherOrder),
            CardState::Active => {}
        }
        if at_ms < card.times.from_ms {
            return at(Code::NotStarted, card.times.from_ms);
        }
        if card.times.until_ms != 0 && at_ms >= card.times.until_ms {
            return at(Code::Expired, card.times.until_ms);
        }
        Ok(())
    }

    /// Under which id the card was used last, by what is recorded and not given back whole, and when: a redemption, or a hold.
    pub(super) fn newest_redemption(&self, card: CardId) -> Option<(OperationId, u64)> {
        let mut newest: Option<(u64, OperationId, u64)> = None;
        for (key, record) in self.records.iter().filter(|(_, record)| !self.is_gone(record)) {
            let by_hold = record.hold.iter().flat_map(|hold| &hold.cards);
            let is_recent = |at_ms: u64| at_ms + CLOCK_AHEAD_MAX_MS >= self.floor_ms;
            let by_hold = by_hold.filter(|line| line.card == card && line.returned < line.confirmed);
            let by_hold = by_hold.filter(|line| is_recent(line.at_ms));
            let redemption = record.redemption.iter();
            let redemption =
                redemption.filter(|one| one.card == card && (one.reversed < one.units || one.units == 0));
            let uses = redemption.map(|one| (one.uses, OperationId(key.2), one.at_ms));
            let uses = uses.chain(by_hold.map(|line| (line.uses, OperationId(key.2), line.at_ms)));
            newest = newest.into_iter().chain(uses).max();
        }
        newest.map(|(_, operation, at_ms)| (operation, at_ms))
    }

    /// REVERSE.
    pub(super) fn reverse(&mut self, envelope: &Envelope, id: OperationId, units: u32) -> OwnedOutcome {
        let key = key_beside(envelope, id);
        let Some(redemption) = self.record(key).and_then(|record| record.redemption.clone()) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let mut card = self.cards[&redemption.card].clone();
        if card.state == CardState::Void || card.ended {
            return OwnedOutcome::refused(Code::Void);
        }
        let definition = self.worth_of(&card).definition;
        if definition.kind() == CampaignKind::Pass {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        let end_ms = self.worth_of(&card).window_ends_ms(redemption.at_ms);
        if self.now_ms > end_ms {
            return OwnedOutcome::Refused { code: Code::ReversalWindow, facts: OwnedFacts::Time(end_ms) };
        }
        let left = redemption.units - redemption.reversed;
        if left == 0 {
            return OwnedOutcome::refused(Code::AlreadyReversed);
        }
        let asked = if units == 0 { left } else { i128::from(units) };
        if asked > left {
            return short(Code::ExceedsRedeemed, card.campaign, asked, left);
        }
        card.give_back(asked);
        self.grace(&mut card);
        let mut parts = redemption.parts.clone();
        card.unspend(&mut parts, asked, self.graced_ms(&definition));
        let available = narrow(card.balance(self.now_ms));
        self.note_end(redemption.card, card.times.until_ms);
        self.cards.insert(redemption.card, card);
        let record = self.records.get_mut(&key).expect("it was found");
        let made = record.redemption.as_mut().expect("it was found");
        made.reversed += asked;
        made.parts = parts;
        OwnedOutcome::Reversed { units: narrow(asked), available }
    }

    /// Until when what gets units back now lives at least.
    pub(super) fn graced_ms(&self, definition: &Definition) -> Option<u64> {
        let grace_s = definition.grace_s.get();
        (grace_s != 0).then(|| self.now_ms + u64::from(grace_s) * 1_000)
    }

    /// A card that was given back lives for a grace at least.
    pub(super) fn grace(&self, card: &mut Card) {
        let graced_ms = self.graced_ms(&self.worth_of(card).definition).unwrap_or(0);
        if card.times.until_ms != 0 && card.times.until_ms < graced_ms {
            card.times = card.times.until(graced_ms);
        }
    }
}

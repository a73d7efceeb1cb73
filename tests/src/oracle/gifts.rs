//! The oracle on gifts: who may accept a card, until when, and whose it is then.
//!
//! Invariant: a card is *gifting* if and only if it has a gift that is not over.

use super::Oracle;
use super::campaigns::short;
use super::cards::Card;
use crate::outcome::{OwnedFacts, OwnedOutcome};
use scrip_engine::command::{CampaignKind, CardState, Envelope, GiftWish};
use scrip_engine::ids::{CardId, UserId};
use scrip_engine::limits::WALLET_CARDS_SCANNED_MAX;
use scrip_engine::rejection::Code;

/// What a GIFT made that was neither accepted nor taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gift {
    /// Who may accept it; 0: anybody.
    pub to: UserId,
    /// Until then.
    pub deadline_ms: u64,
}

impl Oracle {
    /// Cards whose gifts are over are active again; gifts that ended before the floor are forgotten.
    pub(super) fn end_gifts(&mut self) {
        let (now_ms, floor_ms) = (self.now_ms, self.floor_ms);
        for card in self.cards.values_mut().filter(|card| card.gift.is_some()) {
            let over = card.gift.is_some_and(|gift| now_ms >= gift.deadline_ms);
            if over && card.state == CardState::Gifting {
                card.state = CardState::Active;
            }
            card.gift = card.gift.filter(|gift| gift.deadline_ms >= floor_ms);
        }
    }

    /// Gifts that are remembered.
    pub fn gifts(&self) -> usize {
        self.cards.values().filter(|card| card.gift.is_some()).count()
    }

    /// GIFT, ACCEPT_GIFT, CANCEL_GIFT.
    pub(super) fn gift(
        &mut self,
        envelope: &Envelope,
        (id, generation): (CardId, Option<u8>),
        wish: GiftWish,
    ) -> OwnedOutcome {
        let Some(card) = self.own_card(envelope, id, generation) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        let changed = match wish {
            GiftWish::Give { user, to, lasts_s } => self.given(envelope, card, (user, to, lasts_s)),
            GiftWish::Accept { user } => self.accepted(envelope, id, card, user),
            GiftWish::Cancel { user } => self.taken_back(envelope, card, user),
        };
        match changed {
            Ok((card, value)) => {
                self.cards.insert(id, card);
                OwnedOutcome::StockChanged { value }
            }
            Err(refusal) => refusal,
        }
    }

    fn given(
        &self,
        envelope: &Envelope,
        mut card: Card,
        (user, to, lasts_s): (UserId, UserId, u32),
    ) -> Result<(Card, u64), OwnedOutcome> {
        let kind = self.worth_of(&card).definition.kind();
        let personal = matches!(kind, CampaignKind::Stamps | CampaignKind::Points | CampaignKind::Pass);
        if personal || card.owner == UserId(0) || card.generation == 31 {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        self.not_over(&card)?;
        if user.0 != 0 && !self.is_one(envelope, user, card.owner) {
            return Err(OwnedOutcome::refused(Code::NotOwner));
        }
        if to.0 != 0 && self.is_one(envelope, to, card.owner) {
            return Err(OwnedOutcome::refused(Code::RuleFailed));
        }
        if card.held > 0 {
            return Err(short(Code::LockedByOtherOrder, card.campaign, card.held, card.available));
        }
        let deadline_ms = self.now_ms + u64::from(lasts_s) * 1_000;
        card.state = CardState::Gifting;
        card.gift = Some(Gift { to, deadline_ms });
        Ok((card, deadline_ms))
    }

    /// Steps 2 and 3, but that a card which is not valid yet may pass.
    fn not_over(&self, card: &Card) -> Result<(), OwnedOutcome> {
        match self.usable(card) {
            Err(OwnedOutcome::Refused { code: Code::NotStarted, .. }) | Ok(()) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// The gift of a card that can be accepted or taken back.
    fn open_gift(&self, card: &Card) -> Result<Gift, OwnedOutcome> {
        // Apart from being given and from its times, it must be usable.
        let state = if card.state == CardState::Gifting { CardState::Active } else { card.state };
        match self.usable(&Card { state, ..card.clone() }) {
            Err(refusal) if !refusal.tells_time() => return Err(refusal),
            _ => {}
        }
        match card.gift {
            None => Err(OwnedOutcome::refused(Code::RuleFailed)),
            Some(Gift { deadline_ms, .. }) if self.now_ms >= deadline_ms => {
                Err(OwnedOutcome::Refused { code: Code::Expired, facts: OwnedFacts::Time(deadline_ms) })
            }
            Some(gift) => Ok(gift),
        }
    }

    fn accepted(
        &mut self,
        envelope: &Envelope,
        id: CardId,
        mut card: Card,
        user: UserId,
    ) -> Result<(Card, u64), OwnedOutcome> {
        let gift = self.open_gift(&card)?;
        self.not_over(&Card { state: CardState::Active, ..card.clone() })?;
        let foreign = gift.to.0 != 0 && !self.is_one(envelope, gift.to, user);
        if foreign || self.is_one(envelope, user, card.owner) {
            return Err(OwnedOutcome::refused(Code::NotOwner));
        }
        let newer = self.cards.iter().filter(|(other, one)| {
            let same = one.owner == card.owner && other.slot() == id.slot();
            same && self.stocks[&one.campaign].merchant == envelope.merchant.0
                && (one.received, **other) > (card.received, id)
        });
        let most = WALLET_CARDS_SCANNED_MAX;
        if newer.count() > most {
            return Err(short(Code::RuleFailed, card.campaign, most as i128 + 1, most as i128));
        }
        card.owner = user;
        card.generation += 1;
        card.state = CardState::Active;
        card.gift = None;
        card.received = self.issues;
        self.issues += 1;
        let generation = u64::from(card.generation);
        Ok((card, generation))
    }

    fn taken_back(
        &self,
        envelope: &Envelope,
        mut card: Card,
        user: UserId,
    ) -> Result<(Card, u64), OwnedOutcome> {
        self.open_gift(&card)?;
        if user.0 != 0 && !self.is_one(envelope, user, card.owner) {
            return Err(OwnedOutcome::refused(Code::NotOwner));
        }
        card.state = CardState::Active;
        card.gift = None;
        Ok((card, CardState::Active as u64))
    }
}

//! Drawing what ends cards: batches that are void, and those that have expired, campaigns hardly ever; cards that are recycled or
//! merged.
//!
//! Invariant: a batch that is to be recycled has an end mostly, and that has passed as soon as there is any such batch.

use super::Generator;
use crate::oracle::{Card, Oracle, Stock};
use crate::request::CardCommand;
use scrip_engine::command::{
    BatchEnd, CampaignKind, CampaignState, CardState, Envelope, QuoteCard, RecycleInto,
};
use scrip_engine::ids::{CardId, StockId};
use scrip_engine::limits::TTL_MAX_MS;
use std::collections::BTreeSet;

impl Generator {
    /// A CAMPAIGN_VOID, CARD_BATCH_VOID or CARD_BATCH_RECYCLE.
    pub(super) fn ending(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let reason = self.rng.u16(0..3);
        if self.rng.u8(0..24) == 0 {
            return self.void_campaign(oracle, envelope, reason);
        }
        let recycles = self.rng.u8(0..3) > 0;
        let end = if recycles { BatchEnd::Recycle } else { BatchEnd::Void { reason } };
        let mut card = self.card(oracle, envelope, None);
        let mut wanted = Vec::new();
        for (id, stock) in &oracle.stocks {
            let Some(campaign) = &stock.campaign else { continue };
            for batch in &campaign.batches {
                // One of its cards may have a later end: then it is refused.
                let over_ms = batch.made.times.until_ms + u64::from(TTL_MAX_MS);
                let fits = !recycles || batch.latest_ms != 0 && over_ms <= self.now_ms;
                if fits && !batch.made.ended {
                    let first = CardId::new(id.slot(), campaign.number, batch.first);
                    wanted.push((stock.merchant, first, batch.cards));
                }
            }
        }
        if !wanted.is_empty() && self.rng.u8(0..5) > 0 {
            let (merchant, first, cards) = *self.choose(&wanted);
            card = CardId(first.0 + self.rng.u64(0..cards.min(70)));
            self.move_to(envelope, (merchant, card.slot()));
        }
        CardCommand::EndBatch { card, generation: self.generation(), end }
    }

    fn void_campaign(&mut self, oracle: &Oracle, envelope: &mut Envelope, reason: u16) -> CardCommand {
        let over = |id: &StockId| {
            let campaign = oracle.stocks[id].campaign.as_ref();
            campaign.is_some_and(|campaign| {
                matches!(campaign.state, CampaignState::Stopped | CampaignState::Void)
            })
        };
        let ended: Vec<StockId> = oracle.stocks.keys().filter(|id| over(id)).copied().collect();
        let mut campaign = self.any_campaign(oracle, envelope);
        // One that runs has the longest story.
        if !ended.is_empty() && self.rng.u8(0..4) > 0 {
            campaign = *self.choose(&ended);
            self.move_to(envelope, (oracle.stocks[&campaign].merchant, campaign.slot()));
        }
        let version = self.version(oracle.stocks.get(&campaign));
        CardCommand::Void { campaign, version, reason }
    }

    /// The kind of a card's campaign.
    fn kind_of(oracle: &Oracle, card: &Card) -> CampaignKind {
        let campaign = oracle.stocks[&card.campaign].campaign.as_ref().expect("cards have a campaign");
        campaign.worth.definition.kind()
    }

    /// A RECYCLE, of a card that has expired mostly.
    pub(super) fn recycle(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let over = |card: &Card| card.times.until_ms != 0 && card.times.until_ms <= self.now_ms;
        let live = |card: &Card| !matches!(card.state, CardState::Used | CardState::Void);
        let expired: Vec<CardId> =
            oracle.cards.iter().filter(|(_, card)| over(card) && live(card)).map(|(id, _)| *id).collect();
        let mut card = self.card(oracle, envelope, None);
        if !expired.is_empty() && self.rng.u8(0..6) > 0 {
            card = expired[self.recent(expired.len())];
            let merchant = oracle.stocks[&oracle.cards[&card].campaign].merchant;
            self.move_to(envelope, (merchant, card.slot()));
        }
        let found = oracle.cards.get(&card);
        let into = match self.rng.u8(0..5) {
            0 => RecycleInto::Supply,
            1..3 => {
                let his = |(id, one): &(&CardId, &Card)| {
                    id.slot() == card.slot()
                        && Generator::kind_of(oracle, one) == CampaignKind::Points
                        && found.is_some_and(|found| found.owner == one.owner)
                };
                let points: Vec<CardId> = oracle.cards.iter().filter(his).map(|(id, _)| *id).collect();
                let other = if points.is_empty() || self.rng.u8(0..5) == 0 {
                    CardId(card.0 >> CardId::SERIAL_BITS << CardId::SERIAL_BITS | self.rng.u64(0..20))
                } else {
                    *self.choose(&points)
                };
                RecycleInto::Points { card: other, units: *self.choose(&[1, 3, 10, 1_000_000_000]) }
            }
            _ => {
                let with_budget = |(id, stock): &(&StockId, &Stock)| {
                    let campaign = stock.campaign.as_ref();
                    let definition = campaign.map(|campaign| &campaign.worth.definition);
                    (id.slot(), stock.merchant) == (card.slot(), envelope.merchant.0)
                        && definition.is_some_and(|one| one.budget != 0 || one.budget_per_day != 0)
                };
                let budgeted: Vec<StockId> =
                    oracle.stocks.iter().filter(with_budget).map(|(id, _)| *id).collect();
                let mut before = *envelope;
                RecycleInto::Campaign(match self.rng.bool() && !budgeted.is_empty() {
                    true => *self.choose(&budgeted),
                    false => self.any_campaign(oracle, &mut before),
                })
            }
        };
        CardCommand::Recycle { card, generation: self.generation(), into }
    }

    /// A MERGE, of cards of one owner and campaign mostly.
    pub(super) fn merge(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let any_state = self.rng.u8(0..4) == 0;
        let filled = |(_, card): &(&CardId, &Card)| {
            Generator::kind_of(oracle, card).is_filled() && (any_state || card.state == CardState::Active)
        };
        let fitting: Vec<CardId> = oracle.cards.iter().filter(filled).map(|(id, _)| *id).collect();
        let mut into = self.card(oracle, envelope, Some(CardState::Active));
        if !fitting.is_empty() && self.rng.u8(0..10) > 0 {
            into = *self.choose(&fitting);
            let merchant = oracle.stocks[&oracle.cards[&into].campaign].merchant;
            self.move_to(envelope, (merchant, into.slot()));
        }
        let like = |(id, card): &(&CardId, &Card)| {
            let wanted = oracle.cards.get(&into);
            wanted.is_some_and(|wanted| (wanted.campaign, wanted.owner) == (card.campaign, card.owner))
                && **id != into
                && (any_state || card.state == CardState::Active)
        };
        let alike: Vec<CardId> = oracle.cards.iter().filter(like).map(|(id, _)| *id).collect();
        let mut from = BTreeSet::new();
        for _ in 0..*self.choose(&[1, 1, 2, 3, 16]) {
            let other = match self.rng.u8(0..16) {
                1.. if !alike.is_empty() => *self.choose(&alike),
                _ if !fitting.is_empty() => *self.choose(&fitting),
                _ => CardId(into.0 ^ 1),
            };
            from.insert(if other == into { CardId(into.0 ^ 1) } else { other });
        }
        let from = from.into_iter().map(|card| QuoteCard::new(card, None)).collect();
        CardCommand::Merge { into, generation: self.generation(), from }
    }
}

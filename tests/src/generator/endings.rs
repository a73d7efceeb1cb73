//! Drawing what ends many cards at once: batches that are void, and those that have expired, campaigns hardly ever.
//!
//! Invariant: a batch that is to be recycled has an end mostly, and that has passed as soon as there is any such batch.

use super::Generator;
use crate::oracle::Oracle;
use crate::request::CardCommand;
use scrip_engine::command::{BatchEnd, CampaignState, Envelope};
use scrip_engine::ids::{CardId, StockId};
use scrip_engine::limits::TTL_MAX_MS;

impl Generator {
    /// A CAMPAIGN_VOID, CARD_BATCH_VOID or CARD_BATCH_RECYCLE.
    pub(super) fn ending(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let reason = self.rng.u16(0..3);
        if self.rng.u8(0..8) == 0 {
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
}

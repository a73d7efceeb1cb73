//! Many cards at once: a campaign or a batch of bearer cards is void, an expired batch goes back to the supply.
//!
//! They stand apart from the other calls on cards so that both files stay in one view. Invariant: each call is one command under the
//! operation that it is given, so that it may be made again.

use crate::answer::{OwnedOutcome, StockChanged};
use crate::cards::CardName;
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_engine::command::{BatchEnd, Command};
use scrip_engine::ids::StockId;

/// CAMPAIGN_VOID: a campaign is void, with all of its cards that were not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignVoid {
    /// Makes it idempotent.
    pub operation: Operation,
    /// The campaign.
    pub campaign: StockId,
    /// The version that was seen.
    pub version: u32,
    /// The merchant's reason; goes to the log.
    pub reason: u16,
}

impl Client {
    /// Voids a campaign, for good. The answer's value is how many cards are void by it.
    pub async fn campaign_void(&self, request: CampaignVoid) -> Result<StockChanged, Error> {
        let CampaignVoid { operation, campaign, version, reason } = request;
        self.change(operation, campaign, Command::CampaignVoid { campaign, version, reason }).await
    }

    /// Voids the batch of bearer cards that this card lies in, for good. The answer's value is how many cards are void by it.
    pub async fn card_batch_void(
        &self,
        operation: Operation,
        card: CardName,
        reason: u16,
    ) -> Result<StockChanged, Error> {
        self.end_batch(operation, card, BatchEnd::Void { reason }).await
    }

    /// Gives the batch of bearer cards that this card lies in, all of which have expired, back to the supply of its campaign. The
    /// answer's value is how many cards can be issued again by it.
    pub async fn card_batch_recycle(
        &self,
        operation: Operation,
        card: CardName,
    ) -> Result<StockChanged, Error> {
        self.end_batch(operation, card, BatchEnd::Recycle).await
    }

    async fn end_batch(
        &self,
        operation: Operation,
        name: CardName,
        end: BatchEnd,
    ) -> Result<StockChanged, Error> {
        let (card, code) = name.parts();
        let command = Command::CardBatchEnd { card, generation: None, end };
        match self.call_by_code(operation, name.slot(), command, code).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }
}

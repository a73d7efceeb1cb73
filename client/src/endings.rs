//! Cards that end: a campaign or a batch of bearer cards is void, an expired batch or card goes back to the supply or is exchanged,
//! cards become one.
//!
//! They stand apart from the other calls on cards so that both files stay in one view. Invariant: each call is one command under the
//! operation that it is given, so that it may be made again.

use crate::accounts::Filled;
use crate::answer::{OwnedOutcome, StockChanged};
use crate::cards::CardName;
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_engine::command::{BatchEnd, Command, Merge, QuoteCard, RecycleInto};
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

    /// Ends an expired card: another can be issued in its place, or its owner gets points or a card of another campaign. The
    /// answer's value is 1, the balance of the card of points, or the new card's id.
    pub async fn card_recycle(
        &self,
        operation: Operation,
        name: CardName,
        into: RecycleInto,
    ) -> Result<StockChanged, Error> {
        let (card, code) = name.parts();
        let command = Command::Recycle { card, generation: None, into };
        match self.call_by_code(operation, name.slot(self.home_slot()), command, code).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Gives what these cards have to another one of the same campaign and owner, and voids them. The answer says how many units
    /// have moved, and the balance then.
    pub async fn card_merge(
        &self,
        operation: Operation,
        name: CardName,
        from: &[CardName],
    ) -> Result<Filled, Error> {
        let (into, code) = name.parts();
        let mut sources = Vec::with_capacity(from.len());
        for source in from {
            sources.push(match source {
                CardName::Id(card) => QuoteCard::new(*card, None),
                CardName::Code(_) | CardName::Given { .. } => {
                    let view = self.card_show(*source).await?;
                    QuoteCard::new(view.card, Some(view.generation))
                }
            });
        }
        let command = Command::Merge(Merge { into, generation: None, from: &sources });
        match self.call_by_code(operation, name.slot(self.home_slot()), command, code).await? {
            OwnedOutcome::Filled { units, available } => Ok(Filled { units, available }),
            _ => Err(wrong_answer()),
        }
    }

    async fn end_batch(
        &self,
        operation: Operation,
        name: CardName,
        end: BatchEnd,
    ) -> Result<StockChanged, Error> {
        let (card, code) = name.parts();
        let command = Command::CardBatchEnd { card, generation: None, end };
        match self.call_by_code(operation, name.slot(self.home_slot()), command, code).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }
}

//! `scrip campaign void`, `scrip card void-batch` and `recycle-batch`: many cards end at once.
//!
//! Invariant: nothing ends without `--yes`; a repeat under the same `--operation` prints what the first answer printed.

use super::super::words::{Kind, grouped};
use super::super::{Failure, OperatorError};
use super::account::once_about;
use crate::cli::{AccountArgs, CampaignVoidArgs, VoidBatchArgs};
use scrip_client::{CampaignState, CampaignVoid, CardName, Client, Operation, StockId};

/// Voids a campaign in the version that was looked at.
pub(super) async fn void_campaign(
    client: &Client,
    campaign: StockId,
    arguments: &CampaignVoidArgs,
) -> Result<(), Failure> {
    let shown = client.campaign_show(campaign).await?;
    if shown.state == CampaignState::Void {
        return Ok(());
    }
    if !arguments.end.yes {
        let issued = grouped(shown.issued);
        return Err(Failure::Wish(format!(
            "{issued} cards of {} were issued: all that were not used would be void, for good. Add --yes to do it",
            arguments.name
        )));
    }
    let (operation, version, reason) = (client.operation(), shown.version, arguments.end.reason);
    let voided = client.campaign_void(CampaignVoid { operation, campaign, version, reason }).await?;
    println!("voided     {} cards", grouped(voided.value));
    Ok(())
}

pub(super) fn void_batch(arguments: &VoidBatchArgs) -> Result<(), OperatorError> {
    if !arguments.end.yes {
        let why = "all bearer cards that were issued together with this one and not used would be void, for good. Add --yes to do it";
        return Err(OperatorError::Wish(why.into()));
    }
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        client.card_batch_void(operation, card, arguments.end.reason).await
    };
    let print = |voided: scrip_client::StockChanged| println!("voided     {} cards", grouped(voided.value));
    once_about(Kind::CardBatch, &arguments.card, attempt, print)
}

pub(super) fn recycle_batch(arguments: &AccountArgs) -> Result<(), OperatorError> {
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        client.card_batch_recycle(operation, card).await
    };
    let print = |back: scrip_client::StockChanged| {
        println!("recycled   {} cards can be issued again", grouped(back.value))
    };
    once_about(Kind::CardBatch, arguments, attempt, print)
}

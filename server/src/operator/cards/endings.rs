//! `scrip campaign void`, `scrip card void-batch` and `recycle-batch`: many cards end at once; `recycle` and `merge`: cards end for
//! something else.
//!
//! Invariant: nothing ends without `--yes`; a repeat under the same `--operation` prints what the first answer printed.

use super::super::words::{Kind, grouped};
use super::super::{Failure, OperatorError};
use super::account::once_about;
use super::named;
use crate::cli::{AccountArgs, CampaignVoidArgs, MergeArgs, RecycleArgs, VoidBatchArgs};
use scrip_client::{CampaignState, CampaignVoid, CardId, CardName, Client, Operation, RecycleInto, StockId};

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

pub(super) fn recycle(arguments: &RecycleArgs) -> Result<(), OperatorError> {
    let points = arguments.points.as_deref().map(named).transpose().map_err(wish)?;
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        let into = match (points, &arguments.campaign) {
            (Some(points), _) => {
                let card = match points {
                    CardName::Id(card) => card,
                    code => client.card_show(code).await?.card,
                };
                RecycleInto::Points { card, units: arguments.units.unwrap_or(0) }
            }
            (None, Some(campaign)) => RecycleInto::Campaign(client.stock_id(campaign)?),
            (None, None) => RecycleInto::Supply,
        };
        client.card_recycle(operation, card, into).await
    };
    let print = |given: scrip_client::StockChanged| match (&arguments.points, &arguments.campaign) {
        (Some(_), _) => println!("balance    {} points", given.value),
        (None, Some(_)) => println!("card       {}", CardId(given.value)),
        (None, None) => println!("recycled   another card can be issued"),
    };
    once_about(Kind::Recycle, &arguments.card, attempt, print)
}

/// What was typed makes no sense; no server was asked.
fn wish(failure: Failure) -> OperatorError {
    match failure {
        Failure::Wish(what) => OperatorError::Wish(what),
        _ => unreachable!("no server was asked"),
    }
}

pub(super) fn merge(arguments: &MergeArgs) -> Result<(), OperatorError> {
    let from = arguments.from.iter().map(|card| named(card)).collect::<Result<Vec<CardName>, Failure>>();
    let from = from.map_err(wish)?;
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        client.card_merge(operation, card, &from).await
    };
    once_about(Kind::Merge, &arguments.card, attempt, |merged| {
        println!("merged     {} units of {} cards", merged.units, arguments.from.len());
        println!("balance    {}", merged.available);
    })
}

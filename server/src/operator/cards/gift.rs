//! `scrip card gift`, `accept` and `cancel-gift`: a card goes from one user to another.
//!
//! Invariant: a repeat under the same `--operation` prints what the first answer printed; no code is printed.

use super::super::OperatorError;
use super::super::words::{Kind, time};
use super::account::once_about;
use crate::cli::{AcceptArgs, CancelGiftArgs, GiftArgs};
use scrip_client::{CardName, Client, Gift, Operation};

pub(super) fn gift(arguments: &GiftArgs) -> Result<(), OperatorError> {
    let lasts_s = u32::try_from(arguments.lasts.as_secs()).unwrap_or(u32::MAX);
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        let id = |user: &Option<String>| user.as_deref().map(|user| client.user_id(user)).transpose();
        let (user, to) = (id(&arguments.user)?.unwrap_or_default(), id(&arguments.to)?.unwrap_or_default());
        client.card_gift(Gift { operation, card, user, to, lasts_s }).await
    };
    once_about(Kind::Gift, &arguments.card, attempt, |given| println!("open until {}", time(given.value)))
}

pub(super) fn accept(arguments: &AcceptArgs) -> Result<(), OperatorError> {
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        client.card_accept(operation, card, client.user_id(&arguments.user)?).await
    };
    once_about(Kind::Gift, &arguments.card, attempt, |accepted| {
        println!("generation {}", accepted.value);
        println!("codes from before open nothing any more: `scrip code export` prints the new one");
    })
}

pub(super) fn cancel(arguments: &CancelGiftArgs) -> Result<(), OperatorError> {
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        let user = arguments.user.as_deref().map(|user| client.user_id(user)).transpose()?;
        client.card_cancel_gift(operation, card, user.unwrap_or_default()).await
    };
    once_about(Kind::Gift, &arguments.card, attempt, |_| println!("state      active"))
}

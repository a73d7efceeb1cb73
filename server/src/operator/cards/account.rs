//! `scrip card topup`, `earn`, `refund`, `renew` and `level`: the account of a card by hand.
//!
//! Invariant: a repeat under the same `--operation` prints what the first answer printed; money is not paid in or back twice.

use super::super::sale::print_operation;
use super::super::words::{Kind, Subject, time};
use super::super::{Failure, OperatorError, repeat, run};
use super::{money, named};
use crate::cli::{AccountArgs, EarnArgs, LevelArgs, RenewArgs, TopUpArgs};
use scrip_client::{CardName, Client, Error, Operation, TopUp};

/// Runs one of them, and prints its operation.
fn once<T>(
    arguments: &AccountArgs,
    attempt: impl AsyncFn(&Client, Operation, CardName) -> Result<T, Error>,
    print: impl Fn(T),
) -> Result<(), OperatorError> {
    once_about(Kind::Account, arguments, attempt, print)
}

/// The same, of any command on one card.
pub(super) fn once_about<T>(
    kind: Kind,
    arguments: &AccountArgs,
    attempt: impl AsyncFn(&Client, Operation, CardName) -> Result<T, Error>,
    print: impl Fn(T),
) -> Result<(), OperatorError> {
    let subject = Subject { kind, stocks: Vec::new(), reference: None };
    run(&arguments.server, arguments.channel, &subject, async |client| {
        let card = named(&arguments.card)?;
        let again = async |client: &Client, operation: Operation| attempt(client, operation, card).await;
        let (operation, answer) =
            repeat::once(client, &arguments.operation, card.slot(client.home_slot()), again).await?;
        print(answer);
        print_operation(&arguments.operation, operation);
        Ok::<(), Failure>(())
    })
}

pub(super) fn top_up(arguments: &TopUpArgs) -> Result<(), OperatorError> {
    let TopUpArgs { principal, bonus, until_ms, .. } = *arguments;
    let paid = arguments.paid.unwrap_or(principal);
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        client.card_top_up(TopUp { operation, card, principal, bonus, paid, until_ms }).await
    };
    once(&arguments.account, attempt, |filled| {
        println!("topped up  {}", money(u64::from(filled.units)));
        println!("balance    {}", money(u64::from(filled.available)));
    })
}

pub(super) fn earn(arguments: &EarnArgs) -> Result<(), OperatorError> {
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        client.card_earn(operation, card, arguments.units).await
    };
    once(&arguments.account, attempt, |filled| {
        println!("earned     {}", filled.units);
        println!("balance    {}", filled.available);
    })
}

pub(super) fn refund(arguments: &AccountArgs) -> Result<(), OperatorError> {
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        client.card_refund(operation, card).await
    };
    once(arguments, attempt, |refunded| {
        println!("voided     {} of principal", money(u64::from(refunded.units)));
        println!("pay back   {}", money(refunded.paid));
    })
}

pub(super) fn renew(arguments: &RenewArgs) -> Result<(), OperatorError> {
    let seconds = u32::try_from(arguments.lasts.as_secs()).unwrap_or(u32::MAX).max(1);
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        client.card_renew(operation, card, seconds).await
    };
    once(&arguments.account, attempt, |renewed| println!("valid to   {}", time(renewed.value)))
}

pub(super) fn level(arguments: &LevelArgs) -> Result<(), OperatorError> {
    let attempt = async |client: &Client, operation: Operation, card: CardName| {
        client.card_level(operation, card, arguments.level).await
    };
    once(&arguments.account, attempt, |levelled| println!("level      {}", levelled.value))
}

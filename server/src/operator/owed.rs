//! `scrip owed`: sales and replacements of card keys that wait for units.
//!
//! Invariant: the list is in the order in which they will be served, and none is shown twice. It is read page by page:
//! when some were served between two pages, the next page begins as much earlier, so that nobody is left out.

use super::words::{Kind, Subject, id_text, time};
use super::{OperatorError, run};
use crate::cli::OwedCommand;
use scrip_client::{ChannelId, DebtShown, OperationId, channel_name};
use std::collections::BTreeSet;

/// `scrip owed`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn owed(command: &OwedCommand) -> Result<(), OperatorError> {
    let OwedCommand::List { name, server } = command;
    let subject = Subject { kind: Kind::Stock, stocks: vec![name], reference: None };
    run(server, ChannelId(0), &subject, async |client| {
        let stock = client.stock_id(name)?;
        let (mut debts, mut seen): (Vec<DebtShown>, BTreeSet<(OperationId, Option<u32>)>) =
            Default::default();
        let (mut from, mut total) = (0u32, 0u32);
        loop {
            let page = client.owed_show(stock, from).await?;
            let served = total.saturating_sub(page.total);
            total = page.total;
            if served > 0 && from > 0 {
                from = from.saturating_sub(served);
                continue;
            }
            from += u32::try_from(page.debts.len()).unwrap_or(u32::MAX);
            let last = page.debts.is_empty() || from >= total;
            debts.extend(page.debts.into_iter().filter(|debt| seen.insert((debt.hold, debt.key))));
            if last {
                break;
            }
        }
        println!(
            "{:>8} {:>8}  {:<10} {:<36}  {:<36}  {:<20}  until",
            "position", "units", "channel", "hold", "order", "since"
        );
        for (place, debt) in debts.iter().enumerate() {
            println!("{:>8} {}", place + 1, line_of(debt));
        }
        let units: u64 = debts.iter().map(|debt| debt.units).sum();
        println!("{} owed, {units} units of {name}", debts.len());
        Ok(())
    })
}

fn line_of(debt: &DebtShown) -> String {
    let order = if debt.order.0 == 0 { "-".into() } else { id_text(OperationId(debt.order.0)) };
    let (hold, channel) = (id_text(debt.hold), channel_name(debt.channel));
    let (since, until) = (time(debt.since_ms), time(debt.until_ms));
    let what = debt.key.map_or(String::new(), |key| format!("  in place of key {key}"));
    format!("{:>8}  {channel:<10} {hold:<36}  {order:<36}  {since:<20}  {until}{what}", debt.units)
}

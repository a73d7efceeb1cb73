//! The small commands of `scrip keys`: batches, and the keys of a hold.
//!
//! Invariant: here only `reveal` prints what a key says; everything else prints its number and how its text ends.

use super::arguments::{BatchArgs, KeysCommand};
use super::{Failure, KeysError};
use crate::cli::CallArgs;
use crate::operator;
use scrip_client::{
    BatchChange, BatchShown, BatchState, BatchVerb, Client, Hold, KeyShown, KeysShown, Replaced, StockId,
};
use std::io::Write;

/// Runs any command but an import.
pub(super) async fn run(client: &Client, command: &KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::Import(_) | KeysCommand::Export(_) => unreachable!("these have modules of their own"),
        KeysCommand::Batches { stock, .. } => show_batches(client, client.stock_id(stock)?).await,
        KeysCommand::Freeze(batch) => change(client, batch, BatchVerb::Freeze).await,
        KeysCommand::Unfreeze(batch) => change(client, batch, BatchVerb::Unfreeze).await,
        KeysCommand::Void(batch) => change(client, batch, BatchVerb::Void).await,
        KeysCommand::Show(hold) => show_keys(client, hold).await,
        KeysCommand::Reveal(hold) => reveal(client, hold).await,
        KeysCommand::Replace { hold, key, reason } => {
            let (hold, operation) = (operator::hold_named(client, hold)?, client.operation());
            match client.key_replace(operation, hold, *key, *reason).await? {
                Replaced::By(page) => {
                    for new in page.keys {
                        println!("key {key} is void; in its place: {}", operator::key_line(&new));
                    }
                }
                Replaced::Owed(owed) => {
                    let until = operator::time(owed.until_ms);
                    println!("key {key} is void; another is owed, as soon as one can be had, until {until}");
                    println!("position   {}: `scrip owed list NAME` lists a stock's debts", owed.position);
                }
            }
            Ok(())
        }
        KeysCommand::Reclaim { hold, key, reason } => {
            let (hold, operation) = (operator::hold_named(client, hold)?, client.operation());
            match client.key_reclaim(operation, hold, *key, *reason).await?.value {
                0 => println!("key {key} is unsold again, and set aside or gone as its batch is"),
                _ => println!("key {key} is unsold again and can be bought"),
            }
            Ok(())
        }
    }
}

/// All batches of a stock.
pub(super) async fn batches(client: &Client, stock: StockId) -> Result<Vec<BatchShown>, Failure> {
    let mut all = Vec::new();
    loop {
        let from = u32::try_from(all.len()).expect("batches are few");
        let page = client.batches_show(stock, from).await?;
        let more = !page.batches.is_empty();
        all.extend(page.batches);
        if !more || all.len() >= page.total as usize {
            return Ok(all);
        }
    }
}

async fn show_batches(client: &Client, stock: StockId) -> Result<(), Failure> {
    println!(
        "{:>10} {:<8} {:>11} {:>11} {:>11} {:>11} {:>11} {:>9}  {:<24} supplier",
        "batch", "state", "imported", "unsold", "set aside", "sold", "void", "cost", "expires"
    );
    for batch in batches(client, stock).await? {
        let BatchShown { number, imported, unsold, moved, sold, void, cost, .. } = batch;
        let (state, expires) = (state_name(batch.state), batch.expires_ms.map_or("-".into(), operator::time));
        let supplier: String = batch.supplier.chars().filter(|letter| !letter.is_control()).collect();
        println!(
            "{number:>10} {state:<8} {imported:>11} {unsold:>11} {moved:>11} {sold:>11} {void:>11} {cost:>9}  {expires:<24} \
             {supplier}"
        );
    }
    Ok(())
}

/// A batch's state in a word.
pub(super) const fn state_name(state: BatchState) -> &'static str {
    match state {
        BatchState::Active => "active",
        BatchState::Frozen => "frozen",
        BatchState::Void => "void",
        BatchState::Expired => "expired",
    }
}

async fn change(client: &Client, arguments: &BatchArgs, change: BatchVerb) -> Result<(), Failure> {
    let BatchArgs { stock, batch, forced, .. } = arguments;
    let (batch, forced) = (*batch, *forced);
    if forced && change == BatchVerb::Unfreeze {
        return Err(KeysError::Wish("nothing is in the way of unfreezing: leave out --forced".into()).into());
    }
    let request =
        BatchChange { operation: client.operation(), stock: client.stock_id(stock)?, batch, change, forced };
    let moved = client.batch_change(request).await?.value;
    match change {
        BatchVerb::Freeze => {
            println!("batch {batch} is frozen: {moved} keys at once, those held as holds end")
        }
        BatchVerb::Unfreeze => println!("batch {batch} is active: {moved} keys are available again"),
        BatchVerb::Void => println!("batch {batch} is void: {moved} keys at once, those held as holds end"),
    }
    Ok(())
}

/// Hands over all keys of a hold, page by page; `first` is a page that is there already.
async fn each_key(
    client: &Client,
    hold: Hold,
    first: Option<KeysShown>,
    mut take: impl FnMut(KeyShown) -> Result<(), KeysError>,
) -> Result<(), Failure> {
    let mut page = match first {
        Some(page) => page,
        None => client.keys_read(hold, 0).await?,
    };
    let mut next = 0;
    loop {
        let more = !page.keys.is_empty();
        next += u32::try_from(page.keys.len()).expect("a page is small");
        let total = page.total;
        for key in page.keys {
            take(key)?;
        }
        if !more || next >= total {
            return Ok(());
        }
        page = client.keys_read(hold, next).await?;
    }
}

async fn show_keys(client: &Client, arguments: &CallArgs) -> Result<(), Failure> {
    let hold = operator::hold_named(client, arguments)?;
    each_key(client, hold, None, |key| {
        println!("{}", operator::key_line(&key));
        Ok(())
    })
    .await
}

async fn reveal(client: &Client, arguments: &CallArgs) -> Result<(), Failure> {
    let hold = operator::hold_named(client, arguments)?;
    let first = client.reveal(client.operation(), hold).await?;
    let mut out = std::io::stdout().lock();
    let printing = |error: std::io::Error| KeysError::Wish(format!("printing: {error}"));
    each_key(client, hold, Some(first), |key| {
        let Some(text) = key.text.filter(|_| !key.void) else { return Ok(()) };
        writeln!(out, "{}", text.reveal()).map_err(printing)
    })
    .await?;
    out.flush().map_err(printing)?;
    Ok(())
}

//! A delivery of card keys that a run makes itself: one batch, its chunks side by side.

use super::processes::RunError;
use scrip_client::{BatchCreate, Client, Error, KEYS_PER_CHUNK_MAX, KeysImport, KeysImported};
use scrip_loadgen::CardTexts;
use std::ops::Range;
use tokio::task::{JoinError, JoinSet};

/// Chunks on their way at once.
const CHUNKS_ON_THEIR_WAY: usize = 256;

/// A batch to be made.
pub struct Batch<'b> {
    /// Its number.
    pub number: u32,
    /// Where its keys are from.
    pub supplier: &'b str,
    /// The texts of the stock.
    pub texts: CardTexts,
}

/// Makes the batch and imports those texts; every one of them must be new.
///
/// # Errors
/// [`RunError`], if the server refuses, or has one of them already.
pub async fn import(
    client: &Client,
    stock: &str,
    batch: &Batch<'_>,
    numbers: Range<u64>,
) -> Result<(), RunError> {
    let stock = client.stock_id(stock)?;
    let (supplier, number, texts) = (batch.supplier.to_owned(), batch.number, batch.texts);
    let operation = client.operation();
    let create = BatchCreate { operation, stock, batch: number, supplier, cost: 0, expires_ms: 0 };
    client.batch_create(create).await?;
    let mut waiting = JoinSet::new();
    let mut taken = 0;
    let count = numbers.end - numbers.start;
    for from in numbers.clone().step_by(KEYS_PER_CHUNK_MAX) {
        while waiting.len() >= CHUNKS_ON_THEIR_WAY {
            taken += imported(waiting.join_next().await)?;
        }
        let client = client.clone();
        let until = numbers.end.min(from + KEYS_PER_CHUNK_MAX as u64);
        waiting.spawn(async move {
            let texts: Vec<String> = (from..until).map(|number| texts.text(number)).collect();
            let keys: Vec<&str> = texts.iter().map(String::as_str).collect();
            let operation = client.operation();
            client.keys_import(KeysImport { operation, stock, batch: number, keys: &keys }).await
        });
    }
    while let Some(done) = waiting.join_next().await {
        taken += imported(Some(done))?;
    }
    if taken == count { Ok(()) } else { Err(RunError::Other(format!("{taken} of {count} keys were taken"))) }
}

fn imported(done: Option<Result<Result<KeysImported, Error>, JoinError>>) -> Result<u64, RunError> {
    match done {
        Some(Ok(Ok(imported))) => Ok(u64::from(imported.taken.count_ones())),
        Some(Ok(Err(error))) => Err(error.into()),
        Some(Err(error)) => Err(RunError::Other(error.to_string())),
        None => Ok(0),
    }
}

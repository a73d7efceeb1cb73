//! The client's calls on card keys: batches, imports, the keys of holds, lists.
//!
//! They stand apart because most gateways need none but `reveal` and `keys_read`. Invariant: a text is handed over as a type
//! that does not print it.

use crate::answer::{
    BatchesShown, KeysImported, KeysListed, KeysShown, Owed, OwnedOutcome, Replaced, StockChanged,
};
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::{Hold, Operation};
use crate::request::{BatchChange, BatchCreate, KeysImport};
use scrip_engine::command::{Command, KeyBlock};
use scrip_engine::ids::{Slot, StockId};

impl Client {
    /// Makes a batch of a keys stock.
    pub async fn batch_create(&self, request: BatchCreate) -> Result<StockChanged, Error> {
        self.change(request.operation, request.stock, request.command()).await
    }

    /// Freezes, unfreezes or voids the unsold keys of a batch. The answer's value is how many at once; the rest is marked
    /// and follows as holds end.
    pub async fn batch_change(&self, request: BatchChange) -> Result<StockChanged, Error> {
        let BatchChange { operation, stock, batch, change, forced } = request;
        self.change(operation, stock, Command::BatchChange { stock, batch, change, forced }).await
    }

    /// Adds up to 64 card keys to a batch.
    pub async fn keys_import(&self, request: KeysImport<'_>) -> Result<KeysImported, Error> {
        let bytes = request.block();
        let KeysImport { operation, stock, batch, keys } = request;
        let block = KeyBlock::Plain { count: keys.len(), bytes: &bytes };
        match self.call(operation, stock.slot(), Command::KeysImport { stock, batch, block }).await? {
            OwnedOutcome::KeysImported { taken } => Ok(KeysImported { taken }),
            _ => Err(wrong_answer()),
        }
    }

    /// Shows the card keys of a hold that was confirmed hidden, and has that recorded.
    pub async fn reveal(&self, operation: Operation, hold: Hold) -> Result<KeysShown, Error> {
        self.keys(operation, hold.slot, Command::Reveal { hold: hold.operation.id }).await
    }

    /// Voids a card key of a confirmed hold and binds another in its place: the answer. If none can be had, it is owed for 30
    /// days: then repeat the call under the same operation, or read the hold's keys.
    pub async fn key_replace(
        &self,
        operation: Operation,
        hold: Hold,
        key: u32,
        reason: u16,
    ) -> Result<Replaced, Error> {
        let command = Command::KeyReplace { hold: hold.operation.id, key, reason };
        match self.call(operation, hold.slot, command).await? {
            OwnedOutcome::Keys(shown) => Ok(Replaced::By(shown)),
            OwnedOutcome::Owed { position, until_ms } => {
                Ok(Replaced::Owed(Owed { hold, position, until_ms }))
            }
            _ => Err(wrong_answer()),
        }
    }

    /// Takes a card key that was never shown back from a confirmed hold: `value` is 1 if it can be sold again, 0 if its
    /// batch is frozen or gone, or a mark has taken it.
    pub async fn key_reclaim(
        &self,
        operation: Operation,
        hold: Hold,
        key: u32,
        reason: u16,
    ) -> Result<StockChanged, Error> {
        let command = Command::KeyReclaim { hold: hold.operation.id, key, reason };
        match self.call(operation, hold.slot, command).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Lists the card keys of a stock, or of one batch of it, from a number on: where each stands, and how its text ends.
    pub async fn keys_list(
        &self,
        stock: StockId,
        batch: Option<u32>,
        from: u32,
    ) -> Result<KeysListed, Error> {
        self.listed(Operation::given(0, 0), stock, Command::KeysList { stock, batch, from }).await
    }

    /// The same with whole texts. That it was done is recorded under `operation`; the pages of one export are asked for under
    /// the same one.
    pub async fn keys_export(
        &self,
        operation: Operation,
        stock: StockId,
        batch: Option<u32>,
        from: u32,
    ) -> Result<KeysListed, Error> {
        self.listed(operation, stock, Command::KeysExport { stock, batch, from }).await
    }

    async fn listed(
        &self,
        operation: Operation,
        stock: StockId,
        command: Command<'_>,
    ) -> Result<KeysListed, Error> {
        match self.call(operation, stock.slot(), command).await? {
            OwnedOutcome::Listed(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }

    /// Reads the card keys of a confirmed hold from a position on, a page of them.
    pub async fn keys_read(&self, hold: Hold, from: u32) -> Result<KeysShown, Error> {
        let command = Command::KeysRead { hold: hold.operation.id, from };
        self.keys(Operation::given(0, 0), hold.slot, command).await
    }

    async fn keys(&self, operation: Operation, slot: Slot, command: Command<'_>) -> Result<KeysShown, Error> {
        match self.call(operation, slot, command).await? {
            OwnedOutcome::Keys(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }

    /// Shows the batches of a keys stock from a position on, a page of them in the order of sale.
    pub async fn batches_show(&self, stock: StockId, from: u32) -> Result<BatchesShown, Error> {
        let command = Command::BatchesShow { stock, from };
        match self.call(Operation::given(0, 0), stock.slot(), command).await? {
            OwnedOutcome::Batches(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }
}

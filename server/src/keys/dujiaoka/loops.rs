//! Loop keys: texts that served many buyers there become reusable stocks here, one for each.
//!
//! Each has a stock of its own because an order must be bound to the text it got, and a reusable stock sells the version in
//! force alone. What is on sale has units without end; what is not, those of the orders that got it, supplied right before each
//! is sold. Invariants: a text is made the version of its stock before the first order of it is sold; what was deleted there has
//! no unit left for sale, and its stock closes a day after the import began, should that be given up midway.

use super::super::{Failure, KeysError};
use super::books::LoopKey;
use super::carry::{Carrier, OF_LOOP, OF_LOOP_BATCH, OF_LOOP_STOCK, OF_LOOP_SUPPLY, SOLD_EXPIRES_MS};
use scrip_client::{
    Code, Error, KeysImport, STOCK_UNITS_MAX, StockCreate, StockId, StockKind, StockTerms, StockUnits,
};

/// A loop key that is in its stock.
#[derive(Debug, Clone, Copy)]
pub struct Offered {
    stock: StockId,
    /// Whether this import has brought its text.
    taken: bool,
}

impl Carrier<'_> {
    /// Puts a loop key into its stock; answers the stock and whether its text is new.
    pub async fn offer(&mut self, key: &LoopKey<'_>) -> Result<(StockId, bool), Failure> {
        if let Some(&Offered { stock, taken }) = self.offered.get(&key.row) {
            return Ok((stock, taken));
        }
        let stock = self.client.stock_id(&key.stock)?;
        self.create_reusable(stock, key).await?;
        let (row, [_, batch]) = (key.row.unsigned_abs(), self.batches());
        self.create_batch(self.ids.chunk(OF_LOOP_BATCH | row), stock, batch, 0).await?;
        let import = KeysImport { operation: self.ids.chunk(OF_LOOP | row), stock, batch, keys: &[key.text] };
        let taken = self.client.keys_import(import).await?.taken & 1 == 1;
        self.offered.insert(key.row, Offered { stock, taken });
        Ok((stock, taken))
    }

    /// The stock to sell an order's loop key from; nothing if its text was here before.
    pub async fn offer_to_order(
        &mut self,
        key: &LoopKey<'_>,
        units: u32,
    ) -> Result<Option<StockId>, Failure> {
        let (stock, taken) = self.offer(key).await?;
        if !taken {
            return Ok(None);
        }
        if !key.on_sale {
            let number = self.number();
            let operation = self.ids.chunk(OF_LOOP_SUPPLY | number);
            self.client.stock_supply(StockUnits { operation, stock, units: units.into() }).await?;
        }
        Ok(Some(stock))
    }

    async fn create_reusable(&self, stock: StockId, key: &LoopKey<'_>) -> Result<(), Failure> {
        let operation = self.ids.chunk(OF_LOOP_STOCK | key.row.unsigned_abs());
        let units = if key.on_sale { STOCK_UNITS_MAX } else { 0 };
        let create = StockCreate::new(operation, stock, &key.stock, units);
        let closes_ms = if key.on_sale { 0 } else { self.created_ms + SOLD_EXPIRES_MS };
        let terms = StockTerms { closes_ms, ..create.terms };
        match self.client.stock_create(StockCreate { kind: StockKind::Reusable, terms, ..create }).await {
            Err(Error::Rejected(rejection)) if rejection.code == Code::RuleFailed => {
                if self.client.stock_show(stock).await?.kind == StockKind::Reusable {
                    return Ok(());
                }
                let name = &key.stock;
                let why = "is there already, and is no reusable one: import beside it with another --prefix";
                Err(KeysError::Wish(format!("a stock {name:?} {why}")).into())
            }
            made => {
                made?;
                Ok(())
            }
        }
    }
}

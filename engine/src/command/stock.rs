//! What a stock is made of, and the rules of its sale.

use crate::ids::StockId;

/// A new stock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StockCreate<'a> {
    /// Its id; the slot inside must be the command's.
    pub stock: StockId,
    /// For people: UTF-8, at most 64 bytes.
    pub name: &'a [u8],
    /// Units available from the start.
    pub units: u64,
    /// What its units are.
    pub kind: StockKind,
    /// An order has at most one sale or hold of it, whatever the operations.
    pub once_per_order: bool,
    /// Sale rules.
    pub terms: StockTerms,
}

/// What the units of a stock are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockKind {
    /// All alike.
    Counter,
    /// Each is a card key: units come by KEYS_IMPORT alone, sold in the order of sale.
    Keys,
    /// The same, but sold in random order within a batch.
    RandomKeys {
        /// Chance, put in by the edge; not 0 once the command is executed, 0 wherever the stock is shown.
        seed: u64,
    },
    /// One text that every buyer gets: KEYS_IMPORT sets it, units are counted as of a counter.
    Reusable,
    /// Each is a card of a campaign: made by CAMPAIGN_CREATE, issued by ISSUE and CLAIM.
    Cards,
}

impl StockKind {
    /// Whether each unit is a card key of its own.
    pub const fn is_keys(self) -> bool {
        matches!(self, StockKind::Keys | StockKind::RandomKeys { .. })
    }
}

/// The sale rules of a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockTerms {
    /// No sale before this shard time; 0: none.
    pub opens_ms: u64,
    /// No sale from this shard time on; 0: none.
    pub closes_ms: u64,
    /// Units one user may hold and have bought; 0: no limit. Purchases are counted from the moment a limit exists.
    pub limit_per_user: u32,
    /// No sale while set, late confirms included.
    pub frozen: bool,
}

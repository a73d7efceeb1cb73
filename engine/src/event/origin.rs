//! Where events come from, and whose units they move. They stand apart from the table of events so that it stays in one view.

use crate::ids::{ChannelId, MerchantId, OperationId, OperationKey, OrderId, Slot, UserId};

/// Where an event comes from: the operation that caused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The tenant.
    pub merchant: MerchantId,
    /// The slot.
    pub slot: Slot,
    /// The channel.
    pub channel: ChannelId,
    /// The operation's id.
    pub operation: OperationId,
    /// When the caller made the id.
    pub created_ms: u64,
    /// Digest of the command's content.
    pub content: u64,
}

impl Origin {
    /// The key of the operation.
    pub const fn key(&self) -> OperationKey {
        OperationKey { merchant: self.merchant, slot: self.slot, operation: self.operation }
    }
}

/// Whose units: order and buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buyer {
    /// The order; 0: none.
    pub order: OrderId,
    /// The buyer; 0: none.
    pub user: UserId,
}

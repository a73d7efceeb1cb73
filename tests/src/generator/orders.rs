//! Which orders are asked for: those that holds were made for mostly, from the newest hold on or from one of them.
//!
//! Invariant: who asks is the merchant of the order, unless one is asked for that may not exist.

use super::Generator;
use crate::oracle::Oracle;
use crate::request::OwnedCommand;
use scrip_engine::command::Envelope;
use scrip_engine::ids::{MerchantId, OperationId, OrderId, Slot};

impl Generator {
    /// An ORDER_SHOW, by the merchant and in the slot of the order it asks for.
    pub(super) fn order_show(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> OwnedCommand {
        let limit = *self.choose(&[0, 0, 1, 1, 2, 3, 64, 65, u32::MAX]);
        let holds: Vec<_> = oracle
            .records
            .iter()
            .filter_map(|(key, record)| Some((*key, record.hold.as_ref()?.order)))
            .collect();
        if holds.is_empty() || self.happens(self.plan.chances.foreign) {
            let order = OrderId(self.rng.u128(0..=self.plan.buyers + 1));
            let after = OperationId(*self.choose(&[0, 0, self.ids]));
            return OwnedCommand::OrderShow { order, after, limit };
        }
        let ((merchant, slot, operation), order) = *self.choose(&holds);
        (envelope.merchant, envelope.slot) = (MerchantId(merchant), Slot(slot));
        let after = match self.rng.u8(0..8) {
            0..3 => 0,
            // Of another order mostly.
            3 => self.choose(&holds).0.2,
            _ => operation,
        };
        OwnedCommand::OrderShow { order, after: OperationId(after), limit }
    }
}

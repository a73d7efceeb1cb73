//! Which orders are asked for: those that holds were made for mostly, from the newest hold on or from one of them.
//!
//! Invariant: who asks is the merchant of the order, unless one is asked for that may not exist.

use super::Generator;
use crate::oracle::{Key, Oracle, Record};
use crate::request::OwnedCommand;
use scrip_engine::answer::HoldState;
use scrip_engine::command::Envelope;
use scrip_engine::ids::{MerchantId, OperationId, OrderId, Slot};

impl Generator {
    /// A hold that was confirmed, mostly. Where there are checkouts, one with a cart half of the time: of these are few.
    pub(super) fn returned_hold(&mut self, envelope: &mut Envelope, oracle: &Oracle) -> OperationId {
        let has_cart = |record: &Record| {
            let hold = record.hold.as_ref();
            hold.is_some_and(|hold| hold.state == HoldState::Confirmed && hold.cart.is_some())
        };
        if self.plan.checkouts && self.rng.bool() {
            let with_cart = oracle.records.iter().filter(|(_, record)| has_cart(record));
            let found: Vec<Key> = with_cart.map(|(key, _)| *key).collect();
            if !found.is_empty() {
                let (merchant, slot, operation) = found[self.recent(found.len())];
                self.move_to(envelope, (merchant, Slot(slot)));
                return OperationId(operation);
            }
        }
        self.hold(envelope, oracle, &[HoldState::Confirmed])
    }

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

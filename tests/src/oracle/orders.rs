//! The oracle on orders: what an order has bought once, it is answered with and not sold again; which holds were made for one.

use super::{Hold, Oracle};
use crate::outcome::{OwnedHold, OwnedOutcome};
use crate::request::{OwnedCommand, OwnedTake};
use scrip_engine::answer::{HoldState, More, OrderHold};
use scrip_engine::command::Envelope;
use scrip_engine::ids::{OperationId, OrderId, StockId};
use scrip_engine::rejection::Code;
use zerocopy::little_endian::{U16, U32, U64, U128};

impl Oracle {
    /// The hold that has the line of an order on a stock: held, owed, or confirmed with units left.
    pub(super) fn has_line(
        &self,
        merchant: u32,
        order: OrderId,
        stock: StockId,
    ) -> Option<(OperationId, &Hold)> {
        let open =
            |hold: &&Hold| matches!(hold.state, HoldState::Held | HoldState::Owed | HoldState::Confirmed);
        let mut alive = self.records.iter().filter_map(|((owner, slot, operation), record)| {
            let mine = *owner == merchant && *slot == stock.slot().0 && !self.is_gone(record);
            let hold = record.hold.as_ref().filter(|hold| mine && order.0 != 0 && hold.order == order);
            let hold = hold.filter(open)?;
            let left = |line: &super::HoldLine| match hold.state {
                HoldState::Held => line.reserved,
                HoldState::Owed => line.owed,
                _ => line.confirmed - line.returned,
            };
            let has = hold.lines.iter().any(|line| line.stock == stock && left(line) > 0);
            has.then_some((OperationId(*operation), hold))
        });
        let first = alive.next();
        assert!(alive.next().is_none(), "order {order:?} has {stock} once");
        first
    }

    /// ORDER_SHOW.
    pub(super) fn show_order(
        &self,
        envelope: &Envelope,
        (order, after, limit): (OrderId, OperationId, u32),
    ) -> OwnedOutcome {
        let mut made: Vec<(u64, OperationId, &Hold)> = self
            .records
            .iter()
            .filter(|((merchant, slot, _), record)| {
                (*merchant, *slot) == (envelope.merchant.0, envelope.slot.0) && !self.is_gone(record)
            })
            .filter_map(|(key, record)| Some((record.ordinal, OperationId(key.2), record.hold.as_ref()?)))
            .filter(|(.., hold)| order.0 != 0 && hold.order == order)
            .collect();
        made.sort_by_key(|(ordinal, ..)| core::cmp::Reverse(*ordinal));
        if after.0 != 0 {
            let Some(position) = made.iter().position(|(_, hold, _)| *hold == after) else {
                return OwnedOutcome::refused(Code::NotFound);
            };
            made.drain(..=position);
        }
        let count = if limit == 0 { 64 } else { limit.min(64) as usize };
        let more = if made.len() > count { More::Yes } else { More::No };
        let page = made.into_iter().take(count);
        OwnedOutcome::OrderHolds { more, holds: page.map(|(_, id, hold)| in_short(&hold.view(id))).collect() }
    }

    /// What a RESERVE or SELL is answered that asks for what its order has already.
    pub(super) fn first_of_order(&self, envelope: &Envelope, command: &OwnedCommand) -> Option<OwnedOutcome> {
        let of_cart;
        let (take, sale) = match command {
            OwnedCommand::QuoteReserve(quote) => {
                of_cart = quote.take();
                (&of_cart, None)
            }
            OwnedCommand::Reserve { take, .. } => (take, None),
            OwnedCommand::Sell { take, hidden, .. } => (take, Some(*hidden)),
            _ => return None,
        };
        let once = take.lines.iter().map(|wish| wish.stock).filter(|stock| {
            stock.slot() == envelope.slot
                && self.own_stock(envelope, *stock).is_some_and(|stock| stock.once_per_order)
        });
        let mut holds = once.filter_map(|stock| self.has_line(envelope.merchant.0, take.order, stock));
        let (operation, first) = holds.find(|(operation, _)| *operation != take.replace)?;
        let sold = matches!(first.state, HoldState::Confirmed | HoldState::Owed);
        if sold && sale == Some(first.hidden) && agrees(envelope, take, first) {
            let owed = self.owed_now(super::key_beside(envelope, operation), first);
            if owed.is_some() {
                return owed;
            }
            Some(self.key_replaced(first).unwrap_or_else(|| self.confirmed_answer(first)))
        } else {
            Some(OwnedOutcome::refused(Code::OperationMismatch))
        }
    }
}

/// A hold as its order shows it.
fn in_short(hold: &OwnedHold) -> OrderHold {
    OrderHold {
        hold: U128::new(hold.hold.0),
        user: U128::new(hold.user.0),
        reserved_ms: U64::new(hold.reserved_ms),
        deadline_ms: U64::new(hold.deadline_ms),
        closed_ms: U64::new(hold.closed_ms),
        stock: U64::new(hold.lines[0].stock.0),
        units: U32::new(hold.lines[0].reserved),
        channel: U16::new(hold.channel.0),
        refusal: U16::new(hold.refusal.map_or(0, |code| code as u16)),
        state: hold.state as u8,
        lines: hold.lines.len() as u8,
        flags: u8::from(hold.late) | u8::from(hold.flagged) << 1,
        spare: [0; 5],
    }
}

fn agrees(envelope: &Envelope, take: &OwnedTake, hold: &Hold) -> bool {
    hold.user == take.user
        && hold.channel == envelope.channel
        && hold.lines.len() == take.lines.len()
        && hold.cards.len() == take.cards.len()
        && hold
            .cards
            .iter()
            .zip(&take.cards)
            .all(|(line, wish)| line.card == wish.card() && line.confirmed == i128::from(wish.units.get()))
        && hold.lines.iter().zip(&take.lines).all(|(line, wish)| {
            let least = if take.partial { wish.units_min } else { wish.units };
            let sold = if hold.state == HoldState::Owed { line.owed } else { line.confirmed };
            line.stock == wish.stock && i128::from(least) <= sold && sold <= i128::from(wish.units)
        })
}

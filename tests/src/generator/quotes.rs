//! Drawing quotes: small carts whose lines fall under the scopes there are, with cards of one slot and merchant.
//!
//! Invariant: no card is named twice, and there are few enough for the oracle to try every combination of them.

use super::Generator;
use super::plan::pick;
use crate::oracle::{Oracle, QUOTED_MAX};
use crate::request::{CardCommand, OwnedCommand, OwnedQuote, OwnedQuoteReserve};
use scrip_engine::command::{CardState, CartLine, Envelope, QuoteCard, StockedLine};
use scrip_engine::ids::{OperationId, OrderId, StockId, UserId};

impl Generator {
    pub(super) fn quote(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let mut cards: Vec<QuoteCard> = Vec::new();
        for _ in 0..self.rng.usize(1..=QUOTED_MAX) {
            let wanted = *pick(&mut self.rng, &[None, Some(CardState::Active), Some(CardState::Active)]);
            let mut elsewhere = *envelope;
            let at = if cards.is_empty() { &mut *envelope } else { &mut elsewhere };
            let card = self.card(oracle, at, wanted);
            if cards.iter().all(|named| named.card() != card) {
                cards.push(QuoteCard::new(card, self.generation()));
            }
        }
        let owner = cards.iter().find_map(|card| Some(oracle.cards.get(&card.card())?.owner));
        let stranger = UserId(self.rng.u128(0..=self.plan.buyers));
        let user = if self.rng.u8(0..6) == 0 { stranger } else { owner.unwrap_or(stranger) };
        let best = self.rng.bool();
        if self.rng.u8(0..3) == 0 && oracle.wallet_of(envelope, user).len() <= QUOTED_MAX {
            cards.clear();
        }
        let count = self.rng.usize(1..=4);
        CardCommand::Quote(OwnedQuote {
            user,
            store: self.rng.u64(0..=3),
            best: best && !cards.is_empty(),
            lines: (0..count).map(|_| self.cart_line()).collect(),
            cards,
        })
    }

    /// A quote that becomes a hold: some of its lines are goods that lie where its cards do.
    pub(super) fn quote_reserve(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> OwnedCommand {
        let CardCommand::Quote(quote) = self.quote(oracle, envelope) else { unreachable!("it is a quote") };
        let is_here =
            |id: &StockId, merchant: u32| id.slot() == envelope.slot && merchant == envelope.merchant.0;
        let goods: Vec<StockId> = oracle
            .stocks
            .iter()
            .filter(|(id, stock)| is_here(id, stock.merchant) && stock.campaign.is_none())
            .map(|(id, _)| *id)
            .collect();
        let foreign = self.happens(self.plan.chances.foreign);
        let mut stocks = Vec::new();
        for at in 0..quote.lines.len() {
            let pieces = i128::from(quote.lines[at].quantity.get());
            let has_them = |id: &&StockId| oracle.stocks[id].available >= pieces;
            let there: Vec<StockId> = goods.iter().filter(has_them).copied().collect();
            let goods = if there.is_empty() || self.rng.u8(0..4) == 0 { &goods } else { &there };
            let stock = match goods.is_empty() || foreign {
                true => self.stock(oracle, &mut envelope.clone()),
                false => goods[self.rng.usize(0..goods.len())],
            };
            stocks.push(if at > 0 && self.rng.u8(0..4) == 0 { StockId(0) } else { stock });
        }
        let held: Vec<OperationId> = oracle
            .records
            .iter()
            .filter(|((merchant, slot, _), record)| {
                let hold = record.hold.as_ref();
                (*merchant, *slot) == (envelope.merchant.0, envelope.slot.0)
                    && hold.is_some_and(|hold| hold.user == quote.user || hold.order.0 != 0)
            })
            .map(|(key, _)| OperationId(key.2))
            .collect();
        let replaces = !held.is_empty() && self.rng.u8(0..4) == 0;
        let replace = if replaces { held[self.rng.usize(0..held.len())] } else { OperationId(0) };
        let replace = if replace == envelope.operation { OperationId(0) } else { replace };
        let replaced = oracle.records.get(&(envelope.merchant.0, envelope.slot.0, replace.0));
        let order = replaced.and_then(|record| record.hold.as_ref()).map(|hold| hold.order);
        let order = order.unwrap_or(OrderId(self.rng.u128(0..=3)));
        let gross: u64 =
            quote.lines.iter().map(|line| line.unit_price.get() * u64::from(line.quantity.get())).sum();
        let line = |(stock, line): (StockId, &CartLine)| StockedLine::new(stock, *line);
        let lines: Vec<StockedLine> = stocks.into_iter().zip(&quote.lines).map(line).collect();
        let parties = self.parties();
        OwnedCommand::QuoteReserve(Box::new(OwnedQuoteReserve {
            order,
            user: quote.user,
            store: quote.store,
            best: quote.best,
            replace,
            parties,
            expected_total: self.happens(100).then_some(gross - gross.min(10)),
            ttl_ms: self.ttl_ms(true),
            lines,
            cards: quote.cards,
        }))
    }

    fn cart_line(&mut self) -> CartLine {
        let price = *pick(&mut self.rng, &[0, 1, 7, 33, 99, 100, 250, 999, 1_000, 4_321]);
        let pieces = *pick(&mut self.rng, &[1, 1, 1, 2, 3, 10]);
        CartLine::new(self.rng.u64(0..=3), self.rng.u64(0..=3), price, pieces)
    }
}

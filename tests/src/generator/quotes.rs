//! Drawing quotes: small carts whose lines fall under the scopes there are, with cards of one slot and merchant.
//!
//! Invariant: no card is named twice, and there are few enough for the oracle to try every combination of them.

use super::Generator;
use super::plan::pick;
use crate::oracle::{Oracle, QUOTED_MAX};
use crate::request::{CardCommand, OwnedQuote};
use scrip_engine::command::{CardState, CartLine, Envelope, QuoteCard};
use scrip_engine::ids::UserId;

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

    fn cart_line(&mut self) -> CartLine {
        let price = *pick(&mut self.rng, &[0, 1, 7, 33, 99, 100, 250, 999, 1_000, 4_321]);
        let pieces = *pick(&mut self.rng, &[1, 1, 1, 2, 3, 10]);
        CartLine::new(self.rng.u64(0..=3), self.rng.u64(0..=3), price, pieces)
    }
}

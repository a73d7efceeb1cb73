//! Drawing what becomes of gifts: cards that are given for a few seconds mostly, accepted by whoever may, and by others.
//!
//! Invariant: who asks for a gift that is open knows of it mostly, so that the last checks are reached, too.

use super::Generator;
use crate::oracle::{Card, Oracle};
use crate::request::CardCommand;
use scrip_engine::command::{CardState, Envelope, GiftWish};
use scrip_engine::ids::{CardId, UserId};
use scrip_engine::limits::GIFT_LASTS_MAX_S;

impl Generator {
    /// A GIFT, an ACCEPT_GIFT or a CANCEL_GIFT.
    pub(super) fn gift(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let given = |(_, card): &(&CardId, &Card)| card.gift.is_some();
        let of_gifts: Vec<CardId> = oracle.cards.iter().filter(given).map(|(id, _)| *id).collect();
        let gives = of_gifts.is_empty() || self.rng.u8(0..5) < 2;
        let card = if gives || self.rng.u8(0..6) == 0 {
            // Who accepts or cancels a gift may name a card that nobody gives, in any state.
            let wanted = match (gives, self.rng.u8(0..6)) {
                (true, 1..) => Some(CardState::Active),
                (false, 0..2) => Some(CardState::Inactive),
                _ => None,
            };
            self.card(oracle, envelope, wanted)
        } else {
            let card = *self.choose(&of_gifts);
            self.move_to(envelope, (oracle.stocks[&oracle.cards[&card].campaign].merchant, card.slot()));
            card
        };
        let found = oracle.cards.get(&card);
        let (owner, gift) =
            (found.map_or(UserId(0), |found| found.owner), found.and_then(|found| found.gift));
        let anybody = UserId(self.rng.u128(1..=self.plan.buyers + 1));
        let user = *self.choose(&[owner, owner, UserId(0), UserId(0), anybody]);
        let named = gift.map_or(anybody, |gift| if gift.to.0 == 0 { anybody } else { gift.to });
        let wish = if gives {
            let lasts_s = *self.choose(&[1, 2, 5, 5, 30, 600, GIFT_LASTS_MAX_S]);
            GiftWish::Give { user, to: *self.choose(&[UserId(0), anybody, anybody]), lasts_s }
        } else if self.rng.u8(0..3) == 0 {
            GiftWish::Cancel { user }
        } else {
            GiftWish::Accept { user: *self.choose(&[named, named, named, anybody]) }
        };
        CardCommand::Gift { card, generation: self.generation(), wish }
    }
}

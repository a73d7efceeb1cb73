//! The cards that checkouts bring along: a coupon of its own for each, and a gift card that many pay with.
//!
//! It stands beside the recipe because a check must say which cards a checkout named from its number alone. Invariant: no two
//! checkouts of a load name the same coupon, as long as there are as many coupons as checkouts.

use crate::error::LoadError;
use crate::ids::{THREAD_SHIFT, below, mix};
use crate::storm::AMOUNT;
use scrip_engine::command::CardLine;
use scrip_engine::ids::CardId;
use scrip_engine::limits::CARD_VALUE_MAX;
use serde::{Deserialize, Serialize};

/// Card lines of a checkout.
pub const CARD_LINES: usize = 2;
const FOR_GIFT_CARD: u64 = 0x94d0_49bb_1331_11eb;

/// Cards of one campaign, with the serials from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pile {
    /// The campaign's slot and its number in it.
    pub locator: u64,
    /// How many there are.
    pub cards: u64,
}

impl Pile {
    pub(crate) const fn card(&self, serial: u64) -> CardId {
        CardId(self.locator << CardId::SERIAL_BITS | serial)
    }
}

/// What checkouts have to pay with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purse {
    /// Cards of one unit, one for each checkout.
    pub coupons: Pile,
    /// Stored value.
    pub gift_cards: Pile,
    /// What a checkout pays with a gift card, in minor units.
    pub pays: u32,
    /// Threads of the load, which share the coupons.
    pub threads: u32,
}

impl Purse {
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let plan = |what: &str| Err(LoadError::Plan(what.to_owned()));
        if self.coupons.cards == 0 || self.gift_cards.cards == 0 {
            return plan("a campaign has issued no cards: `scrip card issue CAMPAIGN --count N` makes some");
        }
        if !(1..=CARD_VALUE_MAX.min(AMOUNT as u32)).contains(&self.pays) {
            return plan("a checkout pays 1 to 10,000 minor units with a gift card");
        }
        Ok(())
    }

    /// The coupon of the checkout with this number: each thread's numbers begin anew.
    pub(crate) const fn coupon(&self, number: u64) -> u64 {
        let of_thread = number & ((1 << THREAD_SHIFT) - 1);
        (of_thread * self.threads as u64 + (number >> THREAD_SHIFT)) % self.coupons.cards
    }

    /// The gift card that it pays with.
    pub(crate) fn gift_card(&self, content: u64) -> u64 {
        below(mix(content ^ FOR_GIFT_CARD), self.gift_cards.cards)
    }

    /// What the checkout with this number takes of cards.
    pub(crate) fn lines(&self, number: u64, content: u64) -> [CardLine; CARD_LINES] {
        [
            CardLine::new(self.coupons.card(self.coupon(number)), 1, AMOUNT),
            CardLine::new(self.gift_cards.card(self.gift_card(content)), self.pays, AMOUNT),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_checkout_has_a_coupon_of_its_own_whatever_the_threads() {
        for threads in [1, 2, 3] {
            let pile = |locator, cards| Pile { locator, cards };
            let purse = Purse { coupons: pile(5, 999), gift_cards: pile(6, 10), pays: 100, threads };
            let numbers = (0..u64::from(threads)).flat_map(|thread| {
                (0..999 / u64::from(threads)).map(move |number| thread << THREAD_SHIFT | number)
            });
            let mut coupons: Vec<u64> = numbers.map(|number| purse.coupon(number)).collect();
            coupons.sort_unstable();
            let count = coupons.len();
            coupons.dedup();
            assert_eq!((coupons.len(), count), (count, 999 / threads as usize * threads as usize));
        }
    }
}

//! Gifts: a card goes from one user to another.
//!
//! They stand apart from the other calls on cards so that both files stay in one view. Invariant: each call is one command under the
//! operation that it is given, so that it may be made again.

use crate::answer::{OwnedOutcome, StockChanged};
use crate::cards::CardName;
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_engine::command::{Command, GiftWish};
use scrip_engine::ids::UserId;

/// GIFT: a card is given to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gift {
    /// Makes it idempotent.
    pub operation: Operation,
    /// The card.
    pub card: CardName,
    /// Who gives it; 0: not checked.
    pub user: UserId,
    /// Who may accept it; 0: whoever the caller lets.
    pub to: UserId,
    /// Seconds for which it can be accepted: 1 to 2,592,000.
    pub lasts_s: u32,
}

impl Client {
    /// Gives a card to somebody. The answer's value is until when it can be accepted, ms since the Unix epoch.
    pub async fn card_gift(&self, request: Gift) -> Result<StockChanged, Error> {
        let Gift { operation, card, user, to, lasts_s } = request;
        self.gift(operation, card, GiftWish::Give { user, to, lasts_s }).await
    }

    /// Accepts a card that is being given. The answer's value is the generation of its code from now on: codes from before open
    /// nothing any more.
    pub async fn card_accept(
        &self,
        operation: Operation,
        card: CardName,
        user: UserId,
    ) -> Result<StockChanged, Error> {
        self.gift(operation, card, GiftWish::Accept { user }).await
    }

    /// Takes a card back that was not accepted yet; `user`: who gave it, 0: not checked. The answer's value is the card's
    /// state.
    pub async fn card_cancel_gift(
        &self,
        operation: Operation,
        card: CardName,
        user: UserId,
    ) -> Result<StockChanged, Error> {
        self.gift(operation, card, GiftWish::Cancel { user }).await
    }

    async fn gift(
        &self,
        operation: Operation,
        name: CardName,
        wish: GiftWish,
    ) -> Result<StockChanged, Error> {
        let (card, code) = name.parts();
        let command = Command::Gift { card, generation: None, wish };
        match self.call_by_code(operation, name.slot(self.home_slot()), command, code).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }
}

//! Cards that can be filled and memberships: paying in, earning, paying back, renewing, levels.
//!
//! They stand apart from the other calls on cards so that both files stay in one view. Invariant: each call is one command under the
//! operation that it is given, so that it may be made again.

use crate::answer::{OwnedOutcome, StockChanged};
use crate::cards::{CardName, NO_OPERATION};
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_engine::answer::{CardView, LotView};
use scrip_engine::command::{AccountWish, Command};

/// TOPUP: what is paid into a card of stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopUp {
    /// Makes it idempotent.
    pub operation: Operation,
    /// The card.
    pub card: CardName,
    /// Units that are paid for.
    pub principal: u32,
    /// Units that come with them.
    pub bonus: u32,
    /// What was paid for the principal, in minor units.
    pub paid: u32,
    /// When these units end, ms since the Unix epoch; 0: with the card.
    pub until_ms: u64,
}

/// TOPUP and EARN: what a card was filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Units that were added.
    pub units: u32,
    /// The balance that the card had then.
    pub available: u32,
}

/// CARD_REFUND: what was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardRefunded {
    /// Units of principal.
    pub units: u32,
    /// What was paid for them, in minor units.
    pub paid: u64,
}

impl Client {
    /// Shows a card, and its lots besides its own, in the order they were made.
    pub async fn card_lots(&self, name: CardName) -> Result<(CardView, Vec<LotView>), Error> {
        let (card, code) = name.parts();
        let command = Command::CardShow { card, generation: None };
        match self.call_by_code(NO_OPERATION, name.slot(self.home_slot()), command, code).await? {
            OwnedOutcome::Card(view, lots) => Ok((view, lots)),
            _ => Err(wrong_answer()),
        }
    }

    /// Pays into a card of stored value.
    pub async fn card_top_up(&self, request: TopUp) -> Result<Filled, Error> {
        let TopUp { operation, card, principal, bonus, paid, until_ms } = request;
        let wish = AccountWish::TopUp { principal, bonus, paid, until_ms };
        self.card_filled(operation, card, wish).await
    }

    /// Adds stamps or points to a card.
    pub async fn card_earn(&self, operation: Operation, name: CardName, units: u32) -> Result<Filled, Error> {
        self.card_filled(operation, name, AccountWish::Earn { units }).await
    }

    async fn card_filled(
        &self,
        operation: Operation,
        name: CardName,
        wish: AccountWish,
    ) -> Result<Filled, Error> {
        match self.account(operation, name, wish).await? {
            OwnedOutcome::Filled { units, available } => Ok(Filled { units, available }),
            _ => Err(wrong_answer()),
        }
    }

    /// Voids what is left on a card of stored value, and says what was paid for it.
    pub async fn card_refund(&self, operation: Operation, name: CardName) -> Result<CardRefunded, Error> {
        match self.account(operation, name, AccountWish::Refund).await? {
            OwnedOutcome::CardRefunded { units, paid } => Ok(CardRefunded { units, paid }),
            _ => Err(wrong_answer()),
        }
    }

    /// Lets a pass be valid for longer. The answer's value is its end, ms since the Unix epoch.
    pub async fn card_renew(
        &self,
        operation: Operation,
        name: CardName,
        seconds: u32,
    ) -> Result<StockChanged, Error> {
        self.card_altered(operation, name, AccountWish::Renew { seconds }).await
    }

    /// Gives a pass another level, 1 to 8. The answer's value is that level.
    pub async fn card_level(
        &self,
        operation: Operation,
        name: CardName,
        level: u8,
    ) -> Result<StockChanged, Error> {
        self.card_altered(operation, name, AccountWish::Level { level }).await
    }

    async fn card_altered(
        &self,
        operation: Operation,
        name: CardName,
        wish: AccountWish,
    ) -> Result<StockChanged, Error> {
        match self.account(operation, name, wish).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    async fn account(
        &self,
        operation: Operation,
        name: CardName,
        wish: AccountWish,
    ) -> Result<OwnedOutcome, Error> {
        let (card, code) = name.parts();
        let command = Command::Account { card, generation: None, wish };
        self.call_by_code(operation, name.slot(self.home_slot()), command, code).await
    }
}

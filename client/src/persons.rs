//! Persons: which user ids are one natural person, and the words they were made from.

use crate::answer::{OwnedOutcome, StockChanged};
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_engine::command::{Command, Label};
use scrip_engine::ids::{Slot, UserId};

impl Client {
    /// Says that two user ids, and whoever is linked with either, are one person in a slot. The reason is logged, not interpreted. The
    /// answer's value is how many ids the person has.
    pub async fn link(
        &self,
        operation: Operation,
        slot: Slot,
        (user, to): (UserId, UserId),
        reason: u16,
    ) -> Result<StockChanged, Error> {
        match self.call(operation, slot, Command::Link { user, to, reason }).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Takes a user id out of its person again. The answer's value is how many ids are left of it.
    pub async fn unlink(
        &self,
        operation: Operation,
        slot: Slot,
        user: UserId,
        reason: u16,
    ) -> Result<StockChanged, Error> {
        match self.call(operation, slot, Command::Unlink { user, reason }).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Keeps the words that a user's id was made from, sealed under a key of their own: an export of the person shows them, ERASE
    /// destroys them. The answer's value is 1 if words of before were destroyed.
    pub async fn label(
        &self,
        operation: Operation,
        slot: Slot,
        user: UserId,
        text: &str,
    ) -> Result<StockChanged, Error> {
        let label = Label::Plain(text.as_bytes());
        match self.call(operation, slot, Command::Label { user, label }).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Destroys the words of all ids of a user's person in a slot; units, money and what limits count stay. The reason is logged,
    /// not interpreted. The answer's value is how many ids had words.
    pub async fn erase(
        &self,
        operation: Operation,
        slot: Slot,
        user: UserId,
        reason: u16,
    ) -> Result<StockChanged, Error> {
        match self.call(operation, slot, Command::Erase { user, reason }).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// The ids of a user's person in a slot, in ascending order: of one who is not linked his own.
    pub async fn identity(&self, slot: Slot, user: UserId) -> Result<Vec<UserId>, Error> {
        match self.call(Operation::given(0, 0), slot, Command::IdentityShow { user }).await? {
            OwnedOutcome::Identity(members) => Ok(members),
            _ => Err(wrong_answer()),
        }
    }
}

//! MERGE: cards of one owner become one. The rules are in docs/cards.md, "Merging and recycling".
//!
//! It stands apart so that the table of commands can be read at a glance. Invariant: what passed `check` names each card once.

use super::{Malformed, QuoteCard};
use crate::ids::CardId;
use crate::limits::CARDS_PER_MERGE_MAX;

/// MERGE: what sources have goes to one card, and they are void.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge<'a> {
    /// The card that gets it.
    pub into: CardId,
    /// The generation of its code; `None`: it is named by its id.
    pub generation: Option<u8>,
    /// The sources, 1 to 16.
    pub from: &'a [QuoteCard],
}

impl Merge<'_> {
    /// All of its cards, as they are named: the one that gets it first.
    pub fn cards(&self) -> impl Iterator<Item = (CardId, Option<u8>)> {
        let from = self.from.iter().map(|card| (card.card(), card.generation()));
        core::iter::once((self.into, self.generation)).chain(from)
    }

    pub(super) fn check(&self) -> Result<(), Malformed> {
        if self.from.is_empty() || self.from.len() > CARDS_PER_MERGE_MAX {
            return Err(Malformed::MergeCount(self.from.len()));
        }
        for (at, card) in self.from.iter().enumerate() {
            let twice = self.from[..at].iter().any(|earlier| earlier.card == card.card);
            if twice || card.card() == self.into || !card.is_sound() {
                return Err(Malformed::MergeCard(at));
            }
            super::check::check_generation(card.generation())?;
        }
        super::check::check_generation(self.generation)
    }
}

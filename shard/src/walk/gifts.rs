//! Gifts in the walk's own books: which cards are being given, to whom and until when, and how often each has changed hands.
//!
//! It follows docs/cards.md, not the engine's code. Invariant: nothing here panics on a log that is wrong; what can't be is
//! put into words.

use super::persons::PersonBooks;
use scrip_engine::command::CardChange;
use scrip_engine::event::{Event, GiftEntry};
use scrip_engine::ids::{CardId, UserId};
use scrip_engine::state::State;
use std::collections::BTreeMap;

/// The books of gifts.
#[derive(Debug, Default)]
pub(super) struct GiftBooks {
    now_ms: u64,
    /// Who may accept a card, and until when.
    given: BTreeMap<CardId, (UserId, u64)>,
    /// How often a card has changed hands.
    handed_over: BTreeMap<CardId, u8>,
}

impl GiftBooks {
    /// Follows an event that the engine, whose state this is, has just applied; answers what can't be.
    pub(super) fn follow(
        &mut self,
        event: &Event<'_>,
        state: &State,
        persons: &PersonBooks,
    ) -> Option<String> {
        match event {
            Event::Tick { now_ms } => self.now_ms = *now_ms,
            Event::CardChanged { card, change: CardChange::Freeze | CardChange::Void, .. } => {
                self.given.remove(card);
            }
            Event::Recycled { card, .. } => {
                self.given.remove(card);
            }
            Event::Gift { card, entry: GiftEntry::Given { receiver, deadline_ms }, .. } => {
                let before = self.given.insert(*card, (*receiver, *deadline_ms));
                if before.is_some_and(|(_, end_ms)| self.now_ms < end_ms) {
                    return Some(format!("card {card} is given while it is being given"));
                }
            }
            Event::Gift { origin, card, entry: GiftEntry::Accepted { receiver } } => {
                let gift = self.given.remove(card);
                let of = (origin.merchant, origin.slot);
                let named = |to: UserId| to.0 == 0 || persons.is_one(of, to, *receiver);
                if !gift.is_some_and(|(to, end_ms)| named(to) && self.now_ms < end_ms) {
                    return Some(format!("card {card} is accepted by {receiver}, its gift was {gift:?}"));
                }
                let handed_over = self.handed_over.entry(*card).or_default();
                *handed_over = handed_over.wrapping_add(1);
                let found = state.find_card(*card).map(|found| (found.card.owner, found.card.generation));
                if found != Some((receiver.0, *handed_over)) {
                    return Some(format!(
                        "card {card} was accepted by {receiver}, the engine says {found:?}"
                    ));
                }
            }
            Event::Gift { card, entry: GiftEntry::Cancelled, .. } => {
                let gift = self.given.remove(card);
                if gift.is_none_or(|(_, end_ms)| self.now_ms >= end_ms) {
                    return Some(format!("the gift of card {card}, {gift:?}, is taken back"));
                }
            }
            _ => {}
        }
        None
    }
}

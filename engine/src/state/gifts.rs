//! Gifts: cards that their owners are giving away, who may accept each, and until when.
//!
//! Few cards are ever given, so what there is to know of a gift stands beside their records. No event ends a gift at its
//! deadline: a card whose record says *gifting* is active again from then on, for whoever looks; its record says so
//! when the card is changed the next time, or when its gift is forgotten. A gift that is over is remembered until the floor has
//! passed its deadline, so that whoever comes late is told so.
//!
//! Invariant: a card whose record says *gifting* has a gift here, and one gift at most; gifts that are reclaimed ended before
//! the floor.

use super::State;
use super::cards::CardRecord;
use super::digest::feed;
use super::index::Index;
use super::recount::{RecountError, same};
use super::table::{Handle, Table};
use crate::command::CardState;
use crate::ids::UserId;
use crate::limits::Capacity;
use std::collections::BTreeSet;
use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A gift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct GiftRecord {
    /// Who may accept it; 0: whoever the caller lets.
    receiver: u128,
    /// From then on it can't be accepted; 0: the record is free.
    pub deadline_ms: u64,
    /// The card's record.
    card: u32,
    spare: u32,
}

const _: () = assert!(size_of::<GiftRecord>() == 32);

impl GiftRecord {
    /// Who may accept it; 0: whoever the caller lets.
    pub fn receiver(&self) -> UserId {
        UserId(self.receiver)
    }

    /// Whether it can't be accepted any more.
    pub fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.deadline_ms
    }
}

/// All gifts.
pub struct Gifts {
    records: Table<GiftRecord>,
    /// By their cards.
    index: Index,
    /// The order in which they end: deadlines and handles.
    ends: BTreeSet<(u64, u32)>,
}

impl Gifts {
    /// Nothing, with room for so many.
    pub fn new(capacity: &Capacity) -> Gifts {
        Gifts {
            records: Table::new(capacity.gifts_max),
            index: Index::new(capacity.gifts_max),
            ends: BTreeSet::new(),
        }
    }

    /// Gifts in memory.
    pub fn used(&self) -> u32 {
        self.records.used()
    }
}

impl State {
    #[inline]
    fn gift_handle(&self, card: Handle) -> Option<Handle> {
        let hash = self.hasher.hash_one(card.0) as u32;
        self.gifts.index.find(hash, |gift| self.gifts.records.get(gift).card == card.0)
    }

    /// The newest gift of a card that was neither accepted nor taken back, as long as it is remembered.
    pub fn gift_of(&self, card: Handle) -> Option<&GiftRecord> {
        let gift = self.gifts.records.get(self.gift_handle(card)?);
        (gift.deadline_ms >= self.floor_ms).then_some(gift)
    }

    /// Whether a card whose record says *gifting* still is.
    fn is_gifting(&self, card: Handle, now_ms: u64) -> bool {
        let gift = self.gift_handle(card).expect("what is being given has a gift");
        !self.gifts.records.get(gift).is_over(now_ms)
    }

    /// A card as it is at this time, of which the record may not know that its gift is over, or its campaign or batch has ended.
    #[inline]
    pub fn card_at(&self, handle: Handle, now_ms: u64) -> CardRecord {
        let mut card = *self.cards.get(handle);
        if self.has_ended(handle) {
            return card.of_ended();
        }
        if card.state() == CardState::Gifting && !self.is_gifting(handle, now_ms) {
            card.set_state(CardState::Active);
        }
        card
    }

    /// Compares gifts with cards.
    pub(super) fn compare_gifts(&self) -> Result<(), RecountError> {
        let Gifts { records, index, ends } = &self.gifts;
        let mut gifts = 0u64;
        for (handle, gift) in records.iter().filter(|(_, gift)| gift.deadline_ms != 0) {
            gifts += 1;
            let card = Handle(gift.card);
            same("gifts by their cards", u64::from(self.gift_handle(card) == Some(handle)), 1)?;
            same("gifts of cards with an owner", u64::from(self.cards.get(card).owner != 0), 1)?;
            same("ends of gifts", u64::from(ends.contains(&(gift.deadline_ms, handle.0))), 1)?;
        }
        for (handle, _) in self.cards.iter().filter(|(_, card)| card.state() == CardState::Gifting) {
            same("cards that are given", u64::from(self.gift_handle(handle).is_some()), 1)?;
        }
        same("gifts", u64::from(records.used()), gifts)?;
        same("gifts", u64::from(index.used()), gifts)?;
        same("ends of gifts", ends.len() as u64, gifts)
    }

    pub(super) fn digest_gifts(&self, hash: &mut Xxh3) {
        feed(hash, &self.gifts.records);
    }
}

/// Writing: for `apply` alone.
impl State {
    /// A card is being given, in place of any gift of it before.
    pub(crate) fn give(&mut self, card: Handle, receiver: UserId, deadline_ms: u64) {
        self.end_gift(card);
        self.cards.get_mut(card).set_state(CardState::Gifting);
        let record = GiftRecord { receiver: receiver.0, deadline_ms, card: card.0, spare: 0 };
        let gift = self.gifts.records.insert(record);
        self.gifts.index.insert(self.hasher.hash_one(card.0) as u32, gift);
        self.gifts.ends.insert((deadline_ms, gift.0));
    }

    /// The gift of a card, if there is one, was accepted or taken back: there is no such gift any more.
    pub(crate) fn end_gift(&mut self, card: Handle) {
        if let Some(gift) = self.gift_handle(card) {
            self.forget_gift(gift);
        }
    }

    fn forget_gift(&mut self, gift: Handle) {
        let GiftRecord { card, deadline_ms, .. } = *self.gifts.records.get(gift);
        let record = self.cards.get_mut(Handle(card));
        if record.state() == CardState::Gifting {
            record.set_state(CardState::Active);
        }
        self.gifts.index.remove(self.hasher.hash_one(card) as u32, gift);
        self.gifts.ends.remove(&(deadline_ms, gift.0));
        self.gifts.records.remove(gift);
    }

    /// The record of a card that is about to be changed says whether it is still being given.
    #[inline]
    pub(crate) fn settle_gift(&mut self, card: Handle) {
        if self.cards.get(card).state() == CardState::Gifting && !self.is_gifting(card, self.now_ms) {
            self.cards.get_mut(card).set_state(CardState::Active);
        }
    }

    /// Forgets gifts that ended before the floor, so many at most.
    pub(crate) fn reclaim_gifts(&mut self, most: usize) {
        for _ in 0..most {
            let Some((deadline_ms, gift)) = self.gifts.ends.first().copied() else { return };
            if deadline_ms >= self.floor_ms {
                return;
            }
            self.forget_gift(Handle(gift));
        }
    }
}

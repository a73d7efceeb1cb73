//! The holds of an order, the newest first: which RESERVEs and SELLs were made for it, whatever became of them.
//!
//! Not to be confused with `orders.rs`, which knows the lines that an order can buy once. One index entry per merchant,
//! slot and order names its newest hold, so that entries never pile up under one hash; the others hang behind it in a
//! doubly linked list, so that a hold that leaves memory is unlinked at once, wherever it hangs. The links lie in memory
//! of their own, by the hold's handle: a hold without an order touches neither it nor the index.
//!
//! Invariant: each hold in memory with an order hangs in exactly the list of its merchant, slot and order, behind those
//! made after it; no other record has links.

use super::State;
use super::index::Index;
use super::memory::Memory;
use super::records::HoldRecord;
use super::recount::{RecountError, same};
use super::table::{Handle, NONE};
use crate::command::Envelope;
use crate::ids::{MerchantId, OrderId, Slot};
use crate::limits::ORDER_LINKS_BYTES;
use scrip_planted::{Bug, on};
use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Whose order it is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderKey {
    /// The tenant.
    pub merchant: MerchantId,
    /// The slot.
    pub slot: Slot,
    /// The order; not 0.
    pub order: OrderId,
}

impl OrderKey {
    /// The order of a hold; `None`: it has none.
    #[inline]
    fn of(hold: &HoldRecord) -> Option<OrderKey> {
        let key = OrderKey {
            merchant: MerchantId(hold.merchant),
            slot: Slot(hold.slot),
            order: OrderId(hold.order),
        };
        (hold.order != 0).then_some(key)
    }
}

/// What a hold of an order hangs between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Links {
    /// The order's hold made next; [`NONE`]: this is the newest.
    newer: u32,
    /// The one made before; [`NONE`]: this is the oldest.
    older: u32,
}

const _: () = assert!(size_of::<Links>() == ORDER_LINKS_BYTES as usize);

/// The newest hold of each order, and the links between an order's holds.
pub struct OrderHolds {
    newest: Index,
    /// By the hold's handle; zero where nothing hangs.
    links: Memory<Links>,
}

impl OrderHolds {
    /// Room for an order of each of `holds_max` holds, all of its memory touched.
    pub fn new(holds_max: u32) -> OrderHolds {
        OrderHolds { newest: Index::new(holds_max), links: Memory::new(holds_max as usize) }
    }

    fn links(&self, hold: Handle) -> Links {
        *self.links.get(hold.0 as usize)
    }

    /// Grows with the table of holds, which only history can make grow.
    fn set_links(&mut self, hold: Handle, links: Links) {
        let index = hold.0 as usize;
        if index >= self.links.capacity() {
            self.links.grow((2 * index).max(1024));
        }
        *self.links.get_mut(index) = links;
    }
}

impl State {
    /// The holds in memory that were made for an order, the newest first; those that are gone among them.
    pub fn holds_of(&self, key: OrderKey) -> impl Iterator<Item = Handle> {
        self.hold_and_older(self.newest_of(&key, self.order_hash(&key)))
    }

    /// The holds of a hold's order that were made before it, the newest first.
    pub fn holds_before(&self, hold: Handle) -> impl Iterator<Item = Handle> {
        self.hold_and_older(self.older(hold))
    }

    fn hold_and_older(&self, first: Option<Handle>) -> impl Iterator<Item = Handle> {
        core::iter::successors(first, |hold| self.older(*hold))
    }

    fn older(&self, hold: Handle) -> Option<Handle> {
        let older = self.order_holds.links(hold).older;
        (older != NONE).then_some(Handle(older))
    }

    fn newest_of(&self, key: &OrderKey, hash: u32) -> Option<Handle> {
        self.order_holds
            .newest
            .find(hash, |handle| OrderKey::of(self.holds.get(handle)).as_ref() == Some(key))
    }

    fn order_hash(&self, key: &OrderKey) -> u32 {
        let scope = u64::from(key.merchant.0) << 16 | u64::from(key.slot.0);
        self.hasher.hash_one((key.order.0, scope)) as u32
    }

    /// Begins to bring the entry that names an order's newest hold into the cache.
    #[inline]
    pub(crate) fn prefetch_order(&self, envelope: &Envelope, order: OrderId) {
        if order.0 != 0 {
            let key = OrderKey { merchant: envelope.merchant, slot: envelope.slot, order };
            self.order_holds.newest.prefetch(self.order_hash(&key));
        }
    }

    /// Begins to bring the entry of a hold's order into the cache: its eviction will look it up.
    #[inline]
    pub(super) fn prefetch_order_of(&self, hold: &HoldRecord) {
        if let Some(key) = OrderKey::of(hold) {
            self.order_holds.newest.prefetch(self.order_hash(&key));
        }
    }

    /// Compares index and links with the records.
    pub(super) fn compare_order_holds(&self) -> Result<(), RecountError> {
        let (mut with_order, mut newest, mut reached) = (0u64, 0u64, 0u64);
        for (handle, hold) in self.holds.iter().filter(|(_, hold)| hold.state != 0) {
            let Some(key) = OrderKey::of(hold) else { continue };
            with_order += 1;
            let Links { newer, older } = self.order_holds.links(handle);
            let is_next_to = |other: u32, its_link: fn(Links) -> u32, in_order: fn(u64, u64) -> bool| {
                let neighbour = self.holds.get(Handle(other));
                OrderKey::of(neighbour) == Some(key)
                    && its_link(self.order_holds.links(Handle(other))) == handle.0
                    && in_order(neighbour.reserved_ms, hold.reserved_ms)
            };
            let older_agrees = older == NONE
                || is_next_to(older, |links| links.newer, |before_ms, this_ms| before_ms <= this_ms);
            let newer_agrees = if newer == NONE {
                newest += 1;
                // No list is longer than there are holds: a ring would be.
                reached +=
                    self.hold_and_older(Some(handle)).take(self.holds.used() as usize + 1).count() as u64;
                self.newest_of(&key, self.order_hash(&key)) == Some(handle)
            } else {
                is_next_to(newer, |links| links.older, |after_ms, this_ms| after_ms >= this_ms)
            };
            same("holds that hang in their order's list", u64::from(older_agrees && newer_agrees), 1)?;
        }
        same("orders", u64::from(self.order_holds.newest.used()), newest)?;
        same("holds of orders", reached, with_order)
    }

    /// Feeds which hold of an order was made before which to a digest: the records do not say.
    pub(super) fn digest_order_holds(&self, hash: &mut Xxh3) {
        for (handle, _) in self.holds.iter().filter(|(_, hold)| hold.order != 0) {
            hash.update(self.order_holds.links(handle).as_bytes());
        }
    }
}

/// Writing: for `apply` alone.
impl State {
    /// A new hold is the newest of its order.
    #[inline]
    pub(super) fn hang_into_order(&mut self, handle: Handle) {
        let Some(key) = OrderKey::of(self.holds.get(handle)) else { return };
        let hash = self.order_hash(&key);
        let before = self.newest_of(&key, hash);
        match before {
            None => self.order_holds.newest.insert(hash, handle),
            Some(before) => {
                self.order_holds.newest.replace(hash, before, handle);
                let links = self.order_holds.links(before);
                self.order_holds.set_links(before, Links { newer: handle.0, ..links });
            }
        }
        let older = before.map_or(NONE, |before| before.0);
        self.order_holds.set_links(handle, Links { newer: NONE, older });
    }

    /// A hold leaves memory: its neighbours are next to each other.
    pub(super) fn unhang_from_order(&mut self, handle: Handle) {
        let Some(key) = OrderKey::of(self.holds.get(handle)) else { return };
        let hash = self.order_hash(&key);
        let Links { newer, older } = self.order_holds.links(handle);
        let older_after = if on(Bug::OrderForgetsOldest) { NONE } else { older };
        match (newer, older) {
            (NONE, NONE) => self.order_holds.newest.remove(hash, handle),
            (NONE, older) => self.order_holds.newest.replace(hash, handle, Handle(older)),
            (newer, _) => {
                let links = self.order_holds.links(Handle(newer));
                self.order_holds.set_links(Handle(newer), Links { older: older_after, ..links });
            }
        }
        if older != NONE {
            let links = self.order_holds.links(Handle(older));
            self.order_holds.set_links(Handle(older), Links { newer, ..links });
        }
        self.order_holds.set_links(handle, Links::new_zeroed());
    }
}

//! A flat hash index from 32-bit hashes to handles: open addressing with linear probing, eight bytes a slot.
//!
//! Why our own: batches of commands touch their buckets together before they execute (a dependent memory access falls
//! from about 200 ns to 20), which needs the bucket's place without the probe. The owner compares the records; the
//! index knows hashes only. It is sized at start and grows only while history is replayed into a smaller configuration.
//!
//! Invariant: every entry can be reached from its home slot over used slots only; removal shifts entries back, so there
//! are no tombstones and a steady table stays as fast as a new one.

use super::memory::Memory;
use super::table::{Handle, NONE};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
struct Entry {
    hash: u32,
    /// The complement of the handle: an empty slot is all zero, as fresh memory is.
    not_handle: u32,
}

const EMPTY: Entry = Entry { hash: 0, not_handle: !NONE };

impl Entry {
    #[inline]
    fn new(hash: u32, handle: Handle) -> Entry {
        Entry { hash, not_handle: !handle.0 }
    }

    /// Whether it is exactly this one: a record may have entries under several hashes.
    #[inline]
    fn is(self, hash: u32, handle: Handle) -> bool {
        self.hash == hash && self.handle() == handle.0
    }

    #[inline]
    fn handle(self) -> u32 {
        !self.not_handle
    }
}

/// From hash to handles. Several entries may share a hash.
pub struct Index {
    entries: Memory<Entry>,
    mask: u32,
    used: u32,
}

impl Index {
    /// An index for `entries_max` entries, at most two thirds full, all of its memory touched.
    pub fn new(entries_max: u32) -> Index {
        let slots = (u64::from(entries_max) * 3 / 2).next_power_of_two().max(16);
        let slots = u32::try_from(slots.min(1 << 31)).expect("capped");
        Index { entries: Memory::new(slots as usize), mask: slots - 1, used: 0 }
    }

    /// Entries in use.
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Begins to bring the home slot of `hash` into the cache.
    #[inline]
    pub fn prefetch(&self, hash: u32) {
        self.entries.prefetch((hash & self.mask) as usize);
    }

    /// The handle that a search for `hash` will most likely find; [`NONE`]: it will find none.
    #[inline]
    pub fn peek(&self, hash: u32) -> u32 {
        let mut slot = hash & self.mask;
        loop {
            let entry = self.at(slot);
            if entry.hash == hash || entry.handle() == NONE {
                return entry.handle();
            }
            slot = (slot + 1) & self.mask;
        }
    }

    /// The first entry of `hash` whose handle `is_it` accepts.
    #[inline]
    pub fn find(&self, hash: u32, mut is_it: impl FnMut(Handle) -> bool) -> Option<Handle> {
        let mut slot = hash & self.mask;
        loop {
            let entry = self.at(slot);
            if entry.handle() == NONE {
                return None;
            }
            if entry.hash == hash && is_it(Handle(entry.handle())) {
                return Some(Handle(entry.handle()));
            }
            slot = (slot + 1) & self.mask;
        }
    }

    /// Adds an entry.
    pub fn insert(&mut self, hash: u32, handle: Handle) {
        if u64::from(self.used) * 8 >= self.entries.capacity() as u64 * 7 {
            self.grow();
        }
        self.used += 1;
        self.place(Entry::new(hash, handle));
    }

    /// Puts another handle into exactly this entry. Panics if it is not there.
    pub fn replace(&mut self, hash: u32, old: Handle, new: Handle) {
        let mut slot = hash & self.mask;
        while !self.at(slot).is(hash, old) {
            assert!(self.at(slot).handle() != NONE, "a record is missing from its index");
            slot = (slot + 1) & self.mask;
        }
        *self.entries.get_mut(slot as usize) = Entry::new(hash, new);
    }

    /// Removes exactly this entry. Panics if it is not there: the record and its index entry live together.
    pub fn remove(&mut self, hash: u32, handle: Handle) {
        let mut hole = hash & self.mask;
        while !self.at(hole).is(hash, handle) {
            assert!(self.at(hole).handle() != NONE, "a record is missing from its index");
            hole = (hole + 1) & self.mask;
        }
        self.used -= 1;
        let mut slot = hole;
        loop {
            slot = (slot + 1) & self.mask;
            let entry = self.at(slot);
            if entry.handle() == NONE {
                break;
            }
            let home = entry.hash & self.mask;
            // The entry may move into the hole unless its home lies cyclically within (hole, slot].
            if slot.wrapping_sub(home) & self.mask >= slot.wrapping_sub(hole) & self.mask {
                *self.entries.get_mut(hole as usize) = entry;
                hole = slot;
            }
        }
        *self.entries.get_mut(hole as usize) = EMPTY;
    }

    #[inline]
    fn at(&self, slot: u32) -> Entry {
        *self.entries.get(slot as usize)
    }

    #[inline]
    fn place(&mut self, entry: Entry) {
        let mut slot = entry.hash & self.mask;
        while self.at(slot).handle() != NONE {
            slot = (slot + 1) & self.mask;
        }
        *self.entries.get_mut(slot as usize) = entry;
    }

    fn grow(&mut self) {
        let slots = self.entries.capacity() * 2;
        let old = core::mem::replace(&mut self.entries, Memory::new(slots));
        self.mask = u32::try_from(slots - 1).expect("an index has at most 2^32 slots");
        for slot in 0..old.capacity() {
            let entry = *old.get(slot);
            if entry.handle() != NONE {
                self.place(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_until_removed_under_heavy_collision() {
        let mut index = Index::new(64);
        let hash = |n: u32| n % 7 + 120; // wraps around the end of the table
        for n in 0..40 {
            index.insert(hash(n), Handle(n));
        }
        for gone in (0..40).step_by(3) {
            index.remove(hash(gone), Handle(gone));
        }
        for n in 0..40 {
            let found = index.find(hash(n), |handle| handle.0 == n);
            assert_eq!(found.is_some(), n % 3 != 0, "entry {n}");
        }
        assert_eq!(index.used(), 26);
        index.replace(hash(1), Handle(1), Handle(100));
        assert_eq!(index.find(hash(1), |handle| handle.0 == 1), None);
        assert_eq!(index.find(hash(1), |handle| handle.0 == 100), Some(Handle(100)));
        assert_eq!(index.used(), 26);
    }

    #[test]
    fn a_record_with_entries_under_two_hashes_loses_the_one_that_is_meant() {
        let mut index = Index::new(64);
        // Neighbours: a search for the second passes the first.
        let (one, two, record) = (5 | 1 << 20, 5 | 2 << 20, Handle(7));
        for (gone, kept) in [(two, one), (one, two)] {
            index.insert(one, record);
            index.insert(two, record);
            index.remove(gone, record);
            assert_eq!((index.find(gone, |_| true), index.find(kept, |_| true)), (None, Some(record)));
            index.remove(kept, record);
        }
        index.insert(one, record);
        index.insert(two, record);
        index.replace(two, record, Handle(8));
        assert_eq!((index.find(one, |_| true), index.find(two, |_| true)), (Some(record), Some(Handle(8))));
    }

    #[test]
    fn growing_keeps_every_entry() {
        let mut index = Index::new(1);
        for n in 0..10_000u32 {
            index.insert(n.wrapping_mul(0x9e37_79b9), Handle(n));
        }
        for n in 0..10_000u32 {
            assert!(index.find(n.wrapping_mul(0x9e37_79b9), |handle| handle.0 == n).is_some());
        }
    }
}

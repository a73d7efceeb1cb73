//! Tables of fixed-size plain records, named by handles.
//!
//! All memory up to the configured maximum is taken and touched at start, so that no page fault and no growth lies on
//! the data path; handles are dense, so a later snapshot can stream a table page by page. Freed records are reused first
//! freed first: records then lie in memory in the order they were made in however often the table has turned over, and
//! walking them in that order is a walk through memory (last freed first is warmer, but shuffles them more each time).
//!
//! Invariant: a handle is either in use or free; which handle an insertion gets depends only on the history of
//! insertions and removals, so a replay gives every record the same handle.

use super::memory::{Memory, Plain};
use crate::limits::HANDLES_MAX;
use std::collections::VecDeque;

/// Names a record of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle(pub u32);

/// No record.
pub const NONE: u32 = u32::MAX;

/// A table of records of one kind.
pub struct Table<T> {
    /// The first `length` are every record ever given a handle; freed ones are zero.
    records: Memory<T>,
    length: usize,
    /// Freed handles; the first one is given out first.
    free: VecDeque<u32>,
}

impl<T: Plain> Table<T> {
    /// A table with room for `records` records before it has to grow. Touches all of its memory.
    pub fn new(records: u32) -> Table<T> {
        Table { records: Memory::new(records as usize), length: 0, free: touched_list(records as usize) }
    }

    /// Records in use.
    #[inline]
    pub fn used(&self) -> u32 {
        (self.length - self.free.len()) as u32
    }

    /// Stores `record` and names it. Grows the table when it is full, which only history can make happen: `decide`
    /// refuses at the configured maximum.
    #[inline]
    pub fn insert(&mut self, record: T) -> Handle {
        if let Some(handle) = self.free.pop_front() {
            *self.records.get_mut(handle as usize) = record;
            return Handle(handle);
        }
        let handle = self.length;
        assert!(handle < HANDLES_MAX as usize, "a table holds at most {HANDLES_MAX} records");
        if handle == self.records.capacity() {
            self.records.grow((2 * handle).max(1024));
        }
        self.length += 1;
        *self.records.get_mut(handle) = record;
        Handle(handle as u32)
    }

    /// Frees the record; its handle may be given out again.
    pub fn remove(&mut self, handle: Handle) {
        *self.get_mut(handle) = T::new_zeroed();
        self.free.push_back(handle.0);
    }

    /// The record with this handle.
    #[inline]
    pub fn get(&self, handle: Handle) -> &T {
        self.records.get(handle.0 as usize)
    }

    /// The record with this handle, to be changed.
    #[inline]
    pub fn get_mut(&mut self, handle: Handle) -> &mut T {
        self.records.get_mut(handle.0 as usize)
    }

    /// Begins to bring the record into the cache; nothing happens if there is none.
    #[inline]
    pub fn prefetch(&self, handle: Handle) {
        if (handle.0 as usize) < self.length {
            self.records.prefetch(handle.0 as usize);
        }
    }

    /// Begins to bring the freed record that the `ahead`-th insertion from now will reuse into the cache. (Records never
    /// used before follow each other in memory; the processor fetches those by itself.)
    #[inline]
    pub fn prefetch_next(&self, ahead: u32) {
        if let Some(next) = self.free.get(ahead as usize) {
            self.prefetch(Handle(*next));
        }
    }

    /// All records ever given a handle, freed ones (all zero) included, in order of handles.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        (0..self.length as u32).map(|handle| (Handle(handle), self.get(Handle(handle))))
    }

    /// The free list in two pieces, oldest first: part of the state, since it says which handles come next.
    pub fn free_handles(&self) -> [&[u32]; 2] {
        let (first, second) = self.free.as_slices();
        [first, second]
    }
}

/// An empty list whose memory for `length` entries is already real: written, not just reserved.
fn touched_list(length: usize) -> VecDeque<u32> {
    let mut list = vec![core::hint::black_box(NONE); length];
    core::hint::black_box(list.as_mut_slice());
    list.clear();
    VecDeque::from(list)
}

//! Tables of fixed-size plain records in pages, named by handles.
//!
//! Why pages: a table never moves while it is used, and a later snapshot can stream page by page. All pages up to the
//! configured maximum are made and touched at start, so that no page fault lies on the data path. Freed records are
//! kept in a list threaded through the handles array, last freed first, because it is warm.
//!
//! Invariant: a handle is either in use or free; which handle an insertion gets depends only on the history of
//! insertions and removals, so a replay gives every record the same handle.

use crate::limits::HANDLES_MAX;
use zerocopy::{FromZeros, Immutable, IntoBytes};

/// Names a record of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle(pub u32);

/// No record.
pub const NONE: u32 = u32::MAX;

const PAGE_BITS: u32 = 12;
const PAGE_RECORDS: usize = 1 << PAGE_BITS;
const PAGE_MASK: u32 = PAGE_RECORDS as u32 - 1;

/// A table of records of one kind.
pub struct Pages<T> {
    pages: Vec<Box<[T]>>,
    /// Handles below this have been given out at least once.
    fresh: u32,
    /// Records in use.
    used: u32,
    /// Freed handles; the last one is given out first.
    free: Vec<u32>,
}

impl<T: Copy + FromZeros + IntoBytes + Immutable> Pages<T> {
    /// A table with room for `records` records before it has to grow. Touches all of its memory.
    pub fn new(records: u32) -> Pages<T> {
        let mut table = Pages { pages: Vec::new(), fresh: 0, used: 0, free: touched_list(records as usize) };
        while (table.pages.len() * PAGE_RECORDS) < records as usize {
            table.add_page();
        }
        table
    }

    /// Records in use.
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Stores `record` and names it. Grows the table when it is full, which only history can make happen: `decide`
    /// refuses at the configured maximum.
    pub fn insert(&mut self, record: T) -> Handle {
        self.used += 1;
        let handle = match self.free.pop() {
            Some(handle) => handle,
            None => {
                let handle = self.fresh;
                assert!(handle < HANDLES_MAX, "a table holds at most {HANDLES_MAX} records");
                if handle as usize == self.pages.len() * PAGE_RECORDS {
                    self.add_page();
                }
                self.fresh += 1;
                handle
            }
        };
        *self.get_mut(Handle(handle)) = record;
        Handle(handle)
    }

    /// Frees the record; its handle may be given out again.
    pub fn remove(&mut self, handle: Handle) {
        *self.get_mut(handle) = T::new_zeroed();
        self.used -= 1;
        self.free.push(handle.0);
    }

    /// The record with this handle.
    #[inline]
    pub fn get(&self, handle: Handle) -> &T {
        &self.pages[(handle.0 >> PAGE_BITS) as usize][(handle.0 & PAGE_MASK) as usize]
    }

    /// The record with this handle, to be changed.
    #[inline]
    pub fn get_mut(&mut self, handle: Handle) -> &mut T {
        &mut self.pages[(handle.0 >> PAGE_BITS) as usize][(handle.0 & PAGE_MASK) as usize]
    }

    /// Brings the record into the cache. The number means nothing.
    #[inline]
    pub fn touch(&self, handle: Handle) -> u32 {
        u32::from(self.get(handle).as_bytes()[0])
    }

    /// Brings the record that the `ahead`-th insertion from now will get into the cache. The number means nothing.
    #[inline]
    pub fn touch_next(&self, ahead: u32) -> u32 {
        let free = self.free.len() as u32;
        let handle = if ahead < free {
            self.free[(free - 1 - ahead) as usize]
        } else {
            self.fresh + (ahead - free)
        };
        if (handle as usize) < self.pages.len() * PAGE_RECORDS { self.touch(Handle(handle)) } else { 0 }
    }

    /// All records ever given out, freed ones (all zero) included, in order of handles.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        (0..self.fresh).map(|handle| (Handle(handle), self.get(Handle(handle))))
    }

    /// The free list, oldest first: part of the state, since it says which handles come next.
    pub fn free_handles(&self) -> &[u32] {
        &self.free
    }

    fn add_page(&mut self) {
        // Written, not just reserved: zeroed memory would come untouched from the system and fault later.
        let page = vec![core::hint::black_box(T::new_zeroed()); PAGE_RECORDS].into_boxed_slice();
        self.pages.push(page);
    }
}

/// An empty list whose memory for `length` entries is already real.
pub fn touched_list(length: usize) -> Vec<u32> {
    let mut list = vec![NONE; length];
    list.clear();
    list
}

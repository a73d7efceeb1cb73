//! Operation slices: which records leave memory when the floor rises.
//!
//! Records hang in singly linked lists, one per second of `created_ms`. When the floor passes a slice its list is
//! appended to the reclaim list in constant time; each later insertion looks at a few records of it and frees what is
//! gone. So dropping a slice of a million records costs no pause, and the same history frees the same records at the
//! same events.
//!
//! Invariant: every hold and operation record hangs in exactly one slice or in the reclaim list.

use super::records::Recorded;
use super::table::NONE;
use crate::limits::SLICE_MS;

/// Slices kept at once: the window of 24 h, and the 28 h 15 min a hold may linger after it until it is gone.
const RING: u64 = 1 << 18;

/// Ends of a list, as bitwise complements of record words: an empty list is all zero, so a ring of them costs no
/// memory until it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct List {
    not_first: u32,
    not_last: u32,
}

const EMPTY: List = List { not_first: !NONE, not_last: !NONE };

impl List {
    fn first(&self) -> Option<Recorded> {
        Recorded::from_tagged(!self.not_first)
    }

    fn last(&self) -> Option<Recorded> {
        Recorded::from_tagged(!self.not_last)
    }
}

/// The lists.
pub struct Slices {
    ring: Vec<[u32; 2]>,
    reclaim: List,
    /// The first slice at or above the floor.
    base: u64,
    /// No slice above this one was ever used.
    newest: u64,
}

/// The slice a time lies in.
pub const fn slice_of(time_ms: u64) -> u64 {
    time_ms / SLICE_MS
}

impl Default for Slices {
    fn default() -> Slices {
        Slices { ring: vec![[0; 2]; RING as usize], reclaim: EMPTY, base: 0, newest: 0 }
    }
}

impl Slices {
    /// Hangs a record into the slice of `time_ms`, or the nearest slice there is. `set_next` writes a record's link.
    pub fn push(&mut self, time_ms: u64, record: Recorded, mut set_next: impl FnMut(Recorded, u32)) {
        let slice = slice_of(time_ms).clamp(self.base, self.base + RING - 1);
        self.newest = self.newest.max(slice);
        let mut list = self.list(slice);
        let word = record.tagged();
        set_next(record, NONE);
        match list.last() {
            Some(last) => set_next(last, word),
            None => list.not_first = !word,
        }
        list.not_last = !word;
        self.set_list(slice, list);
    }

    /// The floor has risen to `floor_ms`: all slices below go to the reclaim list.
    pub fn raise(&mut self, floor_ms: u64, mut set_next: impl FnMut(Recorded, u32)) {
        let new_base = slice_of(floor_ms);
        for slice in self.base..new_base.min(self.newest + 1) {
            let list = self.list(slice);
            if list == EMPTY {
                continue;
            }
            self.set_list(slice, EMPTY);
            match self.reclaim.last() {
                Some(last) => set_next(last, !list.not_first),
                None => self.reclaim.not_first = list.not_first,
            }
            self.reclaim.not_last = list.not_last;
        }
        self.base = self.base.max(new_base);
    }

    /// Takes the first record off the reclaim list. `next_of` reads a record's link.
    pub fn take_reclaimable(&mut self, next_of: impl FnOnce(Recorded) -> u32) -> Option<Recorded> {
        let record = self.reclaim.first()?;
        self.reclaim.not_first = !next_of(record);
        if self.reclaim.not_first == EMPTY.not_first {
            self.reclaim = EMPTY;
        }
        Some(record)
    }

    /// The first record of the reclaim list.
    pub fn first_reclaimable(&self) -> Option<Recorded> {
        self.reclaim.first()
    }

    /// Whether the reclaim list is empty.
    pub fn nothing_to_reclaim(&self) -> bool {
        self.reclaim == EMPTY
    }

    /// The first slice from the floor on that has records, as a time in milliseconds.
    pub fn first_occupied_ms(&self) -> Option<u64> {
        (self.base..=self.newest).find(|slice| self.list(*slice) != EMPTY).map(|slice| slice * SLICE_MS)
    }

    /// Feeds the lists' ends to `feed`, as part of the state's digest.
    pub fn visit(&self, mut feed: impl FnMut(u64, u32, u32)) {
        feed(self.base, self.reclaim.not_first, self.reclaim.not_last);
        for slice in self.base..=self.newest {
            let list = self.list(slice);
            if list != EMPTY {
                feed(slice, list.not_first, list.not_last);
            }
        }
    }

    fn list(&self, slice: u64) -> List {
        let [not_first, not_last] = self.ring[(slice % RING) as usize];
        List { not_first, not_last }
    }

    fn set_list(&mut self, slice: u64, list: List) {
        self.ring[(slice % RING) as usize] = [list.not_first, list.not_last];
    }
}

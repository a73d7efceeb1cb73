//! Memory for tables: taken at start, on huge pages where the system has them, and touched.
//!
//! Why not `Vec`: a random access into gigabytes on 4 KiB pages misses the address translation caches nearly every time.
//! Measured on a 2-core virtual machine over 4 GiB: 48 to 65 ns per independent access on 4 KiB pages, 21 ns on 2 MiB
//! pages. An anonymous map can ask for them (`madvise`); `memmap2` does so behind a safe call.
//!
//! Invariant: every byte was written before the first use, so no page fault lies on the data path.

use core::marker::PhantomData;
use memmap2::{Advice, MmapMut};
use prefetch_index::prefetch_index;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Below this a map is not worth huge pages.
const HUGE_BYTES: usize = 2 << 20;
/// The smallest page there is.
const PAGE_BYTES: usize = 4096;
/// Bytes that memory brings at a time.
const LINE_BYTES: usize = 64;

/// Plain data that may lie in a table.
pub trait Plain: Copy + FromBytes + IntoBytes + Immutable + KnownLayout {}
impl<T: Copy + FromBytes + IntoBytes + Immutable + KnownLayout> Plain for T {}

/// A fixed number of values, zero at first.
pub struct Memory<T> {
    map: MmapMut,
    capacity: usize,
    of: PhantomData<T>,
}

impl<T: Plain> Memory<T> {
    /// Memory for `capacity` values. Panics if the system has none to give: nothing can be served then.
    pub fn new(capacity: usize) -> Memory<T> {
        let bytes = (capacity * size_of::<T>()).max(PAGE_BYTES);
        let mut map =
            MmapMut::map_anon(bytes).expect("the system has no memory for the tables: lower --memory");
        if bytes >= HUGE_BYTES {
            // Refused where huge pages are switched off: then the tables are slower, not wrong.
            let _ = map.advise(Advice::HugePage);
        }
        for byte in map.iter_mut().step_by(PAGE_BYTES) {
            *byte = core::hint::black_box(0);
        }
        Memory { map, capacity, of: PhantomData }
    }

    /// How many values there is memory for.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The value at `index`. Panics beyond the capacity.
    #[inline]
    pub fn get(&self, index: usize) -> &T {
        let start = index * size_of::<T>();
        T::ref_from_bytes(&self.map[start..start + size_of::<T>()]).expect("maps are aligned to pages")
    }

    /// The value at `index`, to be changed. Panics beyond the capacity.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> &mut T {
        let start = index * size_of::<T>();
        T::mut_from_bytes(&mut self.map[start..start + size_of::<T>()]).expect("maps are aligned to pages")
    }

    /// Begins to bring the value at `index` into the cache, and does not wait for it. Nothing happens beyond the capacity.
    #[inline]
    pub fn prefetch(&self, index: usize) {
        let start = index * size_of::<T>();
        prefetch_index(&self.map[..], start);
        // A value may lie across two cache lines.
        if !LINE_BYTES.is_multiple_of(size_of::<T>()) {
            prefetch_index(&self.map[..], start + size_of::<T>() - 1);
        }
    }

    /// `count` values from `index` on. Panics beyond the capacity.
    #[inline]
    pub fn slice(&self, index: usize, count: usize) -> &[T] {
        let start = index * size_of::<T>();
        <[T]>::ref_from_bytes(&self.map[start..start + count * size_of::<T>()]).expect("maps are aligned")
    }

    /// `count` values from `index` on, to be changed. Panics beyond the capacity.
    #[inline]
    pub fn slice_mut(&mut self, index: usize, count: usize) -> &mut [T] {
        let start = index * size_of::<T>();
        <[T]>::mut_from_bytes(&mut self.map[start..start + count * size_of::<T>()]).expect("maps are aligned")
    }

    /// Moves to memory for `capacity` values, which must be more. For history only: nothing grows while serving.
    pub fn grow(&mut self, capacity: usize) {
        let mut grown = Memory::<T>::new(capacity);
        let bytes = self.capacity * size_of::<T>();
        grown.map[..bytes].copy_from_slice(&self.map[..bytes]);
        *self = grown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_when_memory_grows() {
        let mut memory = Memory::<u64>::new(3);
        for index in 0..3 {
            assert_eq!(*memory.get(index), 0);
            *memory.get_mut(index) = 7 + index as u64;
        }
        memory.grow(1_000_000);
        assert_eq!([*memory.get(0), *memory.get(1), *memory.get(2), *memory.get(999_999)], [7, 8, 9, 0]);
    }
}

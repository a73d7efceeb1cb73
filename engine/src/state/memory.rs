//! Memory for tables: taken at start, on huge pages where the system has them, and touched.
//!
//! Why not `Vec`: a random access into gigabytes on 4 KiB pages misses the address translation caches nearly every time.
//! Measured on a 2-core virtual machine over 4 GiB: 48 to 65 ns per independent access on 4 KiB pages, 21 ns on 2 MiB
//! pages. An anonymous map can ask for them (`madvise`); `memmap2` does so behind a safe call.
//!
//! Small ones lie on the heap, where a page and two system calls are not worth it: an engine has half a hundred tables and indexes,
//! and a simulation makes a hundred thousand engines.
//!
//! Invariant: every byte was written before the first use, so no page fault lies on the data path.

use core::marker::PhantomData;
use memmap2::{Advice, MmapMut};
use prefetch_index::prefetch_index;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A huge page: what is smaller is not worth a map.
const HUGE_BYTES: usize = 2 << 20;
/// The smallest page there is.
const PAGE_BYTES: usize = 4096;
/// Bytes that memory brings at a time.
const LINE_BYTES: usize = 64;

/// Plain data that may lie in a table.
pub trait Plain: Copy + FromBytes + IntoBytes + Immutable + KnownLayout {}
impl<T: Copy + FromBytes + IntoBytes + Immutable + KnownLayout> Plain for T {}

/// Heap memory, aligned for every record.
#[derive(Clone, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
struct Line([u8; LINE_BYTES]);

/// Where the values lie.
enum Place {
    Map(MmapMut),
    Heap(Box<[Line]>),
}

/// A fixed number of values, zero at first.
pub struct Memory<T> {
    place: Place,
    capacity: usize,
    of: PhantomData<T>,
}

impl<T: Plain> Memory<T> {
    /// Memory for `capacity` values. Panics if the system has none to give: nothing can be served then.
    pub fn new(capacity: usize) -> Memory<T> {
        let bytes = capacity * size_of::<T>();
        if bytes < HUGE_BYTES {
            let lines = vec![Line([0; LINE_BYTES]); bytes.div_ceil(LINE_BYTES)].into_boxed_slice();
            return Memory { place: Place::Heap(lines), capacity, of: PhantomData };
        }
        let mut map =
            MmapMut::map_anon(bytes).expect("the system has no memory for the tables: lower --memory");
        // Refused where huge pages are switched off: then the tables are slower, not wrong.
        let _ = map.advise(Advice::HugePage);
        for byte in map.iter_mut().step_by(PAGE_BYTES) {
            *byte = core::hint::black_box(0);
        }
        Memory { place: Place::Map(map), capacity, of: PhantomData }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match &self.place {
            Place::Map(map) => map,
            Place::Heap(lines) => lines.as_bytes(),
        }
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.place {
            Place::Map(map) => map,
            Place::Heap(lines) => lines.as_mut_bytes(),
        }
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
        T::ref_from_bytes(&self.bytes()[start..start + size_of::<T>()]).expect("memory is aligned")
    }

    /// The value at `index`, to be changed. Panics beyond the capacity.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> &mut T {
        let start = index * size_of::<T>();
        T::mut_from_bytes(&mut self.bytes_mut()[start..start + size_of::<T>()]).expect("memory is aligned")
    }

    /// Begins to bring the value at `index` into the cache, and does not wait for it. Nothing happens beyond the capacity.
    #[inline]
    pub fn prefetch(&self, index: usize) {
        let start = index * size_of::<T>();
        prefetch_index(self.bytes(), start);
        // A value may lie across two cache lines.
        if !LINE_BYTES.is_multiple_of(size_of::<T>()) {
            prefetch_index(self.bytes(), start + size_of::<T>() - 1);
        }
    }

    /// `count` values from `index` on. Panics beyond the capacity.
    #[inline]
    pub fn slice(&self, index: usize, count: usize) -> &[T] {
        let start = index * size_of::<T>();
        <[T]>::ref_from_bytes(&self.bytes()[start..start + count * size_of::<T>()])
            .expect("memory is aligned")
    }

    /// `count` values from `index` on, to be changed. Panics beyond the capacity.
    #[inline]
    pub fn slice_mut(&mut self, index: usize, count: usize) -> &mut [T] {
        let start = index * size_of::<T>();
        <[T]>::mut_from_bytes(&mut self.bytes_mut()[start..start + count * size_of::<T>()])
            .expect("memory is aligned")
    }

    /// Moves to memory for `capacity` values, which must be more. For history only: nothing grows while serving.
    pub fn grow(&mut self, capacity: usize) {
        let mut grown = Memory::<T>::new(capacity);
        let bytes = self.capacity * size_of::<T>();
        grown.bytes_mut()[..bytes].copy_from_slice(&self.bytes()[..bytes]);
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

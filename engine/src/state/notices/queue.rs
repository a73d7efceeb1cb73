//! Pages of cards by the second at which the first of their notices is due: a heap over numbers of pages.
//!
//! Why a heap and not a list by seconds: ends of cards lie anywhere in a century, and a page has one entry however many cards end when.
//! It takes 12 bytes for 64 cards, and nothing is allocated while serving. Invariant: a page is in the heap if and only if it has a
//! second, at the place that is noted; (second, page) ascends from parent to child, so the order of pages does not depend on how
//! the heap came to be.

use super::super::memory::Memory;
use crate::limits::NOTICE_PAGES_PER_EVENT_MAX;
use arrayvec::ArrayVec;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// When a page is due, and where it lies in the heap.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Place {
    /// 0: it is not in the heap.
    due_s: u32,
    at: u32,
}

/// Pages by second.
pub struct Queue {
    places: Memory<Place>,
    heap: Memory<u32>,
    length: u32,
}

impl Queue {
    /// Nothing, with room for so many pages.
    pub(super) fn new(pages: u32) -> Queue {
        Queue { places: Memory::new(pages as usize), heap: Memory::new(pages as usize), length: 0 }
    }

    /// Pages in it.
    pub(super) fn length(&self) -> u32 {
        self.length
    }

    /// When a page is due; 0: never.
    #[inline]
    pub(super) fn due_s(&self, page: u32) -> u32 {
        if page as usize >= self.places.capacity() { 0 } else { self.places.get(page as usize).due_s }
    }

    /// The second of the first page, and the page.
    pub(super) fn first(&self) -> Option<(u32, u32)> {
        (self.length > 0).then(|| self.key(0))
    }

    /// The first pages that are due by then, in their order.
    pub(super) fn due(&self, through_s: u32) -> ArrayVec<u32, NOTICE_PAGES_PER_EVENT_MAX> {
        let mut found = ArrayVec::new();
        // What may come next: the children of what was found.
        let mut open: ArrayVec<u32, { NOTICE_PAGES_PER_EVENT_MAX + 2 }> = ArrayVec::new();
        open.extend((self.length > 0).then_some(0));
        while !found.is_full() {
            let Some(least) = (0..open.len()).min_by_key(|place| self.key(open[*place])) else { break };
            let (due_s, page) = self.key(open[least]);
            if due_s > through_s {
                break;
            }
            let at = open.swap_remove(least);
            found.push(page);
            open.extend([2 * at + 1, 2 * at + 2].into_iter().filter(|child| *child < self.length));
        }
        found
    }

    /// A page is due then; 0: never.
    pub(super) fn set(&mut self, page: u32, due_s: u32) {
        if page as usize >= self.places.capacity() {
            // Only history can make it grow.
            let pages = (2 * page as usize).max(16);
            self.places.grow(pages);
            self.heap.grow(pages);
        }
        let Place { due_s: before_s, at } = *self.places.get(page as usize);
        if before_s == due_s {
            return;
        }
        self.places.get_mut(page as usize).due_s = due_s;
        let at = match (before_s, due_s) {
            (0, _) => {
                self.length += 1;
                self.put(self.length - 1, page);
                self.length - 1
            }
            (_, 0) => {
                self.length -= 1;
                if at == self.length {
                    return;
                }
                self.put(at, *self.heap.get(self.length as usize));
                at
            }
            _ => at,
        };
        let at = self.rise(at);
        self.sink(at);
    }

    #[inline]
    fn key(&self, at: u32) -> (u32, u32) {
        let page = *self.heap.get(at as usize);
        (self.places.get(page as usize).due_s, page)
    }

    fn put(&mut self, at: u32, page: u32) {
        *self.heap.get_mut(at as usize) = page;
        self.places.get_mut(page as usize).at = at;
    }

    fn swap(&mut self, one: u32, other: u32) {
        let (first, second) = (*self.heap.get(one as usize), *self.heap.get(other as usize));
        self.put(one, second);
        self.put(other, first);
    }

    fn rise(&mut self, mut at: u32) -> u32 {
        while at > 0 && self.key(at) < self.key((at - 1) / 2) {
            self.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
        at
    }

    fn sink(&mut self, mut at: u32) {
        loop {
            let children = [2 * at + 1, 2 * at + 2].into_iter().filter(|child| *child < self.length);
            let Some(least) = children.min_by_key(|child| self.key(*child)) else { return };
            if self.key(at) < self.key(least) {
                return;
            }
            self.swap(at, least);
            at = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_order_is_that_of_a_sorted_set_whatever_is_set_and_taken_out() {
        let mut rng = 7u64;
        let mut next = |below: u64| {
            rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (rng >> 33) % below
        };
        let (mut queue, mut model) = (Queue::new(8), BTreeSet::new());
        for _ in 0..20_000 {
            let (page, due_s) = (next(90) as u32, next(40) as u32);
            model.retain(|(_, other)| *other != page);
            if due_s != 0 {
                model.insert((due_s, page));
            }
            queue.set(page, due_s);
            assert_eq!(queue.due_s(page), due_s);
            assert_eq!((queue.length() as usize, queue.first()), (model.len(), model.first().copied()));
            let through_s = next(45) as u32;
            let due: Vec<u32> =
                model.iter().take_while(|(due, _)| *due <= through_s).map(|(_, page)| *page).collect();
            let most = due.len().min(NOTICE_PAGES_PER_EVENT_MAX);
            assert_eq!(queue.due(through_s).as_slice(), &due[..most]);
        }
    }
}

//! The timer wheel: which holds are due.
//!
//! Three levels of 1,024 slots: 1 ms, 1.024 s and about 17 min wide, so 14,400 s of deadlines cost two moves at the
//! most. Lists are doubly linked through an array beside the holds, because most holds end before their deadline and
//! must leave in constant time.
//!
//! It is an index, derived from the deadlines of held holds: which list a hold lies in depends on when the wheel was
//! turned, so it is no part of the state's digest. History does not keep it; [`Timers::start`] comes before the first
//! turn. Invariant, once started: every held hold is in exactly one list, and no hold with a deadline at or before
//! `posted_ms` is.

use super::memory::Memory;
use super::table::{Handle, NONE};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const SLOT_BITS: u32 = 10;
const SLOTS: u64 = 1 << SLOT_BITS;
const LEVELS: usize = 3;
/// A `previous` link with this bit set says: first of the list of that slot.
const FIRST: u32 = 1 << 31;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Links {
    previous: u32,
    next: u32,
}

/// Holds by deadline.
pub struct Timers {
    heads: Vec<u32>,
    occupied: [[u64; SLOTS as usize / 64]; LEVELS],
    links: Memory<Links>,
    /// All deadlines up to here have been taken.
    posted_ms: u64,
    held: u32,
    started: bool,
}

impl Timers {
    /// An empty wheel for `holds` handles, all of its memory touched.
    pub fn new(holds: u32) -> Timers {
        Timers {
            heads: vec![NONE; SLOTS as usize * LEVELS],
            occupied: [[0; SLOTS as usize / 64]; LEVELS],
            links: Memory::new(holds as usize),
            posted_ms: 0,
            held: 0,
            started: false,
        }
    }

    /// Whether [`Timers::start`] was called.
    pub fn started(&self) -> bool {
        self.started
    }

    /// From here on the wheel is kept. All deadlines up to `posted_ms` have been posted by history; the caller inserts
    /// the holds that are still held.
    pub fn start(&mut self, posted_ms: u64) {
        assert!(!self.started && self.held == 0);
        self.started = true;
        self.posted_ms = posted_ms;
    }

    /// Holds in the wheel.
    pub fn held(&self) -> u32 {
        self.held
    }

    /// Adds a hold. A deadline that is already past is put where the next turn finds it.
    pub fn insert(&mut self, handle: Handle, deadline_ms: u64) {
        if !self.started {
            return;
        }
        if handle.0 as usize >= self.links.capacity() {
            self.links.grow((2 * handle.0 as usize).max(1024));
        }
        self.held += 1;
        self.link(handle.0, deadline_ms.max(self.posted_ms + 1));
    }

    /// Takes a hold out.
    pub fn remove(&mut self, handle: Handle) {
        if !self.started {
            return;
        }
        self.held -= 1;
        let Links { previous, next } = *self.links.get(handle.0 as usize);
        if previous & FIRST != 0 {
            let list = (previous & !FIRST) as usize;
            self.heads[list] = next;
            if next == NONE {
                self.set_occupied(list, false);
            }
        } else {
            self.links.get_mut(previous as usize).next = next;
        }
        if next != NONE {
            self.links.get_mut(next as usize).previous = previous;
        }
    }

    /// Turns the wheel towards `now_ms` until a list is due, `moves_max` holds were moved to finer lists, or the time
    /// is reached. Answers the time up to which no deadline is left untaken, short of the due list if there is one;
    /// [`Timers::due`] then reads it. `deadline_of` tells a hold's deadline.
    pub fn turn(&mut self, now_ms: u64, moves_max: u32, deadline_of: impl Fn(Handle) -> u64) -> u64 {
        if self.held == 0 {
            self.posted_ms = self.posted_ms.max(now_ms);
            return self.posted_ms;
        }
        let mut moves = 0;
        while self.posted_ms < now_ms {
            let next_ms = self.posted_ms + 1;
            for level in (1..LEVELS).rev() {
                let width_bits = SLOT_BITS * level as u32;
                if next_ms & ((1 << width_bits) - 1) != 0 {
                    continue;
                }
                let list = Self::list(level, next_ms >> width_bits);
                while self.heads[list] != NONE {
                    if moves >= moves_max {
                        return self.posted_ms;
                    }
                    moves += 1;
                    let handle = Handle(self.heads[list]);
                    self.remove(handle);
                    self.held += 1;
                    self.link(handle.0, deadline_of(handle).max(next_ms));
                }
            }
            if self.heads[Self::list(0, next_ms)] != NONE {
                return self.posted_ms;
            }
            self.posted_ms = self.skip_to(now_ms);
        }
        self.posted_ms
    }

    /// The first holds of the list that is due next, at most `out`'s room; call after [`Timers::turn`] stopped short.
    /// They stay in the wheel until removed.
    pub fn due(&self, out: &mut Vec<Handle>, count_max: usize) {
        out.clear();
        let mut handle = self.heads[Self::list(0, self.posted_ms + 1)];
        while handle != NONE && out.len() < count_max {
            out.push(Handle(handle));
            handle = self.links.get(handle as usize).next;
        }
    }

    /// The last millisecond, from `posted_ms + 1` on and not past `now_ms`, before which nothing can be due and no
    /// coarse list has to be opened.
    fn skip_to(&self, now_ms: u64) -> u64 {
        let from = self.posted_ms + 1;
        let round_end = from | (SLOTS - 1);
        let first_bit = (from + 1) & (SLOTS - 1);
        if from == round_end {
            return from;
        }
        let words = &self.occupied[0];
        let mut word = (first_bit / 64) as usize;
        let mut bits = words[word] & (u64::MAX << (first_bit % 64));
        while bits == 0 {
            word += 1;
            if word == words.len() {
                return round_end.min(now_ms);
            }
            bits = words[word];
        }
        let slot = word as u64 * 64 + u64::from(bits.trailing_zeros());
        ((from & !(SLOTS - 1)) + slot - 1).min(now_ms)
    }

    fn link(&mut self, handle: u32, deadline_ms: u64) {
        // The finest level on which the deadline lies less than a round ahead: there no other unit shares its slot.
        let next_ms = self.posted_ms + 1;
        let units_ahead =
            |level: u32| (deadline_ms >> (SLOT_BITS * level)) - (next_ms >> (SLOT_BITS * level));
        let level = if units_ahead(0) < SLOTS {
            0
        } else if units_ahead(1) < SLOTS {
            1
        } else {
            2
        };
        // Deadlines lie at most 4 h ahead and a round of level 2 is 12 days.
        let list = Self::list(level, deadline_ms >> (SLOT_BITS * level as u32));
        let next = self.heads[list];
        *self.links.get_mut(handle as usize) = Links { previous: FIRST | list as u32, next };
        if next == NONE {
            self.set_occupied(list, true);
        } else {
            self.links.get_mut(next as usize).previous = handle;
        }
        self.heads[list] = handle;
    }

    const fn list(level: usize, unit: u64) -> usize {
        level * SLOTS as usize + (unit & (SLOTS - 1)) as usize
    }

    fn set_occupied(&mut self, list: usize, occupied: bool) {
        let word = &mut self.occupied[list / SLOTS as usize][list % SLOTS as usize / 64];
        let bit = 1 << (list % 64);
        if occupied { *word |= bit } else { *word &= !bit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(timers: &mut Timers, now_ms: u64, deadlines: &[u64]) -> Vec<(u64, u32)> {
        let mut taken = Vec::new();
        let mut due = Vec::new();
        loop {
            let reached = timers.turn(now_ms, 3, |handle| deadlines[handle.0 as usize]);
            if reached == now_ms {
                return taken;
            }
            timers.due(&mut due, 2);
            for handle in &due {
                taken.push((reached + 1, handle.0));
                timers.remove(*handle);
            }
        }
    }

    #[test]
    fn every_hold_is_due_exactly_at_its_deadline() {
        let start = 1_700_000_000_123;
        let deadlines: Vec<u64> =
            (0..2_000u64).map(|n| start + 1 + n * n * 7 % 14_400_000).chain([start + 1; 5]).collect();
        let mut timers = Timers::new(8);
        timers.start(0);
        assert_eq!(timers.turn(start, 1, |_| 0), start);
        for (handle, deadline) in deadlines.iter().enumerate() {
            timers.insert(Handle(handle as u32), *deadline);
        }
        timers.remove(Handle(17));
        let mut taken = Vec::new();
        for now in [start + 1, start + 900, start + 1_100_000, start + 14_400_001] {
            taken.extend(drain(&mut timers, now, &deadlines));
            assert!(taken.iter().all(|(at, _)| *at <= now));
        }
        assert_eq!(taken.len(), deadlines.len() - 1);
        assert!(taken.is_sorted_by_key(|(at, _)| *at));
        assert!(taken.iter().all(|(at, handle)| *at == deadlines[*handle as usize] && *handle != 17));
        assert_eq!(timers.held(), 0);
    }
}

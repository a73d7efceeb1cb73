//! One stock in the walk's own books: buckets, channels, batches of card keys.
//!
//! It follows docs/semantics.md, not the engine's code, so that an error in one shows as a difference to the other.
//! Invariant: nothing here panics on a log that is wrong; a bucket that would fall below zero stays at zero, and the
//! comparison that follows every event says so.

use scrip_engine::command::Quota;
use scrip_engine::ids::ChannelId;
use std::collections::{BTreeMap, VecDeque};

/// What a channel has of a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelBook {
    /// Units guaranteed now.
    pub guaranteed: u64,
    /// Units guaranteed when the quota was set last.
    pub guaranteed_first: u64,
    /// The most units it may have used; [`Quota::NO_CAP`]: no maximum.
    pub cap: u64,
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub consumed: u64,
    /// The most units it ever had used.
    pub used_most: u64,
}

impl ChannelBook {
    pub(super) const NEW: ChannelBook = ChannelBook {
        guaranteed: 0,
        guaranteed_first: 0,
        cap: Quota::NO_CAP,
        held: 0,
        consumed: 0,
        used_most: 0,
    };

    /// Units held and sold.
    pub fn used(&self) -> u64 {
        self.held + self.consumed
    }

    /// What its guarantee has left.
    pub fn unused(&self) -> u64 {
        self.guaranteed.saturating_sub(self.used())
    }
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    Active,
    Frozen,
    /// Voided or expired.
    Gone,
}

/// A batch of card keys.
#[derive(Debug, Clone)]
pub(super) struct BatchBook {
    pub(super) number: u32,
    /// Its place in the order of sale: when it expires.
    pub(super) rank: u64,
    pub(super) shelf: Shelf,
    /// Keys not bound to anything, in the order of sale.
    pub(super) unsold: VecDeque<u32>,
    /// Of those, how many have left available and held with their batch.
    pub(super) moved: u64,
}

impl BatchBook {
    fn marked(&self) -> u64 {
        if self.shelf == Shelf::Active { 0 } else { self.unsold.len() as u64 - self.moved }
    }
}

/// A stock.
#[derive(Debug, Clone, Default)]
pub struct StockBook {
    /// Units supplied.
    pub total: u64,
    /// Units that can be taken.
    pub available: u64,
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub consumed: u64,
    /// Units set aside.
    pub frozen: u64,
    /// Units gone for good.
    pub void: u64,
    /// Held units that go to frozen when their holds end.
    pub marked_frozen: u64,
    /// Held units that go to void when their holds end.
    pub marked_void: u64,
    /// Units are card keys.
    pub keys: bool,
    /// One text for every buyer.
    pub reusable: bool,
    /// Of that, the version in force.
    pub(super) version: Option<u32>,
    /// Where chance starts from; 0: keys are sold in the order of import.
    pub(super) seed: u64,
    /// Keys bound by chance so far.
    pub(super) bound: u64,
    /// Its channels.
    pub channels: BTreeMap<ChannelId, ChannelBook>,
    pub(super) batches: Vec<BatchBook>,
}

fn minus(from: &mut u64, units: u64) {
    *from = from.saturating_sub(units);
}

fn shift(from: &mut u64, to: &mut u64, units: u64) {
    minus(from, units);
    *to += units;
}

impl StockBook {
    fn channel(&mut self, channel: ChannelId) -> &mut ChannelBook {
        self.channels.entry(channel).or_insert(ChannelBook::NEW)
    }

    fn used(&mut self, channel: ChannelId, held: i64, consumed: i64) {
        let found = self.channel(channel);
        found.held = found.held.saturating_add_signed(held);
        found.consumed = found.consumed.saturating_add_signed(consumed);
        found.used_most = found.used_most.max(found.used());
    }

    fn lose(&mut self, channel: ChannelId, units: u64) {
        minus(&mut self.channel(channel).guaranteed, units);
    }

    /// available to held
    pub(super) fn hold(&mut self, channel: ChannelId, units: u64) {
        shift(&mut self.available, &mut self.held, units);
        self.used(channel, units as i64, 0);
    }

    /// available to consumed
    pub(super) fn sell(&mut self, channel: ChannelId, units: u64) {
        shift(&mut self.available, &mut self.consumed, units);
        self.used(channel, 0, units as i64);
    }

    /// held to consumed; marks that exceed what is still held are dropped, frozen first.
    pub(super) fn consume(&mut self, channel: ChannelId, units: u64) {
        shift(&mut self.held, &mut self.consumed, units);
        self.used(channel, -(units as i64), units as i64);
        let excess = (self.marked_void + self.marked_frozen).saturating_sub(self.held);
        let of_frozen = excess.min(self.marked_frozen);
        self.marked_frozen -= of_frozen;
        self.marked_void -= excess - of_frozen;
    }

    /// held to void and frozen as far as marks wait, the rest to available
    pub(super) fn free(&mut self, channel: ChannelId, units: u64) {
        let to_void = units.min(self.marked_void);
        let to_frozen = (units - to_void).min(self.marked_frozen);
        self.marked_void -= to_void;
        self.marked_frozen -= to_frozen;
        minus(&mut self.held, units);
        self.void += to_void;
        self.frozen += to_frozen;
        self.available += units - to_void - to_frozen;
        self.used(channel, -(units as i64), 0);
        self.lose(channel, to_void + to_frozen);
        self.settle(to_void, to_frozen);
    }

    /// consumed back to available, or to void
    pub(super) fn give_back(&mut self, channel: ChannelId, units: u64, to_available: bool) {
        let to = if to_available { &mut self.available } else { &mut self.void };
        shift(&mut self.consumed, to, units);
        self.used(channel, 0, -(units as i64));
        if !to_available {
            self.lose(channel, units);
        }
    }

    /// A key that nobody has seen is unsold again, and its unit goes where its batch stands.
    pub(super) fn reclaim(&mut self, channel: ChannelId, number: u32, key: u32) {
        let by_chance = self.seed != 0;
        let Some(batch) = self.batch(number) else { return };
        let shelf = batch.shelf;
        if by_chance {
            batch.unsold.push_back(key)
        } else {
            batch.unsold.push_front(key)
        }
        if shelf != Shelf::Active {
            batch.moved += 1;
        }
        let to = match shelf {
            Shelf::Active => &mut self.available,
            Shelf::Frozen => &mut self.frozen,
            Shelf::Gone => &mut self.void,
        };
        shift(&mut self.consumed, to, 1);
        self.used(channel, 0, -1);
        if shelf != Shelf::Active {
            self.lose(channel, 1);
        }
        self.after_move();
    }

    /// new to available; of card keys marks take theirs first
    pub(super) fn supply(&mut self, units: u64) {
        self.total += units;
        self.available += units;
        self.after_move();
    }

    /// available to void or frozen, the rest marked
    pub(super) fn set_aside(&mut self, units: u64, for_good: bool) {
        let now = units.min(self.available);
        let (to, marks) = if for_good {
            (&mut self.void, &mut self.marked_void)
        } else {
            (&mut self.frozen, &mut self.marked_frozen)
        };
        shift(&mut self.available, to, now);
        *marks += units - now;
        self.after_move();
    }

    /// frozen to void
    pub(super) fn void_frozen(&mut self, units: u64) {
        shift(&mut self.frozen, &mut self.void, units);
        self.after_move();
    }

    /// frozen to available, the rest unmarked
    pub(super) fn unfreeze(&mut self, units: u64) {
        let now = units.min(self.frozen);
        shift(&mut self.frozen, &mut self.available, now);
        minus(&mut self.marked_frozen, units - now);
        self.after_move();
    }

    /// After the operator's hand: marks of card keys take what is available, and guarantees are lowered until they are
    /// there, of the channel with the most left unused first, of the lowest number among equals.
    fn after_move(&mut self) {
        if self.keys {
            let to_void = self.available.min(self.marked_void);
            let to_frozen = (self.available - to_void).min(self.marked_frozen);
            self.marked_void -= to_void;
            self.marked_frozen -= to_frozen;
            shift(&mut self.available, &mut self.void, to_void);
            shift(&mut self.available, &mut self.frozen, to_frozen);
            self.settle(to_void, to_frozen);
        }
        loop {
            let excess = self.unused_guarantees().saturating_sub(self.available);
            let most = self.channels.iter_mut().max_by_key(|(channel, book)| (book.unused(), !channel.0));
            match most {
                Some((_, most)) if excess > 0 && most.unused() > 0 => {
                    most.guaranteed -= most.unused().min(excess);
                }
                _ => return,
            }
        }
    }

    /// Units that marks have taken are spread over the batches whose marks they were, in the order of sale.
    fn settle(&mut self, to_void: u64, to_frozen: u64) {
        let (mut to_void, mut to_frozen) = (to_void, to_frozen);
        for batch in &mut self.batches {
            let left = if batch.shelf == Shelf::Gone { &mut to_void } else { &mut to_frozen };
            let units = batch.marked().min(*left);
            batch.moved += units;
            *left -= units;
        }
    }

    /// What all guarantees together have left.
    pub fn unused_guarantees(&self) -> u64 {
        self.channels.values().map(ChannelBook::unused).sum()
    }

    pub(super) fn set_quota(&mut self, quota: &Quota) {
        let found = self.channel(quota.channel());
        found.guaranteed = quota.guaranteed.get();
        found.guaranteed_first = quota.guaranteed.get();
        found.cap = quota.cap.get();
    }

    /// Ends a guarantee; answers what it had left.
    pub(super) fn lapse(&mut self, channel: ChannelId) -> u64 {
        let found = self.channel(channel);
        let unused = found.unused();
        found.guaranteed = 0;
        unused
    }

    /// A new batch takes its place in the order of sale: by expiry, never is last; then as made.
    pub(super) fn add_batch(&mut self, number: u32, expires_ms: u64) {
        let rank = if expires_ms == 0 { u64::MAX } else { expires_ms };
        let place = self.batches.partition_point(|batch| batch.rank <= rank);
        let batch = BatchBook { number, rank, shelf: Shelf::Active, unsold: VecDeque::new(), moved: 0 };
        self.batches.insert(place, batch);
    }

    pub(super) fn batch(&mut self, number: u32) -> Option<&mut BatchBook> {
        self.batches.iter_mut().find(|batch| batch.number == number)
    }

    /// A batch is frozen, unfrozen, voided or expires, and its unsold keys' units follow.
    pub(super) fn move_batch(&mut self, number: u32, to: Shelf) {
        let available = self.available;
        let Some(batch) = self.batch(number) else { return };
        let (from, unsold, moved) = (batch.shelf, batch.unsold.len() as u64, batch.moved);
        let marked = batch.marked();
        batch.shelf = to;
        match (from, to) {
            (Shelf::Active, Shelf::Frozen | Shelf::Gone) => {
                batch.moved = unsold.min(available);
                self.set_aside(unsold, to == Shelf::Gone);
            }
            (Shelf::Frozen, Shelf::Gone) => {
                shift(&mut self.marked_frozen, &mut self.marked_void, marked);
                self.void_frozen(moved);
            }
            (Shelf::Frozen, Shelf::Active) => {
                batch.moved = 0;
                minus(&mut self.marked_frozen, marked);
                self.unfreeze(moved);
            }
            _ => {}
        }
    }

    /// The next key in the order of sale.
    pub(super) fn next_key(&mut self) -> Option<u32> {
        let mut active = self.batches.iter_mut().filter(|batch| batch.shelf == Shelf::Active);
        if self.seed == 0 {
            return active.find_map(|batch| batch.unsold.pop_front());
        }
        let unsold = &mut active.find(|batch| !batch.unsold.is_empty())?.unsold;
        self.bound += 1;
        let position = (split_mix(self.seed, self.bound) % unsold.len() as u64) as usize;
        // The last one takes the place of the one that was drawn.
        unsold.swap_remove_back(position)
    }
}

/// The `n`-th draw of chance: SplitMix64, as docs/semantics.md gives it.
fn split_mix(seed: u64, n: u64) -> u64 {
    let mut mixed = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

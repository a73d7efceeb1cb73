//! In which order the keys of one stock are sold: batch by batch, and within one as imported or by chance.
//!
//! It stands apart from the keys themselves because it belongs to a stock. Invariant: no batch before the one where the search
//! begins has a key to sell; what is drawn depends on the seed and the keys bound so far alone.

use super::keys::{BatchState, Keys};
use super::table::Handle;
use crate::command::StockKind;
use crate::limits::BATCHES_PER_STOCK_MAX;

/// The batches of one stock, in the order in which their keys are sold: by expiry (never is last), then as made.
#[derive(Debug, Clone)]
pub struct SaleOrder {
    batches: Vec<u32>,
    /// No batch before this one has a key to sell.
    from: usize,
    /// Where chance starts from; 0: keys are sold in the order of import.
    seed: u64,
    /// Keys bound so far, in random order.
    bound: u64,
}

impl SaleOrder {
    /// No batches.
    pub fn new(kind: StockKind) -> SaleOrder {
        let seed = if let StockKind::RandomKeys { seed } = kind { seed } else { 0 };
        SaleOrder { batches: Vec::new(), from: 0, seed, bound: 0 }
    }

    /// Whether the keys of a batch are sold in random order.
    pub fn is_random(&self) -> bool {
        self.seed != 0
    }

    /// What chance rests on: the seed, and the keys bound so far.
    pub fn chance(&self) -> [u64; 2] {
        [self.seed, self.bound]
    }

    /// The position in a random batch of `unsold` keys that is bound next: the output of SplitMix64 for this many keys
    /// bound, as docs/semantics.md gives it.
    fn position(&self, unsold: u64) -> usize {
        let mut mixed = self.seed.wrapping_add((self.bound + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % unsold) as usize
    }

    /// The handles of the batches.
    pub fn batches(&self) -> &[u32] {
        &self.batches
    }

    /// Whether one batch more is possible.
    pub fn has_room(&self) -> bool {
        self.batches.len() < BATCHES_PER_STOCK_MAX
    }

    /// The key that will be bound next.
    pub fn next(&self, keys: &Keys) -> Option<Handle> {
        let batches = self.batches[self.from..].iter().map(|batch| &keys.batches[*batch as usize]);
        let mut active = batches.filter(|batch| batch.state == BatchState::Active && batch.unsold > 0);
        active.next().map(|batch| match self.seed {
            0 => Handle(batch.first),
            _ => Handle(batch.shuffled[self.position(batch.unsold)]),
        })
    }

    /// Puts a new batch into its place.
    pub(crate) fn insert(&mut self, handle: u32, keys: &Keys) {
        let rank = |batch: u32| match keys.batches[batch as usize].expires_ms {
            0 => u64::MAX,
            expires_ms => expires_ms,
        };
        let new = rank(handle);
        let place = self.batches.partition_point(|batch| rank(*batch) <= new);
        self.batches.insert(place, handle);
        self.from = 0;
    }

    /// Batches may have got keys to sell.
    pub(crate) fn start_over(&mut self) {
        self.from = 0;
    }

    /// Binds the next key in the order of sale.
    pub(crate) fn take_next(&mut self, keys: &mut Keys) -> Option<Handle> {
        while let Some(batch) = self.batches.get(self.from).copied() {
            let found = &keys.batches[batch as usize];
            if found.state == BatchState::Active && found.unsold > 0 {
                if self.seed == 0 {
                    return keys.take_first(batch);
                }
                let position = self.position(found.unsold);
                self.bound += 1;
                return Some(keys.take_at(batch, position));
            }
            self.from += 1;
        }
        None
    }

    /// Spreads units that marks have taken to void or frozen over the batches whose marks they were.
    pub(crate) fn settle(&self, keys: &mut Keys, to_void: u64, to_frozen: u64) {
        let (mut to_void, mut to_frozen) = (to_void, to_frozen);
        for batch in &self.batches {
            if to_void == 0 && to_frozen == 0 {
                return;
            }
            let batch = &mut keys.batches[*batch as usize];
            let left = if batch.state.is_void() { &mut to_void } else { &mut to_frozen };
            let units = batch.marked().min(*left);
            batch.moved += units;
            *left -= units;
        }
        assert!(to_void == 0 && to_frozen == 0, "marks belong to batches");
    }
}

//! Card keys: batches of secrets, each sold at most once.
//!
//! They stand here because a key's state is the bucket of a unit with identity. The text of a key lies sealed in a chunk
//! that the engine can't open; a keyed fingerprint tells whether a text is already there. Unsold keys hang in their
//! batch in the order of import, sold ones in the line of the hold that bought them. Records are never freed: a key once
//! imported stays "already there".
//!
//! Invariant: an unsold key hangs in exactly one batch, a sold one in exactly one hold's line (until that hold leaves
//! memory), a version of a reusable text in any number of lines, alone; of a batch, imported = unsold + sold + void; what freezing or voiding has taken of the unsold ones is in
//! `moved`, the rest waits as marks of the stock.

use super::index::Index;
use super::memory::Memory;
use super::table::{Handle, NONE, Table};
use crate::ids::{OperationId, StockId};
use crate::limits::{Capacity, NAME_BYTES_MAX, SEAL_BYTES};
use scrip_planted::{Bug, on};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct KeyRecord {
    /// The keyed hash of its text; never 0.
    pub fingerprint: u128,
    /// Handle of the chunk its text lies in.
    pub chunk: u32,
    /// The next key of the same batch (unsold) or of the same hold's line (sold); of [`Replacement::Came`] the one that took
    /// its place.
    pub next: u32,
    /// Handle of the hold whose line it hangs in, as long as that is in memory; [`NONE`]: none.
    pub hold: u32,
    /// Its position in the chunk.
    pub position: u8,
    /// A [`KeyState`].
    pub state: u8,
    /// How often this place in its hold was filled by a replacement.
    pub replacements: u8,
    /// A [`Replacement`].
    pub owed: u8,
}

const _: () = assert!(size_of::<KeyRecord>() == 32);

/// What has become of a void key's replacement, if that was owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Replacement {
    /// None was.
    None = 0,
    /// It is.
    Owed = 1,
    /// It came.
    Came = 2,
    /// The debt ended without it: the key stands in its line as one that was returned.
    Never = 3,
}

impl KeyRecord {
    /// What has become of its replacement.
    pub fn replacement(&self) -> Replacement {
        match self.owed {
            0 => Replacement::None,
            1 => Replacement::Owed,
            2 => Replacement::Came,
            _ => Replacement::Never,
        }
    }

    /// Whether its replacement is owed.
    pub fn is_owed(&self) -> bool {
        self.replacement() == Replacement::Owed
    }
}

/// Where a key stands. Frozen and void batches say more about their unsold keys. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyState {
    /// Not bound to any order.
    Unsold = 0,
    /// Bound to an order.
    Sold = 1,
    /// Gone for good: returned, or replaced.
    Void = 2,
    /// A version of a reusable text: bound to any number of orders.
    Content = 3,
}

impl KeyState {
    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<KeyState> {
        Some(match number {
            0 => KeyState::Unsold,
            1 => KeyState::Sold,
            2 => KeyState::Void,
            3 => KeyState::Content,
            _ => return None,
        })
    }
}

/// Where a batch stands. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BatchState {
    /// Its keys are sold.
    Active = 1,
    /// Its unsold keys are set aside.
    Frozen = 2,
    /// Its unsold keys are gone for good.
    Void = 3,
    /// It has expired: as void.
    Expired = 4,
}

impl BatchState {
    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<BatchState> {
        Some(match number {
            1 => BatchState::Active,
            2 => BatchState::Frozen,
            3 => BatchState::Void,
            4 => BatchState::Expired,
            _ => return None,
        })
    }

    /// Whether its unsold keys are gone for good.
    pub const fn is_void(self) -> bool {
        matches!(self, BatchState::Void | BatchState::Expired)
    }
}

/// One import of keys.
#[derive(Clone)]
pub struct Batch {
    /// Its number within the stock, chosen by the operator.
    pub number: u32,
    /// The stock.
    pub stock: Handle,
    /// Where it stands.
    pub state: BatchState,
    /// What a key cost, in minor units; not interpreted.
    pub cost: u64,
    /// Shard time from which on its keys can't be sold; 0: never.
    pub expires_ms: u64,
    /// Keys imported so far.
    pub imported: u64,
    /// Keys not bound to an order.
    pub unsold: u64,
    /// Of those, the ones whose units lie in frozen or void.
    pub moved: u64,
    /// Keys bound to an order.
    pub sold: u64,
    /// Keys bound once and void since.
    pub void: u64,
    pub(super) first: u32,
    last: u32,
    /// Of a stock in random order: its unsold keys, instead of the list from `first` on. Never shrinks its memory, so that
    /// what an import has reserved is there whatever is sold.
    pub(super) shuffled: Vec<u32>,
    supplier: [u8; NAME_BYTES_MAX],
    supplier_bytes: u8,
}

impl Batch {
    /// An active batch without keys.
    pub fn new(number: u32, stock: Handle, supplier: &[u8], cost: u64, expires_ms: u64) -> Batch {
        let mut batch = Batch {
            number,
            stock,
            state: BatchState::Active,
            cost,
            expires_ms,
            imported: 0,
            unsold: 0,
            moved: 0,
            sold: 0,
            void: 0,
            first: NONE,
            last: NONE,
            shuffled: Vec::new(),
            supplier: [0; NAME_BYTES_MAX],
            supplier_bytes: supplier.len() as u8,
        };
        batch.supplier[..supplier.len()].copy_from_slice(supplier);
        batch
    }

    /// Where its keys are from: UTF-8.
    pub fn supplier(&self) -> &[u8] {
        &self.supplier[..usize::from(self.supplier_bytes)]
    }

    /// The unsold keys of a batch in random order, by position.
    pub fn shuffled(&self) -> &[u32] {
        &self.shuffled
    }

    /// Unsold keys whose units are still available or held, though the batch is frozen or void.
    pub fn marked(&self) -> u64 {
        if self.state == BatchState::Active { 0 } else { self.unsold - self.moved }
    }
}

/// Bytes of the smallest sealed chunk: one key of one byte, and its length.
const CHUNK_BYTES_MIN: u64 = SEAL_BYTES as u64 + 3;

/// The sealed texts of up to 64 keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The operation that imported it: part of what the seal binds.
    pub operation: OperationId,
    /// The stock it was imported into: part of what the seal binds.
    pub stock: StockId,
    /// Handle of the batch that all of its keys are of.
    pub batch: u32,
    offset: u64,
    bytes: u32,
}

/// Keys, batches and sealed texts.
pub struct Keys {
    /// Keys, by handle.
    pub records: Table<KeyRecord>,
    /// Batches, by handle.
    pub batches: Vec<Batch>,
    chunks: Vec<Chunk>,
    sealed: Memory<u8>,
    sealed_bytes: u64,
    index: Index,
}

impl Keys {
    /// No keys, with room for `capacity`.
    pub fn new(capacity: &Capacity) -> Keys {
        Keys {
            records: Table::new(capacity.keys_max),
            batches: Vec::new(),
            // Address space, not memory: so that the list never moves while serving.
            chunks: Vec::with_capacity((capacity.sealed_bytes_max / CHUNK_BYTES_MIN) as usize),
            sealed: Memory::new(capacity.sealed_bytes_max as usize),
            sealed_bytes: 0,
            index: Index::new(capacity.keys_max),
        }
    }

    /// Bytes of sealed texts.
    pub fn sealed_bytes(&self) -> u64 {
        self.sealed_bytes
    }

    /// The chunk with this handle, and its sealed bytes.
    #[inline]
    pub fn chunk(&self, chunk: u32) -> (&Chunk, &[u8]) {
        let found = &self.chunks[chunk as usize];
        (found, self.sealed.slice(found.offset as usize, found.bytes as usize))
    }

    /// Chunks so far.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The key with this fingerprint.
    #[inline]
    pub fn find(&self, fingerprint: u128) -> Option<Handle> {
        self.index.find(hash_of(fingerprint), |handle| self.records.get(handle).fingerprint == fingerprint)
    }

    /// Begins to bring the index slot of a fingerprint into the cache.
    #[inline]
    pub fn prefetch(&self, fingerprint: u128) {
        self.index.prefetch(hash_of(fingerprint));
    }

    /// Keys that the index knows.
    pub fn indexed(&self) -> u32 {
        self.index.used()
    }

    /// The keys of a hold's line, from its first.
    pub fn line(&self, first: u32) -> impl Iterator<Item = (Handle, &KeyRecord)> {
        let mut next = first;
        core::iter::from_fn(move || {
            let handle = (next != NONE).then_some(Handle(next))?;
            let key = self.records.get(handle);
            next = key.next;
            Some((handle, key))
        })
    }

    /// Whether a line that begins with this key has the version of a reusable text instead of keys of its own.
    pub fn is_content(&self, first: u32) -> bool {
        first != NONE && self.records.get(Handle(first)).state == KeyState::Content as u8
    }

    /// Handle of the batch of a key.
    pub fn batch_of(&self, key: &KeyRecord) -> u32 {
        self.chunks[key.chunk as usize].batch
    }

    /// The key behind this one, in its batch or line.
    pub fn next(&self, key: Handle) -> Option<Handle> {
        let next = self.records.get(key).next;
        (next != NONE).then_some(Handle(next))
    }

    /// The unsold keys of a batch, in the order in which they will be sold; of a random one, from position 0.
    pub fn unsold(&self, batch: &Batch) -> impl Iterator<Item = (Handle, &KeyRecord)> {
        let shuffled =
            batch.shuffled.iter().map(|handle| (Handle(*handle), self.records.get(Handle(*handle))));
        self.line(batch.first).chain(shuffled)
    }
}

/// The index wants 32 well mixed bits; a fingerprint is a keyed hash already, so nobody can choose them.
#[inline]
fn hash_of(fingerprint: u128) -> u32 {
    (fingerprint >> 64) as u32
}

fn unsold_key(fingerprint: u128, chunk: u32, position: u8) -> KeyRecord {
    KeyRecord {
        fingerprint,
        chunk,
        next: NONE,
        hold: NONE,
        position,
        state: KeyState::Unsold as u8,
        replacements: 0,
        owed: Replacement::None as u8,
    }
}

/// Writing: for `apply` alone.
impl Keys {
    /// Keeps a chunk of sealed texts.
    pub(crate) fn insert_chunk(
        &mut self,
        operation: OperationId,
        (stock, batch): (StockId, u32),
        sealed: &[u8],
    ) -> u32 {
        let end = self.sealed_bytes as usize + sealed.len();
        if end > self.sealed.capacity() {
            // Only history can get here: `decide` refuses at the maximum.
            self.sealed.grow((2 * end).max(1 << 20));
        }
        self.sealed.slice_mut(self.sealed_bytes as usize, sealed.len()).copy_from_slice(sealed);
        self.chunks.push(Chunk {
            operation,
            stock,
            batch,
            offset: self.sealed_bytes,
            bytes: sealed.len() as u32,
        });
        self.sealed_bytes = end as u64;
        u32::try_from(self.chunks.len() - 1).expect("there are fewer chunks than keys")
    }

    /// Adds an unsold key behind the others of its batch.
    pub(crate) fn insert(&mut self, fingerprint: u128, chunk: u32, position: u8, batch: u32, random: bool) {
        let handle = self.insert_record(unsold_key(fingerprint, chunk, position));
        let batch = &mut self.batches[batch as usize];
        batch.imported += 1;
        batch.unsold += 1;
        if random {
            batch.shuffled.push(handle.0);
            return;
        }
        let last = core::mem::replace(&mut batch.last, handle.0);
        if last == NONE {
            batch.first = handle.0;
        } else {
            self.records.get_mut(Handle(last)).next = handle.0;
        }
    }

    /// Adds a version of a reusable text.
    pub(crate) fn insert_content(
        &mut self,
        fingerprint: u128,
        chunk: u32,
        position: u8,
        batch: u32,
    ) -> Handle {
        let record = KeyRecord { state: KeyState::Content as u8, ..unsold_key(fingerprint, chunk, position) };
        self.batches[batch as usize].imported += 1;
        self.insert_record(record)
    }

    fn insert_record(&mut self, record: KeyRecord) -> Handle {
        assert!(self.find(record.fingerprint).is_none(), "a key is imported once");
        let handle = self.records.insert(record);
        self.index.insert(hash_of(record.fingerprint), handle);
        handle
    }

    /// Binds the unsold key at a position of a batch in random order; the last one takes its position.
    pub(crate) fn take_at(&mut self, batch: u32, position: usize) -> Handle {
        let batch = &mut self.batches[batch as usize];
        let handle = Handle(if on(Bug::RandomKeyStays) {
            batch.shuffled[position]
        } else {
            batch.shuffled.swap_remove(position)
        });
        let key = self.records.get_mut(handle);
        assert!(key.state == KeyState::Unsold as u8, "a key is sold once");
        key.state = KeyState::Sold as u8;
        batch.unsold -= 1;
        batch.sold += 1;
        handle
    }

    /// Binds the first unsold key of a batch; it is not linked to anything yet.
    pub(crate) fn take_first(&mut self, batch: u32) -> Option<Handle> {
        let batch = &mut self.batches[batch as usize];
        let handle = (batch.first != NONE).then_some(Handle(batch.first))?;
        let key = self.records.get_mut(handle);
        assert!(key.state == KeyState::Unsold as u8, "a key is sold once");
        key.state = KeyState::Sold as u8;
        let next = core::mem::replace(&mut key.next, NONE);
        if !on(Bug::KeyBoundTwice) {
            batch.first = next;
        }
        if batch.first == NONE {
            batch.last = NONE;
        }
        batch.unsold -= 1;
        batch.sold += 1;
        Some(handle)
    }

    /// A sold key is unsold again: the first of its batch; of a random one, the last in the list, which has had room for it
    /// before. Answers the key that was linked behind it.
    pub(crate) fn reclaim(&mut self, handle: Handle, random: bool) -> u32 {
        let key = self.records.get_mut(handle);
        assert!(key.state == KeyState::Sold as u8, "only a sold key is reclaimed");
        key.state = KeyState::Unsold as u8;
        key.replacements = 0;
        let next = core::mem::replace(&mut key.next, NONE);
        key.hold = NONE;
        let batch = &mut self.batches[self.chunks[key.chunk as usize].batch as usize];
        batch.sold -= 1;
        batch.unsold += 1;
        if random {
            batch.shuffled.push(handle.0);
            return next;
        }
        key.next = core::mem::replace(&mut batch.first, handle.0);
        if batch.last == NONE {
            batch.last = handle.0;
        }
        next
    }

    /// The hold of a line leaves memory; answers how many keys that took.
    pub(crate) fn forget_hold(&mut self, first: u32) -> u32 {
        if self.is_content(first) {
            return 0;
        }
        let (mut next, mut count) = (first, 0);
        while next != NONE {
            let key = self.records.get_mut(Handle(next));
            key.hold = NONE;
            next = key.next;
            count += 1;
        }
        count
    }

    /// A sold key is void for good.
    pub(crate) fn void(&mut self, handle: Handle) {
        let key = self.records.get_mut(handle);
        assert!(key.state == KeyState::Sold as u8, "only a sold key becomes void by itself");
        key.state = KeyState::Void as u8;
        let batch = &mut self.batches[self.chunks[key.chunk as usize].batch as usize];
        batch.sold -= 1;
        batch.void += 1;
    }
}

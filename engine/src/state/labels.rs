//! Labels: of which users the log has their own words (a phone number, an openid), and under which key they are sealed there.
//!
//! The words stay out of memory, and the keys out of log and backups: they lie in a file of the edge, one key for each label, and are
//! known here by their numbers. Whoever destroys a key makes the label unreadable wherever a copy of the log may be. So ERASE forgets
//! the record and names the key as void; the edge destroys what is void before it answers, and after a restart again, since a replay
//! names the same ones. See ADR 0027.
//!
//! Invariant: a user of a merchant and slot has one label at most, and no two labels one key.

use super::State;
use super::digest::feed;
use super::index::Index;
use super::recount::{RecountError, same};
use super::risk::Owner;
use super::table::{Handle, Table};
use crate::ids::{MerchantId, Slot, UserId};
use crate::limits::Capacity;
use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A user whose words are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct LabelRecord {
    /// The user; 0: the record is free.
    user: u128,
    /// The number of the key that his newest label is sealed under.
    key: u32,
    /// Whose user he is.
    merchant: u32,
    /// In which slot.
    slot: u16,
    spare: [u16; 3],
}

const _: () = assert!(size_of::<LabelRecord>() == 32);

impl LabelRecord {
    fn is(&self, (merchant, slot): Owner, user: u128) -> bool {
        self.user == user && self.merchant == merchant.0 && self.slot == slot.0
    }
}

/// Everybody who has a label.
pub struct Labels {
    records: Table<LabelRecord>,
    index: Index,
    /// The number that the next key has at least: no label was ever sealed under it or a later one.
    keys_end: u32,
    /// Keys to destroy, since the edge last asked.
    void: Vec<u32>,
}

impl Labels {
    /// Nobody, with room for so many.
    pub fn new(capacity: &Capacity) -> Labels {
        let labels_max = capacity.labels_max;
        Labels {
            records: Table::new(labels_max),
            index: Index::new(labels_max),
            keys_end: 0,
            void: Vec::new(),
        }
    }

    /// Users who have one.
    pub fn used(&self) -> u32 {
        self.records.used()
    }

    /// No label was ever sealed under the key of this number, or a later one.
    pub fn keys_end(&self) -> u32 {
        self.keys_end
    }
}

impl State {
    fn label_hash(&self, (merchant, slot): Owner, user: u128) -> u32 {
        let scope = u64::from(merchant.0) << 16 | u64::from(slot.0);
        self.hasher.hash_one((user, scope)) as u32
    }

    fn find_label(&self, of: Owner, user: u128) -> Option<Handle> {
        let Labels { records, index, .. } = &self.labels;
        index.find(self.label_hash(of, user), |handle| records.get(handle).is(of, user))
    }

    /// The number of the key under which a user's newest label is sealed; `None`: he has none.
    pub fn label_key(&self, of: Owner, user: UserId) -> Option<u32> {
        self.find_label(of, user.0).map(|handle| self.labels.records.get(handle).key)
    }

    /// Compares records with the index, and with the keys that there were.
    pub(super) fn compare_labels(&self) -> Result<(), RecountError> {
        let Labels { records, index, keys_end, .. } = &self.labels;
        let mut labelled = 0u64;
        for (handle, label) in records.iter().filter(|(_, label)| label.user != 0) {
            labelled += 1;
            let of = (MerchantId(label.merchant), Slot(label.slot));
            same("labels by themselves", u64::from(self.find_label(of, label.user) == Some(handle)), 1)?;
            same("labels whose key there was", u64::from(label.key < *keys_end), 1)?;
        }
        same("labels", u64::from(records.used()), labelled)?;
        same("labels", u64::from(index.used()), labelled)
    }

    pub(super) fn digest_labels(&self, hash: &mut Xxh3) {
        feed(hash, &self.labels.records);
        hash.update(self.labels.keys_end.as_bytes());
    }
}

/// Writing: for `apply` alone, but for the last.
impl State {
    /// A user's words are in the log, sealed under this key; those of before are void. Answers whether he had any.
    pub(crate) fn set_label(&mut self, of: Owner, user: UserId, key: u32) -> bool {
        self.labels.keys_end = self.labels.keys_end.max(key.saturating_add(1));
        if let Some(found) = self.find_label(of, user.0) {
            let before = core::mem::replace(&mut self.labels.records.get_mut(found).key, key);
            self.labels.void.push(before);
            return true;
        }
        let (merchant, slot) = (of.0.0, of.1.0);
        let record = LabelRecord { user: user.0, key, merchant, slot, spare: [0; 3] };
        let made = self.labels.records.insert(record);
        let hash = self.label_hash(of, user.0);
        self.labels.index.insert(hash, made);
        false
    }

    /// The words of a user are void; answers whether he had any.
    pub(crate) fn drop_label(&mut self, of: Owner, user: u128) -> bool {
        let Some(found) = self.find_label(of, user) else { return false };
        self.labels.void.push(self.labels.records.get(found).key);
        let hash = self.label_hash(of, user);
        self.labels.index.remove(hash, found);
        self.labels.records.remove(found);
        true
    }

    /// The keys that became void since this was last asked. No part of what replays must agree on: the edge destroys them.
    pub(crate) fn take_void_keys(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.labels.void)
    }
}

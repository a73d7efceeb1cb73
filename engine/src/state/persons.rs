//! Persons: user ids of one merchant and slot that belong to one natural person.
//!
//! An id that is linked has a record; the records of a person form a ring, so that two persons become one, and an id leaves, by
//! changing two places. Nothing else knows of links: what is counted and owned stays with the id, and whoever asks about a user asks
//! here who else he is. While nobody is linked that is one comparison; else it is one look into the index, whose slot is
//! fetched ahead with those of the limits (`prefetch.rs`), and which ends there for an id that is not linked. See ADR 0022.
//!
//! Invariant: a ring has 2 to 8 records, all of one merchant and slot, and no id twice.

use super::State;
use super::digest::feed;
use super::index::Index;
use super::recount::{RecountError, same};
use super::risk::Owner;
use super::table::{Handle, Table};
use crate::ids::{MerchantId, Slot, UserId};
use crate::limits::{Capacity, PERSON_MEMBERS_MAX};
use arrayvec::ArrayVec;
use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The ids of a person, in ascending order.
pub type Members = ArrayVec<u128, PERSON_MEMBERS_MAX>;

/// An id that is linked with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LinkRecord {
    /// The id; 0: the record is free.
    user: u128,
    /// The next record of the ring.
    next: u32,
    /// Whose user he is.
    merchant: u32,
    /// In which slot.
    slot: u16,
    spare: [u16; 3],
}

const _: () = assert!(size_of::<LinkRecord>() == 32);

impl LinkRecord {
    #[inline]
    fn is(&self, (merchant, slot): Owner, user: u128) -> bool {
        self.user == user && self.merchant == merchant.0 && self.slot == slot.0
    }
}

/// Everybody who is linked.
pub struct Persons {
    records: Table<LinkRecord>,
    index: Index,
}

impl Persons {
    /// Nobody, with room for so many ids.
    pub fn new(capacity: &Capacity) -> Persons {
        let links_max = capacity.links_max;
        Persons { records: Table::new(links_max), index: Index::new(links_max) }
    }

    /// Ids that are linked.
    #[inline]
    pub fn used(&self) -> u32 {
        self.records.used()
    }
}

impl State {
    #[inline]
    fn person_hash(&self, (merchant, slot): Owner, user: u128) -> u32 {
        let scope = u64::from(merchant.0) << 16 | u64::from(slot.0);
        self.hasher.hash_one((user, scope)) as u32
    }

    /// Begins to bring what says whether an id is linked into the cache.
    #[inline]
    pub(super) fn prefetch_person(&self, of: Owner, user: UserId) {
        if self.persons.used() > 0 {
            self.persons.index.prefetch(self.person_hash(of, user.0));
        }
    }

    #[inline]
    fn find_link(&self, of: Owner, user: u128) -> Option<Handle> {
        if self.persons.used() == 0 || user == 0 {
            return None;
        }
        let Persons { records, index } = &self.persons;
        index.find(self.person_hash(of, user), |handle| records.get(handle).is(of, user))
    }

    /// The records of a ring, from this one on.
    fn ring(&self, first: Handle) -> impl Iterator<Item = Handle> {
        let next = move |handle: &Handle| {
            let next = Handle(self.persons.records.get(*handle).next);
            (next != first).then_some(next)
        };
        core::iter::successors(Some(first), next)
    }

    /// The other ids of a user's person, in ascending order.
    #[inline]
    pub fn others(&self, of: Owner, user: u128) -> Members {
        match self.find_link(of, user) {
            None => Members::new(),
            Some(link) => self.others_in(link),
        }
    }

    #[cold]
    fn others_in(&self, link: Handle) -> Members {
        let mut others: Members =
            self.ring(link).skip(1).map(|member| self.persons.records.get(member).user).collect();
        others.sort_unstable();
        others
    }

    /// All ids of a user's person, in ascending order: of one who is not linked his own; of user 0 none.
    pub fn members(&self, of: Owner, user: UserId) -> Members {
        let mut members = self.others(of, user.0);
        if user.0 != 0 {
            let at = members.partition_point(|other| *other < user.0);
            members.insert(at, user.0);
        }
        members
    }

    /// Whether two ids are those of one person.
    #[inline]
    pub fn is_one_person(&self, of: Owner, user: u128, other: u128) -> bool {
        user == other || self.others(of, user).contains(&other)
    }

    /// Room that linking these two would take in the table.
    pub fn links_lacking(&self, of: Owner, users: [UserId; 2]) -> u32 {
        users.iter().filter(|user| self.find_link(of, user.0).is_none()).count() as u32
    }

    /// Compares rings with the index.
    pub(super) fn compare_persons(&self) -> Result<(), RecountError> {
        let Persons { records, index } = &self.persons;
        let mut linked = 0u64;
        for (handle, link) in records.iter().filter(|(_, link)| link.user != 0) {
            linked += 1;
            let of = (MerchantId(link.merchant), Slot(link.slot));
            same("linked ids by themselves", u64::from(self.find_link(of, link.user) == Some(handle)), 1)?;
            let members = self.ring(handle).take(PERSON_MEMBERS_MAX + 1).count();
            same("members of a person", u64::from((2..=PERSON_MEMBERS_MAX).contains(&members)), 1)?;
            let next = records.get(Handle(link.next));
            let is_his = next.user != 0 && (next.merchant, next.slot) == (link.merchant, link.slot);
            same("members of one merchant and slot", u64::from(is_his), 1)?;
        }
        same("linked ids", u64::from(records.used()), linked)?;
        same("linked ids", u64::from(index.used()), linked)
    }

    pub(super) fn digest_persons(&self, hash: &mut Xxh3) {
        feed(hash, &self.persons.records);
    }
}

/// Writing: for `apply` alone.
impl State {
    /// Two persons are one; answers how many ids they have together. Panics if they are one already, or too many.
    pub(crate) fn link(&mut self, of: Owner, user: UserId, to: UserId) -> usize {
        assert!(!self.others(of, user.0).contains(&to.0), "decide refused those who are one person already");
        let (one, other) = (self.link_of(of, user), self.link_of(of, to));
        // Two rings become one when two of their records change what follows them.
        let after = self.persons.records.get(one).next;
        self.persons.records.get_mut(one).next = self.persons.records.get(other).next;
        self.persons.records.get_mut(other).next = after;
        let members = self.ring(one).count();
        assert!(members <= PERSON_MEMBERS_MAX, "decide refused too many");
        members
    }

    fn link_of(&mut self, of: Owner, user: UserId) -> Handle {
        if let Some(found) = self.find_link(of, user.0) {
            return found;
        }
        let (merchant, slot) = (of.0.0, of.1.0);
        let record = LinkRecord { user: user.0, next: 0, merchant, slot, spare: [0; 3] };
        let made = self.persons.records.insert(record);
        self.persons.records.get_mut(made).next = made.0;
        let hash = self.person_hash(of, user.0);
        self.persons.index.insert(hash, made);
        made
    }

    /// An id is of no person any more; answers how many are left. Panics if it was of none.
    pub(crate) fn unlink(&mut self, of: Owner, user: UserId) -> usize {
        let link = self.find_link(of, user.0).expect("decide refused who is not linked");
        let before = self.ring(link).last().expect("a ring has records");
        let left = self.ring(link).count() - 1;
        self.persons.records.get_mut(before).next = self.persons.records.get(link).next;
        self.drop_link(link);
        if left == 1 {
            self.drop_link(before);
        }
        left
    }

    fn drop_link(&mut self, link: Handle) {
        let LinkRecord { user, merchant, slot, .. } = *self.persons.records.get(link);
        let hash = self.person_hash((MerchantId(merchant), Slot(slot)), user);
        self.persons.index.remove(hash, link);
        self.persons.records.remove(link);
    }
}

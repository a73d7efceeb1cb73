//! Persons in the walk's own books: which user ids were said to be one, and under which keys their words are sealed.
//!
//! It follows docs/semantics.md, not the engine's code. Invariant: nothing here panics on a log that is wrong; what can't be is put into
//! words.

use scrip_engine::event::{Event, Origin, PersonEvent};
use scrip_engine::ids::{MerchantId, Slot, UserId};
use scrip_engine::state::State;
use std::collections::{BTreeMap, BTreeSet};

/// The most ids that a person has.
const MEMBERS_MAX: usize = 8;

/// The books of persons.
#[derive(Debug, Default)]
pub(super) struct PersonBooks {
    /// Sets of ids by each of their members.
    sets: BTreeMap<(MerchantId, Slot, UserId), BTreeSet<UserId>>,
    /// The key of the newest label of each who has one.
    labels: BTreeMap<(MerchantId, Slot, UserId), u32>,
    /// All keys that labels were sealed under.
    sealed: BTreeSet<u32>,
}

impl PersonBooks {
    /// Whether two ids are one person.
    pub(super) fn is_one(&self, (merchant, slot): (MerchantId, Slot), user: UserId, other: UserId) -> bool {
        user == other || self.sets.get(&(merchant, slot, user)).is_some_and(|ids| ids.contains(&other))
    }

    /// Follows an event that the engine, whose state this is, has just applied; answers what can't be.
    pub(super) fn follow(&mut self, event: &Event<'_>, state: &State) -> Option<String> {
        match *event {
            Event::Person(PersonEvent::Linked { ref origin, user, to, .. }) => {
                self.link(origin, user, to, state)
            }
            Event::Person(PersonEvent::Unlinked { ref origin, user, .. }) => self.unlink(origin, user, state),
            Event::Person(PersonEvent::Labelled { ref origin, user, key, .. }) => {
                self.labels.insert((origin.merchant, origin.slot, user), key);
                let twice = !self.sealed.insert(key);
                let twice = twice
                    .then(|| format!("the label of {user} is sealed under key {key}, as another one was"));
                twice.or_else(|| self.labels_differ(origin, user, state))
            }
            Event::Person(PersonEvent::Erased { ref origin, user, .. }) => {
                let ids = self.of(origin, user);
                for id in &ids {
                    self.labels.remove(&(origin.merchant, origin.slot, *id));
                }
                ids.iter().find_map(|id| self.labels_differ(origin, *id, state))
            }
            _ => None,
        }
    }

    /// What the engine says otherwise of a user's label, and of how many there are.
    fn labels_differ(&self, origin: &Origin, user: UserId, state: &State) -> Option<String> {
        let known = self.labels.get(&(origin.merchant, origin.slot, user)).copied();
        let found = state.label_key((origin.merchant, origin.slot), user);
        let used = state.labels.used() as usize;
        let same = known == found && self.labels.len() == used;
        (!same).then(|| {
            format!("the engine has {used} labels, that of {user} under key {found:?} and not {known:?}")
        })
    }

    fn of(&self, origin: &Origin, user: UserId) -> BTreeSet<UserId> {
        let ids = self.sets.get(&(origin.merchant, origin.slot, user));
        ids.cloned().unwrap_or_else(|| BTreeSet::from([user]))
    }

    fn set(&mut self, origin: &Origin, ids: &BTreeSet<UserId>) {
        for id in ids {
            let key = (origin.merchant, origin.slot, *id);
            if ids.len() > 1 {
                self.sets.insert(key, ids.clone());
            } else {
                self.sets.remove(&key);
            }
        }
    }

    fn link(&mut self, origin: &Origin, user: UserId, to: UserId, state: &State) -> Option<String> {
        let (his, theirs) = (self.of(origin, user), self.of(origin, to));
        let together: BTreeSet<UserId> = his.union(&theirs).copied().collect();
        if his.contains(&to) || together.len() > MEMBERS_MAX {
            return Some(format!("{user} of {} ids is linked with {to} of {}", his.len(), theirs.len()));
        }
        self.set(origin, &together);
        self.differs(origin, user, state)
    }

    fn unlink(&mut self, origin: &Origin, user: UserId, state: &State) -> Option<String> {
        let mut left = self.of(origin, user);
        if left.len() < 2 {
            return Some(format!("{user}, who is of no person, is unlinked"));
        }
        left.remove(&user);
        self.set(origin, &BTreeSet::from([user]));
        self.set(origin, &left);
        let other = left.first().copied();
        self.differs(origin, user, state).or_else(|| self.differs(origin, other?, state))
    }

    /// What the engine says otherwise of a user's person.
    fn differs(&self, origin: &Origin, user: UserId, state: &State) -> Option<String> {
        let found = state.members((origin.merchant, origin.slot), user);
        let same = self.of(origin, user).iter().map(|id| id.0).eq(found.iter().copied());
        (!same).then(|| format!("the engine says that {found:x?} are one person with {user}"))
    }
}

//! The oracle on persons: which user ids are one, and whom a rule on users asks about.
//!
//! Invariant: a set has at least two ids, and no id is in two sets of one merchant and slot.

use super::limits::REFERRER;
use super::limits::Subject;
use super::risk::Owner;
use super::zones::owner;
use super::{Oracle, Purchases};
use crate::outcome::OwnedOutcome;
use crate::request::OwnedCommand;
use scrip_engine::command::Envelope;
use scrip_engine::ids::{StockId, UserId};
use scrip_engine::rejection::Code;
use std::collections::BTreeSet;

/// The most ids that a person has.
const MEMBERS_MAX: usize = 8;

impl Oracle {
    /// All ids of a user's person; of nobody none.
    pub(super) fn person(&self, of: Owner, user: u128) -> BTreeSet<u128> {
        let mut sets = self.persons.get(&of).into_iter().flatten();
        match sets.find(|ids| ids.contains(&user)) {
            Some(ids) => ids.clone(),
            None => BTreeSet::from_iter((user != 0).then_some(user)),
        }
    }

    /// Ids that are linked.
    pub fn linked_ids(&self) -> usize {
        self.persons.values().flatten().map(BTreeSet::len).sum()
    }

    /// Users who have a label.
    pub fn labels(&self) -> usize {
        self.labels.len()
    }

    /// The key of a user's newest label.
    pub fn label_key(&self, envelope: &Envelope, user: UserId) -> Option<u32> {
        self.labels.get(&(owner(envelope), user.0)).copied()
    }

    /// Whether an id is of no person.
    pub fn is_alone(&self, envelope: &Envelope, user: UserId) -> bool {
        self.person(owner(envelope), user.0).len() < 2
    }

    /// Whether two ids are one person.
    pub(super) fn is_one(&self, envelope: &Envelope, user: UserId, other: UserId) -> bool {
        user == other || self.person(owner(envelope), user.0).contains(&other.0)
    }

    /// The ids that a rule on a subject asks about: of a user or referrer all of his person, himself first.
    pub(super) fn asked_about(&self, of: Owner, (kind, subject): Subject) -> Vec<Subject> {
        let mut ids = vec![(kind, subject)];
        if [1, REFERRER].contains(&kind) && subject != 0 {
            let others = self.person(of, subject).into_iter().filter(|id| *id != subject);
            ids.extend(others.map(|id| (kind, id)));
        }
        ids
    }

    /// The same, with what each has of a stock.
    pub(super) fn purchases_of(&self, stock: StockId, subject: Subject) -> Vec<(Subject, Purchases)> {
        let of = (self.stocks[&stock].merchant, stock.slot().0);
        let ids = self.asked_about(of, subject).into_iter();
        ids.map(|subject| (subject, self.purchased(stock, subject))).collect()
    }

    /// The ids whose wallets are the user's, in the order in which they are shown.
    pub(super) fn wallets_of(&self, envelope: &Envelope, user: UserId) -> Vec<UserId> {
        let ids = self.asked_about(owner(envelope), (1, user.0)).into_iter();
        ids.map(|(_, id)| UserId(id)).filter(|id| id.0 != 0).collect()
    }

    /// LINK, UNLINK, LABEL and ERASE.
    pub(super) fn change_persons(&mut self, envelope: &Envelope, command: &OwnedCommand) -> OwnedOutcome {
        let of = owner(envelope);
        match *command {
            OwnedCommand::Link { user, to, .. } => {
                let (his, theirs) = (self.person(of, user.0), self.person(of, to.0));
                let together: BTreeSet<u128> = his.union(&theirs).copied().collect();
                if his.contains(&to.0) || together.len() > MEMBERS_MAX {
                    return OwnedOutcome::refused(Code::RuleFailed);
                }
                let sets = self.persons.entry(of).or_default();
                sets.retain(|ids| ids.is_disjoint(&together));
                let value = together.len() as u64;
                sets.push(together);
                OwnedOutcome::StockChanged { value }
            }
            OwnedCommand::Unlink { user, .. } => {
                let mut ids = self.person(of, user.0);
                if ids.len() < 2 {
                    return OwnedOutcome::refused(Code::NotFound);
                }
                let sets = self.persons.entry(of).or_default();
                sets.retain(|set| !set.contains(&user.0));
                ids.remove(&user.0);
                let value = ids.len() as u64;
                if ids.len() > 1 {
                    sets.push(ids);
                }
                OwnedOutcome::StockChanged { value }
            }
            OwnedCommand::Label { user, key, .. } => {
                let had = self.labels.insert((of, user.0), key).is_some();
                OwnedOutcome::StockChanged { value: u64::from(had) }
            }
            OwnedCommand::Erase { user, .. } => {
                let ids = self.person(of, user.0).into_iter();
                let erased = ids.filter(|id| self.labels.remove(&(of, *id)).is_some()).count();
                OwnedOutcome::StockChanged { value: erased as u64 }
            }
            _ => unreachable!("not a command on persons"),
        }
    }

    /// IDENTITY_SHOW.
    pub(super) fn show_identity(&self, envelope: &Envelope, user: UserId) -> OwnedOutcome {
        OwnedOutcome::Identity { members: self.person(owner(envelope), user.0).into_iter().collect() }
    }
}

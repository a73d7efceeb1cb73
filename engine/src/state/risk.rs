//! Risk rules and blocks of merchants, and what the rules have counted.
//!
//! A rule counts successes of a subject in windows that follow each other from the epoch on; blocks name subjects. Both
//! belong to a merchant and a slot, as every limit does. Counts of past windows leave as new ones come and as time is logged:
//! memory is bounded, and the same history frees the same records.
//!
//! Invariant: a count belongs to one revision of one rule and one window, and hangs in the list once.

use super::index::Index;
use super::persons::Members;
use super::table::{Handle, NONE, Table};
use crate::command::{Block, RiskAction, RiskRule, SubjectKind};
use crate::ids::{ChannelId, MerchantId, Slot};
use scrip_planted::{Bug, on};
use std::collections::BTreeMap;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Counts looked at when a new one is made: more than one, so that past ones leave faster than new ones come.
const VISITS_PER_COUNT: usize = 2;
/// Counts looked at by a tick: a table that is full to the brim takes no new count that would free past ones.
pub(crate) const VISITS_PER_TICK: usize = 16;

/// Whose rules: a merchant's in a slot.
pub type Owner = (MerchantId, Slot);

/// Who asks, by kind of subject; 0: not told.
pub type Subjects = [u128; SubjectKind::ALL.len()];

/// The other ids of the persons who ask.
#[derive(Debug, Default)]
pub struct Others {
    /// Of the user's person.
    pub user: Members,
    /// Of the referrer's.
    pub referrer: Members,
}

impl Others {
    /// Of the subject of this kind.
    fn of(&self, kind: SubjectKind) -> &[u128] {
        match kind {
            SubjectKind::User => &self.user,
            SubjectKind::Referrer => &self.referrer,
            SubjectKind::LimitKey | SubjectKind::Device | SubjectKind::Address => &[],
        }
    }
}

/// A rule in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInForce {
    /// What it says.
    pub rule: RiskRule,
    /// No two settings of any rule have the same: counts begin anew with each.
    pub revision: u32,
}

/// Successes of a subject in a window of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RiskCount {
    /// The subject.
    pub subject: u128,
    /// Revision of the rule; 0: the record is free.
    pub revision: u32,
    /// Successes.
    pub count: u32,
    /// When the window ends, in seconds since the epoch, rounded up.
    pub ends_s: u32,
    /// The next in the list of all.
    pub next: u32,
}

/// What risk says of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing.
    Pass,
    /// It passes with a flag.
    Flag,
    /// It is refused: by the rule with this number, or (0) by a block.
    Refuse(u16),
}

/// What one owner has laid down. There is none without a rule or a block.
#[derive(Debug, Default)]
pub struct Book {
    /// Rules in force, in the order of their numbers.
    pub rules: Vec<RuleInForce>,
    /// Blocks, by kind and subject.
    pub blocks: BTreeMap<(u8, u128), Block>,
}

/// Rules, blocks, counts.
pub struct Risk {
    /// Who has rules or blocks.
    pub books: BTreeMap<Owner, Book>,
    /// Blocks of all owners.
    blocks: usize,
    /// Owners with rules.
    owners_with_rules: usize,
    /// Counts.
    pub counts: Table<RiskCount>,
    index: Index,
    first: u32,
    last: u32,
    revisions: u32,
    hasher: ahash::RandomState,
}

impl Risk {
    /// Nothing, with room for so many counts.
    pub fn new(counts_max: u32, hasher: ahash::RandomState) -> Risk {
        Risk {
            books: BTreeMap::new(),
            blocks: 0,
            owners_with_rules: 0,
            counts: Table::new(counts_max),
            index: Index::new(counts_max),
            first: NONE,
            last: NONE,
            revisions: 0,
            hasher,
        }
    }

    /// Whether an owner has rules or blocks: what others have laid down costs nobody anything.
    #[inline]
    pub fn speaks_of(&self, owner: Owner) -> bool {
        !self.books.is_empty() && self.books.contains_key(&owner)
    }

    /// An owner's rules.
    pub fn rules_of(&self, owner: Owner) -> &[RuleInForce] {
        self.books.get(&owner).map_or(&[], |book| book.rules.as_slice())
    }

    /// How many blocks an owner has.
    pub fn blocks_count(&self, owner: Owner) -> usize {
        self.books.get(&owner).map_or(0, |book| book.blocks.len())
    }

    /// An owner's blocks, by kind and subject.
    pub fn blocks_of(&self, owner: Owner) -> impl Iterator<Item = &Block> {
        self.books.get(&owner).into_iter().flat_map(|book| book.blocks.values())
    }

    /// An owner's block of a subject.
    pub fn block(&self, owner: Owner, kind: u8, subject: u128) -> Option<&Block> {
        self.books.get(&owner)?.blocks.get(&(kind, subject))
    }

    /// Blocks of all owners.
    pub fn blocks_in_all(&self) -> usize {
        self.blocks
    }

    /// Owners with rules.
    pub fn owners_with_rules(&self) -> usize {
        self.owners_with_rules
    }

    /// What rules and blocks say of one success more. Blocks come first, then rules in the order of their numbers; a refusal
    /// outweighs a flag.
    pub fn judge(
        &self,
        owner: Owner,
        channel: ChannelId,
        (subjects, others): (&Subjects, &Others),
        now_ms: u64,
    ) -> Judgement {
        let mut judgement = Judgement::Pass;
        let Some(book) = self.books.get(&owner) else { return judgement };
        let told = SubjectKind::ALL.into_iter().map(|kind| (kind, subjects[kind.position()]));
        let linked =
            [SubjectKind::User, SubjectKind::Referrer].into_iter().filter(|_| !on(Bug::LinkedBlockIgnored));
        let linked = linked.flat_map(|kind| others.of(kind).iter().map(move |other| (kind, *other)));
        for (kind, subject) in linked.chain(told) {
            let block = book.blocks.get(&(kind as u8, subject));
            let block = block.filter(|block| block.until_ms.get() == 0 || now_ms < block.until_ms.get());
            match block.and_then(|block| RiskAction::from_number(block.action)) {
                Some(RiskAction::Refuse) => return Judgement::Refuse(0),
                Some(RiskAction::Flag) => judgement = Judgement::Flag,
                None => {}
            }
        }
        for found in self.applying(owner, channel, subjects) {
            let (found, subject) = found;
            let allowed = found.rule.at_most.get() + u32::from(on(Bug::RiskOffByOne));
            let counted = |subject: u128| u64::from(self.counted(found, subject, now_ms));
            let others = others.of(found.rule.subject()).iter().copied();
            let counted = counted(subject) + others.map(counted).sum::<u64>();
            if counted < u64::from(allowed) {
                continue;
            }
            match RiskAction::from_number(found.rule.action) {
                Some(RiskAction::Refuse) => return Judgement::Refuse(found.rule.number.get()),
                _ => judgement = Judgement::Flag,
            }
        }
        judgement
    }

    /// Counts that one success more would make.
    pub fn new_counts(&self, owner: Owner, channel: ChannelId, subjects: &Subjects, now_ms: u64) -> u32 {
        let missing = |(found, subject): &(&RuleInForce, u128)| self.find(found, *subject, now_ms).is_none();
        self.applying(owner, channel, subjects).filter(missing).count() as u32
    }

    /// The rules that count a command, each with its subject.
    fn applying<'r>(
        &'r self,
        owner: Owner,
        channel: ChannelId,
        subjects: &'r Subjects,
    ) -> impl Iterator<Item = (&'r RuleInForce, u128)> {
        let rules = self.rules_of(owner).iter().filter(move |found| found.rule.covers(channel));
        let named = rules.map(|found| (found, subjects[found.rule.subject().position()]));
        named.filter(|(_, subject)| *subject != 0)
    }

    /// Successes of a subject in the present window of a rule.
    fn counted(&self, found: &RuleInForce, subject: u128, now_ms: u64) -> u32 {
        self.find(found, subject, now_ms).map_or(0, |handle| self.counts.get(handle).count)
    }

    fn find(&self, found: &RuleInForce, subject: u128, now_ms: u64) -> Option<Handle> {
        let ends_s = end_of_window(now_ms, found.rule.window_ms.get());
        self.index.find(self.hash_of(found.revision, subject), |handle| {
            let count = self.counts.get(handle);
            count.subject == subject && count.revision == found.revision && count.ends_s == ends_s
        })
    }

    fn hash_of(&self, revision: u32, subject: u128) -> u32 {
        self.hasher.hash_one((subject, revision)) as u32
    }

    /// Counts in the index.
    pub fn indexed(&self) -> u32 {
        self.index.used()
    }

    /// What the digest of the state covers beside rules, blocks and counts.
    pub fn ends(&self) -> [u32; 3] {
        [self.first, self.last, self.revisions]
    }
}

/// Writing: for `apply` alone.
impl Risk {
    /// Sets or lifts a rule.
    pub(crate) fn set_rule(&mut self, owner: Owner, rule: RiskRule) {
        let rules = &mut self.books.entry(owner).or_default().rules;
        self.owners_with_rules -= usize::from(!rules.is_empty());
        rules.retain(|found| found.rule.number != rule.number);
        if rule.action != 0 {
            self.revisions += 1;
            let at = rules.partition_point(|found| found.rule.number.get() < rule.number.get());
            rules.insert(at, RuleInForce { rule, revision: self.revisions });
        }
        self.owners_with_rules += usize::from(!rules.is_empty());
        self.drop_empty(owner);
    }

    /// Sets or lifts a block.
    pub(crate) fn set_block(&mut self, owner: Owner, block: Block) {
        let key = (block.kind, block.subject.get());
        let blocks = &mut self.books.entry(owner).or_default().blocks;
        self.blocks -= blocks.len();
        if block.action == 0 {
            blocks.remove(&key);
        } else {
            blocks.insert(key, block);
        }
        self.blocks += blocks.len();
        self.drop_empty(owner);
    }

    fn drop_empty(&mut self, owner: Owner) {
        if self.books.get(&owner).is_some_and(|book| book.rules.is_empty() && book.blocks.is_empty()) {
            self.books.remove(&owner);
        }
    }

    /// Counts a success.
    pub(crate) fn count(&mut self, owner: Owner, channel: ChannelId, subjects: &Subjects, now_ms: u64) {
        for position in 0..self.rules_of(owner).len() {
            let found = self.rules_of(owner)[position];
            let subject = subjects[found.rule.subject().position()];
            if subject == 0 || !found.rule.covers(channel) {
                continue;
            }
            match self.find(&found, subject, now_ms) {
                Some(handle) => self.counts.get_mut(handle).count += 1,
                None => self.insert(&found, subject, now_ms),
            }
        }
    }

    fn insert(&mut self, found: &RuleInForce, subject: u128, now_ms: u64) {
        self.visit(VISITS_PER_COUNT, now_ms);
        let ends_s = end_of_window(now_ms, found.rule.window_ms.get());
        let count = RiskCount { subject, revision: found.revision, count: 1, ends_s, next: NONE };
        let handle = self.counts.insert(count);
        self.index.insert(self.hash_of(found.revision, subject), handle);
        self.append(handle);
    }

    /// Looks at so many counts, and frees those whose windows are over. No decision relies on one of these.
    pub(crate) fn visit(&mut self, visits: usize, now_ms: u64) {
        for _ in 0..visits {
            if self.first == NONE {
                return;
            }
            self.visit_first(now_ms);
        }
    }

    /// Frees the first count of the list if its window is over; else it becomes the last. Panics when there is none.
    fn visit_first(&mut self, now_ms: u64) {
        let handle = Handle(self.first);
        let count = *self.counts.get(handle);
        self.first = count.next;
        if self.first == NONE {
            self.last = NONE;
        }
        if u64::from(count.ends_s) * 1_000 <= now_ms {
            self.index.remove(self.hash_of(count.revision, count.subject), handle);
            self.counts.remove(handle);
        } else {
            self.counts.get_mut(handle).next = NONE;
            self.append(handle);
        }
    }

    fn append(&mut self, handle: Handle) {
        match self.last {
            NONE => self.first = handle.0,
            last => self.counts.get_mut(Handle(last)).next = handle.0,
        }
        self.last = handle.0;
    }
}

/// When the window of `now_ms` ends, in seconds, rounded up: no two windows of a rule end in the same second, since a window
/// is at least one long.
fn end_of_window(now_ms: u64, window_ms: u32) -> u32 {
    let window_ms = u64::from(window_ms);
    let end_ms = (now_ms / window_ms + 1) * window_ms;
    u32::try_from(end_ms.div_ceil(1_000)).unwrap_or(u32::MAX)
}

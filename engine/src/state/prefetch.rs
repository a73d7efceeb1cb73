//! What will be looked up soon is asked for before: memory accesses then overlap instead of following each other.
//!
//! A random access into gigabytes takes 100 to 200 ns, and a command makes half a dozen. Prefetching asks for many at
//! once, and does not hold up the commands before. Changes nothing, ever: a wrong guess costs time alone.

use super::State;
use super::reclaim::VISITS_PER_INSERTION;
use super::records::{Counted, Recorded};
use super::table::{Handle, NONE};
use crate::command::{Command, Request, SubjectKind, Take};
use crate::ids::CardId;
use crate::limits::PREPARED_MAX;
use arrayvec::ArrayVec;

/// Evictions of one batch whose look-ups are asked for.
const EVICTIONS_MAX: usize = VISITS_PER_INSERTION * PREPARED_MAX;

/// Commands between asking for the index slots of one and executing it.
const SLOTS_AHEAD: usize = 12;
/// Commands between asking for the records of one, whose index slots are there by then, and executing it.
const RECORDS_AHEAD: usize = 6;

/// Cards of a hold whose records are asked for.
const CARDS_AHEAD: usize = 4;

/// Where the look-ups of one command begin.
#[derive(Debug, Clone, Default)]
struct Hashes {
    record: u32,
    /// Of the user, limit key, device and address.
    limits: ArrayVec<u32, { SubjectKind::LIMITED.len() }>,
    /// Of a REDEEM, and the first ones of a RESERVE or SELL.
    cards: ArrayVec<CardId, CARDS_AHEAD>,
}

/// The look-ups of a batch of commands that are on their way.
pub(crate) struct Ahead {
    of: [Hashes; PREPARED_MAX],
}

impl Ahead {
    pub(crate) fn new() -> Ahead {
        Ahead { of: core::array::from_fn(|_| Hashes::default()) }
    }

    /// Asks for what commands a little after `requests[next]`, which is executed now, will look up: the processor has
    /// room for a few dozen accesses on their way, so they are spread between the commands. To be called for each of up
    /// to [`PREPARED_MAX`] requests in order; panics beyond.
    #[inline]
    pub(crate) fn prefetch(&mut self, state: &State, requests: &[Request<'_>], next: usize) {
        if next == 0 {
            state.prefetch_reclaimable(VISITS_PER_INSERTION * requests.len());
            for (request, hashes) in requests.iter().zip(&mut self.of).take(SLOTS_AHEAD) {
                *hashes = state.prefetch_slots(request);
            }
            for hashes in &self.of[..requests.len().min(RECORDS_AHEAD)] {
                state.prefetch_records(hashes);
            }
        }
        if let Some(request) = requests.get(next + SLOTS_AHEAD) {
            self.of[next + SLOTS_AHEAD] = state.prefetch_slots(request);
        }
        if next + RECORDS_AHEAD < requests.len() {
            state.prefetch_records(&self.of[next + RECORDS_AHEAD]);
        }
    }
}

impl State {
    #[inline]
    fn prefetch_slots(&self, request: &Request<'_>) -> Hashes {
        let record = self.record_hash(&request.envelope.key());
        let mut hashes = Hashes { record, ..Hashes::default() };
        self.record_index.prefetch(hashes.record);
        match &request.command {
            Command::Reserve { take, .. } | Command::Sell { take, .. } => {
                for hash in self.subject_hashes(take, take.lines[0].stock()) {
                    self.limit_index.prefetch(hash);
                    hashes.limits.push(hash);
                }
                self.prefetch_person((request.envelope.merchant, request.envelope.slot), take.user);
                self.prefetch_order(&request.envelope, take.order);
                self.prefetch_order_line(take);
                for line in take.cards.iter().take(CARDS_AHEAD) {
                    self.prefetch_page(line.card());
                    hashes.cards.push(line.card());
                }
            }
            Command::Issue(issue) => {
                let take = Take { user: issue.owner, parties: issue.parties, ..Take::of(&[]) };
                for hash in self.subject_hashes(&take, issue.campaign) {
                    self.limit_index.prefetch(hash);
                    hashes.limits.push(hash);
                }
                let of = (request.envelope.merchant, request.envelope.slot);
                self.prefetch_person(of, issue.owner);
                self.prefetch_wallet(of, issue.owner);
                self.operations.prefetch_next(SLOTS_AHEAD as u32);
            }
            Command::Redeem(redeem) => {
                self.prefetch_page(redeem.card);
                self.prefetch_person((request.envelope.merchant, request.envelope.slot), redeem.user);
                self.redemptions.prefetch_next(SLOTS_AHEAD as u32);
                hashes.cards.push(redeem.card);
            }
            Command::OrderShow { order, .. } => self.prefetch_order(&request.envelope, *order),
            _ => {}
        }
        hashes
    }

    #[inline]
    fn prefetch_records(&self, hashes: &Hashes) {
        match Recorded::from_tagged(self.record_index.peek(hashes.record)) {
            Some(Recorded::Hold(hold)) => self.holds.prefetch(hold),
            _ => self.holds.prefetch_next(RECORDS_AHEAD as u32),
        }
        for card in &hashes.cards {
            self.prefetch_card(*card);
        }
        for (ahead, limit) in hashes.limits.iter().enumerate() {
            self.limits.prefetch(Handle(self.limit_index.peek(*limit)));
            self.limits.prefetch_next((hashes.limits.len() * RECORDS_AHEAD + ahead) as u32);
        }
    }

    /// Begins to bring the holds that are about to expire, and their purchase limits, into the cache.
    pub(crate) fn prefetch_due(&self, due: &[Handle]) {
        for hold in due {
            self.holds.prefetch(*hold);
        }
        for hold in due {
            match Counted::of(self.holds.get(*hold).line.limit) {
                Counted::Nowhere => {}
                Counted::Plain(entry) => self.limits.prefetch(entry),
                Counted::Fully(counts) => self.counts.prefetch(counts),
            }
        }
    }

    /// Begins to bring what the next evictions will look up into the cache: their accesses overlap instead of following
    /// each other.
    fn prefetch_reclaimable(&self, count: usize) {
        let mut limits = [NONE; EVICTIONS_MAX];
        let mut next = self.slices.first_reclaimable();
        let mut found = 0;
        while let (Some(Recorded::Hold(handle)), true) = (next, found < count.min(EVICTIONS_MAX)) {
            let hold = self.holds.get(handle);
            self.record_index.prefetch(self.record_hash(&hold.key()));
            self.prefetch_order_of(hold);
            // The entries of a line that counts fully lie behind one more access: they are not worth a second round.
            if let Counted::Plain(entry) = Counted::of(hold.line.limit) {
                self.limits.prefetch(entry);
                limits[found] = entry.0;
            }
            next = Recorded::from_tagged(hold.slice_next);
            found += 1;
        }
        for limit in limits[..found].iter().filter(|limit| **limit != NONE) {
            let entry = self.limits.get(Handle(*limit));
            if entry.lines > 1 {
                // It outlives this hold: its place in the index will not be looked up.
                continue;
            }
            let stock = self.stock(Handle(entry.stock)).id;
            self.limit_index.prefetch(self.limit_hash(SubjectKind::User, entry.subject, stock));
        }
    }
}

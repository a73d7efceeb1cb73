//! Storms on cards: many users claim cards of one campaign, or its cards are redeemed, each several times by different orders.
//!
//! It stands apart from the recipe, which knows stocks and holds. Invariant: who asks for what follows from a command's number
//! alone, and the numbers of all threads together ask for each subject (a user, a card) exactly `tries` times before any is
//! asked for once more; so a check can say without a table what must have come of it.

use crate::error::LoadError;
use crate::ids::THREAD_SHIFT;
use crate::recipe::{Generator, What};
use scrip_engine::command::{Command, Issue, Redeem};
use scrip_engine::ids::{CardId, OrderId, StockId, UserId};
use serde::{Deserialize, Serialize};

/// Subjects whose attempts are mixed with one another: enough to fill the frames of many connections, so that the attempts
/// for one of them are under way at the same time.
const BLOCK: u64 = 1_024;
/// Subjects of one storm: serials of cards have 33 bits, and a step times a rank must fit into 64.
pub const SUBJECTS_MAX: u64 = 1 << 32;
/// A prime above most numbers of subjects: steps of it visit each of them once, in an order that no cache knows.
const STEP: u64 = 2_147_483_647;
/// What of an order the cards may be used on, in minor units.
pub const AMOUNT: u64 = 10_000;
/// Attempts for one subject.
pub const TRIES_MAX: u32 = 1_000;

/// What a storm asks for: besides the campaign, which is the plan's one stock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Storm {
    /// The campaign's slot and its number in it, as its cards carry them.
    pub locator: u64,
    /// CLAIM: so many users ask. REDEEM: the campaign's cards with the serials from 0 on.
    pub subjects: u64,
    /// How often each user asks, or each card is tried; every time under an id of its own.
    pub tries: u32,
    /// Cards are named by codes of this generation, which a REDEEM is told apart by; `None`: by their ids.
    #[serde(default)]
    pub generation: Option<u8>,
    /// Share of the frames that are sent again under the same ids once they are answered (0 to 1).
    pub repeat: f64,
    /// Threads of the load, which share the numbers.
    pub threads: u32,
}

impl Storm {
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let plan = |what: &str| Err(LoadError::Plan(what.to_owned()));
        if !(1..=SUBJECTS_MAX).contains(&self.subjects) {
            return plan(
                "a storm has 1 to 4,294,967,296 users or cards: issue cards first, or lower the number",
            );
        }
        if !(1..=TRIES_MAX).contains(&self.tries) {
            return plan("each user or card is tried 1 to 1,000 times: set tries within");
        }
        if !(0.0..=1.0).contains(&self.repeat) {
            return plan("repeat is a share between 0 and 1");
        }
        Ok(())
    }

    /// Commands that try each subject as often as it is to be.
    pub const fn attempts(&self) -> u64 {
        self.subjects * self.tries as u64
    }

    /// The subject of the command with this number: 0 to `subjects` - 1.
    #[inline]
    pub(crate) const fn subject(&self, number: u64) -> u64 {
        let of_thread = number & ((1 << THREAD_SHIFT) - 1);
        let place = (of_thread * self.threads as u64 + (number >> THREAD_SHIFT)) % self.attempts();
        let (whole, per_block) = (self.subjects / BLOCK, BLOCK * self.tries as u64);
        let block = place / per_block;
        let size = if block < whole { BLOCK } else { self.subjects % BLOCK };
        let rank = block * BLOCK + place % per_block % size;
        // Where the subjects are a multiple of the prime, they come in order.
        if self.subjects.is_multiple_of(STEP) { rank } else { rank * STEP % self.subjects }
    }

    /// The card with this serial.
    pub(crate) const fn card(&self, serial: u64) -> CardId {
        CardId(self.locator << CardId::SERIAL_BITS | serial)
    }
}

/// Codes of a campaign's cards, by serial: all of one length. Whoever has one has its card.
#[derive(Clone)]
pub struct CodeTable {
    bytes: Vec<u8>,
    each: usize,
}

impl core::fmt::Debug for CodeTable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CodeTable({} codes)", self.count())
    }
}

impl CodeTable {
    /// No codes yet; room for `count` codes of `each` bytes. Panics where `each` is 0.
    pub fn with_capacity(each: usize, count: u64) -> CodeTable {
        assert!(each > 0, "a code has characters");
        CodeTable { bytes: Vec::with_capacity(each * count as usize), each }
    }

    /// Appends the code of the next serial. Panics if it has another length than the others.
    pub fn push(&mut self, code: &str) {
        assert_eq!(code.len(), self.each, "the codes of a campaign have one length");
        self.bytes.extend_from_slice(code.as_bytes());
    }

    /// How many.
    pub fn count(&self) -> u64 {
        (self.bytes.len() / self.each) as u64
    }

    /// The code of a card. Panics beyond the last one.
    #[inline]
    pub(crate) fn code(&self, serial: u64) -> &[u8] {
        let start = serial as usize * self.each;
        &self.bytes[start..start + self.each]
    }
}

impl Generator {
    /// The storm. Panics where there is none: a plan was checked.
    #[inline]
    pub(crate) fn storm(&self) -> &Storm {
        self.recipe.storm.as_ref().expect("CLAIM and REDEEM are asked for in storms")
    }

    /// The CLAIM or REDEEM with this number.
    pub(crate) fn storm_command(&self, what: What, number: u64) -> Command<'static> {
        let storm = self.storm();
        let subject = storm.subject(number);
        if what == What::Claim {
            let campaign = StockId(self.recipe.stocks[0]);
            let owner = UserId(user_of(subject));
            return Command::Issue(Issue { owner, claimed: true, ..Issue::of_nobody(campaign) });
        }
        Command::Redeem(Redeem {
            card: storm.card(subject),
            generation: storm.generation,
            units: 1,
            order: OrderId(u128::from(self.ids.bits(number))),
            user: UserId(0),
            parties: None,
            amount: AMOUNT,
            store: 0,
            product: 0,
            category: 0,
            offline: None,
        })
    }
}

/// The user that a subject is.
#[inline]
pub(crate) const fn user_of(subject: u64) -> u128 {
    subject as u128 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(storm: Storm) -> Vec<u32> {
        let mut counts = vec![0; storm.subjects as usize];
        let threads = u64::from(storm.threads);
        for thread in 0..threads {
            let share = storm.attempts() / threads + u64::from(thread < storm.attempts() % threads);
            for number in 0..share {
                counts[storm.subject(thread << THREAD_SHIFT | number) as usize] += 1;
            }
        }
        counts
    }

    #[test]
    fn every_subject_is_tried_as_often_as_it_is_to_be_whatever_the_threads() {
        for (subjects, tries, threads) in
            [(1, 1, 1), (7, 3, 2), (1_024, 3, 3), (1_025, 2, 1), (5_000, 1, 2), (12_345, 5, 4)]
        {
            let storm = Storm { locator: 9, subjects, tries, generation: None, repeat: 0.0, threads };
            assert!(counts(storm).iter().all(|&count| count == tries), "{storm:?}");
        }
    }

    #[test]
    fn the_attempts_for_one_subject_come_near_one_another() {
        let storm =
            Storm { locator: 9, subjects: 100_000, tries: 3, generation: None, repeat: 0.0, threads: 1 };
        let subject = storm.subject(5_000);
        let near: Vec<u64> = (0..300_000).filter(|&number| storm.subject(number) == subject).collect();
        assert_eq!(near.len(), 3);
        assert!(near[2] - near[0] <= 2 * BLOCK, "{near:?}");
    }

    #[test]
    fn a_table_of_codes_prints_none_of_them() {
        let mut codes = CodeTable::with_capacity(4, 2);
        codes.push("AB12");
        codes.push("CD34");
        assert_eq!((codes.code(1), codes.count()), (&b"CD34"[..], 2));
        assert_eq!(format!("{codes:?}"), "CodeTable(2 codes)");
    }
}

//! What a code that opens nothing costs and tells.
//!
//! It stands between the session, which knows whose command it is, and the engine, which knows why it was refused. Failed
//! look-ups are counted for each token, in memory alone: they are admission, not state. Invariant: to a public token all
//! refusals that are about the card a code names are one, NOT_FOUND without facts.

use super::Principal;
use scrip_engine::answer::Outcome;
use scrip_engine::rejection::{Code, Rejection};
use std::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds of a window.
const WINDOW_MS: u64 = 60_000;
const COUNT_BITS: u32 = 24;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

/// Codes that opened nothing, of one token in the running minute.
#[derive(Debug, Default)]
pub struct FailedCodes {
    /// The minute, and above its number nothing; the count in the lowest bits.
    minute_and_count: AtomicU64,
}

impl FailedCodes {
    /// Whether so many have failed in this minute that no more are looked up; `most` 0: there is no such number.
    pub fn are_too_many(&self, now_ms: u64, most: u32) -> bool {
        let seen = self.minute_and_count.load(Ordering::Relaxed);
        most != 0 && seen >> COUNT_BITS == now_ms / WINDOW_MS && seen & COUNT_MASK >= u64::from(most)
    }

    /// One more has failed.
    pub fn count(&self, now_ms: u64) {
        let minute = now_ms / WINDOW_MS;
        let more = |seen: u64| match seen >> COUNT_BITS {
            same if same == minute => Some(seen + u64::from(seen & COUNT_MASK < COUNT_MASK)),
            _ => Some(minute << COUNT_BITS | 1),
        };
        // It always has a next value.
        let _ = self.minute_and_count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

/// Whether a refusal says something about the card that a code names.
const fn tells_of_the_card(code: Code) -> bool {
    matches!(
        code,
        Code::NotFound
            | Code::Void
            | Code::Used
            | Code::NotActive
            | Code::Frozen
            | Code::NotStarted
            | Code::Expired
            | Code::OutOfScope
            | Code::NotOwner
    )
}

impl Principal {
    /// What it hears of the outcome of a command with a code at `now_ms`, which is counted if the code was in vain: to those who
    /// are told why, if it opened nothing; to a public token, which must not be able to tell, if it could not be used.
    #[inline]
    pub fn hear<'s>(&self, outcome: Outcome<'s>, now_ms: u64) -> Outcome<'s> {
        let Outcome::Refused(Rejection { code, .. }) = outcome else { return outcome };
        if self.public && tells_of_the_card(code) {
            self.failed_codes.count(now_ms);
            return Outcome::Refused(Rejection::plain(Code::NotFound));
        }
        if code == Code::NotFound {
            self.failed_codes.count(now_ms);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_a_minute_are_counted_and_forgotten_with_it() {
        let failed = FailedCodes::default();
        for _ in 0..3 {
            assert!(!failed.are_too_many(120_000, 3));
            failed.count(120_000);
        }
        assert!(failed.are_too_many(179_999, 3));
        assert!(!failed.are_too_many(179_999, 4) && !failed.are_too_many(179_999, 0));
        assert!(!failed.are_too_many(180_000, 3));
        failed.count(180_000);
        assert!(failed.are_too_many(180_000, 1) && !failed.are_too_many(180_000, 2));
    }

    #[test]
    fn a_count_stays_at_the_most_it_can_be() {
        let failed = FailedCodes { minute_and_count: AtomicU64::new(7 << COUNT_BITS | COUNT_MASK) };
        failed.count(7 * WINDOW_MS);
        assert!(failed.are_too_many(7 * WINDOW_MS, u32::MAX >> 8));
    }
}

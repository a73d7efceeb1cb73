//! Sums as the hot path adds them up, and the board on which a thread shows them to the others.

use crate::report::{ChannelCounts, Counts};
use scrip_engine::rejection::Code;
use std::sync::atomic::{AtomicU64, Ordering};

const CODES: usize = 64;
const _: () = assert!((Code::ALL[Code::ALL.len() - 1] as usize) < CODES);

/// What one thread shows to the others while it runs.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) attempts: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) units: AtomicU64,
    pub(crate) connected: AtomicU64,
    pub(crate) reconnects: AtomicU64,
}

/// Sums as the hot path adds them up.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    pub(crate) attempts: u64,
    pub(crate) acknowledged: u64,
    pub(crate) owed: u64,
    pub(crate) refused: [u64; CODES],
    pub(crate) refused_total: u64,
    pub(crate) turned_away: u64,
    pub(crate) unknown: u64,
    pub(crate) interrupted: u64,
    pub(crate) reserved_units: u64,
    pub(crate) sold_units: u64,
    pub(crate) returned_units: u64,
    pub(crate) repeats: u64,
    pub(crate) mismatched_repeats: u64,
    pub(crate) contradictions: u64,
    pub(crate) checkouts: u64,
    pub(crate) duplicate_keys: u64,
    pub(crate) reconnects: u64,
}

/// What came from one channel.
#[derive(Debug, Clone)]
pub(crate) struct ChannelSums {
    pub(crate) attempts: u64,
    pub(crate) sold_units: u64,
    pub(crate) refused: [u64; CODES],
}

impl ChannelSums {
    pub(crate) const ZERO: ChannelSums = ChannelSums { attempts: 0, sold_units: 0, refused: [0; CODES] };

    pub(crate) fn add(&mut self, other: &ChannelSums) {
        self.attempts += other.attempts;
        self.sold_units += other.sold_units;
        for (sum, count) in self.refused.iter_mut().zip(other.refused) {
            *sum += count;
        }
    }

    /// The same for people.
    pub(crate) fn counts(&self, channel: u16) -> ChannelCounts {
        let refused = Code::ALL.iter().filter(|code| self.refused[**code as usize] > 0);
        ChannelCounts {
            channel,
            attempts: self.attempts,
            sold_units: self.sold_units,
            refused: refused.map(|&code| (code.name().to_owned(), self.refused[code as usize])).collect(),
        }
    }
}

impl Board {
    pub(crate) fn show(&self, sums: &Sums) {
        let put = |cell: &AtomicU64, value| cell.store(value, Ordering::Relaxed);
        put(&self.attempts, sums.attempts);
        put(&self.acknowledged, sums.acknowledged + sums.owed);
        put(&self.refused, sums.refused_total);
        put(&self.turned_away, sums.turned_away);
        put(&self.unknown, sums.unknown);
        put(&self.units, sums.reserved_units.max(sums.sold_units));
        put(&self.reconnects, sums.reconnects);
    }
}

impl Sums {
    /// Answers that are business: acknowledged, owed or refused.
    pub(crate) const fn answers(&self) -> u64 {
        self.acknowledged + self.owed + self.refused_total
    }

    pub(crate) const ZERO: Sums = Sums {
        attempts: 0,
        acknowledged: 0,
        owed: 0,
        refused: [0; CODES],
        refused_total: 0,
        turned_away: 0,
        unknown: 0,
        interrupted: 0,
        reserved_units: 0,
        sold_units: 0,
        returned_units: 0,
        repeats: 0,
        mismatched_repeats: 0,
        contradictions: 0,
        checkouts: 0,
        duplicate_keys: 0,
        reconnects: 0,
    };

    /// The same for people.
    pub(crate) fn counts(&self) -> Counts {
        let of = |code: Code| self.refused[code as usize];
        let apart = [Code::Busy, Code::Capacity, Code::Throttled];
        let refused = Code::ALL.iter().filter(|code| !apart.contains(code) && of(**code) > 0);
        Counts {
            attempts: self.attempts,
            acknowledged: self.acknowledged,
            owed: self.owed,
            refused: refused.map(|&code| (code.name().to_owned(), of(code))).collect(),
            busy: of(Code::Busy),
            capacity: of(Code::Capacity),
            throttled: of(Code::Throttled),
            unknown: self.unknown,
            interrupted: self.interrupted,
            reserved_units: self.reserved_units,
            sold_units: self.sold_units,
            returned_units: self.returned_units,
            repeats: self.repeats,
            mismatched_repeats: self.mismatched_repeats,
            contradictions: self.contradictions,
            checkouts: self.checkouts,
            duplicate_keys: self.duplicate_keys,
        }
    }
}

/// Whether a refusal only says that the server had no room: nobody's business, and never a success.
pub(crate) const fn is_turned_away(code: Code) -> bool {
    matches!(code, Code::Busy | Code::Capacity | Code::Throttled)
}

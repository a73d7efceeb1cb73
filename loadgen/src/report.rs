//! What a load came to: while it runs ([`Progress`]) and afterwards ([`LoadReport`]).
//!
//! Invariant: every attempt is in exactly one place: attempts = acknowledged + owed + refused + busy + capacity + throttled +
//! unknown (a running load has those in flight besides). Asking again under the same id is no attempt; it is counted
//! in `repeats`.

use crate::ledger::Ledger;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Latencies in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct HistogramSummary {
    /// Answers measured.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Half were faster.
    pub p50: f64,
    /// Nine of ten were faster.
    pub p90: f64,
    /// 99 of a hundred were faster.
    pub p99: f64,
    /// 999 of a thousand were faster.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

/// What operations came to, summed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Operations asked for; each id once.
    pub attempts: u64,
    /// Answered with success.
    pub acknowledged: u64,
    /// Sales answered OWED: too few units were there, and they wait.
    #[serde(default)]
    pub owed: u64,
    /// Refused for a business reason, by the code's stable name. BUSY, CAPACITY and THROTTLED are not among them.
    pub refused: BTreeMap<String, u64>,
    /// The server had no room in a queue.
    pub busy: u64,
    /// The server was at a configured maximum.
    pub capacity: u64,
    /// The server throttled.
    pub throttled: u64,
    /// Never answered: they may have happened.
    pub unknown: u64,
    /// Operations that were in flight on a connection when it was lost, whatever became of them later.
    pub interrupted: u64,
    /// Units acknowledged to be held, by RESERVE.
    pub reserved_units: u64,
    /// Units acknowledged to be sold, by CONFIRM and SELL.
    pub sold_units: u64,
    /// Units acknowledged to be given back, by RETURN.
    pub returned_units: u64,
    /// Operations asked again under the same id and answered.
    pub repeats: u64,
    /// Repeats whose answer differed from the first: each is a fault of the server.
    pub mismatched_repeats: u64,
    /// Answers that contradict earlier ones (an acknowledged hold not found, more units than asked for): each is a
    /// fault of the server.
    pub contradictions: u64,
    /// Checkouts brought to their end.
    pub checkouts: u64,
    /// Card keys that two orders were given, by their texts: each is a fault of the server.
    pub duplicate_keys: u64,
}

/// What came from one channel of a plan with several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelCounts {
    /// The channel.
    pub channel: u16,
    /// Operations asked for.
    pub attempts: u64,
    /// Units acknowledged to be sold.
    pub sold_units: u64,
    /// Refusals by the code's stable name, BUSY and its like among them.
    pub refused: BTreeMap<String, u64>,
}

impl Counts {
    /// Refusals of all codes.
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(crate) fn add(&mut self, other: &Counts) {
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
        let pairs = [
            (&mut self.attempts, other.attempts),
            (&mut self.acknowledged, other.acknowledged),
            (&mut self.owed, other.owed),
            (&mut self.busy, other.busy),
            (&mut self.capacity, other.capacity),
            (&mut self.throttled, other.throttled),
            (&mut self.unknown, other.unknown),
            (&mut self.interrupted, other.interrupted),
            (&mut self.reserved_units, other.reserved_units),
            (&mut self.sold_units, other.sold_units),
            (&mut self.returned_units, other.returned_units),
            (&mut self.repeats, other.repeats),
            (&mut self.mismatched_repeats, other.mismatched_repeats),
            (&mut self.contradictions, other.contradictions),
            (&mut self.checkouts, other.checkouts),
            (&mut self.duplicate_keys, other.duplicate_keys),
        ];
        for (sum, count) in pairs {
            *sum += count;
        }
    }
}

/// One second of a load, counted from its first command (warm-up included).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Second {
    /// Which one; the first is 0.
    pub second: u32,
    /// Answers with success.
    pub acknowledged: u64,
    /// Answers that units are owed.
    #[serde(default)]
    pub owed: u64,
    /// Business refusals.
    pub refused: u64,
    /// BUSY, CAPACITY and THROTTLED.
    pub turned_away: u64,
    /// Operations left without an answer by lost connections.
    pub unknown: u64,
    /// Connections made anew.
    pub reconnects: u64,
    /// Latencies of the answers that came in this second.
    pub latency: HistogramSummary,
}

/// Why a load ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// All attempts were made.
    Attempts,
    /// The time was over.
    Seconds,
    /// Nothing was left to sell.
    SoldOut,
    /// The plan's `cancel` was set.
    Cancelled,
    /// No connection was left, and none could be made in the time allowed.
    ServerGone,
    /// The server refused a connection for good, or broke the protocol: the message says how.
    Refused(String),
}

/// A load while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// Seconds since the first command.
    pub seconds: f64,
    /// Whether the warm-up is still on.
    pub warming_up: bool,
    /// Operations asked for.
    pub attempts: u64,
    /// Answered with success, or owed.
    pub acknowledged: u64,
    /// Business refusals.
    pub refused: u64,
    /// BUSY, CAPACITY and THROTTLED.
    pub turned_away: u64,
    /// Operations left without an answer so far.
    pub unknown: u64,
    /// Units acknowledged to be held or sold.
    pub units: u64,
    /// Answers (acknowledged and refused) per second since the last report.
    pub ops_per_s: f64,
    /// Connections that are up.
    pub connected: u64,
    /// Connections made anew.
    pub reconnects: u64,
}

/// What a load came to.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// Everything counted, warm-up included.
    #[serde(flatten)]
    pub counts: Counts,
    /// Channel by channel, if the plan has several.
    pub channels: Vec<ChannelCounts>,
    /// Why it ended.
    pub ended: Ended,
    /// Answers (acknowledged, owed and refused) inside the measured time: after the warm-up, before the end.
    pub measured: u64,
    /// The measured time.
    pub seconds: f64,
    /// `measured` per second.
    pub ops_per_s: f64,
    /// From send (closed loop) or schedule (open loop) to answer, of what was sent or due in the measured time.
    pub latency: HistogramSummary,
    /// Second by second.
    pub timeline: Vec<Second>,
    /// Processor time this process took during the load, of all its threads.
    pub load_cpu_s: f64,
    /// Connections made anew after a loss.
    pub reconnects: u64,
    /// The first few contradictions and mismatched repeats, in words.
    pub findings: Vec<String>,
    /// What [`crate::check`] needs.
    #[serde(skip)]
    pub ledger: Ledger,
}

impl LoadReport {
    /// Whether no answer contradicted another. [`crate::check`] says more.
    pub const fn consistent(&self) -> bool {
        self.counts.mismatched_repeats == 0
            && self.counts.contradictions == 0
            && self.counts.duplicate_keys == 0
    }
}

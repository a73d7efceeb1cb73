//! The report of a run: what `demo`, `load`, `bench` and `verify` print as their last line with `--json`.
//!
//! One single-line object with stable names. A figure that a run does not have is null.

use scrip_loadgen::probe::Probe;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Percentiles in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyUs {
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// The slowest.
    pub max: u64,
}

/// What one channel of a sale did and got (`demo keys`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ChannelReport {
    /// Its name.
    pub name: String,
    /// Its number.
    pub channel: u16,
    /// Units guaranteed at first; 0: none.
    pub guaranteed: u64,
    /// The most it may have; none: no maximum.
    pub cap: Option<u64>,
    /// Operations asked for.
    pub attempts: u64,
    /// Units it holds and has sold at the end, by the log.
    pub sold: u64,
    /// The most units it had at any event.
    pub used_most: u64,
    /// What its guarantee had left when it lapsed; none: it did not lapse.
    pub lapsed_unused: Option<u64>,
    /// Refusals by code.
    pub refused: BTreeMap<String, u64>,
}

/// What a run did and found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Which.
    pub workload: String,
    /// The socket driver of the server.
    pub driver: Option<String>,
    /// Shards of the server.
    pub shards: Option<u32>,
    /// Connections of the load.
    pub connections: Option<u32>,
    /// Commands per frame.
    pub batch: Option<u32>,
    /// Length of the measured part.
    pub seconds: f64,
    /// Commands sent.
    pub attempts: u64,
    /// Commands answered that were taken.
    pub acknowledged: u64,
    /// Sales answered that their units are owed.
    pub owed: u64,
    /// Commands answered that were refused.
    pub refused: u64,
    /// Commands whose answer never came.
    pub unknown: u64,
    /// Units sold or held at the end.
    pub sold: u64,
    /// Units sold or held beyond what was supplied.
    pub oversold: u64,
    /// Card keys given to two orders.
    pub duplicate_keys: u64,
    /// Acknowledged operations that were not there afterwards.
    pub lost: u64,
    /// Repeats that were answered differently.
    pub mismatched_repeats: u64,
    /// Successes per second (W1s: OUT_OF_STOCK; W2: commands), never BUSY or CAPACITY.
    pub ops_per_s: f64,
    /// From the intended send time to the answer.
    pub latency_us: Option<LatencyUs>,
    /// p99 at half of the top rate (W8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_at_50: Option<u64>,
    /// p99 at 80 % of the top rate (W8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_at_80: Option<u64>,
    /// CPU seconds of the server process.
    pub server_cpu_s: Option<f64>,
    /// CPU seconds of the load process.
    pub load_cpu_s: Option<f64>,
    /// Bytes the server wrote to its log.
    pub log_bytes: Option<u64>,
    /// Kills of the server during the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kills: Option<u32>,
    /// Resident memory of the server at the start and at the end of the measured part (W1-steady).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<[u64; 2]>,
    /// The channels of the sale (`demo keys`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<ChannelReport>,
    /// What the machine itself can do, measured in the same run.
    #[serde(skip_deserializing)]
    pub probe: Option<Probe>,
    /// What failed; empty: every check held.
    pub failures: Vec<String>,
}

impl Report {
    /// Whether every check held.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
            && self.oversold == 0
            && self.duplicate_keys == 0
            && self.lost == 0
            && self.mismatched_repeats == 0
    }

    /// The last line of stdout.
    pub fn print_json(&self) {
        println!("{}", serde_json::to_string(self).expect("a report is plain data"));
    }
}

//! What a server tells about itself: counters that owner threads add to once per batch, and the page that shows them.
//!
//! Invariant: nothing is allocated or locked for a command; what takes a lock (the roll of stocks) does so once a second at
//! most, and never waits for it.

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use scrip_engine::TABLES;
use scrip_engine::answer::Outcome;
use scrip_engine::ids::{ChannelId, MerchantId, StockId};
use scrip_engine::rejection::Code;
use scrip_engine::state::stock::Stock;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of rejection codes, 0 included.
const CODES: usize = Code::ALL[Code::ALL.len() - 1] as usize + 1;
/// Channels whose refusals are counted each on its own: numbers below it, which the well-known ones have. The others share the
/// last counter.
const CHANNELS: usize = 64;
/// What the others are called.
const OTHER_CHANNELS: &str = "other";

/// Counters of one owner thread.
#[derive(Debug)]
pub struct OwnerMetrics {
    /// Commands that were taken.
    pub done: AtomicU64,
    /// Refused commands, by code.
    pub refused: [AtomicU64; CODES],
    /// Refused commands, by channel.
    pub refused_channels: [AtomicU64; CHANNELS + 1],
    /// Commands of this thread's connections that were handed to another shard.
    pub forwarded: AtomicU64,
    /// Frames of commands.
    pub frames: AtomicU64,
    /// Bytes read from connections.
    pub bytes_in: AtomicU64,
    /// Bytes written to connections.
    pub bytes_out: AtomicU64,
    /// Connections open.
    pub connections: AtomicU64,
    /// Connections refused at accept.
    pub connections_refused: AtomicU64,
    /// Connections closed for an error of theirs.
    pub connections_failed: AtomicU64,
    /// Sequence of the last event.
    pub sequence: AtomicU64,
    /// Sequence up to which the log is durable.
    pub durable_sequence: AtomicU64,
    /// Operations older than this are gone, milliseconds since the Unix epoch.
    pub floor_ms: AtomicU64,
    /// 1 while the clocks disagree.
    pub clock_alarm: AtomicU64,
    /// 1 while the log's disk is full.
    pub space_low: AtomicU64,
    /// Records in use per table.
    pub table_used: [AtomicU64; TABLES.len()],
    /// Configured maxima per table.
    pub table_max: [AtomicU64; TABLES.len()],
    /// Frames, bytes, syncs and nanoseconds in syncs of the log.
    pub log: [AtomicU64; 4],
    /// Microseconds from a frame's arrival to its answer's release: p50, p99, p99.9, max over the last second.
    pub wait_us: [AtomicU64; 4],
    /// The shard's stocks.
    pub roll: StockRoll,
}

impl Default for OwnerMetrics {
    fn default() -> OwnerMetrics {
        OwnerMetrics {
            done: AtomicU64::new(0),
            refused: [const { AtomicU64::new(0) }; CODES],
            refused_channels: [const { AtomicU64::new(0) }; CHANNELS + 1],
            forwarded: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            connections_failed: AtomicU64::new(0),
            sequence: AtomicU64::new(0),
            durable_sequence: AtomicU64::new(0),
            floor_ms: AtomicU64::new(0),
            clock_alarm: AtomicU64::new(0),
            space_low: AtomicU64::new(0),
            table_used: [const { AtomicU64::new(0) }; TABLES.len()],
            table_max: [const { AtomicU64::new(0) }; TABLES.len()],
            log: [const { AtomicU64::new(0) }; 4],
            wait_us: [const { AtomicU64::new(0) }; 4],
            roll: StockRoll::default(),
        }
    }
}

/// Whose stocks a shard has, in the order they were made. Stocks are never unmade, so it only grows.
#[derive(Debug, Default)]
pub struct StockRoll(Mutex<Vec<(MerchantId, StockId)>>);

impl StockRoll {
    /// Adds what was made since the last time, unless somebody is reading. For the owner thread, once a second.
    pub fn follow(&self, made: usize, stocks: impl Iterator<Item = (MerchantId, StockId)>) {
        let Ok(mut roll) = self.0.try_lock() else { return };
        if roll.len() < made {
            let known = roll.len();
            roll.extend(stocks.skip(known));
        }
    }

    /// A merchant's stocks, those made last first, `most` of them; and how many it has.
    pub fn of(&self, merchant: MerchantId, most: usize) -> (Vec<StockId>, usize) {
        let roll = self.0.lock().expect("no panic holds it");
        let of_merchant = roll.iter().rev().filter(|(owner, _)| *owner == merchant);
        let stocks: Vec<StockId> = of_merchant.clone().take(most).map(|(_, stock)| *stock).collect();
        (stocks, of_merchant.count())
    }
}

/// What the roll keeps of a stock.
pub fn enrolled(stock: &Stock) -> (MerchantId, StockId) {
    (stock.merchant, stock.id)
}

/// What one batch adds.
#[derive(Debug)]
pub struct BatchCounts {
    done: u64,
    refused: [u32; CODES],
    refused_channels: [u32; CHANNELS + 1],
    any_refused: bool,
}

impl Default for BatchCounts {
    fn default() -> BatchCounts {
        BatchCounts { done: 0, refused: [0; CODES], refused_channels: [0; CHANNELS + 1], any_refused: false }
    }
}

impl BatchCounts {
    /// Counts one outcome of what a channel has asked.
    #[inline]
    pub fn count(&mut self, channel: ChannelId, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::Done(_) => self.done += 1,
            Outcome::Refused(rejection) => {
                self.any_refused = true;
                self.refused[rejection.code as usize] += 1;
                self.refused_channels[usize::from(channel.0).min(CHANNELS)] += 1;
            }
        }
    }

    /// Adds the counts to `metrics` and starts again.
    pub fn publish(&mut self, metrics: &OwnerMetrics) {
        metrics.done.fetch_add(core::mem::take(&mut self.done), Ordering::Relaxed);
        if core::mem::take(&mut self.any_refused) {
            let codes = self.refused.iter_mut().zip(&metrics.refused);
            let channels = self.refused_channels.iter_mut().zip(&metrics.refused_channels);
            for (count, total) in codes.chain(channels).filter(|(count, _)| **count != 0) {
                total.fetch_add(u64::from(core::mem::take(count)), Ordering::Relaxed);
            }
        }
    }
}

/// The page in Prometheus text format.
pub fn page(owners: &[Arc<OwnerMetrics>]) -> String {
    let mut registry = Registry::with_prefix("scrip");
    registry.register_collector(Box::new(Collector { owners: owners.to_vec() }));
    let mut out = String::new();
    text::encode(&mut out, &registry).expect("writing to a string works");
    out
}

#[derive(Debug)]
struct Collector {
    owners: Vec<Arc<OwnerMetrics>>,
}

struct Page<'e, 'd> {
    encoder: &'e mut DescriptorEncoder<'d>,
}

impl Page<'_, '_> {
    fn family(
        &mut self,
        (name, help): (&str, &str),
        counter: bool,
        rows: &[(Vec<(&str, String)>, u64)],
    ) -> std::fmt::Result {
        use prometheus_client::metrics::MetricType;
        let kind = if counter { MetricType::Counter } else { MetricType::Gauge };
        let mut family = self.encoder.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in rows {
            let row = family.encode_family(labels)?;
            if counter {
                ConstCounter::new(*value).encode(row)?
            } else {
                ConstGauge::new(*value as i64).encode(row)?
            }
        }
        Ok(())
    }
}

impl prometheus_client::collector::Collector for Collector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let mut page = Page { encoder: &mut encoder };
        let per_owner =
            |of: &dyn Fn(&OwnerMetrics) -> &AtomicU64| -> Vec<(Vec<(&'static str, String)>, u64)> {
                let rows = self.owners.iter().enumerate();
                rows.map(|(shard, owner)| {
                    (vec![("shard", shard.to_string())], of(owner).load(Ordering::Relaxed))
                })
                .collect()
            };
        page.family(("commands_done", "Commands that were taken"), true, &per_owner(&|owner| &owner.done))?;
        page.family(("commands_refused", "Refused commands"), true, &self.refused())?;
        let of_channels = ("channel_refused", "Refused commands by channel");
        page.family(of_channels, true, &self.refused_channels())?;
        page.family(("command_frames", "Frames of commands"), true, &per_owner(&|owner| &owner.frames))?;
        let forwarded = ("commands_forwarded", "Commands handed to another shard");
        page.family(forwarded, true, &per_owner(&|owner| &owner.forwarded))?;
        page.family(("received_bytes", "Bytes read"), true, &per_owner(&|owner| &owner.bytes_in))?;
        page.family(("sent_bytes", "Bytes written"), true, &per_owner(&|owner| &owner.bytes_out))?;
        page.family(("connections", "Connections open"), false, &per_owner(&|owner| &owner.connections))?;
        let refused = ("connections_refused", "Connections closed at accept, over the maximum");
        page.family(refused, true, &per_owner(&|owner| &owner.connections_refused))?;
        let failed = ("connections_failed", "Connections closed for an error of theirs");
        page.family(failed, true, &per_owner(&|owner| &owner.connections_failed))?;
        page.family(("sequence", "Sequence of the last event"), false, &per_owner(&|owner| &owner.sequence))?;
        let durable = ("durable_sequence", "Sequence up to which the log is durable");
        page.family(durable, false, &per_owner(&|owner| &owner.durable_sequence))?;
        let floor = ("operation_floor_ms", "Operation ids made before this are gone");
        page.family(floor, false, &per_owner(&|owner| &owner.floor_ms))?;
        page.family(
            ("clock_alarm", "1: the clocks disagree"),
            false,
            &per_owner(&|owner| &owner.clock_alarm),
        )?;
        page.family(
            ("log_space_low", "1: the log's disk is full"),
            false,
            &per_owner(&|owner| &owner.space_low),
        )?;
        page.family(("table_records", "Records in use"), false, &self.tables(|owner| &owner.table_used))?;
        page.family(
            ("table_records_max", "Configured maximum"),
            false,
            &self.tables(|owner| &owner.table_max),
        )?;
        page.family(("log_frames", "Log frames synced"), true, &per_owner(&|owner| &owner.log[0]))?;
        page.family(("log_bytes", "Log bytes written"), true, &per_owner(&|owner| &owner.log[1]))?;
        page.family(("log_syncs", "Syncs of the log"), true, &per_owner(&|owner| &owner.log[2]))?;
        page.family(("log_sync_ns", "Nanoseconds in syncs"), true, &per_owner(&|owner| &owner.log[3]))?;
        page.family(("answer_wait_us", "From arrival to release, last second"), false, &self.waits())
    }
}

impl Collector {
    fn refused(&self) -> Vec<(Vec<(&'static str, String)>, u64)> {
        let mut rows = Vec::new();
        for (shard, owner) in self.owners.iter().enumerate() {
            for code in Code::ALL {
                let value = owner.refused[*code as usize].load(Ordering::Relaxed);
                if value > 0 {
                    rows.push((vec![("shard", shard.to_string()), ("code", code.name().to_owned())], value));
                }
            }
        }
        rows
    }

    fn refused_channels(&self) -> Vec<(Vec<(&'static str, String)>, u64)> {
        let mut rows = Vec::new();
        for (shard, owner) in self.owners.iter().enumerate() {
            for (number, total) in (0u16..).zip(&owner.refused_channels) {
                let value = total.load(Ordering::Relaxed);
                if value > 0 {
                    let channel = match usize::from(number) {
                        CHANNELS => OTHER_CHANNELS.to_owned(),
                        _ => scrip_client::channel_name(ChannelId(number)),
                    };
                    rows.push((vec![("shard", shard.to_string()), ("channel", channel)], value));
                }
            }
        }
        rows
    }

    fn tables(
        &self,
        of: impl Fn(&OwnerMetrics) -> &[AtomicU64; TABLES.len()],
    ) -> Vec<(Vec<(&'static str, String)>, u64)> {
        let mut rows = Vec::new();
        for (shard, owner) in self.owners.iter().enumerate() {
            for (table, value) in TABLES.iter().zip(of(owner)) {
                let labels = vec![("shard", shard.to_string()), ("table", (*table).to_owned())];
                rows.push((labels, value.load(Ordering::Relaxed)));
            }
        }
        rows
    }

    fn waits(&self) -> Vec<(Vec<(&'static str, String)>, u64)> {
        let mut rows = Vec::new();
        for (shard, owner) in self.owners.iter().enumerate() {
            for (quantile, value) in ["0.5", "0.99", "0.999", "1"].iter().zip(&owner.wait_us) {
                let labels = vec![("shard", shard.to_string()), ("quantile", (*quantile).to_owned())];
                rows.push((labels, value.load(Ordering::Relaxed)));
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrip_engine::answer::Answer;
    use scrip_engine::rejection::Rejection;

    #[test]
    fn refusals_are_counted_by_code_and_by_channel() {
        let (metrics, mut counts) = (OwnerMetrics::default(), BatchCounts::default());
        let refused = Outcome::Refused(Rejection::plain(Code::OutOfStock));
        for channel in [10, 10, 13, 63, 64, 65_535] {
            counts.count(ChannelId(channel), &refused);
        }
        counts.count(ChannelId(10), &Outcome::Done(Answer::Returned { units: 1 }));
        counts.publish(&metrics);
        counts.publish(&metrics);
        let text = page(&[Arc::new(metrics)]);
        for line in [
            "scrip_commands_done_total{shard=\"0\"} 1",
            "scrip_commands_refused_total{shard=\"0\",code=\"OUT_OF_STOCK\"} 6",
            "scrip_channel_refused_total{shard=\"0\",channel=\"taobao\"} 2",
            "scrip_channel_refused_total{shard=\"0\",channel=\"pdd\"} 1",
            "scrip_channel_refused_total{shard=\"0\",channel=\"63\"} 1",
            "scrip_channel_refused_total{shard=\"0\",channel=\"other\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing: {text}");
        }
    }

    #[test]
    fn the_roll_tells_a_merchant_of_its_own_stocks_the_last_made_first() {
        let roll = StockRoll::default();
        let stock = |n: u64| (MerchantId(n as u32 % 2), StockId(n));
        roll.follow(3, (0..3).map(stock));
        roll.follow(10, (0..10).map(stock));
        assert_eq!(roll.of(MerchantId(1), 3), (vec![StockId(9), StockId(7), StockId(5)], 5));
        assert_eq!(roll.of(MerchantId(7), 3), (vec![], 0));
    }
}

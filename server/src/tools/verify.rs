//! `scrip verify`: reads a whole data directory, replays it, recounts it, and says what it holds. Writes nothing.

use super::ToolError;
use crate::data_directory::DataDirectory;
use crate::report::Report;
use indicatif::{ProgressBar, ProgressStyle};
use scrip_engine::Engine;
use scrip_engine::limits::Capacity;
use scrip_shard::{Recovered, recover};
use scrip_wal::{RealDisk, ScanEnd, Tail};
use std::path::Path;
use std::time::Instant;

/// What a data directory holds.
pub struct Verified {
    /// The figures under their usual names.
    pub report: Report,
    /// Per shard: the engine and where its log ends.
    pub shards: Vec<Recovered>,
}

/// Replays and recounts every shard of `path`. The tables grow as the log demands.
///
/// # Errors
/// [`ToolError`], naming file, offset and sequence of damage.
pub fn verify(path: &Path, quiet: bool) -> Result<Verified, ToolError> {
    let directory = DataDirectory::open(path)?;
    let started = Instant::now();
    let mut verified =
        Verified { report: Report { workload: "verify".into(), ..Report::default() }, shards: Vec::new() };
    verified.report.shards = Some(directory.manifest().shards);
    for shard in 0..directory.manifest().shards {
        let shard_path = directory.shard_path(shard);
        let disk = RealDisk::open(&shard_path)
            .map_err(|source| ToolError::Io { path: shard_path.clone(), source })?;
        let bar = progress_bar(quiet);
        let progress = |done: u64, total: u64| {
            bar.set_length(total);
            bar.set_position(done);
        };
        // A small engine: history makes its tables as large as they must be.
        let capacity = Capacity::for_memory(64 << 20);
        let recovered = recover(&disk, shard, capacity, 1, progress)
            .map_err(|source| ToolError::Recovery { path: shard_path, source })?;
        bar.finish_and_clear();
        add_shard(&mut verified.report, &recovered.engine, &recovered.end);
        verified.shards.push(recovered);
    }
    verified.report.seconds = started.elapsed().as_secs_f64();
    Ok(verified)
}

fn add_shard(report: &mut Report, engine: &Engine, end: &ScanEnd) {
    for stock in engine.stocks() {
        let units = &stock.units;
        let out = units.held + units.consumed;
        report.sold += out;
        report.oversold += out.saturating_sub(units.total);
    }
    report.acknowledged += end.records;
    report.log_bytes = Some(report.log_bytes.unwrap_or(0) + end.bytes);
}

/// A bar on stderr, or none.
fn progress_bar(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("reading the log {bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec}")
            .expect("a fixed template");
    ProgressBar::new(0).with_style(style)
}

/// Prints what was found, for people.
pub fn print(path: &Path, verified: &Verified) {
    println!("{}: {} shard(s)", path.display(), verified.shards.len());
    for Recovered { engine, end } in &verified.shards {
        let tail = match end.tail {
            Tail::Clean if end.sealed => "sealed".to_owned(),
            Tail::Clean => "clean, not sealed (the server was killed)".to_owned(),
            Tail::Torn { segment, offset, bytes } => {
                format!("torn: {bytes} bytes of segment {segment} at offset {offset}, cut at the next start")
            }
        };
        println!(
            "  shard {}: {} events in {} frames, {:.1} MiB, end {tail}",
            end.shard,
            end.last_sequence,
            end.frames,
            end.bytes as f64 / 1048576.0,
        );
        println!("  state digest {:016x}; every counter equals its records", engine.digest());
        println!(
            "  {:20} {:>14} {:>14} {:>10} {:>14} {:>10} {:>10}",
            "stock", "total", "available", "held", "consumed", "frozen", "void"
        );
        for stock in engine.stocks().take(50) {
            let units = &stock.units;
            println!(
                "  {:20} {:>14} {:>14} {:>10} {:>14} {:>10} {:>10}",
                String::from_utf8_lossy(stock.name()),
                units.total,
                units.available,
                units.held,
                units.consumed,
                units.frozen,
                units.void
            );
        }
        let stocks = engine.stocks().count();
        if stocks > 50 {
            println!("  and {} more stocks", stocks - 50);
        }
    }
    println!("held + sold {}, oversold {}", verified.report.sold, verified.report.oversold);
}

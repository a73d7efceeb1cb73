//! A shard brought up from its directory: recovery, a torn tail cut, the log opened for writing.
//!
//! It runs on the owner thread to be, so that shards come up beside each other. Invariant: a log is opened for writing only
//! after it was read to its end and its tail is whole.

use super::clocks::Clocks;
use super::house::Bell;
use super::{EXIT_LOG_FAULT, ServeError, system};
use crate::data_directory::DataDirectory;
use crate::keyring::Keyring;
use crate::person_keys::{self, PersonKeys};
use crate::settings::Settings;
use scrip_shard::{Recovered, Shard, ShardClock, recover};
use scrip_wal::limits::FRAME_BYTES_MAX;
use scrip_wal::{LogHandle, LogOptions, LogThread, LogWriter, RealDisk, Tail, repair};
use std::io;
use std::time::{Duration, Instant};

/// Recovers a shard and opens its log for writing; its log thread rings `bell` when something became durable.
///
/// # Errors
/// [`ServeError`].
pub fn open_shard(
    settings: &Settings,
    directory: &DataDirectory,
    number: u32,
    clocks: &Clocks,
    bell: Bell,
) -> Result<(Shard<LogHandle>, ShardClock), ServeError> {
    let path = directory.shard_path(number);
    let disk = RealDisk::open(&path).map_err(system("opening the log's directory"))?;
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| ServeError::System {
        what: "reading the system's random source",
        source: io::Error::other(error),
    })?;
    let mut last_told = Instant::now();
    let progress = |done: u64, total: u64| {
        if last_told.elapsed() >= Duration::from_secs(1) {
            last_told = Instant::now();
            tracing::info!(shard = number, read_mib = done >> 20, of_mib = total >> 20, "recovering");
        }
    };
    let recovered = recover(
        &disk,
        number,
        settings.capacity(directory.manifest().shards),
        u64::from_ne_bytes(seed),
        progress,
    );
    let Recovered { engine, end } =
        recovered.map_err(|source| ServeError::Recovery { path: path.clone(), source })?;
    if let Tail::Torn { segment, offset, bytes } = end.tail {
        tracing::warn!(shard = number, segment, offset, bytes, "cutting the torn tail that a crash left");
        repair(&disk, &end).map_err(|source| ServeError::Repair { path: path.clone(), source })?;
    }
    tracing::info!(
        shard = number,
        sequence = end.last_sequence,
        frames = end.frames,
        direct_io = disk.direct(),
        "recovered"
    );
    let (wall_ms, monotonic_ms, _) = clocks.read();
    let bound_ms = if settings.accept_clock { u64::MAX } else { settings.clock_jump_days * 86_400_000 };
    let earliest_ms = Shard::<LogHandle>::earliest_start_ms(&engine);
    let clock = ShardClock::start(wall_ms, monotonic_ms, engine.now_ms(), earliest_ms, bound_ms)?;
    let options = LogOptions {
        segment_bytes: settings.segment_bytes,
        segments_ahead: settings.segments_ahead,
        segments_ready_at_start: settings.segments_ready,
        ..LogOptions::new(number)
    };
    let writer = LogWriter::open(disk, &options, &end).map_err(|source| ServeError::Open { path, source })?;
    let log = LogThread::spawn(
        writer,
        move || bell.ring(),
        |fault| {
            // No retry and no further answer: what is not durable now is unknown to everybody.
            eprintln!("scrip: {fault}. Stopping without another answer; start again to recover");
            std::process::exit(EXIT_LOG_FAULT);
        },
    )
    .map_err(system("starting the log thread"))?;
    Ok((Shard::new(engine, log, settings.rules(), FRAME_BYTES_MAX), clock))
}

/// The keys of a recovered shard's labels, less those that its log says are void: a crash may have come before they were destroyed, and
/// a backup may have brought them back.
///
/// # Errors
/// [`ServeError`].
pub fn open_persons(
    settings: &Settings,
    number: u32,
    keyring: &Keyring,
    (mut shard, clock): (Shard<LogHandle>, ShardClock),
) -> Result<(Shard<LogHandle>, ShardClock, PersonKeys), ServeError> {
    let folder = settings.person_keys.clone().unwrap_or_else(|| person_keys::default_folder(&settings.data));
    let keys_end = shard.engine().state().labels.keys_end();
    let mut persons = PersonKeys::new(&folder, number, keyring.persons(), keys_end);
    persons.destroy(&shard.take_void_keys())?;
    Ok((shard, clock, persons))
}

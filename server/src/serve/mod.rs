//! `scrip serve`: recovery, doors, owner threads, shutdown.

mod clocks;
mod connection;
mod http;
mod metrics;
mod owner;
mod session;
mod vault;

use crate::data_directory::{DataDirectory, DirectoryError};
use crate::keyring::{Keyring, KeyringError};
use crate::settings::Settings;
use crate::tokens::{TokenStore, TokensError};
use clocks::Clocks;
use metrics::OwnerMetrics;
use owner::OwnerParts;
use scrip_shard::{ClockJump, Recovered, RecoveryError, Shard, ShardClock, recover};
use scrip_wal::limits::FRAME_BYTES_MAX;
use scrip_wal::{
    LogHandle, LogOptions, LogThread, LogWriter, OpenError, RealDisk, RepairError, Tail, repair,
};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::LocalOptions;
use tokio::sync::Notify;

/// Exit status of a process whose log could not be written: EX_IOERR.
pub const EXIT_LOG_FAULT: i32 = 74;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The log.
    #[error(
        "{path}: {source}. Run `scrip verify` on the data directory for the whole picture; restore from a backup, or keep a copy of the directory before any repair by hand"
    )]
    Recovery {
        /// The log's directory.
        path: PathBuf,
        /// What is wrong.
        source: RecoveryError,
    },
    /// The torn tail of the log.
    #[error("{path}: cutting the log's torn tail failed: {source}")]
    Repair {
        /// The log's directory.
        path: PathBuf,
        /// What is wrong.
        source: RepairError,
    },
    /// The log can't be opened for writing.
    #[error("{path}: {source}. Is the disk full or read-only?")]
    Open {
        /// The log's directory.
        path: PathBuf,
        /// What is wrong.
        source: OpenError,
    },
    /// The machine's clock.
    #[error(transparent)]
    Clock(#[from] ClockJump),
    /// An address.
    #[error(
        "{what} {address}: {source}. Is another server running there? Choose another with --{flag}, or port 0 for a free one"
    )]
    Listen {
        /// Which door.
        what: &'static str,
        /// Its flag.
        flag: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::System { what, source }
}

/// A server that is ready: where its doors are.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Address of the binary protocol.
    pub listen: SocketAddr,
    /// Address of /metrics and /health.
    pub http: SocketAddr,
}

/// Runs a server until SIGTERM or SIGINT, or until stdin is closed if `stop_on_eof`. `ready` is called once it listens.
///
/// # Errors
/// [`ServeError`], if it can't start. A log that can't be written any more ends the process with
/// [`EXIT_LOG_FAULT`] instead: nothing may be answered after it.
pub fn serve(settings: &Settings, stop_on_eof: bool, ready: impl FnOnce(&Ready)) -> Result<(), ServeError> {
    let started = Instant::now();
    // The doors first: a port in use should cost neither a directory nor a recovery.
    let listener = bind("address", "listen", settings.listen)?;
    let http = bind("HTTP address", "http", settings.http)?;
    let directory = DataDirectory::open_or_create(&settings.data)?;
    let tokens = Arc::new(TokenStore::open(directory.path())?);
    let keyring = Arc::new(Keyring::open(&settings.data, settings.master_key.as_deref())?);
    let metrics = vec![Arc::new(OwnerMetrics::default())];
    let stopping = Arc::new(AtomicBool::new(false));
    let durable = Arc::new(Notify::new());
    let clocks = Clocks::start();

    let (shard, clock) = open_shard(settings, &directory, 0, &clocks, durable.clone())?;
    let listen = listener.local_addr().map_err(system("reading the address"))?;
    let shown = http::Shown { owners: Arc::new(metrics.clone()), stopping: stopping.clone() };
    let http = http::start(http, shown).map_err(system("starting the HTTP door"))?;
    let (driver, why) = settings.io.chosen();
    tracing::info!(%listen, %http, driver, why, data = %settings.data.display(), shards = 1,
        direct_io = direct(&directory), took_ms = started.elapsed().as_millis() as u64, "serving");

    let parts = OwnerParts {
        shard,
        clock,
        clocks,
        durable,
        tokens,
        keyring,
        metrics: metrics[0].clone(),
        slot_map_epoch: directory.manifest().slot_map_epoch,
        connections_max: settings.connections_max,
        idle_timeout: Duration::from_secs(settings.idle_timeout_s),
        drain: Duration::from_millis(settings.drain_ms),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(system("starting the owner thread's runtime"))?;
    listener.set_nonblocking(true).map_err(system("preparing the listener"))?;
    let owner = runtime.block_on(async move {
        let listener =
            tokio::net::TcpListener::from_std(listener).map_err(system("preparing the listener"))?;
        let stop = Arc::new(Notify::new());
        tokio::task::spawn_local(watch_signals(stop.clone(), stopping.clone())?);
        if stop_on_eof {
            watch_stdin(stop.clone(), stopping)?;
        }
        ready(&Ready { listen, http });
        Ok::<_, ServeError>(owner::run(parts, listener, stop).await)
    })?;
    // Ends every task; what is left of the owner closes the log with a seal.
    drop(runtime);
    let closed = owner.close();
    tracing::info!(durable_sequence = closed.durable_sequence, sealed = closed.sealed, "stopped");
    Ok(())
}

fn bind(what: &'static str, flag: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).map_err(|source| ServeError::Listen { what, flag, address, source })
}

/// A future that rings `stop` at the first SIGTERM or SIGINT.
fn watch_signals(
    stop: Arc<Notify>,
    stopping: Arc<AtomicBool>,
) -> Result<impl Future<Output = ()> + 'static, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(system("watching SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("watching SIGINT"))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: answering what was taken in");
        stopping.store(true, Ordering::Relaxed);
        stop.notify_one();
    })
}

/// Rings `stop` when stdin is closed.
fn watch_stdin(stop: Arc<Notify>, stopping: Arc<AtomicBool>) -> Result<(), ServeError> {
    let watch = move || {
        // Whatever is written there is not for us; an error is an end, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        tracing::info!("stopping: stdin was closed");
        stopping.store(true, Ordering::Relaxed);
        stop.notify_one();
    };
    let thread = std::thread::Builder::new().name("stdin".into()).spawn(watch);
    thread.map(drop).map_err(system("watching stdin"))
}

fn direct(directory: &DataDirectory) -> bool {
    RealDisk::open(directory.shard_path(0)).is_ok_and(|disk| disk.direct())
}

/// Recovers a shard and opens its log for writing.
fn open_shard(
    settings: &Settings,
    directory: &DataDirectory,
    number: u32,
    clocks: &Clocks,
    durable: Arc<Notify>,
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
    let recovered = recover(&disk, number, settings.capacity(), u64::from_ne_bytes(seed), progress);
    let Recovered { engine, end } =
        recovered.map_err(|source| ServeError::Recovery { path: path.clone(), source })?;
    if let Tail::Torn { segment, offset, bytes } = end.tail {
        tracing::warn!(shard = number, segment, offset, bytes, "cutting the torn tail that a crash left");
        repair(&disk, &end).map_err(|source| ServeError::Repair { path: path.clone(), source })?;
    }
    tracing::info!(shard = number, sequence = end.last_sequence, frames = end.frames, "recovered");
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
        move || durable.notify_one(),
        |fault| {
            // No retry and no further answer: what is not durable now is unknown to everybody.
            eprintln!("scrip: {fault}. Stopping without another answer; start again to recover");
            std::process::exit(EXIT_LOG_FAULT);
        },
    )
    .map_err(system("starting the log thread"))?;
    Ok((Shard::new(engine, log, settings.rules(), FRAME_BYTES_MAX), clock))
}

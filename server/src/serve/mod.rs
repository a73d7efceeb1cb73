//! `scrip serve`: recovery, doors, owner threads, shutdown.
//!
//! In reading order: [`serve`] and its crew of owner threads; `open`, a shard brought up; `doors`, the sockets to come in
//! by; `drivers`, who move bytes; `owner`, the core that they drive, with `connection`, `session`, `links` and `exchange`;
//! `house`, what threads share; `http` and `metrics`. Invariant: nobody is served before every shard is there, and the
//! process does not end well before every log is sealed.

mod clocks;
mod codes;
mod connection;
mod doors;
mod drivers;
mod exchange;
mod house;
mod http;
mod links;
mod metrics;
mod open;
mod owner;
mod rewards;
mod session;
mod signals;
mod vault;

use crate::data_directory::{DataDirectory, DirectoryError};
use crate::keyring::{Keyring, KeyringError};
use crate::person_keys::PersonKeysError;
use crate::settings::{Settings, SettingsError};
use crate::tokens::{TokenStore, TokensError};
use clocks::Clocks;
use doors::Doors;
use drivers::Ear;
use house::House;
use links::Ends;
use owner::OwnerParts;
use scrip_shard::{ClockJump, RecoveryError};
use scrip_wal::{LogClosed, OpenError, RepairError};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::Notify;

/// Exit status of a process whose log could not be written: EX_IOERR.
pub const EXIT_LOG_FAULT: i32 = 74;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The socket driver that was asked for.
    #[error("--io glommio does not work here: {0}. Take another driver, or --io auto")]
    Driver(String),
    /// The settings, for this directory.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The keys of labels.
    #[error(transparent)]
    PersonKeys(#[from] PersonKeysError),
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

/// A server that is ready: what it is, and where its doors are.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Address of the binary protocol.
    pub listen: SocketAddr,
    /// Address of /metrics and /health.
    pub http: SocketAddr,
    /// Shards.
    pub shards: u32,
    /// The socket driver.
    pub driver: &'static str,
    /// Why that one.
    pub why: String,
}

/// Runs a server until SIGTERM or SIGINT, or until stdin is closed if `stop_on_eof`. `ready` is called once it listens.
///
/// # Errors
/// [`ServeError`], if it can't start. A log that can't be written any more ends the process with
/// [`EXIT_LOG_FAULT`] instead: nothing may be answered after it.
pub fn serve(settings: &Settings, stop_on_eof: bool, ready: impl FnOnce(&Ready)) -> Result<(), ServeError> {
    let started = Instant::now();
    // Driver and addresses first: what can't be had there should cost neither a directory nor a recovery.
    let (driver, why) = drivers::choose(settings.io).map_err(ServeError::Driver)?;
    let doors = Doors::reserve(settings.listen)
        .map_err(|source| listen_error("address", "listen", settings.listen, source))?;
    let http = TcpListener::bind(settings.http)
        .map_err(|source| listen_error("HTTP address", "http", settings.http, source))?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let directory =
        DataDirectory::open_or_create(&settings.data, settings.shards, settings.shards_for(cores))?;
    let shards = directory.manifest().shards;
    settings.check_memory(shards)?;
    let tokens = Arc::new(TokenStore::open(directory.path())?);
    let ears = (0..shards).map(|_| Ear::new(driver)).collect::<io::Result<Vec<_>>>();
    let (ears, bells): (Vec<_>, Vec<_>) =
        ears.map_err(system("preparing the socket driver"))?.into_iter().unzip();
    let driver = driver.name();
    let keyring = Arc::new(Keyring::open(&settings.data, settings.master_key.as_deref())?);
    let house = Arc::new(House::new(tokens, keyring, directory.manifest().slot_map_epoch, settings, bells));

    let listen = doors.address();
    let doors = doors.open(shards).map_err(|source| listen_error("address", "listen", listen, source))?;
    let crew = Crew::start(settings, &Arc::new(directory), &house, ears, doors)?;
    let http = http::start(http, house.clone()).map_err(system("starting the HTTP door"))?;
    tracing::info!(%listen, %http, driver, %why, data = %settings.data.display(), shards,
        took_ms = started.elapsed().as_millis() as u64, "serving");
    let told = Ready { listen, http, shards, driver, why };
    signals::until_stopped(stop_on_eof, &crew.ended, || ready(&told))?;
    house.stop();
    crew.finish()
}

fn listen_error(
    what: &'static str,
    flag: &'static str,
    address: SocketAddr,
    source: io::Error,
) -> ServeError {
    ServeError::Listen { what, flag, address, source }
}

/// The owner threads.
struct Crew {
    threads: Vec<JoinHandle<Result<LogClosed, ServeError>>>,
    /// Rung when a thread ends.
    ended: Arc<Notify>,
}

/// What an owner thread starts from.
struct Post {
    number: u32,
    settings: Settings,
    directory: Arc<DataDirectory>,
    house: Arc<House>,
    links: Ends,
    ear: Ear,
    door: TcpListener,
    clocks: Clocks,
}

impl Crew {
    /// Brings all shards up beside each other and, once they all are, lets them serve.
    fn start(
        settings: &Settings,
        directory: &Arc<DataDirectory>,
        house: &Arc<House>,
        ears: Vec<Ear>,
        doors: Vec<TcpListener>,
    ) -> Result<Crew, ServeError> {
        let links = Ends::between(&house.bells, &directory.manifest().slots);
        let clocks = Clocks::start();
        let ended = Arc::new(Notify::new());
        let (report, reports) = channel();
        let mut crew = Crew { threads: Vec::new(), ended: ended.clone() };
        let mut starts = Vec::new();
        for (number, ((ear, door), links)) in (0..).zip(ears.into_iter().zip(doors).zip(links)) {
            let (settings, directory, house) = (settings.clone(), directory.clone(), house.clone());
            let post = Post { number, settings, directory, house, links, ear, door, clocks };
            let (start, may_start) = channel();
            let (report, ended) = (report.clone(), ended.clone());
            let body = move || {
                let result = post.keep(&report, &may_start);
                // Rung for the good ends, too: nobody looks then.
                ended.notify_one();
                result
            };
            let thread = std::thread::Builder::new().name(format!("owner-{number}")).spawn(body);
            crew.threads.push(thread.map_err(system("starting an owner thread"))?);
            starts.push(start);
        }
        for _ in &starts {
            if !reports.recv().unwrap_or(false) {
                // The others are told by the end of their channel.
                drop(starts);
                return Err(crew.finish().err().unwrap_or_else(|| {
                    system("starting the shards")(io::Error::other("a thread ended without a word"))
                }));
            }
        }
        for start in starts {
            // A thread that is gone shows up in `ended`.
            let _ = start.send(());
        }
        Ok(crew)
    }

    /// Waits for all threads; answers the first error.
    fn finish(self) -> Result<(), ServeError> {
        let mut result = Ok(());
        for (shard, thread) in self.threads.into_iter().enumerate() {
            match thread.join().expect("a panic ends the process") {
                Ok(closed) => tracing::info!(
                    shard,
                    durable_sequence = closed.durable_sequence,
                    sealed = closed.sealed,
                    "stopped"
                ),
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }
}

impl Post {
    /// The life of an owner thread. Reports whether its shard is up, and serves when it may start.
    fn keep(self, report: &Sender<bool>, may_start: &Receiver<()>) -> Result<LogClosed, ServeError> {
        let Post { number, settings, directory, house, links, ear, door, clocks } = self;
        let bell = house.bells[number as usize].clone();
        let opened = open::open_shard(&settings, &directory, number, &clocks, bell)
            .and_then(|opened| open::open_persons(&settings, number, &house.keyring, opened));
        // Whoever started this waits for it.
        let _ = report.send(opened.is_ok());
        let (shard, clock, persons) = opened?;
        if may_start.recv().is_err() {
            return Ok(shard.into_log().close());
        }
        let parts = OwnerParts { number, shard, clock, clocks, links, house, persons };
        ear.run(parts, door).map_err(system("starting the socket driver"))
    }
}

//! The disk as one process sees it: a simulated disk below, and a process above that can be killed in any call.
//!
//! A power cut is the business of [`SimDisk`]: it loses what was not synced. A killed process loses nothing that was
//! written, but the call it dies in may be done, half done or not begun. Invariant: once the process or the machine is
//! dead every call fails, until [`HostDisk::power_cut`] or [`HostDisk::restart`].

use super::coverage::{Coverage, Met};
use fastrand::Rng;
use scrip_wal::Disk;
use scrip_wal::limits::BLOCK_BYTES;
use scrip_wal::sim::{SimDisk, SimFile, is_crash};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// A handle to the disk; clones share it.
#[derive(Clone)]
pub struct HostDisk {
    disk: SimDisk,
    host: Arc<Mutex<Host>>,
}

struct Host {
    rng: Rng,
    calls: u64,
    kill_at_call: Option<u64>,
    killed: bool,
    unsynced_names: Vec<String>,
    coverage: Coverage,
}

/// What a call does, as far as faults differ.
#[derive(Clone, Copy)]
enum Call {
    Read,
    Write,
    Sync,
    File,
    DirectorySync,
}

fn killed() -> io::Error {
    io::Error::other("the process was killed")
}

/// Whether the disk reported an input/output error.
pub fn is_eio(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EIO)
}

impl HostDisk {
    /// An empty disk whose every choice follows from `seed`.
    pub fn new(seed: u64) -> HostDisk {
        let host = Host {
            rng: Rng::with_seed(seed),
            calls: 0,
            kill_at_call: None,
            killed: false,
            unsynced_names: Vec::new(),
            coverage: Coverage::default(),
        };
        HostDisk { disk: SimDisk::new(seed), host: Arc::new(Mutex::new(host)) }
    }

    fn host(&self) -> MutexGuard<'_, Host> {
        // A run that panicked while it held the disk may still be looked at.
        self.host.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Disk calls of all processes so far.
    pub fn calls(&self) -> u64 {
        self.host().calls
    }

    /// The machine dies in the `number`-th call from now on.
    pub fn crash_at_call(&self, number: u64) {
        self.disk.crash_at_call(number);
    }

    /// The process is killed in the `number`-th call from now on.
    pub fn kill_at_call(&self, number: u64) {
        let mut host = self.host();
        host.kill_at_call = Some(host.calls + number);
    }

    /// The `number`-th write from now on fails.
    pub fn fail_write(&self, number: u64) {
        self.disk.fail_write(number);
    }

    /// The `number`-th sync from now on fails.
    pub fn fail_sync(&self, number: u64) {
        self.disk.fail_sync(number);
    }

    /// Limits the bytes of all files; `None` for no limit.
    pub fn limit_bytes(&self, bytes_max: Option<u64>) {
        self.disk.limit_bytes(bytes_max);
    }

    /// Bytes of all files.
    pub fn used_bytes(&self) -> u64 {
        let names = self.disk.list().unwrap_or_default();
        names.iter().filter_map(|name| self.disk.file_bytes(name)).map(|bytes| bytes.len() as u64).sum()
    }

    /// Whether the process or the machine is dead.
    pub fn is_dead(&self) -> bool {
        self.disk.crashed() || self.host().killed
    }

    /// Whether the machine is dead.
    pub fn has_crashed(&self) -> bool {
        self.disk.crashed()
    }

    /// Cuts the power, if that has not happened, and starts the machine: what was not synced is kept in part or lost.
    pub fn power_cut(&self) {
        self.disk.crash();
        self.restart();
        let mut host = self.host();
        if host.unsynced_names.is_empty() {
            return;
        }
        let found = self.disk.list().expect("the machine has just been started");
        for name in std::mem::take(&mut host.unsynced_names) {
            if !found.contains(&name) {
                host.coverage.met(Met::LostName);
            }
        }
    }

    /// Another process takes over; faults that have not happened yet won't.
    pub fn restart(&self) {
        self.disk.clear_faults();
        let mut host = self.host();
        host.kill_at_call = None;
        host.killed = false;
    }

    /// What the disk has met so far.
    pub fn coverage(&self) -> Coverage {
        self.host().coverage
    }

    /// Runs one call; the process may be killed in it, before or after the work was done.
    fn call<T>(&self, call: Call, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let is_last = self.host().enter()?;
        if is_last && self.host().rng.bool() {
            return Err(killed());
        }
        let result = work();
        self.host().look_at(call, &result);
        if is_last { Err(killed()) } else { result }
    }
}

impl Host {
    /// Counts a call; answers whether the process is killed in it.
    fn enter(&mut self) -> io::Result<bool> {
        if self.killed {
            return Err(killed());
        }
        self.calls += 1;
        self.killed = self.kill_at_call == Some(self.calls);
        if self.killed {
            self.coverage.met(Met::KillInCall);
        }
        Ok(self.killed)
    }

    fn look_at<T>(&mut self, call: Call, result: &io::Result<T>) {
        let Err(error) = result else { return };
        let met = match (error.raw_os_error(), call) {
            (Some(ENOSPC), _) => Met::DiskFull,
            (Some(EIO), Call::Sync) => Met::EioOnSync,
            (Some(EIO), Call::DirectorySync) => Met::EioOnDirectorySync,
            (Some(EIO), _) => Met::EioOnWrite,
            _ if !is_crash(error) => return,
            (_, Call::Read) => Met::CrashInRead,
            (_, Call::Write) => Met::CrashInWrite,
            (_, Call::Sync) => Met::CrashInSync,
            (_, Call::File) => Met::CrashInFile,
            (_, Call::DirectorySync) => Met::CrashInDirectorySync,
        };
        self.coverage.met(met);
    }
}

impl Disk for HostDisk {
    type File = SimFile;

    fn create(&self, name: &str) -> io::Result<SimFile> {
        self.call(Call::File, || {
            self.host().unsynced_names.push(name.to_owned());
            self.disk.create(name)
        })
    }

    fn open_read(&self, name: &str) -> io::Result<SimFile> {
        self.call(Call::Read, || self.disk.open_read(name))
    }

    fn open_write(&self, name: &str) -> io::Result<SimFile> {
        self.call(Call::Read, || self.disk.open_write(name))
    }

    fn read_at(&self, file: &SimFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.call(Call::Read, || self.disk.read_at(file, offset, buffer))
    }

    fn write_at(&self, file: &SimFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let is_last = self.host().enter()?;
        if is_last {
            let blocks = self.host().rng.usize(..=bytes.len() / BLOCK_BYTES);
            // Whether this part fits or not: the process does not live to hear of it.
            let _ = self.disk.write_at(file, offset, &bytes[..blocks * BLOCK_BYTES]);
            return Err(killed());
        }
        let result = self.disk.write_at(file, offset, bytes);
        self.host().look_at(Call::Write, &result);
        result
    }

    fn allocate(&self, file: &SimFile, bytes: u64) -> io::Result<()> {
        self.call(Call::File, || self.disk.allocate(file, bytes))
    }

    fn sync_data(&self, file: &SimFile) -> io::Result<()> {
        self.call(Call::Sync, || self.disk.sync_data(file))
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.call(Call::DirectorySync, || {
            self.disk.sync_directory()?;
            self.host().unsynced_names.clear();
            Ok(())
        })
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.call(Call::Read, || self.disk.list())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.call(Call::File, || {
            self.host().unsynced_names.retain(|created| created != name);
            self.disk.remove(name)
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call(Call::File, || self.disk.rename(from, to))
    }

    fn length(&self, file: &SimFile) -> io::Result<u64> {
        self.call(Call::Read, || self.disk.length(file))
    }
}

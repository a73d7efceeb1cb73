//! A simulated disk that crashes, fails and rots on command, deterministic by its seed.
//!
//! It stands in for the real one so that hundreds of thousands of crashes can be tried in seconds. Three layers per file:
//! what the device holds (`durable`), what reads see (`cache`), and the writes between the two (`pending`). Invariant: it
//! never keeps more promises than a disk that obeys fsync must, so a log that survives here relies on nothing else:
//!
//! * a crash keeps a random part of the pending writes, torn at sectors of 512 B, blocks of 4 KiB or any byte;
//! * names and lengths survive only if synced, each by its own sync;
//! * a failed sync makes a random part durable and forgets the rest, while reads go on showing all of it; a later sync
//!   that succeeds changes nothing about that.

use crate::disk::Disk;
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// A handle to a simulated disk; clones share it, so a test keeps one and gives another to the log.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// An open file. It stays usable after its name is gone, but not after a crash.
#[derive(Debug)]
pub struct SimFile {
    inode: usize,
    boot: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("simulated crash")]
struct Crashed;

/// Whether an error comes from a simulated crash, which is the end of the process, and not of the disk.
pub fn is_crash(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Crashed>())
}

#[derive(Default)]
struct Inode {
    durable: Vec<u8>,
    cache: Vec<u8>,
    pending: Vec<Write>,
    /// The length on the device differs from that in the cache.
    length_pending: bool,
}

struct Write {
    offset: usize,
    bytes: Vec<u8>,
}

#[derive(Clone)]
enum NameChange {
    Link(String, usize),
    Unlink(String),
    Rename(String, String, usize),
}

struct State {
    rng: Rng,
    boot: u64,
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    name_changes: Vec<NameChange>,
    calls: u64,
    writes: u64,
    syncs: u64,
    faults: Faults,
    crashed: bool,
}

#[derive(Default)]
struct Faults {
    crash_at_call: Option<u64>,
    fail_write: Option<u64>,
    fail_sync: Option<u64>,
    capacity_bytes: Option<u64>,
}

impl SimDisk {
    /// An empty disk whose every choice follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let state = State {
            rng: Rng::with_seed(seed),
            boot: 0,
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            name_changes: Vec::new(),
            calls: 0,
            writes: 0,
            syncs: 0,
            faults: Faults::default(),
            crashed: false,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while holding the disk may still look at it.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Disk calls so far, reads included.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Writes so far.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Syncs so far, those of the directory included.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Lets the machine die in the `number`-th call from now on (1 is the next): that call may have taken effect in part,
    /// and every later one fails, until [`SimDisk::crash`].
    pub fn crash_at_call(&self, number: u64) {
        let mut state = self.state();
        state.faults.crash_at_call = Some(state.calls + number);
    }

    /// Lets the `number`-th write from now on fail with EIO, part of it having reached the disk.
    pub fn fail_write(&self, number: u64) {
        let mut state = self.state();
        state.faults.fail_write = Some(state.writes + number);
    }

    /// Lets the `number`-th sync from now on (of a file or the directory) fail with EIO.
    pub fn fail_sync(&self, number: u64) {
        let mut state = self.state();
        state.faults.fail_sync = Some(state.syncs + number);
    }

    /// Limits the sum of all files' lengths; `None` for no limit. Above it, allocating and extending fail with ENOSPC.
    pub fn limit_bytes(&self, capacity_bytes: Option<u64>) {
        self.state().faults.capacity_bytes = capacity_bytes;
    }

    /// Takes back every fault that has not happened yet, except the limit of bytes.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        let capacity_bytes = state.faults.capacity_bytes;
        state.faults = Faults { capacity_bytes, ..Faults::default() };
    }

    /// Whether the machine has died and waits for [`SimDisk::crash`].
    pub fn crashed(&self) -> bool {
        self.state().crashed
    }

    /// Cuts the power and starts the machine again: what was not synced is kept in random parts or lost.
    pub fn crash(&self) {
        self.state().crash();
    }

    /// Flips one bit of a file, on the device and in what is read. Bit 0 is the lowest of byte 0.
    ///
    /// # Panics
    /// If the file or the bit does not exist.
    pub fn flip_bit(&self, name: &str, bit: u64) {
        let mut state = self.state();
        let inode = state.names[name];
        let inode = &mut state.inodes[inode];
        let (byte, mask) = ((bit / 8) as usize, 1 << (bit % 8));
        inode.cache[byte] ^= mask;
        if let Some(durable) = inode.durable.get_mut(byte) {
            *durable ^= mask;
        }
    }

    /// What reads of a file see, or `None` if there is no such file.
    pub fn file_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).map(|inode| state.inodes[*inode].cache.clone())
    }

    /// Puts a file there, durable at once, in place of one of the same name.
    pub fn put_file(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        let inode = state.inodes.len();
        state.inodes.push(Inode { durable: bytes.to_vec(), cache: bytes.to_vec(), ..Inode::default() });
        state.names.insert(name.into(), inode);
        state.durable_names.insert(name.into(), inode);
    }

    /// Takes a file away, durably and at once.
    pub fn take_file(&self, name: &str) {
        let mut state = self.state();
        state.names.remove(name);
        state.durable_names.remove(name);
    }
}

impl State {
    /// Counts a call; `Err` if the machine is dead. `Ok(true)`: it dies in this very call.
    fn call(&mut self) -> io::Result<bool> {
        if self.crashed {
            return Err(io::Error::other(Crashed));
        }
        self.calls += 1;
        self.crashed = self.faults.crash_at_call == Some(self.calls);
        Ok(self.crashed)
    }

    /// For calls that change nothing.
    fn plain_call(&mut self) -> io::Result<()> {
        if self.call()? { Err(io::Error::other(Crashed)) } else { Ok(()) }
    }

    fn finish(&self) -> io::Result<()> {
        if self.crashed { Err(io::Error::other(Crashed)) } else { Ok(()) }
    }

    fn inode(&self, file: &SimFile) -> io::Result<usize> {
        if file.boot == self.boot { Ok(file.inode) } else { Err(io::Error::other(Crashed)) }
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn open(&mut self, name: &str) -> io::Result<SimFile> {
        self.plain_call()?;
        Ok(SimFile { inode: self.find(name)?, boot: self.boot })
    }

    fn check_space(&self, inode: usize, length: usize) -> io::Result<()> {
        let Some(capacity_bytes) = self.faults.capacity_bytes else { return Ok(()) };
        let growth = length.saturating_sub(self.inodes[inode].cache.len()) as u64;
        let used: u64 = self.names.values().map(|inode| self.inodes[*inode].cache.len() as u64).sum();
        match growth > 0 && used + growth > capacity_bytes {
            true => Err(io::Error::from_raw_os_error(ENOSPC)),
            false => Ok(()),
        }
    }

    fn sync_fails(&mut self) -> bool {
        self.syncs += 1;
        self.faults.fail_sync == Some(self.syncs)
    }

    fn crash(&mut self) {
        self.lose_names();
        self.names = self.durable_names.clone();
        let named: BTreeSet<usize> = self.names.values().copied().collect();
        for (number, inode) in self.inodes.iter_mut().enumerate() {
            if named.contains(&number) {
                inode.lose(&mut self.rng);
                inode.cache.clone_from(&inode.durable);
            } else {
                // No name leads here any more, and open files end with the machine: give the memory back.
                *inode = Inode::default();
            }
        }
        self.boot += 1;
        self.crashed = false;
        self.faults = Faults { capacity_bytes: self.faults.capacity_bytes, ..Faults::default() };
    }

    /// Makes a random part of the changed names durable and forgets the others.
    fn lose_names(&mut self) {
        let changes = std::mem::take(&mut self.name_changes);
        // Journals keep a prefix; nothing in the contract of fsync says that all file systems do.
        let kept_prefix = self.rng.bool().then(|| self.rng.usize(..=changes.len()));
        for (index, change) in changes.into_iter().enumerate() {
            if kept_prefix.map_or_else(|| self.rng.bool(), |prefix| index < prefix) {
                change.apply(&mut self.durable_names);
            }
        }
    }

    fn change_name(&mut self, change: NameChange) {
        change.clone().apply(&mut self.names);
        self.name_changes.push(change);
    }
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            NameChange::Link(name, inode) => {
                names.insert(name, inode);
            }
            NameChange::Unlink(name) => {
                names.remove(&name);
            }
            NameChange::Rename(from, to, inode) => {
                names.remove(&from);
                names.insert(to, inode);
            }
        }
    }
}

impl Inode {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if end > self.cache.len() {
            self.cache.resize(end, 0);
            self.length_pending = true;
        }
        self.cache[offset..end].copy_from_slice(bytes);
        self.pending.push(Write { offset, bytes: bytes.to_vec() });
    }

    fn sync(&mut self) {
        // A length that an earlier failed sync has forgotten stays forgotten, except where new bytes reach behind it.
        let reach = self.pending.iter().map(|write| write.offset + write.bytes.len()).max().unwrap_or(0);
        let length = if self.length_pending { self.cache.len() } else { self.durable.len().max(reach) };
        self.durable.resize(length, 0);
        self.length_pending = false;
        for write in self.pending.drain(..) {
            self.durable[write.offset..write.offset + write.bytes.len()].copy_from_slice(&write.bytes);
        }
    }

    /// Makes a random part of what is pending durable and forgets the rest. Reads still see the cache.
    fn lose(&mut self, rng: &mut Rng) {
        if self.length_pending && rng.bool() {
            self.durable.resize(self.cache.len(), 0);
        }
        self.length_pending = false;
        let fate = Fate::draw(rng);
        for write in std::mem::take(&mut self.pending) {
            fate.apply(rng, &write, &mut self.durable);
        }
    }
}

/// What a crash does to pending writes.
enum Fate {
    All,
    Nothing,
    /// Each sector of so many bytes survives by the toss of a coin. Sectors of one write may so arrive in any order.
    Sectors(usize),
    /// The write stops at some byte.
    Prefix,
    /// The end arrived, the start did not.
    Suffix,
}

impl Fate {
    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..8) {
            0 => Fate::All,
            1 => Fate::Nothing,
            2 | 3 => Fate::Sectors(512),
            4 | 5 => Fate::Sectors(4096),
            6 => Fate::Prefix,
            _ => Fate::Suffix,
        }
    }

    fn apply(&self, rng: &mut Rng, write: &Write, durable: &mut [u8]) {
        let mut keep = |from: usize, to: usize| {
            // What lies behind a length that was lost is lost with it.
            let end = (write.offset + to).min(durable.len());
            let start = (write.offset + from).min(end);
            durable[start..end].copy_from_slice(&write.bytes[from..from + (end - start)]);
        };
        let bytes = write.bytes.len();
        match self {
            Fate::All => keep(0, bytes),
            Fate::Nothing => {}
            Fate::Sectors(sector_bytes) => {
                for start in (0..bytes).step_by(*sector_bytes) {
                    if rng.bool() {
                        keep(start, (start + sector_bytes).min(bytes));
                    }
                }
            }
            Fate::Prefix => keep(0, rng.usize(..=bytes)),
            Fate::Suffix => keep(rng.usize(..=bytes), bytes),
        }
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn create(&self, name: &str) -> io::Result<SimFile> {
        let mut state = self.state();
        state.call()?;
        if state.names.contains_key(name) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change_name(NameChange::Link(name.into(), inode));
        state.finish()?;
        Ok(SimFile { inode, boot: state.boot })
    }

    fn open_read(&self, name: &str) -> io::Result<SimFile> {
        self.state().open(name)
    }

    fn open_write(&self, name: &str) -> io::Result<SimFile> {
        self.state().open(name)
    }

    fn read_at(&self, file: &SimFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        state.plain_call()?;
        let inode = state.inode(file)?;
        let cache = &state.inodes[inode].cache;
        let start = (offset as usize).min(cache.len());
        let bytes = buffer.len().min(cache.len() - start);
        buffer[..bytes].copy_from_slice(&cache[start..start + bytes]);
        Ok(bytes)
    }

    fn write_at(&self, file: &SimFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let dies = state.call()?;
        let inode = state.inode(file)?;
        let offset = offset as usize;
        state.check_space(inode, offset + bytes.len())?;
        state.writes += 1;
        if state.faults.fail_write == Some(state.writes) && !dies {
            // A piece from anywhere has arrived, the rest has not.
            let from = state.rng.usize(..=bytes.len());
            let to = state.rng.usize(from..=bytes.len());
            state.inodes[inode].write(offset + from, &bytes[from..to]);
            return Err(io::Error::from_raw_os_error(EIO));
        }
        state.inodes[inode].write(offset, bytes);
        state.finish()
    }

    fn allocate(&self, file: &SimFile, bytes: u64) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        let inode = state.inode(file)?;
        state.check_space(inode, bytes as usize)?;
        let inode = &mut state.inodes[inode];
        if inode.cache.len() < bytes as usize {
            inode.cache.resize(bytes as usize, 0);
            inode.length_pending = true;
        }
        state.finish()
    }

    fn sync_data(&self, file: &SimFile) -> io::Result<()> {
        let mut state = self.state();
        let dies = state.call()?;
        let inode = state.inode(file)?;
        let fails = state.sync_fails();
        let State { inodes, rng, .. } = &mut *state;
        if dies {
            // Done or not begun; anything between is what the crash makes of what is pending.
            if rng.bool() {
                inodes[inode].sync();
            }
        } else if fails {
            inodes[inode].lose(rng);
            return Err(io::Error::from_raw_os_error(EIO));
        } else {
            inodes[inode].sync();
        }
        state.finish()
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.state();
        let dies = state.call()?;
        if state.sync_fails() && !dies {
            state.lose_names();
            return Err(io::Error::from_raw_os_error(EIO));
        }
        if !dies || state.rng.bool() {
            state.durable_names = state.names.clone();
            state.name_changes.clear();
        }
        state.finish()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.plain_call()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        state.find(name)?;
        state.change_name(NameChange::Unlink(name.into()));
        state.finish()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.call()?;
        let inode = state.find(from)?;
        state.change_name(NameChange::Rename(from.into(), to.into(), inode));
        state.finish()
    }

    fn length(&self, file: &SimFile) -> io::Result<u64> {
        let mut state = self.state();
        state.plain_call()?;
        let inode = state.inode(file)?;
        Ok(state.inodes[inode].cache.len() as u64)
    }
}

//! The disk: how long a small durable write takes, how much a large one moves.

use super::Quantiles;
use crate::error::ProbeError;
use rustix::fs::{Mode, OFlags, fdatasync, fstatfs, ftruncate, open, unlink};
use rustix::io::{Errno, pwrite};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BLOCK_BYTES: usize = 4 * 1024;
const CHUNK_BYTES: usize = 1 << 20;
/// The file is written whole before anything is measured, as a log's segments are.
const FILE_CHUNKS: u64 = 64;
const SYNCS: usize = 1_000;
const SYNC_TIME: Duration = Duration::from_millis(800);
const WRITE_TIME: Duration = Duration::from_millis(800);
/// File systems that live in memory.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

pub(super) struct Disk {
    pub(super) write_sync_us: Quantiles,
    pub(super) write_mb_s: f64,
}

/// A file that is gone when the probe is done with it.
struct Scratch {
    path: PathBuf,
    file: OwnedFd,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The probe has its figures by then; what is left over is a file of a telling name.
        let _ = unlink(&self.path);
    }
}

/// Memory that O_DIRECT takes: aligned to a block.
struct Aligned {
    bytes: Vec<u8>,
    from: usize,
}

impl Aligned {
    fn new(length: usize) -> Aligned {
        let bytes = vec![0x5a; length + BLOCK_BYTES];
        let from = bytes.as_ptr().align_offset(BLOCK_BYTES);
        Aligned { bytes, from }
    }

    fn get(&self, length: usize) -> &[u8] {
        &self.bytes[self.from..self.from + length]
    }
}

pub(super) fn measure(directory: &Path) -> Result<Disk, ProbeError> {
    let scratch = create(directory)?;
    let system = |what| move |why: Errno| ProbeError::System { what, why: io::Error::from(why) };
    let memory = Aligned::new(CHUNK_BYTES);
    let file = &scratch.file;
    for chunk in 0..FILE_CHUNKS {
        write(file, memory.get(CHUNK_BYTES), chunk * CHUNK_BYTES as u64)
            .map_err(system("write to its file"))?;
    }
    fdatasync(file).map_err(system("sync its file"))?;
    let write_sync_us = write_sync(file, &memory).map_err(system("write and sync blocks of its file"))?;
    let write_mb_s = write_mb_s(file, &memory).map_err(system("write to its file"))?;
    Ok(Disk { write_sync_us, write_mb_s })
}

fn create(directory: &Path) -> Result<Scratch, ProbeError> {
    let not_durable = |why| ProbeError::NotDurable { directory: directory.to_owned(), why };
    let path = directory.join(format!("scrip-probe-{}.tmp", std::process::id()));
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::DIRECT;
    let file = match open(&path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => file,
        Err(Errno::INVAL) => {
            let _ = unlink(&path);
            return Err(not_durable("lies on a file system without O_DIRECT"));
        }
        Err(why) => {
            return Err(ProbeError::System { what: "create a file in the directory", why: why.into() });
        }
    };
    let scratch = Scratch { path, file };
    let kind = fstatfs(&scratch.file)
        .map_err(|why| ProbeError::System { what: "ask for the kind of file system", why: why.into() })?;
    if IN_MEMORY.contains(&(kind.f_type as u64)) {
        return Err(not_durable("lies in memory (tmpfs or ramfs)"));
    }
    ftruncate(&scratch.file, FILE_CHUNKS * CHUNK_BYTES as u64)
        .map_err(|why| ProbeError::System { what: "make its file longer", why: why.into() })?;
    Ok(scratch)
}

fn write(file: &OwnedFd, bytes: &[u8], at: u64) -> Result<(), Errno> {
    let written = pwrite(file, bytes, at)?;
    if written == bytes.len() { Ok(()) } else { Err(Errno::NOSPC) }
}

fn write_sync(file: &OwnedFd, memory: &Aligned) -> Result<Quantiles, Errno> {
    let mut took = Vec::with_capacity(SYNCS);
    let begun = Instant::now();
    for block in 0..SYNCS as u64 {
        if begun.elapsed() > SYNC_TIME && block > 10 {
            break;
        }
        let started = Instant::now();
        write(file, memory.get(BLOCK_BYTES), block * BLOCK_BYTES as u64)?;
        fdatasync(file)?;
        took.push(started.elapsed().as_nanos() as u64);
    }
    Ok(Quantiles::of(took))
}
const _: () = assert!(SYNCS * BLOCK_BYTES <= FILE_CHUNKS as usize * CHUNK_BYTES);

fn write_mb_s(file: &OwnedFd, memory: &Aligned) -> Result<f64, Errno> {
    let started = Instant::now();
    let mut chunks = 0;
    while started.elapsed() < WRITE_TIME {
        write(file, memory.get(CHUNK_BYTES), chunks % FILE_CHUNKS * CHUNK_BYTES as u64)?;
        chunks += 1;
    }
    fdatasync(file)?;
    Ok(chunks as f64 * CHUNK_BYTES as f64 / 1e6 / started.elapsed().as_secs_f64())
}

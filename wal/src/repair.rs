//! Cutting a torn tail: the only change ever made to a log outside appending to it.
//!
//! A verb of its own, so that reading never writes and an operator can look first. Invariant: only bytes behind the last
//! valid frame are touched, and they are zeros on disk, synced, before this returns.

use crate::aligned::{AlignedBuffer, all_zero};
use crate::disk::Disk;
use crate::limits::{BLOCK_BYTES, ZERO_WRITE_BYTES};
use crate::scan::{ScanEnd, Tail};
use crate::segment::{ZEROS, segment_name};
use scrip_planted::Bug;
use std::io;

/// What [`repair`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairReport {
    /// The file that was cut, if any.
    pub file: Option<String>,
    /// Byte offset of the cut.
    pub offset: u64,
    /// Bytes that were made zero.
    pub bytes: u64,
}

/// Why a torn tail could not be cut.
#[derive(Debug, thiserror::Error)]
#[error("cutting the torn tail of {file} failed: {source}")]
pub struct RepairError {
    /// Name of the file.
    pub file: String,
    /// What the disk said.
    pub source: io::Error,
}

/// Overwrites the torn tail that `end` describes with zeros and syncs it. Does nothing if the tail is clean. May be
/// repeated, also after a crash in the middle of it.
///
/// # Errors
/// If the disk fails; the log is then as readable as before.
pub fn repair<D: Disk>(disk: &D, end: &ScanEnd) -> Result<RepairReport, RepairError> {
    let Tail::Torn { segment, offset, bytes } = end.tail else {
        return Ok(RepairReport { file: None, offset: 0, bytes: 0 });
    };
    let file = segment_name(segment);
    cut(disk, &file, offset, bytes).map_err(|source| RepairError { file: file.clone(), source })?;
    Ok(RepairReport { file: Some(file), offset, bytes })
}

fn cut<D: Disk>(disk: &D, name: &str, offset: u64, bytes: u64) -> io::Result<()> {
    if scrip_planted::on(Bug::RepairForgets) {
        return Ok(());
    }
    let file = disk.open_write(name)?;
    write_zeros(disk, &file, offset, bytes)?;
    disk.sync_data(&file)
}

/// Writes `bytes` zeros (whole blocks) from `offset` on.
pub(crate) fn write_zeros<D: Disk>(disk: &D, file: &D::File, offset: u64, bytes: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes {
        let piece = (bytes - done).min(ZERO_WRITE_BYTES as u64);
        disk.write_at(file, offset + done, &ZEROS.bytes()[..piece as usize])?;
        done += piece;
    }
    Ok(())
}

/// Whether `bytes` bytes from `offset` on are zeros, or behind the end of the file.
pub(crate) fn reads_zero<D: Disk>(disk: &D, file: &D::File, offset: u64, bytes: u64) -> io::Result<bool> {
    let mut buffer = AlignedBuffer::new((bytes as usize).clamp(BLOCK_BYTES, ZERO_WRITE_BYTES));
    let mut done = 0;
    while done < bytes {
        let piece = (bytes - done).min(buffer.bytes().len() as u64) as usize;
        let read = disk.read_at(file, offset + done, &mut buffer.bytes_mut()[..piece])?;
        if !all_zero(&buffer.bytes()[..read]) {
            return Ok(false);
        }
        done += piece as u64;
    }
    Ok(true)
}

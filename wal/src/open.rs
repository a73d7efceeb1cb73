//! Opening a scanned log for writing: the one place where the past is touched.
//!
//! What a scan could read need not be durable: after a crash or a failed sync the last frame may live in a cache alone.
//! Before anything new is appended, it is written again, the same bytes in the same place, together with zeros behind
//! it, and synced; identical bytes can't tear into something else. Then a new segment starts with a seal of a higher
//! epoch, which proves all of it. Invariant: a crash at any step leaves a log that scans to the same records.

use crate::aligned::AlignedBuffer;
use crate::disk::{Disk, is_full};
use crate::frame;
use crate::limits::FRAME_BYTES_MAX;
use crate::repair::{reads_zero, write_zeros};
use crate::scan::{Extent, ScanEnd, Tail};
use crate::segment::segment_name;
use crate::supply::Supply;
use crate::writer::{Chain, LogFault, LogOptions, LogWriter};
use std::io;

/// Why a log could not be opened for writing. Nothing was acknowledged; opening may be tried again after a new scan.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The torn tail that the scan found is still there.
    #[error("the tail of {file} from byte {offset} on is torn: it must be cut by `repair` first")]
    NotRepaired {
        /// Name of the file.
        file: String,
        /// Byte offset of the torn tail.
        offset: u64,
    },
    /// The log is not the one that was scanned.
    #[error("{file} changed at byte {offset} since it was scanned")]
    Changed {
        /// Name of the file.
        file: String,
        /// Byte offset of the frame that differs.
        offset: u64,
    },
    /// There is no space for the new segment.
    #[error("no space for log file {file}")]
    NoSpace {
        /// Name of the file.
        file: String,
    },
    /// The epoch has reached its maximum.
    #[error("the log's epoch can't be raised any further")]
    EpochExhausted,
    /// The disk failed.
    #[error("opening the log failed: {0}")]
    Io(#[from] io::Error),
    /// The opening seal could not be written.
    #[error("opening the log failed: {0}")]
    Fault(#[from] LogFault),
}

impl<D: Disk> LogWriter<D> {
    /// Opens the log for writing behind `end`, which a scan of the same disk has returned: makes the recovered tail
    /// durable, raises the epoch, and starts a new segment with a seal.
    ///
    /// # Errors
    /// See [`OpenError`]. A crash or an error at any point leaves a log that can be scanned and opened again.
    ///
    /// # Panics
    /// If the options are outside [`crate::limits`], or name another shard than was scanned.
    pub fn open(disk: D, options: &LogOptions, end: &ScanEnd) -> Result<Self, OpenError> {
        options.check();
        assert_eq!(options.shard, end.shard, "the log of another shard was scanned");
        check_repaired(&disk, end)?;
        let epoch = end.epoch.checked_add(1).ok_or(OpenError::EpochExhausted)?;
        make_tail_durable(&disk, end)?;
        // Segments without frames are made anew, so that nothing needs to be known about how they came to be. Should a
        // crash bring one back, it is still without frames.
        for number in &end.unused_segments {
            disk.remove(&segment_name(*number))?;
        }

        let number = end.last_segment + 1;
        let mut supply = Supply::new(disk.clone(), options.segment_bytes, options.segments_ahead, number);
        supply.prepare_here(options.segments_ready_at_start)?;
        let segment = supply.take().map_err(|error| match is_full(&error) {
            true => OpenError::NoSpace { file: segment_name(number) },
            false => OpenError::Io(error),
        })?;
        let chain = Chain {
            shard: options.shard,
            epoch,
            last_sequence: end.last_sequence,
            last_checksum: end.last_checksum,
        };
        let mut writer = LogWriter::start(disk, supply, segment, options.segment_bytes, chain);
        writer.seal()?;
        Ok(writer)
    }
}

fn check_repaired<D: Disk>(disk: &D, end: &ScanEnd) -> Result<(), OpenError> {
    let Tail::Torn { segment, offset, bytes } = end.tail else { return Ok(()) };
    let file = segment_name(segment);
    if reads_zero(disk, &disk.open_read(&file)?, offset, bytes)? {
        return Ok(());
    }
    Err(OpenError::NotRepaired { file, offset })
}

/// Writes the frames that nothing proves durable once more, and zeros behind the last one as far as a torn frame could
/// have reached: what reads as zeros may be otherwise on disk, if an earlier attempt to cut it failed.
fn make_tail_durable<D: Disk>(disk: &D, end: &ScanEnd) -> Result<(), OpenError> {
    if end.last_segment == 0 {
        return Ok(());
    }
    for extent in &end.unproven {
        write_again(disk, extent)?;
    }
    let name = segment_name(end.last_segment);
    let file = disk.open_write(&name)?;
    let bytes_left = disk.length(&file)?.saturating_sub(end.end_offset);
    let bytes = crate::aligned::round_up(bytes_left.min(FRAME_BYTES_MAX as u64));
    if !reads_zero(disk, &file, end.end_offset, bytes)? {
        return Err(OpenError::NotRepaired { file: name, offset: end.end_offset });
    }
    write_zeros(disk, &file, end.end_offset, bytes)?;
    disk.sync_data(&file)?;
    Ok(())
}

fn write_again<D: Disk>(disk: &D, extent: &Extent) -> Result<(), OpenError> {
    let name = segment_name(extent.segment);
    let file = disk.open_write(&name)?;
    let mut memory = AlignedBuffer::new(extent.bytes as usize);
    disk.read_at(&file, extent.offset, memory.bytes_mut())?;
    match frame::check(memory.bytes()) {
        Ok((header, _)) if header.checksum == extent.checksum => {}
        _ => return Err(OpenError::Changed { file: name, offset: extent.offset }),
    }
    disk.write_at(&file, extent.offset, memory.bytes())?;
    disk.sync_data(&file)?;
    Ok(())
}

//! Appending: one frame, one write, one sync, in this order, and never again after an error.
//!
//! The writer runs on whichever thread calls it: the log thread in the server, the test's own in a simulation. Invariant:
//! [`LogWriter::append`] returns a sequence only once everything up to it is on disk, and a frame is written only after
//! the one before it is; so at any crash at most the last frame is in doubt.

use crate::buffer::FrameBuffer;
use crate::disk::{Disk, is_full};
use crate::frame::{FLAG_SEAL, FORMAT_VERSION, FrameHeader, frame_bytes};
use crate::limits::{BLOCK_BYTES, SEGMENT_BYTES, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, SEGMENTS_AHEAD_MAX};
use crate::segment::{Segment, segment_name};
use crate::supply::{Supply, SupplyState};
use scrip_planted::Bug;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// How a log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// The shard whose log this is; stands in every frame.
    pub shard: u32,
    /// Bytes of a segment, whole blocks. It must hold the largest frame that will be submitted.
    pub segment_bytes: u64,
    /// Segments kept ready ahead of the current one.
    pub segments_ahead: u32,
    /// Segments, the current one included, whose zeros are on disk before the log is open. More makes the opening
    /// slower and the first writes faster.
    pub segments_ready_at_start: u32,
}

impl LogOptions {
    /// The defaults for the log of `shard`: 256 MiB segments, two ahead, the first one ready at the start.
    pub fn new(shard: u32) -> Self {
        Self { shard, segment_bytes: SEGMENT_BYTES, segments_ahead: 2, segments_ready_at_start: 1 }
    }

    pub(crate) fn check(&self) {
        assert!(
            (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes)
                && self.segment_bytes.is_multiple_of(BLOCK_BYTES as u64),
            "segment_bytes {} is no allowed size",
            self.segment_bytes
        );
        assert!(self.segments_ahead <= SEGMENTS_AHEAD_MAX, "segments_ahead is at most {SEGMENTS_AHEAD_MAX}");
        assert!(
            self.segments_ready_at_start <= SEGMENTS_AHEAD_MAX,
            "segments_ready_at_start is at most {SEGMENTS_AHEAD_MAX}"
        );
    }
}

/// Why the log can't be written any more. The process must end: nothing after the last durable sequence is known.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// A write or sync failed.
    #[error("{operation} of log file {file} at byte {offset} failed: {source}")]
    Io {
        /// What was tried: "write", "sync" or "creation".
        operation: &'static str,
        /// Name of the file.
        file: String,
        /// Byte offset of the frame.
        offset: u64,
        /// What the disk said.
        source: io::Error,
    },
    /// There is no space for the frame and none for a further segment. Nothing of the frame was written.
    #[error("no space for log file {file}")]
    NoSpace {
        /// Name of the segment that could not be created.
        file: String,
    },
    /// An earlier call failed; nothing was tried.
    #[error("the log stopped at an earlier fault")]
    Stopped,
}

/// What a writer has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogStatistics {
    /// Frames written and synced, seals included.
    pub frames: u64,
    /// Bytes of these frames, headers and padding included.
    pub bytes: u64,
    /// Syncs.
    pub syncs: u64,
    /// Time spent in syncs, ns.
    pub sync_ns_total: u64,
    /// The longest sync, ns.
    pub sync_ns_max: u64,
}

/// What links the next frame to the log before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) shard: u32,
    pub(crate) epoch: u32,
    pub(crate) last_sequence: u64,
    pub(crate) last_checksum: u32,
}

/// Appends frames to the log of one shard.
pub struct LogWriter<D: Disk> {
    disk: D,
    supply: Supply<D>,
    segment: Segment<D::File>,
    segment_bytes: u64,
    offset: u64,
    chain: Chain,
    /// Away only while it is being written.
    seal: Option<FrameBuffer>,
    sealed: bool,
    stopped: bool,
    statistics: LogStatistics,
}

impl<D: Disk> LogWriter<D> {
    /// A writer at the start of `segment`, with everything before it durable. Its first frame must be a seal.
    pub(crate) fn start(
        disk: D,
        supply: Supply<D>,
        segment: Segment<D::File>,
        segment_bytes: u64,
        chain: Chain,
    ) -> Self {
        Self {
            disk,
            supply,
            segment,
            segment_bytes,
            offset: 0,
            chain,
            seal: Some(FrameBuffer::new(BLOCK_BYTES)),
            sealed: false,
            stopped: false,
            statistics: LogStatistics::default(),
        }
    }

    /// Writes the frame, syncs it, and returns the sequence up to which the log is now durable: the frame's last.
    ///
    /// # Errors
    /// Any error is final: the frame may or may not be found by the next scan, and every later call returns
    /// [`LogFault::Stopped`].
    ///
    /// # Panics
    /// If the frame is empty, larger than a segment, or does not start at the sequence after the last one.
    pub fn append(&mut self, frame: &mut FrameBuffer) -> Result<u64, LogFault> {
        assert!(!frame.is_empty(), "a frame without records can't be appended");
        assert_eq!(frame.first_sequence(), self.chain.last_sequence + 1, "sequences must be gapless");
        self.write(frame, 0)?;
        self.sealed = false;
        Ok(self.chain.last_sequence)
    }

    /// Appends a seal: a frame without records whose presence proves that the frame before it is complete.
    ///
    /// # Errors
    /// As [`LogWriter::append`].
    pub fn seal(&mut self) -> Result<(), LogFault> {
        let mut seal = self.seal.take().expect("the seal's buffer is back after each seal");
        seal.begin(self.chain.last_sequence + 1);
        let result = self.write(&mut seal, FLAG_SEAL);
        self.seal = Some(seal);
        result?;
        self.sealed = true;
        Ok(())
    }

    /// Whether the last frame holds records, so that a seal after it would be of use.
    pub fn needs_seal(&self) -> bool {
        !self.sealed && !self.stopped
    }

    /// Bytes written since the log was opened, headers and padding included.
    pub fn bytes_written(&self) -> u64 {
        self.statistics.bytes
    }

    /// Up to here everything is durable.
    pub fn durable_sequence(&self) -> u64 {
        self.chain.last_sequence
    }

    /// The epoch this writer puts into its frames.
    pub fn epoch(&self) -> u32 {
        self.chain.epoch
    }

    /// The shard whose log this is.
    pub fn shard(&self) -> u32 {
        self.chain.shard
    }

    /// Bytes that can still be written without allocating: the rest of the current segment and the segments ready. A
    /// frame never spans two segments, so up to one frame less fits.
    pub fn remaining_bytes(&self) -> u64 {
        self.segment_bytes - self.offset + u64::from(self.supply.ready_segments()) * self.segment_bytes
    }

    /// Whether the last attempt to allocate a segment found the disk full. Without a log thread, attempts are made by
    /// [`LogWriter::append`] and [`LogWriter::prepare`].
    pub fn space_low(&self) -> bool {
        self.supply.space_low()
    }

    /// Without a log thread: makes the segments ahead that are missing. A full disk is not an error, see
    /// [`LogWriter::space_low`].
    ///
    /// # Errors
    /// If the disk is broken; final, as in [`LogWriter::append`].
    pub fn prepare(&mut self) -> Result<(), LogFault> {
        self.supply.refill().map_err(|error| self.creation_fault(error))
    }

    /// What was done since the log was opened.
    pub fn statistics(&self) -> LogStatistics {
        self.statistics
    }

    pub(crate) fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    pub(crate) fn segment_remaining_bytes(&self) -> u64 {
        self.segment_bytes - self.offset
    }

    pub(crate) fn supply_state(&self) -> &Arc<SupplyState> {
        self.supply.state()
    }

    pub(crate) fn start_preparing(&mut self) -> io::Result<()> {
        self.supply.start_thread(self.chain.shard)
    }

    fn write(&mut self, frame: &mut FrameBuffer, flags: u16) -> Result<(), LogFault> {
        if self.stopped {
            return Err(LogFault::Stopped);
        }
        let bytes = frame_bytes(frame.payload_bytes()) as u64;
        assert!(bytes <= self.segment_bytes, "a frame of {bytes} bytes does not fit a segment");
        if self.offset + bytes > self.segment_bytes {
            self.next_segment()?;
        }
        let header = FrameHeader {
            version: FORMAT_VERSION,
            flags,
            shard: self.chain.shard,
            segment: self.segment.number,
            epoch: self.chain.epoch,
            records: frame.records(),
            term: 0,
            first_sequence: frame.first_sequence(),
            last_sequence: frame.last_sequence(),
            durable_sequence: self.chain.last_sequence,
            payload_bytes: u32::try_from(frame.payload_bytes()).expect("a frame is at most 1 MiB"),
            previous_checksum: self.chain.last_checksum,
            checksum: 0,
        };
        let (checksum, frame_on_disk) = frame.finish(&header);
        let written = self.disk.write_at(&self.segment.file, self.offset, frame_on_disk);
        if let Err(error) = unless_ignored(written) {
            return Err(self.stop("write", error));
        }
        self.sync()?;
        self.offset += bytes;
        self.chain.last_sequence = header.last_sequence;
        self.chain.last_checksum = checksum;
        self.statistics.frames += 1;
        self.statistics.bytes += bytes;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogFault> {
        let started = Instant::now();
        let synced = match scrip_planted::on(Bug::SkippedSync) {
            true => Ok(()),
            false => self.disk.sync_data(&self.segment.file),
        };
        if let Err(error) = unless_ignored(synced) {
            return Err(self.stop("sync", error));
        }
        let sync_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.statistics.syncs += 1;
        self.statistics.sync_ns_total = self.statistics.sync_ns_total.saturating_add(sync_ns);
        self.statistics.sync_ns_max = self.statistics.sync_ns_max.max(sync_ns);
        Ok(())
    }

    fn next_segment(&mut self) -> Result<(), LogFault> {
        self.segment = self.supply.take().map_err(|error| self.creation_fault(error))?;
        self.offset = 0;
        self.supply.refill().map_err(|error| self.creation_fault(error))
    }

    fn creation_fault(&mut self, error: io::Error) -> LogFault {
        self.stopped = true;
        let file = segment_name(self.segment.number + 1);
        if is_full(&error) {
            return LogFault::NoSpace { file };
        }
        LogFault::Io { operation: "creation", file, offset: 0, source: error }
    }

    fn stop(&mut self, operation: &'static str, source: io::Error) -> LogFault {
        self.stopped = true;
        let file = segment_name(self.segment.number);
        if is_full(&source) {
            return LogFault::NoSpace { file };
        }
        LogFault::Io { operation, file, offset: self.offset, source }
    }
}

fn unless_ignored(result: io::Result<()>) -> io::Result<()> {
    if scrip_planted::on(Bug::IgnoredIoError) { Ok(()) } else { result }
}

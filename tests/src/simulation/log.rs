//! The log of a simulated process: [`Durable`] over a [`LogWriter`] that runs when the simulation says so.
//!
//! It stands in for the log thread. What the thread does in its own time (write and sync a frame, hand its buffer back,
//! seal, make segments ahead) is a call here, so a seed decides what happens before what. Invariant: frames are written
//! in the order they came, one at a time, and at most [`FRAMES_OUTSTANDING_MAX`] are outstanding.

use super::host::HostDisk;
use scrip_shard::{Durable, Space};
use scrip_wal::limits::{BLOCK_BYTES, FRAMES_OUTSTANDING_MAX};
use scrip_wal::{FrameBuffer, LogFault, LogWriter};
use std::collections::VecDeque;

/// Everything a process has submitted, and how far it got with it.
#[derive(Debug, Default)]
pub struct Submitted {
    /// The events, one after the other.
    pub events: Vec<u8>,
    /// Where each frame ends: its last sequence, and the bytes of events up to there.
    pub frames: Vec<(u64, usize)>,
    /// Last sequence of the last frame that was begun to be written.
    pub attempted_sequence: u64,
    /// Up to here the writer said that everything is durable.
    pub durable_sequence: u64,
}

/// A log without a thread.
pub struct SimLog {
    writer: LogWriter<HostDisk>,
    host: HostDisk,
    queue: VecDeque<FrameBuffer>,
    /// Written frames whose buffers have not been handed back: they still count as outstanding.
    written: VecDeque<FrameBuffer>,
    returned: VecDeque<FrameBuffer>,
    submitted: Submitted,
    submitted_sequence: u64,
    frame_bytes_max: usize,
}

impl SimLog {
    /// A log that goes on behind `writer`. Its process promises to submit frames of at most `frame_bytes_max` bytes.
    pub fn new(writer: LogWriter<HostDisk>, host: HostDisk, frame_bytes_max: usize) -> SimLog {
        let durable_sequence = writer.durable_sequence();
        let submitted =
            Submitted { attempted_sequence: durable_sequence, durable_sequence, ..Submitted::default() };
        SimLog {
            writer,
            host,
            queue: VecDeque::new(),
            written: VecDeque::new(),
            returned: VecDeque::new(),
            submitted,
            submitted_sequence: durable_sequence,
            frame_bytes_max,
        }
    }

    /// Writes and syncs the frame that waits longest, if any; answers whether there was one.
    ///
    /// # Errors
    /// Those of the writer: the process must end.
    pub fn write(&mut self) -> Result<bool, LogFault> {
        let Some(mut frame) = self.queue.pop_front() else { return Ok(false) };
        self.submitted.attempted_sequence = frame.last_sequence();
        let durable_sequence = self.writer.append(&mut frame)?;
        if self.host.is_dead() {
            // Whatever the writer believes: nobody is left to hear it.
            return Ok(false);
        }
        self.submitted.durable_sequence = durable_sequence;
        frame.begin(durable_sequence + 1);
        self.written.push_back(frame);
        Ok(true)
    }

    /// Bytes of payload of the frame that will be written next, if one waits.
    pub fn next_frame_bytes(&self) -> Option<usize> {
        self.queue.front().map(FrameBuffer::payload_bytes)
    }

    /// Hands the buffers of written frames back.
    pub fn hand_back(&mut self) {
        self.returned.append(&mut self.written);
    }

    /// Seals the log if that is of use and nothing waits to be written; answers whether it did.
    ///
    /// # Errors
    /// As [`SimLog::write`].
    pub fn seal(&mut self) -> Result<bool, LogFault> {
        let seals = self.queue.is_empty() && self.writer.needs_seal();
        if seals {
            self.writer.seal()?;
        }
        Ok(seals)
    }

    /// Makes the segments ahead that are missing.
    ///
    /// # Errors
    /// As [`SimLog::write`].
    pub fn prepare(&mut self) -> Result<(), LogFault> {
        self.writer.prepare()
    }

    /// The last sequence that was submitted.
    pub fn submitted_sequence(&self) -> u64 {
        self.submitted_sequence
    }

    /// What this process has submitted.
    pub fn submitted(&self) -> &Submitted {
        &self.submitted
    }
}

impl Durable for SimLog {
    fn submit(&mut self, frame: FrameBuffer) -> Result<(), FrameBuffer> {
        if self.queue.len() + self.written.len() >= FRAMES_OUTSTANDING_MAX {
            return Err(frame);
        }
        assert!(
            frame.payload_bytes() + BLOCK_BYTES <= self.frame_bytes_max,
            "the simulation makes frames of {} bytes",
            frame.payload_bytes()
        );
        self.submitted.events.extend_from_slice(frame.payload());
        self.submitted.frames.push((frame.last_sequence(), self.submitted.events.len()));
        self.submitted_sequence = frame.last_sequence();
        self.queue.push_back(frame);
        Ok(())
    }

    fn idle(&self) -> bool {
        self.queue.is_empty() && self.written.is_empty()
    }

    fn take_returned(&mut self) -> Option<FrameBuffer> {
        self.returned.pop_front()
    }

    fn durable_sequence(&self) -> u64 {
        self.submitted.durable_sequence
    }

    /// As the log thread's handle, for smaller frames: what may be on its way must always fit.
    fn space(&self) -> Space {
        if !self.writer.space_low() {
            Space::Ample
        } else if self.writer.remaining_bytes() > 4 * self.frame_bytes_max as u64 {
            Space::Low
        } else {
            Space::Exhausted
        }
    }
}

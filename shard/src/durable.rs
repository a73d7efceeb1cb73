//! The seam of durability: whatever makes frames durable and says up to where.
//!
//! Today it is the local log's thread. Later the same frames can be entries of a consensus group. A failure is never
//! reported here: whoever loses a frame ends the process (or drops the shard), so nothing after it can be answered.

use scrip_wal::{FrameBuffer, LogHandle};

/// Makes frames durable, in order.
pub trait Durable {
    /// Hands a frame over.
    ///
    /// # Errors
    /// The frame itself, if as many are outstanding as may be.
    fn submit(&mut self, frame: FrameBuffer) -> Result<(), FrameBuffer>;
    /// As [`Durable::submit`], for a small frame behind which nothing waits: it may be durable on return.
    ///
    /// # Errors
    /// As [`Durable::submit`].
    fn submit_lone(&mut self, frame: FrameBuffer) -> Result<(), FrameBuffer> {
        self.submit(frame)
    }
    /// Whether nothing is outstanding.
    fn idle(&self) -> bool;
    /// A buffer that has come back, if any.
    fn take_returned(&mut self) -> Option<FrameBuffer>;
    /// Up to here everything is durable.
    fn durable_sequence(&self) -> u64;
    /// How much can still be written, if space is running out.
    fn space(&self) -> Space;
}

/// Room on the log's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// As much as is needed.
    Ample,
    /// No further segment can be had: only what ends a hold is still taken.
    Low,
    /// What is left is less than the frames that may be on their way: nothing is taken.
    Exhausted,
}

/// Bytes that must stay free for frames already filling or on their way.
pub const FRAMES_ON_THEIR_WAY_BYTES: u64 = 4 * scrip_wal::limits::FRAME_BYTES_MAX as u64;

impl Durable for LogHandle {
    fn submit(&mut self, frame: FrameBuffer) -> Result<(), FrameBuffer> {
        LogHandle::submit(self, frame)
    }

    fn submit_lone(&mut self, frame: FrameBuffer) -> Result<(), FrameBuffer> {
        LogHandle::submit_lone(self, frame)
    }

    fn idle(&self) -> bool {
        LogHandle::idle(self)
    }

    fn take_returned(&mut self) -> Option<FrameBuffer> {
        LogHandle::take_returned(self)
    }

    fn durable_sequence(&self) -> u64 {
        LogHandle::durable_sequence(self)
    }

    fn space(&self) -> Space {
        if !self.space_low() {
            Space::Ample
        } else if self.remaining_bytes() > FRAMES_ON_THEIR_WAY_BYTES {
            Space::Low
        } else {
            Space::Exhausted
        }
    }
}

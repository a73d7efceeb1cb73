//! The buffer in which the owner collects records while the frame before is being synced.
//!
//! It stands apart from the writer because it travels: owner, log thread, owner again. Invariant: the payload is always
//! in its final place behind room for the header, so closing a frame copies nothing, and records are counted as they
//! come, so sequences stay gapless.

use crate::aligned::AlignedBuffer;
use crate::frame::{FrameHeader, HEADER_BYTES, encode};
use crate::limits::{BLOCK_BYTES, FRAME_BYTES_MAX};

/// Collects records; becomes exactly one frame. Allocated and touched once, then reused.
pub struct FrameBuffer {
    memory: AlignedBuffer,
    payload_bytes: usize,
    records: u32,
    first_sequence: u64,
}

impl FrameBuffer {
    /// A buffer for frames of up to `bytes_max` bytes, header and padding included (rounded down to whole blocks).
    ///
    /// # Panics
    /// If `bytes_max` is under one block or over [`FRAME_BYTES_MAX`].
    pub fn new(bytes_max: usize) -> Self {
        assert!(
            (BLOCK_BYTES..=FRAME_BYTES_MAX).contains(&bytes_max),
            "a frame of {bytes_max} bytes can't be written"
        );
        let memory = AlignedBuffer::new(bytes_max / BLOCK_BYTES * BLOCK_BYTES);
        Self { memory, payload_bytes: 0, records: 0, first_sequence: 1 }
    }

    /// Empties the buffer; its first record will have the sequence `first_sequence`.
    ///
    /// # Panics
    /// If `first_sequence` is 0: sequences start at 1.
    pub fn begin(&mut self, first_sequence: u64) {
        assert!(first_sequence > 0, "sequences start at 1");
        self.payload_bytes = 0;
        self.records = 0;
        self.first_sequence = first_sequence;
    }

    /// The spare payload space. What is written here counts only after [`FrameBuffer::commit`].
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.memory.bytes_mut()[HEADER_BYTES + self.payload_bytes..]
    }

    /// Makes the first `bytes` bytes of [`FrameBuffer::room`] payload, holding `records` further records.
    ///
    /// # Panics
    /// If there is less room, or if bytes come without a record.
    pub fn commit(&mut self, bytes: usize, records: u32) {
        assert!(bytes <= self.room_bytes(), "{bytes} bytes committed, {} left", self.room_bytes());
        assert!(records > 0 || bytes == 0, "bytes without a record");
        self.payload_bytes += bytes;
        self.records = self.records.checked_add(records).expect("a frame holds fewer records than bytes");
    }

    /// Bytes left for payload.
    pub fn room_bytes(&self) -> usize {
        self.memory.bytes().len() - HEADER_BYTES - self.payload_bytes
    }

    /// Bytes of payload so far.
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// Records so far.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Whether no record was committed since [`FrameBuffer::begin`].
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Sequence of the first record.
    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// Sequence of the last record; one less than the first while the buffer is empty.
    pub fn last_sequence(&self) -> u64 {
        self.first_sequence - 1 + u64::from(self.records)
    }

    /// The payload so far.
    pub fn payload(&self) -> &[u8] {
        &self.memory.bytes()[HEADER_BYTES..HEADER_BYTES + self.payload_bytes]
    }

    /// Writes header, padding and checksum around the payload. Returns the checksum and the frame's bytes on disk.
    pub(crate) fn finish(&mut self, header: &FrameHeader) -> (u32, &[u8]) {
        debug_assert_eq!(header.payload_bytes as usize, self.payload_bytes);
        let (checksum, bytes) = encode(header, self.memory.bytes_mut());
        (checksum, &self.memory.bytes()[..bytes])
    }
}

impl std::fmt::Debug for FrameBuffer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The records may carry secrets of the layer above: only their extent is shown.
        formatter
            .debug_struct("FrameBuffer")
            .field("first_sequence", &self.first_sequence)
            .field("records", &self.records)
            .field("payload_bytes", &self.payload_bytes)
            .finish_non_exhaustive()
    }
}

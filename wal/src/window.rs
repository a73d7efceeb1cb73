//! A sliding view of one file, read in large aligned pieces into one reused buffer.
//!
//! It keeps the scanner at disk speed and bounded in memory: whatever lengths a damaged file claims, nothing larger than
//! this buffer is ever read at once.

use crate::aligned::{AlignedBuffer, round_up};
use crate::disk::Disk;
use crate::limits::{BLOCK_BYTES, SCAN_READ_BYTES};
use std::io;

pub(crate) struct Window {
    buffer: AlignedBuffer,
    start: u64,
    filled: usize,
    file_bytes: u64,
}

impl Window {
    /// A window for files of up to `file_bytes_max` bytes; small files need no large buffer.
    pub(crate) fn new(file_bytes_max: u64) -> Self {
        let bytes = round_up(file_bytes_max).clamp(BLOCK_BYTES as u64, SCAN_READ_BYTES as u64);
        Self { buffer: AlignedBuffer::new(bytes as usize), start: 0, filled: 0, file_bytes: 0 }
    }

    /// Turns to another file.
    pub(crate) fn attach(&mut self, file_bytes: u64) {
        self.start = 0;
        self.filled = 0;
        self.file_bytes = file_bytes;
    }

    /// The bytes from `offset` (whole blocks) on: at least `bytes_wanted` of them, or all up to the end of the file,
    /// the last block filled up with zeros. Empty behind the end.
    pub(crate) fn at<D: Disk>(
        &mut self,
        disk: &D,
        file: &D::File,
        offset: u64,
        bytes_wanted: usize,
    ) -> io::Result<&[u8]> {
        let file_end = round_up(self.file_bytes);
        if offset >= file_end {
            return Ok(&[]);
        }
        let wanted_end = (offset + bytes_wanted as u64).min(file_end);
        if offset < self.start || wanted_end > self.start + self.filled as u64 {
            self.slide(disk, file, offset)?;
        }
        Ok(&self.buffer.bytes()[(offset - self.start) as usize..self.filled])
    }

    fn slide<D: Disk>(&mut self, disk: &D, file: &D::File, offset: u64) -> io::Result<()> {
        let window_end = self.start + self.filled as u64;
        let kept =
            if (self.start..window_end).contains(&offset) { (window_end - offset) as usize } else { 0 };
        let memory = self.buffer.bytes_mut();
        memory.copy_within(self.filled - kept..self.filled, 0);
        let file_left = round_up(self.file_bytes) - (offset + kept as u64);
        let end = kept + (memory.len() - kept).min(usize::try_from(file_left).unwrap_or(usize::MAX));
        let read = disk.read_at(file, offset + kept as u64, &mut memory[kept..end])?;
        memory[kept + read..end].fill(0);
        self.start = offset;
        self.filled = end;
        Ok(())
    }
}

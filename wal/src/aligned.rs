//! Memory on block boundaries.
//!
//! Writing past the page cache (O_DIRECT) demands that memory, offset and length are whole blocks. This type keeps the
//! first of the three by construction, with zerocopy's derives in place of unsafe code.

use crate::limits::BLOCK_BYTES;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

#[derive(Clone, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(4096))]
struct Block([u8; BLOCK_BYTES]);

const _: () = assert!(size_of::<Block>() == BLOCK_BYTES && align_of::<Block>() == BLOCK_BYTES);

/// A run of bytes that starts on a block boundary, holds whole blocks and never grows.
pub struct AlignedBuffer {
    blocks: Vec<Block>,
}

impl AlignedBuffer {
    /// At least `bytes` zero bytes, rounded up to whole blocks. Every page is touched here, so that none is first
    /// touched (a page fault each) while serving.
    pub fn new(bytes: usize) -> Self {
        let mut buffer = Self { blocks: vec![Block([0; BLOCK_BYTES]); bytes.div_ceil(BLOCK_BYTES)] };
        // A compiler may turn "allocate and fill with zeros" into pages that are only promised; other bytes it can't.
        std::hint::black_box(&mut buffer).bytes_mut().fill(0xa5);
        std::hint::black_box(&mut buffer).bytes_mut().fill(0);
        buffer
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        self.blocks.as_slice().as_bytes()
    }

    /// All bytes, to write into.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.blocks.as_mut_slice().as_mut_bytes()
    }
}

/// `bytes` rounded up to whole blocks.
pub(crate) const fn round_up(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES as u64) * BLOCK_BYTES as u64
}

/// Whether every byte is zero.
pub(crate) fn all_zero(bytes: &[u8]) -> bool {
    let mut chunks = bytes.chunks_exact(64);
    chunks.by_ref().all(|chunk| chunk.iter().fold(0, |any, byte| any | byte) == 0)
        && chunks.remainder().iter().all(|byte| *byte == 0)
}

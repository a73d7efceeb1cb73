//! Every maximum of the log, in one place.
//!
//! The numbers stand together so that the assertions below can tie them to each other: a frame always fits a segment,
//! and both are whole blocks, because the disk is written in whole blocks only.

/// Bytes of one disk block: frames start on, and are padded to, a multiple of it. The largest logical block in use.
pub const BLOCK_BYTES: usize = 4096;

/// Bytes of the largest frame, header and padding included.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Bytes at which the owner closes a frame though the log thread is still busy.
pub const FRAME_CLOSE_BYTES: usize = 512 * 1024;

/// Bytes of a segment unless the options say otherwise.
pub const SEGMENT_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes of the smallest segment the options may ask for (simulations want many segments in little memory). It must
/// hold the largest frame its owner will ever submit.
pub const SEGMENT_BYTES_MIN: u64 = 16 * 1024;

/// Bytes of the largest segment the options may ask for.
pub const SEGMENT_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// Prepared segments that may wait ahead of the current one.
pub const SEGMENTS_AHEAD_MAX: u32 = 16;

/// Frames submitted and not yet done, at most: one being synced and one waiting behind it.
pub const FRAMES_OUTSTANDING_MAX: usize = 2;

/// Buffers that may wait for their owner to take them back.
pub const BUFFERS_RETURNED_MAX: usize = 8;

/// The share of a segment (one part in so many) that the owner should keep for what must not be refused, once no
/// further segment can be allocated.
pub const RESERVE_PARTS: u64 = 8;

/// Quiet time in ms after which the last frame gets its sealing successor.
pub const IDLE_SEAL_MS: u64 = 50;

/// The longest last append, in ns, after which the owner may write a lone frame itself: longer, and a stall of the owner
/// thread would cost more than the two thread switches it saves.
pub const LONE_APPEND_NS_MAX: u64 = 1_000_000;

/// Time in ms between two attempts to allocate a segment on a full disk.
pub const ALLOCATE_RETRY_MS: u64 = 1000;

/// Time in ms after which a writer that waits for a segment looks whether an attempt has found the disk full.
pub const ALLOCATE_ANSWER_MS: u64 = 5;

/// Bytes that one read of the scanner asks for.
pub const SCAN_READ_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that one write of zeros into a segment under preparation covers.
pub const ZERO_WRITE_BYTES: usize = 1024 * 1024;

const _: () = assert!(BLOCK_BYTES.is_power_of_two());
const _: () = assert!(FRAME_BYTES_MAX.is_multiple_of(BLOCK_BYTES));
const _: () = assert!(FRAME_CLOSE_BYTES < FRAME_BYTES_MAX);
const _: () = assert!(FRAME_BYTES_MAX as u64 <= SEGMENT_BYTES);
const _: () = assert!(FRAME_BYTES_MAX < u32::MAX as usize);
const _: () = assert!(SEGMENT_BYTES_MIN.is_multiple_of(BLOCK_BYTES as u64));
const _: () = assert!(SEGMENT_BYTES.is_multiple_of(BLOCK_BYTES as u64));
const _: () = assert!(SEGMENT_BYTES_MIN <= SEGMENT_BYTES && SEGMENT_BYTES <= SEGMENT_BYTES_MAX);
const _: () = assert!(SCAN_READ_BYTES >= 2 * FRAME_BYTES_MAX && SCAN_READ_BYTES.is_multiple_of(BLOCK_BYTES));
const _: () = assert!(ZERO_WRITE_BYTES.is_multiple_of(BLOCK_BYTES));
const _: () = assert!(FRAMES_OUTSTANDING_MAX <= BUFFERS_RETURNED_MAX);
const _: () = assert!(RESERVE_PARTS > 1);

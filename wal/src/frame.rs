//! The frame: the unit that is written, synced, checksummed and recovered as a whole. docs/format.md describes it byte
//! by byte.
//!
//! Encoding and checking stand side by side so that they can't drift apart. Invariant: [`check`] accepts exactly what
//! [`encode`] produces, reads nothing outside the slice it was given, and trusts no length before the checksum holds.

use crate::aligned::{all_zero, round_up};
use crate::limits::{BLOCK_BYTES, FRAME_BYTES_MAX};
use crc_fast::{CrcAlgorithm, Digest};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The first eight bytes of every frame.
pub const FRAME_MAGIC: [u8; 8] = *b"SCRIPLOG";
/// The version of the frame format this build writes.
pub const FORMAT_VERSION: u16 = 1;
/// Flag: the frame holds no records and only proves that its predecessor is complete.
pub const FLAG_SEAL: u16 = 1;
/// Bytes of the header; the payload follows at once.
pub const HEADER_BYTES: usize = size_of::<HeaderLayout>();

const CHECKSUM_OFFSET: usize = HEADER_BYTES - 4;
const _: () = assert!(HEADER_BYTES == 80);

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct HeaderLayout {
    magic: [u8; 8],
    version: U16,
    flags: U16,
    shard: U32,
    segment: U64,
    epoch: U32,
    records: U32,
    term: U64,
    first_sequence: U64,
    last_sequence: U64,
    durable_sequence: U64,
    payload_bytes: U32,
    previous_checksum: U32,
    reserved: U32,
    checksum: U32,
}

/// What stands in front of a frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Format version.
    pub version: u16,
    /// Flags, [`FLAG_SEAL`] alone so far.
    pub flags: u16,
    /// The shard whose log this is.
    pub shard: u32,
    /// Number of the segment the frame was written into.
    pub segment: u64,
    /// Raised by one at every opening of the log for writing.
    pub epoch: u32,
    /// Records in the payload.
    pub records: u32,
    /// Reserved for consensus; 0.
    pub term: u64,
    /// Sequence of the first record; in a seal, the sequence the next record will have.
    pub first_sequence: u64,
    /// Sequence of the last record; in a seal, that of the last record before it.
    pub last_sequence: u64,
    /// Up to here everything was durable when this frame was written.
    pub durable_sequence: u64,
    /// Bytes of payload, without header and padding.
    pub payload_bytes: u32,
    /// Checksum of the frame before this one, whichever segment it is in; 0 in the first frame of the log.
    pub previous_checksum: u32,
    /// CRC-32C of header (this field zero) and payload.
    pub checksum: u32,
}

impl FrameHeader {
    /// Whether the frame is a seal: no records, only the proof that its predecessor is complete.
    pub fn is_seal(&self) -> bool {
        self.flags & FLAG_SEAL != 0
    }

    /// Bytes of the frame on disk: header, payload and padding.
    pub fn frame_bytes(&self) -> u64 {
        frame_bytes(self.payload_bytes as usize) as u64
    }

    fn layout(&self) -> HeaderLayout {
        HeaderLayout {
            magic: FRAME_MAGIC,
            version: self.version.into(),
            flags: self.flags.into(),
            shard: self.shard.into(),
            segment: self.segment.into(),
            epoch: self.epoch.into(),
            records: self.records.into(),
            term: self.term.into(),
            first_sequence: self.first_sequence.into(),
            last_sequence: self.last_sequence.into(),
            durable_sequence: self.durable_sequence.into(),
            payload_bytes: self.payload_bytes.into(),
            previous_checksum: self.previous_checksum.into(),
            reserved: 0.into(),
            checksum: 0.into(),
        }
    }

    fn from_layout(layout: &HeaderLayout) -> Self {
        Self {
            version: layout.version.get(),
            flags: layout.flags.get(),
            shard: layout.shard.get(),
            segment: layout.segment.get(),
            epoch: layout.epoch.get(),
            records: layout.records.get(),
            term: layout.term.get(),
            first_sequence: layout.first_sequence.get(),
            last_sequence: layout.last_sequence.get(),
            durable_sequence: layout.durable_sequence.get(),
            payload_bytes: layout.payload_bytes.get(),
            previous_checksum: layout.previous_checksum.get(),
            checksum: layout.checksum.get(),
        }
    }
}

/// Bytes on disk of a frame with so much payload.
pub(crate) const fn frame_bytes(payload_bytes: usize) -> usize {
    round_up((HEADER_BYTES + payload_bytes) as u64) as usize
}

/// Completes the frame that starts at `bytes[0]`, whose payload is already in place: writes header, padding and
/// checksum. Returns the checksum and the length of the frame on disk.
pub(crate) fn encode(header: &FrameHeader, bytes: &mut [u8]) -> (u32, usize) {
    let payload_end = HEADER_BYTES + header.payload_bytes as usize;
    let frame_end = frame_bytes(header.payload_bytes as usize);
    bytes[..HEADER_BYTES].copy_from_slice(header.layout().as_bytes());
    bytes[payload_end..frame_end].fill(0);
    // The checksum field is zero at this point, as the format asks.
    let checksum = crc_fast::crc32_iscsi(&bytes[..payload_end]);
    bytes[CHECKSUM_OFFSET..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    (checksum, frame_end)
}

/// What the first block at a position says, before anything in it can be trusted.
pub(crate) enum Peek {
    /// Zeros: nothing was ever written here.
    Zero,
    /// Can't be a frame.
    Bad(&'static str),
    /// May be a frame of so many bytes on disk.
    Frame(usize),
}

/// Looks at the block where a frame may start. `block` is at least one block long, or empty at the end of a file.
pub(crate) fn peek(block: &[u8]) -> Peek {
    let block = &block[..block.len().min(BLOCK_BYTES)];
    if all_zero(block) {
        return Peek::Zero;
    }
    let Ok((layout, _)) = HeaderLayout::ref_from_prefix(block) else {
        return Peek::Bad("the file ends inside a header");
    };
    if layout.magic != FRAME_MAGIC {
        return Peek::Bad("no frame starts here");
    }
    let payload_bytes = layout.payload_bytes.get() as usize;
    if payload_bytes > FRAME_BYTES_MAX - HEADER_BYTES {
        return Peek::Bad("the frame's length is over the maximum");
    }
    Peek::Frame(frame_bytes(payload_bytes))
}

/// Checks a whole frame and returns its header and payload, or why it is none. The version is judged last: a frame of
/// another version whose checksum holds is no torn write.
pub(crate) fn check(bytes: &[u8]) -> Result<(FrameHeader, &[u8]), Flaw> {
    let (layout, rest) =
        HeaderLayout::ref_from_prefix(bytes).map_err(|_| Flaw::Torn("the file ends inside a header"))?;
    let header = FrameHeader::from_layout(layout);
    if layout.magic != FRAME_MAGIC {
        return Err(Flaw::Torn("no frame starts here"));
    }
    let payload_bytes = header.payload_bytes as usize;
    if payload_bytes > FRAME_BYTES_MAX - HEADER_BYTES {
        return Err(Flaw::Torn("the frame's length is over the maximum"));
    }
    let padding_bytes = frame_bytes(payload_bytes) - HEADER_BYTES - payload_bytes;
    if rest.len() < payload_bytes + padding_bytes {
        return Err(Flaw::Torn("the file ends inside the frame"));
    }
    let (payload, padding) = rest[..payload_bytes + padding_bytes].split_at(payload_bytes);
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(&bytes[..CHECKSUM_OFFSET]);
    digest.update(&[0; 4]);
    digest.update(payload);
    if digest.finalize() as u32 != header.checksum {
        return Err(Flaw::Torn("the checksum does not hold"));
    }
    if !all_zero(padding) {
        return Err(Flaw::Torn("the padding is not zero"));
    }
    if header.version != FORMAT_VERSION {
        return Err(Flaw::Foreign("a format version this build does not know"));
    }
    check_fields(&header, layout.reserved.get()).map_err(Flaw::Foreign)?;
    Ok((header, payload))
}

/// Why some bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// An interrupted write may look like this.
    Torn(&'static str),
    /// The checksum holds, so no interrupted write looks like this.
    Foreign(&'static str),
}

/// Rules between the fields of a frame whose checksum holds.
fn check_fields(header: &FrameHeader, reserved: u32) -> Result<(), &'static str> {
    if header.flags & !FLAG_SEAL != 0 || reserved != 0 {
        return Err("a flag this build does not know");
    }
    if header.is_seal() != (header.records == 0) || (header.is_seal() && header.payload_bytes != 0) {
        return Err("a seal with records, or a frame without");
    }
    let next_sequence = header.first_sequence.checked_add(u64::from(header.records));
    if header.first_sequence == 0 || next_sequence != header.last_sequence.checked_add(1) {
        return Err("first and last sequence do not match the number of records");
    }
    Ok(())
}

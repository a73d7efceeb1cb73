//! The frame: 32 bytes of header around every payload, both ways.
//!
//! Invariant: what is wrong with a frame is found from its header, before its payload has arrived and before anything is
//! allocated for it; and no payload is looked at whose checksum does not hold.

use crate::error::ProtocolError;
use crate::limits::{ALIGNMENT, FRAME_BYTES_BEFORE_AUTHENTICATION_MAX, FRAME_BYTES_MAX};
use crc_fast::{CrcAlgorithm, Digest};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, IntoBytes};

/// What every frame begins with.
pub const MAGIC: [u8; 4] = *b"SCRP";
/// The protocol version spoken here.
pub const VERSION: u8 = 1;
/// Bytes of the frame header.
pub const HEADER_BYTES: usize = size_of::<RawHeader>();

layout! {
    /// The frame header as it lies on the wire.
    pub struct RawHeader {
        /// "SCRP": 53 43 52 50
        magic: [u8; 4],
        /// protocol version: 1
        version: u8,
        /// frame kind
        kind: u8,
        /// 0; others are refused
        flags: U16,
        /// payload bytes after this header, a multiple of 8
        length: U32,
        /// CRC-32C over this header with this field zero, then the payload
        checksum: U32,
        /// chosen by who asks; repeated in ANSWERS, PONG and ERROR
        correlation: U64,
        /// ANSWERS: the highest engine sequence these answers saw; else 0
        sequence: U64,
    }
}

const _: () = assert!(HEADER_BYTES == 32 && HEADER_BYTES.is_multiple_of(ALIGNMENT));
const CHECKSUM_AT: usize = core::mem::offset_of!(RawHeader, checksum);

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $text:literal;)*) => {
        /// What a frame carries. Numbers are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum FrameKind { $($(#[doc = $doc])* $name = $number,)* }

        impl FrameKind {
            /// All of them, by number.
            pub const ALL: &'static [FrameKind] = &[$(FrameKind::$name),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(FrameKind::$name => $text,)* }
            }

            /// What it is, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(FrameKind::$name => concat!($($doc),*),)* }
            }

            /// The kind with this number.
            pub const fn from_number(number: u8) -> Option<FrameKind> {
                match number { $($number => Some(FrameKind::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    /// Client: who it is and which versions it speaks. The first frame.
    Hello = 1, "HELLO";
    /// Server: the version, the maxima, the time.
    Welcome = 2, "WELCOME";
    /// Server: what was wrong and where. The last frame.
    Error = 3, "ERROR";
    /// Client: commands, back to back.
    Commands = 4, "COMMANDS";
    /// Server: answers, back to back.
    Answers = 5, "ANSWERS";
    /// Either: asks for a PONG.
    Ping = 6, "PING";
    /// Either: answers a PING.
    Pong = 7, "PONG";
    /// Server: send nothing more here, connect anew.
    Goaway = 8, "GOAWAY";
    /// Reserved for streams of events.
    Push = 9, "PUSH";
    /// Reserved for slots that move to another server.
    Moved = 10, "MOVED";
}

/// A checked frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the payload is.
    pub kind: FrameKind,
    /// Bytes of the payload.
    pub payload_bytes: u32,
    /// Ties answers to what they answer.
    pub correlation: u64,
    /// The highest engine sequence that ANSWERS saw; else 0.
    pub sequence: u64,
}

/// What a frame may measure at this point of a connection's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// Bytes of a frame, header included.
    pub frame_bytes_max: u32,
}

impl FrameLimits {
    /// Until HELLO is accepted.
    pub const BEFORE_AUTHENTICATION: FrameLimits =
        FrameLimits { frame_bytes_max: FRAME_BYTES_BEFORE_AUTHENTICATION_MAX };
    /// From then on.
    pub const AUTHENTICATED: FrameLimits = FrameLimits { frame_bytes_max: FRAME_BYTES_MAX };
}

/// Reads the frame that `bytes` begin with. `None`: more bytes are needed. Otherwise the header and the bytes of the
/// whole frame; its payload is `bytes[HEADER_BYTES..whole]`, and its checksum holds.
pub fn parse(bytes: &[u8], limits: FrameLimits) -> Result<Option<(FrameHeader, usize)>, ProtocolError> {
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] {
        return Err(ProtocolError::BadMagic);
    }
    let Ok((raw, rest)) = RawHeader::ref_from_prefix(bytes) else { return Ok(None) };
    let header = check(raw, limits)?;
    let Some(payload) = rest.get(..header.payload_bytes as usize) else { return Ok(None) };
    let (expected, found) = (raw.checksum.get(), checksum(raw, payload));
    if expected != found {
        return Err(ProtocolError::ChecksumMismatch { expected, found });
    }
    Ok(Some((header, HEADER_BYTES + payload.len())))
}

fn check(raw: &RawHeader, limits: FrameLimits) -> Result<FrameHeader, ProtocolError> {
    if raw.version != VERSION {
        return Err(ProtocolError::UnsupportedVersion(raw.version));
    }
    let kind = FrameKind::from_number(raw.kind).ok_or(ProtocolError::UnknownKind(raw.kind))?;
    if raw.flags.get() != 0 {
        return Err(ProtocolError::UnknownFlags(raw.flags.get()));
    }
    let payload_bytes = raw.length.get();
    let bytes = u64::from(payload_bytes) + HEADER_BYTES as u64;
    if bytes > u64::from(limits.frame_bytes_max) {
        return Err(ProtocolError::OversizeFrame { bytes, bytes_max: limits.frame_bytes_max });
    }
    if !(payload_bytes as usize).is_multiple_of(ALIGNMENT) {
        return Err(ProtocolError::Payload("its length is not a multiple of 8"));
    }
    Ok(FrameHeader { kind, payload_bytes, correlation: raw.correlation.get(), sequence: raw.sequence.get() })
}

/// Appends a frame with this payload. Panics when its length is not a multiple of 8 or the frame exceeds the maximum.
pub fn write(out: &mut Vec<u8>, kind: FrameKind, correlation: u64, payload: &[u8]) {
    let start = open(out, kind, correlation);
    out.extend_from_slice(payload);
    seal(out, start, 0);
}

/// Appends a header whose length and checksum are still to be filled in by [`seal`]; answers where it begins.
pub(crate) fn open(out: &mut Vec<u8>, kind: FrameKind, correlation: u64) -> usize {
    let start = out.len();
    let header = RawHeader {
        magic: MAGIC,
        version: VERSION,
        kind: kind as u8,
        flags: U16::ZERO,
        length: U32::ZERO,
        checksum: U32::ZERO,
        correlation: U64::new(correlation),
        sequence: U64::ZERO,
    };
    out.extend_from_slice(header.as_bytes());
    start
}

/// Fills in the header of the frame that begins at `start` and ends with `out`.
pub(crate) fn seal(out: &mut [u8], start: usize, sequence: u64) {
    let (raw, payload) = RawHeader::mut_from_prefix(&mut out[start..]).expect("open put a header here");
    assert!(
        payload.len().is_multiple_of(ALIGNMENT) && payload.len() + HEADER_BYTES <= FRAME_BYTES_MAX as usize
    );
    raw.length = U32::new(payload.len() as u32);
    raw.sequence = U64::new(sequence);
    raw.checksum = U32::new(checksum(raw, payload));
}

/// CRC-32C over the header with its checksum zero, then the payload.
fn checksum(raw: &RawHeader, payload: &[u8]) -> u32 {
    let header = RawHeader { checksum: U32::ZERO, ..*raw };
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(header.as_bytes());
    digest.update(payload);
    digest.finalize() as u32
}

/// Puts the right checksum into a frame whose bytes were changed on purpose. For tests and tools that build frames the
/// writers in here refuse to build.
pub fn reseal(frame: &mut [u8]) {
    let Ok((raw, payload)) = RawHeader::mut_from_prefix(frame) else { return };
    raw.checksum = U32::new(checksum(raw, payload));
}

const _: () = assert!(CHECKSUM_AT == 12);

//! The small frames: ERROR, PING, PONG, GOAWAY.

use crate::error::{ErrorCode, Position, ProtocolError};
use crate::frame::{self, FrameKind};
use crate::layout;
use crate::limits::MESSAGE_BYTES_MAX;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, IntoBytes};

/// `command` of an ERROR that speaks of no command.
const NO_COMMAND: u16 = u16::MAX;
/// `offset` of an ERROR that speaks of no place.
const NO_OFFSET: u32 = u32::MAX;

layout! {
    /// ERROR's payload as it lies on the wire; the message follows, padded with zeros to a multiple of 8.
    pub struct RawError {
        /// error code
        code: U16,
        /// index of the command in the frame; 65,535: none
        command: U16,
        /// byte offset in the frame, header included; 4,294,967,295: none
        offset: U32,
        /// bytes of the message, at most 256
        message_bytes: U16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// PONG's payload as it lies on the wire.
    pub struct RawPong {
        /// the sender's time, ms since the Unix epoch; 0: it does not say
        time_ms: U64,
    }
}

layout! {
    /// GOAWAY's payload as it lies on the wire.
    pub struct RawGoaway {
        /// 1: the server is stopping; 2: the connection is wanted elsewhere
        reason: U16,
        /// 0
        spare: U16,
        /// the server goes on taking and answering commands for this long, then closes
        drain_ms: U32,
    }
}

/// The last frame of a connection: what was wrong and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorNotice<'a> {
    /// What was wrong.
    pub code: ErrorCode,
    /// Where.
    pub position: Position,
    /// The same for people. Longer than [`MESSAGE_BYTES_MAX`] it is cut.
    pub message: &'a str,
}

impl<'a> ErrorNotice<'a> {
    /// An error that has no place in the input.
    pub fn new(code: ErrorCode, message: &'a str) -> ErrorNotice<'a> {
        ErrorNotice { code, position: Position::default(), message }
    }

    /// Appends the frame; `correlation` is that of the frame the error speaks of, else 0.
    pub fn write(&self, out: &mut Vec<u8>, correlation: u64) {
        let message = &self.message[..self.message.floor_char_boundary(MESSAGE_BYTES_MAX)];
        let raw = RawError {
            code: U16::new(self.code as u16),
            command: U16::new(self.position.command.unwrap_or(NO_COMMAND)),
            offset: U32::new(self.position.offset.unwrap_or(NO_OFFSET)),
            message_bytes: U16::new(message.len() as u16),
            spare: [0; 6],
        };
        let start = frame::open(out, FrameKind::Error, correlation);
        out.extend_from_slice(raw.as_bytes());
        out.extend_from_slice(message.as_bytes());
        layout::pad(out, message.len());
        frame::seal(out, start, 0);
    }

    /// Reads the payload. An unknown code reads as [`ErrorCode::Internal`], so that a newer server's error still tells
    /// its message.
    pub fn read(payload: &'a [u8]) -> Result<ErrorNotice<'a>, ProtocolError> {
        let (raw, rest) = RawError::ref_from_prefix(payload)
            .map_err(|_| ProtocolError::Payload("an ERROR has at least 16 bytes after the frame header"))?;
        let message = rest
            .get(..usize::from(raw.message_bytes.get()))
            .filter(|message| message.len() <= MESSAGE_BYTES_MAX)
            .ok_or(ProtocolError::Payload(
                "the message of the ERROR is longer than the frame or the limit",
            ))?;
        let message = core::str::from_utf8(message)
            .map_err(|_| ProtocolError::Payload("the message of the ERROR is not UTF-8"))?;
        let position = Position {
            offset: Some(raw.offset.get()).filter(|&offset| offset != NO_OFFSET),
            command: Some(raw.command.get()).filter(|&command| command != NO_COMMAND),
        };
        let code = ErrorCode::from_number(raw.code.get()).unwrap_or(ErrorCode::Internal);
        Ok(ErrorNotice { code, position, message })
    }
}

/// Appends the ERROR frame that tells `error` to the other side. Allocates for the message: it is a connection's last.
pub fn write_error(out: &mut Vec<u8>, correlation: u64, error: &ProtocolError) {
    let message = error.to_string();
    ErrorNotice { code: error.code(), position: error.position(), message: &message }.write(out, correlation);
}

/// Appends a PING, which has no payload.
pub fn write_ping(out: &mut Vec<u8>, correlation: u64) {
    frame::write(out, FrameKind::Ping, correlation, &[]);
}

/// Appends the PONG to the PING with this correlation id.
pub fn write_pong(out: &mut Vec<u8>, correlation: u64, time_ms: u64) {
    frame::write(out, FrameKind::Pong, correlation, RawPong { time_ms: U64::new(time_ms) }.as_bytes());
}

/// Reads a PONG's payload: the sender's time, or 0.
pub fn read_pong(payload: &[u8]) -> Result<u64, ProtocolError> {
    match RawPong::ref_from_prefix(payload) {
        Ok((raw, _)) => Ok(raw.time_ms.get()),
        Err(_) => Err(ProtocolError::Payload("a PONG has at least 8 bytes after the frame header")),
    }
}

/// Why a server asks its clients to leave. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum GoawayReason {
    /// It is stopping.
    Stopping = 1,
    /// The connection is wanted elsewhere.
    Rebalance = 2,
}

/// Send nothing more here, connect anew; what was sent is still answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goaway {
    /// Why; an unknown reason reads as [`GoawayReason::Rebalance`].
    pub reason: GoawayReason,
    /// How long the server goes on taking and answering commands before it closes.
    pub drain_ms: u32,
}

impl Goaway {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let raw = RawGoaway {
            reason: U16::new(self.reason as u16),
            spare: U16::ZERO,
            drain_ms: U32::new(self.drain_ms),
        };
        frame::write(out, FrameKind::Goaway, 0, raw.as_bytes());
    }

    /// Reads the payload.
    pub fn read(payload: &[u8]) -> Result<Goaway, ProtocolError> {
        let (raw, _) = RawGoaway::ref_from_prefix(payload)
            .map_err(|_| ProtocolError::Payload("a GOAWAY has at least 8 bytes after the frame header"))?;
        let reason = match raw.reason.get() {
            1 => GoawayReason::Stopping,
            _ => GoawayReason::Rebalance,
        };
        Ok(Goaway { reason, drain_ms: raw.drain_ms.get() })
    }
}

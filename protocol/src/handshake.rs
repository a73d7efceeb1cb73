//! HELLO and WELCOME: the first frame of each side. They agree on a version and say the maxima and the time, so that a
//! client needs no configuration but an address and a token.

use crate::error::ProtocolError;
use crate::frame::{self, FrameKind};
use crate::limits::{COMMAND_BYTES_MAX, FRAME_BYTES_MAX, OUTSTANDING_DEFAULT};
use crate::secret::{AliasKey, Token};
use scrip_engine::ids::MerchantId;
use scrip_engine::limits::LINES_MAX;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, IntoBytes};

layout! {
    /// HELLO's payload as it lies on the wire.
    pub struct RawHello {
        /// the least version the client speaks
        version_min: u8,
        /// the greatest version the client speaks
        version_max: u8,
        /// 0
        spare: [u8; 6],
        /// feature bits the client would like; none are defined yet
        features: U64,
        /// the token's 32 bytes
        token: [u8; 32],
    }
}

layout! {
    /// WELCOME's payload as it lies on the wire.
    pub struct RawWelcome {
        /// the version both speak from now on
        version: u8,
        /// 0
        spare: u8,
        /// shards of this server (slots are spread over them)
        shards: U16,
        /// counts up whenever slots move between servers
        slot_map_epoch: U32,
        /// feature bits in force: a subset of HELLO's
        features: U64,
        /// greatest frame, header included
        frame_bytes_max: U32,
        /// greatest command, header included
        command_bytes_max: U32,
        /// most lines in one hold
        lines_max: U32,
        /// most commands without an answer on this connection
        outstanding_max: U32,
        /// the server's time, ms since the Unix epoch
        server_ms: U64,
        /// operation ids made before this may be answered OPERATION_TOO_OLD
        operation_floor_ms: U64,
        /// the merchant the token belongs to; 0: several, name one in each command
        merchant: U32,
        /// 0
        spare_2: U32,
        /// the merchant's key for references; secret, never logged; all zero if `merchant` is 0
        alias_key: [u8; 32],
    }
}

const _: () = assert!(size_of::<RawHello>() == 48 && size_of::<RawWelcome>() == 96 - 8);

/// What a client says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The least version it speaks.
    pub version_min: u8,
    /// The greatest version it speaks.
    pub version_max: u8,
    /// Features it would like.
    pub features: u64,
    /// Who it is.
    pub token: Token,
}

impl Hello {
    /// The HELLO of a client that speaks this crate's version.
    pub fn new(token: Token) -> Hello {
        Hello { version_min: frame::VERSION, version_max: frame::VERSION, features: 0, token }
    }

    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let raw = RawHello {
            version_min: self.version_min,
            version_max: self.version_max,
            spare: [0; 6],
            features: U64::new(self.features),
            token: *self.token.reveal(),
        };
        frame::write(out, FrameKind::Hello, 0, raw.as_bytes());
    }

    /// Reads the payload; bytes beyond the known ones are left to later versions.
    pub fn read(payload: &[u8]) -> Result<Hello, ProtocolError> {
        let (raw, _) = RawHello::ref_from_prefix(payload)
            .map_err(|_| ProtocolError::Payload("a HELLO has at least 48 bytes after the frame header"))?;
        if raw.version_min > raw.version_max {
            return Err(ProtocolError::Payload("version_min is above version_max"));
        }
        Ok(Hello {
            version_min: raw.version_min,
            version_max: raw.version_max,
            features: raw.features.get(),
            token: Token::new(raw.token),
        })
    }

    /// The version to speak with this client.
    pub fn version(&self) -> Result<u8, ProtocolError> {
        let spoken = (self.version_min..=self.version_max).contains(&frame::VERSION);
        if spoken { Ok(frame::VERSION) } else { Err(ProtocolError::UnsupportedVersion(self.version_max)) }
    }
}

/// What a server answers to an accepted HELLO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The version both speak.
    pub version: u8,
    /// Shards of the server.
    pub shards: u16,
    /// Counts up whenever slots move between servers.
    pub slot_map_epoch: u32,
    /// Features in force.
    pub features: u64,
    /// Bytes of a frame, header included.
    pub frame_bytes_max: u32,
    /// Bytes of a command.
    pub command_bytes_max: u32,
    /// Lines of a hold.
    pub lines_max: u32,
    /// Commands of this connection without an answer.
    pub outstanding_max: u32,
    /// The server's time, milliseconds since the Unix epoch.
    pub server_ms: u64,
    /// Operation ids made before this may be answered OPERATION_TOO_OLD.
    pub operation_floor_ms: u64,
    /// The merchant the token belongs to; 0: several.
    pub merchant: MerchantId,
    /// The merchant's key for references.
    pub alias_key: AliasKey,
}

impl Welcome {
    /// A WELCOME with this crate's version and maxima; the rest is the server's to say.
    pub fn new(server_ms: u64, merchant: MerchantId, alias_key: AliasKey) -> Welcome {
        Welcome {
            version: frame::VERSION,
            shards: 1,
            slot_map_epoch: 0,
            features: 0,
            frame_bytes_max: FRAME_BYTES_MAX,
            command_bytes_max: COMMAND_BYTES_MAX as u32,
            lines_max: LINES_MAX as u32,
            outstanding_max: OUTSTANDING_DEFAULT,
            server_ms,
            operation_floor_ms: 0,
            merchant,
            alias_key,
        }
    }

    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let raw = RawWelcome {
            version: self.version,
            spare: 0,
            shards: U16::new(self.shards),
            slot_map_epoch: U32::new(self.slot_map_epoch),
            features: U64::new(self.features),
            frame_bytes_max: U32::new(self.frame_bytes_max),
            command_bytes_max: U32::new(self.command_bytes_max),
            lines_max: U32::new(self.lines_max),
            outstanding_max: U32::new(self.outstanding_max),
            server_ms: U64::new(self.server_ms),
            operation_floor_ms: U64::new(self.operation_floor_ms),
            merchant: U32::new(self.merchant.0),
            spare_2: U32::ZERO,
            alias_key: *self.alias_key.reveal(),
        };
        frame::write(out, FrameKind::Welcome, 0, raw.as_bytes());
    }

    /// Reads the payload; bytes beyond the known ones are left to later versions.
    pub fn read(payload: &[u8]) -> Result<Welcome, ProtocolError> {
        let (raw, _) = RawWelcome::ref_from_prefix(payload)
            .map_err(|_| ProtocolError::Payload("a WELCOME has at least 88 bytes after the frame header"))?;
        if raw.version != frame::VERSION {
            return Err(ProtocolError::UnsupportedVersion(raw.version));
        }
        Ok(Welcome {
            version: raw.version,
            shards: raw.shards.get(),
            slot_map_epoch: raw.slot_map_epoch.get(),
            features: raw.features.get(),
            frame_bytes_max: raw.frame_bytes_max.get(),
            command_bytes_max: raw.command_bytes_max.get(),
            lines_max: raw.lines_max.get(),
            outstanding_max: raw.outstanding_max.get(),
            server_ms: raw.server_ms.get(),
            operation_floor_ms: raw.operation_floor_ms.get(),
            merchant: MerchantId(raw.merchant.get()),
            alias_key: AliasKey::new(raw.alias_key),
        })
    }
}

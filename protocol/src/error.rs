//! What can be wrong with bytes, and the numbers under which the other side is told. Malformed input is neither a
//! rejection nor a fault: the connection learns what and where, and is closed.

use crate::extras::ExtraFault;
use crate::limits;
use scrip_engine::command::Malformed;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $text:literal, $reconnect:literal;)*) => {
        /// What an ERROR frame says. Numbers are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum ErrorCode { $($(#[doc = $doc])* $name = $number,)* }

        impl ErrorCode {
            /// All of them, by number.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)* }
            }

            /// Whether the same client may connect again and send the same commands again; else something has to be
            /// mended first.
            pub const fn reconnect(self) -> bool {
                match self { $(ErrorCode::$name => $reconnect,)* }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(ErrorCode::$name => concat!($($doc),*),)* }
            }

            /// The code with this number.
            pub const fn from_number(number: u16) -> Option<ErrorCode> {
                match number { $($number => Some(ErrorCode::$name),)* _ => None }
            }
        }
    };
}

error_codes! {
    /// The bytes are not a Scrip frame.
    BadMagic = 1, "BAD_MAGIC", false;
    /// No common protocol version.
    UnsupportedVersion = 2, "UNSUPPORTED_VERSION", false;
    /// A frame kind this version does not know.
    UnknownKind = 3, "UNKNOWN_KIND", false;
    /// A known frame kind that this side never sends, or not now.
    UnexpectedKind = 4, "UNEXPECTED_KIND", false;
    /// Frame flags this version does not know.
    UnknownFlags = 5, "UNKNOWN_FLAGS", false;
    /// The frame is longer than allowed.
    OversizeFrame = 6, "OVERSIZE_FRAME", false;
    /// The bytes were changed on their way.
    ChecksumMismatch = 7, "CHECKSUM_MISMATCH", true;
    /// The payload does not have the layout of its frame kind.
    MalformedPayload = 8, "MALFORMED_PAYLOAD", false;
    /// A command kind this version does not know.
    UnknownCommand = 9, "UNKNOWN_COMMAND", false;
    /// A command whose bytes or values break the contract.
    MalformedCommand = 10, "MALFORMED_COMMAND", false;
    /// The command is longer than allowed.
    CommandTooLong = 11, "COMMAND_TOO_LONG", false;
    /// The token is unknown, expired or revoked.
    Unauthorized = 12, "UNAUTHORIZED", false;
    /// The first frame was not HELLO.
    HelloExpected = 13, "HELLO_EXPECTED", false;
    /// No complete HELLO came in time.
    HelloTimeout = 14, "HELLO_TIMEOUT", true;
    /// Nothing came for too long.
    Idle = 15, "IDLE", true;
    /// More commands are unanswered than WELCOME allows.
    TooManyOutstanding = 16, "TOO_MANY_OUTSTANDING", true;
    /// Answers were not read fast enough.
    OutputOverflow = 17, "OUTPUT_OVERFLOW", true;
    /// The server is stopping.
    ShuttingDown = 18, "SHUTTING_DOWN", true;
    /// Too many failed attempts from here: wait before the next.
    Throttled = 19, "THROTTLED", true;
    /// The server has as many connections as it takes.
    TooManyConnections = 20, "TOO_MANY_CONNECTIONS", true;
    /// The server failed; what was not answered may have happened.
    Internal = 21, "INTERNAL", true;
}

/// Bytes that break the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Not a frame.
    #[error(
        "the bytes don't begin with the magic \"SCRP\": is this a Scrip client speaking to the right port?"
    )]
    BadMagic,
    /// A version of another time.
    #[error("protocol version {0} is not spoken here, only version {spoken}", spoken = crate::frame::VERSION)]
    UnsupportedVersion(u8),
    /// An unknown frame kind.
    #[error("frame kind {0} is not known")]
    UnknownKind(u8),
    /// Unknown frame flags.
    #[error("frame flags {0:#06x} are not known")]
    UnknownFlags(u16),
    /// A frame beyond the limit.
    #[error("a frame of {bytes} bytes, at most {bytes_max} are allowed")]
    OversizeFrame {
        /// Its size, header included.
        bytes: u64,
        /// The limit at this point of the connection's life.
        bytes_max: u32,
    },
    /// A frame that was changed on its way.
    #[error("the checksum says {expected:#010x}, the bytes say {found:#010x}")]
    ChecksumMismatch {
        /// What the header says.
        expected: u32,
        /// What the bytes give.
        found: u32,
    },
    /// A payload that is not what its frame kind says.
    #[error("the payload is malformed: {0}")]
    Payload(&'static str),
    /// A malformed command.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A malformed answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

/// Where in the input an error lies; what does not apply is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Byte offset in the frame, header included.
    pub offset: Option<u32>,
    /// Index of the command in the frame.
    pub command: Option<u16>,
}

impl ProtocolError {
    /// The number the other side is told.
    pub const fn code(&self) -> ErrorCode {
        match self {
            ProtocolError::BadMagic => ErrorCode::BadMagic,
            ProtocolError::UnsupportedVersion(_) => ErrorCode::UnsupportedVersion,
            ProtocolError::UnknownKind(_) => ErrorCode::UnknownKind,
            ProtocolError::UnknownFlags(_) => ErrorCode::UnknownFlags,
            ProtocolError::OversizeFrame { .. } => ErrorCode::OversizeFrame,
            ProtocolError::ChecksumMismatch { .. } => ErrorCode::ChecksumMismatch,
            ProtocolError::Payload(_) | ProtocolError::Answer(_) => ErrorCode::MalformedPayload,
            ProtocolError::Command(error) => error.code(),
        }
    }

    /// Where it lies.
    pub const fn position(&self) -> Position {
        let offset = match self {
            ProtocolError::BadMagic => 0,
            ProtocolError::UnsupportedVersion(_) => 4,
            ProtocolError::UnknownKind(_) => 5,
            ProtocolError::UnknownFlags(_) => 6,
            ProtocolError::OversizeFrame { .. } => 8,
            ProtocolError::ChecksumMismatch { .. } => 12,
            ProtocolError::Payload(_) => crate::frame::HEADER_BYTES as u32,
            ProtocolError::Command(error) => {
                return Position { offset: Some(error.offset), command: Some(error.index) };
            }
            ProtocolError::Answer(error) => error.offset,
        };
        Position { offset: Some(offset), command: None }
    }
}

/// A malformed command, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("command {index} (byte {offset} of the frame): {why}")]
pub struct CommandError {
    /// Its position in the frame, from 0.
    pub index: u16,
    /// Where it begins: byte offset in the frame, header included.
    pub offset: u32,
    /// What is wrong with it.
    pub why: CommandFault,
}

impl CommandError {
    /// The number the other side is told.
    pub const fn code(&self) -> ErrorCode {
        match self.why {
            CommandFault::UnknownKind(_) => ErrorCode::UnknownCommand,
            CommandFault::TooLong(_) => ErrorCode::CommandTooLong,
            _ => ErrorCode::MalformedCommand,
        }
    }
}

/// What can be wrong with one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandFault {
    /// Too few bytes for a command header.
    #[error("{0} bytes are left, a command has at least 48")]
    Truncated(usize),
    /// A length that can't be.
    #[error(
        "a length of {0} bytes: it is a multiple of 8, covers the command's fixed part and ends inside the frame"
    )]
    Length(u16),
    /// Longer than allowed.
    #[error("a length of {0} bytes, at most {most} are allowed", most = limits::COMMAND_BYTES_MAX)]
    TooLong(u16),
    /// An unknown command.
    #[error("command kind {0} is not known")]
    UnknownKind(u8),
    /// Flags the command does not have.
    #[error("flags {0:#04x} are not known for this command")]
    UnknownFlags(u8),
    /// Bytes that are kept for later use.
    #[error("a spare or padding byte is not zero")]
    SpareNotZero,
    /// A count that does not fit the bytes, or that the command does not have.
    #[error("{0} entries are counted, which the command does not have or can't hold")]
    Count(u16),
    /// HAS_WAIT without a time.
    #[error("the flag HAS_WAIT is set, but the time to wait until is 0")]
    WaitZero,
    /// HAS_REPLACE without a hold.
    #[error("the flag HAS_REPLACE is set, but the hold to replace is 0")]
    ReplaceZero,
    /// A card that is named twice or not at all, or a code where no card is named.
    #[error(
        "the extra CODE names the card of a REDEEM, CARD_CHANGE or CARD_SHOW, whose card is 2^64 - 1 then, without a generation"
    )]
    Code,
    /// A state that campaigns do not have.
    #[error("campaigns have no state {0}: 1 to 5 are possible")]
    CampaignState(u8),
    /// An end of cards that is not known.
    #[error("a RECYCLE into {0}: 0 to 2 are possible")]
    Recycle(u8),
    /// A change that cards do not know, or a time where nothing is extended.
    #[error("a change {change} until {until_ms}: 1 to 5 are possible, and only an extension (5) has a time")]
    CardChange {
        /// Its number.
        change: u8,
        /// The time given.
        until_ms: u64,
    },
    /// A malformed optional part.
    #[error(transparent)]
    Extra(#[from] ExtraFault),
    /// A value outside the fixed limits of the contract.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// A malformed answer, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("answer {position} (byte {offset} of the frame): {why}")]
pub struct AnswerError {
    /// Its position among the frame's answers, from 0 (not the index of the command it answers).
    pub position: u16,
    /// Where it begins: byte offset in the frame, header included.
    pub offset: u32,
    /// What is wrong with it.
    pub why: AnswerFault,
}

/// What can be wrong with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// Too few bytes for an answer header.
    #[error("{0} bytes are left, an answer has at least 8")]
    Truncated(usize),
    /// A length that can't be.
    #[error(
        "a length of {0} bytes: it is a multiple of 8, ends inside the frame and is what kind and count ask for"
    )]
    Length(u16),
    /// An unknown answer.
    #[error("answer kind {0} is not known")]
    UnknownKind(u8),
    /// Flags the answer does not have.
    #[error("flags {0:#04x} are not known for this answer")]
    UnknownFlags(u8),
    /// Bytes that are kept for later use.
    #[error("a spare or padding byte is not zero")]
    SpareNotZero,
    /// An unknown rejection, or one under another class than its own.
    #[error("rejection {code} with class {class} is not known")]
    UnknownRejection {
        /// Its number.
        code: u16,
        /// Its class.
        class: u8,
    },
    /// A number that names nothing: a hold state, an operation kind, a maximum.
    #[error("{0} is not a known {1}")]
    UnknownNumber(u16, &'static str),
}

//! Extras: what a command may carry behind its body (type, length, value), without the engine looking at it. CODE is for
//! the server, which opens it and puts a card's id in its place; a server that does not know it refuses the command. SEGMENTS is
//! the one that the engine is shown: it becomes part of the envelope.
//!
//! Invariant: an extra this version does not know is skipped, unless its sender marked it critical; so both sides can be
//! upgraded on their own.

use crate::layout::{pad, padding};
use crate::limits::{
    ALIGNMENT, CODE_BYTES_MAX, FACTS_BYTES_MAX, LABEL_BYTES_MAX, SEGMENTS_BYTES_MAX, TRACE_BYTES_MAX,
};
use scrip_engine::command::Segments;
use zerocopy::FromBytes;
use zerocopy::little_endian::{U16, U32};

layout! {
    /// What every extra begins with; the value follows, then zeros up to a multiple of 8.
    pub struct ExtraHeader {
        /// extra type; the top bit (0x8000) says: critical, refuse if unknown
        kind: U16,
        /// bytes of the value, without padding
        value_bytes: U16,
    }
}

const EXTRA_HEADER_BYTES: usize = size_of::<ExtraHeader>();
/// The bit that makes an unknown extra malformed.
pub const CRITICAL: u16 = 0x8000;
/// Ties the command to the caller's trace: opaque bytes.
pub const TRACE: u16 = 1;
/// The reference an id was made from, for people: UTF-8. Taken and not kept: the command LABEL keeps that of a user.
pub const LABEL: u16 = 2;
/// Facts for reports and exports: opaque bytes.
pub const FACTS: u16 = 3;
/// The code that names the card, in place of its id: UTF-8; critical.
pub const CODE: u16 = 4;
/// The segments that the user is in: numbers from 1 on (u32), ascending; never critical. Read into, and written from, the envelope.
pub const SEGMENTS: u16 = 5;

/// The text of a code, which is worth what its card is: no `Debug` prints it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeText<'a>(&'a str);

impl<'a> CodeText<'a> {
    /// No code.
    pub const NONE: CodeText<'static> = CodeText("");

    /// This text.
    pub const fn new(text: &'a str) -> CodeText<'a> {
        CodeText(text)
    }

    /// Whether no code is given.
    pub const fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself: to be opened, never for a log.
    pub const fn reveal(&self) -> &'a str {
        self.0
    }
}

impl core::fmt::Debug for CodeText<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.is_none() { "CodeText()" } else { "CodeText(***)" })
    }
}

/// The extras of one command. Empty: not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extras<'a> {
    /// Ties the command to the caller's trace.
    pub trace: &'a [u8],
    /// The reference an id was made from.
    pub label: &'a str,
    /// Facts for reports and exports.
    pub facts: &'a [u8],
    /// The code that names the card of a REDEEM, CARD_CHANGE or CARD_SHOW.
    pub code: CodeText<'a>,
}

impl Extras<'_> {
    /// No extras.
    pub const NONE: Extras<'static> = Extras { trace: &[], label: "", facts: &[], code: CodeText::NONE };
}

/// What can be wrong with an extra.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtraFault {
    /// It ends after the command.
    #[error("an extra of type {0:#06x} ends after its command")]
    Truncated(u16),
    /// Type 0 is not given to any extra.
    #[error("an extra of type 0 (or bytes left over behind the body)")]
    TypeZero,
    /// Not known, but marked critical.
    #[error("an extra of type {0:#06x} is marked critical, but not known")]
    Critical(u16),
    /// Given twice.
    #[error("the extra {0} is given twice")]
    Repeated(&'static str),
    /// Given without a value.
    #[error("the extra {0} has no value")]
    Empty(&'static str),
    /// Longer than allowed.
    #[error("the extra {name} has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// Which.
        name: &'static str,
        /// Bytes given.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Not text.
    #[error("the extra {0} is not UTF-8")]
    NotText(&'static str),
    /// The segments are no numbers that ascend from 1 on.
    #[error("the extra SEGMENTS is no list of u32 that ascend from 1 on")]
    Segments,
    /// Bytes between the value and the next multiple of 8.
    #[error("the padding of an extra of type {0:#06x} is not zero")]
    PaddingNotZero(u16),
}

/// Reads the extras that fill `bytes`, whose length is a multiple of 8, and the segments among them.
pub(crate) fn read<'a>(mut bytes: &'a [u8], segments: &mut Segments) -> Result<Extras<'a>, ExtraFault> {
    let mut extras = Extras::NONE;
    while let Ok((header, rest)) = ExtraHeader::ref_from_prefix(bytes) {
        let (kind, value_bytes) = (header.kind.get(), usize::from(header.value_bytes.get()));
        let whole = (EXTRA_HEADER_BYTES + value_bytes).next_multiple_of(ALIGNMENT);
        if kind == 0 {
            return Err(ExtraFault::TypeZero);
        }
        let Some(padded) = rest.get(..whole - EXTRA_HEADER_BYTES) else {
            return Err(ExtraFault::Truncated(kind));
        };
        let (value, zeros) = padded.split_at(value_bytes);
        if zeros.iter().any(|&byte| byte != 0) {
            return Err(ExtraFault::PaddingNotZero(kind));
        }
        // It has one spelling: a server that skips it refuses at most what it would not have.
        match kind {
            SEGMENTS => *segments = read_segments(value, !segments.is_none())?,
            _ => take(&mut extras, kind, value)?,
        }
        bytes = &bytes[whole..];
    }
    Ok(extras)
}

fn take<'a>(extras: &mut Extras<'a>, kind: u16, value: &'a [u8]) -> Result<(), ExtraFault> {
    match kind & !CRITICAL {
        TRACE => {
            check("TRACE", value, !extras.trace.is_empty(), TRACE_BYTES_MAX)?;
            extras.trace = value;
        }
        LABEL => {
            check("LABEL", value, !extras.label.is_empty(), LABEL_BYTES_MAX)?;
            extras.label = core::str::from_utf8(value).map_err(|_| ExtraFault::NotText("LABEL"))?;
        }
        CODE => {
            check("CODE", value, !extras.code.is_none(), CODE_BYTES_MAX)?;
            extras.code = CodeText(core::str::from_utf8(value).map_err(|_| ExtraFault::NotText("CODE"))?);
        }
        FACTS => {
            check("FACTS", value, !extras.facts.is_empty(), FACTS_BYTES_MAX)?;
            extras.facts = value;
        }
        _ if kind & CRITICAL != 0 => return Err(ExtraFault::Critical(kind)),
        _ => {}
    }
    Ok(())
}

fn read_segments(value: &[u8], repeated: bool) -> Result<Segments, ExtraFault> {
    check("SEGMENTS", value, repeated, SEGMENTS_BYTES_MAX)?;
    let numbers = <[U32]>::ref_from_bytes(value).map_err(|_| ExtraFault::Segments)?;
    Segments::new(numbers.iter().map(|number| number.get())).ok_or(ExtraFault::Segments)
}

fn check(name: &'static str, value: &[u8], repeated: bool, bytes_max: usize) -> Result<(), ExtraFault> {
    if repeated {
        return Err(ExtraFault::Repeated(name));
    }
    if value.is_empty() {
        return Err(ExtraFault::Empty(name));
    }
    if value.len() > bytes_max {
        return Err(ExtraFault::TooLong { name, bytes: value.len(), bytes_max });
    }
    Ok(())
}

/// Appends the extras that are given, and the segments.
pub(crate) fn write(out: &mut Vec<u8>, extras: &Extras<'_>, segments: &Segments) -> Result<(), ExtraFault> {
    if *extras == Extras::NONE && segments.is_none() {
        return Ok(());
    }
    let (mut told, mut bytes) = ([0; SEGMENTS_BYTES_MAX], 0);
    for segment in segments.iter() {
        told[bytes..bytes + 4].copy_from_slice(&segment.to_le_bytes());
        bytes += 4;
    }
    let given = [
        (TRACE, "TRACE", extras.trace, TRACE_BYTES_MAX),
        (LABEL, "LABEL", extras.label.as_bytes(), LABEL_BYTES_MAX),
        (FACTS, "FACTS", extras.facts, FACTS_BYTES_MAX),
        (CODE | CRITICAL, "CODE", extras.code.0.as_bytes(), CODE_BYTES_MAX),
        (SEGMENTS, "SEGMENTS", &told[..bytes], SEGMENTS_BYTES_MAX),
    ];
    for (kind, name, value, bytes_max) in given {
        if value.is_empty() {
            continue;
        }
        check(name, value, false, bytes_max)?;
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&(value.len() as u16).to_le_bytes());
        out.extend_from_slice(value);
        pad(out, EXTRA_HEADER_BYTES + value.len());
    }
    Ok(())
}

const _: () = assert!(padding(EXTRA_HEADER_BYTES) == 4 && FACTS_BYTES_MAX <= u16::MAX as usize);

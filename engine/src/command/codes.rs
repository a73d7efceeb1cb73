//! What commands on given codes carry: codes that were made elsewhere, for cards of their own, and codes under which cards are
//! claimed. The rules are in docs/cards.md, "Given codes".
//!
//! Invariant: the engine sees keyed hashes; a text has no `Debug` that tells it.

use crate::ids::GivenCode;
use zerocopy::little_endian::U128;

/// Up to 64 codes: as they arrive, or hashed, as the engine takes them.
#[derive(Clone, Copy, PartialEq)]
pub enum CodeBlock<'a> {
    /// `count` lengths (u16, little-endian), then the texts, one behind the other. The edge hashes it before it is executed.
    Plain {
        /// How many.
        count: usize,
        /// Lengths and texts.
        bytes: &'a [u8],
    },
    /// What the edge has made of it: the keyed hash of each, in order. [`GivenCode::REFUSED`]: it can't be given.
    Hashed(&'a [U128]),
}

impl CodeBlock<'_> {
    /// How many codes there are.
    pub const fn count(&self) -> usize {
        match self {
            CodeBlock::Plain { count, .. } => *count,
            CodeBlock::Hashed(codes) => codes.len(),
        }
    }
}

impl<'a> CodeBlock<'a> {
    /// The codes. Panics on a plain block: the edge hashes it before.
    pub(crate) fn hashed(&self) -> impl Iterator<Item = GivenCode> + use<'a> {
        let CodeBlock::Hashed(codes) = *self else {
            unreachable!("the edge hashes codes before they are executed")
        };
        codes.iter().map(|code| GivenCode(code.get()))
    }
}

impl core::fmt::Debug for CodeBlock<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{} codes (***)", self.count())
    }
}

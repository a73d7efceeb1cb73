//! What a LABEL carries: a user's own words, from which his id was made. The rules are in docs/semantics.md, "Persons".
//!
//! Invariant: the engine sees them sealed; a text has no `Debug` that tells it.

use super::Malformed;
use crate::limits::LABEL_BYTES_MAX;

/// A user's words: as they arrive, or sealed, as the engine takes them.
#[derive(Clone, Copy, PartialEq)]
pub enum Label<'a> {
    /// 1 to 64 bytes of UTF-8. The edge seals them before they are executed.
    Plain(&'a [u8]),
    /// What the edge has made of it.
    Sealed {
        /// A keyed hash of the text, so that a repeat is known for one.
        fingerprint: u64,
        /// The number of the key that it is sealed under; nothing else ever is.
        key: u32,
        /// The sealed text.
        sealed: &'a [u8],
    },
}

impl<'a> Label<'a> {
    /// Fingerprint, key and sealed text. Panics on a plain label: the edge seals it before.
    pub(crate) fn sealed(&self) -> (u64, u32, &'a [u8]) {
        let Label::Sealed { fingerprint, key, sealed } = *self else {
            unreachable!("the edge seals labels before they are executed")
        };
        (fingerprint, key, sealed)
    }

    pub(super) fn check(&self) -> Result<(), Malformed> {
        match self {
            Label::Plain(text) => {
                let fits = (1..=LABEL_BYTES_MAX).contains(&text.len());
                if fits && core::str::from_utf8(text).is_ok() { Ok(()) } else { Err(Malformed::Label) }
            }
            Label::Sealed { .. } => Ok(()),
        }
    }
}

impl core::fmt::Debug for Label<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Label(***)")
    }
}

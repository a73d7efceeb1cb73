//! Codes that were not derived: vanity codes (SUMMER26, with many uses) and those imported from elsewhere. They are found
//! by a keyed hash of their text, so that whoever reads the index can't read the codes.
//!
//! It stands beside the derived codes, which it must not be mistaken for: a text that has the length and alphabet of one is a derived code,
//! right or mistyped, and only another is looked for here. Invariant: two texts that people would take for the same have the same hash; no
//! `Debug` prints one.

use crate::alphabet::narrow;
use crate::limits::{TEXT_BYTES_MAX, VANITY_CHARACTERS_MAX, VANITY_CHARACTERS_MIN};
use crate::parse::{ParseError, parse};
use crate::secret::VanityKey;
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What the hash is for, so that the key's other hashes, if it ever had any, would differ.
const PURPOSE: &[u8] = b"scrip vanity code 1\n";
/// Bytes of the hash that are kept.
const HASH_BYTES: usize = 16;

/// A vanity or imported code, made alike: 3 to 32 characters A-Z, 0-9, `-` and `_`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VanityCode {
    bytes: [u8; VANITY_CHARACTERS_MAX],
    length: u8,
}

/// Text that can't be a vanity or imported code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VanityError {
    /// Longer than anything that is looked at.
    #[error("a text of more than {TEXT_BYTES_MAX} bytes is not a code")]
    TooLong,
    /// Too few or too many characters.
    #[error("a code has {VANITY_CHARACTERS_MIN} to {VANITY_CHARACTERS_MAX} characters, this one has {found}")]
    Length {
        /// Characters of the text, without blanks around it.
        found: usize,
    },
    /// A character that is none of A-Z, 0-9, `-` and `_`.
    #[error("character {position} is {found:?}: only A-Z, 0-9, '-' and '_' are taken")]
    Character {
        /// Its place in the text without blanks around it, from 1.
        position: usize,
        /// The character, as typed.
        found: char,
    },
    /// It could be a derived code of some campaign, or one that is mistyped.
    #[error("this has the form of a generated code: make it longer or shorter")]
    Derived,
}

impl VanityCode {
    /// A text as it is imported or looked for: without blanks around it, in capital letters, full-width forms narrowed.
    /// Hyphens stay: they tell codes apart here.
    ///
    /// # Errors
    /// If it is too short or too long or has other characters.
    pub fn normalise(text: &str) -> Result<VanityCode, VanityError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(VanityError::TooLong);
        }
        let text = text.trim();
        let mut bytes = [0; VANITY_CHARACTERS_MAX];
        let mut count = 0;
        for (place, found) in text.chars().enumerate() {
            let character = narrow(found).to_ascii_uppercase();
            if !matches!(character, 'A'..='Z' | '0'..='9' | '-' | '_') {
                return Err(VanityError::Character { position: place + 1, found });
            }
            if let Some(byte) = bytes.get_mut(place) {
                *byte = character as u8;
            }
            count += 1;
        }
        if !(VANITY_CHARACTERS_MIN..=VANITY_CHARACTERS_MAX).contains(&count) {
            return Err(VanityError::Length { found: count });
        }
        Ok(VanityCode { bytes, length: count as u8 })
    }

    /// A text that can be given: as [`VanityCode::normalise`], and it has not the length and alphabet of a derived code, so that one that
    /// is mistyped is told without a look-up.
    ///
    /// # Errors
    /// As above, and if some campaign's generated code could read the same.
    pub fn choose(text: &str) -> Result<VanityCode, VanityError> {
        let code = VanityCode::normalise(text)?;
        if code.has_derived_form() { Err(VanityError::Derived) } else { Ok(code) }
    }

    /// Whether the text could be a derived code, or one that is mistyped: length and alphabet fit.
    pub fn has_derived_form(&self) -> bool {
        matches!(parse(self.reveal()), Ok(_) | Err(ParseError::Check))
    }

    /// The text itself: for its merchant, never for a log.
    pub fn reveal(&self) -> &str {
        core::str::from_utf8(&self.bytes[..usize::from(self.length)]).expect("only ASCII is kept")
    }
}

impl fmt::Debug for VanityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VanityCode(***)")
    }
}

/// Hashes vanity and imported codes for the index that finds them.
#[derive(Clone)]
pub struct VanityIndex {
    keyed: Hmac<Sha256>,
}

impl VanityIndex {
    /// Hashing under a key.
    pub fn new(key: &VanityKey) -> VanityIndex {
        let mut keyed = Hmac::<Sha256>::new_from_slice(key.reveal()).expect("HMAC takes keys of any length");
        keyed.update(PURPOSE);
        VanityIndex { keyed }
    }

    /// The hash of a code within `scope` (whose codes are told apart: a merchant): the first 128 bits, little-endian, of
    /// HMAC-SHA-256 over the purpose, the scope as eight bytes little-endian, and the text.
    pub fn hash(&self, scope: u64, code: &VanityCode) -> u128 {
        let mut keyed = self.keyed.clone();
        keyed.update(&scope.to_le_bytes());
        keyed.update(code.reveal().as_bytes());
        let digest = keyed.finalize().into_bytes();
        u128::from_le_bytes(digest[..HASH_BYTES].try_into().expect("the digest has 32 bytes"))
    }
}

impl fmt::Debug for VanityIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VanityIndex(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CampaignCipher, CampaignKey, Card, Generation, Layout, Locator, Serial};

    fn printed(serial: u64) -> crate::Code {
        let cipher = CampaignCipher::new(&CampaignKey::new([3; 32]), Locator::MAX, Layout::Standard);
        cipher.print(Card { serial: Serial::new(serial).unwrap(), generation: Generation::FIRST })
    }

    #[test]
    fn texts_that_look_the_same_are_the_same() {
        for text in ["SUMMER26", " summer26\n", "Ｓｕｍｍｅｒ２６", "\u{3000}SUMMER26\t"] {
            assert_eq!(VanityCode::normalise(text).unwrap().reveal(), "SUMMER26", "{text:?}");
        }
        assert_eq!(VanityCode::normalise("a－b＿c").unwrap().reveal(), "A-B_C");
    }

    #[test]
    fn other_texts_are_refused_with_their_place() {
        let character = |position, found| Err(VanityError::Character { position, found });
        assert_eq!(VanityCode::normalise(" SUMMER 26"), character(7, ' '));
        assert_eq!(VanityCode::normalise("夏26"), character(1, '夏'));
        assert_eq!(VanityCode::normalise("ABC!"), character(4, '!'));
        assert_eq!(VanityCode::normalise("ab"), Err(VanityError::Length { found: 2 }));
        assert_eq!(VanityCode::normalise(""), Err(VanityError::Length { found: 0 }));
        assert_eq!(VanityCode::normalise(&"A".repeat(33)), Err(VanityError::Length { found: 33 }));
        assert!(VanityCode::normalise(&"A".repeat(32)).is_ok());
        assert_eq!(VanityCode::normalise(&"A".repeat(257)), Err(VanityError::TooLong));
    }

    #[test]
    fn a_chosen_code_never_has_the_form_of_a_derived_one() {
        assert!(VanityCode::choose("SUMMER26").is_ok());
        for serial in 0..100 {
            let code = printed(serial);
            let text = code.reveal();
            assert_eq!(VanityCode::choose(text), Err(VanityError::Derived));
            assert!(VanityCode::normalise(text).unwrap().has_derived_form());
            let grouped = code.print(None, crate::Groups::Five);
            assert_eq!(VanityCode::choose(grouped.reveal()), Err(VanityError::Derived));
        }
    }

    #[test]
    fn hashes_differ_by_key_scope_and_text() {
        let index = VanityIndex::new(&VanityKey::new([1; 32]));
        let other = VanityIndex::new(&VanityKey::new([2; 32]));
        let [summer, winter] = ["SUMMER26", "WINTER26"].map(|text| VanityCode::normalise(text).unwrap());
        let hashes =
            [index.hash(1, &summer), index.hash(2, &summer), index.hash(1, &winter), other.hash(1, &summer)];
        for (at, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..at].contains(hash));
        }
        assert_eq!(index.hash(1, &summer), hashes[0]);
    }

    #[test]
    fn debug_gives_nothing_away() {
        let code = VanityCode::normalise("SUMMER26").unwrap();
        let index = VanityIndex::new(&VanityKey::new([1; 32]));
        assert_eq!(format!("{code:?} {index:?}"), "VanityCode(***) VanityIndex(***)");
    }
}

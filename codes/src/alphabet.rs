//! The 32 characters of a code (Crockford's base 32), how typed characters are taken for them, and the check character.
//!
//! It stands alone because writing and reading must agree on it. Invariant: the check character finds every single wrong
//! character and every exchange of two characters, next to each other or not.
//!
//! The check: characters are elements of the field of 32 (polynomials over bits modulo x^5 + x^2 + 1). The n-th character
//! from the right, counted from 0, weighs x to the power of n, and the weighted sum of a right code (with a first character
//! that is not written, see [`start_of`]) is zero. The powers
//! of x up to the 30th all differ and none is zero; so one change of a character changes the sum, and an exchange of two
//! different ones does.

use crate::layout::Form;

/// The characters in the order of their values. I, L, O and U are not among them.
pub(crate) const CHARACTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Stands in front of a shown code; in no other place of any code.
pub(crate) const SHOWN_MARK: u8 = b'U';

/// What the weighted sum of a code begins with, as if a character of this value stood in front: the forms differ in it,
/// and it is not zero, so that a row of zeros is no code.
pub(crate) const fn start_of(form: Form) -> u8 {
    match form {
        Form::Printed => 1,
        Form::Shown => 2,
    }
}

const NO_DIGIT: u8 = 0xFF;
const NO_LETTER: u8 = 0;
const FULL_WIDTH_OFFSET: u32 = 0xFEE0;

/// The value of every ASCII character that is taken for one of the 32, corrections included.
static VALUES: [u8; 128] = values();

const fn values() -> [u8; 128] {
    let mut values = [NO_DIGIT; 128];
    let mut value = 0;
    while value < CHARACTERS.len() {
        let character = CHARACTERS[value];
        values[character as usize] = value as u8;
        values[character.to_ascii_lowercase() as usize] = value as u8;
        value += 1;
    }
    let corrections = [(b'O', 0), (b'I', 1), (b'L', 1)];
    let mut at = 0;
    while at < corrections.len() {
        let (character, value) = corrections[at];
        values[character as usize] = value;
        values[character.to_ascii_lowercase() as usize] = value;
        at += 1;
    }
    values
}

/// The capital letter or digit that an ASCII character stands for.
static LETTERS: [u8; 128] = letters();

const fn letters() -> [u8; 128] {
    let mut letters = [NO_LETTER; 128];
    let mut character = 0u8;
    while character < 128 {
        if character.is_ascii_alphanumeric() {
            letters[character as usize] = character.to_ascii_uppercase();
        }
        character += 1;
    }
    letters
}

/// The value of a character, if it is or is taken for one of the 32.
pub(crate) fn value_of(character: u8) -> Option<u8> {
    match VALUES.get(usize::from(character)) {
        Some(&value) if value != NO_DIGIT => Some(value),
        _ => None,
    }
}

/// What a typed character is, before anything is known about its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A letter (upper case) or digit.
    Letter(u8),
    /// A blank or hyphen of any kind.
    Separator,
    /// Anything else.
    Foreign,
}

/// Reads a typed character: case and full-width forms are made alike.
#[inline(always)]
pub(crate) fn typed(character: char) -> Typed {
    match LETTERS.get(character as usize) {
        Some(&letter) if letter != NO_LETTER => Typed::Letter(letter),
        _ => typed_otherwise(character),
    }
}

/// The same for what is not simply a letter or digit: kept out of the way of those that are.
#[cold]
fn typed_otherwise(character: char) -> Typed {
    match narrow(character) {
        letter if letter.is_ascii_alphanumeric() => Typed::Letter(letter.to_ascii_uppercase() as u8),
        '-' => Typed::Separator,
        // Blanks of all kinds, ideographic ones among them.
        blank if blank.is_whitespace() => Typed::Separator,
        // Marks that copying leaves behind, hyphens, dashes and the minus sign.
        '\u{200B}' | '\u{FEFF}' | '\u{2010}'..='\u{2015}' | '\u{2212}' => Typed::Separator,
        _ => Typed::Foreign,
    }
}

/// The ASCII character of a full-width form (U+FF01 to U+FF5E); any other character as it is.
pub(crate) fn narrow(character: char) -> char {
    match character {
        '\u{FF01}'..='\u{FF5E}' => {
            char::from_u32(character as u32 - FULL_WIDTH_OFFSET).expect("the forms mirror ASCII")
        }
        _ => character,
    }
}

/// The weighted sum of one character more: all before it move up by a power of x.
#[inline(always)]
pub(crate) const fn weigh(sum: u8, value: u8) -> u8 {
    times_x(sum) ^ value
}

/// The check character's value behind characters of this weighted sum.
#[inline(always)]
pub(crate) const fn check_of(sum: u8) -> u8 {
    times_x(sum)
}

const fn times_x(element: u8) -> u8 {
    (element << 1) ^ (0u8.wrapping_sub(element >> 4) & 0b10_0101)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of(start: u8, values: &[u8]) -> u8 {
        values.iter().fold(start, |sum, &value| weigh(sum, value))
    }

    /// Some codes without their check character, of every length in use; the sum is linear, so any would do.
    fn backgrounds() -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        for length in [17, 19] {
            for start in [Form::Printed, Form::Shown].map(start_of) {
                for seed in 0..4u32 {
                    let values = (0..length).map(|at| (seed * (at * at + 7) % 32) as u8).collect();
                    found.push((start, values));
                }
            }
        }
        found
    }

    #[test]
    fn every_single_wrong_character_is_found() {
        for (start, mut values) in backgrounds() {
            values.push(check_of(sum_of(start, &values)));
            assert_eq!(sum_of(start, &values), 0);
            for at in 0..values.len() {
                let right = values[at];
                for wrong in (0..32).filter(|wrong| *wrong != right) {
                    values[at] = wrong;
                    assert_ne!(sum_of(start, &values), 0, "{wrong} for {right} at {at}");
                }
                values[at] = right;
            }
        }
    }

    #[test]
    fn every_exchange_of_two_characters_is_found() {
        for (start, background) in backgrounds() {
            for one in 0..=background.len() {
                for other in one + 1..=background.len() {
                    for (a, b) in (0..32).flat_map(|a| (0..32).map(move |b| (a, b))).filter(|(a, b)| a != b) {
                        assert!(exchange_is_found(start, &background, (one, a), (other, b)));
                    }
                }
            }
        }
    }

    /// Puts `a` and `b` into a code, mends a third character so that the code is right, exchanges the two.
    fn exchange_is_found(start: u8, background: &[u8], one: (usize, u8), other: (usize, u8)) -> bool {
        let mut values = background.to_vec();
        values.push(0);
        values[one.0] = one.1;
        values[other.0] = other.1;
        let mends = (0..values.len()).find(|at| *at != one.0 && *at != other.0).unwrap();
        let mended = (0..32).find(|value| {
            values[mends] = *value;
            sum_of(start, &values) == 0
        });
        assert!(mended.is_some(), "some value of any character makes the sum zero");
        values.swap(one.0, other.0);
        sum_of(start, &values) != 0
    }

    #[test]
    fn a_code_is_not_right_as_one_of_the_other_form() {
        for (start, mut values) in backgrounds() {
            values.push(check_of(sum_of(start, &values)));
            let other = start_of(Form::Printed) ^ start_of(Form::Shown) ^ start;
            assert_ne!(sum_of(other, &values), 0);
        }
    }

    #[test]
    fn a_row_of_zeros_is_no_code() {
        for length in [18, 20] {
            for form in [Form::Printed, Form::Shown] {
                assert_ne!(sum_of(start_of(form), &vec![0; length]), 0);
            }
        }
    }

    #[test]
    fn characters_have_their_values_and_three_are_corrected() {
        for (value, character) in CHARACTERS.iter().enumerate() {
            assert_eq!(value_of(*character), Some(value as u8));
            assert_eq!(value_of(character.to_ascii_lowercase()), Some(value as u8));
        }
        for (typed, meant) in [(b'O', 0), (b'o', 0), (b'I', 1), (b'i', 1), (b'L', 1), (b'l', 1)] {
            assert_eq!(value_of(typed), Some(meant));
        }
        let taken = (0..=u8::MAX).filter(|character| value_of(*character).is_some()).count();
        assert_eq!(taken, 10 + 2 * 22 + 6);
        assert_eq!((value_of(b'U'), value_of(b'u'), value_of(0x80)), (None, None, None));
    }

    #[test]
    fn typed_characters_are_made_alike() {
        for (character, expected) in [
            ('a', Typed::Letter(b'A')),
            ('Z', Typed::Letter(b'Z')),
            ('7', Typed::Letter(b'7')),
            ('９', Typed::Letter(b'9')),
            ('Ａ', Typed::Letter(b'A')),
            ('ｚ', Typed::Letter(b'Z')),
            ('－', Typed::Separator),
            ('—', Typed::Separator),
            ('\u{3000}', Typed::Separator),
            ('\n', Typed::Separator),
            ('_', Typed::Foreign),
            ('！', Typed::Foreign),
            ('А', Typed::Foreign), // Cyrillic
            ('é', Typed::Foreign),
            ('🎁', Typed::Foreign),
        ] {
            assert_eq!(typed(character), expected, "{character:?}");
        }
    }
}

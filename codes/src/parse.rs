//! Reads typed text as a code, and says what is wrong with text that isn't one.
//!
//! It stands apart from the cipher because it needs no key and no look-up: a typo is told from an unknown code before
//! any campaign is looked for. Invariant: every form in which a code is printed is read as that code, and what is read
//! has the length, the characters and the check character of a code.

use crate::alphabet::{SHOWN_MARK, Typed, start_of, typed, value_of, weigh};
use crate::code::{Code, Prefix};
use crate::ff1::Halves;
use crate::layout::{Form, Layout, Locator};
use crate::limits::{
    CHARACTER_BITS, CODE_CHARACTERS_MAX, LOCATOR_CHARACTERS, PREFIX_CHARACTERS_MAX, PRINTED_CHARACTERS_MAX,
    TEXT_BYTES_MAX,
};
use core::fmt;

/// Letters and digits of the longest text that may be a code: prefix and shown code.
const LETTERS_MAX: usize = PREFIX_CHARACTERS_MAX + CODE_CHARACTERS_MAX;

/// A code as read: the campaign is known, the card is not yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parsed {
    pub(crate) prefix: Option<Prefix>,
    pub(crate) form: Form,
    pub(crate) layout: Layout,
    pub(crate) locator: Locator,
    pub(crate) payload: Halves,
}

impl Parsed {
    /// The merchant's prefix, if one was typed. No code depends on it.
    pub fn prefix(&self) -> Option<&Prefix> {
        self.prefix.as_ref()
    }

    /// Whether the code is of the kind that is printed or shown.
    pub fn form(&self) -> Form {
        self.form
    }

    /// How long it is.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The code itself, without prefix and hyphens: what is passed on for another to open.
    pub fn code(&self) -> Code {
        Code::write(self.layout, self.form, self.locator, self.payload)
    }

    /// Which campaign's key opens it.
    pub fn locator(&self) -> Locator {
        self.locator
    }
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parsed")
            .field("prefix", &self.prefix)
            .field("form", &self.form)
            .field("layout", &self.layout)
            .field("locator", &self.locator)
            .finish_non_exhaustive()
    }
}

/// Text that is no code of any campaign. Nothing of the text is repeated but a character that no code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Longer than anything that is looked at.
    #[error("a text of more than {TEXT_BYTES_MAX} bytes is not a code")]
    TooLong,
    /// Too few or too many characters.
    #[error(
        "a code has {} characters ({} if it is a short one), this has {found}: is one missing, or one too many?",
        Layout::Standard.printed_characters(),
        Layout::Short.printed_characters()
    )]
    Length {
        /// Letters and digits of the text.
        found: usize,
    },
    /// A character that no code has.
    #[error("character {position} is {found:?}, which is in no code{}", hint(*.found))]
    Character {
        /// Its place in the text, from 1; blanks and hyphens count.
        position: usize,
        /// The character, as typed.
        found: char,
    },
    /// The check character does not fit the others.
    #[error("the code is mistyped: one of its characters is wrong, or two of them are exchanged")]
    Check,
}

fn hint(found: char) -> &'static str {
    if matches!(typed(found), Typed::Letter(_)) { ": is it a V?" } else { "" }
}

/// The letters and digits of a text, and where they stand in it.
struct Letters {
    letters: [u8; LETTERS_MAX],
    /// Places in the text, from 0.
    places: [u16; LETTERS_MAX],
    count: usize,
    /// How many stand before the first blank or hyphen that follows any.
    before_separator: usize,
}

/// Reads a text as a code. Case, blanks and hyphens do not matter, full-width forms are accepted, O is read as 0, I and L
/// as 1; a merchant's prefix may stand in front, with a hyphen or blank behind it.
///
/// # Errors
/// Says what is wrong with the text. Needs neither a key nor a look-up.
pub fn parse(text: &str) -> Result<Parsed, ParseError> {
    let letters = gather(text)?;
    let (prefix, form, layout) = recognise(&letters)?;
    let begin = letters.count - layout.printed_characters();
    let mut values = [0; PRINTED_CHARACTERS_MAX];
    let mut sum = start_of(form);
    for (at, value) in (begin..letters.count).zip(&mut values) {
        *value =
            value_of(letters.letters[at]).ok_or_else(|| foreign(text, usize::from(letters.places[at])))?;
        sum = weigh(sum, *value);
    }
    if sum != 0 {
        return Err(ParseError::Check);
    }
    let (locator, payload) = values.split_at(LOCATOR_CHARACTERS);
    let (left, right) = payload.split_at(layout.half_characters());
    let payload = Halves { left: number_of(left), right: number_of(&right[..layout.half_characters()]) };
    Ok(Parsed { prefix, form, layout, locator: Locator::from_bits(number_of(locator)), payload })
}

/// The number of a few values of five bits.
fn number_of(values: &[u8]) -> u64 {
    values.iter().fold(0, |number, value| number << CHARACTER_BITS | u64::from(*value))
}

/// The letters and digits of a text.
fn gather(text: &str) -> Result<Letters, ParseError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ParseError::TooLong);
    }
    let mut letters =
        Letters { letters: [0; LETTERS_MAX], places: [0; LETTERS_MAX], count: 0, before_separator: 0 };
    for (place, character) in text.chars().enumerate() {
        match typed(character) {
            Typed::Letter(letter) => {
                // What does not fit is counted, for the message.
                if letters.count < LETTERS_MAX {
                    letters.letters[letters.count] = letter;
                    letters.places[letters.count] = place as u16;
                }
                letters.count += 1;
            }
            Typed::Separator if letters.before_separator == 0 => letters.before_separator = letters.count,
            Typed::Separator => {}
            Typed::Foreign => return Err(foreign(text, place)),
        }
    }
    Ok(letters)
}

fn foreign(text: &str, place: usize) -> ParseError {
    let found = text.chars().nth(place).expect("the place was counted in this text");
    ParseError::Character { position: place + 1, found }
}

/// Which of the forms the letters have: by their number and the mark alone. A prefix is at least so long that with it no
/// code has the length of another form, so there is one reading.
fn recognise(letters: &Letters) -> Result<(Option<Prefix>, Form, Layout), ParseError> {
    let wrong_length = ParseError::Length { found: letters.count };
    if letters.count > LETTERS_MAX {
        return Err(wrong_length);
    }
    let all = &letters.letters[..letters.count];
    if let Some((form, layout)) = form_of(all) {
        return Ok((None, form, layout));
    }
    let (before, behind) = all.split_at(letters.before_separator);
    let prefix = Prefix::of(before).map_err(|_| wrong_length)?;
    let (form, layout) = form_of(behind).ok_or(wrong_length)?;
    Ok((Some(prefix), form, layout))
}

fn form_of(letters: &[u8]) -> Option<(Form, Layout)> {
    let form = |form| Layout::ALL.into_iter().find(|layout| layout.characters(form) == letters.len());
    if let Some(layout) = form(Form::Printed) {
        return Some((Form::Printed, layout));
    }
    form(Form::Shown).filter(|_| letters.first() == Some(&SHOWN_MARK)).map(|layout| (Form::Shown, layout))
}

const _: () = assert!(TEXT_BYTES_MAX <= u16::MAX as usize, "a place is a u16");

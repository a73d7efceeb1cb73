//! A code as text: its characters, its printed form with prefix and groups, and its masked form.
//!
//! It stands between the numbers and the page. Invariant: a [`Code`] has the length of its layout and form and a right
//! check character; only [`Code::reveal`] and [`PrintedCode::reveal`] give it away, `Debug` and the masked form don't.

use crate::alphabet::{CHARACTERS, SHOWN_MARK, check_of, start_of, weigh};
use crate::ff1::Halves;
use crate::layout::{Form, Layout, Locator};
use crate::limits::{
    CHARACTER_BITS, CODE_CHARACTERS_MAX, LOCATOR_CHARACTERS, MASKED_BITS_MIN, PREFIX_CHARACTERS_MAX,
    PREFIX_CHARACTERS_MIN, PRINTED_BYTES_MAX,
};
use core::fmt;

const MASK: u8 = b'*';

/// ASCII of a bounded length, without allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Text<const BYTES_MAX: usize> {
    bytes: [u8; BYTES_MAX],
    length: u8,
}

impl<const BYTES_MAX: usize> Text<BYTES_MAX> {
    const EMPTY: Text<BYTES_MAX> = Text { bytes: [0; BYTES_MAX], length: 0 };

    fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.length)] = byte;
        self.length += 1;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(self.bytes()).expect("only ASCII is pushed")
    }
}

/// A code, without prefix and hyphens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code {
    text: Text<CODE_CHARACTERS_MAX>,
    layout: Layout,
    form: Form,
}

impl Code {
    /// Writes locator and encrypted payload, and adds the mark of a shown code and the check character.
    pub(crate) fn write(layout: Layout, form: Form, locator: Locator, payload: Halves) -> Code {
        assert!((payload.left | payload.right) >> layout.half_bits() == 0);
        let mut text = Text::EMPTY;
        let mut sum = start_of(form);
        if form == Form::Shown {
            text.push(SHOWN_MARK);
        }
        let parts = [
            (u64::from(locator.get()), LOCATOR_CHARACTERS),
            (payload.left, layout.half_characters()),
            (payload.right, layout.half_characters()),
        ];
        for (number, characters) in parts {
            for remaining in (0..characters as u32).rev() {
                let value = (number >> (remaining * CHARACTER_BITS)) as u8 & (CHARACTERS.len() as u8 - 1);
                text.push(CHARACTERS[usize::from(value)]);
                sum = weigh(sum, value);
            }
        }
        text.push(CHARACTERS[usize::from(check_of(sum))]);
        assert!(usize::from(text.length) == layout.characters(form));
        Code { text, layout, form }
    }

    /// The code itself: for its buyer, never for a log.
    pub fn reveal(&self) -> &str {
        self.text.as_str()
    }

    /// How long it is.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether it is printed or shown.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The code as people read it: behind the merchant's prefix, in groups.
    pub fn print(&self, prefix: Option<&Prefix>, groups: Groups) -> PrintedCode {
        PrintedCode(self.lay_out(prefix, groups, 0..0))
    }

    /// The code with most of it hidden, for receipts and for those who help customers: the locator, which is public, and
    /// the last characters, as many as leave 50 bits of the payload unknown (four of a standard code, two of a short
    /// one). Guessing the rest of it costs at least 2 to the power of 49 tries on average.
    pub fn mask(&self, groups: Groups) -> MaskedCode {
        let mark = self.layout.characters(self.form) - self.layout.printed_characters();
        let clear_bits = self.layout.payload_bits() - MASKED_BITS_MIN;
        let last = (clear_bits / CHARACTER_BITS) as usize;
        let hidden = mark + LOCATOR_CHARACTERS..self.layout.characters(self.form) - last;
        MaskedCode(self.lay_out(None, groups, hidden))
    }

    /// Prefix, mark and groups with hyphens between them; characters in `hidden` as stars.
    fn lay_out(
        &self,
        prefix: Option<&Prefix>,
        groups: Groups,
        hidden: core::ops::Range<usize>,
    ) -> Text<PRINTED_BYTES_MAX> {
        let mut text = Text::EMPTY;
        for byte in prefix.iter().flat_map(|prefix| prefix.text.bytes()) {
            text.push(*byte);
        }
        if prefix.is_some() {
            text.push(b'-');
        }
        let mark = self.layout.characters(self.form) - self.layout.printed_characters();
        for (at, byte) in self.text.bytes().iter().enumerate() {
            if at > 0 && at >= mark && (at - mark).is_multiple_of(groups.characters()) {
                text.push(b'-');
            }
            text.push(if hidden.contains(&at) { MASK } else { *byte });
        }
        text
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
    }
}

/// How many characters stand between hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// Four: `7K2P-X0QM-...`.
    Four,
    /// Five: `7K2PX-0QM1D-...`.
    Five,
}

impl Groups {
    fn characters(self) -> usize {
        match self {
            Groups::Four => 4,
            Groups::Five => 5,
        }
    }
}

/// A code as it is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PrintedCode(Text<PRINTED_BYTES_MAX>);

impl PrintedCode {
    /// The printed code itself: for its buyer, never for a log.
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for PrintedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrintedCode(***)")
    }
}

/// A code of which most is hidden: this one may be printed anywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MaskedCode(Text<PRINTED_BYTES_MAX>);

impl MaskedCode {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for MaskedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for MaskedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MaskedCode({self})")
    }
}

/// What a merchant has printed in front of codes, with a hyphen behind it: decoration, which no code depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    text: Text<PREFIX_CHARACTERS_MAX>,
}

/// Text that can't be a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Too few or too many characters.
    #[error(
        "a prefix has {PREFIX_CHARACTERS_MIN} to {PREFIX_CHARACTERS_MAX} characters, this one has {found}"
    )]
    Length {
        /// Characters of the text.
        found: usize,
    },
    /// A character that is neither A-Z nor 0-9.
    #[error("character {position} of a prefix is none of A-Z and 0-9")]
    Character {
        /// Its place, from 1.
        position: usize,
    },
    /// U and two more: in front of a short code that would look like a shown code.
    #[error("a prefix of three characters can't begin with U: choose another letter, or four characters")]
    Mark,
}

impl Prefix {
    /// A prefix of 3 to 8 characters A-Z and 0-9; one of three does not begin with U.
    ///
    /// # Errors
    /// If the text is anything else; lower case is not taken.
    pub fn new(text: &str) -> Result<Prefix, PrefixError> {
        if let Some(at) = text.chars().position(|c| !c.is_ascii_digit() && !c.is_ascii_uppercase()) {
            return Err(PrefixError::Character { position: at + 1 });
        }
        Prefix::of(text.as_bytes())
    }

    /// The prefix of capital letters and digits, if their number is right.
    pub(crate) fn of(letters: &[u8]) -> Result<Prefix, PrefixError> {
        if !(PREFIX_CHARACTERS_MIN..=PREFIX_CHARACTERS_MAX).contains(&letters.len()) {
            return Err(PrefixError::Length { found: letters.len() });
        }
        // Any longer one makes the whole longer than any code.
        if letters.len() + Layout::Short.printed_characters() <= CODE_CHARACTERS_MAX
            && letters[0] == SHOWN_MARK
        {
            return Err(PrefixError::Mark);
        }
        let mut text = Text::EMPTY;
        for letter in letters {
            text.push(*letter);
        }
        Ok(Prefix { text })
    }

    /// The text, without the hyphen.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(layout: Layout, form: Form) -> Code {
        let payload = Halves { left: 0x0123_4567, right: 0x1234_5678 };
        Code::write(layout, form, Locator::new(0x0F_0F0F).unwrap(), payload)
    }

    #[test]
    fn codes_are_laid_out_in_groups() {
        let prefix = Prefix::new("TEAHOUSE").unwrap();
        let standard = code(Layout::Standard, Form::Printed);
        let text = standard.reveal();
        assert_eq!(
            standard.print(None, Groups::Five).reveal(),
            [&text[..5], &text[5..10], &text[10..15], &text[15..]].join("-")
        );
        assert_eq!(
            standard.print(Some(&prefix), Groups::Four).reveal(),
            ["TEAHOUSE", &text[..4], &text[4..8], &text[8..12], &text[12..16], &text[16..]].join("-")
        );
        let shown = code(Layout::Short, Form::Shown);
        let text = shown.reveal();
        assert_eq!(
            shown.print(None, Groups::Four).reveal(),
            ["U", &text[1..5], &text[5..9], &text[9..13], &text[13..17], &text[17..]].join("-")
        );
        let longest = code(Layout::Standard, Form::Shown).print(Some(&prefix), Groups::Four);
        assert!(longest.reveal().len() <= PRINTED_BYTES_MAX);
        assert_eq!(longest.reveal().len(), 8 + 1 + 21 + 1 + 4);
    }

    #[test]
    fn a_masked_code_shows_its_campaign_and_its_end() {
        for (layout, form, expected) in [
            (Layout::Standard, Form::Printed, "0Y3RF-*****-*****-*"),
            (Layout::Short, Form::Printed, "0Y3RF-*****-*****-*"),
            (Layout::Standard, Form::Shown, "U-0Y3RF-*****-*****-*"),
        ] {
            let code = code(layout, form);
            let masked = code.mask(Groups::Five);
            assert!(masked.as_str().starts_with(expected), "{masked}");
            let hidden = masked.as_str().bytes().filter(|byte| *byte == MASK).count() as u32;
            let clear = layout.payload_characters() as u32 - hidden;
            assert!(layout.payload_bits() - (clear + 1) * CHARACTER_BITS >= MASKED_BITS_MIN);
            let end = masked.as_str().rsplit('*').next().unwrap();
            assert!(code.reveal().ends_with(end) && (2..=4).contains(&end.len()), "{masked}");
        }
    }

    #[test]
    fn debug_gives_no_code_away() {
        let code = code(Layout::Standard, Form::Printed);
        assert_eq!(format!("{code:?} {:?}", code.print(None, Groups::Four)), "Code(***) PrintedCode(***)");
        assert!(format!("{:?}", code.mask(Groups::Four)).contains("****-****"));
    }

    #[test]
    fn prefixes_that_could_be_part_of_a_code_are_refused() {
        assert_eq!(Prefix::new("TEA").unwrap().as_str(), "TEA");
        assert_eq!(Prefix::new("UNIT").unwrap().as_str(), "UNIT");
        assert_eq!(Prefix::new("USA"), Err(PrefixError::Mark));
        assert_eq!(Prefix::new("AB"), Err(PrefixError::Length { found: 2 }));
        assert_eq!(Prefix::new("ABCDEFGHI"), Err(PrefixError::Length { found: 9 }));
        assert_eq!(Prefix::new("TEa"), Err(PrefixError::Character { position: 3 }));
        assert_eq!(Prefix::new("茶馆茶馆"), Err(PrefixError::Character { position: 1 }));
    }
}

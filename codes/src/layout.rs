//! What a code says, as numbers: which campaign, which card of it, which reissue, and how many bits stand for that.
//!
//! It stands below the text and the cipher because both need it. Invariant: a value that exists fits into its bits, so
//! that putting it into a payload can't fail.

use crate::limits::{
    CHARACTER_BITS, GENERATION_BITS, LOCATOR_BITS, LOCATOR_CHARACTERS, PAYLOAD_BITS_MAX, PAYLOAD_BITS_MIN,
    SERIAL_BITS, STEP_MS,
};

/// The number that stands in front of a code and names its campaign: 25 bits, public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locator(u32);

impl Locator {
    /// The largest locator.
    pub const MAX: Locator = Locator((1 << LOCATOR_BITS) - 1);

    /// A locator, if it fits into 25 bits.
    pub const fn new(number: u32) -> Option<Locator> {
        if number <= Locator::MAX.0 { Some(Locator(number)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The locator of five characters.
    pub(crate) const fn from_bits(bits: u64) -> Locator {
        assert!(bits >> LOCATOR_BITS == 0);
        Locator(bits as u32)
    }
}

/// A card's number within its campaign: 33 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(u64);

impl Serial {
    /// The largest serial.
    pub const MAX: Serial = Serial((1 << SERIAL_BITS) - 1);

    /// A serial, if it fits into 33 bits.
    pub const fn new(number: u64) -> Option<Serial> {
        if number <= Serial::MAX.0 { Some(Serial(number)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// How often a card's code has been reissued: 5 bits. A new generation makes the code of an older one worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u8);

impl Generation {
    /// The generation a card begins with.
    pub const FIRST: Generation = Generation(0);
    /// The largest generation.
    pub const MAX: Generation = Generation((1 << GENERATION_BITS) - 1);

    /// A generation, if it fits into 5 bits.
    pub const fn new(number: u8) -> Option<Generation> {
        if number <= Generation::MAX.0 { Some(Generation(number)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// The card that a code names, within the campaign of its locator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Card {
    /// Which card.
    pub serial: Serial,
    /// Which of its codes.
    pub generation: Generation,
}

impl Card {
    /// Serial and generation side by side: 38 bits.
    pub(crate) const fn to_bits(self) -> u64 {
        self.serial.0 << GENERATION_BITS | self.generation.0 as u64
    }

    /// The card of 38 bits.
    pub(crate) const fn from_bits(bits: u64) -> Card {
        assert!(bits >> (SERIAL_BITS + GENERATION_BITS) == 0);
        Card {
            serial: Serial(bits >> GENERATION_BITS),
            generation: Generation(bits as u8 & Generation::MAX.0),
        }
    }
}

/// A step of 30 s, counted from the Unix epoch: what a shown code is valid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub u32);

impl Step {
    /// The step that `now_ms` (milliseconds since the Unix epoch) lies in; from the year 6053 on, the last one.
    pub const fn at_ms(now_ms: u64) -> Step {
        let step = now_ms / STEP_MS;
        if step < u32::MAX as u64 { Step(step as u32) } else { Step(u32::MAX) }
    }
}

/// Whether a code is printed once and for all, or shown for a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// On a card, in a message: valid as long as its card is.
    Printed,
    /// On a screen (动态码): valid for its step and the two after it.
    Shown,
}

/// How long a campaign's codes are. The locator, the serial and the generation are the same in both; what a short code
/// lacks is taken from its zero tag. The lengths lie two apart, so that one character too many or too few is never the
/// other layout. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Layout {
    /// 20 characters, 70 bits of payload, 32 of them the zero tag.
    Standard = 1,
    /// 18 characters, 60 bits of payload, 22 of them the zero tag: for cards of low value.
    Short = 2,
}

impl Layout {
    /// All layouts, in the order of their numbers.
    pub const ALL: [Layout; 2] = [Layout::Standard, Layout::Short];

    /// The number that names the layout where it is stored.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The layout of a number.
    pub const fn from_number(number: u8) -> Option<Layout> {
        match number {
            1 => Some(Layout::Standard),
            2 => Some(Layout::Short),
            _ => None,
        }
    }

    /// Characters of the payload.
    pub const fn payload_characters(self) -> usize {
        match self {
            Layout::Standard => 14,
            Layout::Short => 12,
        }
    }

    /// Bits of the payload.
    pub const fn payload_bits(self) -> u32 {
        self.payload_characters() as u32 * CHARACTER_BITS
    }

    /// Bits of the zero tag: of the codes that anyone makes up, one in 2 to the power of this names a card at all.
    pub const fn tag_bits(self) -> u32 {
        self.payload_bits() - SERIAL_BITS - GENERATION_BITS
    }

    /// Characters of each half of the payload, as FF1 cuts it.
    pub(crate) const fn half_characters(self) -> usize {
        self.payload_characters() / 2
    }

    /// Bits of each half of the payload.
    pub(crate) const fn half_bits(self) -> u32 {
        self.payload_bits() / 2
    }

    /// Characters of a printed code: locator, payload, check character.
    pub const fn printed_characters(self) -> usize {
        LOCATOR_CHARACTERS + self.payload_characters() + 1
    }

    /// Characters of a code of `form`, without prefix and hyphens.
    pub const fn characters(self, form: Form) -> usize {
        match form {
            Form::Printed => self.printed_characters(),
            Form::Shown => self.printed_characters() + 1,
        }
    }

    /// The strength against guessing: one code made up by chance, with a right check character, hits one of `live_cards`
    /// with a probability of at most 2 to the power of minus this. A campaign without cards counts as one with one.
    pub const fn strength_bits(self, live_cards: u64) -> u32 {
        let cards_bits = u64::BITS - live_cards.saturating_sub(1).leading_zeros();
        self.payload_bits().saturating_sub(cards_bits)
    }
}

const _: () = assert!(Layout::Standard.payload_bits() == PAYLOAD_BITS_MAX);
const _: () = assert!(Layout::Short.payload_bits() >= PAYLOAD_BITS_MIN);
const _: () = assert!(Layout::Standard.payload_characters().is_multiple_of(2));
const _: () = assert!(Layout::Short.payload_characters().is_multiple_of(2));
const _: () = assert!(Layout::Standard.half_bits() > Layout::Standard.tag_bits());
const _: () = assert!(Layout::Short.half_bits() > Layout::Short.tag_bits());
const _: () = assert!(Layout::Standard.printed_characters() == Layout::Short.printed_characters() + 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_is_what_guessing_costs() {
        assert_eq!(Layout::Standard.strength_bits(100_000_000), 43);
        assert_eq!(Layout::Short.strength_bits(100_000_000), 33);
        assert_eq!(Layout::Standard.strength_bits(0), 70);
        assert_eq!(Layout::Standard.strength_bits(1), 70);
        assert_eq!(Layout::Standard.strength_bits(2), 69);
        assert_eq!(Layout::Standard.strength_bits(3), 68);
        assert_eq!(Layout::Standard.strength_bits(u64::MAX), 6);
        assert_eq!(Layout::Short.strength_bits(u64::MAX), 0, "not below nothing");
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert_eq!(Locator::new(1 << 25), None);
        assert_eq!(Locator::new((1 << 25) - 1), Some(Locator::MAX));
        assert_eq!(Serial::new(1 << 33), None);
        assert_eq!(Serial::new((1 << 33) - 1), Some(Serial::MAX));
        assert_eq!(Generation::new(32), None);
        assert_eq!(Generation::new(31), Some(Generation::MAX));
    }

    #[test]
    fn a_card_is_38_bits_and_back() {
        for (serial, generation) in [(0, 0), (1, 31), ((1 << 33) - 1, 31), (0x1_2345_6789, 7)] {
            let card = Card {
                serial: Serial::new(serial).unwrap(),
                generation: Generation::new(generation).unwrap(),
            };
            assert_eq!(card.to_bits(), serial << 5 | u64::from(generation));
            assert_eq!(Card::from_bits(card.to_bits()), card);
        }
    }

    #[test]
    fn steps_last_thirty_seconds_and_end_without_wrapping() {
        assert_eq!(Step::at_ms(0), Step(0));
        assert_eq!(Step::at_ms(29_999), Step(0));
        assert_eq!(Step::at_ms(30_000), Step(1));
        assert_eq!(Step::at_ms(u64::MAX), Step(u32::MAX));
    }

    #[test]
    fn layouts_keep_their_numbers() {
        for layout in Layout::ALL {
            assert_eq!(Layout::from_number(layout.number()), Some(layout));
        }
        assert_eq!((Layout::Standard.number(), Layout::Short.number()), (1, 2));
        assert_eq!((Layout::from_number(0), Layout::from_number(3)), (None, None));
        assert_eq!((Layout::Standard.tag_bits(), Layout::Short.tag_bits()), (32, 22));
    }
}

//! Every maximum of codes, in one place, tied together by const assertions. They are part of the printed form: none of
//! them can change once a code is out.

/// Bits of one character of a code.
pub const CHARACTER_BITS: u32 = 5;
/// Characters that name the campaign.
pub const LOCATOR_CHARACTERS: usize = 5;
/// Bits of a locator.
pub const LOCATOR_BITS: u32 = LOCATOR_CHARACTERS as u32 * CHARACTER_BITS;
/// Bits of a card's number within its campaign.
pub const SERIAL_BITS: u32 = 33;
/// Bits of the count of a card's reissues.
pub const GENERATION_BITS: u32 = 5;
/// Bits of payload below which a code could be found by trying; shorter ones would need a PIN beside them.
pub const PAYLOAD_BITS_MIN: u32 = 60;
/// Bits of the longest payload.
pub const PAYLOAD_BITS_MAX: u32 = 70;
/// Characters of the longest printed code.
pub const PRINTED_CHARACTERS_MAX: usize = 20;
/// Characters of the longest code: a shown one has its mark in front.
pub const CODE_CHARACTERS_MAX: usize = PRINTED_CHARACTERS_MAX + 1;
/// Characters of a merchant's prefix, at least: together with the shortest code it must be longer than any code.
pub const PREFIX_CHARACTERS_MIN: usize = 3;
/// Characters of a merchant's prefix, at most.
pub const PREFIX_CHARACTERS_MAX: usize = 8;
/// Bytes of a code with prefix and hyphens, at most: a hyphen behind the prefix, the mark and every four characters.
pub const PRINTED_BYTES_MAX: usize = PREFIX_CHARACTERS_MAX + 1 + CODE_CHARACTERS_MAX + 1 + 4;
/// Bytes of a text that is looked at as a code at all.
pub const TEXT_BYTES_MAX: usize = 256;
/// Characters of a vanity or imported code, at least.
pub const VANITY_CHARACTERS_MIN: usize = 3;
/// Characters of a vanity or imported code, at most.
pub const VANITY_CHARACTERS_MAX: usize = 32;
/// Length of a step of a shown code.
pub const STEP_MS: u64 = 30_000;
/// A shown code is accepted in its own step and in this many after it: at least 60 s from any moment of its own step.
pub const STEPS_AFTER: u32 = 2;
/// And in this many before it, by a clock that is behind the one it was made by.
pub const STEPS_BEFORE: u32 = 1;
/// Bits of a binary string that FF1 takes here, at least (what is known about its rounds says nothing good of shorter ones).
pub const FF1_BITS_MIN: u32 = 40;
/// Bits of a binary string that FF1 takes here, at most.
pub const FF1_BITS_MAX: u32 = 80;
/// Bytes of a tweak, at most.
pub const FF1_TWEAK_BYTES_MAX: usize = 64;
/// What is left unknown of a masked code: the rest of the payload, at least.
pub const MASKED_BITS_MIN: u32 = 50;

const _: () = assert!(FF1_BITS_MIN <= PAYLOAD_BITS_MIN && PAYLOAD_BITS_MAX <= FF1_BITS_MAX);
const _: () = assert!(PAYLOAD_BITS_MIN > SERIAL_BITS + GENERATION_BITS, "there is always a tag");
const _: () = assert!(
    PRINTED_CHARACTERS_MAX as u32 * CHARACTER_BITS == LOCATOR_BITS + PAYLOAD_BITS_MAX + CHARACTER_BITS
);
const _: () =
    assert!(CODE_CHARACTERS_MAX < 31, "the check character weighs at most 31 positions differently");
const _: () = assert!((STEPS_AFTER as u64) * STEP_MS >= 60_000, "a shown code lives for 60 s");
const _: () = assert!(PRINTED_BYTES_MAX <= TEXT_BYTES_MAX && TEXT_BYTES_MAX <= u16::MAX as usize);

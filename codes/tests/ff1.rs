//! FF1 against others: the samples that NIST publishes, and the `fpe` crate over random keys, tweaks, lengths and strings.

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Aes192Enc, Aes256, Aes256Enc};
use fpe::ff1::{BinaryNumeralString, FF1, FlexibleNumeralString};
use proptest::prelude::*;
use scrip_codes::ff1::{Bits, Digits, Ff1, Halves, Numerals};

const KEY: [u8; 32] = [
    0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F, 0x3C, 0xEF,
    0x43, 0x59, 0xD8, 0xD5, 0x80, 0xAA, 0x4F, 0x7F, 0x03, 0x6D, 0x6F, 0x04, 0xFC, 0x6A, 0x94,
];

/// A tweak, a radix, a plain text, and what it becomes under AES-128, AES-192 and AES-256.
type Sample = (&'static [u8], u32, &'static str, [&'static str; 3]);

/// FF1samples.pdf, samples 1 to 9.
const SAMPLES: [Sample; 3] = [
    (b"", 10, "0123456789", ["2433477484", "2830668132", "6657667009"]),
    (b"9876543210", 10, "0123456789", ["6124200773", "2496655549", "1001623463"]),
    (
        b"7777pqrs777",
        36,
        "0123456789abcdefghi",
        ["a9tv40mll9kdu509eum", "xbj3kv35jrawxv32ysr", "xs8a0azh2avyalyzuwd"],
    ),
];

fn numbers_of(text: &str, radix: u32) -> Halves {
    let (left, right) = text.split_at(text.len() / 2);
    Halves {
        left: u64::from_str_radix(left, radix).unwrap(),
        right: u64::from_str_radix(right, radix).unwrap(),
    }
}

fn check_sample<C: BlockCipherEncrypt<BlockSize = U16> + KeyInit>(
    sample: &Sample,
    key: &[u8],
    expected: &str,
) {
    let (tweak, radix, plain, _) = *sample;
    let digits = Digits::new(radix, plain.len() as u32).unwrap();
    let ff1 = Ff1::new(C::new_from_slice(key).unwrap(), digits);
    let tweaked = ff1.tweaked(tweak);
    let encrypted = ff1.encrypt(tweaked, numbers_of(plain, radix));
    assert!(encrypted == numbers_of(expected, radix), "{plain} with {tweak:?} becomes {expected}");
    assert!(ff1.decrypt(tweaked, encrypted) == numbers_of(plain, radix), "{expected} becomes {plain}");
}

#[test]
fn the_published_samples_come_out() {
    for sample in &SAMPLES {
        check_sample::<Aes128Enc>(sample, &KEY[..16], sample.3[0]);
        check_sample::<Aes192Enc>(sample, &KEY[..24], sample.3[1]);
        check_sample::<Aes256Enc>(sample, &KEY, sample.3[2]);
    }
}

/// The numerals of a number, highest first.
fn numerals_of(mut number: u128, radix: u32, count: usize) -> Vec<u16> {
    let mut numerals = vec![0; count];
    for numeral in numerals.iter_mut().rev() {
        *numeral = (number % u128::from(radix)) as u16;
        number /= u128::from(radix);
    }
    assert_eq!(number, 0);
    numerals
}

fn number_of(numerals: &[u16], radix: u32) -> u128 {
    numerals.iter().fold(0, |number, numeral| number * u128::from(radix) + u128::from(*numeral))
}

fn encrypted_elsewhere(key: &[u8; 32], radix: u32, tweak: &[u8], numerals: Vec<u16>) -> Vec<u16> {
    let other = FF1::<Aes256>::new(key, radix).unwrap();
    other.encrypt(tweak, &FlexibleNumeralString::from(numerals)).unwrap().into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn strings_of_bits_are_encrypted_as_elsewhere(
        key: [u8; 32],
        tweak in proptest::collection::vec(any::<u8>(), 0..=40),
        length in 40u32..=80,
        string: u128,
    ) {
        let string = string & ((1 << length) - 1);
        let bits = Bits::new(length);
        let ff1 = Ff1::new(Aes256Enc::new(&key.into()), bits);
        let tweaked = ff1.tweaked(&tweak);
        let encrypted = bits.join(ff1.encrypt(tweaked, bits.split(string)));
        let expected = encrypted_elsewhere(&key, 2, &tweak, numerals_of(string, 2, length as usize));
        prop_assert_eq!(encrypted, number_of(&expected, 2));
        prop_assert_eq!(bits.join(ff1.decrypt(tweaked, bits.split(encrypted))), string);
    }

    #[test]
    fn whole_bytes_are_encrypted_as_by_the_other_form_elsewhere(
        key: [u8; 32],
        tweak in proptest::collection::vec(any::<u8>(), 0..=12),
        bytes in 5usize..=10,
        string: u128,
    ) {
        let length = 8 * bytes as u32;
        let string = string & ((1 << length) - 1);
        let bits = Bits::new(length);
        let ff1 = Ff1::new(Aes256Enc::new(&key.into()), bits);
        let encrypted = bits.join(ff1.encrypt(ff1.tweaked(&tweak), bits.split(string)));
        // There, the first numeral is the lowest bit of the first byte.
        let reversed = string.reverse_bits() >> (u128::BITS - length);
        let other = FF1::<Aes256>::new(&key, 2).unwrap();
        let input = BinaryNumeralString::from_bytes_le(&reversed.to_le_bytes()[..bytes]);
        let output = other.encrypt(&tweak, &input).unwrap().to_bytes_le();
        let mut expected = [0; 16];
        expected[..bytes].copy_from_slice(&output);
        prop_assert_eq!(encrypted, u128::from_le_bytes(expected).reverse_bits() >> (u128::BITS - length));
    }

    #[test]
    fn digits_of_any_radix_are_encrypted_as_elsewhere(
        key: [u8; 32],
        tweak in proptest::collection::vec(any::<u8>(), 0..=20),
        (radix, length) in prop_oneof![(2u32..=40, 6u32..=24), (2u32..=65_535, 4u32..=8)],
        left: u64,
        right: u64,
    ) {
        let Some(digits) = Digits::new(radix, length) else { return Ok(()) };
        let (short, long) = (length as usize / 2, length as usize - length as usize / 2);
        let size = |count: usize| u128::from(radix).pow(count as u32);
        let string = Halves {
            left: (u128::from(left) % size(short)) as u64,
            right: (u128::from(right) % size(long)) as u64,
        };
        let ff1 = Ff1::new(Aes256Enc::new(&key.into()), digits);
        let tweaked = ff1.tweaked(&tweak);
        let encrypted = ff1.encrypt(tweaked, string);
        let mut numerals = numerals_of(string.left.into(), radix, short);
        numerals.extend(numerals_of(string.right.into(), radix, long));
        let expected = encrypted_elsewhere(&key, radix, &tweak, numerals);
        prop_assert_eq!(u128::from(encrypted.left), number_of(&expected[..short], radix));
        prop_assert_eq!(u128::from(encrypted.right), number_of(&expected[short..], radix));
        prop_assert!(ff1.decrypt(tweaked, encrypted) == string);
    }

    #[test]
    fn both_arithmetics_agree_on_bits(key: [u8; 32], length in 40u32..=80, string: u128) {
        let bits = Bits::new(length);
        let digits = Digits::new(2, length).unwrap();
        prop_assert_eq!((bits.radix(), bits.half_bytes()), (digits.radix(), digits.half_bytes()));
        let special = Ff1::new(Aes256Enc::new(&key.into()), bits);
        let general = Ff1::new(Aes256Enc::new(&key.into()), digits);
        let halves = bits.split(string & ((1 << length) - 1));
        let encrypted = special.encrypt(special.tweaked(b"tweak"), halves);
        prop_assert!(encrypted == general.encrypt(general.tweaked(b"tweak"), halves));
    }
}

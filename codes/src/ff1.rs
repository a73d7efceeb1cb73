//! FF1 of NIST SP 800-38G: encryption of short strings of numerals into strings of the same form, on machine words.
//!
//! It stands here because what a code needs is a permutation of 60 or 70 bits, and the general libraries work it out with
//! big numbers and allocations (docs/adr/0013 has the figures). Both halves of a string are kept as one number each, of
//! at most 64 bits. [`Bits`] (radix 2, what codes use) and [`Digits`] (any radix, what the published samples use) differ
//! in nothing but the arithmetic modulo a half's size, so the samples vouch for the rounds of both.
//!
//! What the standard hashes in every round, P and Q, differs between rounds only in the last block: all before it is the
//! same for a key, a length and a tweak, and is worked out once ([`Tweaked`]). A round then costs one block of AES.
//! Invariant: encryption and decryption with the same [`Tweaked`] undo each other.

use crate::limits::{FF1_BITS_MAX, FF1_BITS_MIN, FF1_TWEAK_BYTES_MAX};
use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser};
use core::fmt;

const ROUNDS: u32 = 10;
const BLOCK_BYTES: usize = 16;

/// A string of numerals as the numbers of its two halves. The left half is the shorter one if the length is odd.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Halves {
    /// The first half of the numerals, read as a number.
    pub left: u64,
    /// The other half.
    pub right: u64,
}

impl fmt::Debug for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Halves(***)")
    }
}

/// Which strings are permuted: their radix and length, and the arithmetic on their halves.
pub trait Numerals: Copy {
    /// How many different numerals there are.
    fn radix(self) -> u32;
    /// Numerals of a string.
    fn length(self) -> u32;
    /// Bytes of the larger half's greatest number.
    fn half_bytes(self) -> u32;
    /// `number + y`, modulo the size of the left (`even`) or right half.
    fn add(self, even: bool, number: u64, y: u128) -> u64;
    /// `number - y`, modulo the size of the left (`even`) or right half.
    fn subtract(self, even: bool, number: u64, y: u128) -> u64;
}

/// Strings of bits.
#[derive(Debug, Clone, Copy)]
pub struct Bits {
    length: u32,
    left_mask: u64,
    right_mask: u64,
}

impl Bits {
    /// Strings of `length` bits.
    ///
    /// # Panics
    /// If there are fewer than 40 or more than 80.
    pub const fn new(length: u32) -> Bits {
        assert!(length >= FF1_BITS_MIN && length <= FF1_BITS_MAX);
        let left = length / 2;
        Bits { length, left_mask: (1 << left) - 1, right_mask: (1 << (length - left)) - 1 }
    }

    /// Cuts a string in two.
    ///
    /// # Panics
    /// If it has more bits.
    pub const fn split(self, string: u128) -> Halves {
        assert!(string >> self.length == 0);
        let right_bits = self.length - self.length / 2;
        Halves { left: (string >> right_bits) as u64, right: string as u64 & self.right_mask }
    }

    /// Puts two halves together.
    pub const fn join(self, halves: Halves) -> u128 {
        let right_bits = self.length - self.length / 2;
        (halves.left as u128) << right_bits | halves.right as u128
    }
}

impl Numerals for Bits {
    fn radix(self) -> u32 {
        2
    }

    fn length(self) -> u32 {
        self.length
    }

    fn half_bytes(self) -> u32 {
        (self.length - self.length / 2).div_ceil(8)
    }

    #[inline(always)]
    fn add(self, even: bool, number: u64, y: u128) -> u64 {
        number.wrapping_add(y as u64) & if even { self.left_mask } else { self.right_mask }
    }

    #[inline(always)]
    fn subtract(self, even: bool, number: u64, y: u128) -> u64 {
        number.wrapping_sub(y as u64) & if even { self.left_mask } else { self.right_mask }
    }
}

/// Strings of numerals of any radix, as the published samples have them. Slower: it divides.
#[derive(Debug, Clone, Copy)]
pub struct Digits {
    radix: u32,
    length: u32,
    left_size: u128,
    right_size: u128,
}

impl Digits {
    /// Strings of `length` numerals, or nothing if the standard or 64 bits per half do not allow them.
    pub fn new(radix: u32, length: u32) -> Option<Digits> {
        let allowed = (2..=65_536).contains(&radix) && u128::from(radix).checked_pow(length)? >= 1_000_000;
        let left_size = u128::from(radix).checked_pow(length / 2)?;
        let right_size = u128::from(radix).checked_pow(length - length / 2)?;
        (allowed && right_size <= 1 << 64).then_some(Digits { radix, length, left_size, right_size })
    }

    #[inline(always)]
    fn size(self, even: bool) -> u128 {
        if even { self.left_size } else { self.right_size }
    }
}

impl Numerals for Digits {
    fn radix(self) -> u32 {
        self.radix
    }

    fn length(self) -> u32 {
        self.length
    }

    fn half_bytes(self) -> u32 {
        (u128::BITS - (self.right_size - 1).leading_zeros()).div_ceil(8)
    }

    #[inline(always)]
    fn add(self, even: bool, number: u64, y: u128) -> u64 {
        let size = self.size(even);
        ((u128::from(number) + y % size) % size) as u64
    }

    #[inline(always)]
    fn subtract(self, even: bool, number: u64, y: u128) -> u64 {
        let size = self.size(even);
        ((u128::from(number) + size - y % size) % size) as u64
    }
}

/// A tweak, made ready for a key and a length: the state of the CBC-MAC before the last block, with what of that block
/// is the same in every round already in it.
#[derive(Clone, Copy)]
pub struct Tweaked(u128);

impl fmt::Debug for Tweaked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tweaked(***)")
    }
}

/// FF1 with a block cipher (of blocks of 16 bytes) on strings of one radix and length.
#[derive(Clone)]
pub struct Ff1<C, N> {
    cipher: C,
    numerals: N,
}

impl<C, N: fmt::Debug> fmt::Debug for Ff1<C, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ff1").field("numerals", &self.numerals).finish_non_exhaustive()
    }
}

impl<C: BlockCipherEncrypt<BlockSize = U16>, N: Numerals> Ff1<C, N> {
    /// FF1 under the key that `cipher` has.
    pub fn new(cipher: C, numerals: N) -> Ff1<C, N> {
        assert!(numerals.half_bytes() <= 8, "a half is a number of 64 bits");
        Ff1 { cipher, numerals }
    }

    /// The strings it permutes.
    pub fn numerals(&self) -> N {
        self.numerals
    }

    /// Makes a tweak ready, with one block of AES, and another for each block of Q before the last: beside halves of up to
    /// 40 bits, a tweak of up to ten bytes has none.
    ///
    /// # Panics
    /// If it has more than 64 bytes.
    pub fn tweaked(&self, tweak: &[u8]) -> Tweaked {
        assert!(tweak.len() <= FF1_TWEAK_BYTES_MAX);
        let half_bytes = self.numerals.half_bytes() as usize;
        let blocks = (tweak.len() + 1 + half_bytes).div_ceil(BLOCK_BYTES);
        let mut state = self.encrypt_block(self.parameters(tweak.len()));
        for block in 0..blocks - 1 {
            state = self.encrypt_block(state ^ tweak_block(tweak, block));
        }
        Tweaked(state ^ tweak_block(tweak, blocks - 1))
    }

    /// Encrypts a string.
    pub fn encrypt(&self, tweaked: Tweaked, string: Halves) -> Halves {
        let [out] = self.encrypt_each([tweaked], [string]);
        out
    }

    /// Decrypts a string.
    pub fn decrypt(&self, tweaked: Tweaked, string: Halves) -> Halves {
        let [out] = self.decrypt_each([tweaked], [string]);
        out
    }

    /// Encrypts several strings side by side. The rounds of one wait for each other; those of several overlap.
    pub fn encrypt_each<const LANES: usize>(
        &self,
        tweaked: [Tweaked; LANES],
        mut strings: [Halves; LANES],
    ) -> [Halves; LANES] {
        let (numerals, strings_in_place) = (self.numerals, &mut strings);
        let rounds = Rounds::<'_, N, LANES, true> { numerals, tweaked, strings: strings_in_place };
        self.cipher.encrypt_with_backend(rounds);
        strings
    }

    /// Decrypts several strings side by side.
    pub fn decrypt_each<const LANES: usize>(
        &self,
        tweaked: [Tweaked; LANES],
        mut strings: [Halves; LANES],
    ) -> [Halves; LANES] {
        let (numerals, strings_in_place) = (self.numerals, &mut strings);
        let rounds = Rounds::<'_, N, LANES, false> { numerals, tweaked, strings: strings_in_place };
        self.cipher.encrypt_with_backend(rounds);
        strings
    }

    /// The block P of the standard.
    fn parameters(&self, tweak_bytes: usize) -> u128 {
        let mut block = [0; BLOCK_BYTES];
        block[..3].copy_from_slice(&[1, 2, 1]);
        block[3..6].copy_from_slice(&self.numerals.radix().to_be_bytes()[1..]);
        block[6] = ROUNDS as u8;
        block[7] = (self.numerals.length() / 2) as u8;
        block[8..12].copy_from_slice(&self.numerals.length().to_be_bytes());
        block[12..].copy_from_slice(&(tweak_bytes as u32).to_be_bytes());
        u128::from_be_bytes(block)
    }

    fn encrypt_block(&self, block: u128) -> u128 {
        let mut block = Array(block.to_be_bytes());
        self.cipher.encrypt_block(&mut block);
        u128::from_be_bytes(block.0)
    }
}

/// The block of Q with number `number`, before round and half are in it: bytes of the tweak, then zeros.
fn tweak_block(tweak: &[u8], number: usize) -> u128 {
    let mut block = [0; BLOCK_BYTES];
    for (at, byte) in block.iter_mut().enumerate() {
        *byte = tweak.get(number * BLOCK_BYTES + at).copied().unwrap_or(0);
    }
    u128::from_be_bytes(block)
}

/// The ten rounds on several strings, as what the cipher calls with the processor's own instructions in reach: asked
/// block by block, it would look for them each time.
struct Rounds<'a, N, const LANES: usize, const ENCRYPT: bool> {
    numerals: N,
    tweaked: [Tweaked; LANES],
    strings: &'a mut [Halves; LANES],
}

impl<N, const LANES: usize, const ENCRYPT: bool> BlockSizeUser for Rounds<'_, N, LANES, ENCRYPT> {
    type BlockSize = U16;
}

impl<N: Numerals, const LANES: usize, const ENCRYPT: bool> BlockCipherEncClosure
    for Rounds<'_, N, LANES, ENCRYPT>
{
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let half_bits = self.numerals.half_bytes() * 8;
        // Of the hash, the first d = 4 * ceil(b / 4) + 4 bytes count.
        let shift = u128::BITS - 8 * (4 * self.numerals.half_bytes().div_ceil(4) + 4);
        let mut strings = *self.strings;
        for step in 0..ROUNDS {
            let round = if ENCRYPT { step } else { ROUNDS - 1 - step };
            let even = round.is_multiple_of(2);
            let mut blocks: [Block<B>; LANES] = core::array::from_fn(|lane| {
                let half = if ENCRYPT { strings[lane].right } else { strings[lane].left };
                Array(
                    (self.tweaked[lane].0 ^ u128::from(round) << half_bits ^ u128::from(half)).to_be_bytes(),
                )
            });
            for block in &mut blocks {
                backend.encrypt_block(block.into());
            }
            for (Halves { left, right }, block) in strings.iter_mut().zip(blocks) {
                let y = u128::from_be_bytes(block.0) >> shift;
                (*left, *right) = if ENCRYPT {
                    (*right, self.numerals.add(even, *left, y))
                } else {
                    (self.numerals.subtract(even, *right, y), *left)
                };
            }
        }
        *self.strings = strings;
    }
}

const _: () = assert!(ROUNDS <= u8::MAX as u32);
const _: () = assert!(FF1_BITS_MAX / 2 <= u8::MAX as u32, "P has one byte for the left half's length");

#[cfg(test)]
mod tests {
    use super::*;
    use aes::Aes256Enc;
    use aes::cipher::KeyInit;

    #[test]
    fn strings_are_cut_and_joined() {
        for length in FF1_BITS_MIN..=FF1_BITS_MAX {
            let bits = Bits::new(length);
            let string = 0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF & ((1 << length) - 1);
            let halves = bits.split(string);
            assert_eq!(halves.left, (string >> length.div_ceil(2)) as u64);
            assert_eq!(bits.join(halves), string);
        }
    }

    #[test]
    fn strings_side_by_side_come_out_as_one_by_one() {
        let bits = Bits::new(70);
        let ff1 = Ff1::new(Aes256Enc::new(&[7; 32].into()), bits);
        let tweaks = [b"a".as_slice(), b"bb", b"", b"a"].map(|tweak| ff1.tweaked(tweak));
        let strings = [1, 2, 3, 4].map(|string| bits.split(string << 40 | string));
        let together = ff1.encrypt_each(tweaks, strings);
        for lane in 0..4 {
            assert_eq!(ff1.encrypt(tweaks[lane], strings[lane]), together[lane]);
            assert_eq!(ff1.decrypt(tweaks[lane], together[lane]), strings[lane]);
        }
        assert_eq!(ff1.decrypt_each(tweaks, together), strings);
    }

    #[test]
    fn strings_the_standard_or_the_words_forbid_are_refused() {
        assert!(Digits::new(10, 5).is_none(), "fewer than a million strings");
        assert!(Digits::new(10, 6).is_some());
        assert!(Digits::new(1, 30).is_none());
        assert!(Digits::new(65_537, 4).is_none());
        assert!(Digits::new(36, 26).is_none(), "a half beyond 64 bits");
        assert!(Digits::new(2, 128).is_none(), "beyond what a number holds");
    }
}

//! Operation ids without a syscall: shaped like a UUIDv7, made from the server's time and a number that counts up.
//!
//! Invariant: within one run no two numbers give the same id, and the number can be read back from the id, so that a
//! ledger of ids is enough to say again what each operation asked for.

use scrip_engine::ids::OperationId;

/// Numbers of one thread: 2^40 and more are the next thread's.
pub(crate) const THREAD_SHIFT: u32 = 40;
/// Tells the number of a checkout's EXTEND, RETURN, REVEAL or KEY_REPLACE from its own.
pub(crate) const OWN_NUMBER: u64 = 1 << 63;

const FIRST: u64 = 0xbf58_476d_1ce4_e5b9;
const SECOND: u64 = 0x94d0_49bb_1331_11eb;
/// The inverses of the two, modulo 2^64.
const FIRST_BACK: u64 = 0x96de_1b17_3f11_9089;
const SECOND_BACK: u64 = 0x3196_42b2_d24d_8ec3;

const VERSION: u128 = 7 << 76;
const VARIANT: u128 = 0b10 << 62;
const LOW_BITS: u64 = (1 << 62) - 1;

/// Mixes a number so that all bits of the result depend on all of its own; no two give the same (SplitMix64).
#[inline]
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(FIRST);
    let number = (number ^ number >> 27).wrapping_mul(SECOND);
    number ^ number >> 31
}

/// The number that [`mix`] made this of.
pub(crate) const fn unmix(mixed: u64) -> u64 {
    let number = (mixed ^ mixed >> 31 ^ mixed >> 62).wrapping_mul(SECOND_BACK);
    let number = (number ^ number >> 27 ^ number >> 54).wrapping_mul(FIRST_BACK);
    number ^ number >> 30 ^ number >> 60
}

/// Makes the ids of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids {
    salt: u64,
}

impl Ids {
    /// `salt` tells runs apart that fall into the same millisecond; draw it by chance.
    pub(crate) const fn new(salt: u64) -> Ids {
        Ids { salt }
    }

    /// The 64 random-looking bits of a number.
    #[inline]
    pub(crate) const fn bits(self, number: u64) -> u64 {
        mix(number ^ self.salt)
    }

    /// The id of the operation whose bits these are, made at this time.
    #[inline]
    pub(crate) const fn operation(self, created_ms: u64, bits: u64) -> u128 {
        let high = self.salt >> 54 << 2 | bits >> 62;
        (created_ms as u128) << 80 | VERSION | (high as u128) << 64 | VARIANT | (bits & LOW_BITS) as u128
    }

    /// The number behind an id of this run.
    pub(crate) const fn number(self, operation: OperationId) -> u64 {
        let bits = ((operation.0 >> 64) as u64 & 0b11) << 62 | operation.0 as u64 & LOW_BITS;
        unmix(bits) ^ self.salt
    }
}

/// A value below `bound`, evenly drawn by 64 random bits.
#[inline]
pub(crate) const fn below(bits: u64, bound: u64) -> u64 {
    ((bits as u128 * bound as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_can_be_read_back_from_the_id() {
        let ids = Ids::new(0xfeed_f00d_dead_beef);
        for number in (0..100_000).chain([u64::MAX, 1 << THREAD_SHIFT]) {
            let id = OperationId(ids.operation(1_700_000_000_000 + number % 7, ids.bits(number)));
            assert_eq!(ids.number(id), number);
            assert_eq!(id.embedded_ms(), 1_700_000_000_000 + number % 7);
            assert_eq!((id.0 >> 76 & 15, id.0 >> 62 & 3), (7, 2), "version and variant of a UUIDv7");
        }
    }

    #[test]
    fn values_below_a_bound_are_even() {
        let mut counts = [0_u32; 10];
        for number in 0..100_000 {
            counts[below(mix(number), 10) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
    }
}

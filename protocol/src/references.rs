//! How the references that people use (SKU names, order numbers, openids) become the integers the engine speaks in. The
//! same functions stand in every client, and docs/protocol.md gives their test vectors: two clients that disagree here
//! would count one buyer twice.
//!
//! Invariant: no reference becomes 0, which means "none".

use crate::limits::REFERENCE_BYTES_MAX;
use crate::secret::AliasKey;
use hmac::{Hmac, KeyInit, Mac};
use scrip_engine::ids::{MerchantId, SLOTS, Slot, StockId};
use sha2::{Digest, Sha256};

/// Bits of a stock's number that text can reach: integers lie below this bit, hashes have it set.
const STOCK_HASH_BIT: u32 = 53;

const _: () = assert!(STOCK_HASH_BIT < StockId::NUMBER_BITS && SLOTS == 1 << 10);

/// Text that can't be a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// No text.
    #[error("the reference is empty: leave it out if there is none")]
    Empty,
    /// Too much text.
    #[error("the reference has {0} bytes, at most {REFERENCE_BYTES_MAX} are possible")]
    TooLong(usize),
}

/// The 128-bit id of an order, user or operation reference.
///
/// A UUID (36 characters with hyphens), a ULID (26 characters of Crockford's base 32) and a decimal integer from 1 to
/// 2^64 - 1 without sign or leading zeros stand for themselves; so do not use bare phone numbers. Anything else becomes
/// the first 128 bits of HMAC-SHA256 under the merchant's alias key, marked as a UUIDv8.
pub fn reference_id(alias_key: &AliasKey, text: &str) -> Result<u128, ReferenceError> {
    check_length(text)?;
    let own = integer(text).map(u128::from).or_else(|| uuid(text)).or_else(|| ulid(text));
    if let Some(id) = own.filter(|&id| id != 0) {
        return Ok(id);
    }
    let mut bytes: [u8; 16] = keyed(alias_key, text);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(u128::from_be_bytes(bytes))
}

/// The 64-bit keyed hash of a device or an address.
///
/// A decimal integer from 1 to 2^64 - 1 without sign or leading zeros stands for itself; anything else becomes the first 64
/// bits of HMAC-SHA256 under the merchant's alias key.
pub fn reference_hash(alias_key: &AliasKey, text: &str) -> Result<u64, ReferenceError> {
    check_length(text)?;
    if let Some(number) = integer(text).filter(|&number| number != 0) {
        return Ok(number);
    }
    // Nobody meets 0 by chance; it would mean "none".
    Ok(u64::from_be_bytes(keyed(alias_key, text)).max(1))
}

/// The first bytes of the text's HMAC-SHA256.
fn keyed<const N: usize>(alias_key: &AliasKey, text: &str) -> [u8; N] {
    let mut hmac = Hmac::<Sha256>::new_from_slice(alias_key.reveal()).expect("HMAC takes keys of any length");
    hmac.update(text.as_bytes());
    let digest = hmac.finalize().into_bytes();
    core::array::from_fn(|position| digest[position])
}

/// The id of a stock reference in this slot. Panics when the slot does not exist.
///
/// A decimal integer below 2^53 without sign or leading zeros stands for itself; anything else becomes the first 53 bits
/// of its SHA-256 with bit 53 set, so that it meets no integer.
pub fn stock_id(slot: Slot, text: &str) -> Result<StockId, ReferenceError> {
    check_length(text)?;
    if let Some(number) = integer(text).filter(|&number| number < 1 << STOCK_HASH_BIT) {
        return Ok(StockId::new(slot, number));
    }
    let digest = Sha256::digest(text.as_bytes());
    let first = u64::from_be_bytes(core::array::from_fn(|position| digest[position]));
    Ok(StockId::new(slot, 1 << STOCK_HASH_BIT | first >> (u64::BITS - STOCK_HASH_BIT)))
}

/// The slot in which a merchant's objects are made unless another is asked for: the first 10 bits of the SHA-256 of the
/// merchant's number as 4 little-endian bytes.
pub fn home_slot(merchant: MerchantId) -> Slot {
    let digest = Sha256::digest(merchant.0.to_le_bytes());
    Slot(u16::from_be_bytes([digest[0], digest[1]]) >> 6)
}

fn check_length(text: &str) -> Result<(), ReferenceError> {
    match text.len() {
        0 => Err(ReferenceError::Empty),
        1..=REFERENCE_BYTES_MAX => Ok(()),
        bytes => Err(ReferenceError::TooLong(bytes)),
    }
}

/// A decimal integer in its only canonical form, so that no two texts are the same integer.
fn integer(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// 8-4-4-4-12 hexadecimal digits, upper or lower case, of any version.
fn uuid(text: &str) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut value = 0;
    for (position, byte) in text.bytes().enumerate() {
        if matches!(position, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
        } else {
            value = value << 4 | u128::from((byte as char).to_digit(16)?);
        }
    }
    Some(value)
}

/// 26 characters of Crockford's base 32, upper or lower case, the first at most 7.
fn ulid(text: &str) -> Option<u128> {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    if text.len() != 26 || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes().try_fold(0u128, |value, byte| {
        let digit = ALPHABET.iter().position(|&symbol| symbol == byte.to_ascii_uppercase())?;
        Some(value << 5 | digit as u128)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> AliasKey {
        AliasKey::new(core::array::from_fn(|position| position as u8))
    }

    #[test]
    fn uuids_ulids_and_integers_stand_for_themselves() {
        let id = |text| reference_id(&key(), text).unwrap();
        assert_eq!(id("1"), 1);
        assert_eq!(id("18446744073709551615"), u128::from(u64::MAX));
        assert_eq!(id("01890a5d-ac96-774b-bcce-b302099a8057"), 0x01890a5dac96774bbcceb302099a8057);
        assert_eq!(id("01890A5D-AC96-774B-BCCE-B302099A8057"), 0x01890a5dac96774bbcceb302099a8057);
        assert_eq!(id("01ARZ3NDEKTSV4RRFFQ69G5FAV"), 0x01563e3ab5d3d6764c61efb99302bd5b);
        assert_eq!(id("01arz3ndektsv4rrffq69g5fav"), 0x01563e3ab5d3d6764c61efb99302bd5b);
    }

    #[test]
    fn everything_else_is_hashed_and_marked_as_uuid_v8() {
        let others = [
            "0",
            "01",
            "+1",
            "-1",
            "1.0",
            " 1",
            "18446744073709551616",
            "T1",
            "phone:13800138000",
            "欠发",
            "00000000-0000-0000-0000-000000000000",
            "01890a5d-ac96-774b-bcce-b302099a805g",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
            "01890a5dxac96-774b-bcce-b302099a8057",
        ];
        for text in others {
            let id = reference_id(&key(), text).unwrap();
            assert_eq!((id >> 76 & 0xf, id >> 62 & 3), (8, 2), "{text}");
            assert_ne!(id, reference_id(&AliasKey::new([9; 32]), text).unwrap(), "{text}");
        }
    }

    #[test]
    fn devices_and_addresses_are_hashed_to_64_bits() {
        let hash = |text| reference_hash(&key(), text).unwrap();
        assert_eq!(hash("7"), 7);
        assert_ne!(hash("0"), 0);
        let (id, short) = (reference_id(&key(), "imei:1").unwrap(), hash("imei:1"));
        assert_eq!(
            id >> 80,
            u128::from(short >> 16),
            "but for the marks of a UUID it is the id's first half"
        );
        assert_ne!(short, reference_hash(&AliasKey::new([9; 32]), "imei:1").unwrap());
        assert_eq!(reference_hash(&key(), ""), Err(ReferenceError::Empty));
    }

    #[test]
    fn references_have_one_to_sixty_four_bytes() {
        let long = "x".repeat(65);
        assert_eq!(reference_id(&key(), ""), Err(ReferenceError::Empty));
        assert_eq!(reference_id(&key(), &long), Err(ReferenceError::TooLong(65)));
        assert!(reference_id(&key(), &long[1..]).is_ok());
        assert_eq!(stock_id(Slot(0), ""), Err(ReferenceError::Empty));
        assert_eq!(stock_id(Slot(0), &long), Err(ReferenceError::TooLong(65)));
    }

    #[test]
    fn hashed_stocks_meet_no_integer() {
        assert_eq!(stock_id(Slot(3), "0"), Ok(StockId::new(Slot(3), 0)));
        assert_eq!(stock_id(Slot(3), "9007199254740991"), Ok(StockId::new(Slot(3), (1 << 53) - 1)));
        for text in ["9007199254740992", "007", "steam50", "欠发"] {
            let stock = stock_id(Slot(1023), text).unwrap();
            assert_eq!((stock.slot(), stock.0 >> 53 & 1), (Slot(1023), 1), "{text}");
        }
    }

    #[test]
    fn every_merchant_has_a_home() {
        let homes: Vec<u16> = (0..10_000).map(|merchant| home_slot(MerchantId(merchant)).0).collect();
        assert!(homes.iter().all(|&slot| slot < SLOTS));
        let used = (0..SLOTS).filter(|slot| homes.contains(slot)).count();
        assert!(used > 1_000, "only {used} slots are used");
    }
}

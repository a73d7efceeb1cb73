//! Operation ids: made here, stamped with the server's time, kept by the caller.

use crate::request::Confirm;
use scrip_engine::ids::{OperationId, Slot};
use std::sync::Mutex;

/// What makes a command idempotent: its id, and when that was made. Store both before the first attempt; a repeat carries
/// both unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The id.
    pub id: OperationId,
    /// When it was made, server time in milliseconds; 0: the id is a UUIDv7 or ULID and says it itself.
    pub created_ms: u64,
}

impl Operation {
    /// A new operation made at this time, from these random bytes: a UUIDv7. [`crate::Client::operation`] supplies both.
    pub fn new(now_ms: u64, random: [u8; 10]) -> Operation {
        let id = uuid::Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid();
        Operation { id: OperationId(id.as_u128()), created_ms: 0 }
    }

    /// An operation under an id of the caller's own making, and when that was made.
    pub const fn given(id: u128, created_ms: u64) -> Operation {
        Operation { id: OperationId(id), created_ms }
    }

    /// The hold that this operation (a RESERVE or SELL) makes in this slot.
    pub const fn hold(self, slot: Slot) -> Hold {
        Hold { operation: self, slot }
    }
}

/// Whether the id of this reference says when it was made, so that `created_ms` can be left 0: a UUIDv7 (36 characters with
/// hyphens) or a ULID (26 characters of Crockford's base 32).
pub fn says_its_time(reference: &str) -> bool {
    let bytes = reference.as_bytes();
    let is_hyphen = |position| matches!(position, 8 | 13 | 18 | 23);
    let uuid_v7 = bytes.len() == 36
        && bytes[14] == b'7'
        && (0..36).all(|at| if is_hyphen(at) { bytes[at] == b'-' } else { bytes[at].is_ascii_hexdigit() });
    let crockford = |byte: &u8| {
        byte.is_ascii_alphanumeric() && !matches!(byte.to_ascii_uppercase(), b'I' | b'L' | b'O' | b'U')
    };
    let ulid = bytes.len() == 26 && bytes[0] <= b'7' && bytes.iter().all(crockford);
    uuid_v7 || ulid
}

/// A hold: the operation that made it, and the slot it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hold {
    /// The RESERVE's or SELL's operation.
    pub operation: Operation,
    /// Where its stocks lie.
    pub slot: Slot,
}

impl Hold {
    /// The confirmation of all its units.
    pub fn all(self) -> Confirm {
        Confirm { hold: self, units: Vec::new(), hidden: false }
    }
}

/// Random bytes of the operating system, fetched a block at a time.
#[derive(Debug, Default)]
pub(crate) struct Random(Mutex<Block>);

struct Block {
    bytes: [u8; Block::BYTES],
    used: usize,
}

impl Block {
    const BYTES: usize = 4096;
}

impl core::fmt::Debug for Block {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Block(***)")
    }
}

impl Default for Block {
    fn default() -> Block {
        Block { bytes: [0; Block::BYTES], used: Block::BYTES }
    }
}

impl Random {
    /// Random bytes. Panics when the operating system has none, which no supported one does.
    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut block = self.0.lock().expect("nothing panics while it is held");
        if block.used + N > Block::BYTES {
            getrandom::fill(&mut block.bytes).expect("the operating system has random bytes");
            block.used = 0;
        }
        let start = block.used;
        block.used += N;
        core::array::from_fn(|position| block.bytes[start + position])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_a_uuid_v7_that_says_its_time() {
        let operation = Operation::new(0x0192_f0c1_2a00, [0xff; 10]);
        assert_eq!(operation.id, OperationId(0x0192_f0c1_2a00_7fff_bfff_ffff_ffff_ffff));
        assert_eq!((operation.created_ms, operation.id.embedded_ms()), (0, 0x0192_f0c1_2a00));
    }

    #[test]
    fn references_that_say_their_time_stand_for_themselves() {
        use scrip_protocol::references::reference_id;
        use scrip_protocol::secret::AliasKey;
        let ids = |text| [1, 2].map(|key| reference_id(&AliasKey::new([key; 32]), text).unwrap());
        for text in [
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01arz3ndektsv4rrffq69g5fav",
        ] {
            assert!(says_its_time(text), "{text}");
            assert_eq!(ids(text)[0], ids(text)[1], "{text}");
        }
        for text in [
            "T1-1",
            "7",
            "01890a5d-ac96-474b-bcce-b302099a8057",
            "01890a5dxac96-774b-bcce-b302099a8057",
            "01890a5d-ac96-774b-bcce-b302099a805g",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
        ] {
            assert!(!says_its_time(text), "{text}");
        }
    }

    #[test]
    fn operations_of_one_millisecond_differ() {
        let random = Random::default();
        let ids: std::collections::BTreeSet<_> =
            (0..10_000).map(|_| Operation::new(1, random.bytes()).id).collect();
        assert_eq!(ids.len(), 10_000);
    }
}

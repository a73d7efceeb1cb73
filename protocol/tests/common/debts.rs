//! Samples of OWED and OWED_SHOW's answer. They stand apart so that the others stay in one view.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{HOLD, NOW_MS, leak};
use scrip_engine::answer::{Answer, DebtView};
use zerocopy::little_endian::{U16, U32, U64, U128};

/// A place in the queue, and pages of debts.
pub fn answers() -> [(&'static str, Answer<'static>); 4] {
    let debt = DebtView {
        hold: U128::new(HOLD.0),
        order: U128::new(0x0a),
        since_ms: U64::new(NOW_MS),
        until_ms: U64::new(NOW_MS + 7_200_000),
        units: U64::new(2),
        channel: U16::new(3),
        of_key: U16::ZERO,
        key: U32::ZERO,
    };
    let of_key = DebtView { units: U64::new(1), of_key: U16::new(1), key: U32::new(4_711), ..debt };
    [
        ("owed", Answer::Owed { position: 3, until_ms: NOW_MS + 7_200_000 }),
        ("debts", Answer::Debts { total: 65, debts: leak(&[debt]) }),
        ("debt_of_a_key", Answer::Debts { total: 1, debts: leak(&[of_key]) }),
        ("no_debts", Answer::Debts { total: 0, debts: &[] }),
    ]
}

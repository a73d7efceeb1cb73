//! Samples of ORDER_SHOW and what it is answered. They stand apart so that the others stay in one view.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{HOLD, NOW_MS, STOCK, leak};
use scrip_engine::answer::{Answer, HoldState, More, OrderHold};
use scrip_engine::command::Command;
use scrip_engine::ids::{OperationId, OrderId};
use scrip_engine::rejection::Code;
use zerocopy::little_endian::{U16, U32, U64, U128};

const ORDER: OrderId = OrderId(0x0a);

/// From the newest on, and from a hold on.
pub fn commands() -> [(&'static str, Command<'static>); 2] {
    [
        ("order_show", Command::OrderShow { order: ORDER, after: OperationId(0), limit: 0 }),
        ("order_show_on", Command::OrderShow { order: ORDER, after: HOLD, limit: 2 }),
    ]
}

/// Pages with and without more behind them.
pub fn answers() -> [(&'static str, Answer<'static>); 3] {
    let sold = OrderHold {
        hold: U128::new(HOLD.0),
        user: U128::new(0x0b),
        reserved_ms: U64::new(NOW_MS),
        deadline_ms: U64::new(NOW_MS + 900_000),
        closed_ms: U64::new(NOW_MS + 7_000),
        stock: U64::new(STOCK.0),
        units: U32::new(2),
        channel: U16::new(3),
        refusal: U16::ZERO,
        state: HoldState::Confirmed as u8,
        lines: 3,
        flags: OrderHold::LATE | OrderHold::FLAGGED,
        spare: [0; 5],
    };
    let refused = OrderHold {
        hold: U128::new(HOLD.0 + 1),
        units: U32::ZERO,
        refusal: U16::new(Code::OutOfStock as u16),
        state: HoldState::Refused as u8,
        lines: 1,
        flags: 0,
        ..sold
    };
    [
        ("order_holds", Answer::OrderHolds { more: More::Yes, holds: leak(&[sold, refused]) }),
        ("order_holds_unknown", Answer::OrderHolds { more: More::Unknown, holds: leak(&[sold]) }),
        ("no_order_holds", Answer::OrderHolds { more: More::No, holds: &[] }),
    ]
}

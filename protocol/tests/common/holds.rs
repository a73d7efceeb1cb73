//! Samples of RESERVE and SELL that take cards, too, and of a hold that has.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{CommandSample, HOLD, NOW_MS, OPERATION, SLOT, STOCK, envelope, leak};
use scrip_engine::answer::{Answer, HoldCard, HoldLine, HoldState, HoldView};
use scrip_engine::command::{CardLine, Command, Envelope, Line, Request, Take};
use scrip_engine::ids::{CardId, ChannelId, OperationId, OrderId, UserId};
use scrip_engine::rejection::{Code, Facts, LineFact};
use scrip_protocol::extras::Extras;
use zerocopy::little_endian::{U32, U64};

const CARD: CardId = CardId::new(SLOT, 7, 42);

/// A coupon on 100.00, and three pieces of an item that was named by its code.
fn cards() -> [CardLine; 2] {
    let item = CardLine {
        store: U64::new(21),
        product: U64::new(22),
        category: U64::new(23),
        generation: 1,
        by_code: 1,
        ..CardLine::new(CardId::new(SLOT, 8, 4_711), 3, 4_500)
    };
    [CardLine::new(CARD, 1, 10_000), item]
}

pub fn commands() -> Vec<CommandSample> {
    let lines = leak(&[Line::new(STOCK, 1), Line::new(STOCK, 2)]);
    let take = Take { order: OrderId(0x0a), user: UserId(0x0b), cards: leak(&cards()), ..Take::of(lines) };
    let one = Take { cards: leak(&cards()[..1]), replace: HOLD, partial: true, ..take };
    let samples = [
        ("reserve_cards", Command::Reserve { take, ttl_ms: 60_000 }),
        ("reserve_card_partial_replace", Command::Reserve { take: one, ttl_ms: 0 }),
        ("sell_cards", Command::Sell { take, paid: false, hidden: true }),
    ];
    let with_id = |(index, (name, command))| {
        let operation = OperationId(OPERATION.0 + 0x2000 + 0x10 * index as u128);
        (name, Request { envelope: Envelope { operation, ..envelope() }, command }, Extras::NONE)
    };
    samples.into_iter().enumerate().map(with_id).collect()
}

pub fn answers() -> Vec<(&'static str, Answer<'static>)> {
    let line = HoldLine {
        stock: U64::new(STOCK.0),
        reserved: U32::new(2),
        confirmed: U32::new(2),
        returned: U32::ZERO,
        price: U32::new(9_900),
    };
    let card = HoldCard {
        card: U64::new(CARD.0),
        discount: U64::new(500),
        reserved: U32::new(1),
        confirmed: U32::new(1),
        returned: U32::ZERO,
        spare: U32::ZERO,
    };
    let item = HoldCard { reserved: U32::new(3), confirmed: U32::new(2), returned: U32::new(1), ..card };
    let hold = HoldView {
        hold: HOLD,
        state: HoldState::Confirmed,
        channel: ChannelId(3),
        late: false,
        flagged: false,
        refusal: None,
        order: OrderId(0x0a),
        user: UserId(0x0b),
        reserved_ms: NOW_MS,
        deadline_ms: NOW_MS + 900_000,
        closed_ms: NOW_MS + 1_000,
        lines: leak(&[line]),
        cards: leak(&[card, item]),
    };
    vec![("hold_with_cards", Answer::Hold(hold))]
}

/// A line of a card that another order holds.
pub fn rejections() -> [(&'static str, Code, Facts<'static>); 2] {
    let fact = leak(&[LineFact::new(1, Code::LockedByOtherOrder, 1, 0)]);
    let units = Facts::Units { stock: STOCK, asked: 1, available: 0 };
    [
        ("locked_by_other_order_line", Code::LockedByOtherOrder, Facts::Lines(fact)),
        ("locked_by_other_order_units", Code::LockedByOtherOrder, units),
    ]
}

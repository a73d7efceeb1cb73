//! Samples of QUOTE_RESERVE and of what goes back of such a hold.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::cards::{CARD, ten_off};
use super::{CommandSample, HOLD, NOW_MS, OPERATION, STOCK, envelope, leak};
use scrip_engine::answer::{Answer, CardOutcome, PiecesReturned, QuoteView, QuotedCard, QuotedLine};
use scrip_engine::command::{
    CartLine, Command, Envelope, Parties, QuoteCard, QuoteReserve, Request, StockedLine,
};
use scrip_engine::ids::{CardId, OperationId, OrderId, StockId, UserId};
use scrip_protocol::extras::Extras;
use zerocopy::little_endian::{U32, U64};

pub fn commands() -> Vec<CommandSample> {
    let lines = leak(&[
        StockedLine::new(STOCK, CartLine::new(0x77, 0x78, 3_000, 2)),
        StockedLine::new(StockId(0), CartLine::new(0, 0, 4_000, 1)),
    ]);
    let parties: &Parties = Box::leak(Box::new(Parties::new(0x0c, 0x0d, 0x0e)));
    let quote = QuoteReserve {
        order: OrderId(0x0a),
        user: UserId(0x0b),
        store: 12,
        best: false,
        replace: OperationId(0),
        parties: None,
        expected_total: None,
        ttl_ms: 60_000,
        lines,
        cards: &[],
    };
    let cards = leak(&[QuoteCard::new(CARD, None), QuoteCard::new(CardId(CARD.0 + 1), Some(1))]);
    let (replace, parties, expected_total) = (HOLD, Some(parties), Some(9_000));
    let all = QuoteReserve { best: true, replace, parties, expected_total, ttl_ms: 0, cards, ..quote };
    let samples = [("quote_reserve_wallet", quote), ("quote_reserve_cards", all)];
    let with_id = |(index, (name, quote))| {
        let operation = OperationId(OPERATION.0 + 0x6000 + 0x10 * index as u128);
        let command = Command::QuoteReserve(quote);
        (name, Request { envelope: Envelope { operation, ..envelope() }, command }, Extras::NONE)
    };
    samples.into_iter().enumerate().map(with_id).collect()
}

pub fn answers() -> Vec<(&'static str, Answer<'static>)> {
    let line = |gross, discount, paid| {
        let [gross, discount, paid] = [gross, discount, paid].map(U64::new);
        QuotedLine { gross, discount, paid }
    };
    let used = ten_off();
    let quote = QuoteView {
        gross: 10_000,
        discount: 1_000,
        paid: 0,
        exact: true,
        cards: leak(&[used]),
        lines: leak(&[line(6_000, 600, 0), line(4_000, 400, 0)]),
        shares: leak(&[U64::new(600), U64::new(400)]),
    };
    let without =
        QuoteView { discount: 0, cards: &[], lines: leak(&[line(10_000, 0, 0)]), shares: &[], ..quote };
    let pays = QuotedCard {
        card: U64::new(CARD.0 + 1),
        discount: U64::new(1_800),
        units: U32::new(1_800),
        outcome: CardOutcome::Pays as u8,
        turn: 2,
        ..used
    };
    let paid = QuoteView {
        paid: 1_800,
        cards: leak(&[used, pays]),
        lines: leak(&[line(6_000, 600, 1_080), line(4_000, 400, 720)]),
        shares: leak(&[600, 400, 1_080, 720].map(U64::new)),
        ..quote
    };
    vec![
        ("quote_reserved", Answer::QuoteReserved { deadline_ms: NOW_MS + 60_000, quote }),
        ("quote_reserved_without_cards", Answer::QuoteReserved { deadline_ms: NOW_MS, quote: without }),
        (
            "pieces_returned",
            Answer::PiecesReturned(PiecesReturned { pieces: 2, amount: 5_400, on_cards: 0, cards: 0b101 }),
        ),
        ("quote_reserved_with_payment", Answer::QuoteReserved { deadline_ms: NOW_MS, quote: paid }),
        (
            "pieces_returned_with_payment",
            Answer::PiecesReturned(PiecesReturned { pieces: 1, amount: 2_880, on_cards: 720, cards: 0b10 }),
        ),
    ]
}

//! The walk over a log: on random histories its own books agree with the engine after every event, and what a log must
//! not show is seen.

use scrip_engine::Engine;
use scrip_engine::command::{Quota, StockKind, StockTerms};
use scrip_engine::event::{
    Buyer, Event, EventHold, EventKey, EventLine, EventQuote, Origin, OwedLine, RefusedLine,
};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::Rules;
use scrip_engine::rejection::Code;
use scrip_planted::{Bug, with};
use scrip_shard::Walk;
use scrip_tests::generator::ROOMY;
use scrip_tests::history::History;
use scrip_tests::world::START_MS;
use std::panic::{AssertUnwindSafe, catch_unwind};
use zerocopy::little_endian::{U32, U128};

const SEEDS: u64 = 400;
const STEPS: u64 = 600;

/// The log of a history.
fn log_of(seed: u64) -> Vec<u8> {
    let mut history = History::new(seed).quiet();
    for _ in 0..STEPS {
        history.step().expect("engine and oracle agree");
    }
    history.world.log.bytes.clone()
}

/// Walks over a log in memory.
fn walk_over(bytes: &[u8]) -> Walk {
    let mut engine = Engine::new(ROOMY, Rules::default(), 1);
    let mut walk = Walk::default();
    let mut rest = bytes;
    let mut sequence = 0;
    while !rest.is_empty() {
        let (event, size) = Event::decode(rest).expect("the log holds events");
        rest = &rest[size..];
        sequence += 1;
        engine.apply(&event);
        walk.step(sequence, &event, engine.state());
    }
    walk
}

#[test]
fn books_counted_from_events_alone_agree_with_the_engine_after_every_event() {
    let (mut looks, mut lapses, mut imported, mut replaced, mut guaranteed) = (0, 0, 0, 0, 0);
    let mut settled = 0;
    for seed in 0..SEEDS {
        let walk = walk_over(&log_of(seed));
        assert_eq!(walk.faults, 0, "seed {seed}: {:#?}", walk.findings);
        looks += walk.looks;
        lapses += walk.books.lapses().len();
        imported += walk.books.keys_imported();
        replaced += walk.books.keys_replaced();
        settled += walk.books.debts_settled();
        let stocks = walk.books.stocks().flat_map(|(_, stock)| stock.channels.values());
        guaranteed += stocks.filter(|channel| channel.guaranteed_first > 0).count();
    }
    println!(
        "{looks} looks, {lapses} lapses, {imported} keys, {replaced} replaced, {guaranteed} guarantees, {settled} debts"
    );
    assert!(looks > 10_000 && lapses > 50 && imported > 1_000 && replaced > 10 && guaranteed > 50);
    assert!(settled > 20);
}

#[test]
fn a_channel_that_the_engine_lets_beyond_its_quota_is_seen() {
    let seen = (0..SEEDS).any(|seed| {
        let log = catch_unwind(AssertUnwindSafe(|| with(Bug::QuotaOffByOne, || as_far_as_agreed(seed))));
        log.is_ok_and(|bytes| {
            catch_unwind(AssertUnwindSafe(|| walk_over(&bytes))).is_ok_and(|walk| walk.quotas_exceeded > 0)
        })
    });
    assert!(seen, "no walk saw a quota exceeded");
}

/// A history as far as the oracle goes along.
fn as_far_as_agreed(seed: u64) -> Vec<u8> {
    let mut history = History::new(seed).quiet();
    for _ in 0..STEPS {
        if history.step().is_err() {
            break;
        }
    }
    history.world.log.bytes.clone()
}

/// A log by hand: what an engine that decided wrongly could have written.
struct Forged {
    engine: Engine,
    walk: Walk,
    sequence: u64,
}

const STOCK: StockId = StockId::new(Slot(3), 1);

fn origin(operation: u128, channel: u16) -> Origin {
    Origin {
        merchant: MerchantId(1),
        slot: Slot(3),
        channel: ChannelId(channel),
        operation: OperationId(operation),
        created_ms: START_MS,
        content: 0,
    }
}

fn sold(operation: u128, lines: &[EventLine]) -> Event<'_> {
    sale(operation, lines, false)
}

fn sale(operation: u128, lines: &[EventLine], hidden: bool) -> Event<'_> {
    let buyer = Buyer { order: OrderId(0), user: UserId(0) };
    let (origin, replaces) = (origin(operation, 7), OperationId(0));
    Event::Taken {
        origin,
        buyer,
        sold: true,
        hidden,
        ttl_ms: 0,
        replaces,
        parties: None,
        flagged: false,
        lines,
        prices: &[],
        cards: &[],
        quote: EventQuote::NONE,
        sales: &[],
    }
}

impl Forged {
    fn new(keys: bool) -> Forged {
        let mut forged =
            Forged { engine: Engine::new(ROOMY, Rules::default(), 1), walk: Walk::default(), sequence: 0 };
        forged.both(&Event::Tick { now_ms: START_MS });
        let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };
        let kind = if keys { StockKind::Keys } else { StockKind::Counter };
        let (stock, units) = (STOCK, if keys { 0 } else { 10 });
        forged.both(&Event::StockCreated {
            origin: origin(1, 0),
            stock,
            units,
            kind,
            once_per_order: false,
            terms,
            name: b"x",
        });
        forged
    }

    fn both(&mut self, event: &Event<'_>) {
        self.engine.apply(event);
        self.walk(event);
    }

    fn walk(&mut self, event: &Event<'_>) {
        self.sequence += 1;
        self.walk.step(self.sequence, event, self.engine.state());
    }
}

#[test]
fn a_cap_that_a_log_exceeds_is_seen_even_if_the_engine_goes_along() {
    let mut forged = Forged::new(false);
    let quotas = [Quota::new(ChannelId(7), 0, 2, 0)];
    forged.both(&Event::StockQuotaSet { origin: origin(2, 0), stock: STOCK, quotas: &quotas });
    forged.both(&sold(3, &[EventLine::new(STOCK, 2, 0)]));
    assert_eq!(forged.walk.faults, 0, "{:?}", forged.walk.findings);
    forged.both(&sold(4, &[EventLine::new(STOCK, 1, 0)]));
    assert_eq!((forged.walk.quotas_exceeded, forged.walk.faults), (1, 1), "{:?}", forged.walk.findings);
    assert!(forged.walk.findings[0].contains("has used 3, its cap is 2"), "{:?}", forged.walk.findings);
}

#[test]
fn a_sale_that_the_engine_does_not_count_is_seen() {
    let mut forged = Forged::new(false);
    let lines = [EventLine::new(STOCK, 1, 0)];
    forged.walk(&sold(3, &lines));
    assert!(forged.walk.faults > 0 && forged.walk.findings[0].contains("by the events"));
}

#[test]
fn keys_that_go_to_another_order_than_their_turn_says_are_seen() {
    let mut forged = with_keys();
    let lines = [EventLine::new(STOCK, 1, 0)];
    forged.both(&sold(4, &lines));
    assert_eq!(forged.walk.faults, 0, "{:?}", forged.walk.findings);
    // The engine sells to 5, then to 6; the log that is walked says the opposite.
    forged.engine.apply(&sold(5, &lines));
    forged.engine.apply(&sold(6, &lines));
    forged.walk(&sold(6, &lines));
    forged.walk(&sold(5, &lines));
    let findings = forged.walk.findings.join("\n");
    assert!(findings.contains("the order of sale says"), "{findings}");
}

/// A stock of four keys in one batch.
fn with_keys() -> Forged {
    let mut forged = Forged::new(true);
    let (stock, supplier) = (STOCK, b"acme");
    forged.both(&Event::BatchCreated {
        origin: origin(2, 0),
        stock,
        batch: 1,
        cost: 0,
        expires_ms: 0,
        supplier,
    });
    let keys: Vec<EventKey> = (0..4)
        .map(|position| EventKey {
            fingerprint: U128::new(9 + u128::from(position)),
            position,
            spare: [0; 7],
        })
        .collect();
    let sealed = [1_u8; 40];
    forged.both(&Event::KeysImported { origin: origin(3, 0), stock, batch: 1, keys: &keys, sealed: &sealed });
    forged
}

#[test]
fn a_key_that_the_engine_binds_to_a_second_hold_is_seen() {
    let mut forged = with_keys();
    let lines = [EventLine::new(STOCK, 1, 0)];
    forged.both(&sale(4, &lines, true));
    assert_eq!((forged.walk.keys_bound_twice, forged.walk.faults), (0, 0), "{:?}", forged.walk.findings);
    // Of this the log says nothing: the engine takes the key back and sells it again.
    let (hold, key, reason) = (OperationId(4), 0, 0);
    forged.engine.apply(&Event::KeyReclaimed { origin: origin(5, 7), hold, key, reason });
    forged.both(&sold(6, &lines));
    assert_eq!(forged.walk.keys_bound_twice, 1, "{:?}", forged.walk.findings);
    let findings = forged.walk.findings.join("\n");
    assert!(findings.contains("key 0 is bound to hold"), "{findings}");
}

#[test]
fn a_hold_that_the_engine_does_not_know_is_seen_when_it_is_given_keys() {
    let mut forged = with_keys();
    forged.walk(&sold(4, &[EventLine::new(STOCK, 1, 0)]));
    let findings = forged.walk.findings.join("\n");
    assert!(findings.contains("the engine does not know hold"), "{findings}");
}

#[test]
fn a_replacement_that_comes_before_an_older_debt_is_seen() {
    let mut forged = Forged::new(true);
    let (stock, sealed, supplier) = (STOCK, [1_u8; 40], b"acme".as_slice());
    forged.both(&Event::BatchCreated {
        origin: origin(2, 0),
        stock,
        batch: 1,
        cost: 0,
        expires_ms: 0,
        supplier,
    });
    let key =
        |number: u8| EventKey { fingerprint: U128::new(9 + u128::from(number)), position: 0, spare: [0; 7] };
    let import =
        |of: u128, number: u8| (origin(of, 0), [key(number), EventKey { position: 1, ..key(number + 1) }]);
    let (of, keys) = import(3, 0);
    forged.both(&Event::KeysImported { origin: of, stock, batch: 1, keys: &keys, sealed: &sealed });
    forged.both(&sold(4, &[EventLine::new(STOCK, 2, 0)]));
    let (hold, until_ms, code) = (OperationId(4), START_MS + 60_000, Code::OutOfStock);
    for (operation, key) in [(5, 0), (6, 1)] {
        let origin = origin(operation, 7);
        forged.both(&Event::ReplaceOwed { origin, hold, key, reason: 1, until_ms, code });
    }
    let (of, keys) = import(7, 2);
    forged.both(&Event::KeysImported { origin: of, stock, batch: 1, keys: &keys, sealed: &sealed });
    assert_eq!(forged.walk.faults, 0, "{:?}", forged.walk.findings);
    let holds = [EventHold::new(origin(4, 7).key())];
    forged.both(&Event::Settled { holds: &holds, keys: &[U32::new(1)] });
    assert_eq!((forged.walk.debts_overtaken, forged.walk.faults), (1, 1), "{:?}", forged.walk.findings);
    forged.both(&Event::Settled { holds: &holds, keys: &[U32::new(0)] });
    assert_eq!((forged.walk.debts_overtaken, forged.walk.faults), (1, 1), "{:?}", forged.walk.findings);
}

#[test]
fn a_debt_that_is_settled_before_an_older_one_is_seen() {
    let mut forged = Forged::new(false);
    let lines = [OwedLine::new(STOCK, 4, Some((Code::OutOfStock, 0)))];
    for operation in [2, 3] {
        forged.both(&Event::Owed {
            origin: origin(operation, 7),
            buyer: Buyer { order: OrderId(0), user: UserId(0) },
            hidden: false,
            until_ms: START_MS + 60_000,
            code: Code::OutOfStock,
            replaces: OperationId(0),
            parties: None,
            flagged: false,
            lines: &lines,
            prices: &[],
        });
    }
    forged.both(&Event::Settled { holds: &[EventHold::new(origin(3, 7).key())], keys: &[] });
    assert_eq!((forged.walk.debts_overtaken, forged.walk.faults), (1, 1), "{:?}", forged.walk.findings);
    forged.both(&Event::Settled { holds: &[EventHold::new(origin(2, 7).key())], keys: &[] });
    assert_eq!((forged.walk.debts_overtaken, forged.walk.faults), (1, 1), "{:?}", forged.walk.findings);
    assert_eq!(forged.walk.books.debts_settled(), 2);
}

#[test]
fn a_hold_whose_confirm_is_owed_gives_its_units_back_and_waits_behind_the_debts_made_before() {
    let mut forged = Forged::new(false);
    let lines = [EventLine::new(STOCK, 1, 0)];
    let Event::Taken { origin: of, buyer, replaces, parties, flagged, .. } = sold(2, &lines) else {
        unreachable!("it is a sale");
    };
    let (sold, hidden, ttl_ms) = (false, false, 60_000);
    forged.both(&Event::Taken {
        origin: of,
        buyer,
        sold,
        hidden,
        ttl_ms,
        replaces,
        parties,
        flagged,
        lines: &lines,
        prices: &[],
        cards: &[],
        quote: EventQuote::NONE,
        sales: &[],
    });
    forged.both(&Event::Owed {
        origin: origin(3, 7),
        buyer,
        hidden,
        until_ms: START_MS + 60_000,
        code: Code::OutOfStock,
        replaces,
        parties,
        flagged,
        lines: &[OwedLine::new(STOCK, 1, Some((Code::OutOfStock, 0)))],
        prices: &[],
    });
    let owed = [RefusedLine::new(STOCK, 1, Some(Code::OutOfStock), 0)];
    let (hold, until_ms) = (of.key(), START_MS + 60_000);
    forged.both(&Event::ConfirmOwed { hold, hidden, until_ms, lines: &owed });
    assert_eq!(forged.walk.faults, 0, "{:?}", forged.walk.findings);
    forged.both(&Event::Settled { holds: &[EventHold::new(hold)], keys: &[] });
    assert_eq!((forged.walk.debts_overtaken, forged.walk.faults), (1, 1), "{:?}", forged.walk.findings);
    forged.both(&Event::Settled { holds: &[EventHold::new(origin(3, 7).key())], keys: &[] });
    assert_eq!((forged.walk.debts_overtaken, forged.walk.faults), (1, 1), "{:?}", forged.walk.findings);
}

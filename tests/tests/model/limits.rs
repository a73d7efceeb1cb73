//! Fixed limits: the greatest quantities that are well formed, and what is refused before the engine sees it.

use scrip_engine::Engine;
use scrip_engine::command::{
    Block, Command, KeyBlock, Limits, Malformed, Price, PriceKind, Quota, Request, RiskRule, StockKind,
    StockTerms, SubjectKind, SubjectLimit,
};
use scrip_engine::ids::{ChannelId, OperationId, SLOTS, Slot, StockId, UserId};
use scrip_engine::limits::{
    CHANNELS_PER_STOCK_MAX, KEY_BLOCK_BYTES_MAX, KEY_TEXT_BYTES_MAX, KEYS_PER_CHUNK_MAX, LINES_MAX,
    NAME_BYTES_MAX, PRICES_PER_STOCK_MAX, RISK_RULES_MAX, RISK_WINDOW_MAX_MS, RISK_WINDOW_MIN_MS, Rules,
    STOCK_UNITS_MAX, TTL_MAX_MS, UNITS_PER_LINE_MAX,
};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedRequest, OwnedTake, Wish};
use scrip_tests::world::{ANY_TERMS, Log, START_MS, World, assert_refused, reserve, return_all, take};
use zerocopy::little_endian::{I16, U16, U32, U64, U128};

#[test]
fn sixty_four_lines_are_one_hold() {
    let mut world = World::usual();
    let stocks: Vec<StockId> = (1..=LINES_MAX as u64).map(|number| world.stock(number, 2)).collect();
    let lines: Vec<(StockId, u32)> = stocks.iter().map(|stock| (*stock, 2)).collect();
    let granted = world.reserve(10, &lines);
    assert!(matches!(granted, OwnedOutcome::Reserved { units, .. } if units == vec![2; LINES_MAX]));
    let units: Vec<u32> = (0..LINES_MAX as u32).map(|line| line % 3).collect();
    let confirmed = world.run(10, OwnedCommand::Confirm { units: units.clone(), hidden: false });
    assert!(matches!(confirmed, OwnedOutcome::Confirmed { units: all, .. } if all == units));
    assert_eq!(
        world.run(11, return_all(10)),
        OwnedOutcome::Returned { units: units.iter().sum::<u32>().into() }
    );
    assert_eq!(world.replayed().digest(), world.engine.digest());
}

#[test]
fn the_largest_quantities_fit() {
    let mut world = World::usual();
    let terms = StockTerms { limit_per_user: UNITS_PER_LINE_MAX, ..ANY_TERMS };
    let (large, limited) = (world.stock(1, STOCK_UNITS_MAX), world.stock_with(2, STOCK_UNITS_MAX, terms));
    let all = [(large, UNITS_PER_LINE_MAX); LINES_MAX];
    world.reserve(10, &all);
    assert!(matches!(world.confirm(10), OwnedOutcome::Confirmed { .. }));
    assert_eq!(world.run(11, return_all(10)), OwnedOutcome::Returned { units: 6_400_000_000 });
    assert_eq!(world.counts(large), [STOCK_UNITS_MAX, 0, 0]);
    world.reserve(12, &[(limited, UNITS_PER_LINE_MAX)]);
    assert_refused(&world.reserve(13, &[(limited, 1)]), Code::UserLimit);
    let supply = OwnedCommand::StockSupply { stock: large, units: 1 };
    let facts = OwnedFacts::Maximum(CapacityOf::StockUnits, STOCK_UNITS_MAX);
    assert_eq!(world.run(14, supply), OwnedOutcome::Refused { code: Code::Capacity, facts });
    let void =
        OwnedCommand::StockVoid { stock: large, units: STOCK_UNITS_MAX, from_frozen: false, forced: false };
    assert_eq!(world.run(15, void), OwnedOutcome::StockChanged { value: STOCK_UNITS_MAX });
}

#[test]
fn recorded_facts_are_the_same_in_the_first_answer_and_in_repeats() {
    let mut world = World::usual();
    let stock = world.stock(1, 5_000_000_000);
    let all = OwnedTake { lines: vec![Wish::exactly(stock, UNITS_PER_LINE_MAX); LINES_MAX], ..take(&[]) };
    let lack = |available| {
        let of = |line| Lack { line, why: Code::OutOfStock, asked: UNITS_PER_LINE_MAX, available };
        OwnedOutcome::refused_lines(Code::OutOfStock, (0..LINES_MAX).map(of).collect())
    };
    let paid = world.request(10, OwnedCommand::Sell { take: all.clone(), paid: true, hidden: false });
    assert_eq!(
        world.run(11, OwnedCommand::Sell { take: all, paid: false, hidden: false }),
        lack(5_000_000_000)
    );
    assert_eq!(world.ask(&paid), lack(u64::from(u32::MAX)));
    assert_eq!(world.ask(&paid), lack(u64::from(u32::MAX)));
}

#[test]
fn rules_have_bounds() {
    let usual = Rules::default();
    let good = [
        usual,
        Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, late_confirm_ms: 0 },
        Rules { operation_window_min_ms: usual.operation_window_ms, ..usual },
    ];
    let bad = [
        Rules { operation_window_ms: 9_999, ..usual },
        Rules { operation_window_ms: 86_400_001, ..usual },
        Rules { operation_window_min_ms: 9_999, ..usual },
        Rules { operation_window_min_ms: usual.operation_window_ms + 1, ..usual },
        Rules { late_confirm_ms: 86_400_001, ..usual },
    ];
    assert!(good.iter().all(|rules| rules.check().is_ok()));
    assert!(bad.iter().all(|rules| rules.check().is_err()));
}

#[test]
fn rules_are_logged_at_the_beginning_and_when_they_change() {
    let mut engine = Engine::new(ROOMY, Rules::default(), 1);
    let mut log = Log::default();
    engine.configure(Rules::default(), &mut log);
    assert_eq!(log.events, 1, "a log says by which rules it begins");
    engine.configure(Rules::default(), &mut log);
    assert_eq!(log.events, 1);
    engine.configure(Rules { late_confirm_ms: 1, ..Rules::default() }, &mut log);
    assert_eq!(log.events, 2);
}

/// What `Request::check` says of a request that differs from a good one by `spoil`.
fn check(command: OwnedCommand, spoil: impl FnOnce(&mut OwnedRequest)) -> Result<(), Malformed> {
    let mut request = World::usual().request(10, command);
    spoil(&mut request);
    request.with(|request| request.check())
}

fn as_is(_: &mut OwnedRequest) {}

#[test]
fn malformed_envelopes_are_refused() {
    assert_eq!(check(OwnedCommand::Release, as_is), Ok(()));
    let zero = |request: &mut OwnedRequest| request.envelope.operation = OperationId(0);
    assert_eq!(check(OwnedCommand::Release, zero), Err(Malformed::OperationZero));
    assert_eq!(check(OwnedCommand::OperationShow, zero), Err(Malformed::OperationZero));
    assert_eq!(check(OwnedCommand::StockShow { stock: StockId(1) }, zero), Ok(()));
    let outside = |request: &mut OwnedRequest| request.envelope.slot = Slot(SLOTS);
    assert_eq!(check(OwnedCommand::Release, outside), Err(Malformed::SlotOutOfRange(SLOTS)));
}

#[test]
fn malformed_takes_are_refused() {
    let stock = StockId(1);
    let lines = |count| reserve(take(&vec![(stock, 1); count]));
    assert_eq!(check(lines(0), as_is), Err(Malformed::LineCount(0)));
    assert_eq!(check(lines(LINES_MAX), as_is), Ok(()));
    assert_eq!(check(lines(LINES_MAX + 1), as_is), Err(Malformed::LineCount(LINES_MAX + 1)));
    let units = |units| reserve(take(&[(stock, 1), (stock, units)]));
    assert_eq!(check(units(0), as_is), Err(Malformed::LineUnits { line: 1, units: 0 }));
    assert_eq!(check(units(UNITS_PER_LINE_MAX), as_is), Ok(()));
    let over = UNITS_PER_LINE_MAX + 1;
    assert_eq!(check(units(over), as_is), Err(Malformed::LineUnits { line: 1, units: over }));
    let least = |partial, units_min| {
        let lines = vec![Wish { stock, units: 2, units_min }];
        reserve(OwnedTake { partial, lines, user: UserId(1), ..take(&[]) })
    };
    assert_eq!(check(least(true, 2), as_is), Ok(()));
    assert_eq!(check(least(true, 3), as_is), Err(Malformed::LineMinimum { line: 0, units_min: 3, units: 2 }));
    assert_eq!(check(least(false, 3), as_is), Ok(()), "ignored without `partial`");
    let itself = reserve(OwnedTake { replace: OperationId(10), ..take(&[(stock, 1)]) });
    assert_eq!(check(itself, as_is), Err(Malformed::ReplaceSelf));
    let ttl = |ttl_ms| OwnedCommand::Reserve { take: take(&[(stock, 1)]), ttl_ms };
    assert_eq!(check(ttl(0), as_is), Ok(()));
    assert_eq!(check(ttl(TTL_MAX_MS), as_is), Ok(()));
    assert_eq!(check(ttl(TTL_MAX_MS + 1), as_is), Err(Malformed::Ttl(TTL_MAX_MS + 1)));
}

#[test]
fn malformed_hold_commands_are_refused() {
    let extend = |ttl_ms| OwnedCommand::Extend { hold: OperationId(1), ttl_ms };
    assert_eq!(check(extend(0), as_is), Err(Malformed::Ttl(0)));
    assert_eq!(check(extend(1), as_is), Ok(()));
    assert_eq!(check(extend(TTL_MAX_MS + 1), as_is), Err(Malformed::Ttl(TTL_MAX_MS + 1)));
    for command in [
        |units| OwnedCommand::Confirm { units, hidden: false },
        |units| OwnedCommand::Return { hold: OperationId(1), to_available: true, units },
    ] {
        assert_eq!(check(command(vec![]), as_is), Ok(()));
        assert_eq!(check(command(vec![0, 0]), as_is), Err(Malformed::NoUnits));
        assert_eq!(check(command(vec![1; LINES_MAX + 1]), as_is), Err(Malformed::LineCount(LINES_MAX + 1)));
        let over = UNITS_PER_LINE_MAX + 1;
        assert_eq!(check(command(vec![0, over]), as_is), Err(Malformed::LineUnits { line: 1, units: over }));
    }
}

#[test]
fn malformed_stock_commands_are_refused() {
    let stock = StockId(1);
    let create = |name: &[u8], units, terms| OwnedCommand::StockCreate {
        stock,
        name: name.to_vec(),
        units,
        kind: StockKind::Counter,
        once_per_order: false,
        terms,
    };
    assert_eq!(check(create(b"x", 0, ANY_TERMS), as_is), Ok(()));
    assert_eq!(check(create(b"", 0, ANY_TERMS), as_is), Err(Malformed::Name));
    assert_eq!(check(create(&[b'x'; 65], 0, ANY_TERMS), as_is), Err(Malformed::Name));
    assert_eq!(check(create(&[0xff], 0, ANY_TERMS), as_is), Err(Malformed::Name));
    let over = STOCK_UNITS_MAX + 1;
    assert_eq!(check(create(b"x", over, ANY_TERMS), as_is), Err(Malformed::StockUnits(over)));
    let times = |opens_ms, closes_ms| StockTerms { opens_ms, closes_ms, ..ANY_TERMS };
    let (opens_ms, closes_ms) = (START_MS, START_MS);
    let same = Err(Malformed::Times { opens_ms, closes_ms });
    assert_eq!(check(create(b"x", 1, times(opens_ms, closes_ms)), as_is), same);
    let edit = |terms| OwnedCommand::StockEdit { stock, version: 1, terms };
    assert_eq!(check(edit(times(opens_ms, closes_ms)), as_is), same);
    assert_eq!(check(edit(times(opens_ms, 0)), as_is), Ok(()));
    let limit_per_user = UNITS_PER_LINE_MAX + 1;
    assert_eq!(
        check(edit(StockTerms { limit_per_user, ..ANY_TERMS }), as_is),
        Err(Malformed::Limit(limit_per_user))
    );
    for command in [
        |stock, units| OwnedCommand::StockSupply { stock, units },
        |stock, units| OwnedCommand::StockVoid { stock, units, from_frozen: false, forced: false },
        |stock, units| OwnedCommand::StockFreeze { stock, units, forced: false },
        |stock, units| OwnedCommand::StockUnfreeze { stock, units },
    ] {
        assert_eq!(check(command(stock, 0), as_is), Err(Malformed::StockUnits(0)));
        assert_eq!(check(command(stock, STOCK_UNITS_MAX), as_is), Ok(()));
        assert_eq!(check(command(stock, over), as_is), Err(Malformed::StockUnits(over)));
    }
}

#[test]
fn malformed_quotas_are_refused() {
    let command = |quotas| OwnedCommand::StockQuota { stock: StockId(1), version: 1, quotas };
    let of = |channel, guaranteed, cap, lapses_ms| Quota::new(ChannelId(channel), guaranteed, cap, lapses_ms);
    let most = CHANNELS_PER_STOCK_MAX;
    let many = |count: usize| (0..count as u16).map(|channel| of(channel, 0, 0, 0)).collect();
    assert_eq!(check(command(many(0)), as_is), Err(Malformed::QuotaCount(0)));
    assert_eq!(check(command(many(most)), as_is), Ok(()));
    assert_eq!(check(command(many(most + 1)), as_is), Err(Malformed::QuotaCount(most + 1)));
    let one = |quota| check(command(vec![of(0, 0, 0, 0), quota]), as_is);
    assert_eq!(one(of(1, STOCK_UNITS_MAX, Quota::NO_CAP, 1)), Ok(()));
    assert_eq!(one(of(u16::MAX, 7, 7, 0)), Ok(()));
    assert_eq!(one(of(0, 1, 1, 0)), Err(Malformed::QuotaOrder(1)));
    assert_eq!(one(of(1, 8, 7, 0)), Err(Malformed::Guarantee { index: 1, guaranteed: 8 }));
    let guaranteed = STOCK_UNITS_MAX + 1;
    assert_eq!(one(of(1, guaranteed, Quota::NO_CAP, 0)), Err(Malformed::Guarantee { index: 1, guaranteed }));
    assert_eq!(one(of(1, 0, 7, START_MS)), Err(Malformed::QuotaSpare(1)));
    assert_eq!(one(Quota { spare: [0, 0, 0, 0, 0, 1], ..of(1, 1, 7, 0) }), Err(Malformed::QuotaSpare(1)));
}

#[test]
fn malformed_waits_are_refused() {
    let stock = StockId(1);
    let takes = |wait_until_ms, partial| OwnedTake { wait_until_ms, partial, ..take(&[(stock, 1)]) };
    let sell = |take| OwnedCommand::Sell { take, paid: true, hidden: false };
    assert_eq!(check(sell(takes(1, false)), as_is), Ok(()));
    assert_eq!(check(sell(takes(0, true)), as_is), Ok(()));
    assert_eq!(check(sell(takes(1, true)), as_is), Err(Malformed::Wait));
    assert_eq!(check(reserve(takes(0, false)), as_is), Ok(()));
    assert_eq!(check(reserve(takes(1, false)), as_is), Err(Malformed::Wait));
}

#[test]
fn malformed_stocks_of_keys_and_batches_are_refused() {
    let create = |kind, units| OwnedCommand::StockCreate {
        stock: StockId(1),
        name: b"x".to_vec(),
        units,
        kind,
        once_per_order: false,
        terms: ANY_TERMS,
    };
    for kind in [StockKind::Keys, StockKind::RandomKeys { seed: 1 }] {
        assert_eq!(check(create(kind, 0), as_is), Ok(()));
        assert_eq!(check(create(kind, 1), as_is), Err(Malformed::KeysWithUnits), "{kind:?}");
    }
    assert_eq!(check(create(StockKind::Reusable, STOCK_UNITS_MAX), as_is), Ok(()));
    let batch = |supplier: &[u8]| OwnedCommand::BatchCreate {
        stock: StockId(1),
        batch: 1,
        cost: 1,
        expires_ms: 0,
        supplier: supplier.to_vec(),
    };
    assert_eq!(check(batch(&[b'x'; NAME_BYTES_MAX]), as_is), Ok(()));
    for bad in [&[b'x'; NAME_BYTES_MAX + 1][..], b"", &[0xff]] {
        assert_eq!(check(batch(bad), as_is), Err(Malformed::Name));
    }
}

/// What `Request::check` says of an import of these texts, counted as `count`.
fn check_keys(count: usize, texts: &[&[u8]]) -> Result<(), Malformed> {
    let lengths = texts.iter().flat_map(|text| (text.len() as u16).to_le_bytes());
    let bytes: Vec<u8> = lengths.chain(texts.concat()).collect();
    let envelope = World::usual().request(10, OwnedCommand::Release).envelope;
    let block = KeyBlock::Plain { count, bytes: &bytes };
    Request { envelope, command: Command::KeysImport { stock: StockId(1), batch: 1, block } }.check()
}

#[test]
fn malformed_keys_are_refused() {
    let texts = |count: usize| vec![&b"x"[..]; count];
    let most = KEYS_PER_CHUNK_MAX;
    assert_eq!(check_keys(0, &[]), Err(Malformed::KeyCount(0)));
    assert_eq!(check_keys(most, &texts(most)), Ok(()));
    assert_eq!(check_keys(most + 1, &texts(most + 1)), Err(Malformed::KeyCount(most + 1)));
    let long = [b'x'; KEY_TEXT_BYTES_MAX + 1];
    assert_eq!(check_keys(2, &[b"x", &long[1..]]), Ok(()));
    for bad in [&long[..], b"", &[0xff]] {
        assert_eq!(check_keys(2, &[b"x", bad]), Err(Malformed::KeyText(1)));
    }
    assert_eq!(check_keys(1, &texts(2)), Err(Malformed::KeyBlock(6)), "a text more than is counted");
    assert_eq!(check_keys(3, &texts(2)), Err(Malformed::KeyBlock(6)), "a text less");
    let block = |last: usize| [vec![&long[1..]; 11], vec![&long[..last]]].concat();
    let last = KEY_BLOCK_BYTES_MAX - 11 * KEY_TEXT_BYTES_MAX - 12 * 2;
    assert_eq!(check_keys(12, &block(last)), Ok(()));
    assert_eq!(check_keys(12, &block(last + 1)), Err(Malformed::KeyBlock(KEY_BLOCK_BYTES_MAX + 1)));
}

#[test]
fn malformed_limits_of_subjects_are_refused() {
    let none = Limits::default();
    let command = |limits| OwnedCommand::StockLimits { stock: StockId(1), version: 1, limits, spans: None };
    let (most, over) = (UNITS_PER_LINE_MAX, UNITS_PER_LINE_MAX + 1);
    for kind in SubjectKind::LIMITED {
        let of = |total, per_day, held| {
            let mut limits = none;
            limits.subjects[kind.position()] = SubjectLimit::new(total, per_day, held);
            check(command(limits), as_is)
        };
        assert_eq!(of(most, most, most), Ok(()));
        for spoilt in [of(over, 0, 0), of(0, over, 0), of(0, 0, over)] {
            assert_eq!(spoilt, Err(Malformed::Limit(over)), "{kind:?}");
        }
    }
    let days = |minutes| check(command(Limits { utc_offset_minutes: I16::new(minutes), ..none }), as_is);
    assert_eq!((days(-720), days(840), days(Limits::BY_ZONE)), (Ok(()), Ok(()), Ok(())));
    assert_eq!(days(-721), Err(Malformed::Offset(-721)));
    assert_eq!(days(841), Err(Malformed::Offset(841)));
    let spare = Limits { spare: [0, 0, 0, 0, 0, 1], ..none };
    assert_eq!(check(command(spare), as_is), Err(Malformed::Offset(0)));
}

#[test]
fn malformed_prices_are_refused() {
    let command = |prices| OwnedCommand::StockPrice { stock: StockId(1), version: 1, prices };
    let good = Price::new(Price::ANY_CHANNEL, PriceKind::List, 1);
    let most = PRICES_PER_STOCK_MAX;
    assert_eq!(check(command(vec![]), as_is), Ok(()));
    assert_eq!(check(command(vec![good; most]), as_is), Ok(()));
    assert_eq!(check(command(vec![good; most + 1]), as_is), Err(Malformed::PriceCount(most + 1)));
    let second = |price| check(command(vec![good, price]), as_is);
    let in_force =
        |from_ms, until_ms| Price { from_ms: U64::new(from_ms), until_ms: U64::new(until_ms), ..good };
    for sound in [in_force(5, 6), in_force(5, 0), Price { kind: PriceKind::Promotional as u8, ..good }] {
        assert_eq!(second(sound), Ok(()));
    }
    let bad = [
        in_force(5, 5),
        Price { kind: 0, ..good },
        Price { kind: 4, ..good },
        Price { amount: U32::ZERO, ..good },
        Price { spare: 1, ..good },
    ];
    for price in bad {
        assert_eq!(second(price), Err(Malformed::Price(1)), "{price:?}");
    }
}

#[test]
fn malformed_risk_rules_are_refused() {
    let good = RiskRule {
        number: U16::new(1),
        channel: U16::new(Price::ANY_CHANNEL.0),
        subject: 1,
        action: 1,
        spare: U16::ZERO,
        at_most: U32::ZERO,
        window_ms: U32::new(RISK_WINDOW_MIN_MS),
    };
    let number = |number| RiskRule { number: U16::new(number), ..good };
    let window = |window_ms| RiskRule { window_ms: U32::new(window_ms), ..good };
    let most = RISK_RULES_MAX as u16;
    let sound = [
        good,
        number(most),
        window(RISK_WINDOW_MAX_MS),
        RiskRule { subject: 4, action: 2, ..good },
        RiskRule { subject: 5, ..good },
        RiskRule { subject: 9, action: 0, window_ms: U32::ZERO, ..good },
    ];
    for rule in sound {
        assert_eq!(check(OwnedCommand::RiskSet { rule }, as_is), Ok(()), "{rule:?}");
    }
    let bad = [
        number(0),
        number(most + 1),
        window(RISK_WINDOW_MIN_MS - 1),
        window(RISK_WINDOW_MAX_MS + 1),
        RiskRule { subject: 0, ..good },
        RiskRule { subject: 6, ..good },
        RiskRule { action: 3, ..good },
        RiskRule { spare: U16::new(1), ..good },
        RiskRule { number: U16::ZERO, action: 0, ..good },
    ];
    for rule in bad {
        let said = Err(Malformed::RiskRule(rule.number.get()));
        assert_eq!(check(OwnedCommand::RiskSet { rule }, as_is), said, "{rule:?}");
    }
}

#[test]
fn malformed_blocks_are_refused() {
    let block = |kind, subject: u128| Block {
        subject: U128::new(subject),
        until_ms: U64::ZERO,
        kind,
        action: 1,
        spare: [0; 6],
    };
    let widest = u128::from(u64::MAX);
    let sound = [
        block(1, u128::MAX),
        block(2, u128::MAX),
        block(3, widest),
        block(4, widest),
        block(5, u128::MAX),
        Block { action: 0, ..block(1, 1) },
        Block { action: 2, ..block(1, 1) },
    ];
    for block in sound {
        assert_eq!(check(OwnedCommand::BlockSet { block }, as_is), Ok(()), "{block:?}");
    }
    let bad = [
        block(0, 1),
        block(6, 1),
        block(1, 0),
        block(3, widest + 1),
        block(4, widest + 1),
        Block { action: 3, ..block(1, 1) },
        Block { spare: [0, 0, 0, 0, 0, 1], ..block(1, 1) },
    ];
    for block in bad {
        assert_eq!(check(OwnedCommand::BlockSet { block }, as_is), Err(Malformed::Block), "{block:?}");
    }
}

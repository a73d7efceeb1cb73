//! Full tables: CAPACITY says which, holds can always be ended, and room returns when the window moves.

use scrip_engine::command::{StockKind, StockTerms};
use scrip_engine::ids::{OperationId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, Rules, STOCK_UNITS_MAX};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, reserve, return_all, take};

/// Ids are remembered for a day if there is room, for ten seconds at least.
const SHRINKING: Rules =
    Rules { operation_window_ms: 86_400_000, operation_window_min_ms: 10_000, late_confirm_ms: 5_000 };

const LIMITED: StockTerms = StockTerms { limit_per_user: 5, ..ANY_TERMS };

fn full(of: CapacityOf, maximum: u64) -> OwnedOutcome {
    OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(of, maximum) }
}

fn sell(take: OwnedTake) -> OwnedCommand {
    OwnedCommand::Sell { take, paid: false, hidden: false }
}

fn by(user: u128, lines: &[(StockId, u32)]) -> OwnedTake {
    OwnedTake { user: UserId(user), ..take(lines) }
}

#[track_caller]
fn assert_taken(outcome: &OwnedOutcome) {
    assert_eq!(outcome.code(), None, "answered {outcome:?}");
}

#[test]
fn a_full_table_says_which_it_is() {
    let capacity = Capacity {
        stocks_max: 2,
        holds_max: 3,
        extra_lines_max: 5,
        operations_max: 3,
        user_limits_max: 2,
        order_lines_max: 4_096,
        keys_max: 256,
        sealed_bytes_max: 64 << 10,
        risk_counts_max: 1_024,
        debts_max: 4_096,
        cards_max: 4_096,
        redemptions_max: 4_096,
        lots_max: 4_096,
        gifts_max: 4_096,
        given_codes_max: 4_096,
        groups_max: 4_096,
        links_max: 16,
        labels_max: 16,
        friends_max: 4_096,
        notices_max: 256,
    };
    let mut world = World::new(capacity, SHRINKING, START_MS);
    let (one, two) = (world.stock(1, 100), world.stock_with(2, 100, LIMITED));
    let third = OwnedCommand::StockCreate {
        stock: StockId::new(one.slot(), 3),
        name: b"third".to_vec(),
        units: 1,
        kind: StockKind::Counter,
        once_per_order: false,
        terms: ANY_TERMS,
    };
    assert_eq!(world.run(1, third), full(CapacityOf::Stocks, 2));
    assert_eq!(world.reserve(10, &[(one, 1); 7]), full(CapacityOf::ExtraLines, 5));
    assert_taken(&world.reserve(10, &[(one, 1); 6]));
    assert_eq!(world.reserve(11, &[(one, 1); 2]), full(CapacityOf::ExtraLines, 5));
    assert_taken(&world.run(12, reserve(by(1, &[(two, 1)]))));
    assert_taken(&world.run(13, sell(by(2, &[(two, 1)]))));
    assert_eq!(world.reserve(14, &[(one, 1)]), full(CapacityOf::Holds, 3));
    // No room for the refusal of a paid sale either: it is not recorded, and may be tried again.
    let paid = OwnedCommand::Sell { take: take(&[(one, 1_000)]), paid: true, hidden: false };
    assert_eq!(world.run(15, paid), full(CapacityOf::Holds, 3));
    world.run(20, OwnedCommand::StockSupply { stock: one, units: 1 });
    let extend = OwnedCommand::Extend { hold: OperationId(10), ttl_ms: 50_000 };
    assert_eq!(world.run(21, extend), full(CapacityOf::Operations, 3));
    assert_eq!(world.run(21, return_all(13)), full(CapacityOf::Operations, 3));
    assert_eq!(
        world.run(21, OwnedCommand::StockFreeze { stock: one, units: 1, forced: false }),
        full(CapacityOf::Operations, 3)
    );
    let most = STOCK_UNITS_MAX;
    assert_eq!(
        world.run(22, OwnedCommand::StockSupply { stock: one, units: most }),
        full(CapacityOf::StockUnits, most)
    );
    world.check_laws();
}

fn keys_stock(stock: StockId) -> OwnedCommand {
    OwnedCommand::StockCreate {
        stock,
        name: b"keys".to_vec(),
        units: 0,
        kind: StockKind::Keys,
        once_per_order: false,
        terms: ANY_TERMS,
    }
}

fn batch(stock: StockId, batch: u32) -> OwnedCommand {
    OwnedCommand::BatchCreate { stock, batch, cost: 1, expires_ms: 0, supplier: b"A".to_vec() }
}

#[test]
fn a_stock_has_1_024_batches_and_all_stocks_65_536() {
    const OF_STOCK: u32 = 1_024;
    const IN_ALL: u64 = 65_536;
    let room = 1 << 17;
    let mut world =
        World::new(Capacity { stocks_max: 65, operations_max: room, ..ROOMY }, SHRINKING, START_MS);
    let stocks: Vec<StockId> = (1..=65).map(|number| StockId::new(Slot(0), number)).collect();
    for (operation, stock) in (1..).zip(&stocks) {
        assert_taken(&world.run(operation, keys_stock(*stock)));
    }
    let mut operation = 1_000;
    for stock in &stocks[..64] {
        for number in 1..=OF_STOCK {
            // Engine and oracle side by side, without a look at every stock after each of so many.
            operation += 1;
            let request = world.request(operation, batch(*stock, number));
            let (now_ms, log) = (world.now_ms, &mut world.log);
            let answer =
                request.with(|request| OwnedOutcome::from(world.engine.execute(now_ms, request, log)));
            assert_eq!(answer, OwnedOutcome::StockChanged { value: number.into() });
            assert_eq!(world.oracle.answer(&request), answer);
        }
        if *stock == stocks[0] {
            assert_eq!(
                world.run(500, batch(*stock, OF_STOCK + 1)),
                full(CapacityOf::Batches, OF_STOCK.into())
            );
        }
    }
    assert_eq!(world.run(500, batch(stocks[64], 1)), full(CapacityOf::Batches, IN_ALL));
    assert_eq!(
        world.run(500, batch(stocks[63], OF_STOCK + 1)),
        full(CapacityOf::Batches, OF_STOCK.into()),
        "the stock's own maximum comes first"
    );
}

#[test]
fn purchase_limits_fill_up_and_empty_again() {
    let mut world = World::new(Capacity { user_limits_max: 2, ..ROOMY }, SHRINKING, START_MS);
    let (limited, free) = (world.stock_with(1, 100, LIMITED), world.stock(2, 100));
    world.run(10, reserve(by(1, &[(limited, 1)])));
    world.run(11, reserve(by(2, &[(limited, 1)])));
    assert_eq!(world.run(12, reserve(by(3, &[(limited, 1)]))), full(CapacityOf::UserLimits, 2));
    // Who is counted already needs no further entry, and what has no limit needs none at all.
    assert_taken(&world.run(13, reserve(by(2, &[(limited, 2), (limited, 2)]))));
    assert_taken(&world.run(14, reserve(by(3, &[(free, 1)]))));
    world.release(10);
    // The entry stays as long as a hold that may be asked about points to it, then goes with the hold.
    world.wait(30_000);
    world.created_ms = world.now_ms;
    assert_taken(&world.run(15, reserve(by(3, &[(limited, 1)]))));
    world.check_laws();
}

#[test]
fn holds_can_always_be_ended() {
    let capacity =
        Capacity { holds_max: 4, extra_lines_max: 4, operations_max: 2, user_limits_max: 1, ..ROOMY };
    let mut world = World::new(capacity, SHRINKING, START_MS);
    let (limited, free) = (world.stock_with(1, 10, LIMITED), world.stock(2, 10));
    for hold in 10..14 {
        assert_taken(&world.reserve(hold, &[(limited, 1), (free, 1)]));
    }
    assert_eq!(world.reserve(14, &[(free, 1)]), full(CapacityOf::Holds, 4));
    assert!(matches!(world.confirm(10), OwnedOutcome::Confirmed { .. }));
    assert_eq!(world.release(11), OwnedOutcome::Released { lapsed: false });
    assert_eq!(
        world.reserve(14, &[(free, 1)]),
        full(CapacityOf::Holds, 4),
        "closed holds are still answered"
    );
    world.wait(u64::from(TTL_MS));
    // Every table is full, and the purchase limit must be counted again.
    assert!(matches!(world.confirm(12), OwnedOutcome::Confirmed { late: true, .. }));
    assert_eq!(world.release(13), OwnedOutcome::Released { lapsed: true });
    assert_eq!(world.counts(limited), [8, 0, 2]);
    world.check_laws();
}

#[test]
fn room_returns_when_the_window_moves() {
    let mut world = World::new(Capacity { holds_max: 50, ..ROOMY }, SHRINKING, START_MS);
    let stock = world.stock(1, 1_000);
    for sale in 0..50 {
        world.run(100 + sale, sell(take(&[(stock, 1)])));
    }
    assert_eq!(world.reserve(200, &[(stock, 1)]), full(CapacityOf::Holds, 50));
    world.wait(9_999);
    world.created_ms = world.now_ms;
    assert_eq!(world.reserve(200, &[(stock, 1)]), full(CapacityOf::Holds, 50), "ten seconds are guaranteed");
    world.wait(1_002);
    world.created_ms = world.now_ms;
    for hold in 200..250 {
        assert_taken(&world.reserve(hold, &[(stock, 1)]));
    }
    // Open holds stay for as long as they are open, however old their ids.
    assert_eq!(world.reserve(300, &[(stock, 1)]), full(CapacityOf::Holds, 50));
    world.check_laws();
}

#[test]
fn old_ids_are_refused_when_memory_has_forgotten_them() {
    let mut world = World::new(Capacity { holds_max: 50, ..ROOMY }, SHRINKING, START_MS);
    let stock = world.stock(1, 1_000);
    for sale in 0..50 {
        world.run(100 + sale, sell(take(&[(stock, 1)])));
    }
    world.wait(20_000);
    assert!(world.engine.floor_ms() > START_MS, "memory is short, so the floor has risen");
    // Whether it happened can't be told any more, so it must not happen again.
    assert_refused(&world.run(100, sell(take(&[(stock, 1)]))), Code::OperationTooOld);
    assert_eq!(world.counts(stock), [950, 0, 50]);
}

#[test]
fn a_steady_shop_with_little_memory_is_never_refused() {
    let capacity = Capacity {
        stocks_max: 2,
        holds_max: 300,
        extra_lines_max: 300,
        operations_max: 300,
        user_limits_max: 300,
        order_lines_max: 4_096,
        keys_max: 256,
        sealed_bytes_max: 64 << 10,
        risk_counts_max: 1_024,
        debts_max: 4_096,
        cards_max: 4_096,
        redemptions_max: 4_096,
        lots_max: 4_096,
        gifts_max: 4_096,
        given_codes_max: 4_096,
        groups_max: 4_096,
        links_max: 18,
        labels_max: 16,
        friends_max: 4_096,
        notices_max: 256,
    };
    let mut world = World::new(capacity, SHRINKING, START_MS);
    let (limited, free) = (world.stock_with(1, 1_000_000, LIMITED), world.stock(2, 1_000_000));
    for order in 1_000..40_000 {
        world.wait(100);
        world.created_ms = world.now_ms;
        let lines = [(limited, 1), (free, 1)];
        let ended = match order % 4 {
            0 => {
                world.run(order, reserve(by(order, &lines)));
                world.release(order)
            }
            1 => {
                world.run(order, reserve(by(order, &lines)));
                world.run(1 << 80 | order, OwnedCommand::Extend { hold: OperationId(order), ttl_ms: 1_000 })
            }
            2 => {
                world.run(order, reserve(by(order, &lines)));
                world.confirm(order);
                world.run(1 << 80 | order, return_all(order))
            }
            _ => world.run(order, sell(by(order, &[(free, 1)]))),
        };
        assert_eq!(ended.code(), None, "order {order}: {ended:?}");
        if order % 1_000 == 0 {
            world.check_laws();
            for (table, used, maximum) in world.engine.usage() {
                assert!(used <= maximum, "{used} of {maximum} {table}");
            }
        }
    }
    assert!(world.engine.floor_ms() > START_MS + 3_000_000, "the floor follows");
}

//! Prices: whose counts and when, what is fixed into a hold, and what the buyer was told.

use scrip_engine::command::{Price, PriceKind};
use scrip_engine::ids::{ChannelId, OperationId, Slot, StockId};
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake, Wish};
use scrip_tests::world::{START_MS, TTL_MS, World, assert_refused, reserve, take};
use zerocopy::little_endian::U64;

const STOCK: StockId = StockId::new(Slot(0), 1);
const OTHER: StockId = StockId::new(Slot(0), 2);
/// The channel of the requests of named tests.
const OWN: ChannelId = ChannelId(1);

fn list(amount: u32) -> Price {
    Price::new(Price::ANY_CHANNEL, PriceKind::List, amount)
}

/// Two stocks of a hundred units; the first has these prices.
fn world(prices: &[Price]) -> World {
    let mut world = World::usual();
    world.stock(1, 100);
    world.stock(2, 100);
    set(&mut world, STOCK, 1, prices);
    world
}

#[track_caller]
fn set(world: &mut World, stock: StockId, version: u32, prices: &[Price]) {
    let id = 1 << 65 | u128::from(stock.0) << 8 | u128::from(version);
    let done = world.run(id, OwnedCommand::StockPrice { stock, version, prices: prices.to_vec() });
    assert_eq!(done, OwnedOutcome::StockChanged { value: u64::from(version) + 1 });
}

/// The prices that a hold shows.
#[track_caller]
fn prices_of(world: &mut World, hold: u128) -> Vec<u32> {
    world.show_hold(hold).lines.iter().map(|line| line.price).collect()
}

/// The price of one unit now, for the usual channel.
#[track_caller]
fn price_now(world: &mut World, operation: u128, member: bool) -> u32 {
    let taken = world.run(operation, reserve(OwnedTake { member, ..take(&[(STOCK, 1)]) }));
    assert_eq!(taken.code(), None, "{taken:?}");
    prices_of(world, operation)[0]
}

#[test]
fn a_price_for_members_is_for_members_alone() {
    let mut world = world(&[list(100), Price::new(OWN, PriceKind::Member, 80)]);
    assert_eq!(price_now(&mut world, 10, true), 80);
    // The only price of the channel itself is not for this buyer: that for all channels is.
    assert_eq!(price_now(&mut world, 11, false), 100);
}

#[test]
fn a_channels_own_price_comes_before_that_for_all_even_if_it_is_higher() {
    let mut world = world(&[
        list(100),
        Price::new(OWN, PriceKind::List, 120),
        Price::new(ChannelId(2), PriceKind::List, 5),
    ]);
    assert_eq!(price_now(&mut world, 10, false), 120);
    // Of several in force the lowest counts.
    set(
        &mut world,
        STOCK,
        2,
        &[Price::new(OWN, PriceKind::List, 120), Price::new(OWN, PriceKind::Promotional, 110)],
    );
    assert_eq!(price_now(&mut world, 11, true), 110);
}

#[test]
fn a_promotion_begins_and_ends_at_its_millisecond() {
    let promotion = Price {
        from_ms: U64::new(START_MS + 100),
        until_ms: U64::new(START_MS + 200),
        ..Price::new(Price::ANY_CHANNEL, PriceKind::Promotional, 60)
    };
    let mut world = world(&[list(100), promotion]);
    for (operation, at_ms, price) in [(10, 99, 100), (11, 100, 60), (12, 199, 60), (13, 200, 100)] {
        world.advance(START_MS + at_ms);
        assert_eq!(price_now(&mut world, operation, false), price, "after {at_ms} ms");
    }
}

#[test]
fn a_held_price_survives_a_change_through_a_late_confirm() {
    let mut world = world(&[list(100)]);
    world.run(10, reserve(take(&[(STOCK, 2), (OTHER, 1)])));
    assert_eq!(prices_of(&mut world, 10), [100, 0], "the other stock has no price");
    set(&mut world, STOCK, 2, &[list(150)]);
    world.wait(u64::from(TTL_MS));
    set(&mut world, OTHER, 1, &[list(7)]);
    assert!(matches!(world.confirm(10), OwnedOutcome::Confirmed { late: true, .. }));
    assert_eq!(prices_of(&mut world, 10), [100, 0]);
    assert_eq!(world.replayed().digest(), world.engine.digest(), "the log knows the price");
    set(&mut world, STOCK, 3, &[]);
    assert_eq!(price_now(&mut world, 11, false), 0, "a stock without a price costs nothing");
}

#[test]
fn a_wrong_total_is_answered_with_the_right_one() {
    let mut world = world(&[list(100)]);
    set(&mut world, OTHER, 1, &[list(7)]);
    let told = |total| OwnedTake { expected_total: Some(total), ..take(&[(STOCK, 2), (OTHER, 3)]) };
    let changed = |total| OwnedOutcome::Refused { code: Code::QuoteChanged, facts: OwnedFacts::Total(total) };
    assert_eq!(world.run(10, reserve(told(220))), changed(221));
    let sale = OwnedCommand::Sell { take: told(222), paid: false, hidden: false };
    assert_eq!(world.run(11, sale), changed(221));
    assert_eq!(world.run(10, reserve(told(221))).code(), None);
    // Where a line has no price there is no total, and none can be expected.
    set(&mut world, OTHER, 2, &[]);
    assert_eq!(world.run(12, reserve(told(200))), changed(0));
    assert_eq!(world.run(13, reserve(told(0))), changed(0));
}

#[test]
fn a_total_is_that_of_all_units_asked_for_granted_or_not() {
    let mut world = world(&[list(10)]);
    let lines = vec![Wish { stock: STOCK, units: 200, units_min: 1 }];
    let told =
        |total| OwnedTake { expected_total: Some(total), partial: true, lines: lines.clone(), ..take(&[]) };
    assert_refused(&world.run(10, reserve(told(1_000))), Code::QuoteChanged);
    let granted = world.run(10, reserve(told(2_000)));
    assert!(matches!(granted, OwnedOutcome::Reserved { units, .. } if units == [100]));
}

#[test]
fn the_quote_is_checked_after_all_that_lacks_and_changes_nothing() {
    let mut world = world(&[list(10)]);
    let wrong = |units| OwnedTake { expected_total: Some(1), ..take(&[(STOCK, units)]) };
    assert_refused(&world.run(10, reserve(wrong(101))), Code::OutOfStock);
    assert_refused(&world.run(10, reserve(wrong(100))), Code::QuoteChanged);
    assert_eq!(world.counts(STOCK), [100, 0, 0]);
    // A replaced hold stays as it is when the quote is refused.
    world.reserve(11, &[(STOCK, 1)]);
    let replacing = OwnedTake { replace: OperationId(11), ..wrong(1) };
    assert_refused(&world.run(12, reserve(replacing)), Code::QuoteChanged);
    assert_eq!(world.counts(STOCK), [99, 1, 0]);
}

#[test]
fn a_paid_sale_refused_for_its_total_is_recorded() {
    let mut world = world(&[list(10)]);
    let take = OwnedTake { expected_total: Some(1), ..take(&[(STOCK, 1)]) };
    let sale = OwnedCommand::Sell { take, paid: true, hidden: false };
    let refused = world.run(10, sale.clone());
    assert_eq!(refused, OwnedOutcome::refused(Code::QuoteChanged), "as it is recorded, without facts");
    // The price is what was paid by now, but a recorded refusal is final.
    set(&mut world, STOCK, 2, &[list(1)]);
    assert_eq!(world.run(10, sale), refused);
    assert_eq!(world.show_hold(10).refusal, Some(Code::QuoteChanged));
}

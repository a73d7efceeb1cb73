//! Debts beside what else a stock or a merchant may ask for: limits of subjects, prices, risk, orders, and CANCEL.

use scrip_engine::answer::{Cancelled, HoldState};
use scrip_engine::command::{
    Limits, Price, PriceKind, RiskAction, RiskRule, StockKind, SubjectKind, SubjectLimit,
};
use scrip_engine::ids::{OrderId, Slot, StockId};
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused, take};
use zerocopy::little_endian::{I16, U16, U32};

/// How long the debts of these tests wait.
const WAIT_MS: u64 = 60_000;
const STOCK: StockId = StockId::new(Slot(0), 1);

fn sell(take: OwnedTake) -> OwnedCommand {
    OwnedCommand::Sell { take, paid: false, hidden: false }
}

fn waiting(units: u32) -> OwnedTake {
    OwnedTake { wait_until_ms: START_MS + WAIT_MS, ..take(&[(STOCK, units)]) }
}

fn owed(position: u32) -> OwnedOutcome {
    OwnedOutcome::Owed { position, until_ms: START_MS + WAIT_MS }
}

#[track_caller]
fn supply(world: &mut World, operation: u128, units: u64) {
    let answer = world.run(operation, OwnedCommand::StockSupply { stock: STOCK, units });
    assert_eq!(answer.code(), None, "a supply is answered {answer:?}");
}

/// At most three units per user and day.
#[track_caller]
fn limit_per_day(world: &mut World) {
    let none = SubjectLimit::new(0, 0, 0);
    let subjects = [SubjectLimit::new(0, 3, 0), none, none, none];
    let limits = Limits { subjects, utc_offset_minutes: I16::new(0), spare: [0; 6] };
    let answer = world.run(500, OwnedCommand::StockLimits { stock: STOCK, version: 1, limits, spans: None });
    assert_eq!(answer, OwnedOutcome::StockChanged { value: 2 });
}

#[test]
fn what_is_owed_counts_for_its_day_until_it_ends_in_vain() {
    let mut world = World::usual();
    world.stock(1, 0);
    limit_per_day(&mut world);
    assert_eq!(world.run(10, sell(waiting(2))), owed(1));
    assert_refused(&world.run(11, sell(waiting(2))), Code::UserLimit);
    assert_eq!(world.run(12, sell(waiting(1))), owed(2));
    supply(&mut world, 501, 2);
    assert_eq!(world.show_hold(10).state, HoldState::Confirmed);
    world.advance(START_MS + WAIT_MS);
    assert_eq!(world.show_hold(12).state, HoldState::Unfulfilled);
    supply(&mut world, 502, 9);
    assert_refused(&world.run(13, sell(take(&[(STOCK, 2)]))), Code::UserLimit);
    assert_eq!(
        world.run(14, sell(take(&[(STOCK, 1)]))).code(),
        None,
        "the unit that was not served is free again"
    );
    world.restart();
    world.check_laws();
}

#[test]
fn the_price_of_a_debt_is_that_of_its_making_and_what_the_buyer_was_told_must_be_true() {
    let mut world = World::usual();
    world.stock(1, 0);
    let price = |amount| vec![Price::new(Price::ANY_CHANNEL, PriceKind::List, amount)];
    world.run(500, OwnedCommand::StockPrice { stock: STOCK, version: 1, prices: price(90) });
    let wrong = OwnedTake { expected_total: Some(100), ..waiting(2) };
    let refused = OwnedOutcome::Refused { code: Code::QuoteChanged, facts: OwnedFacts::Total(180) };
    assert_eq!(world.run(10, sell(wrong)), refused);
    assert_eq!(world.run(11, sell(OwnedTake { expected_total: Some(180), ..waiting(2) })), owed(1));
    world.run(501, OwnedCommand::StockPrice { stock: STOCK, version: 2, prices: price(200) });
    supply(&mut world, 502, 2);
    let hold = world.show_hold(11);
    assert_eq!((hold.state, hold.lines[0].price), (HoldState::Confirmed, 90));
}

#[test]
fn risk_counts_a_debt_when_it_is_made_and_marks_it_for_good() {
    let mut world = World::usual();
    world.stock(1, 0);
    let rule = |number, at_most, action: RiskAction| RiskRule {
        number: U16::new(number),
        channel: U16::new(Price::ANY_CHANNEL.0),
        subject: SubjectKind::User as u8,
        action: action as u8,
        spare: U16::ZERO,
        at_most: U32::new(at_most),
        window_ms: U32::new(3_600_000),
    };
    world.run(500, OwnedCommand::RiskSet { rule: rule(1, 2, RiskAction::Refuse) });
    world.run(501, OwnedCommand::RiskSet { rule: rule(2, 1, RiskAction::Flag) });
    assert_eq!(world.run(10, sell(waiting(1))), owed(1));
    assert_eq!(world.run(11, sell(waiting(1))), owed(2));
    let refused = OwnedOutcome::Refused { code: Code::RiskLimit, facts: OwnedFacts::Rule(1) };
    assert_eq!(world.run(12, sell(waiting(1))), refused);
    world.restart();
    supply(&mut world, 502, 2);
    let marks = [10, 11].map(|hold| world.show_hold(hold)).map(|hold| (hold.state, hold.flagged));
    assert_eq!(marks, [(HoldState::Confirmed, false), (HoldState::Confirmed, true)]);
}

#[test]
fn an_order_that_asks_again_is_told_of_its_debt_and_gets_no_second_one() {
    let mut world = World::usual();
    let create = OwnedCommand::StockCreate {
        stock: STOCK,
        name: b"once".to_vec(),
        units: 0,
        kind: StockKind::Counter,
        once_per_order: true,
        terms: ANY_TERMS,
    };
    world.run(500, create);
    assert_eq!(world.run(10, sell(waiting(1))), owed(1));
    assert_eq!(world.run(11, sell(waiting(1))), owed(1), "the same debt under another id");
    assert_refused(&world.run(12, sell(waiting(2))), Code::OperationMismatch);
    assert_eq!(world.run(13, sell(OwnedTake { order: OrderId(2), ..waiting(1) })), owed(2));
    supply(&mut world, 501, 9);
    let first = world.run(10, sell(waiting(1)));
    assert!(matches!(first, OwnedOutcome::Confirmed { .. }), "{first:?}");
    assert_eq!(world.run(11, sell(waiting(1))), first);
    assert_eq!(world.counts(STOCK), [7, 0, 2]);
}

#[test]
fn a_cancelled_debt_is_owed_no_more_and_the_next_one_moves_up() {
    let mut world = World::usual();
    world.stock(1, 1);
    limit_per_day(&mut world);
    assert_eq!(world.run(10, sell(waiting(3))), owed(1));
    let other = |units| OwnedTake { user: scrip_engine::ids::UserId(2), ..waiting(units) };
    assert_eq!(world.run(11, sell(other(1))), owed(2), "the unit that is there is claimed");
    let nothing_back = OwnedOutcome::Cancelled(Cancelled::Returned { units: 0 });
    assert_eq!(world.run(10, OwnedCommand::Cancel), nothing_back);
    assert_eq!(world.show_hold(11).state, HoldState::Confirmed);
    assert_eq!(world.run(10, OwnedCommand::Cancel), nothing_back, "once");
    let hold = world.show_hold(10);
    assert_eq!((hold.state, hold.refusal), (HoldState::Cancelled, None));
    assert_refused(&world.run(10, sell(waiting(3))), Code::Cancelled);
    supply(&mut world, 501, 3);
    assert_eq!(world.run(12, sell(take(&[(STOCK, 3)]))).code(), None, "its units count no more");
    assert_eq!(world.run(13, sell(other(1))), owed(1));
    world.advance(START_MS + WAIT_MS);
    let too_late = world.run(13, OwnedCommand::Cancel);
    assert_eq!(too_late, OwnedOutcome::Cancelled(Cancelled::Nothing), "it had ended in vain");
    world.restart();
    world.check_laws();
}

//! Which code wins where limits, prices, risk rules and blocks have a say: the documented order of the checks, as in
//! `check_orders`, whose scene and faults these rows use.

use super::check_orders::{
    ELSEWHERE, FOREIGN, Fault, MISSING, PLENTY, SUPPLY, ahead, elsewhere, expect, missing, past_deadline,
    replaces_unknown, scene, too_old,
};
use scrip_engine::command::{
    Block, Limits, Parties, Price, PriceKind, Quota, RiskAction, RiskRule, StockTerms, SubjectKind,
    SubjectLimit,
};
use scrip_engine::ids::{ChannelId, StockId, UserId};
use scrip_engine::limits::{Capacity as Tables, Rules};
use scrip_engine::rejection::Code::{self, *};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedTake};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused, reserve, take};
use zerocopy::little_endian::{I16, U16, U32, U64, U128};

/// Of [`limited_scene`].
const BLOCKED_DEVICE: Parties = Parties::new(0, 5, 0);

/// Nine units: four are another channel's, a user may have four and hold two, and each costs 10; a device is blocked.
fn limited_scene() -> World {
    let mut world = World::usual();
    world.stock(1, 9);
    let quotas = vec![Quota::new(ChannelId(2), 4, Quota::NO_CAP, 0)];
    world.run(20, OwnedCommand::StockQuota { stock: PLENTY, version: 1, quotas });
    world.run(21, limits(PLENTY, 2, 480));
    world.run(22, prices(PLENTY, 3));
    world.run(23, block(SubjectKind::Device, 5, RiskAction::Refuse as u8));
    world
}

fn limits(stock: StockId, version: u32, utc_offset_minutes: i16) -> OwnedCommand {
    let user = SubjectLimit::new(4, 0, 2);
    let none = SubjectLimit::default();
    let limits = Limits {
        subjects: [user, none, none, none],
        utc_offset_minutes: I16::new(utc_offset_minutes),
        spare: [0; 6],
    };
    OwnedCommand::StockLimits { stock, version, limits, spans: None }
}

fn prices(stock: StockId, version: u32) -> OwnedCommand {
    let prices = vec![Price::new(Price::ANY_CHANNEL, PriceKind::List, 10)];
    OwnedCommand::StockPrice { stock, version, prices }
}

fn block(kind: SubjectKind, subject: u128, action: u8) -> OwnedCommand {
    let (subject, kind) = (U128::new(subject), kind as u8);
    OwnedCommand::BlockSet { block: Block { subject, until_ms: U64::ZERO, kind, action, spare: [0; 6] } }
}

fn link() -> OwnedCommand {
    OwnedCommand::Link { user: UserId(61), to: UserId(62), reason: 0 }
}

/// Of nobody who is linked.
fn unlink() -> OwnedCommand {
    OwnedCommand::Unlink { user: UserId(63), reason: 0 }
}

fn lifted_rule() -> OwnedCommand {
    let rule = RiskRule {
        number: U16::new(1),
        channel: U16::new(1),
        subject: 1,
        action: 0,
        spare: U16::ZERO,
        at_most: U32::new(1),
        window_ms: U32::new(1_000),
    };
    OwnedCommand::RiskSet { rule }
}

#[test]
fn risk_comes_before_availability_and_the_quote_after_all_limits() {
    let mut world = limited_scene();
    let wrong = |units| OwnedTake { expected_total: Some(1), ..take(&[(PLENTY, units)]) };
    let blocked = |units| OwnedTake { parties: Some(BLOCKED_DEVICE), ..wrong(units) };
    let sell = |take| OwnedCommand::Sell { take, paid: false, hidden: false };
    let rows = [(10, OutOfStock), (6, ChannelQuota), (5, UserLimit), (3, HeldLimit), (2, QuoteChanged)];
    for (units, code) in rows {
        assert_refused(&world.run(100, reserve(wrong(units))), code);
        let sold = if code == HeldLimit { QuoteChanged } else { code };
        assert_refused(&world.run(100, sell(wrong(units))), sold);
        assert_refused(&world.run(100, reserve(blocked(units))), RiskLimit);
        assert_refused(&world.run(100, sell(blocked(units))), RiskLimit);
    }
    // What comes before risk.
    let before: [(Fault, Code); 3] =
        [(elsewhere, CrossSlot), (missing, NotFound), (replaces_unknown, HoldNotFound)];
    for (fault, code) in before {
        expect(&mut world, 100, reserve(blocked(1)), &[fault], code);
    }
    let terms = StockTerms { frozen: true, ..ANY_TERMS };
    world.run(24, OwnedCommand::StockEdit { stock: PLENTY, version: 4, terms });
    assert_refused(&world.run(100, reserve(blocked(1))), Frozen);
}

#[test]
fn limits_prices_and_risk_are_set_in_the_documented_order() {
    let mut world = scene();
    world.run(30, limits(PLENTY, 1, 480));
    world.run(31, link());
    let no_block = || block(SubjectKind::User, 9, 0);
    let terms_show = |stock| OwnedCommand::StockTermsShow { stock };
    let rows: Vec<(OwnedCommand, &[Fault], Code)> = vec![
        (limits(ELSEWHERE, 9, 0), &[too_old, past_deadline], OperationTooOld),
        (limits(ELSEWHERE, 9, 0), &[ahead, past_deadline], ClockAhead),
        (limits(ELSEWHERE, 9, 0), &[past_deadline], DeadlinePassed),
        (limits(ELSEWHERE, 9, 0), &[], CrossSlot),
        (limits(MISSING, 9, 0), &[], NotFound),
        (limits(FOREIGN, 9, 0), &[], NotFound),
        (limits(PLENTY, 2, 0), &[], RuleFailed),
        (prices(ELSEWHERE, 9), &[too_old, past_deadline], OperationTooOld),
        (prices(ELSEWHERE, 9), &[past_deadline], DeadlinePassed),
        (prices(ELSEWHERE, 9), &[], CrossSlot),
        (prices(MISSING, 9), &[], NotFound),
        (prices(FOREIGN, 9), &[], NotFound),
        (prices(PLENTY, 9), &[], RuleFailed),
        (lifted_rule(), &[too_old, past_deadline], OperationTooOld),
        (lifted_rule(), &[ahead, past_deadline], ClockAhead),
        (lifted_rule(), &[past_deadline], DeadlinePassed),
        (lifted_rule(), &[], NotFound),
        (no_block(), &[too_old, past_deadline], OperationTooOld),
        (no_block(), &[ahead, past_deadline], ClockAhead),
        (no_block(), &[past_deadline], DeadlinePassed),
        (no_block(), &[], NotFound),
        (link(), &[too_old, past_deadline], OperationTooOld),
        (link(), &[ahead, past_deadline], ClockAhead),
        (link(), &[past_deadline], DeadlinePassed),
        (link(), &[], RuleFailed),
        (unlink(), &[too_old, past_deadline], OperationTooOld),
        (unlink(), &[ahead, past_deadline], ClockAhead),
        (unlink(), &[past_deadline], DeadlinePassed),
        (unlink(), &[], NotFound),
        (terms_show(ELSEWHERE), &[too_old, past_deadline], CrossSlot),
        (terms_show(FOREIGN), &[ahead], NotFound),
    ];
    for (command, faults, code) in rows {
        expect(&mut world, 100, command, faults, code);
    }
    // Another version is told before another clock.
    assert_eq!(world.run(100, limits(PLENTY, 9, 0)).facts(), OwnedFacts::Version(2));
    assert_eq!(world.run(100, limits(PLENTY, 2, 0)).facts(), OwnedFacts::None);
    assert!(matches!(world.run(100, limits(PLENTY, 2, 480)), OwnedOutcome::StockChanged { value: 3 }));
    for command in [lifted_rule(), no_block(), limits(MISSING, 1, 0), prices(MISSING, 1), link(), unlink()] {
        expect(&mut world, SUPPLY, command, &[past_deadline], OperationMismatch);
    }
}

#[test]
fn their_want_of_room_is_checked_last() {
    let mut world = World::new(Tables { operations_max: 1, ..ROOMY }, Rules::default(), START_MS);
    world.stock(1, 5);
    for command in [limits(PLENTY, 9, 0), prices(PLENTY, 9)] {
        assert_refused(&world.run(5, command), RuleFailed);
    }
    for command in [lifted_rule(), block(SubjectKind::User, 1, 0)] {
        assert_refused(&world.run(5, command), NotFound);
    }
    assert_refused(&world.run(5, unlink()), NotFound);
    for command in [limits(PLENTY, 1, 0), prices(PLENTY, 1), block(SubjectKind::User, 1, 1), link()] {
        assert_refused(&world.run(5, command), Capacity);
    }
}

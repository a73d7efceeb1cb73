//! Redemptions and reversals: what is taken off, intervals and windows, what is given back, what is remembered and for how long.

use super::card_scene::{
    CAMPAIGN, card, change, claim, edit, issue, issue_of, issued, redeem, redeemed, reverse, show, start,
    world_of, worth, worth_with,
};
use scrip_engine::command::{CampaignKind, CardChange, CardState, Definition, Price, RiskAction, RiskRule};
use scrip_engine::command::{ScopeEntry, SubjectKind, Tier};
use scrip_engine::ids::{ChannelId, OperationId, OrderId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedIssue, OwnedRedeem, Worth};
use scrip_tests::world::{START_MS, World, assert_refused};
use zerocopy::little_endian::{U16, U32};

fn one(amount: u64) -> OwnedCommand {
    redeem(OwnedRedeem { amount, ..OwnedRedeem::of(card(0), 1) })
}

/// What a new card of this worth takes off an amount, or what it is refused with.
fn discount(worth: &Worth, amount: u64) -> Result<u64, OwnedFacts> {
    let mut world = world_of(worth.clone());
    issued(world.run(10, issue(issue_of(CAMPAIGN, 7, 1))));
    match world.run(11, one(amount)) {
        OwnedOutcome::Redeemed(redeemed) => Ok(redeemed.discount),
        OwnedOutcome::Refused { code: Code::RuleFailed, facts } => Err(facts),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_kind_takes_off_what_the_table_says() {
    use CampaignKind::{AmountOff, FixedPrice, Item, PercentOff, Uses};
    type Row = (CampaignKind, [u64; 3], u8, &'static [(u64, u64)], &'static [(u64, Option<u64>)]);
    // Kind; threshold, value, cap; flags; tiers; amounts and what is taken off, if they are enough.
    let rows: &[Row] = &[
        (AmountOff, [0, 30, 0], 0, &[], &[(0, Some(0)), (29, Some(29)), (30, Some(30)), (999, Some(30))]),
        (AmountOff, [100, 30, 0], 0, &[], &[(99, None), (100, Some(30)), (250, Some(30))]),
        (AmountOff, [100, 30, 20], 0, &[], &[(100, Some(20))]),
        (AmountOff, [100, 30, 0], Definition::EACH, &[], &[(99, None), (199, Some(30)), (300, Some(90))]),
        (AmountOff, [100, 30, 70], Definition::EACH, &[], &[(200, Some(60)), (900, Some(70))]),
        (AmountOff, [1, u64::MAX, 0], Definition::EACH, &[], &[(u64::MAX, Some(u64::MAX))]),
        (
            AmountOff,
            [0, 0, 0],
            0,
            &[(100, 10), (200, 30)],
            &[(99, None), (100, Some(10)), (199, Some(10)), (200, Some(30)), (9_999, Some(30))],
        ),
        (AmountOff, [0, 0, 25], 0, &[(0, 50)], &[(0, Some(0)), (40, Some(25))]),
        (PercentOff, [0, 1_250, 0], 0, &[], &[(100, Some(13)), (99, Some(12)), (4, Some(1)), (3, Some(0))]),
        (PercentOff, [50, 10_000, 0], 0, &[], &[(49, None), (u64::MAX, Some(u64::MAX))]),
        (PercentOff, [0, 5_000, 40], 0, &[], &[(79, Some(40)), (100, Some(40))]),
        (FixedPrice, [0, 50, 0], 0, &[], &[(49, Some(0)), (50, Some(0)), (80, Some(30))]),
        (Item, [10, 0, 0], 0, &[], &[(9, None), (10, Some(0))]),
        (Uses, [0, 0, 0], 0, &[], &[(u64::MAX, Some(0))]),
    ];
    for (kind, [threshold, value, cap], flags, tiers, amounts) in rows {
        let worth = worth_with(*kind, |worth| {
            let definition = &mut worth.definition;
            (definition.threshold, definition.value) = ((*threshold).into(), (*value).into());
            (definition.cap, definition.flags) = ((*cap).into(), *flags);
            worth.tiers = tiers.iter().map(|(threshold, value)| Tier::new(*threshold, *value)).collect();
        });
        for (amount, expected) in *amounts {
            let least = tiers.first().map_or(*threshold, |(threshold, _)| *threshold);
            let short = OwnedFacts::Units { stock: CAMPAIGN, asked: *amount, available: least };
            assert_eq!(discount(&worth, *amount), expected.ok_or(short), "{kind:?} of {amount}: {worth:?}");
        }
    }
}

#[test]
fn a_card_of_uses_rests_between_two_redemptions() {
    let mut world = world_of(worth_with(CampaignKind::Uses, |worth| worth.definition.interval_s = 10.into()));
    issued(world.run(10, claim(CAMPAIGN, 7)));
    let first = redeemed(world.run(11, one(0)));
    world.wait(9_999);
    let early = world.run(12, one(0));
    let facts = OwnedFacts::Units { stock: CAMPAIGN, asked: 1, available: 0 };
    assert_eq!(early, OwnedOutcome::Refused { code: Code::RuleFailed, facts });
    // One that was given back does not count any more; partly given back it does.
    world.run(13, reverse(11, 0));
    redeemed(world.run(12, redeem(OwnedRedeem::of(card(0), 2))));
    world.run(14, reverse(12, 1));
    assert_refused(&world.run(15, one(0)), Code::RuleFailed);
    assert_eq!(show(&mut world, card(0)).redemption, OperationId(12));
    world.wait(10_000);
    redeemed(world.run(15, one(0)));
    assert_eq!(redeemed(world.run(11, one(0))), first, "a repeat answers the same, whatever became of it");
}

#[test]
fn a_reversal_gives_units_back_inside_its_window_and_lets_the_card_live_on() {
    let mut world = world_of(worth_with(CampaignKind::Uses, |worth| {
        (worth.definition.window_s, worth.definition.grace_s) = (5.into(), 60.into());
    }));
    let short = OwnedIssue { until_ms: START_MS + 2_000, ..issue_of(CAMPAIGN, 7, 1) };
    issued(world.run(10, issue(short)));
    redeemed(world.run(11, redeem(OwnedRedeem::of(card(0), 3))));
    assert_eq!(show(&mut world, card(0)).state, CardState::Used);
    let too_many = world.run(12, reverse(11, 4));
    let facts = OwnedFacts::Units { stock: CAMPAIGN, asked: 4, available: 3 };
    assert_eq!(too_many, OwnedOutcome::Refused { code: Code::ExceedsRedeemed, facts });
    world.wait(3_500);
    let back = world.run(12, reverse(11, 1));
    assert_eq!(back, OwnedOutcome::Reversed { units: 1, available: 1 });
    let view = show(&mut world, card(0));
    assert_eq!((view.state, view.until_ms), (CardState::Active, START_MS + 63_000), "it had ended");
    world.wait(1_500);
    assert_eq!(world.run(13, reverse(11, 0)), OwnedOutcome::Reversed { units: 2, available: 3 });
    assert_refused(&world.run(14, reverse(11, 0)), Code::AlreadyReversed);
    assert_eq!(world.run(12, reverse(11, 1)), back, "a repeat answers the same");
    assert_refused(&world.run(12, reverse(11, 2)), Code::OperationMismatch);
    world.wait(1);
    let late = world.run(14, reverse(11, 1));
    assert_eq!((late.code(), late.facts()), (Some(Code::ReversalWindow), OwnedFacts::Time(START_MS + 5_000)));
    // The window is that of the definition in force.
    world.run(15, edit(CAMPAIGN, 2, worth(CampaignKind::Uses)));
    assert_refused(&world.run(14, reverse(11, 1)), Code::AlreadyReversed);
    world.check_laws();
}

#[test]
fn a_frozen_card_stays_frozen_when_units_come_back() {
    let mut world = world_of(worth(CampaignKind::Item));
    issued(world.run(10, claim(CAMPAIGN, 7)));
    redeemed(world.run(11, one(0)));
    world.run(12, change(card(0), CardChange::Freeze));
    assert_eq!(world.run(13, reverse(11, 0)), OwnedOutcome::Reversed { units: 1, available: 3 });
    assert_eq!(show(&mut world, card(0)).state, CardState::Frozen);
}

#[test]
fn what_the_scope_lists_must_be_named() {
    let all = [
        ScopeEntry::new(ScopeEntry::CHANNEL, 1),
        ScopeEntry::new(ScopeEntry::CHANNEL, 0),
        ScopeEntry::new(ScopeEntry::STORE, 5),
        ScopeEntry::new(ScopeEntry::STORE, 6),
        ScopeEntry::new(ScopeEntry::PRODUCT, 7),
        ScopeEntry::new(ScopeEntry::CATEGORY, 8),
    ];
    let mut world = world_of(worth_with(CampaignKind::Uses, |worth| worth.scope = all.to_vec()));
    issued(world.run(10, claim(CAMPAIGN, 7)));
    let right = OwnedRedeem { store: 6, product: 7, category: 8, ..OwnedRedeem::of(card(0), 1) };
    for wrong in [
        OwnedRedeem { store: 7, ..right },
        OwnedRedeem { store: 0, ..right },
        OwnedRedeem { product: 6, ..right },
        OwnedRedeem { category: 0, ..right },
    ] {
        assert_refused(&world.run(11, redeem(wrong)), Code::OutOfScope);
    }
    let mut elsewhere = world.request(11, redeem(right));
    elsewhere.envelope.channel = ChannelId(2);
    assert_refused(&world.ask(&elsewhere), Code::OutOfScope);
    elsewhere.envelope.channel = ChannelId(0);
    redeemed(world.ask(&elsewhere));
    redeemed(world.run(12, redeem(OwnedRedeem { store: 5, ..right })));
}

#[test]
fn the_same_redemption_is_the_same_content_and_nothing_else_is() {
    let mut world = world_of(worth(CampaignKind::Uses));
    issued(world.run(10, claim(CAMPAIGN, 7)));
    let first = OwnedRedeem { order: OrderId(3), user: UserId(7), amount: 50, ..OwnedRedeem::of(card(0), 1) };
    let answer = redeemed(world.run(11, redeem(first)));
    assert_eq!(redeemed(world.run(11, redeem(first))), answer);
    for other in [
        OwnedRedeem { units: 0, ..first },
        OwnedRedeem { units: 2, ..first },
        OwnedRedeem { amount: 51, ..first },
        OwnedRedeem { order: OrderId(4), ..first },
        OwnedRedeem { user: UserId(0), ..first },
        OwnedRedeem { store: 1, ..first },
        OwnedRedeem { product: 1, ..first },
        OwnedRedeem { category: 1, ..first },
        OwnedRedeem { generation: Some(0), ..first },
        OwnedRedeem { card: card(1), ..first },
    ] {
        assert_refused(&world.run(11, redeem(other)), Code::OperationMismatch);
    }
    let shown = world.run(11, OwnedCommand::OperationShow);
    let OwnedOutcome::Redemption(view) = shown else { panic!("{shown:?}") };
    assert_eq!((view.card, view.units, view.reversed, view.order), (card(0), 1, 0, OrderId(3)));
    // A CLAIM and an ISSUE are other commands.
    assert_refused(&world.run(10, issue(issue_of(CAMPAIGN, 7, 1))), Code::OperationMismatch);
}

#[test]
fn a_redemption_is_remembered_for_a_window_and_its_units_for_ever() {
    let rules = Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, late_confirm_ms: 0 };
    let mut world = World::new(ROOMY, rules, START_MS);
    start(&mut world, 9, worth_with(CampaignKind::Uses, |worth| worth.definition.interval_s = 3_600.into()));
    issued(world.run(10, claim(CAMPAIGN, 7)));
    redeemed(world.run(11, one(0)));
    assert_refused(&world.run(12, one(0)), Code::RuleFailed);
    world.wait(11_001);
    world.created_ms = world.now_ms;
    assert_refused(&world.run(13, reverse(11, 0)), Code::NotFound);
    let view = show(&mut world, card(0));
    assert_eq!((view.available, view.consumed, view.redemption), (2, 1, OperationId(0)));
    // What is gone is as if it had never been: its id can be used anew, and no interval is kept to it.
    assert_eq!(redeemed(world.run(11, one(0))).available, 1);
    world.check_laws();
}

#[test]
fn risk_rules_count_redemptions_and_flag_them() {
    let mut world = world_of(worth(CampaignKind::Uses));
    issued(world.run(10, claim(CAMPAIGN, 7)));
    let rule = |number, at_most, action: RiskAction| RiskRule {
        number: U16::new(number),
        channel: U16::new(Price::ANY_CHANNEL.0),
        subject: SubjectKind::User as u8,
        action: action as u8,
        spare: U16::ZERO,
        at_most: U32::new(at_most),
        window_ms: U32::new(3_600_000),
    };
    world.run(11, OwnedCommand::RiskSet { rule: rule(1, 1, RiskAction::Flag) });
    world.run(12, OwnedCommand::RiskSet { rule: rule(2, 2, RiskAction::Refuse) });
    let by = |user| redeem(OwnedRedeem { user: UserId(user), ..OwnedRedeem::of(card(0), 1) });
    for (operation, flagged) in [(20, false), (21, true)] {
        redeemed(world.run(operation, by(7)));
        let shown = world.run(operation, OwnedCommand::OperationShow);
        let OwnedOutcome::Redemption(view) = shown else { panic!("{shown:?}") };
        assert_eq!(view.flagged, flagged);
    }
    let refused = world.run(22, by(7));
    assert_eq!((refused.code(), refused.facts()), (Some(Code::RiskLimit), OwnedFacts::Rule(2)));
    assert_refused(&world.run(22, claim(CAMPAIGN, 7)), Code::RiskLimit);
    redeemed(world.run(22, by(0)));
}

#[test]
fn redemptions_and_pages_of_cards_have_a_maximum_each() {
    let capacity = Capacity { redemptions_max: 1, cards_max: 1, ..ROOMY };
    let rules = Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, late_confirm_ms: 0 };
    let mut world = World::new(capacity, rules, START_MS);
    start(&mut world, 999, worth(CampaignKind::Uses));
    issued(world.run(10, issue(issue_of(CAMPAIGN, 0, 200))));
    redeemed(world.run(11, one(0)));
    let full = |outcome: OwnedOutcome| outcome.maximum();
    // Card 63 has the page of card 0, card 64 needs another.
    let of = |serial| redeem(OwnedRedeem::of(card(serial), 1));
    assert_eq!(full(world.run(12, of(64))), Some(CapacityOf::Redemptions));
    assert_eq!(full(world.run(13, change(card(64), CardChange::Freeze))), Some(CapacityOf::Cards));
    assert_eq!(full(world.run(14, claim(CAMPAIGN, 7))), Some(CapacityOf::Cards));
    assert_eq!(world.run(15, change(card(63), CardChange::Freeze)).code(), None);
    world.wait(11_001);
    world.created_ms = world.now_ms;
    assert_eq!(full(world.run(16, of(64))), Some(CapacityOf::Cards));
    redeemed(world.run(17, of(1)));
}

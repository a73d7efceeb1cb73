//! Cards: every kind in every state under every verb, the times of a card, wallets, and what happens to its campaign.

use super::card_scene::{
    CAMPAIGN, KINDS, card, change, claim, issue, issue_of, issued, redeem, redeemed, reverse, show,
    show_campaign, start, wallet, world_of, worth, worth_with,
};
use scrip_engine::command::{CampaignKind, CardChange, CardState, Definition, Parties, Quota, StockKind};
use scrip_engine::ids::{CardId, ChannelId, OperationId, Slot, StockId, UserId};
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedIssue, OwnedRedeem};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused, reserve, take};

/// The redemption that [`in_state`] makes, if it makes one.
const REDEMPTION: u128 = 50;

const STATES: [CardState; 5] =
    [CardState::Inactive, CardState::Active, CardState::Frozen, CardState::Used, CardState::Void];

/// A card of this kind in this state; but for an inactive one with a redemption, reversed whole where a card is used at once.
fn in_state(kind: CampaignKind, owner: u128, state: CardState) -> World {
    let mut world = world_of(worth_with(kind, |worth| worth.definition.flags |= Definition::INACTIVE));
    issued(world.run(10, issue(issue_of(CAMPAIGN, owner, 2))));
    if state == CardState::Inactive {
        return world;
    }
    world.run(11, change(card(0), CardChange::Activate));
    let units = show(&mut world, card(0)).available;
    let used = if state == CardState::Used { units } else { 1 };
    redeemed(world.run(REDEMPTION, redeem(OwnedRedeem { amount: 100, ..OwnedRedeem::of(card(0), used) })));
    if units == 1 && state != CardState::Used {
        world.run(12, reverse(REDEMPTION, 0));
    }
    match state {
        CardState::Frozen => drop(world.run(13, change(card(0), CardChange::Freeze))),
        CardState::Void => drop(world.run(13, change(card(0), CardChange::Void))),
        _ => {}
    }
    assert_eq!(show(&mut world, card(0)).state, state);
    world
}

/// What a verb is refused with, or the state that it leaves; in the order of [`STATES`].
type Row = [Result<CardState, Code>; 5];

#[test]
fn every_kind_in_every_state_answers_every_verb_by_the_table() {
    use CardState::{Active, Frozen, Inactive, Used, Void};
    let extend = |until_ms| change(card(0), CardChange::Extend { until_ms });
    for kind in KINDS {
        let once =
            matches!(kind, CampaignKind::AmountOff | CampaignKind::PercentOff | CampaignKind::FixedPrice);
        let (redeemed_to, reversed) =
            if once { (Used, Err(Code::AlreadyReversed)) } else { (Active, Ok(Active)) };
        let reversed_frozen = if once { Err(Code::AlreadyReversed) } else { Ok(Frozen) };
        let rule = Err(Code::RuleFailed);
        let gone = Err(Code::Void);
        let redeem_one = redeem(OwnedRedeem { amount: 100, ..OwnedRedeem::of(card(0), 1) });
        let rows: [(OwnedCommand, Row); 9] = [
            (redeem_one, [Err(Code::NotActive), Ok(redeemed_to), Err(Code::Frozen), Err(Code::Used), gone]),
            (reverse(REDEMPTION, 1), [Err(Code::NotFound), reversed, reversed_frozen, Ok(Active), gone]),
            (change(card(0), CardChange::Activate), [Ok(Active), rule, rule, rule, gone]),
            (
                change(card(0), CardChange::Freeze),
                [Err(Code::NotActive), Ok(Frozen), rule, Err(Code::Used), gone],
            ),
            (change(card(0), CardChange::Unfreeze), [rule, rule, Ok(Active), rule, gone]),
            (change(card(0), CardChange::Void), [Ok(Void), Ok(Void), Ok(Void), Err(Code::Used), gone]),
            (extend(START_MS + 5_000), [Ok(Inactive), Ok(Active), Ok(Frozen), Ok(Used), gone]),
            (extend(START_MS), [rule, rule, rule, rule, gone]),
            (
                OwnedCommand::OfCards(CardCommand::ShowCard { card: card(0), generation: Some(0) }),
                [Ok(Inactive), Ok(Active), Ok(Frozen), Ok(Used), Ok(Void)],
            ),
        ];
        for owner in [7, 0] {
            for (command, row) in &rows {
                for (state, expected) in STATES.into_iter().zip(row) {
                    let mut world = in_state(kind, owner, state);
                    let answer = world.run(100, command.clone());
                    let what = format!("{kind:?} of {owner}, {state:?}, {command:?}: {answer:?}");
                    assert_eq!(answer.code(), expected.err(), "{what}");
                    let after = show(&mut world, card(0)).state;
                    assert_eq!(after, expected.unwrap_or(state), "{what}");
                    if let (OwnedOutcome::StockChanged { value }, Ok(to)) = (&answer, expected) {
                        assert_eq!(*value, *to as u64, "a change answers the state: {what}");
                    }
                    // A repeat answers the same, whatever became of it.
                    if answer.code().is_none() {
                        assert_eq!(world.run(100, command.clone()), answer, "{what}");
                    }
                    world.check_laws();
                }
            }
        }
    }
}

#[test]
fn a_void_card_is_a_void_unit_of_its_campaign() {
    let mut world = world_of(worth(CampaignKind::Uses));
    let quotas = vec![Quota::new(ChannelId(1), 5, 9, 0)];
    world.run(9, OwnedCommand::StockQuota { stock: CAMPAIGN, version: 2, quotas });
    world.run(10, issue(issue_of(CAMPAIGN, 7, 2)));
    assert_eq!(world.counts(CAMPAIGN), [998, 0, 2]);
    redeemed(world.run(11, redeem(OwnedRedeem::of(card(0), 1))));
    let mut voided = world.request(12, change(card(0), CardChange::Void));
    // Whoever voids it: the unit was the issuing channel's.
    voided.envelope.channel = ChannelId(2);
    assert_eq!(world.ask(&voided), OwnedOutcome::StockChanged { value: CardState::Void as u64 });
    let view = show(&mut world, card(0));
    assert_eq!((view.available, view.consumed, view.void), (0, 1, 2));
    let stock = world.show(CAMPAIGN);
    assert_eq!((stock.kind, stock.available, stock.consumed, stock.void), (StockKind::Cards, 998, 1, 1));
    let channels = world.run(13, OwnedCommand::StockChannels { stock: CAMPAIGN });
    let OwnedOutcome::Channels { channels, .. } = channels else { panic!("{channels:?}") };
    let [only] = channels[..] else { panic!("one channel: {channels:?}") };
    assert_eq!((only.consumed.get(), only.guaranteed.get()), (1, 4), "nobody is guaranteed a void unit");
    world.check_laws();
}

#[test]
fn times_are_those_of_the_definition_and_the_receipt_in_whole_seconds() {
    // At START_MS + 1,500 ms: from, until, starts after, lasts; what a card gets. All but the last two beyond START_MS.
    let at = |ms: u64| START_MS + ms;
    let rows: [([u64; 2], [u32; 2], [u64; 2]); 10] = [
        ([0, 0], [0, 0], [0, 0]),
        ([at(5_001), at(9_999)], [0, 0], [at(6_000), at(9_000)]),
        ([0, 0], [2, 0], [at(4_000), 0]),
        ([0, 0], [0, 2], [0, at(3_000)]),
        ([0, 0], [2, 3], [at(4_000), at(6_000)]),
        ([at(20_000), 0], [2, 3], [at(20_000), at(23_000)]),
        ([at(100), 0], [0, 3], [at(1_000), at(4_000)]),
        ([0, at(4_000)], [1, 3], [at(3_000), at(4_000)]),
        ([0, at(4_000)], [20, 3], [at(22_000), at(4_000)]),
        ([u64::from(u32::MAX) * 1_000 + 1, u64::MAX], [0, 0], [u64::from(u32::MAX) * 1_000; 2]),
    ];
    for (absolute, relative, expected) in rows {
        let mut world = world_of(worth_with(CampaignKind::Item, |worth| {
            let definition = &mut worth.definition;
            (definition.from_ms, definition.until_ms) = (absolute[0].into(), absolute[1].into());
            (definition.starts_after_s, definition.lasts_s) = (relative[0].into(), relative[1].into());
        }));
        world.wait(1_500);
        let made = issued(world.run(10, claim(CAMPAIGN, 7)));
        assert_eq!([made.from_ms, made.until_ms], expected, "{absolute:?} {relative:?}");
        // The command's own times count alone.
        let own = OwnedIssue { from_ms: 1, until_ms: at(2_999), ..issue_of(CAMPAIGN, 7, 1) };
        let made = issued(world.run(11, issue(own)));
        assert_eq!([made.from_ms, made.until_ms], [1_000, at(2_000)]);
        let open = OwnedIssue { from_ms: at(7_000), ..issue_of(CAMPAIGN, 0, 9) };
        let made = issued(world.run(12, issue(open)));
        assert_eq!([made.from_ms, made.until_ms], [at(7_000), 0]);
    }
}

#[test]
fn an_inactive_card_counts_its_time_from_its_activation() {
    let mut world = world_of(worth_with(CampaignKind::Uses, |worth| {
        worth.definition.flags |= Definition::INACTIVE;
        worth.definition.lasts_s = 10.into();
        worth.definition.until_ms = (START_MS + 60_000).into();
    }));
    let made = issued(world.run(10, issue(issue_of(CAMPAIGN, 7, 2))));
    assert_eq!((made.state, made.from_ms, made.until_ms), (CardState::Inactive, 0, START_MS + 60_000));
    let own = OwnedIssue { until_ms: START_MS + 90_000, ..issue_of(CAMPAIGN, 7, 1) };
    issued(world.run(11, issue(own)));
    world.wait(5_000);
    world.run(12, change(card(0), CardChange::Activate));
    assert_eq!(show(&mut world, card(0)).until_ms, START_MS + 15_000);
    // By the definition of that moment, and the card's own end.
    let longer = worth_with(CampaignKind::Uses, |worth| {
        worth.definition.flags |= Definition::INACTIVE;
        worth.definition.starts_after_s = 3.into();
        worth.definition.lasts_s = 100.into();
    });
    world.run(13, super::card_scene::edit(CAMPAIGN, 2, longer));
    world.run(14, change(card(1), CardChange::Activate));
    let view = show(&mut world, card(1));
    assert_eq!((view.from_ms, view.until_ms), (START_MS + 8_000, START_MS + 60_000));
    world.run(15, change(card(2), CardChange::Activate));
    let view = show(&mut world, card(2));
    assert_eq!((view.from_ms, view.until_ms), (0, START_MS + 90_000), "the command's times stay");
    // The repeat of the issue says what it said.
    assert_eq!(issued(world.run(10, issue(issue_of(CAMPAIGN, 7, 2)))), made);
}

#[test]
fn a_card_is_valid_from_its_first_moment_until_just_before_its_last() {
    let mut world = world_of(worth(CampaignKind::Uses));
    let (from_ms, until_ms) = (START_MS + 2_000, START_MS + 4_000);
    world.run(10, issue(OwnedIssue { from_ms, until_ms, ..issue_of(CAMPAIGN, 7, 1) }));
    let one = || redeem(OwnedRedeem::of(card(0), 1));
    world.wait(1_999);
    let early = world.run(11, one());
    assert_eq!((early.code(), early.facts()), (Some(Code::NotStarted), OwnedFacts::Time(from_ms)));
    world.wait(1);
    redeemed(world.run(11, one()));
    world.wait(1_999);
    redeemed(world.run(12, one()));
    world.wait(1);
    let late = world.run(13, one());
    assert_eq!((late.code(), late.facts()), (Some(Code::Expired), OwnedFacts::Time(until_ms)));
    // Extended, it is valid again; and an extension may shorten.
    world.run(14, change(card(0), CardChange::Extend { until_ms: until_ms + 2_999 }));
    assert_eq!(show(&mut world, card(0)).until_ms, until_ms + 2_000);
    redeemed(world.run(13, one()));
    // Ended before it began: never valid.
    let odd =
        OwnedIssue { from_ms: until_ms + 9_000, until_ms: until_ms + 1_000, ..issue_of(CAMPAIGN, 7, 1) };
    world.run(15, issue(odd));
    for wait_ms in [0, 1_000, 8_000] {
        world.wait(wait_ms);
        assert!(world.run(16, redeem(OwnedRedeem::of(card(1), 1))).code().is_some());
    }
}

#[test]
fn a_wallet_shows_the_newest_card_first_page_by_page() {
    let mut world = world_of(worth(CampaignKind::Item));
    let second = StockId::new(Slot(0), 2);
    world.run(2, super::card_scene::create(second, 10, worth(CampaignKind::Uses)));
    world.run(3, super::card_scene::to_state(second, 1, scrip_engine::command::CampaignState::Running));
    world.run(10, issue(issue_of(CAMPAIGN, 7, 3)));
    world.run(11, issue(issue_of(second, 7, 1)));
    world.run(12, issue(issue_of(CAMPAIGN, 8, 1)));
    world.run(13, issue(issue_of(CAMPAIGN, 0, 5)));
    world.run(14, claim(CAMPAIGN, 7));
    world.run(15, change(card(1), CardChange::Void));
    let other = CardId::new(Slot(0), 1, 0);
    let all = [card(9), other, card(2), card(1), card(0)];
    let page = |outcome: OwnedOutcome| match outcome {
        OwnedOutcome::Wallet { next, cards } => {
            (cards.iter().map(|card| CardId(card.card.get())).collect::<Vec<_>>(), next)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(page(world.run(1, wallet(7, None, None, 0))), (all.to_vec(), None));
    assert_eq!(page(world.run(1, wallet(7, None, None, 2))), (all[..2].to_vec(), Some(other)));
    assert_eq!(page(world.run(1, wallet(7, None, Some(other), 2))), (all[2..4].to_vec(), Some(card(1))));
    assert_eq!(page(world.run(1, wallet(7, None, Some(card(0)), 2))), (vec![], None));
    assert_eq!(page(world.run(1, wallet(7, Some(second), None, 9))), (vec![other], None));
    assert_eq!(page(world.run(1, wallet(7, Some(second), None, 1))), (vec![other], Some(other)));
    assert_eq!(page(world.run(1, wallet(7, Some(CAMPAIGN), Some(other), 1))), (vec![card(2)], Some(card(2))));
    let usable = |campaign, limit| {
        let command =
            CardCommand::ShowWallet { owner: UserId(7), campaign, after: None, usable: true, limit };
        OwnedCommand::OfCards(command)
    };
    assert_eq!(page(world.run(1, usable(None, 0))), (vec![card(9), other, card(2), card(0)], None));
    assert_eq!(page(world.run(1, usable(Some(CAMPAIGN), 2))), (vec![card(9), card(2)], Some(card(2))));
    world.run(16, change(card(2), CardChange::Freeze));
    redeemed(world.run(17, redeem(OwnedRedeem::of(card(0), 3))));
    assert_eq!(page(world.run(1, usable(None, 0))), (vec![card(9), other], None), "one frozen, one used");
    for nobody in [0, 99] {
        assert_eq!(page(world.run(1, wallet(nobody, None, None, 0))), (vec![], None));
        assert_refused(&world.run(1, wallet(nobody, None, Some(card(9)), 0)), Code::NotFound);
    }
    assert_refused(&world.run(1, wallet(7, None, Some(card(3)), 0)), Code::NotFound);
    assert_refused(&world.run(1, wallet(7, None, Some(card(5)), 0)), Code::NotFound);
}

#[test]
fn a_hundred_million_bearer_cards_take_one_record_and_are_used_like_any_other() {
    let mut world = World::usual();
    start(&mut world, 1 << 33, worth(CampaignKind::Uses));
    let made = issued(world.run(10, issue(issue_of(CAMPAIGN, 0, 1 << 27))));
    assert_eq!((made.first, made.cards), (card(0), 1 << 27));
    let last = card((1 << 27) - 1);
    assert_eq!(show(&mut world, last).owner, UserId(0));
    assert_refused(&world.run(11, redeem(OwnedRedeem::of(card(1 << 27), 1))), Code::NotFound);
    // Whoever bears it can use it.
    let by = OwnedRedeem { user: UserId(5), ..OwnedRedeem::of(last, 2) };
    assert_eq!(redeemed(world.run(11, redeem(by))).available, 1);
    let view = show_campaign(&mut world, CAMPAIGN);
    assert_eq!((view.issued, view.batches, view.locator), (1 << 27, 1, 0));
    assert_eq!(issued(world.run(12, claim(CAMPAIGN, 7))).first, card(1 << 27), "serials go on");
    let shown = world.run(10, OwnedCommand::OperationShow);
    let OwnedOutcome::Operation(view) = shown else { panic!("{shown:?}") };
    assert_eq!(view.value, card(0).0);
    world.check_laws();
}

#[test]
fn an_operation_of_cards_is_no_hold_and_not_to_be_cancelled() {
    let mut world = world_of(worth(CampaignKind::Uses));
    world.run(10, issue(issue_of(CAMPAIGN, 7, 3)));
    let shown = world.run(10, OwnedCommand::OperationShow);
    let OwnedOutcome::Operation(view) = shown else { panic!("{shown:?}") };
    assert_eq!(view.value, 2 << 58 | card(0).0);
    redeemed(world.run(11, redeem(OwnedRedeem::of(card(0), 2))));
    assert_eq!(world.run(12, reverse(11, 1)), OwnedOutcome::Reversed { units: 1, available: 2 });
    let shown = world.run(12, OwnedCommand::OperationShow);
    let OwnedOutcome::Operation(view) = shown else { panic!("{shown:?}") };
    assert_eq!(view.value, 1 << 32 | 2);
    for operation in [10, 11, 12] {
        assert_refused(&world.run(operation, OwnedCommand::Cancel), Code::RuleFailed);
        assert_refused(&world.confirm(operation), Code::HoldNotFound);
        assert_refused(&world.release(operation), Code::HoldNotFound);
        let extend = OwnedCommand::Extend { hold: OperationId(operation), ttl_ms: 5 };
        assert_refused(&world.run(99, extend), Code::HoldNotFound);
        let mut replacing = take(&[(CAMPAIGN, 1)]);
        replacing.replace = OperationId(operation);
        assert_refused(&world.run(99, reserve(replacing)), Code::HoldNotFound);
    }
}

#[test]
fn a_card_is_known_by_its_merchant_its_slot_and_its_generation() {
    let mut world = world_of(worth(CampaignKind::Uses));
    world.run(10, issue(issue_of(CAMPAIGN, 7, 1)));
    world.run(11, issue(issue_of(CAMPAIGN, 0, 1)));
    for serial in [0, 1] {
        let card = card(serial);
        let wrong = OwnedRedeem { generation: Some(1), ..OwnedRedeem::of(card, 1) };
        assert_refused(&world.run(30, redeem(wrong)), Code::NotFound);
        let mut foreign = world.request(30, redeem(OwnedRedeem::of(card, 1)));
        foreign.envelope.merchant.0 = 2;
        assert_refused(&world.ask(&foreign), Code::NotFound);
        foreign.envelope.merchant.0 = 1;
        foreign.envelope.slot = Slot(1);
        assert_refused(&world.ask(&foreign), Code::CrossSlot);
        let right = OwnedRedeem { generation: Some(0), ..OwnedRedeem::of(card, 1) };
        redeemed(world.run(20 + u128::from(serial), redeem(right)));
    }
    assert_refused(&world.run(30, redeem(OwnedRedeem::of(CardId(u64::MAX), 1))), Code::CrossSlot);
    assert_refused(&world.run(30, redeem(OwnedRedeem::of(CardId::new(Slot(0), 9, 0), 1))), Code::NotFound);
}

#[test]
fn cards_count_for_subjects_for_good() {
    let mut world = world_of(worth(CampaignKind::Uses));
    let terms = scrip_engine::command::StockTerms { limit_per_user: 2, ..ANY_TERMS };
    world.run(9, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 2, terms });
    issued(world.run(10, claim(CAMPAIGN, 7)));
    issued(
        world.run(11, issue(OwnedIssue { parties: Some(Parties::new(1, 2, 3)), ..issue_of(CAMPAIGN, 7, 1) })),
    );
    let full = world.run(12, claim(CAMPAIGN, 7));
    assert_eq!(full.facts(), OwnedFacts::Units { stock: CAMPAIGN, asked: 1, available: 0 });
    assert_refused(&full, Code::UserLimit);
    world.run(13, change(card(0), CardChange::Void));
    redeemed(world.run(14, redeem(OwnedRedeem::of(card(1), 3))));
    assert_refused(&world.run(12, claim(CAMPAIGN, 7)), Code::UserLimit);
    issued(world.run(15, claim(CAMPAIGN, 8)));
    issued(world.run(16, issue(issue_of(CAMPAIGN, 0, 500))));
    world.check_laws();
}

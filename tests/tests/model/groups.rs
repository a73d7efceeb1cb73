//! Groups, one situation each: in which order they are checked, that all get their cards or nobody does, and what is held meanwhile.

use super::card_orders::{NOW_MS, WITH_ID, assert_order, spoil, world_with};
use super::card_scene::{
    CAMPAIGN, claim, create, edit, issue, issue_of, issued, start, to_state, worth, worth_with,
};
use scrip_engine::answer::{GroupJoined, GroupState};
use scrip_engine::command::{CampaignKind, CampaignState, Limits, Parties, Quota, StockTerms};
use scrip_engine::ids::{CardId, ChannelId, OperationId, Slot, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::Code;
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedFacts, OwnedGroup, OwnedOutcome};
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedGroupWish};
use scrip_tests::world::{START_MS, World, assert_refused};
use zerocopy::little_endian::U32;

/// Of all groups here, in seconds.
const LASTS_S: u32 = 60;

fn group(wish: OwnedGroupWish) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Group(wish))
}

fn open(size: u16, user: u128) -> OwnedCommand {
    open_with(size, user, None)
}

fn open_with(size: u16, user: u128, parties: Option<Parties>) -> OwnedCommand {
    group(OwnedGroupWish::Open { campaign: CAMPAIGN, size, lasts_s: LASTS_S, user: UserId(user), parties })
}

fn join(of: u128, user: u128) -> OwnedCommand {
    join_with(of, user, None)
}

fn join_with(of: u128, user: u128, parties: Option<Parties>) -> OwnedCommand {
    group(OwnedGroupWish::Join { group: OperationId(of), user: UserId(user), parties })
}

fn leave(of: u128, user: u128) -> OwnedCommand {
    group(OwnedGroupWish::Leave { group: OperationId(of), user: UserId(user) })
}

#[track_caller]
fn shown(world: &mut World, of: u128) -> OwnedGroup {
    match world.run(1, group(OwnedGroupWish::Show { group: OperationId(of) })) {
        OwnedOutcome::Group(shown) => *shown,
        other => panic!("{of} is shown as {other:?}"),
    }
}

fn members(shown: &OwnedGroup) -> Vec<(u128, u64)> {
    shown.members.iter().map(|row| (row.user.get(), row.card.get())).collect()
}

/// So many cards of three uses.
fn world_of(units: u64) -> World {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, units, worth(CampaignKind::Uses));
    world
}

/// One that limits what a user may have.
fn limited(world: &mut World, total: u32, per_day: u32) {
    let version = world.show(CAMPAIGN).version;
    let mut limits = Limits::default();
    limits.subjects[0].total = U32::new(total);
    limits.subjects[0].per_day = U32::new(per_day);
    assert_eq!(
        world.run(50, OwnedCommand::StockLimits { stock: CAMPAIGN, version, limits, spans: None }).code(),
        None
    );
}

#[test]
fn all_get_their_cards_when_the_last_one_joins() {
    let mut world = world_of(10);
    let deadline_ms = world.now_ms + u64::from(LASTS_S) * 1_000;
    let told = |members| OwnedOutcome::GroupJoined(GroupJoined { members, size: 3, deadline_ms });
    assert_eq!(world.run(10, open(3, 7)), told(1));
    assert_eq!(world.run(11, join(10, 8)), told(2));
    assert_eq!(world.counts(CAMPAIGN), [8, 2, 0]);
    issued(world.run(12, claim(CAMPAIGN, 5)));
    assert_eq!(world.run(13, join(10, 9)), told(3));
    assert_eq!(world.counts(CAMPAIGN), [6, 0, 4]);
    let full = shown(&mut world, 10);
    let card = |serial| CardId::new(Slot(0), 0, serial).0;
    assert_eq!((full.state, full.closed_ms), (GroupState::Full, world.now_ms));
    assert_eq!(members(&full), [(7, card(1)), (8, card(2)), (9, card(3))], "in the order they joined");
    // What was answered is answered again, whatever has become of the group.
    assert_eq!(world.run(11, join(10, 8)), told(2));
    world.wait(u64::from(LASTS_S) * 1_000);
    assert_eq!(world.counts(CAMPAIGN), [6, 0, 4]);
    assert_eq!(world.run(10, open(3, 7)), told(1));
    let facts = OwnedFacts::Units { stock: CAMPAIGN, asked: 4, available: 3 };
    assert_eq!(world.run(14, join(10, 6)), OwnedOutcome::Refused { code: Code::RuleFailed, facts });
    assert_refused(&world.run(15, leave(10, 7)), Code::RuleFailed);
}

#[test]
fn nobody_gets_a_card_when_time_is_over_before() {
    let mut world = world_of(3);
    limited(&mut world, 1, 1);
    world.run(10, open(3, 7));
    world.run(11, join(10, 8));
    assert_refused(&world.run(12, claim(CAMPAIGN, 7)), Code::UserLimit);
    world.wait(u64::from(LASTS_S) * 1_000 - 1);
    assert_eq!(world.counts(CAMPAIGN), [1, 2, 0]);
    world.wait(1);
    assert_eq!(world.counts(CAMPAIGN), [3, 0, 0]);
    let lapsed = shown(&mut world, 10);
    assert_eq!((lapsed.state, lapsed.closed_ms), (GroupState::Lapsed, lapsed.deadline_ms));
    assert_eq!(members(&lapsed), [(7, 0), (8, 0)]);
    let late = world.run(13, join(10, 9));
    let facts = OwnedFacts::Time(lapsed.deadline_ms);
    assert_eq!(late, OwnedOutcome::Refused { code: Code::Expired, facts });
    assert_refused(&world.run(14, leave(10, 7)), Code::Expired);
    issued(world.run(15, claim(CAMPAIGN, 7)));
    world.check_laws();
}

#[test]
fn what_a_group_holds_nobody_else_can_take_and_a_card_of_it_counts_for_good() {
    let mut world = world_of(2);
    limited(&mut world, 1, 0);
    world.run(10, open(2, 7));
    issued(world.run(11, claim(CAMPAIGN, 5)));
    assert_refused(&world.run(12, claim(CAMPAIGN, 6)), Code::OutOfStock);
    assert_refused(&world.run(13, join(10, 5)), Code::UserLimit);
    assert_refused(&world.run(14, join(10, 6)), Code::OutOfStock);
    world.run(15, OwnedCommand::StockSupply { stock: CAMPAIGN, units: 2 });
    assert_eq!(world.run(16, join(10, 6)).code(), None);
    for user in [6, 7] {
        assert_refused(&world.run(17, claim(CAMPAIGN, user)), Code::UserLimit);
    }
    assert_refused(&world.run(18, open(2, 7)), Code::UserLimit);
    world.check_laws();
}

#[test]
fn a_user_and_a_natural_person_are_in_a_group_once() {
    let mut world = world_of(9);
    let person = |limit_key| Some(Parties::new(limit_key, 0, 0));
    world.run(10, open_with(4, 7, person(70)));
    assert_refused(&world.run(11, join(10, 7)), Code::RuleFailed);
    assert_refused(&world.run(12, join_with(10, 8, person(70))), Code::RuleFailed);
    assert_eq!(world.run(13, join_with(10, 8, person(80))).code(), None);
    assert_eq!(world.run(14, join(10, 9)).code(), None);
    assert_eq!(shown(&mut world, 10).members.len(), 3);
}

#[test]
fn who_leaves_gives_his_unit_back_and_may_come_again() {
    let mut world = world_of(9);
    limited(&mut world, 1, 0);
    world.run(10, open(3, 7));
    world.run(11, join(10, 8));
    assert_refused(&world.run(12, leave(10, 9)), Code::NotOwner);
    assert_refused(&world.run(12, leave(11, 8)), Code::NotFound);
    assert_eq!(world.run(13, leave(10, 7)), OwnedOutcome::StockChanged { value: 1 });
    assert_eq!(world.run(14, leave(10, 8)), OwnedOutcome::StockChanged { value: 0 });
    assert_eq!(world.counts(CAMPAIGN), [9, 0, 0]);
    // Nobody is left, and the group is open.
    for (operation, user) in [(15, 8), (16, 7), (17, 9)] {
        assert_eq!(world.run(operation, join(10, user)).code(), None);
    }
    let users: Vec<u128> = members(&shown(&mut world, 10)).into_iter().map(|(user, _)| user).collect();
    assert_eq!(users, [8, 7, 9]);
    assert_eq!(world.run(13, leave(10, 7)), OwnedOutcome::StockChanged { value: 1 });
}

#[test]
fn units_that_were_voided_meanwhile_are_void_when_their_group_lapses_and_consumed_when_it_is_full() {
    for fills in [false, true] {
        let mut world = world_of(2);
        world.run(10, open(2, 7));
        world.run(
            11,
            OwnedCommand::StockVoid { stock: CAMPAIGN, units: 1, from_frozen: false, forced: false },
        );
        world.run(12, OwnedCommand::StockSupply { stock: CAMPAIGN, units: 1 });
        world.run(
            13,
            OwnedCommand::StockVoid { stock: CAMPAIGN, units: 2, from_frozen: false, forced: false },
        );
        assert_eq!((world.show(CAMPAIGN).held, world.show(CAMPAIGN).marked_void), (1, 1));
        if fills {
            world.run(14, OwnedCommand::StockSupply { stock: CAMPAIGN, units: 1 });
            assert_eq!(world.run(15, join(10, 8)).code(), None);
        }
        world.wait(u64::from(LASTS_S) * 1_000);
        let counts = if fills { [0, 0, 2] } else { [0, 0, 0] };
        assert_eq!(world.counts(CAMPAIGN), counts);
        assert_eq!(world.show(CAMPAIGN).marked_void, 0);
    }
}

#[test]
fn what_groups_hold_counts_against_budgets_on_every_day() {
    let budgeted = |budget: u64, cards_per_day: u64| {
        worth_with(CampaignKind::Uses, |worth| {
            worth.definition.cost = 100.into();
            worth.definition.budget = budget.into();
            worth.definition.cards_per_day = cards_per_day.into();
        })
    };
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, 50, budgeted(350, 0));
    world.run(10, open(3, 7));
    world.run(11, join(10, 8));
    assert_refused(&world.run(12, issue(issue_of(CAMPAIGN, 5, 2))), Code::BudgetExceeded);
    issued(world.run(13, claim(CAMPAIGN, 5)));
    assert_refused(&world.run(14, join(10, 9)), Code::BudgetExceeded);
    // No edit goes below what is out and what is held.
    assert_refused(&world.run(15, edit(CAMPAIGN, 2, budgeted(299, 0))), Code::RuleFailed);
    assert_refused(&world.run(16, edit(CAMPAIGN, 2, budgeted(400, 1))), Code::RuleFailed);
    assert_eq!(world.run(17, edit(CAMPAIGN, 2, budgeted(400, 3))).code(), None);
    assert_eq!(world.run(18, join(10, 9)).code(), None, "two cards were held, no day has issued any");
    assert_refused(&world.run(19, claim(CAMPAIGN, 6)), Code::CampaignLimit);
    world.wait(86_400_000);
    world.created_ms = world.now_ms;
    assert_refused(&world.run(20, claim(CAMPAIGN, 6)), Code::BudgetExceeded);
}

#[test]
fn the_last_one_joins_through_his_own_channel_and_each_card_stays_with_its_own() {
    let mut world = world_of(9);
    let quotas = vec![Quota::new(ChannelId(1), 0, 1, 0), Quota::new(ChannelId(2), 3, 9, 0)];
    world.run(5, OwnedCommand::StockQuota { stock: CAMPAIGN, version: 2, quotas });
    world.run(10, open(2, 7));
    assert_refused(&world.run(11, join(10, 8)), Code::ChannelQuota);
    let mut request = world.request(12, join(10, 8));
    request.envelope.channel = ChannelId(2);
    assert_eq!(world.ask(&request).code(), None);
    let channels: Vec<u16> = shown(&mut world, 10).members.iter().map(|row| row.channel.get()).collect();
    assert_eq!(channels, [1, 2]);
    world.check_laws();
}

#[test]
fn a_group_lives_through_a_restart_and_is_forgotten_after_the_window() {
    let rules = Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut world = World::new(ROOMY, rules, START_MS);
    start(&mut world, 9, worth(CampaignKind::Uses));
    world.run(10, open(2, 7));
    world.wait(30_000);
    world.tick();
    world.restart();
    world.created_ms = world.now_ms;
    // The operation that made it is forgotten, the group is not: its id stays its own.
    assert_refused(&world.run(10, open(2, 9)), Code::OperationMismatch);
    assert_eq!(world.run(11, join(10, 8)).code(), None);
    assert_eq!(shown(&mut world, 10).state, GroupState::Full);
    world.restart();
    assert_eq!(shown(&mut world, 10).members.len(), 2);
    world.wait(40_000);
    world.tick();
    world.created_ms = world.now_ms;
    assert_refused(&world.run(12, join(10, 9)), Code::NotFound);
    world.drain();
}

#[test]
fn a_full_table_of_groups_says_so_and_has_room_again_when_they_are_over() {
    let rules = Rules { operation_window_ms: 10_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut world = World::new(Capacity { groups_max: 3, ..ROOMY }, rules, START_MS);
    start(&mut world, 9, worth(CampaignKind::Uses));
    world.run(10, open(3, 7));
    assert_refused(&world.run(11, open(2, 8)), Code::Capacity);
    assert_eq!(world.run(12, join(10, 8)).code(), None);
    assert_refused(&world.run(13, join(10, 9)), Code::Capacity);
    world.wait(u64::from(LASTS_S) * 1_000);
    for _ in 0..40 {
        world.wait(1_000);
        world.tick();
    }
    world.created_ms = world.now_ms;
    assert_eq!(world.run(14, open(2, 8)).code(), None);
}

/// A campaign in which a user may do all but what the faults say.
fn with_faults(has: impl Fn(usize) -> bool, opened: bool) -> World {
    world_with(ROOMY, |world| {
        let worth = worth_with(CampaignKind::Uses, |worth| {
            worth.definition.until_ms = if has(7) { NOW_MS } else { 0 }.into();
        });
        world.run(2, create(CAMPAIGN, 9, worth));
        world.run(3, to_state(CAMPAIGN, 1, CampaignState::Running));
        if opened {
            world.run(4, open(3, 6));
        }
        if has(8) {
            limited(world, 1, 0);
            issued(world.run(5, claim(CAMPAIGN, 7)));
        }
        if has(9) {
            let version = world.show(CAMPAIGN).version;
            let quotas = vec![Quota::new(
                ChannelId(1),
                0,
                world.show(CAMPAIGN).held + world.show(CAMPAIGN).consumed,
                0,
            )];
            world.run(6, OwnedCommand::StockQuota { stock: CAMPAIGN, version, quotas });
        }
        if has(6) {
            let version = world.show(CAMPAIGN).version;
            let terms = StockTerms { frozen: true, ..world.show(CAMPAIGN).terms };
            world.run(7, OwnedCommand::StockEdit { stock: CAMPAIGN, version, terms });
        }
    })
}

#[test]
fn an_opening_is_checked_in_the_documented_order() {
    // 5 is left out; 6: frozen; 7: too late; 8: the user's limit; 9: the channel's cap.
    let ask = |faults: &[usize]| {
        let faults: Vec<usize> =
            faults.iter().map(|fault| if *fault < 5 { *fault } else { fault + 1 }).collect();
        let mut world = with_faults(|fault| faults.contains(&fault), false);
        let mut request = world.request(100, open(2, 7));
        spoil(&mut request, &faults);
        world.ask(&request).code()
    };
    let codes = [&WITH_ID[..], &[Code::Frozen, Code::Expired, Code::UserLimit, Code::ChannelQuota]].concat();
    assert_order(&codes, ask);
}

#[test]
fn a_joining_is_checked_in_the_documented_order() {
    // 3: another merchant's group; 4: the same natural person; then as above.
    let ask = |faults: &[usize]| {
        let faults: Vec<usize> =
            faults.iter().map(|fault| if *fault < 3 { *fault } else { fault + 1 }).collect();
        let has = |fault: usize| faults.contains(&fault);
        let mut world = with_faults(has, true);
        let mut request = world.request(100, join(4, if has(5) { 6 } else { 7 }));
        spoil(&mut request, &faults);
        world.ask(&request).code()
    };
    let codes =
        [
            &[
                Code::OperationTooOld,
                Code::ClockAhead,
                Code::DeadlinePassed,
                Code::NotFound,
                Code::RuleFailed,
            ][..],
            &[Code::Frozen, Code::Expired, Code::UserLimit, Code::ChannelQuota],
        ]
        .concat();
    assert_order(&codes, ask);
}

//! Limits of weeks and months, and groups of campaigns: what one may have of several campaigns together.

use super::card_scene::{
    CAMPAIGN, claim, create, edit, issue, issue_of, issued, show_campaign, to_state, worth,
};
use scrip_engine::command::{CampaignKind, CampaignState, Limits, Parties, SpanLimits, SubjectLimit};
use scrip_engine::ids::{Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedIssue, OwnedTake, Worth};
use scrip_tests::world::{World, assert_refused, reserve, return_all, take};
use zerocopy::little_endian::U32;

const STOCK: StockId = StockId::new(Slot(0), 1);
/// The stock whose limits hold for a group.
const GROUP: StockId = StockId::new(Slot(0), 9);
/// Another campaign beside [`CAMPAIGN`].
const OTHER: StockId = StockId::new(Slot(0), 2);
/// Midnight by UTC of a Monday, the first of June 2026.
const MONDAY_MS: u64 = 1_780_272_000_000;
const DAY_MS: u64 = 86_400_000;

/// So many a week and a month for a user.
fn of_users(per_week: u32, per_month: u32) -> SpanLimits {
    let first = |units| [U32::new(units), U32::ZERO, U32::ZERO, U32::ZERO];
    SpanLimits { per_week: first(per_week), per_month: first(per_month) }
}

#[track_caller]
fn set(world: &mut World, stock: StockId, version: u32, spans: Option<SpanLimits>) {
    set_with(world, (stock, version), Limits::default(), spans);
}

#[track_caller]
fn set_with(world: &mut World, (stock, version): (StockId, u32), limits: Limits, spans: Option<SpanLimits>) {
    let command = OwnedCommand::StockLimits { stock, version, limits, spans };
    let done = world.run(1 << 65 | u128::from(stock.0) << 32 | u128::from(version), command);
    assert_eq!(done, OwnedOutcome::StockChanged { value: u64::from(version) + 1 });
}

fn sell(units: u32) -> OwnedCommand {
    OwnedCommand::Sell { take: take(&[(STOCK, units)]), paid: false, hidden: false }
}

fn lacks(asked: u32, available: u64) -> OwnedOutcome {
    let lack = Lack { line: 0, why: Code::UserLimit, asked, available };
    OwnedOutcome::refused_lines(Code::UserLimit, vec![lack])
}

#[track_caller]
fn assert_taken(outcome: &OwnedOutcome) {
    assert_eq!(outcome.code(), None, "answered {outcome:?}");
}

/// A stock of a hundred units with these limits, at a time.
fn world_at(now_ms: u64, spans: SpanLimits) -> World {
    let mut world = World::new(ROOMY, Rules::default(), now_ms);
    world.stock(1, 100);
    set(&mut world, STOCK, 1, Some(spans));
    world
}

fn wait_until(world: &mut World, now_ms: u64) {
    world.advance(now_ms);
    world.created_ms = now_ms;
}

#[test]
fn a_week_ends_with_its_sunday() {
    let mut world = world_at(MONDAY_MS - 2 * DAY_MS, of_users(2, 0));
    assert_taken(&world.run(10, sell(1)));
    wait_until(&mut world, MONDAY_MS - 1);
    assert_taken(&world.run(11, sell(1)));
    assert_eq!(world.run(12, sell(1)), lacks(1, 0));
    wait_until(&mut world, MONDAY_MS);
    assert_taken(&world.run(13, sell(2)));
    assert_eq!(world.run(14, sell(1)), lacks(1, 0));
    wait_until(&mut world, MONDAY_MS + 7 * DAY_MS);
    assert_taken(&world.run(15, sell(2)));
    world.check_laws();
}

#[test]
fn a_month_ends_with_its_last_day_whatever_its_weeks() {
    let mut world = world_at(MONDAY_MS - DAY_MS, of_users(0, 3));
    assert_taken(&world.run(10, sell(3)));
    assert_eq!(world.run(11, sell(1)), lacks(1, 0));
    wait_until(&mut world, MONDAY_MS);
    assert_taken(&world.run(12, sell(2)));
    wait_until(&mut world, MONDAY_MS + 30 * DAY_MS - 1);
    assert_eq!(world.run(13, sell(2)), lacks(2, 1));
    wait_until(&mut world, MONDAY_MS + 30 * DAY_MS);
    assert_taken(&world.run(14, sell(3)));
    world.check_laws();
}

#[test]
fn what_is_given_back_credits_the_week_and_month_of_its_hold() {
    let mut world = world_at(MONDAY_MS - 5_000, of_users(2, 3));
    world.run(10, reserve(take(&[(STOCK, 2)])));
    world.release(10);
    assert_taken(&world.run(11, sell(2)));
    assert_eq!(world.run(12, sell(1)), lacks(1, 0));
    wait_until(&mut world, MONDAY_MS);
    assert_taken(&world.run(13, sell(2)));
    assert_taken(&world.run(14, return_all(11)));
    assert_eq!(world.run(15, sell(1)), lacks(1, 0), "last week's units are not this week's");
    assert_taken(&world.run(16, return_all(13)));
    assert_taken(&world.run(17, sell(2)));
    world.check_laws();
}

#[test]
fn weeks_are_counted_from_when_somebody_is_limited_by_them() {
    let mut world = World::new(ROOMY, Rules::default(), MONDAY_MS);
    world.stock(1, 100);
    let subjects = [
        SubjectLimit::new(0, 90, 0),
        SubjectLimit::default(),
        SubjectLimit::default(),
        SubjectLimit::default(),
    ];
    set_with(&mut world, (STOCK, 1), Limits { subjects, ..Limits::default() }, None);
    assert_taken(&world.run(10, sell(5)));
    set_with(&mut world, (STOCK, 2), Limits { subjects, ..Limits::default() }, Some(of_users(2, 0)));
    assert_taken(&world.run(11, sell(2)));
    assert_eq!(world.run(12, sell(1)), lacks(1, 0));
    assert_taken(&world.run(13, return_all(10)));
    assert_eq!(world.run(14, sell(1)), lacks(1, 0), "what was not counted is not credited");
    world.check_laws();
}

#[test]
fn limits_of_weeks_stay_where_nothing_is_said_of_them_and_go_where_they_are_lifted() {
    let mut world = world_at(MONDAY_MS, of_users(1, 0));
    set(&mut world, STOCK, 2, None);
    assert_taken(&world.run(10, sell(1)));
    assert_eq!(world.run(11, sell(1)), lacks(1, 0));
    let shown = world.run(1, OwnedCommand::StockTermsShow { stock: STOCK });
    let OwnedOutcome::Terms { spans, .. } = shown else { panic!("a stock is shown") };
    assert_eq!(*spans, of_users(1, 0));
    set(&mut world, STOCK, 3, Some(SpanLimits::default()));
    assert_taken(&world.run(12, sell(9)));
    world.check_laws();
}

#[test]
fn a_late_confirm_is_counted_in_the_week_of_its_hold() {
    let mut world = world_at(MONDAY_MS - 5_000, of_users(2, 0));
    world.run(10, reserve(take(&[(STOCK, 2)])));
    wait_until(&mut world, MONDAY_MS + 60_000);
    assert_taken(&world.run(11, sell(2)));
    assert_taken(&world.confirm(10));
    assert_eq!(world.run(12, sell(1)), lacks(1, 0));
    world.check_laws();
}

#[test]
fn who_takes_a_holds_place_gives_its_week_up() {
    let mut world = world_at(MONDAY_MS, of_users(2, 2));
    world.run(10, reserve(take(&[(STOCK, 2)])));
    let replace = OwnedTake { replace: scrip_engine::ids::OperationId(10), ..take(&[(STOCK, 2)]) };
    assert_taken(&world.run(11, reserve(replace)));
    assert_eq!(world.run(12, sell(1)), lacks(1, 0));
    world.check_laws();
}

#[test]
fn a_week_and_a_month_need_places_of_their_own() {
    let mut world = World::new(Capacity { user_limits_max: 5, ..ROOMY }, Rules::default(), MONDAY_MS);
    world.stock(1, 100);
    set(&mut world, STOCK, 1, Some(of_users(50, 50)));
    assert_taken(&world.run(10, sell(1)));
    let by_another = OwnedTake { user: UserId(2), ..take(&[(STOCK, 1)]) };
    let full = world.run(11, OwnedCommand::Sell { take: by_another, paid: false, hidden: false });
    assert_eq!(full.maximum(), Some(CapacityOf::UserLimits));
    assert_taken(&world.run(12, sell(1)));
    world.check_laws();
}

/// A kind of coupon whose campaign is in the group.
fn in_group() -> Worth {
    let mut worth = worth(CampaignKind::AmountOff);
    worth.extension.group.set(GROUP.0);
    worth
}

/// A group that gives so many in all to a user and to a device, and two campaigns in it.
fn world_of_group(per_user: u32, per_device: u32) -> World {
    let mut world = World::new(ROOMY, Rules::default(), MONDAY_MS);
    world.stock(9, 0);
    let subjects = [
        SubjectLimit::new(per_user, 0, 0),
        SubjectLimit::default(),
        SubjectLimit::new(per_device, 0, 0),
        SubjectLimit::default(),
    ];
    set_with(&mut world, (GROUP, 1), Limits { subjects, ..Limits::default() }, None);
    for (at, campaign) in (0..).zip([CAMPAIGN, OTHER]) {
        world.run(1 << 80 | at, create(campaign, 100, in_group()));
        world.run(1 << 81 | at, to_state(campaign, 1, CampaignState::Running));
    }
    world
}

fn reached(asked: u64, available: u64) -> OwnedOutcome {
    let facts = OwnedFacts::Units { stock: GROUP, asked, available };
    OwnedOutcome::Refused { code: Code::UserLimit, facts }
}

#[test]
fn a_user_counts_once_over_all_campaigns_of_a_group() {
    let mut world = world_of_group(1, 0);
    issued(world.run(10, claim(CAMPAIGN, 7)));
    assert_eq!(world.run(11, claim(OTHER, 7)), reached(1, 0));
    assert_eq!(world.run(12, claim(CAMPAIGN, 7)), reached(1, 0));
    issued(world.run(13, claim(OTHER, 8)));
    assert_eq!(world.run(14, issue(issue_of(CAMPAIGN, 8, 2))), reached(2, 0));
    issued(world.run(15, issue(issue_of(CAMPAIGN, 0, 2))));
    world.check_laws();
}

#[test]
fn a_device_counts_once_over_all_campaigns_of_a_group() {
    let mut world = world_of_group(0, 1);
    let of = |campaign, owner, device| {
        let parties = Some(Parties::new(0, device, 0));
        issue(OwnedIssue { claimed: true, parties, ..issue_of(campaign, owner, 1) })
    };
    issued(world.run(10, of(CAMPAIGN, 7, 5)));
    assert_eq!(world.run(11, of(OTHER, 8, 5)), reached(1, 0));
    issued(world.run(12, of(OTHER, 8, 6)));
    issued(world.run(13, claim(OTHER, 9)));
    world.check_laws();
}

/// Two for each user in all.
fn two_in_all() -> Limits {
    let none = SubjectLimit::default();
    Limits { subjects: [SubjectLimit::new(2, 0, 0), none, none, none], ..Limits::default() }
}

#[test]
fn a_groups_limit_is_edited_like_any_other_and_holds_at_once() {
    let mut world = world_of_group(1, 0);
    issued(world.run(10, claim(CAMPAIGN, 7)));
    assert_eq!(world.run(11, claim(OTHER, 7)), reached(1, 0));
    set_with(&mut world, (GROUP, 2), two_in_all(), None);
    issued(world.run(12, claim(OTHER, 7)));
    assert_eq!(world.run(13, claim(OTHER, 7)), reached(1, 0));
    set_with(&mut world, (GROUP, 3), Limits::default(), Some(of_users(3, 0)));
    issued(world.run(14, claim(OTHER, 7)));
    world.check_laws();
}

#[test]
fn a_groups_week_is_counted_over_all_its_campaigns() {
    let mut world = world_of_group(0, 0);
    set(&mut world, GROUP, 2, Some(of_users(2, 0)));
    issued(world.run(10, claim(CAMPAIGN, 7)));
    issued(world.run(11, claim(OTHER, 7)));
    assert_eq!(world.run(12, claim(OTHER, 7)), reached(1, 0));
    wait_until(&mut world, MONDAY_MS + 7 * DAY_MS);
    issued(world.run(13, claim(OTHER, 7)));
    world.check_laws();
}

#[test]
fn a_campaign_that_leaves_its_group_leaves_its_cards_counted_there() {
    let mut world = world_of_group(1, 0);
    issued(world.run(10, claim(CAMPAIGN, 7)));
    let alone = edit(CAMPAIGN, 2, worth(CampaignKind::AmountOff));
    assert_eq!(world.run(11, alone), OwnedOutcome::StockChanged { value: 3 });
    issued(world.run(12, claim(CAMPAIGN, 7)));
    assert_eq!(world.run(13, claim(OTHER, 7)), reached(1, 0));
    assert_eq!(show_campaign(&mut world, OTHER).extension.group(), Some(GROUP));
    world.check_laws();
}

#[test]
fn a_group_is_a_stock_of_the_merchant_in_this_slot() {
    let mut world = world_of_group(1, 0);
    for (at, group) in (0..).zip([StockId::new(Slot(0), 99), StockId::new(Slot(5), 9)]) {
        let mut elsewhere = in_group();
        elsewhere.extension.group.set(group.0);
        let made = create(StockId::new(Slot(0), 50), 10, elsewhere.clone());
        assert_refused(&world.run(10 + at, made), Code::RuleFailed);
        assert_refused(&world.run(20 + at, edit(CAMPAIGN, 2, elsewhere)), Code::RuleFailed);
    }
    let mut of_a_campaign = in_group();
    of_a_campaign.extension.group.set(OTHER.0);
    assert_eq!(world.run(30, edit(CAMPAIGN, 2, of_a_campaign)), OwnedOutcome::StockChanged { value: 3 });
}

#[test]
fn a_group_is_asked_behind_the_campaigns_own_limits_and_before_its_budget() {
    let mut world = world_of_group(1, 0);
    let mut worth = in_group();
    worth.definition.cards_per_day = 1.into();
    assert_eq!(world.run(10, edit(CAMPAIGN, 2, worth)), OwnedOutcome::StockChanged { value: 3 });
    set_with(&mut world, (CAMPAIGN, 3), two_in_all(), None);
    let of_the_campaign = OwnedFacts::Units { stock: CAMPAIGN, asked: 3, available: 2 };
    let refused = OwnedOutcome::Refused { code: Code::UserLimit, facts: of_the_campaign };
    assert_eq!(world.run(11, issue(issue_of(CAMPAIGN, 7, 3))), refused);
    assert_eq!(world.run(12, issue(issue_of(CAMPAIGN, 7, 2))), reached(2, 1));
    issued(world.run(13, claim(CAMPAIGN, 7)));
    assert_eq!(world.run(14, claim(CAMPAIGN, 7)), reached(1, 0));
    assert_refused(&world.run(15, claim(CAMPAIGN, 8)), Code::CampaignLimit);
    world.check_laws();
}

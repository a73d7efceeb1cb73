//! RECYCLE and MERGE, one situation each: the order of checks, what moves, what stays.

use super::card_scene::{
    CAMPAIGN, card, change, create, give, issue, issue_of, issued, redeem, redeemed, reverse, show,
    show_campaign, start, to_state, world_of, worth, worth_with,
};
use scrip_engine::command::{
    AccountWish, CampaignKind, CampaignState, CardChange, CardLine, CardState, QuoteCard, RecycleInto,
};
use scrip_engine::ids::{CardId, Slot, StockId, UserId};
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedRedeem, OwnedTake};
use scrip_tests::world::{START_MS, World, reserve, take};

const OTHER: StockId = StockId::new(Slot(0), 2);
const GOODS: StockId = StockId::new(Slot(0), 9);
const LASTS_MS: u64 = 100_000;

fn value(value: u64) -> OwnedOutcome {
    OwnedOutcome::StockChanged { value }
}

fn code(outcome: &OwnedOutcome) -> Code {
    outcome.code().unwrap_or_else(|| panic!("no refusal: {outcome:?}"))
}

fn recycle(card: CardId, into: RecycleInto) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Recycle { card, generation: None, into })
}

fn merge(into: CardId, from: &[CardId]) -> OwnedCommand {
    let from = from.iter().map(|card| QuoteCard::new(*card, None)).collect();
    OwnedCommand::OfCards(CardCommand::Merge { into, generation: None, from })
}

fn account(card: CardId, wish: AccountWish) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Account { card, generation: None, wish })
}

fn top_up(card: CardId, principal: u32, bonus: u32, until_ms: u64) -> OwnedCommand {
    account(card, AccountWish::TopUp { principal, bonus, paid: principal, until_ms })
}

fn spend(card: CardId, units: u32) -> OwnedCommand {
    redeem(OwnedRedeem { amount: 1_000, ..OwnedRedeem::of(card, units) })
}

fn order(card: CardId, units: u32) -> OwnedCommand {
    let cards = vec![CardLine::new(card, units, 1_000)];
    reserve(OwnedTake { user: UserId(5), cards, ..take(&[(GOODS, 1)]) })
}

/// Cards of an amount off that end after [`LASTS_MS`], one of user 5.
fn expiring() -> World {
    let mut world = world_of(worth_with(CampaignKind::AmountOff, |worth| {
        worth.definition.until_ms = (START_MS + LASTS_MS).into();
    }));
    assert_eq!(world.stock(9, 10), GOODS);
    issued(world.run(10, issue(issue_of(CAMPAIGN, 5, 1))));
    world
}

/// A second campaign, which runs; its cards are of slot 0, number 1.
fn second(world: &mut World, kind: CampaignKind) {
    assert_eq!(world.run(1 << 81, create(OTHER, 100, worth(kind))), value(100));
    assert_eq!(world.run(1 << 81 | 1, to_state(OTHER, 1, CampaignState::Running)), value(2));
}

const fn other(serial: u64) -> CardId {
    CardId::new(Slot(0), 1, serial)
}

#[test]
fn an_expired_card_goes_back_to_the_supply_once() {
    let mut world = expiring();
    let supply = RecycleInto::Supply;
    assert_eq!(code(&world.run(20, recycle(CardId::new(Slot(1), 0, 0), supply))), Code::CrossSlot);
    assert_eq!(code(&world.run(20, recycle(card(7), supply))), Code::NotFound);
    let early = world.run(20, recycle(card(0), supply));
    let facts = OwnedFacts::Time(START_MS + LASTS_MS);
    assert_eq!(early, OwnedOutcome::Refused { code: Code::NotStarted, facts });
    world.wait(LASTS_MS);
    assert_eq!(world.run(20, recycle(card(0), supply)), value(1));
    assert_eq!(world.run(20, recycle(card(0), supply)), value(1), "a repeat");
    assert_eq!(code(&world.run(21, recycle(card(0), supply))), Code::Void);
    assert_eq!(world.counts(CAMPAIGN), [1_000, 0, 0]);
    assert_eq!(show(&mut world, card(0)).state, CardState::Void);
    assert_eq!(show_campaign(&mut world, CAMPAIGN).issued, 1);
    world.check_laws();
}

#[test]
fn what_a_card_is_recycled_for_needs_an_owner_and_a_usable_card() {
    let mut world = expiring();
    second(&mut world, CampaignKind::Points);
    let points = |units| RecycleInto::Points { card: other(0), units };
    issued(world.run(11, issue(issue_of(CAMPAIGN, 0, 1))));
    issued(world.run(12, issue(issue_of(CAMPAIGN, 5, 2))));
    world.run(13, change(card(2), CardChange::Freeze));
    world.wait(LASTS_MS);
    assert_eq!(code(&world.run(20, recycle(card(1), points(5)))), Code::RuleFailed, "a bearer card");
    assert_eq!(code(&world.run(21, recycle(card(2), points(5)))), Code::Frozen);
    assert_eq!(code(&world.run(22, recycle(card(0), points(5)))), Code::NotFound, "no card of points yet");
    issued(world.run(23, issue(issue_of(OTHER, 6, 1))));
    assert_eq!(code(&world.run(24, recycle(card(0), points(5)))), Code::NotOwner);
    let of_coupons = RecycleInto::Points { card: card(3), units: 5 };
    assert_eq!(code(&world.run(25, recycle(card(0), of_coupons))), Code::RuleFailed);
    issued(world.run(26, issue(issue_of(OTHER, 5, 1))));
    let into = |units| RecycleInto::Points { card: other(1), units };
    assert_eq!(code(&world.run(27, recycle(card(0), into(1_000_000_000)))), Code::RuleFailed, "no room");
    assert_eq!(world.run(28, recycle(card(0), into(5))), value(15));
    assert_eq!(show(&mut world, other(1)).available, 15);
    // Frozen ones and bearer cards go back to the supply.
    assert_eq!(world.run(29, recycle(card(2), RecycleInto::Supply)), value(1));
    assert_eq!(world.run(30, recycle(card(1), RecycleInto::Supply)), value(1));
    let now = world.show(CAMPAIGN);
    assert_eq!((now.available, now.consumed, now.void), (998, 1, 1));
    world.check_laws();
}

#[test]
fn a_card_is_recycled_for_one_of_another_campaign_that_issues_cards() {
    let mut world = expiring();
    assert_eq!(world.run(11, create(OTHER, 1, worth(CampaignKind::Uses))), value(1));
    world.wait(LASTS_MS);
    let into = RecycleInto::Campaign(OTHER);
    let none = RecycleInto::Campaign(StockId::new(Slot(0), 77));
    assert_eq!(code(&world.run(20, recycle(card(0), none))), Code::NotFound);
    assert_eq!(code(&world.run(21, recycle(card(0), RecycleInto::Campaign(CAMPAIGN)))), Code::RuleFailed);
    assert_eq!(code(&world.run(22, recycle(card(0), into))), Code::NotStarted, "a draft");
    world.run(23, to_state(OTHER, 1, CampaignState::Running));
    assert_eq!(world.run(24, recycle(card(0), into)), value(other(0).0));
    let view = show(&mut world, other(0));
    assert_eq!((view.owner.0, view.state, view.available), (5, CardState::Active, 3));
    assert_eq!(show(&mut world, card(0)).state, CardState::Void);
    assert_eq!(world.counts(OTHER), [0, 0, 1]);
    world.check_laws();
}

#[test]
fn a_card_that_an_order_holds_is_not_recycled() {
    let mut world = expiring();
    world.run(11, change(card(0), CardChange::Extend { until_ms: START_MS + 2_000 }));
    let held = world.run(12, order(card(0), 1));
    assert!(matches!(held, OwnedOutcome::Reserved { .. }), "{held:?}");
    world.wait(2_000);
    assert_eq!(code(&world.run(13, recycle(card(0), RecycleInto::Supply))), Code::LockedByOtherOrder);
    world.release(12);
    assert_eq!(world.run(13, recycle(card(0), RecycleInto::Supply)), value(1));
}

/// A gift card of 100 for 90, of user 5 the first three, of user 6 the last.
fn gift_cards() -> World {
    let mut world = world_of(worth_with(CampaignKind::StoredValue, |worth| {
        worth.definition.until_ms = (START_MS + LASTS_MS).into();
    }));
    assert_eq!(world.stock(9, 10), GOODS);
    issued(world.run(10, issue(issue_of(CAMPAIGN, 5, 3))));
    issued(world.run(11, issue(issue_of(CAMPAIGN, 6, 1))));
    world
}

#[test]
fn cards_are_merged_in_the_documented_order() {
    let mut world = gift_cards();
    second(&mut world, CampaignKind::StoredValue);
    issued(world.run(12, issue(issue_of(OTHER, 5, 1))));
    assert_eq!(code(&world.run(20, merge(card(0), &[CardId::new(Slot(1), 0, 0)]))), Code::CrossSlot);
    assert_eq!(code(&world.run(21, merge(card(0), &[card(1), card(9)]))), Code::NotFound);
    assert_eq!(code(&world.run(22, merge(card(0), &[other(0)]))), Code::RuleFailed);
    assert_eq!(code(&world.run(23, merge(card(0), &[card(3)]))), Code::NotOwner);
    let held = world.run(24, order(card(1), 10));
    assert!(matches!(held, OwnedOutcome::Reserved { .. }), "{held:?}");
    assert_eq!(code(&world.run(25, merge(card(0), &[card(1)]))), Code::LockedByOtherOrder);
    // Holds may have some of the card that gets it.
    let merged = world.run(26, merge(card(1), &[card(0)]));
    assert_eq!(merged, OwnedOutcome::Filled { units: 100, available: 190 });
    assert_eq!(world.run(26, merge(card(1), &[card(0)])), merged, "a repeat");
    assert_eq!(code(&world.run(27, merge(card(1), &[card(0)]))), Code::Void);
    world.run(28, give(card(2), 0, 0, 60));
    assert_eq!(code(&world.run(29, merge(card(1), &[card(2)]))), Code::LockedByOtherOrder);
    world.wait(LASTS_MS);
    assert_eq!(code(&world.run(30, merge(card(1), &[card(2)]))), Code::Expired);
    world.check_laws();
}

#[test]
fn lots_move_with_what_was_paid_for_them_and_with_their_ends() {
    let mut world = gift_cards();
    let until_ms = START_MS + 50_000;
    world.run(20, top_up(card(1), 50, 7, until_ms));
    redeemed(world.run(21, spend(card(1), 20)));
    let short = world.run(22, top_up(card(2), 8, 0, START_MS + 1_000));
    assert!(matches!(short, OwnedOutcome::Filled { .. }), "{short:?}");
    world.wait(1_000);
    // 8 of the second source have ended: they are lost.
    let merged = world.run(23, merge(card(0), &[card(1), card(2)]));
    assert_eq!(merged, OwnedOutcome::Filled { units: 137 + 100, available: 337 });
    assert_eq!(show(&mut world, card(2)).void, 108);
    assert_eq!(code(&world.run(24, reverse(21, 0))), Code::Void);
    // 300 of the cards for 90 a hundred, 30 of 50 that were paid in, no bonus.
    let refunded = world.run(25, account(card(0), AccountWish::Refund));
    assert_eq!(refunded, OwnedOutcome::CardRefunded { units: 330, paid: 270 + 30 });
    assert_eq!(world.show(CAMPAIGN).void, 2);
    world.check_laws();
}

#[test]
fn what_is_merged_lives_no_longer_than_before() {
    let mut world = gift_cards();
    world.run(20, change(card(1), CardChange::Extend { until_ms: START_MS + 10_000 }));
    assert_eq!(
        world.run(21, merge(card(0), &[card(1)])),
        OwnedOutcome::Filled { units: 100, available: 200 }
    );
    world.wait(10_000);
    let view = show(&mut world, card(0));
    assert_eq!((view.available, view.expired), (100, 100));
}

#[test]
fn stamps_are_merged_up_to_the_goal() {
    let mut world = World::usual();
    start(&mut world, 10, worth(CampaignKind::Stamps));
    issued(world.run(10, issue(issue_of(CAMPAIGN, 5, 3))));
    for serial in 0..3 {
        world.run(20 + u128::from(serial), account(card(serial), AccountWish::Earn { units: 2 }));
    }
    assert_eq!(code(&world.run(30, merge(card(0), &[card(1)]))), Code::RuleFailed);
    let used = spend_after_one_more(&mut world);
    redeemed(world.run(31, used));
    world.check_laws();
}

/// The third stamp of the first card; then its use.
fn spend_after_one_more(world: &mut World) -> OwnedCommand {
    world.run(32, account(card(0), AccountWish::Earn { units: 1 }));
    spend(card(0), 0)
}

#[test]
fn bearer_cards_are_merged_by_whoever_has_them() {
    let mut world = world_of(worth(CampaignKind::StoredValue));
    issued(world.run(10, issue(issue_of(CAMPAIGN, 0, 200))));
    let from = [card(150), card(70)];
    assert_eq!(world.run(11, merge(card(3), &from)), OwnedOutcome::Filled { units: 200, available: 300 });
    assert_eq!(show(&mut world, card(150)).state, CardState::Void);
    world.check_laws();
}

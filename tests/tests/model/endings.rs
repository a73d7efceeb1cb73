//! Campaigns and batches that end at once, one situation each: the order of checks, what becomes of cards in every state, the counts.

use super::card_scene::{
    CAMPAIGN, card, change, claim, create, give, issue, issue_of, issued, recycle_batch, redeem, redeemed,
    reverse, show, show_campaign, to_state, void_batch, void_campaign, world_of, worth, worth_with,
};
use scrip_engine::command::{CampaignKind, CampaignState, CardChange, CardLine, CardState, Quota};
use scrip_engine::ids::{CardId, ChannelId, Slot, StockId};
use scrip_engine::limits::TTL_MAX_MS;
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedIssue, OwnedRedeem, OwnedTake};
use scrip_tests::world::{START_MS, World, reserve, take};

const GOODS: StockId = StockId::new(Slot(0), 9);
const LASTS_MS: u64 = 100_000;

fn value(value: u64) -> OwnedOutcome {
    OwnedOutcome::StockChanged { value }
}

/// Bearer cards of an amount off that end after [`LASTS_MS`], serials from 0.
fn batch_of(count: u32) -> World {
    let mut world = world_of(worth_with(CampaignKind::AmountOff, |worth| {
        worth.definition.until_ms = (START_MS + LASTS_MS).into();
    }));
    issued(world.run(10, issue(issue_of(CAMPAIGN, 0, count))));
    world
}

fn till(serial: u64) -> OwnedCommand {
    redeem(OwnedRedeem { amount: 1_000, ..OwnedRedeem::of(card(serial), 1) })
}

fn order(serial: u64) -> OwnedCommand {
    reserve(OwnedTake { cards: vec![CardLine::new(card(serial), 1, 1_000)], ..take(&[(GOODS, 1)]) })
}

#[test]
fn a_campaign_is_voided_in_the_documented_order() {
    let mut world = world_of(worth(CampaignKind::AmountOff));
    let goods = world.stock(9, 1);
    let code = |outcome: OwnedOutcome| outcome.code().expect("a refusal");
    assert_eq!(code(world.run(2, void_campaign(goods, 1))), Code::NotFound);
    assert_eq!(code(world.run(3, void_campaign(StockId::new(Slot(0), 77), 1))), Code::NotFound);
    assert_eq!(code(world.run(4, void_campaign(CAMPAIGN, 1))), Code::RuleFailed);
    assert_eq!(world.run(5, void_campaign(CAMPAIGN, 2)), value(0));
    assert_eq!(world.run(5, void_campaign(CAMPAIGN, 2)), value(0), "a repeat");
    assert_eq!(code(world.run(6, void_campaign(CAMPAIGN, 2))), Code::RuleFailed, "the version comes first");
    assert_eq!(code(world.run(7, void_campaign(CAMPAIGN, 3))), Code::Void);
    for state in [CampaignState::Running, CampaignState::Void, CampaignState::Stopped] {
        assert_eq!(code(world.run(8, to_state(CAMPAIGN, 3, state))), Code::RuleFailed, "to {state:?}");
    }
}

#[test]
fn nothing_leads_to_a_void_campaign_but_its_own_command() {
    let mut world = world_of(worth(CampaignKind::AmountOff));
    assert_eq!(world.run(2, to_state(CAMPAIGN, 2, CampaignState::Void)).code(), Some(Code::RuleFailed));
}

#[test]
fn a_void_campaign_takes_its_cards_along_but_for_the_used_ones() {
    let mut world = world_of(worth(CampaignKind::AmountOff));
    assert_eq!(world.stock(9, 10), GOODS);
    issued(world.run(10, issue(issue_of(CAMPAIGN, 5, 6))));
    issued(world.run(11, issue(issue_of(CAMPAIGN, 0, 100))));
    // Used, frozen, void, given; of the bearer cards one used, one held.
    redeemed(world.run(20, till(0)));
    world.run(21, change(card(1), CardChange::Freeze));
    world.run(22, change(card(2), CardChange::Void));
    world.run(23, give(card(3), 0, 0, 600));
    redeemed(world.run(24, till(6)));
    let held = world.run(25, order(7));
    assert!(matches!(held, OwnedOutcome::Reserved { .. }), "{held:?}");
    assert_eq!(world.run(30, void_campaign(CAMPAIGN, 2)), value(106 - 3));
    let now = world.show(CAMPAIGN);
    assert_eq!((now.available, now.consumed, now.frozen, now.void, now.version), (0, 2, 0, 998, 3));
    assert_eq!(show_campaign(&mut world, CAMPAIGN).state, CampaignState::Void);
    for (serial, state) in
        [(0, CardState::Used), (1, CardState::Void), (3, CardState::Void), (105, CardState::Void)]
    {
        let view = show(&mut world, card(serial));
        assert_eq!((view.state, view.available), (state, 0), "card {serial}");
    }
    // Nothing of it can be had any more.
    assert_eq!(world.run(31, till(105)).code(), Some(Code::Void));
    assert_eq!(world.run(32, claim(CAMPAIGN, 9)).code(), Some(Code::Void));
    assert_eq!(
        world.run(33, OwnedCommand::StockSupply { stock: CAMPAIGN, units: 5 }).code(),
        Some(Code::Void)
    );
    assert_eq!(world.run(34, reverse(20, 0)).code(), Some(Code::Void), "a used card stays used");
    assert_eq!(world.run(35, void_batch(card(7))).code(), Some(Code::Void));
    // What was held counts when it is paid for.
    let paid = world.confirm(25);
    assert!(matches!(paid, OwnedOutcome::Confirmed { .. }), "{paid:?}");
    let view = show(&mut world, card(7));
    assert_eq!((view.state, view.consumed, view.held), (CardState::Void, 1, 0));
    world.check_laws();
}

#[test]
fn guarantees_go_with_a_void_campaign() {
    let mut world = world_of(worth(CampaignKind::AmountOff));
    let quota = Quota::new(ChannelId(3), 400, 500, 0);
    assert_eq!(
        world.run(2, OwnedCommand::StockQuota { stock: CAMPAIGN, version: 2, quotas: vec![quota] }),
        value(3)
    );
    let mut request = world.request(10, issue(issue_of(CAMPAIGN, 5, 6)));
    request.envelope.channel = ChannelId(3);
    issued(world.ask(&request));
    world.run(11, OwnedCommand::StockFreeze { stock: CAMPAIGN, units: 100, forced: false });
    assert_eq!(world.run(12, void_campaign(CAMPAIGN, 3)), value(6));
    let now = world.show(CAMPAIGN);
    assert_eq!((now.available, now.consumed, now.frozen, now.void), (0, 0, 0, 1_000));
    world.check_laws();
}

#[test]
fn a_batch_is_voided_in_the_documented_order_and_takes_nothing_else_along() {
    let mut world = batch_of(100);
    let code = |outcome: OwnedOutcome| outcome.code().expect("a refusal");
    issued(world.run(11, issue(issue_of(CAMPAIGN, 5, 1))));
    issued(world.run(12, issue(issue_of(CAMPAIGN, 0, 50))));
    assert_eq!(code(world.run(20, void_batch(CardId::new(Slot(1), 0, 0)))), Code::CrossSlot);
    assert_eq!(code(world.run(21, void_batch(card(151)))), Code::NotFound);
    assert_eq!(code(world.run(22, void_batch(card(100)))), Code::RuleFailed, "a card of an owner");
    redeemed(world.run(23, till(3)));
    world.run(24, change(card(4), CardChange::Void));
    assert_eq!(world.run(25, void_batch(card(99))), value(98));
    assert_eq!(world.run(25, void_batch(card(99))), value(98), "a repeat");
    assert_eq!(code(world.run(26, void_batch(card(0)))), Code::Void);
    assert_eq!(code(world.run(27, recycle_batch(card(0)))), Code::Void);
    let now = world.show(CAMPAIGN);
    assert_eq!((now.available, now.consumed, now.void), (849, 52, 99));
    redeemed(world.run(28, till(101)));
    redeemed(world.run(29, till(100)));
    assert_eq!(code(world.run(30, till(98))), Code::Void);
    assert_eq!(code(world.run(31, till(3))), Code::Used);
    world.check_laws();
}

#[test]
fn a_batch_is_recycled_once_the_longest_hold_of_its_latest_card_is_over() {
    let mut world = batch_of(100);
    redeemed(world.run(11, till(0)));
    let until_ms = START_MS + 3 * LASTS_MS;
    assert_eq!(world.run(12, change(card(1), CardChange::Extend { until_ms })), value(2));
    world.wait(LASTS_MS + u64::from(TTL_MAX_MS));
    let refused = world.run(13, recycle_batch(card(5)));
    let from_ms = until_ms + u64::from(TTL_MAX_MS);
    assert_eq!(refused, OwnedOutcome::Refused { code: Code::NotStarted, facts: OwnedFacts::Time(from_ms) });
    world.wait(2 * LASTS_MS - 1);
    assert_eq!(world.run(13, recycle_batch(card(5))).code(), Some(Code::NotStarted));
    world.wait(1);
    assert_eq!(world.run(13, recycle_batch(card(5))), value(99));
    let now = world.show(CAMPAIGN);
    assert_eq!((now.available, now.consumed, now.void, now.total), (999, 1, 0, 1_000));
    assert_eq!(show(&mut world, card(1)).state, CardState::Void);
    // The next card has a serial of its own.
    let own_times = OwnedIssue { until_ms: from_ms + 10_000, ..issue_of(CAMPAIGN, 5, 1) };
    assert_eq!(issued(world.run(14, issue(own_times))).first, card(100));
    world.check_laws();
}

#[test]
fn a_batch_without_an_end_is_never_recycled() {
    let mut world = world_of(worth(CampaignKind::AmountOff));
    issued(world.run(10, issue(issue_of(CAMPAIGN, 0, 10))));
    assert_eq!(world.run(11, recycle_batch(card(0))).code(), Some(Code::RuleFailed));
}

#[test]
fn recycled_cards_give_their_cost_back_to_the_budget() {
    let mut world = World::usual();
    let worth = worth_with(CampaignKind::AmountOff, |worth| {
        worth.definition.until_ms = (START_MS + LASTS_MS).into();
        worth.definition.budget = 1_000.into();
    });
    assert_eq!(world.run(2, create(CAMPAIGN, 1_000, worth)), value(1_000));
    world.run(3, to_state(CAMPAIGN, 1, CampaignState::Running));
    issued(world.run(10, issue(issue_of(CAMPAIGN, 0, 100))));
    redeemed(world.run(11, till(0)));
    assert_eq!(world.run(12, issue(issue_of(CAMPAIGN, 0, 1))).code(), Some(Code::BudgetExceeded));
    world.wait(LASTS_MS + u64::from(TTL_MAX_MS));
    assert_eq!(world.run(13, recycle_batch(card(0))), value(99));
    let shown = show_campaign(&mut world, CAMPAIGN);
    assert_eq!((shown.issued, shown.committed), (100, 10));
    let until_ms = world.now_ms + 1_000_000;
    let more = |count| OwnedIssue { until_ms, ..issue_of(CAMPAIGN, 0, count) };
    assert_eq!(world.run(14, issue(more(100))).code(), Some(Code::BudgetExceeded));
    assert_eq!(issued(world.run(15, issue(more(99)))).first, card(100));
}

#[test]
fn what_a_cancelled_sale_gives_back_to_a_void_batch_is_void() {
    let mut world = batch_of(10);
    assert_eq!(world.stock(9, 10), GOODS);
    let line = CardLine::new(card(0), 1, 1_000);
    let sell = OwnedCommand::Sell {
        take: OwnedTake { cards: vec![line], ..take(&[(GOODS, 1)]) },
        paid: false,
        hidden: false,
    };
    let sold = world.run(20, sell);
    assert!(matches!(sold, OwnedOutcome::Confirmed { .. }), "{sold:?}");
    assert_eq!(world.run(21, void_batch(card(1))), value(9));
    let back = world.run(20, OwnedCommand::Cancel);
    assert!(matches!(back, OwnedOutcome::Cancelled(_)), "{back:?}");
    let view = show(&mut world, card(0));
    assert_eq!((view.state, view.available, view.consumed, view.void), (CardState::Used, 0, 0, 1));
    world.check_laws();
}

//! Gifts, one situation each: in which order they are checked, cards in carts, and payments that come late.

use super::card_orders::{NOW_MS, WITH_ID, assert_order, spoil, world_with};
use super::card_scene::{
    CAMPAIGN, accept, card, change, give, issue, issue_of, issued, redeem, reverse, show, start, wallet,
    worth, worth_with,
};
use scrip_engine::command::{CampaignKind, CardChange, CardLine, CardState, StockTerms};
use scrip_engine::ids::{Slot, StockId, UserId};
use scrip_engine::limits::Rules;
use scrip_engine::rejection::Code;
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedRedeem, OwnedTake};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, reserve, take};

const STOCK: StockId = StockId::new(Slot(0), 2);

/// A user that has a card of this kind, beside a stock of ten units.
fn world_of(kind: CampaignKind) -> (World, u128) {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    world.stock(2, 10);
    start(&mut world, 9, worth(kind));
    let owner = take(&[]).user.0;
    issued(world.run(4, issue(issue_of(CAMPAIGN, owner, 3))));
    (world, owner)
}

#[test]
fn a_gift_is_checked_in_the_documented_order() {
    // 5: its campaign is frozen; 6: it is over; 7: it is another's; 8: it is given to its owner.
    let ask = |faults: &[usize]| {
        let has = |fault: usize| faults.contains(&fault);
        let mut world = world_with(ROOMY, |world| {
            let worth = worth_with(CampaignKind::Uses, |worth| {
                worth.definition.until_ms = if has(6) { NOW_MS } else { 0 }.into();
            });
            start(world, 9, worth);
            issued(world.run(4, issue(issue_of(CAMPAIGN, 7, 1))));
            let terms = StockTerms { frozen: has(5), ..ANY_TERMS };
            world.run(5, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 2, terms });
        });
        let (user, to) = (if has(7) { 8 } else { 7 }, if has(8) { 7 } else { 9 });
        let mut request = world.request(100, give(card(0), user, to, 5));
        spoil(&mut request, faults);
        world.ask(&request).code()
    };
    let codes = [&WITH_ID[..], &[Code::Frozen, Code::Expired, Code::NotOwner, Code::RuleFailed]].concat();
    assert_order(&codes, ask);
}

#[test]
fn an_acceptance_is_checked_in_the_documented_order() {
    // 5: its campaign is frozen; 6: the gift is over; 7: it was given to another.
    let ask = |faults: &[usize]| {
        let has = |fault: usize| faults.contains(&fault);
        let mut world = world_with(ROOMY, |world| {
            start(world, 9, worth(CampaignKind::Uses));
            issued(world.run(4, issue(issue_of(CAMPAIGN, 7, 1))));
            let to = if has(7) { 8 } else { 9 };
            world.run(5, give(card(0), 7, to, if has(6) { 1 } else { 600 }));
            let terms = StockTerms { frozen: has(5), ..ANY_TERMS };
            world.run(6, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 2, terms });
        });
        let mut request = world.request(100, accept(card(0), 9));
        spoil(&mut request, faults);
        world.ask(&request).code()
    };
    let codes = [&WITH_ID[..], &[Code::Frozen, Code::Expired, Code::NotOwner]].concat();
    assert_order(&codes, ask);
}

#[test]
fn a_card_in_a_cart_is_not_given_and_one_that_is_given_is_in_no_cart() {
    let (mut world, owner) = world_of(CampaignKind::Uses);
    let cart = |units| OwnedTake { cards: vec![CardLine::new(card(0), units, 1_000)], ..take(&[(STOCK, 1)]) };
    world.run(10, reserve(cart(2)));
    let held = world.run(11, give(card(0), owner, 0, 600));
    let facts = OwnedFacts::Units { stock: CAMPAIGN, asked: 2, available: 1 };
    assert_eq!(held, OwnedOutcome::Refused { code: Code::LockedByOtherOrder, facts });
    world.wait(u64::from(TTL_MS));
    let given = world.run(11, give(card(0), owner, 0, 600));
    assert_eq!(given, OwnedOutcome::StockChanged { value: world.now_ms + 600_000 });
    let locked = |asked| {
        let why = Code::LockedByOtherOrder;
        vec![Lack { line: 1, why, asked, available: 0 }]
    };
    assert_eq!(
        world.run(12, reserve(cart(1))),
        OwnedOutcome::refused_lines(Code::LockedByOtherOrder, locked(1))
    );
    // A payment that comes late finds the card given away, and the hold is over for good.
    assert_eq!(world.confirm(10), OwnedOutcome::refused_lines(Code::HoldExpiredNoStock, locked(2)));
    world.wait(600_000);
    assert_eq!(show(&mut world, card(0)).state, CardState::Active);
    assert!(world.run(13, reserve(cart(1))).code().is_none(), "it is the giver's again");
}

#[test]
fn a_payment_that_comes_late_uses_a_card_whose_gift_is_over() {
    let (mut world, owner) = world_of(CampaignKind::Uses);
    let cart = OwnedTake { cards: vec![CardLine::new(card(0), 3, 1_000)], ..take(&[(STOCK, 1)]) };
    world.run(10, reserve(cart));
    world.wait(u64::from(TTL_MS));
    world.run(11, give(card(0), owner, 9, 1));
    world.wait(1_000);
    assert!(world.confirm(10).code().is_none());
    assert_eq!(show(&mut world, card(0)).state, CardState::Used);
    assert_refused(&world.run(12, accept(card(0), 9)), Code::Used);
}

#[test]
fn what_the_giver_has_used_comes_back_to_the_card_whosever_it_is() {
    let (mut world, owner) = world_of(CampaignKind::Uses);
    world.run(10, redeem(OwnedRedeem::of(card(0), 2)));
    world.run(11, give(card(0), owner, 9, 600));
    assert_eq!(world.run(12, reverse(10, 1)), OwnedOutcome::Reversed { units: 1, available: 2 });
    assert_eq!(world.run(13, accept(card(0), 9)), OwnedOutcome::StockChanged { value: 1 });
    assert_eq!(world.run(14, reverse(10, 1)), OwnedOutcome::Reversed { units: 1, available: 3 });
    assert_eq!((show(&mut world, card(0)).owner, show(&mut world, card(0)).available), (UserId(9), 3));
    for user in [owner, 9] {
        assert!(world.run(0, wallet(user, None, None, 0)).code().is_none());
    }
    world.run(15, change(card(0), CardChange::Void));
    assert_refused(&world.run(16, give(card(0), 9, 0, 600)), Code::Void);
}

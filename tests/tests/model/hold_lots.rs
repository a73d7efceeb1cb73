//! Cards that can be filled in holds, one situation each: what of which lot is held, what becomes of a lot meanwhile, and where what comes back
//! goes.

use super::card_scene::{CAMPAIGN, card, change, issue, issue_of, issued, show, start, worth, worth_with};
use scrip_engine::answer::Cancelled;
use scrip_engine::command::{AccountWish, CampaignKind, CardChange, CardLine, CardState, StockKind};
use scrip_engine::ids::{OperationId, Slot, StockId};
use scrip_engine::rejection::Code;
use scrip_tests::outcome::OwnedOutcome;
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedTake, Sealed, Worth};
use scrip_tests::world::{ANY_TERMS, START_MS, TTL_MS, World, assert_refused, reserve, take};

const GOODS: StockId = StockId::new(Slot(0), 9);

/// A card of this worth for the buyer, beside goods.
fn shop(worth: Worth) -> World {
    let mut world = World::usual();
    start(&mut world, 10, worth);
    assert_eq!(world.stock(9, 100), GOODS);
    issued(world.run(1 << 82, issue(issue_of(CAMPAIGN, take(&[]).user.0, 1))));
    world
}

/// 100 of a card's own, and a bonus of 30 that ends in five seconds and is spent first.
fn gift_card() -> World {
    let mut world = shop(worth(CampaignKind::StoredValue));
    let until_ms = world.now_ms + 5_000;
    fill(&mut world, 1 << 83, AccountWish::TopUp { principal: 0, bonus: 30, paid: 0, until_ms });
    world
}

fn fill(world: &mut World, operation: u128, wish: AccountWish) -> OwnedOutcome {
    let command = CardCommand::Account { card: card(0), generation: None, wish };
    world.run(operation, OwnedCommand::OfCards(command))
}

/// Goods, and so much of the card for an order of 1,000.
fn cart(units: u32) -> OwnedTake {
    OwnedTake { cards: vec![CardLine::new(card(0), units, 1_000)], ..take(&[(GOODS, 1)]) }
}

fn giving(hold: u128, units: &[u32]) -> OwnedCommand {
    OwnedCommand::Return { hold: OperationId(hold), to_available: true, units: units.to_vec() }
}

/// What can be used, what lies in lots that have ended, what was used.
fn units(world: &mut World) -> (u32, u32, u32) {
    let view = show(world, card(0));
    (view.available, view.expired, view.consumed)
}

#[test]
fn a_sale_of_which_a_key_is_owed_keeps_the_lots_that_paid_for_it() {
    let mut world = gift_card();
    let stock = StockId::new(Slot(0), 5);
    let (kind, terms, name) = (StockKind::Keys, ANY_TERMS, b"keys".to_vec());
    world.run(1, OwnedCommand::StockCreate { stock, name, units: 0, kind, once_per_order: false, terms });
    let supplier = b"A".to_vec();
    world.run(2, OwnedCommand::BatchCreate { stock, batch: 1, cost: 1, expires_ms: 0, supplier });
    world.run(3, OwnedCommand::KeysImport { stock, batch: 1, texts: vec![7], sealed: Sealed(vec![7; 9]) });
    let take = OwnedTake { cards: vec![CardLine::new(card(0), 30, 1_000)], ..take(&[(stock, 1)]) };
    world.run(10, OwnedCommand::Sell { take, paid: false, hidden: false });
    assert_eq!(units(&mut world), (100, 0, 30), "it took the whole bonus");
    let replacing = OwnedCommand::KeyReplace { hold: OperationId(10), key: 0, reason: 1 };
    assert!(matches!(world.run(11, replacing), OwnedOutcome::Owed { .. }));
    // The floor passes the sale, the bonus ends, and the card gets another lot.
    world.wait(2 * 86_400_000);
    world.created_ms = world.now_ms;
    fill(&mut world, 1 << 84, AccountWish::TopUp { principal: 10, bonus: 0, paid: 10, until_ms: 0 });
    world.created_ms = START_MS;
    let cancelled = OwnedOutcome::Cancelled(Cancelled::Returned { units: 1 });
    assert_eq!(world.run(10, OwnedCommand::Cancel), cancelled);
    assert_eq!(units(&mut world), (110, 30, 0));
    world.restart();
    assert_eq!(units(&mut world), (110, 30, 0));
}

#[test]
fn lines_on_one_card_take_of_its_lots_in_their_order() {
    let mut world = gift_card();
    let lines = [30, 20].map(|units| CardLine::new(card(0), units, 1_000));
    world.run(10, reserve(OwnedTake { cards: lines.to_vec(), ..take(&[(GOODS, 1)]) }));
    assert!(matches!(world.confirm(10), OwnedOutcome::Confirmed { .. }));
    world.wait(5_000);
    world.run(20, giving(10, &[0, 0, 20]));
    assert_eq!(units(&mut world), (100, 0, 30), "the second line was the card's own");
    world.run(21, giving(10, &[0, 30]));
    assert_eq!(units(&mut world), (100, 30, 0), "the first was the bonus, which has ended");
    world.restart();
    assert_eq!(units(&mut world), (100, 30, 0));
}

#[test]
fn what_is_held_of_a_lot_that_ends_is_good_for_its_order_and_for_no_other() {
    let mut world = gift_card();
    world.run(10, reserve(cart(50)));
    assert_eq!(units(&mut world), (80, 0, 0), "30 of the bonus, 20 of the card's own");
    world.wait(5_000);
    world.run(11, reserve(cart(10)));
    assert!(matches!(world.confirm(10), OwnedOutcome::Confirmed { .. }));
    assert_eq!(units(&mut world), (70, 0, 50));
    // The last taken first: 20 of the card's own, and 5 of a lot that has ended.
    world.run(20, giving(10, &[0, 25]));
    assert_eq!(units(&mut world), (90, 5, 25));
    world.release(11);
    assert_eq!(units(&mut world), (100, 5, 25));
    world.check_laws();
}

#[test]
fn what_a_hold_lets_go_goes_back_to_its_lots() {
    let mut world = gift_card();
    world.run(10, reserve(cart(50)));
    world.release(10);
    assert_eq!(units(&mut world), (130, 0, 0));
    world.run(11, reserve(cart(50)));
    let fewer = OwnedCommand::Confirm { units: vec![1, 35], hidden: false };
    assert!(matches!(world.run(11, fewer), OwnedOutcome::Confirmed { .. }));
    world.wait(60_000);
    assert_eq!(units(&mut world), (95, 0, 35), "the bonus is used up, so nothing has ended");
    // Another lot is made: what was used of the bonus can still come back to it.
    fill(&mut world, 30, AccountWish::TopUp { principal: 5, bonus: 0, paid: 5, until_ms: 0 });
    world.run(20, giving(11, &[0, 35]));
    assert_eq!(units(&mut world), (105, 30, 0));
    world.check_laws();
}

#[test]
fn a_lot_that_an_order_holds_whole_stays_when_others_are_made() {
    let mut world = gift_card();
    world.run(10, reserve(cart(30)));
    world.wait(5_000);
    fill(&mut world, 30, AccountWish::TopUp { principal: 5, bonus: 0, paid: 5, until_ms: 0 });
    assert_eq!(units(&mut world), (105, 0, 0));
    world.release(10);
    assert_eq!(units(&mut world), (105, 30, 0));
    // Now nothing keeps it.
    fill(&mut world, 31, AccountWish::TopUp { principal: 5, bonus: 0, paid: 5, until_ms: 0 });
    assert_eq!((units(&mut world), show(&mut world, card(0)).void), ((110, 0, 0), 30));
    world.check_laws();
}

#[test]
fn a_late_payment_takes_of_the_lots_that_are_live_then() {
    let mut world = gift_card();
    world.run(10, reserve(cart(120)));
    world.wait(u64::from(TTL_MS));
    world.wait(60_000);
    assert_eq!(units(&mut world), (100, 30, 0));
    assert_refused(&world.confirm(10), Code::HoldExpiredNoStock);
    world.run(11, reserve(cart(90)));
    world.wait(u64::from(TTL_MS));
    assert_eq!(units(&mut world), (100, 30, 0));
    assert!(matches!(world.confirm(11), OwnedOutcome::Confirmed { .. }));
    assert_eq!(units(&mut world), (10, 30, 90));
    world.check_laws();
}

#[test]
fn a_gift_card_that_orders_hold_is_neither_spent_twice_nor_paid_out() {
    let mut world = gift_card();
    world.run(10, reserve(cart(100)));
    assert_refused(&world.run(11, reserve(cart(31))), Code::LockedByOtherOrder);
    assert_refused(&world.run(11, reserve(cart(131))), Code::BalanceExceeded);
    // Two lines on one card are one demand.
    let two = [CardLine::new(card(0), 20, 1_000), CardLine::new(card(0), 11, 1_000)];
    let two = OwnedTake { cards: two.to_vec(), ..take(&[(GOODS, 1)]) };
    assert_refused(&world.run(11, reserve(two)), Code::LockedByOtherOrder);
    let refund = fill(&mut world, 12, AccountWish::Refund);
    assert!(matches!(refund, OwnedOutcome::CardRefunded { units: 30, .. }), "{refund:?}");
    world.release(10);
    assert_eq!(units(&mut world), (100, 0, 0), "what was held was not paid out");
    // Against more than the order, and of a card that is void.
    assert_refused(
        &world.run(
            13,
            reserve(OwnedTake { cards: vec![CardLine::new(card(0), 11, 10)], ..take(&[(GOODS, 1)]) }),
        ),
        Code::RuleFailed,
    );
    world.run(14, reserve(cart(40)));
    world.run(15, change(card(0), CardChange::Void));
    assert!(matches!(world.confirm(14), OwnedOutcome::Confirmed { .. }));
    assert_eq!((show(&mut world, card(0)).void, units(&mut world)), (90, (0, 0, 40)));
    world.check_laws();
}

#[test]
fn a_full_stamp_card_is_held_whole_and_used_with_its_order() {
    let mut world = shop(worth_with(CampaignKind::Stamps, |worth| worth.definition.value = 3.into()));
    fill(&mut world, 20, AccountWish::Earn { units: 3 });
    assert_refused(&world.run(10, reserve(cart(2))), Code::RuleFailed);
    world.run(11, reserve(cart(3)));
    // It lacks nothing while an order holds it.
    assert_refused(&fill(&mut world, 21, AccountWish::Earn { units: 1 }), Code::RuleFailed);
    assert!(matches!(world.confirm(11), OwnedOutcome::Confirmed { .. }));
    assert_eq!(show(&mut world, card(0)).state, CardState::Used);
    world.run(22, giving(11, &[0, 3]));
    assert_eq!(show(&mut world, card(0)).state, CardState::Active);
    world.check_laws();
}

#[test]
fn a_pass_has_nothing_to_hold() {
    let mut world = shop(worth(CampaignKind::Pass));
    assert_refused(&world.run(10, reserve(cart(1))), Code::RuleFailed);
}

//! Cards in holds, one situation each: who may use a card that an order holds, what a payment does that comes late, or finds no keys, and what
//! comes back.

use super::card_scene::{
    card, change, create, issue, issue_of, issued, redeem, reverse, show, to_state, worth, worth_with,
};
use super::keys::{STOCK, batch, change as change_batch, import, shop_of};
use scrip_engine::answer::{Cancelled, HoldState};
use scrip_engine::command::{BatchChange, CampaignKind, CampaignState, CardChange, CardLine, CardState};
use scrip_engine::ids::{OperationId, Slot, StockId};
use scrip_engine::limits::OWED_MAX_MS;
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedRedeem, OwnedTake, Worth};
use scrip_tests::world::{TTL_MS, World, assert_refused, reserve, take};

const CAMPAIGN: StockId = StockId::new(Slot(0), 7);

/// A running campaign of this worth beside a stock of card keys; three cards of it are issued.
fn add_cards(world: &mut World, worth: Worth) {
    world.run(1 << 80, create(CAMPAIGN, 10, worth));
    world.run(1 << 80 | 1, to_state(CAMPAIGN, 1, CampaignState::Running));
    issued(world.run(1 << 80 | 2, issue(issue_of(CAMPAIGN, take(&[]).user.0, 3))));
}

/// A keys stock of three keys, and cards of this worth.
fn shop(worth: Worth) -> World {
    let mut world = shop_of(3);
    add_cards(&mut world, worth);
    world
}

/// A take of one key and units of the first card.
fn cart(units: u32) -> OwnedTake {
    OwnedTake { cards: vec![CardLine::new(card(0), units, 1_000)], ..take(&[(STOCK, 1)]) }
}

fn giving(hold: u128, units: &[u32]) -> OwnedCommand {
    OwnedCommand::Return { hold: OperationId(hold), to_available: false, units: units.to_vec() }
}

/// State, and units available and consumed, of the first card.
fn units(world: &mut World) -> (CardState, u32, u32) {
    let view = show(world, card(0));
    (view.state, view.available, view.consumed)
}

fn one_lack(code: Code, why: Code, available: u64) -> OwnedOutcome {
    OwnedOutcome::refused_lines(code, vec![Lack { line: 1, why, asked: 1, available }])
}

#[test]
fn a_card_of_a_cart_that_was_left_is_free_at_its_deadline_without_a_worker() {
    let mut world = shop(worth(CampaignKind::AmountOff));
    let held = world.run(10, reserve(cart(1)));
    let locked = one_lack(Code::LockedByOtherOrder, Code::LockedByOtherOrder, 0);
    world.wait(u64::from(TTL_MS) - 1);
    assert_eq!(world.run(11, reserve(cart(1))), locked);
    assert_refused(
        &world.run(12, redeem(OwnedRedeem { amount: 9, ..OwnedRedeem::of(card(0), 1) })),
        Code::LockedByOtherOrder,
    );
    assert_eq!(world.run(10, reserve(cart(1))), held, "a repeat is the same hold");
    world.wait(1);
    world.run(11, reserve(cart(1)));
    assert_eq!(world.show_hold(11).state, HoldState::Held);
    // Whoever pays too late finds it with the other, for good.
    let late = one_lack(Code::HoldExpiredNoStock, Code::LockedByOtherOrder, 0);
    assert_eq!(world.confirm(10), late);
    world.release(11);
    assert_eq!(world.confirm(10), late);
    assert_eq!(units(&mut world), (CardState::Active, 1, 0));
    world.check_laws();
}

#[test]
fn cards_of_a_confirm_that_is_owed_are_used_at_once_and_come_back_when_it_ends_in_vain() {
    let mut world = shop(worth(CampaignKind::Uses));
    world.run(10, reserve(cart(2)));
    change_batch(&mut world, 20, 1, BatchChange::Freeze);
    assert!(matches!(world.confirm(10), OwnedOutcome::Owed { position: 1, .. }));
    assert_eq!(
        units(&mut world),
        (CardState::Active, 1, 2),
        "it is paid: the card is used, whenever the keys come"
    );
    assert_eq!(show(&mut world, card(0)).redemption, OperationId(10));
    let shown = world.show_hold(10).cards[0];
    assert_eq!((shown.reserved, shown.confirmed, shown.returned), (2, 2, 0));
    assert_refused(&world.run(21, giving(10, &[])), Code::NotActive);
    world.restart();
    world.wait(OWED_MAX_MS);
    assert_eq!(world.show_hold(10).state, HoldState::Unfulfilled);
    assert_eq!(units(&mut world), (CardState::Active, 3, 0));
    // One that comes after all keeps what it has used.
    world.created_ms = world.now_ms;
    change_batch(&mut world, 22, 1, BatchChange::Unfreeze);
    world.run(11, reserve(cart(2)));
    change_batch(&mut world, 23, 1, BatchChange::Freeze);
    assert!(matches!(world.confirm(11), OwnedOutcome::Owed { .. }));
    batch(&mut world, 2, 0);
    import(&mut world, 24, 2, &[10]);
    assert!(matches!(world.confirm(11), OwnedOutcome::ConfirmedKeys { units, .. } if units == [1, 2]));
    assert_eq!(units(&mut world), (CardState::Active, 1, 2));
    world.check_laws();
}

#[test]
fn a_cancelled_debt_gives_its_cards_back_and_those_of_a_void_card_are_void() {
    let mut world = shop(worth(CampaignKind::Uses));
    world.run(10, reserve(cart(1)));
    world.run(11, reserve(cart(1)));
    change_batch(&mut world, 20, 1, BatchChange::Freeze);
    world.confirm(10);
    world.confirm(11);
    assert_eq!(units(&mut world), (CardState::Active, 1, 2));
    assert_eq!(world.run(10, OwnedCommand::Cancel), OwnedOutcome::Cancelled(Cancelled::Released));
    assert_eq!(units(&mut world), (CardState::Active, 2, 1));
    world.run(21, change(card(0), CardChange::Void));
    world.run(11, OwnedCommand::Cancel);
    assert_eq!(units(&mut world), (CardState::Void, 0, 0));
    assert_eq!(show(&mut world, card(0)).void, 3);
    world.check_laws();
}

#[test]
fn nothing_is_given_back_to_a_void_card() {
    let mut world = shop(worth(CampaignKind::Uses));
    world.run(10, reserve(cart(2)));
    world.confirm(10);
    world.run(20, change(card(0), CardChange::Void));
    let void = OwnedOutcome::refused_lines(
        Code::Void,
        vec![Lack { line: 1, why: Code::Void, asked: 1, available: 0 }],
    );
    assert_eq!(world.run(21, giving(10, &[0, 1])), void);
    assert_eq!(units(&mut world), (CardState::Void, 0, 2));
    // Its goods can be given back alone.
    assert!(world.run(22, giving(10, &[1, 0])).code().is_none());
    world.check_laws();
}

#[test]
fn a_payment_that_comes_late_asks_the_card_again_but_not_its_times_owner_or_threshold() {
    let terms = worth_with(CampaignKind::AmountOff, |worth| worth.definition.lasts_s = 10.into());
    let mut world = shop(terms);
    world.run(10, reserve(cart(1)));
    world.wait(u64::from(TTL_MS) + 5);
    assert_refused(&world.run(11, redeem(OwnedRedeem::of(card(0), 1))), Code::Expired);
    world.run(12, change(card(0), CardChange::Freeze));
    // What was frozen since is not taken; another hold of the same shows that it is the card alone.
    assert_eq!(world.confirm(10), one_lack(Code::HoldExpiredNoStock, Code::Frozen, 0));
    world.run(13, change(card(0), CardChange::Extend { until_ms: world.now_ms + 5_000 }));
    world.run(14, change(card(0), CardChange::Unfreeze));
    world.run(15, reserve(cart(1)));
    world.wait(u64::from(TTL_MS) + 5);
    assert!(matches!(world.confirm(15), OwnedOutcome::ConfirmedKeys { late: true, .. }));
    let shown = world.show_hold(15).cards[0];
    assert_eq!((shown.confirmed, shown.discount), (1, 10), "the discount is that of the hold");
    assert_eq!(units(&mut world), (CardState::Used, 0, 1));
    world.check_laws();
}

#[test]
fn what_a_hold_has_used_goes_back_by_a_return_inside_the_window_and_by_no_reversal() {
    let terms = worth_with(CampaignKind::Uses, |worth| worth.definition.window_s = 60.into());
    let mut world = shop(terms);
    world.run(10, reserve(cart(3)));
    world.confirm(10);
    assert_eq!(units(&mut world), (CardState::Used, 0, 3));
    assert_refused(&world.run(20, reverse(10, 1)), Code::NotFound);
    let back = world.run(21, giving(10, &[0, 2]));
    assert_eq!(back, OwnedOutcome::Returned { units: 2 });
    assert_eq!(units(&mut world), (CardState::Active, 2, 1));
    world.wait(60_000);
    let too_much = world.run(22, giving(10, &[0, 2]));
    assert_eq!(
        too_much.facts(),
        OwnedFacts::Lines(vec![Lack { line: 1, why: Code::ExceedsHold, asked: 2, available: 1 }])
    );
    world.wait(1);
    assert_eq!(world.run(22, giving(10, &[1, 1])), one_lack(Code::ReversalWindow, Code::ReversalWindow, 0));
    assert_eq!(world.run(22, giving(10, &[1])), OwnedOutcome::Returned { units: 1 }, "its goods can go back");
    assert_eq!(world.run(21, giving(10, &[0, 2])), back, "a repeat answers the same");
    world.check_laws();
}

//! Cards that are sold, one situation each: what a line on a campaign holds, what its payment makes, and what goes back with it.

use super::card_scene::{
    CAMPAIGN, accept, card, change, claim, give, issue, issue_of, issued, redeem, redeemed, reverse, show,
    show_campaign, start, to_state, void_campaign, wallet, worth, worth_with,
};
use super::keys::{STOCK, change as change_batch, shop_of};
use scrip_engine::command::{BatchChange, CampaignKind, CampaignState, CardChange, CardState, Limits};
use scrip_engine::ids::{CardId, OperationId, StockId, UserId};
use scrip_engine::limits::Rules;
use scrip_engine::rejection::Code;
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedKeys, OwnedOutcome, OwnedSold};
use scrip_tests::request::{OwnedCommand, OwnedRedeem, OwnedTake, Worth};
use scrip_tests::world::{START_MS, TTL_MS, World, assert_refused, reserve, return_all, take};
use zerocopy::little_endian::U32;

/// Gift cards of 100 and goods beside them.
fn shop(worth: Worth) -> (World, StockId) {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, 10, worth);
    let goods = world.stock(2, 9);
    (world, goods)
}

fn gift_cards() -> Worth {
    worth(CampaignKind::StoredValue)
}

fn sell(take: OwnedTake) -> OwnedCommand {
    OwnedCommand::Sell { take, paid: false, hidden: false }
}

fn giving(hold: u128, to_available: bool, units: &[u32]) -> OwnedCommand {
    OwnedCommand::Return { hold: OperationId(hold), to_available, units: units.to_vec() }
}

fn buyer() -> u128 {
    take(&[]).user.0
}

/// What a CONFIRM or SELL of these units answers, by which one line has sold these cards.
fn told(world: &World, units: &[u32], (line, first, cards): (usize, CardId, u32)) -> OwnedOutcome {
    OwnedOutcome::ConfirmedCards {
        confirmed_ms: world.now_ms,
        late: false,
        units: units.to_vec(),
        keys: OwnedKeys::default(),
        sold: vec![OwnedSold { line, first, cards }],
    }
}

fn one_lack(code: Code, why: Code, (line, asked, available): (usize, u32, u64)) -> OwnedOutcome {
    OwnedOutcome::refused_lines(code, vec![Lack { line, why, asked, available }])
}

fn spend(id: CardId, units: u32) -> OwnedCommand {
    redeem(OwnedRedeem { amount: 1_000, ..OwnedRedeem::of(id, units) })
}

#[test]
fn a_line_on_a_campaign_holds_units_and_its_confirmation_makes_the_cards() {
    let (mut world, goods) = shop(gift_cards());
    let held = world.run(10, reserve(take(&[(goods, 1), (CAMPAIGN, 2)])));
    assert!(matches!(&held, OwnedOutcome::Reserved { units, .. } if units == &[1, 2]), "{held:?}");
    assert_eq!(world.counts(CAMPAIGN), [8, 2, 0]);
    // Serials are assigned when it is paid.
    issued(world.run(11, claim(CAMPAIGN, 5)));
    let paid = world.confirm(10);
    assert_eq!(paid, told(&world, &[1, 2], (1, card(1), 2)));
    assert_eq!(world.counts(CAMPAIGN), [7, 0, 3]);
    for id in [card(1), card(2)] {
        let view = show(&mut world, id);
        assert_eq!((view.owner.0, view.state, view.available), (buyer(), CardState::Active, 100));
    }
    // A repeat tells the same cards, whatever has become of them.
    world.run(12, spend(card(1), 40));
    world.run(13, change(card(2), CardChange::Void));
    assert_eq!(world.confirm(10), paid);
    let OwnedOutcome::Wallet { cards, .. } = world.run(1, wallet(buyer(), None, None, 0)) else {
        panic!("a wallet")
    };
    assert_eq!(cards.iter().map(|card| card.card.get()).collect::<Vec<_>>(), [card(2).0, card(1).0]);
    world.check_laws();
}

#[test]
fn less_than_was_held_makes_fewer_cards_and_none_makes_none() {
    let (mut world, goods) = shop(worth_with(CampaignKind::StoredValue, |worth| {
        worth.definition.flags = scrip_engine::command::Definition::INACTIVE;
    }));
    world.run(10, reserve(take(&[(CAMPAIGN, 3), (goods, 1)])));
    let one = OwnedCommand::Confirm { units: vec![1, 1], hidden: false };
    assert_eq!(world.run(10, one), told(&world, &[1, 1], (0, card(0), 1)));
    assert_eq!(show(&mut world, card(0)).state, CardState::Inactive, "the definition says so");
    world.run(11, reserve(take(&[(CAMPAIGN, 3), (goods, 1)])));
    let none = OwnedCommand::Confirm { units: vec![0, 1], hidden: false };
    assert!(matches!(world.run(11, none), OwnedOutcome::Confirmed { .. }));
    assert_eq!(world.counts(CAMPAIGN), [9, 0, 1]);
    world.check_laws();
}

#[test]
fn a_sale_to_nobody_makes_bearer_cards_that_are_of_no_batch() {
    let (mut world, _) = shop(gift_cards());
    let nobody = OwnedTake { user: UserId(0), ..take(&[(CAMPAIGN, 2)]) };
    assert_eq!(world.run(10, sell(nobody)), told(&world, &[2], (0, card(0), 2)));
    assert_eq!(show_campaign(&mut world, CAMPAIGN).batches, 0);
    redeemed(world.run(11, spend(card(0), 100)));
    assert_refused(&world.run(12, super::card_scene::void_batch(card(1))), Code::RuleFailed);
    world.run(13, change(card(1), CardChange::Extend { until_ms: world.now_ms + 9_000 }));
    issued(world.run(14, issue(issue_of(CAMPAIGN, 0, 3))));
    assert_eq!(world.run(15, void_campaign(CAMPAIGN, 2)), OwnedOutcome::StockChanged { value: 5 });
    world.check_laws();
    world.restart();
    world.check_laws();
}

#[test]
fn a_released_an_expired_and_a_replaced_hold_give_their_units_back() {
    let (mut world, _) = shop(gift_cards());
    world.run(10, reserve(take(&[(CAMPAIGN, 4)])));
    world.release(10);
    assert_eq!(world.counts(CAMPAIGN), [10, 0, 0]);
    world.run(11, reserve(take(&[(CAMPAIGN, 10)])));
    let again = OwnedTake { replace: OperationId(11), ..take(&[(CAMPAIGN, 10)]) };
    world.run(12, reserve(again));
    assert_eq!(world.counts(CAMPAIGN), [0, 10, 0]);
    world.wait(u64::from(TTL_MS));
    assert_eq!(world.counts(CAMPAIGN), [10, 0, 0]);
    // A payment that comes late gets its cards while there are any.
    let late = world.confirm(12);
    let OwnedOutcome::ConfirmedCards { late: true, sold, .. } = late else { panic!("{late:?}") };
    assert_eq!(sold, [OwnedSold { line: 0, first: card(0), cards: 10 }]);
    world.check_laws();
}

#[test]
fn a_payment_that_comes_late_is_refused_for_good_where_no_card_would_be_worth_it() {
    type Change = fn(&mut World);
    let cases: [(Code, Change); 4] = [
        (Code::Void, |world| drop(world.run(20, void_campaign(CAMPAIGN, 2)))),
        (Code::Frozen, |world| drop(world.run(20, to_state(CAMPAIGN, 2, CampaignState::Paused)))),
        (Code::OutOfStock, |world| drop(world.run(20, issue(issue_of(CAMPAIGN, 3, 9))))),
        (Code::Expired, |world| {
            let until = worth_with(CampaignKind::StoredValue, |worth| {
                worth.definition.until_ms.set(world.now_ms + 1_000);
            });
            world.run(20, super::card_scene::edit(CAMPAIGN, 2, until));
            world.wait(1_000);
        }),
    ];
    for (why, spoil) in cases {
        let (mut world, goods) = shop(gift_cards());
        world.run(10, reserve(take(&[(goods, 1), (CAMPAIGN, 2)])));
        world.wait(u64::from(TTL_MS));
        spoil(&mut world);
        let there = u64::from(why == Code::OutOfStock);
        let refused = one_lack(Code::HoldExpiredNoStock, why, (1, 2, there));
        assert_eq!(world.confirm(10), refused);
        world.run(21, to_state(CAMPAIGN, 3, CampaignState::Running));
        assert_eq!(world.confirm(10), refused, "for good");
        world.check_laws();
    }
    let (mut world, _) = shop(gift_cards());
    world.run(10, reserve(take(&[(CAMPAIGN, 2)])));
    world.wait(u64::from(TTL_MS));
    world.run(20, to_state(CAMPAIGN, 2, CampaignState::Stopped));
    assert_eq!(world.confirm(10).code(), None, "selling time does not matter");
}

#[test]
fn cards_of_a_campaign_that_is_void_by_now_are_not_paid_for() {
    let (mut world, goods) = shop(gift_cards());
    world.run(10, reserve(take(&[(goods, 1), (CAMPAIGN, 2)])));
    world.run(11, void_campaign(CAMPAIGN, 2));
    assert_eq!(world.confirm(10), one_lack(Code::Void, Code::Void, (1, 2, 0)));
    let goods_alone = OwnedCommand::Confirm { units: vec![1, 0], hidden: false };
    assert!(matches!(world.run(10, goods_alone), OwnedOutcome::Confirmed { .. }));
    world.check_laws();
}

#[test]
fn a_pause_a_freeze_and_an_end_of_sale_do_not_stop_a_payment_in_time() {
    for state in [CampaignState::Paused, CampaignState::Stopped] {
        let (mut world, _) = shop(gift_cards());
        world.run(10, reserve(take(&[(CAMPAIGN, 1)])));
        world.run(11, to_state(CAMPAIGN, 2, state));
        assert_refused(
            &world.run(12, reserve(take(&[(CAMPAIGN, 1)]))),
            if state == CampaignState::Paused { Code::Frozen } else { Code::Expired },
        );
        assert_eq!(world.confirm(10), told(&world, &[1], (0, card(0), 1)));
    }
}

#[test]
fn limits_count_what_is_held_and_credit_what_goes_back() {
    let (mut world, _) = shop(gift_cards());
    let mut limits = Limits::default();
    limits.subjects[0].total = U32::new(2);
    let version = world.show(CAMPAIGN).version;
    world.run(9, OwnedCommand::StockLimits { stock: CAMPAIGN, version, limits, spans: None });
    world.run(10, reserve(take(&[(CAMPAIGN, 2)])));
    assert_refused(&world.run(11, sell(take(&[(CAMPAIGN, 1)]))), Code::UserLimit);
    assert_refused(&world.run(11, claim(CAMPAIGN, buyer())), Code::UserLimit);
    world.confirm(10);
    assert_refused(&world.run(11, claim(CAMPAIGN, buyer())), Code::UserLimit);
    assert_eq!(world.run(12, giving(10, false, &[1])), OwnedOutcome::Returned { units: 1 });
    assert_eq!(world.run(11, sell(take(&[(CAMPAIGN, 1)]))).code(), None);
    let nobody = OwnedTake { user: UserId(0), ..take(&[(CAMPAIGN, 1)]) };
    assert_refused(&world.run(13, sell(nobody)), Code::UserLimit);
    world.check_laws();
}

#[test]
fn budgets_count_what_orders_hold_and_leave_out_what_is_replaced() {
    let (mut world, goods) = shop(worth_with(CampaignKind::StoredValue, |worth| {
        worth.definition.budget.set(500);
        worth.definition.cards_per_day.set(4);
    }));
    let lacks = |code, asked, room| one_lack(code, code, (1, asked, room));
    let wish = |units| take(&[(goods, 1), (CAMPAIGN, units)]);
    assert_eq!(world.run(10, sell(wish(5))), lacks(Code::CampaignLimit, 5, 4));
    world.run(11, reserve(wish(3)));
    assert_eq!(world.run(10, reserve(wish(2))), lacks(Code::CampaignLimit, 2, 1));
    assert_refused(&world.run(12, issue(issue_of(CAMPAIGN, 3, 2))), Code::CampaignLimit);
    let instead = OwnedTake { replace: OperationId(11), ..wish(4) };
    world.run(13, reserve(instead));
    world.confirm(13);
    let mut some = OwnedTake { partial: true, ..wish(2) };
    some.lines[1].units_min = 1;
    world.wait(86_400_000 - u64::from(TTL_MS));
    assert_eq!(world.run(14, sell(wish(2))), lacks(Code::BudgetExceeded, 2, 1));
    let granted = world.run(15, reserve(some));
    assert!(matches!(&granted, OwnedOutcome::Reserved { units, .. } if units == &[1, 1]), "{granted:?}");
    world.check_laws();
}

#[test]
fn a_sale_of_cards_never_waits_and_cards_are_never_owed() {
    let (mut world, _) = shop(gift_cards());
    let wait_until_ms = world.now_ms + 99_999;
    let many = OwnedTake { wait_until_ms, ..take(&[(CAMPAIGN, 11)]) };
    assert_eq!(world.run(10, sell(many)), one_lack(Code::OutOfStock, Code::OutOfStock, (0, 11, 10)));
    let paid = OwnedCommand::Sell { take: take(&[(CAMPAIGN, 11)]), paid: true, hidden: false };
    let refused = one_lack(Code::OutOfStock, Code::OutOfStock, (0, 11, 10));
    assert_eq!(world.run(11, paid.clone()), refused);
    world.run(12, OwnedCommand::StockSupply { stock: CAMPAIGN, units: 9 });
    assert_eq!(world.run(11, paid), refused, "for good");
    // Card keys beside them that only marked ones are left of.
    let mut world = shop_of(2);
    world.run(1 << 80, super::card_scene::create(CAMPAIGN_BESIDE, 5, gift_cards()));
    world.run(1 << 80 | 1, to_state(CAMPAIGN_BESIDE, 1, CampaignState::Running));
    let held = world.run(10, reserve(take(&[(STOCK, 2), (CAMPAIGN_BESIDE, 1)])));
    assert!(matches!(held, OwnedOutcome::Reserved { .. }), "{held:?}");
    change_batch(&mut world, 4, 1, BatchChange::Freeze);
    let short = OwnedOutcome::refused_lines(
        Code::OutOfStock,
        vec![Lack { line: 0, why: Code::OutOfStock, asked: 2, available: 0 }],
    );
    assert_eq!(world.confirm(10), short);
    let cards_alone = OwnedCommand::Confirm { units: vec![0, 1], hidden: false };
    assert_eq!(world.run(10, cards_alone).code(), None);
    world.check_laws();
}

/// Beside the keys stock of `shop_of`.
const CAMPAIGN_BESIDE: StockId = StockId::new(scrip_engine::ids::Slot(0), 77);

#[test]
fn a_card_that_nobody_has_spent_of_goes_back_and_one_that_was_spent_of_does_not() {
    let (mut world, goods) = shop(gift_cards());
    world.run(10, sell(take(&[(goods, 1), (CAMPAIGN, 3)])));
    redeemed(world.run(11, spend(card(2), 30)));
    // The last one stays, the one before it goes.
    assert_eq!(world.run(12, giving(10, false, &[0, 1])), OwnedOutcome::Returned { units: 1 });
    let states: Vec<_> = (0..3).map(|serial| show(&mut world, card(serial)).state).collect();
    assert_eq!(states, [CardState::Active, CardState::Void, CardState::Active]);
    assert_eq!(world.counts(CAMPAIGN), [7, 0, 2]);
    let rest = giving(10, false, &[]);
    assert_eq!(world.run(13, rest.clone()), one_lack(Code::Used, Code::Used, (1, 2, 1)));
    // What was spent came back: then so can the card.
    world.run(14, reverse(11, 30));
    assert_eq!(world.run(13, rest), OwnedOutcome::Returned { units: 3 });
    assert_eq!(world.counts(CAMPAIGN), [7, 0, 0]);
    assert_eq!(world.show(CAMPAIGN).void, 3);
    world.check_laws();
    world.restart();
}

#[test]
fn what_goes_back_to_available_can_be_sold_again_as_another_card() {
    let (mut world, _) =
        shop(worth_with(CampaignKind::StoredValue, |worth| worth.definition.budget.set(300)));
    world.run(10, sell(take(&[(CAMPAIGN, 3)])));
    assert_refused(&world.run(11, claim(CAMPAIGN, 5)), Code::BudgetExceeded);
    assert_eq!(world.run(12, giving(10, true, &[2])), OwnedOutcome::Returned { units: 2 });
    assert_eq!(world.counts(CAMPAIGN), [9, 0, 1]);
    assert_eq!(issued(world.run(11, claim(CAMPAIGN, 5))).first, card(3));
    world.check_laws();
}

#[test]
fn a_card_that_is_held_given_away_filled_or_void_stays_where_it_is() {
    type Change = fn(&mut World);
    let cases: [(Code, Change); 6] = [
        (Code::Void, |world| drop(world.run(20, change(card(0), CardChange::Void)))),
        (Code::Used, |world| drop(world.run(20, spend(card(0), 100)))),
        (Code::LockedByOtherOrder, |world| drop(world.run(20, give(card(0), 0, 0, 60)))),
        (Code::NotOwner, |world| {
            world.run(20, give(card(0), 0, 0, 60));
            world.run(21, accept(card(0), 99));
        }),
        (Code::RuleFailed, |world| {
            let wish =
                scrip_engine::command::AccountWish::TopUp { principal: 5, bonus: 0, paid: 5, until_ms: 0 };
            let top_up = scrip_tests::request::CardCommand::Account { card: card(0), generation: None, wish };
            world.run(20, OwnedCommand::OfCards(top_up));
        }),
        (Code::LockedByOtherOrder, |world| {
            let line = scrip_engine::command::CardLine::new(card(0), 10, 1_000);
            let goods = StockId::new(scrip_engine::ids::Slot(0), 2);
            world.run(20, reserve(OwnedTake { cards: vec![line], ..take(&[(goods, 1)]) }));
        }),
    ];
    for (why, spoil) in cases {
        let (mut world, _) = shop(gift_cards());
        world.run(10, sell(take(&[(CAMPAIGN, 1)])));
        spoil(&mut world);
        assert_eq!(world.run(30, return_all(10)), one_lack(why, why, (0, 1, 0)));
        // A sale that can't be undone is not cancelled.
        assert_eq!(world.run(10, OwnedCommand::Cancel), one_lack(why, why, (0, 1, 0)));
        world.check_laws();
    }
}

#[test]
fn a_cancelled_sale_puts_its_cards_back_into_the_supply() {
    let (mut world, goods) = shop(gift_cards());
    world.run(10, sell(take(&[(goods, 1), (CAMPAIGN, 2)])));
    let cancelled = world.run(10, OwnedCommand::Cancel);
    assert_eq!(cancelled, OwnedOutcome::Cancelled(scrip_engine::answer::Cancelled::Returned { units: 3 }));
    assert_eq!(world.counts(CAMPAIGN), [10, 0, 0]);
    assert_eq!(show(&mut world, card(0)).state, CardState::Void);
    assert_eq!(world.run(10, OwnedCommand::Cancel), cancelled);
    world.check_laws();
    world.restart();
}

#[test]
fn a_command_asks_for_a_thousand_cards_at_most() {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, 5_000, gift_cards());
    let most = Lack { line: 1, why: Code::RuleFailed, asked: 1, available: 1_000 };
    let refused = world.run(10, sell(take(&[(CAMPAIGN, 1_000), (CAMPAIGN, 1)])));
    assert_eq!(refused, OwnedOutcome::refused_lines(Code::RuleFailed, vec![most]));
    let two_lines = world.run(10, sell(take(&[(CAMPAIGN, 400), (CAMPAIGN, 600)])));
    let OwnedOutcome::ConfirmedCards { sold, .. } = two_lines else { panic!("{two_lines:?}") };
    let row = |line, serial, cards| OwnedSold { line, first: card(serial), cards };
    assert_eq!(sold, [row(0, 0, 400), row(1, 400, 600)]);
    assert_eq!(world.run(11, return_all(10)), OwnedOutcome::Returned { units: 1_000 });
    world.check_laws();
}

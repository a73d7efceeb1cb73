//! Stored value: lots, the order they are spent in, refunds; and what a reversal gives back to which lot.

use crate::shop::*;
use scrip_engine::command::{
    AccountWish, CampaignKind, CampaignTerms, CardChange, CardState, Command, Definition,
};
use scrip_engine::ids::{CardId, OperationId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};

/// A card begins with 100.00, for which 95.00 were paid.
fn money() -> Definition {
    Definition { currency: *b"CNY", ..definition(CampaignKind::StoredValue, 10_000, 9_500) }
}

fn units(shop: &Shop, card: Got) -> (u32, u32, u64) {
    let Got::Redeemed(redeemed) = card else { panic!("no redemption: {card:?} at {}", shop.now()) };
    (redeemed.units, redeemed.available, redeemed.discount)
}

fn reverse(redemption: OperationId, units: u32) -> Command<'static> {
    Command::Reverse { redemption, units }
}

#[test]
fn stored_value_pays_what_it_has_and_never_more_than_the_amount() {
    let mut terms = money();
    terms.threshold.set(50);
    let mut shop = Shop::with(terms, 10);
    let card = shop.card(3);
    assert_eq!(shop.redeem(card, 10, 49), Got::Refused(Code::RuleFailed, Why::Units(49, 50)));
    assert_eq!(shop.redeem(card, 101, 100), Got::Refused(Code::RuleFailed, Why::Units(101, 100)));
    assert_eq!(
        shop.redeem(card, 10_001, 20_000),
        Got::Refused(Code::BalanceExceeded, Why::Units(10_001, 10_000))
    );
    let got = shop.redeem(card, 3_000, 8_000);
    assert_eq!(units(&shop, got), (3_000, 7_000, 3_000));
    let got = shop.redeem(card, 0, 600);
    assert_eq!(units(&shop, got), (600, 6_400, 600), "the amount is less");
    let got = shop.redeem(card, 0, 9_000);
    assert_eq!(units(&shop, got), (6_400, 0, 6_400), "the balance is less");
    let view = shop.show(card);
    assert_eq!(
        (view.state, view.available, view.consumed),
        (CardState::Active, 0, 10_000),
        "it can be filled"
    );
    assert_eq!(shop.redeem(card, 0, 60), Got::Refused(Code::BalanceExceeded, Why::Units(1, 0)));
    assert_eq!(shop.top_up(card, (500, 0, 500), 0), Got::Filled(500, 500));
    let got = shop.redeem(card, 0, 9_000);
    assert_eq!(units(&shop, got), (500, 0, 500));
    shop.close();
}

#[test]
fn lots_are_spent_in_the_order_of_the_definition() {
    for (spending, left) in [
        (Definition::EARLIEST_FIRST, [[10_000, 1_000, 200, 0], [9_500, 1_000, 0, 0]]),
        (Definition::BONUS_FIRST, [[10_000, 1_000, 150, 50], [9_700, 1_000, 0, 0]]),
        (Definition::PRINCIPAL_FIRST, [[9_750, 1_000, 200, 300], [9_250, 1_000, 200, 300]]),
    ] {
        let mut shop = Shop::with(Definition { spending, ..money() }, 10);
        let card = shop.card(3);
        let (soon, late) = (shop.now() + 50_000, shop.now() + 90_000);
        // Principal that ends with the card comes behind the card's own; bonus that ends late, bonus that ends soon.
        assert_eq!(shop.top_up(card, (1_000, 0, 1_000), 0), Got::Filled(1_000, 11_000));
        shop.top_up(card, (0, 200, 0), late);
        assert_eq!(shop.top_up(card, (0, 300, 0), soon), Got::Filled(300, 11_500));
        let (first, second) = match spending {
            Definition::BONUS_FIRST => (300, 500),
            Definition::EARLIEST_FIRST => (300, 700),
            _ => (250, 500),
        };
        let mut had = Vec::new();
        for asked in [first, second] {
            let got = shop.redeem(card, asked, 100_000);
            units(&shop, got);
            let lots = shop.lots(card);
            let own = shop.show(card).available - lots.iter().sum::<u32>();
            had.push([own, lots[0], lots[1], lots[2]]);
        }
        let expected = match spending {
            Definition::BONUS_FIRST => [[10_000, 1_000, 200, 0], [9_700, 1_000, 0, 0]],
            _ => left,
        };
        assert_eq!(had, expected, "spending {spending}");
        shop.close();
    }
}

#[test]
fn an_expired_lot_does_not_count_and_goes_when_another_is_made() {
    let mut shop = Shop::with(money(), 10);
    let card = shop.card(3);
    let soon = shop.now() + 5_000;
    shop.top_up(card, (0, 400, 0), soon);
    shop.now_ms = soon - 1;
    assert_eq!(shop.show(card).available, 10_400);
    shop.now_ms = soon;
    let view = shop.show(card);
    assert_eq!((view.available, view.expired, view.void), (10_000, 400, 0));
    assert_eq!(
        shop.redeem(card, 10_001, 20_000),
        Got::Refused(Code::BalanceExceeded, Why::Units(10_001, 10_000))
    );
    assert_eq!(shop.top_up(card, (0, 7, 0), 0), Got::Filled(7, 10_007));
    let view = shop.show(card);
    assert_eq!((view.available, view.expired, view.void), (10_007, 0, 400));
    assert_eq!(shop.lots(card), [7]);
    shop.close();
}

#[test]
fn a_reversal_gives_back_to_the_lots_it_came_from_the_last_first() {
    let mut shop = Shop::with(money(), 10);
    let card = shop.card(3);
    let soon = shop.now() + 50_000;
    shop.top_up(card, (0, 400, 0), soon);
    let redemption = shop.next_operation();
    let got = shop.redeem(card, 1_000, 1_000);
    assert_eq!(units(&shop, got), (1_000, 9_400, 1_000));
    assert_eq!(shop.lots(card), [0]);
    assert_eq!(shop.run(reverse(redemption, 500)), Got::Reversed(500, 9_900), "600 came of the card's own");
    assert_eq!(shop.lots(card), [0]);
    let (operation, created_ms) = (shop.next_operation(), shop.now());
    assert_eq!(shop.run(reverse(redemption, 300)), Got::Reversed(300, 10_200));
    assert_eq!(shop.lots(card), [200]);
    assert_eq!(shop.run_as(operation, created_ms, reverse(redemption, 300)), Got::Reversed(300, 10_200));
    shop.now_ms = soon;
    assert_eq!(
        shop.run(reverse(redemption, 0)),
        Got::Reversed(200, 10_000),
        "back into a lot that has ended"
    );
    assert_eq!(shop.show(card).expired, 400);
    shop.close();
}

#[test]
fn a_grace_revives_a_lot_that_ended_meanwhile() {
    let mut terms = money();
    terms.grace_s.set(60);
    let mut shop = Shop::with(terms, 10);
    let card = shop.card(3);
    let soon = shop.now() + 5_000;
    shop.top_up(card, (0, 400, 0), soon);
    let redemption = shop.next_operation();
    shop.redeem(card, 300, 300);
    shop.now_ms = soon + 10_000;
    assert_eq!(shop.show(card).available, 10_000);
    let (operation, created_ms) = (shop.next_operation(), shop.now());
    assert_eq!(
        shop.run(reverse(redemption, 100)),
        Got::Reversed(100, 10_200),
        "100 were left, 100 came back"
    );
    assert_eq!(shop.run_as(operation, created_ms, reverse(redemption, 100)), Got::Reversed(100, 10_200));
    shop.now_ms += 60_000;
    assert_eq!(shop.show(card).available, 10_000);
    shop.close();
}

#[test]
fn a_refund_voids_all_and_answers_what_was_paid_for_the_principal() {
    let mut shop = Shop::with(money(), 10);
    let (card, bearer) = (shop.card(3), shop.card(0));
    shop.top_up(card, (1_000, 100, 900), 0);
    shop.redeem(card, 4_001, 4_001);
    // Of the own lot 5,999 of 10,000 are left, for which 9,500 were paid; of the other one all.
    assert_eq!(shop.account(card, AccountWish::Refund), Got::Refunded(5_999 + 1_000, 5_699 + 900));
    let view = shop.show(card);
    assert_eq!((view.state, view.available, view.consumed, view.void), (CardState::Active, 0, 4_001, 7_099));
    assert_eq!(
        shop.account(card, AccountWish::Refund),
        Got::Refused(Code::BalanceExceeded, Why::Units(1, 0))
    );
    assert_eq!(shop.top_up(card, (5, 0, 5), 0), Got::Filled(5, 5));
    assert_eq!(
        shop.account(bearer, AccountWish::Refund),
        Got::Refunded(10_000, 9_500),
        "a card nothing happened to"
    );
    shop.close();
}

#[test]
fn an_entry_is_checked_in_this_order() {
    let mut shop = Shop::with(money(), 10);
    let card = shop.card(3);
    let top_up = |until_ms| AccountWish::TopUp { principal: 1, bonus: 0, paid: 1, until_ms };
    let foreign = CardId::new(SLOT, 0, 5);
    assert_eq!(shop.account(foreign, AccountWish::Earn { units: 1 }), refused(Code::NotFound));
    shop.change(card, CardChange::Freeze);
    assert_eq!(
        shop.account(card, AccountWish::Earn { units: 1 }),
        refused(Code::RuleFailed),
        "before the state"
    );
    assert_eq!(shop.account(card, AccountWish::Renew { seconds: 1 }), refused(Code::RuleFailed));
    assert_eq!(shop.account(card, top_up(1)), refused(Code::Frozen));
    assert_eq!(shop.account(card, AccountWish::Refund), refused(Code::Frozen));
    shop.change(card, CardChange::Unfreeze);
    let end_ms = START_MS + 5_000;
    shop.change(card, CardChange::Extend { until_ms: end_ms });
    shop.now_ms = end_ms;
    assert_eq!(shop.account(card, top_up(1)), Got::Refused(Code::Expired, Why::Time(end_ms)));
    shop.change(card, CardChange::Extend { until_ms: end_ms * 2 });
    let now_ms = shop.now();
    assert_eq!(
        shop.account(card, top_up(now_ms)),
        refused(Code::RuleFailed),
        "an end that is not in the future"
    );
    let room = 1_000_000_000 - 10_000;
    assert_eq!(
        shop.top_up(card, (room, 1, 0), 0),
        Got::Refused(Code::RuleFailed, Why::Units(u64::from(room) + 1, room.into()))
    );
    assert_eq!(shop.top_up(card, (room, 0, 0), 0), Got::Filled(room, 1_000_000_000));
    assert_eq!(units_of_largest(&mut shop, card), (1_000_000_000, 0, 1_000_000_000));
    shop.change(card, CardChange::Void);
    assert_eq!(shop.account(card, top_up(0)), refused(Code::Void));
    shop.close();
}

fn units_of_largest(shop: &mut Shop, card: CardId) -> (u32, u32, u64) {
    let got = shop.redeem(card, 0, u64::MAX);
    units(shop, got)
}

#[test]
fn a_void_card_has_void_lots() {
    let mut shop = Shop::with(money(), 10);
    let card = shop.card(3);
    shop.top_up(card, (100, 50, 100), 0);
    shop.change(card, CardChange::Void);
    let view = shop.show(card);
    assert_eq!((view.available, view.void, view.expired), (0, 10_150, 0));
    assert_eq!(shop.lots(card), [0, 0]);
    shop.close();
}

#[test]
fn sixteen_lots_fit_and_one_that_can_be_reversed_into_stays() {
    let rules = Rules { operation_window_ms: 20_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut shop = Shop::new(ROOMY, rules);
    let terms = money();
    shop.open(
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
        10,
    );
    let card = shop.card(3);
    for _ in 0..8 {
        shop.top_up(card, (100, 10, 100), 0);
    }
    let full = Got::Refused(Code::Capacity, Why::Full(CapacityOf::Lots, 16));
    assert_eq!(shop.top_up(card, (100, 0, 100), 0), full);
    let got = shop.redeem(card, 10_100, 20_000);
    units(&shop, got);
    assert_eq!(shop.lots(card)[0], 0, "spent, but it may come back");
    assert_eq!(shop.top_up(card, (100, 0, 100), 0), full);
    shop.now_ms += 40_000;
    assert_eq!(
        shop.top_up(card, (70, 0, 70), 0),
        Got::Filled(70, 850),
        "the floor has passed the redemption"
    );
    assert_eq!(shop.lots(card).len(), 16);
    assert_eq!(shop.lots(card)[15], 70);
    shop.close();
}

#[test]
fn records_of_lots_have_a_maximum() {
    let mut shop = Shop::new(Capacity { lots_max: 4, ..ROOMY }, Rules::default());
    let terms = money();
    shop.open(
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
        10,
    );
    let (card, other) = (shop.card(3), shop.card(4));
    assert_eq!(shop.top_up(card, (100, 10, 100), 0), Got::Filled(110, 10_110), "an account and two lots");
    let full = Got::Refused(Code::Capacity, Why::Full(CapacityOf::Lots, 4));
    assert_eq!(shop.top_up(other, (100, 0, 100), 0), full);
    assert!(matches!(shop.redeem(card, 5, 20_000), Got::Redeemed(_)), "of its own lot alone");
    assert_eq!(shop.redeem(card, 10_000, 20_000), full, "two parts");
    assert_eq!(shop.used("lots"), 3);
    shop.close();
}

#[test]
fn what_was_paid_and_the_currency_are_fixed() {
    let mut shop = Shop::with(money(), 10);
    let mut edit = |definition: Definition| {
        let terms =
            CampaignTerms { definition: &definition, extension: Default::default(), tiers: &[], scope: &[] };
        shop.run(Command::CampaignEdit { campaign: CAMPAIGN, version: 2, terms })
    };
    assert_eq!(edit(Definition { currency: *b"EUR", ..money() }), refused(Code::RuleFailed));
    assert_eq!(edit(Definition { value: 9_501.into(), ..money() }), refused(Code::RuleFailed));
    assert_eq!(edit(Definition { spending: Definition::BONUS_FIRST, ..money() }), Got::Value(3));
    shop.close();
}

#[test]
fn room_is_asked_for_operations_then_cards_then_lots() {
    let full = |of, maximum| Got::Refused(Code::Capacity, Why::Full(of, maximum));
    for (operations_max, first) in [(4, CapacityOf::Operations), (16, CapacityOf::Cards)] {
        let capacity = Capacity { operations_max, cards_max: 64, lots_max: 0, ..ROOMY };
        let mut shop = Shop::new(capacity, Rules::default());
        let terms = money();
        shop.open(
            &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
            200,
        );
        let card = shop.card(3);
        assert!(matches!(shop.issue(0, 100, false), Got::Issued(_)));
        let beyond = CardId::new(SLOT, 0, 70);
        let maximum = if first == CapacityOf::Cards { 64 } else { u64::from(operations_max) };
        assert_eq!(shop.top_up(beyond, (1, 0, 1), 0), full(first, maximum));
        if first == CapacityOf::Cards {
            assert_eq!(shop.top_up(card, (1, 0, 1), 0), full(CapacityOf::Lots, 0));
            assert!(matches!(shop.redeem(card, 1, 1), Got::Redeemed(_)), "of its own lot alone");
            assert_eq!(shop.account(card, AccountWish::Refund), Got::Refunded(9_999, 9_499));
        }
        shop.close();
    }
}

//! REDEEM and REVERSE.

use crate::shop::*;
use scrip_engine::answer::{Redeemed, RedemptionView};
use scrip_engine::command::{
    CampaignKind, CampaignTerms, CardChange, CardState, Command, Definition, Redeem, ScopeEntry, Tier,
};
use scrip_engine::ids::{CardId, MerchantId, OperationId, OrderId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};

fn uses(units: u32) -> Definition {
    definition(CampaignKind::Uses, units, 0)
}

fn reverse(redemption: OperationId, units: u32) -> Command<'static> {
    Command::Reverse { redemption, units }
}

#[test]
fn the_checks_of_a_redemption_stand_in_their_order() {
    let mut terms = definition(CampaignKind::AmountOff, 1, 300);
    terms.threshold.set(1_000);
    terms.from_ms.set(START_MS + 1_000);
    terms.until_ms.set(START_MS + 5_000);
    let scope = [ScopeEntry::new(ScopeEntry::STORE, 4), ScopeEntry::new(ScopeEntry::STORE, 5)];
    let mut shop = Shop::new(ROOMY, Rules::default());
    shop.open(
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &scope },
        10,
    );
    let card = shop.card(6);
    let using = |store, user, amount| {
        Command::Redeem(Redeem { store, user: UserId(user), amount, units: 2, ..using(card) })
    };
    let by_code = Command::Redeem(Redeem { generation: Some(1), ..crate::shop::using(card) });
    assert_eq!(shop.run(by_code), refused(Code::NotFound), "a code of a generation that is not in force");
    assert_eq!(shop.run(using(0, 7, 0)), Got::Refused(Code::NotStarted, Why::Time(START_MS + 1_000)));
    shop.change(card, CardChange::Freeze);
    assert_eq!(shop.run(using(0, 7, 0)), refused(Code::Frozen), "the state comes before the times");
    shop.change(card, CardChange::Unfreeze);
    shop.now_ms += 1_000;
    assert_eq!(shop.run(using(0, 7, 0)), refused(Code::OutOfScope));
    assert_eq!(shop.run(using(6, 7, 0)), refused(Code::OutOfScope));
    assert_eq!(shop.run(using(5, 7, 0)), refused(Code::NotOwner));
    assert_eq!(shop.run(using(5, 6, 999)), Got::Refused(Code::RuleFailed, Why::Units(999, 1_000)));
    assert_eq!(shop.run(using(5, 0, 1_000)), Got::Refused(Code::BalanceExceeded, Why::Units(2, 1)));
    shop.now_ms = START_MS + 5_000;
    assert_eq!(shop.run(using(5, 6, 1_000)), Got::Refused(Code::Expired, Why::Time(START_MS + 5_000)));
    shop.merchant = MerchantId(8);
    assert_eq!(shop.run(using(5, 6, 1_000)), refused(Code::NotFound), "another merchant's card");
    shop.close();
}

#[test]
fn a_card_is_used_once_and_a_repeat_says_so_again() {
    let mut shop = Shop::with(definition(CampaignKind::PercentOff, 1, 1_500), 10);
    let card = shop.card(0);
    let redeem = Command::Redeem(Redeem { order: OrderId(8), amount: 1_003, ..using(card) });
    let (operation, created_ms) = (OperationId(1 << 90), shop.now());
    let answer = shop.run_as(operation, created_ms, redeem);
    let told = Redeemed { card, units: 1, available: 0, discount: 150, at_ms: START_MS };
    assert_eq!(answer, Got::Redeemed(told));
    assert_eq!(shop.redeem(card, 1, 1_003), refused(Code::Used));
    shop.now_ms += 77;
    let new = definition(CampaignKind::PercentOff, 1, 9_000);
    let terms = CampaignTerms { definition: &new, extension: Default::default(), tiers: &[], scope: &[] };
    shop.run(Command::CampaignEdit { campaign: CAMPAIGN, version: 2, terms });
    shop.run(reverse(operation, 0));
    assert_eq!(shop.run_as(operation, created_ms, redeem), answer, "whatever became of card and definition");
    let view = RedemptionView {
        card,
        units: 1,
        reversed: 1,
        order: OrderId(8),
        discount: 150,
        at_ms: START_MS,
        flagged: false,
    };
    assert_eq!(shop.run_as(operation, created_ms, Command::OperationShow), Got::Redemption(view));
    assert_eq!(shop.run_as(operation, created_ms, Command::Cancel), refused(Code::RuleFailed));
    let confirm = Command::Confirm { units: &[], hidden: false };
    assert_eq!(shop.run_as(operation, created_ms, confirm), refused(Code::HoldNotFound));
    assert_eq!(shop.run_as(operation, created_ms + 1, redeem), refused(Code::OperationMismatch));
    shop.close();
}

#[test]
fn tiers_count_by_the_last_that_is_reached() {
    let tiers = [Tier::new(100, 5), Tier::new(200, 20), Tier::new(300, 60)];
    let terms = definition(CampaignKind::AmountOff, 1, 0);
    let mut shop = Shop::new(ROOMY, Rules::default());
    shop.open(
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &tiers, scope: &[] },
        10,
    );
    let card = shop.card(0);
    assert_eq!(shop.redeem(card, 1, 99), Got::Refused(Code::RuleFailed, Why::Units(99, 100)));
    for (amount, off) in [(100, 5), (299, 20), (9_000, 60)] {
        let card = shop.card(0);
        let Got::Redeemed(told) = shop.redeem(card, 1, amount) else { panic!("{amount} reaches a tier") };
        assert_eq!(told.discount, off);
    }
    shop.close();
}

#[test]
fn uses_keep_their_interval_and_a_reversal_frees_it() {
    let mut terms = uses(5);
    terms.interval_s.set(60);
    let mut shop = Shop::with(terms, 10);
    let card = shop.card(3);
    let first = shop.next_operation();
    assert!(matches!(shop.redeem(card, 0, 0), Got::Redeemed(_)));
    shop.now_ms += 59_999;
    assert_eq!(shop.redeem(card, 2, 0), Got::Refused(Code::RuleFailed, Why::Units(2, 0)));
    shop.now_ms += 1;
    let second = shop.next_operation();
    assert!(matches!(shop.redeem(card, 2, 0), Got::Redeemed(_)));
    assert_eq!(shop.show(card).redemption, second);
    assert_eq!(
        shop.redeem(card, 3, 0),
        Got::Refused(Code::RuleFailed, Why::Units(3, 0)),
        "before the balance"
    );
    shop.run(reverse(second, 1));
    assert_eq!(
        shop.redeem(card, 1, 0),
        Got::Refused(Code::RuleFailed, Why::Units(1, 0)),
        "it stands in part"
    );
    assert_eq!(shop.run(reverse(second, 1)), Got::Reversed(1, 4));
    assert_eq!(shop.show(card).redemption, first, "the one before is the newest that stands");
    assert!(matches!(shop.redeem(card, 4, 0), Got::Redeemed(_)), "and it was a minute ago");
    assert_eq!(shop.show(card).state, CardState::Used);
    assert_eq!(shop.run(reverse(first, 0)), Got::Reversed(1, 1), "one in the middle of the list");
    assert_eq!(shop.show(card).state, CardState::Active);
    shop.close();
}

#[test]
fn no_more_is_reversed_than_was_redeemed_and_not_after_the_window() {
    let mut terms = uses(10);
    terms.window_s.set(100);
    let mut shop = Shop::with(terms, 10);
    let card = shop.card(3);
    let redemption = shop.next_operation();
    shop.redeem(card, 6, 0);
    assert_eq!(shop.run(reverse(OperationId(999), 1)), refused(Code::NotFound));
    assert_eq!(
        shop.run(reverse(OperationId(1), 1)),
        refused(Code::NotFound),
        "an operation that is no redemption"
    );
    assert_eq!(shop.run(reverse(redemption, 7)), Got::Refused(Code::ExceedsRedeemed, Why::Units(7, 6)));
    assert_eq!(shop.run(reverse(redemption, 2)), Got::Reversed(2, 6));
    assert_eq!(shop.run(reverse(redemption, 5)), Got::Refused(Code::ExceedsRedeemed, Why::Units(5, 4)));
    let (operation, created_ms) = (OperationId(1 << 91), shop.now());
    let answer = shop.run_as(operation, created_ms, reverse(redemption, 0));
    assert_eq!(answer, Got::Reversed(4, 10));
    shop.redeem(card, 1, 0);
    assert_eq!(
        shop.run_as(operation, created_ms, reverse(redemption, 0)),
        answer,
        "a repeat gives nothing back"
    );
    assert_eq!(shop.run(reverse(redemption, 0)), refused(Code::AlreadyReversed));
    shop.now_ms = START_MS + 100_000;
    assert_eq!(shop.run(reverse(redemption, 1)), refused(Code::AlreadyReversed), "the last moment");
    shop.now_ms += 1;
    let late = Got::Refused(Code::ReversalWindow, Why::Time(START_MS + 100_000));
    assert_eq!(shop.run(reverse(redemption, 1)), late);
    shop.change(card, CardChange::Void);
    assert_eq!(shop.run(reverse(redemption, 1)), refused(Code::Void), "void comes before the window");
    shop.close();
}

#[test]
fn a_reversal_gives_a_card_that_has_expired_time_to_be_used() {
    let mut terms = uses(2);
    terms.lasts_s.set(100);
    terms.grace_s.set(30);
    let mut shop = Shop::with(terms, 10);
    let card = shop.card(3);
    let redemption = shop.next_operation();
    shop.redeem(card, 2, 0);
    shop.now_ms += 50_000;
    shop.run(reverse(redemption, 1));
    assert_eq!(shop.show(card).until_ms, START_MS + 100_000, "it lives longer than that anyway");
    shop.now_ms += 150_500;
    assert_eq!(shop.redeem(card, 1, 0), Got::Refused(Code::Expired, Why::Time(START_MS + 100_000)));
    assert_eq!(shop.run(reverse(redemption, 1)), Got::Reversed(1, 2));
    assert_eq!(shop.show(card).until_ms, START_MS + 230_000);
    assert!(matches!(shop.redeem(card, 2, 0), Got::Redeemed(_)));
    shop.close();
}

#[test]
fn a_redemption_is_gone_with_its_slice_and_its_units_stay_used() {
    let rules = Rules { operation_window_ms: 20_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut terms = uses(1_000);
    terms.interval_s.set(3_600);
    let mut shop = Shop::new(ROOMY, rules);
    shop.open(
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
        10,
    );
    let card = shop.card(3);
    let redemption = shop.next_operation();
    shop.redeem(card, 400, 0);
    shop.now_ms += 19_000;
    assert_eq!(shop.redeem(card, 1, 0), Got::Refused(Code::RuleFailed, Why::Units(1, 0)));
    shop.now_ms += 2_500;
    assert_eq!(shop.run(reverse(redemption, 0)), refused(Code::NotFound));
    assert_eq!(shop.show(card).redemption, OperationId(0));
    assert!(matches!(shop.redeem(card, 1, 0), Got::Redeemed(_)), "no interval to what is not remembered");
    assert_eq!((shop.show(card).available, shop.used("redemptions")), (599, 1));
    shop.close();
}

#[test]
fn redemptions_have_a_maximum_and_the_floor_makes_room() {
    let rules = Rules { operation_window_ms: 60_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut shop = Shop::new(Capacity { redemptions_max: 8, ..ROOMY }, rules);
    shop.open(
        &CampaignTerms { definition: &uses(1_000), extension: Default::default(), tiers: &[], scope: &[] },
        10,
    );
    let card = shop.card(3);
    for _ in 0..8 {
        assert!(matches!(shop.redeem(card, 1, 0), Got::Redeemed(_)));
    }
    let full = Got::Refused(Code::Capacity, Why::Full(CapacityOf::Redemptions, 8));
    assert_eq!(shop.redeem(card, 1, 0), full);
    shop.now_ms += 12_000;
    assert!(matches!(shop.redeem(card, 1, 0), Got::Redeemed(_)));
    shop.close();
}

#[test]
fn ids_that_are_none_of_a_card_are_refused() {
    let mut shop = Shop::with(uses(1), 1);
    for card in [0, u64::MAX, 1 << 63, 1 << 58] {
        assert_eq!(shop.redeem(CardId(card), 1, 0), refused(Code::CrossSlot), "{card:x}");
    }
    for card in [CardId::new(SLOT, 0, 0), CardId::new(SLOT, 1, 0), CardId::new(SLOT, 32_767, 0)] {
        assert_eq!(shop.redeem(card, 1, 0), refused(Code::NotFound), "{card}");
    }
    shop.close();
}

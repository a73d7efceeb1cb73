//! GIFT, ACCEPT_GIFT, CANCEL_GIFT: whose a card is, and who opens it.

use crate::shop::*;
use scrip_engine::command::{
    AccountWish, CampaignKind, CampaignTerms, CardChange, CardState, Command, GiftWish, Redeem, StockTerms,
};
use scrip_engine::ids::{CardId, UserId};
use scrip_engine::limits::{Capacity, Rules, WALLET_CARDS_SCANNED_MAX};
use scrip_engine::rejection::{CapacityOf, Code};

const GIVER: u128 = 1;
const RECEIVER: u128 = 2;
const ACTIVE: Got = Got::Value(2);

fn shop() -> (Shop, CardId) {
    let mut shop = Shop::with(definition(CampaignKind::Uses, 3, 0), 20);
    let card = shop.card(GIVER);
    (shop, card)
}

/// Something about a gift, asked for twice.
fn wish(shop: &mut Shop, card: CardId, wish: GiftWish) -> Got {
    let (operation, command) = (shop.next_operation(), Command::Gift { card, generation: None, wish });
    let (got, at_ms) = (shop.run(command), shop.now_ms);
    if !matches!(got, Got::Refused(..)) {
        assert_eq!(shop.run_as(operation, at_ms, command), got, "a repeat of {wish:?}");
    }
    got
}

fn give(shop: &mut Shop, card: CardId, to: u128, lasts_s: u32) -> Got {
    wish(shop, card, GiftWish::Give { user: UserId(0), to: UserId(to), lasts_s })
}

fn accept(shop: &mut Shop, card: CardId, user: u128) -> Got {
    wish(shop, card, GiftWish::Accept { user: UserId(user) })
}

fn cancel(shop: &mut Shop, card: CardId, user: u128) -> Got {
    wish(shop, card, GiftWish::Cancel { user: UserId(user) })
}

fn wallet(shop: &mut Shop, owner: u128) -> Vec<u64> {
    match shop.wallet(owner, None, None, 0) {
        Got::Wallet(None, cards) => cards,
        other => panic!("no wallet: {other:?}"),
    }
}

#[test]
fn a_card_changes_hands_and_its_old_code_opens_nothing() {
    let (mut shop, card) = shop();
    let (older, newest) = (card, shop.card(GIVER));
    let middle = shop.card(RECEIVER);
    shop.redeem(card, 1, 0);
    let deadline_ms = shop.now_ms + 60_000;
    assert_eq!(give(&mut shop, older, RECEIVER, 60), Got::Value(deadline_ms));
    assert_eq!((shop.show(card).state, shop.show(card).owner), (CardState::Gifting, UserId(GIVER)));
    assert_eq!(wallet(&mut shop, GIVER), [newest.0, older.0], "it is the giver's until it is accepted");
    assert_eq!(shop.redeem(card, 1, 0), refused(Code::LockedByOtherOrder));
    assert_eq!(accept(&mut shop, card, RECEIVER), Got::Value(1));
    let view = shop.show(card);
    assert_eq!((view.state, view.owner, view.generation), (CardState::Active, UserId(RECEIVER), 1));
    assert_eq!((view.available, view.consumed), (2, 1));
    assert_eq!(wallet(&mut shop, GIVER), [newest.0]);
    assert_eq!(wallet(&mut shop, RECEIVER), [card.0, middle.0], "it is the receiver's newest");
    let by_code = |generation| Redeem { generation: Some(generation), ..using(card) };
    assert_eq!(shop.run(Command::Redeem(by_code(0))), refused(Code::NotFound));
    let by_giver = Redeem { user: UserId(GIVER), ..by_code(1) };
    assert_eq!(shop.run(Command::Redeem(by_giver)), refused(Code::NotOwner));
    assert!(matches!(shop.run(Command::Redeem(by_code(1))), Got::Redeemed(_)));
    shop.close();
}

#[test]
fn every_place_in_a_wallet_can_be_given_and_given_back() {
    for place in 0..3 {
        let (mut shop, first) = shop();
        let cards = [first, shop.card(GIVER), shop.card(GIVER)];
        let given = cards[place];
        give(&mut shop, given, 0, 60);
        assert_eq!(accept(&mut shop, given, RECEIVER), Got::Value(1));
        let left: Vec<u64> = cards.iter().rev().filter(|card| **card != given).map(|card| card.0).collect();
        assert_eq!(wallet(&mut shop, GIVER), left);
        assert_eq!(wallet(&mut shop, RECEIVER), [given.0]);
        give(&mut shop, given, 0, 60);
        assert_eq!(accept(&mut shop, given, GIVER), Got::Value(2));
        assert_eq!(wallet(&mut shop, GIVER)[0], given.0, "what comes back is the newest");
        assert_eq!(wallet(&mut shop, RECEIVER), [0; 0]);
        shop.close();
    }
}

#[test]
fn from_its_deadline_on_a_gift_is_as_if_it_had_not_been() {
    let (mut shop, card) = shop();
    let deadline_ms = shop.now_ms + 5_000;
    give(&mut shop, card, RECEIVER, 5);
    shop.now_ms = deadline_ms - 1;
    assert_eq!(shop.show(card).state, CardState::Gifting);
    shop.now_ms = deadline_ms;
    assert_eq!(shop.show(card).state, CardState::Active);
    let over = Got::Refused(Code::Expired, Why::Time(deadline_ms));
    assert_eq!((accept(&mut shop, card, RECEIVER), cancel(&mut shop, card, 0)), (over.clone(), over.clone()));
    assert!(matches!(shop.redeem(card, 1, 0), Got::Redeemed(_)));
    assert_eq!(accept(&mut shop, card, RECEIVER), over, "it is remembered, whatever happens to the card");
    assert_eq!((shop.show(card).owner, shop.show(card).generation), (UserId(GIVER), 0));
    let again_ms = shop.now_ms + 9_000;
    assert_eq!(give(&mut shop, card, 0, 9), Got::Value(again_ms), "it can be given again");
    assert_eq!(shop.used("gifts"), 1);
    shop.close();
}

#[test]
fn a_gift_is_forgotten_when_the_floor_has_passed_it() {
    let rules = Rules { operation_window_ms: 20_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut shop = Shop::new(Capacity { gifts_max: 2, ..ROOMY }, rules);
    let terms = definition(CampaignKind::Uses, 3, 0);
    shop.open(
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
        20,
    );
    let cards = [shop.card(GIVER), shop.card(GIVER), shop.card(GIVER)];
    give(&mut shop, cards[0], 0, 1);
    give(&mut shop, cards[1], 0, 1);
    shop.now_ms += 1_000;
    let full = Got::Refused(Code::Capacity, Why::Full(CapacityOf::Gifts, 2));
    assert_eq!(give(&mut shop, cards[2], 0, 1), full, "those that are over are remembered");
    assert!(matches!(give(&mut shop, cards[0], 0, 1), Got::Value(_)), "in place of the one before");
    shop.now_ms += 60_000;
    assert_eq!(accept(&mut shop, cards[1], RECEIVER), refused(Code::RuleFailed), "it is forgotten");
    assert!(matches!(give(&mut shop, cards[2], 0, 1), Got::Value(_)));
    assert_eq!(shop.used("gifts"), 1);
    assert_eq!(shop.show(cards[0]).state, CardState::Active);
    shop.close();
}

#[test]
fn who_may_give_accept_and_take_back() {
    let (mut shop, card) = shop();
    let foreign = GiftWish::Give { user: UserId(RECEIVER), to: UserId(0), lasts_s: 5 };
    assert_eq!(wish(&mut shop, card, foreign), refused(Code::NotOwner));
    assert_eq!(give(&mut shop, card, GIVER, 5), refused(Code::RuleFailed), "to himself");
    assert_eq!(accept(&mut shop, card, RECEIVER), refused(Code::RuleFailed), "it is not given");
    assert_eq!(cancel(&mut shop, card, GIVER), refused(Code::RuleFailed));
    give(&mut shop, card, RECEIVER, 5);
    assert_eq!(give(&mut shop, card, 0, 5), refused(Code::LockedByOtherOrder), "it is given");
    assert_eq!(accept(&mut shop, card, 3), refused(Code::NotOwner), "to another");
    assert_eq!(accept(&mut shop, card, GIVER), refused(Code::NotOwner));
    assert_eq!(cancel(&mut shop, card, RECEIVER), refused(Code::NotOwner));
    assert_eq!(cancel(&mut shop, card, GIVER), ACTIVE);
    assert_eq!(accept(&mut shop, card, RECEIVER), refused(Code::RuleFailed), "it was taken back");
    assert_eq!((shop.show(card).generation, shop.used("gifts")), (0, 0));
    shop.close();
}

#[test]
fn what_can_be_given_and_in_which_order_it_is_refused() {
    let (mut shop, card) = shop();
    for kind in [CampaignKind::Stamps, CampaignKind::Points] {
        let mut terms = definition(kind, 0, 5);
        terms.flags = 2;
        let campaign = scrip_engine::ids::StockId::new(SLOT, 20 + kind as u64);
        let personal = shop.card_of(
            campaign,
            GIVER,
            &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
        );
        assert_eq!(
            give(&mut shop, personal, 0, 5),
            refused(Code::RuleFailed),
            "of another kind, then inactive"
        );
    }
    let bearer = match shop.issue(0, 1, false) {
        Got::Issued(issued) => issued.first,
        other => panic!("no card: {other:?}"),
    };
    assert_eq!(give(&mut shop, bearer, 0, 5), refused(Code::RuleFailed), "nobody's to give");
    shop.change(card, CardChange::Freeze);
    let foreign = GiftWish::Give { user: UserId(9), to: UserId(0), lasts_s: 5 };
    assert_eq!(wish(&mut shop, card, foreign), refused(Code::Frozen), "state before owner");
    shop.change(card, CardChange::Unfreeze);
    let until_ms = shop.now_ms + 2_000;
    shop.change(card, CardChange::Extend { until_ms });
    shop.now_ms = until_ms;
    let over = Got::Refused(Code::Expired, Why::Time(until_ms));
    assert_eq!(wish(&mut shop, card, foreign), over, "validity before owner");
    let missing = CardId(card.0 + 50);
    assert_eq!(give(&mut shop, missing, 0, 5), refused(Code::NotFound));
    shop.close();
}

#[test]
fn an_operator_ends_a_gift() {
    for (change, state) in [(CardChange::Freeze, CardState::Frozen), (CardChange::Void, CardState::Void)] {
        let (mut shop, card) = shop();
        give(&mut shop, card, RECEIVER, 60);
        assert_eq!(shop.change(card, CardChange::Activate), refused(Code::RuleFailed));
        let until_ms = shop.now_ms + 50_000;
        let extended = shop.change(card, CardChange::Extend { until_ms });
        assert_eq!(extended, Got::Value(CardState::Gifting as u64), "it is given all the same");
        assert_eq!(shop.change(card, change), Got::Value(state as u64));
        let code = if change == CardChange::Freeze { Code::Frozen } else { Code::Void };
        assert_eq!(accept(&mut shop, card, RECEIVER), refused(code));
        assert_eq!((shop.show(card).owner, shop.used("gifts")), (UserId(GIVER), 0));
        if change == CardChange::Freeze {
            assert_eq!(shop.change(card, CardChange::Unfreeze), ACTIVE);
            assert_eq!(accept(&mut shop, card, RECEIVER), refused(Code::RuleFailed));
        }
        shop.close();
    }
}

#[test]
fn a_card_changes_hands_thirty_one_times() {
    let (mut shop, card) = shop();
    for generation in 1..=31 {
        give(&mut shop, card, 0, 5);
        assert_eq!(accept(&mut shop, card, 100 + generation), Got::Value(generation as u64));
    }
    assert_eq!(give(&mut shop, card, 0, 5), refused(Code::RuleFailed), "codes have no further generation");
    assert_eq!(wallet(&mut shop, 131), [card.0]);
    shop.close();
}

#[test]
fn money_goes_with_the_card_and_comes_back_to_it() {
    let mut terms = definition(CampaignKind::StoredValue, 100, 100);
    terms.currency = *b"CNY";
    let mut shop = Shop::new(ROOMY, Rules::default());
    shop.open(
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
        10,
    );
    let card = shop.card(GIVER);
    shop.top_up(card, (50, 0, 50), 0);
    let redemption = shop.next_operation();
    shop.redeem(card, 120, 120);
    give(&mut shop, card, RECEIVER, 60);
    assert_eq!(shop.account(card, AccountWish::Refund), refused(Code::LockedByOtherOrder));
    let reverse = Command::Reverse { redemption, units: 20 };
    assert!(matches!(shop.run(reverse), Got::Reversed(20, 50)), "what is paid back goes to the card");
    assert_eq!(shop.show(card).state, CardState::Gifting);
    assert_eq!(accept(&mut shop, card, RECEIVER), Got::Value(1));
    assert_eq!((shop.show(card).available, shop.show(card).owner), (50, UserId(RECEIVER)));
    shop.close();
}

#[test]
fn a_frozen_campaign_and_a_card_that_ends_stop_a_gift() {
    let (mut shop, card) = shop();
    give(&mut shop, card, RECEIVER, 600);
    let terms = |frozen| StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen };
    let edit = |version, frozen| Command::StockEdit { stock: CAMPAIGN, version, terms: terms(frozen) };
    assert_eq!(shop.run(edit(2, true)), Got::Value(3));
    assert_eq!(accept(&mut shop, card, RECEIVER), refused(Code::Frozen));
    assert_eq!(cancel(&mut shop, card, GIVER), refused(Code::Frozen));
    assert_eq!(shop.run(edit(3, false)), Got::Value(4));
    let until_ms = shop.now_ms + 2_000;
    shop.change(card, CardChange::Extend { until_ms });
    shop.now_ms = until_ms;
    assert_eq!(accept(&mut shop, card, RECEIVER), Got::Refused(Code::Expired, Why::Time(until_ms)));
    assert_eq!(cancel(&mut shop, card, GIVER), ACTIVE, "who gave it may have it back");
    shop.close();
}

#[test]
fn a_card_too_far_down_in_a_wallet_stays_there() {
    let mut shop =
        Shop::new(Capacity { cards_max: 1 << 14, operations_max: 1 << 12, ..ROOMY }, Rules::default());
    let terms = definition(CampaignKind::Uses, 1, 0);
    shop.open(
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
        1 << 14,
    );
    let card = shop.card(GIVER);
    let near = shop.card(GIVER);
    for _ in 0..WALLET_CARDS_SCANNED_MAX / 64 {
        assert!(matches!(shop.issue(GIVER, 64, false), Got::Issued(_)));
    }
    give(&mut shop, card, 0, 60);
    give(&mut shop, near, 0, 60);
    let too_far = Why::Units(WALLET_CARDS_SCANNED_MAX as u64 + 1, WALLET_CARDS_SCANNED_MAX as u64);
    assert_eq!(accept(&mut shop, card, RECEIVER), Got::Refused(Code::RuleFailed, too_far));
    assert_eq!(accept(&mut shop, near, RECEIVER), Got::Value(1), "as many as are looked at");
    assert_eq!(accept(&mut shop, card, RECEIVER), Got::Value(1));
    shop.close();
}

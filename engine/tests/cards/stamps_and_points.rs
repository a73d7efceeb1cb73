//! Stamps, that fill a card to a goal, and points, that are earned, end and are spent.

use crate::shop::*;
use scrip_engine::command::{AccountWish, CampaignKind, CardState, Command};
use scrip_engine::ids::CardId;
use scrip_engine::rejection::Code;

fn earn(shop: &mut Shop, card: CardId, units: u32) -> Got {
    shop.account(card, AccountWish::Earn { units })
}

#[test]
fn stamps_fill_a_card_that_is_then_used_whole() {
    let mut shop = Shop::with(definition(CampaignKind::Stamps, 0, 5), 10);
    let card = shop.card(3);
    assert_eq!(shop.redeem(card, 0, 0), Got::Refused(Code::BalanceExceeded, Why::Units(5, 0)));
    assert_eq!(earn(&mut shop, card, 2), Got::Filled(2, 2));
    assert_eq!(earn(&mut shop, card, 4), Got::Refused(Code::RuleFailed, Why::Units(4, 3)));
    assert_eq!(shop.redeem(card, 2, 0), Got::Refused(Code::RuleFailed, Why::Units(2, 5)));
    assert_eq!(earn(&mut shop, card, 3), Got::Filled(3, 5));
    let redemption = shop.next_operation();
    let Got::Redeemed(redeemed) = shop.redeem(card, 0, 700) else { panic!("it is full") };
    assert_eq!((redeemed.units, redeemed.available, redeemed.discount), (5, 0, 0));
    assert_eq!(shop.show(card).state, CardState::Used);
    assert_eq!(earn(&mut shop, card, 1), refused(Code::Used));
    assert_eq!(shop.run(Command::Reverse { redemption, units: 0 }), Got::Reversed(5, 5));
    assert_eq!(shop.show(card).state, CardState::Active);
    assert_eq!(earn(&mut shop, card, 1), Got::Refused(Code::RuleFailed, Why::Units(1, 0)));
    assert!(matches!(shop.redeem(card, 5, 0), Got::Redeemed(_)));
    assert_eq!(shop.top_up(card, (1, 0, 0), 0), refused(Code::RuleFailed), "of another kind");
    shop.close();
}

#[test]
fn points_are_worth_what_the_definition_says() {
    let mut shop = Shop::with(definition(CampaignKind::Points, 10, 150), 10);
    let card = shop.card(3);
    assert_eq!(earn(&mut shop, card, 90), Got::Filled(90, 100));
    assert_eq!(shop.lots(card), [], "they end with the card");
    let Got::Redeemed(redeemed) = shop.redeem(card, 3, 700) else { panic!("there are 100") };
    assert_eq!((redeemed.units, redeemed.available, redeemed.discount), (3, 97, 4));
    let Got::Redeemed(redeemed) = shop.redeem(card, 0, 10) else { panic!("there are 97") };
    assert_eq!(
        (redeemed.units, redeemed.available, redeemed.discount),
        (7, 90, 10),
        "as many as the amount takes"
    );
    let Got::Redeemed(redeemed) = shop.redeem(card, 0, 10_000) else { panic!("there are 90") };
    assert_eq!((redeemed.units, redeemed.available, redeemed.discount), (90, 0, 135), "all there are");
    assert_eq!(shop.show(card).state, CardState::Active);
    assert_eq!(earn(&mut shop, card, 1_000_000_000), Got::Filled(1_000_000_000, 1_000_000_000));
    assert_eq!(earn(&mut shop, card, 1), Got::Refused(Code::RuleFailed, Why::Units(1, 0)));
    shop.close();
}

#[test]
fn points_that_end_lie_in_few_lots() {
    let mut terms = definition(CampaignKind::Points, 0, 100);
    terms.earned_lasts_s.set(800);
    let mut shop = Shop::with(terms, 10);
    let card = shop.card(3);
    for n in 1..=300 {
        assert!(matches!(earn(&mut shop, card, 1), Got::Filled(1, _)), "point {n}");
        shop.now_ms += 10_000;
    }
    let (view, lots) = (shop.show(card), shop.lots(card));
    assert!(lots.len() <= 10, "{lots:?}");
    assert!((79..=90).contains(&view.available), "they last 800 s to 900 s: {view:?}");
    assert_eq!(view.available + view.expired + view.void, 300);
    let Got::Redeemed(redeemed) = shop.redeem(card, 5, 1_000) else { panic!("there are more") };
    assert_eq!(redeemed.available, view.available - 5);
    shop.now_ms += 900_000;
    assert_eq!(shop.show(card).available, 0);
    shop.close();
}

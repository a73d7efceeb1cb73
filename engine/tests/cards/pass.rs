//! Passes: levels, renewals, uses that take no unit.

use crate::shop::*;
use scrip_engine::command::{AccountWish, CampaignKind, CampaignTerms, CartLine, Command, Quote, Tier};
use scrip_engine::ids::{CardId, UserId};
use scrip_engine::limits::Rules;
use scrip_engine::rejection::Code;

const LEVELS: [Tier; 3] = [Tier::new(0, 0), Tier::new(9_900, 500), Tier::new(19_900, 1_000)];

fn shop() -> (Shop, CardId) {
    let mut terms = definition(CampaignKind::Pass, 1, 0);
    terms.interval_s.set(60);
    terms.lasts_s.set(1_000);
    terms.cap.set(90);
    let mut shop = Shop::new(ROOMY, Rules::default());
    shop.open(
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &LEVELS, scope: &[] },
        10,
    );
    let card = shop.card(3);
    (shop, card)
}

fn level(shop: &mut Shop, card: CardId, level: u8) -> Got {
    shop.account(card, AccountWish::Level { level })
}

fn discount(shop: &mut Shop, card: CardId, amount: u64) -> u64 {
    shop.now_ms += 60_000;
    match shop.redeem(card, 0, amount) {
        Got::Redeemed(redeemed) => {
            assert_eq!((redeemed.units, redeemed.available), (0, 1));
            redeemed.discount
        }
        other => panic!("no use: {other:?}"),
    }
}

#[test]
fn the_level_decides_what_a_pass_takes_off() {
    let (mut shop, card) = shop();
    assert_eq!((shop.show(card).level, discount(&mut shop, card, 1_000)), (1, 0));
    assert_eq!(level(&mut shop, card, 1), Got::Refused(Code::RuleFailed, Why::Units(1, 3)), "it has it");
    assert_eq!(level(&mut shop, card, 4), Got::Refused(Code::RuleFailed, Why::Units(4, 3)));
    assert_eq!(level(&mut shop, card, 3), Got::Value(3));
    assert_eq!((shop.show(card).level, discount(&mut shop, card, 500)), (3, 50));
    assert_eq!(discount(&mut shop, card, 5_000), 90, "at most the cap");
    assert_eq!(level(&mut shop, card, 2), Got::Value(2));
    assert_eq!(discount(&mut shop, card, 1_000), 50);
    assert_eq!(shop.show(card).generation, 0, "the code stays");
    shop.close();
}

#[test]
fn uses_keep_the_interval_and_are_not_reversed() {
    let (mut shop, card) = shop();
    level(&mut shop, card, 2);
    let redemption = shop.next_operation();
    assert!(matches!(shop.redeem(card, 1, 1_000), Got::Redeemed(_)));
    assert_eq!(shop.show(card).redemption, redemption);
    assert_eq!(shop.redeem(card, 0, 1_000), Got::Refused(Code::RuleFailed, Why::Units(0, 0)));
    shop.now_ms += 60_000;
    assert_eq!(shop.redeem(card, 2, 1_000), Got::Refused(Code::RuleFailed, Why::Units(2, 1)));
    assert_eq!(shop.run(Command::Reverse { redemption, units: 0 }), refused(Code::RuleFailed));
    assert!(matches!(shop.redeem(card, 1, 1_000), Got::Redeemed(_)));
    shop.close();
}

#[test]
fn a_renewal_goes_on_from_the_end_or_from_now() {
    let (mut shop, card) = shop();
    let end_ms = START_MS + 1_000_000;
    assert_eq!(shop.show(card).until_ms, end_ms);
    let renew = AccountWish::Renew { seconds: 500 };
    assert_eq!(shop.account(card, renew), Got::Value(end_ms + 500_000));
    shop.now_ms = end_ms + 2_000_500;
    assert_eq!(level(&mut shop, card, 2), Got::Refused(Code::Expired, Why::Time(end_ms + 500_000)));
    assert_eq!(shop.account(card, renew), Got::Value(end_ms + 2_500_000), "whole seconds");
    assert_eq!(level(&mut shop, card, 2), Got::Value(2));
    let terms = definition(CampaignKind::Pass, 1, 0);
    let open = scrip_engine::ids::StockId::new(SLOT, 9);
    let endless = shop.card_of(
        open,
        3,
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &LEVELS, scope: &[] },
    );
    assert_eq!(shop.account(endless, renew), refused(Code::RuleFailed), "it has no end");
    shop.close();
}

#[test]
fn a_quote_takes_off_what_a_use_would() {
    let (mut shop, card) = shop();
    let named = [scrip_engine::command::QuoteCard::new(card, None)];
    let lines = [CartLine::new(0, 0, 700, 1)];
    let quote = Quote { user: UserId(3), store: 0, best: false, lines: &lines, cards: &named };
    assert_eq!(
        (shop.quote(quote).discount, shop.quote(quote).cards[0].outcome),
        (0, 3),
        "nothing at level 1"
    );
    level(&mut shop, card, 3);
    assert_eq!(shop.quote(quote).discount, 70);
    assert_eq!(discount(&mut shop, card, 700), 70);
    shop.close();
}

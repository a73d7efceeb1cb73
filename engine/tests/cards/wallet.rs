//! WALLET_SHOW.

use crate::shop::*;
use scrip_engine::command::{CampaignKind, CampaignState, CampaignTerms, Command, Issue};
use scrip_engine::ids::{CardId, MerchantId, StockId, UserId};
use scrip_engine::limits::Rules;
use scrip_engine::rejection::Code;

const OTHER: StockId = StockId::new(SLOT, 2);

fn card(campaign: u16, serial: u64) -> u64 {
    CardId::new(SLOT, campaign, serial).0
}

/// Two campaigns; user 1 has six cards of them in turns, user 2 those between.
fn shop() -> Shop {
    let terms = definition(CampaignKind::Uses, 1, 0);
    let terms = CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] };
    let rules = Rules { operation_window_ms: 20_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut shop = Shop::new(ROOMY, rules);
    shop.open(&terms, 100);
    shop.create(OTHER, &terms, 100);
    shop.run(Command::CampaignState { campaign: OTHER, version: 1, state: CampaignState::Running });
    for _ in 0..3 {
        for campaign in [CAMPAIGN, OTHER] {
            for owner in [UserId(1), UserId(2)] {
                shop.run(Command::Issue(Issue { owner, ..Issue::of_nobody(campaign) }));
            }
        }
    }
    shop
}

#[test]
fn a_wallet_shows_the_newest_cards_first_page_by_page() {
    let mut shop = shop();
    let all = [card(1, 4), card(0, 4), card(1, 2), card(0, 2), card(1, 0), card(0, 0)];
    assert_eq!(shop.wallet(1, None, None, 0), Got::Wallet(None, all.to_vec()));
    let first = Got::Wallet(Some(CardId(all[3])), all[..4].to_vec());
    assert_eq!(shop.wallet(1, None, None, 4), first);
    assert_eq!(shop.wallet(1, None, Some(CardId(all[3])), 4), Got::Wallet(None, all[4..].to_vec()));
    let of_one = vec![all[1], all[3]];
    assert_eq!(shop.wallet(1, Some(CAMPAIGN), None, 2), Got::Wallet(Some(CardId(all[3])), of_one));
    let last = Got::Wallet(None, vec![all[5]]);
    assert_eq!(shop.wallet(1, Some(CAMPAIGN), Some(CardId(all[3])), 2), last);
    assert_eq!(shop.wallet(1, None, Some(CardId(card(0, 1))), 0), refused(Code::NotFound), "another's card");
    assert_eq!(shop.wallet(1, Some(StockId::new(SLOT, 9)), None, 0), refused(Code::NotFound));
    assert_eq!(shop.wallet(0, None, None, 0), Got::Wallet(None, Vec::new()));
    shop.merchant = MerchantId(8);
    assert_eq!(shop.wallet(1, None, None, 0), Got::Wallet(None, Vec::new()), "of another merchant");
    shop.close();
}

#[test]
fn cards_outlive_the_operations_that_made_and_used_them() {
    let mut shop = shop();
    let before = shop.wallet(2, None, None, 0);
    shop.redeem(CardId(card(0, 1)), 1, 0);
    shop.now_ms += 60_000;
    for _ in 0..30 {
        shop.run(Command::StockSupply { stock: CAMPAIGN, units: 1 });
    }
    assert_eq!(shop.used("redemptions"), 0);
    assert!(shop.used("operations") <= 30);
    assert_eq!(shop.wallet(2, None, None, 0), before);
    assert_eq!(shop.show(CardId(card(0, 1))).consumed, 1);
    shop.close();
}

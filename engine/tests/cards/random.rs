//! Random lives of cards in small tables, with a short operation window: what is recounted after every command must add up,
//! and history must be the same as life.

use crate::shop::*;
use scrip_engine::command::{
    CampaignKind, CampaignState, CampaignTerms, CardChange, Command, Definition, Issue, Parties, Redeem,
};
use scrip_engine::ids::{CardId, ChannelId, OperationId, UserId};
use scrip_engine::limits::{Capacity, Rules};

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn step(shop: &mut Shop, dice: &mut Dice, parties: &Parties) {
    shop.channel = ChannelId(dice.below(3) as u16);
    shop.now_ms += dice.below(4) * dice.below(700);
    let card = CardId::new(SLOT, 0, dice.below(250));
    let owner = UserId(u128::from(dice.below(4)));
    match dice.below(10) {
        0 => {
            let count = if owner.0 == 0 { 1 + dice.below(40) as u32 } else { 1 + dice.below(5) as u32 };
            let (from_ms, until_ms) = (0, dice.below(2) * (shop.now_ms + dice.below(100_000)));
            let issue =
                Issue { campaign: CAMPAIGN, owner, count, claimed: false, parties: None, from_ms, until_ms };
            shop.run(Command::Issue(issue));
        }
        1 => {
            let owner = UserId(owner.0 + 1);
            let parties = (dice.below(2) == 0).then_some(parties);
            let (count, claimed, from_ms, until_ms) = (1, true, 0, 0);
            shop.run(Command::Issue(Issue {
                campaign: CAMPAIGN,
                owner,
                count,
                claimed,
                parties,
                from_ms,
                until_ms,
            }));
        }
        2..=4 => {
            let units = dice.below(4) as u32;
            shop.run(Command::Redeem(Redeem { user: owner, units, amount: dice.below(500), ..using(card) }));
        }
        5 | 6 => {
            let back = u128::from(dice.below(60));
            let redemption = OperationId(shop.next_operation().0.saturating_sub(back));
            shop.run(Command::Reverse { redemption, units: dice.below(3) as u32 });
        }
        7 | 8 => {
            let until_ms = shop.now_ms + 1 + dice.below(50_000);
            let change = match dice.below(8) {
                0 => CardChange::Void,
                1 | 2 => CardChange::Freeze,
                3 => CardChange::Unfreeze,
                4 => CardChange::Extend { until_ms },
                _ => CardChange::Activate,
            };
            shop.change(card, change);
        }
        _ => {
            let version = dice.below(8) as u32;
            let state = CampaignState::from_number(1 + dice.below(3) as u8).expect("there are four");
            shop.run(Command::CampaignState { campaign: CAMPAIGN, version, state });
            shop.wallet(owner.0, None, None, 0);
        }
    }
}

#[test]
fn random_lives_add_up_and_history_is_the_same() {
    let capacity =
        Capacity { operations_max: 60, redemptions_max: 20, cards_max: 256, user_limits_max: 8, ..ROOMY };
    let rules = Rules { operation_window_ms: 30_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let parties = Parties::new(5, 6, 7);
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let mut terms = definition(CampaignKind::Uses, 6, 0);
        terms.flags = if seed % 2 == 0 { Definition::INACTIVE } else { 0 };
        terms.interval_s.set((seed % 3) as u32);
        terms.lasts_s.set(60);
        terms.grace_s.set((seed % 4) as u32 * 10);
        terms.window_s.set(20);
        let mut shop = Shop::new(capacity, rules);
        shop.open(&CampaignTerms { definition: &terms, tiers: &[], scope: &[] }, 200);
        for _ in 0..1_500 {
            step(&mut shop, &mut dice, &parties);
        }
        assert!(shop.used("cards") > 64, "seed {seed} issued few cards");
        shop.close();
    }
}

//! Random lives of cards in small tables, with a short operation window: what is recounted after every command must add up,
//! and history must be the same as life.

use crate::shop::*;
use scrip_engine::command::{
    CampaignKind, CampaignState, CampaignTerms, CardChange, Command, Definition, Issue, Limits, Parties,
    Redeem, SubjectLimit,
};
use scrip_engine::ids::{CardId, ChannelId, OperationId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::Code;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// How often what was asked for happened.
#[derive(Debug, Default)]
struct Tally {
    issued: u32,
    redeemed: u32,
    reversed: u32,
    changed: u32,
    full: u32,
}

impl Tally {
    fn note(&mut self, got: &Got) {
        match got {
            Got::Issued(_) => self.issued += 1,
            Got::Redeemed(_) => self.redeemed += 1,
            Got::Reversed(..) => self.reversed += 1,
            Got::Value(_) => self.changed += 1,
            Got::Refused(Code::Capacity, _) => self.full += 1,
            _ => {}
        }
    }
}

fn step(shop: &mut Shop, dice: &mut Dice, parties: &Parties, redemptions: &[OperationId]) -> Got {
    shop.channel = ChannelId(dice.below(3) as u16);
    shop.now_ms += dice.below(4) * dice.below(700);
    let card = CardId::new(SLOT, 0, dice.below(60));
    let owner = UserId(u128::from(dice.below(4)));
    match dice.below(10) {
        0 => {
            let count = if owner.0 == 0 { 1 + dice.below(40) as u32 } else { 1 + dice.below(5) as u32 };
            let (from_ms, until_ms) = (0, dice.below(2) * (shop.now_ms + dice.below(400_000)));
            let issue = Issue { owner, count, from_ms, until_ms, ..Issue::of_nobody(CAMPAIGN) };
            shop.run(Command::Issue(issue))
        }
        1 => {
            let owner = UserId(owner.0 + 1);
            let parties = (dice.below(2) == 0).then_some(parties);
            shop.run(Command::Issue(Issue { owner, claimed: true, parties, ..Issue::of_nobody(CAMPAIGN) }))
        }
        2..=4 => {
            let units = dice.below(4) as u32;
            shop.run(Command::Redeem(Redeem { user: owner, units, amount: dice.below(500), ..using(card) }))
        }
        5 | 6 => {
            let back = dice.below(8) as usize;
            let redemption = redemptions.iter().rev().nth(back).copied().unwrap_or(OperationId(1));
            shop.run(Command::Reverse { redemption, units: dice.below(3) as u32 })
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
            shop.change(card, change)
        }
        _ => {
            let version = dice.below(8) as u32;
            let state = CampaignState::from_number(1 + dice.below(3) as u8).expect("there are four");
            shop.wallet(owner.0, None, None, 0);
            shop.run(Command::CampaignState { campaign: CAMPAIGN, version, state })
        }
    }
}

#[test]
fn random_lives_add_up_and_history_is_the_same() {
    let capacity =
        Capacity { operations_max: 24, redemptions_max: 8, cards_max: 128, user_limits_max: 8, ..ROOMY };
    let rules = Rules { operation_window_ms: 30_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let parties = Parties::new(5, 6, 7);
    let mut tally = Tally::default();
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let mut terms = definition(CampaignKind::Uses, 6, 0);
        terms.flags = if seed % 2 == 0 { Definition::INACTIVE } else { 0 };
        terms.interval_s.set((seed % 3) as u32);
        terms.lasts_s.set(300);
        terms.grace_s.set((seed % 4) as u32 * 10);
        terms.window_s.set(20);
        let mut shop = Shop::new(capacity, rules);
        shop.open(
            &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
            200,
        );
        if seed % 3 == 0 {
            let mut limits = Limits::default();
            limits.subjects[0] = SubjectLimit::new(40, 25, 0);
            limits.subjects[2] = SubjectLimit::new(30, 0, 0);
            shop.run(Command::StockLimits { stock: CAMPAIGN, version: 2, limits: &limits, spans: None });
        }
        let mut redemptions = Vec::new();
        for _ in 0..1_500 {
            let operation = shop.next_operation();
            let got = step(&mut shop, &mut dice, &parties, &redemptions);
            if matches!(got, Got::Redeemed(_)) {
                redemptions.push(operation);
            }
            tally.note(&got);
        }
        assert!(shop.used("cards") >= 64, "seed {seed} issued few cards");
        shop.close();
    }
    let Tally { issued, redeemed, reversed, changed, full } = tally;
    assert!([issued, redeemed, reversed, changed, full].iter().all(|count| *count > 200), "{tally:?}");
}

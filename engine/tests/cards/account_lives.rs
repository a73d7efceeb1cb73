//! Random lives of cards that can be filled, in small tables, with a short operation window: what is recounted after every
//! command must add up, a repeat answers what the first answer said, and history must be the same as life.

use crate::random::Dice;
use crate::shop::*;
use scrip_engine::command::{
    AccountWish, CampaignKind, CampaignTerms, CardChange, Command, Definition, Redeem,
};
use scrip_engine::ids::{CardId, OperationId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::Code;

/// How often what was asked for happened.
#[derive(Debug, Default)]
struct Tally {
    filled: u32,
    refunded: u32,
    redeemed: u32,
    reversed: u32,
    full: u32,
}

fn step(shop: &mut Shop, dice: &mut Dice, kind: CampaignKind, redemptions: &[OperationId]) -> Got {
    shop.now_ms += dice.below(4) * dice.below(700);
    let card = CardId::new(SLOT, 0, dice.below(6));
    let until_ms = shop.now_ms + 1 + dice.below(20_000);
    let until_ms = if dice.below(3) == 0 { 0 } else { until_ms };
    let number = |dice: &mut Dice| dice.below(40) as u32;
    match dice.below(12) {
        0..4 if kind == CampaignKind::StoredValue => {
            let (principal, bonus) = (1 + number(dice), number(dice) / 2);
            shop.account(card, AccountWish::TopUp { principal, bonus, paid: number(dice), until_ms })
        }
        0..4 => shop.account(card, AccountWish::Earn { units: 1 + number(dice) }),
        4 if dice.below(8) == 0 => shop.account(card, AccountWish::Refund),
        5 if dice.below(8) == 0 => shop.change(card, CardChange::Void),
        5 if dice.below(2) == 0 => shop.change(card, CardChange::Freeze),
        4 | 5 => shop.change(card, CardChange::Unfreeze),
        6..10 => {
            let units = dice.below(3) as u32 * number(dice);
            shop.run(Command::Redeem(Redeem { units, amount: dice.below(200), ..using(card) }))
        }
        _ => {
            let back = dice.below(8) as usize;
            let redemption = redemptions.iter().rev().nth(back).copied().unwrap_or(OperationId(1));
            let command = Command::Reverse { redemption, units: dice.below(30) as u32 };
            let operation = shop.next_operation();
            let got = shop.run(command);
            let now_ms = shop.now();
            assert_eq!(got, shop.run_as(operation, now_ms, command), "a repeat of a reversal");
            got
        }
    }
}

#[test]
fn random_accounts_add_up_and_history_is_the_same() {
    let capacity =
        Capacity { operations_max: 24, redemptions_max: 12, cards_max: 128, lots_max: 48, ..ROOMY };
    let rules = Rules { operation_window_ms: 30_000, operation_window_min_ms: 10_000, ..Rules::default() };
    let mut tally = Tally::default();
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let kind = if seed % 3 == 0 { CampaignKind::Points } else { CampaignKind::StoredValue };
        let mut terms = definition(kind, (seed % 2) as u32 * 50, 90);
        terms.grace_s.set((seed % 4) as u32 * 10);
        if kind == CampaignKind::StoredValue {
            (terms.currency, terms.spending) = (*b"CNY", (seed % 3) as u8);
        } else {
            terms.earned_lasts_s.set(20);
        }
        let mut shop = Shop::new(capacity, rules);
        shop.open(
            &CampaignTerms {
                definition: &Definition { ..terms },
                extension: Default::default(),
                tiers: &[],
                scope: &[],
            },
            200,
        );
        shop.issue(3, 4, false);
        shop.issue(0, 2, false);
        let mut redemptions = Vec::new();
        for _ in 0..1_500 {
            let operation = shop.next_operation();
            match step(&mut shop, &mut dice, kind, &redemptions) {
                Got::Filled(..) => tally.filled += 1,
                Got::Refunded(..) => tally.refunded += 1,
                Got::Redeemed(_) => {
                    redemptions.push(operation);
                    tally.redeemed += 1;
                }
                Got::Reversed(..) => tally.reversed += 1,
                Got::Refused(Code::Capacity, _) => tally.full += 1,
                _ => {}
            }
        }
        shop.close();
    }
    let Tally { filled, refunded, redeemed, reversed, full } = tally;
    assert!([filled, redeemed, reversed, full].iter().all(|count| *count > 200), "{tally:?}");
    assert!(refunded > 20, "{tally:?}");
}

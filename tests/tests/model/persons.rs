//! Persons: what two ids that are linked share, and that nothing of it is left once they no longer are.

use super::card_scene::{
    CAMPAIGN, accept, card, give, issue, issue_of, issued, redeem, start, wallet, worth,
};
use scrip_engine::command::{
    Block, CampaignKind, Limits, Price, RiskAction, RiskRule, StockTerms, SubjectKind, SubjectLimit,
};
use scrip_engine::ids::{MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::Rules;
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{Lack, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedRedeem, OwnedTake};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused, reserve, return_all, take};
use zerocopy::little_endian::{I16, U16, U32, U64, U128};

const STOCK: StockId = StockId::new(Slot(0), 1);
const TWO_EACH: StockTerms = StockTerms { limit_per_user: 2, ..ANY_TERMS };

fn link(user: u128, to: u128) -> OwnedCommand {
    OwnedCommand::Link { user: UserId(user), to: UserId(to), reason: 3 }
}

fn unlink(user: u128) -> OwnedCommand {
    OwnedCommand::Unlink { user: UserId(user), reason: 4 }
}

/// Everybody who is one person with a user.
fn members(world: &mut World, user: u128) -> Vec<u128> {
    match world.run(1 << 90, OwnedCommand::IdentityShow { user: UserId(user) }) {
        OwnedOutcome::Identity { members } => members,
        other => panic!("{other:?}"),
    }
}

fn by(user: u128, units: u32) -> OwnedTake {
    OwnedTake { user: UserId(user), order: OrderId(0), ..take(&[(STOCK, units)]) }
}

fn sell(user: u128, units: u32) -> OwnedCommand {
    OwnedCommand::Sell { take: by(user, units), paid: false, hidden: false }
}

fn lacks(code: Code, asked: u32, available: u64) -> OwnedOutcome {
    OwnedOutcome::refused_lines(code, vec![Lack { line: 0, why: code, asked, available }])
}

const fn count(value: u64) -> OwnedOutcome {
    OwnedOutcome::StockChanged { value }
}

#[track_caller]
fn assert_taken(outcome: &OwnedOutcome) {
    assert_eq!(outcome.code(), None, "answered {outcome:?}");
}

/// A hundred units, two for each.
fn limited() -> World {
    let mut world = World::usual();
    world.stock_with(1, 100, TWO_EACH);
    world
}

#[test]
fn ids_are_linked_into_one_person_of_eight_at_most_and_taken_out_again() {
    let mut world = World::usual();
    world.stock(1, 5);
    assert_eq!(members(&mut world, 7), [7], "whoever is linked with nobody is himself");
    assert!(members(&mut world, 0).is_empty());
    assert_eq!(world.run(10, link(3, 9)), count(2));
    assert_eq!(world.run(10, link(3, 9)), count(2), "a repeat");
    assert_refused(&world.run(10, link(9, 3)), Code::OperationMismatch);
    assert_refused(&world.run(11, link(9, 3)), Code::RuleFailed);
    assert_eq!(world.run(12, link(5, 4)), count(2));
    assert_eq!(world.run(13, link(9, 4)), count(4), "two persons become one");
    assert_eq!(members(&mut world, 5), [3, 4, 5, 9]);
    for (number, user) in [11, 12, 13, 14].into_iter().enumerate() {
        assert_eq!(world.run(20 + number as u128, link(user, 5)), count(5 + number as u64));
    }
    assert_refused(&world.run(30, link(15, 3)), Code::RuleFailed);
    assert_eq!(world.run(31, link(15, 16)), count(2));
    assert_refused(&world.run(32, link(16, 3)), Code::RuleFailed);
    assert_eq!(world.run(33, unlink(3)), count(7));
    assert_refused(&world.run(34, unlink(3)), Code::NotFound);
    assert_eq!((members(&mut world, 3), members(&mut world, 9).len()), (vec![3], 7));
    assert_eq!(world.run(35, unlink(15)), count(1));
    assert_refused(&world.run(36, unlink(16)), Code::NotFound);
    world.check_laws();
    world.restart();
    assert_eq!(members(&mut world, 4), [4, 5, 9, 11, 12, 13, 14]);
}

#[test]
fn persons_are_of_one_merchant_and_slot() {
    let mut world = limited();
    world.run(10, link(1, 2));
    let mut elsewhere = world.request(11, OwnedCommand::IdentityShow { user: UserId(1) });
    elsewhere.envelope.slot = Slot(4);
    assert_eq!(world.ask(&elsewhere), OwnedOutcome::Identity { members: vec![1] });
    elsewhere.envelope.slot = Slot(0);
    elsewhere.envelope.merchant = MerchantId(2);
    assert_eq!(world.ask(&elsewhere), OwnedOutcome::Identity { members: vec![1] });
}

#[test]
fn a_limit_is_that_of_the_person_and_of_each_again_once_they_are_no_longer_one() {
    let mut world = limited();
    assert_taken(&world.run(10, sell(1, 2)));
    assert_taken(&world.run(11, sell(2, 1)));
    assert_eq!(world.run(20, link(1, 2)), count(2));
    assert_eq!(
        world.run(12, sell(2, 1)),
        lacks(Code::UserLimit, 1, 0),
        "three together, and two are allowed"
    );
    world.run(13, return_all(10));
    assert_taken(&world.run(14, sell(1, 1)));
    assert_eq!(world.run(15, sell(2, 1)), lacks(Code::UserLimit, 1, 0));
    assert_taken(&world.run(16, sell(3, 2)));
    assert_eq!(world.run(21, unlink(1)), count(1));
    assert_taken(&world.run(17, sell(2, 1)));
    assert_eq!(world.run(18, sell(1, 2)), lacks(Code::UserLimit, 2, 1), "he has what he had");
    world.check_laws();
}

#[test]
fn the_day_and_what_is_held_at_once_are_shared_too_and_replace_gives_up_what_another_id_holds() {
    let mut world = World::usual();
    world.stock(1, 100);
    let none = SubjectLimit::new(0, 0, 0);
    let limits = Limits {
        subjects: [SubjectLimit::new(0, 3, 2), none, none, none],
        utc_offset_minutes: I16::ZERO,
        spare: [0; 6],
    };
    world.run(2, OwnedCommand::StockLimits { stock: STOCK, version: 1, limits, spans: None });
    world.run(3, link(1, 2));
    assert_taken(&world.run(10, reserve(by(1, 1))));
    assert_taken(&world.run(11, reserve(by(2, 1))));
    assert_eq!(world.run(12, reserve(by(1, 1))), lacks(Code::HeldLimit, 1, 0));
    let instead = |user| OwnedTake { replace: OperationId(10), ..by(user, 1) };
    assert_refused(&world.run(13, reserve(instead(3))), Code::NotOwner);
    assert_taken(&world.run(13, reserve(instead(2))));
    assert_taken(&world.run(14, sell(1, 1)));
    assert_eq!(world.run(15, sell(2, 1)), lacks(Code::UserLimit, 1, 0), "three on this day");
    world.check_laws();
}

#[test]
fn a_payment_that_comes_late_finds_the_limit_that_another_id_has_used() {
    let mut world = limited();
    world.run(3, link(1, 2));
    assert_taken(&world.run(10, reserve(by(1, 2))));
    world.wait(60_000);
    assert_taken(&world.run(11, sell(2, 1)));
    let refused = world.confirm(10);
    let lack = Lack { line: 0, why: Code::UserLimit, asked: 2, available: 1 };
    assert_eq!(refused, OwnedOutcome::refused_lines(Code::HoldExpiredNoStock, vec![lack]));
    world.check_laws();
}

#[test]
fn risk_rules_count_and_blocks_stop_the_whole_person() {
    let mut world = World::usual();
    world.stock(1, 100);
    let rule = RiskRule {
        number: U16::new(1),
        channel: U16::new(Price::ANY_CHANNEL.0),
        subject: SubjectKind::User as u8,
        action: RiskAction::Refuse as u8,
        spare: U16::ZERO,
        at_most: U32::new(2),
        window_ms: U32::new(3_600_000),
    };
    world.run(2, OwnedCommand::RiskSet { rule });
    assert_taken(&world.run(10, sell(1, 1)));
    assert_taken(&world.run(11, sell(2, 1)));
    world.run(3, link(1, 2));
    let refused = |rule| OwnedOutcome::Refused { code: Code::RiskLimit, facts: OwnedFacts::Rule(rule) };
    assert_eq!(world.run(12, sell(2, 1)), refused(1));
    let block = Block {
        subject: U128::new(1),
        until_ms: U64::ZERO,
        kind: SubjectKind::User as u8,
        action: RiskAction::Refuse as u8,
        spare: [0; 6],
    };
    world.run(4, OwnedCommand::BlockSet { block });
    assert_eq!(world.run(13, sell(2, 1)), refused(0));
    world.run(5, unlink(2));
    assert_taken(&world.run(14, sell(2, 1)));
    assert_eq!(world.run(15, sell(1, 1)), refused(0));
}

#[test]
fn cards_of_one_id_are_used_shown_and_given_as_those_of_all() {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, 20, worth(CampaignKind::Uses));
    for (number, owner) in [5, 3, 8, 3, 5].into_iter().enumerate() {
        issued(world.run(10 + number as u128, issue(issue_of(CAMPAIGN, owner, 1))));
    }
    let redeemed = |world: &mut World, operation, serial, user| {
        let user = UserId(user);
        world.run(operation, redeem(OwnedRedeem { user, ..OwnedRedeem::of(card(serial), 1) }))
    };
    assert_refused(&redeemed(&mut world, 20, 0, 3), Code::NotOwner);
    world.run(30, link(8, 5));
    world.run(31, link(3, 5));
    assert_taken(&redeemed(&mut world, 21, 0, 3));
    let page = |world: &mut World, owner, after, limit| match world
        .run(1 << 91, wallet(owner, None, after, limit))
    {
        OwnedOutcome::Wallet { next, cards } => (
            next.map(|next| next.serial()),
            cards.iter().map(|card| card.card.get() & 0xff).collect::<Vec<_>>(),
        ),
        other => panic!("{other:?}"),
    };
    // His own first, then those of the others by their ids, of each the newest first.
    assert_eq!(page(&mut world, 5, None, 0), (None, vec![4, 0, 3, 1, 2]));
    assert_eq!(page(&mut world, 8, None, 0), (None, vec![2, 3, 1, 4, 0]));
    assert_eq!(page(&mut world, 8, None, 2), (Some(3), vec![2, 3]));
    assert_eq!(page(&mut world, 8, Some(card(3)), 2), (Some(4), vec![1, 4]));
    assert_eq!(page(&mut world, 8, Some(card(4)), 2), (None, vec![0]));
    assert_refused(&world.run(40, give(card(1), 9, 0, 60)), Code::NotOwner);
    assert_refused(&world.run(40, give(card(1), 8, 5, 60)), Code::RuleFailed);
    assert_taken(&world.run(40, give(card(1), 8, 20, 60)));
    assert_refused(&world.run(41, accept(card(1), 5)), Code::NotOwner);
    assert_refused(&world.run(41, accept(card(1), 21)), Code::NotOwner);
    world.run(32, link(20, 21));
    assert_taken(&world.run(41, accept(card(1), 21)));
    world.run(33, unlink(3));
    assert_eq!(page(&mut world, 5, None, 0), (None, vec![4, 0, 2]));
    assert_refused(&world.run(42, wallet(5, None, Some(card(3)), 0)), Code::NotFound);
    assert_eq!(page(&mut world, 3, None, 0), (None, vec![3]));
    assert_refused(&redeemed(&mut world, 22, 0, 3), Code::NotOwner);
    world.check_laws();
}

#[test]
fn linked_ids_have_room_of_their_own_and_give_it_back() {
    let few = scrip_engine::limits::Capacity { links_max: 16, ..ROOMY };
    let mut world = World::new(few, Rules::default(), START_MS);
    for pair in 0..8 {
        assert_eq!(world.run(10 + pair, link(100 + pair, 200 + pair)), count(2));
    }
    let full =
        OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(CapacityOf::Links, 16) };
    assert_eq!(world.run(30, link(1, 2)), full);
    assert_eq!(world.run(30, link(1, 100)), full);
    assert_eq!(world.run(31, link(100, 101)), count(4), "they are linked already");
    assert_eq!(world.run(32, unlink(102)), count(1));
    assert_eq!(world.run(30, link(1, 2)), count(2));
    world.check_laws();
}

fn label(user: u128, key: u32) -> OwnedCommand {
    OwnedCommand::Label { user: UserId(user), fingerprint: u64::from(key), key }
}

fn erase(user: u128) -> OwnedCommand {
    OwnedCommand::Erase { user: UserId(user), reason: 5 }
}

#[test]
fn labels_are_replaced_and_erased_for_all_ids_of_a_person() {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    assert_eq!(world.run(1, label(7, 0)), count(0));
    assert_eq!(world.run(2, label(7, 1)), count(1), "words of before are destroyed");
    assert_eq!(world.run(2, label(7, 1)), count(1), "a repeat is answered alike");
    assert_eq!(world.run(2, label(7, 2)), OwnedOutcome::refused(Code::OperationMismatch));
    assert_eq!(world.run(3, link(7, 8)), count(2));
    assert_eq!(world.run(4, label(8, 3)), count(0));
    assert_eq!(world.run(5, label(9, 4)), count(0));
    assert_eq!(world.run(6, erase(8)), count(2));
    assert_eq!(world.run(6, erase(8)), count(2));
    assert_eq!(world.run(7, erase(8)), count(0), "there is nothing left of him");
    assert_eq!(world.run(8, erase(9)), count(1));
    assert_eq!(world.run(9, label(7, 5)), count(0), "he may come again");
    assert_eq!(members(&mut world, 7), [7, 8], "he stays who he is");
    world.check_laws();
}

#[test]
fn labels_have_room_of_their_own_and_give_it_back() {
    let few = scrip_engine::limits::Capacity { labels_max: 16, ..ROOMY };
    let mut world = World::new(few, Rules::default(), START_MS);
    for user in 0..16 {
        assert_eq!(world.run(10 + user, label(100 + user, user as u32)), count(0));
    }
    let full =
        OwnedOutcome::Refused { code: Code::Capacity, facts: OwnedFacts::Maximum(CapacityOf::Labels, 16) };
    assert_eq!(world.run(40, label(1, 50)), full);
    assert_eq!(world.run(41, label(100, 51)), count(1), "he has room already");
    assert_eq!(world.run(42, erase(100)), count(1));
    assert_eq!(world.run(40, label(1, 52)), count(0));
    world.check_laws();
}

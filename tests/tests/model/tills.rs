//! Tills that were offline: uses of cards that come later, what they are judged by, and conflicts.

use super::card_scene::{
    CAMPAIGN, change, claim, edit, give, issue, issue_of, issued, redeem, redeemed, show, world_of, worth,
    worth_with,
};
use scrip_engine::answer::{OperationKind, OperationView};
use scrip_engine::command::{CampaignKind, CardChange, CardState, Offline, StockTerms};
use scrip_engine::ids::{CardId, UserId};
use scrip_engine::rejection::Code;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{OwnedCommand, OwnedRedeem, OwnedTake, Worth};
use scrip_tests::world::{ANY_TERMS, World, assert_refused, reserve, take};
use zerocopy::little_endian::U32;

const TEN_MINUTES_MS: u64 = 600_000;

/// A coupon whose tills may be ten minutes late.
fn patient(kind: CampaignKind) -> Worth {
    worth_with(kind, |worth| worth.extension.late_s = U32::new(600))
}

/// A use at a till, then.
fn at_till(card: CardId, occurred_ms: u64) -> OwnedRedeem {
    OwnedRedeem { amount: 100, offline: Some(Offline::new(occurred_ms, 7)), ..OwnedRedeem::of(card, 0) }
}

fn now_ms(world: &World) -> u64 {
    world.now_ms
}

fn conflict(card: CardId, why: Code) -> OwnedOutcome {
    OwnedOutcome::OfflineConflict { card, why }
}

/// A world with a claimed card of user 7, ten minutes after it was claimed.
fn world_with_card(worth: Worth) -> (World, CardId, u64) {
    let mut world = world_of(worth);
    let card = issued(world.run(10, claim(CAMPAIGN, 7))).first;
    let claimed_ms = now_ms(&world);
    world.wait(TEN_MINUTES_MS);
    (world, card, claimed_ms)
}

#[test]
fn a_use_counts_ten_minutes_after_it_happened_and_not_a_millisecond_later() {
    let (mut world, card, claimed_ms) = world_with_card(patient(CampaignKind::Uses));
    redeemed(world.run(11, redeem(at_till(card, claimed_ms))));
    world.wait(1);
    let late = OwnedFacts::Units { stock: CAMPAIGN, asked: 601, available: 600 };
    let refused = OwnedOutcome::Refused { code: Code::RuleFailed, facts: late };
    assert_eq!(world.run(12, redeem(at_till(card, claimed_ms))), refused);
    redeemed(world.run(12, redeem(at_till(card, claimed_ms + 1))));
    world.check_laws();
}

#[test]
fn a_campaign_that_does_not_wait_takes_no_use_of_before() {
    let (mut world, card, claimed_ms) = world_with_card(worth(CampaignKind::AmountOff));
    assert_refused(&world.run(11, redeem(at_till(card, claimed_ms))), Code::RuleFailed);
    let now_ms = now_ms(&world);
    assert_refused(&world.run(11, redeem(at_till(card, now_ms))), Code::RuleFailed);
    redeemed(world.run(11, redeem(OwnedRedeem { offline: None, ..at_till(card, 1) })));
}

#[test]
fn nobody_uses_a_card_before_it_was_issued_nor_in_the_future() {
    let (mut world, card, claimed_ms) = world_with_card(patient(CampaignKind::Uses));
    let in_its_second = claimed_ms / 1_000 * 1_000;
    let early = at_till(card, in_its_second - 1);
    assert_refused(&world.run(11, redeem(early)), Code::RuleFailed);
    let now_ms = now_ms(&world);
    let ahead = world.run(12, redeem(at_till(card, now_ms + 60_001)));
    assert_eq!(ahead, OwnedOutcome::Refused { code: Code::ClockAhead, facts: OwnedFacts::Time(now_ms) });
    redeemed(world.run(13, redeem(at_till(card, now_ms + 60_000))));
    let bearer = issued(world.run(14, issue(issue_of(CAMPAIGN, 0, 3)))).first;
    assert_refused(&world.run(15, redeem(at_till(bearer, now_ms - 1_001))), Code::RuleFailed);
    redeemed(world.run(16, redeem(at_till(bearer, now_ms))));
    world.check_laws();
}

#[test]
fn of_cards_that_lie_together_the_first_one_says_since_when_they_may_have_been_used() {
    let (mut world, first, claimed_ms) = world_with_card(patient(CampaignKind::Uses));
    let second = issued(world.run(11, claim(CAMPAIGN, 9))).first;
    assert_eq!(second.0, first.0 + 1);
    assert_refused(&world.run(12, redeem(at_till(second, claimed_ms / 1_000 * 1_000 - 1))), Code::RuleFailed);
    redeemed(world.run(13, redeem(at_till(second, claimed_ms))));
    world.check_laws();
}

#[test]
fn validity_is_judged_by_when_it_happened() {
    let mut patient = patient(CampaignKind::AmountOff);
    patient.definition.lasts_s = U32::new(300);
    let (mut world, card, claimed_ms) = world_with_card(patient);
    assert_refused(&world.run(11, redeem(OwnedRedeem { offline: None, ..at_till(card, 1) })), Code::Expired);
    assert_refused(&world.run(12, redeem(at_till(card, claimed_ms + 301_000))), Code::Expired);
    redeemed(world.run(13, redeem(at_till(card, claimed_ms + 299_000))));
    assert_eq!(show(&mut world, card).state, CardState::Used);
    world.check_laws();
}

#[test]
fn a_card_that_was_used_elsewhere_is_a_conflict_and_stays_one() {
    let (mut world, card, claimed_ms) = world_with_card(patient(CampaignKind::AmountOff));
    redeemed(world.run(11, redeem(OwnedRedeem { amount: 50, ..OwnedRedeem::of(card, 1) })));
    let upload = redeem(at_till(card, claimed_ms));
    assert_eq!(world.run(12, upload.clone()), conflict(card, Code::Used));
    // Whatever becomes of the card: the till's answer is final.
    world.run(13, super::card_scene::reverse(11, 0));
    assert_eq!(world.run(12, upload), conflict(card, Code::Used));
    assert_eq!(show(&mut world, card).available, 1, "nothing moved");
    let shown = world.run(12, OwnedCommand::OperationShow);
    let value = u64::from(Code::Used as u16) << 58 | card.0;
    let view = OperationView { kind: OperationKind::OfflineConflict, value };
    assert_eq!(shown, OwnedOutcome::Operation(view));
    let other = OwnedRedeem { amount: 99, ..at_till(card, claimed_ms) };
    assert_refused(&world.run(12, redeem(other)), Code::OperationMismatch);
    world.check_laws();
}

#[test]
fn a_card_that_is_held_voided_frozen_or_given_is_a_conflict() {
    let (mut world, card, claimed_ms) = world_with_card(patient(CampaignKind::AmountOff));
    let stock = world.stock(5, 10);
    let upload = |card| redeem(at_till(card, claimed_ms));
    let cards = vec![scrip_engine::command::CardLine::new(card, 1, 100)];
    world.run(20, reserve(OwnedTake { cards, user: UserId(7), ..take(&[(stock, 1)]) }));
    assert_eq!(world.run(21, upload(card)), conflict(card, Code::LockedByOtherOrder));
    world.release(20);
    world.run(22, give(card, 7, 8, 60));
    assert_eq!(world.run(23, upload(card)), conflict(card, Code::LockedByOtherOrder));
    world.run(24, change(card, CardChange::Freeze));
    assert_eq!(world.run(25, upload(card)), conflict(card, Code::Frozen));
    world.run(26, change(card, CardChange::Void));
    assert_eq!(world.run(27, upload(card)), conflict(card, Code::Void));
    let other = issued(world.run(28, claim(CAMPAIGN, 8))).first;
    let now_ms = now_ms(&world);
    let terms = StockTerms { frozen: true, ..ANY_TERMS };
    world.run(29, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 2, terms });
    assert_eq!(world.run(30, redeem(at_till(other, now_ms))), conflict(other, Code::Frozen));
    world.check_laws();
}

#[test]
fn too_few_units_are_a_conflict_unless_the_card_never_had_as_many() {
    let (mut world, card, claimed_ms) = world_with_card(patient(CampaignKind::Uses));
    redeemed(world.run(11, redeem(OwnedRedeem::of(card, 2))));
    let asks = |units| redeem(OwnedRedeem { units, ..at_till(card, claimed_ms) });
    assert_eq!(world.run(12, asks(3)), conflict(card, Code::BalanceExceeded));
    assert_refused(&world.run(13, asks(4)), Code::BalanceExceeded);
    redeemed(world.run(13, asks(1)));
    world.check_laws();
}

#[test]
fn what_a_till_should_not_have_taken_is_refused_as_ever() {
    let mut inactive = patient(CampaignKind::AmountOff);
    inactive.definition.flags |= 2;
    let (mut world, card, claimed_ms) = world_with_card(inactive);
    let upload = at_till(card, claimed_ms);
    assert_refused(&world.run(11, redeem(upload)), Code::NotActive);
    world.run(12, change(card, CardChange::Activate));
    assert_refused(&world.run(13, redeem(OwnedRedeem { user: UserId(8), ..upload })), Code::NotOwner);
    assert_refused(&world.run(14, redeem(at_till(CardId(card.0 + 1), claimed_ms))), Code::NotFound);
    redeemed(world.run(15, redeem(upload)));
}

#[test]
fn an_edit_of_how_late_a_till_may_be_holds_at_once() {
    let (mut world, card, claimed_ms) = world_with_card(patient(CampaignKind::AmountOff));
    let strict = worth_with(CampaignKind::AmountOff, |worth| worth.extension.late_s = U32::new(599));
    world.run(11, edit(CAMPAIGN, 2, strict));
    assert_refused(&world.run(12, redeem(at_till(card, claimed_ms))), Code::RuleFailed);
    redeemed(world.run(12, redeem(at_till(card, claimed_ms + 1_000))));
}

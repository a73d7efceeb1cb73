//! Given codes, one situation each: in which order they are checked, what is new of an import, and what a code names.

use super::card_orders::{WITH_ID, assert_order, spoil, world_with};
use super::card_scene::{CAMPAIGN, card, issue, issue_of, issued, redeem, show, start, to_state, worth};
use scrip_engine::command::{CampaignKind, CampaignState, StockTerms};
use scrip_engine::ids::{CardId, GivenCode, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedIssue, OwnedRedeem};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused};
use zerocopy::little_endian::U128;

const OTHER: StockId = StockId::new(Slot(0), 2);
const ELSEWHERE: StockId = StockId::new(Slot(1), 3);

fn import(campaign: StockId, codes: &[u128]) -> OwnedCommand {
    let codes = codes.iter().map(|code| U128::new(*code)).collect();
    OwnedCommand::OfCards(CardCommand::ImportCodes { campaign, codes })
}

fn set(code: u128, campaign: Option<StockId>) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::SetCode { code: GivenCode(code), campaign })
}

fn named(world: &mut World, code: u128) -> OwnedOutcome {
    world.run(0, OwnedCommand::OfCards(CardCommand::ShowCode { code: GivenCode(code) }))
}

fn claim_under(code: u128, user: u128) -> OwnedCommand {
    let of_nobody = OwnedIssue::of_nobody(StockId(u64::MAX));
    issue(OwnedIssue { code: Some(GivenCode(code)), owner: UserId(user), claimed: true, ..of_nobody })
}

fn taken(taken: u64) -> OwnedOutcome {
    OwnedOutcome::KeysImported { taken }
}

fn of_card(serial: u64) -> OwnedOutcome {
    OwnedOutcome::GivenCode { campaign: CAMPAIGN, card: Some(card(serial)) }
}

fn running() -> World {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, 100, worth(CampaignKind::Uses));
    world
}

#[test]
fn an_import_is_checked_in_the_documented_order() {
    // 5: no such campaign; 6: a code that was refused; 7: the campaign is frozen; 8: fewer cards than codes.
    let ask = |faults: &[usize]| {
        let has = |fault: usize| faults.contains(&fault);
        let mut world = world_with(ROOMY, |world| {
            start(world, if has(8) { 1 } else { 2 }, worth(CampaignKind::Uses));
            let terms = StockTerms { frozen: has(7), ..ANY_TERMS };
            world.run(4, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 2, terms });
        });
        let campaign = if has(5) { OTHER } else { CAMPAIGN };
        let mut request = world.request(100, import(campaign, &[7, if has(6) { 0 } else { 8 }]));
        spoil(&mut request, faults);
        world.ask(&request).code()
    };
    let own = [Code::NotFound, Code::RuleFailed, Code::Frozen, Code::OutOfStock];
    assert_order(&[&WITH_ID[..], &own].concat(), ask);
    let mut world = running();
    let refused = world.run(100, import(CAMPAIGN, &[7, 8, 0, 0]));
    let facts = OwnedFacts::Units { stock: CAMPAIGN, asked: 3, available: 0 };
    assert_eq!(refused, OwnedOutcome::Refused { code: Code::RuleFailed, facts }, "its place, from 1");
}

#[test]
fn a_code_is_given_to_one_card_and_left_out_ever_after() {
    let mut world = running();
    assert_eq!(world.run(10, import(CAMPAIGN, &[7, 8, 7])), taken(0b011), "the second 7 stands there twice");
    assert_eq!(world.run(11, import(CAMPAIGN, &[8, 9, 7])), taken(0b010));
    assert_eq!(world.run(12, import(CAMPAIGN, &[7, 8, 9])), taken(0), "nothing is new, nothing is issued");
    assert_eq!(world.run(10, import(CAMPAIGN, &[7, 8, 7])), taken(0b011), "a repeat says what it said");
    assert_refused(&world.run(10, import(CAMPAIGN, &[7, 8])), Code::OperationMismatch);
    assert_eq!([7, 8, 9].map(|code| named(&mut world, code)), [of_card(0), of_card(1), of_card(2)]);
    assert_refused(&named(&mut world, 10), Code::NotFound);
    // The card may be used up: its code still is its code.
    assert!(world.run(13, redeem(OwnedRedeem::of(card(0), 3))).code().is_none());
    assert_eq!(world.run(14, import(CAMPAIGN, &[7])), taken(0));
    assert_refused(&world.run(15, set(7, Some(CAMPAIGN))), Code::RuleFailed);
    assert_refused(&world.run(16, set(7, None)), Code::RuleFailed);
}

#[test]
fn nothing_new_is_imported_into_a_campaign_that_issues_nothing() {
    let mut world = running();
    world.run(10, import(CAMPAIGN, &[7]));
    world.run(11, to_state(CAMPAIGN, 2, CampaignState::Paused));
    assert_eq!(world.run(12, import(CAMPAIGN, &[7])), taken(0));
    assert_refused(&world.run(13, import(CAMPAIGN, &[7, 8])), Code::Frozen);
    assert_refused(&named(&mut world, 8), Code::NotFound);
}

#[test]
fn imports_one_behind_the_other_are_one_batch() {
    let mut world = running();
    let batches = |world: &mut World| {
        let shown = world.run(0, OwnedCommand::OfCards(CardCommand::ShowCampaign { campaign: CAMPAIGN }));
        let OwnedOutcome::Campaign(shown) = shown else { panic!("{shown:?}") };
        (shown.batches, shown.issued)
    };
    world.run(10, import(CAMPAIGN, &[1, 2]));
    world.run(11, import(CAMPAIGN, &[3]));
    assert_eq!(batches(&mut world), (1, 3));
    issued(world.run(12, issue(issue_of(CAMPAIGN, 0, 5))));
    world.run(13, import(CAMPAIGN, &[4]));
    assert_eq!(batches(&mut world), (3, 9), "cards of an ISSUE lie in between");
    issued(world.run(14, issue(issue_of(CAMPAIGN, 0, 1))));
    assert_eq!(batches(&mut world), (4, 10), "a batch of an ISSUE is its own");
    assert_eq!(show(&mut world, card(8)).available, 3);
}

#[test]
fn cards_are_claimed_under_a_code_as_long_as_it_names_their_campaign() {
    let mut world = running();
    assert_refused(&world.run(9, claim_under(26, 5)), Code::NotFound);
    assert_refused(&world.run(9, set(26, Some(OTHER))), Code::NotFound);
    assert_refused(&world.run(9, set(26, None)), Code::NotFound);
    assert_refused(&world.run(9, set(0, Some(CAMPAIGN))), Code::RuleFailed);
    assert_eq!(world.run(10, set(26, Some(CAMPAIGN))), OwnedOutcome::StockChanged { value: 1 });
    let terms = StockTerms { limit_per_user: 1, ..ANY_TERMS };
    world.run(11, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 2, terms });
    let claimed = issued(world.run(12, claim_under(26, 5)));
    assert_eq!((claimed.first, show(&mut world, claimed.first).owner), (card(0), UserId(5)));
    assert_refused(&world.run(13, claim_under(26, 5)), Code::UserLimit);
    assert_eq!(named(&mut world, 26), OwnedOutcome::GivenCode { campaign: CAMPAIGN, card: None });
    assert_eq!(world.run(14, set(26, None)), OwnedOutcome::StockChanged { value: 0 });
    assert_refused(&world.run(15, claim_under(26, 6)), Code::NotFound);
    assert_eq!(issued(world.run(12, claim_under(26, 5))).first, card(0), "a repeat says what it said");
    // It may name another campaign from then on; what was claimed under it stays what it is.
    start_beside(&mut world);
    assert_eq!(world.run(16, set(26, Some(OTHER))), OwnedOutcome::StockChanged { value: 1 });
    assert_eq!(issued(world.run(17, claim_under(26, 5))).first, CardId::new(Slot(0), 1, 0));
    assert_eq!(issued(world.run(12, claim_under(26, 5))).first, card(0));
    assert_refused(&world.run(18, set(27, Some(ELSEWHERE))), Code::CrossSlot);
}

/// A second campaign that runs.
fn start_beside(world: &mut World) {
    world.run(30, super::card_scene::create(OTHER, 9, worth(CampaignKind::Item)));
    world.run(31, to_state(OTHER, 1, CampaignState::Running));
}

#[test]
fn codes_have_their_room() {
    let mut world = World::new(Capacity { given_codes_max: 3, ..ROOMY }, Rules::default(), START_MS);
    start(&mut world, 100, worth(CampaignKind::Uses));
    assert_eq!(world.run(10, import(CAMPAIGN, &[1, 2])), taken(0b11));
    let full = world.run(11, import(CAMPAIGN, &[3, 4]));
    assert_eq!(full.maximum(), Some(CapacityOf::GivenCodes), "all of them or none");
    assert_eq!(world.run(12, import(CAMPAIGN, &[1, 2, 3])), taken(0b100));
    assert_eq!(world.run(13, set(26, Some(CAMPAIGN))).maximum(), Some(CapacityOf::GivenCodes));
    assert_eq!(world.run(14, import(CAMPAIGN, &[1])), taken(0), "nothing new needs no room");
}

//! Who may claim and use, one situation each: segments that the gateway tells, channels through which cards are got.

use super::card_orders::{NOW_MS, WITH_ID, assert_order, spoil, world_with};
use super::card_scene::{
    CAMPAIGN, claim, edit, issue, issue_of, issued, redeem, redeemed, start, worth, worth_with,
};
use scrip_engine::command::{CampaignKind, CartLine, RecycleInto, ScopeEntry, Segments, StockTerms};
use scrip_engine::ids::{CardId, ChannelId, OperationId, Slot, StockId, UserId};
use scrip_engine::limits::Rules;
use scrip_engine::rejection::Code;
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::OwnedOutcome;
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedGroupWish, OwnedIssue, OwnedRedeem};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused};

/// Got through channel 2 or 3 by who is in segment 7 or 8.
const CLAIMS: [ScopeEntry; 4] = [
    ScopeEntry::new(ScopeEntry::CLAIM_CHANNEL, 2),
    ScopeEntry::new(ScopeEntry::CLAIM_CHANNEL, 3),
    ScopeEntry::new(ScopeEntry::CLAIM_SEGMENT, 7),
    ScopeEntry::new(ScopeEntry::CLAIM_SEGMENT, 8),
];

fn world_of(scope: &[ScopeEntry]) -> World {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, 9, worth_with(CampaignKind::Uses, |worth| worth.scope = scope.to_vec()));
    world
}

/// Asks through a channel, for a user in these segments.
fn ask(
    world: &mut World,
    operation: u128,
    (channel, segments): (u16, &[u32]),
    command: OwnedCommand,
) -> OwnedOutcome {
    let mut request = world.request(operation, command);
    request.envelope.channel = ChannelId(channel);
    request.envelope.segments = Segments::new(segments.iter().copied()).unwrap();
    world.ask(&request)
}

const fn card(serial: u64) -> CardId {
    CardId::new(Slot(0), 0, serial)
}

#[test]
fn cards_are_got_through_the_channels_and_by_the_segments_that_are_listed() {
    let mut world = world_of(&CLAIMS);
    let wrong: [(u16, &[u32]); 5] = [(1, &[7]), (2, &[]), (2, &[6, 9]), (4, &[7, 8]), (0, &[])];
    for from in wrong {
        assert_refused(&ask(&mut world, 10, from, claim(CAMPAIGN, 5)), Code::OutOfScope);
        assert_refused(&ask(&mut world, 10, from, issue(issue_of(CAMPAIGN, 5, 2))), Code::OutOfScope);
    }
    issued(ask(&mut world, 10, (2, &[1, 7]), claim(CAMPAIGN, 5)));
    issued(ask(&mut world, 11, (3, &[8]), issue(issue_of(CAMPAIGN, 5, 2))));
    // What is listed of claims says nothing of use.
    redeemed(ask(&mut world, 12, (1, &[]), redeem(OwnedRedeem::of(card(0), 1))));
    // Bearer cards are nobody's.
    issued(ask(&mut world, 13, (1, &[]), issue(OwnedIssue { count: 2, ..OwnedIssue::of_nobody(CAMPAIGN) })));
}

#[test]
fn segments_are_no_content() {
    let mut world = world_of(&CLAIMS);
    let first = issued(ask(&mut world, 10, (2, &[7]), claim(CAMPAIGN, 5)));
    let again = issued(ask(&mut world, 10, (2, &[]), claim(CAMPAIGN, 5)));
    assert_eq!(again, first);
    assert_refused(&ask(&mut world, 10, (3, &[7]), claim(CAMPAIGN, 5)), Code::OperationMismatch);
    assert_refused(&ask(&mut world, 11, (2, &[]), claim(CAMPAIGN, 5)), Code::OutOfScope);
    issued(ask(&mut world, 11, (2, &[8]), claim(CAMPAIGN, 5)));
}

#[test]
fn cards_are_used_by_the_segments_that_are_listed() {
    let staff = ScopeEntry::new(ScopeEntry::SEGMENT, 4);
    let mut world = world_of(&[staff, ScopeEntry::new(ScopeEntry::SEGMENT, u64::from(u32::MAX))]);
    issued(world.run(10, claim(CAMPAIGN, 5)));
    let used = || redeem(OwnedRedeem::of(card(0), 1));
    for segments in [&[][..], &[3], &[1, 2, 3, 5, 6, 7, 8, 9]] {
        assert_refused(&ask(&mut world, 11, (1, segments), used()), Code::OutOfScope);
    }
    redeemed(ask(&mut world, 11, (1, &[4]), used()));
    redeemed(ask(&mut world, 12, (2, &[1, u32::MAX]), used()));
    // An edit holds for the cards that are out.
    let wider =
        worth_with(CampaignKind::Uses, |worth| worth.scope = vec![ScopeEntry::new(ScopeEntry::STORE, 6)]);
    world.run(13, edit(CAMPAIGN, 2, wider));
    redeemed(world.run(14, redeem(OwnedRedeem { store: 6, ..OwnedRedeem::of(card(0), 1) })));
}

#[test]
fn members_of_a_group_are_asked_as_claimants_are() {
    let mut world = world_of(&CLAIMS);
    let group = |wish| OwnedCommand::OfCards(CardCommand::Group(wish));
    let (user, parties) = (UserId(5), None);
    let open = || group(OwnedGroupWish::Open { campaign: CAMPAIGN, size: 2, lasts_s: 60, user, parties });
    let join = |user| group(OwnedGroupWish::Join { group: OperationId(10), user: UserId(user), parties });
    assert_refused(&ask(&mut world, 10, (2, &[]), open()), Code::OutOfScope);
    ask(&mut world, 10, (2, &[7]), open());
    assert_refused(&ask(&mut world, 11, (1, &[7]), join(6)), Code::OutOfScope);
    assert_refused(&ask(&mut world, 11, (3, &[9]), join(6)), Code::OutOfScope);
    ask(&mut world, 11, (3, &[7, 9]), join(6));
    assert_eq!(world.show(CAMPAIGN).consumed, 2);
}

#[test]
fn what_a_merchant_gives_in_place_of_an_expired_card_is_nobodys_claim() {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, 9, worth_with(CampaignKind::Uses, |worth| worth.definition.lasts_s = 5.into()));
    let other = StockId::new(Slot(0), 2);
    let closed = worth_with(CampaignKind::Uses, |worth| worth.scope = CLAIMS.to_vec());
    world.run(5, super::card_scene::create(other, 9, closed));
    world.run(6, super::card_scene::to_state(other, 1, scrip_engine::command::CampaignState::Running));
    issued(world.run(10, claim(CAMPAIGN, 5)));
    world.wait(5_000);
    world.created_ms = world.now_ms;
    let recycled = OwnedCommand::OfCards(CardCommand::Recycle {
        card: card(0),
        generation: None,
        into: RecycleInto::Campaign(other),
    });
    assert_eq!(world.run(11, recycled).code(), None);
}

#[test]
fn who_may_claim_is_asked_behind_the_time_and_before_risk() {
    let ask = |faults: &[usize]| {
        let has = |fault: usize| faults.contains(&fault);
        let mut world = world_with(ROOMY, |world| {
            let closed = worth_with(CampaignKind::Uses, |worth| {
                worth.scope = CLAIMS.to_vec();
                if has(5) {
                    worth.definition.until_ms = NOW_MS.into();
                }
            });
            start(world, 9, closed);
            if has(7) {
                world.run(7, OwnedCommand::RiskSet { rule: super::card_orders::nobody_may(1) });
            }
            if has(8) {
                let version = world.show(CAMPAIGN).version;
                let terms = StockTerms { limit_per_user: 1, ..ANY_TERMS };
                world.run(8, OwnedCommand::StockEdit { stock: CAMPAIGN, version, terms });
            }
        });
        let mut request = world.request(100, issue(issue_of(CAMPAIGN, 5, 2)));
        request.envelope.channel = ChannelId(2);
        if !has(6) {
            request.envelope.segments = Segments::new([8]).unwrap();
        }
        spoil(&mut request, faults);
        world.ask(&request).code()
    };
    let codes = [&WITH_ID[..], &[Code::Expired, Code::OutOfScope, Code::RiskLimit, Code::UserLimit]].concat();
    assert_order(&codes, ask);
}

#[test]
fn a_wallet_is_priced_for_the_segments_of_its_user() {
    let staff = vec![ScopeEntry::new(ScopeEntry::SEGMENT, 4)];
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    start(&mut world, 9, worth_with(CampaignKind::AmountOff, |worth| worth.scope = staff));
    issued(world.run(10, claim(CAMPAIGN, 5)));
    assert_eq!(worth(CampaignKind::AmountOff).definition.value, 10);
    let quote = scrip_tests::request::OwnedQuote {
        user: UserId(5),
        store: 0,
        best: false,
        lines: vec![CartLine::new(0, 0, 100, 1)],
        cards: Vec::new(),
    };
    let mut discount = |segments: &[u32]| {
        let command = OwnedCommand::OfCards(CardCommand::Quote(quote.clone()));
        match ask(&mut world, 0, (1, segments), command) {
            OwnedOutcome::Quote(quoted) => quoted.discount,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([discount(&[]), discount(&[3]), discount(&[3, 4])], [0, 0, 10]);
}

//! Activities, one situation each: who counts for whom, what that earns, when it is given, and that nothing is given twice.

use super::card_scene::{
    CAMPAIGN, claim, create, issue, issue_of, issued, redeem, reverse, start, to_state, worth,
};
use scrip_engine::Engine;
use scrip_engine::answer::Shared;
use scrip_engine::command::{
    ActivityTerms, Block, CampaignKind, CampaignState, Counting, Parties, Price, Referral, RiskAction,
    RiskRule, SubjectKind,
};
use scrip_engine::ids::{ActivityId, CardId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::rejection::Code;
use scrip_engine::sharing::Reward;
use scrip_planted::{Bug, with};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedActivity, OwnedFacts, OwnedOutcome};
use scrip_tests::request::{CardCommand, OwnedActivityWish, OwnedCommand, OwnedIssue, OwnedRedeem};
use scrip_tests::world::{Log, START_MS, World, assert_refused};
use zerocopy::little_endian::{U16, U32, U64, U128};

/// The campaign of which referrers get cards.
const REWARD: StockId = StockId::new(Slot(0), 2);
const ACTIVITY: ActivityId = ActivityId(StockId::new(Slot(0), 3).0);
/// Who brings all friends here.
const REFERRER: u128 = 900;

fn rule(counting: Counting, every: u16, most: u32) -> ActivityTerms {
    let mut terms = ActivityTerms {
        reward: U64::new(REWARD.0),
        most: U32::new(most),
        every: U16::new(every),
        counts: counting as u8,
        sources_count: 1,
        ..ActivityTerms::default()
    };
    terms.sources[0] = U64::new(CAMPAIGN.0);
    terms
}

fn activity(wish: OwnedActivityWish) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Activity(wish))
}

fn made(terms: ActivityTerms) -> OwnedCommand {
    activity(OwnedActivityWish::Create { activity: ACTIVITY, terms })
}

fn edited(version: u32, terms: ActivityTerms) -> OwnedCommand {
    activity(OwnedActivityWish::Edit { activity: ACTIVITY, version, terms })
}

fn supply(units: u64) -> OwnedCommand {
    OwnedCommand::StockSupply { stock: REWARD, units }
}

/// A claim by the word of somebody.
fn by_word(owner: u128, referrer: u128) -> OwnedCommand {
    told(owner, referrer, None)
}

fn told(owner: u128, referrer: u128, parties: Option<Parties>) -> OwnedCommand {
    let referral = Some(Referral::new(ACTIVITY, UserId(referrer)));
    issue(OwnedIssue { claimed: true, referral, parties, ..issue_of(CAMPAIGN, owner, 1) })
}

#[track_caller]
fn shown(world: &mut World, referrer: u128) -> OwnedActivity {
    match world.run(1, activity(OwnedActivityWish::Show { activity: ACTIVITY, referrer: UserId(referrer) })) {
        OwnedOutcome::Activity(shown) => *shown,
        other => panic!("the activity is shown as {other:?}"),
    }
}

/// Friends, those who count, rewards earned, rewards given.
#[track_caller]
fn done(world: &mut World) -> [u64; 4] {
    let shown = shown(world, REFERRER);
    let Shared { friends, counted, earned, given } = shown.done;
    assert_eq!(shown.of.map(|(_, of, _)| of), Some(shown.done), "there is one referrer here");
    [friends, counted, earned, given]
}

/// An activity with so many rewards in supply.
fn world_of(terms: ActivityTerms, rewards: u64) -> World {
    let mut world = World::usual();
    start(&mut world, 1_000, worth(CampaignKind::Uses));
    world.run(2, create(REWARD, rewards, worth(CampaignKind::AmountOff)));
    world.run(3, to_state(REWARD, 1, CampaignState::Running));
    assert_eq!(world.run(4, made(terms)), OwnedOutcome::StockChanged { value: 1 });
    world
}

/// Friends 1 to `friends` come by the referrer's word, each under the operation 100 more than his number.
fn bring(world: &mut World, friends: core::ops::RangeInclusive<u128>) {
    for friend in friends {
        issued(world.run(100 + friend, by_word(friend, REFERRER)));
    }
}

#[test]
fn every_second_friend_earns_a_card_until_there_are_as_many_as_the_activity_gives() {
    let mut world = world_of(rule(Counting::Claims, 2, 2), 10);
    bring(&mut world, 1..=1);
    assert_eq!(done(&mut world), [1, 1, 0, 0]);
    bring(&mut world, 2..=3);
    assert_eq!(done(&mut world), [3, 3, 1, 1]);
    bring(&mut world, 4..=7);
    assert_eq!(done(&mut world), [7, 7, 2, 2]);
    assert_eq!(world.counts(REWARD), [8, 0, 2]);
    world.restart();
    assert_eq!(done(&mut world), [7, 7, 2, 2]);
    world.check_laws();
    world.drain();
}

#[test]
fn a_friend_counts_once_whatever_he_comes_again_with() {
    let mut world = world_of(rule(Counting::Claims, 1, 9), 10);
    bring(&mut world, 1..=1);
    // The same operation again, another one, another referrer, the same limit key, and another id of the same person.
    bring(&mut world, 1..=1);
    issued(world.run(201, by_word(1, REFERRER)));
    issued(world.run(202, by_word(1, 901)));
    let keyed = |key| Some(Parties::new(key, 0, 0));
    issued(world.run(203, told(2, REFERRER, keyed(5))));
    issued(world.run(204, told(3, REFERRER, keyed(5))));
    let link = OwnedCommand::Link { user: UserId(4), to: UserId(1), reason: 0 };
    assert_eq!(world.run(205, link).code(), None);
    issued(world.run(206, by_word(4, REFERRER)));
    assert_eq!(done(&mut world), [2, 2, 2, 2]);
    assert_eq!(shown(&mut world, 901).of, Some((UserId(901), Shared::default(), None)));
    world.restart();
    world.check_laws();
}

#[test]
fn nobody_comes_by_his_own_word_under_whatever_id() {
    let mut world = world_of(rule(Counting::Claims, 1, 9), 10);
    assert_refused(&world.run(10, by_word(REFERRER, REFERRER)), Code::RuleFailed);
    let link = OwnedCommand::Link { user: UserId(7), to: UserId(REFERRER), reason: 0 };
    assert_eq!(world.run(11, link).code(), None);
    assert_refused(&world.run(12, by_word(7, REFERRER)), Code::RuleFailed);
    assert_refused(&world.run(13, by_word(REFERRER, 7)), Code::RuleFailed);
    // What comes by either of his ids counts for the one that was first.
    issued(world.run(14, by_word(1, 7)));
    issued(world.run(15, by_word(2, REFERRER)));
    let of = shown(&mut world, REFERRER).of.expect("he was asked for");
    assert_eq!((of.0, of.1.friends, of.1.given), (UserId(7), 2, 2));
}

#[test]
fn checks_of_a_referral_come_in_the_documented_order() {
    let mut world = world_of(rule(Counting::Claims, 1, 9), 0);
    let other = StockId::new(Slot(0), 9);
    world.run(10, create(other, 5, worth(CampaignKind::Uses)));
    let referral = Some(Referral::new(ACTIVITY, UserId(7)));
    let of = |campaign| issue(OwnedIssue { claimed: true, referral, ..issue_of(campaign, 7, 1) });
    // No campaign, a campaign that is no source, too early, too late, by his own word; then what stands against the claim.
    assert_refused(&world.run(11, of(StockId::new(Slot(0), 99))), Code::NotFound);
    let unknown = Some(Referral::new(ActivityId(5), UserId(7)));
    let nowhere = issue(OwnedIssue { claimed: true, referral: unknown, ..issue_of(CAMPAIGN, 7, 1) });
    assert_refused(&world.run(12, nowhere), Code::NotFound);
    let terms = ActivityTerms { from_ms: U64::new(START_MS + 5), ..rule(Counting::Claims, 1, 9) };
    world.run(13, edited(1, terms));
    assert_refused(&world.run(14, of(other)), Code::OutOfScope);
    let facts = OwnedFacts::Time(START_MS + 5);
    assert_eq!(world.run(15, of(CAMPAIGN)), OwnedOutcome::Refused { code: Code::NotStarted, facts });
    let terms = ActivityTerms { until_ms: U64::new(START_MS), ..rule(Counting::Claims, 1, 9) };
    world.run(16, edited(2, terms));
    assert_refused(&world.run(17, of(CAMPAIGN)), Code::Expired);
    world.run(18, edited(3, rule(Counting::Claims, 1, 9)));
    world.run(19, to_state(CAMPAIGN, 2, CampaignState::Paused));
    assert_refused(&world.run(20, of(CAMPAIGN)), Code::RuleFailed);
    assert_refused(&world.run(21, by_word(8, 7)), Code::Frozen);
    let far = issue(OwnedIssue {
        claimed: true,
        referral: Some(Referral::new(ActivityId(StockId::new(Slot(5), 1).0), UserId(7))),
        ..issue_of(CAMPAIGN, 8, 1)
    });
    assert_refused(&world.run(22, far), Code::CrossSlot);
}

#[test]
fn the_first_redemption_of_a_friends_card_counts_and_its_reversal_takes_nothing_back() {
    let mut world = world_of(rule(Counting::Redemptions, 1, 9), 10);
    let card = issued(world.run(101, by_word(1, REFERRER))).first;
    assert_eq!(done(&mut world), [1, 0, 0, 0]);
    assert_eq!(world.run(10, redeem(OwnedRedeem::of(card, 1))).code(), None);
    assert_eq!(done(&mut world), [1, 1, 1, 1]);
    assert_eq!(world.run(11, redeem(OwnedRedeem::of(card, 1))).code(), None);
    assert_eq!(world.run(12, reverse(10, 1)).code(), None);
    assert_eq!(world.run(13, redeem(OwnedRedeem::of(card, 1))).code(), None);
    // A card that nobody's word has brought counts for nobody.
    let own = issued(world.run(14, claim(CAMPAIGN, 2))).first;
    assert_eq!(world.run(15, redeem(OwnedRedeem::of(own, 1))).code(), None);
    assert_eq!(done(&mut world), [1, 1, 1, 1]);
    world.restart();
    world.check_laws();
}

#[test]
fn redemptions_count_until_the_activity_is_over_and_again_when_it_goes_on() {
    let mut world = world_of(rule(Counting::Redemptions, 1, 9), 10);
    let card = issued(world.run(101, by_word(1, REFERRER))).first;
    let over = ActivityTerms { until_ms: U64::new(START_MS), ..rule(Counting::Redemptions, 1, 9) };
    world.run(10, edited(1, over));
    assert_eq!(world.run(11, redeem(OwnedRedeem::of(card, 1))).code(), None);
    assert_eq!(done(&mut world), [1, 0, 0, 0]);
    world.run(12, edited(2, rule(Counting::Redemptions, 1, 9)));
    assert_eq!(world.run(13, redeem(OwnedRedeem::of(card, 1))).code(), None);
    assert_eq!(done(&mut world), [1, 1, 1, 1]);
}

#[test]
fn what_has_no_supply_is_owed_and_given_in_order_as_time_moves_on() {
    let mut world = world_of(rule(Counting::Claims, 1, 200), 1);
    bring(&mut world, 1..=80);
    assert_eq!(done(&mut world), [80, 80, 80, 1]);
    issued(world.run(10, by_word(700, 901)));
    assert_eq!(world.run(11, supply(3)).code(), None);
    assert_eq!(shown(&mut world, REFERRER).done.given, 1, "it is looked at when time moves on");
    world.wait(1);
    assert_eq!(shown(&mut world, 901).of.expect("he was asked for").1.given, 0, "he has waited less long");
    assert_eq!(shown(&mut world, REFERRER).done.given, 4);
    // More than one event gives, and than one step.
    assert_eq!(world.run(12, supply(500)).code(), None);
    world.restart();
    world.wait(1);
    assert_eq!(shown(&mut world, 901).done, Shared { friends: 81, counted: 81, earned: 81, given: 81 });
    assert_eq!(world.counts(REWARD), [504 - 81, 0, 81]);
    world.check_laws();
    assert_eq!(world.replayed().digest(), world.engine.digest());
}

#[test]
fn an_edit_keeps_what_was_promised_and_gives_from_another_campaign() {
    let mut world = world_of(rule(Counting::Claims, 1, 9), 0);
    bring(&mut world, 1..=2);
    assert_eq!(done(&mut world), [2, 2, 2, 0]);
    let other = StockId::new(Slot(0), 9);
    world.run(10, create(other, 5, worth(CampaignKind::AmountOff)));
    world.run(11, to_state(other, 1, CampaignState::Running));
    let instead = ActivityTerms { reward: U64::new(other.0), ..rule(Counting::Claims, 1, 1) };
    let facts = OwnedFacts::Version(1);
    assert_eq!(world.run(12, edited(3, instead)), OwnedOutcome::Refused { code: Code::RuleFailed, facts });
    assert_refused(&world.run(13, edited(1, rule(Counting::Claims, 2, 9))), Code::RuleFailed);
    assert_refused(&world.run(14, edited(1, rule(Counting::Redemptions, 1, 9))), Code::RuleFailed);
    let elsewhere = U64::new(StockId::new(Slot(7), 1).0);
    let moved = ActivityTerms { reward: elsewhere, ..rule(Counting::Claims, 1, 9) };
    assert_refused(&world.run(15, edited(1, moved)), Code::RuleFailed);
    assert_refused(&world.run(16, made(rule(Counting::Claims, 1, 9))), Code::RuleFailed);
    assert_eq!(world.run(17, edited(1, instead)), OwnedOutcome::StockChanged { value: 2 });
    // What was earned is given, though one would be the most now.
    assert_eq!(done(&mut world), [2, 2, 2, 2]);
    assert_eq!(world.counts(other), [3, 0, 2]);
    bring(&mut world, 3..=3);
    assert_eq!(done(&mut world), [3, 3, 2, 2]);
}

#[test]
fn a_full_table_of_friends_says_so() {
    let mut world = World::new(Capacity { friends_max: 1, ..ROOMY }, Rules::default(), START_MS);
    start(&mut world, 1_000, worth(CampaignKind::Uses));
    world.run(2, create(REWARD, 5, worth(CampaignKind::AmountOff)));
    world.run(3, to_state(REWARD, 1, CampaignState::Running));
    world.run(4, made(rule(Counting::Claims, 1, 9)));
    bring(&mut world, 1..=1);
    assert_refused(&world.run(10, by_word(2, REFERRER)), Code::Capacity);
    issued(world.run(11, by_word(1, REFERRER)));
    issued(world.run(12, claim(CAMPAIGN, 2)));
}

/// Two shards: an activity in one, the campaign of its rewards in the other. Rewards are carried as often as a test likes.
struct Shards {
    near: World,
    far: World,
}

const FAR: StockId = StockId::new(Slot(1), 2);

impl Shards {
    fn new(rewards: u64) -> Shards {
        let mut near = World::usual();
        start(&mut near, 1_000, worth(CampaignKind::Uses));
        let terms = ActivityTerms { reward: U64::new(FAR.0), ..rule(Counting::Claims, 1, 50) };
        assert_eq!(near.run(4, made(terms)), OwnedOutcome::StockChanged { value: 1 });
        let mut far = World::usual();
        let at = |world: &World, operation, command| {
            let mut request = world.request(operation, command);
            request.envelope.slot = Slot(1);
            request
        };
        let create = at(&far, 2, create(FAR, rewards, worth(CampaignKind::AmountOff)));
        far.ask(&create);
        let run = at(&far, 3, to_state(FAR, 1, CampaignState::Running));
        far.ask(&run);
        Shards { near, far }
    }

    fn due(&self) -> Vec<Reward> {
        let mut due = Vec::new();
        self.near.engine.outbox(|slot| slot == Slot(1), (&mut 0, 64), &mut due);
        due
    }

    /// Carries what is due there; answers what was given, new or not.
    fn carry(&mut self, due: &[Reward]) -> Vec<scrip_engine::sharing::RewardGiven> {
        let World { engine, log, now_ms, .. } = &mut self.far;
        due.iter().filter_map(|reward| engine.receive_reward(*now_ms, reward, log).ok()).collect()
    }

    fn note(&mut self, given: &[scrip_engine::sharing::RewardGiven]) {
        let World { engine, log, now_ms, .. } = &mut self.near;
        given.iter().for_each(|given| engine.reward_delivered(*now_ms, given, log));
    }

    fn given_there(&self) -> u64 {
        let found = self.far.engine.stocks().find(|stock| stock.id == FAR).expect("it was made");
        found.units.consumed
    }
}

fn again(engine: &mut Engine, world: &World) {
    *engine = world.replayed();
    while engine.advance(world.now_ms, &mut Log::default()).is_none() {}
}

#[test]
fn a_reward_elsewhere_is_given_once_however_often_it_is_carried_and_whoever_forgets() {
    let mut shards = Shards::new(10);
    bring(&mut shards.near, 1..=3);
    let due = shards.due();
    assert_eq!(
        due.iter().map(|reward| (reward.referrer, reward.ordinal)).collect::<Vec<_>>(),
        [(UserId(REFERRER), 1)]
    );
    let given = shards.carry(&due);
    assert_eq!((given.len(), given[0].repeated, shards.given_there()), (1, false, 1));
    // The answer is lost, and both shards live again through their logs.
    for _ in 0..3 {
        let near = shards.near.replayed();
        shards.near.engine = near;
        shards.near.advance(shards.near.now_ms + 1);
        let mut engine = shards.far.replayed();
        again(&mut engine, &shards.far);
        shards.far.engine = engine;
        assert_eq!(shards.due(), due);
        let once_more = shards.carry(&due);
        assert_eq!((once_more[0].repeated, once_more[0].card), (true, given[0].card));
        assert_eq!(shards.given_there(), 1);
    }
    shards.note(&given);
    shards.note(&given);
    assert_eq!(shards.due()[0].ordinal, 2);
    let given = shards.carry(&shards.due());
    shards.note(&given);
    let given = shards.carry(&shards.due());
    shards.note(&given);
    assert_eq!((shards.due().len(), shards.given_there()), (0, 3));
    // A carrier of long ago comes at last.
    assert!(shards.carry(&due)[0].repeated);
    assert_eq!(shards.given_there(), 3);
    for world in [&shards.near, &shards.far] {
        world.engine.recount().expect("counters are those of the records");
        assert_eq!(world.replayed().digest(), world.engine.digest());
    }
}

#[test]
fn a_reward_elsewhere_is_known_after_every_operation_id_is_forgotten() {
    let mut shards = Shards::new(10);
    bring(&mut shards.near, 1..=1);
    let due = shards.due();
    shards.carry(&due);
    for _ in 0..40 {
        let now_ms = shards.far.now_ms + 86_400_000;
        while shards.far.engine.advance(now_ms, &mut shards.far.log).is_none() {}
        shards.far.now_ms = now_ms;
        shards.far.tick();
    }
    assert!(shards.far.engine.floor_ms() > START_MS);
    assert!(shards.carry(&due)[0].repeated);
    assert_eq!(shards.given_there(), 1);
}

#[test]
fn a_reward_elsewhere_waits_for_its_supply() {
    let mut shards = Shards::new(1);
    bring(&mut shards.near, 1..=2);
    let given = shards.carry(&shards.due());
    shards.note(&given);
    let due = shards.due();
    assert_eq!((due[0].ordinal, shards.carry(&due).len()), (2, 0));
    assert_eq!(shards.due(), due);
}

#[test]
fn a_reward_that_is_given_again_would_be_noticed() {
    with(Bug::RewardTwice, || {
        let mut shards = Shards::new(10);
        bring(&mut shards.near, 1..=1);
        let due = shards.due();
        shards.carry(&due);
        let twice = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| shards.carry(&due)));
        assert!(twice.is_err(), "a shard gives a reward once, or stops");
    });
}

/// Cards of rewards are cards like any others.
#[test]
fn a_referrer_has_his_card_in_his_wallet() {
    let mut world = world_of(rule(Counting::Claims, 1, 9), 10);
    bring(&mut world, 1..=1);
    let card = shown(&mut world, REFERRER).of.expect("he was asked for").2;
    assert_eq!(card, Some(CardId::new(Slot(0), 1, 0)));
    let view = super::card_scene::show(&mut world, CardId::new(Slot(0), 1, 0));
    assert_eq!(view.owner, UserId(REFERRER));
}

/// Whether engine and oracle come apart while a bug is planted.
fn is_noticed(bug: Bug, story: impl FnOnce()) -> bool {
    with(bug, || std::panic::catch_unwind(std::panic::AssertUnwindSafe(story)).is_err())
}

#[test]
fn who_brings_himself_would_be_noticed() {
    let story = || {
        let mut world = world_of(rule(Counting::Claims, 1, 9), 10);
        assert_refused(&world.run(10, by_word(REFERRER, REFERRER)), Code::RuleFailed);
    };
    story();
    assert!(is_noticed(Bug::OwnReferral, story));
}

#[test]
fn a_friend_who_counts_once_for_each_of_his_ids_would_be_noticed() {
    let story = || {
        let mut world = world_of(rule(Counting::Claims, 1, 9), 10);
        bring(&mut world, 1..=1);
        let link = OwnedCommand::Link { user: UserId(2), to: UserId(1), reason: 0 };
        assert_eq!(world.run(10, link).code(), None);
        issued(world.run(11, by_word(2, REFERRER)));
        assert_eq!(done(&mut world), [1, 1, 1, 1]);
    };
    story();
    assert!(is_noticed(Bug::FriendCountsPerId, story));
}

/// At most so many friends of one referrer in a minute.
fn friends_per_minute(at_most: u32) -> OwnedCommand {
    let rule = RiskRule {
        number: U16::new(1),
        channel: U16::new(Price::ANY_CHANNEL.0),
        subject: SubjectKind::Referrer as u8,
        action: RiskAction::Refuse as u8,
        spare: U16::ZERO,
        at_most: U32::new(at_most),
        window_ms: U32::new(60_000),
    };
    OwnedCommand::RiskSet { rule }
}

fn refused_by(rule: u16) -> OwnedOutcome {
    OwnedOutcome::Refused { code: Code::RiskLimit, facts: OwnedFacts::Rule(rule) }
}

#[test]
fn a_rule_on_referrers_counts_their_friends_and_nothing_else() {
    let mut world = world_of(rule(Counting::Claims, 1, 9), 10);
    assert_eq!(world.run(50, friends_per_minute(2)), OwnedOutcome::StockChanged { value: 1 });
    bring(&mut world, 1..=2);
    assert_eq!(world.run(103, by_word(3, REFERRER)), refused_by(1));
    assert_eq!(done(&mut world), [2, 2, 2, 2], "who was refused is no friend");
    // A claim by nobody's word, by another's, of who is a friend already, and the referrer's own claims are not counted for him.
    issued(world.run(104, claim(CAMPAIGN, 4)));
    issued(world.run(105, by_word(5, 901)));
    issued(world.run(106, by_word(1, REFERRER)));
    issued(world.run(107, claim(CAMPAIGN, REFERRER)));
    world.wait(60_000);
    issued(world.run(103, by_word(3, REFERRER)));
    let friends = shown(&mut world, REFERRER).of.map(|(_, of, _)| of.friends);
    assert_eq!(friends, Some(3), "beside the one of 901");
    world.restart();
    world.check_laws();
}

#[test]
fn a_referrer_is_judged_by_all_ids_of_his_person() {
    let mut world = world_of(rule(Counting::Claims, 1, 9), 10);
    world.run(50, friends_per_minute(2));
    bring(&mut world, 1..=1);
    issued(world.run(102, by_word(2, 901)));
    let link = OwnedCommand::Link { user: UserId(901), to: UserId(REFERRER), reason: 0 };
    assert_eq!(world.run(51, link).code(), None);
    assert_eq!(world.run(103, by_word(3, REFERRER)), refused_by(1), "one friend each is two of the person");
    assert_eq!(world.run(103, by_word(3, 901)), refused_by(1));
    world.wait(60_000);
    let block = |kind: SubjectKind, action: u8| Block {
        subject: U128::new(901),
        until_ms: U64::ZERO,
        kind: kind as u8,
        action,
        spare: [0; 6],
    };
    let refuse = RiskAction::Refuse as u8;
    world.run(52, OwnedCommand::BlockSet { block: block(SubjectKind::Referrer, refuse) });
    assert_eq!(
        world.run(104, by_word(4, REFERRER)),
        refused_by(0),
        "a block of one member stands against all"
    );
    world.run(53, OwnedCommand::BlockSet { block: block(SubjectKind::Referrer, 0) });
    // A block of the user stops what he claims, not what is claimed by his word.
    world.run(54, OwnedCommand::BlockSet { block: block(SubjectKind::User, refuse) });
    issued(world.run(104, by_word(4, REFERRER)));
    assert_eq!(world.run(105, claim(CAMPAIGN, REFERRER)), refused_by(0));
    world.check_laws();
}

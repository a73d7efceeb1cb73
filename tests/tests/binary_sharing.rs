//! Users who bring others, through the real binary: the referrer's reward comes exactly once, in the slot of the activity or in another
//! shard, whoever is killed in between.

use scrip_client::cards::{CampaignCreate, CampaignDefinition, CampaignMove, Claim};
use scrip_client::{MerchantId, StockId, StockShown, StockUnits, UserId};
use scrip_engine::answer::Shared;
use scrip_engine::command::{
    ActivityTerms, CampaignKind, CampaignState, Counting, Definition, Extension, StockTerms,
};
use scrip_engine::ids::{ActivityId, Slot};
use scrip_protocol::references::{home_slot, stock_id};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::{Said, Site};
use scrip_tests::processes::wire::MERCHANT;
use std::time::Instant;
use zerocopy::little_endian::{U16, U32, U64};

const TWO: &[&str] = &["--shards", "2"];

/// Kills the server, and starts it on what it has left.
fn after_a_kill(site: &Site, server: Server) -> Server {
    server.kill();
    site.serve(TWO)
}

/// Asserts that all of these words are said.
fn tells(said: &Said, words: &[&str]) {
    for word in words {
        assert!(said.stdout.contains(word), "no {word:?}: {said:#?}");
    }
}

#[test]
fn a_group_of_three_within_a_day_and_the_referrers_reward_exactly_once() {
    let site = Site::new();
    let server = site.serve(TWO);
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 3 --run").well();
    site.line("campaign create new3 --kind amount-off --value 3.00 --units 100 --run").well();
    site.line("campaign create thanks --kind amount-off --value 8.00 --units 0 --run").well();
    // All get it or nobody.
    site.line("group open tea5 --size 3 --lasts 24h --user ann --operation G1").well();
    site.line("group join G1 --user ben").well();
    let server = after_a_kill(&site, server);
    tells(&site.line("wallet ann").well(), &["0 cards"]);
    tells(&site.line("group join G1 --user cem").well(), &["members    3 of 3", "everybody has a card"]);
    // Ann brings friends: after every two of them she gets a card, twice at most.
    let create = "activity create spring --source new3 --reward thanks --every 2 --most 2 --operation A1";
    let made = site.line(create).well();
    tells(&made, &["version 1"]);
    site.line("activity create spring --source new3 --reward thanks")
        .badly(&["RULE_FAILED", "activity show"]);
    let claim = |user: &str| {
        site.line(&format!(
            "card claim new3 --user {user} --activity spring --referrer ann --operation C-{user}"
        ))
    };
    claim("ann").badly(&["RULE_FAILED", "own word"]);
    let first = claim("dan").well();
    claim("eve").well();
    // The supply is gone: the reward is owed, whoever is killed.
    let owed = ["friends    2, 2 count", "rewards    1 earned, 0 given, 1 owed"];
    tells(&site.line("activity show spring --referrer ann").well(), &owed);
    let server = after_a_kill(&site, server);
    let created_ms = first.field("created_ms").to_owned();
    let again = site
        .line(&format!(
            "card claim new3 --user dan --activity spring --referrer ann --operation C-dan --created-ms {created_ms}"
        ))
        .well();
    assert_eq!(again.stdout, first.stdout, "he claimed once");
    tells(&site.line("activity show spring").well(), &["version 1", "referrers  1", owed[0], owed[1]]);
    site.line("stock supply thanks 10").well();
    eventually(|| site.line("activity show spring").well().stdout.contains("1 earned, 1 given, 0 owed"));
    tells(&site.line("wallet ann").well(), &["2 cards"]);
    let server = after_a_kill(&site, server);
    // Once for each friend, and no more than twice: dan comes again, then four others.
    site.line("card claim new3 --user dan --activity spring --referrer ann").well();
    for friend in ["fay", "gus", "hal", "ida"] {
        claim(friend).well();
    }
    eventually(|| site.line("activity show spring").well().stdout.contains("2 earned, 2 given, 0 owed"));
    let server = after_a_kill(&site, server);
    let shown = site.line("activity show spring --referrer ann").well();
    tells(&shown, &["friends    6, 6 count", "rewards    2 earned, 2 given, 0 owed", "last card"]);
    tells(&site.line("wallet ann").well(), &["3 cards"]);
    tells(&site.line("activity edit spring --until-ms 1").well(), &["version 2"]);
    claim("kim").badly(&["EXPIRED", "activity show"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let log = site.run(&["log", "cat", site.data_text()]).well();
    tells(&log, &["activity_created", "activity_edited", " referrer="]);
    let rewarded = log.stdout.lines().filter(|line| line.contains(" rewarded activity="));
    assert_eq!(rewarded.count(), 2, "{log:#?}");
}

fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it does not come");
    }
}

/// An activity in the merchant's home slot, whose reward lies in another shard.
struct Far {
    source: StockId,
    reward: StockId,
    activity: ActivityId,
}

const ALWAYS: StockTerms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };

impl Far {
    fn new(merchant: MerchantId) -> Far {
        let home = home_slot(merchant);
        let (near, far) = (home, Slot(home.0 ^ 1));
        let named = |slot, name| stock_id(slot, name).expect("a name");
        Far {
            source: named(near, "new3"),
            reward: named(far, "thanks"),
            activity: ActivityId(named(near, "spring").0),
        }
    }

    fn make(&self, caller: &Caller, rewards: u64, (every, most): (u16, u32)) {
        for (campaign, units) in [(self.source, 1_000), (self.reward, rewards)] {
            let definition = Definition {
                kind: CampaignKind::AmountOff as u8,
                value: U64::new(500),
                units: U32::new(1),
                ..Definition::default()
            };
            let definition = CampaignDefinition {
                definition,
                extension: Extension::default(),
                tiers: vec![],
                scope: vec![],
            };
            let operation = caller.client.operation();
            let (name, terms) = ("cards".to_owned(), ALWAYS);
            let create = CampaignCreate { operation, campaign, name, units, terms, layout: 1, definition };
            caller.wait(caller.client.campaign_create(create)).expect("a new campaign");
            let operation = caller.client.operation();
            let version = caller.wait(caller.client.campaign_show(campaign)).expect("it is there").version;
            let state = CampaignState::Running;
            let run = CampaignMove { operation, campaign, version, state };
            caller.wait(caller.client.campaign_state(run)).expect("it runs");
        }
        let mut terms = ActivityTerms {
            reward: U64::new(self.reward.0),
            most: U32::new(most),
            every: U16::new(every),
            counts: Counting::Claims as u8,
            sources_count: 1,
            ..ActivityTerms::default()
        };
        terms.sources[0] = U64::new(self.source.0);
        let operation = caller.client.operation();
        caller.wait(caller.client.activity_create(operation, self.activity, &terms)).expect("a new activity");
    }

    fn claim(&self, caller: &Caller, (friend, referrer): (u128, u128)) {
        let operation = caller.client.operation();
        let claim = Claim { operation, campaign: self.source, user: UserId(friend), parties: None };
        let claim = caller.client.claim_referred(claim, (self.activity, UserId(referrer)));
        caller.wait(claim).expect("there are cards");
    }

    fn done(&self, caller: &Caller) -> Shared {
        caller.wait(caller.client.activity_show(self.activity, UserId(0))).expect("it is there").done
    }

    fn given(&self, caller: &Caller) -> StockShown {
        caller.show(self.reward)
    }
}

#[test]
fn a_reward_in_another_shard_waits_for_its_supply_and_comes_once() {
    let site = Site::new();
    let server = site.serve(TWO);
    let far = Far::new(MERCHANT);
    let caller = Caller::connect(server.listen, server.token());
    far.make(&caller, 1, (2, 3));
    for friend in 1..=4 {
        far.claim(&caller, (friend, 900));
    }
    eventually(|| far.done(&caller).given == 1);
    assert_eq!((far.given(&caller).consumed, far.done(&caller).earned), (1, 2));
    let server = after_a_kill(&site, server);
    let caller = Caller::connect(server.listen, server.token());
    assert_eq!(far.done(&caller).given, 1, "what has no supply is owed");
    let supply = caller.client.stock_supply(StockUnits {
        operation: caller.client.operation(),
        stock: far.reward,
        units: 10,
    });
    caller.wait(supply).expect("there is room");
    eventually(|| far.done(&caller).given == 2);
    for friend in 5..=9 {
        far.claim(&caller, (friend, 900));
    }
    eventually(|| far.done(&caller).given == 3);
    let done = Shared { friends: 9, counted: 9, earned: 3, given: 3 };
    assert_eq!((far.done(&caller), far.given(&caller).consumed), (done, 3));
    drop(caller);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let log = site.run(&["log", "cat", site.data_text()]).well();
    for event in [" reward_received ", " reward_delivered "] {
        assert_eq!(log.stdout.lines().filter(|line| line.contains(event)).count(), 3, "{log:#?}");
    }
}

#[test]
fn rewards_in_another_shard_come_once_however_often_the_server_is_killed_on_their_way() {
    let site = Site::new();
    let mut server = site.serve(TWO);
    let far = Far::new(MERCHANT);
    far.make(&Caller::connect(server.listen, server.token()), 1_000, (1, 1_000));
    let mut friends = 0;
    for round in 0..8u64 {
        let caller = Caller::connect(server.listen, server.token());
        for _ in 0..10 {
            friends += 1;
            far.claim(&caller, (friends, 900 + friends % 3));
        }
        // Sooner and later: some rewards are on their way there, some on their way back.
        std::thread::sleep(std::time::Duration::from_micros(round * round * 150));
        drop(caller);
        server.kill();
        server = site.serve(TWO);
    }
    let caller = Caller::connect(server.listen, server.token());
    let friends = friends as u64;
    eventually(|| far.done(&caller).given == friends);
    let done = Shared { friends, counted: friends, earned: friends, given: friends };
    assert_eq!((far.done(&caller), far.given(&caller).consumed), (done, friends));
    drop(caller);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

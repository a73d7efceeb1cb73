//! Campaigns, ISSUE and CLAIM.

use crate::shop::*;
use scrip_engine::answer::{Issued, OperationKind};
use scrip_engine::command::{
    CampaignKind, CampaignState, CampaignTerms, CardChange, CardState, Command, Definition, Issue, Limits,
    Line, Parties, Price, Quota, RiskRule, SubjectLimit, Take,
};
use scrip_engine::ids::{CardId, ChannelId, MerchantId, OperationId, StockId, UserId};
use scrip_engine::limits::{CARDS_PER_PAGE, Capacity, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use zerocopy::little_endian::{I16, U16, U32};

fn plain() -> Definition {
    definition(CampaignKind::AmountOff, 1, 500)
}

fn issued(got: Got) -> Issued {
    match got {
        Got::Issued(issued) => issued,
        other => panic!("nothing was issued: {other:?}"),
    }
}

fn moving(version: u32, state: CampaignState) -> Command<'static> {
    Command::CampaignState { campaign: CAMPAIGN, version, state }
}

#[test]
fn cards_get_consecutive_serials_and_units_go_to_consumed() {
    let mut shop = Shop::with(plain(), 100);
    let first = issued(shop.issue(1, 3, false));
    assert_eq!((first.first, first.cards, first.state), (CardId::new(SLOT, 0, 0), 3, CardState::Active));
    assert_eq!(issued(shop.claim(2)).first, CardId::new(SLOT, 0, 3));
    assert_eq!(issued(shop.issue(0, 90, false)).first, CardId::new(SLOT, 0, 4));
    assert_eq!(shop.issue(1, 7, false), Got::Refused(Code::OutOfStock, Why::Units(7, 6)));
    assert_eq!(issued(shop.issue(1, 6, false)).first, CardId::new(SLOT, 0, 94));
    assert_eq!(shop.buckets(), Got::Buckets { available: 0, consumed: 100, void: 0 });
    shop.close();
}

#[test]
fn a_repeat_says_what_was_issued_whatever_became_of_the_cards() {
    let mut shop = Shop::with(plain(), 1_000);
    let (from_ms, until_ms) = (START_MS + 1, START_MS + 100_999);
    let issue = Issue { owner: UserId(9), count: 2, from_ms, until_ms, ..Issue::of_nobody(CAMPAIGN) };
    for (issue, name) in [(issue, 100), (Issue { owner: UserId(0), count: 500, ..issue }, 101)] {
        let (operation, created_ms) = (OperationId(1 << 70 | name), shop.now());
        let answer = shop.run_as(operation, created_ms, Command::Issue(issue));
        let made = issued(answer.clone());
        assert_eq!((made.from_ms, made.until_ms), (START_MS + 1_000, START_MS + 100_000));
        shop.change(made.first, CardChange::Extend { until_ms: START_MS + 900_000 });
        shop.change(made.first, CardChange::Void);
        assert_eq!(shop.run_as(operation, created_ms, Command::Issue(issue)), answer);
        let other = Command::Issue(Issue { count: issue.count - 1, ..issue });
        assert_eq!(shop.run_as(operation, created_ms, other), refused(Code::OperationMismatch));
        let cancel = shop.run_as(operation, created_ms, Command::Cancel);
        assert_eq!(cancel, refused(Code::RuleFailed));
        let shown = shop.run_as(operation, created_ms, Command::OperationShow);
        let cards = if issue.owner.0 == 0 { 0 } else { 1u64 << 58 };
        assert_eq!(shown, Got::Operation(OperationKind::Issue, cards | made.first.0));
    }
    shop.close();
}

#[test]
fn the_checks_of_an_issue_stand_in_their_order() {
    let mut shop = Shop::new(ROOMY, Rules::default());
    assert_eq!(shop.claim(1), refused(Code::NotFound));
    let mut terms = plain();
    terms.until_ms.set(START_MS + 1_000);
    shop.create(
        CAMPAIGN,
        &CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] },
        1,
    );
    let edit = |version, frozen, opens_ms| {
        let terms =
            scrip_engine::command::StockTerms { frozen, opens_ms, closes_ms: START_MS + 2_000, ..OPEN };
        Command::StockEdit { stock: CAMPAIGN, version, terms }
    };
    assert_eq!(shop.claim(1), refused(Code::NotStarted), "a draft");
    shop.run(edit(1, true, 0));
    assert_eq!(shop.claim(1), refused(Code::Frozen), "frozen comes before draft");
    shop.run(moving(2, CampaignState::Running));
    shop.run(edit(3, false, START_MS + 10));
    assert_eq!(shop.claim(1), refused(Code::NotStarted), "not open yet");
    shop.now_ms += 10;
    shop.run(moving(4, CampaignState::Paused));
    assert_eq!(shop.claim(1), refused(Code::Frozen), "paused");
    shop.run(moving(5, CampaignState::Running));
    assert!(matches!(shop.claim(1), Got::Issued(_)));
    shop.now_ms = START_MS + 1_000;
    assert_eq!(shop.claim(1), refused(Code::Expired), "its cards would not be valid any more");
    shop.now_ms = START_MS + 2_000;
    shop.run(moving(6, CampaignState::Stopped));
    assert_eq!(shop.claim(1), refused(Code::Expired));
    assert_eq!(shop.run(moving(7, CampaignState::Running)), refused(Code::RuleFailed), "stopped is for good");
    assert_eq!(shop.run(moving(6, CampaignState::Running)), Got::Refused(Code::RuleFailed, Why::Version(7)));
    shop.close();
}

#[test]
fn limits_come_before_quotas_and_quotas_before_supply() {
    let mut shop = Shop::with(plain(), 10);
    let mut limits = Limits { utc_offset_minutes: I16::new(480), ..Limits::default() };
    limits.subjects[0] = SubjectLimit::new(4, 3, 1);
    limits.subjects[2] = SubjectLimit::new(5, 0, 0);
    shop.run(Command::StockLimits { stock: CAMPAIGN, version: 2, limits: &limits, spans: None });
    let quotas = [Quota::new(CHANNEL, 0, 6, 0), Quota::new(ChannelId(9), 5, Quota::NO_CAP, 0)];
    shop.run(Command::StockQuota { stock: CAMPAIGN, version: 3, quotas: &quotas });
    assert_eq!(shop.issue(1, 64, false), Got::Refused(Code::UserLimit, Why::Units(64, 3)));
    assert!(matches!(shop.issue(1, 3, false), Got::Issued(_)));
    assert_eq!(shop.claim(1), Got::Refused(Code::UserLimit, Why::Units(1, 0)), "of one day");
    shop.now_ms += 86_400_000;
    let device = Parties::new(0, 77, 0);
    let claim = |user| {
        let (claimed, parties) = (true, Some(&device));
        Command::Issue(Issue { owner: UserId(user), claimed, parties, ..Issue::of_nobody(CAMPAIGN) })
    };
    assert!(matches!(shop.run(claim(1)), Got::Issued(_)));
    assert_eq!(shop.claim(1), Got::Refused(Code::UserLimit, Why::Units(1, 0)), "in all");
    assert_eq!(
        shop.issue(0, 7, false),
        Got::Refused(Code::ChannelQuota, Why::Units(7, 1)),
        "bearer cards have no subject"
    );
    assert!(matches!(shop.run(claim(2)), Got::Issued(_)));
    assert_eq!(shop.run(claim(3)), Got::Refused(Code::ChannelQuota, Why::Units(1, 0)));
    shop.channel = ChannelId(9);
    assert_eq!(shop.issue(0, 9, false), Got::Refused(Code::ChannelQuota, Why::Units(9, 5)));
    assert!(matches!(shop.issue(0, 5, false), Got::Issued(_)));
    shop.close();
}

#[test]
fn an_issue_is_a_success_of_risk_rules_and_a_refusal_is_none() {
    let mut shop = Shop::with(plain(), 2);
    let rule = RiskRule {
        number: U16::new(4),
        channel: U16::new(Price::ANY_CHANNEL.0),
        subject: 1,
        action: 1,
        spare: U16::ZERO,
        at_most: U32::new(1),
        window_ms: U32::new(1_000_000),
    };
    shop.run(Command::RiskSet { rule: &rule });
    assert!(matches!(shop.claim(1), Got::Issued(_)));
    assert_eq!(shop.claim(1), Got::Refused(Code::RiskLimit, Why::Rule(4)));
    assert_eq!(shop.issue(2, 2, false), Got::Refused(Code::OutOfStock, Why::Units(2, 1)));
    assert!(matches!(shop.issue(2, 1, false), Got::Issued(_)));
    shop.close();
}

#[test]
fn a_hundred_million_bearer_cards_take_no_memory_until_one_is_used() {
    let mut shop = Shop::with(plain(), 1 << 33);
    assert_eq!(issued(shop.issue(0, 1 << 27, false)).cards, 1 << 27);
    assert_eq!(shop.used("cards"), 0);
    let last = CardId::new(SLOT, 0, (1 << 27) - 1);
    assert_eq!(shop.show(last).available, 1);
    assert_eq!(shop.used("cards"), 0);
    assert!(matches!(shop.redeem(last, 1, 900), Got::Redeemed(_)));
    assert_eq!(shop.used("cards"), CARDS_PER_PAGE as u32);
    assert_eq!(
        shop.show(CardId(last.0 - 1)).state,
        CardState::Active,
        "its neighbour still is as its batch says"
    );
    assert_eq!(shop.redeem(CardId(last.0 + 1), 1, 900), refused(Code::NotFound), "not issued yet");
    let next = issued(shop.issue(5, 1, false)).first;
    assert_eq!(next, CardId(last.0 + 1));
    assert_eq!(shop.show(next).owner, UserId(5));
    shop.close();
}

#[test]
fn cards_lack_room_by_pages_and_batches_by_number() {
    let capacity = Capacity { cards_max: 100, ..ROOMY };
    let mut shop = Shop::new(capacity, Rules::default());
    shop.open(
        &CampaignTerms { definition: &plain(), extension: Default::default(), tiers: &[], scope: &[] },
        10_000,
    );
    let full = Got::Refused(Code::Capacity, Why::Full(CapacityOf::Cards, 100));
    assert!(matches!(shop.issue(1, 60, false), Got::Issued(_)));
    assert!(matches!(shop.issue(1, 64, false), Got::Issued(_)), "the second page");
    assert_eq!(shop.issue(1, 5, false), full, "four would fit");
    assert!(matches!(shop.issue(1, 4, false), Got::Issued(_)));
    let bearer = issued(shop.issue(0, 1_000, false)).first;
    assert_eq!(shop.redeem(bearer, 1, 900), full);
    assert_eq!(shop.change(bearer, CardChange::Freeze), full);
    assert_eq!(shop.used("cards"), 128);
    shop.close();
}

#[test]
fn a_campaign_keeps_what_is_fixed_and_can_be_sold_from_as_a_stock() {
    let mut shop = Shop::with(plain(), 5);
    let terms = |definition| Command::CampaignEdit {
        campaign: CAMPAIGN,
        version: 2,
        terms: CampaignTerms { definition, extension: Default::default(), tiers: &[], scope: &[] },
    };
    let (mut inactive, other) = (plain(), definition(CampaignKind::PercentOff, 1, 500));
    inactive.flags = Definition::INACTIVE;
    for wrong in [&inactive, &other] {
        assert_eq!(shop.run(terms(wrong)), refused(Code::RuleFailed));
    }
    let dearer = definition(CampaignKind::AmountOff, 1, 900);
    assert_eq!(shop.run(terms(&dearer)), Got::Value(3));
    assert_eq!(shop.run(terms(&dearer)), Got::Refused(Code::RuleFailed, Why::Version(3)));
    let lines = [Line::new(CAMPAIGN, 1)];
    let reserve = Command::Reserve { take: Take { user: UserId(1), ..Take::of(&lines) }, ttl_ms: 0 };
    let held = shop.run(reserve);
    assert!(matches!(held, Got::Other(_)), "{held:?}");
    assert_eq!(shop.buckets(), Got::Buckets { available: 4, consumed: 0, void: 0 });
    shop.now_ms += u64::from(scrip_engine::limits::TTL_DEFAULT_MS);
    let price = Command::StockPrice { stock: CAMPAIGN, version: 99, prices: &[] };
    assert_eq!(shop.run(price), Got::Refused(Code::RuleFailed, Why::Version(3)));
    let supply = Command::StockSupply { stock: CAMPAIGN, units: 1 << 33 };
    assert_eq!(shop.run(supply), Got::Refused(Code::Capacity, Why::Full(CapacityOf::StockUnits, 1 << 33)));
    assert_eq!(shop.run(Command::StockSupply { stock: CAMPAIGN, units: 5 }), Got::Value(10));
    assert_eq!(
        shop.run(Command::StockVoid { stock: CAMPAIGN, units: 4, from_frozen: false, forced: false }),
        Got::Value(4)
    );
    assert_eq!(shop.buckets(), Got::Buckets { available: 6, consumed: 0, void: 4 });
    shop.merchant = MerchantId(8);
    assert_eq!(shop.run(Command::CampaignShow { campaign: CAMPAIGN }), refused(Code::NotFound));
    shop.close();
}

#[test]
fn campaigns_of_a_slot_are_numbered_in_order() {
    let mut shop = Shop::new(ROOMY, Rules::default());
    let terms = plain();
    let terms = CampaignTerms { definition: &terms, extension: Default::default(), tiers: &[], scope: &[] };
    for number in 0..3u64 {
        let campaign = StockId::new(SLOT, 50 - number);
        shop.create(campaign, &terms, 1);
        let locator = u64::from(SLOT.0) << 15 | number;
        let Got::Campaign { locator: shown, key, state, .. } = shop.run(Command::CampaignShow { campaign })
        else {
            panic!("a campaign is shown");
        };
        assert_eq!((shown, key.as_slice(), state), (locator, b"sealed".as_slice(), CampaignState::Draft));
    }
    assert_eq!(shop.create(StockId::new(SLOT, 50), &terms, 1), refused(Code::RuleFailed));
    shop.close();
}

//! What a campaign may issue on one day, and for how much money: step 4a of ISSUE and CLAIM, and edits.

use crate::shop::*;
use scrip_engine::calendar::Transition;
use scrip_engine::command::{
    CampaignKind, CampaignState, CampaignTerms, Command, Definition, Limits, Quota, StockTerms, Tier, ZoneSet,
};
use scrip_engine::ids::StockId;
use scrip_engine::limits::Rules;
use scrip_engine::rejection::Code;
use zerocopy::little_endian::{I16, U64};

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;

fn five_off() -> Definition {
    definition(CampaignKind::AmountOff, 1, 500)
}

fn plain(definition: &Definition) -> CampaignTerms<'_> {
    CampaignTerms { definition, extension: Default::default(), tiers: &[], scope: &[] }
}

fn edit(shop: &mut Shop, version: u32, definition: &Definition) -> Got {
    shop.run(Command::CampaignEdit { campaign: CAMPAIGN, version, terms: plain(definition) })
}

/// The cost of a card, what is committed, and today's cards.
fn committed(shop: &mut Shop) -> (u64, u64, u64) {
    match shop.run(Command::CampaignShow { campaign: CAMPAIGN }) {
        Got::Campaign { cost, committed, today, .. } => (cost, committed, today),
        other => panic!("no campaign: {other:?}"),
    }
}

fn short_of(code: Code, asked: u64, room: u64) -> Got {
    Got::Refused(code, Why::Units(asked, room))
}

#[test]
fn cards_of_the_day_are_counted_until_midnight_by_the_campaigns_clock() {
    // START_MS is 22:13:20 by UTC, 6:13:20 of the next day in Shanghai.
    let mut shop = Shop::with(
        Definition { cards_per_day: U64::new(5), clock_minutes: I16::new(480), ..five_off() },
        1_000,
    );
    assert!(matches!(shop.issue(1, 3, false), Got::Issued(_)));
    assert_eq!(shop.issue(1, 3, false), short_of(Code::CampaignLimit, 3, 2));
    assert!(matches!(shop.issue(0, 2, false), Got::Issued(_)), "bearer cards count, too");
    assert_eq!(shop.claim(2), short_of(Code::CampaignLimit, 1, 0));
    assert_eq!(committed(&mut shop), (500, 2_500, 5));
    let midnight_ms = START_MS / DAY_MS * DAY_MS + 40 * HOUR_MS;
    shop.now_ms = midnight_ms - 1;
    assert_eq!(shop.claim(2), short_of(Code::CampaignLimit, 1, 0));
    shop.now_ms = midnight_ms;
    assert_eq!(committed(&mut shop), (500, 2_500, 0));
    assert!(matches!(shop.issue(2, 5, false), Got::Issued(_)));
    shop.close();
}

#[test]
fn a_budget_is_spent_in_whole_cards_and_void_cards_stay_paid_for() {
    let mut shop = Shop::with(Definition { budget: U64::new(2_499), ..five_off() }, 1_000);
    let card = shop.card(1);
    assert_eq!(shop.issue(1, 4, false), short_of(Code::BudgetExceeded, 4, 3));
    assert!(matches!(shop.issue(1, 3, false), Got::Issued(_)));
    shop.change(card, scrip_engine::command::CardChange::Void);
    assert_eq!(shop.claim(2), short_of(Code::BudgetExceeded, 1, 0));
    assert_eq!(committed(&mut shop), (500, 2_000, 0));
    shop.now_ms += 40 * DAY_MS;
    assert_eq!(shop.claim(2), short_of(Code::BudgetExceeded, 1, 0));
    shop.close();
}

#[test]
fn money_of_the_day_and_in_all_whichever_is_less() {
    let mut shop =
        Shop::with(Definition { budget: U64::new(4_000), budget_per_day: U64::new(1_500), ..five_off() }, 99);
    assert_eq!(shop.issue(1, 4, false), short_of(Code::BudgetExceeded, 4, 3));
    assert!(matches!(shop.issue(1, 3, false), Got::Issued(_)));
    shop.now_ms += DAY_MS;
    assert!(matches!(shop.issue(1, 3, false), Got::Issued(_)));
    shop.now_ms += DAY_MS;
    assert_eq!(shop.issue(1, 3, false), short_of(Code::BudgetExceeded, 3, 2));
    shop.close();
}

#[test]
fn the_users_limit_comes_first_then_cards_then_money_then_quota_then_supply() {
    let day = Definition { cards_per_day: U64::new(4), budget: U64::new(1_500), ..five_off() };
    let mut shop = Shop::with(day, 1);
    let terms = StockTerms { limit_per_user: 5, ..OPEN };
    assert_eq!(shop.run(Command::StockEdit { stock: CAMPAIGN, version: 2, terms }), Got::Value(3));
    let quotas = [Quota::new(shop.channel, 0, 1, 0)];
    let quota = Command::StockQuota { stock: CAMPAIGN, version: 3, quotas: &quotas };
    assert_eq!(shop.run(quota), Got::Value(4));
    assert_eq!(shop.issue(1, 6, false), short_of(Code::UserLimit, 6, 5));
    assert_eq!(shop.issue(1, 5, false), short_of(Code::CampaignLimit, 5, 4));
    assert_eq!(shop.issue(1, 4, false), short_of(Code::BudgetExceeded, 4, 3));
    assert_eq!(shop.issue(1, 3, false), short_of(Code::ChannelQuota, 3, 1));
    assert_eq!(shop.issue(0, 5, false), short_of(Code::CampaignLimit, 5, 4));
    let quotas = [Quota::new(shop.channel, 0, Quota::NO_CAP, 0)];
    let quota = Command::StockQuota { stock: CAMPAIGN, version: 4, quotas: &quotas };
    assert_eq!(shop.run(quota), Got::Value(5));
    assert_eq!(shop.issue(1, 3, false), short_of(Code::OutOfStock, 3, 1));
    shop.close();
}

#[test]
fn an_edit_never_goes_below_what_is_out() {
    let day = Definition { cards_per_day: U64::new(10), budget_per_day: U64::new(5_000), ..five_off() };
    let mut shop = Shop::with(day, 99);
    shop.issue(1, 4, false);
    let refused = refused(Code::RuleFailed);
    let least = Definition {
        cards_per_day: U64::new(4),
        budget: U64::new(2_000),
        budget_per_day: U64::new(2_000),
        ..five_off()
    };
    for below in [
        Definition { cards_per_day: U64::new(3), ..least },
        Definition { budget: U64::new(1_999), ..least },
        Definition { budget_per_day: U64::new(1_999), ..least },
        Definition { value: U64::new(501), ..least },
        Definition { cost: U64::new(501), ..least },
    ] {
        assert_eq!(edit(&mut shop, 2, &below), refused, "{below:?}");
    }
    assert_eq!(edit(&mut shop, 2, &least), Got::Value(3));
    assert_eq!(committed(&mut shop), (500, 2_000, 4));
    // A cost of its own counts for all cards that are out.
    assert_eq!(edit(&mut shop, 3, &Definition { cost: U64::new(400), ..least }), Got::Value(4));
    assert_eq!(committed(&mut shop), (400, 1_600, 4));
    shop.close();
}

#[test]
fn another_clock_takes_the_cards_of_the_day_along() {
    let day = Definition { cards_per_day: U64::new(5), ..five_off() };
    let mut shop = Shop::with(day, 99);
    shop.issue(1, 4, false);
    // In Shanghai it is tomorrow already, and then it is yesterday again.
    for (version, minutes) in [(2, 480), (3, -720)] {
        let moved = Definition { clock_minutes: I16::new(minutes), ..day };
        assert_eq!(edit(&mut shop, version, &moved), Got::Value(u64::from(version) + 1));
        assert_eq!(committed(&mut shop).2, 4);
        assert_eq!(shop.issue(1, 2, false), short_of(Code::CampaignLimit, 2, 1));
    }
    // Without a maximum for some time it begins anew.
    assert_eq!(edit(&mut shop, 4, &five_off()), Got::Value(5));
    shop.issue(1, 1, false);
    assert_eq!(edit(&mut shop, 5, &day), Got::Value(6));
    assert_eq!(committed(&mut shop), (500, 2_500, 0));
    shop.close();
}

#[test]
fn a_clock_of_a_zone_asks_for_the_zone() {
    let mut shop = Shop::new(ROOMY, Rules::default());
    let by_zone =
        Definition { cards_per_day: U64::new(1), clock_minutes: I16::new(Limits::BY_ZONE), ..five_off() };
    assert_eq!(shop.create(CAMPAIGN, &plain(&by_zone), 9), refused(Code::RuleFailed));
    shop.open(&plain(&five_off()), 9);
    assert_eq!(edit(&mut shop, 2, &by_zone), refused(Code::RuleFailed));
    // An hour ahead now, two hours a minute before the midnight of then: the day begins an hour earlier.
    let midnight_ms = START_MS / DAY_MS * DAY_MS + 2 * DAY_MS - 2 * HOUR_MS;
    let transitions = [Transition::new(1, 60), Transition::new(midnight_ms - 60_000, 120)];
    let zone = Command::ZoneSet(ZoneSet { version: 0, name: b"Europe/Berlin", transitions: &transitions });
    assert_eq!(shop.run(zone), Got::Value(1));
    assert_eq!(edit(&mut shop, 2, &by_zone), Got::Value(3));
    shop.now_ms = midnight_ms - 1;
    assert!(matches!(shop.claim(1), Got::Issued(_)));
    assert_eq!(shop.claim(1), short_of(Code::CampaignLimit, 1, 0));
    shop.now_ms = midnight_ms;
    assert!(matches!(shop.claim(1), Got::Issued(_)));
    shop.close();
}

#[test]
fn what_a_card_costs_follows_from_its_worth() {
    let tiers = [Tier::new(100, 10), Tier::new(200, 25)];
    let of = |kind, units, value| definition(kind, units, value);
    let cap = |definition: Definition, cap: u64| Definition { cap: U64::new(cap), ..definition };
    let each = Definition { flags: Definition::EACH, threshold: U64::new(9), ..five_off() };
    let gift = Definition { currency: *b"CNY", ..of(CampaignKind::StoredValue, 10_000, 9_500) };
    let cases: [(Definition, &[Tier], u64); 12] = [
        (five_off(), &[], 500),
        (cap(five_off(), 300), &[], 300),
        (of(CampaignKind::AmountOff, 1, 0), &tiers, 25),
        (cap(of(CampaignKind::AmountOff, 1, 0), 12), &tiers, 12),
        (each, &[], 0),
        (cap(each, 2_000), &[], 2_000),
        (of(CampaignKind::PercentOff, 1, 1_000), &[], 0),
        (cap(of(CampaignKind::PercentOff, 1, 1_000), 700), &[], 700),
        (gift, &[], 10_000),
        (of(CampaignKind::Points, 33, 250), &[], 83),
        (of(CampaignKind::Item, 2, 0), &[], 0),
        (Definition { cost: U64::new(7), ..of(CampaignKind::FixedPrice, 1, 90) }, &[], 7),
    ];
    for (definition, tiers, cost) in cases {
        let budgeted = Definition { budget: U64::new(1), ..definition };
        let terms =
            |definition| CampaignTerms { definition, extension: Default::default(), tiers, scope: &[] };
        assert_eq!(terms(&definition).cost(), cost, "{definition:?}");
        let request = Command::CampaignEdit { campaign: CAMPAIGN, version: 1, terms: terms(&budgeted) };
        assert_eq!(well_formed(request), cost != 0, "{budgeted:?}");
    }
}

#[test]
fn two_campaigns_have_a_budget_each() {
    let mut shop = Shop::with(Definition { budget: U64::new(500), ..five_off() }, 9);
    let other = StockId::new(SLOT, 2);
    let terms = Definition { budget: U64::new(500), ..five_off() };
    shop.create(other, &plain(&terms), 9);
    let state = CampaignState::Running;
    assert_eq!(shop.run(Command::CampaignState { campaign: other, version: 1, state }), Got::Value(2));
    assert!(matches!(shop.claim(1), Got::Issued(_)));
    shop.one_more(other, 1);
    assert_eq!(shop.claim(1), short_of(Code::BudgetExceeded, 1, 0));
    shop.close();
}

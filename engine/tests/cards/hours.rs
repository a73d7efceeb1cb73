//! Weekdays and hours: step 3 of a redemption, of cards in holds and of quotes.

use crate::shop::*;
use scrip_engine::calendar::Transition;
use scrip_engine::command::{
    AccountWish, CampaignKind, CampaignTerms, CardChange, CartLine, Command, Definition, Limits, Quote,
    QuoteCard, Redeem, ScopeEntry, ZoneSet,
};
use scrip_engine::ids::{StockId, UserId};
use scrip_engine::limits::Rules;
use scrip_engine::rejection::Code;
use zerocopy::little_endian::{I16, U16, U32};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
/// 2023-11-14T00:00:00Z, the midnight before `START_MS`: a Tuesday.
const TUESDAY_MS: u64 = START_MS / DAY_MS * DAY_MS;

fn five_off() -> Definition {
    definition(CampaignKind::AmountOff, 1, 500)
}

/// On these weekdays between these minutes, by UTC.
fn on(weekdays: u8, opens: u16, closes: u16) -> Definition {
    Definition { weekdays, opens_minute: U16::new(opens), closes_minute: U16::new(closes), ..five_off() }
}

fn too_early(time_ms: u64) -> Got {
    Got::Refused(Code::NotStarted, Why::Time(time_ms))
}

#[test]
fn outside_of_its_hours_a_card_says_when_they_begin() {
    // 11:00 to 14:00, Monday to Friday.
    let mut shop = Shop::with(on(31, 660, 840), 9);
    let card = shop.card(1);
    let noon_ms = |day: u64| TUESDAY_MS + day * DAY_MS + 11 * HOUR_MS;
    assert_eq!(shop.redeem(card, 1, 1_000), too_early(noon_ms(1)));
    shop.now_ms = noon_ms(1) - 1;
    assert_eq!(shop.redeem(card, 1, 1_000), too_early(noon_ms(1)));
    // Friday's are over at 14:00; Monday's come next.
    shop.now_ms = noon_ms(3) + 3 * HOUR_MS;
    assert_eq!(shop.redeem(card, 1, 1_000), too_early(noon_ms(6)));
    shop.now_ms -= 1;
    assert!(matches!(shop.redeem(card, 1, 1_000), Got::Redeemed(_)));
    shop.close();
}

#[test]
fn a_card_that_ends_before_its_hours_come_is_expired() {
    let mut shop = Shop::with(on(0, 660, 840), 9);
    let card = shop.card(1);
    let noon_ms = TUESDAY_MS + DAY_MS + 11 * HOUR_MS;
    shop.change(card, CardChange::Extend { until_ms: noon_ms });
    assert_eq!(shop.redeem(card, 1, 1_000), Got::Refused(Code::Expired, Why::Time(noon_ms)));
    shop.change(card, CardChange::Extend { until_ms: noon_ms + 1_000 });
    assert_eq!(shop.redeem(card, 1, 1_000), too_early(noon_ms));
    shop.close();
}

#[test]
fn hours_across_midnight_belong_to_the_weekday_on_which_they_began() {
    // Friday 22:00 to 2:00.
    let mut shop = Shop::with(on(16, 1_320, 120), 9);
    let (card, friday_ms) = (shop.card(1), TUESDAY_MS + 3 * DAY_MS);
    let cases = [
        (2 * HOUR_MS - 1, Some(22 * HOUR_MS)),
        (22 * HOUR_MS - 1, Some(22 * HOUR_MS)),
        (22 * HOUR_MS, None),
        (26 * HOUR_MS - 1, None),
        (26 * HOUR_MS, Some(7 * DAY_MS + 22 * HOUR_MS)),
        (46 * HOUR_MS, Some(7 * DAY_MS + 22 * HOUR_MS)),
    ];
    for (since_ms, next) in cases {
        shop.now_ms = friday_ms + since_ms;
        let operation = shop.next_operation();
        let got = shop.redeem(card, 1, 1_000);
        match next {
            Some(next_ms) => assert_eq!(got, too_early(friday_ms + next_ms), "{since_ms}"),
            None => {
                assert!(matches!(got, Got::Redeemed(_)), "{got:?} at {since_ms}");
                shop.run(Command::Reverse { redemption: operation, units: 0 });
            }
        }
    }
    shop.close();
}

#[test]
fn hours_by_a_zone_follow_its_summer_time() {
    // America/New_York of 2024: ahead at 2:00 on the tenth of March, back at 2:00 on the third of November.
    const SPRING_MS: u64 = 1_710_054_000_000;
    const AUTUMN_MS: u64 = 1_730_613_600_000;
    let transitions =
        [Transition::new(1, -300), Transition::new(SPRING_MS, -240), Transition::new(AUTUMN_MS, -300)];
    let mut shop = Shop::new(ROOMY, Rules::default());
    let zone = Command::ZoneSet(ZoneSet { version: 0, name: b"America/New_York", transitions: &transitions });
    assert_eq!(shop.run(zone), Got::Value(1));
    // 2:15 to 2:45 in the night, and 1:00 to 2:00.
    let by_zone =
        |opens, closes| Definition { clock_minutes: I16::new(Limits::BY_ZONE), ..on(0, opens, closes) };
    let late = shop.card_of(CAMPAIGN, 1, &plain(&by_zone(135, 165)));
    let early = shop.card_of(StockId::new(SLOT, 2), 1, &plain(&by_zone(60, 120)));
    // In spring the clock shows no 2:15: the next one is a day later, 23 hours after that of the day before.
    shop.now_ms = SPRING_MS - MINUTE_MS;
    assert_eq!(shop.redeem(late, 1, 1_000), too_early(SPRING_MS + 23 * HOUR_MS + 15 * MINUTE_MS));
    shop.now_ms = SPRING_MS;
    assert_eq!(shop.redeem(late, 1, 1_000), too_early(SPRING_MS + 23 * HOUR_MS + 15 * MINUTE_MS));
    assert_eq!(shop.redeem(early, 1, 1_000), too_early(SPRING_MS + 22 * HOUR_MS));
    // In autumn it shows 1:00 to 2:00 twice, without a break.
    shop.now_ms = AUTUMN_MS - HOUR_MS - 1;
    assert_eq!(shop.redeem(early, 1, 1_000), too_early(AUTUMN_MS - HOUR_MS));
    shop.now_ms = AUTUMN_MS + HOUR_MS;
    assert_eq!(shop.redeem(early, 1, 1_000), too_early(AUTUMN_MS + 24 * HOUR_MS));
    assert_eq!(shop.redeem(late, 1, 1_000), too_early(AUTUMN_MS + HOUR_MS + 15 * MINUTE_MS));
    shop.now_ms -= 1;
    assert!(matches!(shop.redeem(early, 1, 1_000), Got::Redeemed(_)), "2:00 less a moment, the second time");
    shop.close();
}

#[test]
fn hours_come_behind_dates_and_state_and_before_scope() {
    let definition = Definition { lasts_s: U32::new(3_600), ..on(0, 660, 840) };
    let scope = [ScopeEntry::new(ScopeEntry::STORE, 1)];
    let mut shop = Shop::new(ROOMY, Rules::default());
    shop.now_ms = TUESDAY_MS + 10 * HOUR_MS + MINUTE_MS;
    shop.open(
        &CampaignTerms { definition: &definition, extension: Default::default(), tiers: &[], scope: &scope },
        9,
    );
    let card = shop.card(1);
    let until_ms = TUESDAY_MS + 11 * HOUR_MS + MINUTE_MS;
    let stranger = Command::Redeem(Redeem { user: UserId(2), amount: 1, ..using(card) });
    assert_eq!(shop.run(stranger), too_early(TUESDAY_MS + 11 * HOUR_MS));
    shop.now_ms = TUESDAY_MS + 11 * HOUR_MS;
    assert_eq!(shop.run(stranger), refused(Code::OutOfScope));
    shop.now_ms = until_ms;
    assert_eq!(shop.run(stranger), Got::Refused(Code::Expired, Why::Time(until_ms)));
    shop.change(card, CardChange::Freeze);
    assert_eq!(shop.run(stranger), refused(Code::Frozen));
    shop.close();
}

#[test]
fn quotes_say_when_hours_begin() {
    let mut shop = Shop::with(on(0, 660, 840), 9);
    let card = shop.card(1);
    let lines = [CartLine::new(1, 1, 2_000, 1)];
    let named = [QuoteCard::new(card, None)];
    let quote = Quote { user: UserId(0), store: 0, best: false, lines: &lines, cards: &named };
    // The clock ticks before what is looked at.
    shop.card(1);
    let quoted = shop.quote(quote);
    assert_eq!(quoted.cards[0].code.get(), Code::NotStarted as u16);
    assert_eq!(quoted.cards[0].fact.get(), TUESDAY_MS + DAY_MS + 11 * HOUR_MS);
    shop.now_ms = TUESDAY_MS + DAY_MS + 11 * HOUR_MS;
    shop.card(1);
    assert_eq!(shop.quote(quote).discount, 500);
    shop.close();
}

#[test]
fn what_is_no_use_does_not_look_at_hours() {
    let gift = Definition { currency: *b"CNY", ..definition(CampaignKind::StoredValue, 100, 90) };
    let hours = on(0, 660, 840);
    let gift = Definition { opens_minute: hours.opens_minute, closes_minute: hours.closes_minute, ..gift };
    let mut shop = Shop::with(gift, 9);
    let card = shop.card(1);
    assert!(matches!(shop.top_up(card, (50, 0, 50), 0), Got::Filled(50, 150)));
    shop.now_ms = TUESDAY_MS + DAY_MS + 12 * HOUR_MS;
    let redemption = shop.next_operation();
    assert!(matches!(shop.redeem(card, 10, 1_000), Got::Redeemed(_)));
    shop.now_ms += 12 * HOUR_MS;
    assert_eq!(shop.run(Command::Reverse { redemption, units: 0 }), Got::Reversed(10, 150));
    assert!(matches!(shop.account(card, AccountWish::Refund), Got::Refunded(..)));
    shop.close();
}

fn plain(definition: &Definition) -> CampaignTerms<'_> {
    CampaignTerms { definition, extension: Default::default(), tiers: &[], scope: &[] }
}

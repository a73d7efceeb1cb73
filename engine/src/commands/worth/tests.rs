//! Discounts and times, by the examples that are easy to get wrong.

use super::*;

const NOW_MS: u64 = 1_700_000_000_500;

fn worth(kind: CampaignKind, value: u64) -> Definition {
    let mut definition = Definition { kind: kind as u8, ..Definition::default() };
    definition.value.set(value);
    definition
}

#[test]
fn a_percentage_is_rounded_half_up_once_and_capped() {
    let mut tenth = worth(CampaignKind::PercentOff, 1_000);
    let off = |definition: &Definition, amount| discount(definition, &[], &on(amount));
    assert_eq!([4, 5, 14, 15, 994, 995].map(|amount| off(&tenth, amount)), [0, 1, 1, 2, 99, 100]);
    tenth.cap.set(99);
    assert_eq!([980, 994, 995, u64::MAX].map(|amount| off(&tenth, amount)), [98, 99, 99, 99]);
    assert_eq!(off(&worth(CampaignKind::PercentOff, 10_000), u64::MAX), u64::MAX, "all of it");
    assert_eq!(off(&worth(CampaignKind::PercentOff, 1), 4_999), 0);
    assert_eq!(off(&worth(CampaignKind::PercentOff, 1), 5_000), 1);
}

#[test]
fn an_amount_off_each_threshold_is_capped_and_never_more_than_the_amount() {
    let mut each = worth(CampaignKind::AmountOff, 30);
    each.flags = Definition::EACH;
    each.threshold.set(100);
    assert_eq!([100, 199, 200, 1_000].map(|amount| discount(&each, &[], &on(amount))), [30, 30, 60, 300]);
    each.cap.set(50);
    assert_eq!(discount(&each, &[], &on(1_000)), 50);
    each.cap.set(0);
    each.value.set(u64::MAX);
    assert_eq!(discount(&each, &[], &on(u64::MAX)), u64::MAX, "no overflow");
    assert_eq!(discount(&worth(CampaignKind::AmountOff, 30), &[], &on(20)), 20);
}

#[test]
fn a_fixed_price_takes_off_what_is_above_it() {
    let fixed = worth(CampaignKind::FixedPrice, 990);
    assert_eq!([2_000, 990, 5].map(|amount| discount(&fixed, &[], &on(amount))), [1_010, 0, 0]);
    assert_eq!(discount(&worth(CampaignKind::FixedPrice, 0), &[], &on(700)), 700, "a gift");
    assert_eq!(discount(&worth(CampaignKind::Item, 0), &[], &on(700)), 0);
}

#[test]
fn times_are_whole_seconds_inside_what_was_promised() {
    let seconds = |from_ms, until_ms| Span { from_ms, until_ms }.in_seconds();
    assert_eq!(seconds(0, 0), (0, 0), "open");
    assert_eq!(seconds(1, 1), (1, 1), "an end that there is stays one");
    assert_eq!(seconds(1_001, 1_999), (2, 1), "never valid");
    assert_eq!(seconds(u64::MAX, u64::MAX), (u32::MAX, u32::MAX));
}

#[test]
fn relative_times_count_from_the_later_of_now_and_the_beginning() {
    let span = |from_ms, until_ms, starts_s, lasts_s| {
        let mut definition = Definition::default();
        definition.starts_after_s.set(starts_s);
        definition.lasts_s.set(lasts_s);
        let got = Span { from_ms, until_ms }.received(&definition, NOW_MS);
        (got.from_ms, got.until_ms)
    };
    assert_eq!(span(0, 0, 0, 0), (0, 0));
    assert_eq!(span(0, 0, 0, 60), (0, NOW_MS + 60_000));
    assert_eq!(span(7, 0, 0, 60), (7, NOW_MS + 60_000), "long ago");
    assert_eq!(span(0, 0, 10, 60), (NOW_MS + 10_000, NOW_MS + 70_000));
    let later = NOW_MS + 20_000;
    assert_eq!(span(later, 0, 10, 60), (later, later + 60_000), "the later beginning");
    assert_eq!(span(later, later + 5, 0, 60), (later, later + 5), "the earlier end");
    assert_eq!(span(u64::MAX, 0, 1, u32::MAX), (u64::MAX, u64::MAX));
}

#[test]
fn each_sort_that_a_scope_lists_must_be_named() {
    let segments = Segments::new([3, 9]).unwrap();
    let purpose = Purpose { channel: ChannelId(2), store: 4, product: 0, category: 0, segments };
    let of = |what, id| ScopeEntry::new(what, id);
    let fits = |scope: &[ScopeEntry]| in_scope(scope, &purpose);
    assert!(fits(&[]));
    assert!(fits(&[of(ScopeEntry::STORE, 3), of(ScopeEntry::STORE, 4)]));
    assert!(!fits(&[of(ScopeEntry::STORE, 3)]));
    assert!(!fits(&[of(ScopeEntry::STORE, 4), of(ScopeEntry::PRODUCT, 9)]), "no product was told");
    assert!(fits(&[of(ScopeEntry::CHANNEL, 2), of(ScopeEntry::STORE, 4)]));
    assert!(!fits(&[of(ScopeEntry::CHANNEL, 3), of(ScopeEntry::STORE, 4)]));
    assert!(fits(&[of(ScopeEntry::SEGMENT, 8), of(ScopeEntry::SEGMENT, 9)]));
    assert!(!fits(&[of(ScopeEntry::SEGMENT, 8)]));
    let claims = [of(ScopeEntry::CLAIM_CHANNEL, 3), of(ScopeEntry::CLAIM_SEGMENT, 8)];
    assert!(fits(&claims), "who gets cards is another matter than who uses them");
    let claimed = |channel, told: &[u32]| {
        may_claim(&claims, ChannelId(channel), &Segments::new(told.iter().copied()).unwrap())
    };
    assert!(claimed(3, &[1, 8]) && !claimed(2, &[8]) && !claimed(3, &[9]) && !claimed(3, &[]));
    assert!(may_claim(
        &[of(ScopeEntry::SEGMENT, 8), of(ScopeEntry::CHANNEL, 9)],
        ChannelId(3),
        &Segments::NONE
    ));
}

/// One unit on an amount, by a pass of the first level.
fn on(amount: u64) -> Use {
    Use { amount, units: 1, level: 1 }
}

#[test]
fn value_points_and_levels_have_a_worth() {
    let used = |amount, units, level| Use { amount, units, level };
    assert_eq!(discount(&worth(CampaignKind::StoredValue, 9), &[], &used(700, 300, 0)), 300);
    assert_eq!(discount(&worth(CampaignKind::Stamps, 9), &[], &used(700, 9, 0)), 0);
    let points = worth(CampaignKind::Points, 150);
    assert_eq!([1, 3, 1_000].map(|units| discount(&points, &[], &used(900, units, 0))), [1, 4, 900]);
    let dear = worth(CampaignKind::Points, 1_000_000);
    assert_eq!(discount(&dear, &[], &used(u64::MAX, 1_000_000_000, 0)), 10_000_000_000);
    let levels = [Tier::new(0, 0), Tier::new(9_900, 500), Tier::new(1, 10_000)];
    let pass = worth(CampaignKind::Pass, 0);
    assert_eq!(
        [1, 2, 3, 8].map(|level| discount(&pass, &levels, &used(1_010, 0, level))),
        [0, 51, 1_010, 1_010]
    );
    assert_eq!(least_amount(&pass, &levels[1..]), 0, "the price of a level is no threshold");
}

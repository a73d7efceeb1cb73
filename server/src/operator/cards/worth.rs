//! What cards are worth: from flags to a definition, and from a definition to lines of text.
//!
//! Invariant: what no flag names stays as it was.

use super::Failure;
use super::money;
use crate::cli::{SpendName, WorthArgs};
use scrip_client::{CampaignDefinition, CampaignKind, ChannelId, Definition, ScopeEntry, channel_name};
use std::time::Duration;
use zerocopy::little_endian::U64;

/// Puts what the flags say into a definition.
pub fn apply(arguments: &WorthArgs, defined: &mut CampaignDefinition) -> Result<(), Failure> {
    let definition = &mut defined.definition;
    let seconds = |span: Duration| {
        u32::try_from(span.as_secs())
            .map_err(|_| Failure::Wish("spans are at most 136 years: leave the flag out for no end".into()))
    };
    if !arguments.tier.is_empty() {
        defined.tiers.clone_from(&arguments.tier);
        definition.value = U64::ZERO;
        definition.threshold = U64::ZERO;
        definition.flags &= !Definition::EACH;
    }
    if let Some(value) = arguments.value {
        definition.value = value.into();
        defined.tiers.clear();
    }
    if let Some(goal) = arguments.goal {
        definition.value = goal.into();
    }
    if !arguments.level.is_empty() {
        defined.tiers.clone_from(&arguments.level);
    }
    definition.spending = arguments.spend.map_or(definition.spending, |spend| match spend {
        SpendName::Earliest => Definition::EARLIEST_FIRST,
        SpendName::Bonus => Definition::BONUS_FIRST,
        SpendName::Principal => Definition::PRINCIPAL_FIRST,
    });
    for (wish, field) in [
        (arguments.threshold, &mut definition.threshold),
        (arguments.cap, &mut definition.cap),
        (arguments.valid_from_ms, &mut definition.from_ms),
        (arguments.valid_until_ms, &mut definition.until_ms),
    ] {
        *field = wish.map_or(*field, Into::into);
    }
    for (wish, field) in [
        (arguments.starts_after, &mut definition.starts_after_s),
        (arguments.lasts, &mut definition.lasts_s),
        (arguments.interval, &mut definition.interval_s),
        (arguments.window, &mut definition.window_s),
        (arguments.grace, &mut definition.grace_s),
        (arguments.earned_lasts, &mut definition.earned_lasts_s),
    ] {
        *field = wish.map(seconds).transpose()?.map_or(*field, Into::into);
    }
    if arguments.each {
        definition.flags |= Definition::EACH;
    }
    definition.class = arguments.class.unwrap_or(definition.class);
    definition.combines = arguments.combines.map_or(definition.combines, Into::into);
    match arguments.before {
        Some(true) => definition.flags |= Definition::BEFORE,
        Some(false) => definition.flags &= !Definition::BEFORE,
        None => {}
    }
    if !arguments.scope.is_empty() {
        defined.scope.clone_from(&arguments.scope);
    }
    Ok(())
}

/// Whether no flag says anything.
pub fn is_empty(arguments: &WorthArgs) -> bool {
    let WorthArgs { value, threshold, cap, each, tier, scope, valid_from_ms, valid_until_ms, .. } = arguments;
    let spans = [
        arguments.starts_after,
        arguments.lasts,
        arguments.interval,
        arguments.window,
        arguments.grace,
        arguments.earned_lasts,
    ];
    let numbers = [value, threshold, cap, valid_from_ms, valid_until_ms];
    let stacking = arguments.class.is_some() || arguments.combines.is_some() || arguments.before.is_some();
    numbers.iter().all(|number| number.is_none())
        && !stacking
        && spans.iter().all(Option::is_none)
        && arguments.goal.is_none()
        && arguments.level.is_empty()
        && arguments.spend.is_none()
        && !each
        && tier.is_empty()
        && scope.is_empty()
}

/// Prints what cards are worth.
pub fn print(defined: &CampaignDefinition) {
    let definition = &defined.definition;
    let (value, threshold) = (definition.value.get(), definition.threshold.get());
    let worth = match CampaignKind::from_number(definition.kind) {
        Some(CampaignKind::AmountOff) if !defined.tiers.is_empty() => {
            let tier = |tier: &scrip_client::Tier| {
                format!("{} off from {} on", money(tier.value.get()), money(tier.threshold.get()))
            };
            defined.tiers.iter().map(tier).collect::<Vec<_>>().join(", ")
        }
        Some(CampaignKind::AmountOff) if definition.each() => {
            format!("{} off for each {}", money(value), money(threshold))
        }
        Some(CampaignKind::AmountOff) => format!("{} off", money(value)),
        Some(CampaignKind::PercentOff) => format!("{} percent off", money(value)),
        Some(CampaignKind::Item) => format!("{} pieces of an item", definition.units),
        Some(CampaignKind::FixedPrice) => format!("an item for {}", money(value)),
        Some(CampaignKind::Uses) => format!("{} uses", definition.units),
        Some(CampaignKind::StoredValue) => {
            let (units, currency) =
                (u64::from(definition.units.get()), String::from_utf8_lossy(&definition.currency));
            format!("{} {currency}, for which {} are paid", money(units), money(value))
        }
        Some(CampaignKind::Stamps) => format!("{value} stamps fill it"),
        Some(CampaignKind::Points) => {
            format!("{} points, of {} minor units each", definition.units, money(value))
        }
        Some(CampaignKind::Pass) => {
            let level = |level: &scrip_client::Tier| {
                format!("{} percent off (for {})", money(level.value.get()), money(level.threshold.get()))
            };
            defined.tiers.iter().map(level).collect::<Vec<_>>().join(", ")
        }
        None => "of a kind that this version does not know".to_owned(),
    };
    println!("worth      {worth}");
    if threshold != 0 && !definition.each() {
        println!("threshold  {}", money(threshold));
    }
    if definition.cap.get() != 0 {
        println!("cap        {}", money(definition.cap.get()));
    }
    match definition.spending {
        Definition::BONUS_FIRST => println!("spends     bonus first"),
        Definition::PRINCIPAL_FIRST => println!("spends     principal first"),
        _ => {}
    }
    print_times(definition);
    print_stacking(definition);
    if !defined.scope.is_empty() {
        let scope: Vec<String> = defined.scope.iter().map(entry).collect();
        println!("for        {}", scope.join(", "));
    }
}

/// What of it only quotes ask for.
fn print_stacking(definition: &Definition) {
    let with = match definition.classes() {
        0 => "used alone".to_owned(),
        u32::MAX => "with all classes".to_owned(),
        set => {
            let classes = (0..u32::BITS).filter(|class| set & 1 << class != 0);
            format!("with {}", classes.map(|class| class.to_string()).collect::<Vec<_>>().join(", "))
        }
    };
    println!("class      {}, {with}", definition.class);
    if definition.before() {
        println!("counts     what lines cost before any card");
    }
}

fn print_times(definition: &Definition) {
    let at = |name: &str, at_ms: u64| {
        if at_ms != 0 {
            println!("{name} {}", super::time(at_ms));
        }
    };
    at("valid from", definition.from_ms.get());
    at("until     ", definition.until_ms.get());
    for (name, seconds) in [
        ("starts    ", definition.starts_after_s.get()),
        ("lasts     ", definition.lasts_s.get()),
        ("interval  ", definition.interval_s.get()),
        ("window    ", definition.window_s.get()),
        ("grace     ", definition.grace_s.get()),
        ("earned for", definition.earned_lasts_s.get()),
    ] {
        if seconds != 0 {
            println!("{name} {}", span(seconds));
        }
    }
    if definition.inactive() {
        println!("begins     inactive: `scrip card activate`");
    }
}

/// A span in days, if it is whole days.
fn span(seconds: u32) -> String {
    match (seconds / 86_400, seconds % 86_400) {
        (1, 0) => "1 day".to_owned(),
        (days, 0) => format!("{days} days"),
        _ => humantime::format_duration(Duration::from_secs(u64::from(seconds))).to_string(),
    }
}

fn entry(entry: &ScopeEntry) -> String {
    let id = entry.id.get();
    match entry.what {
        ScopeEntry::CHANNEL => format!("channel {}", channel_name(ChannelId(id as u16))),
        ScopeEntry::STORE => format!("store {id}"),
        ScopeEntry::PRODUCT => format!("product {id}"),
        ScopeEntry::SEGMENT => format!("segment {id}"),
        ScopeEntry::CLAIM_CHANNEL => format!("got through channel {}", channel_name(ChannelId(id as u16))),
        ScopeEntry::CLAIM_SEGMENT => format!("got by segment {id}"),
        _ => format!("category {id}"),
    }
}

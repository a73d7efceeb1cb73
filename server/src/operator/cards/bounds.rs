//! What a campaign may issue and when its cards can be used: from flags to a definition, and from a definition to lines of text.
//!
//! Invariant: what no flag names stays as it was, but for the clock of a campaign that had nothing that goes by one: it gets
//! the merchant's, so that nobody's lunch is at noon of Greenwich by mistake.

use super::super::Failure;
use super::super::merchant::{ahead, offset_at};
use super::super::words::{grouped, money};
use crate::cli::{BoundArgs, WEEKDAYS};
use scrip_client::{
    CampaignDefinition, CampaignShown, Client, Definition, Limits, REMIND_MAX_MINUTES, StockId,
};
use std::time::Duration;

/// Puts what the flags say into a definition; `had` is the one in force, if there is one.
pub async fn apply(
    client: &Client,
    campaign: StockId,
    arguments: &BoundArgs,
    (had, defined): (Option<&Definition>, &mut CampaignDefinition),
) -> Result<(), Failure> {
    let definition = &mut defined.definition;
    for (wish, field) in [
        (arguments.cards_per_day, &mut definition.cards_per_day),
        (arguments.budget, &mut definition.budget),
        (arguments.budget_per_day, &mut definition.budget_per_day),
        (arguments.cost, &mut definition.cost),
    ] {
        *field = wish.map_or(*field, Into::into);
    }
    definition.weekdays = arguments.weekdays.unwrap_or(definition.weekdays);
    if let Some(hours) = &arguments.hours {
        (definition.opens_minute, definition.closes_minute) = (hours.start.into(), hours.end.into());
    }
    if let Some(minutes) = arguments.utc_offset {
        definition.clock_minutes.set(minutes);
    } else if arguments.zone || goes_by_clock(definition) && !had.is_some_and(goes_by_clock) {
        if client.zone_show(campaign.slot()).await?.version == 0 {
            let why = "days and hours go by a clock: set the merchant's with `scrip merchant zone set Asia/Shanghai`, or add \
                       --utc-offset +08:00";
            return Err(Failure::Wish(why.into()));
        }
        definition.clock_minutes.set(Limits::BY_ZONE);
    }
    if let Some(group) = &arguments.group {
        let group = if group == "none" { 0 } else { client.stock_id(group)?.0 };
        if group != 0 {
            // Named now, so that the refusal is not of the whole campaign.
            client.stock_show(StockId(group)).await?;
        }
        defined.extension.group.set(group);
    }
    remind(&arguments.remind, defined)?;
    if let Some(late) = arguments.late {
        defined.extension.late_s.set(u32::try_from(late.as_secs()).unwrap_or(u32::MAX));
    }
    let budgeted = defined.definition.budget != 0 || defined.definition.budget_per_day != 0;
    if budgeted && defined.cost() == 0 {
        let why = "what such a card can cost at most does not follow from its worth: name it, such as `--cost 3.00` (of a \
                   percent off, --cap does)";
        return Err(Failure::Wish(why.into()));
    }
    Ok(())
}

fn goes_by_clock(definition: &Definition) -> bool {
    definition.limits_days() || !definition.hours().is_always()
}

/// Prints what a campaign may issue, and when its cards can be used.
pub async fn print(client: &Client, shown: &CampaignShown) -> Result<(), Failure> {
    let definition = &shown.definition.definition;
    let (budget, of_day) = (definition.budget.get(), definition.budget_per_day.get());
    if budget != 0 || of_day != 0 || definition.cost != 0 {
        println!("cost       {} a card at most", money(shown.cost));
    }
    if budget != 0 {
        let left = money(budget.saturating_sub(shown.committed));
        println!("budget     {}: {} committed, {left} left", money(budget), money(shown.committed));
    }
    if definition.limits_days() {
        let cards = Some(definition.cards_per_day.get()).filter(|cards| *cards != 0);
        let cards = cards.map(|cards| format!("{} cards", grouped(cards)));
        let most = [cards, Some(of_day).filter(|money| *money != 0).map(money)];
        let most: Vec<String> = most.into_iter().flatten().collect();
        let spent = money(shown.today.saturating_mul(shown.cost));
        println!("per day    {}; today {} cards, {spent}", most.join(", "), grouped(shown.today));
    }
    let leads = shown.definition.extension.remind_minutes.map(|minutes| minutes.get());
    let leads: Vec<String> =
        leads.iter().filter(|lead| **lead != 0).map(|lead| format!("{lead} min")).collect();
    if !leads.is_empty() {
        println!("reminds    {} before a card ends", leads.join(" and "));
    }
    if shown.definition.extension.late_s != 0 {
        println!("offline    a till may bring its uses {} s late", shown.definition.extension.late_s);
    }
    if let Some(group) = shown.definition.extension.group() {
        let group = client.stock_show(group).await?;
        println!(
            "group      {}: its limits hold for this campaign's cards, too (`scrip stock limit {0}`)",
            group.name
        );
    }
    if !definition.hours().is_always() {
        println!("usable     {}", usable(definition));
    }
    if goes_by_clock(definition) {
        let minutes = definition.clock_minutes.get();
        if minutes == Limits::BY_ZONE {
            let zone = client.zone_show(shown.campaign.slot()).await?;
            let now = ahead(offset_at(&zone.transitions, client.now_ms()));
            println!("clock      {} (UTC{now} now)", zone.name);
        } else {
            println!("clock      UTC{}", ahead(minutes));
        }
    }
    Ok(())
}

/// Weekdays and hours, as the flags write them.
fn usable(definition: &Definition) -> String {
    let listed = |at: &usize| definition.weekdays >> at & 1 != 0;
    let days: Vec<&str> = (0..7).filter(listed).map(|at| WEEKDAYS[at]).collect();
    let days = if matches!(definition.weekdays, 0 | 127) { "every day".to_owned() } else { days.join(",") };
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    match (definition.opens_minute.get(), definition.closes_minute.get()) {
        (opens, closes) if opens == closes => days,
        (opens, closes) => format!("{days} {}-{}", time(opens), time(closes)),
    }
}

/// When cards are told of before they end, the longer time first.
fn remind(spans: &[Duration], defined: &mut CampaignDefinition) -> Result<(), Failure> {
    if spans.is_empty() {
        return Ok(());
    }
    let wrong =
        || Failure::Wish("--remind is given once or twice, each in whole minutes, at most 30days".into());
    let mut minutes = Vec::new();
    for span in spans {
        let whole = span.as_secs() % 60 == 0 && span.subsec_nanos() == 0;
        let number = u16::try_from(span.as_secs() / 60).ok().filter(|number| *number <= REMIND_MAX_MINUTES);
        minutes.push(number.filter(|_| whole).ok_or_else(wrong)?);
    }
    minutes.sort_unstable_by(|one, other| other.cmp(one));
    minutes.dedup();
    minutes.resize(minutes.len().max(2), 0);
    let [first, second] = minutes[..] else { return Err(wrong()) };
    defined.extension.remind_minutes = [first.into(), second.into()];
    Ok(())
}

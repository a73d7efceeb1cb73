//! The oracle on what campaigns may issue on a day and for how much money, and on the hours in which cards can be used.
//!
//! Everything is looked up afresh: cards of a day are counted issue by issue, the next moment inside of hours is looked for
//! among all at which a clock could show it. Invariant: what is counted are issues since days have been bounded.

use super::campaigns::{Campaign, short};
use super::zones::{BY_ZONE, owner, shown_day};
use super::{Card, Oracle, Stock};
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::Worth;
use scrip_engine::command::{CampaignKind, Definition, Envelope};
use scrip_engine::ids::StockId;
use scrip_engine::rejection::Code;
use std::collections::BTreeSet;

/// Nobody's hours are closed for longer: 60 days, whatever clocks do.
const DAYS_LOOKED_AT: i128 = 60;
const DAY_MINUTES: i128 = 1_440;
const MINUTE_MS: i128 = 60_000;

impl Worth {
    /// The most that one card can cost; 0: it can't be told.
    pub fn cost(&self) -> i128 {
        let definition = &self.definition;
        let (value, cap) = (i128::from(definition.value.get()), i128::from(definition.cap.get()));
        let derived = match definition.kind() {
            CampaignKind::AmountOff if definition.each() => cap,
            CampaignKind::AmountOff => {
                let most = self.tiers.last().map_or(value, |tier| i128::from(tier.value.get()));
                if cap != 0 && cap < most { cap } else { most }
            }
            CampaignKind::PercentOff => cap,
            CampaignKind::StoredValue => i128::from(definition.units.get()),
            CampaignKind::Points => {
                let hundredths = i128::from(definition.units.get()) * value;
                ((hundredths + 99) / 100).min(10_000_000_000)
            }
            _ => 0,
        };
        if definition.cost == 0 { derived } else { i128::from(definition.cost.get()) }
    }
}

/// Whether anything is bounded by days.
fn bounds_days(definition: &Definition) -> bool {
    definition.cards_per_day != 0 || definition.budget_per_day != 0
}

impl Campaign {
    /// Cards were issued.
    pub(super) fn note_issue(&mut self, now_ms: u64, cards: i128) {
        if bounds_days(&self.worth.definition) {
            self.of_days.push((now_ms, cards));
        }
    }
}

impl Oracle {
    /// The day of a time by the clock of a definition.
    fn day_of(&self, (merchant, campaign): (u32, StockId), clock: i16, time_ms: u64) -> i128 {
        match clock {
            BY_ZONE => self.zones[&(merchant, campaign.slot().0)].day(time_ms),
            minutes => shown_day(i128::from(time_ms), minutes),
        }
    }

    /// Cards that a campaign has issued today.
    fn cards_today(&self, id: StockId, stock: &Stock, campaign: &Campaign) -> i128 {
        let clock = campaign.worth.definition.clock_minutes.get();
        let day = |time_ms| self.day_of((stock.merchant, id), clock, time_ms);
        let of_today = campaign.of_days.iter().filter(|(time_ms, _)| day(*time_ms) == day(self.now_ms));
        of_today.map(|(_, cards)| cards).sum()
    }

    /// The cost of a card, of all cards, and today's cards: what a CAMPAIGN_SHOW says of them.
    pub(super) fn committed(&self, id: StockId) -> (u64, u64, u64) {
        let stock = &self.stocks[&id];
        let campaign = stock.campaign.as_ref().expect("a campaign");
        let cost = campaign.worth.cost();
        let capped = |number: i128| u64::try_from(number).unwrap_or(u64::MAX);
        (
            capped(cost),
            capped(cost * (campaign.counted() + stock.held)),
            capped(self.cards_today(id, stock, campaign)),
        )
    }

    /// Step 4a of ISSUE and CLAIM.
    pub(super) fn budget_allows(&self, id: StockId, asked: i128) -> Result<(), OwnedOutcome> {
        let (cards, money) = self.budget_rooms(id, 0);
        if let Some(room) = cards.filter(|room| asked > *room) {
            return Err(short(Code::CampaignLimit, id, asked, room));
        }
        match money.filter(|room| asked > *room) {
            Some(room) => Err(short(Code::BudgetExceeded, id, asked, room)),
            None => Ok(()),
        }
    }

    /// Cards that there is room for today, and for which there is money, where a campaign has maxima; so many of its held units are
    /// held no more.
    pub(super) fn budget_rooms(&self, id: StockId, freed: i128) -> (Option<i128>, Option<i128>) {
        let stock = &self.stocks[&id];
        let campaign = stock.campaign.as_ref().expect("a campaign");
        let definition = &campaign.worth.definition;
        // Groups and orders may get their cards on any day.
        let held = stock.held - freed;
        let today = self.cards_today(id, stock, campaign) + held;
        let most = i128::from(definition.cards_per_day.get());
        let cost = campaign.worth.cost();
        let budgets = [
            (i128::from(definition.budget.get()), campaign.counted() + held),
            (i128::from(definition.budget_per_day.get()), today),
        ];
        let of_money = budgets.into_iter().filter(|(budget, _)| *budget != 0);
        let money = of_money.map(|(budget, cards)| (budget - cards * cost) / cost).min();
        ((most != 0).then_some(most - today), money)
    }

    /// Whether a merchant has the clock of a definition.
    pub(super) fn has_clock(&self, envelope: &Envelope, worth: &Worth) -> bool {
        worth.definition.clock_minutes.get() != BY_ZONE || self.zones.contains_key(&owner(envelope))
    }

    /// Whether a new definition leaves room for what is out.
    pub(super) fn leaves_room(&self, id: StockId, worth: &Worth) -> bool {
        let stock = &self.stocks[&id];
        let campaign = stock.campaign.as_ref().expect("a campaign");
        let definition = &worth.definition;
        let counts = bounds_days(definition) && bounds_days(&campaign.worth.definition);
        let today = if counts { self.cards_today(id, stock, campaign) } else { 0 } + stock.held;
        let committed = campaign.counted() + stock.held;
        let inside = |most: u64, there: i128| most == 0 || there <= i128::from(most);
        inside(definition.budget.get(), committed * worth.cost())
            && inside(definition.budget_per_day.get(), today * worth.cost())
            && inside(definition.cards_per_day.get(), today)
    }

    /// Puts a definition in force.
    pub(super) fn redefine(&mut self, id: StockId, worth: &Worth) {
        let stock = &self.stocks[&id];
        let campaign = stock.campaign.as_ref().expect("a campaign");
        let today = self.cards_today(id, stock, campaign);
        let same_clock = campaign.worth.definition.clock_minutes == worth.definition.clock_minutes;
        let now_ms = self.now_ms;
        let campaign = self.campaign_mut(id);
        if !bounds_days(&worth.definition) {
            campaign.of_days.clear();
        } else if !same_clock {
            campaign.of_days = vec![(now_ms, today)];
        }
        campaign.worth = worth.clone();
    }

    /// The hours of step 3.
    pub(super) fn is_open_for(&self, card: &Card, at_ms: u64) -> Result<(), OwnedOutcome> {
        let stock = &self.stocks[&card.campaign];
        let definition = &stock.campaign.as_ref().expect("a campaign").worth.definition;
        let offsets = self.offsets((stock.merchant, card.campaign), definition.clock_minutes.get());
        if is_inside(definition, &offsets, i128::from(at_ms)) {
            return Ok(());
        }
        let next_ms = u64::try_from(next_inside(definition, &offsets, i128::from(at_ms))).expect("a time");
        let until_ms = card.times.until_ms;
        let (code, time_ms) = if until_ms != 0 && until_ms <= next_ms {
            (Code::Expired, until_ms)
        } else {
            (Code::NotStarted, next_ms)
        };
        Err(OwnedOutcome::Refused { code, facts: OwnedFacts::Time(time_ms) })
    }

    /// From when on a clock is how many minutes ahead.
    fn offsets(&self, (merchant, campaign): (u32, StockId), clock: i16) -> Vec<(i128, i128)> {
        if clock != BY_ZONE {
            return vec![(i128::MIN, i128::from(clock))];
        }
        let zone = &self.zones[&(merchant, campaign.slot().0)];
        let offset = |at: usize| {
            let from_ms = i128::from(zone.transitions[at].from_ms.get());
            let minutes = i128::from(zone.transitions[at].offset_minutes.get());
            (if at == 0 { i128::MIN } else { from_ms }, minutes)
        };
        (0..zone.transitions.len()).map(offset).collect()
    }
}

/// Whether the clock shows a minute in which cards can be used.
fn is_inside(definition: &Definition, offsets: &[(i128, i128)], time_ms: i128) -> bool {
    let (_, ahead) = offsets.iter().rev().find(|(from_ms, _)| *from_ms <= time_ms).expect("there is a first");
    let shown = time_ms.div_euclid(MINUTE_MS) + ahead;
    let (day, minute) = (shown.div_euclid(DAY_MINUTES), shown.rem_euclid(DAY_MINUTES));
    let (opens, closes) =
        (i128::from(definition.opens_minute.get()), i128::from(definition.closes_minute.get()));
    // The first of January 1970 was a Thursday.
    let is_listed =
        |day: i128| definition.weekdays == 0 || definition.weekdays >> (day + 3).rem_euclid(7) & 1 == 1;
    if opens == closes {
        is_listed(day)
    } else if opens < closes {
        is_listed(day) && opens <= minute && minute < closes
    } else {
        is_listed(day) && opens <= minute || is_listed(day - 1) && minute < closes
    }
}

/// When the clock next does: as hours open, at midnight, or when it is set.
fn next_inside(definition: &Definition, offsets: &[(i128, i128)], now_ms: i128) -> i128 {
    let first = now_ms.div_euclid(MINUTE_MS * DAY_MINUTES) - 1;
    let mut moments: BTreeSet<i128> = offsets.iter().map(|(from_ms, _)| *from_ms).collect();
    let aheads: BTreeSet<i128> = offsets.iter().map(|(_, ahead)| *ahead).collect();
    for day in first..first + DAYS_LOOKED_AT {
        for ahead in &aheads {
            for minute in [0, i128::from(definition.opens_minute.get())] {
                moments.insert((day * DAY_MINUTES + minute - ahead) * MINUTE_MS);
            }
        }
    }
    let mut later = moments.range(now_ms + 1..).copied();
    later.find(|moment| is_inside(definition, offsets, *moment)).expect("hours open within sixty days")
}

//! Time zones of merchants, and the days of stocks that count by them.
//!
//! A zone belongs to a merchant and a slot, as every limit does. It is never dropped: a stock that counts by it holds its
//! place in the list. Which transition is in force is kept at hand, so that no sale searches for it.
//!
//! Invariant: of a time that has been, a zone says the same for ever, so that what was counted on a day can be credited to it.

use super::State;
use super::campaigns::Campaign;
use super::risk::Owner;
use super::stock::Stock;
use super::table::{Handle, NONE};
use crate::calendar::{Clock, Day, Transition, Zone};
use crate::command::{Definition, Limits, SpanLimits};
use scrip_planted::{Bug, on};
use std::collections::BTreeMap;

/// The zone of a merchant in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantZone {
    /// Whose.
    pub owner: Owner,
    /// Counts up with each setting.
    pub version: u32,
    /// For people.
    pub name: Vec<u8>,
    /// Its transitions.
    pub zone: Zone,
}

/// Zones of all merchants.
#[derive(Debug)]
pub struct Zones {
    list: Vec<MerchantZone>,
    places: BTreeMap<Owner, u32>,
    /// When the first of them has its next transition, or before.
    next_ms: u64,
}

impl Default for Zones {
    fn default() -> Zones {
        Zones { list: Vec::new(), places: BTreeMap::new(), next_ms: u64::MAX }
    }
}

impl Zones {
    /// All of them, in the order in which they were first set.
    pub fn list(&self) -> &[MerchantZone] {
        &self.list
    }

    /// The zone of an owner.
    pub fn of(&self, owner: Owner) -> Option<&MerchantZone> {
        self.place(owner).map(|place| &self.list[place as usize])
    }

    fn place(&self, owner: Owner) -> Option<u32> {
        self.places.get(&owner).copied()
    }
}

/// Writing: for `apply` alone.
impl Zones {
    /// Sets the zone of an owner; answers its version. Panics on one that would change what has been.
    pub(crate) fn set(&mut self, owner: Owner, name: &[u8], transitions: &[Transition], now_ms: u64) -> u32 {
        let mut zone = Zone::new(transitions);
        zone.turn(now_ms);
        // It may be too early now, if the zone before was the next to change: then all are looked at once for nothing.
        self.next_ms = self.next_ms.min(zone.next_ms());
        match self.place(owner) {
            None => {
                let place = u32::try_from(self.list.len()).expect("zones are few");
                self.places.insert(owner, place);
                self.list.push(MerchantZone { owner, version: 1, name: name.to_vec(), zone });
                1
            }
            Some(place) => {
                let found = &mut self.list[place as usize];
                assert!(found.zone.accepts(transitions, now_ms), "what was counted stays true");
                found.version += 1;
                found.name.clear();
                found.name.extend_from_slice(name);
                found.zone = zone;
                found.version
            }
        }
    }

    /// Shard time has moved.
    #[inline]
    pub(crate) fn turn(&mut self, now_ms: u64) {
        if now_ms >= self.next_ms {
            self.turn_all(now_ms);
        }
    }

    fn turn_all(&mut self, now_ms: u64) {
        self.list.iter_mut().for_each(|found| found.zone.turn(now_ms));
        self.next_ms = self.list.iter().map(|found| found.zone.next_ms()).min().unwrap_or(u64::MAX);
    }
}

impl State {
    /// The day of a time by a stock's clock.
    #[inline]
    pub fn day_of(&self, stock: &Stock, time_ms: u64) -> u16 {
        let day = match stock.zone {
            NONE => Day::at(time_ms, stock.limits.utc_offset_minutes.get()),
            place => self.zones.list[place as usize].day(time_ms),
        };
        u16::try_from(day.0).unwrap_or(u16::MAX)
    }

    /// Puts limits in force. Panics on limits by the merchant's zone while he has none.
    pub(crate) fn set_limits(&mut self, handle: Handle, limits: &Limits, spans: Option<&SpanLimits>) {
        let stock = self.stock(handle);
        let zone = if limits.by_zone() {
            let place = self.zones.place((stock.merchant, stock.id.slot()));
            place.expect("decide refused a zone that is not there")
        } else {
            NONE
        };
        let stock = self.stock_mut(handle);
        stock.set_limits(limits, spans);
        stock.zone = zone;
    }
}

impl State {
    /// The clock of a campaign.
    #[inline]
    pub fn clock_of(&self, campaign: &Campaign) -> Clock<'_> {
        match campaign.zone {
            NONE => Clock::Fixed(campaign.definition.clock_minutes.get()),
            place => Clock::Zone(&self.zones.list[place as usize].zone),
        }
    }

    /// The day of a time by a campaign's clock.
    #[inline]
    pub fn campaign_day(&self, campaign: &Campaign, time_ms: u64) -> u32 {
        match campaign.zone {
            NONE => Day::at(time_ms, campaign.definition.clock_minutes.get()).0,
            place => self.zones.list[place as usize].day(time_ms).0,
        }
    }

    /// Cards that were issued on the day of a time, as far as days are bounded.
    #[inline]
    pub fn cards_today(&self, campaign: &Campaign, now_ms: u64) -> u64 {
        let is_today = || campaign.today.day == self.campaign_day(campaign, now_ms);
        if campaign.today.cards != 0 && is_today() { campaign.today.cards } else { 0 }
    }

    /// The place of the zone by which a campaign of this stock goes with such a definition; [`NONE`]: by a fixed offset. Panics
    /// if the merchant has no zone and it asks for one.
    pub(crate) fn zone_of_campaign(&self, stock: Handle, definition: &Definition) -> u32 {
        if definition.clock_minutes.get() != Limits::BY_ZONE {
            return NONE;
        }
        let stock = self.stock(stock);
        let place = self.zones.place((stock.merchant, stock.id.slot()));
        place.expect("decide refused a zone that is not there")
    }
}

impl MerchantZone {
    #[inline]
    fn day(&self, time_ms: u64) -> Day {
        if on(Bug::ZoneStandsStill) {
            let first = self.zone.transitions().next().expect("a zone has a transition");
            return Day::at(time_ms, first.offset_minutes.get());
        }
        self.zone.day(time_ms)
    }
}

//! The oracle on time zones of merchants, and on days by any clock: looked up afresh each time, from the whole list.
//!
//! Invariant: a zone changes here alone.

use super::Oracle;
use super::risk::Owner;
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::OwnedCommand;
use scrip_engine::calendar::Transition;
use scrip_engine::command::Envelope;
use scrip_engine::ids::StockId;
use scrip_engine::limits::ZONES_MAX;
use scrip_engine::rejection::{CapacityOf, Code};

/// Stands in limits for the merchant's zone.
pub const BY_ZONE: i16 = -32_768;

/// The time zone of a merchant in a slot.
#[derive(Debug, Clone)]
pub struct Zone {
    /// How often it was set.
    pub version: u32,
    /// For people.
    pub name: Vec<u8>,
    /// Its transitions.
    pub transitions: Vec<Transition>,
}

/// A merchant in a slot.
pub fn owner(envelope: &Envelope) -> Owner {
    (envelope.merchant.0, envelope.slot.0)
}

/// The day that a clock shows, 0 before 1970.
pub(super) fn shown_day(time_ms: i128, minutes: i16) -> i128 {
    (time_ms + i128::from(minutes) * 60_000).max(0) / 86_400_000
}

impl Zone {
    /// The latest day that the clock has shown up to a time.
    pub(super) fn day(&self, time_ms: u64) -> i128 {
        let now_ms = i128::from(time_ms);
        let mut latest = 0;
        for (at, transition) in self.transitions.iter().enumerate() {
            let begins_ms = if at == 0 { 0 } else { i128::from(transition.from_ms.get()) };
            if begins_ms > now_ms {
                break;
            }
            let ends_ms = self.transitions.get(at + 1).map(|next| i128::from(next.from_ms.get()));
            let last_ms = ends_ms.map_or(now_ms, |ends_ms| now_ms.min(ends_ms - 1));
            latest = latest.max(shown_day(last_ms, transition.offset_minutes.get()));
        }
        latest
    }

    /// Those that have begun, and the first.
    pub fn begun(&self, now_ms: u64) -> Vec<Transition> {
        let later = self.transitions.iter().skip(1).filter(|transition| transition.from_ms.get() <= now_ms);
        self.transitions.iter().take(1).chain(later).copied().collect()
    }
}

impl Oracle {
    /// The day of a time by a stock's clock.
    pub fn day(&self, stock: StockId, time_ms: u64) -> i128 {
        let found = &self.stocks[&stock];
        match found.limits.utc_offset_minutes.get() {
            BY_ZONE => self.zones[&(found.merchant, stock.slot().0)].day(time_ms),
            minutes => shown_day(i128::from(time_ms), minutes),
        }
    }

    /// ZONE_SET.
    pub(super) fn set_zone(&mut self, envelope: &Envelope, command: &OwnedCommand) -> OwnedOutcome {
        let OwnedCommand::ZoneSet { version, name, transitions } = command else {
            unreachable!("called for ZONE_SET alone");
        };
        let found = self.zones.get(&owner(envelope));
        let in_force = found.map_or(0, |zone| zone.version);
        if *version != in_force {
            let facts = OwnedFacts::Version(in_force);
            return OwnedOutcome::Refused { code: Code::RuleFailed, facts };
        }
        if let Some(zone) = found {
            let begun = zone.begun(self.now_ms);
            let others = transitions.iter().skip(begun.len());
            let all_later = others.into_iter().all(|transition| transition.from_ms.get() > self.now_ms);
            if !transitions.starts_with(&begun) || !all_later {
                return OwnedOutcome::refused(Code::RuleFailed);
            }
        } else if self.zones.len() >= ZONES_MAX {
            let facts = OwnedFacts::Maximum(CapacityOf::Zones, ZONES_MAX as u64);
            return OwnedOutcome::Refused { code: Code::Capacity, facts };
        }
        let zone = Zone { version: in_force + 1, name: name.clone(), transitions: transitions.clone() };
        self.zones.insert(owner(envelope), zone);
        OwnedOutcome::StockChanged { value: u64::from(in_force) + 1 }
    }

    /// ZONE_SHOW.
    pub(super) fn show_zone(&self, envelope: &Envelope) -> OwnedOutcome {
        match self.zones.get(&owner(envelope)).cloned() {
            Some(Zone { version, name, transitions }) => OwnedOutcome::Zone { version, name, transitions },
            None => OwnedOutcome::Zone { version: 0, name: Vec::new(), transitions: Vec::new() },
        }
    }
}

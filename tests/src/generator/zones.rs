//! Drawing time zones: clocks by which midnight is near, that are set ahead and back soon, and over midnight.
//!
//! Invariant: what is drawn is well formed; whether it is allowed is for engine and oracle to say.

use super::Generator;
use super::plan::{Kind, pick};
use crate::oracle::{Oracle, zone_owner};
use crate::request::{OwnedCommand, OwnedRequest};
use scrip_engine::calendar::Transition;
use scrip_engine::command::{Envelope, Limits};
use scrip_engine::limits::TRANSITIONS_MAX;
use std::collections::BTreeMap;

impl Generator {
    /// What has a new stock count its days by a clock that is set ahead soon, close to midnight: the last command first.
    pub(super) fn first_days(&mut self, request: &OwnedRequest) -> Vec<OwnedRequest> {
        let OwnedCommand::StockCreate { stock, .. } = request.command else { return Vec::new() };
        if !self.happens(self.plan.chances.zoned) {
            return Vec::new();
        }
        let Envelope { merchant, slot, .. } = request.envelope;
        let near = self.near_midnight();
        let before = (near - *self.choose(&[60, 120, 600])).max(-840);
        let transitions = vec![
            Transition::new(self.now_ms.saturating_sub(1), before),
            Transition::new(self.now_ms + self.rng.u64(1..2_000), near),
        ];
        let zone = OwnedCommand::ZoneSet { version: 0, name: b"Europe/Berlin".to_vec(), transitions };
        let mut limits = self.limits(None, true);
        limits.utc_offset_minutes.set(Limits::BY_ZONE);
        let spans = self.span_limits();
        let limits = OwnedCommand::StockLimits { stock, version: 1, limits, spans };
        [limits, zone]
            .map(|command| OwnedRequest { envelope: self.envelope_at(merchant, slot), command })
            .into()
    }

    /// ZONE_SET, ZONE_SHOW.
    pub(super) fn zone_command(&mut self, oracle: &Oracle, envelope: &Envelope, kind: Kind) -> OwnedCommand {
        if kind == Kind::ZoneShow {
            return OwnedCommand::ZoneShow;
        }
        let zone = oracle.zones.get(&zone_owner(envelope));
        let in_force = zone.map_or(0, |zone| zone.version);
        let version = if self.rng.u8(0..10) > 0 { in_force } else { in_force ^ 1 };
        let begun = zone.map_or(Vec::new(), |zone| zone.begun(oracle.now_ms()));
        let mut drawn: BTreeMap<u64, i16> = begun
            .iter()
            .map(|transition| (transition.from_ms.get(), transition.offset_minutes.get()))
            .collect();
        if drawn.is_empty() {
            let ago_ms = *pick(&mut self.rng, &[0, 1, 1_000, 86_400_000]);
            drawn.insert(self.now_ms.saturating_sub(ago_ms), self.clock());
        }
        match self.rng.u8(0..12) {
            // What has begun is changed, left out, or comes later.
            0 => drop(drawn.pop_last()),
            1 => drop(drawn.insert(self.now_ms, self.clock())),
            _ => {}
        }
        for _ in 0..self.rng.u8(0..5) {
            let next_ms = self.near_ms();
            let minutes = self.clock();
            let shifted =
                drawn.last_entry().map_or(0, |last| *last.get()) + *self.choose(&[-60, 60, 30, -720]);
            let minutes = if self.rng.bool() { minutes } else { shifted.clamp(-840, 840) };
            drawn.insert(next_ms, minutes);
        }
        if drawn.is_empty() {
            drawn.insert(self.now_ms, 0);
        }
        let transitions: Vec<Transition> = drawn
            .into_iter()
            .take(TRANSITIONS_MAX)
            .map(|(from_ms, minutes)| Transition::new(from_ms, minutes))
            .collect();
        let name = self.choose(&[&b"Europe/Berlin"[..], b"UTC", "东八区".as_bytes()]).to_vec();
        OwnedCommand::ZoneSet { version, name, transitions }
    }

    /// A time to come, soon mostly.
    fn near_ms(&mut self) -> u64 {
        let away_ms = match self.rng.u8(0..4) {
            0 => self.rng.u64(0..4),
            1 => self.rng.u64(1..40),
            2 => self.rng.u64(1..3_000),
            _ => self.rng.u64(1..100_000_000),
        };
        self.now_ms + away_ms
    }

    /// When the clocks of zones change, and when days begin by them.
    pub(super) fn moments_of_zones(&self, oracle: &Oracle) -> Vec<u64> {
        let mut moments_ms = Vec::new();
        for zone in oracle.zones.values() {
            let in_force = zone.begun(self.now_ms).last().map_or(0, |last| last.offset_minutes.get());
            moments_ms.push(super::rules::next_midnight_ms(self.now_ms, in_force));
            let later = zone.transitions.iter().map(|transition| transition.from_ms.get());
            moments_ms.extend(later.filter(|from_ms| *from_ms > self.now_ms).take(2));
        }
        moments_ms
    }
}

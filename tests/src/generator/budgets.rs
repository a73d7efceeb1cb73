//! Drawing what campaigns may issue on a day and for how much money, and hours that begin and end soon.
//!
//! Invariant: what is drawn is well formed: a budget has a cost.

use super::Generator;
use super::plan::pick;
use super::rules::next_midnight_ms;
use crate::request::Worth;
use scrip_engine::command::{Definition, Limits};

const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: i64 = 1_440;

impl Worth {
    /// Gives a definition with a budget the cost that it lacks.
    pub(super) fn price(&mut self) {
        let definition = &self.definition;
        let budgeted = definition.budget != 0 || definition.budget_per_day != 0;
        if budgeted && self.cost() == 0 {
            self.definition.cost = 3.into();
        }
    }
}

impl Generator {
    /// Cards and money of the day and in all, clock and hours: most campaigns have none.
    pub(super) fn bounds_of(&mut self, worth: &mut Worth) {
        let minutes = if self.happens(self.plan.chances.zoned / 4) { Limits::BY_ZONE } else { self.clock() };
        worth.definition.clock_minutes.set(minutes);
        if self.rng.u8(0..5) == 0 {
            worth.definition.cost = (*pick(&mut self.rng, &[0, 0, 1, 7, 100])).into();
            let cost = u64::try_from(worth.cost().clamp(1, 1 << 50)).expect("not below 1");
            let rng = &mut self.rng;
            let mut money = |cards: &[u64]| match *pick(rng, cards) {
                0 => 0,
                most => most * cost + rng.u64(0..cost),
            };
            worth.definition.budget = money(&[0, 3, 20, 100, 1 << 12]).into();
            worth.definition.budget_per_day = money(&[0, 0, 1, 4, 30]).into();
            worth.definition.cards_per_day = (*pick(rng, &[0, 0, 1, 2, 5, 40, u64::MAX])).into();
            worth.price();
        }
        if self.rng.u8(0..6) == 0 {
            self.hours_of(&mut worth.definition, minutes);
        }
    }

    /// Hours near what the clock shows.
    fn hours_of(&mut self, definition: &mut Definition, minutes: i16) {
        let ahead = if minutes == Limits::BY_ZONE { 0 } else { i64::from(minutes) };
        let shown = (self.now_ms / MINUTE_MS) as i64 + ahead;
        let near = |away: i64| ((shown + away).rem_euclid(DAY_MINUTES)) as u16;
        let rng = &mut self.rng;
        let mut minute = || *pick(rng, &[0, 0, 1, 1_439, near(-2), near(0), near(1), near(90)]);
        let (opens, closes) = (minute(), minute());
        definition.opens_minute = opens.into();
        definition.closes_minute = if closes == 0 { *pick(rng, &[0, 1_440]) } else { closes }.into();
        let today = 1u8 << (shown.div_euclid(DAY_MINUTES) + 3).rem_euclid(7);
        let tomorrow = if today == 64 { 1 } else { today << 1 };
        definition.weekdays = *pick(rng, &[0, 0, 0, today, tomorrow, 127 & !today, 31, 127]);
    }
}

/// When hours begin and end next, and the day.
pub(super) fn moments_of(definition: &Definition, now_ms: u64) -> Vec<u64> {
    let minutes = definition.clock_minutes.get();
    let ahead = if minutes == Limits::BY_ZONE { 0 } else { minutes };
    let midnight_ms = next_midnight_ms(now_ms, ahead);
    let hours = definition.hours();
    let mut moments_ms = Vec::new();
    if !hours.is_always() {
        let of_day = [hours.opens_minute, hours.closes_minute];
        // Of this day, and of the next.
        let of_this =
            of_day.map(|minute| midnight_ms.saturating_sub((1_440 - u64::from(minute)) * MINUTE_MS));
        moments_ms.extend(
            of_this.into_iter().chain(of_day.map(|minute| midnight_ms + u64::from(minute) * MINUTE_MS)),
        );
    }
    if !hours.is_always() || definition.limits_days() {
        moments_ms.push(midnight_ms);
    }
    moments_ms
}

//! Lots in holds: units of lots that a card line holds are used with it, or go back to where they came from.
//!
//! A line whose card has but its own lot has no parts, and passes all of this by. Invariant: what a lot has in held is what
//! the parts of lines that are held have taken of it.

use super::{LotRecord, PartRecord};
use crate::command::CardState;
use crate::state::State;
use crate::state::slices::slice_of;
use crate::state::table::{Handle, NONE};
use scrip_planted::{Bug, on};
use std::collections::BTreeMap;

impl State {
    /// What a card line holds that could be used if it went back now.
    pub fn held_live(&self, line: Handle, now_ms: u64) -> u32 {
        let over =
            |part: &PartRecord| part.lot != NONE && !self.lots.lots.get(Handle(part.lot)).is_live(now_ms);
        let parts = self.parts(line).map(|part| self.lots.parts.get(part));
        let over: u32 = parts.filter(|part| over(part)).map(|part| part.units).sum();
        self.redemptions.get(line).reserved() - over
    }

    /// Units that lines hold of lots, by the lots' numbers.
    pub(super) fn held_parts(&self) -> BTreeMap<u32, u64> {
        let mut held = BTreeMap::new();
        for (line, _) in self.redemptions.iter().filter(|(_, line)| line.is_held()) {
            for part in self.parts(line).map(|part| self.lots.parts.get(part)) {
                if part.lot != NONE {
                    *held.entry(part.number).or_default() += u64::from(part.units);
                }
            }
        }
        held
    }
}

/// Writing: for `apply` alone.
impl State {
    /// Units that a card line holds go back to their lots, the last taken first; those of a void card are void.
    pub(in crate::state) fn free_of_lots(&mut self, line: Handle, units: u32) {
        let Some(mut last) = self.last_part(line) else { return };
        let card = Handle(self.redemptions.get(line).card);
        let is_void = self.cards.get(card).state() == CardState::Void;
        let mut wanted = units;
        while wanted > 0 {
            let part = self.lots.parts.get_mut(last);
            let units = part.units.min(wanted);
            wanted -= units;
            part.units -= units;
            let part = *part;
            if part.lot != NONE {
                let lot = self.lots.lots.get_mut(Handle(part.lot));
                lot.held = lot.held.checked_sub(units).expect("what is freed was held");
                lot.available += if is_void || on(Bug::HeldLotForgotten) { 0 } else { units };
            }
            if part.units > 0 {
                break;
            }
            let before = (part.before != NONE).then_some(Handle(part.before));
            self.set_last_part(line, before);
            self.lots.parts.remove(last);
            match before {
                Some(before) => last = before,
                None => break,
            }
        }
    }

    /// All that a card line holds of lots is used. The lots stay until the floor has passed then.
    pub(in crate::state) fn use_of_lots(&mut self, line: Handle, keep_ms: u64) {
        self.change_lots_of(line, |lot, units| {
            lot.held = lot.held.checked_sub(units).expect("what is used was held");
            lot.consumed += units;
            lot.keep(slice_of(keep_ms));
        });
    }

    /// The lots that a card line has used units of stay until the floor has passed then: its hold does, and may give them back.
    pub(in crate::state) fn keep_lots(&mut self, line: Handle, keep_ms: u64) {
        self.change_lots_of(line, |lot, _| lot.keep(slice_of(keep_ms)));
    }

    /// Changes each lot that a card line took of, given the units it took, the last taken first.
    fn change_lots_of(&mut self, line: Handle, change: impl Fn(&mut LotRecord, u32)) {
        let mut next = self.last_part(line);
        while let Some(handle) = next {
            let part = *self.lots.parts.get(handle);
            next = (part.before != NONE).then_some(Handle(part.before));
            if part.lot != NONE {
                change(self.lots.lots.get_mut(Handle(part.lot)), part.units);
            }
        }
    }
}

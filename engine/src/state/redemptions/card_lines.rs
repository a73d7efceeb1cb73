//! Cards in holds: what a hold has taken of a card, or has used of it once it is confirmed.
//!
//! A card line is a redemption whose record is its hold's: it lies in the same table, counts for the same intervals, but stands
//! under no operation id of its own and leaves memory with the hold. The hold's lines are followed by its cards: the word behind
//! the last line names the first of them.
//!
//! Invariant: the units of a card that are held are those reserved by its card lines in held holds.

use super::{
    AT_BITS, DISCOUNT_BITS, FLAGGED, PARTS, RedemptionRecord, SLICES_AHEAD, State, UNITS_BITS, WIDE,
};
use crate::command::CardState;
use crate::ids::CardId;
use crate::rejection::Code;
use crate::state::cards::CardRecord;
use crate::state::lots::Shares;
use crate::state::records::HoldRecord;
use crate::state::table::{Handle, NONE};

/// Flag beside the counts: a hold's.
const OF_HOLD: u64 = FLAGGED << 1;
/// Its units are held.
const HELD: u64 = FLAGGED << 2;
/// In place of the order stands what it lacked at a late CONFIRM: the code above the units asked for, above those available.
const REFUSED: u64 = FLAGGED << 3;

/// A card as a hold takes it.
#[derive(Debug, Clone, Copy)]
pub struct NewCardLine {
    /// The card's record.
    pub card: Handle,
    /// Units.
    pub units: u32,
    /// What it takes off the order, in minor units.
    pub discount: u64,
    /// The line before it, if it is not the first of its hold.
    pub before: Option<Handle>,
}

impl RedemptionRecord {
    /// Whether it is a card line of a hold.
    pub fn is_of_hold(&self) -> bool {
        self.counts & OF_HOLD != 0
    }

    /// Of a card line: whether its units are held.
    pub fn is_held(&self) -> bool {
        self.counts & HELD != 0
    }

    /// Of a card line: units taken when the hold was made.
    pub fn reserved(&self) -> u32 {
        self.left()
    }

    /// Of a card line: its hold.
    pub fn hold(&self) -> Handle {
        Handle(self.content as u32)
    }

    /// Of a card line: what it takes off the order; nothing once it was refused.
    pub fn worth(&self) -> u64 {
        if self.counts & REFUSED != 0 { 0 } else { self.discount() }
    }

    /// Of a card line: what it lacked at a late CONFIRM, units asked for, units that could have been had.
    pub fn refusal(&self) -> Option<(Code, u32, u64)> {
        if self.counts & REFUSED == 0 {
            return None;
        }
        let (why, asked) = ((self.order >> 96) as u16, (self.order >> 64) as u32);
        Some((Code::from_number(why)?, asked, self.order as u64))
    }
}

impl State {
    /// The cards of a hold, in order.
    pub fn card_lines<'s>(
        &'s self,
        hold: &HoldRecord,
    ) -> impl Iterator<Item = (Handle, &'s RedemptionRecord)> + use<'s> {
        let mut next = if hold.has_cards() { self.first_card_word(hold) } else { NONE };
        core::iter::from_fn(move || {
            if next == NONE {
                return None;
            }
            let handle = Handle(next);
            let record = self.redemptions.get(handle);
            next = record.slice_next;
            Some((handle, record))
        })
    }

    /// The id of the card of a card line.
    pub fn card_of_line(&self, line: &RedemptionRecord) -> CardId {
        self.card_id(Handle(line.card))
    }

    /// The card of a card line.
    pub fn record_of_line(&self, line: &RedemptionRecord) -> &CardRecord {
        self.cards.get(Handle(line.card))
    }
}

/// Writing: for `apply` alone.
impl State {
    /// Units of a card leave available for a hold that is about to be made.
    pub(crate) fn take_card(&mut self, new: &NewCardLine) -> Handle {
        let card = self.cards.get(new.card);
        assert!(card.state() == CardState::Active, "only an active card is taken");
        let definition = &self.campaigns.get(self.cards.place(new.card).0).definition;
        let is_wide = definition.kind().is_wide();
        let shares = match is_wide {
            true => self.shares_of((Some(new.card), card), definition, (self.now_ms, new.units)),
            false => Shares::new(),
        };
        self.cards.get_mut(new.card).hold(new.units);
        let units = u64::from(new.units);
        let (wide, counts, worth) = match is_wide {
            true => (WIDE, 0, units << DISCOUNT_BITS | new.discount),
            false => (0, units << (2 * UNITS_BITS), new.discount),
        };
        let record = RedemptionRecord {
            operation: 0,
            order: 0,
            content: u64::from(NONE),
            discount: worth,
            times: wide | SLICES_AHEAD << AT_BITS | self.now_ms,
            counts: OF_HOLD | HELD | counts,
            card: new.card.0,
            slice_next: NONE,
            newer: NONE,
            older: NONE,
        };
        let line = self.redemptions.insert(record);
        if let Some(before) = new.before {
            self.redemptions.get_mut(before).slice_next = line.0;
        }
        self.take_of_lots(line, &shares);
        line
    }

    /// The hold that the card lines were taken for has been made.
    pub(crate) fn name_card_lines(&mut self, hold: Handle) {
        let record = *self.holds.get(hold);
        self.change_cards(hold, |state, _, line| {
            let line = state.redemptions.get_mut(line);
            (line.operation, line.order, line.content) = (record.operation, record.order, u64::from(hold.0));
        });
    }

    /// Does something with each card line of a hold, in order.
    pub(crate) fn change_cards(&mut self, hold: Handle, mut change: impl FnMut(&mut State, usize, Handle)) {
        let record = self.holds.get(hold);
        let mut next = if record.has_cards() { self.first_card_word(record) } else { return };
        let mut position = 0;
        while next != NONE {
            let line = Handle(next);
            next = self.redemptions.get(line).slice_next;
            change(self, position, line);
            position += 1;
        }
    }

    /// Held units of a card line are used, so many; the rest goes back. What they were taken of stays until the floor has
    /// passed `keep_ms`.
    pub(crate) fn use_held(&mut self, line: Handle, units: u32, keep_ms: u64) {
        let (card, reserved) = self.let_go(line);
        let rest = reserved.checked_sub(units).expect("no more is used than was held");
        self.settle_end(card);
        self.free_of_lots(line, rest);
        self.cards.get_mut(card).free(rest);
        self.note_use(line, units, keep_ms);
    }

    /// Held units of a card line go back.
    pub(crate) fn free_held(&mut self, line: Handle) {
        let (card, reserved) = self.let_go(line);
        self.settle_end(card);
        self.free_of_lots(line, reserved);
        self.cards.get_mut(card).free(reserved);
    }

    /// A card line takes again what its hold had lost, and uses it.
    pub(crate) fn use_again(&mut self, line: Handle, units: u32, keep_ms: u64) {
        let record = self.redemptions.get(line);
        let (handle, is_wide) = (Handle(record.card), record.is_wide());
        self.settle_end(handle);
        if is_wide {
            let definition = &self.campaigns.get(self.cards.place(handle).0).definition;
            let card = self.cards.get(handle);
            let shares = self.shares_of((Some(handle), card), definition, (self.now_ms, units));
            self.redemptions.get_mut(line).counts |= HELD;
            self.take_of_lots(line, &shares);
            self.redemptions.get_mut(line).counts &= !HELD;
        }
        self.cards.get_mut(handle).hold(units);
        self.note_use(line, units, keep_ms);
    }

    /// Used units of a card line go back to their card, to lots that live until then at least; what was used in all the line
    /// says still.
    pub(crate) fn give_card_back(&mut self, line: Handle, units: u32, lives_until_s: u32) {
        if units == 0 {
            return;
        }
        let card = Handle(self.redemptions.get(line).card);
        self.reverse_redemption(line, units);
        self.give_back_to_lots(line, units, lives_until_s);
        let (before, ended) = (self.cards.get(card).state(), self.has_ended(card));
        self.cards.get_mut(card).give_back(units, ended);
        self.count_used(card, before);
    }

    /// What a card line lacked at a late CONFIRM.
    pub(crate) fn refuse_card_line(&mut self, line: Handle, why: Option<Code>, asked: u32, available: u64) {
        let line = self.redemptions.get_mut(line);
        let why = why.map_or(0, |code| code as u128);
        line.order = why << 96 | u128::from(asked) << 64 | u128::from(available);
        line.counts |= REFUSED;
    }

    /// The cards of a hold leave memory with it; what it has used of them stays used.
    pub(in crate::state) fn evict_card_lines(&mut self, hold: Handle) {
        self.change_cards(hold, |state, _, line| {
            let record = state.redemptions.get(line);
            assert!(!record.is_held(), "a held hold stays");
            if record.stands() {
                state.unhang_redemption(line);
            }
            state.forget_parts(line);
            state.redemptions.remove(line);
        });
    }

    /// The line holds nothing any more; answers its card and what it held.
    fn let_go(&mut self, line: Handle) -> (Handle, u32) {
        let record = self.redemptions.get_mut(line);
        assert!(record.is_held(), "what is held is held once");
        record.counts &= !HELD;
        (Handle(record.card), record.reserved())
    }

    /// Units that the line has taken out of held are used: it is the card's newest use.
    fn note_use(&mut self, line: Handle, units: u32, keep_ms: u64) {
        let now_ms = self.now_ms;
        self.use_of_lots(line, keep_ms);
        let record = self.redemptions.get_mut(line);
        let card = Handle(record.card);
        record.times = record.times & (WIDE | PARTS) | SLICES_AHEAD << AT_BITS | now_ms;
        record.counts |= u64::from(units);
        let kind = self.campaigns.get(self.cards.place(card).0).definition.kind();
        let before = self.cards.get(card).state();
        self.cards.get_mut(card).use_held(units, kind.is_never_used());
        self.count_used(card, before);
        if units > 0 {
            self.hang_redemption(line, card);
        }
    }
}

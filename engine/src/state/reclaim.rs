//! Eviction: records that are gone leave memory, a few with each insertion, more with each floor event.
//!
//! Runs inside `apply`, so live and replayed states free the same records at the same events. What leaves is counted:
//! a stock's and a purchase limit's `moved_out` keep recounting exact.

use super::State;
use super::records::{HoldRecord, NO_LINE, Recorded};
use super::table::{Handle, NONE};
use crate::answer::HoldState;

/// Records looked at per insertion: more than one each, so that a full table drains while new records come.
pub(crate) const VISITS_PER_INSERTION: usize = 4;
/// Records looked at by a floor event: a table that is full to the brim takes no insertion that would free some.
pub(crate) const VISITS_PER_FLOOR: usize = 256;

/// Card keys after whose holds no other record is looked at in the same round.
const KEYS_PER_ROUND: u32 = 4_096;

impl State {
    /// Looks at a few records below the floor; frees those that are gone, keeps the others for later.
    #[inline]
    pub(crate) fn reclaim(&mut self, visits: usize) {
        let mut keys = 0;
        for _ in 0..visits {
            if keys >= KEYS_PER_ROUND {
                return;
            }
            let (holds, operations, redemptions) = (&self.holds, &self.operations, &self.redemptions);
            let record = self.slices.take_reclaimable(|record| match record {
                Recorded::Hold(handle) => holds.get(handle).slice_next,
                Recorded::Operation(handle) => operations.get(handle).slice_next,
                Recorded::Redemption(handle) => redemptions.get(handle).slice_next,
            });
            match record {
                None => return,
                Some(Recorded::Operation(handle)) => self.evict_operation(handle),
                Some(Recorded::Redemption(handle)) => self.evict_redemption(handle),
                Some(Recorded::Hold(handle)) => {
                    if self.is_gone(handle, self.now_ms) {
                        keys += self.evict_hold(handle);
                    } else {
                        let again_ms = self.look_again_ms(handle);
                        self.push_slice(again_ms, Recorded::Hold(handle));
                    }
                }
            }
        }
    }

    /// The slice whose passing brings a lingering hold back here: of its closing; or, while it may still be confirmed,
    /// the one that the floor, as far behind the time as now, passes when it no longer may.
    fn look_again_ms(&self, handle: Handle) -> u64 {
        let hold = self.holds.get(handle);
        let lag_ms = self.now_ms.saturating_sub(self.floor_ms);
        let at = |late_until_ms: u64| late_until_ms.saturating_sub(lag_ms).max(self.floor_ms);
        match hold.state() {
            HoldState::Held => at(hold.deadline_ms() + self.rules.late_confirm_ms),
            HoldState::Expired => at(hold.late_until_ms()),
            HoldState::Owed => at(hold.deadline_ms()),
            HoldState::Confirmed if hold.flags & HoldRecord::OWED_KEY != 0 => {
                match self.debts.owed_key_until_ms(handle) {
                    until_ms if until_ms > self.now_ms => at(until_ms),
                    ended_ms => hold.closed_ms().max(ended_ms),
                }
            }
            _ => hold.closed_ms(),
        }
    }

    fn evict_operation(&mut self, handle: Handle) {
        let record = self.operations.get(handle);
        let key = crate::ids::OperationKey {
            merchant: crate::ids::MerchantId(record.merchant),
            slot: crate::ids::Slot(record.slot),
            operation: crate::ids::OperationId(record.operation),
        };
        let hash = self.record_hash(&key);
        self.record_index.remove(hash, Handle(Recorded::Operation(handle).tagged()));
        self.operations.remove(handle);
    }

    /// Answers how many card keys were bound to it.
    fn evict_hold(&mut self, handle: Handle) -> u32 {
        let mut keys = 0;
        let hold = *self.holds.get(handle);
        let confirmed = hold.state() == HoldState::Confirmed;
        self.change_lines(handle, |state, _, line| {
            let left = if confirmed { line.current - line.returned } else { 0 };
            if line.stock != NONE {
                // Cards stay: they count what is consumed of their campaign.
                let units = if state.is_of_cards(line) { 0 } else { left };
                state.stock_mut(Handle(line.stock)).move_out(hold.channel(), u64::from(units));
            }
            state.forget_line((line.limit, line.stock), left, hold.reserved_ms);
            keys += state.keys.forget_hold(state.keys_of(line));
        });
        if hold.flags & HoldRecord::OWED_KEY != 0 {
            self.debts.forget(handle);
        }
        self.drop_order_lines(handle);
        self.unhang_from_order(handle);
        if hold.has_cards() {
            self.evict_card_lines(handle);
        }
        if hold.is_quoted() {
            self.forget_quote(&hold);
        }
        let mut next = hold.more_lines;
        while next < NO_LINE {
            let extra = Handle(next);
            next = self.extra_lines.get(extra).next;
            self.extra_lines.remove(extra);
        }
        let hash = self.record_hash(&hold.key());
        self.record_index.remove(hash, Handle(Recorded::Hold(handle).tagged()));
        self.holds.remove(handle);
        keys
    }
}

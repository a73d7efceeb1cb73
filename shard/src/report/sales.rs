//! Holds and sales in the report.
//!
//! Invariant: a unit that is sold, released or expired was held, owed or sold at once before, through the same channel.

use super::{Report, Tally, add};
use scrip_engine::answer::HoldState;
use scrip_engine::event::{Event, debts};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OperationKey, StockId};
use scrip_engine::state::State;
use scrip_engine::state::records::{HoldRecord, LineRecord};
use scrip_engine::state::table::{Handle, NONE};

impl Report {
    pub(super) fn follow_sales(&mut self, event: &Event<'_>, state: &State) {
        match event {
            Event::Taken { origin, sold, replaces, lines, prices, .. } => {
                if *replaces != OperationId(0) {
                    self.end_held(state, OperationKey { operation: *replaces, ..origin.key() }, false);
                }
                for (at, line) in lines.iter().enumerate() {
                    let units = u64::from(line.units.get());
                    let price = prices.get(at).map_or(0, |price| u64::from(price.get()));
                    let tally = self.tally(state, origin.merchant, line.stock(), origin.channel);
                    if *sold {
                        tally.sold += units;
                        add(&mut tally.sold_for, units * price);
                    } else {
                        tally.held += units;
                    }
                }
            }
            Event::SellRefused { origin, lines, .. } => {
                for line in *lines {
                    self.tally(state, origin.merchant, line.stock(), origin.channel).refused +=
                        u64::from(line.asked.get());
                }
            }
            Event::Owed { origin, replaces, lines, .. } => {
                if *replaces != OperationId(0) {
                    self.end_held(state, OperationKey { operation: *replaces, ..origin.key() }, false);
                }
                for line in *lines {
                    self.tally(state, origin.merchant, line.stock(), origin.channel).owed +=
                        u64::from(line.units.get());
                }
            }
            Event::Settled { holds, keys } => self.end_debts(state, debts(holds, keys), true),
            Event::Unfulfilled { holds, keys } => self.end_debts(state, debts(holds, keys), false),
            Event::KeyReplaced { origin, hold, key, .. }
            | Event::ReplaceOwed { origin, hold, key, .. }
            | Event::KeyReclaimed { origin, hold, key, .. } => {
                let hold = OperationKey { operation: *hold, ..origin.key() };
                if let Some((tally, price)) = self.line_of_key(state, hold, *key) {
                    count_key(tally, event, price);
                }
            }
            _ => self.follow_ends(event, state),
        }
    }

    /// What becomes of holds.
    fn follow_ends(&mut self, event: &Event<'_>, state: &State) {
        match event {
            Event::Confirmed { hold, late, lines, .. } => {
                let confirmed = lines.iter().map(|line| u64::from(line.units.get()));
                self.each_line(state, *hold, confirmed, |tally, line, price, units| {
                    tally.sold += units;
                    add(&mut tally.sold_for, units * price);
                    // What is not confirmed goes back; of a late one everything has.
                    tally.released += if *late { 0 } else { u64::from(line.current) - units };
                });
            }
            Event::ConfirmOwed { hold, lines, .. } => {
                let asked = lines.iter().map(|line| u64::from(line.asked.get()));
                self.each_line(state, *hold, asked, |tally, line, _, units| {
                    tally.owed += units;
                    tally.released += u64::from(line.current) - units;
                });
            }
            Event::LateRefused { hold, lines } => {
                let asked = lines.iter().map(|line| u64::from(line.asked.get()));
                self.each_line(state, *hold, asked, |tally, _, _, units| tally.refused += units);
            }
            Event::Released { hold } => self.end_held(state, *hold, false),
            Event::Expired { holds } => {
                for hold in *holds {
                    self.end_held(state, hold.key(), true);
                }
            }
            Event::Cancelled { hold } => self.cancel(state, *hold),
            Event::Returned { origin, hold, lines, .. } => {
                let hold = OperationKey { operation: *hold, ..origin.key() };
                let units = lines.iter().map(|line| u64::from(line.units.get()));
                self.each_line(state, hold, units, |tally, line, price, units| {
                    give_back(state, tally, (line, price), units);
                });
            }
            _ => {}
        }
    }

    /// Counts something of each line of a hold; `units` go with its lines.
    fn each_line(
        &mut self,
        state: &State,
        key: OperationKey,
        units: impl Iterator<Item = u64>,
        count: impl Fn(&mut Tally, &LineRecord, u64, u64),
    ) {
        let Some(hold) = hold_of(state, key) else { return };
        let (merchant, channel) = whose(hold);
        for ((line, price), units) in state.lines(hold).zip(state.prices(hold)).zip(units) {
            if let Some(stock) = stock_of(state, line) {
                count(self.tally(state, merchant, stock, channel), line, u64::from(price), units);
            }
        }
    }

    /// A hold that was held ends without a sale. (One that had expired has been counted then.)
    fn end_held(&mut self, state: &State, key: OperationKey, expired: bool) {
        if !hold_of(state, key).is_some_and(|hold| hold.state() == HoldState::Held) {
            return;
        }
        self.each_line(state, key, core::iter::repeat(0), |tally, line, _, _| {
            let units = u64::from(line.current);
            *(if expired { &mut tally.expired } else { &mut tally.released }) += units;
        });
    }

    fn end_debts(
        &mut self,
        state: &State,
        debts: impl Iterator<Item = (OperationKey, Option<u32>)>,
        settled: bool,
    ) {
        for (hold, key) in debts {
            match key {
                None => self.each_line(state, hold, core::iter::repeat(0), |tally, line, price, _| {
                    let units = u64::from(line.asked());
                    if settled {
                        tally.sold += units;
                        add(&mut tally.sold_for, units * price);
                    } else {
                        tally.unfulfilled += units;
                    }
                }),
                Some(key) => {
                    if let Some((tally, price)) = self.line_of_key(state, hold, key) {
                        if settled {
                            tally.sold += 1;
                            add(&mut tally.sold_for, price);
                            tally.replaced += 1;
                        } else {
                            tally.unfulfilled += 1;
                        }
                    }
                }
            }
        }
    }

    /// The tally of the line that a key is bound to, and what a unit of it cost.
    fn line_of_key(&mut self, state: &State, hold: OperationKey, key: u32) -> Option<(&mut Tally, u64)> {
        let record = hold_of(state, hold)?;
        let (merchant, channel) = whose(record);
        let (line, price) = state
            .lines(record)
            .zip(state.prices(record))
            .find(|(line, _)| state.keys.line(state.keys_of(line)).any(|(bound, _)| bound.0 == key))?;
        let stock = stock_of(state, line)?;
        Some((self.tally(state, merchant, stock, channel), u64::from(price)))
    }

    fn cancel(&mut self, state: &State, key: OperationKey) {
        let Some(hold) = hold_of(state, key) else { return };
        let stand = hold.state();
        self.each_line(state, key, core::iter::repeat(0), |tally, line, price, _| match stand {
            HoldState::Held => tally.released += u64::from(line.current),
            HoldState::Owed => tally.unfulfilled += u64::from(line.asked()),
            HoldState::Confirmed => {
                give_back(state, tally, (line, price), u64::from(line.current - line.returned));
            }
            _ => {}
        });
    }
}

/// Units of a line that were sold go back, the last ones first. Those among them for which another key was owed have been
/// counted as returned when it became owed.
fn give_back(state: &State, tally: &mut Tally, (line, price): (&LineRecord, u64), units: u64) {
    let left = u64::from(line.current - line.returned);
    let keys = if state.keys.is_content(state.keys_of(line)) { NONE } else { state.keys_of(line) };
    let last = state.keys.line(keys).skip((left - units) as usize).take(units as usize);
    let owed = last.filter(|(_, key)| key.is_owed()).count() as u64;
    tally.unfulfilled += owed;
    tally.returned += units - owed;
    add(&mut tally.returned_for, (units - owed) * price);
}

/// A key was replaced, is to be, or was taken back unseen.
fn count_key(tally: &mut Tally, event: &Event<'_>, price: u64) {
    if matches!(event, Event::KeyReplaced { .. }) {
        tally.replaced += 1;
        return;
    }
    // The unit is not sold any more: nobody has seen it, or it was bad and another will be sold in its place.
    tally.returned += 1;
    add(&mut tally.returned_for, price);
    tally.owed += u64::from(matches!(event, Event::ReplaceOwed { .. }));
}

pub(super) fn hold_of(state: &State, key: OperationKey) -> Option<&HoldRecord> {
    let handle = state.find_hold(&key, state.record_hash(&key), state.now_ms)?;
    Some(state.holds.get(handle))
}

fn whose(hold: &HoldRecord) -> (MerchantId, ChannelId) {
    (MerchantId(hold.merchant), hold.channel())
}

fn stock_of(state: &State, line: &LineRecord) -> Option<StockId> {
    state.stocks.get(Handle(line.stock).0 as usize).map(|stock| stock.id)
}

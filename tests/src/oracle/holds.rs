//! The oracle on the life of a hold: expiry, CONFIRM, RELEASE, EXTEND, RETURN, and being forgotten.

use super::stocks::unsigned;
use super::{Hold, HoldLine, Key, Oracle, Record, key_beside};
use crate::outcome::{Lack, OwnedFacts, OwnedHold, OwnedHoldLine, OwnedOutcome};
use scrip_engine::answer::HoldState;
use scrip_engine::command::Envelope;
use scrip_engine::ids::OperationId;
use scrip_engine::limits::TTL_MAX_MS;
use scrip_engine::rejection::Code;
use std::collections::BTreeSet;

impl Hold {
    pub(super) fn view(&self, hold: OperationId) -> OwnedHold {
        let line = |line: &HoldLine| OwnedHoldLine {
            price: line.price,
            stock: line.stock,
            reserved: narrow(line.reserved),
            confirmed: narrow(line.confirmed),
            returned: narrow(line.returned),
        };
        OwnedHold {
            flagged: self.flagged,
            hold,
            state: self.state,
            channel: self.channel,
            late: self.late,
            refusal: self
                .refusal
                .as_ref()
                .filter(|_| self.state != HoldState::Owed)
                .and_then(OwnedOutcome::code),
            order: self.order,
            user: self.user,
            reserved_ms: self.reserved_ms,
            deadline_ms: self.deadline_ms,
            closed_ms: self.closed_ms,
            lines: self.lines.iter().map(line).collect(),
            cards: self.cards.iter().map(|line| line.view(self)).collect(),
        }
    }

    /// The units a CONFIRM asks for, one per line: an empty list stands for all, missing ones for 0.
    fn wanted(&self, units: &[u32]) -> Vec<i128> {
        let reserved = self.all_reserved();
        if units.is_empty() { reserved } else { padded(units, reserved.len()) }
    }
}

impl Oracle {
    /// Whatever happens by itself up to now happens at its time: first guarantees lapse, then batches expire, then groups lapse, then holds expire,
    /// then debts end, and then what is left of them is settled.
    pub(super) fn happen_until_now(&mut self) {
        let (mut moments_ms, now_ms) = (BTreeSet::new(), self.now_ms);
        let held = self.records.values().filter_map(|record| record.hold.as_ref());
        let waits = |hold: &&Hold| matches!(hold.state, HoldState::Held | HoldState::Owed);
        moments_ms.extend(held.clone().filter(waits).map(|hold| hold.deadline_ms));
        moments_ms.extend(self.deadlines_of_groups());
        moments_ms.extend(held.flat_map(Hold::keys).filter_map(|place| place.owed_until_ms));
        for stock in self.stocks.values() {
            moments_ms.extend(stock.channels.values().map(|channel| channel.lapses_ms));
            moments_ms.extend(stock.batches.iter().map(|batch| batch.expires_ms));
        }
        for due_ms in moments_ms.into_iter().filter(|due_ms| (1..=now_ms).contains(due_ms)) {
            self.lapse_due(due_ms);
            self.stocks.values_mut().for_each(|stock| stock.expire_batches(due_ms));
            self.lapse_groups(due_ms);
            self.expire_due(due_ms);
            self.end_debts(due_ms);
            self.settle(due_ms);
        }
    }

    /// Every hold whose deadline is `due_ms` expires.
    fn expire_due(&mut self, due_ms: u64) {
        let is_due = |hold: &Hold| hold.state == HoldState::Held && hold.deadline_ms == due_ms;
        let mut due: Vec<Key> = self
            .records
            .iter()
            .filter(|(_, record)| record.hold.as_ref().is_some_and(is_due))
            .map(|(key, _)| *key)
            .collect();
        // Marks make a difference of who comes first; the documents leave that open among equal deadlines.
        let place = |key: &Key| self.expiring.iter().position(|next| next == key).unwrap_or(usize::MAX);
        due.sort_by_key(|key| (self.hold(*key).deadline_ms, place(key)));
        for key in due {
            self.expiring.retain(|next| *next != key);
            let deadline_ms = self.hold(key).deadline_ms;
            self.give_all_back(key, HoldState::Expired, deadline_ms);
            self.hold_mut(key).late_until_ms = deadline_ms + self.late_confirm_ms;
        }
    }

    /// Whether the floor has passed the making of a record and the end of what it made.
    pub(super) fn is_gone(&self, record: &Record) -> bool {
        let ended = record.hold.as_ref().is_none_or(|hold| match hold.state {
            HoldState::Held | HoldState::Owed => false,
            HoldState::Expired => self.now_ms >= hold.late_until_ms,
            HoldState::Confirmed if hold.keys().any(|place| place.owed_until_ms.is_some()) => false,
            _ => hold.closed_ms.max(hold.owed_key_ms) < self.floor_ms,
        });
        record.created_ms < self.floor_ms && ended
    }

    /// Forgets what is gone.
    pub(super) fn forget(&mut self) {
        let gone: Vec<Key> =
            self.records.iter().filter(|(_, record)| self.is_gone(record)).map(|(key, _)| *key).collect();
        for key in gone {
            self.retire(key);
        }
    }

    /// Forgets one record, if there is one; its units and purchases stay.
    pub(super) fn retire(&mut self, key: Key) {
        let Some(record) = self.records.remove(&key) else { return };
        if let Some(redemption) = record.redemption {
            let left = redemption.units - redemption.reversed;
            *self.departed_redemptions.entry(redemption.card).or_insert(0) += left;
        }
        let hold = record.hold;
        let Some(hold) = hold.filter(|hold| hold.state == HoldState::Confirmed) else {
            return;
        };
        for line in &hold.cards {
            let left = line.confirmed - line.returned;
            *self.departed_redemptions.entry(line.card).or_insert(0) += left;
        }
        for line in &hold.lines {
            let left = line.confirmed - line.returned;
            // Cards stay, and count themselves.
            let units = if line.sold.is_empty() { left } else { 0 };
            *self.departed.entry((line.stock, hold.channel)).or_insert(0) += units;
            let day = self.day(line.stock, hold.reserved_ms);
            for subject in &line.subjects {
                *self.departed_purchases.entry((line.stock, *subject)).or_insert(0) += left;
                if line.fully {
                    *self.departed_days.entry((line.stock, *subject, day)).or_insert(0) += left;
                }
                for (at, number) in line.spans_of(day) {
                    *self.departed_spans.entry((line.stock, *subject, at, number)).or_insert(0) += left;
                }
            }
        }
    }

    /// The hold that a RESERVE or SELL with `replace` takes the place of.
    pub(super) fn end_replaced(&mut self, key: Key) {
        let now_ms = self.now_ms;
        match self.hold(key).state {
            HoldState::Held => self.give_all_back(key, HoldState::Released, now_ms),
            HoldState::Expired => self.lapse(key),
            _ => {}
        }
    }

    pub(super) fn confirm(&mut self, envelope: &Envelope, units: &[u32], hidden: bool) -> OwnedOutcome {
        let Some(key) = self.find_hold(envelope, envelope.operation) else {
            return self.unknown_hold(envelope);
        };
        let hold = self.hold(key);
        match hold.state {
            HoldState::Held | HoldState::Expired => {
                if let Some(refusal) = self.deadline_passed(envelope).or_else(|| exceeds_hold(hold, units)) {
                    return refusal;
                }
                let wanted = hold.wanted(units);
                if let Some(refusal) = self.sells_void_cards(hold, &wanted) {
                    return refusal;
                }
                if hold.cart.is_some() && wanted != hold.all_reserved() {
                    return OwnedOutcome::refused(Code::RuleFailed);
                }
                if hold.state == HoldState::Held {
                    match self.short_of_keys(hold, &wanted) {
                        Some(short) if self.is_to_sell_cards(hold) => short,
                        Some(short) => self.owe_confirmed(key, &wanted, (hidden, short)),
                        None => self.confirm_held(key, &wanted, hidden),
                    }
                } else {
                    self.confirm_late(key, &wanted, hidden)
                }
            }
            HoldState::Confirmed => {
                let confirmed = hold.lines.iter().map(|line| line.confirmed);
                let confirmed: Vec<i128> = confirmed.chain(hold.cards_paid()).collect();
                if units.len() <= confirmed.len() && hold.wanted(units) == confirmed && hold.hidden == hidden
                {
                    self.key_replaced(hold).unwrap_or_else(|| self.confirmed_answer(hold))
                } else {
                    OwnedOutcome::refused(Code::OperationMismatch)
                }
            }
            HoldState::Released => OwnedOutcome::refused(Code::HoldReleased),
            HoldState::Lapsed => hold.refusal.clone().unwrap_or(OwnedOutcome::refused(Code::HoldReleased)),
            HoldState::Owed | HoldState::Unfulfilled if !self.is_sale(key) => {
                let owed: Vec<i128> =
                    hold.lines.iter().map(|line| line.owed).chain(hold.cards_paid()).collect();
                let same = units.len() <= owed.len() && hold.wanted(units) == owed;
                if hold.state == HoldState::Unfulfilled || same && hold.hidden == hidden {
                    self.owed_now(key, hold).expect("it is owed, or was")
                } else {
                    OwnedOutcome::refused(Code::OperationMismatch)
                }
            }
            HoldState::Owed => OwnedOutcome::refused(Code::NotActive),
            HoldState::Refused | HoldState::Unfulfilled => OwnedOutcome::refused(Code::HoldNotFound),
            HoldState::Cancelled => OwnedOutcome::refused(Code::Cancelled),
        }
    }

    pub(super) fn release(&mut self, envelope: &Envelope) -> OwnedOutcome {
        let Some(key) = self.find_hold(envelope, envelope.operation) else {
            return self.unknown_hold(envelope);
        };
        match self.hold(key).state {
            state @ (HoldState::Held | HoldState::Expired) => {
                if let Some(refusal) = self.deadline_passed(envelope) {
                    return refusal;
                }
                self.end_replaced(key);
                OwnedOutcome::Released { lapsed: state == HoldState::Expired }
            }
            HoldState::Confirmed => OwnedOutcome::refused(Code::HoldConfirmed),
            HoldState::Released => OwnedOutcome::Released { lapsed: false },
            HoldState::Lapsed => OwnedOutcome::Released { lapsed: true },
            HoldState::Owed => OwnedOutcome::refused(Code::NotActive),
            HoldState::Refused | HoldState::Unfulfilled => OwnedOutcome::refused(Code::HoldNotFound),
            HoldState::Cancelled => OwnedOutcome::refused(Code::Cancelled),
        }
    }

    pub(super) fn extend(&mut self, envelope: &Envelope, hold: OperationId, ttl_ms: u32) -> OwnedOutcome {
        let Some(key) = self.find_hold(envelope, hold) else {
            return OwnedOutcome::refused(Code::HoldNotFound);
        };
        let now_ms = self.now_ms;
        let hold = self.hold_mut(key);
        match hold.state {
            HoldState::Held => {
                let wish_ms = now_ms + u64::from(ttl_ms);
                let most_ms = hold.reserved_ms + u64::from(TTL_MAX_MS);
                hold.deadline_ms = hold.deadline_ms.max(wish_ms.min(most_ms));
                OwnedOutcome::Extended { deadline_ms: hold.deadline_ms }
            }
            HoldState::Confirmed => OwnedOutcome::refused(Code::HoldConfirmed),
            HoldState::Released | HoldState::Lapsed => OwnedOutcome::refused(Code::HoldReleased),
            HoldState::Expired => OwnedOutcome::refused(Code::Expired),
            HoldState::Owed => OwnedOutcome::refused(Code::NotActive),
            HoldState::Refused | HoldState::Unfulfilled => OwnedOutcome::refused(Code::HoldNotFound),
            HoldState::Cancelled => OwnedOutcome::refused(Code::Cancelled),
        }
    }

    pub(super) fn give_return(
        &mut self,
        envelope: &Envelope,
        hold: OperationId,
        to_available: bool,
        units: &[u32],
    ) -> OwnedOutcome {
        let Some(key) = self.find_hold(envelope, hold) else {
            return OwnedOutcome::refused(Code::HoldNotFound);
        };
        let hold = self.hold(key).clone();
        match hold.state {
            HoldState::Confirmed => {}
            HoldState::Held | HoldState::Expired | HoldState::Owed => {
                return OwnedOutcome::refused(Code::NotActive);
            }
            HoldState::Released | HoldState::Lapsed => return OwnedOutcome::refused(Code::HoldReleased),
            HoldState::Refused | HoldState::Unfulfilled => return OwnedOutcome::refused(Code::HoldNotFound),
            HoldState::Cancelled => return OwnedOutcome::refused(Code::Cancelled),
        }
        if hold.cart.is_some() {
            return self.return_pieces(key, (to_available, units));
        }
        let left = hold.all_left();
        if units.is_empty() && left.iter().all(|units| *units == 0) {
            return OwnedOutcome::refused(Code::AlreadyReversed);
        }
        if to_available && hold.has_keys() {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        if let Some(refusal) = exceeds(&left, units) {
            return refusal;
        }
        let given = if units.is_empty() { left } else { padded(units, left.len()) };
        let refused = self.cards_cannot_return(&hold, &given);
        let ended = match (self.sold_cards_that_go_back(&hold, &given[..hold.lines.len()]), refused) {
            (Ok(ended), None) => ended,
            (Ok(_), Some(refusal)) => return refusal,
            (Err(mut lacks), refusal) => {
                if let Some(OwnedOutcome::Refused { facts: OwnedFacts::Lines(more), .. }) = refusal {
                    lacks.extend(more);
                }
                return OwnedOutcome::refused_lines(lacks[0].why, lacks);
            }
        };
        self.end_sold_cards(&ended, to_available);
        for position in 0..hold.cards.len() {
            self.return_card(key, position, given[hold.lines.len() + position]);
        }
        for (position, units) in given.iter().enumerate().take(hold.lines.len()) {
            self.return_line(key, position, (*units, to_available));
        }
        OwnedOutcome::Returned { units: unsigned(given.iter().sum()) }
    }

    /// Units of a line of stock go back.
    pub(super) fn return_line(&mut self, key: Key, position: usize, (units, to_available): (i128, bool)) {
        let had = units - self.void_last_keys(key, position, units);
        let hold = self.hold_mut(key);
        hold.lines[position].returned += units;
        let (line, channel, reserved_ms) = (hold.lines[position].clone(), hold.channel, hold.reserved_ms);
        let stock = self.stock_mut(line.stock);
        if stock.campaign.is_some() {
            // Their units went with the cards.
            return self.count(&line, reserved_ms, -units, 0);
        }
        stock.consumed -= had;
        if units > 0 {
            stock.channel_mut(channel).consumed -= had;
        }
        if to_available {
            stock.available += had;
        } else {
            stock.void += had;
            stock.lower_guarantee(channel, had);
        }
        self.count(&line, reserved_ms, -units, 0);
    }

    fn confirm_held(&mut self, key: Key, wanted: &[i128], hidden: bool) -> OwnedOutcome {
        let hold = self.hold(key).clone();
        for (line, units) in hold.lines.iter().zip(wanted) {
            let stock = self.stock_mut(line.stock);
            stock.give_back(hold.channel, line.reserved - units);
            stock.consume_held(hold.channel, *units);
            self.count(line, hold.reserved_ms, units - line.reserved, -line.reserved);
        }
        self.pay_cards(key, wanted, (false, 0));
        self.close_confirmed(key, wanted, (false, hidden))
    }

    fn confirm_late(&mut self, key: Key, wanted: &[i128], hidden: bool) -> OwnedOutcome {
        let hold = self.hold(key).clone();
        let lacks: Vec<Lack> = (0..wanted.len())
            .filter(|line| wanted[*line] > 0)
            .filter_map(|line| {
                let (why, available) = match line.checked_sub(hold.lines.len()) {
                    None => self.late_fault(&hold, wanted, line)?,
                    Some(card) => self.late_card_fault(&hold, wanted, card)?,
                };
                Some(Lack { line, why, asked: narrow(wanted[line]), available: unsigned(available) })
            })
            .collect();
        if !lacks.is_empty() {
            let refusal = OwnedOutcome::refused_lines(Code::HoldExpiredNoStock, lacks).into_recorded();
            self.lapse(key);
            self.hold_mut(key).refusal = Some(refusal.clone());
            return refusal;
        }
        for (line, units) in hold.lines.iter().zip(wanted) {
            let stock = self.stock_mut(line.stock);
            stock.take(hold.channel, *units, true);
            self.count(line, hold.reserved_ms, *units, 0);
        }
        self.pay_cards(key, wanted, (true, 0));
        self.close_confirmed(key, wanted, (true, hidden))
    }

    /// The first reason why a line can't be confirmed late, with the units that could have been had.
    fn late_fault(&self, hold: &Hold, wanted: &[i128], position: usize) -> Option<(Code, i128)> {
        let line = &hold.lines[position];
        let stock = &self.stocks[&line.stock];
        let wanted_of = |filter: &dyn Fn(&HoldLine) -> bool| -> i128 {
            let lines = hold.lines.iter().zip(wanted).filter(|(other, _)| other.stock == line.stock);
            lines.filter(|(other, _)| filter(other)).map(|(_, units)| units).sum()
        };
        if self.now_ms >= hold.late_until_ms {
            return Some((Code::Expired, 0));
        }
        if stock.once_per_order && self.has_line(stock.merchant, hold.order, line.stock).is_some() {
            return Some((Code::RuleFailed, 0));
        }
        if let Some(why) = self.late_card_sale_fault(line.stock) {
            return Some((why, 0));
        }
        if stock.terms.frozen {
            return Some((Code::Frozen, 0));
        }
        if wanted_of(&|_| true) > stock.unclaimed() {
            return Some((Code::OutOfStock, stock.unclaimed()));
        }
        let room = stock.room(hold.channel);
        if wanted_of(&|_| true) > room {
            return Some((Code::ChannelQuota, room));
        }
        match self.room_late(hold, line) {
            Some(room) if wanted_of(&|other| !other.subjects.is_empty()) > room => {
                Some((Code::UserLimit, room))
            }
            _ => self.late_budget_fault(line.stock, wanted_of(&|_| true)),
        }
    }

    fn close_confirmed(&mut self, key: Key, wanted: &[i128], (late, hidden): (bool, bool)) -> OwnedOutcome {
        let now_ms = self.now_ms;
        for (position, units) in wanted.iter().enumerate().take(self.hold(key).lines.len()) {
            let hold = self.hold(key);
            let (stock, user, channel) = (hold.lines[position].stock, hold.user, hold.channel);
            let keys = self.bind(stock, *units);
            let sold = self.sell_cards((stock, *units), user, channel);
            let line = &mut self.hold_mut(key).lines[position];
            line.confirmed = *units;
            line.keys = keys;
            line.sold = sold;
        }
        let hold = self.hold_mut(key);
        hold.hidden = hidden;
        hold.state = HoldState::Confirmed;
        hold.late = late;
        hold.closed_ms = now_ms;
        self.confirmed_answer(self.hold(key))
    }

    pub(super) fn give_all_back(&mut self, key: Key, state: HoldState, closed_ms: u64) {
        let hold = self.hold_mut(key);
        hold.state = state;
        hold.closed_ms = closed_ms;
        let hold = hold.clone();
        for line in &hold.lines {
            self.stock_mut(line.stock).give_back(hold.channel, line.reserved);
            self.count(line, hold.reserved_ms, -line.reserved, -line.reserved);
        }
        self.free_cards(key);
    }

    fn lapse(&mut self, key: Key) {
        let now_ms = self.now_ms;
        let hold = self.hold_mut(key);
        hold.state = HoldState::Lapsed;
        hold.closed_ms = now_ms;
    }

    pub(super) fn find_hold(&self, envelope: &Envelope, hold: OperationId) -> Option<Key> {
        let key = key_beside(envelope, hold);
        self.record(key).and_then(|record| record.hold.as_ref()).map(|_| key)
    }

    fn unknown_hold(&self, envelope: &Envelope) -> OwnedOutcome {
        if envelope.created_ms() < self.floor_ms {
            self.too_old()
        } else {
            OwnedOutcome::refused(Code::HoldNotFound)
        }
    }

    pub(super) fn hold(&self, key: Key) -> &Hold {
        self.records[&key].hold.as_ref().expect("the caller found a hold")
    }

    pub(super) fn hold_mut(&mut self, key: Key) -> &mut Hold {
        let record = self.records.get_mut(&key).expect("the caller found a record");
        record.hold.as_mut().expect("the caller found a hold")
    }
}

/// More units than a line holds, or lines that the hold does not have.
fn exceeds_hold(hold: &Hold, units: &[u32]) -> Option<OwnedOutcome> {
    exceeds(&hold.all_reserved(), units)
}

pub(super) fn exceeds(there: &[i128], units: &[u32]) -> Option<OwnedOutcome> {
    let mut lacks = Vec::new();
    for (line, asked) in units.iter().enumerate() {
        let held = there.get(line).copied();
        if held.is_none_or(|held| i128::from(*asked) > held) {
            let available = unsigned(held.unwrap_or(0));
            lacks.push(Lack { line, why: Code::ExceedsHold, asked: *asked, available });
        }
    }
    (!lacks.is_empty()).then(|| OwnedOutcome::refused_lines(Code::ExceedsHold, lacks))
}

fn padded(units: &[u32], lines: usize) -> Vec<i128> {
    (0..lines).map(|line| units.get(line).copied().map_or(0, i128::from)).collect()
}

pub(super) fn narrow(units: i128) -> u32 {
    u32::try_from(units).expect("a line's units fit 32 bits")
}

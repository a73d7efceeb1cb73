//! The oracle on the keys of holds: binding, showing, replacing and voiding them.
//!
//! Invariant: a key goes from unsold to sold to void and never back; its batch counts it where it stands.

use super::holds::narrow;
use super::stocks::unsigned;
use super::{BatchState, BoundKey, Hold, HoldLine, Key, KeyState, Oracle, Record, Stock, key_of};
use crate::outcome::{Lack, OwnedFacts, OwnedKey, OwnedKeys, OwnedList, OwnedListed, OwnedOutcome};
use crate::request::{OwnedCommand, OwnedRequest};
use scrip_engine::answer::HoldState;
use scrip_engine::command::Envelope;
use scrip_engine::ids::{OperationId, OrderId, StockId};
use scrip_engine::limits::{KEYS_PER_ANSWER_MAX, KEYS_SCANNED_MAX, REPLACEMENTS_MAX};
use scrip_engine::rejection::Code;

impl Hold {
    /// Its keys, over all lines.
    pub fn keys(&self) -> impl Iterator<Item = &BoundKey> {
        self.lines.iter().flat_map(|line| &line.keys)
    }

    /// Whether any key was bound to it.
    pub fn has_keys(&self) -> bool {
        self.keys().next().is_some()
    }
}

impl BoundKey {
    fn first(key: u32) -> BoundKey {
        BoundKey { key, replacements: 0, owed_until_ms: None }
    }
}

impl Stock {
    /// The next key in the order of sale, taken out of its batch.
    fn take_key(&mut self) -> u32 {
        for position in self.sale_order() {
            let batch = &mut self.batches[position];
            if batch.state == BatchState::Active && !batch.unsold.is_empty() {
                batch.sold += 1;
                if self.seed == 0 {
                    return batch.unsold.pop_front().expect("it is not empty");
                }
                // The last key takes the place of the one that is drawn.
                self.bound += 1;
                let place = chance(self.seed, self.bound) % batch.unsold.len() as u64;
                return batch.unsold.swap_remove_back(place as usize).expect("it is in the batch");
            }
        }
        panic!("units that can be sold have keys: {self:?}");
    }
}

/// The `draw`-th number of SplitMix64 from `seed`, the first is 1.
fn chance(seed: u64, draw: u64) -> u64 {
    let mut state = seed;
    for _ in 0..draw {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
    let once = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    twice ^ (twice >> 31)
}

impl Oracle {
    /// Binds the next keys of a keys stock; of any other there are none.
    pub(super) fn bind(&mut self, stock: StockId, units: i128) -> Vec<BoundKey> {
        if let (Some(key), true) = (self.stocks[&stock].content, units > 0) {
            return vec![BoundKey::first(key)];
        }
        if !self.stocks[&stock].keys {
            return Vec::new();
        }
        (0..units).map(|_| BoundKey::first(self.bind_one(stock))).collect()
    }

    pub(super) fn bind_one(&mut self, stock: StockId) -> u32 {
        let key = self.stock_mut(stock).take_key();
        let card = &mut self.keys[key as usize];
        assert_eq!(card.state, KeyState::Unsold, "key {key} is sold once");
        card.state = KeyState::Sold;
        key
    }

    fn void_key(&mut self, key: u32) {
        let card = &mut self.keys[key as usize];
        assert_eq!(card.state, KeyState::Sold, "key {key} was sold");
        card.state = KeyState::Void;
        let (stock, number) = (card.stock, card.batch);
        let batches = &mut self.stock_mut(stock).batches;
        let batch = batches.iter_mut().find(|batch| batch.number == number).expect("keys have a batch");
        batch.sold -= 1;
        batch.void += 1;
    }

    /// The last `units` places of a line that are not given back yet are: their keys become void, and those that are owed
    /// one are owed none any more. Answers how many were.
    pub(super) fn void_last_keys(&mut self, hold: Key, position: usize, units: i128) -> i128 {
        let line = self.hold(hold).lines[position].clone();
        let left = (line.confirmed - line.returned) as usize;
        if line.keys.is_empty() || self.stocks[&line.stock].reusable {
            return 0;
        }
        let mut owed = 0;
        for place in &line.keys[left - units as usize..left] {
            if place.owed_until_ms.is_some() {
                self.drop_replacement(hold, place.key);
                self.hold_mut(hold).owed_key_ms = self.now_ms;
                owed += 1;
            } else {
                self.void_key(place.key);
            }
        }
        owed
    }

    /// OUT_OF_STOCK, if too few keys are neither marked nor of a batch that is not sold from.
    pub(super) fn short_of_keys(&self, hold: &Hold, wanted: &[i128]) -> Option<OwnedOutcome> {
        let mut lacks = Vec::new();
        for (line, of_line) in hold.lines.iter().enumerate() {
            let stock = &self.stocks[&of_line.stock];
            let same = hold.lines.iter().zip(wanted).filter(|(other, _)| other.stock == of_line.stock);
            let needed: i128 = same.map(|(_, units)| units).sum();
            let keys = stock.available + stock.held - stock.marked_void - stock.marked_frozen;
            if stock.keys && wanted[line] > 0 && needed > keys {
                let (asked, available) = (narrow(wanted[line]), unsigned(keys));
                lacks.push(Lack { line, why: Code::OutOfStock, asked, available });
            }
        }
        (!lacks.is_empty()).then(|| OwnedOutcome::refused_lines(Code::OutOfStock, lacks))
    }

    fn owned_key(&self, key: u32) -> OwnedKey {
        let card = &self.keys[key as usize];
        OwnedKey {
            key,
            void: card.state == KeyState::Void,
            owed: false,
            operation: card.operation,
            stock: card.stock,
            position: card.position,
            sealed: card.sealed.to_vec(),
        }
    }

    fn page(&self, hold: &Hold, from: u32, shown: bool) -> OwnedKeys {
        let of_line = |line: &HoldLine| {
            // A text that many have is void for the one who gave all units of it back.
            let given_back = self.stocks[&line.stock].reusable && line.returned == line.confirmed;
            let owned = |place: &BoundKey| {
                let key = self.owned_key(place.key);
                OwnedKey { void: key.void || given_back, owed: place.owed_until_ms.is_some(), ..key }
            };
            line.keys.iter().map(owned).collect::<Vec<_>>()
        };
        let keys = hold.lines.iter().flat_map(of_line).skip(from as usize).take(KEYS_PER_ANSWER_MAX);
        OwnedKeys { total: hold.keys().count() as u32, from, shown, keys: keys.collect() }
    }

    pub(super) fn confirmed_answer(&self, hold: &Hold) -> OwnedOutcome {
        let (confirmed_ms, late) = (hold.closed_ms, hold.late);
        let units =
            hold.lines.iter().map(|line| line.confirmed).chain(hold.cards_paid()).map(narrow).collect();
        let sold = hold.sold_cards();
        if !sold.is_empty() {
            let keys = if hold.has_keys() { self.page(hold, 0, !hold.hidden) } else { OwnedKeys::default() };
            OwnedOutcome::ConfirmedCards { confirmed_ms, late, units, keys, sold }
        } else if hold.has_keys() {
            let keys = self.page(hold, 0, !hold.hidden);
            OwnedOutcome::ConfirmedKeys { confirmed_ms, late, units, keys }
        } else {
            OwnedOutcome::Confirmed { confirmed_ms, late, units }
        }
    }

    /// What is answered instead of keys once one of them was replaced.
    pub(super) fn key_replaced(&self, hold: &Hold) -> Option<OwnedOutcome> {
        let new = hold.keys().find(|place| place.replacements > 0)?;
        let facts = OwnedFacts::Key(u64::from(new.key));
        Some(OwnedOutcome::Refused { code: Code::KeyReplaced, facts })
    }

    /// The answer to a repeat of a command with an id of its own: what was answered, with keys as they are now.
    pub(super) fn repeated(&self, request: &OwnedRequest, record: &Record) -> OwnedOutcome {
        let envelope = &request.envelope;
        if let OwnedCommand::KeysExport { stock, batch, from } = &request.command {
            return self.list_keys(envelope, (*stock, *batch, *from), true);
        }
        let sale = record.hold.as_ref().filter(|_| matches!(record.command, OwnedCommand::Sell { .. }));
        let owed = sale.and_then(|hold| self.owed_now(key_of(envelope), hold));
        if let Some(owed) = owed {
            return owed;
        }
        match (&record.command, &record.hold) {
            (_, Some(hold)) if hold.state == HoldState::Cancelled => OwnedOutcome::refused(Code::Cancelled),
            (OwnedCommand::Sell { .. }, Some(hold)) if hold.state == HoldState::Confirmed => {
                self.key_replaced(hold).unwrap_or_else(|| self.confirmed_answer(hold))
            }
            (OwnedCommand::Reveal { hold }, _) => match self.with_keys(envelope, *hold) {
                Ok(key) => self.key_replaced(self.hold(key)).unwrap_or_else(|| self.keys_of(key, 0)),
                Err(refusal) => refusal,
            },
            (OwnedCommand::KeyReplace { hold, key: old, .. }, _) => match self.with_keys(envelope, *hold) {
                Ok(key) => match &record.answer {
                    OwnedOutcome::Keys(answered) => self.one_key(self.hold(key), answered.keys[0].key),
                    _ => self.replacement_now(key, *old),
                },
                Err(refusal) => refusal,
            },
            _ => record.answer.clone(),
        }
    }

    /// A confirmed hold with keys.
    fn with_keys(&self, envelope: &Envelope, hold: OperationId) -> Result<Key, OwnedOutcome> {
        let key = self.find_hold(envelope, hold).ok_or(OwnedOutcome::refused(Code::HoldNotFound))?;
        let hold = self.hold(key);
        let code = match hold.state {
            HoldState::Confirmed if hold.has_keys() => return Ok(key),
            HoldState::Confirmed => Code::RuleFailed,
            HoldState::Held | HoldState::Expired | HoldState::Owed => Code::NotActive,
            HoldState::Released | HoldState::Lapsed => Code::HoldReleased,
            HoldState::Refused | HoldState::Unfulfilled => Code::HoldNotFound,
            HoldState::Cancelled => Code::Cancelled,
        };
        Err(OwnedOutcome::refused(code))
    }

    fn keys_of(&self, key: Key, from: u32) -> OwnedOutcome {
        let hold = self.hold(key);
        OwnedOutcome::Keys(self.page(hold, from, !hold.hidden || hold.revealed))
    }

    pub(super) fn one_key(&self, hold: &Hold, key: u32) -> OwnedOutcome {
        let total = hold.keys().count();
        let place = hold.keys().position(|place| place.key == key).unwrap_or(total);
        let is_owed = hold.keys().any(|place| place.key == key && place.owed_until_ms.is_some());
        OwnedOutcome::Keys(OwnedKeys {
            total: total as u32,
            from: place as u32,
            shown: (!hold.hidden || hold.revealed) && place < total,
            keys: vec![OwnedKey { owed: is_owed, ..self.owned_key(key) }],
        })
    }

    /// KEYS_LIST and KEYS_EXPORT.
    pub(super) fn list_keys(
        &self,
        envelope: &Envelope,
        (stock, batch, from): (StockId, Option<u32>, u32),
        clear: bool,
    ) -> OwnedOutcome {
        if stock.slot() != envelope.slot {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        let Some(found) = self.own_stock(envelope, stock) else {
            return OwnedOutcome::refused(Code::NotFound);
        };
        if !found.keys && !found.reusable {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        let is_there = |number: u32| found.batches.iter().any(|of| of.number == number);
        if batch.is_some_and(|number| !is_there(number)) {
            return OwnedOutcome::refused(Code::NotFound);
        }
        let mut list = OwnedList { next: u32::MAX, clear, keys: Vec::new() };
        for number in from..self.keys.len() as u32 {
            let card = &self.keys[number as usize];
            let wanted = card.stock == stock && batch.is_none_or(|number| card.batch == number);
            if number - from == KEYS_SCANNED_MAX || wanted && list.keys.len() == KEYS_PER_ANSWER_MAX {
                list.next = number;
                break;
            }
            if wanted {
                list.keys.push(self.listed(number, found));
            }
        }
        OwnedOutcome::KeysListed(list)
    }

    fn listed(&self, number: u32, stock: &Stock) -> OwnedListed {
        let card = &self.keys[number as usize];
        let batch = stock.batches.iter().find(|batch| batch.number == card.batch).expect("keys have a batch");
        // Whoever looks for the hold of a key asks them all.
        let has =
            |hold: &Hold| card.state != KeyState::Content && hold.keys().any(|place| place.key == number);
        let holder =
            self.records.iter().filter(|(_, record)| !self.is_gone(record)).find_map(|(key, record)| {
                Some((key.2, record.hold.as_ref().filter(|hold| has(hold))?.order))
            });
        let (hold, order) = holder.unwrap_or((0, OrderId(0)));
        OwnedListed {
            key: self.owned_key(number),
            batch: card.batch,
            batch_state: batch.state as u8,
            state: card.state as u8,
            hold: OperationId(hold),
            order,
        }
    }

    /// KEYS_READ.
    pub(super) fn read_keys(&self, envelope: &Envelope, hold: OperationId, from: u32) -> OwnedOutcome {
        match self.with_keys(envelope, hold) {
            Ok(key) => self.keys_of(key, from),
            Err(refusal) => refusal,
        }
    }

    /// REVEAL.
    pub(super) fn reveal(&mut self, envelope: &Envelope, hold: OperationId) -> OwnedOutcome {
        match self.with_keys(envelope, hold) {
            Ok(key) => {
                self.hold_mut(key).revealed = true;
                self.keys_of(key, 0)
            }
            Err(refusal) => refusal,
        }
    }

    /// KEY_REPLACE.
    pub(super) fn replace_key(&mut self, envelope: &Envelope, hold: OperationId, old: u32) -> OwnedOutcome {
        let key = match self.with_keys(envelope, hold) {
            Ok(key) => key,
            Err(refusal) => return refusal,
        };
        let hold = self.hold(key);
        let channel = hold.channel;
        let place_in = |line: &HoldLine| line.keys.iter().position(|place| place.key == old);
        let found = hold.lines.iter().enumerate().find_map(|(line, of)| Some((line, place_in(of)?)));
        let Some((line, place)) = found else { return OwnedOutcome::refused(Code::NotFound) };
        match self.keys[old as usize].state {
            KeyState::Content => return OwnedOutcome::refused(Code::RuleFailed),
            KeyState::Void => return OwnedOutcome::refused(Code::Void),
            _ => {}
        }
        let replacements = hold.lines[line].keys[place].replacements;
        if replacements >= u32::from(REPLACEMENTS_MAX) {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        let id = hold.lines[line].stock;
        let claims: usize = self.stocks.values().map(|stock| stock.claims.len()).sum();
        let is_full = claims >= self.debts_max;
        let stock = self.stock_mut(id);
        let spare = stock.found(channel);
        let code = if stock.unclaimed() == 0 { Code::OutOfStock } else { Code::ChannelQuota };
        let facts = OwnedFacts::Units { stock: id, asked: 1, available: unsigned(spare) };
        let refusal = OwnedOutcome::Refused { code, facts };
        if spare < 1 && is_full {
            return refusal;
        }
        stock.consumed -= 1;
        stock.channel_mut(channel).consumed -= 1;
        stock.void += 1;
        stock.lower_guarantee(channel, 1);
        if spare >= 1 {
            stock.take(channel, 1, true);
        }
        self.void_key(old);
        if spare < 1 {
            return self.owe_replacement(key, (line, place), refusal);
        }
        let new = self.bind_one(id);
        self.fill_place(key, (line, place), new);
        self.one_key(self.hold(key), new)
    }

    /// A key takes the place of another.
    pub(super) fn fill_place(&mut self, key: Key, (line, place): (usize, usize), new: u32) {
        let place = &mut self.hold_mut(key).lines[line].keys[place];
        *place = BoundKey { key: new, replacements: place.replacements + 1, owed_until_ms: None };
    }

    /// KEY_RECLAIM.
    pub(super) fn reclaim_key(&mut self, envelope: &Envelope, hold: OperationId, key: u32) -> OwnedOutcome {
        let of = match self.with_keys(envelope, hold) {
            Ok(of) => of,
            Err(refusal) => return refusal,
        };
        let hold = self.hold(of);
        if !hold.hidden || hold.revealed {
            return OwnedOutcome::refused(Code::RuleFailed);
        }
        let (channel, reserved_ms) = (hold.channel, hold.reserved_ms);
        let place_in = |line: &HoldLine| line.keys.iter().position(|place| place.key == key);
        let found = hold.lines.iter().enumerate().find_map(|(line, of)| Some((line, place_in(of)?)));
        let Some((line, place)) = found else { return OwnedOutcome::refused(Code::NotFound) };
        let card = &mut self.keys[key as usize];
        match card.state {
            KeyState::Content => return OwnedOutcome::refused(Code::RuleFailed),
            KeyState::Void => return OwnedOutcome::refused(Code::Void),
            _ => {}
        }
        card.state = KeyState::Unsold;
        let number = card.batch;
        let of_line = &mut self.hold_mut(of).lines[line];
        of_line.keys.remove(place);
        of_line.returned += 1;
        of_line.reclaimed += 1;
        let (id, of_line) = (of_line.stock, of_line.clone());
        self.count(&of_line, reserved_ms, -1, 0);
        let sold_again = self.stock_mut(id).unsell(channel, number, key);
        OwnedOutcome::StockChanged { value: u64::from(sold_again) }
    }
}

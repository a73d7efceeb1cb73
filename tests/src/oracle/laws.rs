//! The laws that the oracle holds itself to: an oracle that loses units proves nothing.

use super::{BatchState, KeyState, Oracle, Stock};
use scrip_engine::answer::HoldState;
use scrip_engine::ids::StockId;
use scrip_engine::limits::CHANNELS_PER_STOCK_MAX;
use std::collections::{BTreeMap, BTreeSet};

impl Oracle {
    /// Panics unless the laws of every stock hold in themselves. Cheap enough for every command.
    pub fn check_stocks(&self) {
        for (id, stock) in &self.stocks {
            stock.check(*id);
        }
        self.check_campaigns();
    }

    /// Panics unless the laws of every stock hold, its buckets and what is counted for its channels equal what the
    /// holds say, and every purchase is accounted for by a hold.
    pub fn check_laws(&self) {
        self.check_stocks();
        self.check_keys();
        self.check_debts();
        self.check_sharing();
        let mut held = self.held_by_groups();
        let mut consumed = self.departed.clone();
        self.check_purchases();
        self.check_redemptions();
        for (of, cards) in self.issued_through_channels() {
            *consumed.entry(of).or_insert(0) += cards;
        }
        for record in self.records.values() {
            let Some(hold) = &record.hold else { continue };
            for line in &hold.lines {
                assert!(
                    0 <= line.returned && line.returned <= line.confirmed && line.confirmed <= line.reserved
                );
                match hold.state {
                    HoldState::Held => *held.entry((line.stock, hold.channel)).or_insert(0) += line.reserved,
                    HoldState::Confirmed if !line.sold.is_empty() => {}
                    HoldState::Confirmed => {
                        let owed = line.keys.iter().filter(|place| place.owed_until_ms.is_some());
                        *consumed.entry((line.stock, hold.channel)).or_insert(0) +=
                            line.confirmed - line.returned - owed.count() as i128;
                    }
                    _ => {}
                }
            }
        }
        for (id, stock) in &self.stocks {
            for (channel, counted) in &stock.channels {
                let of = (*id, *channel);
                assert_eq!(held.remove(&of).unwrap_or(0), counted.held, "held units of {of:?}");
                assert_eq!(consumed.remove(&of).unwrap_or(0), counted.consumed, "consumed units of {of:?}");
            }
        }
        let uncounted = held.iter().chain(&consumed).find(|(_, units)| **units != 0);
        assert_eq!(uncounted, None, "units of a channel that its stock does not know");
    }

    /// Panics unless what is counted for every subject is what the lines of holds say.
    fn check_purchases(&self) {
        let (mut units, mut days) = (self.departed_purchases.clone(), self.departed_days.clone());
        let mut spans = self.departed_spans.clone();
        let mut held = BTreeMap::new();
        for hold in self.records.values().filter_map(|record| record.hold.as_ref()) {
            for (line, subject) in
                hold.lines.iter().flat_map(|line| line.subjects.iter().map(move |subject| (line, *subject)))
            {
                let counts = match hold.state {
                    HoldState::Held => line.reserved,
                    HoldState::Owed => line.owed,
                    HoldState::Confirmed => line.confirmed - line.returned,
                    _ => 0,
                };
                *units.entry((line.stock, subject)).or_insert(0) += counts;
                if line.fully {
                    let day = self.day(line.stock, hold.reserved_ms);
                    *days.entry((line.stock, subject, day)).or_insert(0) += counts;
                    for (at, number) in line.spans_of(day) {
                        *spans.entry((line.stock, subject, at, number)).or_insert(0) += counts;
                    }
                    let held_now = if hold.state == HoldState::Held { counts } else { 0 };
                    *held.entry((line.stock, subject)).or_insert(0) += held_now;
                }
            }
        }
        for (line, joined_ms) in self.lines_of_groups() {
            for subject in &line.subjects {
                *units.entry((line.stock, *subject)).or_insert(0) += 1;
                if line.fully {
                    let day = self.day(line.stock, joined_ms);
                    *days.entry((line.stock, *subject, day)).or_insert(0) += 1;
                    for (at, number) in line.spans_of(day) {
                        *spans.entry((line.stock, *subject, at, number)).or_insert(0) += 1;
                    }
                    *held.entry((line.stock, *subject)).or_insert(0) += 1;
                }
            }
        }
        for (of @ (stock, subject), purchases) in &self.purchases {
            let there = |counts: &BTreeMap<_, i128>| counts.get(of).copied().unwrap_or(0);
            assert_eq!(there(&units), purchases.units, "counted purchases of {of:?}");
            assert_eq!(there(&held), purchases.held, "counted units held by {of:?}");
            let today = purchases.day.and_then(|day| days.get(&(*stock, *subject, day)));
            assert_eq!(today.copied().unwrap_or(0), purchases.today, "units of the newest day of {of:?}");
            for (at, newest) in purchases.spans.iter().enumerate() {
                let Some((number, counted)) = newest else { continue };
                let there = spans.get(&(*stock, *subject, at, *number));
                assert_eq!(there.copied().unwrap_or(0), *counted, "units of the newest span {at} of {of:?}");
            }
        }
    }
}

impl Oracle {
    /// Panics unless every key stands where its batch and its hold say.
    fn check_keys(&self) {
        let mut counts: BTreeMap<(StockId, u32), [i128; 4]> = BTreeMap::new();
        let texts: BTreeSet<_> = self.keys.iter().map(|key| key.text).collect();
        assert_eq!(texts.len(), self.keys.len(), "no text is there twice");
        for key in &self.keys {
            counts.entry((key.stock, key.batch)).or_default()[key.state as usize] += 1;
        }
        for (id, stock) in &self.stocks {
            for batch in &stock.batches {
                let counted = counts.remove(&(*id, batch.number)).unwrap_or_default();
                let unsold = batch.unsold.len() as i128;
                assert_eq!(
                    counted,
                    [unsold, batch.sold, batch.void, batch.versions],
                    "batch {} of {id}",
                    batch.number
                );
                let is_unsold = |key: &u32| self.keys[*key as usize].state == KeyState::Unsold;
                assert!(
                    batch.unsold.iter().all(is_unsold),
                    "batch {} of {id} sells unsold keys",
                    batch.number
                );
            }
        }
        assert!(counts.is_empty(), "keys of no batch: {counts:?}");
        let mut bound = BTreeSet::new();
        for hold in self.records.values().filter_map(|record| record.hold.as_ref()) {
            for line in hold.lines.iter().filter(|line| !line.keys.is_empty()) {
                if self.stocks[&line.stock].reusable {
                    assert_eq!(line.keys.len(), 1, "one text for a line of {hold:?}");
                    assert_eq!(self.keys[line.keys[0].key as usize].state, KeyState::Content, "of {hold:?}");
                    continue;
                }
                let there = line.confirmed - line.reclaimed;
                assert_eq!(line.keys.len() as i128, there, "a key for each unit of {hold:?}");
                for (place, of) in line.keys.iter().enumerate() {
                    assert!(bound.insert(of.key), "key {} is in two places", of.key);
                    let given_back = place as i128 >= line.confirmed - line.returned;
                    assert!(
                        !given_back || of.owed_until_ms.is_none(),
                        "what is returned is not owed: {hold:?}"
                    );
                    let is_void = given_back || of.owed_until_ms.is_some();
                    let expected = if is_void { KeyState::Void } else { KeyState::Sold };
                    assert_eq!(self.keys[of.key as usize].state, expected, "key {} of {hold:?}", of.key);
                }
            }
        }
    }
}

impl Stock {
    /// Panics unless the units of a keys stock are those of its keys.
    fn check_batches(&self, id: StockId) {
        let mut made_up = [0; 6];
        for batch in &self.batches {
            let unsold = batch.unsold.len() as i128;
            assert!(0 <= batch.moved && batch.moved <= unsold, "batch {} of {id}: {self:?}", batch.number);
            let [live, sold, frozen, void, marked_frozen, marked_void] = &mut made_up;
            *live += unsold - batch.moved;
            *sold += batch.sold;
            *void += batch.void;
            match batch.state {
                BatchState::Active => assert_eq!(batch.moved, 0, "an active batch of {id}: {self:?}"),
                BatchState::Frozen => {
                    *frozen += batch.moved;
                    *marked_frozen += batch.marked();
                }
                BatchState::Void | BatchState::Expired => {
                    *void += batch.moved;
                    *marked_void += batch.marked();
                }
            }
        }
        let live = self.available + self.held;
        let units = [live, self.consumed, self.frozen, self.void, self.marked_frozen, self.marked_void];
        assert_eq!(made_up, units, "the keys of {id} make up its units: {self:?}");
        let waits = self.marked_frozen + self.marked_void > 0;
        assert!(
            !waits || self.available == 0,
            "marks of {id} wait only while nothing is available: {self:?}"
        );
    }

    fn check(&self, id: StockId) {
        let buckets = [self.available, self.held, self.consumed, self.frozen, self.void];
        assert!(buckets.iter().all(|units| *units >= 0), "a bucket of {id} is negative: {self:?}");
        assert_eq!(buckets.iter().sum::<i128>(), self.total, "the buckets of {id} add up: {self:?}");
        assert!(self.marked_void >= 0 && self.marked_frozen >= 0, "a mark of {id} is negative: {self:?}");
        assert!(self.marked_void + self.marked_frozen <= self.held, "marks are held units: {id}: {self:?}");
        let counted = self.channels.values().fold((0, 0), |(held, consumed), channel| {
            assert!(channel.held >= 0 && channel.consumed >= 0 && channel.guaranteed >= 0, "{id}: {self:?}");
            assert!(channel.used() <= channel.cap, "a channel of {id} has used more than its cap: {self:?}");
            (held + channel.held, consumed + channel.consumed)
        });
        assert_eq!(counted, (self.held, self.consumed), "the channels of {id} add up: {self:?}");
        assert!(self.unused() <= self.available, "what is guaranteed of {id} is there: {self:?}");
        assert!(self.channels.len() <= CHANNELS_PER_STOCK_MAX, "{id} counts too many channels");
        if self.keys {
            self.check_batches(id);
        }
    }
}

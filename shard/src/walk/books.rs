//! The walk's own books: what events have made of stocks, channels, holds and card keys, counted from the events alone.
//!
//! Invariant: an event is followed without asking the engine anything. A kind of event that is not followed here does not
//! compile, so that the books can't fall behind the log in silence.

use super::cards::{CardBooks, Units};
use super::debts::Queues;
use super::groups::GroupBooks;
use super::stock::{Shelf, StockBook};
use scrip_engine::answer::OperationKind;
use scrip_engine::command::{BatchChange, StockKind};
use scrip_engine::event::{
    self, CampaignEvent, CodeEvent, Event, EventLine, EventMember, GroupEvent, OwedLine, RefusedLine,
    RiskEvent,
};
use scrip_engine::ids::{ChannelId, OperationKey, StockId};
use std::collections::{BTreeMap, BTreeSet};

/// What a hold is known by: merchant, slot, operation.
pub(super) type HoldName = (u32, u16, u128);

pub(super) fn name(key: &OperationKey) -> HoldName {
    (key.merchant.0, key.slot.0, key.operation.0)
}

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Held,
    Owed,
    Sold,
    Expired,
    Over,
}

/// One line of a hold.
#[derive(Debug, Clone)]
pub(super) struct LineBook {
    pub(super) stock: StockId,
    /// Units held or owed; sold: units not given back yet.
    units: u64,
    /// Card keys bound, void ones included, in their order.
    pub(super) keys: Vec<u32>,
    /// Void keys among them whose replacements are owed, each with the count of its debt.
    owed: Vec<(u32, u32)>,
}

impl LineBook {
    /// The replacement of a key is not owed any more; answers the count of its debt, if it was.
    fn end_debt(&mut self, key: u32) -> Option<u32> {
        let place = self.owed.iter().position(|(owed, _)| *owed == key)?;
        Some(self.owed.remove(place).1)
    }
}

/// A hold.
#[derive(Debug, Clone)]
pub(super) struct HoldBook {
    /// Counts holds from 1.
    pub(super) ordinal: u32,
    /// Owed: counts debts from 1.
    debt: u32,
    channel: ChannelId,
    stand: Stand,
    pub(super) lines: Vec<LineBook>,
}

impl HoldBook {
    /// The stocks of its lines with units.
    fn stocks(&self) -> Vec<StockId> {
        self.lines.iter().filter(|line| line.units > 0).map(|line| line.stock).collect()
    }
}

/// A guarantee that lapsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lapse {
    /// The event.
    pub sequence: u64,
    /// The stock.
    pub stock: StockId,
    /// The channel.
    pub channel: ChannelId,
    /// Units that it had left, and that everybody may take from here on.
    pub unused: u64,
}

/// The books.
#[derive(Debug, Default)]
pub struct Books {
    pub(super) stocks: BTreeMap<StockId, StockBook>,
    pub(super) holds: BTreeMap<HoldName, HoldBook>,
    lapses: Vec<Lapse>,
    /// By the number of a key: its batch.
    batch_of: Vec<u32>,
    keys_replaced: u64,
    debts_settled: u64,
    holds_made: u32,
    debts_made: u32,
    sequence: u64,
    /// Stocks that the last event may have changed.
    pub(super) touched: Vec<StockId>,
    /// The holds to which the last event has bound keys.
    pub(super) bound: Vec<HoldName>,
    /// Debts that the last event has settled before an older one, and on which stock that waits.
    pub(super) overtaking: Vec<(HoldName, StockId)>,
    debts: Queues,
    /// Campaigns and cards.
    pub(super) cards: CardBooks,
    /// Groups.
    pub(super) groups: GroupBooks,
    /// Keys that were taken back unseen since [`super::Walk`] has asked.
    pub(super) reclaimed: BTreeSet<u32>,
}

impl Books {
    /// The stocks.
    pub fn stocks(&self) -> impl Iterator<Item = (StockId, &StockBook)> {
        self.stocks.iter().map(|(stock, book)| (*stock, book))
    }

    /// Guarantees that lapsed.
    pub fn lapses(&self) -> &[Lapse] {
        &self.lapses
    }

    /// Card keys imported so far.
    pub fn keys_imported(&self) -> u32 {
        self.batch_of.len() as u32
    }

    /// Card keys replaced so far.
    pub fn keys_replaced(&self) -> u64 {
        self.keys_replaced
    }

    /// Sales that were owed and are settled, so far; replacements of card keys are in [`Books::keys_replaced`].
    pub fn debts_settled(&self) -> u64 {
        self.debts_settled
    }

    fn stock(&mut self, stock: StockId) -> &mut StockBook {
        if !self.touched.contains(&stock) {
            self.touched.push(stock);
        }
        self.stocks.entry(stock).or_default()
    }

    /// Follows the event with this sequence.
    pub fn follow(&mut self, sequence: u64, event: &Event<'_>) {
        self.sequence = sequence;
        self.touched.clear();
        self.bound.clear();
        self.cards.follow_holds(event);
        let channel_of =
            |hold: &OperationKey| self.holds.get(&name(hold)).map_or(ChannelId(0), |hold| hold.channel);
        self.cards.follow_sales(event, channel_of);
        self.follow_groups(event);
        match event {
            Event::Taken { origin, sold, replaces, lines, .. } => {
                let key = origin.key();
                if replaces.0 != 0 {
                    self.end(&name(&OperationKey { operation: *replaces, ..key }));
                }
                self.take(&key, origin.channel, *sold, lines);
            }
            Event::Owed { origin, replaces, lines, .. } => {
                let key = origin.key();
                if replaces.0 != 0 {
                    self.end(&name(&OperationKey { operation: *replaces, ..key }));
                }
                self.owe(name(&key), origin.channel, lines);
            }
            Event::Settled { holds, keys } => {
                for (hold, key) in event::debts(holds, keys) {
                    match key {
                        None => self.settle(&name(&hold)),
                        Some(key) => self.replace_at_last(name(&hold), key),
                    }
                }
            }
            Event::Unfulfilled { holds, keys } => {
                for (hold, key) in event::debts(holds, keys) {
                    match key {
                        None => self.end(&name(&hold)),
                        Some(key) => self.replace_never(name(&hold), key),
                    }
                }
            }
            Event::Confirmed { hold, late, lines, .. } => self.confirm(&name(hold), *late, lines),
            Event::ConfirmOwed { hold, lines, .. } => self.owe_held(&name(hold), lines),
            Event::LateRefused { hold, .. } | Event::Released { hold } => self.end(&name(hold)),
            Event::Cancelled { hold } => self.cancel(&name(hold)),
            Event::Expired { holds } => {
                for hold in *holds {
                    self.end(&name(&hold.key()));
                    if let Some(hold) = self.holds.get_mut(&name(&hold.key())) {
                        hold.stand = Stand::Expired;
                    }
                }
            }
            Event::Returned { origin, hold, to_available, lines, .. } => {
                let hold = name(&OperationKey { operation: *hold, ..origin.key() });
                self.give_back(&hold, *to_available, lines);
            }
            Event::KeyReplaced { origin, hold, key, .. } => {
                self.replace(name(&OperationKey { operation: *hold, ..origin.key() }), *key);
            }
            Event::ReplaceOwed { origin, hold, key, .. } => {
                self.owe_replacement(name(&OperationKey { operation: *hold, ..origin.key() }), *key);
            }
            Event::KeyReclaimed { origin, hold, key, .. } => {
                self.reclaim(name(&OperationKey { operation: *hold, ..origin.key() }), *key);
            }
            event => self.follow_stock(event),
        }
    }

    /// What happens to stocks by the operator's hand, or because time came; and what moves no units.
    fn follow_stock(&mut self, event: &Event<'_>) {
        match event {
            Event::StockCreated { stock, units, kind, .. } => {
                let seed = if let StockKind::RandomKeys { seed } = kind { *seed } else { 0 };
                let (keys, reusable) = (kind.is_keys(), *kind == StockKind::Reusable);
                let (total, available) = (*units, *units);
                *self.stock(*stock) =
                    StockBook { keys, reusable, seed, total, available, ..StockBook::default() };
            }
            Event::StockMoved { kind, from_frozen, stock, units, .. } => {
                let book = self.stock(*stock);
                match kind {
                    OperationKind::StockSupply => book.supply(*units),
                    OperationKind::StockVoid if *from_frozen => book.void_frozen(*units),
                    OperationKind::StockVoid => book.set_aside(*units, true),
                    OperationKind::StockFreeze => book.set_aside(*units, false),
                    _ => book.unfreeze(*units),
                }
            }
            Event::StockQuotaSet { stock, quotas, .. } => {
                let book = self.stock(*stock);
                quotas.iter().for_each(|quota| book.set_quota(quota));
            }
            Event::GuaranteeLapsed { stock, channel } => {
                let unused = self.stock(*stock).lapse(*channel);
                let (sequence, stock, channel) = (self.sequence, *stock, *channel);
                self.lapses.push(Lapse { sequence, stock, channel, unused });
            }
            Event::BatchCreated { stock, batch, expires_ms, .. } => {
                self.stock(*stock).add_batch(*batch, *expires_ms);
            }
            Event::BatchChanged { stock, batch, change, .. } => {
                let to = match change {
                    BatchChange::Freeze => Shelf::Frozen,
                    BatchChange::Unfreeze => Shelf::Active,
                    BatchChange::Void => Shelf::Gone,
                };
                self.stock(*stock).move_batch(*batch, to);
            }
            Event::BatchExpired { stock, batch } => self.stock(*stock).move_batch(*batch, Shelf::Gone),
            Event::KeysImported { stock, batch, keys, .. } => {
                let first = self.keys_imported();
                self.batch_of.resize(self.batch_of.len() + keys.len(), *batch);
                let numbers = first..self.keys_imported();
                let book = self.stock(*stock);
                if book.reusable {
                    book.version = numbers.last().or(book.version);
                    return;
                }
                if let Some(batch) = book.batch(*batch) {
                    batch.unsold.extend(numbers);
                }
                book.supply(keys.len() as u64);
            }
            Event::Campaign(CampaignEvent::Created { .. })
            | Event::Campaign(CampaignEvent::Edited { .. })
            | Event::Campaign(CampaignEvent::Moved { .. })
            | Event::Issued { .. }
            | Event::Redeemed { .. }
            | Event::Reversed { .. }
            | Event::CardChanged { .. }
            | Event::Campaign(CampaignEvent::Voided { .. })
            | Event::CardBatchEnded { .. }
            | Event::Recycled { .. }
            | Event::Merged { .. }
            | Event::Account { .. } => self.follow_cards(event),
            Event::Codes(CodeEvent::Imported { .. }) | Event::Share(_) => self.follow_cards(event),
            // Units stay where they are.
            Event::Gift { .. } | Event::OfflineConflict { .. } | Event::Codes(CodeEvent::Set { .. }) => {}
            Event::Group(_) => self.issue_to_group(event),
            Event::Tick { .. }
            | Event::Notice(_)
            | Event::Configured { .. }
            | Event::FloorRaised { .. }
            | Event::StockEdited { .. }
            | Event::StockLimitsSet { .. }
            | Event::StockPriced { .. }
            | Event::Risk(RiskEvent::RuleSet { .. })
            | Event::Risk(RiskEvent::BlockSet { .. })
            | Event::ZoneSet { .. }
            | Event::Person(_)
            | Event::SellRefused { .. }
            | Event::Extended { .. }
            | Event::KeysExported { .. }
            | Event::Tombstone { .. }
            | Event::Revealed { .. } => {}
            Event::Taken { .. }
            | Event::Owed { .. }
            | Event::Settled { .. }
            | Event::Unfulfilled { .. }
            | Event::Confirmed { .. }
            | Event::ConfirmOwed { .. }
            | Event::LateRefused { .. }
            | Event::Released { .. }
            | Event::Expired { .. }
            | Event::Returned { .. }
            | Event::KeyReclaimed { .. }
            | Event::Cancelled { .. }
            | Event::ReplaceOwed { .. }
            | Event::KeyReplaced { .. } => unreachable!("it was followed before"),
        }
    }

    /// The units of members of groups are held, given back and consumed.
    fn follow_groups(&mut self, event: &Event<'_>) {
        let moves = self.groups.follow(event);
        let Some(stock) = moves.stock else { return };
        let book = self.stock(stock);
        moves.held.iter().for_each(|channel| book.hold(*channel, 1));
        moves.freed.iter().for_each(|channel| book.free(*channel, 1));
        moves.consumed.iter().for_each(|channel| book.consume(*channel, 1));
    }

    /// The cards of a full group are issued; their units were followed before.
    fn issue_to_group(&mut self, event: &Event<'_>) {
        let Event::Group(GroupEvent::Filled { campaign, first, owners, .. }) = event else { return };
        self.cards.issue_each(*campaign, *first, owners.iter().map(EventMember::channel));
    }

    /// Cards are units of their campaign's stock: consumed once they are issued, void once they are.
    fn follow_cards(&mut self, event: &Event<'_>) {
        match self.cards.follow(event) {
            Units::Stay => {}
            Units::Make(stock, units) => {
                *self.stock(stock) = StockBook { total: units, available: units, ..StockBook::default() };
            }
            Units::Issue(stock, channel, cards) => self.stock(stock).sell(channel, cards),
            Units::Exchange { from, channel, to, through } => {
                self.stock(from).give_back(channel, 1, false);
                self.stock(to).sell(through, 1);
            }
            Units::End { stock, cards, back, all } => {
                let book = self.stock(stock);
                for (channel, cards) in cards {
                    book.give_back(channel, cards, back);
                }
                if all {
                    let (available, frozen) = (book.available, book.frozen);
                    book.set_aside(available, true);
                    book.void_frozen(frozen);
                }
            }
        }
    }

    fn take(&mut self, key: &OperationKey, channel: ChannelId, sold: bool, lines: &[EventLine]) {
        self.holds_made += 1;
        let stand = if sold { Stand::Sold } else { Stand::Held };
        let mut hold = HoldBook { ordinal: self.holds_made, debt: 0, channel, stand, lines: Vec::new() };
        for line in lines {
            let (stock, units) = (line.stock(), u64::from(line.units.get()));
            let book = self.stock(stock);
            let keys = if sold {
                book.sell(channel, units);
                bind(book, units)
            } else {
                book.hold(channel, units);
                Vec::new()
            };
            hold.lines.push(LineBook { stock, units, keys, owed: Vec::new() });
        }
        let name = name(key);
        if sold {
            self.bound.push(name);
        }
        self.holds.insert(name, hold);
    }

    /// What is owed is nobody's yet.
    fn owe(&mut self, name: HoldName, channel: ChannelId, lines: &[OwedLine]) {
        self.holds_made += 1;
        let line = |line: &OwedLine| {
            let (stock, units) = (line.stock(), u64::from(line.units.get()));
            LineBook { stock, units, keys: Vec::new(), owed: Vec::new() }
        };
        let lines = lines.iter().map(line).collect();
        let hold = HoldBook { ordinal: self.holds_made, debt: 0, channel, stand: Stand::Owed, lines };
        self.open_debt(name, hold);
    }

    /// A hold gives its units back and is owed those that it was confirmed with.
    fn owe_held(&mut self, name: &HoldName, lines: &[RefusedLine]) {
        let Some(mut hold) = self.holds.remove(name) else { return };
        for (line, owed) in hold.lines.iter_mut().zip(lines) {
            self.stock(line.stock).free(hold.channel, line.units);
            line.units = u64::from(owed.asked.get());
        }
        hold.stand = Stand::Owed;
        self.open_debt(*name, hold);
    }

    fn open_debt(&mut self, name: HoldName, mut hold: HoldBook) {
        self.debts_made += 1;
        hold.debt = self.debts_made;
        self.debts.open(hold.debt, hold.channel, &hold.stocks());
        self.holds.insert(name, hold);
    }

    fn settle(&mut self, name: &HoldName) {
        let Some(mut hold) = self.holds.remove(name) else { return };
        let stocks = hold.stocks();
        if let Some(stock) = self.debts.overtaken(hold.debt, hold.channel, &stocks) {
            self.overtaking.push((*name, stock));
        }
        self.debts.close(hold.debt, hold.channel, &stocks);
        for line in &mut hold.lines {
            let book = self.stock(line.stock);
            book.sell(hold.channel, line.units);
            line.keys = bind(book, line.units);
        }
        hold.stand = Stand::Sold;
        self.debts_settled += 1;
        self.bound.push(*name);
        self.holds.insert(*name, hold);
    }

    fn confirm(&mut self, name: &HoldName, late: bool, lines: &[EventLine]) {
        let Some(mut hold) = self.holds.remove(name) else { return };
        for (line, paid) in hold.lines.iter_mut().zip(lines) {
            let units = u64::from(paid.units.get());
            let book = self.stock(line.stock);
            if late {
                book.sell(hold.channel, units);
            } else {
                book.consume(hold.channel, units);
                book.free(hold.channel, line.units.saturating_sub(units));
            }
            line.keys = bind(book, units);
            line.units = units;
        }
        hold.stand = Stand::Sold;
        self.bound.push(*name);
        self.holds.insert(*name, hold);
    }

    /// A hold that is held gives its units back; of another nothing is left to give.
    fn end(&mut self, name: &HoldName) {
        let Some(mut hold) = self.holds.remove(name) else { return };
        if hold.stand == Stand::Held {
            for line in &hold.lines {
                self.stock(line.stock).free(hold.channel, line.units);
            }
        }
        if hold.stand == Stand::Owed {
            self.debts.close(hold.debt, hold.channel, &hold.stocks());
        }
        if hold.stand != Stand::Sold {
            hold.stand = Stand::Over;
        }
        self.holds.insert(*name, hold);
    }

    /// A sale gives back what is left of it, card keys to void; another hold ends as by a release.
    fn cancel(&mut self, name: &HoldName) {
        self.end(name);
        let Some(mut hold) = self.holds.remove(name) else { return };
        if hold.stand == Stand::Sold {
            for line in &mut hold.lines {
                let units = core::mem::take(&mut line.units);
                let had = units - self.drop_last(hold.channel, line, units, units);
                self.stock(line.stock).give_back(hold.channel, had, line.keys.is_empty());
            }
        }
        self.holds.insert(*name, hold);
    }

    fn give_back(&mut self, name: &HoldName, to_available: bool, lines: &[EventLine]) {
        let Some(mut hold) = self.holds.remove(name) else { return };
        for (line, back) in hold.lines.iter_mut().zip(lines) {
            let units = u64::from(back.units.get());
            let had = units - self.drop_last(hold.channel, line, line.units, units);
            self.stock(line.stock).give_back(hold.channel, had, to_available);
            line.units = line.units.saturating_sub(units);
        }
        self.holds.insert(*name, hold);
    }

    /// Places among the last of those `left` that are owed a key are owed none any more; answers how many were.
    fn drop_last(&mut self, channel: ChannelId, line: &mut LineBook, left: u64, units: u64) -> u64 {
        let (from, to) = (left.saturating_sub(units) as usize, left as usize);
        let Some(last) = line.keys.get(from..to) else { return 0 };
        let (dropped, kept) = line.owed.iter().partition(|(key, _)| last.contains(key));
        line.owed = kept;
        let dropped: Vec<(u32, u32)> = dropped;
        dropped.iter().for_each(|(_, debt)| self.debts.close(*debt, channel, &[line.stock]));
        dropped.len() as u64
    }

    /// A key is void, and none can take its place yet.
    fn owe_replacement(&mut self, name: HoldName, key: u32) {
        let Some(mut hold) = self.holds.remove(&name) else { return };
        self.debts_made += 1;
        for line in hold.lines.iter_mut().filter(|line| line.keys.contains(&key)) {
            self.stock(line.stock).give_back(hold.channel, 1, false);
            line.owed.push((key, self.debts_made));
            self.debts.open(self.debts_made, hold.channel, &[line.stock]);
        }
        self.holds.insert(name, hold);
    }

    /// The next key in the order of sale takes the place of one whose replacement was owed.
    fn replace_at_last(&mut self, name: HoldName, key: u32) {
        let Some(mut hold) = self.holds.remove(&name) else { return };
        for line in &mut hold.lines {
            let Some(debt) = line.end_debt(key) else { continue };
            if let Some(stock) = self.debts.overtaken(debt, hold.channel, &[line.stock]) {
                self.overtaking.push((name, stock));
            }
            self.debts.close(debt, hold.channel, &[line.stock]);
            let book = self.stock(line.stock);
            book.sell(hold.channel, 1);
            let new = book.next_key().unwrap_or(u32::MAX);
            line.keys.iter_mut().filter(|place| **place == key).for_each(|place| *place = new);
        }
        self.keys_replaced += 1;
        self.bound.push(name);
        self.holds.insert(name, hold);
    }

    /// The replacement of a key never comes: its place goes behind all that are left.
    fn replace_never(&mut self, name: HoldName, key: u32) {
        let Some(mut hold) = self.holds.remove(&name) else { return };
        for line in &mut hold.lines {
            let Some(debt) = line.end_debt(key) else { continue };
            self.debts.close(debt, hold.channel, &[line.stock]);
            line.units = line.units.saturating_sub(1);
            line.keys.retain(|place| *place != key);
            line.keys.insert((line.units as usize).min(line.keys.len()), key);
        }
        self.bound.push(name);
        self.holds.insert(name, hold);
    }

    /// A key leaves its hold and can be sold again.
    fn reclaim(&mut self, name: HoldName, key: u32) {
        let Some(mut hold) = self.holds.remove(&name) else { return };
        let batch = self.batch_of.get(key as usize).copied().unwrap_or(u32::MAX);
        for line in &mut hold.lines {
            if line.keys.contains(&key) {
                line.keys.retain(|place| *place != key);
                line.units = line.units.saturating_sub(1);
                self.stock(line.stock).reclaim(hold.channel, batch, key);
            }
        }
        self.reclaimed.insert(key);
        self.bound.push(name);
        self.holds.insert(name, hold);
    }

    /// A key is void, the next in the order of sale takes its place.
    fn replace(&mut self, name: HoldName, key: u32) {
        let Some(mut hold) = self.holds.remove(&name) else { return };
        for line in &mut hold.lines {
            if let Some(place) = line.keys.iter_mut().find(|place| **place == key) {
                let book = self.stock(line.stock);
                book.give_back(hold.channel, 1, false);
                book.sell(hold.channel, 1);
                *place = book.next_key().unwrap_or(u32::MAX);
            }
        }
        self.keys_replaced += 1;
        self.bound.push(name);
        self.holds.insert(name, hold);
    }
}

/// Binds the next keys of a stock in the order of sale; a counter stock has none.
fn bind(book: &mut StockBook, units: u64) -> Vec<u32> {
    if book.reusable && units > 0 {
        return book.version.into_iter().collect();
    }
    if !book.keys {
        return Vec::new();
    }
    // A stock without keys left is one that the engine has oversold; a number that no key has shows it.
    (0..units).map(|_| book.next_key().unwrap_or(u32::MAX)).collect()
}

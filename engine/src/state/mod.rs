//! The state: everything the engine knows, in tables of plain records.
//!
//! Reading is free for all rooms; writing is for `apply` alone (see `engine.rs`). Indexes and timers are derived from
//! the records.

pub mod campaigns;
pub mod cards;
pub mod channels;
pub mod counts;
pub mod debts;
pub mod digest;
pub mod endings;
pub mod gifts;
pub mod given_codes;
pub mod groups;
pub mod index;
pub mod keys;
pub mod labels;
pub mod lots;
pub mod memory;
pub mod notices;
pub mod order_holds;
pub mod orders;
pub mod persons;
pub(crate) mod prefetch;
pub mod quotes;
pub mod reclaim;
pub mod records;
pub mod recount;
pub mod redemptions;
pub mod risk;
pub mod sale_order;
pub mod sharing;
pub mod slices;
pub mod stock;
pub mod table;
pub mod timers;
pub mod zones;

use crate::answer::HoldState;
use crate::command::Quota;
use crate::ids::{ChannelId, MerchantId, OperationKey, StockId};
use crate::limits::{Capacity, Rules};
use campaigns::Campaigns;
use cards::Cards;
use debts::Debts;
use gifts::Gifts;
use given_codes::GivenCodes;
use groups::Groups;
use index::Index;
use keys::{BatchState, Keys};
use labels::Labels;
use lots::Lots;
use notices::Notices;
use order_holds::OrderHolds;
use orders::OrderLines;
use persons::Persons;
use records::{Counts, ExtraLine, HoldRecord, LimitRecord, LineRecord, NO_LINE, OperationRecord, Recorded};
use redemptions::RedemptionRecord;
use risk::Risk;
use scrip_planted::{Bug, on};
use sharing::Sharing;
use slices::Slices;
use std::collections::BTreeSet;
use stock::{Posting, Stock};
use table::{Handle, NONE, Table};
use timers::Timers;
use zones::Zones;

/// Times to live up to which a hold is looked at once, when its deadline has passed the floor, and not at its making
/// too: that keeps it in memory for a slice longer at most.
const SHORT_TTL_MS: u64 = crate::limits::SLICE_MS;

/// Something that happens at its time, to a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Appointment {
    /// Shard time.
    pub at_ms: u64,
    /// Handle of the stock.
    pub stock: Handle,
    /// What happens.
    pub what: Due,
}

/// What happens at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// The guarantee of this channel lapses.
    Guarantee(ChannelId),
    /// The batch with this handle expires.
    Batch(u32),
    /// A group lapses.
    Group {
        /// The sequence at which it was opened.
        opened: u64,
        /// Its handle.
        group: Handle,
    },
}

/// Everything the engine knows.
pub struct State {
    /// The last logged shard time, milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Operations made before this are gone.
    pub floor_ms: u64,
    /// Events applied: the sequence of the last one.
    pub sequence: u64,
    /// The times in force.
    pub rules: Rules,
    /// Configured maxima.
    pub capacity: Capacity,
    /// Stocks, by handle.
    pub stocks: Vec<Stock>,
    /// Card keys.
    pub keys: Keys,
    /// What will happen by itself: guarantees that lapse, batches that expire, groups that lapse.
    pub appointments: BTreeSet<Appointment>,
    /// Sales whose units are owed.
    pub debts: Debts,
    /// Holds.
    pub holds: Table<HoldRecord>,
    /// Further lines of holds.
    pub extra_lines: Table<ExtraLine>,
    /// Operation records.
    pub operations: Table<OperationRecord>,
    /// Purchase limit entries.
    pub limits: Table<LimitRecord>,
    /// The entries of lines that count in several.
    pub counts: Table<Counts>,
    /// Campaigns.
    pub campaigns: Campaigns,
    /// Cards.
    pub cards: Cards,
    /// Redemptions.
    pub redemptions: Table<RedemptionRecord>,
    /// What cards were filled with.
    pub lots: Lots,
    /// Cards that are being given.
    pub gifts: Gifts,
    /// Codes that were not derived.
    pub given_codes: GivenCodes,
    /// Users who want cards together.
    pub groups: Groups,
    /// Users who bring others.
    pub sharing: Sharing,
    /// Which cards are to be told of, and which were.
    pub notices: Notices,
    /// Risk rules, blocks and what they have counted.
    pub risk: Risk,
    /// Which user ids are one person.
    pub persons: Persons,
    /// Of which users the log has their own words.
    pub labels: Labels,
    /// Time zones of merchants.
    pub zones: Zones,
    /// Which records go when the floor rises.
    pub slices: Slices,
    /// Which holds are due.
    pub timers: Timers,
    /// Which hold has the line of an order, on stocks that an order can buy once.
    pub order_lines: OrderLines,
    /// Which holds were made for an order.
    order_holds: OrderHolds,
    stock_index: Index,
    record_index: Index,
    limit_index: Index,
    hasher: ahash::RandomState,
}

impl State {
    /// An empty state with tables for `capacity`. `hash_seed` protects the indexes against chosen ids; it is no part
    /// of the state.
    pub fn new(capacity: Capacity, rules: Rules, hash_seed: u64) -> State {
        let mixed = hash_seed ^ 0x9e37_79b9_7f4a_7c15;
        let hasher = ahash::RandomState::with_seeds(
            hash_seed,
            mixed,
            hash_seed.rotate_left(32),
            mixed.rotate_left(17),
        );
        State {
            now_ms: 0,
            floor_ms: 0,
            sequence: 0,
            rules,
            capacity,
            stocks: Vec::with_capacity(capacity.stocks_max as usize),
            keys: Keys::new(&capacity),
            appointments: BTreeSet::new(),
            debts: Debts::default(),
            holds: Table::new(capacity.holds_max),
            extra_lines: Table::new(capacity.extra_lines_max),
            operations: Table::new(capacity.operations_max),
            limits: Table::new(capacity.user_limits_max),
            // A line never lacks room for its counts, nor does a member of a group.
            counts: Table::new(
                capacity
                    .holds_max
                    .saturating_add(capacity.extra_lines_max)
                    .saturating_add(capacity.groups_max),
            ),
            campaigns: Campaigns::default(),
            cards: Cards::new(&capacity),
            redemptions: Table::new(capacity.redemptions_max),
            lots: Lots::new(&capacity),
            gifts: Gifts::new(&capacity),
            given_codes: GivenCodes::new(&capacity),
            groups: Groups::new(&capacity),
            sharing: Sharing::new(&capacity),
            notices: Notices::new(&capacity),
            risk: Risk::new(capacity.risk_counts_max, hasher.clone()),
            persons: Persons::new(&capacity),
            labels: Labels::new(&capacity),
            zones: Zones::default(),
            slices: Slices::default(),
            timers: Timers::new(capacity.holds_max),
            order_lines: OrderLines::new(capacity.order_lines_max),
            // A hold never lacks room for its order.
            order_holds: OrderHolds::new(capacity.holds_max),
            stock_index: Index::new(capacity.stocks_max),
            record_index: Index::new(
                capacity
                    .holds_max
                    .saturating_add(capacity.operations_max)
                    .saturating_add(capacity.redemptions_max),
            ),
            limit_index: Index::new(capacity.user_limits_max),
            hasher,
        }
    }

    /// The hash of an operation's key.
    #[inline]
    pub fn record_hash(&self, key: &OperationKey) -> u32 {
        let scope = u64::from(key.merchant.0) << 16 | u64::from(key.slot.0);
        self.hasher.hash_one((key.operation.0, scope)) as u32
    }

    /// The stock with this id, whoever owns it.
    #[inline]
    pub fn find_stock(&self, id: StockId) -> Option<Handle> {
        self.stock_index
            .find(self.hasher.hash_one(id.0) as u32, |handle| self.stocks[handle.0 as usize].id == id)
    }

    /// The merchant's stock with this id.
    #[inline]
    pub fn stock_of(&self, merchant: MerchantId, id: StockId) -> Option<Handle> {
        self.find_stock(id).filter(|handle| self.stock(*handle).merchant == merchant)
    }

    /// The stock with this handle.
    #[inline]
    pub fn stock(&self, handle: Handle) -> &Stock {
        &self.stocks[handle.0 as usize]
    }

    /// The stock with this handle, to be changed.
    #[inline]
    pub fn stock_mut(&mut self, handle: Handle) -> &mut Stock {
        &mut self.stocks[handle.0 as usize]
    }

    /// What is recorded under a key, seen at shard time `now_ms`: what is gone by then is not found.
    #[inline]
    pub fn find_record(&self, key: &OperationKey, hash: u32, now_ms: u64) -> Option<Recorded> {
        let found = self.record_index.find(hash, |tagged| match Recorded::from_tagged(tagged.0) {
            Some(Recorded::Hold(handle)) => {
                let hold = self.holds.get(handle);
                hold.is(key) && !self.is_gone(handle, now_ms)
            }
            Some(Recorded::Operation(handle)) => {
                let operation = self.operations.get(handle);
                operation.is(key) && u64::from(operation.slice) >= slices::slice_of(self.floor_ms)
            }
            Some(Recorded::Redemption(handle)) => {
                self.is_redemption(handle, key) && !self.is_redemption_gone(self.redemptions.get(handle))
            }
            None => false,
        });
        found.and_then(|tagged| Recorded::from_tagged(tagged.0))
    }

    /// The hold with this key, seen at shard time `now_ms`.
    #[inline]
    pub fn find_hold(&self, key: &OperationKey, hash: u32, now_ms: u64) -> Option<Handle> {
        match self.find_record(key, hash, now_ms) {
            Some(Recorded::Hold(handle)) => Some(handle),
            _ => None,
        }
    }

    /// Whether a hold is out of reach: made before the floor, and closed for good before it (so that the answer to a
    /// CONFIRM can be repeated for a whole window).
    #[inline]
    pub fn is_gone(&self, handle: Handle, now_ms: u64) -> bool {
        let hold = self.holds.get(handle);
        if hold.created_ms() >= self.floor_ms {
            return false;
        }
        match hold.state() {
            HoldState::Held | HoldState::Owed => false,
            HoldState::Expired => now_ms >= hold.late_until_ms(),
            HoldState::Confirmed if hold.flags & HoldRecord::OWED_KEY != 0 => {
                hold.closed_ms().max(self.debts.owed_key_until_ms(handle)) < self.floor_ms
            }
            _ => hold.closed_ms() < self.floor_ms,
        }
    }

    /// The `index`-th line of a hold. Panics when it has fewer.
    #[inline]
    pub fn line<'s>(&'s self, hold: &'s HoldRecord, index: usize) -> &'s LineRecord {
        assert!(index < hold.line_count());
        if index == 0 {
            return &hold.line;
        }
        let mut extra = self.extra_lines.get(Handle(hold.more_lines));
        for _ in 1..index {
            extra = self.extra_lines.get(Handle(extra.next));
        }
        &extra.line
    }

    /// Prices of a unit of each line of a hold, in order; 0: none.
    pub fn prices<'s>(&'s self, hold: &'s HoldRecord) -> impl Iterator<Item = u32> {
        let mut next = hold.more_lines;
        let extra = core::iter::from_fn(move || {
            if next >= NO_LINE {
                return None;
            }
            let extra = self.extra_lines.get(Handle(next));
            next = extra.next;
            Some(extra.price)
        });
        core::iter::once(hold.price).chain(extra)
    }

    /// All lines of a hold, in order.
    #[inline]
    pub fn lines<'s>(&'s self, hold: &'s HoldRecord) -> impl Iterator<Item = &'s LineRecord> {
        let mut next = hold.more_lines;
        let extra = core::iter::from_fn(move || {
            if next >= NO_LINE {
                return None;
            }
            let extra = self.extra_lines.get(Handle(next));
            next = extra.next;
            Some(&extra.line)
        });
        core::iter::once(&hold.line).chain(extra)
    }

    /// Whether a line is on a campaign: what it sells are cards, and its word for keys names the first of them.
    #[inline]
    pub fn is_of_cards(&self, line: &LineRecord) -> bool {
        line.stock != NONE && self.stock(Handle(line.stock)).campaign().is_some()
    }

    /// The first card key of a line; [`NONE`]: it has none.
    #[inline]
    pub fn keys_of(&self, line: &LineRecord) -> u32 {
        if line.keys == NONE || self.is_of_cards(line) { NONE } else { line.keys }
    }
}

/// Writing: for `apply` alone.
impl State {
    /// Adds a stock.
    pub(crate) fn insert_stock(&mut self, stock: Stock) -> Handle {
        let handle = Handle(u32::try_from(self.stocks.len()).expect("stocks are few"));
        self.stock_index.insert(self.hasher.hash_one(stock.id.0) as u32, handle);
        self.order_lines.note_stock(stock.once_per_order);
        self.stocks.push(stock);
        handle
    }

    /// Adds a hold, puts it into its slice, its order's list and, if held, under its timer.
    #[inline]
    pub(crate) fn insert_hold(&mut self, record: HoldRecord, hash: u32) -> Handle {
        let handle = self.holds.insert(record);
        self.record_index.insert(hash, Handle(Recorded::Hold(handle).tagged()));
        self.hang_into_order(handle);
        let held = record.state == HoldState::Held as u8;
        if held {
            self.timers.insert(handle, record.deadline_ms());
        }
        // A hold is gone a window after it closed, not after it was made: with a short time to live it is hung where the
        // first look at it is also the last.
        let short = held && u64::from(record.ttl_ms()) <= SHORT_TTL_MS;
        let look_ms = if short { record.deadline_ms().max(record.created_ms()) } else { record.created_ms() };
        self.push_slice(look_ms, Recorded::Hold(handle));
        handle
    }

    /// Adds an operation record and puts it into its slice.
    pub(crate) fn insert_operation(&mut self, record: OperationRecord, created_ms: u64, hash: u32) -> Handle {
        let handle = self.operations.insert(record);
        self.record_index.insert(hash, Handle(Recorded::Operation(handle).tagged()));
        self.push_slice(created_ms, Recorded::Operation(handle));
        handle
    }

    /// Puts a new redemption into the index and its slice.
    fn index_redemption(&mut self, handle: Handle, created_ms: u64, hash: u32) {
        self.record_index.insert(hash, Handle(Recorded::Redemption(handle).tagged()));
        self.push_slice(created_ms, Recorded::Redemption(handle));
    }

    /// Frees a redemption that hangs in no list.
    fn unindex_redemption(&mut self, handle: Handle, hash: u32) {
        self.record_index.remove(hash, Handle(Recorded::Redemption(handle).tagged()));
        self.redemptions.remove(handle);
    }

    /// Changes each line of a hold in order; `change` gets its position, the line and the rest of the state's stocks.
    pub(crate) fn change_lines(
        &mut self,
        hold: Handle,
        mut change: impl FnMut(&mut State, usize, &mut LineRecord),
    ) {
        let mut line = self.holds.get(hold).line;
        change(self, 0, &mut line);
        self.holds.get_mut(hold).line = line;
        let mut next = self.holds.get(hold).more_lines;
        let mut position = 1;
        while next < NO_LINE {
            let mut extra = *self.extra_lines.get(Handle(next));
            change(self, position, &mut extra.line);
            *self.extra_lines.get_mut(Handle(next)) = extra;
            next = extra.next;
            position += 1;
        }
    }

    /// Moves units that a channel takes or gives back.
    #[inline]
    pub(crate) fn post(&mut self, stock: Handle, channel: ChannelId, posting: Posting) {
        let found = &mut self.stocks[stock.0 as usize];
        let lost = found.post(channel, posting);
        if found.keys && matches!(posting, Posting::Free(_)) {
            found.sale_order.settle(&mut self.keys, lost.to_void, lost.to_frozen);
        }
        if found.channels.owed() > 0 && posting.may_settle_debts() {
            self.debts.unsettle(stock);
        }
    }

    /// Moves units by the operator's hand, or because time came.
    pub(crate) fn move_units(&mut self, stock: Handle, posting: Posting) {
        let found = &mut self.stocks[stock.0 as usize];
        let settled = found.move_units(posting);
        found.sale_order.settle(&mut self.keys, settled.to_void, settled.to_frozen);
        if found.keys {
            found.sale_order.start_over();
        }
        self.unsettle(stock);
    }

    /// The unit of a reclaimed key goes where its batch stands; what marks wait for goes before anything becomes available.
    pub(crate) fn take_back(&mut self, stock: Handle, channel: ChannelId, batch: u32) {
        let found = &mut self.keys.batches[batch as usize];
        let into = if on(Bug::ReclaimForgetsBatch) { BatchState::Active } else { found.state };
        let posting = match into {
            BatchState::Active => Posting::ReturnToAvailable(1),
            BatchState::Frozen => Posting::ReturnToFrozen(1),
            BatchState::Void | BatchState::Expired => Posting::ReturnToVoid(1),
        };
        if into != BatchState::Active {
            found.moved += 1;
        }
        self.post(stock, channel, posting);
        let found = &mut self.stocks[stock.0 as usize];
        let settled = found.settle();
        found.sale_order.settle(&mut self.keys, settled.to_void, settled.to_frozen);
        found.sale_order.start_over();
    }

    /// Puts quotas in force, and notes when their guarantees lapse.
    pub(crate) fn set_quotas(&mut self, handle: Handle, quotas: &[Quota]) {
        for quota in quotas {
            let before = self.stocks[handle.0 as usize].channels.find(quota.channel());
            let lapsed_ms = before.map_or(0, |before| before.lapses_ms);
            let what = Due::Guarantee(quota.channel());
            self.appointments.remove(&Appointment { at_ms: lapsed_ms, stock: handle, what });
            let at_ms = quota.lapses_ms.get();
            if at_ms != 0 {
                self.appointments.insert(Appointment { at_ms, stock: handle, what });
            }
        }
        self.stock_mut(handle).set_quotas(quotas);
        self.unsettle(handle);
    }

    /// Ends the guarantee of a channel.
    pub(crate) fn lapse(&mut self, handle: Handle, channel: ChannelId) {
        let at_ms = self.stock(handle).channels.find(channel).map_or(0, |found| found.lapses_ms);
        self.keep_appointment(Appointment { at_ms, stock: handle, what: Due::Guarantee(channel) });
        self.stock_mut(handle).lapse(channel);
        self.unsettle(handle);
    }

    /// What happens by itself happens once, and not before its time.
    pub(crate) fn keep_appointment(&mut self, appointment: Appointment) {
        let noted = self.appointments.remove(&appointment);
        assert!(noted && appointment.at_ms <= self.now_ms, "{appointment:?} was not due");
    }

    /// When the next appointment is; the end of time if there is none.
    pub fn next_appointment_ms(&self) -> u64 {
        self.appointments.first().map_or(u64::MAX, |first| first.at_ms)
    }

    /// Turns the timer wheel, see [`Timers::turn`].
    pub(crate) fn turn_timers(&mut self, now_ms: u64, moves_max: u32) -> u64 {
        let holds = &self.holds;
        self.timers.turn(now_ms, moves_max, |hold| holds.get(hold).deadline_ms())
    }

    fn push_slice(&mut self, time_ms: u64, record: Recorded) {
        let State { slices, holds, operations, redemptions, .. } = self;
        let mut records = SliceRecords { holds, operations, redemptions };
        slices.push(time_ms, record, |record, next| records.set_next(record, next));
    }

    /// Raises the floor.
    pub(crate) fn raise_floor(&mut self, floor_ms: u64) {
        assert!(floor_ms >= self.floor_ms, "the floor only rises");
        self.floor_ms = floor_ms;
        let State { slices, holds, operations, redemptions, .. } = self;
        let mut records = SliceRecords { holds, operations, redemptions };
        slices.raise(floor_ms, |record, next| records.set_next(record, next));
    }
}

/// The tables whose records hang in slices.
struct SliceRecords<'s> {
    holds: &'s mut Table<HoldRecord>,
    operations: &'s mut Table<OperationRecord>,
    redemptions: &'s mut Table<RedemptionRecord>,
}

impl SliceRecords<'_> {
    #[inline]
    fn set_next(&mut self, record: Recorded, next: u32) {
        match record {
            Recorded::Hold(handle) => self.holds.get_mut(handle).slice_next = next,
            Recorded::Operation(handle) => self.operations.get_mut(handle).slice_next = next,
            Recorded::Redemption(handle) => self.redemptions.get_mut(handle).slice_next = next,
        }
    }
}

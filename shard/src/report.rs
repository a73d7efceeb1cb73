//! The report over a log: what was held, sold and given back of each stock, what was issued, redeemed and reversed of each
//! campaign, by day, channel and merchant. The rules are in docs/report.md.
//!
//! It stands beside recovery because it reads what recovery reads: every event is looked at while the engine still has the
//! state before it (that knows the channel of a hold and the price it was made at), then applied. Invariant: what a day that
//! is over has in the report never changes, however the log goes on: each event counts for the day of its own shard time,
//! days never go back, and a card's expiry is counted once its time has come and before anything can move that time.

mod cards;
mod sales;

use crate::recovery::{RecoveryError, for_each_event_with_facts};
use scrip_engine::Engine;
use scrip_engine::calendar::Day;
use scrip_engine::event::Event;
use scrip_engine::ids::{CardId, ChannelId, MerchantId, Slot, StockId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::state::State;
use scrip_wal::{Disk, Scanner};
use std::collections::BTreeMap;

/// What a tally is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// The day, by the merchant's time zone; UTC until he has one.
    pub day: Day,
    /// The merchant.
    pub merchant: MerchantId,
    /// The stock or campaign.
    pub stock: StockId,
    /// The channel.
    pub channel: ChannelId,
}

/// What happened to an account's units on its day. Money is in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Units taken by RESERVE.
    pub held: u64,
    /// Units of holds given back before they were confirmed.
    pub released: u64,
    /// Units of holds that reached their deadline.
    pub expired: u64,
    /// Units sold: by CONFIRM, by SELL, by the end of a debt.
    pub sold: u64,
    /// What they were sold for, at the prices their holds were made at.
    pub sold_for: u64,
    /// Units sold that were given back.
    pub returned: u64,
    /// What those had been sold for.
    pub returned_for: u64,
    /// Units that became owed.
    pub owed: u64,
    /// Units that were owed in vain or given up.
    pub unfulfilled: u64,
    /// Units refused after they had been paid for.
    pub refused: u64,
    /// Card keys replaced by another.
    pub replaced: u64,
    /// Cards issued by ISSUE.
    pub issued: u64,
    /// Cards issued by CLAIM.
    pub claimed: u64,
    /// Redemptions.
    pub redemptions: u64,
    /// Units that they took.
    pub redeemed: u64,
    /// Amounts of the orders that they were for.
    pub amount: u64,
    /// What they took off those.
    pub discount: u64,
    /// Uses of tills that were offline, of cards that were not to be had any more.
    pub conflicts: u64,
    /// Units given back by REVERSE.
    pub reversed: u64,
    /// Their part of the discounts.
    pub reversed_discount: u64,
    /// Units that cards were filled with, by TOPUP and EARN.
    pub filled: u64,
    /// What was paid for those of TOPUP.
    pub paid_in: u64,
    /// What was paid for units that a CARD_REFUND has voided.
    pub paid_back: u64,
    /// Cards voided, one by one or as parts of a whole.
    pub voided: u64,
    /// Cards that went back to the supply.
    pub recycled: u64,
    /// Cards whose time was over with units left; through the channel that issued them.
    pub lapsed: u64,
    /// Cards among those, of this day or an earlier one, that were given a new time.
    pub revived: u64,
}

impl Tally {
    /// Its numbers with their names, in order.
    pub const fn fields(&self) -> [(&'static str, u64); 27] {
        [
            ("held", self.held),
            ("released", self.released),
            ("expired", self.expired),
            ("sold", self.sold),
            ("sold_for", self.sold_for),
            ("returned", self.returned),
            ("returned_for", self.returned_for),
            ("owed", self.owed),
            ("unfulfilled", self.unfulfilled),
            ("refused", self.refused),
            ("replaced", self.replaced),
            ("issued", self.issued),
            ("claimed", self.claimed),
            ("redemptions", self.redemptions),
            ("redeemed", self.redeemed),
            ("amount", self.amount),
            ("discount", self.discount),
            ("conflicts", self.conflicts),
            ("reversed", self.reversed),
            ("reversed_discount", self.reversed_discount),
            ("filled", self.filled),
            ("paid_in", self.paid_in),
            ("paid_back", self.paid_back),
            ("voided", self.voided),
            ("recycled", self.recycled),
            ("lapsed", self.lapsed),
            ("revived", self.revived),
        ]
    }

    /// Adds the numbers of another. What would be more than a number can say stays the most it can.
    pub fn add(&mut self, other: &Tally) {
        add(&mut self.held, other.held);
        add(&mut self.released, other.released);
        add(&mut self.expired, other.expired);
        add(&mut self.sold, other.sold);
        add(&mut self.sold_for, other.sold_for);
        add(&mut self.returned, other.returned);
        add(&mut self.returned_for, other.returned_for);
        add(&mut self.owed, other.owed);
        add(&mut self.unfulfilled, other.unfulfilled);
        add(&mut self.refused, other.refused);
        add(&mut self.replaced, other.replaced);
        add(&mut self.issued, other.issued);
        add(&mut self.claimed, other.claimed);
        add(&mut self.redemptions, other.redemptions);
        add(&mut self.redeemed, other.redeemed);
        add(&mut self.amount, other.amount);
        add(&mut self.discount, other.discount);
        add(&mut self.conflicts, other.conflicts);
        add(&mut self.reversed, other.reversed);
        add(&mut self.reversed_discount, other.reversed_discount);
        add(&mut self.filled, other.filled);
        add(&mut self.paid_in, other.paid_in);
        add(&mut self.paid_back, other.paid_back);
        add(&mut self.voided, other.voided);
        add(&mut self.recycled, other.recycled);
        add(&mut self.lapsed, other.lapsed);
        add(&mut self.revived, other.revived);
    }
}

/// Amounts are whatever a gateway has told: their sum may be more than a number can say.
fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

/// A stock or campaign that a report names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// For people.
    pub name: String,
    /// Whether it is a campaign.
    pub cards: bool,
}

/// The report over one log, or over several.
#[derive(Debug, Default)]
pub struct Report {
    /// What happened, by account.
    pub tallies: BTreeMap<Account, Tally>,
    /// Stocks and campaigns.
    pub names: BTreeMap<StockId, Named>,
    /// The day it is at the end of the log for a merchant's stocks of a slot. Days before it are over.
    pub today: BTreeMap<(MerchantId, Slot), Day>,
    /// Shard time at the end of the log, ms; of several logs the earliest.
    pub end_ms: u64,
    now_ms: u64,
    /// The newest day that was seen, by owner: days never go back.
    days: BTreeMap<(MerchantId, Slot), Day>,
    /// The day it was by the zone before, by owner: no lapse by a later zone is of an earlier day.
    days_of_zones: BTreeMap<(MerchantId, Slot), Day>,
    /// Cards whose time was over by then have been counted.
    lapses_counted_s: u64,
    /// Cards whose lapse was counted one by one, and the time that was over.
    counted: BTreeMap<CardId, u32>,
    /// What orders came to on which open holds use cards, card by card.
    amounts: BTreeMap<(u32, u16, u128), Vec<u64>>,
    /// The first account that the last event touched.
    touched: Option<Account>,
}

/// Reads the log of `shard` from `disk`. `progress` gets (bytes read, bytes in all), `on_facts` the facts behind an event: of
/// which account (that of its first line), and whether it gave something back. Nothing is written, and the log may grow
/// meanwhile: it is read to where it ended when that was read.
///
/// # Errors
/// See [`RecoveryError`].
///
/// # Panics
/// If an intact event contradicts the state.
pub fn report<D: Disk>(
    disk: &D,
    shard: u32,
    progress: impl FnMut(u64, u64),
    mut on_facts: impl FnMut(&Account, bool, &[u8]),
) -> Result<Report, RecoveryError> {
    // A small engine: history makes its tables as large as they must be.
    let mut engine = Engine::new(Capacity::for_memory(64 << 20), Rules::default(), 1);
    let mut report = Report::default();
    Scanner::new(disk, shard).on_progress(progress).run(|header, payload| {
        for_each_event_with_facts(header, payload, |_, event, facts| {
            report.step(event, engine.state());
            if let (false, Some(account)) = (facts.is_empty(), &report.touched) {
                on_facts(account, is_back(event), facts);
            }
            engine.apply(event);
        })
    })?;
    report.finish(engine.state());
    Ok(report)
}

impl Report {
    /// Follows an event that the engine, whose state this is, has not applied yet.
    pub fn step(&mut self, event: &Event<'_>, before: &State) {
        if let Event::Tick { now_ms } = event {
            self.now_ms = *now_ms;
        }
        self.touched = None;
        self.follow_sales(event, before);
        self.follow_cards(event, before);
    }

    /// Counts what the end of the log alone can tell.
    pub fn finish(&mut self, state: &State) {
        self.count_lapses(state);
        for stock in &state.stocks {
            let name = String::from_utf8_lossy(stock.name()).into_owned();
            self.names.insert(stock.id, Named { name, cards: stock.campaign().is_some() });
            let (merchant, slot) = (stock.merchant, stock.id.slot());
            let today = self.day(state, merchant, slot);
            self.today.insert((merchant, slot), today);
        }
        self.end_ms = self.now_ms;
    }

    /// Adds the report over another shard's log.
    pub fn merge(&mut self, other: Report) {
        for (account, tally) in &other.tallies {
            self.tallies.entry(*account).or_default().add(tally);
        }
        self.names.extend(other.names);
        self.today.extend(other.today);
        self.end_ms = if self.end_ms == 0 { other.end_ms } else { self.end_ms.min(other.end_ms) };
    }

    /// The day it is for an owner.
    fn day(&mut self, state: &State, merchant: MerchantId, slot: Slot) -> Day {
        let day = day_at(state, merchant, slot, self.now_ms);
        let newest = self.days.entry((merchant, slot)).or_insert(day);
        *newest = (*newest).max(day);
        *newest
    }

    /// Today's tally of a stock and channel.
    fn tally(
        &mut self,
        state: &State,
        merchant: MerchantId,
        stock: StockId,
        channel: ChannelId,
    ) -> &mut Tally {
        let day = self.day(state, merchant, stock.slot());
        let account = Account { day, merchant, stock, channel };
        self.touched.get_or_insert(account);
        self.tallies.entry(account).or_default()
    }
}

/// Whether an event gives something back.
const fn is_back(event: &Event<'_>) -> bool {
    matches!(event, Event::Returned { .. } | Event::Reversed { .. })
}

/// The day of a time by an owner's clock.
fn day_at(state: &State, merchant: MerchantId, slot: Slot, time_ms: u64) -> Day {
    match state.zones.of((merchant, slot)) {
        Some(found) => found.zone.day(time_ms),
        None => Day::at(time_ms, 0),
    }
}

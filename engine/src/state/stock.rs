//! Stocks: units in buckets, and the postings that move them.
//!
//! Invariant (the law): total = available + held + consumed + frozen + void, and marked_void + marked_frozen <= held.
//! What the channels' guarantees have left unused is available. Both are asserted after every posting, in release builds
//! too. A posting that would take a bucket below zero panics:
//! `decide` has refused it before.

use super::channels::{ChannelUse, Channels};
use super::sale_order::SaleOrder;
use super::table::{Handle, NONE};
use crate::command::{Limits, Price, Quota, SpanLimits, StockKind, StockTerms};
use crate::ids::{ChannelId, MerchantId, StockId};
use crate::limits::{CAMPAIGN_UNITS_MAX, NAME_BYTES_MAX, STOCK_BYTES, STOCK_UNITS_MAX};
use scrip_planted::{Bug, on};

/// A stock: of units that are all alike, or of card keys.
#[derive(Clone)]
pub struct Stock {
    /// Its id.
    pub id: StockId,
    /// Its owner.
    pub merchant: MerchantId,
    /// Counts up with each edit of the terms.
    pub version: u32,
    /// Each unit is a card key.
    pub keys: bool,
    /// Every buyer gets the same text.
    pub reusable: bool,
    /// Of a reusable stock: the version of the text in force; [`NONE`]: none yet.
    pub content: u32,
    /// An order has at most one sale or hold of it.
    pub once_per_order: bool,
    /// The handle of its campaign, if its units are cards; else [`NONE`].
    campaign: u32,
    /// Batches of card keys.
    pub sale_order: SaleOrder,
    /// Sale rules.
    pub terms: StockTerms,
    /// What subjects may have; the units per user stand in the terms.
    pub limits: Limits,
    /// What they may have by weeks and months.
    pub span_limits: SpanLimits,
    /// Whether more is limited than the units per user.
    pub limits_further: bool,
    /// Whether the clock by which days are counted is fixed: it is once limits were set.
    pub clock_fixed: bool,
    /// Place of the zone by which days are counted, among those of merchants; [`NONE`]: they are counted by an offset.
    pub zone: u32,
    /// What a unit costs.
    pub prices: Vec<Price>,
    /// Units in each bucket. To be posted through [`Stock::post`] and [`Stock::move_units`].
    pub units: Units,
    /// What each channel has used and may use.
    pub channels: Channels,
    /// Consumed units whose holds have left memory.
    pub moved_out: u64,
    name: [u8; NAME_BYTES_MAX],
    name_bytes: u8,
}

/// What [`Capacity::for_memory`](crate::limits::Capacity::for_memory) reckons with.
const _: () = assert!(size_of::<Stock>() + 16 + 4 * size_of::<ChannelUse>() <= STOCK_BYTES as usize);

/// The buckets of a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Units supplied so far.
    pub total: u64,
    /// Can be reserved.
    pub available: u64,
    /// In holds.
    pub held: u64,
    /// Sold.
    pub consumed: u64,
    /// Set aside by the operator.
    pub frozen: u64,
    /// Gone for good.
    pub void: u64,
    /// Held units that go to frozen when their holds end.
    pub marked_frozen: u64,
    /// Held units that go to void when their holds end.
    pub marked_void: u64,
}

/// What a hold's line is going through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posting {
    /// available -> held
    Hold(u64),
    /// available -> consumed
    Sell(u64),
    /// held -> consumed
    Consume(u64),
    /// held -> available, but for marked units
    Free(u64),
    /// consumed -> available
    ReturnToAvailable(u64),
    /// consumed -> frozen
    ReturnToFrozen(u64),
    /// consumed -> void
    ReturnToVoid(u64),
    /// new -> available
    Supply(u64),
    /// available -> void, the rest marked
    Void(u64),
    /// frozen -> void
    VoidFrozen(u64),
    /// available -> frozen, the rest marked
    Freeze(u64),
    /// frozen -> available, the rest unmarked
    Unfreeze(u64),
    /// Marks for frozen become marks for void.
    VoidMarks(u64),
    /// Marks for frozen are gone.
    DropMarks(u64),
}

impl Stock {
    /// A stock without units.
    pub fn new(id: StockId, merchant: MerchantId, name: &[u8], kind: StockKind, terms: StockTerms) -> Stock {
        let mut stock = Stock {
            id,
            merchant,
            version: 1,
            keys: kind.is_keys(),
            reusable: kind == StockKind::Reusable,
            content: NONE,
            sale_order: SaleOrder::new(kind),
            once_per_order: false,
            campaign: NONE,
            terms,
            limits: Limits::default(),
            span_limits: SpanLimits::default(),
            limits_further: false,
            clock_fixed: false,
            zone: NONE,
            prices: Vec::new(),
            units: Units::default(),
            channels: Channels::default(),
            moved_out: 0,
            name: [0; NAME_BYTES_MAX],
            name_bytes: name.len() as u8,
        };
        stock.name[..name.len()].copy_from_slice(name);
        stock
    }

    /// The price in force for a unit, in minor units; 0: there is none. The lowest one of the channel's own, else of those
    /// for all channels.
    pub fn price(&self, channel: ChannelId, member: bool, now_ms: u64) -> u32 {
        let lowest = |of: ChannelId| {
            let there = |price: &&Price| price.channel.get() == of.0 && price.holds(now_ms, member);
            self.prices.iter().filter(there).map(|price| price.amount.get()).min()
        };
        lowest(channel).or_else(|| lowest(Price::ANY_CHANNEL)).unwrap_or(0)
    }

    /// All limits of its subjects, the units per user included.
    pub fn all_limits(&self) -> Limits {
        let mut limits = self.limits;
        limits.subjects[0].total.set(self.terms.limit_per_user);
        limits
    }

    /// What its units are; a seed is not shown.
    pub fn kind(&self) -> StockKind {
        match (self.keys, self.sale_order.is_random()) {
            (false, _) if self.reusable => StockKind::Reusable,
            (false, _) if self.campaign != NONE => StockKind::Cards,
            (false, _) => StockKind::Counter,
            (true, false) => StockKind::Keys,
            (true, true) => StockKind::RandomKeys { seed: 0 },
        }
    }

    /// Its campaign, if its units are cards.
    #[inline]
    pub fn campaign(&self) -> Option<Handle> {
        (self.campaign != NONE).then_some(Handle(self.campaign))
    }

    /// Units that it can ever have.
    pub fn units_max(&self) -> u64 {
        if self.campaign == NONE { STOCK_UNITS_MAX } else { CAMPAIGN_UNITS_MAX }
    }

    /// Available units that no debt claims.
    #[inline]
    pub fn unclaimed(&self) -> u64 {
        let available = self.units.available;
        if self.channels.claims_stand() { self.channels.unclaimed(available, None) } else { available }
    }

    /// For people: UTF-8.
    pub fn name(&self) -> &[u8] {
        &self.name[..usize::from(self.name_bytes)]
    }
}

/// Writing: for `apply` alone.
impl Stock {
    /// Moves units that a channel takes or gives back. A channel that has never had any is not counted for none.
    #[inline]
    pub fn post(&mut self, channel: ChannelId, posting: Posting) -> Lost {
        if posting.units() == 0 {
            return Lost::default();
        }
        if self.keys && on(Bug::MarkIgnored) && matches!(posting, Posting::Free(_)) {
            self.units.marked_frozen = 0;
        }
        let lost = self.units.post(posting);
        self.channels.post(channel, posting, lost.to_void + lost.to_frozen);
        self.assert_guarantees();
        lost
    }

    /// Moves units by the operator's hand; where guarantees stand in the way, they are lowered. What marks wait for in a
    /// keys stock goes before anything becomes available: answers how much.
    pub fn move_units(&mut self, posting: Posting) -> Lost {
        self.units.post(posting);
        self.settle()
    }

    /// What marks of a keys stock wait for leaves available, and guarantees are lowered to what is left: answers how much.
    pub fn settle(&mut self) -> Lost {
        let settled = if self.keys { self.units.settle_marks() } else { Lost::default() };
        self.channels.lower_to(self.units.available);
        settled
    }

    /// Consumed units of a hold that leaves memory.
    pub fn move_out(&mut self, channel: ChannelId, units: u64) {
        if units > 0 {
            self.moved_out += units;
            self.channels.move_out(channel, units);
        }
    }

    /// Puts quotas in force.
    pub fn set_quotas(&mut self, quotas: &[Quota]) {
        self.channels.set(quotas);
        self.version += 1;
        self.assert_guarantees();
    }

    /// Puts limits in force; without `spans` those of weeks and months stay.
    pub fn set_limits(&mut self, limits: &Limits, spans: Option<&SpanLimits>) {
        self.terms.limit_per_user = limits.subjects[0].total.get();
        self.limits = *limits;
        self.limits.subjects[0].total.set(0);
        self.span_limits = spans.copied().unwrap_or(self.span_limits);
        self.limits_further = limits.further() || self.span_limits.further();
        self.clock_fixed = true;
        self.version += 1;
    }

    /// Puts prices in force.
    pub fn set_prices(&mut self, prices: &[Price]) {
        self.prices.clear();
        self.prices.extend_from_slice(prices);
        self.version += 1;
    }

    /// Its units are the cards of this campaign.
    pub(super) fn set_campaign(&mut self, campaign: Handle) {
        self.campaign = campaign.0;
    }

    /// Ends the guarantee of a channel.
    pub fn lapse(&mut self, channel: ChannelId) {
        self.channels.lapse(channel);
    }

    #[inline]
    fn assert_guarantees(&self) {
        let unused = self.channels.unused_guarantees();
        assert!(unused <= self.units.available, "guaranteed units are there: {unused} of {:?}", self.units);
    }
}

/// Units that went where marks or a return sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// To void.
    pub to_void: u64,
    /// To frozen.
    pub to_frozen: u64,
}

impl Posting {
    /// Units it moves.
    #[inline]
    pub const fn units(self) -> u64 {
        match self {
            Posting::Hold(units)
            | Posting::Sell(units)
            | Posting::Consume(units)
            | Posting::Free(units)
            | Posting::ReturnToAvailable(units)
            | Posting::ReturnToFrozen(units)
            | Posting::ReturnToVoid(units)
            | Posting::Supply(units)
            | Posting::Void(units)
            | Posting::VoidFrozen(units)
            | Posting::Freeze(units)
            | Posting::Unfreeze(units)
            | Posting::VoidMarks(units)
            | Posting::DropMarks(units) => units,
        }
    }

    /// Whether units of a channel come back by it, be it to void: then debts may find some, or room below a cap.
    #[inline]
    pub const fn may_settle_debts(self) -> bool {
        matches!(
            self,
            Posting::Free(_)
                | Posting::ReturnToAvailable(_)
                | Posting::ReturnToFrozen(_)
                | Posting::ReturnToVoid(_)
        )
    }
}

impl Units {
    /// Units of held that no mark waits for.
    pub fn unmarked(&self) -> u64 {
        self.held - self.marked_void - self.marked_frozen
    }

    /// What `units` leaving held would give back to available.
    pub fn freed_to_available(&self, units: u64) -> u64 {
        units - units.min(self.marked_void + self.marked_frozen)
    }

    /// Moves units; answers how many of them left held or consumed for void or frozen. Asserts the law.
    #[inline]
    fn post(&mut self, posting: Posting) -> Lost {
        let mut lost = Lost::default();
        match posting {
            Posting::Hold(units) => shift(&mut self.available, &mut self.held, units),
            Posting::Sell(units) => shift(&mut self.available, &mut self.consumed, units),
            Posting::Consume(units) => {
                shift(&mut self.held, &mut self.consumed, units);
                self.drop_excess_marks();
            }
            Posting::Free(units) => lost = self.free(units),
            Posting::ReturnToAvailable(units) => shift(&mut self.consumed, &mut self.available, units),
            Posting::ReturnToFrozen(units) => {
                shift(&mut self.consumed, &mut self.frozen, units);
                lost.to_frozen = units;
            }
            Posting::ReturnToVoid(units) => {
                shift(&mut self.consumed, &mut self.void, units);
                lost.to_void = units;
            }
            Posting::Supply(units) => {
                self.total = self.total.checked_add(units).expect("totals stay below 2^53");
                self.available += units;
            }
            Posting::Void(units) => {
                let now = units.min(self.available);
                shift(&mut self.available, &mut self.void, now);
                self.marked_void += units - now;
            }
            Posting::VoidFrozen(units) => shift(&mut self.frozen, &mut self.void, units),
            Posting::Freeze(units) => {
                let now = units.min(self.available);
                shift(&mut self.available, &mut self.frozen, now);
                self.marked_frozen += units - now;
            }
            Posting::Unfreeze(units) => {
                let now = units.min(self.frozen);
                shift(&mut self.frozen, &mut self.available, now);
                self.marked_frozen = self.marked_frozen.checked_sub(units - now).expect("marks are there");
            }
            Posting::VoidMarks(units) => shift(&mut self.marked_frozen, &mut self.marked_void, units),
            Posting::DropMarks(units) => {
                self.marked_frozen = self.marked_frozen.checked_sub(units).expect("marks are there");
            }
        }
        self.assert_law();
        lost
    }

    /// Panics unless the buckets add up.
    #[inline]
    pub fn assert_law(&self) {
        let sum = self.available + self.held + self.consumed + self.frozen + self.void;
        assert!(sum == self.total, "units are conserved: {self:?}");
        assert!(self.marked_void + self.marked_frozen <= self.held, "marks wait for held units: {self:?}");
    }

    fn free(&mut self, units: u64) -> Lost {
        let to_void = units.min(self.marked_void);
        let to_frozen = (units - to_void).min(self.marked_frozen);
        self.marked_void -= to_void;
        self.marked_frozen -= to_frozen;
        shift(&mut self.held, &mut self.void, to_void);
        shift(&mut self.held, &mut self.frozen, to_frozen);
        shift(&mut self.held, &mut self.available, units - to_void - to_frozen);
        Lost { to_void, to_frozen }
    }

    /// Available units go where marks wait, as far as there are any.
    fn settle_marks(&mut self) -> Lost {
        let to_void = self.available.min(self.marked_void);
        let to_frozen = (self.available - to_void).min(self.marked_frozen);
        self.marked_void -= to_void;
        self.marked_frozen -= to_frozen;
        shift(&mut self.available, &mut self.void, to_void);
        shift(&mut self.available, &mut self.frozen, to_frozen);
        self.assert_law();
        Lost { to_void, to_frozen }
    }

    fn drop_excess_marks(&mut self) {
        let excess = (self.marked_void + self.marked_frozen).saturating_sub(self.held);
        let of_frozen = excess.min(self.marked_frozen);
        self.marked_frozen -= of_frozen;
        self.marked_void -= excess - of_frozen;
    }
}

#[inline]
fn shift(from: &mut u64, to: &mut u64, units: u64) {
    *from = from.checked_sub(units).expect("a posting never takes more than the bucket has");
    *to += units;
}

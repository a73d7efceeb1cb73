//! Requests as values of their own. Each becomes one [`Command`] with the caller's channel, merchant and deadline around
//! it; what breaks a limit of the contract is refused here, before it can cost a connection.

use crate::operation::{Hold, Operation};
use scrip_engine::calendar::Transition;
use scrip_engine::command::{
    self, CardLine, Command, Limits, Line, Parties, Price, Quota, SpanLimits, StockKind, StockTerms,
};
use scrip_engine::ids::{OperationId, OrderId, Slot, StockId, UserId};
use zerocopy::little_endian::U32;

/// A new stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockCreate {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The id, see [`crate::Client::stock_id`].
    pub stock: StockId,
    /// For people: 1 to 64 bytes.
    pub name: String,
    /// Units available from the start.
    pub units: u64,
    /// What its units are; those of card keys come by import.
    pub kind: StockKind,
    /// An order has at most one sale or hold of it, whatever the operations.
    pub once_per_order: bool,
    /// Sale rules.
    pub terms: StockTerms,
}

/// The rules of a stock that is always on sale, without a purchase limit.
const OPEN_TERMS: StockTerms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };

impl StockCreate {
    /// A stock that is always on sale, without a purchase limit.
    pub fn new(operation: Operation, stock: StockId, name: impl Into<String>, units: u64) -> StockCreate {
        StockCreate {
            operation,
            stock,
            name: name.into(),
            units,
            kind: StockKind::Counter,
            once_per_order: false,
            terms: OPEN_TERMS,
        }
    }
}

/// Units of a stock to supply or unfreeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockUnits {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The stock.
    pub stock: StockId,
    /// How many.
    pub units: u64,
}

/// Units of a stock to void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockVoid {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The stock.
    pub stock: StockId,
    /// How many.
    pub units: u64,
    /// Take them from frozen instead of available.
    pub from_frozen: bool,
    /// Also where that cuts into channels' guarantees, which are lowered then.
    pub forced: bool,
}

/// Units of a stock to freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockFreeze {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The stock.
    pub stock: StockId,
    /// How many.
    pub units: u64,
    /// Also where that cuts into channels' guarantees, which are lowered then.
    pub forced: bool,
}

/// A new batch of card keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchCreate {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The keys stock.
    pub stock: StockId,
    /// The batch's number within the stock.
    pub batch: u32,
    /// For people: 1 to 64 bytes.
    pub supplier: String,
    /// What a key cost, in minor units.
    pub cost: u64,
    /// Server time from which on its keys can't be sold; 0: never.
    pub expires_ms: u64,
}

impl BatchCreate {
    pub(crate) fn command(&self) -> Command<'_> {
        Command::BatchCreate(command::BatchCreate {
            stock: self.stock,
            batch: self.batch,
            cost: self.cost,
            expires_ms: self.expires_ms,
            supplier: self.supplier.as_bytes(),
        })
    }
}

/// What happens to a batch of card keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchChange {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The stock.
    pub stock: StockId,
    /// The batch.
    pub batch: u32,
    /// What happens.
    pub change: command::BatchChange,
    /// Also where that cuts into channels' guarantees, which are lowered then.
    pub forced: bool,
}

/// Card keys to add to a batch: 1 to 64, with their lengths (2 bytes each) at most 12 KiB.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeysImport<'a> {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The stock.
    pub stock: StockId,
    /// The batch.
    pub batch: u32,
    /// The texts, 1 to 1,024 bytes each.
    pub keys: &'a [&'a str],
}

impl KeysImport<'_> {
    /// Lengths and texts as they go over the wire.
    pub(crate) fn block(&self) -> Vec<u8> {
        block_of(self.keys)
    }
}

/// Lengths and texts as they go over the wire.
pub(crate) fn block_of(texts: &[&str]) -> Vec<u8> {
    let lengths = texts.iter().flat_map(|text| (text.len().min(usize::from(u16::MAX)) as u16).to_le_bytes());
    lengths.chain(texts.iter().flat_map(|text| text.bytes())).collect()
}

/// What the subjects of a stock may have, for a stock that still is at `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLimits {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The stock.
    pub stock: StockId,
    /// The version seen.
    pub version: u32,
    /// All limits from now on, the units per user included.
    pub limits: Limits,
    /// All limits of weeks and months from now on; `None`: they stay as they are.
    pub spans: Option<SpanLimits>,
}

/// Prices, for a stock that still is at `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockPrice {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The stock.
    pub stock: StockId,
    /// The version seen.
    pub version: u32,
    /// All prices from now on; at most 64.
    pub prices: Vec<Price>,
}

/// The merchant's time zone in a slot, if it still is at `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneSet {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The slot.
    pub slot: Slot,
    /// The version seen; 0: there is none yet.
    pub version: u32,
    /// For people: 1 to 64 bytes, such as an IANA name.
    pub name: String,
    /// 1 to 256, in ascending order. Those that have begun stay as they are.
    pub transitions: Vec<Transition>,
}

/// Quotas of channels, for a stock that still is at `version`. Channels that are not named keep theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockQuota {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The stock.
    pub stock: StockId,
    /// The version the caller has seen.
    pub version: u32,
    /// The quotas, in ascending order of channels; 1 to 64.
    pub quotas: Vec<Quota>,
}

/// New sale rules for a stock that still is at `version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockEdit {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The stock.
    pub stock: StockId,
    /// The version the caller has seen.
    pub version: u32,
    /// The new rules.
    pub terms: StockTerms,
}

/// Units to take out of available for an order, until confirmed, released or expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserve {
    /// Makes the call idempotent, and names the hold.
    pub operation: Operation,
    /// The gateway's order; 0: none.
    pub order: OrderId,
    /// The buyer; 0: none (a stock with a purchase limit then refuses).
    pub user: UserId,
    /// What to take: 1 to 64 lines on stocks of one slot.
    pub lines: Vec<Line>,
    /// Time to live in milliseconds; 0: 900 s.
    pub ttl_ms: u32,
    /// Accept fewer units than asked, down to each line's minimum.
    pub partial: bool,
    /// A hold of the same user or order that this one takes the place of; 0: none.
    pub replace: OperationId,
    /// Whom else the demand comes from: limit key, device, address.
    pub parties: Option<Parties>,
    /// What the buyer was told that all units asked for cost, in minor units; `None`: not checked.
    pub expected_total: Option<u64>,
    /// The buyer is a member: prices for members are his, too.
    pub member: bool,
    /// Cards whose units the same hold takes, all or nothing: at most 20, and 64 lines with them. See [`crate::Client::card_line`].
    pub cards: Vec<CardLine>,
}

impl Reserve {
    /// All of these lines or nothing, for 900 s, for nobody in particular.
    pub fn new(operation: Operation, lines: Vec<Line>) -> Reserve {
        Reserve {
            operation,
            order: OrderId(0),
            user: UserId(0),
            lines,
            ttl_ms: 0,
            partial: false,
            replace: OperationId(0),
            parties: None,
            expected_total: None,
            member: false,
            cards: Vec::new(),
        }
    }
}

/// Units to reserve and confirm in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sell {
    /// Makes the call idempotent, and names the hold.
    pub operation: Operation,
    /// The gateway's order; 0: none.
    pub order: OrderId,
    /// The buyer; 0: none (a stock with a purchase limit then refuses).
    pub user: UserId,
    /// What to take: 1 to 64 lines on stocks of one slot.
    pub lines: Vec<Line>,
    /// Accept fewer units than asked, down to each line's minimum.
    pub partial: bool,
    /// A hold of the same user or order that this one takes the place of; 0: none.
    pub replace: OperationId,
    /// Whom else the demand comes from: limit key, device, address.
    pub parties: Option<Parties>,
    /// What the buyer was told that all units asked for cost, in minor units; `None`: not checked.
    pub expected_total: Option<u64>,
    /// The buyer is a member: prices for members are his, too.
    pub member: bool,
    /// The buyer has paid already: a refusal is recorded and final.
    pub paid: bool,
    /// Bind card keys without showing them: [`crate::Client::reveal`] does that later.
    pub hidden: bool,
    /// If nothing but units is missing: wait for them while server time is below this, at most 30 days; 0: do not wait.
    pub wait_until_ms: u64,
    /// Cards whose units it uses, as of [`Reserve`]; none if it is paid or waits.
    pub cards: Vec<CardLine>,
}

impl Sell {
    /// All of these lines or nothing, not paid yet, for nobody in particular.
    pub fn new(operation: Operation, lines: Vec<Line>) -> Sell {
        Sell {
            operation,
            order: OrderId(0),
            user: UserId(0),
            lines,
            partial: false,
            replace: OperationId(0),
            parties: None,
            expected_total: None,
            member: false,
            paid: false,
            hidden: false,
            wait_until_ms: 0,
            cards: Vec::new(),
        }
    }
}

/// A hold's deadline to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extend {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The hold.
    pub hold: Hold,
    /// Milliseconds from now.
    pub ttl_ms: u32,
}

/// A hold to confirm. The hold's own operation makes it idempotent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// The hold.
    pub hold: Hold,
    /// Units per line, in the hold's order; empty: all of them. Missing ones count as 0.
    pub units: Vec<u32>,
    /// Bind card keys without showing them: [`crate::Client::reveal`] does that later.
    pub hidden: bool,
}

/// Units of a confirmed hold to give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnUnits {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The hold.
    pub hold: Hold,
    /// Back to available; else to void.
    pub to_available: bool,
    /// Units per line, in the hold's order; empty: all that is left. Missing ones count as 0.
    pub units: Vec<u32>,
}

/// The slot of a RESERVE or SELL: that of its first line.
pub(crate) fn slot_of(lines: &[Line]) -> Slot {
    lines.first().map_or(Slot(0), |line| line.stock().slot())
}

pub(crate) fn counts(units: &[u32]) -> Vec<U32> {
    units.iter().map(|&units| U32::new(units)).collect()
}

impl StockCreate {
    pub(crate) fn command(&self) -> Command<'_> {
        let StockCreate { stock, units, kind, once_per_order, terms, .. } = *self;
        Command::StockCreate(command::StockCreate {
            stock,
            name: self.name.as_bytes(),
            units,
            kind,
            once_per_order,
            terms,
        })
    }
}

impl Reserve {
    pub(crate) fn command(&self) -> Command<'_> {
        let Reserve { order, user, partial, replace, ttl_ms, expected_total, member, .. } = *self;
        let take = command::Take {
            order,
            user,
            partial,
            replace,
            parties: self.parties.as_ref(),
            expected_total,
            member,
            cards: &self.cards,
            ..command::Take::of(&self.lines)
        };
        Command::Reserve { take, ttl_ms }
    }
}

impl Sell {
    pub(crate) fn command(&self) -> Command<'_> {
        let Sell {
            order, user, partial, replace, paid, hidden, expected_total, member, wait_until_ms, ..
        } = *self;
        let parties = self.parties.as_ref();
        let anybody = command::Take::of(&self.lines);
        let take = command::Take {
            order,
            user,
            partial,
            replace,
            parties,
            expected_total,
            member,
            wait_until_ms,
            cards: &self.cards,
            ..anybody
        };
        Command::Sell { take, paid, hidden }
    }
}

//! What the oracle knows of stocks, batches, card keys, operations and holds.

use super::{Campaign, HeldCard, HeldCart, Redemption, Subject, debts};
use crate::outcome::OwnedOutcome;
use crate::request::OwnedCommand;
use scrip_engine::answer::{Cancelled, HoldState};
use scrip_engine::command::{Limits, Price, SpanLimits, StockTerms};
use scrip_engine::ids::{CardId, ChannelId, OperationId, OrderId, StockId, UserId};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// A stock.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `StockView`, which documents them")]
pub struct Stock {
    pub merchant: u32,
    pub name: Vec<u8>,
    pub version: u32,
    pub terms: StockTerms,
    /// Limits of subjects; what a user may have in all is in `terms`.
    pub limits: Limits,
    /// Those of weeks and months.
    pub spans: SpanLimits,
    /// By how many minutes the stock's clock is ahead, or [`BY_ZONE`], once a STOCK_LIMITS has said so.
    pub clock: Option<i16>,
    pub prices: Vec<Price>,
    pub total: i128,
    pub available: i128,
    pub held: i128,
    pub consumed: i128,
    pub frozen: i128,
    pub void: i128,
    pub marked_frozen: i128,
    pub marked_void: i128,
    /// What each channel that has taken units or has a quota is counted with.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// Each unit is a card key.
    pub keys: bool,
    /// Where chance starts from, if keys are sold in random order; else 0.
    pub seed: u64,
    /// Keys bound so far.
    pub bound: u64,
    /// Every buyer gets the same text.
    pub reusable: bool,
    /// The version of that text in force.
    pub content: Option<u32>,
    /// An order has at most one sale or hold of it.
    pub once_per_order: bool,
    /// Batches of card keys, as they were made.
    pub batches: Vec<Batch>,
    /// What debts claim, in the order in which they were made.
    pub claims: Vec<debts::Claim>,
    /// Its units are cards.
    pub campaign: Option<Box<Campaign>>,
}

/// A batch of card keys.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `BatchView`, which documents them")]
pub struct Batch {
    pub number: u32,
    pub supplier: Vec<u8>,
    pub cost: u64,
    pub expires_ms: u64,
    pub state: BatchState,
    /// Keys nobody has bought, by number, in the order of import.
    pub unsold: VecDeque<u32>,
    /// Of those, how many have their units in frozen or void.
    pub moved: i128,
    pub sold: i128,
    pub void: i128,
    /// Versions of a reusable text.
    pub versions: i128,
}

/// Where a batch stands, with the number that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "docs/semantics.md has them")]
pub enum BatchState {
    Active = 1,
    Frozen = 2,
    Void = 3,
    Expired = 4,
}

/// A card key.
#[derive(Debug, Clone)]
pub struct CardKey {
    /// Merchant, slot and text: there is no second one.
    pub text: (u32, u16, u16),
    /// What the edge has made of the texts of its import.
    pub sealed: Rc<Vec<u8>>,
    /// Its position among them.
    pub position: u8,
    /// The import.
    pub operation: OperationId,
    /// The stock it is of.
    pub stock: StockId,
    /// The number of its batch.
    pub batch: u32,
    /// Where it stands.
    pub state: KeyState,
    /// Its replacement was owed: the refusal if it does not come.
    pub refusal: Option<OwnedOutcome>,
    /// Its replacement was owed, and this one came.
    pub successor: Option<u32>,
}

/// Where a card key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "docs/semantics.md has them")]
pub enum KeyState {
    Unsold,
    Sold,
    Void,
    Content,
}

/// What a stock counts for a channel.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `ChannelView`, which documents them")]
pub struct Channel {
    pub guaranteed: i128,
    pub cap: i128,
    pub lapses_ms: u64,
    pub held: i128,
    pub consumed: i128,
}

/// What is remembered of an operation with an id of its own.
#[derive(Debug, Clone)]
pub struct Record {
    /// How many records were made before it.
    pub ordinal: u64,
    /// Part of the id.
    pub created_ms: u64,
    /// Part of the content.
    pub channel: ChannelId,
    /// The rest of the content.
    pub command: OwnedCommand,
    /// The answer to every repeat.
    pub answer: OwnedOutcome,
    /// What a RESERVE or SELL made.
    pub hold: Option<Hold>,
    /// What a REDEEM made.
    pub redemption: Option<Redemption>,
}

impl Record {
    /// Whether it is neither a hold's own nor a redemption's.
    pub fn is_operation(&self) -> bool {
        self.hold.is_none() && self.redemption.is_none()
    }
}

/// A hold.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `HoldView`, which documents them")]
pub struct Hold {
    pub order: OrderId,
    pub user: UserId,
    pub channel: ChannelId,
    pub state: HoldState,
    pub late: bool,
    pub flagged: bool,
    /// The refusal of a late CONFIRM or of a paid SELL, and the one of what is owed if its units do not come.
    pub refusal: Option<OwnedOutcome>,
    pub reserved_ms: u64,
    pub deadline_ms: u64,
    pub closed_ms: u64,
    /// Expired: from here on it can't be confirmed any more.
    pub late_until_ms: u64,
    /// Its keys are not shown with the answer.
    pub hidden: bool,
    /// When a replacement of one of them was owed last.
    pub owed_key_ms: u64,
    /// A REVEAL has shown them.
    pub revealed: bool,
    /// What the CANCEL of it was answered.
    pub cancelled: Option<Cancelled>,
    pub lines: Vec<HoldLine>,
    /// Cards that it took units of, too.
    pub cards: Vec<HeldCard>,
    /// What a QUOTE_RESERVE has priced.
    pub cart: Option<Box<HeldCart>>,
}

/// One line of a hold.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of `HoldLine`, which documents them")]
pub struct HoldLine {
    pub stock: StockId,
    pub reserved: i128,
    /// While owed: the units that are.
    pub owed: i128,
    pub confirmed: i128,
    pub returned: i128,
    /// For whom these units count: whom the stock limited when the hold was made.
    pub subjects: Vec<Subject>,
    /// They count in all, per day and while held; else in all.
    pub fully: bool,
    /// By weeks and by months, too.
    pub by_spans: [bool; 2],
    pub price: u32,
    /// Its card keys, in the order they were bound.
    pub keys: Vec<BoundKey>,
    /// Card keys that were taken back since.
    pub reclaimed: i128,
    /// Cards that it has sold, those that ended since included.
    pub sold: Vec<CardId>,
}

/// A card key in its place in a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundKey {
    /// Its number.
    pub key: u32,
    /// How often the key in this place was replaced.
    pub replacements: u32,
    /// Another one is owed in this place until then.
    pub owed_until_ms: Option<u64>,
}

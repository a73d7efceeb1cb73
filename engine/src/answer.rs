//! Answers: what a command that was taken says back.
//!
//! Invariant: the answer to a mutating command depends on its event alone, so that a repeat, a restart and a follower
//! give the same bytes.

use crate::calendar::Transition;
use crate::command::{Block, Limits, Price, RiskRule, SpanLimits, StockKind};
use crate::ids::{CardId, ChannelId, OperationId, OrderId, StockId, UserId};
use crate::rejection::{Code, Rejection};
use crate::state::keys::Keys;
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

mod cards;
mod groups;
mod notices;
mod operation;
mod quote;
mod rows;
mod sharing;

pub use cards::{CampaignView, CardView, HoldCard, Issued, LotView, Redeemed, RedemptionView, WalletCard};
pub use groups::{GroupJoined, GroupRow, GroupState, GroupView};
pub use notices::{NoticeView, NoticesPage};
pub use operation::{OperationKind, OperationView, REFUND_PAID_BITS, WHY_BITS, conflict_value};
pub use quote::{CardOutcome, PiecesReturned, QuoteView, QuotedCard, QuotedLine};
pub use rows::{BatchView, ChannelView, DebtView, More, OrderHold, SoldCards};
pub use sharing::{ActivityView, Shared};

/// What a command was answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome<'a> {
    /// It was taken.
    Done(Answer<'a>),
    /// It was refused.
    Refused(Rejection<'a>),
}

/// The answer to a command that was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer<'a> {
    /// A stock was made or changed.
    StockChanged {
        /// The stock's total after this change (STOCK_CREATE, STOCK_SUPPLY); its version after it (STOCK_EDIT, STOCK_QUOTA); units
        /// moved at once, the rest being marked (STOCK_FREEZE, STOCK_VOID, STOCK_UNFREEZE,
        /// BATCH_CHANGE); the batch's number (BATCH_CREATE); 1 if the key can be sold again, else 0 (KEY_RECLAIM); the campaign's
        /// total (CAMPAIGN_CREATE) or version (CAMPAIGN_EDIT, CAMPAIGN_STATE); a [`crate::command::CardState`] (CARD_CHANGE); 1 if the code
        /// names a campaign from now on, else 0 (CODE_SET); ids of the person (LINK), ids
        /// that are left of it (UNLINK).
        value: u64,
    },
    /// RESERVE.
    Reserved {
        /// The hold counts while shard time is below this.
        deadline_ms: u64,
        /// Units granted per line.
        units: &'a [U32],
    },
    /// QUOTE_RESERVE.
    QuoteReserved {
        /// The hold counts while shard time is below this.
        deadline_ms: u64,
        /// The quote that it was made from, with the cards that are used as they take their turns.
        quote: QuoteView<'a>,
    },
    /// EXTEND.
    Extended {
        /// The deadline in force after this EXTEND.
        deadline_ms: u64,
    },
    /// CONFIRM and SELL.
    Confirmed {
        /// Shard time of the confirmation.
        confirmed_ms: u64,
        /// Confirmed after the hold had expired.
        late: bool,
        /// Units confirmed per line.
        units: &'a [U32],
        /// Card keys bound, the first of them.
        keys: KeyPage<'a>,
        /// Cards that its lines have sold.
        sold: &'a [SoldCards],
    },
    /// RELEASE.
    Released {
        /// The hold had expired before: there was nothing left to give back, and a late CONFIRM is now refused.
        lapsed: bool,
    },
    /// CANCEL.
    Cancelled(Cancelled),
    /// RETURN.
    Returned {
        /// Units given back by this operation, over all lines.
        units: u64,
    },
    /// RETURN of a hold that was made from a quote.
    PiecesReturned(PiecesReturned),
    /// STOCK_SHOW.
    Stock(StockView<'a>),
    /// KEYS_IMPORT.
    KeysImported {
        /// Bit n is set if the n-th key was taken; if not, it was already there.
        taken: u64,
    },
    /// REVEAL, KEY_REPLACE, KEYS_READ.
    Keys(KeyPage<'a>),
    /// KEYS_LIST, KEYS_EXPORT.
    KeysListed(ListPage<'a>),
    /// BATCHES_SHOW.
    Batches {
        /// Batches of the stock in all.
        total: u32,
        /// A page of them, in the order of sale.
        batches: &'a [BatchView],
    },
    /// STOCK_CHANNELS.
    Channels {
        /// The stock's version, to set quotas with.
        version: u32,
        /// Its channels, in ascending order.
        channels: &'a [ChannelView],
    },
    /// STOCK_TERMS_SHOW.
    Terms {
        /// The stock's version, to set limits and prices with.
        version: u32,
        /// Its limits, the units per user included.
        limits: Limits,
        /// Those of weeks and months.
        spans: SpanLimits,
        /// Its prices.
        prices: &'a [Price],
    },
    /// RISK_SHOW.
    Risk {
        /// The merchant's rules in this slot, by number.
        rules: &'a [RiskRule],
        /// The merchant's blocks in this slot, in all.
        total: u32,
        /// A page of them, by kind and subject.
        blocks: &'a [Block],
    },
    /// ZONE_SHOW.
    Zone {
        /// Its version, to set it with; 0: the merchant has none in this slot.
        version: u32,
        /// For people.
        name: &'a [u8],
        /// Its transitions.
        transitions: &'a [Transition],
    },
    /// IDENTITY_SHOW: the ids of a user's person, in ascending order.
    Identity {
        /// They.
        members: &'a [U128],
    },
    /// SELL: its units are owed.
    Owed {
        /// How many debts of the first line's stock there are up to this one; in a repeat: now.
        position: u32,
        /// They are owed while shard time is below this.
        until_ms: u64,
    },
    /// OWED_SHOW.
    Debts {
        /// Debts of the stock in all.
        total: u32,
        /// A page of them, the oldest first.
        debts: &'a [DebtView],
    },
    /// ORDER_SHOW.
    OrderHolds {
        /// Whether older ones are left.
        more: More,
        /// A page of the order's holds, the newest first.
        holds: &'a [OrderHold],
    },
    /// ISSUE and CLAIM.
    Issued(Issued),
    /// REDEEM.
    Redeemed(Redeemed),
    /// REDEEM of a till that was offline: recorded, and nothing moved.
    OfflineConflict {
        /// The card.
        card: CardId,
        /// Why it was not to be had any more.
        why: Code,
    },
    /// REVERSE.
    Reversed {
        /// Units given back by this operation.
        units: u32,
        /// Units that the card had left then.
        available: u32,
    },
    /// TOPUP and EARN.
    Filled {
        /// Units that were added.
        units: u32,
        /// The balance that the card had then.
        available: u32,
    },
    /// CARD_REFUND.
    CardRefunded {
        /// Units of principal that were left.
        units: u32,
        /// What was paid for them, in minor units.
        paid: u64,
    },
    /// CAMPAIGN_SHOW.
    Campaign(CampaignView<'a>),
    /// CARD_SHOW: the card, and its lots besides its own, in the order they were made.
    Card(CardView, &'a [LotView]),
    /// CODE_SHOW.
    GivenCode {
        /// The campaign that it names, or that its card is of.
        campaign: StockId,
        /// Its card; `None`: cards of the campaign are claimed under it.
        card: Option<CardId>,
    },
    /// WALLET_SHOW.
    Wallet {
        /// The last card that was looked at, to go on after; `None`: the list ends here.
        next: Option<CardId>,
        /// A page of the owner's cards, the newest first.
        cards: &'a [WalletCard],
    },
    /// GROUP_OPEN and GROUP_JOIN.
    GroupJoined(GroupJoined),
    /// GROUP_SHOW.
    Group(GroupView<'a>),
    /// ACTIVITY_SHOW.
    Activity(ActivityView<'a>),
    /// NOTICES_READ.
    Notices(NoticesPage<'a>),
    /// QUOTE.
    Quote(QuoteView<'a>),
    /// OPERATION_SHOW of a REDEEM.
    Redemption(RedemptionView),
    /// OPERATION_SHOW of a RESERVE or SELL.
    Hold(HoldView<'a>),
    /// OPERATION_SHOW of any other operation.
    Operation(OperationView),
}

/// What a CANCEL has found, and undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// Nothing: a RESERVE or SELL under this id will not be executed any more. (Or it was refused, for good.)
    Nothing,
    /// A hold, whose units were given back.
    Released,
    /// A hold that had expired before: it can't be confirmed any more.
    Lapsed,
    /// A sale.
    Returned {
        /// Units that were given back, over all lines: those that no RETURN had given back before. Of a sale whose units were
        /// still owed: 0.
        units: u64,
    },
}

/// A stock as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StockView<'a> {
    /// Its id.
    pub stock: StockId,
    /// Counts up with each edit of the rules.
    pub version: u32,
    /// What its units are; a seed is not shown.
    pub kind: StockKind,
    /// An order has at most one sale or hold of it.
    pub once_per_order: bool,
    /// Sale rules.
    pub terms: crate::command::StockTerms,
    /// Units supplied so far.
    pub total: u64,
    /// Units that can be reserved.
    pub available: u64,
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub consumed: u64,
    /// Units set aside by the operator.
    pub frozen: u64,
    /// Units gone for good.
    pub void: u64,
    /// Units in holds that go to frozen instead of available when their holds end.
    pub marked_frozen: u64,
    /// Units in holds that go to void instead of available when their holds end.
    pub marked_void: u64,
    /// For people.
    pub name: &'a [u8],
}

/// Some of the card keys of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct KeyPage<'a> {
    /// Keys of the hold, over all lines.
    pub total: u32,
    /// Position of the first key of this page.
    pub from: u32,
    /// The keys of this page.
    pub keys: KeyList<'a>,
}

/// Where card keys are read from.
#[derive(Clone, Copy, Default)]
pub enum KeyList<'a> {
    /// No keys.
    #[default]
    None,
    /// Keys of the engine, whose texts are sealed.
    Sealed {
        /// The keys.
        places: &'a [KeyPlace],
        /// Whether their texts may be shown.
        shown: bool,
        /// Where their texts lie.
        keys: &'a Keys,
    },
    /// Keys as they arrived on a wire: items of [`crate::answer::KeyItem`] with their texts.
    Read(&'a [u8]),
}

impl PartialEq for KeyList<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (KeyList::None, KeyList::None) => true,
            (
                KeyList::Sealed { places: one, shown, .. },
                KeyList::Sealed { places: two, shown: also, .. },
            ) => one == two && shown == also,
            (KeyList::Read(one), KeyList::Read(two)) => one == two,
            _ => false,
        }
    }
}

impl core::fmt::Debug for KeyList<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            KeyList::None => formatter.write_str("no keys"),
            KeyList::Sealed { places, .. } => write!(formatter, "{places:?}"),
            KeyList::Read(_) => formatter.write_str("keys (***)"),
        }
    }
}

/// Where a card key's text lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPlace {
    /// The key's number.
    pub key: u32,
    /// Handle of its chunk.
    pub chunk: u32,
    /// Its position in the chunk.
    pub position: u8,
    /// Void since: returned, or to be replaced.
    pub void: bool,
    /// Its replacement is owed.
    pub owed: bool,
}

/// What stands before each key's text on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct KeyItem {
    /// The key's number.
    pub key: U64,
    /// Bytes of its text; 0: not shown.
    pub text_bytes: U16,
    /// 1: void since; 2: its replacement is owed.
    pub flags: U16,
    /// Reserved; 0.
    pub spare: U32,
}

/// Some of the card keys of a stock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListPage<'a> {
    /// Number of the first key that was not looked at; [`ListPage::END`]: there is none.
    pub next: u32,
    /// The keys of this page.
    pub keys: ListedKeys<'a>,
}

impl ListPage<'_> {
    /// No key is left.
    pub const END: u32 = u32::MAX;
}

/// Where listed card keys are read from.
#[derive(Clone, Copy)]
pub enum ListedKeys<'a> {
    /// Keys of the engine, whose texts are sealed.
    Sealed {
        /// The keys.
        places: &'a [ListedPlace],
        /// Whole texts; else how they end.
        clear: bool,
        /// Where their texts lie.
        keys: &'a Keys,
    },
    /// Keys as they arrived on a wire: items of [`ListedItem`] with their texts.
    Read(&'a [u8]),
}

impl PartialEq for ListedKeys<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                ListedKeys::Sealed { places: one, clear, .. },
                ListedKeys::Sealed { places: two, clear: also, .. },
            ) => one == two && clear == also,
            (ListedKeys::Read(one), ListedKeys::Read(two)) => one == two,
            _ => false,
        }
    }
}

impl core::fmt::Debug for ListedKeys<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ListedKeys::Sealed { places, .. } => write!(formatter, "{places:?}"),
            ListedKeys::Read(_) => formatter.write_str("keys (***)"),
        }
    }
}

/// A listed card key, and where its text lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedPlace {
    /// What stands before the text.
    pub item: ListedItem,
    /// Handle of its chunk.
    pub chunk: u32,
    /// Its position in the chunk.
    pub position: u8,
}

/// What stands before each listed key's text on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ListedItem {
    /// The hold it is bound to, as long as that is known; 0: none.
    pub hold: U128,
    /// The order of that hold; 0: none.
    pub order: U128,
    /// The key's number.
    pub key: U32,
    /// The number of its batch.
    pub batch: U32,
    /// Bytes of its text, or of the end of it.
    pub text_bytes: U16,
    /// A [`crate::state::keys::KeyState`].
    pub state: u8,
    /// A [`crate::state::keys::BatchState`].
    pub batch_state: u8,
    /// Reserved; 0.
    pub spare: U32,
}

/// The states of a hold. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum HoldState {
    /// Units are set aside until the deadline.
    Held = 1,
    /// Units are sold.
    Confirmed = 2,
    /// Given back by the gateway, or replaced by another hold.
    Released = 3,
    /// The deadline passed; a late CONFIRM may still succeed.
    Expired = 4,
    /// Expired, and a late CONFIRM can no longer succeed.
    Lapsed = 5,
    /// A paid SELL that was refused, for good.
    Refused = 6,
    /// A SELL whose units are owed: they are taken as soon as they are there.
    Owed = 7,
    /// A SELL whose units were owed in vain until its deadline.
    Unfulfilled = 8,
    /// Undone by a CANCEL.
    Cancelled = 9,
}

impl HoldState {
    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<HoldState> {
        Some(match number {
            1 => HoldState::Held,
            2 => HoldState::Confirmed,
            3 => HoldState::Released,
            4 => HoldState::Expired,
            5 => HoldState::Lapsed,
            6 => HoldState::Refused,
            7 => HoldState::Owed,
            8 => HoldState::Unfulfilled,
            9 => HoldState::Cancelled,
            _ => return None,
        })
    }
}

/// One line of a hold, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct HoldLine {
    /// The stock.
    pub stock: U64,
    /// Units granted when the hold was made.
    pub reserved: U32,
    /// Units confirmed; 0 unless confirmed.
    pub confirmed: U32,
    /// Units of those given back since.
    pub returned: U32,
    /// Price of a unit in minor units, fixed when the hold was made; 0: none.
    pub price: U32,
}

/// A hold as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoldView<'a> {
    /// Its id.
    pub hold: OperationId,
    /// Where it stands.
    pub state: HoldState,
    /// The channel that made it.
    pub channel: ChannelId,
    /// Confirmed after it had expired.
    pub late: bool,
    /// A risk rule or a block has marked it.
    pub flagged: bool,
    /// For [`HoldState::Lapsed`], [`HoldState::Refused`] and [`HoldState::Unfulfilled`]: the recorded refusal; a hold lapsed by RELEASE has none.
    pub refusal: Option<Code>,
    /// The order it is for; 0: none.
    pub order: OrderId,
    /// The buyer; 0: none.
    pub user: UserId,
    /// Shard time of its making.
    pub reserved_ms: u64,
    /// The deadline in force; of a SELL that was owed: until when.
    pub deadline_ms: u64,
    /// Shard time at which it left [`HoldState::Held`] or [`HoldState::Owed`] for its present state; 0 until then.
    pub closed_ms: u64,
    /// Its lines.
    pub lines: &'a [HoldLine],
    /// Its cards.
    pub cards: &'a [HoldCard],
}

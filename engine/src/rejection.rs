//! Rejections: business refusals. State is unchanged (but for refusals after payment, which are recorded), the number
//! and the name are stable for ever, the class says what a gateway may do next, the facts say why.

use crate::ids::StockId;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// What a gateway may do after a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Nothing happened; the same command may succeed later.
    Retry = 1,
    /// Nothing happened (or the refusal itself is recorded), and asking again gives the same answer.
    Final = 2,
    /// The engine can't tell whether it happened once: query first.
    Unknown = 3,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $class:ident;)*) => {
        /// Every rejection, with its number on the wire and in the log. Numbers are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Code { $($(#[$doc])* $name = $number,)* }

        impl Code {
            /// All of them, by number.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// What a gateway may do next.
            pub const fn class(self) -> Class {
                match self { $(Code::$name => Class::$class,)* }
            }

            /// The code with this number.
            pub const fn from_number(number: u16) -> Option<Code> {
                match number { $($number => Some(Code::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// Fewer units are available than asked for.
    OutOfStock = 1, "OUT_OF_STOCK", Retry;
    /// The channel's share does not allow it.
    ChannelQuota = 2, "CHANNEL_QUOTA", Retry;
    /// The buyer's purchase limit does not allow it.
    UserLimit = 3, "USER_LIMIT", Retry;
    /// The buyer holds too many units already.
    HeldLimit = 4, "HELD_LIMIT", Retry;
    /// A risk rule does not allow it.
    RiskLimit = 5, "RISK_LIMIT", Retry;
    /// No such object.
    NotFound = 6, "NOT_FOUND", Final;
    /// The sale has not opened yet.
    NotStarted = 7, "NOT_STARTED", Retry;
    /// The sale is closed.
    Expired = 8, "EXPIRED", Final;
    /// The object is not in a state that allows it.
    NotActive = 9, "NOT_ACTIVE", Final;
    /// The object is frozen.
    Frozen = 10, "FROZEN", Retry;
    /// The object is void.
    Void = 11, "VOID", Final;
    /// The card is used up.
    Used = 12, "USED", Final;
    /// The campaign's own limit.
    CampaignLimit = 13, "CAMPAIGN_LIMIT", Retry;
    /// The budget does not allow it.
    BudgetExceeded = 14, "BUDGET_EXCEEDED", Retry;
    /// The balance does not allow it.
    BalanceExceeded = 15, "BALANCE_EXCEEDED", Retry;
    /// It belongs to somebody else.
    NotOwner = 16, "NOT_OWNER", Final;
    /// Not for this merchant, channel, store or product.
    OutOfScope = 17, "OUT_OF_SCOPE", Final;
    /// A rule of the object or of the command does not hold, such as a compare-and-set version.
    RuleFailed = 18, "RULE_FAILED", Final;
    /// Another order holds it.
    LockedByOtherOrder = 19, "LOCKED_BY_OTHER_ORDER", Retry;
    /// The price has changed.
    QuoteChanged = 20, "QUOTE_CHANGED", Final;
    /// No such hold.
    HoldNotFound = 21, "HOLD_NOT_FOUND", Final;
    /// The hold was released.
    HoldReleased = 22, "HOLD_RELEASED", Final;
    /// The hold had expired and its units were no longer to be had. Recorded: the gateway refunds.
    HoldExpiredNoStock = 23, "HOLD_EXPIRED_NO_STOCK", Final;
    /// The hold is confirmed.
    HoldConfirmed = 24, "HOLD_CONFIRMED", Final;
    /// More units than the hold has.
    ExceedsHold = 25, "EXCEEDS_HOLD", Final;
    /// More units than were redeemed.
    ExceedsRedeemed = 26, "EXCEEDS_REDEEMED", Final;
    /// Everything has been given back already.
    AlreadyReversed = 27, "ALREADY_REVERSED", Final;
    /// Too late to reverse.
    ReversalWindow = 28, "REVERSAL_WINDOW", Final;
    /// The key was replaced.
    KeyReplaced = 29, "KEY_REPLACED", Final;
    /// The operation was cancelled.
    Cancelled = 30, "CANCELLED", Final;
    /// The operation id is known with another content.
    OperationMismatch = 31, "OPERATION_MISMATCH", Final;
    /// The operation id is older than the floor: it may have happened.
    OperationTooOld = 32, "OPERATION_TOO_OLD", Unknown;
    /// The operation id was made more than a minute in the future.
    ClockAhead = 33, "CLOCK_AHEAD", Retry;
    /// The command's own deadline has passed.
    DeadlinePassed = 34, "DEADLINE_PASSED", Retry;
    /// The lines lie in several slots.
    CrossSlot = 35, "CROSS_SLOT", Final;
    /// A configured maximum is reached.
    Capacity = 36, "CAPACITY", Retry;
    /// A queue is full.
    Busy = 37, "BUSY", Retry;
    /// Too many requests of this kind.
    Throttled = 38, "THROTTLED", Retry;
    /// No valid token.
    Unauthorized = 39, "UNAUTHORIZED", Final;
    /// The token does not allow it.
    Forbidden = 40, "FORBIDDEN", Final;
}

/// Which configured maximum a CAPACITY speaks of. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum CapacityOf {
    /// Stocks.
    Stocks = 1,
    /// Holds in memory.
    Holds = 2,
    /// Further lines in memory.
    ExtraLines = 3,
    /// Operation records.
    Operations = 4,
    /// Purchase limit entries.
    UserLimits = 5,
    /// Units of one stock.
    StockUnits = 6,
    /// Space on the log's disk.
    LogSpace = 7,
    /// Channels of one stock.
    Channels = 8,
    /// Batches of one stock.
    Batches = 9,
    /// Card keys.
    Keys = 10,
    /// Bytes of sealed card keys.
    SealedBytes = 11,
    /// Debts.
    Debts = 12,
    /// Lines of orders on stocks that an order can buy once.
    OrderLines = 13,
    /// Subjects counted by risk rules.
    RiskCounts = 14,
    /// Blocked subjects.
    Blocks = 15,
    /// Merchants and slots with risk rules.
    RiskBooks = 16,
    /// Merchants and slots with a time zone.
    Zones = 17,
    /// Campaigns of one slot.
    Campaigns = 18,
    /// Cards in memory.
    Cards = 19,
    /// Redemptions in memory.
    Redemptions = 20,
    /// Batches of bearer cards, of one campaign or in all.
    CardBatches = 21,
    /// Lots of one card, or records of lots in all.
    Lots = 22,
    /// Gifts of cards.
    Gifts = 23,
    /// Codes that were not derived.
    GivenCodes = 24,
    /// Groups and their members.
    Groups = 25,
    /// User ids that are linked with others.
    Links = 26,
    /// Activities.
    Activities = 27,
    /// Friends or referrers of activities.
    Friends = 28,
    /// User ids with a label.
    Labels = 29,
}

impl CapacityOf {
    /// All of them, by number.
    pub const ALL: [CapacityOf; 29] = [
        CapacityOf::Stocks,
        CapacityOf::Holds,
        CapacityOf::ExtraLines,
        CapacityOf::Operations,
        CapacityOf::UserLimits,
        CapacityOf::StockUnits,
        CapacityOf::LogSpace,
        CapacityOf::Channels,
        CapacityOf::Batches,
        CapacityOf::Keys,
        CapacityOf::SealedBytes,
        CapacityOf::Debts,
        CapacityOf::OrderLines,
        CapacityOf::RiskCounts,
        CapacityOf::Blocks,
        CapacityOf::RiskBooks,
        CapacityOf::Zones,
        CapacityOf::Campaigns,
        CapacityOf::Cards,
        CapacityOf::Redemptions,
        CapacityOf::CardBatches,
        CapacityOf::Lots,
        CapacityOf::Gifts,
        CapacityOf::GivenCodes,
        CapacityOf::Groups,
        CapacityOf::Links,
        CapacityOf::Activities,
        CapacityOf::Friends,
        CapacityOf::Labels,
    ];
}

/// What one line lacked, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LineFact {
    /// The line's position in the command.
    pub line: U16,
    /// The number of the [`Code`] that names what this line lacked.
    pub why: U16,
    /// Units asked for.
    pub asked: U32,
    /// Units that could have been had: of the stock (OUT_OF_STOCK), of the channel's part (CHANNEL_QUOTA), of the buyer's
    /// limit (USER_LIMIT), of the hold (EXCEEDS_HOLD); else 0.
    pub available: U64,
}

impl LineFact {
    /// The fact that `line` asked for `asked`, could have had `available`, and lacked `why`.
    pub fn new(line: usize, why: Code, asked: u32, available: u64) -> LineFact {
        LineFact {
            line: U16::new(line as u16),
            why: U16::new(why as u16),
            asked: U32::new(asked),
            available: U64::new(available),
        }
    }
}

/// The facts a gateway needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Facts<'a> {
    /// The code says it all.
    None,
    /// What each lacking line lacked, in order of lines.
    Lines(&'a [LineFact]),
    /// CLOCK_AHEAD and DEADLINE_PASSED: the shard's time in milliseconds. Of a card NOT_STARTED, EXPIRED and
    /// REVERSAL_WINDOW: when it begins or ended.
    Time(u64),
    /// OPERATION_TOO_OLD: the oldest `created_ms` that is still executed.
    Floor(u64),
    /// CAPACITY: which maximum, and how much it is.
    Maximum(CapacityOf, u64),
    /// RULE_FAILED of a compare-and-set: the version in force.
    Version(u32),
    /// QUOTE_CHANGED: what all units asked for cost now, in minor units; 0: a line has no price.
    Total(u64),
    /// RISK_LIMIT: the number of the rule; 0: a block.
    Rule(u16),
    /// KEY_REPLACED: the number of the key that took the first replaced one's place.
    Key(u64),
    /// OUT_OF_STOCK and CHANNEL_QUOTA of a stock change: units asked for and units there. Of cards also USER_LIMIT,
    /// CAMPAIGN_LIMIT, BUDGET_EXCEEDED (cards that there is money for), BALANCE_EXCEEDED, EXCEEDS_REDEEMED, and the RULE_FAILED of
    /// a REDEEM: the amount and the threshold, or units and 0.
    Units {
        /// The stock, or the card's campaign.
        stock: StockId,
        /// Units asked for.
        asked: u64,
        /// Units that could have been moved.
        available: u64,
    },
}

/// A business refusal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rejection<'a> {
    /// Number, name and class.
    pub code: Code,
    /// Why.
    pub facts: Facts<'a>,
}

impl Rejection<'_> {
    /// A rejection whose code says it all.
    pub const fn plain(code: Code) -> Rejection<'static> {
        Rejection { code, facts: Facts::None }
    }
}

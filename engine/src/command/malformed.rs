//! What is wrong with a request that breaks a fixed limit of the contract. It stands apart from the commands so that their
//! table stays in one view.
//!
//! Invariant: each message says what would be right.

use crate::limits::{
    ACTIVITY_SOURCES_MAX, CAMPAIGN_KEY_BYTES_MAX, CAMPAIGN_UNITS_MAX, CARD_VALUE_MAX, CARDS_PER_HOLD_MAX,
    CARDS_PER_MERGE_MAX, CHANNELS_PER_STOCK_MAX, FRIENDS_PER_REWARD_MAX, GIFT_LASTS_MAX_S, GROUP_LASTS_MAX_S,
    GROUP_MEMBERS_MAX, GROUP_MEMBERS_MIN, KEY_BLOCK_BYTES_MAX, KEY_TEXT_BYTES_MAX, KEYS_PER_CHUNK_MAX,
    LABEL_BYTES_MAX, NAME_BYTES_MAX, PRICES_PER_STOCK_MAX, QUOTE_CARDS_MAX, QUOTE_LINES_MAX,
    REWARDS_PER_REFERRER_MAX, RISK_RULES_MAX, RISK_WINDOW_MAX_MS, RISK_WINDOW_MIN_MS, SCOPE_MAX,
    STOCK_UNITS_MAX, TIERS_MAX, TRANSITIONS_MAX, TTL_MAX_MS, UNITS_PER_LINE_MAX, ZONE_OFFSET_MAX_MINUTES,
};

/// A request that breaks a fixed limit of the contract. It is never executed and costs its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// LINK, UNLINK, LABEL or ERASE without an id, or LINK of an id with itself.
    #[error("LINK takes two user ids that are not 0 and differ, UNLINK, LABEL and ERASE one")]
    Person,
    /// A label that is none.
    #[error("a label is 1 to {LABEL_BYTES_MAX} bytes of UTF-8")]
    Label,
    /// No operation id.
    #[error("the operation id is zero: every command carries one")]
    OperationZero,
    /// A slot that does not exist.
    #[error("slot {0} does not exist: slots are 0 to 1023")]
    SlotOutOfRange(u16),
    /// No lines, or more than 64.
    #[error("{0} lines: a hold has 1 to 64")]
    LineCount(usize),
    /// More cards than a hold can have, or than its lines leave room for.
    #[error("{0} cards: a hold has at most {CARDS_PER_HOLD_MAX}, and 64 lines with them")]
    HoldCards(usize),
    /// A card of a hold whose numbers are out of their limits.
    #[error("card {0} of the hold: 1 to 1000000 units, a generation up to 31 with a code, reserved fields 0")]
    CardLine(usize),
    /// Cards in a SELL that is paid or waits.
    #[error("a SELL that is paid or waits takes no cards: they are held before it is paid")]
    CardsPaid,
    /// A line asks for nothing or too much.
    #[error("line {line} asks for {units} units: 1 to {UNITS_PER_LINE_MAX} are possible")]
    LineUnits {
        /// The line's position.
        line: usize,
        /// What it asks for.
        units: u32,
    },
    /// A partial line whose minimum exceeds its wish.
    #[error("line {line} wants at least {units_min} of {units} units")]
    LineMinimum {
        /// The line's position.
        line: usize,
        /// The minimum given.
        units_min: u32,
        /// The units asked for.
        units: u32,
    },
    /// A time to live beyond the maximum, or zero in an EXTEND.
    #[error("a time to live of {0} ms is not possible: at most {TTL_MAX_MS} ms, and an EXTEND needs one")]
    Ttl(u32),
    /// A hold that replaces itself.
    #[error("a hold can't replace itself")]
    ReplaceSelf,
    /// A stock quantity of zero or beyond the maximum.
    #[error("{0} units: a stock takes up to {STOCK_UNITS_MAX}, and a change moves at least 1")]
    StockUnits(u64),
    /// A name that is empty, too long or not UTF-8.
    #[error("a stock's name has 1 to {NAME_BYTES_MAX} bytes of UTF-8")]
    Name,
    /// A stock that closes before it opens.
    #[error("the stock closes at {closes_ms}, not after it opens at {opens_ms}")]
    Times {
        /// Opening time.
        opens_ms: u64,
        /// Closing time.
        closes_ms: u64,
    },
    /// A purchase limit beyond what a line can ask for.
    #[error("a purchase limit of {0} units: at most {UNITS_PER_LINE_MAX} are possible")]
    Limit(u32),
    /// A keys stock that is made with units.
    #[error("a keys stock has no units of its own: import keys")]
    KeysWithUnits,
    /// No keys, or too many.
    #[error("{0} keys or codes: an import brings 1 to {KEYS_PER_CHUNK_MAX}")]
    KeyCount(usize),
    /// Lengths that do not fit the texts, or too many bytes.
    #[error(
        "{0} bytes of keys or codes: lengths and texts must agree, and have at most {KEY_BLOCK_BYTES_MAX} bytes"
    )]
    KeyBlock(usize),
    /// A key that is empty, too long or not UTF-8.
    #[error("key or code {0} of the block has not 1 to {KEY_TEXT_BYTES_MAX} bytes of UTF-8")]
    KeyText(usize),
    /// No quotas, or too many.
    #[error("{0} quotas: a stock has 1 to {CHANNELS_PER_STOCK_MAX}")]
    QuotaCount(usize),
    /// Quotas out of order, or two of one channel.
    #[error("quota {0} is out of order: quotas stand in ascending order of channels, one each")]
    QuotaOrder(usize),
    /// A guarantee above its cap or beyond what a stock can have.
    #[error(
        "quota {index} guarantees {guaranteed} units: at most its cap and {STOCK_UNITS_MAX} are possible"
    )]
    Guarantee {
        /// The quota's position.
        index: usize,
        /// The guarantee.
        guaranteed: u64,
    },
    /// A quota whose reserved bytes are not 0, or that lapses without a guarantee.
    #[error("quota {0}: reserved bytes must be 0, and only a guarantee can lapse")]
    QuotaSpare(usize),
    /// Days that begin nowhere on Earth.
    #[error(
        "days {0} minutes ahead of UTC: -720 to 840, or -32768 for the merchant's zone; reserved bytes must be 0"
    )]
    Offset(i16),
    /// No transitions, or too many.
    #[error("{0} transitions: a time zone has 1 to {TRANSITIONS_MAX}")]
    TransitionCount(usize),
    /// A transition out of bounds or out of order.
    #[error(
        "transition {0}: they stand in ascending order of their times, at most {ZONE_OFFSET_MAX_MINUTES} minutes from UTC, \
         and reserved bytes must be 0"
    )]
    Transition(usize),
    /// Too many prices.
    #[error("{0} prices: a stock has at most {PRICES_PER_STOCK_MAX}")]
    PriceCount(usize),
    /// A price out of bounds.
    #[error("price {0}: kinds are 1 to 3, an amount is at least 1, and it must begin before it ends")]
    Price(usize),
    /// A risk rule out of bounds.
    #[error(
        "risk rule {0}: numbers are 1 to {RISK_RULES_MAX}, subjects 1 to 4, actions 0 to 2, windows \
         {RISK_WINDOW_MIN_MS} to {RISK_WINDOW_MAX_MS} ms"
    )]
    RiskRule(u16),
    /// A block out of bounds.
    #[error("a block names a subject that is not 0, of kind 1 to 4 (devices and addresses have 64 bits)")]
    Block,
    /// A RESERVE that would wait for units, or a SELL that would and takes fewer.
    #[error("only a SELL of all its units can wait for them: leave `partial` or the time to wait out")]
    Wait,
    /// A CONFIRM or RETURN that names no unit at all.
    #[error("units are listed but all are zero: leave the list out for all, or RELEASE")]
    NoUnits,
    /// A stock of cards that no campaign comes with.
    #[error("a stock of cards is made by CAMPAIGN_CREATE")]
    CardsKind,
    /// More cards than a campaign can have.
    #[error("{0} cards: a campaign has at most {CAMPAIGN_UNITS_MAX}")]
    CampaignUnits(u64),
    /// A sealed key that is too long.
    #[error("a sealed key of {0} bytes: at most {CAMPAIGN_KEY_BYTES_MAX} are possible")]
    CampaignKey(usize),
    /// A definition whose fields do not agree with its kind, or lie out of bounds.
    #[error("definition of a campaign: {0} does not agree with its kind, or is out of bounds")]
    Definition(&'static str),
    /// Too many tiers.
    #[error("{0} tiers: a definition has at most {TIERS_MAX}")]
    TierCount(usize),
    /// A tier out of order.
    #[error(
        "tier {0}: tiers ascend in threshold and value, the first value is at least 1; levels take at most 100 % off"
    )]
    Tier(usize),
    /// A scope that is too long.
    #[error("a scope of {0}: at most {SCOPE_MAX} are possible")]
    ScopeCount(usize),
    /// An entry of a scope out of bounds.
    #[error(
        "entry {0} of the scope: 1 to 4 (channel, store, product, category), an id that is not 0 and fits"
    )]
    Scope(usize),
    /// No cards, or too many.
    #[error("{count} cards: 1 to {most} can be issued like this at once")]
    CardCount {
        /// How many were asked for.
        count: u32,
        /// How many are possible.
        most: u32,
    },
    /// A CLAIM of nobody's or with times, or bearer cards for somebody.
    #[error(
        "a CLAIM names its user and no times, and a code is for a CLAIM alone; bearer cards are for nobody: no limit key, device or address"
    )]
    Issue,
    /// A cart without lines, or with too many.
    #[error("{0} lines: the cart of a QUOTE has 1 to {QUOTE_LINES_MAX}")]
    CartLineCount(usize),
    /// A line of a cart out of bounds.
    #[error(
        "line {0} of the cart: it has at least 1 piece, a cart costs at most 2^53 - 1, and reserved bytes must be 0"
    )]
    CartLine(usize),
    /// Too many cards, or none to choose the best of.
    #[error(
        "{0} cards: a QUOTE names at most {QUOTE_CARDS_MAX}, and at least 1 if the best of them are wanted"
    )]
    QuoteCardCount(usize),
    /// A card of a QUOTE that is given twice or out of bounds.
    #[error("card {0} of the QUOTE: given twice, or a reserved byte is not 0")]
    QuoteCard(usize),
    /// A line of a QUOTE_RESERVE out of bounds.
    #[error(
        "line {0} of the cart: a QUOTE_RESERVE takes at most {UNITS_PER_LINE_MAX} pieces of a line, and a piece of a stock costs at most 2^32 - 1"
    )]
    StockedLine(usize),
    /// A QUOTE_RESERVE that holds nothing.
    #[error(
        "no line has a stock: a QUOTE_RESERVE holds units of at least one, a QUOTE says what a cart costs"
    )]
    NothingStocked,
    /// A TOPUP, EARN, RENEW or LEVEL of nothing or too much.
    #[error(
        "a TOPUP brings 1 to {CARD_VALUE_MAX} units of principal or bonus, paid for principal alone, an EARN 1 to \
         {CARD_VALUE_MAX}, a RENEW at least a second; levels are 1 to {TIERS_MAX}"
    )]
    Account,
    /// A GIFT that does not last or lasts too long, or one that nobody accepts.
    #[error("a GIFT lasts 1 to {GIFT_LASTS_MAX_S} seconds, and who accepts it is told")]
    Gift,
    /// A group that nobody can make full, one that does not last or lasts too long, or a member who is nobody.
    #[error(
        "a group is for {GROUP_MEMBERS_MIN} to {GROUP_MEMBERS_MAX} users, lasts 1 to {GROUP_LASTS_MAX_S} seconds, and its \
         members are told"
    )]
    Group,
    /// An activity without a sound rule.
    #[error(
        "an activity has 1 to {ACTIVITY_SOURCES_MAX} campaigns in ascending order, counts claims or redemptions, gives a reward \
         every 1 to {FRIENDS_PER_REWARD_MAX} friends, 1 to {REWARDS_PER_REFERRER_MAX} times, and begins before it ends"
    )]
    Activity,
    /// A referral of nobody, or one of an ISSUE.
    #[error("a referral names a referrer, and is that of a CLAIM")]
    Referral,
    /// A use of a till that was offline, without its time.
    #[error("a REDEEM of a till that was offline says when it happened")]
    Offline,
    /// A RECYCLE into no points, or too many.
    #[error("{0} points for a recycled card: 1 to {CARD_VALUE_MAX}")]
    Recycle(u32),
    /// A MERGE of no cards, or too many.
    #[error("a MERGE of {0} cards into one: 1 to {CARDS_PER_MERGE_MAX}")]
    MergeCount(usize),
    /// A card of a MERGE that is given twice or out of bounds.
    #[error("card {0} of the MERGE: given twice, or a reserved byte is not 0")]
    MergeCard(usize),
    /// A generation that codes do not have.
    #[error("generation {0}: codes have 0 to 31")]
    Generation(u8),
}

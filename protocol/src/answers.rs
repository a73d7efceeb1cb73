//! The table of answers on the wire: number, name, flags and layout of each.
//!
//! Invariant: numbers are never reused. An answer's length follows from its kind and count alone, so that decoding is
//! exact: a length that says otherwise is malformed.

use crate::layout::{Field, Layout};
use zerocopy::little_endian::{U16, U32, U64, U128};

mod cards;
mod groups;
mod notices;
mod rows;
mod sharing;

pub use cards::*;
pub use groups::*;
pub use notices::*;
pub use rows::*;
pub use sharing::*;

layout! {
    /// What every answer begins with.
    pub struct AnswerHeader {
        /// bytes of the whole answer, a multiple of 8
        length: U16,
        /// answer kind; 0: rejection
        kind: u8,
        /// rejection: class in bits 0-3, kind of facts in bits 4-7; else flags of this kind
        flags: u8,
        /// position of the command in the request frame with the same correlation id
        index: U16,
        /// rejection: its code; else the count of units, lines or name bytes
        code_or_count: U16,
    }
}

layout! {
    /// Nothing behind the header.
    pub struct NoBody {}
}

layout! {
    /// STOCK_CHANGED, EXTENDED, RETURNED: one number.
    pub struct ValueBody {
        /// what it counts depends on the kind
        value: U64,
    }
}

layout! {
    /// RESERVED; the units follow.
    pub struct ReservedBody {
        /// the hold counts while shard time is below this, ms since the Unix epoch
        deadline_ms: U64,
    }
}

layout! {
    /// CONFIRMED; the units follow.
    pub struct ConfirmedBody {
        /// shard time of the confirmation, ms since the Unix epoch
        confirmed_ms: U64,
    }
}

layout! {
    /// STOCK; the name follows, padded to a multiple of 8.
    pub struct StockBody {
        /// its id
        stock: U64,
        /// counts up with each edit of the rules
        version: U32,
        /// units one user may hold and have bought; 0: no limit
        limit_per_user: U32,
        /// no sale before this shard time; 0: none
        opens_ms: U64,
        /// no sale from this shard time on; 0: none
        closes_ms: U64,
        /// units supplied so far
        total: U64,
        /// units that can be reserved
        available: U64,
        /// units in holds
        held: U64,
        /// units sold
        consumed: U64,
        /// units set aside by the operator
        frozen: U64,
        /// units gone for good
        void: U64,
        /// units in holds that go to frozen when their holds end
        marked_frozen: U64,
        /// units in holds that go to void when their holds end
        marked_void: U64,
    }
}

layout! {
    /// CONFIRMED_KEYS; units and keys follow.
    pub struct ConfirmedKeysBody {
        /// shard time of the confirmation, ms since the Unix epoch
        confirmed_ms: U64,
        /// keys of the hold, over all lines
        total: U32,
        /// keys that follow; the rest is read with KEYS_READ
        keys: U32,
    }
}

layout! {
    /// CONFIRMED_CARDS; units, sold cards and keys follow.
    pub struct ConfirmedCardsBody {
        /// shard time of the confirmation, ms since the Unix epoch
        confirmed_ms: U64,
        /// card keys of the hold, over all lines
        total: U32,
        /// keys that follow; the rest is read with KEYS_READ
        keys: U32,
        /// rows of sold cards that follow, at least 1
        sold: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// KEYS; the keys follow.
    pub struct KeysBody {
        /// keys of the hold, over all lines
        total: U32,
        /// position of the first key that follows
        from: U32,
    }
}

layout! {
    /// KEYS_LISTED; the keys follow.
    pub struct KeysListedBody {
        /// number to go on with; 4,294,967,295: no key is left
        next: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// BATCHES; the batches follow.
    pub struct BatchesBody {
        /// batches of the stock in all
        total: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// The facts KEY.
    pub struct KeyFact {
        /// the number of the key that took the first replaced one's place
        key: U64,
    }
}

layout! {
    /// CHANNELS; the channels follow.
    pub struct ChannelsBody {
        /// the stock's version
        version: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// TERMS; four limits of 12 bytes (user, limit key, device, address), 8 bytes more, and the prices follow.
    pub struct TermsBody {
        /// the stock's version
        version: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// RISK; the rules and the blocks follow.
    pub struct RiskBody {
        /// blocks in all
        total: U32,
        /// blocks that follow behind the rules
        blocks: U32,
    }
}

layout! {
    /// The facts TOTAL.
    pub struct TotalFact {
        /// what all units asked for cost now, in minor units; 0: a line has no price
        total: U64,
    }
}

layout! {
    /// The facts RULE.
    pub struct RuleFact {
        /// the number of the rule; 0: a block
        rule: U16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// CANCELLED.
    pub struct CancelledBody {
        /// units of a sale that were given back, over all lines; else 0
        units: U64,
        /// 0 nothing was there, 1 a hold was released, 2 a hold that had expired lapsed, 3 units of a sale were given back
        what: u8,
        /// 0
        spare: [u8; 7],
    }
}

layout! {
    /// OWED.
    pub struct OwedBody {
        /// the units are owed while shard time is below this, ms since the Unix epoch
        until_ms: U64,
        /// debts of the stock of the first line with units, or of the key, up to this one; in a repeat: now
        position: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// DEBTS; the debts follow.
    pub struct DebtsBody {
        /// debts of the stock in all
        total: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// ZONE; the transitions follow, then the name.
    pub struct ZoneBody {
        /// counts up with each setting, to set it with; 0: there is none
        version: U32,
        /// bytes of the name
        name_bytes: U16,
        /// 0
        spare: U16,
    }
}

layout! {
    /// ORDER_HOLDS; the holds follow.
    pub struct OrderHoldsBody {
        /// 0 no older ones are left, 1 some are, 2 some may be, behind holds that are gone and leave memory bit by bit
        more: u8,
        /// 0
        spare: [u8; 7],
    }
}

layout! {
    /// HOLD; the lines follow, then the cards.
    pub struct HoldBody {
        /// its id
        hold: U128,
        /// the order it is for; 0: none
        order: U128,
        /// the buyer; 0: none
        user: U128,
        /// shard time of its making
        reserved_ms: U64,
        /// the deadline in force; of what was owed: until when
        deadline_ms: U64,
        /// shard time at which it left HELD or OWED for its present state; 0 until then
        closed_ms: U64,
        /// 1 held, 2 confirmed, 3 released, 4 expired, 5 lapsed, 6 refused, 7 owed, 8 unfulfilled, 9 cancelled
        state: u8,
        /// cards behind the lines, at most 20
        cards: u8,
        /// the channel that made it
        channel: U16,
        /// lapsed, refused and unfulfilled: the recorded rejection's code; 0: none
        refusal: U16,
        /// 0
        spare: U16,
    }
}

layout! {
    /// OPERATION.
    pub struct OperationBody {
        /// the number in the operation's answer: value, deadline or units
        value: U64,
        /// 1 STOCK_CREATE, 2 _SUPPLY, 3 _VOID, 4 _FREEZE, 5 _UNFREEZE, 6 _EDIT, 7 EXTEND, 8 RETURN, 9 STOCK_QUOTA, 10 BATCH_CREATE, 11 BATCH_CHANGE, 12 KEYS_IMPORT, 13 REVEAL, 14 KEY_REPLACE, 15 KEY_RECLAIM, 16 KEYS_EXPORT, 18 CANCEL, 19 STOCK_LIMITS, 20 STOCK_PRICE, 21 RISK_SET, 22 BLOCK_SET, 23 ZONE_SET, 30 CAMPAIGN_CREATE, 31 CAMPAIGN_EDIT, 32 CAMPAIGN_STATE, 33 ISSUE, 34 CLAIM, 35 REVERSE, 36 CARD_CHANGE, 65 LINK, 66 UNLINK, 67 LABEL, 68 ERASE, 54 a conflict of a REDEEM of a till that was offline (`value`: the reason's code x 2^58 + the card), 37 TOPUP, 38 EARN, 39 CARD_REFUND, 40 RENEW, 41 LEVEL, 42 GIFT, 43 ACCEPT_GIFT, 44 CANCEL_GIFT, 45 CAMPAIGN_VOID, 46 CARD_BATCH_VOID, 47 CARD_BATCH_RECYCLE, 48 RECYCLE, 49 MERGE
        kind: u8,
        /// 0
        spare: [u8; 7],
    }
}

layout! {
    /// What one line lacked, as `scrip_engine::rejection::LineFact` reads it in place.
    pub struct LineFactLayout {
        /// the line's position in the command
        line: U16,
        /// the rejection code that names what this line lacked
        why: U16,
        /// units asked for
        asked: U32,
        /// units that could have been had: of the stock (OUT_OF_STOCK), of the channel's part (CHANNEL_QUOTA), of the limits of the buyer and the others (USER_LIMIT, HELD_LIMIT), of the hold (EXCEEDS_HOLD); else 0
        available: U64,
    }
}

layout! {
    /// The facts TIME and FLOOR.
    pub struct TimeFact {
        /// ms since the Unix epoch
        time_ms: U64,
    }
}

layout! {
    /// The facts MAXIMUM.
    pub struct MaximumFact {
        /// 1 stocks, 2 holds, 3 further lines, 4 operations, 5 user limits, 6 units of one stock, 7 log space, 8 channels of one stock, 9 batches of one stock, 10 card keys, 11 bytes of sealed card keys, 12 debts, 13 lines of orders, 14 subjects counted by risk rules, 15 blocks, 16 merchants and slots with risk rules, 17 merchants and slots with a time zone, 18 campaigns of one slot, 19 cards in memory, 20 redemptions in memory, 21 batches of bearer cards, 22 lots of one card, or records of lots in all
        which: U16,
        /// 0
        spare: [u8; 6],
        /// how much it is
        maximum: U64,
    }
}

layout! {
    /// The facts VERSION.
    pub struct VersionFact {
        /// the version in force
        version: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// The facts UNITS.
    pub struct UnitsFact {
        /// the stock, or the card's campaign
        stock: U64,
        /// units asked for; RULE_FAILED of a REDEEM: the amount, or the units
        asked: U64,
        /// units that could have been moved; RULE_FAILED of a REDEEM: the threshold, or 0
        available: U64,
    }
}

/// Bytes of the answer header.
pub const ANSWER_HEADER_BYTES: usize = size_of::<AnswerHeader>();

const _: () =
    assert!(ANSWER_HEADER_BYTES == 8 && size_of::<StockBody>() == 96 && size_of::<HoldBody>() == 80);
const _: () = assert!(size_of::<KeyItemLayout>() == size_of::<scrip_engine::answer::KeyItem>());
const _: () = assert!(size_of::<ListedItemLayout>() == size_of::<scrip_engine::answer::ListedItem>());
const _: () = assert!(size_of::<BatchLayout>() == size_of::<scrip_engine::answer::BatchView>());
const _: () = assert!(size_of::<DebtLayout>() == size_of::<scrip_engine::answer::DebtView>());
const _: () = assert!(size_of::<OrderHoldLayout>() == size_of::<scrip_engine::answer::OrderHold>());
const _: () = assert!(size_of::<ChannelLayout>() == size_of::<scrip_engine::answer::ChannelView>());
const _: () = assert!(size_of::<HoldLineLayout>() == size_of::<scrip_engine::answer::HoldLine>());
const _: () = assert!(size_of::<HoldCardLayout>() == size_of::<scrip_engine::answer::HoldCard>());
const _: () = assert!(size_of::<LineFactLayout>() == size_of::<scrip_engine::rejection::LineFact>());

/// Flag bits, by answer.
pub mod flag {
    /// STOCK: no sale while set.
    pub const FROZEN: u8 = 1;
    /// STOCK: each unit is a card key.
    pub const KEYS: u8 = 2;
    /// HOLD, REDEMPTION: a risk rule or a block has marked it.
    pub const FLAGGED: u8 = 2;
    /// STOCK: the keys of a batch are sold in random order.
    pub const RANDOM: u8 = 4;
    /// STOCK: one text for every buyer; units are counted.
    pub const REUSABLE: u8 = 8;
    /// STOCK: an order has at most one sale or hold of it.
    pub const ONCE_PER_ORDER: u8 = 16;
    /// STOCK: each unit is a card of a campaign.
    pub const CARDS: u8 = 32;
    /// WALLET: there may be more behind `next`.
    pub const MORE: u8 = 1;
    /// TERMS: limits of weeks and months follow; else there are none.
    pub const SPANS: u8 = 1;
    /// CAMPAIGN: an extension stands behind the definition; else it says nothing of that.
    pub const EXTENDED: u8 = 1;
    /// QUOTE: no combination of the cards to choose from is better.
    pub const EXACT: u8 = 1;
    /// CONFIRMED, CONFIRMED_KEYS, CONFIRMED_CARDS, HOLD: confirmed after the hold had expired.
    pub const LATE: u8 = 1;
    /// RELEASED: the hold had expired before, and a late CONFIRM is now refused.
    pub const LAPSED: u8 = 1;
}

macro_rules! numbered {
    ($(#[$all:meta])* $kind:ident { $($(#[doc = $doc:literal])*
       $name:ident = $number:literal, $text:literal, $body:ty, $tail:literal, $flags:expr;)* }) => {
        $(#[$all])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $kind { $($(#[doc = $doc])* $name = $number,)* }

        impl $kind {
            /// All of them, by number.
            pub const ALL: &'static [$kind] = &[$($kind::$name),*];

            /// The kind with this number.
            pub const fn from_number(number: u8) -> Option<$kind> {
                match number { $($number => Some($kind::$name),)* _ => None }
            }

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $($kind::$name => $text,)* }
            }

            /// What it is, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $($kind::$name => concat!($($doc),*),)* }
            }

            /// The fields of its fixed body.
            pub const fn fields(self) -> &'static [Field] {
                match self { $($kind::$name => <$body as Layout>::FIELDS,)* }
            }

            /// Bytes of its fixed body.
            pub const fn body_bytes(self) -> usize {
                match self { $($kind::$name => size_of::<$body>(),)* }
            }

            /// What follows its fixed body.
            pub const fn tail(self) -> &'static str {
                match self { $($kind::$name => $tail,)* }
            }

            /// The flag bits it may carry.
            pub const fn flag_bits(self) -> u8 {
                match self { $($kind::$name => $flags,)* }
            }
        }
    };
}

numbered! {
    /// The answers, with their numbers on the wire.
    AnswerKind {
        /// The command was refused.
        Rejection = 0, "REJECTION", NoBody, "the facts", 0xff;
        /// A stock was made or changed; `value`: its total (CREATE, SUPPLY), its version (EDIT, QUOTA, LIMITS, PRICE; ZONE_SET: that of the zone), units moved at once (VOID, FREEZE, UNFREEZE, BATCH_CHANGE); the batch's number (BATCH_CREATE); the rule's number (RISK_SET); the action (BLOCK_SET); 0 (KEYS_EXPORT's record); 1 if the key can be sold again, else 0 (KEY_RECLAIM); the campaign's total (CAMPAIGN_CREATE) or version (CAMPAIGN_EDIT, CAMPAIGN_STATE); the card's state, as in CARD (CARD_CHANGE); members that are left (GROUP_LEAVE); the activity's version (ACTIVITY_CREATE, ACTIVITY_EDIT); ids of the person (LINK), ids that are left of it (UNLINK); 1 if words of before were destroyed, else 0 (LABEL); ids whose words were destroyed (ERASE); cards that ended (CAMPAIGN_VOID, CARD_BATCH_VOID, CARD_BATCH_RECYCLE).
        StockChanged = 1, "STOCK_CHANGED", ValueBody, "", 0;
        /// RESERVE was taken.
        Reserved = 2, "RESERVED", ReservedBody, "`count` u32: units granted per line, padded", 0;
        /// EXTEND was taken; `value`: the deadline in force, ms since the Unix epoch.
        Extended = 3, "EXTENDED", ValueBody, "", 0;
        /// CONFIRM or SELL was taken.
        Confirmed = 4, "CONFIRMED", ConfirmedBody, "`count` u32: units confirmed per line, padded", flag::LATE;
        /// RELEASE was taken.
        Released = 5, "RELEASED", NoBody, "", flag::LAPSED;
        /// RETURN was taken; `value`: units given back by it, over all lines.
        Returned = 6, "RETURNED", ValueBody, "", 0;
        /// STOCK_SHOW.
        Stock = 7, "STOCK", StockBody, "`count` bytes: the name (UTF-8), padded", flag::FROZEN | flag::KEYS | flag::RANDOM | flag::REUSABLE | flag::ONCE_PER_ORDER | flag::CARDS;
        /// OPERATION_SHOW of a RESERVE or SELL.
        Hold = 8, "HOLD", HoldBody, "`count` lines of 24 bytes, `cards` cards of 32", flag::LATE | flag::FLAGGED;
        /// OPERATION_SHOW of any other operation.
        Operation = 9, "OPERATION", OperationBody, "", 0;
        /// STOCK_CHANNELS.
        Channels = 10, "CHANNELS", ChannelsBody, "`count` channels of 56 bytes", 0;
        /// CONFIRM or SELL of card keys was taken.
        ConfirmedKeys = 11, "CONFIRMED_KEYS", ConfirmedKeysBody, "`count` u32: units confirmed per line, padded; then `keys` keys", flag::LATE;
        /// CONFIRM or SELL was taken, and cards were sold by it.
        ConfirmedCards = 130, "CONFIRMED_CARDS", ConfirmedCardsBody, "`count` u32: units confirmed per line, padded; `sold` rows of 16 bytes; then `keys` keys", flag::LATE;
        /// KEYS_IMPORT was taken; bit n of `value`: the n-th key was new.
        KeysImported = 12, "KEYS_IMPORTED", ValueBody, "", 0;
        /// REVEAL, KEY_REPLACE, KEYS_READ.
        Keys = 13, "KEYS", KeysBody, "`count` keys", 0;
        /// BATCHES_SHOW.
        Batches = 14, "BATCHES", BatchesBody, "`count` batches of 128 bytes", 0;
        /// STOCK_TERMS_SHOW.
        Terms = 20, "TERMS", TermsBody, "four limits and 8 bytes, with SPANS limits of weeks and months (32 bytes), then `count` prices of 24 bytes", flag::SPANS;
        /// RISK_SHOW.
        Risk = 21, "RISK", RiskBody, "`count` rules of 16 bytes, then `blocks` blocks of 32 bytes", 0;
        /// KEYS_LIST, KEYS_EXPORT.
        KeysListed = 16, "KEYS_LISTED", KeysListedBody, "`count` listed keys", 0;
        /// CANCEL was taken, now or before.
        Cancelled = 19, "CANCELLED", CancelledBody, "", 0;
        /// SELL found too few units and waits for them, CONFIRM too few card keys, or KEY_REPLACE none.
        Owed = 17, "OWED", OwedBody, "", 0;
        /// OWED_SHOW.
        Debts = 18, "DEBTS", DebtsBody, "`count` debts of 64 bytes", 0;
        /// ORDER_SHOW.
        OrderHolds = 22, "ORDER_HOLDS", OrderHoldsBody, "`count` holds of 80 bytes", 0;
        /// ZONE_SHOW; version 0: the merchant has none in this slot.
        Zone = 23, "ZONE", ZoneBody, "`count` transitions of 16 bytes, then the name (UTF-8), padded", 0;
        /// ISSUE or CLAIM was taken.
        Issued = 24, "ISSUED", IssuedBody, "", 0;
        /// REDEEM was taken.
        Redeemed = 25, "REDEEMED", RedeemedBody, "", 0;
        /// REVERSE was taken.
        Reversed = 26, "REVERSED", ReversedBody, "", 0;
        /// CAMPAIGN_SHOW.
        Campaign = 27, "CAMPAIGN", CampaignBody, "a definition of 120 bytes, with EXTENDED its extension of 16 bytes, `tiers` tiers and `count` entries of a scope of 16 bytes each, the key, padded", flag::EXTENDED;
        /// CARD_SHOW.
        Card = 28, "CARD", CardBody, "`count` lots of 32 bytes", 0;
        /// WALLET_SHOW.
        Wallet = 29, "WALLET", WalletBody, "`count` cards of 48 bytes", flag::MORE;
        /// OPERATION_SHOW of a REDEEM.
        Redemption = 30, "REDEMPTION", RedemptionBody, "", flag::FLAGGED;
        /// QUOTE.
        Quote = 31, "QUOTE", QuoteAnswerBody, "`count` cards of 48 bytes, `lines` lines of 24 bytes, then `count` x `lines` shares (u64): what each card takes off each line, or pays of it, card by card", flag::EXACT;
        /// QUOTE_RESERVE was taken; the cards are those that are used, as they take their turns.
        QuoteReserved = 36, "QUOTE_RESERVED", QuoteReservedBody, "as behind QUOTE: `count` cards of 48 bytes, `lines` lines of 24 bytes, then `count` x `lines` shares (u64)", flag::EXACT;
        /// RETURN of a hold that QUOTE_RESERVE made was taken.
        PiecesReturned = 37, "PIECES_RETURNED", PiecesReturnedBody, "", 0;
        /// TOPUP or EARN was taken.
        Filled = 32, "FILLED", FilledBody, "", 0;
        /// REDEEM of a till that was offline, of a card that was not to be had any more: recorded for good, and nothing moved.
        OfflineConflict = 40, "OFFLINE_CONFLICT", OfflineConflictBody, "", 0;
        /// CARD_REFUND was taken.
        CardRefunded = 33, "CARD_REFUNDED", CardRefundedBody, "", 0;
        /// CODE_SHOW.
        GivenCode = 54, "GIVEN_CODE", GivenCodeBody, "", 0;
        /// GROUP_OPEN or GROUP_JOIN was taken.
        GroupJoined = 42, "GROUP_JOINED", GroupJoinedBody, "", 0;
        /// GROUP_SHOW.
        Group = 43, "GROUP", GroupAnswerBody, "`count` members of 32 bytes", 0;
        /// ACTIVITY_SHOW.
        Activity = 64, "ACTIVITY", ActivityAnswerBody, "its rule of 96 bytes", 0;
        /// NOTICES_READ.
        Notices = 60, "NOTICES", NoticesBody, "`count` notices of 64 bytes", 0;
        /// IDENTITY_SHOW.
        Identity = 48, "IDENTITY", NoBody, "`count` user ids of 16 bytes, ascending", 0;
    }
}

numbered! {
    /// The kinds of facts a rejection carries, with their numbers on the wire.
    FactsKind {
        /// The code says it all.
        None = 0, "NONE", NoBody, "", 0;
        /// What each lacking line lacked; as many as the answer's length has room for.
        Lines = 1, "LINES", NoBody, "(length - 8) / 16 line facts of 16 bytes", 0;
        /// CLOCK_AHEAD, DEADLINE_PASSED: the shard's time. Of a card NOT_STARTED, EXPIRED, REVERSAL_WINDOW: when it begins or ended.
        Time = 2, "TIME", TimeFact, "", 0;
        /// OPERATION_TOO_OLD: the oldest `created_ms` that is still executed.
        Floor = 3, "FLOOR", TimeFact, "", 0;
        /// CAPACITY: which maximum, and how much it is.
        Maximum = 4, "MAXIMUM", MaximumFact, "", 0;
        /// RULE_FAILED of a compare-and-set: the version in force.
        Version = 5, "VERSION", VersionFact, "", 0;
        /// OUT_OF_STOCK and CHANNEL_QUOTA of a change of a stock or batch, of KEY_REPLACE, ISSUE and CLAIM; what else cards lack.
        Units = 6, "UNITS", UnitsFact, "", 0;
        /// KEY_REPLACED: which key is there now.
        Key = 7, "KEY", KeyFact, "", 0;
        /// QUOTE_CHANGED: what the units asked for cost now.
        Total = 8, "TOTAL", TotalFact, "", 0;
        /// RISK_LIMIT: which rule.
        Rule = 9, "RULE", RuleFact, "", 0;
    }
}

//! Kinds, flags and heads of events, as they lie in the log, and what can be wrong with them. They stand apart from the
//! events so that their table stays in one view.
//!
//! Invariant: numbers are never reused; docs/format.md has them all.

use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct Head {
    pub(super) size: U16,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) count: U16,
    pub(super) channel: U16,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct OriginLayout {
    pub(super) operation: U128,
    pub(super) created_ms: U64,
    pub(super) content: U64,
    pub(super) merchant: U32,
    pub(super) slot: U16,
    pub(super) code: U16,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct TermsLayout {
    pub(super) opens_ms: U64,
    pub(super) closes_ms: U64,
    pub(super) limit_per_user: U32,
    pub(super) frozen: U32,
}

pub(super) const TICK: u8 = 1;
pub(super) const CONFIGURED: u8 = 2;
pub(super) const FLOOR_RAISED: u8 = 3;
pub(super) const EXPIRED: u8 = 4;
pub(super) const STOCK_CREATED: u8 = 8;
pub(super) const STOCK_MOVED: u8 = 9;
pub(super) const STOCK_EDITED: u8 = 10;
pub(super) const STOCK_QUOTA_SET: u8 = 11;
pub(super) const GUARANTEE_LAPSED: u8 = 12;
pub(super) const BATCH_CREATED: u8 = 13;
pub(super) const BATCH_CHANGED: u8 = 14;
pub(super) const KEYS_IMPORTED: u8 = 15;
pub(super) const TAKEN: u8 = 16;
pub(super) const SELL_REFUSED: u8 = 17;
pub(super) const CONFIRMED: u8 = 18;
pub(super) const LATE_REFUSED: u8 = 19;
pub(super) const RELEASED: u8 = 20;
pub(super) const EXTENDED: u8 = 21;
pub(super) const RETURNED: u8 = 22;
pub(super) const REVEALED: u8 = 23;
pub(super) const KEY_REPLACED: u8 = 24;
pub(super) const BATCH_EXPIRED: u8 = 25;
pub(super) const STOCK_LIMITS_SET: u8 = 33;
pub(super) const STOCK_PRICED: u8 = 34;
pub(super) const RISK_RULE_SET: u8 = 35;
pub(super) const BLOCK_SET: u8 = 36;
pub(super) const KEY_RECLAIMED: u8 = 26;
pub(super) const KEYS_EXPORTED: u8 = 27;
pub(super) const CANCELLED: u8 = 31;
pub(super) const TOMBSTONE: u8 = 32;
pub(super) const OWED: u8 = 28;
pub(super) const SETTLED: u8 = 29;
pub(super) const UNFULFILLED: u8 = 30;
pub(super) const CONFIRM_OWED: u8 = 37;
pub(super) const REPLACE_OWED: u8 = 38;
pub(super) const ZONE_SET: u8 = 39;
pub(super) const CAMPAIGN_CREATED: u8 = 40;
pub(super) const CAMPAIGN_EDITED: u8 = 41;
pub(super) const CAMPAIGN_MOVED: u8 = 42;
pub(super) const ISSUED: u8 = 43;
pub(super) const REDEEMED: u8 = 44;
pub(super) const REVERSED: u8 = 45;
pub(super) const CARD_CHANGED: u8 = 46;
pub(super) const TAKEN_WITH_CARDS: u8 = 47;
pub(super) const TOPPED_UP: u8 = 48;
pub(super) const EARNED: u8 = 49;
pub(super) const CARD_REFUNDED: u8 = 50;
pub(super) const RENEWED: u8 = 51;
pub(super) const LEVELLED: u8 = 52;
pub(super) const GIFT_GIVEN: u8 = 56;
pub(super) const GIFT_ACCEPTED: u8 = 57;
pub(super) const GIFT_CANCELLED: u8 = 58;
pub(super) const CODES_IMPORTED: u8 = 90;
pub(super) const CODE_SET: u8 = 91;
pub(super) const GROUP_OPENED: u8 = 71;
pub(super) const GROUP_JOINED: u8 = 72;
pub(super) const GROUP_LEFT: u8 = 73;
pub(super) const GROUP_FILLED: u8 = 74;
pub(super) const GROUP_LAPSED: u8 = 75;
/// ISSUED, and by whose word the owner has come.
pub(super) const REFERRED: u8 = 98;
pub(super) const ACTIVITY_CREATED: u8 = 99;
pub(super) const ACTIVITY_EDITED: u8 = 100;
pub(super) const REWARDED: u8 = 101;
pub(super) const REWARD_RECEIVED: u8 = 102;
pub(super) const REWARD_DELIVERED: u8 = 103;
pub(super) const NOTICES_TOLD: u8 = 105;
pub(super) const NOTICES_REQUEUED: u8 = 106;
pub(super) const LINKED: u8 = 80;
pub(super) const UNLINKED: u8 = 81;
pub(super) const LABELLED: u8 = 82;
pub(super) const ERASED: u8 = 83;
/// TAKEN_WITH_CARDS, and the quote that the hold was made from.
pub(super) const TAKEN_FOR_QUOTE: u8 = 64;
/// RETURNED, and what goes back of the cart of such a hold.
pub(super) const RETURNED_OF_QUOTE: u8 = 65;
/// CONFIRMED, and the cards that its lines have sold.
pub(super) const CONFIRMED_WITH_SALES: u8 = 95;
/// TAKEN_WITH_CARDS, and the cards that its lines have sold.
pub(super) const TAKEN_WITH_SALES: u8 = 96;
/// RETURNED_OF_QUOTE, and the cards that ended.
pub(super) const RETURNED_WITH_SALES: u8 = 97;
pub(super) const STOCK_SPAN_LIMITS_SET: u8 = 68;
pub(super) const OFFLINE_REDEEMED: u8 = 69;
pub(super) const OFFLINE_CONFLICT: u8 = 70;
pub(super) const CAMPAIGN_VOIDED: u8 = 59;
pub(super) const CARD_BATCH_VOIDED: u8 = 60;
pub(super) const CARD_BATCH_RECYCLED: u8 = 61;
pub(super) const RECYCLED: u8 = 62;
pub(super) const MERGED: u8 = 63;

pub(super) const FLAG_SOLD: u8 = 1;
pub(super) const FLAG_LATE: u8 = 1;
pub(super) const FLAG_TO_AVAILABLE: u8 = 1;
pub(super) const FLAG_FROM_FROZEN: u8 = 1;
pub(super) const FLAG_FORCED: u8 = 2;
pub(super) const FLAG_DEBTS_OF_KEYS: u8 = 1;
pub(super) const FLAG_FOR_OTHERS: u8 = 1;
pub(super) const FLAG_KEYS: u8 = 1;
pub(super) const FLAG_RANDOM: u8 = 2;
pub(super) const FLAG_REUSABLE: u8 = 4;
pub(super) const FLAG_ONCE_PER_ORDER: u8 = 16;
pub(super) const FLAG_CONFIRM_HIDDEN: u8 = 2;
pub(super) const FLAG_ORDER: u8 = 2;
pub(super) const FLAG_USER: u8 = 4;
pub(super) const FLAG_REPLACES: u8 = 8;
pub(super) const FLAG_SELL_HIDDEN: u8 = 16;
pub(super) const FLAG_PARTIES: u8 = 32;
pub(super) const FLAG_PRICES: u8 = 64;
pub(super) const FLAG_FLAGGED: u8 = 128;
pub(super) const FLAG_OPEN: u8 = 1;
pub(super) const FLAG_CLAIMED: u8 = 1;
pub(super) const FLAG_OWN_TIMES: u8 = 2;

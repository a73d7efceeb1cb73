//! Layouts of limits, prices, risk rules and blocks: what commands set them with, and answers show.
//!
//! Invariant: what the engine reads in place has the engine's size.

use zerocopy::little_endian::{I16, U16, U32, U64, U128};

layout! {
    /// STOCK_LIMITS; the limits follow.
    pub struct StockLimitsBody {
        /// the stock
        stock: U64,
        /// the version the caller has seen (compare and set)
        version: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// STOCK_PRICE; the prices follow.
    pub struct StockPriceBody {
        /// the stock
        stock: U64,
        /// the version the caller has seen (compare and set)
        version: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// RISK_SHOW.
    pub struct RiskShowBody {
        /// position of the first block wanted
        from: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// What one kind of subject may have of a stock, as `scrip_engine::command::SubjectLimit` reads it in place. 0: no limit.
    pub struct SubjectLimitLayout {
        /// units held and consumed
        total: U32,
        /// of those, units whose holds were made on one day
        per_day: U32,
        /// units held at once
        held: U32,
    }
}

layout! {
    /// What stands behind the four limits (user, limit key, device, address), as `scrip_engine::command::Limits` reads it in place.
    pub struct LimitsEnd {
        /// minutes that the merchant's clock, by which days begin, is ahead of UTC; -720 to 840
        utc_offset_minutes: I16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// One price of a stock, as `scrip_engine::command::Price` reads it in place.
    pub struct PriceLayout {
        /// shard time from which on it is in force; 0: always
        from_ms: U64,
        /// shard time from which on it no longer is; 0: never
        until_ms: U64,
        /// minor units, at least 1
        amount: U32,
        /// the channel; 65535: all that have none of their own
        channel: U16,
        /// 1 list, 2 member, 3 promotional
        kind: u8,
        /// 0
        spare: u8,
    }
}

layout! {
    /// RISK_SET, as `scrip_engine::command::RiskRule` reads it in place.
    pub struct RiskRuleLayout {
        /// its number among the merchant's rules of the slot, 1 to 64
        number: U16,
        /// the channel; 65535: all
        channel: U16,
        /// 1 user, 2 limit key, 3 device, 4 address
        subject: u8,
        /// 0 the rule is lifted, 1 refuse, 2 let pass and flag
        action: u8,
        /// 0
        spare: U16,
        /// RESERVEs and SELLs that may succeed in one window
        at_most: U32,
        /// length of a window in ms, 1,000 to 2,592,000,000; windows follow each other from the Unix epoch on
        window_ms: U32,
    }
}

layout! {
    /// BLOCK_SET, as `scrip_engine::command::Block` reads it in place.
    pub struct BlockLayout {
        /// the user, limit key, device or address; not 0
        subject: U128,
        /// shard time from which on it no longer counts; 0: never
        until_ms: U64,
        /// 1 user, 2 limit key, 3 device, 4 address
        kind: u8,
        /// 0 the block is lifted, 1 refuse, 2 let pass and flag
        action: u8,
        /// 0
        spare: [u8; 6],
    }
}

const _: () = assert!(
    4 * size_of::<SubjectLimitLayout>() + size_of::<LimitsEnd>()
        == size_of::<scrip_engine::command::Limits>()
);
const _: () = assert!(size_of::<PriceLayout>() == size_of::<scrip_engine::command::Price>());
const _: () = assert!(size_of::<RiskRuleLayout>() == size_of::<scrip_engine::command::RiskRule>());
const _: () = assert!(size_of::<BlockLayout>() == size_of::<scrip_engine::command::Block>());

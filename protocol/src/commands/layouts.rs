//! The layouts of commands: header, fixed bodies and what follows them, byte by byte. The table of commands ([`super`]) says
//! which belongs to which.
//!
//! Invariant: what the engine reads in place has the layout of the engine's own type; const assertions beside the table
//! compare their sizes.

use zerocopy::little_endian::{I16, U16, U32, U64, U128};

layout! {
    /// What every command begins with.
    pub struct CommandHeader {
        /// bytes of the whole command, a multiple of 8
        length: U16,
        /// command kind
        kind: u8,
        /// flags of this kind
        flags: u8,
        /// the tenant
        merchant: U32,
        /// the slot all of the command's objects lie in
        slot: U16,
        /// the channel the demand comes from
        channel: U16,
        /// lines or units that follow the fixed body; 0 for commands without
        lines: U16,
        /// 0
        spare: U16,
        /// makes the command idempotent; CONFIRM, RELEASE and CANCEL: the hold's id
        operation: U128,
        /// when the operation id was made, ms since the Unix epoch; 0: the first 48 bits of the id say it
        created_ms: U64,
        /// shard time from which on the command is not to be executed; 0: none
        deadline_ms: U64,
    }
}

layout! {
    /// No fixed body.
    pub struct EmptyBody {}
}

layout! {
    /// STOCK_CREATE; the name follows, padded to a multiple of 8.
    pub struct StockCreateBody {
        /// the new stock's id, in the command's slot
        stock: U64,
        /// units available from the start
        units: U64,
        /// no sale before this shard time; 0: none
        opens_ms: U64,
        /// no sale from this shard time on; 0: none
        closes_ms: U64,
        /// units one user may hold and have bought; 0: no limit
        limit_per_user: U32,
        /// bytes of the name, 1 to 64
        name_bytes: U16,
        /// 0
        spare: U16,
    }
}

layout! {
    /// STOCK_SUPPLY, STOCK_VOID, STOCK_FREEZE, STOCK_UNFREEZE.
    pub struct StockUnitsBody {
        /// the stock
        stock: U64,
        /// units to move
        units: U64,
    }
}

layout! {
    /// STOCK_EDIT.
    pub struct StockEditBody {
        /// the stock
        stock: U64,
        /// no sale before this shard time; 0: none
        opens_ms: U64,
        /// no sale from this shard time on; 0: none
        closes_ms: U64,
        /// units one user may hold and have bought; 0: no limit
        limit_per_user: U32,
        /// the version the caller has seen (compare and set)
        version: U32,
    }
}

layout! {
    /// STOCK_QUOTA; the quotas follow.
    pub struct StockQuotaBody {
        /// the stock
        stock: U64,
        /// the version the caller has seen (compare and set)
        version: U32,
        /// 0
        spare: U32,
    }
}

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
        /// minutes that the merchant's clock, by which days begin, is ahead of UTC, -720 to 840; -32768: days are those of the merchant's zone
        utc_offset_minutes: I16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// What subjects may have of a stock in longer spans of time, as `scrip_engine::command::SpanLimits` reads it in place. 0: no limit.
    pub struct SpanLimitsLayout {
        /// user: units whose holds were made in one ISO week
        user_per_week: U32,
        /// limit key: as many
        limit_key_per_week: U32,
        /// device: as many
        device_per_week: U32,
        /// address: as many
        address_per_week: U32,
        /// user: units whose holds were made in one month
        user_per_month: U32,
        /// limit key: as many
        limit_key_per_month: U32,
        /// device: as many
        device_per_month: U32,
        /// address: as many
        address_per_month: U32,
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
        /// 1 user, 2 limit key, 3 device, 4 address, 5 referrer
        subject: u8,
        /// 0 the rule is lifted, 1 refuse, 2 let pass and flag
        action: u8,
        /// 0
        spare: U16,
        /// commands that may succeed in one window
        at_most: U32,
        /// length of a window in ms, 1,000 to 2,592,000,000; windows follow each other from the Unix epoch on
        window_ms: U32,
    }
}

layout! {
    /// BLOCK_SET, as `scrip_engine::command::Block` reads it in place.
    pub struct BlockLayout {
        /// the user, limit key, device, address or referrer; not 0
        subject: U128,
        /// shard time from which on it no longer counts; 0: never
        until_ms: U64,
        /// 1 user, 2 limit key, 3 device, 4 address, 5 referrer
        kind: u8,
        /// 0 the block is lifted, 1 refuse, 2 let pass and flag
        action: u8,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// ZONE_SET; the transitions follow, then the name, padded to a multiple of 8.
    pub struct ZoneSetBody {
        /// the version the caller has seen (compare and set); 0: there is none yet
        version: U32,
        /// bytes of the name, 1 to 64
        name_bytes: U16,
        /// 0
        spare: U16,
    }
}

layout! {
    /// One transition of a time zone, as `scrip_engine::calendar::Transition` reads it in place.
    pub struct TransitionLayout {
        /// when it begins, ms since the Unix epoch; the first one holds before, too
        from_ms: U64,
        /// minutes that the clock is ahead of UTC from then on, -840 to 840
        offset_minutes: I16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// BATCH_CREATE; the supplier's name follows, padded to a multiple of 8.
    pub struct BatchCreateBody {
        /// the keys stock
        stock: U64,
        /// what a key cost, in minor units; not interpreted
        cost: U64,
        /// shard time from which on its keys can't be sold; 0: never
        expires_ms: U64,
        /// the batch's number within the stock
        batch: U32,
        /// bytes of the supplier's name, 1 to 64
        supplier_bytes: U16,
        /// 0
        spare: U16,
    }
}

layout! {
    /// BATCH_CHANGE.
    pub struct BatchChangeBody {
        /// the stock
        stock: U64,
        /// the batch
        batch: U32,
        /// 1 freeze, 2 unfreeze, 3 void
        change: u8,
        /// 0
        spare: [u8; 3],
    }
}

layout! {
    /// KEYS_IMPORT; `lines` lengths (u16) and the texts follow, padded to a multiple of 8.
    pub struct KeysImportBody {
        /// the stock
        stock: U64,
        /// the batch
        batch: U32,
        /// bytes of lengths and texts together, at most 12,288
        block_bytes: U32,
    }
}

layout! {
    /// REVEAL.
    pub struct RevealBody {
        /// the hold
        hold: U128,
    }
}

layout! {
    /// KEY_REPLACE and KEY_RECLAIM.
    pub struct KeyReplaceBody {
        /// the hold
        hold: U128,
        /// the key's number
        key: U32,
        /// the merchant's reason; not interpreted
        reason: U16,
        /// 0
        spare: U16,
    }
}

layout! {
    /// KEYS_READ.
    pub struct KeysReadBody {
        /// the hold
        hold: U128,
        /// position of the first key wanted, over all lines
        from: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// KEYS_LIST and KEYS_EXPORT.
    pub struct KeysListBody {
        /// the stock
        stock: U64,
        /// with ONE_BATCH: the batch; without: 0
        batch: U32,
        /// number of the first key wanted
        from: U32,
    }
}

layout! {
    /// BATCHES_SHOW.
    pub struct BatchesShowBody {
        /// the stock
        stock: U64,
        /// position of the first batch wanted
        from: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// OWED_SHOW.
    pub struct OwedShowBody {
        /// the stock
        stock: U64,
        /// position of the first debt wanted
        from: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// ORDER_SHOW.
    pub struct OrderShowBody {
        /// the order
        order: U128,
        /// only holds made before this one of the order; 0: all of them
        after: U128,
        /// holds wanted; 0, or more than 64: 64
        limit: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// LINK.
    pub struct LinkBody {
        /// one user id; not 0
        user: U128,
        /// the other; not 0, another
        to: U128,
        /// the operator's reason; not interpreted
        reason: U16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// UNLINK.
    pub struct UnlinkBody {
        /// the user id; not 0
        user: U128,
        /// the operator's reason; not interpreted
        reason: U16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// LABEL; the text follows, padded to a multiple of 8.
    pub struct LabelBody {
        /// the user id; not 0
        user: U128,
        /// bytes of the text, 1 to 64
        label_bytes: U16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// ERASE.
    pub struct EraseBody {
        /// one id of the person; not 0
        user: U128,
        /// the operator's reason; not interpreted
        reason: U16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// IDENTITY_SHOW.
    pub struct IdentityShowBody {
        /// one id of the person
        user: U128,
    }
}

layout! {
    /// RESERVE and SELL; what the flags HAS_... announce follows, then the lines, then the cards.
    pub struct TakeBody {
        /// the gateway's order; 0: none
        order: U128,
        /// the buyer; 0: none
        user: U128,
        /// RESERVE: time to live in ms, 0: 900,000; SELL: 0
        ttl_ms: U32,
        /// cards behind the lines, at most 20; SELL that is PAID or has HAS_WAIT: 0
        cards: U16,
        /// 0
        spare: U16,
    }
}

layout! {
    /// Whom a RESERVE or SELL comes from beside the buyer, as `scrip_engine::command::Parties` reads it in place.
    pub struct PartiesLayout {
        /// the natural person, whatever his accounts; 0: not told
        limit_key: U128,
        /// keyed hash of the device; 0: not told
        device: U64,
        /// keyed hash of the address; 0: not told
        address: U64,
    }
}

layout! {
    /// EXTEND.
    pub struct ExtendBody {
        /// the hold
        hold: U128,
        /// ms from now to the new deadline
        ttl_ms: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// RETURN; the units follow.
    pub struct ReturnBody {
        /// the hold
        hold: U128,
    }
}

layout! {
    /// STOCK_SHOW, STOCK_CHANNELS and STOCK_TERMS_SHOW.
    pub struct StockShowBody {
        /// the stock
        stock: U64,
    }
}

layout! {
    /// One line of a RESERVE or SELL, as `scrip_engine::command::Line` reads it in place.
    pub struct LineLayout {
        /// the stock
        stock: U64,
        /// units asked for, 1 to 100,000,000
        units: U32,
        /// with PARTIAL: the fewest units that still make sense; without: ignored
        units_min: U32,
    }
}

layout! {
    /// One card of a RESERVE or SELL, as `scrip_engine::command::CardLine` reads it in place.
    pub struct CardLineLayout {
        /// the card's id
        card: U64,
        /// what of the order the card may be used on, in minor units
        amount: U64,
        /// the store; 0: not told
        store: U64,
        /// the product; 0: not told
        product: U64,
        /// the category; 0: not told
        category: U64,
        /// units, 1 to 1,000,000,000
        units: U32,
        /// with `by_code` the generation of the card's code, as CARD_SHOW answered it; else 0
        generation: u8,
        /// 1: a person named the card by its code; else 0
        by_code: u8,
        /// 0
        spare: U16,
    }
}

layout! {
    /// One quota of a STOCK_QUOTA, as `scrip_engine::command::Quota` reads it in place.
    pub struct QuotaLayout {
        /// units that no other channel can take
        guaranteed: U64,
        /// the most units that may be held and consumed; 2^64 - 1: no maximum
        cap: U64,
        /// shard time at which the guarantee lapses; 0: never
        lapses_ms: U64,
        /// the channel
        channel: U16,
        /// 0
        spare: [u8; 6],
    }
}

//! The layouts of what answers list: card keys, batches, channels, debts, holds and their lines. They stand apart from the
//! answers so that their table stays in one view.
//!
//! Invariant: each is laid out as the engine's own type, which reads it in place; const assertions beside the table compare
//! their sizes.

use zerocopy::little_endian::{U16, U32, U64, U128};

layout! {
    /// One row of sold cards behind CONFIRMED_CARDS.
    pub struct SoldCardsLayout {
        /// the id of the first card
        first: U64,
        /// how many; the others follow it
        cards: U32,
        /// the line that has sold them, from 0
        line: U16,
        /// 0
        spare: U16,
    }
}

layout! {
    /// What stands before the text of a key, as `scrip_engine::answer::KeyItem` reads it in place; the text follows, padded to a multiple of 8.
    pub struct KeyItemLayout {
        /// the key's number
        key: U64,
        /// bytes of its text; 0: not shown
        text_bytes: U16,
        /// 1: void since, 2: its replacement is owed
        flags: U16,
        /// 0
        spare: U32,
    }
}

layout! {
    /// What stands before the text of a listed key, as `scrip_engine::answer::ListedItem` reads it in place; the text follows, padded to a multiple of 8.
    pub struct ListedItemLayout {
        /// the hold it is bound to, as long as that is known; 0: none
        hold: U128,
        /// the order of that hold; 0: none
        order: U128,
        /// the key's number
        key: U32,
        /// the number of its batch
        batch: U32,
        /// bytes of its text (KEYS_EXPORT), or of the end of it (KEYS_LIST)
        text_bytes: U16,
        /// 0 unsold, 1 sold, 2 void, 3 a version of a reusable text
        state: u8,
        /// the batch: 1 active, 2 frozen, 3 void, 4 expired
        batch_state: u8,
        /// 0
        spare: U32,
    }
}

layout! {
    /// One batch, as `scrip_engine::answer::BatchView` reads it in place.
    pub struct BatchLayout {
        /// what a key cost, in minor units
        cost: U64,
        /// shard time from which on its keys can't be sold; 0: never
        expires_ms: U64,
        /// keys imported
        imported: U64,
        /// keys that can be sold, or that holds count on
        unsold: U64,
        /// keys set aside or gone with their batch
        moved: U64,
        /// keys bound to orders
        sold: U64,
        /// keys returned or replaced
        void: U64,
        /// the batch's number
        batch: U32,
        /// 1 active, 2 frozen, 3 void, 4 expired
        state: u8,
        /// bytes of the supplier's name
        supplier_bytes: u8,
        /// 0
        spare: U16,
        /// where the keys are from: UTF-8, zeros behind it
        supplier: [u8; 64],
    }
}

layout! {
    /// One channel, as `scrip_engine::answer::ChannelView` reads it in place.
    pub struct ChannelLayout {
        /// units that no other channel can take, those held and consumed included
        guaranteed: U64,
        /// the most units that may be held and consumed; 2^64 - 1: no maximum
        cap: U64,
        /// shard time at which the guarantee lapses; 0: never
        lapses_ms: U64,
        /// units in holds
        held: U64,
        /// units sold
        consumed: U64,
        /// units that the channel could take now
        room: U64,
        /// the channel
        channel: U16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// One debt, as `scrip_engine::answer::DebtView` reads it in place.
    pub struct DebtLayout {
        /// the SELL that is owed, the hold whose CONFIRM is, or the one of the card key
        hold: U128,
        /// the order it is for; 0: none
        order: U128,
        /// shard time of the SELL, of the RESERVE, or of the KEY_REPLACE
        since_ms: U64,
        /// the units are owed while shard time is below this
        until_ms: U64,
        /// units of this stock, over all its lines
        units: U64,
        /// the channel that made it
        channel: U16,
        /// 1: what is owed is the replacement of a card key
        of_key: U16,
        /// that key's number; else 0
        key: U32,
    }
}

layout! {
    /// One hold of an order, as `scrip_engine::answer::OrderHold` reads it in place.
    pub struct OrderHoldLayout {
        /// its id
        hold: U128,
        /// the buyer; 0: none
        user: U128,
        /// shard time of its making
        reserved_ms: U64,
        /// the deadline in force; of a SELL that was owed: until when
        deadline_ms: U64,
        /// shard time at which it left HELD or OWED for its present state; 0 until then
        closed_ms: U64,
        /// the stock of its first line; 0: it was not found
        stock: U64,
        /// units of that line that were granted, or are owed; 0 in a recorded refusal
        units: U32,
        /// the channel that made it
        channel: U16,
        /// lapsed, refused and unfulfilled: the recorded rejection's code; 0: none
        refusal: U16,
        /// as in HOLD: 1 held to 9 cancelled
        state: u8,
        /// lines, 1 to 64
        lines: u8,
        /// bit 0: confirmed after it had expired; bit 1: a risk rule or a block has marked it
        flags: u8,
        /// 0
        spare: [u8; 5],
    }
}

layout! {
    /// One line of a hold, as `scrip_engine::answer::HoldLine` reads it in place.
    pub struct HoldLineLayout {
        /// the stock
        stock: U64,
        /// units granted when the hold was made
        reserved: U32,
        /// units confirmed; 0 unless confirmed
        confirmed: U32,
        /// units of those given back since
        returned: U32,
        /// price of a unit in minor units, fixed when the hold was made; 0: none
        price: U32,
    }
}

//! The table of commands on the wire: number, name, flags and layout of each, in one place. Decoder, encoder, docs and
//! golden files take them from here; a new command is one more row, one layout and one arm in `read` and `write`.
//!
//! Invariant: numbers are never reused, and a flag bit that a command does not list is malformed.

use crate::layout::{Field, Layout};
use scrip_engine::command::Command;
use zerocopy::little_endian::{U16, U32, U64, U128};

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
        /// makes the command idempotent; CONFIRM and RELEASE: the hold's id
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
    /// KEY_REPLACE.
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
    /// RESERVE and SELL; what the flags HAS_... announce follows, then the lines.
    pub struct TakeBody {
        /// the gateway's order; 0: none
        order: U128,
        /// the buyer; 0: none
        user: U128,
        /// RESERVE: time to live in ms, 0: 900,000; SELL: 0
        ttl_ms: U32,
        /// 0
        spare: U32,
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
    /// STOCK_SHOW and STOCK_CHANNELS.
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

/// Bytes of the command header.
pub const COMMAND_HEADER_BYTES: usize = size_of::<CommandHeader>();

const _: () = assert!(COMMAND_HEADER_BYTES == 48);
const _: () = assert!(size_of::<QuotaLayout>() == size_of::<scrip_engine::command::Quota>());
const _: () = assert!(size_of::<PartiesLayout>() == size_of::<scrip_engine::command::Parties>());
const _: () = assert!(size_of::<LineLayout>() == size_of::<scrip_engine::command::Line>());
const _: () = assert!(COMMAND_HEADER_BYTES + size_of::<TakeBody>() + size_of::<LineLayout>() == 104);

/// Flag bits, by command.
pub mod flag {
    /// STOCK_CREATE, STOCK_EDIT: no sale while set.
    pub const FROZEN: u8 = 1;
    /// STOCK_CREATE: each unit is a card key.
    pub const KEYS: u8 = 2;
    /// STOCK_VOID: take the units from frozen instead of available.
    pub const FROM_FROZEN: u8 = 1;
    /// STOCK_VOID, STOCK_FREEZE, BATCH_CHANGE: also where that cuts into channels' guarantees, which are lowered then.
    pub const FORCED: u8 = 2;
    /// RESERVE, SELL: accept fewer units, down to each line's minimum.
    pub const PARTIAL: u8 = 1;
    /// RESERVE, SELL: the id of the hold to replace follows the fixed body.
    pub const HAS_REPLACE: u8 = 2;
    /// RESERVE, SELL: limit key, device and address follow.
    pub const HAS_PARTIES: u8 = 16;
    /// RESERVE, SELL: what the units asked for are expected to cost follows.
    pub const HAS_TOTAL: u8 = 32;
    /// SELL: the shard time until which units may be owed follows.
    pub const HAS_WAIT: u8 = 64;
    /// SELL: the buyer has paid already; a refusal is recorded and final.
    pub const PAID: u8 = 4;
    /// SELL: card keys are bound without being shown; a REVEAL shows them.
    pub const SELL_HIDDEN: u8 = 8;
    /// CONFIRM: card keys are bound without being shown; a REVEAL shows them.
    pub const CONFIRM_HIDDEN: u8 = 1;
    /// RETURN: back to available; else to void.
    pub const TO_AVAILABLE: u8 = 1;
}

/// What follows a command's fixed body, before its extras.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    None,
    /// A name, padded to a multiple of 8.
    Name,
    /// What the flags HAS_... announce, then `lines` lines of 16 bytes.
    Lines,
    /// `lines` units (u32), padded to a multiple of 8.
    Units,
    /// `lines` quotas of 32 bytes.
    Quotas,
    /// `lines` lengths of texts (u16), then the texts one behind the other; padded to a multiple of 8.
    Texts,
}

/// One flag of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Its bit.
    pub bit: u8,
    /// Its name.
    pub name: &'static str,
}

macro_rules! commands {
    ($($(#[doc = $doc:literal])*
       $name:ident = $number:literal, $text:literal, $body:ty, $tail:ident, [$($flag:ident),*];)*) => {
        /// The commands, with their numbers on the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum CommandKind { $($(#[doc = $doc])* $name = $number,)* }

        impl CommandKind {
            /// All of them, by number.
            pub const ALL: &'static [CommandKind] = &[$(CommandKind::$name),*];

            /// The command with this number.
            pub const fn from_number(number: u8) -> Option<CommandKind> {
                match number { $($number => Some(CommandKind::$name),)* _ => None }
            }

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(CommandKind::$name => $text,)* }
            }

            /// What it does, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(CommandKind::$name => concat!($($doc),*),)* }
            }

            /// Bytes of its fixed body.
            pub const fn body_bytes(self) -> usize {
                match self { $(CommandKind::$name => size_of::<$body>(),)* }
            }

            /// The fields of its fixed body.
            pub const fn fields(self) -> &'static [Field] {
                match self { $(CommandKind::$name => <$body as Layout>::FIELDS,)* }
            }

            /// What follows its fixed body.
            pub const fn tail(self) -> Tail {
                match self { $(CommandKind::$name => Tail::$tail,)* }
            }

            /// The flags it may carry.
            pub const fn flags(self) -> &'static [Flag] {
                match self {
                    $(CommandKind::$name => &[$(Flag { bit: flag::$flag, name: stringify!($flag) }),*],)*
                }
            }

            /// Their bits.
            pub const fn flag_bits(self) -> u8 {
                match self { $(CommandKind::$name => 0 $(| flag::$flag)*,)* }
            }
        }
    };
}

commands! {
    /// Makes a stock: of units that are all alike, or of card keys.
    StockCreate = 1, "STOCK_CREATE", StockCreateBody, Name, [FROZEN, KEYS];
    /// Adds units to available: the only thing that changes a total.
    StockSupply = 2, "STOCK_SUPPLY", StockUnitsBody, None, [];
    /// Moves units to void, from available or from frozen.
    StockVoid = 3, "STOCK_VOID", StockUnitsBody, None, [FROM_FROZEN, FORCED];
    /// Moves units from available to frozen.
    StockFreeze = 4, "STOCK_FREEZE", StockUnitsBody, None, [FORCED];
    /// Moves units from frozen to available.
    StockUnfreeze = 5, "STOCK_UNFREEZE", StockUnitsBody, None, [];
    /// Replaces a stock's sale rules if it still is at the version given.
    StockEdit = 6, "STOCK_EDIT", StockEditBody, None, [FROZEN];
    /// Sets quotas of a stock's channels if it still is at the version given.
    StockQuota = 7, "STOCK_QUOTA", StockQuotaBody, Quotas, [];
    /// Makes a batch of a keys stock.
    BatchCreate = 8, "BATCH_CREATE", BatchCreateBody, Name, [];
    /// Freezes, unfreezes or voids the unsold keys of a batch.
    BatchChange = 9, "BATCH_CHANGE", BatchChangeBody, None, [FORCED];
    /// Adds card keys to a batch; those the merchant has in this slot already are left out.
    KeysImport = 10, "KEYS_IMPORT", KeysImportBody, Texts, [];
    /// Takes units out of available for an order, until confirmed, released or expired.
    Reserve = 16, "RESERVE", TakeBody, Lines, [PARTIAL, HAS_REPLACE, HAS_PARTIES, HAS_TOTAL];
    /// Moves a hold's deadline to `ttl_ms` from now; never earlier than it is.
    Extend = 17, "EXTEND", ExtendBody, None, [];
    /// Held becomes consumed. The hold is named by the operation id; no units: all of them.
    Confirm = 18, "CONFIRM", EmptyBody, Units, [CONFIRM_HIDDEN];
    /// Gives a hold's units back. The hold is named by the operation id.
    Release = 19, "RELEASE", EmptyBody, None, [];
    /// Reserve and confirm in one step.
    Sell = 20, "SELL", TakeBody, Lines, [PARTIAL, HAS_REPLACE, PAID, SELL_HIDDEN, HAS_PARTIES, HAS_TOTAL, HAS_WAIT];
    /// Gives units of a confirmed hold back; no units: all that is left.
    Return = 21, "RETURN", ReturnBody, Units, [TO_AVAILABLE];
    /// Shows the card keys of a hold that was confirmed hidden, and records that.
    Reveal = 22, "REVEAL", RevealBody, None, [];
    /// Voids a card key of a confirmed hold and binds another in its place.
    KeyReplace = 23, "KEY_REPLACE", KeyReplaceBody, None, [];
    /// Query: one stock. Needs no operation id.
    StockShow = 64, "STOCK_SHOW", StockShowBody, None, [];
    /// Query: what is recorded under the operation id.
    OperationShow = 65, "OPERATION_SHOW", EmptyBody, None, [];
    /// Query: what the channels of one stock have and may use. Needs no operation id.
    StockChannels = 66, "STOCK_CHANNELS", StockShowBody, None, [];
    /// Query: the card keys of a confirmed hold, a page of them. Needs no operation id.
    KeysRead = 67, "KEYS_READ", KeysReadBody, None, [];
    /// Query: the batches of a keys stock, a page of them in the order of sale. Needs no operation id.
    BatchesShow = 68, "BATCHES_SHOW", BatchesShowBody, None, [];
    /// Query: the debts of one stock, a page of them, the oldest first. Needs no operation id.
    OwedShow = 71, "OWED_SHOW", OwedShowBody, None, [];
}

impl CommandKind {
    /// The kind of this command.
    pub const fn of(command: &Command<'_>) -> CommandKind {
        match command {
            Command::StockCreate(_) => CommandKind::StockCreate,
            Command::StockSupply { .. } => CommandKind::StockSupply,
            Command::StockVoid { .. } => CommandKind::StockVoid,
            Command::StockFreeze { .. } => CommandKind::StockFreeze,
            Command::StockUnfreeze { .. } => CommandKind::StockUnfreeze,
            Command::StockEdit { .. } => CommandKind::StockEdit,
            Command::StockQuota { .. } => CommandKind::StockQuota,
            Command::BatchCreate(_) => CommandKind::BatchCreate,
            Command::BatchChange { .. } => CommandKind::BatchChange,
            Command::KeysImport { .. } => CommandKind::KeysImport,
            Command::Reveal { .. } => CommandKind::Reveal,
            Command::KeyReplace { .. } => CommandKind::KeyReplace,
            Command::KeysRead { .. } => CommandKind::KeysRead,
            Command::BatchesShow { .. } => CommandKind::BatchesShow,
            Command::OwedShow { .. } => CommandKind::OwedShow,
            Command::Reserve { .. } => CommandKind::Reserve,
            Command::Extend { .. } => CommandKind::Extend,
            Command::Confirm { .. } => CommandKind::Confirm,
            Command::Release => CommandKind::Release,
            Command::Sell { .. } => CommandKind::Sell,
            Command::Return { .. } => CommandKind::Return,
            Command::StockShow { .. } => CommandKind::StockShow,
            Command::OperationShow => CommandKind::OperationShow,
            Command::StockChannels { .. } => CommandKind::StockChannels,
        }
    }
}

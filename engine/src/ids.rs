//! Newtypes for everything that names something. They stand first because every other room speaks in them.
//!
//! Invariant: an id is an integer and nothing else; references that people type (SKU names, order numbers) become ids
//! at the edges, never in here.

use core::fmt;

/// Slots an id can lie in; a slot lives in exactly one shard.
pub const SLOTS: u16 = 1024;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $width:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:0", $width, "x})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:0", $width, "x}"), self.0)
            }
        }
    };
}

id!(
    /// Chosen by the caller; makes a command idempotent. The id of the RESERVE or SELL that made a hold names the hold.
    OperationId(u128),
    "32"
);
id!(
    /// The gateway's order. 0: none given.
    OrderId(u128),
    "32"
);
id!(
    /// The buyer, as purchase limits count them. 0: none given.
    UserId(u128),
    "32"
);
id!(
    /// A stock: its slot in the top ten bits, a number within the slot below.
    StockId(u64),
    "16"
);

id!(
    /// An activity: its slot in the top ten bits, a number within the slot below, as of a stock.
    ActivityId(u64),
    "16"
);

impl ActivityId {
    /// The slot it lies in.
    pub const fn slot(self) -> Slot {
        StockId(self.0).slot()
    }
}

/// A code that was not derived, by the keyed hash of its text within its merchant. (docs/codes.md, "Vanity and imported codes".)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GivenCode(pub u128);

impl GivenCode {
    /// A text that can't be given to anything: it is no code, or reads as a derived one.
    pub const REFUSED: GivenCode = GivenCode(0);
}

impl fmt::Debug for GivenCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenCode(***)")
    }
}

id!(
    /// A card: its campaign's locator in the upper bits, its serial within the campaign in the lower 33.
    CardId(u64),
    "16"
);

impl CardId {
    /// Bits of a serial.
    pub const SERIAL_BITS: u32 = 33;
    /// Bits of a campaign's number within its slot.
    pub const CAMPAIGN_BITS: u32 = 15;
    /// Bits of an id: the rest is 0.
    pub const BITS: u32 = CardId::SERIAL_BITS + CardId::CAMPAIGN_BITS + 10;

    /// The card with this serial of the campaign with this number. Panics when one of them is out of range.
    pub const fn new(slot: Slot, campaign: u16, serial: u64) -> CardId {
        assert!(slot.0 < SLOTS && campaign < 1 << Self::CAMPAIGN_BITS && serial < 1 << Self::SERIAL_BITS);
        let locator = (slot.0 as u64) << Self::CAMPAIGN_BITS | campaign as u64;
        CardId(locator << Self::SERIAL_BITS | serial)
    }

    /// Its campaign's locator, as codes carry it: slot and number.
    pub const fn locator(self) -> u64 {
        self.0 >> Self::SERIAL_BITS
    }

    /// The number of its campaign within the slot.
    pub const fn campaign(self) -> u16 {
        (self.locator() & ((1 << Self::CAMPAIGN_BITS) - 1)) as u16
    }

    /// Its serial within the campaign.
    pub const fn serial(self) -> u64 {
        self.0 & ((1 << Self::SERIAL_BITS) - 1)
    }

    /// The slot it lies in; one that does not exist if the id is none of a card.
    pub const fn slot(self) -> Slot {
        let slot = self.locator() >> Self::CAMPAIGN_BITS;
        if slot < SLOTS as u64 { Slot(slot as u16) } else { Slot(u16::MAX) }
    }
}

impl OperationId {
    /// The creation time inside a UUIDv7 or ULID: the first 48 bits, milliseconds since the Unix epoch.
    pub const fn embedded_ms(self) -> u64 {
        (self.0 >> 80) as u64
    }
}

impl StockId {
    /// Bits of the number within a slot.
    pub const NUMBER_BITS: u32 = 54;

    /// The stock with this number in this slot. Panics when the number needs more than 54 bits or the slot is out of
    /// range: ids are made at the edges, which check first.
    pub const fn new(slot: Slot, number: u64) -> StockId {
        assert!(slot.0 < SLOTS && number < 1 << Self::NUMBER_BITS);
        StockId((slot.0 as u64) << Self::NUMBER_BITS | number)
    }

    /// The slot it lies in.
    pub const fn slot(self) -> Slot {
        Slot((self.0 >> Self::NUMBER_BITS) as u16)
    }
}

/// A tenant. Owns its stocks and holds; nothing of one merchant is visible to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MerchantId(pub u32);

/// Where a command came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChannelId(pub u16);

/// One of [`SLOTS`] parts of the id space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Slot(pub u16);

impl fmt::Display for MerchantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an operation id is unique within: one merchant in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OperationKey {
    /// The tenant.
    pub merchant: MerchantId,
    /// The slot the command was sent to.
    pub slot: Slot,
    /// The caller's id.
    pub operation: OperationId,
}

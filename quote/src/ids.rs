//! Newtypes for what a quote names and counts. They stand first because every other module speaks in them.
//!
//! Invariant: an id is an integer and nothing else; an [`Amount`] is minor units of one currency and never negative.
//! The engine has ids of its own; this crate does not know them, and whoever asks for a quote translates.

use core::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number!(
    /// Money in minor units (fen, cents). At most [`crate::limits::AMOUNT_MAX`].
    Amount(u64)
);
number!(
    /// ISO 4217 number of a currency. 0 on an offer: whatever the cart's is.
    Currency(u16)
);
number!(
    /// Milliseconds since the Unix epoch.
    TimeMs(u64)
);
number!(
    /// One card of a campaign.
    CardId(u64)
);
number!(
    /// The template that cards are made from.
    CampaignId(u64)
);
number!(
    /// A product, as scopes name it.
    ProductId(u64)
);
number!(
    /// A category of products, or any other tag of a line that scopes name.
    CategoryId(u64)
);
number!(
    /// Where demand comes from.
    ChannelId(u16)
);
number!(
    /// A store.
    StoreId(u64)
);
number!(
    /// A group of users that a scope names.
    SegmentId(u64)
);

impl TimeMs {
    /// A time that never comes: the expiry of a card that does not expire.
    pub const NEVER: TimeMs = TimeMs(u64::MAX);
}

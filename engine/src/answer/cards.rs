//! Answers about campaigns and cards. They stand apart from the answers so that their table stays in one view.
//!
//! Invariant: [`WalletCard`] is the layout of docs/protocol.md.

use crate::command::{CampaignState, CardState, Definition, Extension, ScopeEntry, Tier};
use crate::ids::{CardId, ChannelId, OperationId, OrderId, StockId, UserId};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// ISSUE and CLAIM: the cards that were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issued {
    /// The first; the others have the serials behind it.
    pub first: CardId,
    /// How many.
    pub cards: u32,
    /// Where they began: inactive or active.
    pub state: CardState,
    /// Valid from, ms, a whole second; 0: open. As it was when they were made.
    pub from_ms: u64,
    /// Valid until, ms, a whole second; 0: open. As it was when they were made.
    pub until_ms: u64,
}

/// REDEEM: what was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeemed {
    /// The card.
    pub card: CardId,
    /// Units that were used.
    pub units: u32,
    /// Units that the card had left then.
    pub available: u32,
    /// What that takes off the amount, in minor units.
    pub discount: u64,
    /// Shard time of the redemption.
    pub at_ms: u64,
}

/// A campaign as it is. Its buckets are those of its stock.
#[derive(Clone, Copy, PartialEq)]
pub struct CampaignView<'a> {
    /// The id of its stock.
    pub campaign: StockId,
    /// The version of its stock, to edit it with.
    pub version: u32,
    /// Where it stands.
    pub state: CampaignState,
    /// How long its codes are.
    pub layout: u8,
    /// Its slot and its number in it, as its codes and cards carry them.
    pub locator: u64,
    /// Cards issued.
    pub issued: u64,
    /// The most that one can cost, in minor units; 0: it can't be told.
    pub cost: u64,
    /// What they can cost in all, in minor units.
    pub committed: u64,
    /// Cards issued on this day, as far as days are bounded.
    pub today: u64,
    /// Batches of bearer cards among them.
    pub batches: u32,
    /// The key of its codes, sealed.
    pub key: &'a [u8],
    /// What its cards are worth.
    pub definition: &'a Definition,
    /// What its definition says besides.
    pub extension: Extension,
    /// The steps of its discount.
    pub tiers: &'a [Tier],
    /// What its cards can be used for.
    pub scope: &'a [ScopeEntry],
}

impl core::fmt::Debug for CampaignView<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let CampaignView { campaign, version, state, layout, locator, issued, batches, .. } = self;
        let mut fields = formatter.debug_struct("CampaignView");
        fields.field("campaign", campaign).field("version", version).field("state", state);
        fields.field("layout", layout).field("locator", locator).field("issued", issued);
        fields.field("cost", &self.cost).field("committed", &self.committed).field("today", &self.today);
        fields.field("batches", batches).field("key", &"***").field("definition", self.definition);
        fields
            .field("extension", &self.extension)
            .field("tiers", &self.tiers)
            .field("scope", &self.scope)
            .finish()
    }
}

/// A card as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardView {
    /// Its id.
    pub card: CardId,
    /// The id of its campaign's stock.
    pub campaign: StockId,
    /// Whose it is; 0: a bearer card.
    pub owner: UserId,
    /// Where it stands.
    pub state: CardState,
    /// The generation of its code.
    pub generation: u8,
    /// The channel that issued it.
    pub channel: ChannelId,
    /// The level of a pass, from 1; 0: it is none.
    pub level: u8,
    /// Units left: the balance.
    pub available: u32,
    /// Units left in lots that are no longer live.
    pub expired: u32,
    /// Units that orders hold.
    pub held: u32,
    /// Units used.
    pub consumed: u32,
    /// Units gone for good.
    pub void: u32,
    /// Valid from, ms; 0: open.
    pub from_ms: u64,
    /// Valid until, ms; 0: open.
    pub until_ms: u64,
    /// Its newest redemption that is not reversed whole, as long as that is known; 0: none.
    pub redemption: OperationId,
}

/// A lot of a card besides its own, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct LotView {
    /// When it ends, ms; 0: with the card.
    pub until_ms: U64,
    /// Units it was made with.
    pub units: U32,
    /// Units left.
    pub available: U32,
    /// Units used.
    pub consumed: U32,
    /// What was paid for its units, in minor units.
    pub paid: U32,
    /// 1: bonus; 0: principal.
    pub bonus: u8,
    /// 1: it is live; 0: it has ended.
    pub live: u8,
    /// 0.
    pub spare: [u8; 6],
}

/// A card of a wallet in short, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct WalletCard {
    /// Its id.
    pub card: U64,
    /// The id of its campaign's stock.
    pub campaign: U64,
    /// Valid from, ms; 0: open.
    pub from_ms: U64,
    /// Valid until, ms; 0: open.
    pub until_ms: U64,
    /// Units left: the balance.
    pub available: U32,
    /// Units used.
    pub consumed: U32,
    /// Units gone for good.
    pub void: U32,
    /// The channel that issued it.
    pub channel: U16,
    /// A [`CardState`].
    pub state: u8,
    /// The generation of its code.
    pub generation: u8,
}

/// A redemption as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedemptionView {
    /// The card.
    pub card: CardId,
    /// Units that were used.
    pub units: u32,
    /// Of those, units that were given back since.
    pub reversed: u32,
    /// The order; 0: none.
    pub order: OrderId,
    /// What it took off the amount, in minor units.
    pub discount: u64,
    /// Shard time of the redemption.
    pub at_ms: u64,
    /// A risk rule or a block has marked it.
    pub flagged: bool,
}

/// A card of a hold, as it lies on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct HoldCard {
    /// The card.
    pub card: U64,
    /// What it takes off the order, in minor units, fixed when the hold was made; 0 once a late CONFIRM was refused.
    pub discount: U64,
    /// Units taken when the hold was made.
    pub reserved: U32,
    /// Units confirmed.
    pub confirmed: U32,
    /// Of those, units given back since.
    pub returned: U32,
    /// Reserved; 0.
    pub spare: U32,
}

//! The layouts of commands on campaigns and cards. They stand apart from the others because nothing but the definition is
//! shared with them.
//!
//! Invariant: what the engine reads in place has the layout of the engine's own type; const assertions below compare sizes.

use scrip_engine::command::{CartLine, Definition, Extension, Offline, QuoteCard, ScopeEntry, Tier};
use scrip_engine::ids::{CardId, StockId};
use zerocopy::little_endian::{I16, U16, U32, U64, U128};

/// What stands where a card is named when a code names it: the id of no card, so that a code that nobody opens names none.
pub const CARD_BY_CODE: CardId = CardId(u64::MAX);
/// The same in a CLAIM whose campaign a code names.
pub const CAMPAIGN_BY_CODE: StockId = StockId(u64::MAX);

layout! {
    /// CAMPAIGN_CREATE; the definition, `tiers` tiers, `lines` entries of the scope and the name follow.
    pub struct CampaignCreateBody {
        /// the id of the campaign's stock, in the command's slot
        campaign: U64,
        /// cards that can be issued from the start
        units: U64,
        /// no card is issued before this shard time; 0: none
        opens_ms: U64,
        /// no card is issued from this shard time on; 0: none
        closes_ms: U64,
        /// cards one user may have; 0: no limit
        limit_per_user: U32,
        /// bytes of the name, 1 to 64
        name_bytes: U16,
        /// how long its codes are: the number of a layout in codes.md
        layout: u8,
        /// tiers behind the definition
        tiers: u8,
    }
}

layout! {
    /// CAMPAIGN_EDIT; the definition, `tiers` tiers and `lines` entries of the scope follow.
    pub struct CampaignEditBody {
        /// the campaign
        campaign: U64,
        /// the version the caller has seen (compare and set)
        version: U32,
        /// tiers behind the definition
        tiers: u8,
        /// 0
        spare: [u8; 3],
    }
}

layout! {
    /// CAMPAIGN_STATE.
    pub struct CampaignStateBody {
        /// the campaign
        campaign: U64,
        /// the version the caller has seen (compare and set)
        version: U32,
        /// 1 draft, 2 running, 3 paused, 4 stopped
        state: u8,
        /// 0
        spare: [u8; 3],
    }
}

layout! {
    /// What the cards of a campaign are worth, as `scrip_engine::command::Definition` reads it in place.
    pub struct DefinitionLayout {
        /// 1 amount off, 2 percent off, 3 item, 4 fixed price, 5 uses, 6 stored value, 7 stamps, 8 points, 9 pass
        kind: u8,
        /// 1: the value is granted for each whole threshold; 2: cards begin inactive; 4: in a quote the threshold counts what lines cost before everything
        flags: u8,
        /// in a quote: its stacking class, 0 to 31
        class: u8,
        /// 0
        spare: u8,
        /// balance of a new card
        units: U32,
        /// the least amount an order must have, in minor units; 0: any
        threshold: U64,
        /// minor units off; hundredths of a percent off; the price; of stored value what is paid for a new card; the goal of stamps; hundredths of a minor unit that a point is worth; else 0
        value: U64,
        /// the most a discount can be, in minor units; 0: no maximum
        cap: U64,
        /// shard time from which on a card is valid; 0: open
        from_ms: U64,
        /// shard time from which on it no longer is; 0: open
        until_ms: U64,
        /// seconds from its receipt until a card is valid
        starts_after_s: U32,
        /// seconds for which it is valid then; 0: open
        lasts_s: U32,
        /// seconds between two redemptions of one card; 0: none
        interval_s: U32,
        /// seconds after a redemption in which it can be reversed; 0: 7,776,000
        window_s: U32,
        /// seconds that a card lives at least after a reversal has given it units back; 0: none
        grace_s: U32,
        /// in a quote: the stacking classes it combines with, bit n for class n; 0: it is used alone
        combines: U32,
        /// of points: seconds for which those that are earned can be spent; 0: as the card
        earned_lasts_s: U32,
        /// of stored value: three capital letters; else 0
        currency: [u8; 3],
        /// of stored value, what is spent first: 0 what ends first, 1 bonus, 2 principal
        spending: u8,
        /// the most that one card can cost, in minor units; 0: it follows from its worth
        cost: U64,
        /// the most that its cards can cost in all, in minor units; 0: no maximum
        budget: U64,
        /// the most that the cards issued on one day can cost, in minor units; 0: no maximum
        budget_per_day: U64,
        /// the most cards that can be issued on one day; 0: no maximum
        cards_per_day: U64,
        /// minute of the day from which on cards can be used, 0 to 1,439
        opens_minute: U16,
        /// minute of the day from which on they no longer can, 0 to 1,440; the same: all day; an earlier one: across midnight
        closes_minute: U16,
        /// the campaign's clock: minutes ahead of UTC, -840 to 840; -32768: the merchant's zone
        clock_minutes: I16,
        /// weekdays on which cards can be used, bit 0 for Monday; 0: all
        weekdays: u8,
        /// 0
        spare_end: u8,
    }
}

layout! {
    /// What stands behind a definition with EXTENDED, as `scrip_engine::command::Extension` reads it in place; not all 0.
    pub struct ExtensionLayout {
        /// the stock whose limits hold for its cards, too, and in which they count; 0: none
        group: U64,
        /// seconds that a use of a till that was offline may be old when it comes; 0: none is taken
        late_s: U32,
        /// minutes before the end of a card at which it is told of, at most 43,200; 0: none
        remind_minutes: U16,
        /// again so many minutes before, fewer than the first; 0: none
        remind_again_minutes: U16,
    }
}

layout! {
    /// One tier of a definition, as `scrip_engine::command::Tier` reads it in place.
    pub struct TierLayout {
        /// the least amount, in minor units; of a level its price
        threshold: U64,
        /// minor units off; of a level hundredths of a percent off
        value: U64,
    }
}

layout! {
    /// One entry of a scope, as `scrip_engine::command::ScopeEntry` reads it in place.
    pub struct ScopeLayout {
        /// the merchant's id of it
        id: U64,
        /// 1 channel, 2 store, 3 product, 4 category, 5 segment, 6 claim channel, 7 claim segment
        what: u8,
        /// 0
        spare: [u8; 7],
    }
}

layout! {
    /// ISSUE; what the flags announce follows.
    pub struct IssueBody {
        /// who gets the cards; 0: bearer cards
        owner: U128,
        /// the campaign
        campaign: U64,
        /// the cards' own times, in place of the campaign's if one of the two is not 0: valid from; 0: open
        from_ms: U64,
        /// valid until; 0: open
        until_ms: U64,
        /// cards: 1 to 64 for an owner, 1 to 134,217,728 bearer cards
        count: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// CLAIM; what the flags announce follows.
    pub struct ClaimBody {
        /// who asks for a card
        user: U128,
        /// the campaign; with the extra CODE: 2^64 - 1
        campaign: U64,
    }
}

layout! {
    /// REDEEM; what the flags announce follows.
    pub struct RedeemBody {
        /// the gateway's order; 0: none
        order: U128,
        /// who uses the card; 0: not told
        user: U128,
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// what of the order the card may be used on, in minor units
        amount: U64,
        /// the store; 0: not told
        store: U64,
        /// the product; 0: not told
        product: U64,
        /// the category; 0: not told
        category: U64,
        /// units; 0: 1, or what cards.md says of a card that can be filled
        units: U32,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 3],
    }
}

layout! {
    /// What HAS_OFFLINE announces, as `scrip_engine::command::Offline` reads it in place.
    pub struct OfflineLayout {
        /// when the till took the card, ms since the Unix epoch; not 0
        occurred_ms: U64,
        /// which till; 0: not told
        terminal: U64,
    }
}

layout! {
    /// REVERSE.
    pub struct ReverseBody {
        /// the operation id of the redemption
        redemption: U128,
        /// units; 0: all that are left
        units: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// CARD_CHANGE.
    pub struct CardChangeBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// of an extension: shard time until which it is valid; else 0
        until_ms: U64,
        /// 1 activate, 2 freeze, 3 unfreeze, 4 void, 5 extend
        change: u8,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// TOPUP.
    pub struct TopUpBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// when these units end, ms since the Unix epoch; 0: with the card
        until_ms: U64,
        /// units that are paid for
        principal: U32,
        /// units that come with them
        bonus: U32,
        /// what was paid for the principal, in minor units
        paid: U32,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 3],
    }
}

layout! {
    /// EARN.
    pub struct EarnBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// units
        units: U32,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 3],
    }
}

layout! {
    /// CARD_REFUND.
    pub struct CardRefundBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 7],
    }
}

layout! {
    /// RENEW.
    pub struct RenewBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// seconds, at least 1
        seconds: U32,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 3],
    }
}

layout! {
    /// LEVEL.
    pub struct LevelBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// the level from now on, 1 to 8
        level: u8,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// GIFT.
    pub struct GiftBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// seconds for which it can be accepted, 1 to 2,592,000
        lasts_s: U32,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 3],
        /// who gives it; 0: not told
        user: U128,
        /// who may accept it; 0: whoever the caller lets
        to: U128,
    }
}

layout! {
    /// ACCEPT_GIFT.
    pub struct AcceptGiftBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 7],
        /// the receiver, not 0
        user: U128,
    }
}

layout! {
    /// CANCEL_GIFT.
    pub struct CancelGiftBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 7],
        /// who gave it; 0: not told
        user: U128,
    }
}

layout! {
    /// CAMPAIGN_VOID.
    pub struct CampaignVoidBody {
        /// the campaign
        campaign: U64,
        /// the version that the caller has seen
        version: U32,
        /// the merchant's reason; goes to the log
        reason: U16,
        /// 0
        spare: [u8; 2],
    }
}

layout! {
    /// CARD_BATCH_VOID.
    pub struct CardBatchVoidBody {
        /// a card of the batch; with the extra CODE: 2^64 - 1
        card: U64,
        /// the merchant's reason; goes to the log
        reason: U16,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 5],
    }
}

layout! {
    /// CARD_BATCH_RECYCLE.
    pub struct CardBatchRecycleBody {
        /// a card of the batch; with the extra CODE: 2^64 - 1
        card: U64,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 7],
    }
}

layout! {
    /// RECYCLE.
    pub struct RecycleBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// 0; the card that gets points; the other campaign
        into: U64,
        /// points, 1 to 1,000,000,000; else 0
        units: U32,
        /// 0 back to the supply, 1 for points, 2 for a card of another campaign
        how: u8,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 2],
    }
}

layout! {
    /// MERGE; `lines` cards, the sources, follow.
    pub struct MergeBody {
        /// the card that gets what they have; with the extra CODE: 2^64 - 1
        card: U64,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 7],
    }
}

layout! {
    /// CAMPAIGN_SHOW.
    pub struct CampaignShowBody {
        /// the campaign
        campaign: U64,
    }
}

layout! {
    /// CARD_SHOW.
    pub struct CardShowBody {
        /// the card; with the extra CODE: 2^64 - 1
        card: U64,
        /// with HAS_GENERATION: of a code that the caller has opened; else 0
        generation: u8,
        /// 0
        spare: [u8; 7],
    }
}

layout! {
    /// WALLET_SHOW.
    pub struct WalletShowBody {
        /// the owner
        owner: U128,
        /// with OF_CAMPAIGN: only cards of this campaign; else 0
        campaign: U64,
        /// with HAS_AFTER: only cards that he got before this one of his; else 0
        after: U64,
        /// cards wanted; 0, or more than 64: 64
        limit: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// QUOTE; `lines` lines of the cart and `cards` cards follow.
    pub struct QuoteBody {
        /// whose cards; 0: not told
        user: U128,
        /// the store; 0: not told
        store: U64,
        /// cards behind the lines; 0: the best of the user's wallet
        cards: u8,
        /// 0
        spare: [u8; 7],
    }
}

layout! {
    /// One line of a cart, as `scrip_engine::command::CartLine` reads it in place.
    pub struct CartLineLayout {
        /// the product; 0: not told
        product: U64,
        /// its category; 0: not told
        category: U64,
        /// what one piece costs, in minor units
        unit_price: U64,
        /// pieces, at least 1
        quantity: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// One card of a QUOTE, as `scrip_engine::command::QuoteCard` reads it in place.
    pub struct QuoteCardLayout {
        /// the card
        card: U64,
        /// the generation of its code; 0 if it is named by its id
        generation: u8,
        /// 1: a code has named it, whose generation must be the card's
        by_code: u8,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// QUOTE_RESERVE; what the flags announce, `lines` lines of the cart and `cards` cards follow.
    pub struct QuoteReserveBody {
        /// the gateway's order; 0: none
        order: U128,
        /// the buyer, whose cards are used; 0: none
        user: U128,
        /// the store; 0: not told
        store: U64,
        /// time to live in milliseconds; 0: 900,000
        ttl_ms: U32,
        /// cards behind the lines; 0: the best of the user's wallet
        cards: u8,
        /// 0
        spare: [u8; 3],
    }
}

layout! {
    /// One line of the cart of a QUOTE_RESERVE, as `scrip_engine::command::StockedLine` reads it in place.
    pub struct StockedLineLayout {
        /// the stock that its pieces are units of; 0: none
        stock: U64,
        /// the product; 0: not told
        product: U64,
        /// its category; 0: not told
        category: U64,
        /// what one piece costs, in minor units
        unit_price: U64,
        /// pieces, 1 to 100,000,000
        quantity: U32,
        /// 0
        spare: U32,
    }
}

const _: () = assert!(size_of::<StockedLineLayout>() == size_of::<scrip_engine::command::StockedLine>());
const _: () = assert!(size_of::<CartLineLayout>() == size_of::<CartLine>());
const _: () = assert!(size_of::<QuoteCardLayout>() == size_of::<QuoteCard>());
const _: () = assert!(size_of::<DefinitionLayout>() == size_of::<Definition>());
const _: () = assert!(size_of::<OfflineLayout>() == size_of::<Offline>());
const _: () = assert!(size_of::<ExtensionLayout>() == size_of::<Extension>());
const _: () = assert!(size_of::<TierLayout>() == size_of::<Tier>());
const _: () = assert!(size_of::<ScopeLayout>() == size_of::<ScopeEntry>());

layout! {
    /// CODE_IMPORT; `lines` lengths (u16) and the texts follow, padded to a multiple of 8.
    pub struct CodeImportBody {
        /// the campaign
        campaign: U64,
        /// 0
        spare: U32,
        /// bytes of lengths and texts together, at most 12,288
        block_bytes: U32,
    }
}

layout! {
    /// CODE_SET.
    pub struct CodeSetBody {
        /// with NAMES_CAMPAIGN: the campaign; else 0
        campaign: U64,
    }
}

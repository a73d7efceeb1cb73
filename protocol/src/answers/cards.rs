//! The layouts of answers about campaigns and cards. They stand apart from the others so that their table stays in one view.
//!
//! Invariant: what the engine's types are read from in place has their layout; a const assertion below compares sizes.

use zerocopy::little_endian::{U16, U32, U64, U128};

layout! {
    /// ISSUED.
    pub struct IssuedBody {
        /// the first card; the others have the serials behind it
        first: U64,
        /// valid from, ms since the Unix epoch, a whole second; 0: open
        from_ms: U64,
        /// valid until, ms since the Unix epoch, a whole second; 0: open
        until_ms: U64,
        /// how many cards
        cards: U32,
        /// where they began: 1 inactive, 2 active
        state: u8,
        /// 0
        spare: [u8; 3],
    }
}

layout! {
    /// REDEEMED.
    pub struct RedeemedBody {
        /// the card
        card: U64,
        /// what it takes off the amount, in minor units
        discount: U64,
        /// shard time of the redemption, ms since the Unix epoch
        at_ms: U64,
        /// units that were used
        units: U32,
        /// units that the card had left then
        available: U32,
    }
}

layout! {
    /// REVERSED.
    pub struct ReversedBody {
        /// units given back
        units: U32,
        /// units that the card had left then
        available: U32,
    }
}

layout! {
    /// FILLED.
    pub struct FilledBody {
        /// units that were added
        units: U32,
        /// the balance that the card had then
        available: U32,
    }
}

layout! {
    /// CARD_REFUNDED.
    pub struct CardRefundedBody {
        /// what was paid for the principal that was left, in minor units
        paid: U64,
        /// units of principal that were left
        units: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// CAMPAIGN; the definition, `tiers` tiers, `count` entries of the scope and the sealed key follow.
    pub struct CampaignBody {
        /// the id of its stock
        campaign: U64,
        /// slot x 2^15 + its number in the slot, as its codes and cards carry it
        locator: U64,
        /// cards issued
        issued: U64,
        /// the most that one card can cost, in minor units; 0: it can't be told
        cost: U64,
        /// what all cards issued can cost, in minor units, at most 2^64 - 1
        committed: U64,
        /// cards issued on this day by the campaign's clock; 0 if it bounds no days
        today: U64,
        /// the version of its stock, to edit it with
        version: U32,
        /// batches of bearer cards
        batches: U32,
        /// 1 draft, 2 running, 3 paused, 4 stopped, 5 void
        state: u8,
        /// how long its codes are: the number of a layout in codes.md
        layout: u8,
        /// tiers behind the definition
        tiers: u8,
        /// bytes of the key, at most 96
        key_bytes: u8,
        /// 0
        spare: U32,
    }
}

layout! {
    /// OFFLINE_CONFLICT.
    pub struct OfflineConflictBody {
        /// the card
        card: U64,
        /// the code of the reason: 10 FROZEN, 11 VOID, 12 USED, 15 BALANCE_EXCEEDED, 19 LOCKED_BY_OTHER_ORDER
        why: U16,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// CARD; the lots besides its own follow, in the order they were made.
    pub struct CardBody {
        /// whose it is; 0: a bearer card
        owner: U128,
        /// its newest redemption that is not reversed whole, as long as that is known; 0: none
        redemption: U128,
        /// its id
        card: U64,
        /// the id of its campaign's stock
        campaign: U64,
        /// valid from, ms since the Unix epoch; 0: open
        from_ms: U64,
        /// valid until, ms since the Unix epoch; 0: open
        until_ms: U64,
        /// units left: the balance
        available: U32,
        /// units used
        consumed: U32,
        /// units gone for good
        void: U32,
        /// the channel that issued it
        channel: U16,
        /// 1 inactive, 2 active, 3 frozen, 4 used, 5 void, 6 gifting
        state: u8,
        /// the generation of its code
        generation: u8,
        /// units left in lots that are no longer live
        expired: U32,
        /// the level of a pass, from 1; 0: it is none
        level: u8,
        /// 0
        spare: [u8; 3],
        /// units that orders hold
        held: U32,
        /// 0
        spare_behind: [u8; 4],
    }
}

layout! {
    /// One lot of a card, as `scrip_engine::answer::LotView` reads it in place.
    pub struct LotLayout {
        /// when it ends, ms since the Unix epoch; 0: with the card
        until_ms: U64,
        /// units it was made with
        units: U32,
        /// units left
        available: U32,
        /// units used
        consumed: U32,
        /// what was paid for its units, in minor units
        paid: U32,
        /// 1: bonus; 0: principal
        bonus: u8,
        /// 1: it is live; 0: it has ended
        live: u8,
        /// 0
        spare: [u8; 6],
    }
}

layout! {
    /// WALLET; the cards follow.
    pub struct WalletBody {
        /// with MORE: the card to go on after; else 0
        next: U64,
    }
}

layout! {
    /// One card of a wallet, as `scrip_engine::answer::WalletCard` reads it in place.
    pub struct WalletCardLayout {
        /// its id
        card: U64,
        /// the id of its campaign's stock
        campaign: U64,
        /// valid from, ms since the Unix epoch; 0: open
        from_ms: U64,
        /// valid until, ms since the Unix epoch; 0: open
        until_ms: U64,
        /// units left
        available: U32,
        /// units used
        consumed: U32,
        /// units gone for good
        void: U32,
        /// the channel that issued it
        channel: U16,
        /// 1 inactive, 2 active, 3 frozen, 4 used, 5 void, 6 gifting
        state: u8,
        /// the generation of its code
        generation: u8,
    }
}

layout! {
    /// REDEMPTION.
    pub struct RedemptionBody {
        /// the order; 0: none
        order: U128,
        /// the card
        card: U64,
        /// what it took off the amount, in minor units
        discount: U64,
        /// shard time of the redemption, ms since the Unix epoch
        at_ms: U64,
        /// units that were used
        units: U32,
        /// of those, units that were given back since
        reversed: U32,
    }
}

layout! {
    /// QUOTE; the cards, the lines and the shares follow.
    pub struct QuoteAnswerBody {
        /// what the cart costs before any card, in minor units
        gross: U64,
        /// what the cards take off it
        discount: U64,
        /// what cards of stored value pay of it
        paid: U64,
        /// lines behind the cards
        lines: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// QUOTE_RESERVED; the cards, the lines and the shares follow.
    pub struct QuoteReservedBody {
        /// the hold counts while shard time is below this, ms since the Unix epoch
        deadline_ms: U64,
        /// what the cart costs before any card, in minor units
        gross: U64,
        /// what the cards take off it
        discount: U64,
        /// what cards of stored value pay of it
        paid: U64,
        /// lines behind the cards
        lines: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// PIECES_RETURNED.
    pub struct PiecesReturnedBody {
        /// pieces given back by this operation, over all lines of the cart
        pieces: U64,
        /// what they cost the buyer, in minor units: that is to be paid back to him
        amount: U64,
        /// what cards of stored value had paid of them and have got back
        on_cards: U64,
        /// the cards of the hold to which something went back with them, bit n for the n-th
        cards: U32,
        /// 0
        spare: U32,
    }
}

layout! {
    /// One card of a quote, as `scrip_engine::answer::QuotedCard` reads it in place.
    pub struct QuotedCardLayout {
        /// its id
        card: U64,
        /// the id of its campaign's stock; 0: it was not found
        campaign: U64,
        /// what it takes off, or pays, in minor units
        discount: U64,
        /// refused with RULE_FAILED: the amount that counts for its threshold; NOT_STARTED, EXPIRED: the time; else 0
        fact: U64,
        /// refused with RULE_FAILED: the threshold; else 0
        threshold: U64,
        /// used, or paying: units that its redemption takes; else 0
        units: U32,
        /// refused: the rejection's code; else 0
        code: U16,
        /// 1 used: it takes something off, 2 left out: it could be used alone, the best combination does without it, 3 it would take nothing off, 4 refused, 5 it is stored value and pays
        outcome: u8,
        /// used, or paying: the order in which the cards take their turns, from 1; else 0
        turn: u8,
    }
}

layout! {
    /// One line of a quote, as `scrip_engine::answer::QuotedLine` reads it in place.
    pub struct QuotedLineLayout {
        /// what its pieces cost before any card
        gross: U64,
        /// what the cards take off it
        discount: U64,
        /// what cards of stored value pay of it
        paid: U64,
    }
}

layout! {
    /// One card of a hold, as `scrip_engine::answer::HoldCard` reads it in place.
    pub struct HoldCardLayout {
        /// the card's id
        card: U64,
        /// what it takes off the order, in minor units, fixed when the hold was made; 0 once a late CONFIRM was refused
        discount: U64,
        /// units taken when the hold was made
        reserved: U32,
        /// units used; of a hold that is owed, too
        confirmed: U32,
        /// units of those given back since
        returned: U32,
        /// 0
        spare: U32,
    }
}

const _: () = assert!(size_of::<LotLayout>() == size_of::<scrip_engine::answer::LotView>());
const _: () = assert!(size_of::<QuotedCardLayout>() == size_of::<scrip_engine::answer::QuotedCard>());
const _: () = assert!(size_of::<QuotedLineLayout>() == size_of::<scrip_engine::answer::QuotedLine>());
const _: () = assert!(size_of::<WalletCardLayout>() == size_of::<scrip_engine::answer::WalletCard>());

layout! {
    /// GIVEN_CODE.
    pub struct GivenCodeBody {
        /// the campaign that the code names, or that its card is of
        campaign: U64,
        /// its card; 2^64 - 1: cards of the campaign are claimed under it
        card: U64,
    }
}

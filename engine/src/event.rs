//! Events: what happened, as the log keeps it.
//!
//! A command becomes at most one event. An event says everything `apply` needs, so that rules may change without rewriting the past.
//! Layouts are fixed little-endian and documented byte by byte in docs/format.md; kinds are never reused.
//!
//! Invariant: `decode(encode(event)) == event`, and the encoded size is a multiple of eight.

use crate::answer::OperationKind;
use crate::calendar::Transition;
use crate::command::{
    BatchChange, BatchEnd, CampaignKind, CampaignState, CampaignTerms, CardChange, Definition, Extension,
    Limits, Offline, Parties, Price, Quota, Referral, RiskRule, SpanLimits, StockKind, StockTerms,
};
use crate::ids::*;
use crate::limits::*;
use crate::rejection::Code;
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// Shard time moved. Every event after it happened at this time.
    Tick {
        /// Milliseconds since the Unix epoch.
        now_ms: u64,
    },
    /// The operator's rules changed.
    Configured {
        /// The rules from now on.
        rules: Rules,
    },
    /// The floor rose: records of older operations are gone.
    FloorRaised {
        /// Milliseconds since the Unix epoch, a whole second.
        floor_ms: u64,
    },
    /// Holds reached their deadlines; at most 256.
    Expired {
        /// Which.
        holds: &'a [EventHold],
    },
    /// A stock was made.
    StockCreated {
        /// The operation.
        origin: Origin,
        /// The stock.
        stock: StockId,
        /// Units available from the start.
        units: u64,
        /// What its units are.
        kind: StockKind,
        /// An order has at most one sale or hold of it.
        once_per_order: bool,
        /// Sale rules.
        terms: StockTerms,
        /// For people.
        name: &'a [u8],
    },
    /// Units of a stock were supplied, voided, frozen or unfrozen.
    StockMoved {
        /// The operation.
        origin: Origin,
        /// Which of them: STOCK_SUPPLY, STOCK_VOID, STOCK_FREEZE or STOCK_UNFREEZE.
        kind: OperationKind,
        /// STOCK_VOID: taken from frozen.
        from_frozen: bool,
        /// STOCK_VOID, STOCK_FREEZE: channels' guarantees may be lowered by it.
        forced: bool,
        /// The stock.
        stock: StockId,
        /// Units, marked ones included.
        units: u64,
    },
    /// The sale rules of a stock changed.
    StockEdited {
        /// The operation.
        origin: Origin,
        /// The stock.
        stock: StockId,
        /// The new rules.
        terms: StockTerms,
    },
    /// Quotas of a stock's channels were set.
    StockQuotaSet {
        /// The operation.
        origin: Origin,
        /// The stock.
        stock: StockId,
        /// The quotas, in ascending order of channels.
        quotas: &'a [Quota],
    },
    /// The limits of a stock's subjects were set.
    StockLimitsSet {
        /// The operation.
        origin: Origin,
        /// The stock.
        stock: StockId,
        /// The limits, units per user included.
        limits: Limits,
        /// Those of weeks and months; `None`: they stay as they are.
        spans: Option<SpanLimits>,
    },
    /// The prices of a stock were set.
    StockPriced {
        /// The operation.
        origin: Origin,
        /// The stock.
        stock: StockId,
        /// All prices from now on.
        prices: &'a [Price],
    },
    /// The merchant's time zone was set.
    ZoneSet {
        /// The operation.
        origin: Origin,
        /// For people.
        name: &'a [u8],
        /// All transitions from now on.
        transitions: &'a [Transition],
    },
    /// The guarantee of a channel lapsed.
    GuaranteeLapsed {
        /// The stock.
        stock: StockId,
        /// The channel.
        channel: ChannelId,
    },
    /// A batch of card keys was made.
    BatchCreated {
        /// The operation.
        origin: Origin,
        /// The stock.
        stock: StockId,
        /// The batch.
        batch: u32,
        /// What a key cost.
        cost: u64,
        /// When its keys can't be sold any more; 0: never.
        expires_ms: u64,
        /// Where they are from.
        supplier: &'a [u8],
    },
    /// A batch of card keys was frozen, unfrozen or voided.
    BatchChanged {
        /// The operation.
        origin: Origin,
        /// The stock.
        stock: StockId,
        /// The batch.
        batch: u32,
        /// What happened.
        change: BatchChange,
        /// Channels' guarantees may be lowered by it.
        forced: bool,
    },
    /// A batch of card keys expired.
    BatchExpired {
        /// The stock.
        stock: StockId,
        /// The batch.
        batch: u32,
    },
    /// Card keys were imported.
    KeysImported {
        /// The operation.
        origin: Origin,
        /// The stock.
        stock: StockId,
        /// The batch.
        batch: u32,
        /// Those that were taken, with their positions in the block.
        keys: &'a [EventKey],
        /// The sealed texts of the whole block; empty if none was taken.
        sealed: &'a [u8],
    },
    /// The card keys of a hold were shown.
    Revealed {
        /// The operation.
        origin: Origin,
        /// The hold.
        hold: OperationId,
    },
    /// A card key of a hold was voided and the next one in the order of sale bound in its place.
    KeyReplaced {
        /// The operation.
        origin: Origin,
        /// The hold.
        hold: OperationId,
        /// The key's number.
        key: u32,
        /// The merchant's reason.
        reason: u16,
    },
    /// A card key of a hold was voided while none could take its place: one unit is owed, for the hold's channel.
    ReplaceOwed {
        /// The operation.
        origin: Origin,
        /// The hold.
        hold: OperationId,
        /// The key's number.
        key: u32,
        /// The merchant's reason.
        reason: u16,
        /// It is owed until this shard time.
        until_ms: u64,
        /// The refusal if it does not come: OUT_OF_STOCK, or CHANNEL_QUOTA if there were units, but for others.
        code: Code,
    },
    /// A card key of a hold that was never shown was unbound, to be sold again.
    KeyReclaimed {
        /// The operation.
        origin: Origin,
        /// The hold.
        hold: OperationId,
        /// The key's number.
        key: u32,
        /// The operator's reason.
        reason: u16,
    },
    /// The card keys of a stock were handed out with their texts.
    KeysExported {
        /// The operation.
        origin: Origin,
        /// The stock.
        stock: StockId,
        /// Only keys of this batch.
        batch: Option<u32>,
    },
    /// RESERVE or SELL: units left available.
    Taken {
        /// The operation; its id names the hold.
        origin: Origin,
        /// Whose units.
        buyer: Buyer,
        /// SELL: consumed at once.
        sold: bool,
        /// SELL: its card keys are not shown.
        hidden: bool,
        /// Time to live; 0 for SELL.
        ttl_ms: u32,
        /// The hold that this one took the place of; 0: none.
        replaces: OperationId,
        /// Whom else they are for, if that was told.
        parties: Option<Parties>,
        /// A risk rule or a block has marked it.
        flagged: bool,
        /// Units per line.
        lines: &'a [EventLine],
        /// Price of a unit per line, in minor units, 0: none; empty if no line has one.
        prices: &'a [U32],
        /// Cards that it takes units of, too.
        cards: &'a [EventCard],
        /// The quote that it was made from, if it was.
        quote: EventQuote<'a>,
        /// SELL: cards that its lines have sold.
        sales: &'a [EventSale],
    },
    /// A paid SELL was refused, for good.
    SellRefused {
        /// The operation; its id names the refused hold.
        origin: Origin,
        /// Whose units they would have been.
        buyer: Buyer,
        /// The refusal.
        code: Code,
        /// What each line lacked.
        lines: &'a [RefusedLine],
    },
    /// A SELL found too few units and waits for them.
    Owed {
        /// The operation; its id names the hold.
        origin: Origin,
        /// Whose units they will be.
        buyer: Buyer,
        /// Its card keys will not be shown.
        hidden: bool,
        /// They are owed until this shard time.
        until_ms: u64,
        /// The refusal if they do not come.
        code: Code,
        /// The hold that this one took the place of; 0: none.
        replaces: OperationId,
        /// Whom else they are for, if that was told.
        parties: Option<Parties>,
        /// A risk rule or a block has marked it.
        flagged: bool,
        /// Units per line, and what the lines lacked.
        lines: &'a [OwedLine],
        /// Price of a unit per line, in minor units, 0: none; empty if no line has one.
        prices: &'a [U32],
    },
    /// Units that were owed left available for good; at most 64 debts.
    Settled {
        /// Whose, in this order: of a keys stock the next keys in the order of sale are bound.
        holds: &'a [EventHold],
        /// Of each, the key whose replacement was owed, or `u32::MAX`: all its units; empty if it is that for all.
        keys: &'a [U32],
    },
    /// Units were owed in vain; at most 64 debts.
    Unfulfilled {
        /// Whose.
        holds: &'a [EventHold],
        /// As in [`Event::Settled`].
        keys: &'a [U32],
    },
    /// A hold was confirmed.
    Confirmed {
        /// The hold.
        hold: OperationKey,
        /// After it had expired.
        late: bool,
        /// Its card keys are not shown.
        hidden: bool,
        /// Units per line. Of a keys stock the next keys in the order of sale are bound, as many.
        lines: &'a [EventLine],
        /// Cards that its lines have sold.
        sales: &'a [EventSale],
    },
    /// A hold was confirmed for which marks have left too few card keys: its units left held, those asked for are owed.
    ConfirmOwed {
        /// The hold.
        hold: OperationKey,
        /// Its card keys will not be shown.
        hidden: bool,
        /// They are owed until this shard time.
        until_ms: u64,
        /// Units per line, and which lines lacked keys.
        lines: &'a [RefusedLine],
    },
    /// A late CONFIRM was refused, for good; the hold lapsed.
    LateRefused {
        /// The hold.
        hold: OperationKey,
        /// What each line lacked.
        lines: &'a [RefusedLine],
    },
    /// A held hold was released, or an expired one lapsed.
    Released {
        /// The hold.
        hold: OperationKey,
    },
    /// A hold was cancelled: what it had went back.
    Cancelled {
        /// The hold.
        hold: OperationKey,
    },
    /// An operation that was not there was cancelled: it can't happen any more.
    Tombstone {
        /// The operation.
        origin: Origin,
    },
    /// A hold's deadline moved.
    Extended {
        /// The operation.
        origin: Origin,
        /// The hold.
        hold: OperationId,
        /// Its deadline from now on.
        deadline_ms: u64,
    },
    /// Units of a confirmed hold were given back.
    Returned {
        /// The operation.
        origin: Origin,
        /// The hold.
        hold: OperationId,
        /// To available; else to void.
        to_available: bool,
        /// Units per line.
        lines: &'a [EventLine],
        /// Of a hold that was made from a quote: what goes back of its cart.
        cart: EventPieces<'a>,
        /// Cards that the hold had sold, and that are void from now on.
        ended: &'a [U64],
    },
    /// Something became of a campaign.
    Campaign(CampaignEvent<'a>),
    /// A batch of bearer cards is void or went back to the supply, but for its used cards.
    CardBatchEnded {
        /// The operation.
        origin: Origin,
        /// The campaign.
        campaign: StockId,
        /// The first card of the batch.
        first: CardId,
        /// What happened.
        end: BatchEnd,
        /// Cards that ended by it.
        cards: u64,
    },
    /// An expired card is void, and something was given for it.
    Recycled {
        /// The operation.
        origin: Origin,
        /// The card.
        card: CardId,
        /// What for.
        given: RecycledFor,
    },
    /// What cards had is another's, and they are void.
    Merged {
        /// The operation.
        origin: Origin,
        /// The card that has it.
        into: CardId,
        /// The others.
        sources: &'a [MergedCard],
    },
    /// Cards were issued, with consecutive serials.
    Issued {
        /// The operation; its channel is that of the cards.
        origin: Origin,
        /// The campaign.
        campaign: StockId,
        /// Whose they are; 0: a batch of bearer cards.
        owner: UserId,
        /// The first card.
        first: CardId,
        /// How many.
        count: u32,
        /// By a CLAIM.
        claimed: bool,
        /// Their times are the command's: activation leaves them alone.
        own_times: bool,
        /// A risk rule or a block has marked it.
        flagged: bool,
        /// Valid from, seconds; 0: open.
        from_s: u32,
        /// Valid until, seconds; 0: open.
        until_s: u32,
        /// For whom the cards count, as [`EventLine::flags`], and above these eight bits as many for their campaign's group.
        counting: u32,
        /// Whom else they are for, if that was told.
        parties: Option<Parties>,
        /// By whose word the owner has come, and counts for him.
        referral: Option<Referral>,
    },
    /// Units of a card were used.
    Redeemed {
        /// The operation; its id names the redemption.
        origin: Origin,
        /// The card.
        card: CardId,
        /// Units.
        units: u32,
        /// The order, and who used it as far as that was told.
        buyer: Buyer,
        /// Whom else the demand came from, if that was told.
        parties: Option<Parties>,
        /// A risk rule or a block has marked it.
        flagged: bool,
        /// What of the order the card was used on, in minor units.
        amount: u64,
        /// What that took off the amount, in minor units.
        discount: u64,
        /// It happened before, at a till that was offline.
        offline: Option<Offline>,
    },
    /// A till that was offline had taken a card that was not to be had any more: nothing moved.
    OfflineConflict {
        /// The operation.
        origin: Origin,
        /// The card.
        card: CardId,
        /// Units that it had taken.
        units: u32,
        /// Whose order it was, and who had used it.
        buyer: Buyer,
        /// What of the order it was used on, in minor units.
        amount: u64,
        /// When and where.
        offline: Offline,
        /// Why they were not to be had.
        why: Code,
    },
    /// Units of a redemption were given back to its card.
    Reversed {
        /// The operation.
        origin: Origin,
        /// The redemption.
        redemption: OperationId,
        /// Units.
        units: u32,
        /// Until when the card is valid from now on, seconds; 0: open.
        until_s: u32,
    },
    /// An entry was made in the account of a card.
    Account {
        /// The operation.
        origin: Origin,
        /// The card.
        card: CardId,
        /// What happened.
        entry: AccountEntry,
    },
    /// Something became of the gift of a card.
    Gift {
        /// The operation.
        origin: Origin,
        /// The card.
        card: CardId,
        /// What happened.
        entry: GiftEntry,
    },
    /// A card was changed.
    CardChanged {
        /// The operation.
        origin: Origin,
        /// The card.
        card: CardId,
        /// What happened. (The time of an extension is a whole second, that of `until_s`.)
        change: CardChange,
        /// From when it is valid from now on, seconds; 0: open.
        from_s: u32,
        /// Until when, seconds; 0: open.
        until_s: u32,
    },
    /// A risk rule or a block was set or lifted.
    Risk(RiskEvent),
    /// Something became of given codes.
    Codes(CodeEvent<'a>),
    /// Something became of persons.
    Person(PersonEvent<'a>),
    /// Something became of a group.
    Group(GroupEvent<'a>),
    /// Something became of an activity, or a reward was given.
    Share(ShareEvent<'a>),
    /// Something became of notices.
    Notice(NoticeEvent<'a>),
}

mod campaigns;
mod cards;
mod decode;
mod encode;
mod endings;
mod errors;
mod facts;
mod gifts;
mod given_codes;
mod groups;
mod layout;
mod lines;
mod notices;
mod origin;
mod persons;
mod quotes;
mod risk;
mod sales;
mod sharing;

pub use campaigns::CampaignEvent;
pub use endings::{MergedCard, RecycledFor};
pub use errors::{EventError, EventSink};
pub use groups::{EventMember, GroupEvent, GroupMember};
pub use lines::{EventCard, EventHold, EventKey, EventLine, OwedLine, RefusedLine, debts};
pub use notices::{NoticeEvent, NoticeRow};
pub use origin::{Buyer, Origin};
pub use quotes::{EventCartLine, EventPieces, EventQuote, EventShare};
pub use {cards::AccountEntry, gifts::GiftEntry, given_codes::CodeEvent};
pub use {persons::PersonEvent, risk::RiskEvent, sales::EventSale, sharing::ShareEvent};

#[cfg(test)]
mod tests;

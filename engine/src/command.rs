//! The table of commands: what a caller can ask for, borrowed from the bytes it arrived in.
//!
//! Invariant: a [`Request`] that passed [`Request::check`] is well formed: its numbers lie inside the fixed limits, and
//! `decide` need not look at them again. The protocol calls it on every decoded command; whoever builds commands in
//! process calls it too.

use crate::ids::{
    CardId, ChannelId, GivenCode, MerchantId, OperationId, OperationKey, OrderId, Slot, StockId, UserId,
};
use zerocopy::little_endian::U32;

mod accounts;
mod campaigns;
mod cards;
mod check;
mod codes;
mod definition;
mod endings;
mod gifts;
mod groups;
mod keys;
mod labels;
mod malformed;
mod merge;
mod quote;
mod segments;
mod sharing;
mod stock;
mod take;
mod terms;

pub use accounts::AccountWish;
pub use campaigns::{
    CampaignCreate, CampaignKind, CampaignState, CampaignTerms, Definition, Extension, ScopeEntry, Tier,
};
pub use cards::{CardChange, CardLine, CardState, Issue, Offline, Redeem};
pub(crate) use check::GENERATION_MAX;
pub use codes::CodeBlock;
pub use endings::{BatchEnd, RecycleInto};
pub use gifts::GiftWish;
pub use groups::GroupWish;
pub(crate) use groups::claim_of;
pub use keys::{BatchChange, BatchCreate, KeyBlock, block_texts};
pub use labels::Label;
pub use malformed::Malformed;
pub use merge::Merge;
pub use quote::{CartLine, Quote, QuoteCard, QuoteReserve, StockedLine};
pub use segments::Segments;
pub use sharing::{ActivityTerms, ActivityWish, Counting, Referral};
pub use stock::{StockCreate, StockKind, StockTerms};
pub use take::{Line, Take, ttl_or_default};
pub use terms::{
    Block, Limits, Parties, Price, PriceKind, Quota, RiskAction, RiskRule, Span, SpanLimits, SubjectKind,
    SubjectLimit, ZoneSet,
};

/// What every command carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// The tenant.
    pub merchant: MerchantId,
    /// The slot all of the command's objects lie in.
    pub slot: Slot,
    /// The channel the demand comes from.
    pub channel: ChannelId,
    /// Makes the command idempotent. CONFIRM, RELEASE and CANCEL carry the hold's id here; queries carry what they ask for.
    pub operation: OperationId,
    /// When the caller made the operation id, milliseconds since the Unix epoch; part of the id. 0: the id is a UUIDv7
    /// or ULID and says it itself.
    pub created_ms: u64,
    /// Shard time from which on the caller no longer wants the command executed. 0: none.
    pub deadline_ms: u64,
    /// The segments that the user is in, as far as the caller tells them; no content.
    pub segments: Segments,
}

impl Envelope {
    /// `created_ms`, from the field or from inside the id.
    pub const fn created_ms(&self) -> u64 {
        if self.created_ms == 0 { self.operation.embedded_ms() } else { self.created_ms }
    }

    /// The key under which this operation is recorded.
    pub const fn key(&self) -> OperationKey {
        OperationKey { merchant: self.merchant, slot: self.slot, operation: self.operation }
    }

    /// The key of another operation of the same merchant and slot.
    pub const fn key_of(&self, operation: OperationId) -> OperationKey {
        OperationKey { merchant: self.merchant, slot: self.slot, operation }
    }
}

/// What a caller can ask for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command<'a> {
    /// Makes a stock.
    StockCreate(StockCreate<'a>),
    /// Adds units to available. (Totals grow by this, STOCK_CREATE and KEYS_IMPORT alone.)
    StockSupply {
        /// The stock.
        stock: StockId,
        /// Units to add.
        units: u64,
    },
    /// Moves units to void, from available (units held are marked and follow as their holds end) or from frozen.
    StockVoid {
        /// The stock.
        stock: StockId,
        /// Units to void.
        units: u64,
        /// Take them from frozen instead of available.
        from_frozen: bool,
        /// Also where that cuts into channels' guarantees, which are lowered then.
        forced: bool,
    },
    /// Moves units from available to frozen; units held are marked and follow as their holds end.
    StockFreeze {
        /// The stock.
        stock: StockId,
        /// Units to freeze.
        units: u64,
        /// Also where that cuts into channels' guarantees, which are lowered then.
        forced: bool,
    },
    /// Moves units from frozen to available.
    StockUnfreeze {
        /// The stock.
        stock: StockId,
        /// Units to unfreeze.
        units: u64,
    },
    /// Replaces the sale rules if the stock still is at `version` (compare and set).
    StockEdit {
        /// The stock.
        stock: StockId,
        /// The version the caller has seen.
        version: u32,
        /// The new rules.
        terms: StockTerms,
    },
    /// Sets the quotas of channels if the stock still is at `version` (compare and set). Channels that are not named
    /// keep theirs.
    StockQuota {
        /// The stock.
        stock: StockId,
        /// The version the caller has seen.
        version: u32,
        /// The quotas, in ascending order of channels; 1 to 64.
        quotas: &'a [Quota],
    },
    /// Sets what the subjects of a stock may have, if the stock still is at `version` (compare and set).
    StockLimits {
        /// The stock.
        stock: StockId,
        /// The version the caller has seen.
        version: u32,
        /// All limits from now on, the units per user included.
        limits: &'a Limits,
        /// All limits of weeks and months from now on; `None`: they stay as they are.
        spans: Option<&'a SpanLimits>,
    },
    /// Sets the prices of a stock, if it still is at `version` (compare and set).
    StockPrice {
        /// The stock.
        stock: StockId,
        /// The version the caller has seen.
        version: u32,
        /// All prices from now on; at most 64.
        prices: &'a [Price],
    },
    /// Sets or lifts a risk rule of the merchant in this slot.
    RiskSet {
        /// The rule.
        rule: &'a RiskRule,
    },
    /// Blocks a subject of the merchant in this slot, or lifts that.
    BlockSet {
        /// The block.
        block: &'a Block,
    },
    /// Sets the time zone of the merchant in this slot if it still is at `version` (compare and set).
    ZoneSet(ZoneSet<'a>),
    /// Says that two user ids are one person.
    Link {
        /// One id.
        user: UserId,
        /// The other.
        to: UserId,
        /// The operator's reason; not interpreted.
        reason: u16,
    },
    /// Takes a user id out of its person again.
    Unlink {
        /// The id.
        user: UserId,
        /// The operator's reason; not interpreted.
        reason: u16,
    },
    /// Keeps a user's own words, sealed, in the log; those of before are gone.
    Label {
        /// Whose.
        user: UserId,
        /// They.
        label: Label<'a>,
    },
    /// Destroys the words of all ids of a user's person. Units, money and what limits count stay.
    Erase {
        /// One of the ids.
        user: UserId,
        /// The operator's reason; not interpreted.
        reason: u16,
    },
    /// Makes a batch of a keys stock.
    BatchCreate(BatchCreate<'a>),
    /// Freezes, unfreezes or voids the unsold keys of a batch; those that holds count on are marked and follow.
    BatchChange {
        /// The stock.
        stock: StockId,
        /// The batch.
        batch: u32,
        /// What happens.
        change: BatchChange,
        /// Also where that cuts into channels' guarantees, which are lowered then.
        forced: bool,
    },
    /// Adds card keys to a batch: what the merchant has in this slot already is left out.
    KeysImport {
        /// The stock.
        stock: StockId,
        /// The batch.
        batch: u32,
        /// The keys.
        block: KeyBlock<'a>,
    },
    /// Takes units out of available for an order, until confirmed, released or expired.
    Reserve {
        /// What to take.
        take: Take<'a>,
        /// Time to live in milliseconds; 0: the default of 900 s.
        ttl_ms: u32,
    },
    /// Prices a cart, and takes the units of its stocks and of the cards that are used out of available, as RESERVE does.
    QuoteReserve(QuoteReserve<'a>),
    /// Moves a hold's deadline to `ttl_ms` from now; never earlier than it is, never past 14,400 s from creation.
    Extend {
        /// The hold.
        hold: OperationId,
        /// Milliseconds from now.
        ttl_ms: u32,
    },
    /// Held becomes consumed. The hold is the envelope's operation id.
    Confirm {
        /// Units per line of the hold, in its order; empty: all of them. Missing ones count as 0.
        units: &'a [U32],
        /// Bind card keys without showing them: a REVEAL does that later.
        hidden: bool,
    },
    /// Gives a hold's units back. The hold is the envelope's operation id.
    Release,
    /// Undoes the RESERVE or SELL with the envelope's operation id, or keeps it from ever happening.
    Cancel,
    /// Reserve and confirm in one step.
    Sell {
        /// What to take.
        take: Take<'a>,
        /// The buyer has paid already: a refusal is recorded and final.
        paid: bool,
        /// Bind card keys without showing them: a REVEAL does that later.
        hidden: bool,
    },
    /// Gives units of a confirmed hold back.
    Return {
        /// The hold.
        hold: OperationId,
        /// Back to available; else to void.
        to_available: bool,
        /// Units per line of the hold, in its order; empty: all that is left. Missing ones count as 0.
        units: &'a [U32],
    },
    /// Shows the card keys of a hold that was confirmed hidden, and records that.
    Reveal {
        /// The hold.
        hold: OperationId,
    },
    /// Voids a card key of a confirmed hold and binds another in its place.
    KeyReplace {
        /// The hold.
        hold: OperationId,
        /// The key's number.
        key: u32,
        /// The merchant's reason; not interpreted.
        reason: u16,
    },
    /// Takes a card key that was never shown back from a confirmed hold, to be sold again.
    KeyReclaim {
        /// The hold.
        hold: OperationId,
        /// The key's number.
        key: u32,
        /// The operator's reason; not interpreted.
        reason: u16,
    },
    /// The card keys of a stock with their texts, a page of them; that it was done is recorded. A repeat under the same
    /// operation id reads on from wherever it says.
    KeysExport {
        /// The stock.
        stock: StockId,
        /// Only keys of this batch.
        batch: Option<u32>,
        /// Number of the first key wanted; no content.
        from: u32,
    },
    /// Query: the card keys of a stock, where each stands and how its text ends, a page of them.
    KeysList {
        /// The stock.
        stock: StockId,
        /// Only keys of this batch.
        batch: Option<u32>,
        /// Number of the first key wanted.
        from: u32,
    },
    /// Query: the card keys of a confirmed hold, a page of them.
    KeysRead {
        /// The hold.
        hold: OperationId,
        /// Position of the first key wanted, over all lines.
        from: u32,
    },
    /// Query: the batches of one stock, a page of them in the order of sale.
    BatchesShow {
        /// The stock.
        stock: StockId,
        /// Position of the first batch wanted.
        from: u32,
    },
    /// Query: the debts of one stock, a page of them, the oldest first.
    OwedShow {
        /// The stock.
        stock: StockId,
        /// Position of the first debt wanted.
        from: u32,
    },
    /// Query: the holds that were made for an order, a page of them, the newest first.
    OrderShow {
        /// The order.
        order: OrderId,
        /// Only holds made before this one of the order; 0: all of them.
        after: OperationId,
        /// Holds wanted; 0, or more than a page has: a page.
        limit: u32,
    },
    /// Makes a campaign.
    CampaignCreate(CampaignCreate<'a>),
    /// Replaces what of a campaign's definition is not fixed, if it still is at `version` (compare and set).
    CampaignEdit {
        /// The campaign.
        campaign: StockId,
        /// The version the caller has seen.
        version: u32,
        /// The new definition, fixed fields as they are.
        terms: CampaignTerms<'a>,
    },
    /// Moves a campaign to another state, if it still is at `version` (compare and set).
    CampaignState {
        /// The campaign.
        campaign: StockId,
        /// The version the caller has seen.
        version: u32,
        /// The state from now on.
        state: CampaignState,
    },
    /// Voids a campaign with all of its cards that were not used, if it still is at `version` (compare and set).
    CampaignVoid {
        /// The campaign.
        campaign: StockId,
        /// The version the caller has seen.
        version: u32,
        /// The merchant's reason; goes to the log.
        reason: u16,
    },
    /// RECYCLE: an expired card ends, for another one or something else.
    Recycle {
        /// The card.
        card: CardId,
        /// The generation of its code; `None`: it is named by its id.
        generation: Option<u8>,
        /// What for.
        into: RecycleInto,
    },
    /// MERGE: cards become one.
    Merge(Merge<'a>),
    /// CARD_BATCH_VOID, CARD_BATCH_RECYCLE: ends the batch of bearer cards that a card lies in.
    CardBatchEnd {
        /// The card.
        card: CardId,
        /// The generation of its code; `None`: it is named by its id.
        generation: Option<u8>,
        /// How.
        end: BatchEnd,
    },
    /// ISSUE and CLAIM: makes cards.
    Issue(Issue<'a>),
    /// Uses units of a card.
    Redeem(Redeem<'a>),
    /// Gives units of a redemption back to its card.
    Reverse {
        /// The redemption: its operation id.
        redemption: OperationId,
        /// Units; 0: all that are left.
        units: u32,
    },
    /// Changes where a card stands, or until when it is valid.
    CardChange {
        /// The card.
        card: CardId,
        /// The generation of its code; `None`: it is named by its id.
        generation: Option<u8>,
        /// What happens.
        change: CardChange,
    },
    /// TOPUP, EARN, CARD_REFUND, RENEW, LEVEL: an entry in the account of a card.
    Account {
        /// The card.
        card: CardId,
        /// The generation of its code; `None`: it is named by its id.
        generation: Option<u8>,
        /// What is asked.
        wish: AccountWish,
    },
    /// GIFT, ACCEPT_GIFT, CANCEL_GIFT: a card goes from one owner to another, or back.
    Gift {
        /// The card.
        card: CardId,
        /// The generation of its code; `None`: it is named by its id.
        generation: Option<u8>,
        /// What is asked.
        wish: GiftWish,
    },
    /// CODE_IMPORT: codes that were made elsewhere, each for a bearer card of its own; those the merchant has in this slot
    /// already are left out.
    CodeImport {
        /// The campaign.
        campaign: StockId,
        /// The codes.
        codes: CodeBlock<'a>,
    },
    /// CODE_SET: the cards of a campaign can be claimed under a code, or no longer under it.
    CodeSet {
        /// The code.
        code: GivenCode,
        /// The campaign; `None`: the code is none any more.
        campaign: Option<StockId>,
    },
    /// Query: what a given code names.
    CodeShow {
        /// The code.
        code: GivenCode,
    },
    /// GROUP_OPEN, GROUP_JOIN, GROUP_LEAVE, GROUP_SHOW: people who want cards together.
    Group(GroupWish<'a>),
    /// ACTIVITY_CREATE, ACTIVITY_EDIT, ACTIVITY_SHOW: users who bring others.
    Activity(ActivityWish<'a>),
    /// Query: one campaign.
    CampaignShow {
        /// The campaign.
        campaign: StockId,
    },
    /// Query: one card.
    CardShow {
        /// The card.
        card: CardId,
        /// The generation of its code; `None`: it is named by its id.
        generation: Option<u8>,
    },
    /// Query: the cards of an owner, a page of them, the newest first.
    WalletShow {
        /// The owner.
        owner: UserId,
        /// Only cards of this campaign.
        campaign: Option<StockId>,
        /// Only cards that he got before this one of his; `None`: all of them.
        after: Option<CardId>,
        /// Only cards that can be used now: active and valid, with something left or of a kind that is never used up.
        usable: bool,
        /// Cards wanted; 0, or more than a page has: a page.
        limit: u32,
    },
    /// Query: which cards of the merchant in this slot have expired or will soon, in the order they were told of.
    NoticesRead {
        /// Only notices with numbers above this one.
        after: u64,
        /// Notices wanted; 0, or more than a page has: a page.
        limit: u32,
    },
    /// Query: what a cart costs with given cards, or with the best of them or of a wallet.
    Quote(Quote<'a>),
    /// Query: one stock.
    StockShow {
        /// The stock.
        stock: StockId,
    },
    /// Query: the channels of one stock.
    StockChannels {
        /// The stock.
        stock: StockId,
    },
    /// Query: the limits and prices of one stock.
    StockTermsShow {
        /// The stock.
        stock: StockId,
    },
    /// Query: the merchant's risk rules in this slot, and a page of the blocks.
    RiskShow {
        /// Position of the first block wanted.
        from: u32,
    },
    /// Query: the time zone of the merchant in this slot.
    ZoneShow,
    /// Query: the ids of a user's person.
    IdentityShow {
        /// One of them.
        user: UserId,
    },
    /// Query: what is recorded under the envelope's operation id.
    OperationShow,
}

/// One command with its envelope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request<'a> {
    /// Who, where, when.
    pub envelope: Envelope,
    /// What.
    pub command: Command<'a>,
}

impl Command<'_> {
    /// Whether the command can change anything.
    pub const fn mutates(&self) -> bool {
        !matches!(
            self,
            Command::StockShow { .. }
                | Command::StockChannels { .. }
                | Command::BatchesShow { .. }
                | Command::KeysRead { .. }
                | Command::StockTermsShow { .. }
                | Command::RiskShow { .. }
                | Command::ZoneShow
                | Command::IdentityShow { .. }
                | Command::KeysList { .. }
                | Command::OwedShow { .. }
                | Command::OrderShow { .. }
                | Command::CampaignShow { .. }
                | Command::CardShow { .. }
                | Command::CodeShow { .. }
                | Command::WalletShow { .. }
                | Command::NoticesRead { .. }
                | Command::Quote(_)
                | Command::Group(GroupWish::Show { .. })
                | Command::Activity(ActivityWish::Show { .. })
                | Command::OperationShow
        )
    }

    /// Whether the command must be taken even when space runs out: it ends a hold and needs no new record.
    /// (A CANCEL does if it finds a hold: [`crate::Engine::ends_hold`] looks.)
    pub const fn ends_hold(&self) -> bool {
        matches!(self, Command::Confirm { .. } | Command::Release)
    }
}

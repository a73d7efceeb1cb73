//! The table of commands on the wire: number, name, flags and layout of each, in one place. Decoder, encoder, docs and
//! golden files take them from here; a new command is one more row, one layout and one arm in `read` and `write`.
//!
//! Invariant: numbers are never reused, and a flag bit that a command does not list is malformed.

use crate::layout::{Field, Layout};
use scrip_engine::command::{
    AccountWish, ActivityWish, BatchEnd, Command, GiftWish, GroupWish, Issue, StockKind,
};

mod cards;
mod groups;
mod layouts;
mod notices;
mod sharing;

pub use cards::*;
pub use groups::*;
pub use layouts::*;
pub use notices::*;
pub use sharing::*;

/// Bytes of the command header.
pub const COMMAND_HEADER_BYTES: usize = size_of::<CommandHeader>();

const _: () = assert!(COMMAND_HEADER_BYTES == 48);
const _: () = assert!(size_of::<QuotaLayout>() == size_of::<scrip_engine::command::Quota>());
const _: () = assert!(
    4 * size_of::<SubjectLimitLayout>() + size_of::<LimitsEnd>()
        == size_of::<scrip_engine::command::Limits>()
);
const _: () = assert!(size_of::<SpanLimitsLayout>() == size_of::<scrip_engine::command::SpanLimits>());
const _: () = assert!(size_of::<PriceLayout>() == size_of::<scrip_engine::command::Price>());
const _: () = assert!(size_of::<RiskRuleLayout>() == size_of::<scrip_engine::command::RiskRule>());
const _: () = assert!(size_of::<TransitionLayout>() == size_of::<scrip_engine::calendar::Transition>());
const _: () = assert!(size_of::<BlockLayout>() == size_of::<scrip_engine::command::Block>());
const _: () = assert!(size_of::<PartiesLayout>() == size_of::<scrip_engine::command::Parties>());
const _: () = assert!(size_of::<CardLineLayout>() == size_of::<scrip_engine::command::CardLine>());
const _: () = assert!(size_of::<LineLayout>() == size_of::<scrip_engine::command::Line>());
const _: () = assert!(COMMAND_HEADER_BYTES + size_of::<TakeBody>() + size_of::<LineLayout>() == 104);

/// Flag bits, by command.
pub mod flag {
    /// STOCK_CREATE, STOCK_EDIT: no sale while set.
    pub const FROZEN: u8 = 1;
    /// STOCK_CREATE: each unit is a card key.
    pub const KEYS: u8 = 2;
    /// STOCK_CREATE, with KEYS: keys are sold in random order within a batch.
    pub const RANDOM: u8 = 4;
    /// STOCK_CREATE, with KEYS: one text for every buyer; units are counted.
    pub const REUSABLE: u8 = 8;
    /// STOCK_CREATE: an order has at most one sale or hold of it, whatever the operations.
    pub const ONCE_PER_ORDER: u8 = 16;
    /// STOCK_VOID: take the units from frozen instead of available.
    pub const FROM_FROZEN: u8 = 1;
    /// STOCK_VOID, STOCK_FREEZE, BATCH_CHANGE: also where that cuts into channels' guarantees, which are lowered then.
    pub const FORCED: u8 = 2;
    /// RESERVE, SELL: accept fewer units, down to each line's minimum.
    pub const PARTIAL: u8 = 1;
    /// RESERVE, SELL, QUOTE_RESERVE: the id of the hold to replace follows the fixed body.
    pub const HAS_REPLACE: u8 = 2;
    /// RESERVE, SELL, ISSUE, CLAIM, REDEEM, QUOTE_RESERVE: limit key, device and address follow.
    pub const HAS_PARTIES: u8 = 16;
    /// RESERVE, SELL, QUOTE_RESERVE: what everything asked for is expected to cost follows.
    pub const HAS_TOTAL: u8 = 32;
    /// RESERVE, SELL: the buyer is a member: prices for members are his, too.
    pub const MEMBER: u8 = 128;
    /// SELL: until when units that are missing may be owed follows.
    pub const HAS_WAIT: u8 = 64;
    /// SELL: the buyer has paid already; a refusal is recorded and final.
    pub const PAID: u8 = 4;
    /// SELL: card keys are bound without being shown; a REVEAL shows them.
    pub const SELL_HIDDEN: u8 = 8;
    /// CONFIRM: card keys are bound without being shown; a REVEAL shows them.
    pub const CONFIRM_HIDDEN: u8 = 1;
    /// KEYS_LIST, KEYS_EXPORT: keys of one batch only.
    pub const ONE_BATCH: u8 = 1;
    /// STOCK_LIMITS: limits of weeks and months follow; else they stay as they are.
    pub const HAS_SPANS: u8 = 1;
    /// CAMPAIGN_CREATE, CAMPAIGN_EDIT: an extension stands behind the definition; else it says nothing of that.
    pub const EXTENDED: u8 = 2;
    /// RETURN: back to available; else to void.
    pub const TO_AVAILABLE: u8 = 1;
    /// REDEEM, CARD_CHANGE, CARD_SHOW: the generation of a code that the caller has opened is given, and must be the card's.
    pub const HAS_GENERATION: u8 = 1;
    /// REDEEM: when it happened at a till that was offline, and at which, follows.
    pub const HAS_OFFLINE: u8 = 2;
    /// CLAIM: by whose word the user comes, and in which activity, follows.
    pub const HAS_REFERRAL: u8 = 2;
    /// WALLET_SHOW: cards of one campaign only.
    pub const OF_CAMPAIGN: u8 = 1;
    /// WALLET_SHOW: only cards that the owner got before the one named.
    pub const HAS_AFTER: u8 = 2;
    /// WALLET_SHOW: only cards that can be used now.
    pub const USABLE: u8 = 4;
    /// CODE_SET: the code names this campaign from now on; else it names none any more.
    pub const NAMES_CAMPAIGN: u8 = 1;
    /// QUOTE, QUOTE_RESERVE: the best of the cards named are wanted, not all of them.
    pub const BEST: u8 = 1;
}

/// The flags of STOCK_CREATE and STOCK that say what a stock's units are.
pub(crate) fn flags_of_kind(kind: StockKind) -> u8 {
    match kind {
        StockKind::Counter => 0,
        StockKind::Cards => crate::answers::flag::CARDS,
        StockKind::Keys => flag::KEYS,
        StockKind::Reusable => flag::KEYS | flag::REUSABLE,
        StockKind::RandomKeys { .. } => flag::KEYS | flag::RANDOM,
    }
}

/// What a stock's units are by the flags of STOCK_CREATE or STOCK; `Err`: those that do not go together.
pub(crate) fn kind_of_flags(flags: u8) -> Result<StockKind, u8> {
    use crate::answers::flag::CARDS;
    match flags & (flag::KEYS | flag::RANDOM | flag::REUSABLE | CARDS) {
        0 => Ok(StockKind::Counter),
        CARDS => Ok(StockKind::Cards),
        flag::KEYS => Ok(StockKind::Keys),
        flags if flags == flag::KEYS | flag::RANDOM => Ok(StockKind::RandomKeys { seed: 0 }),
        flags if flags == flag::KEYS | flag::REUSABLE => Ok(StockKind::Reusable),
        flags => Err(flags),
    }
}

const _: () = {
    use crate::answers::flag as shown;
    assert!(flag::KEYS == shown::KEYS && flag::RANDOM == shown::RANDOM && flag::REUSABLE == shown::REUSABLE);
};

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
    /// Four limits of 12 bytes (user, limit key, device, address), then 8 bytes more; with HAS_SPANS then 32 bytes: what each of
    /// the four may have of a week, then of a month (u32).
    Limits,
    /// `lines` prices of 24 bytes.
    Prices,
    /// `lines` transitions of 16 bytes, then a name, padded to a multiple of 8.
    Zone,
    /// A definition of 120 bytes, with EXTENDED its extension of 16 bytes, tiers and `lines` entries of a scope of 16 bytes each; of CAMPAIGN_CREATE then the name, padded.
    Definition,
    /// Limit key, device and address, if HAS_PARTIES announces them; then what HAS_OFFLINE or HAS_REFERRAL does.
    Parties,
    /// The rule of an activity, of 96 bytes.
    Rule,
    /// `lines` lines of a cart of 32 bytes, then cards of 16 bytes.
    Cart,
    /// What the flags HAS_... announce, then `lines` lines of a cart of 40 bytes, then cards of 16 bytes.
    StockedCart,
    /// `lines` cards of 16 bytes.
    Cards,
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
    StockCreate = 1, "STOCK_CREATE", StockCreateBody, Name, [FROZEN, KEYS, RANDOM, REUSABLE, ONCE_PER_ORDER];
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
    /// Sets the prices of a stock if it still is at the version given.
    StockPrice = 11, "STOCK_PRICE", StockPriceBody, Prices, [];
    /// Sets or lifts a risk rule of the merchant in this slot.
    RiskSet = 12, "RISK_SET", RiskRuleLayout, None, [];
    /// Blocks a subject of the merchant in this slot, or lifts that.
    BlockSet = 13, "BLOCK_SET", BlockLayout, None, [];
    /// Sets what the subjects of a stock may have if it still is at the version given.
    StockLimits = 14, "STOCK_LIMITS", StockLimitsBody, Limits, [HAS_SPANS];
    /// Takes units out of available for an order, until confirmed, released or expired.
    Reserve = 16, "RESERVE", TakeBody, Lines, [PARTIAL, HAS_REPLACE, HAS_PARTIES, HAS_TOTAL, MEMBER];
    /// Moves a hold's deadline to `ttl_ms` from now; never earlier than it is.
    Extend = 17, "EXTEND", ExtendBody, None, [];
    /// Held becomes consumed. The hold is named by the operation id; no units: all of them.
    Confirm = 18, "CONFIRM", EmptyBody, Units, [CONFIRM_HIDDEN];
    /// Gives a hold's units back. The hold is named by the operation id.
    Release = 19, "RELEASE", EmptyBody, None, [];
    /// Reserve and confirm in one step.
    Sell = 20, "SELL", TakeBody, Lines, [PARTIAL, HAS_REPLACE, PAID, SELL_HIDDEN, HAS_PARTIES, HAS_TOTAL, HAS_WAIT, MEMBER];
    /// Gives units of a confirmed hold back; no units: all that is left.
    Return = 21, "RETURN", ReturnBody, Units, [TO_AVAILABLE];
    /// Shows the card keys of a hold that was confirmed hidden, and records that.
    Reveal = 22, "REVEAL", RevealBody, None, [];
    /// Voids a card key of a confirmed hold and binds another in its place, now or once there is one.
    KeyReplace = 23, "KEY_REPLACE", KeyReplaceBody, None, [];
    /// Takes a card key that was never shown back from a confirmed hold, to be sold again.
    KeyReclaim = 24, "KEY_RECLAIM", KeyReplaceBody, None, [];
    /// Hands out the card keys of a stock with their texts, a page of them, and records that; a repeat reads on from wherever it says.
    KeysExport = 26, "KEYS_EXPORT", KeysListBody, None, [ONE_BATCH];
    /// Undoes the RESERVE or SELL with this operation id, or keeps it from being executed when it comes late.
    Cancel = 25, "CANCEL", EmptyBody, None, [];
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
    /// Query: the limits and prices of one stock. Needs no operation id.
    StockTermsShow = 73, "STOCK_TERMS_SHOW", StockShowBody, None, [];
    /// Query: the merchant's risk rules in this slot, and a page of the blocks. Needs no operation id.
    RiskShow = 74, "RISK_SHOW", RiskShowBody, None, [];
    /// Sets the time zone of the merchant in this slot if it still is at the version given.
    ZoneSet = 75, "ZONE_SET", ZoneSetBody, Zone, [];
    /// Query: the time zone of the merchant in this slot. Needs no operation id.
    ZoneShow = 76, "ZONE_SHOW", EmptyBody, None, [];
    /// Query: the card keys of a stock, where each stands and how its text ends, a page of them. Needs no operation id.
    KeysList = 70, "KEYS_LIST", KeysListBody, None, [ONE_BATCH];
    /// Query: the debts of one stock, a page of them, the oldest first. Needs no operation id.
    OwedShow = 71, "OWED_SHOW", OwedShowBody, None, [];
    /// Query: the holds that were made for an order, a page of them, the newest first. Needs no operation id.
    OrderShow = 72, "ORDER_SHOW", OrderShowBody, None, [];
    /// Makes a campaign, a draft; the server makes the key of its codes.
    CampaignCreate = 80, "CAMPAIGN_CREATE", CampaignCreateBody, Definition, [FROZEN, EXTENDED];
    /// Replaces what of a campaign's definition is not fixed, if it still is at the version given.
    CampaignEdit = 81, "CAMPAIGN_EDIT", CampaignEditBody, Definition, [EXTENDED];
    /// Moves a campaign to another state if it still is at the version given.
    CampaignState = 82, "CAMPAIGN_STATE", CampaignStateBody, None, [];
    /// Gives cards to an owner, or makes bearer cards.
    Issue = 83, "ISSUE", IssueBody, Parties, [HAS_PARTIES];
    /// Gives one card to the user that asks for it; its campaign is named by its id or by the extra CODE, a given one.
    Claim = 84, "CLAIM", ClaimBody, Parties, [HAS_REFERRAL, HAS_PARTIES];
    /// Uses units of a card, named by its id or by the extra CODE.
    Redeem = 85, "REDEEM", RedeemBody, Parties, [HAS_GENERATION, HAS_OFFLINE, HAS_PARTIES];
    /// Gives units of a redemption back to its card.
    Reverse = 86, "REVERSE", ReverseBody, None, [];
    /// Activates, freezes, unfreezes, voids or extends a card, named by its id or by the extra CODE.
    CardChange = 87, "CARD_CHANGE", CardChangeBody, None, [HAS_GENERATION];
    /// Query: one campaign. Needs no operation id.
    CampaignShow = 88, "CAMPAIGN_SHOW", CampaignShowBody, None, [];
    /// Query: one card, named by its id or by the extra CODE. Needs no operation id.
    CardShow = 89, "CARD_SHOW", CardShowBody, None, [HAS_GENERATION];
    /// Query: the cards of an owner, a page of them, the newest first. Needs no operation id.
    WalletShow = 90, "WALLET_SHOW", WalletShowBody, None, [OF_CAMPAIGN, HAS_AFTER, USABLE];
    /// Query: what a cart costs with the cards named, or with the best of them or of a wallet. Needs no operation id.
    Quote = 91, "QUOTE", QuoteBody, Cart, [BEST];
    /// Prices a cart as QUOTE does, and takes the units of its stocks and of the cards that are used as RESERVE does, in one step.
    QuoteReserve = 105, "QUOTE_RESERVE", QuoteReserveBody, StockedCart, [BEST, HAS_REPLACE, HAS_PARTIES, HAS_TOTAL];
    /// Pays into a card of stored value, named by its id or by the extra CODE.
    TopUp = 92, "TOPUP", TopUpBody, None, [HAS_GENERATION];
    /// Adds stamps or points to a card, named by its id or by the extra CODE.
    Earn = 93, "EARN", EarnBody, None, [HAS_GENERATION];
    /// Voids what is left on a card of stored value, named by its id or by the extra CODE, and says what was paid for it.
    CardRefund = 94, "CARD_REFUND", CardRefundBody, None, [HAS_GENERATION];
    /// Lets a pass, named by its id or by the extra CODE, be valid for longer.
    Renew = 95, "RENEW", RenewBody, None, [HAS_GENERATION];
    /// Gives a pass, named by its id or by the extra CODE, another level.
    Level = 96, "LEVEL", LevelBody, None, [HAS_GENERATION];
    /// Gives a card, named by its id or by the extra CODE, to somebody.
    Gift = 97, "GIFT", GiftBody, None, [HAS_GENERATION];
    /// Accepts a card that is being given, named by its id or by the extra CODE.
    AcceptGift = 98, "ACCEPT_GIFT", AcceptGiftBody, None, [HAS_GENERATION];
    /// Takes a card that was not accepted yet, named by its id or by the extra CODE, back.
    CancelGift = 99, "CANCEL_GIFT", CancelGiftBody, None, [HAS_GENERATION];
    /// Gives codes that were made elsewhere bearer cards of a campaign, one each; those the merchant has in this slot already are left out.
    CodeImport = 127, "CODE_IMPORT", CodeImportBody, Texts, [];
    /// Lets the cards of a campaign be claimed under the extra CODE, or takes that back.
    CodeSet = 128, "CODE_SET", CodeSetBody, None, [NAMES_CAMPAIGN];
    /// Query: what the extra CODE, a given one, names. Needs no operation id.
    CodeShow = 129, "CODE_SHOW", EmptyBody, None, [];
    /// Makes an activity: users who bring friends to claim cards get cards themselves.
    ActivityCreate = 134, "ACTIVITY_CREATE", ActivityCreateBody, Rule, [];
    /// Replaces the rule of an activity if it still is at the version given.
    ActivityEdit = 135, "ACTIVITY_EDIT", ActivityEditBody, Rule, [];
    /// Query: an activity, what it has done, and what one of its referrers has. Needs no operation id.
    ActivityShow = 136, "ACTIVITY_SHOW", ActivityShowBody, None, [];
    /// Opens a group of users who want cards of a campaign together, with its first member.
    GroupOpen = 110, "GROUP_OPEN", GroupOpenBody, Parties, [HAS_PARTIES];
    /// Joins a group; the last one who does gives everybody his card.
    GroupJoin = 111, "GROUP_JOIN", GroupJoinBody, Parties, [HAS_PARTIES];
    /// Leaves a group that is not full.
    GroupLeave = 112, "GROUP_LEAVE", GroupLeaveBody, None, [];
    /// Query: a group with its members. Needs no operation id.
    GroupShow = 113, "GROUP_SHOW", GroupShowBody, None, [];
    /// Query: which cards of the merchant in this slot have expired or will soon, in the order they were told of. Needs no operation id.
    NoticesRead = 140, "NOTICES_READ", NoticesReadBody, None, [];
    /// Says that two user ids are one person.
    Link = 117, "LINK", LinkBody, None, [];
    /// Takes a user id out of its person again.
    Unlink = 118, "UNLINK", UnlinkBody, None, [];
    /// Query: the ids of a user's person. Needs no operation id.
    IdentityShow = 120, "IDENTITY_SHOW", IdentityShowBody, None, [];
    /// Keeps the words that a user's id was made from, sealed under a key of their own; those of before are destroyed.
    Label = 121, "LABEL", LabelBody, Name, [];
    /// Destroys the words of all ids of a user's person. Units, money and what limits count stay.
    Erase = 122, "ERASE", EraseBody, None, [];
    /// Voids a campaign and all of its cards that were not used, if it still is at the version given.
    CampaignVoid = 100, "CAMPAIGN_VOID", CampaignVoidBody, None, [];
    /// Voids the batch of bearer cards that a card lies in, named by its id or by the extra CODE.
    CardBatchVoid = 101, "CARD_BATCH_VOID", CardBatchVoidBody, None, [HAS_GENERATION];
    /// Gives an expired batch of bearer cards, one of them named by its id or by the extra CODE, back to the supply.
    CardBatchRecycle = 102, "CARD_BATCH_RECYCLE", CardBatchRecycleBody, None, [HAS_GENERATION];
    /// Ends an expired card, named by its id or by the extra CODE, for another one, for points or for a card of another campaign.
    Recycle = 103, "RECYCLE", RecycleBody, None, [HAS_GENERATION];
    /// Gives what cards have to another one of the same owner, named by its id or by the extra CODE, and voids them.
    Merge = 104, "MERGE", MergeBody, Cards, [HAS_GENERATION];
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
            Command::KeyReclaim { .. } => CommandKind::KeyReclaim,
            Command::KeysExport { .. } => CommandKind::KeysExport,
            Command::KeysList { .. } => CommandKind::KeysList,
            Command::KeysRead { .. } => CommandKind::KeysRead,
            Command::BatchesShow { .. } => CommandKind::BatchesShow,
            Command::OwedShow { .. } => CommandKind::OwedShow,
            Command::OrderShow { .. } => CommandKind::OrderShow,
            Command::Reserve { .. } => CommandKind::Reserve,
            Command::Extend { .. } => CommandKind::Extend,
            Command::Confirm { .. } => CommandKind::Confirm,
            Command::Release => CommandKind::Release,
            Command::Cancel => CommandKind::Cancel,
            Command::Sell { .. } => CommandKind::Sell,
            Command::Return { .. } => CommandKind::Return,
            Command::StockShow { .. } => CommandKind::StockShow,
            Command::StockLimits { .. } => CommandKind::StockLimits,
            Command::StockPrice { .. } => CommandKind::StockPrice,
            Command::RiskSet { .. } => CommandKind::RiskSet,
            Command::BlockSet { .. } => CommandKind::BlockSet,
            Command::StockTermsShow { .. } => CommandKind::StockTermsShow,
            Command::RiskShow { .. } => CommandKind::RiskShow,
            Command::ZoneSet(_) => CommandKind::ZoneSet,
            Command::ZoneShow => CommandKind::ZoneShow,
            Command::Link { .. } => CommandKind::Link,
            Command::Unlink { .. } => CommandKind::Unlink,
            Command::IdentityShow { .. } => CommandKind::IdentityShow,
            Command::Label { .. } => CommandKind::Label,
            Command::Erase { .. } => CommandKind::Erase,
            Command::OperationShow => CommandKind::OperationShow,
            Command::StockChannels { .. } => CommandKind::StockChannels,
            Command::CampaignCreate(_) => CommandKind::CampaignCreate,
            Command::CampaignEdit { .. } => CommandKind::CampaignEdit,
            Command::CampaignState { .. } => CommandKind::CampaignState,
            Command::Issue(Issue { claimed: false, .. }) => CommandKind::Issue,
            Command::Issue(Issue { claimed: true, .. }) => CommandKind::Claim,
            Command::Redeem(_) => CommandKind::Redeem,
            Command::Reverse { .. } => CommandKind::Reverse,
            Command::CardChange { .. } => CommandKind::CardChange,
            Command::CampaignShow { .. } => CommandKind::CampaignShow,
            Command::CardShow { .. } => CommandKind::CardShow,
            Command::WalletShow { .. } => CommandKind::WalletShow,
            Command::Quote(_) => CommandKind::Quote,
            Command::QuoteReserve(_) => CommandKind::QuoteReserve,
            Command::Account { wish, .. } => match wish {
                AccountWish::TopUp { .. } => CommandKind::TopUp,
                AccountWish::Earn { .. } => CommandKind::Earn,
                AccountWish::Refund => CommandKind::CardRefund,
                AccountWish::Renew { .. } => CommandKind::Renew,
                AccountWish::Level { .. } => CommandKind::Level,
            },
            Command::CodeImport { .. } => CommandKind::CodeImport,
            Command::CodeSet { .. } => CommandKind::CodeSet,
            Command::CodeShow { .. } => CommandKind::CodeShow,
            Command::Recycle { .. } => CommandKind::Recycle,
            Command::Merge(_) => CommandKind::Merge,
            Command::CampaignVoid { .. } => CommandKind::CampaignVoid,
            Command::CardBatchEnd { end: BatchEnd::Void { .. }, .. } => CommandKind::CardBatchVoid,
            Command::CardBatchEnd { end: BatchEnd::Recycle, .. } => CommandKind::CardBatchRecycle,
            Command::Gift { wish, .. } => match wish {
                GiftWish::Give { .. } => CommandKind::Gift,
                GiftWish::Accept { .. } => CommandKind::AcceptGift,
                GiftWish::Cancel { .. } => CommandKind::CancelGift,
            },
            Command::NoticesRead { .. } => CommandKind::NoticesRead,
            Command::Group(wish) => match wish {
                GroupWish::Open { .. } => CommandKind::GroupOpen,
                GroupWish::Join { .. } => CommandKind::GroupJoin,
                GroupWish::Leave { .. } => CommandKind::GroupLeave,
                GroupWish::Show { .. } => CommandKind::GroupShow,
            },
            Command::Activity(wish) => match wish {
                ActivityWish::Create { .. } => CommandKind::ActivityCreate,
                ActivityWish::Edit { .. } => CommandKind::ActivityEdit,
                ActivityWish::Show { .. } => CommandKind::ActivityShow,
            },
        }
    }
}

//! Flags of `scrip campaign`, `card`, `wallet` and `code`.

use super::BoundArgs;
use super::ServerArgs;
use super::accounts::{AccountArgs, EarnArgs, LevelArgs, RenewArgs, TopUpArgs};
use super::endings::{CampaignVoidArgs, MergeArgs, RecycleArgs, VoidBatchArgs};
use super::gifts::{AcceptArgs, CancelGiftArgs, GiftArgs};
use super::sale::{FactsArgs, OperationArgs, PartiesArgs};
use super::values;
use crate::keys::arguments::CodeImportArgs;
use clap::{Args, Subcommand, ValueEnum};
use scrip_client::{CampaignKind, ChannelId, ScopeEntry, Segments, Tier};
use std::path::PathBuf;
use std::time::Duration;

const MONEY_HELP: &str = "\
Amounts with a decimal point are in major units, without one in minor units: 5.00 and 500 are the same.
  scrip campaign create tea5 --kind amount-off --value 5.00 --threshold 30.00 --units 10000 --limit-per-user 1 --run
  scrip campaign create tea15 --kind percent-off --value 15.00 --cap 20.00 --units 10000      15 percent, at most 20.00
  scrip campaign create tiers --kind amount-off --tier 100.00=10.00 --tier 200.00=25.00 --units 500
  scrip campaign create cup --kind item --units 500                                           one piece of an item
  scrip campaign create cups10 --kind uses --balance 10 --interval 1day --inactive --units 500
  scrip campaign create gift100 --kind stored-value --currency CNY --balance 100.00 --value 95.00 --units 500     sold for 95.00
  scrip campaign create ten --kind stamps --goal 10 --units 500
  scrip campaign create points --kind points --value 100 --earned-lasts 365days --units 500     a point is worth 1.00 hundredth
  scrip campaign create club --kind pass --level 99.00=5.00 --level 199.00=10.00 --lasts 365days --units 500
  scrip campaign create new5 --kind amount-off --value 5.00 --scope claim-segment=7 --scope claim-channel=mini --units 1000
  scrip campaign create lunch --kind amount-off --value 5.00 --budget 5000.00 --cards-per-day 100 --weekdays mon-fri --hours 11:00-14:00 --units 1000";

/// `scrip campaign`.
#[derive(Debug, Subcommand)]
pub enum CampaignCommand {
    /// Make a campaign: what its cards are worth, and how many there are
    #[command(after_help = MONEY_HELP)]
    Create(Box<CampaignCreateArgs>),
    /// Show where it stands, what its cards are worth, and how many were issued
    Show(CampaignNameArgs),
    /// Change what its cards are worth; what is not named stays
    #[command(after_help = MONEY_HELP)]
    Edit(Box<CampaignEditArgs>),
    /// Begin or go on to issue cards
    Run(CampaignNameArgs),
    /// Issue none for the time being; cards that are out can be redeemed
    Pause(CampaignNameArgs),
    /// Issue none any more, for good; cards that are out can be redeemed
    Stop(CampaignNameArgs),
    /// Make it void, for good, with all of its cards that were not used
    Void(CampaignVoidArgs),
}

/// A campaign by its name.
#[derive(Debug, Args)]
pub struct CampaignNameArgs {
    /// Its name (or number)
    pub name: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip campaign create`.
#[derive(Debug, Args)]
pub struct CampaignCreateArgs {
    /// Its name (or number)
    pub name: String,
    /// What its cards are worth
    #[arg(long, value_enum)]
    pub kind: KindName,
    /// Cards that can be issued
    #[arg(long)]
    pub units: u64,
    /// Units of a new card: pieces of an item, uses, points, money [default: 1; of stored value, stamps and points 0]
    #[arg(long, value_name = "UNITS", value_parser = values::units)]
    pub balance: Option<u32>,
    /// Of stored value: three capital letters, such as CNY
    #[arg(long, value_name = "CODE", value_parser = values::currency, required_if_eq("kind", "stored-value"))]
    pub currency: Option<[u8; 3]>,
    /// Cards begin inactive and are to be activated
    #[arg(long)]
    pub inactive: bool,
    /// Cards one user may have; 0: no limit
    #[arg(long, default_value_t = 0)]
    pub limit_per_user: u32,
    /// Issue no card before this time (milliseconds since the Unix epoch)
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub opens_ms: u64,
    /// Issue no card from this time on (milliseconds since the Unix epoch)
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub closes_ms: u64,
    /// Codes of 18 characters instead of 20: easier to guess, for cards of low value
    #[arg(long)]
    pub short_codes: bool,
    /// Begin to issue cards at once
    #[arg(long)]
    pub run: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub worth: WorthArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub bounds: BoundArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip campaign edit`.
#[derive(Debug, Args)]
pub struct CampaignEditArgs {
    /// Its name (or number)
    pub name: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub worth: WorthArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub bounds: BoundArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// What can be changed of a definition.
#[derive(Debug, Args)]
pub struct WorthArgs {
    /// What is taken off, the percent (15.00), or the fixed price; of stored value what is paid for a new card; of points what
    /// one is worth in hundredths of a minor unit
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    pub value: Option<u64>,
    /// The least amount an order must have
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    pub threshold: Option<u64>,
    /// The most a discount can be; 0: no maximum
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    pub cap: Option<u64>,
    /// Grant the value for each whole threshold in the amount
    #[arg(long)]
    pub each: bool,
    /// In place of threshold and value, up to 8 in ascending order: from this amount on so much off
    #[arg(long, value_name = "AMOUNT=AMOUNT", num_args = 1, value_parser = values::tier, conflicts_with_all = ["value", "threshold", "each"])]
    pub tier: Vec<Tier>,
    /// Of stamps: how many fill a card
    #[arg(long, value_name = "STAMPS", conflicts_with = "value")]
    pub goal: Option<u64>,
    /// Of a pass, up to 8 from level 1 on: its price and the percent it takes off
    #[arg(long, value_name = "AMOUNT=PERCENT", num_args = 1, value_parser = values::tier, conflicts_with_all = ["value", "tier", "each"])]
    pub level: Vec<Tier>,
    /// Of stored value: which lots are spent first
    #[arg(long, value_enum, value_name = "WHICH")]
    pub spend: Option<SpendName>,
    /// Of points: for how long those that are earned can be spent, such as 365days
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub earned_lasts: Option<Duration>,
    /// In quotes: the stacking class of its cards, 0 to 31
    #[arg(long, value_name = "CLASS", value_parser = clap::value_parser!(u8).range(0..=31))]
    pub class: Option<u8>,
    /// In quotes: the stacking classes its cards may be used with, such as 0,3; all; none: each is used alone, stored value with all
    #[arg(long, value_name = "CLASSES", value_parser = values::classes)]
    pub combines: Option<u32>,
    /// In quotes: whether the threshold counts what lines cost before any card, or after earlier ones
    #[arg(long, value_name = "YES")]
    pub before: Option<bool>,
    /// Cards can be used for these alone, by users in these segments, and be got through these channels by users in these segments;
    /// up to 64: channel=mini, store=12, product=7, category=3, segment=5, claim-channel=h5, claim-segment=6
    #[arg(long, value_name = "WHAT=ID", num_args = 1, value_parser = values::scope)]
    pub scope: Vec<ScopeEntry>,
    /// Cards are valid from this time on (milliseconds since the Unix epoch)
    #[arg(long, value_name = "MS")]
    pub valid_from_ms: Option<u64>,
    /// Cards are valid until this time (milliseconds since the Unix epoch)
    #[arg(long, value_name = "MS")]
    pub valid_until_ms: Option<u64>,
    /// Cards are valid from so long after their receipt on, such as 1day
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub starts_after: Option<Duration>,
    /// Cards are valid for so long then, such as 30days
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub lasts: Option<Duration>,
    /// Time between two redemptions of one card of uses, or of one pass
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub interval: Option<Duration>,
    /// Time in which a redemption can be reversed [default: 90 days]
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub window: Option<Duration>,
    /// How long a card lives at least after a reversal
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub grace: Option<Duration>,
}

/// What cards are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindName {
    /// So much off
    AmountOff,
    /// A part off
    PercentOff,
    /// Pieces of an item
    Item,
    /// An item at a price
    FixedPrice,
    /// So many uses
    Uses,
    /// Money that was paid in: a gift card
    StoredValue,
    /// Filled stamp by stamp, then used whole
    Stamps,
    /// Points that are earned and spent
    Points,
    /// A membership with levels
    Pass,
}

/// Which lots are spent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SpendName {
    /// Those that end first
    Earliest,
    /// Bonus
    Bonus,
    /// Principal
    Principal,
}

impl KindName {
    /// The kind.
    pub const fn kind(self) -> CampaignKind {
        match self {
            KindName::AmountOff => CampaignKind::AmountOff,
            KindName::PercentOff => CampaignKind::PercentOff,
            KindName::Item => CampaignKind::Item,
            KindName::FixedPrice => CampaignKind::FixedPrice,
            KindName::Uses => CampaignKind::Uses,
            KindName::StoredValue => CampaignKind::StoredValue,
            KindName::Stamps => CampaignKind::Stamps,
            KindName::Points => CampaignKind::Points,
            KindName::Pass => CampaignKind::Pass,
        }
    }
}

/// `scrip card`.
#[derive(Debug, Subcommand)]
pub enum CardCommand {
    /// Give cards of a campaign to a user, or make bearer cards
    Issue(IssueArgs),
    /// Get one card of a campaign for a user that asks for it
    Claim(ClaimArgs),
    /// Show a card
    Show(CardArgs),
    /// Use a card on an order
    Redeem(RedeemArgs),
    /// Bring the uses that a till has taken while it was offline, from a file
    #[command(after_help = UPLOAD_HELP)]
    Upload(UploadArgs),
    /// Give a redemption's units back to its card
    Reverse(ReverseArgs),
    /// Make an inactive card usable
    Activate(CardArgs),
    /// Make a card unusable for the time being
    Freeze(CardArgs),
    /// Make a frozen card usable again
    Unfreeze(CardArgs),
    /// Make a card unusable for good
    Void(CardArgs),
    /// Make all bearer cards unusable for good that were issued together with this one and not used
    VoidBatch(VoidBatchArgs),
    /// Issue as many cards again as have expired of the bearer cards that were issued together with this one
    RecycleBatch(AccountArgs),
    /// End an expired card: issue another in its place, or give its owner something else
    Recycle(RecycleArgs),
    /// Put what cards of one owner have on one of them: gift cards, stamps, points
    Merge(MergeArgs),
    /// Say which cards have expired, or will as soon as their campaigns want it told (`--remind`), in the order they were told of
    Notices(NoticesArgs),
    /// Let a card be valid until another time
    Extend(ExtendArgs),
    /// Pay into a gift card
    Topup(TopUpArgs),
    /// Add stamps or points to a card
    Earn(EarnArgs),
    /// Void what is left on a gift card, and say what was paid for it
    Refund(AccountArgs),
    /// Let a membership be valid for longer
    Renew(RenewArgs),
    /// Give a membership another level, up or down
    Level(LevelArgs),
    /// Give a card to somebody, who has so long to accept it
    Gift(GiftArgs),
    /// Accept a card that is being given: its codes from before open nothing any more
    Accept(AcceptArgs),
    /// Take a card back that was not accepted yet
    CancelGift(CancelGiftArgs),
}

const UPLOAD_HELP: &str = "\
A row has a card's id or code, the order, the amount, when it happened (milliseconds since the Unix epoch) and the till's number; a
further column, if there is one, is the operation's reference. A first row of headings is passed over, and so are empty ones:
  card,order,amount,occurred_at,terminal
  4KQ7-9XH2-…,T1,30.00,1764000000000,7
Run it again as often as needed: a row that was brought before is answered as before. A conflict is a use of a card that was not to be
had any more; it is recorded and moves nothing. Rows older than the server remembers operations (24 h) are refused.";

/// `scrip card upload`.
#[derive(Debug, Args)]
pub struct UploadArgs {
    /// The file, comma-separated
    pub file: PathBuf,
    /// Write the rows that were refused or not understood to this file, with the reason behind each
    #[arg(long, value_name = "FILE")]
    pub failures: Option<PathBuf>,
    /// The store's number
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub store: u64,
    /// The channel the cards were used through, by name or number
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// A card by id or code.
#[derive(Debug, Args)]
pub struct CardArgs {
    /// Its id, as `scrip card issue` prints it, or its code
    pub card: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip card issue`.
#[derive(Debug, Args)]
pub struct IssueArgs {
    /// The campaign's name (or number)
    pub campaign: String,
    /// Who gets them [default: nobody; they are bearer cards]
    #[arg(long, value_name = "REFERENCE")]
    pub user: Option<String>,
    /// How many: 1 to 64 for a user, up to 134,217,728 bearer cards
    #[arg(long, default_value_t = 1)]
    pub count: u32,
    /// The channel that issues them, by name or number
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    /// The segments that the user is in, such as 3,7
    #[arg(long, value_name = "NUMBERS", value_parser = values::segments)]
    pub segments: Option<Segments>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip card claim`.
#[derive(Debug, Args)]
pub struct ClaimArgs {
    /// The campaign's name (or number)
    #[arg(required_unless_present = "code", conflicts_with = "code")]
    pub campaign: Option<String>,
    /// The code under which its cards are claimed, in place of its name
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Who asks
    #[arg(long, value_name = "REFERENCE")]
    pub user: String,
    /// By whose word he comes
    #[arg(long, value_name = "REFERENCE", requires = "activity")]
    pub referrer: Option<String>,
    /// The activity in which that counts, by name (or number)
    #[arg(long, value_name = "ACTIVITY", requires = "referrer", conflicts_with = "code")]
    pub activity: Option<String>,
    /// The channel he asks through, by name or number
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub parties: PartiesArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip card redeem`.
#[derive(Debug, Args)]
pub struct RedeemArgs {
    /// Its id or its code
    pub card: String,
    /// What of the order the card may be used on; with a decimal point in major units
    #[arg(long, default_value = "0", value_name = "AMOUNT", value_parser = values::amount)]
    pub amount: u64,
    /// Units to use; 0: 1; of a gift card or points as much as the amount takes and there is
    #[arg(long, default_value = "0", value_parser = values::units)]
    pub units: u32,
    /// The order
    #[arg(long, value_name = "REFERENCE")]
    pub order: Option<String>,
    /// Who uses it
    #[arg(long, value_name = "REFERENCE")]
    pub user: Option<String>,
    /// The store's number
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub store: u64,
    /// The product's number
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub product: u64,
    /// The category's number
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub category: u64,
    /// It happened at this time (milliseconds since the Unix epoch), at a till that was offline
    #[arg(long, value_name = "MS")]
    pub occurred_at: Option<u64>,
    /// The till's number
    #[arg(
        long,
        value_name = "NUMBER",
        requires = "occurred_at",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub terminal: u64,
    /// The channel it is used through, by name or number
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub parties: PartiesArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub facts: FactsArgs,
}

/// `scrip card reverse`.
#[derive(Debug, Args)]
pub struct ReverseArgs {
    /// The redemption, as `scrip card redeem` printed it, or its --operation
    pub redemption: String,
    /// Units to give back; 0: all that are left
    #[arg(long, default_value = "0", value_parser = values::units)]
    pub units: u32,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub facts: FactsArgs,
}

/// `scrip card extend`.
#[derive(Debug, Args)]
pub struct ExtendArgs {
    /// Its id or its code
    pub card: String,
    /// Valid until this time (milliseconds since the Unix epoch)
    #[arg(long, value_name = "MS", required_unless_present = "until_in")]
    pub until_ms: Option<u64>,
    /// Valid for so long from now, such as 30days
    #[arg(long, value_name = "SPAN", value_parser = values::span, conflicts_with = "until_ms")]
    pub until_in: Option<Duration>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip card notices`.
#[derive(Debug, Args)]
pub struct NoticesArgs {
    /// Only notices behind this one, as the last call has printed it; 0: all that are still there
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub since: u64,
    /// Stop behind about so many
    #[arg(long)]
    pub limit: Option<usize>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip wallet`.
#[derive(Debug, Args)]
pub struct WalletArgs {
    /// Whose
    #[arg(value_name = "USER")]
    pub user: String,
    /// Only cards of this campaign
    #[arg(long)]
    pub campaign: Option<String>,
    /// Only cards that can be used now: active and valid, with something left
    #[arg(long)]
    pub usable: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip code`.
#[derive(Debug, Subcommand)]
pub enum CodeCommand {
    /// Write the codes of a campaign's cards to a file. Needs the server's master key: run it where that lies
    Export(CodeExportArgs),
    /// Give codes that were made elsewhere to bearer cards of a campaign, once however often it is run: text (one code a line) or CSV
    Import(Box<CodeImportArgs>),
    /// Let the cards of a campaign be claimed under a code, such as SUMMER26
    Set {
        /// The code: 3 to 32 of A-Z, 0-9, - and _
        code: String,
        /// The campaign's name (or number)
        campaign: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Take a code back under which cards were claimed
    Unset {
        /// The code
        code: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Say whether a code is well written, and what its card is; of a given code what it names
    Check {
        /// The code, in any form in which it is printed
        code: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
}

/// `scrip code export`.
#[derive(Debug, Args)]
pub struct CodeExportArgs {
    /// The campaign's name (or number)
    pub campaign: String,
    /// The file to make: CSV of serial, card and code; readable by its owner alone
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Begin with this card, such as the first of a batch [default: the campaign's first]
    #[arg(long, value_name = "CARD")]
    pub from: Option<String>,
    /// So many cards [default: all that were issued since]
    #[arg(long)]
    pub count: Option<u64>,
    /// In groups of four, with hyphens
    #[arg(long)]
    pub grouped: bool,
    /// Which of a card's codes: how often it has changed hands [default: of one card the one in force, else 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=31))]
    pub generation: Option<u8>,
    /// The master key's file [default: DIR.master-key beside the data directory]
    #[arg(long, value_name = "FILE")]
    pub master_key: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

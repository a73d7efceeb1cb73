//! Flags of `scrip stock`.

use super::ServerArgs;
use super::values::{self, PriceWish, QuotaWish};
use clap::{Args, Subcommand, ValueEnum};
use std::time::Duration;

const QUOTA_HELP: &str = "\
A quota is CHANNEL=QUOTA, the channel by name (own, mini, app, h5, pos, taobao, tmall, jd, pdd, douyin, ...) or number:
  taobao=3000         a cap: at most 3,000 units held and sold
  taobao=1000..3000   1,000 units that no other channel can take, and the cap
  taobao=1000..       the guarantee without a cap
  taobao=none         neither
  own=rest            guarantees what is available and that no other channel's guarantee or cap lays claim to
Units count that the channel holds or has sold already. Channels that are not named keep their quotas.";

const LIMIT_HELP: &str = "\
Limits are set for one kind of subject at a time; what is not named stays, 0 is no limit:
  scrip stock limit steam50 2                              2 units per user in all
  scrip stock limit steam50 2 --subject limit-key          2 per natural person, whatever his accounts
  scrip stock limit steam50 --subject device --per-day 1   1 unit a day per device
  scrip stock limit steam50 --per-day 2 --zone             2 units a day, by the zone of `scrip merchant zone set`
  scrip stock limit steam50 --per-week 3 --per-month 9     3 a week, from Monday to Sunday, and 9 a month
  scrip stock limit steam50 --held 3                       a user holds 3 units at once, at most
A subject that a sale does not name is not limited, but for the user: he must be named where users are limited.";

const PRICE_HELP: &str = "\
A price is CHANNEL=AMOUNT in minor units (cents, fen), the channel by name or number, or any for all without their own:
  scrip stock price steam50 any=4990 taobao=5190
  scrip stock price steam50 own=4490 --kind member
  scrip stock price steam50 any=3990 --kind promotional --from-in 2h --until-in 4h
  scrip stock price steam50 taobao=none                    without a price of its own again
The lowest price in force counts. Prices of other channels and kinds stay.";

/// `scrip stock`.
#[derive(Debug, Subcommand)]
pub enum StockCommand {
    /// Make a stock: of units that are counted, or of card keys
    Create {
        /// Its name (or number)
        name: String,
        /// Units available from the start [default: 0; with --reusable: no maximum]
        #[arg(long)]
        units: Option<u64>,
        /// Each unit is a card key; `scrip keys import` brings them
        #[arg(long)]
        keys: bool,
        /// Sell the keys of a batch in random order
        #[arg(long, requires = "keys")]
        random: bool,
        /// One key that every buyer gets, such as a link: `scrip keys import` of a file with one key sets it; --units is how
        /// often it is sold at most
        #[arg(long, requires = "keys", conflicts_with = "random")]
        reusable: bool,
        /// An order has at most one sale or hold of it, however often it is asked for
        #[arg(long)]
        once_per_order: bool,
        /// Units one user may hold and have bought; 0: no limit
        #[arg(long, default_value_t = 0)]
        limit_per_user: u32,
        /// No sale before this time (milliseconds since the Unix epoch)
        #[arg(long, default_value_t = 0)]
        opens_ms: u64,
        /// No sale from this time on (milliseconds since the Unix epoch)
        #[arg(long, default_value_t = 0)]
        closes_ms: u64,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Show its units and rules
    Show {
        /// Its name (or number)
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Add units
    Supply {
        /// Its name (or number)
        name: String,
        /// Units to add
        units: u64,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Show what each channel may take, or say it
    #[command(after_help = QUOTA_HELP)]
    Quota {
        /// Its name (or number)
        name: String,
        /// Quotas to set; none: show the table
        #[arg(value_name = "CHANNEL=QUOTA", num_args = 0..=64, value_parser = values::quota)]
        quotas: Vec<QuotaWish>,
        #[command(flatten)]
        #[allow(missing_docs)]
        lapse: LapseArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Show what a buyer, person, device or address may have of it, or say it
    #[command(after_help = LIMIT_HELP)]
    Limit {
        /// Its name (or number)
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        limit: LimitArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Show what a unit costs on each channel, or say it
    #[command(after_help = PRICE_HELP)]
    Price {
        /// Its name (or number)
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        price: PriceArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Change its sale rules; those not named stay
    Edit {
        /// Its name (or number)
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        edit: EditArgs,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Set units aside; units held follow when they come back
    Freeze {
        /// Its name (or number)
        name: String,
        /// How many
        units: u64,
        /// Also where that cuts into channels' guarantees, which are lowered then
        #[arg(long)]
        forced: bool,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Make units available again that were set aside
    Unfreeze {
        /// Its name (or number)
        name: String,
        /// How many
        units: u64,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Take units out for good; units held follow when they come back
    Void {
        /// Its name (or number)
        name: String,
        /// How many
        units: u64,
        /// Also where that cuts into channels' guarantees, which are lowered then
        #[arg(long)]
        forced: bool,
        /// Take units that were set aside instead of available ones
        #[arg(long, conflicts_with = "forced")]
        from_frozen: bool,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
}

impl StockCommand {
    /// The stock's name, and where its server is.
    pub fn subject(&self) -> (&str, &ServerArgs) {
        match self {
            StockCommand::Create { name, server, .. }
            | StockCommand::Show { name, server }
            | StockCommand::Supply { name, server, .. }
            | StockCommand::Quota { name, server, .. }
            | StockCommand::Limit { name, server, .. }
            | StockCommand::Price { name, server, .. }
            | StockCommand::Edit { name, server, .. }
            | StockCommand::Freeze { name, server, .. }
            | StockCommand::Unfreeze { name, server, .. }
            | StockCommand::Void { name, server, .. } => (name, server),
        }
    }
}

/// What one kind of subject may have.
#[derive(Debug, Clone, Copy, Args)]
pub struct LimitArgs {
    /// Units held and bought in all
    pub units: Option<u32>,
    /// Units held and bought per day of the hold's making
    #[arg(long, value_name = "UNITS")]
    pub per_day: Option<u32>,
    /// Units held and bought per week (Monday to Sunday) of the hold's making
    #[arg(long, value_name = "UNITS")]
    pub per_week: Option<u32>,
    /// Units held and bought per month of the hold's making
    #[arg(long, value_name = "UNITS")]
    pub per_month: Option<u32>,
    /// Units held at once
    #[arg(long, value_name = "UNITS")]
    pub held: Option<u32>,
    /// Whose
    #[arg(long, value_enum, default_value_t = SubjectName::User)]
    pub subject: SubjectName,
    /// Where the days begin, such as +08:00; the first limits of a stock fix it for good
    #[arg(long, value_name = "OFFSET", value_parser = values::offset, allow_hyphen_values = true)]
    pub utc_offset: Option<i16>,
    /// The days are those of the merchant's zone (`scrip merchant zone`); the first limits of a stock fix that for good
    #[arg(long, conflicts_with = "utc_offset")]
    pub zone: bool,
}

impl LimitArgs {
    /// Whether nothing is to be changed.
    pub fn shows(&self) -> bool {
        let clock = self.zone || self.utc_offset.is_some();
        let limits = [self.units, self.per_day, self.per_week, self.per_month, self.held];
        !clock && limits.iter().all(Option::is_none)
    }
}

/// A kind of subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SubjectName {
    /// The buyer
    User,
    /// A natural person, whatever his accounts
    LimitKey,
    /// A device
    Device,
    /// An address
    Address,
}

/// What a unit costs.
#[derive(Debug, Clone, Args)]
pub struct PriceArgs {
    /// Prices to set; none: show the table
    #[arg(value_name = "CHANNEL=AMOUNT", num_args = 0..=64, value_parser = values::price)]
    pub prices: Vec<PriceWish>,
    /// To whom they are offered
    #[arg(long, value_enum, default_value_t = PriceName::List, requires = "prices")]
    pub kind: PriceName,
    /// In force from this time on (milliseconds since the Unix epoch)
    #[arg(long, value_name = "MS", requires = "prices")]
    pub from_ms: Option<u64>,
    /// In force from this long from now on, such as 2h
    #[arg(long, value_name = "SPAN", value_parser = values::span, conflicts_with = "from_ms", requires = "prices")]
    pub from_in: Option<Duration>,
    /// No longer in force from this time on (milliseconds since the Unix epoch)
    #[arg(long, value_name = "MS", requires = "prices")]
    pub until_ms: Option<u64>,
    /// No longer in force this long from now, such as 4h
    #[arg(long, value_name = "SPAN", value_parser = values::span, conflicts_with = "until_ms", requires = "prices")]
    pub until_in: Option<Duration>,
}

/// A kind of price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PriceName {
    /// For everybody
    List,
    /// For members
    Member,
    /// For everybody, as a promotion
    Promotional,
}

/// When the guarantees that are being set lapse.
#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
pub struct LapseArgs {
    /// The guarantees lapse at this time (milliseconds since the Unix epoch)
    #[arg(long, requires = "quotas", value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub lapses_ms: Option<u64>,
    /// The guarantees lapse this long from now, such as 2h
    #[arg(long, requires = "quotas", value_name = "SPAN", value_parser = values::span)]
    pub lapses_in: Option<Duration>,
}

/// `scrip stock edit`.
#[derive(Debug, Clone, Copy, Args)]
#[group(required = true, multiple = true)]
pub struct EditArgs {
    /// No sale before this time (milliseconds since the Unix epoch); 0: none
    #[arg(long, value_name = "MS")]
    pub opens_ms: Option<u64>,
    /// No sale before this long from now, such as 2h
    #[arg(long, value_name = "SPAN", value_parser = values::span, conflicts_with = "opens_ms")]
    pub opens_in: Option<Duration>,
    /// No sale from this time on (milliseconds since the Unix epoch); 0: none
    #[arg(long, value_name = "MS")]
    pub closes_ms: Option<u64>,
    /// No sale from this long from now on, such as 2h
    #[arg(long, value_name = "SPAN", value_parser = values::span, conflicts_with = "closes_ms")]
    pub closes_in: Option<Duration>,
    /// Units one user may hold and have bought; 0: no limit
    #[arg(long, value_name = "UNITS")]
    pub limit_per_user: Option<u32>,
    /// Stop the sale, late confirms included, or let it go on
    #[arg(long, value_name = "true|false")]
    pub sale_frozen: Option<bool>,
}

//! Flags of `scrip stock`.

use super::ServerArgs;
use super::values::{self, QuotaWish};
use clap::{Args, Subcommand};
use std::time::Duration;

const QUOTA_HELP: &str = "\
A quota is CHANNEL=QUOTA, the channel by name (own, mini, app, h5, pos, taobao, tmall, jd, pdd, douyin, ...) or number:
  taobao=3000         a cap: at most 3,000 units held and sold
  taobao=1000..3000   1,000 units that no other channel can take, and the cap
  taobao=1000..       the guarantee without a cap
  taobao=none         neither
  own=rest            guarantees what is available and that no other channel's guarantee or cap lays claim to
Units count that the channel holds or has sold already. Channels that are not named keep their quotas.";

/// `scrip stock`.
#[derive(Debug, Subcommand)]
pub enum StockCommand {
    /// Make a stock: of units that are counted, or of card keys
    Create {
        /// Its name (or number)
        name: String,
        /// Units available from the start
        #[arg(long, default_value_t = 0)]
        units: u64,
        /// Each unit is a card key; `scrip keys import` brings them
        #[arg(long, conflicts_with = "units")]
        keys: bool,
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
    /// Set how many units one user may hold and have bought
    Limit {
        /// Its name (or number)
        name: String,
        /// Units per user; 0: no limit
        units: u32,
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
            | StockCommand::Edit { name, server, .. }
            | StockCommand::Freeze { name, server, .. }
            | StockCommand::Unfreeze { name, server, .. }
            | StockCommand::Void { name, server, .. } => (name, server),
        }
    }
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

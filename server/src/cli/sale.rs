//! Flags of `scrip sell`, `reserve`, `confirm`, `release`, `return`, `cancel`, `hold`, `order` and `owed`.

use super::ServerArgs;
use super::values::{self, Item};
use clap::{Args, Subcommand};
use scrip_client::{ChannelId, Segments};
use std::time::Duration;

const SELL_HELP: &str = "\
Repeating the command with the same --operation is the same sale: it gives the same answer and sells nothing more.
With other content it is refused (OPERATION_MISMATCH). That holds for the server's operation window (24 hours by
default). A UUIDv7 or ULID is safe for ever, and so is --created-ms as the first answer printed it: later than the
window, the repeat is refused (OPERATION_TOO_OLD) instead of made anew.";

/// The operation's id.
#[derive(Debug, Args)]
pub struct OperationArgs {
    /// Makes the command idempotent: any text of your own, such as an order line [default: a new id]
    #[arg(long, value_name = "REFERENCE")]
    pub operation: Option<String>,
    /// When the operation was made, as its first answer said (milliseconds since the Unix epoch)
    #[arg(long, requires = "operation", value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub created_ms: Option<u64>,
}

/// What goes into the log for reports.
#[derive(Debug, Args)]
pub struct FactsArgs {
    /// For reports: what was paid and where, as {"gross":8000,"paid":7000,"cost":5000,"currency":"CNY","order":"T1","store":"s1",
    /// "variant":"red","funders":{"platform":600}}; amounts in minor units, all of it optional
    #[arg(long, value_name = "JSON", value_parser = values::facts)]
    pub facts: Option<String>,
}

/// Who takes what, for whom.
#[derive(Debug, Args)]
pub struct TakeArgs {
    /// Stocks and units of each: steam50 is one unit, steam50:3 are three
    #[arg(value_name = "NAME[:UNITS]", required = true, num_args = 1..=64, value_parser = values::item)]
    pub items: Vec<Item>,
    /// The channel that sells, by name or number
    #[arg(long, value_parser = values::channel)]
    pub channel: ChannelId,
    /// The buyer; purchase limits need one
    #[arg(long, value_name = "REFERENCE")]
    pub user: Option<String>,
    /// The order
    #[arg(long, value_name = "REFERENCE")]
    pub order: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub cards: CardsArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub parties: PartiesArgs,
    /// What the buyer was told that all of it costs, in minor units; refused if it costs anything else
    #[arg(long, value_name = "AMOUNT")]
    pub expect: Option<u64>,
    /// The buyer is a member: prices for members are his, too
    #[arg(long)]
    pub member: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// Cards that are used for what is taken.
#[derive(Debug, Args)]
pub struct CardsArgs {
    /// A card to use for it, by its id or its code; CARD:3 uses three units, CARD:20.00 so much of a gift card. Up to 20 of them
    #[arg(long = "card", value_name = "CARD[:UNITS]", num_args = 1)]
    pub cards: Vec<String>,
    /// What of the order the cards may be used on; with a decimal point in major units [default: --expect]
    #[arg(long, requires = "cards", value_name = "AMOUNT", value_parser = values::amount)]
    pub amount: Option<u64>,
    /// The store's number, for cards that are for some stores alone
    #[arg(long, requires = "cards", default_value_t = 0, hide_default_value = true)]
    pub store: u64,
    /// The product's number, likewise
    #[arg(long, requires = "cards", default_value_t = 0, hide_default_value = true)]
    pub product: u64,
    /// The category's number, likewise
    #[arg(long, requires = "cards", default_value_t = 0, hide_default_value = true)]
    pub category: u64,
}

/// Whom else the demand comes from, for limits and risk rules.
#[derive(Debug, Args)]
pub struct PartiesArgs {
    /// The natural person, whatever his accounts
    #[arg(long, value_name = "REFERENCE")]
    pub limit_key: Option<String>,
    /// The device
    #[arg(long, value_name = "REFERENCE")]
    pub device: Option<String>,
    /// The address
    #[arg(long, value_name = "REFERENCE")]
    pub address: Option<String>,
    /// The segments that the user is in, such as 3,7
    #[arg(long, value_name = "NUMBERS", value_parser = values::segments)]
    pub segments: Option<Segments>,
}

/// `scrip sell`.
#[derive(Debug, Args)]
#[command(after_help = SELL_HELP)]
pub struct SellArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub take: TakeArgs,
    /// The buyer has paid already: a refusal is recorded and final
    #[arg(long)]
    pub paid: bool,
    /// If there are too few units, wait for them so long, such as 2h, counted from when the operation was made; they are
    /// then owed, and sold as soon as they are there
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub wait: Option<Duration>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub facts: FactsArgs,
}

/// `scrip owed`.
#[derive(Debug, Subcommand)]
pub enum OwedCommand {
    /// List the sales that wait for units of a stock, the oldest first
    List {
        /// Its name (or number)
        #[arg(value_name = "STOCK")]
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
}

/// `scrip reserve`.
#[derive(Debug, Args)]
#[command(after_help = SELL_HELP)]
pub struct ReserveArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub take: TakeArgs,
    /// How long the units are held, such as 15m
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = values::span)]
    pub ttl: Duration,
}

/// A hold, and who asks. `scrip release`, `scrip cancel` and `scrip hold show`.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// The hold's id, or the --operation that it was made with
    #[arg(value_name = "HOLD")]
    pub hold: String,
    /// The channel that asks, for tokens that may only name some
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip confirm`.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub call: CallArgs,
    /// Units of each item in the hold's order, then of each card, such as 2,0,1; the rest is given back [default: all]
    #[arg(long, value_delimiter = ',', value_name = "UNITS")]
    pub units: Vec<u32>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub facts: FactsArgs,
}

/// `scrip return`.
#[derive(Debug, Args)]
pub struct ReturnArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub call: CallArgs,
    /// Units of each item in the hold's order, then of each card, such as 2,0,1; of a hold that `scrip quote --hold` made pieces of
    /// each --line [default: all that is left]
    #[arg(long, value_delimiter = ',', value_name = "UNITS")]
    pub units: Vec<u32>,
    /// Don't sell them again: to void instead of available
    #[arg(long)]
    pub to_void: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub facts: FactsArgs,
}

/// `scrip hold`.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Show where a hold stands: state, channel, times, units of each item
    Show(CallArgs),
}

/// `scrip order`.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Show all that was sold and held for an order, the newest first: state, items, card keys with their last four
    /// characters
    Show(OrderArgs),
}

/// `scrip order show`.
#[derive(Debug, Args)]
pub struct OrderArgs {
    /// The order, as --order said it
    #[arg(value_name = "ORDER")]
    pub order: String,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// The channel that asks, for tokens that may only name some
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

//! The command line: one table of subcommands and flags. What they do stands in the module that the name says.
//!
//! Invariant: a value that parses here has a meaning; whether it is allowed is the server's to say.

mod accounts;
mod bounds;
mod cards;
mod endings;
mod gifts;
mod groups;
mod merchant;
mod person;
mod quote;
mod report;
mod risk;
mod runs;
mod sale;
mod sharing;
mod stock;
mod token;
pub mod values;

pub use accounts::{AccountArgs, EarnArgs, LevelArgs, RenewArgs, TopUpArgs};
pub use bounds::{BoundArgs, WEEKDAYS};
pub use cards::{
    CampaignCommand, CampaignCreateArgs, CampaignEditArgs, CardArgs, CardCommand, ClaimArgs, CodeCommand,
    CodeExportArgs, ExtendArgs, IssueArgs, NoticesArgs, RedeemArgs, ReverseArgs, SpendName, UploadArgs,
    WalletArgs, WorthArgs,
};
pub use endings::{CampaignVoidArgs, MergeArgs, RecycleArgs, VoidBatchArgs};
pub use gifts::{AcceptArgs, CancelGiftArgs, GiftArgs};
pub use groups::{GroupCommand, GroupJoinArgs, GroupLeaveArgs, GroupOpenArgs};
pub use merchant::{MerchantCommand, ZoneCommand};
pub use person::{ExportArgs, PersonCommand};
pub use quote::QuoteArgs;
pub use report::{ReportArgs, ReportBy};
pub use risk::{RiskCommand, RiskSubject, RuleArgs};
pub use runs::{
    BenchArgs, DemoArgs, DemoCommand, KeysDemoArgs, LoadArgs, NamedBy, ProfileName, WorkName, Workload,
};
pub use sale::{
    CallArgs, CardsArgs, ConfirmArgs, FactsArgs, HoldCommand, OperationArgs, OrderArgs, OrderCommand,
    OwedCommand, PartiesArgs, ReserveArgs, ReturnArgs, SellArgs, TakeArgs,
};
pub use sharing::{ActivityCommand, ActivityCreateArgs, ActivityEditArgs, Counts};
pub use stock::{EditArgs, LimitArgs, PriceArgs, PriceName, StockCommand, SubjectName};
pub use token::TokenCommand;
#[cfg(test)]
pub use values::quota;
pub use values::{CartItem, DayWish, Item, QuotaWish, Wish};

use crate::keys::arguments::{ImportCommand, KeysCommand};
use crate::settings::SettingFlags;
use clap::{Args, Parser, Subcommand};
use scrip_client::CardId;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Issues and redeems digital cards at flash-sale speed: durable, exact, fast.
#[derive(Debug, Parser)]
#[command(name = "scrip", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const COMPLETIONS_HELP: &str = "\
For one session: source <(scrip completions bash). For good:
  bash  scrip completions bash > ~/.local/share/bash-completion/completions/scrip
  zsh   scrip completions zsh > DIR/_scrip, with DIR in $fpath
  fish  scrip completions fish > ~/.config/fish/completions/scrip.fish";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it: a served flash sale, a kill -9 in the middle, a restart, and the proof that nothing was oversold or lost
    Demo(DemoArgs),
    /// Run a server until SIGTERM
    Serve(ServeArgs),
    /// Put load on a running server, and check every answer
    Load(Box<LoadArgs>),
    /// Measure: starts a server and a load process of its own, on a fresh directory, durably
    Bench(BenchArgs),
    /// Replay and recount a data directory that no server uses; writes nothing
    Verify(VerifyArgs),
    /// What was sold, issued and redeemed: by day, stock or campaign, channel; writes nothing
    Report(ReportArgs),
    /// Cut the torn tail that a crash may leave (a server does it by itself when it starts)
    Repair {
        /// The data directory
        data: PathBuf,
    },
    /// Look into a log
    #[command(subcommand)]
    Log(LogCommand),
    /// Stocks of a running server: units, rules, quotas of channels
    #[command(subcommand)]
    Stock(StockCommand),
    /// Sell units: reserve and confirm in one step
    Sell(SellArgs),
    /// Hold units for an order until they are confirmed, released or their time is up
    Reserve(ReserveArgs),
    /// Sell the units of a hold; may be repeated
    Confirm(ConfirmArgs),
    /// Give the units of a hold back; may be repeated
    Release(CallArgs),
    /// Give sold units back
    Return(ReturnArgs),
    /// Undo a sale or hold by the operation it was made with, or keep it from being made late; may be repeated
    Cancel(CallArgs),
    /// Holds: what was reserved and sold
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Orders: all that was sold and held for one
    #[command(subcommand)]
    Order(OrderCommand),
    /// Risk rules and blocks of a running server: how often a subject may buy, and who may not
    #[command(subcommand)]
    Risk(RiskCommand),
    /// The merchant himself: his time zone
    #[command(subcommand)]
    Merchant(MerchantCommand),
    /// Persons: which users are one, as limits, wallets and risk rules see them
    #[command(subcommand)]
    Person(PersonCommand),
    /// Sales that are owed their units
    #[command(subcommand)]
    Owed(OwedCommand),
    /// Card keys of a running server: imports, batches, keys of holds
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Bring keys and orders over from another system into a running server
    #[command(subcommand)]
    Import(ImportCommand),
    /// Watch what is sold, held and refused, by stock and channel, and how fast the server answers
    Top(TopArgs),
    /// Campaigns of a running server: what cards are worth, and whether they are issued
    #[command(subcommand)]
    Campaign(CampaignCommand),
    /// Cards of a running server: issue, claim, redeem, reverse, change
    #[command(subcommand)]
    Card(CardCommand),
    /// Activities: users who bring friends to claim cards, and get cards for it
    #[command(subcommand)]
    Activity(ActivityCommand),
    /// Groups: users who get cards of a campaign together, or not at all
    #[command(subcommand)]
    Group(GroupCommand),
    /// The cards that a user has
    Wallet(WalletArgs),
    /// What a cart would cost with a user's cards, and which of them to use; changes nothing
    Quote(QuoteArgs),
    /// Codes of cards: export and check
    #[command(subcommand)]
    Code(CodeCommand),
    /// Access tokens of a data directory; a running server knows of every change at once
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write the pages of all subcommands
    Man {
        /// Write scrip.1, scrip-serve.1 and so on to this directory
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// `scrip serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// For trying things out: makes a token for merchant 1 if the directory has none, and leaves it in
    /// DIR/client.json, where the other subcommands find it
    #[arg(long)]
    pub dev: bool,
    /// Settings file (TOML); environment (SCRIP_<NAME>) and flags win over it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log lines as JSON
    #[arg(long)]
    pub log_json: bool,
    /// Stop when stdin is closed, so that the server does not outlive whoever started it
    #[arg(long)]
    pub stop_on_eof: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub settings: SettingFlags,
}

/// Where a server is, and who asks.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// Address of the server [default: what `scrip serve --dev` left in DIR/client.json, else 127.0.0.1:7480]
    #[arg(long, env = "SCRIP_SERVER", value_name = "ADDRESS")]
    pub server: Option<SocketAddr>,
    /// Access token [default: what `scrip serve --dev` left in DIR/client.json]
    #[arg(long, env = "SCRIP_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Data directory in which to look for client.json
    #[arg(long, default_value = "scrip-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// `scrip top`.
#[derive(Debug, Args)]
pub struct TopArgs {
    /// Names or numbers of the stocks to show [default: the ones made last, 64 at most of each shard]
    #[arg(value_name = "STOCK", num_args = 0..=64)]
    pub stocks: Vec<String>,
    /// Print one page over one second and end, as when stdout is no terminal
    #[arg(long)]
    pub once: bool,
    /// The same as one JSON object
    #[arg(long)]
    pub json: bool,
    /// HTTP address of the server, for rates, refusals, latencies and the list of stocks [default: what `scrip serve --dev`
    /// left in DIR/client.json, else port 7481 of the server]
    #[arg(long, value_name = "ADDRESS")]
    pub http: Option<SocketAddr>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The data directory
    pub data: PathBuf,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
}

/// `scrip log`.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Print the events of a data directory that no server uses, one a line: shard, sequence, time, event
    Cat {
        /// The data directory
        data: PathBuf,
        /// First sequence
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Events at most
        #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
        limit: u64,
    },
    /// Print the history of a card, also while a server uses the directory: each event that it had a part in, in order
    Card {
        /// The data directory
        data: PathBuf,
        /// The card's id, as `scrip card show` prints it
        #[arg(value_parser = values::card)]
        card: CardId,
    },
}

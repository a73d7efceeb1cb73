//! Flags of `scrip demo`, `load` and `bench`: whole runs that check themselves.

use super::{ServerArgs, values};
use crate::settings::parse_size;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// `scrip demo`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DemoArgs {
    #[command(subcommand)]
    #[allow(missing_docs)]
    pub which: Option<DemoCommand>,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Units in stock
    #[arg(long, default_value_t = 100_000)]
    pub units: u64,
    /// Attempts to get one
    #[arg(long, default_value_t = 10_000_000)]
    pub attempts: u64,
    /// Connections
    #[arg(long, default_value_t = 200)]
    pub connections: u32,
    /// Commands per frame
    #[arg(long, default_value_t = 16)]
    pub batch: u32,
    /// How often to kill -9 the server during the sale
    #[arg(long, default_value_t = 1)]
    pub kills: u32,
    /// Keep the data directory here
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// The demos besides the first.
#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// Card keys on four channels with quotas: hidden, revealed, replaced and returned, the server killed in the middle;
    /// then every key is compared text by text, and the whole log is walked event by event
    Keys(KeysDemoArgs),
}

/// `scrip demo keys`.
#[derive(Debug, Args)]
pub struct KeysDemoArgs {
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Card keys for sale, delivered in as many parts as there are lives of the server
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub keys: u64,
    /// Attempts to get some: SELL or RESERVE; what follows from them comes on top
    #[arg(long, default_value_t = 5_000_000)]
    pub attempts: u64,
    /// Seconds over which the attempts are spread
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(2..=3_600))]
    pub seconds: u32,
    /// Connections
    #[arg(long, default_value_t = 200)]
    pub connections: u32,
    /// Commands per frame
    #[arg(long, default_value_t = 16)]
    pub batch: u32,
    /// How often to kill -9 the server during the sale
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub kills: u32,
    /// Keep the data directory here
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `scrip load`.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Names or numbers of the stocks to draw on, or the campaign; they must exist
    #[arg(long, value_name = "STOCK", required = true, num_args = 1..)]
    pub stock: Vec<String>,
    /// How the demand comes
    #[arg(long, value_enum, default_value_t = ProfileName::Steady)]
    pub profile: ProfileName,
    /// What is asked for; the checkout, claims and redeems profiles bring their own
    #[arg(long, value_enum, default_value_t = WorkName::Reserve)]
    pub work: WorkName,
    /// Connections
    #[arg(long, default_value_t = 50)]
    pub connections: u32,
    /// Commands per frame
    #[arg(long, default_value_t = 16)]
    pub batch: u32,
    /// Frames on their way per connection
    #[arg(long, default_value_t = 4)]
    pub outstanding: u32,
    /// Threads of the load
    #[arg(long, default_value_t = 1)]
    pub threads: u32,
    /// Commands per second, open loop; latency counts from the intended time [default: as fast as answers come]
    #[arg(long, value_name = "PER_SECOND")]
    pub rate: Option<u64>,
    /// Stop after this many seconds
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Stop after this many attempts
    #[arg(long)]
    pub attempts: Option<u64>,
    /// Different buyers
    #[arg(long, default_value_t = 10_000_000)]
    pub users: u64,
    /// Name an order, a device and an address, too
    #[arg(long)]
    pub full: bool,
    /// Time to live of holds in milliseconds
    #[arg(long, default_value_t = 900_000)]
    pub ttl_ms: u32,
    /// With --work sell: a sale that finds too few units waits for them so long, such as 2h: it is owed [default: it is
    /// refused]
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub wait: Option<Duration>,
    /// Exponent of the zipf profile
    #[arg(long, default_value_t = 1.0)]
    pub exponent: f64,
    /// Checkout profile: how long a buyer thinks, in milliseconds
    #[arg(long, default_value_t = 50)]
    pub think_ms: u64,
    /// Claims and redeems profiles: how often each user asks, or each card is tried
    #[arg(long, default_value_t = 3)]
    pub tries: u32,
    /// Claims and redeems profiles: share of the frames that are sent again under the same ids once they are answered
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    pub repeat: f64,
    /// Redeems profile: name the cards by their codes, which are worked out from the master key
    #[arg(long)]
    pub by_code: bool,
    /// With --by-code: the master key's file [default: DIR.master-key beside the data directory]
    #[arg(long, value_name = "FILE")]
    pub master_key: Option<PathBuf>,
    /// Seed of the load's random choices
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// When the connection is lost, keep trying for this many seconds
    #[arg(long, default_value_t = 10)]
    pub reconnect_s: u64,
    /// Seconds at the start that are not measured
    #[arg(long, default_value_t = 1.0)]
    pub warm_up_s: f64,
    /// Keep and check the operations of one frame in N instead of all of them
    #[arg(long, value_name = "N")]
    pub sample: Option<u32>,
    /// Checkouts bring coupons of this campaign along, each a card of its own: two lines, 5 % are abandoned, 5 % ask everything
    /// again
    #[arg(long, value_name = "CAMPAIGN", requires = "gift_cards")]
    pub coupons: Option<String>,
    /// ... and pay 1.00 with a gift card of this one
    #[arg(long, value_name = "CAMPAIGN", requires = "coupons")]
    pub gift_cards: Option<String>,
    /// The stock has the card keys that `scrip bench W3` makes, so many: compare every text
    #[arg(long, value_name = "KEYS", hide = true)]
    pub cards: Option<u64>,
    /// Don't fetch the operations back afterwards
    #[arg(long)]
    pub no_check: bool,
    /// Write the ledger of every answer here
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// What is asked for. The checkout, claims and redeems profiles bring their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum WorkName {
    /// RESERVE
    Reserve,
    /// RESERVE, later CONFIRM
    ReserveConfirm,
    /// SELL
    Sell,
}

/// How demand comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProfileName {
    /// The same rate all the time
    Steady,
    /// From nothing to all
    Ramp,
    /// All at once on the first stock, far past sold-out
    Flash,
    /// Over all stocks, few of them hot
    Zipf,
    /// Hold, think, confirm; some abandon, repeat, pay late or lose their connection
    Checkout,
    /// A claim storm on one campaign: every user asks for a card several times, under new ids and under the same
    Claims,
    /// A redeem storm on one campaign: every card, of one unit each, is tried several times, by different orders
    Redeems,
}

/// `scrip bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_enum, ignore_case = true)]
    pub workload: Workload,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Seconds to measure [default: 10; W1-steady 180]
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Connections [default: 50]
    #[arg(long)]
    pub connections: Option<u32>,
    /// Commands per frame [default: the workload's best]
    #[arg(long)]
    pub batch: Option<u32>,
    /// Frames on their way per connection [default: the workload's best]
    #[arg(long)]
    pub outstanding: Option<u32>,
    /// Commands per second of W1-steady
    #[arg(long, default_value_t = 1_000_000)]
    pub rate: u64,
    /// Card keys in W3's pool
    #[arg(long, default_value_t = 10_000_000)]
    pub keys: u64,
    /// Cards of W4 and W5: as many are claimed, or redeemed; checkouts of W6; cards minted of `codes` [default: 10,000,000
    /// claims; 4,000,000 redemptions; 1,700,000 checkouts; 100,000,000 minted]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub cards: Option<u64>,
    /// Well-formed codes that `codes` tries
    #[arg(long, default_value_t = 100_000_000)]
    pub guesses: u64,
    /// How W5 names its cards
    #[arg(long, value_enum, default_value_t = NamedBy::Id)]
    pub by: NamedBy,
    /// Memory of the server's tables [default: what the run needs]
    #[arg(long, value_parser = parse_size, value_name = "SIZE")]
    pub memory: Option<u64>,
    /// Socket driver
    #[arg(long, value_enum, default_value_t = crate::settings::Io::Auto)]
    pub io: crate::settings::Io,
    /// Shards
    #[arg(long, default_value_t = 1)]
    pub shards: u32,
    /// Cores that server and load may use together [default: all]
    #[arg(long)]
    pub cores: Option<u32>,
    /// Directory for the data: must be a real disk [default: a temporary one here]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Keep the data directory here
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// How cards are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum NamedBy {
    /// By their ids
    Id,
    /// By their codes
    Code,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// The machine itself: write + sync, loopback, memory
    #[value(name = "probe")]
    Probe,
    /// RESERVE on one hot stock with a purchase limit
    #[value(name = "W1")]
    W1,
    /// W1 with order, device, address, all limits and caps, a channel quota and a price
    #[value(name = "W1-full")]
    W1Full,
    /// W1 for minutes at an offered rate, TTL 1 s, windows 10 s, memory flat
    #[value(name = "W1-steady")]
    W1Steady,
    /// W1 when everything is sold out
    #[value(name = "W1s")]
    W1s,
    /// RESERVE and later CONFIRM: one hot stock, and zipf over 10,000
    #[value(name = "W2")]
    W2,
    /// SELL a card key from a pool of sealed ones, the key in the answer
    #[value(name = "W3")]
    W3,
    /// CLAIM with a limit of one card a user, on one campaign, each user once
    #[value(name = "W4")]
    W4,
    /// REDEEM once each card, by its id or by its code
    #[value(name = "W5")]
    W5,
    /// Checkouts of two lines, a coupon and part of a gift card; 5 % are abandoned, 5 % asked again
    #[value(name = "W6")]
    W6,
    /// One command per frame, one outstanding per connection
    #[value(name = "W7")]
    W7,
    /// Latency: unloaded, at 50 % and at 80 % of W1
    #[value(name = "W8")]
    W8,
    /// Memory: what each record takes, and that minted cards take none
    #[value(name = "memory")]
    Memory,
    /// Codes: written and read a second, and guessed at
    #[value(name = "codes")]
    Codes,
}

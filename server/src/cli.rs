//! The command line: one table of subcommands and flags. What they do stands in the module that the name says.

use crate::keys::arguments::KeysCommand;
use crate::settings::{SettingFlags, parse_size};
use crate::tokens::Verb;
use clap::{Args, Parser, Subcommand};
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
    /// Cut the torn tail that a crash may leave (a server does it by itself when it starts)
    Repair {
        /// The data directory
        data: PathBuf,
    },
    /// Look into a log
    #[command(subcommand)]
    Log(LogCommand),
    /// Stocks of a running server
    #[command(subcommand)]
    Stock(StockCommand),
    /// Card keys of a running server: imports, batches, keys of holds
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Access tokens of a data directory; a running server knows new ones at once
    #[command(subcommand)]
    Token(TokenCommand),
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

/// `scrip demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
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

/// `scrip load`.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Names or numbers of the stocks to draw on; they must exist
    #[arg(long, value_name = "STOCK", required = true, num_args = 1..)]
    pub stock: Vec<String>,
    /// How the demand comes
    #[arg(long, value_enum, default_value_t = ProfileName::Steady)]
    pub profile: ProfileName,
    /// What is asked for
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
    /// Time to live of holds in milliseconds
    #[arg(long, default_value_t = 900_000)]
    pub ttl_ms: u32,
    /// Exponent of the zipf profile
    #[arg(long, default_value_t = 1.0)]
    pub exponent: f64,
    /// Checkout profile: how long a buyer thinks, in milliseconds
    #[arg(long, default_value_t = 50)]
    pub think_ms: u64,
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
    /// Don't fetch the operations back afterwards
    #[arg(long)]
    pub no_check: bool,
    /// Write the ledger of every answer here
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// What is asked for. The checkout profile brings its own.
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

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// The machine itself: write + sync, loopback, memory
    #[value(name = "probe")]
    Probe,
    /// RESERVE on one hot stock with a purchase limit
    #[value(name = "W1")]
    W1,
    /// W1 for minutes at an offered rate, TTL 1 s, windows 10 s, memory flat
    #[value(name = "W1-steady")]
    W1Steady,
    /// W1 when everything is sold out
    #[value(name = "W1s")]
    W1s,
    /// RESERVE and later CONFIRM: one hot stock, and zipf over 10,000
    #[value(name = "W2")]
    W2,
    /// One command per frame, one outstanding per connection
    #[value(name = "W7")]
    W7,
    /// Latency: unloaded, at 50 % and at 80 % of W1
    #[value(name = "W8")]
    W8,
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
}

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
}

/// `scrip token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it, once
    Create {
        /// For people
        #[arg(long, default_value = "token")]
        name: String,
        /// The merchant it acts for
        #[arg(long)]
        merchant: u32,
        /// A channel it may name; repeat for more [default: all]
        #[arg(long, value_name = "CHANNEL")]
        channel: Vec<u16>,
        /// A thing it may do; repeat for more [default: all]
        #[arg(long, value_enum)]
        verb: Vec<Verb>,
        /// Days until it ends [default: never]
        #[arg(long, value_name = "DAYS")]
        expires_days: Option<u64>,
        /// Data directory
        #[arg(long, default_value = "scrip-data", value_name = "DIR")]
        data: PathBuf,
    },
}

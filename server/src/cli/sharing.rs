//! Flags of `scrip activity`.

use super::sale::OperationArgs;
use super::{ServerArgs, values};
use clap::{Args, Subcommand, ValueEnum};
use scrip_client::ChannelId;

/// `scrip activity`.
#[derive(Debug, Subcommand)]
pub enum ActivityCommand {
    /// Make an activity: users who bring friends to claim cards of some campaigns get cards of another
    Create(ActivityCreateArgs),
    /// Change its campaigns, its times, or how many rewards a referrer gets at most
    Edit(ActivityEditArgs),
    /// Print an activity: what it has done, and what one of its referrers has
    Show {
        /// The activity's name (or number)
        #[arg(value_name = "ACTIVITY")]
        activity: String,
        /// Whose rewards to print, too
        #[arg(long, value_name = "REFERENCE")]
        referrer: Option<String>,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
}

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Counts {
    /// A friend's claim
    Claims,
    /// The first redemption of the card that he claimed
    Redemptions,
}

/// `scrip activity create`.
#[derive(Debug, Args)]
pub struct ActivityCreateArgs {
    /// The activity's name (or number)
    #[arg(value_name = "ACTIVITY")]
    pub activity: String,
    /// A campaign whose cards friends claim, by name (or number); up to 8 times
    #[arg(long = "source", value_name = "CAMPAIGN", required = true)]
    pub sources: Vec<String>,
    /// The campaign of which referrers get cards
    #[arg(long, value_name = "CAMPAIGN")]
    pub reward: String,
    /// The slot of that campaign, if it is not the merchant's home slot
    #[arg(long, value_name = "SLOT", value_parser = clap::value_parser!(u16).range(0..=1023))]
    pub reward_slot: Option<u16>,
    /// Friends after whom the referrer gets a card, each time
    #[arg(long, value_name = "FRIENDS", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub every: u16,
    /// Cards that one referrer gets at most
    #[arg(long, value_name = "CARDS", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub most: u32,
    /// What counts
    #[arg(long, value_enum, default_value = "claims")]
    pub counts: Counts,
    /// Friends count from then on (milliseconds since the Unix epoch)
    #[arg(long, value_name = "MS")]
    pub from_ms: Option<u64>,
    /// And until then (milliseconds since the Unix epoch)
    #[arg(long, value_name = "MS")]
    pub until_ms: Option<u64>,
    /// The channel that the rewards are given through, by name or number
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip activity edit`: what is not given stays.
#[derive(Debug, Args)]
pub struct ActivityEditArgs {
    /// The activity's name (or number)
    #[arg(value_name = "ACTIVITY")]
    pub activity: String,
    /// Campaigns whose cards friends claim from now on
    #[arg(long = "source", value_name = "CAMPAIGN")]
    pub sources: Vec<String>,
    /// The campaign of which referrers get cards from now on, in the same slot as before
    #[arg(long, value_name = "CAMPAIGN")]
    pub reward: Option<String>,
    /// Cards that one referrer gets at most
    #[arg(long, value_name = "CARDS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub most: Option<u32>,
    /// Friends count from then on (milliseconds since the Unix epoch)
    #[arg(long, value_name = "MS")]
    pub from_ms: Option<u64>,
    /// And until then; a time that has passed ends the activity (milliseconds since the Unix epoch)
    #[arg(long, value_name = "MS")]
    pub until_ms: Option<u64>,
    /// The channel that the rewards are given through from now on
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

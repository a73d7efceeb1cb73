//! Flags of `scrip campaign void`, `scrip card void-batch`, `recycle-batch`, `recycle` and `merge`.

use super::ServerArgs;
use super::accounts::AccountArgs;
use super::values;
use clap::Args;

/// What ends cards for good asks for.
#[derive(Debug, Args)]
pub struct EndArgs {
    /// Do it; without, it is only said what would end
    #[arg(long)]
    pub yes: bool,
    /// The merchant's reason, a number: the log keeps it
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub reason: u16,
}

/// `scrip campaign void`.
#[derive(Debug, Args)]
pub struct CampaignVoidArgs {
    /// Its name (or number)
    pub name: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub end: EndArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip card void-batch`.
#[derive(Debug, Args)]
pub struct VoidBatchArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub card: AccountArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub end: EndArgs,
}

/// `scrip card recycle`.
#[derive(Debug, Args)]
pub struct RecycleArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub card: AccountArgs,
    /// Give its owner points for it, on this card of his [default: another card can be issued in its place]
    #[arg(long, value_name = "CARD", requires = "units", conflicts_with = "campaign")]
    pub points: Option<String>,
    /// How many points
    #[arg(long, value_name = "UNITS", requires = "points", value_parser = values::units)]
    pub units: Option<u32>,
    /// Give its owner a card of this campaign for it
    #[arg(long, value_name = "NAME")]
    pub campaign: Option<String>,
}

/// `scrip card merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub card: AccountArgs,
    /// The cards whose units it gets, by their ids or codes; up to 16. They are void then
    #[arg(required = true, num_args = 1..=16, value_name = "FROM")]
    pub from: Vec<String>,
}

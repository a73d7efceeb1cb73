//! Flags of `scrip campaign void`, `scrip card void-batch` and `recycle-batch`.

use super::ServerArgs;
use super::accounts::AccountArgs;
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

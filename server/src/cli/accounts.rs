//! Flags of `scrip card topup`, `earn`, `refund`, `renew` and `level`.

use super::ServerArgs;
use super::sale::OperationArgs;
use super::values;
use clap::Args;
use scrip_client::ChannelId;
use std::time::Duration;

/// What all of them say.
#[derive(Debug, Args)]
pub struct AccountArgs {
    /// Its id or its code
    pub card: String,
    /// The channel it is done through, by name or number
    #[arg(long, default_value = "own", value_parser = values::channel)]
    pub channel: ChannelId,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub operation: OperationArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip card topup`.
#[derive(Debug, Args)]
pub struct TopUpArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub account: AccountArgs,
    /// What is paid in; with a decimal point in major units
    #[arg(long, default_value = "0", value_name = "AMOUNT", value_parser = values::units)]
    pub principal: u32,
    /// What comes with it
    #[arg(long, default_value = "0", value_name = "AMOUNT", value_parser = values::units, required_unless_present = "principal")]
    pub bonus: u32,
    /// What was paid for the principal [default: as much]
    #[arg(long, value_name = "AMOUNT", value_parser = values::units)]
    pub paid: Option<u32>,
    /// These units end at this time (milliseconds since the Unix epoch) [default: with the card]
    #[arg(long, default_value_t = 0, value_name = "MS", hide_default_value = true)]
    pub until_ms: u64,
}

/// `scrip card earn`.
#[derive(Debug, Args)]
pub struct EarnArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub account: AccountArgs,
    /// Stamps or points
    #[arg(long, default_value_t = 1)]
    pub units: u32,
}

/// `scrip card renew`.
#[derive(Debug, Args)]
pub struct RenewArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub account: AccountArgs,
    /// So much longer, from its end or from now, such as 365days
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    pub lasts: Duration,
}

/// `scrip card level`.
#[derive(Debug, Args)]
pub struct LevelArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub account: AccountArgs,
    /// The level from now on, from 1
    #[arg(value_parser = clap::value_parser!(u8).range(1..=8))]
    pub level: u8,
}

//! Flags of `scrip card gift`, `accept` and `cancel-gift`.

use super::accounts::AccountArgs;
use super::values;
use clap::Args;
use std::time::Duration;

/// `scrip card gift`.
#[derive(Debug, Args)]
pub struct GiftArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub card: AccountArgs,
    /// Who gives it: refused if it is not his [default: not checked]
    #[arg(long, value_name = "REFERENCE")]
    pub user: Option<String>,
    /// Who may accept it [default: any user that `scrip card accept` names]
    #[arg(long, value_name = "REFERENCE")]
    pub to: Option<String>,
    /// So long it can be accepted, 30days at most
    #[arg(long, value_name = "SPAN", default_value = "1day", value_parser = values::span)]
    pub lasts: Duration,
}

/// `scrip card accept`.
#[derive(Debug, Args)]
pub struct AcceptArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub card: AccountArgs,
    /// Who accepts it
    #[arg(long, value_name = "REFERENCE")]
    pub user: String,
}

/// `scrip card cancel-gift`.
#[derive(Debug, Args)]
pub struct CancelGiftArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub card: AccountArgs,
    /// Who gave it: refused if it is not his [default: not checked]
    #[arg(long, value_name = "REFERENCE")]
    pub user: Option<String>,
}

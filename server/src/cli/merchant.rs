//! Flags of `scrip merchant`.

use super::ServerArgs;
use clap::Subcommand;

const SET_HELP: &str = "\
  scrip merchant zone set Asia/Shanghai
  scrip stock limit steam50 --per-day 2 --zone        count days by it
What has begun stays as it was: another zone counts from a minute later on. A zone is set with all changes of its clock
that are known, until 2100 or 256 of them; run this again when a country changes its rules and scrip is newer.";

/// `scrip merchant`.
#[derive(Debug, Subcommand)]
pub enum MerchantCommand {
    /// The time zone by which his days begin
    #[command(subcommand)]
    Zone(ZoneCommand),
}

/// `scrip merchant zone`.
#[derive(Debug, Subcommand)]
pub enum ZoneCommand {
    /// Set it
    #[command(after_help = SET_HELP)]
    Set {
        /// Its name in the IANA database, such as Europe/Berlin
        zone: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Show it, and when its clock changes next
    Show {
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
}

impl MerchantCommand {
    /// Where its server is.
    pub fn server(&self) -> &ServerArgs {
        match self {
            MerchantCommand::Zone(ZoneCommand::Set { server, .. } | ZoneCommand::Show { server }) => server,
        }
    }
}

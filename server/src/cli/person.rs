//! Flags of `scrip person`.

use super::ServerArgs;
use clap::{Args, Subcommand};

const LINK_HELP: &str = "\
  scrip person link openid:o8fD5k phone:13800138000 --reason 7
From then on both are one person: limits and risk rules count what either has, cards of one may be used by the other, wallets show
both. Nothing is moved: `scrip person unlink` undoes it exactly.";

/// `scrip person`.
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Say that two users are one person
    #[command(after_help = LINK_HELP)]
    Link {
        /// One of them, as sales name him
        user: String,
        /// The other
        to: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        change: PersonArgs,
    },
    /// Take a user out of his person again
    Unlink {
        /// Which, as sales name him
        user: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        change: PersonArgs,
    },
    /// Show who is one person with a user
    Show {
        /// Which, as sales name him
        user: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
}

/// What a change of persons takes.
#[derive(Debug, Args)]
pub struct PersonArgs {
    /// Why, as a number of your own, 0 to 65535: it stays in the log
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub reason: u16,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

impl PersonCommand {
    /// Where its server is.
    pub fn server(&self) -> &ServerArgs {
        match self {
            PersonCommand::Link { change, .. } | PersonCommand::Unlink { change, .. } => &change.server,
            PersonCommand::Show { server, .. } => server,
        }
    }
}

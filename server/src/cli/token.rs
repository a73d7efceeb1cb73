//! Flags of `scrip token`.

use super::values;
use crate::tokens::Verb;
use clap::Subcommand;
use scrip_client::ChannelId;
use std::path::PathBuf;
use std::time::Duration;

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
        #[arg(long, value_name = "CHANNEL", value_parser = values::channel)]
        channel: Vec<ChannelId>,
        /// A thing it may do; repeat for more [default: all]
        #[arg(long, value_enum)]
        verb: Vec<Verb>,
        /// For a front that anybody can type codes into: a code that does not work is NOT_FOUND whatever the reason, and cards
        /// are named by their codes alone
        #[arg(long)]
        public: bool,
        /// Days until it ends [default: never]
        #[arg(long, value_name = "DAYS")]
        expires_days: Option<u64>,
        /// Data directory
        #[arg(long, default_value = "scrip-data", value_name = "DIR")]
        data: PathBuf,
    },
    /// List the tokens: id, name, merchant, channels, verbs, end. Their text is kept nowhere
    List {
        /// Data directory
        #[arg(long, default_value = "scrip-data", value_name = "DIR")]
        data: PathBuf,
    },
    /// End a token now: a running server refuses whatever comes with it, on open connections, too
    Revoke {
        /// Its id, or its name if no other has that
        #[arg(value_name = "TOKEN")]
        token: String,
        /// Data directory
        #[arg(long, default_value = "scrip-data", value_name = "DIR")]
        data: PathBuf,
    },
    /// Make a token with the same scope and print it, once; the old one ends after a while, in which both are good
    Rotate {
        /// Its id, or its name if no other has that
        #[arg(value_name = "TOKEN")]
        token: String,
        /// How long the old one stays good
        #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = values::span)]
        overlap: Duration,
        /// Days until the new one ends; needed if the old one has an end [default: never]
        #[arg(long, value_name = "DAYS")]
        expires_days: Option<u64>,
        /// Data directory
        #[arg(long, default_value = "scrip-data", value_name = "DIR")]
        data: PathBuf,
    },
}

//! Flags of `scrip person`.

use super::ServerArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const LINK_HELP: &str = "\
  scrip person link openid:o8fD5k phone:13800138000 --reason 7
From then on both are one person: limits and risk rules count what either has, cards of one may be used by the other, wallets show
both. Nothing is moved: `scrip person unlink` undoes it exactly.";

const LABEL_HELP: &str = "\
  scrip person label phone:13800138000
The server knows users by keyed hashes alone. From then on the log has these words, too, sealed under a key of their own that lies in
DATA.person-keys, outside log and backups. Words of before are destroyed.";

const EXPORT_HELP: &str = "\
  scrip person export phone:13800138000 --data scrip-data > person.json
His users with their words, his cards, and every event that he had a part in, in order.";

const ERASE_HELP: &str = "\
  scrip person erase phone:13800138000 --reason 17
Destroys the keys of the words of all users who are one person with this one. Cards, orders, money and limits stay, under
hashes that lead to nobody.";

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
    /// Keep the words that a user's id was made from: an export shows them, an erasure destroys them
    #[command(after_help = LABEL_HELP)]
    Label {
        /// Whose, as sales name him: these words, unless --text gives others
        user: String,
        /// Other words, 1 to 64 bytes
        #[arg(long, value_name = "TEXT")]
        text: Option<String>,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Print everything that a data directory has of a person, as JSON; beside a running server, too
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArgs),
    /// Destroy the words of a person, for good and in every copy of the log; what he has and has counted stays
    #[command(after_help = ERASE_HELP)]
    Erase {
        /// One of his users, as sales name him
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

/// What `scrip person export` takes.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// One of his users, as sales name him
    pub user: String,
    /// Data directory
    #[arg(long, value_name = "DIR", default_value = "scrip-data")]
    pub data: PathBuf,
    /// The merchant, by number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub merchant: u32,
    /// File of the master key [default: DATA.master-key]
    #[arg(long, value_name = "FILE")]
    pub master_key: Option<PathBuf>,
    /// Folder of the keys of users' labels [default: DATA.person-keys]
    #[arg(long, value_name = "DIR")]
    pub person_keys: Option<PathBuf>,
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
            PersonCommand::Erase { change, .. } => &change.server,
            PersonCommand::Show { server, .. } | PersonCommand::Label { server, .. } => server,
            PersonCommand::Export(_) => unreachable!("an export asks no server"),
        }
    }
}

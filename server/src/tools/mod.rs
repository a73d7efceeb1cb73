//! Tools on a data directory: verify, repair, the walk over every event, the log in text, which need one that no server uses, and
//! the report and the export of a person, which do not.

pub mod log_cat;
pub mod person;
pub mod repair;
pub mod report;
pub mod verify;
pub mod walk;

use crate::data_directory::DirectoryError;
use crate::keyring::KeyringError;
use crate::person_keys::PersonKeysError;
use crate::tokens::TokensError;
use scrip_engine::ids::CardId;
use scrip_protocol::references::ReferenceError;
use scrip_shard::{FrameError, RecoveryError};
use scrip_wal::{RepairError, ScanError};
use std::io;
use std::path::PathBuf;

/// Why a tool can't do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The data directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// No stock or campaign of the log has this name.
    #[error(
        "no stock or campaign is called {0:?}. scrip report --by stock lists those to which something happened"
    )]
    UnknownStock(String),
    /// No such card was ever issued.
    #[error(
        "no card {0} was ever issued here. `scrip card show CODE` prints a card's id, `scrip wallet USER` those of a user"
    )]
    UnknownCard(CardId),
    /// The log knows nobody of this name.
    #[error(
        "nothing in the log is about {0:?} of this merchant. Name him as sales do (openid:o8fD5k, phone:13800138000), and his merchant with --merchant"
    )]
    UnknownPerson(String),
    /// The merchant has no token here, so nobody was named yet.
    #[error(
        "merchant {0} has no token in this data directory, so no sale has named anybody. Name another with --merchant"
    )]
    UnknownMerchant(u32),
    /// The user's name is none.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The keys of labels.
    #[error(transparent)]
    PersonKeys(#[from] PersonKeysError),
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log is damaged.
    #[error("{path}: {source}")]
    Recovery {
        /// The log's directory.
        path: PathBuf,
        /// What is wrong.
        source: RecoveryError,
    },
    /// The log is damaged.
    #[error("{path}: {source}")]
    Scan {
        /// The log's directory.
        path: PathBuf,
        /// What is wrong.
        source: ScanError<FrameError>,
    },
    /// The torn tail can't be cut.
    #[error("{path}: {source}")]
    Repair {
        /// The log's directory.
        path: PathBuf,
        /// What is wrong.
        source: RepairError,
    },
}

//! Tools on a data directory: verify, repair, the walk over every event, the log in text, which need one that no server uses, and
//! the report, which does not.

pub mod log_cat;
pub mod repair;
pub mod report;
pub mod verify;
pub mod walk;

use crate::data_directory::DirectoryError;
use scrip_engine::ids::CardId;
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

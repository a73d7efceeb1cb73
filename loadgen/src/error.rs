//! What can go wrong before a load, in a check, in a probe. Each message says what, where, and what to do next.
//!
//! What goes wrong during a load is no error: it is what the load is there to see, and stands in its report.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A load that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan itself is wrong.
    #[error("the load plan can't be carried out: {0}")]
    Plan(String),
    /// The server could not be asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Something of the operating system's.
    #[error("{what}: {why}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What came of it.
        why: io::Error,
    },
}

/// A conversation with the server that failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens there, or it is out of reach.
    #[error("no connection to {address}: {why}. Is the server running, and is this its TCP address?")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// Why not.
        why: io::Error,
    },
    /// The connection ended in the middle.
    #[error("the connection to {address} was lost: {why}. Look at the server's log, then run this again")]
    Lost {
        /// Where.
        address: SocketAddr,
        /// How.
        why: io::Error,
    },
    /// The server said ERROR.
    #[error("the server at {address} refused the connection: {name}: {message}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// The error's stable name.
        name: &'static str,
        /// What the server says about it.
        message: String,
    },
    /// The server said something that is not the protocol.
    #[error(
        "the server at {address} does not speak this protocol: {what}. Are client and server of the same release?"
    )]
    Protocol {
        /// Where.
        address: SocketAddr,
        /// What was wrong.
        what: String,
    },
    /// A command that should have been answered was refused.
    #[error("{command} was refused: {code}. {next}")]
    Rejected {
        /// The command and its object.
        command: String,
        /// The code's stable name.
        code: &'static str,
        /// What to do next.
        next: &'static str,
    },
}

/// A check that could not be finished; what it found so far is lost.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The server could not be asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It took too long.
    #[error(
        "the check did not finish within {seconds} s ({done} of {all} operations done): give it more time"
    )]
    Overdue {
        /// How long it had.
        seconds: u64,
        /// Operations it had got to.
        done: u64,
        /// Operations in the ledger.
        all: u64,
    },
}

/// A ledger file that can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file system said no.
    #[error("the ledger file {path}: {why}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// Not a ledger, or a damaged one.
    #[error("{path} is not a whole ledger: {what}. Run the load again to make a new one")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// A probe that could not measure.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Writes there do not survive a power cut, so no figure from there means anything.
    #[error("NOT DURABLE: {directory} {why}. Give a directory on a real disk")]
    NotDurable {
        /// Which directory.
        directory: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// Something of the operating system's.
    #[error("the probe could not {what}: {why}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What came of it.
        why: io::Error,
    },
}

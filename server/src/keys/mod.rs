//! `scrip keys`: import card keys into a running server, look after batches, show and replace keys of holds; `scrip code import`, which
//! reads the same kinds of files; and `scrip import`, which brings keys from another system with its orders.
//!
//! In reading order: the flags; a file of keys (`survey`, `file`), what becomes of its rows (`chunk`, `tally`), why an
//! import can be repeated (`resume`), the import; the small commands; lists of keys (`export`); other systems
//! (`dujiaoka`). Invariant: the text of a key leaves here to the server and,
//! for `keys reveal` and `keys export --clear` alone, to stdout or a new file of its owner; no message, report or other file
//! has one.

pub mod arguments;
mod chunk;
mod dujiaoka;
mod export;
mod file;
mod import;
mod resume;
mod show;
mod survey;
mod tally;

use crate::cli::ServerArgs;
use crate::credentials::{self, CredentialsError};
use crate::operator::{self, Kind, Subject};
use arguments::{CodeImportArgs, ImportCommand, KeysCommand};
use scrip_client::{ChannelId, Client, ClientOptions, Code, Error};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How long a command is tried, so that an import outlives a restart of its server.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a command on card keys failed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The server refused, or could not be asked.
    #[error("server {server}: {}{}", what(.source), hint(.source, .campaign.as_deref()))]
    Client {
        /// The campaign that codes are imported into; `None`: it is about keys.
        campaign: Option<String>,
        /// Its address.
        server: SocketAddr,
        /// What went wrong.
        source: Box<Error>,
    },
    /// An import that ended before its file did.
    #[error(
        "server {server}: {}{}. The import stopped after {rows} rows were answered: run the same command again, and it goes \
         on where it stopped",
        what(.source),
        hint(.source, .campaign.as_deref())
    )]
    Stopped {
        /// The campaign that codes are imported into; `None`: it is about keys.
        campaign: Option<String>,
        /// Its address.
        server: SocketAddr,
        /// What went wrong.
        source: Box<Error>,
        /// Rows that are done with.
        rows: u64,
    },
    /// The file of keys can't be read, or that of rejects not be written.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The note that an import is under way.
    #[error(
        "{path}: {why}. The note beside the file of keys says that its import has begun; without it a later run counts rows as \
         already there. Make the directory writable, or remove a damaged note"
    )]
    Note {
        /// The note.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// What was asked for makes no sense here.
    #[error("{0}")]
    Wish(String),
    /// The runtime.
    #[error("starting the runtime: {0}")]
    Runtime(std::io::Error),
}

/// Why asking failed, before it is known where.
enum Failure {
    Client(Error),
    Stopped(Error, u64),
    Other(KeysError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Client(error)
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Failure {
        Failure::Other(error)
    }
}

/// Runs a command; answers whether all went well.
///
/// # Errors
/// [`KeysError`], with what to try next.
pub fn run(command: &KeysCommand) -> Result<bool, KeysError> {
    // Batches are no channel's.
    let (server, channel) = match command {
        KeysCommand::Import(arguments) => (&arguments.server, ChannelId(0)),
        KeysCommand::Export(arguments) => (&arguments.server, ChannelId(0)),
        KeysCommand::Batches { server, .. } => (server, ChannelId(0)),
        KeysCommand::Freeze(batch) | KeysCommand::Unfreeze(batch) | KeysCommand::Void(batch) => {
            (&batch.server, ChannelId(0))
        }
        KeysCommand::Show(hold)
        | KeysCommand::Reveal(hold)
        | KeysCommand::Replace { hold, .. }
        | KeysCommand::Reclaim { hold, .. } => (&hold.server, hold.channel),
    };
    connected((server, channel), None, async |client| match command {
        KeysCommand::Import(arguments) => import::run(client, arguments).await,
        KeysCommand::Export(arguments) => export::run(client, arguments).await.map(|()| true),
        other => show::run(client, other).await.map(|()| true),
    })
}

/// Runs an import from another system; answers whether nothing is left to be looked at.
///
/// # Errors
/// [`KeysError`], with what to try next.
pub fn import(command: &ImportCommand) -> Result<bool, KeysError> {
    let ImportCommand::Dujiaoka(arguments) = command;
    if arguments.dry_run {
        let counted = runtime()?.block_on(dujiaoka::run(None, arguments));
        return counted.map_err(|failure| match failure {
            Failure::Other(error) => error,
            Failure::Client(_) | Failure::Stopped(..) => unreachable!("no server is asked"),
        });
    }
    connected((&arguments.server, ChannelId(0)), None, async |client| {
        dujiaoka::run(Some(client), arguments).await
    })
}

/// Imports codes that were made elsewhere; answers whether each of them has a card.
///
/// # Errors
/// [`KeysError`], with what to try next.
pub fn import_codes(arguments: &CodeImportArgs) -> Result<bool, KeysError> {
    let server = (&arguments.server, ChannelId(0));
    connected(server, Some(&arguments.campaign), async |client| import::run_codes(client, arguments).await)
}

fn runtime() -> Result<tokio::runtime::Runtime, KeysError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(KeysError::Runtime)
}

/// Connects, asks, closes. With a campaign it is about codes.
fn connected(
    (server, channel): (&ServerArgs, ChannelId),
    campaign: Option<&str>,
    ask: impl AsyncFnOnce(&Client) -> Result<bool, Failure>,
) -> Result<bool, KeysError> {
    let runtime = runtime()?;
    let credentials = credentials::find(server)?;
    let server = credentials.server;
    let asked = runtime.block_on(async {
        let options = ClientOptions { deadline: PATIENCE, ..ClientOptions::new(credentials.token.clone()) };
        let client = Client::connect(server.to_string(), options).await?;
        let well = ask(&client.on_channel(channel)).await?;
        client.close().await;
        Ok(well)
    });
    let campaign = campaign.map(str::to_owned);
    asked.map_err(|failure| match failure {
        Failure::Client(source) => KeysError::Client { campaign, server, source: Box::new(source) },
        Failure::Stopped(source, rows) => {
            KeysError::Stopped { campaign, server, source: Box::new(source), rows }
        }
        Failure::Other(error) => error,
    })
}

/// What keys are asked about has neither lines nor a reference of its own.
const SUBJECT: Subject<'static> = Subject { kind: Kind::Keys, stocks: Vec::new(), reference: None };

fn what(error: &Error) -> String {
    operator::what(error, &SUBJECT)
}

/// What to try next; with a campaign it is about codes.
fn hint(error: &Error, campaign: Option<&str>) -> String {
    if let Some(campaign) = campaign {
        let subject = Subject { kind: Kind::Issue, stocks: vec![campaign], reference: None };
        return operator::next(error, &subject);
    }
    let Error::Rejected(rejection) = error else { return operator::next(error, &SUBJECT) };
    let of_keys = match rejection.code {
        Code::NotFound => {
            ". `scrip stock create NAME --keys` makes a stock, `scrip keys batches` and `scrip keys show` name what is there"
        }
        Code::HoldNotFound => {
            ". A hold is named by the reference it was made from, or by its id as a UUID (8-4-4-4-12 digits)"
        }
        Code::RuleFailed => {
            ". That takes a stock (or the hold of one) that was made with `scrip stock create NAME --keys`; a reusable one takes \
             one key at a time, and a key that was shown is not reclaimed"
        }
        Code::Frozen => ". `scrip keys unfreeze` makes its keys available again",
        Code::Void | Code::Expired => ". It is gone for good: `scrip keys batches` shows the others",
        Code::NotActive => ". `scrip keys batches` shows states; keys are of confirmed holds",
        Code::ChannelQuota => {
            ". Guarantees of channels are in the way; freeze and void take --forced, which lowers them"
        }
        Code::OutOfStock => ". `scrip keys import` brings more keys",
        Code::OperationTooOld => {
            ". The import began too long ago to be gone on with: remove the file's .scrip-import, run it again, and rows that \
             are there are counted so"
        }
        Code::OperationMismatch => {
            ". The file, stock or batch is another than when this --operation began: put it back, or remove the file's \
             .scrip-import to begin anew"
        }
        _ => return operator::next(error, &SUBJECT),
    };
    of_keys.to_owned()
}

/// What is wrong with a file.
fn file_error(path: &std::path::Path, why: impl ToString) -> KeysError {
    KeysError::File { path: path.to_owned(), why: why.to_string() }
}

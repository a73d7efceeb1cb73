//! The operator's commands on a running server: `scrip stock`, `sell`, `reserve`, `confirm`, `release`, `return`, `cancel`,
//! `hold`, `owed`, `risk`, `merchant`, `person`, `campaign`, `card`, `group`, `activity`, `wallet`, `quote`, `code`, `top`.
//!
//! Each is one client, one question and one page of text (`top` asks again every second). Invariant: a failure says what was wrong, in which facts, and
//! which command to try next.

mod cancel;
mod cards;
mod groups;
mod hold_cards;
mod limits;
mod merchant;
mod order;
mod owed;
mod person;
mod quota;
mod repeat;
mod risk;
mod sale;
mod sharing;
mod stock;
mod time_zones;
mod top;
mod words;

pub use cancel::cancel;
pub use cards::{campaign, card, code, quote, wallet};
pub use groups::group;
pub use merchant::merchant;
pub use order::order;
pub use owed::owed;
pub use person::person;
pub use risk::risk;
pub use sale::{confirm, hold, hold_named, release, reserve, return_units, sell};
pub use sharing::activity;
pub use stock::stock;
pub use top::top;
pub use words::{Kind, Subject, full, grouped, key_line, money, next, time, what};

use crate::cli::ServerArgs;
use crate::credentials::{self, CredentialsError};
use scrip_client::{ChannelId, Client, ClientOptions, Error, Segments};

/// Why an operator's command failed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The server refused, or could not be asked.
    #[error("server {server}: {what}{next}")]
    Client {
        /// Its address.
        server: std::net::SocketAddr,
        /// What went wrong.
        what: String,
        /// What to try next.
        next: String,
    },
    /// What was asked for makes no sense here.
    #[error("{0}")]
    Wish(String),
    /// The terminal.
    #[error("the terminal: {0}. `scrip top --once` needs none")]
    Screen(std::io::Error),
    /// The runtime.
    #[error("starting the runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Why a question has no answer, before it is put in words.
enum Failure {
    Client(Error),
    Wish(String),
    Screen(std::io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Client(error)
    }
}

/// Through which channel somebody asks, and in which segments the user of his commands is.
struct Caller {
    channel: ChannelId,
    segments: Segments,
}

impl From<ChannelId> for Caller {
    fn from(channel: ChannelId) -> Caller {
        Caller { channel, segments: Segments::NONE }
    }
}

impl From<(ChannelId, Option<Segments>)> for Caller {
    fn from((channel, segments): (ChannelId, Option<Segments>)) -> Caller {
        Caller { channel, segments: segments.unwrap_or_default() }
    }
}

/// Connects, asks, closes.
fn run(
    server: &ServerArgs,
    caller: impl Into<Caller>,
    subject: &Subject<'_>,
    ask: impl AsyncFnOnce(&Client) -> Result<(), Failure>,
) -> Result<(), OperatorError> {
    let Caller { channel, segments } = caller.into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let credentials = credentials::find(server)?;
    let asked = runtime.block_on(async {
        let options = ClientOptions::new(credentials.token.clone());
        let client = Client::connect(credentials.server.to_string(), options).await?;
        ask(&client.on_channel(channel).in_segments(segments)).await?;
        client.close().await;
        Ok(())
    });
    asked.map_err(|failure| match failure {
        Failure::Wish(what) => OperatorError::Wish(what),
        Failure::Screen(error) => OperatorError::Screen(error),
        Failure::Client(error) => OperatorError::Client {
            server: credentials.server,
            what: words::what(&error, subject),
            next: words::next(&error, subject),
        },
    })
}

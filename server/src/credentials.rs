//! Which server a subcommand talks to, and with which token: flags, then environment, then DIR/client.json, which
//! `scrip serve --dev` leaves.

use crate::cli::ServerArgs;
use crate::data_directory::{DirectoryError, replace_file};
use crate::tokens::{self, TokenEntry, TokensError};
use scrip_protocol::secret::Token;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const FILE: &str = "client.json";

/// A server and a token.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Where.
    pub server: SocketAddr,
    /// Who.
    pub token: Token,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    server: SocketAddr,
    token: String,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// No token anywhere.
    #[error(
        "no token: give --token or SCRIP_TOKEN, or run `scrip serve --dev`, which leaves one in {0}. \
         `scrip token create --merchant 1` makes one"
    )]
    NoToken(PathBuf),
    /// A token that is no token.
    #[error("the token is not one: {0}")]
    Token(String),
    /// A file that can't be read.
    #[error("{path}: {why}. Run `scrip serve --dev` again to replace it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A file that can't be written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A token that can't be made.
    #[error(transparent)]
    Tokens(#[from] TokensError),
}

/// Finds server and token.
///
/// # Errors
/// [`CredentialsError`], saying where to get a token.
pub fn find(arguments: &ServerArgs) -> Result<Credentials, CredentialsError> {
    let kept = read(&arguments.data)?;
    let server = arguments.server.or(kept.as_ref().map(|kept| kept.server));
    let server = server.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 7480)));
    let text = arguments.token.clone().or(kept.map(|kept| kept.token));
    let text = text.ok_or_else(|| CredentialsError::NoToken(arguments.data.join(FILE)))?;
    let token = text.parse().map_err(|error| CredentialsError::Token(format!("{error}")))?;
    Ok(Credentials { server, token })
}

/// Leaves server and token in the data directory, making a token for merchant 1 unless one was left before. Answers the
/// token's text.
///
/// # Errors
/// [`CredentialsError`].
pub fn leave(data: &Path, server: SocketAddr) -> Result<String, CredentialsError> {
    let token = match read(data)? {
        Some(kept) => kept.token,
        None => new_token(data, "dev")?.reveal_text(),
    };
    let kept = serde_json::to_vec(&Kept { server, token: token.clone() }).expect("plain data");
    replace_file(data, FILE, &kept, 0o600)?;
    Ok(token)
}

/// A token for merchant 1 that may do everything.
///
/// # Errors
/// [`TokensError`].
pub fn new_token(data: &Path, name: &str) -> Result<Token, TokensError> {
    let entry = TokenEntry {
        hash: String::new(),
        name: name.to_owned(),
        merchant: 1,
        channels: Vec::new(),
        verbs: Vec::new(),
        expires_s: 0,
    };
    tokens::create(data, entry)
}

fn read(data: &Path) -> Result<Option<Kept>, CredentialsError> {
    let path = data.join(FILE);
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CredentialsError::Damaged { path, why: error.to_string() }),
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(kept) => Ok(Some(kept)),
            Err(error) => Err(CredentialsError::Damaged { path, why: error.to_string() }),
        },
    }
}

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
    /// Where its HTTP door is, if that was left.
    pub http: Option<SocketAddr>,
    /// Who.
    pub token: Token,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    server: SocketAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http: Option<SocketAddr>,
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
    // The door that was left is that server's, and no other's.
    let left = kept.as_ref().filter(|kept| kept.server == server);
    let http = left.and_then(|kept| kept.http);
    let text = arguments.token.clone().or(kept.map(|kept| kept.token));
    let text = text.ok_or_else(|| CredentialsError::NoToken(arguments.data.join(FILE)))?;
    let token = text.parse().map_err(|error| CredentialsError::Token(format!("{error}")))?;
    Ok(Credentials { server, http, token })
}

/// Leaves server, HTTP door and token in the data directory, making a token for merchant 1 unless one was left before that still is
/// good. Answers the token's text.
///
/// # Errors
/// [`CredentialsError`].
pub fn leave(data: &Path, server: SocketAddr, http: SocketAddr) -> Result<String, CredentialsError> {
    let token = match read(data)? {
        Some(kept) if is_good(data, &kept)? => kept.token,
        _ => new_token(data, "dev")?.reveal_text(),
    };
    write(data, &Kept { server, http: Some(http), token: token.clone() })?;
    Ok(token)
}

/// When a token is rotated that was left in the data directory, leaves the new one there instead. Answers whether it was.
///
/// # Errors
/// [`CredentialsError`].
pub fn follow(data: &Path, old: &TokenEntry, new: &Token) -> Result<bool, CredentialsError> {
    let Some(kept) = read(data)? else { return Ok(false) };
    let is_left = kept.token.parse().is_ok_and(|token| tokens::is_of(&token, old));
    if is_left {
        write(data, &Kept { token: new.reveal_text(), ..kept })?;
    }
    Ok(is_left)
}

fn is_good(data: &Path, kept: &Kept) -> Result<bool, TokensError> {
    match kept.token.parse() {
        Ok(token) => tokens::is_good(data, &token, tokens::now_s()),
        Err(_) => Ok(false),
    }
}

fn write(data: &Path, kept: &Kept) -> Result<(), DirectoryError> {
    replace_file(data, FILE, &serde_json::to_vec(kept).expect("plain data"), 0o600)
}

/// A token for merchant 1 that may do everything.
///
/// # Errors
/// [`TokensError`].
pub fn new_token(data: &Path, name: &str) -> Result<Token, TokensError> {
    tokens::create(data, TokenEntry::new(name, 1))
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

//! `scrip token`: makes, lists, revokes and rotates the tokens of a data directory, whether or not a server uses it.
//!
//! Invariant: a token's text leaves on stdout, alone and once, when it is made.

use crate::cli::TokenCommand;
use crate::credentials::{self, CredentialsError};
use crate::data_directory::DirectoryError;
use crate::operator::time;
use crate::tokens::{self, Rotation, TokenEntry, TokensError, Verb};
use clap::ValueEnum;
use scrip_client::{ChannelId, Token, channel_name};
use std::path::Path;

/// Why a command on tokens failed.
#[derive(Debug, thiserror::Error)]
pub enum TokenCommandError {
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// What `scrip serve --dev` left.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

/// Runs a command.
///
/// # Errors
/// [`TokenCommandError`], with what to try next.
pub fn run(command: TokenCommand) -> Result<(), TokenCommandError> {
    let now_s = tokens::now_s();
    match command {
        TokenCommand::Create { name, merchant, channel, verb, public, expires_days, data } => {
            check(&data)?;
            let channels = channel.iter().map(|channel| channel.0).collect();
            let expires_s = end_s(now_s, expires_days);
            let entry =
                TokenEntry { channels, verbs: verb, public, expires_s, ..TokenEntry::new(&name, merchant) };
            print_once(&tokens::create(&data, entry)?);
        }
        TokenCommand::List { data } => {
            check(&data)?;
            print_list(&tokens::list(&data)?, now_s);
        }
        TokenCommand::Revoke { token, data } => {
            check(&data)?;
            let gone = tokens::revoke(&data, &token)?;
            println!("revoked {} ({}): nobody can use it from now on", gone.id(), gone.name);
        }
        TokenCommand::Rotate { token, overlap, expires_days, data } => {
            check(&data)?;
            let (overlap_s, expires_s) = (overlap.as_secs(), end_s(now_s, expires_days));
            let (old, new) = tokens::rotate(&data, &token, Rotation { now_s, overlap_s, expires_s })?;
            print_once(&new);
            eprintln!("the old one, {} ({}), is good until {}", old.id(), old.name, end_text(old.expires_s));
            if credentials::follow(&data, &old, &new)? {
                eprintln!("subcommands of this directory use the new one from now on");
            }
        }
    }
    Ok(())
}

fn check(data: &Path) -> Result<(), DirectoryError> {
    if data.join("manifest.json").exists() { Ok(()) } else { Err(DirectoryError::Missing(data.to_owned())) }
}

fn end_s(now_s: u64, days: Option<u64>) -> u64 {
    days.map_or(0, |days| now_s.saturating_add(days.saturating_mul(86_400)))
}

fn print_once(token: &Token) {
    println!("{}", token.reveal_text());
    eprintln!("keep it: it is not shown again. Use it as --token or SCRIP_TOKEN");
}

fn print_list(tokens: &[TokenEntry], now_s: u64) {
    if tokens.is_empty() {
        println!("no tokens: `scrip token create --merchant 1` makes one");
        return;
    }
    println!("{:<10}{:<16}{:>10}  {:<24}{:<24}ends", "id", "name", "merchant", "verbs", "channels");
    for entry in tokens {
        let (id, name, merchant) = (entry.id(), &entry.name, entry.merchant);
        let verb = |verb: &Verb| verb.to_possible_value().map(|value| value.get_name().to_owned());
        let verbs = joined(entry.verbs.iter().filter_map(verb).collect());
        let channels = entry.channels.iter().map(|&channel| channel_name(ChannelId(channel)));
        let channels = joined(channels.collect());
        let public = if entry.public { " (public)" } else { "" };
        let note = match (entry.expired(now_s), &entry.replaced_by) {
            (true, _) => " (ended)",
            (false, Some(_)) => " (rotated)",
            (false, None) => public,
        };
        let end = end_text(entry.expires_s);
        println!("{id:<10}{name:<16}{merchant:>10}  {verbs:<24}{channels:<24}{end}{note}");
    }
}

fn joined(names: Vec<String>) -> String {
    if names.is_empty() { "all".into() } else { names.join(",") }
}

fn end_text(expires_s: u64) -> String {
    if expires_s == 0 { "never".into() } else { time(expires_s.saturating_mul(1_000)) }
}

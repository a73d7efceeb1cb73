//! Access tokens: who a connection is, and what it may do.
//!
//! A token is 256 random bits, shown once; the file keeps its SHA-256 only. There is no default user. Invariant: a token
//! acts for one merchant, on its channels, with its verbs, until it expires.

use crate::data_directory::{DirectoryError, replace_file, wait_for_lock};
use scrip_engine::ids::{ChannelId, MerchantId};
use scrip_protocol::commands::CommandKind;
use scrip_protocol::secret::{AliasKey, Token};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

const FILE: &str = "tokens.json";
/// Tokens one file may hold.
const TOKENS_MAX: usize = 10_000;

/// What tokens.json holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct TokenFile {
    tokens: Vec<TokenEntry>,
    /// Per merchant, the key under which references become ids; 64 hex digits.
    alias_keys: HashMap<u32, String>,
}

/// One token, without its text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenEntry {
    /// SHA-256 of the token's 32 bytes, 64 hex digits.
    pub hash: String,
    /// For people.
    pub name: String,
    /// The merchant it acts for.
    pub merchant: u32,
    /// The channels it may name; empty: all.
    pub channels: Vec<u16>,
    /// The verbs it may use; empty: all.
    pub verbs: Vec<Verb>,
    /// Seconds since the Unix epoch at which it ends; 0: never.
    pub expires_s: u64,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// RESERVE, EXTEND, CONFIRM, RELEASE, SELL.
    Sell,
    /// RETURN.
    Return,
    /// STOCK_CREATE, STOCK_SUPPLY, STOCK_VOID, STOCK_FREEZE, STOCK_UNFREEZE, STOCK_EDIT.
    Stock,
    /// STOCK_SHOW, OPERATION_SHOW.
    Read,
}

impl Verb {
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    const fn of(kind: CommandKind) -> Verb {
        match kind {
            CommandKind::Reserve
            | CommandKind::Extend
            | CommandKind::Confirm
            | CommandKind::Release
            | CommandKind::Sell => Verb::Sell,
            CommandKind::Return => Verb::Return,
            CommandKind::StockShow | CommandKind::OperationShow => Verb::Read,
            _ => Verb::Stock,
        }
    }
}

/// Who a connection is.
#[derive(Debug)]
pub struct Principal {
    /// The token's name.
    pub name: String,
    /// The merchant it acts for.
    pub merchant: MerchantId,
    /// The key under which the merchant's references become ids.
    pub alias_key: AliasKey,
    /// Sorted; empty: all.
    channels: Vec<u16>,
    verbs: u8,
    expires_s: u64,
}

impl Principal {
    /// Whether it may send a command of this kind for this merchant and channel.
    #[inline]
    pub fn may(&self, kind: CommandKind, merchant: MerchantId, channel: ChannelId) -> bool {
        merchant == self.merchant
            && self.verbs & Verb::of(kind).bit() != 0
            && (self.channels.is_empty() || self.channels.binary_search(&channel.0).is_ok())
    }

    /// Whether it has ended by `now_s` (seconds since the Unix epoch).
    pub fn expired(&self, now_s: u64) -> bool {
        self.expires_s != 0 && self.expires_s <= now_s
    }
}

/// Why tokens can't be read or made.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The file can't be written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The file can't be read.
    #[error("{path}: {why}. Restore it from a backup, or remove it and create new tokens")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No more tokens.
    #[error("a data directory holds at most {TOKENS_MAX} tokens")]
    TooMany,
    /// The system gives no random bytes.
    #[error("the system's random source failed: {0}")]
    Random(#[from] getrandom::Error),
}

/// Makes a token for a directory, whether or not a server uses it: the server reads the file again when it meets a
/// token that it does not know.
///
/// # Errors
/// See [`TokensError`].
pub fn create(directory: &Path, template: TokenEntry) -> Result<Token, TokensError> {
    // Two at once must not lose one of the two.
    let _lock = wait_for_lock(directory, "tokens.lock")?;
    let mut file = read_file(directory)?;
    if file.tokens.len() >= TOKENS_MAX {
        return Err(TokensError::TooMany);
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let token = Token::new(bytes);
    if let Entry::Vacant(vacant) = file.alias_keys.entry(template.merchant) {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        vacant.insert(hex(&key));
    }
    file.tokens.push(TokenEntry { hash: hash_of(&token), ..template });
    let text = serde_json::to_vec_pretty(&file).expect("tokens are plain data");
    replace_file(directory, FILE, &text, 0o600)?;
    Ok(token)
}

fn read_file(directory: &Path) -> Result<TokenFile, TokensError> {
    let path = directory.join(FILE);
    let damaged = |why: String| TokensError::Damaged { path: path.clone(), why };
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| damaged(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(TokenFile::default()),
        Err(error) => Err(damaged(error.to_string())),
    }
}

fn hash_of(token: &Token) -> String {
    hex(&Sha256::digest(token.reveal()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The tokens of a directory, as a running server knows them.
pub struct TokenStore {
    directory: PathBuf,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    principals: HashMap<String, Arc<Principal>>,
    modified: Option<SystemTime>,
}

impl TokenStore {
    /// Reads the directory's tokens.
    ///
    /// # Errors
    /// See [`TokensError`].
    pub fn open(directory: &Path) -> Result<TokenStore, TokensError> {
        let store = TokenStore { directory: directory.to_owned(), known: Mutex::default() };
        store.reload()?;
        Ok(store)
    }

    /// Who a token is, at `now_s` seconds since the Unix epoch.
    pub fn find(&self, token: &Token, now_s: u64) -> Option<Arc<Principal>> {
        let hash = hash_of(token);
        let lookup = || self.known.lock().expect("no panic holds it").principals.get(&hash).cloned();
        let found = lookup().or_else(|| {
            // The file may have changed since: a token created while the server runs is good at once.
            match self.reload() {
                Ok(()) => lookup(),
                Err(error) => {
                    tracing::warn!(%error, "tokens can't be read again");
                    None
                }
            }
        })?;
        (!found.expired(now_s)).then_some(found)
    }

    fn reload(&self) -> Result<(), TokensError> {
        let modified = std::fs::metadata(self.directory.join(FILE)).and_then(|data| data.modified()).ok();
        let mut known = self.known.lock().expect("no panic holds it");
        if modified.is_some() && known.modified == modified {
            return Ok(());
        }
        let file = read_file(&self.directory)?;
        known.principals.clear();
        for entry in &file.tokens {
            let key = file.alias_keys.get(&entry.merchant).and_then(|key| unhex(key));
            let key = key.ok_or_else(|| TokensError::Damaged {
                path: self.directory.join(FILE),
                why: format!("merchant {} has no alias key", entry.merchant),
            })?;
            let mut channels = entry.channels.clone();
            channels.sort_unstable();
            let verbs = entry.verbs.iter().fold(0, |bits, verb| bits | verb.bit());
            let principal = Principal {
                name: entry.name.clone(),
                merchant: MerchantId(entry.merchant),
                alias_key: AliasKey::new(key),
                channels,
                verbs: if verbs == 0 { u8::MAX } else { verbs },
                expires_s: entry.expires_s,
            };
            known.principals.insert(entry.hash.clone(), Arc::new(principal));
        }
        known.modified = modified;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(merchant: u32, channels: &[u16], verbs: &[Verb], expires_s: u64) -> TokenEntry {
        let (channels, verbs) = (channels.to_vec(), verbs.to_vec());
        TokenEntry { hash: String::new(), name: "test".into(), merchant, channels, verbs, expires_s }
    }

    #[test]
    fn a_token_made_while_the_store_is_open_is_good_at_once_and_acts_within_its_scope() {
        let directory = tempfile::tempdir().unwrap();
        let store = TokenStore::open(directory.path()).unwrap();
        let token = create(directory.path(), entry(7, &[3, 1], &[Verb::Sell], 100)).unwrap();
        let principal = store.find(&token, 99).expect("known");
        let may = |kind, merchant, channel| principal.may(kind, MerchantId(merchant), ChannelId(channel));
        assert!(may(CommandKind::Reserve, 7, 3) && may(CommandKind::Sell, 7, 1));
        assert!(!may(CommandKind::Reserve, 8, 3), "another merchant");
        assert!(!may(CommandKind::Reserve, 7, 2), "another channel");
        assert!(!may(CommandKind::StockSupply, 7, 3), "another verb");
        assert!(store.find(&token, 100).is_none(), "expired");
        assert!(store.find(&Token::new([9; 32]), 0).is_none(), "unknown");
    }

    #[test]
    fn the_file_holds_no_token_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let token = create(directory.path(), entry(1, &[], &[], 0)).unwrap();
        let path = directory.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&hex(token.reveal())));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), "{").unwrap();
        let error = TokenStore::open(directory.path()).err().expect("refused").to_string();
        assert!(error.contains("tokens.json"), "{error}");
    }
}

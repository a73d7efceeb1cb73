//! Access tokens: who a connection is, and what it may do.
//!
//! A token is 256 random bits, shown once; the file keeps its SHA-256 only. There is no default user. Invariant: a token
//! acts for one merchant, on its channels, with its verbs, until it expires or is revoked. Here is what the file holds
//! and how it changes; `failures.rs` counts and hides codes that open nothing, `store.rs` is how a running server sees it, `watch.rs` how it hears of changes.

mod failures;
mod store;
mod watch;

pub use store::{Principal, TokenStore};

use crate::data_directory::{DirectoryError, replace_file, wait_for_lock};
use crate::hex::{hex, unhex};
use scrip_engine::ids::MerchantId;
use scrip_protocol::commands::CommandKind;
use scrip_protocol::secret::{AliasKey, Token};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const FILE: &str = "tokens.json";
/// Tokens one file may hold.
const TOKENS_MAX: usize = 10_000;
/// Digits of a token's hash that name it to people.
const ID_DIGITS: usize = 8;

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
    /// Its holder may not learn why a code does not work, nor name cards otherwise than by their codes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub public: bool,
    /// Seconds since the Unix epoch at which it ends; 0: never.
    pub expires_s: u64,
    /// The hash of the token that a rotation made in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
}

impl TokenEntry {
    /// A token for everything the merchant has, without an end. [`create`] gives it its hash.
    pub fn new(name: &str, merchant: u32) -> TokenEntry {
        TokenEntry {
            hash: String::new(),
            name: name.to_owned(),
            merchant,
            channels: Vec::new(),
            verbs: Vec::new(),
            public: false,
            expires_s: 0,
            replaced_by: None,
        }
    }

    /// What people call it: the first digits of its hash.
    pub fn id(&self) -> &str {
        self.hash.get(..ID_DIGITS).unwrap_or(&self.hash)
    }

    /// Whether it has ended by `now_s` (seconds since the Unix epoch).
    pub fn expired(&self, now_s: u64) -> bool {
        has_ended(self.expires_s, now_s)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

const fn has_ended(expires_s: u64, now_s: u64) -> bool {
    expires_s != 0 && expires_s <= now_s
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// RESERVE, EXTEND, CONFIRM, RELEASE, SELL, REVEAL, KEYS_READ: the texts of card keys are for those who sell them.
    Sell,
    /// RETURN, KEY_REPLACE, CANCEL, REVERSE, CARD_REFUND.
    Return,
    /// STOCK_CREATE, STOCK_SUPPLY, STOCK_VOID, STOCK_FREEZE, STOCK_UNFREEZE, STOCK_EDIT, STOCK_QUOTA, STOCK_LIMITS, STOCK_PRICE,
    /// RISK_SET, BLOCK_SET, ZONE_SET, BATCH_CREATE, BATCH_CHANGE, KEYS_IMPORT, KEY_RECLAIM, CAMPAIGN_CREATE, CAMPAIGN_EDIT, CAMPAIGN_STATE,
    /// CARD_CHANGE, LINK, UNLINK, LABEL, ERASE.
    Stock,
    /// Queries that show no card keys.
    /// STOCK_SHOW, STOCK_CHANNELS, STOCK_TERMS_SHOW, RISK_SHOW, ZONE_SHOW, BATCHES_SHOW, OWED_SHOW, KEYS_LIST, OPERATION_SHOW, ORDER_SHOW,
    /// CAMPAIGN_SHOW, CARD_SHOW, WALLET_SHOW, QUOTE, IDENTITY_SHOW.
    Read,
    /// KEYS_EXPORT: every text of a stock, in one go.
    Export,
    /// ISSUE, CLAIM, TOPUP, EARN, RENEW, LEVEL: gives cards and what is on them away.
    Issue,
    /// REDEEM: uses cards; with `sell`, cards in RESERVE and SELL, too.
    Redeem,
}

impl Verb {
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    const fn of(kind: CommandKind) -> Verb {
        match kind {
            CommandKind::Reserve
            | CommandKind::QuoteReserve
            | CommandKind::Extend
            | CommandKind::Confirm
            | CommandKind::Release
            | CommandKind::Sell
            | CommandKind::Reveal
            | CommandKind::KeysRead => Verb::Sell,
            CommandKind::Return
            | CommandKind::KeyReplace
            | CommandKind::Cancel
            | CommandKind::Reverse
            | CommandKind::CardRefund => Verb::Return,
            CommandKind::Issue
            | CommandKind::Claim
            | CommandKind::TopUp
            | CommandKind::Earn
            | CommandKind::Renew
            | CommandKind::Level
            | CommandKind::Gift
            | CommandKind::AcceptGift
            | CommandKind::CancelGift
            | CommandKind::GroupOpen
            | CommandKind::GroupJoin
            | CommandKind::GroupLeave
            | CommandKind::Recycle
            | CommandKind::Merge => Verb::Issue,
            CommandKind::Redeem => Verb::Redeem,
            CommandKind::KeysExport => Verb::Export,
            CommandKind::KeysList
            | CommandKind::StockShow
            | CommandKind::StockChannels
            | CommandKind::BatchesShow
            | CommandKind::StockTermsShow
            | CommandKind::RiskShow
            | CommandKind::ZoneShow
            | CommandKind::IdentityShow
            | CommandKind::OwedShow
            | CommandKind::OrderShow
            | CommandKind::CampaignShow
            | CommandKind::CodeShow
            | CommandKind::CardShow
            | CommandKind::WalletShow
            | CommandKind::NoticesRead
            | CommandKind::Quote
            | CommandKind::GroupShow
            | CommandKind::ActivityShow
            | CommandKind::OperationShow => Verb::Read,
            CommandKind::StockCreate
            | CommandKind::StockSupply
            | CommandKind::StockVoid
            | CommandKind::StockFreeze
            | CommandKind::StockUnfreeze
            | CommandKind::StockEdit
            | CommandKind::CampaignVoid
            | CommandKind::CardBatchVoid
            | CommandKind::CardBatchRecycle
            | CommandKind::StockQuota
            | CommandKind::StockLimits
            | CommandKind::StockPrice
            | CommandKind::RiskSet
            | CommandKind::BlockSet
            | CommandKind::ZoneSet
            | CommandKind::Link
            | CommandKind::Unlink
            | CommandKind::Label
            | CommandKind::Erase
            | CommandKind::BatchCreate
            | CommandKind::BatchChange
            | CommandKind::KeysImport
            | CommandKind::CampaignCreate
            | CommandKind::CampaignEdit
            | CommandKind::CampaignState
            | CommandKind::ActivityCreate
            | CommandKind::ActivityEdit
            | CommandKind::CodeImport
            | CommandKind::CodeSet
            | CommandKind::CardChange
            | CommandKind::KeyReclaim => Verb::Stock,
        }
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
    #[error(
        "a data directory holds at most {TOKENS_MAX} tokens: `scrip token list`, then `scrip token revoke` some"
    )]
    TooMany,
    /// No such token.
    #[error("no token has the id or name {0:?}: `scrip token list` shows them")]
    Unknown(String),
    /// Several tokens of a name.
    #[error("several tokens are called {name:?}: name one by its id, {ids}")]
    Ambiguous {
        /// The name.
        name: String,
        /// Their ids.
        ids: String,
    },
    /// A rotation is under way.
    #[error(
        "token {old} was rotated and is still good beside {new}: wait for its end, or `scrip token revoke {old}` first"
    )]
    Rotating {
        /// The old token.
        old: String,
        /// The one in its place.
        new: String,
    },
    /// A token that has ended.
    #[error("token {0} has ended: `scrip token create` makes a new one")]
    Ended(String),
    /// A rotation that would make a token with an end one without.
    #[error("token {0} has an end: say when the new one ends, with `--expires-days N`")]
    NoEnd(String),
    /// The system gives no random bytes.
    #[error("the system's random source failed: {0}")]
    Random(#[from] getrandom::Error),
}

/// Makes a token for a directory, whether or not a server uses it: the server reads the file again when it has changed.
///
/// # Errors
/// See [`TokensError`].
pub fn create(directory: &Path, template: TokenEntry) -> Result<Token, TokensError> {
    change(directory, |file| add(file, template))
}

/// The tokens of a directory, in the order in which they were made.
///
/// # Errors
/// See [`TokensError`].
pub fn list(directory: &Path) -> Result<Vec<TokenEntry>, TokensError> {
    read_file(directory).map(|file| file.tokens)
}

/// Whether a token is among a directory's and has not ended by `now_s`.
///
/// # Errors
/// See [`TokensError`].
pub fn is_good(directory: &Path, token: &Token, now_s: u64) -> Result<bool, TokensError> {
    let hash = hash_of(token);
    Ok(list(directory)?.iter().any(|entry| entry.hash == hash && !entry.expired(now_s)))
}

/// Takes a token, named by its id or by its name, out of a directory: whoever comes with it is refused from now on.
///
/// # Errors
/// See [`TokensError`].
pub fn revoke(directory: &Path, named: &str) -> Result<TokenEntry, TokensError> {
    change(directory, |file| {
        let position = position_of(file, named, |_| true)?;
        Ok(file.tokens.remove(position))
    })
}

/// When the two tokens of a rotation end.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// Now, seconds since the Unix epoch.
    pub now_s: u64,
    /// How long the old one stays good.
    pub overlap_s: u64,
    /// When the new one ends; 0: never.
    pub expires_s: u64,
}

/// Makes a token with the scope of another, which ends after the overlap (or when it would have ended, if that is
/// earlier). Answers the old entry as it is now, and the new token.
///
/// # Errors
/// See [`TokensError`].
pub fn rotate(directory: &Path, named: &str, times: Rotation) -> Result<(TokenEntry, Token), TokensError> {
    let Rotation { now_s, overlap_s, expires_s } = times;
    change(directory, |file| {
        let position = position_of(file, named, |entry| entry.replaced_by.is_none())?;
        let old = file.tokens[position].clone();
        if old.expired(now_s) {
            return Err(TokensError::Ended(old.id().to_owned()));
        }
        let before = |entry: &&TokenEntry| {
            entry.replaced_by.as_ref() == Some(&old.hash)
                || entry.hash == old.hash && old.replaced_by.is_some()
        };
        if let Some(before) = file.tokens.iter().filter(before).find(|entry| !entry.expired(now_s)) {
            let new =
                before.replaced_by.as_deref().and_then(|hash| hash.get(..ID_DIGITS)).unwrap_or_default();
            return Err(TokensError::Rotating { old: before.id().to_owned(), new: new.to_owned() });
        }
        if old.expires_s != 0 && expires_s == 0 {
            return Err(TokensError::NoEnd(old.id().to_owned()));
        }
        let token = add(file, TokenEntry { expires_s, ..old })?;
        let entry = &mut file.tokens[position];
        entry.replaced_by = Some(hash_of(&token));
        let end_s = now_s.saturating_add(overlap_s);
        entry.expires_s = if entry.expires_s == 0 { end_s } else { entry.expires_s.min(end_s) };
        Ok((entry.clone(), token))
    })
}

/// Whether this is the token of an entry.
pub fn is_of(token: &Token, entry: &TokenEntry) -> bool {
    hash_of(token) == entry.hash
}

/// Changes the file. Two at once must not lose one of the two.
fn change<T>(
    directory: &Path,
    change: impl FnOnce(&mut TokenFile) -> Result<T, TokensError>,
) -> Result<T, TokensError> {
    let _lock = wait_for_lock(directory, "tokens.lock")?;
    let mut file = read_file(directory)?;
    let changed = change(&mut file)?;
    let text = serde_json::to_vec_pretty(&file).expect("tokens are plain data");
    replace_file(directory, FILE, &text, 0o600)?;
    Ok(changed)
}

fn add(file: &mut TokenFile, template: TokenEntry) -> Result<Token, TokensError> {
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
    Ok(token)
}

/// The token with this id, else the one with this name among those that `wanted` accepts.
fn position_of(
    file: &TokenFile,
    named: &str,
    wanted: impl Fn(&TokenEntry) -> bool,
) -> Result<usize, TokensError> {
    let positions = |test: &dyn Fn(&TokenEntry) -> bool| -> Vec<usize> {
        (0..file.tokens.len()).filter(|&position| test(&file.tokens[position])).collect()
    };
    let by_id = positions(&|entry| named.len() >= ID_DIGITS && entry.hash.starts_with(named));
    let found =
        if by_id.is_empty() { positions(&|entry| entry.name == named && wanted(entry)) } else { by_id };
    match found[..] {
        [] => Err(TokensError::Unknown(named.to_owned())),
        [position] => Ok(position),
        _ => {
            let ids: Vec<&str> = found.iter().map(|&position| file.tokens[position].id()).collect();
            Err(TokensError::Ambiguous { name: named.to_owned(), ids: ids.join(" or ") })
        }
    }
}

/// Seconds since the Unix epoch.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The key under which references of a merchant become ids; `None`: he has no token.
///
/// # Errors
/// See [`TokensError`].
pub fn alias_key(directory: &Path, merchant: MerchantId) -> Result<Option<AliasKey>, TokensError> {
    let file = read_file(directory)?;
    let damaged = || TokensError::Damaged {
        path: directory.join(FILE),
        why: format!("the alias key of merchant {merchant} is none"),
    };
    let key = file
        .alias_keys
        .get(&merchant.0)
        .map(|key| unhex(key).and_then(|key| key.try_into().ok()).ok_or_else(damaged));
    Ok(key.transpose()?.map(AliasKey::new))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_no_token_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let token = create(directory.path(), TokenEntry::new("test", 1)).unwrap();
        let path = directory.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&hex(token.reveal())));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_rotation_keeps_the_scope_and_leaves_two_for_a_while() {
        let directory = tempfile::tempdir().unwrap();
        let at = |now_s| Rotation { now_s, overlap_s: 60, expires_s: 0 };
        let shop = TokenEntry { channels: vec![3], verbs: vec![Verb::Sell], ..TokenEntry::new("shop", 7) };
        let first = create(directory.path(), shop).unwrap();
        let (old, second) = rotate(directory.path(), "shop", at(1_000)).unwrap();
        assert!(is_of(&first, &old) && old.expires_s == 1_060, "{old:?}");
        let tokens = list(directory.path()).unwrap();
        assert!(is_of(&second, &tokens[1]) && tokens.len() == 2);
        assert_eq!((tokens[1].merchant, tokens[1].expires_s), (7, 0));
        assert_eq!((&tokens[1].channels, &tokens[1].verbs), (&vec![3], &vec![Verb::Sell]));
        for (named, now_s) in [("shop", 1_059), (old.id(), 1_059)] {
            let error = rotate(directory.path(), named, at(now_s)).expect_err("two are good").to_string();
            assert!(error.contains(&format!("scrip token revoke {}", old.id())), "{error}");
        }
        let (third, _) = rotate(directory.path(), "shop", at(1_060)).expect("the first has ended");
        assert!(is_of(&second, &third));
        let error = rotate(directory.path(), old.id(), at(1_060)).expect_err("it has ended").to_string();
        assert!(error.contains("scrip token create"), "{error}");
    }

    #[test]
    fn a_rotation_makes_no_token_endless() {
        let directory = tempfile::tempdir().unwrap();
        create(directory.path(), TokenEntry { expires_s: 500, ..TokenEntry::new("shop", 1) }).unwrap();
        let times = Rotation { now_s: 400, overlap_s: 600, expires_s: 0 };
        let error = rotate(directory.path(), "shop", times).expect_err("no end is given").to_string();
        assert!(error.contains("--expires-days"), "{error}");
        let (old, _) = rotate(directory.path(), "shop", Rotation { expires_s: 900, ..times }).unwrap();
        assert_eq!((old.expires_s, list(directory.path()).unwrap()[1].expires_s), (500, 900));
    }

    #[test]
    fn tokens_are_named_by_id_or_by_a_name_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["shop", "till", "till"] {
            create(directory.path(), TokenEntry::new(name, 1)).unwrap();
        }
        let tokens = list(directory.path()).unwrap();
        let error = revoke(directory.path(), "till").expect_err("there are two").to_string();
        assert!(error.contains(tokens[1].id()) && error.contains(tokens[2].id()), "{error}");
        let error = revoke(directory.path(), &tokens[1].hash[..4]).expect_err("too short").to_string();
        assert!(error.contains("scrip token list"), "{error}");
        assert_eq!(revoke(directory.path(), tokens[1].id()).unwrap().hash, tokens[1].hash);
        assert_eq!(revoke(directory.path(), "till").unwrap().hash, tokens[2].hash);
        let left: Vec<String> = list(directory.path()).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(left, ["shop"]);
    }
}

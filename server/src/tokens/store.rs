//! The tokens of a directory, as a running server knows them.
//!
//! A connection keeps its [`Principal`] for as long as it lives; so a token that is revoked, changed or past its end is
//! marked there, and the next command of any connection that came with it is refused. Invariant: what is known is what
//! the file says, a moment after the file has changed.

use super::failures::FailedCodes;
use super::watch::Watch;
use super::{FILE, TokenEntry, TokensError, Verb, has_ended, hash_of, now_s, read_file};
use crate::hex::unhex;
use scrip_engine::ids::{ChannelId, MerchantId};
use scrip_protocol::commands::CommandKind;
use scrip_protocol::secret::{AliasKey, Token};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Who a connection is.
#[derive(Debug)]
pub struct Principal {
    /// The token's name.
    pub name: String,
    /// The merchant it acts for.
    pub merchant: MerchantId,
    /// The key under which the merchant's references become ids.
    pub alias_key: AliasKey,
    /// Its holder may not learn why a code does not work.
    pub public: bool,
    /// Codes that it has brought in vain.
    pub failed_codes: FailedCodes,
    /// Sorted; empty: all.
    channels: Vec<u16>,
    verbs: u8,
    expires_s: AtomicU64,
    /// Revoked, changed, or past its end.
    ended: AtomicBool,
}

impl Principal {
    fn new(entry: &TokenEntry, alias_key: AliasKey) -> Principal {
        let mut channels = entry.channels.clone();
        channels.sort_unstable();
        let verbs = entry.verbs.iter().fold(0, |bits, verb| bits | verb.bit());
        Principal {
            name: entry.name.clone(),
            merchant: MerchantId(entry.merchant),
            alias_key,
            public: entry.public,
            failed_codes: FailedCodes::default(),
            channels,
            verbs: if verbs == 0 { u8::MAX } else { verbs },
            expires_s: AtomicU64::new(entry.expires_s),
            ended: AtomicBool::new(false),
        }
    }

    /// One of merchant 1 that may do everything.
    #[cfg(test)]
    pub fn for_test() -> Principal {
        Principal::new(&TokenEntry::new("test", 1), AliasKey::new([0; 32]))
    }

    /// Whether it may send a command of this kind for this merchant and channel, now.
    #[inline]
    pub fn may(&self, kind: CommandKind, merchant: MerchantId, channel: ChannelId) -> bool {
        merchant == self.merchant
            && self.verbs & Verb::of(kind).bit() != 0
            && (self.channels.is_empty() || self.channels.binary_search(&channel.0).is_ok())
            && !self.ended.load(Ordering::Relaxed)
    }

    /// Whether it has ended by `now_s` (seconds since the Unix epoch).
    pub fn expired(&self, now_s: u64) -> bool {
        has_ended(self.expires_s.load(Ordering::Relaxed), now_s)
    }

    /// Whether it acts as `other` does, whenever the two end.
    fn acts_as(&self, other: &Principal) -> bool {
        let of = |one: &Principal| {
            (one.merchant, one.channels.clone(), one.verbs, one.public, *one.alias_key.reveal())
        };
        of(self) == of(other)
    }
}

/// The tokens of a directory, and the thread that follows their file.
pub struct TokenStore {
    tokens: Arc<Tokens>,
    _watch: Watch,
}

impl TokenStore {
    /// Reads the directory's tokens, and follows them until it is dropped.
    ///
    /// # Errors
    /// See [`TokensError`].
    pub fn open(directory: &Path) -> Result<TokenStore, TokensError> {
        let tokens = Arc::new(Tokens { directory: directory.to_owned(), known: Mutex::default() });
        tokens.reload()?;
        let followed = tokens.clone();
        let watch = Watch::start(directory, move || followed.follow(now_s()));
        Ok(TokenStore { tokens, _watch: watch })
    }

    /// Who a token is, at `now_s` seconds since the Unix epoch.
    pub fn find(&self, token: &Token, now_s: u64) -> Option<Arc<Principal>> {
        // The file may have changed this moment: a token created while the server runs is good at once, a revoked one
        // is not.
        self.tokens.follow(now_s);
        let known = self.tokens.known.lock().expect("no panic holds it");
        known.principals.get(&hash_of(token)).filter(|found| !found.expired(now_s)).cloned()
    }
}

struct Tokens {
    directory: PathBuf,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    principals: HashMap<String, Arc<Principal>>,
    /// The file as it was read last; none: never, or not well.
    seen: Option<Stamp>,
    /// The file that could not be read and was complained about.
    failed: Option<Stamp>,
}

/// What tells one version of a file from the next; none: there is no file. It is replaced whole, so its inode differs even
/// when its time does not.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Tokens {
    /// Reads the file again if it has changed, and ends what is past its end.
    fn follow(&self, now_s: u64) {
        if let Err(error) = self.reload() {
            tracing::warn!(%error, "the tokens can't be read again: those known before stay good");
        }
        for principal in self.known.lock().expect("no panic holds it").principals.values() {
            if principal.expired(now_s) {
                principal.ended.store(true, Ordering::Relaxed);
            }
        }
    }

    fn reload(&self) -> Result<(), TokensError> {
        let stamp = |data: std::fs::Metadata| (data.ino(), data.size(), data.ctime(), data.ctime_nsec());
        let mut known = self.known.lock().expect("no panic holds it");
        let stamp = std::fs::metadata(self.directory.join(FILE)).ok().map(stamp);
        if known.seen == Some(stamp) {
            return Ok(());
        }
        known.seen = None;
        let mut principals = match self.read(&known.principals) {
            // It is tried again each time, and complained about once.
            Err(_) if known.failed == Some(stamp) => return Ok(()),
            Err(error) => {
                known.failed = Some(stamp);
                return Err(error);
            }
            Ok(principals) => principals,
        };
        (known.seen, known.failed) = (Some(stamp), None);
        std::mem::swap(&mut known.principals, &mut principals);
        for (hash, before) in principals {
            let kept = known.principals.get(&hash).is_some_and(|now| Arc::ptr_eq(now, &before));
            if !kept {
                tracing::info!(token = before.name, "a token was revoked or changed");
                before.ended.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// The principals of the file; those known before are kept, unless they act otherwise now or have ended.
    fn read(
        &self,
        before: &HashMap<String, Arc<Principal>>,
    ) -> Result<HashMap<String, Arc<Principal>>, TokensError> {
        let file = read_file(&self.directory)?;
        let mut principals = HashMap::with_capacity(file.tokens.len());
        for entry in &file.tokens {
            let key = file.alias_keys.get(&entry.merchant).and_then(|key| unhex(key)?.try_into().ok());
            let key = key.ok_or_else(|| TokensError::Damaged {
                path: self.directory.join(FILE),
                why: format!("merchant {} has no alias key", entry.merchant),
            })?;
            let now = Principal::new(entry, AliasKey::new(key));
            let same = before.get(&entry.hash).filter(|before| {
                before.acts_as(&now) && before.name == now.name && !before.ended.load(Ordering::Relaxed)
            });
            let principal = same.cloned().unwrap_or_else(|| Arc::new(now));
            principal.expires_s.store(entry.expires_s, Ordering::Relaxed);
            principals.insert(entry.hash.clone(), principal);
        }
        Ok(principals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::{Rotation, create, revoke, rotate};
    use std::time::{Duration, Instant};

    fn scoped(merchant: u32, channels: &[u16], verbs: &[Verb], expires_s: u64) -> TokenEntry {
        let (channels, verbs) = (channels.to_vec(), verbs.to_vec());
        TokenEntry { channels, verbs, expires_s, ..TokenEntry::new("test", merchant) }
    }

    /// Stands for a principal of merchant 1 that has not ended.
    fn good(principal: &Principal) -> bool {
        principal.may(CommandKind::Sell, MerchantId(1), ChannelId(0))
    }

    #[test]
    fn a_token_made_while_the_store_is_open_is_good_at_once_and_acts_within_its_scope() {
        let directory = tempfile::tempdir().unwrap();
        let store = TokenStore::open(directory.path()).unwrap();
        let end_s = now_s() + 1_000;
        let token = create(directory.path(), scoped(7, &[3, 1], &[Verb::Sell], end_s)).unwrap();
        let principal = store.find(&token, end_s - 1).expect("known");
        let may = |kind, merchant, channel| principal.may(kind, MerchantId(merchant), ChannelId(channel));
        assert!(may(CommandKind::Reserve, 7, 3) && may(CommandKind::Sell, 7, 1));
        assert!(!may(CommandKind::Reserve, 8, 3), "another merchant");
        assert!(!may(CommandKind::Reserve, 7, 2), "another channel");
        assert!(!may(CommandKind::StockSupply, 7, 3), "another verb");
        assert!(store.find(&Token::new([9; 32]), 0).is_none(), "unknown");
        assert!(store.find(&token, end_s).is_none(), "expired");
        assert!(!may(CommandKind::Reserve, 7, 3), "expired, on a connection that was there before");
    }

    #[test]
    fn what_channels_may_take_is_shown_to_readers() {
        let directory = tempfile::tempdir().unwrap();
        let store = TokenStore::open(directory.path()).unwrap();
        let token = create(directory.path(), scoped(1, &[], &[Verb::Read], 0)).unwrap();
        let principal = store.find(&token, 1).expect("known");
        let may = |kind| principal.may(kind, MerchantId(1), ChannelId(0));
        assert!(may(CommandKind::StockChannels) && may(CommandKind::StockShow));
        assert!(!may(CommandKind::StockQuota));
    }

    #[test]
    fn a_revoked_token_is_refused_on_old_connections_and_new_ones() {
        let directory = tempfile::tempdir().unwrap();
        let tokens = [(); 2].map(|()| create(directory.path(), TokenEntry::new("till", 1)).unwrap());
        let store = TokenStore::open(directory.path()).unwrap();
        let [gone, kept] = tokens.each_ref().map(|token| store.find(token, 1).expect("known"));
        assert!(good(&gone) && good(&kept));
        let id = hash_of(&tokens[0]);
        revoke(directory.path(), &id).unwrap();
        // Nobody asks the store: the file alone tells it.
        let until = Instant::now() + Duration::from_secs(30);
        while good(&gone) {
            assert!(Instant::now() < until, "the store does not follow its file");
            std::thread::yield_now();
        }
        assert!(store.find(&tokens[0], 1).is_none());
        assert!(good(&kept) && store.find(&tokens[1], 1).is_some());
    }

    #[test]
    fn both_tokens_of_a_rotation_are_good_until_the_old_one_ends() {
        let directory = tempfile::tempdir().unwrap();
        let now_s = now_s();
        let old = create(directory.path(), TokenEntry::new("shop", 1)).unwrap();
        let store = TokenStore::open(directory.path()).unwrap();
        let before = store.find(&old, now_s).expect("known");
        let times = Rotation { now_s, overlap_s: 600, expires_s: 0 };
        let (_, new) = rotate(directory.path(), "shop", times).unwrap();
        let after = store.find(&new, now_s).expect("good at once");
        assert!(store.find(&old, now_s + 599).is_some() && good(&before) && good(&after));
        assert!(store.find(&old, now_s + 600).is_none() && store.find(&new, now_s + 600).is_some());
        assert!(!good(&before) && good(&after));
    }

    #[test]
    fn a_damaged_file_is_named_and_changes_nothing_while_the_server_runs() {
        let directory = tempfile::tempdir().unwrap();
        let token = create(directory.path(), TokenEntry::new("shop", 1)).unwrap();
        let store = TokenStore::open(directory.path()).unwrap();
        std::fs::write(directory.path().join(FILE), "{").unwrap();
        assert!(store.find(&token, 1).is_some_and(|principal| good(&principal)));
        let error = TokenStore::open(directory.path()).err().expect("refused").to_string();
        assert!(error.contains("tokens.json"), "{error}");
    }
}

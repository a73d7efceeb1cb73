//! The keyring: the keys under which card keys are sealed.
//!
//! A master key lies in a file of its own, outside the data directory, so that a copied directory or backup opens
//! nothing. It wraps (AES-256-GCM) a data key per stock and the key of fingerprints; the wrapped ones lie in
//! `DIR/keyring.json`. The keys of campaigns' codes are sealed under the master key itself, and lie in the log. Invariant: a data key is on disk before anything is sealed under it; a master key that does not
//! open the keyring is refused at start, never replaced.

use crate::data_directory::{DirectoryError, replace_file};
use crate::hex::{hex, unhex};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hmac::{Hmac, Mac};
use scrip_codes::{CampaignKey, VanityKey};
use scrip_engine::ids::StockId;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

const FILE: &str = "keyring.json";
const FORMAT_VERSION: u32 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// What stands in front of a campaign's id in what its key is sealed for.
const FOR_CAMPAIGN: &[u8] = b"scrip campaign ";
/// What the fingerprint key is wrapped for; data keys are wrapped for their stocks.
const FOR_FINGERPRINTS: &[u8] = b"scrip fingerprints";

/// What is hashed under the fingerprint key to make that of persons' labels.
const FOR_PERSONS: &[u8] = b"scrip persons 1\n";
/// What is hashed under the fingerprint key to make that of given codes.
const FOR_GIVEN_CODES: &[u8] = b"scrip given codes 1\n";

/// A key that is wiped when dropped and never printed.
pub type SecretKey = Zeroizing<[u8; KEY_BYTES]>;

/// Why a keyring can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The master key file is not there, though there are keys it must open.
    #[error(
        "{path}: the master key is missing, and {data} has card keys sealed under it. Put the file back, or name it with --master-key"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// It holds something else.
    #[error(
        "{0}: this is no master key: 64 hexadecimal digits are expected. Name the right file with --master-key"
    )]
    Malformed(PathBuf),
    /// It is another directory's.
    #[error("{path}: this master key does not open {data}. Name the one it was made with (--master-key)")]
    Wrong {
        /// The master key's file.
        path: PathBuf,
        /// The data directory.
        data: PathBuf,
    },
    /// Others may read it.
    #[error("{0}: others can read the master key. `chmod 600` it")]
    Exposed(PathBuf),
    /// The keyring can't be read.
    #[error("{path}: the keyring is damaged: {why}. Restore it from a backup of the data directory")]
    Damaged {
        /// The keyring's file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The operating system refused.
    #[error(
        "{path}: {source}. Mend its permissions, or name another place for the master key with --master-key"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file could not be replaced.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The system gives no random bytes.
    #[error("the system's random source failed: {0}")]
    Random(#[from] getrandom::Error),
}

/// The file: everything in it is wrapped under the master key.
#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    format_version: u32,
    /// The key of fingerprints: nonce and sealed key, hexadecimal.
    fingerprints: String,
    /// Per stock (its id as 16 hexadecimal digits) the data key, likewise.
    data_keys: BTreeMap<String, String>,
}

/// The open keyring of a data directory.
pub struct Keyring {
    data: PathBuf,
    master: Aes256Gcm,
    fingerprints: SecretKey,
    contents: Mutex<Contents>,
}

impl Keyring {
    /// Opens the keyring of `data`, making it and the master key at the first start. `master` is the master key's file
    /// [default: beside the directory, DIR.master-key].
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn open(data: &Path, master: Option<&Path>) -> Result<Keyring, KeyringError> {
        let path = master.map_or_else(|| default_master_path(data), Path::to_owned);
        let file = data.join(FILE);
        let contents = read_contents(&file)?;
        let key = match (read_master(&path)?, &contents) {
            (Some(key), _) => key,
            (None, Some(_)) => return Err(KeyringError::Missing { path, data: data.to_owned() }),
            (None, None) => make_master(&path)?,
        };
        let master = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
        let wrong = || KeyringError::Wrong { path: path.clone(), data: data.to_owned() };
        let (contents, fingerprints) = match contents {
            Some(contents) => {
                let fingerprints =
                    unwrap_key(&master, &contents.fingerprints, FOR_FINGERPRINTS).ok_or_else(wrong)?;
                (contents, fingerprints)
            }
            None => {
                let fingerprints = random_key()?;
                let wrapped = wrap_key(&master, &fingerprints, FOR_FINGERPRINTS)?;
                let contents = Contents {
                    format_version: FORMAT_VERSION,
                    fingerprints: wrapped,
                    data_keys: BTreeMap::new(),
                };
                write_contents(data, &contents)?;
                (contents, fingerprints)
            }
        };
        Ok(Keyring { data: data.to_owned(), master, fingerprints, contents: Mutex::new(contents) })
    }

    /// Opens the keyring of `data` beside whoever uses it; `None`: there is none, so nothing was ever sealed.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn look(data: &Path, master: Option<&Path>) -> Result<Option<Keyring>, KeyringError> {
        match read_contents(&data.join(FILE))? {
            Some(_) => Keyring::open(data, master).map(Some),
            None => Ok(None),
        }
    }

    /// The key of fingerprints.
    pub fn fingerprints(&self) -> &SecretKey {
        &self.fingerprints
    }

    /// The key under which given codes are hashed: made from that of fingerprints, for this alone.
    pub fn given_codes(&self) -> VanityKey {
        let mut hmac = Hmac::<Sha256>::new_from_slice(self.fingerprints.as_slice())
            .expect("HMAC takes keys of any length");
        hmac.update(FOR_GIVEN_CODES);
        VanityKey::new(hmac.finalize().into_bytes().into())
    }

    /// The key that the keys of labels are made of, with their salts: made from that of fingerprints, for this alone.
    pub fn persons(&self) -> SecretKey {
        let mut hmac = Hmac::<Sha256>::new_from_slice(self.fingerprints.as_slice())
            .expect("HMAC takes keys of any length");
        hmac.update(FOR_PERSONS);
        Zeroizing::new(hmac.finalize().into_bytes().into())
    }

    /// The data key of a stock; made, and synced to disk, if it has none. Rare: once per stock and process.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn data_key(&self, stock: StockId) -> Result<SecretKey, KeyringError> {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let name = stock.to_string();
        if let Some(wrapped) = contents.data_keys.get(&name) {
            let damaged = || KeyringError::Damaged {
                path: self.data.join(FILE),
                why: format!("the data key of stock {name} does not open"),
            };
            return unwrap_key(&self.master, wrapped, &stock.0.to_le_bytes()).ok_or_else(damaged);
        }
        let key = random_key()?;
        let wrapped = wrap_key(&self.master, &key, &stock.0.to_le_bytes())?;
        contents.data_keys.insert(name.clone(), wrapped);
        if let Err(error) = write_contents(&self.data, &contents) {
            contents.data_keys.remove(&name);
            return Err(error);
        }
        Ok(key)
    }
}

impl Keyring {
    /// A new key for the codes of a campaign, sealed: what the log keeps of it.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn make_campaign_key(&self, campaign: StockId) -> Result<Vec<u8>, KeyringError> {
        seal_key(&self.master, &random_key()?, &for_campaign(campaign))
    }

    /// The key of a campaign's codes; `None`: it was sealed under another master key, or for another campaign.
    pub fn open_campaign_key(&self, campaign: StockId, sealed: &[u8]) -> Option<CampaignKey> {
        open_key(&self.master, sealed, &for_campaign(campaign)).map(|key| CampaignKey::new(*key))
    }
}

/// A campaign's key, opened by the master key alone: for those who have that file at hand, and no server.
///
/// # Errors
/// If the master key can't be read, or does not open it.
pub fn open_campaign_key(
    data: &Path,
    master: Option<&Path>,
    campaign: StockId,
    sealed: &[u8],
) -> Result<CampaignKey, KeyringError> {
    let path = master.map_or_else(|| default_master_path(data), Path::to_owned);
    let missing = || KeyringError::Missing { path: path.clone(), data: data.to_owned() };
    let key = read_master(&path)?.ok_or_else(missing)?;
    let master = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    let opened = open_key(&master, sealed, &for_campaign(campaign));
    let opened = opened.ok_or_else(|| KeyringError::Wrong { path, data: data.to_owned() })?;
    Ok(CampaignKey::new(*opened))
}

fn for_campaign(campaign: StockId) -> Vec<u8> {
    [FOR_CAMPAIGN, &campaign.0.to_le_bytes()].concat()
}

fn default_master_path(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(".master-key");
    data.with_file_name(name)
}

fn read_contents(path: &Path) -> Result<Option<Contents>, KeyringError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(KeyringError::Io { path: path.to_owned(), source }),
    };
    let damaged = |why: String| KeyringError::Damaged { path: path.to_owned(), why };
    let contents: Contents = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if contents.format_version != FORMAT_VERSION {
        return Err(damaged(format!("its format version is {}", contents.format_version)));
    }
    Ok(Some(contents))
}

fn write_contents(data: &Path, contents: &Contents) -> Result<(), KeyringError> {
    let text = serde_json::to_vec_pretty(contents).expect("a keyring is plain data");
    Ok(replace_file(data, FILE, &text, 0o600)?)
}

fn read_master(path: &Path) -> Result<Option<SecretKey>, KeyringError> {
    use std::os::unix::fs::PermissionsExt;
    let io = |source| KeyringError::Io { path: path.to_owned(), source };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io(source)),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(KeyringError::Exposed(path.to_owned()));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(io)?);
    let bytes = Zeroizing::new(unhex(text.trim()).ok_or_else(|| KeyringError::Malformed(path.to_owned()))?);
    let key: [u8; KEY_BYTES] =
        bytes.as_slice().try_into().map_err(|_| KeyringError::Malformed(path.to_owned()))?;
    Ok(Some(Zeroizing::new(key)))
}

fn make_master(path: &Path) -> Result<SecretKey, KeyringError> {
    let io = |source| KeyringError::Io { path: path.to_owned(), source };
    let key = random_key()?;
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(io)?;
    let text = Zeroizing::new(format!("{}\n", hex(&*key)));
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    // Its name must be durable before anything is sealed under it.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(key)
}

fn random_key() -> Result<SecretKey, KeyringError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(&mut *key)?;
    Ok(key)
}

fn wrap_key(master: &Aes256Gcm, key: &SecretKey, purpose: &[u8]) -> Result<String, KeyringError> {
    Ok(hex(&seal_key(master, key, purpose)?))
}

/// Nonce and sealed key.
fn seal_key(master: &Aes256Gcm, key: &SecretKey, purpose: &[u8]) -> Result<Vec<u8>, KeyringError> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce)?;
    let payload = Payload { msg: key.as_slice(), aad: purpose };
    let sealed = master.encrypt(&Nonce::from(nonce), payload).expect("32 bytes can be sealed");
    Ok([&nonce[..], &sealed].concat())
}

fn unwrap_key(master: &Aes256Gcm, wrapped: &str, purpose: &[u8]) -> Option<SecretKey> {
    open_key(master, &unhex(wrapped)?, purpose)
}

fn open_key(master: &Aes256Gcm, bytes: &[u8], purpose: &[u8]) -> Option<SecretKey> {
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    let key =
        Zeroizing::new(master.decrypt(&Nonce::from(nonce), Payload { msg: sealed, aad: purpose }).ok()?);
    Some(Zeroizing::new(key.as_slice().try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn stock(number: u64) -> StockId {
        StockId(number)
    }

    #[test]
    fn keys_survive_and_differ_by_stock() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let ring = Keyring::open(&data, None).unwrap();
        let (one, two) = (ring.data_key(stock(1)).unwrap(), ring.data_key(stock(2)).unwrap());
        assert!(*one != *two && *one != **ring.fingerprints());
        let again = Keyring::open(&data, None).unwrap();
        assert!(
            *again.data_key(stock(1)).unwrap() == *one && **again.fingerprints() == **ring.fingerprints()
        );
        let master = folder.path().join("data.master-key");
        assert_eq!(std::fs::metadata(&master).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(data.join(FILE)).unwrap();
        assert!(
            !text.contains(&hex(&*one)) && !text.contains(std::fs::read_to_string(&master).unwrap().trim())
        );
    }

    #[test]
    fn the_key_of_a_campaign_opens_for_it_alone() {
        use scrip_codes::{CampaignCipher, Card, Generation, Layout, Locator, Serial};
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let ring = Keyring::open(&data, None).unwrap();
        let sealed = ring.make_campaign_key(stock(1)).unwrap();
        assert!(sealed.len() <= scrip_engine::limits::CAMPAIGN_KEY_BYTES_MAX);
        let card = Card { serial: Serial::new(42).unwrap(), generation: Generation::FIRST };
        let code = |key: &CampaignKey| {
            let cipher = CampaignCipher::new(key, Locator::new(7).unwrap(), Layout::Standard);
            cipher.print(card).reveal().to_owned()
        };
        let key = ring.open_campaign_key(stock(1), &sealed).unwrap();
        assert!(ring.open_campaign_key(stock(2), &sealed).is_none());
        let alone = open_campaign_key(&data, None, stock(1), &sealed).unwrap();
        assert_eq!(code(&key), code(&alone));
        let other = ring.make_campaign_key(stock(1)).unwrap();
        assert_ne!(code(&key), code(&ring.open_campaign_key(stock(1), &other).unwrap()));
    }

    #[test]
    fn a_missing_wrong_or_exposed_master_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        Keyring::open(&data, None).unwrap();
        let master = folder.path().join("data.master-key");
        let right = std::fs::read(&master).unwrap();
        std::fs::set_permissions(&master, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(Keyring::open(&data, None), Err(KeyringError::Exposed(_))));
        std::fs::remove_file(&master).unwrap();
        assert!(matches!(Keyring::open(&data, None), Err(KeyringError::Missing { .. })));
        make_master(&master).unwrap();
        assert!(matches!(Keyring::open(&data, None), Err(KeyringError::Wrong { .. })));
        std::fs::write(&master, "not a key").unwrap();
        assert!(matches!(Keyring::open(&data, None), Err(KeyringError::Malformed(_))));
        std::fs::write(&master, right).unwrap();
        Keyring::open(&data, None).unwrap();
    }
}

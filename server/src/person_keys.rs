//! The person keys: one for each label of a user, in a file of each shard, outside the data directory.
//!
//! The log keeps labels sealed for ever, in every copy; what can be destroyed is the key. So keys lie where neither log nor backup is:
//! in `DIR.person-keys/`, 32 bytes each behind a head of as many, named by their place. A key is a salt: what seals is made of it and
//! of a key of the keyring, so that this file alone opens nothing either. See docs/format.md, "Person keys".
//!
//! Invariant: a salt is on disk before anything is sealed under it, is given out once, and once it is destroyed (zeros) nothing brings
//! it back. Each key seals one text, so a nonce is not needed.

use crate::keyring::SecretKey;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hmac::{Hmac, Mac};
use scrip_engine::ids::{MerchantId, Slot, UserId};
use sha2::Sha256;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

const SALT_BYTES: u64 = 32;
/// What the file of a shard begins with; as long as a salt.
const HEAD: &[u8; SALT_BYTES as usize] = b"scrip person keys 1\n............";
/// Salts that are made, written and synced together, ahead of their use.
const AHEAD: u32 = 256;
/// What a salt is once it was destroyed.
const DESTROYED: Salt = [0; SALT_BYTES as usize];

/// Whose label: it opens for nobody else.
pub type Whose = (MerchantId, Slot, UserId);

/// Why person keys can't be read, written or made.
#[derive(Debug, thiserror::Error)]
pub enum PersonKeysError {
    /// The operating system refused.
    #[error("{path}: {source}. Mend its permissions, or make room on its disk")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "{0}: these are no person keys. Put the right file back; without one, labels of before can't be read"
    )]
    Malformed(PathBuf),
    /// The system gives no random bytes.
    #[error("the system's random source failed: {0}")]
    Random(#[from] getrandom::Error),
    /// There are as many as can be named.
    #[error("{0}: all person keys have been given out")]
    Full(PathBuf),
}

/// The keys of one shard: its owner thread's alone. The file is made with the first label.
pub struct PersonKeys {
    path: PathBuf,
    file: Option<File>,
    sealer: Sealer,
    /// Salts on disk that are not given out, the next one last.
    ahead: Vec<Salt>,
    /// The number of the next one, at least.
    next: u32,
}

type Salt = [u8; SALT_BYTES as usize];

/// Makes the keys of salts.
struct Sealer(SecretKey);

impl PersonKeys {
    /// The keys of a shard in this folder. `keys_end`: no label of the log was sealed under a key of this number or a later one.
    pub fn new(folder: &Path, shard: u32, persons: SecretKey, keys_end: u32) -> PersonKeys {
        let path = path_of(folder, shard);
        PersonKeys { path, file: None, sealer: Sealer(persons), ahead: Vec::new(), next: keys_end }
    }

    /// Opens the file if it is there, and is not open.
    fn look(&mut self) -> Result<Option<&File>, PersonKeysError> {
        if self.file.is_none() {
            match OpenOptions::new().read(true).write(true).open(&self.path) {
                Ok(file) => self.take(file)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(self.file.as_ref())
    }

    fn failed(&self, source: io::Error) -> PersonKeysError {
        PersonKeysError::Io { path: self.path.clone(), source }
    }

    /// Goes on with a file that has salts. Those that an earlier life made ahead are left alone: some may have sealed what was lost
    /// with it, and none is given out twice.
    fn take(&mut self, file: File) -> Result<(), PersonKeysError> {
        let bytes = file.metadata().map_err(|error| self.failed(error))?.len();
        check_head(&file, &self.path)?;
        let there = u32::try_from(bytes.saturating_sub(SALT_BYTES).div_ceil(SALT_BYTES));
        self.next = self.next.max(there.map_err(|_| PersonKeysError::Full(self.path.clone()))?);
        self.file = Some(file);
        Ok(())
    }

    /// Makes file and folder. Their names must be durable before anything is sealed under a salt.
    fn make(&mut self) -> Result<(), PersonKeysError> {
        let folder = self.path.parent().expect("a file lies in a folder").to_owned();
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| self.failed(error))?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&self.path);
        let file = file.map_err(|error| self.failed(error))?;
        file.write_all_at(HEAD, 0).and_then(|()| file.sync_all()).map_err(|error| self.failed(error))?;
        let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
        for place in [folder.as_path(), above.unwrap_or(Path::new("."))] {
            let synced = File::open(place).and_then(|place| place.sync_all());
            synced.map_err(|error| self.failed(error))?;
        }
        self.take(file)
    }

    /// Seals a text under a key of its own; answers the key's number. Most of the time nothing is written.
    ///
    /// # Errors
    /// See [`PersonKeysError`].
    pub fn seal(&mut self, whose: Whose, text: &[u8], sealed: &mut Vec<u8>) -> Result<u32, PersonKeysError> {
        let (number, salt) = self.peek()?;
        let payload = Payload { msg: text, aad: &binding(whose) };
        let bytes = self.sealer.cipher(&salt).encrypt(&Nonce::default(), payload);
        *sealed = bytes.expect("a text of a few bytes can be sealed");
        self.ahead.pop();
        self.next = number + 1;
        Ok(number)
    }

    /// The next number and its salt, which is on disk.
    fn peek(&mut self) -> Result<(u32, Salt), PersonKeysError> {
        if let Some(salt) = self.ahead.last() {
            return Ok((self.next, *salt));
        }
        if self.look()?.is_none() {
            self.make()?;
        }
        if self.next > u32::MAX - AHEAD {
            return Err(PersonKeysError::Full(self.path.clone()));
        }
        let mut bytes = Zeroizing::new(vec![0; AHEAD as usize * SALT_BYTES as usize]);
        getrandom::fill(&mut bytes)?;
        let file = self.file.as_ref().expect("it was made");
        let written = file.write_all_at(&bytes, offset_of(self.next)).and_then(|()| file.sync_data());
        written.map_err(|error| self.failed(error))?;
        let (salts, _) = bytes.as_chunks();
        self.ahead.extend(salts.iter().rev());
        Ok((self.next, salts[0]))
    }

    /// Destroys keys; what was sealed under them can't be opened again once this is back. One that is not there, or is destroyed
    /// already, is passed by.
    ///
    /// # Errors
    /// See [`PersonKeysError`]; then it is not known which of them are left.
    pub fn destroy(&mut self, numbers: &[u32]) -> Result<(), PersonKeysError> {
        let Some(file) = self.look()? else { return Ok(()) };
        let mut salt: Salt = [0; SALT_BYTES as usize];
        let mut destroyed = Ok(());
        for number in numbers {
            destroyed = destroyed.and_then(|()| match file.read_exact_at(&mut salt, offset_of(*number)) {
                Ok(()) if salt == DESTROYED => Ok(()),
                Ok(()) => file.write_all_at(&DESTROYED, offset_of(*number)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
                Err(error) => Err(error),
            });
        }
        destroyed.and_then(|()| file.sync_data()).map_err(|error| self.failed(error))
    }
}

impl Drop for PersonKeys {
    fn drop(&mut self) {
        self.ahead.zeroize();
    }
}

impl Sealer {
    fn cipher(&self, salt: &[u8]) -> Aes256Gcm {
        let mut hmac =
            Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes keys of any length");
        hmac.update(salt);
        let key = Zeroizing::new(<[u8; 32]>::from(hmac.finalize().into_bytes()));
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
    }
}

/// The files of all shards, to be read beside a running server.
pub struct PersonKeysReader {
    folder: PathBuf,
    sealer: Sealer,
}

impl PersonKeysReader {
    /// Those in a folder.
    pub fn new(folder: PathBuf, persons: SecretKey) -> PersonKeysReader {
        PersonKeysReader { folder, sealer: Sealer(persons) }
    }

    /// The text that was sealed under a shard's key; `None`: the key was destroyed, or is not there.
    ///
    /// # Errors
    /// See [`PersonKeysError`].
    pub fn open(
        &self,
        shard: u32,
        whose: Whose,
        (number, sealed): (u32, &[u8]),
    ) -> Result<Option<String>, PersonKeysError> {
        let path = path_of(&self.folder, shard);
        let failed = |source| PersonKeysError::Io { path: path.clone(), source };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        check_head(&file, &path)?;
        let mut salt = Zeroizing::new([0; SALT_BYTES as usize]);
        match file.read_exact_at(&mut *salt, offset_of(number)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read.map_err(failed)?,
        }
        if *salt == DESTROYED {
            return Ok(None);
        }
        let payload = Payload { msg: sealed, aad: &binding(whose) };
        let opened = self.sealer.cipher(&*salt).decrypt(&Nonce::default(), payload).ok();
        Ok(opened.and_then(|text| String::from_utf8(text).ok()))
    }
}

fn check_head(file: &File, path: &Path) -> Result<(), PersonKeysError> {
    let mut head = [0; SALT_BYTES as usize];
    match file.read_exact_at(&mut head, 0) {
        Ok(()) if head == *HEAD => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Err(PersonKeysError::Io { path: path.to_owned(), source: error })
        }
        _ => Err(PersonKeysError::Malformed(path.to_owned())),
    }
}

/// Where the keys of a data directory's persons lie, unless another place is asked for: beside it.
pub fn default_folder(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(".person-keys");
    data.with_file_name(name)
}

fn path_of(folder: &Path, shard: u32) -> PathBuf {
    folder.join(format!("shard-{shard}"))
}

const fn offset_of(number: u32) -> u64 {
    (number as u64 + 1) * SALT_BYTES
}

/// What a seal binds: merchant, slot and user.
fn binding((merchant, slot, user): Whose) -> [u8; 22] {
    let mut bytes = [0; 22];
    bytes[..4].copy_from_slice(&merchant.0.to_le_bytes());
    bytes[4..6].copy_from_slice(&slot.0.to_le_bytes());
    bytes[6..].copy_from_slice(&user.0.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Whose = (MerchantId(1), Slot(7), UserId(0xa));

    fn persons() -> SecretKey {
        Zeroizing::new([9; 32])
    }

    fn open(folder: &Path, whose: Whose, number: u32, sealed: &[u8]) -> Option<String> {
        PersonKeysReader::new(folder.to_owned(), persons()).open(0, whose, (number, sealed)).unwrap()
    }

    #[test]
    fn a_label_opens_for_its_user_until_its_key_is_destroyed() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("data.person-keys");
        let (mut keys, mut sealed) = (PersonKeys::new(&folder, 0, persons(), 0), Vec::new());
        keys.destroy(&[0]).unwrap();
        assert!(!folder.exists(), "who has no labels has no file");
        let number = keys.seal(ANN, "phone:13800138000".as_bytes(), &mut sealed).unwrap();
        assert_eq!(open(&folder, ANN, number, &sealed).as_deref(), Some("phone:13800138000"));
        assert_eq!(open(&folder, (ANN.0, ANN.1, UserId(0xb)), number, &sealed), None);
        assert_eq!(open(&folder, ANN, number + 1, &sealed), None);
        let other = PersonKeysReader::new(folder.clone(), Zeroizing::new([8; 32]));
        assert_eq!(other.open(0, ANN, (number, &sealed)).unwrap(), None, "the salt alone is no key");
        keys.destroy(&[number, 1 << 20]).unwrap();
        keys.destroy(&[number]).unwrap();
        assert_eq!(open(&folder, ANN, number, &sealed), None);
        assert_eq!(open(&place.path().join("nowhere"), ANN, number, &sealed), None);
    }

    #[test]
    fn no_key_is_given_out_twice() {
        let place = tempfile::tempdir().unwrap();
        let (mut given, mut sealed) = (std::collections::BTreeSet::new(), Vec::new());
        for life in 0..3 {
            let mut keys = PersonKeys::new(place.path(), 0, persons(), life);
            for _ in 0..AHEAD + 10 {
                assert!(given.insert(keys.seal(ANN, b"x", &mut sealed).unwrap()), "{life}");
            }
        }
        let mut lost = PersonKeys::new(&place.path().join("other"), 0, persons(), 5_000);
        assert_eq!(
            lost.seal(ANN, b"x", &mut sealed).unwrap(),
            5_000,
            "the log knows keys that the file does not"
        );
        assert_eq!(open(&place.path().join("other"), ANN, 5_000, &sealed).as_deref(), Some("x"));
        assert_eq!(open(&place.path().join("other"), ANN, 4_999, &sealed), None);
    }

    #[test]
    fn what_is_no_file_of_keys_is_refused() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("shard-0"), [1; 64]).unwrap();
        let mut keys = PersonKeys::new(place.path(), 0, persons(), 0);
        assert!(matches!(keys.seal(ANN, b"x", &mut Vec::new()), Err(PersonKeysError::Malformed(_))));
        assert!(matches!(keys.destroy(&[0]), Err(PersonKeysError::Malformed(_))));
    }
}

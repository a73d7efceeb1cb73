//! What makes an import repeatable: the operation ids of its chunks, and when they were made.
//!
//! Ids come from the content of the file (or from a reference) and the time when the import began, under the merchant's alias
//! key. The time can't be found again and is kept beside the file until the import is done. Invariant: the same file into the
//! same batch, begun at the same time, has the same ids for the same chunks, whoever runs it; so a chunk is imported once
//! however often it is sent.

use super::KeysError;
use crate::data_directory::replace_file;
use hmac::{Hmac, KeyInit, Mac};
use scrip_client::{AliasKey, Operation, StockId};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::path::{Path, PathBuf};

/// Ends the name of the file in which the time is kept.
const SUFFIX: &str = ".scrip-import";
/// The number under which an import itself is named; chunks count from 0.
const NAME_NUMBER: u64 = u64::MAX;
/// The number of the command that makes the batch.
const BATCH_NUMBER: u64 = u64::MAX - 1;

/// What the ids of an import are made of.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// The operator's reference.
    Reference(&'a str),
    /// Everything that decides which keys go where.
    Content {
        /// Into which stock.
        stock: StockId,
        /// Into which batch.
        batch: u32,
        /// The file's SHA-256.
        digest: [u8; 32],
        /// How it is read.
        reading: &'a str,
    },
}

/// The ids of an import.
pub struct Ids {
    key: Hmac<Sha256>,
    created_ms: u64,
}

impl Ids {
    /// The ids of an import that began at this time.
    pub fn new(alias_key: &AliasKey, origin: Origin<'_>, created_ms: u64) -> Ids {
        let mut hmac = keyed(alias_key.reveal());
        hmac.update(b"scrip keys import 1\n");
        // An id comes with one time for ever: a run that does not know the time of an earlier one needs other ids.
        hmac.update(&created_ms.to_le_bytes());
        match origin {
            Origin::Reference(reference) => {
                hmac.update(b"reference\n");
                hmac.update(reference.as_bytes());
            }
            Origin::Content { stock, batch, digest, reading } => {
                hmac.update(b"content\n");
                hmac.update(&stock.0.to_le_bytes());
                hmac.update(&batch.to_le_bytes());
                hmac.update(&digest);
                hmac.update(reading.as_bytes());
            }
        }
        Ids { key: keyed(&hmac.finalize().into_bytes()), created_ms }
    }

    /// The operation of a chunk.
    pub fn chunk(&self, number: u64) -> Operation {
        Operation::given(self.id(number), self.created_ms)
    }

    /// The operation that makes the batch.
    pub fn batch(&self) -> Operation {
        self.chunk(BATCH_NUMBER)
    }

    /// A seed for hashes of the file's keys.
    pub fn seed(&self) -> u64 {
        self.id(NAME_NUMBER - 2) as u64
    }

    /// The import's name in its file.
    fn name(&self) -> String {
        format!("{:032x}", self.id(NAME_NUMBER))
    }

    /// 128 bits marked as a UUIDv8, as references are.
    fn id(&self, number: u64) -> u128 {
        let mut hmac = self.key.clone();
        hmac.update(&number.to_le_bytes());
        let digest = hmac.finalize().into_bytes();
        let mut bytes: [u8; 16] = std::array::from_fn(|position| digest[position]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        u128::from_be_bytes(bytes)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// What is kept beside the file.
#[derive(Serialize, Deserialize)]
struct Kept {
    import: String,
    created_ms: u64,
}

/// The note beside a file that an import of it is under way.
#[derive(Debug)]
pub struct Note {
    path: PathBuf,
}

impl Note {
    /// The note of this file.
    pub fn beside(file: &Path) -> Note {
        let mut name = file.as_os_str().to_owned();
        name.push(SUFFIX);
        Note { path: name.into() }
    }

    /// The ids of an import that was under way, else those of a new one, which is noted; and whether it was under way.
    ///
    /// # Errors
    /// [`KeysError::Note`].
    pub fn find_or_begin(
        &self,
        alias_key: &AliasKey,
        origin: Origin<'_>,
        now_ms: u64,
    ) -> Result<(Ids, bool), KeysError> {
        if let Some(kept) = self.read()? {
            let ids = Ids::new(alias_key, origin, kept.created_ms);
            if ids.name() == kept.import {
                return Ok((ids, true));
            }
        }
        let ids = Ids::new(alias_key, origin, now_ms);
        let kept = Kept { import: ids.name(), created_ms: now_ms };
        let bytes = serde_json::to_vec(&kept).expect("plain data");
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let name = self.path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| self.fault("its name is not UTF-8"))?;
        replace_file(directory.unwrap_or(Path::new(".")), name, &bytes, 0o600)
            .map_err(|error| self.fault(error))?;
        Ok((ids, false))
    }

    /// The import is done. Another run of it may have said so already.
    ///
    /// # Errors
    /// [`KeysError::Note`].
    pub fn remove(&self) -> Result<(), KeysError> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.fault(error)),
            _ => Ok(()),
        }
    }

    fn read(&self) -> Result<Option<Kept>, KeysError> {
        match std::fs::read(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fault(error)),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| self.fault(error)),
        }
    }

    fn fault(&self, why: impl ToString) -> KeysError {
        KeysError::Note { path: self.path.clone(), why: why.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn content(batch: u32, digest: u8) -> Origin<'static> {
        Origin::Content { stock: StockId(7), batch, digest: [digest; 32], reading: "lines utf-8" }
    }

    #[test]
    fn ids_are_the_same_for_the_same_and_differ_for_anything_else() {
        let key = AliasKey::new([1; 32]);
        let first = Ids::new(&key, content(1, 1), 5).chunk(0);
        assert_eq!(Ids::new(&key, content(1, 1), 5).chunk(0), first);
        assert_eq!(first.created_ms, 5);
        let others = [
            Ids::new(&key, content(1, 1), 5).chunk(1),
            Ids::new(&key, content(2, 1), 5).chunk(0),
            Ids::new(&key, content(1, 2), 5).chunk(0),
            Ids::new(&AliasKey::new([2; 32]), content(1, 1), 5).chunk(0),
            Ids::new(&key, Origin::Reference("r"), 5).chunk(0),
            Ids::new(&key, content(1, 1), 5).batch(),
            Ids::new(&key, content(1, 1), 6).chunk(0),
        ];
        for other in others {
            assert_ne!(other.id, first.id);
        }
    }

    #[test]
    fn a_note_is_found_again_by_the_same_import_only() {
        let directory = tempfile::tempdir().unwrap();
        let note = Note::beside(&directory.path().join("keys.txt"));
        let key = AliasKey::new([1; 32]);
        let (ids, resumed) = note.find_or_begin(&key, content(1, 1), 100).unwrap();
        assert_eq!((ids.created_ms, resumed), (100, false));
        let (again, resumed) = note.find_or_begin(&key, content(1, 1), 200).unwrap();
        assert_eq!((again.chunk(3), resumed), (ids.chunk(3), true));
        let (other, resumed) = note.find_or_begin(&key, content(1, 2), 300).unwrap();
        assert_eq!((other.created_ms, resumed), (300, false));
        note.remove().unwrap();
        note.remove().unwrap();
        assert!(!note.path.exists());
        std::fs::write(&note.path, b"{").unwrap();
        assert!(matches!(note.find_or_begin(&key, content(1, 1), 1), Err(KeysError::Note { .. })));
    }
}

//! The data directory: who may use it, what is in it, which shard holds which slot.
//!
//! ```text
//! DIR/lock            held by the one process that uses the directory
//! DIR/manifest.json   format version, shards, the map from slots to shards
//! DIR/tokens.json     hashes of access tokens, 0600
//! DIR/shard-N/        the log of shard N
//! ```
//!
//! Invariant: files other than logs are replaced whole (write, sync, rename, sync the directory), so a crash leaves the
//! old one or the new one.

use scrip_engine::ids::SLOTS;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const FORMAT_VERSION: u32 = 1;
/// Shards of one directory: more than that is more than one machine's cores, and links go from each to each.
pub const SHARDS_MAX: u32 = 64;

/// A data directory that this process holds, or looks at.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    manifest: Manifest,
    /// Held until dropped; `None`: it is only looked at.
    _lock: Option<File>,
}

/// What the directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the directory's layout.
    pub format_version: u32,
    /// Shards.
    pub shards: u32,
    /// Counts up with each change of the map.
    pub slot_map_epoch: u32,
    /// Per slot, the shard that holds it.
    pub slots: Vec<u32>,
}

impl Manifest {
    /// A new directory's manifest: slots dealt out in turn.
    fn new(shards: u32) -> Manifest {
        let slots = (0..u32::from(SLOTS)).map(|slot| slot % shards).collect();
        Manifest { format_version: FORMAT_VERSION, shards, slot_map_epoch: 1, slots }
    }
}

/// Why a data directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The operating system refused.
    #[error(
        "{path}: {action} failed: {source}. Mend its permissions, or choose another directory with --data"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another process uses it.
    #[error(
        "{0}: another process uses this data directory. Stop it first (scrip serve, verify and repair all hold it), or choose another with --data"
    )]
    InUse(PathBuf),
    /// Not a data directory.
    #[error(
        "{0}: no Scrip data directory (manifest.json is missing). Name the directory that `scrip serve --data` was given"
    )]
    Missing(PathBuf),
    /// The manifest can't be read.
    #[error("{path}: the manifest is damaged: {why}. Restore it from a backup of this directory")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Asked for another number of shards than it has.
    #[error(
        "{path}: the directory has {found} shards, asked for were {asked}: start without --shards, or with --shards \
         {found}. A directory keeps its number of shards; another number needs a new directory"
    )]
    Shards {
        /// The directory.
        path: PathBuf,
        /// Its shards.
        found: u32,
        /// What was asked for.
        asked: u32,
    },
    /// Written by a newer version.
    #[error("{path}: format version {found}, this build knows {FORMAT_VERSION}: use a newer scrip")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

impl DataDirectory {
    /// Opens the directory, and holds it until dropped. If it is not there it is made with as many shards as are
    /// `asked` for, or `otherwise`; if it is, it must have as many as are asked for.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn open_or_create(
        path: &Path,
        asked: Option<u32>,
        otherwise: u32,
    ) -> Result<DataDirectory, DirectoryError> {
        make_directory(path)?;
        let lock = lock(path)?;
        let file = path.join("manifest.json");
        if !file.exists() {
            let manifest = Manifest::new(asked.unwrap_or(otherwise));
            for shard in 0..manifest.shards {
                make_directory(&shard_path(path, shard))?;
            }
            let text = serde_json::to_vec(&manifest).expect("a manifest is plain data");
            replace_file(path, "manifest.json", &text, 0o644)?;
        }
        let manifest = read_manifest(&file)?;
        if let Some(asked) = asked.filter(|asked| *asked != manifest.shards) {
            return Err(DirectoryError::Shards { path: path.to_owned(), found: manifest.shards, asked });
        }
        Ok(DataDirectory { path: path.to_owned(), manifest, _lock: Some(lock) })
    }

    /// Opens a directory that exists already, and holds it until dropped.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn open(path: &Path) -> Result<DataDirectory, DirectoryError> {
        let file = path.join("manifest.json");
        if !file.exists() {
            return Err(DirectoryError::Missing(path.to_owned()));
        }
        let lock = lock(path)?;
        Ok(DataDirectory { path: path.to_owned(), manifest: read_manifest(&file)?, _lock: Some(lock) })
    }

    /// Looks at a directory that exists already, whoever uses it: what is read may grow meanwhile.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn look(path: &Path) -> Result<DataDirectory, DirectoryError> {
        let file = path.join("manifest.json");
        if !file.exists() {
            return Err(DirectoryError::Missing(path.to_owned()));
        }
        Ok(DataDirectory { path: path.to_owned(), manifest: read_manifest(&file)?, _lock: None })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The directory of a shard's log.
    pub fn shard_path(&self, shard: u32) -> PathBuf {
        shard_path(&self.path, shard)
    }
}

fn shard_path(path: &Path, shard: u32) -> PathBuf {
    path.join(format!("shard-{shard}"))
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> DirectoryError {
    let path = path.to_owned();
    move |source| DirectoryError::Io { path, action, source }
}

fn make_directory(path: &Path) -> Result<(), DirectoryError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(io_error(path, "making the directory"))?;
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_directory(parent)?;
    }
    Ok(())
}

/// Takes the lock `path/name`, waiting for whoever holds it; it is given back when the file is dropped.
///
/// # Errors
/// [`DirectoryError::Io`].
pub fn wait_for_lock(path: &Path, name: &str) -> Result<File, DirectoryError> {
    let file_path = path.join(name);
    let file = File::create(&file_path).map_err(io_error(&file_path, "opening the lock file"))?;
    file.lock().map_err(io_error(&file_path, "locking"))?;
    Ok(file)
}

fn lock(path: &Path) -> Result<File, DirectoryError> {
    let file_path = path.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file_path)
        .map_err(io_error(&file_path, "opening the lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => {
            Err(DirectoryError::Io { path: file_path, action: "locking", source })
        }
    }
}

fn read_manifest(file: &Path) -> Result<Manifest, DirectoryError> {
    let damaged = |why: String| DirectoryError::Manifest { path: file.to_owned(), why };
    let text = std::fs::read(file).map_err(io_error(file, "reading"))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if manifest.format_version != FORMAT_VERSION {
        return Err(DirectoryError::Version { path: file.to_owned(), found: manifest.format_version });
    }
    if !(1..=SHARDS_MAX).contains(&manifest.shards) {
        return Err(damaged(format!("{} shards, where 1 to {SHARDS_MAX} can be", manifest.shards)));
    }
    if manifest.slots.len() != usize::from(SLOTS)
        || manifest.slots.iter().any(|shard| *shard >= manifest.shards)
    {
        return Err(damaged(format!("it must map {SLOTS} slots to {} shards", manifest.shards)));
    }
    Ok(manifest)
}

/// Replaces `directory/name` by `bytes`, whole or not at all.
///
/// # Errors
/// [`DirectoryError::Io`].
pub fn replace_file(directory: &Path, name: &str, bytes: &[u8], mode: u32) -> Result<(), DirectoryError> {
    let (path, new) = (directory.join(name), directory.join(format!("{name}.new")));
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(&new)
        .map_err(io_error(&new, "creating"))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_error(&new, "writing"))?;
    std::fs::rename(&new, &path).map_err(io_error(&path, "renaming"))?;
    sync_directory(directory)
}

fn sync_directory(path: &Path) -> Result<(), DirectoryError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(io_error(path, "syncing the directory"))
}

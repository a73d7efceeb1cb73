//! The disk as the log sees it: one value is one directory of files.
//!
//! All disk work goes through this trait, so that the same writer, scanner and repair run over a real directory
//! ([`crate::RealDisk`]) and over a simulated one that crashes on command (`sim::SimDisk`). Contract: nothing is durable
//! before the sync that covers it has returned without error, names included; after a failed sync nothing written before
//! it may be relied on.

use std::io;

/// One log directory. A value is a cheap handle: clones share the directory.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: Send + 'static;

    /// Creates the file `name` and opens it for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken; otherwise what the disk says.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens an existing file for reading alone.
    ///
    /// # Errors
    /// `NotFound`, or what the disk says.
    fn open_read(&self, name: &str) -> io::Result<Self::File>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound`, or what the disk says.
    fn open_write(&self, name: &str) -> io::Result<Self::File>;

    /// Reads into `buffer` from `offset` (bytes) until it is full or the file ends; returns the bytes read. Offset,
    /// length and memory are whole blocks.
    ///
    /// # Errors
    /// What the disk says.
    fn read_at(&self, file: &Self::File, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`. Offset, length and memory are whole blocks. Not durable until
    /// [`Disk::sync_data`].
    ///
    /// # Errors
    /// What the disk says; any part of the bytes may have been written then.
    fn write_at(&self, file: &Self::File, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the file `bytes` long with space set aside for all of it; new bytes read as zeros.
    ///
    /// # Errors
    /// `StorageFull`, or what the disk says.
    fn allocate(&self, file: &Self::File, bytes: u64) -> io::Result<()>;

    /// Makes content and length of the file durable.
    ///
    /// # Errors
    /// What the disk says; what was not durable before is then lost or kept piecemeal, also if a later sync succeeds.
    fn sync_data(&self, file: &Self::File) -> io::Result<()>;

    /// Makes created, renamed and removed names durable.
    ///
    /// # Errors
    /// As [`Disk::sync_data`].
    fn sync_directory(&self) -> io::Result<()>;

    /// The names in the directory, sorted.
    ///
    /// # Errors
    /// What the disk says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Removes a name.
    ///
    /// # Errors
    /// `NotFound`, or what the disk says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives the file `from` the name `to`, replacing a file of that name, in one step.
    ///
    /// # Errors
    /// `NotFound`, or what the disk says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// The length of the file in bytes.
    ///
    /// # Errors
    /// What the disk says.
    fn length(&self, file: &Self::File) -> io::Result<u64>;
}

/// Whether an error says that the disk is full, and not that it is broken.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

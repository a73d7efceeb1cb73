//! A real directory: O_DIRECT, fdatasync, fallocate.
//!
//! Why past the page cache: a write then costs no copy, a failed sync can't leave pages that read well and are not on
//! disk, and a scan after a restart sees what the device holds. Where the file system refuses O_DIRECT the disk works
//! through the page cache and says so ([`RealDisk::direct`]).

use crate::disk::Disk;
use crate::limits::BLOCK_BYTES;
use rustix::fs::{FallocateFlags, OFlags, fallocate};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One directory of a real file system. Files other than the log's own in it are left alone.
#[derive(Debug, Clone)]
pub struct RealDisk {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    directory: File,
    refused_direct: AtomicBool,
}

impl RealDisk {
    /// The directory at `path`, which must exist.
    ///
    /// # Errors
    /// If it can't be opened.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        let directory = OpenOptions::new().read(true).custom_flags(flags(OFlags::DIRECTORY)).open(&path)?;
        let shared = Shared { path, directory, refused_direct: AtomicBool::new(false) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether every file opened so far goes past the page cache.
    pub fn direct(&self) -> bool {
        !self.shared.refused_direct.load(Ordering::Relaxed)
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    fn open_existing(&self, name: &str, write: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(write);
        let path = self.shared.path.join(name);
        match options.clone().custom_flags(flags(OFlags::DIRECT)).open(&path) {
            Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
                self.shared.refused_direct.store(true, Ordering::Relaxed);
                options.open(&path)
            }
            result => result,
        }
    }
}

fn flags(flags: OFlags) -> i32 {
    flags.bits() as i32
}

fn check_aligned(offset: u64, bytes: &[u8]) {
    assert!(
        offset.is_multiple_of(BLOCK_BYTES as u64)
            && bytes.len().is_multiple_of(BLOCK_BYTES)
            && bytes.as_ptr().addr().is_multiple_of(BLOCK_BYTES),
        "disk access must be in whole blocks"
    );
}

impl Disk for RealDisk {
    type File = File;

    fn create(&self, name: &str) -> io::Result<File> {
        // A file system that refuses O_DIRECT may leave the new file behind: so create first, then ask.
        drop(OpenOptions::new().write(true).create_new(true).open(self.shared.path.join(name))?);
        self.open_existing(name, true)
    }

    fn open_read(&self, name: &str) -> io::Result<File> {
        self.open_existing(name, false)
    }

    fn open_write(&self, name: &str) -> io::Result<File> {
        self.open_existing(name, true)
    }

    fn read_at(&self, file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        check_aligned(offset, buffer);
        let mut done = 0;
        while done < buffer.len() {
            match file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(bytes) => done += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if !done.is_multiple_of(BLOCK_BYTES) {
                // Only the end of the file cuts a block, and a direct read can't continue inside one.
                break;
            }
        }
        Ok(done)
    }

    fn write_at(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        check_aligned(offset, bytes);
        file.write_all_at(bytes, offset)
    }

    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        match fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => Ok(()),
            // Such a file system finds out that it is full while the zeros are written.
            Err(Errno::OPNOTSUPP) => file.set_len(bytes),
            Err(error) => Err(error.into()),
        }
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.shared.directory.sync_all()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.shared.path)? {
            // A name that is no UTF-8 is none of the log's.
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.shared.path.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.shared.path.join(from), self.shared.path.join(to))
    }

    fn length(&self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }
}

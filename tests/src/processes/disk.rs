//! Small disks of their own: a file with a file system in it, mounted; a directory that can't be written.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Something mounted, unmounted when dropped.
#[derive(Debug)]
pub struct Mounted {
    directory: TempDir,
    point: PathBuf,
}

impl Mounted {
    /// An empty ext4 of this size.
    ///
    /// # Errors
    /// Why this machine can't.
    pub fn ext4(bytes: u64) -> Result<Mounted, String> {
        let (directory, point) = mount_point()?;
        let image = directory.path().join("image");
        File::create_new(&image).and_then(|file| file.set_len(bytes)).map_err(|error| error.to_string())?;
        let image = image.to_str().expect("temporary paths are UTF-8");
        // No journal and nothing reserved: what the file system says is free can be used.
        run("mkfs.ext4", &["-q", "-F", "-m", "0", "-O", "^has_journal", image])?;
        run("mount", &["-o", "loop", image, text(&point)])?;
        Ok(Mounted { directory, point })
    }

    /// A directory that nobody can write to, root included.
    ///
    /// # Errors
    /// Why this machine can't.
    pub fn read_only() -> Result<Mounted, String> {
        let (directory, point) = mount_point()?;
        run("mount", &["-t", "tmpfs", "-o", "ro,size=1m", "none", text(&point)])?;
        Ok(Mounted { directory, point })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.point
    }

    /// Bytes that can still be allocated.
    ///
    /// # Panics
    /// If the file system can't be asked.
    pub fn free_bytes(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.point).expect("a file system");
        found.f_bavail * found.f_frsize
    }

    /// Allocates all but `leave` bytes in a file, so that they are gone for everybody else. Removing the file frees them.
    ///
    /// # Panics
    /// If it can't be done.
    pub fn fill(&self, leave: u64) -> PathBuf {
        let path = self.point.join("ballast");
        let file = File::create_new(&path).expect("a new file");
        let bytes = self.free_bytes().saturating_sub(leave);
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes).expect("free space");
        path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there lets go of it soon.
        if let Err(why) = run("umount", &["-l", text(&self.point)]) {
            eprintln!("{} stays mounted: {why}", self.directory.path().display());
        }
    }
}

fn mount_point() -> Result<(TempDir, PathBuf), String> {
    let directory =
        tempfile::Builder::new().prefix("scrip-disk-").tempdir().map_err(|error| error.to_string())?;
    let point = directory.path().join("mounted");
    std::fs::create_dir(&point).map_err(|error| error.to_string())?;
    Ok((directory, point))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program} can't be started: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{program} {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

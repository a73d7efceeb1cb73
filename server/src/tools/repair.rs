//! `scrip repair`: cuts the torn tail that a crash may leave, as a server does by itself when it starts. Damage in the
//! middle of a log is named and left alone.

use super::ToolError;
use crate::data_directory::DataDirectory;
use scrip_shard::FrameError;
use scrip_wal::{RealDisk, Tail, repair, scan};
use std::path::Path;

/// Repairs every shard of `path`, and tells what it did.
///
/// # Errors
/// [`ToolError`], naming file, offset and sequence of damage.
pub fn run(path: &Path) -> Result<(), ToolError> {
    let directory = DataDirectory::open(path)?;
    for shard in 0..directory.manifest().shards {
        let path = directory.shard_path(shard);
        let disk = RealDisk::open(&path).map_err(|source| ToolError::Io { path: path.clone(), source })?;
        let end = scan(&disk, shard, |_, _| Ok::<(), FrameError>(()))
            .map_err(|source| ToolError::Scan { path: path.clone(), source })?;
        match end.tail {
            Tail::Clean => {
                println!("shard {shard}: nothing to repair, the log ends at sequence {}", end.last_sequence)
            }
            Tail::Torn { segment, offset, bytes } => {
                repair(&disk, &end).map_err(|source| ToolError::Repair { path, source })?;
                println!(
                    "shard {shard}: cut {bytes} torn bytes of segment {segment} at offset {offset}; the log ends at \
                     sequence {}",
                    end.last_sequence
                );
            }
        }
    }
    Ok(())
}

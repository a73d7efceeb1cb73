//! The walk over every shard's log of a data directory: the law after every event, not only at the end. Writes nothing.

use super::ToolError;
use crate::data_directory::DataDirectory;
use scrip_engine::limits::Capacity;
use scrip_shard::{Walked, walk};
use scrip_wal::RealDisk;
use std::path::Path;

/// Walks over the logs of `path`, shard by shard. What is wrong with them as sales stands in the walks.
///
/// # Errors
/// [`ToolError`], naming file, offset and sequence of damage.
pub fn walk_all(path: &Path) -> Result<Vec<Walked>, ToolError> {
    let directory = DataDirectory::open(path)?;
    let mut walked = Vec::new();
    for shard in 0..directory.manifest().shards {
        let path = directory.shard_path(shard);
        let disk = RealDisk::open(&path).map_err(|source| ToolError::Io { path: path.clone(), source })?;
        // A small engine: history makes its tables as large as they must be.
        let capacity = Capacity::for_memory(64 << 20);
        let one = walk(&disk, shard, capacity, 1, |_, _| ())
            .map_err(|source| ToolError::Recovery { path, source })?;
        walked.push(one);
    }
    Ok(walked)
}

//! A chunk of card keys: what one KEYS_IMPORT carries, with the lines it came from.
//!
//! Invariant: a chunk that says it has room for a key stays within what the protocol takes. Its buffers are used again, so
//! that a key costs no allocation.

use scrip_client::{KEY_BLOCK_BYTES_MAX, KEYS_PER_CHUNK_MAX};
use std::fmt;

/// Bytes of a text's length in a block.
const LENGTH_BYTES: usize = 2;

/// Keys of one command.
#[derive(Clone, Default)]
pub struct Chunk {
    texts: String,
    ends: Vec<usize>,
    lines: Vec<u64>,
}

impl fmt::Debug for Chunk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Chunk").field("lines", &self.lines).finish_non_exhaustive()
    }
}

impl Chunk {
    /// Whether another key can come in.
    pub fn has_room(&self, key: &str) -> bool {
        let bytes = self.texts.len() + key.len() + LENGTH_BYTES * (self.ends.len() + 1);
        self.ends.len() < KEYS_PER_CHUNK_MAX && bytes <= KEY_BLOCK_BYTES_MAX
    }

    /// Puts a key in.
    ///
    /// # Panics
    /// If there is no room.
    pub fn push(&mut self, line: u64, key: &str) {
        assert!(self.has_room(key), "a chunk is sent before it is too long");
        self.texts.push_str(key);
        self.ends.push(self.texts.len());
        self.lines.push(line);
    }

    /// The keys.
    pub fn keys(&self) -> Vec<&str> {
        let mut begin = 0;
        self.ends.iter().map(|&end| &self.texts[std::mem::replace(&mut begin, end)..end]).collect()
    }

    /// The line of each key.
    pub fn lines(&self) -> &[u64] {
        &self.lines
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Forgets its keys and keeps its memory.
    pub fn clear(&mut self) {
        self.texts.clear();
        self.ends.clear();
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_full_by_count_or_by_bytes() {
        let mut small = Chunk::default();
        while small.has_room("k") {
            small.push(small.lines().len() as u64, "k");
        }
        assert_eq!((small.keys().len(), small.keys()[63]), (KEYS_PER_CHUNK_MAX, "k"));
        let (mut large, key) = (Chunk::default(), "k".repeat(scrip_client::KEY_TEXT_BYTES_MAX));
        while large.has_room(&key) {
            large.push(1, &key);
        }
        let most = KEY_BLOCK_BYTES_MAX / (key.len() + LENGTH_BYTES);
        assert_eq!(large.keys(), vec![key.as_str(); most]);
        large.clear();
        assert!(large.is_empty() && large.keys().is_empty());
        large.push(9, &key);
        assert_eq!(format!("{large:?}"), "Chunk { lines: [9], .. }", "a text is not printed by accident");
    }
}

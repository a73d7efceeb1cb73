//! Segments: the files of the log, numbered from 1, created at full length before the first frame goes in.
//!
//! Invariant: a segment is handed out only after its length, its zeros and its name are durable. So a frame's sync needs
//! no metadata, a crash can't take an acknowledged frame's file away, and a segment prepared ahead, which is all zeros
//! under its final name, reads as "nothing here yet" and never as a gap or as damage.

use crate::aligned::AlignedBuffer;
use crate::disk::Disk;
use crate::limits::ZERO_WRITE_BYTES;
use scrip_planted::Bug;
use std::io;
use std::sync::LazyLock;

const PREFIX: &str = "log-";
const DIGITS: usize = 20;

/// Zeros on a block boundary, shared by all who prepare segments.
pub(crate) static ZEROS: LazyLock<AlignedBuffer> = LazyLock::new(|| AlignedBuffer::new(ZERO_WRITE_BYTES));

/// The name of the file that holds segment `number`.
pub fn segment_name(number: u64) -> String {
    format!("{PREFIX}{number:0DIGITS$}")
}

/// The number of the segment a file name stands for, if it is a segment's.
pub fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?;
    if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| *number > 0)
}

/// The numbers of all segments in the directory, ascending.
pub(crate) fn list<D: Disk>(disk: &D) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = disk.list()?.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// A segment ready to be written.
pub(crate) struct Segment<F> {
    pub(crate) number: u64,
    pub(crate) file: F,
}

/// Creates segment `number`, durable with its name. `go_on` is asked before each piece of zeros is written; once it
/// says no, the rest stays merely allocated, which is slower to write to later but just as safe.
pub(crate) fn create<D: Disk>(
    disk: &D,
    number: u64,
    segment_bytes: u64,
    go_on: &mut dyn FnMut() -> bool,
) -> io::Result<Segment<D::File>> {
    let name = segment_name(number);
    let file = disk.create(&name)?;
    if let Err(error) = fill(disk, &file, segment_bytes, go_on) {
        // A full disk is met here: give back what was taken. The error that is reported is the first one.
        let _ = disk.remove(&name);
        return Err(error);
    }
    if !scrip_planted::on(Bug::SkippedDirectorySync) {
        disk.sync_directory()?;
    }
    Ok(Segment { number, file })
}

fn fill<D: Disk>(
    disk: &D,
    file: &D::File,
    segment_bytes: u64,
    go_on: &mut dyn FnMut() -> bool,
) -> io::Result<()> {
    disk.allocate(file, segment_bytes)?;
    let mut offset = 0;
    while offset < segment_bytes && go_on() {
        let bytes = (segment_bytes - offset).min(ZERO_WRITE_BYTES as u64);
        disk.write_at(file, offset, &ZEROS.bytes()[..bytes as usize])?;
        offset += bytes;
    }
    disk.sync_data(file)
}

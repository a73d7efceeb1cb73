//! The durable log of one shard: opaque records in, "durable up to sequence n" out.
//!
//! It knows bytes only and has never heard of the engine. Records are collected in a [`FrameBuffer`], written and synced
//! as one frame, and read back in order by [`scan`]. docs/format.md describes the files byte by byte.
//!
//! Invariants: an acknowledged sequence survives any crash; what a scan returns is a gapless prefix of what was
//! submitted; damage before the last frame is found and named, never skipped.
//!
//! In reading order:
//! * [`limits`]: every maximum;
//! * `aligned`, `frame`, `buffer`: memory, the format of a frame, the buffer that becomes one;
//! * `disk`, `real`, [`sim`]: the disk as a trait, a real one, a simulated one;
//! * `segment`, `window`, `scan`, `repair`: files, and reading them;
//! * `supply`, `writer`, `open`, `thread`: writing.

pub mod limits;

mod aligned;
mod buffer;
mod disk;
mod frame;
mod open;
mod real;
mod repair;
mod scan;
mod segment;
#[cfg(feature = "simulation")]
pub mod sim;
mod supply;
mod thread;
mod window;
mod writer;

pub use aligned::AlignedBuffer;
pub use buffer::FrameBuffer;
pub use disk::Disk;
pub use frame::{FLAG_SEAL, FORMAT_VERSION, FRAME_MAGIC, FrameHeader, HEADER_BYTES};
pub use open::OpenError;
pub use real::RealDisk;
pub use repair::{RepairError, RepairReport, repair};
pub use scan::{Extent, ScanEnd, ScanError, Scanner, Tail, scan};
pub use segment::{segment_name, segment_number};
pub use thread::{LogClosed, LogHandle, LogThread};
pub use writer::{LogFault, LogOptions, LogStatistics, LogWriter};

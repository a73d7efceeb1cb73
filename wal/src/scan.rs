//! Reading a log: every frame in order, and what its end means.
//!
//! Reading never writes. The scan tells a torn tail (the write that a crash cut short) from damage: writes follow each
//! other one at a time, each synced before the next, so bytes that are no frame can be innocent only where nothing valid
//! comes after them. Invariant: what the consumer was given is a gapless, chained prefix of what was written, and a
//! missing or altered frame before the last one ends in [`ScanError::Corruption`].

use crate::aligned::all_zero;
use crate::disk::Disk;
use crate::frame::{Flaw, FrameHeader, Peek, check, peek};
use crate::limits::BLOCK_BYTES;
use crate::segment::{self, segment_name};
use crate::window::Window;
use std::io;

/// Where a whole, valid log ends, and what a writer needs to go on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanEnd {
    /// The shard whose log was read.
    pub shard: u32,
    /// Sequence of the last record; 0 in an empty log.
    pub last_sequence: u64,
    /// The highest durable mark any frame carries: up to here an acknowledgement may have been given.
    pub durable_sequence_seen: u64,
    /// Epoch of the last frame; 0 in an empty log.
    pub epoch: u32,
    /// Frames read, seals included.
    pub frames: u64,
    /// Records read.
    pub records: u64,
    /// Bytes of the frames read, headers and padding included.
    pub bytes: u64,
    /// Whether the last frame is a seal, so that every record has a successor that proves it.
    pub sealed: bool,
    /// What stands behind the last frame.
    pub tail: Tail,
    /// Checksum of the last frame; 0 in an empty log.
    pub last_checksum: u32,
    /// Number of the segment that holds the last frame; 0 in an empty log.
    pub last_segment: u64,
    /// Byte offset in that segment behind the last frame.
    pub end_offset: u64,
    /// Valid frames that no later frame proves durable: they are readable, but a crash could still take them.
    pub unproven: Vec<Extent>,
    /// Numbers of the segments that hold no frame.
    pub unused_segments: Vec<u64>,
}

/// Where one frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Number of the segment.
    pub segment: u64,
    /// Byte offset in the segment.
    pub offset: u64,
    /// Bytes of the frame.
    pub bytes: u64,
    /// Sequence of its last record.
    pub last_sequence: u64,
    /// Its checksum.
    pub checksum: u32,
}

/// What stands behind the last frame of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// Zeros, or nothing.
    Clean,
    /// Bytes that are no frame, with no frame after them: a write that was cut short. [`crate::repair`] cuts them.
    Torn {
        /// Number of the segment.
        segment: u64,
        /// Byte offset at which the next frame would have started.
        offset: u64,
        /// Bytes from there to the end of the last block that is not zero.
        bytes: u64,
    },
}

/// Why a log could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ScanError<E> {
    /// The log holds something no crash can leave behind. Nothing may be served from it.
    #[error("log damaged: file {file}, byte {offset}, where sequence {expected_sequence} should be: {why}")]
    Corruption {
        /// Name of the file.
        file: String,
        /// Byte offset in it.
        offset: u64,
        /// The sequence whose frame should stand there.
        expected_sequence: u64,
        /// What is wrong.
        why: String,
    },
    /// The disk failed.
    #[error("reading the log failed: {0}")]
    Io(#[from] io::Error),
    /// The consumer of the frames refused one.
    #[error("a frame could not be applied: {0}")]
    Consumer(E),
}

type Progress<'a> = Box<dyn FnMut(u64, u64) + 'a>;

/// Reads the log of one shard.
pub struct Scanner<'a, D: Disk> {
    disk: &'a D,
    shard: u32,
    progress: Option<Progress<'a>>,
}

/// Reads the whole log of `shard`, giving every frame to `on_frame` in order. Seals are given too; they have no payload.
///
/// # Errors
/// See [`ScanError`]. `on_frame` may already have been given the sound frames before the damage.
pub fn scan<D: Disk, E>(
    disk: &D,
    shard: u32,
    on_frame: impl FnMut(&FrameHeader, &[u8]) -> Result<(), E>,
) -> Result<ScanEnd, ScanError<E>> {
    Scanner::new(disk, shard).run(on_frame)
}

impl<'a, D: Disk> Scanner<'a, D> {
    /// A scanner for the log of `shard` on `disk`.
    pub fn new(disk: &'a D, shard: u32) -> Self {
        Self { disk, shard, progress: None }
    }

    /// Calls `progress(bytes_done, bytes_total)` after each few MiB.
    pub fn on_progress(mut self, progress: impl FnMut(u64, u64) + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Reads the whole log; see [`scan`].
    ///
    /// # Errors
    /// See [`scan`].
    pub fn run<E>(
        mut self,
        mut on_frame: impl FnMut(&FrameHeader, &[u8]) -> Result<(), E>,
    ) -> Result<ScanEnd, ScanError<E>> {
        let mut files = Vec::new();
        for number in segment::list(self.disk)? {
            let file = self.disk.open_read(&segment_name(number))?;
            let bytes = self.disk.length(&file)?;
            files.push((number, file, bytes));
        }
        let bytes_total = files.iter().map(|(_, _, bytes)| bytes).sum();
        let mut window = Window::new(files.iter().map(|(_, _, bytes)| *bytes).max().unwrap_or(0));
        let mut walk = Walk::new(self.shard);
        let mut bytes_done = 0;
        for (number, file, bytes) in &files {
            window.attach(*bytes);
            let mut source = Source { disk: self.disk, file, number: *number, window: &mut window };
            walk.segment(&mut source, &mut on_frame)?;
            bytes_done += bytes;
            if let Some(progress) = &mut self.progress {
                progress(bytes_done, bytes_total);
            }
        }
        Ok(walk.end)
    }
}

/// One segment under the window.
struct Source<'a, D: Disk> {
    disk: &'a D,
    file: &'a D::File,
    number: u64,
    window: &'a mut Window,
}

impl<D: Disk> Source<'_, D> {
    fn at(&mut self, offset: u64, bytes_wanted: usize) -> io::Result<&[u8]> {
        self.window.at(self.disk, self.file, offset, bytes_wanted)
    }

    fn frame_at(&mut self, offset: u64) -> io::Result<Look<'_>> {
        let frame_bytes = match peek(self.at(offset, BLOCK_BYTES)?) {
            Peek::Zero => return Ok(Look::Nothing("zeros")),
            Peek::Bad(why) => return Ok(Look::Nothing(why)),
            Peek::Frame(frame_bytes) => frame_bytes,
        };
        let bytes = self.at(offset, frame_bytes)?;
        Ok(match check(&bytes[..bytes.len().min(frame_bytes)]) {
            Ok((header, payload)) => Look::Frame(header, payload),
            Err(Flaw::Torn(why)) => Look::Nothing(why),
            Err(Flaw::Foreign(why)) => Look::Foreign(why),
        })
    }

    /// Reads from `offset`, where no frame stands, to the end of the file.
    fn sweep(&mut self, mut offset: u64) -> io::Result<Sweep> {
        let mut sweep = Sweep { frame_at: None, garbage_end: None };
        loop {
            let bytes = self.at(offset, BLOCK_BYTES)?;
            if bytes.is_empty() {
                return Ok(sweep);
            }
            // Zeros are by far the most common here, and the window's whole view is at hand: take them in one go.
            let zero_blocks = bytes.chunks(BLOCK_BYTES).take_while(|block| all_zero(block)).count();
            offset += (zero_blocks * BLOCK_BYTES) as u64;
            if zero_blocks * BLOCK_BYTES == bytes.len() {
                continue;
            }
            let number = self.number;
            match self.frame_at(offset)? {
                Look::Frame(header, _) if header.segment == number => sweep.frame_at = Some(offset),
                Look::Foreign(_) => sweep.frame_at = Some(offset),
                Look::Frame(..) | Look::Nothing(_) => {}
            }
            if sweep.frame_at.is_some() {
                return Ok(sweep);
            }
            offset += BLOCK_BYTES as u64;
            sweep.garbage_end = Some(offset);
        }
    }
}

enum Look<'a> {
    Frame(FrameHeader, &'a [u8]),
    Nothing(&'static str),
    Foreign(&'static str),
}

struct Sweep {
    frame_at: Option<u64>,
    garbage_end: Option<u64>,
}

/// What is wrong and where, before it becomes an error that names file and sequence.
struct Damage {
    segment: u64,
    offset: u64,
    why: String,
}

/// The state of a scan: everything known about the log so far.
struct Walk {
    end: ScanEnd,
    torn_why: &'static str,
}

impl Walk {
    fn new(shard: u32) -> Self {
        let end = ScanEnd {
            shard,
            last_sequence: 0,
            durable_sequence_seen: 0,
            epoch: 0,
            frames: 0,
            records: 0,
            bytes: 0,
            sealed: false,
            tail: Tail::Clean,
            last_checksum: 0,
            last_segment: 0,
            end_offset: 0,
            unproven: Vec::new(),
            unused_segments: Vec::new(),
        };
        Self { end, torn_why: "" }
    }

    fn corruption<E>(&self, damage: Damage) -> ScanError<E> {
        ScanError::Corruption {
            file: segment_name(damage.segment),
            offset: damage.offset,
            expected_sequence: self.end.last_sequence + 1,
            why: damage.why,
        }
    }

    fn segment<D: Disk, E>(
        &mut self,
        source: &mut Source<'_, D>,
        on_frame: &mut impl FnMut(&FrameHeader, &[u8]) -> Result<(), E>,
    ) -> Result<(), ScanError<E>> {
        let mut offset = 0;
        let number = source.number;
        let why = loop {
            match source.frame_at(offset)? {
                Look::Frame(header, payload) => {
                    self.link(&header, number, offset).map_err(|damage| self.corruption(damage))?;
                    on_frame(&header, payload).map_err(ScanError::Consumer)?;
                    self.accept(&header, number, offset);
                    offset += header.frame_bytes();
                }
                Look::Nothing(why) => break why,
                Look::Foreign(why) => {
                    return Err(self.corruption(Damage { segment: number, offset, why: why.into() }));
                }
            }
        };
        let sweep = source.sweep(offset)?;
        self.leave(number, offset, why, &sweep).map_err(|damage| self.corruption(damage))
    }

    /// Whether a valid frame at this place is the one that must follow.
    fn link(&self, header: &FrameHeader, number: u64, offset: u64) -> Result<(), Damage> {
        let end = &self.end;
        let here = |why: String| Err(Damage { segment: number, offset, why });
        if let Tail::Torn { segment, offset, .. } = end.tail {
            let why = format!("{}, and segment {number} holds frames after it", self.torn_why);
            return Err(Damage { segment, offset, why });
        }
        if offset == 0 && number != end.last_segment + 1 {
            let why = format!("the segment is missing or empty, and segment {number} holds frames");
            return Err(Damage { segment: end.last_segment + 1, offset: 0, why });
        }
        if header.shard != end.shard {
            return here(format!("a frame of shard {}, not {}", header.shard, end.shard));
        }
        if header.segment != number {
            return here(format!("a frame of segment {}", header.segment));
        }
        let expected_sequence = end.last_sequence + 1;
        let follows = header.previous_checksum == end.last_checksum;
        if header.first_sequence > expected_sequence
            || (header.first_sequence == expected_sequence && !follows)
        {
            // What is missing should have stood behind the last frame, which may be in the segment before.
            let why = format!(
                "the frame after this place starts at sequence {} and names another predecessor",
                header.first_sequence
            );
            return Err(match offset {
                0 if end.last_segment > 0 => {
                    Damage { segment: end.last_segment, offset: end.end_offset, why }
                }
                _ => Damage { segment: number, offset, why },
            });
        }
        if header.first_sequence < expected_sequence {
            return here(format!("sequence {} comes a second time", header.first_sequence));
        }
        if header.epoch < end.epoch || header.epoch == 0 {
            return here(format!("epoch {} comes after epoch {}", header.epoch, end.epoch));
        }
        if header.durable_sequence > end.last_sequence {
            return here(format!(
                "sequence {} was durable when this frame was written, but the log before it ends at {}",
                header.durable_sequence, end.last_sequence
            ));
        }
        if header.durable_sequence < end.durable_sequence_seen {
            return here(format!("the durable mark goes back to {}", header.durable_sequence));
        }
        Ok(())
    }

    fn accept(&mut self, header: &FrameHeader, number: u64, offset: u64) {
        let end = &mut self.end;
        end.unproven.retain(|extent| extent.last_sequence > header.durable_sequence);
        end.unproven.push(Extent {
            segment: number,
            offset,
            bytes: header.frame_bytes(),
            last_sequence: header.last_sequence,
            checksum: header.checksum,
        });
        end.last_sequence = header.last_sequence;
        end.durable_sequence_seen = header.durable_sequence;
        end.epoch = header.epoch;
        end.frames += 1;
        end.records += u64::from(header.records);
        end.bytes += header.frame_bytes();
        end.sealed = header.is_seal();
        end.last_checksum = header.checksum;
        end.last_segment = number;
        end.end_offset = offset + header.frame_bytes();
    }

    /// Judges the rest of a segment, from `offset` on, where no frame stands because of `why`.
    fn leave(&mut self, number: u64, offset: u64, why: &'static str, sweep: &Sweep) -> Result<(), Damage> {
        if let Some(frame_at) = sweep.frame_at {
            let why = format!("{why}, and a frame follows at byte {frame_at} of segment {number}");
            return Err(match self.end.tail {
                Tail::Torn { segment, offset, .. } => Damage { segment, offset, why },
                Tail::Clean => Damage { segment: number, offset, why },
            });
        }
        if offset == 0 {
            self.end.unused_segments.push(number);
        }
        let Some(garbage_end) = sweep.garbage_end else { return Ok(()) };
        match self.end.tail {
            Tail::Clean => {
                self.end.tail = Tail::Torn { segment: number, offset, bytes: garbage_end - offset };
                self.torn_why = why;
                Ok(())
            }
            Tail::Torn { segment, offset, .. } if segment == self.end.last_segment => {
                let why = format!("{}, and segment {number} is in use after it", self.torn_why);
                Err(Damage { segment, offset, why })
            }
            // Damage in a segment that waits to be used: it will be made anew.
            Tail::Torn { .. } => Ok(()),
        }
    }
}

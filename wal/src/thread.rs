//! The log thread: one beside each owner thread, so that the next frame fills while this one is synced.
//!
//! Frames go there and buffers come back through bounded queues without locks; "durable up to" is one atomic. Invariant:
//! the durable sequence is published (Release) only after the sync that makes it true has returned, and never again
//! after a fault.

use crate::buffer::FrameBuffer;
use crate::disk::Disk;
use crate::limits::{BUFFERS_RETURNED_MAX, FRAMES_OUTSTANDING_MAX, IDLE_SEAL_MS};
use crate::supply::SupplyState;
use crate::writer::{LogFault, LogStatistics, LogWriter};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Starts log threads.
pub struct LogThread;

impl LogThread {
    /// Starts the thread `log-<shard>` that owns `writer` from now on, and beside it the thread that prepares segments.
    /// `wake` is called on the log thread after each frame that became durable; `on_fault` at most once, when the log
    /// can't be written any more: the server ends the process there.
    ///
    /// # Errors
    /// If a thread can't be started.
    pub fn spawn<D: Disk>(
        mut writer: LogWriter<D>,
        wake: impl Fn() + Send + 'static,
        on_fault: impl FnOnce(LogFault) + Send + 'static,
    ) -> io::Result<LogHandle> {
        let (frames, frames_in) = bounded(FRAMES_OUTSTANDING_MAX);
        let (buffers_out, buffers) = bounded(BUFFERS_RETURNED_MAX);
        writer.start_preparing()?;
        let shared = Arc::new(Shared::new(&writer));
        let name = format!("log-{}", writer.shard());
        let worker = Worker { writer, frames: frames_in, buffers: buffers_out, shared: shared.clone(), wake };
        let join = std::thread::Builder::new().name(name).spawn(move || worker.run(on_fault))?;
        Ok(LogHandle { frames, buffers, shared, submitted: 0, join })
    }
}

/// What the log thread tells its owner without a message.
struct Shared {
    durable_sequence: AtomicU64,
    completed: AtomicU64,
    sealed: AtomicBool,
    segment_bytes: u64,
    segment_remaining_bytes: AtomicU64,
    supply: Arc<SupplyState>,
    frames: AtomicU64,
    bytes: AtomicU64,
    syncs: AtomicU64,
    sync_ns_total: AtomicU64,
    sync_ns_max: AtomicU64,
}

impl Shared {
    fn new<D: Disk>(writer: &LogWriter<D>) -> Self {
        let shared = Self {
            durable_sequence: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            sealed: AtomicBool::new(false),
            segment_bytes: writer.segment_bytes(),
            segment_remaining_bytes: AtomicU64::new(0),
            supply: writer.supply_state().clone(),
            frames: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            sync_ns_total: AtomicU64::new(0),
            sync_ns_max: AtomicU64::new(0),
        };
        shared.publish(writer);
        shared
    }

    fn publish<D: Disk>(&self, writer: &LogWriter<D>) {
        let statistics = writer.statistics();
        self.frames.store(statistics.frames, Ordering::Relaxed);
        self.bytes.store(statistics.bytes, Ordering::Relaxed);
        self.syncs.store(statistics.syncs, Ordering::Relaxed);
        self.sync_ns_total.store(statistics.sync_ns_total, Ordering::Relaxed);
        self.sync_ns_max.store(statistics.sync_ns_max, Ordering::Relaxed);
        self.segment_remaining_bytes.store(writer.segment_remaining_bytes(), Ordering::Relaxed);
        self.sealed.store(!writer.needs_seal(), Ordering::Relaxed);
        self.durable_sequence.store(writer.durable_sequence(), Ordering::Release);
    }
}

struct Worker<D: Disk, W> {
    writer: LogWriter<D>,
    frames: Receiver<FrameBuffer>,
    buffers: Sender<FrameBuffer>,
    shared: Arc<Shared>,
    wake: W,
}

impl<D: Disk, W: Fn()> Worker<D, W> {
    fn run(mut self, on_fault: impl FnOnce(LogFault)) {
        if let Err(fault) = self.serve() {
            on_fault(fault);
        }
    }

    /// Until the owner is gone or the disk fails.
    fn serve(&mut self) -> Result<(), LogFault> {
        loop {
            let received = match self.writer.needs_seal() {
                true => self.frames.recv_timeout(Duration::from_millis(IDLE_SEAL_MS)),
                false => self.frames.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(frame) => self.append(frame)?,
                Err(RecvTimeoutError::Timeout) => self.seal()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return if self.writer.needs_seal() { self.seal() } else { Ok(()) };
                }
            }
        }
    }

    fn append(&mut self, mut frame: FrameBuffer) -> Result<(), LogFault> {
        let durable_sequence = self.writer.append(&mut frame)?;
        self.shared.publish(&self.writer);
        frame.begin(durable_sequence + 1);
        // The handle accepts no frame whose buffer would not fit here; it is full only if the owner is gone.
        let _ = self.buffers.try_send(frame);
        self.shared.completed.fetch_add(1, Ordering::Release);
        (self.wake)();
        Ok(())
    }

    fn seal(&mut self) -> Result<(), LogFault> {
        self.writer.seal()?;
        self.shared.publish(&self.writer);
        Ok(())
    }
}

/// The owner's end of a log thread. Dropping it lets the thread finish by itself; [`LogHandle::close`] waits for it.
pub struct LogHandle {
    frames: Sender<FrameBuffer>,
    buffers: Receiver<FrameBuffer>,
    shared: Arc<Shared>,
    submitted: u64,
    join: JoinHandle<()>,
}

impl LogHandle {
    /// Hands a frame to the log thread. At most [`FRAMES_OUTSTANDING_MAX`] may be submitted and not yet done.
    ///
    /// # Errors
    /// The frame itself, unchanged: if that many are outstanding, if [`BUFFERS_RETURNED_MAX`] buffers wait to be taken
    /// back, or if the log thread has ended at a fault.
    ///
    /// # Panics
    /// If the frame is empty. A frame that does not start at the sequence after the last one panics on the log thread.
    pub fn submit(&mut self, frame: FrameBuffer) -> Result<(), FrameBuffer> {
        assert!(!frame.is_empty(), "a frame without records can't be submitted");
        let outstanding = self.outstanding();
        if outstanding >= FRAMES_OUTSTANDING_MAX || outstanding + self.buffers.len() >= BUFFERS_RETURNED_MAX {
            return Err(frame);
        }
        match self.frames.try_send(frame) {
            Ok(()) => {
                self.submitted += 1;
                Ok(())
            }
            Err(TrySendError::Full(frame) | TrySendError::Disconnected(frame)) => Err(frame),
        }
    }

    /// Whether nothing submitted is outstanding.
    pub fn idle(&self) -> bool {
        self.outstanding() == 0
    }

    fn outstanding(&self) -> usize {
        (self.submitted - self.shared.completed.load(Ordering::Acquire)) as usize
    }

    /// A buffer whose frame is durable, emptied, if one has come back.
    pub fn take_returned(&mut self) -> Option<FrameBuffer> {
        self.buffers.try_recv().ok()
    }

    /// Up to here everything is durable.
    pub fn durable_sequence(&self) -> u64 {
        self.shared.durable_sequence.load(Ordering::Acquire)
    }

    /// Whether the last attempt to allocate a segment found the disk full. It is tried again each second; while it
    /// lasts, the owner should refuse new work before [`LogHandle::remaining_bytes`] runs out.
    pub fn space_low(&self) -> bool {
        self.shared.supply.space_low.load(Ordering::Acquire)
    }

    /// Bytes that can still be written without allocating: the rest of the current segment and the segments ready. A
    /// frame never spans two segments, so up to one frame less fits.
    pub fn remaining_bytes(&self) -> u64 {
        let ready = u64::from(self.shared.supply.ready.load(Ordering::Relaxed));
        self.shared.segment_remaining_bytes.load(Ordering::Relaxed) + ready * self.shared.segment_bytes
    }

    /// Bytes of one segment.
    pub fn segment_bytes(&self) -> u64 {
        self.shared.segment_bytes
    }

    /// What the log thread has done so far. The numbers are read one by one while it works.
    pub fn statistics(&self) -> LogStatistics {
        LogStatistics {
            frames: self.shared.frames.load(Ordering::Relaxed),
            bytes: self.shared.bytes.load(Ordering::Relaxed),
            syncs: self.shared.syncs.load(Ordering::Relaxed),
            sync_ns_total: self.shared.sync_ns_total.load(Ordering::Relaxed),
            sync_ns_max: self.shared.sync_ns_max.load(Ordering::Relaxed),
        }
    }

    /// Writes what was submitted, seals the log and waits for the thread to end.
    pub fn close(self) -> LogClosed {
        let Self { frames, buffers, shared, join, .. } = self;
        drop(frames);
        let panicked = join.join().is_err();
        drop(buffers);
        LogClosed {
            durable_sequence: shared.durable_sequence.load(Ordering::Acquire),
            sealed: !panicked && shared.sealed.load(Ordering::Relaxed),
        }
    }
}

/// How a log was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogClosed {
    /// Up to here everything is durable.
    pub durable_sequence: u64,
    /// Whether the log ends in a seal. If not, a fault came first.
    pub sealed: bool,
}

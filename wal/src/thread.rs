//! The log thread: one beside each owner thread, so that the next frame fills while this one is synced.
//!
//! Frames go there and buffers come back through bounded queues without locks; "durable up to" is one atomic. When
//! there is next to nothing to write and nothing under way, the owner may write a frame itself, which saves two thread
//! switches, as long as the disk is quick; the writer lies behind a mutex for that, taken once per frame by whoever
//! writes and never waited for by the owner. Invariant: the durable sequence is published (Release) only after the sync
//! that makes it true has returned, and never again after a fault.

use crate::buffer::FrameBuffer;
use crate::disk::Disk;
use crate::limits::{BUFFERS_RETURNED_MAX, FRAMES_OUTSTANDING_MAX, IDLE_SEAL_MS, LONE_APPEND_NS_MAX};
use crate::supply::SupplyState;
use crate::writer::{LogFault, LogStatistics, LogWriter};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Starts log threads.
pub struct LogThread;

impl LogThread {
    /// Starts the thread `log-<shard>` that owns `writer` from now on, and beside it the thread that prepares segments.
    /// `wake` is called on the log thread after each frame that it made durable; `on_fault` at most once, on the thread
    /// that met it, when the log can't be written any more: the server ends the process there.
    ///
    /// # Errors
    /// If a thread can't be started.
    pub fn spawn<D: Disk>(
        mut writer: LogWriter<D>,
        wake: impl Fn() + Send + 'static,
        on_fault: impl FnOnce(LogFault) + Send + 'static,
    ) -> io::Result<LogHandle> {
        let (jobs, jobs_in) = bounded(JOBS_MAX);
        let (buffers_out, buffers) = bounded(BUFFERS_RETURNED_MAX);
        writer.start_preparing()?;
        let shared = Arc::new(Shared::new(&writer));
        let name = format!("log-{}", writer.shard());
        let desk = Arc::new(Mutex::new(Desk { writer, on_fault: Some(on_fault), shared: shared.clone() }));
        let worker =
            Worker { desk: desk.clone(), jobs: jobs_in, buffers: buffers_out, shared: shared.clone(), wake };
        let join = std::thread::Builder::new().name(name).spawn(move || worker.run())?;
        let append_here = Box::new(move |frame: &mut FrameBuffer| match desk.try_lock() {
            Ok(mut desk) => {
                let was_sealed = !desk.writer.needs_seal();
                desk.append(frame).then_some(was_sealed)
            }
            Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => None,
        });
        Ok(LogHandle { jobs, buffers, shared, submitted: 0, own_returned: None, append_here, join })
    }
}

/// Frames, and one reminder to seal.
const JOBS_MAX: usize = FRAMES_OUTSTANDING_MAX + 1;

enum Job {
    Frame(FrameBuffer),
    /// The owner wrote a frame itself: seal it when it gets quiet.
    Watch,
}

/// The writer and what goes with each of its appends, whoever makes them.
struct Desk<D: Disk, F> {
    writer: LogWriter<D>,
    on_fault: Option<F>,
    shared: Arc<Shared>,
}

impl<D: Disk, F: FnOnce(LogFault)> Desk<D, F> {
    /// Makes the frame durable and empties it; answers whether it could.
    fn append(&mut self, frame: &mut FrameBuffer) -> bool {
        let started = Instant::now();
        let appended = self.writer.append(frame);
        let Some(durable_sequence) = self.unless_fault(appended) else { return false };
        let took_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.shared.last_append_ns.store(took_ns, Ordering::Relaxed);
        frame.begin(durable_sequence + 1);
        true
    }

    fn seal(&mut self) -> bool {
        let sealed = if self.writer.needs_seal() { self.writer.seal() } else { Ok(()) };
        self.unless_fault(sealed).is_some()
    }

    fn unless_fault<T>(&mut self, result: Result<T, LogFault>) -> Option<T> {
        match result {
            Ok(value) => {
                self.shared.publish(&self.writer);
                Some(value)
            }
            Err(fault) => {
                if let Some(on_fault) = self.on_fault.take() {
                    on_fault(fault);
                }
                None
            }
        }
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
    /// How long the last append took; the maximum while there was none.
    last_append_ns: AtomicU64,
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
            last_append_ns: AtomicU64::new(u64::MAX),
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

struct Worker<D: Disk, F, W> {
    desk: Arc<Mutex<Desk<D, F>>>,
    jobs: Receiver<Job>,
    buffers: Sender<FrameBuffer>,
    shared: Arc<Shared>,
    wake: W,
}

impl<D: Disk, F: FnOnce(LogFault), W: Fn()> Worker<D, F, W> {
    /// Until the owner is gone or the disk fails.
    fn run(self) {
        loop {
            let frames_before = self.shared.frames.load(Ordering::Relaxed);
            let received = match self.shared.sealed.load(Ordering::Relaxed) {
                true => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => self.jobs.recv_timeout(Duration::from_millis(IDLE_SEAL_MS)),
            };
            let going_on = match received {
                Ok(Job::Frame(frame)) => self.append(frame),
                Ok(Job::Watch) => true,
                Err(RecvTimeoutError::Timeout) => {
                    // Quiet here, but the owner may have written by itself.
                    self.shared.frames.load(Ordering::Relaxed) != frames_before || self.seal()
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.seal();
                    false
                }
            };
            if !going_on {
                return;
            }
        }
    }

    fn append(&self, mut frame: FrameBuffer) -> bool {
        if !self.desk.lock().unwrap_or_else(PoisonError::into_inner).append(&mut frame) {
            return false;
        }
        // The handle accepts no frame whose buffer would not fit here; it is full only if the owner is gone.
        let _ = self.buffers.try_send(frame);
        self.shared.completed.fetch_add(1, Ordering::Release);
        (self.wake)();
        true
    }

    fn seal(&self) -> bool {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).seal()
    }
}

/// Writes a frame on the calling thread, if the log thread isn't at it; answers whether the log was sealed before.
type AppendHere = Box<dyn FnMut(&mut FrameBuffer) -> Option<bool> + Send>;

/// The owner's end of a log thread. Dropping it lets the thread finish by itself; [`LogHandle::close`] waits for it.
pub struct LogHandle {
    jobs: Sender<Job>,
    buffers: Receiver<FrameBuffer>,
    shared: Arc<Shared>,
    submitted: u64,
    /// The buffer of the frame that this side has written last, until it is taken back.
    own_returned: Option<FrameBuffer>,
    append_here: AppendHere,
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
        match self.jobs.try_send(Job::Frame(frame)) {
            Ok(()) => {
                self.submitted += 1;
                Ok(())
            }
            Err(TrySendError::Full(Job::Frame(frame)) | TrySendError::Disconnected(Job::Frame(frame))) => {
                Err(frame)
            }
            Err(_) => unreachable!("what comes back is what was sent"),
        }
    }

    /// As [`LogHandle::submit`], for a frame behind which nothing waits: if nothing is under way and the disk was quick
    /// the last time, it is written and synced on the calling thread, and is durable on return (`wake` is not called).
    ///
    /// # Errors
    /// As [`LogHandle::submit`]; also the frame when this side met the fault.
    pub fn submit_lone(&mut self, mut frame: FrameBuffer) -> Result<(), FrameBuffer> {
        assert!(!frame.is_empty(), "a frame without records can't be submitted");
        let quick = self.shared.last_append_ns.load(Ordering::Relaxed) <= LONE_APPEND_NS_MAX;
        if !quick || !self.idle() || self.own_returned.is_some() {
            return self.submit(frame);
        }
        let Some(was_sealed) = (self.append_here)(&mut frame) else { return self.submit(frame) };
        self.own_returned = Some(frame);
        if was_sealed {
            // It sleeps without an end. Full: then it is awake. Gone: `close` finds out.
            let _ = self.jobs.try_send(Job::Watch);
        }
        Ok(())
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
        self.own_returned.take().or_else(|| self.buffers.try_recv().ok())
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
        let Self { jobs, buffers, shared, join, .. } = self;
        drop(jobs);
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

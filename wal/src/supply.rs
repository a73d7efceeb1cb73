//! Where the writer gets its next segment from, so that it seldom waits for one.
//!
//! Two ways with one face: made on the spot by whoever writes (tools, simulations), or made ahead by a thread of low
//! priority beside the log thread. Invariant: exactly one side creates segments, in the order of their numbers, so two
//! never get the same number; and a full disk shows up here, at allocation, long before an append could meet it.

use crate::disk::{Disk, is_full};
use crate::limits::{ALLOCATE_ANSWER_MS, ALLOCATE_RETRY_MS};
use crate::segment::{self, Segment};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What others may know about the supply while its thread works.
#[derive(Default)]
pub(crate) struct SupplyState {
    /// The next segment could not be allocated.
    pub(crate) space_low: AtomicBool,
    /// Segments ready and not yet taken.
    pub(crate) ready: AtomicU32,
    /// The writer waits: stop writing zeros, hand over what there is.
    urgent: AtomicBool,
    stop: AtomicBool,
    /// Attempts of the thread that found no space.
    attempts_full: AtomicU64,
}

type Prepared<F> = io::Result<Segment<F>>;

struct Thread<F> {
    prepared: Receiver<Prepared<F>>,
    poke: Sender<()>,
    join: JoinHandle<()>,
}

pub(crate) struct Supply<D: Disk> {
    disk: D,
    segment_bytes: u64,
    ahead: u32,
    next_number: u64,
    ready: VecDeque<Segment<D::File>>,
    state: Arc<SupplyState>,
    thread: Option<Thread<D::File>>,
}

impl<D: Disk> Supply<D> {
    pub(crate) fn new(disk: D, segment_bytes: u64, ahead: u32, next_number: u64) -> Self {
        let state = Arc::new(SupplyState::default());
        Self { disk, segment_bytes, ahead, next_number, ready: VecDeque::new(), state, thread: None }
    }

    pub(crate) fn state(&self) -> &Arc<SupplyState> {
        &self.state
    }

    /// The next segment. Waits for at most one piece of zeros and a sync; fails with a full-disk error if there is no
    /// space.
    pub(crate) fn take(&mut self) -> io::Result<Segment<D::File>> {
        if let Some(segment) = self.ready.pop_front() {
            self.state.ready.fetch_sub(1, Ordering::Relaxed);
            return Ok(segment);
        }
        let Some(thread) = &self.thread else { return self.create_here(&mut || false) };
        if let Ok(prepared) = thread.prepared.try_recv() {
            return self.count(prepared);
        }
        let full_before = self.state.attempts_full.load(Ordering::Acquire);
        self.state.urgent.store(true, Ordering::Release);
        // A poke that is already waiting to be read does as well.
        let _ = thread.poke.try_send(());
        let prepared = loop {
            match thread.prepared.recv_timeout(Duration::from_millis(ALLOCATE_ANSWER_MS)) {
                Ok(prepared) => break prepared,
                Err(RecvTimeoutError::Disconnected) => {
                    break Err(io::Error::other("the preparing thread is gone"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.state.attempts_full.load(Ordering::Acquire) != full_before {
                        break Err(io::Error::from(io::ErrorKind::StorageFull));
                    }
                }
            }
        };
        self.state.urgent.store(false, Ordering::Release);
        self.count(prepared)
    }

    fn count(&self, prepared: Prepared<D::File>) -> Prepared<D::File> {
        if prepared.is_ok() {
            self.state.ready.fetch_sub(1, Ordering::Relaxed);
        }
        prepared
    }

    fn create_here(&mut self, go_on: &mut dyn FnMut() -> bool) -> io::Result<Segment<D::File>> {
        let segment = segment::create(&self.disk, self.next_number, self.segment_bytes, go_on)?;
        self.next_number += 1;
        Ok(segment)
    }

    /// Without a thread: makes segments until `count` are ready, zeros included. A full disk is no error here, only
    /// noted; the next call tries again.
    pub(crate) fn prepare_here(&mut self, count: u32) -> io::Result<()> {
        while self.thread.is_none() && self.ready.len() < count as usize {
            match self.create_here(&mut || true) {
                Ok(segment) => {
                    self.ready.push_back(segment);
                    self.state.ready.fetch_add(1, Ordering::Relaxed);
                    self.state.space_low.store(false, Ordering::Release);
                }
                Err(error) if is_full(&error) => {
                    self.state.space_low.store(true, Ordering::Release);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Without a thread: keeps as many segments ready as the options ask for.
    pub(crate) fn refill(&mut self) -> io::Result<()> {
        self.prepare_here(self.ahead)
    }

    /// Whether the last attempt to allocate found no space.
    pub(crate) fn space_low(&self) -> bool {
        self.state.space_low.load(Ordering::Acquire)
    }

    /// Segments ready and not yet taken.
    pub(crate) fn ready_segments(&self) -> u32 {
        self.state.ready.load(Ordering::Relaxed)
    }

    /// Hands the making of segments to a thread of its own.
    pub(crate) fn start_thread(&mut self, shard: u32) -> io::Result<()> {
        if self.ahead == 0 || self.thread.is_some() {
            return Ok(());
        }
        // The thread holds one finished segment in its hand while the channel is full: hence one less.
        let (sender, prepared) = bounded(self.ahead as usize - 1);
        let (poke, poked) = bounded(1);
        let mut preparer = Preparer {
            disk: self.disk.clone(),
            segment_bytes: self.segment_bytes,
            next_number: self.next_number,
            state: self.state.clone(),
            prepared: sender,
            poked,
        };
        let name = format!("log-{shard}-prepare");
        let join = std::thread::Builder::new().name(name).spawn(move || preparer.run())?;
        self.thread = Some(Thread { prepared, poke, join });
        Ok(())
    }
}

impl<D: Disk> Drop for Supply<D> {
    fn drop(&mut self) {
        if let Some(Thread { prepared, poke, join }) = self.thread.take() {
            self.state.stop.store(true, Ordering::Release);
            drop(prepared);
            drop(poke);
            // A panic there has been reported by the panic hook; here it changes nothing.
            let _ = join.join();
        }
    }
}

struct Preparer<D: Disk> {
    disk: D,
    segment_bytes: u64,
    next_number: u64,
    state: Arc<SupplyState>,
    prepared: Sender<Prepared<D::File>>,
    poked: Receiver<()>,
}

impl<D: Disk> Preparer<D> {
    fn run(&mut self) {
        // Serving comes first: this thread takes what processor time is left. Without the right to say so it works too.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 10);
        while !self.state.stop.load(Ordering::Acquire) {
            match self.create() {
                Ok(segment) => {
                    self.next_number += 1;
                    self.state.space_low.store(false, Ordering::Release);
                    self.state.ready.fetch_add(1, Ordering::Relaxed);
                    if self.prepared.send(Ok(segment)).is_err() {
                        return;
                    }
                }
                Err(error) if is_full(&error) => {
                    // Counted and not sent: a message could be read much later, when it is no longer true.
                    self.state.space_low.store(true, Ordering::Release);
                    self.state.attempts_full.fetch_add(1, Ordering::Release);
                    if self.pause(Duration::from_millis(ALLOCATE_RETRY_MS)).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    // The disk is broken: the writer learns it when it asks for the segment, and ends.
                    let _ = self.prepared.send(Err(error));
                    return;
                }
            }
        }
    }

    fn create(&self) -> io::Result<Segment<D::File>> {
        let mut last = Instant::now();
        segment::create(&self.disk, self.next_number, self.segment_bytes, &mut || {
            // As long a pause as the last piece took: at most half of the disk's time is taken from the log.
            let took = last.elapsed();
            let alive = self.pause(took).is_ok();
            last = Instant::now();
            alive && !self.state.urgent.load(Ordering::Acquire) && !self.state.stop.load(Ordering::Acquire)
        })
    }

    /// Waits, or is poked, or learns that the writer is gone.
    fn pause(&self, duration: Duration) -> Result<(), ()> {
        match self.poked.recv_timeout(duration) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }
}

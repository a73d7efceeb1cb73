//! Hears of changes in a directory, and says so at once.
//!
//! The kernel tells (inotify); where it can't, as on some network file systems, a look once a second has to do. That look
//! also notices what changes by time alone. Invariant: the thread ends with its [`Watch`].

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long until a look without a cause.
const TURN: Duration = Duration::from_secs(1);

/// A thread that follows a directory.
pub struct Watch {
    stop: Arc<AtomicBool>,
    ear: Option<Arc<Ear>>,
    thread: Option<JoinHandle<()>>,
}

/// Where the kernel tells.
struct Ear {
    inotify: OwnedFd,
    watch: i32,
}

impl Ear {
    fn open(directory: &Path) -> rustix::io::Result<Ear> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let changes = WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::DELETE;
        let watch = inotify::add_watch(&inotify, directory, changes)?;
        Ok(Ear { inotify, watch })
    }

    /// Waits until something has changed, a turn at most.
    fn wait(&self) {
        let turn = Timespec { tv_sec: TURN.as_secs() as i64, tv_nsec: 0 };
        let mut waited = [PollFd::new(&self.inotify, PollFlags::IN)];
        // Whether it was told, interrupted or only waited: the look that follows finds out.
        let _ = poll(&mut waited, Some(&turn));
        let mut told = [0u8; 4096];
        while rustix::io::read(&self.inotify, &mut told).is_ok_and(|bytes| bytes != 0) {}
    }
}

impl Watch {
    /// Calls `look` from a thread of its own whenever something in the directory has changed, and once a second.
    pub fn start(directory: &Path, look: impl Fn() + Send + 'static) -> Watch {
        let ear = Ear::open(directory).map(Arc::new);
        if let Err(error) = &ear {
            tracing::warn!(%error, "the system does not tell of changed tokens: they are looked at once a second");
        }
        let ear = ear.ok();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, listening) = (stop.clone(), ear.clone());
        let follow = move || {
            while !stopped.load(Ordering::Acquire) {
                match &listening {
                    Some(ear) => ear.wait(),
                    None => std::thread::park_timeout(TURN),
                }
                look();
            }
        };
        let thread = std::thread::Builder::new().name("tokens".into()).spawn(follow);
        let thread = thread
            .map_err(|error| {
                tracing::warn!(%error, "no thread to follow the tokens: they are read again when somebody connects");
            })
            .ok();
        Watch { stop, ear, thread }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(ear) = &self.ear {
            // The kernel tells that the watch is gone, and that wakes the thread; else its turn ends soon.
            let _ = inotify::remove_watch(&ear.inotify, ear.watch);
        }
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A thread that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

//! Readiness of sockets, and waking up on time: epoll with a timerfd, because epoll alone wakes up to a millisecond
//! late, which an open loop would then report as the server's latency.

use rustix::event::Timespec;
use rustix::event::epoll;
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use std::io;

/// What the timer's events carry instead of a connection.
const TIMER: u64 = u64::MAX;
/// Events taken at a time.
const EVENTS: usize = 256;
/// Waits from this length on are left to epoll: whole milliseconds are exact enough for them.
const COARSE_NS: u64 = 20_000_000;

/// What happened on which connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) lane: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// What to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    ReadWrite,
}

impl Interest {
    fn flags(self) -> epoll::EventFlags {
        match self {
            Interest::Read => epoll::EventFlags::IN,
            Interest::ReadWrite => epoll::EventFlags::IN | epoll::EventFlags::OUT,
        }
    }
}

/// The readiness of one thread's connections.
pub(crate) struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Poller> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        // Edge-triggered: setting the timer anew takes back what it had to say, so nothing is ever read from it.
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), flags)?;
        Ok(Poller { epoll, timer, events: Vec::with_capacity(EVENTS) })
    }

    pub(crate) fn add(&self, socket: impl AsFd, lane: usize, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, epoll::EventData::new_u64(lane as u64), interest.flags())?)
    }

    pub(crate) fn change(&self, socket: impl AsFd, lane: usize, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, socket, epoll::EventData::new_u64(lane as u64), interest.flags())?)
    }

    /// Waits until something is ready, at most `wait_ns`, and puts it into `ready`.
    pub(crate) fn wait(&mut self, wait_ns: u64, ready: &mut Vec<Ready>) -> io::Result<()> {
        let mut timeout_ns = wait_ns;
        if wait_ns > 0 && wait_ns < COARSE_NS {
            let once = Itimerspec { it_interval: timespec(0), it_value: timespec(wait_ns) };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
            timeout_ns = COARSE_NS;
        }
        self.events.clear();
        let timeout = timespec(timeout_ns);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
        ready.clear();
        let gone = epoll::EventFlags::ERR | epoll::EventFlags::HUP;
        ready.extend(self.events.iter().filter(|event| event.data.u64() != TIMER).map(|event| {
            let flags = event.flags;
            Ready {
                lane: event.data.u64() as usize,
                // A broken connection is told by the read or write that fails on it.
                readable: flags.intersects(epoll::EventFlags::IN | gone),
                writable: flags.intersects(epoll::EventFlags::OUT | gone),
            }
        }));
        Ok(())
    }
}

fn timespec(ns: u64) -> Timespec {
    Timespec { tv_sec: (ns / 1_000_000_000) as i64, tv_nsec: (ns % 1_000_000_000) as _ }
}

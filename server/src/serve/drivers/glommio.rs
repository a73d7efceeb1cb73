//! The glommio driver: one io_uring executor per owner thread.
//!
//! It needs a kernel that lets us have io_uring, which [`probe`] finds out: glommio panics where it is forbidden.
//! Invariants: no accept or read in flight is ever dropped (a porter thread accepts, and a read ends because its socket
//! was cut); no borrow lives across an `await`; all tasks are gone before the executor ends.

use super::{DRAIN_TURN, Due};
use crate::serve::connection::{Connection, Socket};
use crate::serve::owner::{Driver, IDLE_TURN, Owner, OwnerParts, Read};
use crossbeam_channel::{Receiver, Sender, bounded};
use futures_io::{AsyncRead, AsyncWrite};
use glommio::net::TcpStream;
use glommio::{LocalExecutorBuilder, Placement};
use io_uring::{IoUring, Probe, opcode};
use rustix::process::{Resource, getrlimit};
use scrip_wal::LogClosed;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Shutdown, TcpListener};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use tokio::sync::Notify;

/// Memory that an executor may lock; glommio asks for no less.
const MEMLOCK_MIN: u64 = 512 * 1024;
/// Memory an executor sets aside for reads and writes of its own: we use none.
const IO_MEMORY: usize = 64 * 1024;
/// Accepted connections that wait to be taken in.
const ACCEPTED_MAX: usize = 1_024;

/// Whether glommio can work here.
///
/// # Errors
/// What stands in its way.
pub fn probe() -> Result<(), String> {
    if let Some(limit) = getrlimit(Resource::Memlock).current.filter(|limit| *limit < MEMLOCK_MIN) {
        return Err(format!(
            "only {limit} bytes of memory may be locked (ulimit -l), {MEMLOCK_MIN} are needed"
        ));
    }
    let refused = |what: &'static str| move |error: io::Error| format!("io_uring: {what}: {error}");
    let ring = IoUring::new(8).map_err(refused("setting up a ring"))?;
    ring.submit().map_err(refused("entering it"))?;
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).map_err(refused("asking what it can"))?;
    let needed = [
        opcode::Nop::CODE,
        opcode::PollAdd::CODE,
        opcode::PollRemove::CODE,
        opcode::Timeout::CODE,
        opcode::TimeoutRemove::CODE,
        opcode::LinkTimeout::CODE,
        opcode::Accept::CODE,
        opcode::Connect::CODE,
        opcode::Send::CODE,
        opcode::Recv::CODE,
        opcode::Fallocate::CODE,
        opcode::OpenAt::CODE,
        opcode::Close::CODE,
        opcode::Statx::CODE,
        opcode::Read::CODE,
        opcode::Write::CODE,
    ];
    match needed.into_iter().find(|code| !probe.is_supported(*code)) {
        Some(code) => Err(format!("io_uring: the kernel is too old: it lacks operation {code}")),
        None => Ok(()),
    }
}

/// Serves `door` until the house stops, drains, and closes the log. `bell` is rung from other threads.
///
/// # Errors
/// If the executor or the porter can't be started.
pub fn run(parts: OwnerParts, door: TcpListener, bell: Arc<Notify>) -> io::Result<LogClosed> {
    let porter = Porter::start(door, bell.clone())?;
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(IO_MEMORY)
        .make()
        .map_err(|error| io::Error::other(error.to_string()))?;
    let owner = executor.run(async move { serve(Owner::new(parts), porter, bell).await });
    drop(executor);
    Ok(owner.close())
}

/// Accepts on a thread of its own, with a call that waits: an accept in flight is never given up.
struct Porter {
    door: Arc<TcpListener>,
    accepted: Receiver<std::net::TcpStream>,
    thread: std::thread::JoinHandle<()>,
}

impl Porter {
    fn start(door: TcpListener, bell: Arc<Notify>) -> io::Result<Porter> {
        door.set_nonblocking(false)?;
        let door = Arc::new(door);
        let (sender, accepted) = bounded(ACCEPTED_MAX);
        let listener = door.clone();
        let thread = std::thread::Builder::new()
            .name("porter".into())
            .spawn(move || accept(&listener, &sender, &bell))?;
        Ok(Porter { door, accepted, thread })
    }

    /// Ends the accept that waits, and the door with it.
    fn stop(self) {
        drop(self.accepted);
        if rustix::net::shutdown(&*self.door, rustix::net::Shutdown::Both).is_ok() {
            // Its connections, if any were on their way, are closed with the channel.
            let _ = self.thread.join();
        }
    }
}

fn accept(door: &TcpListener, accepted: &Sender<std::net::TcpStream>, bell: &Notify) {
    loop {
        match door.accept() {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%peer, %error, "connection lost at once");
                    continue;
                }
                tracing::debug!(%peer, "connected");
                if accepted.send(stream).is_err() {
                    return;
                }
                bell.notify_one();
            }
            // The door was shut.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => return,
            Err(error) => {
                // Out of file descriptors, most likely: connections that end make room.
                tracing::warn!(%error, "accept failed");
                std::thread::sleep(IDLE_TURN);
            }
        }
    }
}

/// The driver of one owner thread. Each task holds it: when nobody else does, they are all gone.
struct Glommio {
    owner: Rc<Owner>,
    due: Due,
    is_over: Cell<bool>,
}

/// A socket that its reader and the core share.
struct Stream {
    stream: Rc<RefCell<TcpStream>>,
    /// Who is woken when it takes more.
    writer: RefCell<Waker>,
    /// The last write found it full, and `writer` will be woken.
    is_full: Cell<bool>,
}

impl Socket for Stream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let writer = self.writer.borrow();
        let mut context = Context::from_waker(&writer);
        match Pin::new(&mut *self.stream.borrow_mut()).poll_write(&mut context, bytes) {
            Poll::Ready(result) => result,
            Poll::Pending => {
                self.is_full.set(true);
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }

    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        // Only a write tells whether it takes more, so one is tried with the right waker before anybody waits.
        let is_full = self.is_full.replace(false);
        if is_full && self.writer.borrow().will_wake(context.waker()) {
            return Poll::Pending;
        }
        *self.writer.borrow_mut() = context.waker().clone();
        Poll::Ready(())
    }

    fn cut(&self) {
        let stream = self.stream.borrow();
        // It is done at the first poll. The peer may have closed it already.
        let _ = pin!(stream.shutdown(Shutdown::Both)).poll(&mut Context::from_waker(Waker::noop()));
    }
}

impl Glommio {
    fn turn(self: &Rc<Glommio>) {
        self.due.turn(&self.owner, &Handle(self.clone()));
    }

    fn idle_turn(self: &Rc<Glommio>) {
        self.due.idle_turn(&self.owner, &Handle(self.clone()));
    }

    fn admit(self: &Rc<Glommio>, number: u64, stream: std::net::TcpStream) {
        let stream = Rc::new(RefCell::new(TcpStream::from(socket2::Socket::from(stream))));
        let socket = Stream {
            stream: stream.clone(),
            writer: RefCell::new(Waker::noop().clone()),
            is_full: Cell::new(false),
        };
        if let Some(connection) = self.owner.admit(Box::new(socket), number) {
            glommio::spawn_local(read(self.clone(), connection, stream)).detach();
        }
    }
}

/// What the core asks for is done by tasks, which share the driver.
struct Handle(Rc<Glommio>);

impl Driver for Handle {
    fn when_writable(&self, connection: &Rc<Connection>) {
        let (driver, connection) = (self.0.clone(), connection.clone());
        glommio::spawn_local(async move {
            // A task's first step is taken where it is spawned, and that is inside a turn.
            super::to_the_back().await;
            super::send_rest(&driver.owner, &connection).await;
            driver.due.ring();
        })
        .detach();
    }

    fn resume(&self, connection: &Rc<Connection>) {
        connection.wake_reader();
    }
}

async fn serve(owner: Rc<Owner>, porter: Porter, bell: Arc<Notify>) -> Rc<Owner> {
    let driver = Rc::new(Glommio { owner: owner.clone(), due: Due::default(), is_over: Cell::new(false) });
    let flusher = driver.clone();
    glommio::spawn_local(async move {
        while !flusher.is_over.get() {
            flusher.due.rung().await;
            flusher.turn();
        }
    })
    .detach();
    let idle = driver.clone();
    glommio::spawn_local(async move {
        while !idle.is_over.get() {
            glommio::timer::sleep(IDLE_TURN).await;
            idle.idle_turn();
        }
    })
    .detach();
    let mut connections = 0;
    while !owner.house.is_stopping() {
        bell.notified().await;
        for stream in porter.accepted.try_iter() {
            connections += 1;
            driver.admit(connections, stream);
        }
        driver.turn();
    }
    porter.stop();
    drain(&driver).await;
    owner
}

/// The reader task of one connection.
async fn read(driver: Rc<Glommio>, connection: Rc<Connection>, stream: Rc<RefCell<TcpStream>>) {
    loop {
        let poll = |context: &mut Context<'_>, bytes: &mut [u8]| {
            Pin::new(&mut *stream.borrow_mut()).poll_read(context, bytes)
        };
        if super::next_read(&driver.owner, &connection, poll).await == Read::Over {
            break;
        }
        driver.due.ring();
        // One read each: whoever sends much does not keep others, or the flush, waiting.
        super::to_the_back().await;
    }
    driver.owner.leave(&connection);
    driver.due.ring();
}

/// Tells every connection to go, answers what was taken in, and sees every task out.
async fn drain(driver: &Rc<Glommio>) {
    let until = Instant::now() + driver.owner.house.drain;
    driver.owner.say_goodbye();
    loop {
        driver.idle_turn();
        if driver.owner.is_drained() || Instant::now() >= until {
            break;
        }
        // Whatever comes to an end here rings no bell: it is looked for.
        glommio::timer::sleep(DRAIN_TURN).await;
    }
    driver.owner.cut_all();
    driver.is_over.set(true);
    while Rc::strong_count(driver) > 1 {
        driver.due.wake();
        driver.turn();
        glommio::timer::sleep(DRAIN_TURN).await;
    }
}

//! The tokio driver: a `current_thread` runtime per owner thread; epoll, works everywhere.
//!
//! One reader task per connection, and one flush task that runs after the readers of a round. Invariant: no borrow lives
//! across an `await`.

use super::{DRAIN_TURN, Due};
use crate::serve::connection::{Connection, Socket};
use crate::serve::owner::{Driver, IDLE_TURN, Owner, OwnerParts, Read};
use scrip_wal::LogClosed;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpListener;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::LocalOptions;
use tokio::sync::Notify;

/// Serves `door` until the house stops, drains, and closes the log. `bell` is rung from other threads.
///
/// # Errors
/// If the runtime can't be started.
pub fn run(parts: OwnerParts, door: std::net::TcpListener, bell: Arc<Notify>) -> io::Result<LogClosed> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let owner = runtime.block_on(async move {
        let door = TcpListener::from_std(door)?;
        Ok::<_, io::Error>(serve(Owner::new(parts), door, bell).await)
    })?;
    // Ends every task; what is left of the owner closes the log with a seal.
    drop(runtime);
    Ok(owner.close())
}

/// The driver of one owner thread.
struct Tokio {
    owner: Rc<Owner>,
    due: Due,
}

/// The sending half of a connection.
struct Writer(OwnedWriteHalf);

impl Socket for Writer {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        // An error shows itself at the next write.
        self.0.as_ref().poll_write_ready(context).map(drop)
    }

    fn cut(&self) {
        // The peer may have closed it already.
        let _ = rustix::net::shutdown(self.0.as_ref(), rustix::net::Shutdown::Both);
    }
}

impl Tokio {
    fn turn(self: &Rc<Tokio>) {
        self.due.turn(&self.owner, &Handle(self.clone()));
    }

    fn idle_turn(self: &Rc<Tokio>) {
        self.due.idle_turn(&self.owner, &Handle(self.clone()));
    }
}

/// What the core asks for is done by tasks, which share the driver.
struct Handle(Rc<Tokio>);

impl Driver for Handle {
    fn when_writable(&self, connection: &Rc<Connection>) {
        let (driver, connection) = (self.0.clone(), connection.clone());
        tokio::task::spawn_local(async move {
            super::send_rest(&driver.owner, &connection).await;
            driver.due.ring();
        });
    }

    fn resume(&self, connection: &Rc<Connection>) {
        connection.wake_reader();
    }
}

async fn serve(owner: Rc<Owner>, door: TcpListener, bell: Arc<Notify>) -> Rc<Owner> {
    let driver = Rc::new(Tokio { owner: owner.clone(), due: Due::default() });
    let accepting = tokio::task::spawn_local(accept(driver.clone(), door));
    let flusher = driver.clone();
    tokio::task::spawn_local(async move {
        loop {
            flusher.due.rung().await;
            flusher.turn();
        }
    });
    let idle = driver.clone();
    tokio::task::spawn_local(async move {
        loop {
            tokio::time::sleep(IDLE_TURN).await;
            idle.idle_turn();
        }
    });
    while !owner.house.is_stopping() {
        bell.notified().await;
        driver.turn();
    }
    accepting.abort();
    drain(&driver, &bell).await;
    owner
}

async fn accept(driver: Rc<Tokio>, door: TcpListener) {
    for number in 0.. {
        let (stream, peer) = match door.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: connections that end make room.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(IDLE_TURN).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "connection lost at once");
            continue;
        }
        let (reader, writer) = stream.into_split();
        if let Some(connection) = driver.owner.admit(Box::new(Writer(writer)), number) {
            tracing::debug!(%peer, "connected");
            tokio::task::spawn_local(read(driver.clone(), connection, reader));
        }
    }
}

/// The reader task of one connection.
async fn read(driver: Rc<Tokio>, connection: Rc<Connection>, mut reader: OwnedReadHalf) {
    loop {
        let poll = |context: &mut Context<'_>, bytes: &mut [u8]| {
            let mut buffer = ReadBuf::new(bytes);
            // This call, and no readiness first: after a read that did not fill the buffer, the next one knows that there
            // is nothing and spares the system call.
            Pin::new(&mut reader).poll_read(context, &mut buffer).map_ok(|()| buffer.filled().len())
        };
        if super::next_read(&driver.owner, &connection, poll).await == Read::Over {
            break;
        }
        driver.due.ring();
        // One read each: whoever sends much does not keep others, or the flush, waiting.
        tokio::task::yield_now().await;
    }
    driver.owner.leave(&connection);
    driver.due.ring();
}

/// Tells every connection to go, and answers what was taken in.
async fn drain(driver: &Rc<Tokio>, bell: &Notify) {
    let until = Instant::now() + driver.owner.house.drain;
    driver.owner.say_goodbye();
    loop {
        driver.idle_turn();
        if driver.owner.is_drained() || Instant::now() >= until {
            break;
        }
        // Whatever comes to an end here rings no bell: it is looked for.
        let _ = tokio::time::timeout(DRAIN_TURN, bell.notified()).await;
    }
}

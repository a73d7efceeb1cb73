//! Socket drivers: each moves the bytes of one owner thread's connections, and nothing else.
//!
//! What a connection's bytes mean, when it is read and what leaves is the core's (`owner.rs`), so that all drivers serve
//! alike. Invariant: a driver calls the core from the owner thread alone, and gives it a turn after each read that took
//! something in, after each ring of its bell, and every [`super::owner::IDLE_TURN`].

mod glommio;
mod ready;
mod tokio;

use super::connection::{Connection, Written};
use super::house::Bell;
use super::owner::{Driver, Owner, OwnerParts, Read};
use crate::settings::Io;
use ::tokio::sync::Notify;
use scrip_wal::LogClosed;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The drivers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// tokio.
    Tokio,
    /// glommio.
    Glommio,
    /// The plain readiness loop.
    Ready,
}

impl Choice {
    /// Its name, as `--io` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Choice::Tokio => "tokio",
            Choice::Glommio => "glommio",
            Choice::Ready => "ready",
        }
    }
}

/// The driver to take, and why. `auto` takes tokio, which no other has beaten clearly (docs/adr/0010) and which works
/// wherever Linux does.
///
/// # Errors
/// Why the driver that was asked for does not work here.
pub fn choose(asked: Io) -> Result<(Choice, String), String> {
    let asked_for = |choice| Ok((choice, "asked for".to_owned()));
    match asked {
        Io::Auto => {
            Ok((Choice::Tokio, "auto: none measured clearly faster, and it works everywhere".to_owned()))
        }
        Io::Tokio => asked_for(Choice::Tokio),
        Io::Ready => asked_for(Choice::Ready),
        Io::Glommio => glommio::probe().and_then(|()| asked_for(Choice::Glommio)),
    }
}

/// A driver that is about to run, with what its bell rings at.
pub enum Ear {
    /// tokio.
    Tokio(Arc<Notify>),
    /// glommio.
    Glommio(Arc<Notify>),
    /// The plain readiness loop.
    Ready(ready::Ear),
}

impl Ear {
    /// An ear of the chosen driver, and the bell that it hears.
    ///
    /// # Errors
    /// If the system does not give what it needs.
    pub fn new(choice: Choice) -> io::Result<(Ear, Bell)> {
        let notify = Arc::new(Notify::new());
        let heard = notify.clone();
        let bell = Bell::new(move || notify.notify_one());
        Ok(match choice {
            Choice::Tokio => (Ear::Tokio(heard), bell),
            Choice::Glommio => (Ear::Glommio(heard), bell),
            Choice::Ready => {
                let (ear, bell) = ready::Ear::new()?;
                (Ear::Ready(ear), bell)
            }
        })
    }

    /// Serves `door` on this thread until the house stops, drains, and closes the log.
    ///
    /// # Errors
    /// If the driver can't be started.
    pub fn run(self, parts: OwnerParts, door: TcpListener) -> io::Result<LogClosed> {
        match self {
            Ear::Tokio(notify) => tokio::run(parts, door, notify),
            Ear::Glommio(notify) => glommio::run(parts, door, notify),
            Ear::Ready(ear) => ear.run(parts, door),
        }
    }
}

/// How often a shutdown looks whether it may end.
const DRAIN_TURN: Duration = Duration::from_millis(5);

/// Whether a turn is due, for drivers in which a task takes the turns.
#[derive(Default)]
struct Due {
    notify: Notify,
    is_rung: Cell<bool>,
}

impl Due {
    /// A turn is due. Rung often before it, it is still one.
    fn ring(&self) {
        if !self.is_rung.replace(true) {
            self.notify.notify_one();
        }
    }

    /// Wakes who waits, whether a turn is due or not.
    fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits until a turn is due.
    async fn rung(&self) {
        self.notify.notified().await;
    }

    fn turn(&self, owner: &Owner, driver: &dyn Driver) {
        self.is_rung.set(false);
        if owner.turn(driver) {
            self.ring();
        }
    }

    fn idle_turn(&self, owner: &Owner, driver: &dyn Driver) {
        if owner.idle_turn(driver) {
            self.ring();
        }
    }
}

/// Waits for the next read of a connection that takes something in, or ends it. `poll` makes one read.
async fn next_read(
    owner: &Owner,
    connection: &Rc<Connection>,
    mut poll: impl FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
) -> Read {
    let read = |context: &mut Context<'_>| match owner.read(connection, |bytes| poll(context, bytes)) {
        Read::Nothing => Poll::Pending,
        Read::Paused => {
            connection.park_reader(context.waker().clone());
            Poll::Pending
        }
        read => Poll::Ready(read),
    };
    poll_fn(read).await
}

/// Goes on sending to a socket that took no more, until everything that is released has left.
async fn send_rest(owner: &Owner, connection: &Connection) {
    let rest = |context: &mut Context<'_>| loop {
        if connection.poll_writable(context).is_pending() {
            return Poll::Pending;
        }
        if owner.send_more(connection) != Written::Blocked {
            return Poll::Ready(());
        }
    };
    poll_fn(rest).await;
}

/// Lets every other task that is ready go first.
async fn to_the_back() {
    let mut gone = false;
    let wait = |context: &mut Context<'_>| {
        if core::mem::replace(&mut gone, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    };
    poll_fn(wait).await;
}

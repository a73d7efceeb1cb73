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
use super::owner::{Owner, OwnerParts};
use crate::settings::Io;
use ::tokio::sync::Notify;
use scrip_wal::LogClosed;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::task::Poll;

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

/// The driver to take, and why. `auto` takes what measured best (docs/adr/0010), which works wherever Linux does.
///
/// # Errors
/// Why the driver that was asked for does not work here.
pub fn choose(asked: Io) -> Result<(Choice, String), String> {
    let asked_for = |choice| Ok((choice, "asked for".to_owned()));
    match asked {
        Io::Auto => Ok((Choice::Ready, "auto: it measured best, and works everywhere".to_owned())),
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

/// Goes on sending to a socket that took no more, until everything that is released has left.
async fn send_rest(owner: &Owner, connection: &Connection) {
    let rest = |context: &mut std::task::Context<'_>| loop {
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
    let wait = |context: &mut std::task::Context<'_>| {
        if core::mem::replace(&mut gone, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    };
    poll_fn(wait).await;
}

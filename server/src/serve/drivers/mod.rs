//! Socket drivers: each moves the bytes of one owner thread's connections, and nothing else.
//!
//! What a connection's bytes mean, when it is read and what leaves is the core's (`owner.rs`), so that all drivers serve
//! alike. Invariant: a driver calls the core from the owner thread alone, and gives it a turn after each read that took
//! something in, after each ring of its bell, and every [`super::owner::IDLE_TURN`].

mod tokio;

use super::house::Bell;
use super::owner::OwnerParts;
use ::tokio::sync::Notify;
use scrip_wal::LogClosed;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

/// A driver that is about to run: what its bell rings at.
pub enum Ear {
    /// tokio.
    Tokio(Arc<Notify>),
}

impl Ear {
    /// An ear of the chosen driver, and the bell that it hears.
    pub fn new() -> (Ear, Bell) {
        let notify = Arc::new(Notify::new());
        let heard = notify.clone();
        (Ear::Tokio(heard), Bell::new(move || notify.notify_one()))
    }

    /// Serves `door` on this thread until the house stops, drains, and closes the log.
    ///
    /// # Errors
    /// If the driver can't be started.
    pub fn run(self, parts: OwnerParts, door: TcpListener) -> io::Result<LogClosed> {
        match self {
            Ear::Tokio(notify) => tokio::run(parts, door, notify),
        }
    }
}

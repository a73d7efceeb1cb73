//! The server's time, as told by WELCOME and carried on by the local monotonic clock. The local wall clock is never asked:
//! operation ids stamped from one that is wrong would be refused.

use std::sync::Mutex;
use tokio::time::Instant;

/// A clock that follows the server's.
#[derive(Debug)]
pub(crate) struct ServerClock(Mutex<(u64, Instant)>);

impl ServerClock {
    pub(crate) fn new(server_ms: u64) -> ServerClock {
        ServerClock(Mutex::new((server_ms, Instant::now())))
    }

    /// The server's time now, in milliseconds since the Unix epoch. Never ahead of it: the way from the server counts as
    /// no time.
    pub(crate) fn now_ms(&self) -> u64 {
        let (server_ms, at) = *self.0.lock().expect("nothing panics while it is held");
        server_ms + u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX - server_ms)
    }

    /// The server says its time again, maybe another server.
    pub(crate) fn set(&self, server_ms: u64) {
        *self.0.lock().expect("nothing panics while it is held") = (server_ms, Instant::now());
    }
}

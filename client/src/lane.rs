//! A lane: one place in the client where a connection is kept. It takes jobs, opens connections, and opens them again.
//!
//! Invariant: every job that enters leaves with a reply, whatever becomes of the connection; what waits for one is bounded
//! by the lane's queue.

use crate::clock::ServerClock;
use crate::connection::{self, Connection, Ending, Job, closed};
use crate::error::Cause;
use crate::operation::Random;
use crate::options::{Backoff, ClientOptions};
use crate::transport::Connector;
use scrip_protocol::handshake::Welcome;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

/// What all lanes of a client share.
pub(crate) struct Common {
    pub(crate) options: ClientOptions,
    pub(crate) connector: Box<dyn Connector>,
    pub(crate) clock: ServerClock,
    pub(crate) random: Random,
    pub(crate) welcome: Mutex<Welcome>,
    /// Why the last attempt to connect failed, until one succeeds.
    pub(crate) trouble: Mutex<Option<Cause>>,
}

impl Common {
    fn set_trouble(&self, cause: Option<Cause>) {
        *self.trouble.lock().expect("nothing panics while it is held") = cause;
    }

    /// Opens a connection and follows its server's clock.
    async fn open(&self) -> Result<Connection, Cause> {
        let (connection, welcome) = connection::open(self.connector.as_ref(), &self.options).await?;
        self.clock.set(welcome.server_ms);
        *self.welcome.lock().expect("nothing panics while it is held") = welcome;
        Ok(connection)
    }
}

/// The task behind one connection.
pub(crate) struct Lane {
    pub(crate) common: Arc<Common>,
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) closing: watch::Receiver<bool>,
    pub(crate) up: Arc<AtomicBool>,
}

impl Lane {
    /// Runs until the client is closed or dropped. `first` is a connection that is open already.
    pub(crate) async fn run(mut self, mut first: Option<Connection>) {
        let retry = self.common.options.retry;
        let mut backoff = Backoff::new(retry);
        loop {
            let mut connection = match first.take() {
                Some(connection) => connection,
                None => match self.reopen(&mut backoff).await {
                    Some(connection) => connection,
                    None => break,
                },
            };
            self.up.store(true, Ordering::Relaxed);
            let opened = Instant::now();
            let window = self.common.options.batch_window;
            let ending = connection.serve(&mut self.jobs, &mut self.closing, window).await;
            self.up.store(false, Ordering::Relaxed);
            let wait = if opened.elapsed() >= retry.backoff_max {
                backoff.reset();
                Duration::ZERO
            } else {
                backoff.next(&self.common.random)
            };
            match ending {
                Ending::Lost(cause) => connection.end(cause).await,
                Ending::Goaway(goaway) => {
                    let drain = Duration::from_millis(u64::from(goaway.drain_ms));
                    tokio::spawn(connection.drain(drain.min(self.common.options.drain_timeout)));
                }
                Ending::Closing => {
                    self.fail_queued(&Cause::Closed);
                    connection.drain(self.common.options.drain_timeout).await;
                    break;
                }
            }
            if !self.pause(wait).await {
                break;
            }
        }
        self.jobs.close();
        self.fail_queued(&Cause::Closed);
    }

    /// Connects, however often it takes. `None`: the client was closed.
    async fn reopen(&mut self, backoff: &mut Backoff) -> Option<Connection> {
        loop {
            let common = self.common.clone();
            let opened = tokio::select! {
                () = closed(&mut self.closing) => return None,
                opened = common.open() => opened,
            };
            let cause = match opened {
                Ok(connection) => {
                    self.common.set_trouble(None);
                    return Some(connection);
                }
                Err(cause) => cause,
            };
            if !cause.reconnect() {
                self.fail_queued(&cause);
            }
            self.common.set_trouble(Some(cause));
            let wait = backoff.next(&self.common.random);
            if !self.pause(wait).await {
                return None;
            }
        }
    }

    /// Waits; answers whether the client is still wanted.
    async fn pause(&mut self, wait: Duration) -> bool {
        tokio::select! {
            biased;
            () = closed(&mut self.closing) => false,
            () = sleep(wait) => true,
        }
    }

    fn fail_queued(&mut self, cause: &Cause) {
        while let Ok(job) = self.jobs.try_recv() {
            job.fail(cause);
        }
    }
}

/// Opens the first connection of a client.
pub(crate) async fn first(
    connector: Box<dyn Connector>,
    options: ClientOptions,
) -> Result<(Arc<Common>, Connection), Cause> {
    let (connection, welcome) = connection::open(connector.as_ref(), &options).await?;
    let common = Common {
        options,
        connector,
        clock: ServerClock::new(welcome.server_ms),
        random: Random::default(),
        welcome: Mutex::new(welcome),
        trouble: Mutex::new(None),
    };
    Ok((Arc::new(common), connection))
}

//! What the owner threads of one server share: its maxima, its tokens, how it stops.
//!
//! Nothing here lies on the path of a command. Invariant: connections are counted over all threads, so that the maximum
//! is the server's; a thread leaves only when no other may still need its shard.

use super::metrics::OwnerMetrics;
use crate::keyring::Keyring;
use crate::tokens::TokenStore;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Wakes an owner thread from another thread.
#[derive(Clone)]
pub struct Bell(Arc<dyn Fn() + Send + Sync>);

impl Bell {
    /// A bell that calls `ring`, which must not block.
    pub fn new(ring: impl Fn() + Send + Sync + 'static) -> Bell {
        Bell(Arc::new(ring))
    }

    /// Wakes the thread, or lets it not go to sleep.
    pub fn ring(&self) {
        (self.0)();
    }
}

/// What owner threads share.
pub struct House {
    /// Who may connect.
    pub tokens: Arc<TokenStore>,
    /// The keys of card keys.
    pub keyring: Arc<Keyring>,
    /// Epoch of the slot map.
    pub slot_map_epoch: u32,
    /// Connections served at once, over all threads.
    pub connections_max: u32,
    /// Codes of cards that open nothing, in a minute and for one token; 0: no maximum.
    pub code_failures_max: u32,
    /// Silence after which a connection is closed.
    pub idle_timeout: Duration,
    /// How long a shutdown waits for answers.
    pub drain: Duration,
    /// What each thread counts, by shard.
    pub metrics: Vec<Arc<OwnerMetrics>>,
    /// Each thread's bell, by shard.
    pub bells: Vec<Bell>,
    /// Set when a shutdown has begun.
    pub stopping: Arc<AtomicBool>,
    open: AtomicU32,
    quiet: AtomicU32,
}

impl House {
    /// A house in which nobody is connected.
    pub fn new(
        tokens: Arc<TokenStore>,
        keyring: Arc<Keyring>,
        slot_map_epoch: u32,
        settings: &crate::settings::Settings,
        bells: Vec<Bell>,
    ) -> House {
        House {
            tokens,
            keyring,
            slot_map_epoch,
            connections_max: settings.connections_max,
            code_failures_max: settings.code_failures_max,
            idle_timeout: Duration::from_secs(settings.idle_timeout_s),
            drain: Duration::from_millis(settings.drain_ms),
            metrics: bells.iter().map(|_| Arc::default()).collect(),
            bells,
            stopping: Arc::default(),
            open: AtomicU32::new(0),
            quiet: AtomicU32::new(0),
        }
    }

    /// Shards of this server.
    pub fn shards(&self) -> u32 {
        self.bells.len() as u32
    }

    /// Takes the place of one connection, if there is one left.
    pub fn enter(&self) -> bool {
        let entered = self.open.fetch_add(1, Ordering::Relaxed) < self.connections_max;
        if !entered {
            self.leave();
        }
        entered
    }

    /// Gives the place back.
    pub fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Begins the shutdown.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.bells.iter().for_each(Bell::ring);
    }

    /// Whether the shutdown has begun.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// One thread has no connections any more, and asks nothing of the others. Call once per thread.
    pub fn fall_quiet(&self) {
        self.quiet.fetch_add(1, Ordering::AcqRel);
        self.bells.iter().for_each(Bell::ring);
    }

    /// Whether nobody asks anything of anybody.
    pub fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Acquire) == self.shards()
    }

    /// Operation ids made before this are gone in one of the shards, as of the last second.
    pub fn floor_ms(&self) -> u64 {
        self.metrics.iter().map(|metrics| metrics.floor_ms.load(Ordering::Relaxed)).max().unwrap_or(0)
    }
}

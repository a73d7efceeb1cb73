//! The owner thread of a shard: a tokio `current_thread` runtime that moves sockets' bytes to the shard and back.
//!
//! Readers run first, then one flush: the frame that is handed to the log carries what every connection brought in this
//! turn. Invariants: the shard is touched by this thread alone; no borrow lives across an `await`; a byte of an answer
//! leaves only after the gate let it.

use super::connection::{BACKLOG_MAX, Connection, Written};
use super::metrics::{BatchCounts, OwnerMetrics};
use super::vault::Vault;
use super::{clocks::Clocks, session};
use crate::keyring::Keyring;
use crate::tokens::TokenStore;
use hdrhistogram::Histogram;
use scrip_protocol::error::ErrorCode;
use scrip_protocol::limits::{HELLO_TIMEOUT_MS, OUTSTANDING_DEFAULT};
use scrip_shard::{Durable, Gate, Shard, ShardClock, Space};
use scrip_wal::{LogClosed, LogHandle};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpListener;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::Notify;

/// Bytes that one read takes at most: large enough for hundreds of commands, small enough to be fair.
const READ_BYTES: usize = 256 * 1024;
/// How often time moves and the log is looked after when nobody asks for anything.
const IDLE_TURN: Duration = Duration::from_millis(20);
/// How long a full log may stand still before commands are answered BUSY instead of waiting in their sockets.
const BUSY_AFTER: Duration = Duration::from_millis(200);

/// What an owner thread is made of.
pub struct OwnerParts {
    /// The shard.
    pub shard: Shard<LogHandle>,
    /// Shard time.
    pub clock: ShardClock,
    /// The machine's clocks.
    pub clocks: Clocks,
    /// Rung by the log thread when something became durable.
    pub durable: Arc<Notify>,
    /// Who may connect.
    pub tokens: Arc<TokenStore>,
    /// The keys of card keys.
    pub keyring: Arc<Keyring>,
    /// What it counts.
    pub metrics: Arc<OwnerMetrics>,
    /// Epoch of the slot map.
    pub slot_map_epoch: u32,
    /// Connections served at once.
    pub connections_max: u32,
    /// Silence after which a connection is closed.
    pub idle_timeout: Duration,
    /// How long a shutdown waits for answers.
    pub drain: Duration,
}

/// The owner thread's own.
pub struct Owner {
    pub(super) inner: RefCell<Inner>,
    pub(super) tokens: Arc<TokenStore>,
    pub(super) metrics: Arc<OwnerMetrics>,
    pub(super) slot_map_epoch: u32,
    parts: Limits,
    /// Rung when a reader has left something to flush.
    flush: Notify,
    flush_rung: Cell<bool>,
    connections: RefCell<Vec<Weak<Connection>>>,
    open: Cell<u32>,
    /// Readers that wait for the log to make room.
    waiting_for_room: RefCell<Vec<Waker>>,
    saturated_since: Cell<Option<Instant>>,
}

struct Limits {
    connections_max: u32,
    idle_timeout: Duration,
    drain: Duration,
}

/// What the data path borrows, always for the length of one synchronous call.
pub(super) struct Inner {
    pub(super) shard: Shard<LogHandle>,
    pub(super) gate: Gate<Ticket>,
    pub(super) counts: BatchCounts,
    pub(super) vault: Vault,
    clock: ShardClock,
    clocks: Clocks,
    scratch: Vec<u8>,
    released: Vec<Rc<Connection>>,
    waits: Histogram<u64>,
    published_s: u64,
}

/// Bytes of a connection that wait at the gate.
pub(super) struct Ticket {
    pub(super) connection: Rc<Connection>,
    /// Offset in its stream behind them.
    pub(super) end: u64,
    pub(super) commands: u32,
    pub(super) arrived: Instant,
}

impl Inner {
    /// Moves shard time to now. Answers the machine's monotonic time.
    pub(super) fn turn_clock(&mut self) -> Instant {
        let (wall_ms, monotonic_ms, instant) = self.clocks.read();
        let now_ms = self.clock.read(wall_ms, monotonic_ms);
        // The holds of one millisecond are posted whole before a command runs; there are never many rounds of them.
        for _ in 0..64 {
            self.shard.advance(now_ms);
            if self.shard.settled() {
                break;
            }
        }
        instant
    }
}

impl Owner {
    fn new(parts: OwnerParts) -> Rc<Owner> {
        let inner = Inner {
            shard: parts.shard,
            gate: Gate::default(),
            counts: BatchCounts::default(),
            vault: Vault::new(parts.keyring),
            clock: parts.clock,
            clocks: parts.clocks,
            scratch: vec![0; 2 * READ_BYTES],
            released: Vec::new(),
            waits: Histogram::new_with_bounds(1, 60_000_000, 3).expect("fixed bounds"),
            published_s: 0,
        };
        Rc::new(Owner {
            inner: RefCell::new(inner),
            tokens: parts.tokens,
            metrics: parts.metrics,
            slot_map_epoch: parts.slot_map_epoch,
            parts: Limits {
                connections_max: parts.connections_max,
                idle_timeout: parts.idle_timeout,
                drain: parts.drain,
            },
            flush: Notify::new(),
            flush_rung: Cell::new(false),
            connections: RefCell::default(),
            open: Cell::new(0),
            waiting_for_room: RefCell::default(),
            saturated_since: Cell::new(None),
        })
    }

    fn now_s(&self) -> u64 {
        self.inner.borrow().clocks.life_s()
    }

    /// Reads what a connection has, as far as it can be taken in now, and handles it. Ready(false): the connection is
    /// over.
    fn poll_read(
        self: &Rc<Owner>,
        context: &mut Context<'_>,
        reader: &mut OwnedReadHalf,
        connection: &Rc<Connection>,
        partial: &mut Vec<u8>,
    ) -> Poll<bool> {
        if connection.is_closing() {
            return Poll::Ready(false);
        }
        let mut inner = self.inner.borrow_mut();
        if self.must_wait(&mut inner, connection) {
            self.waiting_for_room.borrow_mut().push(context.waker().clone());
            return Poll::Pending;
        }
        let mut scratch = core::mem::take(&mut inner.scratch);
        let kept = partial.len();
        if scratch.len() < kept + READ_BYTES {
            scratch.resize(kept + READ_BYTES, 0);
        }
        scratch[..kept].copy_from_slice(partial);
        let mut buffer = ReadBuf::new(&mut scratch[kept..kept + READ_BYTES]);
        let polled = Pin::new(reader).poll_read(context, &mut buffer);
        let count = buffer.filled().len();
        let result = match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) if count > 0 => {
                connection.heard(inner.clocks.life_s());
                self.metrics.bytes_in.fetch_add(count as u64, Ordering::Relaxed);
                let input = &scratch[..kept + count];
                let consumed = session::take_in(self, &mut inner, connection, input);
                partial.clear();
                partial.extend_from_slice(&input[consumed..]);
                Poll::Ready(!connection.is_closing())
            }
            Poll::Ready(_) => Poll::Ready(false),
        };
        inner.scratch = scratch;
        drop(inner);
        if result.is_ready() {
            self.ring_flush();
        }
        result
    }

    /// Whether this connection must not be read now: it owes too much reading itself, or the log is behind (but not for
    /// so long that waiting would look like a hang: then commands are taken in and answered BUSY).
    fn must_wait(&self, inner: &mut Inner, connection: &Connection) -> bool {
        if connection.backlog() > BACKLOG_MAX || connection.outstanding() > OUTSTANDING_DEFAULT {
            return true;
        }
        if !inner.shard.saturated() {
            self.saturated_since.set(None);
            return false;
        }
        let since = self.saturated_since.get().unwrap_or_else(Instant::now);
        self.saturated_since.set(Some(since));
        since.elapsed() < BUSY_AFTER
    }

    fn ring_flush(&self) {
        if !self.flush_rung.replace(true) {
            self.flush.notify_one();
        }
    }

    /// Hands over what is ready, and lets answers go whose events are durable.
    fn flush_and_release(self: &Rc<Owner>) {
        self.flush_rung.set(false);
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        inner.shard.flush();
        inner.counts.publish(&self.metrics);
        let durable_sequence = inner.shard.durable_sequence();
        while let Some(ticket) = inner.gate.pass(durable_sequence) {
            let connection = ticket.connection;
            connection.release(ticket.end);
            connection.answered(ticket.commands);
            if ticket.commands > 0 {
                inner.waits.saturating_record(ticket.arrived.elapsed().as_micros() as u64);
            }
            if !connection.listed.replace(true) {
                inner.released.push(connection);
            }
        }
        let now_s = inner.clocks.life_s();
        let mut sent = 0;
        for connection in inner.released.drain(..) {
            connection.listed.set(false);
            if !connection.draining.get() {
                sent += self.send(&connection, now_s);
            }
        }
        if sent > 0 {
            self.metrics.bytes_out.fetch_add(sent as u64, Ordering::Relaxed);
        }
        for waker in self.waiting_for_room.borrow_mut().drain(..) {
            waker.wake();
        }
    }

    /// Writes what is released; what the socket does not take now is left to a task of its own.
    fn send(self: &Rc<Owner>, connection: &Rc<Connection>, now_s: u64) -> usize {
        let (bytes, written) = connection.write_out(now_s);
        if written == Written::Blocked {
            connection.draining.set(true);
            let (owner, connection) = (self.clone(), connection.clone());
            tokio::task::spawn_local(async move {
                while connection.writable().await.is_ok() {
                    let (bytes, written) = connection.write_out(owner.now_s());
                    owner.metrics.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
                    if written != Written::Blocked {
                        break;
                    }
                }
                connection.draining.set(false);
                owner.ring_flush();
            });
        }
        bytes
    }

    /// What is done now and then: time moves, the log's frame goes out, silent connections are closed.
    fn idle_turn(self: &Rc<Owner>) {
        {
            let mut inner = self.inner.borrow_mut();
            inner.turn_clock();
            let now_s = inner.clocks.life_s();
            if now_s != inner.published_s {
                inner.published_s = now_s;
                self.publish(&mut inner);
                drop(inner);
                self.sweep(now_s);
            }
        }
        self.flush_and_release();
    }

    fn publish(&self, inner: &mut Inner) {
        let (metrics, engine) = (&self.metrics, inner.shard.engine());
        let set = |cell: &std::sync::atomic::AtomicU64, value: u64| cell.store(value, Ordering::Relaxed);
        set(&metrics.sequence, engine.sequence());
        set(&metrics.durable_sequence, inner.shard.durable_sequence());
        set(&metrics.floor_ms, engine.floor_ms());
        set(&metrics.clock_alarm, u64::from(inner.clock.alarm()));
        set(&metrics.space_low, u64::from(inner.shard.log().space() != Space::Ample));
        for (index, (_, used, maximum)) in engine.usage().into_iter().enumerate() {
            set(&metrics.table_used[index], u64::from(used));
            set(&metrics.table_max[index], u64::from(maximum));
        }
        let log = inner.shard.log().statistics();
        for (cell, value) in metrics.log.iter().zip([log.frames, log.bytes, log.syncs, log.sync_ns_total]) {
            set(cell, value);
        }
        for (cell, quantile) in metrics.wait_us.iter().zip([0.5, 0.99, 0.999, 1.0]) {
            set(cell, inner.waits.value_at_quantile(quantile));
        }
        inner.waits.reset();
    }

    /// Ends connections that said nothing in time, and cuts those that do not take their answers.
    fn sweep(&self, now_s: u64) {
        let idle_s = self.parts.idle_timeout.as_secs();
        let mut inner = self.inner.borrow_mut();
        self.connections.borrow_mut().retain(|weak| {
            let Some(connection) = weak.upgrade() else { return false };
            let known = connection.principal().is_some();
            let (allowed_s, code) = if known {
                (idle_s, ErrorCode::Idle)
            } else {
                (HELLO_TIMEOUT_MS / 1000, ErrorCode::HelloTimeout)
            };
            if connection.stuck_s(now_s) > idle_s
                || connection.is_closing() && connection.silent_s(now_s) > idle_s
            {
                connection.cut();
            } else if connection.silent_s(now_s) > allowed_s
                && connection.outstanding() == 0
                && !connection.is_closing()
            {
                session::dismiss(&mut inner, &connection, code);
            }
            true
        });
    }
}

/// Runs the owner thread until `stop` is rung: serves `listener`, then drains. The runtime must be dropped before
/// [`Owner::close`].
pub async fn run(parts: OwnerParts, listener: TcpListener, stop: Arc<Notify>) -> Rc<Owner> {
    let durable = parts.durable.clone();
    let owner = Owner::new(parts);
    let accepting = tokio::task::spawn_local(accept(owner.clone(), listener));
    let flusher = owner.clone();
    tokio::task::spawn_local(async move {
        loop {
            flusher.flush.notified().await;
            flusher.flush_and_release();
        }
    });
    let gate = owner.clone();
    tokio::task::spawn_local(async move {
        loop {
            durable.notified().await;
            gate.flush_and_release();
        }
    });
    let idle = owner.clone();
    tokio::task::spawn_local(async move {
        loop {
            tokio::time::sleep(IDLE_TURN).await;
            idle.idle_turn();
        }
    });
    stop.notified().await;
    accepting.abort();
    drain(&owner).await;
    owner
}

async fn accept(owner: Rc<Owner>, listener: TcpListener) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: connections that end make room.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(IDLE_TURN).await;
                continue;
            }
        };
        if owner.open.get() >= owner.parts.connections_max {
            owner.metrics.connections_refused.fetch_add(1, Ordering::Relaxed);
            // One try that does not wait: who can't be served must not cost anything either.
            let _ = stream.try_write(&session::too_many_connections());
            continue;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "connection lost at once");
            continue;
        }
        let (reader, writer) = stream.into_split();
        let connection = Connection::new(writer, owner.now_s());
        owner.connections.borrow_mut().push(Rc::downgrade(&connection));
        owner.open.set(owner.open.get() + 1);
        owner.metrics.connections.store(u64::from(owner.open.get()), Ordering::Relaxed);
        tracing::debug!(%peer, "connected");
        tokio::task::spawn_local(serve(owner.clone(), connection, reader));
    }
}

/// The reader task of one connection.
async fn serve(owner: Rc<Owner>, connection: Rc<Connection>, mut reader: OwnedReadHalf) {
    let mut partial = Vec::new();
    loop {
        let more =
            std::future::poll_fn(|context| owner.poll_read(context, &mut reader, &connection, &mut partial));
        if !more.await {
            break;
        }
        // One read each: whoever sends much does not keep others, or the flush, waiting.
        tokio::task::yield_now().await;
    }
    if !connection.is_closing() {
        // The peer has finished sending; what it asked for is still answered.
        connection.close_after_output();
    }
    owner.ring_flush();
    owner.open.set(owner.open.get() - 1);
    owner.metrics.connections.store(u64::from(owner.open.get()), Ordering::Relaxed);
}

/// Tells every connection to go, and answers what was taken in.
async fn drain(owner: &Rc<Owner>) {
    let started = Instant::now();
    session::say_goodbye(owner, owner.parts.drain);
    loop {
        owner.idle_turn();
        let settled = {
            let inner = owner.inner.borrow();
            inner.gate.waiting() == 0 && !inner.shard.has_open_events() && inner.shard.log().idle()
        };
        let connections = owner.connections.borrow().iter().filter(|weak| weak.strong_count() > 0).count();
        if settled && connections == 0 || started.elapsed() >= owner.parts.drain {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Owner {
    /// The connections there are.
    pub(super) fn each_connection(&self) -> Vec<Rc<Connection>> {
        self.connections.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// Writes what is left and closes the log with a seal. Panics while tasks still hold the owner.
    pub fn close(self: Rc<Owner>) -> LogClosed {
        let owner = Rc::into_inner(self).expect("the runtime and its tasks are gone");
        owner.inner.into_inner().shard.into_log().close()
    }
}

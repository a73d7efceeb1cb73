//! The core of an owner thread: one shard, its gate, the connections of this thread; no runtime and no socket call.
//!
//! It stands between the shard and the drivers: a driver says that bytes may be read, gives the core turns and does what
//! [`Driver`] asks, and so all drivers serve alike. Readers run first, then one turn: the frame that is handed to the log
//! carries what every connection brought meanwhile. Invariants: the shard is touched by this thread alone; no borrow
//! outlives a call; a byte of an answer leaves only after the gate let it.

use super::EXIT_LOG_FAULT;
use super::codes::CodeBook;
use super::connection::{Connection, Socket, Written};
use super::house::House;
use super::links::{Batch, Ends, Links};
use super::metrics::{BatchCounts, OwnerMetrics};
use super::rewards::Carrier;
use super::vault::Vault;
use super::{clocks::Clocks, exchange, rewards, session};
use crate::person_keys::PersonKeys;
use hdrhistogram::Histogram;
use scrip_engine::sharing::Reward;
use scrip_protocol::error::ErrorCode;
use scrip_protocol::limits::HELLO_TIMEOUT_MS;
use scrip_shard::{Durable, Gate, Shard, ShardClock, Space};
use scrip_wal::{LogClosed, LogHandle};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Bytes that one read takes at most: large enough for hundreds of commands, small enough to be fair.
const READ_BYTES: usize = 256 * 1024;
/// How often time moves and the log is looked after when nobody asks for anything.
pub const IDLE_TURN: Duration = Duration::from_millis(20);
/// How long a full log may stand still before commands are answered BUSY instead of waiting in their sockets.
const BUSY_AFTER: Duration = Duration::from_millis(200);

/// What an owner thread is made of.
pub struct OwnerParts {
    /// The shard's number.
    pub number: u32,
    /// The shard.
    pub shard: Shard<LogHandle>,
    /// Shard time.
    pub clock: ShardClock,
    /// The machine's clocks.
    pub clocks: Clocks,
    /// The queues to the other shards.
    pub links: Ends,
    /// What it shares with the other threads.
    pub house: Arc<House>,
    /// The keys of its users' labels.
    pub persons: PersonKeys,
}

/// What the core asks of the driver that moves its bytes.
pub trait Driver {
    /// The socket takes no more: [`Owner::send_more`] is to be called when it does.
    fn when_writable(&self, connection: &Rc<Connection>);
    /// The connection may be read again.
    fn resume(&self, connection: &Rc<Connection>);
}

/// How a read went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Bytes came and were taken in; a turn is due.
    Some,
    /// There is nothing now.
    Nothing,
    /// The connection must not be read until [`Driver::resume`].
    Paused,
    /// The connection is over.
    Over,
}

/// The owner thread's own.
pub struct Owner {
    pub(super) inner: RefCell<Inner>,
    pub(super) house: Arc<House>,
    pub(super) metrics: Arc<OwnerMetrics>,
    connections: RefCell<Vec<Weak<Connection>>>,
    open: Cell<u32>,
    saturated_since: Cell<Option<Instant>>,
    is_quiet: Cell<bool>,
}

/// What the data path borrows, always for the length of one synchronous call.
pub(super) struct Inner {
    pub(super) shard: Shard<LogHandle>,
    pub(super) gate: Gate<Ticket>,
    pub(super) counts: BatchCounts,
    pub(super) vault: Vault,
    pub(super) codes: CodeBook,
    /// Codes that open nothing, in a minute and for one token; 0: no maximum.
    pub(super) code_failures_max: u32,
    pub(super) links: Links,
    pub(super) carrier: Carrier,
    /// Connections with released bytes.
    pub(super) released: Vec<Rc<Connection>>,
    /// Microseconds from arrival to release.
    pub(super) waits: Histogram<u64>,
    clock: ShardClock,
    clocks: Clocks,
    scratch: Vec<u8>,
    /// Connections that are not read: until the next turn, or until they have taken their answers.
    paused: Vec<Rc<Connection>>,
    published_s: u64,
}

/// What waits at the gate.
pub(super) enum Ticket {
    /// Bytes of a connection of this thread.
    Bytes {
        connection: Rc<Connection>,
        /// The place behind them in its stream.
        end: u64,
        commands: u32,
        arrived: Instant,
    },
    /// Answers for connections of another thread.
    Batch { other: usize, batch: Box<Batch> },
    /// Rewards for other shards.
    Rewards(Vec<Reward>),
    /// Keys of labels to destroy, before the answers that say so leave.
    VoidKeys(Vec<u32>),
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

/// Destroys keys of labels. The log says already that they are gone: whoever can't do it stops rather than say so, too.
fn destroy(vault: &mut Vault, labels: &[u32]) {
    if let Err(error) = vault.destroy(labels) {
        eprintln!(
            "scrip: labels are void, but their keys can't be destroyed: {error}. Stopping without another answer; start again to do it"
        );
        std::process::exit(EXIT_LOG_FAULT);
    }
}

impl Owner {
    /// An owner whom nobody has connected to.
    pub fn new(parts: OwnerParts) -> Rc<Owner> {
        let inner = Inner {
            shard: parts.shard,
            gate: Gate::default(),
            counts: BatchCounts::default(),
            vault: Vault::new(parts.house.keyring.clone(), parts.persons),
            codes: CodeBook::new(parts.house.keyring.clone()),
            code_failures_max: parts.house.code_failures_max,
            links: Links::new(parts.links),
            carrier: Carrier::new(),
            released: Vec::new(),
            waits: Histogram::new_with_bounds(1, 60_000_000, 3).expect("fixed bounds"),
            clock: parts.clock,
            clocks: parts.clocks,
            scratch: vec![0; 2 * READ_BYTES],
            paused: Vec::new(),
            published_s: 0,
        };
        let metrics = parts.house.metrics[parts.number as usize].clone();
        Rc::new(Owner {
            inner: RefCell::new(inner),
            house: parts.house,
            metrics,
            connections: RefCell::default(),
            open: Cell::new(0),
            saturated_since: Cell::new(None),
            is_quiet: Cell::new(false),
        })
    }

    fn now_s(&self) -> u64 {
        self.inner.borrow().clocks.life_s()
    }

    /// Takes an accepted socket in, and calls it `number`. None: there is no place left, and it was told so.
    pub fn admit(&self, socket: Box<dyn Socket>, number: u64) -> Option<Rc<Connection>> {
        if !self.house.enter() {
            self.metrics.connections_refused.fetch_add(1, Ordering::Relaxed);
            // One try that does not wait: who can't be served must not cost anything either.
            let _ = socket.try_write(&session::too_many_connections());
            return None;
        }
        let connection = Connection::new(socket, number, self.now_s());
        self.connections.borrow_mut().push(Rc::downgrade(&connection));
        self.count_open(1);
        Some(connection)
    }

    fn count_open(&self, change: i32) {
        self.open.set(self.open.get().strict_add_signed(change));
        self.metrics.connections.store(u64::from(self.open.get()), Ordering::Relaxed);
    }

    /// The connection will not be read any more: its peer has finished sending, or it is gone. What it asked for is still
    /// answered. A turn is due.
    pub fn leave(&self, connection: &Connection) {
        if !connection.is_closing() {
            connection.close_after_output();
        }
        self.house.leave();
        self.count_open(-1);
    }

    /// Reads what a connection has, as far as it can be taken in now, and handles it. `fill` makes one read that does not
    /// wait.
    #[inline]
    pub fn read(
        &self,
        connection: &Rc<Connection>,
        fill: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Read {
        if connection.is_closing() {
            return Read::Over;
        }
        let inner = &mut *self.inner.borrow_mut();
        if self.must_wait(inner, connection) {
            inner.paused.push(connection.clone());
            return Read::Paused;
        }
        let mut scratch = core::mem::take(&mut inner.scratch);
        let mut partial = connection.partial().borrow_mut();
        let kept = partial.len();
        if scratch.len() < kept + READ_BYTES {
            scratch.resize(kept + READ_BYTES, 0);
        }
        // What was left when its answers were too many goes first, before anything more is read.
        let more = if connection.left_frames.take() {
            Poll::Ready(Ok(0))
        } else {
            match fill(&mut scratch[kept..kept + READ_BYTES]) {
                Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                more => more,
            }
        };
        let read = match more {
            Poll::Pending => Read::Nothing,
            Poll::Ready(Ok(count)) => {
                scratch[..kept].copy_from_slice(&partial);
                connection.heard(inner.clocks.life_s());
                self.metrics.bytes_in.fetch_add(count as u64, Ordering::Relaxed);
                let input = &scratch[..kept + count];
                let consumed = session::take_in(self, inner, connection, input);
                partial.clear();
                partial.extend_from_slice(&input[consumed..]);
                if connection.is_closing() { Read::Over } else { Read::Some }
            }
            Poll::Ready(Err(_)) => Read::Over,
        };
        inner.scratch = scratch;
        read
    }

    /// Whether this connection must not be read now: it owes too much reading itself, or the log is behind.
    fn must_wait(&self, inner: &mut Inner, connection: &Connection) -> bool {
        connection.owes_reading() || self.must_wait_for_log(inner)
    }

    /// Whether the log is behind (but not for so long that waiting would look like a hang: then commands are taken in and
    /// answered BUSY).
    fn must_wait_for_log(&self, inner: &mut Inner) -> bool {
        if !inner.shard.saturated() {
            self.saturated_since.set(None);
            return false;
        }
        let since = self.saturated_since.get().unwrap_or_else(Instant::now);
        self.saturated_since.set(Some(since));
        since.elapsed() < BUSY_AFTER
    }

    /// Hands over what is ready, and lets answers go whose events are durable. Answers whether the next turn is due at
    /// once.
    pub fn turn(&self, driver: &dyn Driver) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        exchange::take_back(inner);
        let more = exchange::serve_others(inner, |inner| !self.must_wait_for_log(inner));
        rewards::take_up(inner);
        // Behind the commands of this turn: nobody waits for notices, and who stops need not tell of all.
        let told = !self.house.is_stopping() && inner.shard.notify();
        inner.links.send();
        inner.shard.flush();
        inner.counts.publish(&self.metrics);
        self.open_gate(inner);
        inner.links.ring();
        let now_s = inner.clocks.life_s();
        let mut sent = 0;
        for connection in inner.released.drain(..) {
            connection.listed.set(false);
            if !connection.draining.get() {
                let (bytes, written) = connection.write_out(now_s);
                sent += bytes;
                if written == Written::Blocked {
                    connection.draining.set(true);
                    driver.when_writable(&connection);
                }
            }
        }
        if sent > 0 {
            self.metrics.bytes_out.fetch_add(sent as u64, Ordering::Relaxed);
        }
        // Who is held back for what it owes itself is not asked again in each turn.
        inner.paused.retain(|connection| {
            let stays = connection.owes_reading() && !connection.is_closing();
            if !stays {
                driver.resume(connection);
            }
            stays
        });
        more || told
    }

    fn open_gate(&self, inner: &mut Inner) {
        let durable_sequence = inner.shard.durable_sequence();
        while let Some(ticket) = inner.gate.pass(durable_sequence) {
            match ticket {
                Ticket::Bytes { connection, end, commands, arrived } => {
                    connection.release(end);
                    connection.answered(commands);
                    if commands > 0 {
                        inner.waits.saturating_record(arrived.elapsed().as_micros() as u64);
                    }
                    if !connection.listed.replace(true) {
                        inner.released.push(connection);
                    }
                }
                Ticket::Batch { other, batch } => inner.links.send_back(other, batch),
                Ticket::VoidKeys(keys) => destroy(&mut inner.vault, &keys),
                Ticket::Rewards(due) => rewards::leave(inner, due, self.house.is_stopping()),
            }
        }
    }

    /// Goes on writing to a socket that took no more. Unless it is blocked again, a turn is due.
    pub fn send_more(&self, connection: &Connection) -> Written {
        let (bytes, written) = connection.write_out(self.now_s());
        self.metrics.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
        if written != Written::Blocked {
            connection.draining.set(false);
        }
        written
    }

    /// What is done now and then: time moves, the log's frame goes out, silent connections are closed.
    pub fn idle_turn(&self, driver: &dyn Driver) -> bool {
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
        self.turn(driver)
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
        let made = engine.usage()[0].1 as usize;
        metrics.roll.follow(made, engine.stocks().map(super::metrics::enrolled));
    }

    /// Ends connections that said nothing in time, and cuts those that do not take their answers.
    fn sweep(&self, now_s: u64) {
        let idle_s = self.house.idle_timeout.as_secs();
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

impl Owner {
    /// The connections there are.
    pub(super) fn each_connection(&self) -> Vec<Rc<Connection>> {
        self.connections.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// Asks every connection to go. No socket is admitted after it.
    pub fn say_goodbye(&self) {
        session::say_goodbye(self, self.house.drain);
    }

    /// Whether every answer has left here, and nobody asks anything of anybody any more. To be asked again after a turn.
    pub fn is_drained(&self) -> bool {
        let inner = self.inner.borrow();
        let connections = self.connections.borrow().iter().any(|weak| weak.strong_count() > 0);
        if !connections && inner.links.is_idle() && !self.is_quiet.replace(true) {
            self.house.fall_quiet();
        }
        let settled = inner.gate.waiting() == 0 && !inner.shard.has_open_events() && inner.shard.log().idle();
        settled && self.house.is_quiet()
    }

    /// Cuts the connections that are left.
    pub fn cut_all(&self) {
        self.each_connection().iter().for_each(|connection| connection.cut());
    }

    /// Writes what is left and closes the log with a seal. Panics while the driver still holds the owner.
    pub fn close(self: Rc<Owner>) -> LogClosed {
        let owner = Rc::into_inner(self).expect("the driver and its tasks are gone");
        owner.inner.into_inner().shard.into_log().close()
    }
}

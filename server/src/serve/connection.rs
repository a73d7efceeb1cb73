//! One connection: its socket, what of a frame has come so far, and the answers on their way out.
//!
//! It stands between the core and the drivers: a driver gives it a [`Socket`] and moves bytes, all else is the same for
//! each of them. Invariants: bytes leave in the order they were appended, and none beyond the released mark, which the
//! gate moves; answers of other shards, which are durable already, go in front of what still waits.

use scrip_engine::ids::OperationId;
use scrip_protocol::frame::FrameLimits;
use scrip_protocol::limits::OUTSTANDING_DEFAULT;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::tokens::Principal;

/// Bytes of answers waiting for one connection at which it is no longer read: a slow reader stalls itself alone.
pub const BACKLOG_MAX: usize = 4 << 20;

/// A socket, as far as the core knows it.
pub trait Socket {
    /// Gives bytes to the system without waiting.
    ///
    /// # Errors
    /// `WouldBlock`, if it takes none now; anything else ends the connection.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Ready when a write is worth a try; else the task is woken then. For drivers in which tasks wait for that.
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()>;
    /// Ends both directions, so that whoever waits for it learns of it.
    fn cut(&self);
}

/// A connection as its owner thread sees it.
pub struct Connection {
    socket: Box<dyn Socket>,
    /// The driver's own number of it.
    number: u64,
    out: RefCell<Out>,
    /// The bytes of a frame that has not come whole.
    partial: RefCell<Vec<u8>>,
    /// An ERROR that waits for the answers of other shards.
    last_words: RefCell<Vec<u8>>,
    /// Who reads it, while the core does not let it.
    reader: Cell<Option<Waker>>,
    /// Who it is, once HELLO was accepted.
    principal: RefCell<Option<Arc<Principal>>>,
    /// Whole frames are left in `partial`, until its answers have room again.
    pub left_frames: Cell<bool>,
    /// The export in clear text that was told of last.
    exported: Cell<OperationId>,
    /// Commands taken in and not yet answered.
    outstanding: Cell<u32>,
    /// Those of them that are with other shards.
    away: Cell<u32>,
    /// Seconds of the owner's life at accept.
    accepted_s: u64,
    /// Seconds of the owner's life at the last byte received.
    heard_s: Cell<u64>,
    /// Seconds of the owner's life at the last byte sent, or at the last moment nothing waited to be sent.
    sent_s: Cell<u64>,
    /// In the owner's list of connections with released bytes.
    pub listed: Cell<bool>,
    /// A task waits for the socket to take more.
    pub draining: Cell<bool>,
    closing: Cell<bool>,
    closed: Cell<bool>,
}

#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    /// Offset in the stream of `bytes[0]`.
    base: u64,
    /// Bytes at the front of `bytes` that the socket has taken.
    written: usize,
    /// Offset in the stream up to which bytes may leave.
    released: u64,
    /// Bytes that came in front of the released mark in all. Places that wait at the gate are counted without them.
    inserted: u64,
}

/// How far a write came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Everything released is with the system.
    All,
    /// The socket takes no more now.
    Blocked,
    /// The connection is gone.
    Gone,
}

impl Connection {
    /// A connection that has not said who it is.
    pub fn new(socket: Box<dyn Socket>, number: u64, now_s: u64) -> Rc<Connection> {
        Rc::new(Connection {
            socket,
            number,
            out: RefCell::default(),
            partial: RefCell::default(),
            last_words: RefCell::default(),
            reader: Cell::new(None),
            principal: RefCell::new(None),
            left_frames: Cell::new(false),
            exported: Cell::default(),
            outstanding: Cell::new(0),
            away: Cell::new(0),
            accepted_s: now_s,
            heard_s: Cell::new(now_s),
            sent_s: Cell::new(now_s),
            listed: Cell::new(false),
            draining: Cell::new(false),
            closing: Cell::new(false),
            closed: Cell::new(false),
        })
    }

    /// Who it is.
    pub fn principal(&self) -> Option<Arc<Principal>> {
        self.principal.borrow().clone()
    }

    /// HELLO was accepted.
    pub fn authenticate(&self, principal: Arc<Principal>) {
        *self.principal.borrow_mut() = Some(principal);
    }

    /// What its frames may measure.
    pub fn frame_limits(&self) -> FrameLimits {
        if self.principal.borrow().is_some() {
            FrameLimits::AUTHENTICATED
        } else {
            FrameLimits::BEFORE_AUTHENTICATION
        }
    }

    /// The driver's own number of it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Ready when a write is worth a try, see [`Socket::poll_writable`].
    pub fn poll_writable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_writable(context)
    }

    /// The bytes of a frame that has not come whole.
    pub fn partial(&self) -> &RefCell<Vec<u8>> {
        &self.partial
    }

    /// Who reads waits until it is woken.
    pub fn park_reader(&self, reader: Waker) {
        self.reader.set(Some(reader));
    }

    /// Wakes who reads, if it waits.
    pub fn wake_reader(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Lets `write` append to the outgoing bytes; answers the place behind them, for [`Connection::release`].
    #[inline]
    pub fn append(&self, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let mut out = self.out.borrow_mut();
        write(&mut out.bytes);
        out.base + out.bytes.len() as u64 - out.inserted
    }

    /// Bytes up to the place `end` may leave.
    #[inline]
    pub fn release(&self, end: u64) {
        let mut out = self.out.borrow_mut();
        out.released = end + out.inserted;
    }

    /// Puts whole frames that may leave at once in front of what still waits.
    pub fn insert(&self, frames: &[u8]) {
        let mut out = self.out.borrow_mut();
        let at = (out.released - out.base) as usize;
        if at == out.bytes.len() {
            out.bytes.extend_from_slice(frames);
        } else {
            out.bytes.splice(at..at, frames.iter().copied());
        }
        out.inserted += frames.len() as u64;
        out.released += frames.len() as u64;
    }

    /// Bytes waiting, released or not.
    pub fn backlog(&self) -> usize {
        let out = self.out.borrow();
        out.bytes.len() - out.written
    }

    /// Commands taken in and not yet answered.
    pub fn outstanding(&self) -> u32 {
        self.outstanding.get()
    }

    /// Whether it must take answers before it may ask for more.
    pub fn owes_reading(&self) -> bool {
        self.backlog() > BACKLOG_MAX || self.outstanding() > OUTSTANDING_DEFAULT
    }

    /// Whether an export under this operation is new here: its pages are many, and it is told of once.
    pub fn begins_export(&self, operation: OperationId) -> bool {
        self.exported.replace(operation) != operation
    }

    /// Counts commands taken in.
    pub fn took(&self, commands: u32) {
        self.outstanding.set(self.outstanding.get() + commands);
    }

    /// Counts commands answered.
    pub fn answered(&self, commands: u32) {
        self.outstanding.set(self.outstanding.get() - commands);
    }

    /// Counts commands taken in that went to another shard.
    pub fn sent_away(&self, commands: u32) {
        self.away.set(self.away.get() + commands);
    }

    /// Counts commands whose answers came back from another shard.
    pub fn came_back(&self, commands: u32) {
        self.away.set(self.away.get() - commands);
        self.answered(commands);
    }

    /// Whether commands are with other shards.
    pub fn has_commands_away(&self) -> bool {
        self.away.get() > 0
    }

    /// What is to be said when every answer has come back from other shards.
    pub fn last_words(&self) -> &RefCell<Vec<u8>> {
        &self.last_words
    }

    /// Something arrived.
    pub fn heard(&self, now_s: u64) {
        self.heard_s.set(now_s);
    }

    /// How long it has been silent: since accept until it has said who it is (a dripped HELLO is no sign of life), then
    /// since its last byte.
    pub fn silent_s(&self, now_s: u64) -> u64 {
        let since_s = if self.principal.borrow().is_some() { self.heard_s.get() } else { self.accepted_s };
        now_s.saturating_sub(since_s)
    }

    /// How long bytes have waited without any of them leaving.
    pub fn stuck_s(&self, now_s: u64) -> u64 {
        if self.backlog() == 0 {
            self.sent_s.set(now_s);
        }
        now_s.saturating_sub(self.sent_s.get())
    }

    /// Nothing more is read; the connection ends once what is released has left.
    pub fn close_after_output(&self) {
        self.closing.set(true);
    }

    /// Whether [`Connection::close_after_output`] was called, or the peer is gone.
    pub fn is_closing(&self) -> bool {
        self.closing.get() || self.closed.get()
    }

    /// Cuts the connection.
    pub fn cut(&self) {
        self.closed.set(true);
        self.socket.cut();
        self.wake_reader();
    }

    /// Writes what is released, as far as the socket takes it without waiting.
    pub fn write_out(&self, now_s: u64) -> (usize, Written) {
        let mut out = self.out.borrow_mut();
        let mut bytes = 0;
        loop {
            let until = (out.released - out.base) as usize;
            if self.closed.get() || out.written == until {
                break;
            }
            match self.socket.try_write(&out.bytes[out.written..until]) {
                Ok(0) => self.closed.set(true),
                Ok(count) => {
                    bytes += count;
                    out.written += count;
                    self.sent_s.set(now_s);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (bytes, Written::Blocked),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.closed.set(true),
            }
        }
        out.forget_written();
        drop(out);
        if self.closed.get() {
            return (bytes, Written::Gone);
        }
        if self.closing.get() && self.backlog() == 0 && self.outstanding() == 0 {
            self.cut();
        }
        (bytes, Written::All)
    }
}

impl Out {
    /// Drops written bytes: all at once when nothing is left, else when they are the larger part.
    fn forget_written(&mut self) {
        if self.written == self.bytes.len() {
            self.base += self.bytes.len() as u64;
            self.bytes.clear();
            self.written = 0;
            // A burst is no reason to keep its memory for thousands of connections.
            if self.bytes.capacity() > BACKLOG_MAX {
                self.bytes = Vec::new();
            }
        } else if self.written > self.bytes.len() / 2 {
            self.bytes.drain(..self.written);
            self.base += self.written as u64;
            self.written = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that takes everything.
    struct Sink(Rc<RefCell<Vec<u8>>>);

    impl Socket for Sink {
        fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn poll_writable(&self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }

        fn cut(&self) {}
    }

    #[test]
    fn answers_of_other_shards_overtake_what_waits_and_tear_nothing_apart() {
        let sent = Rc::new(RefCell::new(Vec::new()));
        let connection = Connection::new(Box::new(Sink(sent.clone())), 1, 0);
        let first = connection.append(|out| out.extend_from_slice(b"(one)"));
        let second = connection.append(|out| out.extend_from_slice(b"(two)"));
        connection.insert(b"<a>");
        connection.release(first);
        connection.insert(b"<b>");
        assert_eq!(connection.write_out(0), (11, Written::All));
        let third = connection.append(|out| out.extend_from_slice(b"(three)"));
        connection.insert(b"<c>");
        connection.release(second);
        assert_eq!(connection.write_out(0), (8, Written::All));
        connection.release(third);
        connection.insert(b"<d>");
        assert_eq!(connection.write_out(0), (10, Written::All));
        assert_eq!(String::from_utf8_lossy(&sent.borrow()), "<a>(one)<b><c>(two)(three)<d>");
        assert_eq!(connection.backlog(), 0);
    }
}

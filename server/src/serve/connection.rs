//! One connection: its socket, and the answers on their way out.
//!
//! Invariant: bytes leave in the order they were appended, and none beyond the released mark, which the gate moves.

use scrip_protocol::frame::FrameLimits;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::tcp::OwnedWriteHalf;

use crate::tokens::Principal;

/// Bytes of answers waiting for one connection at which it is no longer read: a slow reader stalls itself alone.
pub const BACKLOG_MAX: usize = 4 << 20;

/// A connection as its owner thread sees it.
pub struct Connection {
    writer: OwnedWriteHalf,
    out: RefCell<Out>,
    /// Who it is, once HELLO was accepted.
    principal: RefCell<Option<Arc<Principal>>>,
    /// Commands taken in and not yet answered.
    outstanding: Cell<u32>,
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
    pub fn new(writer: OwnedWriteHalf, now_s: u64) -> Rc<Connection> {
        Rc::new(Connection {
            writer,
            out: RefCell::default(),
            principal: RefCell::new(None),
            outstanding: Cell::new(0),
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

    /// Lets `write` append to the outgoing bytes; answers the offset in the stream behind them.
    #[inline]
    pub fn append(&self, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let mut out = self.out.borrow_mut();
        write(&mut out.bytes);
        out.base + out.bytes.len() as u64
    }

    /// Bytes up to `end` may leave.
    #[inline]
    pub fn release(&self, end: u64) {
        self.out.borrow_mut().released = end;
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

    /// Counts commands taken in.
    pub fn took(&self, commands: u32) {
        self.outstanding.set(self.outstanding.get() + commands);
    }

    /// Counts commands answered.
    pub fn answered(&self, commands: u32) {
        self.outstanding.set(self.outstanding.get() - commands);
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
        let stream: &tokio::net::TcpStream = self.writer.as_ref();
        // The peer may have closed it already.
        let _ = rustix::net::shutdown(stream, rustix::net::Shutdown::Both);
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
            match self.writer.try_write(&out.bytes[out.written..until]) {
                Ok(0) => self.closed.set(true),
                Ok(count) => {
                    bytes += count;
                    out.written += count;
                    self.sent_s.set(now_s);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (bytes, Written::Blocked),
                Err(_) => self.closed.set(true),
            }
        }
        out.forget_written();
        drop(out);
        if self.closed.get() {
            return (bytes, Written::Gone);
        }
        if self.closing.get() && self.backlog() == 0 {
            self.cut();
        }
        (bytes, Written::All)
    }

    /// Waits until the socket takes more.
    pub async fn writable(&self) -> io::Result<()> {
        self.writer.writable().await
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

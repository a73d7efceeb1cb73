//! One connection: made, greeted, written to, read from, lost, made again. Nothing in it ever blocks.
//!
//! Invariant: bytes go out in the order they were given, and whole frames come in; after a loss nothing of the old
//! connection is left.

use crate::poller::{Interest, Poller};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use scrip_protocol::handshake::Hello;
use scrip_protocol::secret::Token;
use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not there; to be made at `Lane::due_ns`.
    Down,
    /// Being made.
    Connecting,
    /// HELLO is out, WELCOME is not in.
    Greeting,
    /// Carries commands.
    Up,
    /// The server said GOAWAY: answers are still taken, commands no longer sent.
    Leaving,
    /// Given up.
    Closed,
}

/// One connection of a load.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) phase: Phase,
    /// In `Down`: when to connect. In `Connecting` and `Greeting`: when to lose patience.
    pub(crate) due_ns: u64,
    /// When it was lost; 0: it has not been up since the beginning.
    pub(crate) lost_ns: u64,
    /// How often in a row connecting failed.
    pub(crate) failures: u32,
    /// It stands in the queue of connections that may be filled.
    pub(crate) queued: bool,
    /// It was up before.
    pub(crate) was_up: bool,
    number: usize,
    socket: Option<TcpStream>,
    /// The part of a frame that has come so far.
    carry: Vec<u8>,
    /// What the socket did not take yet.
    backlog: Vec<u8>,
    written: usize,
    interest: Interest,
}

impl Lane {
    pub(crate) fn new(number: usize, due_ns: u64) -> Lane {
        Lane {
            phase: Phase::Down,
            due_ns,
            lost_ns: 0,
            failures: 0,
            queued: false,
            was_up: false,
            number,
            socket: None,
            carry: Vec::new(),
            backlog: Vec::new(),
            written: 0,
            interest: Interest::ReadWrite,
        }
    }

    /// Whether commands may be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Up && self.backlog.is_empty()
    }

    /// Begins to connect.
    pub(crate) fn connect(&mut self, address: SocketAddr, poller: &Poller) -> io::Result<()> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        match connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(why) => return Err(why.into()),
        }
        self.interest = Interest::ReadWrite;
        poller.add(&socket, self.number, self.interest)?;
        self.socket = Some(TcpStream::from(socket));
        self.phase = Phase::Connecting;
        Ok(())
    }

    /// The connection is there or has failed: says HELLO.
    pub(crate) fn greet(&mut self, token: &Token, poller: &Poller) -> io::Result<()> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        if let Some(why) = socket.take_error()? {
            return Err(why);
        }
        socket.peer_addr()?;
        self.phase = Phase::Greeting;
        let mut hello = Vec::new();
        Hello::new(token.clone()).write(&mut hello);
        self.send([&hello, &[]], poller)
    }

    /// Drops the socket and all that belonged to it.
    pub(crate) fn close(&mut self, phase: Phase) {
        self.socket = None;
        self.carry.clear();
        self.backlog.clear();
        self.written = 0;
        self.phase = phase;
    }

    /// Writes two pieces, one behind the other; what the socket does not take is kept for [`Lane::flush`].
    pub(crate) fn send(&mut self, pieces: [&[u8]; 2], poller: &Poller) -> io::Result<()> {
        let mut written = 0;
        if self.backlog.is_empty() {
            let mut socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
            let result = if pieces[1].is_empty() {
                socket.write(pieces[0])
            } else {
                socket.write_vectored(&[IoSlice::new(pieces[0]), IoSlice::new(pieces[1])])
            };
            written = would_block(result)?.unwrap_or(0);
        }
        for piece in pieces {
            let done = written.min(piece.len());
            self.backlog.extend_from_slice(&piece[done..]);
            written -= done;
        }
        self.watch(poller)
    }

    /// Writes what was left over.
    pub(crate) fn flush(&mut self, poller: &Poller) -> io::Result<()> {
        while self.written < self.backlog.len() {
            let mut socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
            match would_block(socket.write(&self.backlog[self.written..]))? {
                Some(bytes) => self.written += bytes,
                None => return Ok(()),
            }
        }
        self.backlog.clear();
        self.written = 0;
        self.watch(poller)
    }

    /// Asks for writability exactly while something is left over.
    fn watch(&mut self, poller: &Poller) -> io::Result<()> {
        let interest = if self.backlog.is_empty() { Interest::Read } else { Interest::ReadWrite };
        if let (true, Some(socket)) = (interest != self.interest, &self.socket) {
            poller.change(socket, self.number, interest)?;
            self.interest = interest;
        }
        Ok(())
    }

    /// Reads once into `buffer`, behind what was left of the last frame. Answers how many bytes are there in all, or
    /// `None` if nothing new has come. The end of the connection is an error.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let kept = self.carry.len();
        let mut socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        match would_block(socket.read(&mut buffer[kept..]))? {
            None => Ok(None),
            Some(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(bytes) => {
                buffer[..kept].copy_from_slice(&self.carry);
                self.carry.clear();
                Ok(Some(kept + bytes))
            }
        }
    }

    /// Keeps the beginning of a frame until the rest comes.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        self.carry.extend_from_slice(bytes);
    }
}

fn would_block(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(why) if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        Err(why) => Err(why),
    }
}

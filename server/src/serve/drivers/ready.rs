//! The readiness driver: one loop over epoll per owner thread (mio), without a runtime.
//!
//! A round waits for events, makes one read of each connection that has something, and gives the core one turn.
//! Invariants: events are edges, so a connection is read until a read says that there is nothing more, or is held back by
//! the core, which then says when to go on; an awake thread costs its callers no system call.

use super::DRAIN_TURN;
use crate::serve::connection::{Connection, Socket, Written};
use crate::serve::house::Bell;
use crate::serve::owner::{Driver, IDLE_TURN, Owner, OwnerParts, Read};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use scrip_wal::LogClosed;
use std::cell::RefCell;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll as Polled};
use std::time::{Duration, Instant};

const BELL: Token = Token(usize::MAX);
const DOOR: Token = Token(usize::MAX - 1);
/// Events taken from the system at once.
const EVENTS_MAX: usize = 1_024;

/// Where a bell is heard.
pub struct Ear {
    poll: Poll,
    hearing: Arc<Hearing>,
}

/// What the bell and the loop say to each other.
struct Hearing {
    waker: Waker,
    rung: AtomicBool,
    asleep: AtomicBool,
}

impl Ear {
    /// An ear, and the bell that it hears.
    ///
    /// # Errors
    /// If the system gives no epoll or eventfd.
    pub fn new() -> io::Result<(Ear, Bell)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), BELL)?;
        let (rung, asleep) = (AtomicBool::new(false), AtomicBool::new(false));
        let hearing = Arc::new(Hearing { waker, rung, asleep });
        let heard = hearing.clone();
        let bell = Bell::new(move || {
            heard.rung.store(true, Ordering::SeqCst);
            // Either the loop sees `rung` before it goes to sleep, or this sees that it sleeps.
            if heard.asleep.swap(false, Ordering::SeqCst) {
                // It fails only when the loop is gone.
                let _ = heard.waker.wake();
            }
        });
        Ok((Ear { poll, hearing }, bell))
    }

    /// Serves `door` until the house stops, drains, and closes the log.
    ///
    /// # Errors
    /// If the system's poll fails.
    pub fn run(self, parts: OwnerParts, door: std::net::TcpListener) -> io::Result<LogClosed> {
        let owner = Owner::new(parts);
        let mut door = TcpListener::from_std(door);
        self.poll.registry().register(&mut door, DOOR, Interest::READABLE)?;
        let mut round = Round {
            ready: Ready { owner: owner.clone(), peers: RefCell::default(), again: RefCell::default() },
            ear: self,
            door: Some(door),
            gone: Rc::default(),
            reading: Vec::new(),
            turn_due: true,
        };
        round.serve()?;
        drop(round);
        Ok(owner.close())
    }
}

/// What is known of the connections.
struct Ready {
    owner: Rc<Owner>,
    /// By token.
    peers: RefCell<Vec<Peer>>,
    /// Tokens of those to be read in the next round.
    again: RefCell<Vec<usize>>,
}

#[derive(Default)]
struct Peer {
    connection: Weak<Connection>,
    /// The same and its socket, until there is nothing more to read from it.
    reader: Option<(Rc<Connection>, Rc<TcpStream>)>,
    /// It is listed in `again`.
    listed: bool,
    /// The core holds it back.
    paused: bool,
    /// The system said that its other end will send no more: a short read is not the last one.
    ending: bool,
}

/// The socket of a connection. Its token is free when it is dropped.
struct Stream {
    stream: Rc<TcpStream>,
    token: usize,
    gone: Rc<RefCell<Vec<usize>>>,
}

impl Socket for Stream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.stream).write(bytes)
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Polled<()> {
        // Nobody waits here: the loop hears of it.
        Polled::Ready(())
    }

    fn cut(&self) {
        // The peer may have closed it already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.gone.borrow_mut().push(self.token);
    }
}

impl Ready {
    fn read_again(&self, token: usize, peer: &mut Peer) {
        if !core::mem::replace(&mut peer.listed, true) {
            self.again.borrow_mut().push(token);
        }
    }
}

impl Driver for Ready {
    fn when_writable(&self, _: &Rc<Connection>) {
        // Every socket's readiness is watched from the start.
    }

    fn resume(&self, connection: &Rc<Connection>) {
        let token = connection.number() as usize;
        if let Some(peer) = self.peers.borrow_mut().get_mut(token)
            && core::mem::take(&mut peer.paused)
        {
            self.read_again(token, peer);
        }
    }
}

/// The loop of an owner thread.
struct Round {
    ready: Ready,
    ear: Ear,
    door: Option<TcpListener>,
    /// Tokens of connections that have ended.
    gone: Rc<RefCell<Vec<usize>>>,
    /// Tokens of those to be read in this round.
    reading: Vec<usize>,
    turn_due: bool,
}

impl Round {
    fn serve(&mut self) -> io::Result<()> {
        let owner = self.ready.owner.clone();
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut idle_at = Instant::now() + IDLE_TURN;
        while !owner.house.is_stopping() {
            self.round(&mut events, idle_at)?;
            if Instant::now() >= idle_at {
                idle_at = Instant::now() + IDLE_TURN;
                // Room for a connection that there was none for may have come with the end of another.
                self.accept();
                self.turn_due = owner.idle_turn(&self.ready);
            }
        }
        self.door = None;
        owner.say_goodbye();
        let until = Instant::now() + owner.house.drain;
        loop {
            self.turn_due = owner.idle_turn(&self.ready);
            if owner.is_drained() || Instant::now() >= until {
                return Ok(());
            }
            // Whatever comes to an end here rings no bell: it is looked for.
            self.round(&mut events, Instant::now() + DRAIN_TURN)?;
        }
    }

    /// Waits for something to do, until `idle_at` at most, and does it.
    fn round(&mut self, events: &mut Events, idle_at: Instant) -> io::Result<()> {
        let hearing = self.ear.hearing.clone();
        hearing.asleep.store(true, Ordering::SeqCst);
        let busy =
            self.turn_due || !self.ready.again.borrow().is_empty() || hearing.rung.load(Ordering::SeqCst);
        let timeout = if busy { Duration::ZERO } else { idle_at.saturating_duration_since(Instant::now()) };
        let polled = self.ear.poll.poll(events, Some(timeout));
        hearing.asleep.store(false, Ordering::SeqCst);
        if let Err(error) = polled
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(error);
        }
        for event in events.iter() {
            match event.token() {
                BELL => {}
                DOOR => self.accept(),
                Token(token) => self.note(token, event),
            }
        }
        self.turn_due |= hearing.rung.swap(false, Ordering::SeqCst);
        self.read_each();
        if self.turn_due {
            self.turn_due = self.ready.owner.turn(&self.ready);
        }
        Ok(())
    }

    fn note(&mut self, token: usize, event: &Event) {
        let mut peers = self.ready.peers.borrow_mut();
        let peer = &mut peers[token];
        peer.ending |= event.is_read_closed() || event.is_error();
        if (event.is_readable() || peer.ending) && peer.reader.is_some() && !peer.paused {
            self.ready.read_again(token, peer);
        }
        if event.is_writable()
            && let Some(connection) = peer.connection.upgrade()
            && connection.draining.get()
        {
            drop(peers);
            self.turn_due |= self.ready.owner.send_more(&connection) != Written::Blocked;
        }
    }

    /// One read of each: whoever sends much does not keep others, or the turn, waiting.
    fn read_each(&mut self) {
        let mut reading = core::mem::take(&mut self.reading);
        core::mem::swap(&mut reading, &mut self.ready.again.borrow_mut());
        for token in reading.drain(..) {
            let peer = |change: &mut dyn FnMut(&mut Peer)| change(&mut self.ready.peers.borrow_mut()[token]);
            let mut reader = None;
            peer(&mut |peer| {
                peer.listed = false;
                reader = peer.reader.clone();
            });
            let Some((connection, stream)) = reader else { continue };
            let mut short = false;
            let read = self.ready.owner.read(&connection, |bytes| fill(&stream, bytes, &mut short));
            match read {
                Read::Some => {
                    self.turn_due = true;
                    // A short read has emptied the socket; what comes later is another edge.
                    peer(&mut |peer| {
                        if !short || peer.ending {
                            self.ready.read_again(token, peer);
                        }
                    });
                }
                Read::Nothing => {}
                Read::Paused => peer(&mut |peer| peer.paused = true),
                Read::Over => {
                    self.turn_due = true;
                    self.ready.owner.leave(&connection);
                    peer(&mut |peer| peer.reader = None);
                }
            }
        }
        self.reading = reading;
    }

    fn accept(&mut self) {
        while let Some(door) = &self.door {
            match door.accept() {
                Ok((stream, peer)) => match self.admit(stream) {
                    Ok(()) => tracing::debug!(%peer, "connected"),
                    Err(error) => tracing::debug!(%peer, %error, "connection lost at once"),
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Out of file descriptors, most likely: connections that end make room, and each idle turn tries.
                    tracing::warn!(%error, "accept failed");
                    return;
                }
            }
        }
    }

    fn admit(&mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let token = self.gone.borrow_mut().pop().unwrap_or_else(|| {
            let mut peers = self.ready.peers.borrow_mut();
            peers.push(Peer::default());
            peers.len() - 1
        });
        let both = Interest::READABLE | Interest::WRITABLE;
        let registered = self.ear.poll.registry().register(&mut stream, Token(token), both);
        let stream = Rc::new(stream);
        let socket = Stream { stream: stream.clone(), token, gone: self.gone.clone() };
        registered?;
        if let Some(connection) = self.ready.owner.admit(Box::new(socket), token as u64) {
            self.ready.peers.borrow_mut()[token] = Peer {
                connection: Rc::downgrade(&connection),
                reader: Some((connection, stream)),
                ..Peer::default()
            };
        }
        Ok(())
    }
}

/// One read that does not wait.
fn fill(stream: &TcpStream, bytes: &mut [u8], short: &mut bool) -> Polled<io::Result<usize>> {
    loop {
        match (&*stream).read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Polled::Pending,
            Ok(count) => {
                *short = count < bytes.len();
                return Polled::Ready(Ok(count));
            }
            Err(error) => return Polled::Ready(Err(error)),
        }
    }
}

//! A sluice before a server: what clients send passes as far as a test lets it, so that something under way stops where
//! the test wants it to, however fast the machine is.
//!
//! Invariant: the server gets no byte beyond what was let through; answers pass freely. A connection that breaks on one
//! side is broken on the other.

use super::PATIENCE;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

/// Bytes read at once.
const BUFFER_BYTES: usize = 4 * 1024;

/// How far the sluice is open.
#[derive(Debug, Default)]
struct Gate {
    /// Bytes that may still pass.
    left: u64,
    /// Nothing passes any more: the threads end.
    is_over: bool,
}

#[derive(Debug, Default)]
struct Shared {
    gate: Mutex<Gate>,
    moved: Condvar,
}

impl Shared {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().expect("no thread of a sluice panics with it")
    }

    /// Waits until something may pass; how much of `wanted`. `None`: it is over.
    fn take(&self, wanted: usize) -> Option<usize> {
        let mut gate = self.gate();
        while gate.left == 0 && !gate.is_over {
            gate = self.moved.wait(gate).expect("no thread of a sluice panics with it");
        }
        let taken = gate.left.min(wanted as u64);
        gate.left -= taken;
        (!gate.is_over).then_some(taken as usize)
    }
}

/// A sluice, shut at first.
#[derive(Debug)]
pub struct Sluice {
    /// Where clients connect.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Sluice {
    /// Stands before the server at this address, also when it comes back.
    ///
    /// # Panics
    /// If no port is free.
    pub fn before(server: SocketAddr) -> Sluice {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let gates = shared.clone();
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if gates.gate().is_over {
                    return;
                }
                // Where there is no server, the client finds its connection closed.
                if let Ok(server) = TcpStream::connect(server) {
                    join(client, server, &gates);
                }
            }
        });
        Sluice { address, shared }
    }

    /// Lets bytes through, so many at a time, until `reached` says so. Beyond that nothing passes but what was let through.
    ///
    /// # Panics
    /// If it takes too long.
    pub fn open_until(&self, step_bytes: u64, mut reached: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !reached() {
            assert!(Instant::now() < end, "what was waited for does not come");
            let mut gate = self.shared.gate();
            if gate.left == 0 {
                gate.left = step_bytes;
                self.shared.moved.notify_all();
            }
        }
    }

    /// Lets everything through from now on.
    ///
    /// # Panics
    /// If a thread of it has panicked.
    pub fn open(&self) {
        self.shared.gate().left = u64::MAX;
        self.shared.moved.notify_all();
    }
}

impl Drop for Sluice {
    fn drop(&mut self) {
        self.shared.gate().is_over = true;
        self.shared.moved.notify_all();
        // Whoever waits for a connection looks up; an error says that nobody does.
        let _ = TcpStream::connect(self.address);
    }
}

/// Two threads carry what each side sends.
fn join(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    let pair = (client.try_clone(), server.try_clone());
    let (Ok(client_too), Ok(server_too)) = pair else { return };
    let gates = shared.clone();
    thread::spawn(move || carry(client, server, |wanted| gates.take(wanted)));
    thread::spawn(move || carry(server_too, client_too, Some));
}

/// Carries bytes until one side is closed or `may_pass` ends it; then both are.
fn carry(mut from: TcpStream, mut to: TcpStream, may_pass: impl Fn(usize) -> Option<usize>) {
    let mut buffer = [0; BUFFER_BYTES];
    'open: while let Ok(read @ 1..) = from.read(&mut buffer) {
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            let Some(passing) = may_pass(rest.len()) else { break 'open };
            let (now, later) = rest.split_at(passing);
            rest = later;
            if to.write_all(now).is_err() {
                break 'open;
            }
        }
    }
    for side in [from, to] {
        // It may be closed already.
        let _ = side.shutdown(Shutdown::Both);
    }
}

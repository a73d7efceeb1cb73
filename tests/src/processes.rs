//! The real binary as a child process: built, started, asked, killed.
//!
//! What the simulation can't show is shown here: signals, sockets, a system call that fails, a disk that is full.
//! Invariants: children end with the test that started them (the server stops when its stdin closes, and is killed when
//! its handle is dropped); every wait has a deadline and waits for something that happens, never for time alone; every
//! address is a free port of 127.0.0.1; every file lies in a temporary directory that is removed.

pub mod binary;
pub mod caller;
pub mod disk;
pub mod drivers;
pub mod http;
pub mod server;
pub mod site;
pub mod sluice;
pub mod terminal;
pub mod tracer;
pub mod wire;

use std::time::Duration;

/// How long anything may take that takes milliseconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Says why a test does nothing on this machine.
pub fn skip(test: &str, why: &str) {
    eprintln!("skipped: {test}: {why}");
}

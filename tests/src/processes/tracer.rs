//! strace on a running server: system calls that are slow, or fail.

use super::PATIENCE;
use super::server::{Server, lines_of};
use rustix::process::{Pid, Signal, kill_process};
use std::io::BufReader;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;

/// A strace that is attached; it lets go when dropped.
#[derive(Debug)]
pub struct Tracer {
    child: Child,
    _lines: Receiver<String>,
}

impl Tracer {
    /// Attaches to every thread of a server, with this injection for its fdatasync calls. What is counted is counted
    /// for each thread, from now on.
    ///
    /// # Errors
    /// Why this machine can't.
    pub fn attach(server: &Server, injection: &str) -> Result<Tracer, String> {
        let mut child = Command::new("strace")
            .args(["-f", "-e", "trace=fdatasync", "-e", &format!("inject=fdatasync:{injection}")])
            .args(["-p", &server.id().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("strace can't be started: {error}"))?;
        let lines = lines_of(BufReader::new(child.stderr.take().expect("piped")));
        let first = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| "strace said nothing".into());
        let tracer = Tracer { child, _lines: lines };
        if first.contains(" attached") { Ok(tracer) } else { Err(first) }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // A strace that is asked detaches; it may have ended with the server.
        if let Some(id) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process(id, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

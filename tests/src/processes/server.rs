//! A running server: where its doors are, how it is signalled, how it ends.

use super::PATIENCE;
use super::binary::binary;
use super::site::Site;
use rustix::process::{Pid, Signal, kill_process};
use scrip_client::Token;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A server process, killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    /// Lines of its stdout; disconnected when it has ended.
    lines: Receiver<String>,
    ready_line: String,
    /// Where its frames go.
    pub listen: SocketAddr,
    /// Where /metrics and /health are.
    pub http: SocketAddr,
    token: Option<Token>,
    stderr: PathBuf,
}

/// A server that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// Its last words.
    pub stderr: String,
}

impl Server {
    /// Starts `scrip serve` on the site's data directory and waits for its ready line. The HTTP door takes a free port.
    ///
    /// # Errors
    /// How it ended, if it did before it was ready.
    ///
    /// # Panics
    /// If it is neither ready nor at its end in time.
    pub fn start(site: &Site, listen: SocketAddr, flags: &[&str]) -> Result<Server, Ended> {
        let (stderr_file, stderr) = stderr_of(site);
        let mut command = Command::new(binary());
        command.args(["serve", "--stop-on-eof"]);
        // What a test gives itself comes once: flags can't be repeated.
        for (name, value) in [("--data", site.data_text()), ("--http", "127.0.0.1:0")] {
            if !flags.contains(&name) {
                command.args([name, value]);
            }
        }
        if !flags.contains(&"--listen") {
            command.args(["--listen", &listen.to_string()]);
        }
        command.args(deduplicated(flags)).current_dir(site.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr_file);
        let mut child = command.spawn().expect("the binary can be started");
        let stdin = child.stdin.take();
        let lines = lines_of(BufReader::new(child.stdout.take().expect("piped")));
        let ready_line = match lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait().expect("a child can be waited for");
                return Err(Ended { status, stderr: read(&stderr) });
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                panic!("the server is not ready after {PATIENCE:?}: {}", read(&stderr));
            }
        };
        let value = |key: &str| ready_line.split_whitespace().find_map(|word| word.strip_prefix(key));
        let address =
            |key| value(key).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{ready_line}"));
        let (listen, http) = (address("listen="), address("http="));
        let token = value("token=").and_then(|text| text.parse().ok());
        Ok(Server { child, stdin, lines, listen, http, token, stderr, ready_line })
    }

    /// What it said when it was ready.
    pub fn ready_line(&self) -> &str {
        &self.ready_line
    }

    /// The token of its `--dev`.
    ///
    /// # Panics
    /// If it was started without, or could not leave one.
    pub fn token(&self) -> &Token {
        self.token.as_ref().unwrap_or_else(|| panic!("no token: {}", self.ready_line))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If it has ended.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id() as i32).expect("a child has a process id");
        kill_process(id, signal).expect("the server runs");
    }

    /// Stops it with SIGSTOP and waits until each of its threads stands still: the signal reaches them one by one.
    ///
    /// # Panics
    /// If they do not.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        let until = Instant::now() + PATIENCE;
        let stands = |path: PathBuf| {
            let text = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
            text.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('T'))
        };
        let threads = || std::fs::read_dir(format!("/proc/{}/task", self.id())).expect("the server runs");
        while !threads().flatten().all(|entry| stands(entry.path())) {
            assert!(Instant::now() < until, "it goes on");
            std::thread::yield_now();
        }
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub fn kill(mut self) {
        // Its end is what is wanted; it may have come before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop with SIGTERM and waits for its end.
    pub fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait_for_end(PATIENCE)
    }

    /// Closes its stdin and waits for its end.
    pub fn close_stdin(mut self) -> Ended {
        drop(self.stdin.take());
        self.wait_for_end(PATIENCE)
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it has not ended in time.
    pub fn wait_for_end(mut self, within: Duration) -> Ended {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("the server has not ended after {within:?}: {}", self.stderr())
                }
            }
        }
        let status = self.child.wait().expect("a child can be waited for");
        Ended { status, stderr: self.stderr() }
    }

    /// What it has logged so far.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Bytes of memory resident.
    ///
    /// # Panics
    /// If it has ended.
    pub fn resident_bytes(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.id())).expect("the server runs");
        let pages: u64 =
            text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("statm has pages");
        pages * rustix::param::page_size() as u64
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A stopped process would keep its stdin open for ever: a kill reaches it all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Flags in which the later of two wins, as pairs of name and value or names alone.
fn deduplicated<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    let mut kept: Vec<Vec<&str>> = Vec::new();
    for &word in flags {
        match kept.last_mut() {
            Some(last) if !word.starts_with("--") && last.len() == 1 => last.push(word),
            _ => {
                kept.retain(|flag| flag[0] != word);
                kept.push(vec![word]);
            }
        }
    }
    kept.concat()
}

/// A new file for what a server logs: one per start, so that each start's words are its own.
fn stderr_of(site: &Site) -> (File, PathBuf) {
    (1..)
        .find_map(|number| {
            let path = site.path().join(format!("server-{number}.log"));
            File::create_new(&path).ok().map(|file| (file, path))
        })
        .expect("there is always a next number")
}

/// Sends each line; the receiver is disconnected at the end of the stream.
pub(super) fn lines_of(reader: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in reader.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn read(path: &std::path::Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

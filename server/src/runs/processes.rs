//! Child processes of a run: this same binary as a server and as a load.
//!
//! Invariant: they end with the run. The server stops when its stdin closes, so it does not outlive its parent, however
//! that ends; its directory is temporary unless somebody asked to keep it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// Why a run failed before it could be judged.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A child process ended.
    #[error("{what} ended with {status}: {output}")]
    Ended {
        /// Which.
        what: &'static str,
        /// How.
        status: ExitStatus,
        /// Its last words.
        output: String,
    },
    /// A child process said something unexpected.
    #[error("{what} said {line:?}, which is not what was expected")]
    Unexpected {
        /// Which.
        what: &'static str,
        /// What it said.
        line: String,
    },
    /// The directory is no disk.
    #[error(
        "NOT DURABLE: {0} is in memory, or takes no direct writes; a figure from there means nothing. \
         Choose a directory on a disk with --dir"
    )]
    NotDurable(PathBuf),
    /// A client call failed.
    #[error("asking the server: {0}")]
    Client(Box<scrip_client::Error>),
    /// A token could not be made.
    #[error(transparent)]
    Tokens(#[from] crate::tokens::TokensError),
    /// The data directory could not be verified.
    #[error(transparent)]
    Tool(#[from] crate::tools::ToolError),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl From<scrip_client::Error> for RunError {
    fn from(error: scrip_client::Error) -> RunError {
        RunError::Client(Box::new(error))
    }
}

/// Wraps an error of the system with what was tried.
pub fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> RunError {
    let what = what.into();
    move |source| RunError::System { what, source }
}

/// A server process.
pub struct ServerProcess {
    child: Child,
    /// Closing it stops the server.
    stdin: Option<ChildStdin>,
    /// Address of its binary protocol.
    pub listen: SocketAddr,
    /// The driver it chose.
    pub driver: String,
    arguments: Vec<String>,
    log: PathBuf,
}

/// This binary.
fn program() -> Result<PathBuf, RunError> {
    std::env::current_exe().map_err(system("finding this program's own file"))
}

impl ServerProcess {
    /// Starts a server on `data` at `listen` with further arguments, and waits until it is ready. Its log lines go to
    /// `log`.
    ///
    /// # Errors
    /// [`RunError`], with the server's last words if it ended.
    pub fn start(
        data: &Path,
        listen: SocketAddr,
        further: &[String],
        log: &Path,
    ) -> Result<ServerProcess, RunError> {
        let stderr = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(system(format!("writing {}", log.display())))?;
        let mut arguments = vec!["serve".to_owned(), "--stop-on-eof".into(), "--data".into()];
        arguments.push(data.display().to_string());
        arguments.extend(["--http".into(), "127.0.0.1:0".into()]);
        arguments.extend(further.iter().cloned());
        let mut child = Command::new(program()?)
            .args(&arguments)
            .arg("--listen")
            .arg(listen.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(system("starting the server"))?;
        let stdin = child.stdin.take();
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).map_err(system("reading from the server"))?;
        if line.is_empty() {
            let status = child.wait().map_err(system("waiting for the server"))?;
            let mut output = String::new();
            let _ = File::open(log).and_then(|mut file| file.read_to_string(&mut output));
            let tail = output.lines().last().unwrap_or_default().to_owned();
            return Err(RunError::Ended { what: "the server", status, output: tail });
        }
        let value =
            |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key)).map(str::to_owned);
        let listen = value("listen=").and_then(|address| address.parse().ok());
        let (Some(listen), Some(driver)) = (listen, value("driver=")) else {
            return Err(RunError::Unexpected { what: "the server", line });
        };
        Ok(ServerProcess { child, stdin, listen, driver, arguments: further.to_vec(), log: log.to_owned() })
    }

    /// Kills it with SIGKILL, and answers the CPU seconds it used.
    pub fn kill(mut self) -> f64 {
        self.kill_now()
    }

    /// The same, where the value can't be given away: its place is taken by the server's next life.
    pub fn kill_now(&mut self) -> f64 {
        let cpu_s = self.cpu_s();
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        cpu_s
    }

    /// Starts it again on the same address.
    ///
    /// # Errors
    /// As [`ServerProcess::start`].
    pub fn start_again(
        data: &Path,
        listen: SocketAddr,
        arguments: &[String],
        log: &Path,
    ) -> Result<ServerProcess, RunError> {
        ServerProcess::start(data, listen, arguments, log)
    }

    /// What it was started with.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// CPU seconds it has used.
    pub fn cpu_s(&self) -> f64 {
        process_figures(self.child.id()).map_or(0.0, |figures| figures.cpu_s)
    }

    /// Bytes of memory resident.
    pub fn resident_bytes(&self) -> u64 {
        process_figures(self.child.id()).map_or(0, |figures| figures.resident_bytes)
    }

    /// Stops it as SIGTERM would, and answers the CPU seconds it used.
    ///
    /// # Errors
    /// [`RunError::Ended`] if it did not end well.
    pub fn stop(mut self) -> Result<f64, RunError> {
        let cpu_s = self.cpu_s();
        drop(self.stdin.take());
        let status = self.child.wait().map_err(system("waiting for the server"))?;
        if !status.success() {
            let output = std::fs::read_to_string(&self.log).unwrap_or_default();
            let output = output.lines().last().unwrap_or_default().to_owned();
            return Err(RunError::Ended { what: "the server", status, output });
        }
        Ok(cpu_s)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct ProcessFigures {
    cpu_s: f64,
    mapped_bytes: u64,
    resident_bytes: u64,
}

/// Bytes of this process that are resident.
///
/// # Errors
/// [`RunError::Other`] if the system does not say.
pub fn resident_bytes() -> Result<u64, RunError> {
    Ok(figures_of_this()?.resident_bytes)
}

/// Bytes that this process has mapped, touched or not.
///
/// # Errors
/// [`RunError::Other`] if the system does not say.
pub fn mapped_bytes() -> Result<u64, RunError> {
    Ok(figures_of_this()?.mapped_bytes)
}

fn figures_of_this() -> Result<ProcessFigures, RunError> {
    process_figures(std::process::id())
        .ok_or_else(|| RunError::Other("/proc does not say how large this process is".into()))
}

/// From /proc/PID/stat: fields 14 and 15 are CPU ticks (user, system), 23 is mapped bytes, 24 resident pages.
fn process_figures(pid: u32) -> Option<ProcessFigures> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let ticks = number(14)? + number(15)?;
    let mapped_bytes = number(23)?;
    let resident_bytes = number(24)? * rustix::param::page_size() as u64;
    Some(ProcessFigures {
        cpu_s: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
        mapped_bytes,
        resident_bytes,
    })
}

/// A load process that is running; its report is its last line on stdout.
pub struct LoadProcess {
    child: Child,
}

impl LoadProcess {
    /// Starts `scrip load` with these arguments. Its progress goes to this process's stderr unless `quiet`.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start(arguments: &[String], token: &str, quiet: bool) -> Result<LoadProcess, RunError> {
        let child = Command::new(program()?)
            .arg("load")
            .arg("--json")
            .args(arguments)
            .env("SCRIP_TOKEN", token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(if quiet { Stdio::null() } else { Stdio::inherit() })
            .spawn()
            .map_err(system("starting the load"))?;
        Ok(LoadProcess { child })
    }

    /// Waits for its end and answers its report, whatever its exit status: the report says what failed.
    ///
    /// # Errors
    /// If it ended without a report.
    pub fn finish(mut self) -> Result<serde_json::Value, RunError> {
        let mut output = String::new();
        let stdout = self.child.stdout.as_mut().expect("piped");
        stdout.read_to_string(&mut output).map_err(system("reading from the load"))?;
        let status = self.child.wait().map_err(system("waiting for the load"))?;
        let last = output.lines().last().unwrap_or_default();
        serde_json::from_str(last).map_err(|_| RunError::Ended {
            what: "the load",
            status,
            output: last.to_owned(),
        })
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for LoadProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A temporary place with a data directory: servers and tools are run here.

use super::binary::binary;
use super::drivers;
use super::server::{Ended, Server};
use scrip_client::{MerchantId, Token};
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Flags of a small server that starts fast.
pub const SMALL: &[&str] =
    &["--memory", "64MiB", "--segment-bytes", "16MiB", "--segments-ready", "1", "--segments-ahead", "1"];

/// Flags that a test does not know of, with their values: the driver it runs on, and SCRIP_TEST_SHARDS. Its own win.
fn asked_for() -> Vec<String> {
    let flag = |name: &str, value: Option<String>| value.map(|value| [name.to_owned(), value]);
    let (io, shards) = (drivers::asked_for(), std::env::var("SCRIP_TEST_SHARDS").ok());
    [flag("--io", io), flag("--shards", shards)].into_iter().flatten().flatten().collect()
}

/// A free port of this machine.
pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A place of its own, removed with the value.
#[derive(Debug)]
pub struct Site {
    directory: TempDir,
    data: PathBuf,
}

/// What a tool has said.
#[derive(Debug)]
pub struct Said {
    /// Exit status; none if a signal ended it.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Said {
    /// The last line of stdout as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// What stands behind a word at the beginning of a line.
    ///
    /// # Panics
    /// If no line begins so.
    pub fn field(&self, name: &str) -> &str {
        let found = self.stdout.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap_or_else(|| panic!("no {name}: {self:#?}")).trim()
    }

    /// The words of the line that begins with this one, without it.
    ///
    /// # Panics
    /// If no line begins so.
    pub fn row(&self, name: &str) -> Vec<&str> {
        let found = self.stdout.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_else(|| panic!("no {name}: {self:#?}")).split_whitespace().skip(1).collect()
    }

    /// Asserts that it went well.
    ///
    /// # Panics
    /// If not.
    pub fn well(self) -> Said {
        assert_eq!(self.status, Some(0), "{self:#?}");
        self
    }

    /// Asserts that it printed all of `words`.
    ///
    /// # Panics
    /// If not.
    pub fn tells(&self, words: &[&str]) -> &Said {
        for word in words {
            assert!(self.stdout.contains(word), "stdout lacks {word:?}: {self:#?}");
        }
        self
    }

    /// Asserts that it failed with an exit status and said all of `words` on stderr.
    ///
    /// # Panics
    /// If not.
    pub fn badly(self, words: &[&str]) -> Said {
        assert!(self.status.is_some_and(|status| status != 0), "it should have failed: {self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "stderr lacks {word:?}: {self:#?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }
}

impl Default for Site {
    fn default() -> Site {
        Site::new()
    }
}

impl Site {
    /// An empty place.
    ///
    /// # Panics
    /// If there is none to be had.
    pub fn new() -> Site {
        let directory =
            tempfile::Builder::new().prefix("scrip-test-").tempdir().expect("a temporary directory");
        let data = directory.path().join("data");
        Site { directory, data }
    }

    /// The same, with the data directory where commands look for it that name none.
    ///
    /// # Panics
    /// If there is none to be had.
    pub fn at_home() -> Site {
        let site = Site::new();
        let data = site.path().join("scrip-data");
        Site { data, ..site }
    }

    /// The same, with the data directory elsewhere.
    pub fn with_data(data: PathBuf) -> Site {
        Site { data, ..Site::new() }
    }

    /// The place itself.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The data directory as an argument.
    pub fn data_text(&self) -> &str {
        self.data.to_str().expect("temporary paths are UTF-8")
    }

    /// The segments of the log, in order.
    ///
    /// # Panics
    /// If the log can't be listed.
    pub fn segments(&self) -> Vec<PathBuf> {
        let mut segments: Vec<PathBuf> = fs::read_dir(self.data.join("shard-0"))
            .expect("the log's directory")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        segments.sort();
        segments
    }

    /// Makes a token for a merchant.
    ///
    /// # Panics
    /// If it is refused.
    pub fn token(&self, merchant: MerchantId) -> Token {
        let merchant = merchant.0.to_string();
        let said = self.run(&["token", "create", "--merchant", &merchant, "--data", self.data_text()]).well();
        said.stdout.trim().parse().unwrap_or_else(|_| panic!("no token: {said:#?}"))
    }

    /// Starts a small server with a token for merchant 1, on the driver that the test is asked to run on.
    ///
    /// # Panics
    /// If it does not start.
    pub fn serve(&self, further: &[&str]) -> Server {
        self.serve_at(ANY_PORT, further)
    }

    /// The same at a given address.
    ///
    /// # Panics
    /// If it does not start.
    pub fn serve_at(&self, listen: SocketAddr, further: &[&str]) -> Server {
        let asked_for = asked_for();
        let asked_for = asked_for.iter().map(String::as_str);
        let flags: Vec<&str> = ["--dev"]
            .into_iter()
            .chain(SMALL.iter().copied())
            .chain(asked_for)
            .chain(further.iter().copied())
            .collect();
        Server::start(self, listen, &flags)
            .unwrap_or_else(|ended| panic!("the server did not start: {ended:#?}"))
    }

    /// Kills the server as a power cut would, and starts it again.
    ///
    /// # Panics
    /// If it does not start.
    pub fn again(&self, server: Server) -> Server {
        server.kill();
        self.serve(&[])
    }

    /// Starts a small server that must not start.
    ///
    /// # Panics
    /// If it does, or does not say all of `words`.
    pub fn refuses_to_serve(&self, further: &[&str], words: &[&str]) -> Said {
        let flags: Vec<&str> = SMALL.iter().chain(further).copied().collect();
        match Server::start(self, ANY_PORT, &flags) {
            Ok(server) => panic!("it started: {}", server.ready_line()),
            Err(Ended { status, stderr }) => {
                Said { status: status.code(), stdout: String::new(), stderr }.badly(words)
            }
        }
    }

    /// Runs a tool to its end, here.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, None)
    }

    /// Runs a tool that starts servers of its own: on the driver that the test is asked to run on.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn run_on_driver(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, drivers::asked_for())
    }

    fn run_with(&self, arguments: &[&str], io: Option<String>) -> Said {
        let output = Command::new(binary())
            .args(arguments)
            .envs(io.map(|driver| ("SCRIP_IO", driver)))
            .current_dir(self.path())
            .env_remove("SCRIP_TOKEN")
            .env_remove("SCRIP_SERVER")
            .stdin(Stdio::null())
            .output()
            .expect("the binary can be started");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("tools speak UTF-8");
        Said { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a whole command line as it is typed here: `scrip stock show steam50`.
    ///
    /// # Panics
    /// If it can't be started, or is another program's.
    pub fn typed(&self, line: &str) -> Said {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words.first(), Some(&"scrip"), "{line}");
        self.run(&words[1..])
    }

    /// Runs a subcommand against the server of this place.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn line(&self, command: &str) -> Said {
        self.words(&command.split_whitespace().collect::<Vec<_>>())
    }

    /// The same, where an argument may have spaces in it.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn words(&self, arguments: &[&str]) -> Said {
        self.run(&[arguments, &["--data", self.data_text()]].concat())
    }

    /// Runs `scrip verify --json`, which must pass.
    ///
    /// # Panics
    /// If it does not.
    pub fn verify(&self) -> serde_json::Value {
        self.run(&["verify", "--json", self.data_text()]).well().json()
    }

    /// Every file of the data directory: its length and a checksum of its bytes. Whoever writes nothing leaves it equal.
    ///
    /// # Panics
    /// If something can't be read.
    pub fn picture(&self) -> BTreeMap<PathBuf, (usize, u64)> {
        let mut picture = BTreeMap::new();
        let mut folders = vec![self.data.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::read(&path).expect("a readable file");
                    picture.insert(path, (bytes.len(), checksum(&bytes)));
                }
            }
        }
        picture
    }
}

/// FNV-1a over words of eight bytes: enough to see that a file has changed.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x100_0000_01b3)
    })
}

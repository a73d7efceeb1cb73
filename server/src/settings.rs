//! Settings of a server: defaults, then the file, then the environment, then flags; the later wins.
//!
//! One table: a setting is a field of [`Settings`], `SCRIP_<NAME>` in the environment, `name = ...` in the file and
//! `--name` on the command line. Invariant: what comes out of [`Settings::load`] is inside its bounds.

use crate::data_directory::SHARDS_MAX;
use clap::Args;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use scrip_engine::limits::{Capacity, Rules};
use serde::{Deserialize, Deserializer, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything a server can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the binary protocol; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address of /metrics, /health and /stocks (which takes a token); port 0 takes a free one.
    pub http: SocketAddr,
    /// Data directory.
    pub data: PathBuf,
    /// File of the master key that card keys are sealed under; beside the data directory if not given.
    pub master_key: Option<PathBuf>,
    /// Folder of the keys of users' labels; beside the data directory if not given. Never part of a backup.
    pub person_keys: Option<PathBuf>,
    /// Memory for the tables, in bytes.
    #[serde(deserialize_with = "size")]
    pub memory: u64,
    /// Socket driver.
    pub io: Io,
    /// Shards of a new data directory; an existing one keeps its own.
    pub shards: Option<u32>,
    /// Connections served at once; more are closed at accept.
    pub connections_max: u32,
    /// Seconds without a byte after which a connection is closed.
    pub idle_timeout_s: u64,
    /// Codes of cards that open nothing, in a minute and for one token, after which no more are looked up; 0: no maximum.
    pub code_failures_max: u32,
    /// Milliseconds that operation ids are remembered when memory allows.
    pub operation_window_ms: u64,
    /// Milliseconds that operation ids are remembered at least.
    pub operation_window_min_ms: u64,
    /// Milliseconds after its expiry in which a hold can still be confirmed.
    pub late_confirm_ms: u64,
    /// Bytes of a log segment.
    #[serde(deserialize_with = "size")]
    pub segment_bytes: u64,
    /// Segments kept prepared ahead of the one being written.
    pub segments_ahead: u32,
    /// Segments prepared before the server listens.
    pub segments_ready: u32,
    /// Milliseconds that a shutdown waits for answers on their way.
    pub drain_ms: u64,
    /// Days that the machine's clock may lie from the log's last time at start.
    pub clock_jump_days: u64,
    /// Accept the machine's clock whatever the log says.
    pub accept_clock: bool,
    /// Listen beyond loopback without TLS.
    pub insecure: bool,
}

/// The socket driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Io {
    /// tokio, which works everywhere.
    Auto,
    /// tokio: epoll under a runtime.
    Tokio,
    /// glommio: io_uring, thread per core; needs a kernel that allows it.
    Glommio,
    /// A plain loop over epoll.
    Ready,
}

impl Io {
    /// Its name, as `--io` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Io::Auto => "auto",
            Io::Tokio => "tokio",
            Io::Glommio => "glommio",
            Io::Ready => "ready",
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let rules = Rules::default();
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 7480)),
            http: SocketAddr::from(([127, 0, 0, 1], 7481)),
            data: PathBuf::from("scrip-data"),
            master_key: None,
            person_keys: None,
            memory: 1 << 30,
            io: Io::Auto,
            shards: None,
            connections_max: 10_240,
            idle_timeout_s: 300,
            code_failures_max: 600,
            operation_window_ms: rules.operation_window_ms,
            operation_window_min_ms: rules.operation_window_min_ms,
            late_confirm_ms: rules.late_confirm_ms,
            segment_bytes: scrip_wal::limits::SEGMENT_BYTES,
            segments_ahead: 2,
            segments_ready: 1,
            drain_ms: 5_000,
            clock_jump_days: 30,
            accept_clock: false,
            insecure: false,
        }
    }
}

/// The same settings as flags. What is not given stays as it is.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct SettingFlags {
    /// Address of the binary protocol (port 0: a free one) [default: 127.0.0.1:7480]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Address of /metrics, /health and /stocks (port 0: a free one) [default: 127.0.0.1:7481]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<SocketAddr>,
    /// Data directory [default: scrip-data]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// File of the master key that card keys are sealed under; made at the first start [default: DATA.master-key]
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key: Option<PathBuf>,
    /// Folder of the keys of users' labels, which no backup may have; made with the first label [default: DATA.person-keys]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person_keys: Option<PathBuf>,
    /// Memory for the tables: a number with KiB, MiB or GiB [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Socket driver [default: auto]
    #[arg(long, value_name = "DRIVER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io: Option<Io>,
    /// Shards, an owner thread and a log each; a data directory keeps the number it was made with [default: one per core but one, and per 512MiB of memory]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    /// Connections served at once [default: 10240]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_max: Option<u32>,
    /// Seconds without a byte after which a connection is closed [default: 300]
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout_s: Option<u64>,
    /// Codes of cards that open nothing, in a minute and for one token, after which its codes are answered THROTTLED for the
    /// rest of the minute; 0: no maximum [default: 600]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_failures_max: Option<u32>,
    /// Milliseconds that operation ids are remembered when memory allows [default: 24 h]
    #[arg(long, value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_window_ms: Option<u64>,
    /// Milliseconds that operation ids are remembered at least [default: 10 min]
    #[arg(long, value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_window_min_ms: Option<u64>,
    /// Milliseconds after its expiry in which a hold can still be confirmed [default: 24 h]
    #[arg(long, value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_confirm_ms: Option<u64>,
    /// Bytes of a log segment: a number with KiB, MiB or GiB [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_bytes: Option<u64>,
    /// Segments kept prepared ahead of the one being written [default: 2]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments_ahead: Option<u32>,
    /// Segments prepared before the server listens [default: 1]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments_ready: Option<u32>,
    /// Milliseconds that a shutdown waits for answers on their way [default: 5000]
    #[arg(long, value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_ms: Option<u64>,
    /// Days that the machine's clock may lie from the log's last time at start [default: 30]
    #[arg(long, value_name = "DAYS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_jump_days: Option<u64>,
    /// Accept the machine's clock at this start whatever the log says
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub accept_clock: bool,
    /// Listen beyond loopback although this version has no TLS
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file or variable can't be read.
    #[error("settings: {0}")]
    Read(Box<figment::Error>),
    /// A value out of bounds.
    #[error("setting {name}: {why}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What is wrong and what to do.
        why: String,
    },
}

/// The least memory that makes sense.
const MEMORY_MIN: u64 = 16 << 20;
/// Memory that each shard of a new data directory has at least, unless their number is given.
const SHARD_MEMORY: u64 = 512 << 20;
/// The smallest segment: when the disk is full, what ends holds goes on from the rest of one, beyond the frames that are
/// on their way.
const SEGMENT_BYTES_MIN: u64 = 16 << 20;
const _: () = assert!(SEGMENT_BYTES_MIN >= 4 * scrip_shard::FRAMES_ON_THEIR_WAY_BYTES);

/// A size in the file or the environment: a number of bytes, or text as on the command line.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }
    match Size::deserialize(deserializer)? {
        Size::Bytes(bytes) => Ok(bytes),
        Size::Text(text) => parse_size(&text).map_err(serde::de::Error::custom),
    }
}

impl Settings {
    /// Puts the settings together and checks them.
    ///
    /// # Errors
    /// [`SettingsError`], naming the setting.
    pub fn load(file: Option<PathBuf>, flags: &SettingFlags) -> Result<Settings, SettingsError> {
        let mut figment = Figment::from(Serialized::defaults(Settings::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let names: Vec<String> = setting_names();
        let environment =
            Env::prefixed("SCRIP_").filter(move |key| names.iter().any(|name| key == name.as_str()));
        let figment = figment.merge(environment).merge(Serialized::defaults(flags));
        let settings: Settings = figment.extract().map_err(|error| SettingsError::Read(Box::new(error)))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let refuse = |name, why: String| Err(SettingsError::Value { name, why });
        if self.memory < MEMORY_MIN {
            return refuse("memory", format!("{} bytes are too few: at least 16MiB", self.memory));
        }
        if let Some(shards) = self.shards {
            if !(1..=SHARDS_MAX).contains(&shards) {
                return refuse("shards", format!("{shards} shards: 1 to {SHARDS_MAX} can be"));
            }
            self.check_memory(shards)?;
        }
        for (name, address) in [("listen", self.listen), ("http", self.http)] {
            if !address.ip().is_loopback() && !self.insecure {
                let why = format!(
                    "{address} is reachable from elsewhere and there is no TLS yet: add --insecure if the network is trusted"
                );
                return refuse(name, why);
            }
        }
        let most = scrip_wal::limits::SEGMENT_BYTES_MAX;
        if !(SEGMENT_BYTES_MIN..=most).contains(&self.segment_bytes)
            || !self.segment_bytes.is_multiple_of(4096)
        {
            return refuse(
                "segment_bytes",
                format!("{SEGMENT_BYTES_MIN} to {most} bytes, in whole 4 KiB blocks"),
            );
        }
        let ahead = scrip_wal::limits::SEGMENTS_AHEAD_MAX;
        if !(1..=ahead).contains(&self.segments_ahead) {
            let why = "1 to {ahead}: without one ahead a full disk is found too late"
                .replace("{ahead}", &ahead.to_string());
            return refuse("segments_ahead", why);
        }
        if self.segments_ready > ahead {
            return refuse(
                "segments_ready",
                format!("{} segments: at most {ahead} are prepared", self.segments_ready),
            );
        }
        if self.connections_max == 0 {
            return refuse("connections_max", "0 connections would serve nobody: at least 1".into());
        }
        if let Err(error) = self.rules().check() {
            return refuse(error.name, error.to_string());
        }
        Ok(())
    }

    /// How many shards a new data directory gets on a machine with so many cores, if nobody says how many: one core is
    /// left for the log threads and the rest.
    pub fn shards_for(&self, cores: u32) -> u32 {
        let fitting = u32::try_from(self.memory / SHARD_MEMORY).unwrap_or(SHARDS_MAX);
        cores.saturating_sub(1).min(fitting).clamp(1, SHARDS_MAX)
    }

    /// Checks that the memory is enough for `shards` shards.
    ///
    /// # Errors
    /// [`SettingsError`], if it is not.
    pub fn check_memory(&self, shards: u32) -> Result<(), SettingsError> {
        if self.memory / u64::from(shards) < MEMORY_MIN {
            let why =
                format!("{} bytes are too few for {shards} shards: at least 16MiB for each", self.memory);
            return Err(SettingsError::Value { name: "memory", why });
        }
        Ok(())
    }

    /// The times that are part of the logged state.
    pub fn rules(&self) -> Rules {
        Rules {
            operation_window_ms: self.operation_window_ms,
            // A shorter window brings its minimum down; nobody should have to say it twice.
            operation_window_min_ms: self.operation_window_min_ms.min(self.operation_window_ms),
            late_confirm_ms: self.late_confirm_ms,
        }
    }

    /// The tables that the memory allows each of `shards` shards.
    pub fn capacity(&self, shards: u32) -> Capacity {
        Capacity::for_memory(self.memory / u64::from(shards))
    }
}

/// The names of all settings.
fn setting_names() -> Vec<String> {
    let value = serde_json::to_value(Settings::default()).expect("settings are plain data");
    value.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default()
}

/// Reads "64MiB", "1GiB", "4096".
///
/// # Errors
/// What is wrong with the text.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (digits, shift) = units
        .iter()
        .find_map(|(unit, shift)| text.strip_suffix(unit).map(|digits| (digits, *shift)))
        .unwrap_or((text, 0));
    let number: u64 =
        digits.trim().parse().map_err(|_| format!("{text:?} is no size: write 512MiB or 4GiB"))?;
    number
        .checked_shl(shift)
        .filter(|size| size >> shift == number)
        .ok_or_else(|| format!("{text:?} is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_has_a_shard_per_core_but_one_if_the_memory_is_enough() {
        let of = |memory, cores| Settings { memory, ..Settings::default() }.shards_for(cores);
        assert_eq!([of(8 << 30, 1), of(8 << 30, 2), of(8 << 30, 8), of(8 << 30, 64)], [1, 1, 7, 16]);
        assert_eq!([of(64 << 20, 8), of(1 << 30, 8), of(1 << 40, 1000)], [1, 2, SHARDS_MAX]);
    }

    #[test]
    fn flags_win_over_the_file_and_bad_values_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("scrip.toml");
        std::fs::write(&file, "memory = \"32MiB\"\ndrain_ms = 7\n").unwrap();
        let flags = SettingFlags { drain_ms: Some(9), ..SettingFlags::default() };
        let settings = Settings::load(Some(file.clone()), &flags).unwrap();
        assert_eq!((settings.memory, settings.drain_ms, settings.shards), (32 << 20, 9, None));

        std::fs::write(&file, "memmory = 1\n").unwrap();
        let error = Settings::load(Some(file), &flags).unwrap_err().to_string();
        assert!(error.contains("memmory"), "{error}");
        let open = SettingFlags { listen: Some("0.0.0.0:1".parse().unwrap()), ..SettingFlags::default() };
        let error = Settings::load(None, &open).unwrap_err().to_string();
        assert!(error.contains("listen") && error.contains("--insecure"), "{error}");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("1GiB"), Ok(1 << 30));
        assert_eq!(parse_size("4096"), Ok(4096));
        assert!(parse_size("many").is_err() && parse_size("99999999999GiB").is_err());
    }
}

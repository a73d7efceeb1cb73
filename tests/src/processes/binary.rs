//! Where the binary comes from: cargo builds it beside the tests, as a product build.
//!
//! The tests themselves are compiled with the planted bugs switched in, so the binary must be a build of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of `scrip`, built in the profile of the running test if it is not up to date. The environment variable
/// SCRIP_BINARY names another one instead.
///
/// # Panics
/// If it can't be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("SCRIP_BINARY").map_or_else(build, PathBuf::from))
}

/// Cargo places a test in TARGET/PROFILE/deps, and a binary in TARGET/PROFILE.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.parent().and_then(Path::parent).expect("a test lies in TARGET/PROFILE/deps");
    let target = folder.parent().expect("a test lies in TARGET/PROFILE/deps");
    let profile = match folder.file_name().and_then(|name| name.to_str()).expect("profiles have plain names")
    {
        "debug" => "dev",
        other => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from(env!("CARGO")));
    let status = Command::new(cargo)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args([
            "build",
            "--quiet",
            "--package",
            "scrip",
            "--bin",
            "scrip",
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(target)
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "cargo build --package scrip: {status}");
    folder.join("scrip")
}

//! `scrip completions` and `scrip man`: what shells and `man` want to know, made from the table of the command line.
//!
//! Invariant: nothing here knows a subcommand by name, so nothing can fall behind.

use crate::cli::Cli;
use clap::CommandFactory;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Why pages could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// Stdout.
    #[error("writing to stdout: {0}")]
    Stdout(std::io::Error),
    /// The directory.
    #[error(
        "writing manual pages to {directory}: {source}. Name a directory that can be written with `--out DIR`"
    )]
    Directory {
        /// Which.
        directory: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Prints a shell's completion script.
///
/// # Errors
/// [`PagesError::Stdout`].
pub fn completions(shell: clap_complete::Shell) -> Result<(), PagesError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "scrip", &mut script);
    print(&script)
}

/// Prints the manual page, or writes the pages of all subcommands to a directory, which is made if it is not there.
///
/// # Errors
/// [`PagesError`].
pub fn man(out: Option<&Path>) -> Result<(), PagesError> {
    let Some(directory) = out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(PagesError::Stdout)?;
        return print(&page);
    };
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .map_err(|source| PagesError::Directory { directory: directory.to_owned(), source });
    written?;
    println!("manual pages are in {0}: `man -l {0}/scrip.1`", directory.display());
    Ok(())
}

/// Whoever reads may have read enough, as `head` does: that is no failure.
fn print(bytes: &[u8]) -> Result<(), PagesError> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(PagesError::Stdout(error)),
        _ => Ok(()),
    }
}

//! A terminal for programs that draw: a pseudo terminal whose far end is read here.
//!
//! Invariant: waiting has a deadline, and what is waited for is something that was drawn.

use super::PATIENCE;
use super::binary::binary;
use super::site::Site;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::time::Instant;

/// A terminal of a size.
#[derive(Debug)]
pub struct Terminal {
    far: File,
    near: OwnedFd,
    /// What was drawn and not waited for yet.
    drawn: String,
}

impl Terminal {
    /// Opens one.
    ///
    /// # Panics
    /// If the system has none.
    pub fn open(rows: u16, columns: u16) -> Terminal {
        let far = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo terminal");
        grantpt(&far).and_then(|()| unlockpt(&far)).expect("its own");
        let name = ptsname(&far, Vec::new()).expect("a name");
        let near = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its near end");
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&near, size).expect("a size");
        Terminal { far: File::from(far), near, drawn: String::new() }
    }

    /// Whether it echoes and gathers lines, as bits.
    ///
    /// # Panics
    /// If it can't be asked.
    pub fn modes(&self) -> u64 {
        let asked = tcgetattr(&self.near).expect("a terminal");
        u64::from((asked.local_modes & (LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)).bits())
    }

    /// Starts `scrip` on it.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn spawn(&self, site: &Site, arguments: &[&str]) -> Child {
        let end = || self.near.try_clone().expect("another handle");
        Command::new(binary())
            .args(arguments)
            .current_dir(site.path())
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the binary can be started")
    }

    /// Types.
    ///
    /// # Panics
    /// If nobody takes it.
    pub fn type_in(&mut self, keys: &str) {
        self.far.write_all(keys.as_bytes()).expect("a terminal takes keys");
    }

    /// Waits until this is drawn, and forgets what was drawn up to it.
    ///
    /// # Panics
    /// If it is not drawn in time.
    pub fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.drawn.find(text) {
                self.drawn.drain(..at + text.len());
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{text:?} was not drawn: {:?}", self.drawn);
            let left = Timespec::try_from(left).expect("a short time");
            let ready = poll(&mut [PollFd::new(&self.far, PollFlags::IN)], Some(&left)).expect("poll works");
            if ready > 0 {
                let read = self.far.read(&mut buffer).expect("what was drawn");
                self.drawn.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        }
    }
}

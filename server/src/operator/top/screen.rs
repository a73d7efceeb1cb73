//! The terminal that `scrip top` draws on: a second screen, so that what was there comes back.
//!
//! Invariant: however the view ends (a key, an error, a panic), the terminal is as it was before.

use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::style::Print;
use crossterm::terminal::{
    self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use std::io::{self, Stdout, Write};
use std::time::{Duration, Instant};

/// A terminal in our hands.
pub struct Screen {
    out: Stdout,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// [`io::Error`], if it is none.
    pub fn take() -> io::Result<Screen> {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            default(info);
        }));
        enable_raw_mode()?;
        let mut out = io::stdout();
        execute!(out, EnterAlternateScreen, cursor::Hide)?;
        Ok(Screen { out })
    }

    /// Draws the lines, as far as they fit.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let (columns, rows) = terminal::size()?;
        queue!(self.out, cursor::MoveTo(0, 0))?;
        for (row, line) in (0..rows.saturating_sub(1)).zip(lines) {
            let fitting: String = line.chars().take(usize::from(columns)).collect();
            queue!(self.out, cursor::MoveTo(0, row), Print(fitting), Clear(ClearType::UntilNewLine))?;
        }
        let below = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(rows.saturating_sub(1));
        queue!(self.out, cursor::MoveTo(0, below), Clear(ClearType::FromCursorDown), Print("q: quit"))?;
        self.out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Nothing is left to be done where that fails.
fn give_back() {
    let _ = execute!(io::stdout(), cursor::Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
}

/// Waits until a time, or for a key that ends the view; answers whether one came. Blocks.
///
/// # Errors
/// [`io::Error`].
pub fn ended_before(until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if !event::poll(left)? {
            return Ok(false);
        }
        match event::read()? {
            Event::Key(key) if ends(key.code, key.modifiers) => return Ok(true),
            // A terminal of another size is drawn on at once.
            Event::Resize(..) => return Ok(false),
            _ if left == Duration::ZERO => return Ok(false),
            _ => {}
        }
    }
}

fn ends(code: KeyCode, modifiers: KeyModifiers) -> bool {
    let interrupt = modifiers.contains(KeyModifiers::CONTROL) && matches!(code, KeyCode::Char('c' | 'd'));
    interrupt || matches!(code, KeyCode::Char('q') | KeyCode::Esc)
}

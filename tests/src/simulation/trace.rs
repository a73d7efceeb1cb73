//! The trace of a run: nothing, a text to compare, or lines for people.
//!
//! Invariant: what is traced follows from the seed alone, so the same seed gives the same text.

use std::fmt::{Arguments, Write};

/// Where the lines of a run go.
#[derive(Debug, Default)]
pub enum Trace {
    /// Nowhere.
    #[default]
    Off,
    /// Into a text.
    Kept(String),
    /// To standard output.
    Printed,
}

impl Trace {
    /// One line.
    pub fn line(&mut self, words: Arguments<'_>) {
        match self {
            Trace::Off => {}
            Trace::Kept(text) => {
                text.write_fmt(words).expect("writing to a text can't fail");
                text.push('\n');
            }
            Trace::Printed => println!("{words}"),
        }
    }
}

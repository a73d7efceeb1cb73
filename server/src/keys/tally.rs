//! What became of the rows of an import: counts, the first lines of each kind, and all of them in a file if wanted.
//!
//! Invariant: every row is counted once, so that the kinds add up to the rows. No text of a key comes in here.

use crate::operator::grouped;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Line numbers kept of each kind.
const LINES_SHOWN_MAX: usize = 20;

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In stock now.
    Ok,
    /// The same key stands further up in the file.
    Duplicate,
    /// In stock, or sold, before.
    AlreadyThere,
    /// No key.
    Invalid,
    /// Refused for want of room.
    OverCapacity,
    /// An empty line.
    Blank,
}

impl Kind {
    const ALL: [Kind; 6] =
        [Kind::Ok, Kind::Duplicate, Kind::AlreadyThere, Kind::Invalid, Kind::OverCapacity, Kind::Blank];

    const fn name(self) -> &'static str {
        match self {
            Kind::Ok => "ok",
            Kind::Duplicate => "duplicate",
            Kind::AlreadyThere => "already there",
            Kind::Invalid => "invalid",
            Kind::OverCapacity => "over capacity",
            Kind::Blank => "blank",
        }
    }
}

/// One row that is not in stock because of this import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    line: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'static str,
}

#[derive(Debug, Default)]
struct Counted {
    rows: u64,
    /// In ascending order.
    first: Vec<Line>,
}

/// Counts rows.
#[derive(Debug, Default)]
pub struct Tally {
    kinds: [Counted; Kind::ALL.len()],
    rejects: Option<BufWriter<File>>,
}

impl Tally {
    /// A tally that writes every row that is not ok into this file.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn new(rejects: Option<&Path>) -> io::Result<Tally> {
        let mut rejects = rejects.map(File::create).transpose()?.map(BufWriter::new);
        if let Some(rejects) = &mut rejects {
            writeln!(rejects, "line,kind,why")?;
        }
        Ok(Tally { rejects, ..Tally::default() })
    }

    /// Counts a row. Rows may come out of order.
    ///
    /// # Errors
    /// [`io::Error`] of the file of rejects.
    pub fn add(&mut self, kind: Kind, line: u64, why: &'static str) -> io::Result<()> {
        let counted = &mut self.kinds[kind as usize];
        counted.rows += 1;
        if kind == Kind::Ok {
            return Ok(());
        }
        let place = counted.first.partition_point(|shown| shown.line < line);
        if place < LINES_SHOWN_MAX {
            counted.first.insert(place, Line { line, why });
            counted.first.truncate(LINES_SHOWN_MAX);
        }
        match &mut self.rejects {
            Some(rejects) => writeln!(rejects, "{line},{},\"{why}\"", kind.name()),
            None => Ok(()),
        }
    }

    /// Writes what is left of the file of rejects.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn finish(&mut self) -> io::Result<()> {
        self.rejects.as_mut().map_or(Ok(()), Write::flush)
    }

    /// Rows of a kind.
    pub fn rows(&self, kind: Kind) -> u64 {
        self.kinds[kind as usize].rows
    }

    /// Rows of all kinds.
    pub fn total(&self) -> u64 {
        self.kinds.iter().map(|counted| counted.rows).sum()
    }

    /// Whether every key of the file is in stock or was before.
    pub fn complete(&self) -> bool {
        self.rows(Kind::Invalid) + self.rows(Kind::OverCapacity) == 0
    }

    /// The table for people. In a dry run nobody knows what is there already, nor what there is room for.
    pub fn print(&self, dry_run: bool) {
        println!("rows          {:>14}", grouped(self.total()));
        for kind in Kind::ALL {
            let unknown = dry_run && matches!(kind, Kind::AlreadyThere | Kind::OverCapacity);
            let rows = if unknown { "not known".to_owned() } else { grouped(self.rows(kind)) };
            println!("{}", format!("{:<14}{rows:>14}{}", kind.name(), self.lines_text(kind)).trim_end());
        }
    }

    /// The kinds that there are rows of, in one line.
    pub fn summary(&self) -> String {
        let there = Kind::ALL.into_iter().filter(|kind| *kind == Kind::Ok || self.rows(*kind) > 0);
        let words = there.map(|kind| format!("{} {}", kind.name(), grouped(self.rows(kind))));
        words.collect::<Vec<_>>().join(", ")
    }

    fn lines_text(&self, kind: Kind) -> String {
        let counted = &self.kinds[kind as usize];
        if counted.first.is_empty() {
            return String::new();
        }
        let line = |line: &Line| match line.why {
            "" => line.line.to_string(),
            why => format!("{} ({why})", line.line),
        };
        let more = if counted.rows > counted.first.len() as u64 { ", ..." } else { "" };
        format!("  lines {}{more}", counted.first.iter().map(line).collect::<Vec<_>>().join(", "))
    }

    /// The same as JSON.
    pub fn json(&self, dry_run: bool) -> serde_json::Map<String, serde_json::Value> {
        let mut object = serde_json::Map::new();
        object.insert("rows".into(), self.total().into());
        let mut lines = serde_json::Map::new();
        for kind in Kind::ALL {
            let name = kind.name().replace(' ', "_");
            let unknown = dry_run && matches!(kind, Kind::AlreadyThere | Kind::OverCapacity);
            let rows = (!unknown).then(|| self.rows(kind));
            object.insert(name.clone(), rows.into());
            if kind != Kind::Ok {
                let first = serde_json::to_value(&self.kinds[kind as usize].first).expect("plain data");
                lines.insert(name, first);
            }
        }
        object.insert("lines".into(), lines.into());
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_add_up_and_the_first_lines_are_the_lowest() {
        let mut tally = Tally::default();
        for line in (1..=50).rev() {
            tally.add(Kind::Duplicate, line, "").unwrap();
            tally.add(Kind::Ok, 100 + line, "").unwrap();
        }
        tally.add(Kind::Invalid, 7, "a control character").unwrap();
        assert_eq!((tally.total(), tally.rows(Kind::Ok), tally.complete()), (101, 50, false));
        assert_eq!(tally.summary(), "ok 50, duplicate 50, invalid 1");
        let json = tally.json(true);
        assert_eq!(json["lines"]["duplicate"].as_array().map(Vec::len), Some(LINES_SHOWN_MAX));
        assert_eq!(json["lines"]["duplicate"][0]["line"], 1);
        assert_eq!(json["lines"]["invalid"][0]["why"], "a control character");
        assert!(json["already_there"].is_null() && json["ok"] == 50);
        assert!(tally.lines_text(Kind::Duplicate).ends_with("20, ..."));
        assert_eq!(tally.lines_text(Kind::Invalid), "  lines 7 (a control character)");
    }
}

//! Flags of `scrip keys` and `scrip import`. They stand here, beside what they ask for, and not in the table of subcommands.

use super::file::{Column, Layout};
use crate::cli::{CallArgs, ServerArgs};
use clap::{Args, Subcommand};
use scrip_client::ChannelId;
use std::path::PathBuf;

/// `scrip import`.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// From dujiaoka (独角数卡): unsold keys into stocks named after their goods, sold ones to their orders
    Dujiaoka(DujiaokaArgs),
}

/// `scrip import dujiaoka`.
#[derive(Debug, Args)]
pub struct DujiaokaArgs {
    /// A dump as mysqldump makes it, or goods.csv, carmis.csv and orders.csv with headers
    #[arg(value_name = "FILE", required = true, num_args = 1..=3)]
    pub files: Vec<PathBuf>,
    /// Read and count only; no server is asked, and nothing changes
    #[arg(long)]
    pub dry_run: bool,
    /// Begins the names of the stocks
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub prefix: String,
    /// The channel that sold keys were sold through
    #[arg(long, default_value = "own", value_parser = scrip_client::channel_id)]
    pub channel: ChannelId,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Import a file of keys, once however often it is run: text (one key a line) or CSV, UTF-8 or GB18030
    Import(Box<ImportArgs>),
    /// Show the batches of a stock in the order of sale
    Batches {
        /// The stock's name (or number)
        stock: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        server: ServerArgs,
    },
    /// Set the unsold keys of a batch aside
    Freeze(BatchArgs),
    /// Make the keys of a frozen batch available again
    Unfreeze(BatchArgs),
    /// Take the unsold keys of a batch out for good
    Void(BatchArgs),
    /// Show the keys of a confirmed hold: numbers, and the last four characters
    Show(CallArgs),
    /// Print the keys of a confirmed hold in clear text, one a line; that it was done is recorded
    Reveal(CallArgs),
    /// Void a key of a confirmed hold and bind another in its place
    Replace {
        #[command(flatten)]
        #[allow(missing_docs)]
        hold: CallArgs,
        /// The key's number, from `scrip keys show`
        key: u32,
        /// Why, by your own numbers
        #[arg(long, default_value_t = 0, value_name = "N")]
        reason: u16,
    },
    /// Write the keys of a stock as CSV: batch, state, hold and order, and how each text ends
    Export(ExportArgs),
    /// Take a key that was never shown back from a hold confirmed hidden, to be sold again
    Reclaim {
        #[command(flatten)]
        #[allow(missing_docs)]
        hold: CallArgs,
        /// The key's number, from `scrip keys show`
        key: u32,
        /// Why, by your own numbers
        #[arg(long, default_value_t = 0, value_name = "N")]
        reason: u16,
    },
}

/// `scrip keys export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The stock's name (or number)
    pub stock: String,
    /// Only keys of this batch
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,
    /// Write to this new file, which its owner alone can read [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write whole texts; that it was done is recorded, and the token must be allowed to `export`
    #[arg(long)]
    pub clear: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// A batch of a stock.
#[derive(Debug, Args)]
pub struct BatchArgs {
    /// The stock's name (or number)
    pub stock: String,
    /// The batch's number
    pub batch: u32,
    /// Also where that cuts into channels' guarantees, which are lowered then
    #[arg(long)]
    pub forced: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// In which encoding a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EncodingName {
    /// UTF-8 if all of it is, else GB18030
    Auto,
    /// UTF-8
    #[value(name = "utf-8")]
    Utf8,
    /// GB18030, GBK, GB2312
    Gb18030,
}

/// `scrip keys import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The stock's name (or number); `scrip stock create NAME --keys` makes one
    pub stock: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: SourceArgs,
    /// The batch; it is made if it is not there
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub batch: u32,
    /// Where a new batch is from
    #[arg(long, value_name = "TEXT")]
    pub supplier: Option<String>,
    /// What a key of a new batch cost, in minor units
    #[arg(long, value_name = "MINOR")]
    pub cost: Option<u64>,
    /// When keys of a new batch expire: 2027-01-31, 2027-01-31T12:00:00Z (UTC) or milliseconds since the Unix epoch
    #[arg(long, value_name = "DATE", value_parser = time_ms)]
    pub expires: Option<u64>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// `scrip code import`.
#[derive(Debug, Args)]
pub struct CodeImportArgs {
    /// The campaign's name (or number): each code gets a bearer card of it
    pub campaign: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: SourceArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub server: ServerArgs,
}

/// A file whose rows are imported, and how it is read.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// The file; .csv is read as CSV
    pub file: PathBuf,
    /// Read the file as CSV, what is imported in this column: its number from 1, or its name in the header
    #[arg(long, value_name = "NAME|NUMBER")]
    pub column: Option<Column>,
    /// Read the file as CSV whose first row is a header
    #[arg(long)]
    pub header: bool,
    /// The file's encoding
    #[arg(long, value_enum, default_value_t = EncodingName::Auto)]
    pub encoding: EncodingName,
    /// Read and count only; the server is asked about what the rows would go into, and nothing changes
    #[arg(long)]
    pub dry_run: bool,
    /// Names the import [default: the file's content and what its rows go into do]
    #[arg(long, value_name = "REF")]
    pub operation: Option<String>,
    /// Write line, kind and reason of every row that is not ok here, without its text
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
}

impl SourceArgs {
    /// How the file's rows lie.
    pub fn layout(&self) -> Layout {
        let named_csv = self.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if self.column.is_none() && !self.header && !named_csv {
            return Layout::Lines;
        }
        let column = self.column.clone().unwrap_or(Column::Number(1));
        let header = self.header || matches!(column, Column::Name(_));
        Layout::Csv { column, header }
    }
}

/// A day, a time, or milliseconds since the Unix epoch.
fn time_ms(text: &str) -> Result<u64, String> {
    if let Ok(time_ms) = text.parse() {
        return Ok(time_ms);
    }
    let whole = if text.len() == "2027-01-31".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let time = humantime::parse_rfc3339(&whole).map_err(|error| error.to_string())?;
    let since = time.duration_since(std::time::SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())?;
    u64::try_from(since.as_millis()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_a_time_or_milliseconds() {
        assert_eq!(time_ms("1798761600000"), Ok(1_798_761_600_000));
        assert_eq!(time_ms("2027-01-01"), Ok(1_798_761_600_000));
        assert_eq!(time_ms("2027-01-01T00:00:01Z"), Ok(1_798_761_601_000));
        assert!(time_ms("tomorrow").is_err() && time_ms("2027-13-01").is_err());
    }
}

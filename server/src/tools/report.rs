//! `scrip report`: what was sold, issued and redeemed, by day, stock, channel and merchant.
//!
//! The counting is done in the shard crate, event by event; here logs are read side by side, rows chosen, added up and
//! printed. Invariant: rows add up to the same numbers however they are grouped.

mod print;

use super::ToolError;
use crate::cli::{DayWish, ReportArgs, ReportBy};
use crate::data_directory::DataDirectory;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::civil::Date;
use scrip_engine::calendar::Day;
use scrip_engine::ids::{ChannelId, MerchantId, StockId};
use scrip_shard::{Account, RecoveryError, Report, Tally, report};
use scrip_wal::RealDisk;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a row is of, as far as rows are told apart by it. Goods and cards never share a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    cards: bool,
    day: Option<Day>,
    merchant: Option<MerchantId>,
    stock: Option<StockId>,
    channel: Option<ChannelId>,
}

/// Reads the logs and prints what the arguments ask for.
///
/// # Errors
/// [`ToolError`], naming file, offset and sequence of damage.
pub fn run(arguments: &ReportArgs) -> Result<(), ToolError> {
    let whole = read(&arguments.data)?;
    if let Some(name) = &arguments.stock
        && !whole.names.values().any(|named| named.name == *name)
    {
        return Err(ToolError::UnknownStock(name.clone()));
    }
    let rows = chosen(arguments, &whole);
    if arguments.json {
        print::json(&rows, &whole);
    } else if arguments.csv {
        print::csv(&rows, &whole);
    } else {
        print::tables(&rows, &whole);
    }
    Ok(())
}

/// All shards, each by a thread of its own.
fn read(path: &Path) -> Result<Report, ToolError> {
    let directory = DataDirectory::look(path)?;
    let bars = MultiProgress::new();
    let style =
        ProgressStyle::with_template("reading the log {bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec}")
            .expect("a fixed template");
    let shards: Vec<(PathBuf, ProgressBar)> = (0..directory.manifest().shards)
        .map(|shard| (directory.shard_path(shard), bars.add(ProgressBar::new(0).with_style(style.clone()))))
        .collect();
    let read: Vec<Result<Report, ToolError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = shards
            .iter()
            .enumerate()
            .map(|(shard, (path, bar))| scope.spawn(move || read_shard(shard as u32, path, bar)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a shard's thread panicked")).collect()
    });
    let mut whole = Report::default();
    for shard in read {
        whole.merge(shard?);
    }
    Ok(whole)
}

fn read_shard(shard: u32, path: &Path, bar: &ProgressBar) -> Result<Report, ToolError> {
    let disk = RealDisk::open(path).map_err(|source| ToolError::Io { path: path.to_owned(), source })?;
    let read = report(&disk, shard, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    read.map_err(|source: RecoveryError| ToolError::Recovery { path: path.to_owned(), source })
}

/// The tallies that are asked for, added up by what their rows are told apart by.
fn chosen(arguments: &ReportArgs, whole: &Report) -> BTreeMap<Row, Tally> {
    let mut rows = BTreeMap::new();
    for (account, tally) in &whole.tallies {
        let Some(named) = whole.names.get(&account.stock) else { continue };
        let is_wanted = arguments.channel.is_none_or(|channel| channel == account.channel)
            && arguments.merchant.is_none_or(|merchant| merchant == account.merchant.0)
            && arguments.stock.as_ref().is_none_or(|name| *name == named.name)
            && is_in_time(arguments, account, whole);
        if !is_wanted {
            continue;
        }
        let by = |what| arguments.by.contains(&what);
        let row = Row {
            cards: named.cards,
            day: by(ReportBy::Day).then_some(account.day),
            merchant: by(ReportBy::Merchant).then_some(account.merchant),
            stock: by(ReportBy::Stock).then_some(account.stock),
            channel: by(ReportBy::Channel).then_some(account.channel),
        };
        rows.entry(row).or_insert_with(Tally::default).add(tally);
    }
    rows
}

fn is_in_time(arguments: &ReportArgs, account: &Account, whole: &Report) -> bool {
    let owner = (account.merchant, account.stock.slot());
    let today = whole.today.get(&owner).copied().unwrap_or_default();
    let day_of = |wish: &DayWish| match wish {
        DayWish::Ago(days) => Day(today.0.saturating_sub(*days)),
        DayWish::On(date) => day_number(*date),
    };
    let (from, to) = (
        arguments.day.as_ref().or(arguments.from.as_ref()),
        arguments.day.as_ref().or(arguments.to.as_ref()),
    );
    from.is_none_or(|from| account.day >= day_of(from)) && to.is_none_or(|to| account.day <= day_of(to))
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// The number of a date that is not before 1970.
fn day_number(date: Date) -> Day {
    let days = EPOCH.until(date).map_or(0, |span| span.get_days());
    Day(u32::try_from(days).unwrap_or(0))
}

/// The date of a day.
fn date_of(day: Day) -> Date {
    let days = i64::from(day.0);
    jiff::Span::new().try_days(days).ok().and_then(|span| EPOCH.checked_add(span).ok()).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_and_read_as_the_same_date() {
        for (day, date) in [(0, "1970-01-01"), (19_782, "2024-02-29"), (20_780, "2026-11-23")] {
            assert_eq!(date_of(Day(day)).to_string(), date);
            assert_eq!(day_number(date.parse().expect("a date")), Day(day));
        }
    }
}

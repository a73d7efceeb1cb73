//! Flags of `scrip report`.

use super::values;
use clap::{Args, ValueEnum};
use scrip_client::ChannelId;
use std::path::PathBuf;

const REPORT_HELP: &str = "\
Days are those of each merchant's time zone (scrip merchant zone set), UTC until one is set. A day that is over never changes.
  scrip report                                         all that ever happened, by stock and channel
  scrip report --day today --channel taobao            what one channel sold today
  scrip report --from 2026-11-01 --to 2026-11-30 --by day --csv > november.csv
It reads the log of the data directory, also while a server uses it, and writes nothing.";

/// `scrip report`.
#[derive(Debug, Args)]
#[command(after_help = REPORT_HELP)]
pub struct ReportArgs {
    /// The data directory
    #[arg(long, default_value = "scrip-data", value_name = "DIR")]
    pub data: PathBuf,
    /// One day: today, yesterday or a date
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from", "to"], value_parser = values::day)]
    pub day: Option<values::DayWish>,
    /// From this day on
    #[arg(long, value_name = "DATE", value_parser = values::day)]
    pub from: Option<values::DayWish>,
    /// To this day, itself included
    #[arg(long, value_name = "DATE", value_parser = values::day)]
    pub to: Option<values::DayWish>,
    /// What a row is of
    #[arg(long, value_delimiter = ',', default_value = "stock,channel", value_name = "WHAT,...")]
    pub by: Vec<ReportBy>,
    /// Only this channel, by name or number
    #[arg(long, value_parser = values::channel)]
    pub channel: Option<ChannelId>,
    /// Only the stock or campaign of this name
    #[arg(long, value_name = "NAME")]
    pub stock: Option<String>,
    /// Only this merchant
    #[arg(long, value_name = "NUMBER")]
    pub merchant: Option<u32>,
    /// Print one JSON object, amounts in minor units
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values with all columns, amounts in minor units
    #[arg(long)]
    pub csv: bool,
}

/// What rows of a report are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportBy {
    /// The day
    Day,
    /// The merchant
    Merchant,
    /// The stock or campaign
    Stock,
    /// The channel
    Channel,
}

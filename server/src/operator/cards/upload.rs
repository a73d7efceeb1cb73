//! `scrip card upload`: the uses that a till has taken while it was offline, from a file.
//!
//! It stands apart from one card by hand because a row that fails must not stop those behind it. Invariant: every row is counted
//! once; a row makes the same operation whenever and however often it is brought, so that a rerun repeats.

use super::super::words::{grouped, money};
use super::super::{Failure, OperatorError, run};
use super::{card, named};
use crate::cli::{UploadArgs, values};
use indicatif::{ProgressBar, ProgressStyle};
use scrip_client::{CardName, Client, Error, OfflineUse, Operation, Redeem};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use tokio::task::JoinHandle;

/// Rows that wait for their answers at once.
const UNDER_WAY_MAX: usize = 64;
/// Columns that a row has at least.
const COLUMNS: usize = 5;

/// What was read of a row.
struct Row {
    card: CardName,
    order: String,
    amount: u64,
    occurred_ms: u64,
    terminal: u64,
    /// Names the operation.
    reference: String,
}

impl Row {
    /// Reads a row; `Err`: what of it is not understood. A code is not repeated in that.
    fn read(line: &str) -> Result<Row, String> {
        let fields: Vec<&str> = line.split(',').map(|field| field.trim().trim_matches('"')).collect();
        let [card, order, amount, occurred_at, terminal, ..] = fields[..] else {
            return Err(format!("{} columns, not {COLUMNS}", fields.len()));
        };
        let number =
            |text: &str, what: &str| text.parse::<u64>().map_err(|_| format!("{what} is no number: {text}"));
        let (occurred_ms, till) = (number(occurred_at, "the time")?, number(terminal, "the terminal")?);
        if occurred_ms == 0 {
            return Err("the time is 0".into());
        }
        let reference = match fields.get(COLUMNS).filter(|reference| !reference.is_empty()) {
            Some(reference) => (*reference).to_owned(),
            None => format!("{till}/{occurred_ms}/{card}"),
        };
        Ok(Row {
            card: named(card).map_err(|_| "neither a card's id nor a code".to_owned())?,
            order: order.to_owned(),
            amount: values::amount(amount).map_err(|error| error.to_string())?,
            occurred_ms,
            terminal: till,
            reference,
        })
    }
}

/// A row on its way.
struct Sent {
    line: String,
    answer: JoinHandle<Result<OfflineUse, Error>>,
}

/// What became of the rows.
#[derive(Default)]
struct Report {
    redeemed: u64,
    discount: u64,
    conflicts: u64,
    refused: u64,
    not_understood: u64,
    failures: Option<BufWriter<File>>,
}

impl Report {
    fn fail(&mut self, line: &str, why: &str) -> io::Result<()> {
        match &mut self.failures {
            Some(file) => writeln!(file, "{line},{why}"),
            None => Ok(()),
        }
    }

    fn print(&self) {
        println!("redeemed   {}, {} off", grouped(self.redeemed), money(self.discount));
        println!("conflicts  {}: recorded, and nothing moved", grouped(self.conflicts));
        println!("refused    {}", grouped(self.refused));
        println!("bad rows   {}", grouped(self.not_understood));
    }
}

/// `scrip card upload`.
///
/// # Errors
/// [`OperatorError`], with what to try next; also if rows have failed.
pub(super) fn upload(arguments: &UploadArgs) -> Result<(), OperatorError> {
    run(&arguments.server, arguments.channel, &card::of_card(), async |client| {
        let text =
            std::fs::read_to_string(&arguments.file).map_err(|error| broken(&arguments.file, &error))?;
        let mut report = Report::default();
        if let Some(path) = &arguments.failures {
            report.failures = Some(BufWriter::new(File::create(path).map_err(|error| broken(path, &error))?));
        }
        let bar = progress_bar(text.lines().count() as u64);
        let brought = bring(client, arguments, &text, (&mut report, &bar)).await;
        bar.finish_and_clear();
        if let (Some(file), Some(path)) = (&mut report.failures, &arguments.failures) {
            file.flush().map_err(|error| broken(path, &error))?;
        }
        brought?;
        report.print();
        match report.refused + report.not_understood {
            0 => Ok(()),
            failed if arguments.failures.is_some() => {
                Err(Failure::Wish(format!("{failed} rows have failed: the file of failures says why")))
            }
            failed => Err(Failure::Wish(format!(
                "{failed} rows have failed: name a file with --failures to see why"
            ))),
        }
    })
}

/// Brings every row, a few at once, and counts what becomes of it.
async fn bring(
    client: &Client,
    arguments: &UploadArgs,
    text: &str,
    (report, bar): (&mut Report, &ProgressBar),
) -> Result<(), Failure> {
    let mut under_way: VecDeque<Sent> = VecDeque::with_capacity(UNDER_WAY_MAX);
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start_matches('\u{feff}').trim();
        bar.inc(1);
        if line.is_empty() || at == 0 && line.to_ascii_lowercase().starts_with("card") {
            continue;
        }
        let row = match Row::read(line) {
            Ok(row) => row,
            Err(why) => {
                report.not_understood += 1;
                report.fail(line, &why).map_err(|error| of_failures(arguments, &error))?;
                continue;
            }
        };
        if under_way.len() == UNDER_WAY_MAX {
            count(under_way.pop_front().expect("it is full"), arguments, report).await?;
        }
        under_way.push_back(send(client, arguments, row, line)?);
    }
    while let Some(sent) = under_way.pop_front() {
        count(sent, arguments, report).await?;
    }
    Ok(())
}

fn send(client: &Client, arguments: &UploadArgs, row: Row, line: &str) -> Result<Sent, Failure> {
    let order = if row.order.is_empty() { None } else { Some(client.order_id(&row.order)?) };
    let (store, occurred_ms, terminal) = (arguments.store, row.occurred_ms, row.terminal);
    let operation = Operation { id: client.operation_id(&row.reference)?, created_ms: occurred_ms };
    let request =
        Redeem { order: order.unwrap_or_default(), store, ..Redeem::new(operation, row.card, row.amount) };
    let client = client.clone();
    let answer = tokio::spawn(async move { client.redeem_offline(request, occurred_ms, terminal).await });
    Ok(Sent { line: line.to_owned(), answer })
}

/// Waits for a row's answer. What is no answer ends the upload: a rerun goes on where it ended.
async fn count(sent: Sent, arguments: &UploadArgs, report: &mut Report) -> Result<(), Failure> {
    match sent.answer.await.expect("a call does not panic") {
        Ok(OfflineUse::Redeemed(redeemed)) => {
            report.redeemed += 1;
            report.discount = report.discount.saturating_add(redeemed.discount);
        }
        Ok(OfflineUse::Conflict { .. }) => report.conflicts += 1,
        Err(Error::Rejected(rejection)) => {
            report.refused += 1;
            let why = rejection.code.name();
            report.fail(&sent.line, why).map_err(|error| of_failures(arguments, &error))?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn of_failures(arguments: &UploadArgs, error: &io::Error) -> Failure {
    broken(arguments.failures.as_deref().unwrap_or(&arguments.file), error)
}

fn broken(path: &Path, error: &io::Error) -> Failure {
    Failure::Wish(format!("{}: {error}", path.display()))
}

/// Drawn on a terminal only.
fn progress_bar(rows: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} rows {eta}");
    ProgressBar::new(rows).with_style(style.expect("a template that is known to be right"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_a_card_an_order_an_amount_a_time_and_a_till() {
        let row = Row::read("0000000000000007, T1 ,\"30.00\",1764000000000,9").expect("a row");
        assert_eq!(
            (row.order.as_str(), row.amount, row.occurred_ms, row.terminal),
            ("T1", 3_000, 1_764_000_000_000, 9)
        );
        assert_eq!(row.reference, "9/1764000000000/0000000000000007");
        let named = Row::read("0000000000000007,T1,3000,1764000000000,9,till-9-4711").expect("a row");
        assert_eq!((named.amount, named.reference.as_str()), (3_000, "till-9-4711"));
    }

    #[test]
    fn what_of_a_row_is_not_understood_is_said() {
        for (line, why) in [
            ("0000000000000007,T1,30.00,1764000000000", "4 columns"),
            ("x,T1,30.00,1764000000000,9", "neither a card's id nor a code"),
            ("0000000000000007,T1,thirty,1764000000000,9", "thirty"),
            ("0000000000000007,T1,30.00,noon,9", "the time is no number: noon"),
            ("0000000000000007,T1,30.00,0,9", "the time is 0"),
            ("0000000000000007,T1,30.00,1764000000000,till", "the terminal is no number: till"),
        ] {
            let said = Row::read(line).err().expect("no row");
            assert!(said.contains(why), "{line}: {said}");
        }
    }
}

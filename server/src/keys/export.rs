//! `scrip keys export`: the keys of a stock as CSV, page by page; masked, or with `--clear` in clear text.
//!
//! It stands apart because it is the one place where texts of many keys meet a file. Invariant: a file is made for its owner
//! alone and never written over; one that was not finished is removed, so that what is there is whole.

use super::arguments::ExportArgs;
use super::show::{batches, state_name};
use super::{Failure, KeysError, file_error};
use indicatif::{ProgressBar, ProgressStyle};
use scrip_client::{Client, Code, Error, KeyListed, KeyState, KeysListed, Operation, StockId};
use std::fs::{File, OpenOptions, remove_file};
use std::io::{BufWriter, Write, stdout};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What the columns are.
const HEADER: &str = "key,batch,batch_state,state,hold,order,text";

/// Runs an export.
pub(super) async fn run(client: &Client, arguments: &ExportArgs) -> Result<(), Failure> {
    let stock = client.stock_id(&arguments.stock)?;
    let all = batches(client, stock).await?;
    let of_interest = all.iter().filter(|batch| arguments.batch.is_none_or(|number| batch.number == number));
    let bar = progress_bar(of_interest.map(|batch| batch.imported).sum());
    let done = match &arguments.out {
        None => {
            let mut out = BufWriter::new(stdout().lock());
            write_all(client, stock, arguments, &bar, &mut out, Path::new("stdout")).await
        }
        Some(path) => {
            let mut out = BufWriter::new(create(path)?);
            let written = write_all(client, stock, arguments, &bar, &mut out, path).await;
            let synced = written.and_then(|keys| match out.get_ref().sync_all() {
                Ok(()) => Ok(keys),
                Err(error) => Err(file_error(path, error).into()),
            });
            if synced.is_err() {
                // Half an export looks like a whole one. That it can't be removed is no news beside why it failed.
                let _ = remove_file(path);
            }
            synced
        }
    };
    bar.finish_and_clear();
    let keys = done?;
    if let Some(path) = &arguments.out {
        let text = if arguments.clear { "in clear text" } else { "masked" };
        println!("{keys} keys, {text}, in {}", path.display());
    }
    Ok(())
}

/// A new file that its owner alone can read.
fn create(path: &Path) -> Result<File, KeysError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            file_error(path, "this file is there already and is not written over: name another with --out")
        }
        _ => file_error(path, error),
    })
}

/// Writes all pages; answers how many keys they had.
async fn write_all(
    client: &Client,
    stock: StockId,
    arguments: &ExportArgs,
    bar: &ProgressBar,
    out: &mut impl Write,
    path: &Path,
) -> Result<u64, Failure> {
    let failed = |error| Failure::from(file_error(path, error));
    let mut pages = Pages { client, stock, batch: arguments.batch, export: None };
    if arguments.clear {
        pages.export = Some(client.operation());
    }
    writeln!(out, "{HEADER}").map_err(failed)?;
    let (mut from, mut keys) = (0, 0);
    loop {
        let page = pages.read(from).await?;
        for key in &page.keys {
            write_key(out, key, arguments.clear).map_err(failed)?;
        }
        keys += page.keys.len() as u64;
        bar.set_position(keys);
        match page.next {
            Some(next) => from = next,
            None => break,
        }
    }
    out.flush().map_err(failed)?;
    Ok(keys)
}

/// Where pages come from.
struct Pages<'a> {
    client: &'a Client,
    stock: StockId,
    batch: Option<u32>,
    /// The operation under which clear text is recorded.
    export: Option<Operation>,
}

impl Pages<'_> {
    async fn read(&mut self, from: u32) -> Result<KeysListed, Error> {
        let Some(operation) = self.export else {
            return self.client.keys_list(self.stock, self.batch, from).await;
        };
        match self.client.keys_export(operation, self.stock, self.batch, from).await {
            // Longer than the server remembers operations: what follows is recorded once more.
            Err(Error::Rejected(rejection)) if rejection.code == Code::OperationTooOld => {
                let operation = self.client.operation();
                self.export = Some(operation);
                self.client.keys_export(operation, self.stock, self.batch, from).await
            }
            answer => answer,
        }
    }
}

fn write_key(out: &mut impl Write, key: &KeyListed, clear: bool) -> std::io::Result<()> {
    let id = |id: u128| if id == 0 { String::new() } else { uuid::Uuid::from_u128(id).to_string() };
    let (hold, order) = (id(key.hold.map_or(0, |hold| hold.0)), id(key.order.0));
    let (batch_state, state) = (state_name(key.batch_state), key_state(key.state));
    write!(out, "{},{},{batch_state},{state},{hold},{order},", key.number, key.batch)?;
    if clear {
        writeln!(out, "{}", quoted(key.text.reveal()))
    } else {
        writeln!(out, "{}", quoted(&format!("****{}", key.text.reveal())))
    }
}

/// A key's state in a word.
const fn key_state(state: KeyState) -> &'static str {
    match state {
        KeyState::Unsold => "unsold",
        KeyState::Sold => "sold",
        KeyState::Void => "void",
        KeyState::Content => "version",
    }
}

/// A field of a CSV file, in quotes where it needs them.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:/*+=@#".contains(letter);
    if text.chars().all(plain) { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn progress_bar(keys: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} keys {eta}");
    ProgressBar::new(keys).with_style(style.expect("a template that is known to be right"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_with_commas_quotes_or_spaces_is_quoted() {
        assert_eq!(quoted("AAAA-BBBB"), "AAAA-BBBB");
        assert_eq!(quoted("user,pass"), "\"user,pass\"");
        assert_eq!(quoted("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(quoted("卡"), "\"卡\"");
    }

    #[test]
    fn a_file_that_is_there_is_not_written_over_and_a_new_one_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.csv");
        let file = create(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let error = create(&path).expect_err("it is there").to_string();
        assert!(error.contains("--out"), "{error}");
    }
}

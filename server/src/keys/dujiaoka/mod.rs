//! `scrip import dujiaoka`: keys and orders of a shop that ran on dujiaoka, from a dump of its database or from sheets.
//!
//! The files are read three times: what there is, what orders have delivered, the keys themselves. Unsold keys go into a stock
//! named after their goods; sold ones, too, and are sold to their orders' numbers, so that no later import can sell them again
//! and an order is found by its number. A loop key, which serves many buyers, becomes a reusable stock of its own. In reading
//! order: rows of either kind of file (`rows`, `dump`, `sheet`), what is known of the old shop (`books`), the way to the server
//! (`carry`, and `loops` for loop keys), the `report`. Invariant: no text of a key leaves here but to the
//! server.

mod books;
mod carry;
mod dump;
mod loops;
mod report;
mod rows;
mod sheet;

use super::arguments::DujiaokaArgs;
use super::resume::{Ids, Note, Origin};
use super::survey::Survey;
use super::{Failure, KeysError, file_error};
use books::{Books, Carmi, Fate, LoopKey};
use carry::{Bought, Carrier, Sale, Sold};
use indicatif::{ProgressBar, ProgressStyle};
use report::{Key, Report};
use rows::{ReadError, Row, Rows, Table, carmis, orders};
use scrip_client::{Client, StockId};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Readings of each file.
const READINGS: u64 = 3;

/// A file and, if it is a sheet, its table.
type Source<'a> = (&'a Path, Option<Table>);

/// Runs the import; answers whether nothing is left to be looked at. Without a client it reads and counts only.
pub(super) async fn run(client: Option<&Client>, arguments: &DujiaokaArgs) -> Result<bool, Failure> {
    let sources = sources(&arguments.files)?;
    let surveys = look_at(&sources)?;
    let note = Note::beside(&arguments.files[0]);
    let (carrier, resumed) = match client {
        None => (None, false),
        Some(client) => {
            let (ids, resumed) = ids(client, arguments, &surveys, &note)?;
            (Some(Carrier::new(client, ids, arguments.channel)), resumed)
        }
    };
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta}");
    let bytes = surveys.iter().map(|survey| survey.bytes).sum::<u64>() * READINGS;
    let bar = ProgressBar::new(bytes).with_style(style.expect("a template that is known to be right"));
    let seed = getrandom::u64().map_err(|error| KeysError::Wish(format!("random bytes: {error}")))?;
    let (books, report) = (Books::new(&arguments.prefix, seed), Report::new());
    let mut import = Import { sources, bar, books, report, carrier, stocks: BTreeSet::new() };
    let read = import.read().await;
    import.bar.finish_and_clear();
    if let Err(failure) = read {
        return Err(import.stopped(failure));
    }
    if client.is_some() {
        note.remove()?;
    }
    import.tell(arguments, resumed);
    Ok(import.report.complete())
}

fn ids(
    client: &Client,
    arguments: &DujiaokaArgs,
    surveys: &[Survey],
    note: &Note,
) -> Result<(Ids, bool), KeysError> {
    let mut digest = Sha256::new();
    surveys.iter().for_each(|survey| digest.update(survey.digest));
    let reading = format!("dujiaoka {} {}", arguments.channel.0, arguments.prefix);
    let digest = digest.finalize().into();
    let origin = Origin::Content { stock: StockId(0), batch: 0, digest, reading: &reading };
    note.find_or_begin(&client.welcome().alias_key, origin, client.now_ms())
}

/// Which file is what: sheets are told by their names.
fn sources(files: &[PathBuf]) -> Result<Vec<Source<'_>>, KeysError> {
    let mut sources = Vec::with_capacity(files.len());
    for path in files {
        let is_sheet = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
        let table = Table::ALL.into_iter().find(|table| stem.ends_with(table.name()));
        if is_sheet && table.is_none() {
            return Err(file_error(path, "call the sheets goods.csv, carmis.csv and orders.csv"));
        }
        sources.push((path.as_path(), table.filter(|_| is_sheet)));
    }
    Ok(sources)
}

fn look_at(sources: &[Source<'_>]) -> Result<Vec<Survey>, KeysError> {
    let mut surveys = Vec::with_capacity(sources.len());
    for (path, _) in sources {
        if !path.is_file() {
            return Err(file_error(
                path,
                "there is no such file, or it is no plain one: it is read several times",
            ));
        }
        let survey = File::open(path).and_then(Survey::of).map_err(|error| file_error(path, error))?;
        if survey.utf16 {
            return Err(file_error(path, "this is UTF-16: save it as UTF-8"));
        }
        surveys.push(survey);
    }
    Ok(surveys)
}

/// An import under way.
struct Import<'a> {
    sources: Vec<Source<'a>>,
    bar: ProgressBar,
    books: Books,
    report: Report,
    /// None: it is only counted.
    carrier: Option<Carrier<'a>>,
    /// Names of stocks that keys went to.
    stocks: BTreeSet<String>,
}

impl Import<'_> {
    async fn read(&mut self) -> Result<(), Failure> {
        let mut row = Row::default();
        for number in 0..self.sources.len() {
            let mut rows = self.open(number)?;
            while self.next(number, &mut rows, &[Table::Goods, Table::Carmis], &mut row)? {
                self.books.enter(&row);
            }
        }
        if !self.books.has_goods() {
            return Err(KeysError::Wish(
                "there are no goods in these files, and stocks are named after goods: give the dump of the whole database, \
                 or goods.csv, carmis.csv and orders.csv"
                    .into(),
            )
            .into());
        }
        for number in 0..self.sources.len() {
            let mut rows = self.open(number)?;
            while self.next(number, &mut rows, &[Table::Orders], &mut row)? {
                self.order(&row).await?;
            }
        }
        for number in 0..self.sources.len() {
            let mut rows = self.open(number)?;
            while self.next(number, &mut rows, &[Table::Carmis], &mut row)? {
                self.carmi(&row).await?;
            }
        }
        match &mut self.carrier {
            Some(carrier) => carrier.finish(&mut self.report).await,
            None => Ok(()),
        }
    }

    fn open(&self, number: usize) -> Result<Rows<std::io::BufReader<impl std::io::Read + use<>>>, KeysError> {
        let (path, table) = self.sources[number];
        let file = File::open(path).map_err(|error| file_error(path, error))?;
        Rows::new(self.bar.wrap_read(file), table).map_err(|error| file_error(path, error))
    }

    fn next<R: std::io::Read>(
        &self,
        number: usize,
        rows: &mut Rows<std::io::BufReader<R>>,
        wanted: &[Table],
        row: &mut Row,
    ) -> Result<bool, KeysError> {
        rows.next(wanted, row).map_err(|error: ReadError| file_error(self.sources[number].0, error))
    }

    async fn order(&mut self, row: &Row) -> Result<(), Failure> {
        let id = row.number(orders::ID).unwrap_or_default();
        let order = match self.books.order(row) {
            Ok(order) => order,
            Err(kind) => {
                self.report.order(kind, id);
                return Ok(());
            }
        };
        let name = self.books.stock_name(order.goods);
        let known =
            |&(text, units): &(_, u32)| (self.books.loop_key(text).expect("it was told apart"), units);
        let loops: Vec<(LoopKey<'_>, u32)> = order.loops.iter().map(known).collect();
        let sale = Sale { number: order.number, email: order.email };
        let bought = Bought { keys: &order.keys, loops: &loops };
        let Sold { taken, any } = match &mut self.carrier {
            Some(carrier) => carrier.sell((order.goods, &name), &bought, &sale).await?,
            None => Sold::of(order.keys.iter().map(|key| self.books.would_be_new(key)).collect(), true),
        };
        if !order.keys.is_empty() {
            self.stocks.insert(name);
        }
        self.stocks.extend(loops.into_iter().map(|(key, _)| key.stock));
        for (key, &taken) in order.keys.iter().zip(&taken) {
            if !self.books.settle(key, taken) && taken {
                self.report.keys_of_orders += 1;
            }
        }
        self.report.order(if any { report::Order::Sold } else { report::Order::AlreadyThere }, id);
        Ok(())
    }

    async fn carmi(&mut self, row: &Row) -> Result<(), Failure> {
        let id = row.number(carmis::ID).unwrap_or_default();
        let goods = row.number(carmis::GOODS).unwrap_or_default();
        let kind = match self.books.carmi(row) {
            Carmi::Other(kind) => kind,
            Carmi::Sold(_, Fate::Sold) => Key::Sold,
            Carmi::Sold(_, Fate::There) => Key::AlreadyThere,
            Carmi::Sold(_, Fate::Counted) => Key::Duplicate,
            Carmi::Sold(key, Fate::Waiting) => {
                let name = self.books.stock_name(goods);
                let taken = match &mut self.carrier {
                    Some(carrier) => {
                        let sale = Sale { number: &format!("carmi-{id}"), email: None };
                        carrier.sell((goods, &name), &Bought { keys: &[key], loops: &[] }, &sale).await?.any
                    }
                    None => true,
                };
                self.stocks.insert(name);
                if taken { Key::Sold } else { Key::AlreadyThere }
            }
            Carmi::Loop(key) => {
                let taken = match &mut self.carrier {
                    Some(carrier) => carrier.offer(&key).await?.1,
                    None => true,
                };
                self.stocks.insert(key.stock);
                if taken { Key::Loop } else { Key::AlreadyThere }
            }
            Carmi::Unsold(key, seen) => {
                let name = self.books.stock_name(goods);
                let report = &mut self.report;
                match &mut self.carrier {
                    Some(carrier) => carrier.supply((goods, &name), (id, key), seen, report).await?,
                    None => report.key(if seen { Key::Duplicate } else { Key::InStock }, id),
                }
                self.stocks.insert(name);
                return Ok(());
            }
        };
        self.report.key(kind, id);
        Ok(())
    }

    /// What the server has refused on the way is said together with how far the import came.
    fn stopped(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Client(error) => Failure::Stopped(error, self.report.rows()),
            other => other,
        }
    }

    fn tell(&mut self, arguments: &DujiaokaArgs, resumed: bool) {
        self.report.stocks = self.stocks.iter().cloned().collect();
        if arguments.json {
            let mut object = self.report.json();
            object["dry_run"] = arguments.dry_run.into();
            object["resumed"] = resumed.into();
            println!("{object}");
            return;
        }
        self.report.print();
        if arguments.dry_run {
            println!("nothing changed: no server was asked");
        } else if resumed {
            println!("imported, gone on with where it had stopped");
        } else {
            println!("imported");
        }
    }
}

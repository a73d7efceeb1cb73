//! A report on paper: tables for people, CSV and JSON for programs.

use super::money::{Money, MoneyRow};
use super::{Row, date_of};
use crate::operator::{money, time};
use scrip_client::channel_name;
use scrip_engine::calendar::Day;
use scrip_shard::{Report, Tally};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

type Rows = BTreeMap<Row, Tally>;
type MoneyRows = BTreeMap<MoneyRow, Money>;

/// Columns that people see of goods; those that are 0 all over are left out, but for the first.
const GOODS: [&str; 11] = [
    "sold",
    "sold_for",
    "returned",
    "returned_for",
    "held",
    "released",
    "expired",
    "owed",
    "unfulfilled",
    "refused",
    "replaced",
];
/// And of cards.
const CARDS: [&str; 16] = [
    "issued",
    "claimed",
    "redemptions",
    "redeemed",
    "amount",
    "discount",
    "conflicts",
    "reversed",
    "reversed_discount",
    "filled",
    "paid_in",
    "paid_back",
    "voided",
    "recycled",
    "lapsed",
    "revived",
];
/// Columns that are amounts.
const MONEY: [&str; 12] = [
    "sold_for",
    "returned_for",
    "amount",
    "discount",
    "reversed_discount",
    "paid_in",
    "gross",
    "paid",
    "cost",
    "funded",
    "gross_back",
    "paid_back",
];

/// Tables for people.
pub fn tables(rows: &Rows, money: &MoneyRows, whole: &Report) {
    if rows.is_empty() {
        println!("nothing happened that this report is of");
    }
    for (cards, columns, title) in [(false, &GOODS[..], "goods"), (true, &CARDS[..], "cards")] {
        let rows: Vec<(&Row, &Tally)> = rows.iter().filter(|(row, _)| row.cards == cards).collect();
        if !rows.is_empty() {
            unit_table(title, &rows, columns, whole);
        }
    }
    if !money.is_empty() {
        money_table(money, whole);
    }
    println!("log until {}", time(whole.end_ms));
}

/// A table that is being laid out: names on the left, figures on the right.
struct Table {
    labels: usize,
    lines: Vec<Vec<String>>,
}

impl Table {
    fn new(names: Vec<&'static str>, columns: &[&str]) -> Table {
        let figures = columns.iter().map(|column| column.replace('_', " "));
        Table {
            labels: names.len(),
            lines: vec![names.into_iter().map(str::to_owned).chain(figures).collect()],
        }
    }

    fn push(&mut self, names: impl IntoIterator<Item = String>, figures: impl IntoIterator<Item = String>) {
        let mut line: Vec<String> = names.into_iter().collect();
        line.resize(self.labels, String::new());
        self.lines.push(line.into_iter().chain(figures).collect());
    }

    fn print(&self, title: &str) {
        println!("{title}");
        let widths: Vec<usize> = (0..self.lines[0].len())
            .map(|column| self.lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        for line in &self.lines {
            let cells = line.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
                if at < self.labels { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }
}

/// Columns of which any row has something; the first one always.
fn with_something<'c>(columns: &[&'c str], sum: impl Fn(&str) -> u64) -> Vec<&'c str> {
    let kept = columns.iter().enumerate().filter(|(at, column)| *at == 0 || sum(column) != 0);
    kept.map(|(_, column)| *column).collect()
}

fn unit_table(title: &str, rows: &[(&Row, &Tally)], columns: &[&str], whole: &Report) {
    let mut sum = Tally::default();
    rows.iter().for_each(|(_, tally)| sum.add(tally));
    let columns = with_something(columns, |column| value(&sum.fields(), column));
    let rate = rows[0].0.cards && sum.issued + sum.claimed + sum.sold > 0;
    let names = rows[0].0.names(whole).into_iter().map(|(name, _)| name).collect();
    let figures = |tally: &Tally| -> Vec<String> {
        let all = tally.fields();
        let figures = columns.iter().map(|column| figure(&all, column));
        figures.chain(rate.then(|| redeemed_per_card(tally))).collect()
    };
    let headings: Vec<&str> = columns.iter().copied().chain(rate.then_some("redeemed per card")).collect();
    let mut table = Table::new(names, &headings);
    for (row, tally) in rows {
        table.push(row.names(whole).into_iter().map(|(_, name)| name), figures(tally));
    }
    if rows.len() > 1 && table.labels > 0 {
        table.push(["in all".to_owned()], figures(&sum));
    }
    table.print(title);
}

fn money_table(rows: &MoneyRows, whole: &Report) {
    let all = Money::default().fields().map(|(name, _)| name);
    let columns = with_something(&all, |column| {
        rows.values().map(|money| value(&money.fields(), column)).fold(0, u64::saturating_add)
    });
    let Some(first) = rows.keys().next() else { return };
    let mut table = Table::new(first.names(whole).into_iter().map(|(name, _)| name).collect(), &columns);
    for (row, money) in rows {
        let names = row.names(whole).into_iter().map(|(_, name)| name);
        table.push(names, columns.iter().map(|column| figure(&money.fields(), column)));
    }
    table.print("money, as facts tell it");
}

/// Comma-separated values, all columns: first of units, then, behind an empty line, of money if any was told of.
pub fn csv(rows: &Rows, money: &MoneyRows, whole: &Report) {
    let line = |cells: Vec<String>| println!("{}", cells.join(","));
    for (at, (row, tally)) in rows.iter().enumerate() {
        let (kind, names) = (if row.cards { "cards" } else { "goods" }, row.names(whole));
        if at == 0 {
            line(heading("kind", &names, &tally.fields()));
        }
        line(cells(kind, &names, &tally.fields()));
    }
    for (at, (row, money)) in money.iter().enumerate() {
        let names = row.names(whole);
        if at == 0 {
            println!();
            line(heading("kind", &names, &money.fields()));
        }
        line(cells("money", &names, &money.fields()));
    }
}

type Names = [(&'static str, String)];
type Fields = [(&'static str, u64)];

fn heading(kind: &str, names: &Names, fields: &Fields) -> Vec<String> {
    let names = names.iter().map(|(name, _)| *name).chain(fields.iter().map(|(name, _)| *name));
    [kind].into_iter().chain(names).map(str::to_owned).collect()
}

fn cells(kind: &str, names: &Names, fields: &Fields) -> Vec<String> {
    let names = names.iter().map(|(_, name)| quoted(name));
    [kind.to_owned()]
        .into_iter()
        .chain(names)
        .chain(fields.iter().map(|(_, number)| number.to_string()))
        .collect()
}

/// One JSON object.
pub fn json(rows: &Rows, money: &MoneyRows, whole: &Report) {
    let object = |names: Vec<(&'static str, String)>, day: Option<Day>, fields: &Fields| {
        let mut object: Map<String, Value> =
            names.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        if let Some(day) = day {
            object.insert("over".into(), is_over(day, whole).into());
        }
        object.extend(fields.iter().map(|(name, number)| ((*name).to_owned(), Value::from(*number))));
        object
    };
    let row = |(row, tally): (&Row, &Tally)| {
        let mut object = object(row.names(whole), row.day, &tally.fields());
        object.insert("kind".into(), if row.cards { "cards" } else { "goods" }.into());
        Value::Object(object)
    };
    let told = |(row, money): (&MoneyRow, &Money)| {
        Value::Object(object(row.names(whole), row.row.day, &money.fields()))
    };
    let (rows, money): (Vec<Value>, Vec<Value>) =
        (rows.iter().map(row).collect(), money.iter().map(told).collect());
    println!("{}", json!({ "end_ms": whole.end_ms, "rows": rows, "money": money }));
}

impl MoneyRow {
    /// What it is of, with the names of the columns.
    fn names(&self, whole: &Report) -> Vec<(&'static str, String)> {
        let mut names = self.row.names(whole);
        let further = [("store", &self.store), ("variant", &self.variant), ("funder", &self.funder)];
        names.extend(further.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
        names.push(("currency", self.currency.clone()));
        names
    }
}

impl Row {
    /// What it is of, with the names of the columns.
    fn names(&self, whole: &Report) -> Vec<(&'static str, String)> {
        let mut names = Vec::new();
        if let Some(day) = self.day {
            names.push(("day", date_of(day).to_string()));
        }
        if let Some(merchant) = self.merchant {
            names.push(("merchant", merchant.0.to_string()));
        }
        if let Some(stock) = self.stock {
            let named = whole.names.get(&stock).map_or_else(|| stock.to_string(), |named| named.name.clone());
            names.push(("stock", named));
        }
        if let Some(channel) = self.channel {
            names.push(("channel", channel_name(channel)));
        }
        names
    }
}

/// Whether a day is over for every merchant: then its rows stay what they are.
fn is_over(day: Day, whole: &Report) -> bool {
    whole.today.values().all(|today| day < *today)
}

fn value(fields: &Fields, column: &str) -> u64 {
    let found = fields.iter().find(|(name, _)| *name == column);
    found.expect("a column of a report is one of its fields").1
}

fn figure(fields: &Fields, column: &str) -> String {
    let number = value(fields, column);
    if MONEY.contains(&column) { money(number) } else { number.to_string() }
}

/// Redemptions for a hundred cards issued.
fn redeemed_per_card(tally: &Tally) -> String {
    let cards = tally.issued + tally.claimed + tally.sold;
    if cards == 0 {
        return "-".to_owned();
    }
    let hundredths = u128::from(tally.redemptions) * 10_000 / u128::from(cards);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

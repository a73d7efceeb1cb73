//! A report on paper: tables for people, CSV and JSON for programs.

use super::{Row, date_of};
use crate::operator::{money, time};
use scrip_client::channel_name;
use scrip_engine::calendar::Day;
use scrip_shard::{Report, Tally};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

type Rows = BTreeMap<Row, Tally>;

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
const CARDS: [&str; 14] = [
    "issued",
    "claimed",
    "redemptions",
    "redeemed",
    "amount",
    "discount",
    "reversed",
    "reversed_discount",
    "filled",
    "paid_in",
    "paid_back",
    "voided",
    "lapsed",
    "revived",
];
/// Columns that are amounts.
const MONEY: [&str; 7] =
    ["sold_for", "returned_for", "amount", "discount", "reversed_discount", "paid_in", "paid_back"];

/// Tables for people.
pub fn tables(rows: &Rows, whole: &Report) {
    if rows.is_empty() {
        println!("nothing happened that this report is of");
    }
    for (cards, columns, title) in [(false, &GOODS[..], "goods"), (true, &CARDS[..], "cards")] {
        let rows: Vec<(&Row, &Tally)> = rows.iter().filter(|(row, _)| row.cards == cards).collect();
        if let Some(((first, _), _)) = rows.split_first() {
            table(title, first, &rows, columns, whole);
        }
    }
    println!("log until {}", time(whole.end_ms));
}

fn table(title: &str, shape: &Row, rows: &[(&Row, &Tally)], columns: &[&str], whole: &Report) {
    let mut sum = Tally::default();
    rows.iter().for_each(|(_, tally)| sum.add(tally));
    let shown = |at: usize, column: &str| at == 0 || value(&sum, column) != 0;
    let columns: Vec<&str> = columns
        .iter()
        .enumerate()
        .filter(|(at, column)| shown(*at, column))
        .map(|(_, column)| *column)
        .collect();
    let names = shape.names(whole).into_iter().map(|(name, _)| name);
    let rate = shape.cards && sum.issued + sum.claimed > 0;
    let mut lines: Vec<Vec<String>> =
        vec![names.map(str::to_owned).chain(columns.iter().map(|column| column.replace('_', " "))).collect()];
    let numbers =
        |tally: &Tally| -> Vec<String> { columns.iter().map(|column| figure(tally, column)).collect() };
    for (row, tally) in rows {
        let names = row.names(whole).into_iter().map(|(_, name)| name);
        lines.push(names.chain(numbers(tally)).collect());
    }
    let labels = shape.names(whole).len();
    if rows.len() > 1 {
        let label = |at| if at == 0 { "in all".to_owned() } else { String::new() };
        lines.push((0..labels).map(label).chain(numbers(&sum)).collect());
    }
    if rate {
        lines[0].push("redeemed per card".to_owned());
        let tallies = rows.iter().map(|(_, tally)| *tally).chain((rows.len() > 1).then_some(&sum));
        for (line, tally) in lines[1..].iter_mut().zip(tallies) {
            line.push(redeemed_per_card(tally));
        }
    }
    println!("{title}");
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            if at < labels { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Comma-separated values, all columns.
pub fn csv(rows: &Rows, whole: &Report) {
    for (at, (row, tally)) in rows.iter().enumerate() {
        let kind = if row.cards { "cards" } else { "goods" };
        if at == 0 {
            let names = row.names(whole).into_iter().map(|(name, _)| name);
            let columns = tally.fields().map(|(name, _)| name);
            println!("{}", ["kind"].into_iter().chain(names).chain(columns).collect::<Vec<_>>().join(","));
        }
        let names = row.names(whole).into_iter().map(|(_, name)| quoted(&name));
        let numbers = tally.fields().map(|(_, number)| number.to_string());
        println!(
            "{}",
            [kind.to_owned()].into_iter().chain(names).chain(numbers).collect::<Vec<_>>().join(",")
        );
    }
}

/// One JSON object.
pub fn json(rows: &Rows, whole: &Report) {
    let row = |(row, tally): (&Row, &Tally)| {
        let mut object = Map::new();
        object.insert("kind".into(), if row.cards { "cards" } else { "goods" }.into());
        for (name, text) in row.names(whole) {
            object.insert(name.into(), text.into());
        }
        if let Some(day) = row.day {
            object.insert("over".into(), is_over(day, whole).into());
        }
        object.extend(tally.fields().map(|(name, number)| (name.to_owned(), Value::from(number))));
        Value::Object(object)
    };
    println!("{}", json!({ "end_ms": whole.end_ms, "rows": rows.iter().map(row).collect::<Vec<_>>() }));
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

fn value(tally: &Tally, column: &str) -> u64 {
    let found = tally.fields().into_iter().find(|(name, _)| *name == column);
    found.expect("a column of a report is a field of a tally").1
}

fn figure(tally: &Tally, column: &str) -> String {
    let number = value(tally, column);
    if MONEY.contains(&column) { money(number) } else { number.to_string() }
}

/// Redemptions for a hundred cards issued.
fn redeemed_per_card(tally: &Tally) -> String {
    let cards = tally.issued + tally.claimed;
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

//! What became of the rows of an import from dujiaoka.
//!
//! Invariant: every row of carmis and orders is counted once, so that the kinds of each add up to its rows. Rows are named by
//! their `id`, never by a text.

use crate::operator::grouped;
use serde_json::{Map, Value, json};

/// Ids kept of each kind.
const IDS_SHOWN_MAX: usize = 20;

/// What became of a card key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// In stock now.
    InStock,
    /// Sold there, and sold here now.
    Sold,
    /// Here before, in stock or sold.
    AlreadyThere,
    /// The same text stands in another row.
    Duplicate,
    /// No key.
    Invalid,
    /// One text for many buyers: on sale here now.
    Loop,
    /// Deleted there, or its goods are.
    Deleted,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Sold here now, under its number.
    Sold,
    /// Its keys were here before.
    AlreadyThere,
    /// Never delivered: not paid, expired, failed, or in work.
    Undelivered,
    /// Paid, and there were no keys.
    Owed,
    /// Delivered by hand, without keys.
    Manual,
    /// Delivered, but what can't be told.
    Unclear,
}

const KEYS: [(&str, &str); 7] = [
    ("in stock", ""),
    ("sold", "to the numbers of their orders"),
    ("already there", ""),
    ("duplicate", "the same text in several rows"),
    ("invalid", "empty, of several lines, too long or not UTF-8"),
    ("loop keys", "one text for many buyers: a reusable stock each"),
    ("deleted", "deleted there, or their goods are: skipped"),
];

const ORDERS: [(&str, &str); 6] = [
    ("sold", "found here by their numbers"),
    ("already there", "their keys were sold or in stock here before"),
    ("undelivered", "not paid, expired, failed or in work: skipped"),
    ("owed", "paid, and there were no keys: deliver or refund them"),
    ("manual", "delivered by hand: skipped"),
    ("unclear", "their texts are not as many as they bought, or no keys: look at them"),
];

#[derive(Debug, Default)]
struct Counted {
    rows: u64,
    first: Vec<i64>,
}

/// Counts of one table.
#[derive(Debug)]
struct Section {
    table: &'static str,
    kinds: &'static [(&'static str, &'static str)],
    counted: Vec<Counted>,
}

impl Section {
    fn new(table: &'static str, kinds: &'static [(&'static str, &'static str)]) -> Section {
        Section { table, kinds, counted: kinds.iter().map(|_| Counted::default()).collect() }
    }

    fn add(&mut self, kind: usize, id: i64) {
        let counted = &mut self.counted[kind];
        counted.rows += 1;
        if counted.first.len() < IDS_SHOWN_MAX {
            counted.first.push(id);
        }
    }

    fn rows(&self) -> u64 {
        self.counted.iter().map(|counted| counted.rows).sum()
    }

    /// Ids are shown of what somebody has to look at.
    fn print(&self, looked_at: &[usize]) {
        println!("{:<18}{:>14}", self.table, grouped(self.rows()));
        for (number, ((name, why), counted)) in self.kinds.iter().zip(&self.counted).enumerate() {
            if counted.rows == 0 {
                continue;
            }
            let mut line = format!("  {name:<16}{:>14}  {why}", grouped(counted.rows));
            if looked_at.contains(&number) {
                let ids: Vec<String> = counted.first.iter().map(i64::to_string).collect();
                let more = if counted.rows > ids.len() as u64 { ", ..." } else { "" };
                line.push_str(&format!(" (id {}{more})", ids.join(", ")));
            }
            println!("{}", line.trim_end());
        }
    }

    fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("rows".into(), self.rows().into());
        for ((name, _), counted) in self.kinds.iter().zip(&self.counted) {
            object
                .insert(name.replace(' ', "_"), json!({ "rows": counted.rows, "first_ids": counted.first }));
        }
        object.into()
    }
}

/// Counts of all tables.
#[derive(Debug)]
pub struct Report {
    keys: Section,
    orders: Section,
    /// Keys that orders name and no row of carmis has.
    pub keys_of_orders: u64,
    /// Stocks that keys went to, or would: names, in the order of their goods.
    pub stocks: Vec<String>,
}

impl Report {
    /// Nothing counted yet.
    pub fn new() -> Report {
        let (keys, orders) = (Section::new("carmis", &KEYS), Section::new("orders", &ORDERS));
        Report { keys, orders, keys_of_orders: 0, stocks: Vec::new() }
    }

    /// Counts a row of carmis.
    pub fn key(&mut self, kind: Key, id: i64) {
        self.keys.add(kind as usize, id);
    }

    /// Counts a row of orders.
    pub fn order(&mut self, kind: Order, id: i64) {
        self.orders.add(kind as usize, id);
    }

    /// Rows counted.
    pub fn rows(&self) -> u64 {
        self.keys.rows() + self.orders.rows()
    }

    /// Whether there is nothing that somebody should look at.
    pub fn complete(&self) -> bool {
        let left = |section: &Section, kind: usize| section.counted[kind].rows;
        left(&self.keys, Key::Invalid as usize) + left(&self.orders, Order::Unclear as usize) == 0
    }

    /// The tables for people.
    pub fn print(&self) {
        self.keys.print(&[Key::Invalid as usize]);
        self.orders.print(&[Order::Owed as usize, Order::Unclear as usize]);
        if self.keys_of_orders > 0 {
            println!("{} keys stood in orders alone, and are sold to them", grouped(self.keys_of_orders));
        }
        println!("stocks: {}", if self.stocks.is_empty() { "none".into() } else { self.stocks.join(", ") });
    }

    /// The same as JSON.
    pub fn json(&self) -> Value {
        json!({
            "carmis": self.keys.json(),
            "orders": self.orders.json(),
            "keys_of_orders": self.keys_of_orders,
            "stocks": self.stocks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_add_up_to_rows() {
        let mut report = Report::new();
        for id in 0..50 {
            report.key(Key::InStock, id);
            report.key(Key::Loop, id);
            report.order(Order::Owed, id);
        }
        assert_eq!((report.rows(), report.complete()), (150, true));
        report.order(Order::Unclear, 7);
        let json = report.json();
        assert!(!report.complete());
        assert_eq!((&json["carmis"]["rows"], &json["carmis"]["in_stock"]["rows"]), (&100.into(), &50.into()));
        assert_eq!(json["orders"]["owed"]["first_ids"].as_array().map(Vec::len), Some(IDS_SHOWN_MAX));
        assert_eq!(json["orders"]["unclear"]["first_ids"][0], 7);
    }
}

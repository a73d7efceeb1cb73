//! What the old shop's tables say, as far as it has to be known before the first key is sent: names of goods, which texts are
//! sold, which serve many buyers.
//!
//! Invariant: of a key no more than a hash of 64 bits is kept, seeded by chance; two keys with one hash can only be counted
//! under a wrong name, never be sold twice or lost, since the server decides what is new.

use super::report;
use super::rows::{Row, Table, carmis, goods, orders};
use scrip_client::{KEY_TEXT_BYTES_MAX, says_its_time};
use std::collections::{HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes of a stock's name, and of any reference.
const NAME_BYTES_MAX: usize = 64;
/// Sold by the old shop.
const STATUS_SOLD: i64 = 2;
const STATUS_UNSOLD: i64 = 1;
/// An order that was delivered, and one that was paid when nothing was left.
const STATUS_DELIVERED: i64 = 4;
const STATUS_ABNORMAL: i64 = 6;
/// Orders that somebody delivers by hand.
const TYPE_MANUAL: i64 = 2;

/// What became of a sold text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// No order has named it yet.
    Waiting,
    /// Sold to an order, here.
    Sold,
    /// It was here before.
    There,
    /// Its row was counted.
    Counted,
}

#[derive(Debug)]
struct Goods {
    name: String,
    deleted: bool,
}

/// What is known of the old shop.
#[derive(Debug)]
pub struct Books {
    seed: u64,
    prefix: String,
    goods: HashMap<i64, Goods>,
    names: HashMap<String, u32>,
    sold: HashMap<u64, Fate>,
    unsold: HashSet<u64>,
    loops: HashSet<u64>,
}

/// What a row of carmis is.
#[derive(Debug, PartialEq, Eq)]
pub enum Carmi<'a> {
    /// A key that was sold, and what became of it.
    Sold(&'a str, Fate),
    /// A key to sell; whether its text stands in a row before.
    Unsold(&'a str, bool),
    /// Nothing to import.
    Other(report::Key),
}

/// An order that was delivered.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivered<'a> {
    /// Its number.
    pub number: &'a str,
    /// Of which goods.
    pub goods: i64,
    /// Who bought.
    pub email: Option<&'a str>,
    /// The keys.
    pub keys: Vec<&'a str>,
}

impl Books {
    /// Empty books; names of stocks begin with `prefix`.
    pub fn new(prefix: &str, seed: u64) -> Books {
        let (sold, unsold, loops) = Default::default();
        let (goods, names) = Default::default();
        Books { seed, prefix: prefix.to_owned(), goods, names, sold, unsold, loops }
    }

    fn hash(&self, key: &str) -> u64 {
        xxh3_64_with_seed(key.as_bytes(), self.seed)
    }

    /// Takes a row of goods or carmis in, in the first reading.
    pub fn enter(&mut self, row: &Row) {
        match row.table {
            Table::Goods => {
                let Some(id) = row.number(goods::ID) else { return };
                let name = row.text(goods::NAME).ok().flatten().unwrap_or_default().trim().to_owned();
                *self.names.entry(name.clone()).or_default() += 1;
                self.goods.insert(id, Goods { name, deleted: row.is_set(goods::DELETED) });
            }
            Table::Carmis if row.number(carmis::LOOP) == Some(1) => {
                // A text of several lines may come in pieces in an order.
                let text = row.text(carmis::TEXT).ok().flatten().unwrap_or_default();
                let hashes: Vec<u64> = lines(text).map(|line| self.hash(line)).collect();
                self.loops.extend(hashes);
            }
            Table::Carmis if row.number(carmis::STATUS) == Some(STATUS_SOLD) => {
                if let Ok(key) = key_of(row) {
                    let hash = self.hash(key);
                    self.sold.entry(hash).or_insert(Fate::Waiting);
                }
            }
            Table::Carmis | Table::Orders => {}
        }
    }

    /// Whether there are goods.
    pub fn has_goods(&self) -> bool {
        !self.goods.is_empty()
    }

    /// The stock of these goods: their name, if it names them alone and is no number.
    pub fn stock_name(&self, goods: i64) -> String {
        let numbered = format!("{}goods-{goods}", self.prefix);
        let Some(Goods { name, .. }) = self.goods.get(&goods) else { return numbered };
        let alone = self.names.get(name).is_some_and(|count| *count == 1);
        let whole =
            if alone { format!("{}{name}", self.prefix) } else { format!("{}{name}-{goods}", self.prefix) };
        let is_number = whole.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (1..=NAME_BYTES_MAX).contains(&whole.len()) && !whole.chars().any(char::is_control);
        if fits && !is_number && !name.is_empty() { whole } else { numbered }
    }

    /// What a row of carmis is, in the last reading.
    pub fn carmi<'r>(&mut self, row: &'r Row) -> Carmi<'r> {
        if row.number(carmis::LOOP) == Some(1) {
            return Carmi::Other(report::Key::Loop);
        }
        let Ok(key) = key_of(row) else { return Carmi::Other(report::Key::Invalid) };
        let hash = self.hash(key);
        match row.number(carmis::STATUS) {
            Some(STATUS_SOLD) => {
                let fate = self.sold.insert(hash, Fate::Counted).unwrap_or(Fate::Waiting);
                Carmi::Sold(key, fate)
            }
            Some(STATUS_UNSOLD) => {
                let goods = row.number(carmis::GOODS).and_then(|goods| self.goods.get(&goods));
                if row.is_set(carmis::DELETED) || goods.is_none_or(|goods| goods.deleted) {
                    return Carmi::Other(report::Key::Deleted);
                }
                let seen = !self.unsold.insert(hash) || self.sold.contains_key(&hash);
                Carmi::Unsold(key, seen)
            }
            _ => Carmi::Other(report::Key::Invalid),
        }
    }

    /// What a row of orders has delivered.
    ///
    /// # Errors
    /// What it is otherwise.
    pub fn order<'r>(&self, row: &'r Row) -> Result<Delivered<'r>, report::Order> {
        match row.number(orders::STATUS) {
            Some(STATUS_DELIVERED) => {}
            Some(STATUS_ABNORMAL) => return Err(report::Order::Owed),
            _ => return Err(report::Order::Undelivered),
        }
        if row.number(orders::TYPE) == Some(TYPE_MANUAL) {
            return Err(report::Order::Manual);
        }
        let unclear = report::Order::Unclear;
        let text = |place| row.text(place).ok().flatten().map(str::trim).filter(|text| !text.is_empty());
        let info = text(orders::INFO).ok_or(unclear)?;
        let number = text(orders::NUMBER).filter(|number| number.len() <= NAME_BYTES_MAX).ok_or(unclear)?;
        let goods = row.number(orders::GOODS).ok_or(unclear)?;
        let units = row.number(orders::UNITS).ok_or(unclear)?;
        let all = lines(info).count();
        let keys: Vec<&str> = lines(info).filter(|line| !self.loops.contains(&self.hash(line))).collect();
        if keys.is_empty() && all > 0 {
            return Err(report::Order::Loop);
        }
        let known = || keys.iter().all(|key| self.sold.contains_key(&self.hash(key)));
        if keys.is_empty()
            || !keys.iter().all(|key| is_key(key))
            || i64::try_from(all) != Ok(units) && !known()
        {
            return Err(unclear);
        }
        let email = text(orders::EMAIL).filter(|email| email.len() <= NAME_BYTES_MAX);
        Ok(Delivered { number, goods, email, keys })
    }

    /// Whether a key of an order would be new, as far as these books say.
    pub fn would_be_new(&self, key: &str) -> bool {
        self.sold.get(&self.hash(key)).is_none_or(|fate| *fate == Fate::Waiting)
    }

    /// Notes what became of a key of an order; answers whether a row of carmis has it.
    pub fn settle(&mut self, key: &str, taken: bool) -> bool {
        let hash = self.hash(key);
        let Some(fate) = self.sold.get_mut(&hash) else { return false };
        if *fate == Fate::Waiting {
            *fate = if taken { Fate::Sold } else { Fate::There };
        }
        true
    }
}

/// Whether the operation of an order can go by its number: one that seems to say its time would have to be that old.
pub fn names_an_operation(number: &str) -> bool {
    !says_its_time(number)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(str::trim).filter(|line| !line.is_empty())
}

fn is_key(text: &str) -> bool {
    (1..=KEY_TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn key_of(row: &Row) -> Result<&str, ()> {
    let text = row.text(carmis::TEXT).map_err(|_| ())?.unwrap_or_default().trim();
    if is_key(text) { Ok(text) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: Table, fields: &[&str]) -> Row {
        let mut row = Row::default();
        row.begin(table);
        for (place, field) in fields.iter().enumerate().filter(|(_, field)| **field != "-") {
            row.set(place, field.as_bytes(), true);
        }
        row
    }

    fn books() -> Books {
        let mut books = Books::new("", 7);
        for fields in
            [["1", "Steam 50", "-"], ["2", "Same", "-"], ["3", "Same", "-"], ["4", "12", "2024-01-01"]]
        {
            books.enter(&row(Table::Goods, &fields));
        }
        for fields in [
            ["1", "1", "2", "SOLD-1", "-", "0"],
            ["2", "1", "2", "SOLD-2", "-", "0"],
            ["3", "1", "1", "LOOP", "-", "1"],
        ] {
            books.enter(&row(Table::Carmis, &fields));
        }
        books
    }

    #[test]
    fn stocks_are_named_after_goods_where_that_names_one() {
        let books = books();
        let names = [1, 2, 3, 4, 5].map(|goods| books.stock_name(goods));
        assert_eq!(names, ["Steam 50", "Same-2", "Same-3", "goods-4", "goods-5"]);
        assert_eq!(Books { prefix: "old ".into(), ..books }.stock_name(1), "old Steam 50");
    }

    #[test]
    fn orders_are_told_apart_by_what_they_delivered() {
        let books = books();
        let order = |units: &str, info: &str, status: &str, kind: &str| {
            let order = row(Table::Orders, &["9", "SN1", "1", units, info, status, "a@b.cn", kind]);
            books.order(&order).map(|delivered| delivered.keys.join("+"))
        };
        use report::Order::{Loop, Manual, Owed, Unclear, Undelivered};
        assert_eq!(order("2", "SOLD-1\r\nSOLD-2\n", "4", "1"), Ok("SOLD-1+SOLD-2".into()));
        assert_eq!(order("2", "SOLD-1\nELSEWHERE", "4", "1"), Ok("SOLD-1+ELSEWHERE".into()));
        assert_eq!(order("2", "SOLD-1\nLOOP", "4", "1"), Ok("SOLD-1".into()));
        assert_eq!(order("5", "SOLD-1", "4", "1"), Ok("SOLD-1".into()), "what is known counts");
        assert_eq!(order("2", "thank you", "4", "1"), Err(Unclear));
        assert_eq!(order("1", "-", "4", "1"), Err(Unclear));
        assert_eq!(order("1", "LOOP", "4", "1"), Err(Loop));
        assert_eq!(order("1", "SOLD-1", "4", "2"), Err(Manual));
        assert_eq!(order("1", "no stock", "6", "1"), Err(Owed));
        for status in ["1", "2", "3", "5", "-1"] {
            assert_eq!(order("1", "SOLD-1", status, "1"), Err(Undelivered));
        }
    }

    #[test]
    fn a_text_is_sold_or_to_sell_and_the_second_row_of_it_is_seen() {
        let mut books = books();
        assert!(books.settle("SOLD-1", true) && !books.settle("ELSEWHERE", true));
        let carmi = |fields: [&str; 6]| row(Table::Carmis, &fields);
        let sold = carmi(["1", "1", "2", "SOLD-1", "-", "0"]);
        assert_eq!(books.carmi(&sold), Carmi::Sold("SOLD-1", Fate::Sold));
        assert_eq!(books.carmi(&sold), Carmi::Sold("SOLD-1", Fate::Counted));
        assert_eq!(
            books.carmi(&carmi(["2", "1", "2", "SOLD-2", "-", "0"])),
            Carmi::Sold("SOLD-2", Fate::Waiting)
        );
        let fresh = carmi(["5", "1", "1", " NEW ", "-", "0"]);
        assert_eq!(books.carmi(&fresh), Carmi::Unsold("NEW", false));
        assert_eq!(books.carmi(&fresh), Carmi::Unsold("NEW", true));
        assert_eq!(books.carmi(&carmi(["6", "1", "1", "SOLD-1", "-", "0"])), Carmi::Unsold("SOLD-1", true));
        for (fields, kind) in [
            (["7", "1", "1", "X", "2024-01-01", "0"], report::Key::Deleted),
            (["8", "4", "1", "X", "-", "0"], report::Key::Deleted),
            (["9", "99", "1", "X", "-", "0"], report::Key::Deleted),
            (["10", "1", "1", "two\nlines", "-", "0"], report::Key::Invalid),
            (["11", "1", "1", " ", "-", "0"], report::Key::Invalid),
            (["12", "1", "1", "LOOP", "-", "1"], report::Key::Loop),
        ] {
            assert_eq!(books.carmi(&carmi(fields)), Carmi::Other(kind), "{fields:?}");
        }
    }
}

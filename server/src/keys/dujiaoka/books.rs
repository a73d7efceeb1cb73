//! What the old shop's tables say, as far as it has to be known before the first key is sent: names of goods, which texts are
//! sold, which serve many buyers.
//!
//! Invariant: of a key no more than a hash of 64 bits is kept, seeded by chance; two keys with one hash can only be counted
//! under a wrong name, never be sold twice or lost, since the server decides what is new. (A key that shares the hash of a loop
//! key is taken for it: an order of it ends the import, a row of it is left out as a duplicate.)

use super::report;
use super::rows::{Row, Table, carmis, goods, orders};
use scrip_client::{KEY_TEXT_BYTES_MAX, LINES_MAX, says_its_time};
use std::collections::{HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes of a stock's name, and of any reference.
const NAME_BYTES_MAX: usize = 64;
/// Different loop keys of an order: a sale has a line for each, and one for the other keys.
const LOOPS_PER_ORDER_MAX: usize = LINES_MAX - 1;
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
    loops: HashMap<u64, Loop>,
    /// The loop key of each goods whose stock is named after the goods alone.
    first_loops: HashMap<i64, u64>,
    /// Lines of loop keys that are no keys.
    pieces: HashSet<u64>,
}

/// A text that serves many buyers.
#[derive(Debug)]
struct Loop {
    /// The row that stands for it: the first one, those that were on sale before the others.
    row: i64,
    goods: i64,
    /// Whether that row was neither deleted nor sold.
    offered: bool,
}

/// A text that serves many buyers, and the stock it goes to.
#[derive(Debug, PartialEq, Eq)]
pub struct LoopKey<'a> {
    /// Its row in carmis.
    pub row: i64,
    /// The stock's name.
    pub stock: String,
    /// What every buyer gets.
    pub text: &'a str,
    /// Whether it is sold further on; else the stock has what orders got of it, and no more.
    pub on_sale: bool,
}

/// What a row of carmis is.
#[derive(Debug, PartialEq, Eq)]
pub enum Carmi<'a> {
    /// A key that was sold, and what became of it.
    Sold(&'a str, Fate),
    /// A key to sell; whether its text stands in a row before.
    Unsold(&'a str, bool),
    /// A loop key on sale: the row that stands for its text.
    Loop(LoopKey<'a>),
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
    /// The loop keys, each text once with how often it was bought.
    pub loops: Vec<(&'a str, u32)>,
}

impl Books {
    /// Empty books; names of stocks begin with `prefix`.
    pub fn new(prefix: &str, seed: u64) -> Books {
        let (goods, names, sold, unsold) = Default::default();
        let (loops, first_loops, pieces) = Default::default();
        let prefix = prefix.to_owned();
        Books { seed, prefix, goods, names, sold, unsold, loops, first_loops, pieces }
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
            Table::Carmis if is_loop(row) => self.enter_loop(row),
            Table::Carmis if row.number(carmis::STATUS) == Some(STATUS_SOLD) => {
                if let Ok(key) = key_of(row) {
                    let hash = self.hash(key);
                    self.sold.entry(hash).or_insert(Fate::Waiting);
                }
            }
            Table::Carmis | Table::Orders => {}
        }
    }

    fn enter_loop(&mut self, row: &Row) {
        let Ok(text) = key_of(row) else {
            // A text of several lines may come in pieces in an order.
            let text = row.text(carmis::TEXT).ok().flatten().unwrap_or_default();
            let hashes: Vec<u64> = lines(text).map(|line| self.hash(line)).collect();
            self.pieces.extend(hashes);
            return;
        };
        let (hash, offered) = (self.hash(text), is_offered(row));
        let goods = row.number(carmis::GOODS).unwrap_or_default();
        let entered = Loop { row: row.number(carmis::ID).unwrap_or_default(), goods, offered };
        if self.loops.get(&hash).is_none_or(|known| offered && !known.offered) {
            self.loops.insert(hash, entered);
        }
        let first = self.first_loops.entry(goods).or_insert(hash);
        if offered && !self.loops[first].offered {
            *first = hash;
        }
    }

    /// What stands for a loop key's text; nothing if it is none.
    pub fn loop_key<'t>(&self, text: &'t str) -> Option<LoopKey<'t>> {
        let hash = self.hash(text);
        let &Loop { row, goods, offered } = self.loops.get(&hash)?;
        // Further rows of an old shop have higher ids, so that a later dump gives the same names.
        let suffix =
            if self.first_loops.get(&goods) == Some(&hash) { "-loop".into() } else { format!("-loop-{row}") };
        let on_sale = offered && self.sells(goods);
        Some(LoopKey { row, stock: self.named(goods, &suffix), text, on_sale })
    }

    /// Whether these goods are there and not deleted.
    fn sells(&self, goods: i64) -> bool {
        self.goods.get(&goods).is_some_and(|goods| !goods.deleted)
    }

    /// Whether there are goods.
    pub fn has_goods(&self) -> bool {
        !self.goods.is_empty()
    }

    /// The stock of these goods: their name, if it names them alone and is no number.
    pub fn stock_name(&self, goods: i64) -> String {
        self.named(goods, "")
    }

    fn named(&self, goods: i64, suffix: &str) -> String {
        let prefix = &self.prefix;
        let numbered = format!("{prefix}goods-{goods}{suffix}");
        let Some(Goods { name, .. }) = self.goods.get(&goods) else { return numbered };
        let alone = self.names.get(name).is_some_and(|count| *count == 1);
        let others = !suffix.is_empty() && self.names.contains_key(&format!("{name}{suffix}"));
        if others {
            return numbered;
        }
        let whole =
            if alone { format!("{prefix}{name}{suffix}") } else { format!("{prefix}{name}-{goods}{suffix}") };
        let is_number = whole.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (1..=NAME_BYTES_MAX).contains(&whole.len()) && !whole.chars().any(char::is_control);
        if fits && !is_number && !name.is_empty() { whole } else { numbered }
    }

    /// What a row of carmis is, in the last reading.
    pub fn carmi<'r>(&mut self, row: &'r Row) -> Carmi<'r> {
        let Ok(key) = key_of(row) else { return Carmi::Other(report::Key::Invalid) };
        if let Some(key) = self.loop_key(key).filter(|key| key.on_sale || is_loop(row)) {
            let stands_for_it = is_loop(row) && row.number(carmis::ID) == Some(key.row);
            return match (key.on_sale, stands_for_it) {
                (true, true) => Carmi::Loop(key),
                (true, false) => Carmi::Other(report::Key::Duplicate),
                (false, _) => Carmi::Other(report::Key::Deleted),
            };
        }
        let hash = self.hash(key);
        match row.number(carmis::STATUS) {
            Some(STATUS_SOLD) => {
                let fate = self.sold.insert(hash, Fate::Counted).unwrap_or(Fate::Waiting);
                Carmi::Sold(key, fate)
            }
            Some(STATUS_UNSOLD) => {
                let sells = row.number(carmis::GOODS).is_some_and(|goods| self.sells(goods));
                if row.is_set(carmis::DELETED) || !sells {
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
        let (mut keys, mut loops) = (Vec::new(), Vec::<(&str, u32)>::new());
        for line in lines(info) {
            let hash = self.hash(line);
            if !self.loops.contains_key(&hash) {
                keys.extend(Some(line).filter(|_| !self.pieces.contains(&hash)));
            } else if let Some((_, units)) = loops.iter_mut().find(|(text, _)| *text == line) {
                *units += 1;
            } else if loops.len() < LOOPS_PER_ORDER_MAX {
                loops.push((line, 1));
            } else {
                return Err(unclear);
            }
        }
        let known = || keys.iter().all(|key| self.sold.contains_key(&self.hash(key)));
        if keys.is_empty() && loops.is_empty()
            || !keys.iter().all(|key| is_key(key))
            || i64::try_from(all) != Ok(units) && !known()
        {
            return Err(unclear);
        }
        let email = text(orders::EMAIL).filter(|email| email.len() <= NAME_BYTES_MAX);
        Ok(Delivered { number, goods, email, keys, loops })
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

fn is_loop(row: &Row) -> bool {
    row.number(carmis::LOOP) == Some(1)
}

/// Whether a row of carmis was on sale, as far as it says.
fn is_offered(row: &Row) -> bool {
    row.number(carmis::STATUS) == Some(STATUS_UNSOLD) && !row.is_set(carmis::DELETED)
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
            ["3", "1", "1", "GONE", "2024-01-01", "1"],
            ["4", "1", "1", "LOOP", "-", "1"],
            ["5", "1", "1", "LOOP", "-", "1"],
            ["6", "1", "1", "SECOND", "-", "1"],
            ["7", "4", "1", "OFF", "-", "1"],
            ["8", "1", "1", "piece\nby piece", "-", "1"],
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
            books.order(&order).map(|Delivered { keys, loops, .. }| {
                let loops = loops.iter().map(|(text, units)| format!("{units}x{text}"));
                keys.into_iter().map(str::to_owned).chain(loops).collect::<Vec<_>>().join("+")
            })
        };
        use report::Order::{Manual, Owed, Unclear, Undelivered};
        assert_eq!(order("2", "SOLD-1\r\nSOLD-2\n", "4", "1"), Ok("SOLD-1+SOLD-2".into()));
        assert_eq!(order("2", "SOLD-1\nELSEWHERE", "4", "1"), Ok("SOLD-1+ELSEWHERE".into()));
        assert_eq!(order("2", "LOOP\nSOLD-1", "4", "1"), Ok("SOLD-1+1xLOOP".into()));
        assert_eq!(order("3", "LOOP\nLOOP\nGONE", "4", "1"), Ok("2xLOOP+1xGONE".into()));
        assert_eq!(order("2", "SOLD-1\npiece\nby piece", "4", "1"), Ok("SOLD-1".into()));
        assert_eq!(order("1", "piece\nby piece", "4", "1"), Err(Unclear), "no key");
        assert_eq!(order("5", "SOLD-1", "4", "1"), Ok("SOLD-1".into()), "what is known counts");
        assert_eq!(order("2", "thank you", "4", "1"), Err(Unclear));
        assert_eq!(order("1", "-", "4", "1"), Err(Unclear));
        assert_eq!(order("1", "LOOP", "4", "1"), Ok("1xLOOP".into()));
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
            (["3", "1", "1", "GONE", "2024-01-01", "1"], report::Key::Deleted),
            (["5", "1", "1", "LOOP", "-", "1"], report::Key::Duplicate),
            (["12", "1", "1", "LOOP", "-", "0"], report::Key::Duplicate),
            (["7", "4", "1", "OFF", "-", "1"], report::Key::Deleted),
            (["8", "1", "1", "piece\nby piece", "-", "1"], report::Key::Invalid),
        ] {
            assert_eq!(books.carmi(&carmi(fields)), Carmi::Other(kind), "{fields:?}");
        }
    }

    #[test]
    fn each_text_for_many_buyers_has_a_stock_named_after_its_goods() {
        let mut books = books();
        let named = |text: &'static str| books.loop_key(text).map(|key| (key.stock, key.row, key.on_sale));
        assert_eq!(named("LOOP"), Some(("Steam 50-loop".into(), 4, true)));
        assert_eq!(named("SECOND"), Some(("Steam 50-loop-6".into(), 6, true)));
        assert_eq!(named("GONE"), Some(("Steam 50-loop-3".into(), 3, false)), "what is on sale goes first");
        assert_eq!(named("OFF"), Some(("12-loop".into(), 7, false)), "its goods are deleted");
        assert_eq!((named("SOLD-1"), named("piece")), (None, None));
        let first = row(Table::Carmis, &["4", "1", "1", "LOOP", "-", "1"]);
        let key = books.loop_key("LOOP").unwrap();
        assert_eq!(books.carmi(&first), Carmi::Loop(key));
        // Goods that are called so keep their name.
        books.enter(&row(Table::Goods, &["9", "Steam 50-loop", "-"]));
        assert_eq!(books.loop_key("LOOP").unwrap().stock, "goods-1-loop");
        assert_eq!(books.stock_name(9), "Steam 50-loop");
    }
}

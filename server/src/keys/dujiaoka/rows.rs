//! Rows of dujiaoka's tables, wherever they were exported to: a dump of MySQL or sheets of CSV.
//!
//! Both readers put the columns that are wanted, found by their names, in one order; the rest of the import does not know which
//! it was. Invariant: a row is held in one buffer that is used again, and no field of it can grow beyond a maximum.

use super::dump::Dump;
use super::sheet::Sheet;
use std::io::{self, BufReader};

/// Bytes of a field that are kept: four times what MySQL's TEXT holds.
pub const FIELD_BYTES_MAX: usize = 256 * 1024;

/// A table that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// What is sold.
    Goods,
    /// Card keys.
    Carmis,
    /// Orders.
    Orders,
}

/// Columns of goods.
pub mod goods {
    pub const ID: usize = 0;
    pub const NAME: usize = 1;
    pub const DELETED: usize = 2;
}

/// Columns of carmis.
pub mod carmis {
    pub const ID: usize = 0;
    pub const GOODS: usize = 1;
    pub const STATUS: usize = 2;
    pub const TEXT: usize = 3;
    pub const DELETED: usize = 4;
    pub const LOOP: usize = 5;
}

/// Columns of orders.
pub mod orders {
    pub const ID: usize = 0;
    pub const NUMBER: usize = 1;
    pub const GOODS: usize = 2;
    pub const UNITS: usize = 3;
    pub const INFO: usize = 4;
    pub const STATUS: usize = 5;
    pub const EMAIL: usize = 6;
    pub const TYPE: usize = 7;
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 3] = [Table::Goods, Table::Carmis, Table::Orders];

    /// As MySQL knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Goods => "goods",
            Table::Carmis => "carmis",
            Table::Orders => "orders",
        }
    }

    /// The table of this name.
    pub fn named(name: &[u8]) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name().as_bytes() == name)
    }

    /// The wanted columns in the order of the constants above, and how many of them must be there: older versions lack the
    /// others.
    const fn columns(self) -> (&'static [&'static str], usize) {
        match self {
            Table::Goods => (&["id", "gd_name", "deleted_at"], 2),
            Table::Carmis => (&["id", "goods_id", "status", "carmi", "deleted_at", "is_loop"], 4),
            Table::Orders => {
                (&["id", "order_sn", "goods_id", "buy_amount", "info", "status", "email", "type"], 6)
            }
        }
    }

    /// Where each column of an export belongs.
    ///
    /// # Errors
    /// [`ReadError::NoColumn`].
    pub fn places(self, names: &[String]) -> Result<Vec<Option<usize>>, ReadError> {
        let (wanted, needed) = self.columns();
        let there = |column: &&&str| names.iter().any(|name| name == **column);
        if let Some(missing) = wanted[..needed].iter().find(|column| !there(column)) {
            return Err(ReadError::NoColumn { table: self.name(), column: missing });
        }
        Ok(names.iter().map(|name| wanted.iter().position(|column| column == name)).collect())
    }
}

/// Why an export can't be read on. No text of it is repeated: it may be a key.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A column that is needed.
    #[error("the table {table} has no column {column}: is this a dump of dujiaoka 2?")]
    NoColumn {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// Rows without names of their columns.
    #[error(
        "line {line}: rows of {table} come before anything names its columns: dump with its CREATE TABLE, or with \
         --complete-insert"
    )]
    NoColumns {
        /// Where.
        line: u64,
        /// The table.
        table: &'static str,
    },
    /// What is no SQL.
    #[error("line {line}: {what}")]
    Syntax {
        /// Where.
        line: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Null,
    Text { begin: usize, end: usize },
    TooLong,
}

/// A row of one of the tables.
#[derive(Debug)]
pub struct Row {
    /// Which.
    pub table: Table,
    bytes: Vec<u8>,
    fields: [Field; 8],
}

impl Default for Row {
    fn default() -> Row {
        Row { table: Table::Goods, bytes: Vec::new(), fields: [Field::Null; 8] }
    }
}

impl Row {
    /// Empties it, for a row of this table.
    pub fn begin(&mut self, table: Table) {
        self.table = table;
        self.bytes.clear();
        self.fields = [Field::Null; 8];
    }

    /// Sets a field; `fits` is whether all of it is there.
    pub fn set(&mut self, place: usize, bytes: &[u8], fits: bool) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.fields[place] = if fits { Field::Text { begin, end: self.bytes.len() } } else { Field::TooLong };
    }

    /// A field as text; nothing if it is NULL.
    ///
    /// # Errors
    /// Why it is no text that can be used.
    pub fn text(&self, place: usize) -> Result<Option<&str>, &'static str> {
        match self.fields[place] {
            Field::Null => Ok(None),
            Field::TooLong => Err("too long"),
            Field::Text { begin, end } => {
                std::str::from_utf8(&self.bytes[begin..end]).map(Some).map_err(|_| "not UTF-8")
            }
        }
    }

    /// A field as a number; nothing if it is none.
    pub fn number(&self, place: usize) -> Option<i64> {
        self.text(place).ok().flatten()?.trim().parse().ok()
    }

    /// Whether a time stands there. Sheets write NULL in words.
    pub fn is_set(&self, place: usize) -> bool {
        !matches!(self.text(place), Ok(None | Some("" | "NULL" | "\\N")))
    }
}

/// An export that is being read.
pub enum Rows<R> {
    /// A dump.
    Dump(Box<Dump<R>>),
    /// A sheet of one table.
    Sheet(Box<Sheet<R>>),
}

impl<R: io::Read> Rows<BufReader<R>> {
    /// Begins to read a file; `table` is the one a sheet is of.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn new(source: R, table: Option<Table>) -> Result<Rows<BufReader<R>>, ReadError> {
        let source = BufReader::with_capacity(256 * 1024, source);
        Ok(match table {
            None => Rows::Dump(Box::new(Dump::new(source))),
            Some(table) => Rows::Sheet(Box::new(Sheet::new(source, table)?)),
        })
    }

    /// Reads the next row of the wanted tables; answers whether there was one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next(&mut self, wanted: &[Table], row: &mut Row) -> Result<bool, ReadError> {
        match self {
            Rows::Dump(dump) => dump.next(wanted, row),
            Rows::Sheet(sheet) if wanted.contains(&sheet.table()) => sheet.next(row),
            Rows::Sheet(_) => Ok(false),
        }
    }
}

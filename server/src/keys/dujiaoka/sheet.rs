//! Reads a table of dujiaoka from a sheet of CSV whose first row names the columns.
//!
//! Invariant: as for a dump, memory is bounded by one row, and no field of it is repeated in an error.

use super::rows::{FIELD_BYTES_MAX, ReadError, Row, Table};
use csv_core::ReadFieldResult;
use std::io::BufRead;

const BYTE_ORDER_MARK: char = '\u{feff}';
/// Columns of a sheet.
const COLUMNS_MAX: usize = 256;

/// A sheet that is being read.
pub struct Sheet<R> {
    source: R,
    core: Box<csv_core::Reader>,
    table: Table,
    places: Vec<Option<usize>>,
    field: Vec<u8>,
    line: u64,
}

/// Where a field ended.
struct FieldEnd {
    of_record: bool,
    fits: bool,
    bytes: usize,
}

impl<R: BufRead> Sheet<R> {
    /// A sheet of this table, behind its header.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn new(source: R, table: Table) -> Result<Sheet<R>, ReadError> {
        let core = Box::new(csv_core::Reader::new());
        let field = vec![0; FIELD_BYTES_MAX];
        let mut sheet = Sheet { source, core, table, places: Vec::new(), field, line: 1 };
        let mut names = Vec::new();
        while let Some(end) = sheet.next_field()? {
            let name = String::from_utf8_lossy(&sheet.field[..end.bytes]);
            if names.len() < COLUMNS_MAX {
                names.push(name.trim().trim_start_matches(BYTE_ORDER_MARK).to_owned());
            }
            if end.of_record {
                break;
            }
        }
        sheet.places = table.places(&names)?;
        Ok(sheet)
    }

    /// Which table it is of.
    pub const fn table(&self) -> Table {
        self.table
    }

    /// Reads the next row; answers whether there was one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next(&mut self, row: &mut Row) -> Result<bool, ReadError> {
        row.begin(self.table);
        for column in 0.. {
            let Some(end) = self.next_field()? else { return Ok(false) };
            match self.places.get(column) {
                Some(Some(place)) => row.set(*place, &self.field[..end.bytes], end.fits),
                Some(None) => {}
                None => {
                    return Err(ReadError::Syntax {
                        line: self.line,
                        what: "a row with more fields than the header",
                    });
                }
            }
            if end.of_record && column + 1 < self.places.len() {
                return Err(ReadError::Syntax {
                    line: self.line,
                    what: "a row with fewer fields than the header",
                });
            }
            if end.of_record {
                return Ok(true);
            }
        }
        unreachable!("a row ends")
    }

    /// One field, which comes to lie in `field` as far as it fits; nothing at the end.
    fn next_field(&mut self) -> Result<Option<FieldEnd>, ReadError> {
        let (mut bytes, mut fits, mut scratch) = (0, true, [0; 1024]);
        loop {
            let input = self.source.fill_buf()?;
            let output = if fits { &mut self.field[bytes..] } else { &mut scratch[..] };
            let (result, read, written) = self.core.read_field(input, output);
            self.line += input[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.source.consume(read);
            bytes += if fits { written } else { 0 };
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => fits = false,
                ReadFieldResult::End => return Ok(None),
                ReadFieldResult::Field { record_end } => {
                    return Ok(Some(FieldEnd { of_record: record_end, fits, bytes }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::goods;
    use super::*;

    #[test]
    fn columns_are_found_by_their_names_and_quotes_hold() {
        let text = "\u{feff}gd_name,id,other,deleted_at\r\n\"Steam \"\"50\"\", 元\",7,x,NULL\r\n\r\n\"a\nb\",8,,2024-01-01\r\n";
        let mut sheet = Sheet::new(text.as_bytes(), Table::Goods).unwrap();
        let mut row = Row::default();
        assert!(sheet.next(&mut row).unwrap());
        assert_eq!((row.number(goods::ID), row.text(goods::NAME)), (Some(7), Ok(Some("Steam \"50\", 元"))));
        assert!(!row.is_set(goods::DELETED));
        assert!(sheet.next(&mut row).unwrap());
        assert_eq!((row.number(goods::ID), row.text(goods::NAME)), (Some(8), Ok(Some("a\nb"))));
        assert!(row.is_set(goods::DELETED));
        assert!(!sheet.next(&mut row).unwrap());
    }

    #[test]
    fn rows_of_another_length_and_missing_columns_are_named() {
        let mut sheet = Sheet::new("id,gd_name\nSECRET\n".as_bytes(), Table::Goods).unwrap();
        let error = sheet.next(&mut Row::default()).unwrap_err().to_string();
        assert!(error.contains("fewer fields") && !error.contains("SECRET"), "{error}");
        assert!(matches!(Sheet::new("id\n".as_bytes(), Table::Goods), Err(ReadError::NoColumn { .. })));
    }
}

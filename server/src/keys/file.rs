//! Reads files of card keys: plain text (one key a line) or one column of a CSV file, in UTF-8 or GB18030.
//!
//! It stands apart from the import because what people send as "a list of keys" is the least trustworthy input of all.
//! Invariant: every row is answered exactly once, with the number of the line it begins on, and memory does not grow with
//! the file or with any line in it. Texts are trimmed; whatever is not a key the server could take is named here.

use super::survey::Encoding;
use csv_core::ReadFieldResult;
use scrip_client::KEY_TEXT_BYTES_MAX;
use std::borrow::Cow;
use std::io::{self, BufRead, Chain, Cursor, Read};

/// Bytes of a line or field that are kept. Longer ones are too long in any encoding: no character takes more than three
/// bytes in UTF-8 for each of its bytes in GB18030, and none more than twice as many the other way round.
const RAW_BYTES_MAX: usize = 4 * KEY_TEXT_BYTES_MAX;
/// Room for fields of other columns, which nobody reads.
const SCRATCH_BYTES: usize = 1024;
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// How rows lie in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// One key a line.
    Lines,
    /// A column of CSV.
    Csv {
        /// Which.
        column: Column,
        /// The first row names the columns.
        header: bool,
    },
}

/// A column of CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// Counted from 1.
    Number(usize),
    /// As the header has it.
    Name(String),
}

impl std::str::FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Column, String> {
        match text.parse() {
            Ok(0) => Err("columns are counted from 1".into()),
            Ok(number) => Ok(Column::Number(number)),
            Err(_) => Ok(Column::Name(text.to_owned())),
        }
    }
}

/// Why a row is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// More bytes than a key may have.
    TooLong,
    /// A control character.
    Control,
    /// Bytes that are not of the file's encoding.
    Encoding,
    /// The row has too few columns.
    NoColumn,
    /// A field over several lines, too long for a key.
    OpenQuote,
}

impl Fault {
    /// For people.
    pub const fn why(self) -> &'static str {
        match self {
            Fault::TooLong => "longer than 1,024 bytes",
            Fault::Control => "a control character",
            Fault::Encoding => "not of the file's encoding",
            Fault::NoColumn => "the column is missing",
            Fault::OpenQuote => "too long, over several lines: is a quote not closed?",
        }
    }
}

/// What a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row<'a> {
    /// A key that the server can take.
    Key(&'a str),
    /// Nothing but white space.
    Blank,
    /// No key.
    Invalid(Fault),
}

/// Why a file can't be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A column that the header lacks.
    #[error("its header has no column {0:?}")]
    NoColumn(String),
}

/// What was found at one place of the file, before it is decoded.
enum Found {
    Text,
    Blank,
    Faulty(Fault),
    End,
}

/// A file of keys, read row by row.
pub struct KeyFile<R> {
    source: Chain<Cursor<Vec<u8>>, R>,
    encoding: Encoding,
    csv: Option<Csv>,
    /// Bytes of the row's key as the file has them.
    raw: Vec<u8>,
    /// The same in UTF-8, where that differs.
    text: String,
    /// The line that is read next.
    line: u64,
}

/// The state of reading CSV.
struct Csv {
    core: Box<csv_core::Reader>,
    column: usize,
    scratch: [u8; SCRATCH_BYTES],
    /// The last row ended with a carriage return: a line feed that follows belongs to it.
    after_return: bool,
}

impl<R: BufRead> KeyFile<R> {
    /// Begins to read, behind the byte order mark and the header.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn new(mut source: R, layout: &Layout, encoding: Encoding) -> Result<KeyFile<R>, ReadError> {
        let mut first = Vec::with_capacity(BYTE_ORDER_MARK.len());
        source.by_ref().take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut first)?;
        if first == BYTE_ORDER_MARK {
            first.clear();
        }
        let mut file = KeyFile {
            source: Cursor::new(first).chain(source),
            encoding,
            csv: None,
            raw: Vec::with_capacity(RAW_BYTES_MAX + 1),
            text: String::new(),
            line: 1,
        };
        if let Layout::Csv { column, header } = layout {
            file.begin_csv(column, *header)?;
        }
        Ok(file)
    }

    /// The next row and the number of its first line; nothing at the end.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn next(&mut self) -> io::Result<Option<(u64, Row<'_>)>> {
        let (line, found) = if self.csv.is_some() { self.record()? } else { self.text_line()? };
        let row = match found {
            Found::End => return Ok(None),
            Found::Blank => Row::Blank,
            Found::Faulty(fault) => Row::Invalid(fault),
            Found::Text => self.judge(),
        };
        Ok(Some((line, row)))
    }

    fn text_line(&mut self) -> io::Result<(u64, Found)> {
        let line = self.line;
        self.raw.clear();
        // One byte more, for the line feed.
        let mut bounded = self.source.by_ref().take(RAW_BYTES_MAX as u64 + 1);
        if bounded.read_until(b'\n', &mut self.raw)? == 0 {
            return Ok((line, Found::End));
        }
        self.line += 1;
        if self.raw.last() == Some(&b'\n') {
            self.raw.pop();
        } else if self.raw.len() > RAW_BYTES_MAX {
            self.source.skip_until(b'\n')?;
            return Ok((line, Found::Faulty(Fault::TooLong)));
        }
        Ok((line, Found::Text))
    }

    /// Decodes, trims and judges what lies in `raw`.
    fn judge(&mut self) -> Row<'_> {
        let text = match self.encoding.decode(&self.raw) {
            None => return Row::Invalid(Fault::Encoding),
            Some(Cow::Borrowed(text)) => text,
            Some(Cow::Owned(text)) => {
                self.text = text;
                &self.text
            }
        };
        match text.trim() {
            "" => Row::Blank,
            key if key.len() > KEY_TEXT_BYTES_MAX => Row::Invalid(Fault::TooLong),
            key if key.chars().any(char::is_control) => Row::Invalid(Fault::Control),
            key => Row::Key(key),
        }
    }

    fn begin_csv(&mut self, column: &Column, header: bool) -> Result<(), ReadError> {
        let number = if let Column::Number(number) = column { number - 1 } else { 0 };
        let core = Box::new(csv_core::Reader::new());
        self.csv = Some(Csv { core, column: number, scratch: [0; SCRATCH_BYTES], after_return: false });
        let Column::Name(name) = column else {
            if header {
                while let (_, Found::Blank) = self.record()? {}
            }
            return Ok(());
        };
        let missing = || ReadError::NoColumn(name.clone());
        while let Some(blank) = self.begin_record()? {
            if !blank {
                break;
            }
        }
        let mut found = None;
        for number in 0.. {
            let Some(end) = self.field(true)? else { break };
            let title = if end.fits { self.encoding.decode(&self.raw) } else { None };
            if found.is_none() && title.is_some_and(|title| title.trim() == name) {
                found = Some(number);
            }
            if end.of_record {
                break;
            }
        }
        self.csv.as_mut().expect("made above").column = found.ok_or_else(missing)?;
        Ok(())
    }

    /// One record of CSV; its key comes to lie in `raw`.
    fn record(&mut self) -> io::Result<(u64, Found)> {
        let line = match self.begin_record()? {
            None => return Ok((self.line, Found::End)),
            Some(true) => return Ok((self.line - 1, Found::Blank)),
            Some(false) => self.line,
        };
        let column = self.csv.as_ref().expect("only CSV has records").column;
        let mut found = Found::Faulty(Fault::NoColumn);
        for number in 0.. {
            let Some(end) = self.field(number == column)? else { break };
            if number == column {
                found = if end.fits { Found::Text } else { Found::Faulty(Fault::TooLong) };
            }
            if end.of_record {
                break;
            }
        }
        // One for the line's own end.
        if matches!(found, Found::Faulty(Fault::TooLong)) && self.line > line + 1 {
            found = Found::Faulty(Fault::OpenQuote);
        }
        Ok((line, found))
    }

    /// Whether an empty line was read instead of the beginning of a record; nothing at the end.
    fn begin_record(&mut self) -> io::Result<Option<bool>> {
        let csv = self.csv.as_mut().expect("only CSV has records");
        loop {
            let Some(&first) = self.source.fill_buf()?.first() else { return Ok(None) };
            let ends_last = std::mem::take(&mut csv.after_return) && first == b'\n';
            if ends_last {
                self.source.consume(1);
                continue;
            }
            if !matches!(first, b'\n' | b'\r') {
                return Ok(Some(false));
            }
            csv.after_return = first == b'\r';
            self.source.consume(1);
            self.line += 1;
            return Ok(Some(true));
        }
    }

    /// One field, which comes to lie in `raw` if it is to be kept (else `raw` stays); nothing at the end.
    fn field(&mut self, keep: bool) -> io::Result<Option<FieldEnd>> {
        let csv = self.csv.as_mut().expect("only CSV has fields");
        if keep {
            self.raw.clear();
            self.raw.resize(RAW_BYTES_MAX, 0);
        }
        let (mut kept, mut fits) = (0, true);
        loop {
            let input = self.source.fill_buf()?;
            let into_raw = keep && fits;
            let output = if into_raw { &mut self.raw[kept..] } else { &mut csv.scratch[..] };
            let (result, read, written) = csv.core.read_field(input, output);
            self.line += input[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
            let last = input[..read].last().copied();
            self.source.consume(read);
            kept += if into_raw { written } else { 0 };
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => fits &= !keep,
                ReadFieldResult::End => return Ok(None),
                ReadFieldResult::Field { record_end } => {
                    if record_end && last == Some(b'\r') {
                        csv.after_return = true;
                        self.line += 1;
                    }
                    if keep {
                        self.raw.truncate(kept);
                    }
                    return Ok(Some(FieldEnd { of_record: record_end, fits }));
                }
            }
        }
    }
}

/// Where a field ended.
struct FieldEnd {
    /// Its record ended with it.
    of_record: bool,
    /// All of it is there.
    fits: bool,
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

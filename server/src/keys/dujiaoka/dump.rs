//! Reads the INSERT statements of a MySQL dump, as mysqldump and the usual tools write them: extended inserts, escapes,
//! comments, columns named by the CREATE TABLE or by the INSERT itself.
//!
//! It stands here because no library reads a dump as a stream: parsers of SQL want whole statements in memory, and one INSERT
//! of a dump may be as long as the table. Invariant: memory is bounded by one row; what is read is never executed or repeated
//! in an error.

use super::rows::{FIELD_BYTES_MAX, ReadError, Row, Table};
use std::io::{self, BufRead};

/// Bytes of a name or number that are kept.
const WORD_BYTES_MAX: usize = 128;
/// Columns of a table.
const COLUMNS_MAX: usize = 256;

/// A piece of SQL. Names, words and texts lie in the reader's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// A keyword or number.
    Word,
    /// A name in backticks.
    Name,
    /// A text in quotes.
    Text,
    /// Any other character.
    Symbol(u8),
    /// The end of the file.
    End,
}

/// A dump that is being read.
pub struct Dump<R> {
    source: R,
    line: u64,
    /// What the last token was made of.
    piece: Vec<u8>,
    /// All of it is there.
    fits: bool,
    /// Columns of the tables by their CREATE TABLE.
    columns: [Option<Vec<String>>; Table::ALL.len()],
    /// The INSERT whose rows are being read, and where its columns belong.
    insert: Option<(Table, Vec<Option<usize>>)>,
}

impl<R: BufRead> Dump<R> {
    /// A dump from its beginning.
    pub fn new(source: R) -> Dump<R> {
        let columns = [const { None }; Table::ALL.len()];
        Dump { source, line: 1, piece: Vec::new(), fits: true, columns, insert: None }
    }

    /// Reads the next row of the wanted tables; answers whether there was one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next(&mut self, wanted: &[Table], row: &mut Row) -> Result<bool, ReadError> {
        loop {
            if let Some((table, places)) = self.insert.take() {
                match self.token()? {
                    Token::Symbol(b',') => self.insert = Some((table, places)),
                    Token::Symbol(b'(') => {
                        row.begin(table);
                        self.values(&places, row)?;
                        self.insert = Some((table, places));
                        return Ok(true);
                    }
                    Token::Symbol(b';') => {}
                    Token::End => return Err(self.syntax("the dump ends within an INSERT: it is cut off")),
                    _ => self.skip()?,
                }
                continue;
            }
            match self.token()? {
                Token::End => return Ok(false),
                Token::Word if self.is("CREATE") => self.create()?,
                Token::Word if self.is("INSERT") || self.is("REPLACE") => self.begin_insert(wanted)?,
                Token::Symbol(b';') => {}
                _ => self.skip()?,
            }
        }
    }

    fn syntax(&self, what: &'static str) -> ReadError {
        ReadError::Syntax { line: self.line, what }
    }

    fn is(&self, word: &str) -> bool {
        self.piece.eq_ignore_ascii_case(word.as_bytes())
    }

    /// Reads on to the end of the statement.
    fn skip(&mut self) -> Result<(), ReadError> {
        while !matches!(self.token()?, Token::Symbol(b';') | Token::End) {}
        Ok(())
    }

    /// A table's name, perhaps behind its database's; nothing if it is none of ours. Answers the token behind it, too.
    fn table(&mut self, mut token: Token) -> Result<(Option<Table>, Token), ReadError> {
        let mut table = None;
        while matches!(token, Token::Name | Token::Word) {
            table = Table::named(&self.piece);
            token = self.token()?;
            if token != Token::Symbol(b'.') {
                break;
            }
            token = self.token()?;
        }
        Ok((table, token))
    }

    /// Keeps the columns of a CREATE TABLE.
    fn create(&mut self) -> Result<(), ReadError> {
        let mut token = self.token()?;
        if token != Token::Word || !self.is("TABLE") {
            return if token == Token::Symbol(b';') { Ok(()) } else { self.skip() };
        }
        token = self.token()?;
        while token == Token::Word && (self.is("IF") || self.is("NOT") || self.is("EXISTS")) {
            token = self.token()?;
        }
        let (Some(table), Token::Symbol(b'(')) = self.table(token)? else { return self.skip() };
        let (mut names, mut depth, mut at_begin) = (Vec::new(), 1, true);
        while depth > 0 {
            match self.token()? {
                // Keys and constraints begin with words.
                Token::Name if at_begin && names.len() < COLUMNS_MAX => names.push(self.name()),
                Token::Symbol(b'(') => depth += 1,
                Token::Symbol(b')') => depth -= 1,
                Token::Symbol(b',') if depth == 1 => {
                    at_begin = true;
                    continue;
                }
                Token::End => return Err(self.syntax("the dump ends within a CREATE TABLE: it is cut off")),
                _ => {}
            }
            at_begin = false;
        }
        self.columns[table as usize] = Some(names);
        self.skip()
    }

    fn name(&self) -> String {
        String::from_utf8_lossy(&self.piece).into_owned()
    }

    /// Reads an INSERT up to its first row, if it is wanted.
    fn begin_insert(&mut self, wanted: &[Table]) -> Result<(), ReadError> {
        let mut token = self.token()?;
        while token == Token::Word && !self.is("INTO") {
            token = self.token()?;
        }
        if token == Token::Word {
            token = self.token()?;
        }
        let (table, mut token) = self.table(token)?;
        let Some(table) = table.filter(|table| wanted.contains(table)) else {
            return if token == Token::Symbol(b';') { Ok(()) } else { self.skip() };
        };
        let mut names = None;
        if token == Token::Symbol(b'(') {
            names = Some(self.names()?);
            token = self.token()?;
        }
        if token != Token::Word || !(self.is("VALUES") || self.is("VALUE")) {
            return if token == Token::Symbol(b';') { Ok(()) } else { self.skip() };
        }
        let names = names.as_ref().or(self.columns[table as usize].as_ref());
        let names = names.ok_or(ReadError::NoColumns { line: self.line, table: table.name() })?;
        self.insert = Some((table, table.places(names)?));
        Ok(())
    }

    /// The names of columns up to the closing bracket.
    fn names(&mut self) -> Result<Vec<String>, ReadError> {
        let mut names = Vec::new();
        loop {
            match self.token()? {
                Token::Name | Token::Word if names.len() < COLUMNS_MAX => names.push(self.name()),
                Token::Symbol(b',') => {}
                Token::Symbol(b')') => return Ok(names),
                _ => return Err(self.syntax("an INSERT whose columns can't be read")),
            }
        }
    }

    /// The values of one row, up to its closing bracket.
    fn values(&mut self, places: &[Option<usize>], row: &mut Row) -> Result<(), ReadError> {
        for column in 0.. {
            let mut token = self.token()?;
            // `_utf8mb4'text'` and `_binary 'text'`: the text counts.
            if token == Token::Word && self.piece.first() == Some(&b'_') {
                token = self.token()?;
            }
            if token == Token::Symbol(b'-') || token == Token::Symbol(b'+') {
                let minus = token == Token::Symbol(b'-');
                token = self.token()?;
                if minus {
                    self.piece.insert(0, b'-');
                }
            }
            let place = places.get(column).copied();
            let place = place.ok_or_else(|| self.syntax("a row with more values than columns"))?;
            match (token, place) {
                (Token::Word, Some(place)) if !self.is("NULL") => self.set_word(place, row)?,
                (Token::Text, Some(place)) => row.set(place, &self.piece, self.fits),
                (Token::Word | Token::Text, _) => {}
                (Token::End, _) => return Err(self.syntax("the dump ends within a row: it is cut off")),
                _ => return Err(self.syntax("a row whose values can't be read")),
            }
            match self.token()? {
                Token::Symbol(b',') => {}
                Token::Symbol(b')') if column + 1 == places.len() => return Ok(()),
                Token::Symbol(b')') => return Err(self.syntax("a row with fewer values than columns")),
                Token::End => return Err(self.syntax("the dump ends within a row: it is cut off")),
                _ => return Err(self.syntax("a row whose values can't be read")),
            }
        }
        unreachable!("a row ends")
    }

    /// A number, or bytes in hexadecimal digits, as `--hex-blob` writes them.
    fn set_word(&mut self, place: usize, row: &mut Row) -> Result<(), ReadError> {
        let Some(digits) = self.piece.strip_prefix(b"0x") else {
            row.set(place, &self.piece, self.fits);
            return Ok(());
        };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
        let bytes = bytes.ok_or_else(|| self.syntax("hexadecimal digits that are none"))?;
        row.set(place, &bytes, self.fits);
        Ok(())
    }

    /// The next byte, which stays.
    #[inline]
    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.source.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next byte, which is taken.
    #[inline]
    fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.source.consume(1);
            self.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }

    fn keep(&mut self, byte: u8, most: usize) {
        if self.piece.len() < most {
            self.piece.push(byte);
        } else {
            self.fits = false;
        }
    }

    fn token(&mut self) -> Result<Token, ReadError> {
        self.piece.clear();
        self.fits = true;
        loop {
            let Some(byte) = self.take()? else { return Ok(Token::End) };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'#' => self.skip_line()?,
                b'-' if self.peek()? == Some(b'-') => self.skip_line()?,
                b'/' if self.peek()? == Some(b'*') => self.skip_comment()?,
                b'`' => return self.quoted(b'`', WORD_BYTES_MAX).map(|()| Token::Name),
                b'\'' | b'"' => return self.quoted(byte, FIELD_BYTES_MAX).map(|()| Token::Text),
                byte if is_word(byte) => {
                    self.keep(byte, FIELD_BYTES_MAX);
                    while let Some(byte) = self.peek()?.filter(|byte| is_word(*byte) || *byte == b'.') {
                        // The point of a decimal number; one behind a name is a sign of its own.
                        if byte == b'.' && !self.piece[0].is_ascii_digit() {
                            break;
                        }
                        self.keep(byte, FIELD_BYTES_MAX);
                        self.source.consume(1);
                    }
                    return Ok(Token::Word);
                }
                other => return Ok(Token::Symbol(other)),
            }
        }
    }

    fn skip_line(&mut self) -> Result<(), ReadError> {
        while self.take()?.is_some_and(|byte| byte != b'\n') {}
        Ok(())
    }

    fn skip_comment(&mut self) -> Result<(), ReadError> {
        let mut last = 0;
        // The star that opens it does not close it.
        self.take()?;
        loop {
            match self.take()? {
                Some(b'/') if last == b'*' => return Ok(()),
                Some(byte) => last = byte,
                None => return Err(self.syntax("a comment without an end")),
            }
        }
    }

    /// A text or name up to its closing quote, which may stand in it twice or behind a backslash.
    fn quoted(&mut self, quote: u8, most: usize) -> Result<(), ReadError> {
        const OPEN: &str = "a text without an end: the dump is cut off";
        loop {
            let byte = self.take()?.ok_or_else(|| self.syntax(OPEN))?;
            if byte == b'\\' && quote != b'`' {
                let escaped = self.take()?.ok_or_else(|| self.syntax(OPEN))?;
                match escaped {
                    b'n' => self.keep(b'\n', most),
                    b'r' => self.keep(b'\r', most),
                    b't' => self.keep(b'\t', most),
                    b'0' => self.keep(0, most),
                    b'b' => self.keep(8, most),
                    b'Z' => self.keep(26, most),
                    other => self.keep(other, most),
                }
            } else if byte != quote {
                self.keep(byte, most);
            } else if self.peek()? == Some(quote) {
                self.take()?;
                self.keep(quote, most);
            } else {
                return Ok(());
            }
        }
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::super::rows::{carmis, goods};
    use super::*;

    /// Goods and texts of all carmis of a dump.
    fn carmis_of(text: &str) -> Result<Vec<(i64, Option<String>)>, ReadError> {
        let mut found = Vec::new();
        for capacity in [1, 7, 4096] {
            let mut dump = Dump::new(io::BufReader::with_capacity(capacity, text.as_bytes()));
            let (mut row, mut rows) = (Row::default(), Vec::new());
            while dump.next(&[Table::Carmis], &mut row)? {
                let text = row.text(carmis::TEXT).expect("UTF-8").map(str::to_owned);
                rows.push((row.number(carmis::GOODS).expect("a number"), text));
            }
            assert!(found.is_empty() || found == rows, "buffers of {capacity} bytes read otherwise");
            found = rows;
        }
        Ok(found)
    }

    const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS `carmis` (
  `id` bigint NOT NULL AUTO_INCREMENT,
  `goods_id` int NOT NULL COMMENT 'a, (b) ''c''',
  `status` tinyint(1) NOT NULL DEFAULT '1',
  `is_loop` tinyint(1) NOT NULL DEFAULT '0',
  `carmi` text NOT NULL,
  `price` decimal(10,2),
  `deleted_at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `idx_goods_id` (`goods_id`) USING BTREE
) ENGINE=InnoDB COMMENT='卡密表; (x)';
";

    #[test]
    fn extended_inserts_escapes_and_comments_are_read() {
        let text = format!(
            "-- MySQL dump; INSERT INTO `carmis`\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `carmis`;\n{CREATE}\
             LOCK TABLES `carmis` WRITE;\n/*!40000 ALTER TABLE `carmis` DISABLE KEYS */;\n\
             INSERT INTO `goods` VALUES (1,'x;(`'),(2,'INSERT INTO `carmis`');\n\
             INSERT INTO `shop`.`carmis` VALUES (1,7,1,0,'A\\'B\\\\C',1.50,NULL),(2,-8,2,0,'it''s; (1,2)',-3,'2024-01-01'),\n\
             (3,9,1,0,_utf8mb4'卡密\\n\\t\\\"x\\\"',NULL,NULL);\n\
             insert ignore into carmis (carmi, status, goods_id, id) values (\"say \\\"hi\\\"\", 1, 10, 4) , (0x4142, 1, 11, 5);\n\
             UNLOCK TABLES;\n# the end"
        );
        let row = |goods, text: &str| (goods, Some(text.to_owned()));
        let expected = [
            row(7, "A'B\\C"),
            row(-8, "it's; (1,2)"),
            row(9, "卡密\n\t\"x\""),
            row(10, "say \"hi\""),
            row(11, "AB"),
        ];
        assert_eq!(carmis_of(&text).unwrap(), expected);
    }

    #[test]
    fn what_is_cut_off_or_has_no_columns_is_named_without_its_text() {
        for (text, word) in [
            (
                format!("{CREATE}INSERT INTO `carmis` VALUES (1,1,1,0,'SECRET"),
                "line 12: a text without an end",
            ),
            (format!("{CREATE}INSERT INTO `carmis` VALUES (1,1,1,0,'SECRET'"), "within a row"),
            (format!("{CREATE}INSERT INTO `carmis` VALUES (1,1,1,0,'SECRET',1,NULL)"), "within an INSERT"),
            (format!("{CREATE}INSERT INTO `carmis` VALUES (1,1,1,0,'SECRET',1)"), "fewer values"),
            (format!("{CREATE}INSERT INTO `carmis` VALUES (1,1,1,0,'SECRET',1,NULL,2)"), "more values"),
            ("INSERT INTO `carmis` VALUES (1,'SECRET');".into(), "--complete-insert"),
            ("INSERT INTO `carmis` (`id`,`carmi`) VALUES (1,'SECRET');".into(), "no column goods_id"),
        ] {
            let error = carmis_of(&text).unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn a_field_beyond_the_maximum_is_not_kept() {
        let long = "x".repeat(FIELD_BYTES_MAX + 1);
        let text = format!("INSERT INTO goods (id, gd_name) VALUES (1, '{long}'), (2, 'short');");
        let mut dump = Dump::new(text.as_bytes());
        let mut row = Row::default();
        assert!(dump.next(&[Table::Goods], &mut row).unwrap());
        assert!(row.text(goods::NAME).is_err());
        assert!(dump.next(&[Table::Goods], &mut row).unwrap());
        assert_eq!((row.number(goods::ID), row.text(goods::NAME)), (Some(2), Ok(Some("short"))));
        assert!(!dump.next(&[Table::Goods], &mut row).unwrap());
    }
}

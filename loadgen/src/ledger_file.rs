//! The ledger as a file, so that a check can be another process on another day.
//!
//! Layout, little-endian: 8 bytes `SCRPLEDG`; u32 version (2); u32 bytes of the header; the header in JSON (recipe,
//! stocks before, counts, complete, numbers of records and cards); the records, 64 bytes each as [`Record`] lays them
//! out; the cards, 32 bytes each as [`CardRecord`] does; u32 CRC-32C of all before. Version 1 had no cards. Invariant: a file that was cut or changed is not read as a ledger.

use crate::error::LedgerError;
use crate::ledger::{CardRecord, Known, Ledger, RECORDS_MAX, Record, Records, StockCounters};
use crate::recipe::{Recipe, What};
use crate::report::Counts;
use crc_fast::{CrcAlgorithm, Digest};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use zerocopy::{FromBytes, IntoBytes};

const MAGIC: [u8; 8] = *b"SCRPLEDG";
const VERSION: u32 = 2;
/// Bytes of the JSON header: a recipe of a million stocks fits.
const HEADER_BYTES_MAX: u32 = 256 << 20;

#[derive(Serialize, Deserialize)]
struct Header {
    recipe: Recipe,
    before: Vec<StockCounters>,
    counts: Counts,
    complete: bool,
    records: u64,
    cards: u64,
}

impl Ledger {
    /// Writes the ledger to a new file, or over an old one.
    pub fn save(&self, path: &Path) -> Result<(), LedgerError> {
        self.write(path).map_err(|why| LedgerError::File { path: path.to_owned(), why })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let header = serde_json::to_vec(&Header {
            recipe: self.recipe.clone(),
            before: self.before.clone(),
            counts: self.counts.clone(),
            complete: self.complete,
            records: self.records.len() as u64,
            cards: self.cards.len() as u64,
        })?;
        let mut file = File::create(path)?;
        let mut checksum = Digest::new(CrcAlgorithm::Crc32Iscsi);
        let mut put = |bytes: &[u8]| {
            checksum.update(bytes);
            file.write_all(bytes)
        };
        put(&MAGIC)?;
        put(&VERSION.to_le_bytes())?;
        put(&(header.len() as u32).to_le_bytes())?;
        put(&header)?;
        for chunk in self.records.chunks() {
            put(chunk.as_bytes())?;
        }
        put(self.cards.as_bytes())?;
        file.write_all(&(checksum.finalize() as u32).to_le_bytes())?;
        file.sync_all()
    }

    /// Reads a ledger that [`Ledger::save`] wrote.
    pub fn load(path: &Path) -> Result<Ledger, LedgerError> {
        let content = |what: &str| LedgerError::Content { path: path.to_owned(), what: what.to_owned() };
        let failed = |why: io::Error| match why.kind() {
            io::ErrorKind::UnexpectedEof => content("it ends in the middle"),
            _ => LedgerError::File { path: path.to_owned(), why },
        };
        let mut input = Input {
            reader: BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?),
            checksum: Digest::new(CrcAlgorithm::Crc32Iscsi),
        };
        if input.array::<8>().map_err(failed)? != MAGIC {
            return Err(content("it does not begin with SCRPLEDG"));
        }
        let version = u32::from_le_bytes(input.array().map_err(failed)?);
        if version != VERSION {
            return Err(content(&format!("its version is {version}, only {VERSION} is known here")));
        }
        let bytes = u32::from_le_bytes(input.array().map_err(failed)?);
        if bytes > HEADER_BYTES_MAX {
            return Err(content("its header is longer than any"));
        }
        let mut header = vec![0; bytes as usize];
        input.fill(&mut header).map_err(failed)?;
        let header: Header = serde_json::from_slice(&header)
            .map_err(|why| content(&format!("its header can't be read: {why}")))?;
        let mut records = Records::default();
        for _ in 0..header.records {
            let record = Record::read_from_bytes(&input.array::<64>().map_err(failed)?)
                .expect("64 bytes are a record");
            if What::from_number(record.what).is_none() || Known::from_number(record.known).is_none() {
                return Err(content("one of its records is of no known kind"));
            }
            if !records.push(record) {
                return Err(content("it has more records than a ledger may have"));
            }
        }
        if header.cards > RECORDS_MAX as u64 {
            return Err(content("it has more cards than a ledger may have"));
        }
        let mut cards = Vec::new();
        for _ in 0..header.cards {
            let bytes = input.array::<32>().map_err(failed)?;
            cards.push(CardRecord::read_from_bytes(&bytes).expect("32 bytes are a card"));
        }
        let expected = input.checksum.finalize() as u32;
        if u32::from_le_bytes(input.array().map_err(failed)?) != expected {
            return Err(content("its checksum does not hold"));
        }
        let Header { recipe, before, counts, complete, .. } = header;
        if recipe.stocks.is_empty() || recipe.stocks.len() != before.len() {
            return Err(content("its stocks are not those of its recipe"));
        }
        if recipe.shares.is_some_and(|shares| shares.check().is_err()) {
            return Err(content("its shares of checkouts are impossible"));
        }
        Ok(Ledger { recipe, before, counts, complete, records, cards })
    }
}

struct Input {
    reader: BufReader<File>,
    checksum: Digest,
}

impl Input {
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.reader.read_exact(bytes)?;
        self.checksum.update(bytes);
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

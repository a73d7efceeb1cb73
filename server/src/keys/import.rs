//! `scrip keys import` and `scrip code import`: a file of keys into a batch, or of codes that were made elsewhere into a campaign, in
//! chunks, many on their way at once.
//!
//! Keys that stand in the file twice are found by a 64-bit hash each. A hash that was seen before makes a key a *suspect* only:
//! suspects travel in chunks of their own, after everything before them was answered, and the server says whether they are
//! new. Invariant: chunks and their numbers depend on the file alone, so a run after an interruption sends the same
//! commands; memory is bounded by the chunks on their way and eight bytes and a little per key.

use super::arguments::{CodeImportArgs, EncodingName, ImportArgs, SourceArgs};
use super::chunk::Chunk;
use super::file::{KeyFile, ReadError, Row};
use super::resume::{Ids, Note, Origin};
use super::survey::{Encoding, Survey};
use super::tally::{Kind, Tally};
use super::{Failure, KeysError, file_error, show};
use indicatif::{ProgressBar, ProgressStyle};
use scrip_client::{
    BatchCreate, BatchState, CapacityOf, Client, Code, Error, KeysImport, KeysImported, Operation,
    OwnedFacts, StockId, VanityCode, VanityError,
};
use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::BufReader;
use std::time::Instant;
use tokio::task::JoinHandle;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Chunks on their way at once.
const CHUNKS_UNDER_WAY_MAX: usize = 32;
/// Keys of one file: bounds what is remembered to find duplicates.
const KEYS_MAX: usize = 100_000_000;
const BUFFER_BYTES: usize = 256 * 1024;
/// The supplier of a batch that was given none.
const NO_SUPPLIER: &str = "-";

/// A hasher for what is hashed already.
#[derive(Default)]
struct Unchanged(u64);

impl Hasher for Unchanged {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes of 64 bits are kept")
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

type Hashes = HashSet<u64, BuildHasherDefault<Unchanged>>;

/// Where the rows of a file go.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// They are card keys.
    Batch { stock: StockId, batch: u32 },
    /// They are codes, each for a bearer card.
    Campaign(StockId),
}

impl Target {
    async fn import(
        self,
        client: &Client,
        operation: Operation,
        texts: &[&str],
    ) -> Result<KeysImported, Error> {
        match self {
            Target::Batch { stock, batch } => {
                client.keys_import(KeysImport { operation, stock, batch, keys: texts }).await
            }
            Target::Campaign(campaign) => client.code_import(operation, campaign, texts).await,
        }
    }

    /// What decides where the rows of a file go.
    fn origin(self, digest: [u8; 32], reading: &str) -> Origin<'_> {
        let (stock, batch) = match self {
            Target::Batch { stock, batch } => (stock, batch),
            Target::Campaign(campaign) => (campaign, 0),
        };
        Origin::Content { stock, batch, digest, reading }
    }
}

/// Imports keys; answers whether every key of the file is in stock or was.
pub(super) async fn run(client: &Client, arguments: &ImportArgs) -> Result<bool, Failure> {
    let (source, batch) = (&arguments.source, arguments.batch);
    let looked = look_at(source)?;
    let stock = client.stock_id(&arguments.stock)?;
    let batch_is_there = find_batch(client, stock, arguments).await?;
    let mut import = Import::begin(client, source, Target::Batch { stock, batch }, &looked)?;
    if !batch_is_there && !source.dry_run {
        create_batch(client, stock, arguments, &import.ids).await?;
    }
    import.carry_out(looked.1).await?;
    let made = if batch_is_there { "is there" } else { "would be made" };
    import.report(
        looked.1,
        &[("stock", arguments.stock.as_str().into()), ("batch", batch.into())],
        &Words {
            would: format!("batch {batch} {made}; which keys are there already, an import tells"),
            done: format!("imported into batch {batch}"),
        },
    );
    Ok(import.tally.complete())
}

/// Imports codes; answers whether every code of the file has a card.
pub(super) async fn run_codes(client: &Client, arguments: &CodeImportArgs) -> Result<bool, Failure> {
    let (source, name) = (&arguments.source, &arguments.campaign);
    let looked = look_at(source)?;
    let campaign = client.stock_id(name)?;
    client.campaign_show(campaign).await?;
    let mut import = Import::begin(client, source, Target::Campaign(campaign), &looked)?;
    import.carry_out(looked.1).await?;
    import.report(
        looked.1,
        &[("campaign", name.as_str().into())],
        &Words {
            would: "which codes are there already, an import tells".into(),
            done: format!("each code that is ok has a card of {name}"),
        },
    );
    Ok(import.tally.complete())
}

/// Reads the file once for what has to be known before its first row.
fn look_at(source: &SourceArgs) -> Result<(Survey, Encoding), KeysError> {
    let path = &source.file;
    let canonical = path.canonicalize().map_err(|error| file_error(path, error))?;
    if !canonical.is_file() {
        return Err(file_error(path, "this is no plain file, and an import reads its file twice"));
    }
    let rejects = source.rejects.as_ref().and_then(|rejects| rejects.canonicalize().ok());
    if rejects.is_some_and(|rejects| rejects == canonical) {
        return Err(file_error(path, "its rejects would overwrite it: name another file with --rejects"));
    }
    let survey = File::open(path).and_then(Survey::of).map_err(|error| file_error(path, error))?;
    if survey.utf16 {
        return Err(file_error(path, "this is UTF-16: save it as UTF-8"));
    }
    let encoding = match (source.encoding, survey.foreign_line) {
        (EncodingName::Utf8, _) | (EncodingName::Auto, None) => Encoding::Utf8,
        (EncodingName::Gb18030, _) => Encoding::Gb18030,
        (EncodingName::Auto, Some(line)) => {
            eprintln!("{}: line {line} is not UTF-8, so the file is read as GB18030", path.display());
            Encoding::Gb18030
        }
    };
    Ok((survey, encoding))
}

/// Whether the batch is there already; then it must be what the operator says of it.
async fn find_batch(client: &Client, stock: StockId, arguments: &ImportArgs) -> Result<bool, Failure> {
    let ImportArgs { batch, supplier, cost, expires, .. } = arguments;
    let all = show::batches(client, stock).await?;
    let Some(found) = all.into_iter().find(|found| found.number == *batch) else { return Ok(false) };
    if found.state != BatchState::Active {
        let state = show::state_name(found.state);
        return Err(KeysError::Wish(format!(
            "batch {batch} is {state} and takes no keys: name another with --batch"
        ))
        .into());
    }
    let differs = supplier.as_ref().is_some_and(|supplier| *supplier != found.supplier)
        || cost.is_some_and(|cost| cost != found.cost)
        || expires.is_some_and(|expires| expires != found.expires_ms.unwrap_or(0));
    if differs {
        return Err(KeysError::Wish(format!(
            "batch {batch} is there with another supplier, cost or expiry (`scrip keys batches {}`): leave those out, or name \
             another with --batch",
            arguments.stock
        ))
        .into());
    }
    Ok(true)
}

async fn create_batch(
    client: &Client,
    stock: StockId,
    arguments: &ImportArgs,
    ids: &Ids,
) -> Result<(), Failure> {
    let expires_ms = arguments.expires.unwrap_or(0);
    if expires_ms != 0 && expires_ms <= client.now_ms() {
        return Err(KeysError::Wish("the time of --expires is past".into()).into());
    }
    let request = BatchCreate {
        operation: ids.batch(),
        stock,
        batch: arguments.batch,
        supplier: arguments.supplier.clone().unwrap_or_else(|| NO_SUPPLIER.into()),
        cost: arguments.cost.unwrap_or(0),
        expires_ms,
    };
    client.batch_create(request).await?;
    Ok(())
}

/// Drawn on a terminal only.
fn progress_bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg} {eta}");
    ProgressBar::new(bytes).with_style(style.expect("a template that is known to be right"))
}

fn rejects_error(source: &SourceArgs, error: &std::io::Error) -> KeysError {
    file_error(source.rejects.as_deref().unwrap_or(&source.file), error)
}

/// A chunk on its way.
struct Sent {
    answer: JoinHandle<(Chunk, Result<KeysImported, Error>)>,
    /// Its keys seem to stand in the file before.
    suspect: bool,
}

/// An import under way.
struct Import<'a> {
    client: &'a Client,
    source: &'a SourceArgs,
    target: Target,
    ids: Ids,
    note: Note,
    /// A run before has begun it.
    resumed: bool,
    began: Instant,
    tally: Tally,
    bar: ProgressBar,
    under_way: VecDeque<Sent>,
    /// Chunks to be filled again.
    spare: Vec<Chunk>,
    fresh: Chunk,
    suspects: Chunk,
    /// Of the next chunk.
    number: u64,
    /// Which maximum was reached, and how much it is.
    full: Option<(CapacityOf, u64)>,
}

/// What the last lines say of where the rows went.
struct Words {
    /// After a dry run.
    would: String,
    /// After an import.
    done: String,
}

impl<'a> Import<'a> {
    /// Nothing sent yet; the import is noted beside the file.
    fn begin(
        client: &'a Client,
        source: &'a SourceArgs,
        target: Target,
        (survey, encoding): &(Survey, Encoding),
    ) -> Result<Import<'a>, Failure> {
        let reading = format!("{:?} {}", source.layout(), encoding.name());
        let origin = match &source.operation {
            Some(reference) => Origin::Reference(reference),
            None => target.origin(survey.digest, &reading),
        };
        let (alias_key, note) = (client.welcome().alias_key, Note::beside(&source.file));
        let (ids, resumed) = if source.dry_run {
            (Ids::new(&alias_key, origin, 0), false)
        } else {
            note.find_or_begin(&alias_key, origin, client.now_ms())?
        };
        let tally = Tally::new(source.rejects.as_deref()).map_err(|error| rejects_error(source, &error))?;
        Ok(Import {
            client,
            source,
            target,
            ids,
            note,
            resumed,
            began: Instant::now(),
            tally,
            bar: progress_bar(survey.bytes),
            under_way: VecDeque::with_capacity(CHUNKS_UNDER_WAY_MAX),
            spare: Vec::with_capacity(CHUNKS_UNDER_WAY_MAX),
            fresh: Chunk::default(),
            suspects: Chunk::default(),
            number: 0,
            full: None,
        })
    }

    /// Reads the file and imports it.
    async fn carry_out(&mut self, encoding: Encoding) -> Result<(), Failure> {
        let read = self.read(encoding).await;
        self.bar.finish_and_clear();
        self.tally.finish().map_err(|error| rejects_error(self.source, &error))?;
        read?;
        if !self.source.dry_run && self.tally.rows(Kind::OverCapacity) == 0 {
            self.note.remove()?;
        }
        Ok(())
    }

    /// Reads the file to its end.
    async fn read(&mut self, encoding: Encoding) -> Result<(), Failure> {
        let path = &self.source.file;
        let unreadable = |error: ReadError| file_error(path, error);
        let source = File::open(path).map_err(|error| file_error(path, error))?;
        let source = BufReader::with_capacity(BUFFER_BYTES, self.bar.wrap_read(source));
        let mut file = KeyFile::new(source, &self.source.layout(), encoding).map_err(unreadable)?;
        let (mut seen, seed) = (Hashes::default(), self.ids.seed());
        while let Some((line, row)) = file.next().map_err(|error| file_error(path, error))? {
            match row {
                Row::Blank => self.count(Kind::Blank, line, "")?,
                Row::Invalid(fault) => self.count(Kind::Invalid, line, fault.why())?,
                Row::Key(text) => {
                    let code = match self.target {
                        Target::Batch { .. } => None,
                        Target::Campaign(_) => match VanityCode::choose(text) {
                            Ok(code) => Some(code),
                            Err(error) => {
                                self.count(Kind::Invalid, line, no_code(error))?;
                                continue;
                            }
                        },
                    };
                    // Codes that people would take for the same are the same row.
                    let text = code.as_ref().map_or(text, VanityCode::reveal);
                    let suspect = !seen.insert(xxh3_64_with_seed(text.as_bytes(), seed));
                    if seen.len() > KEYS_MAX {
                        return Err(file_error(path, format!("more than {KEYS_MAX} rows: split it")).into());
                    }
                    self.take(line, text, suspect).await?;
                }
            }
        }
        self.send_fresh().await?;
        self.send_suspects().await
    }

    fn count(&mut self, kind: Kind, line: u64, why: &'static str) -> Result<(), KeysError> {
        let counted = self.tally.add(kind, line, why);
        counted.map_err(|error| rejects_error(self.source, &error))
    }

    /// A key goes into the chunk that it belongs to.
    async fn take(&mut self, line: u64, key: &str, suspect: bool) -> Result<(), Failure> {
        if self.source.dry_run {
            return Ok(self.count(if suspect { Kind::Duplicate } else { Kind::Ok }, line, "")?);
        }
        if suspect {
            if !self.suspects.has_room(key) {
                self.send_suspects().await?;
            }
            self.suspects.push(line, key);
        } else {
            if !self.fresh.has_room(key) {
                self.send_fresh().await?;
            }
            self.fresh.push(line, key);
        }
        Ok(())
    }

    async fn send_fresh(&mut self) -> Result<(), Failure> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        if self.under_way.len() >= CHUNKS_UNDER_WAY_MAX {
            self.answer().await?;
        }
        let next = self.spare.pop().unwrap_or_default();
        let chunk = std::mem::replace(&mut self.fresh, next);
        self.send(chunk, false);
        Ok(())
    }

    /// Sends suspects once whatever stands before them was answered, and waits for their answer.
    async fn send_suspects(&mut self) -> Result<(), Failure> {
        self.send_fresh().await?;
        while !self.under_way.is_empty() {
            self.answer().await?;
        }
        if self.suspects.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.suspects);
        self.send(chunk, true);
        self.answer().await
    }

    fn send(&mut self, chunk: Chunk, suspect: bool) {
        let (client, target) = (self.client.clone(), self.target);
        let operation = self.ids.chunk(self.number);
        self.number += 1;
        let answer = tokio::spawn(async move {
            let answer = target.import(&client, operation, &chunk.keys()).await;
            (chunk, answer)
        });
        self.under_way.push_back(Sent { answer, suspect });
    }

    /// Waits for the first chunk under way, and counts its rows.
    async fn answer(&mut self) -> Result<(), Failure> {
        let Sent { answer, suspect } = self.under_way.pop_front().expect("a chunk is under way");
        let (mut chunk, answer) = answer.await.expect("a call does not panic");
        let there = if suspect { Kind::Duplicate } else { Kind::AlreadyThere };
        match answer {
            Ok(KeysImported { taken }) => {
                for (position, &line) in chunk.lines().iter().enumerate() {
                    self.count(if taken >> position & 1 == 1 { Kind::Ok } else { there }, line, "")?;
                }
            }
            Err(Error::Rejected(rejection)) if rejection.code == Code::Capacity => {
                if let OwnedFacts::Maximum(which, maximum) = rejection.facts {
                    self.full = Some((which, maximum));
                }
                for &line in chunk.lines() {
                    self.count(Kind::OverCapacity, line, "")?;
                }
            }
            Err(error) => return Err(Failure::Stopped(error, self.tally.total())),
        }
        self.bar.set_message(format!("{} ok", self.tally.rows(Kind::Ok)));
        chunk.clear();
        self.spare.push(chunk);
        Ok(())
    }

    fn report(&self, encoding: Encoding, of: &[(&str, serde_json::Value)], words: &Words) {
        let SourceArgs { dry_run, json, .. } = *self.source;
        let seconds = self.began.elapsed().as_secs_f64();
        if json {
            let mut object = self.tally.json(dry_run);
            object.extend(of.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            object.insert("encoding".into(), encoding.name().into());
            object.insert("dry_run".into(), dry_run.into());
            object.insert("resumed".into(), self.resumed.into());
            object.insert("seconds".into(), seconds.into());
            println!("{}", serde_json::Value::from(object));
            return;
        }
        self.tally.print(dry_run);
        if let Some((which, maximum)) = self.full {
            let (what, mend) = crate::operator::full(which, maximum);
            println!("{what}. {mend}, and run this again");
        }
        println!("{}{}", self.tally.summary(), if dry_run { "; nothing changed" } else { "" });
        match dry_run {
            true => println!("{}", words.would),
            false => {
                let again = if self.resumed { ", gone on with" } else { "" };
                println!("{} in {seconds:.1} s{again}", words.done);
            }
        }
    }
}

/// Why a text can't be given to a card.
const fn no_code(error: VanityError) -> &'static str {
    match error {
        VanityError::TooLong | VanityError::Length { .. } => "a code has 3 to 32 characters",
        VanityError::Character { .. } => "a code has A-Z, 0-9, '-' and '_'",
        VanityError::Derived => "it has the form of a generated code",
    }
}

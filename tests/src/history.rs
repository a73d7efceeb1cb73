//! Running random histories: the engine beside the oracle, one seed at a time.

use crate::generator::{Generator, Step};
use crate::outcome::OwnedOutcome;
use crate::request::{OwnedCommand, OwnedRequest};
use crate::world::{Mismatch, World};
use scrip_engine::rejection::Code;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write};

/// Steps that a failure shows.
const SHOWN: usize = 20;

/// Commands between two recounts.
const RECOUNT_EVERY: u64 = 100;

/// What happened in a number of histories.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Commands executed.
    pub commands: u64,
    /// Events logged.
    pub events: u64,
    /// Sales that were owed, debts settled, debts in vain, and holds whose CONFIRM was owed.
    pub debts: [u64; 4],
    /// Replacements of card keys that were owed, that came, and that never did.
    pub replacements: [u64; 3],
    /// How often each command was answered how: taken, or refused with a code.
    pub answers: BTreeMap<(&'static str, Option<Code>), u64>,
}

impl Tally {
    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Tally) {
        self.commands += other.commands;
        self.events += other.events;
        self.debts.iter_mut().zip(other.debts).for_each(|(sum, more)| *sum += more);
        self.replacements.iter_mut().zip(other.replacements).for_each(|(sum, more)| *sum += more);
        for (what, times) in &other.answers {
            *self.answers.entry(*what).or_insert(0) += times;
        }
    }

    /// One line per command and answer.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for ((command, code), times) in &self.answers {
            let answer = code.map_or("taken", Code::name);
            let _ = writeln!(table, "{command:<18}{answer:<24}{times:>10}");
        }
        table
    }
}

/// One history under way.
pub struct History {
    /// The world it happens in.
    pub world: World,
    /// What happened so far.
    pub tally: Tally,
    /// The last request and its answer.
    pub last: Option<(OwnedRequest, OwnedOutcome)>,
    seed: u64,
    generator: Generator,
    steps: u64,
    recent: VecDeque<Remembered>,
    prints: bool,
    quiet: bool,
}

impl History {
    /// The history of this seed, before its first step.
    pub fn new(seed: u64) -> History {
        History::with_hash_seed(seed, seed)
    }

    /// The same history on an engine with this seed of its hash tables.
    pub fn with_hash_seed(seed: u64, hash_seed: u64) -> History {
        let generator = Generator::new(seed);
        let plan = &generator.plan;
        History {
            world: World::with_hash_seed(plan.capacity, plan.rules, plan.start_ms, hash_seed),
            tally: Tally::default(),
            last: None,
            seed,
            generator,
            steps: 0,
            recent: VecDeque::new(),
            prints: false,
            quiet: false,
        }
    }

    /// Prints every step.
    pub fn printing(mut self) -> History {
        println!("seed {}: {:#?}", self.seed, self.generator.plan);
        self.prints = true;
        self
    }

    /// Says nothing when it ends in a panic: the panic is expected.
    pub fn quiet(mut self) -> History {
        self.quiet = true;
        self
    }

    /// One more step. The error is a report for people.
    pub fn step(&mut self) -> Result<(), String> {
        let step = self.generator.next(&self.world.oracle);
        self.steps += 1;
        self.last = None;
        if self.recent.len() == SHOWN {
            self.recent.pop_front();
        }
        let now_ms = self.world.now_ms;
        self.recent.push_back(Remembered { number: self.steps, now_ms, step: step.clone(), answer: None });
        match step {
            Step::Wait { now_ms } => self.world.advance(now_ms),
            Step::Configure(rules) => self.world.configure(rules),
            Step::Tick => self.world.tick(),
            Step::Restart => self.world.restart(),
            Step::Ask(request) => self.ask(*request)?,
        }
        let remembered = self.recent.back_mut().expect("just pushed");
        remembered.answer = self.last.as_ref().map(|(_, answer)| answer.clone());
        if self.prints {
            println!("{remembered}");
        }
        Ok(())
    }

    fn ask(&mut self, request: OwnedRequest) -> Result<(), String> {
        let answer = match self.world.try_ask(&request) {
            Ok(answer) => answer,
            Err(mismatch) => return Err(self.report(&request, &mismatch)),
        };
        self.tally.commands += 1;
        self.tally.events = self.world.log.events;
        self.tally.debts = self.world.log.debts;
        self.tally.replacements = self.world.log.replacements;
        *self.tally.answers.entry((name(&request.command), answer.code())).or_insert(0) += 1;
        if self.tally.commands.is_multiple_of(RECOUNT_EVERY) {
            self.world.check_laws();
        }
        self.last = Some((request, answer));
        Ok(())
    }

    /// How to see it again, and the last steps.
    fn story(&self) -> String {
        let mut story = format!("replay with SCRIP_MODEL_SEED={}; the last steps:\n", self.seed);
        for remembered in &self.recent {
            let _ = writeln!(story, "{remembered}");
        }
        story
    }

    fn report(&mut self, request: &OwnedRequest, Mismatch { engine, oracle }: &Mismatch) -> String {
        let mut report = String::new();
        let _ =
            writeln!(report, "seed {}, step {}, shard time {}:", self.seed, self.steps, self.world.now_ms);
        let _ = writeln!(report, "asked {request}");
        let _ = writeln!(report, "the engine says {engine:?}");
        let _ = writeln!(report, "the oracle says {oracle:?}");
        report + &self.story()
    }
}

impl Drop for History {
    /// An assertion of the engine or of a law ends a history, too: then this is the report.
    fn drop(&mut self) {
        if std::thread::panicking() && !self.quiet {
            eprintln!("seed {}, after step {}:\n{}", self.seed, self.steps, self.story());
        }
    }
}

/// A step of the past, kept for a report.
struct Remembered {
    number: u64,
    now_ms: u64,
    step: Step,
    answer: Option<OwnedOutcome>,
}

impl fmt::Display for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remembered { number, now_ms, step, .. } = self;
        match step {
            Step::Ask(request) => write!(f, "{number:>6} @{now_ms} {request}")?,
            Step::Wait { now_ms: until_ms } => write!(f, "{number:>6} @{now_ms} until {until_ms}")?,
            other => write!(f, "{number:>6} @{now_ms} {other:?}")?,
        }
        match &self.answer {
            Some(answer) => write!(f, "\n       -> {answer:?}"),
            None => Ok(()),
        }
    }
}

/// Runs the first `steps` steps of the history of `seed`.
pub fn run(seed: u64, steps: u64) -> Result<Tally, String> {
    finish(History::new(seed), steps)
}

/// Runs a history for `steps` more steps, and until everything is forgotten.
pub fn finish(mut history: History, steps: u64) -> Result<Tally, String> {
    for _ in 0..steps {
        history.step()?;
    }
    history.world.drain();
    Ok(history.tally.clone())
}

/// The name of a command, as in the documents.
pub fn name(command: &OwnedCommand) -> &'static str {
    match command {
        OwnedCommand::StockCreate { .. } => "STOCK_CREATE",
        OwnedCommand::StockSupply { .. } => "STOCK_SUPPLY",
        OwnedCommand::StockVoid { .. } => "STOCK_VOID",
        OwnedCommand::StockFreeze { .. } => "STOCK_FREEZE",
        OwnedCommand::StockUnfreeze { .. } => "STOCK_UNFREEZE",
        OwnedCommand::StockEdit { .. } => "STOCK_EDIT",
        OwnedCommand::StockQuota { .. } => "STOCK_QUOTA",
        OwnedCommand::Reserve { .. } => "RESERVE",
        OwnedCommand::QuoteReserve(_) => "QUOTE_RESERVE",
        OwnedCommand::Extend { .. } => "EXTEND",
        OwnedCommand::Confirm { .. } => "CONFIRM",
        OwnedCommand::Release => "RELEASE",
        OwnedCommand::Cancel => "CANCEL",
        OwnedCommand::Sell { .. } => "SELL",
        OwnedCommand::Return { .. } => "RETURN",
        OwnedCommand::BatchCreate { .. } => "BATCH_CREATE",
        OwnedCommand::BatchChange { .. } => "BATCH_CHANGE",
        OwnedCommand::KeysImport { .. } => "KEYS_IMPORT",
        OwnedCommand::Reveal { .. } => "REVEAL",
        OwnedCommand::KeyReplace { .. } => "KEY_REPLACE",
        OwnedCommand::KeyReclaim { .. } => "KEY_RECLAIM",
        OwnedCommand::KeysExport { .. } => "KEYS_EXPORT",
        OwnedCommand::KeysList { .. } => "KEYS_LIST",
        OwnedCommand::KeysRead { .. } => "KEYS_READ",
        OwnedCommand::BatchesShow { .. } => "BATCHES_SHOW",
        OwnedCommand::OwedShow { .. } => "OWED_SHOW",
        OwnedCommand::OrderShow { .. } => "ORDER_SHOW",
        OwnedCommand::StockShow { .. } => "STOCK_SHOW",
        OwnedCommand::StockChannels { .. } => "STOCK_CHANNELS",
        OwnedCommand::OperationShow => "OPERATION_SHOW",
        OwnedCommand::StockLimits { .. } => "STOCK_LIMITS",
        OwnedCommand::StockPrice { .. } => "STOCK_PRICE",
        OwnedCommand::RiskSet { .. } => "RISK_SET",
        OwnedCommand::BlockSet { .. } => "BLOCK_SET",
        OwnedCommand::StockTermsShow { .. } => "STOCK_TERMS_SHOW",
        OwnedCommand::RiskShow { .. } => "RISK_SHOW",
        OwnedCommand::ZoneSet { .. } => "ZONE_SET",
        OwnedCommand::ZoneShow => "ZONE_SHOW",
        OwnedCommand::Link { .. } => "LINK",
        OwnedCommand::Unlink { .. } => "UNLINK",
        OwnedCommand::IdentityShow { .. } => "IDENTITY_SHOW",
        OwnedCommand::Label { .. } => "LABEL",
        OwnedCommand::Erase { .. } => "ERASE",
        OwnedCommand::OfCards(command) => command.name(),
    }
}

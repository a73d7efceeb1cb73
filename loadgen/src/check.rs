//! Holds a server to what it acknowledged: every operation of a ledger is asked back and compared, unknown ones are
//! resolved, a share is asked again under the same id, and the stocks are counted.
//!
//! It may run in another process, days later, after any number of crashes: all it needs is the ledger. Invariant: it
//! changes nothing. What it asks again has been found before, so the server answers from its record; an effect would
//! show in the counters, which are read last.

mod cards;
mod purse;
mod stocks;
mod storms;
mod story;

use crate::caller::Caller;
use crate::error::CheckError;
use crate::ids::mix;
use crate::ledger::{Known, Ledger, RECORDS_MAX, Record};
use crate::plan::CHECKOUT_LINES_MAX;
use crate::recipe::{Generator, What};
use cards::{Cards, Replaced, Sale};
use purse::Spent;
use scrip_engine::answer::{Answer, HoldState, Outcome};
use scrip_engine::command::{Command, Request};
use scrip_engine::ids::OperationId;
use scrip_engine::rejection::{Code, Facts};
use scrip_protocol::secret::Token;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use stocks::Books;
pub use stocks::StockCheck;
use story::{Found, Story};

/// Findings put into words; the others are counted.
const FINDINGS_MAX: usize = 50;
/// Stories asked back at a time.
const BLOCK: usize = 16_384;

/// How to check.
#[derive(Debug, Clone)]
pub struct CheckPlan {
    /// The server.
    pub address: SocketAddr,
    /// Who asks: the load's merchant.
    pub token: Token,
    /// Share of the acknowledged operations that are asked again (0 to 1).
    pub repeat_share: f64,
    /// At most so many of them.
    pub repeats_max: u64,
    /// Nobody but this load has touched the stocks since it began: their counters must come out exactly.
    pub alone: bool,
    /// How long the check may take.
    pub within: Duration,
}

impl CheckPlan {
    /// A tenth is asked again, at most a million; the load was alone; ten minutes.
    pub fn new(address: SocketAddr, token: Token) -> CheckPlan {
        CheckPlan {
            address,
            token,
            repeat_share: 0.1,
            repeats_max: 1_000_000,
            alone: true,
            within: Duration::from_secs(600),
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CheckReport {
    /// Operations of the ledger that were asked back.
    pub operations: u64,
    /// Acknowledged ones that were found.
    pub found: u64,
    /// Acknowledged ones that the server does not know.
    pub lost: u64,
    /// Acknowledged ones that are not as they were acknowledged: state, units, times, buyer.
    pub mismatched: u64,
    /// Unknown ones that did happen.
    pub unknown_happened: u64,
    /// Unknown ones that did not.
    pub unknown_not: u64,
    /// Owed ones that still wait.
    pub owed: u64,
    /// Owed ones that were sold meanwhile.
    pub owed_sold: u64,
    /// Owed ones whose time ended without units.
    pub owed_in_vain: u64,
    /// Older than the server's operation window: nothing can be said about them.
    pub too_old: u64,
    /// Operations asked again under the same id.
    pub repeats: u64,
    /// Those answered differently from the first time.
    pub mismatched_repeats: u64,
    /// Operations acknowledged twice with different answers.
    pub duplicates: u64,
    /// Sales whose card keys were fetched again and compared with what was answered before, text by text; those that differ
    /// are among `mismatched`.
    pub cards_read: u64,
    /// Card keys that two orders have or had, by their texts.
    pub duplicate_keys: u64,
    /// Units acknowledged or counted beyond what there is.
    pub oversold_units: u64,
    /// Units by which the stocks' counters differ from what the operations add up to: effects that happened twice, or
    /// not at all.
    pub unaccounted_units: u64,
    /// Buyers with more units than the limit allows.
    pub over_limit_users: u64,
    /// Contradictions and mismatched repeats that the load saw itself.
    pub seen_by_load: u64,
    /// The stocks.
    pub stocks: Vec<StockCheck>,
    /// The first findings in words.
    pub findings: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

impl CheckReport {
    /// Whether nothing was wrong.
    pub const fn is_clean(&self) -> bool {
        self.lost == 0
            && self.mismatched == 0
            && self.mismatched_repeats == 0
            && self.duplicates == 0
            && self.duplicate_keys == 0
            && self.oversold_units == 0
            && self.unaccounted_units == 0
            && self.over_limit_users == 0
            && self.seen_by_load == 0
    }

    fn finding(&mut self, words: impl FnOnce() -> String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(words());
        }
    }
}

/// Checks a server against a ledger. `progress` is told how many of how many operations are done.
pub fn check(
    ledger: &Ledger,
    plan: &CheckPlan,
    progress: impl Fn(u64, u64),
) -> Result<CheckReport, CheckError> {
    let started = Instant::now();
    let generator = Generator::new(ledger.recipe.clone());
    let mut records: Vec<&Record> = ledger.records.iter().collect();
    // Stable: what was learned of one hold stays in the order it was learned in.
    records.sort_by_key(|record| record.hold.get());
    let report = CheckReport {
        seen_by_load: ledger.counts.contradictions
            + ledger.counts.mismatched_repeats
            + ledger.counts.duplicate_keys,
        ..CheckReport::default()
    };
    let mut check = Check {
        ledger,
        plan,
        caller: Caller::connect(plan.address, &plan.token)?,
        books: Books::new(&generator, ledger),
        cards: Cards::new(ledger),
        spent: ledger.recipe.purse.map(Spent::new),
        generator,
        report,
        repeats: Vec::new(),
        open: Vec::new(),
        done: 0,
    };
    if let Some(storm) = ledger.recipe.storm {
        check.storm(&storm, &records, started, &progress)?;
        check.report.seconds = started.elapsed().as_secs_f64();
        return Ok(check.report);
    }
    let stories: Vec<&[&Record]> = records.chunk_by(|one, other| one.hold == other.hold).collect();
    for block in stories.chunks(BLOCK) {
        if started.elapsed() > plan.within {
            let (seconds, all) = (plan.within.as_secs(), records.len() as u64);
            return Err(CheckError::Overdue { seconds, done: check.done, all });
        }
        check.ask_back(block)?;
        progress(check.done, records.len() as u64);
    }
    check.ask_keys()?;
    check.ask_again()?;
    check.look_at_purse()?;
    check.count_stocks()?;
    let mut report = check.report;
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// A check under way.
struct Check<'a> {
    ledger: &'a Ledger,
    plan: &'a CheckPlan,
    caller: Caller,
    generator: Generator,
    books: Books,
    /// None where the stocks are counters.
    cards: Option<Cards<'a>>,
    /// None where checkouts bring no cards.
    spent: Option<Spent>,
    report: CheckReport,
    /// What is to be asked again.
    repeats: Vec<Repeat<'a>>,
    /// Holds that may still change by themselves: held ones, owed ones, and unknown ones that have not happened.
    open: Vec<OperationId>,
    done: u64,
}

/// An operation to be asked again, and what a CONFIRM needs to know for that.
#[derive(Clone, Copy)]
struct Repeat<'a> {
    record: &'a Record,
    granted: [u32; CHECKOUT_LINES_MAX],
    lines: u8,
    replaced: Replaced,
}

impl Repeat<'_> {
    /// Whether this is the answer that the repeat must get: the first one, unless a key of the hold was replaced since.
    fn is_answered(&self, essence: u64, outcome: &Outcome<'_>) -> bool {
        if self.record.known() == Known::Owed {
            return match outcome {
                Outcome::Done(Answer::Owed { until_ms, .. }) => *until_ms == self.record.at_ms.get(),
                Outcome::Done(Answer::Confirmed { .. }) => true,
                Outcome::Done(Answer::Keys(_)) => self.record.what() == What::KeyReplace,
                Outcome::Refused(no) => matches!(no.code, Code::OutOfStock | Code::ChannelQuota),
                Outcome::Done(_) => false,
            };
        }
        let same = essence == self.record.digest.get();
        let shows_keys = matches!(self.record.what(), What::Sell | What::Confirm | What::Reveal);
        let named = match outcome {
            Outcome::Refused(no) if no.code == Code::KeyReplaced => match no.facts {
                Facts::Key(key) => Some(key),
                _ => None,
            },
            _ => None,
        };
        match self.replaced {
            Replaced::By(key) if shows_keys => named == Some(u64::from(key)),
            Replaced::Perhaps if shows_keys => same || named.is_some(),
            _ => same,
        }
    }
}

impl<'a> Check<'a> {
    /// Asks a block of holds back, and the operations on them that have ids of their own.
    fn ask_back(&mut self, block: &[&'a [&'a Record]]) -> Result<(), CheckError> {
        // A sample has whole stories, too; only a ledger that ran full may lack their ends.
        let whole = self.ledger.records.len() < RECORDS_MAX;
        let stories: Vec<Story<'a>> = block.iter().map(|records| Story::new(records, whole)).collect();
        // Each hold, and behind it each EXTEND and RETURN on it, once.
        let mut asked: Vec<(usize, OperationId)> = Vec::new();
        for (number, story) in stories.iter().enumerate() {
            asked.push((number, story.hold));
            asked.extend(story.own_operations().map(|operation| (number, operation)));
        }
        let mut founds: Vec<Found> = (0..asked.len()).map(|_| Found::Nothing).collect();
        let (generator, server_ms) = (&self.generator, self.caller.server_ms());
        self.caller.ask(
            asked.len(),
            |n, push| push(&show(generator, asked[n].1)),
            |n, raw| {
                founds[n] = Found::of(&raw.outcome()?);
                Ok(())
            },
        )?;
        for ((number, operation), found) in asked.into_iter().zip(founds) {
            let story = &stories[number];
            if operation == story.hold {
                self.judge(story, &found, server_ms);
            } else {
                self.judge_own(story, operation, &found);
            }
        }
        self.done += block.iter().map(|records| records.len() as u64).sum::<u64>();
        Ok(())
    }

    /// Compares a hold with what is known of it.
    fn judge(&mut self, story: &Story<'a>, found: &Found, server_ms: u64) {
        let known = story.takes_effect();
        self.report.operations += story.operations();
        let hold = story.hold;
        match found {
            Found::TooOld => self.report.too_old += story.operations(),
            Found::Nothing => {
                if known > 0 {
                    self.report.lost += known;
                    let words = story.words();
                    self.report
                        .finding(|| format!("lost: hold {hold} is not known to the server, but {words}"));
                    self.books.promise(&self.generator, story, None, server_ms);
                }
                self.report.unknown_not += story.unknowns(None).1;
                self.open.push(hold);
            }
            Found::Operation(_) => {
                self.report.mismatched += known;
                self.report
                    .finding(|| format!("hold {hold} is known to the server as an operation without a hold"));
            }
            Found::Hold(view) => {
                self.report.found += known;
                let (happened, not) = story.unknowns(Some(view));
                self.report.unknown_happened += happened;
                self.report.unknown_not += not;
                if let Err(words) = story.compare(&self.generator, view, server_ms) {
                    self.report.mismatched += 1;
                    self.report.finding(|| format!("mismatched: hold {hold}: {words}"));
                }
                if let Some(spent) = &mut self.spent {
                    let number = self.generator.ids.number(hold);
                    let content = self.generator.content(number);
                    if let Err(words) = spent.take(hold, number, content, view) {
                        self.report.mismatched += 1;
                        self.report.finding(|| format!("mismatched: hold {hold}: {words}"));
                    }
                }
                self.books.promise(&self.generator, story, Some(view), server_ms);
                self.count_owed(story, view);
                if matches!(view.state, HoldState::Held | HoldState::Owed) {
                    self.open.push(hold);
                } else {
                    self.books.add(view);
                }
                if let (Some(cards), HoldState::Confirmed) = (&mut self.cards, view.state) {
                    cards.plan(story, view);
                }
                self.plan_repeats(story, view);
            }
        }
        let doubled = story.doubled();
        self.report.duplicates += doubled;
        if doubled > 0 {
            self.report.finding(|| {
                format!("duplicate: an operation on hold {hold} was acknowledged with two answers")
            });
        }
    }

    /// Counts what became of a sale that was answered OWED.
    fn count_owed(&mut self, story: &Story<'a>, view: &story::View) {
        let counted = match view.state {
            HoldState::Owed => &mut self.report.owed,
            HoldState::Confirmed => &mut self.report.owed_sold,
            HoldState::Unfulfilled => &mut self.report.owed_in_vain,
            // Compared before, and found wrong.
            _ => return,
        };
        *counted += u64::from(story.is_owed());
    }

    /// Compares an operation with an id of its own with what is known of it.
    fn judge_own(&mut self, story: &Story<'a>, operation: OperationId, found: &Found) {
        let Some(record) = story.of(operation) else { return };
        let acknowledged = record.known() == Known::Acknowledged;
        let what = record.what().name();
        self.report.operations += 1;
        match found {
            Found::TooOld => self.report.too_old += 1,
            Found::Nothing if acknowledged => {
                self.report.lost += 1;
                self.report
                    .finding(|| format!("lost: {what} {operation} was acknowledged, but is not known"));
            }
            Found::Nothing => self.report.unknown_not += u64::from(record.known() == Known::Unknown),
            Found::Operation(value) if acknowledged => {
                self.report.found += 1;
                let expected = match record.what() {
                    What::Extend | What::KeyReplace => record.at_ms.get(),
                    _ => u64::from(record.units.get()),
                };
                if *value != expected {
                    self.report.mismatched += 1;
                    let value = *value;
                    self.report.finding(|| {
                        format!("mismatched: {what} {operation} was acknowledged with {expected}, is known with {value}")
                    });
                }
            }
            Found::Operation(_) => self.report.unknown_happened += 1,
            Found::Hold(_) => {
                self.report.mismatched += 1;
                self.report
                    .finding(|| format!("mismatched: {what} {operation} is known to the server as a hold"));
            }
        }
    }

    /// Draws what is to be asked again.
    fn plan_repeats(&mut self, story: &Story<'a>, view: &story::View) {
        let replaced = Replaced::of(story);
        for record in story.answered() {
            let drawn =
                (mix(record.digest.get() ^ record.operation().0 as u64) >> 11) as f64 / (1_u64 << 53) as f64;
            if drawn < self.plan.repeat_share && (self.repeats.len() as u64) < self.plan.repeats_max {
                let (granted, lines) = view.granted();
                self.repeats.push(Repeat { record, granted, lines, replaced });
            }
        }
    }

    /// Asks operations again under their ids: each answer must be the first one, byte for byte.
    fn ask_again(&mut self) -> Result<(), CheckError> {
        let (generator, report, repeats) = (&self.generator, &mut self.report, &self.repeats);
        self.caller.ask(
            repeats.len(),
            |n, push| {
                let Repeat { record, granted, lines, .. } = &repeats[n];
                let cart = generator.cart(generator.ids.number(record.hold()));
                let payment = cart.pays(&granted[..usize::from(*lines)]);
                let (what, operation, hold) = (record.what(), record.operation(), record.hold());
                push(&generator.request(what, operation, hold, &cart, &payment, record.units.get()));
            },
            |n, raw| {
                let record = repeats[n].record;
                let outcome = raw.outcome()?;
                if matches!(&outcome, Outcome::Refused(no) if no.code == Code::OperationTooOld) {
                    report.too_old += 1;
                    return Ok(());
                }
                report.repeats += 1;
                if !repeats[n].is_answered(raw.essence()?, &outcome) {
                    report.mismatched_repeats += 1;
                    let (what, operation) = (record.what().name(), record.operation());
                    report.finding(|| {
                        format!("mismatched repeat: {what} {operation} is now answered {outcome:?}")
                    });
                }
                Ok(())
            },
        )?;
        Ok(())
    }

    /// Fetches the card keys of every sale again.
    fn ask_keys(&mut self) -> Result<(), CheckError> {
        let Some(cards) = &mut self.cards else { return Ok(()) };
        let (generator, report) = (&self.generator, &mut self.report);
        let sales: Vec<Sale> = std::mem::take(&mut cards.sales);
        self.caller.ask(
            sales.len(),
            |n, push| {
                let command = Command::KeysRead { hold: sales[n].hold, from: 0 };
                push(&Request { envelope: generator.envelope(OperationId(0)), command });
            },
            |n, raw| {
                report.cards_read += 1;
                if let Err(words) = cards.compare(&sales[n], &raw.outcome()?) {
                    report.mismatched += 1;
                    report.finding(|| format!("mismatched: hold {}: {words}", sales[n].hold));
                }
                Ok(())
            },
        )?;
        let (doubles, words) = cards.doubles();
        report.duplicate_keys += doubles;
        words.into_iter().for_each(|words| report.finding(|| words));
        Ok(())
    }

    /// Counts the stocks, between two looks at the holds that may still change by themselves.
    fn count_stocks(&mut self) -> Result<(), CheckError> {
        let first = self.caller.stocks(&self.generator)?;
        let (generator, books, open) = (&self.generator, &mut self.books, &self.open);
        for block in open.chunks(BLOCK) {
            self.caller.ask(
                block.len(),
                |n, push| push(&show(generator, block[n])),
                |_, raw| {
                    if let Found::Hold(view) = Found::of(&raw.outcome()?) {
                        books.add(&view);
                    }
                    Ok(())
                },
            )?;
        }
        let last = self.caller.stocks(&self.generator)?;
        self.books.close(&mut self.report, self.ledger, self.plan.alone, &first, &last);
        Ok(())
    }
}

/// The query of an operation.
fn show<'a>(generator: &Generator, operation: OperationId) -> Request<'a> {
    Request { envelope: generator.envelope(operation), command: Command::OperationShow }
}

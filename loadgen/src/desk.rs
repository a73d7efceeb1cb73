//! What one thread of a load knows and counts, whatever its kind of work: time, schedule, sums, ledger.
//!
//! Invariant: only its own thread touches it while the load runs; others see the [`Board`].

use crate::cards::Given;
use crate::ids::THREAD_SHIFT;
use crate::ledger::{Record, Records};
use crate::pace::Schedule;
use crate::plan::{LedgerMode, LoadPlan, Pace, Work};
use crate::recipe::{Generator, What};
use crate::report::Ended;
use crate::sums::{Board, ChannelSums, Sums, is_turned_away};
use crate::tally::Tally;
use scrip_engine::answer::KeyPage;
use scrip_engine::ids::OperationId;
use scrip_engine::rejection::Code;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Findings put into words; the others are counted.
const FINDINGS_MAX: usize = 20;
/// OUT_OF_STOCK in a row, per stock, that say that nothing is left.
const SOLD_OUT_ANSWERS: u64 = 1_000;
const SOLD_OUT_ANSWERS_MAX: u64 = 1_000_000;

/// One thread's share.
const fn share(all: u64, thread: u64, threads: u64) -> u64 {
    all / threads + (thread < all % threads) as u64
}

/// What all threads of a load share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Zero of all nanoseconds.
    pub(crate) started: Instant,
    pub(crate) generator: Generator,
    stopping: AtomicBool,
    why: Mutex<Option<Ended>>,
}

impl Shared {
    pub(crate) fn new(generator: Generator) -> Shared {
        Shared { started: Instant::now(), generator, stopping: AtomicBool::new(false), why: Mutex::new(None) }
    }

    /// Ends the load on all threads. The first reason counts.
    pub(crate) fn stop(&self, why: Ended) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.stopping.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn why(&self) -> Option<Ended> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }
}

/// One thread's desk.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sums: Sums,
    pub(crate) tally: Tally,
    pub(crate) schedule: Schedule,
    /// RESERVEs, SELLs or checkouts still to be begun.
    attempts_left: u64,
    /// Of all of them, how many may be begun so far, over all threads.
    allowance: Option<Arc<AtomicU64>>,
    threads: u64,
    thread: u64,
    attempts: u64,
    /// Since when nothing new is begun any more.
    pub(crate) stopped_ns: Option<u64>,
    /// Records that found no place.
    pub(crate) records_dropped: u64,
    pub(crate) records: Records,
    pub(crate) findings: Vec<String>,
    /// Sums of each of the recipe's channels.
    pub(crate) channels: Vec<ChannelSums>,
    /// Card keys; none where the stocks are counters.
    pub(crate) given: Option<Given>,
    next_number: u64,
    server_offset_ms: i64,
    stop_at_ns: u64,
    mode: LedgerMode,
    frames: u32,
    out_of_stock_in_a_row: u64,
    out_of_stock_max: u64,
}

impl Desk {
    /// The desk of thread number `thread`; the server's clock showed `server_ms` when the load began.
    pub(crate) fn new(plan: &LoadPlan, shared: Arc<Shared>, thread: u32, server_ms: u64) -> Desk {
        let threads = u64::from(plan.threads);
        let frame = if matches!(plan.work, Work::Checkout) { 1 } else { plan.batch };
        let schedule = match plan.pace {
            Pace::Closed => Schedule::Closed,
            Pace::Open { per_second } => {
                Schedule::open(per_second / threads as f64 / f64::from(frame), plan.ramp())
            }
        };
        let attempts = plan.stop.attempts.map_or(u64::MAX, |all| share(all, u64::from(thread), threads));
        let warm_until_ns = plan.stop.warm_up.as_nanos() as u64;
        let stocks = if shared.generator.many_stocks() { plan.stocks.len() as u64 } else { 1 };
        let sold_out = SOLD_OUT_ANSWERS.saturating_mul(stocks).min(SOLD_OUT_ANSWERS_MAX);
        let (channels, cards) = (shared.generator.recipe.channels.len(), shared.generator.recipe.cards);
        Desk {
            shared,
            sums: Sums::ZERO,
            tally: Tally::new(warm_until_ns),
            schedule,
            attempts_left: attempts,
            allowance: plan.allowance.clone(),
            threads,
            thread: u64::from(thread),
            attempts,
            stopped_ns: None,
            records_dropped: 0,
            records: Records::default(),
            findings: Vec::new(),
            channels: vec![ChannelSums::ZERO; channels],
            given: cards.map(Given::new),
            next_number: u64::from(thread) << THREAD_SHIFT,
            server_offset_ms: server_ms as i64,
            stop_at_ns: plan.stop.seconds.map_or(u64::MAX, |seconds| warm_until_ns + (seconds * 1e9) as u64),
            mode: plan.ledger,
            frames: 0,
            out_of_stock_in_a_row: 0,
            out_of_stock_max: if plan.stop.until_sold_out { sold_out } else { u64::MAX },
        }
    }

    pub(crate) fn generator(&self) -> &Generator {
        &self.shared.generator
    }

    /// Whether something new will be begun, now or once it is allowed.
    pub(crate) fn goes_on(&self) -> bool {
        self.attempts_left > 0 && self.stopped_ns.is_none()
    }

    /// Whether something new may be begun.
    #[inline]
    pub(crate) fn begins(&self) -> bool {
        self.goes_on() && self.may_begin() > 0
    }

    /// How many may be begun now.
    #[inline]
    pub(crate) fn may_begin(&self) -> u64 {
        let Some(allowance) = &self.allowance else { return self.attempts_left };
        let allowed = share(allowance.load(Ordering::Relaxed), self.thread, self.threads);
        self.attempts_left.saturating_sub(self.attempts.saturating_sub(allowed))
    }

    /// So many are begun.
    #[inline]
    pub(crate) fn begin(&mut self, count: u64) {
        self.attempts_left -= count;
    }

    /// When the load ends at the latest, if time alone ends it.
    pub(crate) fn stop_at_ns(&self) -> u64 {
        self.stop_at_ns
    }

    /// The server's time, as far as can be told from here.
    #[inline]
    pub(crate) fn server_ms(&self, now_ns: u64) -> u64 {
        ((now_ns / 1_000_000) as i64 + self.server_offset_ms) as u64
    }

    /// When the server's clock shows `server_ms`.
    pub(crate) fn at_server_ms(&self, server_ms: u64) -> u64 {
        (server_ms as i64 - self.server_offset_ms).max(0) as u64 * 1_000_000
    }

    /// A WELCOME told the server's time.
    pub(crate) fn set_server_ms(&mut self, server_ms: u64, now_ns: u64) {
        self.server_offset_ms = server_ms as i64 - (now_ns / 1_000_000) as i64;
    }

    /// `count` numbers that no other operation of this load has: the first of them.
    #[inline]
    pub(crate) fn numbers(&mut self, count: usize) -> u64 {
        let first = self.next_number;
        self.next_number += count as u64;
        first
    }

    /// Operations that the server took.
    #[inline]
    pub(crate) fn acknowledged(&mut self, count: u64) {
        self.sums.acknowledged += count;
        self.out_of_stock_in_a_row = 0;
    }

    /// A sale whose units the server owes.
    #[inline]
    pub(crate) fn owed(&mut self) {
        self.sums.owed += 1;
        self.out_of_stock_in_a_row = 0;
    }

    /// An operation that the server refused.
    #[inline]
    pub(crate) fn refused(&mut self, code: Code) {
        self.sums.refused[code as usize] += 1;
        if is_turned_away(code) {
            self.sums.turned_away += 1;
        } else {
            self.sums.refused_total += 1;
        }
        if code == Code::OutOfStock {
            self.out_of_stock_in_a_row += 1;
        }
    }

    /// An operation of this checkout is asked for.
    pub(crate) fn attempt(&mut self, number: u64) {
        self.sums.attempts += 1;
        if let Some(channel) = self.channel(number) {
            channel.attempts += 1;
        }
    }

    /// An operation of this checkout that the server refused.
    pub(crate) fn refused_in(&mut self, number: u64, code: Code) {
        self.refused(code);
        if let Some(channel) = self.channel(number) {
            channel.refused[code as usize] += 1;
        }
    }

    /// Units sold to this checkout.
    pub(crate) fn sold_in(&mut self, number: u64, units: u64) {
        self.sums.sold_units += units;
        if let Some(channel) = self.channel(number) {
            channel.sold_units += units;
        }
    }

    fn channel(&mut self, number: u64) -> Option<&mut ChannelSums> {
        if self.channels.is_empty() {
            return None;
        }
        let place = self.shared.generator.channel_place(number);
        self.channels.get_mut(place)
    }

    /// Card keys in the first answer to an operation. False: one of them is foreign, or somebody else's.
    #[inline]
    pub(crate) fn keys_given(
        &mut self,
        page: &KeyPage<'_>,
        hold: OperationId,
        what: What,
        kept: bool,
    ) -> bool {
        let Some(given) = &mut self.given else { return true };
        let wrong = given.take(page, hold, what, kept);
        if wrong.twice > 0 {
            self.sums.duplicate_keys += wrong.twice;
            self.finding(|| format!("duplicate key: {} {hold} was given another order's", what.name()));
        }
        if wrong.foreign > 0 {
            self.contradiction(|| format!("{} {hold} was given a text that nobody imported", what.name()));
        }
        wrong.twice + wrong.foreign == 0
    }

    /// Operations whose connection was lost before their answer came.
    pub(crate) fn interrupted(&mut self, count: u64) {
        self.sums.unknown += count;
        self.sums.interrupted += count;
    }

    /// Whether the operations of the next frame go into the ledger.
    #[inline]
    pub(crate) fn keeps_frame(&mut self) -> bool {
        match self.mode {
            LedgerMode::Full => true,
            LedgerMode::Counts { one_in: 0 } => false,
            LedgerMode::Counts { one_in } => {
                self.frames = (self.frames + 1) % one_in;
                self.frames == 0
            }
        }
    }

    /// Puts an observation into the ledger.
    #[inline]
    pub(crate) fn record(&mut self, record: Record) {
        if !self.records.push(record) {
            self.records_dropped += 1;
        }
    }

    /// A record without an answer.
    pub(crate) fn unknown(
        &self,
        what: What,
        operation: OperationId,
        hold: OperationId,
        now_ns: u64,
    ) -> Record {
        Record::unknown(what, operation, hold, now_ns / 1_000)
    }

    /// An answer that contradicts what was answered before.
    pub(crate) fn contradiction(&mut self, words: impl FnOnce() -> String) {
        self.sums.contradictions += 1;
        self.finding(words);
    }

    /// A repeat that was answered differently.
    pub(crate) fn mismatch(&mut self, words: impl FnOnce() -> String) {
        self.sums.mismatched_repeats += 1;
        self.finding(words);
    }

    fn finding(&mut self, words: impl FnOnce() -> String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(words());
        }
    }

    /// Turns pages, looks at what ends the load, shows the board.
    pub(crate) fn tick(&mut self, now_ns: u64, board: &Board) {
        self.tally.tick(now_ns, &self.sums);
        if self.out_of_stock_in_a_row >= self.out_of_stock_max {
            self.shared.stop(Ended::SoldOut);
        }
        let overdue = now_ns >= self.stop_at_ns;
        if self.stopped_ns.is_none() && (overdue || self.shared.is_stopping()) {
            self.stopped_ns = Some(now_ns);
            self.tally.stop(now_ns, &self.sums);
            if overdue {
                self.shared.stop(Ended::Seconds);
            }
        }
        board.show(&self.sums);
    }
}

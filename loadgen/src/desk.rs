//! What one thread of a load knows and counts, whatever its kind of work: time, schedule, sums, latencies, ledger.
//!
//! Invariant: only its own thread touches it while the load runs; others see the [`Board`].

use crate::ids::THREAD_SHIFT;
use crate::latency::Latencies;
use crate::ledger::{Record, Records};
use crate::pace::Schedule;
use crate::plan::{LedgerMode, LoadPlan, Pace, Work};
use crate::recipe::{Generator, What};
use crate::report::{Counts, Ended};
use scrip_engine::rejection::Code;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Findings put into words; the others are counted.
const FINDINGS_MAX: usize = 20;
/// Seconds of a timeline: a day.
const SECONDS_MAX: usize = 86_400;
/// OUT_OF_STOCK in a row, per stock, that say that nothing is left.
const SOLD_OUT_ANSWERS: u64 = 1_000;
const SOLD_OUT_ANSWERS_MAX: u64 = 1_000_000;
const CODES: usize = 64;
const _: () = assert!((Code::ALL[Code::ALL.len() - 1] as usize) < CODES);

/// What one thread shows to the others while it runs.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) attempts: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) units: AtomicU64,
    pub(crate) connected: AtomicU64,
    pub(crate) reconnects: AtomicU64,
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
        Shared {
            started: Instant::now(),
            generator,
            stopping: AtomicBool::new(false),
            why: Mutex::new(None),
        }
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

/// One second of one thread.
#[derive(Debug, Clone)]
pub(crate) struct Interval {
    pub(crate) second: u32,
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
    pub(crate) turned_away: u64,
    pub(crate) unknown: u64,
    pub(crate) reconnects: u64,
    /// Latency and how often, in order.
    pub(crate) latencies: Vec<(u64, u32)>,
}

/// Sums as the hot path adds them up.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    pub(crate) attempts: u64,
    pub(crate) acknowledged: u64,
    pub(crate) refused: [u64; CODES],
    pub(crate) refused_total: u64,
    pub(crate) turned_away: u64,
    pub(crate) unknown: u64,
    pub(crate) interrupted: u64,
    pub(crate) reserved_units: u64,
    pub(crate) sold_units: u64,
    pub(crate) returned_units: u64,
    pub(crate) repeats: u64,
    pub(crate) mismatched_repeats: u64,
    pub(crate) contradictions: u64,
    pub(crate) checkouts: u64,
    pub(crate) reconnects: u64,
}

impl Sums {
    const ZERO: Sums = Sums {
        attempts: 0,
        acknowledged: 0,
        refused: [0; CODES],
        refused_total: 0,
        turned_away: 0,
        unknown: 0,
        interrupted: 0,
        reserved_units: 0,
        sold_units: 0,
        returned_units: 0,
        repeats: 0,
        mismatched_repeats: 0,
        contradictions: 0,
        checkouts: 0,
        reconnects: 0,
    };

    fn counts(&self) -> Counts {
        let of = |code: Code| self.refused[code as usize];
        let apart = [Code::Busy, Code::Capacity, Code::Throttled];
        let refused = Code::ALL.iter().filter(|code| !apart.contains(code) && of(**code) > 0);
        Counts {
            attempts: self.attempts,
            acknowledged: self.acknowledged,
            refused: refused.map(|&code| (code.name().to_owned(), of(code))).collect(),
            busy: of(Code::Busy),
            capacity: of(Code::Capacity),
            throttled: of(Code::Throttled),
            unknown: self.unknown,
            interrupted: self.interrupted,
            reserved_units: self.reserved_units,
            sold_units: self.sold_units,
            returned_units: self.returned_units,
            repeats: self.repeats,
            mismatched_repeats: self.mismatched_repeats,
            contradictions: self.contradictions,
            checkouts: self.checkouts,
        }
    }
}

/// Whether a refusal only says that the server had no room: nobody's business, and never a success.
pub(crate) const fn is_turned_away(code: Code) -> bool {
    matches!(code, Code::Busy | Code::Capacity | Code::Throttled)
}

/// One thread's desk.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sums: Sums,
    pub(crate) schedule: Schedule,
    /// RESERVEs, SELLs or checkouts still to be begun.
    pub(crate) attempts_left: u64,
    /// Nothing new is begun any more.
    pub(crate) stopping: bool,
    /// The next operation's number.
    next_number: u64,
    server_offset_ms: i64,
    stop_at_ns: Option<u64>,
    warm_until_ns: u64,
    measured_before: u64,
    last_answer_ns: u64,
    ended_ns: Option<u64>,
    latencies: Latencies<u64>,
    second: Interval,
    second_latencies: Latencies<u32>,
    second_base: Sums,
    timeline: Vec<Interval>,
    mode: LedgerMode,
    frames: u32,
    records: Records,
    records_dropped: bool,
    findings: Vec<String>,
    out_of_stock_in_a_row: u64,
    out_of_stock_max: u64,
}

/// What a thread hands in at the end.
#[derive(Debug)]
pub(crate) struct HandedIn {
    pub(crate) counts: Counts,
    pub(crate) reconnects: u64,
    pub(crate) measured: u64,
    pub(crate) measured_ns: u64,
    pub(crate) latencies: Latencies<u64>,
    pub(crate) timeline: Vec<Interval>,
    pub(crate) records: Records,
    pub(crate) complete: bool,
    pub(crate) findings: Vec<String>,
}

impl Desk {
    /// The desk of thread number `thread`.
    pub(crate) fn new(plan: &LoadPlan, shared: Arc<Shared>, thread: u32, server_offset_ms: i64) -> Desk {
        let threads = u64::from(plan.threads);
        let frame = if matches!(plan.work, Work::Checkout) { 1 } else { plan.batch };
        let schedule = match plan.pace {
            Pace::Closed => Schedule::Closed,
            Pace::Open { per_second } => {
                Schedule::open(per_second / threads as f64 / f64::from(frame), plan.ramp())
            }
        };
        let share = |all: u64| all / threads + u64::from(u64::from(thread) < all % threads);
        let warm_until_ns = plan.stop.warm_up.as_nanos() as u64;
        let stocks = if shared.generator.many_stocks() { plan.stocks.len() as u64 } else { 1 };
        let sold_out = SOLD_OUT_ANSWERS.saturating_mul(stocks).min(SOLD_OUT_ANSWERS_MAX);
        Desk {
            shared,
            sums: Sums::ZERO,
            schedule,
            attempts_left: plan.stop.attempts.map_or(u64::MAX, share),
            stopping: false,
            next_number: u64::from(thread) << THREAD_SHIFT,
            server_offset_ms,
            stop_at_ns: plan.stop.seconds.map(|seconds| warm_until_ns + (seconds * 1e9) as u64),
            warm_until_ns,
            measured_before: 0,
            last_answer_ns: 0,
            ended_ns: None,
            latencies: Latencies::new(3),
            second: Interval::empty(0),
            second_latencies: Latencies::new(2),
            second_base: Sums::ZERO,
            timeline: Vec::new(),
            mode: plan.ledger,
            frames: 0,
            records: Records::default(),
            records_dropped: false,
            findings: Vec::new(),
            out_of_stock_in_a_row: 0,
            out_of_stock_max: if plan.stop.until_sold_out { sold_out } else { u64::MAX },
        }
    }

    pub(crate) fn generator(&self) -> &Generator {
        &self.shared.generator
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

    /// `count` operations took `ns` since `since_ns`.
    #[inline]
    pub(crate) fn took(&mut self, since_ns: u64, now_ns: u64, count: u64) {
        let ns = now_ns.saturating_sub(since_ns);
        self.second_latencies.record(ns, count);
        if since_ns >= self.warm_until_ns || now_ns < self.warm_until_ns {
            self.latencies.record(ns, count);
        }
        self.last_answer_ns = now_ns;
    }

    /// Operations that the server took.
    #[inline]
    pub(crate) fn acknowledged(&mut self, count: u64) {
        self.sums.acknowledged += count;
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
                self.frames += 1;
                if self.frames == one_in {
                    self.frames = 0;
                }
                self.frames == 0
            }
        }
    }

    /// Puts an observation into the ledger.
    #[inline]
    pub(crate) fn record(&mut self, record: Record) {
        if !self.records.push(record) {
            self.records_dropped = true;
        }
    }

    /// A record without an answer, of now.
    pub(crate) fn unknown(
        &self,
        what: What,
        operation: scrip_engine::ids::OperationId,
        hold: scrip_engine::ids::OperationId,
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
        let second = (now_ns / 1_000_000_000) as u32;
        if second != self.second.second {
            self.close_second(second);
        }
        if self.warm_until_ns > 0 && now_ns >= self.warm_until_ns && self.measured_before == 0 && !self.stopping {
            // Answers before this moment were the warm-up's; if there are none, there is nothing to take away.
            self.measured_before = self.answers();
            self.latencies.clear();
        }
        if self.out_of_stock_in_a_row >= self.out_of_stock_max {
            self.shared.stop(Ended::SoldOut);
        }
        let late = self.stop_at_ns.is_some_and(|at| now_ns >= at);
        if !self.stopping && (late || self.shared.is_stopping()) {
            self.stopping = true;
            self.ended_ns = Some(now_ns);
            self.second_end_measure();
            if late {
                self.shared.stop(Ended::Seconds);
            }
        }
        self.show(board);
    }

    fn answers(&self) -> u64 {
        self.sums.acknowledged + self.sums.refused_total
    }

    fn show(&self, board: &Board) {
        let put = |cell: &AtomicU64, value| cell.store(value, Ordering::Relaxed);
        put(&board.attempts, self.sums.attempts);
        put(&board.acknowledged, self.sums.acknowledged);
        put(&board.refused, self.sums.refused_total);
        put(&board.turned_away, self.sums.turned_away);
        put(&board.unknown, self.sums.unknown);
        put(&board.units, self.sums.reserved_units.max(self.sums.sold_units));
        put(&board.reconnects, self.sums.reconnects);
    }
}

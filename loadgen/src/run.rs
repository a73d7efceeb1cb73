//! A load from its plan to its report.

use crate::caller::Caller;
use crate::cards::Given;
use crate::checkout::Checkouts;
use crate::desk::{Desk, Shared};
use crate::error::LoadError;
use crate::latency::Latencies;
use crate::ledger::{Ledger, Records, StockCounters};
use crate::plain::Plain;
use crate::plan::{LedgerMode, LoadPlan, Work};
use crate::recipe::{Generator, Recipe};
use crate::report::{Counts, Ended, LoadReport, Progress};
use crate::sums::{Board, ChannelSums};
use crate::tally;
use crate::worker::Worker;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often progress is reported.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// Findings of all threads put into words.
const FINDINGS_MAX: usize = 20;

/// Carries out a plan. `progress` is called five times a second, on the calling thread; an error means that the load
/// could not begin. What goes wrong later stands in the report.
pub fn run(plan: LoadPlan, progress: impl Fn(&Progress) + Send) -> Result<LoadReport, LoadError> {
    plan.check()?;
    // Seeded by the operating system: enough to tell two runs of one millisecond apart.
    let salt = RandomState::new().hash_one(std::process::id());
    let generator = Generator::new(Recipe::of(&plan, salt));
    let mut caller = Caller::connect(plan.address, &plan.token)?;
    fits(&plan, &caller)?;
    let before = caller.stocks(&generator)?;
    let server_ms = caller.server_ms();
    drop(caller);
    let cpu_before_s = cpu_seconds();
    let shared = Arc::new(Shared::new(generator));
    let desks = work_all(&plan, &shared, server_ms, &progress)?;
    let load_cpu_s = cpu_seconds() - cpu_before_s;
    Ok(report(&plan, &shared, desks, before, load_cpu_s))
}

/// What the server allows on one connection must be enough for the plan.
fn fits(plan: &LoadPlan, caller: &Caller) -> Result<(), LoadError> {
    let (asked, most) = (u64::from(plan.batch) * u64::from(plan.outstanding), caller.welcome.outstanding_max);
    if asked > u64::from(most) {
        return Err(LoadError::Plan(format!(
            "batch x outstanding is {asked} commands in flight on a connection, the server takes {most}: lower one of them"
        )));
    }
    let merchant = caller.welcome.merchant;
    if merchant.0 != 0 && merchant != plan.merchant {
        let wanted = plan.merchant;
        return Err(LoadError::Plan(format!(
            "the token is merchant {merchant}'s, the plan names merchant {wanted}"
        )));
    }
    Ok(())
}

/// Runs all threads to their end.
fn work_all(
    plan: &LoadPlan,
    shared: &Arc<Shared>,
    server_ms: u64,
    progress: &impl Fn(&Progress),
) -> Result<Vec<Desk>, LoadError> {
    let boards: Vec<Board> = (0..plan.threads).map(|_| Board::default()).collect();
    let gate = Gate::default();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for (thread, board) in (0..).zip(&boards) {
            let (inside, shared_there) = (gate.enter(), shared.clone());
            let body = move || {
                let _inside = inside;
                let result = work(plan, &shared_there, board, thread, server_ms);
                if result.is_err() {
                    shared_there.stop(Ended::Cancelled);
                }
                result
            };
            match std::thread::Builder::new().name(format!("load-{thread}")).spawn_scoped(scope, body) {
                Ok(handle) => threads.push(handle),
                Err(why) => {
                    shared.stop(Ended::Cancelled);
                    return Err(LoadError::System { what: "starting a thread", why });
                }
            }
        }
        watch(plan, shared, &boards, &gate, progress);
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// One thread's part.
fn work(
    plan: &LoadPlan,
    shared: &Arc<Shared>,
    board: &Board,
    thread: u32,
    server_ms: u64,
) -> Result<Desk, LoadError> {
    let more = u32::from(thread < plan.connections % plan.threads);
    let lanes = (plan.connections / plan.threads + more) as usize;
    let desk = Desk::new(plan, shared.clone(), thread, server_ms);
    match plan.work {
        Work::Checkout => {
            let job = Checkouts::new(plan, lanes);
            Worker::new(plan, board, desk, job, lanes)?.run()
        }
        Work::Reserve | Work::ReserveConfirm { .. } | Work::Sell { .. } | Work::Claim | Work::Redeem => {
            let job = Plain::new(plan, &desk, lanes);
            Worker::new(plan, board, desk, job, lanes)?.run()
        }
    }
}

/// Counts the threads that are still at work.
#[derive(Debug, Default)]
struct Gate {
    inside: Mutex<usize>,
    left: Condvar,
}

/// One thread at work.
#[derive(Debug)]
struct Inside<'a>(&'a Gate);

impl Gate {
    fn enter(&self) -> Inside<'_> {
        *self.inside.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Inside(self)
    }

    /// Waits a while. Answers whether all have left.
    fn wait(&self, time: Duration) -> bool {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.left.wait_timeout_while(inside, time, |inside| *inside > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_all();
    }
}

/// Reports progress until all threads are done.
fn watch(plan: &LoadPlan, shared: &Shared, boards: &[Board], gate: &Gate, progress: &impl Fn(&Progress)) {
    let (mut last_ns, mut last_answers) = (0, 0);
    while !gate.wait(PROGRESS_EVERY) {
        if plan.cancel.as_ref().is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            shared.stop(Ended::Cancelled);
        }
        let now_ns = shared.now_ns();
        let sum = |cell: fn(&Board) -> &AtomicU64| {
            boards.iter().map(|board| cell(board).load(Ordering::Relaxed)).sum::<u64>()
        };
        let (acknowledged, refused) = (sum(|board| &board.acknowledged), sum(|board| &board.refused));
        let answers = acknowledged + refused;
        progress(&Progress {
            seconds: now_ns as f64 / 1e9,
            warming_up: now_ns < plan.stop.warm_up.as_nanos() as u64,
            attempts: sum(|board| &board.attempts),
            acknowledged,
            refused,
            turned_away: sum(|board| &board.turned_away),
            unknown: sum(|board| &board.unknown),
            units: sum(|board| &board.units),
            ops_per_s: (answers - last_answers) as f64 * 1e9 / (now_ns - last_ns).max(1) as f64,
            connected: sum(|board| &board.connected),
            reconnects: sum(|board| &board.reconnects),
        });
        (last_ns, last_answers) = (now_ns, answers);
    }
}

fn report(
    plan: &LoadPlan,
    shared: &Shared,
    desks: Vec<Desk>,
    before: Vec<StockCounters>,
    load_cpu_s: f64,
) -> LoadReport {
    let mut counts = Counts::default();
    let (mut measured, mut measured_ns, mut reconnects) = (0, 0, 0);
    let mut latencies = Latencies::<u64>::new(3);
    let (mut timelines, mut findings, mut records) = (Vec::new(), Vec::new(), Records::default());
    let mut complete = plan.ledger == LedgerMode::Full;
    let mut channels = vec![ChannelSums::ZERO; plan.channels.len()];
    let mut given: Option<Given> = None;
    for mut desk in desks {
        let (answers, ns) = desk.tally.finish(&desk.sums);
        measured += answers;
        measured_ns = measured_ns.max(ns);
        reconnects += desk.sums.reconnects;
        counts.add(&desk.sums.counts());
        latencies.add(&desk.tally.latencies);
        timelines.push(desk.tally.timeline);
        findings.append(&mut desk.findings);
        channels.iter_mut().zip(&desk.channels).for_each(|(sum, channel)| sum.add(channel));
        match (&mut given, desk.given) {
            (Some(given), Some(more)) => counts.duplicate_keys += given.add(more),
            (none, more) => *none = more,
        }
        complete &= desk.records_dropped == 0;
        complete &= records.append(desk.records);
    }
    complete &= given.as_ref().is_none_or(|given| given.dropped == 0);
    findings.truncate(FINDINGS_MAX);
    let seconds = measured_ns as f64 / 1e9;
    LoadReport {
        ended: shared.why().unwrap_or(Ended::Attempts),
        measured,
        seconds,
        ops_per_s: if measured_ns == 0 { 0.0 } else { measured as f64 / seconds },
        latency: latencies.summary(),
        timeline: tally::merge(&timelines),
        load_cpu_s,
        reconnects,
        findings,
        channels: channels
            .iter()
            .zip(&plan.channels)
            .map(|(sums, (channel, _))| sums.counts(channel.0))
            .collect(),
        ledger: Ledger {
            recipe: shared.generator.recipe.clone(),
            before,
            counts: counts.clone(),
            complete,
            records,
            cards: given.map_or(Vec::new(), |given| given.records),
        },
        counts,
    }
}

/// Processor time of this process so far.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

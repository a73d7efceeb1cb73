//! The crash simulation: acknowledged is contained in recovered, recovered in submitted, whatever dies and when.
//!
//! `SCRIP_CRASH_SEED=n` replays one seed and prints what happens; `SCRIP_CRASH_SEEDS=n` sets how many seeds are run (a
//! long run: `SCRIP_CRASH_SEEDS=10000000 cargo test -p scrip-tests --test crash acknowledged`). See
//! `src/simulation.rs` for what one seed is.

use scrip_tests::simulation::{self, Coverage, Met, Simulation, Trace};
use std::env;
use std::os::unix::process::parent_id;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

/// Seeds of [`acknowledged_is_a_subset_of_recovered`] unless the environment says otherwise.
const SEEDS: u64 = 100_000;

/// Seeds whose every disk call is a place to die.
const THOROUGH_SEEDS: u64 = 12;

/// Seeds that are run twice.
const REPEATED_SEEDS: u64 = 200;

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

/// Runs every `step`-th seed from `first` on, below `seeds`.
fn run_seeds(
    (first, seeds, step): (u64, u64, usize),
    work: impl Fn(u64) -> Result<Coverage, String>,
) -> Coverage {
    let parent = parent_id();
    let mut met = Coverage::default();
    for seed in (first..seeds).step_by(step) {
        assert_eq!(parent_id(), parent, "whoever started this run is gone");
        met.add(&work(seed).unwrap_or_else(|report| panic!("{report}")));
    }
    met
}

/// Runs all seeds on all cores: in a process for each, since each run maps and unmaps its tables, and threads of one process wait
/// for each other there (measured: two threads get no further than one).
fn run_in_processes(seeds: u64) -> Coverage {
    let workers = available_parallelism().map_or(1, usize::from);
    let worker = |first: usize| {
        Command::new(env::current_exe().expect("the test's own path"))
            .args(["acknowledged_is_a_subset_of_recovered", "--exact", "--nocapture"])
            .env("SCRIP_CRASH_WORKER", first.to_string())
            .env("SCRIP_CRASH_WORKERS", workers.to_string())
            .env("SCRIP_CRASH_SEEDS", seeds.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process of this test")
    };
    let running: Vec<_> = (0..workers).map(worker).collect();
    let mut total = Coverage::default();
    for worker in running {
        let output = worker.wait_with_output().expect("its output");
        assert!(output.status.success(), "a seed has failed, see above");
        let said = String::from_utf8(output.stdout).expect("text");
        total.add(&Coverage::told_in(&said).expect("a table of what it has met"));
    }
    total
}

#[test]
fn acknowledged_is_a_subset_of_recovered() {
    if let Some(seed) = setting("SCRIP_CRASH_SEED") {
        let verdict = Simulation::new(seed, Trace::Printed).run();
        let (coverage, _) = verdict.unwrap_or_else(|report| panic!("{report}"));
        return println!("{coverage}");
    }
    let seeds = setting("SCRIP_CRASH_SEEDS").unwrap_or(SEEDS);
    if let (Some(first), Some(workers)) = (setting("SCRIP_CRASH_WORKER"), setting("SCRIP_CRASH_WORKERS")) {
        let met = run_seeds((first, seeds, workers as usize), simulation::run);
        return println!("\n{met}");
    }
    let total = run_in_processes(seeds);
    println!("{seeds} seeds, {} deaths\n{total}", total.deaths());
    if seeds >= SEEDS {
        assert!(total.missing().is_empty(), "no run has met {:?}", total.missing());
    }
}

#[test]
fn a_death_in_every_disk_call_is_survived() {
    let total = run_seeds((0, THOROUGH_SEEDS, 1), |seed| {
        let mut met = Coverage::default();
        for machine in [true, false] {
            for call in 1.. {
                let (coverage, _) = Simulation::new(seed, Trace::Off)
                    .dying_at(call, machine)
                    .run()
                    .map_err(|report| format!("dying at call {call}, machine {machine}: {report}"))?;
                met.add(&coverage);
                if coverage.deaths_in_calls() == 0 {
                    break;
                }
            }
        }
        Ok(met)
    });
    println!("{} deaths in disk calls", total.deaths_in_calls());
    assert!(total.deaths_in_calls() > 1_000, "only {} deaths", total.deaths_in_calls());
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let verdict = Simulation::new(seed, Trace::Kept(String::new())).run();
        let (coverage, trace) = verdict.unwrap_or_else(|report| panic!("{report}"));
        let Trace::Kept(text) = trace else { unreachable!("the trace was kept") };
        assert!(
            text.lines().count() > 10 && coverage.count(Met::Life) > 0,
            "seed {seed} says little: {text}"
        );
        (coverage, text)
    };
    for seed in 0..REPEATED_SEEDS {
        let (first, second) = (trace(seed), trace(seed));
        if first != second {
            let lines = first.1.lines().zip(second.1.lines());
            let differs = lines.enumerate().find(|(_, (first, second))| first != second);
            panic!("seed {seed} gave two traces, from here on: {differs:?}");
        }
    }
    assert!(trace(1) != trace(2));
}

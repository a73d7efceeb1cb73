//! The crash simulation: acknowledged is contained in recovered, recovered in submitted, whatever dies and when.
//!
//! `SCRIP_CRASH_SEED=n` replays one seed and prints what happens; `SCRIP_CRASH_SEEDS=n` sets how many seeds are run (a
//! long run: `SCRIP_CRASH_SEEDS=10000000 cargo test -p scrip-tests --test crash acknowledged`). See
//! `src/simulation.rs` for what one seed is.

use scrip_tests::simulation::{self, Coverage, Met, Simulation, Trace};
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Runs `work` for every seed below `seeds`, on all cores, and adds up what was met.
fn for_each_seed(seeds: u64, work: impl Fn(u64) -> Result<Coverage, String> + Sync) -> Coverage {
    let next = AtomicU64::new(0);
    let total = Mutex::new(Coverage::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut met = Coverage::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    met.add(&work(seed).unwrap_or_else(|report| panic!("{report}")));
                }
                total.lock().expect("no seed has failed").add(&met);
            });
        }
    });
    total.into_inner().expect("no seed has failed")
}

#[test]
fn acknowledged_is_a_subset_of_recovered() {
    if let Some(seed) = setting("SCRIP_CRASH_SEED") {
        let verdict = Simulation::new(seed, Trace::Printed).run();
        let (coverage, _) = verdict.unwrap_or_else(|report| panic!("{report}"));
        return println!("{coverage}");
    }
    let seeds = setting("SCRIP_CRASH_SEEDS").unwrap_or(SEEDS);
    let total = for_each_seed(seeds, simulation::run);
    println!("{seeds} seeds, {} deaths\n{total}", total.deaths());
    if seeds >= SEEDS {
        assert!(total.missing().is_empty(), "no run has met {:?}", total.missing());
    }
}

#[test]
fn a_death_in_every_disk_call_is_survived() {
    let total = for_each_seed(THOROUGH_SEEDS, |seed| {
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

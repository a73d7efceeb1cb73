//! The log under a simulated disk that crashes at every call, and fails at every write and sync: acknowledged is
//! contained in recovered, recovered in submitted, in order, over many generations.

mod common;

use common::{Ledger, Trouble};
use scrip_planted::Bug;

const FRAMES: u32 = 8;

/// The seeds of a test: `count` of them, or `SCRIP_SEEDS_FACTOR` times as many for a long run.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let factor = std::env::var("SCRIP_SEEDS_FACTOR").ok().and_then(|factor| factor.parse().ok());
    0..count * factor.unwrap_or(1)
}

/// Two generations without trouble in between, trouble in the third, then two more that must go on.
fn one_run(seed: u64, trouble: Trouble) -> Result<bool, String> {
    let mut ledger = Ledger::new(seed);
    ledger.generation(FRAMES, Trouble::None)?;
    ledger.generation(FRAMES, trouble)?;
    let met = ledger.troubles_met > 0;
    ledger.generation(FRAMES, Trouble::None)?;
    ledger.settle()?;
    Ok(met)
}

/// Runs `make(1)`, `make(2)` ... until the trouble comes too late to happen. Returns the runs.
fn every_place(seed: u64, make: impl Fn(u64) -> Trouble) -> Result<u64, String> {
    for number in 1.. {
        let trouble = make(number);
        match one_run(seed, trouble) {
            Ok(true) => {}
            Ok(false) => return Ok(number),
            Err(why) => return Err(format!("seed {seed}, {trouble:?}: {why}")),
        }
    }
    unreachable!("a run has finitely many disk calls")
}

/// Many short lives with troubles drawn at random.
fn mixed_run(seed: u64) -> Result<(), String> {
    let mut ledger = Ledger::new(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..12 {
        let trouble = match rng.u8(..6) {
            0..=2 => Trouble::CrashAtCall(rng.u64(1..60)),
            3 => Trouble::FailWrite(rng.u64(1..20)),
            4 => Trouble::FailSync(rng.u64(1..20)),
            _ => Trouble::None,
        };
        let frames = rng.u32(..FRAMES);
        ledger.generation(frames, trouble).map_err(|why| format!("seed {seed}, {trouble:?}: {why}"))?;
    }
    ledger.settle().map_err(|why| format!("seed {seed}: {why}"))
}

#[test]
fn a_crash_at_every_disk_call_loses_nothing_acknowledged() {
    let mut runs = 0;
    for seed in seeds(300) {
        runs += every_place(seed, Trouble::CrashAtCall).expect("the log keeps its promises");
    }
    assert!(runs > 10_000, "only {runs} crash points were reached");
}

#[test]
fn a_failure_of_every_write_loses_nothing_acknowledged() {
    for seed in seeds(100) {
        every_place(seed, Trouble::FailWrite).expect("the log keeps its promises");
    }
}

#[test]
fn a_failure_of_every_sync_loses_nothing_acknowledged() {
    for seed in seeds(100) {
        every_place(seed, Trouble::FailSync).expect("the log keeps its promises");
    }
}

#[test]
fn many_generations_of_mixed_trouble_keep_every_promise() {
    for seed in seeds(3_000) {
        mixed_run(seed).expect("the log keeps its promises");
    }
}

#[test]
fn the_same_seed_gives_the_same_disk() {
    let calls = |seed| {
        let mut ledger = Ledger::new(seed);
        for number in 0..6 {
            ledger.generation(FRAMES, Trouble::CrashAtCall(50 + number)).expect("the log keeps its promises");
        }
        let disk = ledger.disk();
        let names = scrip_wal::Disk::list(disk).expect("lists");
        (disk.calls(), names.iter().map(|name| disk.file_bytes(name)).collect::<Vec<_>>())
    };
    assert!(calls(11) == calls(11));
    assert!(calls(11) != calls(12));
}

/// The suite must see each planted bug of this crate; otherwise it proves nothing.
fn assert_caught(bug: Bug) {
    let caught = scrip_planted::with(bug, || {
        (0..500).any(|seed| {
            mixed_run(seed).is_err()
                || (seed < 20
                    && [Trouble::CrashAtCall, Trouble::FailWrite, Trouble::FailSync]
                        .into_iter()
                        .any(|make| every_place(seed, make).is_err()))
        })
    });
    assert!(caught, "{bug:?} went unnoticed");
}

#[test]
fn a_skipped_directory_sync_is_caught() {
    assert_caught(Bug::SkippedDirectorySync);
}

#[test]
fn an_ignored_io_error_is_caught() {
    assert_caught(Bug::IgnoredIoError);
}

#[test]
fn a_skipped_sync_is_caught() {
    assert_caught(Bug::SkippedSync);
}

#[test]
fn a_repair_that_forgets_is_caught() {
    assert_caught(Bug::RepairForgets);
}

//! Crash tests.
use scrip_tests::simulation::{self, Coverage, Simulation, Trace};
use std::time::Instant;

#[test]
fn acknowledged_is_a_subset_of_recovered() {
    let setting = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    if let Some(seed) = setting("SCRIP_CRASH_SEED") {
        let (coverage, _) =
            Simulation::new(seed, Trace::Printed).run().unwrap_or_else(|report| panic!("{report}"));
        return println!("{coverage}");
    }
    let seeds = setting("SCRIP_CRASH_SEEDS").unwrap_or(1000);
    let mut total = Coverage::default();
    let started = Instant::now();
    for seed in 0..seeds {
        total.add(&simulation::run(seed).unwrap_or_else(|report| panic!("{report}")));
    }
    println!("{total}{:?} per seed", started.elapsed() / seeds as u32);
}

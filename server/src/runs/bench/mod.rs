//! `scrip bench`: a real server process on a fresh, durable directory; a load process over loopback TCP; the end state
//! read back and verified; one report.
//!
//! Invariant: a figure is printed only beside the checks that give it a meaning, and a run that was not durable has none.

mod codes;
mod latency;
mod memory;
mod print;
mod rig;
mod workloads;

use super::processes::{RunError, system};
use crate::cli::{BenchArgs, Workload};
use crate::report::Report;
use scrip_loadgen::probe::{Probe, probe};
use std::path::{Path, PathBuf};

/// Runs a workload; answers whether every check held.
///
/// # Errors
/// [`RunError`], if it could not be carried out.
pub fn run(arguments: &BenchArgs) -> Result<bool, RunError> {
    limit_cores(arguments.cores)?;
    match arguments.workload {
        Workload::Memory => return memory::run(arguments.json),
        Workload::Codes => {
            return codes::run(arguments.cards.unwrap_or(100_000_000), arguments.guesses, arguments.json);
        }
        _ => {}
    }
    let place = Place::new(arguments)?;
    let machine = measure_machine(&place.path)?;
    let mut report = match arguments.workload {
        Workload::Probe => Report { workload: "probe".into(), ..Report::default() },
        Workload::W1 => workloads::w1(arguments, &place)?,
        Workload::W1Full => workloads::w1_full(arguments, &place)?,
        Workload::W1s => workloads::w1s(arguments, &place)?,
        Workload::W1Steady => workloads::w1_steady(arguments, &place)?,
        Workload::W2 => workloads::w2(arguments, &place)?,
        Workload::W3 => workloads::w3(arguments, &place)?,
        Workload::W4 => workloads::w4(arguments, &place)?,
        Workload::W5 => workloads::w5(arguments, &place)?,
        Workload::W6 => workloads::w6(arguments, &place)?,
        Workload::W7 => workloads::w7(arguments, &place)?,
        Workload::W8 => latency::w8(arguments, &place)?,
        Workload::Memory | Workload::Codes => unreachable!("they need no server"),
    };
    report.probe = Some(machine);
    if arguments.json {
        report.print_json();
    } else {
        print::print(&report);
    }
    Ok(report.passed())
}

/// Where the run's files are.
pub struct Place {
    path: PathBuf,
    keep: Option<PathBuf>,
    _temporary: tempfile::TempDir,
}

impl Place {
    fn new(arguments: &BenchArgs) -> Result<Place, RunError> {
        let parent = arguments.dir.clone().unwrap_or_else(|| PathBuf::from("."));
        std::fs::create_dir_all(&parent).map_err(system(format!("making {}", parent.display())))?;
        let temporary = tempfile::Builder::new()
            .prefix("scrip-bench-")
            .tempdir_in(&parent)
            .map_err(system(format!("making a temporary directory in {}", parent.display())))?;
        Ok(Place { path: temporary.path().to_owned(), keep: arguments.keep.clone(), _temporary: temporary })
    }

    /// The data directory of the run called `name`.
    pub fn data(&self, name: &str) -> PathBuf {
        match &self.keep {
            Some(keep) => keep.join(name),
            None => self.path.join(name),
        }
    }

    /// Where the server's log lines go.
    pub fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }
}

fn measure_machine(path: &Path) -> Result<Probe, RunError> {
    probe(path).map_err(|error| match error {
        scrip_loadgen::ProbeError::NotDurable { .. } => RunError::NotDurable(path.to_owned()),
        error => RunError::Other(format!("measuring the machine: {error}")),
    })
}

/// Keeps this process, and what it starts, on the first cores.
fn limit_cores(cores: Option<u32>) -> Result<(), RunError> {
    let Some(cores) = cores else { return Ok(()) };
    let mut set = rustix::thread::CpuSet::new();
    (0..cores as usize).for_each(|core| set.set(core));
    rustix::thread::sched_setaffinity(None, &set)
        .map_err(|error| system(format!("keeping to {cores} cores"))(error.into()))
}

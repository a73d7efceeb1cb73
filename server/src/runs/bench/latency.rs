//! W8: latency unloaded, and at 50 % and 80 % of the rate that W1 reaches here and now.

use super::Place;
use super::rig::{Run, Success, carry_out, words};
use super::workloads;
use crate::cli::BenchArgs;
use crate::report::Report;
use crate::runs::processes::RunError;

/// Measures the top with W1, then open loops at half and at four fifths of it, then one caller alone. The report is the
/// unloaded run's, with the loaded p99s beside it.
pub fn w8(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let top = workloads::w1(arguments, place)?;
    let mut failures = top.failures.clone();
    let mut loaded_p99 = [0; 2];
    for (p99, percent) in loaded_p99.iter_mut().zip([50, 80]) {
        let rate = (top.ops_per_s * f64::from(percent) / 100.0) as u64;
        let load =
            format!("--connections 50 --batch 64 --outstanding 16 --rate {rate} --seconds 5 --warm-up-s 1");
        let report = carry_out(arguments, place, &run(&format!("W8-{percent}"), &load, 10))?;
        if !arguments.json {
            super::print::print_line(&report);
        }
        failures.extend(report.failures);
        *p99 = report.latency_us.map_or(0, |latency| latency.p99);
    }
    let load = "--connections 1 --batch 1 --outstanding 1 --seconds 3 --warm-up-s 1";
    let mut report = carry_out(arguments, place, &run("W8", load, 1))?;
    report.p99_at_50 = Some(loaded_p99[0]);
    report.p99_at_80 = Some(loaded_p99[1]);
    report.failures.extend(failures);
    Ok(report)
}

fn run<'r>(name: &'r str, load: &str, gib: u64) -> Run<'r> {
    let memory = gib << 30;
    Run {
        name,
        server: words(&format!(
            "--memory {memory} --segment-bytes 512MiB --segments-ready 6 --segments-ahead 4"
        )),
        stocks: 1,
        units: 1 << 50,
        keys: 0,
        full: false,
        campaign: None,
        purse: None,
        limit_per_user: 1_000_000,
        load: words(&format!("--profile steady --work reserve {load} --users 10000000 --sample 1000")),
        success: Success::Acknowledged,
        verify: true,
    }
}

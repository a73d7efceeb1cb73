//! A report as a table, for people.

use crate::report::Report;

/// One line per run of a workload with several.
pub fn print_line(report: &Report) {
    let p99 = report.latency_us.map_or(0, |latency| latency.p99);
    eprintln!("{:10} {:>12.0} /s, p99 {p99} us", report.workload, report.ops_per_s);
}

/// The whole table.
pub fn print(report: &Report) {
    println!("{}", report.workload);
    if report.attempts > 0 {
        let text = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
        println!("  operations/s        {:>14.0}", report.ops_per_s);
        println!("  attempts            {:>14}  in {:.2} s after warm-up", report.attempts, report.seconds);
        println!("  acknowledged        {:>14}", report.acknowledged);
        println!("  refused             {:>14}", report.refused);
        println!("  unknown             {:>14}", report.unknown);
        if let Some(latency) = report.latency_us {
            println!(
                "  latency us          {:>14}  p90 {}, p99 {}, p99.9 {}, max {} (p50 first)",
                latency.p50, latency.p90, latency.p99, latency.p999, latency.max
            );
        }
        if report.p99_at_50.is_some() {
            println!("  p99 at 50 %, 80 %   {:>14}  {} us", text(report.p99_at_50), text(report.p99_at_80));
        }
        println!(
            "  CPU seconds         {:>14.2}  server; load {:.2}",
            report.server_cpu_s.unwrap_or(0.0),
            report.load_cpu_s.unwrap_or(0.0)
        );
        println!("  log bytes           {:>14}", text(report.log_bytes));
        if let Some([first, last]) = report.memory_bytes {
            println!("  resident MiB        {:>14}  at the end; {} at the start", last >> 20, first >> 20);
        }
        println!(
            "  connections {}, batch {}, driver {}, shards {}",
            report.connections.unwrap_or(0),
            report.batch.unwrap_or(0),
            report.driver.as_deref().unwrap_or("-"),
            report.shards.unwrap_or(0)
        );
        println!(
            "  held + sold {}, oversold {}, lost {}, repeats that differ {}",
            report.sold, report.oversold, report.lost, report.mismatched_repeats
        );
    }
    if let Some(probe) = &report.probe {
        println!("  this machine: {}", serde_json::to_string(probe).expect("plain data"));
    }
    for failure in &report.failures {
        println!("FAILED: {failure}");
    }
    println!("{}", if report.passed() { "PASSED" } else { "FAILED" });
}

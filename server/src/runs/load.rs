//! `scrip load`: puts load on a running server, then fetches every acknowledged operation back by its id and compares.

use super::processes::{RunError, system};
use super::storm;
use crate::cli::{LoadArgs, ProfileName, WorkName};
use crate::credentials;
use crate::report::{LatencyUs, Report};
use scrip_client::{Client, ClientOptions};
use scrip_loadgen::{
    CardTexts, CheckPlan, CheckReport, CheckoutShares, Ended, LedgerMode, LoadPlan, LoadReport, Pace,
    Profile, Progress, Stop, Work, check, run as run_load,
};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Runs the load; answers whether every check held.
///
/// # Errors
/// [`RunError`], if it could not begin.
pub fn run(arguments: &LoadArgs) -> Result<bool, RunError> {
    let credentials =
        credentials::find(&arguments.server).map_err(|error| RunError::Other(error.to_string()))?;
    let plan = plan(arguments, &credentials)?;
    let check_plan = CheckPlan::new(plan.address, plan.token.clone());
    let loaded = run_load(plan, teller()).map_err(|error| RunError::Other(error.to_string()))?;
    if let Some(path) = &arguments.ledger {
        loaded.ledger.save(path).map_err(|error| RunError::Other(error.to_string()))?;
    }
    let checked = if arguments.no_check {
        None
    } else {
        Some(
            check(&loaded.ledger, &check_plan, |_, _| {})
                .map_err(|error| RunError::Other(error.to_string()))?,
        )
    };
    let report = report(arguments, &loaded, checked.as_ref());
    if arguments.json {
        report.print_json();
    } else {
        print(&loaded, checked.as_ref(), &report);
    }
    Ok(report.passed())
}

/// Progress on stderr, once a second.
pub fn teller() -> impl Fn(&Progress) + Send {
    let started = Instant::now();
    let told_s = Cell::new(0);
    move |progress| {
        let second = started.elapsed().as_secs();
        if told_s.replace(second) == second {
            return;
        }
        eprintln!(
            "{:4.0} s  {:>11} attempts  {:>11} taken  {:>11} refused  {:>9.0} /s{}{}",
            progress.seconds,
            progress.attempts,
            progress.acknowledged,
            progress.refused,
            progress.ops_per_s,
            if progress.warming_up { "  (warming up)" } else { "" },
            if progress.connected == 0 { "  (no connection, trying)" } else { "" },
        );
    }
}

fn plan(arguments: &LoadArgs, credentials: &credentials::Credentials) -> Result<LoadPlan, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("starting a runtime"))?;
    let (merchant, slot, stocks, subject, purse) = runtime.block_on(async {
        let options = ClientOptions::new(credentials.token.clone());
        let client = Client::connect(credentials.server.to_string(), options).await?;
        let stocks: Result<Vec<_>, _> = arguments.stock.iter().map(|name| client.stock_id(name)).collect();
        let stocks = stocks?;
        let subject = storm::subject(&client, &stocks, arguments).await?;
        let purse = storm::purse(&client, arguments).await?;
        let found = (client.welcome().merchant, client.home_slot(), stocks, subject, purse);
        client.close().await;
        Ok::<_, RunError>(found)
    })?;
    let seconds = Duration::from_secs_f64(arguments.seconds.unwrap_or(10.0));
    let profile = match arguments.profile {
        ProfileName::Steady | ProfileName::Claims | ProfileName::Redeems => Profile::Steady,
        ProfileName::Ramp => Profile::Ramp { over: seconds / 2 },
        ProfileName::Flash => Profile::Flash { over: Duration::from_millis(200) },
        ProfileName::Zipf => Profile::Zipf { exponent: arguments.exponent },
        ProfileName::Checkout if purse.is_some() => Profile::Checkout(CheckoutShares {
            think: Duration::from_millis(arguments.think_ms),
            ..CheckoutShares::mixed()
        }),
        ProfileName::Checkout => Profile::Checkout(CheckoutShares {
            think: Duration::from_millis(arguments.think_ms),
            late: if (1..=60_000).contains(&arguments.ttl_ms) { CheckoutShares::default().late } else { 0.0 },
            ..CheckoutShares::default()
        }),
    };
    let work = match (arguments.profile, arguments.work) {
        (ProfileName::Checkout, _) => Work::Checkout,
        (ProfileName::Claims, _) => Work::Claim,
        (ProfileName::Redeems, _) => Work::Redeem,
        (_, WorkName::Reserve) => Work::Reserve,
        (_, WorkName::ReserveConfirm) => Work::ReserveConfirm { after: Duration::ZERO },
        (_, WorkName::Sell) => Work::Sell { paid: false },
    };
    // A storm ends when everybody has tried as often as he is to; everything else goes on.
    let storm = subject.as_ref().map(|subject| subject.storm);
    let attempts = arguments.attempts.or(storm.map(|storm| storm.attempts()));
    let until_told = arguments.seconds.is_none() && attempts.is_none();
    Ok(LoadPlan {
        profile,
        work,
        pace: arguments.rate.map_or(Pace::Closed, |rate| Pace::Open { per_second: rate as f64 }),
        connections: arguments.connections,
        batch: arguments.batch,
        outstanding: arguments.outstanding,
        threads: arguments.threads,
        stop: Stop {
            attempts,
            seconds: if until_told { Some(10.0) } else { arguments.seconds },
            until_sold_out: false,
            warm_up: Duration::from_secs_f64(arguments.warm_up_s),
            drain: Duration::from_secs(10),
        },
        users: arguments.users,
        orders: arguments.full,
        parties: arguments.full,
        ttl_ms: arguments.ttl_ms,
        wait_ms: arguments.wait.map_or(0, |wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)),
        seed: arguments.seed,
        ledger: arguments.sample.map_or(LedgerMode::Full, |one_in| LedgerMode::Counts { one_in }),
        cards: arguments.cards.map(bench_cards),
        storm,
        purse,
        codes: subject.and_then(|subject| subject.codes),
        reconnect: arguments.reconnect_s > 0,
        reconnect_for: Duration::from_secs(arguments.reconnect_s),
        ..LoadPlan::new(credentials.server, credentials.token.clone(), merchant, slot, stocks)
    })
}

/// The texts of the card keys that `scrip bench` sells.
pub fn bench_cards(count: u64) -> CardTexts {
    CardTexts { seed: 0x5c71, count }
}

fn report(arguments: &LoadArgs, loaded: &LoadReport, checked: Option<&CheckReport>) -> Report {
    let counts = &loaded.counts;
    let turned_away = counts.busy + counts.capacity + counts.throttled;
    let mut report = Report {
        workload: "load".into(),
        connections: Some(arguments.connections),
        batch: Some(arguments.batch),
        seconds: loaded.seconds,
        attempts: counts.attempts,
        acknowledged: counts.acknowledged,
        owed: counts.owed,
        refused: counts.refused_total(),
        unknown: counts.unknown,
        sold: counts.reserved_units + counts.sold_units,
        mismatched_repeats: counts.mismatched_repeats,
        duplicate_keys: counts.duplicate_keys,
        ops_per_s: loaded.ops_per_s,
        latency_us: Some(latency(&loaded.latency)),
        load_cpu_s: Some(loaded.load_cpu_s),
        ..Report::default()
    };
    if loaded.ledger.recipe.purse.is_some() {
        // Of checkouts, not of their commands, a shop wants to know.
        report.attempts = counts.checkouts;
    }
    if let Some(checked) = checked {
        report.lost = checked.lost + checked.mismatched;
        report.oversold = checked.oversold_units;
        report.duplicate_keys += checked.duplicate_keys;
        report.mismatched_repeats += checked.mismatched_repeats + checked.duplicates;
        if !checked.is_clean() {
            report.failures.extend(checked.findings.iter().cloned());
            report.failures.push("the operations fetched back do not agree with the answers".into());
        }
    }
    if !loaded.consistent() {
        report.failures.extend(loaded.findings.iter().cloned());
        report.failures.push("answers contradicted each other during the load".into());
    }
    match &loaded.ended {
        Ended::ServerGone => report.failures.push("the server was gone for too long".into()),
        Ended::Refused(why) => report.failures.push(format!("the server refused the load: {why}")),
        _ => {}
    }
    if turned_away > 0 {
        eprintln!(
            "turned away: {} BUSY, {} CAPACITY, {} THROTTLED",
            counts.busy, counts.capacity, counts.throttled
        );
    }
    report
}

/// Whole microseconds.
pub fn latency(summary: &scrip_loadgen::HistogramSummary) -> LatencyUs {
    LatencyUs {
        p50: summary.p50 as u64,
        p90: summary.p90 as u64,
        p99: summary.p99 as u64,
        p999: summary.p999 as u64,
        max: summary.max as u64,
    }
}

/// A report as a load process has printed it.
///
/// # Errors
/// If it is none.
pub fn report_from(value: &serde_json::Value) -> Result<Report, RunError> {
    serde_json::from_value(value.clone())
        .map_err(|_| RunError::Unexpected { what: "the load", line: value.to_string() })
}

fn print(loaded: &LoadReport, checked: Option<&CheckReport>, report: &Report) {
    let counts = &loaded.counts;
    println!("{:.0} answers/s over {:.2} s", loaded.ops_per_s, loaded.seconds);
    println!("  attempts      {:>12}", counts.attempts);
    println!("  acknowledged  {:>12}", counts.acknowledged);
    if counts.owed > 0 {
        println!("  OWED          {:>12}", counts.owed);
    }
    for (code, count) in &counts.refused {
        println!("  {code:13} {count:>12}");
    }
    println!("  BUSY          {:>12}", counts.busy);
    println!("  CAPACITY      {:>12}", counts.capacity);
    println!("  unknown       {:>12}", counts.unknown);
    println!("  repeats       {:>12}  {} differ", counts.repeats, counts.mismatched_repeats);
    if let Some(latency) = report.latency_us {
        println!(
            "  latency us    {:>12}  p90 {}, p99 {}, p99.9 {}, max {} (p50 first)",
            latency.p50, latency.p90, latency.p99, latency.p999, latency.max
        );
    }
    if let Some(checked) = checked {
        println!(
            "  fetched back  {:>12}  found {}, lost {}, different {}, unknown that happened {}, that did not {}",
            checked.operations,
            checked.found,
            checked.lost,
            checked.mismatched,
            checked.unknown_happened,
            checked.unknown_not
        );
        let waited = checked.owed + checked.owed_sold + checked.owed_in_vain;
        if waited > 0 {
            println!(
                "  were owed     {waited:>12}  sold since {}, in vain {}, wait still {}",
                checked.owed_sold, checked.owed_in_vain, checked.owed
            );
        }
        println!(
            "  asked again   {:>12}  {} answered differently",
            checked.repeats, checked.mismatched_repeats
        );
        if checked.cards_read > 0 && loaded.ledger.recipe.storm.is_some() {
            println!(
                "  cards read    {:>12}  {} users beyond the limit, {} units unaccounted for",
                checked.cards_read, checked.over_limit_users, checked.unaccounted_units
            );
        } else if checked.cards_read > 0 {
            println!(
                "  keys compared {:>12}  sales, text by text; {} keys of two orders",
                checked.cards_read, report.duplicate_keys
            );
        }
        println!("  oversold      {:>12}", checked.oversold_units);
    }
    for failure in &report.failures {
        println!("FAILED: {failure}");
    }
    println!("{}", if report.passed() { "PASSED" } else { "FAILED" });
}

//! `scrip demo`: the main job in about twenty seconds.
//!
//! A server on a log of its own; a load process over TCP that drives one hot stock far past sold-out; kill -9 in the
//! middle; a restart; and the proof: every acknowledged sale is fetched back by id, the log is replayed and recounted.

use super::processes::{LoadProcess, RunError, ServerProcess, system};
use crate::cli::DemoArgs;
use crate::credentials;
use crate::data_directory::DataDirectory;
use crate::report::Report;
use crate::tools::verify;
use scrip_client::{Client, ClientOptions, StockCreate, StockTerms, StockUnits};
use scrip_protocol::secret::Token;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

const STOCK: &str = "flash";

/// Runs the demo; answers whether every check held.
///
/// # Errors
/// [`RunError`], if it could not be carried out.
pub fn run(arguments: &DemoArgs) -> Result<bool, RunError> {
    let temporary = tempfile::Builder::new()
        .prefix("scrip-demo-")
        .tempdir_in(".")
        .map_err(system("making a temporary directory here"))?;
    let data = arguments.keep.clone().unwrap_or_else(|| temporary.path().join("data"));
    let log = temporary.path().join("server.log");
    let teller = Teller::new(arguments.json);
    drop(DataDirectory::open_or_create(&data, None, 1).map_err(|error| RunError::Other(error.to_string()))?);
    let token = credentials::new_token(&data, "demo")?;

    let further: Vec<String> = ["--memory", "512MiB", "--segments-ready", "2"].map(String::from).to_vec();
    let server = ServerProcess::start(&data, SocketAddr::from(([127, 0, 0, 1], 0)), &further, &log)?;
    teller.tell(format_args!(
        "server on {}, driver {}, log in {}",
        server.listen,
        server.driver,
        data.display()
    ));
    create_stock(server.listen, &token, arguments.units)?;
    teller.tell(format_args!(
        "sale: {} units, {} attempts, {} connections",
        arguments.units, arguments.attempts, arguments.connections
    ));
    let load =
        LoadProcess::start(&load_arguments(arguments, server.listen), &token.reveal_text(), arguments.json)?;
    let (mut report, server) = sale_with_kills(arguments, &teller, server, load, &data, &token, &log)?;

    report.server_cpu_s = Some(report.server_cpu_s.unwrap_or(0.0) + server.stop()?);
    prove(arguments, &data, &mut report)?;
    if arguments.json {
        report.print_json();
    } else {
        print(arguments, &report, teller.elapsed());
    }
    Ok(report.passed())
}

/// Says on stderr what happens, with the time.
pub struct Teller {
    json: bool,
    started: Instant,
}

impl Teller {
    /// One that says nothing with `--json`.
    pub fn new(json: bool) -> Teller {
        Teller { json, started: Instant::now() }
    }

    /// Since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Says what happens.
    pub fn tell(&self, what: std::fmt::Arguments<'_>) {
        if !self.json {
            eprintln!("{:6.2} s  {what}", self.started.elapsed().as_secs_f64());
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system("starting a runtime"))
}

fn create_stock(server: SocketAddr, token: &Token, units: u64) -> Result<(), RunError> {
    runtime()?.block_on(async {
        let client = Client::connect(server.to_string(), ClientOptions::new(token.clone())).await?;
        let stock = client.stock_id(STOCK)?;
        let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 5, frozen: false };
        // Half now, half by a second delivery: both counted in the total.
        let first = units - units / 2;
        let create = StockCreate { terms, ..StockCreate::new(client.operation(), stock, STOCK, first) };
        client.stock_create(create).await?;
        if units > first {
            let operation = client.operation();
            client.stock_supply(StockUnits { operation, stock, units: units - first }).await?;
        }
        client.close().await;
        Ok(())
    })
}

fn load_arguments(arguments: &DemoArgs, server: SocketAddr) -> Vec<String> {
    let DemoArgs { attempts, connections, batch, .. } = arguments;
    format!(
        "--server {server} --stock {STOCK} --profile flash --work sell --connections {connections} --batch {batch} \
         --outstanding 2 --attempts {attempts} --users 1000000 --warm-up-s 0 --reconnect-s 60"
    )
    .split_whitespace()
    .map(String::from)
    .collect()
}

/// Lets the sale run, kills the server as often as asked, and starts it again each time.
fn sale_with_kills(
    arguments: &DemoArgs,
    teller: &Teller,
    mut server: ServerProcess,
    mut load: LoadProcess,
    data: &Path,
    token: &Token,
    log: &Path,
) -> Result<(Report, ServerProcess), RunError> {
    let mut cpu_s = 0.0;
    let mut kills = 0;
    for kill in 1..=arguments.kills {
        // In the middle: the units sold so far say where the sale is, and no clock is asked.
        let goal = arguments.units * u64::from(kill) / u64::from(arguments.kills + 1);
        let sold = wait_until_sold(server.listen, token, goal, &mut load)?;
        if load.has_ended() {
            break;
        }
        let (listen, further) = (server.listen, server.arguments().to_vec());
        cpu_s += server.kill();
        kills += 1;
        teller.tell(format_args!("kill -9 at {sold} of {} units sold", arguments.units));
        server = ServerProcess::start_again(data, listen, &further, log)?;
        teller.tell(format_args!("server is back: log replayed, recounted, serving"));
    }
    let value = load.finish()?;
    teller.tell(format_args!("sale is over; replaying and recounting the log"));
    let mut report = super::load::report_from(&value)?;
    report.workload = "demo".into();
    report.driver = Some(server.driver.clone());
    report.shards = Some(1);
    report.server_cpu_s = Some(cpu_s);
    report.kills = Some(kills);
    if kills < arguments.kills {
        report.failures.push(format!("the sale ended before kill {} of {}", kills + 1, arguments.kills));
    }
    Ok((report, server))
}

/// Asks until at least `goal` units are sold, or the load has ended. Answers the units sold.
fn wait_until_sold(
    server: SocketAddr,
    token: &Token,
    goal: u64,
    load: &mut LoadProcess,
) -> Result<u64, RunError> {
    runtime()?.block_on(async {
        let client = Client::connect(server.to_string(), ClientOptions::new(token.clone())).await?;
        let stock = client.stock_id(STOCK)?;
        loop {
            let shown = client.stock_show(stock).await?;
            let sold = shown.held + shown.consumed;
            if sold >= goal || load.has_ended() {
                return Ok(sold);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
}

/// What the log itself says, after the server is gone.
fn prove(arguments: &DemoArgs, data: &Path, report: &mut Report) -> Result<(), RunError> {
    let verified = verify::verify(data, true)?;
    report.log_bytes = verified.report.log_bytes;
    report.sold = verified.report.sold;
    report.oversold = report.oversold.max(report.sold.saturating_sub(arguments.units));
    if report.sold != arguments.units {
        report
            .failures
            .push(format!("{} of {} units sold although demand was larger", report.sold, arguments.units));
    }
    if report.attempts < arguments.attempts {
        report.failures.push(format!("{} of {} attempts made", report.attempts, arguments.attempts));
    }
    Ok(())
}

fn print(arguments: &DemoArgs, report: &Report, took: Duration) {
    let Report { attempts, acknowledged, refused, unknown, sold, oversold, lost, mismatched_repeats, .. } =
        report;
    println!();
    println!("sold {sold}/{} units, oversold {oversold}, lost {lost}", arguments.units);
    println!();
    println!("  attempts            {attempts:>12}");
    println!("  acknowledged sales  {acknowledged:>12}  each fetched back by its id after the restart");
    println!("  refused             {refused:>12}  sold out, exactly");
    println!(
        "  unknown             {unknown:>12}  in flight when the server died; each looked up, none happened twice"
    );
    println!("  repeats that differ {mismatched_repeats:>12}");
    println!("  kill -9             {:>12}", report.kills.unwrap_or(0));
    println!(
        "  attempts/s          {:>12.0}  in {:.1} s, the outage included",
        *attempts as f64 / report.seconds,
        report.seconds
    );
    println!("  log                 {:>12} bytes, replayed and recounted", report.log_bytes.unwrap_or(0));
    println!();
    for failure in &report.failures {
        println!("FAILED: {failure}");
    }
    let verdict = if report.passed() { "PASSED" } else { "FAILED" };
    println!("{verdict} in {:.1} s", took.as_secs_f64());
}

//! One measured run: server, stocks, load, checks.

use super::Place;
use crate::cli::BenchArgs;
use crate::credentials;
use crate::data_directory::DataDirectory;
use crate::report::Report;
use crate::runs::import;
use crate::runs::load::{bench_cards, report_from};
use crate::runs::processes::{LoadProcess, RunError, ServerProcess, system};
use crate::runs::storm::{self, Worth};
use crate::tools::verify;
use scrip_client::{
    ChannelId, Client, ClientOptions, Error, Limits, Price, PriceKind, Quota, StockCreate, StockId,
    StockKind, StockLimits, StockPrice, StockQuota, StockTerms, SubjectLimit,
};
use scrip_protocol::secret::Token;
use std::net::SocketAddr;

/// What a run looks like.
pub struct Run<'r> {
    /// Name of the run; its data directory's too.
    pub name: &'r str,
    /// Further arguments of the server.
    pub server: Vec<String>,
    /// Stocks, called `s0`, `s1`, ...
    pub stocks: u32,
    /// Units of each.
    pub units: u64,
    /// Card keys of each, instead of units; 0: counter stocks.
    pub keys: u64,
    /// In place of stocks one running campaign of `units` cards, with so many bearer cards of it minted beforehand.
    pub campaign: Option<u64>,
    /// Beside the stocks, campaigns whose cards checkouts bring along.
    pub purse: Option<Purse>,
    /// Purchase limit of each; 0: none.
    pub limit_per_user: u32,
    /// Limits and caps of every kind of subject, a price and a channel quota on each, none of which bites.
    pub full: bool,
    /// Further arguments of the load.
    pub load: Vec<String>,
    /// Which answers are successes.
    pub success: Success,
    /// Read the log back afterwards, replay and recount it.
    pub verify: bool,
}

/// Bearer cards minted of two campaigns, called [`Purse::COUPONS`] and [`Purse::GIFT_CARDS`].
#[derive(Clone, Copy)]
pub struct Purse {
    /// Coupons.
    pub coupons: u64,
    /// Gift cards.
    pub gift_cards: u64,
}

impl Purse {
    /// The name of one campaign.
    pub const COUPONS: &str = "coupons";
    /// The name of the other.
    pub const GIFT_CARDS: &str = "gift-cards";
}

/// Which answers a workload counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    /// Commands that were taken.
    Acknowledged,
    /// OUT_OF_STOCK.
    Refused,
}

/// Splits a line of arguments.
pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}

/// Carries a run out.
///
/// # Errors
/// [`RunError`], if it could not be carried out.
pub fn carry_out(arguments: &BenchArgs, place: &Place, run: &Run<'_>) -> Result<Report, RunError> {
    let data = place.data(run.name);
    if data.join("manifest.json").exists() {
        return Err(RunError::Other(format!("{} is not fresh: choose another --keep", data.display())));
    }
    let shards = Some(arguments.shards);
    drop(
        DataDirectory::open_or_create(&data, shards, 1)
            .map_err(|error| RunError::Other(error.to_string()))?,
    );
    let token = credentials::new_token(&data, "bench")?;
    let mut server_arguments = run.server.clone();
    server_arguments.extend(words(&format!("--shards {}", arguments.shards)));
    server_arguments.extend(["--io".into(), arguments.io.name().into()]);
    let server =
        ServerProcess::start(&data, SocketAddr::from(([127, 0, 0, 1], 0)), &server_arguments, &place.log())?;
    create_stocks(server.listen, &token, run)?;

    let mut load_arguments = words(&format!("--server {}", server.listen));
    // Where the master key lies beside, for codes of cards.
    load_arguments.extend(["--data".into(), data.display().to_string()]);
    load_arguments.push("--stock".into());
    load_arguments.extend((0..run.stocks).map(|number| format!("s{number}")));
    load_arguments.extend(run.load.iter().cloned());
    if run.keys > 0 {
        load_arguments.extend(["--cards".into(), run.keys.to_string()]);
    }
    let (cpu_before_s, resident_before) = (server.cpu_s(), server.resident_bytes());
    let load = LoadProcess::start(&load_arguments, &token.reveal_text(), arguments.json)?;
    let value = load.finish()?;
    let mut report = report_from(&value)?;
    let resident_bytes = server.resident_bytes();
    report.server_cpu_s = Some(server.cpu_s() - cpu_before_s);
    report.driver = Some(server.driver.clone());
    report.shards = Some(arguments.shards);
    report.memory_bytes = Some([resident_before, resident_bytes]);
    server.stop()?;
    judge(run, &data, &mut report)?;
    // The data stays until the whole bench is over: deleting gigabytes would slow the next run's disk down.
    Ok(report)
}

fn judge(run: &Run<'_>, data: &std::path::Path, report: &mut Report) -> Result<(), RunError> {
    report.workload = run.name.to_owned();
    let successes = match run.success {
        Success::Acknowledged => report.acknowledged,
        Success::Refused => report.refused,
    };
    report.ops_per_s *= ratio(successes, report.acknowledged + report.refused);
    if run.verify {
        let verified = verify::verify(data, true)?;
        report.log_bytes = verified.report.log_bytes;
        report.sold = verified.report.sold;
        report.oversold = report.oversold.max(verified.report.oversold);
        let supplied = u64::from(run.stocks) * run.units;
        report.oversold = report.oversold.max(report.sold.saturating_sub(supplied));
    }
    if report.unknown > 0 {
        report.failures.push(format!("{} answers never came", report.unknown));
    }
    Ok(())
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn create_stocks(server: SocketAddr, token: &Token, run: &Run<'_>) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("starting a runtime"))?;
    runtime.block_on(async {
        let client = Client::connect(server.to_string(), ClientOptions::new(token.clone())).await?;
        let terms =
            StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: run.limit_per_user, frozen: false };
        let mut waiting = tokio::task::JoinSet::new();
        if let Some(minted) = run.campaign {
            let campaign = (run.units, run.limit_per_user, minted);
            storm::make_campaign(&client, ("s0", Worth::Coupons), campaign).await?;
            client.close().await;
            return Ok(());
        }
        if let Some(Purse { coupons, gift_cards }) = run.purse {
            storm::make_campaign(&client, (Purse::COUPONS, Worth::Coupons), (coupons, 0, coupons)).await?;
            let gifts = (gift_cards, 0, gift_cards);
            storm::make_campaign(&client, (Purse::GIFT_CARDS, Worth::GiftCards), gifts).await?;
        }
        for number in 0..run.stocks {
            let (client, name, units, keys) = (client.clone(), format!("s{number}"), run.units, run.keys);
            let full = run.full;
            waiting.spawn(async move {
                let stock = client.stock_id(&name)?;
                let keys = keys > 0;
                let create = StockCreate {
                    terms,
                    kind: if keys { StockKind::Keys } else { StockKind::Counter },
                    ..StockCreate::new(client.operation(), stock, &name, if keys { 0 } else { units })
                };
                client.stock_create(create).await?;
                if full { lay_down_rules(&client, stock, units).await } else { Ok(()) }
            });
            while waiting.len() > 1_000 {
                joined(waiting.join_next().await)?;
            }
        }
        while let Some(done) = waiting.join_next().await {
            joined(Some(done))?;
        }
        if run.keys > 0 {
            for number in 0..run.stocks {
                let batch = import::Batch { number: 1, supplier: "bench", texts: bench_cards(run.keys) };
                import::import(&client, &format!("s{number}"), &batch, 0..run.keys).await?;
            }
        }
        client.close().await;
        Ok(())
    })
}

/// Everything that a stock can lay down, generous enough to refuse nobody.
async fn lay_down_rules(client: &Client, stock: StockId, units: u64) -> Result<(), Error> {
    let limits =
        Limits { subjects: [SubjectLimit::new(1_000_000, 500_000, 500_000); 4], ..Limits::default() };
    let operation = client.operation();
    let version =
        client.stock_limits(StockLimits { operation, stock, version: 1, limits, spans: None }).await?.value
            as u32;
    let prices = vec![Price::new(Price::ANY_CHANNEL, PriceKind::List, 4_990)];
    let operation = client.operation();
    let version = client.stock_price(StockPrice { operation, stock, version, prices }).await?.value as u32;
    let quotas =
        vec![Quota::new(ChannelId(0), units / 2, units, 0), Quota::new(ChannelId(1), units / 4, units, 0)];
    let operation = client.operation();
    client.stock_quota(StockQuota { operation, stock, version, quotas }).await?;
    Ok(())
}

fn joined<T>(done: Option<Result<Result<T, Error>, tokio::task::JoinError>>) -> Result<(), RunError> {
    match done {
        Some(Ok(Err(error))) => Err(error.into()),
        Some(Err(error)) => Err(RunError::Other(error.to_string())),
        Some(Ok(Ok(_))) | None => Ok(()),
    }
}

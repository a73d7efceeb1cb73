//! `scrip demo keys`: a served sale of card keys on four channels with quotas, in about half a minute.
//!
//! A server on a log of its own; buyers over TCP who buy, reserve and confirm, repeat themselves, walk away, have keys
//! revealed, replaced and taken back; a delivery of keys for each life of the server, which is killed while it sells;
//! buyers who pay when the keys are gone, and the restock that serves them; and the proof. Buyers and judge are this process, which no kill touches: the texts of the keys are its own.

mod debts;
mod shop;
mod verdict;

use super::demo::Teller;
use super::load::teller;
use super::processes::{RunError, ServerProcess, system};
use crate::cli::KeysDemoArgs;
use crate::credentials;
use crate::data_directory::DataDirectory;
use crate::tools::walk::walk_all;
use scrip_loadgen::{CheckPlan, LoadError, LoadPlan, LoadReport, Progress, check, run as run_load};
use scrip_protocol::secret::Token;
use shop::{STOCK, Shop, on_client};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use verdict::{Proof, judge, print};

/// How long the buyers may be silent; they report five times a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the demo; answers whether every check held.
///
/// # Errors
/// [`RunError`], if it could not be carried out.
pub fn run(arguments: &KeysDemoArgs) -> Result<bool, RunError> {
    let temporary = tempfile::Builder::new()
        .prefix("scrip-demo-")
        .tempdir_in(".")
        .map_err(system("making a temporary directory here"))?;
    let data = arguments.keep.clone().unwrap_or_else(|| temporary.path().join("data"));
    let teller = Teller::new(arguments.json);
    let shop = Shop::new(arguments)?;
    if data.join("manifest.json").exists() {
        return Err(RunError::Other(format!("{} is not fresh: choose another --keep", data.display())));
    }
    drop(DataDirectory::open_or_create(&data, None, 1).map_err(|error| RunError::Other(error.to_string()))?);
    let token = credentials::new_token(&data, "demo")?;
    let mut stage = Stage::open(arguments, &shop, teller, data, temporary.path(), token)?;
    stage.sell()?;
    let (loaded, proof) = stage.finish()?;
    let report = judge(arguments, &shop, &loaded, &proof);
    if arguments.json {
        report.print_json();
    } else {
        print(&shop, &loaded, &proof, &report, proof.took);
    }
    Ok(report.passed())
}

/// The buyers at work, on a thread of their own. They end with the value.
struct Buyers {
    cancel: Arc<AtomicBool>,
    /// How many attempts may be begun: as many as the keys that are there are for.
    allowance: Arc<AtomicU64>,
    progress: Receiver<Progress>,
    seen: Progress,
    thread: Option<JoinHandle<Result<LoadReport, LoadError>>>,
}

impl Buyers {
    fn start(plan: LoadPlan, cancel: Arc<AtomicBool>, allowance: Arc<AtomicU64>, quiet: bool) -> Buyers {
        let (sender, progress) = channel();
        let thread = std::thread::spawn(move || {
            let tell = teller();
            run_load(plan, move |now| {
                if !quiet {
                    tell(now);
                }
                // Nobody listens any more once the last delivery is there.
                let _ = sender.send(*now);
            })
        });
        Buyers { cancel, allowance, progress, seen: Progress::default(), thread: Some(thread) }
    }

    /// Waits until so many attempts were made, or the sale is over.
    fn wait_for(&mut self, attempts: u64) -> Result<(), RunError> {
        while self.seen.attempts < attempts {
            match self.progress.recv_timeout(PATIENCE) {
                Ok(now) => self.seen = now,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(RunError::Other("the buyers stand still".into()));
                }
            }
        }
        Ok(())
    }

    /// Whether so many attempts were made by now, or the sale is over.
    fn have_made(&mut self, attempts: u64) -> bool {
        loop {
            match self.progress.try_recv() {
                Ok(now) => self.seen = now,
                Err(TryRecvError::Empty) => return self.seen.attempts >= attempts,
                Err(TryRecvError::Disconnected) => return true,
            }
        }
    }

    fn finish(mut self) -> Result<LoadReport, RunError> {
        let thread = self.thread.take().expect("it is joined once");
        let result = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        result.map_err(|error| RunError::Other(error.to_string()))
    }
}

impl Drop for Buyers {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

/// Server and buyers, while the sale goes on.
struct Stage<'a> {
    shop: &'a Shop,
    teller: Teller,
    data: PathBuf,
    log: PathBuf,
    token: Token,
    server: ServerProcess,
    buyers: Buyers,
    kills: u32,
    cpu_s: f64,
}

impl<'a> Stage<'a> {
    fn open(
        arguments: &KeysDemoArgs,
        shop: &'a Shop,
        teller: Teller,
        data: PathBuf,
        place: &Path,
        token: Token,
    ) -> Result<Stage<'a>, RunError> {
        let log = place.join("server.log");
        let memory = shop.memory_bytes().to_string();
        let further: Vec<String> = ["--memory", &memory, "--segments-ready", "2"].map(String::from).to_vec();
        let server = ServerProcess::start(&data, SocketAddr::from(([127, 0, 0, 1], 0)), &further, &log)?;
        let listen = server.listen;
        teller.tell(format_args!("server on {listen}, driver {}, log in {}", server.driver, data.display()));
        let at = shop.open(listen, &token)?;
        teller.tell(format_args!(
            "sale: {} card keys in {} deliveries, {} attempts over {} s, {} connections",
            arguments.keys,
            shop.deliveries.len(),
            arguments.attempts,
            arguments.seconds,
            arguments.connections
        ));
        let (cancel, allowance) = (Arc::default(), Arc::new(AtomicU64::new(shop.attempts_before(1))));
        let outside = (Arc::clone(&cancel), Arc::clone(&allowance));
        let plan = shop.buyers(arguments, at, listen, &token, outside);
        let buyers = Buyers::start(plan, cancel, allowance, arguments.json);
        Ok(Stage { shop, teller, data, log, token, server, buyers, kills: 0, cpu_s: 0.0 })
    }

    /// A delivery, its sale, a kill in the middle of it, and again, until the last delivery is there.
    fn sell(&mut self) -> Result<(), RunError> {
        let shop = self.shop;
        let keys_of = |part: usize| shop.deliveries[part].end - shop.deliveries[part].start;
        let mut used_before = 0;
        for next in 1..shop.deliveries.len() {
            let attempts = shop.attempts_before(next);
            let used = self.wait_until_used(used_before + keys_of(next - 1) / 4, attempts)?;
            self.kill(used)?;
            self.buyers.wait_for(attempts)?;
            used_before = self.used()?;
            shop.deliver(self.server.listen, &self.token, next)?;
            self.teller.tell(format_args!("delivery {}: {} keys", next + 1, keys_of(next)));
            self.buyers.allowance.store(shop.attempts_before(next + 1), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Kills the server, and starts it again.
    fn kill(&mut self, used: u64) -> Result<(), RunError> {
        let (listen, further) = (self.server.listen, self.server.arguments().to_vec());
        self.cpu_s += self.server.kill_now();
        self.kills += 1;
        self.teller.tell(format_args!("kill -9 at {used} keys held and sold"));
        self.server = ServerProcess::start_again(&self.data, listen, &further, &self.log)?;
        self.teller.tell(format_args!("server is back: log replayed, recounted, serving"));
        Ok(())
    }

    /// Keys held and sold.
    fn used(&self) -> Result<u64, RunError> {
        on_client(self.server.listen, &self.token, async |client| {
            let shown = client.stock_show(client.stock_id(STOCK)?).await?;
            Ok(shown.held + shown.consumed)
        })
    }

    /// Asks until so many keys are held and sold, or the buyers have made so many attempts. Answers the keys.
    fn wait_until_used(&mut self, goal: u64, attempts: u64) -> Result<u64, RunError> {
        let buyers = &mut self.buyers;
        on_client(self.server.listen, &self.token, async |client| {
            let stock = client.stock_id(STOCK)?;
            let (mut seen, mut since) = (0, Instant::now());
            loop {
                let shown = client.stock_show(stock).await?;
                let used = shown.held + shown.consumed;
                if used >= goal || buyers.have_made(attempts) {
                    return Ok(used);
                }
                if used != seen {
                    (seen, since) = (used, Instant::now());
                } else if since.elapsed() > PATIENCE {
                    return Err(RunError::Other("the buyers stand still".into()));
                }
            }
        })
    }

    /// The end of the sale, and what proves it.
    fn finish(self) -> Result<(LoadReport, Proof), RunError> {
        let loaded = self.buyers.finish()?;
        let replaced = debts::replace(self.shop, self.server.listen, &self.token)?;
        self.teller
            .tell(format_args!("{replaced} bad keys had no other in their places: these are here now"));
        self.teller
            .tell(format_args!("sale is over; fetching every key again, repeating half of all operations"));
        let plan = CheckPlan { repeat_share: 0.5, ..CheckPlan::new(self.server.listen, self.token.clone()) };
        let checked =
            check(&loaded.ledger, &plan, |_, _| {}).map_err(|error| RunError::Other(error.to_string()))?;
        self.teller.tell(format_args!("keys are gone: {} more buyers pay and wait", self.shop.restocked()));
        let debts = debts::run(self.shop, self.server.listen, &self.token, replaced)?;
        self.teller
            .tell(format_args!("restock: {} keys to those who wait, the oldest first", debts.restocked));
        let driver = self.server.driver.clone();
        let cpu_s = self.cpu_s + self.server.stop()?;
        self.teller.tell(format_args!("walking the whole log, with a look after every event"));
        let walked = walk_all(&self.data)?;
        let (kills, took) = (self.kills, self.teller.elapsed());
        let proof = Proof { checked, debts, walked, kills, driver, cpu_s, took };
        Ok((loaded, proof))
    }
}

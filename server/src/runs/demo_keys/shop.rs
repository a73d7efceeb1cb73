//! The shop of the demo: its stock of card keys, what each channel may take of it, and the buyers that come.

use crate::cli::KeysDemoArgs;
use crate::runs::import::{Batch, import};
use crate::runs::processes::{RunError, system};
use scrip_client::{
    ChannelId, Client, ClientOptions, MerchantId, Quota, Slot, StockCreate, StockId, StockKind, StockQuota,
    StockTerms, channel_id,
};
use scrip_loadgen::{CardTexts, CheckoutShares, LedgerMode, LoadPlan, Pace, Profile, Stop, Work};
use scrip_protocol::secret::Token;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

/// The stock's name.
pub const STOCK: &str = "games";
/// Draws the texts of its keys: the same ones each time, for a stock that is new each time.
const SEED: u64 = 0x6a3e;
/// Keys of the restock: a hundredth of all, within these.
const RESTOCK_MIN: u64 = 20;
const RESTOCK_MAX: u64 = 200;
/// Keys that one buyer may have.
const LIMIT_PER_USER: u32 = 3;
/// What becomes of the buyers; who is left over reserves, thinks and pays.
const SHARES: CheckoutShares = CheckoutShares {
    buy: 0.40,
    buy_again: 0.10,
    hidden: 0.06,
    replace: 0.02,
    sell: 0.01,
    abandon: 0.04,
    retry: 0.05,
    retry_later: 0.02,
    twice: 0.02,
    late: 0.02,
    cut: 0.000_05,
    release: 0.03,
    extend: 0.01,
    give_back: 0.03,
    partial: 0.02,
    lines_min: 1,
    lines_max: 1,
    units_max: 2,
    think: Duration::from_millis(20),
    late_by: Duration::from_millis(20),
    exponent: 0.0,
    open_max: 50_000,
};

/// One channel of the shop.
#[derive(Debug, Clone)]
pub struct Door {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub channel: ChannelId,
    /// Keys guaranteed.
    pub guaranteed: u64,
    /// The most it may have; none: no maximum.
    pub cap: Option<u64>,
    /// Whether the guarantee lapses in the middle.
    pub lapses: bool,
    /// Share of the buyers.
    share: f64,
}

/// The shop.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Its texts.
    pub texts: CardTexts,
    /// Deliveries: one for each life of the server.
    pub deliveries: Vec<Range<u64>>,
    /// Its channels, in ascending order of their numbers.
    pub doors: Vec<Door>,
    attempts: u64,
    seconds: u32,
}

/// What the server told when the shop was opened.
#[derive(Debug, Clone, Copy)]
pub struct Address {
    merchant: MerchantId,
    slot: Slot,
    stock: StockId,
}

impl Shop {
    /// The shop that these arguments ask for.
    ///
    /// # Errors
    /// If there would be too few buyers to sell it out.
    pub fn new(arguments: &KeysDemoArgs) -> Result<Shop, RunError> {
        let KeysDemoArgs { keys, attempts, seconds, kills, .. } = *arguments;
        if attempts < 10 * keys {
            let least = 10 * keys;
            return Err(RunError::Other(format!(
                "{attempts} attempts are too few to sell out {keys} keys: give --attempts {least} or more"
            )));
        }
        let parts = u64::from(kills) + 1;
        let deliveries: Vec<Range<u64>> =
            (0..parts).map(|part| keys * part / parts..keys * (part + 1) / parts).collect();
        let first = deliveries[0].end;
        // Few come to the channel whose guarantee lapses: half of it is left when its time has come.
        let guaranteed = first * 2 / 5;
        let rare = (guaranteed as f64 / attempts as f64).min(0.25);
        let door = |name, share, guaranteed, cap, lapses| Door {
            name,
            channel: channel_id(name).expect("a well-known channel"),
            guaranteed,
            cap,
            lapses,
            share,
        };
        let rest = 1.0 - rare;
        let doors = vec![
            door("own", 0.3 * rest, 0, None, false),
            door("mini", rare, guaranteed, None, true),
            door("taobao", 0.5 * rest, 0, Some(keys * 35 / 100), false),
            door("pdd", 0.2 * rest, first / 5, Some(keys * 30 / 100), false),
        ];
        Ok(Shop { texts: CardTexts { seed: SEED, count: keys }, deliveries, doors, attempts, seconds })
    }

    /// Attempts that may have been made before the delivery behind this one is there.
    pub fn attempts_before(&self, next: usize) -> u64 {
        self.attempts * next as u64 / self.deliveries.len() as u64
    }

    /// Makes the stock, brings the first delivery and sets the quotas: the lapse is half the sale away.
    ///
    /// # Errors
    /// [`RunError`], if the server refuses.
    pub fn open(&self, server: SocketAddr, token: &Token) -> Result<Address, RunError> {
        on_client(server, token, async |client| {
            let stock = client.stock_id(STOCK)?;
            let terms =
                StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: LIMIT_PER_USER, frozen: false };
            let create = StockCreate::new(client.operation(), stock, STOCK, 0);
            client.stock_create(StockCreate { terms, kind: StockKind::Keys, ..create }).await?;
            self.bring(client, 0).await?;
            let operation = client.operation();
            let lapses_ms = operation.id.embedded_ms() + u64::from(self.seconds) * 500;
            let limited = self.doors.iter().filter(|door| door.guaranteed > 0 || door.cap.is_some());
            let quotas = limited
                .map(|door| {
                    let cap = door.cap.unwrap_or(Quota::NO_CAP);
                    Quota::new(door.channel, door.guaranteed, cap, if door.lapses { lapses_ms } else { 0 })
                })
                .collect();
            client.stock_quota(StockQuota { operation, stock, version: 1, quotas }).await?;
            Ok(Address { merchant: client.welcome().merchant, slot: client.home_slot(), stock })
        })
    }

    /// Brings a delivery.
    ///
    /// # Errors
    /// [`RunError`], if the server refuses, or has one of the keys already.
    pub fn deliver(&self, server: SocketAddr, token: &Token, part: usize) -> Result<(), RunError> {
        on_client(server, token, async |client| self.bring(client, part).await)
    }

    /// Keys of the restock, and so the debts before it.
    pub fn restocked(&self) -> u64 {
        (self.texts.count / 100).clamp(RESTOCK_MIN, RESTOCK_MAX)
    }

    /// Brings the first or the second half of the restock.
    ///
    /// # Errors
    /// [`RunError`], if the server refuses, or has one of the keys already.
    pub async fn restock(&self, client: &Client, half: u32) -> Result<(), RunError> {
        let (begin, middle, keys) = (self.texts.count, self.restocked().div_ceil(2), self.restocked());
        let numbers = if half == 0 { begin..begin + middle } else { begin + middle..begin + keys };
        let number = self.deliveries.len() as u32 + 1 + half;
        import(client, STOCK, &Batch { number, supplier: "acme", texts: self.known() }, numbers).await
    }

    /// The texts that may come up: those for sale, those of the restock, those that take bad ones' places.
    fn known(&self) -> CardTexts {
        let count = self.texts.count;
        CardTexts { count: count + self.restocked() + count / 10 + RESTOCK_MAX, ..self.texts }
    }

    /// Brings so many keys for buyers whose bad keys are void and have none in their places yet.
    ///
    /// # Errors
    /// [`RunError`], if the server refuses, or they are more than there are texts.
    pub async fn replace(&self, client: &Client, keys: u64) -> Result<(), RunError> {
        let (begin, texts) = (self.texts.count + self.restocked(), self.known());
        if begin + keys > texts.count {
            return Err(RunError::Other(format!("{keys} replacements are owed, more than can be")));
        }
        let number = self.deliveries.len() as u32 + 3;
        import(client, STOCK, &Batch { number, supplier: "acme", texts }, begin..begin + keys).await
    }

    async fn bring(&self, client: &Client, part: usize) -> Result<(), RunError> {
        let batch = Batch { number: part as u32 + 1, supplier: "acme", texts: self.texts };
        import(client, STOCK, &batch, self.deliveries[part].clone()).await
    }

    /// The buyers.
    pub fn buyers(
        &self,
        arguments: &KeysDemoArgs,
        at: Address,
        server: SocketAddr,
        token: &Token,
        (cancel, allowance): (Arc<AtomicBool>, Arc<AtomicU64>),
    ) -> LoadPlan {
        let Address { merchant, slot, stock } = at;
        LoadPlan {
            profile: Profile::Checkout(SHARES),
            work: Work::Checkout,
            channels: self.doors.iter().map(|door| (door.channel, door.share)).collect(),
            cards: Some(self.known()),
            pace: Pace::Open { per_second: self.attempts as f64 / f64::from(self.seconds) },
            connections: arguments.connections,
            batch: arguments.batch,
            outstanding: 2,
            stop: Stop {
                attempts: Some(self.attempts),
                seconds: None,
                until_sold_out: false,
                warm_up: Duration::ZERO,
                drain: Duration::from_secs(10),
            },
            // Together they may have half as much again as there is, so that some meet their limit and all is sold.
            users: (self.texts.count / 2).max(1),
            ttl_ms: (self.seconds * 100).clamp(500, 3_000),
            ledger: LedgerMode::Full,
            reconnect: true,
            reconnect_for: Duration::from_secs(60),
            cancel: Some(cancel),
            allowance: Some(allowance),
            ..LoadPlan::new(server, token.clone(), merchant, slot, vec![stock])
        }
    }

    /// Memory that the server needs for the sale: some holds for each key, and those of refusals that are kept.
    pub fn memory_bytes(&self) -> u64 {
        (512 << 20_u64).max(self.texts.count * 2_048 + self.attempts * 8)
    }
}

/// Does something with a client of its own.
///
/// # Errors
/// What it answers, or that there is no connection.
pub fn on_client<T>(
    server: SocketAddr,
    token: &Token,
    work: impl AsyncFnOnce(&Client) -> Result<T, RunError>,
) -> Result<T, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("starting a runtime"))?;
    runtime.block_on(async {
        let client = Client::connect(server.to_string(), ClientOptions::new(token.clone())).await?;
        let result = work(&client).await;
        client.close().await;
        result
    })
}

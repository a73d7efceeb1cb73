//! The end of the demo's sale: keys are gone, buyers pay all the same and wait, and a restock serves them.
//!
//! It comes after the buyers' own ledger was checked, whose sums it would upset. Half of the restock comes first, so that some
//! debts are settled while others wait: that is where an order can be seen. Invariant: what must be so is said in words in
//! `failures` where it is not; that no debt has overtaken another is the walk's to say.

use super::shop::{STOCK, Shop, on_client};
use crate::runs::processes::RunError;
use scrip_client::{ChannelId, Client, Code, Error, Line, Sell, Sold, StockId, channel_id};
use scrip_protocol::secret::Token;
use std::collections::HashSet;
use std::net::SocketAddr;

/// How long the buyers wait: longer than the demo.
const WAIT_MS: u64 = 3_600_000;
/// Channels that they come from: those without a cap.
const DOORS: [&str; 2] = ["own", "mini"];

/// What became of those who paid when keys were gone.
#[derive(Debug, Default)]
pub struct Debts {
    /// Sold at once: a hold had run out, and a key was there.
    pub at_once: u64,
    /// Owed.
    pub owed: u64,
    /// Sold before the whole restock was there.
    pub sold_by_half: u64,
    /// Keys that took the places of bad ones, when no others were left.
    pub replaced: u64,
    /// Keys of the restock.
    pub restocked: u64,
    /// What was not as it must be.
    pub failures: Vec<String>,
}

impl Debts {
    /// Keys that went to them.
    pub fn sold(&self) -> u64 {
        self.at_once + self.owed
    }

    fn must(&mut self, so: bool, words: impl FnOnce() -> String) {
        if !so {
            self.failures.push(words());
        }
    }
}

/// Brings as many keys as replacements are owed: bad keys of which buyers were rid when no others were left. Answers how many.
///
/// # Errors
/// [`RunError`], if the server refuses, or a replacement is owed after that.
pub fn replace(shop: &Shop, server: SocketAddr, token: &Token) -> Result<u64, RunError> {
    on_client(server, token, async |client| {
        let stock = client.stock_id(STOCK)?;
        let owed = u64::from(client.owed_show(stock, 0).await?.total);
        if owed > 0 {
            shop.replace(client, owed).await?;
        }
        match client.owed_show(stock, 0).await?.total {
            0 => Ok(owed),
            left => Err(RunError::Other(format!("{left} of {owed} replacements are owed though keys came"))),
        }
    })
}

/// Lets buyers pay for what is gone, brings the restock, and asks what became of each.
///
/// # Errors
/// [`RunError`], if the server refuses what it must not.
pub fn run(shop: &Shop, server: SocketAddr, token: &Token, replaced: u64) -> Result<Debts, RunError> {
    on_client(server, token, async |client| {
        let stock = client.stock_id(STOCK)?;
        let mut debts = Debts { replaced, restocked: shop.restocked(), ..Debts::default() };
        let waiting = pay(shop, client, stock, &mut debts).await?;
        shop.restock(client, 0).await?;
        let (sold, in_order) = ask(client, &waiting, &mut HashSet::new()).await?;
        debts.sold_by_half = sold;
        debts.must(in_order, || "a debt waits that is older than one that was settled".into());
        debts.must(sold >= debts.restocked / 2, || {
            format!("{sold} debts were settled by half of the restock")
        });
        let passed = newcomer(client, stock).await?;
        debts.at_once += u64::from(passed);
        let all = sold == debts.owed;
        debts.must(all || !passed, || "a new buyer was served before those who wait".into());
        shop.restock(client, 1).await?;
        let mut texts = HashSet::new();
        let (sold, _) = ask(client, &waiting, &mut texts).await?;
        let owed = debts.owed;
        debts.must(sold == owed, || format!("{sold} of {owed} debts were settled"));
        let different = texts.len() as u64;
        debts.must(different == sold, || format!("{sold} debts were settled with {different} keys"));
        Ok(debts)
    })
}

/// Paid sales, one key each, until as many are owed as the restock will have keys.
async fn pay(
    shop: &Shop,
    client: &Client,
    stock: StockId,
    debts: &mut Debts,
) -> Result<Vec<(ChannelId, Sell)>, RunError> {
    let mut waiting = Vec::new();
    // More than are left can't be sold at once.
    for number in 0..shop.texts.count + debts.restocked {
        if debts.owed == debts.restocked {
            break;
        }
        let name = DOORS[(number % 2) as usize];
        let channel = channel_id(name).expect("a well-known channel");
        let operation = client.operation();
        let sell = Sell {
            user: client.user_id(&format!("waits-{number}"))?,
            order: client.order_id(&format!("waits-{number}"))?,
            paid: true,
            wait_until_ms: operation.id.embedded_ms() + WAIT_MS,
            ..Sell::new(operation, vec![Line::new(stock, 1)])
        };
        match client.on_channel(channel).sell(sell.clone()).await? {
            Sold::Confirmed(_) => debts.at_once += 1,
            Sold::Owed(_) => {
                debts.owed += 1;
                waiting.push((channel, sell));
            }
        }
    }
    Ok(waiting)
}

/// Repeats each sale under its id: how many are sold by now, and whether these are the oldest. Their keys' texts go to `texts`.
async fn ask(
    client: &Client,
    waiting: &[(ChannelId, Sell)],
    texts: &mut HashSet<String>,
) -> Result<(u64, bool), RunError> {
    let (mut sold, mut one_waits, mut in_order) = (0, false, true);
    for (channel, sell) in waiting {
        match client.on_channel(*channel).sell(sell.clone()).await? {
            Sold::Owed(_) => one_waits = true,
            Sold::Confirmed(confirmed) => {
                sold += 1;
                in_order &= !one_waits;
                let keys = confirmed.keys.keys.iter().filter_map(|key| key.text.as_ref());
                texts.extend(keys.map(|text| text.reveal().to_owned()));
            }
        }
    }
    Ok((sold, in_order))
}

/// Whether somebody who comes now and does not wait is served.
async fn newcomer(client: &Client, stock: StockId) -> Result<bool, RunError> {
    let user = client.user_id("comes-late")?;
    let sell = Sell { user, ..Sell::new(client.operation(), vec![Line::new(stock, 1)]) };
    let channel = channel_id(DOORS[0]).expect("a well-known channel");
    match client.on_channel(channel).sell(sell).await {
        Ok(_) => Ok(true),
        Err(Error::Rejected(rejection)) if rejection.code == Code::OutOfStock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

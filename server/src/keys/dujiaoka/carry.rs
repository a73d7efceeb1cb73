//! Carries keys over: stocks and batches made when the first key needs them, unsold keys in chunks, sold ones order by order.
//!
//! Keys are sold in the order of batches and imports, so an order's own keys can be bound to it: they are imported into a batch
//! that is sold first, and sold at once, before anything else is; its loop keys are further lines of the sale (`loops`). Invariants: every operation's id comes from the files, their
//! place in them and the time when the import began, so whatever is repeated is done once; a sale that bound another key than
//! the order's own ends the import; a sold key that was imported and not yet sold (because the import was given up) expires
//! with its batch and is never for sale for good.

use super::super::chunk::Chunk;
use super::super::resume::Ids;
use super::super::{Failure, KeysError, show};
use super::books::{LoopKey, names_an_operation};
use super::loops::Offered;
use super::report::{Key, Report};
use scrip_client::{
    BatchCreate, BatchState, ChannelId, Client, Code, Error, KeysImport, KeysShown, Line, Operation, Sell,
    StockCreate, StockId, StockKind,
};
use std::collections::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use tokio::task::JoinHandle;

/// Chunks on their way at once.
const CHUNKS_UNDER_WAY_MAX: usize = 32;
/// How long keys of the batch of sold ones may wait for their sale. The server remembers operations no longer either.
pub(super) const SOLD_EXPIRES_MS: u64 = 24 * 3_600 * 1_000;
/// Kinds of operations: each has numbers of its own.
const OF_STOCK: u64 = 1 << 56;
const OF_SOLD_BATCH: u64 = 2 << 56;
const OF_BATCH: u64 = 3 << 56;
const OF_CHUNK: u64 = 4 << 56;
const OF_SALE: u64 = 5 << 56;
pub(super) const OF_LOOP_STOCK: u64 = 6 << 56;
pub(super) const OF_LOOP_BATCH: u64 = 7 << 56;
pub(super) const OF_LOOP: u64 = 8 << 56;
pub(super) const OF_LOOP_SUPPLY: u64 = 9 << 56;

/// A stock that keys go to.
struct Stock {
    id: StockId,
    sold_batch: bool,
    batch: bool,
    /// Unsold keys that are not on their way yet.
    pending: Chunk,
    /// Those of them whose text stands in a row before, a bit each.
    seen: u64,
}

/// A chunk on its way: its stock's goods, which of its keys were seen before, and the answer.
struct Sent {
    seen: u64,
    answer: JoinHandle<(Chunk, Result<u64, Error>)>,
}

/// What carries keys to a server.
pub struct Carrier<'a> {
    pub(super) client: &'a Client,
    pub(super) ids: Ids,
    /// When the import began.
    pub(super) created_ms: u64,
    channel: ChannelId,
    stocks: HashMap<i64, Stock>,
    /// Loop keys by their rows, once they are in their stocks.
    pub(super) offered: HashMap<i64, Offered>,
    under_way: VecDeque<Sent>,
    /// Of the next chunk and the next sale.
    next: u64,
}

/// An order to be sold again, or what stands for one.
pub struct Sale<'a> {
    /// What it is found by.
    pub number: &'a str,
    /// Who bought.
    pub email: Option<&'a str>,
}

/// What an order has bought.
pub struct Bought<'a> {
    /// Keys of its own.
    pub keys: &'a [&'a str],
    /// Texts that serve many buyers, and how often each.
    pub loops: &'a [(LoopKey<'a>, u32)],
}

/// What became of an order.
pub struct Sold {
    /// Which of its own keys are new.
    pub taken: Vec<bool>,
    /// Whether anything of it was.
    pub any: bool,
}

impl Sold {
    /// As it would be, as far as is known without a server.
    pub fn of(taken: Vec<bool>, loops: bool) -> Sold {
        let any = taken.contains(&true) || taken.is_empty() && loops;
        Sold { taken, any }
    }
}

/// Lines of a sale, and the texts it must bind, in their order.
#[derive(Default)]
struct Lines<'a> {
    lines: Vec<Line>,
    texts: Vec<&'a str>,
}

impl<'a> Lines<'a> {
    fn add(&mut self, stock: StockId, own: impl Iterator<Item = &'a str>) {
        let before = self.texts.len();
        self.texts.extend(own);
        let units = u32::try_from(self.texts.len() - before).unwrap_or(u32::MAX);
        if units > 0 {
            self.lines.push(Line::new(stock, units));
        }
    }

    fn add_loop(&mut self, stock: StockId, units: u32, text: &'a str) {
        self.lines.push(Line::new(stock, units));
        self.texts.push(text);
    }
}

impl<'a> Carrier<'a> {
    /// A carrier for an import with these ids.
    pub fn new(client: &'a Client, ids: Ids, channel: ChannelId) -> Carrier<'a> {
        let created_ms = ids.batch().created_ms;
        let (stocks, offered, under_way) = Default::default();
        Carrier { client, ids, created_ms, channel, stocks, offered, under_way, next: 0 }
    }

    /// The numbers of the batches for sold and unsold keys, taken from the import's ids: those of another import differ.
    pub(super) fn batches(&self) -> [u32; 2] {
        let number = (self.ids.batch().id.0 as u32) >> 2 | 1;
        [number, number + 1]
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The stock of these goods, made if it is not there.
    async fn stock(&mut self, goods: i64, name: &str) -> Result<&mut Stock, Failure> {
        let expires_ms = self.created_ms + SOLD_EXPIRES_MS;
        match self.stocks.entry(goods) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(place) => {
                let id = self.client.stock_id(name)?;
                let operation = self.ids.chunk(OF_STOCK | goods.unsigned_abs());
                let create =
                    StockCreate { kind: StockKind::Keys, ..StockCreate::new(operation, id, name, 0) };
                match self.client.stock_create(create).await {
                    Err(Error::Rejected(rejection)) if rejection.code == Code::RuleFailed => {
                        check_existing(self.client, id, name, expires_ms).await?;
                    }
                    made => drop(made?),
                }
                check_debts(self.client, id, name).await?;
                let pending = Chunk::default();
                Ok(place.insert(Stock { id, sold_batch: false, batch: false, pending, seen: 0 }))
            }
        }
    }

    pub(super) async fn create_batch(
        &self,
        operation: Operation,
        stock: StockId,
        batch: u32,
        expires_ms: u64,
    ) -> Result<(), Failure> {
        let supplier = if expires_ms == 0 { "dujiaoka" } else { "dujiaoka, sold there" };
        let create = BatchCreate { operation, stock, batch, supplier: supplier.into(), cost: 0, expires_ms };
        self.client.batch_create(create).await?;
        Ok(())
    }

    /// Imports what an order has bought and sells of it what is new.
    pub async fn sell(
        &mut self,
        (goods, name): (i64, &str),
        bought: &Bought<'_>,
        sale: &Sale<'_>,
    ) -> Result<Sold, Failure> {
        let keys = bought.keys;
        let mut lines = Lines::default();
        let mut taken = Vec::with_capacity(keys.len());
        if !keys.is_empty() {
            let stock = self.import_sold((goods, name), keys, &mut taken).await?;
            let own = keys.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(key, _)| *key);
            lines.add(stock, own);
        }
        // An order that has keys of its own goes by them: if they were here before, so was the order.
        let is_new = keys.is_empty() || taken.contains(&true);
        for (key, units) in bought.loops.iter().filter(|_| is_new) {
            if let Some(stock) = self.offer_to_order(key, *units).await? {
                lines.add_loop(stock, *units, key.text);
            }
        }
        let any = !lines.lines.is_empty();
        if any {
            self.sell_own(name, lines, sale).await?;
        }
        Ok(Sold { taken, any })
    }

    /// Imports an order's keys into the batch of sold ones, and says which were taken.
    async fn import_sold(
        &mut self,
        (goods, name): (i64, &str),
        keys: &[&str],
        taken: &mut Vec<bool>,
    ) -> Result<StockId, Failure> {
        let ([batch, _], expires_ms) = (self.batches(), self.created_ms + SOLD_EXPIRES_MS);
        let stock = self.stock(goods, name).await?;
        let (id, has_batch) = (stock.id, std::mem::replace(&mut stock.sold_batch, true));
        if !has_batch {
            let operation = self.ids.chunk(OF_SOLD_BATCH | goods.unsigned_abs());
            self.create_batch(operation, id, batch, expires_ms).await?;
        }
        let mut chunk = Chunk::default();
        for (position, key) in keys.iter().enumerate() {
            chunk.push(position as u64, key);
            let full = keys.get(position + 1).is_none_or(|next| !chunk.has_room(next));
            if full {
                let number = self.number();
                let operation = self.ids.chunk(OF_CHUNK | number);
                let import = KeysImport { operation, stock: id, batch, keys: &chunk.keys() };
                let bits = self.client.keys_import(import).await?.taken;
                taken.extend((0..chunk.lines().len()).map(|bit| bits >> bit & 1 == 1));
                chunk.clear();
            }
        }
        Ok(id)
    }

    async fn sell_own(&mut self, name: &str, lines: Lines<'_>, sale: &Sale<'_>) -> Result<(), Failure> {
        let number = self.number();
        let operation = if names_an_operation(sale.number) {
            Operation { id: self.client.operation_id(sale.number)?, created_ms: self.created_ms }
        } else {
            self.ids.chunk(OF_SALE | number)
        };
        let user = sale.email.map(|email| self.client.user_id(email)).transpose()?.unwrap_or_default();
        let order = self.client.order_id(sale.number)?;
        let Lines { lines, texts } = lines;
        let request = Sell { order, user, ..Sell::new(operation, lines) };
        let client = self.client.on_channel(self.channel).labelled(sale.number);
        let sold = client.sell(request).await?;
        // It does not wait, so it is sold.
        if sold.confirmed().is_none_or(|sold| bound_others(&sold.keys, &texts)) {
            return Err(KeysError::Wish(format!(
                "the stock {name:?} was sold from while it was imported, and an order got another's key: hold `scrip keys \
                 show {}`. Let nobody sell from it before the import is done",
                sale.number
            ))
            .into());
        }
        Ok(())
    }

    /// Puts an unsold key on its way; `seen` is whether its text stands in a row before.
    pub async fn supply(
        &mut self,
        (goods, name): (i64, &str),
        (id, key): (i64, &str),
        seen: bool,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let stock = self.stock(goods, name).await?;
        if !stock.pending.has_room(key) {
            self.send(goods, report).await?;
        }
        let stock = self.stock(goods, name).await?;
        stock.seen |= u64::from(seen) << stock.pending.lines().len();
        stock.pending.push(id.unsigned_abs(), key);
        Ok(())
    }

    /// Sends what is pending, and waits for all answers.
    pub async fn finish(&mut self, report: &mut Report) -> Result<(), Failure> {
        // In an order of its own: numbers of chunks must not depend on chance.
        let mut goods: Vec<i64> = self.stocks.keys().copied().collect();
        goods.sort_unstable();
        for goods in goods {
            self.send(goods, report).await?;
        }
        while !self.under_way.is_empty() {
            self.answer(report).await?;
        }
        Ok(())
    }

    async fn send(&mut self, goods: i64, report: &mut Report) -> Result<(), Failure> {
        let [_, batch] = self.batches();
        let stock = self.stocks.get_mut(&goods).expect("it was made before");
        if stock.pending.is_empty() {
            return Ok(());
        }
        let id = stock.id;
        if !std::mem::replace(&mut stock.batch, true) {
            let operation = self.ids.chunk(OF_BATCH | goods.unsigned_abs());
            self.create_batch(operation, id, batch, 0).await?;
        }
        if self.under_way.len() >= CHUNKS_UNDER_WAY_MAX {
            self.answer(report).await?;
        }
        let number = self.number();
        let operation = self.ids.chunk(OF_CHUNK | number);
        let stock = self.stocks.get_mut(&goods).expect("it was made before");
        let (chunk, seen) = (std::mem::take(&mut stock.pending), std::mem::take(&mut stock.seen));
        let client = self.client.clone();
        let answer = tokio::spawn(async move {
            let answer = {
                let keys = chunk.keys();
                client.keys_import(KeysImport { operation, stock: id, batch, keys: &keys }).await
            };
            (chunk, answer.map(|imported| imported.taken))
        });
        self.under_way.push_back(Sent { seen, answer });
        Ok(())
    }

    /// Waits for the first chunk under way, and counts its rows.
    async fn answer(&mut self, report: &mut Report) -> Result<(), Failure> {
        let Sent { seen, answer } = self.under_way.pop_front().expect("a chunk is under way");
        let (chunk, answer) = answer.await.expect("a call does not panic");
        let taken = answer?;
        for (position, &id) in chunk.lines().iter().enumerate() {
            let kind = match (taken >> position & 1, seen >> position & 1) {
                (1, _) => Key::InStock,
                (_, 1) => Key::Duplicate,
                _ => Key::AlreadyThere,
            };
            report.key(kind, i64::try_from(id).unwrap_or(i64::MAX));
        }
        Ok(())
    }
}

/// Whether a sale bound other keys than its own, as far as its answer shows.
fn bound_others(keys: &KeysShown, own: &[&str]) -> bool {
    keys.keys.iter().zip(own).any(|(key, own)| key.text.as_ref().is_none_or(|text| text.reveal() != *own))
}

fn in_the_way(name: &str, why: &str) -> Failure {
    Failure::from(KeysError::Wish(format!(
        "a stock {name:?} is there already, and {why}: import beside it with another --prefix"
    )))
}

/// The keys that orders had there would be given to those who wait for some.
async fn check_debts(client: &Client, stock: StockId, name: &str) -> Result<(), Failure> {
    match client.owed_show(stock, 0).await?.total {
        0 => Ok(()),
        _ => Err(in_the_way(name, "sales of it are owed keys")),
    }
}

/// A stock that was there before must have keys, and none that would be sold before those of an order.
async fn check_existing(client: &Client, stock: StockId, name: &str, expires_ms: u64) -> Result<(), Failure> {
    let in_the_way = |why| in_the_way(name, why);
    if !client.stock_show(stock).await?.kind.is_keys() {
        return Err(in_the_way("its units are no keys"));
    }
    let sooner = show::batches(client, stock).await?.into_iter().any(|batch| {
        batch.state == BatchState::Active
            && batch.unsold > 0
            && batch.expires_ms.is_some_and(|expires| expires <= expires_ms)
    });
    if sooner { Err(in_the_way("keys of it expire within a day")) } else { Ok(()) }
}

//! The walk over a whole log: every event is replayed by the engine and followed by books of its own, and after every
//! event both are held to the law.
//!
//! It stands beside recovery because it reads what recovery reads. Recovery trusts the engine's assertions and recounts
//! once, at the end; the walk trusts neither: [`Books`] count from the events alone, by the documented rules, and what
//! they count must keep the law and agree with the engine after each event. What it checks then, for every stock that
//! the event touched:
//!
//! * no channel has used more than its cap;
//! * what all guarantees have left unused is available;
//! * the channels together have used what is held and sold;
//! * the buckets add up to the total, and nothing is sold or held beyond it;
//! * buckets, channels and quotas of the engine are the same;
//! * no debt was settled before an older one on the same stock and channel that waits for that stock alone;
//! * no campaign has issued more cards, or for more money, than its definition allows, in all and on one day;
//! * no group has a member twice, gives cards to others than all its members, or holds on behind its deadline;
//! * no card was issued twice or used for more than it has, and no redemption reversed for more than it was;
//! * who is one person follows from the links that were made, and only those accept gifts for each other;
//! * no friend counts twice in an activity, and no referrer got more rewards than his friends have earned him;
//! * the shares of a cart's cards add up, and what goes back of it, to the buyer and to cards that paid, is its share;
//! * the card keys that the engine has bound to the hold are the next ones in the order of sale, and bound to no other.
//!
//! Further laws over events get a file of their own beside [`debts`] and a line in [`Walk::step`].

mod books;
mod budgets;
mod cards;
mod debts;
mod gifts;
mod given_codes;
mod groups;
mod persons;
mod quotes;
mod sharing;
mod stock;

pub use books::{Books, Lapse};
pub use stock::{ChannelBook, StockBook};

use crate::recovery::{FrameError, RecoveryError, for_each_event};
use books::HoldName;
use budgets::BudgetBooks;
use gifts::GiftBooks;
use given_codes::GivenCodeBooks;
use persons::PersonBooks;
use quotes::QuoteBooks;
use scrip_engine::Engine;
use scrip_engine::event::Event;
use scrip_engine::ids::{CardId, MerchantId, OperationId, OperationKey, Slot, StockId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::state::State;
use scrip_engine::state::channels::ChannelUse;
use scrip_engine::state::stock::Stock;
use scrip_wal::{Disk, ScanEnd, Scanner};
use sharing::SharingBooks;

/// Faults put into words; the others are counted.
const FAULTS_MAX: usize = 20;

/// What a walk has found, after so many events as there are.
#[derive(Debug, Default)]
pub struct Walk {
    /// The books.
    pub books: Books,
    gifts: GiftBooks,
    given_codes: GivenCodeBooks,
    persons: PersonBooks,
    quotes: QuoteBooks,
    sharing: SharingBooks,
    /// Events followed.
    pub events: u64,
    /// Looks at a stock after an event.
    pub looks: u64,
    /// Debts settled before an older one that they had to stand behind.
    pub debts_overtaken: u64,
    /// What was wrong, counted.
    pub faults: u64,
    /// Looks at which a channel had used more than its cap, or guarantees were not there.
    pub quotas_exceeded: u64,
    /// Card keys found bound to two holds.
    pub keys_bound_twice: u64,
    /// The first faults in words, each with its sequence.
    pub findings: Vec<String>,
    /// What campaigns have issued.
    budgets: BudgetBooks,
    /// By key number: the ordinal of the hold that it was found bound to; 0: none yet.
    owners: Vec<u32>,
}

/// A walk that came to the end of its log.
pub struct Walked {
    /// What it found.
    pub walk: Walk,
    /// The engine after the last event, recounted.
    pub engine: Engine,
    /// Where the log ends.
    pub end: ScanEnd,
}

/// Walks over the log of `shard` on `disk`. `progress` gets (bytes read, bytes in all). What is wrong with the sale stands
/// in the walk; an error means that the log can't be read, or that the last recount failed.
///
/// # Errors
/// See [`RecoveryError`].
///
/// # Panics
/// If an intact event contradicts the engine's state.
pub fn walk<D: Disk>(
    disk: &D,
    shard: u32,
    capacity: Capacity,
    hash_seed: u64,
    progress: impl FnMut(u64, u64),
) -> Result<Walked, RecoveryError> {
    let mut engine = Engine::new(capacity, Rules::default(), hash_seed);
    let mut walk = Walk::default();
    let end = Scanner::new(disk, shard).on_progress(progress).run(|header, payload| {
        for_each_event(header, payload, |sequence, event| {
            engine.apply(event);
            walk.step(sequence, event, engine.state());
        })
        .map_err(|error: FrameError| error)
    })?;
    engine.recount()?;
    Ok(Walked { walk, engine, end })
}

impl Walk {
    /// Follows an event that the engine has just applied, and looks at what it touched.
    pub fn step(&mut self, sequence: u64, event: &Event<'_>, state: &State) {
        self.books.follow(sequence, event);
        self.events += 1;
        if let Some(words) = self.persons.follow(event, state) {
            self.fault(sequence, || words);
        }
        if let Some(words) = self.gifts.follow(event, state, &self.persons) {
            self.fault(sequence, || words);
        }
        if let Some(words) = self.given_codes.follow(event, state) {
            self.fault(sequence, || words);
        }
        let cards = &self.books.cards;
        if let Some(words) = self.quotes.follow(event, |card| cards.is_lost(card)) {
            self.fault(sequence, || words);
        }
        let redeemed = core::mem::take(&mut self.books.cards.redeemed);
        if let Some(words) = self.sharing.follow(event, &redeemed, state) {
            self.fault(sequence, || words);
        }
        let touched = core::mem::take(&mut self.books.touched);
        for stock in &touched {
            self.looks += 1;
            self.look_at_law(sequence, *stock);
            self.look_at_engine(sequence, *stock, state);
        }
        self.books.touched = touched;
        let bound = core::mem::take(&mut self.books.bound);
        for hold in &bound {
            self.look_at_keys(sequence, *hold, state);
        }
        self.books.bound = bound;
        if let Some(words) = self.budgets.follow(event, &self.books) {
            self.fault(sequence, || words);
        }
        if let Some(entered) = self.books.cards.entered.take() {
            self.look_at_card(sequence, entered, state);
        }
        for words in core::mem::take(&mut self.books.cards.wrong) {
            self.fault(sequence, || words);
        }
        for words in core::mem::take(&mut self.books.groups.wrong) {
            self.fault(sequence, || words);
        }
        for (debt, stock) in core::mem::take(&mut self.books.overtaking) {
            let debt = OperationId(debt.2);
            self.debts_overtaken += 1;
            self.fault(sequence, || format!("debt {debt} is settled before an older one on {stock}"));
        }
    }

    fn fault(&mut self, sequence: u64, words: impl FnOnce() -> String) {
        self.faults += 1;
        if self.findings.len() < FAULTS_MAX {
            self.findings.push(format!("sequence {sequence}: {}", words()));
        }
    }

    /// A card that was filled or paid back has what the books say.
    fn look_at_card(&mut self, sequence: u64, (id, given, used): (CardId, u64, u64), state: &State) {
        let found = state.find_card(id);
        let found = found.map(|found| (state.units_given(&found), u64::from(found.card.consumed)));
        if found != Some((given, used)) {
            self.fault(sequence, || {
                format!(
                    "card {id} was given {given} units, of which {used} are used; the engine says {found:?}"
                )
            });
        }
    }

    /// What the books count must keep the law.
    fn look_at_law(&mut self, sequence: u64, id: StockId) {
        let Some(book) = self.books.stocks.get(&id) else { return };
        let over = book.channels.iter().find(|(_, channel)| channel.used() > channel.cap);
        let over = over.map(|(channel, book)| (channel.0, *book));
        let (unused, available) = (book.unused_guarantees(), book.available);
        let used: u64 = book.channels.values().map(ChannelBook::used).sum();
        let (out, total) = (book.held + book.consumed, book.total);
        let sum = available + out + book.frozen + book.void;
        if let Some((channel, book)) = over {
            self.quotas_exceeded += 1;
            let (used, cap) = (book.used(), book.cap);
            self.fault(sequence, || format!("channel {channel} of {id} has used {used}, its cap is {cap}"));
        }
        if unused > available {
            self.quotas_exceeded += 1;
            self.fault(sequence, || {
                format!("{unused} units of {id} are guaranteed and unused, {available} available")
            });
        }
        if used != out {
            self.fault(sequence, || {
                format!("channels have used {used} units of {id}, {out} are held and sold")
            });
        }
        if sum != total || out > total {
            self.fault(sequence, || format!("the buckets of {id} hold {sum} units, its total is {total}"));
        }
    }

    /// The engine must have counted the same.
    fn look_at_engine(&mut self, sequence: u64, id: StockId, state: &State) {
        let Some(book) = self.books.stocks.get(&id) else { return };
        let Some(found) = state.find_stock(id).map(|handle| state.stock(handle)) else {
            return self.fault(sequence, || format!("the engine does not know stock {id}"));
        };
        if let Some(words) = difference(book, found) {
            self.fault(sequence, || format!("stock {id}: {words}"));
        }
    }

    /// The keys of a hold that has just got some.
    fn look_at_keys(&mut self, sequence: u64, name: HoldName, state: &State) {
        let Some(hold) = self.books.holds.get(&name) else { return };
        let operation = OperationId(name.2);
        let key = OperationKey { merchant: MerchantId(name.0), slot: Slot(name.1), operation };
        let Some(handle) = state.find_hold(&key, state.record_hash(&key), state.now_ms) else {
            return self.fault(sequence, || {
                format!("the engine does not know hold {operation}, which was given keys")
            });
        };
        let found: Vec<Vec<u32>> = state
            .lines(state.holds.get(handle))
            .map(|line| state.keys.line(state.keys_of(line)).map(|(key, _)| key.0).collect())
            .collect();
        let same = hold.lines.iter().map(|line| &line.keys).eq(&found);
        let (ordinal, ours): (u32, Vec<Vec<u32>>) =
            (hold.ordinal, hold.lines.iter().map(|line| line.keys.clone()).collect());
        for key in core::mem::take(&mut self.books.reclaimed) {
            // Nobody has seen it: the next one it is bound to is its first.
            if let Some(owner) = self.owners.get_mut(key as usize) {
                *owner = 0;
            }
        }
        let alone = |line: &usize| {
            let stock = self.books.stocks.get(&hold.lines[*line].stock);
            stock.is_some_and(|book| !book.reusable)
        };
        let owned: Vec<u32> = (0..found.len().min(hold.lines.len()))
            .filter(alone)
            .flat_map(|line| found[line].iter().copied())
            .collect();
        for key in &owned {
            let place = *key as usize;
            if self.owners.len() <= place {
                self.owners.resize(place + 1, 0);
            }
            let before = core::mem::replace(&mut self.owners[place], ordinal);
            if before != 0 && before != ordinal {
                self.keys_bound_twice += 1;
                self.fault(sequence, || {
                    format!("key {key} is bound to hold {operation}, and to another before")
                });
            }
        }
        if !same {
            self.fault(sequence, || {
                format!("hold {operation} was given keys {found:?}, the order of sale says {ours:?}")
            });
        }
    }
}

/// What the engine counts otherwise.
fn difference(book: &StockBook, stock: &Stock) -> Option<String> {
    let units = &stock.units;
    let buckets = [
        ("total", book.total, units.total),
        ("available", book.available, units.available),
        ("held", book.held, units.held),
        ("sold", book.consumed, units.consumed),
        ("frozen", book.frozen, units.frozen),
        ("void", book.void, units.void),
        ("marked frozen", book.marked_frozen, units.marked_frozen),
        ("marked void", book.marked_void, units.marked_void),
    ];
    if let Some((bucket, ours, engines)) = buckets.into_iter().find(|(_, ours, engines)| ours != engines) {
        return Some(format!("{engines} units are {bucket} by the engine, {ours} by the events"));
    }
    let counts = |found: &ChannelUse| (found.guaranteed, found.cap, found.held, found.consumed);
    let ours = |book: &ChannelBook| (book.guaranteed, book.cap, book.held, book.consumed);
    let list = stock.channels.list();
    let named = list.iter().map(|found| found.channel);
    for channel in named.chain(book.channels.keys().copied()) {
        let engines = stock.channels.find(channel).map_or(ours(&ChannelBook::NEW), counts);
        let ours = book.channels.get(&channel).map_or(ours(&ChannelBook::NEW), ours);
        if ours != engines {
            let channel = channel.0;
            return Some(format!(
                "channel {channel} has (guarantee, cap, held, sold) {engines:?} by the engine, {ours:?} by the events"
            ));
        }
    }
    None
}

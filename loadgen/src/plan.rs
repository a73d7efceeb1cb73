//! What a load is to be: where it goes, what it asks for, how fast, and when it ends. It stands first because every
//! other room reads it.
//!
//! Invariant: a plan that passed [`LoadPlan::check`] can be carried out by any server that accepts its token; what only
//! the server knows (its maxima, its stocks) is checked when the load connects.

use crate::cards::CardTexts;
use crate::error::LoadError;
use crate::purse::Purse;
use crate::storm::{CodeTable, Storm};
use scrip_engine::ids::{ChannelId, MerchantId, Slot, StockId};
use scrip_engine::limits::{
    CHANNELS_PER_STOCK_MAX, KEYS_PER_ANSWER_MAX, LINES_MAX, TTL_MAX_MS, UNITS_PER_LINE_MAX,
};
use scrip_protocol::limits::FRAME_BYTES_MAX;
use scrip_protocol::secret::Token;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

/// Frames in flight on one connection.
pub const OUTSTANDING_MAX: u32 = 4_096;
/// Connections of one load.
pub const CONNECTIONS_MAX: u32 = 50_000;
/// Threads of one load.
pub const THREADS_MAX: u32 = 64;
/// Lines of one checkout.
pub const CHECKOUT_LINES_MAX: usize = 3;
/// The longest time to live with which checkouts may be paid late: a load waits for it at its end.
pub const LATE_TTL_MAX_MS: u32 = 60_000;
/// Commands of one frame of checkouts.
pub const CHECKOUT_BATCH_MAX: u32 = 4_096;
/// Bytes of a RESERVE or SELL with one line on the wire.
pub const TAKE_BYTES: usize = 104;
/// Bytes more if it names parties.
pub const PARTIES_BYTES: usize = 32;
/// Bytes more of a SELL that waits.
pub const WAIT_BYTES: usize = 8;
/// Commands of one frame: as many one-line RESERVEs as the largest frame has room for.
pub const BATCH_MAX: u32 = (FRAME_BYTES_MAX - 32) / TAKE_BYTES as u32;
/// The same, if they wait.
pub const BATCH_WITH_WAIT_MAX: u32 = (FRAME_BYTES_MAX - 32) / (TAKE_BYTES + WAIT_BYTES) as u32;
/// The same, if they name parties.
pub const BATCH_WITH_PARTIES_MAX: u32 = (FRAME_BYTES_MAX - 32) / (TAKE_BYTES + PARTIES_BYTES) as u32;

const _: () = assert!(
    CHECKOUT_LINES_MAX <= LINES_MAX && BATCH_MAX < u16::MAX as u32 && OUTSTANDING_MAX < u16::MAX as u32
);

/// Everything a load needs to know. Start from [`LoadPlan::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// The server.
    pub address: SocketAddr,
    /// Who the load is.
    pub token: Token,
    /// The tenant its commands name.
    pub merchant: MerchantId,
    /// The slot its commands and stocks lie in.
    pub slot: Slot,
    /// The channel its commands name.
    pub channel: ChannelId,
    /// Checkouts: the channels they come from, each with its share of them (the shares add up to 1). Empty: all from
    /// `channel`.
    pub channels: Vec<(ChannelId, f64)>,
    /// The stocks are of card keys, and these are their texts: what is answered is compared with them.
    pub cards: Option<CardTexts>,
    /// Of [`Work::Claim`] and [`Work::Redeem`]: who asks for what of the campaign, which is the one stock.
    pub storm: Option<Storm>,
    /// The cards that checkouts bring along.
    pub purse: Option<Purse>,
    /// Codes by which its cards are named; `None`: by their ids. Not kept in the ledger.
    pub codes: Option<Arc<CodeTable>>,
    /// One: a hot stock. Several: spread as the profile says, evenly unless it is [`Profile::Zipf`].
    pub stocks: Vec<StockId>,
    /// How demand is spread over time and stocks.
    pub profile: Profile,
    /// What is asked for.
    pub work: Work,
    /// Closed or open loop.
    pub pace: Pace,
    /// TCP connections, over all threads.
    pub connections: u32,
    /// Commands per frame.
    pub batch: u32,
    /// Frames in flight per connection.
    pub outstanding: u32,
    /// Operating system threads; each runs one readiness loop over its share of the connections.
    pub threads: u32,
    /// When it ends.
    pub stop: Stop,
    /// Buyers to draw from at random; 0: every command has a buyer of its own.
    pub users: u64,
    /// Units each line asks for (checkouts: see [`CheckoutShares::units_max`]).
    pub units: u32,
    /// Whether RESERVE and SELL name an order (checkouts always do).
    pub orders: bool,
    /// Whether they name a device and an address, each drawn from as many as there are buyers.
    pub parties: bool,
    /// Time to live of holds in milliseconds; 0: the server's default.
    pub ttl_ms: u32,
    /// How long a SELL that finds too few units waits for them; 0: it is refused. Of [`Work::Sell`] alone.
    pub wait_ms: u32,
    /// With the same seed buyers, stocks and fates are drawn in the same order. Operation ids differ from run to run.
    pub seed: u64,
    /// What is remembered of the operations.
    pub ledger: LedgerMode,
    /// Whether connections that the server lost are made again.
    pub reconnect: bool,
    /// For how long, from the loss on.
    pub reconnect_for: Duration,
    /// Share of the operations in flight on a lost connection that are asked again under the same id (0 to 1). The
    /// others stay unknown until [`crate::check`] resolves them.
    pub retry_unknown: f64,
    /// Set from outside (Ctrl-C) to end the load early; it still drains and reports.
    pub cancel: Option<Arc<AtomicBool>>,
    /// How many of the attempts may be begun so far, raised from outside: for loads that wait for something else to happen
    /// in between. None: all of them.
    pub allowance: Option<Arc<AtomicU64>>,
}

/// How demand is spread over time and stocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Profile {
    /// All connections at once, the same pace throughout.
    Steady,
    /// Open loop: the pace grows in proportion to time until it is reached. Closed loop: connections join one by one.
    Ramp {
        /// How long that takes.
        over: Duration,
    },
    /// The doors open: connections join over a short time, and all of them want `stocks[0]`, far past sold out.
    Flash {
        /// How long the connections take to join.
        over: Duration,
    },
    /// Stock of rank r is wanted in proportion to 1 / r^exponent.
    Zipf {
        /// 0 is even; 1 is the classic.
        exponent: f64,
    },
    /// Whole checkouts with everything that goes wrong in them: the load for correctness.
    Checkout(CheckoutShares),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// RESERVE with one line.
    Reserve,
    /// RESERVE with one line, and CONFIRM of what was granted.
    ReserveConfirm {
        /// Time from the last answer of a RESERVE frame to its CONFIRM frame.
        after: Duration,
    },
    /// SELL with one line.
    Sell {
        /// Marked paid: refusals are recorded and final.
        paid: bool,
    },
    /// Checkouts; needs [`Profile::Checkout`].
    Checkout,
    /// CLAIM, as the plan's storm says.
    Claim,
    /// REDEEM, as the plan's storm says.
    Redeem,
}

/// Who waits for whom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// A new frame goes out as soon as one is answered. Latency counts from the actual send.
    Closed,
    /// Commands (checkouts: checkouts) have a schedule that does not wait for the server. Latency counts from the
    /// scheduled time of the frame, so that a stall is felt by all that should have been sent during it.
    Open {
        /// Over all threads.
        per_second: f64,
    },
}

/// When a load ends: at whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// RESERVEs or SELLs asked for, or checkouts begun, warm-up included. CONFIRMs and all that follows come on top.
    pub attempts: Option<u64>,
    /// Seconds after the warm-up.
    pub seconds: Option<f64>,
    /// End once answers are OUT_OF_STOCK and nothing else: 1,000 per stock in a row, at most a million.
    pub until_sold_out: bool,
    /// Not measured: its answers count in the ledger, not in rates and latencies.
    pub warm_up: Duration,
    /// How long answers (and checkouts under way) may still take after the end; what comes later is unknown.
    pub drain: Duration,
}

/// What is remembered of the operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerMode {
    /// Every acknowledged and every unknown operation, 64 bytes each.
    Full,
    /// Sums, and the operations of one frame in `one_in`.
    Counts {
        /// 0: of none.
        one_in: u32,
    },
}

/// What becomes of checkouts. Shares are of all checkouts (0 to 1); what is left over is reserved, thought about and
/// paid. A checkout has one fate; `partial` and the shapes of the cart are drawn beside it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CheckoutShares {
    /// Reserved and never paid.
    pub abandon: f64,
    /// RESERVE and CONFIRM asked again at once, each answer compared with the first.
    pub retry: f64,
    /// RESERVE and CONFIRM asked again after the sale.
    pub retry_later: f64,
    /// CONFIRM sent twice in one frame, as by two callbacks at once.
    pub twice: f64,
    /// Paid after the hold has expired; wants a short `ttl_ms`.
    pub late: f64,
    /// The socket is dropped with the RESERVE in flight (every other time in the middle of its frame).
    pub cut: f64,
    /// Released instead of paid.
    pub release: f64,
    /// The hold is extended before it is paid.
    pub extend: f64,
    /// Paid, then returned.
    pub give_back: f64,
    /// SELL marked paid instead of RESERVE and CONFIRM.
    pub sell: f64,
    /// SELL, not marked paid.
    pub buy: f64,
    /// The same, asked again at once and later.
    pub buy_again: f64,
    /// Card keys: confirmed without being shown, revealed, and both asked again.
    pub hidden: f64,
    /// Card keys: SELL, and the first key replaced; both asked again.
    pub replace: f64,
    /// Takes fewer units than asked, and pays for one unit fewer than held.
    pub partial: f64,
    /// Lines of a cart: from this on.
    #[serde(default = "one")]
    pub lines_min: u32,
    /// Lines of a cart: up to this.
    pub lines_max: u32,
    /// Units of a line: 1 to this.
    pub units_max: u32,
    /// Mean time between RESERVE and what follows; drawn evenly from half to one and a half of it.
    pub think: Duration,
    /// How long after its deadline a hold is paid late.
    pub late_by: Duration,
    /// Spread over the stocks, as in [`Profile::Zipf`]; 0: even.
    pub exponent: f64,
    /// Checkouts under way at a time on one thread.
    pub open_max: u32,
}

impl Default for CheckoutShares {
    fn default() -> CheckoutShares {
        CheckoutShares {
            abandon: 0.05,
            retry: 0.05,
            retry_later: 0.03,
            twice: 0.02,
            late: 0.03,
            cut: 0.000_2,
            release: 0.04,
            extend: 0.02,
            give_back: 0.03,
            sell: 0.05,
            buy: 0.0,
            buy_again: 0.0,
            hidden: 0.0,
            replace: 0.0,
            partial: 0.05,
            lines_min: 1,
            lines_max: CHECKOUT_LINES_MAX as u32,
            units_max: 2,
            think: Duration::from_millis(20),
            late_by: Duration::from_millis(20),
            exponent: 0.0,
            open_max: 50_000,
        }
    }
}

/// Ledgers written before there was a least number of lines.
const fn one() -> u32 {
    1
}

impl CheckoutShares {
    /// Two lines each; some are abandoned, some ask everything again; the others are paid.
    pub fn mixed() -> CheckoutShares {
        CheckoutShares {
            retry_later: 0.0,
            twice: 0.0,
            late: 0.0,
            cut: 0.0,
            release: 0.0,
            extend: 0.0,
            give_back: 0.0,
            sell: 0.0,
            partial: 0.0,
            lines_min: 2,
            lines_max: 2,
            units_max: 1,
            ..CheckoutShares::default()
        }
    }

    /// What checkouts with cards can't come to: what a sale marked paid, or given back, does to cards is no story of theirs.
    const fn without_cards(&self) -> [f64; 7] {
        [self.give_back, self.sell, self.buy, self.buy_again, self.hidden, self.replace, self.partial]
    }

    /// The shares that exclude each other, in the order fates are drawn in.
    pub(crate) const fn fates(&self) -> [f64; 14] {
        [
            self.abandon,
            self.retry,
            self.retry_later,
            self.twice,
            self.late,
            self.cut,
            self.release,
            self.extend,
            self.give_back,
            self.sell,
            self.buy,
            self.buy_again,
            self.hidden,
            self.replace,
        ]
    }

    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let shares = self.fates();
        if !shares.iter().chain([&self.partial]).all(|share| (0.0..=1.0).contains(share)) {
            return plan("a share of checkouts is not between 0 and 1: give shares as 0.05 for 5 %");
        }
        if shares.iter().sum::<f64>() > 1.0 {
            return plan("the shares of checkouts add up to more than 1: lower some of them");
        }
        let lines = self.lines_min..=self.lines_max;
        if lines.is_empty() || *lines.start() == 0 || *lines.end() > CHECKOUT_LINES_MAX as u32 {
            return plan("a checkout has 1 to 3 lines: set lines_min and lines_max to some of these");
        }
        if self.units_max == 0 || self.units_max > 1_000_000 {
            return plan("a line of a checkout asks for 1 to 1,000,000 units: set units_max within");
        }
        if self.open_max == 0 {
            return plan("no checkout could be under way: set open_max to at least 1");
        }
        exponent(self.exponent)
    }
}

impl LoadPlan {
    /// A steady closed loop of one-line RESERVEs: 16 connections, 64 commands per frame, 4 frames in flight on each,
    /// one thread, ten seconds after one of warm-up, every operation kept.
    pub fn new(
        address: SocketAddr,
        token: Token,
        merchant: MerchantId,
        slot: Slot,
        stocks: Vec<StockId>,
    ) -> LoadPlan {
        LoadPlan {
            address,
            token,
            merchant,
            slot,
            channel: ChannelId(1),
            channels: Vec::new(),
            cards: None,
            storm: None,
            purse: None,
            codes: None,
            stocks,
            profile: Profile::Steady,
            work: Work::Reserve,
            pace: Pace::Closed,
            connections: 16,
            batch: 64,
            outstanding: 4,
            threads: 1,
            stop: Stop {
                attempts: None,
                seconds: Some(10.0),
                until_sold_out: false,
                warm_up: Duration::from_secs(1),
                drain: Duration::from_secs(5),
            },
            users: 0,
            units: 1,
            orders: false,
            parties: false,
            ttl_ms: 0,
            wait_ms: 0,
            seed: 1,
            ledger: LedgerMode::Full,
            reconnect: false,
            reconnect_for: Duration::from_secs(60),
            retry_unknown: 0.5,
            cancel: None,
            allowance: None,
        }
    }

    /// Checks what can be checked without the server.
    pub fn check(&self) -> Result<(), LoadError> {
        self.check_sizes()?;
        if self.stocks.is_empty() {
            return plan("no stock is named: create one and give its id");
        }
        if let Some(stock) = self.stocks.iter().find(|stock| stock.slot() != self.slot) {
            let (there, here) = (stock.slot().0, self.slot.0);
            return Err(LoadError::Plan(format!(
                "stock {stock} lies in slot {there}, the load in slot {here}: name stocks of one slot"
            )));
        }
        if self.ttl_ms > TTL_MAX_MS {
            return plan("holds live at most 14,400,000 ms: lower ttl_ms");
        }
        if self.wait_ms > 0 && (self.parties || !matches!(self.work, Work::Sell { .. })) {
            return plan("only plain SELLs wait for units, and those without parties: set wait_ms to 0");
        }
        if !(0.0..=1.0).contains(&self.retry_unknown) {
            return plan("retry_unknown is a share between 0 and 1");
        }
        if let Pace::Open { per_second } = self.pace
            && !(per_second.is_finite() && per_second > 0.0)
        {
            return plan("an open loop needs a pace above 0 per second");
        }
        if self.stop.attempts.is_none() && self.stop.seconds.is_none() && !self.stop.until_sold_out {
            return plan("the load would never end: give attempts, seconds or until_sold_out");
        }
        if self.stop.seconds.is_some_and(|seconds| !(0.0..=1e7).contains(&seconds)) {
            return plan("seconds must lie between 0 and 10,000,000");
        }
        if self.allowance.is_some() && self.stop.attempts.is_none() {
            return plan("an allowance is a part of the attempts: say how many there are");
        }
        self.check_channels()?;
        self.check_storm()?;
        match (self.profile, self.work) {
            (Profile::Checkout(shares), Work::Checkout) => self.check_checkout(&shares),
            (Profile::Checkout(_), _) | (_, Work::Checkout) => {
                plan("the profile and the work must both be checkout, or neither")
            }
            (Profile::Zipf { exponent: of }, _) => exponent(of),
            _ => Ok(()),
        }
    }

    fn check_checkout(&self, shares: &CheckoutShares) -> Result<(), LoadError> {
        if shares.late > 0.0 && !(1..=LATE_TTL_MAX_MS).contains(&self.ttl_ms) {
            return plan(
                "checkouts that pay late wait for their hold to expire: set ttl_ms to 60,000 at most",
            );
        }
        if self.cards.is_none() && shares.hidden + shares.replace > 0.0 {
            return plan("only card keys can be hidden or replaced: give cards, or set these shares to 0");
        }
        let keys = shares.lines_max.saturating_mul(shares.units_max);
        if self.cards.is_some() && keys > KEYS_PER_ANSWER_MAX as u32 {
            return plan("an answer shows 64 card keys: lower lines_max or units_max");
        }
        if let Some(purse) = &self.purse {
            purse.check()?;
            if shares.without_cards().iter().any(|share| *share > 0.0) {
                return plan(
                    "checkouts with cards are reserved whole, and sold by CONFIRM: set the other shares to 0",
                );
            }
        }
        if self.batch > CHECKOUT_BATCH_MAX {
            return plan("a frame has no room for so many checkouts: lower batch to 4,096 at most");
        }
        shares.check()
    }

    fn check_storm(&self) -> Result<(), LoadError> {
        match (self.work, &self.storm) {
            (Work::Claim | Work::Redeem, Some(storm)) => {
                if self.stocks.len() != 1 || self.parties || self.orders {
                    return plan("a storm is on one campaign, and names nobody but its users and orders");
                }
                if self.codes.is_some() != storm.generation.is_some() {
                    return plan("codes of cards have a generation: give both, or neither");
                }
                if self.codes.as_ref().is_some_and(|codes| codes.count() < storm.subjects) {
                    return plan("there are fewer codes than cards to redeem");
                }
                storm.check()
            }
            (Work::Claim | Work::Redeem, None) => plan("a storm must say who asks for what: give storm"),
            (_, Some(_)) => plan("a storm is of CLAIMs or REDEEMs: set work to one of them"),
            (_, None) => Ok(()),
        }
    }

    fn check_channels(&self) -> Result<(), LoadError> {
        if self.channels.is_empty() {
            return Ok(());
        }
        if self.work != Work::Checkout {
            return plan("only checkouts come from several channels: name one with channel");
        }
        let shares = self.channels.iter().map(|(_, share)| share);
        let sum: f64 = shares.clone().sum();
        if self.channels.len() > CHANNELS_PER_STOCK_MAX
            || !shares.clone().all(|share| (0.0..=1.0).contains(share))
            || (sum - 1.0).abs() > 1e-6
        {
            return plan("the shares of at most 64 channels must lie between 0 and 1 and add up to 1");
        }
        Ok(())
    }

    fn check_sizes(&self) -> Result<(), LoadError> {
        let within = |name: &str, value: u32, most: u32| {
            if (1..=most).contains(&value) {
                return Ok(());
            }
            Err(LoadError::Plan(format!("{name} is {value}: 1 to {most} are possible")))
        };
        within("connections", self.connections, CONNECTIONS_MAX)?;
        let batch_max = match (self.parties, self.wait_ms) {
            (true, _) => BATCH_WITH_PARTIES_MAX,
            (false, 0) => BATCH_MAX,
            (false, _) => BATCH_WITH_WAIT_MAX,
        };
        within("batch", self.batch, batch_max)?;
        within("outstanding", self.outstanding, OUTSTANDING_MAX)?;
        within("threads", self.threads, THREADS_MAX.min(self.connections))?;
        within("units", self.units, UNITS_PER_LINE_MAX)
    }

    /// Zipf exponent of the demand over stocks; 0: even.
    pub(crate) fn exponent(&self) -> f64 {
        match self.profile {
            Profile::Zipf { exponent } => exponent,
            Profile::Checkout(shares) => shares.exponent,
            _ => 0.0,
        }
    }

    /// How long the load takes to come to its full pace.
    pub(crate) fn ramp(&self) -> Duration {
        match self.profile {
            Profile::Ramp { over } | Profile::Flash { over } => over,
            _ => Duration::ZERO,
        }
    }
}

fn exponent(value: f64) -> Result<(), LoadError> {
    if (0.0..=10.0).contains(&value) { Ok(()) } else { plan("the zipf exponent must lie between 0 and 10") }
}

fn plan(what: &str) -> Result<(), LoadError> {
    Err(LoadError::Plan(what.to_owned()))
}

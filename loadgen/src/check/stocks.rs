//! The books: what all operations together must have made of the stocks, against what the stocks' counters say.

use super::CheckReport;
use super::story::{Story, View};
use crate::ledger::{Ledger, StockCounters};
use crate::plan::Work;
use crate::recipe::Generator;
use scrip_engine::answer::HoldState;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Stocks listed in the report: those with something wrong first.
const LISTED_MAX: usize = 100;
/// A time to live from which on no hold expires during a load.
const LONG_TTL_MS: u32 = 600_000;

/// One stock at the end of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockCheck {
    /// The stock.
    pub stock: u64,
    /// Its counters now.
    pub now: StockCounters,
    /// Units sold since the load began, by the counter; those with a replacement that is owed, too.
    pub consumed_counted: i64,
    /// The same, by the operations. `None`: the ledger does not have them all.
    pub consumed_by_operations: Option<i64>,
    /// Units held, by the operations.
    pub held_by_operations: Option<u64>,
    /// Units that answers said to be somebody's.
    pub promised: u64,
    /// Whether all of that agrees.
    pub right: bool,
}

/// What the operations add up to for one stock.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    held: u64,
    consumed: u64,
    promised: u64,
}

/// Units of one buyer of one stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Purchase {
    user: u128,
    stock: u32,
    units: u32,
}

/// Sums over all operations.
#[derive(Debug)]
pub(super) struct Books {
    places: HashMap<u64, u32>,
    accounts: Vec<Account>,
    /// Kept only where a limit was in force all the time.
    purchases: Vec<Purchase>,
    limited: Vec<bool>,
}

impl Books {
    pub(super) fn new(generator: &Generator, ledger: &Ledger) -> Books {
        let stocks = &generator.recipe.stocks;
        let shared_buyers = generator.recipe.users > 0;
        Books {
            places: (0..).zip(stocks).map(|(place, stock)| (*stock, place)).collect(),
            accounts: vec![Account::default(); stocks.len()],
            purchases: Vec::new(),
            limited: ledger.before.iter().map(|stock| shared_buyers && stock.limit_per_user > 0).collect(),
        }
    }

    /// Adds what a hold holds or has sold.
    pub(super) fn add(&mut self, view: &View) {
        for line in view.lines() {
            let Some(&place) = self.places.get(&line.stock.get()) else { continue };
            let account = &mut self.accounts[place as usize];
            let units = match view.state {
                HoldState::Held => {
                    account.held += u64::from(line.reserved.get());
                    line.reserved.get()
                }
                HoldState::Confirmed => {
                    let units = line.confirmed.get().saturating_sub(line.returned.get());
                    account.consumed += u64::from(units);
                    units
                }
                _ => 0,
            };
            if units > 0 && self.limited.get(place as usize).is_some_and(|limited| *limited) {
                self.purchases.push(Purchase { user: view.user, stock: place, units });
            }
        }
    }

    /// Adds what answers said to be somebody's, whether the server still knows of it or not.
    pub(super) fn promise(
        &mut self,
        generator: &Generator,
        story: &Story<'_>,
        view: Option<&View>,
        server_ms: u64,
    ) {
        let promised = story.promised_units(server_ms);
        if promised == 0 {
            return;
        }
        let mut give = |stock: u64, units: u64| {
            if let Some(&place) = self.places.get(&stock) {
                self.accounts[place as usize].promised += units;
            }
        };
        let cart = generator.cart(generator.ids.number(story.hold));
        match (cart.lines(), view) {
            ([line], _) => give(line.stock.get(), promised),
            (_, Some(view)) if view.state == HoldState::Confirmed => {
                for line in view.lines() {
                    give(
                        line.stock.get(),
                        u64::from(line.confirmed.get().saturating_sub(line.returned.get())),
                    );
                }
            }
            (_, Some(view)) => {
                view.lines().iter().for_each(|line| give(line.stock.get(), line.reserved.get().into()))
            }
            // Lost: how the units were spread is no longer to be seen, but without `partial` it was as asked.
            (lines, None) if !cart.partial => {
                lines.iter().for_each(|line| give(line.stock.get(), line.units.get().into()))
            }
            (_, None) => {}
        }
    }

    /// Closes the books: `first` and `last` are the stocks before and after the last look at open holds.
    pub(super) fn close(
        &mut self,
        report: &mut CheckReport,
        ledger: &Ledger,
        alone: bool,
        first: &[StockCounters],
        last: &[StockCounters],
    ) {
        let exact = alone && ledger.complete;
        let mut checks = Vec::new();
        for (place, account) in self.accounts.iter().enumerate() {
            let (before, first, last) = (&ledger.before[place], &first[place], &last[place]);
            let consumed_counted = last.sold() as i64 - before.sold() as i64;
            let mut check = StockCheck {
                stock: last.stock,
                now: *last,
                consumed_counted,
                consumed_by_operations: ledger.complete.then_some(account.consumed as i64),
                held_by_operations: ledger.complete.then_some(account.held),
                promised: account.promised,
                right: true,
            };
            let mut wrong = law(last);
            if exact {
                wrong.oversold += (account.promised + before.consumed).saturating_sub(last.total);
                wrong.unaccounted += consumed_counted.abs_diff(account.consumed as i64);
                // Holds only expire meanwhile, and holds of before the load may still be there.
                wrong.unaccounted += account.held.saturating_sub(first.held);
                wrong.unaccounted += last.held.saturating_sub(account.held + before.held);
            }
            check.right = wrong == Wrong::default();
            note(report, &check, wrong);
            checks.push(check);
        }
        if !ledger.complete && alone {
            self.close_sums(report, ledger, last);
        }
        checks.sort_by_key(|check| check.right);
        checks.truncate(LISTED_MAX);
        report.stocks = checks;
        self.count_buyers(report, last);
    }

    /// A ledger of sums: over all stocks, nothing may have happened that no answer and no unknown accounts for.
    fn close_sums(&self, report: &mut CheckReport, ledger: &Ledger, last: &[StockCounters]) {
        let (counts, recipe) = (&ledger.counts, &ledger.recipe);
        let sum =
            |stocks: &[StockCounters], of: fn(&StockCounters) -> u64| stocks.iter().map(of).sum::<u64>();
        let units_max = recipe.shares.map_or(recipe.units, |shares| shares.lines_max * shares.units_max);
        // What is owed may have been sold since.
        let maybe = (counts.unknown + counts.owed) * u64::from(units_max);
        // Of plain loads nothing unknown gives units back.
        let maybe_back = if recipe.shares.is_some() { maybe } else { 0 };
        let sold = counts.sold_units.saturating_sub(counts.returned_units);
        let consumed =
            sum(last, StockCounters::sold).saturating_sub(sum(&ledger.before, StockCounters::sold));
        let held = sum(last, |stock| stock.held).saturating_sub(sum(&ledger.before, |stock| stock.held));
        let mut unaccounted =
            sold.saturating_sub(consumed + maybe_back) + consumed.saturating_sub(sold + maybe);
        unaccounted += held.saturating_sub(counts.reserved_units + maybe);
        let taken = if matches!(recipe.work, Work::Sell { .. }) { sold } else { counts.reserved_units };
        let long = recipe.ttl_ms == 0 || recipe.ttl_ms >= LONG_TTL_MS;
        let used = sum(&ledger.before, |stock| stock.held + stock.consumed);
        let oversold = if long { (taken + used).saturating_sub(sum(last, |stock| stock.total)) } else { 0 };
        report.unaccounted_units += unaccounted;
        report.oversold_units += oversold;
        if unaccounted + oversold > 0 {
            report.finding(|| {
                format!(
                    "over all stocks: {sold} units sold and {taken} taken by the answers ({maybe} unknown), {consumed} \
                     sold and {held} held by the counters"
                )
            });
        }
    }

    /// Nobody has more of a stock than its limit allows.
    fn count_buyers(&mut self, report: &mut CheckReport, last: &[StockCounters]) {
        self.purchases.sort_unstable();
        for of_one in self.purchases.chunk_by(|one, other| (one.user, one.stock) == (other.user, other.stock))
        {
            let units: u64 = of_one.iter().map(|purchase| u64::from(purchase.units)).sum();
            let stock = &last[of_one[0].stock as usize];
            let limit = u64::from(stock.limit_per_user);
            if limit > 0 && units > limit {
                report.over_limit_users += 1;
                let (user, id) = (of_one[0].user, stock.stock);
                report.finding(|| {
                    format!("buyer {user} has {units} units of stock {id:016x}, the limit is {limit}")
                });
            }
        }
    }
}

/// Units by which a stock is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wrong {
    oversold: u64,
    unaccounted: u64,
}

/// total = available + held + consumed + frozen + void.
fn law(stock: &StockCounters) -> Wrong {
    let sum = stock.available + stock.held + stock.consumed + stock.frozen + stock.void;
    Wrong { oversold: sum.saturating_sub(stock.total), unaccounted: stock.total.saturating_sub(sum) }
}

fn note(report: &mut CheckReport, check: &StockCheck, wrong: Wrong) {
    report.oversold_units += wrong.oversold;
    report.unaccounted_units += wrong.unaccounted;
    if check.right {
        return;
    }
    let StockCheck { now, consumed_counted, consumed_by_operations, held_by_operations, promised, .. } =
        check;
    report.finding(|| {
        format!(
            "stock {:016x}: {now:?}; sold since the load began: {consumed_counted} by the counter, \
             {consumed_by_operations:?} by the operations; held by the operations: {held_by_operations:?}; promised: \
             {promised}",
            now.stock
        )
    });
}

//! What gateways have told of money: the facts behind sales, redemptions, returns and reversals, added up.
//!
//! Invariant: each event's facts are in exactly one row without a funder; its funders' shares are in rows of their own.

use super::{Row, row_of};
use crate::cli::{ReportArgs, ReportBy};
use crate::facts::Facts;
use scrip_shard::{Account, Report};
use std::collections::BTreeMap;

/// What a row of facts is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MoneyRow {
    /// What rows of units are told apart by, too. (Goods and cards share rows: facts are of orders.)
    pub row: Row,
    /// By store.
    pub store: Option<String>,
    /// By variant.
    pub variant: Option<String>,
    /// Amounts of two currencies are never added.
    pub currency: String,
    /// By funder: who; empty: the amounts themselves.
    pub funder: Option<String>,
}

/// What was told. Amounts are in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Money {
    /// Sales and redemptions.
    pub sales: u64,
    /// Their prices before discounts.
    pub gross: u64,
    /// What was paid for them.
    pub paid: u64,
    /// What they cost.
    pub cost: u64,
    /// What others bore of their discounts.
    pub funded: u64,
    /// Returns and reversals.
    pub backs: u64,
    /// What of the gross was given back.
    pub gross_back: u64,
    /// What was paid back.
    pub paid_back: u64,
    /// Facts of another form than docs/report.md says.
    pub unread: u64,
}

impl Money {
    /// Its numbers with their names, in order.
    pub const fn fields(&self) -> [(&'static str, u64); 9] {
        [
            ("sales", self.sales),
            ("gross", self.gross),
            ("paid", self.paid),
            ("cost", self.cost),
            ("funded", self.funded),
            ("backs", self.backs),
            ("gross_back", self.gross_back),
            ("paid_back", self.paid_back),
            ("unread", self.unread),
        ]
    }

    fn count(&mut self, facts: Option<&Facts>, back: bool) {
        let Some(facts) = facts else {
            self.unread += 1;
            return;
        };
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        if back {
            self.backs += 1;
            add(&mut self.gross_back, facts.gross);
            add(&mut self.paid_back, facts.paid);
        } else {
            self.sales += 1;
            add(&mut self.gross, facts.gross);
            add(&mut self.paid, facts.paid);
            add(&mut self.cost, facts.cost);
            facts.funders.values().for_each(|share| add(&mut self.funded, *share));
        }
    }
}

/// Facts of one shard's log: of an event about an account, whether it gave back, and what was told.
pub type Told = (Account, bool, Vec<u8>);

/// Rows of what was told, as far as it is asked for.
pub fn rows(arguments: &ReportArgs, whole: &Report, told: &[Told]) -> BTreeMap<MoneyRow, Money> {
    let mut rows = BTreeMap::<MoneyRow, Money>::new();
    let by = |what| arguments.by.contains(&what);
    for (account, back, bytes) in told {
        let Some(row) = row_of(arguments, account, whole) else { continue };
        let facts = Facts::read(bytes);
        let told = facts.clone().unwrap_or_default();
        let key = MoneyRow {
            row: Row { cards: false, ..row },
            store: by(ReportBy::Store).then(|| told.store.clone()),
            variant: by(ReportBy::Variant).then(|| told.variant.clone()),
            currency: told.currency.clone(),
            funder: by(ReportBy::Funder).then(String::new),
        };
        if by(ReportBy::Funder) && !back {
            for (funder, share) in &told.funders {
                let row = rows.entry(MoneyRow { funder: Some(funder.clone()), ..key.clone() }).or_default();
                row.sales += 1;
                row.funded = row.funded.saturating_add(*share);
            }
        }
        rows.entry(key).or_default().count(facts.as_ref(), *back);
    }
    rows
}

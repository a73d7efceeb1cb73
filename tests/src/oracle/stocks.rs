//! The oracle on stocks: the buckets, the marks, and the commands that change them.

use super::{Oracle, Stock};
use crate::outcome::{OwnedFacts, OwnedOutcome, OwnedStock};
use crate::request::OwnedCommand;
use scrip_engine::command::{Envelope, Limits, SpanLimits, StockKind, StockTerms};
use scrip_engine::ids::{ChannelId, StockId};
use scrip_engine::limits::{CAMPAIGN_UNITS_MAX, STOCK_UNITS_MAX};
use scrip_engine::rejection::{CapacityOf, Code};
use std::collections::BTreeMap;

impl Stock {
    /// A counter with these units available.
    pub(super) fn new(envelope: &Envelope, name: &[u8], units: u64, terms: StockTerms) -> Stock {
        Stock {
            merchant: envelope.merchant.0,
            name: name.to_vec(),
            version: 1,
            terms,
            limits: Limits::default(),
            spans: SpanLimits::default(),
            clock: None,
            prices: Vec::new(),
            total: i128::from(units),
            available: i128::from(units),
            held: 0,
            consumed: 0,
            frozen: 0,
            void: 0,
            marked_frozen: 0,
            marked_void: 0,
            channels: BTreeMap::new(),
            keys: false,
            reusable: false,
            content: None,
            seed: 0,
            bound: 0,
            once_per_order: false,
            batches: Vec::new(),
            claims: Vec::new(),
            campaign: None,
        }
    }

    /// Units of `channel` leave held without being consumed: to void as far as the mark reaches, then to frozen, then to
    /// available.
    pub(super) fn give_back(&mut self, channel: ChannelId, units: i128) {
        if units == 0 {
            return;
        }
        let to_void = units.min(self.marked_void);
        let to_frozen = (units - to_void).min(self.marked_frozen);
        self.held -= units;
        self.marked_void -= to_void;
        self.void += to_void;
        self.marked_frozen -= to_frozen;
        self.frozen += to_frozen;
        self.available += units - to_void - to_frozen;
        self.channel_mut(channel).held -= units;
        self.lower_guarantee(channel, to_void + to_frozen);
        self.take_marks(to_void, to_frozen);
    }

    /// Units of holds of `channel` are consumed; marks that exceed what is still held are dropped, frozen first.
    pub(super) fn consume_held(&mut self, channel: ChannelId, units: i128) {
        if units == 0 {
            return;
        }
        let of_channel = self.channel_mut(channel);
        of_channel.held -= units;
        of_channel.consumed += units;
        self.held -= units;
        self.consumed += units;
        while self.marked_void + self.marked_frozen > self.held {
            let excess = self.marked_void + self.marked_frozen - self.held;
            if self.marked_frozen > 0 {
                self.marked_frozen -= excess.min(self.marked_frozen);
            } else {
                self.marked_void -= excess;
            }
        }
    }

    /// Units that a freeze or void can reach: at once, or by a mark.
    pub fn reachable(&self) -> i128 {
        self.available + self.held - self.marked_void - self.marked_frozen
    }

    fn view(&self, stock: StockId) -> OwnedStock {
        OwnedStock {
            stock,
            version: self.version,
            kind: match (self.keys, self.seed) {
                _ if self.campaign.is_some() => StockKind::Cards,
                (false, _) if self.reusable => StockKind::Reusable,
                (false, _) => StockKind::Counter,
                (true, 0) => StockKind::Keys,
                (true, _) => StockKind::RandomKeys { seed: 0 },
            },
            once_per_order: self.once_per_order,
            terms: self.terms,
            total: unsigned(self.total),
            available: unsigned(self.available),
            held: unsigned(self.held),
            consumed: unsigned(self.consumed),
            frozen: unsigned(self.frozen),
            void: unsigned(self.void),
            marked_frozen: unsigned(self.marked_frozen),
            marked_void: unsigned(self.marked_void),
            name: self.name.clone(),
        }
    }
}

impl Oracle {
    /// The stock, if it exists and is the merchant's.
    pub(super) fn own_stock(&self, envelope: &Envelope, stock: StockId) -> Option<&Stock> {
        self.stocks.get(&stock).filter(|found| found.merchant == envelope.merchant.0)
    }

    /// A stock that a hold names: stocks never go away.
    pub(super) fn stock_mut(&mut self, stock: StockId) -> &mut Stock {
        self.stocks.get_mut(&stock).expect("stocks never go away")
    }

    pub(super) fn show_stock(&self, envelope: &Envelope, stock: StockId) -> OwnedOutcome {
        if stock.slot() != envelope.slot {
            return OwnedOutcome::refused(Code::CrossSlot);
        }
        match self.own_stock(envelope, stock) {
            Some(found) => OwnedOutcome::Stock(Box::new(found.view(stock))),
            None => OwnedOutcome::refused(Code::NotFound),
        }
    }

    pub(super) fn change_stock(&mut self, envelope: &Envelope, command: &OwnedCommand) -> OwnedOutcome {
        if let OwnedCommand::StockCreate { stock, .. } = command {
            return if self.stocks.contains_key(stock) {
                OwnedOutcome::refused(Code::RuleFailed)
            } else {
                self.create_stock(envelope, command)
            };
        }
        let stock = super::content::stocks_of(command)[0];
        if self.own_stock(envelope, stock).is_none() {
            return OwnedOutcome::refused(Code::NotFound);
        }
        if is_for_all(command) {
            // The same for every stock.
        } else if self.stocks[&stock].reusable {
            if is_of_keys(command) {
                return self.change_reusable(envelope, stock, command);
            }
        } else if self.stocks[&stock].keys != is_of_keys(command) {
            return OwnedOutcome::refused(Code::RuleFailed);
        } else if is_of_keys(command) {
            return self.change_batch(envelope, stock, command);
        }
        let now_ms = self.now_ms;
        let zoned = self.zones.contains_key(&(envelope.merchant.0, stock.slot().0));
        let found = self.stock_mut(stock);
        let changed = match command {
            OwnedCommand::StockSupply { .. } if found.is_void() => return OwnedOutcome::refused(Code::Void),
            OwnedCommand::StockSupply { units, .. } => return found.supply(i128::from(*units)),
            OwnedCommand::StockEdit { version, terms, .. } => return found.edit(*version, *terms),
            OwnedCommand::StockQuota { version, quotas, .. } => {
                return found.set_quotas(stock, *version, quotas, now_ms);
            }
            OwnedCommand::StockLimits { version, limits, spans, .. } => {
                return found.set_limits(*version, (limits, *spans), zoned);
            }
            OwnedCommand::StockPrice { version, prices, .. } => return found.set_prices(*version, prices),
            OwnedCommand::StockVoid { units, from_frozen: true, .. } => found.void_frozen(i128::from(*units)),
            OwnedCommand::StockVoid { units, forced, .. } => found.void(i128::from(*units), *forced),
            OwnedCommand::StockFreeze { units, forced, .. } => found.freeze(i128::from(*units), *forced),
            OwnedCommand::StockUnfreeze { units, .. } => found.unfreeze(i128::from(*units)),
            _ => unreachable!("not a command on a stock"),
        };
        match changed {
            Ok(moved) => OwnedOutcome::StockChanged { value: unsigned(moved) },
            Err(Short { why, asked, available }) => OwnedOutcome::Refused {
                code: why,
                facts: OwnedFacts::Units { stock, asked: unsigned(asked), available: unsigned(available) },
            },
        }
    }

    fn create_stock(&mut self, envelope: &Envelope, command: &OwnedCommand) -> OwnedOutcome {
        let OwnedCommand::StockCreate { stock, name, units, kind, once_per_order, terms } = command else {
            unreachable!("called for STOCK_CREATE alone");
        };
        let mut made = Stock::new(envelope, name, *units, *terms);
        made.keys = !matches!(kind, StockKind::Counter | StockKind::Reusable);
        made.reusable = *kind == StockKind::Reusable;
        made.seed = if let StockKind::RandomKeys { seed } = kind { *seed } else { 0 };
        made.once_per_order = *once_per_order;
        self.stocks.insert(*stock, made);
        OwnedOutcome::StockChanged { value: *units }
    }
}

/// Whether a command on a stock is the same for every kind of stock.
fn is_for_all(command: &OwnedCommand) -> bool {
    matches!(
        command,
        OwnedCommand::StockEdit { .. }
            | OwnedCommand::StockQuota { .. }
            | OwnedCommand::StockLimits { .. }
            | OwnedCommand::StockPrice { .. }
    )
}

/// Whether a command on a stock is one for stocks of card keys.
fn is_of_keys(command: &OwnedCommand) -> bool {
    matches!(
        command,
        OwnedCommand::BatchCreate { .. } | OwnedCommand::BatchChange { .. } | OwnedCommand::KeysImport { .. }
    )
}

/// More units asked for than there are.
struct Short {
    why: Code,
    asked: i128,
    available: i128,
}

impl Stock {
    fn supply(&mut self, units: i128) -> OwnedOutcome {
        let most = if self.campaign.is_some() { CAMPAIGN_UNITS_MAX } else { STOCK_UNITS_MAX };
        if self.total + units > i128::from(most) {
            let facts = OwnedFacts::Maximum(CapacityOf::StockUnits, most);
            return OwnedOutcome::Refused { code: Code::Capacity, facts };
        }
        self.total += units;
        self.available += units;
        OwnedOutcome::StockChanged { value: unsigned(self.total) }
    }

    fn edit(&mut self, version: u32, terms: scrip_engine::command::StockTerms) -> OwnedOutcome {
        if version != self.version {
            return OwnedOutcome::Refused {
                code: Code::RuleFailed,
                facts: OwnedFacts::Version(self.version),
            };
        }
        self.terms = terms;
        self.version += 1;
        OwnedOutcome::StockChanged { value: u64::from(self.version) }
    }

    /// Takes units out of available for void or frozen; the rest is for the caller to mark.
    fn take_away(&mut self, units: i128, forced: bool) -> Result<i128, Short> {
        if units > self.reachable() {
            return Err(Short { why: Code::OutOfStock, asked: units, available: self.reachable() });
        }
        let moved = units.min(self.available);
        let spare = self.available - self.unused();
        if !forced && moved > spare {
            return Err(Short { why: Code::ChannelQuota, asked: units, available: spare });
        }
        self.available -= moved;
        self.lower_until_available();
        Ok(moved)
    }

    fn void(&mut self, units: i128, forced: bool) -> Result<i128, Short> {
        let moved = self.take_away(units, forced)?;
        self.void += moved;
        self.marked_void += units - moved;
        Ok(moved)
    }

    fn void_frozen(&mut self, units: i128) -> Result<i128, Short> {
        if units > self.frozen {
            return Err(Short { why: Code::OutOfStock, asked: units, available: self.frozen });
        }
        self.frozen -= units;
        self.void += units;
        Ok(units)
    }

    fn freeze(&mut self, units: i128, forced: bool) -> Result<i128, Short> {
        let moved = self.take_away(units, forced)?;
        self.frozen += moved;
        self.marked_frozen += units - moved;
        Ok(moved)
    }

    fn unfreeze(&mut self, units: i128) -> Result<i128, Short> {
        if units > self.frozen + self.marked_frozen {
            return Err(Short {
                why: Code::OutOfStock,
                asked: units,
                available: self.frozen + self.marked_frozen,
            });
        }
        let moved = units.min(self.frozen);
        self.frozen -= moved;
        self.available += moved;
        self.marked_frozen -= units - moved;
        Ok(moved)
    }
}

/// A quantity as it is shown. Panics when it is negative: no bucket ever is.
pub(super) fn unsigned(units: i128) -> u64 {
    u64::try_from(units).expect("no bucket is negative")
}

//! The oracle on prices: what a unit costs whom and when, and what the buyer was told.

use super::{Oracle, Stock};
use crate::outcome::{OwnedFacts, OwnedOutcome};
use crate::request::OwnedTake;
use scrip_engine::command::{Price, PriceKind};
use scrip_engine::ids::{ChannelId, StockId};
use scrip_engine::rejection::Code;

impl Stock {
    /// The price of a unit, if there is one.
    pub fn price(&self, channel: ChannelId, member: bool, now_ms: u64) -> Option<u32> {
        let in_force = |price: &&Price| {
            let begun = price.from_ms.get() <= now_ms;
            let ended = price.until_ms.get() != 0 && price.until_ms.get() <= now_ms;
            begun && !ended && (member || price.kind != PriceKind::Member as u8)
        };
        let there: Vec<&Price> = self.prices.iter().filter(in_force).collect();
        let lowest_of = |channel: u16| {
            let of_channel = there.iter().filter(|price| price.channel.get() == channel);
            of_channel.map(|price| price.amount.get()).min()
        };
        lowest_of(channel.0).or(lowest_of(u16::MAX))
    }

    /// STOCK_PRICE.
    pub(super) fn set_prices(&mut self, version: u32, prices: &[Price]) -> OwnedOutcome {
        if version != self.version {
            let facts = OwnedFacts::Version(self.version);
            return OwnedOutcome::Refused { code: Code::RuleFailed, facts };
        }
        self.prices = prices.to_vec();
        self.version += 1;
        OwnedOutcome::StockChanged { value: u64::from(self.version) }
    }
}

impl Oracle {
    /// The price of a unit of a stock for this command; 0: there is none.
    pub(super) fn price(&self, channel: ChannelId, take: &OwnedTake, stock: StockId) -> u32 {
        self.stocks[&stock].price(channel, take.member, self.now_ms).unwrap_or(0)
    }

    /// What all units asked for cost, if each line has a price.
    pub fn total(&self, channel: ChannelId, take: &OwnedTake) -> Option<u64> {
        let cost = |units: u32, price: u32| u128::from(units) * u128::from(price);
        let mut total = 0;
        for wish in &take.lines {
            let price = self.stocks.get(&wish.stock)?.price(channel, take.member, self.now_ms)?;
            total += cost(wish.units, price);
        }
        Some(u64::try_from(total).unwrap_or(u64::MAX))
    }

    /// Refuses if the buyer was told something else.
    pub(super) fn quoted(&self, channel: ChannelId, take: &OwnedTake) -> Result<(), OwnedOutcome> {
        let total = self.total(channel, take);
        if take.expected_total.is_none() || take.expected_total == total {
            return Ok(());
        }
        let facts = OwnedFacts::Total(total.unwrap_or(0));
        Err(OwnedOutcome::Refused { code: Code::QuoteChanged, facts })
    }
}

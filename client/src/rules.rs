//! Calls that lay down rules and show them: limits and prices of stocks, risk rules and blocks, time zones.

use crate::answer::{OwnedOutcome, RiskShown, StockChanged, TermsShown, ZoneShown};
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use crate::request::{StockLimits, StockPrice, ZoneSet};
use scrip_engine::command::{self, Block, Command, RiskRule};
use scrip_engine::ids::{Slot, StockId};

impl Client {
    /// Sets what the subjects of a stock may have. The answer's value is the stock's version.
    pub async fn stock_limits(&self, request: StockLimits) -> Result<StockChanged, Error> {
        let StockLimits { operation, stock, version, limits, spans } = request;
        let command = Command::StockLimits { stock, version, limits: &limits, spans: spans.as_ref() };
        self.change(operation, stock, command).await
    }

    /// Sets the prices of a stock. The answer's value is the stock's version.
    pub async fn stock_price(&self, request: StockPrice) -> Result<StockChanged, Error> {
        let StockPrice { operation, stock, version, prices } = request;
        self.change(operation, stock, Command::StockPrice { stock, version, prices: &prices }).await
    }

    /// Shows the limits and prices of a stock.
    pub async fn stock_terms(&self, stock: StockId) -> Result<TermsShown, Error> {
        match self.call(Operation::given(0, 0), stock.slot(), Command::StockTermsShow { stock }).await? {
            OwnedOutcome::Terms(shown) => Ok(*shown),
            _ => Err(wrong_answer()),
        }
    }

    /// Sets or lifts a risk rule of the merchant in a slot. The answer's value is its number.
    pub async fn risk_set(
        &self,
        operation: Operation,
        slot: Slot,
        rule: RiskRule,
    ) -> Result<StockChanged, Error> {
        match self.call(operation, slot, Command::RiskSet { rule: &rule }).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Blocks a subject of the merchant in a slot, or lifts that. The answer's value is the action.
    pub async fn block_set(
        &self,
        operation: Operation,
        slot: Slot,
        block: Block,
    ) -> Result<StockChanged, Error> {
        match self.call(operation, slot, Command::BlockSet { block: &block }).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Sets the merchant's time zone in a slot. The answer's value is the zone's version.
    pub async fn zone_set(&self, request: ZoneSet) -> Result<StockChanged, Error> {
        let ZoneSet { operation, slot, version, name, transitions } = request;
        let zone = command::ZoneSet { version, name: name.as_bytes(), transitions: &transitions };
        match self.call(operation, slot, Command::ZoneSet(zone)).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Shows the merchant's time zone in a slot.
    pub async fn zone_show(&self, slot: Slot) -> Result<ZoneShown, Error> {
        match self.call(Operation::given(0, 0), slot, Command::ZoneShow).await? {
            OwnedOutcome::Zone(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }

    /// Shows the merchant's risk rules in a slot, and its blocks from a position on, at most 64 of them.
    pub async fn risk_show(&self, slot: Slot, from: u32) -> Result<RiskShown, Error> {
        match self.call(Operation::given(0, 0), slot, Command::RiskShow { from }).await? {
            OwnedOutcome::Risk(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }
}

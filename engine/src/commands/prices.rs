//! Prices: what a RESERVE or SELL costs, and STOCK_PRICE's part of the checks.
//!
//! Scrip moves no money. A price is fixed into the hold, so that a late CONFIRM delivers at the price the buyer was told.

use super::{Plan, Question};
use crate::command::Take;
use crate::rejection::Code;
use crate::state::State;
use scrip_planted::{Bug, on};
use zerocopy::little_endian::U32;

/// Fills in the price of each line, and compares their sum with what the buyer was told.
#[inline]
pub fn quote(state: &State, question: Question<'_>, take: &Take<'_>, plan: &mut Plan) -> Result<(), Code> {
    let priced = plan.wishes.iter().any(|wish| !state.stock(wish.stock()).prices.is_empty());
    if !priced && take.expected_total.is_none() {
        return Ok(());
    }
    let channel = question.request.envelope.channel;
    let (mut total, mut complete) = (0u128, true);
    for wish in &plan.wishes {
        let price = state.stock(wish.stock()).price(channel, take.member, question.now_ms);
        complete &= price != 0;
        total += u128::from(price) * u128::from(wish.asked());
        plan.prices.push(U32::new(price));
    }
    if plan.prices.iter().all(|price| price.get() == 0) {
        plan.prices.clear();
    }
    plan.total = if complete { u64::try_from(total).unwrap_or(u64::MAX) } else { 0 };
    match take.expected_total {
        Some(expected) if !on(Bug::QuoteIgnored) && (!complete || expected != plan.total) => {
            Err(Code::QuoteChanged)
        }
        _ => Ok(()),
    }
}

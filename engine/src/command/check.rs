//! Whether a request keeps the fixed limits of the contract. It stands apart from the table of commands so that both can be
//! read at a glance.
//!
//! Invariant: what passes here needs no second look: every number lies inside its limits, every list is in order.

use super::*;
use crate::calendar::Transition;
use crate::limits::{
    CARDS_PER_HOLD_MAX, CHANNELS_PER_STOCK_MAX, KEY_BLOCK_BYTES_MAX, KEY_TEXT_BYTES_MAX, KEYS_PER_CHUNK_MAX,
    LINES_MAX, NAME_BYTES_MAX, STOCK_UNITS_MAX, TRANSITIONS_MAX, TTL_MAX_MS, UNITS_PER_LINE_MAX,
};

/// The largest generation that a code can have.
pub(crate) const GENERATION_MAX: u8 = 31;

impl Request<'_> {
    /// Checks the fixed limits of the contract. Slots of stocks are not checked here: CROSS_SLOT is an answer.
    pub fn check(&self) -> Result<(), Malformed> {
        let named = matches!(
            self.command,
            Command::StockShow { .. }
                | Command::StockChannels { .. }
                | Command::BatchesShow { .. }
                | Command::KeysRead { .. }
                | Command::StockTermsShow { .. }
                | Command::RiskShow { .. }
                | Command::ZoneShow
                | Command::IdentityShow { .. }
                | Command::KeysList { .. }
                | Command::OwedShow { .. }
                | Command::OrderShow { .. }
                | Command::CampaignShow { .. }
                | Command::CardShow { .. }
                | Command::CodeShow { .. }
                | Command::WalletShow { .. }
                | Command::NoticesRead { .. }
                | Command::Quote(_)
                | Command::Group(GroupWish::Show { .. })
                | Command::Activity(ActivityWish::Show { .. })
        );
        if self.envelope.operation.0 == 0 && !named {
            return Err(Malformed::OperationZero);
        }
        if self.envelope.slot.0 >= crate::ids::SLOTS {
            return Err(Malformed::SlotOutOfRange(self.envelope.slot.0));
        }
        match &self.command {
            Command::StockCreate(create) => check_create(create),
            Command::StockSupply { units, .. }
            | Command::StockVoid { units, .. }
            | Command::StockFreeze { units, .. }
            | Command::StockUnfreeze { units, .. } => check_stock_units(*units),
            Command::StockEdit { terms, .. } => terms.check(),
            Command::StockQuota { quotas, .. } => check_quotas(quotas),
            Command::Reserve { take, ttl_ms } => {
                if *ttl_ms > TTL_MAX_MS {
                    return Err(Malformed::Ttl(*ttl_ms));
                }
                if take.wait_until_ms != 0 {
                    return Err(Malformed::Wait);
                }
                take.check(self.envelope.operation)
            }
            Command::Sell { take, .. } if take.partial && take.wait_until_ms != 0 => Err(Malformed::Wait),
            // What is paid already has had its discount: the card is held before, by a RESERVE.
            Command::Sell { take, paid, .. }
                if !take.cards.is_empty() && (*paid || take.wait_until_ms != 0) =>
            {
                Err(Malformed::CardsPaid)
            }
            Command::Sell { take, .. } => take.check(self.envelope.operation),
            Command::Extend { ttl_ms, .. } if *ttl_ms == 0 || *ttl_ms > TTL_MAX_MS => {
                Err(Malformed::Ttl(*ttl_ms))
            }
            Command::Confirm { units, .. } | Command::Return { units, .. } => check_units(units),
            Command::BatchCreate(create) => check_name(create.supplier),
            Command::KeysImport { block, .. } => check_block(block),
            Command::CodeImport { codes, .. } => check_codes(codes),
            Command::StockLimits { limits, spans, .. } => {
                limits.check()?;
                spans.map_or(Ok(()), |spans| spans.check())
            }
            Command::StockPrice { prices, .. } => super::terms::check_prices(prices),
            Command::RiskSet { rule } => rule.check(),
            Command::BlockSet { block } => block.check(),
            Command::CampaignCreate(create) => create.check(),
            Command::CampaignEdit { campaign, terms, .. } => terms.check(*campaign),
            Command::Issue(issue) => issue.check(),
            Command::Redeem(Redeem { offline: Some(Offline { occurred_ms, .. }), .. })
                if *occurred_ms == 0 =>
            {
                Err(Malformed::Offline)
            }
            Command::Redeem(Redeem { generation, .. })
            | Command::CardBatchEnd { generation, .. }
            | Command::CardChange { generation, .. }
            | Command::CardShow { generation, .. } => check_generation(*generation),
            Command::Account { generation, wish, .. } => {
                check_generation(*generation).and_then(|()| wish.check())
            }
            Command::Recycle { generation, into, .. } => {
                check_generation(*generation).and_then(|()| into.check())
            }
            Command::Merge(merge) => merge.check(),
            Command::Gift { generation, wish, .. } => {
                check_generation(*generation).and_then(|()| wish.check())
            }
            Command::Group(wish) => wish.check(),
            Command::Activity(wish) => wish.check(),
            Command::ZoneSet(zone) => check_zone(zone),
            Command::Link { user, to, .. } if user.0 == 0 || to.0 == 0 || user == to => {
                Err(Malformed::Person)
            }
            Command::Unlink { user, .. } | Command::Erase { user, .. } | Command::Label { user, .. }
                if user.0 == 0 =>
            {
                Err(Malformed::Person)
            }
            Command::Link { .. } | Command::Unlink { .. } | Command::Erase { .. } => Ok(()),
            Command::Label { label, .. } => label.check(),
            Command::Quote(quote) => quote.check(),
            Command::QuoteReserve(quote) => quote.check(self.envelope.operation),
            Command::Extend { .. }
            | Command::CampaignState { .. }
            | Command::CampaignVoid { .. }
            | Command::Reverse { .. }
            | Command::CampaignShow { .. }
            | Command::WalletShow { .. }
            | Command::NoticesRead { .. }
            | Command::CodeSet { .. }
            | Command::CodeShow { .. }
            | Command::StockTermsShow { .. }
            | Command::RiskShow { .. }
            | Command::ZoneShow
            | Command::IdentityShow { .. }
            | Command::Release
            | Command::Cancel
            | Command::BatchChange { .. }
            | Command::Reveal { .. }
            | Command::KeyReplace { .. }
            | Command::KeyReclaim { .. }
            | Command::KeysExport { .. }
            | Command::KeysList { .. }
            | Command::KeysRead { .. }
            | Command::BatchesShow { .. }
            | Command::OwedShow { .. }
            | Command::OrderShow { .. }
            | Command::StockShow { .. }
            | Command::StockChannels { .. }
            | Command::OperationShow => Ok(()),
        }
    }
}

impl Take<'_> {
    fn check(&self, operation: OperationId) -> Result<(), Malformed> {
        if self.lines.is_empty() || self.lines.len() > LINES_MAX {
            return Err(Malformed::LineCount(self.lines.len()));
        }
        if self.cards.len() > CARDS_PER_HOLD_MAX || self.lines.len() + self.cards.len() > LINES_MAX {
            return Err(Malformed::HoldCards(self.cards.len()));
        }
        if let Some(card) = self.cards.iter().position(|card| !card.is_sound()) {
            return Err(Malformed::CardLine(card));
        }
        if self.replace == operation {
            return Err(Malformed::ReplaceSelf);
        }
        for (line, wish) in self.lines.iter().enumerate() {
            let (units, units_min) = (wish.units.get(), wish.units_min.get());
            if units == 0 || units > UNITS_PER_LINE_MAX {
                return Err(Malformed::LineUnits { line, units });
            }
            if self.partial && units_min > units {
                return Err(Malformed::LineMinimum { line, units_min, units });
            }
        }
        Ok(())
    }
}

impl StockTerms {
    pub(super) fn check(&self) -> Result<(), Malformed> {
        if self.closes_ms != 0 && self.closes_ms <= self.opens_ms {
            return Err(Malformed::Times { opens_ms: self.opens_ms, closes_ms: self.closes_ms });
        }
        if self.limit_per_user > UNITS_PER_LINE_MAX {
            return Err(Malformed::Limit(self.limit_per_user));
        }
        Ok(())
    }
}

fn check_create(create: &StockCreate<'_>) -> Result<(), Malformed> {
    check_name(create.name)?;
    if create.kind == StockKind::Cards {
        return Err(Malformed::CardsKind);
    }
    if create.kind.is_keys() && create.units != 0 {
        return Err(Malformed::KeysWithUnits);
    }
    if create.units > STOCK_UNITS_MAX {
        return Err(Malformed::StockUnits(create.units));
    }
    create.terms.check()
}

pub(super) fn check_name(name: &[u8]) -> Result<(), Malformed> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || core::str::from_utf8(name).is_err() {
        return Err(Malformed::Name);
    }
    Ok(())
}

fn check_block(block: &KeyBlock<'_>) -> Result<(), Malformed> {
    let KeyBlock::Plain { count, bytes } = *block else { return Ok(()) };
    if count == 0 || count > KEYS_PER_CHUNK_MAX {
        return Err(Malformed::KeyCount(count));
    }
    let texts = block_texts(count, bytes).filter(|_| bytes.len() <= KEY_BLOCK_BYTES_MAX);
    let bad = |text: &[u8]| {
        text.is_empty() || text.len() > KEY_TEXT_BYTES_MAX || core::str::from_utf8(text).is_err()
    };
    match texts.ok_or(Malformed::KeyBlock(bytes.len()))?.position(bad) {
        Some(position) => Err(Malformed::KeyText(position)),
        None => Ok(()),
    }
}

fn check_codes(codes: &CodeBlock<'_>) -> Result<(), Malformed> {
    match *codes {
        CodeBlock::Plain { count, bytes } => check_block(&KeyBlock::Plain { count, bytes }),
        CodeBlock::Hashed(_) => Ok(()),
    }
}

pub(super) fn check_generation(generation: Option<u8>) -> Result<(), Malformed> {
    match generation {
        Some(generation) if generation > GENERATION_MAX => Err(Malformed::Generation(generation)),
        _ => Ok(()),
    }
}

fn check_stock_units(units: u64) -> Result<(), Malformed> {
    if units == 0 || units > STOCK_UNITS_MAX { Err(Malformed::StockUnits(units)) } else { Ok(()) }
}

fn check_zone(zone: &ZoneSet<'_>) -> Result<(), Malformed> {
    check_name(zone.name)?;
    if zone.transitions.is_empty() || zone.transitions.len() > TRANSITIONS_MAX {
        return Err(Malformed::TransitionCount(zone.transitions.len()));
    }
    Transition::first_unsound(zone.transitions).map_or(Ok(()), |at| Err(Malformed::Transition(at)))
}

fn check_quotas(quotas: &[Quota]) -> Result<(), Malformed> {
    if quotas.is_empty() || quotas.len() > CHANNELS_PER_STOCK_MAX {
        return Err(Malformed::QuotaCount(quotas.len()));
    }
    for (index, quota) in quotas.iter().enumerate() {
        if index > 0 && quotas[index - 1].channel() >= quota.channel() {
            return Err(Malformed::QuotaOrder(index));
        }
        let guaranteed = quota.guaranteed.get();
        if guaranteed > quota.cap.get().min(STOCK_UNITS_MAX) {
            return Err(Malformed::Guarantee { index, guaranteed });
        }
        if quota.spare != [0; 6] || guaranteed == 0 && quota.lapses_ms.get() != 0 {
            return Err(Malformed::QuotaSpare(index));
        }
    }
    Ok(())
}

fn check_units(units: &[U32]) -> Result<(), Malformed> {
    if units.len() > LINES_MAX {
        return Err(Malformed::LineCount(units.len()));
    }
    if let Some(line) = units.iter().position(|units| units.get() > UNITS_PER_LINE_MAX) {
        return Err(Malformed::LineUnits { line, units: units[line].get() });
    }
    if !units.is_empty() && units.iter().all(|units| units.get() == 0) {
        return Err(Malformed::NoUnits);
    }
    Ok(())
}

//! The fixed limits of the contract: whether a request is well formed. They are checked once, where a request comes in,
//! so that `decide` need not look at its numbers again.
//!
//! Invariant: what passes here lies inside [`crate::limits`]; what does not is never executed.

use super::*;

/// A request that breaks a fixed limit of the contract. It is never executed and costs its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No operation id.
    #[error("the operation id is zero: every command carries one")]
    OperationZero,
    /// A slot that does not exist.
    #[error("slot {0} does not exist: slots are 0 to 1023")]
    SlotOutOfRange(u16),
    /// No lines, or more than 64.
    #[error("{0} lines: a hold has 1 to 64")]
    LineCount(usize),
    /// A line asks for nothing or too much.
    #[error("line {line} asks for {units} units: 1 to {UNITS_PER_LINE_MAX} are possible")]
    LineUnits {
        /// The line's position.
        line: usize,
        /// What it asks for.
        units: u32,
    },
    /// A partial line whose minimum exceeds its wish.
    #[error("line {line} wants at least {units_min} of {units} units")]
    LineMinimum {
        /// The line's position.
        line: usize,
        /// The minimum given.
        units_min: u32,
        /// The units asked for.
        units: u32,
    },
    /// A time to live beyond the maximum, or zero in an EXTEND.
    #[error("a time to live of {0} ms is not possible: at most {TTL_MAX_MS} ms, and an EXTEND needs one")]
    Ttl(u32),
    /// A hold that replaces itself.
    #[error("a hold can't replace itself")]
    ReplaceSelf,
    /// A stock quantity of zero or beyond the maximum.
    #[error("{0} units: a stock takes up to {STOCK_UNITS_MAX}, and a change moves at least 1")]
    StockUnits(u64),
    /// A name that is empty, too long or not UTF-8.
    #[error("a stock's name has 1 to {NAME_BYTES_MAX} bytes of UTF-8")]
    Name,
    /// A stock that closes before it opens.
    #[error("the stock closes at {closes_ms}, not after it opens at {opens_ms}")]
    Times {
        /// Opening time.
        opens_ms: u64,
        /// Closing time.
        closes_ms: u64,
    },
    /// A purchase limit beyond what a line can ask for.
    #[error("a purchase limit of {0} units: at most {UNITS_PER_LINE_MAX} are possible")]
    Limit(u32),
    /// A keys stock that is made with units.
    #[error("a keys stock has no units of its own: import keys")]
    KeysWithUnits,
    /// No keys, or too many.
    #[error("{0} keys: an import brings 1 to {KEYS_PER_CHUNK_MAX}")]
    KeyCount(usize),
    /// Lengths that do not fit the texts, or too many bytes.
    #[error("{0} bytes of keys: lengths and texts must agree, and have at most {KEY_BLOCK_BYTES_MAX} bytes")]
    KeyBlock(usize),
    /// A key that is empty, too long or not UTF-8.
    #[error("key {0} of the block has not 1 to {KEY_TEXT_BYTES_MAX} bytes of UTF-8")]
    KeyText(usize),
    /// No quotas, or too many.
    #[error("{0} quotas: a stock has 1 to {CHANNELS_PER_STOCK_MAX}")]
    QuotaCount(usize),
    /// Quotas out of order, or two of one channel.
    #[error("quota {0} is out of order: quotas stand in ascending order of channels, one each")]
    QuotaOrder(usize),
    /// A guarantee above its cap or beyond what a stock can have.
    #[error(
        "quota {index} guarantees {guaranteed} units: at most its cap and {STOCK_UNITS_MAX} are possible"
    )]
    Guarantee {
        /// The quota's position.
        index: usize,
        /// The guarantee.
        guaranteed: u64,
    },
    /// A quota whose reserved bytes are not 0, or that lapses without a guarantee.
    #[error("quota {0}: reserved bytes must be 0, and only a guarantee can lapse")]
    QuotaSpare(usize),
    /// A CONFIRM or RETURN that names no unit at all.
    #[error("units are listed but all are zero: leave the list out for all, or RELEASE")]
    NoUnits,
}

impl Request<'_> {
    /// Checks the fixed limits of the contract. Slots of stocks are not checked here: CROSS_SLOT is an answer.
    pub fn check(&self) -> Result<(), Malformed> {
        let named = matches!(
            self.command,
            Command::StockShow { .. }
                | Command::StockChannels { .. }
                | Command::BatchesShow { .. }
                | Command::KeysRead { .. }
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
                take.check(self.envelope.operation)
            }
            Command::Sell { take, .. } => take.check(self.envelope.operation),
            Command::Extend { ttl_ms, .. } if *ttl_ms == 0 || *ttl_ms > TTL_MAX_MS => {
                Err(Malformed::Ttl(*ttl_ms))
            }
            Command::Confirm { units, .. } | Command::Return { units, .. } => check_units(units),
            Command::BatchCreate(create) => check_name(create.supplier),
            Command::KeysImport { block, .. } => check_block(block),
            Command::Extend { .. }
            | Command::Release
            | Command::BatchChange { .. }
            | Command::Reveal { .. }
            | Command::KeyReplace { .. }
            | Command::KeysRead { .. }
            | Command::BatchesShow { .. }
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
    fn check(&self) -> Result<(), Malformed> {
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
    if create.keys && create.units != 0 {
        return Err(Malformed::KeysWithUnits);
    }
    if create.units > STOCK_UNITS_MAX {
        return Err(Malformed::StockUnits(create.units));
    }
    create.terms.check()
}

fn check_name(name: &[u8]) -> Result<(), Malformed> {
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

fn check_stock_units(units: u64) -> Result<(), Malformed> {
    if units == 0 || units > STOCK_UNITS_MAX { Err(Malformed::StockUnits(units)) } else { Ok(()) }
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

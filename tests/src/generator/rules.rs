//! Drawing limits, prices, risk rules and blocks: small ones that bite soon, clocks whose midnight is near, windows that end.
//!
//! Invariant: what is drawn is well formed; whether it is allowed is for engine and oracle to say.

use super::Generator;
use super::plan::{Kind, pick};
use crate::oracle::{Oracle, Stock};
use crate::request::{OwnedCommand, OwnedTake};
use scrip_engine::command::{
    Block, Envelope, Limits, Parties, Price, PriceKind, RiskRule, Span, SpanLimits, SubjectLimit,
};
use scrip_engine::ids::StockId;
use zerocopy::little_endian::{I16, U16, U32, U64, U128};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// When the next day begins by a clock that is so many minutes ahead of UTC.
pub(super) fn next_midnight_ms(now_ms: u64, minutes: i16) -> u64 {
    let ahead_ms = (i64::from(minutes) + 1_440) as u64 * 60_000;
    (now_ms + ahead_ms) / DAY_MS * DAY_MS + DAY_MS - ahead_ms
}

impl Generator {
    /// STOCK_LIMITS, STOCK_PRICE, STOCK_TERMS_SHOW.
    pub(super) fn rules_of_stock(
        &mut self,
        id: StockId,
        (stock, zoned): (Option<&Stock>, bool),
        kind: Kind,
    ) -> OwnedCommand {
        let version = self.version(stock);
        match kind {
            Kind::StockLimits => {
                let limits = self.limits(stock, zoned);
                OwnedCommand::StockLimits { stock: id, version, limits, spans: self.span_limits() }
            }
            Kind::StockPrice => {
                let count = *pick(&mut self.rng, &[0, 1, 2, 2, 3, 5]);
                let prices = (0..count).map(|_| self.price()).collect();
                OwnedCommand::StockPrice { stock: id, version, prices }
            }
            _ => OwnedCommand::StockTermsShow { stock: id },
        }
    }

    /// RISK_SET, BLOCK_SET, RISK_SHOW.
    pub(super) fn rules_of_merchant(&mut self, kind: Kind) -> OwnedCommand {
        match kind {
            Kind::RiskSet => OwnedCommand::RiskSet { rule: self.rule() },
            Kind::BlockSet => OwnedCommand::BlockSet { block: self.block() },
            _ => OwnedCommand::RiskShow { from: *pick(&mut self.rng, &[0, 0, 1, 2, u32::MAX]) },
        }
    }

    pub(super) fn limits(&mut self, stock: Option<&Stock>, zoned: bool) -> Limits {
        let clock = stock.and_then(|stock| stock.clock);
        // One kind alone mostly: all together, the tightest hides the others.
        let wanted = self.rng.usize(0..4);
        let subjects = [0, 1, 2, 3].map(|position| {
            let draw = position == wanted || self.rng.u8(0..4) == 0;
            if draw { self.subject_limit() } else { SubjectLimit::default() }
        });
        let minutes = clock.filter(|_| self.rng.u8(0..12) > 0).unwrap_or_else(|| self.clock_of_stock(zoned));
        Limits { subjects, utc_offset_minutes: I16::new(minutes), spare: [0; 6] }
    }

    /// Limits of weeks and months, or that they stay.
    pub(super) fn span_limits(&mut self) -> Option<SpanLimits> {
        if self.rng.bool() {
            return None;
        }
        let mut spans = SpanLimits::default();
        let (wanted, span) = (self.rng.usize(0..4), *self.choose(&Span::ALL));
        spans.of_mut(span)[wanted].set(*pick(&mut self.rng, &[0, 1, 2, 3, 5, 8]));
        if self.rng.u8(0..4) == 0 {
            let (other, span) = (self.rng.usize(0..4), *self.choose(&Span::ALL));
            spans.of_mut(span)[other].set(*pick(&mut self.rng, &[2, 4, 9]));
        }
        Some(spans)
    }

    fn subject_limit(&mut self) -> SubjectLimit {
        let mut few = || *pick(&mut self.rng, &[0, 0, 1, 2, 3, 5, 8]);
        SubjectLimit::new(few(), few(), few())
    }

    /// A clock, or the merchant's zone: mostly if he has one, now and then if he has none.
    fn clock_of_stock(&mut self, zoned: bool) -> i16 {
        let by_zone = if zoned { 8 } else { 1 };
        if self.rng.u8(0..12) < by_zone { Limits::BY_ZONE } else { self.clock().max(-720) }
    }

    /// A clock: one of the usual ones, or one by which midnight is less than a minute away.
    pub(super) fn clock(&mut self) -> i16 {
        let near = self.near_midnight();
        *self.choose(&[near, near, near, 0, 480, -720, 840, 330])
    }

    /// A clock by which midnight is less than a minute away.
    pub(super) fn near_midnight(&self) -> i16 {
        let minute = (self.now_ms / 60_000 % 1_440) as i16;
        let near = 1_439 - minute;
        if near > 840 { near - 1_440 } else { near }
    }

    fn price(&mut self) -> Price {
        let channel = if self.rng.bool() { Price::ANY_CHANNEL } else { self.channel() };
        let kind = *pick(&mut self.rng, &[PriceKind::List, PriceKind::Member, PriceKind::Promotional]);
        let amount = *pick(&mut self.rng, &[1, 2, 3, 7, 100, u32::MAX]);
        let near_ms = self.now_ms + self.rng.u64(1..40);
        let later_ms = self.now_ms + self.rng.u64(1..3_000);
        let from_ms = *self.choose(&[0, 0, 0, self.now_ms, self.now_ms + 1, near_ms]);
        let until_ms = *self.choose(&[0, 0, near_ms, later_ms, self.now_ms + 1]);
        let until_ms = if until_ms > from_ms { until_ms } else { 0 };
        Price {
            from_ms: U64::new(from_ms),
            until_ms: U64::new(until_ms),
            ..Price::new(channel, kind, amount)
        }
    }

    fn rule(&mut self) -> RiskRule {
        let channel = if self.rng.bool() { Price::ANY_CHANNEL } else { self.channel() };
        RiskRule {
            number: U16::new(self.rng.u16(1..=3)),
            channel: U16::new(channel.0),
            subject: self.rng.u8(1..=5),
            action: *pick(&mut self.rng, &[0, 1, 1, 2, 2]),
            spare: U16::ZERO,
            at_most: U32::new(*pick(&mut self.rng, &[0, 1, 2, 2, 3, 5, 20])),
            window_ms: U32::new(*pick(&mut self.rng, &[1_000, 1_000, 1_001, 2_500, 60_000, 3_600_000])),
        }
    }

    fn block(&mut self) -> Block {
        let ends_ms = self.now_ms + self.rng.u64(0..60);
        let later_ms = self.now_ms + self.rng.u64(1..3_000);
        Block {
            subject: U128::new(self.rng.u128(1..=self.plan.buyers)),
            until_ms: U64::new(*self.choose(&[0, ends_ms, ends_ms, ends_ms, later_ms])),
            kind: self.rng.u8(1..=5),
            action: *pick(&mut self.rng, &[0, 0, 1, 2, 2]),
            spare: [0; 6],
        }
    }

    /// What a take need not carry: further subjects, membership, what the buyer was told.
    pub(super) fn add_optional_parts(&mut self, oracle: &Oracle, envelope: &Envelope, take: &mut OwnedTake) {
        let chances = self.plan.chances;
        if self.happens(chances.parties) {
            let most = self.plan.buyers as u64;
            let (limit_key, device, address) =
                (self.rng.u64(0..=most), self.rng.u64(0..=most), self.rng.u64(0..=most));
            take.parties = Some(Parties::new(u128::from(limit_key), device, address));
        }
        take.member = self.happens(chances.member);
        if self.happens(chances.quoted) {
            let total = oracle.total(envelope.channel, take).unwrap_or(0);
            take.expected_total = Some(if self.rng.bool() { total } else { total ^ 1 });
        }
    }

    /// When prices begin and end, blocks end, windows of rules end, and days begin.
    pub(super) fn moments_of_rules(&self, oracle: &Oracle) -> Vec<u64> {
        let mut moments_ms = Vec::new();
        for stock in oracle.stocks.values() {
            let of_prices = stock.prices.iter().flat_map(|price| [price.from_ms.get(), price.until_ms.get()]);
            moments_ms.extend(of_prices);
            let clock = stock.clock.filter(|minutes| *minutes != Limits::BY_ZONE);
            moments_ms.extend(clock.map(|minutes| next_midnight_ms(self.now_ms, minutes)));
        }
        moments_ms.extend(self.moments_of_zones(oracle));
        let rules = oracle.risk.rules.values().flatten();
        moments_ms.extend(rules.map(|(_, rule)| {
            let window_ms = u64::from(rule.rule.window_ms.get());
            (self.now_ms / window_ms + 1) * window_ms
        }));
        moments_ms.extend(oracle.risk.blocks.values().flatten().map(|(_, block)| block.until_ms.get()));
        moments_ms
    }

    /// The same command on rules with one thing changed.
    pub(super) fn altered_rules(&mut self, command: OwnedCommand) -> OwnedCommand {
        match command {
            OwnedCommand::StockLimits { stock, version, mut limits, mut spans } => {
                if let Some(spans) = &mut spans {
                    let limit = &mut spans.per_week[self.rng.usize(0..4)];
                    limit.set(limit.get() ^ 1);
                } else {
                    let limit = &mut limits.subjects[self.rng.usize(0..4)];
                    limit.per_day = U32::new(limit.per_day.get() ^ 1);
                }
                OwnedCommand::StockLimits { stock, version, limits, spans }
            }
            OwnedCommand::StockPrice { stock, version, mut prices } => {
                if prices.pop().is_none() {
                    prices.push(self.price());
                }
                OwnedCommand::StockPrice { stock, version, prices }
            }
            OwnedCommand::RiskSet { mut rule } => {
                rule.at_most = U32::new(rule.at_most.get() ^ 1);
                OwnedCommand::RiskSet { rule }
            }
            OwnedCommand::BlockSet { mut block } => {
                block.until_ms = U64::new(block.until_ms.get() ^ 1);
                OwnedCommand::BlockSet { block }
            }
            OwnedCommand::RiskShow { from } => OwnedCommand::RiskShow { from: from ^ 1 },
            OwnedCommand::Link { user, to, reason } => OwnedCommand::Link { user: to, to: user, reason },
            OwnedCommand::Unlink { user, reason } => OwnedCommand::Unlink { user, reason: reason ^ 1 },
            OwnedCommand::Label { user, fingerprint, key } => {
                OwnedCommand::Label { user, fingerprint: fingerprint ^ 1, key }
            }
            OwnedCommand::Erase { user, reason } => OwnedCommand::Erase { user, reason: reason ^ 1 },
            OwnedCommand::ZoneSet { version, mut name, transitions } if self.rng.bool() => {
                name.push(b'x');
                OwnedCommand::ZoneSet { version, name, transitions }
            }
            OwnedCommand::ZoneSet { version, name, mut transitions } => {
                let last = &mut transitions.last_mut().expect("a zone has transitions").offset_minutes;
                last.set(last.get() ^ 1);
                OwnedCommand::ZoneSet { version, name, transitions }
            }
            other => self.altered_keys(other),
        }
    }
}

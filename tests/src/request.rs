//! Requests that own their parts, so that a history can be kept, changed a little and asked again.
//!
//! Invariant: [`OwnedRequest::with`] hands out exactly the request that was put in.

mod cards;

pub use cards::{
    CardCommand, OwnedActivityWish, OwnedCreate, OwnedGroupWish, OwnedIssue, OwnedQuote, OwnedQuoteReserve,
    OwnedRedeem, Worth,
};

use core::fmt;
use scrip_engine::calendar::Transition;
use scrip_engine::command::{
    BatchChange, BatchCreate, Block, CardLine, Command, Envelope, KeyBlock, Label, Limits, Line, Parties,
    Price, Quota, Request, RiskRule, SpanLimits, StockCreate, StockKind, StockTerms, Take, ZoneSet,
};
use scrip_engine::ids::{OperationId, OrderId, StockId, UserId};
use zerocopy::little_endian::{U32, U128};

/// [`Request`], owned.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedRequest {
    /// Who, where, when.
    pub envelope: Envelope,
    /// What.
    pub command: OwnedCommand,
}

/// [`Command`], owned.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the variants are those of `Command`, which documents them")]
pub enum OwnedCommand {
    StockCreate {
        stock: StockId,
        name: Vec<u8>,
        units: u64,
        kind: StockKind,
        once_per_order: bool,
        terms: StockTerms,
    },
    StockSupply {
        stock: StockId,
        units: u64,
    },
    StockVoid {
        stock: StockId,
        units: u64,
        from_frozen: bool,
        forced: bool,
    },
    StockFreeze {
        stock: StockId,
        units: u64,
        forced: bool,
    },
    StockUnfreeze {
        stock: StockId,
        units: u64,
    },
    StockEdit {
        stock: StockId,
        version: u32,
        terms: StockTerms,
    },
    StockQuota {
        stock: StockId,
        version: u32,
        quotas: Vec<Quota>,
    },
    Reserve {
        take: OwnedTake,
        ttl_ms: u32,
    },
    QuoteReserve(Box<OwnedQuoteReserve>),
    Extend {
        hold: OperationId,
        ttl_ms: u32,
    },
    BatchCreate {
        stock: StockId,
        batch: u32,
        cost: u64,
        expires_ms: u64,
        supplier: Vec<u8>,
    },
    BatchChange {
        stock: StockId,
        batch: u32,
        change: BatchChange,
        forced: bool,
    },
    KeysImport {
        stock: StockId,
        batch: u32,
        texts: Vec<u16>,
        sealed: Sealed,
    },
    Confirm {
        units: Vec<u32>,
        hidden: bool,
    },
    Release,
    Cancel,
    Sell {
        take: OwnedTake,
        paid: bool,
        hidden: bool,
    },
    Return {
        hold: OperationId,
        to_available: bool,
        units: Vec<u32>,
    },
    Reveal {
        hold: OperationId,
    },
    KeyReplace {
        hold: OperationId,
        key: u32,
        reason: u16,
    },
    KeyReclaim {
        hold: OperationId,
        key: u32,
        reason: u16,
    },
    KeysExport {
        stock: StockId,
        batch: Option<u32>,
        from: u32,
    },
    KeysList {
        stock: StockId,
        batch: Option<u32>,
        from: u32,
    },
    KeysRead {
        hold: OperationId,
        from: u32,
    },
    BatchesShow {
        stock: StockId,
        from: u32,
    },
    StockShow {
        stock: StockId,
    },
    StockChannels {
        stock: StockId,
    },
    OwedShow {
        stock: StockId,
        from: u32,
    },
    OrderShow {
        order: OrderId,
        after: OperationId,
        limit: u32,
    },
    OperationShow,
    StockLimits {
        stock: StockId,
        version: u32,
        limits: Limits,
        spans: Option<SpanLimits>,
    },
    StockPrice {
        stock: StockId,
        version: u32,
        prices: Vec<Price>,
    },
    RiskSet {
        rule: RiskRule,
    },
    BlockSet {
        block: Block,
    },
    StockTermsShow {
        stock: StockId,
    },
    RiskShow {
        from: u32,
    },
    ZoneSet {
        version: u32,
        name: Vec<u8>,
        transitions: Vec<Transition>,
    },
    ZoneShow,
    Link {
        user: UserId,
        to: UserId,
        reason: u16,
    },
    Unlink {
        user: UserId,
        reason: u16,
    },
    IdentityShow {
        user: UserId,
    },
    /// Sealed, as the edge does it; its text is nothing to the engine.
    Label {
        user: UserId,
        fingerprint: u64,
        key: u32,
    },
    Erase {
        user: UserId,
        reason: u16,
    },
    OfCards(CardCommand),
}

/// What the edge makes of texts. It is made anew with each attempt, so it is no content: all are equal.
#[derive(Debug, Clone, Default)]
pub struct Sealed(pub Vec<u8>);

impl PartialEq for Sealed {
    fn eq(&self, _: &Sealed) -> bool {
        true
    }
}

/// [`Take`], owned.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs, reason = "the fields are those of `Take`, which documents them")]
pub struct OwnedTake {
    pub order: OrderId,
    pub user: UserId,
    pub partial: bool,
    pub replace: OperationId,
    pub parties: Option<Parties>,
    pub expected_total: Option<u64>,
    pub member: bool,
    pub wait_until_ms: u64,
    pub lines: Vec<Wish>,
    pub cards: Vec<CardLine>,
}

/// [`Line`] in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `Line`, which documents them")]
pub struct Wish {
    pub stock: StockId,
    pub units: u32,
    pub units_min: u32,
}

impl Wish {
    /// A wish for exactly `units`.
    pub fn exactly(stock: StockId, units: u32) -> Wish {
        Wish { stock, units, units_min: units }
    }
}

impl OwnedRequest {
    /// Lends the request, as the engine takes it, to `work`.
    pub fn with<R>(&self, work: impl FnOnce(&Request<'_>) -> R) -> R {
        let lines: Vec<Line> =
            self.take().map(|take| take.lines.as_slice()).unwrap_or_default().iter().map(wire).collect();
        let units: Vec<U32> = self.units().iter().map(|units| U32::new(*units)).collect();
        let prints = self.fingerprints();
        let parties = self.take().and_then(|take| take.parties.as_ref());
        let cards = self.take().map_or(&[][..], |take| &take.cards);
        let borrow = |take: &OwnedTake| Take {
            order: take.order,
            user: take.user,
            partial: take.partial,
            replace: take.replace,
            parties,
            expected_total: take.expected_total,
            member: take.member,
            wait_until_ms: take.wait_until_ms,
            lines: &lines,
            cards,
        };
        let command = match &self.command {
            OwnedCommand::StockCreate { stock, name, units, kind, once_per_order, terms } => {
                Command::StockCreate(StockCreate {
                    stock: *stock,
                    name,
                    units: *units,
                    kind: *kind,
                    once_per_order: *once_per_order,
                    terms: *terms,
                })
            }
            OwnedCommand::StockSupply { stock, units } => {
                Command::StockSupply { stock: *stock, units: *units }
            }
            OwnedCommand::StockVoid { stock, units, from_frozen, forced } => Command::StockVoid {
                stock: *stock,
                units: *units,
                from_frozen: *from_frozen,
                forced: *forced,
            },
            OwnedCommand::StockFreeze { stock, units, forced } => {
                Command::StockFreeze { stock: *stock, units: *units, forced: *forced }
            }
            OwnedCommand::StockUnfreeze { stock, units } => {
                Command::StockUnfreeze { stock: *stock, units: *units }
            }
            OwnedCommand::StockEdit { stock, version, terms } => {
                Command::StockEdit { stock: *stock, version: *version, terms: *terms }
            }
            OwnedCommand::StockQuota { stock, version, quotas } => {
                Command::StockQuota { stock: *stock, version: *version, quotas }
            }
            OwnedCommand::Reserve { take, ttl_ms } => {
                Command::Reserve { take: borrow(take), ttl_ms: *ttl_ms }
            }
            OwnedCommand::QuoteReserve(quote) => quote.lend(),
            OwnedCommand::Extend { hold, ttl_ms } => Command::Extend { hold: *hold, ttl_ms: *ttl_ms },
            OwnedCommand::Confirm { hidden, .. } => Command::Confirm { units: &units, hidden: *hidden },
            OwnedCommand::Release => Command::Release,
            OwnedCommand::Cancel => Command::Cancel,
            OwnedCommand::Sell { take, paid, hidden } => {
                Command::Sell { take: borrow(take), paid: *paid, hidden: *hidden }
            }
            OwnedCommand::Return { hold, to_available, .. } => {
                Command::Return { hold: *hold, to_available: *to_available, units: &units }
            }
            OwnedCommand::StockShow { stock } => Command::StockShow { stock: *stock },
            OwnedCommand::StockChannels { stock } => Command::StockChannels { stock: *stock },
            OwnedCommand::OwedShow { stock, from } => Command::OwedShow { stock: *stock, from: *from },
            OwnedCommand::OrderShow { order, after, limit } => {
                Command::OrderShow { order: *order, after: *after, limit: *limit }
            }
            OwnedCommand::OperationShow => Command::OperationShow,
            OwnedCommand::StockLimits { .. }
            | OwnedCommand::StockPrice { .. }
            | OwnedCommand::RiskSet { .. }
            | OwnedCommand::BlockSet { .. }
            | OwnedCommand::StockTermsShow { .. }
            | OwnedCommand::RiskShow { .. }
            | OwnedCommand::ZoneSet { .. }
            | OwnedCommand::Link { .. }
            | OwnedCommand::Unlink { .. }
            | OwnedCommand::IdentityShow { .. }
            | OwnedCommand::Label { .. }
            | OwnedCommand::Erase { .. }
            | OwnedCommand::ZoneShow => self.command.lend_rules(),
            OwnedCommand::OfCards(command) => command.lend(),
            of_keys => of_keys.lend(&prints),
        };
        work(&Request { envelope: self.envelope, command })
    }

    /// What a RESERVE or SELL takes.
    pub fn take(&self) -> Option<&OwnedTake> {
        match &self.command {
            OwnedCommand::Reserve { take, .. } | OwnedCommand::Sell { take, .. } => Some(take),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn take_mut(&mut self) -> Option<&mut OwnedTake> {
        match &mut self.command {
            OwnedCommand::Reserve { take, .. } | OwnedCommand::Sell { take, .. } => Some(take),
            _ => None,
        }
    }

    /// Whether it asks and changes nothing.
    pub fn is_query(&self) -> bool {
        if let OwnedCommand::OfCards(command) = &self.command {
            return command.is_query();
        }
        matches!(
            self.command,
            OwnedCommand::StockShow { .. }
                | OwnedCommand::StockChannels { .. }
                | OwnedCommand::KeysRead { .. }
                | OwnedCommand::KeysList { .. }
                | OwnedCommand::BatchesShow { .. }
                | OwnedCommand::OwedShow { .. }
                | OwnedCommand::OrderShow { .. }
                | OwnedCommand::OperationShow
                | OwnedCommand::StockTermsShow { .. }
                | OwnedCommand::RiskShow { .. }
                | OwnedCommand::ZoneShow
                | OwnedCommand::IdentityShow { .. }
        )
    }

    /// What the edge makes of the texts of an import: as unlike as the texts, for one merchant and slot. Two of them
    /// share an index slot, so that they are told apart by more than that.
    fn fingerprints(&self) -> Vec<U128> {
        let OwnedCommand::KeysImport { texts, .. } = &self.command else { return Vec::new() };
        let owner = u64::from(self.envelope.merchant.0) << 32 | u64::from(self.envelope.slot.0) << 16;
        let print = |text: &u16| {
            let place = (owner ^ u64::from(text / 2)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            U128::new(u128::from(place) << 64 | u128::from(owner | u64::from(*text)))
        };
        texts.iter().map(print).collect()
    }

    fn units(&self) -> &[u32] {
        match &self.command {
            OwnedCommand::Confirm { units, .. } | OwnedCommand::Return { units, .. } => units,
            _ => &[],
        }
    }
}

impl OwnedCommand {
    /// The commands on limits, prices, risk and zones, as the engine takes them. Panics on any other.
    fn lend_rules(&self) -> Command<'_> {
        match self {
            OwnedCommand::StockLimits { stock, version, limits, spans } => {
                let spans = spans.as_ref();
                Command::StockLimits { stock: *stock, version: *version, limits, spans }
            }
            OwnedCommand::StockPrice { stock, version, prices } => {
                Command::StockPrice { stock: *stock, version: *version, prices }
            }
            OwnedCommand::RiskSet { rule } => Command::RiskSet { rule },
            OwnedCommand::BlockSet { block } => Command::BlockSet { block },
            OwnedCommand::StockTermsShow { stock } => Command::StockTermsShow { stock: *stock },
            OwnedCommand::RiskShow { from } => Command::RiskShow { from: *from },
            OwnedCommand::ZoneSet { version, name, transitions } => {
                Command::ZoneSet(ZoneSet { version: *version, name, transitions })
            }
            OwnedCommand::ZoneShow => Command::ZoneShow,
            OwnedCommand::Link { user, to, reason } => {
                Command::Link { user: *user, to: *to, reason: *reason }
            }
            OwnedCommand::Unlink { user, reason } => Command::Unlink { user: *user, reason: *reason },
            OwnedCommand::IdentityShow { user } => Command::IdentityShow { user: *user },
            OwnedCommand::Label { user, fingerprint, key } => {
                let label = Label::Sealed { fingerprint: *fingerprint, key: *key, sealed: b"sealed" };
                Command::Label { user: *user, label }
            }
            OwnedCommand::Erase { user, reason } => Command::Erase { user: *user, reason: *reason },
            other => unreachable!("{other:?} is lent elsewhere"),
        }
    }

    /// The commands on batches and keys, as the engine takes them. Panics on any other.
    fn lend<'c>(&'c self, fingerprints: &'c [U128]) -> Command<'c> {
        match self {
            OwnedCommand::BatchCreate { stock, batch, cost, expires_ms, supplier } => {
                Command::BatchCreate(BatchCreate {
                    stock: *stock,
                    batch: *batch,
                    cost: *cost,
                    expires_ms: *expires_ms,
                    supplier,
                })
            }
            OwnedCommand::BatchChange { stock, batch, change, forced } => {
                Command::BatchChange { stock: *stock, batch: *batch, change: *change, forced: *forced }
            }
            OwnedCommand::KeysImport { stock, batch, sealed, .. } => {
                let block = KeyBlock::Sealed { fingerprints, sealed: &sealed.0 };
                Command::KeysImport { stock: *stock, batch: *batch, block }
            }
            OwnedCommand::Reveal { hold } => Command::Reveal { hold: *hold },
            OwnedCommand::KeyReplace { hold, key, reason } => {
                Command::KeyReplace { hold: *hold, key: *key, reason: *reason }
            }
            OwnedCommand::KeyReclaim { hold, key, reason } => {
                Command::KeyReclaim { hold: *hold, key: *key, reason: *reason }
            }
            OwnedCommand::KeysExport { stock, batch, from } => {
                Command::KeysExport { stock: *stock, batch: *batch, from: *from }
            }
            OwnedCommand::KeysList { stock, batch, from } => {
                Command::KeysList { stock: *stock, batch: *batch, from: *from }
            }
            OwnedCommand::KeysRead { hold, from } => Command::KeysRead { hold: *hold, from: *from },
            OwnedCommand::BatchesShow { stock, from } => Command::BatchesShow { stock: *stock, from: *from },
            other => unreachable!("{other:?} is lent before"),
        }
    }
}

/// For people: one line, ids short.
impl fmt::Display for OwnedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Envelope { merchant, slot, channel, operation, created_ms, deadline_ms, segments } =
            self.envelope;
        write!(f, "{:x} of {} in {} by {} made {created_ms}", operation.0, merchant.0, slot.0, channel.0)?;
        if deadline_ms != 0 {
            write!(f, " until {deadline_ms}")?;
        }
        if !segments.is_none() {
            write!(f, " in segments {segments:?}")?;
        }
        match (self.take(), &self.command) {
            (Some(take), OwnedCommand::Reserve { ttl_ms, .. }) => write!(f, ": RESERVE ttl {ttl_ms}{take}"),
            (Some(take), OwnedCommand::Sell { paid, hidden, .. }) => {
                write!(f, ": SELL paid {paid} hidden {hidden}{take}")
            }
            (_, command) => write!(f, ": {command:?}"),
        }
    }
}

impl fmt::Display for OwnedTake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " user {:x} order {:x}", self.user.0, self.order.0)?;
        if self.replace != OperationId(0) {
            write!(f, " replace {:x}", self.replace.0)?;
        }
        if self.partial {
            write!(f, " partial")?;
        }
        if let Some(Parties { limit_key, device, address }) = self.parties {
            write!(f, " limit key {limit_key:x} device {device:x} address {address:x}")?;
        }
        if let Some(total) = self.expected_total {
            write!(f, " expects {total}")?;
        }
        if self.member {
            write!(f, " member")?;
        }
        if self.wait_until_ms != 0 {
            write!(f, " waits until {}", self.wait_until_ms)?;
        }
        for Wish { stock, units, units_min } in &self.lines {
            write!(f, " [{stock} x {units}")?;
            if self.partial {
                write!(f, " least {units_min}")?;
            }
            write!(f, "]")?;
        }
        for line in &self.cards {
            write!(f, " [card {} x {} on {}]", line.card(), line.units, line.amount)?;
        }
        Ok(())
    }
}

fn wire(wish: &Wish) -> Line {
    Line { units_min: U32::new(wish.units_min), ..Line::new(wish.stock, wish.units) }
}

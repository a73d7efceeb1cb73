//! The decoder of answers: borrowed from the payload they arrived in.
//!
//! Invariant: what comes out is exactly what a server of this version can have said; anything else is malformed, so a
//! client never takes a guess for an answer.

use crate::answers::{
    ANSWER_HEADER_BYTES, AnswerHeader, AnswerKind, ChannelsBody, ConfirmedBody, FactsKind, HoldBody,
    MaximumFact, OperationBody, ReservedBody, StockBody, TimeFact, UnitsFact, ValueBody, VersionFact, flag,
};
use crate::answers::{
    BatchesBody, CancelledBody, ConfirmedCardsBody, ConfirmedKeysBody, DebtsBody, KeyFact, KeysBody,
    KeysListedBody, OrderHoldsBody, OwedBody, RiskBody, RuleFact, TermsBody, TotalFact, ZoneBody,
};
use crate::commands::kind_of_flags;
use crate::error::{AnswerError, AnswerFault};
use crate::frame::HEADER_BYTES;
use crate::layout::padding;
use crate::limits::ALIGNMENT;
use scrip_engine::answer::{
    Answer, BatchView, Cancelled, ChannelView, DebtView, HoldCard, HoldLine, HoldState, HoldView, KeyItem,
    KeyList, KeyPage, ListPage, ListedItem, ListedKeys, More, OperationKind, OperationView, OrderHold,
    Outcome, SoldCards, StockView,
};
use scrip_engine::calendar::Transition;
use scrip_engine::command::{Block, Limits, Price, RiskRule, SpanLimits, StockTerms};
use scrip_engine::ids::{ChannelId, OperationId, OrderId, StockId, UserId};
use scrip_engine::rejection::{CapacityOf, Code, Facts, LineFact, Rejection};
use scrip_engine::state::keys::{BatchState, KeyState};
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

mod cards;
mod groups;
mod notices;
mod sharing;

/// Iterates over the answers of an ANSWERS payload: the index of the command in its request frame, and what it was
/// answered. After the first error it ends.
#[derive(Debug, Clone)]
pub struct AnswerReader<'a> {
    rest: &'a [u8],
    offset: u32,
    position: u16,
}

impl<'a> AnswerReader<'a> {
    /// Reads the payload of a frame that [`crate::frame::parse`] accepted.
    pub const fn new(payload: &'a [u8]) -> AnswerReader<'a> {
        AnswerReader { rest: payload, offset: HEADER_BYTES as u32, position: 0 }
    }
}

impl<'a> Iterator for AnswerReader<'a> {
    type Item = Result<(u16, Outcome<'a>), AnswerError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match answer(self.rest) {
            Ok((index, outcome, bytes)) => {
                self.rest = &self.rest[bytes..];
                self.offset += bytes as u32;
                self.position = self.position.saturating_add(1);
                Some(Ok((index, outcome)))
            }
            Err(why) => {
                self.rest = &[];
                Some(Err(AnswerError { position: self.position, offset: self.offset, why }))
            }
        }
    }
}

/// The answer that `bytes` begin with, and its length. Inlined by force, like the decoder of commands.
#[inline(always)]
fn answer(bytes: &[u8]) -> Result<(u16, Outcome<'_>, usize), AnswerFault> {
    let (header, _) =
        AnswerHeader::ref_from_prefix(bytes).map_err(|_| AnswerFault::Truncated(bytes.len()))?;
    let length = usize::from(header.length.get());
    if !length.is_multiple_of(ALIGNMENT) || length < ANSWER_HEADER_BYTES || length > bytes.len() {
        return Err(AnswerFault::Length(header.length.get()));
    }
    let kind = AnswerKind::from_number(header.kind).ok_or(AnswerFault::UnknownKind(header.kind))?;
    if header.flags & !kind.flag_bits() != 0 {
        return Err(AnswerFault::UnknownFlags(header.flags & !kind.flag_bits()));
    }
    let mut body = Body { header, rest: &bytes[ANSWER_HEADER_BYTES..length] };
    let outcome = match kind {
        AnswerKind::Rejection => Outcome::Refused(body.rejection()?),
        _ => Outcome::Done(body.done(kind)?),
    };
    if !body.rest.is_empty() {
        return Err(AnswerFault::Length(header.length.get()));
    }
    Ok((header.index.get(), outcome, length))
}

/// An answer's bytes behind its header, while they are read.
struct Body<'a> {
    header: &'a AnswerHeader,
    rest: &'a [u8],
}

impl<'a> Body<'a> {
    #[inline]
    fn fixed<T: FromBytes + KnownLayout + Immutable + Unaligned>(&mut self) -> Result<&'a T, AnswerFault> {
        let (fixed, rest) = T::ref_from_prefix(self.rest).map_err(|_| self.length_fault())?;
        self.rest = rest;
        Ok(fixed)
    }

    fn length_fault(&self) -> AnswerFault {
        AnswerFault::Length(self.header.length.get())
    }

    fn has(&self, flag: u8) -> bool {
        self.header.flags & flag != 0
    }

    fn count(&self) -> usize {
        usize::from(self.header.code_or_count.get())
    }

    fn no_count(&self) -> Result<(), AnswerFault> {
        if self.count() == 0 { Ok(()) } else { Err(AnswerFault::SpareNotZero) }
    }

    /// `count` entries in place, and the zeros behind them.
    #[inline]
    fn entries<T: FromBytes + KnownLayout + Immutable + Unaligned>(
        &mut self,
        count: usize,
    ) -> Result<&'a [T], AnswerFault> {
        let (entries, rest) =
            <[T]>::ref_from_prefix_with_elems(self.rest, count).map_err(|_| self.length_fault())?;
        let (zeros, rest) =
            rest.split_at_checked(padding(size_of_val(entries))).ok_or_else(|| self.length_fault())?;
        self.rest = rest;
        if zeros.iter().all(|&byte| byte == 0) { Ok(entries) } else { Err(AnswerFault::SpareNotZero) }
    }

    fn value(&mut self) -> Result<u64, AnswerFault> {
        self.no_count()?;
        Ok(self.fixed::<ValueBody>()?.value.get())
    }

    #[inline(always)]
    fn done(&mut self, kind: AnswerKind) -> Result<Answer<'a>, AnswerFault> {
        Ok(match kind {
            AnswerKind::Reserved => {
                let body: &ReservedBody = self.fixed()?;
                let units: &[U32] = self.entries(self.count())?;
                Answer::Reserved { deadline_ms: body.deadline_ms.get(), units }
            }
            AnswerKind::Confirmed => {
                let body: &ConfirmedBody = self.fixed()?;
                let units: &[U32] = self.entries(self.count())?;
                let (confirmed_ms, late) = (body.confirmed_ms.get(), self.has(flag::LATE));
                Answer::Confirmed { confirmed_ms, late, units, keys: KeyPage::default(), sold: &[] }
            }
            AnswerKind::ConfirmedKeys => {
                let body: &ConfirmedKeysBody = self.fixed()?;
                let units: &[U32] = self.entries(self.count())?;
                let (confirmed_ms, late) = (body.confirmed_ms.get(), self.has(flag::LATE));
                if body.total.get() == 0 {
                    return Err(AnswerFault::Length(self.header.length.get()));
                }
                let keys = self.keys(body.total.get(), 0, body.keys.get() as usize)?;
                Answer::Confirmed { confirmed_ms, late, units, keys, sold: &[] }
            }
            AnswerKind::ConfirmedCards => {
                let body: &ConfirmedCardsBody = self.fixed()?;
                let units: &[U32] = self.entries(self.count())?;
                let (confirmed_ms, late) = (body.confirmed_ms.get(), self.has(flag::LATE));
                let sold: &[SoldCards] = self.entries(body.sold.get() as usize)?;
                if body.spare.get() != 0 || sold.iter().any(|row| row.spare.get() != 0) {
                    return Err(AnswerFault::SpareNotZero);
                }
                let is_line = |row: &SoldCards| usize::from(row.line.get()) < units.len();
                let none = body.total.get() == 0 && body.keys.get() != 0;
                if none || sold.is_empty() || !sold.iter().all(is_line) {
                    return Err(AnswerFault::Length(self.header.length.get()));
                }
                let keys = match body.total.get() {
                    0 => KeyPage::default(),
                    total => self.keys(total, 0, body.keys.get() as usize)?,
                };
                Answer::Confirmed { confirmed_ms, late, units, keys, sold }
            }
            AnswerKind::KeysImported => Answer::KeysImported { taken: self.value()? },
            AnswerKind::Keys => {
                let body: &KeysBody = self.fixed()?;
                Answer::Keys(self.keys(body.total.get(), body.from.get(), self.count())?)
            }
            AnswerKind::KeysListed => Answer::KeysListed(self.listed(self.count())?),
            AnswerKind::Batches => {
                let body: &BatchesBody = self.fixed()?;
                let batches: &[BatchView] = self.entries(self.count())?;
                if body.spare.get() != 0 || batches.iter().any(|batch| batch.spare.get() != 0) {
                    return Err(AnswerFault::SpareNotZero);
                }
                Answer::Batches { total: body.total.get(), batches }
            }
            AnswerKind::Terms => {
                let body: &TermsBody = self.fixed()?;
                let limits: &Limits = self.fixed()?;
                let spans: SpanLimits =
                    if self.has(flag::SPANS) { *self.fixed()? } else { SpanLimits::default() };
                if self.has(flag::SPANS) && !spans.further() {
                    return Err(AnswerFault::UnknownFlags(flag::SPANS));
                }
                let prices: &[Price] = self.entries(self.count())?;
                if body.spare.get() != 0
                    || limits.spare != [0; 6]
                    || prices.iter().any(|price| price.spare != 0)
                {
                    return Err(AnswerFault::SpareNotZero);
                }
                Answer::Terms { version: body.version.get(), limits: *limits, spans, prices }
            }
            AnswerKind::Risk => {
                let body: &RiskBody = self.fixed()?;
                let rules: &[RiskRule] = self.entries(self.count())?;
                let blocks: &[Block] = self.entries(body.blocks.get() as usize)?;
                if rules.iter().any(|rule| rule.spare.get() != 0)
                    || blocks.iter().any(|block| block.spare != [0; 6])
                {
                    return Err(AnswerFault::SpareNotZero);
                }
                Answer::Risk { rules, total: body.total.get(), blocks }
            }
            AnswerKind::StockChanged => Answer::StockChanged { value: self.value()? },
            AnswerKind::Extended => Answer::Extended { deadline_ms: self.value()? },
            AnswerKind::Returned => Answer::Returned { units: self.value()? },
            AnswerKind::Released => {
                self.no_count()?;
                Answer::Released { lapsed: self.has(flag::LAPSED) }
            }
            AnswerKind::Cancelled => Answer::Cancelled(self.cancelled()?),
            AnswerKind::Stock => Answer::Stock(self.stock()?),
            AnswerKind::Channels => self.channels()?,
            AnswerKind::Owed => {
                self.no_count()?;
                let body: &OwedBody = self.fixed()?;
                if body.spare.get() != 0 {
                    return Err(AnswerFault::SpareNotZero);
                }
                Answer::Owed { position: body.position.get(), until_ms: body.until_ms.get() }
            }
            AnswerKind::Debts => {
                let body: &DebtsBody = self.fixed()?;
                let debts: &[DebtView] = self.entries(self.count())?;
                let is_wrong = |debt: &DebtView| match debt.of_key.get() {
                    0 => debt.key.get() != 0,
                    number => number > 1,
                };
                if body.spare.get() != 0 || debts.iter().any(is_wrong) {
                    return Err(AnswerFault::SpareNotZero);
                }
                Answer::Debts { total: body.total.get(), debts }
            }
            AnswerKind::OrderHolds => self.order_holds()?,
            AnswerKind::Zone => self.zone()?,
            AnswerKind::Identity => Answer::Identity { members: self.entries(self.count())? },
            AnswerKind::Hold => Answer::Hold(self.hold()?),
            AnswerKind::Operation => Answer::Operation(self.operation()?),
            AnswerKind::Issued
            | AnswerKind::Redeemed
            | AnswerKind::OfflineConflict
            | AnswerKind::Reversed
            | AnswerKind::Filled
            | AnswerKind::CardRefunded
            | AnswerKind::GivenCode
            | AnswerKind::Campaign
            | AnswerKind::Card
            | AnswerKind::Wallet
            | AnswerKind::Redemption
            | AnswerKind::Quote
            | AnswerKind::QuoteReserved
            | AnswerKind::PiecesReturned => self.cards(kind)?,
            AnswerKind::GroupJoined => self.group_joined()?,
            AnswerKind::Group => self.group()?,
            AnswerKind::Activity => self.activity()?,
            AnswerKind::Notices => self.notices()?,
            AnswerKind::Rejection => return Err(AnswerFault::UnknownKind(kind as u8)),
        })
    }

    fn zone(&mut self) -> Result<Answer<'a>, AnswerFault> {
        let body: &ZoneBody = self.fixed()?;
        let transitions: &[Transition] = self.entries(self.count())?;
        if body.spare.get() != 0 || transitions.iter().any(|transition| transition.spare != [0; 6]) {
            return Err(AnswerFault::SpareNotZero);
        }
        let name = self.entries(usize::from(body.name_bytes.get()))?;
        Ok(Answer::Zone { version: body.version.get(), name, transitions })
    }

    fn cancelled(&mut self) -> Result<Cancelled, AnswerFault> {
        self.no_count()?;
        let body: &CancelledBody = self.fixed()?;
        let units = body.units.get();
        if body.spare != [0; 7] || body.what != 3 && units != 0 {
            return Err(AnswerFault::SpareNotZero);
        }
        Ok(match body.what {
            0 => Cancelled::Nothing,
            1 => Cancelled::Released,
            2 => Cancelled::Lapsed,
            3 => Cancelled::Returned { units },
            other => return Err(AnswerFault::UnknownNumber(u16::from(other), "what was cancelled")),
        })
    }

    fn rejection(&mut self) -> Result<Rejection<'a>, AnswerFault> {
        let (number, class) = (self.header.code_or_count.get(), self.header.flags & 0x0f);
        let code = Code::from_number(number)
            .filter(|code| code.class() as u8 == class)
            .ok_or(AnswerFault::UnknownRejection { code: number, class })?;
        let facts = FactsKind::from_number(self.header.flags >> 4)
            .ok_or(AnswerFault::UnknownNumber(u16::from(self.header.flags >> 4), "kind of facts"))?;
        let facts = match facts {
            FactsKind::None => Facts::None,
            FactsKind::Lines => Facts::Lines(self.entries(self.rest.len() / size_of::<LineFact>())?),
            FactsKind::Time => Facts::Time(self.fixed::<TimeFact>()?.time_ms.get()),
            FactsKind::Floor => Facts::Floor(self.fixed::<TimeFact>()?.time_ms.get()),
            FactsKind::Maximum => self.maximum()?,
            FactsKind::Version => {
                let fact: &VersionFact = self.fixed()?;
                if fact.spare.get() != 0 {
                    return Err(AnswerFault::SpareNotZero);
                }
                Facts::Version(fact.version.get())
            }
            FactsKind::Total => Facts::Total(self.fixed::<TotalFact>()?.total.get()),
            FactsKind::Rule => {
                let fact: &RuleFact = self.fixed()?;
                if fact.spare != [0; 6] {
                    return Err(AnswerFault::SpareNotZero);
                }
                Facts::Rule(fact.rule.get())
            }
            FactsKind::Key => Facts::Key(self.fixed::<KeyFact>()?.key.get()),
            FactsKind::Units => {
                let fact: &UnitsFact = self.fixed()?;
                Facts::Units {
                    stock: StockId(fact.stock.get()),
                    asked: fact.asked.get(),
                    available: fact.available.get(),
                }
            }
        };
        Ok(Rejection { code, facts })
    }

    fn maximum(&mut self) -> Result<Facts<'a>, AnswerFault> {
        let fact: &MaximumFact = self.fixed()?;
        if fact.spare != [0; 6] {
            return Err(AnswerFault::SpareNotZero);
        }
        let which = fact.which.get();
        let known = CapacityOf::ALL.into_iter().find(|&known| known as u16 == which);
        Ok(Facts::Maximum(known.ok_or(AnswerFault::UnknownNumber(which, "maximum"))?, fact.maximum.get()))
    }

    fn stock(&mut self) -> Result<StockView<'a>, AnswerFault> {
        let body: &StockBody = self.fixed()?;
        let kind = kind_of_flags(self.header.flags).map_err(AnswerFault::UnknownFlags)?;
        Ok(StockView {
            stock: StockId(body.stock.get()),
            version: body.version.get(),
            kind,
            once_per_order: self.has(flag::ONCE_PER_ORDER),
            terms: StockTerms {
                opens_ms: body.opens_ms.get(),
                closes_ms: body.closes_ms.get(),
                limit_per_user: body.limit_per_user.get(),
                frozen: self.has(flag::FROZEN),
            },
            total: body.total.get(),
            available: body.available.get(),
            held: body.held.get(),
            consumed: body.consumed.get(),
            frozen: body.frozen.get(),
            void: body.void.get(),
            marked_frozen: body.marked_frozen.get(),
            marked_void: body.marked_void.get(),
            name: self.entries(self.count())?,
        })
    }

    /// `count` keys in place; each is looked at once, so that reading them later can't fail.
    fn keys(&mut self, total: u32, from: u32, count: usize) -> Result<KeyPage<'a>, AnswerFault> {
        let all = self.rest;
        for _ in 0..count {
            let item: &KeyItem = self.fixed()?;
            if item.spare.get() != 0 || !matches!(item.flags.get(), 0 | 1 | 3) {
                return Err(AnswerFault::SpareNotZero);
            }
            self.entries::<u8>(usize::from(item.text_bytes.get()))?;
        }
        let keys = KeyList::Read(&all[..all.len() - self.rest.len()]);
        Ok(KeyPage { total, from, keys })
    }

    /// `count` listed keys in place, each looked at once.
    fn listed(&mut self, count: usize) -> Result<ListPage<'a>, AnswerFault> {
        let body: &KeysListedBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(AnswerFault::SpareNotZero);
        }
        let all = self.rest;
        for _ in 0..count {
            let item: &ListedItem = self.fixed()?;
            if item.spare.get() != 0 {
                return Err(AnswerFault::SpareNotZero);
            }
            let (state, of_batch) = (item.state, item.batch_state);
            KeyState::from_number(state).ok_or(AnswerFault::UnknownNumber(u16::from(state), "key state"))?;
            BatchState::from_number(of_batch)
                .ok_or(AnswerFault::UnknownNumber(u16::from(of_batch), "batch state"))?;
            self.entries::<u8>(usize::from(item.text_bytes.get()))?;
        }
        let keys = ListedKeys::Read(&all[..all.len() - self.rest.len()]);
        Ok(ListPage { next: body.next.get(), keys })
    }

    fn channels(&mut self) -> Result<Answer<'a>, AnswerFault> {
        let body: &ChannelsBody = self.fixed()?;
        let channels: &[ChannelView] = self.entries(self.count())?;
        if body.spare.get() != 0 || channels.iter().any(|channel| channel.spare != [0; 6]) {
            return Err(AnswerFault::SpareNotZero);
        }
        Ok(Answer::Channels { version: body.version.get(), channels })
    }

    /// Holds of an order in place; each is looked at once, so that reading them later can't fail.
    fn order_holds(&mut self) -> Result<Answer<'a>, AnswerFault> {
        let body: &OrderHoldsBody = self.fixed()?;
        let holds: &[OrderHold] = self.entries(self.count())?;
        if body.spare != [0; 7] || holds.iter().any(|hold| hold.spare != [0; 5]) {
            return Err(AnswerFault::SpareNotZero);
        }
        for hold in holds {
            let (state, refusal) = (hold.state, hold.refusal.get());
            if HoldState::from_number(state).is_none() {
                return Err(AnswerFault::UnknownNumber(u16::from(state), "hold state"));
            }
            if refusal != 0 && Code::from_number(refusal).is_none() {
                return Err(AnswerFault::UnknownNumber(refusal, "rejection code"));
            }
            if hold.flags & !OrderHold::FLAGS != 0 {
                return Err(AnswerFault::UnknownFlags(hold.flags));
            }
        }
        let more = More::from_number(body.more)
            .ok_or(AnswerFault::UnknownNumber(u16::from(body.more), "end of a list"))?;
        Ok(Answer::OrderHolds { more, holds })
    }

    fn hold(&mut self) -> Result<HoldView<'a>, AnswerFault> {
        let body: &HoldBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(AnswerFault::SpareNotZero);
        }
        let state = HoldState::from_number(body.state)
            .ok_or(AnswerFault::UnknownNumber(u16::from(body.state), "hold state"))?;
        let refusal = match body.refusal.get() {
            0 => None,
            number => {
                Some(Code::from_number(number).ok_or(AnswerFault::UnknownNumber(number, "rejection code"))?)
            }
        };
        let lines: &[HoldLine] = self.entries(self.count())?;
        let cards: &[HoldCard] = self.entries(usize::from(body.cards))?;
        Ok(HoldView {
            hold: OperationId(body.hold.get()),
            state,
            channel: ChannelId(body.channel.get()),
            late: self.has(flag::LATE),
            flagged: self.has(flag::FLAGGED),
            refusal,
            order: OrderId(body.order.get()),
            user: UserId(body.user.get()),
            reserved_ms: body.reserved_ms.get(),
            deadline_ms: body.deadline_ms.get(),
            closed_ms: body.closed_ms.get(),
            lines,
            cards,
        })
    }

    fn operation(&mut self) -> Result<OperationView, AnswerFault> {
        self.no_count()?;
        let body: &OperationBody = self.fixed()?;
        if body.spare != [0; 7] {
            return Err(AnswerFault::SpareNotZero);
        }
        let kind = OperationKind::from_number(body.kind)
            .ok_or(AnswerFault::UnknownNumber(u16::from(body.kind), "kind of operation"))?;
        Ok(OperationView { kind, value: body.value.get() })
    }
}

//! The decoder of commands: borrowed from the payload they arrived in, nothing copied, nothing allocated.
//!
//! Invariant: a command that comes out of here is well formed (its `check` passed) and has exactly one spelling, so that
//! two commands with the same meaning are the same to the engine.

use crate::commands::{
    BatchChangeBody, BatchCreateBody, BatchesShowBody, COMMAND_HEADER_BYTES, CommandHeader, CommandKind,
    ExtendBody, KeyReplaceBody, KeysImportBody, KeysListBody, KeysReadBody, OrderShowBody, OwedShowBody,
    ReturnBody, RevealBody, RiskShowBody, StockCreateBody, StockEditBody, StockLimitsBody, StockPriceBody,
    StockQuotaBody, StockShowBody, StockUnitsBody, TakeBody, ZoneSetBody, flag, kind_of_flags,
};
use crate::error::{CommandError, CommandFault};
use crate::extras::{self, Extras};
use crate::frame::HEADER_BYTES;
use crate::layout::padding;
use crate::limits::{ALIGNMENT, COMMAND_BYTES_MAX};
use scrip_engine::command::{
    BatchChange, BatchCreate, CardLine, Command, Envelope, KeyBlock, Line, Parties, Price, Quota, Request,
    Segments, StockCreate, StockTerms, Take, ZoneSet,
};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use zerocopy::little_endian::{U32, U64, U128};
use zerocopy::{FromBytes, Immutable, KnownLayout};

mod cards;
mod groups;
mod persons;
mod sharing;

pub(crate) use cards::check_code;

/// Iterates over the commands of a COMMANDS payload. After the first error it ends: the frame can't be trusted further.
#[derive(Debug, Clone)]
pub struct CommandReader<'a> {
    rest: &'a [u8],
    offset: u32,
    index: u16,
}

impl<'a> CommandReader<'a> {
    /// Reads the payload of a frame that [`crate::frame::parse`] accepted.
    pub const fn new(payload: &'a [u8]) -> CommandReader<'a> {
        CommandReader { rest: payload, offset: HEADER_BYTES as u32, index: 0 }
    }

    /// The index of the command that comes next.
    pub const fn index(&self) -> u16 {
        self.index
    }

    /// Where in the payload the command begins that comes next.
    pub const fn payload_offset(&self) -> usize {
        self.offset as usize - HEADER_BYTES
    }
}

impl<'a> Iterator for CommandReader<'a> {
    type Item = Result<(Request<'a>, Extras<'a>), CommandError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match command(self.rest) {
            Ok((request, extras, bytes)) => {
                self.rest = &self.rest[bytes..];
                self.offset += bytes as u32;
                self.index += 1;
                Some(Ok((request, extras)))
            }
            Err(why) => {
                self.rest = &[];
                Some(Err(CommandError { index: self.index, offset: self.offset, why }))
            }
        }
    }
}

/// The command that `bytes` begin with, and its length. Inlined by force, as is its way from `next` down to the lines:
/// handing a request of 200 bytes up through four results takes about three times as long (benches/wire.rs, six
/// alternating pairs of runs, 1.6 to 6.6 times on a busy machine).
#[inline(always)]
fn command(bytes: &[u8]) -> Result<(Request<'_>, Extras<'_>, usize), CommandFault> {
    let (header, _) =
        CommandHeader::ref_from_prefix(bytes).map_err(|_| CommandFault::Truncated(bytes.len()))?;
    let length = usize::from(header.length.get());
    if length > COMMAND_BYTES_MAX {
        return Err(CommandFault::TooLong(header.length.get()));
    }
    if !length.is_multiple_of(ALIGNMENT) || length < COMMAND_HEADER_BYTES || length > bytes.len() {
        return Err(CommandFault::Length(header.length.get()));
    }
    let kind = CommandKind::from_number(header.kind).ok_or(CommandFault::UnknownKind(header.kind))?;
    if header.flags & !kind.flag_bits() != 0 {
        return Err(CommandFault::UnknownFlags(header.flags & !kind.flag_bits()));
    }
    if header.spare.get() != 0 {
        return Err(CommandFault::SpareNotZero);
    }
    let body = Body { header, rest: &bytes[COMMAND_HEADER_BYTES..length] };
    let (command, rest) = body.read(kind)?;
    let mut request = Request { envelope: envelope(header), command };
    let extras = match rest {
        [] => Extras::NONE,
        rest => extras::read(rest, &mut request.envelope.segments)?,
    };
    request.check()?;
    check_code(&request.command, &extras)?;
    Ok((request, extras, length))
}

#[inline(always)]
fn envelope(header: &CommandHeader) -> Envelope {
    Envelope {
        merchant: MerchantId(header.merchant.get()),
        slot: Slot(header.slot.get()),
        channel: ChannelId(header.channel.get()),
        operation: OperationId(header.operation.get()),
        created_ms: header.created_ms.get(),
        deadline_ms: header.deadline_ms.get(),
        segments: Segments::NONE,
    }
}

/// A command's bytes behind its header, while they are read.
struct Body<'a> {
    header: &'a CommandHeader,
    rest: &'a [u8],
}

impl<'a> Body<'a> {
    #[inline(always)]
    fn read(mut self, kind: CommandKind) -> Result<(Command<'a>, &'a [u8]), CommandFault> {
        let command = match kind {
            CommandKind::Reserve => self.reserve()?,
            CommandKind::Confirm => {
                Command::Confirm { units: self.units()?, hidden: self.has(flag::CONFIRM_HIDDEN) }
            }
            CommandKind::Release => self.without_lines(Command::Release)?,
            CommandKind::Cancel => self.without_lines(Command::Cancel)?,
            CommandKind::Sell => self.sell()?,
            CommandKind::Extend => self.extend()?,
            CommandKind::Return => self.give_back()?,
            CommandKind::StockShow => {
                let body: &StockShowBody = self.fixed()?;
                self.without_lines(Command::StockShow { stock: StockId(body.stock.get()) })?
            }
            CommandKind::StockChannels => {
                let body: &StockShowBody = self.fixed()?;
                self.without_lines(Command::StockChannels { stock: StockId(body.stock.get()) })?
            }
            CommandKind::OperationShow => self.without_lines(Command::OperationShow)?,
            CommandKind::StockCreate => self.stock_create()?,
            CommandKind::StockEdit => self.stock_edit()?,
            CommandKind::StockQuota => self.stock_quota()?,
            CommandKind::StockLimits => self.stock_limits()?,
            CommandKind::StockPrice => self.stock_price()?,
            CommandKind::RiskSet => {
                let rule = self.fixed()?;
                self.without_lines(Command::RiskSet { rule })?
            }
            CommandKind::BlockSet => {
                let block = self.fixed()?;
                self.without_lines(Command::BlockSet { block })?
            }
            CommandKind::StockTermsShow => {
                let body: &StockShowBody = self.fixed()?;
                self.without_lines(Command::StockTermsShow { stock: StockId(body.stock.get()) })?
            }
            CommandKind::RiskShow => self.risk_show()?,
            CommandKind::ZoneSet => self.zone_set()?,
            CommandKind::ZoneShow => self.without_lines(Command::ZoneShow)?,
            CommandKind::Link
            | CommandKind::Unlink
            | CommandKind::IdentityShow
            | CommandKind::Label
            | CommandKind::Erase => self.person(kind)?,
            CommandKind::BatchCreate => self.batch_create()?,
            CommandKind::BatchChange => self.batch_change()?,
            CommandKind::KeysImport => self.keys_import()?,
            CommandKind::Reveal => {
                let body: &RevealBody = self.fixed()?;
                self.without_lines(Command::Reveal { hold: OperationId(body.hold.get()) })?
            }
            CommandKind::KeyReplace => {
                let (hold, key, reason) = self.key_of_hold()?;
                Command::KeyReplace { hold, key, reason }
            }
            CommandKind::KeyReclaim => {
                let (hold, key, reason) = self.key_of_hold()?;
                Command::KeyReclaim { hold, key, reason }
            }
            CommandKind::KeysExport => {
                let (stock, batch, from) = self.list_of_keys()?;
                Command::KeysExport { stock, batch, from }
            }
            CommandKind::KeysList => {
                let (stock, batch, from) = self.list_of_keys()?;
                Command::KeysList { stock, batch, from }
            }
            CommandKind::KeysRead => self.keys_read()?,
            CommandKind::BatchesShow => self.batches_show()?,
            CommandKind::OwedShow => self.owed_show()?,
            CommandKind::OrderShow => self.order_show()?,
            CommandKind::StockSupply
            | CommandKind::StockVoid
            | CommandKind::StockFreeze
            | CommandKind::StockUnfreeze => self.stock_units(kind)?,
            CommandKind::CampaignCreate
            | CommandKind::CampaignEdit
            | CommandKind::CampaignState
            | CommandKind::Issue
            | CommandKind::Claim
            | CommandKind::Redeem
            | CommandKind::Reverse
            | CommandKind::CardChange
            | CommandKind::CampaignShow
            | CommandKind::CardShow
            | CommandKind::WalletShow
            | CommandKind::Quote
            | CommandKind::QuoteReserve => self.cards(kind)?,
            CommandKind::TopUp
            | CommandKind::Earn
            | CommandKind::CardRefund
            | CommandKind::Renew
            | CommandKind::Level => self.account(kind)?,
            CommandKind::CodeImport | CommandKind::CodeSet | CommandKind::CodeShow => {
                self.given_codes(kind)?
            }
            CommandKind::Gift | CommandKind::AcceptGift | CommandKind::CancelGift => self.gift(kind)?,
            CommandKind::GroupOpen
            | CommandKind::GroupJoin
            | CommandKind::GroupLeave
            | CommandKind::GroupShow => self.group(kind)?,
            CommandKind::ActivityCreate | CommandKind::ActivityEdit | CommandKind::ActivityShow => {
                self.activity(kind)?
            }
            CommandKind::NoticesRead => self.notices_read()?,
            CommandKind::Recycle => self.recycle()?,
            CommandKind::Merge => self.merge()?,
            CommandKind::CampaignVoid | CommandKind::CardBatchVoid | CommandKind::CardBatchRecycle => {
                self.ending(kind)?
            }
        };
        Ok((command, self.rest))
    }

    #[inline]
    fn fixed<T: FromBytes + KnownLayout + Immutable + zerocopy::Unaligned>(
        &mut self,
    ) -> Result<&'a T, CommandFault> {
        let (fixed, rest) = T::ref_from_prefix(self.rest).map_err(|_| self.length_fault())?;
        self.rest = rest;
        Ok(fixed)
    }

    fn has(&self, flag: u8) -> bool {
        self.header.flags & flag != 0
    }

    fn length_fault(&self) -> CommandFault {
        CommandFault::Length(self.header.length.get())
    }

    fn without_lines(&self, command: Command<'a>) -> Result<Command<'a>, CommandFault> {
        match self.header.lines.get() {
            0 => Ok(command),
            lines => Err(CommandFault::Count(lines)),
        }
    }

    #[inline(always)]
    fn take(&mut self) -> Result<(Take<'a>, u32), CommandFault> {
        let body: &TakeBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let replace = self.replace()?;
        let parties = if self.has(flag::HAS_PARTIES) { Some(self.fixed::<Parties>()?) } else { None };
        let expected_total = if self.has(flag::HAS_TOTAL) { Some(self.fixed::<U64>()?.get()) } else { None };
        let wait_until_ms = if self.has(flag::HAS_WAIT) { self.fixed::<U64>()?.get() } else { 0 };
        if self.has(flag::HAS_WAIT) && wait_until_ms == 0 {
            return Err(CommandFault::WaitZero);
        }
        let count = self.header.lines.get();
        let (lines, rest) = <[Line]>::ref_from_prefix_with_elems(self.rest, usize::from(count))
            .map_err(|_| CommandFault::Count(count))?;
        self.rest = rest;
        let cards: &[CardLine] = match body.cards.get() {
            0 => &[],
            count => self.list(count)?,
        };
        let take = Take {
            order: OrderId(body.order.get()),
            user: UserId(body.user.get()),
            partial: self.has(flag::PARTIAL),
            replace,
            parties,
            member: self.has(flag::MEMBER),
            expected_total,
            wait_until_ms,
            lines,
            cards,
        };
        Ok((take, body.ttl_ms.get()))
    }

    /// The hold that HAS_REPLACE announces.
    #[inline(always)]
    fn replace(&mut self) -> Result<OperationId, CommandFault> {
        match self.has(flag::HAS_REPLACE) {
            false => Ok(OperationId(0)),
            true => match self.fixed::<U128>()?.get() {
                0 => Err(CommandFault::ReplaceZero),
                replace => Ok(OperationId(replace)),
            },
        }
    }

    #[inline(always)]
    fn reserve(&mut self) -> Result<Command<'a>, CommandFault> {
        let (take, ttl_ms) = self.take()?;
        Ok(Command::Reserve { take, ttl_ms })
    }

    fn sell(&mut self) -> Result<Command<'a>, CommandFault> {
        let (take, ttl_ms) = self.take()?;
        if ttl_ms != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let (paid, hidden) = (self.has(flag::PAID), self.has(flag::SELL_HIDDEN));
        Ok(Command::Sell { take, paid, hidden })
    }

    /// `count` entries in place.
    #[inline]
    fn list<T: FromBytes + KnownLayout + Immutable + zerocopy::Unaligned>(
        &mut self,
        count: u16,
    ) -> Result<&'a [T], CommandFault> {
        let (entries, rest) = <[T]>::ref_from_prefix_with_elems(self.rest, usize::from(count))
            .map_err(|_| CommandFault::Count(count))?;
        self.rest = rest;
        Ok(entries)
    }

    /// `lines` units in place, and the zeros behind them.
    #[inline]
    fn units(&mut self) -> Result<&'a [U32], CommandFault> {
        let units: &[U32] = self.list(self.header.lines.get())?;
        self.zeros(padding(size_of_val(units)))?;
        Ok(units)
    }

    fn zeros(&mut self, bytes: usize) -> Result<(), CommandFault> {
        let Some((zeros, rest)) = self.rest.split_at_checked(bytes) else { return Err(self.length_fault()) };
        self.rest = rest;
        if zeros.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(CommandFault::SpareNotZero) }
    }

    fn extend(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &ExtendBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        self.without_lines(Command::Extend { hold: OperationId(body.hold.get()), ttl_ms: body.ttl_ms.get() })
    }

    fn give_back(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &ReturnBody = self.fixed()?;
        Ok(Command::Return {
            hold: OperationId(body.hold.get()),
            to_available: self.has(flag::TO_AVAILABLE),
            units: self.units()?,
        })
    }

    fn stock_create(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &StockCreateBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let name = self.name(usize::from(body.name_bytes.get()))?;
        let kind = kind_of_flags(self.header.flags).map_err(CommandFault::UnknownFlags)?;
        self.without_lines(Command::StockCreate(StockCreate {
            stock: StockId(body.stock.get()),
            name,
            units: body.units.get(),
            kind,
            once_per_order: self.has(flag::ONCE_PER_ORDER),
            terms: StockTerms {
                opens_ms: body.opens_ms.get(),
                closes_ms: body.closes_ms.get(),
                limit_per_user: body.limit_per_user.get(),
                frozen: self.has(flag::FROZEN),
            },
        }))
    }

    fn stock_edit(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &StockEditBody = self.fixed()?;
        self.without_lines(Command::StockEdit {
            stock: StockId(body.stock.get()),
            version: body.version.get(),
            terms: StockTerms {
                opens_ms: body.opens_ms.get(),
                closes_ms: body.closes_ms.get(),
                limit_per_user: body.limit_per_user.get(),
                frozen: self.has(flag::FROZEN),
            },
        })
    }

    fn stock_quota(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &StockQuotaBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let quotas: &[Quota] = self.list(self.header.lines.get())?;
        Ok(Command::StockQuota { stock: StockId(body.stock.get()), version: body.version.get(), quotas })
    }

    fn stock_limits(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &StockLimitsBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let (stock, version) = (StockId(body.stock.get()), body.version.get());
        let limits = self.fixed()?;
        let spans = if self.has(flag::HAS_SPANS) { Some(self.fixed()?) } else { None };
        self.without_lines(Command::StockLimits { stock, version, limits, spans })
    }

    fn stock_price(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &StockPriceBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let prices: &[Price] = self.list(self.header.lines.get())?;
        Ok(Command::StockPrice { stock: StockId(body.stock.get()), version: body.version.get(), prices })
    }

    fn zone_set(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &ZoneSetBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let transitions = self.list(self.header.lines.get())?;
        let name = self.name(usize::from(body.name_bytes.get()))?;
        Ok(Command::ZoneSet(ZoneSet { version: body.version.get(), name, transitions }))
    }

    fn risk_show(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &RiskShowBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        self.without_lines(Command::RiskShow { from: body.from.get() })
    }

    fn batch_create(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &BatchCreateBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let supplier = self.name(usize::from(body.supplier_bytes.get()))?;
        self.without_lines(Command::BatchCreate(BatchCreate {
            stock: StockId(body.stock.get()),
            batch: body.batch.get(),
            cost: body.cost.get(),
            expires_ms: body.expires_ms.get(),
            supplier,
        }))
    }

    fn batch_change(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &BatchChangeBody = self.fixed()?;
        if body.spare != [0; 3] {
            return Err(CommandFault::SpareNotZero);
        }
        let change = BatchChange::from_number(body.change).ok_or(CommandFault::UnknownFlags(body.change))?;
        let (stock, batch, forced) = (StockId(body.stock.get()), body.batch.get(), self.has(flag::FORCED));
        self.without_lines(Command::BatchChange { stock, batch, change, forced })
    }

    fn keys_import(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &KeysImportBody = self.fixed()?;
        let bytes = self.name(body.block_bytes.get() as usize)?;
        let block = KeyBlock::Plain { count: usize::from(self.header.lines.get()), bytes };
        Ok(Command::KeysImport { stock: StockId(body.stock.get()), batch: body.batch.get(), block })
    }

    fn key_of_hold(&mut self) -> Result<(OperationId, u32, u16), CommandFault> {
        let body: &KeyReplaceBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        if self.header.lines.get() != 0 {
            return Err(CommandFault::Count(self.header.lines.get()));
        }
        Ok((OperationId(body.hold.get()), body.key.get(), body.reason.get()))
    }

    fn list_of_keys(&mut self) -> Result<(StockId, Option<u32>, u32), CommandFault> {
        let body: &KeysListBody = self.fixed()?;
        if self.header.lines.get() != 0 {
            return Err(CommandFault::Count(self.header.lines.get()));
        }
        let batch = self.has(flag::ONE_BATCH).then_some(body.batch.get());
        if batch.is_none() && body.batch.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        Ok((StockId(body.stock.get()), batch, body.from.get()))
    }

    fn keys_read(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &KeysReadBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let (hold, from) = (OperationId(body.hold.get()), body.from.get());
        self.without_lines(Command::KeysRead { hold, from })
    }

    fn batches_show(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &BatchesShowBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let (stock, from) = (StockId(body.stock.get()), body.from.get());
        self.without_lines(Command::BatchesShow { stock, from })
    }

    fn owed_show(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &OwedShowBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let (stock, from) = (StockId(body.stock.get()), body.from.get());
        self.without_lines(Command::OwedShow { stock, from })
    }

    fn order_show(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &OrderShowBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let (order, after) = (OrderId(body.order.get()), OperationId(body.after.get()));
        self.without_lines(Command::OrderShow { order, after, limit: body.limit.get() })
    }

    /// `bytes` bytes in place, and the zeros behind them.
    fn name(&mut self, bytes: usize) -> Result<&'a [u8], CommandFault> {
        let Some((name, rest)) = self.rest.split_at_checked(bytes) else {
            return Err(self.length_fault());
        };
        self.rest = rest;
        self.zeros(padding(bytes))?;
        Ok(name)
    }

    fn stock_units(&mut self, kind: CommandKind) -> Result<Command<'a>, CommandFault> {
        let body: &StockUnitsBody = self.fixed()?;
        let (stock, units) = (StockId(body.stock.get()), body.units.get());
        self.without_lines(match kind {
            CommandKind::StockSupply => Command::StockSupply { stock, units },
            CommandKind::StockVoid => {
                let (from_frozen, forced) = (self.has(flag::FROM_FROZEN), self.has(flag::FORCED));
                Command::StockVoid { stock, units, from_frozen, forced }
            }
            CommandKind::StockFreeze => Command::StockFreeze { stock, units, forced: self.has(flag::FORCED) },
            _ => Command::StockUnfreeze { stock, units },
        })
    }
}

//! The encoder of commands: appends a COMMANDS frame to a buffer of the caller's, command by command.
//!
//! Invariant: what is written here is accepted by [`crate::read`] and reads as what went in; a command that would not be
//! is refused and leaves the buffer as it was. (A SELL's flags and lines, a command's name and units included.)

use crate::commands::{
    BatchChangeBody, BatchCreateBody, BatchesShowBody, CommandHeader, CommandKind, EraseBody, ExtendBody,
    IdentityShowBody, KeyReplaceBody, KeysImportBody, KeysListBody, KeysReadBody, LabelBody, LinkBody,
    OrderShowBody, OwedShowBody, ReturnBody, RevealBody, RiskShowBody, StockCreateBody, StockEditBody,
    StockLimitsBody, StockPriceBody, StockQuotaBody, StockShowBody, StockUnitsBody, TakeBody, UnlinkBody,
    ZoneSetBody, flag, flags_of_kind,
};
use crate::extras::{self, ExtraFault, Extras};
use crate::frame::{self, FrameKind, HEADER_BYTES};
use crate::layout::pad;
use crate::limits::{COMMAND_BYTES_MAX, FRAME_BYTES_MAX};
use scrip_engine::command::{
    BatchCreate, CampaignCreate, Command, KeyBlock, Label, Malformed, Request, StockCreate, StockTerms, Take,
};
use scrip_engine::ids::StockId;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64, U128};

mod cards;
mod groups;
mod sharing;

/// A COMMANDS frame being written. It remembers a place in the buffer, not the buffer: pass the same one each time, and
/// append nothing else to it in between.
#[derive(Debug)]
#[must_use = "a frame that is not finished has no valid header"]
pub struct CommandFrame {
    start: usize,
    count: u16,
    frame_bytes_max: usize,
}

/// Why a command was not taken into the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// It does not fit into this frame any more: finish it and begin another.
    #[error("the frame is full")]
    FrameFull,
    /// A card that is named twice or not at all, or a code where no card is named.
    #[error("a code names the card of a REDEEM, CARD_CHANGE or CARD_SHOW, in place of its id")]
    Code,
    /// A campaign's key.
    #[error("the key of a campaign is made by the server")]
    CampaignKey,
    /// It breaks a fixed limit of the contract.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// One of its extras does.
    #[error(transparent)]
    Extra(#[from] ExtraFault),
}

impl CommandFrame {
    /// Begins a frame of at most `frame_bytes_max` bytes (as WELCOME says; never above this crate's own maximum).
    pub fn begin(out: &mut Vec<u8>, correlation: u64, frame_bytes_max: u32) -> CommandFrame {
        let frame_bytes_max = frame_bytes_max.min(FRAME_BYTES_MAX) as usize;
        CommandFrame { start: frame::open(out, FrameKind::Commands, correlation), count: 0, frame_bytes_max }
    }

    /// Commands so far.
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// Appends a command; answers its index in the frame.
    #[inline]
    pub fn push(
        &mut self,
        out: &mut Vec<u8>,
        request: &Request<'_>,
        extras: &Extras<'_>,
    ) -> Result<u16, PushError> {
        debug_assert!(out.len() >= self.start + HEADER_BYTES, "another buffer than the frame was begun in");
        let at = out.len();
        encode(out, request, extras)?;
        self.accept(out, at)
    }

    /// Appends a command that was encoded before; answers its index in the frame.
    pub fn push_encoded(&mut self, out: &mut Vec<u8>, command: &EncodedCommand) -> Result<u16, PushError> {
        debug_assert!(out.len() >= self.start + HEADER_BYTES, "another buffer than the frame was begun in");
        let at = out.len();
        out.extend_from_slice(&command.0);
        self.accept(out, at)
    }

    /// Takes the command that begins at `at` into the frame, or takes it back.
    #[inline]
    fn accept(&mut self, out: &mut Vec<u8>, at: usize) -> Result<u16, PushError> {
        if out.len() - self.start > self.frame_bytes_max {
            out.truncate(at);
            return Err(PushError::FrameFull);
        }
        self.count += 1;
        Ok(self.count - 1)
    }

    /// Fills in length and checksum. A frame without commands is taken back; answers whether there is one.
    pub fn finish(self, out: &mut Vec<u8>) -> bool {
        if self.count == 0 {
            out.truncate(self.start);
            return false;
        }
        frame::seal(out, self.start, 0);
        true
    }
}

/// One command as bytes, to be sent as often as it takes: a repeat is then the same to the byte.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedCommand(Box<[u8]>);

impl core::fmt::Debug for EncodedCommand {
    /// Its bytes may hold a code or card keys.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "EncodedCommand({} bytes)", self.0.len())
    }
}

impl EncodedCommand {
    /// Encodes a command outside of a frame.
    pub fn new(request: &Request<'_>, extras: &Extras<'_>) -> Result<EncodedCommand, PushError> {
        let mut out = Vec::with_capacity(256);
        encode(&mut out, request, extras)?;
        Ok(EncodedCommand(out.into_boxed_slice()))
    }

    /// The bytes, a multiple of 8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Appends one command; on an error the buffer is as it was.
#[inline]
fn encode(out: &mut Vec<u8>, request: &Request<'_>, extras: &Extras<'_>) -> Result<(), PushError> {
    request.check()?;
    crate::read::check_code(&request.command, extras).map_err(|_| PushError::Code)?;
    if let Command::CampaignCreate(CampaignCreate { key: [_, ..], .. }) = request.command {
        return Err(PushError::CampaignKey);
    }
    let at = out.len();
    header(out, request);
    body(out, &request.command);
    if let Err(fault) = extras::write(out, extras, &request.envelope.segments) {
        out.truncate(at);
        return Err(fault.into());
    }
    let length = out.len() - at;
    assert!(length <= COMMAND_BYTES_MAX, "a command of {length} bytes: the checked limits forbid it");
    out[at..at + 2].copy_from_slice(&(length as u16).to_le_bytes());
    Ok(())
}

fn header(out: &mut Vec<u8>, request: &Request<'_>) {
    let (flags, lines) = flags_and_lines(&request.command);
    let envelope = &request.envelope;
    let header = CommandHeader {
        length: U16::ZERO,
        kind: CommandKind::of(&request.command) as u8,
        flags,
        merchant: U32::new(envelope.merchant.0),
        slot: U16::new(envelope.slot.0),
        channel: U16::new(envelope.channel.0),
        lines: U16::new(lines as u16),
        spare: U16::ZERO,
        operation: U128::new(envelope.operation.0),
        created_ms: U64::new(envelope.created_ms),
        deadline_ms: U64::new(envelope.deadline_ms),
    };
    out.extend_from_slice(header.as_bytes());
}

fn flags_and_lines(command: &Command<'_>) -> (u8, usize) {
    let when = |condition, flag| if condition { flag } else { 0 };
    let of_take = |take: &Take<'_>| {
        when(take.partial, flag::PARTIAL)
            | when(take.replace.0 != 0, flag::HAS_REPLACE)
            | when(take.parties.is_some(), flag::HAS_PARTIES)
            | when(take.expected_total.is_some(), flag::HAS_TOTAL)
            | when(take.wait_until_ms != 0, flag::HAS_WAIT)
            | when(take.member, flag::MEMBER)
    };
    match command {
        Command::KeysExport { batch, .. } | Command::KeysList { batch, .. } => {
            (when(batch.is_some(), flag::ONE_BATCH), 0)
        }
        Command::StockCreate(create) => {
            let once = when(create.once_per_order, flag::ONCE_PER_ORDER);
            (once | when(create.terms.frozen, flag::FROZEN) | flags_of_kind(create.kind), 0)
        }
        Command::BatchChange { forced, .. } => (when(*forced, flag::FORCED), 0),
        Command::KeysImport { block: KeyBlock::Plain { count, .. }, .. } => (0, *count),
        Command::StockEdit { terms, .. } => (when(terms.frozen, flag::FROZEN), 0),
        Command::StockVoid { from_frozen, forced, .. } => {
            (when(*from_frozen, flag::FROM_FROZEN) | when(*forced, flag::FORCED), 0)
        }
        Command::StockFreeze { forced, .. } => (when(*forced, flag::FORCED), 0),
        Command::StockQuota { quotas, .. } => (0, quotas.len()),
        Command::StockPrice { prices, .. } => (0, prices.len()),
        Command::ZoneSet(zone) => (0, zone.transitions.len()),
        Command::StockLimits { spans, .. } => (when(spans.is_some(), flag::HAS_SPANS), 0),
        Command::Reserve { take, .. } => (of_take(take), take.lines.len()),
        Command::Sell { take, paid, hidden } => {
            let flags = of_take(take) | when(*paid, flag::PAID) | when(*hidden, flag::SELL_HIDDEN);
            (flags, take.lines.len())
        }
        Command::Confirm { units, hidden } => (when(*hidden, flag::CONFIRM_HIDDEN), units.len()),
        Command::Return { to_available, units, .. } => (when(*to_available, flag::TO_AVAILABLE), units.len()),
        Command::StockSupply { .. }
        | Command::StockUnfreeze { .. }
        | Command::Extend { .. }
        | Command::Release
        | Command::Cancel
        | Command::KeysImport { .. }
        | Command::BatchCreate(_)
        | Command::Reveal { .. }
        | Command::KeyReplace { .. }
        | Command::KeyReclaim { .. }
        | Command::KeysRead { .. }
        | Command::BatchesShow { .. }
        | Command::RiskSet { .. }
        | Command::BlockSet { .. }
        | Command::StockTermsShow { .. }
        | Command::RiskShow { .. }
        | Command::ZoneShow
        | Command::Link { .. }
        | Command::Unlink { .. }
        | Command::IdentityShow { .. }
        | Command::Label { .. }
        | Command::Erase { .. }
        | Command::OwedShow { .. }
        | Command::OrderShow { .. }
        | Command::StockShow { .. }
        | Command::StockChannels { .. }
        | Command::OperationShow => (0, 0),
        Command::CampaignCreate(_)
        | Command::CampaignEdit { .. }
        | Command::CampaignState { .. }
        | Command::CodeImport { .. }
        | Command::CodeSet { .. }
        | Command::CodeShow { .. }
        | Command::Issue(_)
        | Command::Redeem(_)
        | Command::Reverse { .. }
        | Command::CardChange { .. }
        | Command::Account { .. }
        | Command::Gift { .. }
        | Command::CampaignVoid { .. }
        | Command::CardBatchEnd { .. }
        | Command::Recycle { .. }
        | Command::Merge(_)
        | Command::CampaignShow { .. }
        | Command::CardShow { .. }
        | Command::WalletShow { .. }
        | Command::NoticesRead { .. }
        | Command::Quote(_)
        | Command::QuoteReserve(_) => cards::flags_and_lines(command),
        Command::Group(wish) => (groups::flags(wish), 0),
        Command::Activity(_) => (0, 0),
    }
}

fn body(out: &mut Vec<u8>, command: &Command<'_>) {
    match command {
        Command::StockCreate(create) => stock_create(out, create),
        Command::StockSupply { stock, units }
        | Command::StockVoid { stock, units, .. }
        | Command::StockFreeze { stock, units, .. }
        | Command::StockUnfreeze { stock, units } => {
            let body = StockUnitsBody { stock: U64::new(stock.0), units: U64::new(*units) };
            out.extend_from_slice(body.as_bytes());
        }
        Command::StockQuota { stock, version, quotas } => {
            let (stock, version) = (U64::new(stock.0), U32::new(*version));
            out.extend_from_slice(StockQuotaBody { stock, version, spare: U32::ZERO }.as_bytes());
            out.extend_from_slice(quotas.as_bytes());
        }
        Command::StockEdit { stock, version, terms } => stock_edit(out, *stock, *version, terms),
        Command::Reserve { take, ttl_ms } => self::take(out, take, *ttl_ms),
        Command::Sell { take, .. } => self::take(out, take, 0),
        Command::Extend { hold, ttl_ms } => {
            let body = ExtendBody { hold: U128::new(hold.0), ttl_ms: U32::new(*ttl_ms), spare: U32::ZERO };
            out.extend_from_slice(body.as_bytes());
        }
        Command::Confirm { units, .. } => self::units(out, units),
        Command::Return { hold, units, .. } => {
            out.extend_from_slice(ReturnBody { hold: U128::new(hold.0) }.as_bytes());
            self::units(out, units);
        }
        Command::StockLimits { stock, version, limits, spans } => {
            let (stock, version) = (U64::new(stock.0), U32::new(*version));
            out.extend_from_slice(StockLimitsBody { stock, version, spare: U32::ZERO }.as_bytes());
            out.extend_from_slice(limits.as_bytes());
            spans.iter().for_each(|spans| out.extend_from_slice(spans.as_bytes()));
        }
        Command::StockPrice { stock, version, prices } => {
            let (stock, version) = (U64::new(stock.0), U32::new(*version));
            out.extend_from_slice(StockPriceBody { stock, version, spare: U32::ZERO }.as_bytes());
            out.extend_from_slice(prices.as_bytes());
        }
        Command::RiskSet { rule } => out.extend_from_slice(rule.as_bytes()),
        Command::BlockSet { block } => out.extend_from_slice(block.as_bytes()),
        Command::ZoneSet(zone) => {
            let name_bytes = U16::new(zone.name.len() as u16);
            let body = ZoneSetBody { version: U32::new(zone.version), name_bytes, spare: U16::ZERO };
            out.extend_from_slice(body.as_bytes());
            out.extend_from_slice(zone.transitions.as_bytes());
            out.extend_from_slice(zone.name);
            pad(out, zone.name.len());
        }
        Command::RiskShow { from } => {
            out.extend_from_slice(RiskShowBody { from: U32::new(*from), spare: U32::ZERO }.as_bytes());
        }
        Command::StockShow { stock }
        | Command::StockChannels { stock }
        | Command::StockTermsShow { stock } => {
            out.extend_from_slice(StockShowBody { stock: U64::new(stock.0) }.as_bytes());
        }
        Command::OwedShow { stock, from } => {
            let (stock, from) = (U64::new(stock.0), U32::new(*from));
            out.extend_from_slice(OwedShowBody { stock, from, spare: U32::ZERO }.as_bytes());
        }
        Command::OrderShow { order, after, limit } => {
            let (order, after, limit) = (U128::new(order.0), U128::new(after.0), U32::new(*limit));
            out.extend_from_slice(OrderShowBody { order, after, limit, spare: U32::ZERO }.as_bytes());
        }
        Command::Link { user, to, reason } => {
            let (user, to) = (U128::new(user.0), U128::new(to.0));
            let body = LinkBody { user, to, reason: U16::new(*reason), spare: [0; 6] };
            out.extend_from_slice(body.as_bytes());
        }
        Command::Unlink { user, reason } => {
            let (user, reason) = (U128::new(user.0), U16::new(*reason));
            out.extend_from_slice(UnlinkBody { user, reason, spare: [0; 6] }.as_bytes());
        }
        Command::Label { user, label: Label::Plain(text) } => {
            let (user, label_bytes) = (U128::new(user.0), U16::new(text.len() as u16));
            out.extend_from_slice(LabelBody { user, label_bytes, spare: [0; 6] }.as_bytes());
            out.extend_from_slice(text);
            pad(out, text.len());
        }
        Command::Label { label: Label::Sealed { .. }, .. } => {
            unreachable!("a sealed label never goes over the wire")
        }
        Command::Erase { user, reason } => {
            let (user, reason) = (U128::new(user.0), U16::new(*reason));
            out.extend_from_slice(EraseBody { user, reason, spare: [0; 6] }.as_bytes());
        }
        Command::IdentityShow { user } => {
            out.extend_from_slice(IdentityShowBody { user: U128::new(user.0) }.as_bytes());
        }
        Command::Release | Command::Cancel | Command::OperationShow | Command::ZoneShow => {}
        Command::CampaignCreate(_)
        | Command::CampaignEdit { .. }
        | Command::CampaignState { .. }
        | Command::Issue(_)
        | Command::Redeem(_)
        | Command::Reverse { .. }
        | Command::CardChange { .. }
        | Command::Account { .. }
        | Command::Gift { .. }
        | Command::CampaignVoid { .. }
        | Command::CardBatchEnd { .. }
        | Command::Recycle { .. }
        | Command::Merge(_)
        | Command::CampaignShow { .. }
        | Command::CardShow { .. }
        | Command::CodeImport { .. }
        | Command::CodeSet { .. }
        | Command::CodeShow { .. }
        | Command::WalletShow { .. }
        | Command::NoticesRead { .. }
        | Command::Quote(_)
        | Command::QuoteReserve(_) => cards::body(out, command),
        Command::Group(wish) => groups::body(out, wish),
        Command::Activity(wish) => sharing::body(out, wish),
        command => keys(out, command),
    }
}

/// The commands of batches and card keys.
fn keys(out: &mut Vec<u8>, command: &Command<'_>) {
    match *command {
        Command::BatchCreate(BatchCreate { stock, batch, cost, expires_ms, supplier }) => {
            let body = BatchCreateBody {
                stock: U64::new(stock.0),
                cost: U64::new(cost),
                expires_ms: U64::new(expires_ms),
                batch: U32::new(batch),
                supplier_bytes: U16::new(supplier.len() as u16),
                spare: U16::ZERO,
            };
            out.extend_from_slice(body.as_bytes());
            out.extend_from_slice(supplier);
            pad(out, supplier.len());
        }
        Command::BatchChange { stock, batch, change, .. } => {
            let (stock, batch) = (U64::new(stock.0), U32::new(batch));
            let body = BatchChangeBody { stock, batch, change: change as u8, spare: [0; 3] };
            out.extend_from_slice(body.as_bytes());
        }
        Command::KeysImport { stock, batch, block: KeyBlock::Plain { bytes, .. } } => {
            let (stock, batch) = (U64::new(stock.0), U32::new(batch));
            let body = KeysImportBody { stock, batch, block_bytes: U32::new(bytes.len() as u32) };
            out.extend_from_slice(body.as_bytes());
            out.extend_from_slice(bytes);
            pad(out, bytes.len());
        }
        Command::Reveal { hold } => {
            out.extend_from_slice(RevealBody { hold: U128::new(hold.0) }.as_bytes());
        }
        Command::KeyReplace { hold, key, reason } | Command::KeyReclaim { hold, key, reason } => {
            let (hold, key, reason) = (U128::new(hold.0), U32::new(key), U16::new(reason));
            out.extend_from_slice(KeyReplaceBody { hold, key, reason, spare: U16::ZERO }.as_bytes());
        }
        Command::KeysExport { stock, batch, from } | Command::KeysList { stock, batch, from } => {
            let (stock, batch, from) = (U64::new(stock.0), U32::new(batch.unwrap_or(0)), U32::new(from));
            out.extend_from_slice(KeysListBody { stock, batch, from }.as_bytes());
        }
        Command::KeysRead { hold, from } => {
            let (hold, from) = (U128::new(hold.0), U32::new(from));
            out.extend_from_slice(KeysReadBody { hold, from, spare: U32::ZERO }.as_bytes());
        }
        Command::BatchesShow { stock, from } => {
            let (stock, from) = (U64::new(stock.0), U32::new(from));
            out.extend_from_slice(BatchesShowBody { stock, from, spare: U32::ZERO }.as_bytes());
        }
        ref other => unreachable!("{other:?} is encoded elsewhere, or sealed: then it goes nowhere"),
    }
}

fn take(out: &mut Vec<u8>, take: &Take<'_>, ttl_ms: u32) {
    let body = TakeBody {
        order: U128::new(take.order.0),
        user: U128::new(take.user.0),
        ttl_ms: U32::new(ttl_ms),
        cards: U16::new(take.cards.len() as u16),
        spare: U16::ZERO,
    };
    out.extend_from_slice(body.as_bytes());
    if take.replace.0 != 0 {
        out.extend_from_slice(&take.replace.0.to_le_bytes());
    }
    if let Some(parties) = take.parties {
        out.extend_from_slice(parties.as_bytes());
    }
    if let Some(total) = take.expected_total {
        out.extend_from_slice(&total.to_le_bytes());
    }
    if take.wait_until_ms != 0 {
        out.extend_from_slice(&take.wait_until_ms.to_le_bytes());
    }
    out.extend_from_slice(take.lines.as_bytes());
    out.extend_from_slice(take.cards.as_bytes());
}

fn units(out: &mut Vec<u8>, units: &[U32]) {
    out.extend_from_slice(units.as_bytes());
    pad(out, size_of_val(units));
}

fn stock_create(out: &mut Vec<u8>, create: &StockCreate<'_>) {
    let body = StockCreateBody {
        stock: U64::new(create.stock.0),
        units: U64::new(create.units),
        opens_ms: U64::new(create.terms.opens_ms),
        closes_ms: U64::new(create.terms.closes_ms),
        limit_per_user: U32::new(create.terms.limit_per_user),
        name_bytes: U16::new(create.name.len() as u16),
        spare: U16::ZERO,
    };
    out.extend_from_slice(body.as_bytes());
    out.extend_from_slice(create.name);
    pad(out, create.name.len());
}

fn stock_edit(out: &mut Vec<u8>, stock: StockId, version: u32, terms: &StockTerms) {
    let body = StockEditBody {
        stock: U64::new(stock.0),
        opens_ms: U64::new(terms.opens_ms),
        closes_ms: U64::new(terms.closes_ms),
        limit_per_user: U32::new(terms.limit_per_user),
        version: U32::new(version),
    };
    out.extend_from_slice(body.as_bytes());
}

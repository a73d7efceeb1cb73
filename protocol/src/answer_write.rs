//! The encoder of answers: appends an ANSWERS frame to a connection's output buffer, answer by answer.
//!
//! Invariant: nothing is allocated but the growth of the buffer; an answer that does not fit leaves the buffer as it was.

use crate::answers::{
    ANSWER_HEADER_BYTES, AnswerHeader, AnswerKind, ChannelsBody, ConfirmedBody, FactsKind, HoldBody,
    MaximumFact, NoBody, OperationBody, ReservedBody, StockBody, TimeFact, UnitsFact, ValueBody, VersionFact,
    flag,
};
use crate::answers::{
    BatchesBody, CancelledBody, ConfirmedCardsBody, ConfirmedKeysBody, DebtsBody, KeyFact, KeysBody,
    KeysListedBody, OrderHoldsBody, OwedBody, RiskBody, RuleFact, TermsBody, TotalFact, ZoneBody,
};
use crate::commands::flags_of_kind;
use crate::frame::{self, FrameKind, HEADER_BYTES};
use crate::layout::{pad, padding};
use crate::limits::{ANSWER_BYTES_MAX, FRAME_BYTES_MAX};
use scrip_engine::answer::{
    Answer, Cancelled, HoldView, KeyItem, KeyList, KeyPage, ListPage, ListedItem, ListedKeys, OperationView,
    Outcome, StockView,
};
use scrip_engine::rejection::{Facts, Rejection};
use scrip_engine::state::keys::Chunk;
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes};

mod cards;
mod groups;
mod notices;
mod sharing;

/// An ANSWERS frame being written. It remembers a place in the buffer, not the buffer: pass the same one each time, and
/// append nothing else to it in between.
#[derive(Debug)]
#[must_use = "a frame that is not finished has no valid header"]
pub struct AnswerFrame {
    start: usize,
    correlation: u64,
    count: u32,
}

/// The answer does not fit into this frame any more: finish it and begin another under the same correlation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frame is full")]
pub struct FrameFull;

impl AnswerFrame {
    /// Begins a frame that answers the request frame with this correlation id.
    pub fn begin(out: &mut Vec<u8>, correlation: u64) -> AnswerFrame {
        AnswerFrame { start: frame::open(out, FrameKind::Answers, correlation), correlation, count: 0 }
    }

    /// The correlation id it answers.
    pub const fn correlation(&self) -> u64 {
        self.correlation
    }

    /// Answers so far.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Appends the answer to the command at `index` of the request frame. Panics on an answer of more lines than a hold
    /// has: the engine gives none.
    #[inline]
    pub fn push(
        &mut self,
        out: &mut Vec<u8>,
        index: u16,
        outcome: &Outcome<'_>,
        seals: &mut dyn OpenSeals,
    ) -> Result<(), FrameFull> {
        debug_assert!(out.len() >= self.start + HEADER_BYTES, "another buffer than the frame was begun in");
        if out.len() - self.start + ANSWER_BYTES_MAX > FRAME_BYTES_MAX as usize {
            return Err(FrameFull);
        }
        match outcome {
            Outcome::Done(answer) => done(out, index, answer, seals),
            Outcome::Refused(rejection) => refused(out, index, rejection),
        }
        self.count += 1;
        Ok(())
    }

    /// Fills in length, sequence (the highest these answers saw) and checksum. A frame without answers is taken back;
    /// answers whether there is one.
    pub fn finish(self, out: &mut Vec<u8>, sequence: u64) -> bool {
        if self.count == 0 {
            out.truncate(self.start);
            return false;
        }
        frame::seal(out, self.start, sequence);
        true
    }
}

/// Opens the sealed texts of card keys, chunk by chunk: what the edge has and the engine has not.
pub trait OpenSeals {
    /// The text at `position` of the chunk; `None` if the seal can't be opened.
    fn text(&mut self, number: u32, chunk: &Chunk, sealed: &[u8], position: u8) -> Option<&[u8]>;
}

/// Opens nothing: for connections and tests without card keys. Texts are then not shown.
#[derive(Debug, Clone, Copy)]
pub struct NoSeals;

impl OpenSeals for NoSeals {
    fn text(&mut self, _: u32, _: &Chunk, _: &[u8], _: u8) -> Option<&[u8]> {
        None
    }
}

/// Header and fixed body as one piece, so that they are appended at once.
#[derive(IntoBytes, Immutable, zerocopy::Unaligned)]
#[repr(C)]
struct Head<T> {
    header: AnswerHeader,
    body: T,
}

#[inline]
fn put<T: IntoBytes + Immutable + zerocopy::Unaligned>(
    out: &mut Vec<u8>,
    header: AnswerHeader,
    body: T,
    tail: &[u8],
) {
    let length = ANSWER_HEADER_BYTES + size_of::<T>() + tail.len() + padding(tail.len());
    assert!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes: the engine's limits forbid it");
    out.reserve(length);
    let header = AnswerHeader { length: U16::new(length as u16), ..header };
    out.extend_from_slice(Head { header, body }.as_bytes());
    if !tail.is_empty() {
        out.extend_from_slice(tail);
        pad(out, tail.len());
    }
}

#[inline]
fn header(kind: AnswerKind, flags: u8, index: u16, code_or_count: usize) -> AnswerHeader {
    AnswerHeader {
        length: U16::ZERO,
        kind: kind as u8,
        flags,
        index: U16::new(index),
        code_or_count: U16::new(code_or_count as u16),
    }
}

fn when(condition: bool, flag: u8) -> u8 {
    if condition { flag } else { 0 }
}

/// CONFIRM or SELL by which cards were sold.
fn sold_cards(out: &mut Vec<u8>, index: u16, answer: &Answer<'_>, seals: &mut dyn OpenSeals) {
    let Answer::Confirmed { confirmed_ms, late, units, keys, sold } = answer else {
        unreachable!("nothing else sells cards");
    };
    let header = header(AnswerKind::ConfirmedCards, when(*late, flag::LATE), index, units.len());
    let at = out.len();
    let body = ConfirmedCardsBody {
        confirmed_ms: U64::new(*confirmed_ms),
        total: U32::new(keys.total),
        keys: U32::ZERO,
        sold: U32::new(sold.len() as u32),
        spare: U32::ZERO,
    };
    put(out, header, body, units.as_bytes());
    out.extend_from_slice(sold.as_bytes());
    close(out, at);
    let count = if keys.total > 0 { put_keys(out, at, keys, seals) } else { 0 };
    out[at + 20..at + 24].copy_from_slice(&count.to_le_bytes());
}

#[inline]
fn done(out: &mut Vec<u8>, index: u16, answer: &Answer<'_>, seals: &mut dyn OpenSeals) {
    let value = |out: &mut Vec<u8>, kind, value| {
        put(out, header(kind, 0, index, 0), ValueBody { value: U64::new(value) }, &[]);
    };
    match answer {
        Answer::Reserved { deadline_ms, units } => {
            let header = header(AnswerKind::Reserved, 0, index, units.len());
            put(out, header, ReservedBody { deadline_ms: U64::new(*deadline_ms) }, units.as_bytes());
        }
        Answer::Confirmed { sold, .. } if !sold.is_empty() => sold_cards(out, index, answer, seals),
        Answer::Confirmed { confirmed_ms, late, units, keys, .. } if keys.total > 0 => {
            let header = header(AnswerKind::ConfirmedKeys, when(*late, flag::LATE), index, units.len());
            let at = out.len();
            let (confirmed_ms, total) = (U64::new(*confirmed_ms), U32::new(keys.total));
            put(out, header, ConfirmedKeysBody { confirmed_ms, total, keys: U32::ZERO }, units.as_bytes());
            let count = put_keys(out, at, keys, seals);
            out[at + 20..at + 24].copy_from_slice(&count.to_le_bytes());
        }
        Answer::Confirmed { confirmed_ms, late, units, .. } => {
            let header = header(AnswerKind::Confirmed, when(*late, flag::LATE), index, units.len());
            put(out, header, ConfirmedBody { confirmed_ms: U64::new(*confirmed_ms) }, units.as_bytes());
        }
        Answer::Released { lapsed } => {
            put(out, header(AnswerKind::Released, when(*lapsed, flag::LAPSED), index, 0), (), &[]);
        }
        Answer::StockChanged { value: changed } => value(out, AnswerKind::StockChanged, *changed),
        Answer::Extended { deadline_ms } => value(out, AnswerKind::Extended, *deadline_ms),
        Answer::Returned { units } => value(out, AnswerKind::Returned, *units),
        Answer::Stock(view) => stock(out, index, view),
        Answer::KeysImported { taken } => value(out, AnswerKind::KeysImported, *taken),
        Answer::Keys(page) => {
            let at = out.len();
            let body = KeysBody { total: U32::new(page.total), from: U32::new(page.from) };
            put(out, header(AnswerKind::Keys, 0, index, 0), body, &[]);
            let count = put_keys(out, at, page, seals);
            out[at + 6..at + 8].copy_from_slice(&(count as u16).to_le_bytes());
        }
        Answer::KeysListed(page) => {
            let at = out.len();
            let body = KeysListedBody { next: U32::new(page.next), spare: U32::ZERO };
            put(out, header(AnswerKind::KeysListed, 0, index, 0), body, &[]);
            put_listed(out, at, page, seals);
        }
        Answer::Batches { total, batches } => {
            let body = BatchesBody { total: U32::new(*total), spare: U32::ZERO };
            put(out, header(AnswerKind::Batches, 0, index, batches.len()), body, batches.as_bytes());
        }
        Answer::Channels { version, channels } => {
            let body = ChannelsBody { version: U32::new(*version), spare: U32::ZERO };
            put(out, header(AnswerKind::Channels, 0, index, channels.len()), body, channels.as_bytes());
        }
        Answer::Terms { version, limits, spans, prices } => {
            let at = out.len();
            let body = TermsBody { version: U32::new(*version), spare: U32::ZERO };
            let flags = when(spans.further(), flag::SPANS);
            put(out, header(AnswerKind::Terms, flags, index, prices.len()), body, limits.as_bytes());
            if spans.further() {
                out.extend_from_slice(spans.as_bytes());
            }
            out.extend_from_slice(prices.as_bytes());
            close(out, at);
        }
        Answer::Risk { rules, total, blocks } => {
            let at = out.len();
            let body = RiskBody { total: U32::new(*total), blocks: U32::new(blocks.len() as u32) };
            put(out, header(AnswerKind::Risk, 0, index, rules.len()), body, rules.as_bytes());
            out.extend_from_slice(blocks.as_bytes());
            close(out, at);
        }
        Answer::Zone { version, name, transitions } => {
            let at = out.len();
            let name_bytes = U16::new(name.len() as u16);
            let body = ZoneBody { version: U32::new(*version), name_bytes, spare: U16::ZERO };
            let header = header(AnswerKind::Zone, 0, index, transitions.len());
            put(out, header, body, transitions.as_bytes());
            out.extend_from_slice(name);
            pad(out, name.len());
            close(out, at);
        }
        Answer::Cancelled(what) => cancelled(out, index, *what),
        Answer::Owed { position, until_ms } => {
            let body =
                OwedBody { until_ms: U64::new(*until_ms), position: U32::new(*position), spare: U32::ZERO };
            put(out, header(AnswerKind::Owed, 0, index, 0), body, &[]);
        }
        Answer::Debts { total, debts } => {
            let body = DebtsBody { total: U32::new(*total), spare: U32::ZERO };
            put(out, header(AnswerKind::Debts, 0, index, debts.len()), body, debts.as_bytes());
        }
        Answer::OrderHolds { more, holds } => {
            let body = OrderHoldsBody { more: *more as u8, spare: [0; 7] };
            put(out, header(AnswerKind::OrderHolds, 0, index, holds.len()), body, holds.as_bytes());
        }
        Answer::Identity { members } => {
            let header = header(AnswerKind::Identity, 0, index, members.len());
            put(out, header, NoBody {}, members.as_bytes());
        }
        Answer::Hold(view) => hold(out, index, view),
        Answer::Operation(view) => operation(out, index, view),
        Answer::Issued(_)
        | Answer::Redeemed(_)
        | Answer::OfflineConflict { .. }
        | Answer::Reversed { .. }
        | Answer::Filled { .. }
        | Answer::CardRefunded { .. }
        | Answer::GivenCode { .. }
        | Answer::Campaign(_)
        | Answer::Card(..)
        | Answer::Wallet { .. }
        | Answer::Redemption(_)
        | Answer::Quote(_)
        | Answer::QuoteReserved { .. }
        | Answer::PiecesReturned(_) => cards::done(out, index, answer),
        Answer::GroupJoined(joined) => groups::joined(out, index, joined),
        Answer::Group(view) => groups::group(out, index, view),
        Answer::Activity(view) => sharing::activity(out, index, view),
        Answer::Notices(page) => notices::notices(out, index, page),
    }
}

fn cancelled(out: &mut Vec<u8>, index: u16, cancelled: Cancelled) {
    let (what, units) = match cancelled {
        Cancelled::Nothing => (0, 0),
        Cancelled::Released => (1, 0),
        Cancelled::Lapsed => (2, 0),
        Cancelled::Returned { units } => (3, units),
    };
    let body = CancelledBody { units: U64::new(units), what, spare: [0; 7] };
    put(out, header(AnswerKind::Cancelled, 0, index, 0), body, &[]);
}

/// Appends keys to the answer that begins at `at`, as many as fit, and corrects its length; answers how many.
fn put_keys(out: &mut Vec<u8>, at: usize, page: &KeyPage<'_>, seals: &mut dyn OpenSeals) -> u32 {
    let mut count = 0;
    let (places, shown, keys) = match page.keys {
        KeyList::None => return 0,
        KeyList::Read(items) => {
            out.extend_from_slice(items);
            close(out, at);
            return count_items(items);
        }
        KeyList::Sealed { places, shown, keys } => (places, shown, keys),
    };
    for place in places {
        let (chunk, sealed) = keys.chunk(place.chunk);
        let text = if shown { seals.text(place.chunk, chunk, sealed, place.position) } else { None };
        let text = text.unwrap_or(&[]);
        let bytes = size_of::<KeyItem>() + text.len() + padding(text.len());
        if out.len() - at + bytes > ANSWER_BYTES_MAX {
            break;
        }
        let item = KeyItem {
            key: U64::new(u64::from(place.key)),
            text_bytes: U16::new(text.len() as u16),
            flags: U16::new(u16::from(place.void) | u16::from(place.owed) << 1),
            spare: U32::ZERO,
        };
        out.extend_from_slice(item.as_bytes());
        out.extend_from_slice(text);
        pad(out, text.len());
        count += 1;
    }
    close(out, at);
    count
}

/// Appends listed keys to the answer that begins at `at`, as many as fit, and corrects its length, its count and where to
/// go on.
fn put_listed(out: &mut Vec<u8>, at: usize, page: &ListPage<'_>, seals: &mut dyn OpenSeals) {
    let mut count = 0u16;
    match page.keys {
        ListedKeys::Read(items) => {
            out.extend_from_slice(items);
            count = count_listed(items);
        }
        ListedKeys::Sealed { places, clear, keys } => {
            for place in places {
                let (chunk, sealed) = keys.chunk(place.chunk);
                let text = seals.text(place.chunk, chunk, sealed, place.position).unwrap_or(&[]);
                let text = if clear { text } else { end_of(text) };
                if out.len() - at + size_of::<ListedItem>() + text.len() + padding(text.len())
                    > ANSWER_BYTES_MAX
                {
                    out[at + ANSWER_HEADER_BYTES..][..4].copy_from_slice(place.item.key.as_bytes());
                    break;
                }
                let item = ListedItem { text_bytes: U16::new(text.len() as u16), ..place.item };
                out.extend_from_slice(item.as_bytes());
                out.extend_from_slice(text);
                pad(out, text.len());
                count += 1;
            }
        }
    }
    close(out, at);
    out[at + 6..at + 8].copy_from_slice(&count.to_le_bytes());
}

/// The last four characters of a text; of one of less than eight the last half, so that a mask always hides something.
fn end_of(text: &[u8]) -> &[u8] {
    let text = core::str::from_utf8(text).unwrap_or("");
    let shown = (text.chars().count() / 2).min(4);
    let at = shown.checked_sub(1).and_then(|last| text.char_indices().rev().nth(last));
    &text.as_bytes()[at.map_or(text.len(), |(at, _)| at)..]
}

/// Listed keys that were read from a wire.
fn count_listed(mut items: &[u8]) -> u16 {
    let mut count = 0;
    while let Ok((item, rest)) = ListedItem::ref_from_prefix(items) {
        let text_bytes = usize::from(item.text_bytes.get());
        items = &rest[text_bytes + padding(text_bytes)..];
        count += 1;
    }
    count
}

/// Corrects the length of the answer that begins at `at`.
fn close(out: &mut [u8], at: usize) {
    let length = out.len() - at;
    assert!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes: keys that were read fit an answer");
    out[at..at + 2].copy_from_slice(&(length as u16).to_le_bytes());
}

/// Keys in a list that was read from a wire.
fn count_items(mut items: &[u8]) -> u32 {
    let mut count = 0;
    while let Ok((item, rest)) = KeyItem::ref_from_prefix(items) {
        let text_bytes = usize::from(item.text_bytes.get());
        items = &rest[text_bytes + padding(text_bytes)..];
        count += 1;
    }
    count
}

#[inline]
fn refused(out: &mut Vec<u8>, index: u16, rejection: &Rejection<'_>) {
    let code = rejection.code;
    let header = |facts: FactsKind| {
        header(AnswerKind::Rejection, code.class() as u8 | (facts as u8) << 4, index, code as usize)
    };
    match rejection.facts {
        Facts::None => put(out, header(FactsKind::None), (), &[]),
        Facts::Lines(lines) => put(out, header(FactsKind::Lines), (), lines.as_bytes()),
        Facts::Time(time_ms) => {
            put(out, header(FactsKind::Time), TimeFact { time_ms: U64::new(time_ms) }, &[]);
        }
        Facts::Floor(time_ms) => {
            put(out, header(FactsKind::Floor), TimeFact { time_ms: U64::new(time_ms) }, &[]);
        }
        Facts::Maximum(which, maximum) => {
            let fact =
                MaximumFact { which: U16::new(which as u16), spare: [0; 6], maximum: U64::new(maximum) };
            put(out, header(FactsKind::Maximum), fact, &[]);
        }
        Facts::Version(version) => {
            let fact = VersionFact { version: U32::new(version), spare: U32::ZERO };
            put(out, header(FactsKind::Version), fact, &[]);
        }
        Facts::Total(total) => {
            put(out, header(FactsKind::Total), TotalFact { total: U64::new(total) }, &[]);
        }
        Facts::Rule(rule) => {
            put(out, header(FactsKind::Rule), RuleFact { rule: U16::new(rule), spare: [0; 6] }, &[]);
        }
        Facts::Key(key) => put(out, header(FactsKind::Key), KeyFact { key: U64::new(key) }, &[]),
        Facts::Units { stock, asked, available } => {
            let fact = UnitsFact {
                stock: U64::new(stock.0),
                asked: U64::new(asked),
                available: U64::new(available),
            };
            put(out, header(FactsKind::Units), fact, &[]);
        }
    }
}

fn stock(out: &mut Vec<u8>, index: u16, view: &StockView<'_>) {
    let body = StockBody {
        stock: U64::new(view.stock.0),
        version: U32::new(view.version),
        limit_per_user: U32::new(view.terms.limit_per_user),
        opens_ms: U64::new(view.terms.opens_ms),
        closes_ms: U64::new(view.terms.closes_ms),
        total: U64::new(view.total),
        available: U64::new(view.available),
        held: U64::new(view.held),
        consumed: U64::new(view.consumed),
        frozen: U64::new(view.frozen),
        void: U64::new(view.void),
        marked_frozen: U64::new(view.marked_frozen),
        marked_void: U64::new(view.marked_void),
    };
    let once = when(view.once_per_order, flag::ONCE_PER_ORDER);
    let flags = once | when(view.terms.frozen, flag::FROZEN) | flags_of_kind(view.kind);
    put(out, header(AnswerKind::Stock, flags, index, view.name.len()), body, view.name);
}

fn hold(out: &mut Vec<u8>, index: u16, view: &HoldView<'_>) {
    let body = HoldBody {
        hold: U128::new(view.hold.0),
        order: U128::new(view.order.0),
        user: U128::new(view.user.0),
        reserved_ms: U64::new(view.reserved_ms),
        deadline_ms: U64::new(view.deadline_ms),
        closed_ms: U64::new(view.closed_ms),
        state: view.state as u8,
        cards: view.cards.len() as u8,
        channel: U16::new(view.channel.0),
        refusal: U16::new(view.refusal.map_or(0, |code| code as u16)),
        spare: U16::ZERO,
    };
    let flags = when(view.late, flag::LATE) | when(view.flagged, flag::FLAGGED);
    let at = out.len();
    put(out, header(AnswerKind::Hold, flags, index, view.lines.len()), body, view.lines.as_bytes());
    if !view.cards.is_empty() {
        out.extend_from_slice(view.cards.as_bytes());
        close(out, at);
    }
}

fn operation(out: &mut Vec<u8>, index: u16, view: &OperationView) {
    let body = OperationBody { value: U64::new(view.value), kind: view.kind as u8, spare: [0; 7] };
    put(out, header(AnswerKind::Operation, 0, index, 0), body, &[]);
}

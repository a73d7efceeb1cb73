//! What a connection's bytes mean: HELLO first, then frames of commands.
//!
//! Commands whose slot lies in another shard go there, all others are executed here and now.
//!
//! Invariant: nothing executes from a frame whose checksum was not seen whole; a command executes, here or elsewhere, only
//! if the token allows it; after an ERROR the connection ends.

use super::codes::{CodeBook, by_given_code};
use super::connection::Connection;
use super::links::Parcel;
use super::owner::{Inner, Owner, Ticket};
use super::vault::Vault;
use arrayvec::ArrayVec;
use scrip_codes::Layout;
use scrip_engine::answer::Outcome;
use scrip_engine::command::{
    ActivityWish, CampaignCreate, CodeBlock, Command, Envelope, GroupWish, KeyBlock, Label, Request,
    StockCreate, StockKind,
};
use scrip_engine::ids::{GivenCode, UserId};
use scrip_engine::limits::PREPARED_MAX;
use scrip_engine::rejection::{Code, Rejection};
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::commands::CommandKind;
use scrip_protocol::error::{ErrorCode, ProtocolError};
use scrip_protocol::extras::Extras;
use scrip_protocol::frame::{self, FrameHeader, FrameKind, HEADER_BYTES};
use scrip_protocol::handshake::{Hello, Welcome};
use scrip_protocol::notice::{ErrorNotice, Goaway, GoawayReason, write_error, write_pong};
use scrip_protocol::read::CommandReader;
use scrip_shard::Shard;
use scrip_wal::LogHandle;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::tokens::Principal;

/// Why a connection ends.
enum Refusal {
    /// Its bytes break the contract.
    Protocol(ProtocolError),
    /// Its bytes are right, but not now or not from there.
    Session(ErrorCode, &'static str),
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Refusal {
        Refusal::Protocol(error)
    }
}

/// Bytes of answers to one frame beyond which the rest of its commands is answered BUSY: a frame of 1 MiB can ask for far
/// more than it is.
const ANSWERS_PER_FRAME_MAX: usize = 8 << 20;

/// Handles the whole frames at the front of `input`, as long as the answers have room; answers how many bytes they were.
pub(super) fn take_in(owner: &Owner, inner: &mut Inner, connection: &Rc<Connection>, input: &[u8]) -> usize {
    let arrived = inner.turn_clock();
    inner.shard.begin_batch();
    let mut at = 0;
    while !connection.is_closing() {
        if at > 0 && connection.owes_reading() {
            connection.left_frames.set(at < input.len());
            break;
        }
        match frame::parse(&input[at..], connection.frame_limits()) {
            Ok(None) => break,
            Ok(Some((header, bytes))) => {
                let payload = &input[at + HEADER_BYTES..at + bytes];
                if let Err(error) = take_frame(owner, inner, connection, &header, payload, arrived) {
                    refuse(owner, inner, connection, header.correlation, &error);
                }
                at += bytes;
            }
            Err(error) => refuse(owner, inner, connection, 0, &Refusal::Protocol(error)),
        }
    }
    at
}

fn take_frame(
    owner: &Owner,
    inner: &mut Inner,
    connection: &Rc<Connection>,
    header: &FrameHeader,
    payload: &[u8],
    arrived: Instant,
) -> Result<(), Refusal> {
    if connection.principal().is_none() {
        return match header.kind {
            FrameKind::Hello => welcome(owner, inner, connection, payload),
            _ => Err(Refusal::Session(ErrorCode::HelloExpected, "the first frame must be HELLO")),
        };
    }
    match header.kind {
        FrameKind::Commands => {
            owner.metrics.frames.fetch_add(1, Ordering::Relaxed);
            execute(owner, inner, connection, header.correlation, payload, arrived)
        }
        FrameKind::Ping => {
            let now_ms = inner.shard.now_ms();
            let end = connection.append(|out| write_pong(out, header.correlation, now_ms));
            wait(inner, connection, end, 0, arrived);
            Ok(())
        }
        FrameKind::Pong => Ok(()),
        _ => Err(Refusal::Session(
            ErrorCode::UnexpectedKind,
            "a client sends HELLO once, then COMMANDS, PING, PONG",
        )),
    }
}

const UNAUTHORIZED: Refusal = Refusal::Session(
    ErrorCode::Unauthorized,
    "the token is unknown, expired or revoked: create one with `scrip token create`",
);

fn welcome(
    owner: &Owner,
    inner: &mut Inner,
    connection: &Rc<Connection>,
    payload: &[u8],
) -> Result<(), Refusal> {
    let hello = Hello::read(payload)?;
    hello.version()?;
    let now_ms = inner.shard.now_ms();
    let principal = owner.house.tokens.find(&hello.token, now_ms / 1_000).ok_or(UNAUTHORIZED)?;
    let mut welcome = Welcome::new(now_ms, principal.merchant, principal.alias_key.clone());
    welcome.operation_floor_ms = inner.shard.engine().floor_ms().max(owner.house.floor_ms());
    welcome.shards = owner.house.shards() as u16;
    welcome.slot_map_epoch = owner.house.slot_map_epoch;
    tracing::debug!(token = principal.name, merchant = principal.merchant.0, "authenticated");
    connection.authenticate(principal);
    let end = connection.append(|out| welcome.write(out));
    wait(inner, connection, end, 0, Instant::now());
    Ok(())
}

/// What is to be done with a decoded command.
pub(super) struct Order<'a> {
    /// Its index in its frame.
    pub index: u16,
    /// Why it is refused without being executed.
    pub refused: Option<Code>,
    /// A code names its card, or its campaign.
    pub by_code: bool,
    /// The code, if it is none that opens: it may have been given.
    pub given: Option<GivenCode>,
    /// What goes into the log with its event.
    pub facts: &'a [u8],
}

/// A frame of commands as it is decoded.
struct Frame<'a> {
    reader: CommandReader<'a>,
    payload: &'a [u8],
    correlation: u64,
    arrived: Instant,
    /// Commands that went to another shard.
    away: u32,
    failure: Option<ProtocolError>,
}

/// Executes a frame of commands and puts its answers behind the gate.
fn execute(
    owner: &Owner,
    inner: &mut Inner,
    connection: &Rc<Connection>,
    correlation: u64,
    payload: &[u8],
    arrived: Instant,
) -> Result<(), Refusal> {
    let principal = connection.principal().expect("checked before");
    let reader = CommandReader::new(payload);
    let mut frame = Frame { reader, payload, correlation, arrived, away: 0, failure: None };
    inner.links.begin_frame();
    let mut commands = 0u32;
    let end = connection.append(|out| {
        let before = out.len();
        let mut answers = AnswerFrame::begin(out, correlation);
        let mut more = true;
        while more {
            let mut requests: ArrayVec<Request<'_>, PREPARED_MAX> = ArrayVec::new();
            let mut orders: ArrayVec<Order<'_>, PREPARED_MAX> = ArrayVec::new();
            more = frame.fill(inner, connection, &principal, &mut requests, &mut orders);
            if out.len() - before > ANSWERS_PER_FRAME_MAX {
                orders.iter_mut().for_each(|order| order.refused = order.refused.or(Some(Code::Busy)));
            }
            answers = answer(inner, answers, out, (&requests, &orders), &principal);
            commands += requests.len() as u32;
        }
        answers.finish(out, inner.shard.sequence());
    });
    if frame.away > 0 {
        connection.took(frame.away);
        connection.sent_away(frame.away);
        owner.metrics.forwarded.fetch_add(u64::from(frame.away), Ordering::Relaxed);
    }
    if commands > 0 {
        connection.took(commands);
        wait(inner, connection, end, commands, arrived);
    }
    frame.failure.map_or(Ok(()), |error| Err(Refusal::Protocol(error)))
}

/// Executes one command; card keys are sealed on their way, and chance is put in where it is asked for.
#[inline]
fn execute_one<'s>(
    shard: &'s mut Shard<LogHandle>,
    (vault, codes): (&mut Vault, &mut CodeBook),
    request: &Request<'_>,
    facts: &[u8],
) -> Outcome<'s> {
    let Command::KeysImport { stock, batch, block: KeyBlock::Plain { count, bytes } } = request.command
    else {
        if let Command::StockCreate(StockCreate { kind: StockKind::RandomKeys { .. }, .. }) = request.command
        {
            return create_by_chance(shard, request);
        }
        if let Command::CampaignCreate(create) = request.command {
            return create_campaign(shard, vault, &request.envelope, create);
        }
        if let Command::CodeImport { campaign, codes: CodeBlock::Plain { count, bytes } } = request.command {
            let codes = codes.hash_block(request.envelope.merchant, (count, bytes));
            let command = Command::CodeImport { campaign, codes };
            return shard.execute(&Request { envelope: request.envelope, command });
        }
        if let Command::Label { user, label: Label::Plain(text) } = request.command {
            return set_label(shard, vault, &request.envelope, (user, text));
        }
        return match facts {
            [] => shard.execute(request),
            facts => shard.execute_with_facts(request, facts),
        };
    };
    let Envelope { merchant, operation, .. } = request.envelope;
    if shard.engine().state().stock_of(merchant, stock).is_none() {
        // It will be refused: no data key is made for it, and nothing sealed.
        let command = Command::KeysImport { stock, batch, block: KeyBlock::NONE };
        return shard.execute(&Request { envelope: request.envelope, command });
    }
    match vault.seal(merchant, stock, operation, (count, bytes)) {
        Ok(block) => {
            let command = Command::KeysImport { stock, batch, block };
            shard.execute(&Request { envelope: request.envelope, command })
        }
        Err(error) => {
            tracing::error!(%error, "card keys can't be sealed");
            Outcome::Refused(Rejection::plain(Code::Busy))
        }
    }
}

/// Keeps a user's label, sealed.
#[cold]
fn set_label<'s>(
    shard: &'s mut Shard<LogHandle>,
    vault: &mut Vault,
    envelope: &Envelope,
    (user, text): (UserId, &[u8]),
) -> Outcome<'s> {
    match vault.seal_label((envelope.merchant, envelope.slot, user), text) {
        Ok(label) => shard.execute(&Request { envelope: *envelope, command: Command::Label { user, label } }),
        Err(error) => {
            tracing::error!(%error, "a label can't be sealed");
            Outcome::Refused(Rejection::plain(Code::Busy))
        }
    }
}

/// Makes a campaign, and the key of its codes.
#[cold]
fn create_campaign<'s>(
    shard: &'s mut Shard<LogHandle>,
    vault: &Vault,
    envelope: &Envelope,
    create: CampaignCreate<'_>,
) -> Outcome<'s> {
    if Layout::from_number(create.layout).is_none() {
        // The engine keeps the number and does not know what it means.
        return Outcome::Refused(Rejection::plain(Code::RuleFailed));
    }
    match vault.make_campaign_key(create.campaign) {
        Ok(key) => {
            let command = Command::CampaignCreate(CampaignCreate { key: &key, ..create });
            shard.execute(&Request { envelope: *envelope, command })
        }
        Err(error) => {
            tracing::error!(%error, "a campaign's key can't be made");
            Outcome::Refused(Rejection::plain(Code::Busy))
        }
    }
}

/// Makes a stock whose keys are sold in random order.
#[cold]
fn create_by_chance<'s>(shard: &'s mut Shard<LogHandle>, request: &Request<'_>) -> Outcome<'s> {
    let Command::StockCreate(create) = request.command else { unreachable!("called for STOCK_CREATE alone") };
    let mut seed = [0; 8];
    if let Err(error) = getrandom::fill(&mut seed) {
        tracing::error!(%error, "there is no chance to be had");
        return Outcome::Refused(Rejection::plain(Code::Busy));
    }
    let kind = StockKind::RandomKeys { seed: u64::from_le_bytes(seed).max(1) };
    let command = Command::StockCreate(StockCreate { kind, ..create });
    shard.execute(&Request { envelope: request.envelope, command })
}

/// Carries out the orders of up to [`PREPARED_MAX`] commands and appends their answers; answers the frame that is open
/// then.
#[inline]
pub(super) fn answer(
    inner: &mut Inner,
    mut frame: AnswerFrame,
    out: &mut Vec<u8>,
    (requests, orders): (&[Request<'_>], &[Order<'_>]),
    principal: &Principal,
) -> AnswerFrame {
    for (next, (order, request)) in orders.iter().zip(requests).enumerate() {
        if requests.len() > 1 {
            inner.shard.prepare(requests, next);
        }
        let sequence = inner.shard.sequence();
        let now_ms = inner.shard.now_ms();
        let outcome = match order.refused {
            None if order.by_code && principal.failed_codes.are_too_many(now_ms, inner.code_failures_max) => {
                Outcome::Refused(Rejection::plain(Code::Throttled))
            }
            None => {
                let given =
                    order.given.map(|code| by_given_code(inner.shard.engine().state(), *request, code));
                let request = given.as_ref().unwrap_or(request);
                execute_one(&mut inner.shard, (&mut inner.vault, &mut inner.codes), request, order.facts)
            }
            Some(code) => Outcome::Refused(Rejection::plain(code)),
        };
        let outcome = if order.by_code { principal.hear(outcome, now_ms) } else { outcome };
        inner.counts.count(request.envelope.channel, &outcome);
        if frame.push(out, order.index, &outcome, &mut inner.vault).is_err() {
            // A full frame is followed by another under the same correlation id.
            let correlation = frame.correlation();
            frame.finish(out, sequence);
            frame = AnswerFrame::begin(out, correlation);
            let again = frame.push(out, order.index, &outcome, &mut inner.vault);
            again.expect("an answer fits an empty frame");
        }
        if matches!(request.command, Command::Label { .. } | Command::Erase { .. }) {
            let void = inner.shard.take_void_keys();
            if !void.is_empty() {
                inner.gate.wait(inner.shard.sequence(), Ticket::VoidKeys(void));
            }
        }
    }
    frame
}

impl<'a> Frame<'a> {
    /// Decodes commands until there are as many as are executed together, and sends those away that belong to other
    /// shards; answers whether there may be more.
    #[inline]
    fn fill(
        &mut self,
        inner: &mut Inner,
        connection: &Rc<Connection>,
        principal: &Arc<Principal>,
        requests: &mut ArrayVec<Request<'a>, PREPARED_MAX>,
        orders: &mut ArrayVec<Order<'a>, PREPARED_MAX>,
    ) -> bool {
        while !requests.is_full() {
            let (index, at) = (self.reader.index(), self.reader.payload_offset());
            match self.reader.next() {
                Some(Ok((request, extras))) => {
                    let mut refused = None;
                    let by_code = !extras.code.is_none();
                    if !allowed(principal, &request) || principal.public && looks_at_cards(&request, by_code)
                    {
                        refused = Some(Code::Forbidden);
                    }
                    if let (Command::KeysExport { stock, from, .. }, None) = (&request.command, refused)
                        && connection.begins_export(request.envelope.operation)
                    {
                        // The log says when and what, this who.
                        let operation = request.envelope.operation;
                        tracing::warn!(token = principal.name, %stock, from, %operation, "card keys are exported in clear text");
                    }
                    if refused.is_some() {
                        // It is answered where it arrived.
                    } else if let Some(other) = inner.links.away(request.envelope.slot) {
                        let bytes = &self.payload[at..self.reader.payload_offset()];
                        let (correlation, arrived) = (self.correlation, self.arrived);
                        let parcel = Parcel { connection, principal, arrived, correlation, index, bytes };
                        if inner.links.forward(other, &parcel) {
                            self.away += 1;
                            continue;
                        }
                        refused = Some(Code::Busy);
                    }
                    let (request, given) = named(inner, (request, extras));
                    requests.push(request);
                    orders.push(Order { index, refused, by_code, given, facts: extras.facts });
                }
                Some(Err(error)) => {
                    self.failure = Some(ProtocolError::from(error));
                    return false;
                }
                None => return false,
            }
        }
        true
    }
}

/// The request, with the card that a code names in its place; or with what the code may be that names none.
#[inline]
pub(super) fn named<'a>(
    inner: &mut Inner,
    (request, extras): (Request<'a>, Extras<'a>),
) -> (Request<'a>, Option<GivenCode>) {
    let now_ms = inner.shard.now_ms();
    inner.codes.name(inner.shard.engine().state(), now_ms, request, extras.code)
}

#[inline]
fn allowed(principal: &Principal, request: &Request<'_>) -> bool {
    let envelope = &request.envelope;
    let may = |kind| principal.may(kind, envelope.merchant, envelope.channel);
    may(CommandKind::of(&request.command)) && (!takes_cards(&request.command) || may(CommandKind::Redeem))
}

/// Whether it uses cards beside what it takes of stocks: who may not redeem may not do so this way.
#[inline]
fn takes_cards(command: &Command<'_>) -> bool {
    match command {
        Command::Reserve { take, .. } | Command::Sell { take, .. } => !take.cards.is_empty(),
        Command::QuoteReserve(_) => true,
        _ => false,
    }
}

/// Whether a command would tell of cards to whom no code of them is known, or more of them than that they can be used.
fn looks_at_cards(request: &Request<'_>, by_code: bool) -> bool {
    match request.command {
        // A conflict would say why a code does not work.
        Command::Redeem(redeem) => !by_code || redeem.offline.is_some(),
        Command::CardShow { .. }
        | Command::CodeShow { .. }
        | Command::CardChange { .. }
        | Command::Account { .. }
        | Command::Gift { .. }
        | Command::Group(GroupWish::Show { .. })
        | Command::Activity(ActivityWish::Show { .. })
        | Command::CardBatchEnd { .. }
        | Command::Recycle { .. }
        | Command::Merge(_)
        | Command::WalletShow { .. }
        | Command::NoticesRead { .. }
        | Command::Quote(_)
        | Command::QuoteReserve(_) => true,
        _ => false,
    }
}

/// The bytes up to `end` wait until everything seen so far is durable.
fn wait(inner: &mut Inner, connection: &Rc<Connection>, end: u64, commands: u32, arrived: Instant) {
    let ticket = Ticket::Bytes { connection: connection.clone(), end, commands, arrived };
    inner.gate.wait(inner.shard.sequence(), ticket);
}

/// Tells a connection what was wrong and where, and ends it.
fn refuse(
    owner: &Owner,
    inner: &mut Inner,
    connection: &Rc<Connection>,
    correlation: u64,
    refusal: &Refusal,
) {
    owner.metrics.connections_failed.fetch_add(1, Ordering::Relaxed);
    let write = |out: &mut Vec<u8>| match refusal {
        Refusal::Protocol(error) => {
            tracing::info!(code = error.code().name(), %error, "connection refused");
            write_error(out, correlation, error);
        }
        Refusal::Session(code, message) => {
            tracing::info!(code = code.name(), "connection refused");
            ErrorNotice::new(*code, message).write(out, correlation);
        }
    };
    write(&mut connection.last_words().borrow_mut());
    if !connection.has_commands_away() {
        say_last_words(inner, connection);
    }
    connection.close_after_output();
}

/// Says why a connection ends, as the last thing that it hears.
pub(super) fn say_last_words(inner: &mut Inner, connection: &Rc<Connection>) {
    let end = connection.append(|out| out.append(&mut connection.last_words().borrow_mut()));
    wait(inner, connection, end, 0, Instant::now());
}

/// Ends a connection that was silent for too long.
pub(super) fn dismiss(inner: &mut Inner, connection: &Rc<Connection>, code: ErrorCode) {
    let end = connection.append(|out| ErrorNotice::new(code, code.meaning()).write(out, 0));
    wait(inner, connection, end, 0, Instant::now());
    connection.close_after_output();
}

/// What a connection over the maximum is told.
pub(super) fn too_many_connections() -> Vec<u8> {
    let mut out = Vec::new();
    let code = ErrorCode::TooManyConnections;
    ErrorNotice::new(code, code.meaning()).write(&mut out, 0);
    out
}

/// Asks every connection to go elsewhere within `drain`.
pub(super) fn say_goodbye(owner: &Owner, drain: Duration) {
    let mut inner = owner.inner.borrow_mut();
    let goaway = Goaway { reason: GoawayReason::Stopping, drain_ms: drain.as_millis() as u32 };
    for connection in owner.each_connection() {
        let end = connection.append(|out| {
            if connection.principal().is_some() {
                goaway.write(out);
            } else {
                ErrorNotice::new(ErrorCode::ShuttingDown, "the server is stopping").write(out, 0);
            }
        });
        wait(&mut inner, &connection, end, 0, Instant::now());
    }
}

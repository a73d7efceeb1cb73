//! What a connection's bytes mean: HELLO first, then frames of commands.
//!
//! Invariant: nothing executes from a frame whose checksum was not seen whole; a command executes only if the token
//! allows it; after an ERROR the connection ends.

use super::connection::Connection;
use super::owner::{Inner, Owner, Ticket};
use super::vault::Vault;
use arrayvec::ArrayVec;
use scrip_engine::answer::Outcome;
use scrip_engine::command::{Command, Envelope, KeyBlock, Request};
use scrip_engine::limits::PREPARED_MAX;
use scrip_engine::rejection::{Code, Rejection};
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::commands::CommandKind;
use scrip_protocol::error::{ErrorCode, ProtocolError};
use scrip_protocol::frame::{self, FrameHeader, FrameKind, HEADER_BYTES};
use scrip_protocol::handshake::{Hello, Welcome};
use scrip_protocol::notice::{ErrorNotice, Goaway, GoawayReason, write_error, write_pong};
use scrip_protocol::read::CommandReader;
use scrip_shard::Shard;
use scrip_wal::LogHandle;
use std::rc::Rc;
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

/// Handles the whole frames at the front of `input`; answers how many bytes they were.
pub(super) fn take_in(owner: &Owner, inner: &mut Inner, connection: &Rc<Connection>, input: &[u8]) -> usize {
    let arrived = inner.turn_clock();
    inner.shard.begin_batch();
    let mut at = 0;
    while !connection.is_closing() {
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
            execute(inner, connection, header.correlation, payload, arrived)
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
    let principal = owner.tokens.find(&hello.token, now_ms / 1_000).ok_or(UNAUTHORIZED)?;
    let mut welcome = Welcome::new(now_ms, principal.merchant, principal.alias_key.clone());
    welcome.operation_floor_ms = inner.shard.engine().floor_ms();
    welcome.slot_map_epoch = owner.slot_map_epoch;
    tracing::debug!(token = principal.name, merchant = principal.merchant.0, "authenticated");
    connection.authenticate(principal);
    let end = connection.append(|out| welcome.write(out));
    wait(inner, connection, end, 0, Instant::now());
    Ok(())
}

/// Executes a frame of commands and puts its answers behind the gate.
fn execute(
    inner: &mut Inner,
    connection: &Rc<Connection>,
    correlation: u64,
    payload: &[u8],
    arrived: Instant,
) -> Result<(), Refusal> {
    let principal = connection.principal().expect("checked before");
    let mut reader = CommandReader::new(payload);
    let mut commands = 0u32;
    let mut failure = None;
    let end = connection.append(|out| {
        let mut answers = AnswerFrame::begin(out, correlation);
        let mut more = true;
        while more {
            let first = reader.index();
            let mut batch: ArrayVec<Request<'_>, PREPARED_MAX> = ArrayVec::new();
            more = fill(&mut reader, &mut batch, &mut failure);
            if batch.len() > 1 {
                inner.shard.prepare(&batch);
            }
            for (index, request) in (first..).zip(&batch) {
                let sequence = inner.shard.sequence();
                let outcome = if allowed(&principal, request) {
                    execute_one(&mut inner.shard, &mut inner.vault, request)
                } else {
                    Outcome::Refused(Rejection::plain(Code::Forbidden))
                };
                inner.counts.count(&outcome);
                if answers.push(out, index, &outcome, &mut inner.vault).is_err() {
                    // A full frame is followed by another under the same correlation id.
                    answers.finish(out, sequence);
                    answers = AnswerFrame::begin(out, correlation);
                    let again = answers.push(out, index, &outcome, &mut inner.vault);
                    again.expect("an answer fits an empty frame");
                }
            }
            commands += batch.len() as u32;
        }
        answers.finish(out, inner.shard.sequence());
    });
    connection.took(commands);
    wait(inner, connection, end, commands, arrived);
    failure.map_or(Ok(()), |error| Err(Refusal::Protocol(error)))
}

/// Executes one command; card keys are sealed on their way.
#[inline]
fn execute_one<'s>(shard: &'s mut Shard<LogHandle>, vault: &mut Vault, request: &Request<'_>) -> Outcome<'s> {
    let Command::KeysImport { stock, batch, block: KeyBlock::Plain { count, bytes } } = request.command
    else {
        return shard.execute(request);
    };
    let Envelope { merchant, operation, .. } = request.envelope;
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

/// Decodes commands until the batch is full; answers whether there may be more.
#[inline]
fn fill<'a>(
    reader: &mut CommandReader<'a>,
    batch: &mut ArrayVec<Request<'a>, PREPARED_MAX>,
    failure: &mut Option<ProtocolError>,
) -> bool {
    while !batch.is_full() {
        match reader.next() {
            Some(Ok((request, _extras))) => batch.push(request),
            Some(Err(error)) => {
                *failure = Some(ProtocolError::from(error));
                return false;
            }
            None => return false,
        }
    }
    true
}

#[inline]
fn allowed(principal: &Principal, request: &Request<'_>) -> bool {
    let envelope = &request.envelope;
    principal.may(CommandKind::of(&request.command), envelope.merchant, envelope.channel)
}

/// The bytes up to `end` wait until everything seen so far is durable.
fn wait(inner: &mut Inner, connection: &Rc<Connection>, end: u64, commands: u32, arrived: Instant) {
    let ticket = Ticket { connection: connection.clone(), end, commands, arrived };
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
    let end = connection.append(|out| match refusal {
        Refusal::Protocol(error) => {
            tracing::info!(code = error.code().name(), %error, "connection refused");
            write_error(out, correlation, error);
        }
        Refusal::Session(code, message) => {
            tracing::info!(code = code.name(), "connection refused");
            ErrorNotice::new(*code, message).write(out, correlation);
        }
    });
    wait(inner, connection, end, 0, Instant::now());
    connection.close_after_output();
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
pub(super) fn say_goodbye(owner: &Rc<Owner>, drain: Duration) {
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

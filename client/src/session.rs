//! The client's side of one connection, without the connection: commands in, bytes out; bytes in, answers out. The typed
//! client and the load generator are drivers around it.
//!
//! Invariant: every command pushed leaves exactly once, as an answer or among the unanswered, with the tag it came with.
//! An answer that belongs to no outstanding command is an error, never a guess.

use scrip_engine::answer::Outcome;
use scrip_engine::command::Request;
use scrip_protocol::answer_read::AnswerReader;
use scrip_protocol::error::{ErrorCode, Position, ProtocolError};
use scrip_protocol::extras::Extras;
use scrip_protocol::frame::{self, FrameHeader, FrameKind, FrameLimits, HEADER_BYTES};
use scrip_protocol::handshake::{Hello, Welcome};
use scrip_protocol::notice::{self, ErrorNotice, Goaway};
use scrip_protocol::secret::Token;
use scrip_protocol::write::{CommandFrame, EncodedCommand, PushError};
use std::collections::VecDeque;

/// PINGs of the server that may wait for the next [`Session::take_output`].
const PINGS_WAITING_MAX: u32 = 64;
/// Answers may overtake each other: slots between the oldest command without an answer and the newest, as a multiple of
/// the commands that may be outstanding.
const SPAN_FACTOR: usize = 4;

/// One connection's state. `T` is whatever the caller wants back with the answer.
#[derive(Debug)]
pub struct Session<T> {
    output: Vec<u8>,
    open: Option<CommandFrame>,
    welcome: Option<Welcome>,
    outstanding_max: u32,
    outstanding: u32,
    /// The number of the command in `slots[0]`. Commands are numbered from 1 on; a frame's correlation id is the number of
    /// its first command.
    first: u64,
    slots: VecDeque<Option<T>>,
    frames: VecDeque<SentFrame>,
    pings_waiting: u32,
}

/// A frame with commands that may still be answered.
#[derive(Debug, Clone, Copy)]
struct SentFrame {
    correlation: u64,
    commands: u16,
}

/// What came from the server.
#[derive(Debug)]
pub enum Incoming<'a, T> {
    /// The server accepts: commands can be pushed now.
    Welcome(&'a Welcome),
    /// A command's answer.
    Answer {
        /// What it was pushed with.
        tag: T,
        /// The highest sequence of the shard's log the answer rests on.
        sequence: u64,
        /// The answer.
        outcome: Outcome<'a>,
    },
    /// The answer to a PING of ours: its correlation id and the server's time (0: not said).
    Pong(u64, u64),
    /// Push nothing more here.
    Goaway(Goaway),
}

/// Why a session can't go on. Its connection has to be closed; the commands without an answer are of unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The server's bytes break the protocol.
    #[error("the server's bytes break the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// The server closed the connection and said why.
    #[error("the server says {}: {message}", code.name())]
    Refused {
        /// What was wrong.
        code: ErrorCode,
        /// Where in our bytes.
        position: Position,
        /// The same for people.
        message: String,
    },
    /// An answer to no command of ours, or a second one.
    #[error("an answer to command {index} of frame {correlation}, which waits for none")]
    UnknownAnswer {
        /// The correlation id it names.
        correlation: u64,
        /// The index it names.
        index: u16,
    },
    /// A frame that a server does not send, or not now.
    #[error("an unexpected {} frame", .0.name())]
    Unexpected(FrameKind),
    /// More PINGs than anybody needs.
    #[error("the server sends PINGs without end")]
    PingFlood,
}

impl SessionError {
    /// Whether a new connection may do better.
    pub fn reconnect(&self) -> bool {
        match self {
            SessionError::Refused { code, .. } => code.reconnect(),
            SessionError::Protocol(ProtocolError::ChecksumMismatch { .. }) => true,
            _ => false,
        }
    }
}

/// Why a command was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The server has not said WELCOME yet.
    #[error("the server has not said WELCOME yet")]
    NotWelcome,
    /// As many commands are outstanding as may be: wait for answers.
    #[error("as many commands are outstanding as may be")]
    Full,
    /// The command itself is at fault.
    #[error(transparent)]
    Command(#[from] PushError),
}

impl<T> Session<T> {
    /// Begins a session: HELLO is the first output. At most `outstanding_max` commands wait for answers (and no more than
    /// WELCOME allows).
    pub fn new(token: &Token, outstanding_max: u32) -> Session<T> {
        let mut output = Vec::new();
        Hello::new(token.clone()).write(&mut output);
        Session {
            output,
            open: None,
            welcome: None,
            outstanding_max,
            outstanding: 0,
            first: 1,
            slots: VecDeque::new(),
            frames: VecDeque::new(),
            pings_waiting: 0,
        }
    }

    /// What the server said at the beginning.
    pub fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// Commands without an answer.
    pub fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// Commands that can be pushed now.
    pub fn room(&self) -> u32 {
        if self.welcome.is_none() {
            return 0;
        }
        let span_left = (self.outstanding_max as usize * SPAN_FACTOR).saturating_sub(self.slots.len());
        (self.outstanding_max - self.outstanding).min(u32::try_from(span_left).unwrap_or(u32::MAX))
    }

    /// Appends a command to the frame being gathered. On a refusal the tag comes back.
    #[inline]
    pub fn push(&mut self, request: &Request<'_>, extras: &Extras<'_>, tag: T) -> Result<(), (Refusal, T)> {
        self.push_with(tag, |frame, output| frame.push(output, request, extras))
    }

    /// Appends a command that was encoded before.
    pub fn push_encoded(&mut self, command: &EncodedCommand, tag: T) -> Result<(), (Refusal, T)> {
        self.push_with(tag, |frame, output| frame.push_encoded(output, command))
    }

    #[inline]
    fn push_with(
        &mut self,
        tag: T,
        push: impl Fn(&mut CommandFrame, &mut Vec<u8>) -> Result<u16, PushError>,
    ) -> Result<(), (Refusal, T)> {
        let Some(welcome) = &self.welcome else { return Err((Refusal::NotWelcome, tag)) };
        if self.room() == 0 {
            return Err((Refusal::Full, tag));
        }
        let frame_bytes_max = welcome.frame_bytes_max;
        loop {
            let number = self.first + self.slots.len() as u64;
            let frame = self
                .open
                .get_or_insert_with(|| CommandFrame::begin(&mut self.output, number, frame_bytes_max));
            match push(frame, &mut self.output) {
                Ok(_) => break,
                Err(PushError::FrameFull) if frame.count() > 0 => self.close_frame(),
                Err(error) => return Err((error.into(), tag)),
            }
        }
        self.slots.push_back(Some(tag));
        self.outstanding += 1;
        Ok(())
    }

    /// Ends the frame being gathered, if there is one.
    fn close_frame(&mut self) {
        let Some(frame) = self.open.take() else { return };
        let commands = frame.count();
        if frame.finish(&mut self.output) {
            let correlation = self.first + self.slots.len() as u64 - u64::from(commands);
            self.frames.push_back(SentFrame { correlation, commands });
        }
    }

    /// Appends a PING.
    pub fn ping(&mut self, correlation: u64) {
        self.close_frame();
        notice::write_ping(&mut self.output, correlation);
    }

    /// Whether there is anything to send.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Ends the frame being gathered and exchanges what is to be sent for the (cleared) contents of `buffer`. Answers
    /// whether there is anything to send.
    pub fn take_output(&mut self, buffer: &mut Vec<u8>) -> bool {
        self.close_frame();
        self.pings_waiting = 0;
        buffer.clear();
        core::mem::swap(&mut self.output, buffer);
        !buffer.is_empty()
    }

    /// Takes the whole frames that `bytes` begin with and tells `on` what they say, in order. Answers how many bytes were
    /// taken; the rest has to be given again, with more behind it.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        mut on: impl FnMut(Incoming<'_, T>),
    ) -> Result<usize, SessionError> {
        let mut taken = 0;
        while let Some((header, whole)) = frame::parse(&bytes[taken..], self.limits())? {
            let payload = &bytes[taken + HEADER_BYTES..taken + whole];
            self.take_frame(header, payload, &mut on)?;
            taken += whole;
        }
        Ok(taken)
    }

    fn limits(&self) -> FrameLimits {
        if self.welcome.is_some() { FrameLimits::AUTHENTICATED } else { FrameLimits::BEFORE_AUTHENTICATION }
    }

    fn take_frame(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl FnMut(Incoming<'_, T>),
    ) -> Result<(), SessionError> {
        match header.kind {
            FrameKind::Error => {
                let ErrorNotice { code, position, message } = ErrorNotice::read(payload)?;
                return Err(SessionError::Refused { code, position, message: message.to_string() });
            }
            FrameKind::Welcome if self.welcome.is_none() => {
                let welcome = Welcome::read(payload)?;
                self.outstanding_max = self.outstanding_max.min(welcome.outstanding_max).max(1);
                on(Incoming::Welcome(self.welcome.insert(welcome)));
            }
            kind if self.welcome.is_none() => return Err(SessionError::Unexpected(kind)),
            FrameKind::Answers => self.take_answers(header, payload, on)?,
            FrameKind::Ping => {
                self.pings_waiting += 1;
                if self.pings_waiting > PINGS_WAITING_MAX {
                    return Err(SessionError::PingFlood);
                }
                self.close_frame();
                notice::write_pong(&mut self.output, header.correlation, 0);
            }
            FrameKind::Pong => on(Incoming::Pong(header.correlation, notice::read_pong(payload)?)),
            FrameKind::Goaway => on(Incoming::Goaway(Goaway::read(payload)?)),
            FrameKind::Push | FrameKind::Moved => {}
            FrameKind::Hello | FrameKind::Welcome | FrameKind::Commands => {
                return Err(SessionError::Unexpected(header.kind));
            }
        }
        Ok(())
    }

    #[inline]
    fn take_answers(
        &mut self,
        header: FrameHeader,
        payload: &[u8],
        on: &mut impl FnMut(Incoming<'_, T>),
    ) -> Result<(), SessionError> {
        let (correlation, sequence) = (header.correlation, header.sequence);
        let commands = self
            .frames
            .binary_search_by_key(&correlation, |frame| frame.correlation)
            .map_or(0, |position| self.frames[position].commands);
        for answer in AnswerReader::new(payload) {
            let (index, outcome) = answer.map_err(ProtocolError::from)?;
            let slot = if index < commands { self.slot(correlation + u64::from(index)) } else { None };
            let Some(tag) = slot.and_then(Option::take) else {
                return Err(SessionError::UnknownAnswer { correlation, index });
            };
            self.outstanding -= 1;
            on(Incoming::Answer { tag, sequence, outcome });
        }
        self.forget_answered();
        Ok(())
    }

    #[inline]
    fn slot(&mut self, number: u64) -> Option<&mut Option<T>> {
        let position = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(position)
    }

    /// Drops answered commands from the front, and frames that have no others.
    fn forget_answered(&mut self) {
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
        while let Some(frame) = self.frames.front()
            && frame.correlation + u64::from(frame.commands) <= self.first
        {
            self.frames.pop_front();
        }
    }

    /// Takes the tags of all commands without an answer, oldest first, leaving a session that can't be used any more.
    pub fn take_unanswered(&mut self) -> Vec<T> {
        self.welcome = None;
        self.outstanding = 0;
        self.frames.clear();
        core::mem::take(&mut self.slots).into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;

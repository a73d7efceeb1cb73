//! Frames sent again under the same ids although they were answered, as by callers that gave up too early: a part of storms.
//!
//! They stand apart because nothing of them counts: a repeat is no attempt. Invariant: what was answered first must be answered
//! again, word for word; a frame some of which was turned away (BUSY) is not repeated, as its first answers decided nothing.

use super::{Batch, Plain};
use crate::answers::{Raw, Said};
use crate::desk::Desk;
use crate::ids::mix;
use crate::job::NOT_ASKED;
use crate::ledger::digest;
use crate::plan::LoadPlan;
use crate::sums::is_turned_away;
use scrip_engine::rejection::Code;
use scrip_protocol::error::ProtocolError;
use std::collections::VecDeque;

/// Frames that wait to be repeated; where there are so many, no more are drawn.
const WAITING_MAX: usize = 4_096;

/// What the answers of a frame said, summed so that the order in which they come does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FirstSaid {
    sum: u64,
    taken: u32,
    turned_away: bool,
}

impl FirstSaid {
    /// A command was taken, with this answer. Nothing is summed where no frame is `REPEATED`: that costs the benches time.
    #[inline]
    pub(super) fn taken<const REPEATED: bool>(&mut self, raw: Raw<'_>) {
        if !REPEATED {
            return;
        }
        self.sum = self.sum.wrapping_add(mix(digest(raw.bytes) ^ u64::from(raw.index)));
        self.taken += 1;
    }

    /// A command was refused. Why does not matter: it leaves no record to be told from again.
    #[inline]
    pub(super) fn refused(&mut self, code: Code) {
        self.turned_away |= is_turned_away(code);
    }
}

/// A frame to be sent again.
#[derive(Debug)]
pub(super) struct Repeat {
    pub(super) batch: Batch,
    pub(super) said: FirstSaid,
}

/// The frames to be sent again.
#[derive(Debug)]
pub(super) struct Repeats {
    share: f64,
    draws: u64,
    waiting: VecDeque<Repeat>,
}

impl Repeats {
    pub(super) fn new(plan: &LoadPlan) -> Repeats {
        let share = plan.storm.map_or(0.0, |storm| storm.repeat);
        Repeats { share, draws: mix(plan.seed), waiting: VecDeque::new() }
    }

    /// Whether any frame is ever repeated.
    #[inline]
    pub(super) fn are_wanted(&self) -> bool {
        self.share > 0.0
    }

    /// Whether the frame that was answered now is to be repeated.
    #[inline]
    pub(super) fn draws(&mut self) -> bool {
        if !self.are_wanted() || self.waiting.len() >= WAITING_MAX {
            return false;
        }
        self.draws = mix(self.draws.wrapping_add(1));
        ((self.draws >> 11) as f64 / (1_u64 << 53) as f64) < self.share
    }

    pub(super) fn plan(&mut self, repeat: Repeat) {
        if !repeat.said.turned_away {
            self.waiting.push_back(repeat);
        }
    }

    /// Whether one waits.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl Plain {
    /// Presses the next repeat. Nothing happens where none waits.
    pub(super) fn press_repeat(&mut self, desk: &Desk, lane: usize, now_ns: u64) {
        let Some(Repeat { batch, said }) = self.repeats.waiting.pop_front() else { return };
        let count = batch.count();
        let (correlation, load) = self.flights.launch(lane, now_ns, count);
        let numbers = (0..count as u16).map(|index| batch.number(index));
        let at = (correlation, batch.created_ms);
        self.takes.of_kind(desk.generator(), self.kind.what, at, count, numbers);
        load.prepare(batch, false, false);
        load.first = Some(said);
    }

    /// Takes answers to a repeat.
    pub(super) fn repeated(
        &mut self,
        desk: &mut Desk,
        lane: usize,
        correlation: u64,
        payload: &[u8],
    ) -> Result<(), ProtocolError> {
        let what = self.kind.what;
        let flight = self.flights.find(lane, correlation).ok_or(NOT_ASKED)?;
        let mut rest = payload;
        while !rest.is_empty() {
            let (raw, behind) = Raw::first(rest)?;
            rest = behind;
            if !flight.answer(raw.index) {
                return Err(NOT_ASKED);
            }
            desk.sums.repeats += 1;
            match raw.said()? {
                Said::Taken { what: taken, .. } if taken == what => flight.load.said.taken::<true>(raw),
                Said::Refused(code) => flight.load.said.refused(code),
                Said::Taken { .. } | Said::Owed { .. } => {
                    return Err(ProtocolError::Payload("an answer to another command"));
                }
            }
        }
        if flight.open > 0 {
            return Ok(());
        }
        let (first, again) = (flight.load.first.take().unwrap_or_default(), flight.load.said);
        if !again.turned_away && first != again {
            let operation = desk.generator().operation(flight.load.batch.created_ms, flight.load.batch.first);
            desk.mismatch(|| {
                format!(
                    "a frame of {} from {operation} on was answered otherwise: {} taken, then {}",
                    what.name(),
                    first.taken,
                    again.taken
                )
            });
        }
        self.flights.land(lane, correlation);
        Ok(())
    }
}

//! Recovery: the log read back into an engine.
//!
//! Invariant: the engine ends at the log's last sequence, its counters equal its records, and nothing was written.
//! Cutting a torn tail and opening the log for writing come after, see [`crate::Shard`].

use scrip_engine::Engine;
use scrip_engine::event::{Event, EventError};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::state::recount::RecountError;
use scrip_planted::{Bug, on};
use scrip_wal::{Disk, FrameHeader, ScanEnd, ScanError, Scanner};

/// An engine and where its log ends.
pub struct Recovered {
    /// The state after the last event.
    pub engine: Engine,
    /// What the log needs to be opened for writing.
    pub end: ScanEnd,
}

/// A frame whose events can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// An event is no event.
    #[error("sequence {sequence}: {error}")]
    Event {
        /// The event's sequence.
        sequence: u64,
        /// What is wrong with it.
        error: EventError,
    },
    /// The frame says it has another number of events than it has.
    #[error("the frame of sequences {first} to {last} holds {found} events")]
    Count {
        /// First sequence by the header.
        first: u64,
        /// Last sequence by the header.
        last: u64,
        /// Events found.
        found: u64,
    },
}

/// Why a log could not be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The log is damaged or can't be read.
    #[error(transparent)]
    Log(#[from] ScanError<FrameError>),
    /// The counters differ from the records.
    #[error("recount after recovery: {0}")]
    Recount(#[from] RecountError),
}

/// Gives every event of a frame to `on_event` with its sequence.
///
/// # Errors
/// If the payload does not hold exactly the events its header counts.
pub fn for_each_event<'a>(
    header: &FrameHeader,
    payload: &'a [u8],
    mut on_event: impl FnMut(u64, &Event<'a>),
) -> Result<(), FrameError> {
    for_each_event_with_facts(header, payload, |sequence, event, _| on_event(sequence, event))
}

/// The same, with the facts behind each event.
///
/// # Errors
/// See [`for_each_event`].
pub fn for_each_event_with_facts<'a>(
    header: &FrameHeader,
    payload: &'a [u8],
    mut on_event: impl FnMut(u64, &Event<'a>, &'a [u8]),
) -> Result<(), FrameError> {
    let mut sequence = header.first_sequence;
    let mut rest = payload;
    while !rest.is_empty() {
        let (event, bytes) = Event::decode(rest).map_err(|error| FrameError::Event { sequence, error })?;
        on_event(sequence, &event, Event::facts(rest));
        rest = &rest[bytes..];
        sequence += 1;
    }
    let found = sequence - header.first_sequence;
    if found != u64::from(header.records) {
        return Err(FrameError::Count { first: header.first_sequence, last: header.last_sequence, found });
    }
    Ok(())
}

/// Reads the log of `shard` from `disk` into a new engine, and recounts it. `progress` gets (bytes read, bytes in all).
///
/// # Errors
/// See [`RecoveryError`].
///
/// # Panics
/// If an intact event contradicts the state: then this build does not understand the log, and must not serve it.
pub fn recover<D: Disk>(
    disk: &D,
    shard: u32,
    capacity: Capacity,
    hash_seed: u64,
    progress: impl FnMut(u64, u64),
) -> Result<Recovered, RecoveryError> {
    let mut engine = Engine::new(capacity, Rules::default(), hash_seed);
    let dropped = if on(Bug::RecoveryDropsLast) { last_sequence(disk, shard)? } else { 0 };
    let end = Scanner::new(disk, shard).on_progress(progress).run(|header, payload| {
        for_each_event(header, payload, |sequence, event| {
            if sequence != dropped {
                engine.apply(event);
                assert!(dropped != 0 || engine.sequence() == sequence, "events and sequences go together");
            }
        })
    })?;
    engine.recount()?;
    Ok(Recovered { engine, end })
}

fn last_sequence<D: Disk>(disk: &D, shard: u32) -> Result<u64, RecoveryError> {
    Ok(Scanner::new(disk, shard).run(|_, _| Ok(()))?.last_sequence)
}

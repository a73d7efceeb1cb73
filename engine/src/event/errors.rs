//! Where events go, and bytes that are none. They stand apart so that the table of events stays in one view.
//!
//! Invariant: bytes that are no event say so by name; they never become one.

/// Takes events in order, with their place in the log.
pub trait EventSink {
    /// Keeps `event`, whose sequence is one more than the one before. There must be room: the caller of the engine
    /// makes sure of [`crate::limits::EVENT_BYTES_MAX`] for each event that a call can make (three for a command: the time, what happened, what debts that settles).
    fn push(&mut self, event: &super::Event<'_>);
}

/// Bytes that are no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Fewer bytes than the event says it has.
    #[error("the event is cut short")]
    Short,
    /// A kind this build does not know.
    #[error("event kind {0} is unknown: was the log written by a newer version?")]
    UnknownKind(u8),
    /// A field outside its bounds.
    #[error("event kind {kind}: {field} is out of bounds")]
    Field {
        /// The event's kind.
        kind: u8,
        /// The field.
        field: &'static str,
    },
}

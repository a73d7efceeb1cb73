//! What a kind of work has to offer to the loop that moves its bytes.

use crate::desk::Desk;
use scrip_protocol::error::ProtocolError;

/// What [`Job::fill`] made of a connection's room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// There is nothing to send now.
    Nothing,
    /// [`Job::out`] is to be sent.
    Send,
    /// The first so many bytes of [`Job::out`] are to be sent, and then the connection is to be dropped.
    Cut(usize),
}

/// A kind of work: makes frames, takes answers, copes with losses. Knows nothing of sockets.
pub(crate) trait Job {
    /// Whether the connection could take another frame.
    fn has_room(&self, lane: usize) -> bool;

    /// Makes the next frames for a connection that has room.
    fn fill(&mut self, desk: &mut Desk, lane: usize, now_ns: u64) -> Fill;

    /// What the last `fill` made.
    fn out(&self) -> [&[u8]; 2];

    /// Takes the answers of one ANSWERS frame. An error means that the server broke the protocol.
    fn answers(
        &mut self,
        desk: &mut Desk,
        lane: usize,
        correlation: u64,
        payload: &[u8],
        now_ns: u64,
    ) -> Result<(), ProtocolError>;

    /// The connection is gone, and with it all answers still due on it.
    fn lost(&mut self, desk: &mut Desk, lane: usize, now_ns: u64);

    /// When `fill` has something to send at the earliest, if it has nothing now and no answer comes.
    fn next_due_ns(&mut self, desk: &Desk, now_ns: u64) -> u64;

    /// Frames in flight.
    fn in_flight(&self) -> usize;

    /// Nothing is in flight and nothing follows from what was begun.
    fn is_idle(&self) -> bool;

    /// The load ends here: what is still in flight is unknown.
    fn give_up(&mut self, desk: &mut Desk, now_ns: u64);
}

/// What a server says that breaks the protocol, of answers.
pub(crate) const NOT_ASKED: ProtocolError =
    ProtocolError::Payload("an answer to a frame that is not in flight, or to a command answered before");

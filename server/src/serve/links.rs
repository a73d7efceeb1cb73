//! The queues between the shards of one server: batches of commands go there, their answers come back.
//!
//! A connection belongs to the thread that accepted it, a slot to the thread of its shard. Each ordered pair of threads
//! has [`BATCHES_MAX`] batches that travel: the connection's thread fills one with what its clients ask in a turn, the
//! slot's thread executes it and sends it back once its own log is durable. Each queue has as many places as there are
//! batches, so whoever holds a batch finds room; whoever has none left answers BUSY. Nothing blocks, and a batch's memory
//! is used again.
//!
//! Invariant: the batches of a pair are executed, and come back, in the order they were sent. So effects per connection
//! and shard keep their order, and a batch that comes back belongs to the callers that wait in front.

use super::connection::Connection;
use super::house::Bell;
use crate::tokens::Principal;
use crossbeam_channel::{Receiver, Sender, bounded};
use scrip_engine::ids::Slot;
use scrip_engine::sharing::{Reward, RewardGiven};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Batches of an ordered pair of shards.
pub const BATCHES_MAX: usize = 32;
/// Bytes of commands in a batch: half of what one read of a connection takes, so that a batch is as fair as a read.
const BATCH_BYTES_MAX: usize = 128 * 1024;
/// Batches sent as they are. Beyond it a batch waits to be filled: many small ones would only take the places of large
/// ones.
const SENT_EAGERLY_MAX: usize = 8;
/// Bytes of answers a batch keeps room for.
const ANSWERS_KEPT_BYTES: usize = 1 << 20;

const _: () = assert!(BATCH_BYTES_MAX >= scrip_protocol::limits::COMMAND_BYTES_MAX);

/// Commands on their way to another shard, or their answers on their way back.
#[derive(Default)]
pub struct Batch {
    /// Commands, back to back.
    pub commands: Vec<u8>,
    /// Each command's index in its frame.
    pub indexes: Vec<u16>,
    /// What belongs to one frame of one connection.
    pub parts: Vec<Part>,
    /// ANSWERS frames, back to back.
    pub answers: Vec<u8>,
    /// Rewards to be given there; a batch has either these or commands.
    pub rewards: Vec<Reward>,
    /// Those that were given.
    pub given: Vec<RewardGiven>,
    /// The frame that the last part belongs to, as the sender counts them.
    frame: u64,
}

/// What a batch has of one frame.
pub struct Part {
    /// Who asks.
    pub principal: Arc<Principal>,
    /// The frame's correlation id.
    pub correlation: u64,
    /// Commands.
    pub commands: u32,
    /// Offset behind them in the batch's commands.
    pub commands_end: usize,
    /// Offset behind their answers in the batch's answers.
    pub answers_end: usize,
}

impl Batch {
    fn has_room(&self, bytes: usize) -> bool {
        self.commands.len() + bytes <= BATCH_BYTES_MAX
    }

    fn clear(&mut self) {
        self.commands.clear();
        self.indexes.clear();
        self.parts.clear();
        self.answers.clear();
        self.rewards.clear();
        self.given.clear();
        if self.answers.capacity() > ANSWERS_KEPT_BYTES {
            self.answers = Vec::new();
        }
        self.frame = 0;
    }
}

/// Whoever waits for the answers of a part.
pub struct Caller {
    /// The connection.
    pub connection: Rc<Connection>,
    /// When its frame arrived.
    pub arrived: Instant,
}

/// One thread's ends of the queues to and from one other thread.
struct End {
    there: Sender<Box<Batch>>,
    back: Receiver<Box<Batch>>,
    arriving: Receiver<Box<Batch>>,
    returning: Sender<Box<Batch>>,
    bell: Bell,
}

/// One thread's ends of all queues, to be taken to it. None in a server of one shard.
#[derive(Default)]
pub struct Ends {
    here: u32,
    slots: Arc<[u32]>,
    /// By shard; none at its own place.
    ends: Vec<Option<End>>,
}

impl Ends {
    /// The ends of every thread of a server, by shard. `slots` says which shard holds a slot.
    pub fn between(bells: &[Bell], slots: &[u32]) -> Vec<Ends> {
        let shards = bells.len();
        if shards == 1 {
            return vec![Ends::default()];
        }
        let slots: Arc<[u32]> = slots.into();
        // By sender and receiver.
        let queues = || -> Vec<Vec<_>> {
            (0..shards).map(|_| (0..shards).map(|_| bounded(BATCHES_MAX)).collect()).collect()
        };
        let (there, back) = (queues(), queues());
        let end = |here: usize, other: usize| End {
            there: there[here][other].0.clone(),
            back: back[other][here].1.clone(),
            arriving: there[other][here].1.clone(),
            returning: back[here][other].0.clone(),
            bell: bells[other].clone(),
        };
        let ends = |here| (0..shards).map(|other| (other != here).then(|| end(here, other))).collect();
        (0..shards).map(|here| Ends { here: here as u32, slots: slots.clone(), ends: ends(here) }).collect()
    }
}

/// This thread's link to one other thread.
struct Link {
    end: End,
    /// Something was sent since the bell was rung last.
    to_ring: bool,
    /// Boxed once and for all: a batch goes through the queues as a pointer.
    #[allow(clippy::vec_box)]
    free: Vec<Box<Batch>>,
    filling: Option<Box<Batch>>,
    /// Who waits for the parts of the batches under way and of the one that is filling, in order.
    callers: VecDeque<Caller>,
}

impl Link {
    fn new(end: End) -> Link {
        let free = (0..BATCHES_MAX).map(|_| Box::default()).collect();
        Link { end, to_ring: false, free, filling: None, callers: VecDeque::new() }
    }

    fn under_way(&self) -> usize {
        BATCHES_MAX - self.free.len() - usize::from(self.filling.is_some())
    }

    fn send(&mut self) {
        if let Some(batch) = self.filling.take() {
            // Full it can't be. Its other end is gone only when a shutdown has run out of time.
            let _ = self.end.there.try_send(batch);
            self.to_ring = true;
        }
    }
}

/// A command on its way out.
pub struct Parcel<'a> {
    /// Who waits for the answer.
    pub connection: &'a Rc<Connection>,
    /// Who asks.
    pub principal: &'a Arc<Principal>,
    /// When its frame arrived.
    pub arrived: Instant,
    /// The frame's correlation id.
    pub correlation: u64,
    /// The command's index in its frame.
    pub index: u16,
    /// The command.
    pub bytes: &'a [u8],
}

/// One thread's links to all others. None in a server of one shard.
pub struct Links {
    here: u32,
    slots: Arc<[u32]>,
    /// By shard; none at its own place.
    links: Vec<Option<Link>>,
    /// Frames of commands so far: tells the parts of a batch apart.
    frame: u64,
}

impl Links {
    /// Links with nothing under way.
    pub fn new(ends: Ends) -> Links {
        let links = ends.ends.into_iter().map(|end| end.map(Link::new)).collect();
        Links { here: ends.here, slots: ends.slots, links, frame: 0 }
    }

    /// The numbers of the other shards.
    pub fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let here = self.here as usize;
        (0..self.links.len()).filter(move |other| *other != here)
    }

    /// The other shard that holds this slot; none: it lies here.
    #[inline]
    pub fn away(&self, slot: Slot) -> Option<usize> {
        if self.links.is_empty() {
            return None;
        }
        let shard = self.slots[usize::from(slot.0)];
        (shard != self.here).then_some(shard as usize)
    }

    /// A frame begins.
    #[inline]
    pub fn begin_frame(&mut self) {
        self.frame += 1;
    }

    fn link(&mut self, other: usize) -> &mut Link {
        self.links[other].as_mut().expect("another shard")
    }

    /// Puts a command into the batch for another shard. `false`: every batch is under way, the answer is BUSY.
    pub fn forward(&mut self, other: usize, parcel: &Parcel<'_>) -> bool {
        let frame = self.frame;
        let link = self.link(other);
        if link.filling.as_ref().is_some_and(|batch| !batch.has_room(parcel.bytes.len())) {
            link.send();
        }
        if link.filling.is_none() {
            link.filling = link.free.pop();
        }
        let Some(batch) = &mut link.filling else { return false };
        if batch.frame != frame {
            batch.frame = frame;
            let correlation = parcel.correlation;
            let principal = parcel.principal.clone();
            let part = Part { principal, correlation, commands: 0, commands_end: 0, answers_end: 0 };
            batch.parts.push(part);
            let (connection, arrived) = (parcel.connection.clone(), parcel.arrived);
            link.callers.push_back(Caller { connection, arrived });
        }
        batch.commands.extend_from_slice(parcel.bytes);
        batch.indexes.push(parcel.index);
        let part = batch.parts.last_mut().expect("there is one");
        part.commands += 1;
        part.commands_end = batch.commands.len();
        true
    }

    /// Sends rewards to another shard, behind what is on its way there. `false`: every batch is under way.
    pub fn carry(&mut self, other: usize, rewards: Vec<Reward>) -> bool {
        let link = self.link(other);
        let Some(mut batch) = link.free.pop() else { return false };
        link.send();
        batch.rewards = rewards;
        link.filling = Some(batch);
        link.send();
        true
    }

    /// Sends the batches that are ready.
    pub fn send(&mut self) {
        for link in self.links.iter_mut().flatten() {
            if link.under_way() < SENT_EAGERLY_MAX {
                link.send();
            }
        }
    }

    /// Rings at whoever has been sent something.
    pub fn ring(&mut self) {
        for link in self.links.iter_mut().flatten() {
            if core::mem::take(&mut link.to_ring) {
                link.end.bell.ring();
            }
        }
    }

    /// The next batch that another shard wants executed.
    pub fn take_arriving(&mut self, other: usize) -> Option<Box<Batch>> {
        self.link(other).end.arriving.try_recv().ok()
    }

    /// Whether another shard waits for a batch to be taken.
    pub fn has_arriving(&self) -> bool {
        self.links.iter().flatten().any(|link| !link.end.arriving.is_empty())
    }

    /// Sends an executed batch back.
    pub fn send_back(&mut self, other: usize, batch: Box<Batch>) {
        let link = self.link(other);
        // Full it can't be, as above.
        let _ = link.end.returning.try_send(batch);
        link.to_ring = true;
    }

    /// The next batch that came back, and who waits for its parts: as many callers at the front as it has parts.
    pub fn take_back(&mut self, other: usize) -> Option<(Box<Batch>, &mut VecDeque<Caller>)> {
        let link = self.link(other);
        let batch = link.end.back.try_recv().ok()?;
        Some((batch, &mut link.callers))
    }

    /// Keeps a batch that came back for the next commands.
    pub fn keep(&mut self, other: usize, mut batch: Box<Batch>) {
        batch.clear();
        self.link(other).free.push(batch);
    }

    /// Whether this thread asks nothing of the others.
    pub fn is_idle(&self) -> bool {
        self.links.iter().flatten().all(|link| link.free.len() == BATCHES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::Socket;
    use super::*;

    struct Nowhere;

    impl Socket for Nowhere {
        fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }

        fn poll_writable(&self, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
            std::task::Poll::Ready(())
        }

        fn cut(&self) {}
    }

    #[test]
    fn a_link_takes_what_its_batches_hold_then_refuses_and_goes_on_when_one_comes_back() {
        let bells = [Bell::new(|| ()), Bell::new(|| ())];
        let mut ends = Ends::between(&bells, &[0, 1]).into_iter().map(Links::new);
        let (mut here, mut there) = (ends.next().unwrap(), ends.next().unwrap());
        assert_eq!((here.away(Slot(0)), here.away(Slot(1)), there.away(Slot(0))), (None, Some(1), Some(0)));
        let connection = Connection::new(Box::new(Nowhere), 1, 0);
        let bytes = vec![7; BATCH_BYTES_MAX / 2];
        let principal = Arc::new(Principal::for_test());
        let parcel = Parcel {
            connection: &connection,
            principal: &principal,
            arrived: Instant::now(),
            correlation: 5,
            index: 3,
            bytes: &bytes,
        };
        here.begin_frame();
        let taken = (0..100).take_while(|_| here.forward(1, &parcel)).count();
        assert_eq!(taken, 2 * BATCHES_MAX);
        assert!(!here.is_idle());

        let batch = there.take_arriving(0).expect("the first batch was full");
        assert_eq!((batch.parts.len(), batch.parts[0].commands, batch.indexes.len()), (1, 2, 2));
        there.send_back(0, batch);
        assert!(!here.forward(1, &parcel), "what came back is not taken back yet");
        let (batch, callers) = here.take_back(1).expect("it came back");
        assert_eq!(callers.len(), BATCHES_MAX);
        callers.pop_front();
        here.keep(1, batch);
        assert!(here.forward(1, &parcel));
    }
}

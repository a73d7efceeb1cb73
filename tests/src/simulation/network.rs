//! The clients and their connections: what was sent, what was asked, what is still unanswered.
//!
//! Commands of one connection arrive in order; connections are served in any. When a connection is cut nobody knows what
//! became of the commands without an answer, so they are sent again, unchanged, on the next one. Invariant: a command is
//! sent until its answer came or its client gave up.

use crate::outcome::OwnedOutcome;
use crate::request::OwnedRequest;
use fastrand::Rng;
use std::collections::VecDeque;
use std::rc::Rc;

/// An answer that waits at the gate.
#[derive(Debug)]
pub struct Ticket {
    /// Who asked.
    pub client: usize,
    /// On which connection.
    pub connection: u32,
    /// What was asked.
    pub request: Rc<OwnedRequest>,
    /// The answer.
    pub answer: OwnedOutcome,
    /// The sequence it saw.
    pub sequence: u64,
    /// The shard time it rests on.
    pub now_ms: u64,
    /// If the answer must stay the same while the operation is remembered: the `created_ms` of its record.
    pub lasts: Option<u64>,
}

/// One client.
#[derive(Debug, Default)]
struct Client {
    connection: u32,
    /// Commands on their way, and whether they were sent before.
    unsent: VecDeque<(Rc<OwnedRequest>, bool)>,
    asked: VecDeque<Rc<OwnedRequest>>,
}

/// All clients.
#[derive(Debug)]
pub struct Network {
    clients: Vec<Client>,
}

/// A command that has arrived.
#[derive(Debug)]
pub struct Arrival {
    /// From whom.
    pub client: usize,
    /// On which connection.
    pub connection: u32,
    /// What.
    pub request: Rc<OwnedRequest>,
    /// It was sent before, and nobody knows what became of it.
    pub resent: bool,
}

impl Network {
    /// So many clients, connected.
    pub fn new(clients: usize) -> Network {
        Network { clients: (0..clients).map(|_| Client::default()).collect() }
    }

    /// A client wants something.
    pub fn send(&mut self, rng: &mut Rng, request: OwnedRequest) {
        let client = rng.usize(..self.clients.len());
        self.clients[client].unsent.push_back((Rc::new(request), false));
    }

    /// The next command of some client that has arrived.
    pub fn arrive(&mut self, rng: &mut Rng) -> Option<Arrival> {
        let first = rng.usize(..self.clients.len());
        let others = (first..self.clients.len()).chain(0..first);
        for client in others {
            let found = &mut self.clients[client];
            if let Some((request, resent)) = found.unsent.pop_front() {
                found.asked.push_back(request.clone());
                return Some(Arrival { client, connection: found.connection, request, resent });
            }
        }
        None
    }

    /// An answer comes back; answers whether its client still listens.
    pub fn deliver(&mut self, ticket: &Ticket) -> bool {
        let client = &mut self.clients[ticket.client];
        if client.connection != ticket.connection {
            return false;
        }
        let asked = client.asked.pop_front().expect("only what was asked is answered");
        assert!(Rc::ptr_eq(&asked, &ticket.request), "answers of one connection come in order");
        true
    }

    /// Cuts the connection of some client, which sends again what was not answered, or gives up; answers how many
    /// commands had no answer.
    pub fn cut_one(&mut self, rng: &mut Rng) -> usize {
        let client = rng.usize(..self.clients.len());
        self.cut(rng, client)
    }

    /// Cuts all connections.
    pub fn cut_all(&mut self, rng: &mut Rng) {
        for client in 0..self.clients.len() {
            self.cut(rng, client);
        }
    }

    fn cut(&mut self, rng: &mut Rng, client: usize) -> usize {
        let client = &mut self.clients[client];
        client.connection += 1;
        let unanswered = client.asked.len();
        while let Some(request) = client.asked.pop_back() {
            if rng.u8(..8) > 0 {
                client.unsent.push_front((request, true));
            }
        }
        unanswered
    }

    /// Commands sent and not arrived.
    pub fn unsent(&self) -> usize {
        self.clients.iter().map(|client| client.unsent.len()).sum()
    }
}

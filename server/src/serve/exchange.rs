//! What crosses between shards: commands of other threads' connections executed here, and answers that come back.
//!
//! Invariant: an answer comes back only after the log of the shard that gave it is durable, so its connection's thread
//! lets it leave at once, without a look at its own gate.

use super::connection::Connection;
use super::links::{Batch, Caller, Part};
use super::owner::{Inner, Ticket};
use super::rewards;
use super::session::{self, Order};
use arrayvec::ArrayVec;
use scrip_engine::command::Request;
use scrip_engine::limits::PREPARED_MAX;
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::read::CommandReader;
use std::rc::Rc;

/// Batches of one other shard that one turn executes, so that nobody here waits long for others.
const BATCHES_PER_TURN: usize = 2;

/// Executes what other shards have sent; answers whether some of it is left for the next turn.
pub(super) fn serve_others(inner: &mut Inner, room: impl Fn(&mut Inner) -> bool) -> bool {
    for other in inner.links.others() {
        for _ in 0..BATCHES_PER_TURN {
            if !room(inner) {
                // The log says when it has room again.
                return false;
            }
            let Some(mut batch) = inner.links.take_arriving(other) else { break };
            execute(inner, &mut batch);
            inner.gate.wait(inner.shard.sequence(), Ticket::Batch { other, batch });
        }
    }
    inner.links.has_arriving()
}

fn execute(inner: &mut Inner, batch: &mut Batch) {
    inner.turn_clock();
    inner.shard.begin_batch();
    rewards::give(inner, batch);
    let Batch { commands, indexes, parts, answers, .. } = batch;
    let (mut at, mut first) = (0, 0);
    for part in parts {
        let last = first + part.commands as usize;
        execute_part(inner, part, (&commands[at..part.commands_end], &indexes[first..last]), answers);
        part.answers_end = answers.len();
        (at, first) = (part.commands_end, last);
    }
}

/// Executes commands whose form and permission their connection's thread has looked at.
fn execute_part(inner: &mut Inner, part: &Part, (commands, indexes): (&[u8], &[u16]), out: &mut Vec<u8>) {
    let mut reader = CommandReader::new(commands);
    let mut frame = AnswerFrame::begin(out, part.correlation);
    for indexes in indexes.chunks(PREPARED_MAX) {
        let mut requests: ArrayVec<Request<'_>, PREPARED_MAX> = ArrayVec::new();
        let mut orders: ArrayVec<Order<'_>, PREPARED_MAX> = ArrayVec::new();
        for index in indexes {
            let read = reader.next().and_then(Result::ok).expect("the sender has decoded it");
            let (by_code, facts) = (!read.1.code.is_none(), read.1.facts);
            let (request, given) = session::named(inner, read);
            orders.push(Order { index: *index, refused: None, by_code, given, facts });
            requests.push(request);
        }
        frame = session::answer(inner, frame, out, (&requests, &orders), &part.principal);
    }
    frame.finish(out, inner.shard.sequence());
}

/// Gives answers that came back to their connections.
pub(super) fn take_back(inner: &mut Inner) {
    for other in inner.links.others() {
        while let Some((batch, callers)) = inner.links.take_back(other) {
            let mut at = 0;
            let mut finished: Vec<Rc<Connection>> = Vec::new();
            for part in &batch.parts {
                let Caller { connection, arrived } = callers.pop_front().expect("one per part");
                connection.insert(&batch.answers[at..part.answers_end]);
                connection.came_back(part.commands);
                inner.waits.saturating_record(arrived.elapsed().as_micros() as u64);
                at = part.answers_end;
                if !connection.has_commands_away() && !connection.last_words().borrow().is_empty() {
                    finished.push(connection.clone());
                }
                if !connection.listed.replace(true) {
                    inner.released.push(connection);
                }
            }
            rewards::note(inner, &batch);
            inner.links.keep(other, batch);
            for connection in finished {
                session::say_last_words(inner, &connection);
            }
        }
    }
}

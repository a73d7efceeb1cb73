//! Rewards on their way to other shards: what is owed here and has its campaign elsewhere is carried there, and what was given is noted.
//!
//! The outbox is the state of the source's shard itself: what its log says is owed and not delivered. It is looked at in every turn, the
//! first after a start included, so nothing need be remembered here; a carrier that dies is followed by another who carries the same
//! rewards again, and the shard that gives them knows those that it gave. Invariant: a reward leaves only when what has earned it is
//! durable, and is noted as delivered only when its card is.

use super::links::Batch;
use super::owner::{Inner, Ticket};
use scrip_engine::sharing::Reward;
use std::time::{Duration, Instant};

/// Rewards that are carried at once.
const CARRIED_MAX: usize = 256;
/// How long what was refused waits: its campaign may have no supply.
const PAUSE: Duration = Duration::from_secs(1);

/// What one owner thread carries.
pub(super) struct Carrier {
    /// Batches that have not come back.
    under_way: usize,
    /// Nothing leaves before.
    not_before: Instant,
    /// The activity whose turn it is.
    next: u32,
}

impl Carrier {
    /// Carries nothing.
    pub(super) fn new() -> Carrier {
        Carrier { under_way: 0, not_before: Instant::now(), next: 0 }
    }
}

/// Takes up what is due, unless something is under way.
pub(super) fn take_up(inner: &mut Inner) {
    let owes = inner.shard.engine().state().sharing.owes();
    if !owes || inner.carrier.under_way > 0 || Instant::now() < inner.carrier.not_before {
        return;
    }
    let mut due = Vec::new();
    let Inner { links, carrier, shard, .. } = inner;
    // From the activity whose turn it is to the last, or else from the first on.
    for _ in 0..2 {
        if due.is_empty() {
            let away = |slot| links.away(slot).is_some();
            shard.outbox(away, (&mut carrier.next, CARRIED_MAX), &mut due);
        }
    }
    if due.is_empty() {
        // What is owed waits for something here.
        inner.carrier.not_before = Instant::now() + PAUSE;
        return;
    }
    inner.carrier.under_way = 1;
    inner.gate.wait(inner.shard.sequence(), Ticket::Rewards(due));
}

/// What has earned these rewards is durable: they leave.
pub(super) fn leave(inner: &mut Inner, due: Vec<Reward>, is_stopping: bool) {
    inner.carrier.under_way = 0;
    inner.carrier.not_before = Instant::now() + PAUSE;
    for other in inner.links.others() {
        let there = |reward: &&Reward| inner.links.away(reward.campaign.slot()) == Some(other);
        let rewards: Vec<Reward> = due.iter().filter(there).copied().collect();
        if !rewards.is_empty() && !is_stopping && inner.links.carry(other, rewards) {
            inner.carrier.under_way += 1;
        }
    }
}

/// Gives the rewards of another shard's batch.
pub(super) fn give(inner: &mut Inner, batch: &mut Batch) {
    for reward in &batch.rewards {
        match inner.shard.receive_reward(reward) {
            Ok(given) => batch.given.push(given),
            Err(rejection) => {
                let (activity, ordinal) = (reward.activity, reward.ordinal);
                tracing::debug!(%activity, ordinal, code = rejection.code.name(), "a reward waits");
            }
        }
    }
}

/// A batch of rewards has come back.
pub(super) fn note(inner: &mut Inner, batch: &Batch) {
    if batch.rewards.is_empty() {
        return;
    }
    inner.turn_clock();
    inner.shard.begin_batch();
    for given in &batch.given {
        inner.shard.reward_delivered(given);
    }
    inner.carrier.under_way -= 1;
    if batch.given.len() == batch.rewards.len() {
        inner.carrier.not_before = Instant::now();
    }
}

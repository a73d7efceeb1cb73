//! What one run is made of: how long its lives are, what they do, and which faults they meet.
//!
//! Swarm testing again: each seed draws sizes, weights and faults of its own, some of them to nothing, because what all
//! of them together hardly ever do some subset does all the time.

use crate::generator::{self, Kind};
use fastrand::Rng;
use scrip_engine::limits::Capacity;
use scrip_wal::LogOptions;

/// The shard of every run.
pub const SHARD: u32 = 3;

/// One turn of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The world goes on: a client sends a command, time passes.
    Speak,
    /// The owner serves a batch of what has arrived.
    Serve,
    /// The log thread writes and syncs a frame.
    Write,
    /// The log thread hands buffers back, and the owner looks.
    HandBack,
    /// The log thread seals.
    Seal,
    /// The preparing thread makes segments.
    Prepare,
    /// Somebody sets the wall clock.
    StepClock,
    /// A connection breaks.
    Cut,
    /// The disk fills up, or is emptied.
    Space,
}

/// A fault that waits for a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// What happens.
    pub fault: Fault,
    /// And when.
    pub when: When,
}

/// A fault of disk, machine or process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The machine dies in a disk call.
    Crash,
    /// The process is killed in a disk call.
    Kill,
    /// A write fails.
    FailWrite,
    /// A sync fails.
    FailSync,
}

/// When a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In the n-th call after the life was begun, its start included.
    Call(u64),
    /// In the n-th call after the process began to serve.
    CallInLife(u64),
    /// While the n-th frame is written.
    Frame(u64),
    /// While the first frame is written whose payload is larger than so many bytes: it can be torn in many ways.
    LargeFrame(usize),
}

/// How a life ends that no trouble has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The power is cut.
    PowerCut,
    /// The process is killed.
    Kill,
    /// Everything is written, the log is sealed, the process ends.
    Stop,
}

/// What one run is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Lives before the last, peaceful one.
    pub lives: u32,
    /// Turns of one life.
    pub turns: u32,
    /// The turns a life draws from, and their weights.
    pub weights: Vec<(Turn, u32)>,
    /// How the log is written.
    pub options: LogOptions,
    /// Bytes of the largest frame, header and padding included.
    pub frame_bytes_max: usize,
    /// Events in the open frame above which the owner waits for the log.
    pub open_events_max: u64,
    /// Sizes of the engine's tables.
    pub capacity: Capacity,
    /// Clients.
    pub clients: usize,
    /// Commands of one batch.
    pub batch_max: u32,
    /// Commands on their way above which clients wait.
    pub unsent_max: usize,
    /// Commands have up to 64 lines.
    pub wide: bool,
    /// The disk may be full.
    pub fills_up: bool,
    /// How far the wall clock may be from the log when a process starts, in milliseconds.
    pub clock_bound_ms: u64,
    /// Disk calls after which a fault comes at the latest.
    pub reach: u64,
}

const ROOM: Capacity = Capacity {
    stocks_max: 16,
    holds_max: 256,
    extra_lines_max: 512,
    operations_max: 256,
    user_limits_max: 128,
    keys_max: 256,
    sealed_bytes_max: 64 << 10,
    risk_counts_max: 512,
    order_lines_max: 512,
    debts_max: 512,
    cards_max: 512,
    redemptions_max: 512,
    lots_max: 512,
    gifts_max: 512,
    given_codes_max: 512,
    groups_max: 512,
    links_max: 16,
    labels_max: 16,
    friends_max: 512,
    notices_max: 256,
};

impl Plan {
    /// Draws a plan.
    pub fn draw(rng: &mut Rng) -> Plan {
        let wide = rng.u8(..8) == 0;
        let fills_up = !wide && rng.u8(..6) == 0;
        let heavy = !fills_up && rng.u8(..6) == 0;
        let segment_kib = if wide || heavy { 128 } else { [16, 32, 64][rng.usize(..3)] };
        let segment_kib = if fills_up { 64 } else { segment_kib };
        let segments_ahead = if fills_up { 1 } else { rng.u32(..3) };
        let options = LogOptions {
            shard: SHARD,
            segment_bytes: segment_kib * 1024,
            segments_ahead,
            segments_ready_at_start: rng.u32(..2),
        };
        Plan {
            lives: rng.u32(1..=4),
            turns: if heavy || fills_up { 120 } else { [20, 40, 40, 80][rng.usize(..4)] },
            weights: draw_weights(rng, heavy, fills_up),
            frame_bytes_max: if fills_up { 8 * 1024 } else { segment_kib as usize * 1024 },
            open_events_max: draw_open_events_max(rng, heavy, fills_up),
            options,
            capacity: if rng.u8(..8) == 0 { draw_capacity(rng) } else { ROOM },
            clients: rng.usize(1..=4),
            batch_max: match (heavy, fills_up) {
                (true, _) => 48,
                (_, true) => 4,
                _ => [1, 4, 12][rng.usize(..3)],
            },
            unsent_max: if heavy { 40 } else { rng.usize(1..=8) },
            wide,
            fills_up,
            clock_bound_ms: [5_000, 600_000, 86_400_000][rng.usize(..3)],
            reach: [20, 60, 120][rng.usize(..3)],
        }
    }

    /// Makes what clients ask for fit this plan.
    pub fn shape(&self, history: &mut generator::Plan, rng: &mut Rng) {
        let chances = &mut history.chances;
        // A long wait makes everything too old that a client sends again.
        chances.wait = if self.fills_up { 150 } else { [20, 40, 150][rng.usize(..3)] };
        chances.wide = 0;
        if !self.wide {
            // Quotas of many channels make large events.
            history.channels = history.channels.min(6);
        }
        if self.wide {
            // A refused paid SELL of many lines makes the largest event there is.
            chances.wide = rng.u32(200..900);
            history.kinds.push((Kind::Sell, rng.u32(10..200)));
        }
    }

    /// A turn.
    pub fn turn(&self, rng: &mut Rng) -> Turn {
        let sum: u32 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut place = rng.u32(..sum);
        for (turn, weight) in &self.weights {
            if place < *weight {
                return *turn;
            }
            place -= weight;
        }
        unreachable!("the place lies below the sum")
    }

    /// A trouble, for two lives of three.
    pub fn trouble(&self, rng: &mut Rng) -> Option<Trouble> {
        let fault = match rng.u8(..12) {
            0..5 => Fault::Crash,
            5 => Fault::Kill,
            6 => Fault::FailWrite,
            7 => Fault::FailSync,
            _ => return None,
        };
        let call = match fault {
            Fault::Crash | Fault::Kill => rng.u64(1..=self.reach),
            // Of three calls one is a write, and one a sync.
            Fault::FailWrite | Fault::FailSync => rng.u64(1..=self.reach.div_ceil(3)),
        };
        let when = match rng.u8(..8) {
            0 | 1 => When::Call(call),
            2 => When::CallInLife(call),
            3..6 => When::Frame(rng.u64(1..=4)),
            _ => When::LargeFrame([450, 900, 1_400][rng.usize(..3)]),
        };
        Some(Trouble { fault, when })
    }
}

/// The end of a life that nothing else has ended.
pub fn end(rng: &mut Rng) -> End {
    match rng.u8(..8) {
        0..4 => End::PowerCut,
        4..7 => End::Kill,
        _ => End::Stop,
    }
}

fn draw_open_events_max(rng: &mut Rng, heavy: bool, fills_up: bool) -> u64 {
    match (heavy, fills_up) {
        (true, _) => 100,
        (_, true) => 8,
        _ => [8, 24, 48][rng.usize(..3)],
    }
}

fn draw_weights(rng: &mut Rng, heavy: bool, fills_up: bool) -> Vec<(Turn, u32)> {
    let mut draw = |turn, low, high| (turn, [low, low, high][rng.usize(..3)]);
    let mut weights = vec![
        draw(Turn::Speak, 30, 60),
        draw(Turn::Serve, 15, 40),
        draw(Turn::Write, 3, 15),
        draw(Turn::HandBack, 1, 6),
        draw(Turn::Seal, 1, 4),
        draw(Turn::Prepare, 1, 0),
        draw(Turn::StepClock, 0, 3),
        draw(Turn::Cut, 1, 4),
    ];
    if heavy {
        // Large frames: the log hardly ever gets its turn.
        let rare = [Turn::Serve, Turn::Write, Turn::HandBack, Turn::Seal];
        weights.retain(|(turn, _)| !rare.contains(turn));
        weights.push((Turn::Serve, 2));
        weights.extend([(Turn::Write, 2), (Turn::HandBack, 2)]);
    }
    if fills_up {
        weights.extend([(Turn::Space, 6), (Turn::Prepare, 6), (Turn::Write, 20)]);
    }
    weights
}

fn draw_capacity(rng: &mut Rng) -> Capacity {
    let mut pick = |from: [u32; 3]| from[rng.usize(..3)];
    Capacity {
        stocks_max: pick([2, 6, 16]),
        holds_max: pick([2, 8, 64]),
        extra_lines_max: pick([2, 16, 128]),
        operations_max: pick([4, 16, 64]),
        user_limits_max: pick([1, 4, 64]),
        keys_max: pick([4, 40, 1_024]),
        sealed_bytes_max: 64 << 10,
        risk_counts_max: pick([1, 4, 64]),
        order_lines_max: pick([1, 4, 64]),
        debts_max: pick([1, 4, 64]),
        cards_max: 512,
        redemptions_max: 512,
        lots_max: 512,
        gifts_max: 512,
        given_codes_max: 512,
        groups_max: 512,
        links_max: 16,
        labels_max: 16,
        friends_max: 512,
        notices_max: 256,
    }
}

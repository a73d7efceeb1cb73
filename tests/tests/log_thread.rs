//! A shard over the real log thread and a real directory: stopped without a word, it comes back as it was.
//!
//! The simulation decides what happens when; here the threads do. Every answer is the oracle's, none is given before its
//! sequence is durable, and each restart must give the very state that was left.

use fastrand::Rng;
use scrip_engine::limits::Capacity;
use scrip_shard::{Gate, Recovered, Shard, recover};
use scrip_tests::generator::{Generator, Step};
use scrip_tests::oracle::Oracle;
use scrip_tests::outcome::OwnedOutcome;
use scrip_tests::request::OwnedRequest;
use scrip_wal::{LogHandle, LogOptions, LogThread, LogWriter, RealDisk, Tail, repair};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};

const SHARD: u32 = 5;

/// Bytes of a frame's buffer, and of a segment: small, so that there are several.
const FRAME_BYTES: usize = 320 * 1024;

/// Seeds to run.
const SEEDS: u64 = 4;

/// Commands of one life.
const COMMANDS: u64 = 3_000;

const CAPACITY: Capacity = Capacity {
    stocks_max: 64,
    holds_max: 4_096,
    extra_lines_max: 8_192,
    operations_max: 4_096,
    user_limits_max: 1_024,
    keys_max: 256,
    sealed_bytes_max: 64 << 10,
    risk_counts_max: 1_024,
    order_lines_max: 4_096,
    debts_max: 4_096,
    cards_max: 4_096,
    redemptions_max: 4_096,
    lots_max: 4_096,
    gifts_max: 4_096,
    given_codes_max: 4_096,
    groups_max: 4_096,
    links_max: 256,
    labels_max: 256,
    friends_max: 4_096,
    notices_max: 256,
};

/// What outlives a process: the directory, and what the world knows.
struct Surroundings {
    disk: RealDisk,
    generator: Generator,
    oracle: Oracle,
    rng: Rng,
    /// The digest of the engine after each sequence at which a frame may end.
    digests: BTreeMap<u64, u64>,
    /// The highest sequence whose answer was given.
    acknowledged_sequence: u64,
    now_ms: u64,
}

/// One life of the process.
struct Owner {
    shard: Shard<LogHandle>,
    gate: Gate<u64>,
    wakes: Receiver<()>,
}

impl Surroundings {
    fn new(disk: RealDisk, seed: u64) -> Surroundings {
        let mut generator = Generator::new(seed);
        // A long wait makes holds and ids old; here they shall be many.
        generator.plan.chances.wait = 3;
        let (rules, now_ms) = (generator.plan.rules, generator.plan.start_ms);
        Surroundings {
            disk,
            generator,
            oracle: Oracle::new(rules.late_confirm_ms).with_room(&CAPACITY),
            rng: Rng::with_seed(seed),
            digests: BTreeMap::new(),
            acknowledged_sequence: 0,
            now_ms,
        }
    }

    /// Reads the log and compares: the state is one that was left, and nothing that was answered is missing.
    fn recover(&self) -> Recovered {
        let recovered =
            recover(&self.disk, SHARD, CAPACITY, self.now_ms, |_, _| {}).expect("the log is sound");
        let sequence = recovered.engine.sequence();
        assert_eq!(sequence, recovered.end.last_sequence);
        assert!(self.acknowledged_sequence <= sequence, "{} was answered", self.acknowledged_sequence);
        if sequence > 0 {
            let left = self.digests.get(&sequence).expect("a frame ends here");
            assert_eq!(recovered.engine.digest(), *left, "the state at sequence {sequence}");
        }
        recovered
    }

    /// Starts a process.
    fn start(&mut self) -> Owner {
        let Recovered { engine, end } = self.recover();
        if end.tail != Tail::Clean {
            repair(&self.disk, &end).expect("repairs");
        }
        let options = LogOptions { segment_bytes: FRAME_BYTES as u64, ..LogOptions::new(SHARD) };
        let writer = LogWriter::open(self.disk.clone(), &options, &end).expect("opens");
        let (woken, wakes) = channel();
        let wake = move || {
            // Nobody listens any more once the owner is gone.
            let _ = woken.send(());
        };
        let log = LogThread::spawn(writer, wake, |fault| panic!("the log stopped: {fault}")).expect("spawns");
        self.now_ms = self.now_ms.max(Shard::<LogHandle>::earliest_start_ms(&engine));
        let shard = Shard::new(engine, log, self.generator.plan.rules, FRAME_BYTES);
        Owner { shard, gate: Gate::default(), wakes }
    }

    /// One batch of up to `commands` commands; answers how many there were.
    fn serve(&mut self, owner: &mut Owner, commands: u64) -> u64 {
        loop {
            owner.shard.advance(self.now_ms);
            self.digests.insert(owner.shard.sequence(), owner.shard.engine().digest());
            if owner.shard.settled() && owner.shard.now_ms() == self.now_ms {
                break;
            }
            owner.shard.flush();
        }
        owner.shard.begin_batch();
        self.oracle.advance(owner.shard.now_ms(), owner.shard.engine().floor_ms());
        let mut asked = 0;
        while asked < commands {
            match self.generator.next(&self.oracle) {
                Step::Ask(request) => {
                    asked += 1;
                    self.ask(owner, &request);
                }
                Step::Wait { now_ms } => {
                    self.now_ms = now_ms;
                    break;
                }
                _ => {}
            }
        }
        self.digests.insert(owner.shard.sequence(), owner.shard.engine().digest());
        owner.shard.flush();
        self.let_pass(owner);
        while owner.shard.saturated() {
            owner.wakes.recv().expect("the log lives");
            self.let_pass(owner);
        }
        asked
    }

    fn ask(&mut self, owner: &mut Owner, request: &OwnedRequest) {
        let answer = request.with(|request| OwnedOutcome::from(owner.shard.execute(request)));
        assert_eq!(answer, self.oracle.answer(request), "asked {request}");
        let sequence = owner.shard.sequence();
        owner.gate.wait(sequence, sequence);
    }

    fn let_pass(&mut self, owner: &mut Owner) {
        while let Some(sequence) = owner.gate.pass(owner.shard.durable_sequence()) {
            self.acknowledged_sequence = sequence;
        }
    }

    fn live(&mut self, owner: &mut Owner) {
        let mut commands_left = COMMANDS;
        while commands_left > 0 {
            let commands = self.rng.u64(1..=64).min(commands_left);
            commands_left -= self.serve(owner, commands);
            // Threads that never wait for each other would make a few large frames of it all.
            if self.rng.bool() {
                self.finish(owner);
            }
        }
    }

    /// Waits until everything is durable and answered.
    fn finish(&mut self, owner: &mut Owner) {
        loop {
            owner.shard.flush();
            // A lone frame is durable by now, and nobody is woken for it.
            if owner.shard.durable_sequence() == owner.shard.sequence() {
                break;
            }
            owner.wakes.recv().expect("the log lives");
        }
        self.let_pass(owner);
        assert_eq!(owner.gate.waiting(), 0, "what saw a durable sequence is answered");
    }
}

impl Owner {
    /// Goes without closing the log; returns when the log's threads are gone, too.
    fn drop_everything(self) {
        let Owner { shard, gate, wakes } = self;
        drop((shard, gate));
        while wakes.recv().is_ok() {}
    }
}

/// Four lives over one directory; answers the sequences found in the end.
fn run(seed: u64) -> u64 {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("creates a directory");
    let disk = RealDisk::open(directory.path()).expect("opens the directory");
    let mut surroundings = Surroundings::new(disk, seed);
    let mut sequence = 0;
    for life in 1..=3 {
        let mut owner = surroundings.start();
        assert_eq!(
            owner.shard.log().durable_sequence(),
            sequence,
            "life {life} begins where the last one ended"
        );
        surroundings.live(&mut owner);
        surroundings.finish(&mut owner);
        sequence = owner.shard.sequence();
        owner.drop_everything();
        assert_eq!(surroundings.recover().engine.sequence(), sequence);
    }
    // Once more, with frames on their way and one still open.
    let mut owner = surroundings.start();
    surroundings.live(&mut owner);
    owner.drop_everything();
    let Recovered { end, .. } = surroundings.recover();
    println!(
        "seed {seed}: {} sequences, {} frames, {} segments",
        end.last_sequence, end.frames, end.last_segment
    );
    assert!(end.last_sequence >= sequence && end.last_segment >= 4);
    end.last_sequence
}

#[test]
fn a_shard_that_is_dropped_comes_back_as_it_was() {
    let sequences: u64 = (0..SEEDS).map(run).sum();
    assert!(sequences > SEEDS * COMMANDS / 3, "only {sequences} sequences");
}

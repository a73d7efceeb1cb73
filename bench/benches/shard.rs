//! A shard on a real log: batches of RESERVEs until all of them are durable.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use scrip_engine::Engine;
use scrip_engine::command::{
    Command, Envelope, Line, Request, Segments, StockCreate, StockKind, StockTerms, Take,
};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, PREPARED_MAX, Rules};
use scrip_shard::Shard;
use scrip_wal::limits::FRAME_BYTES_MAX;
use scrip_wal::{LogHandle, LogOptions, LogThread, LogWriter, RealDisk, scan};
use std::convert::Infallible;
use std::sync::mpsc::{Receiver, channel};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW_MS: u64 = 1_800_000_000_000;
const SLOT: Slot = Slot(5);
const ROUND: usize = 1 << 19;

struct World {
    shard: Shard<LogHandle>,
    durable: Receiver<()>,
    random: fastrand::Rng,
    _directory: tempfile::TempDir,
}

fn envelope(operation: u128) -> Envelope {
    Envelope {
        merchant: MerchantId(1),
        slot: SLOT,
        channel: ChannelId(1),
        operation: OperationId(operation),
        created_ms: NOW_MS,
        deadline_ms: 0,
        segments: Segments::NONE,
    }
}

fn world() -> World {
    let directory =
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory on the target's disk");
    let disk = RealDisk::open(directory.path()).expect("the directory is there");
    let end = scan(&disk, 0, |_, _| Ok::<(), Infallible>(())).expect("an empty log");
    let options = LogOptions { segments_ready_at_start: 1, ..LogOptions::new(0) };
    let writer = LogWriter::open(disk, &options, &end).expect("a fresh log");
    let (ring, durable) = channel();
    let wake = move || {
        let _ = ring.send(());
    };
    let log = LogThread::spawn(writer, wake, |fault| panic!("{fault}")).expect("a thread");
    let capacity = Capacity {
        stocks_max: 16,
        holds_max: 2 * ROUND as u32,
        extra_lines_max: 16,
        operations_max: 16,
        user_limits_max: 2 * ROUND as u32,
        keys_max: 1,
        sealed_bytes_max: 1,
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
    let engine = Engine::new(capacity, Rules::default(), 7);
    let mut shard = Shard::new(engine, log, Rules::default(), FRAME_BYTES_MAX);
    shard.advance(NOW_MS);
    let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 1_000, frozen: false };
    let create = StockCreate {
        stock: StockId::new(SLOT, 1),
        name: b"bench",
        units: 1 << 40,
        kind: StockKind::Counter,
        once_per_order: false,
        terms,
    };
    shard.execute(&Request { envelope: envelope(1), command: Command::StockCreate(create) });
    World { shard, durable, random: fastrand::Rng::with_seed(1), _directory: directory }
}

impl World {
    /// Reserves [`ROUND`] units and waits until the last of them is durable.
    fn reserve_round(&mut self) {
        let lines = [Line::new(StockId::new(SLOT, 1), 1)];
        for _ in 0..ROUND / PREPARED_MAX {
            while self.shard.saturated() {
                self.durable.recv().expect("the log thread lives");
                self.shard.flush();
            }
            let batch: [Request<'_>; PREPARED_MAX] = std::array::from_fn(|_| Request {
                envelope: envelope(self.random.u128(..)),
                command: Command::Reserve {
                    take: Take { user: UserId(self.random.u128(..)), ..Take::of(&lines) },
                    ttl_ms: 0,
                },
            });
            for (next, request) in batch.iter().enumerate() {
                self.shard.prepare(&batch, next);
                std::hint::black_box(self.shard.execute(request));
            }
            self.shard.flush();
        }
        while self.shard.durable_sequence() < self.shard.sequence() {
            self.durable.recv().expect("the log thread lives");
            self.shard.flush();
        }
    }
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shard");
    group.throughput(Throughput::Elements(ROUND as u64)).sample_size(10);
    group.bench_function("reserve/durable", |bencher| {
        bencher.iter_batched_ref(world, World::reserve_round, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);

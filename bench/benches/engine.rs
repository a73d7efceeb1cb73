//! The engine alone: decide, apply and encode, without log or sockets.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use scrip_engine::Engine;
use scrip_engine::answer::Outcome;
use scrip_engine::command::{
    Command, Envelope, Limits, Line, Parties, Request, Segments, StockCreate, StockKind, StockTerms,
    SubjectLimit, Take,
};
use scrip_engine::event::{Event, EventSink};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, EVENT_BYTES_MAX, PREPARED_MAX, Rules};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW_MS: u64 = 1_800_000_000_000;
const SLOT: Slot = Slot(5);
/// Commands per measured round.
const ROUND: usize = 1 << 20;

/// Encodes events as the shard does, into memory that is overwritten again and again.
struct Frame {
    bytes: Vec<u8>,
    at: usize,
}

impl EventSink for Frame {
    fn push(&mut self, event: &Event<'_>) {
        if self.at + EVENT_BYTES_MAX > self.bytes.len() {
            self.at = 0;
        }
        self.at += event.encode(&mut self.bytes[self.at..]);
    }
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

fn reserve<'a>(
    operation: u128,
    (user, order): (u128, u128),
    parties: Option<&'a Parties>,
    lines: &'a [Line],
) -> Request<'a> {
    let take = Take { user: UserId(user), order: OrderId(order), parties, ..Take::of(lines) };
    Request { envelope: envelope(operation), command: Command::Reserve { take, ttl_ms: 0 } }
}

/// How the commands of a round come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Prepared,
    /// One by one, without a look ahead.
    Unprepared,
    /// Prepared, each for an order of its own.
    ForOrders,
    /// The same, with devices and addresses, on a stock that limits everything.
    Fully,
}

struct World {
    engine: Engine,
    frame: Frame,
    random: fastrand::Rng,
}

fn world(stocks: u64, units: u64) -> World {
    world_with(stocks, units, 2 * ROUND as u32)
}

fn world_with(stocks: u64, units: u64, user_limits_max: u32) -> World {
    let capacity = Capacity {
        stocks_max: 20_000,
        holds_max: 4 * ROUND as u32,
        extra_lines_max: 1024,
        operations_max: 30_000,
        user_limits_max,
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
    let mut engine = Engine::new(capacity, Rules::default(), 7);
    let mut frame = Frame { bytes: vec![0; 1 << 20], at: 0 };
    engine.configure(Rules::default(), &mut frame);
    assert_eq!(engine.advance(NOW_MS, &mut frame), Some(NOW_MS));
    for number in 0..stocks {
        let stock = StockId::new(SLOT, number);
        let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 1_000, frozen: false };
        let create = StockCreate {
            stock,
            name: b"bench",
            units,
            kind: StockKind::Counter,
            once_per_order: false,
            terms,
        };
        let request =
            Request { envelope: envelope(1 + u128::from(number)), command: Command::StockCreate(create) };
        assert!(matches!(engine.execute(NOW_MS, &request, &mut frame), Outcome::Done(_)));
    }
    World { engine, frame, random: fastrand::Rng::with_seed(1) }
}

/// A stock that limits everything and refuses nobody, among a million users, devices and addresses each.
fn limiting_world() -> World {
    let mut world = world_with(1, 1 << 40, 16 * ROUND as u32);
    let limits =
        Limits { subjects: [SubjectLimit::new(1_000_000, 500_000, 500_000); 4], ..Limits::default() };
    let command =
        Command::StockLimits { stock: StockId::new(SLOT, 0), version: 1, limits: &limits, spans: None };
    let request = Request { envelope: envelope(u128::MAX), command };
    assert!(matches!(world.engine.execute(NOW_MS, &request, &mut world.frame), Outcome::Done(_)));
    world.reserve_round(1, How::Fully);
    world
}

impl World {
    /// Reserves [`ROUND`] units, in batches; answers the holds' ids.
    fn reserve_round(&mut self, stocks: u64, how: How) -> Vec<u128> {
        let mut ids = Vec::with_capacity(ROUND);
        for _ in 0..ROUND / PREPARED_MAX {
            let stock = StockId::new(SLOT, self.random.u64(0..stocks));
            let lines = [Line::new(stock, 1)];
            let mut of_million = || 1 + self.random.u64(..ROUND as u64) * 0x9E37_79B9_7F4A_7C15;
            let parties: [Parties; PREPARED_MAX] =
                std::array::from_fn(|_| Parties::new(0, of_million(), of_million()));
            let batch: [Request<'_>; PREPARED_MAX] = std::array::from_fn(|place| {
                let order =
                    if matches!(how, How::ForOrders | How::Fully) { self.random.u128(1..) } else { 0 };
                let user = if how == How::Fully {
                    self.random.u128(1..=ROUND as u128)
                } else {
                    self.random.u128(..)
                };
                let parties = (how == How::Fully).then_some(&parties[place]);
                reserve(self.random.u128(..), (user, order), parties, &lines)
            });
            for (next, request) in batch.iter().enumerate() {
                if how != How::Unprepared {
                    self.engine.prepare(&batch, next);
                }
                ids.push(request.envelope.operation.0);
                std::hint::black_box(self.engine.execute(NOW_MS, request, &mut self.frame));
            }
        }
        ids
    }

    fn confirm_all(&mut self, ids: &[u128]) {
        for ids in ids.chunks_exact(PREPARED_MAX) {
            let batch: [Request<'_>; PREPARED_MAX] = std::array::from_fn(|index| Request {
                envelope: envelope(ids[index]),
                command: Command::Confirm { units: &[], hidden: false },
            });
            for (next, request) in batch.iter().enumerate() {
                self.engine.prepare(&batch, next);
                std::hint::black_box(self.engine.execute(NOW_MS, request, &mut self.frame));
            }
        }
    }
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(ROUND as u64)).sample_size(10);
    group.bench_function("reserve/hot", |bencher| {
        bencher.iter_batched_ref(
            || world(1, 1 << 40),
            |world| world.reserve_round(1, How::Prepared),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("reserve/hot/orders", |bencher| {
        bencher.iter_batched_ref(
            || world(1, 1 << 40),
            |world| world.reserve_round(1, How::ForOrders),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("reserve/full", |bencher| {
        bencher.iter_batched_ref(
            limiting_world,
            |world| world.reserve_round(1, How::Fully),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("reserve/hot/unprepared", |bencher| {
        bencher.iter_batched_ref(
            || world(1, 1 << 40),
            |world| world.reserve_round(1, How::Unprepared),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("reserve/sold_out", |bencher| {
        bencher.iter_batched_ref(
            || world(1, 0),
            |world| world.reserve_round(1, How::Prepared),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("confirm/hot", |bencher| {
        let setup = || {
            let mut world = world(1, 1 << 40);
            let ids = world.reserve_round(1, How::Prepared);
            (world, ids)
        };
        bencher.iter_batched_ref(setup, |(world, ids)| world.confirm_all(ids), BatchSize::PerIteration);
    });
    group.bench_function("reserve/10000_stocks", |bencher| {
        let stocks = 10_000;
        let setup = || world(stocks, 1 << 40);
        bencher.iter_batched_ref(
            setup,
            |world| world.reserve_round(stocks, How::Prepared),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);

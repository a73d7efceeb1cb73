//! What the wire costs: decoding commands, encoding answers, checksums.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scrip_engine::answer::{Answer, Outcome};
use scrip_engine::command::{Command, Envelope, Line, Request, Segments, Take};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::rejection::{Code, Facts, LineFact, Rejection};
use scrip_protocol::answer_read::AnswerReader;
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::extras::Extras;
use scrip_protocol::frame::{self, FrameKind, FrameLimits, HEADER_BYTES};
use scrip_protocol::limits::FRAME_BYTES_MAX;
use scrip_protocol::read::CommandReader;
use scrip_protocol::write::CommandFrame;
use std::hint::black_box;
use zerocopy::little_endian::U32;

const COMMANDS: u64 = 256;

fn request(operation: u128, lines: &[Line]) -> Request<'_> {
    Request {
        envelope: Envelope {
            merchant: MerchantId(1),
            slot: Slot(7),
            channel: ChannelId(1),
            operation: OperationId(operation),
            created_ms: 0,
            deadline_ms: 0,
            segments: Segments::NONE,
        },
        command: Command::Reserve {
            take: Take { order: OrderId(operation), user: UserId(operation), ..Take::of(lines) },
            ttl_ms: 0,
        },
    }
}

fn encode(out: &mut Vec<u8>, lines: &[Line]) {
    let mut frame = CommandFrame::begin(out, 1, FRAME_BYTES_MAX);
    for operation in 1..=u128::from(COMMANDS) {
        frame.push(out, &request(operation, lines), &Extras::NONE).expect("256 commands fit");
    }
    frame.finish(out);
}

fn commands(criterion: &mut Criterion) {
    let lines = [Line::new(StockId::new(Slot(7), 1), 1)];
    let mut bytes = Vec::new();
    encode(&mut bytes, &lines);
    let mut group = criterion.benchmark_group("commands");
    group.throughput(Throughput::Elements(COMMANDS));
    group.bench_function("decode 256 RESERVE", |bencher| {
        bencher.iter(|| {
            let read = CommandReader::new(black_box(&bytes[HEADER_BYTES..]));
            read.fold(0u128, |sum, command| {
                let (request, _) = command.expect("the frame is well formed");
                let Command::Reserve { take, .. } = request.command else { return sum };
                sum ^ request.envelope.operation.0 ^ take.user.0 ^ u128::from(take.lines[0].units.get())
            })
        });
    });
    group.bench_function("parse and decode 256 RESERVE", |bencher| {
        bencher.iter(|| {
            let parsed = frame::parse(black_box(&bytes), FrameLimits::AUTHENTICATED);
            let (_, whole) = parsed.expect("the frame is well formed").expect("the frame is whole");
            CommandReader::new(&bytes[HEADER_BYTES..whole]).filter(Result::is_ok).count()
        });
    });
    let mut out = Vec::with_capacity(bytes.len());
    group.bench_function("encode 256 RESERVE", |bencher| {
        bencher.iter(|| {
            out.clear();
            encode(&mut out, black_box(&lines));
            out.len()
        });
    });
    group.finish();
}

fn answers(criterion: &mut Criterion) {
    let units = [U32::new(1)];
    let facts = [LineFact::new(0, Code::OutOfStock, 1, 0)];
    let outcomes = [
        ("RESERVED", Outcome::Done(Answer::Reserved { deadline_ms: 1 << 40, units: &units })),
        ("OUT_OF_STOCK", Outcome::Refused(Rejection { code: Code::OutOfStock, facts: Facts::Lines(&facts) })),
    ];
    let mut group = criterion.benchmark_group("answers");
    group.throughput(Throughput::Elements(COMMANDS));
    let mut out = Vec::with_capacity(64 * 1024);
    for (name, outcome) in &outcomes {
        group.bench_function(format!("encode 256 {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                let mut frame = AnswerFrame::begin(&mut out, 1);
                for index in 0..COMMANDS {
                    frame
                        .push(
                            &mut out,
                            index as u16,
                            black_box(outcome),
                            &mut scrip_protocol::answer_write::NoSeals,
                        )
                        .expect("256 answers fit");
                }
                frame.finish(&mut out, 1);
                out.len()
            });
        });
        group.bench_function(format!("decode 256 {name}"), |bencher| {
            bencher.iter(|| {
                let read = AnswerReader::new(black_box(&out[HEADER_BYTES..]));
                read.fold(0u64, |sum, answer| {
                    let (index, outcome) = answer.expect("the frame is well formed");
                    let Outcome::Done(Answer::Reserved { deadline_ms, .. }) = outcome else { return sum + 1 };
                    sum ^ u64::from(index) ^ deadline_ms
                })
            });
        });
    }
    group.finish();
}

fn checksum(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    for bytes in [104usize, 26_624, 1 << 19] {
        let mut out = Vec::with_capacity(bytes + HEADER_BYTES);
        frame::write(&mut out, FrameKind::Push, 1, &vec![7; bytes]);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("parse {bytes} bytes"), |bencher| {
            bencher.iter(|| frame::parse(black_box(&out), FrameLimits::AUTHENTICATED).is_ok());
        });
    }
    group.finish();
}

criterion_group!(wire, commands, answers, checksum);
criterion_main!(wire);

//! How fast the load generator is by itself: one thread of it on one core, against a sink on the other that answers
//! every RESERVE from a template. Prints commands per second, and nanoseconds of the load's core per command.
//!
//!     cargo bench -p scrip-loadgen --bench top_speed [-- seconds]

use rustix::event::Timespec;
use rustix::event::epoll;
use rustix::thread::{CpuSet, sched_setaffinity};
use scrip_engine::answer::{Answer, KeyPage, Outcome, StockView};
use scrip_engine::command::{StockKind, StockTerms};
use scrip_engine::ids::{MerchantId, Slot, StockId};
use scrip_loadgen::{LedgerMode, LoadPlan, Pace, Profile, Stop, Work, run};
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::frame::{self, HEADER_BYTES, RawHeader};
use scrip_protocol::handshake::Welcome;
use scrip_protocol::secret::{AliasKey, Token};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use zerocopy::FromBytes;
use zerocopy::little_endian::{U32, U64};

/// Says to the process that it is the sink.
const SINK: &str = "TOP_SPEED_SINK";
const HELLO: u8 = 1;
const COMMANDS: u8 = 4;
const STOCK_SHOW: u8 = 64;
const KIND_AT: usize = HEADER_BYTES + 2;

/// Answers to a frame of `count` commands, all alike.
fn template(count: usize, outcome: &Outcome<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut frame = AnswerFrame::begin(&mut bytes, 0);
    for index in 0..count {
        frame
            .push(&mut bytes, index as u16, outcome, &mut scrip_protocol::answer_write::NoSeals)
            .expect("it fits");
    }
    frame.finish(&mut bytes, 1);
    bytes
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Answers every whole frame in `input`.
fn serve(connection: &mut Connection, templates: &mut HashMap<(u8, usize), Vec<u8>>) {
    let mut at = 0;
    while let Some(bytes) = connection.input.get(at..).filter(|bytes| bytes.len() >= HEADER_BYTES) {
        let (header, _) = RawHeader::ref_from_prefix(bytes).expect("a header");
        let whole = HEADER_BYTES + header.length.get() as usize;
        if bytes.len() < whole {
            break;
        }
        match header.kind {
            HELLO => Welcome::new(1_700_000_000_000, MerchantId(1), AliasKey::new([0; 32]))
                .write(&mut connection.output),
            COMMANDS => {
                let length = usize::from(u16::from_le_bytes([bytes[HEADER_BYTES], bytes[HEADER_BYTES + 1]]));
                let (kind, count) = (bytes[KIND_AT], (whole - HEADER_BYTES) / length);
                let answers = templates.entry((kind, count)).or_insert_with(|| answers(kind, count));
                let start = connection.output.len();
                connection.output.extend_from_slice(answers);
                let out = &mut connection.output[start..];
                let (answer, _) = RawHeader::mut_from_prefix(out).expect("a header");
                answer.correlation = U64::new(header.correlation.get());
                frame::reseal(out);
            }
            _ => {}
        }
        at += whole;
    }
    connection.input.drain(..at);
}

fn answers(kind: u8, count: usize) -> Vec<u8> {
    let units = [U32::new(1)];
    let reserved = Answer::Reserved { deadline_ms: 1_700_000_900_000, units: &units };
    let confirmed = Answer::Confirmed {
        confirmed_ms: 1_700_000_000_000,
        late: false,
        units: &units,
        keys: KeyPage::default(),
        sold: &[],
    };
    let stock = Answer::Stock(StockView {
        stock: StockId::new(Slot(0), 1),
        version: 1,
        kind: StockKind::Counter,
        once_per_order: false,
        terms: StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false },
        total: 1 << 50,
        available: 1 << 50,
        held: 0,
        consumed: 0,
        frozen: 0,
        void: 0,
        marked_frozen: 0,
        marked_void: 0,
        name: b"sink",
    });
    template(
        count,
        &Outcome::Done(match kind {
            STOCK_SHOW => stock,
            16 => reserved,
            _ => confirmed,
        }),
    )
}

/// A server on one thread that does nothing but answer.
fn sink() {
    pin(0);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    epoll::add(&epoll, &listener, epoll::EventData::new_u64(u64::MAX), epoll::EventFlags::IN).expect("epoll");
    let mut connections: Vec<Connection> = Vec::new();
    let mut templates = HashMap::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
    let timeout = Timespec { tv_sec: 1, tv_nsec: 0 };
    loop {
        events.clear();
        let _ = epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout));
        for event in &events {
            let which = event.data.u64();
            if which == u64::MAX {
                let (stream, _) = listener.accept().expect("accept");
                stream.set_nodelay(true).expect("nodelay");
                stream.set_nonblocking(true).expect("nonblocking");
                let data = epoll::EventData::new_u64(connections.len() as u64);
                epoll::add(&epoll, &stream, data, epoll::EventFlags::IN).expect("epoll");
                connections.push(Connection { stream, input: Vec::new(), output: Vec::new() });
                continue;
            }
            let connection = &mut connections[which as usize];
            match connection.stream.read(&mut buffer) {
                Ok(0) => drop(epoll::delete(&epoll, &connection.stream)),
                Ok(bytes) => {
                    connection.input.extend_from_slice(&buffer[..bytes]);
                    serve(connection, &mut templates);
                    // Answers are small against the socket's buffer: what it does not take at once is waited for.
                    let mut out = &connection.output[..];
                    while !out.is_empty() {
                        match connection.stream.write(out) {
                            Ok(bytes) => out = &out[bytes..],
                            Err(why) if why.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                            Err(_) => break,
                        }
                    }
                    connection.output.clear();
                }
                Err(_) => {}
            }
        }
    }
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    // On a machine with one core there is nothing to pin to; the figures then say less.
    let _ = sched_setaffinity(None, &set);
}

struct Case {
    name: &'static str,
    work: Work,
    profile: Profile,
    stocks: u64,
    connections: u32,
    batch: u32,
    outstanding: u32,
}

fn plan(address: SocketAddr, case: &Case, seconds: f64) -> LoadPlan {
    let stocks = (1..=case.stocks).map(|number| StockId::new(Slot(0), number)).collect();
    LoadPlan {
        work: case.work,
        profile: case.profile,
        connections: case.connections,
        batch: case.batch,
        outstanding: case.outstanding,
        users: 10_000_000,
        ledger: LedgerMode::Counts { one_in: 0 },
        stop: Stop {
            attempts: None,
            seconds: Some(seconds),
            until_sold_out: false,
            warm_up: Duration::from_millis(500),
            drain: Duration::from_secs(2),
        },
        ..LoadPlan::new(address, Token::new([7; 32]), MerchantId(1), Slot(0), stocks)
    }
}

fn main() {
    let seconds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(3.0);
    let only = std::env::var("ONLY").ok();
    if std::env::var_os(SINK).is_some() {
        return sink();
    }
    let (mut child, address) = start_sink();
    pin(1);
    let steady = |name, connections, batch, outstanding| Case {
        name,
        work: Work::Reserve,
        profile: Profile::Steady,
        stocks: 1,
        connections,
        batch,
        outstanding,
    };
    let zipf = Profile::Zipf { exponent: 1.0 };
    let two = Work::ReserveConfirm { after: Duration::ZERO };
    let cases = [
        steady("batch 1, 50 connections x 1", 50, 1, 1),
        steady("batch 1, 50 connections x 64", 50, 1, 64),
        steady("batch 16, 50 connections x 4", 50, 16, 4),
        steady("batch 64, 16 connections x 4", 16, 64, 4),
        steady("batch 64, 50 connections x 1", 50, 64, 1),
        steady("batch 256, 16 connections x 4", 16, 256, 4),
        steady("batch 256, 16 connections x 16", 16, 256, 16),
        steady("batch 1024, 16 connections x 4", 16, 1024, 4),
        Case { profile: zipf, stocks: 10_000, ..steady("batch 256, zipf 10,000", 16, 256, 4) },
        Case { work: two, ..steady("batch 256, reserve and confirm", 16, 256, 4) },
    ];
    println!("{:34} {:>12} {:>14} {:>10} {:>10}", "case", "commands/s", "load ns each", "p50 us", "p99 us");
    for case in cases.iter().filter(|case| only.as_ref().is_none_or(|only| case.name.contains(only.as_str())))
    {
        let report =
            run(LoadPlan { pace: Pace::Closed, ..plan(address, case, seconds) }, |_| ()).expect("a load");
        assert!(report.consistent() && report.counts.unknown == 0, "{:?}", report.findings);
        println!(
            "{:34} {:>12.0} {:>14.1} {:>10.0} {:>10.0}",
            case.name,
            report.ops_per_s,
            report.load_cpu_s * 1e9 / report.counts.acknowledged.max(1) as f64,
            report.latency.p50,
            report.latency.p99
        );
    }
    child.kill().expect("the sink is ours");
    child.wait().expect("it ends");
}

/// The sink is a process of its own, so that this one's processor time is the load's.
fn start_sink() -> (Child, SocketAddr) {
    let program = std::env::current_exe().expect("a path");
    let mut child =
        Command::new(program).env(SINK, "1").stdout(Stdio::piped()).spawn().expect("a second process");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its address");
    (child, line.trim().parse().expect("an address"))
}

//! Several shards in one server: a connection speaks to all of them, each keeps its own log, and the directory keeps
//! their number.

use rustix::process::Signal;
use scrip_client::{Line, MerchantId, Operation, StockId};
use scrip_engine::command::{Command, Envelope, Request, StockCreate, StockKind, StockTerms};
use scrip_engine::ids::Slot;
use scrip_protocol::error::ErrorCode;
use scrip_protocol::frame::{self as frames, FrameKind, HEADER_BYTES};
use scrip_protocol::notice::Goaway;
use scrip_protocol::references::{home_slot, stock_id};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::http::{get, sample};
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use scrip_tests::processes::wire::{Heard, MERCHANT, Wire, commands, envelope, read_answers, sell, told};

scrip_tests::on_each_driver!(
    two_merchants_sell_from_two_shards_and_both_logs_grow,
    one_frame_for_both_shards_is_answered_whole_and_in_order_per_shard,
    an_error_comes_after_the_answers_of_every_shard,
    a_shutdown_answers_what_lies_in_the_queues_between_shards,
    what_both_shards_acknowledged_before_a_kill_is_there_after_it,
);

const TWO: &[&str] = &["--shards", "2"];
/// Slots are dealt out in turn: one of the first shard, one of the second.
const SLOTS: [Slot; 2] = [Slot(6), Slot(7)];

/// A merchant whose home slot lies in another shard of two than the default merchant's.
fn other_merchant() -> MerchantId {
    let shard = |merchant| home_slot(merchant).0 % 2;
    (2..).map(MerchantId).find(|merchant| shard(*merchant) != shard(MERCHANT)).expect("every second one")
}

fn card(slot: Slot) -> StockId {
    stock_id(slot, "card").expect("a name")
}

/// The same command in another slot.
fn at(slot: Slot, request: Request<'_>) -> Request<'_> {
    Request { envelope: Envelope { slot, ..request.envelope }, ..request }
}

fn create(operation: Operation, slot: Slot, units: u64) -> Request<'static> {
    let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };
    let kind = StockKind::Counter;
    let stock = StockCreate { stock: card(slot), units, kind, once_per_order: false, terms, name: b"card" };
    at(slot, Request { envelope: envelope(operation), command: Command::StockCreate(stock) })
}

fn show(slot: Slot) -> Request<'static> {
    let command = Command::StockShow { stock: card(slot) };
    at(slot, Request { envelope: envelope(Operation::given(0, 0)), command })
}

/// Makes the same stock in a slot of each shard.
fn create_both(server: &Server, units: u64) {
    let mut wire = Wire::greeted(server.listen, server.token());
    let requests = SLOTS.map(|slot| create(wire.operation(), slot, units));
    let answers = wire.ask(&requests);
    assert!(answers.iter().all(|answer| answer.contains("StockChanged")), "{answers:?}");
}

fn two_merchants_sell_from_two_shards_and_both_logs_grow() {
    let site = Site::new();
    let server = site.serve(TWO);
    assert!(server.ready_line().contains(" shards=2 "), "{}", server.ready_line());
    assert!(get(server.http, "/health").body.contains("\"shards\":2"));
    let other = other_merchant();
    let token = site.token(other);
    let mut sold = [0; 2];
    let mut stocks = Vec::new();
    for (merchant, token) in [(MERCHANT, server.token()), (other, &token)] {
        let caller = Caller::connect(server.listen, token);
        let stock = caller.create("card", 100);
        assert_eq!(stock.slot(), home_slot(merchant));
        for _ in 0..=merchant.0 {
            caller.reserve(caller.client.operation(), stock).expect("there is enough");
        }
        assert_eq!(caller.show(stock).held, u64::from(merchant.0) + 1);
        sold[usize::from(stock.slot().0 % 2)] = u64::from(merchant.0) + 1;
        stocks.push((stock, token.clone()));
    }
    assert!(sold.iter().all(|sold| *sold > 0), "{sold:?}");
    server.kill();

    let said = site.run(&["verify", site.data_text()]).well();
    assert!(said.stdout.contains("shard 0: ") && said.stdout.contains("shard 1: "), "{said:#?}");
    let said = site.run(&["log", "cat", site.data_text()]).well();
    for (shard, sold) in sold.iter().enumerate() {
        let reserved = |line: &&str| line.starts_with(&format!("{shard} ")) && line.contains(" reserved ");
        assert_eq!(said.stdout.lines().filter(reserved).count() as u64, *sold, "{said:#?}");
    }
    assert_eq!(site.verify()["sold"], sold.iter().sum::<u64>());
    // A directory keeps its number of shards, whether or not it is told.
    let server = site.serve(&[]);
    assert!(server.ready_line().contains(" shards=2 "), "{}", server.ready_line());
    for (stock, token) in &stocks {
        let held = Caller::connect(server.listen, token).show(*stock).held;
        assert_eq!(held, sold[usize::from(stock.slot().0 % 2)]);
    }
}

#[test]
fn another_number_of_shards_than_the_directory_has_is_refused() {
    let site = Site::new();
    site.serve(TWO).stop();
    let before = site.picture();
    site.refuses_to_serve(&["--shards", "3"], &[site.data_text(), "has 2 shards", "--shards 2"]);
    assert_eq!(site.picture(), before);
}

fn one_frame_for_both_shards_is_answered_whole_and_in_order_per_shard() {
    let site = Site::new();
    let server = site.serve(TWO);
    create_both(&server, 1_000_000);
    const FRAMES: usize = 20;
    const SALES: usize = 300;
    // The kernel picks a door by the peer's port: wires are opened until both doors were taken, which 64 wires do not
    // miss (once in 2^63).
    let count = |shard: u8, name: &str| {
        sample(&get(server.http, "/metrics"), &format!("scrip_{name}_total{{shard=\"{shard}\"}}"))
    };
    let mut wires = 0;
    while wires < 8 || [0, 1].iter().any(|shard| count(*shard, "commands_forwarded") == 0.0) {
        assert!(wires < 64, "nobody came in by one of the doors");
        let round = wires;
        wires += 1;
        // Whichever door it comes in by, one of the two shards is another thread's.
        let mut wire = Wire::greeted(server.listen, server.token());
        let lines = SLOTS.map(|slot| [Line::new(card(slot), 1)]);
        for frame in 1..=FRAMES {
            // Sales on both in turn, one that is nobody's business, then what the shards say now.
            let mut requests: Vec<_> =
                (0..SALES).map(|sale| at(SLOTS[sale % 2], sell(wire.envelope(), &lines[sale % 2]))).collect();
            let foreign = Envelope { merchant: MerchantId(99), ..wire.envelope() };
            requests.push(at(SLOTS[1], sell(foreign, &lines[1])));
            requests.extend(SLOTS.map(show));
            wire.send(&commands(frame as u64, &requests));
        }
        let mut answers = vec![vec![String::new(); SALES + 3]; FRAMES];
        let mut missing = FRAMES * (SALES + 3);
        while missing > 0 {
            let (header, payload) = wire.frame();
            assert_eq!(header.kind, FrameKind::Answers, "{:?}", told(&header, &payload));
            for (index, answer) in read_answers(&payload) {
                let place = &mut answers[header.correlation as usize - 1][usize::from(index)];
                assert!(place.is_empty(), "command {index} was answered twice");
                *place = answer;
                missing -= 1;
            }
        }
        for (frame, answers) in answers.iter().enumerate() {
            assert!(answers[..SALES].iter().all(|answer| answer.contains("Confirmed")), "{:?}", answers[0]);
            assert!(answers[SALES].contains("Forbidden"), "{:?}", answers[SALES]);
            let consumed = (round * FRAMES + frame + 1) * SALES / 2;
            for shown in &answers[SALES + 1..] {
                assert!(shown.contains(&format!("consumed: {consumed},")), "frame {frame}: {shown}");
            }
        }
    }
    let sold = (wires * FRAMES * SALES) as u64;
    for shard in [0, 1] {
        assert!(count(shard, "commands_done") >= sold as f64 / 2.0);
    }
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let verified = site.verify();
    assert_eq!((&verified["sold"], &verified["oversold"]), (&sold.into(), &0.into()), "{verified}");
}

fn an_error_comes_after_the_answers_of_every_shard() {
    let site = Site::new();
    let server = site.serve(TWO);
    create_both(&server, 1_000);
    for _ in 0..8 {
        let mut wire = Wire::greeted(server.listen, server.token());
        let lines = SLOTS.map(|slot| [Line::new(card(slot), 1)]);
        let requests: Vec<_> =
            (0..20).map(|sale| at(SLOTS[sale % 2], sell(wire.envelope(), &lines[sale % 2]))).collect();
        let mut payload = commands(9, &requests)[HEADER_BYTES..].to_vec();
        // A kind of command that there is not, in the last place.
        let last = payload.len() - payload.len() / requests.len();
        payload[last + 2] = 250;
        let mut frame = Vec::new();
        frames::write(&mut frame, FrameKind::Commands, 9, &payload);
        wire.send(&frame);
        let mut answered = 0;
        let told = loop {
            match wire.hear(PATIENCE) {
                Heard::Frame(header, payload) if header.kind == FrameKind::Answers => {
                    answered += read_answers(&payload).len();
                }
                Heard::Frame(header, payload) => break told(&header, &payload).expect("an ERROR"),
                other => panic!("no ERROR, but {other:?}"),
            }
        };
        assert_eq!((told.code, told.position.command), (ErrorCode::UnknownCommand, Some(19)));
        assert_eq!(answered, 19);
        wire.closed();
    }
}

fn a_shutdown_answers_what_lies_in_the_queues_between_shards() {
    const WIRES: usize = 6;
    const FRAMES: u64 = 5;
    const BATCH: usize = 1_000;
    let site = Site::new();
    let server = site.serve(TWO);
    create_both(&server, 1_000_000);
    let mut wires: Vec<Wire> = (0..WIRES).map(|_| Wire::greeted(server.listen, server.token())).collect();
    let lines = SLOTS.map(|slot| [Line::new(card(slot), 1)]);
    for wire in &mut wires {
        for correlation in 1..=FRAMES {
            let requests: Vec<_> =
                (0..BATCH).map(|sale| at(SLOTS[sale % 2], sell(wire.envelope(), &lines[sale % 2]))).collect();
            wire.send(&commands(correlation, &requests));
        }
    }
    server.signal(Signal::TERM);
    let mut sold = 0;
    for wire in &mut wires {
        let (mut answered, mut goaways) = (0, 0);
        while answered < FRAMES as usize * BATCH || goaways == 0 {
            let (header, payload) = wire.frame();
            if header.kind == FrameKind::Goaway {
                Goaway::read(&payload).expect("a GOAWAY");
                goaways += 1;
                continue;
            }
            let answers = read_answers(&payload);
            answered += answers.len();
            // So many at once may find every batch under way: that is said, and sells nothing.
            let confirmed = answers.iter().filter(|(_, answer)| answer.contains("Confirmed")).count();
            let busy = answers.iter().filter(|(_, answer)| answer.contains("Busy")).count();
            assert_eq!(confirmed + busy, answers.len(), "{:?}", answers[0]);
            sold += confirmed as u64;
        }
        wire.finish_sending();
        wire.closed();
    }
    let ended = server.wait_for_end(PATIENCE);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let said = site.run(&["verify", site.data_text()]).well();
    assert_eq!(said.stdout.matches("end sealed").count(), 2, "{said:#?}");
    assert_eq!(site.verify()["sold"], sold);
}

fn what_both_shards_acknowledged_before_a_kill_is_there_after_it() {
    let site = Site::new();
    let mut server = site.serve(TWO);
    create_both(&server, 1_000_000);
    let lines = SLOTS.map(|slot| [Line::new(card(slot), 1)]);
    let mut acknowledged: Vec<(Operation, Slot)> = Vec::new();
    for _ in 0..5 {
        let mut wires: Vec<Wire> = (0..4).map(|_| Wire::greeted(server.listen, server.token())).collect();
        let mut asked = Vec::new();
        for wire in &mut wires {
            let operations: Vec<Operation> = (0..2_000).map(|_| wire.operation()).collect();
            for (frame, operations) in (1..).zip(operations.chunks(100)) {
                let requests: Vec<_> = operations
                    .iter()
                    .enumerate()
                    .map(|(sale, operation)| {
                        at(SLOTS[sale % 2], sell(envelope(*operation), &lines[sale % 2]))
                    })
                    .collect();
                wire.send(&commands(frame, &requests));
            }
            asked.push(operations);
        }
        // Some answers of each, then the kill: whatever came is promised.
        for (wire, operations) in wires.iter_mut().zip(&asked) {
            let mut seen = [0; 2];
            while seen.iter().any(|count| *count < 150) {
                let (header, payload) = wire.frame();
                for (index, answer) in read_answers(&payload) {
                    seen[usize::from(index) % 2] += 1;
                    if answer.contains("Confirmed") {
                        let sale = (header.correlation as usize - 1) * 100 + usize::from(index);
                        acknowledged.push((operations[sale], SLOTS[sale % 2]));
                    }
                }
            }
        }
        server.kill();
        server = site.serve(&[]);
        let mut wire = Wire::greeted(server.listen, server.token());
        for some in acknowledged.chunks(500) {
            let shows: Vec<_> = some
                .iter()
                .map(|(operation, slot)| {
                    at(*slot, Request { envelope: envelope(*operation), command: Command::OperationShow })
                })
                .collect();
            let answers = wire.ask(&shows);
            assert!(answers.iter().all(|answer| answer.contains("state: Confirmed")), "{:?}", answers[0]);
        }
    }
    for slot in SLOTS {
        assert!(acknowledged.iter().filter(|(_, of)| *of == slot).count() > 1_000);
    }
    server.stop();
    let verified = site.verify();
    assert!(verified["sold"].as_u64() >= Some(acknowledged.len() as u64), "{verified}");
    assert_eq!(verified["oversold"], 0);
}

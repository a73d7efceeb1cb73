//! Bytes that break the contract: the connection is told what and where, and ended; nothing else happens.

use scrip_client::{Line, StockId};
use scrip_protocol::error::ErrorCode;
use scrip_protocol::frame::{FrameKind, HEADER_BYTES, reseal, write};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use scrip_tests::processes::wire::{Heard, Told, Wire, commands, hello, read_answers, reserve, show};
use std::time::{Duration, Instant};

scrip_tests::on_each_driver!(
    wrong_bytes_are_named_with_their_place_and_change_nothing,
    commands_before_a_malformed_one_are_answered_and_those_after_it_are_not_executed,
    nothing_of_a_frame_that_did_not_arrive_whole_is_executed,
    an_error_arrives_although_its_cause_goes_on_sending,
    a_connection_that_says_nothing_is_told_and_closed_in_time,
    a_connection_that_drips_its_hello_is_told_and_closed_in_time,
    commands_for_another_merchant_are_forbidden_and_cost_no_connection,
);

/// Bytes of a RESERVE of one line.
const RESERVE_BYTES: usize = 104;
/// From accept to a complete HELLO, as the protocol says; and how late a server that looks once a second may be.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
const LATE: Duration = Duration::from_secs(3);

/// Something wrong, and what the server must say to it.
struct Case {
    name: &'static str,
    /// Whether it comes after HELLO.
    greeted: bool,
    bytes: Vec<u8>,
    code: ErrorCode,
    offset: Option<u32>,
    command: Option<u16>,
    says: &'static str,
}

fn case(
    name: &'static str,
    greeted: bool,
    bytes: Vec<u8>,
    code: ErrorCode,
    offset: u32,
    says: &'static str,
) -> Case {
    Case { name, greeted, bytes, code, offset: Some(offset), command: None, says }
}

fn nowhere(name: &'static str, greeted: bool, bytes: Vec<u8>, code: ErrorCode, says: &'static str) -> Case {
    Case { name, greeted, bytes, code, offset: None, command: None, says }
}

/// A frame with these bytes changed afterwards, and the right checksum again if `sealed`.
fn changed(mut frame: Vec<u8>, sealed: bool, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    change(&mut frame);
    if sealed {
        reseal(&mut frame);
    }
    frame
}

fn frame(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, kind, 9, payload);
    bytes
}

/// A header alone that promises a payload of `length` bytes.
fn promise(length: u32) -> Vec<u8> {
    changed(frame(FrameKind::Commands, &[]), false, |bytes| {
        bytes[8..12].copy_from_slice(&length.to_le_bytes())
    })
}

fn frame_cases(server: &Server) -> Vec<Case> {
    use ErrorCode::*;
    let token = server.token();
    let ping = || frame(FrameKind::Ping, &[]);
    let mut cases = Vec::new();
    for greeted in [false, true] {
        let says = "is this a Scrip client";
        cases.extend([
            case("a web browser", greeted, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), BadMagic, 0, says),
            case("noise", greeted, vec![0xa5; 3_000], BadMagic, 0, says),
            case(
                "another version",
                greeted,
                changed(ping(), true, |b| b[4] = 2),
                UnsupportedVersion,
                4,
                "version 2",
            ),
            case("an unknown kind", greeted, changed(ping(), true, |b| b[5] = 99), UnknownKind, 5, "kind 99"),
            case("unknown flags", greeted, changed(ping(), true, |b| b[6] = 4), UnknownFlags, 6, "0x0004"),
            case(
                "a wrong checksum",
                greeted,
                changed(hello(token), false, |b| b[40] ^= 1),
                ChecksumMismatch,
                12,
                "checksum",
            ),
            case("an endless frame", greeted, promise(0xffff_fff8), OversizeFrame, 8, "at most"),
            case("a frame of no whole words", greeted, promise(4), MalformedPayload, 32, "multiple of 8"),
        ]);
    }
    let just_too_long = (1 << 20) - HEADER_BYTES as u32 + 8;
    let just_too_long_before = 4096 - HEADER_BYTES as u32 + 8;
    cases.extend([
        case("a frame above 1 MiB", true, promise(just_too_long), OversizeFrame, 8, "1048576"),
        case(
            "more than 4 KiB before HELLO",
            false,
            promise(just_too_long_before),
            OversizeFrame,
            8,
            "at most 4096",
        ),
        case("half a HELLO", false, frame(FrameKind::Hello, &[1; 16]), MalformedPayload, 32, "payload"),
        case(
            "HELLO of the future",
            false,
            changed(hello(token), true, |b| b[32..34].fill(7)),
            UnsupportedVersion,
            4,
            "version",
        ),
        nowhere("PING instead of HELLO", false, ping(), HelloExpected, "HELLO"),
        nowhere(
            "commands instead of HELLO",
            false,
            frame(FrameKind::Commands, &[0; 48]),
            HelloExpected,
            "HELLO",
        ),
        nowhere(
            "an unknown token",
            false,
            changed(hello(token), true, |b| b[60] ^= 1),
            Unauthorized,
            "scrip token create",
        ),
        nowhere("HELLO twice", true, hello(token), UnexpectedKind, "once"),
        nowhere("a server's frame", true, frame(FrameKind::Answers, &[0; 8]), UnexpectedKind, "COMMANDS"),
    ]);
    cases
}

/// One wrong command behind `before` right ones.
fn command_cases(wire: &mut Wire, line: &[Line]) -> Vec<Case> {
    use ErrorCode::*;
    let mut wrong = |name, code, says, change: fn(&mut [u8])| {
        let bytes = commands(9, &[reserve(wire.envelope(), line, 0)]);
        let bytes = changed(bytes, true, |bytes| change(&mut bytes[HEADER_BYTES..]));
        Case { name, greeted: true, bytes, code, offset: Some(32), command: Some(0), says }
    };
    vec![
        wrong("an unknown command", UnknownCommand, "kind 250", |b| b[2] = 250),
        wrong("unknown flags of a command", MalformedCommand, "0x04", |b| b[3] = 0x04),
        wrong("a spare byte", MalformedCommand, "spare", |b| b[14] = 1),
        wrong("a command of length 0", MalformedCommand, "length of 0", |b| b[0..2].fill(0)),
        wrong("a command beyond its frame", MalformedCommand, "length", |b| {
            b[0..2].copy_from_slice(&112u16.to_le_bytes())
        }),
        wrong("more lines than bytes", MalformedCommand, "64", |b| b[12] = 64),
        wrong("an operation of 0", MalformedCommand, "operation", |b| b[16..32].fill(0)),
        wrong("a line of 0 units", MalformedCommand, "units", |b| b[96..100].fill(0)),
    ]
}

fn wrong_bytes_are_named_with_their_place_and_change_nothing() {
    let site = Site::new();
    let server = site.serve(&[]);
    let card = Caller::connect(server.listen, server.token()).create("card", 1_000);
    let mut witness = Wire::greeted(server.listen, server.token());
    let before = witness.ask(&[show(card)]);
    let line = [Line::new(card, 1)];
    let mut cases = frame_cases(&server);
    cases.extend(command_cases(&mut witness, &line));
    let memory = server.resident_bytes();
    for case in &cases {
        let mut wire = match case.greeted {
            true => Wire::greeted(server.listen, server.token()),
            false => Wire::connect(server.listen),
        };
        wire.send(&case.bytes);
        assert_told(case, &wire.told_and_closed());
        assert_eq!(witness.ask(&[show(card)]), before, "{}", case.name);
    }
    let grown = server.resident_bytes().saturating_sub(memory);
    assert!(grown < 8 << 20, "{grown} bytes of memory for {} bad connections", cases.len());
}

fn assert_told(case: &Case, told: &Told) {
    let name = case.name;
    assert_eq!(told.code, case.code, "{name}: {told:?}");
    assert_eq!(
        (told.position.offset, told.position.command),
        (case.offset, case.command),
        "{name}: {told:?}"
    );
    assert!(told.message.contains(case.says), "{name}: the message lacks {:?}: {told:?}", case.says);
    let of_a_command = case.command.is_some();
    assert!(!of_a_command || told.correlation == 9, "{name}: {told:?}");
}

fn commands_before_a_malformed_one_are_answered_and_those_after_it_are_not_executed() {
    let site = Site::new();
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    let card = caller.create("card", 1_000);
    let line = [Line::new(card, 1)];
    for wrong in [0usize, 1, 40, 99] {
        let held_before = caller.show(card).held;
        let mut wire = Wire::greeted(server.listen, server.token());
        let requests: Vec<_> = (0..100).map(|_| reserve(wire.envelope(), &line, 60_000)).collect();
        let at = HEADER_BYTES + wrong * RESERVE_BYTES;
        wire.send(&changed(commands(5, &requests), true, |bytes| bytes[at + 2] = 250));
        let mut answered = Vec::new();
        let told = loop {
            let (header, payload) = wire.frame();
            match scrip_tests::processes::wire::told(&header, &payload) {
                Some(told) => break told,
                None => answered.extend(read_answers(&payload)),
            }
        };
        wire.closed();
        assert_eq!(told.code, ErrorCode::UnknownCommand);
        assert_eq!(told.correlation, 5);
        assert_eq!(told.position.command, Some(wrong as u16));
        assert_eq!(told.position.offset, Some(at as u32));
        assert_eq!(answered.len(), wrong, "commands before the wrong one are answered");
        assert!(answered.iter().all(|(_, answer)| answer.contains("Reserved")), "{answered:?}");
        assert_eq!(caller.show(card).held - held_before, wrong as u64);
    }
}

fn nothing_of_a_frame_that_did_not_arrive_whole_is_executed() {
    let site = Site::new();
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    let card = caller.create("card", 1_000);
    let line = [Line::new(card, 1)];
    for missing in [1, 8, RESERVE_BYTES, 10 * RESERVE_BYTES - 1, 10 * RESERVE_BYTES + 20] {
        let mut wire = Wire::greeted(server.listen, server.token());
        let requests: Vec<_> = (0..10).map(|_| reserve(wire.envelope(), &line, 60_000)).collect();
        let bytes = commands(5, &requests);
        wire.send(&bytes[..bytes.len() - missing]);
        wire.finish_sending();
        wire.closed();
        let shown = caller.show(card);
        assert_eq!((shown.held, shown.available), (0, 1_000), "{missing} bytes were missing");
    }
    // The same frame a byte at a time is whole in the end.
    let mut wire = Wire::greeted(server.listen, server.token());
    for byte in commands(5, &[reserve(wire.envelope(), &line, 60_000)]) {
        wire.send(&[byte]);
    }
    assert_eq!(wire.frame().0.kind, FrameKind::Answers);
    assert_eq!(caller.show(card).held, 1);
}

fn an_error_arrives_although_its_cause_goes_on_sending() {
    let site = Site::new();
    let server = site.serve(&[]);
    let mut wire = Wire::connect(server.listen);
    // More than all buffers on the way hold: the server must end this without reading all of it.
    wire.send_some(&vec![b'x'; 16 << 20], Duration::from_millis(500));
    let (header, payload) = wire.frame();
    let told = scrip_tests::processes::wire::told(&header, &payload).expect("an ERROR");
    assert_eq!(told.code, ErrorCode::BadMagic);
}

/// The end of a connection that has not said HELLO: how long it took, and what was said.
fn end_of(mut wire: Wire, mut meanwhile: impl FnMut(&mut Wire)) -> (Duration, Option<Told>) {
    let started = Instant::now();
    let mut said = None;
    while started.elapsed() < PATIENCE {
        match wire.hear(Duration::from_millis(500)) {
            Heard::Closed => return (started.elapsed(), said),
            Heard::Frame(header, payload) => said = scrip_tests::processes::wire::told(&header, &payload),
            Heard::Nothing => meanwhile(&mut wire),
        }
    }
    panic!("still open after {PATIENCE:?}");
}

fn assert_hello_timeout((took, said): (Duration, Option<Told>)) {
    assert!(took + Duration::from_millis(100) >= HELLO_TIMEOUT, "closed after {took:?}");
    assert!(took <= HELLO_TIMEOUT + LATE, "closed after {took:?}");
    let told = said.expect("an ERROR says why the connection ends");
    assert_eq!(told.code, ErrorCode::HelloTimeout, "{told:?}");
}

fn a_connection_that_says_nothing_is_told_and_closed_in_time() {
    let site = Site::new();
    let server = site.serve(&[]);
    assert_hello_timeout(end_of(Wire::connect(server.listen), |_| ()));
}

fn a_connection_that_drips_its_hello_is_told_and_closed_in_time() {
    let site = Site::new();
    let server = site.serve(&[]);
    let bytes = hello(server.token());
    let mut next = bytes.chunks(1);
    assert_hello_timeout(end_of(Wire::connect(server.listen), |wire| {
        // It may be closed just now.
        let _ = wire.send_some(next.next().unwrap_or(&[]), Duration::from_millis(100));
    }));
}

fn commands_for_another_merchant_are_forbidden_and_cost_no_connection() {
    let site = Site::new();
    let server = site.serve(&[]);
    let card = Caller::connect(server.listen, server.token()).create("card", 10);
    let mut wire = Wire::greeted(server.listen, server.token());
    let line = [Line::new(StockId(card.0), 1)];
    let mut foreign = reserve(wire.envelope(), &line, 0);
    foreign.envelope.merchant.0 += 1;
    let before = wire.ask(&[show(card)]);
    let answers = wire.ask(&[foreign, show(card)]);
    assert!(answers[0].contains("Forbidden"), "{answers:?}");
    assert_eq!(answers[1], before[0]);
}

//! Signals, and clients that read slowly or not at all: nobody else notices, and what was promised is kept.

use rustix::process::Signal;
use scrip_client::Line;
use scrip_engine::command::{Command, Request};
use scrip_protocol::error::ErrorCode;
use scrip_protocol::frame::FrameKind;
use scrip_protocol::notice::{Goaway, GoawayReason};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::http::get;
use scrip_tests::processes::site::Site;
use scrip_tests::processes::wire::{
    Heard, Wire, commands, envelope, read_answers, reserve, sell, show, told,
};
use std::time::{Duration, Instant};

scrip_tests::on_each_driver!(
    sigterm_answers_what_is_on_its_way_says_goaway_and_seals_the_log,
    a_server_that_stops_says_so_over_http_takes_nobody_new_and_ends_in_time,
    sigint_and_the_end_of_stdin_stop_it_as_well,
    a_pause_of_the_process_gives_no_stale_answer_and_expires_nothing_early,
    a_client_that_never_reads_its_answers_stalls_nobody_and_costs_bounded_memory,
    a_silent_connection_is_told_and_closed_and_one_that_pings_stays,
    a_connection_above_the_maximum_is_told_so_and_the_others_go_on,
);

fn sigterm_answers_what_is_on_its_way_says_goaway_and_seals_the_log() {
    let site = Site::new();
    let server = site.serve(&[]);
    let card = Caller::connect(server.listen, server.token()).create("card", 1_000_000);
    let line = [Line::new(card, 1)];
    let mut wires: Vec<Wire> = (0..4).map(|_| Wire::greeted(server.listen, server.token())).collect();
    const FRAMES: u64 = 5;
    const BATCH: usize = 1_000;
    for wire in &mut wires {
        for correlation in 1..=FRAMES {
            let requests: Vec<_> = (0..BATCH).map(|_| sell(wire.envelope(), &line)).collect();
            wire.send(&commands(correlation, &requests));
        }
    }
    server.signal(Signal::TERM);
    for wire in &mut wires {
        let (mut sold, mut goaways) = (0, 0);
        while sold < FRAMES as usize * BATCH || goaways == 0 {
            let (header, payload) = wire.frame();
            if header.kind == FrameKind::Goaway {
                let goaway = Goaway::read(&payload).expect("a GOAWAY");
                assert_eq!((goaway.reason, goaway.drain_ms), (GoawayReason::Stopping, 5_000));
                goaways += 1;
            } else {
                assert_eq!(header.kind, FrameKind::Answers, "{:?}", told(&header, &payload));
                let answers = read_answers(&payload);
                assert!(answers.iter().all(|(_, answer)| answer.contains("Confirmed")), "{:?}", answers[0]);
                sold += answers.len();
            }
        }
        assert_eq!(goaways, 1);
        wire.finish_sending();
        wire.closed();
    }
    let ended = server.wait_for_end(PATIENCE);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let said = site.run(&["verify", site.data_text()]).well();
    assert!(said.stdout.contains("end sealed"), "{said:#?}");
    assert_eq!(site.verify()["sold"], 4 * FRAMES * BATCH as u64);
    let server = site.serve(&[]);
    assert!(!server.stderr().contains("torn"), "{}", server.stderr());
    assert_eq!(Caller::connect(server.listen, server.token()).show(card).consumed, 4 * FRAMES * BATCH as u64);
}

fn a_server_that_stops_says_so_over_http_takes_nobody_new_and_ends_in_time() {
    let site = Site::new();
    let server = site.serve(&["--drain-ms", "1500"]);
    let mut wire = Wire::greeted(server.listen, server.token());
    let page = get(server.http, "/health");
    assert_eq!((page.status, page.content_type.as_str()), (200, "application/json"));
    assert!(page.body.contains("\"status\":\"ok\""), "{}", page.body);
    let started = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(wire.frame().0.kind, FrameKind::Goaway);
    let page = get(server.http, "/health");
    assert_eq!(page.status, 503);
    assert!(page.body.contains("\"status\":\"stopping\""), "{}", page.body);
    // The connection stays, and is still answered; newcomers are not taken.
    wire.ping();
    assert!(std::net::TcpStream::connect(server.listen).is_err(), "a stopping server listens");
    let ended = server.wait_for_end(PATIENCE);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(started.elapsed() >= Duration::from_millis(1_500) && started.elapsed() < Duration::from_secs(5));
    wire.closed();
}

fn sigint_and_the_end_of_stdin_stop_it_as_well() {
    let site = Site::new();
    let server = site.serve(&[]);
    server.signal(Signal::INT);
    assert_eq!(server.wait_for_end(PATIENCE).status.code(), Some(0));
    assert_eq!(site.serve(&[]).close_stdin().status.code(), Some(0));
    let said = site.run(&["verify", site.data_text()]).well();
    assert!(said.stdout.contains("end sealed"), "{said:#?}");
}

fn a_pause_of_the_process_gives_no_stale_answer_and_expires_nothing_early() {
    const PAUSE: Duration = Duration::from_millis(900);
    let site = Site::new();
    let server = site.serve(&[]);
    let card = Caller::connect(server.listen, server.token()).create("card", 10);
    let mut wire = Wire::greeted(server.listen, server.token());
    let line = [Line::new(card, 1)];
    let (short, long) = (wire.operation(), wire.operation());
    let made = Instant::now();
    let answers = wire.ask(&[reserve(envelope(short), &line, 400), reserve(envelope(long), &line, 60_000)]);
    assert!(answers.iter().all(|answer| answer.contains("Reserved")), "{answers:?}");

    server.pause();
    let ask = |operation| Request { envelope: envelope(operation), command: Command::OperationShow };
    wire.send(&commands(1, &[ask(short), ask(long), show(card)]));
    let heard = wire.hear(PAUSE);
    assert!(matches!(heard, Heard::Nothing), "a stopped process has answered: {heard:?}");
    assert!(made.elapsed() > Duration::from_millis(400));
    server.signal(Signal::CONT);
    let (_, payload) = wire.frame();
    let answers = read_answers(&payload);
    assert!(answers[0].1.contains("state: Expired"), "the short hold ran out during the pause: {answers:?}");
    assert!(answers[1].1.contains("state: Held"), "the long one did not: {answers:?}");
    assert!(answers[2].1.contains("available: 9, held: 1,"), "{answers:?}");
    let sale = Request { envelope: envelope(long), command: Command::Confirm { units: &[], hidden: false } };
    let answers = wire.ask(&[sale]);
    assert!(answers[0].contains("Confirmed") && answers[0].contains("late: false"), "{answers:?}");
    assert!(get(server.http, "/health").body.contains("\"clock_alarm\":false"));
}

fn a_client_that_never_reads_its_answers_stalls_nobody_and_costs_bounded_memory() {
    const SHOWS: usize = 8_000;
    let site = Site::new();
    let server = site.serve(&[]);
    let card = Caller::connect(server.listen, server.token()).create("card", 10);
    let mut neighbour = Wire::greeted(server.listen, server.token());
    let mut slow = Wire::greeted(server.listen, server.token());
    let memory = server.resident_bytes();
    let frame = commands(1, &vec![show(card); SHOWS]);
    let mut sent = 0;
    // Until the server takes no more of it: what is unread fills all buffers on the way.
    loop {
        let taken = slow.send_some(&frame[sent % frame.len()..], Duration::from_millis(300));
        sent += taken;
        if !sent.is_multiple_of(frame.len()) {
            break;
        }
        assert!(sent < 512 << 20, "the server reads on and on");
        let started = Instant::now();
        neighbour.ask(&[show(card)]);
        assert!(started.elapsed() < Duration::from_secs(1), "the neighbour waited {:?}", started.elapsed());
    }
    for _ in 0..100 {
        let started = Instant::now();
        let line = [Line::new(card, 1)];
        let (sale, lapse) = (neighbour.operation(), Duration::from_millis(500));
        neighbour.ask(&[reserve(envelope(sale), &line, 60_000)]);
        neighbour.ask(&[Request { envelope: envelope(sale), command: Command::Release }]);
        assert!(started.elapsed() < 2 * lapse, "the neighbour waited {:?}", started.elapsed());
    }
    let grown = server.resident_bytes().saturating_sub(memory);
    assert!(grown < 32 << 20, "{grown} bytes for a client that does not read");

    // It reads at last, and finds every answer of what was taken whole.
    let mut answers = 0;
    while answers < sent / frame.len() * SHOWS {
        let (header, payload) = slow.frame();
        assert_eq!(header.kind, FrameKind::Answers, "{:?}", told(&header, &payload));
        answers += read_answers(&payload).len();
    }
}

fn a_silent_connection_is_told_and_closed_and_one_that_pings_stays() {
    let site = Site::new();
    let server = site.serve(&["--idle-timeout-s", "2"]);
    let mut silent = Wire::greeted(server.listen, server.token());
    let mut alive = Wire::greeted(server.listen, server.token());
    let started = Instant::now();
    let (header, payload) = loop {
        assert!(started.elapsed() < Duration::from_secs(6), "a silent connection is still open");
        match silent.hear(Duration::from_millis(300)) {
            Heard::Nothing => alive.ping(),
            Heard::Frame(header, payload) => break (header, payload),
            Heard::Closed => panic!("closed without an ERROR that says why"),
        }
    };
    assert!(started.elapsed() >= Duration::from_millis(1_900), "closed after {:?}", started.elapsed());
    assert_eq!(told(&header, &payload).expect("an ERROR").code, ErrorCode::Idle);
    silent.closed();
    alive.ping();
}

fn a_connection_above_the_maximum_is_told_so_and_the_others_go_on() {
    let site = Site::new();
    let server = site.serve(&["--connections-max", "2"]);
    let mut first = Wire::greeted(server.listen, server.token());
    let mut second = Wire::greeted(server.listen, server.token());
    let mut third = Wire::connect(server.listen);
    let heard = third.hear(PATIENCE);
    first.ping();
    second.ping();
    second.finish_sending();
    second.closed();
    let mut fourth = Wire::greeted(server.listen, server.token());
    fourth.ping();
    first.ping();
    let Heard::Frame(header, payload) = heard else {
        panic!("closed without an ERROR that says why: {heard:?}")
    };
    assert_eq!(told(&header, &payload).expect("an ERROR").code, ErrorCode::TooManyConnections);
}

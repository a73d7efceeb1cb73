//! An answer means that it is on disk: shown by making the disk slow, and by making it fail.

use rustix::process::Signal;
use scrip_client::{Error, Line, Operation};
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use scrip_tests::processes::tracer::Tracer;
use scrip_tests::processes::wire::{Heard, Wire, commands, read_answers, sell, stock};
use scrip_tests::processes::{PATIENCE, skip};
use std::time::{Duration, Instant};

scrip_tests::on_each_driver!(
    no_mutation_is_answered_before_its_sync_has_returned,
    a_failed_sync_ends_the_server_without_another_answer,
);

/// What each sync is delayed by.
const DELAY: Duration = Duration::from_millis(200);

/// Attaches, or says why the test does nothing.
fn attach(test: &str, server: &Server, injection: &str) -> Option<Tracer> {
    match Tracer::attach(server, injection) {
        Ok(tracer) => Some(tracer),
        Err(why) => {
            skip(test, &why);
            None
        }
    }
}

fn no_mutation_is_answered_before_its_sync_has_returned() {
    let site = Site::new();
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    let card = caller.create("card", 100);
    let injection = format!("delay_enter={}", DELAY.as_micros());
    let Some(_tracer) = attach("no_mutation_is_answered_before_its_sync_has_returned", &server, &injection)
    else {
        return;
    };
    for _ in 0..3 {
        let started = Instant::now();
        caller.reserve(caller.client.operation(), card).expect("there is enough");
        let took = started.elapsed();
        assert!(took >= DELAY, "answered after {took:?}, a sync takes {DELAY:?}");

        let started = Instant::now();
        let mut newcomer = Wire::greeted(server.listen, server.token());
        newcomer.ping();
        let took = started.elapsed();
        assert!(took < 10 * DELAY, "a slow disk keeps a newcomer waiting for {took:?}");
    }
    // A refusal and a read speak of what is not on disk yet: they wait for it, too.
    let line = [Line::new(card, 1)];
    let mut wire = Wire::greeted(server.listen, server.token());
    let sale = sell(wire.envelope(), &line);
    let started = Instant::now();
    let answers = wire.ask(&[sale, scrip_tests::processes::wire::show(card)]);
    assert!(started.elapsed() >= DELAY, "{answers:?} after {:?}", started.elapsed());
    assert_eq!(caller.show(card).held, 3);
}

fn a_failed_sync_ends_the_server_without_another_answer() {
    for failing in [1, 2, 3] {
        let site = Site::new();
        let server = site.serve(&[]);
        let caller = Caller::connect(server.listen, server.token());
        let card = caller.create("card", 1_000);
        let injection = format!("error=EIO:when={failing}+");
        let Some(tracer) =
            attach("a_failed_sync_ends_the_server_without_another_answer", &server, &injection)
        else {
            return;
        };
        let (acknowledged, unknown) = sell_until_it_ends(&server, card.0);
        let ended = server.wait_for_end(PATIENCE);
        drop(tracer);
        assert_eq!(ended.status.code(), Some(74), "{}", ended.stderr);
        for word in ["sync of log file log-", "at byte", "Input/output error", "without another answer"] {
            assert!(ended.stderr.contains(word), "stderr lacks {word:?}: {}", ended.stderr);
        }
        // A sync can be a seal's: then it is not the last sale's that failed. Owner and log thread both sync, and strace
        // counts for each of them.
        assert!(
            acknowledged.len() <= 2 * (failing - 1),
            "{} sales acknowledged, sync {failing} failed",
            acknowledged.len()
        );
        assert_recovered(&site, &acknowledged, unknown);
    }
}

/// Sells one unit after the other; answers the sales that were acknowledged, and the one that was not.
fn sell_until_it_ends(server: &Server, card: u64) -> (Vec<Operation>, Operation) {
    let mut wire = Wire::greeted(server.listen, server.token());
    let line = [Line::new(scrip_client::StockId(card), 1)];
    let mut acknowledged = Vec::new();
    loop {
        let operation = wire.operation();
        let envelope = scrip_tests::processes::wire::envelope(operation);
        wire.send(&commands(7, &[sell(envelope, &line)]));
        match wire.hear(PATIENCE) {
            Heard::Frame(_, payload) => {
                let answers = read_answers(&payload);
                assert!(answers[0].1.contains("Confirmed"), "{answers:?}");
                acknowledged.push(operation);
            }
            Heard::Closed => return (acknowledged, operation),
            Heard::Nothing => panic!("neither an answer nor the end"),
        }
        assert!(acknowledged.len() < 1_000, "no sync has failed");
    }
}

fn assert_recovered(site: &Site, acknowledged: &[Operation], unknown: Operation) {
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    let card = stock("card");
    for operation in acknowledged {
        caller.operation(*operation, card).expect("an acknowledged sale is found again");
    }
    let happened = match caller.operation(unknown, card) {
        Ok(_) => 1,
        Err(Error::Rejected(rejection)) if rejection.code == scrip_client::Code::NotFound => 0,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(caller.show(card).consumed, acknowledged.len() as u64 + happened);
    caller.reserve(caller.client.operation(), card).expect("it sells again");
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_end(PATIENCE).status.code(), Some(0));
}

//! A disk that fills up: new work is refused before it is full, work begun is finished, and service resumes by itself.

use scrip_client::{Line, Operation};
use scrip_engine::command::{Command, Request};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::disk::Mounted;
use scrip_tests::processes::http::{get, sample};
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::{ANY_PORT, SMALL, Site};
use scrip_tests::processes::skip;
use scrip_tests::processes::wire::{Wire, envelope, reserve, show, stock};
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

const DISK_BYTES: u64 = 64 << 20;
/// Commands per frame while the log is filled: about 100 bytes of log each.
const BATCH: usize = 2_000;
const REFUSED: &str = "Refused(Rejection { code: Capacity, facts: Maximum(LogSpace";

fn request(operation: Operation, command: Command<'_>) -> Request<'_> {
    Request { envelope: envelope(operation), command }
}

/// A server on a small disk of its own, with a stock and some holds, and no space for a third segment.
fn cramped(test: &str) -> Option<(Mounted, Site)> {
    match Mounted::ext4(DISK_BYTES) {
        Ok(disk) => {
            let site = Site::with_data(disk.path().join("data"));
            Some((disk, site))
        }
        Err(why) => {
            skip(test, &why);
            None
        }
    }
}

/// Reserves until that is refused for lack of log space; answers the holds that were granted.
fn reserve_until_refused(wire: &mut Wire) -> Vec<Operation> {
    let line = [Line::new(stock("card"), 1)];
    let until = Instant::now() + PATIENCE;
    let mut holds = Vec::new();
    loop {
        let operations: Vec<Operation> = (0..BATCH).map(|_| wire.operation()).collect();
        let requests: Vec<_> =
            operations.iter().map(|operation| reserve(envelope(*operation), &line, 600_000)).collect();
        let answers = wire.ask(&requests);
        for (operation, answer) in operations.iter().zip(&answers) {
            if answer.contains("Reserved") {
                holds.push(*operation);
            } else {
                assert!(answer.contains(REFUSED), "{answer}");
            }
        }
        if answers.last().is_some_and(|answer| answer.contains(REFUSED)) {
            return holds;
        }
        assert!(Instant::now() < until, "{} holds and no end", holds.len());
    }
}

fn assert_finishes_what_was_begun(wire: &mut Wire, holds: &[Operation]) {
    let [confirmed, released, extended] = [holds[0], holds[1], holds[2]];
    let line = [Line::new(stock("card"), 1)];
    let refused = [
        reserve(wire.envelope(), &line, 0),
        scrip_tests::processes::wire::sell(wire.envelope(), &line),
        request(wire.operation(), Command::StockSupply { stock: stock("card"), units: 1 }),
        request(wire.operation(), Command::Extend { hold: extended.id, ttl_ms: 900_000 }),
    ];
    for answer in wire.ask(&refused) {
        assert!(answer.contains(REFUSED), "{answer}");
    }
    let answers = wire.ask(&[
        request(confirmed, Command::Confirm { units: &[], hidden: false }),
        request(released, Command::Release),
        show(stock("card")),
        request(confirmed, Command::OperationShow),
    ]);
    for (answer, word) in answers.iter().zip(["Confirmed", "Released", "Stock", "Hold"]) {
        assert!(answer.starts_with(&format!("Done({word}")), "{answer}");
    }
    // Again: the same answers, as ever.
    let again = wire.ask(&[
        request(confirmed, Command::Confirm { units: &[], hidden: false }),
        request(released, Command::Release),
    ]);
    assert_eq!(again, answers[..2]);
}

fn wait_until_it_sells_again(wire: &mut Wire) {
    let line = [Line::new(stock("card"), 1)];
    let until = Instant::now() + PATIENCE;
    loop {
        let reservation = reserve(wire.envelope(), &line, 0);
        let answer = wire.ask(&[reservation]).remove(0);
        if answer.contains("Reserved") {
            return;
        }
        assert!(answer.contains(REFUSED), "{answer}");
        assert!(Instant::now() < until, "it does not resume");
    }
}

fn health(server: &Server) -> String {
    get(server.http, "/health").body
}

#[test]
fn a_full_disk_refuses_new_work_finishes_old_work_and_resumes_by_itself() {
    let Some((disk, site)) = cramped("a_full_disk_refuses_new_work_finishes_old_work_and_resumes_by_itself")
    else {
        return;
    };
    let server = site.serve(&["--memory", "128MiB"]);
    Caller::connect(server.listen, server.token()).create("card", 10_000_000);
    let mut wire = Wire::greeted(server.listen, server.token());
    // The second segment may still be in the making.
    let until = Instant::now() + PATIENCE;
    while site.segments().len() < 2 {
        wire.ping();
        assert!(Instant::now() < until, "no segment is prepared ahead");
    }
    let ballast = disk.fill(8 << 20);
    let holds = reserve_until_refused(&mut wire);
    // The pages follow within a second.
    let until = Instant::now() + PATIENCE;
    while !health(&server).contains("\"log_space_low\":true") {
        assert!(Instant::now() < until, "{}", health(&server));
    }
    assert!(health(&server).contains("\"status\":\"degraded\""), "{}", health(&server));
    assert_eq!(sample(&get(server.http, "/metrics"), "scrip_log_space_low{shard=\"0\"}"), 1.0);
    assert_finishes_what_was_begun(&mut wire, &holds);

    std::fs::remove_file(ballast).expect("the ballast can go");
    wait_until_it_sells_again(&mut wire);
    let shown = wire.ask(&[show(stock("card"))]);
    let held = holds.len() as u64 - 2 + 1;
    assert!(shown[0].contains(&format!("held: {held}, consumed: 1,")), "{held}: {shown:?}");
    assert_eq!(server.stop().status.code(), Some(0));
    assert_eq!(site.verify()["sold"], held + 1);
}

#[test]
fn confirms_and_releases_never_fill_the_disk_to_a_fault() {
    let Some((disk, site)) = cramped("confirms_and_releases_never_fill_the_disk_to_a_fault") else {
        return;
    };
    let server = site.serve(&["--memory", "128MiB"]);
    Caller::connect(server.listen, server.token()).create("card", 10_000_000);
    let mut wire = Wire::greeted(server.listen, server.token());
    let until = Instant::now() + PATIENCE;
    while site.segments().len() < 2 {
        wire.ping();
        assert!(Instant::now() < until, "no segment is prepared ahead");
    }
    let ballast = disk.fill(8 << 20);
    let holds = reserve_until_refused(&mut wire);
    // One by one, each costs a block of the log: the reserve runs out.
    let mut confirmed = 0;
    for hold in &holds {
        let answer = wire.ask(&[request(*hold, Command::Confirm { units: &[], hidden: false })]).remove(0);
        if !answer.starts_with("Done(Confirmed") {
            assert!(answer.contains(REFUSED), "{answer}");
            break;
        }
        confirmed += 1;
    }
    assert!(confirmed > 100, "{confirmed} confirms were had from the reserve");
    assert!(confirmed < holds.len(), "the reserve has no end: the test is too small");
    // Reads go on all the same, and nothing has broken.
    let shown = wire.ask(&[show(stock("card")), request(holds[0], Command::OperationShow)]);
    assert!(shown.iter().all(|answer| answer.starts_with("Done(")), "{shown:?}");
    std::fs::remove_file(ballast).expect("the ballast can go");
    wait_until_it_sells_again(&mut wire);
    let last = holds[confirmed];
    let answer = wire.ask(&[request(last, Command::Confirm { units: &[], hidden: false })]).remove(0);
    assert!(answer.starts_with("Done(Confirmed"), "{answer}");
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

/// A setting is refused at the start, or the server that takes it keeps its promise.
fn is_refused_or_keeps_the_promise(test: &str, odd: [&str; 2]) {
    let Some((disk, site)) = cramped(test) else { return };
    let flags: Vec<&str> = [&["--dev"], SMALL, &odd[..]].concat();
    let server = match Server::start(&site, ANY_PORT, &flags) {
        Ok(server) => server,
        Err(ended) => return assert!(ended.stderr.contains("setting segment"), "{}", ended.stderr),
    };
    Caller::connect(server.listen, server.token()).create("card", 10_000_000);
    let mut wire = Wire::greeted(server.listen, server.token());
    let _ballast = disk.fill(1 << 20);
    let holds = reserve_until_refused(&mut wire);
    let answer = wire.ask(&[request(holds[0], Command::Confirm { units: &[], hidden: false })]).remove(0);
    assert!(answer.starts_with("Done(Confirmed"), "{odd:?}: what was begun is not finished: {answer}");
}

#[test]
fn without_segments_ahead_a_full_disk_is_no_fault_either() {
    let odd = ["--segments-ahead", "0"];
    is_refused_or_keeps_the_promise("without_segments_ahead_a_full_disk_is_no_fault_either", odd);
}

#[test]
fn with_the_smallest_segments_a_full_disk_finishes_old_work_too() {
    let odd = ["--segment-bytes", "2MiB"];
    is_refused_or_keeps_the_promise("with_the_smallest_segments_a_full_disk_finishes_old_work_too", odd);
}

/// Waits until a segment is prepared behind the one in use: it is allocated under its final name.
fn wait_for_segment_ahead(site: &Site) {
    let until = Instant::now() + PATIENCE;
    let whole = |segment: &std::path::PathBuf| {
        std::fs::metadata(segment).is_ok_and(|found| found.len() > 0 && found.blocks() * 512 >= found.len())
    };
    while site.segments().iter().filter(|segment| whole(segment)).count() < 2 {
        assert!(Instant::now() < until, "no segment was prepared: {:?}", site.segments());
        std::thread::yield_now();
    }
}

#[test]
fn a_start_on_a_full_disk_says_so_and_succeeds_when_there_is_space() {
    let Some((disk, site)) = cramped("a_start_on_a_full_disk_says_so_and_succeeds_when_there_is_space")
    else {
        return;
    };
    let server = site.serve(&[]);
    let token = server.token().clone();
    Caller::connect(server.listen, &token).create("card", 7);
    wait_for_segment_ahead(&site);
    server.kill();
    // A full disk does not hinder a start as such: the segment that was prepared and not used makes room for the next.
    let ballast = disk.fill(1 << 20);
    let server = Server::start(&site, ANY_PORT, SMALL).expect("it starts");
    assert_eq!(Caller::connect(server.listen, &token).show(stock("card")).total, 7);
    server.kill();
    // Now every segment holds frames, and there is no space for another.
    site.refuses_to_serve(&[], &[site.data_text(), "no space", "disk full"]);
    std::fs::remove_file(ballast).expect("the ballast can go");
    let server = site.serve(&[]);
    assert_eq!(Caller::connect(server.listen, server.token()).show(stock("card")).total, 7);
}

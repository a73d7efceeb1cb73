//! The real binary is killed again and again while it sells: whatever it acknowledged is there afterwards.

use scrip_client::StockId;
use scrip_loadgen::{
    CheckPlan, CheckReport, CheckoutShares, LoadPlan, LoadReport, Pace, Profile, Progress, Stop, Work, check,
    run,
};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use scrip_tests::processes::wire::{MERCHANT, slot};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

scrip_tests::on_each_driver!(twenty_kills_under_checkout_load_lose_nothing, nor_do_they_with_two_shards,);

const KILLS: u32 = 20;
const SEED: u64 = 20_260_101;
/// Checkouts begun per second.
const CHECKOUTS_PER_S: f64 = 3_000.0;
/// Answers between two kills, drawn evenly.
const ANSWERS_BETWEEN: std::ops::Range<u64> = 300..3_000;
const TTL_MS: u32 = 1_500;

fn twenty_kills_under_checkout_load_lose_nothing() {
    lose_nothing(&[]);
}

/// Every second connection comes in by the door of the shard that its stocks do not lie in.
fn nor_do_they_with_two_shards() {
    lose_nothing(&["--shards", "2"]);
}

fn lose_nothing(flags: &[&str]) {
    let site = Site::new();
    let mut server = site.serve(flags);
    let (address, token) = (server.listen, server.token().clone());
    let stocks = create_stocks(&server);

    let cancel = Arc::new(AtomicBool::new(false));
    let (sender, progress) = channel();
    let plan = LoadPlan { cancel: Some(cancel.clone()), ..plan(&server, stocks.clone()) };
    let load = std::thread::spawn(move || {
        // Nobody listens any more once the kills are over.
        run(plan, move |now| {
            let _ = sender.send(*now);
        })
    });

    let mut random = fastrand::Rng::with_seed(SEED);
    let mut seen = Seen::default();
    let mut kills_with_unknowns = 0;
    for kill in 1..=KILLS {
        let goal = seen.answers + random.u64(ANSWERS_BETWEEN);
        let unknown_before = seen.unknown;
        seen = wait_for(&progress, kill, |seen| seen.answers >= goal);
        kills_with_unknowns += u32::from(seen.unknown > unknown_before && kill > 1);
        server.kill();
        server = site.serve_at(address, flags);
        assert_eq!(server.token().reveal_text(), token.reveal_text(), "a restart keeps its tokens");
    }
    let goal = seen.answers + ANSWERS_BETWEEN.end;
    let last = wait_for(&progress, KILLS, |seen| seen.answers >= goal);
    kills_with_unknowns += u32::from(last.unknown > seen.unknown);
    cancel.store(true, Ordering::Relaxed);
    let loaded = load.join().expect("the load does not panic").expect("the load could begin");
    assert!(
        kills_with_unknowns > KILLS / 2,
        "only {kills_with_unknowns} kills left operations without an answer"
    );
    judge(&site, server, &loaded, &stocks);
}

/// Some stocks sell out in the course of the load, others never do.
fn create_stocks(server: &Server) -> Vec<StockId> {
    let caller = Caller::connect(server.listen, server.token());
    let units = |number: u64| if number.is_multiple_of(2) { 3_000 } else { 10_000_000 };
    (0..8).map(|number| caller.create(&format!("card-{number}"), units(number))).collect()
}

fn plan(server: &Server, stocks: Vec<StockId>) -> LoadPlan {
    let shares = CheckoutShares { think: Duration::from_millis(5), ..CheckoutShares::default() };
    LoadPlan {
        profile: Profile::Checkout(shares),
        work: Work::Checkout,
        pace: Pace::Open { per_second: CHECKOUTS_PER_S },
        connections: 8,
        batch: 16,
        stop: Stop {
            attempts: None,
            seconds: Some(300.0),
            until_sold_out: false,
            warm_up: Duration::ZERO,
            drain: Duration::from_secs(10),
        },
        users: 100_000,
        ttl_ms: TTL_MS,
        seed: SEED,
        reconnect: true,
        ..LoadPlan::new(server.listen, server.token().clone(), MERCHANT, slot(), stocks)
    }
}

/// What the load has been told so far.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    answers: u64,
    unknown: u64,
}

fn wait_for(progress: &Receiver<Progress>, kill: u32, enough: impl Fn(&Seen) -> bool) -> Seen {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let now =
            progress.recv_timeout(left).unwrap_or_else(|error| panic!("kill {kill}: no progress: {error}"));
        let seen = Seen { answers: now.acknowledged + now.refused, unknown: now.unknown };
        if enough(&seen) {
            return seen;
        }
    }
}

fn judge(site: &Site, server: Server, loaded: &LoadReport, stocks: &[StockId]) {
    assert!(loaded.consistent(), "answers contradicted each other: {:#?}", loaded.findings);
    let counts = &loaded.counts;
    assert!(counts.interrupted > 0 && loaded.reconnects > 0, "{counts:?}");
    assert!(counts.refused.contains_key("OUT_OF_STOCK"), "nothing sold out: {counts:?}");
    let plan = CheckPlan { repeat_share: 0.5, ..CheckPlan::new(server.listen, server.token().clone()) };
    let checked = check(&loaded.ledger, &plan, |_, _| ()).expect("the server can be asked");
    eprintln!(
        "{} attempts, {} acknowledged, {} interrupted, {} unknown (of them happened: {}), {} asked again, {:.1} s",
        counts.attempts,
        counts.acknowledged,
        counts.interrupted,
        counts.unknown,
        checked.unknown_happened,
        checked.repeats,
        checked.seconds
    );
    assert_clean(&checked);

    // Every hold that is left runs out, so that the log and the ledger can be compared to the unit.
    let caller = Caller::connect(server.listen, server.token());
    let until = Instant::now() + PATIENCE;
    let mut consumed = 0;
    for stock in stocks {
        let mut shown = caller.show(*stock);
        while shown.held > 0 {
            assert!(Instant::now() < until, "holds of {TTL_MS} ms have not run out: {shown:?}");
            shown = caller.show(*stock);
        }
        consumed += shown.consumed;
    }
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let verified = site.verify();
    assert_eq!(verified["sold"], consumed, "{verified}");
    assert_eq!((&verified["oversold"], &verified["lost"]), (&0.into(), &0.into()), "{verified}");
    let by_operations: i64 = checked.stocks.iter().filter_map(|stock| stock.consumed_by_operations).sum();
    assert_eq!(verified["sold"], by_operations, "the log and the ledger of acknowledged sales disagree");
}

fn assert_clean(checked: &CheckReport) {
    assert!(checked.is_clean(), "{checked:#?}");
    assert_eq!((checked.lost, checked.mismatched, checked.duplicates), (0, 0, 0), "{checked:#?}");
    assert_eq!((checked.oversold_units, checked.unaccounted_units), (0, 0), "{checked:#?}");
    assert_eq!((checked.mismatched_repeats, checked.too_old), (0, 0), "{checked:#?}");
    assert!(checked.found > 10_000 && checked.repeats > 5_000, "too little was looked at: {checked:#?}");
}

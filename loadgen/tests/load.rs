//! Loads against a server that is right: what they count, how they end, what they survive; and that the check then
//! finds nothing wrong.

mod fake;

use fake::{Fake, Faults, MERCHANT, SLOT, stock, token};
use scrip_loadgen::{
    CheckPlan, CheckReport, CheckoutShares, Counts, Ended, Ledger, LedgerMode, LoadError, LoadPlan,
    LoadReport, Pace, Profile, Work, check, run,
};
use scrip_protocol::secret::Token;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

fn load(plan: LoadPlan) -> LoadReport {
    let report = run(plan, |_| ()).unwrap();
    assert_balanced(&report.counts);
    assert!(report.consistent(), "{:?}", report.findings);
    report
}

fn assert_balanced(counts: &Counts) {
    let apart = counts.busy + counts.capacity + counts.throttled;
    let all = counts.acknowledged + counts.owed + counts.refused_total() + apart + counts.unknown;
    assert_eq!(counts.attempts, all, "{counts:?}");
}

fn assert_clean(fake: &Fake, ledger: &Ledger) -> CheckReport {
    let plan = CheckPlan { repeat_share: 0.5, ..CheckPlan::new(fake.address, token()) };
    let report = check(ledger, &plan, |_, _| ()).unwrap();
    assert!(report.is_clean(), "{report:#?}");
    fake.brain().engine.recount().unwrap();
    report
}

#[test]
fn every_acknowledged_reserve_is_in_the_ledger_and_found_again() {
    let fake = Fake::start(1, 1_000_000, 0, Faults::default());
    let report = load(fake.plan(1, 20_000));
    assert_eq!((report.counts.attempts, report.counts.acknowledged), (20_000, 20_000));
    assert_eq!((report.ended, report.counts.reserved_units), (Ended::Attempts, 20_000));
    assert_eq!((report.measured, report.latency.count), (20_000, 20_000));
    assert_eq!(report.timeline.iter().map(|second| second.acknowledged).sum::<u64>(), 20_000);
    assert!(report.ledger.complete && report.ledger.records.len() == 20_000);
    let checked = assert_clean(&fake, &report.ledger);
    assert_eq!((checked.operations, checked.found), (20_000, 20_000));
    assert!((9_000..11_000).contains(&checked.repeats), "{}", checked.repeats);
    assert_eq!(checked.stocks[0].held_by_operations, Some(20_000));
}

#[test]
fn a_ledger_is_the_same_after_a_detour_over_a_file() {
    let fake = Fake::start(3, 1_000_000, 0, Faults::default());
    let plan = LoadPlan { profile: Profile::Zipf { exponent: 1.0 }, users: 500, ..fake.plan(3, 5_000) };
    let report = load(plan);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger");
    report.ledger.save(&path).unwrap();
    let ledger = Ledger::load(&path).unwrap();
    assert_eq!(
        (&ledger.recipe, &ledger.before, &ledger.counts),
        (&report.ledger.recipe, &report.ledger.before, &report.ledger.counts)
    );
    assert!(ledger.records.iter().eq(report.ledger.records.iter()));
    assert_eq!(assert_clean(&fake, &ledger).found, 5_000);

    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let damaged = Ledger::load(&path).unwrap_err().to_string();
    assert!(damaged.contains("not a whole ledger"), "{damaged}");
    std::fs::write(&path, &bytes[..middle]).unwrap();
    assert!(Ledger::load(&path).unwrap_err().to_string().contains("it ends in the middle"));
}

#[test]
fn a_flash_sale_sells_what_there_is_and_no_more() {
    let fake = Fake::start(2, 1_000, 0, Faults::default());
    let mut plan = fake.plan(2, 8_000);
    (plan.profile, plan.work) =
        (Profile::Flash { over: Duration::from_millis(5) }, Work::Sell { paid: false });
    let report = load(plan);
    assert_eq!(report.counts.sold_units, 1_000);
    assert_eq!(report.counts.refused.get("OUT_OF_STOCK"), Some(&7_000));
    let checked = assert_clean(&fake, &report.ledger);
    let first = checked.stocks.iter().find(|check| check.stock == stock(1).0).unwrap();
    assert_eq!((first.now.available, first.now.consumed, first.promised), (0, 1_000, 1_000));
}

#[test]
fn a_load_waits_until_it_is_allowed_to_go_on() {
    let fake = Fake::start(1, 1_000_000, 0, Faults::default());
    let allowance = Arc::new(AtomicU64::new(0));
    let plan = LoadPlan { allowance: Some(allowance.clone()), threads: 2, ..fake.plan(1, 3_000) };
    // Each time all that is allowed is begun, another thousand is.
    let report = run(plan, move |progress| {
        let allowed = allowance.load(Ordering::Relaxed);
        assert!(progress.attempts <= allowed, "{} of {allowed} allowed", progress.attempts);
        if progress.attempts == allowed {
            allowance.store(allowed + 1_000, Ordering::Relaxed);
        }
    });
    let report = report.unwrap();
    assert_eq!((report.counts.attempts, report.counts.acknowledged), (3_000, 3_000));
    let plan = LoadPlan { allowance: Some(Arc::default()), ..fake.plan(1, 10) };
    let endless =
        LoadPlan { stop: scrip_loadgen::Stop { attempts: None, seconds: Some(1.0), ..plan.stop }, ..plan };
    assert!(run(endless, |_| ()).unwrap_err().to_string().contains("say how many there are"));
}

#[test]
fn a_load_can_end_when_nothing_is_left() {
    let fake = Fake::start(1, 500, 0, Faults::default());
    let mut plan = fake.plan(1, u64::MAX);
    (plan.stop.attempts, plan.stop.until_sold_out) = (None, true);
    let report = load(plan);
    assert_eq!((report.ended, report.counts.reserved_units), (Ended::SoldOut, 500));
    assert!(report.counts.refused_total() >= 1_000);
    assert_clean(&fake, &report.ledger);
}

#[test]
fn paid_refusals_are_kept_because_they_are_final() {
    let fake = Fake::start(1, 100, 2, Faults::default());
    let plan = LoadPlan { work: Work::Sell { paid: true }, users: 60, ..fake.plan(1, 1_000) };
    let report = load(plan);
    assert_eq!(report.counts.acknowledged, 100);
    assert_eq!(report.ledger.records.len(), 1_000);
    let checked = assert_clean(&fake, &report.ledger);
    assert_eq!(checked.found, 1_000);
}

#[test]
fn what_is_owed_is_counted_apart_and_found_again_until_it_is_sold() {
    let fake = Fake::start(1, 400, 0, Faults::default());
    let plan = LoadPlan { work: Work::Sell { paid: true }, wait_ms: 3_600_000, ..fake.plan(1, 1_000) };
    let report = load(plan);
    let counts = &report.counts;
    assert_eq!((counts.acknowledged, counts.owed, counts.refused_total()), (400, 600, 0), "{counts:?}");
    assert_eq!((counts.sold_units, report.ledger.records.len()), (400, 1_000));
    assert_eq!(report.timeline.iter().map(|second| second.owed).sum::<u64>(), 600);
    let checked = assert_clean(&fake, &report.ledger);
    assert_eq!((checked.owed, checked.owed_sold, checked.found), (600, 0, 1_000));
    fake.supply(1, 250);
    let checked = assert_clean(&fake, &report.ledger);
    assert_eq!((checked.owed, checked.owed_sold, checked.owed_in_vain), (350, 250, 0));
    // A server that has forgotten them is seen.
    let other = Fake::start(1, 400, 0, Faults::default());
    let checked = check(&report.ledger, &CheckPlan::new(other.address, token()), |_, _| ()).unwrap();
    assert_eq!(checked.lost, 1_000);
    let waiting = LoadPlan { wait_ms: 1, ..fake.plan(1, 1) };
    assert!(run(waiting, |_| ()).unwrap_err().to_string().contains("only plain SELLs wait"));
}

#[test]
fn what_is_owed_in_vain_is_refused_and_found_so() {
    let fake = Fake::start(1, 400, 0, Faults::default());
    let plan = LoadPlan { work: Work::Sell { paid: true }, wait_ms: 2_000, ..fake.plan(1, 1_000) };
    let report = load(plan);
    assert!(report.counts.owed > 0, "{:?}", report.counts);
    let until = Instant::now() + Duration::from_secs(60);
    let checked = loop {
        let checked = assert_clean(&fake, &report.ledger);
        if checked.owed == 0 || Instant::now() > until {
            break checked;
        }
    };
    assert_eq!((checked.owed_in_vain, checked.owed_sold), (report.counts.owed, 0));
}

#[test]
fn what_is_reserved_is_confirmed_later() {
    for after in [Duration::ZERO, Duration::from_millis(3)] {
        let fake = Fake::start(1, 3_000, 1, Faults::default());
        let plan = LoadPlan { work: Work::ReserveConfirm { after }, users: 2_000, ..fake.plan(1, 5_000) };
        let report = load(plan);
        assert!(report.counts.refused["USER_LIMIT"] > 1_000, "{:?}", report.counts);
        assert!(report.counts.sold_units > 1_500 && report.counts.sold_units == report.counts.reserved_units);
        assert_eq!(report.counts.attempts, 5_000 + report.counts.reserved_units);
        assert_clean(&fake, &report.ledger);
    }
}

#[test]
fn answers_may_come_one_by_one_and_in_any_order() {
    let fake = Fake::start(1, 3_000, 0, Faults { backwards: true, ..Faults::default() });
    let report =
        load(LoadPlan { work: Work::ReserveConfirm { after: Duration::ZERO }, ..fake.plan(1, 2_000) });
    assert_eq!((report.counts.sold_units, report.counts.unknown), (2_000, 0));
    assert_clean(&fake, &report.ledger);
}

#[test]
fn busy_is_no_success_and_no_refusal() {
    let fake = Fake::start(1, 1_000_000, 0, Faults { busy_one_in: 10, ..Faults::default() });
    let report = load(fake.plan(1, 1_000));
    assert_eq!((report.counts.busy, report.counts.acknowledged, report.measured), (100, 900, 900));
    assert!(report.counts.refused.is_empty());
    assert_clean(&fake, &report.ledger);
}

#[test]
fn a_sampled_ledger_keeps_a_share_and_all_sums() {
    let fake = Fake::start(1, 2_000, 0, Faults::default());
    let plan = LoadPlan {
        work: Work::ReserveConfirm { after: Duration::ZERO },
        ledger: LedgerMode::Counts { one_in: 4 },
        ..fake.plan(1, 3_200)
    };
    let report = load(plan);
    assert!(!report.ledger.complete);
    assert_eq!(report.counts.sold_units, 2_000);
    let kept = report.ledger.records.len();
    assert!((600..1_400).contains(&kept), "{kept} of 4,000 acknowledged operations are kept");
    assert_clean(&fake, &report.ledger);
}

fn checkouts(fake: &Fake, attempts: u64, shares: CheckoutShares) -> LoadPlan {
    LoadPlan {
        profile: Profile::Checkout(CheckoutShares { think: Duration::from_millis(2), ..shares }),
        work: Work::Checkout,
        ttl_ms: 150,
        users: 3_000,
        reconnect: true,
        ..fake.plan(20, attempts)
    }
}

#[test]
fn checkouts_with_all_that_goes_wrong_in_them_add_up() {
    let fake = Fake::start(20, 350, 20, Faults::default());
    let shares = CheckoutShares { late: 0.1, cut: 0.01, ..CheckoutShares::default() };
    let report = load(checkouts(&fake, 4_000, shares));
    assert_eq!((report.ended, report.counts.checkouts), (Ended::Attempts, 4_000));
    assert!(report.counts.repeats > 500 && report.counts.returned_units > 50, "{:?}", report.counts);
    assert!(report.counts.refused.contains_key("OUT_OF_STOCK"), "{:?}", report.counts);
    assert!(report.reconnects > 10 && report.counts.interrupted > 10, "{:?}", report.counts);
    let checked = assert_clean(&fake, &report.ledger);
    assert!(checked.repeats > 1_000);
}

#[test]
fn checkouts_in_an_open_loop_on_two_threads_add_up() {
    let fake = Fake::start(20, 1_000_000, 0, Faults::default());
    let plan = LoadPlan {
        pace: Pace::Open { per_second: 20_000.0 },
        threads: 2,
        ledger: LedgerMode::Counts { one_in: 3 },
        ..checkouts(&fake, 2_000, CheckoutShares { exponent: 1.0, ..CheckoutShares::default() })
    };
    let report = load(plan);
    assert_eq!(report.counts.checkouts, 2_000);
    assert_clean(&fake, &report.ledger);
}

#[test]
fn connections_that_end_in_the_middle_of_an_answer_leave_unknowns_that_are_resolved() {
    for (retry_unknown, work) in [
        (0.0, Work::Reserve),
        (1.0, Work::Reserve),
        (0.5, Work::ReserveConfirm { after: Duration::ZERO }),
        (0.5, Work::Sell { paid: true }),
        (0.5, Work::Checkout),
    ] {
        let fake = Fake::start(20, 1_000_000, 0, Faults { cut_every: 17, ..Faults::default() });
        let plan = match work {
            Work::Checkout => checkouts(&fake, 2_000, CheckoutShares::default()),
            _ => LoadPlan { work, reconnect: true, ..fake.plan(20, 5_000) },
        };
        let report = load(LoadPlan { retry_unknown, ..plan });
        assert!(report.reconnects > 5 && report.counts.interrupted > 50, "{:?}", report.counts);
        assert_eq!(retry_unknown == 1.0, report.counts.unknown == 0, "{:?}", report.counts);
        fake.brain().faults.cut_every = 0;
        let checked = assert_clean(&fake, &report.ledger);
        assert_eq!(checked.unknown_happened + checked.unknown_not > 0, retry_unknown < 1.0);
    }
}

#[test]
fn a_server_that_comes_back_is_found_again() {
    let fake = Fake::start(20, 1_000_000, 0, Faults { die_at: 40, down_for: 25, ..Faults::default() });
    let report = load(LoadPlan { retry_unknown: 0.3, ..checkouts(&fake, 3_000, CheckoutShares::default()) });
    assert_eq!(report.ended, Ended::Attempts);
    assert!(report.reconnects >= 2 && report.counts.unknown > 0, "{:?}", report.counts);
    let checked = assert_clean(&fake, &report.ledger);
    assert!(checked.unknown_happened + checked.unknown_not > 0);
}

#[test]
fn a_server_that_stays_away_ends_the_load() {
    for reconnect in [false, true] {
        let fake = Fake::start(1, 1_000_000, 0, Faults { die_at: 20, stay_dead: true, ..Faults::default() });
        let reconnect_for = Duration::from_millis(60);
        let report = load(LoadPlan { reconnect, reconnect_for, ..fake.plan(1, 1_000_000) });
        assert_eq!(report.ended, Ended::ServerGone);
        assert!(report.counts.unknown > 0 && report.counts.acknowledged > 0);
    }
}

#[test]
fn an_open_loop_keeps_its_schedule() {
    let fake = Fake::start(4, 1_000_000, 0, Faults::default());
    let plan = LoadPlan { pace: Pace::Open { per_second: 40_000.0 }, ..fake.plan(4, 8_000) };
    let report = load(plan);
    assert_eq!((report.counts.acknowledged, report.latency.count), (8_000, 8_000));
    assert!(
        report.seconds >= 0.198,
        "8,000 at 40,000 per second take at least 0.2 s, not {}",
        report.seconds
    );
    assert_clean(&fake, &report.ledger);
}

#[test]
fn a_load_can_be_cancelled_and_still_reports() {
    let fake = Fake::start(1, 1_000_000_000, 0, Faults::default());
    let cancel = Arc::new(AtomicBool::new(false));
    let plan = LoadPlan {
        cancel: Some(cancel.clone()),
        pace: Pace::Open { per_second: 20_000.0 },
        threads: 2,
        ..fake.plan(1, u64::MAX)
    };
    let report = run(plan, |progress| {
        assert!(progress.connected <= 4 && !progress.warming_up);
        cancel.store(true, Ordering::Relaxed);
    });
    let report = report.unwrap();
    assert_eq!((&report.ended, report.counts.unknown), (&Ended::Cancelled, 0));
    assert_balanced(&report.counts);
    assert_clean(&fake, &report.ledger);
}

#[test]
fn a_report_is_json_without_the_ledger() {
    let fake = Fake::start(1, 10, 0, Faults::default());
    let report = load(fake.plan(1, 100));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["attempts"], 100);
    assert_eq!(json["refused"]["OUT_OF_STOCK"], 90);
    assert!(json["latency"]["p99"].as_f64().unwrap() > 0.0);
    assert!(json.get("ledger").is_none());
}

#[test]
fn what_can_not_begin_says_why_and_what_to_do() {
    let fake = Fake::start(1, 10, 0, Faults::default());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = |plan: LoadPlan| run(plan, |_| ()).map(|report| report.ended).unwrap_err();
    let words = |plan: LoadPlan| error(plan).to_string();
    assert!(words(LoadPlan { address: closed, ..fake.plan(1, 1) }).contains("Is the server running"));
    let stranger = words(LoadPlan { token: Token::new([1; 32]), ..fake.plan(1, 1) });
    assert!(stranger.contains("UNAUTHORIZED: no such token"), "{stranger}");
    let missing = words(fake.plan(2, 1));
    assert!(missing.contains("NOT_FOUND") && missing.contains("Create the stock first"), "{missing}");
    let merchant = words(LoadPlan { merchant: scrip_engine::ids::MerchantId(8), ..fake.plan(1, 1) });
    assert!(merchant.contains("merchant 7"), "{merchant}");
    let deep = words(LoadPlan { batch: 1_000, outstanding: 1_000, ..fake.plan(1, 1) });
    assert!(deep.contains("the server takes 65536"), "{deep}");
    assert!(matches!(error(LoadPlan { batch: 0, ..fake.plan(1, 1) }), LoadError::Plan(_)));
    assert!(matches!(error(LoadPlan { stocks: vec![], ..fake.plan(1, 1) }), LoadError::Plan(_)));
    assert!(matches!(error(LoadPlan { work: Work::Checkout, ..fake.plan(1, 1) }), LoadError::Plan(_)));
    let mut endless = LoadPlan::new(fake.address, token(), MERCHANT, SLOT, vec![stock(1)]);
    endless.stop.seconds = None;
    assert!(words(endless).contains("never end"));
}

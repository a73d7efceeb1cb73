//! What an operator sees: metrics, health, tokens, stocks, the log in text, the demo.

use scrip_client::{
    ChannelId, ClientOptions, Extend, Line, MerchantId, Reserve, ReturnUnits, Sell, StockEdit, StockFreeze,
    StockTerms, StockUnits, StockVoid, Token,
};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::http::{get, sample};
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::{Said, Site};
use std::time::Instant;

/// Names in the last line of every `--json`.
const NAMES: [&str; 22] = [
    "workload",
    "driver",
    "shards",
    "connections",
    "batch",
    "seconds",
    "attempts",
    "acknowledged",
    "owed",
    "refused",
    "unknown",
    "sold",
    "oversold",
    "duplicate_keys",
    "lost",
    "mismatched_repeats",
    "ops_per_s",
    "latency_us",
    "server_cpu_s",
    "load_cpu_s",
    "log_bytes",
    "probe",
];

#[test]
fn metrics_count_what_happens() {
    let site = Site::new();
    let server = site.serve(&[]);
    let before = get(server.http, "/metrics");
    assert_eq!(before.status, 200);
    assert_eq!(before.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(before.body.ends_with("# EOF\n"), "{}", before.body);
    let caller = Caller::connect(server.listen, server.token());
    let card = caller.create("card", 3);
    for _ in 0..5 {
        let _ = caller.reserve(caller.client.operation(), card);
    }
    // Counters of commands move at once, gauges once a second.
    let until = Instant::now() + PATIENCE;
    let page = loop {
        let page = get(server.http, "/metrics");
        if sample(&page, "scrip_table_records{shard=\"0\",table=\"holds\"}") > 0.0 {
            break page;
        }
        assert!(Instant::now() < until, "{}", page.body);
    };
    for (name, least) in [
        ("scrip_commands_done_total{shard=\"0\"}", 4.0),
        ("scrip_commands_refused_total{shard=\"0\",code=\"OUT_OF_STOCK\"}", 2.0),
        ("scrip_command_frames_total{shard=\"0\"}", 6.0),
        ("scrip_received_bytes_total{shard=\"0\"}", 6.0 * 104.0),
        ("scrip_sent_bytes_total{shard=\"0\"}", 6.0 * 40.0),
        ("scrip_connections{shard=\"0\"}", 1.0),
        ("scrip_sequence{shard=\"0\"}", 4.0),
        ("scrip_durable_sequence{shard=\"0\"}", 4.0),
        ("scrip_table_records{shard=\"0\",table=\"holds\"}", 3.0),
        ("scrip_table_records{shard=\"0\",table=\"stocks\"}", 1.0),
        ("scrip_table_records_max{shard=\"0\",table=\"holds\"}", 100_000.0),
        ("scrip_log_frames_total{shard=\"0\"}", 4.0),
        ("scrip_log_syncs_total{shard=\"0\"}", 4.0),
        ("scrip_log_bytes_total{shard=\"0\"}", 4.0 * 4096.0),
    ] {
        assert!(sample(&page, name) >= least, "{name} is below {least}: {}", page.body);
    }
    assert_eq!(sample(&page, "scrip_commands_done_total{shard=\"0\"}"), 4.0);
    assert_eq!(sample(&page, "scrip_clock_alarm{shard=\"0\"}"), 0.0);
    assert_eq!(get(server.http, "/nothing").status, 404);
    let health: serde_json::Value = serde_json::from_str(&get(server.http, "/health").body).expect("JSON");
    assert_eq!((&health["status"], &health["log_space_low"]), (&"ok".into(), &false.into()));
}

/// Makes a token while the server runs, and connects with it.
fn caller_with(site: &Site, server: &Server, merchant: u32, scope: &[&str]) -> Caller {
    let merchant = merchant.to_string();
    let flags = ["token", "create", "--data", site.data_text(), "--merchant", &merchant];
    let said = site.run(&[&flags, scope].concat()).well();
    assert!(said.stderr.contains("not shown again"), "{said:#?}");
    let token: Token = said.stdout.trim().parse().expect("a token and nothing else on stdout");
    Caller::connect(server.listen, &token)
}

fn forbidden<T: std::fmt::Debug>(result: Result<T, scrip_client::Error>) {
    match result {
        Err(scrip_client::Error::Rejected(rejection)) => assert_eq!(rejection.code.name(), "FORBIDDEN"),
        other => panic!("it should be FORBIDDEN: {other:?}"),
    }
}

#[test]
fn tokens_made_while_the_server_runs_are_good_at_once_within_their_scopes() {
    let site = Site::new();
    let server = site.serve(&[]);
    let owner = Caller::connect(server.listen, server.token());
    let card = owner.create("card", 100);

    let seller = caller_with(&site, &server, 1, &["--verb", "sell", "--channel", "3"]);
    assert_eq!(seller.client.welcome().merchant, MerchantId(1));
    let there = seller.client.on_channel(ChannelId(3));
    let operation = there.operation();
    let hold =
        seller.wait(there.reserve(Reserve::new(operation, vec![Line::new(card, 1)]))).expect("in scope").hold;
    forbidden(seller.reserve(seller.client.operation(), card));
    forbidden(seller.wait(there.stock_show(card)));
    forbidden(seller.operation(operation, card));
    let supply = StockUnits { operation: there.operation(), stock: card, units: 1 };
    forbidden(seller.wait(there.stock_supply(supply)));
    let sold = seller.wait(there.confirm(hold.all())).expect("in scope").confirmed().expect("sold").hold;
    let back = ReturnUnits { operation: there.operation(), hold: sold, to_available: true, units: vec![] };
    forbidden(seller.wait(there.return_units(back.clone())));
    forbidden(seller.wait(there.for_merchant(MerchantId(2)).release(hold)));

    let clerk = caller_with(&site, &server, 1, &["--verb", "return", "--verb", "read"]);
    assert_eq!(clerk.show(card).consumed, 1);
    clerk.wait(clerk.client.return_units(back)).expect("in scope");
    forbidden(clerk.reserve(clerk.client.operation(), card));

    let stranger = caller_with(&site, &server, 2, &[]);
    assert_eq!(stranger.client.welcome().merchant, MerchantId(2));
    assert_ne!(stranger.client.welcome().alias_key.reveal(), owner.client.welcome().alias_key.reveal());
    assert!(
        stranger.wait(stranger.client.stock_show(card)).is_err(),
        "another merchant's stock is not shown"
    );

    let flags = ["token", "create", "--data", site.data_text(), "--merchant", "1", "--expires-days", "0"];
    let expired: Token = site.run(&flags).well().stdout.trim().parse().unwrap();
    let refused = Caller::try_connect(server.listen, ClientOptions::new(expired));
    assert!(matches!(refused, Err(scrip_client::Error::Unauthorized(_))), "{refused:?}");
    let mode =
        std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(site.data().join("tokens.json")).unwrap());
    assert_eq!(mode & 0o777, 0o600, "tokens are for their owner's eyes");
}

#[test]
fn stocks_are_created_shown_and_supplied_from_the_command_line() {
    let site = Site::new();
    let _server = site.serve(&[]);
    let stock = |arguments: &[&str]| -> Said {
        site.run(&[&["stock"], arguments, &["--data", site.data_text()]].concat())
    };
    let words = |said: &Said| said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = stock(&["create", "steam50", "--units", "1000", "--limit-per-user", "2"]).well();
    for word in ["stock steam50 (", "total 1000", "available 1000", "held 0", "sold 0", "limit per user 2"] {
        assert!(words(&said).contains(word), "{word}: {said:#?}");
    }
    assert_eq!(stock(&["show", "steam50"]).well().stdout, said.stdout);
    let said = stock(&["supply", "steam50", "234"]).well();
    assert!(words(&said).contains("total 1234 available 1234"), "{said:#?}");
    stock(&["create", "steam50"]).badly(&["RULE_FAILED", "exists", "scrip stock supply"]);
    stock(&["supply", "nothing", "1"]).badly(&["NOT_FOUND", "scrip stock create"]);
    for said in [stock(&["create", "", "--units", "1"]), stock(&["supply", "steam50", "0"])] {
        assert!(!said.stderr.contains("scrip serve"), "it was never sent: {said:#?}");
        said.badly(&["server"]);
    }
}

/// One event of every kind that a caller can cause.
fn make_history(caller: &Caller) {
    let client = &caller.client;
    let card = caller.create("card", 100);
    let rare = caller.create("rare", 1);
    let take = |units| vec![Line::new(card, units)];
    let operation = || client.operation();
    let units = |units| StockUnits { operation: operation(), stock: card, units };
    caller.wait(client.stock_supply(units(10))).unwrap();
    caller
        .wait(client.stock_freeze(StockFreeze {
            operation: operation(),
            stock: card,
            units: 5,
            forced: false,
        }))
        .unwrap();
    caller.wait(client.stock_unfreeze(units(2))).unwrap();
    let void = StockVoid { operation: operation(), stock: card, units: 1, from_frozen: true, forced: false };
    caller.wait(client.stock_void(void)).unwrap();
    let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 50, frozen: false };
    caller
        .wait(client.stock_edit(StockEdit { operation: operation(), stock: rare, version: 1, terms }))
        .unwrap();
    let terms = StockTerms { limit_per_user: 0, ..terms };
    caller
        .wait(client.stock_edit(StockEdit { operation: operation(), stock: rare, version: 2, terms }))
        .unwrap();

    let hold = |ttl_ms| {
        let reserve = Reserve { ttl_ms, ..Reserve::new(operation(), take(1)) };
        caller.wait(client.reserve(reserve)).unwrap().hold
    };
    caller
        .wait(client.extend(Extend { operation: operation(), hold: hold(60_000), ttl_ms: 90_000 }))
        .unwrap();
    caller.wait(client.release(hold(60_000))).unwrap();
    let sold = caller.wait(client.confirm(hold(60_000).all())).unwrap().confirmed().expect("sold").hold;
    let back = ReturnUnits { operation: operation(), hold: sold, to_available: true, units: vec![] };
    caller.wait(client.return_units(back)).unwrap();
    caller.wait(client.sell(Sell::new(operation(), take(1)))).unwrap();
    let paid = Sell { paid: true, ..Sell::new(operation(), vec![Line::new(rare, 2)]) };
    caller.wait(client.sell(paid)).expect_err("there is one");

    // One hold runs out, and its unit is sold to somebody else before it is paid.
    let lines = vec![Line::new(rare, 1)];
    let late = Reserve { ttl_ms: 1, ..Reserve::new(operation(), lines.clone()) };
    let late = caller.wait(client.reserve(late)).unwrap().hold;
    let until = Instant::now() + PATIENCE;
    while caller.wait(client.sell(Sell::new(operation(), lines.clone()))).is_err() {
        assert!(Instant::now() < until, "a hold of 1 ms does not run out");
    }
    caller.wait(client.confirm(late.all())).expect_err("it is too late");
}

#[test]
fn the_log_in_text_has_a_line_for_every_kind_of_event() {
    let site = Site::new();
    let server = site.serve(&[]);
    make_history(&Caller::connect(server.listen, server.token()));
    server.stop();
    let said = site.run(&["log", "cat", site.data_text()]).well();
    for kind in [
        "tick",
        "configured window_ms=",
        "expired ",
        "stock_created ",
        "stocksuppl",
        "stockfr",
        "stockunfr",
        "stockvoid",
        "stock_edited ",
        "reserved ",
        "sold ",
        "sell_refused ",
        "confirmed ",
        "late_refused ",
        "released ",
        "extended ",
        "returned ",
    ] {
        // The words are for people: their exact form is free.
        let plain = |text: &str| text.replace('_', "").to_lowercase();
        let mut events = said.stdout.lines().filter_map(|line| line.splitn(4, ' ').nth(3));
        assert!(events.any(|event| plain(event).starts_with(&plain(kind))), "no {kind:?}:\n{}", said.stdout);
    }
    // Every sequence once, in order.
    for (index, line) in said.stdout.lines().enumerate() {
        assert!(line.starts_with(&format!("0 {} ", index + 1)), "line {}: {line}", index + 1);
    }
    let all: Vec<&str> = said.stdout.lines().collect();
    let part = site.run(&["log", "cat", site.data_text(), "--from", "3", "--limit", "4"]).well();
    assert_eq!(part.stdout.lines().collect::<Vec<_>>(), all[2..6]);
}

#[test]
fn verify_prints_the_stable_names_and_the_counters() {
    let site = Site::new();
    let server = site.serve(&[]);
    make_history(&Caller::connect(server.listen, server.token()));
    server.stop();
    let verified = site.verify();
    for name in NAMES {
        assert!(verified.get(name).is_some(), "{name} is missing: {verified}");
    }
    assert_eq!(verified["workload"], "verify");
    // Held: the extended one. Sold: one card, one rare.
    assert_eq!((&verified["sold"], &verified["oversold"]), (&3.into(), &0.into()), "{verified}");
    let said = site.run(&["verify", site.data_text()]).well();
    for word in ["end sealed", "every counter equals its records", "card", "rare", "oversold 0"] {
        assert!(said.stdout.contains(word), "{word}: {said:#?}");
    }
}

#[test]
fn the_demo_proves_itself_and_its_last_line_has_every_stable_name() {
    let site = Site::new();
    let flags = ["--units", "2000", "--attempts", "200000", "--connections", "20", "--kills", "2"];
    let said = site.run(&[&["demo", "--json"], &flags[..]].concat());
    let report = said.json();
    for name in NAMES {
        assert!(report.get(name).is_some(), "{name} is missing: {report}");
    }
    for name in ["p50", "p90", "p99", "p999", "max"] {
        assert!(report["latency_us"][name].is_u64(), "{name} is missing: {report}");
    }
    assert_eq!(said.status, Some(0), "{said:#?}");
    assert_eq!(
        (&report["workload"], &report["sold"], &report["kills"]),
        (&"demo".into(), &2_000.into(), &2.into())
    );
    for name in ["oversold", "duplicate_keys", "lost", "mismatched_repeats"] {
        assert_eq!(report[name], 0, "{report}");
    }
    assert!(report["attempts"].as_u64() >= Some(200_000), "{report}");
    let left: Vec<_> = std::fs::read_dir(site.path()).unwrap().collect();
    assert!(left.is_empty(), "the demo leaves nothing behind: {left:?}");
}

//! `scrip top` and what it asks at the HTTP door: units by stock and channel, refusals by reason and channel, latencies, and
//! a list of stocks that each merchant's tokens alone may see.

use scrip_client::MerchantId;
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::http::{Page, get, get_with};
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::{Said, Site};
use scrip_tests::processes::terminal::Terminal;
use std::time::Instant;

/// Runs a command until its JSON says what it should: figures of the server are published once a second.
fn until(site: &Site, command: &str, reached: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let said = site.line(command).well().json();
        if reached(&said) {
            return said;
        }
        assert!(Instant::now() < end, "{said:#}");
    }
}

/// A sale: 12 steam50, of which taobao sold 2, pdd holds 3; two sold-out refusals of pdd, one limit refusal of taobao.
fn sale(site: &Site) -> Server {
    let server = site.serve(&[]);
    site.line("stock create steam50 --units 12 --limit-per-user 4").well();
    site.line("stock create other --units 1").well();
    site.line("stock quota steam50 taobao=2..8").well();
    site.line("sell steam50:2 --channel taobao --user u1").well();
    site.line("reserve steam50:3 --channel pdd --user u2").well();
    for _ in 0..2 {
        site.line("sell steam50:50 --channel pdd --user u3").badly(&["OUT_OF_STOCK"]);
    }
    site.line("sell steam50:3 --channel taobao --user u1").badly(&["USER_LIMIT"]);
    server
}

fn stock<'a>(said: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    let all = said["stocks"].as_array().expect("stocks");
    all.iter().find(|stock| stock["stock"] == name).unwrap_or_else(|| panic!("no {name}: {said:#}"))
}

fn channel<'a>(of: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    let all = of["channels"].as_array().expect("channels");
    all.iter().find(|channel| channel["channel"] == name).unwrap_or_else(|| panic!("no {name}: {of:#}"))
}

#[test]
fn one_page_has_units_refusals_and_latencies_of_each_stock_and_channel() {
    let site = Site::new();
    let server = sale(&site);
    let said = until(&site, "top --json", |said| said["stocks_total"] == 2);
    let steam = stock(&said, "steam50");
    assert_eq!(
        (&steam["total"], &steam["available"], &steam["held"], &steam["sold"]),
        (&12.into(), &7.into(), &3.into(), &2.into()),
        "{said:#}"
    );
    let taobao = channel(steam, "taobao");
    assert_eq!(
        (&taobao["sold"], &taobao["held"], &taobao["guaranteed"], &taobao["cap"], &taobao["available"]),
        (&2.into(), &0.into(), &2.into(), &8.into(), &6.into()),
        "{said:#}"
    );
    assert_eq!(channel(&said, "pdd")["held"], 3);
    assert_eq!(channel(&said, "pdd")["refused"], 2);
    assert_eq!(channel(&said, "taobao")["refused"], 1);
    let refused = &said["figures"]["refused"];
    assert_eq!((&refused["OUT_OF_STOCK"]["total"], &refused["USER_LIMIT"]["total"]), (&2.into(), &1.into()));
    assert_eq!(refused["OUT_OF_STOCK"]["per_s"], 0.0);
    // What the first look asked was answered in the second before the last one.
    let busy = until(&site, "top --json", |said| said["figures"]["answer_us"]["p99"] != 0);
    assert!(busy["figures"]["done_per_s"].as_f64().is_some_and(|rate| rate > 0.0), "{busy:#}");
    assert_eq!(stock(&said, "other")["available"], 1);

    let text = site.line("top steam50 --once").well();
    assert_eq!(text.row("steam50")[..4], ["3", "2", "0", "7"], "{text:#?}");
    assert_eq!(text.row("taobao")[..5], ["0", "2", "0", "1", "0"], "{text:#?}");
    assert!(text.stdout.contains("p99 ") && text.stdout.contains("refused OUT_OF_STOCK"), "{text:#?}");
    assert!(!text.stdout.contains("other"), "it was not named: {text:#?}");
    assert_eq!(site.line("top steam50").well().stdout.lines().count(), text.stdout.lines().count());
    site.line("top nothing").badly(&["NOT_FOUND", "scrip stock create nothing"]);
    drop(server);
}

#[test]
fn without_the_http_door_named_stocks_are_shown_and_the_rest_is_said_to_be_unknown() {
    let site = Site::new();
    let _server = sale(&site);
    // Nobody listens at the port of another machine's server: this one is closed again at once.
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|door| door.local_addr()).expect("a port");
    let text = site.line(&format!("top steam50 --http {closed}")).well();
    assert_eq!(text.row("steam50")[..4], ["3", "2", "0", "7"]);
    assert!(text.stdout.contains("not known") && text.stdout.contains("/metrics"), "{text:#?}");
    let json = site.line(&format!("top steam50 --json --http {closed}")).well().json();
    assert!(json["figures"].is_null() && channel(&json, "pdd")["refused"].is_null(), "{json:#}");
    site.line(&format!("top --http {closed}")).badly(&["/stocks", "--http", "scrip top steam50"]);
}

#[test]
fn a_list_of_stocks_is_for_tokens_of_their_merchant_that_may_read() {
    let site = Site::new();
    let server = sale(&site);
    let unauthorized = |page: &Page| assert_eq!(page.status, 401, "{page:?}");
    unauthorized(&get(server.http, "/stocks"));
    unauthorized(&get_with(server.http, "/stocks", "Authorization: Bearer scrip_0\r\n"));
    let make = |flags: &str| -> Said { site.line(&format!("token create {flags}")).well() };
    let bearer = |said: &Said| format!("Authorization: Bearer {}\r\n", said.stdout.trim());
    unauthorized(&get_with(server.http, "/stocks", &bearer(&make("--merchant 1 --verb sell"))));
    let other = MerchantId(2).0;
    let page = get_with(server.http, "/stocks", &bearer(&make(&format!("--merchant {other}"))));
    assert_eq!((page.status, page.body.as_str()), (200, r#"{"stocks":[],"total":0}"#));
    let readers = bearer(&make("--merchant 1 --verb read"));
    let end = Instant::now() + PATIENCE;
    while !get_with(server.http, "/stocks", &readers).body.contains("\"total\":2") {
        assert!(Instant::now() < end, "the stocks are not listed");
    }
    let metrics = get(server.http, "/metrics").body;
    assert!(!metrics.contains("steam50"), "the page without a token names no stock: {metrics}");
}

#[test]
fn the_live_view_outlives_a_restart_and_gives_the_terminal_back_as_it_was() {
    let site = Site::new();
    let server = sale(&site);
    until(&site, "top --json", |said| said["stocks_total"] == 2);
    let mut terminal = Terminal::open(30, 100);
    let before = terminal.modes();
    let mut view = terminal.spawn(&site, &["top", "--data", site.data_text()]);
    terminal.wait_for("q: quit");
    assert_ne!(terminal.modes(), before, "keys come one by one while it runs");
    let (listen, http) = (server.listen, server.http.to_string());
    server.kill();
    let _server = site.serve_at(listen, &["--http", &http]);
    site.line("sell steam50 --channel own --user u9").well();
    // Sold units are 3 now: the line is drawn anew.
    terminal.wait_for("steam50                        3           3");
    terminal.type_in("q");
    assert!(view.wait().expect("a child can be waited for").success());
    terminal.wait_for("\u{1b}[?1049l");
    assert_eq!(terminal.modes(), before);
}

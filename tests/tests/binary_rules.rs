//! The operator's rules on a running server: limits of subjects, prices, risk rules and blocks, as people type them.

use scrip_tests::processes::site::{Said, Site};

/// Runs a subcommand, from words separated by blanks, on the site's data directory.
fn line(site: &Site, command: &str) -> Said {
    let words: Vec<&str> = command.split_whitespace().chain(["--data", site.data_text()]).collect();
    site.run(&words)
}

/// The words of the first line that begins with `name`, without it.
fn row(said: &Said, name: &str) -> Vec<String> {
    let found = said.stdout.lines().find(|line| line.split_whitespace().next() == Some(name));
    let words = found.unwrap_or_else(|| panic!("no {name}: {said:#?}")).split_whitespace();
    words.skip(1).map(str::to_owned).collect()
}

#[test]
fn every_subject_has_its_limits() {
    let site = Site::new();
    let server = site.serve(&[]);
    line(&site, "stock create card --units 100").well();
    let limits = line(&site, "stock limit card 3 --per-day 2 --utc-offset +08:00").well();
    assert_eq!(row(&limits, "user"), ["3", "2", "-"]);
    assert!(limits.stdout.contains("UTC+08:00"), "{limits:#?}");
    line(&site, "stock limit card --held 1 --subject device").well();
    let limits = line(&site, "stock limit card 2 --subject limit-key").well();
    assert_eq!((row(&limits, "user"), row(&limits, "limit-key")), (words("3 2 -"), words("2 - -")));
    line(&site, "stock limit card --utc-offset Z").badly(&["RULE_FAILED", "where its days begin"]);

    line(&site, "sell card:2 --channel own --user u1").well();
    line(&site, "sell card --channel own --user u1").badly(&[
        "USER_LIMIT",
        "could have had 0",
        "scrip stock limit card",
    ]);
    line(&site, "sell card --channel own").badly(&["USER_LIMIT", "--user"]);
    line(&site, "sell card:2 --channel own --user u2 --limit-key id:1").well();
    line(&site, "sell card --channel own --user u3 --limit-key id:1").badly(&["USER_LIMIT"]);
    line(&site, "sell card --channel own --user u3 --limit-key id:2").well();

    let held = "reserve card --channel own --user u4 --device imei:1 --operation H1";
    line(&site, held).well();
    line(&site, "reserve card --channel own --user u5 --device imei:1")
        .badly(&["HELD_LIMIT", "scrip stock limit card"]);
    line(&site, "sell card --channel own --user u5 --device imei:1").well();
    line(&site, "release H1").well();
    // What the limits have counted is still known after a crash.
    server.kill();
    let _server = site.serve(&[]);
    line(&site, "reserve card --channel own --user u5 --device imei:1").well();
    line(&site, "sell card --channel own --user u1").badly(&["USER_LIMIT"]);
    let unlimited = line(&site, "stock limit card 0 --per-day 0").well();
    assert_eq!(row(&unlimited, "user"), ["-", "-", "-"]);
    line(&site, "sell card --channel own --user u1").well();
    line(&site, "stock limit none 1").badly(&["NOT_FOUND", "scrip stock create none"]);
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn prices_are_quoted_per_channel_and_kept_by_the_hold() {
    let site = Site::new();
    let _server = site.serve(&[]);
    line(&site, "stock create card --units 100").well();
    line(&site, "sell card --channel own --expect 4990").badly(&[
        "QUOTE_CHANGED",
        "no price",
        "scrip stock price card",
    ]);
    line(&site, "stock price card any=4990 taobao=5190").well();
    line(&site, "stock price card own=4490 --kind member").well();
    let table = line(&site, "stock price card 77=1 --kind promotional --from-in 2h").well();
    assert_eq!(row(&table, "any")[..2], ["list", "4990"]);
    assert!(table.stdout.contains("4 prices"), "{table:#?}");
    let sell = |wish: &str| line(&site, &format!("sell card:2 {wish}"));
    sell("--channel own --expect 9980").well();
    sell("--channel own --expect 8980").badly(&["QUOTE_CHANGED", "it costs 9980 now"]);
    sell("--channel own --expect 8980 --member").well();
    sell("--channel taobao --expect 10380").well();
    sell("--channel 77 --expect 9980").well();
    line(&site, "reserve card --channel pdd --operation H1 --expect 4990").well();
    line(&site, "stock price card any=1").well();
    line(&site, "confirm H1").well();
    let shown = line(&site, "hold show H1").well();
    assert!(shown.stdout.contains("at 4990 a unit"), "{shown:#?}");
    sell("--channel pdd --expect 2").well();
    let table = line(&site, "stock price card taobao=none").well();
    assert!(!table.stdout.contains("taobao"), "{table:#?}");
    line(&site, "stock price card taobao=49.90").badly(&["taobao=4990"]);
}

#[test]
fn rules_and_blocks_refuse_or_flag_from_the_next_command_on() {
    let site = Site::new();
    let server = site.serve(&[]);
    line(&site, "stock create card --units 100").well();
    line(&site, "risk rule 1 --subject device --at-most 2 --per 30days").well();
    let shown = line(&site, "risk rule 2 --subject address --at-most 1 --per 30days --flag").well();
    assert_eq!(row(&shown, "1"), words("device any 2 30days refuse"));
    let sell = |wish: &str| line(&site, &format!("sell card --channel own {wish}"));
    sell("--device imei:1").well();
    sell("--device imei:1").well();
    sell("--device imei:1").badly(&["RISK_LIMIT", "risk rule 1", "scrip risk show"]);
    sell("--device imei:2").well();
    sell("--address ip:1").well();
    sell("--address ip:1 --operation F1").well();
    assert!(line(&site, "hold show F1").well().stdout.contains("flagged"));
    line(&site, "risk block user phone:1 --until-in 7days").well();
    sell("--user phone:1").badly(&["RISK_LIMIT", "a block"]);
    server.kill();
    let _server = site.serve(&[]);
    sell("--user phone:1").badly(&["RISK_LIMIT"]);
    sell("--device imei:1").badly(&["RISK_LIMIT"]);
    line(&site, "risk unblock user phone:1").well();
    sell("--user phone:1").well();
    line(&site, "risk unblock user phone:1").badly(&["NOT_FOUND", "scrip risk show"]);
    line(&site, "risk rule 1 --lift").well();
    sell("--device imei:1").well();
    line(&site, "risk rule 3 --subject device --at-most 1 --per 60days").badly(&["30days"]);
}

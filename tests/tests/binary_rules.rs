//! The operator's rules on a running server: limits of subjects, time zones, prices, risk rules and blocks, as people type them.

use scrip_tests::processes::site::Site;

#[test]
fn every_subject_has_its_limits() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --units 100").well();
    let limits = site.line("stock limit card 3 --per-day 2 --utc-offset +08:00").well();
    assert_eq!(limits.row("user"), ["3", "2", "-", "-", "-"]);
    assert!(limits.stdout.contains("UTC+08:00"), "{limits:#?}");
    site.line("stock limit card --held 1 --subject device").well();
    let limits = site.line("stock limit card 2 --subject limit-key").well();
    assert_eq!((limits.row("user"), limits.row("limit-key")), (words("3 2 - - -"), words("2 - - - -")));
    site.line("stock limit card --utc-offset Z").badly(&["RULE_FAILED", "where its days begin"]);

    site.line("sell card:2 --channel own --user u1").well();
    site.line("sell card --channel own --user u1").badly(&[
        "USER_LIMIT",
        "could have had 0",
        "scrip stock limit card",
    ]);
    site.line("sell card --channel own").badly(&["USER_LIMIT", "--user"]);
    site.line("sell card:2 --channel own --user u2 --limit-key id:1").well();
    site.line("sell card --channel own --user u3 --limit-key id:1").badly(&["USER_LIMIT"]);
    site.line("sell card --channel own --user u3 --limit-key id:2").well();

    let held = "reserve card --channel own --user u4 --device imei:1 --operation H1";
    site.line(held).well();
    site.line("reserve card --channel own --user u5 --device imei:1")
        .badly(&["HELD_LIMIT", "scrip stock limit card"]);
    site.line("sell card --channel own --user u5 --device imei:1").well();
    site.line("release H1").well();
    // What the limits have counted is still known after a crash.
    server.kill();
    let _server = site.serve(&[]);
    site.line("reserve card --channel own --user u5 --device imei:1").well();
    site.line("sell card --channel own --user u1").badly(&["USER_LIMIT"]);
    let unlimited = site.line("stock limit card 0 --per-day 0").well();
    assert_eq!(unlimited.row("user"), ["-", "-", "-", "-", "-"]);
    site.line("sell card --channel own --user u1").well();
    site.line("stock limit none 1").badly(&["NOT_FOUND", "scrip stock create none"]);
}

#[test]
fn a_merchant_has_a_time_zone_and_stocks_count_their_days_by_it() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --units 100").well();
    let none = site.line("merchant zone show").well();
    assert!(none.stdout.contains("no time zone"), "{none:#?}");
    site.line("stock limit card --per-day 2 --zone").badly(&["scrip merchant zone set"]);
    site.line("merchant zone set Europe/Berlinn").badly(&["Europe/Berlinn", "IANA", "Asia/Shanghai"]);
    let berlin = site.line("merchant zone set europe/berlin").well();
    let summer_and_winter =
        ["zone Europe/Berlin, UTC+0", "version 1", "UTC+01:00", "UTC+02:00", "until 2099-10-"];
    assert!(summer_and_winter.iter().all(|part| berlin.stdout.contains(part)), "{berlin:#?}");
    assert_eq!(site.line("merchant zone show").well().stdout, berlin.stdout);

    let limits = site.line("stock limit card --per-day 2 --zone").well();
    assert!(limits.stdout.contains("midnight of Europe/Berlin (UTC+0"), "{limits:#?}");
    site.line("stock limit card --utc-offset Z").badly(&["RULE_FAILED", "where its days begin"]);
    site.line("stock limit card --zone --utc-offset Z").badly(&["--utc-offset"]);
    site.line("sell card:2 --channel own --user u1").well();
    site.line("sell card --channel own --user u1").badly(&["USER_LIMIT"]);
    // The same again keeps all of it; another zone counts from the next minute on.
    let again = site.line("merchant zone set Europe/Berlin").well();
    assert_eq!(again.stdout.replace("version 2", "version 1"), berlin.stdout);
    let shanghai = site.line("merchant zone set Asia/Shanghai").well();
    assert!(shanghai.stdout.contains("zone Asia/Shanghai, UTC+0"), "{shanghai:#?}");
    assert_eq!(shanghai.row("from").last(), Some(&"UTC+08:00"), "{shanghai:#?}");
    assert_eq!(shanghai.stdout.lines().count(), 2, "it never changes again: {shanghai:#?}");

    server.kill();
    let _server = site.serve(&[]);
    let shown = site.line("merchant zone show").well().stdout;
    assert!(shown.starts_with("zone Asia/Shanghai, ") && shown.contains("version 3"), "{shown}");
    assert!(site.line("stock limit card").well().stdout.contains("midnight of Asia/Shanghai"));
    site.line("sell card --channel own --user u1").badly(&["USER_LIMIT"]);
}

fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

#[test]
fn prices_are_quoted_per_channel_and_kept_by_the_hold() {
    let site = Site::new();
    let _server = site.serve(&[]);
    site.line("stock create card --units 100").well();
    site.line("sell card --channel own --expect 4990").badly(&[
        "QUOTE_CHANGED",
        "no price",
        "scrip stock price card",
    ]);
    site.line("stock price card any=4990 taobao=5190").well();
    site.line("stock price card own=4490 --kind member").well();
    let table = site.line("stock price card 77=1 --kind promotional --from-in 2h").well();
    assert_eq!(table.row("any")[..2], ["list", "4990"]);
    assert!(table.stdout.contains("4 prices"), "{table:#?}");
    let sell = |wish: &str| site.line(&format!("sell card:2 {wish}"));
    sell("--channel own --expect 9980").well();
    sell("--channel own --expect 8980").badly(&["QUOTE_CHANGED", "it costs 9980 now"]);
    sell("--channel own --expect 8980 --member").well();
    sell("--channel taobao --expect 10380").well();
    sell("--channel 77 --expect 9980").well();
    site.line("reserve card --channel pdd --operation H1 --expect 4990").well();
    site.line("stock price card any=1").well();
    site.line("confirm H1").well();
    let shown = site.line("hold show H1").well();
    assert!(shown.stdout.contains("at 4990 a unit"), "{shown:#?}");
    sell("--channel pdd --expect 2").well();
    let table = site.line("stock price card taobao=none").well();
    assert!(!table.stdout.contains("taobao"), "{table:#?}");
    site.line("stock price card taobao=49.90").badly(&["taobao=4990"]);
}

#[test]
fn rules_and_blocks_refuse_or_flag_from_the_next_command_on() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --units 100").well();
    site.line("risk rule 1 --subject device --at-most 2 --per 30days").well();
    let shown = site.line("risk rule 2 --subject address --at-most 1 --per 30days --flag").well();
    assert_eq!(shown.row("1"), words("device any 2 30days refuse"));
    let sell = |wish: &str| site.line(&format!("sell card --channel own {wish}"));
    sell("--device imei:1").well();
    sell("--device imei:1").well();
    sell("--device imei:1").badly(&["RISK_LIMIT", "risk rule 1", "scrip risk show"]);
    sell("--device imei:2").well();
    sell("--address ip:1").well();
    sell("--address ip:1 --operation F1").well();
    assert!(site.line("hold show F1").well().stdout.contains("flagged"));
    site.line("risk block user phone:1 --until-in 7days").well();
    sell("--user phone:1").badly(&["RISK_LIMIT", "a block"]);
    server.kill();
    let _server = site.serve(&[]);
    sell("--user phone:1").badly(&["RISK_LIMIT"]);
    sell("--device imei:1").badly(&["RISK_LIMIT"]);
    site.line("risk unblock user phone:1").well();
    sell("--user phone:1").well();
    site.line("risk unblock user phone:1").badly(&["NOT_FOUND", "scrip risk show"]);
    site.line("risk rule 1 --lift").well();
    sell("--device imei:1").well();
    site.line("risk rule 3 --subject device --at-most 1 --per 60days").badly(&["30days"]);
}

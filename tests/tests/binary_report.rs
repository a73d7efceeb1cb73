//! `scrip report` through the real binary: beside a running server, after a kill, by channel and day, for people and programs.

use scrip_tests::processes::site::Site;

/// Two stocks and a campaign, sold and redeemed on two channels.
fn trade(site: &Site) {
    site.line("stock create mug --units 100").well();
    site.line("stock price mug any=2500").well();
    site.line("stock create hat --units 5").well();
    site.line("sell mug:3 --channel taobao --user u1 --order T1 --operation T1-1").well();
    site.line("sell mug:2 --channel pdd --user u2 --order P1 --operation P1-1").well();
    site.line("sell hat:1 --channel taobao --user u1 --operation T2-1").well();
    site.line("reserve mug:4 --channel taobao --user u3 --operation T3-1").well();
    site.line("return T1-1 --units 1 --operation T1-2").well();
    site.line("campaign create ten --kind amount-off --value 10.00 --threshold 50.00 --units 10 --run")
        .well();
    for user in ["u1", "u2"] {
        let said = site.line(&format!("card claim ten --user {user} --channel mini")).well();
        let card = said.field("card").to_owned();
        if user == "u1" {
            site.line(&format!("card redeem {card} --amount 80.00 --channel pos --operation R1")).well();
        }
    }
}

#[test]
fn a_report_says_what_was_sold_and_redeemed_beside_a_server_and_after_a_kill() {
    let site = Site::new();
    let server = site.serve(&[]);
    trade(&site);
    let said = site.line("report").well();
    for words in [
        "mug    taobao  3     75.00     1         25.00         4",
        "mug    pdd     2     50.00     0         0.00          0",
        "in all         6     125.00",
    ] {
        let wanted: Vec<&str> = words.split_whitespace().collect();
        let found =
            said.stdout.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().starts_with(&wanted));
        assert!(found, "no {wanted:?}: {said:#?}");
    }
    let json = |further: &str| site.line(&format!("report --json {further}")).well().json();
    let taobao = json("--day today --channel taobao --by channel");
    let rows = taobao["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{taobao}");
    assert_eq!((&rows[0]["sold"], &rows[0]["sold_for"]), (&4.into(), &7_500.into()));
    let cards = json("--stock ten --by stock");
    let row = &cards["rows"][0];
    assert_eq!((&row["kind"], &row["claimed"], &row["redemptions"]), (&"cards".into(), &2.into(), &1.into()));
    assert_eq!((&row["amount"], &row["discount"]), (&8_000.into(), &1_000.into()));
    assert_eq!(json("--day yesterday")["rows"], serde_json::json!([]));
    assert_eq!(json("--from 2020-01-01 --to 2020-12-31")["rows"], serde_json::json!([]));
    assert_eq!(json("--by day --stock mug")["rows"][0]["over"], false);
    // What a kill leaves is the same.
    server.kill();
    let whole = json("");
    let server = site.serve(&[]);
    assert_eq!(json("")["rows"], whole["rows"]);
    let csv = site.line("report --csv --by stock").well().stdout;
    let mut lines = csv.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("kind,stock,held,released,expired,sold,")));
    assert_eq!(lines.count(), 3);
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn what_a_report_can_not_be_of_is_told() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create mug --units 1").well();
    let said = |words: &str| site.line(&format!("report {words}"));
    said("--stock cup").badly(&["\"cup\"", "scrip report --by stock"]);
    said("--day 2026-13-01").badly(&["2026-13-01", "today, yesterday"]);
    said("--channel nowhere").badly(&["nowhere", "taobao"]);
    said("--day today --from 2026-01-01").badly(&["--day"]);
    assert!(said("--day today").well().stdout.contains("nothing happened"));
    site.run(&["report", "--data", "/nowhere/at/all"]).badly(&["/nowhere/at/all"]);
    assert_eq!(server.stop().status.code(), Some(0));
}

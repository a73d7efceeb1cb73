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
fn facts_are_as_durable_as_the_sale_they_are_of_and_reports_add_them_up() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create mug --units 5").well();
    site.line("campaign create ten --kind amount-off --value 10.00 --units 10 --run").well();
    let card = site.line("card issue ten --user u1").well().field("card").to_owned();
    let sold = r#"{"gross":8000,"paid":7000,"cost":5000,"currency":"CNY","store":"s1","funders":{"platform":600,"brand":400}}"#;
    let sell = |name: &str, facts: &str| {
        site.words(&["sell", name, "--channel", "pdd", "--operation", "T1", "--facts", facts])
    };
    site.words(&["sell", "mug:9", "--channel", "pdd", "--facts", r#"{"gross":1,"currency":"CNY"}"#])
        .badly(&["OUT_OF_STOCK"]);
    // What was refused leaves nothing for the next one.
    site.line("sell mug --channel pdd").well();
    sell("mug:2", sold).well();
    // A repeat is the same sale, whatever it tells.
    sell("mug:2", r#"{"gross":9999,"currency":"CNY","store":"s1"}"#).well();
    let used = r#"{"gross":2000,"paid":1000,"currency":"CNY","store":"s2"}"#;
    site.words(&["card", "redeem", &card, "--amount", "20.00", "--operation", "R1", "--facts", used]).well();
    site.words(&["card", "reverse", "R1", "--facts", r#"{"paid":1000,"currency":"CNY","store":"s2"}"#])
        .well();
    let hold = ["reserve", "mug:1", "--channel", "pdd", "--operation", "H1"];
    site.words(&hold).well();
    site.words(&["confirm", "H1", "--facts", r#"{"gross":500,"paid":500,"currency":"USD","store":"s1"}"#])
        .well();
    site.words(&[
        "return",
        "T1",
        "--units",
        "1",
        "--facts",
        r#"{"gross":4000,"paid":3500,"currency":"CNY","store":"s1"}"#,
    ])
    .well();
    site.words(&["sell", "mug", "--channel", "pdd", "--facts", r#"{"price":1}"#])
        .badly(&["\"price\"", "gross, paid"]);
    server.kill();
    let server = site.serve(&[]);
    let told = site.line("report --json --by store").well().json();
    let money = told["money"].as_array().expect("money");
    let row = |store: &str, currency: &str| {
        let found = money.iter().find(|row| row["store"] == store && row["currency"] == currency);
        found.unwrap_or_else(|| panic!("no {store} in {currency}: {told:#}"))
    };
    assert_eq!(money.len(), 3, "{told:#}");
    let first = row("s1", "CNY");
    assert_eq!((&first["sales"], &first["gross"], &first["paid"]), (&1.into(), &8_000.into(), &7_000.into()));
    assert_eq!((&first["cost"], &first["funded"]), (&5_000.into(), &1_000.into()));
    assert_eq!(
        (&first["backs"], &first["gross_back"], &first["paid_back"]),
        (&1.into(), &4_000.into(), &3_500.into())
    );
    assert_eq!(row("s1", "USD")["gross"], 500);
    assert_eq!((&row("s2", "CNY")["sales"], &row("s2", "CNY")["paid_back"]), (&1.into(), &1_000.into()));
    let funders = site.line("report --by funder --channel pdd").well().stdout;
    for words in [["brand", "CNY", "1"], ["platform", "CNY", "1"]] {
        let found =
            funders.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().starts_with(&words));
        assert!(found, "no {words:?}: {funders}");
    }
    assert_eq!(server.stop().status.code(), Some(0));
    let log = site.run(&["log", "cat", site.data_text()]).well().stdout;
    assert_eq!(log.matches(" facts ").count(), 5, "{log}");
    assert_eq!(site.verify()["failures"], serde_json::json!([]));
}

#[test]
fn a_card_tells_its_history_in_order() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create mug --units 5").well();
    site.line("campaign create sip --kind uses --balance 4 --units 10 --run").well();
    let cards = site.line("card issue sip --user u1 --count 2").well();
    let cards: Vec<&str> = cards.field("cards").split(' ').collect();
    let (card, other) = (cards[1], cards[3]);
    site.line(&format!("card redeem {card} --operation R1")).well();
    site.line(&format!("card redeem {other} --operation R2")).well();
    site.line(&format!("reserve mug --channel own --card {card}:2 --operation H1")).well();
    site.line("confirm H1").well();
    site.line("return H1 --units 0,1").well();
    site.line("card reverse R1").well();
    site.line(&format!("card freeze {card}")).well();
    let told = site.run(&["log", "card", site.data_text(), card]).well().stdout;
    let words: Vec<&str> = told.lines().map(|line| line.split(' ').nth(3).expect("what happened")).collect();
    let expected = ["issued", "redeemed", "reserved", "confirmed", "returned", "reversed", "card_changed"];
    assert_eq!(words, expected, "{told}");
    site.run(&["log", "card", site.data_text(), "00e8e0000000002a"])
        .badly(&["was ever issued", "scrip wallet"]);
    site.run(&["log", "card", site.data_text(), "x"]).badly(&["16 digits"]);
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

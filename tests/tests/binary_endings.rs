//! Many cards that end at once, through the real binary: a leaked batch, a campaign that was a mistake, with the server killed in
//! between.

use scrip_tests::processes::site::Site;
use std::fs;

#[test]
fn a_leaked_batch_is_voided_at_once_and_stays_so_after_a_kill() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 100000 --run").well();
    let first = site.line("card issue tea5 --count 50000").well().row("cards")[1].to_owned();
    let other = site.line("card issue tea5 --count 10").well().row("cards")[1].to_owned();
    let own = site.line("card issue tea5 --user u1").well().field("card").to_owned();
    let out = site.path().join("codes.csv");
    site.line(&format!("code export tea5 --from {first} --count 2 --out {}", out.display())).well();
    let text = fs::read_to_string(&out).expect("an exported file");
    let codes: Vec<&str> = text.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    let redeem = |what: &str| site.line(&format!("card redeem {what} --amount 20.00"));
    redeem(codes[0]).well().tells(&["discount   5.00"]);
    let void = format!("card void-batch {} --operation leak-1 --reason 4", codes[1]);
    site.line(&void).badly(&["--yes"]);
    let voided = site.line(&format!("{void} --yes")).well();
    voided.tells(&["voided     49,999 cards"]);
    let created_ms = voided.field("created_ms").to_owned();
    server.kill();
    let server = site.serve(&[]);
    let again = site.line(&format!("{void} --yes --created-ms {created_ms}")).well();
    assert_eq!(again.stdout, voided.stdout, "it was voided once");
    redeem(codes[1]).badly(&["VOID", "card show"]);
    site.line(&format!("card show {}", codes[1])).well().tells(&["state      void"]);
    site.line(&format!("card show {}", codes[0])).well().tells(&["state      used"]);
    redeem(&other).well();
    redeem(&own).well();
    site.line(&format!("card void-batch {own} --yes")).badly(&["RULE_FAILED", "card void"]);
    site.line(&format!("card void-batch {first} --yes")).badly(&["VOID"]);
    site.line(&format!("card recycle-batch {other}")).badly(&["RULE_FAILED"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let told = site.run(&["log", "card", site.data_text(), &first]);
    told.well().tells(&["redeemed"]);
    let second = u64::from_str_radix(&first, 16).expect("an id") + 1;
    site.run(&["log", "card", site.data_text(), &format!("{second:016x}")])
        .well()
        .tells(&["card_batch_voided", "reason=4"]);
    let report = site.line("report --json");
    assert!(report.well().stdout.contains("\"voided\":49999"), "the report counts them");
}

#[test]
fn a_campaign_that_was_a_mistake_is_voided_with_its_cards() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create off50 --kind amount-off --value 50.00 --lasts 1day --units 1000 --run").well();
    let used = site.line("card issue off50 --user u1").well().field("card").to_owned();
    let card = site.line("card issue off50 --user u2").well().field("card").to_owned();
    let batch = site.line("card issue off50 --count 100").well().row("cards")[1].to_owned();
    site.line(&format!("card redeem {used} --amount 60.00 --operation o1")).well();
    site.line(&format!("card recycle-batch {batch}")).badly(&["NOT_STARTED", "may be in use until"]);
    site.line("campaign void off50").badly(&["102 cards", "--yes"]);
    site.line("campaign void off50 --yes").well().tells(&["voided     101 cards", "state      void"]);
    site.line("campaign void off50 --yes").well().tells(&["state      void"]);
    server.kill();
    let server = site.serve(&[]);
    site.line("wallet u2").well().tells(&["void"]);
    site.line("campaign show off50").well().tells(&["102 issued, 0 left"]);
    site.line(&format!("card redeem {card} --amount 60.00")).badly(&["VOID"]);
    site.line("card claim off50 --user u3").badly(&["VOID", "campaign show off50"]);
    site.line("stock supply off50 5").badly(&["VOID"]);
    site.line("campaign run off50").badly(&["RULE_FAILED"]);
    site.line("card reverse o1").badly(&["VOID"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn gift_cards_of_one_user_become_one_and_an_expired_coupon_is_exchanged() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create gift100 --kind stored-value --currency CNY --balance 100.00 --value 95.00 --units 50 --run")
        .well();
    let issue =
        |user: &str| site.line(&format!("card issue gift100 --user {user}")).well().field("card").to_owned();
    let (one, two, foreign) = (issue("u1"), issue("u1"), issue("u2"));
    site.line(&format!("card topup {two} --principal 50.00 --bonus 5.00")).well();
    site.line(&format!("card merge {one} {foreign}")).badly(&["NOT_OWNER", "card show"]);
    let merge = format!("card merge {one} {two} --operation merge-1");
    let merged = site.line(&merge).well();
    merged.tells(&["merged     15500 units of 1 cards", "balance    25500"]);
    let created_ms = merged.field("created_ms").to_owned();
    server.kill();
    let server = site.serve(&[]);
    let again = site.line(&format!("{merge} --created-ms {created_ms}")).well();
    assert_eq!(again.stdout, merged.stdout, "they were merged once");
    site.line(&format!("card show {two}")).well().tells(&["state      void"]);
    site.line(&format!("card redeem {two} --amount 20.00")).badly(&["VOID"]);
    site.line(&format!("card redeem {one} --amount 20.00")).well().tells(&["2000 used, 23500 left"]);
    // A coupon that has ended becomes points.
    site.line("campaign create tea5 --kind amount-off --value 5.00 --lasts 1s --units 50 --run").well();
    site.line("campaign create points --kind points --value 100 --units 50 --run").well();
    let coupon = site.line("card issue tea5 --user u1").well().field("card").to_owned();
    let points = site.line("card claim points --user u1").well().field("card").to_owned();
    let begun = std::time::Instant::now();
    let exchange = format!("card recycle {coupon} --points {points} --units 300 --operation recycle-1");
    // The coupon ends while it is asked for again and again.
    while !site.line(&format!("card show {coupon}")).well().stdout.contains("expired") {
        assert!(begun.elapsed().as_secs() < 30, "the coupon does not end");
    }
    site.line(&exchange).well().tells(&["balance    300 points"]);
    site.line(&format!("card recycle {coupon}")).badly(&["VOID"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    site.run(&["log", "card", site.data_text(), &two]).well().tells(&["merged", &format!("into={one}")]);
    site.run(&["log", "card", site.data_text(), &points]).well().tells(&["recycled", "points=300"]);
}

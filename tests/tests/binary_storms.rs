//! Storms on cards through the real binary: a claim storm far past the last card, and a redeem storm with three orders for each
//! card, by id and by code; what the load's own check would have to see, it sees.

use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use serde_json::Value;

/// The report of a load: its last line, and whether it went well.
fn load(site: &Site, line: &str) -> (Value, Option<i32>) {
    let said = site.line(&format!("load --json {line}"));
    let last = said.stdout.lines().last().unwrap_or_default();
    let report = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {said:#?}"));
    (report, said.status)
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("no {name} in {report}"))
}

fn shop() -> (Site, Server) {
    let site = Site::new();
    let server = site.serve(&[]);
    (site, server)
}

#[test]
fn a_claim_storm_gives_every_card_once_and_no_user_two() {
    let (site, server) = shop();
    site.line("campaign create tea --kind amount-off --value 5.00 --units 5000 --limit-per-user 1 --run")
        .well();
    // Twice as many users as cards, three attempts each, a tenth of the frames again under the same ids.
    let (report, status) = load(
        &site,
        "--stock tea --profile claims --users 10000 --connections 8 --threads 2 --batch 16 --warm-up-s 0",
    );
    assert_eq!(status, Some(0), "{report}");
    assert_eq!(number(&report, "attempts"), 30_000);
    assert_eq!(number(&report, "acknowledged"), 5_000, "as many owners as cards: {report}");
    assert_eq!(number(&report, "refused"), 25_000);
    assert_eq!(
        number(&report, "lost") + number(&report, "oversold") + number(&report, "mismatched_repeats"),
        0
    );
    let shown = site.line("campaign show tea").well().stdout;
    assert!(shown.contains("5,000 issued"), "{shown}");

    // The users that have one are still refused; nobody got a card that was not there.
    let (again, status) = load(&site, "--stock tea --profile claims --users 10000 --tries 1 --warm-up-s 0");
    assert_eq!(status, Some(0), "{again}");
    assert_eq!(number(&again, "acknowledged"), 0);
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn a_redeem_storm_uses_every_card_once_whether_named_by_id_or_by_code() {
    let (site, server) = shop();
    for (name, by) in [("byid", ""), ("bycode", "--by-code")] {
        site.line(&format!("campaign create {name} --kind amount-off --value 5.00 --units 3000 --run"))
            .well();
        site.line(&format!("card issue {name} --count 3000")).well();
        let (report, status) = load(
            &site,
            &format!(
                "--stock {name} --profile redeems {by} --connections 8 --threads 2 --batch 16 --warm-up-s 0"
            ),
        );
        assert_eq!(status, Some(0), "{report}");
        assert_eq!(number(&report, "attempts"), 9_000, "three orders for each card");
        assert_eq!(number(&report, "acknowledged"), 3_000, "each was used once: {report}");
        assert_eq!(number(&report, "refused"), 6_000);
    }
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn cards_that_were_used_by_others_do_not_add_up() {
    let (site, server) = shop();
    site.line("campaign create cup --kind item --units 100 --run").well();
    site.line("card issue cup --count 100").well();
    let storm = "--stock cup --profile redeems --tries 1 --connections 2 --batch 4 --warm-up-s 0";
    assert_eq!(load(&site, storm).1, Some(0));
    // All cards are used, and by nobody in this ledger.
    let (report, status) = load(&site, storm);
    assert_eq!(number(&report, "acknowledged"), 0);
    assert_ne!(status, Some(0), "{report}");
    assert!(report["failures"].to_string().contains("100 units of cards were used"), "{report}");
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn mixed_checkouts_use_coupons_and_gift_cards_as_their_orders_were_told() {
    let (site, server) = shop();
    site.line("stock create tea --units 100000").well();
    site.line("stock create cup --units 100000").well();
    site.line("campaign create ten --kind amount-off --value 10.00 --units 4000 --run").well();
    site.line("card issue ten --count 4000").well();
    site.line(
        "campaign create gift --kind stored-value --balance 1000.00 --currency CNY --value 1000.00 --units 50 --run",
    )
    .well();
    site.line("card issue gift --count 50").well();
    let mixed = "--stock tea cup --profile checkout --coupons ten --gift-cards gift --think-ms 1 --attempts 2000 \
                 --connections 8 --threads 2 --batch 16 --warm-up-s 0";
    let (report, status) = load(&site, mixed);
    assert_eq!(status, Some(0), "{report}");
    assert_eq!(number(&report, "attempts"), 2_000, "{report}");
    assert_eq!((number(&report, "refused"), number(&report, "unknown")), (0, 0), "{report}");
    // The same coupons again: other orders hold or have used them.
    let (again, status) = load(&site, mixed);
    assert_eq!(status, Some(0), "{again}");
    assert_eq!((number(&again, "attempts"), number(&again, "acknowledged")), (2_000, 0), "{again}");
    // What is left of the campaign is as good as before.
    site.line("campaign create cheap --kind uses --balance 1 --units 10 --run").well();
    site.line("load --stock tea --profile checkout --coupons ten --gift-cards cheap")
        .badly(&["stored-value"]);
    site.line("load --stock tea --profile checkout --coupons gift --gift-cards gift").badly(&["--coupons"]);
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn a_storm_on_the_wrong_campaign_says_what_to_do() {
    let (site, server) = shop();
    site.line("campaign create empty --kind item --units 10 --run").well();
    site.line("load --stock empty --profile redeems").badly(&["scrip card issue"]);
    site.line("campaign create pass --kind uses --balance 10 --units 10 --run").well();
    site.line("card issue pass --count 1").well();
    site.line("load --stock pass --profile redeems").badly(&["more than one unit"]);
    site.line("load --stock empty pass --profile claims").badly(&["one campaign"]);
    assert_eq!(server.stop().status.code(), Some(0));
}

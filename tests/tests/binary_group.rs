//! People who want cards together, through the real binary: all get theirs or nobody does, with the server killed in between.

use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use std::time::Instant;

/// Kills the server, and starts it on what it has left.
fn after_a_kill(site: &Site, server: Server) -> Server {
    server.kill();
    site.serve(&["--shards", "2"])
}

#[test]
fn three_within_a_day_get_their_cards_whoever_is_killed_in_between() {
    let site = Site::new();
    let server = site.serve(&["--shards", "2"]);
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 3 --budget 15.00 --run").well();
    let open = "group open tea5 --size 3 --lasts 24h --user ann --channel mini --operation G1";
    let opened = site.line(open).well();
    opened.tells(&["members    1 of 3", "open until"]);
    let created_ms = opened.field("created_ms").to_owned();
    let server = after_a_kill(&site, server);
    let again = site.line(&format!("{open} --created-ms {created_ms}")).well();
    assert_eq!(again.stdout, opened.stdout, "it was opened once");
    site.line("group join G1 --user ann").badly(&["RULE_FAILED", "group show"]);
    site.line("group join G2 --user ben").badly(&["NOT_FOUND", "group open"]);
    site.line("group join G1 --user ben").well().tells(&["members    2 of 3"]);
    site.line("group leave G1 --user ben").well().tells(&["members    1 are left"]);
    site.line("group join G1 --user cem").well().tells(&["members    2 of 3"]);
    // Nobody has a card, and what is held is nobody's to take.
    site.line("wallet ann").well().tells(&["0 cards"]);
    site.line("card issue tea5 --user eve --count 2").badly(&["BUDGET_EXCEEDED"]);
    let server = after_a_kill(&site, server);
    site.line("group show G1").well().tells(&["state      open", "members    2 of 3", "no card, by mini"]);
    let join = "group join G1 --user dan --operation J3";
    let joined = site.line(join).well();
    joined.tells(&["members    3 of 3", "everybody has a card"]);
    let server = after_a_kill(&site, server);
    let created_ms = joined.field("created_ms").to_owned();
    let again = site.line(&format!("{join} --created-ms {created_ms}")).well();
    assert_eq!(again.stdout, joined.stdout, "he joined once");
    site.line("group show G1").well().tells(&["state      full", "card "]);
    for user in ["ann", "cem", "dan"] {
        site.line(&format!("wallet {user}")).well().tells(&["active", "1 cards"]);
    }
    site.line("wallet ben").well().tells(&["0 cards"]);
    site.line("group join G1 --user fay").badly(&["RULE_FAILED", "full"]);
    site.line("group leave G1 --user ann").badly(&["RULE_FAILED"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let walked = site.run(&["log", "cat", site.data_text()]).well();
    walked.tells(&["group_opened", "group_joined", "group_left", "group_filled"]);
}

#[test]
fn nobody_gets_a_card_when_time_is_over_first() {
    let site = Site::new();
    let server = site.serve(&["--shards", "2"]);
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 3 --run").well();
    site.line("stock limit tea5 1").well();
    site.line("group open tea5 --size 3 --lasts 3s --user ann --operation G1").well();
    site.line("group join G1 --user ben").well();
    site.line("card claim tea5 --user ann").badly(&["USER_LIMIT"]);
    let server = after_a_kill(&site, server);
    let is_over = || site.line("group show G1").well().stdout.contains("state      lapsed");
    let begun = Instant::now();
    while !is_over() {
        assert!(begun.elapsed() < PATIENCE, "the group does not lapse");
    }
    site.line("group join G1 --user cem").badly(&["EXPIRED", "group open"]);
    site.line("wallet ann").well().tells(&["0 cards"]);
    site.line("card claim tea5 --user ann").well();
    site.line("card issue tea5 --user cem --count 1").well();
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

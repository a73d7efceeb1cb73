//! Persons through the real binary: two users who are linked share limits and wallets, also after a kill, until they are no longer.

use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;

fn after_a_kill(site: &Site, server: Server) -> Server {
    server.kill();
    site.serve(&[])
}

#[test]
fn two_users_are_one_person_until_they_are_no_longer() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create game --units 100 --limit-per-user 1").well();
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 50 --run").well();
    let card = site.line("card issue tea5 --user phone:138").well().field("card").to_owned();
    site.line("person show phone:138").well().tells(&["alone", "(asked)"]);
    site.line("person unlink phone:138").badly(&["NOT_FOUND", "scrip person show"]);
    site.line("person link phone:138 phone:138").badly(&["same user id"]);
    site.line("person link openid:o8f phone:138 --reason 7").well().tells(&["2 users", "(asked)"]);
    let again = site.line("person link phone:138 openid:o8f").well();
    again.tells(&["2 users"]);
    let server = after_a_kill(&site, server);
    site.line("sell game --channel own --user openid:o8f").well();
    site.line("sell game --channel own --user phone:138").badly(&["USER_LIMIT", "could have had 0"]);
    site.line("wallet openid:o8f").well().tells(&[&card]);
    site.line(&format!("card redeem {card} --amount 20.00 --user openid:o8f")).well();
    site.line("person unlink openid:o8f --reason 8").well().tells(&["alone"]);
    site.line("sell game --channel own --user phone:138").well();
    site.line("sell game --channel own --user openid:o8f").badly(&["USER_LIMIT"]);
    assert!(!site.line("wallet openid:o8f").well().stdout.contains(&card));
    for number in 0..7 {
        site.line(&format!("person link phone:138 alias:{number}")).well();
    }
    site.line("person link openid:o8f alias:3").badly(&["RULE_FAILED", "at most 8", "scrip person unlink"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let log = site.run(&["log", "cat", site.data_text()]).well();
    log.tells(&["linked ", "reason=7", "unlinked ", "reason=8"]);
}

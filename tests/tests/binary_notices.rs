//! Cards that end, through the real binary: a gateway is told of each once, also by a server that was killed in between.

use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::site::{Said, Site};
use std::time::Instant;

/// Asks until it is told these words.
fn told(site: &Site, since: &str, words: &[&str]) -> Said {
    let begun = Instant::now();
    loop {
        let said = site.line(&format!("card notices --since {since}")).well();
        if words.iter().all(|word| said.stdout.contains(word)) {
            return said;
        }
        assert!(begun.elapsed() < PATIENCE, "no {words:?}: {said:#?}");
    }
}

/// Where to go on.
fn next(said: &Said) -> String {
    said.field("next").trim_matches('`').rsplit(' ').next().expect("it names a number").to_owned()
}

#[test]
fn owners_are_told_before_and_when_their_cards_end_and_nobody_twice() {
    let site = Site::new();
    let server = site.serve(&["--shards", "2"]);
    site.line(
        "campaign create tea5 --kind amount-off --value 5.00 --units 1000 --lasts 62s --remind 1m --run",
    )
    .well();
    assert!(site.line("campaign show tea5").well().stdout.contains("1 min before a card ends"));
    assert!(site.line("card notices").well().stdout.contains("--since 0"));
    let ann = site.line("card claim tea5 --user ann").well().field("card").to_owned();
    site.line("card issue tea5 --count 500").well();
    let said = told(&site, "0", &[&ann, "and the 499 bearer cards behind it", "told 1 minutes before"]);
    let since = next(&said);
    assert_eq!(since, "2", "{said:#?}");
    server.kill();
    let server = site.serve(&["--shards", "2"]);
    assert_eq!(told(&site, "0", &[&ann]).stdout, said.stdout, "after a kill it is told the same");
    assert!(!told(&site, &since, &[]).stdout.contains(&ann));
    // Another end is told of anew: this one comes at once.
    site.line(&format!("card extend {ann} --until-in 2s")).well();
    let said = told(&site, &since, &[&ann, "expired"]);
    assert!(!said.stdout.contains("told"), "{said:#?}");
    site.line(&format!("card redeem {ann} --amount 30.00")).badly(&["EXPIRED"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let log = site.run(&["log", "cat", site.data_text()]).well();
    log.tells(&["notices_told", &format!("expiring={ann} "), &format!("expired={ann} ")]);
    let history = site.run(&["log", "card", site.data_text(), &ann]).well();
    history.tells(&["notices_told"]);
}

#[test]
fn reminders_can_be_asked_for_when_cards_are_out_already() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 1000 --lasts 63s --run").well();
    let ann = site.line("card claim tea5 --user ann").well().field("card").to_owned();
    site.line("campaign edit tea5 --remind 1m").well();
    told(&site, "0", &[&ann, "expires"]);
    site.line("campaign edit tea5 --remind 90s").badly(&["whole minutes"]);
    site.line("campaign edit tea5 --remind 40days").badly(&["30days"]);
    site.line("campaign edit tea5 --remind 3days --remind 1day").well();
    assert!(site.line("campaign show tea5").well().stdout.contains("4320 min and 1440 min"));
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

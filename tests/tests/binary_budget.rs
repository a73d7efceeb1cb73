//! What campaigns may issue and when their cards can be used, through the real binary: flags, what is shown, what is refused
//! and in which words, and that a restart forgets nothing of it.

use scrip_tests::processes::site::Site;

#[test]
fn a_budget_holds_over_a_restart_and_is_shown() {
    let site = Site::new();
    let server = site.serve(&[]);
    let make = "campaign create lunch --kind amount-off --value 5.00 --units 100 --run";
    // Days go by a clock: whose?
    site.line(&format!("{make} --cards-per-day 3")).badly(&["scrip merchant zone set", "--utc-offset"]);
    site.line("campaign create half --kind percent-off --value 50.00 --units 9 --budget 1.00")
        .badly(&["--cost", "--cap"]);
    site.line("merchant zone set Asia/Shanghai").well();
    let text = site.line(&format!("{make} --budget 20.00 --cards-per-day 3")).well().stdout;
    for words in [
        "budget     20.00: 0.00 committed, 20.00 left",
        "per day    3 cards; today 0 cards, 0.00",
        "Asia/Shanghai",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    site.line("card issue lunch --user u1 --count 2").well();
    site.line("card issue lunch --user u2 --count 2").badly(&[
        "CAMPAIGN_LIMIT",
        "asked 2, could have had 1",
        "--cards-per-day",
    ]);
    site.line("campaign edit lunch --budget 9.99")
        .badly(&["RULE_FAILED", "no maximum goes below what is out"]);
    assert_eq!(server.stop().status.code(), Some(0));
    let server = site.serve(&[]);
    let text = site.line("campaign edit lunch --cards-per-day 0 --budget 10.00").well().stdout;
    assert!(
        text.contains("budget     10.00: 10.00 committed, 0.00 left") && !text.contains("per day"),
        "{text}"
    );
    site.line("card issue lunch --user u2").badly(&[
        "BUDGET_EXCEEDED",
        "asked 1, could have had 0",
        "--budget",
    ]);
    site.line("campaign edit lunch --budget 15.00").well();
    site.line("card issue lunch --user u2").well();
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn hours_are_told_with_the_moment_at_which_they_begin() {
    let site = Site::new();
    let server = site.serve(&[]);
    // A clock by which it is about six o'clock in the morning or in the evening: far from both ends.
    let minute =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
            / 60;
    let hour = minute / 60 % 24;
    let (offset, open, shut) = match hour {
        0..12 => (format!("+{:02}:00", 12 - hour), "09:00-18:00", "18:00-09:00"),
        _ => (format!("-{:02}:00", hour - 12), "09:00-18:00", "18:00-09:00"),
    };
    let make = |name: &str, hours: &str| {
        let create =
            format!("campaign create {name} --kind item --units 9 --run --hours {hours} --weekdays mon-sun");
        let text = site.line(&format!("{create} --utc-offset {offset}")).well().stdout;
        assert!(text.contains(&format!("usable     every day {hours}")), "{text}");
        let issued = site.line(&format!("card issue {name} --user u1")).well().stdout;
        let card =
            issued.lines().find_map(|line| line.strip_prefix("card")).expect("a card").trim().to_owned();
        card.split_whitespace().next().expect("its id").to_owned()
    };
    let card = make("noon", open);
    site.line(&format!("card redeem {card} --amount 1.00")).well();
    let card = make("night", shut);
    site.line(&format!("card redeem {card} --amount 1.00")).badly(&["NOT_STARTED", "it is valid from 2"]);
    site.line("campaign edit night --hours 11-14").badly(&["11:00-14:00"]);
    site.line("campaign edit night --weekdays someday").badly(&["mon-fri"]);
    site.line("campaign edit night --hours all --weekdays all").well();
    site.line(&format!("card redeem {card} --amount 1.00")).well();
    assert_eq!(server.stop().status.code(), Some(0));
}

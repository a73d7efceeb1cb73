//! A card that is given, through the real binary: over two users, with the server killed in between, and what its codes open
//! before and after.

use scrip_tests::processes::site::Site;
use std::fs;

/// The code of one card that is in force.
fn code_of(site: &Site, card: &str, file: &str) -> String {
    code_of_campaign(site, "tea5", card, file)
}

fn code_of_campaign(site: &Site, campaign: &str, card: &str, file: &str) -> String {
    let out = site.path().join(file);
    site.line(&format!("code export {campaign} --from {card} --count 1 --out {}", out.display())).well();
    let text = fs::read_to_string(&out).expect("an exported file");
    text.lines().nth(1).and_then(|line| line.rsplit(',').next()).expect("a code").to_owned()
}

#[test]
fn a_gift_goes_from_one_user_to_another_and_its_old_code_opens_nothing() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 50 --run").well();
    let card = site.line("card issue tea5 --user u1").well().field("card").to_owned();
    let old = code_of(&site, &card, "before.csv");
    site.line(&format!("card show {old}")).well().tells(&["state      active"]);
    site.line(&format!("card gift {card} --user u2")).badly(&["NOT_OWNER", "card show"]);
    let gift = format!("card gift {old} --user u1 --to u2 --lasts 1h --operation gift-1");
    let given = site.line(&gift).well();
    given.tells(&["open until"]);
    let created_ms = given.field("created_ms").to_owned();
    let server = site.again(server);
    let again = site.line(&format!("{gift} --created-ms {created_ms}")).well();
    assert_eq!(again.stdout, given.stdout, "it was given once");
    site.line(&format!("card show {card}")).well().tells(&["state      gifting"]);
    site.line("wallet u1").well().tells(&["gifting", "1 cards of u1"]);
    let redeem = |operation: &str, what: &str, user: &str| {
        site.line(&format!("card redeem {what} --amount 20.00 --user {user} --operation {operation}"))
    };
    redeem("o1", &card, "u1").badly(&["LOCKED_BY_OTHER_ORDER"]);
    site.line(&format!("card accept {card} --user u3")).badly(&["NOT_OWNER"]);
    let accept = format!("card accept {old} --user u2 --operation accept-1");
    let accepted = site.line(&accept).well();
    accepted.tells(&["generation 1"]);
    let server = site.again(server);
    site.line(&format!("card show {old}")).badly(&["NOT_FOUND"]);
    redeem("o2", &old, "u2").badly(&["NOT_FOUND"]);
    site.line("wallet u2").well().tells(&["active", "1 cards of u2"]);
    let new = code_of(&site, &card, "after.csv");
    assert_ne!(new, old);
    redeem("o3", &new, "u1").badly(&["NOT_OWNER"]);
    redeem("o4", &new, "u2").well().tells(&["discount   5.00", "1 used, 0 left"]);
    site.line(&format!("card gift {card}")).badly(&["USED"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let told = site.run(&["log", "card", site.data_text(), &card]);
    told.well().tells(&["given to=", "accepted by=", "redeemed"]);
}

#[test]
fn a_gift_is_taken_back_or_ends_by_itself() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 50 --run").well();
    let card = site.line("card issue tea5 --user u1").well().field("card").to_owned();
    site.line(&format!("card cancel-gift {card}")).badly(&["RULE_FAILED", "card show"]);
    site.line(&format!("card gift {card} --to u2")).well();
    site.line(&format!("card gift {card}")).badly(&["LOCKED_BY_OTHER_ORDER", "cancel-gift"]);
    site.line(&format!("card cancel-gift {card} --user u1")).well().tells(&["state      active"]);
    site.line(&format!("card accept {card} --user u2")).badly(&["RULE_FAILED"]);
    site.line(&format!("card gift {card} --to u2 --lasts 1s")).well();
    // The gift ends while the server is away, or soon after: nobody else need do anything.
    let server = site.again(server);
    let is_back = || site.line(&format!("card show {card}")).well().stdout.contains("state      active");
    let begun = std::time::Instant::now();
    while !is_back() {
        assert!(begun.elapsed().as_secs() < 30, "the gift does not end");
    }
    site.line(&format!("card accept {card} --user u2")).badly(&["EXPIRED", "it ended"]);
    site.line(&format!("card redeem {card} --amount 20.00 --user u1")).well().tells(&["1 used, 0 left"]);
    site.line("campaign create points --kind points --value 100 --units 50 --run").well();
    let points = site.line("card claim points --user u1").well().field("card").to_owned();
    site.line(&format!("card gift {points}")).badly(&["RULE_FAILED", "can't"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn a_gift_card_is_bought_given_to_a_friend_spent_on_two_channels_and_one_part_is_returned() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create gift100 --kind stored-value --currency CNY --balance 100.00 --value 95.00 --units 50 --run")
        .well();
    let card = site.line("card issue gift100 --user ann --operation buy-1").well().field("card").to_owned();
    site.line(&format!("card gift {card} --user ann --to ben --lasts 7days")).well();
    site.line(&format!("card redeem {card} --user ann --amount 30.00")).badly(&["LOCKED_BY_OTHER_ORDER"]);
    site.line(&format!("card accept {card} --user cem")).badly(&["NOT_OWNER"]);
    server.kill();
    let server = site.serve(&[]);
    site.line(&format!("card accept {card} --user ben")).well();
    site.line(&format!("card redeem {card} --user ann --amount 30.00")).badly(&["NOT_OWNER"]);
    site.line(&format!("card redeem {card} --user ben --amount 30.00 --channel mini --operation sale-1"))
        .well();
    site.line(&format!(
        "card redeem {card} --user ben --amount 80.00 --units 50.00 --channel pos --operation sale-2"
    ))
    .well();
    let back = site.line("card reverse sale-1 --units 10.00").well();
    assert!(back.stdout.contains("reversed   1000 units; the card has 3000 left"), "{back:#?}");
    server.kill();
    let server = site.serve(&[]);
    let shown = site.line(&format!("card show {card}")).well();
    assert_eq!(shown.field("units"), "3000 left, 7000 used, 0 void");
    let wallet = |user: &str| site.line(&format!("wallet {user}")).well().stdout;
    assert!(wallet("ben").contains(&card) && !wallet("ann").contains(&card));
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn a_gift_card_is_bought_in_a_basket_given_spent_in_two_parts_on_two_channels_and_one_part_is_returned() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create tea --units 10").well();
    site.line("campaign create gift100 --kind stored-value --currency CNY --balance 100.00 --value 95.00 --units 5 --run")
        .well();
    site.line("stock price gift100 own=9500").well();
    site.line("stock price tea any=500").well();
    // In a basket beside goods: held, then paid.
    let held = site.line("reserve gift100 tea:2 --channel own --user ann --expect 10500 --operation buy-1");
    held.well().tells(&["item       gift100: 1", "item       tea: 2"]);
    let shown = site.line("stock show gift100").well();
    assert_eq!((shown.field("available"), shown.field("held")), ("4", "1"));
    let server = site.again(server);
    let paid = site.line("confirm buy-1 --channel own").well();
    paid.tells(&["units      1, 2", "code export"]);
    let card = paid.field("card").to_owned();
    let server = site.again(server);
    let again = site.line("confirm buy-1 --channel own").well();
    assert_eq!(again.stdout, paid.stdout, "it is made once");
    site.line("wallet ann").well().tells(&["1 cards of ann"]);
    let code = code_of_campaign(&site, "gift100", &card, "bought.csv");
    site.line(&format!("card show {code}")).well().tells(&["state      active", "units      10000 left"]);
    // Given to a friend: the buyer can't take it back any more.
    site.line(&format!("card gift {card} --user ann --to ben --lasts 7days")).well();
    site.line("return buy-1 --to-void --units 1").badly(&["LOCKED_BY_OTHER_ORDER", "card show"]);
    site.line(&format!("card accept {card} --user ben")).well();
    site.line("return buy-1 --to-void --units 1").badly(&["NOT_OWNER", "card show"]);
    // Spent in two parts on two channels, one with an order and one at a till; one part comes back.
    site.line(&format!(
        "reserve tea:2 --channel mini --user ben --card {card}:6.00 --amount 10.00 --operation s-1"
    ))
    .well();
    site.line("confirm s-1 --channel mini").well();
    site.line(&format!("card redeem {card} --user ben --amount 80.00 --channel pos --operation s-2"))
        .well()
        .tells(&["units      8000 used, 1400 left"]);
    let server = site.again(server);
    site.line("return s-1 --units 0,250").well();
    site.line(&format!("card show {card}")).well().tells(&["units      1650 left, 8350 used, 0 void"]);
    // One that nobody has spent of goes back.
    let sold = site.line("sell gift100:2 --channel own --user cem --operation buy-2").well();
    sold.tells(&["cards      2 from"]);
    site.line("return buy-2 --to-void --units 1").well().tells(&["returned   1 units to void"]);
    let shown = site.line("stock show gift100").well();
    assert_eq!((shown.field("available"), shown.row("void")[0]), ("2", "1"));
    site.line("wallet cem").well().tells(&["void", "active"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let log = site.run(&["log", "cat", site.data_text()]).well();
    log.tells(&["sold=line:0", "ended="]);
    site.run(&["log", "card", site.data_text(), &card]).well().tells(&[
        "confirmed",
        "sold=line:0",
        "accepted by=",
    ]);
}

//! Cards that are filled, through the real binary: a gift card bought, spent in two parts on two channels and returned in part; a
//! membership upgraded; a stamp card filled. The server is killed on the way, and what was answered is there afterwards.

use scrip_tests::processes::site::Site;

#[test]
fn a_gift_card_is_bought_spent_in_two_parts_on_two_channels_and_one_part_is_returned() {
    let site = Site::new();
    let server = site.serve(&[]);
    let worth = "--kind stored-value --currency CNY --balance 100.00 --value 95.00 --spend bonus --inactive";
    let made = site.line(&format!("campaign create gift100 {worth} --units 50 --run")).well();
    made.tells(&["worth      100.00 CNY, for which 95.00 are paid", "spends     bonus first"]);
    let card = site.line("card issue gift100 --operation order-1").well().field("card").to_owned();
    site.line(&format!("card topup {card} --principal 1.00")).badly(&["NOT_ACTIVE", "card activate"]);
    site.line(&format!("card activate {card}")).well();
    let topup = format!("card topup {card} --principal 50.00 --bonus 10.00 --operation pay-7");
    let filled = site.line(&topup).well();
    filled.tells(&["topped up  60.00", "balance    160.00"]);
    let created_ms = filled.field("created_ms").to_owned();
    let first = format!("card redeem {card} --amount 30.00 --channel mini --operation sale-1");
    site.line(&first).well().tells(&["units      3000 used, 13000 left", "discount   30.00"]);
    let server = site.again(server);
    let again = site.line(&format!("{topup} --created-ms {created_ms}")).well();
    assert_eq!(again.stdout, filled.stdout, "it was paid in once");
    let second =
        format!("card redeem {card} --amount 200.00 --units 120.00 --channel pos --operation sale-2");
    site.line(&second).well().tells(&["units      12000 used, 1000 left", "discount   120.00"]);
    site.line(&format!("card show {card}")).well().tells(&[
        "state      active",
        "lot        principal: 1000 of 5000 left",
        "lot        bonus: 0 of 1000 left",
    ]);
    site.line(&format!("card redeem {card} --amount 11.00 --units 11.00")).badly(&["BALANCE_EXCEEDED"]);
    // A part of the first sale is returned: it goes back to where it came from, the last taken first.
    let back = site.line("card reverse sale-1 --units 25.00").well();
    back.tells(&["reversed   2500 units; the card has 3500 left"]);
    let server = site.again(server);
    site.line(&format!("card show {card}"))
        .well()
        .tells(&["units      3500 left, 12500 used, 0 void", "bonus: 500 of 1000 left"]);
    // Of the card's own 100.00 (95.00 were paid) 20.00 are left, of the 50.00 paid in 10.00; the bonus is not paid for.
    let refund = format!("card refund {card} --operation refund-1");
    site.line(&refund).well().tells(&["voided     30.00 of principal", "pay back   29.00"]);
    site.line(&format!("card show {card}")).well().tells(&["units      0 left, 12500 used, 3500 void"]);
    site.line(&format!("card refund {card}")).badly(&["BALANCE_EXCEEDED", "card show"]);
    site.line(&format!("card earn {card}")).badly(&["RULE_FAILED", "card show"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    site.run(&["log", "cat", site.data_text()]).well().tells(&["topped_up", "refunded"]);
}

#[test]
fn a_membership_is_upgraded_and_its_level_decides_the_discount() {
    let site = Site::new();
    let server = site.serve(&[]);
    let worth = "--kind pass --level 99.00=5.00 --level 199.00=10.00 --lasts 30days";
    let made = site.line(&format!("campaign create club {worth} --units 50 --run")).well();
    made.tells(&["worth      5.00 percent off (for 99.00), 10.00 percent off (for 199.00)"]);
    let card = site.line("card claim club --user u1").well().field("card").to_owned();
    let redeem = |operation: &str| {
        site.line(&format!("card redeem {card} --amount 80.00 --user u1 --operation {operation}")).well()
    };
    redeem("o1").tells(&["units      0 used, 1 left", "discount   4.00"]);
    site.line(&format!("card level {card} 2")).well().tells(&["level      2"]);
    site.line(&format!("card level {card} 3")).badly(&["RULE_FAILED", "possible are 2"]);
    let server = site.again(server);
    redeem("o2").tells(&["discount   8.00"]);
    assert_eq!(site.line("quote --user u1 --line 1:0:40.00:2").well().field("discount"), "8.00");
    site.line(&format!("card renew {card} --lasts 30days")).well().tells(&["valid to"]);
    site.line(&format!("card level {card} 1")).well().tells(&["level      1"]);
    site.line(&format!("card show {card}")).well().tells(&["level      1", "1 left, 0 used"]);
    redeem("o1").tells(&["discount   4.00"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn a_stamp_card_is_filled_and_used_and_points_are_spent() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create ten --kind stamps --goal 3 --units 50 --run").well();
    let card = site.line("card claim ten --user u1").well().field("card").to_owned();
    for stamps in 1..=2 {
        let said = site.line(&format!("card earn {card} --operation coffee-{stamps}")).well();
        said.tells(&["earned     1", &format!("balance    {stamps}")]);
    }
    site.line(&format!("card redeem {card}")).badly(&["BALANCE_EXCEEDED"]);
    site.line(&format!("card earn {card} --units 2")).badly(&["RULE_FAILED", "possible are 1"]);
    let server = site.again(server);
    site.line(&format!("card earn {card}")).well();
    site.line(&format!("card redeem {card}")).well().tells(&["units      3 used, 0 left"]);
    site.line(&format!("card show {card}")).well().tells(&["state      used"]);
    site.line("campaign create points --kind points --value 100 --earned-lasts 365days --units 50 --run")
        .well();
    let points = site.line("card claim points --user u1").well().field("card").to_owned();
    site.line(&format!("card earn {points} --units 500")).well();
    site.line(&format!("card redeem {points} --amount 2.00"))
        .well()
        .tells(&["units      200 used, 300 left"]);
    let till = site.line("token create --name till --merchant 1 --verb redeem").well().stdout;
    site.line(&format!("card earn {points} --token {}", till.trim())).badly(&["FORBIDDEN", "--verb issue"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

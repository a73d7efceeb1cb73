//! The best legal combination of a wallet at checkout, held in one step, through the real binary; one line returned later.

use scrip_tests::processes::site::Site;

/// Two teas at 30.00, a cup at 40.00, and 8.00 for whoever brings them.
const CART: &str = "--line tea=1:0:30.00:2 --line cup=2:0:40.00:1 --line 9:0:8.00:1";

/// Ten of each, and for u1: cups at half price, 10.00 off 80.00, and a coupon that is used alone. Answers their ids.
fn shop(site: &Site) -> [String; 3] {
    site.line("stock create tea --units 10").well();
    site.line("stock create cup --units 10").well();
    let half = "--kind percent-off --value 50.00 --scope product=2 --combines 0";
    let ten = "--kind amount-off --value 10.00 --threshold 80.00 --combines 0";
    let alone = "--kind amount-off --value 29.99";
    [("half", half), ("ten", ten), ("alone", alone)].map(|(name, worth)| {
        site.line(&format!("campaign create {name} {worth} --units 10 --run")).well();
        site.line(&format!("card issue {name} --user u1")).well().field("card").to_owned()
    })
}

#[test]
fn the_best_combination_of_a_wallet_is_held_in_one_step_and_a_line_is_returned_later() {
    let site = Site::new();
    let server = site.serve(&[]);
    let [half, ten, alone] = shop(&site);
    // The buyer is told a price; one that has changed since is not taken.
    let told = site.line(&format!("quote --user u1 {CART}")).well();
    assert_eq!(told.field("to pay"), "78.00");
    let wish = format!("quote --hold --user u1 --order T1 --operation T1 {CART}");
    site.line(&format!("{wish} --expect 77.00")).badly(&["QUOTE_CHANGED", "78"]);
    let held = site.line(&format!("{wish} --expect 78.00")).well();
    assert_eq!((held.field("discount"), held.field("to pay")), ("30.00", "78.00"));
    assert!(held.stdout.contains(&format!("{half}  half  used: 20.00 off")), "{held:#?}");
    assert!(held.stdout.contains(&format!("{ten}  ten  used: 10.00 off")), "{held:#?}");
    assert!(!held.stdout.contains(&alone), "{held:#?}");
    // Once more is the same hold; the cards are locked for everybody else, the others are not.
    assert_eq!(site.line(&format!("{wish} --expect 78.00")).well().stdout, held.stdout);
    site.line(&format!("card redeem {ten} --amount 90.00 --operation X1")).badly(&["LOCKED_BY_OTHER_ORDER"]);
    let stock = site.line("stock show tea").well();
    assert!(stock.stdout.contains("8"), "{stock:#?}");
    // It survives a kill, and is paid.
    let server = site.again(server);
    assert_eq!(site.line(&format!("{wish} --expect 78.00")).well().stdout, held.stdout);
    site.line("confirm T1 --units 1,1,1,1").badly(&["RULE_FAILED"]);
    site.line("confirm T1").well();
    // The cup goes back: what it cost is 40.00 without the half and its share of the 10.00.
    let back = site.line("return T1 --units 0,1 --operation R1").well();
    assert_eq!(back.field("amount"), "17.73 is the buyer's");
    assert_eq!(back.field("card "), format!("{half} is back"));
    let shown = site.line(&format!("card show {ten}")).well();
    assert!(shown.stdout.contains("used"), "{shown:#?}");
    // The rest, and the other card with it; in all what was paid.
    let rest = site.line("return T1 --operation R2").well();
    assert_eq!(
        (rest.field("returned"), rest.field("amount")),
        ("3 pieces to available", "60.27 is the buyer's")
    );
    assert_eq!(rest.field("card "), format!("{ten} is back"));
    assert_eq!(site.line("return T1 --units 0,1 --operation R1").well().stdout, back.stdout);
    site.line("return T1 --operation R3").badly(&["ALREADY_REVERSED"]);
    // Both can be used again.
    let again = site.line(&format!("quote --hold --user u1 --order T2 {CART} --json")).well().json();
    assert_eq!((&again["discount"], &again["exact"]), (&3_000.into(), &true.into()));
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn a_cart_that_can_not_be_held_is_told_why_and_holds_nothing() {
    let site = Site::new();
    let server = site.serve(&[]);
    let [_, ten, alone] = shop(&site);
    let hold = "quote --hold --user u1 --order T1";
    site.line(&format!("{hold} --line tea=1:0:30.00:11")).badly(&["OUT_OF_STOCK", "tea"]);
    let clash = site.line(&format!("{hold} {CART} --card {ten} --card {alone}"));
    clash.badly(&["RULE_FAILED", "card number 1", "card number 2"]);
    site.line(&format!("{hold} --line 9:0:8.00:1")).badly(&["no line names a stock"]);
    for flag in ["--order", "--operation", "--device"] {
        site.line(&format!("quote {CART} {flag} T1")).badly(&["--hold"]);
    }
    // Who may sell, and not use cards, may not do so this way.
    let seller = site.line("token create --name shop --merchant 1 --verb sell").well().stdout;
    site.line(&format!("{hold} {CART} --token {}", seller.trim())).badly(&["FORBIDDEN"]);
    let hold = site.line(&format!("{hold} {CART} --operation T1 --ttl 1h")).well();
    assert_eq!(hold.field("to pay"), "78.00");
    site.line("release T1").well();
    let free = site.line(&format!("card redeem {ten} --amount 90.00 --operation X1")).well();
    assert_eq!(free.field("discount"), "10.00");
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn a_gift_card_pays_what_a_coupon_leaves_and_gets_its_share_of_a_return_back() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create tea --units 10").well();
    site.line("stock create cup --units 10").well();
    site.line("campaign create ten --kind amount-off --value 10.00 --combines all --units 10 --run").well();
    site.line("campaign create gift --kind stored-value --balance 50.00 --value 50.00 --currency CNY --units 10 --run")
        .well();
    let card =
        |name: &str| site.line(&format!("card issue {name} --user u1")).well().field("card").to_owned();
    let (ten, gift) = (card("ten"), card("gift"));
    let cart = "--line tea=1:0:30.00:2 --line cup=2:0:40.00:1";
    let told = site.line(&format!("quote --user u1 {cart}")).well();
    told.tells(&["50.00 are paid with stored value", &format!("{gift}  gift  pays: 50.00")]);
    assert_eq!(told.field("to pay"), "40.00");
    let held =
        site.line(&format!("quote --hold --user u1 --order T1 --operation T1 --expect 40.00 {cart}")).well();
    assert_eq!((held.field("discount"), held.field("to pay")), ("10.00", "40.00"));
    site.line(&format!("card redeem {gift} --amount 5.00 --operation X1")).badly(&["LOCKED_BY_OTHER_ORDER"]);
    let server = site.again(server);
    site.line("confirm T1").well();
    // A tea cost 30.00: 3.00 of it the coupon took off, 15.00 the gift card paid.
    let back = site.line("return T1 --units 1,0 --operation R1").well();
    assert_eq!((back.field("amount"), back.field("on cards")).0, "12.00 is the buyer's");
    back.tells(&["15.00 is back on cards"]);
    site.line(&format!("card show {gift}")).well().tells(&["1500 left"]);
    let rest = site.line("return T1 --operation R2").well();
    rest.tells(&["28.00 is the buyer's", "35.00 is back on cards", &ten]);
    site.line(&format!("card show {gift}")).well().tells(&["5000 left"]);
    assert_eq!(site.line("return T1 --units 1,0 --operation R1").well().stdout, back.stdout);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

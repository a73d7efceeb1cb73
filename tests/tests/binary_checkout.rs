//! A checkout of goods with a coupon through the real binary: held together or not at all, locked for other orders meanwhile, the same
//! after a kill, and used, given back or locked exactly as what becomes of the hold says.

use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::{Said, Site};
use std::fs;

/// Ten teas, ten cups, and a coupon of 5.00 off from 30.00 on, for u1; answers its id.
fn shop() -> (Site, Server, String) {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create tea --units 10").well();
    site.line("stock create cup --units 10").well();
    site.line("campaign create five --kind amount-off --value 5.00 --threshold 30.00 --units 10 --run")
        .well();
    let card = site.line("card issue five --user u1").well().field("card").to_owned();
    (site, server, card)
}

fn checkout(site: &Site, order: &str, card: &str) -> Said {
    site.line(&format!(
        "reserve tea cup:2 --channel mini --user u1 --order {order} --operation {order}-1 --card {card} --amount 50.00"
    ))
}

/// Units of a stock in a bucket.
fn units(site: &Site, stock: &str, bucket: &str) -> String {
    site.line(&format!("stock show {stock}")).well().field(bucket).to_owned()
}

#[test]
fn a_coupon_is_held_with_the_goods_and_used_when_they_are_paid() {
    let (site, server, card) = shop();
    let held = checkout(&site, "T1", &card).well();
    assert!(held.stdout.contains(&format!("card       {card}: 1, 5.00 off")), "{held:#?}");
    let shown = site.line(&format!("card show {card}")).well();
    assert_eq!(
        (shown.field("state"), shown.field("units")),
        ("active", "0 left, 0 used, 0 void, 1 held for orders")
    );
    let quoted = site.line(&format!("quote --user u1 --line 1:0:50.00:1 --card {card}")).well();
    assert!(quoted.stdout.contains("LOCKED_BY_OTHER_ORDER"), "{quoted:#?}");
    let server = site.again(server);
    assert_eq!(checkout(&site, "T1", &card).well().stdout, held.stdout, "a repeat is the same hold");
    let sold = site.line("confirm T1-1").well();
    assert_eq!(sold.field("units"), "1, 2, 1");
    let server = site.again(server);
    assert_eq!(site.line("confirm T1-1").well().stdout, sold.stdout, "a repeat is the same confirmation");
    let shown = site.line("hold show T1-1").well();
    let line = format!("card       {card}: 1 held, 1 used, 0 of those given back, 5.00 off");
    assert!(shown.stdout.contains(&line), "{shown:#?}");
    let order = site.line("order show T1 --json").well().json();
    let expected =
        serde_json::json!([{ "card": card, "held": 1, "used": 1, "returned": 0, "discount": 500 }]);
    assert_eq!(order["holds"][0]["cards"], expected);
    let shown = site.line(&format!("card show {card}")).well();
    assert_eq!((shown.field("state"), shown.field("units")), ("used", "0 left, 1 used, 0 void"));
    // It comes back with the goods, or alone.
    site.line("return T1-1 --units 0,0,1").well();
    assert_eq!(site.line(&format!("card show {card}")).well().field("state"), "active");
    assert_eq!(units(&site, "tea", "available"), "9");
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let log = site.run(&["log", "cat", site.data_text()]).well().stdout;
    assert!(log.contains(&format!(" card={card}:1")), "{log}");
}

#[test]
fn a_coupon_that_another_order_holds_is_locked_until_that_order_lets_go() {
    let (site, server, card) = shop();
    checkout(&site, "T1", &card).well();
    let words = ["LOCKED_BY_OTHER_ORDER", &format!("card {card}"), "scrip card show"];
    let locked = checkout(&site, "T2", &card).badly(&words);
    assert_eq!(
        (units(&site, "tea", "available"), units(&site, "cup", "available")),
        ("9".into(), "8".into())
    );
    site.line(&format!("card redeem {card} --amount 50.00")).badly(&["LOCKED_BY_OTHER_ORDER"]);
    let server = site.again(server);
    let again = checkout(&site, "T2", &card).badly(&words);
    let told = |said: &Said| said.stderr.split_once("refused: ").expect("a refusal").1.to_owned();
    assert_eq!(told(&again), told(&locked));
    site.line("release T1-1").well();
    let shown = site.line(&format!("card show {card}")).well();
    assert_eq!(shown.field("units"), "1 left, 0 used, 0 void");
    checkout(&site, "T2", &card).well();
    site.line("confirm T2-1").well();
    // The first order has lost it, and takes nothing of the goods alone.
    site.line("confirm T1-1").badly(&["HOLD_RELEASED"]);
    checkout(&site, "T3", &card).badly(&["USED", &card]);
    assert_eq!(
        (units(&site, "tea", "available"), units(&site, "cup", "available")),
        ("9".into(), "8".into())
    );
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn a_sale_names_cards_by_code_and_units_and_needs_the_verb_of_redemptions() {
    let (site, server, card) = shop();
    site.line("campaign create wash --kind uses --balance 5 --units 10 --run").well();
    site.line("card issue wash --count 1").well();
    let out = site.path().join("codes.csv");
    site.line(&format!("code export wash --out {}", out.display())).well();
    let text = fs::read_to_string(&out).expect("the exported file");
    let code = text.lines().nth(1).and_then(|line| line.rsplit(',').next()).expect("a code");
    let sale = format!(
        "sell tea --channel mini --order T1 --operation T1-1 --card {code}:3 --card {card} --amount 30.00"
    );
    let sold = site.line(&sale).well();
    assert!(sold.stdout.contains(": 3, 0.00 off") && sold.stdout.contains(": 1, 5.00 off"), "{sold:#?}");
    assert!(!sold.stdout.contains(code), "{sold:#?}");
    assert_eq!(site.line(&sale).well().stdout, sold.stdout, "a repeat is the same sale");
    assert_eq!(site.line(&format!("card show {code}")).well().field("units"), "2 left, 3 used, 0 void");
    // What can't be is told without printing the code.
    let said = site.line(&format!("sell tea --channel mini --card {code}:3"));
    let said = said.badly(&["BALANCE_EXCEEDED", "card number 1", "asked 3, could have had 2"]);
    assert!(!said.stderr.contains(code), "{said:#?}");
    let said = site.line(&format!("sell tea --channel mini --card {code}:0")).badly(&["CARD:3"]);
    assert!(!said.stderr.contains(code), "{said:#?}");
    site.line(&format!("sell tea --channel mini --card {card} --paid")).badly(&["takes no cards"]);
    site.line("sell tea --channel mini --amount 5.00").badly(&["--card"]);
    // Who may not redeem may not do so with goods.
    let token = |verbs: &str| {
        site.line(&format!("token create --name shop --merchant 1 {verbs}")).well().stdout.trim().to_owned()
    };
    let (seller, till) = (token("--verb sell"), token("--verb sell --verb redeem"));
    let other = site.line("card issue five --user u1").well().field("card").to_owned();
    let sale = format!("sell tea --channel mini --card {other} --amount 30.00");
    site.line(&format!("{sale} --token {seller}")).badly(&["FORBIDDEN"]);
    site.line(&format!("sell tea --channel mini --token {seller}")).well();
    site.line(&format!("{sale} --token {till}")).well();
    // A sale that is cancelled was none.
    site.line("cancel T1-1").well();
    assert_eq!(site.line(&format!("card show {code}")).well().field("units"), "5 left, 0 used, 0 void");
    assert_eq!(site.line(&format!("card show {card}")).well().field("state"), "active");
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn a_coupon_and_part_of_a_gift_card_pay_one_order_and_the_gift_card_gets_back_what_was_returned() {
    let (site, server, coupon) = shop();
    site.line("campaign create gift --kind stored-value --currency CNY --balance 100.00 --value 100.00 --units 5 --run")
        .well();
    let gift = site.line("card issue gift --user u1").well().field("card").to_owned();
    site.line(&format!("card topup {gift} --bonus 10.00")).well();
    let order = |operation: &str, units: &str| {
        site.line(&format!(
            "reserve tea cup:2 --channel mini --user u1 --order {operation} --operation {operation} --card {coupon} \
             --card {gift}:{units} --amount 50.00"
        ))
    };
    let held = order("T1", "45.00").well();
    assert!(held.stdout.contains(&format!("card       {gift}: 4500, 45.00 off")), "{held:#?}");
    let balance = |site: &Site| site.line(&format!("card show {gift}")).well().field("units").to_owned();
    assert_eq!(balance(&site), "6500 left, 0 used, 0 void, 4500 held for orders");
    // What one order holds is not there for another, nor at the till.
    order("T2", "70.00").badly(&["LOCKED_BY_OTHER_ORDER"]);
    site.line(&format!("card redeem {gift} --units 70.00 --amount 70.00")).badly(&["LOCKED_BY_OTHER_ORDER"]);
    site.line(&format!("card redeem {gift} --units 60.00 --amount 60.00 --channel pos")).well();
    server.kill();
    let server = site.serve(&[]);
    assert_eq!(order("T1", "45.00").well().stdout, held.stdout, "a repeat is the same hold");
    site.line("confirm T1").well();
    assert_eq!(balance(&site), "500 left, 10500 used, 0 void");
    site.line("return T1 --units 0,1,0,2000").well();
    assert_eq!(balance(&site), "2500 left, 8500 used, 0 void");
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

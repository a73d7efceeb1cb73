//! `scrip quote` through the real binary: a cart priced with a wallet, with cards by id and by code, and why not.

use scrip_tests::processes::site::Site;
use std::fs;

/// Two teas at 30.00 and a cup at 40.00.
const CART: &str = "--line 1:0:30.00:2 --line 2:0:40.00:1";

/// Four campaigns, and a card of each for u1; answers their ids.
fn wallet(site: &Site) -> [String; 4] {
    let half = "--kind percent-off --value 50.00 --scope product=2 --combines 0";
    let ten = "--kind amount-off --value 10.00 --threshold 80.00 --combines 0";
    let alone = "--kind amount-off --value 29.99";
    let far = "--kind amount-off --value 50.00 --threshold 200.00 --combines 0";
    [("half", half), ("ten", ten), ("alone", alone), ("far", far)].map(|(name, worth)| {
        site.line(&format!("campaign create {name} {worth} --units 10 --run")).well();
        site.line(&format!("card issue {name} --user u1")).well().field("card").to_owned()
    })
}

#[test]
fn a_cart_is_priced_with_the_best_cards_of_a_wallet() {
    let site = Site::new();
    let server = site.serve(&[]);
    let [half, ten, alone, far] = wallet(&site);
    let said = site.line(&format!("quote --user u1 {CART}")).well();
    assert_eq!(
        (said.field("cart"), said.field("discount"), said.field("to pay")),
        ("100.00", "30.00", "70.00")
    );
    assert_eq!(said.field("line 1 "), "60.00, 7.50 off, 52.50 to pay");
    assert_eq!(said.field("line 2 "), "40.00, 22.50 off, 17.50 to pay");
    for words in [
        format!("{half}  half  used: 20.00 off"),
        format!("{ten}  ten  used: 10.00 off"),
        format!("{alone}  alone  left out"),
        format!("{far}  far  not used: RULE_FAILED, 100.00 count and 200.00 are needed"),
        "best       no other choice".to_owned(),
    ] {
        assert!(said.stdout.contains(&words), "no {words:?}: {said:#?}");
    }
    let json = site.line(&format!("quote --user u1 {CART} --json")).well().json();
    assert_eq!(
        (&json["gross"], &json["discount"], &json["due"]),
        (&10_000.into(), &3_000.into(), &7_000.into())
    );
    assert_eq!(json["exact"], true);
    assert_eq!(json["lines"][1]["discount"], 2_250);
    let cards = json["cards"].as_array().expect("cards");
    let of = |card: &str| cards.iter().find(|found| found["card"] == card).expect("the card");
    assert_eq!(of(&ten)["shares"], serde_json::json!([750, 250]));
    assert_eq!((&of(&half)["turn"], &of(&ten)["turn"]), (&1.into(), &2.into()));
    assert_eq!((&of(&far)["refusal"], &of(&far)["threshold"]), (&"RULE_FAILED".into(), &20_000.into()));
    // It has changed nothing: the same again, and the card can be used.
    assert_eq!(site.line(&format!("quote --user u1 {CART}")).well().stdout, said.stdout);
    site.line(&format!("card redeem {half} --amount 40.00 --product 2 --operation T1")).well();
    let said = site.line(&format!("quote --user u1 {CART}")).well();
    assert_eq!(said.field("discount"), "29.99");
    assert!(!said.stdout.contains(&half), "{said:#?}");
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn cards_are_named_by_id_or_code_and_those_that_clash_are_told() {
    let site = Site::new();
    let server = site.serve(&[]);
    let [_, ten, alone, _] = wallet(&site);
    let clash = site.line(&format!("quote {CART} --card {ten} --card {alone}"));
    clash.badly(&["RULE_FAILED", &ten, &alone, "may not be used together", "--best"]);
    let said = site.line(&format!("quote {CART} --card {ten} --card {alone} --best")).well();
    assert_eq!(said.field("discount"), "29.99");
    let said = site.line(&format!("quote {CART} --card {ten} --user u2")).well();
    assert!(said.stdout.contains("NOT_OWNER"), "{said:#?}");
    // A bearer card, by its code.
    site.line("campaign create cup --kind item --units 10 --scope product=2 --combines all --run").well();
    site.line("card issue cup --count 1").well();
    let out = site.path().join("codes.csv");
    site.line(&format!("code export cup --out {}", out.display())).well();
    let text = fs::read_to_string(&out).expect("the exported file");
    let code = text.lines().nth(1).and_then(|line| line.rsplit(',').next()).expect("a code");
    let said = site.line(&format!("quote {CART} --card {code}")).well();
    assert_eq!((said.field("discount"), said.field("line 2 ")), ("40.00", "40.00, 40.00 off, 0.00 to pay"));
    assert!(!said.stdout.contains(code), "{said:#?}");
    let said = site.line(&format!("quote {CART} --card {code} --card {alone}"));
    let said = said.badly(&["RULE_FAILED", "card number 1", &alone]);
    assert!(!said.stderr.contains(code), "{said:#?}");
    // What makes no sense is told.
    site.line("quote --line 1:0:30.00").badly(&["7:3:30.00:2"]);
    site.line(&format!("quote {CART} --best")).badly(&["--card"]);
    // Who may look may ask; who may only use cards may not.
    let till = site.line("token create --name till --merchant 1 --verb redeem").well().stdout;
    site.line(&format!("quote {CART} --token {}", till.trim())).badly(&["FORBIDDEN"]);
    assert_eq!(server.stop().status.code(), Some(0));
}

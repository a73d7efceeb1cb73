//! A new-user coupon claimed in a mini-app and used at a till that was offline, through the real binary: who has one of a group's
//! coupons gets no other; the till's uses are uploaded from a file, one of them in conflict, and again after a kill.

use scrip_tests::processes::site::Site;
use std::time::{SystemTime, UNIX_EPOCH};

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
}

#[test]
fn a_new_user_coupon_claimed_in_a_mini_app_is_used_at_a_till_that_was_offline() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create newcomers --limit-per-user 1").well();
    for campaign in ["welcome", "hello"] {
        let worth = "--kind amount-off --value 5.00 --threshold 20.00 --units 100";
        let make = format!("campaign create {campaign} {worth} --group newcomers --late 15m --run");
        site.line(&make)
            .well()
            .tells(&["group      newcomers", "offline    a till may bring its uses 900 s late"]);
    }
    site.line("campaign create lost --kind item --units 9 --group nobody").badly(&["NOT_FOUND"]);
    let claim = |campaign: &str, user: &str| {
        site.line(&format!("card claim {campaign} --user {user} --channel mini"))
    };
    let first = claim("welcome", "u1").well().field("card").to_owned();
    claim("hello", "u1").badly(&["USER_LIMIT"]);
    claim("welcome", "u1").badly(&["USER_LIMIT"]);
    let second = claim("hello", "u2").well().field("card").to_owned();
    let third = claim("welcome", "u3").well().field("card").to_owned();
    // The till has no network. Meanwhile the second coupon is used in the shop beside it.
    let taken_ms = now_ms();
    site.line(&format!("card redeem {second} --amount 25.00 --order online-1")).well();
    let old_ms = taken_ms - 1_200_000;
    let rows = [
        "card,order,amount,occurred_at,terminal".to_owned(),
        format!("{first},till-1,30.00,{taken_ms},7"),
        format!("{second},till-2,30.00,{taken_ms},7"),
        format!("{third},till-3,30.00,{old_ms},7"),
        format!("{third},till-4,thirty,{taken_ms},7"),
    ];
    let (file, failures) = (site.path().join("till.csv"), site.path().join("failures.csv"));
    std::fs::write(&file, rows.join("\n")).expect("a file");
    let upload = format!("card upload {} --failures {} --channel pos", file.display(), failures.display());
    let told = ["redeemed   1, 5.00 off", "conflicts  1", "refused    1", "bad rows   1"];
    let said = site.line(&upload);
    said.tells(&told);
    said.badly(&["2 rows have failed"]);
    let failed = std::fs::read_to_string(&failures).expect("failures");
    assert_eq!(failed.lines().count(), 2, "{failed}");
    assert!(
        failed.contains("till-3") && failed.contains("RULE_FAILED") && failed.contains("thirty"),
        "{failed}"
    );
    server.kill();
    let server = site.serve(&[]);
    site.line(&upload).tells(&told);
    site.line(&format!("card show {second}")).well().tells(&["state      used"]);
    let late = format!(
        "card redeem {third} --amount 30.00 --occurred-at {taken_ms} --terminal 7 --operation till-3"
    );
    site.line(&late).well().tells(&["discount   5.00"]);
    let again = format!("card redeem {second} --amount 30.00 --occurred-at {taken_ms} --terminal 8");
    site.line(&again).well().tells(&["conflict   USED: recorded, and nothing moved"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
    let history = site.run(&["log", "card", site.data_text(), &second]).well();
    history.tells(&["offline_conflict", "why=USED", "terminal=7", "terminal=8"]);
    // One at the till, one through the shop's own channel.
    let report = site.line("report --json").well();
    assert_eq!(report.stdout.matches("\"conflicts\":1").count(), 2, "{report:#?}");
}

#[test]
fn a_public_token_brings_no_uses_of_before() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create cup --kind item --units 10 --late 15m --run").well();
    site.line("card issue cup --count 1").well();
    let out = site.path().join("cup.csv");
    site.line(&format!("code export cup --out {}", out.display())).well();
    let text = std::fs::read_to_string(&out).expect("the exported file");
    let code = text.lines().nth(1).and_then(|line| line.rsplit(',').next()).expect("a code");
    let made = site.line("token create --name front --merchant 1 --public --verb redeem").well();
    let redeem = format!("card redeem {code} --token {}", made.stdout.trim());
    site.line(&format!("{redeem} --occurred-at {}", now_ms())).badly(&["FORBIDDEN"]);
    site.line(&redeem).well();
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn limits_of_weeks_and_months_are_set_shown_and_kept() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create tea --units 100").well();
    let shown = site.line("stock limit tea --per-week 2 --per-month 3 --utc-offset +08:00").well();
    shown.tells(&["per week", "per month"]);
    assert_eq!(shown.row("user"), ["-", "-", "2", "3", "-"]);
    site.line("sell tea:2 --channel own --user u1").well();
    site.line("sell tea --channel own --user u1").badly(&["USER_LIMIT"]);
    let server = site.again(server);
    site.line("sell tea --channel own --user u1").badly(&["USER_LIMIT"]);
    let shown = site.line("stock limit tea --per-week 0").well();
    assert_eq!(shown.row("user"), ["-", "-", "-", "3", "-"]);
    site.line("sell tea --channel own --user u1").well();
    site.line("sell tea --channel own --user u1").badly(&["USER_LIMIT"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

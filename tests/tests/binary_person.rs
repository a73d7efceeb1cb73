//! Persons through the real binary: two users who are linked share limits and wallets, also after a kill, until they are no longer;
//! what is known of a person is exported, and his words are destroyed.

use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

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

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        match entry.is_dir() {
            true => found.extend(files(&entry)),
            false => found.push((entry.clone(), fs::read(&entry).expect("a file"))),
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for (file, bytes) in files(from) {
        fs::write(to.join(file.file_name().expect("a name")), bytes).expect("a copy");
    }
}

/// The labels of the person that an export shows, and what events it tells of.
fn exported(site: &Site, user: &str) -> (Vec<Value>, Vec<String>, Value) {
    let said = site.line(&format!("person export {user}")).well();
    let person: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let labels = list(&person["users"]).iter().flat_map(|user| list(&user["labels"])).collect();
    let text = |event: Value| event["event"].as_str().expect("text").to_owned();
    let events = list(&person["events"]).into_iter().map(text).collect();
    (labels, events, person)
}

#[test]
fn a_persons_data_is_exported_and_erased_for_good() {
    let site = Site::new();
    let server = site.serve(&[]);
    let keys =
        site.path().join(format!("{}.person-keys", site.data().file_name().unwrap().to_str().unwrap()));
    site.line("stock create game --units 100 --limit-per-user 1").well();
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 50 --limit-per-user 1 --run")
        .well();
    site.line("person label phone:13800138000").well().tells(&["labelled"]);
    assert!(keys.is_dir(), "the keys of labels lie beside the data directory");
    site.line("person label openid:o8f --text ann@example.org").well();
    site.line("person link openid:o8f phone:13800138000").well();
    let card = site.line("card claim tea5 --user openid:o8f").well().field("card").to_owned();
    site.line("sell game --channel own --user phone:13800138000 --order T1 --operation T1-1").well();
    site.line(&format!("card redeem {card} --amount 20.00 --channel pos --operation R1")).well();
    site.line("sell game --channel own --user other:1").well();
    let server = after_a_kill(&site, server);
    let (labels, events, person) = exported(&site, "phone:13800138000");
    let texts: Vec<&str> = labels.iter().map(|label| label["text"].as_str().expect("text")).collect();
    assert_eq!(texts.len(), 2, "{person}");
    assert!(texts.contains(&"phone:13800138000") && texts.contains(&"ann@example.org"), "{person}");
    assert_eq!((&person["cards"][0]["card"], &person["cards"][0]["used"]), (&json!(card), &json!(1)));
    let begins = |word: &str| events.iter().filter(|event| event.starts_with(word)).count();
    assert_eq!(
        ["labelled", "linked", "issued", "sold", "redeemed"].map(begins),
        [2, 1, 1, 1, 1],
        "what others bought is none of his: {events:#?}"
    );
    site.line("person export nobody").badly(&["nothing in the log", "--merchant"]);

    // Words of before are destroyed by newer ones; no file of the data directory ever has any.
    site.line("person label openid:o8f --text ann@example.net").well().tells(&["destroyed"]);
    let (labels, ..) = exported(&site, "openid:o8f");
    assert!(labels.iter().any(|label| label["text"] == "ann@example.net") && labels.len() == 2, "{labels:?}");
    let backup = site.path().join("keys-of-before");
    copy(&keys, &backup);

    site.line("person erase phone:13800138000 --reason 17").well().tells(&["2 of 2 users"]);
    let hidden = |labels: &[Value]| labels.iter().all(|label| label["text"].is_null());
    assert!(hidden(&exported(&site, "phone:13800138000").0));
    for (file, bytes) in [files(site.data()), files(&keys)].concat() {
        for words in ["13800138000", "ann@example"] {
            let found = bytes.windows(words.len()).any(|window| window == words.as_bytes());
            assert!(!found, "{words} lies in {}", file.display());
        }
    }
    // Units, money and limits stay: he is the same buyer under the same hash.
    site.line("sell game --channel own --user phone:13800138000").badly(&["USER_LIMIT"]);
    site.line("card claim tea5 --user phone:13800138000").badly(&["USER_LIMIT"]);
    site.line(&format!("card show {card}")).well().tells(&[&card]);

    // Keys that a backup brings back are destroyed before anybody is served.
    server.kill();
    copy(&backup, &keys);
    let server = site.serve(&[]);
    assert!(hidden(&exported(&site, "phone:13800138000").0));
    // Whoever comes again is known again.
    site.line("person label phone:13800138000").well();
    let server = after_a_kill(&site, server);
    let (labels, events, person) = exported(&site, "phone:13800138000");
    assert!(labels.iter().any(|label| label["text"] == "phone:13800138000"), "{person}");
    assert!(
        events.iter().any(|event| event.starts_with("erased") && event.contains("reason=17")),
        "{events:#?}"
    );
    site.line("person erase somebody:else").well().tells(&["0 of 1 users"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

//! Codes that were not generated, through the real binary: a file of another system's codes with bad rows, and SUMMER26.

use scrip_tests::processes::site::Site;
use std::fs;

/// Every file below a directory, as bytes.
fn bytes_of(directory: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => all.extend(bytes_of(&path)),
            false => all.extend(fs::read(&path).unwrap_or_default()),
        }
    }
    all
}

#[test]
fn codes_of_another_system_are_imported_once_and_open_their_cards() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("campaign create tea5 --kind amount-off --value 5.00 --units 100 --run").well();
    site.line("card issue tea5 --count 1").well();
    let exported = site.path().join("own.csv");
    site.line(&format!("code export tea5 --out {}", exported.display())).well();
    let own = fs::read_to_string(&exported).expect("an export");
    let own = own.lines().nth(1).and_then(|line| line.rsplit(',').next()).expect("a code");
    let file = site.path().join("codes.txt");
    let rows = ["OLD-0001", "old-0001", "", "OLD-0002", "no code!", own, "ab", "ＯＬＤ－0003"];
    fs::write(&file, rows.join("\n")).expect("a file of codes");
    let import = format!("code import tea5 {}", file.display());
    let tried = site.line(&format!("{import} --dry-run"));
    tried.tells(&["ok 3, duplicate 1, invalid 3, blank 1; nothing changed"]);
    let first = site.line(&import);
    assert_ne!(first.status, Some(0), "rows were left out: {first:#?}");
    first.tells(&["ok 3, duplicate 1, invalid 3, blank 1", "each code that is ok has a card of tea5"]);
    first.tells(&["lines 5 (a code has A-Z, 0-9, '-' and '_'), 6 (it has the form of a generated code)"]);
    site.line(&import).tells(&["ok 0, duplicate 1, already there 3, invalid 3, blank 1"]);
    site.line("campaign show tea5").well().tells(&["4"]);
    let server = site.again(server);
    site.line("code check old-0002").well().tells(&["given, not generated", "tea5", "state      active"]);
    let redeem = "card redeem old-0002 --amount 20.00 --order o1";
    site.line(redeem).well().tells(&["discount   5.00", "1 used, 0 left"]);
    site.line("card redeem OLD-0002 --amount 20.00 --order o2").badly(&["USED"]);
    site.line("card redeem OLD-0009 --amount 20.00").badly(&["NOT_FOUND"]);
    site.line("code check 15nm7-4akdz-wnw4z-3jfmn").badly(&["mistyped"]);
    site.line("code check OLD-0009").badly(&["no such code was given"]);
    server.kill();
    site.verify();
    // Who has the data directory has no code.
    let all = bytes_of(site.data());
    for code in [&b"OLD-0001"[..], b"OLD-0002", b"OLD-0003"] {
        assert!(!all.windows(code.len()).any(|window| window == code), "a code lies in the clear");
    }
}

#[test]
fn a_card_is_claimed_under_summer26_once_by_everybody() {
    let site = Site::new();
    let server = site.serve(&[]);
    let create = "campaign create summer --kind amount-off --value 5.00 --units 100 --limit-per-user 1 --run";
    site.line(create).well();
    site.line("card claim --code SUMMER26 --user u1").badly(&["NOT_FOUND", "scrip code set"]);
    site.line("code set summer26 summer").well().tells(&["claimed under this code"]);
    let claim = site.line("card claim --code Summer26 --user u1").well();
    let card = claim.field("card").to_owned();
    site.line("card claim --code SUMMER26 --user u1").badly(&["USER_LIMIT"]);
    let server = site.again(server);
    site.line("card claim --code SUMMER26 --user u2").well();
    site.line("code check SUMMER26").well().tells(&["claims     cards of summer"]);
    site.line(&format!("card redeem {card} --amount 20.00 --user u1")).well().tells(&["discount   5.00"]);
    site.line("code unset SUMMER26").well();
    site.line("card claim --code SUMMER26 --user u3").badly(&["NOT_FOUND"]);
    site.line("code set 15nm7-4akdz-wnw4z-3jfmm summer").badly(&["form of a generated code"]);
    site.line("wallet u2").well().tells(&["summer", "1 cards of u2"]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

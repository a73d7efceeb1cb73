//! Campaigns, cards and codes through the real binary: the guide's life of a coupon command by command, and what only a door can get
//! wrong: whose card a code opens, who may, and what is never printed.

use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use std::fs;
use std::path::Path;

fn shop() -> (Site, Server) {
    let site = Site::new();
    let server = site.serve(&[]);
    (site, server)
}

/// What stands behind a word at the beginning of a line.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with(' ')))?;
    Some(line.trim().to_owned())
}

/// The codes of an exported file.
fn codes(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("an exported file");
    assert_eq!(text.lines().next(), Some("serial,card,code"));
    text.lines().skip(1).map(|line| line.rsplit(',').next().expect("a code").to_owned()).collect()
}

/// The commands of a section of the guide, without their comments.
fn commands_of(section: &str) -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide.md");
    let text = fs::read_to_string(guide).expect("the guide");
    let text = text.split_once(&format!("## {section}\n")).expect("its section").1;
    let text = text.split("\n## ").next().unwrap_or_default();
    let commands = text.lines().filter_map(|line| line.strip_prefix("    scrip "));
    commands.map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn the_life_of_a_coupon_in_the_guide_runs_as_it_stands_there() {
    let (site, server) = shop();
    let out = site.path().join("codes.csv");
    let (mut card, mut code) = (String::new(), String::new());
    let commands = commands_of("The life of a coupon");
    assert!(commands.len() >= 20, "{commands:#?}");
    for command in &commands {
        let line = command.replace("codes.csv", out.to_str().expect("a plain path"));
        let line = line.replace("CARD", &card).replace("CODE", &code);
        let text = site.line(&line).well().stdout;
        if let Some(printed) = field(&text, "card") {
            card = printed;
        }
        if command.starts_with("code export") {
            code = codes(&out)[4_711].clone();
        }
        assert!(code.is_empty() || !text.contains(&code), "{command} prints a code: {text}");
        let expected: &[&str] = match command.as_str() {
            "wallet u1 --usable" => &["active", "tea5", "1 cards of u1"],
            "card show CARD" => &["state      used", "units      0 left, 1 used", "redeemed"],
            "card reverse T7-coupon" => &["reversed   1 units; the card has 1 left"],
            "campaign edit tea5 --value 6.00" => &["worth      6.00 off", "state      paused"],
            "code check CODE" => &["well written", "*****", "state      inactive"],
            "card activate CODE" => &["state      active", "units      2 left"],
            "card freeze CODE" => &["state      frozen", "units      1 left, 1 used"],
            "card void CODE" => &["state      void", "1 used, 1 void"],
            "campaign stop print" => &["state      stopped", "50,000 issued"],
            command if command.starts_with("card redeem CARD") => &["discount   5.00", "1 used, 0 left"],
            _ => &[],
        };
        for words in expected {
            assert!(text.contains(words), "{command}: no {words:?} in {text}");
        }
    }
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn a_code_opens_its_own_merchants_card_and_everything_else_is_not_found_alike() {
    let (site, server) = shop();
    site.line("campaign create cup --kind item --units 10 --run").well();
    site.line("card issue cup --count 3").well();
    let out = site.path().join("codes.csv");
    site.line(&format!("code export cup --out {}", out.display())).well();
    site.line(&format!("code export cup --out {}", out.display())).badly(&["not written over", "--out"]);
    let codes = codes(&out);
    assert_eq!(codes.len(), 3);
    let told = |line: &str| {
        let text = site.line(line).badly(&["NOT_FOUND", "scrip wallet"]).stderr;
        text.replace(line, "")
    };
    // Well written, but never made: another payload under the same check character does not open.
    let never = "15NM74AKDZWNW4Z3JFMM";
    let other = site.line("token create --name other --merchant 2").well().stdout;
    let strange = told(&format!("card show {} --token {}", codes[0], other.trim()));
    assert!(!strange.contains(&codes[0]), "{strange}");
    // A card that was not issued yet.
    let first = site.line(&format!("card show {}", codes[0])).well().stdout;
    let card = field(&first, "card").expect("an id");
    let number = u64::from_str_radix(&card, 16).expect("an id");
    assert_eq!(told(&format!("card show {:016x}", number + 3)), strange);
    // Its slot is another one's: that much a code says to anyone.
    site.line(&format!("card show {never}")).badly(&["NOT_FOUND"]);
    // Two neighbours exchanged: told here, before the server is asked.
    let mut letters = codes[0].clone().into_bytes();
    let at = (5..18).find(|&at| letters[at] != letters[at + 1]).expect("a code of more than one letter");
    letters.swap(at, at + 1);
    let mistyped = String::from_utf8(letters).expect("ASCII");
    site.line(&format!("card show {mistyped}")).badly(&["mistyped"]);
    site.line(&format!("code check {mistyped}")).badly(&["mistyped", "scrip code check"]);
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn a_till_may_redeem_and_nothing_else() {
    let (site, server) = shop();
    site.line("campaign create cup --kind item --units 10 --run").well();
    let text = site.line("card issue cup --user u1 --count 2").well().stdout;
    let cards = field(&text, "cards").expect("two cards");
    let card = cards.split(' ').nth(1).expect("the first");
    let made = site.line("token create --name till --merchant 1 --verb redeem").well().stdout;
    let till = made.trim();
    let redeem = format!("card redeem {card} --operation T1-c --token {till}");
    let first = site.line(&redeem).well().stdout;
    assert_eq!(site.line(&redeem).well().stdout, first, "a repeat is the same redemption");
    site.line(&format!("card void {card} --token {till}")).badly(&["FORBIDDEN", "--verb"]);
    site.line(&format!("card issue cup --user u1 --token {till}")).badly(&["FORBIDDEN", "--verb issue"]);
    site.line(&format!("card redeem {card} --operation T2-c")).badly(&["USED", "scrip card show"]);
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn codes_survive_a_restart_and_no_log_has_one() {
    let (site, server) = shop();
    site.line("campaign create cup --kind item --units 10 --run").well();
    site.line("card issue cup --count 1").well();
    let out = site.path().join("codes.csv");
    site.line(&format!("code export cup --out {}", out.display())).well();
    let code = codes(&out).remove(0);
    assert_eq!(server.stop().status.code(), Some(0));
    let server = site.serve(&[]);
    let text = site.line(&format!("card redeem {}", code.to_lowercase())).well().stdout;
    assert!(text.contains("1 used, 0 left"), "{text}");
    let stopped = server.stop();
    assert_eq!(stopped.status.code(), Some(0));
    assert!(!stopped.stderr.contains(&code), "{}", stopped.stderr);
}

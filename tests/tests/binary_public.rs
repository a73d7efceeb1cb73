//! Public tokens through the real binary: a front into which anybody types codes learns that one does not work, never why; and codes
//! in vain end in THROTTLED.

use scrip_client::{CardCode, CardName, ClientOptions, Code, Error, Redeem, RetryPolicy};
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::site::{Said, Site};
use std::fs;

/// The codes of a new campaign's bearer cards.
fn codes_of(site: &Site, name: &str, count: u32, further: &str) -> Vec<String> {
    site.line(&format!("campaign create {name} --kind item --units 10 --run {further}")).well();
    site.line(&format!("card issue {name} --count {count}")).well();
    let out = site.path().join(format!("{name}.csv"));
    site.line(&format!("code export {name} --out {}", out.display())).well();
    let text = fs::read_to_string(&out).expect("the exported file");
    text.lines().skip(1).map(|line| line.rsplit(',').next().expect("a code").to_owned()).collect()
}

fn public_token(site: &Site) -> String {
    let made = site.line("token create --name front --merchant 1 --public --verb redeem --verb read").well();
    made.stdout.trim().to_owned()
}

/// What a refusal says, without the card's name.
fn told(said: &Said, code: &str) -> String {
    let masked: String = code.chars().take(5).collect();
    let line = said.stderr.lines().next().unwrap_or_default();
    line.split_whitespace().filter(|word| !word.contains(&masked)).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_public_token_learns_that_a_code_does_not_work_and_never_why() {
    for further in [&[][..], &["--shards", "2"][..]] {
        let site = Site::new();
        let server = site.serve(further);
        let codes = codes_of(&site, "cup", 6, "--scope store=7");
        let late = codes_of(&site, "late", 1, "--valid-from-ms 4070908800000");
        let front = public_token(&site);
        assert!(site.line("token list").well().stdout.contains("(public)"));
        let redeem = |code: &str, store: u32, number: usize| {
            site.line(&format!("card redeem {code} --store {store} --operation F-{number} --token {front}"))
        };
        let stranger = site.line("token create --name other --merchant 2").well().stdout;
        for line in [
            format!("card redeem {} --store 7 --operation used", codes[0]),
            format!("card void {}", codes[1]),
            format!("card freeze {}", codes[2]),
        ] {
            site.line(&line).well();
        }
        let mut heard = Vec::new();
        for (number, (code, store)) in
            [(&codes[0], 7), (&codes[1], 7), (&codes[2], 7), (&codes[3], 8), (&late[0], 7)]
                .into_iter()
                .enumerate()
        {
            let said = redeem(code, store, number).badly(&["NOT_FOUND"]);
            heard.push(told(&said, code));
        }
        assert!(heard.windows(2).all(|two| two[0] == two[1]), "{heard:#?}");
        // Whom the shop trusts hears why.
        site.line(&format!("card redeem {} --store 8 --operation S-1", codes[3])).badly(&["OUT_OF_SCOPE"]);
        site.line(&format!("card redeem {} --store 7 --operation S-2", codes[0])).badly(&["USED"]);
        let said =
            site.line(&format!("card redeem {} --token {} --operation S-3", codes[4], stranger.trim()));
        said.badly(&["NOT_FOUND"]);
        // A code that works, works, and its repeat is the same; by their numbers cards are named by those who are trusted.
        let first = redeem(&codes[4], 7, 100).well().stdout;
        assert_eq!(redeem(&codes[4], 7, 100).well().stdout, first);
        let shown = site.line(&format!("card show {}", codes[5])).well();
        let card = shown.field("card").to_owned();
        for line in [
            format!("card redeem {card} --store 7"),
            format!("card show {}", codes[5]),
            format!("card show {card}"),
            "wallet u1".to_owned(),
            format!("quote --line 1:0:1.00:1 --card {card}"),
        ] {
            site.line(&format!("{line} --token {front}")).badly(&["FORBIDDEN"]);
        }
        redeem(&codes[5], 7, 101).well();
        assert_eq!(server.stop().status.code(), Some(0));
    }
}

#[test]
fn codes_in_vain_end_in_throttled_for_their_token_alone() {
    let site = Site::new();
    let server = site.serve(&["--code-failures-max", "3"]);
    let codes = codes_of(&site, "cup", 2, "");
    site.line(&format!("card redeem {} --operation used", codes[0])).well();
    let front = public_token(&site);
    // A client that does not wait for the next minute to try again.
    let options = ClientOptions::new(front.parse().expect("a token"));
    let retry = RetryPolicy { busy: false, ..options.retry };
    let caller = Caller::try_connect(server.listen, ClientOptions { retry, ..options }).expect("a welcome");
    let code = CardCode::read(&codes[0]).expect("a code");
    let attempt = || {
        let redeem = Redeem::new(caller.client.operation(), CardName::Code(code), 0);
        match caller.wait(caller.client.redeem(redeem)) {
            Err(Error::Rejected(rejection)) => rejection.code,
            other => panic!("the card is used: {other:?}"),
        }
    };
    // A minute may end meanwhile, and the count begin anew: of 30 attempts at most three are looked up in each.
    let heard: Vec<Code> = (0..30).map(|_| attempt()).collect();
    let looked_up = heard.iter().take_while(|code| **code == Code::NotFound).count();
    assert!(looked_up >= 3 && heard.contains(&Code::Throttled), "{heard:?}");
    // Another token is not held up by it, nor by codes that open a card which is used.
    for number in 0..5 {
        site.line(&format!("card redeem {} --operation U-{number}", codes[0])).badly(&["USED"]);
    }
    site.line(&format!("card redeem {} --operation W-1", codes[1])).well();
    assert_eq!(server.stop().status.code(), Some(0));
}

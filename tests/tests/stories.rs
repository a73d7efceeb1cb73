//! What users do, from beginning to end with the real binary: the first ten minutes as they are typed, a sale of card keys
//! on four channels, and payments that come twice, late or after the refund.
//!
//! Invariant checked throughout: a key has one buyer, and a repeat never brings another key.

use scrip_client::{ChannelId, Client, Code, Error, Line, Sell, StockId, channel_id};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::{Said, Site};
use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;
use tokio::task::JoinSet;

/// Commands under way at once.
const UNDER_WAY: usize = 256;

/// Asks until what should be said is said.
fn until(ask: impl Fn() -> Said, reached: impl Fn(&Said) -> bool) -> Said {
    let end = Instant::now() + PATIENCE;
    loop {
        let said = ask().well();
        if reached(&said) {
            return said;
        }
        assert!(Instant::now() < end, "{said:#?}");
    }
}

/// What was refused and why, without the server's address: it changes with a restart.
fn refusal(said: &Said) -> &str {
    said.stderr.split_once("refused: ").unwrap_or_else(|| panic!("no refusal: {said:#?}")).1
}

/// 10,000 lines: 9,988 keys, 9 of them once more, 3 blank lines.
fn keys_file() -> String {
    let mut lines: Vec<String> =
        (0..9_988).map(|number| format!("STEAM-{number:05}-{:05}", number * 7)).collect();
    for copy in 0..9 {
        lines.insert(1_000 * (copy + 1), lines[copy * 11].clone());
    }
    for blank in ["", "  ", "\t"] {
        lines.insert(5_000, blank.to_owned());
    }
    assert_eq!(lines.len(), 10_000);
    lines.join("\n") + "\n"
}

#[test]
fn the_first_minute_is_a_demo_that_proves_itself() {
    let said = Site::at_home().typed("scrip demo").well();
    for words in ["sold 100000/100000", "oversold 0", "lost 0", "kill -9"] {
        assert!(said.stdout.contains(words), "{words}: {said:#?}");
    }
}

#[test]
fn the_first_ten_minutes_work_as_they_are_typed() {
    let site = Site::at_home();
    fs::write(site.path().join("keys.txt"), keys_file()).expect("a temporary file");
    let server = site.serve(&[]);
    for word in ["driver=", "(", "listen=127.0.0.1:", "http=127.0.0.1:", "data=", "token=scrip_"] {
        assert!(server.ready_line().contains(word), "{word}: {}", server.ready_line());
    }
    let said = site.typed("scrip stock create steam50 --keys --limit-per-user 1").well();
    assert!(said.stdout.contains("limit per user 1"), "{said:#?}");
    let said = site.typed("scrip stock quota steam50 taobao=3000 pdd=2000 mini=2000 own=rest").well();
    assert_eq!(said.row("taobao")[..2], ["0", "3000"], "{said:#?}");
    assert!(said.stdout.contains("say own=rest again after the import"), "{said:#?}");

    let said = site.typed("scrip keys import steam50 keys.txt --dry-run").well();
    assert!(said.stdout.contains("ok 9,988, duplicate 9, blank 3; nothing changed\n"), "{said:#?}");
    assert_eq!(site.typed("scrip stock show steam50").well().field("total"), "0");
    let said = site.typed("scrip keys import steam50 keys.txt").well();
    assert!(said.stdout.contains("ok 9,988, duplicate 9, blank 3\n"), "{said:#?}");
    assert_eq!(site.typed("scrip stock show steam50").well().field("available"), "9988");
    let said = site.typed("scrip stock quota steam50 own=rest").well();
    assert_eq!(said.row("own")[0], "2988", "{said:#?}");

    let sale = "scrip sell steam50 --channel taobao --user u1 --order T1 --operation T1-1";
    let first = site.typed(sale).well();
    assert!(first.stdout.contains("****0000"), "the first key of the file, masked: {first:#?}");
    assert!(!first.stdout.contains("STEAM-00000"), "{first:#?}");
    assert_eq!(site.typed(sale).well().stdout, first.stdout);
    let two = sale.replace("steam50 ", "steam50:2 ");
    site.typed(&two).badly(&["OPERATION_MISMATCH", "scrip hold show T1-1"]);
    let second = sale.replace("T1-1", "T1-2");
    site.typed(&second).badly(&["USER_LIMIT", "scrip stock limit steam50"]);

    let server = site.again(server);
    let said = site.typed("scrip keys show T1-1").well();
    assert!(said.stdout.ends_with(" ****0000\n"), "{said:#?}");
    let said = site.typed("scrip order show T1").well();
    assert_eq!(said.field("state"), "sold", "{said:#?}");
    assert!(said.stdout.contains("item       steam50: 1 reserved, 1 sold"), "{said:#?}");
    assert!(
        said.stdout.contains(" ****0000\n") && !said.stdout.contains("STEAM-"),
        "the same key: {said:#?}"
    );
    assert_eq!(site.typed(sale).well().stdout, first.stdout, "after kill -9, too");
    assert_eq!(site.typed("scrip keys reveal T1-1").well().stdout, "STEAM-00000-00000\n");
    let said = until(|| site.typed("scrip top"), |said| said.stdout.contains("steam50"));
    assert_eq!(said.row("steam50")[..4], ["0", "1", "0", "9987"], "{said:#?}");
    assert_eq!(said.row("taobao")[..2], ["0", "1"], "{said:#?}");
    assert!(said.stdout.contains("p99 "), "{said:#?}");
    assert_eq!(server.stop().status.code(), Some(0));
    assert_eq!(site.verify()["oversold"], 0);
}

/// Buys one unit for each of these users on a channel; answers the keys that were sold and the refusals.
fn buy(
    caller: &Caller,
    stock: StockId,
    channel: &str,
    users: std::ops::Range<u32>,
) -> (Vec<String>, Vec<Code>) {
    let channel = channel_id(channel).expect("a well-known name");
    caller.wait(async {
        let (mut keys, mut codes, mut under_way) = (Vec::new(), Vec::new(), JoinSet::new());
        for user in users {
            if under_way.len() == UNDER_WAY {
                sort(under_way.join_next().await, &mut keys, &mut codes);
            }
            under_way.spawn(buy_one(caller.client.clone(), stock, channel, user));
        }
        while let Some(bought) = under_way.join_next().await {
            sort(Some(bought), &mut keys, &mut codes);
        }
        (keys, codes)
    })
}

type Bought = Result<String, Error>;

async fn buy_one(client: Client, stock: StockId, channel: ChannelId, user: u32) -> Bought {
    let user = client.user_id(&format!("buyer-{user}"))?;
    let request = Sell { user, ..Sell::new(client.operation(), vec![Line::new(stock, 1)]) };
    let sold = client.on_channel(channel).sell(request).await?;
    let sold = sold.confirmed().expect("it does not wait");
    let [key] = sold.keys.keys.as_slice() else { panic!("one key: {:?}", sold.keys) };
    Ok(key.text.as_ref().expect("it is the buyer's").reveal().to_owned())
}

fn sort(
    bought: Option<Result<Bought, tokio::task::JoinError>>,
    keys: &mut Vec<String>,
    codes: &mut Vec<Code>,
) {
    match bought.expect("one is under way").expect("it does not panic") {
        Ok(key) => keys.push(key),
        Err(Error::Rejected(rejection)) => codes.push(rejection.code),
        Err(error) => panic!("neither sold nor refused: {error}"),
    }
}

#[test]
fn ten_thousand_keys_on_four_channels_sell_out_once_and_what_marketplaces_leave_flows_back() {
    let site = Site::new();
    let keys: BTreeSet<String> = (0..10_000).map(|number| format!("GAME-{number:05}-KEY")).collect();
    let file = site.path().join("games.txt");
    fs::write(&file, keys.iter().map(|key| format!("{key}\n")).collect::<String>()).expect("a file");
    let server = site.serve(&[]);
    site.line("stock create games --keys --limit-per-user 1").well();
    site.line(&format!("keys import games {}", file.display())).well();
    let quotas = "taobao=3000..3000 pdd=2000..2000 mini=1000.. own=rest";
    let said = site.line(&format!("stock quota games {quotas}")).well();
    assert_eq!(said.row("own")[0], "4000", "{said:#?}");

    let caller = Caller::connect(server.listen, server.token());
    let stock = caller.client.stock_id("games").expect("a name");
    let mut sold = Vec::new();
    let mut sell = |caller: &Caller, channel: &str, users: std::ops::Range<u32>, expected: usize, code| {
        let asked = users.len();
        let (keys, codes) = buy(caller, stock, channel, users);
        assert_eq!((keys.len(), codes.len()), (expected, asked - expected), "{channel}: {:?}", codes.first());
        assert!(codes.iter().all(|found| *found == code), "{channel}: {:?}", codes.first());
        sold.extend(keys);
    };
    // What others are guaranteed is out of reach, however early one comes; and a cap is a cap.
    sell(&caller, "own", 0..4_200, 4_000, Code::ChannelQuota);
    sell(&caller, "taobao", 10_000..10_700, 700, Code::ChannelQuota);
    sell(&caller, "pdd", 20_000..22_100, 2_000, Code::ChannelQuota);
    let server = site.again(server);
    let caller = Caller::connect(server.listen, server.token());
    sell(&caller, "mini", 30_000..31_100, 1_000, Code::ChannelQuota);
    // Nobody buys a second one, on whatever channel. (2,300 units are left, taobao's alone.)
    sell(&caller, "taobao", 0..100, 0, Code::UserLimit);
    assert_eq!(site.line("stock quota games").well().row("taobao")[2..5], ["0", "700", "2300"]);
    sell(&caller, "own", 40_000..40_100, 0, Code::ChannelQuota);

    site.line("stock quota games taobao=3000..3000 --lapses-in 3s").well();
    until(|| site.line("stock quota games"), |said| said.row("taobao")[0] == "0");
    sell(&caller, "own", 40_000..42_400, 2_300, Code::OutOfStock);
    assert_eq!(sold.len(), 10_000);
    assert!(sold.into_iter().collect::<BTreeSet<_>>() == keys, "each key was sold, once");
    let shown = caller.show(stock);
    assert_eq!((shown.available, shown.held, shown.consumed), (0, 0, 10_000));
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

/// A server with three keys of `game`, which expire holds at once when they are told to.
fn three_keys(site: &Site, flags: &[&str]) -> Server {
    let file = site.path().join("three.txt");
    fs::write(&file, "GAME-AAAA\nGAME-BBBB\nGAME-CCCC\n").expect("a file");
    let server = site.serve(flags);
    site.line("stock create game --keys").well();
    site.line(&format!("keys import game {}", file.display())).well();
    server
}

/// Reserves under a reference for a moment, and waits until that is over.
fn reserve_and_expire(site: &Site, reference: &str, units: u32) {
    site.line(&format!("reserve game:{units} --channel own --operation {reference} --ttl 50ms")).well();
    let show = format!("hold show {reference}");
    until(|| site.line(&show), |said| said.field("state").starts_with("expired"));
}

#[test]
fn a_payment_callback_that_comes_twice_or_at_once_from_many_delivers_one_key() {
    let site = Site::new();
    let server = three_keys(&site, &[]);
    site.line("reserve game --channel taobao --order T1 --operation T1-1").well();
    let pages: Vec<String> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4).map(|_| scope.spawn(|| site.line("confirm T1-1").well().stdout)).collect();
        tries.into_iter().map(|page| page.join().expect("it ran")).collect()
    });
    assert!(pages[0].contains("****AAAA") && pages.windows(2).all(|pair| pair[0] == pair[1]), "{pages:#?}");
    let server = site.again(server);
    assert_eq!(site.line("confirm T1-1").well().stdout, pages[0]);
    assert_eq!(site.line("stock show game").well().field("sold"), "1");
    drop(server);
}

#[test]
fn a_payment_callback_that_comes_after_the_hold_has_expired_is_delivered_while_a_key_is_there() {
    let site = Site::new();
    let server = three_keys(&site, &[]);
    reserve_and_expire(&site, "late", 2);
    assert_eq!(site.line("stock show game").well().field("available"), "3");
    let paid = site.line("confirm late").well();
    assert!(paid.field("sold").ends_with("after the hold had expired"), "{paid:#?}");
    assert!(paid.stdout.contains("****AAAA") && paid.stdout.contains("****BBBB"), "{paid:#?}");
    let server = site.again(server);
    assert_eq!(site.line("confirm late").well().stdout, paid.stdout);
    assert_eq!(site.line("keys reveal late").well().stdout, "GAME-AAAA\nGAME-BBBB\n");
    drop(server);
}

#[test]
fn a_payment_callback_after_the_shop_has_refunded_never_delivers() {
    let site = Site::new();
    let server = three_keys(&site, &[]);
    // Expired, and the keys are gone: the shop is told to refund.
    reserve_and_expire(&site, "slow", 1);
    site.line("sell game:3 --channel own --operation quick").well();
    let refused = site.line("confirm slow").badly(&["HOLD_EXPIRED_NO_STOCK", "refund the buyer"]);
    // Paid at a marketplace when nothing is left: the same.
    let paid = "sell game --channel pdd --operation paid --paid";
    site.line(paid).badly(&["OUT_OF_STOCK"]);
    // Keys come back; the callbacks, too.
    fs::write(site.path().join("more.txt"), "GAME-DDDD\nGAME-EEEE\n").expect("a file");
    site.line(&format!("keys import game {} --batch 2", site.path().join("more.txt").display())).well();
    let server = site.again(server);
    assert_eq!(refusal(&site.line("confirm slow").badly(&[])), refusal(&refused));
    site.line(paid).badly(&["OUT_OF_STOCK"]);
    assert_eq!(site.line("stock show game").well().field("available"), "2");
    // A sale that was refunded keeps its keys, void: its callback brings no others.
    site.line("return quick --to-void --operation refund-1").well();
    let repeat = site.line("confirm quick").well();
    for key in ["****AAAA  void", "****BBBB  void", "****CCCC  void"] {
        assert!(repeat.stdout.contains(key), "{key}: {repeat:#?}");
    }
    assert_eq!(site.line("stock show game").well().field("available"), "2");
    drop(server);
}

#[test]
fn a_payment_callback_beyond_the_window_of_late_ones_is_refused_for_good() {
    const WINDOW_MS: u64 = 100;
    let site = Site::new();
    let server = three_keys(&site, &["--late-confirm-ms", &WINDOW_MS.to_string()]);
    reserve_and_expire(&site, "stale", 1);
    let caller = Caller::connect(server.listen, server.token());
    let stock = caller.client.stock_id("game").expect("a name");
    // Server time passes as questions are answered.
    let (began_ms, end) = (caller.client.now_ms(), Instant::now() + PATIENCE);
    while caller.client.now_ms() <= began_ms + WINDOW_MS {
        caller.show(stock);
        assert!(Instant::now() < end, "server time stands still");
    }
    let refused = site.line("confirm stale").badly(&["HOLD_EXPIRED_NO_STOCK", "EXPIRED", "refund"]);
    assert_eq!(site.line("confirm stale").badly(&[]).stderr, refused.stderr);
    assert_eq!(caller.show(stock).available, 3);
}

#[test]
fn many_at_once_of_one_buyer_get_no_more_than_the_limit_and_others_get_all_the_rest() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --units 1000 --limit-per-user 3").well();
    let callers: Vec<Caller> = (0..4).map(|_| Caller::connect(server.listen, server.token())).collect();
    let stock = callers[0].client.stock_id("card").expect("a name");
    let attempts = 300;
    let taken: usize = std::thread::scope(|scope| {
        let tries: Vec<_> =
            callers.into_iter().map(|caller| scope.spawn(move || race(&caller, stock, attempts))).collect();
        tries.into_iter().map(|tried| tried.join().expect("it ran")).sum()
    });
    assert_eq!(taken, 3 + (1_000 - 3), "the limit for one, and not a unit left");
    assert_eq!(site.line("stock show card").well().field("available"), "0");
}

/// Every second attempt is the same buyer's, the others are buyers of their own; answers how many were sold.
fn race(caller: &Caller, stock: StockId, attempts: usize) -> usize {
    caller.wait(async {
        let mut under_way = JoinSet::new();
        for attempt in 0..2 * attempts {
            let client = caller.client.clone();
            under_way.spawn(async move {
                let operation = client.operation();
                let user = match attempt % 2 {
                    0 => client.user_id("greedy").expect("a reference"),
                    _ => scrip_client::UserId(operation.id.0),
                };
                match client.sell(Sell { user, ..Sell::new(operation, vec![Line::new(stock, 1)]) }).await {
                    Ok(_) => 1,
                    Err(Error::Rejected(rejection)) => {
                        assert!(
                            matches!(rejection.code, Code::UserLimit | Code::OutOfStock),
                            "{rejection:?}"
                        );
                        0
                    }
                    Err(error) => panic!("neither sold nor refused: {error}"),
                }
            });
        }
        under_way.join_all().await.into_iter().sum()
    })
}

#[test]
fn an_import_and_an_order_of_ten_thousand_keys_are_whole() {
    let site = Site::new();
    let file = site.path().join("all.txt");
    let text: String = (0..10_000).map(|number| format!("BULK-{number:05}\n")).collect();
    fs::write(&file, &text).expect("a file");
    let server = site.serve(&[]);
    site.line("stock create bulk --keys").well();
    let said = site.line(&format!("keys import bulk {}", file.display())).well();
    assert!(said.stdout.contains("ok 10,000\n"), "{said:#?}");
    let sold = site.line("sell bulk:10000 --channel own --operation B1").well();
    assert!(sold.stdout.contains("of 10000: `scrip keys show B1` shows all"), "{sold:#?}");
    let server = site.again(server);
    assert_eq!(site.line("keys reveal B1").well().stdout, text);
    assert_eq!(site.line("keys show B1").well().stdout.lines().count(), 10_000);
    drop(server);
}

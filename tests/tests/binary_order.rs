//! `scrip order show` through the real binary: all that was sold and held for an order, its keys masked, page by page.

use scrip_client::{Line, Sell};
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use std::fs;

/// A server with a stock of two card keys and one of 1,000 units.
fn shop() -> (Site, Server) {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --keys").well();
    site.line("stock create gift --units 1000").well();
    let path = site.path().join("keys.txt");
    fs::write(&path, "KEY-AAAA-1111\nKEY-BBBB-2222\n").expect("a temporary file");
    site.line(&format!("keys import card {}", path.to_str().expect("a plain path"))).well();
    (site, server)
}

#[test]
fn an_order_shows_its_holds_newest_first_with_names_states_and_masked_keys() {
    let (site, server) = shop();
    let nothing = ["knows nothing of order T1", "operation window", "scrip log cat", "--order"];
    site.line("order show T1").badly(&nothing);
    site.line("sell card gift:3 --channel taobao --user u1 --order T1 --operation T1-1").well();
    site.line("reserve gift:2 --channel own --user u1 --order T1 --operation T1-2").well();
    site.line("sell card:9 --channel own --order T1 --operation T1-3 --paid").badly(&["OUT_OF_STOCK"]);
    site.line("sell gift --channel own --order T2 --operation T2-1").well();
    let text = site.line("order show T1").well().stdout;
    let places: Vec<usize> = [
        "state      refused after payment: refund it (OUT_OF_STOCK)",
        "item       card: 0 reserved",
        "state      held",
        "item       gift: 2 reserved, 0 sold",
        "state      sold",
        "channel    taobao",
        "item       card: 1 reserved, 1 sold",
        "item       gift: 3 reserved, 3 sold",
        "****1111",
    ]
    .into_iter()
    .map(|words| text.find(words).unwrap_or_else(|| panic!("no {words:?}: {text}")))
    .collect();
    assert!(places.is_sorted(), "the newest first: {places:?} {text}");
    assert_eq!(text.matches("hold  ").count(), 3, "{text}");
    assert!(!text.contains("KEY-"), "{text}");

    let shown = site.line("order show T1 --json").well().json();
    let states: Vec<_> =
        shown["holds"].as_array().expect("holds").iter().map(|hold| &hold["state"]).collect();
    assert_eq!(states, ["refused", "held", "confirmed"]);
    assert_eq!((&shown["order"], &shown["whole"]), (&"T1".into(), &true.into()));
    let sold = &shown["holds"][2];
    assert_eq!((&sold["lines"][1]["name"], &sold["lines"][1]["sold"]), (&"gift".into(), &3.into()));
    assert_eq!((&sold["keys_total"], &sold["keys"][0]["text"]), (&1.into(), &"****1111".into()));
    // What it printed is taken back.
    let hold = sold["hold"].as_str().expect("an id");
    assert!(site.line(&format!("hold show {hold}")).well().stdout.contains("gift: 3 reserved"));

    let made = site.line("token create --name reader --merchant 1 --verb read").well().stdout;
    let token = made.trim();
    let text = site.line(&format!("order show T1 --token {token}")).well().stdout;
    assert!(text.contains("keys       not for this token") && !text.contains("****1111"), "{text}");
    let made = site.line("token create --name seller --merchant 1 --verb sell").well().stdout;
    let token = made.trim();
    site.line(&format!("order show T1 --token {token}")).badly(&["FORBIDDEN", "--verb read"]);
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn an_order_of_many_holds_is_shown_whole_after_a_kill() {
    let (site, server) = shop();
    let caller = Caller::connect(server.listen, server.token());
    let stock = caller.client.stock_id("gift").expect("a name");
    let order = caller.client.order_id("BIG").expect("an order");
    let made: Vec<_> = (0..150)
        .map(|_| {
            let operation = caller.client.operation();
            let request = Sell { order, ..Sell::new(operation, vec![Line::new(stock, 1)]) };
            caller.wait(caller.client.sell(request)).expect("there is stock");
            operation.id
        })
        .collect();
    server.kill();
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page =
            caller.wait(caller.client.order_show(order, caller.client.home_slot(), after)).expect("a page");
        seen.extend(page.holds.iter().map(|hold| hold.id));
        pages += 1;
        after = page.next();
        if after.is_none() {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (3, 150));
    assert!(seen.iter().rev().eq(&made), "the newest first");
    let shown = site.line("order show BIG --json").well().json();
    assert_eq!(shown["holds"].as_array().expect("holds").len(), 150);
    assert_eq!(server.stop().status.code(), Some(0));
}

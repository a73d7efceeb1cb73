//! Debts through the real binary: a marketplace order is paid when the keys are gone; it is owed, served first on restock,
//! and a bad key of it is replaced once; a hold is paid while its keys are frozen. All across kills of the server.

use scrip_client::{Code, Error, HoldState, Line, OperationShown, OrderId, Sell, Sold};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::http::{get, sample};
use scrip_tests::processes::site::Site;
use std::fs;
use std::time::Instant;

fn import(site: &Site, name: &str, keys: &str, batch: &str) {
    let path = site.path().join(name);
    fs::write(&path, keys).expect("a temporary file");
    site.line(&format!("keys import card {} {batch}", path.to_str().expect("a plain path"))).well();
}

#[test]
fn an_order_paid_when_keys_are_gone_is_owed_and_filled_first_on_restock_and_a_bad_key_is_replaced_once() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --keys").well();
    import(&site, "first.txt", "KEY-AAAA\n", "");
    site.line("sell card --channel own --order O1 --operation O1-1").well();

    let paid = "sell card:2 --channel taobao --order T1 --operation T1-1 --paid --wait 2h";
    let first = site.line(paid).well().stdout;
    assert!(
        first.contains("owed") && first.contains("position   1") && first.contains("on taobao"),
        "{first}"
    );
    assert_eq!(site.line(paid).well().stdout, first, "a repeat is the same order");
    let second =
        site.line("sell card --channel pdd --order P1 --operation P1-1 --paid --wait 2h").well().stdout;
    assert!(second.contains("position   2"), "{second}");
    let server = site.again(server);
    assert_eq!(site.line(paid).well().stdout, first, "after a restart");
    let list = site.line("owed list card").well().stdout;
    assert!(
        list.contains("2 owed, 3 units of card") && list.contains("taobao") && list.contains("pdd"),
        "{list}"
    );
    assert!(site.line("hold show T1-1").well().stdout.contains("owed: it is sold as soon as"));

    // One key comes: it is the oldest order's, and nobody else gets it.
    import(&site, "second.txt", "KEY-BBBB\n", "");
    site.line("sell card --channel own --order O2 --operation O2-1").badly(&["OUT_OF_STOCK"]);
    assert!(site.line("owed list card").well().stdout.contains("2 owed, 3 units"));
    import(&site, "third.txt", "KEY-CCCC\nKEY-DDDD\nKEY-EEEE\n", "");
    let server = site.again(server);
    assert!(site.line("owed list card").well().stdout.contains("0 owed, 0 units"));
    assert!(site.line(paid).well().stdout.contains("sold"));
    let keys = |hold: &str| site.line(&format!("keys reveal {hold}")).well().stdout;
    assert_eq!(keys("T1-1"), "KEY-BBBB\nKEY-CCCC\n", "the oldest order has the first keys");
    assert_eq!(keys("P1-1"), "KEY-DDDD\n");

    let shown = site.line("keys show P1-1").well().stdout;
    let number = shown.split_whitespace().next().expect("the number of a key").to_owned();
    site.line(&format!("keys replace P1-1 {number} --reason 1")).well();
    assert_eq!(keys("P1-1"), "KEY-EEEE\n");
    site.line(&format!("keys replace P1-1 {number} --reason 1")).badly(&["NOT_FOUND"]);

    // The next bad one finds no other key: it is void at once, another is owed, and comes before any new buyer.
    let shown = site.line("keys show P1-1").well().stdout;
    let number = shown.split_whitespace().next().expect("the number of a key").to_owned();
    let told = site.line(&format!("keys replace P1-1 {number} --reason 1")).well().stdout;
    assert!(told.contains("is void; another is owed") && told.contains("position   1"), "{told}");
    let server = site.again(server);
    assert!(site.line("keys show P1-1").well().stdout.contains("void, another is owed"));
    let list = site.line("owed list card").well().stdout;
    assert!(
        list.contains("1 owed, 1 units") && list.contains(&format!("in place of key {number}")),
        "{list}"
    );
    site.line(&format!("keys replace P1-1 {number} --reason 1")).badly(&["VOID"]);
    import(&site, "fourth.txt", "KEY-FFFF\n", "");
    site.line("sell card --channel own --order O3 --operation O3-1").badly(&["OUT_OF_STOCK"]);
    assert!(site.line("owed list card").well().stdout.contains("0 owed, 0 units"));
    assert_eq!(keys("P1-1"), "KEY-FFFF\n");
    drop(server);
}

#[test]
fn an_order_paid_while_its_reserved_keys_are_frozen_is_owed_and_filled_by_the_next_import() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --keys").well();
    import(&site, "first.txt", "KEY-AAAA\nKEY-BBBB\n", "");
    site.line("reserve card:2 --channel own --order O1 --operation O1-1").well();
    site.line("keys freeze card 1 --forced").well();
    let first = site.line("confirm O1-1").well().stdout;
    assert!(first.contains("owed") && first.contains("position   1"), "{first}");
    let server = site.again(server);
    assert_eq!(site.line("confirm O1-1").well().stdout, first, "the callback comes again");
    assert!(site.line("owed list card").well().stdout.contains("1 owed, 2 units of card"));
    site.line("release O1-1").badly(&["NOT_ACTIVE"]);

    import(&site, "second.txt", "KEY-CCCC\nKEY-DDDD\n", "--batch 2");
    let server = site.again(server);
    assert!(site.line("confirm O1-1").well().stdout.contains("sold"));
    assert_eq!(site.line("keys reveal O1-1").well().stdout, "KEY-CCCC\nKEY-DDDD\n");
    assert!(site.line("owed list card").well().stdout.contains("0 owed, 0 units"));
    drop(server);
}

#[test]
fn the_client_is_told_of_debts_and_metrics_show_them() {
    let site = Site::new();
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    let stock = caller.create("card", 1);
    let sell = |operation, units, wait_ms: u64| Sell {
        order: OrderId(7),
        paid: true,
        wait_until_ms: caller.client.now_ms() + wait_ms,
        ..Sell::new(operation, vec![Line::new(stock, units)])
    };
    let first = sell(caller.client.operation(), 3, 3_600_000);
    let owed =
        caller.wait(caller.client.sell(first.clone())).expect("it may wait").owed().expect("one is there");
    assert_eq!((owed.position, owed.until_ms), (1, first.wait_until_ms));
    // Long enough to be made and looked at on a slow disk, short enough to be waited for.
    let brief = sell(caller.client.operation(), 1, 3_000);
    assert!(
        matches!(caller.wait(caller.client.sell(brief.clone())), Ok(Sold::Owed(owed)) if owed.position == 2)
    );
    let shown = caller.wait(caller.client.owed_show(stock, 0)).expect("a stock");
    let units: Vec<_> = shown.debts.iter().map(|debt| (debt.hold, debt.order, debt.units)).collect();
    let expected = [(first.operation.id, OrderId(7), 3), (brief.operation.id, OrderId(7), 1)];
    assert_eq!((shown.total, units.as_slice()), (2, expected.as_slice()));

    // Nobody asks for anything, and yet the brief one ends.
    let until = Instant::now() + PATIENCE;
    let ended = loop {
        let Ok(OperationShown::Hold(hold)) = caller.operation(brief.operation, stock) else {
            panic!("it was made")
        };
        if hold.state == HoldState::Unfulfilled {
            break hold;
        }
        assert!(Instant::now() < until, "{hold:?}");
        std::thread::yield_now();
    };
    assert_eq!((ended.closed_ms, ended.refusal), (brief.wait_until_ms, Some(Code::OutOfStock)));
    let refused = caller.wait(caller.client.sell(brief.clone())).expect_err("in vain");
    assert!(
        matches!(refused, Error::Rejected(ref rejection) if rejection.code == Code::OutOfStock),
        "{refused}"
    );
    let until = Instant::now() + PATIENCE;
    // The page is made anew once a second.
    while sample(&get(server.http, "/metrics"), "scrip_table_records{shard=\"0\",table=\"debts\"}") != 1.0 {
        assert!(Instant::now() < until, "{}", get(server.http, "/metrics").body);
        std::thread::yield_now();
    }
    let supply = scrip_client::StockUnits { operation: caller.client.operation(), stock, units: 2 };
    caller.wait(caller.client.stock_supply(supply)).expect("a supply");
    let sold =
        caller.wait(caller.client.sell(first)).expect("there are enough").confirmed().expect("settled");
    assert_eq!(sold.units, [3]);
    assert_eq!(caller.show(stock).available, 0);
}

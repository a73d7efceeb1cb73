//! A checkout of lines in two slots, through the real server with two shards: both are held and sold or neither is, whatever crashes in
//! between, and repeating it brings it to its end.

use scrip_client::{
    BothSold, Client, Code, Error, Line, OperationShown, Reserve, Slot, Sold, StockCreate, StockId, TwoHolds,
    home_slot, stock_id,
};
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use scrip_tests::processes::wire::MERCHANT;
use std::time::Duration;

/// A stock in the home slot, and one in a slot of the other shard, of so many units each.
fn stocks(caller: &Caller, units: [u64; 2]) -> [StockId; 2] {
    let home = home_slot(MERCHANT);
    let slots = [home, Slot((home.0 + 1) % 1_024)];
    let stocks = slots.map(|slot| stock_id(slot, "card").expect("a name"));
    for (stock, units) in stocks.into_iter().zip(units) {
        let create = StockCreate::new(caller.client.operation(), stock, "card", units);
        caller.wait(caller.client.stock_create(create)).expect("a new stock");
    }
    stocks
}

fn checkout(client: &Client, stocks: [StockId; 2]) -> TwoHolds {
    let hold = |stock| Reserve::new(client.operation(), vec![Line::new(stock, 1)]);
    TwoHolds { holds: stocks.map(hold), undo: client.operation(), to_available: true }
}

/// Units available, held and sold of each.
fn counts(caller: &Caller, stocks: [StockId; 2]) -> [[u64; 3]; 2] {
    stocks.map(|stock| {
        let shown = caller.show(stock);
        [shown.available, shown.held, shown.consumed]
    })
}

fn begin() -> (Site, Server) {
    let site = Site::new();
    let server = site.serve(&["--shards", "2"]);
    (site, server)
}

#[test]
fn both_are_held_and_sold_across_a_kill_between_any_two_steps() {
    let (site, server) = begin();
    let (address, token) = (server.listen, server.token().clone());
    let caller = Caller::connect(address, &token);
    let stocks = stocks(&caller, [5, 5]);
    let checkout = checkout(&caller.client, stocks);
    // The first is held, then everything dies.
    caller.wait(caller.client.reserve(checkout.holds[0].clone())).expect("there is enough");
    server.kill();
    let server = site.serve_at(address, &[]);
    let caller = Caller::connect(address, &token);
    let held = caller.wait(caller.client.reserve_both(&checkout)).expect("taken up where it was left");
    assert_eq!(counts(&caller, stocks), [[4, 1, 0], [4, 1, 0]]);
    assert_eq!(held.each_ref().map(|held| held.hold), checkout.named());
    // The first is sold, then everything dies.
    caller.wait(caller.client.confirm(checkout.named()[0].all())).expect("it is held");
    server.kill();
    let server = site.serve_at(address, &[]);
    let caller = Caller::connect(address, &token);
    let sold = caller.wait(caller.client.confirm_both(&checkout)).expect("taken up where it was left");
    assert!(matches!(&sold, BothSold::Sold([Sold::Confirmed(_), Sold::Confirmed(_)])), "{sold:?}");
    assert_eq!(counts(&caller, stocks), [[4, 0, 1], [4, 0, 1]]);
    assert_eq!(caller.wait(caller.client.confirm_both(&checkout)).expect("a repeat"), sold);
    match caller.wait(caller.client.cancel_both(&checkout)) {
        Err(Error::Rejected(rejection)) => assert_eq!(rejection.code, Code::HoldConfirmed),
        other => panic!("it is sold: {other:?}"),
    }
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn a_refusal_of_the_second_lets_the_first_go_and_a_cancelled_checkout_holds_nothing() {
    let (site, server) = begin();
    let caller = Caller::connect(server.listen, server.token());
    let stocks = stocks(&caller, [5, 0]);
    let one = checkout(&caller.client, stocks);
    match caller.wait(caller.client.reserve_both(&one)) {
        Err(Error::Rejected(rejection)) => assert_eq!(rejection.code, Code::OutOfStock),
        other => panic!("there is none: {other:?}"),
    }
    assert_eq!(counts(&caller, stocks), [[5, 0, 0], [0, 0, 0]]);
    // A buyer who leaves; an attempt that comes late holds nothing any more.
    let other = checkout(&caller.client, [stocks[0], stocks[0]]);
    caller.wait(caller.client.reserve(other.holds[0].clone())).expect("there is enough");
    caller.wait(caller.client.cancel_both(&other)).expect("nobody has paid");
    match caller.wait(caller.client.reserve_both(&other)) {
        Err(Error::Rejected(rejection)) => assert_eq!(rejection.code, Code::Cancelled),
        other => panic!("it was cancelled: {other:?}"),
    }
    assert_eq!(counts(&caller, stocks)[0], [5, 0, 0]);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn a_payment_that_comes_too_late_for_the_second_gives_the_first_back_once() {
    let (site, server) = begin();
    let (address, token) = (server.listen, server.token().clone());
    let caller = Caller::connect(address, &token);
    let stocks = stocks(&caller, [5, 1]);
    let mut checkout = checkout(&caller.client, stocks);
    checkout.holds[1].ttl_ms = 1_000;
    caller.wait(caller.client.reserve_both(&checkout)).expect("there is enough");
    // Its hold ends, and somebody else takes the last unit.
    let begun = std::time::Instant::now();
    while caller.reserve(caller.client.operation(), stocks[1]).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the hold does not end");
    }
    // The first is sold, the second refused, then everything dies before the first is given back.
    let [first, second] = checkout.named();
    caller.wait(caller.client.confirm(first.all())).expect("it is held");
    caller.wait(caller.client.confirm(second.all())).expect_err("the last one is somebody else's");
    server.kill();
    let server = site.serve_at(address, &[]);
    let caller = Caller::connect(address, &token);
    let refused = caller.wait(caller.client.confirm_both(&checkout)).expect("it is brought to its end");
    let BothSold::Refused(rejection) = &refused else { panic!("{refused:?}") };
    assert_eq!(rejection.code, Code::HoldExpiredNoStock);
    assert_eq!(counts(&caller, stocks), [[5, 0, 0], [0, 1, 0]]);
    assert_eq!(caller.wait(caller.client.confirm_both(&checkout)).expect("a repeat"), refused);
    assert_eq!(counts(&caller, stocks)[0], [5, 0, 0], "it went back once");
    match caller.operation(checkout.holds[0].operation, stocks[0]).expect("a hold") {
        OperationShown::Hold(hold) => assert_eq!((hold.lines[0].confirmed, hold.lines[0].returned), (1, 1)),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

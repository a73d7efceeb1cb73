//! The typed client and the real server: every call, every call again, and across a kill.

use scrip_client::{
    ChannelId, Error, Extend, Line, OperationShown, Reserve, ReturnUnits, Sell, StockCreate, StockEdit,
    StockFreeze, StockTerms, StockUnits, StockVoid,
};
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use scrip_tests::processes::wire::stock;
use std::fmt::Debug;

/// Makes a call and repeats it word for word: the answers are the same. Keeps the answer as text.
macro_rules! twice {
    ($kept:ident, $caller:ident . $method:ident ( $request:expr )) => {{
        let request = $request;
        let first = $caller.wait($caller.client.$method(request.clone()));
        let again = $caller.wait($caller.client.$method(request.clone()));
        assert_eq!(text(&first), text(&again), "{}: a repeat is answered differently", stringify!($method));
        $kept.push((stringify!($method), text(&first)));
        first
    }};
}

fn text<T: Debug>(result: &Result<T, Error>) -> String {
    format!("{result:?}")
}

/// Every mutating call with fixed operations, each twice. Answers what was answered.
fn every_call(caller: &Caller, operations: &[scrip_client::Operation]) -> Vec<(&'static str, String)> {
    let card = stock("card");
    let mut next = operations.iter().copied();
    let mut operation = || next.next().expect("enough operations");
    let mut kept = Vec::new();
    let units = |operation, units| StockUnits { operation, stock: card, units };
    let line = || vec![Line::new(card, 2)];
    let _ = twice!(kept, caller.stock_create(StockCreate::new(operation(), card, "card", 100)));
    let _ = twice!(kept, caller.stock_supply(units(operation(), 10)));
    let freeze = StockFreeze { operation: operation(), stock: card, units: 5, forced: false };
    let _ = twice!(kept, caller.stock_freeze(freeze));
    let _ = twice!(kept, caller.stock_unfreeze(units(operation(), 2)));
    let void = StockVoid { operation: operation(), stock: card, units: 1, from_frozen: true, forced: false };
    let _ = twice!(kept, caller.stock_void(void));
    let terms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 9, frozen: false };
    let _ =
        twice!(kept, caller.stock_edit(StockEdit { operation: operation(), stock: card, version: 1, terms }));
    let user = caller.client.user_id("openid:somebody").expect("a reference");
    let reserve = |operation| Reserve { user, ..Reserve::new(operation, line()) };
    let held = twice!(kept, caller.reserve(reserve(operation()))).expect("there is enough").hold;
    let _ = twice!(kept, caller.extend(Extend { operation: operation(), hold: held, ttl_ms: 1_000_000 }));
    let _ = twice!(kept, caller.confirm(held.all()));
    let back = ReturnUnits { operation: operation(), hold: held, to_available: true, units: vec![1] };
    let _ = twice!(kept, caller.return_units(back));
    let released = twice!(kept, caller.reserve(reserve(operation()))).expect("there is enough").hold;
    let _ = twice!(kept, caller.release(released));
    let _ = twice!(kept, caller.sell(Sell { user, ..Sell::new(operation(), line()) }));
    let greedy = Sell { user, paid: true, ..Sell::new(operation(), vec![Line::new(card, 1_000)]) };
    let _ = twice!(kept, caller.sell(greedy)).expect_err("there are not so many");
    kept
}

fn operations(caller: &Caller) -> Vec<scrip_client::Operation> {
    (0..20).map(|_| caller.client.operation()).collect()
}

#[test]
fn every_call_works_and_a_retry_gives_the_same_answer() {
    let site = Site::new();
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    let operations = operations(&caller);
    let answers = every_call(&caller, &operations);
    for (method, answer) in &answers[..answers.len() - 1] {
        assert!(answer.starts_with("Ok("), "{method}: {answer}");
    }
    assert!(answers.last().expect("many").1.contains("OutOfStock"), "{answers:?}");
    let shown = caller.show(stock("card"));
    assert_eq!(
        (shown.total, shown.consumed, shown.held, shown.frozen, shown.void),
        (110, 3, 0, 2, 1),
        "{shown:?}"
    );
    assert_eq!(shown.available, 110 - 3 - 2 - 1);
    assert_eq!((shown.name.as_str(), shown.version, shown.terms.limit_per_user), ("card", 2, 9));
    match caller.operation(operations[6], stock("card")).expect("recorded") {
        OperationShown::Hold(hold) => {
            assert_eq!((hold.id, hold.channel), (operations[6].id, ChannelId(0)));
            assert_eq!((hold.lines[0].confirmed, hold.lines[0].returned), (2, 1));
        }
        other => panic!("a hold was expected: {other:?}"),
    }
    assert!(matches!(caller.operation(operations[1], stock("card")), Ok(OperationShown::Operation(_))));
    assert!(matches!(caller.operation(caller.client.operation(), stock("card")), Err(Error::Rejected(_))));
    // Another content under a known operation is refused, whatever it was.
    let other = StockUnits { operation: operations[1], stock: stock("card"), units: 11 };
    match caller.wait(caller.client.stock_supply(other)) {
        Err(Error::Rejected(rejection)) => assert_eq!(rejection.code.name(), "OPERATION_MISMATCH"),
        result => panic!("{result:?}"),
    }
    caller.wait(caller.client.close());
    assert!(matches!(caller.wait(caller.client.stock_show(stock("card"))), Err(Error::Closed)));
}

#[test]
fn answers_survive_a_kill_and_the_same_client_finds_them_again() {
    let site = Site::new();
    let server = site.serve(&[]);
    let (address, token) = (server.listen, server.token().clone());
    let caller = Caller::connect(address, &token);
    let operations = operations(&caller);
    let before = every_call(&caller, &operations);
    let shown = caller.show(stock("card"));
    server.kill();
    let server = site.serve_at(address, &[]);
    assert_eq!(every_call(&caller, &operations), before, "the same client, reconnected");
    assert_eq!(every_call(&Caller::connect(address, &token), &operations), before, "a new client");
    assert_eq!(caller.show(stock("card")), shown, "nothing has happened twice");
    assert_eq!(server.stop().status.code(), Some(0));
}

#[test]
fn a_call_waits_for_a_server_that_comes_back_within_its_deadline() {
    let site = Site::new();
    let server = site.serve(&[]);
    let (address, token) = (server.listen, server.token().clone());
    let caller = Caller::connect(address, &token);
    let card = caller.create("card", 10);
    let starting = std::thread::spawn({
        server.kill();
        move || -> (Site, Server) {
            let server = site.serve_at(address, &[]);
            (site, server)
        }
    });
    let operation = caller.client.operation();
    let reserved = caller.reserve(operation, card).expect("the client tries until the server is back");
    assert_eq!(reserved.units, [1]);
    let (_site, server) = starting.join().expect("the server starts");
    assert_eq!(caller.show(card).held, 1);
    assert_eq!(caller.reserve(operation, card).expect("a repeat"), reserved);
    drop(server);
    let quick = caller.client.within(std::time::Duration::from_millis(200));
    let lost = caller.wait(quick.reserve(Reserve::new(quick.operation(), vec![Line::new(card, 1)])));
    assert!(matches!(lost, Err(Error::NotDone(_) | Error::Io(_) | Error::Unknown { .. })), "{lost:?}");
}

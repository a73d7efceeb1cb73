//! The operator's command line on a running server: sales by hand, rules, quotas of channels, tokens, pages.
//!
//! Every command is run as people run it, and its errors are read for the command that they name next.

use scrip_client::{ClientOptions, Error, StockId, Token};
use scrip_tests::processes::PATIENCE;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::{Said, Site};
use std::time::Instant;

/// A time at which an operation can have been created that was executed so many steps of 5 s later.
fn created_steps_ago(site: &Site, steps: u64) -> u64 {
    site.line("stock create clock --units 1000");
    let sold = site.line(&format!("sell clock --channel own --operation clock-{steps}")).well();
    sold.field("created_ms").parse::<u64>().expect("a number") - steps * 5_000
}

#[test]
fn a_sale_under_a_reference_is_made_once_and_a_repeat_says_the_same() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create steam50 --units 100").well();
    let sale = "sell steam50 --channel taobao --user u1 --order T1 --operation T1-1";
    let first = site.line(sale).well();
    assert!(first.stdout.contains("steam50: 1") && first.stdout.contains("on taobao"), "{first:#?}");
    assert_eq!(site.line(sale).well().stdout, first.stdout);
    let server = site.again(server);
    assert_eq!(site.line(sale).well().stdout, first.stdout, "after a restart");
    let created = format!("{sale} --created-ms {}", first.field("created_ms"));
    assert_eq!(site.line(&created).well().stdout, first.stdout);
    for other in [
        "sell steam50:2 --channel taobao --user u1 --order T1 --operation T1-1",
        "sell steam50 --channel pdd --user u1 --order T1 --operation T1-1",
        "sell steam50 --channel taobao --user u2 --order T1 --operation T1-1",
        "sell steam50 --channel taobao --user u1 --order T1 --operation T1-1 --paid",
        "reserve steam50 --channel taobao --user u1 --order T1 --operation T1-1",
        "return T1-1 --operation T1-1",
    ] {
        site.line(other).badly(&["OPERATION_MISMATCH", "scrip hold show T1-1"]);
    }
    let old = format!("{sale}-2 --created-ms 1000");
    site.line(&old).badly(&["OPERATION_TOO_OLD", "your books"]);
    let shown = site.line("hold show T1-1").well();
    assert_eq!((shown.field("state"), shown.field("channel")), ("sold", "taobao"));
    assert_eq!(site.line("stock show steam50").well().field("sold"), "1");

    // A UUIDv7 says its time; without a reference a new one is made, and printed.
    let sold = site.line("sell steam50:3 --channel 77").well();
    assert!(!sold.stdout.contains("created_ms") && sold.stdout.contains("on 77"), "{sold:#?}");
    let id = sold.field("operation");
    let repeat = format!("sell steam50:3 --channel 77 --operation {id}");
    let repeated = site.line(&repeat).well();
    assert_eq!(repeated.field("sold"), sold.field("sold"));
    assert_eq!(site.line("stock show steam50").well().field("sold"), "4");
    assert_eq!(site.line(&format!("hold show {id}")).well().field("hold"), id);
    drop(server);
}

#[test]
fn a_repeat_finds_the_time_at_which_the_operation_was_created() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --units 100").well();
    let sale = "sell card:2 --channel h5 --user u1 --operation";
    let created_ms = created_steps_ago(&site, 1);
    let sold = site.line(&format!("{sale} A --created-ms {created_ms}")).well();
    let created_ms = created_steps_ago(&site, 2);
    let reserve = "reserve card:3 --channel h5 --operation B";
    let held = site.line(&format!("{reserve} --created-ms {created_ms}")).well();
    let server = site.again(server);
    assert_eq!(site.line(&format!("{sale} A")).well().stdout, sold.stdout);
    assert_eq!(site.line(reserve).well().stdout, held.stdout);
    for other in
        ["sell card:3 --channel h5 --user u1 --operation A", "reserve card:4 --channel h5 --operation B"]
    {
        site.line(other).badly(&["OPERATION_MISMATCH", "scrip hold show"]);
    }
    // No attempt is as slow as this: the time was somebody's own.
    let created_ms = created_steps_ago(&site, 100);
    site.line(&format!("{sale} C --created-ms {created_ms}")).well();
    site.line(&format!("{sale} C")).badly(&["OPERATION_MISMATCH", "--created-ms"]);
    let shown = site.line("stock show card").well();
    assert_eq!((shown.field("sold"), shown.field("held")), ("4", "3"));
    drop(server);
}

#[test]
fn many_at_once_under_one_reference_make_one_sale() {
    let site = Site::new();
    let _server = site.serve(&[]);
    site.line("stock create card --units 10").well();
    let sale = "sell card --channel jd --operation order-1";
    let pages: Vec<String> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..6).map(|_| scope.spawn(|| site.line(sale).well().stdout)).collect();
        tries.into_iter().map(|handle| handle.join().expect("it ran")).collect()
    });
    assert!(pages.windows(2).all(|pair| pair[0] == pair[1]), "{pages:#?}");
    assert_eq!(site.line("stock show card").well().field("sold"), "1");
}

#[test]
fn a_refusal_after_payment_stays_and_one_before_does_not() {
    let site = Site::new();
    let _server = site.serve(&[]);
    site.line("stock create rare").well();
    let paid = "sell rare --channel own --operation P1 --paid";
    let unpaid = "sell rare --channel own --operation P2";
    let words = ["OUT_OF_STOCK", "rare asked 1, could have had 0", "scrip stock supply rare N"];
    let refused = site.line(paid).badly(&words);
    site.line(unpaid).badly(&words);
    assert!(site.line("hold show P1").well().field("state").contains("refused"));
    site.line("stock supply rare 5").well();
    assert_eq!(site.line(paid).badly(&words).stderr, refused.stderr);
    site.line(unpaid).well();
    assert_eq!(site.line("stock show rare").well().field("sold"), "1");
}

#[test]
fn a_hold_is_made_confirmed_released_and_returned_by_its_reference() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --units 10").well();
    site.line("stock create pin --units 10").well();
    let reserve = "reserve card:3 pin:2 --channel mini --operation R1 --ttl 10m";
    let held = site.line(reserve).well();
    assert!(held.stdout.contains("card: 3") && held.stdout.contains("pin: 2"), "{held:#?}");
    let server = site.again(server);
    assert_eq!(site.line(reserve).well().stdout, held.stdout);
    site.line("confirm R1 --units 4").badly(&["EXCEEDS_HOLD", "asked 4", "scrip hold show R1"]);
    let sold = site.line("confirm R1 --units 2,2").well();
    assert_eq!(sold.field("units"), "2, 2");
    assert_eq!(site.line("confirm R1 --units 2,2").well().stdout, sold.stdout);
    assert_eq!(site.line(reserve).well().stdout, held.stdout);
    site.line("confirm R1").badly(&["OPERATION_MISMATCH", "scrip hold show R1"]);
    site.line("release R1").badly(&["HOLD_CONFIRMED", "scrip return R1"]);
    let back = site.line("return R1 --units 1 --to-void --operation B1").well();
    assert!(back.stdout.contains("1 units to void"), "{back:#?}");
    assert_eq!(site.line("return R1 --units 1 --to-void --operation B1").well().stdout, back.stdout);
    let server = site.again(server);
    assert_eq!(site.line("return R1 --units 1 --to-void --operation B1").well().stdout, back.stdout);
    site.line("return R1 --units 1 --operation B1").badly(&["OPERATION_MISMATCH"]);
    site.line("return R1").well();
    site.line("return R1").badly(&["ALREADY_REVERSED", "scrip hold show R1"]);
    let shown = site.line("hold show R1").well();
    for words in ["card: 3 reserved, 2 sold, 2 of those returned", "pin: 2 reserved, 2 sold, 2 of those"] {
        assert!(shown.stdout.contains(words), "{shown:#?}");
    }
    assert_eq!(site.line("stock show card").well().field("available"), "9");

    let id = site.line("reserve card --channel own").well().field("operation").to_owned();
    for _ in 0..2 {
        assert!(site.line(&format!("release {id}")).well().stdout.contains("its units are back"));
    }
    site.line(&format!("confirm {id}")).badly(&["HOLD_RELEASED", "scrip reserve"]);
    for command in ["confirm R9", "release R9", "return R9"] {
        site.line(command).badly(&["HOLD_NOT_FOUND", "scrip reserve"]);
    }
    site.line("hold show R9").badly(&["NOT_FOUND", "scrip sell"]);
    site.line("hold show B1").badly(&["Return", "scrip stock show"]);
    site.line("reserve card --channel own --ttl 0s").badly(&["--ttl 15m"]);
    drop(server);
}

#[test]
fn a_cancel_undoes_what_was_made_and_keeps_the_late_from_being_made() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create card --units 10").well();
    site.line("stock create vip --units 5 --once-per-order").well();
    for operation in ["V1", "V2"] {
        site.line(&format!("sell vip --channel own --order O1 --operation {operation}")).well();
    }
    assert_eq!(site.line("stock show vip").well().field("sold"), "1");
    site.line("sell card:3 --channel own --operation S1").well();
    let cancelled = site.line("cancel S1").well();
    assert!(cancelled.stdout.contains("3 sold units are given back"), "{cancelled:#?}");
    site.line("cancel S2").well();
    site.line("sell card --channel own --operation S2").badly(&["CANCELLED", "--operation"]);
    site.line("reserve card --channel own --operation R1").well();
    site.line("confirm R1").well();
    site.line("cancel R1").badly(&["HOLD_CONFIRMED", "scrip return R1"]);
    let server = site.again(server);
    assert_eq!(site.line("cancel S1").well().stdout, cancelled.stdout);
    site.line("sell card --channel own --operation S2").badly(&["CANCELLED"]);
    assert_eq!(site.line("hold show S1").well().field("state"), "cancelled");
    assert_eq!(site.line("stock show card").well().field("available"), "9");
    drop(server);
}

#[test]
fn channels_sell_out_exactly_as_their_guarantees_and_caps_say_across_a_restart() {
    let site = Site::new();
    let server = site.serve(&[]);
    site.line("stock create game --units 12").well();
    let table = site.line("stock quota game taobao=2..4 pdd=3..").well();
    assert_eq!(table.row("taobao")[..5], ["2", "4", "0", "0", "4"]);
    assert_eq!(table.row("pdd")[..5], ["3", "-", "0", "0", "10"]);
    // Everybody else may take 12 - 2 - 3.
    site.line("sell game:8 --channel own").badly(&[
        "CHANNEL_QUOTA",
        "could have had 7",
        "scrip stock quota game",
    ]);
    site.line("sell game:4 --channel own").well();
    site.line("reserve game:3 --channel own --operation own-hold").well();
    site.line("sell game --channel own").badly(&["CHANNEL_QUOTA", "could have had 0"]);
    let server = site.again(server);
    site.line("sell game --channel own").badly(&["CHANNEL_QUOTA", "could have had 0"]);
    site.line("sell game:3 --channel taobao").badly(&["CHANNEL_QUOTA", "could have had 2"]);
    site.line("sell game:2 --channel taobao").well();
    // What one gives back is everybody's, up to the cap.
    site.line("release own-hold").well();
    site.line("sell game:3 --channel taobao").badly(&["CHANNEL_QUOTA", "could have had 2"]);
    site.line("sell game:2 --channel taobao").well();
    site.line("sell game --channel taobao").badly(&["CHANNEL_QUOTA", "could have had 0"]);
    site.line("sell game:5 --channel pdd").badly(&["OUT_OF_STOCK", "could have had 4"]);
    site.line("sell game:4 --channel pdd --operation last").well();
    let server = site.again(server);
    for channel in ["own", "taobao", "pdd", "jd"] {
        site.line(&format!("sell game --channel {channel}")).badly(&["OUT_OF_STOCK", "could have had 0"]);
    }
    let table = site.line("stock quota game").well();
    assert_eq!(table.row("own")[..5], ["0", "-", "0", "4", "0"]);
    assert_eq!(table.row("taobao")[..5], ["2", "4", "0", "4", "0"]);
    assert_eq!(table.row("pdd")[..5], ["3", "-", "0", "4", "0"]);
    assert_eq!(server.stop().status.code(), Some(0));
    assert_eq!(site.verify()["oversold"], 0);
}

#[test]
fn quotas_are_shown_set_and_refused_in_words() {
    let site = Site::new();
    let _server = site.serve(&[]);
    site.line("stock create steam50 --units 9988").well();
    assert!(site.line("stock quota steam50").well().stdout.contains("no channel has a quota"));
    let table =
        site.line("stock quota steam50 taobao=3000 pdd=2000 mini=2000 own=rest --lapses-in 2h").well();
    assert_eq!(table.row("own")[..5], ["2988", "-", "0", "0", "9988"]);
    assert_eq!(table.row("taobao")[..5], ["0", "3000", "0", "0", "3000"]);
    assert!(table.stdout.contains("2988 of them guaranteed"), "{table:#?}");
    let lapses = |said: &Said| said.stdout.lines().filter(|line| line.ends_with('Z')).count();
    assert_eq!(lapses(&table), 1, "a cap does not lapse: {table:#?}");
    for (channel, units) in [("taobao", 3000), ("pdd", 2000), ("mini", 2000), ("own", 2988)] {
        site.line(&format!("sell steam50:{units} --channel {channel}")).well();
    }
    site.line("stock supply steam50 100").well();
    let table = site.line("stock quota steam50 own=none 77=10.. tmall=rest").well();
    assert_eq!(table.row("own")[..5], ["0", "-", "0", "2988", "0"]);
    assert_eq!(table.row("tmall")[..5], ["90", "-", "0", "0", "90"]);
    assert_eq!(table.row("77")[..5], ["10", "-", "0", "0", "10"]);
    assert_eq!(table.row("taobao")[..5], ["0", "3000", "0", "3000", "0"], "it was not named");

    let quota = |rest: &str| site.line(&format!("stock quota steam50 {rest}"));
    quota("taobao=2999").badly(&[
        "CHANNEL_QUOTA",
        "asked 2999, could have had 3000",
        "scrip stock quota steam50",
    ]);
    quota("own=5000..").badly(&["CHANNEL_QUOTA", "could have had 100", "scrip stock quota steam50"]);
    quota("pdd=2500.. --lapses-ms 5").badly(&["RULE_FAILED", "--lapses-in 2h"]);
    quota("pdd=2500 --lapses-in 2h").badly(&["can lapse", "1000.."]);
    quota("pdd=1 pdd=2").badly(&["pdd is there twice"]);
    quota("pdd=rest own=rest").badly(&["own=rest"]);
    quota("pdd=5..4").badly(&["pdd=5.."]);
    quota("ebay=5").badly(&["taobao", "65535"]);
    quota("pdd").badly(&["own=rest"]);
    quota("--lapses-in 2h").badly(&["CHANNEL=QUOTA"]);
    site.line("stock quota nothing own=5").badly(&["NOT_FOUND", "scrip stock create nothing"]);
    assert_eq!(quota("").well().stdout, table.stdout, "what was refused has changed nothing");
}

#[test]
fn rules_are_edited_and_units_frozen_and_voided() {
    let site = Site::new();
    let _server = site.serve(&[]);
    site.line("stock create card --units 100").well();
    let show = || site.line("stock show card").well();
    site.line("stock limit card 2").well();
    site.line("sell card:2 --channel own --user u1").well();
    site.line("sell card --channel own --user u1").badly(&[
        "USER_LIMIT",
        "could have had 0",
        "scrip stock limit card",
    ]);
    site.line("sell card --channel own").badly(&["USER_LIMIT", "--user"]);
    site.line("stock edit card --opens-in 2h").well();
    site.line("sell card --channel own --user u2")
        .badly(&["NOT_STARTED", "scrip stock edit card --opens-ms 0"]);
    site.line("stock edit card --opens-ms 0 --closes-ms 1000").well();
    site.line("sell card --channel own --user u2").badly(&["EXPIRED", "scrip stock edit card --closes-ms 0"]);
    site.line("stock edit card --closes-in 2h --sale-frozen true").well();
    site.line("sell card --channel own --user u2").badly(&["FROZEN", "--sale-frozen false"]);
    let said = site.line("stock edit card --sale-frozen false").well();
    assert!(
        said.stdout.contains("limit per user 2") && said.stdout.contains("sale frozen: false"),
        "{said:#?}"
    );
    site.line("sell card --channel own --user u2").well();
    site.line("stock edit card").badly(&["--opens-in"]);

    // 97 are available, 40 of them are taobao's.
    site.line("stock quota card taobao=40..").well();
    site.line("stock freeze card 58").badly(&["CHANNEL_QUOTA", "could have had 57", "--forced"]);
    let said = site.line("stock freeze card 57").well();
    assert!(said.stdout.contains("57 units are frozen now, 0 follow"), "{said:#?}");
    site.line("stock void card 10").badly(&["CHANNEL_QUOTA", "--forced"]);
    site.line("stock void card 10 --forced").well();
    assert_eq!(site.line("stock quota card").well().row("taobao")[0], "30");
    site.line("stock void card 58 --from-frozen").badly(&["OUT_OF_STOCK", "could have had 57"]);
    site.line("stock void card 7 --from-frozen").well();
    assert!(site.line("stock unfreeze card 50").well().stdout.contains("50 units are available again"));
    let said = show();
    assert_eq!((said.field("available"), said.field("total")), ("80", "100"));
    assert!(said.field("void").starts_with("17 ") && said.field("frozen").starts_with("0 "), "{said:#?}");
    for command in
        ["limit none 1", "freeze none 1", "unfreeze none 1", "void none 1", "edit none --opens-ms 0"]
    {
        site.line(&format!("stock {command}")).badly(&["NOT_FOUND", "scrip stock create none"]);
    }
}

#[test]
fn edits_at_once_all_take_effect() {
    let site = Site::new();
    let _server = site.serve(&[]);
    site.line("stock create card --units 100").well();
    let edits = [
        "stock limit card 7",
        "stock edit card --closes-in 2h",
        "stock quota card jd=30",
        "stock quota card pdd=20..",
    ];
    std::thread::scope(|scope| {
        for edit in edits {
            let site = &site;
            scope.spawn(move || site.line(edit).well());
        }
    });
    let said = site.line("stock show card").well();
    assert!(said.stdout.contains("limit per user 7") && !said.stdout.contains("closes -"), "{said:#?}");
    assert_eq!(said.field("version"), "5");
    let table = site.line("stock quota card").well();
    assert_eq!((table.row("jd")[1], table.row("pdd")[0]), ("30", "20"));
}

fn token_of(said: &Said) -> Token {
    said.stdout.trim().parse().unwrap_or_else(|_| panic!("a token and nothing else on stdout: {said:#?}"))
}

fn turned_away(server: &Server, token: &Token) {
    let refused = Caller::try_connect(server.listen, ClientOptions::new(token.clone()));
    assert!(matches!(refused, Err(Error::Unauthorized(_))), "{refused:?}");
}

/// Waits until an open connection is refused.
fn wait_until_refused(caller: &Caller, stock: StockId) {
    let until = Instant::now() + PATIENCE;
    loop {
        match caller.wait(caller.client.stock_show(stock)) {
            Ok(_) => assert!(Instant::now() < until, "a revoked token is still good"),
            Err(Error::Rejected(rejection)) => return assert_eq!(rejection.code.name(), "FORBIDDEN"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_revoked_token_is_refused_at_once_on_the_connections_it_has_opened() {
    let site = Site::new();
    let server = site.serve(&[]);
    let owner = Caller::connect(server.listen, server.token());
    let card = owner.create("card", 10);
    let made = site
        .line("token create --name till --merchant 1 --channel taobao --channel 77 --verb sell --verb read")
        .well();
    let token = token_of(&made);
    let listed = site.line("token list").well();
    let row = listed.stdout.lines().find(|line| line.contains("till")).expect("it is listed");
    for word in ["sell,read", "taobao,77", "never"] {
        assert!(row.contains(word), "{word}: {row}");
    }
    assert!(!listed.stdout.contains(&token.reveal_text()[..20]), "no text is kept: {listed:#?}");
    let till = Caller::connect(server.listen, &token);
    let shown = till.wait(till.client.on_channel(scrip_client::ChannelId(77)).stock_show(card));
    assert_eq!(shown.expect("in scope").available, 10);
    let with_token = ["sell", "card", "--channel", "jd", "--token", &token.reveal_text()];
    site.words(&with_token).badly(&["FORBIDDEN", "scrip token create"]);

    let spare = token_of(&site.line("token create --name spare --merchant 1").well());
    let open = Caller::connect(server.listen, &spare);
    assert_eq!(open.show(card).available, 10);
    let id = site.line("token list").well();
    let id = id.stdout.lines().find(|line| line.contains("spare")).and_then(|line| line.split(' ').next());
    assert!(site.words(&["token", "revoke", id.expect("it is listed")]).well().stdout.contains("(spare)"));
    wait_until_refused(&open, card);
    turned_away(&server, &spare);
    site.line("token revoke till").well();
    turned_away(&server, &token);
    site.line("token revoke till").badly(&["scrip token list"]);
    assert_eq!(owner.show(card).available, 10, "the others go on");

    // The token that --dev left is replaced by the next --dev.
    site.line("token revoke dev").well();
    wait_until_refused(&owner, card);
    site.line("stock show card").badly(&["token", "scrip token create"]);
    let server = site.again(server);
    site.line("stock show card").well();
    drop(server);
}

#[test]
fn a_token_that_may_only_sell_sells_by_reference_and_is_told_how_to_repeat() {
    let site = Site::new();
    let _server = site.serve(&[]);
    site.line("stock create card --units 10").well();
    let token = token_of(&site.line("token create --merchant 1 --channel jd --verb sell").well());
    let text = token.reveal_text();
    let sale = ["sell", "card", "--channel", "jd", "--operation", "S1", "--token", &text];
    let created_ms = created_steps_ago(&site, 1).to_string();
    let created = [&sale[..], &["--created-ms", &created_ms]].concat();
    let sold = site.words(&created).well();
    site.words(&sale).badly(&["S1", "--created-ms", "--verb read"]);
    assert_eq!(site.words(&created).well().stdout, sold.stdout);
    site.words(&["confirm", "S1", "--token", &text]).badly(&["FORBIDDEN", "--verb sell"]);
    site.words(&["confirm", "S1", "--channel", "jd", "--token", &text]).well();
    assert_eq!(site.line("stock show card").well().field("sold"), "1");
}

#[test]
fn two_tokens_are_good_while_one_takes_the_place_of_the_other() {
    let site = Site::new();
    let server = site.serve(&[]);
    let owner = Caller::connect(server.listen, server.token());
    let card = owner.create("card", 10);
    let said = site.line("token rotate dev --overlap 1h").well();
    let new = token_of(&said);
    assert!(said.stderr.contains("is good until") && said.stderr.contains("use the new one"), "{said:#?}");
    assert_eq!(owner.show(card).available, 10);
    Caller::connect(server.listen, server.token());
    let renewed = Caller::connect(server.listen, &new);
    assert_eq!(renewed.show(card).available, 10);
    assert!(site.line("token list").well().stdout.contains("(rotated)"));
    site.line("token rotate dev").badly(&["still good", "scrip token revoke"]);
    let left = std::fs::read_to_string(site.data().join("client.json")).expect("it is left");
    assert!(left.contains(&new.reveal_text()), "subcommands go on with the new one");

    let short = token_of(&site.line("token create --name short --merchant 1 --expires-days 9").well());
    let open = Caller::connect(server.listen, &short);
    site.line("token rotate short").badly(&["--expires-days"]);
    site.line("token rotate short --overlap 0s --expires-days 9").well();
    wait_until_refused(&open, card);
    turned_away(&server, &short);
    site.line("token rotate nobody").badly(&["scrip token list"]);
    site.line("token rotate dev --overlap soon").badly(&["15m"]);
    for command in ["list", "revoke x", "rotate x"] {
        let words: Vec<&str> =
            ["token"].into_iter().chain(command.split(' ')).chain(["--data", "nowhere"]).collect();
        site.run(&words).badly(&["nowhere"]);
    }
}

#[test]
fn pages_and_completions_are_made_of_the_command_line_itself() {
    let site = Site::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = site.run(&["completions", shell]).well().stdout;
        for word in ["quota", "reserve", "rotate", "lapses-in"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    site.run(&["completions", "tcsh"]).badly(&["bash", "fish"]);
    assert!(site.run(&["man"]).well().stdout.starts_with(".ie"), "roff");
    let pages = site.path().join("pages").join("man1");
    site.run(&["man", "--out", pages.to_str().expect("UTF-8")]).well();
    for (page, word) in [
        ("scrip.1", "reserve"),
        ("scrip-stock-quota.1", "rest"),
        ("scrip-sell.1", "created"),
        ("scrip-token-rotate.1", "overlap"),
    ] {
        let text =
            std::fs::read_to_string(pages.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(word), "{page}: {word}");
    }
    site.run(&["man", "--out", "/proc/nowhere"]).badly(&["--out DIR"]);
}

#[test]
fn a_command_without_a_server_says_what_to_start() {
    let site = Site::new();
    site.line("sell card --channel own").badly(&["scrip serve --dev", "scrip token create"]);
    let server = site.serve(&[]);
    site.line("sell card --channel own").badly(&["NOT_FOUND", "scrip stock create card"]);
    site.line("sell card:0 --channel own").badly(&["steam50:3"]);
    site.line("sell card --channel ebay").badly(&["taobao"]);
    site.line("sell card").badly(&["--channel"]);
    site.line("sell card --channel own --created-ms 5").badly(&["--operation"]);
    server.kill();
    for command in ["sell card --channel own", "hold show R1", "stock quota card"] {
        site.line(command).badly(&["scrip serve"]);
    }
}

//! Card keys through the real binary: imports of good and bad files, interrupted and run again; orders of keys across
//! kills; replacing and freezing; and no text of a key anywhere but in an answer.
//!
//! Invariant checked throughout: what was sold is what the file had, each key once.

use scrip_client::{Confirm, Error, Hold, KeyShown, Line, Operation, Reserve, Sell, StockId};
use scrip_tests::processes::binary::binary;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::http::get;
use scrip_tests::processes::server::Server;
use scrip_tests::processes::site::Site;
use scrip_tests::processes::sluice::Sluice;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn write(site: &Site, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = site.path().join(name);
    fs::write(&path, bytes).expect("a temporary file");
    path
}

/// A server with an empty keys stock `card`.
fn keys_stock(site: &Site) -> (Server, Caller, StockId) {
    let server = site.serve(&[]);
    site.words(&["stock", "create", "card", "--keys"]).well();
    let caller = Caller::connect(server.listen, server.token());
    let stock = caller.client.stock_id("card").expect("a name");
    (server, caller, stock)
}

/// Sells units and answers the hold.
fn sell(caller: &Caller, stock: StockId, units: u32) -> Hold {
    let request = Sell::new(caller.client.operation(), vec![Line::new(stock, units)]);
    caller.wait(caller.client.sell(request)).expect("there are enough").confirmed().expect("sold").hold
}

/// All keys of a hold, page by page.
fn keys_of(caller: &Caller, hold: Hold) -> Vec<KeyShown> {
    let mut all: Vec<KeyShown> = Vec::new();
    loop {
        let from = u32::try_from(all.len()).expect("few");
        let page = caller.wait(caller.client.keys_read(hold, from)).expect("a hold with keys");
        assert_eq!(page.from, from);
        assert!(!page.keys.is_empty(), "an empty page at {from} of {}", page.total);
        all.extend(page.keys);
        if all.len() == page.total as usize {
            return all;
        }
    }
}

fn texts(keys: &[KeyShown]) -> Vec<String> {
    keys.iter().map(|key| key.text.as_ref().expect("it may be shown").reveal().to_owned()).collect()
}

/// Sells everything and compares it with what should have been imported.
fn assert_sells_exactly(caller: &Caller, stock: StockId, expected: &BTreeSet<String>) {
    let shown = caller.show(stock);
    assert_eq!((shown.total, shown.available), (expected.len() as u64, expected.len() as u64), "{shown:?}");
    let (mut sold, mut left) = (Vec::new(), expected.len() as u32);
    while left > 0 {
        let units = left.min(20_000);
        sold.extend(texts(&keys_of(caller, sell(caller, stock, units))));
        left -= units;
    }
    let different: BTreeSet<String> = sold.iter().cloned().collect();
    assert_eq!(different.len(), sold.len(), "a key was sold twice");
    assert!(different == *expected, "other keys were sold than imported");
}

fn file_of(count: usize) -> (String, BTreeSet<String>) {
    let keys: BTreeSet<String> = (0..count).map(|number| format!("GAME-{number:07}-CODE")).collect();
    (keys.iter().map(|key| format!("{key}\n")).collect(), keys)
}

#[test]
fn bad_rows_are_counted_by_kind_and_a_second_run_finds_everything_there() {
    let site = Site::new();
    let (_server, caller, stock) = keys_stock(&site);
    let (mut text, expected) = file_of(200);
    // Lines 201 to 206.
    text.push_str("GAME-0000003-CODE\n\nBAD\u{7}KEY\n  GAME-0000004-CODE \r\n");
    text.push_str(&format!("{}\n \n", "x".repeat(1_025)));
    let file = write(&site, "keys.txt", &text);
    let (file, rejects) = (file.to_str().unwrap(), site.path().join("rejects.csv"));

    let dry = site.words(&["keys", "import", "card", file, "--dry-run", "--json"]);
    assert_eq!(dry.status, Some(1), "invalid rows are not well: {dry:?}");
    let dry = dry.json();
    assert_eq!((&dry["ok"], &dry["duplicate"], &dry["rows"]), (&200.into(), &2.into(), &206.into()), "{dry}");
    assert!(dry["already_there"].is_null() && dry["dry_run"] == true, "{dry}");
    assert_eq!(caller.show(stock).total, 0, "a dry run changes nothing");
    let batches = caller.wait(caller.client.batches_show(stock, 0)).expect("a keys stock");
    assert_eq!(batches.total, 0, "a dry run makes no batch");

    let rejects_text = rejects.to_str().unwrap();
    let import = ["keys", "import", "card", file, "--json", "--rejects", rejects_text, "--supplier", "acme"];
    let first = site.words(&import).json();
    let counts = |said: &serde_json::Value| {
        ["rows", "ok", "duplicate", "already_there", "invalid", "over_capacity", "blank"]
            .map(|kind| said[kind].as_u64().unwrap_or_else(|| panic!("{kind}: {said}")))
    };
    assert_eq!(counts(&first), [206, 200, 2, 0, 2, 0, 2], "{first}");
    let lines = |kind: &str| first["lines"][kind].to_string();
    assert_eq!(lines("duplicate"), r#"[{"line":201},{"line":204}]"#);
    assert_eq!(lines("blank"), r#"[{"line":202},{"line":206}]"#);
    assert!(lines("invalid").contains(r#"{"line":203,"why":"a control character"}"#), "{first}");
    let written = fs::read_to_string(&rejects).unwrap();
    assert_eq!(written.lines().count(), 1 + 6, "{written}");
    assert!(written.contains("205,invalid,\"longer than 1,024 bytes\"\n"), "{written}");
    assert!(!written.contains("GAME-"), "no key in the file of rejects: {written}");

    let again = site.words(&["keys", "import", "card", file, "--json"]).json();
    assert_eq!(counts(&again), [206, 0, 2, 200, 2, 0, 2], "{again}");
    assert!(!site.path().join("keys.txt.scrip-import").exists(), "the note is gone once an import is done");
    assert_sells_exactly(&caller, stock, &expected);
}

#[test]
fn csv_in_gb18030_and_keys_of_1024_bytes_are_imported() {
    let site = Site::new();
    let (_server, caller, stock) = keys_stock(&site);
    // Two columns, named "number" and "card key", in GB18030.
    let csv = b"\xb1\xe0\xba\xc5,\xbf\xa8\xc3\xdc\r\n1,AAA-1\r\n2,\"\xb5\xe3\xbf\xa8-2\"\r\n";
    let file = write(&site, "list.csv", csv);
    let import = ["keys", "import", "card", file.to_str().unwrap(), "--column", "卡密"];
    let said = site.words(&import).well();
    assert!(said.stderr.contains("line 1 is not UTF-8"), "{said:?}");
    let long: Vec<String> = (0..500).map(|number| format!("{number:0>1024}")).collect();
    let file = write(&site, "long.txt", long.join("\n"));
    site.words(&["keys", "import", "card", file.to_str().unwrap(), "--batch", "2", "--cost", "5"]).well();
    let batches = site.words(&["keys", "batches", "card"]).well().stdout;
    assert!(batches.lines().count() == 3 && batches.contains("active"), "{batches}");
    let expected = long.into_iter().chain(["AAA-1".into(), "点卡-2".into()]).collect();
    assert_sells_exactly(&caller, stock, &expected);
    let missing = ["keys", "import", "card", "list.csv", "--column", "code"];
    site.words(&missing).badly(&["no column \"code\""]);
    site.words(&["keys", "import", "nothing", "list.csv"]).badly(&["NOT_FOUND", "stock create NAME --keys"]);
    let other = ["keys", "import", "card", "long.txt", "--batch", "2", "--cost", "6"];
    site.words(&other).badly(&["another supplier, cost or expiry"]);
    let past = ["keys", "import", "card", "long.txt", "--batch", "3", "--expires", "2020-01-01"];
    site.words(&past).badly(&["is past"]);
    site.words(&["keys", "import", "card", "."]).badly(&["no plain file"]);
    site.words(&["keys", "import", "card", "long.txt", "--rejects", "./long.txt"]).badly(&["another file"]);
    assert_eq!(fs::metadata(&file).expect("it is still there").len(), 500 * 1_025 - 1);
}

/// What an import that is to be interrupted may send at a time: a few hundred keys.
const STEP_BYTES: u64 = 16 * 1024;

/// An import as a process of its own.
struct Importing(Child);

impl Importing {
    fn start(site: &Site, file: &Path, sluice: &Sluice) -> Importing {
        let child = Command::new(binary())
            .args(["keys", "import", "card", "--json", "--data", site.data_text()])
            .args(["--server", &sluice.address.to_string()])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        Importing(child)
    }

    fn finish(self) -> serde_json::Value {
        let output = self.0.wait_with_output().expect("a child can be waited for");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn kill(mut self) {
        self.0.kill().expect("the import runs");
        self.0.wait().expect("a child can be waited for");
    }
}

#[test]
fn an_import_outlives_kills_of_the_server_and_of_itself() {
    let site = Site::new();
    let (server, caller, stock) = keys_stock(&site);
    let address = server.listen;
    let (text, expected) = file_of(100_000);
    let file = write(&site, "keys.txt", text);
    let all = expected.len() as u64;

    // The import is killed, then the server. It has no way to the server for the rest of its keys until then.
    let sluice = Sluice::before(address);
    let importing = Importing::start(&site, &file, &sluice);
    sluice.open_until(STEP_BYTES, || caller.show(stock).total > 1_000);
    importing.kill();
    server.kill();
    let server = site.serve_at(address, &[]);
    let interrupted = caller.show(stock).total;
    assert!(interrupted > 1_000 && interrupted < all, "{interrupted} of {all}");
    assert!(site.path().join("keys.txt.scrip-import").exists(), "the note tells that it has begun");

    // It is run again, and the server is killed under it.
    let sluice = Sluice::before(address);
    let importing = Importing::start(&site, &file, &sluice);
    sluice.open_until(STEP_BYTES, || caller.show(stock).total > interrupted + 1_000);
    server.kill();
    let server = site.serve_at(address, &[]);
    let half = caller.show(stock).total;
    assert!(half < all, "{half} of {all}: the kill came too late");
    sluice.open();
    let said = importing.finish();
    assert_eq!(
        (&said["ok"], &said["rows"], &said["resumed"], &said["already_there"]),
        (&all.into(), &all.into(), &true.into(), &0.into()),
        "the same commands, the same answers: {said}"
    );
    assert!(!site.path().join("keys.txt.scrip-import").exists());
    assert_sells_exactly(&caller, stock, &expected);
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}

#[test]
fn keys_beyond_the_servers_room_are_counted_and_the_import_can_be_gone_on_with() {
    let site = Site::new();
    let (server, caller, stock) = keys_stock(&site);
    let (text, expected) = file_of(130_000);
    let file = write(&site, "keys.txt", &text);
    let import = ["keys", "import", "card", file.to_str().unwrap(), "--operation", "delivery-7", "--json"];
    let first = site.words(&import);
    assert_eq!(first.status, Some(1), "{first:?}");
    let first = first.json();
    let of = |said: &serde_json::Value, kind: &str| said[kind].as_u64().expect("a count");
    assert!(of(&first, "over_capacity") > 0, "a server of 64 MiB has no room for so many: {first}");
    assert_eq!(of(&first, "ok") + of(&first, "over_capacity"), 130_000, "{first}");
    assert_eq!(caller.show(stock).total, of(&first, "ok"));

    write(&site, "keys.txt", format!("OTHER\n{text}"));
    site.words(&import).badly(&["OPERATION_MISMATCH", ".scrip-import"]);
    write(&site, "keys.txt", &text);
    let address = server.listen;
    assert_eq!(server.stop().status.code(), Some(0));
    let _server = site.serve_at(address, &["--memory", "128MiB"]);
    let second = site.words(&import).well().json();
    assert_eq!((of(&second, "ok"), of(&second, "already_there")), (130_000, 0), "{second}");
    assert_sells_exactly(&caller, stock, &expected);
}

#[test]
fn an_order_of_a_thousand_keys_is_the_same_after_a_restart() {
    let site = Site::new();
    let (server, caller, stock) = keys_stock(&site);
    let (text, expected) = file_of(1_500);
    let file = write(&site, "keys.txt", text);
    site.words(&["keys", "import", "card", file.to_str().unwrap()]).well();
    let reserve = Reserve::new(caller.client.operation(), vec![Line::new(stock, 1_000)]);
    let hold = caller.wait(caller.client.reserve(reserve)).expect("there are enough").hold;
    let confirmed = caller
        .wait(caller.client.confirm(hold.all()))
        .expect("a live hold")
        .confirmed()
        .expect("keys are there");
    assert_eq!((confirmed.keys.total, confirmed.keys.keys.len()), (1_000, 64));
    let before = keys_of(&caller, hold);
    assert_eq!(before[..64], confirmed.keys.keys);
    let order: Vec<&String> = expected.iter().take(1_000).collect();
    assert_eq!(texts(&before).iter().collect::<Vec<_>>(), order, "keys are sold in the order of the file");
    let address = server.listen;
    server.kill();
    let _server = site.serve_at(address, &[]);
    let again = caller
        .wait(caller.client.confirm(hold.all()))
        .expect("it is confirmed")
        .confirmed()
        .expect("and stays so");
    assert!(again == confirmed, "a repeat gives the same keys");
    assert!(keys_of(&caller, hold) == before, "and so does each page");
}

fn id_text(operation: Operation) -> String {
    let hex = format!("{:032x}", operation.id.0);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[test]
fn keys_are_shown_masked_revealed_replaced_and_batches_change() {
    let site = Site::new();
    let (_server, caller, stock) = keys_stock(&site);
    let file = write(&site, "keys.txt", "SECRET-AAAA\nSECRET-BBBB\nSECRET-CCCC\nSECRET-DDDD\n");
    site.words(&["keys", "import", "card", file.to_str().unwrap(), "--expires", "2199-12-31"]).well();
    let hold = sell_hidden(&caller, stock);
    let id = id_text(hold.operation);
    let shown = site.words(&["keys", "show", &id]).well().stdout;
    assert!(!shown.contains("SECRET") && shown.contains("(not revealed)"), "{shown}");
    assert_eq!(site.words(&["keys", "reveal", &id]).well().stdout, "SECRET-AAAA\nSECRET-BBBB\n");
    let shown = site.words(&["keys", "show", &id]).well().stdout;
    assert!(!shown.contains("SECRET") && shown.contains("****AAAA") && shown.contains("****BBBB"), "{shown}");

    let number = shown.split_whitespace().next().expect("a number").to_owned();
    let replaced = site.words(&["keys", "replace", &id, &number, "--reason", "3"]).well().stdout;
    assert!(replaced.contains("****CCCC") && !replaced.contains("SECRET"), "{replaced}");
    assert_eq!(site.words(&["keys", "reveal", &id]).well().stdout, "SECRET-CCCC\nSECRET-BBBB\n");
    site.words(&["keys", "replace", &id, &number]).badly(&["NOT_FOUND"]);
    let units = caller.show(stock);
    assert_eq!((units.consumed, units.void, units.available), (2, 1, 1));

    let frozen = site.words(&["keys", "freeze", "card", "1"]).well().stdout;
    assert!(frozen.contains("batch 1 is frozen: 1 keys"), "{frozen}");
    let refused =
        caller.wait(caller.client.sell(Sell::new(caller.client.operation(), vec![Line::new(stock, 1)])));
    assert!(matches!(refused, Err(Error::Rejected(_))), "{refused:?}");
    let more = write(&site, "more.txt", "SECRET-EEEE\n");
    site.words(&["keys", "import", "card", more.to_str().unwrap()]).badly(&["batch 1 is frozen"]);
    assert!(site.words(&["keys", "batches", "card"]).well().stdout.contains("2199-12-31T00:00:00.000Z"));
    site.words(&["keys", "unfreeze", "card", "1"]).well();
    assert_eq!(texts(&keys_of(&caller, sell(&caller, stock, 1))), ["SECRET-DDDD"]);
    site.words(&["keys", "void", "card", "1", "--forced"]).well();
    site.words(&["keys", "unfreeze", "card", "1"]).badly(&["VOID"]);
    site.words(&["keys", "show", "no-such-order"]).badly(&["HOLD_NOT_FOUND"]);
}

#[test]
fn a_token_of_one_channel_reveals_what_it_sold_and_nobody_sells_a_returned_key_again() {
    let site = Site::new();
    let (_server, caller, stock) = keys_stock(&site);
    let file = write(&site, "keys.txt", "SECRET-AAAA\nAB12\n");
    site.words(&["keys", "import", "card", file.to_str().unwrap()]).well();
    let made =
        site.line("token create --name till --merchant 1 --channel taobao --verb sell --verb read").well();
    let on_taobao = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        site.words(&[&words, &["--channel", "taobao", "--token", made.stdout.trim()][..]].concat())
    };
    on_taobao("sell card:2 --operation T1-1").well();
    let shown = on_taobao("keys show T1-1").well().stdout;
    assert!(shown.contains("****AAAA") && shown.contains("****12") && !shown.contains("AB12"), "{shown}");
    assert_eq!(on_taobao("keys reveal T1-1").well().stdout, "SECRET-AAAA\nAB12\n");
    site.words(&["keys", "show", "T1-1", "--token", made.stdout.trim()]).badly(&["FORBIDDEN"]);

    site.line("return T1-1 --operation T1-back").badly(&["RULE_FAILED", "--to-void"]);
    site.line("return T1-1 --operation T1-back --to-void").well();
    assert_eq!(caller.show(stock).void, 2);
    let units = site.line("stock supply card 5");
    units.badly(&["RULE_FAILED", "scrip keys import"]);
    assert!(site.line("stock show card").well().stdout.contains("card keys"));
}

/// Reserves two and confirms them hidden.
fn sell_hidden(caller: &Caller, stock: StockId) -> Hold {
    let reserve = Reserve::new(caller.client.operation(), vec![Line::new(stock, 2)]);
    let hold = caller.wait(caller.client.reserve(reserve)).expect("there are enough").hold;
    let hidden = Confirm { hold, units: Vec::new(), hidden: true };
    caller.wait(caller.client.confirm(hidden)).expect("a live hold");
    hold
}

/// Files under a folder that contain a text.
fn containing(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(containing(&path, text));
        } else {
            let bytes = fs::read(&path).expect("a readable file");
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn no_file_log_or_metric_has_the_text_of_a_key() {
    let site = Site::new();
    let (server, caller, stock) = keys_stock(&site);
    let keys: Vec<String> = (0..100).map(|number| format!("CANARY-{number:03}")).collect();
    let file = write(&site, "keys.txt", keys.join("\n"));
    let said = site.words(&["keys", "import", "card", file.to_str().unwrap()]).well();
    assert!(!format!("{said:?}").contains("CANARY"), "{said:?}");
    let hold = sell(&caller, stock, 70);
    assert_eq!(texts(&keys_of(&caller, hold)), keys[..70], "the answers have them");
    let hidden = sell_hidden(&caller, stock);
    let shown = site.words(&["keys", "show", &id_text(hold.operation)]).well();
    assert!(!format!("{shown:?}").contains("CANARY"), "{shown:?}");
    let revealed = site.words(&["keys", "reveal", &id_text(hidden.operation)]).well();
    assert_eq!(revealed.stdout, "CANARY-070\nCANARY-071\n");
    // A reusable text is as sealed as any other.
    site.words(&["stock", "create", "link", "--keys", "--reusable"]).well();
    let link = write(&site, "link.txt", "CANARY-LINK-0001\n");
    site.words(&["keys", "import", "link", link.to_str().unwrap()]).well();
    let reusable = caller.client.stock_id("link").expect("a name");
    assert_eq!(texts(&keys_of(&caller, sell(&caller, reusable, 3))), ["CANARY-LINK-0001"]);
    fs::remove_file(link).expect("the operator's own file");
    for stock in ["card", "link"] {
        let masked = site.path().join(format!("{stock}.csv"));
        let said = site.words(&["keys", "export", stock, "--out", masked.to_str().unwrap()]).well();
        assert!(!format!("{said:?}").contains("CANARY"), "{said:?}");
        assert!(fs::read_to_string(masked).unwrap().contains("****"));
        let clear = site.words(&["keys", "export", stock, "--clear"]).well();
        assert!(clear.stdout.contains("CANARY") && !clear.stderr.contains("CANARY"));
    }
    let metrics = get(server.http, "/metrics").body;
    assert!(metrics.contains("scrip_") && !metrics.contains("CANARY"), "{metrics}");
    // Once alive, once stopped: what is written at the end counts as well.
    assert_eq!(
        containing(site.path(), "CANARY"),
        std::slice::from_ref(&file),
        "only the operator's own file has keys"
    );
    assert_eq!(server.stop().status.code(), Some(0));
    assert_eq!(containing(site.path(), "CANARY"), [file]);
    let log = site.run(&["log", "cat", site.data_text()]).well();
    assert!(log.stdout.contains("keys_imported") && log.stdout.contains("keys_exported"), "{log:?}");
    assert!(!log.stdout.contains("CANARY"), "{log:?}");
}

/// The rows of an export, header included.
fn rows(csv: &str) -> Vec<Vec<String>> {
    csv.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn an_export_says_where_each_key_is_and_in_clear_only_to_who_may() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let (server, caller, stock) = keys_stock(&site);
    let (text, expected) = file_of(200);
    let file = write(&site, "keys.txt", text);
    site.words(&["keys", "import", "card", file.to_str().unwrap()]).well();
    let other = write(&site, "other.txt", "abcdef\n\"quoted, key\"\n");
    site.words(&["keys", "import", "card", other.to_str().unwrap(), "--batch", "2"]).well();
    let hold = sell(&caller, stock, 1);
    site.words(&["keys", "freeze", "card", "2"]).well();

    let masked = site.words(&["keys", "export", "card"]).well().stdout;
    let table = rows(&masked);
    assert_eq!(table[0].join(","), "key,batch,batch_state,state,hold,order,text");
    assert_eq!(table.len(), 1 + 202);
    assert_eq!(table[1][..5], ["0", "1", "active", "sold", &id_text(hold.operation)]);
    assert!(table[2][3] == "unsold" && table[2][4].is_empty() && table[2][6] == "****CODE", "{:?}", table[2]);
    assert!(!masked.contains("GAME-"), "{masked}");
    let of_two = site.words(&["keys", "export", "card", "--batch", "2"]).well().stdout;
    assert_eq!(rows(&of_two)[1][1..], ["2", "frozen", "unsold", "", "", "****def"], "half of a short text");
    assert_eq!(of_two.lines().count(), 3);

    let out = site.path().join("all.csv");
    let export = ["keys", "export", "card", "--clear", "--out", out.to_str().unwrap()];
    assert!(site.words(&export).well().stdout.contains("202 keys, in clear text"));
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let clear = fs::read_to_string(&out).unwrap();
    let exported: BTreeSet<String> = rows(&clear)[1..201].iter().map(|row| row[6].clone()).collect();
    assert_eq!(exported, expected);
    assert!(clear.ends_with(",\"\"\"quoted, key\"\"\"\n"), "{clear}");
    site.words(&export).badly(&["there already", "--out"]);

    let create = ["token", "create", "--name", "reader", "--merchant", "1", "--verb", "read"];
    let token = site.words(&create).well().stdout.trim().to_owned();
    let by_reader = |words: &[&str]| {
        let address = server.listen.to_string();
        site.run(&[words, &["--server", &address, "--token", &token]].concat())
    };
    assert!(by_reader(&["keys", "export", "card"]).well().stdout.contains("****CODE"));
    let never = site.path().join("never.csv");
    let words = ["keys", "export", "card", "--clear", "--out", never.to_str().unwrap()];
    by_reader(&words).badly(&["FORBIDDEN", "--verb export"]);
    assert!(!never.exists(), "half an export is removed");

    assert_eq!(server.stop().status.code(), Some(0));
    let log = site.run(&["log", "cat", site.data_text()]).well().stdout;
    let exports = log.lines().filter(|line| line.contains(" keys_exported ")).count();
    assert_eq!(exports, 1, "one export of four pages is one event, and what was refused is none: {log}");
}

#[test]
fn random_keys_reclaims_and_reusable_texts_by_hand() {
    let site = Site::new();
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    site.words(&["stock", "create", "card", "--keys", "--random"]).well();
    let stock = caller.client.stock_id("card").expect("a name");
    let (text, expected) = file_of(300);
    let file = write(&site, "keys.txt", text);
    site.words(&["keys", "import", "card", file.to_str().unwrap()]).well();
    let hold = sell(&caller, stock, 100);
    let first = texts(&keys_of(&caller, hold));
    assert!(
        !first.iter().eq(expected.iter().take(100)),
        "100 keys of 300 in the order of the file by chance"
    );

    let hidden = sell_hidden(&caller, stock);
    let id = id_text(hidden.operation);
    let shown = site.words(&["keys", "show", &id]).well().stdout;
    let number = shown.split_whitespace().next().expect("a number").to_owned();
    let said = site.words(&["keys", "reclaim", &id, &number, "--reason", "5"]).well().stdout;
    assert!(said.contains("can be bought"), "{said}");
    assert_eq!(site.words(&["keys", "reveal", &id]).well().stdout.lines().count(), 1);
    let left = site.words(&["keys", "show", &id]).well().stdout;
    let left = left.split_whitespace().next().expect("a number").to_owned();
    site.words(&["keys", "reclaim", &id, &left]).badly(&["RULE_FAILED", "was shown"]);

    // The rest of the keys: those two holds have 101 of 300.
    let rest = texts(&keys_of(&caller, sell(&caller, stock, 199)));
    let mut sold: BTreeSet<String> = first.into_iter().chain(rest).collect();
    sold.extend(texts(&keys_of(&caller, hidden)));
    assert!(sold == expected, "each key once, whatever chance did");
    let address = server.listen;
    server.kill();
    let _server = site.serve_at(address, &[]);
    assert_eq!(keys_of(&caller, hold).len(), 100, "the log draws the same keys again");

    site.words(&["stock", "create", "link", "--keys", "--reusable", "--units", "3"]).well();
    let link = caller.client.stock_id("link").expect("a name");
    let two = write(&site, "two.txt", "https://a.example/1\nhttps://a.example/2\n");
    site.words(&["keys", "import", "link", two.to_str().unwrap()]).badly(&["RULE_FAILED", "one key"]);
    let one = write(&site, "one.txt", "https://a.example/1\n");
    site.words(&["keys", "import", "link", one.to_str().unwrap()]).well();
    assert_eq!(texts(&keys_of(&caller, sell(&caller, link, 2))), ["https://a.example/1"]);
    let new = write(&site, "new.txt", "https://a.example/2\n");
    site.words(&["keys", "import", "link", new.to_str().unwrap()]).well();
    assert_eq!(texts(&keys_of(&caller, sell(&caller, link, 1))), ["https://a.example/2"]);
    let versions = site.words(&["keys", "export", "link"]).well().stdout;
    assert_eq!(versions.matches(",version,").count(), 2, "{versions}");
    site.words(&["stock", "create", "bad", "--keys", "--units", "3"]).badly(&["--units"]);
}

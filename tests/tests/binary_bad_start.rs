//! Servers and tools that can't do what they were asked: each says what, where and what to do, fails with an exit
//! status, and leaves the directory as it was.

use scrip_client::Line;
use scrip_tests::processes::caller::Caller;
use scrip_tests::processes::disk::Mounted;
use scrip_tests::processes::site::Site;
use scrip_tests::processes::skip;
use scrip_tests::processes::wire::{Wire, reserve};
use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::path::Path;

const BLOCK: usize = 4096;
/// What every tool on a data directory at rest is called, without the directory.
const TOOLS: [&[&str]; 3] = [&["verify"], &["repair"], &["log", "cat"]];

/// A directory with a few frames of history, as a kill leaves it.
fn site_with_history() -> Site {
    let site = Site::new();
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    let card = caller.create("card", 1_000);
    for _ in 0..10 {
        caller.reserve(caller.client.operation(), card).expect("there is enough");
    }
    server.kill();
    site
}

fn with_data<'a>(tool: &[&'a str], data: &'a str) -> Vec<&'a str> {
    tool.iter().copied().chain([data]).collect()
}

/// Offset behind the last byte of a log that is not 0, in whole blocks.
fn used_bytes(segment: &Path) -> usize {
    let bytes = fs::read(segment).expect("a segment");
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last / BLOCK * BLOCK + BLOCK)
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let site = Site::new();
    let file = site.path().join("file");
    fs::write(&file, "a file, no directory").unwrap();
    let below = Site::with_data(file.join("data"));
    below.refuses_to_serve(&[], &[below.data_text(), "making the directory", "Not a directory"]);
    let same = Site::with_data(file.clone());
    same.refuses_to_serve(&[], &[same.data_text()]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "a file, no directory");
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let disk = match Mounted::read_only() {
        Ok(disk) => disk,
        Err(why) => return skip("a_data_directory_that_cannot_be_written_is_named", &why),
    };
    let site = Site::with_data(disk.path().to_owned());
    site.refuses_to_serve(&[], &[site.data_text(), "lock", "Read-only file system"]);
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_chooses_another() {
    let site = site_with_history();
    let before = site.picture();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    site.refuses_to_serve(&["--listen", &address], &[&address, "in use", "--listen", "port 0"]);
    site.refuses_to_serve(&["--http", &address], &[&address, "in use", "--http", "port 0"]);
    assert_eq!(site.picture(), before);
}

#[test]
fn a_second_server_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let site = Site::new();
    let server = site.serve(&[]);
    let caller = Caller::connect(server.listen, server.token());
    let card = caller.create("card", 10);
    // The first one may seal its log meanwhile: all but the log must stay as it is.
    let at_rest = || {
        let mut picture = site.picture();
        picture.retain(|path, _| !path.to_str().is_some_and(|path| path.contains("shard-0")));
        picture
    };
    let before = at_rest();
    site.refuses_to_serve(&[], &[site.data_text(), "another process", "Stop it first", "--data"]);
    for tool in TOOLS {
        let said = site.run(&with_data(tool, site.data_text()));
        said.badly(&[site.data_text(), "another process", "Stop it first"]);
    }
    assert_eq!(at_rest(), before);
    assert_eq!(site.segments().len(), 2, "no segment more, none fewer");
    caller.reserve(caller.client.operation(), card).expect("the first one sells");
}

#[test]
fn a_flipped_bit_in_the_middle_of_the_log_is_named_and_nobody_starts_or_repairs() {
    let site = site_with_history();
    let segment = site.segments().remove(0);
    // In the third frame: something valid stands before it and behind it.
    let at = 2 * BLOCK + 90;
    assert!(used_bytes(&segment) > 4 * BLOCK);
    let file = OpenOptions::new().read(true).write(true).open(&segment).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at as u64).unwrap();
    drop(file);

    let before = site.picture();
    let name = segment.file_name().unwrap().to_str().unwrap();
    let offset = format!("byte {}", 2 * BLOCK);
    let words = ["damaged", site.data_text(), name, &offset, "sequence"];
    let refused = site.refuses_to_serve(&[], &words);
    assert!(refused.stderr.contains("scrip verify") && refused.stderr.contains("backup"), "{refused:#?}");
    for tool in TOOLS {
        site.run(&with_data(tool, site.data_text())).badly(&words);
    }
    site.run(&["verify", "--json", site.data_text()]).badly(&words);
    assert_eq!(site.picture(), before);
}

/// Writes what a power cut in the middle of a write may leave behind the last frame.
fn tear(site: &Site) -> (String, usize) {
    let segment =
        site.segments().into_iter().rfind(|segment| used_bytes(segment) > 0).expect("a segment in use");
    let at = used_bytes(&segment);
    let file = OpenOptions::new().read(true).write(true).open(&segment).unwrap();
    // The head of a frame whose rest never came.
    let mut torn = vec![0; 2 * BLOCK];
    file.read_exact_at(&mut torn[..BLOCK], 0).unwrap();
    torn[100..600].fill(0x5a);
    torn[BLOCK..BLOCK + 300].fill(0x5a);
    file.write_all_at(&torn, at as u64).unwrap();
    (segment.file_name().unwrap().to_str().unwrap().to_owned(), at)
}

#[test]
fn a_torn_tail_is_told_by_verify_cut_by_repair_and_cut_by_the_next_start() {
    let site = site_with_history();
    let before = site.picture();
    let (_, at) = tear(&site);
    let torn = site.picture();
    let said = site.run(&["verify", site.data_text()]).well();
    assert!(said.stdout.contains("torn") && said.stdout.contains(&format!("offset {at}")), "{said:#?}");
    assert_eq!(site.verify()["acknowledged"], site.verify()["acknowledged"]);
    assert_eq!(site.picture(), torn, "verify writes nothing");

    let said = site.run(&["repair", site.data_text()]).well();
    assert!(said.stdout.contains("cut") && said.stdout.contains(&format!("offset {at}")), "{said:#?}");
    assert_eq!(site.picture(), before, "repair cuts the tail and nothing else");
    let said = site.run(&["repair", site.data_text()]).well();
    assert!(said.stdout.contains("nothing to repair"), "{said:#?}");

    tear(&site);
    let server = site.serve(&[]);
    let stderr = server.stderr();
    assert!(stderr.contains("torn tail") && stderr.contains(&at.to_string()), "{stderr}");
    let caller = Caller::connect(server.listen, server.token());
    let shown = caller.show(caller.client.stock_id("card").unwrap());
    assert_eq!((shown.total, shown.held), (1_000, 10));
}

#[test]
fn a_bad_settings_file_is_named_with_the_key() {
    let site = site_with_history();
    let before = site.picture();
    let file = site.path().join("scrip.toml");
    let path = file.to_str().unwrap();
    for (text, words) in [
        ("memmory = 1\n", vec!["scrip.toml", "memmory"]),
        ("drain_ms = \"soon\"\n", vec!["scrip.toml", "drain_ms"]),
        ("drain_ms = -1\n", vec!["scrip.toml", "drain_ms"]),
        ("io = \"pigeon\"\n", vec!["scrip.toml", "io", "tokio"]),
        ("drain_ms = \n", vec!["scrip.toml"]),
        ("shards = 65\n", vec!["shards", "1 to 64"]),
        ("connections_max = 99999999999\n", vec!["scrip.toml", "connections_max"]),
    ] {
        fs::write(&file, text).unwrap();
        site.refuses_to_serve(&["--config", path], &words);
    }
    let missing = site.path().join("nowhere.toml");
    site.refuses_to_serve(&["--config", missing.to_str().unwrap()], &["nowhere.toml"]);
    assert_eq!(site.picture(), before);
}

#[test]
fn a_bad_flag_is_named_with_what_would_do() {
    let site = site_with_history();
    let before = site.picture();
    let cases: &[(&[&str], &[&str])] = &[
        (&["--memory", "many"], &["--memory", "many", "512MiB"]),
        (&["--memory", "1MiB"], &["memory", "at least 16MiB"]),
        (&["--segment-bytes", "4096"], &["segment_bytes", "4 KiB blocks"]),
        (&["--segment-bytes", "16777217"], &["segment_bytes", "4 KiB blocks"]),
        (&["--segments-ahead", "99"], &["segments_ahead", "16"]),
        (&["--segments-ready", "99"], &["segments_ready", "16"]),
        (&["--listen", "here"], &["--listen", "here"]),
        (&["--io", "carrier-pigeon"], &["--io", "tokio"]),
        (&["--shards", "0"], &["shards", "1 to 64"]),
        (&["--shards", "8"], &["memory", "8 shards", "16MiB"]),
        (&["--listen", "0.0.0.0:0"], &["listen", "0.0.0.0", "no TLS", "--insecure"]),
        (&["--http", "0.0.0.0:0"], &["http", "0.0.0.0", "no TLS", "--insecure"]),
        (&["--operation-window-min-ms", "1"], &["operation_window_min_ms"]),
        (&["--operation-window-ms", "999999999999"], &["operation_window_ms"]),
        (&["--late-confirm-ms", "999999999999"], &["late_confirm_ms"]),
        (&["--unheard-of"], &["--unheard-of"]),
    ];
    let mut wrong = Vec::new();
    for (flags, words) in cases {
        // All of them are tried, so that one finding does not hide another.
        let tried = std::panic::catch_unwind(|| site.refuses_to_serve(flags, words));
        if tried.is_err() {
            wrong.push(flags);
        }
    }
    assert!(wrong.is_empty(), "not refused as they should be (see above): {wrong:?}");
    assert_eq!(site.picture(), before);
}

#[test]
fn a_directory_that_is_none_is_named_and_not_made() {
    let site = Site::new();
    for tool in TOOLS {
        site.run(&with_data(tool, site.data_text())).badly(&[
            site.data_text(),
            "no Scrip data directory",
            "--data",
        ]);
    }
    let token = ["token", "create", "--merchant", "1", "--data", site.data_text()];
    site.run(&token).badly(&[site.data_text(), "no Scrip data directory"]);
    assert!(!site.data().exists());
    fs::create_dir(site.data()).unwrap();
    site.run(&["verify", site.data_text()]).badly(&[site.data_text(), "no Scrip data directory"]);
    assert_eq!(fs::read_dir(site.data()).unwrap().count(), 0, "an empty directory stays empty");
}

#[test]
fn a_damaged_manifest_or_token_file_is_named_with_the_way_out() {
    let site = site_with_history();
    for (name, text, words) in [
        ("manifest.json", "{", ["manifest.json", "damaged", "backup"]),
        (
            "manifest.json",
            "{\"format_version\":2,\"shards\":1,\"slot_map_epoch\":1,\"slots\":[]}",
            ["manifest.json", "version 2", "newer scrip"],
        ),
        ("tokens.json", "{", ["tokens.json", "Restore", "new tokens"]),
    ] {
        let path = site.data().join(name);
        let right = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        let before = site.picture();
        site.refuses_to_serve(&[], &words);
        assert_eq!(site.picture(), before, "{name}");
        fs::write(&path, right).unwrap();
    }
    site.verify();
}

#[test]
fn tools_without_a_server_or_a_token_say_where_to_get_them() {
    let site = Site::new();
    site.run(&["stock", "show", "card"]).badly(&["no token", "SCRIP_TOKEN", "scrip token create"]);
    site.run(&["stock", "show", "card", "--token", "scrip_1"]).badly(&["token"]);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let token = format!("scrip_{}", "ab".repeat(32));
    let said = site.run(&["stock", "show", "card", "--server", &address, "--token", &token]);
    said.badly(&[&address, "scrip serve"]);

    let server = site.serve(&[]);
    let address = server.listen.to_string();
    let said = site.run(&["stock", "show", "card", "--server", &address, "--token", &token]);
    said.badly(&[&address, "token", "scrip token create"]);
    let data = ["--data", site.data_text()];
    let said = site.run(&[&["stock", "show", "card"], &data[..]].concat());
    said.badly(&["NOT_FOUND", "scrip stock create"]);
}

#[test]
fn a_server_that_was_refused_once_starts_when_the_reason_is_gone() {
    let site = site_with_history();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    site.refuses_to_serve(&["--listen", &address.to_string()], &["in use"]);
    drop(taken);
    let server = site.serve_at(address, &[]);
    let mut wire = Wire::greeted(server.listen, server.token());
    let line = [Line::new(scrip_tests::processes::wire::stock("card"), 1)];
    let reservation = reserve(wire.envelope(), &line, 0);
    assert!(wire.ask(&[reservation])[0].contains("Reserved"));
}

//! `scrip demo keys` with the real binary, small, on each driver: the verdict, the names of its last line, and that
//! nothing stays behind.

use scrip_tests::processes::drivers;
use scrip_tests::processes::site::Site;

scrip_tests::on_each_driver!(a_killed_sale_of_card_keys_on_four_channels_proves_itself);

const KEYS: u64 = 2_000;

fn a_killed_sale_of_card_keys_on_four_channels_proves_itself() {
    let site = Site::new();
    let flags =
        ["--keys", "2000", "--attempts", "50000", "--kills", "2", "--seconds", "3", "--connections", "20"];
    let said = site.run_on_driver(&[&["demo", "keys", "--json"], &flags[..]].concat());
    let report = said.json();
    assert_eq!(said.status, Some(0), "{said:#?}");
    assert_eq!((&report["workload"], &report["kills"]), (&"demo-keys".into(), &2.into()), "{report}");
    for name in ["oversold", "duplicate_keys", "lost", "mismatched_repeats"] {
        assert_eq!(report[name], 0, "{report}");
    }
    for name in ["p50", "p90", "p99", "p999", "max"] {
        assert!(report["latency_us"][name].is_u64(), "{name} is missing: {report}");
    }
    assert!(report["attempts"].as_u64() >= Some(50_000), "{report}");

    let channels = report["channels"].as_array().expect("a list of channels");
    let names: Vec<&str> = channels.iter().filter_map(|channel| channel["name"].as_str()).collect();
    assert_eq!(names, ["own", "mini", "taobao", "pdd"]);
    let number = |channel: &serde_json::Value, name: &str| channel[name].as_u64().unwrap_or_default();
    let sold: u64 = channels.iter().map(|channel| number(channel, "sold")).sum();
    assert_eq!(report["sold"], sold, "{report}");
    // Twenty more paid when keys were gone, and got those of the restock.
    assert_eq!(report["owed"], 20, "{report}");
    assert!(sold > KEYS * 8 / 10 && sold <= KEYS + 20, "{report}");
    for channel in channels {
        let cap = channel["cap"].as_u64().unwrap_or(KEYS);
        assert!(number(channel, "used_most") <= cap && number(channel, "sold") > 0, "{channel}");
        assert!(number(&channel["refused"], "OUT_OF_STOCK") > 0, "{channel}");
    }
    let taobao = &channels[2];
    assert_eq!(taobao["used_most"], taobao["cap"], "the cap was reached: {taobao}");
    assert!(number(&taobao["refused"], "CHANNEL_QUOTA") > 0, "{taobao}");
    let mini = &channels[1];
    assert!(number(mini, "lapsed_unused") > 0 && number(mini, "guaranteed") > 0, "{mini}");

    assert_eq!(report["driver"].as_str(), drivers::asked_for().as_deref(), "{report}");
    let left: Vec<_> = std::fs::read_dir(site.path()).unwrap().collect();
    assert!(left.is_empty(), "the demo leaves nothing behind: {left:?}");
}

#[test]
fn a_demo_that_can_not_sell_out_says_what_to_give() {
    let site = Site::new();
    site.run(&["demo", "keys", "--keys", "2000", "--attempts", "5000"]).badly(&["--attempts 20000"]);
    site.run(&["demo", "keys", "--keys", "10"]).badly(&["1000"]);
    let left: Vec<_> = std::fs::read_dir(site.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

//! Figures that `scrip bench` measures without a server, as the checks they also are: what records take, and what guesses hit.

use scrip_tests::processes::site::Site;

#[test]
fn a_hundred_million_minted_cards_take_no_memory_and_records_what_the_documents_say() {
    let site = Site::new();
    let said = site.run(&["bench", "memory", "--json"]).well().json();
    assert_eq!((&said["passed"], &said["minted"]), (&true.into(), &100_000_000.into()), "{said}");
    let bytes = |name: &str| -> f64 {
        let records = said["records"].as_array().expect("records");
        let found = records.iter().find(|record| record["record"] == name).expect("the record");
        found["bytes"].as_f64().expect("a number")
    };
    // docs/architecture.md, "Memory"; a page more or less is chance.
    for (name, most) in [
        ("hold of one line, with its order", 200.0),
        ("operation", 73.0),
        ("purchase limit of a subject", 65.0),
        ("card key, without its text", 49.0),
        ("card of an owner", 65.0),
        ("redemption", 97.0),
    ] {
        assert!(bytes(name) <= most, "a {name} takes {} bytes", bytes(name));
    }
}

#[test]
fn every_code_opens_its_card_and_no_guess_any() {
    let site = Site::new();
    let line = ["bench", "codes", "--cards", "100000000", "--guesses", "200000", "--json"];
    let said = site.run(&line).well().json();
    assert_eq!((&said["passed"], &said["hits"]), (&true.into(), &0.into()), "{said}");
    assert_eq!(
        (&said["opened_their_card"], &said["guesses"]),
        (&1_000_000.into(), &200_000.into()),
        "{said}"
    );
}

//! What the documents say about the tests is so: the table of faults in docs/semantics.md names tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const HEADING: &str = "## What others get wrong";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of all tests in this crate: functions with nothing but their attribute above.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of tests") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let lines: Vec<&str> = text.lines().collect();
            for pair in lines.windows(2).filter(|pair| pair[0] == "#[test]") {
                let name = pair[1].strip_prefix("fn ").and_then(|rest| rest.split_once('('));
                found.extend(name.map(|(name, _)| name.to_owned()));
            }
        }
    }
}

#[test]
fn every_row_of_what_others_get_wrong_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/semantics.md")).expect("the document");
    let table = text.split_once(HEADING).expect("its heading").1;
    let table = table.split("\n## ").next().unwrap_or_default();
    let mut tests = BTreeSet::new();
    tests_below(&root().join("tests/tests"), &mut tests);
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 12, "rows are missing: {rows:#?}");
    for row in rows {
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let names: Vec<&str> = shown.split(',').map(|name| name.trim().trim_matches('`')).collect();
        assert!(!names.is_empty() && names.iter().all(|name| !name.is_empty()), "no test: {row}");
        for name in names {
            assert!(tests.contains(name), "no test is called {name}: {row}");
        }
    }
}

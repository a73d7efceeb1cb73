//! The house rules that can be read off the tree without compiling it: which crate may import which, that every crate
//! takes the workspace's lints, that no file outgrows its reader, and that every foreign crate is accounted for.
//!
//! It stands here, outside all floors, because it judges all of them. Invariant: the table [`HOUSE`] is the one place
//! where an arrow between two crates of the house is permitted; a crate that is not in it fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// A line count above which a source file is split.
const FILE_LINES_MAX: usize = 600;

/// The feature of `scrip-planted` that compiles the planted bugs in, and the only crate that may ask for it.
const PLANTED: &str = "scrip-planted";
const PLANTED_FEATURE: &str = "enabled";
const PLANTED_USER: &str = "scrip-tests";

/// The floor number of crates that stand beside the house: they may use every floor, nobody may use them.
const BESIDE: u8 = u8::MAX;

/// One crate of the house: its floor, the crates it may import, and why not the others.
struct Room {
    name: &'static str,
    floor: u8,
    may_import: &'static [&'static str],
    rule: &'static str,
}

const EVERY_FLOOR: &[&str] = &[
    PLANTED,
    "scrip-engine",
    "scrip-wal",
    "scrip-codes",
    "scrip-quote",
    "scrip-shard",
    "scrip-protocol",
    "scrip-client",
    "scrip-loadgen",
    "scrip",
];

/// The floors, from the ground up.
const HOUSE: &[Room] = &[
    Room { name: PLANTED, floor: 0, may_import: &[], rule: "the planted bugs stand on nothing" },
    Room {
        name: "scrip-quote",
        floor: 0,
        may_import: &[],
        rule: "a quote is a pure function of a cart and cards, and has never heard of the engine",
    },
    Room {
        name: "scrip-engine",
        floor: 1,
        may_import: &[PLANTED, "scrip-quote"],
        rule: "the engine is a pure state machine and has never heard of the log",
    },
    Room {
        name: "scrip-wal",
        floor: 1,
        may_import: &[PLANTED],
        rule: "the log carries bytes and has never heard of the engine",
    },
    Room {
        name: "scrip-codes",
        floor: 1,
        may_import: &[],
        rule: "codes are worked out from keys and numbers, and have heard of nothing else",
    },
    Room {
        name: "scrip-shard",
        floor: 2,
        may_import: &[PLANTED, "scrip-engine", "scrip-wal"],
        rule: "a shard is engine and log, and does not know the wire",
    },
    Room {
        name: "scrip-protocol",
        floor: 2,
        may_import: &[PLANTED, "scrip-engine"],
        rule: "the protocol knows the engine's types alone, neither log nor shard",
    },
    Room {
        name: "scrip-client",
        floor: 3,
        may_import: &[PLANTED, "scrip-engine", "scrip-codes", "scrip-protocol"],
        rule: "a client knows the protocol, the engine's types and how codes are read, nothing of the server's inside",
    },
    Room {
        name: "scrip-loadgen",
        floor: 4,
        may_import: &[PLANTED, "scrip-engine", "scrip-protocol", "scrip-client"],
        rule: "the load generator judges the server from outside, through the client",
    },
    Room {
        name: "scrip",
        floor: 5,
        may_import: &[
            PLANTED,
            "scrip-engine",
            "scrip-wal",
            "scrip-codes",
            "scrip-shard",
            "scrip-protocol",
            "scrip-client",
            "scrip-loadgen",
        ],
        rule: "the binary stands on every floor below it",
    },
    Room {
        name: "scrip-bench",
        floor: BESIDE,
        may_import: EVERY_FLOOR,
        rule: "bench stands beside the house",
    },
    Room {
        name: "scrip-tests",
        floor: BESIDE,
        may_import: EVERY_FLOOR,
        rule: "tests stand beside the house",
    },
    Room { name: "scrip-fuzz", floor: BESIDE, may_import: EVERY_FLOOR, rule: "fuzz stands beside the house" },
];

#[test]
fn no_arrow_between_crates_runs_up() {
    let tree = Tree::read();
    let mut faults: Vec<String> = Vec::new();
    for manifest in &tree.crates {
        faults.extend(arrow_faults(&manifest.table, &tree.shared));
    }
    faults.extend(shared_faults(&tree.shared));
    assert_none(&faults, "arrows between crates that the house forbids");
}

#[test]
fn every_floor_of_the_house_is_found_and_read() {
    let tree = Tree::read();
    let found: BTreeSet<&str> = tree.crates.iter().map(|manifest| package_name(&manifest.table)).collect();
    let missing: Vec<&str> = EVERY_FLOOR.iter().copied().filter(|name| !found.contains(name)).collect();
    assert!(
        missing.is_empty(),
        "no manifest found for {missing:?}: the other tests here would judge too little"
    );
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let faults: Vec<String> = Tree::read()
        .crates
        .iter()
        .filter(|manifest| !takes_workspace_lints(&manifest.table))
        .map(|manifest| format!("{}: lacks `[lints] workspace = true`", shown(&root(), &manifest.path)))
        .collect();
    assert_none(&faults, "crates outside the workspace's lints");
}

#[test]
fn no_source_file_is_longer_than_its_reader() {
    let root = root();
    let mut faults = Vec::new();
    for path in files_below(&root, &|name| name.ends_with(".rs")) {
        let lines = read(&path).lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", shown(&root, &path)));
        }
    }
    assert_none(&faults, "source files to split");
}

#[test]
fn every_foreign_crate_has_a_line_in_the_dependency_table() {
    let tree = Tree::read();
    let listed = listed_dependencies(&read(&root().join("docs/dependencies.md")));
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in shared_names(&tree.shared) {
        users.entry(name).or_default().insert("the workspace".to_owned());
    }
    for manifest in &tree.crates {
        for dependency in dependencies(&manifest.table, &tree.shared) {
            users.entry(dependency.package).or_default().insert(package_name(&manifest.table).to_owned());
        }
    }
    let faults: Vec<String> = users
        .iter()
        .filter(|(name, _)| room(name).is_none() && !listed.contains(*name))
        .map(|(name, users)| format!("{name} (asked for by {users:?}): no line in docs/dependencies.md"))
        .collect();
    assert_none(&faults, "foreign crates without a reason");
}

// The checker itself, on made-up manifests.

#[test]
fn the_house_table_itself_points_down_only() {
    for from in HOUSE {
        for name in from.may_import {
            let to =
                room(name).unwrap_or_else(|| panic!("{} may import {name}, which has no floor", from.name));
            assert!(to.floor < from.floor, "{} may import {name}, which is not below it", from.name);
        }
    }
}

#[test]
fn a_good_manifest_passes() {
    let shared = parse("[workspace.dependencies]\nscrip-engine = { path = \"engine\" }\ntokio = \"1\"");
    let good = parse(
        "[package]\nname = \"scrip-protocol\"\n[dependencies]\nscrip-engine.workspace = true\n\
         scrip-planted = { path = \"../planted\" }\ntokio.workspace = true",
    );
    assert_eq!(arrow_faults(&good, &shared), Vec::<String>::new());
}

#[test]
fn an_arrow_up_is_named_with_crate_floor_and_rule() {
    let bad =
        parse("[package]\nname = \"scrip-engine\"\n[dependencies]\nscrip-shard = { path = \"../shard\" }");
    assert_eq!(
        arrow_faults(&bad, &Table::new()),
        [
            "scrip-engine -> scrip-shard in [dependencies]: the arrow runs up, from floor 1 to floor 2; rule: the \
          engine is a pure state machine and has never heard of the log; it may import only scrip-planted, scrip-quote"
        ]
    );
}

#[test]
fn arrows_hidden_in_any_table_or_under_any_name_are_found() {
    let shared = parse("[workspace.dependencies]\njournal = { package = \"scrip-wal\", path = \"wal\" }");
    let cases = [
        ("scrip-engine", "[dev-dependencies]\nscrip-wal.path = \"../wal\"", "the same floor 1"),
        ("scrip-wal", "[build-dependencies]\nscrip-engine.path = \"../engine\"", "the same floor 1"),
        ("scrip-codes", "[dependencies]\nscrip-engine.path = \"../engine\"", "the same floor 1"),
        ("scrip-shard", "[target.'cfg(unix)'.dependencies]\nscrip-protocol.path = \"x\"", "the same floor 2"),
        (
            "scrip-protocol",
            "[dependencies]\njournal.workspace = true",
            "-> scrip-wal in [dependencies]: skips",
        ),
        ("scrip-client", "[dependencies]\nx = { package = \"scrip-shard\", path = \"x\" }", "-> scrip-shard"),
        ("scrip-loadgen", "[dependencies]\nscrip.path = \"../server\"", "runs up, from floor 4 to floor 5"),
        ("scrip", "[dependencies]\nscrip-bench.path = \"../bench\"", "nobody depends on"),
        ("scrip-bench", "[dependencies]\nscrip-tests.path = \"../tests\"", "nobody depends on"),
        ("scrip-planted", "[dependencies]\nscrip-engine.path = \"x\"", "runs up, from floor 0 to floor 1"),
        ("scrip-engine", "[dependencies]\nscrip-cellar.path = \"x\"", "scrip-cellar has no floor"),
        ("scrip-attic", "", "scrip-attic has no floor"),
    ];
    for (name, rest, expected) in cases {
        let bad = parse(&format!("[package]\nname = \"{name}\"\n{rest}"));
        let faults = arrow_faults(&bad, &shared);
        assert!(
            faults.len() == 1 && faults[0].contains(expected),
            "{name} with {rest}: expected one fault with `{expected}`, got {faults:?}"
        );
    }
}

#[test]
fn planted_bugs_can_be_compiled_in_by_the_tests_alone() {
    let asks = "[dependencies]\nscrip-planted = { workspace = true, features = [\"enabled\"] }";
    let forwards =
        "[features]\nbugs = [\"scrip-planted/enabled\"]\n[dependencies]\nscrip-planted.workspace = true";
    let forwards_weakly = "[features]\nbugs = [\"scrip-planted?/enabled\"]";
    for rest in [asks, forwards, forwards_weakly] {
        let bad = parse(&format!("[package]\nname = \"scrip-engine\"\n{rest}"));
        let faults = arrow_faults(&bad, &Table::new());
        assert!(faults.len() == 1 && faults[0].contains("planted bugs"), "{rest}: {faults:?}");
    }
    let by_default =
        parse("[package]\nname = \"scrip-planted\"\n[features]\ndefault = [\"enabled\"]\nenabled = []");
    assert_eq!(arrow_faults(&by_default, &Table::new()).len(), 1);
    let own_tests = parse(&format!("[package]\nname = \"scrip-wal\"\n{}", asks.replace("dep", "dev-dep")));
    assert_eq!(arrow_faults(&own_tests, &Table::new()), Vec::<String>::new());
    let tests = parse(&format!("[package]\nname = \"scrip-tests\"\n{asks}"));
    assert_eq!(arrow_faults(&tests, &Table::new()), Vec::<String>::new());
    let shared =
        parse("[workspace.dependencies]\nscrip-planted = { path = \"x\", features = [\"enabled\"] }");
    assert_eq!(shared_faults(&shared).len(), 1);
}

#[test]
fn lints_and_the_dependency_table_are_read_as_meant() {
    assert!(takes_workspace_lints(&parse("[lints]\nworkspace = true")));
    assert!(takes_workspace_lints(&parse("lints.workspace = true")));
    assert!(!takes_workspace_lints(&parse("[lints]\nworkspace = false")));
    assert!(!takes_workspace_lints(&parse("[lints.rust]\nunsafe_code = \"allow\"")));
    let listed =
        listed_dependencies("| crate | what for |\n|---|---|\n| `ahash` | x |\n| toml | y |\nserde | z |");
    assert!(listed.contains("ahash") && listed.contains("toml") && !listed.contains("serde"));
}

// Helpers: reading the tree.

/// All manifests of the repository.
struct Tree {
    /// The root manifest, with the dependencies that the crates share.
    shared: Table,
    crates: Vec<Manifest>,
}

struct Manifest {
    path: PathBuf,
    table: Table,
}

impl Tree {
    /// Reads every manifest below the root, members of the workspace or not.
    fn read() -> Tree {
        let root = root();
        let crates = files_below(&root, &|name| name == "Cargo.toml")
            .into_iter()
            .map(|path| Manifest { table: parse(&read(&path)), path })
            .filter(|manifest| manifest.table.contains_key("package"))
            .collect();
        Tree { shared: parse(&read(&root.join("Cargo.toml"))), crates }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies in the workspace").to_owned()
}

/// Files below `folder` whose name is wanted, sorted; hidden folders and build output are left out.
fn files_below(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a readable folder entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                found.extend(files_below(&path, wanted));
            }
        } else if wanted(name) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(text: &str) -> Table {
    text.parse().unwrap_or_else(|error| panic!("not TOML: {error}\n{text}"))
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

fn assert_none(faults: &[String], what: &str) {
    assert!(faults.is_empty(), "{} {what}:\n  {}", faults.len(), faults.join("\n  "));
}

// Helpers: what a manifest says.

/// One dependency as a manifest asks for it, under its real name.
struct Dependency {
    /// The table it stands in, as written in the manifest.
    section: String,
    package: String,
    features: Vec<String>,
}

const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Every dependency of `manifest`, of all kinds and targets, with names resolved through `shared`.
fn dependencies(manifest: &Table, shared: &Table) -> Vec<Dependency> {
    let mut found = Vec::new();
    for section in SECTIONS {
        collect(manifest.get(section), section, shared, &mut found);
    }
    for (target, tables) in manifest.get("target").and_then(Value::as_table).into_iter().flatten() {
        for section in SECTIONS {
            collect(tables.get(section), &format!("target.{target}.{section}"), shared, &mut found);
        }
    }
    found
}

fn collect(table: Option<&Value>, section: &str, shared: &Table, found: &mut Vec<Dependency>) {
    for (key, wish) in table.and_then(Value::as_table).into_iter().flatten() {
        let inherited = wish.get("workspace").and_then(Value::as_bool) == Some(true);
        let source =
            if inherited { shared_dependencies(shared).and_then(|all| all.get(key)) } else { Some(wish) };
        found.push(Dependency {
            section: section.to_owned(),
            package: real_name(key, source),
            features: strings(wish.get("features")),
        });
    }
}

fn real_name(key: &str, source: Option<&Value>) -> String {
    source.and_then(|value| value.get("package")).and_then(Value::as_str).unwrap_or(key).to_owned()
}

fn shared_dependencies(shared: &Table) -> Option<&Table> {
    shared.get("workspace")?.get("dependencies")?.as_table()
}

fn shared_names(shared: &Table) -> Vec<String> {
    shared_dependencies(shared).into_iter().flatten().map(|(key, wish)| real_name(key, Some(wish))).collect()
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn package_name(manifest: &Table) -> &str {
    manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str)
        .expect("a package name")
}

fn takes_workspace_lints(manifest: &Table) -> bool {
    manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// The names in the first column of the tables of `document`.
fn listed_dependencies(document: &str) -> BTreeSet<String> {
    let rows = document.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    rows.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

// Helpers: the verdict.

fn room(name: &str) -> Option<&'static Room> {
    HOUSE.iter().find(|room| room.name == name)
}

/// Whether `name` claims to be a crate of the house, known or not.
fn is_ours(name: &str) -> bool {
    name == "scrip" || name.starts_with("scrip-")
}

/// What `manifest` does against the house, one line each: crate, arrow, rule.
fn arrow_faults(manifest: &Table, shared: &Table) -> Vec<String> {
    let name = package_name(manifest);
    let Some(from) = room(name) else {
        return vec![format!("{name} has no floor: add it to the table HOUSE in tests/tests/arrows.rs")];
    };
    let mut faults = Vec::new();
    for dependency in dependencies(manifest, shared) {
        // A crate's own tests may ask for its test-only features, and switch planted bugs on: no product build has them.
        let for_tests = dependency.section.ends_with("dev-dependencies");
        let itself = for_tests && dependency.package == name;
        if is_ours(&dependency.package) && !itself && !from.may_import.contains(&dependency.package.as_str())
        {
            faults.push(forbidden(from, &dependency));
        }
        let asks = dependency.features.iter().any(|feature| feature == PLANTED_FEATURE);
        if dependency.package == PLANTED && asks && name != PLANTED_USER && !for_tests {
            faults.push(planted_fault(name, &dependency.section));
        }
    }
    let forwarded = manifest.get("features").and_then(Value::as_table).into_iter().flatten();
    for (feature, implied) in forwarded {
        let asks = |wish: &String| match wish.split_once('/') {
            Some((to, wished)) => to.trim_end_matches('?') == PLANTED && wished == PLANTED_FEATURE,
            None => name == PLANTED && wish == PLANTED_FEATURE,
        };
        if name != PLANTED_USER && strings(Some(implied)).iter().any(asks) {
            faults.push(planted_fault(name, &format!("features.{feature}")));
        }
    }
    faults
}

/// What the shared dependencies do against the house: they would compile the planted bugs into every crate.
fn shared_faults(shared: &Table) -> Vec<String> {
    let entries = shared_dependencies(shared).into_iter().flatten();
    entries
        .filter(|(key, wish)| real_name(key, Some(wish)) == PLANTED)
        .filter(|(_, wish)| strings(wish.get("features")).iter().any(|feature| feature == PLANTED_FEATURE))
        .map(|_| planted_fault("the workspace", "workspace.dependencies"))
        .collect()
}

fn planted_fault(name: &str, section: &str) -> String {
    format!(
        "{name} -> {PLANTED} in [{section}]: enables the planted bugs (feature `{PLANTED_FEATURE}`); rule: only \
         {PLANTED_USER} and dev-dependencies do, so that no product build contains them"
    )
}

fn forbidden(from: &Room, dependency: &Dependency) -> String {
    let to = &dependency.package;
    let arrow = format!("{} -> {to} in [{}]", from.name, dependency.section);
    let Some(target) = room(to) else {
        return format!("{arrow}: {to} has no floor: add it to the table HOUSE in tests/tests/arrows.rs");
    };
    if target.floor == BESIDE {
        return format!("{arrow}: {to} stands beside the house, nobody depends on it");
    }
    let reason = match target.floor.cmp(&from.floor) {
        std::cmp::Ordering::Greater => {
            format!("the arrow runs up, from floor {} to floor {}", from.floor, target.floor)
        }
        std::cmp::Ordering::Equal => format!("both stand on the same floor {}", from.floor),
        std::cmp::Ordering::Less => format!("skips down to floor {}, which is closed to it", target.floor),
    };
    let allowed = if from.may_import.is_empty() { "nothing".to_owned() } else { from.may_import.join(", ") };
    format!("{arrow}: {reason}; rule: {}; it may import only {allowed}", from.rule)
}

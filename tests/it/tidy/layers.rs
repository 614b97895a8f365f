//! Who may name whom in `src/`: data flows one way, the domain is pure, and adapters are named in one place.

use super::rust_source::{find, library};
use super::{Violations, read};

/// The table of directions: a module, and what it may name apart from itself. A module that is not listed here may
/// name nothing, so whoever adds one decides where it belongs. A row for an inner module replaces the outer one's.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("cli", &["app", "config", "demo", "devops", "domain", "ops", "platform", "server", "sync"]),
    ("server", &["app", "functions", "ops"]),
    (
        "app",
        &[
            "archive",
            "archive::table",
            "board",
            "config",
            "devops",
            "devops::client",
            "domain",
            "journal",
            "journal::memory",
            "journal::redis",
            "ops",
            "platform",
            "stream",
            "sync",
            "write",
        ],
    ),
    (
        "functions",
        &["app", "board", "config", "devops", "domain", "journal", "ops", "stream", "sync", "write"],
    ),
    ("config", &["devops", "domain", "journal", "platform", "stream", "write"]),
    ("sync", &["board", "devops", "domain", "journal", "ops", "platform", "write"]),
    ("stream", &["board", "domain", "journal", "ops", "platform", "write"]),
    ("write", &["archive", "board", "domain", "journal", "ops", "platform"]),
    ("ops", &["board", "domain", "journal", "platform"]),
    ("board", &["domain", "journal", "platform"]),
    ("devops", &["domain", "platform"]),
    ("archive", &["domain", "platform"]),
    ("journal", &["domain", "platform"]),
    ("demo", &["board", "domain", "platform"]),
    ("platform", &["domain"]),
    ("domain", &[]),
];

/// What stands behind a port. To be allowed the port is not to be allowed these.
const ADAPTERS: &[&str] = &["archive::table", "devops::client", "journal::memory", "journal::redis"];

/// What would make the domain impure: time, randomness, the environment, input and output, logging, waiting.
const IMPURE: &[&str] = &[
    "async",
    "await",
    "std :: time :: SystemTime",
    "SystemTime",
    "Instant :: now",
    "Utc :: now",
    "Local :: now",
    "Uuid :: new_v4",
    "std :: env",
    "std :: fs",
    "std :: io",
    "std :: net",
    "std :: process",
    "std :: thread",
    "println",
    "eprintln",
];

/// The crates that the domain may name: data and its encoding.
const CRATES_OF_THE_DOMAIN: &[&str] =
    &["bytes", "chrono", "chrono_tz", "croner", "serde", "serde_json", "sha2", "uuid"];

/// Whether `path` is `prefix` or lies below it.
fn is_within(path: &[String], prefix: &str) -> bool {
    let mut segments = path.iter();
    prefix.split("::").all(|part| segments.next().is_some_and(|segment| segment == part))
}

fn may_name(row: &[&str], path: &[String]) -> bool {
    let adapter = ADAPTERS.iter().find(|adapter| is_within(path, adapter));
    match adapter {
        Some(adapter) => row.contains(adapter),
        None => row.iter().any(|allowed| is_within(path, allowed)),
    }
}

#[test]
fn modules_name_only_what_lies_below_them() {
    let mut violations = Violations::of(
        "Dependencies point one way; the table MAY_NAME in tests/it/tidy/layers.rs says which.",
    );
    for module in library().iter().filter(|module| module.shipped && !module.path.is_empty()) {
        let row = MAY_NAME.iter().rev().find(|(name, _)| is_within(&module.path, name));
        let Some((name, allowed)) = row else {
            let text = "this module has no row in MAY_NAME: decide what it may name, and add one";
            violations.of_file(&module.file, text);
            continue;
        };
        let own = &module.path[0];
        for (line, path) in module.named() {
            if path[0] != *own && !may_name(allowed, &path) {
                let path = path.join("::");
                let text = format!(
                    "`{name}` may not name `crate::{path}`, only [{}]: let the caller pass in what is needed, \
                     or move the code to where its dependencies are allowed",
                    allowed.join(", ")
                );
                violations.at(&module.file, line, text);
            }
        }
    }
    violations.report();
}

#[test]
fn the_table_of_directions_lists_only_modules_that_exist() {
    let mut violations = Violations::of("MAY_NAME in tests/it/tidy/layers.rs has one row for each module.");
    let modules = library();
    for (name, _) in MAY_NAME {
        if !modules.iter().any(|module| module.path.join("::") == *name) {
            violations.of_file("src/lib.rs", format!("there is no module `{name}`: remove its row"));
        }
    }
    violations.report();
}

#[test]
fn the_domain_is_pure() {
    let mut violations =
        Violations::of("The domain decides and never acts: src/domain/ holds values and pure functions.");
    let manifest: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml is TOML");
    let dependencies: Vec<String> = manifest["dependencies"]
        .as_table()
        .expect("a table")
        .keys()
        .map(|name| name.replace('-', "_"))
        .collect();
    let domain = library().iter().filter(|module| is_within(&module.path, "domain"));
    for module in domain {
        let tokens = module.shipped_tokens();
        for impure in IMPURE {
            for token in find(tokens, impure) {
                let text = format!(
                    "`{}` is an action: pass its result in as a value, or move the code out of the domain",
                    impure.replace(' ', "")
                );
                violations.at(&module.file, token.line, text);
            }
        }
        for dependency in &dependencies {
            if CRATES_OF_THE_DOMAIN.contains(&dependency.as_str()) {
                continue;
            }
            for token in find(tokens, &format!("{dependency} ::")) {
                let text = format!(
                    "the crate `{dependency}` is not for the domain, only {CRATES_OF_THE_DOMAIN:?} are"
                );
                violations.at(&module.file, token.line, text);
            }
        }
    }
    violations.report();
}

#[test]
fn only_the_relay_publishes() {
    let mut violations = Violations::of(
        "Nobody but src/stream/relay.rs publishes to the hub: what is published must be in the log first.",
    );
    for module in library().iter().filter(|module| module.file != "src/stream/relay.rs") {
        let tokens = module.shipped_tokens();
        for call in [". publish (", ":: publish (", ":: publish )", ":: publish ,"] {
            for token in find(tokens, call) {
                let text = "commit an entry to the journal instead; the relay of every instance publishes it";
                violations.at(&module.file, token.line, text);
            }
        }
    }
    violations.report();
}

#[test]
fn there_is_one_way_to_commit() {
    let mut violations = Violations::of(
        "Nobody but src/write/commit/mod.rs makes a commit: what is written and what the log tells follow from one change.",
    );
    // The port's own file says what a commit is.
    let may = ["src/write/commit/mod.rs", "src/journal/mod.rs"];
    for module in library().iter().filter(|module| !may.contains(&&*module.file)) {
        let tokens = module.shipped_tokens();
        for made in ["journal . commit (", "Commit {", "Commit :: default"] {
            for token in find(tokens, made) {
                let text = "build it with CommitBuilder and commit it with write::commit, which retries and tells \
                            contention from an outage";
                violations.at(&module.file, token.line, text);
            }
        }
    }
    violations.report();
}

#[test]
fn fault_c2_every_task_that_lives_as_long_as_the_process_is_supervised() {
    let mut violations = Violations::of(
        "A task that is not supervised dies unseen. These begin some that end by themselves, or simulate an organisation.",
    );
    let may = [
        "src/ops/tasks.rs",
        "src/demo/simulation/server.rs",
        "src/platform/identity/mod.rs",
        "src/server.rs",
        "src/sync/cache/mod.rs",
        "src/sync/timer.rs",
    ];
    for module in library().iter().filter(|module| !may.contains(&&*module.file)) {
        for begun in ["spawn (", "JoinSet"] {
            for token in find(module.shipped_tokens(), begun) {
                let text = "begin it with Instance::supervise, or add the file here if it ends by itself";
                violations.at(&module.file, token.line, text);
            }
        }
    }
    violations.report();
}

#[test]
fn only_the_composition_root_names_an_adapter() {
    let mut violations = Violations::of("Nobody but src/app.rs knows which journal or archive there is.");
    let may = |file: &str| {
        file == "src/app.rs"
            || file.starts_with("src/platform/identity/")
            || file.starts_with("src/journal/")
            || file.starts_with("src/archive/")
    };
    for module in library().iter().filter(|module| !may(&module.file)) {
        for adapter in ["MemoryJournal", "RedisJournal", "TableArchive", "EntraIdentity"] {
            for token in find(module.shipped_tokens(), adapter) {
                let text = "take `Arc<dyn Journal>`, `Arc<dyn Archive>` or `Arc<dyn TokenSource>` and let src/app.rs choose";
                violations.at(&module.file, token.line, text);
            }
        }
    }
    violations.report();
}

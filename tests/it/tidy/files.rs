//! What every file of the repository keeps to.

use std::collections::{BTreeMap, BTreeSet};

use super::rust_source::{modules, shipped};
use super::{Violations, has_word, numbered, read, repository_files, text_files};

/// How long a file of `src/` may be, without its tests.
const FILE_LINES_MAX: usize = 400;

/// How long a function of `src/` may be.
const FUNCTION_LINES_MAX: usize = 70;

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

/// A needle in two pieces, so that the file that lists the needles holds none of them.
type Pieces = (&'static str, &'static str);

fn whole((head, tail): &Pieces) -> String {
    format!("{head}{tail}")
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let mut violations = Violations::of("A Rust file begins with a `//!` comment that says what it is for.");
    for path in repository_files().iter().filter(|path| is_rust(path)) {
        if !read(path).starts_with("//! ") {
            violations.at(path, 1, "begin it with `//! ` and one sentence");
        }
    }
    violations.report();
}

#[test]
fn every_rust_file_is_part_of_the_build() {
    let mut violations = Violations::of(
        "Every Rust file is a benchmark, or is reached by a `mod` line from src/lib.rs, src/main.rs or the main.rs of \
         a folder of tests.",
    );
    let roots = [
        "src/lib.rs",
        "src/main.rs",
        "tests/it/main.rs",
        "tests/deaths/main.rs",
        "tests/long/main.rs",
        "benches/metrics.rs",
        "benches/redis/main.rs",
        "benches/sync.rs",
    ];
    let reached: BTreeSet<String> = roots.into_iter().flat_map(modules).map(|module| module.file).collect();
    for path in repository_files().iter().filter(|path| is_rust(path)) {
        if !reached.contains(path) {
            violations.of_file(path, "is not compiled by anything: declare it with `mod`, or remove it");
        }
    }
    violations.report();
}

#[test]
fn files_are_short() {
    let mut violations = Violations::of("A file of src/ has at most 400 lines, its tests not counted.");
    for module in shipped() {
        let lines = module.shipped_lines();
        if lines > FILE_LINES_MAX {
            violations
                .of_file(&module.file, format!("has {lines} lines: give a part of it a module of its own"));
        }
    }
    violations.report();
}

#[test]
fn functions_are_short() {
    let mut violations = Violations::of("A function of src/ has at most 70 lines.");
    for module in shipped() {
        for (name, line, length) in module.functions() {
            if length > FUNCTION_LINES_MAX {
                let text = format!("`{name}` has {length} lines: give its steps names of their own");
                violations.at(&module.file, line, text);
            }
        }
    }
    violations.report();
}

#[test]
fn nothing_is_left_for_later() {
    let mut violations = Violations::of("What is unfinished is not committed, and no test is switched off.");
    let words: Vec<String> = [("FIX", "ME"), ("XX", "X"), ("TO", "DO")].iter().map(whole).collect();
    let in_rust: Vec<String> =
        [("todo", "!"), ("unimplemented", "!"), ("dbg", "!"), ("#[igno", "re"), ("#[should_pan", "ic")]
            .iter()
            .map(whole)
            .collect();
    for (path, text) in &text_files() {
        for (line, text) in numbered(text) {
            for word in words.iter().filter(|word| has_word(text, word)) {
                violations.at(path, line, format!("`{word}`: do it now, or drop it"));
            }
            for needle in in_rust.iter().filter(|needle| is_rust(path) && text.contains(needle.as_str())) {
                violations.at(path, line, format!("`{needle}`: finish the code, or assert what is expected"));
            }
        }
    }
    violations.report();
}

#[test]
fn white_space_is_plain() {
    let mut violations =
        Violations::of("No line ends in white space, a text ends in a line break, Rust has no tabs.");
    for (path, text) in &text_files() {
        for (line, text) in text.split('\n').enumerate() {
            if text.ends_with(char::is_whitespace) {
                violations.at(path, line + 1, "remove the white space at its end");
            }
            if is_rust(path) && text.contains('\t') {
                violations.at(path, line + 1, "replace the tab by blanks, or write `\\t`");
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            violations.at(path, text.lines().count(), "end the file with a line break");
        }
    }
    violations.report();
}

/// Whether a line holds an absolute path that begins with `start`, as against an address or a relative path that
/// holds it somewhere.
fn has_absolute_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let continues = |c: char| c.is_alphanumeric() || "_-.~}*/".contains(c);
        // This is where Azure keeps every app: nobody's machine.
        let is_of_azure = line[at..].starts_with("/home/site/");
        !before.is_some_and(continues) && !is_of_azure
    })
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let mut violations =
        Violations::of("The repository works on any machine, so it names no path or package source of one.");
    let starts: Vec<String> =
        [("/wo", "rk/"), ("/ho", "me/"), ("/ro", "ot/"), ("/Use", "rs/")].iter().map(whole).collect();
    let hosts: Vec<String> = [
        ("index.crates", ".io"),
        ("static.crates", ".io"),
        ("registry.npm", "js.org"),
        ("registry.yarn", "pkg.com"),
        ("files.python", "hosted.org"),
        ("pypi", ".org"),
        ("proxy.go", "lang.org"),
        ("api.nu", "get.org"),
        ("deb.deb", "ian.org"),
        ("security.deb", "ian.org"),
    ]
    .iter()
    .map(whole)
    .collect();
    for (path, text) in &text_files() {
        for (line, text) in numbered(text) {
            for start in starts.iter().filter(|start| has_absolute_path(text, start)) {
                let text = format!("`{start}` is a path of one machine: make it relative to the repository");
                violations.at(path, line, text);
            }
            for host in hosts.iter().filter(|host| text.contains(host.as_str())) {
                let text =
                    format!("`{host}`: leave the choice of package source to each machine's own settings");
                violations.at(path, line, text);
            }
        }
    }
    violations.report();
}

#[test]
fn no_file_tells_how_it_was_made() {
    let mut violations =
        Violations::of("A text says what is true of the product and why, not how it came about.");
    let phrases: Vec<String> =
        [("issue", " #"), ("sess", "ion "), ("acceptance", ".md"), ("pipeline", ".md"), ("sha", "red/")]
            .iter()
            .map(whole)
            .collect();
    for (path, text) in &text_files() {
        for (line, text) in numbered(text) {
            let told = text.to_lowercase();
            for phrase in phrases.iter().filter(|phrase| told.contains(phrase.as_str())) {
                violations.at(path, line, format!("`{phrase}`: say what holds and why instead"));
            }
        }
    }
    violations.report();
}

#[test]
fn no_two_files_differ_only_by_case() {
    let mut violations = Violations::of("Two names that differ only by case are one file on some machines.");
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for path in repository_files() {
        if let Some(other) = seen.insert(path.to_lowercase(), path.clone()) {
            violations.of_file(&path, format!("differs from {other} only by case: rename one"));
        }
    }
    violations.report();
}

//! The paths that texts name.

use super::{Violations, numbered, root, text_files};

/// The folders whose paths are told by their beginning.
const FOLDERS: &[&str] = &["src/", "docs/", "infra/", "scripts/", "tests/", "web/", "client/", "benches/"];

/// The paths of the repository that a line names: from a folder's name on for as long as a path goes. One within a
/// longer path or an address is none.
fn paths(line: &str) -> Vec<&str> {
    let continues = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    let mut found = Vec::new();
    for folder in FOLDERS {
        for (at, _) in line.match_indices(folder) {
            if line[..at].ends_with(|c: char| continues(c) || "@:}*>~".contains(c)) {
                continue;
            }
            let rest = &line[at..];
            let path = &rest[..rest.find(|c| !continues(c)).unwrap_or(rest.len())];
            // What goes on by a pattern or a place for a name ends with the last whole folder.
            let is_pattern = rest[path.len()..].starts_with(['<', '*', '{', '$']);
            let path = if is_pattern { &path[..path.rfind('/').unwrap_or(0)] } else { path };
            found.push(path.trim_end_matches(['.', '/', '-']));
        }
    }
    found
}

#[test]
fn every_path_in_a_text_exists() {
    let mut violations = Violations::of("A path of this repository that a text names leads somewhere.");
    // What was recorded or is another's speaks of other trees.
    let is_ours = |path: &str| {
        !path.starts_with("tests/fixtures/")
            && !path.ends_with(".lock")
            && !path.ends_with("package-lock.json")
    };
    for (file, text) in text_files().iter().filter(|(file, _)| is_ours(file)) {
        for (line, text) in numbered(text) {
            // What an installation brings is there only after it.
            let is_installed = |path: &&str| path.ends_with("/node_modules");
            let named = paths(text).into_iter().filter(|path| !is_installed(path));
            for path in named.filter(|path| !root().join(path).exists()) {
                let text = format!("there is no {path}: name where it is now, or leave it out");
                violations.at(file, line, text);
            }
        }
    }
    violations.report();
}

#[test]
fn a_path_is_told_from_what_surrounds_it() {
    // Paths that exist, for this file is a text too.
    let line = "see [src/app.rs](src/app.rs), `docs/EVENTS.md`. tests/it/<name>.rs, ../src/c.rs https://x/docs/d \
                scripts/test.";
    assert_eq!(paths(line), ["src/app.rs", "src/app.rs", "docs/EVENTS.md", "scripts/test", "tests/it"]);
}

//! The rules of this repository that no compiler checks, as tests. Each one reports everything that breaks it at
//! once, with the file, the line and what to do instead.

mod cycles;
mod documents;
mod files;
mod functions;
mod layers;
mod mutations;
mod names;
mod paths;
mod rows;
mod rust_source;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that breaks one rule. Whoever sees it in one run mends it in one go.
struct Violations {
    rule: &'static str,
    /// File, line (0 where no line is meant) and text, in the order in which they are reported.
    found: BTreeSet<(String, usize, String)>,
}

impl Violations {
    fn of(rule: &'static str) -> Self {
        Self { rule, found: BTreeSet::new() }
    }

    /// A violation in a line of a file; the text says what is wrong and what to do.
    fn at(&mut self, path: &str, line: usize, text: impl Display) {
        self.found.insert((path.to_owned(), line, text.to_string()));
    }

    /// A violation that is no matter of one line: a file that is missing, or should not be there.
    fn of_file(&mut self, path: &str, text: impl Display) {
        self.at(path, 0, text);
    }

    #[track_caller]
    fn report(self) {
        let mut report = self.rule.to_owned();
        for (path, line, text) in &self.found {
            let place = if *line == 0 { path.clone() } else { format!("{path}:{line}") };
            report.push_str(&format!("\n  {place}: {text}"));
        }
        assert!(self.found.is_empty(), "{report}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository. A file that is missing counts as empty, which breaks the rule that asks.
fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// A JSON file of the repository; `null` when it is none, which no rule accepts.
fn read_json(path: &str) -> serde_json::Value {
    serde_json::from_str(&read(path)).unwrap_or_default()
}

/// The files that belong to the repository: what git tracks, and what it would track with the next `git add`.
fn repository_files() -> BTreeSet<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is needed to know which files belong to the repository: install it");
    let listed = String::from_utf8(output.stdout).expect("file names are UTF-8");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git cannot list the files of the repository: {complaint}");
    // What was deleted and not yet committed is still listed.
    listed.split_terminator('\0').filter(|path| root().join(path).is_file()).map(str::to_owned).collect()
}

/// Path and text of every text file of the repository.
fn text_files() -> Vec<(String, String)> {
    let readable = |path: String| {
        let bytes = std::fs::read(root().join(&path)).ok()?;
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
        Some((path, text))
    };
    repository_files().into_iter().filter_map(readable).collect()
}

/// The lines of a text with their numbers.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// Whether `needle` stands in `line` as a word of its own.
fn has_word(line: &str, needle: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + needle.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn exists(path: impl Into<PathBuf>) -> bool {
    root().join(path.into()).is_file()
}

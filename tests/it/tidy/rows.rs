//! Every row of `docs/BEHAVIOUR.md` has a test that bears its mark, and every mark is a row.

use std::collections::BTreeSet;

use super::{Violations, read, repository_files};

/// The marks at the beginning of a test's name: `e13` and `e14` of `e13_e14_a_reader`.
fn marks(name: &str) -> Vec<String> {
    name.split('_').take_while(|part| is_mark(part)).map(str::to_owned).collect()
}

fn is_mark(part: &str) -> bool {
    let digits = part.trim_start_matches(|letter: char| letter.is_ascii_lowercase());
    part.len() == digits.len() + 1 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn rows() -> BTreeSet<String> {
    let cell = |line: &str| line.strip_prefix("| ")?.split(" |").next().map(str::to_lowercase);
    read("docs/BEHAVIOUR.md").lines().filter_map(cell).filter(|row| is_mark(row)).collect()
}

fn marks_of_tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in repository_files() {
        // How a test begins in Rust and in the browser tests, and what ends its name.
        let (begins, ends) = match path.rsplit_once('.') {
            Some((_, "rs")) => ("fn ", '('),
            Some((_, "mjs")) => ("test(\"", '"'),
            _ => continue,
        };
        for line in read(&path).lines().map(str::trim_start) {
            let line = line.strip_prefix("async ").unwrap_or(line);
            if let Some(name) = line.strip_prefix(begins) {
                found.extend(marks(name.split(ends).next().unwrap_or(name)));
            }
        }
    }
    found
}

#[test]
fn every_row_of_the_behaviour_has_a_test_with_its_mark() {
    let (rows, tests) = (rows(), marks_of_tests());
    let mut violations =
        Violations::of("docs/BEHAVIOUR.md and the tests' names agree on the marks of behaviour.");
    for row in rows.difference(&tests) {
        violations.of_file(
            "docs/BEHAVIOUR.md",
            format!("no test's name begins with {row}_: write one, or take the row out"),
        );
    }
    for mark in tests.difference(&rows) {
        violations.of_file(
            "docs/BEHAVIOUR.md",
            format!("a test's name begins with {mark}_, which is no row: add the row"),
        );
    }
    violations.report();
}

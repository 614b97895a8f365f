//! The defects that `scripts/mutations` puts in still fit the code, name tests that exist, and are in the document.
//! Whether the tests notice takes minutes, and is that script's to say.

use serde_json::Value;

use super::{Violations, read, read_json, repository_files};

#[test]
fn every_mutation_fits_the_code_and_names_a_test() {
    let mutations = read_json("tests/mutations.json");
    let mutations = mutations.as_array().expect("tests/mutations.json is a list");
    let is_source = |path: &String| path.ends_with(".rs") || path.ends_with(".mjs");
    let sources: Vec<String> =
        repository_files().into_iter().filter(is_source).map(|path| read(&path)).collect();
    let document = read("docs/TESTING.md");
    let mut violations = Violations::of("The defects that were put in on purpose can be put in again.");
    let mut complain =
        |name: &str, text: String| violations.of_file("tests/mutations.json", format!("{name}: {text}"));
    for mutation in mutations {
        let text = |member: &str| mutation[member].as_str().unwrap_or_default();
        let (name, file) = (text("name"), text("file"));
        let places = read(file).matches(text("find")).count();
        if places != 1 {
            complain(
                name,
                format!("{file} holds what is to be replaced {places} times, not once: write it anew"),
            );
        }
        // The tests of a suite that is written once for several adapters are generic.
        let test = text("test").rsplit("::").next().unwrap_or_default();
        let functions = [format!("fn {test}("), format!("fn {test}<"), format!("test(\"{test}")];
        if !functions.iter().any(|function| sources.iter().any(|source| source.contains(function))) {
            complain(name, format!("there is no test {}: name the one that notices", text("test")));
        }
        let row = document.lines().find(|line| line.starts_with(&format!("| `{name}`: ")));
        match row {
            None => complain(name, "docs/TESTING.md does not list it: add its row".to_owned()),
            Some(row) if !row.contains(&format!("{test}`")) => {
                complain(name, format!("its row in docs/TESTING.md does not name the test {test}"));
            }
            Some(_) => {}
        }
        if mutation["target"].as_array().is_none_or(Vec::is_empty) || mutation["replace"] == Value::Null {
            complain(name, "it needs `target` and `replace`".to_owned());
        }
    }
    violations.report();
}

//! Public names: each is used, and each type's is its own. No lint sees a public name that nobody uses, and none
//! minds two types of one name.

use std::collections::{BTreeMap, BTreeSet};

use super::rust_source::{Definition, Kind, Module, Token, is_name, shipped};
use super::{Violations, exists, has_word, read};

/// Names that nothing in `src/` uses and that stay, each with the document that holds the promise or the reason. The
/// document names what it promises, so an entry whose promise was withdrawn is found too.
const PROMISED: &[(&str, &str, &str)] = &[
    ("Manual", "docs/EVENTS.md", "manual"),
    // Finished sprints are kept so that later ones can be compared with them.
    // What only tests do.
    ("TYPE_NAMES", "docs/TESTING.md", "TYPE_NAMES"),
    ("lose_everything", "docs/TESTING.md", "lose_everything"),
    ("set_back_to", "docs/TESTING.md", "set_back_to"),
];

/// Names that production makes nowhere yet and that no counter can tell from used ones, because a match or a field keeps
/// them alive: each with the file that has it, and the page that promises it.
const OF_THE_CONTRACT: &[(&str, &str, &str, &str)] = &[
    ("detail", "src/domain/wire/view.rs", "docs/METRICS.md", "detail"),
    ("Velocity", "src/sync/cache/kind.rs", "docs/BEHAVIOUR.md", "velocity"),
    ("Kpis", "src/sync/cache/kind.rs", "docs/BEHAVIOUR.md", "figures"),
    ("WorkItems", "src/sync/cache/kind.rs", "docs/BEHAVIOUR.md", "items"),
];

/// How often each name is used: everything that is compiled outside tests, imports and definitions excepted.
struct Uses<'a> {
    modules: &'a [Module],
    /// Where each name stands: the number of the module, and the token.
    places: BTreeMap<String, Vec<(usize, &'a Token)>>,
}

impl<'a> Uses<'a> {
    fn of(modules: &'a [Module]) -> Self {
        let mut places: BTreeMap<String, Vec<(usize, &Token)>> = BTreeMap::new();
        for (number, module) in modules.iter().enumerate() {
            let tokens = module.shipped_tokens();
            let defined: BTreeSet<_> = module.public().iter().map(|definition| definition.place).collect();
            for (at, token) in tokens.iter().enumerate() {
                let is_defined = defined.contains(&token.place) || at > 0 && tokens[at - 1].text == "fn";
                // What is imported is used where its name stands; under another name it cannot be found.
                let is_renamed = tokens.get(at + 1).is_some_and(|next| next.text == "as");
                if is_defined || module.is_import(token.place) && !is_renamed {
                    continue;
                }
                for name in names_in(token) {
                    places.entry(name.to_owned()).or_default().push((number, token));
                }
            }
        }
        Self { modules, places }
    }

    fn is_used(&self, home: &Module, definition: &Definition) -> bool {
        let places = self.places.get(&definition.name);
        places
            .into_iter()
            .flatten()
            .any(|(number, token)| !self.modules[*number].belongs_to(token.place, home, definition))
    }
}

/// The names that a token holds: itself, or those in a text, for attributes name functions in texts, and a text that
/// is printed names constants.
fn names_in(token: &Token) -> Vec<&str> {
    if is_name(token) {
        return vec![&token.text];
    }
    if !token.text.ends_with('"') {
        return Vec::new();
    }
    let text = token.text.trim_matches('"');
    let is_path = text
        .split("::")
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'));
    if is_path {
        return text.split("::").collect();
    }
    let inside = |piece: &'_ str| piece.find(['}', ':']).unwrap_or(piece.len());
    text.split('{').skip(1).map(|piece| &piece[..inside(piece)]).collect()
}

#[test]
fn what_the_contract_names_and_nothing_makes_yet_is_on_its_page() {
    let mut violations = Violations::of("A name that waits for its use is promised by a page, and there.");
    for (name, file, page, word) in OF_THE_CONTRACT {
        if !has_word(&read(file), name) {
            violations.of_file(file, format!("has no `{name}` any more: take it out of OF_THE_CONTRACT"));
        }
        if !has_word(&read(page), word) {
            violations.of_file(page, format!("does not speak of `{word}`: remove `{name}` from {file}"));
        }
    }
    violations.report();
}

#[test]
fn every_public_name_is_used() {
    let mut violations = Violations::of(
        "A public name is used in src/, outside its definition and outside tests: no lint sees one that is not.",
    );
    let modules = shipped();
    let uses = Uses::of(&modules);
    let mut unused = BTreeSet::new();
    for module in &modules {
        for definition in module.public().iter().filter(|definition| !uses.is_used(module, definition)) {
            let name = definition.name.as_str();
            unused.insert(name.to_owned());
            if !PROMISED.iter().any(|(promised, ..)| *promised == name) {
                let text = format!(
                    "nothing in src/ uses `{name}`: remove it, or have what only a test needs in the tests; what a \
                     document promises goes to PROMISED in tests/it/tidy/names.rs"
                );
                violations.at(&module.file, definition.place.0, text);
            }
        }
    }
    let here = "tests/it/tidy/names.rs";
    for (name, page, word) in PROMISED {
        if !unused.contains(*name) {
            violations.of_file(here, format!("`{name}` is used, or is no more: take it out of PROMISED"));
        }
        if !exists(*page) || !has_word(&read(page), word) {
            violations.of_file(
                here,
                format!(
                    "{page} does not speak of `{word}`: remove `{name}`, or name the page that promises it"
                ),
            );
        }
    }
    violations.report();
}

#[test]
fn a_public_types_name_is_its_own() {
    let mut violations =
        Violations::of("One public noun, one type: a reader who meets it need not ask which.");
    let modules = shipped();
    let mut homes: BTreeMap<&str, Vec<(&Module, usize)>> = BTreeMap::new();
    for module in &modules {
        for definition in module.public().iter().filter(|definition| definition.kind == Kind::Type) {
            homes.entry(&definition.name).or_default().push((module, definition.place.0));
        }
    }
    for (name, homes) in homes.iter().filter(|(_, homes)| homes.len() > 1) {
        for (module, line) in homes {
            let others: Vec<_> =
                homes.iter().map(|(other, _)| &*other.file).filter(|other| *other != module.file).collect();
            let text =
                format!("`{name}` is also in {}: say in its name what it is a {name} of", others.join(", "));
            violations.at(&module.file, *line, text);
        }
    }
    violations.report();
}

//! Modules that lie side by side name each other in one direction, at every level of `src/`.

use std::collections::{BTreeMap, BTreeSet};

use super::Violations;
use super::rust_source::{Module, library};

/// Which module of a level names which, with the file and the line that does.
type Arrows = BTreeMap<String, BTreeMap<String, (String, usize)>>;

/// What a module hands on under its own name, with the path where that is.
fn handed_on(modules: &[&Module]) -> BTreeMap<Vec<String>, Vec<String>> {
    modules.iter().flat_map(|module| module.handed_on()).collect()
}

/// The path of a thing, past the modules that merely hand it on.
fn home(path: &[String], handed_on: &BTreeMap<Vec<String>, Vec<String>>) -> Vec<String> {
    let mut path = path.to_vec();
    // A circle of modules that hand on each other's names does not compile; the bound only keeps a mistake finite.
    for _ in 0..8 {
        let longest =
            (1..=path.len()).rev().find_map(|length| Some((length, handed_on.get(&path[..length])?)));
        let Some((length, target)) = longest else { break };
        path = [target, &path[length..]].concat();
    }
    path
}

/// The arrows of every level, by the path of the module whose children they join.
fn levels(modules: &[&Module]) -> BTreeMap<String, Arrows> {
    let known: BTreeSet<&[String]> = modules.iter().map(|module| module.path.as_slice()).collect();
    let handed_on = handed_on(modules);
    let mut levels: BTreeMap<String, Arrows> = BTreeMap::new();
    for module in modules {
        for (line, path) in module.named() {
            let path = home(&path, &handed_on);
            let shared = module.path.iter().zip(&path).take_while(|(one, other)| one == other).count();
            let (Some(from), Some(_)) = (module.path.get(shared), path.get(shared)) else { continue };
            // What the parent itself holds is no sibling's.
            if known.contains(&path[..=shared]) {
                let arrows = levels.entry(module.path[..shared].join("::")).or_default();
                let place = (module.file.clone(), line);
                arrows.entry(from.clone()).or_default().entry(path[shared].clone()).or_insert(place);
            }
        }
    }
    levels
}

/// Everything that is reached from `start` by one arrow or more.
fn reached<'a>(arrows: &'a Arrows, start: &str) -> BTreeSet<&'a str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(next) = open.pop() {
        for name in arrows.get(next).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(name.as_str()) {
                open.push(name);
            }
        }
    }
    found
}

/// The sets of modules that reach each other.
fn cycles(arrows: &Arrows) -> BTreeSet<BTreeSet<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|name| (name.as_str(), reached(arrows, name))).collect();
    let both = |one: &str, other: &str| {
        reach[one].contains(other) && reach.get(other).is_some_and(|back| back.contains(one))
    };
    let in_one = reach.keys().filter(|name| both(name, name));
    in_one
        .map(|one| reach.keys().filter(|other| both(one, other)).map(|name| (*name).to_owned()).collect())
        .collect()
}

#[test]
fn modules_of_one_level_name_each_other_in_one_direction() {
    let mut violations = Violations::of("No cycle between the modules of one level of src/.");
    let modules: Vec<&Module> = library().iter().filter(|module| module.shipped).collect();
    for (level, arrows) in levels(&modules) {
        for cycle in cycles(&arrows) {
            let names = cycle.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            let title = format!("{level}: {names}");
            for (from, to) in arrows.iter().filter(|(from, _)| cycle.contains(*from)) {
                for (to, (file, line)) in to.iter().filter(|(to, _)| cycle.contains(*to)) {
                    let text = format!(
                        "in the cycle of `{title}`, `{from}` names `{to}`: move what both need to where both may \
                         name it"
                    );
                    violations.at(file, *line, text);
                }
            }
        }
    }
    violations.report();
}

#[test]
fn a_cycle_is_seen_however_long_it_is() {
    let arrow = |to: &str| BTreeMap::from([(to.to_owned(), (String::new(), 0))]);
    let named = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("e", "f")];
    let arrows: Arrows = named.map(|(from, to)| (from.to_owned(), arrow(to))).into();
    let cycle = ["a", "b", "c"].map(str::to_owned).into();
    assert_eq!(cycles(&arrows), BTreeSet::from([cycle]));
}

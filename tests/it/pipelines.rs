//! The definitions by which others build and deploy: they parse, and name what exists.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;

use yaml_rust2::{Yaml, YamlLoader};

use crate::support::host::root;

/// What makes the release of a tag.
const RELEASE: &str = ".github/workflows/release.yml";

/// The two that build, test, package, say what would change, deploy, try and take back.
const PIPELINES: [&str; 2] = ["azure-pipelines.yml", ".github/workflows/deploy.yml"];

fn parsed(path: &str) -> Yaml {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    let mut documents = YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

/// Every command that a definition runs, in order.
fn commands(yaml: &Yaml) -> Vec<String> {
    let mut found = Vec::new();
    match yaml {
        Yaml::Array(items) => items.iter().for_each(|item| found.extend(commands(item))),
        Yaml::Hash(entries) => {
            for (key, value) in entries {
                match (key.as_str(), value.as_str()) {
                    (Some("run" | "bash" | "inlineScript"), Some(script)) => found.push(script.to_owned()),
                    _ => found.extend(commands(value)),
                }
            }
        }
        _ => {}
    }
    found
}

/// The scripts of this repository that a text calls.
fn scripts(text: &str) -> Vec<String> {
    let ends = |c: char| !c.is_alphanumeric() && !"-_/.".contains(c);
    let words = text.split(ends).filter_map(|word| word.strip_prefix("scripts/"));
    words.map(|name| name.trim_end_matches('.').to_owned()).collect()
}

#[test]
fn every_script_that_a_definition_or_a_script_calls_exists_and_can_be_run() {
    let mut called = BTreeSet::new();
    for path in PIPELINES.into_iter().chain(["azure.yaml", RELEASE]) {
        let commands = commands(&parsed(path));
        assert!(!commands.is_empty(), "{path} runs nothing");
        called.extend(commands.iter().flat_map(|command| scripts(command)));
    }
    let mut waiting: Vec<_> = called.iter().cloned().collect();
    while let Some(name) = waiting.pop() {
        let path = root().join("scripts").join(&name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("scripts/{name}: {error}"));
        let is_sourced = text.contains("It is sourced");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert!(
            is_sourced || name.ends_with(".txt") || mode & 0o111 == 0o111,
            "scripts/{name} cannot be run"
        );
        for inner in scripts(&text) {
            if called.insert(inner.clone()) {
                waiting.push(inner);
            }
        }
    }
    let wanted = [
        "deploy",
        "infra",
        "package",
        "budget-start",
        "provision",
        "provisioned",
        "release",
        "rollback",
        "sbom",
        "secrets",
        "smoke",
        "stage",
        "test",
    ];
    assert!(wanted.iter().all(|name| called.contains(*name)), "{called:?}");
}

#[test]
fn both_do_the_same_in_the_same_order() {
    let of = |path| -> Vec<_> {
        let commands = commands(&parsed(path));
        commands.iter().flat_map(|command| scripts(command)).collect()
    };
    for path in PIPELINES {
        assert_eq!(of(path), ["test", "infra", "package", "package", "provision", "provision"], "{path}");
        let commands = commands(&parsed(path));
        let first =
            |wanted: &str| commands.iter().position(|command| command.contains(wanted)).expect(wanted);
        assert!(first("scripts/provision what-if") < commands.len() - 1, "{path}");
        assert!(commands.iter().any(|command| command.contains("scripts/package --sign-in")), "{path}");
        assert!(first("sha256sum -c") < first("scripts/provision what-if"), "{path}");
    }
}

#[test]
fn what_is_deployed_comes_from_main_alone_and_without_a_stored_password() {
    let github = parsed(PIPELINES[1]);
    let deploy = &github["jobs"]["deploy"];
    assert!(deploy["if"].as_str().unwrap().contains("refs/heads/main"));
    assert_eq!(deploy["permissions"]["id-token"].as_str(), Some("write"));
    let stages = &parsed(PIPELINES[0])["stages"];
    assert!(stages[1]["condition"].as_str().unwrap().contains("refs/heads/main"));
    for path in PIPELINES {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        assert!(!text.contains("secrets.") && !text.to_lowercase().contains("password"), "{path}");
    }
}

#[test]
fn a_tag_alone_makes_a_release_and_what_may_publish_it_runs_nothing_of_the_repository() {
    let workflow = parsed(RELEASE);
    let members = |yaml: &Yaml| -> BTreeMap<String, Yaml> {
        let entries = yaml.as_hash().unwrap().iter();
        entries.map(|(key, value)| (key.as_str().unwrap().to_owned(), value.clone())).collect()
    };
    let granted = |yaml: &Yaml| -> Vec<(String, String)> {
        members(yaml).into_iter().map(|(name, value)| (name, value.into_string().unwrap())).collect()
    };
    let grants = |pairs: &[(&str, &str)]| -> Vec<_> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let triggers = members(&workflow["on"]);
    assert_eq!(triggers.keys().collect::<Vec<_>>(), ["push"]);
    assert_eq!(members(&triggers["push"]).keys().collect::<Vec<_>>(), ["tags"]);
    assert_eq!(triggers["push"]["tags"].as_vec().unwrap()[..], [Yaml::String("v*".into())]);

    assert_eq!(granted(&workflow["permissions"]), grants(&[("contents", "read")]));
    let jobs = members(&workflow["jobs"]);
    assert_eq!(jobs.keys().collect::<Vec<_>>(), ["build", "publish"]);
    assert!(jobs["build"]["permissions"].is_badvalue(), "what runs tests may read and nothing else");
    let publish = [("attestations", "write"), ("contents", "write"), ("id-token", "write")];
    assert_eq!(granted(&jobs["publish"]["permissions"]), grants(&publish));
    let of = |job: &str| -> Vec<_> { commands(&jobs[job]).iter().flat_map(|run| scripts(run)).collect() };
    assert_eq!((of("build"), of("publish").is_empty()), (vec!["release".to_owned()], true));
    let used = |yaml: &Yaml| -> Vec<String> {
        let steps = yaml["steps"].as_vec().unwrap().iter();
        steps.filter_map(|step| step["uses"].as_str().map(str::to_owned)).collect()
    };
    assert!(!used(&jobs["publish"]).iter().any(|action| action.starts_with("actions/checkout")));
    let commands = commands(&workflow);
    assert!(commands.iter().any(|run| run.contains("sha256sum -c SHA256SUMS")));
    // What somebody called a tag is never a part of a command.
    assert!(!commands.iter().any(|run| run.contains("${{")), "{commands:?}");
    for job in jobs.values() {
        for action in used(job) {
            let version = action.strip_prefix("actions/").and_then(|action| action.split_once("@v"));
            let is_pinned = version.is_some_and(|(_, version)| version.parse::<u32>().is_ok());
            assert!(is_pinned, "{action} is not the platform's own in a version");
        }
    }
    let text = std::fs::read_to_string(root().join(RELEASE)).unwrap();
    assert!(!text.contains("secrets.") && !text.to_lowercase().contains("password"));
}

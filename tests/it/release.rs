//! Releases: version, tag and notes agree, and the bill of materials names what is compiled. Nothing here builds anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::host::root;
use crate::support::python;

/// A repository of nothing but what `scripts/release --check` looks at.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, version: &str, changelog: &str) -> Self {
        let tree = std::env::temp_dir().join(format!("boardcast-release-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&tree);
        std::fs::create_dir_all(tree.join("scripts")).unwrap();
        std::fs::copy(root().join("scripts/release"), tree.join("scripts/release")).unwrap();
        let manifest = format!(
            "[package]\nname = \"boardcast\"\nversion = \"{version}\"\n\n[dependencies]\nversion = \"9\"\n"
        );
        std::fs::write(tree.join("Cargo.toml"), manifest).unwrap();
        std::fs::write(tree.join("CHANGELOG.md"), changelog).unwrap();
        Self(tree)
    }

    /// Errors: what the tag is refused for.
    fn check(&self, tag: &str) -> Result<String, String> {
        let script = self.0.join("scripts/release");
        let output = Command::new("bash").arg(script).args(["--check", tag]).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn manifest() -> toml::Table {
    std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap()
}

/// Runs a program of this repository or cargo at its root; returns what it wrote.
fn output(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn bill(epoch: Option<&str>) -> String {
    let mut command = Command::new(python());
    command.arg("scripts/sbom").env_remove("SOURCE_DATE_EPOCH");
    output(command.envs(epoch.map(|epoch| ("SOURCE_DATE_EPOCH", epoch))))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// What is compiled for the package, as cargo tells when it is asked for a list; the executable itself is left out.
fn compiled(edges: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "tree",
        "--locked",
        "--offline",
        "--target",
        "x86_64-unknown-linux-gnu",
        "--prefix",
        "none",
    ]);
    let listed = output(command.args(["--no-dedupe", "--edges", edges, "--format", "{p}"]));
    let crates = listed.lines().filter(|line| !line.starts_with("boardcast "));
    crates.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ").replace(" v", "@")).collect()
}

/// The crates of a bill of materials of that scope.
fn of_scope<'a>(components: impl IntoIterator<Item = &'a Value>, scope: &str) -> BTreeSet<String> {
    let of_scope = components.into_iter().filter(|component| component["scope"] == scope);
    of_scope
        .map(|component| format!("{}@{}", text(&component["name"]), text(&component["version"])))
        .collect()
}

#[test]
fn v1_this_version_has_its_notes_and_could_be_tagged_once_nothing_is_unreleased() {
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let headings: Vec<_> = changelog.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings[0], "[Unreleased]");
    let version = env!("CARGO_PKG_VERSION");
    assert!(headings[1].starts_with(&format!("[{version}] - ")), "CHANGELOG.md begins with {}", headings[1]);
    // What is unreleased would be a part of the next version.
    let (before, rest) = changelog.split_once("## [Unreleased]\n").unwrap();
    let released = &rest[rest.find("\n## ").unwrap()..];
    let tree = Tree::new("this", version, &format!("{before}## [Unreleased]\n{released}"));
    assert!(tree.check(&format!("v{version}")).unwrap().contains("fits"));
}

#[test]
fn v1_a_tag_that_does_not_fit_and_a_version_without_notes_are_refused() {
    let notes = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-29\n\n- New.\n\n## [1.1.0] - 2026-11-01\n\n- Old.\n";
    let refused = |name: &str, changelog: &str, tag: &str| {
        Tree::new(name, "1.2.0", changelog).check(tag).expect_err(name)
    };
    assert!(Tree::new("fits", "1.2.0", notes).check("v1.2.0").is_ok());
    for tag in ["v1.1.0", "1.2.0", "v1.2", "v1.2.0-rc.1"] {
        let said = refused("tag", notes, tag);
        assert!(said.contains(tag) && said.contains("v1.2.0"), "{said}");
    }
    let older = notes.replace("## [1.2.0] - 2026-11-29\n\n- New.\n\n", "");
    let said = refused("older", &older, "v1.2.0");
    assert!(said.contains("[1.1.0] - 2026-11-01") && said.contains("[1.2.0]"), "{said}");
    for undated in ["[1.2.0]", "[1.2.0] - soon", "1.2.0 - 2026-11-29"] {
        let undated = notes.replace("[1.2.0] - 2026-11-29", undated);
        assert!(refused("undated", &undated, "v1.2.0").contains("<date>"));
    }
    let empty = notes.replace("- New.\n", "");
    assert!(refused("empty", &empty, "v1.2.0").contains("says nothing of 1.2.0"));
    let unreleased = notes.replace("## [Unreleased]\n", "## [Unreleased]\n\n- Newer.\n");
    assert!(refused("unreleased", &unreleased, "v1.2.0").contains("Unreleased"));
    // A point stands for itself.
    assert!(refused("other", &notes.replace("1.2.0", "1x2.0"), "v1.2.0").contains("1x2.0"));
}

#[test]
fn v2_the_bill_of_materials_lists_what_is_compiled_and_no_more() {
    let bill: Value = serde_json::from_str(&bill(None)).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let components = bill["components"].as_array().unwrap();
    let (linked, building) = (of_scope(components, "required"), of_scope(components, "excluded"));
    assert_eq!(linked, compiled("normal,no-proc-macro"));
    assert_eq!(&linked | &building, compiled("normal,build"));
    assert_eq!(linked.len() + building.len(), components.len());
    let name_of = |crates: &BTreeSet<String>, name: &str| {
        crates.iter().any(|found| found.starts_with(&format!("{name}@")))
    };
    assert!(["hyper", "ring", "rustls", "tokio", "warp"].iter().all(|name| name_of(&linked, name)));
    assert!(["cc", "serde_derive", "tokio-macros"].iter().all(|name| name_of(&building, name)));
    let of_tests = ["proptest", "rcgen", "yaml-rust2"];
    assert!(!of_tests.iter().any(|name| name_of(&linked, name) || name_of(&building, name)));

    let lock: toml::Table = std::fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let locked = lock["package"].as_array().unwrap().iter();
    let of_lock = |package: &toml::Value, member: &str| package.get(member)?.as_str().map(str::to_owned);
    let checksums: BTreeMap<_, _> = locked
        .map(|package| {
            ((of_lock(package, "name"), of_lock(package, "version")), of_lock(package, "checksum"))
        })
        .collect();
    for component in components {
        let (name, version) = (text(&component["name"]), text(&component["version"]));
        let checksum = &checksums[&(Some(name.to_owned()), Some(version.to_owned()))];
        assert_eq!(component["hashes"][0]["content"].as_str(), checksum.as_deref(), "{name}");
        let licence = text(&component["licenses"][0]["expression"]);
        assert!(!licence.is_empty() && !licence.contains('/'), "{name}: {licence}");
        assert_eq!(text(&component["purl"]), format!("pkg:cargo/{name}@{}", version.replace('+', "%2B")));
    }
}

#[test]
fn v2_the_bill_of_materials_tells_who_uses_whom() {
    let bill: Value = serde_json::from_str(&bill(None)).unwrap();
    let executable = &bill["metadata"]["component"];
    assert_eq!(
        (text(&executable["name"]), text(&executable["version"])),
        ("boardcast", env!("CARGO_PKG_VERSION"))
    );
    // Whose standard library it is, and with which compiler the same bytes come of it.
    let compiler = &bill["metadata"]["properties"][0];
    assert!(compiler["name"] == "rustc" && text(&compiler["value"]).starts_with("rustc 1."), "{compiler}");
    let parts = bill["components"].as_array().unwrap().iter().chain([executable]);
    let parts: BTreeSet<_> = parts.map(|part| text(&part["bom-ref"])).collect();
    let graph: BTreeMap<_, BTreeSet<_>> = bill["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (text(&entry["ref"]), entry["dependsOn"].as_array().unwrap().iter().map(text).collect()))
        .collect();
    assert_eq!(graph.keys().copied().collect::<BTreeSet<_>>(), parts, "each part has its entry");
    let name = |reference: &str| reference.split(['/', '@']).nth(1).unwrap().to_owned();
    let used: BTreeSet<_> = graph[text(&executable["bom-ref"])].iter().map(|part| name(part)).collect();
    let manifest = manifest();
    let named: BTreeSet<_> = manifest["dependencies"].as_table().unwrap().keys().cloned().collect();
    assert_eq!(used, named, "those of Cargo.toml");
    // Whatever is listed is there because something that is listed uses it.
    let mut reached = BTreeSet::new();
    let mut waiting = vec![text(&executable["bom-ref"])];
    while let Some(part) = waiting.pop() {
        if reached.insert(part) {
            waiting.extend(&graph[part]);
        }
    }
    assert_eq!(reached, parts);
}

#[test]
fn v2_the_same_commit_makes_the_same_bill_of_materials() {
    let first = bill(Some("1795910400"));
    assert_eq!(first, bill(Some("1795910400")));
    assert!(!first.contains(root().to_str().unwrap()), "it names this machine");
    let read = |bill: &str| serde_json::from_str::<Value>(bill).unwrap();
    assert_eq!(read(&first)["metadata"]["timestamp"], "2026-11-29T00:00:00Z");
    let timeless = read(&bill(None));
    assert!(timeless["metadata"].get("timestamp").is_none());
    assert_ne!(timeless["serialNumber"], read(&first)["serialNumber"], "another document has another number");
}

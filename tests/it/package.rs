//! `scripts/stage`: what the package of the function app holds, and what is kept out of it. A small executable of the
//! machine stands in for boardcast; `scripts/long package` builds the real one.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use boardcast::config::BoardAccess;

use crate::support::host::root;
use crate::support::python;

/// A repository of nothing but what is packed, and an executable beside it.
pub struct Tree(PathBuf);

impl Tree {
    pub fn new(name: &str) -> Self {
        let tree = std::env::temp_dir().join(format!("boardcast-package-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&tree);
        let functions = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
        let functions = functions.map(|folder| folder.join("function.json")).filter(|file| file.exists());
        let files = [root().join("host.json"), root().join("scripts/stage")];
        for file in functions.chain(files) {
            let to = tree.join(file.strip_prefix(root()).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(file, to).unwrap();
        }
        std::fs::create_dir_all(tree.join("built")).unwrap();
        std::fs::copy("/bin/true", tree.join("built/boardcast")).unwrap();
        std::fs::write(tree.join("local.settings.json"), "{}").unwrap();
        Self(tree)
    }

    pub fn edit(&self, file: &str, edit: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let path = self.0.join(file);
        let edited = edit(std::fs::read(&path).unwrap());
        std::fs::write(path, edited).unwrap();
    }

    /// Stages it. Errors: what it is refused for.
    fn stage(&self, executable: &str, glibc: &str) -> Result<String, String> {
        self.stage_as("dist/boardcast", executable, &["--glibc", glibc])
    }

    /// Stages the variant that people sign in to. Returns its folder.
    pub fn stage_for_sign_in(&self) -> PathBuf {
        let folder = "dist/boardcast-sign-in";
        self.stage_as(folder, "built/boardcast", &["--glibc", "99", "--sign-in"]).unwrap();
        self.0.join(folder)
    }

    fn stage_as(&self, folder: &str, executable: &str, more: &[&str]) -> Result<String, String> {
        let output = Command::new(python())
            .arg(self.0.join("scripts/stage"))
            .arg(self.0.join(executable))
            .arg(self.0.join(folder))
            .args(more)
            .output()
            .expect("Python");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn package(&self) -> Vec<u8> {
        std::fs::read(self.0.join("dist/boardcast.zip")).unwrap()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The entries of a zip with their modes, by its directory.
fn entries(zip: &[u8]) -> BTreeMap<String, u32> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes(zip[at..at + 2].try_into().unwrap()));
    let u32_at = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().unwrap());
    let end = zip.len() - 22;
    let (count, mut at) = (u16_at(end + 10), u32_at(end + 16) as usize);
    let mut found = BTreeMap::new();
    for _ in 0..count {
        assert_eq!(&zip[at..at + 4], b"PK\x01\x02");
        let name = at + 46..at + 46 + u16_at(at + 28);
        assert_eq!((u16_at(at + 12), u16_at(at + 14)), (0, 0x21), "the time is fixed");
        let next = name.end + u16_at(at + 30) + u16_at(at + 32);
        found.insert(String::from_utf8(zip[name].to_vec()).unwrap(), u32_at(at + 38) >> 16);
        at = next;
    }
    found
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_package_is_the_executable_host_json_and_the_functions() {
    let tree = Tree::new("whole");
    tree.stage("built/boardcast", "99").unwrap();
    let functions = ["Dashboard", "HealthCheck", "Snapshot", "SseStream", "SyncTimer", "WorkItemWebhook"];
    let mut expected: BTreeMap<_, _> =
        functions.iter().map(|name| (format!("{name}/function.json"), 0o100_644)).collect();
    expected.insert("boardcast".into(), 0o100_755);
    expected.insert("host.json".into(), 0o100_644);
    assert_eq!(entries(&tree.package()), expected);
    let folder = tree.0.join("dist/boardcast");
    assert_eq!((mode(&folder.join("boardcast")), mode(&folder.join("host.json"))), (0o755, 0o644));
    assert!(!folder.join("local.settings.json").exists());
}

#[test]
fn the_same_files_make_the_same_bytes_wherever_and_whenever() {
    let (first, second) = (Tree::new("first"), Tree::new("second"));
    first.stage("built/boardcast", "99").unwrap();
    let touched = Command::new("sh")
        .args(["-c", "find \"$0\" -exec touch -d 2001-01-01 {} + && chmod 600 \"$0\"/host.json"])
        .arg(&second.0)
        .status();
    assert!(touched.unwrap().success());
    // What an earlier version left is not packed.
    std::fs::create_dir_all(second.0.join("dist/boardcast/OldFunction")).unwrap();
    std::fs::write(second.0.join("dist/boardcast/OldFunction/function.json"), "{}").unwrap();
    second.stage("built/boardcast", "99").unwrap();
    assert_eq!(first.package(), second.package());
    let sum = std::fs::read_to_string(first.0.join("dist/boardcast.zip.sha256")).unwrap();
    assert!(sum.ends_with("  boardcast.zip\n"), "{sum}");
}

#[test]
fn the_variant_to_sign_in_to_differs_in_who_asks_for_boards_alone() {
    let tree = Tree::new("sign-in");
    tree.stage("built/boardcast", "99").unwrap();
    let (keys, sign_in) = (tree.0.join("dist/boardcast"), tree.stage_for_sign_in());
    let read = |folder: &Path, name: &str| std::fs::read(folder.join(name)).unwrap();
    let names = entries(&tree.package());
    let package = std::fs::read(sign_in.with_extension("zip")).unwrap();
    assert_eq!(entries(&package), names, "the same entries with the same modes");
    let differs = |name: &&String| read(&keys, name) != read(&sign_in, name);
    let different: Vec<_> = names.keys().filter(differs).cloned().collect();
    assert_eq!(different, BoardAccess::FUNCTIONS.map(|folder| format!("{folder}/function.json")));
    for name in &different {
        let text = |folder: &Path| String::from_utf8(read(folder, name)).unwrap();
        let expected = text(&keys).replace(r#""authLevel": "function""#, r#""authLevel": "anonymous""#);
        assert_eq!(text(&sign_in), expected, "{name}");
    }
    for (folder, more) in [("dist/boardcast", &["--sign-in"][..]), ("dist/boardcast-sign-in", &[])] {
        let refused = tree.stage_as(folder, "built/boardcast", more).unwrap_err();
        assert!(refused.contains("ends with -sign-in, and no other does"), "{refused}");
    }
    tree.edit("Snapshot/function.json", |text| [text, b"{\"authLevel\": \"function\"}".to_vec()].concat());
    let refused = tree.stage_as("dist/x-sign-in", "built/boardcast", &["--sign-in", "--glibc", "99"]);
    assert!(refused.is_err(), "which of two is meant nobody knows");
}

#[test]
fn what_must_not_be_deployed_is_refused() {
    let refused = |name: &str, glibc: &str, break_it: &dyn Fn(&Tree)| {
        let tree = Tree::new(name);
        break_it(&tree);
        tree.stage("built/boardcast", glibc).unwrap_err()
    };
    let newer = refused("glibc", "2.1", &|_| {});
    assert!(newer.contains("needs glibc 2.") && newer.contains("may have 2.1"), "{newer}");
    let script = refused("script", "99", &|tree| tree.edit("built/boardcast", |_| b"#!/bin/sh\n".to_vec()));
    assert!(script.contains("is no ELF file for x86_64"), "{script}");
    let local = refused("local", "99", &|tree| {
        let path = format!("{}/src/main.rs", tree.0.canonicalize().unwrap().display());
        tree.edit("built/boardcast", |elf| [elf, path.into_bytes()].concat());
    });
    assert!(local.contains("leaves paths of this machine out"), "{local}");
    let renamed = refused("renamed", "99", &|tree| {
        tree.edit("host.json", |text| {
            String::from_utf8(text).unwrap().replace("\"boardcast\"", "\"./boardcast\"").into_bytes()
        });
    });
    assert!(renamed.contains("they have to be the same"), "{renamed}");
    let secret = refused("secret", "99", &|tree| {
        tree.edit("SyncTimer/function.json", |_| b"{ \"x\": \"AccountKey=abc\" }".to_vec());
    });
    assert!(secret.contains("SyncTimer/function.json holds what looks like a secret"), "{secret}");
    let large = refused("large", "99", &|tree| {
        let noise = std::iter::repeat_with(|| fastrand::u8(..)).take(21_000_000);
        tree.edit("built/boardcast", |elf| elf.into_iter().chain(noise).collect());
    });
    assert!(large.contains("bytes, and may have 20000000"), "{large}");
}

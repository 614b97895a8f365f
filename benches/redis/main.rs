//! What Redis costs: how soon a hook is at readers of another instance, commits a second, loading, and what lies there.
//!
//! `cargo bench --bench redis` runs everything, `cargo bench --bench redis -- delivery` one part. Each part starts a
//! Redis of its own, compares with a baseline in the same run and prints a table; nothing is judged.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark says what it measured and may stop, and of the shared helpers only some are used here"
)]

mod commits;
mod delivery;
mod figures;
mod load;
mod memory;
mod organisation;
mod sizes;

#[path = "../../tests/it/support/mod.rs"]
mod support;

use figures::machine;

/// The parts, in the order in which they run.
const PARTS: [&str; 5] = ["delivery", "commits", "load", "memory", "sizes"];

fn main() {
    // Cargo adds options of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [first, items] = words.as_slice()
        && first == memory::CHILD
    {
        return memory::fold_alone(items.parse().unwrap());
    }
    let unknown: Vec<_> = words.iter().filter(|word| !PARTS.contains(&word.as_str())).collect();
    assert!(unknown.is_empty(), "there is no part {unknown:?}; there are {PARTS:?}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        println!("{}", machine().await);
        for part in PARTS.iter().filter(|part| words.is_empty() || words.iter().any(|word| word == **part)) {
            match *part {
                "delivery" => delivery::run().await,
                "commits" => commits::run().await,
                "load" => load::run().await,
                "memory" => memory::run().await,
                _ => sizes::run().await,
            }
        }
    });
}

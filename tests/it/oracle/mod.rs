//! An oracle: every number of every team, computed once more by a separate and simple way from the revisions that the
//! organisation has, by what docs/METRICS.md says, and held against what the boards show: at the start, after hours of
//! shuffled hooks, after a restart with its store and without, and after sprints have ended and others have begun.

mod compare;
mod days;
mod expected;
mod forecast;
mod lives;
mod organisation;
mod people;
mod scope;
mod story;
mod velocity;

/// The story that is told unless others are named.
const SEED: u64 = 1;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?;
    let number = text.to_str().and_then(|text| text.parse().ok());
    Some(number.unwrap_or_else(|| panic!("{name} is a number, not {text:?}")))
}

/// `BOARDCAST_TEST_ORACLE_SEEDS` says of how many seeds the story is told at length, `BOARDCAST_TEST_ORACLE_SEED` which is the
/// first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_number_of_every_team_is_what_an_independent_oracle_says() {
    let first = setting("BOARDCAST_TEST_ORACLE_SEED").unwrap_or(SEED);
    let Some(seeds) = setting("BOARDCAST_TEST_ORACLE_SEEDS") else {
        return story::tell(first, story::Pace::brief()).await;
    };
    for seed in first..first + seeds {
        story::tell(seed, story::Pace::at_length()).await;
    }
}

//! Truth after disorder: a month of two sprints on a clock that is turned by hand, in which hooks are lost, doubled, late
//! and shuffled, answers go wrong in every way, instances are killed, and people do everything that can be done to work
//! items. A seed decides; it is printed, and `BOARDCAST_TEST_DISORDER_SEED` repeats it. `BOARDCAST_TEST_DISORDER_S` goes on
//! with further seeds for as many seconds.
//!
//! Whenever it is quiet every board equals the organisation, and what is said meanwhile was never false.

mod judge;
mod month;
mod people;
mod served;

use std::time::{Duration, Instant};

/// The month that is lived unless another is named.
const SEED: u64 = 20_261_129;

#[expect(clippy::disallowed_methods, reason = "they are settings of the tests")]
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?;
    let number = text.to_str().and_then(|text| text.parse().ok());
    Some(number.unwrap_or_else(|| panic!("{name} is a number, not {text:?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s13_after_a_month_of_disorder_every_board_equals_the_organisation_whenever_it_is_quiet() {
    let (began, seconds) = (Instant::now(), setting("BOARDCAST_TEST_DISORDER_S").unwrap_or(0));
    let mut seed = setting("BOARDCAST_TEST_DISORDER_SEED").unwrap_or(SEED);
    loop {
        println!("BOARDCAST_TEST_DISORDER_SEED={seed}");
        month::live(seed).await;
        if began.elapsed() >= Duration::from_secs(seconds) {
            return;
        }
        seed += 1;
    }
}

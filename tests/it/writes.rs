//! How many writes a stream costs the Functions host. `scripts/long` measures the same for minutes.

use std::time::Duration;

use crate::support::writes;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_costs_the_host_ten_writes_a_second_at_most_and_none_in_silence() {
    let writes = writes::measure(100, Duration::from_secs(5), Duration::from_secs(1)).await;
    assert!(writes.events >= 45, "{writes:?}");
    assert!(writes.busy_per_second <= 10.2, "{writes:?}");
    assert_eq!(writes.silent, 0, "{writes:?}");
}

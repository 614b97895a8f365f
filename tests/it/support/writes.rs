//! How many writes a stream costs the Functions host, which is what counts there.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::hooks::{FABRIKAM, updated};
use super::host::Host;
use super::http;
use super::sse::SseReader;

const SECRET: &str = "long and random";

/// Events a second while there is something to tell.
const EVENTS_PER_SECOND: u32 = 10;

/// Writes of the busiest stream, a second, while events came; and of the busiest in the silence after them.
#[derive(Debug)]
pub struct Writes {
    pub busy_per_second: f64,
    pub events: u32,
    pub silent: usize,
}

/// Opens streams through the host, tells them ten events a second at scattered moments for `busy`, then nothing for
/// `silent`, and counts what the host wrote.
pub async fn measure(readers: usize, busy: Duration, silent: Duration) -> Writes {
    let builder = Host::builder()
        .setting("BOARDCAST_WEBHOOK_SECRET", SECRET)
        .setting("BOARDCAST_STREAMS_MAX", &readers.to_string());
    let host = Arc::new(builder.start().await);
    post(&host, 0).await;
    let path = format!("/api/sse/dashboard?project={FABRIKAM}&code={}", host.key());
    for _ in 0..readers {
        let mut reader = SseReader::open(host.address, &path, &[]).await;
        reader.next_of("snapshot").await;
        tokio::spawn(async move { while reader.bytes().await {} });
    }
    let begin = Instant::now();
    let mut posts = Vec::new();
    let mut events = 0;
    while begin.elapsed() < busy {
        tokio::time::sleep_until(begin + Duration::from_secs(1) * events / EVENTS_PER_SECOND).await;
        // Scattered: an event in each tenth of a second, but nobody knows when in it.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..100))).await;
        events += 1;
        // Nobody waits for the answer: the rate is the same however busy the machine is.
        posts.push(tokio::spawn({
            let host = host.clone();
            async move { post(&host, events).await }
        }));
    }
    let until = Instant::now();
    let seconds = until.duration_since(begin).as_secs_f64();
    for post in posts {
        post.await.unwrap();
    }
    // What was posted last is written before the silence is measured.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let quiet = Instant::now();
    tokio::time::sleep(silent).await;
    let streams = host.streams();
    let most = |from: Instant, to: Instant| {
        let within = |at: &&std::time::Instant| (from.into_std()..to.into_std()).contains(*at);
        streams.iter().map(|stream| stream.writes.iter().filter(within).count()).max().unwrap_or(0)
    };
    assert_eq!(streams.iter().filter(|stream| stream.ended.is_none()).count(), readers, "a stream ended");
    #[expect(clippy::cast_precision_loss, reason = "some thousand writes at most")]
    let busy_per_second = most(begin, quiet) as f64 / seconds;
    Writes { busy_per_second, events, silent: most(quiet, Instant::now()) }
}

async fn post(host: &Host, n: u32) {
    let body = updated(1 + n % 40, 1 + n / 40, "Active").to_string();
    let path = format!("/api/webhooks/azure-devops/workitem.updated?code={}", host.key());
    let request = http::request("POST", &path, &[("x-boardcast-secret", SECRET)], body.as_bytes());
    assert_eq!(http::exchange(host.address, &request).await.status, 200);
}

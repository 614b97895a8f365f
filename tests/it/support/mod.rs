//! What the tests share: an application on a free port, a client that writes raw HTTP, a reader of event streams,
//! payloads of service hooks, a simulated organisation that fails as planned, a Microsoft Entra, a layer of faults over any journal, real
//! Redis servers, and several instances over one of them.

pub mod app;
pub mod archive;
pub mod azurite;
pub mod certificates;
pub mod crowd;
pub mod entra;
pub mod faults;
pub mod fleet;
pub mod flow;
pub mod hooks;
pub mod host;
pub mod http;
pub mod memory_archive;
pub mod organisation;
pub mod outages;
pub mod platform;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod service_hooks;
pub mod source;
pub mod sse;
pub mod team;
pub mod verdict;
pub mod witness;
pub mod writes;

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

/// The Python that scripts/test brought, or the machine's.
pub fn python() -> PathBuf {
    let brought = host::root().join(".tools/python/run");
    if brought.exists() { brought } else { "python3".into() }
}

/// Waits until something is so; fails with `what` where it does not become so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(app::DEADLINE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

/// A port of loopback that nobody has at this moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

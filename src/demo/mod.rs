//! The demo: a simulated organisation inside the process. It is an Azure DevOps to talk to: its REST API is read over
//! HTTP on a loopback port, and its service hooks are posted to the webhook function like anybody's.

pub mod simulation;
pub mod stand_in;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::demo::simulation::model::Model;
use crate::demo::simulation::{hooks, server};
use crate::domain::time::Timestamp;
use crate::platform::clock::Clock;
use crate::platform::secret::Secret;

/// The organisation of this seed is the same everywhere, but for the day on which it is looked at.
const SEED: u64 = 7;

/// How long a hook that was not taken waits until it is posted again; Azure DevOps repeats it as well.
const REPEAT_AFTER: Duration = Duration::from_millis(500);

/// How often a hook is posted at most.
const ATTEMPTS_MAX: u32 = 8;

/// How long an answer to a hook may take.
const HOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// A simulated organisation that is served.
pub struct Demo {
    model: Arc<Mutex<Model>>,
    clock: Clock,
}

impl Demo {
    /// Begins a simulated organisation. Errors: no loopback port is free.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        let model = Arc::new(Mutex::new(Model::new(SEED, clock.clone())));
        server::start(model.clone()).await?;
        Ok(Self { model, clock })
    }

    /// Where the organisation is reached.
    pub fn organization(&self) -> String {
        self.model().base_url.clone()
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the organisation live, and posts a hook for each of its changes; never returns.
    ///
    /// `address` is where boardcast listens, `secret` is what it wants to see.
    pub async fn live(self: Arc<Self>, address: SocketAddr, secret: Option<Secret>) {
        let client = match reqwest::Client::builder().no_proxy().timeout(HOOK_TIMEOUT).build() {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, "the demo cannot post its hooks");
                return;
            }
        };
        let post = Post { client, url: format!("http://{address}/api/webhooks/azure-devops"), secret };
        loop {
            let (due, payloads) = self.step();
            for payload in payloads {
                post.until_taken(&payload).await;
            }
            let wait = due.ms_since((self.clock)()).unsigned_abs();
            tokio::time::sleep(Duration::from_millis(wait.clamp(10, 1_000))).await;
        }
    }

    /// Everything that is due now, and when the next change is.
    fn step(&self) -> (Timestamp, Vec<String>) {
        let mut model = self.model();
        let mut payloads = Vec::new();
        while let Some(change) = model.step((self.clock)()) {
            payloads.extend(hooks::payload(&model, change).map(|payload| payload.to_string()));
        }
        (model.due(), payloads)
    }
}

struct Post {
    client: reqwest::Client,
    url: String,
    secret: Option<Secret>,
}

impl Post {
    async fn until_taken(&self, payload: &str) {
        for _ in 0..ATTEMPTS_MAX {
            match self.once(payload).await {
                Ok(true) => return,
                Ok(false) => tracing::debug!("a hook of the demo was not taken; posting it again"),
                Err(error) => tracing::debug!(%error, "a hook of the demo did not arrive; posting it again"),
            }
            tokio::time::sleep(REPEAT_AFTER).await;
        }
        tracing::warn!("a hook of the demo was given up; the next check finds what it told");
    }

    async fn once(&self, payload: &str) -> reqwest::Result<bool> {
        let mut request =
            self.client.post(&self.url).header("content-type", "application/json").body(payload.to_owned());
        if let Some(secret) = &self.secret {
            request = request.header("x-boardcast-secret", secret.expose());
        }
        Ok(request.send().await?.status().is_success())
    }
}

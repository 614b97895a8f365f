//! What the app can find out about itself with its own identity: each thing that has to be right for boards to be fresh, how
//! it is, and the command that mends it. Each part has a time of its own, and what does not come in it is not known and takes
//! nothing from what others found.

mod failed;
mod host;
mod journal;
mod organisation;
mod roles;
mod settings;
mod subscriptions;

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::App;
use crate::ops::finding::{EXAMINATION_MAX, Finding};

/// How long a question to somebody else may take, or some that are asked at the same time.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How long a test notification may take from when it is asked for until it has arrived.
const DELIVERY_MAX: Duration = Duration::from_secs(20);

// The longest way: the projects, then the subscriptions, then a test notification, then why it failed.
const _: () = assert!(
    ANSWER_MAX.as_secs() * 3 + DELIVERY_MAX.as_secs() < EXAMINATION_MAX.as_secs(),
    "an examination takes longer than whoever asks for it waits"
);

/// Everything that was found, with the time here, by which whoever asks can compare clocks.
pub(super) async fn examine(app: &App) -> Value {
    let place = app.config.place();
    let mut findings = settings::settings(app, &place);
    findings.extend(host::host(app, &place));
    findings.extend(journal::journal(app, &place));
    let (tables, organisation) =
        tokio::join!(journal::tables(app, &place), organisation::organisation(app, &place));
    findings.push(tables);
    findings.extend(organisation);
    let now = (app.instance.clock)();
    json!({ "at": now, "version": env!("CARGO_PKG_VERSION"), "instance": app.instance.id, "findings": findings })
}

/// What a part finds within its time; else what `late` says instead, with the time that it had.
async fn in_time<T>(
    time: Duration,
    part: impl Future<Output = T>,
    late: impl FnOnce(String) -> Finding,
) -> Result<T, Finding> {
    let words = || format!("no answer within {} s", time.as_secs());
    tokio::time::timeout(time, part).await.map_err(|_| late(words()))
}
